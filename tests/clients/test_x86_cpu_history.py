# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu history: was a feature ever in a CPU model, and where?

Judged by static expansions that Python makes of the same file, by what guests
read from CPUID on the machine types in question, and by what is known of QEMU's
releases.
"""

import copy
import functools
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest'),
                os.path.join(REPO, 'tests', 'tool')]

from answer_tool import batch, programs, run  # noqa: E402
from bad_input import TEXTS, check_refused  # noqa: E402
from cpu_models import ask  # noqa: E402
import x86_cpu_golden as golden_data  # noqa: E402
import x86_cpu_models  # noqa: E402
from guest_cpuid import guest_view, register  # noqa: E402
from release_line import NEWEST, OLDEST, of_line, version  # noqa: E402
from schemas import check_json, check_schema  # noqa: E402
from terminal import run_on_terminal  # noqa: E402
from x86_cpu_errors import Failure  # noqa: E402
from x86_cpu_names import Names  # noqa: E402
from x86_cpu_text import number_key  # noqa: E402

QEMU = os.environ['QTEST_QEMU_BINARY']
LINE = os.environ['LINE']
MODELS = os.path.join(os.path.dirname(QEMU), 'qemu-cpu-models.json')
with open(MODELS, encoding='utf-8') as file:
    TABLE = json.load(file)
# By versioned machine type: the number of its layer
LAYERS = {name: number for number, layer in enumerate(TABLE['layers'])
          for name in layer['machine-types']
          if golden_data.MACHINE_TYPE.match(name)}
TYPES = sorted(LAYERS, key=golden_data.type_key)
ACCELERATORS = {'tcg': ('tcg', None), 'kvm-intel': ('kvm', 'GenuineIntel'),
                'kvm-amd': ('kvm', 'AuthenticAMD')}

# What history says, and where a guest sees it (SDM vol. 2, CPUID; APM vol.
# 3, Fn8000_0001): feature, model, leaf, sub-leaf, register, bit
BITS = [
    ('mpx', 'Skylake-Client', 7, 0, 'EBX', 14),
    ('mpx', 'Skylake-Client-v1', 7, 0, 'EBX', 14),
    ('mpx', 'Skylake-Server-IBRS', 7, 0, 'EBX', 14),
    ('topoext', 'EPYC', 0x80000001, 0, 'ECX', 22),
    ('abm', 'Haswell', 0x80000001, 0, 'ECX', 5),
    ('rdtscp', 'Opteron_G4', 0x80000001, 0, 'EDX', 27),
]
BIT_TYPES = sorted({*map(of_line, [
    'pc-i440fx-2.4', 'pc-q35-2.12', 'pc-i440fx-3.0', 'pc-q35-3.1',
    'pc-i440fx-4.0', 'pc-q35-10.0']), NEWEST})

# What changed with a machine type in a model of which no version is named,
# by line: model, feature, values, the last old version and the first new one
CHANGED, CHANGE, OLD_VALUE, NEW_VALUE, LAST_OLD, FIRST_NEW = {
    '10.0': ('Skylake-Client', 'mpx', True, False, '3.1', '4.0'),
    '11.1': ('qemu64', 'stepping', 3, 1, '6.0', '6.1')}[LINE]
# The values as shown, and the row that is next
OLD_SHOWN, NEW_SHOWN, NEXT = {
    '10.0': ('on', 'off', 'Skylake-Client-IBRS on pc-*-2.4 to 3.1 -v2'),
    '11.1': ('3', '1', 'qemu64-v1 1 all')}[LINE]
# The same in CPU models in general
SET, SET_OFF, SET_ON = {
    '10.0': ('l3-cache', '2.7', '2.8'),
    '11.1': ('x-vendor-cpuid-only', '6.0', '6.1')}[LINE]
# The versions of machine types at either end
FIRST, LAST = (name.rpartition('-')[2] for name in (OLDEST, NEWEST))


def history(*args, models=(MODELS,)):
    """The command line, on files of CPU models"""
    return run(['history', *args], models)


def program():
    """Its path"""
    return (os.environ.get('X86_CPU_ANSWER') or
            os.path.join(programs(), 'answer'))


def rows(text):
    return [line.split() for line in text.splitlines()]


class Judge:
    """The same answers, from Python's static expansions of the file."""

    def __init__(self, table):
        self.expander = x86_cpu_models.Expander(table)
        self.models = sorted(self.expander.models.names(), key=number_key)
        self.newest = {model: self.expansions(model, 'tcg')[NEWEST]
                       for model in self.models}
        # Equal ones have equal texts, which are compared at once.
        self.texts = {model: json.dumps(props, sort_keys=True)
                      for model, props in self.newest.items()}

    @functools.cache
    def expansions(self, model, accel):
        """By machine type: the properties"""
        found = list(self.expander.expansions(model, *ACCELERATORS[accel]))
        return {machine: found[LAYERS[machine]] for machine in TYPES}

    def values(self, model, feature, accelerators):
        """As "values" of an entry"""
        found = {}
        for accel in accelerators:
            groups = {}
            for machine, props in self.expansions(model, accel).items():
                groups.setdefault(json.dumps(props.get(feature)),
                                  []).append(machine)
            for value, types in groups.items():
                where = ('all' if types == TYPES else
                         golden_data.ranges(types, TYPES))
                found.setdefault(value, {}).setdefault(where, []).append(
                    accel)
        return [{'value': json.loads(value), 'machine-types': where,
                 'accelerators': names} for value, places in found.items()
                for where, names in places.items()]

    def stem(self, name):
        stem, _, number = name.rpartition('-v')
        return stem if stem in self.newest and number.isdigit() else name

    def relatives(self, model):
        found, new = set(), {model}
        while new:
            found |= new
            new = {name for name in self.models if any(
                self.stem(name) == self.stem(other) or
                self.texts[name] == self.texts[other]
                for other in found)} - found
        return sorted(found, key=number_key)

    def stands_for(self, models):
        found = {}
        for model in models:
            equal = [name for name in self.models
                     if self.stem(name) != name and
                     self.texts[name] == self.texts[model]]
            if equal and self.stem(model) == model:
                found[model] = equal[0]
        return found

    def differing(self, models, accelerators):
        found = set()
        for accel in accelerators:
            # Many machine types share one.
            each = {id(props): props for model in models
                    for props in self.expansions(model, accel).values()}
            first, *others = each.values()
            for props in others:
                found |= {name for name in {**first, **props}
                          if json.dumps(first.get(name)) !=
                          json.dumps(props.get(name))}
        return sorted(found)

    def had(self, feature, accelerators):
        return [model for model in self.models if any(
            props.get(feature) not in (None, False)
            for accel in accelerators
            for props in self.expansions(model, accel).values())]

    def answer(self, model, feature, accelerators):
        models = (self.relatives(model) if model else
                  self.had(feature, accelerators))
        features = ([feature] if feature else
                    self.differing(models, accelerators))
        entries = {(m, f): self.values(m, f, accelerators)
                   for m in models for f in features}
        answer = {
            'accelerators': accelerators, 'line': LINE, 'model': model,
            'feature': feature, 'stands-for': self.stands_for(models),
            'history': [{'model': m, 'feature': f, 'values': values}
                        for (m, f), values in entries.items()]}
        if not feature:
            answer['general'] = [
                f for f in features if model != 'base' and all(
                    entries[m, f] == self.values('base', f, accelerators)
                    for m in models)]
        return answer


class Judged(unittest.TestCase):
    """Whole answers"""

    @classmethod
    def setUpClass(cls):
        cls.judge = Judge(TABLE)

    def check(self, cases):
        cases = [(model, feature, accel) for model, feature, accel in cases
                 if model or feature]
        answers = batch([{'verb': 'history', **{
            name: value for name, value in zip(
                ('model', 'feature', 'accel'), case) if value}}
            for case in cases], MODELS)
        for (model, feature, accel), found in zip(cases, answers):
            accelerators = {None: [*ACCELERATORS],
                            'kvm': ['kvm-intel', 'kvm-amd']}.get(
                                accel, [accel])
            with self.subTest(model=model, feature=feature, accel=accel):
                check_schema('x86-cpu-history', found)
                wanted = self.judge.answer(model, feature, accelerators)
                self.assertEqual(
                    json.dumps(wanted, sort_keys=True), json.dumps(
                        {name: found.get(name) for name in wanted},
                        sort_keys=True))

    def test_models(self):
        """All that ever differed: in some models, and in base"""
        choose = random.Random('models')
        self.check([(model, None, choose.choice([None, 'tcg', 'kvm']))
                    for model in ['base', 'EPYC', 'x86-64-v2', *choose.sample(
                        self.judge.models, 9)]])

    def test_features(self):
        """Every model that had it, also of numbers and texts"""
        choose = random.Random('features')
        names = sorted({name for props in self.judge.newest.values()
                        for name in props})
        self.check([(None, feature, accel) for feature in [
            'phys-bits', 'level', 'guest-phys-bits', 'vendor', 'kvm',
            *choose.sample(names, 15)]
            for accel in [choose.choice([None, 'kvm-amd'])]])

    def test_both(self):
        choose = random.Random('both')
        names = sorted({name for props in self.judge.newest.values()
                        for name in props})
        self.check([(choose.choice(self.judge.models), choose.choice(names),
                     choose.choice([None, *ACCELERATORS, 'kvm']))
                    for _ in range(200)])


class Answers(unittest.TestCase):
    def table(self, *args):
        done = history(*args)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 100)
            self.assertEqual(line, line.rstrip())
        return done.stdout

    def answer(self, *args):
        done = history('--format', 'json', *args)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return check_json(self, 'x86-cpu-history', done.stdout)

    def values(self, model, feature, accel='tcg'):
        """What history says, by machine type"""
        answer = self.answer('--model', model, '--feature', feature,
                             '--accel', accel)
        found = {}
        for entry in answer['history']:
            if entry['model'] == model:
                self.assertEqual(entry['feature'], feature)
                for value in entry['values']:
                    where = value['machine-types']
                    for machine in (TYPES if where == 'all' else
                                    golden_data.parse_ranges(where, TYPES)):
                        self.assertNotIn(machine, found)
                        found[machine] = value['value']
        self.assertEqual(set(found), set(TYPES))
        return found

    def test_alias_that_ends_like_a_version(self):
        """x86-64-v3 is not a version of x86-64, nor kin to x86-64-v2"""
        text = self.table('--model', 'x86-64-v3', '--feature', 'avx2')
        self.assertEqual(rows(text)[3:], [
            ['x86-64-abi3', 'on', 'all', '-v1'],
            ['x86-64-abi3-v1', 'on', 'all'],
            ['x86-64-v3', 'on', 'all', 'x86-64-abi3-v1']])

    def test_by_machine_type(self):
        """It changed, where no version is named"""
        text = self.table('--model', CHANGED, '--feature', CHANGE)
        self.assertTrue(text.startswith(f'{CHANGE} in {CHANGED} (QEMU '))
        self.assertEqual(
            [row[:6] for row in rows(text)[2:6]],
            [['MODEL', CHANGE.upper(), 'MACHINE', 'TYPES', 'STANDS', 'FOR'],
             [CHANGED, OLD_SHOWN, f'pc-*-{FIRST}', 'to', LAST_OLD, '-v1'],
             [NEW_SHOWN, f'pc-*-{FIRST_NEW}', 'to', LAST], NEXT.split()])
        for accel in ('tcg', 'kvm-intel', 'kvm-amd'):
            for machine, value in self.values(CHANGED, CHANGE,
                                              accel).items():
                is_old = version(machine) <= version(f'pc-q35-{LAST_OLD}')
                self.assertIs(type(value), type(OLD_VALUE))
                self.assertEqual(value, OLD_VALUE if is_old else NEW_VALUE,
                                 machine)

    def test_mpx(self):
        """No version of the model has had it, only machine types until 3.1"""
        text = self.table('--model', 'Skylake-Client', '--feature', 'mpx')
        self.assertTrue(text.startswith('mpx in Skylake-Client (QEMU '))
        for number in range(1, 5):
            self.assertIn([f'Skylake-Client-v{number}', 'off', 'all'],
                          rows(text))
        for accel in ('tcg', 'kvm-intel', 'kvm-amd'):
            for machine, value in self.values('Skylake-Client', 'mpx',
                                              accel).items():
                self.assertEqual(value, version(machine) <= (3, 1), machine)

    def test_guests(self):
        """What it says is what guests see"""
        for feature, model, leaf, subleaf, name, bit in BITS:
            values = self.values(model, feature)
            self.assertLessEqual({*BIT_TYPES}, {*values})
            for machine in BIT_TYPES:
                view = guest_view(QEMU, [
                    '-machine', machine, '-cpu',
                    f'{model},x-force-features=on'])
                self.assertEqual(
                    bool(register(view, leaf, subleaf, name) >> bit & 1),
                    values[machine], f'{feature}, {model}, {machine}')

    def test_guests_by_value(self):
        """Numbers are what guests see as well"""
        for model, machine in (('qemu64', 'pc-i440fx-6.0'),
                               ('qemu64', 'pc-q35-6.1'),
                               ('Cascadelake-Server',
                                of_line('pc-q35-3.1')),
                               ('Cascadelake-Server',
                                of_line('pc-q35-4.0')),
                               ('Cascadelake-Server', NEWEST)):
            eax = register(guest_view(QEMU, [
                '-machine', machine, '-cpu',
                f'{model},x-force-features=on']), 1, 0, 'EAX')
            family = (eax >> 8 & 0xf) + (eax >> 20 & 0xff)
            self.assertEqual(self.values(model, 'stepping')[machine],
                             eax & 0xf)
            self.assertEqual(self.values(model, 'family')[machine], family)

    def test_by_model(self):
        """All that ever differed, and nothing else"""
        answer = self.answer('--model', 'Skylake-Client', '--accel', 'tcg')
        features = {entry['feature'] for entry in answer['history']}
        by_machine_type = {
            '10.0': {'mpx', 'l3-cache', 'x-hv-max-vps'},
            '11.1': {'x-vendor-cpuid-only', 'x-l1-cache-per-thread',
                     'hv-version-id-build'}}[LINE]
        self.assertLessEqual({'hle', 'rtm', 'spec-ctrl', 'xsaves', 'model-id',
                              *by_machine_type}, features)
        self.assertEqual('mpx' in features, LINE == '10.0')
        for feature in features:
            self.assertGreater(len({
                json.dumps(value['value']) for entry in answer['history']
                if entry['feature'] == feature
                for value in entry['values']}), 1, feature)
        self.assertEqual(answer['stands-for'], {
            'Skylake-Client': 'Skylake-Client-v1',
            'Skylake-Client-IBRS': 'Skylake-Client-v2',
            'Skylake-Client-noTSX-IBRS': 'Skylake-Client-v3'})
        text = self.table('--model', 'Skylake-Client')
        own, general = text.split('\nAs in CPU models in general')
        for feature in {'hle', 'mpx'} & features:
            self.assertIn(f'\n  {feature} ', own)
            self.assertNotIn(f'\n  {feature} ', general)
        self.assertNotIn(f'\n  {SET} ', own)
        self.assertRegex(general, rf'\n  {SET} +off +all +'
                                  rf'pc-\*-{FIRST} to {SET_OFF}\n'
                                  rf' +on +all +pc-\*-{SET_ON} ')
        self.assertEqual(features, {
            row[0] for row in rows(text) if row and row[0] in features})
        # Any name of the family gives the family.
        for name in ('Skylake-Client-v4', 'Skylake-Client-noTSX-IBRS'):
            other = self.answer('--model', name, '--accel', 'tcg')
            self.assertEqual(other['history'], answer['history'])

    def test_by_model_and_accelerator(self):
        """What is not the same everywhere says where it is"""
        text = self.table('--model', 'EPYC')
        self.assertRegex(text, {
            '10.0': r'\n  npt +off +tcg +pc-\*-2.4 to 3.1 +EPYC, EPYC-IBPB\n'
                    r' +off +kvm-intel, +all +all of them\n',
            '11.1': r'\n  lbrv +off +all +all +EPYC, EPYC-IBPB, EPYC-v1,\n'
                    r' +EPYC-v2, EPYC-v3, EPYC-v4\n +on +tcg +all +EPYC-v5\n'
                    r' +off +kvm-intel, +all +EPYC-v5\n'}[LINE])
        self.assertRegex(text, r'\n  guest-phys-bits +0 +tcg +all\n'
                               rf' +0 +kvm-intel, +pc-\*-{FIRST} to 9.0\n'
                               r' +kvm-amd\n +the host\'s +kvm-intel, +'
                               r'pc-\*-9.1 to ')
        self.assertNotIn('\n  vendor', text)
        for line in rows(self.table('--model', 'EPYC-Milan', '--feature',
                                    'vendor', '--accel', 'kvm'))[3:]:
            self.assertIn('kvm-amd' if 'AuthenticAMD' in line else
                          'kvm-intel', line)
        self.assertRegex(self.table('--model', 'EPYC', '--feature',
                                    'guest-phys-bits', '--accel', 'kvm-amd'),
                         r"\n +the host's +pc-\*-9.1 to ")

    def test_by_feature(self):
        """Every model that ever had it"""
        text = self.table('--feature', 'mpx')
        models = [row[0] for row in rows(text)[3:] if row[0] != 'off']
        until_3_1 = {'Skylake-Client', 'Skylake-Server-IBRS'}
        self.assertLessEqual({'Denverton', 'Denverton-v1', 'Snowridge-v1'},
                             set(models))
        self.assertEqual(until_3_1 & set(models),
                         until_3_1 if LINE == '10.0' else set())
        self.assertFalse({'Skylake-Client-v1', 'EPYC', 'base'} & set(models))
        self.assertEqual(
            {entry['model'] for entry in
             self.answer('--feature', 'mpx')['history']}, set(models))
        self.assertIn(f'{len(models)} models have had it', text)
        never = self.table('--feature', 'xen-vapic')
        self.assertEqual(never.count('\n'), 1)
        self.assertTrue(never.startswith(
            'xen-vapic: no model has ever had it (QEMU '), never)

    def test_versions_are_in_order(self):
        """Version 100 comes after 99"""
        table = copy.deepcopy(TABLE)
        add_models(table, {f'Icelake-Server-v{number}': 'Icelake-Server-v1'
                           for number in (98, 99, 100)})
        with written(table) as path:
            done = history('--model', 'Icelake-Server', '--feature', 'mpx',
                           '--json', models=[path])
        models = [entry['model'] for entry in
                  json.loads(done.stdout)['history']]
        self.assertEqual(models, sorted(models, key=number_key))
        self.assertEqual([name.rpartition('-v')[2] for name in models][-3:],
                         ['98', '99', '100'])

    def test_older_name(self):
        """As it is installed: a link that says which verb it is"""
        with tempfile.TemporaryDirectory() as tmp:
            link = os.path.join(tmp, 'x86-cpu-history')
            os.symlink(program(), link)
            args = ['--cpu', 'EPYC', '--feature', 'topoext']
            done = subprocess.run(
                [link, *args, '--models', MODELS], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, check=False, env={})
            self.assertEqual(done.stderr, '')
            self.assertEqual(done.stdout, history(*args).stdout)

    def test_width(self):
        """As the terminal has it"""
        for columns, least, most in (70, 60, 70), (140, 101, 140), (20, 50,
                                                                    60):
            status, text, stderr = run_on_terminal(
                [program(), 'history', '--models', MODELS, '--model', 'EPYC'],
                columns)
            self.assertEqual((status, stderr), (0, ''))
            widest = max(map(len, text.splitlines()))
            self.assertLessEqual(widest, most)
            self.assertGreaterEqual(widest, least)

    def test_output_cannot_be_written(self):
        for args in (['--model', 'EPYC'], ['--model', 'EPYC', '--json']):
            with open('/dev/full', 'wb') as full:
                done = subprocess.run(
                    [program(), 'history', '--models', MODELS, *args],
                    stdout=full,
                    stderr=subprocess.PIPE, text=True, check=False)
            self.assertRegex(done.stderr,
                             '^error: cannot write the output: .*\n$')
            self.assertEqual(done.returncode, 1)

    def test_names_of_features(self):
        """QEMU's aliases and libvirt's names, and what is not a feature"""
        for name, feature in (('sse3', 'pni'), ('lahf_lm', 'lahf-lm'),
                              ('pclmuldq', 'pclmulqdq'),
                              ('model_id', 'model-id')):
            done = history('--model', 'EPYC', '--feature', name)
            self.assertEqual(done.stderr, f'note: {name} is {feature}\n')
            self.assertTrue(done.stdout.startswith(f'{feature} in EPYC ('))
            self.assertEqual(
                self.answer('--model', 'EPYC', '--feature', name)['notes'],
                [f'{name} is {feature}'])

    def test_every_name(self):
        """Of all that the file has"""
        pairs = [(other, feature['name']) for word in TABLE['words']
                 for feature in word['features']
                 for other in [feature['name'], *feature.get('aliases', []),
                               # An empty one is none.
                               feature.get('libvirt') or feature['name']]]
        names = {name for _, name in pairs}
        self.assertGreater(len(pairs), len(names))
        answers = batch([{'verb': 'history', 'model': 'base',
                          'feature': other, 'accel': 'tcg'}
                         for other, _ in pairs], MODELS)
        for (other, name), answer in zip(pairs, answers):
            self.assertEqual(answer.get('feature'),
                             other if other in names else name, other)

    def test_flags(self):
        """Of /proc/cpuinfo, as all other verbs take them"""
        features, = ask(['-machine', 'none', '-accel', 'tcg'],
                        [('query-cpu-features', {})])
        names = Names(features['return'])
        flags = sorted({flag for feature in features['return']
                        for flag in feature['cpuinfo']})
        answers = batch([{'verb': 'history', 'model': 'base', 'feature': flag,
                          'accel': 'tcg'} for flag in flags], MODELS)
        several = 0
        for flag, answer in zip(flags, answers):
            with self.subTest(flag):
                try:
                    expected = names.find(flag)
                except Failure as exc:
                    self.assertEqual(answer['error'], str(exc))
                    several += 1
                else:
                    self.assertEqual(answer.get('feature'), expected)
        self.assertGreater(several, 0)
        self.assertGreater(len(flags), 200)


def add_models(table, models):
    """Adds models by name, of a model that they are like."""
    table['models'] += [{'name': name, 'like': like, 'changes': {}}
                        for name, like in models.items()]
    table['models'].sort(key=lambda model: model['name'])
    for accelerator in table['accelerators']:
        accelerator['fingerprints'] = []


class written:
    """The path of a file with a table, for a while"""

    def __init__(self, table):
        self.text = x86_cpu_models.text_of(x86_cpu_models.sealed(table))

    def __enter__(self):
        # pylint: disable=consider-using-with
        self.file = tempfile.NamedTemporaryFile('w', suffix='.json')
        self.file.write(self.text)
        self.file.flush()
        return self.file.name

    def __exit__(self, *_):
        self.file.close()


class OtherFiles(unittest.TestCase):
    """Models of a site's own, several release lines, other builds"""

    def test_site(self):
        """Acme_x and -v1 of EPYC-v1, which had mpx once"""
        table = copy.deepcopy(TABLE)
        add_models(table, {'Acme_x': 'Acme_x-v1', 'Acme_x-v1': 'EPYC-v1'})
        layer = LAYERS[f'pc-q35-{LAST_OLD}']
        table['models'] = [
            {**model, 'changes': {'set': {'model-id': 'Acme'}}}
            if model['name'] == 'Acme_x-v1' else model
            for model in table['models']]
        # Layers begin with the newest one.
        table['exceptions'] += [
            {'model': name, 'layer': table['layers'][layer]['name'],
             'changes': {'on': ['mpx']}} for name in ('Acme_x', 'Acme_x-v1')]
        judge = Judge(table)
        with written(table) as path:
            done = history('--model', 'Acme_x', '--feature', 'mpx',
                           models=[path])
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            old = rf'pc-\*-{FIRST} to {LAST_OLD}'
            self.assertRegex(done.stdout, rf'\n  Acme_x +on +{old} +-v1\n')
            self.assertRegex(done.stdout, rf'\n  Acme_x-v1 +on +{old}\n')
            done = history('--feature', 'mpx', '--json', models=[path])
            answer = check_json(self, 'x86-cpu-history', done.stdout)
            models = {entry['model'] for entry in answer['history']}
            self.assertLessEqual({'Acme_x', 'Acme_x-v1', 'Denverton'}, models)
            wanted = judge.answer(None, 'mpx', [*ACCELERATORS])
            self.assertEqual(answer['history'], wanted['history'])

    def test_text_of_a_file(self):
        """No terminal takes it for a command"""
        table = copy.deepcopy(TABLE)
        add_models(table, {'Acme': 'EPYC-v1'})
        for model in table['models']:
            if model['name'] == 'Acme':
                model['changes'] = {'set': {'model-id': 'A\u00e9\u009b1m'}}
        with written(table) as path:
            done = history('--model', 'Acme', '--feature', 'model-id',
                           models=[path])
            self.assertTrue(done.stdout.isascii())
            self.assertRegex(done.stdout, r'\n  Acme +A\?+1m')

    def test_lines(self):
        """Several files: one after the other"""
        table = copy.deepcopy(TABLE)
        table['qemu'] = {**table['qemu'], 'major': 99, 'minor': 7}
        add_models(table, {'Acme_x': 'EPYC-v1'})
        with written(table) as path:
            args = ['--model', 'EPYC', '--feature', 'topoext']
            done = history(*args, '--json', models=[MODELS, path])
            answer = check_json(self, 'x86-cpu-history', done.stdout)
            one = json.loads(history(*args, '--json').stdout)
            self.assertEqual([line['line'] for line in answer['lines']],
                             [LINE, '99.7'])
            for name in 'accelerators', 'history', 'stands-for':
                self.assertEqual(answer['lines'][0][name], one[name])
                self.assertNotIn(name, answer)
            first, *others = answer['lines'][1]['history']
            self.assertEqual(first['model'], 'Acme_x')
            self.assertEqual(others, one['history'])
            text = history(*args, models=[MODELS, path]).stdout
            self.assertEqual(text.count('topoext in EPYC (QEMU '), 2)
            self.assertTrue(text.startswith(history(*args).stdout))
            done = history('--model', 'Acme_x', models=[MODELS, path])
            self.assertEqual(done.returncode, 0)
            self.assertIn(f'(QEMU {LINE}): this QEMU has no such model\n',
                          done.stdout)
            done = history('--model', 'Acme_x', '--json',
                           models=[MODELS, path])
            self.assertEqual(check_json(self, 'x86-cpu-history', done.stdout)
                             ['lines'][0]['missing'], 'model')
            done = history('--model', 'Acme_y', models=[MODELS, path])
            self.assertEqual(done.stderr, "error: unknown CPU model 'Acme_y'; "
                                          "did you mean 'Acme_x'?\n")

    def test_without_kvm(self):
        table = copy.deepcopy(TABLE)
        table['accelerators'] = [a for a in table['accelerators']
                                 if a['name'] == 'tcg']
        with written(table) as path:
            done = history('--model', 'EPYC', '--feature', 'topoext',
                           models=[path])
            self.assertIn('; TCG)\n', done.stdout)
            done = history('--model', 'EPYC', '--accel', 'kvm-amd',
                           models=[path])
            self.assertRegex(done.stderr, r'^error: QEMU [^\n]* was built '
                                          r'without kvm\n$')
            self.assertEqual(done.returncode, 2)

    def test_without_versions(self):
        table = copy.deepcopy(TABLE)
        table['layers'] = [{**table['layers'][-1], 'name': 'isapc',
                            'machine-types': ['isapc']}]
        table['layers'][0].pop('like', None)
        table['machine-aliases'] = []
        table['exceptions'] = []
        for accelerator in table['accelerators']:
            accelerator.update(exceptions=[], fingerprints=[])
        with written(table) as path:
            done = history('--model', 'EPYC', models=[path])
            self.assertRegex(done.stderr, r'^error: QEMU [^\n]* has no '
                                          r'machine types with a version\n$')


class Errors(unittest.TestCase):
    def check_error(self, message, *args):
        done = history(*args)
        self.assertEqual(done.stdout, '')
        self.assertRegex(done.stderr, f'^error: {message}\n$')
        self.assertEqual(done.returncode, 2)

    def test_names(self):
        for message, args in [
                (r"unknown CPU model 'Skylake-Cleint'; did you mean "
                 r"'Skylake-Client'\?", ['--model', 'Skylake-Cleint']),
                (r"unknown CPU model 'epyc'; did you mean 'EPYC'\?",
                 ['--model', 'epyc']),
                ("unknown CPU model 'xyzzy'; no similar name in the file of "
                 'CPU models', ['--model', 'xyzzy']),
                ("unknown feature 'xyzzy'; no similar name in the file of "
                 'CPU models', ['--feature', 'xyzzy']),
                (r"unknown feature 'topo-ext'; did you mean 'topoext'\?",
                 ['--model', 'EPYC', '--feature', 'topo-ext']),
                (r"unknown feature 'MPX'; did you mean 'mpx'\?",
                 ['--feature', 'MPX']),
                (r"unknown feature 'NONSTOP_TSC'; did you mean "
                 r"'nonstop_tsc'\?", ['--feature', 'NONSTOP_TSC']),
                (r"unknown feature 'ibrs-enhanced'; did you mean "
                 r"'auto-ibrs' or 'ibrs-all'\?",
                 ['--feature', 'ibrs-enhanced']),
                (r"unknown accelerator 'kvm-inetl'; did you mean "
                 r"'kvm-intel'\?",
                 ['--model', 'EPYC', '--accel', 'kvm-inetl']),
                ("unknown accelerator 'hvf'; use tcg, kvm-intel, kvm-amd or "
                 'kvm', ['--model', 'EPYC', '--accel', 'hvf']),
                (r"unknown format 'jsno'; did you mean 'json'\?",
                 ['--model', 'EPYC', '--format', 'jsno']),
                ("unknown format 'xml'; use table or json",
                 ['--model', 'EPYC', '--format', 'xml']),
                (r'name a CPU model \(--model EPYC; make history '
                 r'MODEL=EPYC\), a feature \(--feature mpx; FEATURE=mpx\), '
                 'or both', []),
                ("'host' has no history: it is the host's CPU; 'x86-cpu "
                 "removed --cpu host' shows what it is here",
                 ['--model', 'host']),
                (r"history takes no '--machine'.*",
                 ['--model', 'EPYC', '--machine', 'pc'])]:
            self.check_error(message, *args)

    def test_bad_input(self):
        """One line whatever is given"""
        for option in '--model', '--feature', '--accel', '--format':
            for what, text in TEXTS.items():
                with self.subTest(f'{option} {what}'):
                    done = history(*([] if option == '--model' else
                                     ['--model', 'EPYC']), option, text)
                    check_refused(self, done, [text])

    def test_bad_requests(self):
        for member in 'model', 'feature', 'accel':
            for value in None, True, 1, 1 << 70, ['EPYC'], {}, 'a\0b':
                answer, = batch([{'verb': 'history', 'model': 'EPYC',
                                  member: value}], MODELS)
                self.assertEqual(answer['status'], 2, value)


if __name__ == '__main__':
    unittest.main()
