#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What machine types set on CPUs, of those that QEMU has removed, too.

Answers: does query-machine-cpu-layers list all machine types, and group those
with the same CPUs?  Is a removed one taken where a machine type stands for its
CPUs, and nowhere else?  Do errors say what would be right?  Do the tables have
what QEMU says, and is what differs found?  Whether guests see the CPUs that
older QEMUs show: tests/lines/test_layers.py.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_machine_layers
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from cpu_models import FORCE, NEWEST, OLDEST, QEMU, ask, cpu_option, expansion
from guest_cpuid import guest_view
from release_line import LINE, NEWEST_I440FX
import site_qemu

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TABLES = os.path.join(REPO, 'target-i386-ext', 'tables', 'machines')
SCRIPT = os.path.join(REPO, 'scripts', 'machine-layers')
QUERY = ('query-machine-cpu-layers', {})
NONE = ['-accel', 'tcg', '-machine', 'none']
# Of QEMU 10.0, and gone in later lines
OLD = 'pc-i440fx-3.1'
# What pc_compat_9_0 sets
PC = 'hw/i386/pc.c'
PHYS_BITS = '"guest-phys-bits", "0"'
MODELS = ['Skylake-Client', 'EPYC', 'qemu64', 'Haswell-v1']


def layers(args=()):
    return ask([*NONE, *args], [QUERY])[0]['return']


def removed():
    return [name for layer in layers() for name in layer['layer-only']]


def stderr_of(*args):
    """What QEMU says, which must not start"""
    done = subprocess.run([QEMU, '-accel', 'tcg', '-display', 'none', '-S',
                           '-qmp', 'stdio', *args], input='', text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, timeout=60)
    assert done.returncode == 1, done
    return done.stderr


class Query(unittest.TestCase):
    """query-machine-cpu-layers"""

    def test_all_are_there(self):
        """Every PC machine type once, and none as both"""
        there = {m['name'] for m in ask(NONE, [('query-machines', {})])[0]
                 ['return'] if m['name'].startswith('pc-') or
                 m['name'] == 'isapc'}
        names = [name for layer in layers() for name in layer['machine-types']]
        self.assertEqual(sorted(names), sorted(there))
        self.assertEqual(len(removed()), len(set(removed())))
        self.assertFalse(set(removed()) & there)
        self.assertEqual(bool(removed()), LINE != '10.0')

    def test_groups(self):
        """Types of a layer answer alike; those of two layers do not"""
        found = layers()
        names = [[*layer['machine-types'], *layer['layer-only']]
                 for layer in found]
        self.assertEqual(names[0][:2], [NEWEST, NEWEST_I440FX])
        questions = [(layer, expansion('static', model, None, name))
                     for layer, group in enumerate(names) for name in group
                     for model in (*MODELS, 'base')]
        replies = ask(NONE, [question for _, question in questions])
        answers = {}
        for (layer, (_, question)), reply in zip(questions, replies):
            props = reply['return']['model']['props']
            key = json.dumps(props, sort_keys=True)
            answers.setdefault((layer, question['model']['name']),
                               set()).add(key)
        for key, values in answers.items():
            self.assertEqual(len(values), 1, key)
        # isapc is a layer of its own for what is not visible here.
        whole = [str([answers[n, model] for model in (*MODELS, 'base')])
                 for n in range(len(found)) if names[n] != ['isapc']]
        self.assertGreater(len(set(whole)), len(whole) // 2)

    def test_properties(self):
        """What is set, last: the rows of the oldest machine type"""
        last = [layer for layer in layers()
                if 'pc-i440fx-2.4' in [*layer['machine-types'],
                                       *layer['layer-only']]]
        self.assertEqual(len(last), 1)
        self.assertEqual(last[0]['model-version'], 0)
        rows = {(p['driver'], p['property']): p['value']
                for p in last[0]['properties']}
        self.assertEqual(len(rows), len(last[0]['properties']))
        for driver, name, value in [
                ('x86_64-cpu', 'full-cpuid-auto-level', 'off'),
                ('x86_64-cpu', 'hv-version-id-build', '0x1bbc'),
                ('qemu64-x86_64-cpu', 'sse4a', 'on'),
                ('host-x86_64-cpu', 'host-cache-info', 'on'),
                ('qemu32-x86_64-cpu', 'model-id',
                 'QEMU Virtual CPU version 2.4.0')]:
            self.assertEqual(rows[driver, name], value)
        self.assertEqual(layers()[0]['properties'], [])
        self.assertEqual(layers()[0]['model-version'], 1)

    def test_whatever_runs(self):
        """The answer does not depend on the process"""
        self.assertEqual(layers(), ask(
            ['-accel', 'tcg', '-S', '-machine', OLDEST, '-cpu',
             'qemu64,-sse2', '-global', 'cpu.avx=on'], [QUERY])[0]['return'])


class Removed(unittest.TestCase):
    """Machine types of which QEMU only knows the CPUs"""

    def setUp(self):
        if OLD not in removed():
            self.skipTest(f'{OLD} is a machine type of this line')

    def test_not_a_machine_type(self):
        """-machine refuses it, and says what takes it"""
        text = stderr_of('-machine', OLD)
        self.assertIn(f'unsupported machine type: "{OLD}"', text)
        self.assertIn(f'cpu-compat={OLD}', text)
        self.assertIn('-machine help', text)
        self.assertNotIn('cpu-compat', stderr_of('-machine', 'pc-i440fx-3.3'))
        self.assertNotIn(OLD, [m['name'] for m in ask(
            NONE, [('query-machines', {})])[0]['return']])

    def test_taken(self):
        """As machine-type, compat-anchor, and in cpu-compat"""
        compat = ['-accel', 'tcg', '-S', '-machine',
                  f'{NEWEST},cpu-compat={OLD}']
        for model in MODELS:
            by_type, = ask(NONE, [expansion('static', model, None, OLD)])
            by_process, value = ask(compat, [
                expansion('static', model),
                ('qom-get', {'path': '/machine', 'property': 'cpu-compat'})])
            self.assertEqual(by_type, by_process)
            self.assertEqual(value['return'], OLD)
        # It is not the CPU of the machine type that runs.
        self.assertNotEqual(by_type, ask(NONE, [expansion(
            'static', model, None, NEWEST)])[0])
        anchored = ask(NONE, [expansion('full', 'base', {
            'compat-anchor': OLD})])[0]['return']['model']['props']
        self.assertEqual(
            [anchored[name] for name in ('compat-anchor', 'hv-version-id-build',
                                         'x-intel-pt-auto-level')],
            [OLD, 0x1bbc, False])

    def test_other_queries(self):
        """They take it as well"""
        model = {'name': 'Skylake-Server', 'machine-type': OLD}
        newer = {**model, 'machine-type': NEWEST}
        same, different, near, best = ask(NONE, [
            ('query-cpu-model-comparison', {'modela': model,
                                            'modelb': model}),
            ('query-cpu-model-comparison', {'modela': model,
                                            'modelb': newer}),
            ('query-cpu-model-nearest', {'model': model}),
            ('query-cpu-model-best', {'machine-type': OLD})])
        self.assertEqual(same['return']['result'], 'identical')
        self.assertEqual(different['return']['missing-in-b'], ['mpx'])
        self.assertEqual((near['return']['machine-type'],
                          near['return']['add'], near['return']['remove']),
                         (OLD, [], []))
        self.assertEqual({entry['machine-type'] for entry in best['return']},
                         {OLD})

    def test_unversioned(self):
        """An unversioned name is none of the versions up to 4.0"""
        view = guest_view(QEMU, [
            '-machine', f'{NEWEST},cpu-compat=pc-i440fx-4.0', '-cpu',
            cpu_option('Cascadelake-Server', FORCE)])
        self.assertEqual(view.cpuid[1, 0][0] & 0xf, 6)
        view = guest_view(QEMU, [
            '-machine', f'{NEWEST},cpu-compat={OLD}', '-cpu',
            cpu_option('Cascadelake-Server', FORCE)])
        self.assertEqual(view.cpuid[1, 0][0] & 0xf, 5)

    def test_errors(self):
        """Near matches of both kinds"""
        for name, near in [
                ('pc-i440fx-3.11', "did you mean 'pc-i440fx-3.1' or "
                 "'pc-i440fx-4.0'?"),
                ('pc-i440fx-2.3', "did you mean 'pc-i440fx-2.4'?"),
                ('pc-q35-11.2', "did you mean 'pc-q35-11.1'?"),
                ('pc-q34-3.1', "did you mean 'pc-q35-3.1'?"),
                ('pc-q35-rhel', None)]:
            reply, = ask(NONE, [expansion('static', 'EPYC', None, name)])
            text = reply['error']['desc']
            self.assertTrue(text.startswith(
                f"Machine type '{name}' not found; query-machines lists all "
                'machine types, and query-machine-cpu-layers those'), text)
            self.assertEqual('did you mean' in text, near is not None, text)
            if near:
                self.assertIn(near, text)
            said = stderr_of('-machine', f'{NEWEST},cpu-compat={name}')
            self.assertIn(text, said)

    def test_retired(self):
        """A property that this QEMU has dropped is in the answer"""
        # Under TCG, hv-synic does nothing; KVM refuses it (tests/lines).
        guest_view(QEMU, ['-machine', f'{NEWEST},cpu-compat=pc-i440fx-3.0',
                          '-cpu', 'qemu64,hv-vpindex=on,hv-synic=on'])
        reply, = ask(NONE, [expansion('static', 'qemu64', {'hv-synic': True},
                                      'pc-i440fx-3.0')])
        self.assertTrue(reply['return']['model']['props']
                        ['x-hv-synic-kvm-only'])


class Tables(unittest.TestCase):
    """make layers, and the build's comparison with tables/machines"""

    @classmethod
    def setUpClass(cls):
        cls.tmp = cls.enterClassContext(tempfile.TemporaryDirectory())

    def setUp(self):
        self.directory = os.path.join(self.tmp, self._testMethodName)
        shutil.copytree(TABLES, self.directory)
        self.table = os.path.join(self.directory, f'{LINE}.tbl')

    def run_script(self, *args, qemu=QEMU):
        return subprocess.run(
            [sys.executable, SCRIPT, '--qemu', qemu, '--line', LINE,
             '--directory', self.directory, *args], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            timeout=60)

    def edit(self, old, new, path=None):
        path = path or self.table
        with open(path, encoding='utf-8') as f:
            text = f.read()
        self.assertIn(old, text)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text.replace(old, new, 1))

    def read(self):
        found = {}
        for name in os.listdir(self.directory):
            with open(os.path.join(self.directory, name),
                      encoding='utf-8') as f:
                found[name] = f.read()
        return found

    def test_as_committed(self):
        """QEMU says what the tables say, its own and those of older lines"""
        done = self.run_script('--check')
        self.assertEqual((done.stdout, done.returncode), ('', 0))
        self.assertEqual('removed machine types' in done.stderr,
                         LINE != '10.0')
        self.assertNotIn('not in', done.stderr)

    def test_planted(self):
        """What differs is named, and make layers changes nothing"""
        for old, new, said in [
                ('all     guest-phys-bits 0', 'all     guest-phys-bits 1',
                 f'guest-phys-bits of all CPUs: {LINE}.tbl has 1, QEMU has 0'),
                ('    model   qemu64 stepping 3\n', '',
                 f'stepping of qemu64: {LINE}.tbl has nothing, QEMU has 3'),
                ('    model   qemu64 stepping 3\n',
                 '    model   qemu64 stepping 3\n    all     level 7\n',
                 f'level of all CPUs: {LINE}.tbl has 7, QEMU has nothing'),
                ('version 1', 'version 2',
                 f'{LINE}.tbl has version 2 for models without one, QEMU has '
                 '1')]:
            with self.subTest(said):
                with open(self.table, encoding='utf-8') as f:
                    committed = f.read()
                self.edit(old, new)
                before = self.read()
                done = self.run_script('--check')
                self.assertEqual(done.returncode, 1)
                self.assertIn(said, done.stdout)
                self.assertIn('pc-q35-', done.stdout)
                done = self.run_script()
                self.assertEqual(done.returncode, 2)
                self.assertIn('never change', done.stderr)
                self.assertIn(said, done.stderr)
                self.assertEqual(self.read(), before)
                with open(self.table, 'w', encoding='utf-8') as f:
                    f.write(committed)

    def test_planted_in_c(self):
        """What upstream changes is named, for each machine type"""
        text = site_qemu.read_source(PC)
        self.assertEqual(text.count(PHYS_BITS), 1)
        # Builds are kept by the name of the directory.
        tables = os.path.join(self.tmp, 'planted-pc')
        os.mkdir(tables)
        qemu = site_qemu.build(tables, {
            PC: text.replace(PHYS_BITS, PHYS_BITS.replace('"0"', '"1"'))})
        done = self.run_script('--check', qemu=qemu)
        self.assertEqual(done.returncode, 1)
        said = 'guest-phys-bits of all CPUs: {} has 0, QEMU has 1\n'
        own = said.format(f'{LINE}.tbl')
        self.assertIn(f'pc-q35-9.0: {own}', done.stdout)
        self.assertIn(f'pc-i440fx-5.2: {own}', done.stdout)
        self.assertNotIn('pc-q35-9.1', done.stdout)
        self.assertEqual(
            said.format('pc-q35-10.0 with the rows of 10.0.tbl')
            in done.stdout, LINE != '10.0')

    def test_broken(self):
        """Which file and line is not understood"""
        for text, said in [
                ('machine x\n', f'{LINE}.tbl:1: not understood'),
                ('line x\n', f'{LINE}.tbl:1: not understood'),
                ('line 10.0\nmachine x\nlike y\n',
                 f'{LINE}.tbl:3: not understood'),
                ('line 10.0\nmachine x\nversion y\n', '.tbl:3: not underst'),
                ('line 10.0\nmachine x\nall y\n', '.tbl:3: not understood'),
                ('line 10.0\nversion 1\n', '.tbl:2: not understood'),
                ('\udcff', 'not UTF-8')]:
            with self.subTest(said):
                with open(self.table, 'w', encoding='utf-8',
                          errors='surrogateescape') as f:
                    f.write(text)
                done = self.run_script('--check')
                self.assertEqual((done.stdout, done.returncode), ('', 2))
                self.assertIn(said, done.stderr)
                self.assertNotIn('unexpected', done.stderr)
        os.unlink(self.table)
        os.mkdir(self.table)
        self.assertIn('cannot read', self.run_script().stderr)

    def test_older_line(self):
        """Rows of an older line that make another CPU here are named"""
        if LINE == '10.0':
            self.skipTest('the oldest line')
        self.edit('all     legacy-multi-node on',
                  'all     legacy-multi-node off',
                  os.path.join(self.directory, '10.0.tbl'))
        done = self.run_script('--check')
        self.assertEqual(done.returncode, 1)
        self.assertIn('pc-q35-9.0: legacy-multi-node of all CPUs: pc-q35-10.0 '
                      'with the rows of 10.0.tbl has off, QEMU has on\n',
                      done.stdout)

    def test_written_again(self):
        """From nothing, the same bytes; what is there is kept"""
        committed = self.read()
        os.unlink(self.table)
        self.edit(f'line {LINE}\n', 'line 99.9\n', os.path.join(
            self.directory, 'released.lock'))
        done = self.run_script()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f'released: {NEWEST}', done.stderr)
        self.assertEqual(self.read()[f'{LINE}.tbl'], committed[f'{LINE}.tbl'])
        self.assertIn(f'\nline {LINE}\n', self.read()['released.lock'])
        done = self.run_script()
        self.assertIn('has all machine types', done.stderr)

    def test_new_machine_type(self):
        """A line can add some: those that are there stay as they are"""
        name = 'pc-i440fx-5.2'
        committed = self.read()
        for path in self.table, os.path.join(self.directory, 'released.lock'):
            with open(path, encoding='utf-8') as f:
                blocks = f.read().split('\nmachine ')
            kept = [b for b in blocks if not b.startswith(f'{name}\n')]
            self.assertLess(len(kept), len(blocks))
            with open(path, 'w', encoding='utf-8') as f:
                f.write('\nmachine '.join(kept))
        done = self.run_script('--check')
        self.assertEqual(done.returncode, 0)
        self.assertIn(f'not in {LINE}.tbl: {name}', done.stderr)
        done = self.run_script()
        self.assertEqual((done.returncode, done.stderr),
                         (0, f'note: released: {name}\n'))
        self.assertEqual(self.read()[f'{LINE}.tbl'].count(f'machine {name}\n'),
                         committed[f'{LINE}.tbl'].count(f'machine {name}\n'))
        self.assertEqual(self.run_script('--check').returncode, 0)


if __name__ == '__main__':
    unittest.main()
