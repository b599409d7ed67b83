#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What an expansion says would refuse a CPU, and what a start does.

Answers: does a guest start with a CPU exactly where the expansion of its
model has no errors, and does QEMU stop with what is in errors otherwise?  Does
the CPU that starts lack the features that the expansion says?  The judge is a
QEMU that is started with the CPU.  KVM is made to offer what each
case is about (kvm-offers.c).

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_start_errors
"""

import asyncio
import os
import unittest

from qemu.qmp import ExecuteError

from guest_cpuid import Guest, GuestError
from release_line import LINE
from test_offered_features import PERF_CAPABILITIES, place_text, spec
from test_removed_features import NeedsKvm

QEMU = os.environ.get('QTEST_QEMU_BINARY', '')

# Capabilities, by number (linux/kvm.h), and the features of Hyper-V that an
# older kernel has MSRs for
TSC_CONTROL, ENFORCE_PV_FEATURE_CPUID = 60, 190
HYPERV, HYPERV_VP_INDEX, HYPERV_TLBFLUSH = 44, 149, 155
HYPERV_CPUID, SYS_HYPERV_CPUID, HYPERV_ENFORCE_CPUID = 167, 191, 199
HYPERV_SYNIC, HYPERV_SYNIC2 = 123, 148
# KVM_SET_TSC_KHZ
SET_TSC_KHZ = 'accept 0xaea2'

NO_HYPERV = {f'cap {HYPERV} is': 0}
# A kernel that has what is asked for with capabilities, as up to Linux 4.19
OLD_HYPERV = {f'cap {HYPERV} is': 1, f'cap {HYPERV_CPUID} is': 0,
              f'cap {SYS_HYPERV_CPUID} is': 0, f'cap {HYPERV_TLBFLUSH} is': 0,
              f'cap {HYPERV_VP_INDEX} is': 1, f'cap {HYPERV_SYNIC2} is': 1,
              f'cap {HYPERV_ENFORCE_CPUID} is': 0,
              'msr 0x40000002 is': 0, 'msr 0x40000080 is': 0}

NO_KERNEL = 'is not supported by kernel'


def place(leaf, reg, bit):
    return f'{leaf:x}.0.{reg}.{bit}'


class Case:
    """A CPU, and what is in errors: (property, reason, text) each."""

    def __init__(self, cpu, *errors, offers=None, removed=None):
        self.cpu = cpu
        self.errors = list(errors)
        self.offers = offers
        # Of removed-features: places of features that went without a word
        self.removed = removed or {}


# QEMU 11 has two messages.
TOO_FEW, TOO_MANY = (
    ['phys-bits should be between 32 and 52  (but is {})'] * 2
    if LINE == '10.0' else
    ['phys-bits should be at least 32 (but is {})',
     'phys-bits should be at most 52 (but is {})'])

BITS = [
    Case('EPYC,host-phys-bits=off,phys-bits=40'),
    Case('EPYC,host-phys-bits=off,phys-bits=20',
         ('phys-bits', 'value',
          TOO_FEW.format(20))),
    Case('EPYC,host-phys-bits=off,phys-bits=60',
         ('phys-bits', 'value',
          TOO_MANY.format(60))),
    Case('EPYC,host-phys-bits=off,phys-bits=40,guest-phys-bits=41',
         ('guest-phys-bits', 'value',
          'guest-phys-bits should be between 32 and 40  (but is 41)')),
    Case('EPYC,host-phys-bits=off,phys-bits=40,guest-phys-bits=31',
         ('guest-phys-bits', 'value',
          'guest-phys-bits should be between 32 and 40  (but is 31)')),
    Case('qemu32,phys-bits=36',
         ('phys-bits', 'value',
          'phys-bits is not user-configurable in 32 bit')),
    Case('qemu32,guest-phys-bits=36',
         ('guest-phys-bits', 'value',
          'guest-phys-bits is not user-configurable in 32 bit')),
    Case('Skylake-Client,legacy-cache=off',
         ('legacy-cache', 'value', "CPU model 'Skylake-Client' doesn't "
          'support legacy-cache=off')),
    # Each is there, whichever QEMU meets first.
    Case('Skylake-Client,'
         'l1d-cache-info=32K:line=64:ways=8:sets=64:share=core',
         ('l1i-cache-info', 'value', 'l1i-cache-info is missing: a CPU model '
          'without caches of its own needs l1d-cache-info, '
          'l1i-cache-info, l2-cache-info and l3-cache-info')),
    Case('Skylake-Client,legacy-cache=off,host-phys-bits=off,phys-bits=20',
         ('phys-bits', 'value',
          TOO_FEW.format(20)),
         ('legacy-cache', 'value', "CPU model 'Skylake-Client' doesn't "
          'support legacy-cache=off')),
]

KVM = [
    Case('qemu64,pmu=on,+pdcm,lbr-fmt=5', offers=PERF_CAPABILITIES),
    Case('qemu64,pmu=on,+pdcm,lbr-fmt=4',
         ('lbr-fmt', 'value', 'vPMU: the lbr-fmt value (0x4) does not match '
          'the host value (0x5).'), offers=PERF_CAPABILITIES),
    Case('qemu64,pmu=off,+pdcm,lbr-fmt=5',
         ('lbr-fmt', 'configuration',
          'vPMU: LBR is unsupported without pmu=on'),
         offers=PERF_CAPABILITIES),
    # The host's format is the CPU's, unless pdcm, which it depends on, is gone,
    # which pmu=off does from 10.1 on.
    Case('host,migratable=off,pmu=off', *[
        ('lbr-fmt', 'configuration',
         'vPMU: LBR is unsupported without pmu=on')] * (LINE == '10.0'),
         offers=PERF_CAPABILITIES),
    Case('host,migratable=off,pmu=off,pdcm=off', offers=PERF_CAPABILITIES),
    Case('qemu64,lmce=on', ('lmce', 'kernel', 'kvm: LMCE not supported'),
         offers={'mce-cap clear': 1 << 27}),
    Case('qemu64,lmce=on', offers={'mce-cap set': 1 << 27}),
    # The bit is in a register that this CPU does not have.
    Case('qemu64,lmce=on,-mce', offers={'mce-cap clear': 1 << 27}),
    Case('qemu64,tsc-frequency=10000000',
         ('tsc-frequency', 'kernel', 'TSC frequency mismatch between VM '
          '(10000 kHz) and host ('), offers={f'cap {TSC_CONTROL} is': 0}),
    Case('qemu64,tsc-frequency=10000000',
         offers={f'cap {TSC_CONTROL} is': 1, SET_TSC_KHZ: None}),
    Case('qemu64,kvm-pv-enforce-cpuid=on',
         ('kvm-pv-enforce-cpuid', 'kernel', 'failed to enable '
          'KVM_CAP_ENFORCE_PV_FEATURE_CPUID: Invalid argument'),
         offers={f'cap {ENFORCE_PV_FEATURE_CPUID} absent': None}),
    Case('qemu64,kvm-pv-enforce-cpuid=on',
         offers={f'cap {ENFORCE_PV_FEATURE_CPUID} is': 1}),

    # No Hyper-V at all: some are ignored, and that is said.
    Case('qemu64,hv-relaxed=on,hv-spinlocks=0x1005', offers=NO_HYPERV,
         removed={'hv-relaxed': [place(0x40000004, 'EAX', 5)],
                  'hv-spinlocks': [place(0x40000004, 'EBX', n)
                                   for n in (0, 2, 12)]}),
    Case('qemu64,hv-passthrough=on', offers=NO_HYPERV,
         removed={'hv-passthrough': []}),
    *(Case(f'qemu64,{name}=on,hv-relaxed=on',
           (name, 'kernel', f'Hyper-V {what} ({name}) {NO_KERNEL}'),
           offers=NO_HYPERV, removed={name: places, 'hv-relaxed': [
               place(0x40000004, 'EAX', 5)]})
      for name, what, places in (
          ('hv-vapic', 'virtual APIC', [place(0x40000003, 'EAX', 4)]),
          ('hv-time', 'clocksources', [place(0x40000003, 'EAX', 1),
                                       place(0x40000003, 'EAX', 9)]),
          ('hv-synic', 'synthetic interrupt controller',
           [place(0x40000003, 'EAX', 2)]),
          ('hv-reenlightenment', 'reenlightenment MSRs',
           [place(0x40000003, 'EAX', 13)]))),

    # Hyper-V without some enlightenments, and some without what they need
    Case('qemu64,hv-relaxed=on,hv-vapic=on', offers=OLD_HYPERV),
    Case('qemu64,hv-tlbflush=on,hv-vpindex=on',
         ('hv-tlbflush', 'kernel',
          f'Hyper-V paravirtualized TLB flush (hv-tlbflush) {NO_KERNEL}'),
         offers=OLD_HYPERV),
    Case('qemu64,hv-synic=on',
         ('hv-synic', 'dependency', 'Hyper-V synthetic interrupt controller '
          '(hv-synic) requires Hyper-V VP_INDEX MSR (hv-vpindex)'),
         offers=OLD_HYPERV),
    Case('qemu64,hv-vpindex=on',
         ('hv-vpindex', 'kernel',
          "kernel doesn't allow setting HyperV VP_INDEX"),
         offers={**OLD_HYPERV, f'cap {HYPERV_VP_INDEX} is': 0}),
    Case('qemu64,hv-relaxed=on,hv-enforce-cpuid=on',
         ('hv-enforce-cpuid', 'kernel', 'failed to enable '
          'KVM_CAP_HYPERV_ENFORCE_CPUID: Invalid argument'),
         offers={**OLD_HYPERV, f'cap {HYPERV_ENFORCE_CPUID} absent': None}),
]


def model_of(cpu):
    """The model and its properties, for QMP"""
    name, *options = cpu.split(',')
    values = {'on': True, 'off': False}
    props = {}
    for option in options:
        if option[0] in '+-':
            props[option[1:]] = option[0] == '+'
        else:
            key, _, value = option.partition('=')
            props[key] = (values[value] if value in values else
                          value if ':' in value else int(value, 0))
    return {'name': name, 'props': props}


async def ask(case, accel, machine):
    """The answers to a full and a static expansion"""
    async with Guest(QEMU, ['-machine', machine], accel,
                     spec(case.offers or {})) as guest:
        return [await guest.qmp.execute(
            'query-cpu-model-expansion',
            {'type': kind, 'model': model_of(case.cpu)})
            for kind in ('full', 'static')]


async def start(case, accel):
    """What QEMU says when it does not start, or None; and removed-features"""
    try:
        async with Guest(QEMU, ['-machine', 'q35', '-cpu',
                                case.cpu + ',check=off'], accel,
                         spec(case.offers or {})) as guest:
            cpus = await guest.qmp.execute('query-cpus-fast')
            return None, await guest.qmp.execute('qom-get', {
                'path': cpus[0]['qom-path'], 'property': 'removed-features'})
    except GuestError as exc:
        return str(exc), None


class Checks:
    accel = ''
    # In which the question is asked
    machines = ('q35',)

    def check(self, case):
        refused, removed = asyncio.run(start(case, self.accel))
        self.assertEqual(bool(refused), bool(case.errors), refused)
        if refused:
            self.assertTrue(any(text in refused
                                for _, _, text in case.errors), refused)
        for machine in self.machines:
            for answer in asyncio.run(ask(case, self.accel, machine)):
                if removed is not None and machine == 'q35':
                    self.assertEqual(answer['removed-features'], removed)
                self.assertEqual(
                    [(e['property'], e['reason']) for e in answer['errors']],
                    [(name, reason) for name, reason, _ in case.errors])
                for entry, (_, _, text) in zip(answer['errors'], case.errors):
                    self.assertTrue(entry['text'].startswith(text),
                                    entry['text'])
                self.assertEqual(
                    {e['feature']: [place_text(p) for p in e['places']]
                     for e in answer['removed-features']
                     if e['feature'].startswith('hv-')}, case.removed)
                for e in answer['removed-features']:
                    if e['feature'].startswith('hv-'):
                        self.assertEqual(
                            (e['reason'], e['blocking'], e['requested-by']),
                            ('kernel', False, 'user'))
                # All of it is there, as without the error.
                self.assertIn('avx2', answer['model']['props'])

    def test_bits_and_caches(self):
        """properties that are out of range"""
        for case in BITS:
            with self.subTest(accel=self.accel, cpu=case.cpu):
                self.check(case)


class TestTcg(Checks, unittest.TestCase):
    accel = 'tcg'

    def test_removed(self):
        """features and numbers that TCG lacks, as the CPU itself has them"""
        for cpu in ('Penryn,lbr-fmt=5', 'qemu64,pmu=on,+pdcm,lbr-fmt=5',
                    'SapphireRapids', 'GraniteRapids-v2',
                    'GraniteRapids-v2,avx10-version=2', 'EPYC-Genoa,+avx512f',
                    'EPYC,x-force-features=on,+avx512f'):
            with self.subTest(cpu):
                self.check(Case(cpu))

    def test_host(self):
        """the model host is KVM's, and there is no answer about it"""
        case = Case('host')
        refused, _ = asyncio.run(start(case, 'tcg'))
        self.assertIn("CPU model 'host' requires KVM or HVF", refused)
        with self.assertRaisesRegex(ExecuteError, "^CPU model 'host' requires "
                                    'KVM or HVF$'):
            asyncio.run(ask(case, 'tcg', 'q35'))

    def test_enlightenments(self):
        """TCG has no enlightenments, and says so"""
        case = Case('qemu64,hv-relaxed=on,hv-synic=on')
        self.assertIsNone(asyncio.run(start(case, 'tcg'))[0])
        for answer in asyncio.run(ask(case, 'tcg', 'q35')):
            self.assertEqual(answer['errors'], [])
            self.assertEqual(
                [(e['feature'], e['reason'], e['blocking'])
                 for e in answer['removed-features']
                 if e['feature'].startswith('hv-')],
                [('hv-relaxed', 'accelerator', False),
                 ('hv-synic', 'accelerator', False)])


class TestKvm(Checks, NeedsKvm, unittest.TestCase):
    accel = 'kvm'
    machines = ('none', 'q35')

    def test_kernels(self):
        """what a kernel does not have"""
        for case in KVM:
            with self.subTest(cpu=case.cpu, offers=spec(case.offers)):
                self.check(case)


if __name__ == '__main__':
    unittest.main()
