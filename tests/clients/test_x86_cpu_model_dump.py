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
import json
import os
import re
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

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest'),
                os.path.join(REPO, 'scripts')]

from bad_input import (  # noqa: E402
    DIGITS, LONG, NO_JSON, TEXTS, all_replaced, check_refused, run_main,
)
import guest_cpuid  # noqa: E402
from script_module import load_script  # noqa: E402
from test_x86_cpu_removed import kvm_opens  # noqa: E402
from x86_cpu_errors import Failure, error_line  # noqa: E402
import x86_cpu_libvirt as libvirt  # noqa: E402
import x86_cpu_qmp  # noqa: E402
from x86_cpu_qmp import Qemu  # noqa: E402

SCRIPT = os.path.join(REPO, 'scripts', 'x86-cpu-model-dump')
SCHEMA = os.path.join(REPO, 'docs', 'schema',
                      'x86-cpu-model-dump.schema.json')
QEMU = os.environ['QTEST_QEMU_BINARY']
FULL = bool(os.environ.get('CHECK_FULL'))
QEMU_NAMESPACE = 'http://libvirt.org/schemas/domain/qemu/1.0'

# Shows what is requested, whatever the accelerator can do.  KVM does not
# take all of it.
FORCE = ',x-force-features=on'

# Accelerator, -cpu, its machine type, another one
SAMPLES = [
    ('tcg', 'EPYC-Milan,+vaes' + FORCE, 'pc-q35-6.2', 'pc-i440fx-10.0'),
    ('tcg', 'Skylake-Server-v4' + FORCE, 'pc-i440fx-4.2', 'pc-q35-10.0'),
    ('tcg', 'qemu64' + FORCE, 'pc-i440fx-2.4', 'pc-q35-10.0'),
    ('tcg', 'GraniteRapids,model-id=Comma,,  "quoted' + FORCE,
     'pc-q35-10.0', 'pc-i440fx-5.0'),
    ('tcg', 'max', 'pc-q35-9.0', 'pc-i440fx-3.1'),
    ('kvm', 'EPYC-Milan', 'pc-q35-6.2', 'pc-i440fx-10.0'),
    ('kvm', 'Skylake-Server-v4,hv-relaxed=on,hv-vendor-id=a,,b',
     'pc-i440fx-4.2', 'pc-q35-10.0'),
    ('kvm', 'host,arch-capabilities=off', 'pc-q35-10.0', 'pc-i440fx-4.2'),
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
                for machine, other in (('pc-i440fx-2.12', 'pc-q35-10.0'),
                                       ('pc-q35-10.0', 'pc-i440fx-2.12'))]


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


def view(args, accel, offers=None):
    async def look():
        async with guest_cpuid.Guest(QEMU, args, accel, offers) as guest:
            return await guest.view()

    return asyncio.run(look())


def force(cpu):
    """What has to go with a dump, because it is no part of the CPU"""
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

    def check_format(self, what):
        checked = 0
        for sample in self.samples:
            if what in sample.views:
                with self.subTest(sample.name):
                    self.assertEqual(sample.views[what], sample.original)
                    checked += 1
        self.assertGreater(checked, 3)

    def test_cpu_base(self):
        self.check_format('cpu base')

    def test_cpu_custom(self):
        self.check_format('cpu custom')

    def test_readconfig_custom(self):
        self.check_format('readconfig custom')

    def test_libvirt_qemu(self):
        self.check_format('libvirt-qemu')

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

    def setUp(self):
        self.args = ['--accel', 'tcg', '--machine']
        self.first = dumped('--cpu', 'EPYC-Milan,-svm,model-id=a,,b', *self.args,
                            'pc-q35-6.2', '--format', 'cpu')

    def test_cpu(self):
        self.assertEqual(dumped('--cpu', self.first.rstrip('\n'), *self.args,
                                'pc', '--format', 'cpu'), self.first)

    def test_custom(self):
        text = dumped('--cpu', self.first.rstrip('\n'), *self.args, 'pc',
                      '--format', 'cpu', '--model', 'custom')
        self.assertEqual(text, self.first.replace('base', 'custom', 1))
        self.assertEqual(dumped('--cpu', text.rstrip('\n'), *self.args, 'pc',
                                '--format', 'cpu'), self.first)

    def test_libvirt_qemu(self):
        text = dumped('--cpu', self.first.rstrip('\n'), *self.args, 'pc',
                      '--format', 'libvirt-qemu')
        self.assertEqual(dumped('--libvirt', '-', *self.args, 'pc',
                                '--format', 'cpu', stdin=text), self.first)
        # In a domain, where it is pasted after libvirt's own CPU
        whole = domain('<cpu><model>qemu64</model></cpu>', 'pc-q35-9.0',
                       extra=text[text.index('<qemu:'):])
        self.assertEqual(dumped('--libvirt', '-', '--format', 'cpu',
                                stdin=whole), self.first)

    def test_libvirt(self):
        """A <cpu> in full: where the machine type does not matter"""
        first = dumped('--cpu', 'EPYC-Milan,-svm', *self.args, 'pc-q35-6.2',
                       '--format', 'cpu')
        text = dumped('--cpu', 'EPYC-Milan,-svm', *self.args, 'pc-q35-6.2',
                      '--format', 'libvirt')
        self.assertNotIn('cannot carry', text)
        self.assertEqual(dumped('--libvirt', '-', *self.args, 'pc-q35-6.2',
                                '--format', 'cpu', stdin=text), first)

    def test_marks_of_xml(self):
        args = ['--cpu', """qemu64,model-id=a--b---<c>&'d'""", *self.args,
                'pc', '--format']
        for xml in 'libvirt', 'libvirt-qemu':
            text = dumped(*args, xml)
            again = dumped('--libvirt', '-', *self.args, 'pc', '--format',
                           'cpu', stdin=text)
            if xml == 'libvirt-qemu':
                self.assertEqual(again, dumped(*args, 'cpu'))

    def test_quote(self):
        text = dumped('--cpu', 'EPYC-Milan,-svm,model-id=a,,b', *self.args,
                      'pc-q35-6.2', '--format', 'cpu', '--quote')
        shell = subprocess.run(f'printf "%s\n" {text}', shell=True,
                               stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(shell.stdout, self.first)
        text = dumped('--cpu', 'EPYC-Milan', *self.args, 'pc', '--format',
                      'cpu', '--quote')
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
                paused = await asyncio.to_thread(
                    dumped, '--qmp', path, '--format', 'json')
                self.view = await guest.view()
                if accel == 'kvm':
                    await guest.qmp.execute('cont')
                status = await guest.qmp.execute('query-status')
                self.assertTrue(status['running'])
                running = await asyncio.to_thread(
                    dumped, '--qmp', path, '--format', 'json')
                self.assertEqual(paused, running)
                self.assertTrue((await guest.qmp.execute(
                    'query-status'))['running'])
                self.cpu = (await asyncio.to_thread(
                    dumped, '--qmp', path, '--format', 'cpu')).rstrip('\n')
        self.answer = json.loads(running)
        with open(SCHEMA, encoding='utf-8') as f:
            jsonschema.Draft7Validator(json.load(f)).validate(self.answer)

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

        other = 'pc-q35-10.0' if 'i440fx' in machine else 'pc-i440fx-10.0'
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
            'tcg', 'Skylake-Server-v4', 'pc-i440fx-4.2'))
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
        self.check('tcg', 'qemu64', 'pc-q35-10.0,cpu-compat=pc-i440fx-2.4')
        self.assertEqual(self.answer['machine'],
                         'pc-q35-10.0,cpu-compat=pc-i440fx-2.4')

    def test_option_order_and_globals(self):
        self.check('tcg', 'Nehalem,level=9,-sse4.2', 'pc', '-global',
                   'Nehalem-x86_64-cpu.vendor=AuthenticAMD')
        self.assertEqual(self.answer['model']['props']['level'], 9)
        self.assertEqual(self.answer['model']['props']['vendor'],
                         'AuthenticAMD')

    def test_of_a_dump(self):
        text = dumped('--accel', 'tcg', '--cpu', 'Haswell', '--machine',
                      'pc-q35-5.0', '--format', 'cpu').rstrip('\n')
        self.check('tcg', text, 'pc-q35-10.0')

    @unittest.skipUnless(kvm_opens(), '/dev/kvm does not open')
    def test_kvm(self):
        for cpu in ('host,arch-capabilities=off',
                    'EPYC-Milan,hv-relaxed=on,kvm-pv-eoi=off'):
            with self.subTest(cpu):
                self.check('kvm', cpu, 'pc-i440fx-4.2')

    @unittest.skipUnless(kvm_opens(), '/dev/kvm does not open')
    def test_added(self):
        """What nobody asked for is written down: it is there"""
        # IA32_UMWAIT_CONTROL, and waitpkg.  With monitor, the host's leaf 5
        # would be passed on, which no description can carry.
        self.offers = 'msr 0xe1 is 0;cpuid 7 0 ecx set 0x20'
        self.check('kvm', 'host,waitpkg=off,monitor=off,'
                   'arch-capabilities=off', 'pc', '-overcommit', 'cpu-pm=on')
        self.assertTrue(self.answer['model']['props']['waitpkg'])


class Libvirt(unittest.TestCase):
    """libvirt's XML, read here: without libvirt"""

    def options(self, text, *args):
        answer = json.loads(dumped('--libvirt', '-', '--format', 'json',
                                   *args, stdin=text))
        with open(SCHEMA, encoding='utf-8') as f:
            jsonschema.Draft7Validator(json.load(f)).validate(answer)
        self.machine = answer['machine']
        self.props = answer['model']['props']
        return answer['source']['cpu']

    CPU = """
        <cpu mode='custom' match='exact' check='none'>
          <model fallback='forbid'>EPYC-Milan</model>
          <feature policy='require' name='vaes'/>
          <feature policy='disable' name='svm'/>
          <feature policy='optional' name='avx512f'/>
          <feature policy='optional' name='sha-ni'/>
          <feature policy='force' name='pclmuldq'/>
          <feature policy='forbid' name='fxsr_opt'/>
        </cpu>"""
    OPTIONS = ('EPYC-Milan,vaes=on,svm=off,avx512f=off,sha-ni=on,'
               'pclmulqdq=on,fxsr-opt=off')

    def test_policies(self):
        """All policies; optional is on where TCG has it"""
        self.assertEqual(self.options(self.CPU, '--accel', 'tcg'),
                         self.OPTIONS)
        self.assertEqual(self.options(
            domain(self.CPU, 'pc-i440fx-6.0')), self.OPTIONS)
        self.assertEqual(self.machine, 'pc-i440fx-6.0')
        self.assertTrue(self.props['vaes'])
        self.assertFalse(self.props['svm'])

    def test_domain(self):
        """The options of -cpu that come from elsewhere in a domain"""
        text = domain("""<cpu mode='custom'><model
              vendor_id='GenuineIntel'>Haswell</model>
              <maxphysaddr mode='emulate' bits='42'/></cpu>
            <features><kvm><hidden state='on'/></kvm><pmu state='off'/>
              <hyperv><relaxed state='on'/><vapic state='off'/>
              <spinlocks state='on' retries='8191'/>
              <vendor_id state='on' value='a b'/></hyperv></features>
            <clock offset='utc'><timer name='hypervclock' present='yes'/>
              <timer name='tsc' frequency='2000000000'/></clock>""",
                      'pc-q35-9.0')
        self.assertEqual(
            self.options(text),
            'Haswell,vendor=GenuineIntel,hv-time=on,tsc-frequency=2000000000,'
            'hv-relaxed=on,hv-spinlocks=0x1fff,hv-vendor-id=a b,kvm=off,'
            'pmu=off,phys-bits=42')
        self.assertEqual(self.props['tsc-frequency'], 2000000000)
        self.assertEqual(self.props['hv-vendor-id'], 'a b')
        self.assertEqual(self.props['hv-spinlocks'], 8191)
        self.assertEqual(self.props['phys-bits'], 42)

    def test_no_cpu(self):
        self.assertEqual(self.options(domain('', 'pc')), 'qemu64')

    def test_maximum(self):
        self.assertEqual(self.options("<cpu mode='maximum'/>", '--accel',
                                      'tcg'), 'max')

    def test_commandline(self):
        extra = f"""<qemu:commandline xmlns:qemu='{QEMU_NAMESPACE}'>
            <qemu:arg value='-cpu'/><qemu:arg value='Nehalem'/>
            <qemu:arg value='-cpu'/><qemu:arg value='Penryn,+avx'/>
            <qemu:arg value='-global'/>
            <qemu:arg value='Penryn-x86_64-cpu.model=99'/>
            </qemu:commandline>"""
        self.assertEqual(self.options(domain(self.CPU, 'pc', extra=extra)),
                         'Penryn,+avx')
        self.assertTrue(self.props['avx'])
        self.assertEqual(self.props['model'], 99)


def features(text):
    return f'<features>{text}</features>'


def clock(text):
    return f"<clock offset='utc'>{text}</clock>"


def passed(*args):
    return f"<qemu:commandline xmlns:qemu='{QEMU_NAMESPACE}'>" + ''.join(
        f'<qemu:arg value="{arg}"/>' for arg in args) + '</qemu:commandline>'


# What qemuBuildCpuCommandLine() gives: XML of a <domain>, the options, and the
# version of libvirt that it takes, if that is newer than 9.0.
HASWELL = '<cpu><model>Haswell</model>{}</cpu>'
MAXIMUM = "<cpu mode='maximum'>{}</cpu>"
OPTIONS = [
    ('', 'qemu64'),
    (HASWELL.format(''), 'Haswell'),
    ("<cpu><topology sockets='1' cores='1' threads='1'/></cpu>", 'qemu64'),
    ("<cpu><topology sockets='1' cores='1' threads='1'/>"
     "<cache mode='disable'/></cpu>", 'qemu64,l3-cache=off'),
    ("<cpu match='strict' check='full'><model fallback='forbid' "
     "vendor_id='Genu neIntel'>Haswell</model></cpu>",
     'Haswell,vendor=Genu neIntel'),
    # Caches
    (HASWELL.format("<cache mode='disable'/>"), 'Haswell,l3-cache=off'),
    (HASWELL.format("<cache mode='emulate' level='3'/>"),
     'Haswell,l3-cache=on'),
    (MAXIMUM.format("<cache mode='disable'/>"),
     'max,host-cache-info=off,l3-cache=off'),
    (MAXIMUM.format("<cache mode='emulate' level='3'/>"),
     'max,l3-cache=on,host-cache-info=off'),
    (MAXIMUM.format("<cache mode='passthrough'/>"),
     'max,host-cache-info=on,l3-cache=off'),
    # Addresses
    (HASWELL.format("<maxphysaddr mode='emulate' bits='36'/>"),
     'Haswell,phys-bits=36'),
    (HASWELL.format("<maxphysaddr mode='emulate'/>"),
     'Haswell,host-phys-bits=off', (9, 3)),
    (HASWELL.format("<maxphysaddr mode='passthrough'/>"),
     'Haswell,host-phys-bits=on'),
    (HASWELL.format("<maxphysaddr mode='passthrough' limit='39'/>"),
     'Haswell,host-phys-bits=on,host-phys-bits-limit=39', (9, 3)),
    # What follows the host, or is all that there is
    (MAXIMUM.format(''), 'max'),
    ("<cpu mode='maximum' migratable='off'/>", 'max,migratable=off'),
    (MAXIMUM.format("<model vendor_id='abcdefghijkl'/>"
                    "<feature policy='disable' name='avx'/>"), 'max,avx=off'),
    # Features that QEMU never had are not handed on.
    (HASWELL.format("<feature policy='disable' name='cmt'/>"
                    "<feature policy='require' name='mbm_total'/>"
                    "<feature policy='forbid' name='osxsave'/>"
                    "<feature policy='disable' name='pconfig'/>"), 'Haswell'),
    # Timers
    (clock("<timer name='tsc' frequency='2000000000'/>"
           "<timer name='kvmclock' present='no'/>"
           "<timer name='hypervclock' present='yes'/>"),
     'qemu64,tsc-frequency=2000000000,kvmclock=off,hv-time=on'),
    (clock("<timer name='tsc' frequency='0'/><timer name='hpet' "
           "present='no'/><timer name='hypervclock' present='no'/>"
           "<timer name='kvmclock'/>"), 'qemu64'),
    (clock("<timer name='kvmclock' present='yes'/>"), 'qemu64,kvmclock=on'),
    # Features of the domain
    (features("<apic eoi='off'/><pvspinlock/><pmu/>"),
     'qemu64,kvm-pv-eoi=off,kvm-pv-unhalt=on,pmu=on'),
    (features("<apic/><pvspinlock state='off'/><pmu state='off'/>"),
     'qemu64,kvm-pv-unhalt=off,pmu=off'),
    (features("<kvm><hidden state='on'/><hint-dedicated state='on'/>"
              "<poll-control state='on'/><pv-ipi state='off'/></kvm>"),
     'qemu64,kvm=off,kvm-hint-dedicated=on,kvm-poll-control=on,'
     'kvm-pv-ipi=off'),
    (features("<kvm><hidden state='off'/><hint-dedicated state='off'/>"
              "<poll-control state='off'/><pv-ipi state='on'/></kvm>"),
     'qemu64'),
    (features("<hyperv mode='custom'><avic state='on'/>"
              "<vendor_id state='on' value='abc def'/><evmcs state='on'/>"
              "<relaxed state='on'/><vapic state='off'/><ipi state='on'/>"
              "<spinlocks state='on' retries='8191'/><runtime state='on'/>"
              "<stimer state='on'><direct state='on'/></stimer>"
              "<vpindex state='on'/><synic state='on'/><reset state='on'/>"
              "<frequencies state='on'/><reenlightenment state='on'/>"
              "<tlbflush state='on'/></hyperv>"),
     'qemu64,hv-relaxed=on,hv-spinlocks=0x1fff,hv-vpindex=on,hv-runtime=on,'
     'hv-synic=on,hv-stimer=on,hv-stimer-direct=on,hv-reset=on,'
     'hv-vendor-id=abc def,hv-frequencies=on,hv-reenlightenment=on,'
     'hv-tlbflush=on,hv-ipi=on,hv-evmcs=on,hv-avic=on'),
    (features("<hyperv><spinlocks state='off'/><vendor_id state='off'/>"
              "<stimer state='off'><direct state='on'/></stimer></hyperv>"),
     'qemu64'),
    (features("<hyperv><vendor_id state='on' value=''/></hyperv>"),
     'qemu64,hv-vendor-id='),
    (features("<hyperv><tlbflush state='on'><direct state='on'/>"
              "<extended state='on'/></tlbflush><xmm_input state='on'/>"
              "<emsr_bitmap state='on'/></hyperv>"),
     'qemu64,hv-tlbflush=on,hv-tlbflush-direct=on,hv-tlbflush-ext=on,'
     'hv-emsr-bitmap=on,hv-xmm-input=on', (11, 0)),
    (features("<hyperv mode='passthrough'/>"), 'qemu64,hv-passthrough=on'),
]

# The same of <devices>
DEVICES = [
    ("<panic model='hyperv'/>", 'qemu64,hv-crash=on'),
    ("<panic model='isa'/>", 'qemu64'),
    ('<panic/>', 'qemu64'),
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
        for xml, options in DEVICES:
            with self.subTest(xml):
                self.assertEqual(self.read(domain(
                    '', 'pc', devices=xml)).cpu, options)
        host = "<cpu mode='host-passthrough'/>"
        self.assertEqual(self.read(domain(host, 'pc', 'kvm')).cpu,
                         'host,migratable=on')

    def test_started(self):
        """QEMU takes what used to be refused or dropped, and shows it"""
        for xml, devices, props in (
                (HASWELL.format("<cache mode='disable'/>"), '',
                 {'l3-cache': False}),
                (HASWELL.format("<cache mode='emulate'/>"), '', {}),
                (HASWELL.format("<maxphysaddr mode='emulate'/>"), '',
                 {'host-phys-bits': False}),
                ('', "<panic model='hyperv'/>", {'hv-crash': True})):
            with self.subTest(xml + devices):
                answer = json.loads(dumped(
                    '--libvirt', '-', '--format', 'json', '--accel', 'tcg',
                    stdin=domain(xml, 'pc-q35-9.0', devices=devices)))
                self.assertLessEqual(
                    props.items(), answer['model']['props'].items())

    def test_i686(self):
        for cpu, options in (
                ('', 'qemu32'), (features("<pmu state='off'/>"),
                                 'qemu32,pmu=off'),
                (HASWELL.format(''), 'Haswell'), (MAXIMUM.format(''), 'max')):
            request = self.read(domain(cpu, 'pc', arch='i686'))
            self.assertEqual(request.cpu, options)
            self.assertEqual(len(request.notes), 'qemu32' in options)
        self.refused(domain('', 'pc', arch='aarch64'),
                     "libvirt: <type arch='aarch64'>: there are x86_64 and "
                     'i686')

    def test_removed_from_models(self):
        """What libvirt's list took out of a model is off unless asked for"""
        with tempfile.TemporaryDirectory() as tmp:
            for name, text in (
                    ('index.xml', "<cpus><arch name='x86'><include "
                     "filename='m.xml'/></arch></cpus>"),
                    ('m.xml', "<cpus><model name='EPYC'><feature name='avx'/>"
                     "<feature name='monitor' removed='yes'/>"
                     "<feature name='xyzzy' removed='yes'/></model></cpus>")):
                with open(os.path.join(tmp, name), 'w',
                          encoding='utf-8') as f:
                    f.write(text)
            with mock.patch.object(libvirt, 'CPU_MAP', tmp):
                for feature, options in (
                        ('', 'EPYC,monitor=off'),
                        ("<feature name='monitor'/>", 'EPYC,monitor=on'),
                        ("<feature name='avx'/>",
                         'EPYC,avx=on,monitor=off')):
                    self.assertEqual(libvirt.read(libvirt.parse(
                        f'<cpu><model>EPYC</model>{feature}</cpu>'),
                        self.infos).cpu, options)

    def test_names(self):
        """The names that there are can be written"""
        for name in self.models:
            self.assertEqual(self.read(
                f'<cpu><model>{name}</model></cpu>').cpu, name)
        for name in self.machines:
            self.assertEqual(self.read(domain('', name)).machine, name)

    def refused(self, text, message='libvirt: .*'):
        with self.assertRaisesRegex(Failure, f'^{message}$', msg=text[:300]):
            self.read(text)

    def test_options_in_values(self):
        """No value brings an option of its own"""
        evil = 'x,model-id=y'
        places = [
            '<cpu><model>{}</model></cpu>',
            "<cpu><model vendor_id='{}'>EPYC</model></cpu>",
            "<cpu mode='{}'><model>EPYC</model></cpu>",
            "<cpu match='{}'><model>EPYC</model></cpu>",
            "<cpu check='{}'><model>EPYC</model></cpu>",
            "<cpu mode='host-passthrough' migratable='{}'/>",
            "<cpu mode='maximum' migratable='{}'/>",
            "<cpu><model fallback='{}'>EPYC</model></cpu>",
            "<cpu><model>EPYC</model><feature name='{}'/></cpu>",
            "<cpu><model>EPYC</model><feature name='avx' policy='{}'/></cpu>",
            "<cpu><model>EPYC</model><cache mode='{}'/></cpu>",
            "<cpu><model>EPYC</model><cache mode='emulate' level='{}'/>"
            '</cpu>',
            "<cpu><model>EPYC</model><maxphysaddr mode='{}'/></cpu>",
            "<cpu><model>EPYC</model><maxphysaddr mode='emulate' bits='{}'/>"
            '</cpu>',
            "<cpu><model>EPYC</model><maxphysaddr mode='passthrough' "
            "limit='{}'/></cpu>",
            *[domain(text, 'pc') for text in (
                features("<apic eoi='{}'/>"),
                features("<pvspinlock state='{}'/>"),
                features("<pmu state='{}'/>"),
                features("<ioapic driver='{}'/>"),
                features("<kvm><hidden state='{}'/></kvm>"),
                features("<kvm><pv-ipi state='{}'/></kvm>"),
                features("<hyperv mode='{}'/>"),
                features("<hyperv><relaxed state='{}'/></hyperv>"),
                features("<hyperv><spinlocks state='on' retries='{}'/>"
                         '</hyperv>'),
                features("<hyperv><vendor_id state='on' value='{}'/>"
                         '</hyperv>'),
                features("<hyperv><stimer state='on'><direct state='{}'/>"
                         '</stimer></hyperv>'),
                features("<hyperv><tlbflush state='on'><extended state='{}'/>"
                         '</tlbflush></hyperv>'),
                clock("<timer name='{}'/>"),
                clock("<timer name='kvmclock' present='{}'/>"),
                clock("<timer name='hypervclock' present='{}'/>"),
                clock("<timer name='tsc' frequency='{}'/>"))],
            domain('', '{}'),
            domain('', 'pc').replace("arch='x86_64'", "arch='{}'"),
            domain('', 'pc').replace("type='qemu'", "type='{}'"),
            domain('', 'pc', devices="<panic model='{}'/>"),
            domain('', 'pc', extra=passed('-machine', 'q35,cpu-compat={}x'
                                          .replace('{}', '{}'))),
        ]
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
        for text, message in (
                ('<cpu><model>EPYC,+avx512f,model-id=x</model></cpu>',
                 "libvirt: 'EPYC,[+]avx512f,model-id=x' is no name of a CPU "
                 'model: .*'),
                (domain('', 'q35,kernel=/etc/hostname'),
                 "libvirt: 'q35,kernel=/etc/hostname' is no name of a machine "
                 'type: .*'),
                ("<cpu mode='maximum' migratable='off,model-id=x'/>",
                 "libvirt: <cpu migratable='off,model-id=x'>: there are on "
                 'and off'),
                ("<cpu migratable='on'><model>EPYC</model></cpu>",
                 "libvirt: the attribute 'migratable' is for mode=.*"),
                (HASWELL.format("<cache mode='passthrough'/>"),
                 "libvirt: <cache mode='passthrough'> is for mode=.*"),
                (HASWELL.format("<cache mode='emulate' level='2'/>"),
                 "libvirt: <cache mode='emulate' level='2'>: QEMU emulates "
                 'level 3 alone'),
                (HASWELL.format("<cache mode='disable' level='3'/>"),
                 "libvirt: <cache mode='disable' level='3'>: this mode is "
                 'for all levels'),
                (HASWELL.format("<cache mode='disable'/>" * 2),
                 'libvirt: a <cpu> can have one <cache>'),
                (HASWELL.format('<cache/>'),
                 "libvirt: <cache> needs the attribute 'mode': emulate or .*"),
                (HASWELL.format("<maxphysaddr bits='40'/>"),
                 "libvirt: <maxphysaddr> needs the attribute 'mode': .*"),
                (HASWELL.format("<maxphysaddr mode='passthrough' "
                                "bits='40'/>"),
                 "libvirt: <maxphysaddr mode='passthrough'> takes no 'bits'.*"),
                (HASWELL.format("<maxphysaddr mode='emulate' bits='x'/>"),
                 'libvirt: <maxphysaddr> needs a number from 0 to 2147483647 '
                 "as 'bits', not 'x'"),
                ("<cpu><model vendor_id='abc'>EPYC</model></cpu>",
                 "libvirt: <model vendor_id='abc'>: needed are 12 .*"),
                (domain("<cpu><feature name='avx'/></cpu>", 'pc'),
                 "libvirt: <cpu mode='custom'> needs a <model>"),
                (domain(features('<kvm><hidden/></kvm>'), 'pc'),
                 "libvirt: <hidden> needs the attribute 'state': on or off"),
                (domain(features("<kvm><hide state='on'/></kvm>"), 'pc'),
                 'libvirt: unknown <hide> in <kvm>; did you mean hidden.*'),
                (domain(features("<hyperv><spinlocks state='on' "
                                 "retries='4094'/></hyperv>"), 'pc'),
                 'libvirt: <spinlocks> needs a number from 4095 to '
                 "4294967295 as 'retries', not '4094'"),
                (domain(features("<hyperv><stimer state='on'><x/></stimer>"
                                 '</hyperv>'), 'pc'),
                 'libvirt: unknown <x> in <stimer>; known: direct'),
                (domain(features("<hyperv><vendor_id state='on'/></hyperv>"),
                        'pc'),
                 "libvirt: <vendor_id value=''>: needed are up to 12 .*"),
                (domain(clock("<timer name='tsc' frequency='"
                              "18446744073709551616'/>"), 'pc'),
                 'libvirt: <timer> needs a number from 0 to '
                 "18446744073709551615 as 'frequency', not .*"),
                (domain('', 'pc', extra=passed('-machine',
                                               'kernel-irqchip=x')),
                 "libvirt: -machine kernel-irqchip='x': there is no such "
                 'value'),
                (domain('', 'pc', extra=passed('-cpu').replace(
                    'value="-cpu"', '')),
                 "libvirt: a <qemu:arg> without 'value'")):
            with self.subTest(text):
                self.refused(text, message)

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
            '--machine', 'kernel=/etc/hostname,kernel_irqchip=split,'
            'cpu-compat=pc-q35-8.2',
            '-M', 'pc-q35-9.0,firmware=/etc/hostname,memory-backend=x',
            '-cpu', 'EPYC,model-id=a,,b', '-smp', '4', '-cpu')))
        self.assertEqual(request.machine, 'pc-q35-9.0,kernel-irqchip=split,'
                                          'cpu-compat=pc-q35-8.2')
        self.assertEqual(request.cpu, 'EPYC,model-id=a,,b')
        self.assertEqual(request.arguments, [
            '-global', 'Penryn-x86_64-cpu.model=99',
            '-global', 'driver=x86_64-cpu,property=level,value=9',
            '-global', 'cpu.vendor=a,b', '-global', 'driver=cpu'])
        # Without a type, the one that is asked with is the default.
        self.assertEqual(self.read(passed('-M', 'cpu-compat=pc', '-cpu',
                                          'max')).machine, ',cpu-compat=pc')
        answer = json.loads(dumped(
            '--libvirt', '-', '--accel', 'tcg', '--format', 'json',
            stdin=passed('-M', 'cpu-compat=pc-i440fx-2.4', '-cpu', 'qemu64')))
        self.assertRegex(answer['machine'],
                         '^pc-q35-[0-9.]+,cpu-compat=pc-i440fx-2.4$')


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
                ('tcg', 'Skylake-Server-v4', 'pc-i440fx-4.2'),
                ('tcg', 'qemu64', 'pc-i440fx-2.4'),
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
            'tcg', 'EPYC-Genoa', 'pc-q35-10.0'))

    def test_read_as_libvirt_does(self):
        """From XML to -cpu, as libvirt has it"""
        for cpu in (Libvirt.CPU, "<cpu mode='maximum'/>",
                    "<cpu><model>Penryn</model></cpu>", '',
                    "<cpu mode='custom'><model vendor_id='GenuineIntel'>"
                    "Haswell</model></cpu><features><pmu state='off'/>"
                    "<pvspinlock state='on'/><apic eoi='on'/></features>"):
            with self.subTest(cpu):
                xml = domain(cpu, 'pc-q35-9.0')
                native = self.virsh.cpu_argument(xml)
                args = ['--machine', 'pc-q35-9.0', '--accel', 'tcg',
                        '--format', 'cpu']
                self.assertEqual(
                    dumped('--libvirt', '-', *args, stdin=xml),
                    dumped('--cpu', native, *args))

    def test_options_as_libvirt_has_them(self):
        """Letter for letter, but for what only a newer libvirt knows"""
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
                compared += 1
                self.assertEqual(
                    libvirt.read(libvirt.parse(text.encode()), infos).cpu,
                    re.sub(',hv-crash(?!=)', ',hv-crash=on',
                           self.virsh.cpu_argument(text)))
        self.assertGreater(compared, 20)

    def test_refused_as_libvirt_does(self):
        for xml in ('<cpu><model>EPYC,+avx512f,model-id=x</model></cpu>',
                    "<cpu migratable='on'><model>EPYC</model></cpu>",
                    "<cpu mode='maximum' migratable='off,model-id=x'/>",
                    "<cpu><model vendor_id='abc'>EPYC</model></cpu>",
                    "<cpu><feature name='avx'/></cpu>",
                    HASWELL.format("<cache mode='passthrough'/>"),
                    HASWELL.format("<cache mode='emulate' level='2'/>"),
                    HASWELL.format("<maxphysaddr mode='emulate' bits='x'/>"),
                    features('<kvm><hidden/></kvm>'),
                    features("<hyperv><spinlocks state='on' retries='9'/>"
                             '</hyperv>'),
                    features("<hyperv><vendor_id state='on' value='a,b'/>"
                             '</hyperv>'),
                    clock("<timer name='kvmclock' present='on'/>")):
            with self.subTest(xml):
                text = domain(xml, 'pc-q35-9.0')
                with self.assertRaises(AssertionError):
                    self.virsh.cpu_argument(text)
                with self.assertRaises(Failure):
                    libvirt.read(libvirt.parse(text.encode()), [])

    def check_started(self, xml, expected):
        path = os.path.join(self.virsh.root, 'qmp')
        monitor = (f"<qemu:arg value='-qmp'/><qemu:arg value='unix:{path},"
                   "server=on,wait=off'/>")
        with self.virsh.started(xml.replace('MONITOR', monitor), path):
            answer = json.loads(dumped('--qmp', path, '--format', 'json'))
        self.assertEqual(answer['model']['props'], expected)

    def test_started(self):
        """A guest that libvirt starts has the CPU, with both formats"""
        args = ['--cpu', 'Nehalem,-sse4.2', '--machine', 'pc-q35-6.2',
                '--accel', 'tcg', '--format']
        # libvirt 9.0 says -no-acpi otherwise, which QEMU has no more.
        acpi = '<features><acpi/></features>'
        # All of it TCG has, so that nothing is removed.
        answer = json.loads(dumped(*args, 'json'))
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
        text = dumped(*self.ARGS, '--format', 'json')
        answer = json.loads(text)
        with open(SCHEMA, encoding='utf-8') as f:
            jsonschema.Draft7Validator(json.load(f)).validate(answer)
        self.assertEqual(text, json.dumps(answer, indent=2,
                                          sort_keys=True) + '\n')
        self.assertRegex(answer['machine'], '^pc-i440fx-')
        self.assertIn('clzero', answer['removed-features'])
        self.assertTrue(answer['model']['props']['clzero'])

    def test_defaults(self):
        answer = json.loads(dumped('--cpu', 'qemu64', '--format', 'json'))
        self.assertEqual(answer['accel'], 'kvm' if kvm_opens() else 'tcg')
        self.assertRegex(answer['machine'], '^pc-q35-')

    def test_table(self):
        """Everything is there, and fits"""
        done = dump(*self.ARGS)
        table = done.stdout
        self.assertLessEqual(max(map(len, table.splitlines())), 100)
        words = set(table.split())
        props = json.loads(dumped(*self.ARGS, '--format', 'json'))[
            'model']['props']
        self.assertLessEqual(set(props), words)
        on, off = re.findall(r'(?s)(\d+) features (?:on|off):\n(.*?)\n\n',
                             table)
        self.assertIn('svm', on[1].split())
        self.assertIn('avx512f', off[1].split())
        self.assertEqual(int(on[0]), len(on[1].split()))
        self.assertIn('  family                       25\n', table)
        self.assertRegex(done.stderr, '^note: .* missing on this host')

    @unittest.skipUnless(kvm_opens(), '/dev/kvm does not open')
    def test_kernel_that_refuses_its_own_msr(self):
        """A CPU that cannot start here is written down all the same"""
        done = dump('--accel', 'kvm', '--cpu', 'SapphireRapids-v1',
                    '--format', 'json')
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = json.loads(done.stdout)
        self.assertTrue(answer['model']['props']['arch-capabilities'])

    def test_reader_goes_away(self):
        done = subprocess.run(
            f'{SCRIPT} --qemu {QEMU} {" ".join(self.ARGS)} 2>/dev/null | '
            'head -n 1', shell=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        self.assertEqual(done.stderr, '')

    def test_help(self):
        text = dumped('--help')
        for word in ('--qmp', '--libvirt', 'readconfig', 'custom'):
            self.assertIn(word, text)


class Errors(unittest.TestCase):
    def check_error(self, message, *args, stdin=''):
        done = dump(*args, stdin=stdin)
        self.assertEqual(done.stderr, f'error: {message}\n')
        self.assertEqual(done.stdout, '')
        self.assertEqual(done.returncode, 2)

    def test_choices(self):
        self.check_error("unknown format 'lvirt'; did you mean libvirt?",
                         '--cpu', 'max', '--format', 'lvirt')
        self.check_error("unknown format 'x'; there are table, cpu, "
                         'readconfig, json, libvirt and libvirt-qemu',
                         '--cpu', 'max', '--format', 'x')
        self.check_error("unknown --model 'max'; there are base and custom",
                         '--cpu', 'max', '--model', 'max')
        self.check_error("unknown accelerator 'hvf'; there are kvm and tcg",
                         '--cpu', 'max', '--accel', 'hvf')
        self.check_error('--quote is for --format cpu', '--cpu', 'max',
                         '--quote')

    def test_source(self):
        self.check_error('one of --cpu, --qmp and --libvirt is needed '
                         '(see --help)')
        self.check_error('one of --cpu, --qmp and --libvirt is needed, not '
                         '--cpu and --qmp', '--cpu', 'max', '--qmp', 'x')
        self.check_error('--machine does not go with --qmp: the guest has '
                         'one already', '--qmp', 'x', '--machine', 'pc')

    def test_cpu(self):
        self.check_error("unknown CPU model 'EPYC-Milano'; did you mean "
                         'EPYC-Milan, EPYC-Milan-v2 or EPYC-Milan-v1?',
                         '--cpu', 'EPYC-Milano')
        self.check_error("unknown machine type 'q36'; did you mean q35?",
                         '--cpu', 'max', '--machine', 'q36')
        self.check_error("machine type 'none' has no CPU; name another, or "
                         'none at all for the newest pc-q35',
                         '--cpu', 'max', '--machine', 'none')
        self.check_error(
            "QEMU does not start: can't apply global "
            'qemu64-x86_64-cpu.foo=on: '
            "Property 'qemu64-x86_64-cpu.foo' not found",
            '--accel', 'tcg', '--cpu', 'qemu64,foo=on')

    def test_custom_names_what_is_missing(self):
        done = dump('--accel', 'tcg', '--cpu', 'custom,level=3')
        self.assertRegex(done.stderr, '^error: QEMU does not start: .*'
                                      'missing: .* and [0-9]+ more\n$',
                         f'status {done.returncode}, {done.stdout[:200]}')

    def test_readconfig(self):
        self.check_error(
            "readconfig: the value of 'model-id' has a double quote, which "
            'no file for -readconfig can have; --format cpu can',
            '--accel', 'tcg', '--cpu', 'qemu64,model-id=a"b', '--format',
            'readconfig')

    def test_socket(self):
        self.check_error('cannot connect to /nonexistent: No such file or '
                         'directory', '--qmp', '/nonexistent')
        self.check_error('cannot connect to 127.0.0.1:1: Connection refused',
                         '--qmp', '127.0.0.1:1')

    def test_not_a_monitor(self):
        for says, message in (
                (b'HTTP/1.1 400 Bad Request\r\n', '{} is no QMP monitor'),
                (b'', '{} is no QMP monitor'),
                (None, '{} does not answer: a QMP monitor takes one client '
                       'at a time; give QEMU another -qmp monitor for this')):
            if says is None and not FULL:
                continue
            with self.subTest(says), tempfile.TemporaryDirectory() as tmp:
                path = os.path.join(tmp, 'socket')
                with socket.socket(socket.AF_UNIX) as server:
                    server.bind(path)
                    server.listen()

                    def serve():
                        connection = server.accept()[0]
                        if says is None:
                            connection.recv(1)
                        else:
                            connection.sendall(says)
                        connection.close()

                    thread = threading.Thread(target=serve)
                    thread.start()
                    self.check_error(message.format(path), '--qmp', path)
                    thread.join()

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

    def check_xml(self, message, text):
        self.check_error('libvirt: ' + message, '--libvirt', '-', '--accel',
                         'tcg', stdin=text)

    def test_libvirt_xml(self):
        self.check_error('cannot read /nonexistent: No such file or '
                         'directory', '--libvirt', '/nonexistent')
        self.check_xml('not XML: no element found: line 1, column 0', '')
        self.check_xml('the XML is a <pool>; needed is a <cpu>, a <domain> '
                       'or a <qemu:commandline>', '<pool/>')
        self.check_error("libvirt: domain type 'xen' is not for QEMU with "
                         'kvm or tcg; there are kvm and qemu', '--libvirt',
                         '-', stdin="<domain type='xen'/>")
        self.check_xml("mode='host-model' depends on the host; needed is "
                       "mode='custom' (virsh dumpxml of the running guest "
                       'has it)', "<cpu mode='host-model'/>")
        self.check_xml("match='minimum' depends on the host; needed is "
                       "match='exact' (virsh dumpxml of the running guest "
                       'has it)', "<cpu match='minimum'/>")
        self.check_xml("<cpu mode='custom'> needs a <model>", '<cpu/>')

    def test_libvirt_features(self):
        def cpu(features):
            return f'<cpu><model>qemu64</model>{features}</cpu>'
        self.check_xml("unknown CPU feature 'avx512ff'; did you mean "
                       'avx512f, avx512pf or avx512ifma?',
                       cpu("<feature name='avx512ff'/>"))
        self.check_xml("unknown CPU feature 'lahf-lm'; libvirt calls it "
                       "'lahf_lm'", cpu("<feature name='lahf-lm'/>"))
        self.check_xml("unknown CPU feature 'kvmclock'; libvirt has no name "
                       'for it', cpu("<feature name='kvmclock'/>"))
        self.check_xml("feature 'avx' has the unknown policy 'on'; there "
                       'are force, require, disable, forbid, optional',
                       cpu("<feature name='avx' policy='on'/>"))
        self.check_xml("feature 'avx' is there twice",
                       cpu("<feature name='avx'/>" * 2))

    def test_libvirt_model(self):
        self.check_error("unknown CPU model 'Haswel'; did you mean Haswell, "
                         'Haswell-v4 or Haswell-v3?', '--libvirt', '-',
                         '--accel', 'tcg',
                         stdin='<cpu><model>Haswel</model></cpu>')


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
         'migratable': True, 'libvirt': 'avx2', 'description': 'AVX2'}],
    'query-cpu-definitions': [
        {'name': 'EPYC', 'migration-safe': True}],
}


class Monitor:
    """A QMP monitor, for one client, that says what it is told"""

    def __init__(self, path, answers, properties, greeting, raw=None):
        """
        :param raw: bytes in the place of the first answer
        """
        self._answers = {'qmp_capabilities': {}, **answers}
        self._properties = properties
        self._greeting = greeting
        self._raw = raw
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_exc):
        self._server.close()
        self._thread.join(30)

    def _answer(self, question):
        arguments = question.get('arguments', {})
        if question['execute'] == 'qom-get':
            name = arguments['property']
            if arguments['path'] == '/machine' and name == 'type':
                name = 'machine type'
            return self._properties.get(name, False)
        return self._answers.get(question['execute'], {})

    def _serve(self):
        connection = self._server.accept()[0]
        with connection:
            try:
                connection.sendall(json.dumps(self._greeting).encode() +
                                   b'\n')
                text = ''
                # There are no line breaks between questions.
                while data := connection.recv(65536).decode():
                    text += data
                    try:
                        question = json.loads(text)
                    except ValueError:
                        continue
                    text = ''
                    connection.sendall(self._reply(question) + b'\n')
            except OSError:
                # The client has gone.
                pass

    def _reply(self, question):
        if self._raw is not None and (
                question['execute'] != 'qmp_capabilities'):
            return self._raw
        return json.dumps({'return': self._answer(question),
                           'id': question.get('id')}).encode()


class BadInput(unittest.TestCase):
    """Whatever is read: one line that says what is wrong, no traceback"""

    FORMATS = ['table', 'cpu', 'json', 'readconfig', 'libvirt-qemu']

    @classmethod
    def setUpClass(cls):
        cls.script = load_script('x86-cpu-model-dump')

    def run_monitor(self, fmt='json', greeting=GREETING, raw=None,
                    answers=None, properties=None):
        """Returns None, or the error of a dump of such a QEMU."""
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'qmp')
            args = argparse.Namespace(
                qmp=path, cpu=None, libvirt=None, machine=None, accel=None,
                smp=None, format=fmt, model='base', quote=False)
            with Monitor(path, answers or ANSWERS, properties or PROPERTIES,
                         greeting, raw):
                try:
                    self.script.run(args)
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

    def test_other_answers(self):
        """Each member left out, or of another type"""
        refused = 0
        for number, (what, answers) in enumerate(all_replaced(ANSWERS)):
            with self.subTest(what):
                error = self.run_monitor(
                    self.FORMATS[number % len(self.FORMATS)],
                    answers=answers)
                if error:
                    refused += 1
                    self.check_error(error, what)
        self.assertGreater(refused, 100)

    def test_other_properties(self):
        refused = 0
        for what, properties in all_replaced(PROPERTIES):
            with self.subTest(what):
                error = self.run_monitor(properties=properties)
                if error:
                    refused += 1
                    self.check_error(error, what)
        self.assertGreater(refused, 50)

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
                           '<cpu><model>&a11;</model></cpu>').encode(),
                'entity': b'<!DOCTYPE cpu [<!ENTITY a SYSTEM '
                          b'"/etc/hostname">]><cpu><model>&a;</model></cpu>',
                'long name': f'<{LONG}/>'.encode(),
                'long model': f'<cpu><model>{LONG}</model></cpu>'.encode(),
                'number': HASWELL.format(
                    f"<maxphysaddr mode='emulate' bits='{DIGITS}'/>"
                ).encode(),
                'frequency': domain(clock(
                    f"<timer name='tsc' frequency='{DIGITS}'/>"),
                    'pc').encode(),
                'retries': domain(features(
                    f"<hyperv><spinlocks state='on' retries='{DIGITS}'/>"
                    '</hyperv>'), 'pc').encode(),
                'long feature': HASWELL.format(
                    f"<feature name='{LONG}'/>").encode(),
                'long policy': HASWELL.format(
                    f"<feature name='avx' policy='{LONG}'/>").encode(),
                'long element': domain(features(
                    f"<hyperv><{LONG} state='on'/></hyperv>"),
                    'pc').encode(),
                'line break': '<cpu><model>a\nb&#27;</model></cpu>'.encode(),
                'option': domain('', 'pc', extra=passed(
                    '-machine', f'cpu-compat={LONG} x')).encode()}.items():
            with self.subTest(what):
                check_refused(self, run_main(
                    self.script, '--qemu', QEMU, '--libvirt', '-', '--accel',
                    'tcg', stdin=text))

    def test_command_line(self):
        for option in ('--cpu', '--machine', '--accel', '--format', '--model',
                       '--qmp', '--libvirt', '--qemu', '--xyzzy'):
            for what, text in TEXTS.items():
                given = {'--cpu': 'qemu64', '--accel': 'tcg', option: text}
                if option in ('--qmp', '--libvirt'):
                    del given['--cpu']
                    if option == '--qmp':
                        del given['--accel']
                if not text and option in ('--machine', '--accel'):
                    # The default
                    continue
                with self.subTest(f'{option} {what}'):
                    check_refused(self, run_main(
                        self.script,
                        *(['--qemu', QEMU] if option != '--qemu' else []),
                        *(f'{o}={t}' for o, t in given.items())),
                        [text])

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

    def test_full_disk(self):
        with open('/dev/full', 'wb') as full:
            done = subprocess.run(
                [SCRIPT, '--qemu', QEMU, '--cpu', 'qemu64', '--accel', 'tcg'],
                stdin=subprocess.DEVNULL, stdout=full,
                stderr=subprocess.PIPE, text=True, timeout=120, check=False)
        self.assertEqual(done.stderr, 'error: cannot write the output: No '
                                      'space left on device\n')
        self.assertEqual(done.returncode, 1)


if __name__ == '__main__':
    unittest.main()
