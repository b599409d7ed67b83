#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
avx10-version: a number up to QEMU 10.2, and features since.

Answers: does a CPU that an older QEMU wrote down keep its version, and is
it kept when it is written down again?  Who requested the features that a
version turns on?  Is a CPU the same whatever the order of its properties?
Guests are the judges, with a KVM that is made to offer AVX10.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_avx10_version
"""

import asyncio
import itertools
import unittest

from cpu_models import (
    FORCE, NEWEST, QEMU, ask, cpu_option, differences, expansion,
    show_differences,
)
from guest_cpuid import Guest, GuestError
from release_line import LINE
from test_offered_features import BIT, spec
from test_removed_features import NeedsKvm, get

# SDM vol. 2A, CPUID leaf 0x24: EAX is the maximum subleaf, EBX[7:0] the
# version, EBX[18:16] are the vector lengths, ECX[2] of subleaf 1 is
# avx10-vnni-int.
VECTORS = BIT[16] | BIT[17] | BIT[18]


def offers(version, vectors=VECTORS):
    return {'cpuid 7 1 edx set': BIT[19],
            'cpuid 0x24 0 eax is': version - 1,
            'cpuid 0x24 0 ebx is': vectors | version,
            'cpuid 0x24 1 ecx is': BIT[2] if version > 1 else 0}


LENGTHS = ['avx10-128', 'avx10-256', 'avx10-512']
AVX10 = dict.fromkeys(['avx10', *LENGTHS], True)
# What 10.0 writes, shortened
OLDER = {'compat-anchor': 'pc-q35-10.0', 'lm': True, 'vendor': 'GenuineIntel',
         'family': 6, **AVX10}


def later_sets_features():
    return LINE != '10.0'


async def look(cpu, host, accel):
    args = ['-machine', NEWEST, '-cpu', cpu]
    async with Guest(QEMU, args, accel, host and spec(host)) as guest:
        path = (await guest.qmp.execute('query-cpus-fast'))[0]['qom-path']
        removed = await get(guest, path, 'removed-features')
        return await guest.view(), removed


class Avx10(NeedsKvm):
    """Base of all tests"""

    def expand(self, name, props=None, host=None, kind='static', args=()):
        """An expansion, under KVM if that is made to offer something"""
        if not host:
            return ask(['-accel', 'tcg', '-machine', NEWEST, *args],
                       [expansion(kind, name, props)])[0]

        async def answer():
            async with Guest(QEMU, ['-machine', NEWEST, *args], 'kvm',
                             spec(host)) as guest:
                return await guest.qmp.execute(
                    *expansion(kind, name, props))
        return {'return': asyncio.run(answer())}

    def look(self, cpu, host=None):
        """What the guest sees, and removed-features"""
        return asyncio.run(look(cpu, host, 'kvm' if host else 'tcg'))

    def same(self, a, b, message):
        found = differences(a, b)
        self.assertFalse(found, f'{message}: {show_differences(found)}')


class OlderDescriptions(Avx10, unittest.TestCase):
    """What QEMU 10.0 wrote down"""

    # By what is written: what the guest gets on a host with version 2
    VERSIONS = {0: 0, 1: 1, 2: 2, 3: 2, 255: 2}

    def test_number(self):
        """It is just a number; the host limits it"""
        for version, expected in self.VERSIONS.items():
            with self.subTest(version=version):
                cpu = cpu_option('base', {**OLDER, 'avx10-version': version})
                view, removed = self.look(cpu, offers(2))
                self.assertEqual(view.cpuid[0x24, 0],
                                 (0, VECTORS | expected, 0, 0))
                self.assertNotIn((0x24, 1), view.cpuid)
                self.assertEqual(
                    'avx10-version' in [e['feature'] for e in removed],
                    version > expected)

    def test_forced(self):
        """TCG has no version: 10.0 lowers it, even if it is forced"""
        for version in self.VERSIONS:
            with self.subTest(version=version):
                view, _ = self.look(cpu_option('base', {
                    **OLDER, **FORCE, 'avx10-version': version}))
                shown = version if later_sets_features() else 0
                self.assertEqual(view.cpuid[0x24, 0],
                                 (0, VECTORS | shown, 0, 0))

    def test_again(self):
        """Written down by this QEMU, the CPU is the same"""
        for version, host in itertools.product(self.VERSIONS,
                                               (offers(2), None)):
            with self.subTest(version=version, kvm=bool(host)):
                props = {**OLDER, 'avx10-version': version}
                original, _ = self.look(
                    cpu_option('base', {**props, **FORCE}), host)
                model = self.expand('base', props, host)['return']['model']
                self.assertEqual(model['props']['avx10-version'], version)
                for name in ('base', 'custom'):
                    copy, _ = self.look(cpu_option(
                        name, {**model['props'], **FORCE}), host)
                    self.same(original, copy, name)

    @unittest.skipUnless(later_sets_features(), 'all descriptions are alike')
    def test_newer(self):
        """In descriptions of this QEMU, it has the subleaf of version 2"""
        props = self.expand('DiamondRapids')['return']['model']['props']
        self.assertEqual(props['compat-anchor'], NEWEST)
        view, _ = self.look(cpu_option('base', props), offers(2))
        self.assertEqual(view.cpuid[0x24, 0], (1, VECTORS | 2, 0, 0))
        with self.assertRaisesRegex(GuestError, 'can be at most 2'):
            self.look(cpu_option('base', {**props, 'avx10-version': 3}))


@unittest.skipUnless(later_sets_features(), 'it turns no features on')
class Requesters(Avx10, unittest.TestCase):
    """Who requested the features that a version turns on"""

    ONE = dict.fromkeys(['avx10', *LENGTHS], 'user')
    TWO = {**ONE, 'avx10-vnni-int': 'user'}
    # (model, its properties): requesters of all features of AVX10
    CASES = [
        ('base', {'avx10-version': 2}, TWO),
        ('Skylake-Server', {'avx10-version': 1}, ONE),
        ('GraniteRapids-v2', {}, dict.fromkeys(ONE, 'model')),
        ('GraniteRapids-v2', {'avx10-version': 2},
         {**dict.fromkeys(ONE, 'model'), 'avx10-vnni-int': 'user'}),
        ('DiamondRapids', {'avx10-version': 2}, dict.fromkeys(TWO, 'model')),
    ]

    def check_requesters(self, removed, expected, message):
        self.assertEqual(
            {e['feature']: e['requested-by'] for e in removed
             if e['feature'] in self.TWO}, expected, message)

    def test_requesters(self):
        """The user, of what the user's version adds"""
        for name, props, expected in self.CASES:
            cpu = cpu_option(name, props)
            self.check_requesters(self.look(cpu)[1], expected, cpu)
            for kind in ('static', 'full'):
                reply = self.expand(name, props, kind=kind)['return']
                self.check_requesters(reply['removed-features'], expected,
                                      (kind, cpu))

    def test_options_of_the_process(self):
        """-global is the user, too, and what comes later counts"""
        for option, props, expected in (
                ('avx10-version=1', {}, self.ONE),
                ('avx10-version=1', {'avx10-512': False},
                 {n: 'user' for n in self.ONE if n != 'avx10-512'}),
                ('avx10-version=1', {'avx10-version': 2}, self.TWO)):
            reply = self.expand('Haswell', props, args=(
                '-global', f'Haswell-x86_64-cpu.{option}'))['return']
            self.check_requesters(reply['removed-features'], expected,
                                  (option, props))

    def test_max(self):
        """Not the user, if max takes the host's version"""
        # A host without 512 bits, which the version includes
        host = offers(1, VECTORS & ~BIT[18])
        expected = {'avx10-512': 'model'}
        self.check_requesters(self.look('max', host)[1], expected, 'guest')
        for kind in ('static', 'full'):
            reply = self.expand('max', None, host, kind)['return']
            self.check_requesters(reply['removed-features'], expected, kind)
        # If the user sets it, it is.
        expected = {'avx10-512': 'user'}
        self.check_requesters(self.look('max,avx10-version=1', host)[1],
                              expected, 'guest')
        reply = self.expand('max', {'avx10-version': 1}, host)['return']
        self.check_requesters(reply['removed-features'], expected, 'query')


class Order(Avx10, unittest.TestCase):
    """The properties of a CPU model in a command have no order"""

    def test_features_off(self):
        """As if the version came first in -cpu"""
        models = ['SapphireRapids', 'max']
        # Another name of a feature has another hash.
        features = [*LENGTHS, 'f-avx10-512', 'avx10']
        if later_sets_features():
            models.append('DiamondRapids')
            features.append('avx10-vnni-int')
        for name, version, feature in itertools.product(models, (1, 2),
                                                        features):
            props = {'avx10-version': version, feature: False}
            with self.subTest(name=name, props=props):
                self.check_expansion(name, props)

    def check_expansion(self, name, props):
        host = offers(2)
        original, _ = self.look(cpu_option(name, props), host)
        model = self.expand(name, props, host)['return']['model']
        copy, _ = self.look(cpu_option('base', model['props']), host)
        for place in ((0x24, 0), (0x24, 1), (7, 1)):
            self.assertEqual(original.cpuid.get(place),
                             copy.cpuid.get(place), place)


if __name__ == '__main__':
    unittest.main()
