# SPDX-License-Identifier: GPL-2.0-or-later
"""
The tree without the groups of patches that `make dist` can leave out: does
it build, with -Werror, and give the same answers?

Takes some minutes: only with CHECK_FULL=1.
"""

import json
import os
import shutil
import subprocess
import sys
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests')]

from other_builds import (  # noqa: E402
    BUILD, LINE, TREE, build, configure, run)

QUERIES = [
    {'execute': 'query-cpu-definitions'},
    *({'execute': 'query-cpu-model-expansion',
       'arguments': {'type': kind, 'model': {'name': model}}}
      for kind in ('static', 'full')
      for model in ('max', 'qemu64', 'EPYC-Genoa', 'SapphireRapids')),
    {'execute': 'qom-list-properties',
     'arguments': {'typename': 'max-x86_64-cpu'}},
]


def git(*argv, **env):
    return run('git', f'--git-dir={TREE}.git', *argv,
               env={**os.environ, **env}).split()


def make_tree():
    """Returns a directory with the source without groups, made anew."""
    group = git('log', '--reverse', '--format=%H', '--grep=^Patch-Group: ',
                'base..HEAD')
    tree = f'{TREE}-without-groups'
    shutil.rmtree(tree, ignore_errors=True)
    os.mkdir(tree)
    index = {'GIT_INDEX_FILE': os.path.join(tree, '.index')}
    git('read-tree', f'{group[0]}^', **index)
    git(f'--work-tree={tree}', 'checkout-index', '-a', '-f', **index)
    for line in run(os.path.join(REPO, 'scripts', 'qemu-tree'),
                    'overlay-files').splitlines():
        to, source = line.split('\t')
        os.makedirs(os.path.dirname(os.path.join(tree, to)), exist_ok=True)
        shutil.copy(os.path.join(REPO, source), os.path.join(tree, to))
    if os.environ.get('CPU_TABLES'):
        # As in the build that it is compared with
        os.symlink(os.environ['CPU_TABLES'], os.path.join(
            tree, 'target', 'i386', 'ext', 'tables', 'site'))
    return tree


def answers(binary):
    done = subprocess.run(
        [binary, '-machine', 'none,accel=tcg', '-display', 'none',
         '-nodefaults', '-qmp', 'stdio'], check=True, text=True,
        input=''.join(json.dumps(q) + '\n' for q in [
            {'execute': 'qmp_capabilities'}, *QUERIES, {'execute': 'quit'}]),
        stdout=subprocess.PIPE)
    return [line for line in done.stdout.splitlines()
            if line.startswith('{"return": ')]


@unittest.skipUnless(os.environ.get('CHECK_FULL'),
                     'builds one more QEMU: set CHECK_FULL=1')
class WithoutGroups(unittest.TestCase):
    def test_answers(self):
        out = configure('without-groups', '--enable-kvm',
                        '--target-list=x86_64-softmmu', tree=make_tree())
        build(out, 'qemu-system-x86_64')
        without = answers(os.path.join(out, 'qemu-system-x86_64'))
        # And of qmp_capabilities and quit
        self.assertEqual(len(without), len(QUERIES) + 2)
        self.assertEqual(without, answers(os.path.join(
            BUILD, LINE, 'qemu-system-x86_64')))


if __name__ == '__main__':
    unittest.main()
