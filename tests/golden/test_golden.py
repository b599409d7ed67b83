# SPDX-License-Identifier: GPL-2.0-or-later
"""
Released answers never change: QEMU's CPU models against the golden data.

Answers: is every CPU model on every machine type what it was when it was
released, under TCG and under KVM?  Is the golden data true, judged by what
guests read from CPUID, and is there nothing of the host in it?  And does
x86-cpu-golden find and explain each kind of difference?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... LINE=... \\
        PYTHONPATH=<qemu>/python:scripts python3 -m unittest test_golden

Under KVM, all that a host of this host's vendor would get is checked, and a
sample for the others; CHECK_FULL=1 checks all of it, and more guests.
CHECK_SEED repeats a run.  "make golden" renews the data.  CPU_TABLES is
where the tables of a site's models are, if QEMU was built with such.
"""

import asyncio
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest')]

import x86_cpu_golden as golden_data  # noqa: E402
from x86_cpu_golden import ACCELERATORS, BASE, HOST, Golden  # noqa: E402
from bad_input import (  # noqa: E402
    NO_JSON, TEXTS, VALUES, all_replaced, check_command_line, check_refused,
    run_main,
)
from cpu_models import (  # noqa: E402
    FORCE, FULL, NEWEST, OLDEST, SHOWN, SITE_MODELS, SITE_TABLES, LabChecks,
    count, cpu_option, differences, expansion, rng, show_differences,
)
from guest_cpuid import GuestError  # noqa: E402
from made_hosts import host_vendor  # noqa: E402
from schemas import check_json  # noqa: E402
from script_module import load_script  # noqa: E402
from test_offered_features import BIT, shim, spec  # noqa: E402
from test_removed_features import NeedsKvm  # noqa: E402

SCRIPT = os.path.join(REPO, 'scripts', 'x86-cpu-golden')
FAKE = os.path.join(HERE, 'fake_qemu.py')
QEMU = os.environ['QTEST_QEMU_BINARY']
LINE = os.environ['LINE']
DATA = os.path.join(HERE, LINE)

# Of machine types at either end, and around the last change of what is left
# to the host
TYPES = [OLDEST, 'pc-q35-9.0', 'pc-i440fx-9.1', NEWEST]

# Hosts that are not here, as KVM describes them: an old one of Intel, with
# hardly any features, and one of AMD that has all features that there will
# ever be.  Guests have 46 and 48 bits of physical addresses of their own.
EVERYTHING = 0xffffffff
OTHER_HOSTS = {
    'kvm-intel': {
        'cpuid 0 0 eax is': 0xa,
        'cpuid 0 0 ebx is': 0x756e6547,     # GenuineIntel
        'cpuid 0 0 edx is': 0x49656e69,
        'cpuid 0 0 ecx is': 0x6c65746e,
        'cpuid 1 0 ecx is': BIT[0] | BIT[31],
        'cpuid 7 0 ebx is': 0,
        'cpuid 7 0 ecx is': 0,
        'cpuid 7 0 edx is': 0,
        'cpuid 0xd 0 eax is': 0x3,
        'cpuid 0xd 1 eax is': 0,
        'cpuid 0x80000008 0 eax is': 0x002e2e27,
        'cpuid 0x40000001 0 eax is': 0,
        'msr 0x10a absent': None,
        'msr 0x345 absent': None,
        'msr 0x8b is': BIT[32],
    },
    'kvm-amd': {
        'cpuid 0 0 eax is': 0x20,
        'cpuid 0 0 ebx is': 0x68747541,     # AuthenticAMD
        'cpuid 0 0 edx is': 0x69746e65,
        'cpuid 0 0 ecx is': 0x444d4163,
        'cpuid 1 0 ecx is': EVERYTHING,
        'cpuid 1 0 edx is': EVERYTHING,
        'cpuid 7 0 ebx is': EVERYTHING,
        'cpuid 7 0 ecx is': EVERYTHING,
        'cpuid 7 0 edx is': EVERYTHING,
        'cpuid 0xd 1 eax is': EVERYTHING,
        'cpuid 0x80000001 0 ecx is': EVERYTHING,
        'cpuid 0x80000008 0 eax is': 0x00303034,
        'cpuid 0x8000000a 0 edx is': EVERYTHING,
        'cpuid 0x80000021 0 eax is': EVERYTHING,
        'cpuid 0x40000001 0 eax is': EVERYTHING,
        'msr 0x10a is': (1 << 64) - 1,
        'msr 0x8b is': 0x0a201016,
    },
}


script = load_script('x86-cpu-golden')


def released(name):
    return golden_data.read(DATA, name, LINE)


def part(golden, types, models=None):
    """Returns the Golden of some machine types and models."""
    return Golden(types, {
        model: {machine: golden.answers[model][machine] for machine in types}
        for model in models or golden.answers})


def text_of(golden, name):
    return golden_data.text_of(golden_data.encode(golden, name, LINE))


def host_class():
    """The accelerator of hosts such as this one, or None"""
    vendor = host_vendor()
    for name, accelerator in ACCELERATORS.items():
        if vendor and accelerator.vendor == vendor:
            return name
    return None


class Data(unittest.TestCase):
    """The files"""

    def text(self, name):
        with open(golden_data.path_of(DATA, name), encoding='utf-8') as f:
            return f.read()

    def test_every_accelerator_has_a_file(self):
        self.assertEqual(sorted(os.listdir(DATA)),
                         sorted(f'{name}.json' for name in ACCELERATORS))

    def test_round_trip(self):
        """A file decodes and encodes to itself, byte for byte"""
        for name in ACCELERATORS:
            golden = released(name)
            # What differs would be long, and takes minutes to work out.
            self.assertTrue(text_of(golden, name) == self.text(name), name)
            again = golden_data.decode(golden_data.encode(
                golden, name, LINE))
            self.assertTrue(again.answers == golden.answers, name)
            self.assertEqual(again.types, golden.types)

    def test_they_are_small(self):
        size = sum(len(self.text(name)) for name in ACCELERATORS)
        self.assertLess(size, 1_500_000)
        for name in ACCELERATORS:
            # So that a diff explains itself
            self.assertLess(max(map(len, self.text(name).splitlines())), 200)

    def test_nothing_of_the_build(self):
        """No version of QEMU but the line, no path, kernel or date"""
        version = script.ask_all(QEMU, ['-machine', 'none'],
                                 [('query-version', {})])
        version = json.loads(next(version))['return']['qemu']
        words = [re.escape(word) for word in (
            '{major}.{minor}.{micro}'.format(**version),
            platform.release())] + [r'(?<!\w)/\w', r'\b20\d\d-\d\d']
        for name in ACCELERATORS:
            for word in words:
                self.assertIsNone(re.search(word, self.text(name)), word)

    def test_other_vendors_need_no_file(self):
        """The models differ in vendor and microcode revision only"""
        intel, amd = released('kvm-intel'), released('kvm-amd')
        found = {change.prop
                 for change in golden_data.compare(intel, amd).changes}
        self.assertEqual(found, {'vendor', 'ucode-rev'})

    def test_ranges(self):
        """Machine types as ranges, and back"""
        types = released('tcg').types
        choose = rng('ranges')
        for _ in range(300):
            some = sorted(choose.sample(types, choose.randint(1, len(types))),
                          key=golden_data.type_key)
            text = golden_data.ranges(some, types)
            self.assertEqual(golden_data.parse_ranges(text, types), some)
        self.assertEqual(golden_data.ranges([], types), '')
        a, b, c = [name.rpartition('-')[2] for name in types[:3]]
        self.assertEqual(
            golden_data.ranges(types[:3] + [NEWEST], types),
            f'pc-i440fx-{a} to {c}, {NEWEST}')
        for text, short in [
                ('pc-i440fx-2.4 to 2.6, pc-q35-10.0',) * 2,
                ('pc-i440fx-2.4 to 2.6, pc-q35-2.4 to 2.6',
                 'pc-*-2.4 to 2.6'),
                ('pc-i440fx-2.4, pc-i440fx-2.6, pc-q35-2.4, pc-q35-2.6',
                 'pc-*-2.4, pc-*-2.6'),
                ('pc-q35-2.4', 'pc-q35-2.4'), ('all', 'all'), ('', '')]:
            self.assertEqual(golden_data.ranges_for_people(text), short)
        for bad in ('', 'all', f'pc-q35-{c} to {a}', 'pc-q35-1.0',
                    f'pc-q35-{a} to', f'pc-q35-{a} to {b} to {c}',
                    f'pc-q35-{a},pc-q35-{b}',
                    f'pc-i440fx-{a} to pc-q35-{a}'):
            with self.assertRaises(ValueError, msg=bad):
                golden_data.parse_ranges(bad, types)


class Checks(LabChecks):
    """The tests, for one accelerator."""

    def names(self):
        """The files that are about this accelerator"""
        return [name for name, accelerator in ACCELERATORS.items()
                if accelerator.accel == self.accel]

    def assert_same_bytes(self, a, b, name):
        self.assertTrue(text_of(a, name) == text_of(b, name), name)

    def fail_if_differs(self, was, now):
        comparisons = {name: golden_data.compare(was[name], now[name])
                       for name in was}
        if any(comparisons.values()):
            self.fail('\n' + script.explain(comparisons, {
                name: len(golden.answers) for name, golden in was.items()}))

    def test_as_released(self):
        """Every CPU model on every machine type is what it was released as"""
        whole = [name for name in self.names() if FULL or
                 not ACCELERATORS[name].vendor or name == host_class()]
        everything = script.generate(QEMU, whole)
        self.site_as_released(everything)
        now = {name: script.split(golden, SITE_MODELS)[0]
               for name, golden in everything.items()}
        self.fail_if_differs({name: released(name) for name in whole}, now)
        for name in whole:
            self.assertEqual(set(now[name].answers),
                             {*self.lab.models, BASE})
            self.assertEqual(set(now[name].types), set(self.lab.machines))
            self.assert_same_bytes(now[name], released(name), name)
        choose = rng(self.accel, 'golden sample')
        for name in self.names():
            if name not in whole:
                types = {OLDEST, NEWEST, *choose.sample(self.lab.machines, 2)}
                was = released(name)
                self.fail_if_differs(
                    {name: part(was, list(types))},
                    script.generate(QEMU, [name], types,
                                    leave_out=SITE_MODELS))

    def site_as_released(self, now):
        """A site's own models are what its own golden data says, if any"""
        kept = {name: golden_data.read_site(SITE_TABLES, name, LINE)
                for name in now if SITE_TABLES}
        self.fail_if_differs(
            {name: golden for name, golden in kept.items() if golden},
            {name: script.split(golden, SITE_MODELS)[1]
             for name, golden in now.items()})

    def own_name(self):
        return self.names()[0]

    def test_guests(self):
        """Guests see what the golden data says"""
        name = self.own_name()
        golden = released(name)
        choose = rng(self.accel, 'golden guests')
        pairs = [(choose.choice(self.lab.models), choose.choice(golden.types))
                 for _ in range(count(16, 600))]
        originals = [(machine, cpu_option(
            model, {**FORCE, **self.lab.extra}), '1')
            for model, machine in pairs]
        copies = []
        for model, machine in pairs:
            props = dict(golden.answers[model][machine])
            if props['guest-phys-bits'] == HOST:
                # QEMU leaves it at 0, because phys-bits was not set; here it
                # is, to the default.
                self.assertNotEqual(props.get('phys-bits'), HOST)
                props['guest-phys-bits'] = 0
            copies.append((golden.newest, cpu_option(
                BASE, {**props, **FORCE, **self.lab.extra}), '1'))
        views = asyncio.run(self.lab.look(originals + copies))
        problems = []
        for (model, machine), a, b in zip(pairs, views, views[len(pairs):]):
            where = f'{model} on {machine}'
            refused = [x for x in (a, b) if isinstance(x, GuestError)]
            if refused:
                problems.append(f'{where}: {refused[0]}')
            elif found := differences(a, b):
                problems.append(f'{where}: {show_differences(found)}')
        self.assertFalse(problems, '\n'.join(problems[:SHOWN]))


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""

    def own_name(self):
        if not host_class():
            self.skipTest('a host of a vendor that there is no data for')
        return host_class()

    def expand(self, pairs, props=None):
        replies = self.lab.ask([
            expansion('static', model, props if model != BASE else None,
                      machine) for model, machine in pairs])
        return [reply['return']['model']['props'] for reply in replies]

    def pairs(self):
        return [(model, machine) for machine in (OLDEST, NEWEST)
                for model in [*self.lab.models, BASE]]

    def test_this_host(self):
        """A vendor as a property is as good as a host of this vendor"""
        golden = released(self.own_name())
        for (model, machine), props in zip(self.pairs(),
                                           self.expand(self.pairs())):
            wanted = golden.answers[model][machine]
            self.assertEqual(
                {prop: (props.get(prop), value)
                 for prop, value in wanted.items()
                 if props.get(prop) != value and value != HOST}, {},
                f'{model} on {machine}')
            self.assertEqual(set(props), set(wanted))

    def test_other_vendors(self):
        """Hosts of Hygon and Zhaoxin differ from Intel's in the vendor"""
        intel = self.expand(self.pairs(), {'vendor': 'GenuineIntel'})
        for vendor in ('HygonGenuine', '  Shanghai  ', 'CentaurHauls'):
            theirs = self.expand(self.pairs(), {'vendor': vendor})
            for pair, a, b in zip(self.pairs(), intel, theirs):
                if pair[0] != BASE:
                    self.assertEqual({**a, 'vendor': vendor}, b, pair)

    def test_other_hosts(self):
        """There is nothing of the host in it"""
        unavailable = {}
        for name, offers in OTHER_HOSTS.items():
            was = released(name)
            types = was.types if FULL else TYPES
            env = {'LD_PRELOAD': shim(), 'KVM_CPUID_SHIM_OFFERS': spec(offers)}
            with mock.patch.dict(os.environ, env):
                now = script.generate(QEMU, [name], types,
                                      leave_out=SITE_MODELS)[name]
                models = self.lab.ask([('query-cpu-definitions', {})])
                # Without phys-bits, QEMU leaves guest-phys-bits at 0.
                raw = self.expand([('EPYC', NEWEST)], {'phys-bits': 52})[0]
            unavailable[name] = [model['unavailable-features']
                                 for model in models[0]['return']]
            # The other host was there, and would have been seen.
            self.assertEqual(raw['guest-phys-bits'], min(
                raw['phys-bits'],
                offers['cpuid 0x80000008 0 eax is'] >> 16))
            self.assertEqual(now.answers['EPYC'][NEWEST]['guest-phys-bits'],
                             HOST)
            self.fail_if_differs({name: part(was, types)}, {name: now})
            self.assert_same_bytes(now, part(was, types), name)
        self.assertNotEqual(*unavailable.values())


# A QEMU that fits in one's head
MODELS = ['base', 'EPYC', 'EPYC-v1', 'Skylake-Client', 'Skylake-Client-v1',
          'qemu64']
# The oldest and the newest version, and two between which a model has changed
V1, V2, V3, V4 = {'10.0': ('2.4', '3.1', '4.0', '10.0'),
                  '11.1': ('5.2', '6.0', '6.1', '11.1')}[LINE]
FEW_TYPES = [f'pc-{kind}-{version}' for kind in ('i440fx', 'q35')
             for version in (V1, V2, V3, V4)]
# What has changed between V2 and V3: model, property, value up to V2, this
# value and the newer one as shown
CHANGED, PROP, OLD_VALUE, OLD_SHOWN, NEW_SHOWN = {
    '10.0': ('Skylake-Client', 'mpx', True, 'on', 'off'),
    '11.1': ('qemu64', 'stepping', 3, '3', '1')}[LINE]
# What machine types set, the newest where it is off, and the next one
SET, OFF, ON = {'10.0': ('l3-cache', V1, V2),
                '11.1': ('x-vendor-cpuid-only', V2, V3)}[LINE]
HEADER = ['ACCELERATOR', 'MODEL', 'FEATURE', 'WAS', 'NOW', 'MACHINE TYPES']
# A member that is taken out
GONE = object()
LAST = ('Released answers never change. If this is intended, make golden '
        'renews the data.')


class Edit:
    """Changes a file's data."""

    def __init__(self, path):
        self._path = path
        self._data = None

    def __enter__(self):
        with open(self._path, encoding='utf-8') as f:
            self._data = json.load(f)
        return self._data

    def __exit__(self, *_exc):
        with open(self._path, 'w', encoding='utf-8') as f:
            json.dump(self._data, f)


class Faked(unittest.TestCase):
    """Base of tests with a QEMU that isn't one"""

    @classmethod
    def setUpClass(cls):
        cls.small = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.small)
        for name in ACCELERATORS:
            golden_data.write(cls.small, name, LINE, part(
                released(name), FEW_TYPES, MODELS))

    def setUp(self):
        self.tmp = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tmp)
        self.qemu_dir = os.path.join(self.tmp, 'qemu')
        self.dir = os.path.join(self.tmp, 'golden')
        for directory in (self.qemu_dir, self.dir):
            shutil.copytree(self.small, directory)

    def run_script(self, *args, command=(SCRIPT,), qemu=FAKE,
                   stdout=subprocess.PIPE, **env):
        return subprocess.run(
            [*command, *args, '--qemu', qemu, '--line', LINE, '--dir',
             self.dir], stdout=stdout, stderr=subprocess.PIPE,
            text=True, timeout=120, check=False,
            env={**os.environ, 'FAKE_QEMU_DATA': self.qemu_dir, **env})

    def assert_done(self, done, status=0, stderr=''):
        """The script did what it should, and nothing went wrong."""
        self.assertEqual((done.returncode, done.stderr), (status, stderr),
                         done.stdout)

    def edit(self, name='tcg', directory=None):
        """A context manager that yields a file's data, to be changed."""
        return Edit(golden_data.path_of(directory or self.dir, name))


class Checker(Faked):
    """x86-cpu-golden, with a QEMU that is not what was released"""

    def check(self, *args, **env):
        return self.run_script('check', '--accel', 'tcg', *args, **env)

    def rows(self, text):
        """The cells of a table, without what wraps"""
        return [re.split(r'\s{2,}', line.strip())
                for line in text.splitlines()]

    def assert_explained(self, *rows):
        done = self.check()
        self.assert_done(done, 1)
        header, *found = self.rows(done.stdout)
        self.assertEqual(found[-2:], [[''], [LAST]])
        self.assertEqual(header, HEADER)
        self.assertEqual(found[:-2], [['tcg', *row] for row in rows])
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 100)

    def test_same(self):
        done = self.run_script('check')
        if not script.kvm_opens():
            self.assertEqual(done.stderr, '')
            self.assertEqual(done.stdout, ''.join(
                f'{name}: 6 models on 8 machine types: as released\n'
                for name in ACCELERATORS))
        self.assertEqual(done.returncode, 0)

    def test_changed(self):
        """
        The table of what differs, where data was changed: of what was
        released, or of what QEMU says now
        """
        released_dir, now = self.dir, self.qemu_dir
        for directory, changes, *rows in [
                # A feature, on one machine type, everywhere, and on several
                (released_dir, {f'{CHANGED}.on.{PROP}': {
                    f'pc-i440fx-{V1} to {V2}, pc-q35-{V1}': OLD_VALUE}},
                 [CHANGED, PROP, NEW_SHOWN, OLD_SHOWN, f'pc-q35-{V2}']),
                (released_dir, {'qemu64.props.avx2': True},
                 ['qemu64', 'avx2', 'on', 'off', 'all']),
                (released_dir, {f'{CHANGED}.on.{PROP}': GONE},
                 [CHANGED, PROP, NEW_SHOWN, OLD_SHOWN,
                  f'pc-*-{V1} to {V2}']),
                # A model
                (now, {'qemu64': GONE},
                 ['qemu64', '(model)', 'there', 'gone', 'all']),
                (released_dir, {'qemu64': GONE},
                 ['qemu64', '(model)', '-', 'new', 'all']),
                # In a model, and in all that are like it
                (released_dir, {'EPYC-v1.props.min-level': 14},
                 ['EPYC, EPYC-v1', 'min-level', '14', '13', 'all']),
                # A property
                (released_dir, {'base.props.no-more': 'x',
                                'base.props.xtpr': GONE},
                 ['all 6', 'no-more', 'x', '-', 'all'],
                 ['all 6', 'xtpr', '-', 'off', 'all']),
                # 0 is not off.
                (released_dir, {'base.props.level-func7': False},
                 ['all 6', 'level-func7', 'off', '0', 'all']),
                # A property of machine types
                (now, {f'base.on.{SET}': {
                    f'pc-i440fx-{V1} to {OFF}, '
                    f'pc-q35-{V1} to {ON}': False}},
                 ['all 6', SET, 'on', 'off', f'pc-q35-{ON}'])]:
            with self.edit(directory=directory) as data:
                for name, value in changes.items():
                    *parents, last = name.split('.')
                    member = data['models']
                    for parent in parents:
                        member = member[parent]
                    if value is GONE:
                        del member[last]
                    else:
                        member[last] = value
            with self.subTest(changes):
                self.assert_explained(*rows)
            for name in self.dir, self.qemu_dir:
                shutil.copytree(self.small, name, dirs_exist_ok=True)

    def test_machine_types(self):
        for directory, types, row in [
                (self.qemu_dir, FEW_TYPES[1:],
                 ['there', 'gone', OLDEST]),
                (self.dir, FEW_TYPES[:4] + FEW_TYPES[6:],
                 ['-', 'new', f'pc-q35-{V1} to {V2}'])]:
            with self.subTest(row):
                golden_data.write(directory, 'tcg', LINE, part(
                    released('tcg'), types, MODELS))
                self.assert_explained(['-', '(machine types)', *row])
                shutil.copytree(self.small, directory, dirs_exist_ok=True)

    def test_json(self):
        with self.edit() as data:
            data['models']['qemu64']['props']['avx2'] = True
        with self.edit('tcg', self.qemu_dir) as data:
            data['models']['EPYC']['props']['new'] = 7
        done = self.check('--json')
        self.assertEqual(done.returncode, 1)
        self.assertEqual(check_json(self, 'x86-cpu-golden', done.stdout), {
            'format-version': 1, 'line': LINE, 'same': False,
            'not-checked': {}, 'accelerators': {'tcg': {
                'models-gone': [], 'models-new': [],
                'machine-types-gone': '', 'machine-types-new': '',
                'changes': [
                    {'models': ['EPYC'], 'feature': 'new', 'was': None,
                     'now': 7, 'machine-types': 'all'},
                    {'models': ['qemu64'], 'feature': 'avx2', 'was': True,
                     'now': False, 'machine-types': 'all'}]}}})
        shutil.copytree(self.qemu_dir, self.dir, dirs_exist_ok=True)
        done = self.check('--json')
        self.assertTrue(json.loads(done.stdout)['same'])
        self.assertEqual(done.returncode, 0)

    @unittest.skipIf(script.kvm_opens(), '/dev/kvm does not open')
    def test_host(self):
        """What the host says of itself is no difference"""
        for bits in ('0', '40', '48'):
            done = self.run_script('check', '--accel', 'kvm-amd', '--accel',
                                   'kvm-intel', FAKE_QEMU_HOST=bits)
            self.assert_done(done)
        # Unless the machine type, or a model, did not leave it to the host.
        for model in ('base', 'EPYC'):
            for name in ('kvm-intel', 'kvm-amd'):
                with self.edit(name, self.qemu_dir) as data:
                    data['models'][model]['props']['guest-phys-bits'] = 40
            done = self.run_script('check', '--accel', 'kvm-amd')
            self.assertRegex(done.stdout, r'kvm-amd +(EPYC|all 6) +'
                                          r'guest-phys-bits +host +40 ')
            shutil.copytree(self.dir, self.qemu_dir, dirs_exist_ok=True)
        # A model that has the width of addresses from the host
        for directory in (self.qemu_dir, self.dir):
            with self.edit('kvm-amd', directory) as data:
                data['models']['EPYC']['props']['phys-bits'] = HOST
        done = self.run_script('check', '--accel', 'kvm-amd',
                               FAKE_QEMU_HOST='44')
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_no_kvm(self):
        """Without KVM the rest is checked, and that is said"""
        self.assertEqual(script.can_be_asked([*ACCELERATORS]),
                         ([*ACCELERATORS], {}) if not script.kvm_opens()
                         else mock.ANY)
        with mock.patch.object(script, 'kvm_opens', lambda: 'No such file'):
            why = 'cannot open /dev/kvm: No such file'
            self.assertEqual(
                script.can_be_asked([*ACCELERATORS]),
                (['tcg'], {'kvm-intel': why, 'kvm-amd': why}))

    def test_write(self):
        """What was wrong is told and put right"""
        with self.edit() as data:
            data['models']['qemu64']['props']['avx2'] = True
            del data['models']['EPYC']
        os.unlink(golden_data.path_of(self.dir, 'kvm-amd'))
        accelerators = ['tcg'] if script.kvm_opens() else [*ACCELERATORS]
        done = self.run_script('write', *[f'--accel={name}'
                                          for name in accelerators])
        self.assert_done(done)
        rows = self.rows(done.stdout)
        self.assertIn(['tcg: 6 models on 8 machine types: written anew, see '
                       'below'], rows)
        if len(accelerators) > 1:
            self.assertIn(['kvm-intel: 6 models on 8 machine types: as they '
                           'were'], rows)
            self.assertIn(['kvm-amd: 6 models on 8 machine types: written'],
                          rows)
        self.assertIn(['tcg', 'EPYC', '(model)', '-', 'new', 'all'], rows)
        self.assertIn(['tcg', 'qemu64', 'avx2', 'on', 'off', 'all'], rows)
        for name in accelerators:
            with open(golden_data.path_of(self.dir, name), 'rb') as a, open(
                    golden_data.path_of(self.qemu_dir, name), 'rb') as b:
                self.assertEqual(a.read(), b.read())
        self.assertEqual(self.check().returncode, 0)

    def test_write_over_something_broken(self):
        path = golden_data.path_of(self.dir, 'tcg')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('{')
        done = self.run_script('write', '--accel', 'tcg')
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, f'^note: {path} is not JSON: .*\n$')
        self.assertEqual(self.check().returncode, 0)

    def test_reader_goes_away(self):
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, 'wb') as pipe:
            done = self.run_script('check', '--accel', 'tcg', stdout=pipe)
        self.assert_done(done, -signal.SIGPIPE)

    def test_stdout_is_closed(self):
        done = self.run_script('check', '--accel', 'tcg',
                               command=['sh', '-c', '"$0" "$@" >&-', SCRIPT])
        self.assert_done(done, 1, 'error: cannot write the output: stdout '
                                  'is closed\n')


class SiteModels(Faked):
    """A QEMU that has CPU models of a site as well, from tables"""

    TABLE = '''\
# cpu Commented_out
cpu Acme_x
    reason    A test, on purpose not the cpu Another_one
    based-on  EPYC-v1
  version 1
    alias     Acme_2019
'''
    NAMES = ['Acme_2019', 'Acme_x', 'Acme_x-v1']

    def setUp(self):
        super().setUp()
        self.tables = os.path.join(self.tmp, 'tables')
        os.mkdir(self.tables)
        with open(os.path.join(self.tables, 'a.tbl'), 'w',
                  encoding='utf-8') as f:
            f.write(self.TABLE)
        for name in ACCELERATORS:
            # One of ours has such a name, too.
            for directory in (self.dir, self.qemu_dir):
                with self.edit(name, directory) as data:
                    data['models']['EPYC_noerms'] = {
                        'like': 'EPYC-v1', 'props': {'erms': False}}
            self.renew(self.dir, name)
            with self.edit(name, self.qemu_dir) as data:
                for model in self.NAMES:
                    data['models'][model] = {'like': 'EPYC-v1', 'props': {
                        'model-id': 'Acme'}, 'on': {
                            'avx2': {f'pc-q35-{V1} to {V2}': False}}}
        self.site = golden_data.site_dir(self.tables, LINE)
        self.accel = [f'--accel={name}' for name in self.names()]

    @staticmethod
    def names():
        return ['tcg'] if script.kvm_opens() else [*ACCELERATORS]

    @staticmethod
    def renew(directory, name):
        """Writes a file as the script writes it."""
        golden_data.write(directory, name, LINE, golden_data.read(
            directory, name, LINE))

    def run_site(self, verb, *args):
        return self.run_script(verb, *self.accel, '--cpu-tables',
                               self.tables, *args)

    def files(self, directory):
        found = {}
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), 'rb') as f:
                found[name] = f.read()
        return found

    def test_names_of_a_table(self):
        self.assertEqual(sorted(golden_data.site_models(self.tables)),
                         self.NAMES)
        names = golden_data.site_models(os.path.join(REPO, 'tests', 'tables'))
        self.assertLessEqual({'Acme_life', 'Acme_life-v3', 'Acme_2024',
                              'Acme_client-v1'}, names)
        self.assertEqual({name[:5] for name in names}, {'Acme_'})

    def test_left_out(self):
        done = self.run_site('check')
        self.assertEqual(done.stdout, ''.join(
            f'{name}: 7 models on 8 machine types: as released\n'
            for name in self.names()))
        self.assertEqual(done.stderr, (
            f'note: the CPU models of {self.tables} have no golden data of '
            f'QEMU {LINE}; make golden writes it\n'))
        self.assertEqual(done.returncode, 0)
        # Only where it is known whose they are
        done = self.run_script('check', *self.accel)
        self.assertRegex(done.stdout, r'Acme_x-v1 +\(model\) +- +new +all')
        self.assertEqual(done.returncode, 1)

    def test_write(self):
        """The line's data stays as it is, the site's is beside its tables"""
        before = self.files(self.dir)
        done = self.run_site('write')
        self.assert_done(done)
        self.assertEqual(done.stdout, ''.join(
            f'{name}: 7 models on 8 machine types: as they were\n'
            for name in self.names()) + ''.join(
            f'{name}: 3 models of {self.tables} on 8 machine types: written\n'
            for name in self.names()))
        self.assertEqual(self.files(self.dir), before)
        written = self.files(self.site)
        self.assertEqual(sorted(written),
                         sorted(f'{name}.json' for name in self.names()))
        for name in self.names():
            whole = golden_data.read(self.site, name, LINE)
            self.assertEqual(whole.models(), [*self.NAMES, BASE])
            there = golden_data.read(self.qemu_dir, name, LINE)
            for model in whole.answers:
                self.assertEqual(whole.answers[model], there.answers[model])
            self.assertEqual(golden_data.read_site(
                self.tables, name, LINE).models(), self.NAMES)
        done = self.run_site('write')
        self.assertNotIn('written', done.stdout)
        self.assertEqual(self.files(self.site), written)
        done = self.run_site('check')
        self.assert_done(done)
        self.assertIn(f'tcg: 3 models of {self.tables} on 8 machine types: '
                      'as released\n', done.stdout)

    def test_changed(self):
        """Both kinds of models are compared, each with its own data"""
        self.run_site('write')
        with self.edit('tcg', self.qemu_dir) as data:
            data['models']['Acme_x']['props']['avx'] = False
            data['models']['qemu64']['props']['avx2'] = True
            del data['models']['Acme_2019']
        self.accel = ['--accel=tcg']
        done = self.run_site('check')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r'tcg +qemu64 +avx2 +off +on +all\n')
        self.assertRegex(done.stdout, r'tcg +Acme_x +avx +on +off +all\n')
        self.assertRegex(done.stdout,
                         r'tcg +Acme_2019 +\(model\) +there +gone +all\n')
        self.assertEqual(done.stdout.splitlines()[-1], LAST)
        done = self.run_site('check', '--json')
        tcg = check_json(self, 'x86-cpu-golden', done.stdout)[
            'accelerators']['tcg']
        self.assertEqual([change['models'] for change in tcg['changes']],
                         [['Acme_x'], ['qemu64']])
        self.assertEqual(tcg['models-gone'], ['Acme_2019'])
        done = self.run_site('write')
        self.assert_done(done)
        self.assertRegex(done.stdout, r'tcg +Acme_x +avx +on +off +all\n')
        self.assertEqual(self.run_site('check').returncode, 0)

    def test_broken(self):
        self.run_site('write')
        path = golden_data.path_of(self.site, 'tcg')
        with open(path, 'w', encoding='utf-8') as f:
            f.write('{')
        done = self.run_site('check')
        self.assertRegex(done.stderr, f'^error: {path} is not JSON: .*\n$')
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        done = self.run_site('write')
        self.assertRegex(done.stderr, f'^note: {path} is not JSON: .*\n$')
        self.assertEqual(self.run_site('check').returncode, 0)

    def test_no_tables(self):
        os.unlink(os.path.join(self.tables, 'a.tbl'))
        for message in (f'{self.tables} has no *.tbl in it',
                        f'cannot read {self.tables}: No such file or '
                        'directory'):
            for verb in ('check', 'write'):
                done = self.run_site(verb)
                self.assertEqual(
                    (done.returncode, done.stdout, done.stderr),
                    (2, '', f'error: {message}\n'))
            shutil.rmtree(self.tables, ignore_errors=True)

    def test_only_machine_types(self):
        """Tables without a model have no data"""
        with open(os.path.join(self.tables, 'a.tbl'), 'w',
                  encoding='utf-8') as f:
            f.write('machine pc-q35-acme is pc-q35-8.2\n')
        with self.edit('tcg', self.qemu_dir) as data:
            for model in self.NAMES:
                del data['models'][model]
        self.accel = ['--accel=tcg']
        for verb in ('write', 'check'):
            done = self.run_site(verb)
            self.assert_done(done)
        self.assertFalse(os.path.exists(self.site))


class Errors(Faked):
    """One line that says what is wrong"""

    def setUp(self):
        super().setUp()
        self.path = golden_data.path_of(self.dir, 'tcg')
        self.args = ['check', '--accel', 'tcg', '--qemu', FAKE, '--line',
                     LINE, '--dir', self.dir]

    def write(self, data):
        """Writes bytes, or JSON, over the golden data."""
        with open(self.path, 'wb') as f:
            f.write(data if isinstance(data, bytes) else
                    json.dumps(data).encode())

    def assert_error(self, message, *args, **kwargs):
        done = self.run_script(*(args or ('check', '--accel', 'tcg')),
                               **kwargs)
        self.assertEqual(done.stdout, '')
        self.assertRegex(done.stderr, f'^error: {message}\n$')
        self.assertEqual(done.returncode, 2)

    def test_broken_file(self):
        with open(self.path, encoding='utf-8') as f:
            text = f.read()
        for broken, message in [
                (text[:len(text) // 2], 'is not JSON: .*line [0-9]+ .*'),
                ('', 'is not JSON: Expecting value.*'),
                ('[]', 'is of version null; this reads version 1'),
                ('{}', 'is of version null; this reads version 1'),
                (text.replace('"version": 1', '"version": 2'),
                 'is of version 2; this reads version 1'),
                (text.replace(f'"line": "{LINE}"', '"line": "9.9"'),
                 f'is about tcg of QEMU 9.9, not tcg of QEMU {LINE}'),
                (text.replace('"models"', '"model"'),
                 "is not golden data: it has no member 'models'"),
                (text.replace('"like": "base"', '"like": "no-such"'),
                 "is not golden data: models has no member 'no-such', which "
                 "another one is 'like'"),
                (text.replace('"like": "EPYC-v1"', '"like": "EPYC"'),
                 'is not golden data: models.EPYC.*.like: it is like itself in '
                 'the end'),
                (text.replace(f'"pc-q35-{V2}",', ''),
                 r"is not golden data: models.[\w-]+.on.[\w-]+: '.*' are no "
                 'machine types'),
                (text.replace(f'"pc-q35-{V2}",', '"pc-q35-1.0",'),
                 'is not golden data: the machine types are not in order'),
                (text.replace(f'"newest": "{NEWEST}"',
                              f'"newest": "pc-q35-{V2}"'),
                 'is not golden data: the machine types are not in order'),
                (text.replace('"AuthenticAMD"', r'"\ud800"'),
                 'is not JSON: it has half of a surrogate pair'),
                ('\xff', 'is not JSON: .*')]:
            self.assertNotEqual(text, broken)
            self.write(broken.encode('latin-1'))
            self.assert_error(f'{self.path} {message}')

    def test_no_json(self):
        for what, data in NO_JSON.items():
            with self.subTest(what):
                self.write(data)
                check_refused(self, run_main(script, *self.args))

    def test_any_member(self):
        """Left out, or of another type: refused, or what it says is used"""
        base = {'props': {'avx': True, 'level': 13, 'vendor': 'x'}}
        data = {'version': 1, 'line': LINE, 'accelerator': 'tcg',
                'machine-types': ['pc-i440fx-10.0', 'pc-q35-9.0',
                                  'pc-q35-10.0'],
                'newest': 'pc-q35-10.0', 'models': {
                    'base': base, 'EPYC-v1': {'like': 'base', **base},
                    'EPYC': {'like': 'EPYC-v1', 'props': {}, 'on': {
                        'avx': {'pc-q35-9.0 to 10.0': False}}}}}
        self.write(data)
        self.assertEqual(golden_data.read(self.dir, 'tcg', LINE).models(),
                         ['EPYC', 'EPYC-v1', 'base'])
        more = [(f'types {value!r:.20}', {**data, 'machine-types': [value]})
                for value in [*VALUES, *TEXTS.values(), 'pc-q35-\u0661',
                              'pc-q35-10.0\n', 'pc-q35-' + '9' * 5000]]
        more += [(f'ranges {text:.20}', {**data, 'models': {
            'base': {**base, 'on': {'avx': {text: True}}}}})
            for text in [*TEXTS.values(), 'pc-q35-9.0 to', ' to ', 'all']]
        more.append(('no types', {**data, 'machine-types': []}))
        refused = 0
        for what, other in [*all_replaced(data), *more]:
            with self.subTest(what):
                self.write(other)
                try:
                    golden = golden_data.read(self.dir, 'tcg', LINE)
                except golden_data.Failure as e:
                    refused += 1
                    self.assertRegex(str(e), f'^{self.path} is ')
                    self.assertLess(len(str(e)), 500 + len(self.path))
                else:
                    # It can be used, too.
                    golden_data.encode(golden, 'tcg', LINE)
        self.assertGreater(refused, 100)

    def test_long_chain(self):
        """Of models that are like each other, with or without an end"""
        for end, message in (('base', ''), ('m0', 'is like itself')):
            models = {f'm{n}': {'like': f'm{n + 1}', 'props': {}}
                      for n in range(5000)}
            models.update({'base': {'props': {'avx': True}},
                           'm5000': {'like': end, 'props': {}}})
            self.write({'version': 1, 'line': LINE, 'accelerator': 'tcg',
                        'machine-types': ['pc-q35-10.0'],
                        'newest': 'pc-q35-10.0', 'models': models})
            if message:
                with self.assertRaisesRegex(golden_data.Failure, message):
                    golden_data.read(self.dir, 'tcg', LINE)
            else:
                golden = golden_data.read(self.dir, 'tcg', LINE)
                self.assertEqual(golden.answers['m0']['pc-q35-10.0'],
                                 {'avx': True})

    def test_versions_of_names(self):
        for name in ('EPYC-v\u00b2', 'EPYC-v' + '9' * 5000, 'EPYC-v', 'EPYC-vx'):
            self.assertIsNone(golden_data.version_of(name, ['EPYC']))
        self.assertEqual(golden_data.version_of('EPYC-v2', ['EPYC']),
                         ('EPYC', 2))

    def test_command_line(self):
        check_command_line(
            self, script, dict(zip(self.args[1::2], self.args[2::2])),
            ['--accel', '--line', '--dir', '--cpu-tables', '--qemu',
             '--xyzzy'], verb=['check'],
            defaults=['--line', '--dir', '--cpu-tables'])

    def test_answers_of_qemu(self):
        """What is no answer, or of another shape"""
        for what, reply in {**NO_JSON, 'list': b'[]', 'none': b'{}',
                            'no text': b'{"error": {"desc": 1}}',
                            'number': b'{"return": 1}',
                            'items': b'{"return": [1]}',
                            'names': b'{"return": [{"name": 1}]}',
                            'big': b'{"return": [{"name": "a", '
                                   b'"migration-safe": 18446744073709551616}]}'
                            }.items():
            with self.subTest(what), mock.patch.object(
                    script, 'ask_all', lambda *_args: iter([reply] * 2)):
                check_refused(self, run_main(script, *self.args))

    def test_wrong_file(self):
        shutil.copy(golden_data.path_of(self.dir, 'kvm-amd'),
                    golden_data.path_of(self.dir, 'kvm-intel'))
        self.assert_error(
            f'.*kvm-intel.json is about kvm of QEMU {LINE} on AuthenticAMD, '
            f'not kvm of QEMU {LINE} on GenuineIntel',
            'check', '--accel', 'kvm-intel')

    def test_no_file(self):
        os.unlink(self.path)
        self.assert_error('cannot read .*tcg.json: No such file or directory')

    def test_cannot_write(self):
        shutil.rmtree(self.dir)
        with open(self.dir, 'w', encoding='utf-8'):
            pass
        self.assert_error('cannot write .*tcg.json: .*', 'write', '--accel',
                          'tcg')

    def test_qemu(self):
        self.assert_error('cannot start /no/such: No such file or directory',
                          qemu='/no/such')
        self.assert_error('QEMU ended before it had answered: status 0',
                          qemu='/bin/true')
        for fault, message in [
                ('death', 'QEMU ended before it had answered: fake_qemu: out '
                          'of order'),
                ('error', f'tcg: EPYC on {OLDEST}: No such luck'),
                ('inexact', f'tcg: EPYC on {OLDEST}: no property can express '
                            'host-cache-info'),
                ('stock', '.*fake_qemu.py is built without CPU '
                          'introspection')]:
            self.assert_error(message, FAKE_QEMU_FAULT=fault)

    def test_arguments(self):
        self.assert_error("unknown accelerator 'kvm-intle'; did you mean "
                          'kvm-intel.*', 'check', '--accel', 'kvm-intle')
        self.assert_error("unknown accelerator 'kvm'; use tcg, kvm-intel or "
                          'kvm-amd', 'check', '--accel', 'kvm')
        for verb, line in [('check', '9.9'), ('check', '../10.0'),
                           ('write', '../10.0'), ('write', '.x')]:
            done = run_main(script, verb, '--line', line)
            check_refused(self, done)
            self.assertIn(f'error: LINE={line}: no such release line; '
                          'available: ', done.stderr)
        self.assert_error("unknown verb 'renew'; use write or check",
                          'renew')
        self.assert_error('--json is for check', 'write', '--json')


if __name__ == '__main__':
    unittest.main()
