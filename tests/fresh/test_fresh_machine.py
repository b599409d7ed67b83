# SPDX-License-Identifier: GPL-2.0-or-later
"""
README's two commands on a fresh machine: a bare Debian with git, gcc and make.

In a chroot that scripts/check-fresh makes, which has nothing of this machine:
no sources of QEMU, no package that bootstrap forgets, no /etc/hosts.  Only
with CHECK_FULL=1, as root, and where debootstrap is installed.
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
# Where long tests say how far they are, see scripts/check
PROGRESS_FD = int(os.environ.get('CHECK_PROGRESS_FD') or sys.stderr.fileno())


def obstacle():
    """Why there can't be a chroot, or None"""
    if not os.environ.get('CHECK_FULL'):
        return 'builds QEMU in a chroot: set CHECK_FULL=1'
    if os.getuid() != 0:
        return 'makes a chroot: only as root'
    if not shutil.which('debootstrap'):
        return 'no debootstrap'
    if subprocess.run(['unshare', '--mount', '--pid', '--fork', 'true'],
                      stderr=subprocess.DEVNULL, check=False).returncode:
        return 'no mount namespaces'
    return None


class FreshChecks:
    """One Debian release."""
    suite = ''

    @classmethod
    def setUpClass(cls):
        if found := obstacle():
            raise unittest.SkipTest(found)
        with open(os.path.join(REPO, 'README.md'), encoding='utf-8') as f:
            blocks = re.findall(r'^```sh\n(.*?)\n```$', f.read(), re.M | re.S)
        cls.commands = blocks[:2]
        cls.output = []
        with subprocess.Popen(
                [os.path.join(REPO, 'scripts', 'check-fresh'), cls.suite,
                 *cls.commands], cwd=REPO, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors='replace') as process:
            for line in process.stdout:
                cls.output.append(line)
                if line.startswith(('$ ', 'ok  ', 'FAIL', 'ready')):
                    os.write(PROGRESS_FD, f'# {cls.suite}: {line}'.encode())
        cls.status = process.returncode

    def printed_by(self, command):
        """What a command printed"""
        text = ''.join(self.output)
        _, found, rest = text.partition(f'$ {command}\n')
        self.assertTrue(found, f'{command} was not run:\n{text[-4000:]}')
        return rest.partition('\n$ make ')[0]

    def test_commands_are_those_of_the_readme(self):
        self.assertEqual(self.commands, ['make run', 'make check'])

    def test_run(self):
        """It builds, and shows a CPU"""
        printed = self.printed_by('make run')
        self.assertRegex(printed, r'(?m)^ready: ', printed[-4000:])
        self.assertRegex(printed, r'(?m)^Skylake-Server\S* on pc-q35-\S+ with '
                         '(KVM|TCG)', printed[-4000:])

    def test_check(self):
        """All tests pass"""
        printed = self.printed_by('make check')
        found = re.search(r'^(\d+) passed, 0 failed, \d+ skipped\n\Z', printed,
                          re.M)
        self.assertTrue(found, printed[-8000:])
        self.assertGreater(int(found[1]), 100)
        self.assertEqual(self.status, 0)


class Debian12(FreshChecks, unittest.TestCase):
    suite = 'bookworm'


class Debian13(FreshChecks, unittest.TestCase):
    suite = 'trixie'


if __name__ == '__main__':
    unittest.main()
