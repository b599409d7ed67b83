#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Programs that read qemu-cpu-models.json, on the conformance cases.

Answers: are the cases of tests/conformance/ what a live QEMU answers; does
the evaluator in Go (examples/go/x86cpu-expand) pass them, which follows
docs/models-file.rst alone; does the tool, x86-cpu --batch; and do the cases
notice if a rule of the manual is left out?

    LINE=... QTEST_QEMU_BINARY=... GUEST_BUILD=... \\
        PYTHONPATH=<qemu>/python:scripts python3 -m unittest test_conformance

A sample is tested live; CHECK_FULL=1 tests all, and each rule.  CHECK_SEED
repeats a run.  X86_CPU_ANSWER is the tool to test, by default that of the
build.  A build with other models or machine types than the cases are for
gets cases of its own.
"""

import copy
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SUITE = os.path.join(REPO, 'tests', 'conformance')
sys.path[1:1] = [SUITE, os.path.join(REPO, 'tests', 'guest')]
import conformance  # noqa: E402
from guest_cpuid import GuestError  # noqa: E402
import live_qemu  # noqa: E402
import make_cases  # noqa: E402
from random_seed import draw_seed  # noqa: E402
from release_line import LINE  # noqa: E402
import run  # noqa: E402

QEMU = os.environ.get('QTEST_QEMU_BINARY', '')
BUILD = os.path.dirname(QEMU)
MODELS = os.path.join(BUILD, 'qemu-cpu-models.json')
CASES = os.path.join(SUITE, f'{LINE}.jsonl.xz')
ANSWER = os.environ.get('X86_CPU_ANSWER') or os.path.join(
    os.path.dirname(BUILD), 'tool', 'answer')
EVALUATOR = os.path.join(REPO, 'examples', 'go', 'x86cpu-expand')
FULL = bool(os.environ.get('CHECK_FULL'))
SEED = str(draw_seed(1 << 32))
TIMEOUT = 600

# In `make check`: each such case is asked live, so many with -cpu, and so
# many rules are left out.
EVERY = 20
STARTS = 16
RULES = 5

# Rules about what only one line has.  QEMU 10.0 has no x-force-cpuid-0x1f, no
# features that conflict, and no rules of the PMU; 11.1 has no machine type
# that sets what accelerators set.
OF_11_1 = ('rule-1-', 'rule-4-0x1f', 'rule-4-conflicts', 'option-5',
           'left-out-retired', 'rule-4-intel-pt-0x1f')
OF_10_0 = ('accelerator-4',)


def is_of_line(rule):
    return not rule.startswith(OF_10_0 if LINE != '10.0' else OF_11_1)


def rng(*what):
    return random.Random(f'{SEED} {what}')


class Cases(unittest.TestCase):
    """Cases for the file of this build"""

    @classmethod
    def setUpClass(cls):
        cls.models = conformance.read_models(MODELS)
        cls.header, cls.cases = conformance.read(CASES)
        cls.are_committed = cls.header['digest'] == cls.models['digest']
        cls.tmp = tempfile.mkdtemp(prefix='conformance-')
        cls.addClassCleanup(shutil.rmtree, cls.tmp)
        if not cls.are_committed:
            cls.header, cls.cases = make_cases.make(
                cls.models, QEMU, every=1 if FULL else EVERY)
        cls.requests = [case['request'] for case in cls.cases]

    def shortDescription(self):
        return f'{self._testMethodDoc.strip()} (CHECK_SEED={SEED})'

    def judge(self, cases, answers):
        problems = [f"{json.dumps(case and case['request'])}: {text}"
                    for case, text in run.judge(cases, answers)]
        if problems:
            self.fail('\n'.join([f'{len(problems)} of {len(cases)} fail',
                                 *problems[:run.SHOWN]]))


class TestCases(Cases):
    """The cases themselves"""

    def test_file(self):
        """The cases are for the file that QEMU's build makes"""
        if self.models['qemu'] != conformance.read(CASES)[0]['qemu'] or (
                os.environ.get('CPU_TABLES')):
            self.skipTest('this build has other models')
        self.assertTrue(self.are_committed,
                        f'renew {os.path.basename(CASES)}: see README.rst '
                        'in tests/conformance')

    def test_size(self):
        """All cases together are at most 2 MB, and about 10,000 each"""
        self.assertLessEqual(sum(
            os.path.getsize(os.path.join(SUITE, name))
            for name in os.listdir(SUITE) if name.endswith('.xz')), 2 << 20)
        header, cases = conformance.read(CASES)
        self.assertEqual(len(cases), header['cases'])
        self.assertGreater(len(cases), 9000)

    def test_requests(self):
        """The same seed gives the same requests"""
        if not self.are_committed:
            self.skipTest('the cases are of another build')
        made = make_cases.Generator(
            self.models, self.header['seed'],
            self.header['hosts']).all(make_cases.COUNT)
        self.assertEqual(made, self.requests)

    def test_live(self):
        """The answers are those of a live QEMU"""
        live = live_qemu.LiveQemu(QEMU, self.models)
        start = 0 if FULL else rng('live').randrange(EVERY)
        cases = [c for c in self.cases[start::1 if FULL else EVERY]
                 if live.can_answer(c['request'])]
        self.assertGreater(len(cases), 10)
        self.judge(cases, live.answers([c['request'] for c in cases]))

    def test_command_line(self):
        """A QEMU that is started with -cpu answers the same"""
        live = live_qemu.LiveQemu(QEMU, self.models)
        cases = [c for c in self.cases if c['request']['accel'] == 'tcg'
                 and c['status'] == conformance.DONE]
        judged = []
        for case in rng('starts').sample(cases, len(cases)):
            try:
                judged.append((case, live.answer_at_start(case['request'])))
            except GuestError:
                # Not all that can be described can be started.
                continue
            if len(judged) == STARTS * (10 if FULL else 1):
                break
        self.assertGreaterEqual(len(judged), STARTS)
        self.judge(*map(list, zip(*judged)))

    def test_runner(self):
        """The runner refuses another file, and notices what is missing"""
        other = os.path.join(self.tmp, 'models.json')
        with open(other, 'w', encoding='ascii') as f:
            json.dump({**self.models, 'digest': '0' * 64}, f)
        path = os.path.join(self.tmp, 'some.jsonl')
        with open(path, 'w', encoding='ascii') as f:
            f.writelines(map(conformance.line_of,
                             [self.header, *self.cases[:3]]))
        for models, program, status, text in (
                (other, 'cat', 2, ''),
                (MODELS, 'cat', 1, '0 passed, 3 failed\n'),
                (MODELS, 'true', 1, '0 passed, 3 failed\n'),
                (MODELS, './absent', 2, '')):
            with self.subTest(models=models, program=program):
                done = subprocess.run(
                    [os.path.join(SUITE, 'run.py'), '--cases', path,
                     '--models', models, '--', program], check=False,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True, timeout=TIMEOUT)
                self.assertEqual((done.returncode,
                                  done.stdout.splitlines(True)[-1:]),
                                 (status, [text] if text else []))
                self.assertEqual(bool(done.stderr), status == 2)


class TestGo(Cases):
    """The evaluator in Go"""

    @classmethod
    def setUpClass(cls):
        if not shutil.which('go'):
            raise unittest.SkipTest('go is not installed')
        super().setUpClass()
        cls.program = os.path.join(cls.tmp, 'x86cpu-expand')
        done = subprocess.run(
            ['go', 'build', '-o', cls.program, '.'], cwd=EVALUATOR,
            # It needs no module, and may have no home.
            env={**os.environ, 'GOCACHE': os.path.join(cls.tmp, 'cache'),
                 'GOPROXY': 'off', 'GOFLAGS': '-buildvcs=false'},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False, timeout=TIMEOUT)
        if done.returncode:
            raise AssertionError(done.stdout)
        cls.text = ''.join(map(conformance.line_of, cls.requests)).encode()

    def call(self, *args, text=b'', models=MODELS):
        return subprocess.run([self.program, *args, models], input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, timeout=TIMEOUT)

    def lines(self, *args):
        done = self.call(*args, text=self.text)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        return done.stdout.splitlines()

    def test_cases(self):
        """It passes all cases"""
        self.judge(self.cases, run.program_answers(
            [self.program, MODELS], self.requests, TIMEOUT))

    def test_machine_aliases(self):
        """They give what the machine types give that they stand for"""
        aliases = self.models['machine-aliases']
        machines = [alias[name] for alias in aliases
                    for name in ('alias', 'machine-type')]
        answers = run.program_answers([self.program, MODELS], [
            {**self.requests[0], 'accel': 'tcg', 'id': i, 'cpu': 'Haswell',
             'machine': machine} for i, machine in enumerate(machines)],
            TIMEOUT)
        models = [answer['model'] for answer in answers]
        self.assertGreater(len(models), 2)
        self.assertEqual(models[::2], models[1::2])

    def test_fingerprints(self):
        """It has all fingerprints of the file"""
        done = self.call('-fingerprints')
        count = sum(len(row['values']) for a in self.models['accelerators']
                    for row in a['fingerprints'])
        self.assertEqual(done.stdout.decode(),
                         f'{count} passed, 0 failed\n')
        self.assertEqual(done.returncode, 0)

    def test_wrong_fingerprints(self):
        """It notices a wrong fingerprint"""
        models = copy.deepcopy(self.models)
        row = models['accelerators'][0]['fingerprints'][3]
        row['values'][0] = row['values'][0][::-1]
        done = self.call('-fingerprints', models=self.write(models))
        self.assertRegex(done.stdout.decode(), r'(?m)^\d+ passed, [1-9]')
        self.assertEqual(done.returncode, 1)

    def write(self, models):
        path = os.path.join(self.tmp, 'changed.json')
        with open(path, 'w', encoding='ascii') as f:
            json.dump(models, f)
        return path

    def test_damaged_file(self):
        """It refuses a file that has changed, or is of another version"""
        for what, text in ((('format-version',), 'format-version'),
                           (('models', 7, 'changes', 'x'), 'damaged'),
                           (('qemu', 'micro'), 'damaged'),
                           (('layers', 0, 'name'), 'damaged')):
            models = copy.deepcopy(self.models)
            *places, last = what
            place = models
            for name in places:
                place = place[name]
            place[last] = 99 if isinstance(place.get(last), int) else 'x'
            done = self.call(models=self.write(models))
            with self.subTest(what=what):
                self.assertEqual((done.returncode, done.stdout), (2, b''))
                self.assertRegex(done.stderr.decode(),
                                 rf'\A[^\n]*{text}[^\n]*\n\Z')

    def test_bad_lines(self):
        """What is not a request is answered, and the next one too"""
        lines = ['x', '{', '[]', '7', 'null', '{"id": 1}',
                 '{"id": 2, "verb": "expand"}', '{"verb": "expand", "cpu": 1}',
                 '{"id": 3, "verb": "x", "cpu": "base"}', '\x7f' * 9,
                 json.dumps(self.requests[0])]
        done = self.call(text='\n'.join(lines).encode())
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([a['status'] for a in answers],
                         [2] * (len(lines) - 1) + [0])
        self.judge(self.cases[:1], answers[-1:])

    def test_rules(self):
        """Without any rule of the manual, it fails cases"""
        rules = self.call('-rules').stdout.decode().split()
        rules = [r for r in rules if is_of_line(r)]
        if not FULL and self.are_committed:
            rules = rng('rules').sample(rules, RULES)
        elif not self.are_committed:
            self.skipTest('a sample of cases need not notice')
        right = self.lines()
        for rule in rules:
            wrong = self.lines('-without', rule)
            with self.subTest(rule=rule):
                self.assertNotEqual(wrong, right)


class TestTool(Cases):
    """x86-cpu --batch"""

    @classmethod
    def setUpClass(cls):
        if not os.access(ANSWER, os.X_OK):
            raise unittest.SkipTest(f'{ANSWER} is not built')
        super().setUpClass()

    def test_cases(self):
        """It passes all cases"""
        self.judge(self.cases, run.program_answers(
            [ANSWER, '--models', MODELS, '--batch'], self.requests, TIMEOUT))


if __name__ == '__main__':
    unittest.main()
