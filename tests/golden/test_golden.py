# SPDX-License-Identifier: GPL-2.0-or-later
"""
Released answers never change: QEMU's CPU models against the golden data.

Answers: is every CPU model on every machine type what it was when it was
released, under TCG and under KVM?  Is the golden data true, judged by what
QEMU expands on any host, by what guests read from CPUID, and by all static
expansions at the time when it was still made of them?  And does x86-cpu-golden
find and explain each kind of difference?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... LINE=... \\
        PYTHONPATH=<qemu>/python:scripts python3 -m unittest test_golden

A sample of expansions and guests is asked for; CHECK_FULL=1 asks for all
expansions, and more guests.  CHECK_SEED repeats a run.  "make golden" renews
the data.  CPU_TABLES is where the tables of a site's models are, if QEMU was
built with such.
"""

import asyncio
import copy
import functools
import hashlib
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
sys.path[:0] = [HERE, os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest')]

import x86_cpu_golden as golden_data  # noqa: E402
from x86_cpu_golden import ACCELERATORS, ANCHOR, each  # noqa: E402
from x86_cpu_models import AUTOMATIC, BASE, HOST, Expander  # noqa: E402
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
import rules_data  # noqa: E402
from schemas import check_json  # noqa: E402
from script_module import load_script  # noqa: E402
from test_offered_features import BIT, shim, spec  # noqa: E402
from test_removed_features import NeedsKvm  # noqa: E402
from x86_cpu_qmp import Qemu  # noqa: E402

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


@functools.cache
def released():
    return golden_data.read(DATA, LINE)


def asked():
    """Returns the Answers of the QEMU that was built."""
    qemu = script.Asked(QEMU)
    return qemu.answers(LINE, qemu.models - SITE_MODELS)


def host_class():
    """The accelerator of hosts such as this one, or None"""
    vendor = host_vendor()
    for name, accelerator in ACCELERATORS.items():
        if vendor and accelerator.vendor == vendor:
            return name
    return None


class Data(unittest.TestCase):
    """The file"""

    @classmethod
    def setUpClass(cls):
        with open(golden_data.path_of(DATA), encoding='utf-8') as f:
            cls.text = f.read()
        cls.data = json.loads(cls.text)

    def test_one_file(self):
        self.assertEqual(sorted(os.listdir(DATA)), ['answers.json', 'rules'])

    def test_canonical(self):
        self.assertTrue(golden_data.text_of(self.data) == self.text)
        self.assertEqual(self.data['$comment'], 'SPDX-License-Identifier: '
                         'CC0-1.0; written by "make golden", never by hand')

    def test_is_small(self):
        self.assertLess(len(self.text), 640 << 10)
        # So that a diff explains itself
        self.assertLess(max(map(len, self.text.splitlines())), 200)
        # A new machine type changes few lines: it has a layer of its own, or
        # is in one.
        self.assertLess(self.text.count(f'"{NEWEST}"'), 5)

    def test_nothing_that_describes(self):
        """A new description is no changed answer"""
        self.assertEqual(set(self.data), {
            '$comment', 'accelerators', 'conflicts', 'dependencies',
            'exceptions', 'format-version', 'layers', 'level-rules', 'line',
            'models', 'properties', 'property-dependencies', 'words',
            'xsave-components'})
        for rows, members in [
                (self.data['words'], {'name', 'features'}),
                ([f for word in self.data['words']
                  for f in word['features']], {'name', 'mask'}),
                (self.data['properties'], {'name', 'type', 'default'})]:
            for row in rows:
                self.assertLessEqual(set(row), members)

    def test_nothing_of_the_build(self):
        """No version of QEMU but the line, no path, kernel or date"""
        with Qemu(QEMU, ['-machine', 'none']) as q:
            version = q.cmd('query-version')['qemu']
        words = [re.escape(word) for word in (
            '{major}.{minor}.{micro}'.format(**version),
            platform.release())] + [r'(?<!\w)/\w', r'\b20\d\d-\d\d']
        for word in words:
            self.assertIsNone(re.search(word, self.text), word)

    def test_other_vendors_need_no_data(self):
        """The models differ in vendor and microcode revision only"""
        goldens = released().goldens
        found = {change.prop for change in golden_data.compare(
            goldens['kvm-intel'], goldens['kvm-amd']).changes}
        self.assertEqual(found, {'vendor', 'ucode-rev'})

    def test_rules(self):
        """It says what QEMU said of each model on each machine type"""
        goldens = released().goldens
        for name, golden in goldens.items():
            found = set()
            for model, machine, wanted in rules_data.read(LINE, name):
                found.add((model, machine))
                self.assertEqual(golden_data.difference(
                    wanted, golden.answers[model][machine]), {},
                    f'{name}: {model} on {machine}')
            self.assertEqual(found, {
                (model, machine) for model, answers in golden.answers.items()
                for machine in answers})

    def test_ranges(self):
        """Machine types as ranges, and back"""
        types = released().types
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


class AsReleased(unittest.TestCase):
    """What the QEMU that was built says"""

    def test_as_released(self):
        """Every CPU model on every machine type is what it was released as"""
        was, now = released(), asked()
        self.fail_if_differs(was, now)
        # The same answers have the same bytes.
        self.assertTrue(golden_data.text_of(was.data) ==
                        golden_data.text_of(now.data))

    def test_running(self):
        """A QEMU that runs says the same, whatever its guest is"""
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'qmp')
            argv = [QEMU, '-S', '-display', 'none', '-nodefaults',
                    '-no-user-config', '-machine', 'pc',
                    '-accel', 'tcg', '-cpu', 'EPYC,+avx512f', '-smp', '4',
                    '-global', 'cpu.avx2=off', '-monitor', 'stdio', '-qmp',
                    f'unix:{path},server=on,wait=off']
            with subprocess.Popen(argv, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL) as process:
                try:
                    # The prompt
                    process.stdout.read(4)
                    done = run_main(script, 'check', '--qmp', path, '--json',
                                    '--line', LINE, '--dir', DATA)
                    self.assertIsNone(process.poll())
                    # Nothing of the running QEMU gets into the data.
                    now = script.Asked('/no/such', path)
                finally:
                    process.kill()
        found = json.loads(done.stdout)
        self.assertEqual(set(found['accelerators']), set(ACCELERATORS))
        self.assertEqual(found['not-checked'], {})
        if not SITE_MODELS:
            self.assertTrue(found['same'], done.stdout)
        self.assertTrue(
            golden_data.text_of(now.answers(
                LINE, now.models - SITE_MODELS).data) ==
            golden_data.text_of(asked().data))

    def fail_if_differs(self, was, now, own=()):
        kept = script.Kept(was, now, list(ACCELERATORS), own=own)
        self.assertTrue(kept.same, '\n' + kept.explain())

    def test_all_are_there(self):
        """Models that are safe to migrate, machine types with a version"""
        with Qemu(QEMU, ['-machine', 'none']) as q:
            models = {d['name'] for d in q.cmd('query-cpu-definitions')
                      if d['migration-safe']}
            types = {m['name'] for m in q.cmd('query-machines')
                     if golden_data.MACHINE_TYPE.match(m['name'])}
        answers = released()
        self.assertEqual(set(answers.types), types)
        for golden in answers.goldens.values():
            self.assertEqual(set(golden.answers), models - SITE_MODELS)

    @unittest.skipUnless(SITE_TABLES, 'no models of a site')
    def test_site(self):
        """A site's own models are what its own golden data says, if any"""
        kept = golden_data.read_site(SITE_TABLES, LINE)
        if not kept:
            self.skipTest(golden_data.no_data(SITE_TABLES, LINE))
        qemu = script.Asked(QEMU)
        self.fail_if_differs(kept, qemu.answers(
            LINE, qemu.models & {*SITE_MODELS, BASE}), [BASE])


class Checks(LabChecks):
    """The tests, for one accelerator."""

    def names(self):
        """The files that are about this accelerator"""
        return [name for name, accelerator in ACCELERATORS.items()
                if accelerator.accel == self.accel]

    def vendor_of(self, name, model):
        """As hosts have it, for props of an expansion"""
        vendor = ACCELERATORS[name].vendor
        golden = released().goldens[name]
        # base has none, except for QEMU 11.1 under KVM.
        return {'vendor': vendor} if vendor and (
            model != BASE or golden.answers[BASE][NEWEST]['vendor']) else {}

    def expand(self, questions):
        """Returns the static expansions of (model, machine, props)."""
        return [reply['return']['model']['props'] for reply in self.lab.ask(
            [expansion('static', model, props, machine)
             for model, machine, props in questions])]

    def check_expansions(self, name, pairs):
        """Static expansions are what the golden data says."""
        golden = released().goldens[name]
        problems = []
        for (model, machine), props in zip(pairs, self.expand(
                [(*pair, self.vendor_of(name, pair[0])) for pair in pairs])):
            wanted = golden.answers[model][machine]
            wrong = {prop: (value, props.get(prop)) for prop, value in
                     golden_data.difference(props, wanted).items()
                     if value != HOST or prop not in props}
            if wrong:
                problems.append(f'{name}: {model} on {machine}: {wrong}')
        self.fail_if(problems)

    def test_expansions(self):
        """QEMU expands each model as the golden data says"""
        choose = rng(self.accel, 'golden sample')
        models = [*self.lab.models, BASE]
        for name in self.names():
            types = self.lab.machines if FULL else {
                OLDEST, NEWEST, choose.choice(self.lab.machines)}
            self.check_expansions(name, [
                (model, machine) for machine in sorted(types)
                for model in models])

    def own_name(self):
        return self.names()[0]

    def test_guests(self):
        """Guests see what the golden data says"""
        golden = released().goldens[self.own_name()]
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

    def pairs(self):
        return [(model, machine) for machine in (OLDEST, NEWEST)
                for model in [*self.lab.models, BASE]]

    def test_this_host(self):
        """A vendor as a property is as good as a host of this vendor"""
        golden = released().goldens[self.own_name()]
        for (model, machine), props in zip(self.pairs(), self.expand(
                [(*pair, None) for pair in self.pairs()])):
            wanted = golden.answers[model][machine]
            self.assertEqual(
                {prop: (props.get(prop), value)
                 for prop, value in wanted.items()
                 if props.get(prop) != value and value != HOST}, {},
                f'{model} on {machine}')
            self.assertEqual(set(props), set(wanted))

    def test_other_vendors(self):
        """Hosts of Hygon and Zhaoxin differ from Intel's in the vendor"""
        def of_host(vendor):
            return self.expand([
                (*pair, {'vendor': vendor} if pair[0] != BASE else None)
                for pair in self.pairs()])

        intel = of_host('GenuineIntel')
        for vendor in ('HygonGenuine', '  Shanghai  ', 'CentaurHauls'):
            for pair, a, b in zip(self.pairs(), intel, of_host(vendor)):
                if pair[0] != BASE:
                    self.assertEqual({**a, 'vendor': vendor}, b, pair)

    def test_other_hosts(self):
        """There is nothing of the host in it"""
        unavailable = {}
        pairs = [(model, machine) for machine in (
            self.lab.machines if FULL else TYPES)
            for model in [*self.lab.models, BASE]]
        for name, offers in OTHER_HOSTS.items():
            env = {'LD_PRELOAD': shim(), 'KVM_CPUID_SHIM_OFFERS': spec(offers)}
            with mock.patch.dict(os.environ, env):
                self.check_expansions(name, pairs)
                self.assertTrue(golden_data.text_of(asked().data) ==
                                golden_data.text_of(released().data))
                models = self.lab.ask([('query-cpu-definitions', {})])
                # Without phys-bits, QEMU leaves guest-phys-bits at 0.
                raw = self.expand([('EPYC', NEWEST, {'phys-bits': 52})])[0]
            unavailable[name] = [model['unavailable-features']
                                 for model in models[0]['return']]
            # The other host was there, and would have been seen.
            self.assertEqual(raw['guest-phys-bits'], min(
                raw['phys-bits'],
                offers['cpuid 0x80000008 0 eax is'] >> 16))
        self.assertNotEqual(*unavailable.values())
        self.assertEqual(released().goldens['kvm-amd'].answers[
            'EPYC'][NEWEST]['guest-phys-bits'], HOST)


# A QEMU that fits in one's head
PRINTS = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(4)]
EPYC = {'on': ['avx', 'fpu', 'lm', 'npt', 'svm', 'vme', 'xtpr'],
        'set': {'min-level': 13, 'model-id': 'AMD EPYC',
                'vendor': 'AuthenticAMD'}}
MODELS = ['base', 'EPYC', 'EPYC-v1', 'Skylake-Client', 'Skylake-Client-v1',
          'qemu64']
TABLE = {
    'format-version': 1,
    'words': [
        {'name': 'FEAT_1_EDX',
         'cpuid': {'leaf': 1, 'subleaf': 0, 'register': 'EDX'},
         'features': [{'name': 'fpu', 'mask': '0x1'},
                      {'name': 'vme', 'mask': '0x2'}]},
        {'name': 'FEAT_1_ECX', 'features': [
            {'name': 'xtpr', 'mask': '0x4000', 'polarity': 'hint'},
            {'name': 'avx', 'mask': '0x10000000'}]},
        {'name': 'FEAT_7_0_EBX', 'features': [
            {'name': 'avx2', 'mask': '0x20'}, {'name': 'mpx',
                                               'mask': '0x4000'}]},
        {'name': 'FEAT_8000_0001_EDX', 'features': [
            {'name': 'lm', 'mask': '0x20000000'}]},
        {'name': 'FEAT_8000_0001_ECX', 'features': [
            {'name': 'svm', 'mask': '0x4'}]},
        {'name': 'FEAT_SVM', 'features': [{'name': 'npt', 'mask': '0x1'}]},
    ],
    'properties': [
        {'name': 'guest-phys-bits', 'class': 'guest-phys-bits',
         'type': 'int', 'default': AUTOMATIC},
        {'name': 'l3-cache', 'class': 'identity', 'type': 'bool',
         'default': True},
        {'name': 'level-func7', 'class': 'identity', 'type': 'int',
         'default': AUTOMATIC},
        {'name': 'min-level', 'class': 'identity', 'type': 'int'},
        {'name': 'model-id', 'class': 'identity', 'type': 'str'},
        {'name': 'phys-bits', 'class': 'minimum', 'type': 'int'},
        {'name': 'ucode-rev', 'class': 'identity', 'type': 'int'},
        {'name': 'vendor', 'class': 'flat', 'type': 'str'},
    ],
    'dependencies': [
        {'word': 'FEAT_SVM', 'mask': '0xffffffffffffffff',
         'needs-word': 'FEAT_8000_0001_ECX', 'needs-mask': '0x4'},
        {'word': 'FEAT_7_0_EBX', 'mask': '0x20',
         'needs-word': 'FEAT_1_ECX', 'needs-mask': '0x10000000'}],
    'property-dependencies': [], 'conflicts': [],
    'level-rules': [{'word': 'FEAT_7_0_EBX', 'leaf': 7, 'subleaf': 0,
                     'properties': []}],
    'xsave-components': [{'component': 3, 'needs': ['mpx']}],
    'layers': [
        {'name': 'pc-q35-10.0', 'changes': {},
         'machine-types': ['pc-q35-10.0', 'pc-i440fx-10.0', 'pc-q35-4.0',
                           'pc-i440fx-4.0']},
        {'name': 'pc-q35-3.1', 'like': 'pc-q35-10.0',
         'machine-types': ['pc-q35-3.1', 'pc-i440fx-3.1'],
         'changes': {'set': {'guest-phys-bits': 0}}},
        {'name': 'pc-q35-2.4', 'like': 'pc-q35-3.1',
         'machine-types': ['pc-q35-2.4', 'pc-i440fx-2.4'],
         'changes': {'off': ['l3-cache']}},
        {'name': 'isapc', 'machine-types': ['isapc', 'pc-q35-acme'],
         'like': 'pc-q35-10.0', 'changes': {'off': ['l3-cache']}},
    ],
    'models': [
        {'name': 'base', 'changes': {}},
        {'name': 'EPYC', 'like': 'EPYC-v1', 'changes': {}},
        {'name': 'EPYC-v1', 'like': 'base', 'changes': EPYC},
        {'name': 'Skylake-Client', 'like': 'Skylake-Client-v1',
         'changes': {}},
        {'name': 'Skylake-Client-v1', 'like': 'base', 'changes': {
            'on': ['avx', 'avx2', 'fpu', 'lm', 'vme'],
            'set': {'model-id': 'Skylake', 'vendor': 'GenuineIntel'}}},
        {'name': 'qemu64', 'like': 'base', 'changes': {
            'on': ['fpu', 'lm'], 'set': {'model-id': 'QEMU',
                                         'vendor': 'AuthenticAMD'}}},
    ],
    'exceptions': [
        {'model': 'Skylake-Client', 'layer': 'pc-q35-3.1',
         'changes': {'on': ['mpx']}},
        {'model': 'Skylake-Client', 'layer': 'isapc',
         'changes': {'on': ['mpx']}}],
    'accelerators': [
        {'name': 'tcg', 'changes': {'off': ['vme']}, 'conditions': [],
         'host-vendor': 'none', 'exceptions': [],
         'fingerprints': [{'model': model, 'values': PRINTS}
                          for model in MODELS]},
        {'name': 'kvm', 'changes': {'off': ['svm']}, 'conditions': [
            {'kernel-irqchip': ['off'], 'changes': {'on': ['xtpr']}}],
         'host-vendor': 'named',
         'exceptions': [{'layer': 'pc-q35-2.4', 'changes': {'on': ['svm']}},
                        {'model': 'qemu64', 'layer': 'isapc',
                         'changes': {'on': ['svm']}}],
         'fingerprints': [{'model': model, 'values': [PRINTS[0], '', '', '']}
                          for model in MODELS]},
    ],
}
V1, V2, V3, V4 = '2.4', '3.1', '4.0', '10.0'
NEEDS = 'mask=0x20 needs-mask=0x10000000 needs-word={} word=FEAT_7_0_EBX'
CONDITION = 'changes=on=xtpr kernel-irqchip='
HEADER = ['ACCELERATOR', 'MODEL', 'FEATURE', 'WAS', 'NOW', 'MACHINE TYPES']
# A member that is taken out
GONE = object()
LAST = ('Released answers never change. If this is intended, make golden '
        'renews the data.')


def number_of(rows, name):
    """The number of the one with a name, or a number itself"""
    return int(name) if name.isdigit() else [
        row.get('name', row.get('model')) for row in rows].index(name)


def changed(changes, table=None):
    """Returns the table after {'models/EPYC/changes/on': value}."""
    table = copy.deepcopy(table or TABLE)
    for path, value in changes.items():
        *parents, last = path.split('/')
        member = table
        for name in parents:
            member = member[number_of(member, name) if isinstance(
                member, list) else name]
        if isinstance(member, list):
            last = number_of(member, last)
        if value is GONE:
            del member[last]
        elif isinstance(member, list) and value is not None and (
                isinstance(value, tuple)):
            member[last:last] = value
        else:
            member[last] = value
    return table


def without_model(model):
    """Changes to the table"""
    return {f'models/{model}': GONE, **{
        f'accelerators/{name}/fingerprints/{model}': GONE
        for name in ('tcg', 'kvm')}}


class Faked(unittest.TestCase):
    """Base of tests with a QEMU that isn't one"""

    def setUp(self):
        self.tmp = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tmp)
        self.table = os.path.join(self.tmp, 'table.json')
        self.dir = os.path.join(self.tmp, 'golden')
        self.path = golden_data.path_of(self.dir)
        self.release(TABLE)
        self.qemu_says(TABLE)

    def answers(self, table, models=None):
        return golden_data.Answers(golden_data.contents_of(
            table, LINE, models or {m['name'] for m in table['models']}))

    def release(self, table):
        """Makes a table the golden data."""
        golden_data.write(self.dir, self.answers(table))

    def qemu_says(self, table):
        with open(self.table, 'w', encoding='utf-8') as f:
            json.dump(table, f)

    def run_script(self, *args, command=(SCRIPT,), qemu=FAKE,
                   stdout=subprocess.PIPE, **env):
        return subprocess.run(
            [*command, *args, '--qemu', qemu, '--line', LINE, '--dir',
             self.dir], stdout=stdout, stderr=subprocess.PIPE,
            text=True, timeout=120, check=False,
            env={**os.environ, 'FAKE_QEMU_TABLE': self.table, **env})

    def assert_done(self, done, status=0, stderr=''):
        """The script did what it should, and nothing went wrong."""
        self.assertEqual((done.returncode, done.stderr), (status, stderr),
                         done.stdout)

    def read(self):
        with open(self.path, encoding='utf-8') as f:
            return f.read()


class Decoded(Faked):
    """The file of a small table, and what it says"""

    def test_types_without_version(self):
        """They are left out, and nothing else of the answers"""
        data = json.loads(self.read())
        self.assertEqual([layer['name'] for layer in data['layers']],
                         ['pc-q35-10.0', 'pc-q35-3.1', 'pc-q35-2.4'])
        self.assertNotIn('isapc', self.read())
        self.assertNotIn('acme', self.read())
        self.assertEqual(data['accelerators'][0]['fingerprints'][0]['values'],
                         PRINTS[:3])
        # One is the newest of a layer.
        table = changed({'layers/pc-q35-3.1/machine-types/0':
                         ('pc-q35-acme-3.1',)})
        for path, value in {'layers/1/name': 'pc-q35-acme-3.1',
                            'layers/2/like': 'pc-q35-acme-3.1',
                            'exceptions/0/layer': 'pc-q35-acme-3.1'}.items():
            table = changed({path: value}, table)
        self.assertEqual(self.answers(table).data, data)

    def test_expansions(self):
        """What the rules make of it"""
        goldens = self.answers(TABLE).goldens
        epyc = {'avx': True, 'avx2': False, 'fpu': True,
                'guest-phys-bits': 0, 'hv-passthrough': None, 'l3-cache': True,
                'level-func7': 0, 'lm': True, 'min-level': 13, 'mpx': False,
                'model-id': 'AMD EPYC', 'npt': True, 'phys-bits': 40,
                'svm': True, 'ucode-rev': 0x01000065,
                'vendor': 'AuthenticAMD', 'vme': False, 'xtpr': True,
                ANCHOR: 'pc-q35-10.0'}
        del epyc['hv-passthrough']
        self.assertEqual(goldens['tcg'].answers['EPYC']['pc-q35-4.0'], epyc)
        intel = {**epyc, 'svm': False, 'npt': False, 'vme': True,
                 'guest-phys-bits': HOST, 'vendor': 'GenuineIntel',
                 'ucode-rev': 0x100000000}
        self.assertEqual(goldens['kvm-intel'].answers['EPYC']['pc-q35-4.0'],
                         intel)
        # The machine type has the last word.
        self.assertEqual(
            goldens['kvm-intel'].answers['EPYC']['pc-i440fx-2.4'],
            {**intel, 'svm': True, 'npt': True, 'l3-cache': False,
             'guest-phys-bits': 0})
        for name, golden in goldens.items():
            skylake = golden.answers['Skylake-Client']
            self.assertEqual(
                [(machine, props['mpx'], props['min-level'])
                 for machine, props in skylake.items()
                 if machine.startswith('pc-q35')],
                [('pc-q35-10.0', False, 7), ('pc-q35-4.0', False, 7),
                 ('pc-q35-3.1', True, 7), ('pc-q35-2.4', True, 7)], name)
            self.assertEqual(golden.answers[BASE]['pc-q35-10.0']['vendor'],
                             '')

    def test_order_of_exceptions(self):
        """Those of an accelerator apply in the order of the file"""
        layer = 'pc-q35-2.4'
        rows = [{'layer': layer, 'changes': {'off': ['svm']}},
                {'model': 'EPYC', 'layer': layer, 'changes': {'on': ['svm']}}]
        for order, svm in (rows, True), (rows[::-1], False):
            answers = self.answers(changed(
                {'accelerators/1/exceptions': order})).goldens['kvm-amd'].answers
            self.assertEqual(answers['EPYC'][layer]['svm'], svm)
            self.assertFalse(answers['qemu64'][layer]['svm'])

    def test_rules_of_11_1(self):
        """Without a PMU, what needs one goes first"""
        table = changed({
            'words/FEAT_1_ECX/features/xtpr': (
                {'name': 'pdcm', 'mask': '0x8000'},),
            'properties/vendor': (
                {'name': 'pmu', 'type': 'bool'},
                {'name': 'x-intel-pt-auto-level', 'type': 'bool',
                 'default': True}),
            'models/EPYC/changes': {'on': ['pdcm']}})
        switch = {'name': 'x-pdcm-on-even-without-pmu', 'type': 'bool'}
        newer = changed({'properties/vendor': (switch,)}, table)
        for what, props, pdcm, told in [
                (table, [], True, True),
                (newer, [], False, False),
                (newer, ['pmu'], True, False),
                (newer, [switch['name']], True, False)]:
            what = changed({'models/EPYC/changes/on': ['pdcm', *props]}, what)
            found = self.answers(what).goldens['tcg'].answers['EPYC'][
                'pc-q35-10.0']
            self.assertEqual(found['pdcm'], pdcm, props)
            self.assertEqual('x-intel-pt-auto-level' in found, told)
        off = changed({'models/EPYC/changes': {
            'off': ['x-intel-pt-auto-level']}}, newer)
        self.assertIs(self.answers(off).goldens['tcg'].answers['EPYC'][
            'pc-q35-10.0']['x-intel-pt-auto-level'], False)

    def test_host_phys_bits(self):
        table = changed({
            'properties/vendor': ({'name': 'host-phys-bits', 'type': 'bool'},
                                  {'name': 'host-phys-bits-limit',
                                   'type': 'int'}),
            'models/EPYC/changes': {'on': ['host-phys-bits'],
                                    'set': {'host-phys-bits-limit': 9}}})
        for name, bits in (('tcg', 40), ('kvm-amd', HOST)):
            found = self.answers(table).goldens[name].answers['EPYC'][
                'pc-q35-10.0']
            self.assertEqual(
                [found[prop] for prop in ('phys-bits', 'host-phys-bits',
                                          'host-phys-bits-limit')],
                [bits, False, 0])

    def test_features_of_kvm(self):
        """They go without KVM, or if it is hidden"""
        table = changed({
            'words/FEAT_SVM': ({'name': 'FEAT_KVM', 'features': [
                {'name': 'kvmclock', 'mask': '0x9'}]},),
            'properties/vendor': ({'name': 'kvm', 'type': 'bool',
                                   'default': True},),
            'models/EPYC/changes': {'on': ['kvmclock']},
            'models/qemu64/changes': {'on': ['kvmclock'], 'off': ['kvm']}})
        for name, models in (('tcg', []), ('kvm-intel', ['EPYC'])):
            golden = self.answers(table).goldens[name]
            self.assertEqual([
                model for model in MODELS
                if golden.answers[model]['pc-q35-10.0']['kvmclock']], models)

    def test_refused(self):
        """What no QEMU would say"""
        for changes, message in [
                ({'dependencies/0/word': 'FEAT_X'},
                 "a rule is for word 'FEAT_X', which is not there"),
                ({'words/FEAT_SVM/features/npt/mask': 'x'},
                 "'x' is not a 64-bit mask"),
                ({'words/FEAT_SVM/features/npt/mask': '0x1' + 16 * '0'},
                 "'0x10000000000000000' is not a 64-bit mask"),
                ({'level-rules/0/leaf': 0x40000000},
                 'no level has the leaf 0x40000000'),
                ({'models/EPYC/changes': {'on': ['x']}},
                 "'x' is neither a feature nor an on/off property"),
                ({'models/EPYC/changes': {'off': ['vendor']}},
                 "'vendor' is neither a feature nor an on/off property"),
                ({'models/EPYC/changes': {'set': {'min-level': True}}},
                 "property 'min-level' cannot be true"),
                ({'models/EPYC/changes': {'set': {'x': 1}}},
                 "property 'x' cannot be 1"),
                ({'properties/min-level': {
                    'name': 'min-level', 'type': 'int', 'default': 'x'}},
                 "property 'min-level' cannot be \"x\""),
                ({'accelerators/kvm/conditions/0/changes': {'on': ['x']}},
                 "'x' is neither a feature nor an on/off property"),
                ({'accelerators/kvm/fingerprints/EPYC/values': ['']},
                 None)]:
            with self.subTest(message):
                if message:
                    with self.assertRaises(ValueError) as raised:
                        Expander(changed(changes))
                    self.assertEqual(str(raised.exception), message)
                self.qemu_says(changed(changes))
                done = self.run_script('check')
                check_refused(self, done)
                self.assertIn('error: query-cpu-model-table: this QEMU is '
                              f"not understood: {message or ''}", done.stderr)


class Checker(Faked):
    """x86-cpu-golden, with a QEMU that is not what was released"""

    def rows(self, text):
        """The cells of a table, without what wraps"""
        return [re.split(r'\s{2,}', line.strip())
                for line in text.splitlines()]

    def test_same(self):
        done = self.run_script('check')
        self.assert_done(done)
        self.assertEqual(done.stdout, ''.join(
            f'{name}: 6 models on 8 machine types: as released\n'
            for name in ACCELERATORS))

    def test_description(self):
        """A new one is no changed answer"""
        self.qemu_says(changed({
            'words/FEAT_1_EDX/features/fpu/polarity': 'limitation',
            'words/FEAT_1_EDX/cpuid/leaf': 2,
            'properties/min-level/class': 'gate',
            'properties/min-level/new': True}))
        self.assert_done(self.run_script('check'))
        before = self.read()
        self.assert_done(self.run_script('write'))
        self.assertEqual(self.read(), before)

    def test_changed(self):
        """
        The table of what differs, where the table was changed: of what was
        released, or of what QEMU says now
        """
        released_then, now = self.release, self.qemu_says
        for change, changes, *rows in [
                # A feature, everywhere, and on some machine types
                (released_then, {'models/qemu64/changes/on': [
                    'avx', 'avx2', 'fpu', 'lm']},
                 ['qemu64', 'avx', True, False, 'all'],
                 ['qemu64', 'avx2', True, False, 'all'],
                 ['qemu64', 'min-level', 7, 0, 'all']),
                (released_then, {'exceptions/0': GONE},
                 ['Skylake-Client', 'mpx', False, True,
                  f'pc-*-{V1} to {V2}']),
                # A model
                (now, without_model('qemu64'),
                 ['qemu64', '(model)', 'there', 'gone', 'all']),
                (released_then, without_model('qemu64'),
                 ['qemu64', '(model)', '-', 'new', 'all']),
                # In a model, and in all that are like it
                (released_then, {'models/EPYC-v1/changes/set/min-level': 14},
                 ['EPYC, EPYC-v1', 'min-level', 14, 13, 'all']),
                # A property
                (released_then, {'properties/vendor': (
                    {'name': 'no-more', 'type': 'str', 'default': 'x'},)},
                 ['all 6', 'no-more', 'x', None, 'all']),
                (now, {'words/FEAT_1_EDX/features/fpu': (
                    {'name': 'new', 'mask': '0x8'},)},
                 ['all 6', 'new', None, False, 'all']),
                # A property of machine types
                (now, {'layers/pc-q35-3.1/changes': {
                    'off': ['l3-cache'], 'set': {'guest-phys-bits': 0}}},
                 ['all 6', 'l3-cache', True, False, f'pc-*-{V2}']),
                # An accelerator
                (now, {'accelerators/tcg/changes': {}},
                 ['EPYC, EPYC-v1, Skylake-Client, Skylake-Client-v1', 'vme',
                  False, True, 'all']),
                # A rule, and what follows from it
                (now, {'dependencies/1/needs-word': 'FEAT_SVM'},
                 ['(dependencies)', NEEDS.format('FEAT_1_ECX'), None],
                 ['(dependencies)', None, NEEDS.format('FEAT_SVM')],
                 ['Skylake-Client', 'min-level', 7, 0, f'pc-*-{V3} to {V4}'],
                 ['Skylake-Client, Skylake-Client-v1', 'avx2', True, False,
                  'all'],
                 ['Skylake-Client-v1', 'min-level', 7, 0, 'all']),
                # One that no model shows
                (now, {'conflicts': [{'features': ['mpx', 'avx2']}]},
                 ['(conflicts)', None, 'features=mpx,avx2']),
                (now, {'dependencies': TABLE['dependencies'][::-1]},
                 ['(dependencies)', 'in order', 'in another order']),
                (now, {'accelerators/kvm/conditions/0/kernel-irqchip': []},
                 ['(kvm conditions)', CONDITION + 'off', None],
                 ['(kvm conditions)', None, CONDITION]),
                (now, {'properties/phys-bits/default': 0},
                 ['(properties)', 'name=phys-bits type=int',
                  'default=0 name=phys-bits type=int']),
                (now, {'words/FEAT_1_EDX/features/vme/mask': '0x4'},
                 ['(words)', 'vme FEAT_1_EDX 0x2', 'vme FEAT_1_EDX 0x4']),
                # What only the fingerprint shows
                (now, {'accelerators/tcg/fingerprints/EPYC/values': [
                    PRINTS[3], *PRINTS[1:]]},
                 ['EPYC', '(fingerprint)', PRINTS[0], PRINTS[3],
                  f'pc-*-{V3} to {V4}']),
                ]:
            change(changed(changes))
            with self.subTest(changes):
                self.check_rows(rows)
            self.release(TABLE)
            self.qemu_says(TABLE)

    def check_rows(self, rows):
        done = self.run_script('check', '--accel', 'tcg', '--json')
        self.assert_done(done, 1)
        answer = check_json(self, 'x86-cpu-golden', done.stdout)
        tcg = answer['accelerators']['tcg']
        self.assertFalse(answer['same'])
        found = [[f"({rule['rule']})", rule['was'], rule['now']]
                 for rule in answer['rules']]
        found += [[model, '(model)', *what, 'all'] for member, what in (
            ('models-gone', ('there', 'gone')), ('models-new', ('-', 'new')))
            for model in tcg[member]]
        found += [[
            'all 6' if len(change['models']) == 6 else
            ', '.join(change['models']), change['feature'], change['was'],
            change['now'],
            golden_data.ranges_for_people(change['machine-types'])]
                  for change in tcg['changes']]
        self.assertEqual(found, [list(row) for row in rows])
        # For people, the same in a table
        done = self.run_script('check', '--accel', 'tcg')
        self.assert_done(done, 1)
        header, *lines = self.rows(done.stdout)
        self.assertEqual(header, HEADER)
        self.assertEqual(lines[-2:], [[''], [LAST]])
        self.assertEqual(len([line for line in lines[:-2]
                              if line[0] in ('tcg', 'all')]), len(rows))
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 100)

    def test_table(self):
        self.qemu_says(changed({
            'models/qemu64/changes/on': ['avx', 'fpu', 'lm'],
            'models/EPYC-v1/changes/set/min-level': 14,
            'accelerators/kvm/changes': {'on': ['svm']},
            'xsave-components': []}))
        done = self.run_script('check')
        self.assert_done(done, 1)
        self.assertEqual(self.rows(done.stdout), [
            HEADER,
            ['all', '-', '(xsave-components)', 'component=3', '-', '-'],
            ['needs=mpx'],
            ['tcg,', 'EPYC, EPYC-v1', 'min-level', '13', '14', 'all'],
            ['kvm-intel,'], ['kvm-amd'],
            ['tcg,', 'qemu64', 'avx', 'off', 'on', 'all'],
            ['kvm-intel,'], ['kvm-amd'],
            ['kvm-intel,', 'EPYC, EPYC-v1', 'npt', 'off', 'on',
             f'pc-*-{V2} to {V4}'],
            ['kvm-amd'],
            ['kvm-intel,', 'EPYC, EPYC-v1,', 'svm', 'off', 'on',
             f'pc-*-{V2} to {V4}'],
            ['kvm-amd', 'Skylake-Client,'], ['Skylake-Client-v1,'],
            ['qemu64'],
            [''], [LAST]])

    def test_new_machine_types(self):
        """They move no model; nor does one that goes"""
        newer = {'layers/pc-q35-10.0': ({
            'name': 'pc-q35-10.1', 'changes': {'set': {'min-level': 1}},
            'machine-types': ['pc-q35-10.1', 'pc-i440fx-10.1']},),
            'layers/0/like': 'pc-q35-10.1'}
        table = changed(newer)
        del table['layers'][0]['like']
        table['layers'][1].update(like='pc-q35-10.1', changes={
            'set': {'min-level': 0}})
        for accelerator in table['accelerators']:
            for f in accelerator['fingerprints']:
                f['values'] = [PRINTS[3], *each(f['values'])]
        for release, now, row in [
                (TABLE, table, ['-', '(machine types)', '-', 'new',
                                'pc-*-10.1']),
                (table, TABLE, ['-', '(machine types)', 'there', 'gone',
                                'pc-*-10.1'])]:
            self.release(release)
            self.qemu_says(now)
            done = self.run_script('check', '--accel', 'tcg')
            self.assert_done(done, 1)
            self.assertEqual(self.rows(done.stdout), [
                HEADER, ['tcg', *row], [''], [LAST]])

    def test_layers_are_no_answer(self):
        """Two layers with the same answers are one"""
        table = changed({'layers/pc-q35-10.0/machine-types': [
            'pc-q35-10.0', 'pc-i440fx-10.0'], 'layers/pc-q35-3.1/like':
            'pc-q35-4.0', 'layers/pc-q35-3.1': ({
                'name': 'pc-q35-4.0', 'like': 'pc-q35-10.0', 'changes': {},
                'machine-types': ['pc-q35-4.0', 'pc-i440fx-4.0']},)})
        table['layers'][2]['like'] = 'pc-q35-4.0'
        for accelerator in table['accelerators']:
            for f in accelerator['fingerprints']:
                f['values'] = [f['values'][0], '', *f['values'][1:]]
        self.qemu_says(table)
        before = self.read()
        self.assert_done(self.run_script('check'))
        self.assert_done(self.run_script('write'))
        self.assertEqual(self.read(), before)

    def test_json(self):
        self.release(changed({'models/qemu64/changes/on': [
            'avx', 'fpu', 'lm']}))
        self.qemu_says(changed({'models/EPYC/changes': {
            'set': {'phys-bits': 48}}}))
        done = self.run_script('check', '--accel', 'tcg', '--json')
        self.assertEqual(done.returncode, 1)
        self.assertEqual(check_json(self, 'x86-cpu-golden', done.stdout), {
            'format-version': 1, 'line': LINE, 'same': False, 'rules': [],
            'not-checked': {}, 'accelerators': {'tcg': {
                'models-gone': [], 'models-new': [],
                'machine-types-gone': '', 'machine-types-new': '',
                'changes': [
                    {'models': ['EPYC'], 'feature': 'phys-bits', 'was': 40,
                     'now': 48, 'machine-types': 'all'},
                    {'models': ['qemu64'], 'feature': 'avx', 'was': True,
                     'now': False, 'machine-types': 'all'}]}}})
        self.run_script('write')
        done = self.run_script('check', '--json')
        answer = check_json(self, 'x86-cpu-golden', done.stdout)
        self.assertTrue(answer['same'])
        self.assertEqual(set(answer['accelerators']), set(ACCELERATORS))
        self.assertEqual(done.returncode, 0)

    def test_built_without_an_accelerator(self):
        """The rest is checked, and that is said"""
        self.qemu_says(changed({'accelerators/kvm': GONE}))
        why = f'{FAKE} is built without kvm'
        done = self.run_script('check')
        self.assert_done(done, 0, ''.join(
            f'note: {name} was not checked: {why}\n'
            for name in ('kvm-intel', 'kvm-amd')))
        self.assertEqual(done.stdout, 'tcg: 6 models on 8 machine types: as '
                                      'released\n')
        done = self.run_script('check', '--json')
        self.assertEqual(
            check_json(self, 'x86-cpu-golden', done.stdout)['not-checked'],
            {name: why for name in ('kvm-intel', 'kvm-amd')})
        self.assertEqual(done.returncode, 0)
        done = self.run_script('check', '--accel', 'kvm-amd')
        check_refused(self, done)
        self.assertEqual(done.stderr, f'error: {why}\n')
        before = self.read()
        done = self.run_script('write')
        check_refused(self, done)
        self.assertEqual(done.stderr, f'error: {why}; golden data is about '
                                      'all accelerators\n')
        self.assertEqual(self.read(), before)

    def test_write(self):
        """What was wrong is told and put right"""
        wanted = self.read()
        wrong = changed({'models/qemu64/changes/on': ['avx', 'fpu', 'lm'],
                         'accelerators/kvm/changes/off': ['avx', 'svm']})
        self.release(changed(without_model('EPYC'), wrong))
        done = self.run_script('write')
        self.assert_done(done)
        rows = self.rows(done.stdout)
        for name in ACCELERATORS:
            self.assertIn([f'{name}: 6 models on 8 machine types: written '
                           'anew, see below'], rows)
        self.assertIn(['tcg', 'qemu64', 'avx', 'on', 'off', 'all'], rows)
        self.assertRegex(done.stdout, r'\n  tcg, +EPYC +\(model\) +- '
                                      r'+new +all\n')
        self.assertEqual(self.read(), wanted)
        self.assert_done(self.run_script('check'))
        # Where it is not there, and where nothing changes
        os.unlink(self.path)
        for what in 'written', 'as they were':
            done = self.run_script('write')
            self.assert_done(done)
            self.assertEqual(done.stdout, ''.join(
                f'{name}: 6 models on 8 machine types: {what}\n'
                for name in ACCELERATORS))
            self.assertEqual(self.read(), wanted)

    def test_write_over_something_broken(self):
        with open(self.path, 'w', encoding='utf-8') as f:
            f.write('{')
        done = self.run_script('write')
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, f'^note: {self.path} is not JSON: .*\n$')
        self.assert_done(self.run_script('check'))

    def test_reader_goes_away(self):
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, 'wb') as pipe:
            done = self.run_script('check', stdout=pipe)
        self.assert_done(done, -signal.SIGPIPE)

    def test_stdout_is_closed(self):
        done = self.run_script('check', command=[
            'sh', '-c', '"$0" "$@" >&-', SCRIPT])
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
        models = [{'name': 'Acme_x-v1', 'like': 'base', 'changes': {
            'on': ['fpu', 'lm'], 'set': {'model-id': 'Acme'}}}]
        models += [{'name': name, 'like': 'Acme_x-v1', 'changes': {}}
                   for name in ('Acme_x', 'Acme_2019')]
        # One of ours has such a name, too.
        ours = changed({'models/qemu64': ({
            'name': 'EPYC_noerms', 'like': 'EPYC-v1', 'changes': {
                'off': ['xtpr']}},)})
        self.release(ours)
        # Between layers that are the same, but for the site's models
        self.built = changed({'models/EPYC': tuple(models), 'exceptions/0': [
            {'model': 'Acme_x', 'layer': 'pc-q35-4.0',
             'changes': {'on': ['avx2', 'avx']}},
            {'model': 'Acme_x', 'layer': 'pc-q35-3.1',
             'changes': {'off': ['avx2']}}, *TABLE['exceptions']]}, ours)
        self.built['exceptions'] = [
            row for rows in self.built['exceptions'] for row in (
                rows if isinstance(rows, list) else [rows])][:4]
        layer, *others = self.built['layers']
        self.built['layers'] = [
            {**layer, 'machine-types': layer['machine-types'][:2]},
            {**layer, 'machine-types': layer['machine-types'][2:],
             'name': 'pc-q35-4.0', 'like': 'pc-q35-10.0'},
            {**others[0], 'like': 'pc-q35-4.0'}, *others[1:]]
        for accelerator in self.built['accelerators']:
            for f in accelerator['fingerprints']:
                f['values'] = [*f['values'][:1], '', *f['values'][1:]]
            accelerator['fingerprints'] += [
                {'model': name, 'values': [PRINTS[1], PRINTS[2], '', '', '']}
                for name in self.NAMES]
        self.qemu_says(self.built)
        self.site = golden_data.site_dir(self.tables, LINE)

    def run_site(self, verb, *args):
        return self.run_script(verb, '--cpu-tables', self.tables, *args)

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
            for name in ACCELERATORS))
        self.assertEqual(done.stderr, (
            f'note: the CPU models of {self.tables} have no golden data of '
            f'QEMU {LINE}; make golden writes it\n'))
        self.assertEqual(done.returncode, 0)
        os.makedirs(self.site)
        with open(os.path.join(self.site, 'kvm-amd.json'), 'w',
                  encoding='utf-8') as f:
            f.write('{}')
        self.assertIn('have golden data of an older form only of QEMU '
                      f'{LINE}; make golden', self.run_site('check').stderr)
        # Only where it is known whose they are
        done = self.run_script('check')
        self.assertRegex(done.stdout, r'Acme_x-v1 +\(model\) +- +new +all')
        self.assertEqual(done.returncode, 1)

    def test_write(self):
        """The line's data stays as it is, the site's is beside its tables"""
        before = self.files(self.dir)
        done = self.run_site('write')
        self.assert_done(done)
        self.assertEqual(done.stdout, ''.join(
            f'{name}: 7 models on 8 machine types: as they were\n'
            for name in ACCELERATORS) + ''.join(
            f'{name}: 3 models of {self.tables} on 8 machine types: written\n'
            for name in ACCELERATORS))
        self.assertEqual(self.files(self.dir), before)
        written = self.files(self.site)
        self.assertEqual(list(written), ['answers.json'])
        whole = golden_data.read(self.site, LINE)
        there = self.answers(self.built)
        for name, golden in whole.goldens.items():
            self.assertEqual(golden.models(), [*self.NAMES, BASE])
            for model in golden.answers:
                self.assertEqual(golden.answers[model],
                                 there.goldens[name].answers[model])
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
        self.qemu_says(changed({
            **without_model('Acme_2019'),
            'models/Acme_x/changes': {'on': ['xtpr']},
            'models/qemu64/changes/on': ['avx', 'fpu', 'lm']}, self.built))
        done = self.run_site('check')
        self.assertEqual(done.returncode, 1)
        for row in (r'qemu64 +avx +off +on +all', r'Acme_x +xtpr +off +on +all',
                    r'Acme_2019 +\(model\) +there +gone +all'):
            self.assertRegex(done.stdout, rf'\n  tcg, +{row}\n')
        self.assertEqual(done.stdout.splitlines()[-1], LAST)
        done = self.run_site('check', '--json')
        tcg = check_json(self, 'x86-cpu-golden', done.stdout)[
            'accelerators']['tcg']
        self.assertEqual([change['models'] for change in tcg['changes']],
                         [['Acme_x'], ['qemu64']])
        self.assertEqual(tcg['models-gone'], ['Acme_2019'])
        done = self.run_site('write')
        self.assert_done(done)
        self.assertRegex(done.stdout, r'Acme_x +xtpr +off +on +all\n')
        self.assertEqual(self.run_site('check').returncode, 0)

    def test_broken(self):
        self.run_site('write')
        path = golden_data.path_of(self.site)
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
        self.release(TABLE)
        self.qemu_says(TABLE)
        for verb in ('write', 'check'):
            done = self.run_site(verb)
            self.assert_done(done)
        self.assertFalse(os.path.exists(self.site))


class Errors(Faked):
    """One line that says what is wrong"""

    def setUp(self):
        super().setUp()
        self.args = ['check', '--accel', 'tcg', '--qemu', FAKE, '--line',
                     LINE, '--dir', self.dir]

    def write(self, data):
        """Writes bytes, or JSON, over the golden data."""
        with open(self.path, 'wb') as f:
            f.write(data if isinstance(data, bytes) else
                    json.dumps(data).encode())

    def assert_error(self, message, *args, **kwargs):
        done = self.run_script(*(args or ('check',)), **kwargs)
        self.assertEqual(done.stdout, '')
        self.assertRegex(done.stderr, f'^error: {message}\n$')
        self.assertEqual(done.returncode, 2)

    def test_broken_file(self):
        text = self.read()
        old = os.path.join(HERE, LINE, 'rules', 'tcg.json')
        with open(old, encoding='utf-8') as f:
            old = f.read()
        for broken, message in [
                (text[:len(text) // 2], 'is not JSON: .*line [0-9]+ .*'),
                ('', 'is not JSON: Expecting value.*'),
                ('[]', 'is of version null; this reads version 1'),
                ('{}', 'is of version null; this reads version 1'),
                (old, 'is of version null; this reads version 1'),
                (text.replace('"format-version": 1', '"format-version": 2'),
                 'is of version 2; this reads version 1'),
                (text.replace('"format-version": 1', '"format-version": true'),
                 'is of version true; this reads version 1'),
                (text.replace(f'"line": "{LINE}"', '"line": "9.9"'),
                 f'is about QEMU 9.9, not QEMU {LINE}'),
                (text.replace('"models"', '"model"'),
                 "is not golden data: it has no member 'models'"),
                (text.replace('"conflicts"', '"conflict"'),
                 "is not golden data: it has no member 'conflicts'"),
                (text.replace('"like": "base"', '"like": "no-such"'),
                 "is not golden data: there is no model 'no-such', which "
                 'another one is like'),
                (text.replace('"like": "EPYC-v1"', '"like": "EPYC"'),
                 "is not golden data: model 'EPYC' is like itself in the end"),
                (text.replace('"pc-q35-3.1"', '"isapc"'),
                 "is not golden data: layers: 'isapc' is not a versioned "
                 'machine type'),
                (text.replace('"pc-q35-4.0"', '"pc-q35-2.4"'),
                 'is not golden data: layers: a machine type is in two of '
                 'them'),
                (text.replace('"name": "kvm"', '"name": "hvf"'),
                 "is not golden data: there is no accelerator 'kvm'"),
                (text.replace(f'     "{PRINTS[1]}",\n', ''),
                 "is not golden data: 'base' does not have one fingerprint "
                 'for each layer'),
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
        data = self.answers(TABLE, ['base', 'EPYC-v1', 'EPYC']).data
        # What it has many of
        for accelerator in data['accelerators']:
            del accelerator['fingerprints'][1:]
        types = data['layers'][1]['machine-types']
        more = [(f'types {value!r:.20}', {**data, 'layers': [
            {**data['layers'][0], 'machine-types': [value]},
            *data['layers'][1:]]})
                for value in [*VALUES, *TEXTS.values(), 'pc-q35-\u0661',
                              'pc-q35-10.0\n', 'pc-q35-' + '9' * 5000,
                              *types]]
        more.append(('no layers', {**data, 'layers': []}))
        refused = 0
        for what, other in [*all_replaced(data), *more]:
            with self.subTest(what):
                self.write(other)
                try:
                    answers = golden_data.read(self.dir, LINE)
                except golden_data.Failure as e:
                    refused += 1
                    self.assertRegex(str(e), f'^{self.path} is ')
                    self.assertLess(len(str(e)), 500 + len(self.path))
                else:
                    # It can be used, too.
                    golden_data.text_of(answers.data)
                    golden_data.compare_rules(answers.data, data)
                    for golden in answers.goldens.values():
                        golden_data.compare(golden, golden)
        self.assertGreater(refused, 100)

    def test_long_chain(self):
        """Of models that are like each other, with or without an end"""
        for end, message in (('base', ''), ('m0', 'is like itself')):
            models = [{'name': f'm{n}', 'like': f'm{n + 1}' if n < 4999
                       else end, 'changes': {}} for n in range(5000)]
            self.write({**self.answers(changed({
                'layers/pc-q35-10.0/changes': {'on': ['avx']}})).data,
                'models': [*models, TABLE['models'][0]], 'exceptions': []})
            if message:
                with self.assertRaisesRegex(golden_data.Failure, message):
                    golden_data.read(self.dir, LINE)
            else:
                golden = golden_data.read(self.dir, LINE).goldens['tcg']
                self.assertIs(golden.answers['m0'][f'pc-q35-{V4}']['avx'],
                              True)

    def test_command_line(self):
        check_command_line(
            self, script, dict(zip(self.args[1::2], self.args[2::2])),
            ['--accel', '--line', '--dir', '--cpu-tables', '--qemu',
             '--qmp', '--xyzzy'], verb=['check'],
            defaults=['--line', '--dir', '--cpu-tables'])

    def test_answers_of_qemu(self):
        """What is no answer, or of another shape"""
        for what, table in {
                'list': [], 'none': {}, 'version': {**TABLE,
                                                    'format-version': 2},
                'members': {**TABLE, 'models': [1]},
                'no rules': {**TABLE, 'dependencies': 1},
                'no machine types': changed({'layers': [
                    {'name': 'isapc', 'machine-types': ['isapc'],
                     'changes': {}}], 'exceptions': [],
                    'accelerators/kvm/exceptions': []}),
                'like none': changed({'layers/pc-q35-10.0/machine-types': [
                    'isapc']}),
                'big': changed({'models/EPYC/changes': {
                    'set': {'min-level': 1 << 64}}})}.items():
            with self.subTest(what):
                self.qemu_says(table)
                done = self.run_script('check')
                check_refused(self, done)
                self.assertIn('query-cpu-model-table: this QEMU is not '
                              'understood: ', done.stderr)

    def test_no_file(self):
        os.unlink(self.path)
        self.assert_error('cannot read .*answers.json: No such file or '
                          'directory')

    def test_cannot_write(self):
        shutil.rmtree(self.dir)
        with open(self.dir, 'w', encoding='utf-8'):
            pass
        self.assert_error('cannot write .*answers.json: .*', 'write')

    def test_qemu(self):
        self.assert_error('cannot start /no/such: No such file or directory',
                          qemu='/no/such')
        self.assert_error('QEMU does not start: exit code 0',
                          qemu='/bin/true')
        for fault, message in [
                # Who is first to know of it?
                ('death', '.*(fake_qemu: out of order|Disconnected)'),
                ('error', 'query-cpu-model-table: No such luck'),
                ('old', '.*fake_qemu.py .QEMU 10.0.1. has CPU introspection, '
                        'but is too old for query-cpu-model-table'),
                ('stock', '.*fake_qemu.py .QEMU 10.0.1. is built without CPU '
                          'introspection')]:
            self.assert_error(message, FAKE_QEMU_FAULT=fault)

    def test_no_running_qemu(self):
        for path, message in [
                ('/no/such', 'cannot connect to /no/such: No such file or '
                             'directory'),
                ('', 'cannot connect to : .*')]:
            self.assert_error(message, 'check', '--qmp', path)

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
        for args in ['--json'], ['--accel', 'tcg']:
            self.assert_error(f'{args[0]} is for check', 'write', *args)


if __name__ == '__main__':
    unittest.main()
