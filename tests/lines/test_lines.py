#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What guests see on two release lines of QEMU.

Answers: does a static expansion that the older line wrote, of any of its
models on any of its machine types, show guests the identical CPU on the newer
one?  Are the models on machine types that both lines have the same CPUs?
x-force-features=on makes both show what the accelerator cannot do.

    GUEST_BUILD=... LINE=11.1 python3 -m unittest test_lines

Needs the builds of both lines.  A sample is tested; CHECK_FULL=1 tests each
distinct CPU of the older line.  causes.json has the differences that are
known, and why.
"""

import os
import re
import unittest

from lines import (
    CAUSES, NEW, OLD, TOPOLOGIES, Case, Lines, binary, is_built, load_causes,
    places, unexplained,
)
from cpu_models import FULL, SHOWN, count, rng
from test_removed_features import NeedsKvm

LINE = os.environ.get('LINE') or OLD


def setUpModule():
    if LINE != NEW:
        raise unittest.SkipTest(f'compares {OLD} and {NEW}: make check LINE={NEW}')
    for line in OLD, NEW:
        if not is_built(line):
            raise unittest.SkipTest(f'{binary(line)} is missing: make LINE={line}')


class Causes(unittest.TestCase):
    """The list of known differences"""

    def test_causes(self):
        """causes.json has what it must have, and says why"""
        for cause in load_causes():
            self.assertEqual(set(cause), {
                'models', 'accelerators', 'compared', 'places', 'upstream',
                'text'}, CAUSES)
            self.assertLessEqual(set(cause['accelerators']), {'tcg', 'kvm'})
            self.assertLessEqual(set(cause['compared']), {'static', 'named'})
            self.assertTrue(cause['models'] and cause['places'])
            for place in cause['places']:
                self.assertRegex(
                    place, r'^([0-9a-f]+h\.[0-9a-f]+ E[ABCD]X|MSR [0-9a-f]+h)$')
            self.assertGreater(len(cause['text'].split()), 8)
            for pattern in cause['models']:
                re.compile(pattern)


class Checks:
    """The tests, for one accelerator"""
    accel = ''

    @classmethod
    def setUpClass(cls):
        cls.lines = Lines(cls.accel)

    @classmethod
    def tearDownClass(cls):
        cls.lines = None

    def shortDescription(self):
        return f'{self.accel}: {self._testMethodDoc.strip()}'

    def check(self, cases, kind, fixed, smp=TOPOLOGIES[0]):
        """Of all cases, checks those of the models in fixed, and a sample."""
        self.assertGreater(len(cases), 500)
        if not FULL:
            seen, some = set(), []
            for case in cases:
                new = case.models() & set(fixed) - seen
                if new:
                    seen |= new
                    some.append(case)
            self.assertEqual(seen, set(fixed))
            rest = [case for case in cases if case not in some]
            cases = some + rng(self.accel, kind, smp).sample(
                rest, count(16, len(rest)))
        self.lines.compare(cases, smp)
        causes = load_causes()
        left, used = unexplained(cases, self.accel, kind, causes)
        if left:
            self.fail('\n'.join(
                [f'{len(left)} of {len(cases)} differ without a known cause'] +
                [f'{case}: {case.problem()}' for case in left[:SHOWN]]))
        if FULL and smp == TOPOLOGIES[0]:
            stale = [cause['text'] for number, cause in enumerate(causes)
                     if number not in used and kind in cause['compared']
                     and self.accel in cause['accelerators']]
            self.assertFalse(stale, 'no longer the cause of anything')
        return cases

    def test_1_static_expansions(self):
        """A static expansion of the older line is the CPU on the newer one"""
        self.check(self.lines.descriptions(), 'static', [
            '486', 'qemu64', 'Broadwell', 'Skylake-Client', 'SapphireRapids-v2',
            'EPYC-Milan-v2', 'Dhyana'])

    def test_2_named_models(self):
        """A model on a machine type of both lines is the same CPU"""
        self.check(self.lines.named(), 'named', [
            '486', 'pentium3', 'phenom', 'Broadwell', 'Cascadelake-Server',
            'EPYC-Genoa'])

    def test_3_topology(self):
        """The same with more than one die, which raises levels"""
        self.check(self.lines.named(), 'named', [
            '486', 'pentium', 'pentium2', 'pentium3', 'Conroe', 'EPYC'],
            TOPOLOGIES[1])

    def test_4_differences_are_seen(self):
        """A CPU that is not the same is found"""
        case = next(case for case in self.lines.descriptions()
                    if 'Haswell' in case.models())
        machine, cpu = case.new
        cases = [Case(case.keys, case.old, (machine, cpu.replace(
            ',avx2=on', ',avx2=off')))]
        self.assertNotEqual(cpu, cases[0].new[1])
        self.lines.compare(cases)
        self.assertIn('7h.0 EBX', places(cases[0].found))
        self.assertEqual(len(unexplained(cases, self.accel, 'static',
                                         load_causes())[0]), 1)


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""
    accel = 'kvm'


if __name__ == '__main__':
    unittest.main()
