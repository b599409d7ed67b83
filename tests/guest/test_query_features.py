#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
query-cpu-features: which options of QEMU change the answer.

Answers: are the options and features that the manual names
(docs/query-cpu-features.rst) all that matter, and do they?  The preloaded
library makes KVM offer the features in question on any host.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_query_features
"""

import asyncio
import os
import subprocess
import unittest

from guest_cpuid import Guest
from test_offered_features import BIT, SGX, spec
from test_removed_features import NeedsKvm

OFFERS = {
    **SGX,
    'cpuid 1 0 ecx set': BIT[21],               # x2apic
    'cpuid 1 0 ecx clear': BIT[3] | BIT[24],    # monitor, tsc-deadline
    'cpuid 0x40000001 0 eax set': BIT[7],       # kvm-pv-unhalt
    'cpuid 0x40000001 0 eax clear': BIT[15],    # kvm-msi-ext-dest-id
    'cap 72 is': 1,                             # KVM_CAP_TSC_DEADLINE_TIMER
    'cap 143 is': BIT[0],                       # ..._X86_DISABLE_EXITS: MWAIT
}
IN_KERNEL = {'x2apic', 'tsc-deadline', 'kvm-pv-unhalt'}
SPLIT = {'kvm-msi-ext-dest-id'}
PC = {'sgx', 'sgxlc'}

# ([options], options of KVM, what is supported of the features above)
CASES = [
    (['-machine', 'none'], '', IN_KERNEL),
    (['-machine', 'none'], ',kernel-irqchip=on', IN_KERNEL),
    (['-machine', 'none'], ',kernel-irqchip=split', IN_KERNEL | SPLIT),
    (['-machine', 'none'], ',kernel-irqchip=off', set()),
    (['-machine', 'none', '-overcommit', 'cpu-pm=on'], '',
     IN_KERNEL | {'monitor'}),
    (['-machine', 'microvm'], '', IN_KERNEL | SPLIT),
    (['-machine', 'microvm'], ',kernel-irqchip=on', IN_KERNEL),
    (['-machine', 'pc-q35-4.0'], '', IN_KERNEL | SPLIT | PC),
    (['-machine', 'pc-q35-4.0'], ',kernel-irqchip=on', IN_KERNEL | PC),
    (['-machine', 'q35'], '', IN_KERNEL | PC),
    (['-machine', 'pc', '-cpu', '486'], '', IN_KERNEL | PC),
    (['-machine', 'pc', '-cpu', 'qemu64,-x2apic,kvm=off'], '',
     IN_KERNEL | PC),
    (['-machine', 'isapc', '-cpu', 'qemu64'], '', IN_KERNEL | PC),
    (['-machine', 'q35', '-global', 'x86_64-cpu.x2apic=off'],
     ',kernel-irqchip=split', IN_KERNEL | SPLIT | PC),
]


def machine_types():
    done = subprocess.run([os.environ['QTEST_QEMU_BINARY'], '-machine',
                           'help'], stdout=subprocess.PIPE, text=True,
                          check=True)
    return {line.split()[0] for line in done.stdout.splitlines()[1:]}


async def query(args, accel, offers):
    async with Guest(os.environ['QTEST_QEMU_BINARY'], args, accel,
                     offers) as guest:
        return {info['name']: info for info in
                await guest.qmp.execute('query-cpu-features')}


class Options(NeedsKvm, unittest.TestCase):
    def test_kvm(self):
        there = machine_types()
        expected = None
        for args, options, supported in CASES:
            if args[1] not in there:
                continue
            with self.subTest(args=args, accel='kvm' + options):
                infos = asyncio.run(query(args, 'kvm' + options,
                                          spec(OFFERS)))
                self.assertEqual(
                    {name for name in IN_KERNEL | SPLIT | PC | {'monitor'}
                     if infos[name]['supported']}, supported)
                for name in IN_KERNEL | SPLIT | PC | {'monitor'}:
                    del infos[name]['supported']
                # All else is the same everywhere.
                expected = expected or infos
                self.assertEqual(infos, expected)


if __name__ == '__main__':
    unittest.main()
