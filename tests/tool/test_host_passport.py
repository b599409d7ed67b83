#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The passport of a host (x86-cpu host): is it what CPUID and KVM say, and does
its reader refuse every other one?

The expected values come from the CPUID instruction and the ioctls as
record_host.py calls them, and from the files of made hosts.  The reader runs
in passport-reader.c, with sanitizers.  Needs a C compiler and jansson, and no
QEMU.  CHECK_SEED repeats the mutations of a run, and FUZZ_FILES is how many of
each kind there are.

    GUEST_BUILD=... python3 -m unittest test_host_passport
"""

import copy
import errno
import functools
import glob
import hashlib
import json
import os
import platform
import random
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
TOOL = os.path.join(REPO, 'target-i386-ext', 'tool')
sys.path[:0] = [os.path.join(REPO, 'tests'), os.path.join(REPO, 'tests/guest')]

# pylint: disable=wrong-import-position
import made_hosts                                       # noqa: E402
import make_hosts                                       # noqa: E402
import record_host                                      # noqa: E402
from bad_input import NO_JSON, all_replaced             # noqa: E402
from c_compiler import CC, SANITIZE                     # noqa: E402
from random_seed import draw_seed                       # noqa: E402
from schemas import check_schema                        # noqa: E402

SEED = draw_seed(1 << 31)
FILES = int(os.environ.get('FUZZ_FILES') or 2500)

READER = ('canonical-json', 'crc32', 'host-cpuid', 'host-dump', 'input-file',
          'json-output', 'models-bytes', 'models-digest', 'models-json',
          'models-lines', 'models-tree', 'passport', 'sha256')

REGISTERS = ('eax', 'ebx', 'ecx', 'edx')
ALL = 0xffffffff
KVM_CPUID = ('supported-cpuid', 'supported-hv-cpuid')

# As the passport must not have them: what tells logical CPUs apart
IDS = {
    0x1: (0, 0xff000000, 0, 0), 0x3: (ALL,) * 4, 0xb: (0, 0, 0, ALL),
    0x1f: (0, 0, 0, ALL), 0x8000001e: (ALL, 0xff, 0xff, 0),
    0x80000026: (0, 0, 0, ALL),
}
# and the state that they are in
STATES = {
    (0x1, 0): (0, 0, 1 << 27, 0), (0x6, 0): (0, 0, 0, 0xffff0000),
    (0x7, 0): (0, 0, 1 << 4, 0), (0xd, 0): (0, ALL, 0, 0),
    (0xd, 1): (0, ALL, 0, 0),
}
KVM_CREATE_VM, KVM_CREATE_VCPU = 0xae01, 0xae41
KVM_GET_API_VERSION, KVM_CHECK_EXTENSION = 0xae00, 0xae03

# CPUID on an x86 host, where the C compiler makes programs for it
IS_X86 = platform.machine() in ('x86_64', 'i686')


def masked(regs, *masks):
    for mask in masks:
        regs = [r & ~m for r, m in zip(regs, mask)]
    return list(regs)


def as_passport(leaf, subleaf, regs):
    """EAX to EDX of a leaf, without what varies"""
    none = (0,) * 4
    return masked(regs, IDS.get(leaf, none), STATES.get((leaf, subleaf), none))


def run(*argv, env=None, stdin=b'', timeout=300, **kwargs):
    return subprocess.run(argv, input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False,
                          timeout=timeout, env=env, **kwargs)


def plain_environment(**more):
    """Without what CHECK_HOST preloads"""
    env = {k: v for k, v in os.environ.items()
           if k not in ('LD_PRELOAD', 'KVM_CPUID_SHIM_HOST', 'MAKEFLAGS',
                        'MAKELEVEL', 'CFLAGS', 'STATIC')}
    return {**env, **more}


class Built:
    """The programs, in a directory that goes with the last test"""

    def __init__(self):
        self.tmp = tempfile.mkdtemp(prefix='host-passport-')
        # Other users run what is in it.
        os.chmod(self.tmp, 0o755)
        unittest.addModuleCleanup(shutil.rmtree, self.tmp, True)
        self.host = self.make('plain')
        self.checked = self.make('checked', f'CFLAGS={" ".join(SANITIZE)}')
        self.reader = self.path('passport-reader')
        jansson = run('pkg-config', '--cflags', '--libs', 'jansson')
        self.compile(self.reader, '-std=c11', *SANITIZE,
                     f'-I{TOOL}', f'{HERE}/passport-reader.c',
                     *(f'{TOOL}/{name}.c' for name in READER),
                     *jansson.stdout.decode().split())
        self.failing = self.path('kvm-fail.so')
        self.compile(self.failing, '-shared', '-fPIC', f'{HERE}/kvm-fail.c',
                     '-ldl')
        self.env = plain_environment()
        # Some sandboxes forbid the search for leaks.
        if run(self.checked, '--help', env=self.env).returncode:
            self.env['ASAN_OPTIONS'] = 'detect_leaks=0'

    def path(self, name):
        return os.path.join(self.tmp, name)

    def compile(self, out, *arguments):
        done = run(*CC, '-Wall', '-Wextra', '-Werror', '-o', out, *arguments)
        assert not done.returncode, done.stderr.decode()

    def make(self, directory, *variables):
        out = self.path(directory)
        done = run('make', '-C', TOOL, f'OUT={out}', *variables,
                   os.path.join(out, 'host'), env=plain_environment())
        assert not done.returncode, done.stderr.decode()
        return os.path.join(out, 'host')


@functools.cache
def built():
    return Built()


@functools.cache
def guest_build():
    """The directory with the simulated hosts and the library for them"""
    where = os.environ.get('GUEST_BUILD')
    if where:
        return os.path.abspath(where)
    out = built().path('guest')
    done = run('make', '-C', os.path.join(REPO, 'tests', 'guest'),
               f'OUT={out}', f'{out}/kvm-cpuid-shim.so', f'{out}/hosts/stamp',
               env=plain_environment())
    assert not done.returncode, done.stderr.decode()
    return out


def simulated_hosts():
    return sorted(glob.glob(os.path.join(guest_build(), 'hosts', '*.json')))


def dump_text(cpuid, header='CPU:'):
    """What "cpuid -1 -r" prints of {(leaf, subleaf or None): registers}"""
    return ''.join([f'{header}\n', *(
        f'   0x{leaf:08x} 0x{subleaf or 0:02x}: ' + ' '.join(
            f'{name}=0x{r:08x}' for name, r in zip(REGISTERS, regs)) + '\n'
        for (leaf, subleaf), regs in cpuid.items())])


def signed(passport):
    """The same with the right digest"""
    told = {k: v for k, v in passport.items() if k != 'digest'}
    text = json.dumps(told, sort_keys=True, separators=(',', ':'))
    return {**told, 'digest': hashlib.sha256(text.encode()).hexdigest()}


def cpuid_of(passport):
    """{(leaf, subleaf): registers}"""
    return {(e['leaf'], e.get('subleaf', 0)): [e[r] for r in REGISTERS]
            for e in passport['cpuid']}


def not_empty(cpuid):
    return {key: regs for key, regs in cpuid.items() if any(regs)}


def capabilities():
    """The names of those that a passport has"""
    with open(os.path.join(TOOL, 'passport.h'), encoding='ascii') as f:
        text = f.read()
    text = text.split('PASSPORT_CAPABILITIES(X)')[1].split('typedef')[0]
    return [part.split(')')[0] for part in text.split('X(')[1:]]


# A small one, with everything that there is
SMALL = signed({
    'format': 'x86-cpu-host', 'format-version': 1,
    'cpuid': [
        {'leaf': 0, 'eax': 0xd, 'ebx': 0x756e6547, 'ecx': 0x6c65746e,
         'edx': 0x49656e69},
        {'leaf': 0x80000000, 'eax': 0x80000001, 'ebx': 0, 'ecx': 0, 'edx': 0},
        {'leaf': 7, 'subleaf': 1, 'eax': 16, 'ebx': 0, 'ecx': 0, 'edx': 0},
        {'leaf': 7, 'subleaf': 0, 'eax': 1, 'ebx': 2, 'ecx': 3,
         'edx': 0xffffffff},
        {'leaf': 0x80000001, 'eax': 1, 'ebx': 2, 'ecx': 3, 'edx': 4},
    ],
    'kvm': {
        'supported-cpuid': [
            {'function': 7, 'index': 0, 'flags': 1, 'eax': 0, 'ebx': 0,
             'ecx': 0, 'edx': 9},
            {'function': 0, 'index': 0, 'flags': 0, 'eax': 7, 'ebx': 1,
             'ecx': 1, 'edx': 1},
            {'function': 2, 'index': 0, 'flags': 2, 'eax': 0, 'ebx': 0,
             'ecx': 0, 'edx': 5},
            {'function': 2, 'index': 0, 'flags': 2, 'eax': 0, 'ebx': 0,
             'ecx': 0, 'edx': 6},
        ],
        'supported-hv-cpuid': [
            {'function': 0x40000003, 'index': 0, 'flags': 0, 'eax': 1,
             'ebx': 0, 'ecx': 0, 'edx': 0},
        ],
        'msr-index-list': [0x10, 0xc0000080, 0x3a],
        'feature-msrs': [{'index': 0x480, 'value': '0xd8100000000001'},
                         {'index': 0x10a, 'value': '0x0'}],
        'capabilities': {name: n for n, name in enumerate(capabilities())},
        'xcomp-guest-supp': '0x602e7', 'xcomp-guest-permission': '0x40000',
        'mce-cap': '0xffffffffffffffff', 'tsc-khz': 2100000,
    },
    'info': {'microcode': '0x2b000571', 'kernel': '6.12.1', 'hybrid': False,
             'modules': {'kvm': {'ignore_msrs': 'N'}}},
})


class TestCase(unittest.TestCase):
    """With the programs, and a file"""

    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='passport-',
                                                dir=built().tmp)
        self.addCleanup(directory.cleanup)
        self.tmp = directory.name
        self.file = os.path.join(self.tmp, 'file')

    def write(self, data):
        with open(self.file, 'wb') as f:
            f.write(data if isinstance(data, bytes) else
                    data.encode() if isinstance(data, str) else
                    json.dumps(data).encode())
        return self.file

    def passport(self, *argv, program=None, env=None, note=None, stdin=b'',
                 **kwargs):
        """The passport that a run writes, which is as promised"""
        done = run(program or built().host, *argv, env=env or built().env,
                   stdin=stdin, **kwargs)
        text = done.stdout.decode()
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        if note is None:
            self.assertEqual(done.stderr, b'')
        else:
            self.assertRegex(done.stderr.decode(), rf'\Anote: [ -~]*{note}'
                             r'[ -~]*\n\Z')
        passport = json.loads(text)
        check_schema('x86-cpu-host', passport)
        self.assertEqual(text, json.dumps(passport, indent=1, sort_keys=True)
                         + '\n')
        self.assertEqual(passport, signed(passport))
        return passport

    def on_host(self, path, **more):
        """The passport of a simulated host"""
        shim = os.path.join(guest_build(), 'kvm-cpuid-shim.so')
        preload = more.pop('preload', '')
        return self.passport(env=plain_environment(
            LD_PRELOAD=f'{preload} {shim}'.strip(), KVM_CPUID_SHIM_HOST=path,
            **more))

    def error(self, done, status=2):
        """The one line on stderr of a run that failed, and did nothing else"""
        text = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (status, b''),
                         text[-3000:])
        self.assertRegex(text, r'\Aerror: [ -~]+\n\Z')
        self.assertLessEqual(len(text), 700)
        return text[len('error: '):-1]

    def refused(self, passport):
        """Why the reader refuses a passport, without the path"""
        self.write(passport)
        done = run(built().reader, 'read', self.file, env=built().env)
        text = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (2, b''),
                         text[-3000:])
        self.assertRegex(text, r'\A[ -~]+\n\Z')
        self.assertLessEqual(len(text), 512)
        prefix = f'{self.file}: '
        self.assertEqual(text[:len(prefix)], prefix)
        return text[len(prefix):-1]

    def reader(self, *argv, stdin=b''):
        done = run(built().reader, *map(str, argv), env=built().env,
                   stdin=stdin)
        self.assertEqual((done.returncode, done.stderr.decode()[-3000:]),
                         (0, ''))
        return done.stdout.decode()


@unittest.skipUnless(IS_X86, 'not an x86 host')
class TestHost(TestCase):
    """The host that this runs on"""

    def test_cpuid(self):
        """As the instruction has it, on the first logical CPU"""
        passport = self.either()
        if passport['info']['hybrid']:
            self.skipTest('a hybrid CPU: no core has what all have')
        found = cpuid_of(passport)
        cpus = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, cpus)
        os.sched_setaffinity(0, {min(cpus)})
        instruction = made_hosts.instruction()
        for (leaf, subleaf), regs in found.items():
            self.assertEqual(regs, as_passport(leaf, subleaf,
                                               instruction(leaf, subleaf)),
                             (hex(leaf), subleaf))
        listed = {leaf for leaf, _ in found}
        for (leaf, subleaf), regs in record_host.read_cpuid().items():
            if leaf in listed:
                regs = as_passport(leaf, subleaf or 0, regs)
                self.assertEqual(found.get((leaf, subleaf or 0), [0] * 4),
                                 regs, (hex(leaf), subleaf))

    def either(self, **kwargs):
        """The passport, with KVM where there is one"""
        return self.passport(
            note=None if made_hosts.no_real_kvm() is None else '/dev/kvm',
            **kwargs)

    def test_kvm(self):
        """As the ioctls have it"""
        why = made_hosts.no_real_kvm()
        if why:
            self.skipTest(why)
        kvm = self.passport()['kvm']
        expected = self.recorded()
        for name in KVM_CPUID:
            self.assertEqual(kvm[name], [
                {'function': function, 'index': index, 'flags': flags,
                 **dict(zip(REGISTERS, masked(
                     regs, IDS.get(function, (0,) * 4))))}
                for function, index, flags, regs in expected[name]])
        self.assertEqual(kvm['msr-index-list'],
                         list(dict.fromkeys(expected['msr-index-list'])))
        self.assertEqual(kvm['feature-msrs'], [
            {'index': index, 'value': hex(value)}
            for index, value in expected['feature-msrs'].items()])
        # Numbers of the capabilities are the ABI's; those of the passport
        # that the shim has, too, are enough to see that they are asked for.
        for name, value in expected['capabilities'].items():
            if name in kvm['capabilities']:
                self.assertEqual(kvm['capabilities'][name], value, name)
        for name in 'xcomp-guest-supp', 'xcomp-guest-permission', 'mce-cap':
            self.assertEqual(int(kvm[name], 16), expected[name], name)
        self.assertEqual(kvm['tsc-khz'], expected['tsc-khz'])

    def recorded(self):
        """In another process: permissions for AMX stay with a process"""
        done = run(sys.executable, '-c', 'import json, os, record_host\n'
                   'os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n'
                   'host = record_host.record("")\n'
                   'del host["cpuid"]\nprint(json.dumps(host))',
                   env=plain_environment(PYTHONPATH=os.path.join(
                       REPO, 'tests', 'guest')))
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        host = json.loads(done.stdout)
        host['feature-msrs'] = {int(k): v for k, v in
                                host['feature-msrs'].items()}
        return host

    def test_same_bytes(self):
        """Each time, on whichever logical CPU it begins, sanitized or not"""
        first = self.either()
        for cpu in sorted(os.sched_getaffinity(0))[-3:]:
            for program in built().host, built().checked:
                self.assertEqual(first, self.either(
                    program=program,
                    preexec_fn=lambda cpu=cpu: os.sched_setaffinity(
                        0, {cpu})))

    def test_anonymous(self):
        """Nothing in it is one machine's alone"""
        passport = self.either()
        texts = []

        def collect(value):
            if isinstance(value, (dict, list)):
                for item in (value.values() if isinstance(value, dict) else
                             value):
                    collect(item)
            elif isinstance(value, str):
                texts.append(value)

        collect(passport)
        secrets = {socket.gethostname()}
        for pattern in ('/etc/machine-id', '/sys/class/net/*/address',
                        '/sys/class/dmi/id/*serial',
                        '/sys/class/dmi/id/*uuid',
                        '/proc/sys/kernel/random/boot_id'):
            for path in glob.glob(pattern):
                try:
                    with open(path, encoding='utf-8') as f:
                        secrets.add(f.read().strip())
                except OSError:
                    pass
        release = os.uname().release
        for secret in secrets:
            if len(secret) > 3 and secret not in release:
                self.assertNotIn(secret, '\n'.join(texts))
        found = cpuid_of(passport)
        for leaf, mask in IDS.items():
            for (other, _), regs in found.items():
                if other == leaf:
                    self.assertEqual(regs, masked(regs, mask), hex(leaf))

    def test_info(self):
        info = self.either()['info']
        self.assertEqual(info['kernel'], os.uname().release)
        with open('/proc/cpuinfo', encoding='utf-8') as f:
            found = [line.split(':')[1].strip() for line in f
                     if line.startswith('microcode')]
        self.assertEqual(info['microcode'], found[0] if found else None)
        for name, values in info['modules'].items():
            for parameter, value in values.items():
                path = f'/sys/module/{name}/parameters/{parameter}'
                with open(path, encoding='utf-8') as f:
                    self.assertEqual(f.read().strip(), value)
        self.assertEqual(set(info['modules']), {
            name for name in ('kvm', 'kvm_amd', 'kvm_intel')
            if os.path.isdir(f'/sys/module/{name}/parameters')})

    def test_no_kvm(self):
        """Whatever keeps /dev/kvm from opening"""
        with_kvm = self.either()
        for number in errno.EACCES, errno.ENOENT, errno.ENODEV:
            passport = self.passport(
                env=plain_environment(LD_PRELOAD=built().failing,
                                      FAIL_OPEN=str(number)),
                note=os.strerror(number))
            self.assertIsNone(passport['kvm'])
            self.assertEqual(passport['cpuid'], with_kvm['cpuid'])
            self.assertEqual(passport['info'], with_kvm['info'])

    def test_not_kvm(self):
        """What opens, but is not KVM, or can't create a VM, is an error"""
        why = made_hosts.no_real_kvm()
        if why:
            self.skipTest(why)
        for request, name in ((KVM_GET_API_VERSION, 'KVM_GET_API_VERSION'),
                              (KVM_CREATE_VM, 'KVM_CREATE_VM'),
                              (KVM_CREATE_VCPU, 'KVM_CREATE_VCPU')):
            done = run(built().host, env=plain_environment(
                LD_PRELOAD=built().failing, FAIL_IOCTL=hex(request),
                FAIL_ERRNO=str(errno.EBUSY)))
            self.assertEqual(self.error(done), f'/dev/kvm: {name}: ' +
                             os.strerror(errno.EBUSY))

    def test_ordinary_user(self):
        """nobody, with and without access to /dev/kvm"""
        if os.geteuid():
            self.skipTest('this is an ordinary user already')
        if not shutil.which('setpriv') or not shutil.which('unshare'):
            self.skipTest('no setpriv or unshare')
        user = ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups')
        if run(*user, 'true').returncode:
            self.skipTest('setpriv may not change the user here')
        with_kvm = self.either()
        # A node that everybody may open, seen by this process alone
        give = ('mknod "$0" c 10 232 && chmod "$1" "$0" && '
                'mount --bind "$0" /dev/kvm && shift && exec "$@"')
        node = os.path.join(self.tmp, 'kvm')
        mine = ('unshare', '-m', 'sh', '-c', give, node)
        if (made_hosts.no_real_kvm() or
                run(*mine, '666', 'true').returncode):
            self.skipTest('/dev/kvm can\'t be another one here')
        os.unlink(node)
        os.chmod(self.tmp, 0o755)
        for mode, note in ('666', None), ('600', 'Permission denied'):
            done = run(*mine, mode, *user, built().host, env=built().env)
            os.unlink(node)
            self.assertEqual(done.returncode, 0, done.stderr)
            passport = json.loads(done.stdout)
            expected = with_kvm if note is None else signed(
                {**with_kvm, 'kvm': None})
            self.assertEqual(passport, expected)
            if note:
                self.assertRegex(done.stderr.decode(),
                                 rf'\Anote: [ -~]*{note}[ -~]*\n\Z')
            else:
                self.assertEqual(done.stderr, b'')

    def test_own_dump(self):
        """A dump of this host has the same CPU."""
        passport = self.either()
        if passport['info']['hybrid']:
            self.skipTest('a hybrid CPU: a dump has one type of cores only')
        cpus = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, cpus)
        os.sched_setaffinity(0, {min(cpus)})
        instruction = made_hosts.instruction()
        dump = {(leaf, subleaf): instruction(leaf, subleaf)
                for region in (0, 0x80000000, 0xc0000000)
                for leaf in range(region, region + 0x30)
                for subleaf in range(64 if leaf == 0xd else 16)}
        self.write(dump_text(dump))
        self.assertEqual(self.passport('--from', self.file)['cpuid'],
                         passport['cpuid'])

    def test_static(self):
        """A program that needs no library writes the same."""
        # The name alone is what cc says if there is none.
        found = run(*CC, '-print-file-name=libjansson.a').stdout
        if b'/' not in found:
            self.skipTest('no libjansson.a')
        program = built().make('static', 'STATIC=1')
        # With this, the dynamic linker lists libraries and starts nothing.
        env = {**built().env, 'LD_TRACE_LOADED_OBJECTS': '1'}
        self.assertIn(b'libc.so', run(built().host, env=env).stdout)
        self.assertEqual(self.either(program=program, env=env), self.either())

    def test_linking(self):
        """answer is static by default, where that is possible."""
        def static(*variables):
            commands = [run('make', '-n', '-C', TOOL, 'OUT=none', *variables,
                            f'none/{name}', env=plain_environment()).stdout
                        for name in ('host', 'answer')]
            for command in commands:
                self.assertIn(b'jansson', command)
            return [b' -static' in command for command in commands]

        found = all(b'/' in run(*CC, f'-print-file-name={name}.a').stdout
                    for name in ('libc', 'libjansson'))
        self.assertEqual(static(), [False, found])
        self.assertEqual(static('STATIC='), [False, False])
        self.assertEqual(static('STATIC=1'), [True, True])
        # There are no static sanitizers.
        self.assertEqual(static(f'CFLAGS={" ".join(SANITIZE)}'), [False, False])

    def test_elsewhere(self):
        """Other processors only read dumps."""
        program = built().make('elsewhere',
                               f'CFLAGS={" ".join(SANITIZE)}', 'X86=')
        self.assertIn('not an x86 host',
                      self.error(run(program, env=built().env)))
        self.write(dump_text(FROM))
        self.assertEqual(self.passport('--from', self.file, program=program),
                         self.passport('--from', self.file))


class TestMadeHosts(TestCase):
    """Simulated hosts are what their files say."""

    def setUp(self):
        why = made_hosts.no_made_hosts()
        if why:
            self.skipTest(why)
        super().setUp()

    def check(self, host, passport):
        """host: what is in the file of the host"""
        def number(text):
            return int(text, 16)

        expected = {}
        for e in host['cpuid']:
            key = number(e['leaf']), number(e.get('subleaf', '0x0'))
            expected[key] = as_passport(*key, [number(e[r])
                                               for r in REGISTERS])
        self.assertEqual(not_empty(cpuid_of(passport)), not_empty(expected))
        made, kvm = host['kvm'], passport['kvm']
        for name in KVM_CPUID:
            entries = []
            for e in made[name]:
                e = {k: number(v) for k, v in e.items()}
                e.update(zip(REGISTERS, masked(
                    [e[r] for r in REGISTERS],
                    IDS.get(e['function'], (0,) * 4))))
                entries.append(e)
            self.assertEqual(kvm[name], entries)
        self.assertEqual(kvm['msr-index-list'],
                         [number(m) for m in made['msr-index-list']])
        self.assertEqual(kvm['feature-msrs'], [
            {'index': number(k), 'value': v}
            for k, v in made['feature-msrs'].items()])
        for name in set(kvm['capabilities']) & set(made['capabilities']):
            self.assertEqual(kvm['capabilities'][name],
                             made['capabilities'][name], name)
        # The others are up to the kernel.
        self.assertLessEqual(set(capabilities()) - set(made['capabilities']), {
            'IRQCHIP', 'USER_MEMORY', 'SET_TSS_ADDR', 'EXT_CPUID', 'MP_STATE',
            'ADJUST_CLOCK', 'SET_IDENTITY_MAP_ADDR', 'VCPU_EVENTS',
            'PIT_STATE2', 'X86_ROBUST_SINGLESTEP', 'DEBUGREGS', 'SREGS2',
            'X86_MSR_FILTER', 'DISABLE_QUIRKS2'})
        for name in ('xcomp-guest-supp', 'xcomp-guest-permission', 'mce-cap',
                     'tsc-khz'):
            self.assertEqual(kvm[name], made[name], name)

    def test_all(self):
        hosts = simulated_hosts()
        self.assertGreater(len(hosts), 5)
        for path in hosts:
            with self.subTest(os.path.basename(path)):
                with open(path, encoding='utf-8') as f:
                    self.check(json.load(f), self.on_host(path))

    def test_without_kvm(self):
        """/dev/kvm may be the library's alone."""
        path = simulated_hosts()[-1]
        with open(path, encoding='utf-8') as f:
            self.check(json.load(f),
                       self.on_host(path, KVM_CPUID_SHIM_STAND_IN='1'))

    def changed(self, change, **more):
        """The passport of a host with everything, after a change to it"""
        path = os.path.join(guest_build(), 'hosts',
                            'intel-sapphirerapids.json')
        with open(path, encoding='utf-8') as f:
            host = json.load(f)
        change(host['kvm'])
        self.write(host)
        return host, self.on_host(self.file, **more)

    def test_older_kernels(self):
        """What KVM has no capability for is not asked for."""
        def caps(**values):
            return lambda kvm: kvm['capabilities'].update(values)

        host, passport = self.changed(caps(SYS_HYPERV_CPUID=0))
        self.assertGreater(len(host['kvm']['supported-hv-cpuid']), 0)
        self.check(host, passport)
        _, passport = self.changed(caps(SYS_HYPERV_CPUID=0, HYPERV_CPUID=0))
        self.assertEqual(passport['kvm']['supported-hv-cpuid'], [])
        _, passport = self.changed(caps(GET_MSR_FEATURES=0))
        self.assertEqual(passport['kvm']['feature-msrs'], [])
        host, passport = self.changed(caps(SYS_ATTRIBUTES=0))
        self.assertNotEqual(host['kvm']['xcomp-guest-supp'], '0x0')
        self.assertEqual(passport['kvm']['xcomp-guest-supp'], '0x0')
        self.assertEqual(passport['kvm']['xcomp-guest-permission'], '0x0')
        _, passport = self.changed(caps(GET_TSC_KHZ=0))
        self.assertEqual(passport['kvm']['tsc-khz'], 0)
        _, passport = self.changed(caps(MCE=0))
        self.assertEqual(passport['kvm']['mce-cap'], '0x0')

    def test_permission(self):
        """Not what is supported, but what was granted"""
        for permission in '0x0', '0x40000':
            _, passport = self.changed(lambda kvm, p=permission: kvm.update(
                {'xcomp-guest-permission': p}))
            self.assertEqual(passport['kvm']['xcomp-guest-permission'],
                             permission)

    def test_ids_of_kvm(self):
        """KVM passes on APIC IDs of the logical CPU that it runs on."""
        entry = {'index': '0x0', 'flags': '0x1', 'eax': '0xffffffff',
                 'ebx': '0xffffffff', 'ecx': '0xffffffff',
                 'edx': '0xffffffff'}

        def change(kvm):
            kvm['supported-cpuid'] = [{'function': hex(leaf), **entry}
                                      for leaf in (*IDS, 0x7, 0xd)]

        host, passport = self.changed(change)
        self.check(host, passport)
        first = passport['kvm']['supported-cpuid'][0]
        self.assertEqual((first['ebx'], first['ecx']), (0xffffff, ALL))

    def test_repeated(self):
        """Of what KVM lists twice, the first counts, as for QEMU."""
        def change(kvm):
            for name in 'supported-cpuid', 'msr-index-list':
                kvm[name].append(copy.deepcopy(kvm[name][1]))
            kvm['supported-cpuid'][-1]['ecx'] = '0x1234'

        host, passport = self.changed(change)
        for name in 'supported-cpuid', 'msr-index-list':
            del host['kvm'][name][-1]
        self.check(host, passport)

    def test_many_entries(self):
        def change(kvm):
            kvm['supported-cpuid'] += [
                {'function': '0x50000000', 'index': hex(n), 'flags': '0x1',
                 **dict.fromkeys(REGISTERS, hex(n))} for n in range(900)]

        self.check(*self.changed(change))

    def test_failing(self):
        """An ioctl that fails is an error, or what it means to QEMU."""
        path = simulated_hosts()[-1]
        shim = os.path.join(guest_build(), 'kvm-cpuid-shim.so')
        for request, name in (
                (record_host.KVM_GET_SUPPORTED_CPUID,
                 'KVM_GET_SUPPORTED_CPUID'),
                (record_host.KVM_GET_MSR_INDEX_LIST, 'KVM_GET_MSR_INDEX_LIST'),
                (record_host.KVM_GET_MSR_FEATURE_INDEX_LIST,
                 'KVM_GET_MSR_FEATURE_INDEX_LIST'),
                (KVM_CREATE_VM, 'KVM_CREATE_VM'),
                (KVM_CREATE_VCPU, 'KVM_CREATE_VCPU')):
            done = run(built().host, env=plain_environment(
                LD_PRELOAD=f'{built().failing} {shim}', FAIL_ERRNO='12',
                KVM_CPUID_SHIM_HOST=path, FAIL_IOCTL=hex(request)))
            self.assertEqual(self.error(done), f'/dev/kvm: {name}: '
                             'Cannot allocate memory')
        for request, name, value in (
                (record_host.KVM_GET_DEVICE_ATTR, 'xcomp-guest-supp', '0x0'),
                (record_host.KVM_X86_GET_MCE_CAP_SUPPORTED, 'mce-cap', '0x0'),
                (record_host.KVM_GET_MSRS, 'feature-msrs', []),
                (record_host.KVM_GET_TSC_KHZ, 'tsc-khz', 0)):
            passport = self.on_host(path, preload=built().failing,
                                    FAIL_ERRNO='22', FAIL_IOCTL=hex(request))
            self.assertEqual(passport['kvm'][name], value)
        passport = self.on_host(path, preload=built().failing, FAIL_ERRNO='22',
                                FAIL_IOCTL=hex(KVM_CHECK_EXTENSION))
        self.assertEqual(set(passport['kvm']['capabilities'].values()), {0})


def simple_cpu(vendor='GenuineIntel', **regs):
    """Leaf 0 and 0x80000000 of a CPU with many leaves"""
    number = [int.from_bytes(vendor[n:n + 4].encode(), 'little')
              for n in (0, 4, 8)]
    return {(0, 0): [regs.get('highest', 0x30), number[0], number[2],
                     number[1]],
            (0x80000000, 0): [0x80000030, 0, 0, 0]}


FROM = {**simple_cpu(), (1, 0): [0x806f8, 0x7400800, 0x7ffefbff, 0xbfebfbff],
        (7, 0): [1, 2, 3, 4], (7, 1): [5, 6, 7, 8], (7, 2): [9, 9, 9, 9]}


class TestFrom(TestCase):
    """Dumps of "cpuid -1 -r" """

    def read(self, text, *argv):
        self.write(text)
        return self.passport('--from', self.file, *argv,
                             program=built().checked)

    def test_simulated_hosts(self):
        """Their CPUs, from a dump of them"""
        names = glob.glob(os.path.join(REPO, 'tests/guest/hosts/*.cpuid'))
        self.assertGreater(len(names), 5)
        for path in names:
            name = os.path.splitext(os.path.basename(path))[0]
            cpuid, _ = make_hosts.read_cpuid(name)
            passport = self.read(dump_text(cpuid))
            self.assertIsNone(passport['kvm'])
            self.assertEqual(passport['info'], {
                'hybrid': False, 'kernel': None, 'microcode': None,
                'modules': {}})
            self.assertEqual(not_empty(cpuid_of(passport)), not_empty({
                (leaf, sub or 0): as_passport(leaf, sub or 0, regs)
                for (leaf, sub), regs in cpuid.items()}), name)

    def test_words(self):
        """The leaf of every feature word, of each line that is built"""
        words = set()
        for build in {os.environ.get('LINES_BUILD') or '/nowhere',
                      os.path.join(REPO, 'build')}:
            for path in glob.glob(f'{build}/*/qemu-cpu-models.json'):
                with open(path, encoding='utf-8') as f:
                    words |= {(w['cpuid']['leaf'], w['cpuid']['subleaf'],
                               w['cpuid']['register'].lower())
                              for w in json.load(f)['words'] if 'cpuid' in w}
        # Features of lines that are not built: CPUID 07h.1, EAX
        with open(os.path.join(REPO, 'target-i386-ext/tables/features.tbl'),
                  encoding='utf-8') as f:
            words |= {(int(leaf, 16), int(subleaf or '0'), register.lower())
                      for leaf, subleaf, register in re.findall(
                          r'^# CPUID ([0-9A-F]+)h(?:\.(\d+))?, (E[A-D]X)\b',
                          f.read(), re.M)}
        # A hypervisor's are what KVM says, not the CPU.
        words = {w for w in words if w[0] >> 28 != 4}
        self.assertGreater(len(words), 25)
        dump = {**simple_cpu(), (0xc0000000, 0): [0xc0000004, 0, 0, 0]}
        for leaf, subleaf, _ in words:
            for number in range(subleaf + 1):
                dump[leaf, number] = [leaf % 251 + 1, 0x5a5a0101, 0x00a5a500,
                                      0x11118888]
        found = cpuid_of(self.read(dump_text(dump)))
        for leaf, subleaf, register in sorted(words):
            n = REGISTERS.index(register)
            expected = as_passport(leaf, subleaf, dump[leaf, subleaf])
            self.assertEqual(found[leaf, subleaf][n], expected[n],
                             (hex(leaf), subleaf, register))

    def test_read_leaves(self):
        """All leaves that QEMU reads on the host"""
        leaves = [
            *((n, 0) for n in (0, 1, 2, 4, 5, 6, 0xa, 0x1c)),
            *((7, n) for n in range(3)), *((0xd, n) for n in range(64)),
            *((0x12, n) for n in range(4)), (0x14, 0), (0x14, 1),
            (0x1d, 0), (0x1d, 1), (0x1e, 0), (0x1e, 1), (0x24, 0), (0x24, 1),
            (0x29, 0), (0x80000000, 0),
            *((0x80000000 + n, 0) for n in range(1, 9)), (0x8000000a, 0),
            *((0x8000001d, n) for n in range(4)), (0x8000001f, 0),
            (0x80000021, 0), (0x80000022, 0), (0xc0000000, 0),
            (0xc0000001, 0)]
        dump = {key: [0x3, 1, 1, 1] for key in leaves}
        dump.update({**simple_cpu(),
                     (0xc0000000, 0): [0xc0000001, 0, 0, 0]})
        self.assertLessEqual(set(leaves),
                             set(cpuid_of(self.read(dump_text(dump)))))

    def test_limits(self):
        """Nothing above the maximum of a region, or of a region's none"""
        dump = {**FROM, (0, 0): [6, *FROM[0, 0][1:]], (6, 0): [1, 1, 1, 1],
                (0x80000000, 0): [0x80000004, 0, 0, 0],
                (0x80000004, 0): [1, 1, 1, 1], (0x80000005, 0): [1, 1, 1, 1],
                (0xc0000000, 0): [0x306, 1, 2, 3],
                (0xc0000001, 0): [1, 2, 3, 4]}
        self.assertEqual(set(cpuid_of(self.read(dump_text(dump)))), {
            (0, 0), (1, 0), (6, 0), (0x80000000, 0), (0x80000004, 0)})
        # One that claims to have four billion subleaves
        dump = {**FROM, **{(7, n): [ALL] * 4 for n in range(80)}}
        found = cpuid_of(self.read(dump_text(dump)))
        self.assertEqual(sum(leaf == 7 for leaf, _ in found), 64)
        # A leaf that the dump lacks is not known, one with zeros is.
        dump = {**FROM, (5, 0): [0] * 4}
        self.assertIn((5, 0), cpuid_of(self.read(dump_text(dump))))
        self.assertNotIn((6, 0), cpuid_of(self.read(dump_text(dump))))
        # Subleaf 2 of leaf 7 is beyond EAX of subleaf 0.
        self.assertNotIn((7, 2), cpuid_of(self.read(dump_text(FROM))))

    def test_forms(self):
        """Headers, case, blanks, and the other CPUs of the host"""
        text = dump_text(FROM)
        first = self.read(text)
        self.assertEqual(first['cpuid'][0]['edx'], FROM[0, 0][3])
        for other in (
                text.replace('CPU:', 'CPU 0:'), text.replace('CPU:\n', ''),
                text.replace('\n', '\r\n'), text.replace('0x0', '0x', 3),
                text.replace('   ', '\t'), '\n' + text + '\n',
                text.rstrip('\n'), text.replace('=0x000806f8', '=0x806F8'),
                text + 'CPU 1:\n nonsense\n' + text,
                text + text):
            self.assertEqual(self.read(other), first)
        self.assertEqual(self.passport('--from', '-', stdin=text.encode()),
                         first)
        self.assertEqual(self.passport('--from=-', stdin=text.encode()),
                         first)

    def test_bad_lines(self):
        """An error says which line, and what would be right."""
        text = dump_text(FROM)
        lines = text.splitlines()
        good = lines[2]
        for bad in ('nonsense', '\x1b[31m', 'é', 'CPU x:', good[:-10],
                    good + ' x', good.replace('eax', 'eaz'),
                    good.replace('0x00:', '0x00'),
                    good.replace('eax=0x', 'eax=0x1'),
                    good.replace('eax=0x', 'eax=-0x'),
                    good.replace('eax=0x8', 'eax=8'), '0x', '   0x00000001',
                    'A' * 100000, good.replace(' ebx', 'ebx')):
            self.write('\n'.join(lines[:2] + [bad] + lines[3:]))
            done = run(built().checked, '--from', self.file, env=built().env)
            error = self.error(done)
            self.assertIn(f'{self.file}: line 3: ', error)
            self.assertIn('0x00000001 0x00: eax=', error)
        self.write(text.replace('\n', '\0\n', 1))
        error = self.error(run(built().checked, '--from', self.file,
                               env=built().env))
        self.assertIn('line 1: it has a zero byte', error)

    def test_bad_dumps(self):
        text = dump_text(FROM)
        many = {(n, 0): [1, 2, 3, 4] for n in range(5000)}
        for data, reason in (
                (b'', 'leaf 0x0 is missing'), (b'CPU:\n', 'leaf 0x0 is miss'),
                (text + text.splitlines()[3], 'leaf 0x1, subleaf 0x0 is there '
                 'twice'),
                (dump_text(many), 'line 4098: more than 4096 lines'),
                (dump_text({**FROM, (0, 0): [1, 2, 3, 4]}), 'no vendor'),
                (b'\n' * (17 << 20), 'larger than 16777216 bytes')):
            self.write(data)
            self.assertIn(reason, self.error(run(
                built().checked, '--from', self.file, env=built().env)))
        for path, reason in ((self.file + 'x', 'No such file'),
                             (self.tmp, 'Is a directory')):
            self.assertIn(reason, self.error(run(
                built().checked, '--from', path, env=built().env)))


class TestHybrid(TestCase):
    """Several types of cores: what all of them have"""

    def test_combine(self):
        core = {**simple_cpu(highest=0x25),
                (1, 0): [0xa0671, 0x800, 0xffff0000, 0x00ffff00],
                (6, 0): [0xff, 1, 1, 1],
                (7, 0): [2, 0xff00ff00, 0xf0f0f0ef, 0x0000ffff],
                (7, 1): [0xff, 0, 0, 0xf0], (7, 2): [0, 0, 0, 0x3f],
                (0xd, 0): [0x2e7, 1, 0xa88, 0], (0xd, 1): [0x1f, 1, 0x100, 0],
                (0xd, 2): [0x100, 0x240, 0, 0],
                (0x24, 0): [1, 0x70002, 0, 0], (0x24, 1): [0, 0, 7, 0],
                (0x80000001, 0): [0, 0, 0x121, 0x2c100800],
                (0x80000008, 0): [0x302e, 0x200, 0, 0]}
        atom = {**core, (0, 0): [0x24, *core[0, 0][1:]],
                (1, 0): [0x90671, 0x900, 0x0ff00000, 0x000fff0f],
                (6, 0): [0x7f, 2, 2, 2],
                (7, 0): [1, 0x0ff0ff00, 0xff00f0ef, 0x0000f0f0],
                (7, 1): [0x0f, 0, 0, 0x30],
                (0xd, 0): [0x207, 1, 0xa88, 0], (0xd, 1): [0x0f, 1, 0x1800, 0],
                (0x24, 0): [0, 0x50001, 0, 0],
                (0x80000001, 0): [0, 0, 0x21, 0x28100800],
                (0x80000008, 0): [0x3027, 0x300, 0, 0]}
        del atom[7, 2]
        paths = []
        for name, cpuid in ('core', core), ('atom', atom):
            paths.append(os.path.join(self.tmp, name))
            with open(paths[-1], 'w', encoding='ascii') as f:
                f.write(dump_text(cpuid))
        passport = json.loads(self.reader('combine', *paths))
        found = cpuid_of(passport)
        self.assertTrue(passport['info']['hybrid'])
        for key, regs in {
                # The least maximum, and the fastest type's vendor
                (0, 0): [0x24, *core[0, 0][1:]],
                # Family, model and so on are that type's, too.
                (1, 0): [0xa0671, 0x800, 0x07f00000, 0x000fff00],
                (6, 0): [0x7f, 1, 1, 1],
                (7, 0): [1, 0x0f00ff00, 0xf000f0ef, 0x0000f0f0],
                (7, 1): [0x0f, 0, 0, 0x30], (7, 2): [0] * 4,
                (0xd, 0): [0x207, 0, 0xa88, 0], (0xd, 1): [0x0f, 0, 0, 0],
                (0xd, 2): [0x100, 0x240, 0, 0],
                # The least version, and the lengths that both have
                (0x24, 0): [0, 0x50001, 0, 0],
                (0x80000001, 0): [0, 0, 0x21, 0x28100800],
                (0x80000008, 0): [0x3027, 0x200, 0, 0]}.items():
            self.assertEqual(found[key], regs, (hex(key[0]), key[1]))
        same = json.loads(self.reader('combine', paths[0], paths[0]))
        alone = self.passport('--from', paths[0])
        self.assertEqual(same['cpuid'], alone['cpuid'])
        self.assertTrue(alone['info']['hybrid'])


class TestOptions(TestCase):
    """The command line, and output that can't be written"""

    def call(self, *argv, **kwargs):
        return run(built().checked, *argv, env=built().env, **kwargs)

    def setUp(self):
        super().setUp()
        self.write(dump_text(FROM))
        self.out = os.path.join(self.tmp, 'out')

    def test_help(self):
        for option in '-h', '--help':
            done = self.call(option)
            self.assertEqual((done.returncode, done.stderr), (0, b''))
            for word in '--from', '--output', '--help':
                self.assertIn(word, done.stdout.decode())

    def test_unknown(self):
        for argv, reason in (
                (['--form', 'x'], "unknown option '--form'"),
                (['--fromx'], "unknown option '--fromx'"),
                (['x'], "unexpected argument 'x'"),
                (['\x1b\n' + 'A' * 5000], "unexpected argument '??AAA"),
                ([''], 'unexpected argument'),
                (['--from'], '--from needs a file'),
                (['--from='], '--from= needs a file'),
                (['--from', ''], '--from needs a file'),
                (['--output'], '--output needs a file')):
            self.assertIn(reason, self.error(self.call(*argv)))

    def test_output(self):
        """A file is replaced as a whole, and a link stays one."""
        expected = self.call('--from', self.file).stdout
        link = os.path.join(self.tmp, 'link')
        os.symlink('out', link)
        mask = os.umask(0o027)
        try:
            for path in self.out, link:
                done = self.call('--from', self.file, f'--output={path}')
                self.assertEqual((done.returncode, done.stdout, done.stderr),
                                 (0, b'', b''))
                with open(self.out, 'rb') as f:
                    self.assertEqual(f.read(), expected)
                self.assertEqual(stat.S_IMODE(os.stat(self.out).st_mode),
                                 0o640)
        finally:
            os.umask(mask)
        self.assertTrue(os.path.islink(link))
        self.assertEqual(sorted(os.listdir(self.tmp)), ['file', 'link', 'out'])

    def test_output_links(self):
        """A link is never replaced: /dev/stdout is one"""
        for target, error in (('/proc/self/fd/1', 'not a regular file'),
                              ('nowhere', 'a link to a file that is not there')):
            link = os.path.join(self.tmp, 'link')
            os.symlink(target, link)
            message = self.error(self.call('--from', self.file, '--output',
                                           link), 1)
            self.assertIn(error, message)
            self.assertEqual(os.readlink(link), target)
            os.unlink(link)

    def test_not_written(self):
        """Exit status 1, nothing left over, the old file as it was"""
        with open(self.out, 'w', encoding='ascii') as f:
            f.write('old')
        for path, reason in (
                (self.tmp, 'not a regular file'),
                ('/dev/null', 'not a regular file'),
                (os.path.join(self.tmp, 'no', 'x'), 'No such file'),
                (os.path.join(self.out, 'x'), 'Not a directory'),
                ('x' * 5000, 'File name too long')):
            error = self.error(self.call('--from', self.file, '--output',
                                         path), 1)
            self.assertIn('cannot write ', error)
            self.assertIn(reason, error)
        self.assertEqual(sorted(os.listdir(self.tmp)), ['file', 'out'])
        # What fails before that does not touch it.
        self.write('nonsense')
        self.error(self.call('--from', self.file, '--output', self.out))
        with open(self.out, encoding='ascii') as f:
            self.assertEqual(f.read(), 'old')

    def test_full_disk(self):
        def limit():
            import resource     # pylint: disable=import-outside-toplevel
            import signal       # pylint: disable=import-outside-toplevel
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        done = run(built().host, '--from', self.file, '--output', self.out,
                   env=built().env, preexec_fn=limit)
        self.assertIn('cannot write ', self.error(done, 1))
        self.assertEqual(os.listdir(self.tmp), ['file'])

    def test_stdout(self):
        for option in ['--help'], ['--from', self.file]:
            with open('/dev/full', 'wb') as full:
                done = subprocess.run(
                    [built().checked, *option], stdout=full, check=False,
                    stderr=subprocess.PIPE, env=built().env)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr.decode(),
                             r'\Aerror: cannot write the output: [ -~]+\n\Z')
            read, write = os.pipe()
            os.close(read)
            with os.fdopen(write, 'wb') as pipe:
                done = subprocess.run(
                    [built().checked, *option], stdout=pipe, check=False,
                    stderr=subprocess.PIPE, env=built().env)
            self.assertEqual((done.returncode, done.stderr),
                             (1, b'error: cannot write the output: '
                              b'Broken pipe\n'))


class TestDigest(TestCase):
    """SHA-256, and the text that it is over"""

    def test_sha256(self):
        data = random.Random(1).randbytes(300)
        self.assertEqual(self.reader('sha256', stdin=data).split(), [
            hashlib.sha256(data[:n]).hexdigest() for n in range(301)])

    def test_canonical(self):
        rng = random.Random(SEED)

        def text():
            return ''.join(chr(rng.choice([
                rng.randrange(2, 128), rng.randrange(32, 127),
                rng.randrange(0x80, 0xd800), rng.randrange(0xe000, 0x10000),
                rng.randrange(0x10000, 0x110000)]))
                for _ in range(rng.choice([0, 1, 2, 3, 9] * 30 + [5000])))

        def value(depth):
            kind = rng.randrange(7) if depth < 5 else rng.randrange(3, 7)
            if kind == 0:
                return [value(depth + 1) for _ in range(rng.randrange(5))]
            if kind in (1, 2):
                return {text(): value(depth + 1) for _ in range(
                    rng.choice([0, 3, 90 if depth < 1 else 4]))}
            return rng.choice([True, False, None, text(),
                               rng.randrange(-1 << 63, 1 << 63)])

        for n in range(40):
            # Such numbers jansson alone can't read.
            data = {'a': value(0), '\x7f': value(0), 'b': (1 << 64) - 1 - n,
                    'c': -1 << 63, 'd': 1 << 63, 'deep': 0}
            data['deep'] = json.loads('[' * 95 + ']' * 95)
            self.write(json.dumps(data, ensure_ascii=rng.random() < 0.5,
                                  indent=rng.choice([None, 3])))
            expected = json.dumps(data, sort_keys=True,
                                  separators=(',', ':'))
            digest = hashlib.sha256(expected.encode()).hexdigest()
            self.assertEqual(self.reader('canonical', self.file),
                             f'{expected}\n{digest}\n', f'CHECK_SEED={SEED}')

    def test_none(self):
        for data, reason in (('[1.5]', 'not an integer'),
                             ('[1e3]', 'not an integer'),
                             ('[' * 200 + ']' * 200, 'nested too deeply')):
            done = run(built().reader, 'canonical', self.write(data),
                       env=built().env)
            self.assertEqual(done.returncode, 2)
            self.assertIn(reason, done.stderr.decode())


class TestReader(TestCase):
    """passport.c: what a passport says, and which are refused"""

    def test_good(self):
        self.write(SMALL)
        kvm = SMALL['kvm']
        self.assertEqual(self.reader('read', self.file).splitlines(), [
            'vendor GenuineIntel', f'digest {SMALL["digest"]}', 'cpuid 5',
            'microcode 0x2b000571', 'kernel 6.12.1', 'hybrid 0', 'kvm 1',
            'supported 7 0 1 9', 'supported 0 0 0 1', 'supported 2 0 2 5',
            'supported 2 0 2 6', 'hv 1', f'msrs {sum(kvm["msr-index-list"])}',
            'msr 480 d8100000000001', 'msr 10a 0',
            *(f'cap {name} {n}' for n, name in enumerate(capabilities())),
            'xcomp 602e7 40000', 'mce ffffffffffffffff', 'tsc 2100000'])

    def test_unknown_kvm(self):
        small = signed({**SMALL, 'kvm': None,
                        'info': {'kernel': None, 'hybrid': True}})
        self.write(small)
        lines = self.reader('read', self.file).splitlines()
        self.assertEqual(lines[3:7], ['microcode -', 'kernel -', 'hybrid 1',
                                      'kvm 0'])

    def test_stdin(self):
        done = run(built().reader, 'read', '-', env=built().env,
                   stdin=json.dumps(SMALL).encode())
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        done = run(built().reader, 'read', '-', env=built().env, stdin=b'[]')
        self.assertRegex(done.stderr.decode(), r'\Astdin: [ -~]+\n\Z')

    def test_later_version(self):
        """Members that a reader does not know are ignored."""
        later = copy.deepcopy(SMALL)
        for value in (later, later['kvm'], later['info'],
                      later['kvm']['capabilities'], later['cpuid'][0],
                      later['kvm']['supported-cpuid'][0],
                      later['kvm']['feature-msrs'][0]):
            value['later'] = {'é\n': [None, -1]}
        later['$comment'] = 'by hand'
        later = signed(later)
        self.write(later)
        self.assertIn(later['digest'], self.reader('read', self.file))

    def test_cpuid(self):
        self.write(SMALL)
        for what, known, regs in (
                ('0.0', 1, 'd 756e6547 6c65746e 49656e69'),
                # Leaves without subleaves are the same with any.
                ('0.5', 1, 'd 756e6547 6c65746e 49656e69'),
                ('80000001.3', 1, '1 2 3 4'),
                ('7.0', 1, '1 2 3 ffffffff'), ('7.1', 1, '10 0 0 0'),
                ('7.2', 1, '0 0 0 0'), ('7.ffffffff', 1, '0 0 0 0'),
                # Above the maximum, and in a region that is not there
                ('e.0', 1, '0 0 0 0'), ('80000002.0', 1, '0 0 0 0'),
                ('c0000001.0', 1, '0 0 0 0'),
                # Not in the passport
                ('6.0', 0, '0 0 0 0'), ('40000000.0', 0, '0 0 0 0')):
            self.assertEqual(self.reader('cpuid', self.file, what),
                             f'{what} {known} {regs}\n')

    def change(self, path, value):
        """SMALL with another value somewhere, and the right digest"""
        changed = copy.deepcopy(SMALL)
        at = changed
        for key in path[:-1]:
            at = at[key]
        if value is Ellipsis:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        return signed(changed)

    def test_values(self):
        """One error, which names the place and says what would be right"""
        u32 = 'is not an integer from 0 to 4294967295'
        i32 = 'is not an integer from 0 to 2147483647'
        u64 = 'is not a string such as "0x1f"'
        text = 'is not a string of at most 256 printable characters'
        entry = SMALL['kvm']['supported-cpuid'][0]
        cpu = SMALL['cpuid'][0]
        bad_numbers = (-1, 1 << 32, '1', None, True, [], {})
        for path, values, reason in (
                (('format',), ('x', 1, None, ...), "not a passport: 'format'"),
                (('format-version',), (2, 0, -1, 1 << 62),
                 'and only 1 can be read'),
                (('format-version',), ('1', None, True), 'not an integer'),
                (('format-version',), (...,), "'format-version' is missing"),
                (('cpuid',), (..., ), "'cpuid' is missing"),
                (('cpuid',), ({}, 1, None), "'cpuid' is not a list"),
                (('cpuid',), ([],), "'cpuid' lacks leaf 0x0"),
                (('cpuid', 1), (1, None, []), 'cpuid[1]: not an object'),
                (('cpuid', 1, 'leaf'), bad_numbers, f"cpuid[1]: 'leaf' {u32}"),
                (('cpuid', 2, 'subleaf'), bad_numbers,
                 f"cpuid[2]: 'subleaf' {u32}"),
                (('cpuid', 4, 'edx'), bad_numbers, f"cpuid[4]: 'edx' {u32}"),
                (('cpuid', 4, 'edx'), (...,), "cpuid[4]: 'edx' is missing"),
                (('cpuid', 2, 'subleaf'), (0,),
                 'leaf 0x7, subleaf 0x0 twice'),
                # With and without subleaves
                (('cpuid', 2, 'subleaf'), (...,), 'has leaf 0x7'),
                (('cpuid', 1), (cpu, {**cpu, 'subleaf': 3}), 'has leaf 0x0'),
                (('cpuid', 0, 'leaf'), (2,), 'lacks leaf 0x0'),
                (('cpuid', 0, 'ecx'), (0x6c65740a, 0x7f657465), 'no vendor'),
                (('cpuid',), ([cpu] * 4097,), 'more than 4096 entries'),
                (('kvm',), (..., ), "'kvm' is missing"),
                (('kvm',), ([], 1, False), 'neither an object nor null'),
                (('kvm', 'supported-cpuid'), (...,), 'is missing'),
                (('kvm', 'supported-cpuid', 0), (entry['eax'],),
                 'supported-cpuid[0]: not an object'),
                (('kvm', 'supported-cpuid', 0, 'flags'), bad_numbers,
                 f"supported-cpuid[0]: 'flags' {u32}"),
                (('kvm', 'supported-cpuid', 1), (entry,),
                 'has function 0x7, index 0x0 twice'),
                (('kvm', 'supported-hv-cpuid', 0, 'eax'), bad_numbers,
                 f"supported-hv-cpuid[0]: 'eax' {u32}"),
                (('kvm', 'msr-index-list', 1), bad_numbers,
                 'msr-index-list[1]: not an integer'),
                (('kvm', 'msr-index-list', 1), (0x10,), 'has 0x10 twice'),
                (('kvm', 'msr-index-list'), (list(range(4097)),),
                 'more than 4096 entries'),
                (('kvm', 'feature-msrs', 1, 'index'), bad_numbers,
                 f"feature-msrs[1]: 'index' {u32}"),
                (('kvm', 'feature-msrs', 1, 'index'), (0x480,),
                 "'feature-msrs' has 0x480 twice"),
                (('kvm', 'feature-msrs', 1, 'value'),
                 (0, None, '', '0', '0x', '1x0', 'x', '0xG', '0xA', '0x00',
                  '0x01', ' 0x1', '0x1 ', '0x' + '1' * 17, '-0x1'),
                 f"feature-msrs[1]: 'value' {u64}"),
                (('kvm', 'capabilities'), (...,), 'is missing'),
                (('kvm', 'capabilities'), ([], None), 'not an object'),
                (('kvm', 'capabilities', 'MCE'), (-1, 1 << 31, '1', None),
                 f"'MCE' {i32}"),
                (('kvm', 'capabilities', 'MCE'), (...,), "'MCE' is missing"),
                (('kvm', 'xcomp-guest-supp'), (1, '1', '0xffffffffffffffff1'),
                 u64),
                (('kvm', 'xcomp-guest-permission'), ('0x40008',),
                 "has bits that 'xcomp-guest-supp' lacks"),
                (('kvm', 'mce-cap'), (1,), u64),
                (('kvm', 'tsc-khz'), (-1, 1 << 31, '1'), i32),
                (('info',), (...,), "'info' is missing"),
                (('info',), ([], None), "'info' is not an object"),
                (('info', 'microcode'), (1, 'a\n', 'é', 'x' * 257),
                 f"'microcode' {text}"),
                (('info', 'kernel'), ([], '\x1b[31m'), f"'kernel' {text}")):
            for value in values:
                with self.subTest(path=path, value=str(value)[:40]):
                    self.assertIn(reason, self.refused(
                        self.change(path, value)))

    def test_largest(self):
        """Every list is as long as it may be, with the longest numbers."""
        big = [(1 << 32) - 1 - n for n in range(4096)]
        most = copy.deepcopy(SMALL)
        most['cpuid'] += [
            {'leaf': 0xfffffffe, 'subleaf': n, **dict.fromkeys(REGISTERS, ALL)}
            for n in big[5:]]
        kvm = most['kvm']
        for name in KVM_CPUID:
            kvm[name] = [{'function': ALL, 'index': n, 'flags': 0xfffffffd,
                          **dict.fromkeys(REGISTERS, ALL)} for n in big]
        kvm['msr-index-list'] = big
        kvm['feature-msrs'] = [{'index': n, 'value': '0x' + 'f' * 16}
                               for n in big]
        self.write(json.dumps(signed(most), indent=1, sort_keys=True))
        text = self.reader('read', self.file)
        self.assertIn('cpuid 4096\n', text)
        self.assertIn('hv 4096\n', text)

    def test_digest(self):
        for digest in (None, 1, '', 'x', SMALL['digest'].upper(),
                       SMALL['digest'] + '0', '0' * 64):
            self.assertIn("damaged: 'digest' is not ",
                          self.refused({**SMALL, 'digest': digest}))
        small = dict(SMALL)
        del small['digest']
        self.assertIn("'digest' is missing", self.refused(small))
        self.assertIn('damaged', self.refused(
            {**SMALL, 'cpuid': SMALL['cpuid'][::-1]}))
        self.assertIn('damaged', self.refused({**SMALL, 'later': 1}))

    def test_flipped_bits(self):
        """Each one is refused: in 2,000 places of two passports"""
        self.write(json.dumps(SMALL, indent=1, sort_keys=True) + '\n')
        self.reader('flip', self.file, SEED, 2000)
        if not IS_X86:
            return
        done = run(built().host, env=built().env)
        self.write(done.stdout)
        self.reader('flip', self.file, SEED, 2000)

    def test_no_json(self):
        """Not JSON, or not a passport"""
        for what, data in NO_JSON.items():
            with self.subTest(what):
                self.refused(data)
        for data, reason in (
                (b'[]', 'not a passport: not an object'), (b'{}', "'format'"),
                (b'{"format": "x86-cpu-host", "format-version": 1,'
                 b' "format": "x86-cpu-host"}', 'duplicate object key'),
                (b'{"a": 99999999999999999999999}', 'too big'),
                (b'{"a": -99999999999999999999999}', 'too big|too small'),
                (b'{"a": 1e999}', 'real number overflow'),
                (b'\xef\xbb\xbf{}', 'line 1'), (b'\0', 'line 1'),
                (b' ' * ((4 << 20) + 1), 'larger than 4194304 bytes')):
            self.assertRegex(self.refused(data), reason)
        huge = copy.deepcopy(SMALL)
        huge['later'] = 1.5
        self.assertIn('not an integer', self.refused(signed(huge)))
        huge['later'] = json.loads('[' * 150 + ']' * 150)
        self.assertIn('nested too deeply', self.refused(signed(huge)))
        for path in self.file + 'x', self.tmp:
            done = run(built().reader, 'read', path, env=built().env)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr.decode(), r'\A[ -~]+\n\Z')

    def test_truncated(self):
        """Wherever it ends"""
        text = json.dumps(SMALL, indent=1, sort_keys=True).encode()
        for length in {*range(0, len(text), 97), len(text) - 1}:
            self.assertIn('line ', self.refused(text[:length]))

    def test_long_names(self):
        """Of files, and in files, an error repeats a part only."""
        directory = os.path.join(self.tmp, 'é\n' + 'A' * 200)
        os.mkdir(directory)
        path = os.path.join(directory, 'B' * 250)
        shutil.copy(self.write('{"' + 'C' * 100000), path)
        done = run(built().reader, 'read', path, env=built().env)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr.decode(), r'\A[ -~]{,511}\n\Z')

    def test_replaced(self):
        """A value of another type in the place of each one"""
        number = 0
        small = copy.deepcopy(SMALL)
        small['kvm']['capabilities'] = dict(
            list(small['kvm']['capabilities'].items()))
        for what, changed in all_replaced(small):
            if '.digest' in what or 'modules' in what:
                continue
            number += 1
            # All at once would take minutes.
            if number % 7 or ('capabilities.' in what and number % 5):
                continue
            with self.subTest(what):
                self.write(signed(changed))
                done = run(built().reader, 'read', self.file, env=built().env)
                self.assertIn(done.returncode, (0, 2), done.stderr[-2000:])
                if done.returncode:
                    self.assertRegex(done.stderr.decode(), r'\A[ -~]+\n\Z')
        self.assertGreater(number, 300)


class TestFuzz(TestCase):
    """No input makes a reader fail, and nearly all damage is seen."""

    def test_passport(self):
        self.write(json.dumps(SMALL))
        files = [self.file]
        if IS_X86 and made_hosts.no_made_hosts() is None:
            path = os.path.join(self.tmp, 'host')
            with open(path, 'w', encoding='ascii') as f:
                json.dump(self.on_host(simulated_hosts()[-1]), f)
            files.append(path)
        for path in files:
            text = self.reader('mutate', path, SEED, FILES)
            by_bytes, by_value = map(int, text.split())
            # Rest: blanks, what the change left as it was, other good values
            self.assertGreater(by_bytes, FILES * 0.8, f'CHECK_SEED={SEED}')
            self.assertGreater(by_value, FILES * 0.4, f'CHECK_SEED={SEED}')

    def test_dump(self):
        cpuid, _ = make_hosts.read_cpuid('intel-sapphirerapids')
        self.write(dump_text(cpuid))
        refused = int(self.reader('dump', self.file, SEED, 2 * FILES))
        self.assertGreater(refused, FILES // 2, f'CHECK_SEED={SEED}')


if __name__ == '__main__':
    unittest.main()
