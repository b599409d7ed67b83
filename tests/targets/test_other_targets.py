# SPDX-License-Identifier: GPL-2.0-or-later
"""
The other targets of the same tree: do they still build, with -Werror, does
32-bit x86 have all that 64-bit x86 has, and do others refuse it?

Takes some minutes the first time: only with CHECK_FULL=1.  Built without
KVM, which the main build has.
"""

import asyncio
import glob
import json
import os
import re
import subprocess
import sys
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest')]

from cpu_models import (  # noqa: E402
    ask, cpu_option, differences, expansion, show_differences)
from guest_cpuid import Guest, has_bit  # noqa: E402
from other_builds import LINE, build, configure, run  # noqa: E402
from release_line import NEWEST, OLDEST  # noqa: E402

TARGETS = {
    'i386-softmmu': 'qemu-system-i386',
    's390x-softmmu': 'qemu-system-s390x',
    'x86_64-linux-user': 'qemu-x86_64',
}
# Ours, and those of upstream's that run every query, or go by CPU models
QTESTS = [
    *sorted(os.path.basename(name).removesuffix('.c') for name in glob.glob(
        os.path.join(REPO, 'tests', 'qtest', '*-test.c'))),
    'cpu-plug-test', 'machine-none-test', 'qmp-cmd-test',
    'test-x86-cpuid-compat',
]
# Of both vendors; with and without long mode; own caches, and a comma in
# model-id; from a table
MODELS = ['486', 'qemu32', 'kvm32', 'Haswell', 'Skylake-Server-v4', 'EPYC',
          'EPYC-Genoa', 'x86-64-abi3']
# Shown whole, but a guest of this QEMU cannot enter long mode.
SHOWN = {'x-force-features': True, 'lm': False}


@unittest.skipUnless(os.environ.get('CHECK_FULL'),
                     'builds three more QEMUs: set CHECK_FULL=1')
class OtherTargets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.out = configure('targets', '--disable-kvm',
                            '--target-list=' + ','.join(TARGETS))
        build(cls.out, *TARGETS.values())

    def binary(self, name):
        return os.path.join(self.out, name)


class Built(OtherTargets):
    """All of them, user-mode emulation included"""

    def test_versions(self):
        for binary in TARGETS.values():
            self.assertIn(LINE, run(self.binary(binary), '--version'))


class X8632(OtherTargets):
    """qemu-system-i386"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.qemu = os.path.join(cls.out, 'qemu-system-i386')

    def ask(self, *commands):
        replies = ask(['-accel', 'tcg', '-machine', 'none'], commands,
                      self.qemu)
        for command, reply in zip(commands, replies):
            self.assertIn('return', reply, command)
        return [reply['return'] for reply in replies]

    async def look(self, machine, name, props):
        async with Guest(self.qemu, ['-machine', machine, '-cpu',
                                     cpu_option(name, props)],
                         'tcg') as guest:
            return await guest.view()

    def view(self, machine, name, props=None):
        """What a guest sees of this CPU"""
        return asyncio.run(self.look(machine, name, props or {}))

    def test_qtests(self):
        """None of them fails, and each runs something."""
        programs = [f'tests/qtest/{name}' for name in QTESTS]
        build(self.out, *programs)
        for program in programs:
            done = subprocess.run(
                [os.path.join(self.out, program), '--tap', '-k'],
                cwd=self.out, env={**os.environ,
                                   'QTEST_QEMU_BINARY': self.qemu},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, check=False)
            with self.subTest(program):
                self.assertEqual(done.returncode, 0, done.stdout[-4000:])
                self.assertRegex(done.stdout, r'(?m)^1\.\.[1-9]')
                ran = re.findall(r'(?m)^ok (?!.*# SKIP)', done.stdout)
                self.assertTrue(ran, done.stdout)

    def test_static_expansions_are_the_cpus(self):
        """From the oldest machine type to the newest, and back"""
        for source, target in (OLDEST, NEWEST), (NEWEST, OLDEST):
            answers = self.ask(*[expansion('static', name, SHOWN, source)
                                 for name in MODELS])
            for name, answer in zip(MODELS, answers):
                with self.subTest(model=name, source=source):
                    self.assertEqual(answer['model']['name'], 'base')
                    original = self.view(source, name, SHOWN)
                    for copy in 'base', 'custom':
                        found = differences(original, self.view(
                            target, copy, {**answer['model']['props'],
                                           **SHOWN}))
                        self.assertFalse(found, show_differences(found))
            # They are not all the same.
            self.assertTrue(differences(self.view(source, '486', SHOWN),
                                        self.view(source, 'EPYC', SHOWN)))

    def test_removed_features(self):
        """What was requested and the guest does not see, no more or less"""
        features, *answers = self.ask(
            ('query-cpu-features', {}),
            *[expansion('static', name, machine=NEWEST) for name in MODELS])
        places = {f['name']: f['places'] for f in features}
        for name, answer in zip(MODELS, answers):
            view = self.view(NEWEST, name)
            requested = {p for p, value in answer['model']['props'].items()
                         if value is True and p in places}
            missing = {p for p in requested if any(
                'cpuid' in place and not has_bit(view, place)
                for place in places[p])}
            # TCG turns vme off in all models, before it is in an expansion.
            missing |= {'vme'} & {r['feature'] for r in
                                  answer['removed-features']
                                  if not r['blocking']}
            # Those of MSRs depend on vmx, and are off in the expansion; some
            # bits have no name.
            listed = {r['feature'] for r in answer['removed-features']
                      if r['feature'] in places and
                      any('cpuid' in place for place in r['places'])}
            with self.subTest(model=name):
                self.assertEqual(listed, missing)
        # TCG for 32-bit guests has no long mode.
        lm, = [r for r in answers[MODELS.index('EPYC')]['removed-features']
               if r['feature'] == 'lm']
        self.assertEqual((lm['reason'], lm['blocking'], lm['requested-by']),
                         ('accelerator', True, 'model'))

    def test_script(self):
        done = subprocess.run(
            [os.path.join(REPO, 'scripts', 'x86-cpu-removed'), '--qemu',
             self.qemu, '--accel', 'tcg', '--machine', 'isapc', '--model',
             'qemu32,+avx512f', '--exit-zero', '--format', 'json'],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        names = [r['feature'] for r in
                 json.loads(done.stdout)['removed-features']]
        self.assertIn('avx512f', names)


class Elsewhere(OtherTargets):
    """qemu-system-s390x, which has its own CPU models, but nothing of ours."""

    def ask(self, *commands):
        return ask(['-accel', 'tcg', '-machine', 'none'], commands,
                   self.binary('qemu-system-s390x'))

    def test_no_property(self):
        reply, = self.ask(('qom-list-properties',
                           {'typename': 'max-s390x-cpu'}))
        names = {p['name'] for p in reply['return']}
        self.assertIn('type', names)
        self.assertFalse(names & {'removed-features', 'added-features',
                                  'enforce-report', 'compat-anchor'})

    def test_own_commands(self):
        """They are refused, where all targets have them"""
        commands = [('query-cpu-features', {}), ('query-cpu-model-best', {}),
                    ('query-cpu-model-table', {}),
                    ('query-cpu-model-nearest', {'model': {'name': 'max'}}),
                    ('query-cpu-cpuid', {'cpu-index': 0})]
        for (name, _), reply in zip(commands, self.ask(*commands)):
            self.assertEqual(reply.get('error', {}).get('class'),
                             'CommandNotFound' if LINE == '10.0'
                             else 'GenericError', reply)
            if LINE != '10.0':
                self.assertEqual(reply['error']['desc'], f'{name} is not '
                                 'supported on this target')

    def test_machine_type(self):
        """Refused, in each argument of each command, and not ignored"""
        model = {'name': 'z14-base'}
        bad = {**model, 'machine-type': 's390-ccw-virtio'}
        two = ('query-cpu-model-comparison', 'query-cpu-model-baseline')
        commands = [
            ('query-cpu-model-expansion', {'type': 'static', 'model': bad}),
            *[(name, {'modela': bad, 'modelb': model}) for name in two],
            *[(name, {'modela': model, 'modelb': bad}) for name in two]]
        for command, reply in zip(commands, self.ask(*commands)):
            with self.subTest(command):
                self.assertIn('error', reply)
                # 10.0's schema has no such member elsewhere.
                self.assertRegex(
                    reply['error']['desc'],
                    r"^Parameter '\w+\.machine-type' is unexpected$"
                    if LINE == '10.0' else
                    '^machine-type in CPU models is not supported on this '
                    'target$')

    def test_without_machine_type(self):
        """As ever, and without any of our members"""
        model = {'name': 'z14-base'}
        answers = self.ask(
            ('query-cpu-model-expansion', {'type': 'static', 'model': model}),
            ('query-cpu-model-comparison', {'modela': model,
                                            'modelb': model}),
            ('query-cpu-model-baseline', {'modela': model, 'modelb': model}))
        self.assertEqual(answers[0]['return']['model']['name'], 'z14-base')
        self.assertLessEqual(set(answers[0]['return']),
                             {'model', 'deprecated-props'})
        self.assertEqual(answers[1]['return']['result'], 'identical')
        self.assertEqual(answers[2]['return']['model']['name'], 'z14-base')


if __name__ == '__main__':
    unittest.main()
