#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Are made hosts what their files say?

Answers: does a program that uses KVM find the CPU and the KVM of the file
(kvm-host.c), by either method (cpuid-methods.c), and does no other program?
Does that get to QEMU, and to guests?  Is a file that makes no sense refused?
The other tests under KVM stand on that when CHECK_HOST is set.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_made_hosts
"""

import asyncio
import json
import os
import signal
import subprocess
import tempfile
import unittest
from unittest import mock

import record_host
from guest_cpuid import REGISTERS, Guest, GuestError
from made_hosts import (
    HERE, has_cpuid_fault, host_names, instruction, made_host, no_made_hosts,
    no_real_kvm, shim,
)

QEMU = os.environ.get('QTEST_QEMU_BINARY', '')

KVM_GET_API_VERSION = 0xae00
KVM_CHECK_EXTENSION = 0xae03
KVM_GET_SUPPORTED_HV_CPUID = 0xc008aec1
KVM_GET_EMULATED_CPUID = 0xc008ae09
KVM_GET_SUPPORTED_CPUID = 0xc008ae05


def load(name):
    with open(made_host(name), encoding='utf-8') as f:
        return json.load(f)


def environment(path):
    """What puts a program on the host of a file"""
    return {**os.environ, 'LD_PRELOAD': shim(), 'KVM_CPUID_SHIM_HOST': path,
            'CHECK_HOST': ''}


def use_method(method):
    """A context in which programs get answers of CPUID by this method"""
    return mock.patch.dict(os.environ, {'KVM_CPUID_SHIM_METHOD': method})


def run(path, *args):
    """A Python program on the host of a file"""
    return subprocess.run(
        ['/usr/bin/python3', *args], cwd=HERE, env=environment(path),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=60, check=False)


def program(build):
    """The path of a build of cpuid-program.c"""
    return os.path.join(os.path.dirname(shim()), f'cpuid-program-{build}')


def run_program(host, *args, build='pie'):
    """cpuid-program.c, on a made host"""
    return subprocess.run(
        [program(build), *args], env=environment(made_host(host)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=60, check=False)


def leaves_0(done):
    """{name: registers} that cpuid-program.c saw in leaf 0, as text"""
    return dict(line.split(': ') for line in done.stdout.splitlines())


class Instruction:
    """The CPUID instruction on a made host: a function, in a context"""

    def __init__(self, host):
        self._process = subprocess.Popen(
            [program('pie'), 'answers'], env=environment(made_host(host)),
            text=True, bufsize=1, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self._process.communicate(timeout=60)

    def __call__(self, leaf, subleaf):
        self._process.stdin.write(f'{leaf:x} {subleaf:x}\n')
        return tuple(int(word, 16) for word in
                     self._process.stdout.readline().split())


def ioctl(path, request, argument):
    return run(path, '-c', 'import fcntl, os; print(fcntl.ioctl(os.open('
               f'"/dev/kvm", os.O_RDWR), {request}, {argument!r}))')


def cpuid_of(host):
    """{(leaf, sub-leaf): registers}, without those that are 0"""
    found = {(int(e['leaf'], 16), int(e.get('subleaf', '0x0'), 16)):
             [int(e[name.lower()], 16) for name in REGISTERS]
             for e in host['cpuid']}
    return {key: regs for key, regs in found.items() if any(regs)}


class OnMadeHosts(unittest.TestCase):
    """Base of all tests"""

    @classmethod
    def setUpClass(cls):
        if reason := no_made_hosts():
            raise unittest.SkipTest(reason)

    def shortDescription(self):
        return None

    def guest(self, host, args, look):
        """What look, a coroutine function, returns of a guest on a host"""
        async def start():
            async with Guest(QEMU, args, 'kvm', host=host) as guest:
                return await look(guest)

        return asyncio.run(start())

    def view(self, host, cpu, *args):
        async def look(guest):
            return await guest.view()

        return self.guest(host, ['-cpu', cpu, *args], look)

    def cpu_property(self, host, cpu, name):
        async def look(guest):
            path = (await guest.qmp.execute('query-cpus-fast'))[0]['qom-path']
            return await guest.qmp.execute('qom-get', {
                'path': path, 'property': name})

        return self.guest(host, ['-cpu', cpu], look)


class Files(OnMadeHosts):
    """The file of a host is what a program finds"""

    def test_there_are_enough(self):
        """Intel and AMD, old and new, with Hyper-V and without"""
        hosts = [load(name) for name in host_names()]
        self.assertGreaterEqual(len(hosts), 6)
        for vendor in (0x756e6547, 0x68747541):
            some = [h['kvm']['capabilities'] for h in hosts
                    if cpuid_of(h)[0, 0][1] == vendor]
            for name in ('HYPERV', 'SYS_HYPERV_CPUID', 'GET_MSR_FEATURES',
                         'XSAVE2'):
                found = {bool(caps[name]) for caps in some}
                if name != 'GET_MSR_FEATURES' or vendor == 0x756e6547:
                    self.assertEqual(found, {False, True}, name)
            self.assertGreaterEqual(len(some), 3)

    def test_they_fit_together(self):
        """CPUs and kernels such as there could be"""
        for name in host_names():
            host = load(name)
            cpuid = cpuid_of(host)
            kvm = host['kvm']
            for leaf, _ in cpuid:
                self.assertLessEqual(
                    leaf, cpuid[leaf & 0xf0000000, 0][0], name)
            supported = {
                (int(e['function'], 16), int(e['index'], 16)):
                [int(e[reg.lower()], 16) for reg in REGISTERS]
                for e in kvm['supported-cpuid']}
            self.assertEqual(supported[0, 0][1:], cpuid[0, 0][1:], name)
            # QEMU wants the sizes of the SDM, and room for all of them.
            for component, size in ((2, 256), (5, 64), (6, 512), (7, 1024),
                                    (9, 8), (17, 64), (18, 8192)):
                if (0xd, component) in cpuid:
                    self.assertEqual(cpuid[0xd, component][0], size, name)
            if (0xd, 0) in supported:
                self.assertLessEqual(
                    supported[0xd, 0][2],
                    max(kvm['capabilities']['XSAVE2'], 4096), name)
            # What nobody emulates
            for place, ecx in (((7, 0), 0xfffffffb), ((1, 0), 0x7edfffff)):
                for reg in (1, 2) if place == (7, 0) else (2,):
                    allowed = ecx if reg == 2 else 0xfffffffd
                    self.assertFalse(
                        supported.get(place, [0] * 4)[reg] & allowed
                        & ~cpuid.get(place, [0] * 4)[reg], f'{name} {place}')

    def test_all_of_kvm_is_found(self):
        """record_host.py writes down what the file says"""
        for name in host_names():
            done = run(made_host(name), 'record_host.py', 'x')
            self.assertEqual(done.stderr, '', name)
            found, expected = json.loads(done.stdout), load(name)
            for member, value in expected['kvm'].items():
                if member == 'supported-hv-cpuid':
                    # These are not there.
                    value = value * expected['kvm']['capabilities'][
                        'HYPERV_CPUID']
                self.assertEqual(found['kvm'][member], value,
                                 f'{name} {member}')
            self.assertEqual(found['kvm'].keys(), expected['kvm'].keys())

    def test_hyperv_cpuid(self):
        """Only newer kernels answer KVM_GET_SUPPORTED_HV_CPUID everywhere"""
        argument = bytearray((64).to_bytes(8, 'little') + bytes(64 * 40))
        for name, known in (('intel-sapphirerapids', True),
                            ('intel-cascadelake', False),
                            ('intel-haswell', False), ('amd-opteron', False)):
            done = ioctl(made_host(name), KVM_GET_SUPPORTED_HV_CPUID,
                         argument)
            self.assertEqual(done.returncode == 0, known, done.stderr)
            if not known:
                self.assertIn('Invalid argument', done.stderr)

    def test_tsc(self):
        """KVM_SET_TSC_KHZ takes what the host can do, and only that"""
        code = '\n'.join([
            'import fcntl, os',
            'vm = fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), 0xae01, 0)',
            'vcpu = fcntl.ioctl(vm, 0xae41, 0)',
            'for khz in (0, 1000000, 2493900, 3000000):',
            '    try:',
            '        fcntl.ioctl(vcpu, 0xaea2, khz)',
            '    except OSError as exc:',
            '        print(exc.strerror)',
            '    print(fcntl.ioctl(vcpu, 0xaea3, 0))'])
        for name, said in (
                ('intel-haswell', ['2494000', 'Invalid argument', '2494000',
                                   '2493900', '3000000']),
                ('intel-sapphirerapids', ['2000000', '1000000', '2493900',
                                          '3000000'])):
            done = run(made_host(name), '-c', code)
            self.assertEqual(done.stdout.split('\n')[:-1], said, done.stderr)

    def test_no_answer(self):
        """What would be another host's answer ends the program"""
        for request, argument, message in (
                (KVM_GET_EMULATED_CPUID, b'\0' * 64, 'has no answer to ioctl 0xc008'),
                (KVM_CHECK_EXTENSION, 9999, r'KVM_CHECK_EXTENSION\(9999\)')):
            done = ioctl(made_host('amd-naples'), request, argument)
            self.assertEqual(done.returncode, -signal.SIGABRT)
            self.assertRegex(done.stderr, f'^kvm-host: .*{message}')

    def test_room(self):
        """Buffers that are too small are refused"""
        done = ioctl(made_host('amd-naples'), KVM_GET_SUPPORTED_CPUID,
                     (1).to_bytes(8, 'little') + bytes(40))
        self.assertIn('Argument list too long', done.stderr)

    def test_bad_files(self):
        """A file that makes no sense ends the program, and why is said"""
        good = load('amd-naples')

        def changed(*path, value=None):
            host = json.loads(json.dumps(good))
            where = host
            for step in path[:-1]:
                where = where[step]
            if value is None:
                del where[path[-1]]
            else:
                where[path[-1]] = value
            return json.dumps(host)

        bad = {
            '': "line 1: '[' or '{' expected",
            '[]': 'the file is not an object',
            '{"cpuid": [], "cpuid": []}': 'duplicate object key',
            changed('cpuid'): "the file has no member 'cpuid'",
            changed('cpuid', value={}): "'cpuid' is not a list",
            changed('cpuid', value=[]): 'cpuid has no leaf 0x0',
            changed('cpuid', 1, value=good['cpuid'][0]):
                'cpuid has leaf 0x0, sub-leaf 0x0 twice',
            changed('cpuid', 1, value=7): 'an entry of cpuid is not an object',
            changed('cpuid', 1, 'ebx'): "an entry of cpuid has no member 'ebx'",
            changed('cpuid', 1, 'ebx', value='0x100000000'):
                'ebx: 0x100000000 is more than 0xffffffff',
            changed('cpuid', 1, 'index', value='0x0'):
                "an entry of cpuid has an unknown member 'index'",
            changed('kvm', 'more', value=1): "kvm has an unknown member 'more'",
            changed('kvm', 'feature-msrs', 'x', value='0x1'):
                "feature-msrs: 'x' is not a number such as 0x1f",
            changed('kvm', 'msr-index-list', 0, value=1):
                'msr-index-list has what is not a string',
            changed('kvm', 'capabilities', 'HYPERV'):
                "capabilities has no member 'HYPERV'",
            changed('kvm', 'capabilities', 'HYPERV', value=-1):
                'capabilities: HYPERV is out of range',
            changed('kvm', 'capabilities', 'HYPERV', value='0x1'):
                "capabilities: 'HYPERV' is not an integer",
            changed('kvm', 'capabilities', 'HYPER', value=1):
                "capabilities has an unknown member 'HYPER'",
            changed('kvm', 'tsc-khz', value=0.5): "'tsc-khz' is not an integer",
            changed('kvm', 'tsc-khz', value=-1): 'tsc-khz is out of range',
        }
        for digits in ('', '1', '0x', '0xg', '0X1', '0x-1', '0x 1',
                       '0x' + '1' * 17):
            bad[changed('kvm', 'mce-cap', value=digits)] = (
                f"mce-cap: '{digits}' is not a number such as 0x1f")
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'host.json')
            for text, message in bad.items():
                with open(path, 'w', encoding='utf-8') as f:
                    f.write(text)
                done = ioctl(path, KVM_GET_API_VERSION, 0)
                self.assertEqual(done.returncode, -signal.SIGABRT, message)
                self.assertTrue(done.stderr.startswith(f'kvm-host: {path}: '),
                                done.stderr)
                self.assertIn(message, done.stderr)
            done = ioctl(tmp + '/none', KVM_GET_API_VERSION, 0)
            self.assertEqual(done.returncode, -signal.SIGABRT)
            self.assertIn('No such file or directory', done.stderr)


class Answers(OnMadeHosts):
    """Base of what CPUID returns by one method"""

    METHOD = ''
    # Whether these find the made host, too: threads that are older than the
    # first ioctl of KVM, and code that the program has made
    IN_OLD_THREADS = IN_MADE_CODE = False
    # Builds that the method can't do, and why
    REFUSED = {}

    def setUp(self):
        method = use_method(self.METHOD)
        method.start()
        self.addCleanup(method.stop)

    def test_all_of_cpuid_is_found(self):
        """record_host.py writes down what the file says"""
        for name in host_names():
            with Instruction(name) as there:
                with mock.patch('made_hosts.instruction', lambda: there):
                    found = record_host.read_cpuid()
            self.assertEqual(
                {(leaf, number or 0): list(regs)
                 for (leaf, number), regs in found.items()},
                cpuid_of(load(name)), name)

    def test_above_the_highest_leaf(self):
        """Intel's CPUs return the highest basic leaf, AMD's nothing"""
        for name in ('intel-haswell', 'amd-naples'):
            # Its highest basic leaf
            highest = tuple(cpuid_of(load(name)).get((0xf, 0), [0] * 4))
            with Instruction(name) as there:
                for leaf in (0x40000000, 0x2f, 0x8000ffff):
                    self.assertEqual(there(leaf, 0), highest, name)
                self.assertEqual(there(7, 1), (0,) * 4, name)
                self.assertEqual(there(3, 0), (0,) * 4, name)

    def test_threads(self):
        """The CPU is that of the file, from the first ioctl of KVM on"""
        def text(regs):
            return ' '.join(f'{reg:08x}' for reg in regs)

        here = text(instruction()(0, 0))
        hosts = {name: text(cpuid_of(load(name))[0, 0])
                 for name in ('amd-opteron', 'intel-haswell')}
        # This machine may be like one of them, which would tell nothing.
        hosts = {name: there for name, there in hosts.items()
                 if there != here}
        self.assertTrue(hosts)
        for name, there in hosts.items():
            done = run_program(name, 'threads')
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            self.assertEqual(leaves_0(done), {
                'before': here, 'after': there, 'late thread': there,
                'child': there, 'program': here,
                'early thread, before': here,
                'early thread, after': there if self.IN_OLD_THREADS else here,
                'made code': there if self.IN_MADE_CODE else here})

    def test_builds(self):
        """However a program is built, it gets the right answers, or none"""
        there = cpuid_of(load('amd-opteron'))[0, 0]
        for build in ('pie', 'no-pie', 'lto', 'stripped', 'no-tables',
                      'unknown'):
            done = run_program('amd-opteron', 'threads', build=build)
            seen = leaves_0(done).get('after')
            if build in self.REFUSED:
                self.assertEqual(done.returncode, -signal.SIGABRT, build)
                self.assertIsNone(seen, build)
                self.assertRegex(
                    done.stderr, rf'\Acpuid-methods: {program(build)}: '
                    rf'{self.REFUSED[build]}\n\Z')
            else:
                self.assertEqual((done.returncode, done.stderr), (0, ''))
                self.assertEqual(seen, ' '.join(f'{r:08x}' for r in there))

    def test_other_instructions(self):
        """The bytes of CPUID in another instruction stay"""
        done = run_program('amd-opteron', 'constant')
        self.assertEqual(done.stdout, '1122a20f33445566\n', done.stderr)

    def test_other_signals(self):
        """What is not CPUID has the effect that it has without us"""
        for args, status in ((['ud2'], -signal.SIGILL), (['handled'], 0),
                             (['null'], -signal.SIGSEGV),
                             (['raise', '4'], -signal.SIGILL),
                             (['raise', '11'], -signal.SIGSEGV)):
            done = run_program('amd-opteron', *args)
            self.assertEqual(done.returncode, status, f'{args} {done.stderr}')

    def test_identity(self):
        """Vendor, name, signature and physical bits are the host's"""
        for name in host_names():
            cpuid = cpuid_of(load(name))
            view = self.view(name, 'host')
            for leaf, reg, mask in ((0, 1, -1), (0, 2, -1), (0, 3, -1),
                                    (1, 0, -1), (0x80000002, 0, -1),
                                    (0x80000008, 0, 0xff)):
                self.assertEqual(view.cpuid[leaf, 0][reg] & mask,
                                 cpuid[leaf, 0][reg] & mask, name)
            view = self.view(name, 'Conroe')
            self.assertEqual(view.cpuid[0, 0][1:], tuple(cpuid[0, 0][1:]))


class Fault(Answers):
    """By the method fault"""

    METHOD = 'fault'
    IN_MADE_CODE = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not has_cpuid_fault():
            raise unittest.SkipTest('this CPU has no cpuid_fault')


class Patch(Answers):
    """By the method patch"""

    METHOD = 'patch'
    IN_OLD_THREADS = True
    REFUSED = {
        'no-tables': 'the bytes 0f a2 at 0x[0-9a-f]+ may be a CPUID '
        'instruction, but no unwind table says where the function begins',
        'unknown': 'the bytes 0f a2 at 0x[0-9a-f]+ may be a CPUID '
        'instruction, but the one at 0x[0-9a-f]+ is unknown',
    }


class Methods(OnMadeHosts):
    """Which method it is"""

    def test_default(self):
        """It is fault where that works, else patch"""
        with mock.patch.dict(os.environ):
            os.environ.pop('KVM_CPUID_SHIM_METHOD', None)
            default = run_program('amd-opteron', 'threads')
        with use_method('fault' if has_cpuid_fault() else 'patch'):
            best = run_program('amd-opteron', 'threads')
        self.assertEqual(len(leaves_0(best)), 8)
        self.assertEqual(leaves_0(default), leaves_0(best))

    def test_no_such_method(self):
        """It is said what there is"""
        with use_method('ptach'):
            done = run_program('amd-opteron', 'constant')
        self.assertEqual((done.returncode, done.stdout), (-signal.SIGABRT, ''))
        self.assertIn("KVM_CPUID_SHIM_METHOD is 'ptach': it is fault or patch",
                      done.stderr)

    def test_fault_is_not_replaced(self):
        """Where it is asked for, and does not work, there are no answers"""
        if has_cpuid_fault():
            self.skipTest('this CPU has cpuid_fault')
        with use_method('fault'):
            done = run_program('amd-opteron', 'constant')
        self.assertEqual((done.returncode, done.stdout), (-signal.SIGABRT, ''))
        self.assertIn('takes a CPU with cpuid_fault', done.stderr)


class Guests(OnMadeHosts):
    """What QEMU, and guests, find"""

    def test_reasons(self):
        """The host's CPU is to blame, or its kernel"""
        for name, feature, reason in (
                ('intel-haswell', 'avx512f', 'hardware'),
                ('amd-opteron', 'avx2', 'hardware'),
                ('amd-genoa', 'fma4', 'hardware'),
                ('amd-genoa', 'ibs', 'kernel'),
                ('amd-genoa', 'x2apic', None),
                ('amd-opteron', 'xop', None),
                ('intel-cascadelake', 'intel-pt', 'kernel'),
                ('intel-cascadelake', 'avx512f', None),
                ('intel-cascadelake', 'amx-tile', 'hardware'),
                ('intel-sapphirerapids', 'amx-tile', None),
                ('intel-sapphirerapids', 'ds', 'kernel'),
                ('intel-sapphirerapids', 'xop', 'hardware')):
            removed = self.cpu_property(name, f'qemu64,+{feature},check=off',
                                        'removed-features')
            self.assertEqual(
                [r['reason'] for r in removed if r['feature'] == feature],
                [reason] if reason else [], f'{name} {feature}')

    def test_hyperv(self):
        """hv-passthrough passes on what the kernel has, however it says so"""
        for name in host_names():
            kvm = load(name)['kvm']
            view = self.view(name, 'host,hv-passthrough')
            leaves = {int(e['function'], 16): [int(e[reg.lower()], 16)
                                               for reg in REGISTERS]
                      for e in kvm['supported-hv-cpuid']}
            if not kvm['capabilities']['HYPERV']:
                self.assertNotIn((0x40000003, 0), view.cpuid, name)
            elif leaves:
                for leaf in (0x40000001, 0x40000002, 0x40000003, 0x40000005):
                    self.assertEqual(view.cpuid[leaf, 0][0], leaves[leaf][0],
                                     f'{name} {leaf:x}')
            else:
                # QEMU goes by capabilities and MSRs: VP_RUNTIME is there,
                # frequencies are from 4.18 on.
                privileges = view.cpuid[0x40000003, 0][0]
                self.assertTrue(privileges & 1, name)
                self.assertEqual(bool(privileges & 0x800),
                                 '0x40000022' in kvm['msr-index-list'], name)

    def test_amx(self):
        """State components that a process has to ask for"""
        async def look(guest):
            return await guest.view(), guest.stderr()

        view, stderr = self.guest('intel-sapphirerapids', ['-cpu', 'host'],
                                  look)
        self.assertEqual(stderr, '')
        self.assertEqual(view.cpuid[0xd, 0][0] & 0x60000, 0x60000)
        self.assertEqual(view.cpuid[0xd, 18][:2], (8192, 0xb00))
        host = load('intel-sapphirerapids')
        host['kvm']['xcomp-guest-permission'] = '0x0'
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'host.json')
            with open(path, 'w', encoding='utf-8') as f:
                json.dump(host, f)
            _, stderr = self.guest(path, ['-cpu', 'host'], look)
        self.assertIn('ARCH_REQ_XCOMP_GUEST_PERM', stderr)

    def test_areas(self):
        """Where AMD's CPUs keep PKRU is not where Intel's do"""
        for name, offset in (('amd-genoa', 0x980),
                             ('intel-sapphirerapids', 0xa80)):
            view = self.view(name, 'host')
            self.assertEqual(view.cpuid[0xd, 9][:2], (8, offset), name)

    def test_tsc(self):
        """A TSC that the host can't have is refused"""
        for name, khz, starts in (('intel-haswell', 2494000, True),
                                  ('intel-haswell', 2493900, True),
                                  ('intel-haswell', 1000000, False),
                                  ('intel-sapphirerapids', 1000000, True)):
            cpu = f'qemu64,tsc-frequency={khz}000'
            if starts:
                self.assertEqual(self.cpu_property(name, cpu, 'tsc-frequency'),
                                 khz * 1000)
            else:
                with self.assertRaisesRegex(GuestError, 'TSC frequency'):
                    self.view(name, cpu)

    def test_mce(self):
        """max has lmce where KVM_X86_GET_MCE_CAP_SUPPORTED says so"""
        for name, lmce in (('intel-sapphirerapids', True),
                           ('intel-haswell', False)):
            self.assertEqual(self.cpu_property(name, 'max', 'lmce'), lmce)

    def test_msrs(self):
        """Feature MSRs are the host's"""
        for name in ('intel-cascadelake', 'intel-sapphirerapids'):
            features = load(name)['kvm']['feature-msrs']
            view = self.view(name, 'host,migratable=off')
            # QEMU may add FB_CLEAR.
            self.assertEqual(view.msrs[0x10a] & ~(1 << 17),
                             int(features['0x10a'], 16))
            self.assertEqual(view.msrs[0x48b], int(features['0x48b'], 16))
            self.assertEqual(view.msrs[0x8b], int(features['0x8b'], 16))

    def test_hotplug(self):
        """CPUs that are plugged in are on the same host"""
        async def look(guest):
            slots = await guest.qmp.execute('query-hotpluggable-cpus')
            free = [s for s in slots if 'qom-path' not in s][0]
            await guest.qmp.execute('device_add', {
                'driver': free['type'], 'id': 'x', **free['props']})
            return guest.cpu_views()

        views = self.guest('amd-genoa', ['-cpu', 'host', '-smp',
                                         '1,maxcpus=2'], look)
        self.assertEqual(len(views), 2)
        self.assertEqual([v.cpuid[0, 0][1] for v in views], [0x68747541] * 2)

    def test_edits_apply_on_top(self):
        """KVM_CPUID_SHIM_OFFERS edits the made host, as often as needed"""
        async def look():
            offers = '; '.join(['cpuid 7 0 ebx clear 0x20'] +
                               ['cpuid 7 0 ebx set 0x10000'] * 500)
            async with Guest(QEMU, ['-cpu', 'host'], 'kvm', offers,
                             host='amd-naples') as guest:
                return await guest.view()

        view = asyncio.run(look())
        self.assertEqual(view.cpuid[0, 0][1], 0x68747541)
        self.assertEqual(view.cpuid[7, 0][1] & 0x10020, 0x10000)

    def test_tcg(self):
        """Under TCG, nobody is on a made host"""
        async def look():
            async with Guest(QEMU, ['-cpu', 'max'], 'tcg',
                             host='amd-naples') as guest:
                return await guest.view()

        self.assertTrue(asyncio.run(look()).cpuid[0, 0])


class StandIn(OnMadeHosts):
    """Where there is no /dev/kvm"""

    def setUp(self):
        self.enterContext(mock.patch.dict(os.environ,
                                          KVM_CPUID_SHIM_STAND_IN='1'))

    def test_only_on_made_hosts(self):
        """Elsewhere, /dev/kvm is the machine's or is not there"""
        code = ('import os; print(os.readlink("/proc/self/fd/" '
                '+ str(os.open("/dev/kvm", os.O_RDWR))))')
        done = run(made_host('amd-naples'), '-c', code)
        self.assertEqual(done.stdout, '/memfd:stand-in-kvm (deleted)\n',
                         done.stderr)
        done = subprocess.run(
            ['/usr/bin/python3', '-c', code], check=False, text=True,
            env={**os.environ, 'LD_PRELOAD': shim()},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if os.path.exists('/dev/kvm') and os.access('/dev/kvm', os.W_OK):
            self.assertEqual(done.stdout, '/dev/kvm\n')
        else:
            self.assertRegex(done.stderr, 'OSError|PermissionError|NotFound')

    def test_state(self):
        """What was set is there again, for each vCPU by itself"""
        code = """
import fcntl, os, struct
GET, SET = 0x8090ae81, 0x4090ae82                   # KVM_{GET,SET}_REGS
GET_MSRS, SET_MSRS = 0xc008ae88, 0x4008ae89

def msrs(fd, request, *entries):
    data = bytearray(struct.pack('<2I', len(entries), 0) + b''.join(
        struct.pack('<2IQ', index, 0, value) for index, value in entries))
    print(fcntl.ioctl(fd, request, data), end=' ')
    return [v for _, _, v in struct.iter_unpack('<2IQ', data[8:])]

vm = fcntl.ioctl(os.open('/dev/kvm', os.O_RDWR), 0xae01, 0)
a, b = (fcntl.ioctl(vm, 0xae41, i) for i in range(2))
print(fcntl.ioctl(a, GET, bytes(144)) == bytes(144))
fcntl.ioctl(a, SET, bytes(range(144)))
print(fcntl.ioctl(a, GET, bytes(144)) == bytes(range(144)))
print(fcntl.ioctl(b, GET, bytes(144)) == bytes(144))
msrs(a, SET_MSRS, (0x8b, 5), (0xc0000080, 1 << 40))
print(msrs(a, GET_MSRS, (0xc0000080, 7), (0x8b, 7), (0x10, 7)))
os.close(a)
c = fcntl.ioctl(vm, 0xae41, 2)
print(c == a, msrs(c, GET_MSRS, (0x8b, 7)))
"""
        done = run(made_host('amd-naples'), '-c', code)
        self.assertEqual(done.stdout.splitlines(), [
            'True', 'True', 'True',
            f'2 3 [{1 << 40}, 5, 0]', '1 True [0]'], done.stderr)

    def test_cpus(self):
        """A guest's CPUs are the same as with the machine's KVM"""
        def views():
            return [self.view(host, cpu) for host in host_names()
                    for cpu in ('host', 'max', 'EPYC')]

        there = views()
        self.assertNotEqual(there[0], there[2])
        del os.environ['KVM_CPUID_SHIM_STAND_IN']
        if no_real_kvm():
            self.skipTest('no /dev/kvm to compare with')
        self.assertEqual(views(), there)

    def test_run(self):
        """A guest runs, stops, runs on, and takes another CPU"""
        async def look(guest):
            states = []
            for command in ('cont', 'stop', 'cont'):
                await guest.qmp.execute(command)
                states.append((await guest.qmp.execute('query-status'))
                              ['status'])
            slots = await guest.qmp.execute('query-hotpluggable-cpus')
            free = [s for s in slots if 'qom-path' not in s][0]
            await guest.qmp.execute('device_add', {
                'driver': free['type'], 'id': 'x', **free['props']})
            return states, len(guest.cpu_views())

        self.assertEqual(
            self.guest('intel-haswell', ['-cpu', 'host', '-smp',
                                         '1,maxcpus=2'], look),
            (['running', 'paused', 'running'], 2))


class QTests(OnMadeHosts):
    """The qtests that judge what QEMU says of the host"""

    def run_qtest(self, name, *args, **env):
        program = os.path.join(os.path.dirname(QEMU), 'tests', 'qtest', name)
        done = subprocess.run(
            [program, *args], cwd=os.path.dirname(QEMU),
            env={**os.environ, **env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=300, check=False)
        self.assertEqual(done.returncode, 0,
                         f'{args} {env}\n{done.stdout}\n{done.stderr}')
        return done.stdout.splitlines()

    def check_on_each(self, name, start, least):
        """The tests whose paths start so pass on each host"""
        env = {'LD_PRELOAD': shim(),
               'KVM_CPUID_SHIM_HOST': made_host('amd-naples')}
        # GLib 2.84 lists them as comments of TAP.
        paths = [line.removeprefix('# ')
                 for line in self.run_qtest(name, '-l', **env)
                 if line.removeprefix('# ').startswith(start)]
        self.assertGreaterEqual(len(paths), least)
        for host in host_names():
            env['KVM_CPUID_SHIM_HOST'] = made_host(host)
            lines = self.run_qtest(
                name, '--tap', *[word for path in paths
                                 for word in ('-p', path)], **env)
            passed = [line for line in lines if line.startswith('ok ')
                      and '# SKIP' not in line]
            # A host may have what a test wants to see missing.
            self.assertGreaterEqual(len(passed), len(paths) - 2, host)

    def test_query_features(self):
        """query-cpu-features"""
        self.check_on_each('x86-cpu-features-test',
                           '/x86_64/x86/cpu/features/host/kvm', 1)

    def test_removed_features(self):
        """removed-features"""
        self.check_on_each('x86-cpu-removed-features-test',
                           '/x86_64/x86/cpu/removed-features/kvm', 15)


del Answers, OnMadeHosts

if __name__ == '__main__':
    unittest.main()
