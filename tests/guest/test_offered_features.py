#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
removed-features on hosts that aren't here.

Answers: is the reason right where KVM offers, or doesn't, what only other
hosts have?  The preloaded library makes KVM offer it (kvm-offers.c), which
is all that QEMU can see of a host except the CPUID instruction.  What a
guest gets is judged by what QEMU hands to the kernel.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_offered_features
"""

import asyncio
import json
import os
import signal
import subprocess
import unittest

import jsonschema

from guest_cpuid import (
    KVM_SIGNATURE, REGISTERS, ZEROS, Guest, GuestError, has_bit, has_leaf,
    register,
)
from made_hosts import host_cpuid, shim
from release_line import LINE, NEWEST, has_type
from test_removed_features import NUMBERS, NeedsKvm, get

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SCHEMA = os.path.join(REPO, 'docs', 'schema', 'x86-cpu-removed.schema.json')

BIT = [1 << n for n in range(64)]

# All that QEMU shows of Intel PT (SDM vol. 3, "Intel Processor Trace",
# CPUID leaf 0x14)
INTEL_PT = {
    'cpuid 7 0 ebx set': BIT[25],
    'cpuid 0x14 0 eax is': 1,
    'cpuid 0x14 0 ebx is': 0xf,
    'cpuid 0x14 0 ecx is': 0x7,
    'cpuid 0x14 1 eax is': 0x02490002,
    'cpuid 0x14 1 ebx is': 0x003f1fff,
}
LIP = BIT[31]

# What only VMX has is in MSRs (SDM vol. 3, appendix A): of the controls, the
# allowed-1 settings are in the upper half.
VMX = {
    'cpuid 1 0 ecx set': BIT[5],
    'msr 0x480 is': 0x00da040000000004,
    'msr 0x485 is': BIT[6],                     # activity-hlt
    'msr 0x48b is': BIT[32 + 1],                # ept
    'msr 0x48c is': BIT[6],                     # page-walk-4
    'msr 0x48d is': BIT[32],                    # intr-exit
    'msr 0x48e is': BIT[32 + 31] | BIT[32 + 7] | BIT[7],
    'msr 0x48f is': 0,
    'msr 0x490 is': 0,
    'msr 0x491 is': 0,
}
VMX_CPU = 'qemu64,+vmx,+vmx-secondary-ctls'

PERF_CAPABILITIES = {
    'cpuid 1 0 ecx set': BIT[15],               # pdcm
    'msr 0x345 is': BIT[13] | 5,                # full-width-write, lbr-fmt
}

SGX = {
    'cpuid 7 0 ebx set': BIT[2],
    'cpuid 7 0 ecx set': BIT[30],
    'cpuid 0x12 0 eax is': BIT[0],
    'cpuid 0x12 1 eax is': BIT[4],              # provisionkey
}


def spec(offers):
    """What kvm-offers.c reads, of {what: number or None}."""
    return '; '.join(what if value is None else f'{what} {value:#x}'
                     for what, value in offers.items())


def host_lacks(leaf, subleaf, reg, bit):
    """Why KVM doesn't offer a bit of CPUID, where it does not"""
    value = host_cpuid(leaf, subleaf)[REGISTERS.index(reg)]
    return 'kernel' if value >> bit & 1 else 'hardware'


def place_text(place):
    if 'msr' in place:
        return f'msr{place["msr"]["index"]:x}.{place["msr"]["bit"]}'
    where = place['cpuid']
    return (f'{where["leaf"]:x}.{where["subleaf"]:x}.{where["register"]}.'
            f'{where["bit"]}')


def entry_text(entry):
    """Every member of an entry, in one line."""
    entry = dict(entry)
    words = [entry.pop('feature'), entry.pop('reason'),
             'blocking' if entry.pop('blocking') else '-',
             entry.pop('requested-by'),
             *map(place_text, entry.pop('places'))]
    if 'requires' in entry:
        words += ['requires', *map('|'.join, entry.pop('requires'))]
    if 'conflicts-with' in entry:
        words += ['conflicts-with', *entry.pop('conflicts-with')]
    if entry:
        raise ValueError(f'unknown members: {entry}')
    return ' '.join(words)


async def ask(offers, cpu, args, accel):
    """Entries of removed-features by feature, unavailable, added, view."""
    command = ['-cpu', cpu + ',check=off', *(args or ['-machine', 'q35'])]
    async with Guest(os.environ['QTEST_QEMU_BINARY'], command, accel,
                     spec(offers)) as guest:
        cpus = await guest.qmp.execute('query-cpus-fast')
        path = cpus[0]['qom-path']
        removed = {}
        for entry in await get(guest, path, 'removed-features'):
            removed.setdefault(entry['feature'], []).append(entry_text(entry))
        return (removed, await get(guest, path, 'unavailable-features'),
                await get(guest, path, 'added-features'),
                await guest.view())


class Offered(NeedsKvm, unittest.TestCase):
    """Base of all tests."""

    @classmethod
    def setUpClass(cls):
        if not os.environ.get('QTEST_QEMU_BINARY'):
            raise unittest.SkipTest('QTEST_QEMU_BINARY is not set')
        super().setUpClass()

    def shortDescription(self):
        return None

    def check(self, offers, cpu, expected, args=None, accel='kvm'):
        """
        expected: of some features, the text of all entries in a list.

        Returns what the guest sees.
        """
        removed, unavailable, added, view = asyncio.run(
            ask(offers, cpu, args, accel))
        self.assertFalse(added, cpu)
        for feature, entries in expected.items():
            self.assertEqual(removed.get(feature, []), entries,
                             f'{feature} of {cpu}; offered: {spec(offers)}')
            blocking = any(' blocking ' in entry for entry in entries)
            if feature not in NUMBERS:
                self.assertEqual(feature in unavailable, blocking, feature)
        return view

    def sees(self, view, leaf, subleaf, reg, bit):
        return has_bit(view, {'cpuid': {'leaf': leaf, 'subleaf': subleaf,
                                        'register': reg, 'bit': bit}})


class Shim(Offered):
    """The library that makes KVM offer things"""

    def test_bad_specs(self):
        """A spec that makes no sense ends the program"""
        for bad in ('cpuid', 'cpuid 7 0 ebx', 'cpuid 7 0 ebx set',
                    'cpuid 7 0 ebx set x', 'cpuid 7 0 ebx set 0x1_',
                    'cpuid 7 0 ebx set 0x100000000', 'cpuid 7 0 bx set 1',
                    'cpuid 7 ebx set 1', 'cpuid 7 0 ebx is 1 2',
                    'cpuid 7 0 ebx absent', 'cpuid 7 0 ebx set -1',
                    'msr 0x345 to 1', 'msr 0x345 absent 1', 'cap 1',
                    'cap 1 is 1 is', 'cap 1 absent 1', 'mce-cap 1 is 1',
                    'mce-cap absent', 'accept', 'accept 1 1',
                    'xcr 0', 'cap 1 is 1, cap 2 is 1',
                    'cap 1 is 1; cap'):
            done = subprocess.run(
                ['/usr/bin/python3', '-c', 'import fcntl, os; fcntl.ioctl('
                 'os.open("/dev/kvm", os.O_RDWR), 0xae03, 1)'],
                env={**os.environ, 'LD_PRELOAD': shim(),
                     'KVM_CPUID_SHIM_OFFERS': bad},
                stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, -signal.SIGABRT, bad)
            self.assertIn('cannot understand', done.stderr)

    def test_offers_arrive(self):
        """What is offered gets to the guest, what is withdrawn does not"""
        view = self.check({'cpuid 7 0 ebx set': BIT[25] | BIT[16],
                           'cpuid 7 0 ebx clear': BIT[16],
                           'msr 0x10a is': 1, 'cpuid 7 0 edx set': BIT[29]},
                          'qemu64,+avx512f,+arch-capabilities,+rdctl-no',
                          {'rdctl-no': []})
        self.assertFalse(self.sees(view, 7, 0, 'EBX', 16))
        self.assertEqual(view.msrs[0x10a], 1)


class IntelPt(Offered):
    """Intel PT"""

    def test_good(self):
        """All capabilities are there"""
        view = self.check(INTEL_PT, 'qemu64,+intel-pt', {'intel-pt': []})
        self.assertTrue(self.sees(view, 7, 0, 'EBX', 25))
        self.assertEqual(view.cpuid[0x14, 1][:2], (0x02490002, 0x003f1fff))

    def test_not_offered(self):
        """The bit is not there, whatever leaf 0x14 has"""
        reason = host_lacks(7, 0, 'EBX', 25)
        for offers in (INTEL_PT, {}):
            offers = {**offers, 'cpuid 7 0 ebx clear': BIT[25]}
            self.check(offers, 'qemu64,+intel-pt', {
                'intel-pt': [f'intel-pt {reason} blocking user 7.0.EBX.25']})

    def test_poor(self):
        """A capability is not there"""
        for where, value in (
                ('0 eax', 0), ('0 ebx', 0xe), ('0 ebx', 0x7), ('0 ecx', 0x3),
                ('0 ecx', 0x6), ('1 eax', 0x02480002), ('1 eax', 0x02490001),
                ('1 ebx', 0x003f0fff), ('1 ebx', 0x001f1fff)):
            offers = {**INTEL_PT, f'cpuid 0x14 {where} is': value}
            # LIP makes no difference
            for lip in ('', ',+intel-pt-lip'):
                self.check(offers, 'qemu64,+intel-pt' + lip, {
                    'intel-pt': ['intel-pt value blocking user 7.0.EBX.25']})

    def test_rich(self):
        """More capabilities than QEMU shows are not a reason"""
        self.check({**INTEL_PT, 'cpuid 0x14 0 eax is': 2,
                    'cpuid 0x14 0 ebx is': 0x3f,
                    'cpuid 0x14 0 ecx is': 0xf,
                    'cpuid 0x14 1 eax is': 0x03ff0003,
                    'cpuid 0x14 1 ebx is': 0xffffffff},
                   'qemu64,+intel-pt', {'intel-pt': []})

    def test_lip(self):
        """The form of addresses has to be the host's"""
        offers = {**INTEL_PT, 'cpuid 0x14 0 ecx is': 0x7 | LIP}
        self.check(offers, 'qemu64,+intel-pt', {
            'intel-pt': ['intel-pt conflict blocking user 7.0.EBX.25 '
                         'conflicts-with intel-pt-lip']})
        self.check(offers, 'qemu64,+intel-pt,+intel-pt-lip',
                   {'intel-pt': [], 'intel-pt-lip': []})

    def test_script(self):
        """x86-cpu-removed says what Intel PT conflicts with"""
        offers = {**INTEL_PT, 'cpuid 0x14 0 ecx is': 0x7 | LIP}
        command = [os.path.join(REPO, 'scripts', 'x86-cpu-removed'), '--qemu',
                   os.environ['QTEST_QEMU_BINARY'], '--accel', 'kvm',
                   '--exit-zero', '--model', 'qemu64,+intel-pt']
        env = {**os.environ, 'LD_PRELOAD': shim(),
               'KVM_CPUID_SHIM_OFFERS': spec(offers)}

        table = subprocess.check_output(command, env=env, text=True)
        self.assertRegex(table, r'(?m)^  intel-pt +conflict +user +0x7 EBX '
                                r'bit 25 +Intel Processor Trace; conflicts '
                                r'with intel-pt-lip$')
        self.assertRegex(table, r'(?m)^  conflict +the host only has it')

        answer = json.loads(subprocess.check_output(
            command + ['--format', 'json'], env=env))
        with open(SCHEMA, encoding='utf-8') as schema:
            schema = json.load(schema)
        jsonschema.validate(answer, schema, jsonschema.Draft7Validator)
        entry = [e for e in answer['removed-features']
                 if e['feature'] == 'intel-pt'][0]
        del entry['conflicts-with']
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate(answer, schema, jsonschema.Draft7Validator)

    def test_lip_not_offered(self):
        """Without the host's LIP, the guest gets Intel PT without it"""
        cpu = 'qemu64,+intel-pt,+intel-pt-lip'
        view = self.check(INTEL_PT, cpu, {'intel-pt': []})
        self.assertEqual(view.cpuid[0x14, 0][2], 0x7)
        self.check(INTEL_PT, cpu + ',x-force-features=on', {
            'intel-pt': ['intel-pt conflict blocking user 7.0.EBX.25 '
                         'conflicts-with intel-pt-lip']})
        self.check(INTEL_PT, cpu, {
            'intel-pt-lip': [
                f'intel-pt-lip {host_lacks(0x14, 0, "ECX", 31)} blocking '
                'user 14.0.ECX.31']})

    def test_level(self):
        """Old machine types do not make room for leaf 0x14"""
        off = ',x-intel-pt-auto-level=off'
        cases = [(NEWEST, off)]
        if has_type('pc-q35-3.1'):
            cases.append(('pc-q35-3.1', ''))
        for machine, option in cases:
            args = ['-machine', machine]
            self.check(INTEL_PT, 'qemu64,+intel-pt' + option, {
                'intel-pt': ['intel-pt level blocking user 7.0.EBX.25']},
                args)
            self.check(INTEL_PT, 'qemu64,+intel-pt,min-level=0x14' + option,
                       {'intel-pt': []}, args)


class Msrs(Offered):
    """Features that are bits of MSRs"""

    def test_vmx(self):
        """VMX controls that are offered, and others"""
        cpu = (VMX_CPU + ',+vmx-ept,+vmx-vpid,+vmx-page-walk-4,'
               '+vmx-activity-hlt,+vmx-activity-wait-sipi,'
               '+vmx-intr-exit,+vmx-nmi-exit')
        view = self.check(VMX, cpu, {
            'vmx': [],
            'vmx-secondary-ctls': [],
            'vmx-ept': [],
            'vmx-page-walk-4': [],
            'vmx-activity-hlt': [],
            'vmx-intr-exit': [],
            'vmx-vpid': ['vmx-vpid kernel blocking user msr48b.37'],
            'vmx-nmi-exit': ['vmx-nmi-exit kernel blocking user msr48d.35'],
            'vmx-activity-wait-sipi': [
                'vmx-activity-wait-sipi kernel blocking user msr485.8'],
        })
        self.assertEqual(view.msrs[0x48b] >> 32, BIT[1])

    def test_vmx_not_optional(self):
        """A control that must be 1 is not for QEMU to give"""
        self.check(VMX, VMX_CPU + ',+vmx-hlt-exit', {
            'vmx-hlt-exit': ['vmx-hlt-exit kernel blocking user msr48e.39']})

    def test_vmx_not_offered(self):
        """Of MSR bits nobody knows whether the hardware has them"""
        reason = host_lacks(1, 0, 'ECX', 5)
        offers = {'cpuid 1 0 ecx clear': BIT[5],
                  **{f'msr {index:#x} absent': None
                     for index in range(0x480, 0x492)}}
        self.check(offers, VMX_CPU + ',+vmx-ept', {
            'vmx': [f'vmx {reason} blocking user 1.0.ECX.5'],
            'vmx-ept': ['vmx-ept kernel blocking user msr48b.33']})

    def test_vmx_hidden(self):
        """The MSRs of VMX are nothing to a CPU without VMX"""
        offers = {**VMX}
        offers['cpuid 1 0 ecx clear'] = offers.pop('cpuid 1 0 ecx set')
        names = {'ept': 'msr48b.33', 'page-walk-4': 'msr48c.6',
                 'activity-hlt': 'msr485.6', 'intr-exit': 'msr48d.32',
                 'secondary-ctls': 'msr48e.63'}
        view = self.check(
            offers, ','.join(['qemu64,+vmx', *(f'+vmx-{n}' for n in names)]), {
                f'vmx-{name}': [f'vmx-{name} dependency - user {place} '
                                'requires vmx']
                for name, place in names.items()})
        self.assertFalse([index for index in view.msrs
                          if 0x480 <= index <= 0x491])

    def test_perf_capabilities(self):
        """They are for CPUs with a PMU"""
        # From 10.1 on, pdcm is dropped with the PMU, not hidden.
        why = ('configuration - user msr345.13' if LINE == '10.0' else
               'dependency blocking user msr345.13 requires pdcm')
        view = self.check(
            PERF_CAPABILITIES, 'qemu64,pmu=off,+pdcm,+full-width-write', {
                'full-width-write': ['full-width-write ' + why],
                'pdcm': ['pdcm configuration - user 1.0.ECX.15']})
        self.assertNotIn(0x345, view.msrs)

    def test_arch_capabilities(self):
        """What the kernel has not in the MSR it doesn't offer"""
        offers = {'cpuid 7 0 edx set': BIT[29], 'msr 0x10a is': BIT[0]}
        view = self.check(
            offers, 'qemu64,+arch-capabilities,+rdctl-no,+mds-no', {
                'arch-capabilities': [],
                'rdctl-no': [],
                'mds-no': ['mds-no kernel blocking user msr10a.5']})
        self.assertEqual(view.msrs[0x10a], BIT[0])

    def test_arch_capabilities_of_qemu(self):
        """QEMU adds fb-clear where the host is not vulnerable"""
        offers = {'cpuid 7 0 edx set': BIT[29],
                  'msr 0x10a is': sum(BIT[n] for n in (5, 8, 13, 14, 15))}
        self.check(offers, 'qemu64,+arch-capabilities,+fb-clear',
                   {'fb-clear': []})
        offers['msr 0x10a is'] -= BIT[13]
        self.check(offers, 'qemu64,+arch-capabilities,+fb-clear', {
            'fb-clear': ['fb-clear kernel blocking user msr10a.17']})

    def test_arch_capabilities_without_msr(self):
        """QEMU knows the bit to be wrong where there is no such MSR"""
        offers = {'cpuid 7 0 edx set': BIT[29], 'msr 0x10a absent': None}
        self.check(offers, 'qemu64,+arch-capabilities', {
            'arch-capabilities': [
                'arch-capabilities qemu blocking user 7.0.EDX.29']})

    def test_lbr_format(self):
        """QEMU does not lower lbr-fmt with KVM: it refuses the CPU"""
        view = self.check(PERF_CAPABILITIES,
                          'qemu64,pmu=on,+pdcm,lbr-fmt=5,+full-width-write',
                          {'lbr-fmt': [], 'full-width-write': []})
        self.assertEqual(view.msrs[0x345], BIT[13] | 5)
        for cpu, message in (
                ('pmu=on,+pdcm,lbr-fmt=4', r'\(0x4\) does not match the host '
                                           r'value \(0x5\)'),
                ('pmu=off,+pdcm,lbr-fmt=5', 'LBR is unsupported without')):
            with self.assertRaisesRegex(GuestError, message):
                self.check(PERF_CAPABILITIES, 'qemu64,' + cpu, {})


class Others(Offered):
    """Paths of cpu.c and kvm.c that other hosts take"""

    def test_avx10_version(self):
        """The version is that of the host"""
        offers = {'cpuid 7 1 edx set': BIT[19],
                  'cpuid 0x24 0 ebx is': 0x10001}
        for version, expected in (
                (1, []),
                (2, ['avx10-version value blocking user 24.0.EBX.1'])):
            view = self.check(
                offers, f'qemu64,+avx10,+avx10-128,avx10-version={version}',
                {'avx10-version': expected, 'avx10': []})
            self.assertEqual(register(view, 0x24, 0, 'EBX') & 0xff, 1)

    def test_forced_avx10_version(self):
        """Whether the guest sees it or not, enforce refuses it"""
        offers = {'cpuid 7 1 edx set': BIT[19],
                  'cpuid 0x24 0 ebx is': 0x10001}
        cpu = ('qemu64,+avx10,+avx10-128,+avx10-256,+avx10-512,'
               'avx10-version=2,x-force-features=on')
        self.check(offers, cpu, {
            'avx10-version': ['avx10-version value blocking user '
                              '24.0.EBX.1']})
        with self.assertRaisesRegex(GuestError, "doesn't support requested"):
            self.check(offers, cpu + ',enforce=on', {})

    def test_avx10_version_above_level(self):
        """Without leaf 0x24, the guest has no version either"""
        view = self.check(
            {'cpuid 7 1 edx set': BIT[19], 'cpuid 0x24 0 ebx is': 0x70001},
            'qemu64,+avx10,+avx10-128,+avx10-256,+avx10-512,avx10-version=1,'
            'level=0x20', {
                'avx10': [],
                'avx10-128': ['avx10-128 level - user 24.0.EBX.16'],
                'avx10-version': ['avx10-version level - user 24.0.EBX.0']})
        self.assertFalse(has_leaf(view, 0x24, 0))

    @unittest.skipIf(LINE == '10.0', 'has no subleaves of leaf 0x24')
    def test_avx10_subleaf(self):
        """KVM gets subleaf 1 if subleaf 0 counts it, from version 2 on"""
        offers = {'cpuid 7 1 edx set': BIT[19], 'cpuid 0x24 0 eax is': 1,
                  'cpuid 0x24 0 ebx is': 0x70002,
                  'cpuid 0x24 1 ecx is': BIT[2]}
        for version, expected in (
                (1, ['avx10-vnni-int level - user 24.1.ECX.2']), (2, [])):
            view = self.check(
                offers, f'qemu64,avx10-version={version},+avx10-vnni-int',
                {'avx10-vnni-int': expected, 'avx10-version': []})
            self.assertEqual(view.cpuid.get((0x24, 1), ZEROS)[2],
                             0 if expected else BIT[2])

    def test_sgx(self):
        """QEMU passes SGX on to PCs, but not to other machines"""
        cpu = 'qemu64,+sgx,+sgxlc,+sgx1,+sgx2'
        self.check(SGX, cpu, {
            'sgx': [], 'sgxlc': [], 'sgx1': [],
            'sgx2': [f'sgx2 {host_lacks(0x12, 0, "EAX", 1)} blocking user '
                     '12.0.EAX.1'],
        })
        self.check(SGX, cpu, {
            'sgx': ['sgx qemu blocking user 7.0.EBX.2'],
            'sgxlc': ['sgxlc qemu blocking user 7.0.ECX.30'],
            'sgx1': ['sgx1 dependency - user 12.0.EAX.0 requires sgx'],
        }, ['-machine', 'microvm'])

    @unittest.skipIf(os.path.exists('/dev/sgx_provision'),
                     'the host has /dev/sgx_provision')
    def test_sgx_provisioning(self):
        """That takes a device which QEMU may not find"""
        self.check(SGX, 'qemu64,+sgx,+sgx-provisionkey', {
            'sgx-provisionkey': [
                'sgx-provisionkey qemu - user 12.1.EAX.4']})

    def test_arch_lbr_state(self):
        """CPUID tells of the state of arch-lbr only with a PMU"""
        offers = {'cpuid 1 0 ecx set': BIT[26], 'cpuid 7 0 edx set': BIT[19],
                  'cpuid 0xd 1 eax set': BIT[3]}
        cpu = 'qemu64,+xsave,+xsaves,+arch-lbr,pmu='
        where = 'd.1.ECX.15' if LINE == '10.0' else '7.0.EDX.19'
        self.check(offers, cpu + 'off', {
            'arch-lbr': ['arch-lbr configuration - user ' + where]})
        if LINE != '10.0':
            # Its state is not offered.
            why = host_lacks(0xd, 1, 'ECX', 15)
            self.check(offers, cpu + 'on', {
                'arch-lbr': [f'arch-lbr {why} - user d.1.ECX.15']})
            offers['cpuid 0xd 1 ecx set'] = BIT[15]
        view = self.check(offers, cpu + 'on', {'arch-lbr': []})
        self.assertTrue(self.sees(view, 0xd, 1, 'ECX', 15))

    def test_monitor(self):
        """The kernel lets guests wait by themselves, if QEMU is to ask"""
        offers = {'cpuid 1 0 ecx clear': BIT[3],
                  'cap 143 is': BIT[0]}     # KVM_CAP_X86_DISABLE_EXITS: MWAIT
        cpu_pm = ['-machine', 'q35', '-overcommit', 'cpu-pm=on']
        self.check(offers, 'qemu64,+monitor', {
            'monitor': ['monitor configuration blocking user 1.0.ECX.3']})
        self.check(offers, 'qemu64,+monitor', {'monitor': []}, cpu_pm)
        offers['cap 143 is'] = BIT[1]       # HLT
        why = host_lacks(1, 0, 'ECX', 3)
        for args in (None, cpu_pm):
            self.check(offers, 'qemu64,+monitor', {
                'monitor': [f'monitor {why} blocking user 1.0.ECX.3']}, args)

    def test_irqchip(self):
        """What only some interrupt controllers can do"""
        offers = {'cpuid 0x40000001 0 eax set': BIT[7],
                  'cpuid 0x40000001 0 eax clear': BIT[15]}
        cpu = 'qemu64,-x2apic,+kvm-msi-ext-dest-id,+kvm-pv-unhalt'
        dest_id = ['kvm-msi-ext-dest-id configuration blocking user '
                   '40000001.0.EAX.15']
        unhalt = ['kvm-pv-unhalt configuration blocking user '
                  '40000001.0.EAX.7']
        for irqchip, expected in (('on', [dest_id, []]),
                                  ('split', [[], []]),
                                  ('off', [dest_id, unhalt])):
            apic = ',apic=off' * (irqchip == 'off')
            self.check(offers, cpu + apic, dict(zip(
                ['kvm-msi-ext-dest-id', 'kvm-pv-unhalt'], expected)),
                ['-machine', f'q35,kernel-irqchip={irqchip}'])

    def test_kvm_hints(self):
        """Hints need no kernel, other features of KVM do"""
        offers = {'cpuid 0x40000001 0 edx is': 0,
                  'cpuid 0x40000001 0 eax clear': BIT[7]}
        self.check(offers, 'qemu64,+kvm-hint-dedicated,+kvm-pv-unhalt', {
            'kvm-hint-dedicated': [],
            'kvm-pv-unhalt': [
                'kvm-pv-unhalt kernel blocking user 40000001.0.EAX.7']})


class KvmLeaves(Offered):
    """KVM's own CPUID leaves, and others in their place"""
    cpu = 'qemu64,+kvm-pv-eoi,+kvm-pv-unhalt'
    offers = {'cpuid 0x40000001 0 eax set': BIT[6],     # pv-eoi
              'cpuid 0x40000001 0 eax clear': BIT[7],   # pv-unhalt
              'cap 44 is': 1}                           # KVM_CAP_HYPERV

    def check_leaves(self, base, *args, offers=None, **kwargs):
        """The guest finds KVM's leaves at base, and there it misses bits"""
        view = self.check({**self.offers, **(offers or {})}, *args, {
            'kvm-pv-eoi': [],
            'kvm-pv-unhalt': ['kvm-pv-unhalt kernel blocking user '
                              f'{base + 1:x}.0.EAX.7']}, **kwargs)
        self.assertEqual(view.cpuid[base, 0], (base + 1, *KVM_SIGNATURE))
        self.assertTrue(view.cpuid[base + 1, 0][0] & BIT[6])
        return view

    def check_hidden(self, base, *args, **kwargs):
        """The guest does not find KVM's leaves"""
        view = self.check(self.offers, *args, {
            'kvm-pv-eoi': ['kvm-pv-eoi configuration - user '
                           f'{base + 1:x}.0.EAX.6']}, **kwargs)
        self.assertNotIn(KVM_SIGNATURE,
                         [values[1:] for values in view.cpuid.values()])

    def test_alone(self):
        """KVM's leaves are the first"""
        self.check_leaves(0x40000000, self.cpu)
        self.check_hidden(0x40000000, self.cpu + ',kvm=off')

    def test_hyperv(self):
        """Hyper-V's come first, and KVM's after that"""
        for option in ('hv-relaxed', 'hv-spinlocks=0x1fff'):
            view = self.check_leaves(0x40000100, f'{self.cpu},{option}')
            self.assertEqual(view.cpuid[0x40000001, 0][0], 0x31237648)
        self.check_hidden(0x40000100, self.cpu + ',hv-relaxed,kvm=off')

    def test_query_cpu_features(self):
        """Whatever CPU there is, this has the places by default"""
        async def places():
            async with Guest(os.environ['QTEST_QEMU_BINARY'],
                             ['-cpu', 'qemu64,hv-relaxed'], 'kvm',
                             spec(self.offers)) as guest:
                features = await guest.qmp.execute('query-cpu-features')
            return [place_text(place) for feature in features
                    if feature['name'] == 'kvm-pv-eoi'
                    for place in feature['places']]

        self.assertEqual(asyncio.run(places()), ['40000001.0.EAX.6'])

    def test_no_hyperv(self):
        """A kernel without Hyper-V: QEMU ignores the options"""
        self.check_leaves(0x40000000, self.cpu + ',hv-relaxed',
                          offers={'cap 44 is': 0})

    def test_xen(self):
        """With Xen's leaves there are none of KVM"""
        offers = {**self.offers, 'cap 38 is': 7,    # KVM_CAP_XEN_HVM
                  'accept 0x4038ae7a': None}        # KVM_XEN_HVM_CONFIG
        accel = 'kvm,xen-version=0x40011,kernel-irqchip=split'
        for cpu, base in ((self.cpu, 0x40000100),
                          (self.cpu + ',hv-relaxed', 0x40000200)):
            self.offers = offers
            self.check_hidden(base, cpu, accel=accel)


del Offered

if __name__ == '__main__':
    unittest.main()
