# SPDX-License-Identifier: GPL-2.0-or-later
"""
The seed of a suite's random choices, and how many there are.

CHECK_SEED repeats what a test printed.  Without it, each run draws its own.
Continuous integration sets CHECK_DRAW, and draws seeds from that, so that a run
can be repeated as a whole.
"""

import os
import random
import sys


FULL = bool(os.environ.get('CHECK_FULL'))


def count(sample, full):
    """
    How many random cases: CHECK_RANDOM, or by CHECK_FULL.  A sample can be
    limited by CHECK_RANDOM_MOST, but becomes no larger by that.
    """
    if not FULL:
        sample = min(sample, int(os.environ.get('CHECK_RANDOM_MOST') or sample))
    return int(os.environ.get('CHECK_RANDOM') or (full if FULL else sample))


def draw_seed(limit):
    """CHECK_SEED, or a number below limit"""
    given = os.environ.get('CHECK_SEED')
    if given:
        return int(given)
    draw = os.environ.get('CHECK_DRAW')
    if not draw:
        return random.SystemRandom().randrange(limit)
    parts = [draw, os.environ.get('LINE'), os.environ.get('CHECK_HOST'),
             *map(os.path.basename, sys.argv)]
    return random.Random(' '.join(map(str, parts))).randrange(limit)
