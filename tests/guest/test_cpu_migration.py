#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Does a guest keep its CPU when it migrates?

With -machine cpu-compat and -cpu custom, the CPU of a guest does not follow
from the machine type.  A target with the same CPU takes the guest, which
then sees the same CPUID as before; one whose CPU differs refuses, and names
the difference.  Guests with neither migrate from and to stock QEMU as ever
(with CHECK_FULL=1, for that takes a stock QEMU, which is built then).
"""

import asyncio
import json
import os
import re
import tempfile
import unittest

from cpu_models import FULL, QEMU, cpu_option, plug_cpu
from guest_cpuid import Guest, View, guest_view
import stock_qemu

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# Seconds.  It takes a fraction of one.
TIMEOUT = 60

# A machine type whose EPYC differs from the newest one's in many ways:
# caches, levels, features
OLD = 'pc-i440fx-2.4'
COMPAT = 'pc-q35-10.0,cpu-compat=' + OLD

ACCELS = ['tcg'] + (['kvm'] if os.access('/dev/kvm', os.R_OK | os.W_OK)
                    else [])

# This QEMU's KVM may refuse to set what its kernel offers.
EPYC = 'EPYC,arch-capabilities=off'


def guest_args(machine, cpu, *more):
    return ['-machine', machine, '-cpu', cpu, *more]


async def static_props(accel, model, machine_type):
    """The properties of a static expansion."""
    name, *options = model.split(',')
    props = {k: v == 'on' for k, v in (o.split('=') for o in options)}
    async with Guest(QEMU, ['-machine', 'pc-q35-10.0'], accel) as guest:
        answer = await guest.qmp.execute('query-cpu-model-expansion', {
            'type': 'static',
            'model': {'name': name, 'props': props,
                      'machine-type': machine_type}})
    return answer['model']['props']


class Result:
    """What became of a migration."""
    def __init__(self, status, stderr, view):
        self.status = status
        self.stderr = stderr
        self.view: View = view


async def migration_ended(qmp):
    while True:
        info = await qmp.execute('query-migrate')
        if info.get('status') in ('completed', 'failed'):
            return info['status']
        await asyncio.sleep(0.02)


async def migrate(accel, source_args, target_args, source=QEMU, target=QEMU,
                  plug=False):
    """
    Migrates a paused guest.  The result has the view of the target's guest,
    or None if the target has not taken it.
    """
    with tempfile.TemporaryDirectory(prefix='cpu-migration-') as tmp:
        uri = f'unix:{tmp}/socket'
        async with Guest(source, source_args, accel) as src, \
                Guest(target, target_args + ['-incoming', 'defer'],
                      accel) as dst:
            if plug:
                await plug_cpu(src)
                await plug_cpu(dst)
            await dst.qmp.execute('migrate-incoming', {'uri': uri})
            await src.qmp.execute('migrate', {'uri': uri})
            status = await asyncio.wait_for(migration_ended(src.qmp),
                                            TIMEOUT)
            try:
                # A target that refuses may do so after the source is done.
                status = await asyncio.wait_for(migration_ended(dst.qmp),
                                                TIMEOUT)
                view = await dst.view()
            except Exception:  # pylint: disable=broad-except
                status, view = 'failed', None
            return Result(status, dst.stderr(), view)


async def stream_description(qemu, accel, args):
    """The self-description of a guest's migration stream."""
    with tempfile.TemporaryDirectory(prefix='cpu-migration-') as tmp:
        path = os.path.join(tmp, 'stream')
        async with Guest(qemu, args, accel) as guest:
            await guest.qmp.execute('migrate', {'uri': f'file:{path}'})
            assert await migration_ended(guest.qmp) == 'completed'
        with open(path, 'rb') as f:
            data = f.read()
    # The last thing in a stream is its description, as JSON.
    return json.loads(data[data.rindex(b'{"configuration"'):])


class SameCPU(unittest.TestCase):
    """A target with the same CPU takes the guest."""

    def check(self, source, target, plug=False):
        for accel in ACCELS:
            with self.subTest(accel=accel):
                before = guest_view(QEMU, source, accel)
                result = asyncio.run(migrate(accel, source, target,
                                             plug=plug))
                self.assertEqual(result.status, 'completed', result.stderr)
                self.assertEqual(result.view, before)

    def test_cpu_compat(self):
        """from and to cpu-compat"""
        args = guest_args(COMPAT, EPYC, '-smp', '2')
        self.check(args, args)

    def test_cpu_compat_is_the_old_cpu(self):
        """what migrates is the CPU of the machine type in cpu-compat"""
        for accel in ACCELS:
            self.assertEqual(
                guest_view(QEMU, guest_args(COMPAT, EPYC), accel),
                guest_view(QEMU, guest_args(OLD, EPYC), accel))

    def test_hotplugged(self):
        """with a CPU plugged on both sides"""
        args = guest_args(COMPAT, EPYC, '-smp', '1,maxcpus=2')
        self.check(args, args, plug=True)

    def test_custom(self):
        """from and to custom, and between custom and cpu-compat"""
        for accel in ACCELS:
            props = asyncio.run(static_props(accel, EPYC, OLD))
            custom = guest_args('pc-q35-10.0', cpu_option('custom', props))
            compat = guest_args(COMPAT, EPYC)
            for source, target in ((custom, custom), (custom, compat),
                                   (compat, custom)):
                with self.subTest(accel=accel, source=source[1]):
                    before = guest_view(QEMU, source, accel)
                    result = asyncio.run(migrate(accel, source, target))
                    self.assertEqual(result.status, 'completed',
                                     result.stderr)
                    self.assertEqual(result.view, before)


class OtherCPU(unittest.TestCase):
    """A target whose CPU differs refuses, and names the difference."""

    def refused(self, source, target, *patterns, accel='tcg'):
        result = asyncio.run(migrate(accel, source, target))
        self.assertEqual(result.status, 'failed', result.stderr)
        for pattern in (*patterns, 'CPU 0 of the target is not the CPU that '
                        'the guest has been running on'):
            self.assertRegex(result.stderr, pattern)

    def test_feature(self):
        """a feature less at the target, or more"""
        for accel in ACCELS:
            # What the kernel offers here is little.
            feature = 'avx2' if accel == 'tcg' else 'clflushopt'
            with self.subTest(accel=accel):
                more = guest_args(COMPAT, EPYC)
                less = guest_args(COMPAT, f'{EPYC},{feature}=off')
                self.refused(more, less, 'only the CPU of the source has '
                             rf'(.*, )?{feature}\b', accel=accel)
                self.refused(less, more, 'only the CPU of the target has '
                             rf'(.*, )?{feature}\b', accel=accel)

    def test_machine_type(self):
        """the target has the CPU of its own machine type, or a third's"""
        source = guest_args(COMPAT, EPYC)
        for machine in ('pc-q35-10.0', 'pc-q35-10.0,cpu-compat=pc-q35-5.0'):
            with self.subTest(machine=machine):
                self.refused(source, guest_args(machine, EPYC),
                             'CPUID leaf 0x2, sub-leaf 0, EDX differs')

    def test_properties(self):
        """properties that are no features"""
        for prop, pattern in (
                ('min-level=0x14', 'CPUID leaf 0x0, sub-leaf 0, EAX differs: '
                 '0xd at the source, 0x14 at the target'),
                ('stepping=7', 'CPUID leaf 0x1, sub-leaf 0, EAX differs'),
                ('model-id=x', 'CPUID leaf 0x80000002, sub-leaf 0, EAX'),
                ('phys-bits=41', 'CPUID leaf 0x80000008, sub-leaf 0, EAX '
                 'differs: 0x3028 at the source, 0x3029 at the target'),
                ('legacy-cache=off', 'CPUID leaf 0x4, sub-leaf 1, EBX'),
                ('hv-relaxed=on', r'Hyper-V enlightenments \(hv-\*\) differ: '
                 '0x0 at the source, 0x1 at the target')):
            with self.subTest(prop=prop):
                self.refused(guest_args(COMPAT, EPYC),
                             guest_args(COMPAT, f'{EPYC},{prop}'), pattern)

    @unittest.skipUnless('kvm' in ACCELS, '/dev/kvm does not open')
    def test_kvm_feature(self):
        """one of KVM's own features"""
        self.refused(guest_args(COMPAT, EPYC),
                     guest_args(COMPAT, EPYC + ',kvm-steal-time=off'),
                     'only the CPU of the source has kvm-steal-time',
                     accel='kvm')

    def test_other_model(self):
        """another CPU model at the target, without cpu-compat"""
        self.refused(guest_args(COMPAT, EPYC),
                     guest_args('pc-q35-10.0', 'qemu64'),
                     'only the CPU of the source has')


@unittest.skipUnless(FULL, 'builds stock QEMU; CHECK_FULL=1')
class StockQEMU(unittest.TestCase):
    """Nothing has changed for all other guests."""

    @classmethod
    def setUpClass(cls):
        cls.stock = stock_qemu.build_stock(
            os.environ['LINE'],
            os.path.abspath(os.path.join(REPO,
                                         os.environ.get('BUILD', 'build'))))

    def guests(self):
        """Arguments: models x machine types, with cpu options"""
        for machine in (OLD, 'pc-i440fx-5.1', 'pc-q35-3.1', 'pc-q35-10.0'):
            for cpu in (EPYC, 'qemu64,x2apic=on', 'Skylake-Server-v4,'
                        'arch-capabilities=off,hv-relaxed=on', 'base,lm=on'):
                yield guest_args(machine, cpu, '-smp', '2')

    def test_both_directions(self):
        """guests migrate from and to stock QEMU"""
        for accel in ACCELS:
            for args in self.guests():
                with self.subTest(accel=accel, args=args):
                    before = guest_view(self.stock, args, accel)
                    there = asyncio.run(migrate(accel, args, args,
                                                source=self.stock))
                    self.assertEqual(there.status, 'completed', there.stderr)
                    self.assertEqual(there.view, before)
                    back = asyncio.run(migrate(accel, args, args,
                                               target=self.stock))
                    self.assertEqual(back.status, 'completed', back.stderr)
                    self.assertEqual(back.view, before)

    def test_same_stream(self):
        """the stream has the same sections and fields as stock QEMU's"""
        for accel in ACCELS:
            for args in self.guests():
                with self.subTest(accel=accel, args=args):
                    ours, stock = (
                        asyncio.run(stream_description(qemu, accel, args))
                        for qemu in (QEMU, self.stock))
                    self.assertEqual(ours, stock)

    def test_fingerprint_is_refused(self):
        """stock QEMU refuses a stream with a fingerprint"""
        result = asyncio.run(migrate('tcg', guest_args(COMPAT, EPYC),
                                     guest_args('pc-q35-10.0', EPYC),
                                     target=self.stock))
        self.assertEqual(result.status, 'failed')
        self.assertTrue(re.search("device 'cpu'", result.stderr),
                        result.stderr)


if __name__ == '__main__':
    unittest.main()
