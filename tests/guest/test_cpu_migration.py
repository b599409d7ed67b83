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
import contextlib
import itertools
import json
import os
import random
import re
import subprocess
import tempfile
import time
import unittest
import unittest.mock

from cpu_models import FULL, QEMU, cpu_option, plug_cpu
from guest_cpuid import Guest, View, guest_view
from made_hosts import load_made, no_kvm
from release_line import NEWEST, has_type, of_line
import stock_qemu
from test_offered_features import spec

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# Seconds.  It takes a fraction of one.
TIMEOUT = 60

# A machine type whose EPYC differs from the newest one's in many ways:
# caches, levels, features
OLD = of_line('pc-i440fx-2.4')
COMPAT = 'pc-q35-10.0,cpu-compat=' + OLD

# On a made host, its KVM alone is of interest.
ACCELS = ['tcg'] * (load_made() is None) + ['kvm'] * (no_kvm() is None)

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


def setUpModule():
    """On a made host there may be neither."""
    if not ACCELS:
        raise unittest.SkipTest(no_kvm())


class Result:
    """What became of a migration."""
    def __init__(self, status, stderr, view, error=None):
        self.status = status
        self.stderr = stderr
        self.view: View = view
        # What query-migrate says at the target
        self.error = error


async def migration_ended(qmp):
    while True:
        info = await qmp.execute('query-migrate')
        if info.get('status') in ('completed', 'failed'):
            return info['status']
        await asyncio.sleep(0.02)


async def migrate(accel, source_args, target_args, source=QEMU, target=QEMU,
                  plug=False, offers=None, prepare=None, **incoming):
    """
    Migrates a paused guest.  The result has the view of the target's guest,
    or None if the target has not taken it.  prepare gets the source's
    before that, and migrate-incoming what else there is.
    """
    with tempfile.TemporaryDirectory(prefix='cpu-migration-') as tmp:
        uri = f'unix:{tmp}/socket'
        async with Guest(source, source_args, accel, offers) as src, \
                Guest(target, target_args + ['-incoming', 'defer'],
                      accel, offers) as dst:
            if prepare:
                await prepare(src)
            if plug:
                await plug_cpu(src)
                await plug_cpu(dst)
            await dst.qmp.execute('migrate-incoming', {'uri': uri, **incoming})
            await src.qmp.execute('migrate', {'uri': uri})
            status = await asyncio.wait_for(migration_ended(src.qmp),
                                            TIMEOUT)
            error = view = None
            try:
                # A target that refuses may do so after the source is done.
                status = await asyncio.wait_for(migration_ended(dst.qmp),
                                                TIMEOUT)
                info = await dst.qmp.execute('query-migrate')
                error = info.get('error-desc')
                if status == 'completed':
                    view = await dst.view()
            except Exception:  # pylint: disable=broad-except
                status, view = 'failed', None
            return Result(status, dst.stderr(), view, error)


class Onward:
    """Migrates a paused guest from one QEMU to the next."""

    def __init__(self, accel, stack):
        self.accel, self.stack, self.guest, self.plugged = accel, stack, None, 0
        self.tmp = stack.enter_context(
            tempfile.TemporaryDirectory(prefix='cpu-migration-'))

    async def start(self, *args):
        guest = await self.stack.enter_async_context(
            Guest(QEMU, list(args), self.accel))
        # So that the source learns what the target thinks of it
        await guest.qmp.execute('migrate-set-capabilities', {
            'capabilities': [{'capability': 'return-path', 'state': True}]})
        return guest

    async def plug(self):
        await plug_cpu(self.guest)
        self.plugged = 1

    async def migrate(self, args):
        """Whether a QEMU with these options takes it"""
        target = await self.start(*args, '-incoming', 'defer')
        if self.plugged:
            await plug_cpu(target)
        uri = f'unix:{self.tmp}/{id(target)}'
        await target.qmp.execute('migrate-incoming', {'uri': uri})
        await self.guest.qmp.execute('migrate', {'uri': uri})
        status = await asyncio.wait_for(migration_ended(self.guest.qmp),
                                        TIMEOUT)
        if status == 'completed':
            self.guest = target
        return status == 'completed'


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

    async def migrate_onward(self, accel, compat, plain, plug):
        async with contextlib.AsyncExitStack() as stack:
            onward = Onward(accel, stack)
            onward.guest = await onward.start(*compat)
            self.assertTrue(await onward.migrate(plain))
            if plug:
                await onward.plug()
            other = [arg.replace('EPYC', 'EPYC,model-id=other')
                     for arg in plain]
            self.assertFalse(await onward.migrate(other))
            self.assertTrue(await onward.migrate(compat),
                            onward.guest.stderr())
            return await onward.guest.view()

    def test_onward(self):
        """
        from cpu-compat through a QEMU without it, which plugs a CPU, and offers
        the guest to one with another CPU
        """
        compat, plain = (guest_args(machine, EPYC, '-smp', '1,maxcpus=2')
                         for machine in ('pc-q35-10.0,cpu-compat=pc-q35-10.0',
                                         'pc-q35-10.0'))
        for accel in ACCELS:
            for plug in False, True:
                with self.subTest(accel=accel, plug=plug):
                    self.assertEqual(
                        asyncio.run(self.migrate_onward(accel, compat, plain,
                                                        plug)),
                        guest_view(QEMU, compat, accel))

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


# A ROM that disables the APIC: it clears bit 11 of IA32_APIC_BASE (SDM vol. 3,
# "Local APIC Status and Location"), in real mode, and halts.
NO_APIC_CODE = bytes.fromhex('66b91b000000'      # mov ecx, 0x1b
                             '0f32'              # rdmsr
                             '6625fff7ffff'      # and eax, ~(1 << 11)
                             '0f30'              # wrmsr
                             'f4ebfd')           # hlt, for ever


def write_rom(path, code):
    """A ROM of 64 KiB that runs code when the CPU is reset"""
    rom = bytearray(b'\xf4' * 0x10000)
    rom[0:len(code)] = code
    # At 0xfff0, a near jump to offset 0
    rom[0xfff0:0xfff3] = bytes.fromhex('e90d00')
    with open(path, 'wb') as f:
        f.write(rom)


class DynamicBits(unittest.TestCase):
    """What the guest changes is not another CPU."""

    def test_apic_disabled(self):
        """a guest that has disabled its APIC is taken"""
        async def disable(guest):
            path = (await guest.qmp.execute('query-cpus-fast'))[0]['qom-path']
            await guest.qmp.execute('cont')

            async def read(name):
                return await guest.qmp.execute(
                    'qom-get', {'path': path, 'property': name})
            for _ in range(TIMEOUT * 50):
                if not await read('apic'):
                    break
                await asyncio.sleep(0.02)
            # The word has changed; what was asked for has not.
            self.assertFalse(await read('apic'))
            self.assertTrue(await read('f-apic'))
            self.assertNotIn('apic', [r['feature'] for r in
                                      await read('removed-features')])

        with tempfile.TemporaryDirectory() as tmp:
            rom = os.path.join(tmp, 'rom')
            write_rom(rom, NO_APIC_CODE)
            for cpu in (EPYC, 'Skylake-Client'):
                with self.subTest(cpu=cpu):
                    args = guest_args(COMPAT, cpu, '-bios', rom)
                    with unittest.mock.patch.object(Guest, 'view', no_view):
                        result = asyncio.run(migrate(
                            'tcg', args, args, prepare=disable))
                    self.assertEqual(result.status, 'completed',
                                     result.stderr)


async def no_view(_guest):
    """This ROM does not tell what it sees."""


# A kernel that has Hyper-V enlightenments, and gives any TSC frequency
HYPERV = spec({'cap 44 is': 1, 'cap 60 is': 1, 'accept 0xaea2': None})

VERDICT = 'CPU 0 of the target is not the CPU that the guest has been running on'


def told_reasons(stderr):
    """Why the target has refused: what it prints after the verdict, or None"""
    lines = iter(stderr.splitlines())
    if not any(line.endswith(VERDICT) for line in lines):
        return None
    return [line.strip() for line in
            itertools.takewhile(lambda line: line.startswith('  '), lines)]


class OtherCPU(unittest.TestCase):
    """A target whose CPU differs refuses, and names the difference."""

    def refusal(self, source, target, accel='tcg', offers=None):
        """The reasons of the refusal"""
        result = asyncio.run(migrate(accel, source, target, offers=offers))
        self.assertEqual(result.status, 'failed', result.stderr)
        why = told_reasons(result.stderr)
        self.assertIsNotNone(why, result.stderr)
        # Options, differences, and how many there are besides
        self.assertLessEqual(len([line for line in why if not
                                  line.startswith('the source has')]), 4)
        return why

    def refused(self, source, target, *patterns, **kwargs):
        text = '\n'.join(self.refusal(source, target, **kwargs))
        for pattern in patterns:
            self.assertRegex(text, '(?m)^' + pattern)

    def test_feature(self):
        """a feature less at the target, or more"""
        for accel in ACCELS:
            with self.subTest(accel=accel):
                # Every host has it, and nothing depends on it.
                more = guest_args(COMPAT, EPYC)
                less = guest_args(COMPAT, f'{EPYC},clflush=off')
                self.refused(more, less, 'only the CPU of the source has '
                             r'(.*, )?clflush\b', accel=accel)
                self.refused(less, more, 'only the CPU of the target has '
                             r'(.*, )?clflush\b', accel=accel)

    def test_machine_type(self):
        """the target has the CPU of its own machine type, or a third's"""
        source = guest_args(COMPAT, EPYC)
        third = 'pc-q35-5.0' if has_type('pc-q35-5.0') else NEWEST
        for machine, has in (
                ('pc-q35-10.0', 'no cpu-compat'),
                ('pc-q35-10.0,cpu-compat=' + third, 'cpu-compat=' + third)):
            with self.subTest(machine=machine):
                why = self.refusal(source, guest_args(machine, EPYC))
                self.assertEqual(why[0], 'the source has cpu-compat=' + OLD +
                                 ', the target has ' + has)
                self.assertRegex(why[1], '^caches: CPUID leaf 0x2')
                if has_type('pc-i440fx-2.4'):
                    self.assertRegex(why[-1], r'^and \d+ more differences$')
                    self.assertEqual(len(why), 5)

    def test_properties(self):
        """properties that are not features"""
        for prop, pattern in (
                ('min-level=0x14', 'level: CPUID leaf 0x0, subleaf 0, EAX '
                 'differs: 0xd at the source, 0x14 at the target$'),
                ('stepping=7', 'family, model or stepping: CPUID leaf 0x1, '
                 'subleaf 0, EAX differs'),
                ('model-id=x', 'model-id: CPUID leaf 0x80000002, subleaf 0, '
                 'EAX differs: .*\\Z'),
                ('phys-bits=41', 'phys-bits or guest-phys-bits: CPUID leaf '
                 '0x80000008, subleaf 0, EAX differs: 0x3028 at the source, '
                 '0x3029 at the target$'),
                # EPYC's default on old machine types, and on newer ones
                ('legacy-cache=' + ('off' if has_type('pc-i440fx-2.12') else
                                    'on'), 'caches: CPUID leaf 0x'),
                ('ucode-rev=0x42', 'ucode-rev: MSR 0x8b, low half differs: '
                 '0x1000065 at the source, 0x42 at the target$'),
                ('ucode-rev=0x4200000065', 'ucode-rev: MSR 0x8b'),
                ('lmce=on', 'lmce: MSR 0x179')):
            with self.subTest(prop=prop):
                self.refused(guest_args(COMPAT, EPYC),
                             guest_args(COMPAT, f'{EPYC},{prop}'), pattern)

    @unittest.skipUnless('kvm' in ACCELS, '/dev/kvm does not open')
    def test_kvm_feature(self):
        """one of KVM's own features"""
        for cpu in (EPYC, EPYC + ',hv-relaxed=on'):
            self.refused(guest_args(COMPAT, cpu),
                         guest_args(COMPAT, cpu + ',kvm-nopiodelay=off'),
                         'only the CPU of the source has kvm-nopiodelay$',
                         accel='kvm', offers=HYPERV)

    @unittest.skipUnless('kvm' in ACCELS, '/dev/kvm does not open')
    def test_hypervisor_leaves(self):
        """what is in the leaves of hypervisors alone"""
        # Older ones have it off.
        machine = 'pc-q35-10.0,cpu-compat=pc-q35-9.0'
        freq = EPYC + ',tsc-frequency=2000000000'
        hv = EPYC + ',hv-relaxed=on'
        for source, target, pattern in (
                (EPYC, hv, r'only the CPU of the target has Hyper-V '
                 r'enlightenments \(hv-\*\)\Z'),
                (hv, hv + ',hv-vapic=on',
                 'only the CPU of the target has hv-vapic$'),
                (hv, hv + ',hv-vendor-id=KVM',
                 'hv-vendor-id: CPUID leaf 0x40000000'),
                (hv, hv + ',hv-spinlocks=0xfff', 'hv-spinlocks: CPUID leaf '
                 '0x40000004, subleaf 0, EBX differs: 0xffffffff at the '
                 'source, 0xfff at the target$'),
                (hv, hv + ',hv-version-id-build=1',
                 r'hv-version-id-\*: CPUID leaf 0x40000002'),
                (hv, hv + ',x-hv-max-vps=64', 'x-hv-max-vps: CPUID leaf'),
                (freq, freq + ',vmware-cpuid-freq=off',
                 '.*CPUID leaf 0x40000000|vmware-cpuid-freq')):
            for a, b, swapped in ((source, target, pattern),
                                  (target, source,
                                   pattern.replace('of the target',
                                                   'of the source'))):
                if swapped == pattern and a == target:
                    swapped = pattern.partition(' differs')[0]
                with self.subTest(source=a, target=b):
                    self.refused(guest_args(machine, a),
                                 guest_args(machine, b), swapped,
                                 accel='kvm', offers=HYPERV)

    def test_other_model(self):
        """another CPU model at the target, without cpu-compat"""
        why = self.refusal(guest_args(COMPAT, EPYC),
                           guest_args('pc-q35-10.0', 'qemu64'))
        self.assertEqual(why[:2], [
            f'the source has cpu-compat={OLD}, the target has no cpu-compat',
            'the source has CPU model EPYC, the target has CPU model qemu64'])

    def test_no_fingerprint(self):
        """a stream that does not say which CPU the guest has"""
        plain = guest_args('pc-q35-10.0', EPYC)
        for accel in ACCELS:
            props = asyncio.run(static_props(accel, EPYC, 'pc-q35-10.0'))
            for target in (
                    guest_args('pc-q35-10.0,cpu-compat=pc-q35-10.0', EPYC),
                    guest_args('pc-q35-10.0', cpu_option('custom', props))):
                with self.subTest(accel=accel, target=target[1]):
                    result = asyncio.run(migrate(accel, plain, target))
                    self.assertEqual(result.status, 'failed')
                    self.assertIn('does not say which CPU the guest has been '
                                  'running on', result.stderr)

    def test_error_of_query_migrate(self):
        """a target that lives on says over QMP what it says on stderr"""
        plain = guest_args('pc-q35-10.0', EPYC)
        lives_on = {'exit-on-error': False}
        for accel in ACCELS:
            with self.subTest(accel=accel):
                result = asyncio.run(migrate(
                    accel, guest_args(COMPAT, EPYC), plain, **lives_on))
                self.assertEqual(result.status, 'failed')
                why = told_reasons(result.stderr)
                self.assertIsNotNone(why, result.stderr)
                self.assertGreater(len(why), 1)
                self.assertEqual(result.error, f'{VERDICT}: {"; ".join(why)}')
                result = asyncio.run(migrate(
                    accel, plain, guest_args(COMPAT, EPYC), **lives_on))
                self.assertEqual(result.status, 'failed')
                self.assertRegex(result.error, '^the migration stream does '
                                 'not say which CPU .* introspection$')


async def run_job(qmp, command, **arguments):
    """Runs a job, and returns its error, or None."""
    await qmp.execute(command, {'job-id': 'job', **arguments})
    while True:
        job, = await qmp.execute('query-jobs')
        if job['status'] == 'concluded':
            await qmp.execute('job-dismiss', {'id': 'job'})
            return job.get('error')
        await asyncio.sleep(0.02)


class Snapshots(unittest.TestCase):
    """A guest may be loaded more than once by the same QEMU."""

    def setUp(self):
        # pylint: disable-next=consider-using-with
        tmp = tempfile.TemporaryDirectory(prefix='cpu-migration-')
        self.addCleanup(tmp.cleanup)
        self.image = os.path.join(tmp.name, 'image')

    async def open_image(self, qmp):
        await qmp.execute('blockdev-add', {
            'driver': 'qcow2', 'node-name': 'disk',
            'file': {'driver': 'file', 'filename': self.image}})

    async def make_image(self, qmp):
        size = 1 << 24
        options = {'driver': 'file', 'filename': self.image}
        self.assertIsNone(await run_job(
            qmp, 'blockdev-create', options={**options, 'size': 0}))
        await qmp.execute('blockdev-add', {**options, 'node-name': 'file'})
        self.assertIsNone(await run_job(
            qmp, 'blockdev-create', options={
                'driver': 'qcow2', 'file': 'file', 'size': size}))
        await qmp.execute('blockdev-del', {'node-name': 'file'})

    async def snapshot(self, qmp, what, tag):
        return await run_job(qmp, f'snapshot-{what}', tag=tag, vmstate='disk',
                             devices=['disk'])

    async def go_back(self, accel):
        """Loads a guest's own snapshot, one of another, and its own."""
        async with Guest(QEMU, guest_args('pc-q35-10.0', EPYC),
                         accel) as guest:
            await self.make_image(guest.qmp)
            await self.open_image(guest.qmp)
            self.assertIsNone(await self.snapshot(guest.qmp, 'save', 'plain'))
        async with Guest(QEMU, guest_args(COMPAT, EPYC), accel) as guest:
            await self.open_image(guest.qmp)
            self.assertIsNone(await self.snapshot(guest.qmp, 'save', 'own'))
            for tag in ('own', 'plain', 'own'):
                error = await self.snapshot(guest.qmp, 'load', tag)
                self.assertEqual(bool(error), tag == 'plain', tag)
            self.assertEqual(guest.stderr().count(
                'does not say which CPU the guest has been running on'), 1)

    def test_other_guest(self):
        """a snapshot without a fingerprint, after one with it"""
        for accel in ACCELS:
            with self.subTest(accel=accel):
                asyncio.run(self.go_back(accel))

    async def saves_fingerprint(self, qmp, tag):
        """Whether a new snapshot has one; no cluster was freed before."""
        with open(self.image, 'rb') as f:
            before = f.read().count(NAME)
        self.assertIsNone(await self.snapshot(qmp, 'save', tag))
        with open(self.image, 'rb') as f:
            return f.read().count(NAME) > before

    async def go_on(self, accel):
        """Saves what was loaded, by a QEMU that needs no fingerprint itself."""
        plain = 'pc-q35-10.0'
        for machine, tag in (plain, 'plain'), (f'{plain},cpu-compat={plain}',
                                               'own'):
            async with Guest(QEMU, guest_args(machine, EPYC), accel) as guest:
                if tag == 'plain':
                    await self.make_image(guest.qmp)
                await self.open_image(guest.qmp)
                self.assertEqual(await self.saves_fingerprint(guest.qmp, tag),
                                 tag == 'own')
        async with Guest(QEMU, guest_args(plain, EPYC), accel) as guest:
            await self.open_image(guest.qmp)
            for n, tag in enumerate(['plain', 'own', 'plain', 'own']):
                self.assertIsNone(await self.snapshot(guest.qmp, 'load', tag))
                self.assertEqual(
                    await self.saves_fingerprint(guest.qmp, f'new{n}'),
                    tag == 'own')

    def test_same_guest(self):
        """a guest keeps its fingerprint as long as it is that guest"""
        for accel in ACCELS:
            with self.subTest(accel=accel):
                asyncio.run(self.go_on(accel))


# Of the section of vmstate_x86_cpu_fingerprint, after its name: version, two
# names of 64 bytes each, the number of words, the words
NAME = b'cpu/fingerprint'
COUNT = 4 + 2 * 64


class CorruptStream(unittest.TestCase):
    """A fingerprint that is none is refused in a few lines."""

    @classmethod
    def setUpClass(cls):
        # No warnings about what TCG lacks
        cls.args = guest_args(COMPAT, EPYC + ',check=off')

        async def save(path):
            async with Guest(QEMU, cls.args, 'tcg') as guest:
                await guest.qmp.execute('migrate', {'uri': f'file:{path}'})
                assert await migration_ended(guest.qmp) == 'completed'

        with tempfile.TemporaryDirectory(prefix='cpu-migration-') as tmp:
            path = os.path.join(tmp, 'stream')
            asyncio.run(save(path))
            with open(path, 'rb') as f:
                cls.stream = f.read()
        cls.start = cls.stream.index(NAME) + len(NAME)

    def load(self, stream):
        """The status of a QEMU that loads it, and its stderr"""
        with tempfile.NamedTemporaryFile() as f:
            f.write(stream)
            f.flush()
            with subprocess.Popen(
                    [QEMU, '-S', '-nodefaults', '-display', 'none', '-accel',
                     'tcg', '-bios', os.path.join(os.environ['GUEST_BUILD'],
                                                  'cpuid-rom.bin'),
                     '-chardev', 'null,id=rom', '-device',
                     'isa-debugcon,iobase=0x402,chardev=rom',
                     '-no-user-config', '-no-reboot', *self.args,
                     '-incoming', f'file:{f.name}', '-qmp', 'stdio'],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, text=True) as process:
                with contextlib.suppress(BrokenPipeError, EOFError):
                    self.wait_and_quit(process)
                stderr = process.communicate(timeout=TIMEOUT)[1]
        return process.returncode, stderr

    def wait_and_quit(self, process):
        """
        Ends a QEMU once it has the stream, and no earlier.

        :raise EOFError: it has refused the stream, and is gone
        """
        def ask(command):
            process.stdin.write(json.dumps({'execute': command}) + '\n')
            process.stdin.flush()
            while line := process.stdout.readline():
                reply = json.loads(line)
                if 'return' in reply:
                    return reply['return']
            raise EOFError

        ask('qmp_capabilities')
        while ask('query-migrate').get('status') != 'completed':
            time.sleep(0.02)
        ask('quit')

    def edited(self, offset, value):
        at = self.start + offset
        return self.stream[:at] + value + self.stream[at + len(value):]

    def test_sound(self):
        """the stream as it was is taken"""
        status, stderr = self.load(self.stream)
        self.assertEqual((status, stderr), (0, ''))

    def test_corrupt(self):
        """whatever is in it"""
        words = int.from_bytes(
            self.stream[self.start + COUNT:self.start + COUNT + 4], 'big')
        self.assertGreater(words, 100)
        noise = random.Random(1).randbytes(4 * words)
        for what, offset, value in (
                ('noise', COUNT + 4, noise),
                ('noise up to the half', COUNT + 4, noise[:2 * words]),
                ('ones', COUNT + 4, b'\xff' * (4 * words)),
                ('a word', COUNT + 4 + 8, b'\x5a'),
                ('too many', COUNT, b'\xff\xff\xff\xfc'),
                ('half a record', COUNT, (words - 1).to_bytes(4, 'big')),
                ('no end of a name', 4, b'x' * 64),
                ('no name', 4, b'\n\x1b[31m\0'),
                ('version', 0, b'\0\0\0\1')):
            with self.subTest(what=what):
                status, stderr = self.load(self.edited(offset, value))
                self.assertEqual(status, 1, stderr)
                self.assertLess(len(stderr.splitlines()), 12)
                self.assertLess(len(stderr), 2000)
                self.assertNotIn('\x1b', stderr)


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
        for machine in (OLD, of_line('pc-i440fx-5.1'), of_line('pc-q35-3.1'), 'pc-q35-10.0'):
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
