# SPDX-License-Identifier: GPL-2.0-or-later
"""
scripts/x86-cpu-model-dump: does every format give the guest the same CPU?

Judged by what guests read from CPUID, with the original options on the
original machine type, and with what was written on another one.  What
libvirt makes of it is asked of libvirt itself, with its embedded driver,
which needs and disturbs no daemon.  CHECK_FULL=1 takes more models.
"""

import argparse
import asyncio
import concurrent.futures
import contextlib
import itertools
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest'),
                os.path.join(REPO, 'scripts')]

from bad_input import (  # noqa: E402
    DIGITS, LONG, NO_JSON, all_replaced, check_command_line, check_refused,
    run_main,
)
import guest_cpuid  # noqa: E402
from release_line import (  # noqa: E402
    LINE, NEWEST, NEWEST_I440FX, OLDEST, of_line,
)
from schemas import check_json  # noqa: E402
from script_module import load_script  # noqa: E402
from stock_qemu_fake import serve  # noqa: E402
from test_x86_cpu_removed import kvm_opens  # noqa: E402
from x86_cpu_errors import Failure, error_line  # noqa: E402
import x86_cpu_libvirt as libvirt  # noqa: E402
import x86_cpu_qmp  # noqa: E402
from x86_cpu_qmp import Qemu  # noqa: E402

SCRIPT = os.path.join(REPO, 'scripts', 'x86-cpu-model-dump')
QEMU = os.environ['QTEST_QEMU_BINARY']
FULL = bool(os.environ.get('CHECK_FULL'))
QEMU_NAMESPACE = 'http://libvirt.org/schemas/domain/qemu/1.0'

# Shows what is requested, whatever the accelerator can do.  KVM does not
# take all of it.
FORCE = ',x-force-features=on'

# By line: what else is offered to who means EPYC-Milan
NEAREST_MODELS = {'10.0': 'EPYC-Milan-v2 or EPYC-Milan-v1',
                  '11.1': 'EPYC-Milan-v4 or EPYC-Milan-v3'}[LINE]

# Accelerator, -cpu, its machine type, another one
SAMPLES = [
    ('tcg', 'EPYC-Milan,+vaes' + FORCE, 'pc-q35-6.2', NEWEST_I440FX),
    ('tcg', 'Skylake-Server-v4' + FORCE, of_line('pc-i440fx-4.2'), NEWEST),
    ('tcg', 'qemu64' + FORCE, OLDEST, NEWEST),
    ('tcg', 'GraniteRapids,model-id=Comma,,  "quoted' + FORCE,
     NEWEST, of_line('pc-i440fx-5.0')),
    ('tcg', 'max', 'pc-q35-9.0', of_line('pc-i440fx-3.1')),
    ('kvm', 'EPYC-Milan', 'pc-q35-6.2', NEWEST_I440FX),
    ('kvm', 'Skylake-Server-v4,hv-relaxed=on,hv-vendor-id=a,,b',
     of_line('pc-i440fx-4.2'), NEWEST),
    ('kvm', 'host,arch-capabilities=off', NEWEST, of_line('pc-i440fx-4.2')),
]
if FULL:
    # Some kernels offer KVM guests the MSR of arch-capabilities and then
    # refuse to set it.
    SAMPLES += [(accel, model + ',arch-capabilities=off' * (accel == 'kvm'),
                 machine, other)
                for model in ('486-v1', 'pentium3', 'Opteron_G5', 'Penryn',
                              'Denverton-v2', 'EPYC-Genoa', 'Broadwell',
                              'Icelake-Server-v5', 'KnightsMill',
                              'SierraForest', 'athlon', 'kvm64')
                for accel in ('tcg', 'kvm')
                for machine, other in ((of_line('pc-i440fx-2.12'), NEWEST),
                                       (NEWEST, of_line('pc-i440fx-2.12')))]


def dump(*args, stdin='', env=None):
    return subprocess.run([SCRIPT, '--qemu', QEMU, *args], input=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          encoding='utf-8', errors='surrogateescape',
                          timeout=120, check=False,
                          env={**os.environ, **(env or {})})


def dumped(*args, **kwargs):
    done = dump(*args, **kwargs)
    if done.returncode:
        raise AssertionError(f'{args}: {done.stderr}')
    return done.stdout


def json_of(test, *args, **kwargs):
    """Returns a dump as JSON."""
    return check_json(test, 'x86-cpu-model-dump',
                      dumped(*args, '--format', 'json', **kwargs))


def view(args, accel, offers=None):
    async def look():
        async with guest_cpuid.Guest(QEMU, args, accel, offers) as guest:
            return await guest.view()

    return asyncio.run(look())


def force(cpu):
    """What has to go with a dump, because it is not part of the CPU"""
    return FORCE if FORCE in cpu else ''


def split_cpu(text):
    """Returns model and options, as QEMU takes -cpu apart."""
    model, *options = [part.replace('\0', ',') for part in
                       text.rstrip('\n').replace(',,', '\0').split(',')]
    return model, dict(option.split('=', 1) for option in options)


def passed_cpu(text):
    """Returns the -cpu in a <qemu:commandline>."""
    args = [arg.get('value') for arg in
            ET.fromstring(text).iter(f'{{{QEMU_NAMESPACE}}}arg')]
    assert args[0] == '-cpu' and len(args) == 2, args[:1]
    return args[1]


def domain(cpu, machine, accel='tcg', extra='', devices='', arch='x86_64'):
    kind = {'tcg': 'qemu', 'kvm': 'kvm'}[accel]
    return f"""<domain type='{kind}'><name>dumped</name>
        <memory unit='MiB'>64</memory><vcpu>1</vcpu>
        <os><type arch='{arch}' machine="{machine}">hvm</type></os>
        {cpu}<devices><emulator>{QEMU}</emulator>{devices}</devices>{extra}
        </domain>"""


class Sample:
    """A CPU, what guests of it and of its dumps see."""

    def __init__(self, accel, cpu, machine, other):
        self.name = f'{accel} {cpu} {machine} on {other}'
        self.args = ['--cpu', cpu, '--machine', machine, '--accel', accel]
        self.original = view(['-machine', machine, '-cpu', cpu], accel)
        # What a dump has to differ in, or it is not the dump's doing
        self.plain_other = view(['-machine', other, '-cpu', cpu], accel)
        self.views = {}
        self.props = {}

        def look(what, cpu_again, *more):
            self.views[what] = view(
                ['-machine', other, '-cpu', cpu_again + force(cpu), *more],
                accel)

        for base in 'base', 'custom':
            text = dumped(*self.args, '--format', 'cpu', '--model', base)
            model, self.props[f'cpu {base}'] = split_cpu(text)
            assert model == base
            look(f'cpu {base}', text.rstrip('\n'))
        answer = json.loads(dumped(*self.args, '--format', 'json'))
        self.omitted = answer.get('omitted-properties')
        self.props['json'] = {
            k: ('on' if v else 'off') if isinstance(v, bool) else str(v)
            for k, v in answer['model']['props'].items()}
        text = passed_cpu(dumped(*self.args, '--format', 'libvirt-qemu'))
        self.props['libvirt-qemu'] = split_cpu(text)[1]
        # The first -cpu is what libvirt says by itself.
        look('libvirt-qemu', 'qemu64', '-cpu', text + force(cpu))
        if 'quoted' in cpu:
            # test_readconfig_quote
            return
        with tempfile.NamedTemporaryFile('w', suffix='.cfg') as f:
            f.write(dumped(*self.args, '--format', 'readconfig', '--model',
                           'custom'))
            f.flush()
            look('readconfig custom', 'custom', '-readconfig', f.name)


class Guests(unittest.TestCase):
    """Every format, read by QEMU: the guest sees the CPU of the original"""

    @classmethod
    def setUpClass(cls):
        todo = [s for s in SAMPLES if s[0] != 'kvm' or kvm_opens()]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            futures = [pool.submit(Sample, *one) for one in todo]
            cls.samples = [f.result() for f in futures]

    def test_views(self):
        for what in ('cpu base', 'cpu custom', 'readconfig custom',
                     'libvirt-qemu'):
            samples = [s for s in self.samples if what in s.views]
            self.assertGreater(len(samples), 3)
            for sample in samples:
                with self.subTest(f'{what}: {sample.name}'):
                    self.assertEqual(sample.views[what], sample.original)

    def test_formats_say_the_same(self):
        for sample in self.samples:
            with self.subTest(sample.name):
                for props in sample.props.values():
                    self.assertEqual(props, sample.props['json'])

    def test_machines_matter(self):
        """The comparison can fail: some machine types differ"""
        self.assertTrue(any(s.plain_other != s.original
                            for s in self.samples))

    def test_omitted(self):
        """Only host and max may have more than properties can tell"""
        for sample in self.samples:
            with self.subTest(sample.name):
                if re.match('(host|max)', sample.args[1]):
                    self.assertEqual(sample.omitted, [])
                else:
                    self.assertIsNone(sample.omitted)


class Again(unittest.TestCase):
    """What was written can be read, and comes out the same"""

    @staticmethod
    def written(cpu, machine, fmt, *more):
        return dumped('--accel', 'tcg', '--cpu', cpu.rstrip('\n'),
                      '--machine', machine, '--format', fmt, *more)

    @staticmethod
    def read(xml, *args):
        return dumped('--libvirt', '-', *args, '--format', 'cpu', stdin=xml)

    CPU = 'EPYC-Milan,-svm,model-id=a,,b'
    XML = ['--accel', 'tcg', '--machine']

    def setUp(self):
        self.first = self.written(self.CPU, 'pc-q35-6.2', 'cpu')

    def test_cpu(self):
        self.assertEqual(self.written(self.first, 'pc', 'cpu'), self.first)

    def test_custom(self):
        text = self.written(self.first, 'pc', 'cpu', '--model', 'custom')
        self.assertEqual(text, self.first.replace('base', 'custom', 1))
        self.assertEqual(self.written(text, 'pc', 'cpu'), self.first)

    def test_libvirt_qemu(self):
        text = self.written(self.first, 'pc', 'libvirt-qemu')
        self.assertEqual(self.read(text, *self.XML, 'pc'), self.first)
        # In a domain, where it is pasted after libvirt's own CPU
        whole = domain('<cpu><model>qemu64</model></cpu>', 'pc-q35-9.0',
                       extra=text[text.index('<qemu:'):])
        self.assertEqual(self.read(whole), self.first)

    def test_libvirt(self):
        """A <cpu> in full: where the machine type does not matter"""
        text = self.written('EPYC-Milan,-svm', 'pc-q35-6.2', 'libvirt')
        self.assertNotIn('cannot carry', text)
        self.assertEqual(self.read(text, *self.XML, 'pc-q35-6.2'),
                         self.written('EPYC-Milan,-svm', 'pc-q35-6.2', 'cpu'))

    def test_marks_of_xml(self):
        cpu = """qemu64,model-id=a--b---<c>&'d'"""
        # A <cpu> has no model-id, only its comment has.
        text = self.written(cpu, 'pc', 'libvirt')
        self.assertIn('\n  The format libvirt-qemu carries everything.\n-->',
                      text)
        self.read(text, *self.XML, 'pc')
        text = self.written(cpu, 'pc', 'libvirt-qemu')
        self.assertEqual(self.read(text, *self.XML, 'pc'),
                         self.written(cpu, 'pc', 'cpu'))

    def test_quote(self):
        text = self.written(self.CPU, 'pc-q35-6.2', 'cpu', '--quote')
        shell = subprocess.run(f'printf "%s\n" {text}', shell=True,
                               stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(shell.stdout, self.first)
        text = self.written('qemu64,model-id=a\n\'b', 'pc', 'cpu', '--quote')
        self.assertIn(',model-id=a\n\'b,', shlex.split(text)[0])
        text = self.written('EPYC-Milan', 'pc', 'cpu', '--quote')
        self.assertTrue(text.startswith("'") and text.endswith("'\n"))


class Running(unittest.TestCase):
    """The CPU of a guest that is there"""

    # Read otherwise once they are in use; are set by -smp; is said by nobody
    NOT_READ = {'lbr-fmt', 'host-phys-bits', 'ht', 'cmp-legacy',
                'compat-anchor'}
    # What KVM is made to offer (tests/guest/kvm-offers.c)
    offers = None

    async def look(self, accel, cpu, machine, *more):
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'qmp')
            args = ['-machine', machine, '-cpu', cpu, *more,
                    '-qmp', f'unix:{path},server=on,wait=off']
            async with guest_cpuid.Guest(QEMU, args, accel,
                                         self.offers) as guest:
                cpus = await guest.qmp.execute('query-cpus-fast')
                model = cpu.partition(',')[0]
                self.requested = (await guest.qmp.execute(
                    'query-cpu-model-expansion',
                    {'type': 'static', 'model': {'name': model}}
                ))['model']['props']
                self.read = {
                    name: await guest.qmp.execute(
                        'qom-get', {'path': cpus[0]['qom-path'],
                                    'property': name})
                    for name in [*self.requested, 'removed-features',
                                 'added-features']}
                paused = await asyncio.to_thread(json_of, self, '--qmp', path)
                self.view = await guest.view()
                if accel == 'kvm':
                    await guest.qmp.execute('cont')
                status = await guest.qmp.execute('query-status')
                self.assertTrue(status['running'])
                self.answer = await asyncio.to_thread(json_of, self, '--qmp',
                                                      path)
                self.assertEqual(paused, self.answer)
                self.assertTrue((await guest.qmp.execute(
                    'query-status'))['running'])
                self.cpu = (await asyncio.to_thread(
                    dumped, '--qmp', path, '--format', 'cpu')).rstrip('\n')

    def check(self, accel, cpu, machine, *more):
        asyncio.run(self.look(accel, cpu, machine, *more))
        props = self.answer['model']['props']
        self.assertEqual(self.answer['accel'], accel)
        self.assertEqual(self.answer['removed-features'], [])

        # It is what the CPU's properties read, and differs from what was
        # requested in what was removed, and in nothing else.
        self.assertEqual(
            {k: v for k, v in props.items() if k not in self.NOT_READ},
            {k: self.read[k] for k in props if k not in self.NOT_READ})
        removed = {r['feature'] for r in self.read['removed-features']}
        differ = {k for k in props if props[k] != self.requested[k]}
        self.assertLessEqual(differ, removed)
        self.assertLessEqual({k for k in removed if self.requested.get(k)
                              is True and self.read[k] is False}, differ)
        self.assertEqual('base', split_cpu(self.cpu)[0])

        other = NEWEST if 'i440fx' in machine else NEWEST_I440FX
        again = view(['-machine', other, '-cpu', self.cpu, *more], accel,
                     self.offers)
        self.assertEqual(again, self.view)
        return differ

    def check_forced(self, *more):
        """Also where the host could do more, the guest sees what it had"""
        again = view(['-machine', 'pc', '-cpu', self.cpu + FORCE, *more],
                     'tcg')
        self.assertEqual(again, self.view)

    def test_tcg(self):
        self.assertIn('avx512f', self.check(
            'tcg', 'Skylake-Server-v4', of_line('pc-i440fx-4.2')))
        self.check_forced()

    def test_topology(self):
        """-smp raises levels and sets ht, now and then"""
        smp = ['-smp', '4,dies=2,cores=2']
        self.check('tcg', 'EPYC-Milan,+svm', 'pc-q35-6.2', *smp)
        self.assertTrue(self.read['ht'])
        self.assertFalse(self.answer['model']['props']['ht'])
        self.check_forced(*smp)
        # and with one CPU the guest has not got more of it than before.
        one = view(['-machine', 'pc', '-cpu', self.cpu], 'tcg')
        self.assertEqual(one, view(['-machine', 'pc-q35-6.2', '-cpu',
                                    'EPYC-Milan,+svm'], 'tcg'))

    def test_max(self):
        self.check('tcg', 'max', 'pc-q35-9.0')

    def test_cpu_compat(self):
        self.check('tcg', 'qemu64', f'{NEWEST},cpu-compat={OLDEST}')
        self.assertEqual(self.answer['machine'],
                         f'{NEWEST},cpu-compat={OLDEST}')

    def test_option_order_and_globals(self):
        self.check('tcg', 'Nehalem,level=9,-sse4.2', 'pc', '-global',
                   'Nehalem-x86_64-cpu.vendor=AuthenticAMD')
        self.assertEqual(self.answer['model']['props']['level'], 9)
        self.assertEqual(self.answer['model']['props']['vendor'],
                         'AuthenticAMD')

    def test_of_a_dump(self):
        text = dumped('--accel', 'tcg', '--cpu', 'Haswell', '--machine',
                      of_line('pc-q35-5.0'), '--format', 'cpu').rstrip('\n')
        self.check('tcg', text, NEWEST)

    @unittest.skipUnless(kvm_opens(), '/dev/kvm does not open')
    def test_kvm(self):
        for cpu in ('host,arch-capabilities=off',
                    'EPYC-Milan,hv-relaxed=on,kvm-pv-eoi=off'):
            with self.subTest(cpu):
                self.check('kvm', cpu, of_line('pc-i440fx-4.2'))

    @unittest.skipUnless(kvm_opens(), '/dev/kvm does not open')
    def test_added(self):
        """What nobody asked for is written down: it is there"""
        # IA32_UMWAIT_CONTROL, and waitpkg.  With monitor, the host's leaf 5
        # would be passed on, which no description can carry.
        # KVM_CAP_X86_DISABLE_EXITS is 143: kernels up to 4.16 lack it.
        self.offers = 'msr 0xe1 is 0;cpuid 7 0 ecx set 0x20;cap 143 set 1'
        self.check('kvm', 'host,waitpkg=off,monitor=off,'
                   'arch-capabilities=off', 'pc', '-overcommit', 'cpu-pm=on')
        self.assertTrue(self.answer['model']['props']['waitpkg'])

    @unittest.skipUnless(kvm_opens(), '/dev/kvm does not open')
    def test_kernel_offers_a_feature_without_what_it_needs(self):
        """The guest keeps it, a CPU made from the dump does not"""
        # 7.0.EDX.29 is arch-capabilities, and MSR 0x10a bit 0 is rdctl-no.
        self.offers = 'cpuid 7 0 edx clear 0x20000000;msr 0x10a is 1'
        asyncio.run(self.look('kvm', 'qemu64,+arch-capabilities,+rdctl-no',
                              'pc'))
        again = view(['-machine', 'pc', '-cpu', self.cpu], 'kvm', self.offers)
        self.assertEqual(self.view.cpuid, again.cpuid)
        self.assertEqual([v.msrs[0x10a] for v in (self.view, again)], [1, 0])
        self.assertEqual(self.answer['omitted-properties'], ['rdctl-no'])
        self.assertEqual(self.answer['notes'], [
            'not exact: rdctl-no needs arch-capabilities, which this guest '
            'lacks: a CPU made from the dump will not have it'])

    @unittest.skipUnless(kvm_opens(), '/dev/kvm does not open')
    def test_what_no_guest_sees_is_not_lost(self):
        """Without svm, CPUID has no leaf with npt"""
        self.offers = ('cpuid 0x80000001 0 ecx clear 4;'
                       'cpuid 0x8000000a 0 edx set 1')
        self.check('kvm', 'qemu64,+svm,+npt', 'pc')
        self.assertTrue(self.answer['model']['props']['npt'])
        self.assertFalse(self.answer['model']['props']['svm'])
        self.assertEqual(self.answer['notes'], [])

    def test_forced(self):
        """The dump has what is forced, and says that it takes force"""
        asyncio.run(self.look('tcg', 'EPYC,+avx512f' + FORCE, 'pc'))
        self.assertTrue(self.answer['model']['props']['avx512f'])
        self.assertIn('avx512f', self.answer['removed-features'])
        self.assertEqual(self.answer['omitted-properties'],
                         ['x-force-features'])
        self.assertRegex(self.answer['notes'][-1],
                         '^not exact: x-force-features=on shows features .*: '
                         'avx512f, ')
        self.check_forced()
        again = view(['-machine', 'pc', '-cpu', self.cpu], 'tcg')
        self.assertNotEqual(again, self.view)

    def test_microvm(self):
        """It has no cpu-compat"""
        asyncio.run(self.look('tcg', 'EPYC', 'microvm'))
        self.assertEqual(self.answer['machine'], 'microvm')
        self.assertFalse(self.answer['model']['props']['topoext'])


def passed(*args):
    return f"<qemu:commandline xmlns:qemu='{QEMU_NAMESPACE}'>" + ''.join(
        f'<qemu:arg value="{arg}"/>' for arg in args) + '</qemu:commandline>'


# Of a <domain>, around what the tests are about
HASWELL = '<cpu><model>Haswell</model>{}</cpu>'
MAXIMUM = "<cpu mode='maximum'>{}</cpu>"
CLOCK = "<clock offset='utc'>{}</clock>"
FEATURES = '<features>{}</features>'
HYPERV = FEATURES.format('<hyperv>{}</hyperv>')
KVM = FEATURES.format('<kvm>{}</kvm>')

# All policies
POLICIES = """
    <cpu mode='custom' match='exact' check='none'>
      <model fallback='forbid'>EPYC-Milan</model>
      <feature policy='require' name='vaes'/>
      <feature policy='disable' name='svm'/>
      <feature policy='optional' name='avx512f'/>
      <feature policy='optional' name='sha-ni'/>
      <feature policy='force' name='pclmuldq'/>
      <feature policy='forbid' name='fxsr_opt'/>
    </cpu>"""
POLICIES_OPTIONS = ('EPYC-Milan,vaes=on,svm=off,avx512f=off,sha-ni=on,'
                    'pclmulqdq=on,fxsr-opt=off')

# From all over a domain
OVERALL = """
    <cpu mode='custom'><model vendor_id='GenuineIntel'>Haswell</model>
      <maxphysaddr mode='emulate' bits='42'/></cpu>
    <features><kvm><hidden state='on'/></kvm><pmu state='off'/>
      <pvspinlock state='on'/><apic eoi='on'/>
      <hyperv><relaxed state='on'/><vapic state='off'/>
      <spinlocks state='on' retries='8191'/>
      <vendor_id state='on' value='a b'/></hyperv></features>
    <clock offset='utc'><timer name='hypervclock' present='yes'/>
      <timer name='tsc' frequency='2000000000'/></clock>"""
OVERALL_OPTIONS = (
    'Haswell,vendor=GenuineIntel,hv-time=on,tsc-frequency=2000000000,'
    'kvm-pv-eoi=on,kvm-pv-unhalt=on,hv-relaxed=on,hv-spinlocks=0x1fff,'
    'hv-vendor-id=a b,kvm=off,pmu=off,phys-bits=42')

# What qemuBuildCpuCommandLine() gives: XML, the options behind the model, and
# the version of libvirt that it takes, if that is newer than 9.0.
OPTIONS = [(outer.format(xml), ','.join([model] + [options] * bool(options)),
            *since) for outer, model, cases in (
    (HASWELL, 'Haswell', [
        ('', ''),
        # Caches
        ("<cache mode='disable'/>", 'l3-cache=off'),
        ("<cache mode='emulate' level='3'/>", 'l3-cache=on'),
        # Addresses
        ("<maxphysaddr mode='emulate' bits='36'/>", 'phys-bits=36'),
        ("<maxphysaddr mode='emulate'/>", 'host-phys-bits=off', (9, 3)),
        ("<maxphysaddr mode='passthrough'/>", 'host-phys-bits=on'),
        ("<maxphysaddr mode='passthrough' limit='39'/>",
         'host-phys-bits=on,host-phys-bits-limit=39', (9, 3)),
        # Features that QEMU never had are not handed on.
        ("<feature policy='disable' name='cmt'/>"
         "<feature policy='require' name='mbm_total'/>"
         "<feature policy='forbid' name='osxsave'/>"
         "<feature policy='disable' name='pconfig'/>", '')]),
    # What follows the host, or is all that there is
    (MAXIMUM, 'max', [
        ('', ''),
        ("<cache mode='disable'/>", 'host-cache-info=off,l3-cache=off'),
        ("<cache mode='emulate' level='3'/>",
         'l3-cache=on,host-cache-info=off'),
        ("<cache mode='passthrough'/>", 'host-cache-info=on,l3-cache=off'),
        ("<model vendor_id='abcdefghijkl'/>"
         "<feature policy='disable' name='avx'/>", 'avx=off')]),
    ('{}', 'max', [
        ("<cpu mode='maximum' migratable='off'/>", 'migratable=off')]),
    ('{}', 'Haswell', [
        ("<cpu match='strict' check='full'><model fallback='forbid' "
         "vendor_id='Genu neIntel'>Haswell</model></cpu>",
         'vendor=Genu neIntel')]),
    ('<cpu>{}</cpu>', 'qemu64', [
        ("<topology sockets='1' cores='1' threads='1'/>", ''),
        ("<topology sockets='1' cores='1' threads='1'/>"
         "<cache mode='disable'/>", 'l3-cache=off')]),
    ('{}', 'qemu64', [('', '')]),
    (CLOCK, 'qemu64', [
        ("<timer name='tsc' frequency='2000000000'/>"
         "<timer name='kvmclock' present='no'/>"
         "<timer name='hypervclock' present='yes'/>",
         'tsc-frequency=2000000000,kvmclock=off,hv-time=on'),
        ("<timer name='tsc' frequency='0'/><timer name='hpet' present='no'/>"
         "<timer name='hypervclock' present='no'/><timer name='kvmclock'/>",
         ''),
        ("<timer name='kvmclock' present='yes'/>", 'kvmclock=on')]),
    (FEATURES, 'qemu64', [
        ("<apic eoi='off'/><pvspinlock/><pmu/>",
         'kvm-pv-eoi=off,kvm-pv-unhalt=on,pmu=on'),
        ("<apic/><pvspinlock state='off'/><pmu state='off'/>",
         'kvm-pv-unhalt=off,pmu=off'),
        ("<hyperv mode='passthrough'/>", 'hv-passthrough=on')]),
    (KVM, 'qemu64', [
        ("<hidden state='on'/><hint-dedicated state='on'/>"
         "<poll-control state='on'/><pv-ipi state='off'/>",
         'kvm=off,kvm-hint-dedicated=on,kvm-poll-control=on,kvm-pv-ipi=off'),
        ("<hidden state='off'/><hint-dedicated state='off'/>"
         "<poll-control state='off'/><pv-ipi state='on'/>", '')]),
    (FEATURES.format("<hyperv mode='custom'>{}</hyperv>"), 'qemu64', [
        ("<avic state='on'/><vendor_id state='on' value='abc def'/>"
         "<evmcs state='on'/><relaxed state='on'/><vapic state='off'/>"
         "<ipi state='on'/><spinlocks state='on' retries='8191'/>"
         "<runtime state='on'/>"
         "<stimer state='on'><direct state='on'/></stimer>"
         "<vpindex state='on'/><synic state='on'/><reset state='on'/>"
         "<frequencies state='on'/><reenlightenment state='on'/>"
         "<tlbflush state='on'/>",
         'hv-relaxed=on,hv-spinlocks=0x1fff,hv-vpindex=on,hv-runtime=on,'
         'hv-synic=on,hv-stimer=on,hv-stimer-direct=on,hv-reset=on,'
         'hv-vendor-id=abc def,hv-frequencies=on,hv-reenlightenment=on,'
         'hv-tlbflush=on,hv-ipi=on,hv-evmcs=on,hv-avic=on')]),
    (HYPERV, 'qemu64', [
        ("<spinlocks state='off'/><vendor_id state='off'/>"
         "<stimer state='off'><direct state='on'/></stimer>", ''),
        ("<vendor_id state='on' value=''/>", 'hv-vendor-id='),
        ("<tlbflush state='on'><direct state='on'/><extended state='on'/>"
         "</tlbflush><xmm_input state='on'/><emsr_bitmap state='on'/>",
         'hv-tlbflush=on,hv-tlbflush-direct=on,hv-tlbflush-ext=on,'
         'hv-emsr-bitmap=on,hv-xmm-input=on', (11, 0))]),
) for xml, options, *since in cases] + [(OVERALL, OVERALL_OPTIONS)]

# The same of <devices>
DEVICES = [
    ("<panic model='hyperv'/>", 'qemu64,hv-crash=on'),
    ("<panic model='isa'/>", 'qemu64'),
    ('<panic/>', 'qemu64'),
]

# What libvirt refuses as well, and why it is refused
REFUSED = [(outer.format(xml), message) for outer, cases in (
    ('<cpu>{}</cpu>', [
        ('<model>EPYC,+avx512f,model-id=x</model>',
         "'EPYC,[+]avx512f,model-id=x' is not the name of a CPU model: .*"),
        ("<model vendor_id='abc'>EPYC</model>",
         "<model vendor_id='abc'>: use 12 .*"),
        ("<feature name='avx'/>", "<cpu mode='custom'> needs a <model>")]),
    ('{}', [
        ("<cpu migratable='on'><model>EPYC</model></cpu>",
         "the attribute 'migratable' is for mode=.*"),
        ("<cpu mode='maximum' migratable='off,model-id=x'/>",
         "<cpu migratable='off,model-id=x'>: use on or off")]),
    (HASWELL, [
        ("<cache mode='passthrough'/>",
         "<cache mode='passthrough'> is for mode=.*"),
        ("<cache mode='emulate' level='2'/>",
         "<cache mode='emulate' level='2'>: QEMU emulates level 3 alone"),
        ("<maxphysaddr mode='emulate' bits='x'/>",
         '<maxphysaddr> needs a number from 0 to 2147483647 as .bits., not '
         "'x'")]),
    (KVM, [
        ('<hidden/>', "<hidden> needs the attribute 'state': on or off")]),
    (HYPERV, [
        ("<spinlocks state='on' retries='4094'/>",
         "<spinlocks> needs a number from 4095 to 4294967295 as 'retries', "
         "not '4094'"),
        ("<vendor_id state='on' value='a,b'/>",
         "<vendor_id value='a,b'>: use up to 12 .*")]),
    (CLOCK, [
        ("<timer name='kvmclock' present='on'/>",
         "<timer present='on'>: use yes or no")]),
) for xml, message in cases]

# What is refused here: some of it libvirt mends, or takes as it is
REFUSED_HERE = [(outer.format(xml), message) for outer, cases in (
    (HASWELL, [
        ("<cache mode='disable' level='3'/>",
         "<cache mode='disable' level='3'>: this mode is for all levels"),
        ("<cache mode='disable'/>" * 2, 'a <cpu> can have one <cache>'),
        ('<cache/>', "<cache> needs the attribute 'mode': emulate, "
         'passthrough or disable'),
        ("<maxphysaddr bits='40'/>",
         "<maxphysaddr> needs the attribute 'mode': .*"),
        ("<maxphysaddr mode='passthrough' bits='40'/>",
         "<maxphysaddr mode='passthrough'> takes no 'bits'.*")]),
    (KVM, [
        ("<hide state='on'/>", 'unknown <hide> in <kvm>; did you mean '
         'hidden.*')]),
    (HYPERV, [
        ("<stimer state='on'><x/></stimer>",
         'unknown <x> in <stimer>; known: direct'),
        ("<vendor_id state='on'/>",
         "<vendor_id value=''>: use up to 12 .*")]),
    (CLOCK, [
        ("<timer name='tsc' frequency='18446744073709551616'/>",
         '<timer> needs a number from 0 to 18446744073709551615 as '
         "'frequency', not .*")]),
    ('<cpu><model>qemu64</model>{}</cpu>', [
        ("<feature name='avx512ff'/>", "unknown CPU feature 'avx512ff'; did "
         r'you mean avx512f, avx512pf or avx512ifma\?'),
        ("<feature name='lahf-lm'/>",
         "unknown CPU feature 'lahf-lm'; libvirt calls it 'lahf_lm'"),
        ("<feature name='kvmclock'/>",
         "unknown CPU feature 'kvmclock'; libvirt has no name for it"),
        ("<feature name='avx' policy='on'/>",
         "feature 'avx' has the unknown policy 'on'; use force, "
         'require, disable, forbid or optional'),
        ("<feature name='avx'/>" * 2, "feature 'avx' is there twice")]),
    ('{}', [
        ("<cpu mode='host-model'/>",
         "mode='host-model' depends on the host; use mode='custom' "
         r'\(virsh dumpxml of the running guest has it\)'),
        ("<cpu match='minimum'/>",
         "match='minimum' depends on the host; use match='exact' "
         r'\(virsh dumpxml of the running guest has it\)')]),
) for xml, message in cases]

# By their whole text
REFUSED_AS_A_WHOLE = [
    ('', 'not XML: no element found: line 1, column 0'),
    ('<pool/>', 'the XML is a <pool>; it must be a <cpu>, a <domain> or a '
     '<qemu:commandline>'),
    ('<cpu/>', "<cpu mode='custom'> needs a <model>"),
    ("<domain type='xen'/>", "domain type 'xen' is not for QEMU with kvm or "
     'tcg; use kvm or qemu'),
    (domain('', 'q35,kernel=/etc/hostname'),
     "'q35,kernel=/etc/hostname' is not the name of a machine type: .*"),
    (domain('', 'pc', arch='aarch64'),
     "<type arch='aarch64'>: use x86_64 or i686"),
    (domain('', 'pc', extra=passed('-machine', 'kernel-irqchip=x')),
     "-machine kernel-irqchip='x': not a valid value"),
    (domain('', 'pc', extra=passed('-cpu').replace('value="-cpu"', '')),
     "a <qemu:arg> without 'value'"),
    *((outer(passed(*args)), f"QEMU's option {message}")
      for outer in (str, lambda extra: domain('', 'pc', extra=extra))
      for args, message in [
          (['-cpu'], '-cpu needs a value'),
          (['--cpu'], '-cpu needs a value'),
          (['-cpu', 'EPYC', '-S', '-name'], '-name needs a value'),
          (['-cpu', ''], '-cpu cannot be empty'),
          (['-cpu', '', '-cpu', 'EPYC'], '-cpu cannot be empty')]),
    (passed('-name', '-cpu', 'Nehalem'), 'the <qemu:commandline> has no -cpu'),
]


def xml_options(text, infos):
    """Returns the -cpu for some XML, with no libvirt's lists at hand."""
    with mock.patch.object(libvirt, 'CPU_MAP', '/nonexistent'):
        return libvirt.read(libvirt.parse(text.encode(
            errors='surrogateescape')), infos)


class LibvirtOptions(unittest.TestCase):
    """What becomes an option of QEMU, and what must not"""

    @classmethod
    def setUpClass(cls):
        with Qemu(QEMU, ['-machine', 'none', '-accel', 'tcg']) as q:
            cls.infos = q.cmd('query-cpu-features')
            cls.models = [d['name'] for d in q.cmd('query-cpu-definitions')]
            cls.machines = [m['name'] for m in q.cmd('query-machines')]

    def read(self, text):
        return xml_options(text, self.infos)

    def test_options(self):
        for xml, options, *_ in OPTIONS:
            with self.subTest(xml):
                self.assertEqual(self.read(domain(xml, 'pc')).cpu, options)
                if xml.startswith('<cpu') and not options.startswith('qemu'):
                    self.assertEqual(self.read(xml).cpu, options)
        for xml, options in DEVICES:
            with self.subTest(xml):
                self.assertEqual(self.read(domain(
                    '', 'pc', devices=xml)).cpu, options)
        host = "<cpu mode='host-passthrough'/>"
        self.assertEqual(self.read(domain(host, 'pc', 'kvm')).cpu,
                         'host,migratable=on')

    def test_started(self):
        """QEMU takes it, some of which used to be refused, and shows it"""
        machine = 'pc-q35-9.0'
        for xml, options, props in [
                # Optional is on where TCG has it.
                (POLICIES, POLICIES_OPTIONS, {}),
                (domain(POLICIES, 'pc-i440fx-6.0'), POLICIES_OPTIONS,
                 {'vaes': True, 'svm': False}),
                (domain(OVERALL, machine), OVERALL_OPTIONS,
                 {'tsc-frequency': 2000000000, 'hv-vendor-id': 'a b',
                  'hv-spinlocks': 8191, 'phys-bits': 42}),
                (domain(POLICIES, machine, extra=passed(
                    '-cpu', 'Nehalem', '-cpu', 'Penryn,+avx', '-global',
                    'Penryn-x86_64-cpu.model=99')), 'Penryn,+avx',
                 {'avx': True, 'model': 99}),
                (domain(HASWELL.format("<cache mode='disable'/>"), machine),
                 'Haswell,l3-cache=off', {'l3-cache': False}),
                (domain(HASWELL.format("<cache mode='emulate'/>"), machine),
                 'Haswell,l3-cache=on', {}),
                (domain(HASWELL.format("<maxphysaddr mode='emulate'/>"),
                        machine), 'Haswell,host-phys-bits=off',
                 {'host-phys-bits': False}),
                (domain('', machine, devices="<panic model='hyperv'/>"),
                 'qemu64,hv-crash=on', {'hv-crash': True})]:
            with self.subTest(xml):
                answer = json_of(
                    self, '--libvirt', '-', *['--accel', 'tcg'] * (xml is POLICIES),
                    stdin=xml)
                self.assertEqual(answer['source']['cpu'], options)
                if '<domain' in xml:
                    self.assertIn(f'machine="{answer["machine"]}"', xml)
                self.assertLessEqual(
                    props.items(), answer['model']['props'].items())

    def test_i686(self):
        for cpu, options in (
                ('', 'qemu32'),
                (FEATURES.format("<pmu state='off'/>"), 'qemu32,pmu=off'),
                (HASWELL.format(''), 'Haswell'), (MAXIMUM.format(''), 'max')):
            request = self.read(domain(cpu, 'pc', arch='i686'))
            self.assertEqual(request.cpu, options)
            self.assertEqual(len(request.notes), 'qemu32' in options)

    def test_removed_from_models(self):
        """What libvirt's list took out of a model is off unless asked for"""
        files = {
            'index.xml': "<cpus><arch name='x86'><include filename='m.xml'/>"
                         '</arch></cpus>',
            'm.xml': "<cpus><model name='EPYC'><feature name='avx'/>"
                     "<feature name='monitor' removed='yes'/>"
                     "<feature name='xyzzy' removed='yes'/></model></cpus>"}
        with tempfile.TemporaryDirectory() as tmp, \
                mock.patch.object(libvirt, 'CPU_MAP', tmp):
            for name, text in files.items():
                with open(os.path.join(tmp, name), 'w',
                          encoding='utf-8') as f:
                    f.write(text)
            for feature, options in (
                    ('', 'EPYC,monitor=off'),
                    ("<feature name='monitor'/>", 'EPYC,monitor=on'),
                    ("<feature name='avx'/>", 'EPYC,avx=on,monitor=off')):
                self.assertEqual(libvirt.read(libvirt.parse(
                    f'<cpu><model>EPYC</model>{feature}</cpu>'),
                    self.infos).cpu, options)

    def test_nearest_model(self):
        """Without libvirt's list, too, not one that the host decides about"""
        script = load_script('x86-cpu-model-dump')
        with mock.patch.object(libvirt, 'CPU_MAP', '/nonexistent'):
            for cpu in 'base', 'max':
                done = run_main(script, '--qemu', QEMU, '--accel', 'tcg',
                                '--cpu', cpu, '--format', 'libvirt')
                model = re.search('<model [^>]*>(.*)</model>',
                                  done.stdout)[1]
                self.assertIn(model, self.models)
                self.assertNotIn(model, ('base', 'custom', 'host', 'max'))

    def test_models_of_libvirt(self):
        """Without its list, QEMU knows which models libvirt does not have"""
        script = load_script('x86-cpu-model-dump')
        unknown = "Whether libvirt has EPYC-v4 is not known here: 'virsh "
        with mock.patch.object(libvirt, 'CPU_MAP', '/nonexistent'):
            for cpu, pattern in (
                    # From tables of this project
                    ('x86-64-v3', r'(?!x86-64|.*notsx|.*noerms).*'),
                    ('EPYC-Milan_noerms', '(?!.*noerms).*'),
                    ('EPYC', 'EPYC'), ('EPYC-IBPB', 'EPYC-IBPB'),
                    ('EPYC-v3', 'EPYC-v3'), ('EPYC-v4', 'EPYC-v4')):
                done = run_main(script, '--qemu', QEMU, '--accel', 'tcg',
                                '--cpu', cpu, '--format', 'libvirt')
                model = re.search('<model [^>]*>(.*)</model>',
                                  done.stdout)[1]
                self.assertRegex(model, f'^{pattern}$')
                # EPYC-v3 has the same features.
                self.assertEqual(unknown in done.stdout, cpu == 'EPYC-v4')

    def test_tsc_frequency(self):
        """What is not part of <cpu> is told where it belongs, as XML"""
        text = dumped('--accel', 'tcg', '--format', 'libvirt', '--cpu',
                      'EPYC-Milan,tsc-frequency=2500000000')
        self.assertIn("\n    tsc-frequency: nothing, not '2500000000'\n", text)
        timer = re.search('<timer .*/>', text)[0]
        self.assertIn(',tsc-frequency=2500000000', self.read(
            '<domain><cpu><model>EPYC-Milan</model></cpu>'
            f'<clock>{timer}</clock></domain>').cpu)

    def test_names(self):
        """The names that there are can be written"""
        for name in self.models:
            self.assertEqual(self.read(
                f'<cpu><model>{name}</model></cpu>').cpu, name)
        for name in self.machines:
            self.assertEqual(self.read(domain('', name)).machine, name)

    def test_options_in_values(self):
        """No value brings an option of its own"""
        evil = 'x,model-id=y'
        places = [outer.replace('{}', place) for outer, inner in (
            ('{}', ['<cpu><model>{}</model></cpu>',
                    "<cpu mode='host-passthrough' migratable='{}'/>",
                    "<cpu mode='maximum' migratable='{}'/>"]),
            ('<cpu {}><model>EPYC</model></cpu>',
             ["mode='{}'", "match='{}'", "check='{}'"]),
            ('<cpu><model {}>EPYC</model></cpu>',
             ["vendor_id='{}'", "fallback='{}'"]),
            ('<cpu><model>EPYC</model>{}</cpu>', [
                "<feature name='{}'/>",
                "<feature name='avx' policy='{}'/>",
                "<cache mode='{}'/>",
                "<cache mode='emulate' level='{}'/>",
                "<maxphysaddr mode='{}'/>",
                "<maxphysaddr mode='emulate' bits='{}'/>",
                "<maxphysaddr mode='passthrough' limit='{}'/>"]),
            (domain(FEATURES, 'pc'), [
                "<apic eoi='{}'/>",
                "<pvspinlock state='{}'/>",
                "<pmu state='{}'/>",
                "<ioapic driver='{}'/>",
                "<hyperv mode='{}'/>"]),
            (domain(KVM, 'pc'), ["<hidden state='{}'/>",
                                 "<pv-ipi state='{}'/>"]),
            (domain(HYPERV, 'pc'), [
                "<relaxed state='{}'/>",
                "<spinlocks state='on' retries='{}'/>",
                "<vendor_id state='on' value='{}'/>",
                "<stimer state='on'><direct state='{}'/></stimer>",
                "<tlbflush state='on'><extended state='{}'/></tlbflush>"]),
            (domain(CLOCK, 'pc'), [
                "<timer name='{}'/>",
                "<timer name='kvmclock' present='{}'/>",
                "<timer name='hypervclock' present='{}'/>",
                "<timer name='tsc' frequency='{}'/>"]),
            ('{}', [
                domain('', '{}'), domain('', 'pc', arch='{}'),
                domain('', 'pc').replace("type='qemu'", "type='{}'"),
                domain('', 'pc', devices="<panic model='{}'/>"),
                domain('', 'pc', extra=passed('-machine',
                                              'q35,cpu-compat={}x'))]),
        ) for place in inner]
        for place in places:
            with self.subTest(place):
                texts = [evil, evil.replace('x', 'on', 1),
                         evil.replace('x', 'EPYC', 1), 'a=b', 'a b c',
                         ' on', 'on ', '-1', '+1', '1e3', '0x10', '1.5',
                         '\u0661', 'a&#10;b', '9' * 25, DIGITS, LONG]
                if 'cpu-compat' in place:
                    # The comma ends the value here.
                    texts = ['a b', 'a,,b', '', '\u0661']
                for text in texts:
                    try:
                        got = self.read(place.replace('{}', text))
                    except Failure as e:
                        self.assertRegex(str(e), '^libvirt: ')
                        self.assertLess(len(str(e)), 300)
                        continue
                    # What is taken is what schema and QEMU take for a name,
                    # or text that has no comma.
                    allowed = (r'[\w.-]+' if 'vendor' not in place else
                               '[^,]*')
                    for option in got.cpu.split(',')[1:]:
                        self.assertRegex(option, rf'^[\w.-]+=({allowed})\Z')
                    self.assertRegex(got.cpu, r'^[A-Za-z0-9_.-]+(,|\Z)')
                    self.assertRegex(got.machine or '',
                                     r'^[A-Za-z0-9_.-]*(,cpu-compat=[^,]*)?\Z')
                    self.assertNotIn('model-id', got.cpu)

    def test_refused(self):
        """What libvirt refuses, and why"""
        inner = [*REFUSED, *REFUSED_HERE]
        for text, message in [
                *inner, *((domain(xml, 'pc'), why) for xml, why in inner),
                *REFUSED_AS_A_WHOLE]:
            if text.startswith(('<features', '<clock')):
                # Not by themselves
                continue
            with self.subTest(text), self.assertRaisesRegex(
                    Failure, f'^libvirt: {message}$'):
                self.read(text)

    def test_passed_arguments(self):
        """Of a command line, only what is about the CPU is taken"""
        request = self.read(domain('', 'pc', extra=passed(
            '-kernel', '/etc/hostname', '-readconfig', '/etc/hostname',
            '-global', 'Penryn-x86_64-cpu.model=99',
            '-global', 'driver=x86_64-cpu,property=level,value=9',
            '-global', 'cpu.vendor=a,b',
            '-global', 'fw_cfg.x=/etc/hostname',
            '-global', 'driver=isa-debugcon,property=chardev,value=x-cpu',
            '-global', 'isa-x.y=z,driver=x86_64-cpu',
            '-global', 'x', '-global', 'driver=cpu',
            '-global', 'EPYC-x86_64-cpu.enforce=on',
            '-global', 'driver=cpu,property=check,value=off',
            '-global', 'isa-x.enforce=on',
            '--machine', 'kernel=/etc/hostname,kernel_irqchip=split,'
            'cpu-compat=pc-q35-8.2',
            '-M', 'pc-q35-9.0,firmware=/etc/hostname,memory-backend=x',
            '-name', '-cpu', 'Nehalem', '-cpu', 'EPYC,model-id=a,,b',
            '-no-shutdown', '-cpu', 'EPYC,model-id=a,,b', '-name', '-cpu',
            '-serial', '--cpu', '-smp', '4', '-S')))
        self.assertEqual(request.machine, 'pc-q35-9.0,kernel-irqchip=split,'
                                          'cpu-compat=pc-q35-8.2')
        self.assertEqual(request.cpu, 'EPYC,model-id=a,,b')
        self.assertEqual(request.arguments, [
            '-global', 'Penryn-x86_64-cpu.model=99',
            '-global', 'driver=x86_64-cpu,property=level,value=9',
            '-global', 'cpu.vendor=a,b', '-global', 'driver=cpu'])
        self.assertEqual(request.notes, [
            f'-global {text} is left out: it decides whether the guest '
            'starts, not what the CPU is' for text in (
                'EPYC-x86_64-cpu.enforce=on',
                'driver=cpu,property=check,value=off')])
        self.assertEqual(self.read(passed('-cpu', '-cpu', 'EPYC')).cpu,
                         '-cpu')
        # Without a type, the one that is asked with is the default.
        self.assertEqual(self.read(passed('-M', 'cpu-compat=pc', '-cpu',
                                          'max')).machine, ',cpu-compat=pc')
        answer = json.loads(dumped(
            '--libvirt', '-', '--accel', 'tcg', '--format', 'json',
            stdin=passed('-M', f'cpu-compat={OLDEST}', '-cpu', 'qemu64')))
        self.assertRegex(answer['machine'],
                         f'^pc-q35-[0-9.]+,cpu-compat={OLDEST}$')


class OptionsOfQemu(unittest.TestCase):
    """Which of QEMU's options have a value?  Asked of QEMU"""

    def test_without_value(self):
        usage = subprocess.run([QEMU, '-help'], stdout=subprocess.PIPE,
                               text=True, timeout=60, check=True).stdout
        names = {*re.findall(r'(?m)^--?(\w[\w-]*)', usage)}
        self.assertGreater(len(names), 90)
        for name in sorted(names | libvirt.WITHOUT_VALUE):
            # -version only runs if all arguments can be parsed.
            done = subprocess.run(
                [QEMU, '-version', f'-{name}'], stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True, timeout=60, check=False)
            self.assertEqual('requires an argument' not in done.stderr,
                             name in libvirt.WITHOUT_VALUE, name)


class Virsh:
    """libvirt without a daemon, in a directory of its own"""

    def __init__(self, root):
        self.uri = f'qemu:///embed?root={root}'
        self.root = root
        os.makedirs(os.path.join(root, 'etc'))
        with open(os.path.join(root, 'etc', 'qemu.conf'), 'w',
                  encoding='utf-8') as f:
            # Else it would give up privileges, and /dev/kvm with them.
            f.write('user = "root"\ngroup = "root"\n'
                    'security_driver = "none"\nstdio_handler = "file"\n'
                    'cgroup_controllers = []\nnamespaces = []\n'
                    'remember_owner = 0\n')

    def run(self, *args):
        done = subprocess.run(['virsh', '-q', '-c', self.uri, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=300, check=False)
        if done.returncode:
            raise AssertionError(f'virsh {args}: {done.stderr}')
        return done.stdout

    def cpu_argument(self, xml):
        """Returns what libvirt gives QEMU as -cpu, the last one."""
        path = os.path.join(self.root, 'domain.xml')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(xml)
        text = self.run('domxml-to-native', 'qemu-argv', path)
        found = re.findall(r" -cpu ('[^']*'|\S+)", text)
        return found[-1].strip("'")

    @contextlib.contextmanager
    def started(self, xml, monitor):
        """A guest, as long as this lasts; its monitor shows that it is there"""
        path = os.path.join(self.root, 'domain.xml')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(xml)
        with tempfile.TemporaryFile() as output, subprocess.Popen(
                ['virsh', '-q', '-c', self.uri], stdin=subprocess.PIPE,
                stdout=output, stderr=output, text=True) as process:
            try:
                process.stdin.write(f'create {path} --paused\n')
                process.stdin.flush()
                end = time.monotonic() + 60
                while not os.path.exists(monitor):
                    text = os.pread(output.fileno(), 65536, 0).decode()
                    if 'error: ' in text or time.monotonic() > end:
                        raise AssertionError(text)
                    time.sleep(0.1)
                yield
            finally:
                # The guest ends with the driver that is in virsh.
                process.stdin.write('destroy dumped\nquit\n')
                process.stdin.close()
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()


class WithLibvirt(unittest.TestCase):
    """libvirt's XML, read by libvirt"""

    @classmethod
    def setUpClass(cls):
        if not shutil.which('virsh'):
            raise unittest.SkipTest('libvirt is not installed')
        tmp = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, tmp)
        cls.virsh = Virsh(os.path.join(tmp, 'root'))
        try:
            cls.virsh.run('uri')
        except AssertionError as e:
            raise unittest.SkipTest(
                f"libvirt's embedded driver of QEMU does not work: {e}"
                .replace('\n', ' ')) from e

    def carried(self, accel, cpu, machine):
        """
        Checks what <cpu> says about itself: that the guest gets the same
        CPU, or else gets it with what it names as lost.  Returns that.
        """
        args = ['--cpu', cpu, '--machine', machine, '--accel', accel]
        xml = dumped(*args, '--format', 'libvirt')
        native = self.virsh.cpu_argument(domain(xml, machine, accel))
        lost = re.findall(r"(?m)^    ([a-z][\w.-]*): '.*', not '(.*)'$", xml)
        fixed = ''.join(f",{k}={v.replace(',', ',,')}" for k, v in lost)
        original = view(['-machine', machine, '-cpu', cpu + FORCE]
                        if accel == 'tcg' else
                        ['-machine', machine, '-cpu', cpu], accel)
        end = FORCE if accel == 'tcg' else ''
        got = view(['-machine', machine, '-cpu', native + end], accel)
        if lost:
            self.assertNotEqual(got, original)
            got = view(['-machine', machine, '-cpu', native + fixed + end],
                       accel)
        self.assertEqual(got, original)
        return {name for name, value in lost}

    def test_whole(self):
        """Models that libvirt has, with features changed"""
        for accel, cpu, machine in (
                ('tcg', 'EPYC-Milan,+vaes,-svm', 'pc-q35-6.2'),
                ('tcg', 'Skylake-Server-v4', of_line('pc-i440fx-4.2')),
                ('tcg', 'qemu64', OLDEST),
                ('tcg', 'Haswell,phys-bits=44', 'pc-q35-9.0'),
                ('kvm', 'EPYC-Milan,-svm', 'pc-q35-6.2')):
            if accel == 'tcg' or kvm_opens():
                with self.subTest(f'{accel} {cpu}'):
                    self.assertEqual(self.carried(accel, cpu, machine),
                                     set())

    def test_lost(self):
        """What a <cpu> cannot carry is named, and nothing else is lost"""
        self.assertEqual(self.carried(
            'tcg', 'Haswell,model-id=Mine,level=11', 'pc-q35-9.0'),
            {'model-id', 'level'})
        self.assertLessEqual({'model-id', 'l3-cache-info'}, self.carried(
            'tcg', 'EPYC-Genoa', NEWEST))

    def test_read_as_libvirt_does(self):
        """Optional features, which libvirt may write otherwise"""
        xml = domain(POLICIES, 'pc-q35-9.0')
        args = ['--machine', 'pc-q35-9.0', '--accel', 'tcg', '--format', 'cpu']
        self.assertEqual(
            dumped('--libvirt', '-', *args, stdin=xml),
            dumped('--cpu', self.virsh.cpu_argument(xml), *args))

    def test_options_as_libvirt_has_them(self):
        """Letter for letter, except what only a newer libvirt knows"""
        version = tuple(int(n) for n in self.virsh.run(
            '--version').split('.')[:2])
        with Qemu(QEMU, ['-machine', 'none', '-accel', 'tcg']) as q:
            infos = q.cmd('query-cpu-features')
        compared = 0
        for text, _, *since in [
                *((domain(xml, 'pc-q35-9.0'), *rest)
                  for xml, *rest in OPTIONS),
                *((domain('', 'pc-q35-9.0', devices=xml), *rest)
                  for xml, *rest in DEVICES)]:
            if since and version < since[0]:
                continue
            with self.subTest(text):
                try:
                    theirs = self.virsh.cpu_argument(text)
                except AssertionError as e:
                    # Of the host; ours asks QEMU about that.
                    if 'TSC scaling is not supported' not in str(e):
                        raise
                    self.skipTest('libvirt: no TSC scaling on this host')
                compared += 1
                self.assertEqual(
                    libvirt.read(libvirt.parse(text.encode()), infos).cpu,
                    re.sub(',hv-crash(?!=)', ',hv-crash=on', theirs))
        self.assertGreater(compared, 20)

    def test_refused_as_libvirt_does(self):
        for xml, _ in REFUSED:
            with self.subTest(xml), self.assertRaises(AssertionError):
                self.virsh.cpu_argument(domain(xml, 'pc-q35-9.0'))

    def check_started(self, xml, expected):
        path = os.path.join(self.virsh.root, 'qmp')
        monitor = (f"<qemu:arg value='-qmp'/><qemu:arg value='unix:{path},"
                   "server=on,wait=off'/>")
        with self.virsh.started(xml.replace('MONITOR', monitor), path):
            answer = json_of(self, '--qmp', path)
        self.assertEqual(answer['model']['props'], expected)

    def test_started(self):
        """A guest that libvirt starts has the CPU, with both formats"""
        args = ['--cpu', 'Nehalem,-sse4.2', '--machine', 'pc-q35-6.2',
                '--accel', 'tcg', '--format']
        # libvirt 9.0 says -no-acpi otherwise, which QEMU has no more.
        acpi = '<features><acpi/></features>'
        # All of it TCG has, so that nothing is removed.
        answer = json_of(self, *args[:-1])
        self.assertEqual(answer['removed-features'], [])
        expected = answer['model']['props']
        extra = (f"<qemu:commandline xmlns:qemu='{QEMU_NAMESPACE}'>MONITOR"
                 '</qemu:commandline>')
        self.check_started(domain(dumped(*args, 'libvirt') + acpi, 'pc-q35-6.2',
                                  extra=extra), expected)
        passed = dumped(*args, 'libvirt-qemu')
        self.check_started(domain(acpi, 'pc-q35-9.0', extra=passed.replace(
            '</qemu', 'MONITOR</qemu')), expected)


class Readers(unittest.TestCase):
    """JSON, table, and what goes to stderr"""

    ARGS = ['--accel', 'tcg', '--cpu', 'EPYC-Milan', '--machine', 'pc']

    def test_json(self):
        answer = json_of(self, *self.ARGS)
        self.assertRegex(answer['machine'], '^pc-i440fx-')
        self.assertIn('clzero', answer['removed-features'])
        self.assertTrue(answer['model']['props']['clzero'])

    def test_defaults(self):
        answer = json_of(self, '--cpu', 'qemu64')
        self.assertEqual(answer['accel'], 'kvm' if kvm_opens() else 'tcg')
        self.assertRegex(answer['machine'], '^pc-q35-')

    def test_table(self):
        """Everything is there, and fits"""
        done = dump(*self.ARGS)
        table = done.stdout
        self.assertLessEqual(max(map(len, table.splitlines())), 100)
        words = set(table.split())
        props = json_of(self, *self.ARGS)['model']['props']
        self.assertLessEqual(set(props), words)
        on, off = re.findall(r'(?s)(\d+) features (?:on|off):\n(.*?)\n\n',
                             table)
        self.assertIn('svm', on[1].split())
        self.assertIn('avx512f', off[1].split())
        self.assertEqual(int(on[0]), len(on[1].split()))
        self.assertIn('  family                       25\n', table)
        self.assertRegex(table, '(?m)^note: .* missing on this host')
        self.assertEqual(done.stderr, '')

    @unittest.skipUnless(kvm_opens(), '/dev/kvm does not open')
    def test_kernel_that_refuses_its_own_msr(self):
        """A CPU that cannot start here is written down all the same"""
        answer = json_of(self, '--accel', 'kvm', '--cpu', 'SapphireRapids-v1')
        self.assertTrue(answer['model']['props']['arch-capabilities'])

    def test_help(self):
        text = dumped('--help')
        for word in ('--qmp', '--libvirt', 'readconfig', 'custom'):
            self.assertIn(word, text)


class Listener:
    """A UNIX socket, and what its only client hears"""

    def __init__(self, path, talk):
        """:param talk: called with the connection"""
        self._talk = talk
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_exc):
        self._server.close()
        self._thread.join(30)

    def _serve(self):
        # OSError: the client has gone.
        with self._server.accept()[0] as connection, \
                contextlib.suppress(OSError):
            self._talk(connection)


class Errors(unittest.TestCase):
    def check_error(self, message, *args, stdin=''):
        done = dump(*args, stdin=stdin)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (2, '', f'error: {message}\n'))

    def test_told(self):
        for message, args in [
                ("unknown format 'lvirt'; did you mean libvirt?",
                 ['--cpu', 'max', '--format', 'lvirt']),
                ("unknown format 'x'; use table, cpu, readconfig, json, libvirt "
                 'or libvirt-qemu',
                 ['--cpu', 'max', '--format', 'x']),
                ("unknown --model 'max'; use base or custom",
                 ['--cpu', 'max', '--model', 'max']),
                ('--quote is for --format cpu', ['--cpu', 'max', '--quote']),
                ('one of --cpu, --qmp and --libvirt is needed (see --help)',
                 []),
                ('--machine cannot be used with --qmp: the guest has one '
                 'already', ['--qmp', 'x', '--machine', 'pc']),
                ("unknown CPU model 'EPYC-Milano'; did you mean EPYC-Milan, "
                 f'{NEAREST_MODELS}?', ['--cpu', 'EPYC-Milano']),
                ("unknown machine type 'q36'; did you mean q35?",
                 ['--cpu', 'max', '--machine', 'q36']),
                ("readconfig: the value of 'model-id' has a double quote, "
                 'which no file for -readconfig can have; --format cpu can',
                 ['--accel', 'tcg', '--cpu', 'qemu64,model-id=a"b',
                  '--format', 'readconfig']),
                ("readconfig: the value of 'model-id' has a line break, "
                 'which no file for -readconfig can have; --format cpu '
                 '--quote can',
                 ['--accel', 'tcg', '--cpu', 'qemu64,model-id=a"\nb',
                  '--format', 'readconfig']),
                ("cpu: the value of 'model-id' has a line break; use "
                 '--quote, or --format json',
                 ['--accel', 'tcg', '--cpu', 'qemu64,model-id=a\nb',
                  '--format', 'cpu']),
                *((f"{fmt}: the value of '{name}' has the character U+001B, "
                   'which no XML can have; --format cpu can',
                   ['--accel', 'tcg', '--cpu', f'qemu64,{name}=Genuine\x1bntel',
                    '--format', fmt])
                  for fmt, name in (('libvirt', 'vendor'),
                                    ('libvirt-qemu', 'vendor'),
                                    ('libvirt-qemu', 'model-id'))),
                ("libvirt: machine type 'microvm' is not a PC, and only for "
                 'these can a <cpu> be written; --format libvirt-qemu is for '
                 'any machine type',
                 ['--accel', 'tcg', '--cpu', 'qemu64', '--machine', 'microvm',
                  '--format', 'libvirt']),
                ('cannot connect to /nonexistent: No such file or directory',
                 ['--qmp', '/nonexistent']),
                ('cannot connect to 127.0.0.1:1: Connection refused',
                 ['--qmp', '127.0.0.1:1']),
                ('cannot read /nonexistent: No such file or directory',
                 ['--libvirt', '/nonexistent']),
                ('cannot read /dev/zero: it is longer than 16 MiB',
                 ['--libvirt', '/dev/zero'])]:
            with self.subTest(args):
                self.check_error(message, *args)

    def test_told_of_xml(self):
        self.check_error("cpu: the value of 'vendor' has a line break; use "
                         '--quote, or --format json', '--libvirt', '-',
                         '--accel', 'tcg', '--format', 'cpu',
                         stdin="<cpu><model vendor_id='Genuine&#10;ntel'>"
                               'qemu64</model></cpu>')
        self.check_error("libvirt: <cpu mode='custom'> needs a <model>",
                         '--libvirt', '-', stdin='<cpu/>')
        self.check_error("unknown CPU model 'Haswel'; did you mean Haswell, "
                         'Haswell-v4 or Haswell-v3?', '--libvirt', '-',
                         '--accel', 'tcg',
                         stdin='<cpu><model>Haswel</model></cpu>')

    def test_custom_names_what_is_missing(self):
        done = dump('--accel', 'tcg', '--cpu', 'custom,level=3')
        self.assertRegex(done.stderr, '^error: QEMU does not start: .*'
                                      'missing: .* and [0-9]+ more\n$',
                         f'status {done.returncode}, {done.stdout[:200]}')

    def test_not_a_monitor(self):
        for says, message in [
                (b'HTTP/1.1 400 Bad Request\r\n', '{} is not a QMP monitor'),
                (b'', '{} is not a QMP monitor')] + [
                (None, '{} does not answer: a QMP monitor takes one client '
                       'at a time; give QEMU another -qmp monitor for this')
                ] * FULL:
            with self.subTest(says), tempfile.TemporaryDirectory() as tmp:
                path = os.path.join(tmp, 'socket')

                def talk(connection):
                    if says is None:
                        connection.recv(1)
                    else:
                        connection.sendall(says)

                with Listener(path, talk):
                    self.check_error(message.format(path), '--qmp', path)

    def test_without_cpu(self):
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'qmp')
            argv = [QEMU, '-machine', 'none', '-display', 'none', '-qmp',
                    f'unix:{path},server=on,wait=off', '-monitor', 'stdio']
            with subprocess.Popen(argv, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  text=True) as process:
                try:
                    # The prompt
                    process.stdout.read(4)
                    self.check_error(f'the QEMU at {path} has no CPU',
                                     '--qmp', path)
                finally:
                    process.kill()


# A QEMU of one CPU with two features, as QMP has it
GREETING = {'QMP': {'version': {'qemu': {'major': 10, 'minor': 0, 'micro': 1},
                                'package': 'v'}, 'capabilities': []}}
PLACE = {'cpuid': {'leaf': 7, 'subleaf': 0, 'register': 'ebx', 'bit': 5}}
ENTRY = {'feature': 'avx2', 'places': [PLACE], 'reason': 'kernel',
         'blocking': True, 'requested-by': 'user', 'requires': [['avx']],
         'conflicts-with': ['xmm']}
PROPERTIES = {'type': 'EPYC-x86_64-cpu', 'cpu-compat': 'pc-q35-9.0',
              'machine type': 'pc-q35-10.0-machine', 'avx2': False,
              'removed-features': [ENTRY],
              'added-features': [{'feature': 'ht', 'places': [PLACE]}]}
ANSWERS = {
    'query-cpus-fast': [{'qom-path': '/machine/cpu'}],
    'query-cpu-model-expansion': {
        'model': {'name': 'base', 'props': {
            'avx2': True, 'ht': False, 'level': 13, 'vendor': 'x'}},
        'omitted-properties': ['host-cache-info'],
        'removed-features': [ENTRY]},
    'query-target': {'arch': 'x86_64'},
    'query-kvm': {'enabled': True},
    'query-cpu-features': [
        {'name': 'avx2', 'aliases': [], 'supported': True,
         'migratable': True, 'libvirt': 'avx2', 'description': 'AVX2',
         'requires': [['avx']]}],
    'query-cpu-definitions': [
        {'name': 'EPYC', 'migration-safe': True}],
    'qom-list': [{'name': 'cpu-compat'}],
}


class FakeQemu(unittest.TestCase):
    """The scripts, and a QEMU that answers as a test wants it to"""

    FORMATS = ['table', 'cpu', 'json', 'readconfig', 'libvirt-qemu']

    @classmethod
    def setUpClass(cls):
        cls.script = load_script('x86-cpu-model-dump')

    def answer_of(self, script, fmt='json', greeting=GREETING, raw=None,
                  answers=None, properties=None, refused=None, **args):
        """
        Returns what a script says of such a QEMU: text, status, notes.

        :param raw: bytes instead of each answer
        :param refused: a command
        :param args: arguments of the script
        :raise Failure: it prints an error
        """
        def answer(command, arguments):
            if command == refused:
                return {'error': {'class': 'GenericError',
                                  'desc': 'Not today'}}
            if raw is not None and command != 'qmp_capabilities':
                return raw
            if command != 'qom-get':
                return {'return': (answers or ANSWERS).get(command, {})}
            name = arguments['property']
            if arguments['path'] == '/machine' and name == 'type':
                name = 'machine type'
            if name == 'cpu-compat' and name not in (properties or PROPERTIES):
                return {'error': {'class': 'GenericError', 'desc':
                                  "Property 'machine.cpu-compat' not found"}}
            return {'return': (properties or PROPERTIES).get(name, False)}

        def talk(connection):
            with connection.makefile('rwb') as stream:
                serve(stream, stream, answer, greeting)

        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'qmp')
            args = argparse.Namespace(
                qmp=path, cpu=None, libvirt=None, machine=None, accel=None,
                smp=None, format=fmt, **args)
            with Listener(path, talk):
                return script.run(args)

    def dump(self, fmt, **qemu):
        """Returns the text of a dump, and its notes."""
        text, status, notes = self.answer_of(self.script, fmt, model='base',
                                             quote=False, **qemu)
        self.assertEqual(status, 0)
        return text, notes


class NotExact(FakeQemu):
    """What a dump of a running guest cannot carry, and says so"""

    # A CPU's properties, and what its guest sees
    PROPS = {'avx': False, 'avx2': True, 'vaes': True, 'avx10': True,
             'avx10-256': False, 'avx10-512': False, 'kvmclock': True,
             'kvmclock-stable-bit': True, 'svm': False, 'npt': True}
    REQUIRES = {'avx2': [['avx']], 'vaes': [['avx', 'kvmclock'], ['avx2']],
                'avx10': [['avx10-256', 'avx10-512']],
                'kvmclock-stable-bit': [['svm', 'kvmclock']],
                'npt': [['svm']]}
    SEEN = {'f-avx2': True, 'f-vaes': True, 'f-avx10': True,
            'f-kvmclock-stable-bit': True}
    UNMET = [
        'not exact: avx2, vaes need avx, which this guest lacks: a CPU made '
        'from the dump will not have them',
        'not exact: avx10 needs avx10-256 or avx10-512, which this guest '
        'lacks: a CPU made from the dump will not have it']

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        entry, = ANSWERS['query-cpu-features']
        expansion = dict(ANSWERS['query-cpu-model-expansion'])
        del expansion['omitted-properties']
        cls.answers = {
            **ANSWERS,
            'query-cpu-features': [
                {**entry, 'name': name, 'libvirt': name,
                 'requires': cls.REQUIRES.get(name, [])}
                for name in cls.PROPS],
            'query-cpu-model-nearest': {'name': 'EPYC-v1',
                                        'libvirt-unknown': []},
            'query-cpu-model-expansion': {
                **expansion, 'model': {'name': 'base', 'props': {
                    **cls.PROPS, 'avx': True}}}}
        cls.properties = {
            **PROPERTIES, **cls.PROPS, **cls.SEEN, 'added-features': [],
            'removed-features': [{**ENTRY, 'feature': 'avx'}]}

    def test_unmet_requirements(self):
        for fmt in [*self.FORMATS, 'libvirt']:
            with self.subTest(fmt):
                text, notes = self.dump(fmt, answers=self.answers,
                                        properties=self.properties)
                if fmt == 'table':
                    self.assertEqual(notes, [])
                    head = ' '.join(text.partition('\n\n')[0].split())
                    notes = head.split(' note: ')[1:]
                self.assertEqual(sorted(notes)[-2:], sorted(self.UNMET))
                if fmt == 'json':
                    answer = json.loads(text)
                    self.assertEqual(answer['notes'], notes)
                    self.assertEqual(answer['omitted-properties'],
                                     ['avx10', 'avx2', 'vaes'])
                    self.assertEqual(answer['removed-features'], [])
                    self.assertEqual(answer['model']['props'], self.PROPS)

    def test_met_requirements(self):
        seen = {name: False for name in self.SEEN}
        for properties in ({**self.properties, **seen},
                           {**self.properties, 'removed-features': []}):
            answers = json.loads(json.dumps(self.answers))
            if not properties['removed-features']:
                answers['query-cpu-model-expansion']['model']['props'][
                    'avx10-512'] = True
            text, notes = self.dump('json', answers=answers,
                                    properties=properties)
            self.assertEqual(notes, [])
            self.assertNotIn('omitted-properties', json.loads(text))

    def test_forced(self):
        """Only what is on although it is missing is forced"""
        off = {**ENTRY, 'feature': 'svm'}
        harmless = {**ENTRY, 'feature': 'npt', 'blocking': False}
        properties = {
            **self.properties, **{name: False for name in self.SEEN},
            'avx': True, 'removed-features': [
                *self.properties['removed-features'], off, harmless]}
        for force in False, True:
            text, notes = self.dump(
                'json', answers=self.answers,
                properties={**properties, 'x-force-features': force})
            answer = json.loads(text)
            self.assertEqual(answer['removed-features'], ['avx'] * force)
            self.assertEqual(notes, [
                '1 of its features are missing on this host with this '
                'accelerator (x86-cpu removed says why); the dump has them '
                'as asked for',
                'not exact: x-force-features=on shows features that are '
                'missing on this host, and is not part of the dump: avx'
            ] * force)
            self.assertEqual(answer.get('omitted-properties', []),
                             ['x-force-features'] * force)


class WithoutCpuCompat(FakeQemu):
    """A running microvm has no such property; for both scripts"""

    def test_read(self):
        properties = {**PROPERTIES, 'machine type': 'microvm-machine'}
        del properties['cpu-compat']
        qemu = {'answers': {**ANSWERS, 'qom-list': [{'name': 'f-avx2'}]},
                'properties': properties}
        for text in [
                self.dump('json', **qemu)[0],
                self.answer_of(load_script('x86-cpu-removed'), check=False,
                               exit_zero=True, all=True, **qemu)[0]]:
            self.assertEqual(json.loads(text)['machine'], 'microvm')


class Characters(FakeQemu):
    """What XML cannot have is refused, and the rest is written"""

    def written(self, fmt, name, value):
        answers = json.loads(json.dumps(ANSWERS))
        props = answers['query-cpu-model-expansion']['model']['props']
        props[name] = value
        return self.dump(fmt, answers=answers)

    def test_refused(self):
        for number in [*sorted({*range(0x20)} - {9, 10, 13}), 0xfffe, 0xffff]:
            with self.assertRaisesRegex(
                    Failure, "^libvirt-qemu: the value of 'model-id' has the "
                    f'character U\\+{number:04X}, which no XML can have; '
                    '--format cpu can$'):
                self.written('libvirt-qemu', 'model-id', f'a{chr(number)}b')

    def test_written(self):
        for number in 9, 10, 13, 0x20, 0x7f, 0x9f, 0xfffc, 0x10000, 0x10ffff:
            value = f'a{chr(number)}b'
            text, _ = self.written('libvirt-qemu', 'model-id', value)
            self.assertIn(f'model-id={value},', passed_cpu(text))

    def test_what_a_cpu_element_cannot_carry(self):
        """The comment names what can"""
        done = dump('--accel', 'tcg', '--cpu', 'qemu64,model-id=a\x01b',
                    '--format', 'libvirt')
        ET.fromstring(done.stdout)
        self.assertIn('  The format cpu carries everything.\n', done.stdout)
        self.assertIn('(named in the comment); cpu can\n', done.stderr)


class BadInput(FakeQemu):
    """Whatever is read: one line that says what is wrong, no traceback"""

    def output(self, *args, **kwargs):
        """Returns what a script prints, see answer_of()."""
        return self.answer_of(*args, **kwargs)[0]

    def run_monitor(self, fmt='json', **qemu):
        """Returns None, or the error of a dump of such a QEMU."""
        try:
            self.output(self.script, fmt, model='base', quote=False, **qemu)
        except Failure as e:
            return error_line(e)
        return None

    def check_error(self, error, what):
        self.assertIsNotNone(error, what)
        self.assertTrue(error.isprintable(), what)
        self.assertLess(len(error), 1010, what)
        self.assertNotIn('A' * 300, error, what)

    def test_the_good_one(self):
        for fmt in self.FORMATS:
            self.assertIsNone(self.run_monitor(fmt), fmt)

    def test_no_answers(self):
        """What is no JSON, or no answer, in the place of one"""
        for what, raw in {**NO_JSON, 'list': b'[]', 'number': b'1',
                          'no answer': b'{}', 'error of another type':
                          b'{"error": 1}'}.items():
            with self.subTest(what), mock.patch.object(
                    x86_cpu_qmp, 'TIMEOUT', 3):
                self.check_error(self.run_monitor(raw=raw), what)

    def check_all_refused(self, cases, least):
        """
        Checks that some are refused, as they have to be.

        :param cases: (what it is, arguments of run_monitor())
        :param least: how many, at least
        """
        refused = 0
        for what, args in cases:
            with self.subTest(what):
                error = self.run_monitor(**args)
                if error:
                    refused += 1
                    self.check_error(error, what)
        self.assertGreater(refused, least)

    def test_other_answers(self):
        """Each member left out, or of another type"""
        self.check_all_refused((
            (what, {'fmt': fmt, 'answers': answers})
            for (what, answers), fmt in zip(all_replaced(ANSWERS),
                                            itertools.cycle(self.FORMATS))),
            100)

    def test_other_properties(self):
        self.check_all_refused((
            (what, {'properties': properties})
            for what, properties in all_replaced(PROPERTIES)), 50)

    def test_half_of_a_surrogate_pair(self):
        """No output can have it"""
        model = {**ANSWERS['query-cpu-model-expansion'],
                 'model': {'name': 'base', 'props': {'vendor': 'a\ud800'}}}
        for args in [
                {'properties': {**PROPERTIES,
                                'type': 'EPYC\udcff-x86_64-cpu'}},
                {'answers': {**ANSWERS, 'query-cpu-model-expansion': model}}]:
            for fmt in self.FORMATS:
                self.assertIn('it has half of a surrogate pair',
                              self.run_monitor(fmt=fmt, **args))
        greeting = json.loads(json.dumps(GREETING))
        greeting['QMP']['version']['package'] = '\ud800'
        self.assertIn('it has half of a surrogate pair',
                      self.run_monitor(greeting=greeting))

    def test_empty_requirement(self):
        """A feature that needs any of none"""
        removed = [{**ENTRY, 'reason': 'dependency', 'requires': [[]]}]
        self.assertRegex(
            self.run_monitor(properties={**PROPERTIES,
                                         'removed-features': removed}),
            r'^qom-get: .*the answer\[0\].requires\[0\] is empty$')

    def test_capabilities_refused(self):
        self.assertRegex(self.run_monitor(refused='qmp_capabilities'),
                         '/qmp is not a QMP monitor: qmp_capabilities: Not '
                         'today$')

    def test_for_no_terminal(self):
        """Nothing that a QEMU says is a command to the terminal"""
        evil = 'a\x1b[2J\x9b\u202e'
        entry = {**ENTRY, 'reason': evil, 'feature': evil,
                 'requested-by': evil, 'requires': [[evil]]}
        properties = {**PROPERTIES, f'f-{evil}': True,
                      'removed-features': [entry, {**entry,
                                                   'blocking': False}],
                      'added-features': [{**entry, 'places': []}]}
        answers = {**ANSWERS, 'query-cpu-model-expansion': {
            **ANSWERS['query-cpu-model-expansion'],
            'model': {'name': 'base', 'props': {'model-id': evil, evil: 1}}},
            'qom-list': [{'name': f'f-{evil}'}]}
        for script, args in [
                (self.script, {'model': 'base', 'quote': False}),
                (load_script('x86-cpu-removed'),
                 {'check': False, 'exit_zero': False, 'all': True})]:
            text = self.output(script, 'table', answers=answers,
                               properties=properties, **args)
            self.assertIn(r'a\x1b[2J\x9b\u202e', text)
            self.assertTrue(text.replace('\n', '').isprintable(), repr(text))

    def test_other_greetings(self):
        for what, greeting in all_replaced(GREETING):
            if 'capabilities' not in what:
                with self.subTest(what):
                    self.check_error(self.run_monitor(greeting=greeting),
                                     what)

    def test_xml(self):
        laughs = ''.join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">'
                         for n in range(1, 12))
        for what, text in {
                'not UTF-8': b'<cpu><model>\xff</model></cpu>',
                'UTF-16, half': '<cpu/>'.encode('utf-16')[:-1],
                'encoding': b'<?xml version="1.0" encoding="xyzzy"?><cpu/>',
                'encoding of many bytes':
                b'<?xml version="1.0" encoding="shift_jis"?><cpu/>',
                'no text': b"<?xml version='1.0' encoding='hex'?><cpu/>",
                'control': b'<cpu><model>\x01</model></cpu>',
                'NUL': b'<cpu>\0</cpu>',
                'deep': b'<cpu>' * 100_000,
                'deep and whole': b'<a>' * 100_000 + b'</a>' * 100_000,
                'laughs': (f'<!DOCTYPE cpu [<!ENTITY a0 "ha">{laughs}]>'
                           '<cpu><model>&a11;</model></cpu>'),
                'entity': b'<!DOCTYPE cpu [<!ENTITY a SYSTEM '
                          b'"/etc/hostname">]><cpu><model>&a;</model></cpu>',
                'long name': f'<{LONG}/>',
                'long model': f'<cpu><model>{LONG}</model></cpu>',
                'number': HASWELL.format(
                    f"<maxphysaddr mode='emulate' bits='{DIGITS}'/>"
                ),
                'frequency': domain(CLOCK.format(
                    f"<timer name='tsc' frequency='{DIGITS}'/>"),
                    'pc'),
                'retries': domain(HYPERV.format(
                    f"<spinlocks state='on' retries='{DIGITS}'/>"),
                    'pc'),
                'long feature': HASWELL.format(
                    f"<feature name='{LONG}'/>"),
                'long policy': HASWELL.format(
                    f"<feature name='avx' policy='{LONG}'/>"),
                'long element': domain(HYPERV.format(
                    f"<{LONG} state='on'/>"), 'pc'),
                'line break': '<cpu><model>a\nb&#27;</model></cpu>',
                'option': domain('', 'pc', extra=passed(
                    '-machine', f'cpu-compat={LONG} x'))}.items():
            with self.subTest(what):
                check_refused(self, run_main(
                    self.script, '--qemu', QEMU, '--libvirt', '-', '--accel',
                    'tcg', stdin=text if isinstance(text, bytes) else
                    text.encode()))

    def test_command_line(self):
        qemu = {'--qemu': QEMU}
        cpu = {'--cpu': 'qemu64', '--accel': 'tcg'}
        for given, options in [
                ({**qemu, **cpu}, ['--cpu', '--machine', '--accel',
                                   '--format', '--model', '--xyzzy']),
                (cpu, ['--qemu']), (qemu, ['--qmp']),
                ({**qemu, '--accel': 'tcg'}, ['--libvirt'])]:
            check_command_line(self, self.script, given, options,
                               defaults=['--machine', '--accel'])

    def test_addresses(self):
        for text in (f'127.0.0.1:{DIGITS}', '127.0.0.1:\u00b2',
                     '127.0.0.1:99999', f'{LONG}:1', 'a..b:1', '[::1',
                     '\udcff:1'):
            with self.subTest(text[:20]):
                check_refused(self, run_main(self.script, '--qmp', text),
                              [text])

    def test_not_utf_8(self):
        """In a process of its own: on the command line, and printed"""
        check_refused(self, dump('--cpu', '\udcff', '--accel', 'tcg'))
        done = dump('--cpu', 'qemu64,model-id=\udcff\u00e9', '--accel', 'tcg',
                    env={'PYTHONIOENCODING': 'ascii'})
        self.assertNotIn('Traceback', done.stderr)
        self.assertIn('qemu64,model-id=', done.stdout)
        # QEMU replaces these bytes where it writes JSON.  The last two begin a
        # character, but nothing cuts them off at 48 bytes.
        for fmt, text in (
                ('table', 'a\udcffb'), ('cpu', 'a\udcffb'),
                ('readconfig', 'a\udcffb'), ('libvirt-qemu', 'a\udcffb'),
                ('cpu', 46 * 'a' + '\udcc3'), ('json', 'abc\udce2\udc82')):
            done = dump('--cpu', f'qemu64,model-id={text}', '--accel', 'tcg',
                        '--format', fmt)
            self.assertIn('note: not exact: not UTF-8, and so left out: '
                          'model-id\n',
                          done.stdout if fmt == 'table' else done.stderr)
            self.assertNotIn('\ufffd', done.stdout)
        found = check_json(self, 'x86-cpu-model-dump', done.stdout)
        self.assertNotIn('model-id', found['model']['props'])
        self.assertEqual(found['omitted-properties'], ['model-id'])


if __name__ == '__main__':
    unittest.main()
