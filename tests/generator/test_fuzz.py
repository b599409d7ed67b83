# SPDX-License-Identifier: GPL-2.0-or-later
"""
scripts/fuzz-tables: that it finds a crash, and, in make check-full, that in
ten minutes there is none to be found.
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from generator import REPO

SECONDS = 600


@unittest.skipUnless(shutil.which('afl-fuzz'),
                     'no afl-fuzz; scripts/bootstrap fuzz installs it')
class Fuzz(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tmp)

    def fuzz(self, repo, seconds):
        done = subprocess.run(
            [os.path.join(repo, 'scripts', 'fuzz-tables')], check=False,
            env={**os.environ, 'FUZZ_SECONDS': str(seconds),
                 'BUILD': self.tmp}, timeout=seconds + 600,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    @unittest.skipUnless(os.environ.get('CHECK_FULL'),
                         f'takes {SECONDS} s; make check-full runs it')
    def test_nothing_is_found(self):
        status, said = self.fuzz(REPO, SECONDS)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r'fuzz: ok: \d+ execs, \d+ paths, 0 inputs '
                         r'that crash, hang or break a rule\n$')

    def planted(self, name, old, new):
        """What it says of a generator with a bug"""
        repo = os.path.join(self.tmp, 'repo')
        for part in 'scripts', 'tests/generator', 'target-i386-ext':
            shutil.copytree(os.path.join(REPO, part),
                            os.path.join(repo, part))
        shutil.copy(os.path.join(REPO, 'tests', 'c_compiler.py'),
                    os.path.join(repo, 'tests'))
        path = os.path.join(repo, 'target-i386-ext', 'generator', name)
        with open(path, encoding='ascii') as f:
            text = f.read()
        self.assertEqual(text.count(old), 1)
        with open(path, 'w', encoding='ascii') as f:
            f.write(text.replace(old, new))
        # It ends when something is found: on a busy machine, not within a
        # minute.
        status, said = self.fuzz(repo, SECONDS)
        self.assertEqual(status, 1, said)
        self.assertIn('\nfuzz: FAILED: ', said)
        # What is left can be run as it says.
        kept, command = re.search(r'to run it: cd (\S+) && (.*)',
                                  said).groups()
        self.assertTrue(glob.glob(os.path.join(kept, '*.tbl')))
        return subprocess.run(
            command, shell=True, cwd=kept, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors='replace',
            check=False)

    def test_a_crash_is_found(self):
        old = 'known = reader->machines ?'
        done = self.planted('gen-cpu-models.c', old, 'char copy[24]; '
                            'key = strcpy(copy, key); ' + old)
        self.assertIn('AddressSanitizer: stack-buffer-overflow', done.stdout)

    def test_what_is_not_a_crash_is_found(self):
        """That a lock file is not what was released"""
        done = self.planted('gen-cpu-definition.c',
                            'number->key, value);',
                            'number->key, value | 2);')
        self.assertEqual(done.returncode, 0)


if __name__ == '__main__':
    unittest.main()
