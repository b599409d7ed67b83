# SPDX-License-Identifier: GPL-2.0-or-later
"""
The seed of a suite's random choices.

CHECK_SEED repeats what a test printed.  Without it, each run draws its own.
Continuous integration sets CHECK_DRAW, and draws seeds from that, so that a run
can be repeated as a whole.
"""

import os
import random
import sys


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
