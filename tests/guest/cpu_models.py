# SPDX-License-Identifier: GPL-2.0-or-later
"""
CPU models, their expansions, and guests that have them.

For the tests of what QEMU writes CPUs down as: asks a QEMU many questions
at once, starts many guests and looks at them, each once, and finds what
two of them see differently.  Chooses CPUs at random, by CHECK_SEED.
"""

import asyncio
import contextlib
import functools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

from guest_cpuid import REGISTERS, Guest, GuestError
from random_seed import FULL, count  # noqa: F401
from release_line import LINE, NEWEST, OLDEST
from test_feature_flags import feature_places
from test_random_features import KVM_MSRS, SEED
from test_removed_features import KVM_REFUSALS, refused_by_kvm

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))), 'scripts'))
import x86_cpu_golden  # noqa: E402

QEMU = os.environ.get('QTEST_QEMU_BINARY', '')
FORCE = {'x-force-features': True}

# Both vendors and others, no long mode, legacy caches and own ones, commas
# in model-id, versions, aliases, leaf 0x1f, AMX, AVX10
SAMPLE_MODELS = [
    '486', 'kvm64', 'Conroe', 'Haswell', 'Skylake-Server-v4', 'Snowridge',
    'SapphireRapids-v2', 'GraniteRapids-v2', 'Opteron_G1', 'EPYC',
    'EPYC-Milan-v2', 'EPYC-Genoa', 'Dhyana', 'YongFeng',
]

# CPU models that libvirt 12.8 does not have, besides a site's: those of our
# tables, and later versions
UNKNOWN_TO_LIBVIRT = re.compile(
    '^x86-64-|_(notsx|noerms)(-v1)?$|'
    '^(Cascadelake-Server-v[67]|ClearwaterForest-v4|DiamondRapids-v2|'
    'EPYC-Genoa-v3|EPYC-Milan-v4|EPYC-Turin-v2|GraniteRapids-v[67]|'
    'Icelake-Server-v[89]|SapphireRapids-v[78]|SierraForest-v6|'
    'Skylake-Server-v6)$')

# A site's models that QEMU was built with (make check CPU_TABLES=dir): no test
# knows what these have to be.
SITE_TABLES = os.environ.get('CPU_TABLES')
SITE_MODELS = (x86_cpu_golden.site_models(SITE_TABLES) if SITE_TABLES
               else set())

# More than that many differences say nothing new.
SHOWN = 25


def rng(*what):
    """A source of random choices, the same for the same seed."""
    return random.Random(f'{SEED} {what}')


class Progress:
    """Tells a person who waits how far a long test is."""

    def __init__(self, what, total):
        self.what = what
        self.total = total
        self.done = 0
        self.start = self.said = time.monotonic()

    def step(self, number=1):
        self.done += number
        now = time.monotonic()
        if FULL and (now - self.said > 20 or self.done == self.total):
            self.said = now
            # `make check` keeps stdout and stderr of tests for itself.
            fd = int(os.environ.get('CHECK_PROGRESS_FD') or
                     sys.stderr.fileno())
            os.write(fd, (f'# {self.what}: {self.done} of {self.total}, '
                          f'{now - self.start:.0f} s\n').encode())


def ask(args, commands, qemu=QEMU):
    """
    The replies of a QEMU with these arguments to (command, arguments), in
    order.  It must not die over any.
    """
    questions = [('qmp_capabilities', {}), *commands]
    text = ''.join(json.dumps({'execute': name, 'arguments': arguments})
                   + '\n' for name, arguments in questions)
    replies = []
    with tempfile.TemporaryFile('w+') as stderr, subprocess.Popen(
            [qemu, '-S', '-nodefaults', '-no-user-config', '-display',
             'none', '-qmp', 'stdio', *args], encoding='utf-8',
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=stderr) as process:

        def write():
            # If QEMU dies, missing replies say so.
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(text)
                process.stdin.flush()

        writer = threading.Thread(target=write)
        writer.start()
        for line in process.stdout:
            if not line.startswith(('{"QMP"', '{"timestamp"')):
                replies.append(json.loads(line))
            if len(replies) == len(questions):
                break
        writer.join()
        # Not any earlier: what it has not written then, QEMU drops.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write('{"execute": "quit"}\n')
            process.stdin.flush()
        process.stdout.read()
        status = process.wait()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        if status or len(replies) != len(questions):
            stderr.seek(0)
            raise GuestError(f'{len(replies)} replies to {len(questions)} '
                             f'questions, status {status}: '
                             f'{" ".join(args)}\n{stderr.read()[-2000:]}')
    return replies[1:]


def expansion(kind, name, props=None, machine=None):
    """The command that expands a model."""
    model = {'name': name}
    if props:
        model['props'] = props
    if machine is not None:
        model['machine-type'] = machine
    return 'query-cpu-model-expansion', {'type': kind, 'model': model}


def option(value):
    """The value of a property, for -cpu."""
    if isinstance(value, bool):
        return 'on' if value else 'off'
    return str(value).replace(',', ',,')


def cpu_option(name, props):
    """A CPU model as an argument of -cpu."""
    return ','.join([name] + [f'{key}={option(value)}'
                              for key, value in props.items()])


async def plug_cpu(guest):
    """Plugs in the first CPU that is not there yet.  Returns its path."""
    slots = await guest.qmp.execute('query-hotpluggable-cpus')
    free = [slot for slot in slots if 'qom-path' not in slot]
    await guest.qmp.execute('device_add', {
        'driver': free[0]['type'], 'id': 'plugged', **free[0]['props']})
    return '/machine/peripheral/plugged'


def differences(a, b):
    """What is not the same in two views, for people."""
    found = []
    zeros = (0, 0, 0, 0)
    for key in sorted(set(a.cpuid) | set(b.cpuid)):
        for name, x, y in zip(REGISTERS, a.cpuid.get(key, zeros),
                              b.cpuid.get(key, zeros)):
            if x != y:
                found.append((*key, name, x, y))
    a_msrs, b_msrs = a.msrs or {}, b.msrs or {}
    for index in sorted(set(a_msrs) | set(b_msrs)):
        x, y = a_msrs.get(index), b_msrs.get(index)
        if x != y:
            found.append((index, None, 'MSR', x or 0, y or 0))
    return found


def show_differences(found):
    text = [f'{name} {leaf:x}h: {x:x}, {y:x}' if name == 'MSR' else
            f'{leaf:x}h.{subleaf:x} {name}: {x:x}, {y:x}'
            for leaf, subleaf, name, x, y in found[:6]]
    more = [f'{len(found) - 6} more'] if len(found) > 6 else []
    return '; '.join(text + more)


class Lab:
    """Models and guests under one accelerator."""

    def __init__(self, accel, qemu=QEMU, offers=None, probe=True):
        """
        offers: what KVM is made to offer, see kvm-offers.c
        probe: find out what this kernel can't do, for random_cpu()
        """
        self.accel = accel
        self.qemu = qemu
        self.offers = offers
        self._views = {}
        self._same = {}
        self._jobs = None
        self.machines = self._list_machines()
        self.models = self._list_models()
        # What KVM refuses when it is forced, or even if it offers it
        self.extra = {}
        self.values = dict(VALUES)
        self.enlightenments = dict(ENLIGHTENMENTS)
        if accel == 'kvm' and probe:
            asyncio.run(self._probe_kvm())

    def ask(self, commands, *args):
        return ask(['-accel', self.accel,
                    *(args or ('-machine', 'none'))], commands, self.qemu)

    def _list_machines(self):
        names = [m['name'] for m in self.ask([('query-machines', {})])[0]
                 ['return']]
        assert self.qemu != QEMU or {OLDEST, NEWEST} <= set(names)
        return sorted(n for n in names
                      if re.fullmatch(r'pc-(i440fx|q35)-[\d.]+', n))

    def _list_models(self):
        definitions = self.ask([('query-cpu-definitions', {})])[0]['return']
        self.all_models = sorted(d['name'] for d in definitions)
        return sorted(d['name'] for d in definitions
                      if d['migration-safe'] and d['name'] != 'base'
                      and d['name'] not in SITE_MODELS)

    async def _starts(self, cpu):
        """Why QEMU does not start with this CPU, or an empty string"""
        try:
            async with Guest(self.qemu, ['-cpu', cpu], self.accel):
                return ''
        except GuestError as exc:
            return str(exc)

    async def _probe_kvm(self):
        """What this kernel can't do would only be refused, again and again."""
        for name in {n for names in KVM_REFUSALS.values() for n in names}:
            # KVM refuses a value of this one, and it is max's.
            cpu = ('max,arch-capabilities=on' if name == 'arch-capabilities'
                   else cpu_option('base', {**dict.fromkeys(
                       ['lm', 'lkgs', 'wrmsrns', name], True), **FORCE}))
            if name in refused_by_kvm(await self._starts(cpu)):
                self.extra[name] = False
        for name, needs in ENLIGHTENMENTS.items():
            if await self._starts(cpu_option('qemu64', dict.fromkeys(
                    [name, *needs], True))):
                del self.enlightenments[name]
        if await self._starts('qemu64,tsc-frequency=1000000000'):
            async with Guest(self.qemu, [], self.accel) as guest:
                cpus = await guest.qmp.execute('query-cpus-fast')
                self.values['tsc-frequency'] = [
                    await guest.qmp.execute('qom-get', {
                        'path': cpus[0]['qom-path'],
                        'property': 'tsc-frequency'})]

    def sample(self, *what, fixed=SAMPLE_MODELS, more=4):
        """The models to test: all, or a sample by seed."""
        if FULL:
            return self.models
        rest = sorted(set(self.models) - set(fixed))
        return list(fixed) + rng(self.accel, what).sample(rest, more)

    async def _view(self, key):
        """What the guest sees, or why there is none."""
        if key not in self._views:
            machine, cpu, smp = key
            args = ['-machine', machine, '-cpu', cpu, '-smp', smp]
            async with self._jobs:
                try:
                    async with Guest(self.qemu, args, self.accel,
                                     self.offers) as guest:
                        view = await guest.view()
                except GuestError as exc:
                    self._views[key] = exc
                    return exc
            # Few of thousands are different: keep one of each.
            same = (tuple(sorted(view.cpuid.items())),
                    tuple(sorted((view.msrs or {}).items())))
            self._views[key] = self._same.setdefault(same, view)
        return self._views[key]

    async def look(self, keys):
        """The views of guests with (machine, cpu, smp), each started once."""
        self._jobs = asyncio.Semaphore((os.cpu_count() or 1) + 1)
        await asyncio.gather(*[self._view(key) for key in set(keys)])
        return [self._views[key] for key in keys]

    def forget(self, keys):
        """Guests that no other test will want to see."""
        for key in keys:
            self._views.pop(key, None)


# Random CPUs

TEXTS = ['', 'x', 'A, B,,C', 'a=b,c=d', ',', 'on', '0', ' both ends ',
         'Intel(R) Xeon(R) CPU, 2.0 GHz @ home', '=' * 47 + ',']
CACHES = {
    'l1d-cache-info': [
        '32768:line=64:ways=8:partitions=1:sets=64:tag-lines=1:share=core:'
        'self-init:no-invd-sharing',
        '48K:line=64:ways=12:sets=64:share=core',
    ],
    'l1i-cache-info': [
        '65536:line=64:ways=4:sets=256:tag-lines=1:share=core:self-init',
        '32K:line=64:ways=8:sets=64:share=core:no-invd-sharing',
    ],
    'l2-cache-info': [
        '1M:line=64:ways=8:sets=2048:tag-lines=1:share=module:inclusive',
        '2M:line=64:ways=16:sets=2048:share=core:self-init',
    ],
    'l3-cache-info': [
        '33554432:line=64:ways=16:sets=32768:share=die:self-init:inclusive:'
        'complex-indexing',
        '8M:line=64:ways=16:partitions=2:sets=4096:share=socket',
    ],
}
FLAGS = [
    'cpuid-0xb', 'fill-mtrr-mask', 'full-cpuid-auto-level',
    'host-phys-bits', 'hv-enforce-cpuid', 'kvm', 'kvm-pv-enforce-cpuid',
    'l3-cache', 'legacy-cache', 'legacy-multi-node', 'lmce', 'pmu',
    'tcg-cpuid', 'vmware-cpuid-freq', 'x-amd-topoext-features-only',
    'x-hv-synic-kvm-only', 'x-intel-pt-auto-level', 'x-l1-cache-per-thread',
    'x-migrate-smi-count', 'x-vendor-cpuid-only', 'xen-vapic',
]
if LINE != '10.0':
    FLAGS += [
        'x-arch-cap-always-on', 'x-consistent-cache', 'x-force-cpuid-0x1f',
        'x-migrate-error-code', 'x-pdcm-on-even-without-pmu',
        'x-vendor-cpuid-only-v2',
    ]
# Each with what it needs to be started with
ENLIGHTENMENTS = {
    'hv-relaxed': [], 'hv-vapic': [], 'hv-time': [], 'hv-crash': [],
    'hv-reset': [], 'hv-vpindex': [], 'hv-runtime': [],
    'hv-frequencies': [], 'hv-synic': ['hv-vpindex'],
    'hv-stimer': ['hv-vpindex', 'hv-synic', 'hv-time'],
    'hv-tlbflush': ['hv-vpindex'], 'hv-ipi': ['hv-vpindex'],
    'hv-xmm-input': [], 'hv-avic': [], 'hv-emsr-bitmap': [],
}
VALUES = {
    'level': [0, 1, 2, 4, 5, 7, 0xb, 0xd, 0x14, 0x1f, 0x20, 0x24],
    'min-level': [0, 1, 2, 5, 7, 0xd, 0x14, 0x1c, 0x1f, 0x24],
    'level-func7': [0, 1, 2],
    'xlevel': [0, 0x80000000, 0x80000001, 0x80000004, 0x80000008,
               0x8000000a, 0x8000001a, 0x8000001f, 0x80000022],
    'min-xlevel': [0, 0x80000004, 0x80000008, 0x8000000a, 0x80000021],
    'xlevel2': [0, 0xc0000000, 0xc0000001, 0xc0000004],
    'min-xlevel2': [0, 0xc0000000, 0xc0000001, 0xc0000002],
    # Fewer are too few for the memory map of newer machine types.
    'phys-bits': [36, 39, 40, 42, 46, 48, 52],
    'guest-phys-bits': [0, 32, 36, 40],
    'host-phys-bits-limit': [0, 36, 40, 48],
    'hv-spinlocks': [0, 0xfff, 0x1fff, 0xffffffff],
    'hv-vendor-id': ['', 'KVM,KVM', 'Microsoft Hv', '0123456789ab'],
    'hv-version-id-build': [0, 1, 14393, 0xffffffff],
    'hv-version-id-major': [0, 6, 0xffff],
    'hv-version-id-minor': [0, 1],
    'hv-version-id-sbranch': [0, 255],
    'hv-version-id-spack': [0, 3],
    'hv-version-id-snumber': [0, 4711],
    'hv-no-nonarch-coresharing': ['on', 'off', 'auto'],
    'x-hv-max-vps': [-1, 1, 64],
    'vendor': ['GenuineIntel', 'AuthenticAMD', 'HygonGenuine',
               'CentaurHauls', '  Shanghai  ', 'A, b=,,c12=4'],
    'model-id': TEXTS,
    'family': [0, 4, 6, 15, 16, 23, 26, 255],
    'model': [0, 1, 15, 16, 106, 255],
    'stepping': [0, 1, 15],
    'ucode-rev': [0, 1, 0x1000065, 0x100000000, 0x123456789abcdef,
                  0x8000000000000000, 0xffffffffffffffff],
    'tsc-frequency': [0, 1000000, 2000000000, 2500000999],
    # Newer lines refuse others.
    'avx10-version': [0, 1, 2] + ([255] if LINE == '10.0' else []),
    'lbr-fmt': [0, 0, 5],
}


def random_properties(choose, lab):
    """Settings of what is not a feature; some depend on others."""
    props = {}
    for _ in range(choose.randint(1, 7)):
        kind = choose.randrange(8)
        if kind < 2:
            props[choose.choice(FLAGS)] = choose.random() < 0.5
        elif kind == 2:
            name = choose.choice(list(lab.enlightenments))
            props.update({name: True for name in
                          [name, *lab.enlightenments[name]]})
        elif kind == 3:
            # A model that has no caches of its own needs all of them.
            names = list(CACHES)
            if choose.random() < 0.2:
                names.remove(choose.choice(names))
            props.update({name: choose.choice(CACHES[name])
                          for name in names})
        else:
            name = choose.choice(list(lab.values))
            props[name] = choose.choice(lab.values[name])
    if 'lbr-fmt' in props:
        props['pmu'] = True
    return props


@functools.cache
def feature_names(accel):
    """The features that can be forced"""
    # If their MSRs are not there, QEMU aborts, as stock QEMU does.
    never = KVM_MSRS | {'arch-capabilities'} if accel == 'kvm' else set()
    return sorted(set(feature_places()) - never)


def version_first(props):
    """
    The same, for -cpu: avx10-version turns features on in newer lines, and
    queries take it as the first.
    """
    return {**{name: value for name, value in props.items()
               if name == 'avx10-version'}, **props}


# Those that QEMU has code for: they exclude others, raise levels, or follow
# from something.  Rules meet where a CPU has many of them.
RULED = [
    'apic', 'apxf', 'arch-lbr', 'avx10', 'avx10-128', 'avx10-256',
    'avx10-512', 'cmp-legacy', 'ht', 'hypervisor', 'intel-pt', 'intel-pt-lip',
    'invtsc', 'la57', 'lm', 'monitor', 'mpx', 'nx', 'pdcm', 'pku', 'sgx',
    'sgx1', 'svm', 'topoext', 'vmx', 'vmx-ept', 'vmx-vpid', 'waitpkg',
    'x2apic', 'xsave', 'xsavec',
]
RULED_FLAGS = [
    'full-cpuid-auto-level', 'x-force-cpuid-0x1f', 'x-intel-pt-auto-level',
    'x-vendor-cpuid-only',
]


def random_rules(choose, lab):
    """Many features and flags that QEMU has code for"""
    names = set(feature_names(lab.accel)) | set(FLAGS)
    return {name: choose.random() < 0.7
            for some, share in ((RULED, 0.4), (RULED_FLAGS, 0.2))
            for name in some
            if name in names and choose.random() < share}


def random_cpu(choose, lab):
    """A model, with some features and other properties set to something."""
    props = {name: choose.random() < 0.5
             for name in choose.sample(feature_names(lab.accel),
                                       choose.randint(0, 12))}
    if choose.random() < 0.1:
        props.update(random_rules(choose, lab))
    props.update(random_properties(choose, lab))
    return choose.choice(lab.models), version_first(props)


class Reported:
    """How tests of one accelerator say what is wrong."""
    accel = ''

    def fail_if(self, problems):
        """Fails with the first of them, a list of texts, if there are any."""
        if problems:
            self.fail('\n'.join([f'{len(problems)} problems']
                                + problems[:SHOWN]))

    def shortDescription(self):
        """The test, and how to repeat it"""
        return (f'{self.accel}: {self._testMethodDoc.strip()} '
                f'(CHECK_SEED={SEED})')


class LabChecks(Reported):
    """What tests of one accelerator have in common."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(cls.accel)
