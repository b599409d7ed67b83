# SPDX-License-Identifier: GPL-2.0-or-later
"""
The parts of `make check-full`: is every test in one of them, and are
results kept as long as they are true, and no longer?
"""

import contextlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests'), os.path.join(REPO, 'scripts'),
                os.path.join(REPO, 'tests', 'guest')]

import check_parts  # noqa: E402
from check_parts import Part, Store, selected  # noqa: E402
from check_suite import Suite  # noqa: E402
from checkout import (  # noqa: E402
    copy_checkout, run_as_user, user_environment)
from random_seed import draw_seed  # noqa: E402
from script_module import load_script  # noqa: E402

check = load_script('check')

LINE = os.environ.get('LINE') or '10.0'
BUILD = os.path.join(REPO, os.environ.get('BUILD') or 'build')

# Prints which tests each of several lists of patterns selects in a module,
# as `unittest -k` selects them; and all, for an empty list; and which classes
# are skipped where there is no KVM.
LISTER = r'''
import json, sys, unittest
sys.path.insert(0, '.')
module, lists = json.loads(sys.argv[1])
loader = unittest.TestLoader()
def tests(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests(item)
        else:
            yield item
selected, kvm = [], set()
for patterns in lists:
    loader.testNamePatterns = [f'{module}.{p}' for p in patterns] or None
    found = list(tests(loader.loadTestsFromName(module)))
    selected.append([t.id() for t in found])
    kvm |= {t.id() for t in found
            if any(k.__name__ == 'NeedsKvm' for k in type(t).__mro__)}
print(json.dumps([selected, sorted(kvm)]))
'''


def list_tests(name, lists):
    """What each list of patterns selects of a suite, and what needs KVM"""
    source = os.path.join(BUILD, f'qemu-{LINE}', 'python')
    env = {'QTEST_QEMU_BINARY': '', 'GUEST_BUILD': '', **os.environ,
           'CHECK_FULL': '', 'PYTHONPATH': os.pathsep.join(
               [source, os.path.join(REPO, 'scripts')])}
    module = os.path.basename(name).removesuffix('.py')
    done = subprocess.run(
        [sys.executable, '-c', LISTER, json.dumps([module, lists])],
        cwd=os.path.join(REPO, os.path.dirname(name)), env=env,
        stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


class Partition(unittest.TestCase):
    """The table, and the tests that there are."""

    def setUp(self):
        self.names = check.Line(LINE).names()

    def test_every_test_is_in_one_part(self):
        for name in self.names:
            with self.subTest(suite=name):
                found = [(p, patterns) for p in check_parts.PARTS
                         if (patterns := selected(p, name)) is not None]
                if len(found) == 1 and found[0][1] == []:
                    continue
                for part, patterns in found:
                    self.assertTrue(patterns, f'{name}: all of it is in '
                                    f'{part.name}, and some in others')
                # Patterns of one part are suites of their own as well.
                rows = [(part.name, pattern) for part, patterns in found
                        for pattern in patterns]
                [everything, *chosen], _ = list_tests(
                    name, [[], *([pattern] for _, pattern in rows)])
                self.assertTrue(everything)
                self.assertEqual(sorted(sum(chosen, [])),
                                 sorted(everything))
                for row, tests in zip(rows, chosen):
                    self.assertTrue(tests, row)

    def test_what_compares_the_lines(self):
        """Its results depend on all of them, and not on one alone"""
        for name in self.names:
            for part in check_parts.PARTS:
                if selected(part, name) is None:
                    continue
                # These read the checkout, and no build.
                if part.name != 'lines-rules':
                    self.assertEqual(part.lines, name in check.OF_ALL_LINES,
                                     f'{name} in {part.name}')

    def test_every_row_selects_something(self):
        for part in check_parts.PARTS:
            for row in part.suites:
                one = Part('one', 1, [row])
                self.assertTrue([n for n in self.names
                                 if selected(one, n) is not None], row)

    def test_patterns_are_what_unittest_takes_them_for(self):
        """Without a wildcard, -k looks for a substring"""
        for part in [*check_parts.PARTS,
                     Part('host', 1, check_parts.KVM_TESTS)]:
            for row in part.suites:
                _, colon, pattern = row.partition(':')
                self.assertTrue(not colon or '*' in pattern, row)

    def test_kvm_tests_are_for_made_hosts(self):
        """What judges guests under KVM is run on each host"""
        part = Part('host', 1, check_parts.KVM_TESTS)
        for name in self.names:
            if not name.startswith(('tests/guest/', 'tests/golden/')):
                continue
            patterns = selected(part, name)
            _, kvm = list_tests(name, [[]])
            (chosen,), _ = (list_tests(name, [patterns]) if patterns
                            else ([[]], None))
            self.assertEqual(bool(chosen), bool(patterns), name)
            self.assertLessEqual(set(kvm), set(chosen), name)
        for row in check_parts.KVM_TESTS:
            self.assertIn(row.partition(':')[0], self.names)
        for name in check_parts.ON_EACH_HOST:
            self.assertTrue(selected(part, name), name)

    def test_lines_on_made_hosts(self):
        """Of further lines, each host has some, and no row is without"""
        lines = [[(suite.name.partition(' ')[0], suite.env['CHECK_HOST'])
                  for suite in check.Line(name).on_made_hosts(before)]
                 for before, name in enumerate(('10.0', '11.1'))]
        hosts = set(check_parts.made_hosts())
        for row in check_parts.KVM_TESTS:
            name = row.partition(':')[0]
            first, second = ({host for suite, host in line if suite == name}
                             for line in lines)
            if name in check_parts.ON_EACH_HOST:
                self.assertEqual(first, hosts)
                self.assertGreaterEqual(len(second), len(hosts) // 2)
            else:
                self.assertEqual((len(first), len(second)), (1, 1))
                self.assertNotEqual(first, second)
        self.assertEqual({host for _, host in lines[1]}, hosts)
        # The quick ones are last, for no processor to be idle meanwhile.
        for line in lines:
            quick = [name in check_parts.ON_EACH_HOST for name, _ in line]
            self.assertEqual(quick, sorted(quick))

    def test_nobody_else_reads_private_directories(self):
        """Neither imports of tests, nor what they compile or run"""
        tests = pathlib.Path(REPO, 'tests')
        private = {pathlib.Path(name).name for name in check_parts.PRIVATE}
        names = {path.stem: path.parent for name in check_parts.PRIVATE
                 for path in pathlib.Path(REPO, name).glob('*.py')}
        for path in [*tests.rglob('*.py'), *pathlib.Path(
                REPO, 'scripts').glob('*')]:
            if not path.is_file() or path.name.startswith('fuzz'):
                continue
            text = path.read_text()
            for name in re.findall(r"'tests', '(\w+)'", text):
                if name in private and path.parent.parent == tests:
                    self.assertEqual(path.parent.name, name, str(path))
            for module in re.findall(r'^(?:from|import) (\w+)', text, re.M):
                if module in names and path.parent.parent == tests:
                    self.assertEqual(path.parent, names[module],
                                     f'{path}: {module}')

    def test_what_is_sampled_is_said(self):
        """Suites that do more with CHECK_FULL=1, and don't just skip"""
        found = {name for name in check.PYTHON_TESTS if re.search(
            r"(?:if|if not|\*) (?:FULL\b|os\.environ\.get\('CHECK_FULL'\))"
            r"(?!.*\n.*(?:SkipTest|return '))",
            pathlib.Path(REPO, name).read_text())}
        # As test_removed_features.py, cpu_models.py and random_seed.py choose
        found |= {'tests/guest/test_baseline_hosts.py',
                  'tests/guest/test_feature_flags.py',
                  'tests/guest/test_comparison.py',
                  'tests/guest/test_nearest_model.py',
                  'tests/guest/test_query_cpuid.py',
                  'tests/guest/test_random_features.py',
                  'tests/tool/test_fleet.py',
                  'tests/tool/test_host_answers.py',
                  'tests/tool/test_host_cpu.py',
                  'tests/tool/test_live_answers.py',
                  'tests/tool/test_migrate.py',
                  'tests/tool/test_real_migration.py',
                  'tests/tool/test_two_builds.py'}
        self.assertEqual(found, set(check_parts.SAMPLED))
        suite, on_host = (Suite('tests/golden/test_golden.py', [], env)
                          for env in ({}, {'CHECK_HOST': 'x'}))
        on_host.name += ' on x'
        for todo, lines in ([suite], 2), ([suite, on_host], 3), ([], 0):
            with mock.patch.object(check, 'progress') as said:
                check.say_what_is_sampled(todo)
            self.assertEqual(said.call_count, lines)

    def test_no_part_is_too_long(self):
        names = [p.name for p in check_parts.all_parts()]
        self.assertEqual(len(names), len(set(names)))
        for part in check_parts.all_parts():
            self.assertLessEqual(part.minutes, check_parts.MAX_MINUTES)
            self.assertRegex(part.name, r'^[a-z][a-z0-9-]*$')

    def test_made_hosts_are_parts(self):
        with tempfile.TemporaryDirectory() as tmp:
            hosts = pathlib.Path(tmp, 'tests', 'guest', 'hosts')
            hosts.mkdir(parents=True)
            for name in 'old-intel.json', 'new-amd.cpuid', 'README':
                (hosts / name).touch()
            with mock.patch.object(check_parts, 'REPO', tmp):
                part = check_parts.find_part('host-old-intel')
                self.assertEqual(
                    [p.name for p in check_parts.all_parts()
                     if p.host], ['host-new-amd', 'host-old-intel'])
        suites = check.Line(LINE).part(part)
        self.assertEqual(len(suites), len(check_parts.KVM_TESTS))
        for suite in suites:
            self.assertEqual(suite.env['CHECK_HOST'], 'old-intel')
            self.assertEqual(suite.env['CHECK_FULL'], '')
            self.assertIn('-k', suite.argv)

    def test_other_parts_are_exhaustive(self):
        suites = check.Line(LINE).part(check_parts.find_part('static-tcg'))
        self.assertEqual([s.name for s in suites],
                         [check_parts.STATIC])
        self.assertEqual(suites[0].env['CHECK_FULL'], '1')
        self.assertIn('test_static_expansion.TestTcg.test_[1-8]_*',
                      suites[0].argv)

    def test_rows_of_a_suite_run_side_by_side(self):
        name = 'tests/guest/test_cpu_compat.py'
        part = Part('one', 1, [f'{name}:TestKvm.*', f'{name}:TestTcg.*'])
        suites = check.Line(LINE).part(part)
        self.assertEqual([s.name for s in suites], part.suites)
        for suite, accel in zip(suites, ('Kvm', 'Tcg')):
            self.assertEqual([arg for arg in suite.argv if '.Test' in arg],
                             [f'test_cpu_compat.Test{accel}.*'])


class Unknown(unittest.TestCase):
    def test_unknown_part(self):
        """One line, that names what was wrong and what there is"""
        with tempfile.TemporaryDirectory() as tmp:
            copy_checkout(tmp)
            for name in 'nix', 'static', '../basics', "a b'c":
                status, output = run_as_user(
                    'make check-full', tmp,
                    user_environment(BUILD=BUILD, PART=name), timeout=120)
                self.assertNotEqual(status, 0)
                lines = [line for line in output.splitlines()
                         if not line.startswith('make')]
                self.assertEqual(len(lines), 1, output)
                self.assertTrue(lines[0].startswith(
                    f'error: PART={name}: no such part of check-full; there '
                    'are: basics, '), output)
                self.assertIn(check_parts.PARTS[-1].name, lines[0])

    def test_not_with_only(self):
        for args in (['--full', '--only', 'x'], []):
            done = subprocess.run(
                [os.path.join(REPO, 'scripts', 'check'), '--line', LINE,
                 '--part', 'basics', *args], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn('--part goes with --full', done.stderr)


class Lines(unittest.TestCase):
    """scripts/check --line A --line B"""

    def run_check(self, **results):
        """Returns the exit status, and what it prints."""
        said = []
        argv = [arg for name in results for arg in ('--line', name)]
        with mock.patch.multiple(
                check, name_site_tables=mock.DEFAULT, progress=said.append,
                Line=lambda name: name,
                check=lambda line, args: dict(zip(
                    ('passed', 'failed', 'skipped'), results[line]))), \
                mock.patch.object(sys, 'argv', ['check', *argv]), \
                self.assertRaises(SystemExit) as end:
            check.main()
        return end.exception.code, said

    def test_suites_of_no_line(self):
        """Once: for the first line"""
        for name in check.OF_NO_LINE:
            self.assertIn(name, check.PYTHON_TESTS)
            self.assertNotRegex(
                pathlib.Path(REPO, name).read_text(),
                r"QTEST_QEMU_BINARY|release_line|environ.*\bLINE\b")
        ran = {}
        for name in 'a', 'b':
            line = check.Line(LINE)
            line.line = name
            args = mock.Mock(line=['a', 'b'], full=False, only=[])
            with mock.patch.multiple(
                    check, progress=mock.DEFAULT,
                    run_suites=lambda todo, _, name=name: ran.update({
                        name: [suite.name for suite in todo]})), \
                    mock.patch.object(line, 'build_tests'):
                check.check(line, args)
        suites = {name: {suite for suite in names if ' on ' not in suite}
                  for name, names in ran.items()}
        self.assertEqual(suites['a'] - suites['b'],
                         check.OF_NO_LINE | check.OF_ANY_LINE |
                         check.OF_ALL_LINES)
        self.assertLess(suites['b'], suites['a'])

    def test_suites_of_all_lines(self):
        """Their results don't depend on the line that they run for"""
        for name in check.OF_ALL_LINES:
            self.assertIn(name, check.PYTHON_TESTS)
            self.assertNotRegex(pathlib.Path(REPO, name).read_text(),
                                r'QTEST_QEMU_BINARY|release_line|\bLINE\b')

    def test_suites_that_are_partly_of_a_line(self):
        """Further lines run those of their tests that read its source"""
        line = check.Line(LINE)
        for name, patterns in check.OF_EACH_LINE.items():
            # Whatever names the source is in what these select.
            text = pathlib.Path(REPO, name).read_text()
            places = [part for part in re.split(
                r'\n(?=class |    def )', text.partition('\nclass ')[2])
                if re.search(r'\bSOURCE\b|environ', part)]
            (everything, *chosen), _ = list_tests(
                name, [[], *([pattern] for pattern in patterns)])
            self.assertTrue(all(chosen), name)
            self.assertLess(set(sum(chosen, [])), set(everything))
            methods = {test.split('.')[-1] for test in sum(chosen, [])}
            for part in places:
                method = re.match(r'    def (\w+)', part)[1]
                self.assertTrue(method in methods or method == 'setUp' and
                                patterns == ['RealTree.*'], method)
            first, further = (line.suite(name, further=further).argv
                              for further in (False, True))
            self.assertEqual(further[:len(first)], first)
            self.assertEqual(further.count('-k'), len(patterns))
        self.assertEqual(line.suite('lint', further=True).argv,
                         [*line.suite('lint').argv, '--further'])

    def test_one(self):
        self.assertEqual(self.run_check(a=(3, 0, 1)),
                         (0, ['3 passed, 0 failed, 1 skipped']))

    def test_counted_together(self):
        self.assertEqual(self.run_check(a=(3, 0, 1), b=(4, 0, 2)), (0, [
            'QEMU a: 3 passed, 0 failed, 1 skipped',
            'QEMU b: 4 passed, 0 failed, 2 skipped',
            '7 passed, 0 failed, 3 skipped']))

    def test_each_has_to_pass(self):
        for bad in (3, 1, 0), (0, 0, 9):
            for results in {'a': bad, 'b': (4, 0, 0)}, \
                    {'a': (4, 0, 0), 'b': bad}:
                self.assertEqual(self.run_check(**results)[0], 1, results)


WHOLE = Part('whole', 1, ['*'], whole=True)


class Small(unittest.TestCase):
    """A checkout and a build directory of a few files."""

    def setUp(self):
        tmp = tempfile.TemporaryDirectory()
        self.addCleanup(tmp.cleanup)
        self.repo = pathlib.Path(tmp.name, 'repo')
        self.build = self.repo / 'build'
        (self.build / '9.9').mkdir(parents=True)
        (self.build / '9.9' / '.configured').write_text('/tree --x --y')
        (self.repo / '.gitignore').write_text('/build/\nignored\n')
        (self.repo / 'file').write_text('1')
        self.git(self.repo, 'init', '-q')
        self.commit('first')
        # What scripts/qemu-tree leaves: QEMU's source as commit "base"
        self.git(self.build, 'init', '-q', 'source')
        (self.build / 'source' / 'VERSION').write_text('9.9.1')
        self.commit('base', self.build / 'source')
        self.git(self.build / 'source', 'tag', 'base')
        (self.build / 'source' / '.git').rename(self.build / 'qemu-9.9.git')
        self.store = self.new_store()
        for name in check_parts.SETTINGS:
            patch = mock.patch.dict(os.environ)
            patch.start()
            self.addCleanup(patch.stop)
            os.environ.pop(name, None)

    def git(self, where, *args):
        subprocess.run(['git', '-C', str(where), '-c', 'user.name=t', '-c',
                        'user.email=t@localhost', *args], check=True,
                       stdout=subprocess.PIPE)

    def commit(self, message, where=None):
        self.git(where or self.repo, 'add', '--all')
        self.git(where or self.repo, 'commit', '-qm', message)

    def new_store(self, line='9.9'):
        return Store(str(self.build), line, str(self.repo))


class Key(Small):
    """What a result depends on."""

    def check_changed(self, what):
        self.assertNotEqual(self.store.key(WHOLE), self.before, what)
        self.before = self.store.key(WHOLE)

    def test_what_counts(self):
        self.before = self.store.key(WHOLE)
        (self.repo / 'file').write_text('2')
        self.check_changed('an edit that is not committed')
        (self.repo / 'new').touch()
        self.check_changed('a new file')
        (self.repo / 'new').chmod(0o755)
        self.check_changed('a mode')
        (self.repo / 'new').unlink()
        self.check_changed('a file removed')
        (self.build / '9.9' / '.configured').write_text('/tree --x --z')
        self.check_changed('a flag of configure')
        os.environ['CHECK_RANDOM'] = '3'
        self.check_changed('a setting')
        os.environ['CPU_TABLES'] = str(self.build / 'tables')
        (self.build / 'tables').mkdir()
        self.check_changed('tables of a site')
        (self.build / 'tables' / 'a.tbl').write_text('x')
        self.check_changed('their content')
        (self.build / 'qemu-9.9.git').rename(self.build / 'source' / '.git')
        (self.build / 'source' / 'VERSION').write_text('9.9.2')
        self.commit('other', self.build / 'source')
        self.git(self.build / 'source', 'tag', '-f', 'base')
        (self.build / 'source' / '.git').rename(self.build / 'qemu-9.9.git')
        self.check_changed("QEMU's source")

    def test_what_does_not(self):
        before = self.store.key(WHOLE)
        self.assertEqual(self.new_store().key(WHOLE), before)
        (self.build / 'made').touch()
        (self.repo / 'ignored').touch()
        (self.build / '9.9' / '.configured').write_text('/moved --x --y')
        self.assertEqual(self.store.key(WHOLE), before)
        (self.repo / 'file').write_text('2')
        edited = self.store.key(WHOLE)
        self.commit('the same files')
        self.assertEqual(self.store.key(WHOLE), edited)
        (self.repo / 'file').write_text('1')
        self.assertEqual(self.store.key(WHOLE), before)

    def test_what_a_part_does_not_read(self):
        parts = [WHOLE, Part('fuzz', 1, ['tests/fuzz/*']),
                 Part('guest', 1, ['tests/guest/test_a.py']),
                 Part('lines', 1, ['tests/lines/*'], lines=True)]
        edits = {'README.md': ['whole'], 'docs/page.rst': ['whole'],
                 'tests/fuzz/fuzz.py': ['whole', 'fuzz'],
                 **{name: ['whole', 'fuzz', 'guest', 'lines'] for name in (
                     'docs/schema/a.json', 'patches/9.9/series',
                     'scripts/a', 'tests/a.py', 'tests/guest/a.py')},
                 # Another release line's
                 'patches/9.8/series': ['whole', 'lines']}
        for committed in (False, True):
            for name, changed in edits.items():
                before = [self.store.key(part) for part in parts]
                path = self.repo / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f'{committed}')
                if committed:
                    self.commit(name)
                self.assertEqual(
                    [part.name for part, key in zip(parts, before)
                     if self.store.key(part) != key], changed, name)

    def test_parts_that_compare_the_lines(self):
        """They depend on all lines that are built, and have one result"""
        part = Part('both', 1, ['tests/lines/*'], lines=True)
        before = self.store.key(part), self.store.key(WHOLE)
        (self.build / '9.8').mkdir()
        (self.build / '9.8' / '.configured').write_text('/tree --x')
        self.assertEqual(self.store.key(part), before[0])
        shutil.copytree(self.build / 'qemu-9.9.git',
                        self.build / 'qemu-9.8.git')
        self.assertNotEqual(self.store.key(part), before[0])
        self.assertEqual(self.store.key(WHOLE), before[1])
        other = self.new_store('9.8')
        self.assertEqual(other.key(part), self.store.key(part))
        result = {'passed': 1, 'failed': 0}
        with mock.patch.object(check_parts, 'PARTS', [part, WHOLE]):
            saved = self.store.save('both', 'key', result)
            self.assertEqual(other.passed('both', 'key'), saved)
            self.store.save('whole', 'key', result)
            self.assertIsNone(other.passed('whole', 'key'))

    def test_build_that_git_does_not_ignore(self):
        (self.repo / '.gitignore').write_text('')
        before = self.store.key(WHOLE)
        (self.build / 'made').touch()
        self.assertEqual(self.store.key(WHOLE), before)

    def test_nothing_is_left_in_the_checkout(self):
        def files():
            # Not their times: git freshens objects that it would write.
            return sorted((str(p), p.read_bytes())
                          for p in self.repo.rglob('*') if p.is_file())
        (self.repo / 'new').write_text('not among the objects')
        before = files()
        self.store.key(WHOLE)
        self.assertEqual(files(), before)


class SiteTables(unittest.TestCase):
    """What the build remembers is what tests and results go by"""

    def test_environment(self):
        with tempfile.TemporaryDirectory() as tmp, mock.patch.dict(
                os.environ, {'BUILD': tmp}):
            tables = pathlib.Path(tmp, 'tables')
            tables.mkdir()
            site = pathlib.Path(tmp, f'qemu-{LINE}', 'target', 'i386', 'ext',
                                'tables', 'site')
            site.parent.mkdir(parents=True)
            os.environ.pop('CPU_TABLES', None)
            check.name_site_tables(LINE)
            self.assertNotIn('CPU_TABLES', os.environ)
            site.symlink_to(tables)
            check.name_site_tables(LINE)
            self.assertEqual(os.environ['CPU_TABLES'],
                             os.path.realpath(tables))
            os.environ['CPU_TABLES'] = os.path.relpath(tables)
            check.name_site_tables(LINE)
            self.assertEqual(os.environ['CPU_TABLES'],
                             os.path.realpath(tables))
            os.environ['CPU_TABLES'] = ''
            check.name_site_tables(LINE)
            self.assertNotIn('CPU_TABLES', os.environ)


class Kept(Small):
    """Results in files."""
    RESULT = {'line': '9.9', 'passed': 3, 'failed': 0, 'skipped': 1,
              'seconds': 1.5, 'suites': []}

    def test_kept(self):
        saved = self.store.save('a', 'key', self.RESULT)
        self.assertEqual(self.store.passed('a', 'key'), saved)
        self.assertEqual(os.listdir(self.store.directory), ['a.json'])
        self.assertLess(self.RESULT.items(), saved.items())
        self.assertEqual(saved['format-version'], check_parts.FORMAT_VERSION)
        self.assertRegex(saved['ended'], r'^\d{4}-\d\d-\d\dT[\d:]{8}Z$')

    def test_not_for_anything_else(self):
        self.store.save('a', 'key', self.RESULT)
        self.assertIsNone(self.store.passed('a', 'other'))
        self.assertIsNone(self.store.passed('b', 'key'))
        self.assertIsNone(self.new_store('9.8').passed('a', 'key'))

    def test_what_runs_again(self):
        """What failed, was only skipped, or is in a file that is broken"""
        for result in {'failed': 1}, {'passed': 0}:
            self.store.save('a', 'key', {**self.RESULT, **result})
            self.assertIsNone(self.store.passed('a', 'key'), result)
        saved = self.store.save('a', 'key', self.RESULT)
        for text in ('', '[]', '{"format-version": 1', '\udcff', json.dumps(
                {**saved, 'format-version': 0})):
            with open(self.store.path('a'), 'w', encoding='utf-8',
                      errors='surrogateescape') as f:
                f.write(text)
            self.assertIsNone(self.store.passed('a', 'key'), text)


class SmallLine:
    """Stands in for check.Line: two parts of one suite each."""
    line = '9.9'

    def __init__(self, test):
        self.test = test
        self.ran = []

    def store(self):
        return self.test.store

    def names(self):
        return ['one', 'two']

    def build_tests(self):
        pass

    def part(self, part):
        self.ran.append(part.name)
        return [check.Suite(name, ['sh', '-c', self.test.scripts[name]])
                for name in self.names()
                if selected(part, name) is not None]


class Runs(Small):
    """Which parts run, and what is printed."""
    PARTS = [Part('first', 1, ['one']), Part('second', 1, ['two'])]

    def setUp(self):
        super().setUp()
        self.scripts = {'one': "printf '1..2\\nok 1 a\\nok 2 b # SKIP c\\n'",
                        'two': "printf '1..1\\nok 1 d\\n'"}
        patch = mock.patch.object(check_parts, 'PARTS', self.PARTS)
        patch.start()
        self.addCleanup(patch.stop)
        patch = mock.patch.object(check_parts, 'made_hosts', lambda: [])
        patch.start()
        self.addCleanup(patch.stop)

    def run_full(self, part=None):
        """Which parts ran, (passed, failed, skipped), and what was printed"""
        line = SmallLine(self)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            total = check.check_full(line, part)
        return line.ran, (total['passed'], total['failed'],
                          total['skipped']), printed.getvalue()

    def test_what_is_missing(self):
        ran, total, printed = self.run_full()
        self.assertEqual((ran, total), (['first', 'second'], (2, 0, 1)))
        self.assertRegex(printed, r'\nfirst +\d+\.\d +1 +0 +1\n'
                         r'second +\d+\.\d +1 +0 +0\n\Z')
        ran, total, printed = self.run_full()
        self.assertEqual((ran, total), ([], (2, 0, 1)))
        self.assertRegex(printed, r'\nfirst .* passed before, \S+Z\n')
        (self.repo / 'file').write_text('2')
        ran, total, _ = self.run_full()
        self.assertEqual((ran, total), (['first', 'second'], (2, 0, 1)))

    def test_failed_runs_again(self):
        good = self.scripts['two']
        self.scripts['two'] = "printf '1..1\\nnot ok 1 d\\n'"
        for expected in ['first', 'second'], ['second']:
            ran, total, printed = self.run_full()
            self.assertEqual((ran, total), (expected, (1, 1, 1)))
            self.assertRegex(printed, r'\nsecond .* FAIL\n\Z')
        self.scripts['two'] = good
        ran, total, _ = self.run_full()
        self.assertEqual((ran, total), (['second'], (2, 0, 1)))

    def test_one_part(self):
        for _ in range(2):
            ran, total, _ = self.run_full('second')
            self.assertEqual((ran, total), (['second'], (1, 0, 0)))
        ran, total, _ = self.run_full()
        self.assertEqual((ran, total), (['first'], (2, 0, 1)))

    def test_edited_meanwhile(self):
        self.scripts['two'] += f'; echo >{self.repo}/edited'
        ran, _, printed = self.run_full('second')
        self.assertIn('part second: not kept', printed)
        ran, _, _ = self.run_full()
        self.assertEqual(ran, ['first', 'second'])

    def test_no_test_at_all(self):
        self.scripts['two'] = "printf '1..0\\n'"
        _, total, printed = self.run_full('second')
        self.assertEqual(total, (0, 1, 0))
        self.assertIn('ran no test', printed)

    def test_suite_in_no_part(self):
        with mock.patch.object(check_parts, 'PARTS', self.PARTS[:1]):
            with self.assertRaisesRegex(SystemExit, 'two is in no part'):
                self.run_full()


class End(unittest.TestCase):
    """Suites that no time is left for are skipped, and counted."""

    def run_suites(self, end, lines=1):
        suites = [Suite(name, ['printf', '1..1\\nok 1\\n'])
                  for name in ('a', 'b')]
        with mock.patch.dict(os.environ, {'CHECK_END': end}), \
                mock.patch.object(check, 'progress') as progress:
            check.run_suites(suites, lines)
        printed = '\n'.join(call.args[0] for call in progress.mock_calls)
        self.assertEqual('no time is left (CHECK_END)' in printed,
                         not suites[0].passed)
        return check.summary(suites)

    def test_end(self):
        all_run = {'passed': 2, 'failed': 0, 'skipped': 0}
        none_run = {'passed': 0, 'failed': 0, 'skipped': 2}
        self.assertEqual(self.run_suites(''), all_run)
        self.assertEqual(self.run_suites(str(int(time.time()) + 1000)), all_run)
        self.assertEqual(self.run_suites(str(int(time.time()) - 1)), none_run)

    def test_wrong_end(self):
        for end in 'tomorrow', '-1', '1e9', '\u0661', 'nan':
            with mock.patch.dict(os.environ, {'CHECK_END': end}), \
                    mock.patch.object(sys, 'argv', ['check', '--line', '1.0']):
                with self.assertRaisesRegex(
                        SystemExit, f"^error: CHECK_END='{end}' is not in "
                        'seconds since 1970, such as '):
                    check.main()

    def test_lines(self):
        """Those to come get two thirds as much time"""
        with mock.patch.dict(os.environ, {'CHECK_END': '1000'}), \
                mock.patch.object(check.time, 'time', return_value=400):
            self.assertEqual([check.Deadline(n).end for n in (1, 2)],
                             [1000, 760])


class Seeds(unittest.TestCase):
    """What tests choose can be chosen again."""

    def draw(self, **env):
        names = ('CHECK_SEED', 'CHECK_DRAW', 'CHECK_HOST', 'LINE')
        with mock.patch.dict(os.environ, {
                **dict.fromkeys(names, ''), **env}):
            return draw_seed(1 << 60)

    def test_seeds(self):
        self.assertEqual(self.draw(CHECK_SEED='7', CHECK_DRAW='a'), 7)
        self.assertNotEqual(self.draw(), self.draw())
        of_a = self.draw(CHECK_DRAW='a')
        self.assertEqual(of_a, self.draw(CHECK_DRAW='a'))
        for env in ({'CHECK_DRAW': 'b'}, {'CHECK_DRAW': 'a', 'LINE': '11.1'},
                    {'CHECK_DRAW': 'a', 'CHECK_HOST': 'amd-genoa'}):
            self.assertNotEqual(of_a, self.draw(**env))


if __name__ == '__main__':
    unittest.main()
