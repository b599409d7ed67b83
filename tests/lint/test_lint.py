# SPDX-License-Identifier: GPL-2.0-or-later
"""
Each rule of scripts/lint, broken once: a rule that cannot fail is none.
"""

import lzma
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import types
import unittest
from unittest import mock

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(REPO, 'tests'))

from script_module import load_script  # noqa: E402

LINE = os.environ.get('LINE') or '10.0'
lint = load_script('lint')

TESTED = set()


class Lint(unittest.TestCase):
    def setUp(self):
        self.tmp = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tmp)
        self.tree = lint.Tree(LINE)
        # A copy of the patches to spoil
        copy = os.path.join(self.tmp, 'patches')
        shutil.copytree(self.tree.patches_dir, copy)
        self.tree.patches_dir = copy
        self.tree.patches = [os.path.join(copy, os.path.basename(p))
                             for p in self.tree.patches]
        self.tree.scripted = set()
        self.addCleanup(setattr, lint, 'REPO', lint.REPO)

    def replace(self, path, old, new):
        text = lint.read(path)
        self.assertIn(old, text)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text.replace(old, new, 1))

    def checkout(self, **files):
        """Makes the linted repository one of these files."""
        top = os.path.join(self.tmp, 'repo')
        for name, text in files.items():
            path = os.path.join(top, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)
        lint.REPO = top
        self.tree.files = list(files)

    def problems(self, rule, message):
        TESTED.add(rule.__name__)
        found = list(rule(self.tree))
        self.assertTrue(found, f'{rule.__name__} found nothing')
        self.assertRegex('\n'.join(found), message)

    def test_further_lines(self):
        """What --further leaves out reads nothing of a release line"""
        for name in ('line', 'patches_dir', 'patches', 'source', 'git_dir',
                     'build'):
            delattr(self.tree, name)
        self.assertTrue(lint.OF_NO_LINE)
        with mock.patch.object(lint, 'run', return_value=types.SimpleNamespace(
                stdout='', returncode=0)):
            for rule in lint.OF_NO_LINE:
                with self.subTest(rule.__name__):
                    list(rule(self.tree))

    def test_interrupt(self):
        """By a terminal's Ctrl-C, which also a rule's programs get"""
        with subprocess.Popen(
                [os.path.join(REPO, 'scripts', 'lint'), '--line', LINE],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                start_new_session=True, preexec_fn=lambda: signal.signal(
                    signal.SIGINT, signal.SIG_DFL)) as process:
            # It comes with the first result.
            self.assertRegex(process.stdout.readline(), r'^1\.\.[0-9]+\n$')
            os.killpg(process.pid, signal.SIGINT)
            stderr = process.communicate(timeout=30)[1]
        self.assertEqual((process.returncode, stderr),
                         (130, 'error: interrupted\n'))

    def test_series(self):
        os.rename(self.tree.patches[0], self.tree.patches[0] + '.away')
        self.tree.patches.pop(0)
        self.problems(lint.series_lists_every_patch, 'series: ')

    def test_reason(self):
        path = self.tree.patches[0]
        _, _, body = lint.read(path).partition('\n\n')
        reason, _, _ = body.partition('Upstream-Status: ')
        for old, new, message in (
                (reason, 'For short.\n\n', 'does not say why'),
                ('Upstream-Status: Inappropriate [hook of a downstream '
                 'extension]', 'Upstream-Status: Soon', 'Upstream-Status'),
                ('Signed-off-by:', 'Signed-by:', 'no Signed-off-by'),
                ('Subject: [PATCH] qapi: Build', 'Subject: [PATCH] build',
                 'the subject is not')):
            with self.subTest(message):
                self.replace(path, old, new)
                self.problems(lint.patches_have_a_reason, message)
                self.replace(path, new, old)

    def test_hooks(self):
        path = self.tree.patches[0]
        # Of one hook, whatever the others add
        limit = lint.HOOKS_LINES
        self.addCleanup(setattr, lint, 'HOOKS_LINES', limit)
        lint.HOOKS_LINES = {LINE: 1000}
        self.replace(path, '\n+', '\n-upstream\n+')
        self.problems(lint.hooks_add_few_lines, 'takes away 1 lines')
        self.replace(path, '\n-upstream\n', '\n' + '+line\n' * 10)
        self.problems(lint.hooks_add_few_lines, 'adds 1[0-9] lines, more')
        self.replace(path, '\nSigned-off', '\nHook-Exception: a table that '
                     'has to be where it is\nSigned-off')
        self.assertEqual(list(lint.hooks_add_few_lines(self.tree)), [])
        lint.HOOKS_LINES = limit
        self.replace(path, '\n+line\n', '\n' + '+line\n' * 100)
        self.problems(lint.hooks_add_few_lines, '^all hooks together add')
        self.replace(path, 'Inappropriate [hook of a downstream extension]',
                     'Pending')
        self.assertEqual(list(lint.hooks_add_few_lines(self.tree)), [])

    def test_bug_fixes(self):
        """A bug fix that hooks are built on, or that is among them"""
        # Undone again: this takes the fix itself
        fix = [p for p in self.tree.patches if not lint.group_of(p)][-1]
        text = re.sub(r'(?m)^@@ -(\S+) \+(\S+) @@', r'@@ -\2 +\1 @@',
                      lint.read(fix))
        text = re.sub(r'(?m)^([+-])(?!\1\1 )',
                      lambda m: {'+': '-', '-': '+'}[m[1]], text)
        undo = os.path.join(self.tmp, '9999-undo.patch')
        with open(undo, 'w', encoding='utf-8') as f:
            f.write(text)
        self.tree.patches.append(undo)
        self.problems(lint.bug_fixes_can_be_left_out,
                      f'^without {os.path.basename(fix)}: 9999-undo')
        self.tree.patches.pop()

        self.replace(self.tree.patches[1], 'Inappropriate [hook of a '
                     'downstream extension]', 'Pending')
        self.problems(lint.bug_fixes_can_be_left_out,
                      '^a hook comes after 0002-')

    def test_groups(self):
        """A group that is not last, not for upstream, or not in series"""
        series = os.path.join(self.tree.patches_dir, 'series')
        rule = lint.patch_groups_come_last
        group = [p for p in self.tree.patches if lint.group_of(p)]
        first, last = (os.path.basename(group[i]) for i in (0, -1))
        self.replace(series, '# Patch-Group: performance\n', '')
        self.problems(rule, f"^{first}: in group 'performance', and in "
                      "series in ''")
        self.replace(series, first, f'# Patch-Group: performance\n{first}')
        self.assertEqual(list(rule(self.tree)), [])

        self.replace(group[0], 'Upstream-Status: Pending',
                     'Upstream-Status: Denied')
        self.problems(rule, f'^{first}: in a group, but not Upstream-Status')
        self.replace(group[0], 'Upstream-Status: Denied',
                     'Upstream-Status: Pending')
        self.replace(group[-1], 'Patch-Group: performance\n', '')
        self.problems(rule, f'{last}: in no group, but after performance$')

    def test_groups_used(self):
        """The overlay uses what a group of patches adds to a header"""
        self.checkout(**{'a.c': 'int x = obj->properties_changes;\n'})
        self.tree.overlay = lambda: [('a.c', 'target/i386/ext/a.c')]
        self.problems(lint.patch_groups_come_last,
                      '^a.c: has properties_changes, which a group')

    def test_exact(self):
        self.replace(self.tree.patches[0], '@@ -', '@@ -1')
        self.problems(lint.patches_apply_exactly, 'offset')
        self.replace(self.tree.patches[1], '\n ', '\n x')
        self.problems(lint.patches_apply_exactly, 'FAILED')

    def test_debian(self):
        """A patch that is near to what a patch of Debian's touches"""
        name, first, last = next(h for path in self.tree.patches
                                 for h in lint.hunks(lint.read(path), '-'))
        self.tree.source = os.path.join(self.tmp, 'source')
        patches = os.path.join(self.tree.source, 'debian', 'patches')
        os.makedirs(patches)

        def plant(line):
            with open(os.path.join(patches, 'fix.patch'), 'w',
                      encoding='utf-8') as f:
                f.write(f'--- a/{name}\n+++ b/{name}\n'
                        f'@@ -{line} +{line} @@\n-old\n+new\n')

        for line in first, last, last + lint.APART - 1:
            plant(line)
            self.problems(lint.patches_fit_debian_and_upstream,
                          f'{name}:{first}: near line {line}, which is in '
                          'fix.patch')
        plant(100000)
        self.assertEqual(
            list(lint.patches_fit_debian_and_upstream(self.tree)), [])

    def test_export(self):
        """A patch that is not what the tree's commits export to"""
        self.checkout(**{'scripts/qemu-tree': '#!/bin/sh\necho differs\nexit 1'})
        os.chmod(os.path.join(lint.REPO, 'scripts/qemu-tree'), 0o755)
        self.problems(lint.patches_re_export, 'differs')

    def test_checkpatch(self):
        self.replace(self.tree.patches[1],
                     '\n+    x86_cpu_ext_class_init(oc);\n',
                     '\n+\tx86_cpu_ext_class_init(oc);  \n')
        self.tree.overlay = list
        self.problems(lint.checkpatch_passes, 'trailing whitespace')

    def test_checkpatch_overlay(self):
        """One file among others; licences of core/ are not a problem"""
        name = 'target/i386/ext/core/nearest.c'
        files = dict(self.tree.overlay())
        planted = os.path.join(self.tmp, 'x.c')
        with open(planted, 'w', encoding='ascii') as f:
            f.write('/* SPDX-License-Identifier: GPL-2.0-or-later */\n\n'
                    'int x;\t\n')
        self.assertIn(name, files.values())
        self.tree.patches = self.tree.patches[:1]
        self.tree.overlay = lambda: [('core', name), ('x.c', planted),
                                     ('core', name)]
        self.problems(lint.checkpatch_passes, f'{planted}:3:')
        self.assertNotIn('nearest.c', ''.join(
            lint.checkpatch_passes(self.tree)))

    def test_overlay(self):
        self.tree.overlay = lambda: [('README.md',
                                      'target/i386/ext/meson.build')]
        self.problems(lint.overlay_is_in_the_tree, 'differs from its copy')

    def test_circles(self):
        ext = 'target-i386-ext/'
        files = {ext + 'a.h': '#include "cpu.h"\n',
                 ext + 'a.c': '#include "a.h"\n#include "b.h"\n',
                 ext + 'b.h': '#include "target/i386/ext/c.h"\n',
                 ext + 'c.h': '', ext + 'generator/d.c': '#include "../a.h"\n'}
        self.checkout(**files)
        self.assertEqual(list(lint.no_circles(self.tree)), [])
        self.checkout(**files, **{ext + 'c.c': '#include "a.h"\n'})
        self.problems(lint.no_circles, '^a includes b: .*\nb includes c: .*\n'
                      'c includes a: .*\nd includes a: .*$')

    def test_circles_of_calls(self):
        part = 'target-i386-ext/generator/'
        files = {part + 'a.c': 'static int c(int x)\n{\n}\n\n'
                               'const char *a_1(int x,\n    int y)\n{\n'
                               '    return b(c(x));\n}\n',
                 part + 'b.c': 'char *b(int x)\n{\n    /* a_1() */\n'
                               '    puts("a_1()");\n}\n'
                               'int main(void)\n{\n}\n',
                 part + 'c.c': 'int c(int x)\n{\n}\n'
                               'int main(void)\n{\n    main();\n}\n'}
        self.checkout(**files)
        self.assertEqual(list(lint.no_circles_of_calls(self.tree)), [])
        # Not within a string, although there are two quotation marks
        files[part + 'b.c'] += ('int d(void)\n{\n    return '
                                '\'"\' + a_1(1, 2) + \'"\';\n}\n')
        self.checkout(**files)
        self.problems(lint.no_circles_of_calls,
                      '^generator/a calls b: .*\ngenerator/b calls a: .*$')

    def test_werror(self):
        self.tree.build = self.tmp
        self.problems(lint.built_with_werror, 'run make first')
        info = os.path.join(self.tmp, 'meson-info')
        os.mkdir(info)
        with open(os.path.join(info, 'intro-buildoptions.json'), 'w',
                  encoding='utf-8') as f:
            f.write('[{"name": "werror", "value": false}]')
        self.problems(lint.built_with_werror, 'werror is False')

    def test_models(self):
        tables = 'target-i386-ext/tables/models/'
        self.checkout(**{
            f'{tables}a.tbl': 'cpu A\n  version 1\n  version 2\n'
                              'cpu B\n    x\n  version 1\n',
            f'{tables}released.lock': 'released A-v1\n'})
        self.problems(lint.models_are_released,
                      '^.*a.tbl: A-v2 is not released .*\n'
                      '.*a.tbl: B-v1 is not released .*$')
        self.checkout(**{f'{tables}a.tbl': 'cpu A\n  version 1\n'})
        os.remove(os.path.join(lint.REPO, tables, 'released.lock'))
        self.problems(lint.models_are_released, 'A-v1 is not released')

    def test_licences(self):
        self.checkout(**{'a/b.c': '/* no licence */\n'})
        self.problems(lint.files_have_licences,
                      '^a/b.c is not GPL-2.0-or-later$')
        text = '/* SPDX-License-Identifier: GPL-2.0-or-later\n */\n'
        self.checkout(**{'a/b.c': text})
        self.assertEqual(list(lint.files_have_licences(self.tree)), [])
        self.checkout(**{'target-i386-ext/core/b.c': text})
        self.problems(lint.files_have_licences,
                      '^target-i386-ext/core/b.c is not LGPL-2.1-or-later$')
        # What redoes QEMU's rules is under QEMU's.
        self.checkout(**{'target-i386-ext/tool/b.c': text})
        self.assertEqual(list(lint.files_have_licences(self.tree)), [])
        self.checkout(**{'target-i386-ext/tool/b.c': '/* no licence */\n'})
        self.problems(lint.files_have_licences,
                      '^target-i386-ext/tool/b.c is not LGPL-2.1-or-later or '
                      'GPL-2.0-or-later$')
        cases = f'tests/conformance/{LINE}.jsonl.xz'
        for name in (f'tests/golden/{LINE}/answers.json', 'examples/a/b.go',
                     'examples/a/go.mod'):
            self.checkout(**{name: text})
            self.problems(lint.files_have_licences,
                          f'^{name} is not CC0-1.0$')
        for licence, problems in (('GPL-2.0-or-later',
                                   [f'{cases} is not CC0-1.0']),
                                  ('CC0-1.0', [])):
            self.checkout(**{cases: ''})
            with lzma.open(os.path.join(lint.REPO, cases), 'wt') as f:
                f.write(f'SPDX-License-Identifier: {licence}')
            self.assertEqual(list(lint.files_have_licences(self.tree)),
                             problems)

    def test_core(self):
        core = 'target-i386-ext/core/'
        files = {core + 'a.h': '#include <stdint.h>\n',
                 core + 'a.c': '#include <string.h>\n#include "a.h"\n'}
        self.checkout(**files)
        self.assertEqual(list(lint.core_stands_alone(self.tree)), [])
        self.checkout(**files, **{core + 'b.c': '#include <glib.h>\n'
                                                '#include "qemu/osdep.h"\n'})
        self.problems(lint.core_stands_alone,
                      '^.*core/b.c includes glib.h\n'
                      '.*core/b.c includes qemu/osdep.h$')

    def test_names(self):
        self.checkout(**{'x.md': 'see http://' + 'packages.example.com/x\n'})
        self.problems(lint.nothing_of_this_machine,
                      'names the host packages.example.com')
        self.checkout(**{'x.md': 'in /' + 'root/build\n'})
        self.problems(lint.nothing_of_this_machine, 'has the path /' + 'root/')

    def test_manual(self):
        self.checkout(**{'x.rst': 'Title\n==\n\n``open\n'})
        self.problems(lint.manual_is_valid, 'x.rst:')

    def test_shellcheck(self):
        self.checkout(**{'x.sh': '#!/bin/sh\nrm $1\n'})
        self.problems(lint.shellcheck_passes, 'SC2086')

    def test_flake8(self):
        self.checkout(**{'x.py': 'import os\n'})
        self.problems(lint.flake8_passes, 'F401')

    def test_zz_every_rule_is_tested(self):
        self.assertEqual(TESTED, {rule.__name__ for rule in lint.RULES})


if __name__ == '__main__':
    unittest.main()
