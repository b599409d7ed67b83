#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the patches for upstream bugs restore, in guests.

Answers: does the guest see what the SDM and the APM say, and what QEMU 10.0
shows on the same machine type, where an unpatched newer QEMU differs?  Each
test names the patches in patches/ without which it fails; on 10.0, which has
none of these bugs, all of them pass.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_bug_fixes
"""

import asyncio
import os
import unittest

from guest_cpuid import REGISTERS, ZEROS, Guest, GuestError, cache_size
from release_line import LINE, NEWEST
from test_removed_features import NeedsKvm

QEMU = os.environ.get('QTEST_QEMU_BINARY', '')
# The newest machine type of 10.0, which newer lines keep
MACHINE = 'pc-q35-10.0'
FORCE = 'x-force-features=on'

# Every cache of the socket is one
SMP_CACHE = ','.join(
    f'smp-cache.{n}.cache={cache},smp-cache.{n}.topology=socket'
    for n, cache in enumerate(('l1d', 'l1i', 'l2', 'l3')))

KIB, MIB = 1 << 10, 1 << 20
# In KiB: none has the size of a legacy cache.
CACHES = {'l1d': 16, 'l1i': 48, 'l2': 1024, 'l3': 8192}


def state_components(view):
    """The XSAVE state components that the CPU has: bits of XCR0 and IA32_XSS"""
    eax, _, _, edx = view.cpuid.get((0xd, 0), ZEROS)
    _, _, xss_low, xss_high = view.cpuid.get((0xd, 1), ZEROS)
    return (edx << 32 | eax) | (xss_high << 32 | xss_low)


def sharing(view, leaf):
    """
    EAX[25:14] of each cache, plus 1: how many threads share it (leaf 4: how
    many IDs they have)
    """
    found = []
    while view.cpuid.get((leaf, len(found)), ZEROS)[0] & 0x1f:
        found.append((view.cpuid[leaf, len(found)][0] >> 14 & 0xfff) + 1)
    return found


class Checks:
    """The tests of one accelerator"""
    accel = ''
    # Under KVM: with AVX-512, and the vendor that the caches depend on
    host = 'intel-sapphirerapids'
    # Components that a CPU with AVX-512 has
    avx512 = 0xe0
    # With and without features in leaf 0x1E, subleaf 1
    tmul_hosts = 'intel-diamondrapids', 'intel-sapphirerapids'

    def view(self, cpu, *args, machine=MACHINE, host=None):
        async def look():
            async with Guest(QEMU, ['-machine', machine, '-cpu', cpu, *args],
                             self.accel, host=host or self.host) as guest:
                return await guest.view()

        return asyncio.run(look())

    def test_state_components(self):
        """
        Leaf 0xD has subleaves of the CPU's components, and of no others
        (Hide XSAVE components that the CPU lacks)
        """
        for cpu, avx512 in (('Broadwell', 0), ('EPYC', 0),
                            ('Skylake-Server', self.avx512)):
            view = self.view(f'{cpu},{FORCE}')
            components = state_components(view)
            self.assertEqual(components & 0xe7, avx512 | 7)
            self.assertEqual(
                {subleaf for leaf, subleaf in view.cpuid
                 if leaf == 0xd and subleaf > 1},
                {bit for bit in range(2, 63) if components >> bit & 1}, cpu)

    def test_legacy_caches(self):
        """
        An Intel CPU without caches of its own has AMD's in all AMD's leaves
        (Keep the legacy caches of old machine types)
        """
        view = self.view(f'Nehalem,topoext=on,min-xlevel=0x8000001e,{FORCE}')
        self.assertEqual([cache_size(view, 0x8000001d, number)
                          for number in range(5)],
                         [(64 * KIB, 2), (64 * KIB, 2), (512 * KIB, 16),
                          (16 * MIB, 16), None])
        # The same sizes (APM vol. 3, Fn8000_0005 and Fn8000_0006)
        leaf_5, leaf_6 = (dict(zip(REGISTERS, view.cpuid[leaf, 0]))
                          for leaf in (0x80000005, 0x80000006))
        self.assertEqual([leaf_5['ECX'] >> 24, leaf_5['EDX'] >> 24,
                          leaf_6['ECX'] >> 16, leaf_6['EDX'] >> 18],
                         [64, 64, 512, 16 * MIB // (512 * KIB)])

    def test_physical_bits(self):
        """
        52 bits are the most (Refuse more than 52 physical address bits)
        """
        def cpu(bits):
            return f'EPYC,host-phys-bits=off,phys-bits={bits},check=off'

        self.assertEqual(self.view(cpu(52)).cpuid[0x80000008, 0][0] & 0xff, 52)
        for bits in 53, 64, 0xff:
            with self.assertRaisesRegex(
                    GuestError, rf'phys-bits should be .*52 +\(but is {bits}\)'):
                self.view(cpu(bits))

    def test_caches_of_old_models(self):
        """
        486 and the Pentiums have an L2 cache of 4 MiB in leaf 4, which dies
        raise the level to (Keep the caches of 486 and pentium)
        """
        for cpu in '486', 'pentium', 'pentium2', 'pentium3':
            view = self.view(f'{cpu},{FORCE}', '-smp', '4,dies=2,cores=2')
            self.assertEqual([cache_size(view, 4, number)
                              for number in range(4)],
                             [(32 * KIB, 8), (32 * KIB, 8), (4 * MIB, 16),
                              (16 * MIB, 16)], cpu)

    def test_other_caches_of_old_models(self):
        """
        They can have other caches, too (Keep the caches of 486 and pentium)
        """
        def caches(props, machine=MACHINE):
            view = self.view(','.join([cpu, FORCE, *props]), '-smp',
                             '4,dies=2,cores=2', machine=machine)
            return [cache_size(view, 4, number) for number in range(4)]

        given = [f'{name}-cache-info={size}K:line=64:ways=8:sets={size * 2}'
                 ':share=die' for name, size in CACHES.items()]
        for cpu in '486', 'pentium', 'pentium2', 'pentium3-v1':
            for props in [], ['legacy-cache=off'], ['legacy-cache=on']:
                self.assertEqual(caches(props + given),
                                 [(size * KIB, 8) for size in CACHES.values()],
                                 f'{cpu} {props}')
            if LINE == '10.0':
                # Refused
                with self.assertRaisesRegex(GuestError, 'legacy-cache=off'):
                    caches(['legacy-cache=off'])
                continue
            # Those that they have on newer machine types
            own = caches([], NEWEST)
            self.assertEqual(own[2], (2 * MIB, 8))
            self.assertEqual(caches(['legacy-cache=off']), own)
            self.assertEqual(caches(['legacy-cache=off'], NEWEST), own)
            self.assertEqual(caches(['legacy-cache=on'], NEWEST), caches([]))

    def test_shared_legacy_caches(self):
        """
        smp-cache applies to the legacy caches of both vendors
        (Keep the legacy caches of old machine types)
        """
        for machine, cpu, leaves in (
                # Leaf 4 does not say who shares the L1 caches there.
                ('pc-q35-6.0', 'phenom', {4: [1, 1, 4, 4]}),
                ('pc-q35-6.0', 'qemu64,level=4', {4: [1, 1, 4, 4]}),
                (MACHINE, 'Nehalem,topoext=on,min-xlevel=0x8000001e',
                 {4: [4] * 4, 0x8000001d: [4] * 4})):
            view = self.view(f'{cpu},{FORCE}', '-smp', '4,cores=2,threads=2',
                             machine=f'{machine},{SMP_CACHE}')
            for leaf, shared in leaves.items():
                self.assertEqual(sharing(view, leaf), shared,
                                 f'{machine} {cpu} {leaf:x}')

    def test_subleaves_of_tmul(self):
        """
        Leaf 0x1E has subleaf 1 if the CPU has features in it, whatever the
        host has (Take the subleaves of leaf 0x1E from the CPU)
        """
        cpus = [('SapphireRapids-v2', (0, 0x4010), 0)]
        if LINE != '10.0':
            cpus += [('SapphireRapids-v2,amx-fp8=on', (1, 0x4010), 0x10),
                     ('SapphireRapids-v2,amx-fp8=on,amx-movrs=on',
                      (1, 0x4010), 0x110),
                     ('SapphireRapids-v2,amx-fp8=on,amx-tile=off', (0, 0), 0)]
        for host in self.tmul_hosts:
            for cpu, leaf, features in cpus:
                view = self.view(f'{cpu},{FORCE}', host=host)
                self.assertEqual(
                    [view.cpuid.get((0x1e, number), ZEROS)
                     for number in range(2)],
                    [(*leaf, 0, 0), (features, 0, 0, 0)], f'{cpu} on {host}')


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'
    host = None
    avx512 = 0
    tmul_hosts = [None]


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""


if __name__ == '__main__':
    unittest.main()
