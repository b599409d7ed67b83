# SPDX-License-Identifier: GPL-2.0-or-later
"""
scripts/x86-cpu-model-dump: does every format give the guest the same CPU?

Judged by what guests read from CPUID, with the original options on the
original machine type, and with what was written on another one.  What
libvirt makes of it is asked of libvirt itself, with its embedded driver,
which needs and disturbs no daemon.  CHECK_FULL=1 takes more models.
"""

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
import xml.etree.ElementTree as ET

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(REPO, 'tests', 'guest'))

import guest_cpuid  # noqa: E402
from test_x86_cpu_removed import kvm_opens  # noqa: E402

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
                          text=True, timeout=120, check=False,
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


def domain(cpu, machine, accel='tcg', extra=''):
    kind = {'tcg': 'qemu', 'kvm': 'kvm'}[accel]
    return f"""<domain type='{kind}'><name>dumped</name>
        <memory unit='MiB'>64</memory><vcpu>1</vcpu>
        <os><type arch='x86_64' machine='{machine}'>hvm</type></os>
        {cpu}<devices><emulator>{QEMU}</emulator></devices>{extra}
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
        # IA32_UMWAIT_CONTROL, and waitpkg
        self.offers = 'msr 0xe1 is 0;cpuid 7 0 ecx set 0x20'
        self.check('kvm', 'host,waitpkg=off,arch-capabilities=off', 'pc',
                   '-overcommit', 'cpu-pm=on')
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
              <vendor_id state='on' value='a,b'/></hyperv></features>
            <clock offset='utc'><timer name='hypervclock' present='yes'/>
              <timer name='tsc' frequency='2000000000'/></clock>""",
                      'pc-q35-9.0')
        self.assertEqual(
            self.options(text),
            'Haswell,vendor=GenuineIntel,phys-bits=42,host-phys-bits=off,'
            'kvm=off,pmu=off,hv-relaxed=on,hv-spinlocks=8191,'
            'hv-vendor-id=a,,b,hv-time=on,tsc-frequency=2000000000')
        self.assertEqual(self.props['tsc-frequency'], 2000000000)
        self.assertEqual(self.props['hv-vendor-id'], 'a,b')
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
        self.assertEqual(done.returncode, 1)

    def test_choices(self):
        self.check_error("unknown format 'lvirt'; did you mean libvirt?",
                         '--cpu', 'max', '--format', 'lvirt')
        self.check_error("unknown format 'x'; there are table, cpu, "
                         'readconfig, json, libvirt, libvirt-qemu',
                         '--cpu', 'max', '--format', 'x')
        self.check_error("unknown --model 'max'; there are base, custom",
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


if __name__ == '__main__':
    unittest.main()
