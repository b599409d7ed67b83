#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
removed-features, with random features of random models turned on and off.

The checks of test_removed_features.py, on CPUs that nobody thought of.
CHECK_SEED repeats a run, CHECK_RANDOM says how many CPUs per accelerator
(24, or 2000 with CHECK_FULL=1).  The seed is in the name of each test.
"""

import os
import random
import re
import unittest

from guest_cpuid import GuestError
from random_seed import count, draw_seed
import test_removed_features as fixed
from test_feature_flags import feature_places

SEED = draw_seed(10 ** 6)
COUNT = count(24, 2000)

# Combinations that QEMU refuses, as stock QEMU does
REFUSED = re.compile(
    'phys-bits is not user-configurable in 32 bit|'
    'vPMU: LBR is unsupported without pmu=on|'
    'the lbr-fmt value .* does not match')


# KVM's MSRs for these are there only if KVM offers the feature; QEMU, as
# stock QEMU, aborts when it is forced to set them all the same.
KVM_MSRS = {'arch-lbr', 'cet-ibt', 'cet-ss', 'fred', 'intel-pt', 'sgx', 'smx',
            'vmx'}


# How many CPUs may be drawn for each that starts, before QEMU counts as broken
MAX_DRAWS = 50


async def choose(qemu, accel):
    """Yields random (machine, model with features), by SEED, without end."""
    rng = random.Random(f'{SEED} {accel}')
    os.environ['CHECK_FULL'], full = '1', os.environ.get('CHECK_FULL', '')
    models = [m for m in await fixed.list_models(qemu, accel)
              if ',' not in m]
    os.environ['CHECK_FULL'] = full
    names = sorted(set(feature_places())
                   - (KVM_MSRS if accel == 'kvm' else set()))
    while True:
        flips = rng.sample(names, rng.randint(1, 12))
        options = [f'{name}={rng.choice(["on", "off"])}' for name in flips]
        yield (rng.choice(fixed.MACHINES),
               ','.join([rng.choice(models), *options]))


def is_refused(result):
    """Whether QEMU refused a CPU that stock QEMU refuses as well"""
    return isinstance(result, GuestError) and REFUSED.search(str(result))


class Checks(fixed.Checks):
    @classmethod
    async def _take_samples(cls, qemu):
        """Draws another CPU for each that QEMU refuses."""
        drawn = choose(qemu, cls.accel)
        taken = []
        for _ in range(MAX_DRAWS):
            cases = [await anext(drawn) for _ in range(COUNT - len(taken))]
            taken += [result for result in await fixed.take_samples(
                qemu, cls.accel, cases) if not is_refused(result)]
            if len(taken) == COUNT:
                break
        return taken

    def shortDescription(self):
        """The test, and how to repeat it"""
        return (f'{self.accel}: {self._testMethodDoc.strip()} '
                f'({COUNT} random CPUs, CHECK_SEED={SEED})')

    def test_samples_were_taken(self):
        """QEMU starts, except with what stock QEMU refuses."""
        super().test_samples_were_taken()
        self.assertEqual(len(self.samples), COUNT)


class TestTcg(Checks, unittest.TestCase):
    accel = 'tcg'


class TestKvm(fixed.NeedsKvm, Checks, unittest.TestCase):
    pass


if __name__ == '__main__':
    unittest.main()
