#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Do guests see the same CPU on both release lines?

Answers, for named models and for the static expansions of 10.0: is each
difference that a guest sees between 10.0 and 11.1 in causes.json, is each
entry of that needed, and is the report (docs/lines-10.0-11.1.rst) true?

    LINES_BUILD=build GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_lines

Needs the builds of both lines, and is skipped without.  A fixed sample is
tested; CHECK_FULL=1 tests all models, machine types and expansions.
"""

import fnmatch
import json
import os
import subprocess
import tempfile
import unittest

import line_report
import line_views
from line_report import NAMED, STATIC, named_cases, static_cases
from line_views import (
    NEW, OLD, SETUPS, Case, Cause, LinesError, load_causes,
)

from cpu_models import FULL, SAMPLE_MODELS
from guest_cpuid import GuestError, View
import x86_cpu_golden

ENTRY = {
    'name': 'x', 'title': 'X', 'kind': 'kept', 'since': '10.1', 'text': 'X.',
    'accelerators': ['kvm'], 'models': ['Has*', '486'],
    'machine-types': ['pc-*-9.*'], 'places': ['0xd.2-4 EAX,EBX & 0xff'],
    'example': {'machine-type': 'pc-q35-9.0', 'model': '486', 'setup': 'forced'},
    'setups': ['forced'],
}
CASE = Case('pc-q35-9.0', 'pc-q35-9.0', 'Haswell', None, 'forced')
ZEROS = (0, 0, 0, 0)


class Rules(unittest.TestCase):
    """How differences are explained.  Needs no QEMU."""

    def lines(self, *entries, accel='kvm', **corrected):
        lines = line_views.Lines.__new__(line_views.Lines)
        lines.accel = accel
        lines.causes = [Cause({**ENTRY, **e}, **corrected) for e in entries]
        lines.unexplained = []
        lines.explained = {c.name: [] for c in lines.causes}
        lines.compared = []
        return lines

    def explain(self, lines, found, case=CASE):
        lines.explain(case, found)
        return [text for _, text in lines.unexplained]

    def test_explained(self):
        """A cause explains its bits, models and machine types"""
        for found in ([(0xd, 2, 'EAX', 1, 0)], [(0xd, 4, 'EBX', 0, 0xff)],
                      [(0xd, 3, 'EAX', 0xf00, 0xf0f)]):
            lines = self.lines({})
            self.assertEqual(self.explain(lines, found), [])
            self.assertEqual(lines.explained['x'], [CASE])
            self.assertEqual(line_report.unused(lines), [])

    def test_unexplained(self):
        """What a cause does not explain is told, each bit of it"""
        for found, case, accel in (
                ((0xd, 1, 'EAX', 1, 0), CASE, 'kvm'),
                ((0xd, 5, 'EAX', 1, 0), CASE, 'kvm'),
                ((0xd, 2, 'ECX', 1, 0), CASE, 'kvm'),
                ((0xe, 2, 'EAX', 1, 0), CASE, 'kvm'),
                ((0xd, None, 'MSR', 1, 0), CASE, 'kvm'),
                ((0xd, 2, 'EAX', 1, 0), CASE, 'tcg'),
                ((0xd, 2, 'EAX', 1, 0), CASE._replace(model='Nehalem'),
                 'kvm'),
                ((0xd, 2, 'EAX', 1, 0), CASE._replace(source='pc-q35-8.2'),
                 'kvm'),
                ((0xd, 2, 'EAX', 1, 0), CASE._replace(setup='plain'),
                 'kvm')):
            lines = self.lines({}, accel=accel)
            self.assertEqual(len(self.explain(lines, [found], case)), 1)
            self.assertEqual(lines.explained['x'], [])
        lines = self.lines({})
        self.assertEqual(self.explain(lines, [(0xd, 2, 'EAX', 0x101, 0)]),
                         ['0xd.2 EAX & 0x100: 0x101, 0x0'])
        self.assertEqual(line_report.unused(self.lines({})), ['x'])

    def test_msr_that_only_one_sets(self):
        """Setting an MSR to 0, and not setting it, is not the same"""
        entry = {'places': ['msr 0x10a & 0x1']}
        lines = self.lines(entry)
        self.assertEqual(self.explain(lines, [(0x10a, None, 'MSR', 1, 0)]),
                         [])
        found = line_views.different(View({}, {}), View({}, {0x10a: 0}))
        self.assertEqual(len(self.explain(lines, found)), 1)

    def test_corrected(self):
        """If a patch corrects it, an entry explains nothing"""
        lines = self.lines({}, corrected=True)
        self.assertEqual(len(self.explain(lines, [(0xd, 2, 'EAX', 1, 0)])), 1)
        self.assertEqual(line_report.unused(lines), [])

    def test_does_not_start(self):
        """A guest that does not start does not see the same"""
        view, error = View({}, {}), GuestError('No.')
        for old, new in ((view, error), (error, view), (error, error)):
            lines = self.lines({'places': ['0x0 EAX']})
            self.assertEqual(len(self.explain(
                lines, line_views.different(old, new))), 1)

    def test_refused(self):
        """A refusal is explained by its words, and only 11.1 may refuse"""
        view, error = View({}, {}), GuestError('qemu: error: odd=on is odd')
        for old, new, text, explained in (
                (view, error, 'odd=on is', True),
                (view, error, 'even=on is', False),
                (error, view, 'odd=on is', False),
                (error, error, 'odd=on is', False)):
            lines = self.lines({'places': [f'refused: {text}']})
            self.explain(lines, line_views.different(old, new))
            self.assertEqual((not lines.unexplained,
                              bool(lines.explained['x'])),
                             (explained, explained))

    def test_bad_entries(self):
        """Entries that say nothing sensible are refused"""
        for change, error in (
                ({'kind': 'odd'}, 'no kind'),
                ({'kind': 'bug'}, 'has a patch'),
                ({'patch': 'x.patch'}, 'has a patch'),
                ({'places': ['0xd']}, 'is not a place'),
                ({'places': ['0xd.1-x EAX']}, 'is not a place'),
                ({'places': ['0xd.1 EAX & 1']}, 'is not a place'),
                ({'models': 'Haswell'}, 'is not a list'),
                ({'setups': ['odd']}, "setups has no 'odd'"),
                ({'accelerators': ['xen']}, "accelerators has no 'xen'"),
                ({'example': {}}, 'has no member')):
            with self.assertRaisesRegex(LinesError, error):
                self.load({**ENTRY, **change})
        with self.assertRaisesRegex(LinesError, 'the same name'):
            self.load(ENTRY, ENTRY)

    def load(self, *entries, patches=()):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as file:
            json.dump({'causes': entries}, file)
            file.flush()
            return load_causes(file.name, patches)

    def test_patch(self):
        """A bug is corrected where its patch is in series"""
        entry = {**ENTRY, 'kind': 'bug', 'patch': 'Correct-x.patch'}
        for patches, corrected in (([], False), (['Correct-x.patch'], True)):
            self.assertEqual([c.corrected for c in self.load(
                entry, patches=patches)], [corrected])

    def test_nothing_to_compare(self):
        """Without both builds, the report says which is missing"""
        with tempfile.TemporaryDirectory() as build:
            os.mkdir(os.path.join(build, OLD))
            open(os.path.join(build, OLD, 'qemu-system-x86_64'), 'x',
                 encoding='ascii').close()
            done = subprocess.run(
                [os.path.join(line_views.REPO, 'scripts', 'lines-report'),
                 '--build', build], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(
            (done.returncode, done.stdout, done.stderr),
            (1, '', f'error: no QEMU of line {NEW} in LINES_BUILD\n'))


class Document(unittest.TestCase):
    """The committed files fit together.  Needs no QEMU."""

    @classmethod
    def setUpClass(cls):
        cls.causes = load_causes()
        cls.facts = line_report.load_facts()

    def test_document(self):
        """The document says what facts.json and causes.json say"""
        with open(line_report.DOCUMENT, encoding='utf-8') as f:
            self.assertEqual(f.read(), line_report.document(
                self.facts, self.causes, load_causes(what='unmeasured')))

    def test_facts_have_causes(self):
        """The causes that explain something, and no others, are in the facts"""
        names = {name for accel in line_report.ACCELERATORS
                 for kind in (NAMED, STATIC) for setup in SETUPS
                 for name in self.facts[accel][kind][setup]['causes']}
        self.assertEqual(names, {cause.name for cause in self.causes
                                 if not cause.corrected})


class Checks(line_views.LineChecks):
    """The tests of one accelerator"""

    @classmethod
    def measure(cls, causes):
        """Compares all CPUs, or some, with the example of each cause."""
        return (line_report.measure(cls.accel, causes) if FULL
                else cls.sample(causes))

    @classmethod
    def sample(cls, causes):
        lines = line_views.Lines(cls.accel, causes, cls.host)
        machines = [lines.machines[0], 'pc-q35-8.0', lines.machines[-1]]
        models = SAMPLE_MODELS + lines.configured
        lines.compare(named_cases(machines, models), NAMED)
        lines.compare([case for case in (cls.example(lines, cause)
                                         for cause in causes) if case], NAMED)
        old, new = lines.labs[OLD], lines.labs[NEW]
        descriptions = list(lines.descriptions(
            [old.machines[0], 'pc-q35-3.1', old.machines[-1]], models))
        lines.compare(static_cases(descriptions[::2], [
            new.machines[-1], new.machines[0]]), STATIC)
        return lines

    @classmethod
    def example(cls, lines, cause):
        """The example of a cause, if it is one of this accelerator"""
        if cls.accel not in cause.entry['accelerators']:
            return None
        example = cause.entry['example']
        machine, model = example['machine-type'], example['model']
        if machine in lines.machines:
            return Case(machine, machine, model, None, example['setup'])
        # A machine type of 10.0 alone: its expansion
        return Case(machine, lines.labs[NEW].machines[-1], model,
                    lines.labs[OLD].expand(machine, [model])[model],
                    example['setup'])

    def test_explained(self):
        """Every difference between the lines is in causes.json"""
        self.assertTrue(self.lines.compared)
        if text := line_report.unexplained_text(self.lines):
            self.fail(text)

    def test_seen(self):
        """What is different in one bit is found"""
        lines = line_views.Lines(self.accel, [], self.host)
        machine = lines.machines[-1]
        props = lines.labs[OLD].expand(machine, ['Haswell'])['Haswell']
        for avx2 in (True, False):
            lines.compare([Case(machine, machine, 'Haswell',
                                {**props, 'avx2': avx2}, 'forced')], STATIC)
            self.assertEqual(
                [text.partition(':')[0] for _, text in lines.unexplained
                 if not text.startswith('0xd.')],
                [] if avx2 else ['0x7.0 EBX & 0x20'])

    def shortDescription(self):
        return f'{self.accel}: {self._testMethodDoc.strip()}'


class CheckReport:
    """What is tested where the report is measured"""

    def test_needed(self):
        """Every entry of causes.json explains its example"""
        for cause in self.lines.causes:
            example = self.example(self.lines, cause)
            if not example:
                continue
            cases = self.lines.explained[cause.name]
            with self.subTest(cause.name):
                self.assertEqual(example in cases, not cause.corrected)
            if cause.corrected or not FULL:
                continue
            # All that an entry is about is needed.
            for what, names in (
                    ('models', {case.model for case in cases}),
                    ('machine-types', {case.source for case in cases}),
                    ('setups', {case.setup for case in cases})):
                for pattern in cause.entry[what]:
                    with self.subTest(f'{cause.name}: {pattern}'):
                        self.assertTrue(fnmatch.filter(names, pattern))

    def test_unmeasured(self):
        """Every entry about what no model shows explains its example"""
        unmeasured = [cause for cause in load_causes(what='unmeasured')
                      if self.accel in cause.entry['accelerators']]
        lines = line_views.Lines(self.accel,
                                 [*self.lines.causes, *unmeasured], self.host)
        named = [self.example(lines, cause) for cause in unmeasured]
        # Expansions differ in no other way.
        expansions = [case._replace(
            target=lines.labs[NEW].machines[-1],
            props=lines.labs[OLD].expand(case.source, [case.model])
            [case.model]) for case in named]
        lines.compare(named + expansions, 'unmeasured')
        if text := line_report.unexplained_text(lines):
            self.fail(text)
        for cause, case in zip(unmeasured, named):
            self.assertIn(case, lines.explained[cause.name])

    def test_facts(self):
        """The report is true"""
        facts = line_report.load_facts()
        self.assertEqual({**facts, **line_report.names_of(self.lines)}, facts)
        if FULL:
            self.assertEqual(line_report.facts_of(self.lines),
                             facts[self.accel])
            return
        # Of what was looked at, the same is different.
        old = self.lines.labs[OLD].machines
        for cause in self.lines.causes:
            seen = self.lines.explained[cause.name]
            for case in self.lines.compared:
                if line_report.kind_of(case) != NAMED:
                    continue
                models = (facts[self.accel][NAMED][case.setup]['causes']
                          .get(cause.name, {}))
                types = (x86_cpu_golden.parse_ranges(models[case.model], old)
                         if case.model in models else [])
                with self.subTest(f'{cause.name}: {case}'):
                    self.assertEqual(case.source in types, case in seen)


class TestTcg(CheckReport, Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(CheckReport, Checks, unittest.TestCase):
    """Under KVM."""
    accel = 'kvm'


class TestKvmOnAmd(Checks, unittest.TestCase):
    """
    Under KVM, where models get AMD's vendor, and other leaves with it.  On the
    oldest and the newest machine type.
    """
    accel = 'kvm'
    host = 'amd-genoa'

    @classmethod
    def measure(cls, causes):
        lines = cls.sample(causes)
        if FULL:
            lines.compare(named_cases(
                [lines.machines[0], lines.machines[-1]], lines.models), NAMED)
        return lines


if __name__ == '__main__':
    unittest.main()
