# SPDX-License-Identifier: GPL-2.0-or-later
"""
QEMUs that have few boards: microvm alone, or pc-i440fx and isapc alone.

Answers: do the commands, the properties and the scripts work where there
are no PC machine types, or not both kinds of them?  Packagers of small
QEMUs leave them out (--without-default-devices).

Builds two more QEMUs, which takes some minutes: only with CHECK_FULL=1.
"""

import asyncio
import json
import os
import subprocess
import sys
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest')]

from cpu_models import (  # noqa: E402
    FORCE, ask, cpu_option, differences, expansion, show_differences)
from guest_cpuid import Guest, GuestError  # noqa: E402
from other_builds import build, configure_boards  # noqa: E402
from release_line import (  # noqa: E402
    NEWEST, NEWEST_I440FX, OLDEST, of_line)
from test_removed_features import NeedsKvm  # noqa: E402

BINARY = 'qemu-system-x86_64'
# Of both vendors; with a version for each machine type, from a table
MODELS = ['486', 'Haswell', 'EPYC', 'EPYC-Genoa', 'x86-64-abi3']


class Boards(unittest.TestCase):
    """A QEMU with some boards alone."""
    name = ''
    boards = []
    accel = 'tcg'

    @classmethod
    def setUpClass(cls):
        if not os.environ.get('CHECK_FULL'):
            raise unittest.SkipTest('builds another QEMU: set CHECK_FULL=1')
        super().setUpClass()
        out = configure_boards(cls.name, *cls.boards)
        build(out, BINARY)
        cls.qemu = os.path.join(out, BINARY)

    def ask(self, commands, machine='none'):
        return ask(['-accel', self.accel, '-machine', machine], commands,
                   self.qemu)

    def answer(self, command, machine='none', **arguments):
        """What QEMU answers to one command, which must succeed"""
        reply, = self.ask([(command, arguments)], machine)
        self.assertIn('return', reply, command)
        return reply['return']

    def machines(self):
        return {m['name'] for m in self.answer('query-machines')}

    def script(self, name, *args):
        return subprocess.run(
            [os.path.join(REPO, 'scripts', name), '--qemu', self.qemu,
             '--accel', self.accel, *args], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            check=False)

    async def look(self, machine, cpu):
        """What a guest sees of this CPU"""
        async with Guest(self.qemu, ['-machine', machine, '-cpu', cpu],
                         self.accel) as guest:
            return await guest.view()

    def check_expansions(self, machine, anchor):
        """Static expansions of the models are the same CPUs."""
        replies = self.ask([expansion('static', m, FORCE) for m in MODELS],
                           machine)
        for model, reply in zip(MODELS, replies):
            with self.subTest(model=model):
                props = reply['return']['model']['props']
                self.assertEqual(props.get('compat-anchor'), anchor)
                original = asyncio.run(self.look(
                    machine, cpu_option(model, FORCE)))
                for name in 'base', 'custom':
                    found = differences(original, asyncio.run(self.look(
                        machine, cpu_option(name, {**props, **FORCE}))))
                    self.assertFalse(found, show_differences(found))


class MicrovmChecks:
    """microvm alone: there is no PC machine type."""
    name, boards = 'microvm', ['MICROVM']

    def test_machines(self):
        self.assertEqual(self.machines(), {'microvm', 'none'})

    def test_every_model_expands(self):
        models = [d['name'] for d in self.answer('query-cpu-definitions')]
        self.assertTrue(set(MODELS) < set(models))
        for machine in 'none', 'microvm':
            for kind in 'static', 'full':
                replies = self.ask([expansion(kind, name) for name in models],
                                   machine)
                for name, reply in zip(models, replies):
                    with self.subTest(model=name, kind=kind):
                        if name == 'host' and self.accel == 'tcg':
                            continue
                        if name == 'custom':
                            # Not a word of it is given.
                            self.assertIn('needs all properties of a static expansion',
                                          reply['error']['desc'])
                            continue
                        props = reply['return']['model']['props']
                        # In full, it is a property like others.
                        self.assertFalse(props.get('compat-anchor'))
                        self.assertEqual('compat-anchor' in props,
                                         kind == 'full')

    def test_expansions_are_the_cpus(self):
        self.check_expansions('microvm', None)

    def test_custom_is_complete(self):
        props = self.answer(*expansion('static', 'EPYC')[:1], **expansion(
            'static', 'EPYC')[1])['model']['props']
        del props['avx2']
        with self.assertRaisesRegex(GuestError, 'missing: avx2$'):
            asyncio.run(self.look('microvm', cpu_option('custom', props)))

    def test_no_machine_type_to_name(self):
        commands = [expansion('static', 'EPYC', machine=name) for name in
                    ('pc-q35-99.0', 'q35', 'microvm', 'none', 'pc-machine')]
        commands += [expansion('static', 'base', {'compat-anchor': name})
                     for name in ('pc-q35-99.0', 'microvm')]
        for machine in 'none', 'microvm':
            for (_, arguments), reply in zip(
                    commands, self.ask(commands, machine)):
                model = arguments['model']
                self.assertIn(model.get('machine-type') or
                              model['props']['compat-anchor'],
                              reply['error']['desc'])
        with self.assertRaisesRegex(GuestError, 'pc-q35-99.0. not found'):
            asyncio.run(self.look('microvm',
                                  'base,compat-anchor=pc-q35-99.0'))

    def test_cpus_of_machine_types(self):
        """The CPUs of the line's machine types are as where these are"""
        commands = [expansion('static', name, machine=machine)
                    for name in MODELS for machine in (OLDEST, NEWEST)]
        for command, mine, other in zip(
                commands, self.ask(commands, 'none'),
                ask(['-accel', self.accel, '-machine', 'none'], commands)):
            mine, other = [reply['return']['model']['props']
                           for reply in (mine, other)]
            # There is no newest machine type, and no Hyper-V debugger.
            self.assertEqual(
                {n for n in other if n not in mine or mine[n] != other[n]} -
                {'hv-syndbg'}, {'compat-anchor'}, command)
            self.assertLessEqual(set(mine), set(other))

    def test_features(self):
        for machine in 'none', 'microvm':
            features = {f['name']: f for f in
                        self.answer('query-cpu-features', machine)}
            self.assertIn('avx2', features)
            self.assertEqual(features['avx512f']['places'], [{'cpuid': {
                'leaf': 7, 'subleaf': 0, 'register': 'EBX', 'bit': 16}}])

    def test_removed_features(self):
        done = self.script('x86-cpu-removed', '--machine', 'microvm',
                           '--model', 'EPYC,+ia64', '--exit-zero', '--format',
                           'json')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('ia64', [r['feature'] for r in json.loads(
            done.stdout)['removed-features']])

    def test_scripts_ask_for_a_machine_type(self):
        for name, *args in (['x86-cpu-removed'],
                            ['x86-cpu-model-dump', '--cpu', 'EPYC']):
            done = self.script(name, *args)
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr,
                             '^error: [^\n]*machine type: microvm\n$')


class MicrovmTcg(MicrovmChecks, Boards):
    pass


class MicrovmKvm(NeedsKvm, MicrovmChecks, Boards):
    accel = 'kvm'


class I440fxTcg(Boards):
    """pc-i440fx alone, to which isapc belongs."""
    name, boards = 'i440fx', ['I440FX', 'ISAPC']
    newest = NEWEST_I440FX

    def test_machines(self):
        names = self.machines()
        self.assertTrue({self.newest, 'isapc', 'none'} <= names)
        self.assertFalse([n for n in names if 'q35' in n or n == 'microvm'])

    def test_expansions_are_the_cpus(self):
        for machine in of_line('pc-i440fx-3.1'), 'isapc':
            self.check_expansions(machine, self.newest)

    def test_scripts_take_the_newest(self):
        done = self.script('x86-cpu-removed', '--exit-zero', '--format',
                           'json')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)['machine'], self.newest)


if __name__ == '__main__':
    unittest.main()
