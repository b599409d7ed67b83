#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Are made hosts what their files say?

Answers: does a program that uses KVM find the CPU and the KVM of the file
(kvm-host.c), in all of its threads, and does no other program?  Does that get
to QEMU, and to guests?  Is a file that makes no sense refused?  The other
tests under KVM stand on that when CHECK_HOST is set.

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

from guest_cpuid import REGISTERS, Guest, GuestError
from made_hosts import (
    HERE, host_names, instruction, made_host, no_kvm, no_made_hosts, shim,
)

QEMU = os.environ.get('QTEST_QEMU_BINARY', '')

KVM_GET_API_VERSION = 0xae00
KVM_CHECK_EXTENSION = 0xae03
KVM_GET_SUPPORTED_HV_CPUID = 0xc008aec1
KVM_GET_CPUID2 = 0xc008ae91
KVM_GET_SUPPORTED_CPUID = 0xc008ae05

# What CPUID returns in leaf 0: before the first ioctl of KVM, after it, in
# threads that were created before and after it, in a child, and in another
# program
THREADS = f'''
import fcntl, json, os, sys, threading
from made_hosts import instruction
seen = {{}}
def look(name):
    seen[name] = instruction()(0, 0)
def thread(name):
    t = threading.Thread(target=look, args=[name])
    t.start()
    t.join()
def early():
    look('early thread, before')
    ready.set()
    go.wait()
    look('early thread, after')
go, ready = threading.Event(), threading.Event()
t = threading.Thread(target=early)
t.start()
ready.wait()
look('before')
fcntl.ioctl(os.open('/dev/kvm', os.O_RDWR), {KVM_GET_API_VERSION})
look('after')
go.set()
t.join()
thread('thread')
r, w = os.pipe()
if not os.fork():
    os.write(w, json.dumps(instruction()(0, 0)).encode())
    os._exit(0)
seen['child'] = json.loads(os.read(r, 999))
os.wait()
if not os.fork():
    os.dup2(w, 1)
    os.execv(sys.executable, [sys.executable, '-c', 'import json; from '
             'made_hosts import instruction; '
             'print(json.dumps(instruction()(0, 0)))'])
seen['program'] = json.loads(os.read(r, 999))
os.wait()
print(json.dumps(seen))
'''


def load(name):
    with open(made_host(name), encoding='utf-8') as f:
        return json.load(f)


def run(path, *args):
    """A Python program on the host of a file"""
    return subprocess.run(
        ['/usr/bin/python3', *args], cwd=HERE, env={
            **os.environ, 'LD_PRELOAD': shim(), 'KVM_CPUID_SHIM_HOST': path,
            'CHECK_HOST': ''},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=60, check=False)


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
        if reason := no_kvm() or no_made_hosts():
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

    def test_all_of_a_file_is_found(self):
        """record_host.py writes down what the file says"""
        for name in host_names():
            done = run(made_host(name), 'record_host.py', 'x')
            self.assertEqual(done.stderr, '', name)
            found, expected = json.loads(done.stdout), load(name)
            self.assertEqual(cpuid_of(found), cpuid_of(expected), name)
            for member, value in expected['kvm'].items():
                if member == 'supported-hv-cpuid':
                    # These are not there.
                    value = value * expected['kvm']['capabilities'][
                        'HYPERV_CPUID']
                self.assertEqual(found['kvm'][member], value,
                                 f'{name} {member}')
            self.assertEqual(found['kvm'].keys(), expected['kvm'].keys())

    def test_threads(self):
        """The CPU is that of the file, from the first ioctl of KVM on"""
        here = list(instruction()(0, 0))
        for name in ('amd-opteron', 'intel-haswell'):
            done = run(made_host(name), '-c', THREADS)
            self.assertEqual(done.stderr, '')
            seen = json.loads(done.stdout)
            there = cpuid_of(load(name))[0, 0]
            self.assertNotEqual(here, there)
            self.assertEqual(seen, {
                'before': here, 'after': there, 'thread': there,
                'child': there, 'program': here,
                # QEMU has no such thread that asks.
                'early thread, before': here, 'early thread, after': here})

    def test_above_the_highest_leaf(self):
        """Intel's CPUs return the highest basic leaf, AMD's nothing"""
        code = (f'import fcntl, os; from made_hosts import instruction as i; '
                f'fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), '
                f'{KVM_GET_API_VERSION}); print([i()(*x) for x in '
                f'((0x40000000, 0), (0x2f, 0), (0x8000ffff, 0), '
                f'(7, 1), (3, 0))])')
        for name in ('intel-haswell', 'amd-naples'):
            done = run(made_host(name), '-c', code)
            # Its highest basic leaf
            highest = cpuid_of(load(name)).get((0xf, 0), [0] * 4)
            self.assertEqual(done.stdout.strip(), str(
                [tuple(highest)] * 3 + [(0,) * 4] * 2), done.stderr)

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
                (KVM_GET_CPUID2, b'\0' * 64, 'has no answer to ioctl 0xc008'),
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


class Guests(OnMadeHosts):
    """What QEMU, and guests, find"""

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
        # GLib 2.84 lists them as comments of TAP.
        paths = [line.removeprefix('# ') for line in self.run_qtest(name, '-l')
                 if line.removeprefix('# ').startswith(start)]
        self.assertGreaterEqual(len(paths), least)
        for host in host_names():
            lines = self.run_qtest(
                name, '--tap', *[word for path in paths
                                 for word in ('-p', path)],
                LD_PRELOAD=shim(), KVM_CPUID_SHIM_HOST=made_host(host))
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


del OnMadeHosts

if __name__ == '__main__':
    unittest.main()
