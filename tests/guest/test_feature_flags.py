#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The f-* and added-features properties, judged by the guest's own view.

Answers: does f-NAME read what the guest sees, for every feature of every
feature word?  And is what is said to be added there, and nobody's wish?
Where the bits are is read from cpu.c here, apart from the generator that
makes the dictionary.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_feature_flags

CHECK_FULL=1 tests all CPU models.
"""

import asyncio
import functools
import os
import re
import unittest

from guest_cpuid import Guest, can_see, has_bit, register
from made_hosts import host_vendor
from test_removed_features import (
    AMD_ALIASES, MACHINES, NeedsKvm, list_models, show, without_refused,
)

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SOURCE = os.path.join(REPO, os.environ.get('BUILD') or 'build',
                      'qemu-' + (os.environ.get('LINE') or '10.0'),
                      'target', 'i386')

# Where the MSR has the feature word's bit 0: the allowed-1 half of the VMX
# controls (SDM vol. 3, appendix A.3 to A.5)
VMX_CONTROLS = (0x48b, 0x48d, 0x48e, 0x48f, 0x490)


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as f:
        return f.read()


class Word:
    """A feature word: a CPUID register, or an MSR, and names of its bits"""

    def __init__(self, text, number):
        self.msr = self.cpuid = None
        self.half = 0
        if '.msr = ' in text:
            self.msr = number('index')
            self.half = 32 if self.msr in VMX_CONTROLS else 0
        else:
            self.cpuid = {
                'leaf': number('eax'), 'subleaf': number('ecx'),
                'register': re.search(r'\.reg = R_(\w+)', text).group(1)}
        self.names = {}
        names = re.search(r'feat_names = \{(.*?)\}', text, re.S)
        bit = 0
        for item in re.findall(r'\[\d+\]|"[^"]+"|NULL',
                               names.group(1) if names else ''):
            if item.startswith('['):
                bit = int(item[1:-1])
                continue
            if item != 'NULL':
                self.names[bit] = item.strip('"')
            bit += 1

    def place(self, bit):
        """Where the guest has a bit of the word"""
        if self.cpuid:
            return {'cpuid': {**self.cpuid, 'bit': bit}}
        return {'msr': {'index': self.msr, 'bit': bit + self.half}}


def feature_words():
    """Returns {name: Word} of feature_word_info in cpu.c."""
    text = re.search(r'^FeatureWordInfo feature_word_info.*?^};',
                     read(SOURCE, 'cpu.c'), re.M | re.S).group()
    text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
    macros = dict(re.findall(r'^#define (MSR_\w+)\s+(0x[0-9a-f]+)',
                             read(SOURCE, 'cpu.h'), re.M))
    macros['KVM_CPUID_FEATURES'] = '0x40000001'
    words = {}
    for part in re.split(r'\n    (?=\[FEAT_)', text)[1:]:

        def number(key, part=part):
            found = re.search(rf'\.{key} = (\w+)', part)
            value = found.group(1) if found else '0'
            return int(macros.get(value, value), 0)

        words[re.match(r'\[(\w+)\]', part).group(1)] = Word(part, number)
    return words


@functools.lru_cache(maxsize=None)
def feature_places():
    """Returns {name: [place]} of feature_word_info in cpu.c: don't change it."""
    places = {}
    for word in feature_words().values():
        for bit, name in word.names.items():
            places.setdefault(name, []).append(word.place(bit))
    return places


class Sample:
    def __init__(self, name, flags, added, removed, view):
        self.name = name
        self.flags = flags
        self.added = added
        self.removed = removed
        self.view = view


async def look_at(qemu, machine, model, accel, names):
    args = ['-machine', machine, '-cpu', model + ',check=off']
    async with Guest(qemu, args, accel) as guest:
        path = (await guest.qmp.execute('query-cpus-fast'))[0]['qom-path']

        async def get(prop):
            return await guest.qmp.execute(
                'qom-get', {'path': path, 'property': prop})

        flags = {name: await get('f-' + name) for name in names}
        return Sample(f'{accel} {machine} {model}', flags,
                      await get('added-features'),
                      await get('removed-features'), await guest.view())


async def take_samples(qemu, accel, names):
    jobs = asyncio.Semaphore(os.cpu_count() or 1)

    async def take(number, model):
        async with jobs:
            # Each model on one machine type: f-* are the same code on all
            machine = MACHINES[number % len(MACHINES)]
            return await without_refused(
                lambda cpu: look_at(qemu, machine, cpu, accel, names), model)

    models = await list_models(qemu, accel)
    return await asyncio.gather(*[take(n, m) for n, m in enumerate(models)])


class Checks:
    accel = ''

    @classmethod
    def setUpClass(cls):
        cls.places = feature_places()
        cls.samples = asyncio.run(take_samples(
            os.environ['QTEST_QEMU_BINARY'], cls.accel, sorted(cls.places)))

    def test_dictionary_is_read(self):
        """This test found all of the feature words"""
        self.assertGreater(len(self.places), 350)
        self.assertEqual(self.places['avx512-bf16'], [{'cpuid': {
            'leaf': 7, 'subleaf': 1, 'register': 'EAX', 'bit': 5}}])
        self.assertEqual(len(self.places['kvmclock']), 2)
        self.assertTrue(self.samples)

    def test_flags_are_what_the_guest_sees(self):
        """f-NAME is what the guest sees, for all features."""
        problems = []
        compared = 0
        for sample in self.samples:
            for name, places in self.places.items():
                if not all(can_see(sample.view, p) for p in places):
                    continue
                seen = all(has_bit(sample.view, p) for p in places)
                compared += 1
                if seen != sample.flags[name]:
                    problems.append(
                        f'{sample.name}: f-{name} is {sample.flags[name]}, '
                        f'the guest sees {seen} at {show(places[0])}')
        self.assertFalse(problems, '\n'.join(problems))
        self.assertGreater(compared, 200 * len(self.samples))

    def test_added_is_seen(self):
        """What is said to be added is there, and not removed as well."""
        for sample in self.samples:
            removed = [p for r in sample.removed for p in r['places']]
            for entry in sample.added:
                for place in entry['places']:
                    self.assertNotIn(place, removed, sample.name)
                    if can_see(sample.view, place):
                        self.assertTrue(has_bit(sample.view, place),
                                        f'{sample.name} {show(place)}')

    def test_amd_copies_are_not_added(self):
        """The copies of leaf 1 in 0x80000001 EDX come with leaf 1."""
        found = 0
        for sample in self.samples:
            found += bool(register(sample.view, 0x80000001, 0, 'EDX')
                          & AMD_ALIASES)
            for entry in sample.added:
                for place in entry['places']:
                    where = place.get('cpuid', {})
                    self.assertFalse(
                        where.get('leaf') == 0x80000001
                        and where['register'] == 'EDX'
                        and AMD_ALIASES >> where['bit'] & 1, sample.name)
        # KVM gives all models the host's vendor.
        if self.accel == 'tcg' or host_vendor() == 'AuthenticAMD':
            self.assertTrue(found)


# Also read: it is not a feature.
MSR_UCODE_REV = 0x8b


class TestTcg(Checks, unittest.TestCase):
    accel = 'tcg'

    def test_feature_msrs_are_read(self):
        """The ROM reads all feature MSRs."""
        msrs = {p['msr']['index'] for places in self.places.values()
                for p in places if 'msr' in p}
        views = [s.view for s in self.samples if s.view.msrs is not None]
        self.assertTrue(views)
        for view in views:
            self.assertEqual(set(view.msrs), msrs | {MSR_UCODE_REV})


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    pass


if __name__ == '__main__':
    unittest.main()
