#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The core (target-i386-ext/core), which knows no QEMU: its unit tests.

core-test.c has the tests.  They run with sanitizers, and what they reach of the
core is measured.  CHECK_SEED repeats a run: it is GLib's seed.

core-fuzz.c makes arbitrary CPUs and texts, by CHECK_SEED or always the same;
CHECK_FULL=1 makes more.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
CORE = os.path.join(REPO, 'target-i386-ext', 'core')
sys.path.append(os.path.join(REPO, 'tests'))

from c_compiler import CC, SANITIZE  # noqa: E402 (that path comes first)

SEED = os.environ.get('CHECK_SEED')
# A thousand take about a second.
FUZZ_ROUNDS = 150000 if os.environ.get('CHECK_FULL') else 2000

# Of every file but cache-text.c, which the generator's tests reach
LEAST_LINES = 99
LEAST_BRANCHES = 92


# Nothing in the core allocates memory, and some sandboxes forbid the search for
# leaks.  core-fuzz.c says which round it was when it is aborted.
ENV = {**os.environ, 'ASAN_OPTIONS': 'detect_leaks=0:abort_on_error=1',
       'UBSAN_OPTIONS': 'print_stacktrace=1:abort_on_error=1'}


def run(*argv, **kwargs):
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, env=ENV,
                          stderr=subprocess.STDOUT, check=False, **kwargs)


def build(program, source, *flags):
    """Compiles a test and the core, in the directory of @program."""
    glib = run('pkg-config', '--cflags', '--libs', 'glib-2.0')
    # gcov only reads what GCC writes.
    compiler = ['gcc'] if '--coverage' in flags else CC
    done = run(*compiler, '-std=gnu11', '-Wall', '-Wextra', '-Werror',
               '-Wno-unused-parameter', *flags, f'-I{CORE}', '-o', program,
               os.path.join(HERE, source),
               *sorted(glob.glob(os.path.join(CORE, '*.c'))),
               *glib.stdout.split(), cwd=os.path.dirname(program))
    assert not done.returncode, done.stdout


class TestCore(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.mkdtemp(prefix='core-test-')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.tmp)

    def check_passes(self, program):
        done = run(program, '--tap', *(['--seed', SEED] if SEED else []),
                   cwd=self.tmp)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:])
        planned = re.search(r'(?m)^1\.\.(\d+)$', done.stdout)
        passed = re.findall(r'(?m)^ok ', done.stdout)
        self.assertEqual(len(passed), int(planned[1]), done.stdout[-3000:])
        self.assertGreater(len(passed), 20)

    def test_with_sanitizers(self):
        program = os.path.join(self.tmp, 'sanitized')
        build(program, 'core-test.c', *SANITIZE)
        self.check_passes(program)

    def test_arbitrary_cpus(self):
        program = os.path.join(self.tmp, 'fuzzed')
        build(program, 'core-fuzz.c', *SANITIZE)
        done = run(program, str(zlib.crc32((SEED or '1').encode())), '0',
                   str(FUZZ_ROUNDS))
        self.assertEqual(done.returncode, 0, done.stdout[-3000:])
        # Nothing of what it checks is there by accident alone.
        counts = dict(re.findall(r'([a-z ]+) (\d+)(?:, |\n)', done.stdout))
        self.assertEqual(len(counts), 10, done.stdout)
        for what, count in counts.items():
            self.assertGreater(int(count), FUZZ_ROUNDS // 20, what)

    def test_coverage(self):
        """The unit tests reach the core's lines and branches"""
        program = os.path.join(self.tmp, 'covered')
        build(program, 'core-test.c', '-g', '-O1', '--coverage')
        self.check_passes(program)
        counts = run('gcov', '--json-format', '--branch-probabilities',
                     '--stdout', *glob.glob(f'{self.tmp}/*.gcno'),
                     cwd=self.tmp).stdout
        files = {}
        for text in counts.splitlines():
            if text.startswith('{'):
                for file in json.loads(text)['files']:
                    files[os.path.basename(file['file'])] = file['lines']
        for path in sorted(glob.glob(os.path.join(CORE, '*.c'))):
            name = os.path.basename(path)
            if name == 'cache-text.c':
                continue
            with self.subTest(file=name):
                self.check_coverage(files[name])

    def check_coverage(self, lines):
        missed = sorted({line['line_number'] for line in lines
                         if not line['count']})
        reached = 100 - 100 * len(missed) / len(lines)
        self.assertGreaterEqual(reached, LEAST_LINES,
                                f'lines that nothing reaches: {missed}')
        branches = [branch['count'] for line in lines
                    for branch in line['branches'] if not branch['throw']]
        if branches:
            reached = 100 * sum(map(bool, branches)) / len(branches)
            self.assertGreaterEqual(reached, LEAST_BRANCHES)


if __name__ == '__main__':
    unittest.main()
