# SPDX-License-Identifier: GPL-2.0-or-later
"""
The series of `make dist`: does it apply, as packagers apply it, to a
pristine QEMU, and give exactly the tree that is built and tested here?
"""

import filecmp
import os
import re
import shutil
import subprocess
import tempfile
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LINE = os.environ.get('LINE') or '10.0'
BUILD = os.path.join(REPO, os.environ.get('BUILD') or 'build')
GIT_DIR = os.path.join(BUILD, f'qemu-{LINE}.git')

ENV = {k: v for k, v in os.environ.items() if not k.startswith('GIT_')}
ENV.update(GIT_CONFIG_GLOBAL='/dev/null', GIT_CONFIG_SYSTEM='/dev/null',
           GIT_AUTHOR_NAME='t', GIT_AUTHOR_EMAIL='t@localhost',
           GIT_COMMITTER_NAME='t', GIT_COMMITTER_EMAIL='t@localhost')


def run(*argv, env=None, cwd=REPO):
    done = subprocess.run(argv, env={**ENV, **(env or {})}, cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(argv)}:\n{done.stdout}")
    return done.stdout.strip()


class Dist(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(REPO, 'VERSION'), encoding='ascii') as f:
            version = f.read().strip()
        cls.series = os.path.join(
            REPO, 'dist', f'qemu-{LINE}-cpu-introspection-{version}')
        run('scripts/dist')
        cls.tmp = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.tmp)

        # A pristine tree, with a git repository of its own
        cls.tree = os.path.join(cls.tmp, 'qemu')
        # No gc that still runs when the directory is removed
        run('git', 'clone', '-q', '--shared', '-c', 'gc.auto=0', '-b', 'base',
            GIT_DIR, cls.tree)
        run('git', 'tag', 'pristine', cwd=cls.tree)

    def setUp(self):
        run('git', 'reset', '-q', '--hard', 'pristine', cwd=self.tree)
        run('git', 'clean', '-q', '-fdx', cwd=self.tree)

    def patches(self):
        with open(os.path.join(self.series, 'series'),
                  encoding='utf-8') as f:
            return [line for line in f.read().splitlines()
                    if not line.startswith('#')]

    def expected(self, commit='HEAD'):
        """
        Returns what the series must give: a commit of the tree that is
        built here, and the overlay.
        """
        index = {'GIT_INDEX_FILE': os.path.join(self.tmp, 'index'),
                 'GIT_DIR': GIT_DIR}
        run('git', 'read-tree', commit, env=index)
        files = [line.split('\t') for line in run(
            'scripts/qemu-tree', 'overlay-files').splitlines()]
        blobs = run('git', 'hash-object', '-w', '--no-filters', '--',
                    *(source for _, source in files),
                    env={'GIT_DIR': GIT_DIR}).splitlines()
        run('git', 'update-index', '--add', *(
            argument for (to, _), blob in zip(files, blobs, strict=True)
            for argument in ('--cacheinfo', f'100644,{blob},{to}')), env=index)
        return run('git', 'write-tree', env=index)

    def git_am(self, without=''):
        """Returns the tree that the series gives."""
        run('git', 'am', '-q', *(os.path.join(self.series, p)
                                 for p in self.patches() if p != without),
            cwd=self.tree)
        return run('git', 'rev-parse', 'HEAD^{tree}', cwd=self.tree)

    def test_git_am(self):
        self.check_self_contained()
        self.assertEqual(self.git_am(), self.expected())

    def test_without_performance(self):
        """A group left out: the commits before it, and no word of it"""
        group = run('git', 'log', '--reverse', '--format=%H',
                    '--grep=^Patch-Group: performance$', 'base..HEAD',
                    env={'GIT_DIR': GIT_DIR}).split()
        self.assertGreaterEqual(len(group), 5)
        with_it = self.patches()
        self.addCleanup(setattr, self, 'series', self.series)
        self.series += '-without-performance'
        run('scripts/dist', env={'WITHOUT': ',performance,performance'})
        self.assertEqual(self.patches(), with_it[:-len(group)])
        self.check_self_contained()
        with open(os.path.join(self.series, 'series'),
                  encoding='utf-8') as f:
            self.assertNotIn('#', f.read())
        self.assertEqual(self.git_am(), self.expected(f'{group[0]}^'))

    def test_without_a_bug_fix(self):
        """Each of those that README.md lists can be left out"""
        with open(os.path.join(REPO, 'README.md'), encoding='utf-8') as f:
            command = re.search(r"`(grep -L '\^Patch-Group'.*)`",
                                f.read())[1]
        fixes = run('sh', '-c', command, cwd=self.series).splitlines()
        self.assertGreaterEqual(len(fixes), 3)
        with_it = self.git_am()
        for fix in fixes:
            with self.subTest(fix):
                self.setUp()
                without = self.git_am(fix)
                patch = os.path.join(self.series, fix)
                # It is all that is missing.
                run('git', 'apply', '--index', patch, cwd=self.tree)
                self.assertNotEqual(without, with_it)
                self.assertEqual(run('git', 'write-tree', cwd=self.tree),
                                 with_it)

    def test_without_unknown(self):
        """Neither split at blanks, nor taken for a pattern"""
        before = os.listdir(os.path.dirname(self.series))
        for text, group in [
                ('performance,speed', 'speed'), ('performance ',) * 2,
                (' performance',) * 2, ('performance performance',) * 2,
                ('performance, ', ' '), ('*', '*'), ('p*', 'p*'),
                ('performance\n', 'performance?')]:
            with self.subTest(text), self.assertRaises(
                    AssertionError) as raised:
                run('scripts/dist', env={'WITHOUT': text})
            shown = text.replace('\n', '?')
            self.assertEqual(
                str(raised.exception), 'scripts/dist:\nerror: '
                f"WITHOUT={shown}: there is no group of patches '{group}'; "
                'use one of: performance\n')
        self.assertEqual(os.listdir(os.path.dirname(self.series)), before)

    def test_arguments(self):
        self.assertIn('WITHOUT', run('scripts/dist', '--help'))
        with self.assertRaisesRegex(
                AssertionError, 'error: dist takes no arguments, not '
                r"'--bogus' \(see scripts/dist --help\)\n$"):
            run('scripts/dist', '--bogus')

    def test_quilt(self):
        out = run('quilt', 'push', '-a', '--fuzz=0', cwd=self.tree,
                  env={'QUILT_PATCHES': self.series})
        self.assertNotRegex(out, 'fuzz|offset')
        shutil.rmtree(os.path.join(self.tree, '.pc'))
        run('git', 'add', '-A', '-f', cwd=self.tree)
        self.assertEqual(run('git', 'write-tree', cwd=self.tree),
                         self.expected())

    def test_reproducible(self):
        before = os.path.join(self.tmp, 'before')
        shutil.copytree(self.series, before)
        run('scripts/dist', env={'TZ': 'Asia/Tokyo', 'LC_ALL': 'C.UTF-8',
                                 'USER': 'somebody'})
        names = sorted(os.listdir(before))
        self.assertEqual(names, sorted(os.listdir(self.series)))
        self.assertEqual(
            filecmp.cmpfiles(before, self.series, names, shallow=False),
            (names, [], []))

    def check_self_contained(self):
        """Every patch is in the series, and nothing but what is needed"""
        self.assertEqual(
            sorted(os.listdir(self.series)),
            sorted([*self.patches(), 'series', 'COPYING', 'README.rst']))
        for name in self.patches():
            with open(os.path.join(self.series, name),
                      encoding='utf-8') as f:
                text = f.read()
            self.assertIn('\nUpstream-Status: ', text)
            self.assertIn('\nSigned-off-by: ', text)
            self.assertNotIn(BUILD, text)


if __name__ == '__main__':
    unittest.main()
