# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu cpuid: what a person and a program read.

That its answers are true is tested by guests (tests/guest/test_query_cpuid.py);
here it is about the formats, which all have to say the same, and errors.
"""

import os
import re
import subprocess
import sys
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest')]

from bad_input import check_command_line  # noqa: E402
from schemas import check_json  # noqa: E402
from script_module import load_script  # noqa: E402

SCRIPT = os.path.join(REPO, 'scripts', 'x86-cpu-cpuid')
QEMU = os.environ['QTEST_QEMU_BINARY']
REGISTERS = ('eax', 'ebx', 'ecx', 'edx')


def cpuid(*args):
    return subprocess.run([SCRIPT, '--qemu', QEMU, '--accel', 'tcg', *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120, check=False)


class Formats(unittest.TestCase):
    CPU = ['--cpu', 'EPYC-Genoa,model-id=a "name"', '--smp', '4,threads=2',
           '--cpu-index', '3']

    def text(self, *args):
        done = cpuid(*self.CPU, *args)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return done.stdout

    def answer(self, *args):
        return check_json(self, 'x86-cpu-cpuid', self.text('--json', *args))

    def test_json(self):
        answer = self.answer()
        keys = [(leaf['leaf'], leaf.get('subleaf', -1))
                for leaf in answer['leaves']]
        self.assertEqual(keys, sorted(set(keys)))
        self.assertEqual((answer['cpu-index'], answer['kernel']), (3, False))
        leaf_1, = [leaf for leaf in answer['leaves'] if leaf['leaf'] == 1]
        self.assertNotIn('subleaf', leaf_1)
        # The APIC id
        self.assertEqual(leaf_1['ebx'] >> 24, 3)

    def test_raw(self):
        """As cpuid(1) prints it"""
        first, *lines = self.text('--format', 'raw').splitlines()
        self.assertEqual(first, 'CPU:')
        found = []
        for line in lines:
            match = re.fullmatch(
                r'   0x([0-9a-f]{8}) 0x([0-9a-f]{2,8}): '
                r'eax=0x([0-9a-f]{8}) ebx=0x([0-9a-f]{8}) '
                r'ecx=0x([0-9a-f]{8}) edx=0x([0-9a-f]{8})', line)
            self.assertTrue(match, line)
            found.append([int(text, 16) for text in match.groups()])
        self.assertEqual(found, [
            [leaf['leaf'], leaf.get('subleaf', 0),
             *[leaf[r] for r in REGISTERS]]
            for leaf in self.answer()['leaves']])

    def test_table(self):
        text = self.text()
        for line in text.splitlines():
            self.assertLessEqual(len(line), 100)
        rows = [row.split() for row in text.splitlines()
                if re.match(r'  [0-9a-f]{8}  ', row)]
        for leaf, row in zip(self.answer()['leaves'], rows, strict=True):
            self.assertEqual(row[0], f"{leaf['leaf']:08x}")
            if 'subleaf' in leaf:
                self.assertEqual(row.pop(1), f"{leaf['subleaf']:x}")
            self.assertEqual(row[1:5], [f'{leaf[r]:08x}' for r in REGISTERS])
        self.assertIn('  AuthenticAMD\n', text)
        self.assertIn('  a "name"\n', text)
        self.assertRegex(text, r'(?m)^  8b +[0-9a-f]{16}$')

    def test_notes(self):
        """On stderr, if they have no room"""
        done = cpuid('--cpu', 'qemu64,+sse3', '--format', 'raw')
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr, 'note: sse3 is pni\n')
        self.assertNotIn('sse3', done.stdout)
        done = cpuid('--cpu', 'qemu64,+sse3')
        self.assertEqual(done.stderr, '')
        self.assertIn('note: sse3 is pni\n', done.stdout)


class Errors(unittest.TestCase):
    def test_errors(self):
        for args, message in [
                ([], 'one of --cpu, --qmp and --libvirt is needed (see '
                     '--help)'),
                (['--cpu', 'qemu64', '--cpu-index', 'x'],
                 "--cpu-index takes a number from 0, not 'x'"),
                (['--cpu', 'qemu64', '--cpu-index', '-1'],
                 "--cpu-index takes a number from 0, not '-1'"),
                (['--cpu', 'qemu64', '--cpu-index', '99999999999'],
                 "--cpu-index takes a number from 0, not '99999999999'"),
                (['--cpu', 'qemu64', '--cpu-index', '1'],
                 'query-cpu-cpuid: There is no CPU with cpu-index 1; '
                 'query-cpus-fast lists all'),
                (['--cpu', 'qemu64', '--kernel'],
                 'query-cpu-cpuid: kernel can only be true under KVM: no '
                 'kernel has changed the leaves of this CPU'),
                (['--cpu', 'qemu64', '--format', 'xml'],
                 "unknown format 'xml'; use table, raw or json")]:
            with self.subTest(args):
                done = cpuid(*args)
                self.assertEqual((done.returncode, done.stdout), (2, ''))
                self.assertEqual(done.stderr, f'error: {message}\n')

    def test_texts_that_nobody_means(self):
        check_command_line(
            self, load_script('x86-cpu-cpuid'),
            {'--cpu': 'qemu64', '--accel': 'tcg', '--qemu': QEMU},
            ['--cpu-index', '--format', '--xyzzy'])


if __name__ == '__main__':
    unittest.main()
