#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
query-cpu-cpuid, judged by what guests see.

Answers: are the leaves and feature MSRs that it returns those that the guest
reads (TCG), or that QEMU passes to KVM, for each vCPU, hotplugged ones
included?  Is what it returns for the kernel the kernel's?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_query_cpuid
"""

import asyncio
import unittest

from qemu.qmp import ExecuteError

from answered_cpuid import not_answered, view_of
from cpu_models import (
    FORCE, NEWEST, OLDEST, LabChecks, ask, cpu_option, plug_cpu, random_cpu, rng,
    show_differences,
)
from guest_cpuid import Guest, GuestError
from made_hosts import no_made_hosts
from test_removed_features import NeedsKvm

TOPOLOGIES = ['1', '2,sockets=1,cores=1,threads=2',
              '4,sockets=1,dies=2,cores=2']
RANDOM = 12

# Vendor, level, and the name of the CPU: no kernel has a say in these.
KEPT = (0, 0x80000000, 0x80000002)
# A made host's kernel has this for XCR0 = 1, as KVM does.
XSAVE_SIZE = 0x240


def query(guest, index=0, **more):
    return guest.qmp.execute('query-cpu-cpuid',
                             {'cpu-index': index, **more})


class Checks(LabChecks):
    """The tests, for one accelerator."""

    def cpus(self):
        """(machine type, -cpu, -smp) of those to look at"""
        choose = rng(self.accel, 'cpuid')
        found = [(machine, cpu_option(name, {**self.lab.extra, **FORCE}),
                  choose.choice(TOPOLOGIES))
                 for name in self.lab.sample('cpuid') + ['max']
                 for machine in (OLDEST, NEWEST)]
        for _ in range(RANDOM):
            name, props = random_cpu(choose, self.lab)
            found.append((choose.choice(self.lab.machines), cpu_option(
                name, {**props, **self.lab.extra, **FORCE}),
                          choose.choice(TOPOLOGIES)))
        return found

    async def problem_of(self, machine, cpu, smp):
        """What is wrong with the answers about a guest; None if nothing"""
        try:
            async with Guest(self.lab.qemu, ['-machine', machine, '-cpu', cpu,
                                             '-smp', smp],
                             self.accel) as guest:
                cpus = await guest.qmp.execute('query-cpus-fast')
                replies = [await query(guest, c['cpu-index']) for c in cpus]
                views = await self.views(guest)
        except GuestError:
            return 'refused'
        for reply, view in zip(replies, views):
            keys = [(leaf['leaf'], leaf.get('subleaf', 0))
                    for leaf in reply['leaves']]
            if keys != sorted(keys):
                return 'not sorted'
            if found := not_answered(self.accel, view,
                                     view_of(reply)):
                return show_differences(found)
        return None

    def test_1_guest(self):
        """Each leaf and MSR is what the guest reads"""
        async def run():
            jobs = asyncio.Semaphore(3)

            async def one(cpu):
                async with jobs:
                    return await self.problem_of(*cpu)

            return await asyncio.gather(*map(one, cpus))

        cpus = self.cpus()
        found = asyncio.run(run())
        self.fail_if([f'{cpu}: {problem}' for cpu, problem in zip(cpus, found)
                      if problem and problem != 'refused'])
        self.assertLess(found.count('refused'), len(found) // 2)

    def test_2_errors(self):
        """No such CPU, and the process lives"""
        for args in (['-machine', 'none'], ['-machine', 'q35']):
            numbers = [-1, 1, 4711, 1 << 40, -(1 << 63)] + (
                [0] if 'none' in args else [])
            replies = ask(['-accel', self.accel, '-S', *args], [
                ('query-cpu-cpuid', {'cpu-index': n}) for n in numbers])
            for number, reply in zip(numbers, replies):
                self.assertEqual(
                    reply['error']['desc'],
                    f'There is no CPU with cpu-index {number}; '
                    'query-cpus-fast lists all')


class TestTcg(Checks, unittest.TestCase):
    """Under TCG, the ROM reads CPUID of the boot CPU."""
    accel = 'tcg'

    async def views(self, guest):
        return [await guest.view()]

    def test_kernel(self):
        """There is none that has changed anything"""
        async def ask_kernel():
            async with Guest(self.lab.qemu, [], 'tcg') as guest:
                before = await query(guest, kernel=False)
                with self.assertRaisesRegex(ExecuteError, 'under KVM'):
                    await query(guest, kernel=True)
                self.assertEqual(await query(guest), before)

        asyncio.run(ask_kernel())

    def test_running_guest(self):
        """What the guest changes does not change the answer"""
        async def look():
            async with Guest(self.lab.qemu, ['-cpu', 'Haswell'],
                             'tcg') as guest:
                before = await query(guest)
                await guest.view()
                return before, await query(guest)

        self.assertEqual(*asyncio.run(look()))


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM: what QEMU passed to it."""
    accel = 'kvm'

    async def views(self, guest):
        return guest.cpu_views()

    def test_hotplug(self):
        """A CPU that was plugged in"""
        async def look():
            async with Guest(self.lab.qemu, [
                    '-machine', NEWEST, '-cpu', 'qemu64', '-smp',
                    '1,maxcpus=4'], 'kvm') as guest:
                await plug_cpu(guest)
                cpus = await guest.qmp.execute('query-cpus-fast')
                index = max(cpu['cpu-index'] for cpu in cpus)
                return await query(guest, index), guest.cpu_views()

        reply, views = asyncio.run(look())
        self.assertEqual(len(views), 2)
        self.assertNotEqual(views[0], views[1])         # the APIC id
        self.assertEqual(not_answered('kvm', views[1], view_of(reply)), [])

    async def kernel_views(self, args, host=None):
        async with Guest(self.lab.qemu, args, 'kvm', host=host) as guest:
            return (await query(guest), await query(guest, kernel=True))

    def test_kernel(self):
        """What no kernel changes is the same there"""
        for cpu in ('qemu64', 'Skylake-Server,model-id=a b', 'EPYC'):
            with self.subTest(cpu):
                ours, kernels = map(view_of, asyncio.run(self.kernel_views(
                    ['-machine', NEWEST, '-cpu', cpu])))
                for leaf in KEPT:
                    self.assertEqual(ours.cpuid[leaf, 0],
                                     kernels.cpuid[leaf, 0])

    @unittest.skipIf(no_made_hosts(), no_made_hosts())
    def test_made_kernel(self):
        """It is the kernel that is asked: a made one has changed a leaf"""
        ours, kernels = map(view_of, asyncio.run(self.kernel_views(
            ['-machine', NEWEST, '-cpu', 'max'],
            host='intel-sapphirerapids')))
        self.assertNotEqual(ours.cpuid[0xd, 0][1], XSAVE_SIZE)
        self.assertEqual(kernels.cpuid[0xd, 0][1], XSAVE_SIZE)


if __name__ == '__main__':
    unittest.main()
