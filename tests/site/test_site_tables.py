# SPDX-License-Identifier: GPL-2.0-or-later
"""
CPU models of a site, as the manual tells a new user to make them.

Everything is taken from docs/cpu-model-tables.rst: the table, the
commands, and the errors; and the guest's CPUID tells what came out.  It
builds a QEMU of its own: only with CHECK_FULL=1.
"""

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
from guest_cpuid import guest_view, register  # noqa: E402

LINE = os.environ.get('LINE') or '10.0'
BUILD = os.path.join(REPO, os.environ.get('BUILD') or 'build')
# A build that stays, so that a second run takes seconds
SITE_BUILD = os.path.join(BUILD, f'{LINE}-site')

# Register EBX of leaf 7 (SDM vol. 2A, CPUID)
HLE, RTM, CLWB = 1 << 4, 1 << 11, 1 << 24


def manual():
    with open(os.path.join(REPO, 'docs', 'cpu-model-tables.rst'),
              encoding='utf-8') as f:
        return f.read()


def literal_after(text):
    """Returns the literal block of the manual after `text`."""
    found = re.search(re.escape(text) + r'.*?::\n\n((?:[ ]{4,}[^\n]*\n|\n)+)',
                      manual(), re.S)
    lines = found[1].rstrip('\n').split('\n')
    indent = min(len(line) - len(line.lstrip()) for line in lines if line)
    return '\n'.join(line[indent:] for line in lines) + '\n'


@unittest.skipUnless(os.environ.get('CHECK_FULL'),
                     'builds another QEMU: set CHECK_FULL=1')
class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.tmp)
        cls.checkout = os.path.join(cls.tmp, 'checkout')
        copy_checkout(cls.checkout)
        cls.tables = os.path.join(cls.checkout, 'acme-tables')
        cls.table = os.path.join(cls.tables, 'cooperlake.tbl')
        os.mkdir(cls.tables)
        cls.write(literal_after('``acme-tables/cooperlake.tbl``'))
        cls.qemu = os.path.join(SITE_BUILD, LINE, 'qemu-system-x86_64')

    @classmethod
    def write(cls, text):
        with open(cls.table, 'w', encoding='utf-8') as f:
            f.write(text)

    @classmethod
    def run_make(cls, command, fails=False):
        status, output = run_as_user(command, cls.checkout,
                                     user_environment(BUILD=SITE_BUILD))
        if bool(status) != fails:
            raise AssertionError(f'{command}: {output[-4000:]}')
        return output

    def command(self, text):
        """A command of the manual, which has to be there as it is"""
        command = re.search(rf'^ +(?=make )(.*{text}.*)$', manual(),
                            re.M)[1]
        self.assertIn('CPU_TABLES=acme-tables', command)
        return command

    def guest(self, machine, model):
        return guest_view(self.qemu, ['-machine', machine, '-cpu',
                                      f'{model},x-force-features=on'])

    def leaf_7(self, model):
        view = self.guest('pc', model)
        return register(view, 7, 0, 'EBX')

    def test_step_by_step(self):
        original = literal_after('``acme-tables/cooperlake.tbl``')

        self.run_make(self.command('CPU_TABLES=acme-tables$'))
        upstream = self.leaf_7('Cooperlake-v2')
        for name in 'Cooperlake_acme', 'Cooperlake_acme-v1':
            self.assertEqual(self.leaf_7(name), upstream & ~(HLE | RTM))
        self.assertIn('Cooperlake_acme-v1',
                      self.run_make(self.command('make run')))
        self.assertIn('released: Cooperlake_acme-v1\n',
                      self.run_make(self.command('release-models')))
        self.assertIn('nothing to release',
                      self.run_make(self.command('release-models')))

        # What the manual says that an edit gives
        self.write(original.replace('taa-no', 'taa-no clwb'))
        output = self.run_make(self.command('CPU_TABLES=acme-tables$'),
                               fails=True)
        for line in literal_after('stops the\n   build').splitlines():
            self.assertIn(line.replace('...', self.tables), output)
        # It is the generator alone that failed: nothing is half-built.
        self.assertEqual(self.leaf_7('Cooperlake_acme-v1'),
                         upstream & ~(HLE | RTM))

        self.write(original + literal_after('Guests on older machine types'))
        self.run_make(self.command('CPU_TABLES=acme-tables$'))
        self.assertEqual(self.leaf_7('Cooperlake_acme-v2'),
                         upstream & ~(HLE | RTM | CLWB))
        for name in 'Cooperlake_acme', 'Cooperlake_acme-v1':
            self.assertEqual(self.leaf_7(name), upstream & ~(HLE | RTM))
        self.assertIn('released: Cooperlake_acme-v2\n',
                      self.run_make(self.command('release-models')))

        # The build remembers them, until told otherwise.
        self.assertIn(f'CPU_TABLES={self.tables}, as before',
                      self.run_make('make'))
        self.assertEqual(self.leaf_7('Cooperlake_acme-v2'),
                         upstream & ~(HLE | RTM | CLWB))
        self.assertIn('CPU models of your own: none any more',
                      self.run_make('make CPU_TABLES='))
        models = subprocess.run([self.qemu, '-cpu', 'help'], text=True,
                                stdout=subprocess.PIPE, check=True).stdout
        self.assertNotIn('_acme', models)

    def test_level_example(self):
        """The fragment about a level is a table once it is filled in."""
        text = literal_after('is right on newer machine types').replace(
            '...', '\n'.join([
                'reason test', 'vendor GenuineIntel', 'family 6', 'model 1',
                'stepping 1', 'model-id Acme', 'xlevel 0x80000008',
                'on fpu de pse tsc msr pae cx8 apic syscall nx lm sse sse2',
                'on fxsr mmx cmov sep pge pat mtrr mca mce clflush']))
        tables = os.path.join(self.checkout, 'level-tables')
        os.mkdir(tables)
        with open(os.path.join(tables, 'a.tbl'), 'w', encoding='utf-8') as f:
            f.write(text)
        self.run_make('make CPU_TABLES=level-tables')
        for machine, level in ('pc-q35-9.2', 4), ('pc-q35-10.0', 7):
            view = self.guest(machine, 'Acme_One')
            self.assertEqual(register(view, 0, 0, 'EAX'), level)

    def test_bad_directories(self):
        self.run_make('scripts/qemu-tree prepare')
        self.assertIn('CPU_TABLES=nowhere: is not a directory',
                      self.run_make('make CPU_TABLES=nowhere', fails=True))
        os.mkdir(os.path.join(self.checkout, 'empty'))
        self.assertIn('CPU_TABLES=empty: has no *.tbl in it',
                      self.run_make('make CPU_TABLES=empty', fails=True))


if __name__ == '__main__':
    unittest.main()
