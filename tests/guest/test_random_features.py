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
import test_removed_features as fixed
from test_feature_flags import feature_places

SEED = int(os.environ.get('CHECK_SEED') or random.SystemRandom()
           .randrange(10 ** 6))
COUNT = int(os.environ.get('CHECK_RANDOM') or
            (2000 if os.environ.get('CHECK_FULL') else 24))

# Combinations that QEMU refuses, as stock QEMU does
REFUSED = re.compile(
    'phys-bits is not user-configurable in 32 bit|'
    'vPMU: LBR is unsupported without pmu=on|'
    'the lbr-fmt value .* does not match')


# KVM's MSRs for these are there only if KVM offers the feature; QEMU, as
# stock QEMU, aborts when it is forced to set them all the same.
KVM_MSRS = {'arch-lbr', 'fred', 'intel-pt', 'sgx', 'smx', 'vmx'}


async def choose(qemu, accel):
    """Returns COUNT random (machine, model with features), by SEED."""
    rng = random.Random(f'{SEED} {accel}')
    os.environ['CHECK_FULL'], full = '1', os.environ.get('CHECK_FULL', '')
    models = [m for m in await fixed.list_models(qemu, accel)
              if ',' not in m]
    os.environ['CHECK_FULL'] = full
    names = sorted(set(feature_places())
                   - (KVM_MSRS if accel == 'kvm' else set()))
    chosen = []
    for _ in range(COUNT):
        flips = rng.sample(names, rng.randint(1, 12))
        options = [f'{name}={rng.choice(["on", "off"])}' for name in flips]
        chosen.append((rng.choice(fixed.MACHINES),
                       ','.join([rng.choice(models), *options])))
    return chosen


class Checks(fixed.Checks):
    @classmethod
    async def cases(cls, qemu):
        return await choose(qemu, cls.accel)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.refused = [e for e in cls.errors if isinstance(e, GuestError)
                       and REFUSED.search(str(e))]
        cls.errors = [e for e in cls.errors if e not in cls.refused]

    def shortDescription(self):
        """The test, and how to repeat it"""
        return (f'{self.accel}: {self._testMethodDoc.strip()} '
                f'({COUNT} random CPUs, CHECK_SEED={SEED})')

    def test_samples_were_taken(self):
        """QEMU starts but for what stock QEMU refuses."""
        super().test_samples_were_taken()
        self.assertLess(len(self.refused), COUNT / 4)


class TestTcg(Checks, unittest.TestCase):
    accel = 'tcg'


class TestKvm(fixed.NeedsKvm, Checks, unittest.TestCase):
    pass


if __name__ == '__main__':
    unittest.main()
