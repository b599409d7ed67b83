# SPDX-License-Identifier: GPL-2.0-or-later
"""
The front door: every command in README.md is run as it stands there.

In a copy of the checkout, with the build directory of the checkout, so
that a run costs no build.  `make check` itself runs this, and `make check-all`,
which runs it for each line, is what .ci/run calls; that is checked instead.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest')]

from checkout import (  # noqa: E402
    copy_checkout, run_as_user, user_environment)
from release_line import LINE  # noqa: E402

BUILD = os.path.join(REPO, os.environ.get('BUILD') or 'build')
TEST_COMMAND = 'make check'
CI_COMMAND = 'make check-all'
GOLDEN_COMMAND = 'make golden'

# By line: mpx in Skylake-Client, and topoext in EPYC; both changed on machine
# types that newer lines lack
MPX, TOPOEXT = {
    '10.0': (r'on +pc-\*-2.4 to 3.1 ', r'off +pc-\*-2.4 to 2.12 '),
    '11.1': ('off +all ', 'on +all ')}[LINE]


def readme():
    with open(os.path.join(REPO, 'README.md'), encoding='utf-8') as f:
        return f.read()


def blocks():
    """The shell commands of README.md, a string each"""
    return re.findall(r'^```sh\n(.*?)^```$', readme(), re.M | re.S)


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.tmp)
        cls.copy = os.path.join(cls.tmp, 'checkout')
        copy_checkout(cls.copy)
        # What blocks printed: each runs once.
        cls.printed = {}
        # As typed by a user, whose environment has none of our variables
        cls.env = user_environment(
            BUILD=BUILD, package=os.path.join(cls.tmp, 'package'),
            destdir=os.path.join(cls.tmp, 'destdir'))
        # A Debian source package, as far as a series file goes
        shutil.copytree(
            os.path.join(BUILD, f'qemu-{LINE}', 'debian', 'patches'),
            os.path.join(cls.env['package'], 'debian', 'patches'))

    def run_command(self, command, **env):
        status, output = run_as_user(command, self.copy, {**self.env, **env},
                                     timeout=600)
        self.assertEqual(status, 0, f'{command}\n{output}')
        return output

    def run_block(self, block):
        """Returns what a block of README.md prints"""
        if block not in self.printed:
            self.printed[block] = self.run_command(block)
        return self.printed[block]

    def block_with(self, text):
        found = [b for b in blocks() if text in b]
        self.assertTrue(found, f'no command with {text} in README.md')
        return found[-1]

    def test_ci_runs_the_test_command(self):
        self.assertIn(f'{TEST_COMMAND}\n', blocks())
        self.assertIn(f'{CI_COMMAND}\n', blocks())
        with open(os.path.join(REPO, '.ci', 'run'), encoding='utf-8') as f:
            self.assertRegex(f.read(), rf'(?m)^{CI_COMMAND}\n\Z')

    def test_every_command_runs(self):
        for block in blocks():
            with self.subTest(block=block.strip()):
                if block.strip() not in (TEST_COMMAND, CI_COMMAND,
                                         GOLDEN_COMMAND):
                    self.run_block(block)

    def test_golden_data_is_what_qemu_says(self):
        """Renewed, it is the same"""
        self.assertIn(f'{GOLDEN_COMMAND}\n', blocks())
        name = os.path.join('tests', 'golden', LINE, 'answers.json')
        # As if it were new: nothing is there to be left as it is.
        os.unlink(os.path.join(self.copy, name))
        self.assertRegex(self.make_golden(),
                         r'(?m)^tcg: \d+ models on \d+ machine types: '
                         r'written$')
        with open(os.path.join(REPO, name), 'rb') as a, open(
                os.path.join(self.copy, name), 'rb') as b:
            self.assertEqual(a.read(), b.read())

    def make_golden(self):
        """Returns what "make golden" says"""
        site = os.environ.get('CPU_TABLES')
        if not site:
            return self.run_command(GOLDEN_COMMAND)
        # It would renew what the site keeps next to its tables: what it runs,
        # with a copy of these.
        tables = os.path.join(self.tmp, 'tables')
        shutil.copytree(site, tables)
        return self.run_command(
            'scripts/x86-cpu-golden write --line "$LINE" --cpu-tables '
            '"$tables" --qemu "$BUILD/$LINE/qemu-system-x86_64"',
            LINE=LINE, tables=tables, PYTHONPATH=os.path.join(
                BUILD, f'qemu-{LINE}', 'python'))

    def test_history(self):
        self.assertRegex(
            self.run_block(self.block_with('make history')),
            rf'(?m)^  Skylake-Client +{MPX}')

    def test_main_job_prints_a_table(self):
        self.assertRegex(self.run_command('make run ACCEL=tcg'),
                         r'(?m)^  avx512f +accelerator ')

    def test_dump_is_a_cpu(self):
        # What make says is on stderr, and comes first.
        last = self.run_block(self.block_with('make dump')).splitlines()
        self.assertTrue(any(re.match(r'base,.*,vaes=on,', line)
                            for line in last), last)

    def test_debian_series_is_complete(self):
        self.run_block(self.block_with('debian/patches'))
        patches = os.path.join(self.env['package'], 'debian', 'patches')
        with open(os.path.join(patches, 'series'), encoding='utf-8') as f:
            series = f.read().split()
        ours = glob.glob(os.path.join(self.copy, 'dist', '*', '*.patch'))
        self.assertTrue(ours)
        for path in ours:
            self.assertIn(os.path.basename(path), series)
            self.assertTrue(os.path.exists(
                os.path.join(patches, os.path.basename(path))))

    def test_installed_script_works(self):
        self.run_block(self.block_with('make install'))
        bindir = os.path.join(self.env['destdir'], 'usr', 'bin')
        # It brings qemu.qmp with it.
        done = subprocess.run(
            [os.path.join(bindir, 'x86-cpu-removed'), '--accel', 'tcg',
             '--qemu', os.path.join(bindir, 'qemu-system-x86_64')],
            env=self.env, cwd='/', stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn('avx512f', done.stdout)
        # The front command, which asks the QEMU next to it
        done = subprocess.run(
            [os.path.join(bindir, 'x86-cpu'), 'removed', '--accel', 'tcg',
             '--cpu', 'base,+fpu'],
            env=self.env, cwd='/', stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        self.assertRegex(done.stdout, r'\ARuns here: yes\nbase,\+fpu on ')
        done = subprocess.run(
            [os.path.join(bindir, 'x86-cpu'), 'history', '--feature', 'sse3',
             '--model', 'EPYC'],
            env=self.env, cwd='/', stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        self.assertIn('note: sse3 is pni\n', done.stdout)
        done = subprocess.run(
            [os.path.join(bindir, 'x86-cpu-model-dump'), '--accel', 'tcg',
             '--qemu', os.path.join(bindir, 'qemu-system-x86_64'),
             '--cpu', 'qemu64', '--format', 'cpu'],
            env=self.env, cwd='/', stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        self.assertRegex(done.stdout, '^base,.*compat-anchor=')
        # That one needs no QEMU, but the file of CPU models.
        done = subprocess.run(
            [os.path.join(bindir, 'x86-cpu-history'), '--model', 'EPYC',
             '--feature', 'topoext'],
            env=self.env, cwd='/', stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        self.assertRegex(done.stdout, rf'(?m)^  EPYC +{TOPOEXT}')
        # As HTML, or where there is no Sphinx, as its source
        doc = os.path.join(self.env['destdir'],
                           'usr/share/doc/qemu-cpu-introspection')
        self.assertTrue(
            os.path.exists(os.path.join(doc, 'html/removed-features.html')) or
            os.path.exists(os.path.join(doc, 'removed-features.rst')))

    def test_links_lead_somewhere(self):
        headings = [re.sub(r'[^a-z -]', '', heading.lower()).replace(' ', '-')
                    for heading in re.findall(r'(?m)^#+ (.*)$', readme())]
        for link in re.findall(r'\]\(([^)]+)\)', readme()):
            if link[0] == '#':
                self.assertIn(link[1:], headings)
            elif '://' not in link:
                self.assertTrue(os.path.exists(os.path.join(REPO, link)),
                                link)

    def test_version_is_the_one_shipped(self):
        with open(os.path.join(REPO, 'VERSION'), encoding='ascii') as f:
            version = f.read().strip()
        self.assertIn(f'dist/qemu-{LINE}-cpu-introspection-{version}/',
                      readme())


if __name__ == '__main__':
    unittest.main()
