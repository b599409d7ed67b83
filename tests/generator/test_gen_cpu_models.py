# SPDX-License-Identifier: GPL-2.0-or-later
"""
CPU models from tables, gen-cpu-models.c in target-i386-ext/generator/ and what it is made
of: every check, on small inputs of which each has one thing wrong; the C and
the lock files that come out; that what is released cannot change; and that
upstream's models are read as they are, on the real tree.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import generator
from generator import (CPU_C, CPU_H, FEATURES_TBL, RICH_TABLE, SITE_TABLE,
                       SOURCE, TABLE, VERSION)

KEYS = (', on, off, family, model, stepping, level, xlevel, avx10-version, '
        'model-id, cache, set')
ARGS = ['m', 'VERSION', 'f.tbl', 'cpu.c', 'cpu.h']
L1D = '    cache     l1d 32K:line=64:ways=8:sets=64:share=core\n'
L1I = '    cache     l1i 32K:line=64:ways=8:sets=64:share=core\n'
L2 = '    cache     l2 1M:line=64:ways=16:sets=1024:share=core\n'
L3 = '    cache     l3 8M:line=64:ways=16:sets=8192:share=die\n'
HEAD = 'cpu %s\n    reason    X\n'


def edit(text, old, new):
    """One edit, that is one"""
    if text.count(old) != 1:
        raise ValueError(f'{text.count(old)} of {old!r}')
    return text.replace(old, new)


def line_of(text, part):
    """The line of the first @part"""
    return text[:text.index(part)].count('\n') + 1


def without_warnings(text):
    """Without those that test_new_machines looks at"""
    return re.sub(r'^.*: nothing here yet: .*\n', '', text, flags=re.M)


class Generator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.made)
        cls.program = generator.compile_into(cls.made)

    def setUp(self):
        self.tmp = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.tmp)

    def run_in(self, *args, **kwargs):
        return subprocess.run(
            [self.program, *args], cwd=self.tmp, env=generator.ENV,
            **{'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE,
               'text': True, 'check': False, 'timeout': 60, **kwargs})

    def write(self, table=TABLE, lock=None, site=None, site_lock=None,
              cpu_c=CPU_C, cpu_h=CPU_H, features=FEATURES_TBL,
              version=VERSION):
        for name in 'm', 's':
            shutil.rmtree(os.path.join(self.tmp, name), ignore_errors=True)
        files = {'m/t.tbl': table, 'm/released.lock': lock, 's/s.tbl': site,
                 's/released.lock': site_lock, 'cpu.c': cpu_c, 'cpu.h': cpu_h,
                 'f.tbl': features, 'VERSION': version}
        generator.write_files(self.tmp, {
            name: text for name, text in files.items() if text is not None})

    def generate(self, *args, verb='models', **inputs):
        self.write(**inputs)
        if inputs.get('site') is not None:
            args = ['-s', 's', *args]
        return self.run_in(verb, *args, *ARGS)

    def passes(self, *args, **inputs):
        done = self.generate(*args, **inputs)
        self.assertEqual(without_warnings(done.stderr), '')
        self.assertEqual(done.returncode, 0)
        return done.stdout

    def release(self, **inputs):
        return self.passes(verb='release', **inputs)

    def fails(self, *errors, **inputs):
        """All the errors, in order, and nothing else; no output"""
        done = self.generate(**inputs)
        said = done.stderr.replace(self.tmp + '/', '')
        self.assertEqual(said, ''.join(e + '\n' for e in errors))
        self.assertEqual(done.stdout, '')
        self.assertEqual(done.returncode, 1)

    def table_fails(self, old, new, *errors, table=TABLE, **inputs):
        """
        With one edit of the table, and the errors in the line of that, or
        (PART, ERROR) in that of the first PART.
        """
        edited = edit(table, old, new)
        line = line_of(table, old)
        self.fails(*self.placed('m/t.tbl', edited, line, errors),
                   table=edited, **inputs)

    def cpu_c_fails(self, old, new, *errors, **inputs):
        edited = edit(CPU_C, old, new)
        line = line_of(CPU_C, old)
        self.fails(*self.placed('cpu.c', edited, line, errors), cpu_c=edited,
                   **inputs)

    @staticmethod
    def placed(path, edited, line, errors):
        for error in errors:
            if isinstance(error, tuple):
                part, error = error
                yield f'{path}:{line_of(edited, part)}: {error}'
            else:
                yield f'{path}:{line}: {error}'


class Output(Generator):
    def test_models(self):
        """Each of the members, of what has all of them"""
        text = self.passes(table=RICH_TABLE, site=SITE_TABLE)
        for part in '''
static PropValue table_props_0_1[] = {
    { }
};
static PropValue table_props_0_2[] = {
            { "lahf-lm", "on" },
            { "twin", "on" },
            { "avx2", "off" },
            { "pmu", "on" },
            { "spins", "7" },
    { }
};
static PropValue table_props_0_3[] = {
            { "family", "16" },
            { "avx10-version", "1" },
    { }
};
static const CPUCaches table_caches_0_3 = {
    .l1d_cache = &(CPUCacheInfo) {
        .type = DATA_CACHE,
        .level = 1,
        .size = 32768,
        .line_size = 64,
        .associativity = 8,
        .partitions = 1,
        .sets = 64,
        .lines_per_tag = 1,
        .self_init = true,
        .share_level = CPU_TOPOLOGY_LEVEL_CORE,
    },
    .l1i_cache = &(CPUCacheInfo) {
        .type = INSTRUCTION_CACHE,
        .level = 1,
        .size = 32768,
        .line_size = 64,
        .associativity = 8,
        .partitions = 1,
        .sets = 64,
        .lines_per_tag = 1,
        .no_invd_sharing = true,
        .share_level = CPU_TOPOLOGY_LEVEL_CORE,
    },
    .l2_cache = &(CPUCacheInfo) {
        .type = UNIFIED_CACHE,
        .level = 2,
        .size = 1048576,
        .line_size = 64,
        .associativity = 16,
        .partitions = 1,
        .sets = 1024,
        .lines_per_tag = 2,
        .share_level = CPU_TOPOLOGY_LEVEL_MODULE,
    },
    .l3_cache = &(CPUCacheInfo) {
        .type = UNIFIED_CACHE,
        .level = 3,
        .size = 8388608,
        .line_size = 64,
        .associativity = 16,
        .partitions = 1,
        .sets = 8192,
        .lines_per_tag = 1,
        .inclusive = true,
        .complex_indexing = true,
        .share_level = CPU_TOPOLOGY_LEVEL_DIE,
    },
};
static const X86CPUVersionDefinition table_versions_0[] = {
        {
            .version = 1,
            .alias = "Uno",
            .props = table_props_0_1,
        },
        {
            .version = 2,
            .note = "wanted",
            .props = table_props_0_2,
        },
        {
            .version = 3,
            .props = table_props_0_3,
            .cache_info = &table_caches_0_3,
        },
    { }
};
static const PropValue table_machine_props_0_0[] = {
            { "vme", "on" },
            { "pages", "3" },
            { "min-level", "13" },
    { }
};
static const PropValue table_machine_props_0_1[] = {
            { "model-id", "One, of these machines" },
    { }
};
static const PropValue table_machine_props_0_2[] = {
    { }
};
static const X86CPUTableMachines table_machines_0[] = {
    { 0x0, 0x90002, 0, table_machine_props_0_0 },
    { 0x90001, 0xa0000, 2, table_machine_props_0_1 },
    { 0xa0001, 0xffffffff, 3, table_machine_props_0_2 },
    { }
};
static const char *const table_deprecated_0[] = {
    [2] = "too many caches",
    [3] = NULL,
};
~static PropValue table_props_2_1[] = {
            { "pmu", "on" },
            { "full", "off" },
            { "spins", "4095" },
    { }
};
~static const X86CPUTableMachines table_machines_1[] = {
    { }
};
static const char *const table_deprecated_1[] = {
    [1] = NULL,
};
~
static const X86CPUTableModel x86_cpu_table_models[] = {
    {
        .def = {
            .name = "one",
            .level = 7,
            .xlevel = 0x80000008,
            .vendor = "GenuineIntel",
            .family = 6,
            .model = 1,
            .stepping = 2,
            .avx10_version = 0,
            .features[FEAT_1_EDX] = 0x5ull,
            .features[FEAT_1_ECX] = 0x4000001ull,
            .features[FEAT_7_0_EBX] = 0x20ull,
            .model_id = "One, the first",
            .versions = table_versions_0,
        },
        .machines = table_machines_0,
        .deprecated = table_deprecated_0,
    },
    {
        .def = {
            .name = "two",
            .level = 8,
            .xlevel = 0x80000008,
            .vendor = "GenuineIntel",
            .family = 6,
            .model = 31,
            .stepping = 5,
            .avx10_version = 0,
            .features[FEAT_1_EDX] = 0x5ull,
            .features[FEAT_1_ECX] = 0x5ull,
            .features[FEAT_7_0_EBX] = 0x20ull,
            .features[FEAT_ARCH_CAPABILITIES] = 0x10000000002ull,
            .model_id = "An old one (IBRS)",
            .cache_info = &table_caches_1_0,
            .versions = table_versions_1,
            .deprecation_note = "use one",
        },
        .machines = table_machines_1,
        .deprecated = table_deprecated_1,
    },
    {
        .def = {
            .name = "three",
~            .name = "site_a",
~            .model_id = "Site's A",
            .cache_info = &table_caches_3_0,
            .versions = table_versions_3,
        },
        .machines = table_machines_3,
        .deprecated = table_deprecated_3,
    },
    { }
};

#define X86_CPU_TABLE_MODELS 4
'''.split('~'):
            self.assertIn(part, text)
        # One's versions without caches of their own have none, nor has one.
        self.assertNotIn('table_caches_0_0', text)
        self.assertNotIn('table_caches_0_2', text)
        # What comes after has those of the one before.
        text = self.passes(table=edit(
            RICH_TABLE, '  machines until', '  version 4\n reason x\n off de\n'
            '  machines until'))
        self.assertIn('table_caches_0_3', text)
        self.assertNotIn('table_caches_0_4', text)

    def test_upstream_caches(self):
        """Members that upstream's models leave out are 0 there, too."""
        text = self.passes(table=RICH_TABLE)
        self.assertIn('''static const CPUCaches table_caches_1_0 = {
    .l1d_cache = &(CPUCacheInfo) {
        .type = DATA_CACHE,
        .level = 1,
        .size = 32768,
        .line_size = 64,
        .associativity = 8,
        .partitions = 1,
        .sets = 64,
        .lines_per_tag = 1,
        .self_init = true,
        .no_invd_sharing = true,
        .share_level = CPU_TOPOLOGY_LEVEL_CORE,
    },
    .l1i_cache = &(CPUCacheInfo) {
        .type = INSTRUCTION_CACHE,
        .level = 1,
        .size = 32768,
        .line_size = 64,
        .associativity = 8,
        .partitions = 0,
        .sets = 64,
        .lines_per_tag = 0,
        .share_level = CPU_TOPOLOGY_LEVEL_INVALID,
    },
''', text)

    def test_caches_of_machines(self):
        text = self.passes(table=TABLE + '  machines since 10.1\n' + L1D + L1I
                           + L2 + L3)
        self.assertIn(
            '{ "l1d-cache-info", "32768:line=64:ways=8:partitions=1:sets=64:'
            'tag-lines=1:share=core" },\n', text)
        self.assertIn(
            '{ "l3-cache-info", "8388608:line=64:ways=16:partitions=1:'
            'sets=8192:tag-lines=1:share=die" },\n', text)

    def test_versions_start_as_the_one_before(self):
        copy = HEAD + '''    based-on  %s
    model-id  X
  version 1
'''
        names = [('x', 'one-v1'), ('y', 'one-v2'), ('u', 'Old-v1'),
                 ('v', 'old-v2'), ('w', 'Old-v3'), ('t', 'tiny-v1')]
        text = self.passes(table=TABLE, site=''.join(
            copy % (name + '_', base) for name, base in names))
        defs = re.findall(r'\.name = "(._)"(.*?\.versions[^}]*)', text, re.S)
        self.assertEqual(len(defs), len(names))
        defs = dict(defs)
        self.assertIn('features[FEAT_1_ECX] = 0x4000001ull', defs['x_'])
        self.assertNotIn('FEAT_8000', defs['x_'])
        self.assertIn('features[FEAT_1_ECX] = 0x400000dull', defs['y_'])
        self.assertIn('features[FEAT_8000_0001_ECX] = 0x1ull', defs['y_'])
        self.assertNotIn('FEAT_7_0_EBX', defs['y_'])
        self.assertIn('features[FEAT_1_EDX] = 0x7ull', defs['u_'])
        self.assertIn('.stepping = 3', defs['u_'])
        self.assertNotIn('cache_info', defs['v_'])
        self.assertIn('.stepping = 5', defs['v_'])
        self.assertIn('.level = 8', defs['v_'])
        self.assertIn('cache_info', defs['w_'])
        self.assertIn('.vendor = "  Far East  "', defs['t_'])
        self.assertIn('.avx10_version = 2', defs['t_'])
        # Without a line in cpu.c, it is 0 there.
        self.assertIn('.xlevel = 0x0,', defs['t_'])
        self.assertIn('.stepping = 0,', defs['t_'])

    def test_lock(self):
        self.assertEqual(self.release(table=RICH_TABLE.split('\ncpu three')[0]),
                         '''\
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Released versions of CPU models: none of them may change.
# Written by make release-models alone.

released one-v1
    alias     Uno
    vendor    GenuineIntel
    family    6
    model     1
    stepping  2
    level     7
    xlevel    0x80000008
    model-id  One, the first
    on        fpu de
    on        pni xsave
    on        avx2

released one-v2
    vendor    GenuineIntel
    family    6
    model     1
    stepping  2
    level     7
    xlevel    0x80000008
    model-id  One, the first
    on        fpu de
    on        pni twin xsave
    on        lahf-lm
    set       pmu on
    set       spins 7

released one-v3
    vendor    GenuineIntel
    family    16
    model     1
    stepping  2
    level     7
    xlevel    0x80000008
    avx10-version 1
    model-id  One, the first
    on        fpu de
    on        pni twin xsave
    on        lahf-lm
    cache     l1d 32768:line=64:ways=8:P:sets=64:T:share=core:self-init
    cache     l1i 32768:line=64:ways=8:P:sets=64:T:share=core:no-invd-sharing
    cache     l2 1048576:line=64:ways=16:P:sets=1024:tag-lines=2:share=module
    cache     l3 8388608:line=64:ways=16:P:sets=8192:T:share=die:inclusive:complex-indexing
    set       pmu on
    set       spins 7

name one from 0.0 before 9.1 version 1
    on        vme
    set       pages 3
    level     13
name one from 9.1 before 9.3 version 2
    on        vme
    set       pages 3
    level     13
    model-id  One, of these machines
name one from 9.3 to 10.0 version 2
    model-id  One, of these machines

released two-v1
    vendor    GenuineIntel
    family    6
    model     31
    stepping  5
    level     8
    xlevel    0x80000008
    model-id  An old one (IBRS)
    on        fpu de
    on        pni
    bits      FEAT_1_ECX 0x4
    on        avx2
    on        taa-no
    bits      FEAT_ARCH_CAPABILITIES 0x2
    cache     l1d 32768:line=64:ways=8:P:sets=64:T:share=core:self-init:no-invd-sharing
    cache     l1i 32768:line=64:ways=8:partitions=0:sets=64:tag-lines=0:share=invalid
    cache     l2 1048576:line=64:ways=16:P:sets=1024:T:share=module:inclusive
    cache     l3 8388608:line=64:ways=16:P:sets=8192:T:share=die:complex-indexing
    set       pmu on
    set       full off
    set       spins 4095

name two from 0.0 to 10.0 version 1
'''.replace(':P:', ':partitions=1:').replace(':T:', ':tag-lines=1:'))

    def test_lock_is_of_one_directory(self):
        ours = self.release(table=RICH_TABLE)
        text = self.release(table=RICH_TABLE, lock=ours, site=SITE_TABLE)
        self.assertEqual(re.findall(r'^released (.*)', text, re.M),
                         ['site_a-v1'])
        self.assertIn("\n    alias     site_x\n", text)
        self.passes(table=RICH_TABLE, lock=ours, site=SITE_TABLE,
                    site_lock=text)

    def test_long_lines_of_features(self):
        words = ''.join(f'"feature-with-a-name-{i}", ' for i in range(10))
        cpu_c = edit(CPU_C, '"lahf-lm"', '"lahf-lm", ' + words)
        rows = ''.join(f'feature-with-a-name-{i} - - X\n' for i in range(10))
        features = edit(FEATURES_TBL, '\nxstore', '\n' + rows + 'xstore')
        table = edit(TABLE, 'on        lahf-lm', 'on        ' + ' '.join(
            f'feature-with-a-name-{i}' for i in range(10)))
        text = self.release(table=table, cpu_c=cpu_c, features=features)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.passes(table=table, cpu_c=cpu_c, features=features, lock=text)

    def test_nothing(self):
        text = self.passes(table='# Nothing\n')
        self.assertIn('x86_cpu_table_models[] = {\n    { }\n};\n', text)
        self.assertIn('#define X86_CPU_TABLE_MODELS 0\n', text)


class Tables(Generator):
    """What is wrong with a table, in its line"""

    def test_names(self):
        say = ("'%s': a name has 2 to 40 letters, digits, '-' and '_', and "
               'begins with a letter or a digit other than 0')
        for bad in 'x', 'x' * 41, '-x', '_x', '0x', 'x.y', 'x/y', 'x:y':
            self.table_fails('cpu one', 'cpu ' + bad, say % bad)
        for good in 'xy', 'x' * 40, '9x', 'x-y', 'x_y-Z0', 'x-v0', 'x-v01', \
                'x-v1000', 'x-va', 'x-v', 'v1', 'x-v0x1', 'x-w1', 'x-1':
            self.passes(table=edit(TABLE, 'cpu one', 'cpu ' + good))
        for bad in 'base', 'custom', 'host', 'max', 'help', 'MAX':
            self.table_fails('cpu one', 'cpu ' + bad,
                             f"'{bad}' is a name of QEMU's own")
        self.table_fails('cpu one', 'cpu', "'cpu' is followed by the name of "
                         'a model')
        self.table_fails('cpu one', 'cpu one two', "'cpu' is followed by the "
                         'name of a model')

    def test_names_of_upstream(self):
        say = ("'%s' is in the name space of upstream's model Old; "
               "'Old_SOMETHING' cannot collide with it")
        for bad in 'Old', 'OLD', 'Old-v1', 'old-v7', 'Old-x', 'Old-IBRS':
            self.table_fails('cpu one', 'cpu ' + bad, say % bad)
        for good in 'Older', 'Old_x', 'Old-x_y', 'Ol', 'x-Old':
            self.passes(table=edit(TABLE, 'cpu one', 'cpu ' + good))
        # A name of upstream's that is no prefix of its model's
        self.fails('m/t.tbl:1: ' + say % 'elder',
                   cpu_c=edit(CPU_C, '"Old-IBRS"', '"Elder"'),
                   table=edit(TABLE, 'cpu one', 'cpu elder'))

    def test_new_machines(self):
        """What has no effect yet is told, and is no error."""
        text = TABLE + '  machines since 10.1\n    on vme\n'
        done = self.generate(table=text)
        self.assertEqual(
            done.stderr.replace(self.tmp + '/', ''),
            f"m/t.tbl:{line_of(text, 'since 10.1')}: warning: one: nothing "
            'here yet: this QEMU has machine types up to 10.0\n')
        self.assertEqual(done.returncode, 0)
        for version in 'since 10.0', 'until 10.1':
            done = self.generate(table=edit(text, 'since 10.1', version))
            self.assertEqual((done.stderr, done.returncode), ('', 0))

    def test_line_ends(self):
        """Windows' line ends are told once, and other errors too."""
        text = edit(TABLE, 'twin', 'xyzzy').replace('\n', '\r\n')
        self.fails('m/t.tbl:1: Windows line ends (CR LF); save the file with '
                   'Unix ones (LF)', f"m/t.tbl:{line_of(text, 'xyzzy')}: "
                   "'xyzzy' is not a feature of this QEMU", table=text)

    def test_names_of_sites(self):
        self.fails("s/s.tbl:1: 'ours': a name of your own needs a '_': "
                   "upstream's new names have none, so they never "
                   'collide', site=edit(TABLE, 'cpu one', 'cpu ours'))
        text = edit(SITE_TABLE, 'site_x', 'sitex')
        self.fails(f"s/s.tbl:{line_of(text, 'sitex')}: 'sitex': a name of "
                   "your own needs a '_': upstream's new names have none, so "
                   'they never collide', table=RICH_TABLE, site=text)

    def test_names_with_versions(self):
        self.table_fails('cpu one', 'cpu x-v1',
                         "'x-v1': versions are named by QEMU")
        self.table_fails('Uno', 'x-v999',
                         "'x-v999': versions are named by QEMU")
        # The levels of the psABI are exempt.
        self.passes(table=edit(TABLE, 'Uno', 'x86-64-v9'))
        self.passes(site=edit(edit(TABLE, 'cpu one', 'cpu x_y-v7'),
                              '    alias     Uno\n', ''))

    def test_model_that_is_a_version(self):
        table = edit(edit(TABLE, 'cpu one', 'cpu X_y'),
                     '    alias     Uno\n', '')
        again = edit(table, 'cpu X_y', 'cpu x_y-v2')
        for text in table + again, again + table:
            lines = (line_of(text, 'cpu x_y-v2'),
                     line_of(text, 'cpu X_y') + line_of(table, '  version 2')
                     - 1)
            self.fails("s/s.tbl:%d: 'x_y-v2' is a version of X_y already, in "
                       's/s.tbl:%d' % lines, site=text)
        self.passes(site=table + edit(table, 'cpu X_y', 'cpu x_y-v3'))

    def test_same_name(self):
        second = edit(edit(TABLE, 'cpu one', 'cpu ONE'), 'Uno', 'Due')
        self.fails(f"m/t.tbl:{line_of(TABLE + second, 'cpu ONE')}: 'ONE' "
                   'again; it is in m/t.tbl:1 already', table=TABLE + second)
        # In another directory
        self.fails("s/s.tbl:1: 'one' again; it is in m/t.tbl:1 already",
                   site=TABLE)

    def test_aliases(self):
        say = (".tbl:%d: alias '%s' again; it is in m/t.tbl:%d already")
        second = edit(TABLE, 'cpu one', 'cpu two')
        text = TABLE + edit(second, 'Uno', 'uno')
        first = line_of(TABLE, '  version 1')
        self.fails('m/t' + say % (TABLE.count('\n') + first, 'uno', first),
                   table=text)
        text = edit(TABLE, '    note      wanted', '    alias     UNO')
        self.fails('m/t' + say % (line_of(text, '  version 2'), 'UNO', first),
                   table=text)
        for alias in 'one', 'One', 'two':
            table = edit(TABLE, 'Uno', alias) + edit(second, 'Uno', 'Due')
            self.fails(f"m/t.tbl:{first}: alias '{alias}' is a CPU model "
                       'already', table=table)
        site = edit(edit(TABLE, 'cpu one', 'cpu x_y'), 'Uno', 'x_Uno')
        self.fails(f"s/s.tbl:{first}: alias 'X_y-v2' is a CPU model already",
                   site=edit(site, 'x_Uno', 'X_y-v2'))
        self.passes(site=edit(site, 'x_Uno', 'X_y-v3'))
        self.table_fails('Uno', 'Old-IBRS', "'Old-IBRS' is in the name space "
                         "of upstream's model Old; 'Old_SOMETHING' cannot "
                         'collide with it')
        self.table_fails('Uno', 'a b', "'a b': a name has 2 to 40 letters, "
                         "digits, '-' and '_', and begins with a letter or a "
                         'digit other than 0')

    def test_stray_lines(self):
        self.fails("m/t.tbl:1: 'family' belongs to a model, after 'cpu NAME'",
                   table='family 6\nmodel 7\n' + TABLE)
        # Whatever is wrong elsewhere
        self.fails("m/t.tbl:2: 'reason' says nothing",
                   "s/s.tbl:2: 'off' belongs to a model, after 'cpu NAME'",
                   table=edit(TABLE, 'reason    The first one.', 'reason'),
                   site='\noff fpu\n')

    def test_unknown_keys(self):
        for key in 'fpu', 'min-level', 'bits', 'alias', 'note', 'CPU', 'cpus':
            self.table_fails(
                '    family    6', f'    {key} 6',
                f"unknown key '{key}' here; there are reason, based-on, "
                f"deprecated, vendor{KEYS}")
        for key in 'fpu', 'bits', 'based-on', 'default-version':
            self.table_fails(
                '    note      wanted', f'    {key} FEAT_1_ECX 2',
                f"unknown key '{key}' here; there are alias, note, reason, "
                f'deprecated{KEYS}')
        for key in 'fpu', 'bits', 'reason', 'vendor', 'alias':
            self.fails(
                f"m/t.tbl:{TABLE.count(chr(10)) + 2}: unknown key '{key}' "
                f'here; there are default-version{KEYS}', table=(
                    TABLE + f'  machines since 10.1\n {key} FEAT_1_EDX 8\n'))

    def test_words(self):
        for key in 'reason', 'based-on', 'deprecated':
            self.table_fails('    family    6', f'    {key}',
                             f"'{key}' says nothing")
        for key in 'based-on', 'deprecated':
            self.table_fails('    family    6', f'    {key} a\n    {key} b',
                             (f'{key} b', f"'{key}' again"))
        for key in 'reason', 'note', 'deprecated', 'alias':
            self.table_fails('    set       pmu on', f'    {key}',
                             f"'{key}' says nothing")
        self.table_fails('    set       pmu on', '    note a',
                         "'note' again")
        self.table_fails('    set       pmu on',
                         '    deprecated a\n    deprecated b',
                         ('deprecated b', "'deprecated' again"))
        self.table_fails('    alias     Uno', '    alias     Uno\n'
                         '    alias     Due', ('alias     Due',
                                               "'alias' again"))

    def test_numbers(self):
        for key, old, low, high in (
                ('family', 'family    6', 0, 270),
                ('model', 'model     1', 0, 255),
                ('stepping', 'stepping  2', 0, 15),
                ('level', 'level     7\n    x', 1, 255),
                ('xlevel', 'xlevel    0x80000008', 0x80000000, 0x800000ff),
                ('avx10-version', 'on        fpu de pni xsave avx2', 0, 255)):
            rest = '\n    x' if old.endswith('x') else ''
            for bad in (low - 1, high + 1, 'x', '', '010', '0x', '1 2',
                        '0x1g', 1 << 64, (1 << 64) + low, '+1', '-0'):
                value = str(bad).strip()
                self.table_fails(
                    old, f'{key} {bad}{rest}', f"{key} '{value}' is not a "
                    f'number from {low} to {high}')
            for good in low, high, hex(low), hex(high).upper().replace('X', 'x'):
                self.generate(table=edit(TABLE, old, f'{key} {good}{rest}'))
        self.assertIn('.family = 270,', self.passes(
            table=edit(TABLE, 'family    6', 'family 0x10E')))
        self.assertIn('.xlevel = 0x800000ff', self.passes(
            table=edit(TABLE, '0x80000008', '0x800000ff')))
        self.assertIn('.xlevel = 0x80000000', self.passes(
            table=edit(edit(TABLE, '0x80000008', '0x80000000'),
                       'lahf-lm ', '')))
        self.passes(table=edit(TABLE, 'stepping  2', 'stepping 15'))
        self.passes(table=edit(TABLE, 'level     7\n    x', 'level 255\n x'))
        self.passes(table=edit(TABLE, 'model     1', 'model 0'))

    def test_texts(self):
        for value in 'GenuineInte', 'GenuineIntelX', '', "'GenuineIntel '":
            bare = value.strip("'")
            self.table_fails(
                'vendor    GenuineIntel', f'vendor    {value}',
                f"vendor '{bare}' has {len(bare)} characters; it must have 12")
        for value in '', 'x' * 49, "''":
            bare = value.strip("'")
            self.table_fails(
                'model-id  One, the first', f'model-id  {value}',
                f"model-id '{bare}' has {len(bare)} characters; it must have "
                '1 to 48')
        self.passes(table=edit(TABLE, 'One, the first', 'x' * 48))
        self.passes(table=edit(TABLE, 'One, the first', 'x'))
        # With spaces at the ends, and quotes that are none
        for value, text in (("'  Far East  '", '  Far East  '),
                            ("'a'", 'a'), ("'", "'"), ("'a", "'a"),
                            ("a'", "a'"), ("' '", ' '), ("'''", "'"),
                            ("'a ", "'a")):
            table = edit(TABLE, 'One, the first', value)
            self.assertIn(f'.model_id = "{text}"', self.passes(table=table))
            self.passes(table=table, lock=self.release(table=table))

    def test_features(self):
        self.table_fails('on        lahf-lm twin', 'on',
                         "'on' without a feature")
        self.table_fails('off       avx2', 'off', "'off' without a feature")
        self.table_fails('lahf-lm twin', 'xyzzy lahf-lm plugh',
                         "'xyzzy' is not a feature of this QEMU",
                         ('plugh', "'plugh' is not a feature of this QEMU"))
        self.table_fails('lahf-lm twin', 'sse3', "'sse3' is another name; "
                         "QEMU's own is 'pni'")
        self.table_fails('lahf-lm twin', 'FPU',
                         "'FPU' is not a feature of this QEMU")
        self.table_fails('lahf-lm twin', 'lahf-lm,twin', "'lahf-lm,twin': "
                         'separate features by spaces, not by commas')
        self.table_fails('lahf-lm twin', 'lahf_lm', "'lahf_lm' is a flag in "
                         "/proc/cpuinfo; QEMU's name is 'lahf-lm'")
        self.table_fails('lahf-lm twin', 'lahflm', "'lahflm' is libvirt's "
                         "name; QEMU's is 'lahf-lm'", features=edit(
                             FEATURES_TBL, 'lahf-lm    lahf_lm  lahf_lm',
                             'lahf-lm    lahf_lm  lahflm'))
        for wrong, near in (('lahf-ln', "'lahf-lm'"), ('avx3', "'avx2'"),
                            ('twn', "'twin'"), ('fpue', "'fpu'"),
                            ('pn', "'pni'")):
            self.table_fails('lahf-lm twin', wrong, f"'{wrong}' is not a "
                             f'feature of this QEMU; did you mean {near}?')
        for name in 'hypervisor', 'kvmclock':
            self.table_fails('lahf-lm twin', name, f"'{name}' is not for "
                             'models: QEMU sets it in all of them')
        self.passes(table=edit(TABLE, 'lahf-lm', 'lahf-lm xstore rdctl-no'))

    def test_so_already(self):
        for old, new, name in (
                ('lahf-lm twin', 'fpu', 'fpu'),
                ('off       avx2', 'off avx512f', 'avx512f'),
                ('set       pmu on', 'level 7', 'level'),
                ('set       pmu on', 'model-id One, the first', 'model-id')):
            self.table_fails(old, new, f"'{name}' is so already; remove it")
        first = '    set       pmu on\n' + L1D + L1I + L2 + L3
        table = edit(TABLE, '  version 1\n', first + '  version 1\n')
        for new, name in (('set pmu on', 'pmu'), (L1D.strip(), 'l1d'),
                          (L3.strip(), 'l3')):
            text = edit(table, '    set       pmu on\n    set       spins 7',
                        '    ' + new)
            self.fails(f'm/t.tbl:{text.count(chr(10))}: '
                       f"'{name}' is so already; remove it", table=text)
        # Of the base, too; and what another value changes
        site = edit(SITE_TABLE, "model-id  Site's A",
                    'vendor GenuineIntel\n    family 6\n    stepping 6')
        self.fails("s/s.tbl:4: 'vendor' is so already; remove it",
                   "s/s.tbl:5: 'family' is so already; remove it",
                   table=RICH_TABLE, site=site)
        self.fails("s/s.tbl:4: 'full' is so already; remove it",
                   table=RICH_TABLE, site=edit(SITE_TABLE, "model-id  Site's "
                                               'A', 'set full off'))
        self.passes(table=RICH_TABLE, site=edit(
            SITE_TABLE, "model-id  Site's A", 'set full on\n set spins 4094\n'
            ' set pmu off\n vendor AuthenticAMD\n'
            ' cache l2 2M:line=64:ways=32:sets=1024:share=socket\n'))
        # A feature that the base has in part can be made whole, or gone.
        for word in 'on', 'off':
            self.passes(table=RICH_TABLE, site=edit(
                SITE_TABLE, "model-id  Site's A", word + ' twin'))
        self.fails("s/s.tbl:4: 'off' without a feature", table=RICH_TABLE,
                   site=edit(SITE_TABLE, "model-id  Site's A", 'off'))

    def test_so_already_without_a_base(self):
        self.table_fails('xsave avx2', 'xsave avx2\n    off       avx512f',
                         ('off       avx512f',
                          "'avx512f' is so already; remove it"))
        # 0 has to be said.
        self.passes(table=edit(TABLE, 'stepping  2', 'stepping 0'))

    def test_duplicates(self):
        for line, name in (('family 7', 'family'), ('model-id x', 'model-id'),
                           ('vendor AuthenticAMD', 'vendor'),
                           ('off de', 'de'), ('on de', 'de'),
                           ('xlevel 0x80000001', 'xlevel')):
            first = line_of(TABLE, line.split()[0] + ' ' if name != 'de'
                            else '    on ')
            self.table_fails('  version 1', f'    {line}\n  version 1',
                             f"'{name}' again; it is in line {first} already")
        self.table_fails('on        lahf-lm twin', 'on lahf-lm lahf-lm',
                         "'lahf-lm' again; it is in line %d already"
                         % line_of(TABLE, 'lahf-lm'))
        self.table_fails('spins 7', 'pmu off',
                         "'pmu' again; it is in line %d already"
                         % line_of(TABLE, 'pmu on'))
        text = edit(TABLE, '    set       pmu on\n', L1D + L1D)
        self.fails(f"m/t.tbl:{line_of(text, 'l1d') + 1}: 'l1d' again; it is "
                   f"in line {line_of(text, 'l1d')} already", table=text)

    def test_knobs(self):
        for line in 'set', 'set pmu', 'set pmu on off':
            self.table_fails('set       pmu on', line,
                             "'set' is a property and its value")
        self.table_fails('set       pmu on', 'set de on', "'de' is a feature; "
                         "write 'on de' or 'off de'")
        self.table_fails('set       pmu on', 'set sse3 on',
                         "'sse3' is a feature; write 'on sse3' or 'off sse3'")
        for name in ('xyzzy', 'apic-id', 'level', 'vendor-name', 'model',
                     'other'):
            self.table_fails(
                'set       pmu on', f'set {name} 7', f"'{name}' is not "
                'a property of this QEMU that is on or off or a number, and '
                'that a CPU model can set')
        for value in 'true', '1', 'ON':
            self.table_fails('set       pmu on', f'set pmu {value}',
                             f"'pmu' is on or off, not '{value}'")
        for name, bits in ('bits', 8), ('pages', 16), ('spins', 32), \
                ('mask', 64):
            top = (1 << bits) - 1
            for bad in top + 1, 'on', '-1':
                self.table_fails('set       spins 7', f'set {name} {bad}',
                                 f"{name} '{bad}' is not a number up to {top}")
            self.assertIn(f'{{ "{name}", "{top}" }}', self.passes(
                table=edit(TABLE, 'spins 7', f'{name} {top:#x}')))

    def test_caches(self):
        what = ("'cache' is l1d, l1i, l2 or l3, and SIZE:line=N:ways=N:sets=N:"
                'share=core and so on, without spaces, as in the property '
                'l1d-cache-info')
        for line in 'cache', 'cache l1d', 'cache l4 32K', 'cache l1d 32K x':
            self.table_fails('set       pmu on', line, what)
        for size in 'x', '32G', 'K', '-32K', '+32K', '32k', '.5M', '0x8000', \
                '0', '032K', '18446744073709551616', '18014398509481984K':
            self.table_fails(
                'set       pmu on', f'cache l1d {size}', f"cache l1d: '{size}'"
                ' is not a size: decimal digits, in bytes or with K or M')
        self.table_fails(
            'set       pmu on', 'cache l1d :32K', "cache l1d: '' is not a "
            'size: decimal digits, in bytes or with K or M')
        keys = ('there are line, ways, partitions, sets, tag-lines, share, '
                'self-init, no-invd-sharing, inclusive, complex-indexing')
        shares = 'core, module, die or socket'
        line = 'a decimal number from 1 to 255'
        above = 'the maximum of CPUID leaf 0x80000005 ECX'
        for part, error in (
                ('line', "'line' needs a value"),
                ('line=', f"'' of 'line' is not {line}"),
                ('line=0', f"'0' of 'line' is not {line}"),
                ('line=+64', f"'+64' of 'line' is not {line}"),
                ('line=0x40', f"'0x40' of 'line' is not {line}"),
                ('line=064', f"'064' of 'line' is not {line}"),
                ('line=18446744073709551616',
                 f"'18446744073709551616' of 'line' is not {line}"),
                ('line=64', "'line' is given twice"),
                ('line=32', "'line' is given twice"),
                ('ways=x', "'x' of 'ways' is not a decimal number from 1 to "
                 '254'),
                ('partitions=256', "partitions=256 is above 255, the maximum "
                 "of QEMU's 8 bits"),
                ('partitions=0', "'0' of 'partitions' is not a decimal "
                 'number from 1 to 255'),
                ('tag-lines=256', f'tag-lines=256 is above 255, {above}'
                 '[15:8]'),
                ('tag-lines=0', f"'0' of 'tag-lines' is not {line}"),
                ('share=thread', f"'thread' of 'share' is not {shares}"),
                ('share=', f"'' of 'share' is not {shares}"),
                ('share=' + 'x' * 99, f"'{'x' * 64}' of 'share' is not "
                 f'{shares}'),
                ('share', "'share' needs a value"),
                ('share=core', "'share' is given twice"),
                ('size=3', f"unknown key 'size'; {keys}"),
                ('Inclusive', f"unknown key 'Inclusive'; {keys}"),
                ('', f"unknown key ''; {keys}"),
                ('inclusive=1', "'inclusive' takes no value"),
                ('self-init', "'self-init' is given twice")):
            self.table_fails(
                'set       pmu on', L1D.strip() + ':self-init:' + part,
                f'cache l1d: {error}')
        product = 'is not line x ways x partitions x sets, which is'
        for which, text, error in (
                ('l1d', '32767:line=1:ways=1:sets=32767:share=core',
                 'the size 32767 is not a multiple of 1024, the unit of CPUID '
                 'leaf 0x80000005 ECX[31:24]'),
                ('l3', '256K', 'the size 262144 is not a multiple of 524288, '
                 'the unit of CPUID leaf 0x80000006 EDX[31:18]'),
                ('l1d', '256K', f'the size 262144 is above 261120, {above}'
                 '[31:24]'),
                ('l2', '64M', 'the size 67108864 is above 67107840, the '
                 'maximum of CPUID leaf 0x80000006 ECX[31:16]'),
                ('l3', '4096M', 'the size 4294967296 is above 4294967295, '
                 "the maximum of QEMU's 32 bits"),
                ('l1d', '32K:line=256', f'line=256 is above 255, {above}'
                 '[7:0]'),
                ('l1d', '32K:line=64:ways=255', f'ways=255 is above 254, '
                 f'{above}[23:16]'),
                ('l2', '1M:line=64:ways=12', 'ways=12 has no code in CPUID '
                 'leaf 0x80000006 ECX[15:12], which has codes for 1, 2, 4, '
                 '8, 16, 32, 48, 64, 96, 128'),
                ('l1i', '32K:line=64:ways=8:sets=64',
                 f"'share' is missing: {shares}"),
                ('l1i', '32K:line=64:ways=8:share=core', "'sets' is missing"),
                ('l1i', '32K', "'line' is missing"),
                ('l1i', '32K:line=64:ways=8:sets=65:share=core',
                 f'the size 32768 {product} 33280'),
                ('l1i', '32K:line=64:ways=16:sets=16:partitions=2:share=core',
                 '16 ways are not fewer than 16 sets'),
                ('l3', '4095M:line=255:ways=128:sets=4294967295:'
                 'partitions=255:share=core', f'the size 4293918720 {product} '
                 f'{255 * 128 * 255 * 4294967295}')):
            self.table_fails('set       pmu on', f'cache {which} {text}',
                             f'cache {which}: {error}')
        self.table_fails(
            'set       pmu on', L1D.strip() + '\n    cache     l2 x',
            ('cache     l2 x', "cache l2: 'x' is not a size: decimal digits, "
             'in bytes or with K or M'))
        # Of what is wrong, nothing is there twice.
        self.table_fails(
            'set       pmu on', 'cache l1d x\n    cache l1d 32K',
            "cache l1d: 'x' is not a size: decimal digits, in bytes or with "
            'K or M', ('cache l1d 32K', "cache l1d: 'line' is missing"))
        for share in 'core', 'module', 'die', 'socket':
            text = self.passes(table=TABLE + (L1D + L1I + L2 + L3).replace(
                'share=core', f'share={share}'))
            self.assertIn(f'CPU_TOPOLOGY_LEVEL_{share.upper()}', text)
        # As large as they can be
        for old, new in (
                ('32K:line=64:ways=8:sets=64', '255K:line=255:ways=1:'
                 'partitions=1:sets=1024:tag-lines=255'),
                ('32K:line=64:ways=8:sets=64', '127K:line=1:ways=254:'
                 'sets=512'),
                ('32K:line=64:ways=8:sets=64', '255K:line=1:ways=1:'
                 'partitions=255:sets=1024')):
            self.passes(table=TABLE + edit(L1D, old, new) + L1I + L2 + L3)
        self.passes(table=TABLE + L1D + L1I + edit(
            L2, '1M:line=64:ways=16:sets=1024',
            '65535K:line=64:ways=16:sets=65535:tag-lines=15') + edit(
                L3, '8M:line=64:ways=16:sets=8192',
                '4294443008:line=1:ways=1:sets=4294443008'))

    def test_incomplete_caches(self):
        for left in 'l1d', 'l1i', 'l2', 'l3':
            cache = ''.join(x for x in (L1D, L1I, L2, L3) if left not in x)
            say = (f'cache {left} is missing: a CPU has all of l1d, l1i, l2 '
                   'and l3, or none of its own')
            self.fails(f"m/t.tbl:{line_of(TABLE, '  version 2')}: one-v2: "
                       f'{say}', table=TABLE + cache)
            # Once, not for each version
            text = edit(TABLE, '  version 1\n', cache + '  version 1\n')
            self.fails(f"m/t.tbl:{line_of(text, '  version 1')}: one-v1: "
                       f'{say}', table=text)
            self.fails(f'm/t.tbl:1: one on machine types 10.0: {say}',
                       table=TABLE + '  machines from 10.0 to 10.3\n' + cache)

    def test_versions(self):
        for bad in '', ' 0', ' 2', ' x', ' 1 1', ' 1.0':
            self.table_fails('version 1', 'version' + bad,
                             "the next version of one is 'version 1'")
        for bad in '', ' 1', ' 3':
            self.table_fails('version 2', 'version' + bad,
                             "the next version of one is 'version 2'")
        text = TABLE + '  machines since 10.1\n    on vme\n  version 3\n' \
            '    reason X\n    on vme\n'
        self.fails(f"m/t.tbl:{line_of(text, '  version 3')}: versions come "
                   "before 'machines'", table=text)
        self.table_fails('  version 2', '  version 2\n    vendor AuthenticAMD',
                         ('vendor Auth', "a version can't be of another "
                          'vendor; that is another model'))
        self.table_fails('    alias     Uno', '    level 8',
                         "'level' belongs before 'version 1', which is the "
                         'model as it stands there')
        self.table_fails('    alias     Uno', '    on vme',
                         "'on' belongs before 'version 1', which is the "
                         'model as it stands there')
        self.table_fails('    alias     Uno', '    off',
                         "'off' without a feature")
        self.table_fails('    alias     Uno', '    x', "unknown key 'x' here; "
                         f'there are alias, note, reason, deprecated{KEYS}')

    def test_999_versions(self):
        text = edit(TABLE, '    alias     Uno\n', '').split('  version 2')[0]
        for i in range(2, 1000):
            text += f'version {i}\n reason x\n {"on" if i % 2 else "off"} de\n'
        self.assertIn('.version = 999,', self.passes(table=text))
        self.fails(f"m/t.tbl:{text.count(chr(10)) + 1}: one has too many "
                   'versions', table=text + 'version 1000\n')

    def test_missing(self):
        self.table_fails('    reason    The first one.\n', '',
                         ('cpu one', "one: 'reason' is missing: whom is it "
                          'for, and why is it as it is?'))
        self.table_fails('    reason    Wanted\n', '',
                         ('  version 2', "one-v2: 'reason' is missing: why is "
                          'there another version?'))
        for key in 'vendor', 'family', 'model ', 'stepping', 'level', \
                'xlevel', 'model-id':
            line = re.search(rf'    {key}.*\n', TABLE).group()
            self.table_fails(line, '', ('  version 1', "one-v1: "
                                        f"'{key.strip()}' is missing"))
        self.fails("m/t.tbl:1: one: 'version 1' is missing",
                   table=TABLE.split('  version 1')[0])
        self.table_fails('    on        lahf-lm twin\n    off       avx2\n'
                         '    set       pmu on\n    set       spins 7\n', '',
                         ('  version 2', 'one-v2: no different from the '
                          'version before it'))

    def test_dependencies(self):
        # cpu.c's own, of a named feature and of bits without a name
        self.table_fails('pni xsave', 'xsave', ('  version 1', "one-v1: "
                         "'avx2' needs 'pni', which is not on"))
        self.table_fails(
            'lahf-lm twin', 'taa-no', ('  version 2', "one-v2: 'taa-no' needs "
                                       "'FEAT_1_EDX bits 0x200', which is not "
                                       'on'))
        # Ours
        self.table_fails('pni xsave', 'pni', ('  version 1', "one-v1: "
                         "'avx2' needs 'xsave', which is not on"))
        # An 'off' takes away what is needed.
        self.table_fails('off       avx2', 'off       pni xsave',
                         ('  version 2', "one-v2: 'avx2' needs 'pni', which "
                          'is not on'),
                         ('  version 2', "one-v2: 'avx2' needs 'xsave', which "
                          'is not on'))
        # What upstream's model lacks is upstream's: Old-v2's AVX2 here.
        site = edit(SITE_TABLE, 'three-v1', 'Old-v2')
        self.passes(site=site)
        self.fails("s/s.tbl:5: site_a-v1: 'avx2' needs 'pni', which is not "
                   'on', site=edit(site, "model-id  Site's A", 'off pni'))
        self.fails("s/s.tbl:5: site_a-v1: 'avx2' needs 'xsave', which is not "
                   'on', site=edit(edit(SITE_TABLE, 'three-v1', 'one-v1'),
                                   "model-id  Site's A", 'off xsave'))

    def test_unnamed_dependency(self):
        """On a bit without a name, which only upstream's models have"""
        cpu_c = edit(edit(CPU_C, '1u << 9 }', '2 }'), '{ "vme", "off" }',
                     '{ "de", "off" }')
        self.fails("s/s.tbl:5: site_a-v1: 'FEAT_ARCH_CAPABILITIES bits 0x2' "
                   "needs 'vme', which is not on", "s/s.tbl:5: site_a-v1: "
                   "'taa-no' needs 'vme', which is not on", cpu_c=cpu_c,
                   site=edit(edit(SITE_TABLE, 'three-v1', 'Old-v2'),
                             "model-id  Site's A", 'off vme'))

    def test_levels(self):
        self.table_fails('level     7\n    x', 'level     6\n    x',
                         ('  version 1', "one-v1: 'avx2' is in CPUID leaf "
                          '0x7, above level 0x6'))
        self.table_fails('0x80000008', '0x80000000',
                         ('  version 2', "one-v2: 'lahf-lm' is in CPUID leaf "
                          '0x80000001, above xlevel 0x80000000'))
        # MSRs and Centaur's leaves have no level of ours.
        self.passes(table=edit(edit(TABLE, 'lahf-lm twin', (
            'rdctl-no xstore')), '0x80000008', '0x80000000'))
        # Upstream's own
        cpu_c = edit(CPU_C, '{ "min-level", "8" }', '{ "min-level", "2" }')
        self.passes(cpu_c=cpu_c, site=edit(SITE_TABLE, 'three-v1', 'Old-v2'))
        self.fails("s/s.tbl:5: site_a-v1: 'avx512f' is in CPUID leaf 0x7, "
                   'above level 0x2', cpu_c=cpu_c, site=edit(edit(
                       SITE_TABLE, 'three-v1', 'Old-v2'),
                       "model-id  Site's A", 'on avx512f'))

    def test_errors_of_plain_names(self):
        self.fails("m/t.tbl:1: one on machine types 9.0: 'avx2' needs "
                   "'pni', which is not on", table=TABLE +
                   '  machines from 9.0 to 9.2\n    off pni\n')
        # What the version lacks was told of it.
        self.fails("m/t.tbl:11: one-v1: 'avx2' needs 'pni', which is not on",
                   table=edit(TABLE, 'pni xsave', 'xsave') +
                   '  machines from 9.0 to 9.2\n    level 8\n')
        self.passes(table=TABLE + '  machines since 9.0\n    off pni\n'
                    '    default-version 2\n')

    def test_based_on(self):
        at = "s/s.tbl:3: site_a: based-on "
        for bad in 'three', 'Old', 'Old-v', 'Old-v0', 'Old-v1000', 'x y':
            self.fails(at + 'needs a version, such as Cooperlake-v2: what '
                       'names without one mean depends on the machine type',
                       table=RICH_TABLE,
                       site=edit(SITE_TABLE, 'three-v1', bad))
        for bad in 'four-v1', 'Old-v4', 'three-v2', 'max-v1', 'tiny-v2':
            self.fails(at + f"'{bad}' is not a version of any CPU model",
                       table=RICH_TABLE,
                       site=edit(SITE_TABLE, 'three-v1', bad))
        self.fails("m/t.tbl:3: site_a is based on site_a-v1, which is based "
                   'on it', table=edit(SITE_TABLE, 'three-v1', 'site_a-v1'))
        self.fails('m/t.tbl:3: one is shipped and cannot be based on '
                   'site_b-v1 of another directory',
                   table=HEAD % 'one' + 'based-on site_b-v1\n version 1\n',
                   site=edit(edit(SITE_TABLE, 'site_a', 'site_b'),
                             'three-v1', 'Old-v2'))

    def test_based_on_another_of_the_site(self):
        self.passes(table=RICH_TABLE, site=SITE_TABLE + (
            HEAD % 'site_b' + ' based-on site_a-v1\n on tsc\n version 1\n'))

    def test_cycles(self):
        loop = ''.join(HEAD % f'm{i}' + f'  based-on m{(i + 1) % 3}-v1\n'
                       '  off fpu vme\n version 1\n' for i in range(3))
        # Once, and nothing about what they would be
        self.fails('m/t.tbl:13: m2 is based on m0-v1, which is based on it',
                   table=loop)
        self.fails('m/t.tbl:13: m2 is based on m0-v1, which is based on it',
                   table=loop, site=edit(SITE_TABLE, 'three-v1', 'm1-v1'))

    def test_base_that_is_not_there(self):
        """... is all that is wrong."""
        self.fails("m/t.tbl:3: mm: based-on 'x-v1' is not a version of any CPU "
                   'model', table=HEAD % 'mm' + '  based-on x-v1\n'
                   '  off fpu\nversion 1\nversion 2\n  reason x\n  off vme\n',
                   site=edit(SITE_TABLE, 'three-v1', 'mm-v2'))

    def test_long_chain(self):
        text = HEAD % 'm0' + 'based-on Old-v2\nversion 1\n' + ''.join(
            HEAD % f'm{i}' + f'based-on m{i - 1}-v1\n'
            f'stepping {i % 16}\nversion 1\n' for i in range(1, 300))
        models = re.split(r'(?m)^(?=cpu)', text)[1:]
        ahead, after = ''.join(reversed(models)), ''.join(models)
        steps = [re.findall(r'm(\d+)".*?stepping = (\d+)',
                            self.passes(table=t), re.S)
                 for t in (ahead, after)]
        self.assertEqual(len(steps[0]), 300)
        self.assertEqual(sorted(steps[0]), sorted(steps[1]))

    def test_machines(self):
        say = ("'machines' is followed by 'since X.Y', 'until X.Y' or 'from "
               "X.Y to X.Y', which are versions of machine types")
        end = TABLE.count('\n') + 1
        for bad in ('', ' 10.0', ' since', ' since 10', ' since 10.x',
                    ' since 10.0 to 10.1', ' until 10.0 x', ' from 10.0',
                    ' from 10.0 to', ' from 10.0 until 10.1',
                    ' from 10.1 to 10.0', ' from 10.0 to 10.1 x',
                    ' since 10.0.x', ' since 10.', ' since .1', ' since -1.0',
                    ' since 1000.0', ' since 10.1000', ' since +1.+2',
                    ' since 10x1', ' since 10.0x', ' since 10.0.1.',
                    ' since 10.0.', ' since 10.0.1.1', ' from 1.0 to x',
                    ' from x to 1.0', ' since 10..0', ' Since 10.0',
                    ' from 9.0 - 9.1'):
            self.fails(f'm/t.tbl:{end}: {say}',
                       table=TABLE + f'  machines{bad}\n    on vme\n')
        for good, low, high in (
                ('since 9.1', 0x90001, 0xffffffff),
                ('since 10.0.13', 0xa0000, 0xffffffff),
                ('until 9.1', 0, 0x90001), ('from 9.0 to 9.0', 0x90000,
                                            0x90000),
                ('from 0.0 to 999.999', 0, 0x3e703e7)):
            self.assertIn(f'{{ {low:#x}, {high:#x}, 0, table_machine_props',
                          self.passes(table=TABLE +
                                      f'machines {good}\n on vme\n'))
        self.fails(f"m/t.tbl:{end}: one: 'machines' with nothing for them",
                   table=TABLE + '  machines since 10.1\n')
        for bad in '', ' 0', ' 3', ' x', ' 1 2', ' 1000', ' 4294967297':
            self.fails(f"m/t.tbl:{end + 1}: one has no version "
                       f"'{bad.strip()}'", table=TABLE +
                       f'  machines since 10.1\n    default-version{bad}\n')
        self.fails(f"m/t.tbl:{end + 2}: 'default-version' again",
                   table=TABLE + '  machines since 10.1\n    default-version '
                   '2\n    default-version 1\n')
        self.fails("m/t.tbl:1: 'machines' belongs to a model, after 'cpu NAME'",
                   table='machines since 1.0\n' + TABLE)

    def test_overlapping_machines(self):
        end = TABLE.count('\n') + 1
        for first, second in (('until 9.1', 'since 9.1'),
                              ('since 9.1', 'until 9.1'),
                              ('from 9.0 to 9.2', 'from 9.1 to 9.1'),
                              ('from 9.1 to 9.1', 'from 9.0 to 9.2'),
                              ('from 9.0 to 9.1', 'from 9.1 to 9.2'),
                              ('since 9.0', 'since 10.0')):
            text = TABLE + (f'  machines {first}\n    %s\n'
                            f'  machines {second}\n    %s\n')
            self.fails(f'm/t.tbl:{end + 2}: one: default-version for machine '
                       f'types that line {end} has one for',
                       table=text % (('default-version 2',) * 2))
            for a, b in (('on vme', 'on vme'), ('on vme', 'off vme'),
                         ('level 8', 'level 9'), ('set pmu on', 'set pmu off'),
                         ('model-id a', 'model-id b')):
                self.fails(f'm/t.tbl:{end + 3}: one: the same as in line '
                           f'{end + 1}, for machine types that are in both',
                           table=text % (a, b))
            self.passes(table=text % ('default-version 2', 'on vme'))
            self.passes(table=text % ('on vme', 'off de'))
            self.passes(table=text % ('model 1', 'stepping 1'))
        for first, second in (('until 9.0', 'since 9.1'),
                              ('since 9.2', 'until 9.1')):
            self.passes(table=TABLE + f'machines {first}\n on vme\n'
                        f'machines {second}\n off fpu\n on vme\n')

    def test_characters(self):
        self.table_fails('Wanted', 'W"nted', 'column 16: only printable '
                         'ASCII, without ", \\ and ??')
        self.fails('m/t.tbl:0: it is not text: it has a NUL byte',
                   table=TABLE + '\0')

    def test_without_a_last_newline(self):
        self.assertEqual(self.passes(table=TABLE),
                         self.passes(table=TABLE.rstrip() + '  \t'))

    def test_all_errors_at_once(self):
        self.fails("m/t.tbl:2: unknown key 'x' here; there are reason, "
                   f'based-on, deprecated, vendor{KEYS}',
                   "m/t.tbl:3: 'off' without a feature",
                   "s/s.tbl:2: unknown key 'y' here; there are reason, "
                   f'based-on, deprecated, vendor{KEYS}',
                   table='cpu one\nx y\noff\n', site='cpu a_b\ny x\n')


class Source(Generator):
    """What is in cpu.c that the generator does not know stops it."""

    def test_missing_parts(self):
        for start in ('FeatureDep feature_dependencies[] = {',
                      'Property x86_cpu_properties[] = {',
                      'X86CPUDefinition builtin_x86_defs[] = {'):
            self.fails(f"cpu.c:1: no '{start}' in it",
                       cpu_c=edit(CPU_C, start, 'x'))
        self.fails("cpu.c:1: no 'Property x86_cpu_properties[] = {' in it",
                   cpu_c=CPU_C[:CPU_C.index('    DEFINE_PROP_BOOL("full"')])

    def test_dependencies(self):
        self.cpu_c_fails('{ FEAT_1_ECX,               C',
                         '{ FEAT_2,               C',
                         "'FEAT_2' is not a feature word")
        self.cpu_c_fails('.from = { FEAT_1_EDX', '.fro = { FEAT_1_EDX',
                         "unknown member '.fro'; teach gen-cpu-tables about "
                         'it')
        self.cpu_c_fails('        .to = { FEAT_ARCH_CAPABILITIES,     ~1ull '
                         '},\n', '', ('    {\n        .from = { FEAT_1_EDX',
                                      'a dependency without .from or .to'))
        self.cpu_c_fails('        .from = { FEAT_1_EDX,               1u << 9 '
                         '},\n', '', ('    {\n        .to = { FEAT_ARCH',
                                      'a dependency without .from or .to'))

    def test_expressions(self):
        old = 'CPUID_BOTH | CPUID_VME'
        for text, value in (('7', 7), ('0x7', 7), ('7u', 7), ('7ULL', 7),
                            ('(1 << 1) | 5', 7), ('6 + 1', None),
                            ('~0xfffffff8u & 7', 7), ('1 | 2 | 4', 7),
                            ('1 << 1 << 1 | 3 * 1', 7), ('true | 6', 7),
                            ('(((((7)))))', 7), ('false | 7 & 0xf', 7),
                            ('~0xfffffffffffffff8', 7), ('KiB * 0 | 7', 7),
                            ('MiB & 0 | 7', 7), ('1 |\n 6 /* x\n */', 7),
                            ('1 | 2 & 6 | 4', 7), ('1 << 2 * 1 | 3', 7)):
            cpu_c = edit(CPU_C, old, text)
            if value is None:
                self.fails(f"cpu.c:{line_of(cpu_c, text)}: expected ',', "
                           "found '+'", cpu_c=cpu_c)
                continue
            self.assertIn('FEAT_1_EDX] = 0x7ull', self.passes(
                cpu_c=cpu_c, site=edit(SITE_TABLE, 'three-v1', 'Old-v1')))
        for text, error in (
                ('1 << 64', 'a shift by 64'),
                ('1 << 1 <', "expected '<', found ','"),
                ('(1 << 1', "expected ')', found ','"),
                ('010', "'010' is not a number"),
                ('1x', "'1x' is not a number"),
                ('0x1' + '0' * 16, "'0x1" + '0' * 16 + "' is not a number"),
                ('X', "'X' is not a number, and no macro of the headers"),
                ('6 / 2', "expected ',', found '/'"),
                ('|', "expected a name or number, found '|'"),
                ('x' * 64, "expected a name or number, found '" + 'x' * 64
                 + "'"), ('(' * 101, 'expression too deep')):
            self.cpu_c_fails(old, text, error)

    def test_end_of_file(self):
        start = CPU_C.index('static const X86CPUDefinition')
        end = CPU_C.index('static const Property')
        moved = CPU_C[:start] + CPU_C[end:] + CPU_C[start:end]
        cut = moved[:moved.index('CPUID_VME')]
        self.fails(f"cpu.c:{cut.count(chr(10)) + 1}: expected a name or "
                   "number, found 'end of file'", cpu_c=cut)

    def test_macros(self):
        old = '#define CPUID_VME (1U << 1)\n'
        place = f"cpu.c:{line_of(CPU_C, 'CPUID_VME')}: "
        for text, error in (
                ('', "'CPUID_VME' is not a number, and no macro of the "
                 'headers'),
                ('#define CPUID_VMEX 1\n', "'CPUID_VME' is not a number, and "
                 'no macro of the headers'),
                ('#define CPUID_VME (1U << 1) x\n', "macro 'CPUID_VME' is not "
                 'an expression that gen-cpu-tables knows; teach it'),
                ('#define CPUID_VME\n', "expected a name or number, found "
                 "'end of file'"),
                ('#define CPUID_VME "x"\n', "expected a name or number, found "
                 "'x'"),
                ('#define CPUID_VME CPUID_VME\n', "macro 'CPUID_VME': "
                 'expansion is nested too deeply')):
            self.fails(place + error, cpu_h=edit(CPU_H, old, text))
        for text in ('#define CPUID_VME 2', '#define CPUID_VMEX\n#define '
                     'CPUID_VME\t\\\n2 /* x */\n', '#define CPUID_VME 2 // x'):
            self.assertIn('FEAT_1_EDX] = 0x7ull', self.passes(
                cpu_h=edit(CPU_H, old, '') + text,
                site=edit(SITE_TABLE, 'three-v1', 'Old-v1')))
        # In cpu.c itself
        self.passes(cpu_h=edit(CPU_H, old, ''),
                    cpu_c='#define CPUID_VME 2\n' + CPU_C)

    def test_models(self):
        for old, new, error in (
                ('.stepping = 3', '.steppin = 3', "unknown member "
                 "'.steppin'; teach gen-cpu-tables about it"),
                ('.features[FEAT_1_ECX]', '.features[FEAT_2]',
                 "'FEAT_2' is not a feature word"),
                ('.deprecation_note = "use another"', '.level = 3',
                 "'.level' after '.versions'; teach gen-cpu-tables about it"),
                ('{ .version = 1 }', '{ .note = "x" }',
                 "'.version' is not the first member"),
                ('.note = "IBRS', '.nota = "IBRS', "unknown member '.nota'; "
                 'teach gen-cpu-tables about it'),
                ('{ "vme", "off" }', '{ "vendor", "AuthenticAMD" }',
                 "property 'vendor' of a CPU model; teach gen-cpu-tables "
                 'about it'),
                ('{ "vme", "off" }', '{ "vme", OFF }',
                 "property 'vme' of a CPU model; teach gen-cpu-tables about "
                 'it'),
                ('"stepping", "5"', '"stepping", "x"', "property 'stepping' "
                 'of a CPU model; teach gen-cpu-tables about it'),
                ('"spins", "4095"', '"spins", "many"', "property 'spins' of a "
                 'CPU model; teach gen-cpu-tables about it'),
                ('"An old one (IBRS)"', '"' + 'x' * 49 + '"', "property "
                 "'model-id' of a CPU model; teach gen-cpu-tables about it"),
                ('{ "vme", "off" }', '{ "' + 'x' * 64 + '", "off" }',
                 'a string of more than 63 characters'),
                ('"An old one, " ', '"An old one, " "' + 'x' * 32 + '" ',
                 'a string of more than 48 characters'),
                ('            {\n                .version = 3,\n'
                 '                .cache_info = &old',
                 '            {\n                .version = 3,\n'
                 '                .cache_info = &new',
                 None),
                ('CPUID_VENDOR_FAR,', 'CPUID_VENDOR_NEAR,',
                 "'CPUID_VENDOR_NEAR' is not a number, and no macro of the "
                 'headers')):
            if error is None:
                self.cpu_c_fails(old, new, ('&new', "no caches "
                                            "'new_cache_info'"))
            else:
                self.cpu_c_fails(old, new, error)
        self.cpu_c_fails('        .name = "tiny",\n', '',
                         ('    {\n        .level = 1,',
                          'a CPU model without a name'))
        self.cpu_c_fails('(X86CPUVersionDefinition[]) {', 'versions {',
                         "expected '(', found 'versions'")
        self.passes(cpu_c=edit(CPU_C, '"An old one (IBRS)"',
                               '"' + 'x' * 48 + '"'))
        self.assertIn('.vendor = "AuthenticAMD"', self.passes(
            cpu_c=edit(CPU_C, '"GenuineIntel"', '"Authentic" "AMD"'),
            site=edit(SITE_TABLE, 'three-v1', 'Old-v1')))

    def test_name_with_the_version_of_qemu(self):
        """It is no model's to have, and must be given."""
        self.fails("s/s.tbl:4: x_a-v1: 'model-id' is missing", site=HEAD % (
            'x_a') + 'based-on tiny-v1\nversion 1\n')

    def test_bits_beyond_cpuid(self):
        text = edit(TABLE, 'lahf-lm twin', 'taa-no')
        self.fails(f"m/t.tbl:{line_of(text, '  version 2')}: one-v2: 'taa-no' "
                   "needs 'FEAT_1_EDX bits 0xffffffc0', which is not on",
                   cpu_c=edit(CPU_C, '1u << 9 }', '~0x3full }'), table=text)

    def test_props(self):
        """Of each kind, by name or by an alias"""
        text = self.passes(
            cpu_c=edit(CPU_C, '{ "stepping", "5" }',
                       '{ "level", "9" }, { "xlevel", "0x80000009" }, '
                       '{ "family", "15" }, { "sse3", "off" }, '
                       '{ "pmu", "off" }, { "spins", "0x10" }, '
                       '{ "avx10-version", "2" }')
            .replace('{ "sse3", "on" },', '')
            .replace('{ "min-level", "8" },', '')
            .replace('{ "pmu", "on" },', '')
            .replace('{ "spins", "4095" },', ''),
            site=edit(SITE_TABLE, 'three-v1', 'Old-v2'))
        for part in ('.level = 9', '.xlevel = 0x80000009', '.family = 15',
                     'FEAT_1_ECX] = 0x4ull', '{ "pmu", "off" }',
                     '{ "spins", "16" }', '.avx10_version = 2'):
            self.assertIn(part, text)

    def test_caches(self):
        self.cpu_c_fails('.size = 1 * MiB', '.siz = 1 * MiB',
                         "unknown member '.siz'; teach gen-cpu-tables about "
                         'it')
        self.cpu_c_fails('.l3_cache', '.l4_cache', "unknown cache "
                         "'.l4_cache'; teach gen-cpu-tables about it")
        for bad in 'CORE', 'CPU_TOPOLOGY_LEVEL_' + 'X' * 16:
            self.cpu_c_fails('CPU_TOPOLOGY_LEVEL_CORE', bad, f"'{bad}' is not "
                             'CPU_TOPOLOGY_LEVEL_CORE or the like')
        self.cpu_c_fails('.l2_cache = &', '.l2_cache = ',
                         "expected '&', found '('")

    def test_of_the_wrong_machine(self):
        self.fails("VERSION:1: it does not begin with QEMU's version",
                   version='QEMU\n')
        self.fails("VERSION:0: it does not begin with QEMU's version",
                   version='')


class Released(Generator):
    """Nothing that is released can change."""

    def setUp(self):
        super().setUp()
        self.table = RICH_TABLE
        self.lock = self.release(table=self.table)
        self.next = {'one': 4, 'two': 2, 'three': 2}

    def changed(self, version, *differences, table=None, at='m/t.tbl',
                **inputs):
        """One version differs, in this."""
        table = table or self.table
        model, number = version.split('-v')
        text = inputs['site'] if at == 's/s.tbl' else table
        start = text.index(f'cpu {model}\n')
        line = text[:text.index(f'  version {number}\n', start)].count(
            '\n') + 1
        return [f'{at}:{line}: {version} is released: {difference}'
                for difference in differences] + [
            f'{at}:{line}: {version} cannot change; what is to be different '
            f"is 'version {self.next.get(model, 2)}'"]

    def refuses(self, old, new, *versions, **inputs):
        """@versions: (version, difference...) each"""
        table = edit(self.table, old, new)
        self.fails(*(e for version in versions
                     for e in self.changed(*version, table=table)),
                   table=table, lock=self.lock, **inputs)

    def test_release_is_a_no_op(self):
        self.passes(table=self.table, lock=self.lock)
        self.assertEqual(self.release(table=self.table, lock=self.lock),
                         self.lock)

    def test_numbers(self):
        for key, old, new in (('model', '1', '2'), ('stepping', '2', '3'),
                              ('level', '7', '8')):
            self.refuses(f'{key:<10}{old}\n', f'{key:<10}{new}\n',
                         *((f'one-v{i}', f'{key} was {old}, would be {new}')
                           for i in (1, 2, 3)))
        self.refuses('family    6\n', 'family    7\n', *(
            (f'one-v{i}', 'family was 6, would be 7') for i in (1, 2)))
        self.refuses('xlevel    0x80000008', 'xlevel    0x80000009', *(
            (f'one-v{i}', 'xlevel was 2147483656, would be 2147483657')
            for i in (1, 2, 3)))
        self.refuses('avx10-version  1', 'avx10-version  2',
                     ('one-v3', 'avx10-version was 1, would be 2'))
        self.refuses('    avx10-version  1\n', '',
                     ('one-v3', 'avx10-version was 1, would be 0'))

    def test_texts(self):
        self.refuses('vendor    GenuineIntel', 'vendor    AuthenticAMD', *(
            (f'one-v{i}', "vendor was 'GenuineIntel', would be "
             "'AuthenticAMD'") for i in (1, 2, 3)))
        self.refuses('model-id  One, the first', 'model-id  One', *(
            (f'one-v{i}', "model-id was 'One, the first', would be 'One'")
            for i in (1, 2, 3)))
        # What is for people may change.
        for old, new in (('The first one', 'Another'), ('Wanted', 'Needed'),
                         ('note      wanted', 'note      x'),
                         ('too many caches', 'x'),
                         ('    deprecated  use one\n', ''),
                         ('  version 2\n', '  version 2\n deprecated x\n')):
            self.passes(table=edit(self.table, old, new), lock=self.lock)

    def test_features(self):
        self.refuses('on        fpu de pni xsave avx2',
                     'on        fpu de tsc pni xsave avx2',
                     *((f'one-v{i}', "'tsc' was off, would be on")
                       for i in (1, 2, 3)))
        self.refuses('on        fpu de pni xsave avx2',
                     'on        fpu pni xsave avx2',
                     *((f'one-v{i}', "'de' was on, would be off")
                       for i in (1, 2, 3)))
        self.refuses('lahf-lm twin', 'lahf-lm',
                     ('one-v2', "'twin' was on, would be off"),
                     ('one-v3', "'twin' was on, would be off"))
        self.refuses('off       avx2\n', 'off       avx2 de\n',
                     ('one-v2', "'de' was on, would be off"),
                     ('one-v3', "'de' was on, would be off"))

    def test_knobs(self):
        self.refuses('set       pmu on', 'set       pmu off',
                     *((f'one-v{i}', "'pmu' was on, would be off")
                       for i in (2, 3)))
        self.refuses('spins 7', 'spins 8',
                     *((f'one-v{i}', "'spins' was 7, would be 8")
                       for i in (2, 3)))
        self.refuses('    set       pmu on\n', '',
                     *((f'one-v{i}', "'pmu' was on, would be not set")
                       for i in (2, 3)))
        self.refuses('set       spins 7\n', 'set       spins 7\n set mask 0\n',
                     *((f'one-v{i}', "'mask' was not set, would be 0")
                       for i in (2, 3)))
        self.refuses('    set       full off\n', '', *(
            (f'{m}-v1', "'full' was off, would be not set")
            for m in ('two', 'three')))

    def test_caches(self):
        was = ('cache l1d was 32768:line=64:ways=8:partitions=1:sets=64:'
               'tag-lines=1:share=core:self-init, would be ')
        for old, new, now in (
                ('share=core:self-init', 'share=core',
                 '32768:line=64:ways=8:partitions=1:sets=64:tag-lines=1:'
                 'share=core'),
                ('share=core:self-init', 'share=die:self-init',
                 '32768:line=64:ways=8:partitions=1:sets=64:tag-lines=1:'
                 'share=die:self-init'),
                ('32K:line=64:ways=8:sets=64:share=core:self-init',
                 '64K:line=64:ways=8:sets=128:share=core:self-init',
                 '65536:line=64:ways=8:partitions=1:sets=128:tag-lines=1:'
                 'share=core:self-init')):
            self.refuses(old, new, ('one-v3', was + now))
        caches = re.search(r'    cache     l1d(.*\n)+?(?=    family)',
                           self.table).group()
        self.refuses(caches, '', ('one-v3', was + 'not set', *(
            f"cache {k} was {v}, would be not set" for k, v in re.findall(
                r'cache     (\S+) (\S+)',
                self.lock[self.lock.index('one-v3'):
                          self.lock.index('name one')]) if k != 'l1d')))

    def test_what_is_wrong_in_tables_comes_first(self):
        self.fails("m/t.tbl:13: one-v2: 'reason' is missing: why is there "
                   'another version?', lock=self.lock, table=edit(edit(
                       self.table, '    reason    Wanted\n', ''),
                       'model     1', 'model     2'))

    def test_alias(self):
        for new, now in (('    alias     Due\n', 'Due'), ('', ''),
                         ('    alias     UNO\n', 'UNO')):
            table = edit(self.table, '    alias     Uno\n', new)
            self.fails("m/t.tbl:11: one-v1 is released: alias was 'Uno', "
                       f"would be '{now}'", table=table, lock=self.lock)
        table = edit(self.table, '  version 2\n', '  version 2\n alias Due\n')
        self.fails("m/t.tbl:13: one-v2 is released: alias was '', would be "
                   "'Due'", table=table, lock=self.lock)

    def test_removed(self):
        gone = ('m/released.lock:%d: %s is released and cannot go: bring it '
                "back, and mark it 'deprecated' if it is not to be used")
        table = self.table[:self.table.index('\ncpu three')]
        self.fails(gone % (line_of(self.lock, 'released three'), 'three-v1'),
                   table=table, lock=self.lock)
        # The last version; what plain names meant is told, too.
        table = re.sub(r'  version 3\n.*?(?=  machines until)', '',
                       self.table, flags=re.S)
        table = edit(table, 'default-version 3', 'default-version 1')
        self.fails(gone % (line_of(self.lock, 'released one-v3'), 'one-v3'),
                   table=table, lock=self.lock)

    def test_renamed(self):
        """QEMU's types have a case."""
        gone = ('m/released.lock:%d: %s is released and cannot go: bring it '
                "back, and mark it 'deprecated' if it is not to be used")
        self.fails(*(gone % (line_of(self.lock, f'released {name}'), name)
                     for name in ('one-v1', 'one-v2', 'one-v3')),
                   table=edit(self.table, 'cpu one', 'cpu One'),
                   lock=self.lock)

    def test_moved_to_another_directory(self):
        site = self.release(table=TABLE, site=edit(
            SITE_TABLE, 'three-v1', 'one-v1'))
        self.fails("s/released.lock:6: site_a-v1 is released and cannot go: "
                   "bring it back, and mark it 'deprecated' if it is not to "
                   'be used', table=TABLE + edit(SITE_TABLE, 'three-v1',
                                                 'one-v1'),
                   site='# None\n', site_lock=site)

    def test_base(self):
        """An edit of the model that others are based on"""
        self.refuses('    set       full off\n',
                     '    set       full off\n    on tsc\n',
                     ('two-v1', "'tsc' was off, would be on"),
                     ('three-v1', "'tsc' was off, would be on"))
        site_lock = self.release(table=self.table, site=SITE_TABLE)
        table = edit(self.table, '    off       de\n', '    on        vme\n')
        self.fails(*self.changed('three-v1', "'vme' was off, would be on",
                                 "'de' was off, would be on", table=table),
                   table=table, lock=self.lock, site=SITE_TABLE)
        self.fails(*self.changed('site_a-v1', "'vme' was off, would be on",
                                 "'de' was off, would be on", at='s/s.tbl',
                                 site=SITE_TABLE),
                   table=table, site=SITE_TABLE, site_lock=site_lock)
        # Another base
        site = edit(SITE_TABLE, 'three-v1', 'Old-v3')
        self.fails(*self.changed('site_a-v1', "'de' was off, would be on",
                                 "'full' was off, would be not set",
                                 at='s/s.tbl', site=site),
                   table=self.table, site=site, site_lock=site_lock)

    def test_vendor_of_base(self):
        cpu_c = edit(CPU_C, '.vendor = "GenuineIntel"',
                     '.vendor = CPUID_VENDOR_FAR')
        self.fails(*(e for m in ('two', 'three') for e in self.changed(
            f'{m}-v1', "vendor was 'GenuineIntel', would be '  Far East  '")),
            table=self.table, lock=self.lock, cpu_c=cpu_c)

    def test_edit_of_cpu_c(self):
        for old, new, *differences in (
                ('.model = 0x1f', '.model = 0x20',
                 'model was 31, would be 32'),
                ('"stepping", "5"', '"stepping", "6"',
                 'stepping was 5, would be 6'),
                ('"min-level", "8"', '"min-level", "9"',
                 'level was 8, would be 9'),
                ('(1ull << 40) | 2', '(1ull << 40) | 6',
                 'bits of FEAT_ARCH_CAPABILITIES were 0x2, would be 0x6'),
                ('(1ull << 40) | 2', '(1ull << 40) | 3',
                 "'rdctl-no' was off, would be on",
                 'bits of FEAT_ARCH_CAPABILITIES were 0x2, would be 0x0'),
                ('(CPUID_EXT_PNI | 1 << 2)', '(CPUID_EXT_PNI | 3 << 2)',
                 "'twin' was on in part, would be on"),
                ('(CPUID_EXT_PNI | 1 << 2)', 'CPUID_EXT_PNI',
                 "'twin' was on in part, would be off"),
                ('(CPUID_EXT_PNI | 1 << 2)', '(CPUID_EXT_PNI | 1 << 3)',
                 "'twin' was on in part, would be on in part"),
                ('"spins", "4095"', '"spins", "4096"',
                 "'spins' was 4095, would be 4096"),
                ('.sets = 1024', '.sets = 1025',
                 'cache l2 was 1048576:line=64:ways=16:partitions=1:sets=1024:'
                 'tag-lines=1:share=module:inclusive, would be 1048576:'
                 'line=64:ways=16:partitions=1:sets=1025:tag-lines=1:'
                 'share=module:inclusive'),
                ('"An old one (IBRS)"', '"An old one"',
                 "model-id was 'An old one (IBRS)', would be 'An old one'")):
            cpu_c = edit(CPU_C, old, new)
            if '| 3' in new and 'ull' in new:
                differences = [differences[0], differences[1].replace(
                    '0x0', '0x2')][:1]
            self.fails(*(e for m in ('two', 'three') for e in self.changed(
                f'{m}-v1', *differences)), table=self.table, lock=self.lock,
                cpu_c=cpu_c)

    def test_bits_that_get_a_name(self):
        """By a later QEMU, which has them on as before"""
        cpu_c = edit(CPU_C, '"rdctl-no", [40]', '"rdctl-no", "ibrs-all", [40]')
        features = FEATURES_TBL.replace('\ntaa-no', '\nibrs-all - - X\ntaa-no')
        self.passes(table=self.table, lock=self.lock, cpu_c=cpu_c,
                    features=features)
        again = self.release(table=self.table, lock=self.lock, cpu_c=cpu_c,
                             features=features)
        self.assertIn('    on        ibrs-all taa-no\n', again)

    def test_features_that_get_another_name(self):
        """The old one is an alias, then."""
        cpu_c = edit(edit(edit(CPU_C, '"pni", NULL', '"sse3", NULL'),
                          'obj, "sse3", obj, "pni"',
                          'obj, "pni", obj, "sse3"'),
                     '{ "sse3", "on" }', '{ "pni", "on" }')
        features = edit(FEATURES_TBL, '\npni  ', '\nsse3 ')
        self.passes(table=edit(self.table, 'pni xsave', 'sse3 xsave'),
                    lock=self.lock, cpu_c=cpu_c, features=features)

    def test_what_is_not_for_models_may_be_released(self):
        """For upstream's models may have it."""
        cpu_c = edit(CPU_C, '.features[FEAT_1_ECX] = (CPUID_EXT_PNI |',
                     '.features[FEAT_KVM] = 1,\n        .features[FEAT_1_ECX] '
                     '= (1u << 31 | CPUID_EXT_PNI |')
        lock = self.release(table=self.table, cpu_c=cpu_c)
        self.assertIn(' kvmclock\n', lock)
        self.assertIn(' hypervisor\n', lock)
        self.passes(table=self.table, cpu_c=cpu_c, lock=lock)

    def test_plain_names(self):
        name = self.next['one'] and 'one'
        say = f'm/t.tbl:1: {name} is released: on machine types '
        self.fails(say + '9.1 it was version 2, would be version 3',
                   say + '9.3 it was version 2, would be version 3',
                   table=edit(self.table, 'default-version 2',
                              'default-version 3'), lock=self.lock)
        # Of some of them
        table = edit(self.table, 'from 9.1 to 10.0', 'from 9.2 to 10.0')
        self.fails(say + '9.1 it was version 2, would be version 1',
                   table=table, lock=self.lock)
        table = edit(self.table, 'until 9.2', 'until 9.0')
        at = 'm/t.tbl:1: one on machine types 9.1 is released: '
        self.fails(at + 'level was 13, would be 7',
                   at + "'vme' was on, would be off",
                   at + "'pages' was 3, would be not set",
                   table=table, lock=self.lock)
        at = 'm/t.tbl:1: one on machine types %s is released: '
        self.fails(*(at % v + "'tsc' was off, would be on"
                     for v in ('9.1', '9.3')),
                   table=edit(self.table, 'model-id  One, of',
                              'on tsc\n    model-id  One, of'),
                   lock=self.lock)
        self.fails(*(at % v + "model-id was 'One, of these machines', would "
                     "be 'One, of those machines'" for v in ('9.1', '9.3')),
                   table=edit(self.table, 'of these machines',
                              'of those machines'), lock=self.lock)

    def test_settings_of_plain_names(self):
        """Whatever machine types can have, lock files can say."""
        table = TABLE + ("machines until 9.0\n off de pni avx2\n on vme\n "
                         "set pmu on\n set mask 9\n model-id 'x '\n"
                         " xlevel 0x80000001\n")
        lock = self.release(table=table)
        self.assertIn("""
name one from 0.0 before 9.1 version 1
    off       de
    off       pni
    off       avx2
    on        vme
    set       pmu on
    set       mask 9
    model-id  'x '
    xlevel    0x80000001
name one from 9.1 to 10.0 version 1
""", lock)
        self.assertEqual(self.release(table=table, lock=lock), lock)

    def test_caches_of_plain_names(self):
        table = TABLE + 'machines until 9.0\n' + L1D + L1I + L2 + L3
        lock = self.release(table=table)
        self.assertEqual(self.release(table=table, lock=lock), lock)
        self.fails('m/t.tbl:1: one on machine types 0.0 is released: cache '
                   'l3 was 8388608:line=64:ways=16:partitions=1:sets=8192:'
                   'tag-lines=1:share=die, would be 8388608:line=64:ways=16:'
                   'partitions=1:sets=8192:tag-lines=1:share=socket',
                   table=edit(table, 'share=die', 'share=socket'), lock=lock)

    def test_plain_names_of_old_machines(self):
        lock = self.release()
        say = ('m/t.tbl:1: one is released: on machine types 10.0 it was '
               'version 1, would be version 2')
        for what in 'since 10.0', 'from 10.0 to 10.0':
            self.fails(say, lock=lock, table=TABLE + f'machines {what}\n'
                       'default-version 2\n')
        self.fails(say.replace('10.0', '0.0'), lock=lock,
                   table=TABLE + 'machines until 9.0\ndefault-version 2\n')
        self.fails("m/t.tbl:1: one on machine types 0.0 is released: 'vme' "
                   'was off, would be on', lock=lock,
                   table=TABLE + 'machines until 1.0\non vme\n')
        self.fails("m/t.tbl:1: one on machine types 9.2 is released: cache "
                   'l1d was not set, would be 32768:line=64:ways=8:'
                   'partitions=1:sets=64:tag-lines=1:share=core', *(
                       'm/t.tbl:1: one on machine types 9.2 is released: '
                       f'cache {k} was not set, would be {v}' for k, v in (
                           ('l1i', '32768:line=64:ways=8:partitions=1:'
                            'sets=64:tag-lines=1:share=core'),
                           ('l2', '1048576:line=64:ways=16:partitions=1:'
                            'sets=1024:tag-lines=1:share=core'),
                           ('l3', '8388608:line=64:ways=16:partitions=1:'
                            'sets=8192:tag-lines=1:share=die'))), lock=lock,
                   table=TABLE + 'machines from 9.2 to 9.2\n' + L1D + L1I
                   + L2 + L3)

    def test_additions(self):
        """What was not there is free."""
        for table in (
                self.table + SITE_TABLE,
                edit(self.table, '  machines until',
                     '  version 4\n reason x\n on tsc\n  machines until'),
                edit(self.table, '    default-version 3\n',
                     '    default-version 2\n    on tsc\n'),
                self.table.replace('\ncpu three', '  version 2\n reason x\n'
                                   ' on tsc\nmachines since 10.1\n'
                                   ' default-version 2\n\ncpu three'),
                edit(self.table, 'machines since 10.1',
                     'machines since 10.2')):
            self.passes(table=table, lock=self.lock)
            lock = self.release(table=table, lock=self.lock)
            self.passes(table=table, lock=lock)
            self.passes(table=table, lock=lock, version='10.1.0')
        # Released by the next QEMU, with its machine types
        lock = self.release(table=self.table, lock=self.lock,
                            version='10.1.0\n')
        self.assertIn('name one from 9.3 before 10.1 version 2\n', lock)
        self.assertIn('name one from 10.1 to 10.1 version 3\n', lock)
        self.fails('m/t.tbl:1: one is released: on machine types 10.1 it was '
                   'version 3, would be version 1', lock=lock,
                   table=edit(self.table, 'since 10.1', 'since 10.2'))
        # By an older one, which takes nothing back
        self.assertEqual(self.release(table=self.table, lock=lock), lock)
        self.assertIn('name site_a from 0.0 to 10.1 version 1\n',
                      self.release(table=self.table + SITE_TABLE, lock=lock))
        # Whichever of them has the newest
        self.assertEqual(self.release(table=self.table, lock=edit(
            lock, 'name three from 0.0 to 10.1', 'name three from 0.0 to 9.0')),
            lock)
        self.assertIn('name site_a from 0.0 to 10.0 version 1\n', self.release(
            table=self.table, lock=lock, site=SITE_TABLE))

    def test_ranges_in_lock_files(self):
        lock = self.release()
        line = line_of(lock, 'name one')
        say = (f"m/released.lock:{line}: 'name' is followed by MODEL from X.Y "
               'to X.Y version N, or MODEL from X.Y before X.Y version N')
        old = 'name one from 0.0 to 10.0 version 1'
        for bad in ('', ' one', ' one from 0.0 to 10.0', ' one from 0.0 to '
                    '10.0 version x', ' one from x to 10.0 version 1',
                    ' one from 0.0 to x version 1', ' one from 0.0 until 10.0 '
                    'version 1', ' one from 0.0 to 10.0 version 1 2',
                    ' one from 0.0 to 10.0 version 1000',
                    ' one from 0.0 to 10.0 version 0',
                    ' one from 0.0 to 10.0 version -1',
                    ' one from 1.0 to 0.9 version 1',
                    ' one from 0.0 before 0.0 version 1',
                    ' one from 1.0 before 1.0 version 1'):
            self.fails(say, lock=edit(lock, old, 'name' + bad))
        table = TABLE + 'machines from 9.1 to 9.1\ndefault-version 2\n'
        for what, machine in (('from 0.0 to 9.1', '9.1'),
                              ('from 9.1 to 9.1', '9.1'),
                              ('from 9.1 before 9.2', '9.1'),
                              ('from 0.0 before 9.2', '9.1'),
                              ('from 9.1 to 10.0', '9.1')):
            self.fails('m/t.tbl:1: one is released: on machine types '
                       f'{machine} it was version 1, would be version 2',
                       table=table, lock=edit(lock, old, 'name one '
                                              f'{what} version 1'))
        for what in ('from 0.0 before 9.1', 'from 9.2 to 10.0',
                     'from 0.0 to 9.0', 'from 9.2 before 10.0',
                     'from 9.0 to 9.0'):
            self.passes(table=table, lock=edit(lock, old, 'name one '
                                               f'{what} version 1'))
        self.fails(f'm/released.lock:{line}: one-v3 is not released',
                   lock=edit(lock, old, old[:-1] + '3'))

    def test_lock_files_that_are_wrong(self):
        lock = self.release()
        line = lock.count('\n') + 1
        only = '; lock files are written by make release-models alone'
        self.fails(f"m/released.lock:{line}: unknown key 'x'" + only,
                   lock=lock + 'x\n')
        self.fails(f"m/released.lock:{line}: unknown key 'alias'" + only,
                   lock=lock + 'alias x\n')
        self.fails("m/released.lock:1: unknown key 'on'" + only,
                   lock='on fpu\n' + lock)
        self.fails("m/released.lock:1: unknown key 'reason'" + only,
                   lock='reason x\n' + lock)
        for bad in 'released', 'released a b', 'released ' + 'x' * 80:
            self.fails(f"m/released.lock:{line}: 'released' is followed by "
                       'the name of a version', lock=lock + bad + '\n')
        self.fails(f'm/released.lock:{line}: one-v2 again; it is in line '
                   f"{line_of(lock, 'released one-v2')} already",
                   lock=lock + 'released one-v2\n')
        for bad in '', ' FEAT_1_EDX', ' FEAT_2 1', ' FEAT_1_EDX x', \
                ' FEAT_1_EDX 1 2':
            text = edit(lock, 'name one', f'    bits{bad}\nname one')
            self.fails(f"m/released.lock:{line_of(text, '    bits')}: 'bits' "
                       'is a feature word and the value of bits in it',
                       lock=text)
        text = edit(lock, 'name one', '    bits FEAT_1_EDX 8\n    bits '
                    'FEAT_1_EDX 16\nname one')
        self.fails(f"m/released.lock:{line_of(text, '    bits') + 1}: "
                   "'FEAT_1_EDX' again; it is in line "
                   f"{line_of(text, '    bits')} already", lock=text)
        self.fails(f"m/released.lock:{line_of(lock, 'released one-v2') + 2}: "
                   "family 'x' is not a number from 0 to 270",
                   lock=edit(lock, 'family    6\n    model     1\n    stepping'
                             '  2\n    level     7\n    xlevel    0x80000008'
                             '\n    model-id  One, the first\n    on        '
                             'fpu de\n    on        pni twin', 'family x\n'
                             'on pni'))
        self.fails(f'm/released.lock:{line}: x-v1 is released and cannot go: '
                   "bring it back, and mark it 'deprecated' if it is not to "
                   'be used', lock=lock + 'released x-v1\nname x from 0.0 to '
                   '1.0 version 1\n')
        for name in 'one', 'one-v0', 'one-v9':
            self.fails(f'm/released.lock:{line}: {name} is released and '
                       "cannot go: bring it back, and mark it 'deprecated' if "
                       'it is not to be used', lock=lock +
                       f'released {name}\n')

    def test_lock_file_of_another(self):
        """With what tables may not say"""
        lock = self.release(table=self.table)
        for share, error in (
                ('share=' + 'x' * 16, f"'{'x' * 16}' of 'share' is not core"),
                ('share=die:share=core', "'share' is given twice"),
                ('share=die:line=x', "'x' of 'line' is not a decimal number"),
                ('share=die:levels=3', "unknown key 'levels'")):
            text = lock.replace('share=invalid', share, 1)
            self.assertIn(error, self.generate(
                table=self.table, lock=text).stderr)


class MachineTypes(Generator):
    """What machine types of distributors stand for"""
    ROWS = ('machine pc-q35-acme9.2.0 is pc-q35-9.2\n'
            'machine\tpc-i440fx-noble   is pc-i440fx-8.2\n')

    def rows(self, text):
        """What the C that is made says of machine types"""
        found = re.search(r'X86CPUTableMachineType x86_cpu_table_machine_types'
                          r'\[\] = \{\n(.*?)\};\n', text, re.S)
        return found[1]

    def test_output(self):
        text = self.passes(table=self.ROWS + TABLE,
                           site='machine one is pc-q35-4.0.1\n')
        self.assertEqual(self.rows(text), '''\
    { "pc-q35-acme9.2.0", "pc-q35-9.2", 0x90002 },
    { "pc-i440fx-noble", "pc-i440fx-8.2", 0x80002 },
    { "one", "pc-q35-4.0.1", 0x40000 },
    { }
''')
        self.assertEqual(self.rows(self.passes()), '    { }\n')

    def test_between_models(self):
        """It ends the model before it, and changes nothing in any"""
        after = edit(TABLE, 'cpu one', 'cpu another')
        after = edit(after, '    alias     Uno\n', '')
        both = self.passes(table=TABLE + self.ROWS + after)
        self.assertEqual(
            self.passes(table=TABLE + after),
            both.replace(self.rows(both), '    { }\n'))
        self.fails("m/t.tbl:22: 'off' belongs to a model, after 'cpu NAME'",
                   table=TABLE + self.ROWS + 'off fpu\n')

    def test_syntax(self):
        for row in ('machine', 'machine a', 'machine a is', 'machine is a b',
                    'machine a was pc-q35-9.2', 'machine a is pc-q35-9.2 b'):
            self.fails("m/t.tbl:1: 'machine' is followed by 'NAME is TYPE', "
                       "such as 'pc-q35-acme is pc-q35-9.2'", table=row)

    def test_names(self):
        for name in 'a' * 63, 'A.b_c-d+1', '0':
            self.passes(table=f'machine {name} is pc-q35-9.2')
        for name in 'a' * 64, 'a/b', 'a%sb', 'a,b':
            self.fails(f"m/t.tbl:1: '{name}': a machine type's name has up "
                       "to 63 letters, digits, '-', '_', '.' and '+'",
                       table=f'machine {name} is pc-q35-9.2')
        for name in ('pc-q35-9.1', 'pc-i440fx-10.0', 'pc-q35-4.0.1', 'pc',
                     'q35', 'isapc', 'microvm', 'none', 'x-remote'):
            self.fails(f"m/t.tbl:1: machine type '{name}' is upstream's own "
                       'and stands for no other',
                       table=f'machine {name} is pc-q35-9.0')

    def test_what_they_stand_for(self):
        for name in ('pc-q35-acme', 'q35', 'pc-q35-', 'pc-q35-9', 'isapc',
                     'xpc-q35-9.2', 'pc-q35-9.2x', 'virt-9.2',
                     'pc-q35-' + '0' * 60 + '9.2'):
            self.fails(f"m/t.tbl:1: '{name}' is none of upstream's machine "
                       'types pc-i440fx-X.Y and pc-q35-X.Y',
                       table=f'machine a is {name}')

    def test_newer_than_qemu(self):
        self.passes(table='machine a is pc-q35-10.0')
        for name in 'pc-q35-10.1', 'pc-i440fx-11.0':
            self.fails(f"m/t.tbl:1: machine type 'a' can't stand for {name}: "
                       'this QEMU has machine types up to 10.0',
                       table=f'machine a is {name}')
        self.passes(table='machine a is pc-q35-10.1', version='10.1.2\n')

    def test_again(self):
        row = 'machine a is pc-q35-9.2\n'
        self.fails("m/t.tbl:2: machine type 'a' again; it is in m/t.tbl:1 "
                   'already', table=row + row)
        self.fails("s/s.tbl:1: machine type 'a' again; it is in m/t.tbl:1 "
                   'already', table=row, site='machine a is pc-q35-9.1')

    def test_lock(self):
        """Released with the models, and as fixed as they are"""
        lock = self.release(table=self.ROWS + TABLE)
        self.assertTrue(lock.endswith(
            '\nmachine pc-q35-acme9.2.0 is pc-q35-9.2\n'
            'machine pc-i440fx-noble is pc-i440fx-8.2\n'))
        self.assertNotIn('\nmachine', self.release(table=TABLE))
        # Of its own directory alone
        self.assertNotIn('\nmachine', self.release(
            table=self.ROWS, site=edit(SITE_TABLE, 'three-v1', 'Old-v1')))
        self.passes(table=self.ROWS + TABLE, lock=lock)
        self.assertEqual(self.release(table=self.ROWS + TABLE, lock=lock),
                         lock)
        self.passes(table=TABLE + self.ROWS + 'machine b is pc-q35-9.2',
                    lock=lock)

    def test_lock_is_kept_to(self):
        lock = self.release(table=self.ROWS + TABLE)
        line = line_of(lock, 'machine pc-q35')
        self.fails("m/t.tbl:1: machine type 'pc-q35-acme9.2.0' is released: "
                   'it stood for pc-q35-9.2, would stand for pc-q35-9.1',
                   table=edit(self.ROWS, '35-9.2\n', '35-9.1\n') + TABLE,
                   lock=lock)
        gone = (f"m/released.lock:{line}: machine type 'pc-q35-acme9.2.0' is "
                "released and cannot go: bring back 'machine "
                "pc-q35-acme9.2.0 is pc-q35-9.2'")
        first, other = self.ROWS.splitlines(keepends=True)
        self.fails(gone, table=other + TABLE, lock=lock)
        self.fails(gone, table=other + TABLE, lock=lock, site=first)
        self.fails("m/released.lock:1: 'machine' is followed by 'NAME is "
                   "TYPE', such as 'pc-q35-acme is pc-q35-9.2'",
                   lock='machine a\n')
        # Nothing that is said of a model comes after it.
        after = lock.count('\n') + 1
        self.fails(f"m/released.lock:{after}: unknown key 'alias'; lock "
                   'files are written by make release-models alone',
                   table=self.ROWS + TABLE, lock=lock + 'alias x\n')


class CommandLine(Generator):
    def usage(self, *args):
        done = self.run_in(*args)
        self.assertRegex(done.stderr, '^usage: gen-cpu-tables features ')
        self.assertEqual(done.stdout, '')
        self.assertEqual(done.returncode, 1)

    def test_usage(self):
        self.write()
        self.usage()
        self.usage('model', *ARGS)
        self.usage('models', *ARGS[:-1])
        self.usage('models', *ARGS, *['cpu.h'] * 8)
        self.usage('models', '-x', 'y', *ARGS)
        self.usage('models', '-o')
        # A depfile is one of an output.
        self.usage('models', '-d', 'd', *ARGS)
        self.usage('models', '-d', 'd', '-o', 'o', *ARGS)
        self.usage('features', 'f.tbl', 'cpu.c')
        self.usage('features', 'f.tbl', 'cpu.c', *['cpu.h'] * 9)
        for verb in 'models', 'release':
            self.assertEqual(self.run_in(verb, *ARGS, *['cpu.h'] * 7)
                             .returncode, 0)
        self.assertEqual(self.run_in('features', 'f.tbl', 'cpu.c',
                                     *['cpu.h'] * 8).returncode, 0)

    def test_output_and_depfile(self):
        self.write(table=RICH_TABLE, site=SITE_TABLE)
        text = self.run_in('models', '-s', 's', *ARGS).stdout
        generator.write_files(self.tmp, {
            'm/a #b$.tbl': '# None\n', 'm/.x.tbl': 'x', 'm/x.tb': 'x',
            'm/tbl': 'x', 's/released.lock': '# None\n', 's/x.tbl~': 'x'})
        done = self.run_in('models', '-o', 'o $ut', '-d', 'd', '-s', 's',
                           *ARGS)
        self.assertEqual(without_warnings(done.stderr) + done.stdout, '')
        with open(os.path.join(self.tmp, 'o $ut'), encoding='ascii') as f:
            self.assertEqual(f.read(), text)
        with open(os.path.join(self.tmp, 'd'), encoding='ascii') as f:
            self.assertEqual(f.read(), 'o\\ $$ut: m m/a\\ \\#b$$.tbl m/t.tbl '
                             's s/s.tbl s/released.lock\n')
        # As make reads it, too
        with open(os.path.join(self.tmp, 'Makefile'), 'w',
                  encoding='ascii') as f:
            f.write('include d\no\\ $$ut:; touch "$@"\n')
        for changed in '', 'm/a #b$.tbl', 's/released.lock', 'm':
            for name in ('m', 's', 'm/t.tbl', 'm/a #b$.tbl', 's/s.tbl',
                         's/released.lock'):
                when = 1 << 32 if name == changed else 1
                os.utime(os.path.join(self.tmp, name), (when, when))
            done = subprocess.run(
                ['make', '-q', 'o $ut'], cwd=self.tmp, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 1 if changed else 0, done)

    def test_order_of_files(self):
        one, two, three = re.split(r'(?m)^(?=cpu)', RICH_TABLE)[1:]
        self.write(table=two)
        generator.write_files(self.tmp, {'m/z.tbl': one, 'm/Z.tbl': three})
        names = re.findall(r'\.name = "(.*)"',
                           self.run_in('models', *ARGS).stdout)
        self.assertEqual(names, ['three', 'two', 'one'])

    def test_directories(self):
        self.write()
        done = self.run_in('models', '-s', 'none', *ARGS)
        self.assertEqual((done.stderr, done.returncode), ('', 0))
        for name, error in (('none', 'No such file or directory'),
                            ('VERSION', 'Not a directory')):
            done = self.run_in('models', name, *ARGS[1:])
            self.assertEqual((done.stderr, done.returncode),
                             (f'{name}:0: {error}\n', 1))
        # A site's that is not one, or is a link to what went away
        os.symlink('gone', os.path.join(self.tmp, 'link'))
        for name, error in (('VERSION', 'Not a directory'),
                            ('VERSION/x', 'Not a directory'),
                            ('link', 'No such file or directory')):
            done = self.run_in('models', '-s', name, *ARGS)
            self.assertEqual((done.stderr, done.returncode),
                             (f'{name}:0: {error}\n', 1))
        # By a link, errors name the file itself.
        generator.write_files(self.tmp, {'real/x.tbl': 'x\n'})
        os.symlink('real', os.path.join(self.tmp, 's'))
        done = self.run_in('models', '-s', 's', *ARGS)
        self.assertEqual(done.stderr, f"{self.tmp}/real/x.tbl:1: 'x' belongs "
                         "to a model, after 'cpu NAME'\n")

    def test_unreadable_files(self):
        self.write()
        for i, name in enumerate(ARGS[1:]):
            args = list(ARGS)
            args[i + 1] = 'none'
            done = self.run_in('models', *args)
            self.assertEqual((done.stderr, done.returncode),
                             ('none:0: No such file or directory\n', 1), name)
        for name in 'x.tbl', 'released.lock':
            path = os.path.join(self.tmp, 'm', name)
            for target, error in ((None, 'cannot read it: Is a directory'),
                                  ('gone', 'No such file or directory'),
                                  (name, 'Too many levels of symbolic links')):
                if target:
                    os.symlink(target, path)
                else:
                    os.mkdir(path)
                done = self.run_in('models', *ARGS)
                self.assertEqual(
                    done.stderr.replace(self.tmp + '/', ''),
                    f'm/{name}:0: {error}\n')
                self.assertEqual(done.returncode, 1)
                if target:
                    os.unlink(path)
                else:
                    os.rmdir(path)

    def test_names_with_spaces(self):
        self.write(table=RICH_TABLE)
        text = self.run_in('models', *ARGS).stdout
        os.rename(os.path.join(self.tmp, 'm'), os.path.join(self.tmp, 'm m'))
        os.rename(os.path.join(self.tmp, 'm m', 't.tbl'),
                  os.path.join(self.tmp, 'm m', 't t.tbl'))
        os.rename(os.path.join(self.tmp, 'f.tbl'),
                  os.path.join(self.tmp, 'f f.tbl'))
        args = ['m m', 'VERSION', 'f f.tbl', 'cpu.c', 'cpu.h']
        self.assertEqual(self.run_in('models', *args).stdout, text)
        generator.write_files(self.tmp, {'m m/x y.tbl': 'x\n'})
        self.assertEqual(self.run_in('models', *args).stderr,
                         f"{self.tmp}/m m/x y.tbl:1: 'x' belongs to a model, "
                         "after 'cpu NAME'\n")

    def test_files_that_cannot_be_written(self):
        self.write()
        for args, error in (
                (['-o', 'none/o'], 'none/o:0: No such file or directory\n'),
                (['-o', 'o', '-d', 'none/d'],
                 'none/d:0: No such file or directory\n'),
                (['-o', '/dev/full'], 'gen-cpu-tables: cannot write: No space '
                 'left on device\n'),
                (['-o', 'o', '-d', '/dev/full'],
                 'the depfile:0: No space left on device\n')):
            done = self.run_in('models', *args, *ARGS)
            self.assertEqual((done.stderr, done.stdout, done.returncode),
                             (error, '', 1))
        for verb in 'models', 'release':
            with open('/dev/full', 'wb') as full:
                done = self.run_in(verb, *ARGS, stdout=full)
            self.assertEqual((done.stderr, done.returncode), (
                'gen-cpu-tables: cannot write: No space left on device\n', 1))

    def test_nothing_written_after_an_error(self):
        self.write(table='x\n')
        generator.write_files(self.tmp, {'o': 'before'})
        done = self.run_in('models', '-o', 'o', '-d', 'd', *ARGS)
        self.assertEqual(done.returncode, 1)
        with open(os.path.join(self.tmp, 'o'), encoding='ascii') as f:
            self.assertEqual(f.read(), 'before')

    def test_reproducible(self):
        for verb in 'models', 'release':
            self.assertEqual(
                self.passes(verb=verb, table=RICH_TABLE, site=SITE_TABLE),
                self.passes(verb=verb, table=RICH_TABLE, site=SITE_TABLE))


class RealTree(Generator):
    """What QEMU itself has"""

    def setUp(self):
        super().setUp()
        self.ext = os.path.join(SOURCE, 'target/i386/ext')
        self.args = [os.path.join(SOURCE, name) for name in (
            'VERSION', 'target/i386/ext/tables/features.tbl',
            'target/i386/cpu.c', 'target/i386/cpu.h',
            'include/standard-headers/asm-x86/kvm_para.h')]
        with open(self.args[2], encoding='utf-8') as f:
            self.cpu_c = f.read()

    def upstream(self):
        """(name, text, versions: (number, text)...) of cpu.c's models"""
        part = re.search(r'builtin_x86_defs\[\] = \{\n(.*?)^\};', self.cpu_c,
                         re.M | re.S).group(1)
        for text in re.findall(r'^    \{\n(.*?)^    \}', part, re.M | re.S):
            name = re.search(r'\.name = "(.*?)"', text).group(1)
            head, _, rest = text.partition('.versions = ')
            found = re.split(r'\.version = (\d+)', rest)[1:] or ['1', '']
            yield name, head, list(zip(map(int, found[::2]), found[1::2]))

    def run_real(self, *args):
        done = self.run_in(*args)
        self.assertEqual(done.stderr, '')
        self.assertEqual(done.returncode, 0)
        return done.stdout

    def test_reproducible_and_released(self):
        tables = os.path.join(self.ext, 'tables', 'models')
        runs = [self.run_real(verb, tables, *self.args)
                for verb in ('models', 'release') for _ in range(2)]
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(runs[2], runs[3])
        with open(os.path.join(tables, 'released.lock'),
                  encoding='ascii') as f:
            lock = f.read()
        # All of it, that is: whoever adds a model runs make release-models.
        self.assertEqual(runs[2], lock)

    def test_no_knob_makes_a_cpu_the_hosts(self):
        for name in 'host-phys-bits', 'hv-passthrough':
            self.assertIn(f'"{name}"', self.cpu_c)
            generator.write_files(self.tmp, {'host/h.tbl': (
                HEAD % 'Host_copy' + '    based-on  EPYC-v1\n'
                f'    set       {name} on\n  version 1\n')})
            done = self.run_in('models', 'host', *self.args)
            self.assertIn(f"'{name}' is not a property of this QEMU that is on "
                          'or off', done.stderr)
            self.assertEqual(done.returncode, 1)

    def copies(self):
        models = list(self.upstream())
        # A model without a name of its own has none that is QEMU's.
        lines = []
        for name, head, versions in models:
            own = re.search(r'\.model_id = ""|QEMU_HW_VERSION', head)
            lines += [HEAD % f'{name}_copy{n}' + f'    based-on  {name}-v{n}\n'
                      + ('    model-id  X\n' if own else '') + '  version 1\n'
                      for n, _ in versions]
        generator.write_files(self.tmp, {'copies/c.tbl': ''.join(lines)})
        return models

    def test_upstream_models(self):
        """As regular expressions see them in cpu.c"""
        models = self.copies()
        text = self.run_real('models', 'copies', *self.args)
        made = dict(re.findall(r'\.def = \{\n\s+\.name = "([^"]*)",\n(.*?)^    \}',
                               text, re.M | re.S))
        with open(self.args[3], encoding='utf-8') as f:
            vendors = dict(re.findall(r'^#define (CPUID_VENDOR_\w+)\s+(".*")',
                                      f.read(), re.M))
        facts = caches = 0
        for name, head, versions in models:
            known = dict(re.findall(
                r'\.(level|xlevel|family|model|stepping|avx10_version|vendor) '
                r'= (\S.*),', head))
            known['vendor'] = vendors.get(known['vendor'], known['vendor'])
            own = re.search(r'\.model_id = "([^"]*)"(?! QEMU_HW)', head)
            known['model_id'] = own.group(1) if own else ''
            cached = '.cache_info' in head
            for number, props in versions:
                copy = made.pop(f'{name}_copy{number}')
                for key, value in re.findall(
                        r'\{\s*"(model-id|stepping|min-level|min-xlevel|'
                        r'level|xlevel|family|model|avx10-version)",\s*'
                        r'"(.*?)",?\s*\}',
                        props):
                    key = key.removeprefix('min-').replace('-', '_')
                    known[key] = value
                cached |= '.cache_info' in props
                for key in ('level', 'xlevel', 'family', 'model', 'stepping',
                            'avx10_version'):
                    value = re.search(rf'\.{key} = (.*),', copy).group(1)
                    self.assertEqual(int(value, 0), int(known.get(key, '0'),
                                                        0), (name, key))
                    facts += 1
                self.assertIn(f'.vendor = {known["vendor"]},', copy)
                model_id = known['model_id'] or 'X'
                self.assertIn(f'.model_id = "{model_id}",', copy)
                self.assertEqual('.cache_info' in copy, cached, name)
                caches += cached
                facts += 3
        self.assertEqual(made, {})
        self.assertGreater(len(models), 40)
        self.assertGreater(facts, 700)
        self.assertGreater(caches, 10)

    def test_upstream_features(self):
        """
        Words as the compiler has them: those of each model's own definition
        """
        models = self.copies()
        text = self.run_real('models', 'copies', *self.args)
        made = dict(re.findall(r'\.name = "([^"]*_copy1)",\n(.*?)^    \}',
                               text, re.M | re.S))
        words = sorted(set(re.findall(r'FEAT_\w+', ''.join(
            head for _, head, _ in models))))
        with open(self.args[3], encoding='utf-8') as f:
            macros = re.findall(r'^#define [A-Z]\w+ (?:[^\n\\]|\\\n)*',
                                f.read(), re.M)
        macros += re.findall(r'^#define \w+_FEATURES (?:[^\n\\]|\\\n)*',
                             self.cpu_c, re.M)
        # C's own names, in the order of the words that are used
        source = '#include <stdio.h>\n' + '\n'.join(macros) + '''
#define KiB 1024
enum { %s, WORDS };
static const struct { const char *name; unsigned long long words[WORDS]; }
models[] = {
''' % ', '.join(words)
        for name, head, _ in models:
            features = re.findall(r'\.features\[(FEAT_\w+)\] =\s*(.*?),\n(?='
                                  r'\s+[./}]|\s*$)', head, re.S)
            source += f'  {{ "{name}", {{ ' + ', '.join(
                f'[{word}] = {value}' for word, value in features) + ' } },\n'
        source += '''};
int main(void)
{
    for (unsigned i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        for (int w = 0; w < WORDS; w++) {
            printf("%s %d %llx\\n", models[i].name, w, models[i].words[w]);
        }
    }
}
'''
        generator.write_files(self.tmp, {'words.c': source})
        subprocess.run(['cc', '-w', '-o', 'words', 'words.c'], cwd=self.tmp,
                       check=True)
        output = subprocess.run([os.path.join(self.tmp, 'words')],
                                stdout=subprocess.PIPE, text=True,
                                check=True).stdout
        first = {name: not re.search(r'\{ "', versions[0][1])
                 for name, _, versions in models}
        compared = 0
        for name, word, value in re.findall(r'(\S+) (\d+) (\S+)', output):
            if not first[name]:
                continue        # properties change its first version
            copy = made[f'{name}_copy1']
            found = re.search(rf'\.features\[{words[int(word)]}\] = (\w+)ull',
                              copy)
            self.assertEqual(int(found.group(1), 16) if found else 0,
                             int(value, 16), (name, words[int(word)]))
            compared += value != '0'
        self.assertGreater(compared, 250)

    def test_upstream_props(self):
        """Features that versions turn on or off"""
        models = self.copies()
        lock = self.run_real('release', 'copies', *self.args)
        made = {}
        for name, text in re.findall(r'^released (\S+)_copy(?=\d)(.*?)^name',
                                     lock, re.M | re.S):
            number = text.split('-v', 1)[0]
            made[name, int(number)] = set(
                ' '.join(re.findall(r'^    on +(.*)', text, re.M)).split())
        aliases = dict(re.findall(
            r'add_alias\(obj, "(.*?)", obj, "(.*?)"\)', self.cpu_c))
        compared = 0
        for name, _, versions in models:
            for number, props in versions:
                for prop, value in re.findall(
                        r'\{\s*"(.*?)",\s*"(on|off)",?\s*\}', props):
                    prop = aliases.get(prop, prop)
                    if prop in self.knobs():
                        continue
                    self.assertEqual(prop in made[name, number],
                                     value == 'on', (name, number, prop))
                    compared += 1
        self.assertGreater(compared, 100)

    def knobs(self):
        return set(re.findall(r'DEFINE_PROP_\w+\("(.*?)"', self.cpu_c))

    def test_copies_can_be_released(self):
        """Whatever upstream's models are, lock files can say."""
        self.copies()
        lock = self.run_real('release', 'copies', *self.args)
        generator.write_files(self.tmp, {'copies/released.lock': lock})
        self.assertEqual(self.run_real('release', 'copies', *self.args), lock)


if __name__ == '__main__':
    unittest.main()
