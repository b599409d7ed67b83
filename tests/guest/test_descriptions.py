#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Stored descriptions of CPUs: complete, and about everything.

Answers: does "custom" take each property by any of its names, wherever it
is given, and does a command say of an incomplete description what a start
would say?  Is a CPU without a vendor described?  Is Intel PT, where an old
machine type has no room for its CPUID leaf?  Guests are the judges.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_descriptions
"""

import asyncio
import contextlib
import os
import re
import unittest
from unittest import mock

from qemu.qmp import ExecuteError

from cpu_models import (
    FORCE, NEWEST, OLDEST, QEMU, Lab, ask, cpu_option, differences,
    expansion, option, plug_cpu, show_differences,
)
from guest_cpuid import Guest, GuestError, guest_view, register
from test_offered_features import INTEL_PT, shim, spec
from test_removed_features import NeedsKvm

INCOMPLETE = ("CPU model 'custom' must be fully specified, as the static "
              'expansion of a CPU model is; missing: ')
CUSTOM_TYPE = 'custom-x86_64-cpu'
CACHES = ['l1d-cache-info', 'l1i-cache-info', 'l2-cache-info',
          'l3-cache-info']
SMP_HOTPLUG = '1,sockets=1,cores=3,threads=1,maxcpus=3'
TOPOLOGIES = ['1', '4,sockets=1,dies=2,cores=2',
              '4,sockets=1,modules=2,cores=2']


def expand(name, props=None, machine=None, args=('-machine', 'none'),
           accel='tcg'):
    """The properties of a static expansion"""
    reply = ask(['-accel', accel, *args],
                [expansion('static', name, props, machine)])[0]
    return reply['return']['model']['props']


def without(props, *names):
    return {k: v for k, v in props.items() if k not in names}


def refusal(args, accel='tcg'):
    """Why QEMU does not start"""
    try:
        guest_view(QEMU, args, accel)
    except GuestError as exc:
        # Whichever part of QEMU says so
        found = re.search(r'^\S*qemu-system-\S+: (?:-\S+ \S+: )?(.*)',
                          str(exc), re.M)
        return found[1] if found else str(exc)
    return 'it starts'


class Vendor:
    """CPUs without a vendor"""
    accel = ''

    def look(self, machine, cpu):
        return guest_view(QEMU, ['-machine', machine, '-cpu', cpu],
                          self.accel)

    def test_described(self):
        """A description of "base" is the CPU, and says it has no vendor"""
        for extra in ({}, {'min-level': 7, 'lm': True, 'avx2': True}):
            for machine in OLDEST, NEWEST:
                original = self.look(machine, cpu_option('base', {
                    **extra, **FORCE}))
                self.assertEqual(original.cpuid.get((0, 0), (0, 0, 0, 0))[1:],
                                 (0, 0, 0))
                props = expand('base', extra, machine, accel=self.accel)
                self.assertEqual(props['vendor'], '')
                for name in 'base', 'custom':
                    for other in OLDEST, NEWEST:
                        copy = self.look(other, cpu_option(name, {
                            **props, **FORCE}))
                        found = differences(original, copy)
                        self.assertFalse(found, show_differences(found))
                # By command as well, and again
                for name in 'base', 'custom':
                    self.assertEqual(expand(name, props, accel=self.accel),
                                     props)

    def test_last_one_counts(self):
        """Like any other value, it can be set and set again"""
        for cpu, vendor in (
                ('base,vendor=GenuineIntel,vendor=', (0, 0, 0)),
                ('base,vendor=,vendor=GenuineIntel',
                 (0x756e6547, 0x6c65746e, 0x49656e69))):
            view = self.look(NEWEST, cpu + ',level=1')
            # EBX, ECX, EDX (SDM vol. 2A, CPUID leaf 0)
            self.assertEqual(view.cpuid[0, 0][1:], vendor)

    def test_others_have_one(self):
        """All other models must have 12 characters, as with stock QEMU"""
        error = ("value of property 'vendor' must consist of exactly 12 "
                 'characters')
        for cpu in 'EPYC,vendor=', 'max,vendor=', 'base,vendor=x':
            self.assertRegex(
                refusal(['-machine', NEWEST, '-cpu', cpu], self.accel), error)


class VendorTcg(Vendor, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class VendorKvm(NeedsKvm, Vendor, unittest.TestCase):
    """Under KVM."""
    accel = 'kvm'


class IntelPt:
    """
    Intel PT, which machine types up to 3.1 take away where the CPU's floor
    for leaves is below 0x14, unless x-force-features is on
    """
    accel = ''
    offers = None
    MACHINES = [OLDEST, 'pc-q35-2.9', 'pc-q35-3.1', NEWEST]
    DROPS = {'pc-q35-2.9', 'pc-q35-3.1'}

    def describe(self, model, props, machine):
        with self.offering():
            return expand(model, props, machine, accel=self.accel)

    @contextlib.contextmanager
    def offering(self):
        with contextlib.ExitStack() as stack:
            if self.offers:
                stack.enter_context(mock.patch.dict(os.environ, {
                    'LD_PRELOAD': shim(),
                    'KVM_CPUID_SHIM_OFFERS': self.offers}))
            yield

    def look(self, machine, cpu, smp):
        """What the guest sees, and what of Intel PT was removed, or None"""
        async def run():
            args = ['-machine', machine, '-cpu', cpu, '-smp', smp]
            try:
                async with Guest(QEMU, args, self.accel, self.offers) as guest:
                    cpus = await guest.qmp.execute('query-cpus-fast')
                    removed = await guest.qmp.execute('qom-get', {
                        'path': cpus[0]['qom-path'],
                        'property': 'removed-features'})
                    view = await guest.view()
            except GuestError as exc:
                if 'support requested features' not in str(exc):
                    raise
                return None
            return view, [(e['feature'], e['reason'], e['blocking'])
                          for e in removed if 'intel-pt' in e['feature']]

        return asyncio.run(run())

    def check(self, machine, settings, model='Nehalem', more=None):
        """Returns whether the guest has it, and what was removed."""
        asked = {'intel-pt': True, **(more or {})}
        props = self.describe(model, asked, machine)
        seen = []
        for smp in TOPOLOGIES:
            original = self.look(machine, cpu_option(model, {
                **asked, **settings}), smp)
            for target in machine, NEWEST:
                copy = self.look(target, cpu_option('base', {
                    **props, **settings}), smp)
                what = f'{settings}, {machine}, {target}, {smp}: '
                if original is None or copy is None:
                    self.assertEqual(original, copy, what)
                    continue
                self.assertEqual(original[1], copy[1], what)
                found = differences(original[0], copy[0])
                self.assertFalse(found, what + show_differences(found))
            # Bit 25 of leaf 7, EBX (SDM vol. 2A, CPUID)
            seen.append(original and (
                register(original[0], 7, 0, 'EBX') >> 25 & 1, original[1]))
        return seen

    def test_forced(self):
        """The guest has it, whatever the topology"""
        for machine in self.MACHINES:
            for has, removed in self.check(machine, FORCE):
                self.assertTrue(has)
                # TCG has no more than one reason for what it can't do.
                self.assertEqual(
                    ('intel-pt', 'level', True) in removed,
                    self.accel == 'kvm' and machine in self.DROPS)

    def test_not_forced(self):
        """It is removed, for the same reason"""
        for machine in self.MACHINES:
            self.check(machine, {})

    def test_enforced(self):
        """It stops what is to be enforced"""
        # A CPU with nothing else that a host could lack
        cpu = 'base', {'min-level': 7}
        for machine in self.DROPS:
            self.assertEqual(self.check(machine, {'enforce': True}, *cpu),
                             [None] * len(TOPOLOGIES))
            self.assertIsNotNone(self.look(machine, cpu_option(
                cpu[0], {**cpu[1], 'enforce': True}), '1'))


class IntelPtTcg(IntelPt, unittest.TestCase):
    """Under TCG, which can't do it."""
    accel = 'tcg'


class IntelPtKvm(NeedsKvm, IntelPt, unittest.TestCase):
    """Where KVM offers it."""
    accel = 'kvm'
    offers = spec(INTEL_PT)


if __name__ == '__main__':
    unittest.main()
