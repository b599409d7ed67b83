#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Baselines of CPUs that are hard to have one of, and of many CPUs.

Answers: what has the baseline of CPUs that differ in what is neither more nor
less: lengths of vectors, physical bits, Hyper-V's switches, a frequency?  Is
it in each of them, with all that guests of all of them see?  Do several CPUs
have the same one, byte for byte, in whatever order they are taken?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_baselines

CHECK_SEED repeats a run.  Random pairs: test_comparison.
"""

import dataclasses
import itertools
import json
import unittest
from typing import Any, Dict, List

from compared_cpus import ComparedChecks, baseline
from cpu_models import (
    FULL, NEWEST, Progress, ask, count, expansion, random_cpu, rng,
)
from guest_cpuid import GuestError
from release_line import LINE, of_line
from test_removed_features import NeedsKvm

# What a baseline has of one of the CPUs, and as a whole
IDENTITY = [
    'family', 'model', 'stepping', 'model-id', 'ucode-rev', 'level', 'xlevel',
    'xlevel2', 'level-func7', 'min-level', 'min-xlevel', 'min-xlevel2',
    'l1d-cache-info', 'l1i-cache-info', 'l2-cache-info', 'l3-cache-info',
    'legacy-cache', 'l3-cache', 'legacy-multi-node', 'cpuid-0xb',
    'full-cpuid-auto-level', 'x-amd-topoext-features-only',
    'x-consistent-cache', 'x-force-cpuid-0x1f', 'x-intel-pt-auto-level',
    'x-l1-cache-per-thread', 'fill-mtrr-mask', 'x-migrate-error-code',
    'x-migrate-smi-count',
]
AVX10_LENGTHS = ['avx10-128', 'avx10-256', 'avx10-512']
NO_SPINLOCKS = 0xffffffff
GHZ = 1000000000
# Triples that are asked about together
PORTION = 40


def cpu(name='Haswell', machine=NEWEST, vendor='GenuineIntel', **props):
    """A CPU model; `_` in names of properties stands for `-`."""
    return {'name': name, 'machine-type': machine,
            'props': {'vendor': vendor, **{
                key.replace('_', '-'): value
                for key, value in props.items()}}}


@dataclasses.dataclass
class Trap:
    """CPUs, and what their baseline has; None: it lacks the property."""
    name: str
    cpus: List[Dict[str, Any]]
    props: Dict[str, Any]
    # omitted-features, and hazards, of the first two
    omitted: Dict[str, str] = dataclasses.field(default_factory=dict)
    hazards: List[str] = dataclasses.field(default_factory=list)
    # The accelerator that it is a trap under, if not both
    accel: str = ''
    # Also omitted, under KVM
    omitted_of_kvm: Dict[str, str] = dataclasses.field(default_factory=dict)


NO_AVX10 = {'avx10': False, **dict.fromkeys(AVX10_LENGTHS, False),
            'avx10-version': 0}
SYNIC = {'hv_synic': True, 'hv_vpindex': True}
TSC = {'invtsc': True, 'tsc_frequency': 2 * GHZ}
# Leaf 0x40000010, which guests see if the TSC's rate is known and constant
FREQ_LEAF = {'vmware-cpuid-freq': 'dependency'}
LBR = {'pmu': True, 'pdcm': True, 'lbr_fmt': 5}
GNR = 'GraniteRapids-v2'
AVX10 = {'avx10': True, 'avx10_128': True, 'x_intel_pt_auto_level': False}
FORCE_0X1F = {'x_force_cpuid_0x1f': True}

TRAPS = [
    # Bits: those of both, and what they depend on
    Trap('avx10 without its lengths',
         [cpu(GNR), cpu(GNR, avx10_128=False), cpu(GNR, avx10_256=False)],
         NO_AVX10),
    Trap('avx10 of two lengths and versions',
         [cpu(GNR, avx10_version=2, avx10_512=False),
          cpu(GNR, avx10_version=1)],
         {'avx10': True, 'avx10-128': True, 'avx10-256': True,
          'avx10-512': False, 'avx10-version': 1}),
    Trap('avx10 of three lengths and versions',
         [cpu(GNR, avx10_version=2, avx10_512=False),
          cpu(GNR, avx10_version=1),
          cpu(GNR, avx10_version=2, avx10_256=False)],
         {'avx10': True, 'avx10-128': True, 'avx10-256': False,
          'avx10-512': False, 'avx10-version': 1}),
    Trap('GraniteRapids-v2 without avx10',
         [cpu(GNR, avx10=False), cpu(GNR), cpu('SapphireRapids')], NO_AVX10),
    Trap('ht, which topology sets, of one',
         [cpu(ht=True), cpu()], {'ht': False}),
    Trap('rsba, which is a limitation, of one',
         [cpu(arch_capabilities=True, rsba=True), cpu(arch_capabilities=True)],
         {'arch-capabilities': True, 'rsba': False}, hazards=['rsba']),
    Trap('a level that hides what only the other one shows',
         [cpu(level=4), cpu(), cpu(level=1)],
         {'avx2': False, 'erms': False}),
    Trap('lmce, which no guest sees in family 5',
         [cpu(lmce=True), cpu(lmce=True, family=5),
          cpu('SapphireRapids', lmce=True)], {'lmce': False}),
    Trap('lmce in family 6', [cpu(lmce=True), cpu('SapphireRapids', lmce=True)],
         {'lmce': True}),
    Trap('a level too low for intel-pt, which avx10 raises',
         [cpu(intel_pt=True, **AVX10), cpu(**AVX10), cpu(avx2=False, **AVX10)],
         {'avx10': True, 'intel-pt': False, 'min-level': 0x24}),
    Trap('intel-pt, which no guest sees of either',
         [cpu(intel_pt=True, **AVX10), cpu(intel_pt=True, avx2=False, **AVX10)],
         {'avx10': True, 'intel-pt': False, 'min-level': 0x24},
         {'intel-pt': 'conflict'}),
    # Minimum: the smaller; guest-phys-bits: the smallest that is not 0, and
    # no more than phys-bits
    Trap('32-bit models and phys-bits',
         [cpu('qemu32'), cpu(phys_bits=46, guest_phys_bits=40),
          cpu(phys_bits=39)],
         {'lm': False, 'phys-bits': None, 'guest-phys-bits': 0}),
    Trap('phys-bits 48 with guest-phys-bits 48 and 40',
         [cpu(phys_bits=48, guest_phys_bits=48),
          cpu(phys_bits=48, guest_phys_bits=40)],
         {'phys-bits': 48, 'guest-phys-bits': 40}),
    Trap('guest-phys-bits 48, 40 and 32',
         [cpu(phys_bits=48, guest_phys_bits=48),
          cpu(phys_bits=48, guest_phys_bits=40),
          cpu(phys_bits=48, guest_phys_bits=32)],
         {'phys-bits': 48, 'guest-phys-bits': 32}),
    Trap('guest-phys-bits 48 and phys-bits 40',
         [cpu(phys_bits=48, guest_phys_bits=48),
          cpu(phys_bits=40, guest_phys_bits=0),
          cpu(phys_bits=46, guest_phys_bits=46)],
         {'phys-bits': 40, 'guest-phys-bits': 40}),
    Trap('no guest-phys-bits',
         [cpu(phys_bits=48, guest_phys_bits=0),
          cpu(phys_bits=46, guest_phys_bits=0)],
         {'phys-bits': 46, 'guest-phys-bits': 0}),
    # Flat: the same, or none
    Trap('intel-pt with and without LIP',
         [cpu('Icelake-Server', intel_pt=True),
          cpu('Icelake-Server', intel_pt=True, intel_pt_lip=True),
          cpu('SapphireRapids', intel_pt=True)],
         {'intel-pt': False, 'intel-pt-lip': False}, {'intel-pt': 'conflict'},
         accel='kvm'),
    # TCG shows nothing of it in either form.
    Trap('intel-pt with and without LIP',
         [cpu('Icelake-Server', intel_pt=True),
          cpu('Icelake-Server', intel_pt=True, intel_pt_lip=True),
          cpu('SapphireRapids', intel_pt=True)],
         {'intel-pt': True, 'intel-pt-lip': False}, accel='tcg'),
    Trap('intel-pt with LIP',
         [cpu('Icelake-Server', intel_pt=True, intel_pt_lip=True)] * 2,
         {'intel-pt': True, 'intel-pt-lip': True}),
    Trap('lbr-fmt of two formats',
         [cpu(**LBR), cpu(**{**LBR, 'lbr_fmt': 6}),
          cpu('SapphireRapids', **LBR)],
         {'pmu': True, 'lbr-fmt': 0}, {'lbr-fmt': 'conflict'}),
    Trap('lbr-fmt of one format', [cpu(**LBR), cpu('SapphireRapids', **LBR)],
         {'pmu': True, 'lbr-fmt': 5}),
    Trap('lbr-fmt, and no PMU', [cpu(**LBR), cpu(pmu=False)],
         {'pmu': False, 'lbr-fmt': 0}),
    # Gates: the same, or the default
    Trap('tsc-frequency, equal, with invtsc',
         [cpu(**TSC), cpu('SapphireRapids', **TSC)],
         {'invtsc': True, 'tsc-frequency': 2 * GHZ}),
    Trap('tsc-frequency, unequal, with invtsc',
         [cpu(**TSC), cpu(**{**TSC, 'tsc_frequency': 3 * GHZ}),
          cpu('SapphireRapids', **TSC)],
         {'invtsc': False, 'tsc-frequency': None},
         {'invtsc': 'unmigratable', 'tsc-frequency': 'conflict'},
         omitted_of_kvm=FREQ_LEAF),
    Trap('tsc-frequency of one, with invtsc',
         [cpu(**TSC), cpu(invtsc=True), cpu(tsc_frequency=2 * GHZ)],
         {'invtsc': False, 'tsc-frequency': None},
         {'invtsc': 'unmigratable'}, omitted_of_kvm=FREQ_LEAF),
    Trap('invtsc without tsc-frequency', [cpu(invtsc=True), cpu(invtsc=True)],
         {'invtsc': False, 'tsc-frequency': None},
         {'invtsc': 'unmigratable'}, omitted_of_kvm=FREQ_LEAF),
    Trap('tsc-frequency of one, invtsc of the other',
         [cpu(tsc_frequency=2 * GHZ), cpu(invtsc=True)],
         {'invtsc': False, 'tsc-frequency': None},
         omitted_of_kvm=FREQ_LEAF),
    Trap('tsc-frequency of one, and without the leaf of its rate',
         [cpu(vmware_cpuid_freq=False, **TSC),
          cpu(vmware_cpuid_freq=False, invtsc=True)],
         {'vmware-cpuid-freq': False}, {'invtsc': 'unmigratable'}),
    Trap('what is enforced for one',
         [cpu(kvm_pv_enforce_cpuid=True, hv_relaxed=True,
              hv_enforce_cpuid=True, hv_no_nonarch_coresharing='on'),
          cpu(hv_relaxed=True, hv_no_nonarch_coresharing='auto')],
         {'kvm-pv-enforce-cpuid': False, 'hv-enforce-cpuid': False,
          'hv-no-nonarch-coresharing': 'off'}),
    # Hyper-V: the switches of both
    Trap('hv-spinlocks alone',
         [cpu(hv_spinlocks=4095), cpu(hv_spinlocks=8191),
          cpu(hv_spinlocks=100)],
         {'hv-spinlocks': 8191}),
    Trap('hv-spinlocks, the only switch, of one',
         [cpu(hv_spinlocks=4095, hv_vendor_id='KVM,KVM'),
          cpu(hv_vendor_id='KVM,KVM')],
         {'hv-spinlocks': NO_SPINLOCKS, 'hv-vendor-id': 'Microsoft Hv'}),
    Trap('hv switches that only one has',
         [cpu(hv_relaxed=True, hv_time=True, hv_version_id_build=1,
              hv_vendor_id='KVM,KVM'),
          cpu(hv_relaxed=True, hv_vpindex=True, hv_tlbflush=True),
          cpu(hv_relaxed=True, hv_reset=True, hv_version_id_build=2)],
         {'hv-relaxed': True, 'hv-time': False, 'hv-vpindex': False,
          'hv-tlbflush': False, 'hv-reset': False, 'hv-version-id-build': 1,
          'hv-vendor-id': 'KVM,KVM'}),
    Trap('hv-vapic with and without hv-avic',
         [cpu(hv_vapic=True, hv_avic=True), cpu(hv_vapic=True)],
         {'hv-vapic': True, 'hv-avic': False}),
    Trap('hv-stimer, which needs three others',
         [cpu(hv_stimer=True, hv_time=True, **SYNIC),
          cpu(hv_time=True, **SYNIC), cpu(hv_time=True, hv_vpindex=True)],
         {'hv-stimer': False, 'hv-synic': False, 'hv-time': True,
          'hv-vpindex': True}),
    # Permissive: on what one of them needs
    Trap('leaves that other vendors do not have',
         [cpu(machine='pc-q35-6.0'), cpu(), cpu(machine='pc-q35-8.0')],
         {'x-vendor-cpuid-only': False}),
    Trap('pdcm without a PMU on pc-q35-10.0',
         [cpu(machine='pc-q35-10.0', pdcm=True, pmu=False),
          cpu(pdcm=True, pmu=True),
          cpu(machine='pc-q35-8.0', pdcm=True, pmu=True)],
         {'pdcm': True, 'pmu': False, **(
             {} if LINE == '10.0' else
             {'x-pdcm-on-even-without-pmu': True})}),
    # Identity: that of one
    Trap('x-migrate-* and other properties of the stream',
         [cpu(x_migrate_smi_count=True, fill_mtrr_mask=False),
          cpu(x_migrate_smi_count=False, fill_mtrr_mask=True)],
         {'x-migrate-smi-count': True, 'fill-mtrr-mask': False}),
    Trap('caches of a table and of the model',
         [cpu(), cpu('EPYC-Milan'), cpu('SapphireRapids')], {}),
]
if LINE == '10.0':
    TRAPS += [
        Trap('hv-synic across pc-q35-3.0 and pc-q35-10.0',
             [cpu(machine='pc-q35-3.0', hv_synic=True), cpu(**SYNIC),
              cpu(machine='pc-q35-3.0', **SYNIC)],
             {'hv-synic': True, 'hv-vpindex': False,
              'x-hv-synic-kvm-only': True}),
        Trap('x-hv-synic-kvm-only on, off, and no hv-*',
             [cpu(hv_synic=True, x_hv_synic_kvm_only=True),
              cpu(x_hv_synic_kvm_only=False, **SYNIC),
              cpu(x_hv_synic_kvm_only=False)],
             {'hv-synic': False, 'hv-vpindex': False,
              'x-hv-synic-kvm-only': True}),
    ]
else:
    TRAPS += [
        Trap('apxf, which no guest sees along with mpx',
             [cpu(mpx=True, apxf=True), cpu(apxf=True), cpu()],
             {'mpx': False, 'apxf': False, 'min-level': 0xd,
              'level-func7': 0}, {'apxf': 'conflict'}),
        Trap('what needs apxf, which no guest sees along with mpx',
             2 * [cpu(mpx=True, apxf=True, apx_nci_ndd_nf=True)],
             {'apx-nci-ndd-nf': False},
             {'apxf': 'conflict', 'mpx': 'conflict',
              'apx-nci-ndd-nf': 'dependency'}),
        Trap('hv-synic across the oldest and the newest type',
             [cpu(machine=of_line('pc-q35-3.0'), **SYNIC), cpu(**SYNIC)],
             {'hv-synic': True, 'hv-vpindex': True}),
        Trap('pdcm, which goes without a PMU',
             [cpu(machine='pc-q35-10.0', pdcm=True, pmu=False),
              cpu(pdcm=True, pmu=False)],
             {'pdcm': False, 'x-pdcm-on-even-without-pmu': True}),
        Trap('arch-capabilities of AMD on pc-q35-10.0',
             [cpu('EPYC', 'pc-q35-10.0', 'AuthenticAMD',
                  arch_capabilities=True),
              cpu('EPYC', vendor='AuthenticAMD')],
             {'arch-capabilities': False, 'x-arch-cap-always-on': True}),
        Trap('leaf 0x1f of AMD, which old machine types show',
             [cpu('EPYC', vendor='AuthenticAMD', **FORCE_0X1F),
              cpu('EPYC', vendor='AuthenticAMD', x_vendor_cpuid_only=False,
                  x_vendor_cpuid_only_v2=False, **FORCE_0X1F),
              cpu('EPYC', vendor='AuthenticAMD', min_level=0x12)],
             {'x-vendor-cpuid-only': False, 'min-level': 0x12}),
        Trap('leaves that Intel does not have, on pc-q35-10.0',
             [cpu(machine='pc-q35-10.0'), cpu()],
             {'x-vendor-cpuid-only-v2': False}),
    ]

# CPUs that start on no host, and the error that their baselines are
CACHE = '48K:line=64:ways=12:sets=64:share=core'
ALL_CACHES = (' is missing: .*legacy-cache=off.* l1d-cache-info, '
              'l1i-cache-info, l2-cache-info and l3-cache-info ')
NOWHERE = [
    ('coreduo', {'legacy-cache': False}, f'l1d-cache-info{ALL_CACHES}'),
    ('coreduo', {'l1d-cache-info': CACHE}, f'l1i-cache-info{ALL_CACHES}'),
    ('coreduo', {'l1i-cache-info': CACHE}, f'l1d-cache-info{ALL_CACHES}'),
    ('Haswell', {'phys-bits': 20},
     'phys-bits should be from 32 to 52, but is 20'),
    ('Haswell', {'phys-bits': 53},
     'phys-bits should be from 32 to 52, but is 53'),
    ('Haswell', {'phys-bits': 40, 'guest-phys-bits': 31},
     'guest-phys-bits should be 0, or from 32 to 40, but is 31'),
    ('Haswell', {'phys-bits': 40, 'guest-phys-bits': 41},
     'guest-phys-bits should be 0, or from 32 to 40, but is 41'),
    ('qemu32', {'phys-bits': 40},
     'phys-bits is not user-configurable in 32 bit'),
    ('qemu32', {'guest-phys-bits': 36},
     'guest-phys-bits is not user-configurable in 32 bit'),
]
if LINE != '10.0':
    NOWHERE += [
        ('Haswell', {'x-vendor-cpuid-only': False,
                     'x-vendor-cpuid-only-v2': True},
         'x-vendor-cpuid-only-v2=on needs x-vendor-cpuid-only=on'),
    ]


def identity(model):
    return {name: model['props'].get(name) for name in IDENTITY}


def text(model):
    return json.dumps(model)


class Checks(ComparedChecks):
    """The tests, for one accelerator."""

    def traps(self):
        return [trap for trap in TRAPS if trap.accel in ('', self.accel)]

    def described(self, models):
        """The static models of these"""
        return [r['return']['model'] for r in self.lab.ask(
            [expansion('static', m['name'], m['props'], m.get('machine-type'))
             for m in models])]

    @staticmethod
    def without_omitted(models, reply):
        """They, without what a baseline omits, to see which levels are left"""
        omitted = {entry['feature'] for entry in reply['omitted-features']
                   if entry['reason'] == 'conflict'}

        if not reply['model']['props']['x-vendor-cpuid-only']:
            # That raises levels.
            omitted.add('x-vendor-cpuid-only')
        return [{**m, 'props': {
            name: False if value is True and name in omitted else value
            for name, value in m['props'].items()}} for m in models]

    def fold_all(self, lists, choose=None):
        """
        The baseline of each list of models, and all that was omitted: from left
        to right, or in a random tree, if there is a source of random choices
        """
        lists = [[{'model': m, 'omitted-features': []} for m in models]
                 for models in lists]
        while any(len(models) > 1 for models in lists):
            pairs = []
            for models in lists:
                number = min(1, len(models) // 2)
                if choose and number:
                    choose.shuffle(models)
                    number = choose.randint(1, len(models) // 2)
                pairs.append([(models.pop(0), models.pop(0))
                              for _ in range(number)])
            replies = iter(self.lab.ask([
                baseline(a['model'], b['model'])
                for some in pairs for a, b in some]))
            for models, some in zip(lists, pairs):
                models[:0] = [self.joined(a, b, next(replies))
                              for a, b in some]
        return [models[0] for models in lists]

    @staticmethod
    def joined(a, b, reply):
        reply = reply['return']
        return {**reply, 'omitted-features': [
            *a['omitted-features'], *b['omitted-features'],
            *reply['omitted-features']]}

    def problems_of(self, baselines):
        """
        What is wrong with (name, models, reply) each, as guests see it and as
        they compare
        """
        self.look([m for _, models, reply in baselines
                   for m in (*models, reply['model'])])
        looked_at = 0
        for name, models, reply in baselines:
            seen = self.look(models)
            if any(isinstance(c, GuestError) for cpus in seen for c in cpus):
                # This kernel refuses one of them.
                self.assertEqual(self.accel, 'kvm', f'{name}: {seen}')
                continue
            looked_at += 1
            if problem := self.check_sight(seen, reply):
                yield f'{name}: {problem}'
        self.assertGreater(looked_at, 0)
        misfits = self.misfits([(models, reply['model'])
                                for _, models, reply in baselines])
        for (name, _, _), problem in zip(baselines, misfits):
            if problem:
                yield f'{name}: {problem}'

    # CPUs that are hard to have a baseline of

    def test_1_pairs(self):
        """Two of a trap: the same both ways, in both, with all they share"""
        pairs = [(trap.name, list(pair)) for trap in self.traps()
                 for pair in itertools.combinations(trap.cpus, 2)]
        replies = self.lab.ask([baseline(*order) for _, pair in pairs
                                for order in (pair, pair[::-1])])
        described = self.described([c for _, pair in pairs for c in pair])
        problems, found, edited = [], [], []
        for i, (name, pair) in enumerate(pairs):
            (ab, ba), both = (some[2 * i:2 * i + 2]
                              for some in (replies, described))
            if pair[0] != pair[1] and both[0] == both[1]:
                problems.append(f'{name}: is none: the CPUs are the same')
            if 'error' in ab or ab != ba:
                problems.append(f'{name}: {ab}, and swapped {ba}'[:2000])
                continue
            found.append((name, pair, ab['return']))
            edited += self.without_omitted(both, ab['return'])
        described = self.described(edited)
        for i, (name, _, reply) in enumerate(found):
            if identity(reply['model']) not in map(
                    identity, described[2 * i:2 * i + 2]):
                problems.append(f'{name}: has a bit of the identity of both')
        self.fail_if(problems + list(self.problems_of(found)))

    def test_1_traps(self):
        """All of a trap: in each, with the values that the rules say"""
        traps = self.traps()
        described = iter(self.described([c for t in traps for c in t.cpus]))
        given = self.fold_all(
            [trap.cpus for trap in traps] +
            [[next(described) for _ in trap.cpus] for trap in traps])
        firsts = self.fold_all([trap.cpus[:2] for trap in traps])
        problems = []
        for trap, *replies in zip(traps, given, given[len(traps):]):
            for reply in replies:
                has = {name: reply['model']['props'].get(name)
                       for name in trap.props}
                if has != trap.props:
                    problems.append(f'{trap.name}: {has}')
        for trap, first in zip(traps, firsts):
            lists = ({o['feature']: o['reason']
                      for o in first['omitted-features']}, first['hazards'])
            omitted = {**trap.omitted, **(trap.omitted_of_kvm if
                                          self.accel == 'kvm' else {})}
            if lists != (omitted, trap.hazards):
                problems.append(f'{trap.name}: {lists}')
        self.fail_if(problems + list(self.problems_of(
            [(trap.name, trap.cpus, reply)
             for trap, reply in zip(traps, given) if len(trap.cpus) > 2])))

    def test_2_triples(self):
        """Three of them have the same baseline in all six orders"""
        choose = rng(self.accel, 'triples')
        traps = self.traps()
        # Two of a trap with one of another, as others have no property to
        # disagree on
        mixed = [[*pair, other] for trap in traps for more in traps
                 for pair in itertools.combinations(trap.cpus, 2)
                 for other in more.cpus if more is not trap and
                 other['props']['vendor'] == pair[0]['props']['vendor']]
        triples = [t.cpus for t in traps if len(t.cpus) == 3]
        triples += choose.sample(mixed, min(len(mixed), count(4, 1000)))
        progress = Progress(f'{self.accel}: {self._testMethodName}',
                            len(triples))
        problems = []
        for i in range(0, len(triples), PORTION):
            portion = triples[i:i + PORTION]
            folded = [text(reply['model']) for reply in self.fold_all(
                [order for three in portion
                 for order in itertools.permutations(three)])]
            problems += [f'{text(three)}: {len(set(orders))} baselines'
                         for three, orders in zip(portion, (
                             folded[j:j + 6]
                             for j in range(0, len(folded), 6)))
                         if len(set(orders)) != 1]
            problems += [
                f'{text(three)}: {problem}' for three, problem in zip(
                    portion, self.misfits([
                        (three, json.loads(model)) for three, model in
                        zip(portion, folded[::6])])) if problem]
            progress.step(len(portion))
        self.fail_if(problems)

    # Random CPUs

    def random_models(self, choose, number):
        """Described CPUs of one vendor, on any machine type"""
        found = []
        while len(found) < number:
            drawn = []
            for _ in range(number):
                name, props = random_cpu(choose, self.lab)
                drawn.append((name, {**self.lab.extra, **props,
                                     'vendor': 'GenuineIntel'},
                              choose.choice(self.lab.machines)))
            replies = self.lab.ask([expansion('static', *d) for d in drawn])
            models = [r['return']['model'] for r in replies if 'return' in r]
            # What QEMU refuses is another test's.
            found += [m for m, r in zip(models, self.lab.ask(
                [baseline(m, m) for m in models])) if 'return' in r]
        return found[:number]

    def test_3_any_order(self):
        """Many random CPUs have the same baseline in any order"""
        choose = rng(self.accel, 'order')
        for _ in range(10 if FULL else 1):
            models = self.random_models(choose, count(8, 50))
            orders = [choose.sample(models, len(models)) for _ in range(6)]
            folded = self.fold_all(orders[:3])
            folded += self.fold_all(orders[3:], choose)
            result = folded[0]['model']
            self.assertEqual({text(f['model']) for f in folded},
                             {text(result)})
            self.assertEqual(self.misfits([(models, result)]), [None])

    def test_4_start_nowhere(self):
        """CPUs that start on no host have none; the error says what is wrong"""
        good = {'vendor': 'GenuineIntel'}
        for name, props, wanted in NOWHERE:
            bad = {'name': name, 'props': {**good, **props}}
            self.assertTrue(all(isinstance(c, GuestError)
                                for c in self.look([bad])[0]), bad)
            # Whichever of the two identities is the least
            for other in ('486', 'coreduo', 'Haswell'):
                other = {'name': other, 'props': good}
                with self.subTest(bad=bad, other=other):
                    first, second, both, after = self.lab.ask([
                        baseline(bad, other), baseline(other, bad),
                        baseline(bad, bad), baseline(other, other)])
                    for reply, which in ((first, 'modela'),
                                         (second, 'modelb'),
                                         (both, 'modela')):
                        self.assertRegex(reply['error']['desc'],
                                         f'^{which}: {wanted}')
                    self.assertIn('return', after)

    def test_5_process(self):
        """-cpu and -global of the process make no difference"""
        pairs = [
            [{'name': 'Penryn-v1'}, {'name': 'Nehalem-v1'}],
            [{'name': 'qemu32-v1', 'props': {'vendor': 'GenuineIntel'}},
             {'name': 'kvm32-v1', 'props': {'vendor': 'GenuineIntel'}}],
            [{'name': 'Haswell-v4'}, {'name': 'Skylake-Client-v4'}],
            [{'name': 'EPYC-Genoa-v1'}, {'name': 'EPYC-Milan-v2'}],
            [{'name': 'Broadwell-v1', 'props': {'invtsc': True}},
             {'name': 'Skylake-Client-v1', 'props': {'invtsc': True}}]]
        commands = [baseline(*({**m, 'machine-type': NEWEST} for m in pair))
                    for pair in pairs]
        plain = ask(['-accel', self.accel, '-machine', 'none'], commands)
        for args in (['-cpu', 'qemu64,+vgif,+sm4,+avx512f,+invtsc'],
                     ['-cpu', 'qemu64,-sse4.1,-avx2'],
                     ['-cpu', 'qemu64', '-global', 'x86_64-cpu.level=5',
                      '-global', 'x86_64-cpu.phys-bits=40'],
                     ['-cpu', 'base,vendor=AuthenticAMD,lm=on,level=5,'
                      'xlevel=0x80000001,phys-bits=40']):
            with self.subTest(args):
                self.assertEqual(ask(
                    ['-accel', self.accel, '-S', '-machine', NEWEST, *args],
                    commands), plain)


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""


if __name__ == '__main__':
    unittest.main()
