# SPDX-License-Identifier: GPL-2.0-or-later
"""
scripts/x86-cpu-history: was a feature ever in a CPU model, and where?

Judged by what guests read from CPUID on the machine types in question, and
by what is known of QEMU's releases.
"""

import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest')]

from bad_input import check_command_line  # noqa: E402
import x86_cpu_golden as golden_data  # noqa: E402
from guest_cpuid import guest_view, register  # noqa: E402
from release_line import NEWEST, OLDEST, of_line, version  # noqa: E402
from schemas import check_json, check_schema  # noqa: E402
from script_module import load_script  # noqa: E402

SCRIPTS = os.path.join(REPO, 'scripts')
SCRIPT = os.path.join(SCRIPTS, 'x86-cpu-history')
QEMU = os.environ['QTEST_QEMU_BINARY']
LINE = os.environ['LINE']
RELEASED = golden_data.read(os.path.join(REPO, 'tests', 'golden', LINE), LINE)
TYPES = RELEASED.types

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


def history(*args, script=SCRIPT, **env):
    return subprocess.run([script, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60,
                          check=False, env={**os.environ, **env})


def rows(text):
    return [line.split() for line in text.splitlines()]


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
        """x86-64-v3 is no version of x86-64, and no kin of x86-64-v2"""
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
        """Version 10 would come after 9; no model has as many yet"""
        script = load_script('x86-cpu-history')
        names = ['Icelake-Server', 'Icelake-Server-v2', 'Icelake-Server-v9',
                 'Icelake-Server-v10']
        self.assertEqual(sorted(sorted(names), key=script.number_key), names)
        entries = self.answer('--model', 'Icelake-Server', '--feature',
                              'mpx')['history']
        models = [entry['model'] for entry in entries]
        self.assertEqual(models, sorted(models, key=script.number_key))

    def test_needs_no_qemu(self):
        """Nor its library, wherever it is installed to"""
        with tempfile.TemporaryDirectory() as tmp:
            for name in os.listdir(SCRIPTS):
                if name.startswith(('x86-cpu-history', 'x86_cpu_')):
                    shutil.copy(os.path.join(SCRIPTS, name), tmp)
            os.makedirs(os.path.join(tmp, 'golden', LINE))
            shutil.copy(golden_data.path_of(os.path.join(
                REPO, 'tests', 'golden', LINE)),
                        os.path.join(tmp, 'golden', LINE))
            args = ['--model', 'EPYC', '--feature', 'topoext']
            link = os.path.join(tmp, 'link')
            os.symlink(os.path.join(tmp, 'x86-cpu-history'), link)
            for script in (os.path.join(tmp, 'x86-cpu-history'), link):
                done = history(*args, script=script, PYTHONPATH='', LINE='',
                               PATH='/nonexistent:/usr/bin')
                self.assertEqual(done.stderr, '')
                self.assertEqual(done.stdout, history(*args).stdout)


class SiteModels(unittest.TestCase):
    """Models of a site's own, with data beside their tables"""

    OLD = rf'pc-\*-{FIRST} to {LAST_OLD}'

    def setUp(self):
        self.tables = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tables)
        self.write()

    def write(self, types=None):
        """Makes Acme_x and -v1 of EPYC-v1, which had mpx once."""
        data = copy.deepcopy(RELEASED.data)
        model, = [m for m in data['models'] if m['name'] == 'EPYC-v1']
        data['models'] = [
            {'name': 'Acme_x-v1', 'like': 'base', 'changes': {
                **model['changes'], 'set': {**model['changes']['set'],
                                            'model-id': 'Acme'}}},
            {'name': 'Acme_x', 'like': 'Acme_x-v1', 'changes': {}},
            *[m for m in data['models'] if m['name'] == 'base']]
        models = {m['name'] for m in data['models']}
        # From one layer on, whatever it was
        layer, = [layer['name'] for layer in data['layers']
                  if f'pc-q35-{LAST_OLD}' in layer['machine-types']]
        data['exceptions'] = [
            {'model': name, 'layer': layer, 'changes': {'on': ['mpx']}}
            for name in sorted(models - {'base'})]
        for part in data['layers']:
            part['machine-types'] = [
                name for name in part['machine-types']
                if name in (types or TYPES)]
        for accelerator in data['accelerators']:
            accelerator['fingerprints'] = []
        golden_data.write(
            golden_data.site_dir(self.tables, LINE),
            golden_data.Answers(golden_data.contents_of(data, LINE, models)))

    def history(self, *args):
        return history('--cpu-tables', self.tables, *args)

    def test_model(self):
        done = self.history('--model', 'Acme_x', '--feature', 'mpx')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        text = done.stdout
        self.assertRegex(text, rf'\n  Acme_x +on +{self.OLD} +-v1\n')
        self.assertRegex(text, rf'\n  Acme_x-v1 +on +{self.OLD}\n')
        done = self.history('--model', 'Acme_x')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn('\n  mpx ', done.stdout)
        done = self.history('--feature', 'mpx', '--json')
        answer = json.loads(done.stdout)
        models = {entry['model'] for entry in answer['history']}
        self.assertLessEqual({'Acme_x', 'Acme_x-v1', 'Denverton', *(
            ['Skylake-Client'] if LINE == '10.0' else [])}, models)
        check_schema('x86-cpu-history', answer)

    def test_others_are_as_before(self):
        args = ['--model', 'EPYC']
        self.assertEqual(self.history(*args).stdout, history(*args).stdout)
        done = history('--model', 'Acme_x')
        self.assertRegex(done.stderr, "^error: unknown CPU model 'Acme_x'")

    def test_no_data(self):
        shutil.rmtree(os.path.join(self.tables, 'golden'))
        done = self.history('--model', 'EPYC', '--feature', 'topoext')
        self.assertEqual(done.stdout, history('--model', 'EPYC', '--feature',
                                              'topoext').stdout)
        self.assertEqual(done.stderr, (
            f'note: the CPU models of {self.tables} have no golden data of '
            f'QEMU {LINE}; make golden writes it\n'))

    def test_errors(self):
        self.write(TYPES[1:])
        path = golden_data.path_of(golden_data.site_dir(self.tables, LINE))
        for message, tables in [
                (f"{path} is about other machine types than the line's; make "
                 'golden renews it', self.tables),
                ("'/no/such' is not a directory", '/no/such')]:
            done = history('--model', 'EPYC', '--cpu-tables', tables)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (2, '', f'error: {message}\n'))


class Errors(unittest.TestCase):
    def check_error(self, message, *args, **env):
        done = history(*args, **env)
        self.assertEqual(done.stdout, '')
        self.assertRegex(done.stderr, f'^error: {message}\n$')
        self.assertEqual(done.returncode, 2)

    def test_names(self):
        for message, args in [
                (r"unknown CPU model 'Skylake-Cleint'; did you mean "
                 r'Skylake-Client.*\?', ['--model', 'Skylake-Cleint']),
                ("unknown CPU model 'xyzzy'; no similar name in the "
                 'golden data', ['--model', 'xyzzy']),
                ("unknown feature 'xyzzy'; no similar name in the "
                 'golden data', ['--feature', 'xyzzy']),
                (r"unknown feature 'topo-ext'; did you mean topoext\?",
                 ['--model', 'EPYC', '--feature', 'topo-ext']),
                (r"unknown feature 'MPX'; did you mean mpx.*\?",
                 ['--feature', 'MPX']),
                (r"unknown accelerator 'kvm-inetl'; did you mean kvm-intel.*",
                 ['--model', 'EPYC', '--accel', 'kvm-inetl']),
                (r"unknown format 'jsno'; did you mean json\?",
                 ['--model', 'EPYC', '--format', 'jsno']),
                ("unknown format 'xml'; use table or json",
                 ['--model', 'EPYC', '--format', 'xml']),
                (r'name a CPU model \(--model EPYC; make history '
                 r'MODEL=EPYC\), a feature \(--feature mpx; FEATURE=mpx\), '
                 'or both', []),
                ("'host' has no history: it is the host's CPU; 'x86-cpu "
                 "removed --cpu host' shows what it is here",
                 ['--model', 'host']),
                ("feature 'ibrs_enhanced' is auto-ibrs or ibrs-all in QEMU; "
                 'name one of them', ['--feature', 'ibrs_enhanced'])]:
            self.check_error(message, *args)

    def test_no_such_line(self):
        """As scripts/lib.sh says it"""
        for line in '9.9', '../..', '.', '../golden/10.0', 'names':
            self.check_error(f'LINE={line}: no such release line; '
                             f'available:( [0-9.]+)* {LINE}( .*)?',
                             '--model', 'EPYC', '--line', line)

    def test_bad_input(self):
        """One line whatever is given, and no traceback"""
        check_command_line(
            self, load_script('x86-cpu-history'), {'--model': 'EPYC'},
            ['--model', '--feature', '--accel', '--line', '--format',
             '--cpu-tables', '--xyzzy'],
            defaults=['--model', '--feature', '--line', '--cpu-tables'])


if __name__ == '__main__':
    unittest.main()
