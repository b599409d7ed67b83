# SPDX-License-Identifier: GPL-2.0-or-later
"""
CPU models from tables, gen-cpu-models.c in target-i386-ext/generator/ and what it is made
of: every check, on small inputs of which each has one thing wrong; the C and
the lock files that come out; that what is released cannot change; and that
upstream's models are read as they are, on the real tree.
"""

import glob
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
PMU = 'set       pmu on'
ALIAS = '    alias     Uno\n'
HEAD = 'cpu %s\n    reason    X\n'


# What edits are of, and what errors call it
BASES = {'table': TABLE, 'site': SITE_TABLE, 'cpu_c': CPU_C, 'cpu_h': CPU_H}
PATHS = {'table': 'm/t.tbl', 'site': 's/s.tbl', 'lock': 'm/released.lock',
         'cpu_c': 'cpu.c'}

# Errors that several tables of errors have
NAME = ("'{}': a name has 2 to 40 letters, digits, '-' and '_', and begins "
        'with a letter or a digit other than 0')
UPSTREAM_NAME = ("'{}' is in the name space of upstream's model Old; "
                 "'Old_SOMETHING' cannot collide with it")
SITE_NAME = ("'{}': a name of your own needs a '_': upstream's new names have "
             'none, so they never collide')
MODEL_KEY = ("unknown key '{}' here; use reason, based-on, deprecated, "
             f'vendor{KEYS}')
VERSION_KEY = ("unknown key '{}' here; use alias, note, reason, "
               f'deprecated{KEYS}')
STRAY = "'{}' belongs to a model, after 'cpu NAME'"
EMPTY = "'{}' needs a value"
TWICE = "'{}' again"
SO_ALREADY = "'{}' changes nothing; remove it"
NO_FEATURE = "'{}' is not a feature of this QEMU"
TEACH = '; teach gen-cpu-tables about it'
UNKNOWN = "unknown member '{}'" + TEACH
NO_MACRO = "'{}' is not a number, and no macro of the headers"
GONE = ("{} is released and must stay: bring it back, and mark it "
        "'deprecated' if it is not to be used")


def edit(text, old, new):
    """One edit, that is one; without @old, at the end"""
    if not old:
        return text + new
    if text.count(old) != 1:
        raise ValueError(f'{text.count(old)} of {old!r}')
    return text.replace(old, new)


def line_of(text, part):
    """The line of the first @part; without one, that after the last"""
    return text[:text.index(part) if part else None].count('\n') + 1


def filled(said, value):
    """With @value for each {}, in whatever refused() takes"""
    if isinstance(said, str):
        return said.replace('{}', value)
    return type(said)(filled(part, value) for part in said)


# Shows what the generator has read of cpu.c
OF_UPSTREAM = edit(SITE_TABLE, 'three-v1', 'Old-v1')


def without_warnings(text):
    """Without those that test_new_machines and test_old_machines look at"""
    return re.sub(r'^.*: no effect(?: yet)?: .*\n', '', text, flags=re.M)


def setUpModule():
    """Compiles the generator once."""
    Generator.program = generator.compile_into(
        unittest.enterModuleContext(tempfile.TemporaryDirectory()))


class Generator(unittest.TestCase):
    program = ''

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

    def edited(self, which, rows, inputs):
        """
        The inputs, with one edit of the file @which, the line of the edit,
        and what it says, for each of @rows: (OLD, NEW, SAID, VALUES).  Each
        of VALUES, a list or words, takes a turn as the {} of the others.
        Without OLD, NEW comes after the end.
        """
        base = inputs.get(which) or BASES[which]
        for old, new, said, values in (
                (*row, *('', ['{}'])[len(row) - 2:]) for row in rows):
            for value in values.split() if isinstance(values, str) else values:
                text = edit(base, old, filled(new, value))
                yield ({**inputs, which: text}, line_of(base, old),
                       filled(said, value))

    def refused(self, which, *rows, **inputs):
        """
        SAID is an error in the line of the edit, or (PART, ERROR) in that of
        the first PART, or a list of those.
        """
        for edited, line, said in self.edited(which, rows, inputs):
            errors = [error if isinstance(error, tuple) else (None, error)
                      for error in (said if isinstance(said, list)
                                    else [said])]
            with self.subTest(errors):
                self.fails(*(
                    f'{PATHS[which]}:'
                    f'{line_of(edited[which], part) if part else line}: '
                    f'{error}' for part, error in errors), **edited)

    def accepted(self, which, *rows, **inputs):
        """SAID is in the output."""
        for edited, _, said in self.edited(which, rows, inputs):
            with self.subTest(edited[which]):
                self.assertIn(said, self.passes(**edited))


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
            { "hv-spinlocks", "7" },
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
            { "hv-version-id-major", "3" },
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
            { "lmce", "off" },
            { "hv-spinlocks", "4095" },
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
    set       hv-spinlocks 7

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
    set       hv-spinlocks 7

name one from 0.0 before 9.1 version 1
    on        vme
    set       hv-version-id-major 3
    level     13
name one from 9.1 before 9.3 version 2
    on        vme
    set       hv-version-id-major 3
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
    set       lmce off
    set       hv-spinlocks 4095

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
        self.refused(
            'table',
            ('cpu one', 'cpu {}', NAME,
             f'x {"x" * 41} -x _x 0x x.y x/y x:y'),
            ('cpu one', 'cpu {}', "'{}' is one of QEMU's own names",
             'base custom host max help MAX'),
            ('cpu one', 'cpu{}', "'cpu' is followed by the name of a model",
             ['', ' one two']),
            ('Uno', 'a b', filled(NAME, 'a b')))
        self.accepted('table', ('cpu one', 'cpu {}', '', (
            f'xy {"x" * 40} 9x x-y x_y-Z0 x-v0 x-v01 x-v1000 x-va x-v v1 '
            'x-v0x1 x-w1 x-1')))

    def test_names_of_upstream(self):
        self.refused('table',
                     ('cpu one', 'cpu {}', UPSTREAM_NAME,
                      'Old OLD Old-v1 old-v7 Old-x Old-IBRS'),
                     ('Uno', '{}', UPSTREAM_NAME, 'Old-IBRS'))
        self.accepted('table', ('cpu one', 'cpu {}', '',
                                'Older Old_x Old-x_y Ol x-Old'))
        # A name of upstream's that is not a prefix of its model's
        self.refused('table', ('cpu one', 'cpu {}', UPSTREAM_NAME, 'elder'),
                     cpu_c=edit(CPU_C, '"Old-IBRS"', '"Elder"'))

    def test_new_machines(self):
        """What has no effect yet is told, and is not an error."""
        text = TABLE + '  machines since 10.1\n    on vme\n'
        done = self.generate(table=text)
        self.assertEqual(
            done.stderr.replace(self.tmp + '/', ''),
            f"m/t.tbl:{line_of(text, 'since 10.1')}: warning: one: no "
            'effect yet: this QEMU has machine types up to 10.0\n')
        self.assertEqual(done.returncode, 0)
        for version in 'since 10.0', 'until 10.1':
            done = self.generate(table=edit(text, 'since 10.1', version))
            self.assertEqual((done.stderr, done.returncode), ('', 0))

    def test_old_machines(self):
        """What has no effect any more is told, unless it is released."""
        text = TABLE + '  machines until 2.3\n    on vme\n'
        said = (f"m/t.tbl:{line_of(text, 'until 2.3')}: warning: one: no "
                'effect: this QEMU has the CPUs of machine types from 2.4 on\n')
        for table, warning in (
                (text, said),
                (edit(text, 'until 2.3', 'from 1.0 to 2.3'), said),
                (edit(text, 'until 2.3', 'until 2.4'), ''),
                (edit(text, 'until 2.3', 'from 2.0 to 2.5'), ''),
                # A distributor's machine type stands for one of these.
                (text + 'machine a is pc-q35-2.3\n', ''),
                (text + 'machine a is pc-q35-2.4\n', said),
                (edit(text, 'until 2.3', 'from 2.3 to 2.3')
                 + 'machine a is pc-q35-2.2\n', said)):
            done = self.generate(table=table)
            self.assertEqual(done.stderr.replace(self.tmp + '/', ''), warning)
            self.assertEqual(done.returncode, 0)
        lock = self.generate(table=text, verb='release').stdout
        done = self.generate(table=text, lock=lock)
        self.assertEqual((done.stderr, done.returncode), ('', 0))

    def test_oldest_machines(self):
        """That is the oldest in the tables of removed machine types."""
        versions = []
        for path in glob.glob(os.path.join(
                generator.REPO, 'target-i386-ext/tables/machines/*.tbl')):
            with open(path, encoding='utf-8') as f:
                versions += re.findall(
                    r'^machine pc-(?:i440fx|q35)-(\d+)\.(\d+)$', f.read(),
                    re.M)
        self.assertEqual(min(tuple(map(int, v)) for v in versions), (2, 4))

    def test_line_ends(self):
        """Windows' line ends are told once, and other errors too."""
        self.refused('table', ('twin', '{}', [
            ('cpu one', 'Windows line endings (CR LF); save the file with '
             'Unix ones (LF)'), NO_FEATURE], 'xyzzy'),
            table=TABLE.replace('\n', '\r\n'))

    def test_names_of_sites(self):
        self.refused('site', ('cpu one', 'cpu {}', SITE_NAME, 'ours'),
                     site=TABLE)
        self.refused('site', ('site_x', '{}', SITE_NAME, 'sitex'),
                     table=RICH_TABLE)

    def test_names_with_versions(self):
        named = "'{}': versions are named by QEMU"
        self.refused('table', ('cpu one', 'cpu {}', named, 'x-v1'),
                     ('Uno', '{}', named, 'x-v999'))
        # The levels of the psABI are exempt.
        self.accepted('table', ('Uno', 'x86-64-v9'))
        self.accepted('site', ('cpu one', 'cpu x_y-v7'),
                      site=edit(TABLE, ALIAS, ''))

    def test_names_for_versions(self):
        """Of those that are there, and of those that could come"""
        table = edit(edit(TABLE, 'cpu one', 'cpu X_y'), ALIAS, '')
        for name in 'x_y-v2', 'X_y-v3', 'x_Y-V4', 'X_y-v1000', 'X_y-v0':
            again = edit(table, 'cpu X_y', f'cpu {name}')
            for text in table + again, again + table:
                self.fails(
                    f"s/s.tbl:{line_of(text, f'cpu {name}')}: '{name}' is a "
                    'name for versions of X_y, in '
                    f"s/s.tbl:{line_of(text, 'cpu X_y' + chr(10))}; add a "
                    'version there, or use a name that does not end in '
                    "'-vN'", site=text)
        # Nobody else's
        for name in ('x_y-v', 'x_y-v1x', 'x_y-w1', 'x_y_v1', 'x_y-v1-a',
                     'x_y-1', 'z_y-v1', 'x_y-v1-v1'):
            self.passes(site=table + edit(table, 'cpu X_y', f'cpu {name}'))
        alias = edit(TABLE, 'cpu one', 'cpu X_y')
        used = ("alias '{}' is a name for versions of X_y, in s/s.tbl:1; use "
                "one that does not end in '-vN'")
        self.refused('site', ('Uno', '{}', ('  version 1', used),
                              'X_y-v1 X_y-v3 x_Y-V3 x_y-v07'), site=alias)
        # Whoever comes first, and before anything is released
        self.assertIn("alias 'X_y-v3' is a name for versions of X_y, in",
                      self.generate(
                          verb='release', site=edit(
                              edit(TABLE, 'cpu one', 'cpu a_b'), 'Uno',
                              'X_y-v3') + edit(alias, 'Uno', 'u_u')).stderr)
        self.accepted('site', ('Uno', '{}', '', 'X_y-v X_y_v3 X_y-v3a z_z-v1'),
                      site=alias)

    def test_same_name(self):
        again = "'{}' again; it is in m/t.tbl:1 already"
        second = edit(edit(TABLE, 'cpu one', 'cpu ONE'), 'Uno', 'Due')
        self.refused('table', ('', second, filled(again, 'ONE')))
        # In another directory
        self.refused('site', ('cpu one', 'cpu {}', again, 'one'), site=TABLE)

    def test_aliases(self):
        again = "alias '{}' again; it is in m/t.tbl:11 already"
        taken = "alias '{}' is a CPU model already"
        second = edit(TABLE, 'cpu one', 'cpu two')
        self.refused(
            'table',
            ('', edit(second, 'Uno', 'uno'),
             ('  version 1\n    alias     uno', filled(again, 'uno'))),
            ('    note      wanted', '    alias     {}',
             ('  version 2', again), 'UNO'))
        self.refused('table', ('Uno', '{}', ('  version 1', taken),
                               'one One two'),
                     table=TABLE + edit(second, 'Uno', 'Due'))

    def test_stray_lines(self):
        self.fails('m/t.tbl:1: ' + filled(STRAY, 'family'),
                   table='family 6\nmodel 7\n' + TABLE)
        # Whatever is wrong elsewhere
        self.fails('m/t.tbl:2: ' + filled(EMPTY, 'reason'),
                   's/s.tbl:2: ' + filled(STRAY, 'off'),
                   table=edit(TABLE, 'reason    The first one.', 'reason'),
                   site='\noff fpu\n')

    def test_unknown_keys(self):
        self.refused(
            'table',
            ('    family    6', '    {} 6', MODEL_KEY,
             'fpu min-level bits alias note CPU cpus'),
            ('    note      wanted', '    {} FEAT_1_ECX 2', VERSION_KEY,
             'fpu bits based-on default-version'),
            ('', '  machines since 10.1\n {} FEAT_1_EDX 8\n',
             (' {} FEAT_1_EDX', "unknown key '{}' here; use "
              f'default-version{KEYS}'), 'fpu bits reason vendor alias'))

    def test_words(self):
        self.refused(
            'table',
            ('    family    6', '    {}', EMPTY,
             'reason based-on deprecated'),
            ('    family    6', '    {} a\n    {} b', ('{} b', TWICE),
             'based-on deprecated'),
            ('    ' + PMU, '    {}', EMPTY, 'reason note deprecated alias'),
            ('    ' + PMU, '    {} a', TWICE, 'note'),
            ('    ' + PMU, '    {} a\n    {} b', ('{} b', TWICE),
             'deprecated'),
            (ALIAS, ALIAS + '    {}     Due\n', ('{}     Due', TWICE),
             'alias'))

    def test_numbers(self):
        for key, old, low, high in (
                ('family', 'family    6', 0, 270),
                ('model', 'model     1', 0, 255),
                ('stepping', 'stepping  2', 0, 15),
                ('level', '    level     7', 1, 255),
                ('xlevel', 'xlevel    0x80000008', 0x80000000, 0x800000ff),
                ('avx10-version', 'on        fpu de pni xsave avx2', 0, 255)):
            new = '    level {}' if key == 'level' else key + ' {}'
            wrong = f"{key} '{{}}' is not a number from {low} to {high}"
            self.refused('table', (old, new, wrong, [
                str(low - 1), str(high + 1), 'x', '', '010', '0x', '1 2',
                '0x1g', str(1 << 64), str((1 << 64) + low), '+1', '-0']))
            for good in low, high, hex(low), f'0x{high:X}':
                done = self.generate(table=edit(TABLE, old,
                                                filled(new, str(good))))
                self.assertNotIn('is not a number', done.stderr)
        self.accepted(
            'table', ('family    6', 'family 0x10E', '.family = 270,'),
            ('0x80000008', '0x800000ff', '.xlevel = 0x800000ff'),
            ('stepping  2', 'stepping 15'),
            ('level     7\n    x', 'level 255\n x'),
            ('model     1', 'model 0'))
        self.accepted('table', ('0x80000008', '{}', '.xlevel = {}',
                                '0x80000000'),
                      table=edit(TABLE, 'lahf-lm ', ''))

    def test_texts(self):
        for old, key, must, bad in (
                ('vendor    GenuineIntel', 'vendor', '12',
                 ['GenuineInte', 'GenuineIntelX', '', "'GenuineIntel '"]),
                ('model-id  One, the first', 'model-id', '1 to 48',
                 ['', 'x' * 49, "''"])):
            for value in bad:
                bare = value.strip("'")
                self.refused('table', (
                    old, f'{key:<9} {value}', f"{key} '{bare}' has "
                    f'{len(bare)} characters; it must have {must}'))
        self.accepted('table', ('One, the first', '{}', '', ['x' * 48, 'x']))
        # With spaces at the ends, and quotes that are none
        for value, text in (("'  Far East  '", '  Far East  '),
                            ("'a'", 'a'), ("'", "'"), ("'a", "'a"),
                            ("a'", "a'"), ("' '", ' '), ("'''", "'"),
                            ("'a ", "'a")):
            table = edit(TABLE, 'One, the first', value)
            self.assertIn(f'.model_id = "{text}"', self.passes(table=table))
            self.passes(table=table, lock=self.release(table=table))

    def test_features(self):
        self.refused(
            'table',
            ('on        lahf-lm twin', 'on', "'on' without a feature"),
            ('off       avx2', 'off', "'off' without a feature"),
            ('lahf-lm twin', 'xyzzy lahf-lm plugh', [
                filled(NO_FEATURE, name) for name in ('xyzzy', 'plugh')]),
            ('lahf-lm twin', '{}', NO_FEATURE, 'FPU'),
            ('lahf-lm twin', 'sse3',
             "'sse3' is another name; QEMU's own is 'pni'"),
            ('lahf-lm twin', 'lahf-lm,twin', "'lahf-lm,twin': separate "
             'features by spaces, not by commas'),
            ('lahf-lm twin', 'lahf_lm',
             "'lahf_lm' is a flag in /proc/cpuinfo; QEMU's name is 'lahf-lm'"),
            ('lahf-lm twin', '{}', "'{}' is not for models: QEMU sets it in "
             'all of them', 'hypervisor kvmclock'),
            *(('lahf-lm twin', '{}', NO_FEATURE + f"; did you mean '{near}'?",
               wrong) for wrong, near in (
                   ('lahf-ln', 'lahf-lm'), ('avx3', 'avx2'), ('twn', 'twin'),
                   ('fpue', 'fpu'), ('pn', 'pni'))))
        self.refused(
            'table', ('lahf-lm twin', 'lahflm',
                      "'lahflm' is libvirt's name; QEMU's is 'lahf-lm'"),
            features=edit(FEATURES_TBL, 'lahf-lm    lahf_lm  lahf_lm',
                          'lahf-lm    lahf_lm  lahflm'))
        self.accepted('table', ('lahf-lm', 'lahf-lm xstore rdctl-no'))

    def test_so_already(self):
        self.refused(
            'table',
            ('lahf-lm twin', '{}', SO_ALREADY, 'fpu'),
            ('off       avx2', 'off {}', SO_ALREADY, 'avx512f'),
            (PMU, '{} 7', SO_ALREADY, 'level'),
            (PMU, '{} One, the first', SO_ALREADY, 'model-id'))
        props = f'    {PMU}\n    set       hv-spinlocks 7'
        self.refused(
            'table',
            (props, '    set {} on', SO_ALREADY, 'pmu'),
            (props, '    ' + L1D.strip(), filled(SO_ALREADY, 'l1d')),
            (props, '    ' + L3.strip(), filled(SO_ALREADY, 'l3')),
            table=edit(TABLE, '  version 1\n',
                       f'    {PMU}\n{L1D}{L1I}{L2}{L3}  version 1\n'))
        # Of the base, too; and what another value changes
        own = "model-id  Site's A"
        self.refused(
            'site',
            (own, 'vendor GenuineIntel\n    family 6\n    stepping 6',
             [(key, filled(SO_ALREADY, key)) for key in ('vendor', 'family')]),
            (own, 'set {} off', SO_ALREADY, 'lmce'),
            (own, 'off', "'off' without a feature"), table=RICH_TABLE)
        # A feature that the base has in part can be made whole, or gone.
        self.accepted(
            'site',
            (own, 'set lmce on\n set hv-spinlocks 4094\n set pmu off\n'
             ' vendor AuthenticAMD\n'
             ' cache l2 2M:line=64:ways=32:sets=1024:share=socket\n'),
            (own, '{} twin', '', 'on off'), table=RICH_TABLE)

    def test_so_already_without_a_base(self):
        self.refused('table', ('xsave avx2', 'xsave avx2\n    off       {}',
                               ('off       {}', SO_ALREADY), 'avx512f'))
        # 0 has to be said.
        self.accepted('table', ('stepping  2', 'stepping 0'))

    def test_duplicates(self):
        def again(name, first):
            return (f"'{name}' again; it is in line {line_of(TABLE, first)} "
                    'already')

        self.refused(
            'table',
            *(('  version 1', f'    {line}\n  version 1', again(name, first))
              for line, name, first in (
                  ('family 7', 'family', 'family '),
                  ('model-id x', 'model-id', 'model-id '),
                  ('vendor AuthenticAMD', 'vendor', 'vendor '),
                  ('off de', 'de', '    on '), ('on de', 'de', '    on '),
                  ('xlevel 0x80000001', 'xlevel', 'xlevel '))),
            ('on        lahf-lm twin', 'on lahf-lm lahf-lm',
             again('lahf-lm', 'lahf-lm')),
            ('hv-spinlocks 7', 'pmu off', again('pmu', PMU)))
        text = edit(TABLE, f'    {PMU}\n', L1D + L1D)
        self.fails(f"m/t.tbl:{line_of(text, 'l1d') + 1}: 'l1d' again; it is "
                   f"in line {line_of(text, 'l1d')} already", table=text)

    def test_set(self):
        feature = "'{}' is a feature; write 'on {}' or 'off {}'"
        self.refused(
            'table',
            (PMU, 'set{}', "'set' is a property and its value",
             ['', ' pmu', ' pmu on off']),
            (PMU, 'set {} on', feature, 'de sse3'),
            (PMU, 'set {} 7', "'{}' is not a property of this QEMU that is on "
             'or off or a number, and that a CPU model can set',
             'xyzzy apic-id level vendor-name model other'),
            (PMU, 'set {} on', "'{}' is not a property of this QEMU that is on "
             "or off or a number, and that a CPU model can set; did you mean "
             "'pmu'?", 'pum pnu'),
            (PMU, 'set pmu {}', "'pmu' is on or off, not '{}'", 'true 1 ON'))
        for name, bits in (('host-phys-bits-limit', 8), ('hv-version-id-major', 16),
                           ('hv-spinlocks', 32), ('ucode-rev', 64)):
            top = (1 << bits) - 1
            self.refused('table', (
                'set       hv-spinlocks 7', f'set {name} {{}}',
                f"{name} '{{}}' is not a number up to {top}",
                f'{top + 1} on -1'))
            self.accepted('table', ('hv-spinlocks 7', f'{name} {top:#x}',
                                    f'{{ "{name}", "{top}" }}'))

    # With 64-bit CPUs
    LONG_MODE = {
        'cpu_c': edit(edit(
            CPU_C, '    [FEAT_8000_0001_ECX] = {', '''\
    [FEAT_8000_0001_EDX] = {
        .type = CPUID_FEATURE_WORD,
        .feat_names = { [29] = "lm" },
        .cpuid = { .eax = 0x80000001, .reg = R_EDX, },
    },
    [FEAT_8000_0001_ECX] = {'''),
            '    DEFINE_PROP_UINT64("ucode-rev"', '''\
    DEFINE_PROP_UINT32("phys-bits", X86CPU, phys_bits, 0),
    DEFINE_PROP_UINT32("guest-phys-bits", X86CPU, guest_phys_bits, -1),
    DEFINE_PROP_UINT64("ucode-rev"'''),
        'features': edit(FEATURES_TBL, '\nlahf-lm', '\nlm lm lm 64 bits\nlahf-lm')}

    def test_physical_bits(self):
        """As QEMU takes them when it starts a CPU"""
        table = edit(TABLE, 'on        fpu', 'on        lm fpu')
        v2, wide = '  version 2', '    set phys-bits 48\n'
        first = '  version 1\n    alias'
        own, guest = 'set phys-bits {}', 'set guest-phys-bits {}'
        beyond = 'one-v2: guest-phys-bits {} is not from 32 to '
        self.refused(
            'table',
            (PMU, own, (v2, 'one-v2: phys-bits {} is not from 32 to 52'),
             '1 20 31 53 70 4294967295'),
            (PMU, guest, (v2, beyond + '40'), '1 31 41 60 4294967294'),
            (PMU, guest + '\n' + wide,
             (v2, beyond + '48, which is phys-bits'), '31 49 60'),
            table=table, **self.LONG_MODE)
        self.accepted(
            'table', (PMU, own, '', '0 32 52'),
            (PMU, guest, '', '0 32 40 4294967295'),
            (PMU, guest + '\n' + wide, '', '0 32 48 4294967295'),
            table=table, **self.LONG_MODE)
        # Told once, of the version that it comes with; and of machine types
        self.refused(
            'table',
            (first, f'    set phys-bits 70\n{first}',
             ('  version 1', 'one-v1: phys-bits 70 is not from 32 to 52')),
            ('', f'machines since 9.0\n{wide} set guest-phys-bits 50\n',
             ('cpu one', 'one on machine types 9.0: guest-phys-bits 50 is '
              'not from 32 to 48, which is phys-bits')),
            table=table, **self.LONG_MODE)
        # The version has less than its guests.
        both = edit(table, first, f'{wide}    set guest-phys-bits 40\n{first}')
        self.refused('table', (PMU, 'set phys-bits 39', (
            v2, 'one-v2: guest-phys-bits 40 is not from 32 to 39, which is '
            'phys-bits')), table=both, **self.LONG_MODE)
        needs = "one-v2: '{}' needs 'lm', which is not on"
        self.refused(
            'table',
            (PMU, 'set {} 40', (v2, needs), 'phys-bits guest-phys-bits'),
            (PMU, 'set phys-bits 70', (v2, filled(needs, 'phys-bits'))),
            **self.LONG_MODE)
        self.accepted('table', (PMU, 'set {} 0', '',
                                'phys-bits guest-phys-bits'),
                      **self.LONG_MODE)
        # What QEMU's own model has is QEMU's; not what is made of it.
        cpu_c = edit(self.LONG_MODE['cpu_c'], '{ "pmu", "on" }',
                     '{ "phys-bits", "70" }')
        inputs = {**self.LONG_MODE, 'cpu_c': cpu_c}
        site = edit(SITE_TABLE, 'three-v1', 'Old-v2')
        self.passes(site=site, **inputs)
        self.refused('site', ('reason    Ours', 'reason X\n on lm', (
            '  version 1', 'site_a-v1: phys-bits 70 is not from 32 to 52')),
            site=site, **inputs)

    def test_unmigratable(self):
        """Models are announced as safe to migrate."""
        inputs = {'cpu_c': edit(
            edit(CPU_C, '.feat_names = { "lahf-lm" },',
                 '.feat_names = { "lahf-lm", "stays" },\n'
                 '        .unmigratable_flags = CPUID_STAYS,'),
            '.features[FEAT_1_EDX] =\n            CPUID_FPU,',
            '.xlevel = 0x80000001,\n'
            '        .features[FEAT_8000_0001_ECX] = CPUID_STAYS,'),
            'cpu_h': CPU_H + '#define CPUID_STAYS (1U << 1)\n',
            'features': edit(FEATURES_TBL, '\nxstore',
                             '\nstays stays stays Put\nxstore')}
        said = ("{}: guests with 'stays' can't migrate, but those of CPU "
                "models must; leave it to '-cpu MODEL,stays=on'")
        self.refused(
            'table',
            ('fpu de pni', 'fpu de pni stays',
             ('  version 1', filled(said, 'one-v1'))),
            ('lahf-lm twin', 'lahf-lm stays',
             ('  version 2', filled(said, 'one-v2'))),
            ('', 'machines since 9.0\n on stays\n',
             ('cpu one', filled(said, 'one on machine types 9.0'))), **inputs)
        # That of a base is upstream's, and can be turned off.
        tiny = edit(SITE_TABLE, 'three-v1', 'tiny-v1')
        self.accepted('site', ('', ''),
                      ("model-id  Site's A", 'model-id A\n off stays'),
                      site=tiny, **inputs)

    def test_caches(self):
        size = ("cache l1d: '{}' is not a size: decimal digits, in bytes or "
                'with K or M')
        self.refused(
            'table',
            (PMU, 'cache{}', "'cache' is l1d, l1i, l2 or l3, and SIZE:line=N:"
             'ways=N:sets=N:share=core and so on, without spaces, as in the '
             'property l1d-cache-info', ['', ' l1d', ' l4 32K', ' l1d 32K x']),
            (PMU, 'cache l1d {}', size, 'x 32G K -32K +32K 32k .5M 0x8000 0 '
             '032K 18446744073709551616 18014398509481984K'),
            (PMU, 'cache l1d :32K', filled(size, '')))
        shares = 'core, module, die or socket'
        number = 'is not a decimal number from 1 to'
        above = 'the maximum of CPUID leaf 0x80000005 ECX'
        unknown = (
            "unknown key '{}'; use line, ways, partitions, sets, "
            'tag-lines, share, self-init, no-invd-sharing, inclusive, '
            'complex-indexing')
        self.refused('table', *(
            (PMU, L1D.strip() + ':self-init:' + part, f'cache l1d: {error}',
             *values) for part, error, *values in (
                ('{}', "'{}' needs a value", 'line share'),
                ('line={}', f"'{{}}' of 'line' {number} 255",
                 ['', *'0 +64 0x40 064 18446744073709551616'.split()]),
                ('line={}', "'line' is given twice", '64 32'),
                ('ways={}', f"'{{}}' of 'ways' {number} 254", 'x'),
                ('partitions=256', 'partitions=256 is above 255, the maximum '
                 "of QEMU's 8 bits"),
                ('partitions={}', f"'{{}}' of 'partitions' {number} 255", '0'),
                ('tag-lines=256', f'tag-lines=256 is above 255, {above}'
                 '[15:8]'),
                ('tag-lines={}', f"'{{}}' of 'tag-lines' {number} 255", '0'),
                ('share={}', f"'{{}}' of 'share' is not {shares}",
                 ['thread', '']),
                ('share=' + 'x' * 99, f"'{'x' * 64}' of 'share' is not "
                 f'{shares}'),
                ('share=core', "'share' is given twice"),
                ('size=3', filled(unknown, 'size')),
                ('{}', unknown, ['Inclusive', '']),
                ('inclusive=1', "'inclusive' takes no value"),
                ('self-init', "'self-init' is given twice"))))
        product = 'is not line x ways x partitions x sets, which is'
        self.refused('table', *(
            (PMU, f'cache {which} {text}', f'cache {which}: {error}')
            for which, text, error in (
                ('l1d', '32767:line=1:ways=1:sets=32767:share=core',
                 'the size 32767 is not a multiple of 1024, the unit of CPUID '
                 'leaf 0x80000005 ECX[31:24]'),
                ('l3', '256K', 'the size 262144 is not a multiple of 524288, '
                 'the unit of CPUID leaf 0x80000006 EDX[31:18]'),
                ('l1d', '256K',
                 f'the size 262144 is above 261120, {above}[31:24]'),
                ('l2', '64M', 'the size 67108864 is above 67107840, the '
                 'maximum of CPUID leaf 0x80000006 ECX[31:16]'),
                ('l3', '4096M', 'the size 4294967296 is above 4294967295, '
                 "the maximum of QEMU's 32 bits"),
                ('l1d', '32K:line=256',
                 f'line=256 is above 255, {above}[7:0]'),
                ('l1d', '32K:line=64:ways=255',
                 f'ways=255 is above 254, {above}[23:16]'),
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
                 f'{255 * 128 * 255 * 4294967295}'))))
        # Of what is wrong, nothing is there twice.
        self.refused(
            'table',
            (PMU, L1D.strip() + '\n    cache     l2 x',
             ('cache     l2 x', filled(size, 'x').replace('l1d', 'l2'))),
            (PMU, 'cache l1d x\n    cache l1d 32K', [
                filled(size, 'x'),
                ('cache l1d 32K', "cache l1d: 'line' is missing")]))

    def test_caches_as_large_as_they_can_be(self):
        for share in 'core', 'module', 'die', 'socket':
            self.accepted('table', (
                '', (L1D + L1I + L2 + L3).replace('share=core',
                                                  f'share={share}'),
                f'CPU_TOPOLOGY_LEVEL_{share.upper()}'))
        self.accepted('table', *(
            ('', edit(L1D, '32K:line=64:ways=8:sets=64', new) + L1I + L2 + L3)
            for new in ('255K:line=255:ways=1:partitions=1:sets=1024:'
                        'tag-lines=255', '127K:line=1:ways=254:sets=512',
                        '255K:line=1:ways=1:partitions=255:sets=1024')))
        self.passes(table=TABLE + L1D + L1I + edit(
            L2, '1M:line=64:ways=16:sets=1024',
            '65535K:line=64:ways=16:sets=65535:tag-lines=15') + edit(
                L3, '8M:line=64:ways=16:sets=8192',
                '4294443008:line=1:ways=1:sets=4294443008'))

    def test_incomplete_caches(self):
        for left in 'l1d', 'l1i', 'l2', 'l3':
            cache = ''.join(x for x in (L1D, L1I, L2, L3) if left not in x)
            missing = (f': cache {left} is missing: a CPU has all of l1d, '
                       'l1i, l2 and l3, or none of its own')
            self.refused(
                'table', ('', cache, ('  version 2', 'one-v2' + missing)),
                # Once, not for each version
                ('  version 1\n', cache + '  version 1\n',
                 ('  version 1', 'one-v1' + missing)),
                ('', '  machines from 10.0 to 10.3\n' + cache,
                 ('cpu one', 'one on machine types 10.0' + missing)))

    def test_versions(self):
        early = ("'{}' belongs before 'version 1', which is the model as "
                 'defined there')
        self.refused(
            'table',
            ('version 1', 'version{}', "the next version of one is "
             "'version 1'", ['', ' 0', ' 2', ' x', ' 1 1', ' 1.0']),
            ('version 2', 'version{}', "the next version of one is "
             "'version 2'", ['', ' 1', ' 3']),
            ('', '  machines since 10.1\n    on vme\n  version 3\n'
             '    reason X\n    on vme\n',
             ('  version 3', "versions come before 'machines'")),
            ('  version 2', '  version 2\n    vendor AuthenticAMD',
             ('vendor Auth', "a version can't change the vendor; add "
              'another model')),
            (ALIAS, '    {} 8\n', early, 'level'),
            (ALIAS, '    {} vme\n', early, 'on'),
            (ALIAS, '    off\n', "'off' without a feature"),
            (ALIAS, '    {}\n', VERSION_KEY, 'x'))

    def test_999_versions(self):
        text = edit(TABLE, ALIAS, '').split('  version 2')[0]
        for i in range(2, 1000):
            text += f'version {i}\n reason x\n {"on" if i % 2 else "off"} de\n'
        self.assertIn('.version = 999,', self.passes(table=text))
        self.refused('table', ('', 'version 1000\n',
                               'one has too many versions'), table=text)

    def test_missing(self):
        self.refused(
            'table',
            ('    reason    The first one.\n', '',
             ('cpu one', "one: 'reason' is missing: whom is it for, and why "
              'is it as it is?')),
            ('    reason    Wanted\n', '', ('  version 2', "one-v2: 'reason' "
             'is missing: why is there another version?')),
            *((re.search(rf'    {key} .*\n', TABLE).group(), '',
               ('  version 1', f"one-v1: '{key}' is missing"))
              for key in ('vendor', 'family', 'model', 'stepping', 'level',
                          'xlevel', 'model-id')),
            (TABLE[TABLE.index('  version 1'):], '',
             ('cpu one', "one: 'version 1' is missing")),
            (TABLE[TABLE.index('    on        lahf-lm'):], '',
             ('  version 2', 'one-v2: does not differ from the previous '
              'version')))

    def test_dependencies(self):
        needs = "{}: '{}' needs '{}', which is not on".format
        v1, v2 = '  version 1', '  version 2'
        self.refused(
            'table',
            # cpu.c's own, of a named feature and of bits without a name
            ('pni xsave', 'xsave', (v1, needs('one-v1', 'avx2', 'pni'))),
            ('lahf-lm twin', 'taa-no',
             (v2, needs('one-v2', 'taa-no', 'FEAT_1_EDX bits 0x200'))),
            # Ours
            ('pni xsave', 'pni', (v1, needs('one-v1', 'avx2', 'xsave'))),
            # An 'off' takes away what is needed.
            ('off       avx2', 'off       pni xsave',
             [(v2, needs('one-v2', 'avx2', word)) for word in ('pni',
                                                               'xsave')]))
        # What upstream's model lacks is upstream's: Old-v2's AVX2 here.
        own = "model-id  Site's A"
        for base, word in ('Old-v2', 'pni'), ('one-v1', 'xsave'):
            self.refused(
                'site', (own, f'off {word}',
                         (v1, needs('site_a-v1', 'avx2', word))),
                site=edit(SITE_TABLE, 'three-v1', base))
        self.accepted('site', ('three-v1', 'Old-v2'))
        # On a bit without a name, which only upstream's models have
        self.refused(
            'site',
            (own, 'off vme',
             [(v1, needs('site_a-v1', word, 'vme'))
              for word in ('FEAT_ARCH_CAPABILITIES bits 0x2', 'taa-no')]),
            site=edit(SITE_TABLE, 'three-v1', 'Old-v2'),
            cpu_c=edit(edit(CPU_C, '1u << 9 }', '2 }'),
                       '{ "vme", "off" }', '{ "de", "off" }'))
        # On bits that CPUID does not have
        self.refused(
            'table', ('lahf-lm twin', 'taa-no', (v2, needs(
                'one-v2', 'taa-no', 'FEAT_1_EDX bits 0xffffffc0'))),
            cpu_c=edit(CPU_C, '1u << 9 }', '~0x3full }'))

    def test_levels(self):
        self.refused(
            'table',
            ('level     7\n    x', 'level     6\n    x', (
                '  version 1', "one-v1: 'avx2' is in CPUID leaf 0x7, above "
                'level 0x6')),
            ('0x80000008', '0x80000000', (
                '  version 2', "one-v2: 'lahf-lm' is in CPUID leaf "
                '0x80000001, above xlevel 0x80000000')))
        # MSRs and Centaur's leaves have no level of ours.
        self.accepted('table', ('0x80000008', '0x80000000'), table=edit(
            TABLE, 'lahf-lm twin', 'rdctl-no xstore'))
        # Upstream's own
        inputs = {
            'cpu_c': edit(CPU_C, '{ "min-level", "8" }',
                          '{ "min-level", "2" }'),
            'site': edit(SITE_TABLE, 'three-v1', 'Old-v2')}
        self.passes(**inputs)
        self.refused('site', ("model-id  Site's A", 'on avx512f', (
            '  version 1', "site_a-v1: 'avx512f' is in CPUID leaf 0x7, above "
            'level 0x2')), **inputs)

    def test_errors_of_unversioned_names(self):
        self.refused('table', (
            '', '  machines from 9.0 to 9.2\n    off pni\n',
            ('cpu one', "one on machine types 9.0: 'avx2' needs 'pni', which "
             'is not on')))
        # What the version lacks was told of it.
        self.refused(
            'table', ('', '  machines from 9.0 to 9.2\n    level 8\n', (
                '  version 1', "one-v1: 'avx2' needs 'pni', which is not on")),
            table=edit(TABLE, 'pni xsave', 'xsave'))
        self.accepted('table', ('', '  machines since 9.0\n    off pni\n'
                                '    default-version 2\n'))

    def test_based_on(self):
        self.refused(
            'site',
            ('three-v1', '{}', 'site_a: based-on needs a version, such as '
             'Cooperlake-v2: what names without one mean depends on the '
             'machine type', 'three Old Old-v Old-v0 Old-v1000'.split() +
             ['x y']),
            ('three-v1', '{}', "site_a: based-on '{}' is not a version of any "
             'CPU model', 'four-v1 max-v1'),
            *(('three-v1', name, f"site_a: based-on '{name}' is not a version "
               f'of any CPU model; the last one is {last}')
              for name, last in [('Old-v4', 'Old-v3'), ('tiny-v2', 'tiny-v1'),
                                 ('three-v2', 'three-v1')]),
            ('three-v1', '{}', "site_a: based-on '{}' is not a version of any "
             "CPU model; did you mean 'three-v1'?", 'thre-v1 htree-v3'),
            table=RICH_TABLE)
        self.refused('table', ('three-v1', 'site_a-v1', 'site_a is based on '
                               'site_a-v1, which is based on it'),
                     table=SITE_TABLE)
        self.fails('m/t.tbl:3: one is shipped and cannot be based on '
                   'site_b-v1 of another directory',
                   table=HEAD % 'one' + 'based-on site_b-v1\n version 1\n',
                   site=edit(edit(SITE_TABLE, 'site_a', 'site_b'),
                             'three-v1', 'Old-v2'))
        # Another of the site's
        self.accepted('site', ('', HEAD % 'site_b' + ' based-on site_a-v1\n'
                               ' on tsc\n version 1\n'), table=RICH_TABLE)

    def test_cycles(self):
        loop = ''.join(HEAD % f'm{i}' + f'  based-on m{(i + 1) % 3}-v1\n'
                       '  off fpu vme\n version 1\n' for i in range(3))
        # Once, and nothing about what they would be
        for site in None, edit(SITE_TABLE, 'three-v1', 'm1-v1'):
            self.fails('m/t.tbl:13: m2 is based on m0-v1, which is based on '
                       'it', table=loop, site=site)

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

    def test_many_models(self):
        """Of tens of thousands none is looked for in a list of them all."""
        last = 20_000
        text = ''.join(
            HEAD % f'm{i}' + f'based-on m{i - 1}-v1\nversion 1\n alias a{i}\n'
            for i in range(last, 0, -1))
        text += HEAD % 'm0' + 'based-on Old-v2\nversion 1\n'
        self.write(table=text)
        lock = self.run_in('release', *ARGS)
        self.assertEqual((lock.stderr, lock.returncode), ('', 0))
        self.write(table=text, lock=lock.stdout)
        done = self.run_in('models', *ARGS)
        self.assertEqual((done.stderr, done.returncode), ('', 0))
        self.assertIn(f'#define X86_CPU_TABLE_MODELS {last + 1}\n',
                      done.stdout)

    def test_machines(self):
        self.refused(
            'table',
            ('', '  machines{}\n    on vme\n', "'machines' is followed by "
             "'since X.Y', 'until X.Y' or 'from X.Y to X.Y', which are "
             'versions of machine types', (
                 '', ' 10.0', ' since', ' since 10', ' since 10.x',
                 ' since 10.0 to 10.1', ' until 10.0 x', ' from 10.0',
                 ' from 10.0 to', ' from 10.0 until 10.1',
                 ' from 10.1 to 10.0', ' from 10.0 to 10.1 x',
                 ' since 10.0.x', ' since 10.', ' since .1', ' since -1.0',
                 ' since 1000.0', ' since 10.1000', ' since +1.+2',
                 ' since 10x1', ' since 10.0x', ' since 10.0.1.',
                 ' since 10.0.', ' since 10.0.1.1', ' from 1.0 to x',
                 ' from x to 1.0', ' since 10..0', ' Since 10.0',
                 ' since 9.0.1', ' since 10.0.13', ' since 09.0',
                 ' since 09.00', ' since 9.000', ' until 9.00', ' until 9.0.1',
                 ' from 9.0 to 9.01', ' from 00.0 to 9.1',
                 ' from 9.0 - 9.1')),
            ('', '  machines since 10.1\n',
             "one: the 'machines' block is empty"),
            *(('', f'  machines since 10.1\n    default-version{bad}\n',
               ('default-', f"one has no version '{bad.strip()}'"))
              for bad in ('', ' 0', ' 3', ' x', ' 1 2', ' 1000',
                          ' 4294967297')),
            ('', '  machines since 10.1\n    default-version 2\n'
             '    default-version 1\n',
             ('default-version 1', "'default-version' again")))
        self.fails('m/t.tbl:1: ' + filled(STRAY, 'machines'),
                   table='machines since 1.0\n' + TABLE)
        self.accepted('table', *(
            ('', f'machines {good}\n on vme\n',
             f'{{ {low:#x}, {high:#x}, 0, table_machine_props')
            for good, low, high in (
                ('since 9.1', 0x90001, 0xffffffff),
                ('since 10.0', 0xa0000, 0xffffffff),
                ('until 0.0', 0, 0),
                ('until 9.1', 0, 0x90001),
                ('from 9.0 to 9.0', 0x90000, 0x90000),
                ('from 0.0 to 999.999', 0, 0x3e703e7))))

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
            self.fails(f'm/t.tbl:{end + 2}: one: default-version overlaps '
                       f'that of line {end}',
                       table=text % (('default-version 2',) * 2))
            for a, b in (('on vme', 'on vme'), ('on vme', 'off vme'),
                         ('level 8', 'level 9'), ('set pmu on', 'set pmu off'),
                         ('model-id a', 'model-id b')):
                self.fails(f'm/t.tbl:{end + 3}: one: line {end + 1} sets '
                           'this, too, for some of these machine types',
                           table=text % (a, b))
            for both in (('default-version 2', 'on vme'),
                         ('on vme', 'off de'), ('model 1', 'stepping 1')):
                self.passes(table=text % both)
        for first, second in (('until 9.0', 'since 9.1'),
                              ('since 9.2', 'until 9.1')):
            self.passes(table=TABLE + f'machines {first}\n on vme\n'
                        f'machines {second}\n off fpu\n on vme\n')

    def test_characters(self):
        self.refused('table', ('Wanted', 'W"nted', 'column 16: only printable '
                               'ASCII, without ", \\ and ??'))
        self.fails('m/t.tbl:0: it is not text: it has a NUL byte',
                   table=TABLE + '\0')

    def test_errors_are_short(self):
        """No more than the beginning of a long name or value"""
        long = 'x_' * 50_000
        for which, old, new in (
                ('table', 'cpu one', 'cpu {}'),
                *(('table', 'note      wanted', line) for line in (
                    '{}', 'alias {}', 'on {}', 'on fpu,{}', 'vendor {}',
                    'family {}', 'model-id {}', 'set {} on', 'set pmu {}',
                    'cache {}', 'cache l1d {}', 'cache l1d 32K:{}',
                    'cache l1d 32K:line={}', 'cache l1d 32K:share={}',
                    'version {}', 'version {} {}', 'machines {}')),
                *(('site', 'cpu site_a', line) for line in (
                    'cpu {}', 'machine {} is pc-q35-9.2', '{}',
                    'machine a is {}', 'machine a {}')),
                ('site', 'three-v1', '{}'), ('site', 'site_x', '{}'),
                *(('features', FEATURES_TBL.splitlines()[-1], line)
                  for line in ('{}', '{} - - x', 'pni {} - x', 'pni - {} x',
                               'pni a,{0},{0} - x', 'needs: {}', 'note: {}',
                               'polarity: {}')),
                *(('lock', '', line) for line in (
                    '{}', 'released {}', 'released one-v1\nalias {}',
                    'released one-v1\nvendor {}', 'name {}',
                    'machine {} is pc-q35-9.2'))):
            base = {'table': TABLE, 'site': SITE_TABLE, 'lock': '',
                    'features': FEATURES_TBL}[which]
            text = base.replace(old, new.format(long, long)) if old else (
                new.format(long) + '\n')
            inputs = {'table': RICH_TABLE if which == 'site' else TABLE,
                      which: text}
            with self.subTest(f'{which}: {new}'):
                done = self.generate(**inputs)
                self.assertEqual(done.stdout == '', done.returncode == 1)
                for error in done.stderr.splitlines():
                    self.assertLess(len(error), 450, error[:500])

    def test_without_a_last_newline(self):
        self.assertEqual(self.passes(table=TABLE),
                         self.passes(table=TABLE.rstrip() + '  \t'))

    def test_all_errors_at_once(self):
        self.fails('m/t.tbl:2: ' + filled(MODEL_KEY, 'x'),
                   "m/t.tbl:3: 'off' without a feature",
                   's/s.tbl:2: ' + filled(MODEL_KEY, 'y'),
                   table='cpu one\nx y\noff\n', site='cpu a_b\ny x\n')


class Source(Generator):
    """What is in cpu.c that the generator does not know stops it."""

    def test_missing_parts(self):
        for start in ('FeatureDep feature_dependencies[] = {',
                      'Property x86_cpu_properties[] = {',
                      'X86CPUDefinition builtin_x86_defs[] = {'):
            self.fails(f"cpu.c:1: '{start}' not found",
                       cpu_c=edit(CPU_C, start, 'x'))
        self.fails("cpu.c:1: 'Property x86_cpu_properties[] = {' not found",
                   cpu_c=CPU_C[:CPU_C.index('    DEFINE_PROP_BOOL("lmce"')])

    def test_dependencies(self):
        half = 'a dependency without .from or .to'
        self.refused(
            'cpu_c',
            ('{ FEAT_1_ECX,               C', '{ FEAT_2,               C',
             "'FEAT_2' is not a feature word"),
            ('.from = { FEAT_1_EDX', '{} = { FEAT_1_EDX', UNKNOWN, '.fro'),
            ('        .to = { FEAT_ARCH_CAPABILITIES,     ~1ull },\n', '',
             ('    {\n        .from = { FEAT_1_EDX', half)),
            ('        .from = { FEAT_1_EDX,               1u << 9 },\n', '',
             ('    {\n        .to = { FEAT_ARCH', half)))

    def test_expressions(self):
        old = 'CPUID_BOTH | CPUID_VME'
        self.accepted('cpu_c', (old, '{}', 'FEAT_1_EDX] = 0x7ull', [
            '7', '0x7', '7u', '7ULL', '(1 << 1) | 5', '~0xfffffff8u & 7',
            '1 | 2 | 4', '1 << 1 << 1 | 3 * 1', 'true | 6', '(((((7)))))',
            'false | 7 & 0xf', '~0xfffffffffffffff8', 'KiB * 0 | 7',
            'MiB & 0 | 7', '1 |\n 6 /* x\n */', '1 | 2 & 6 | 4',
            '1 << 2 * 1 | 3']), site=OF_UPSTREAM)
        self.refused(
            'cpu_c',
            (old, '6 + 1', "expected ',', found '+'"),
            (old, '6 / 2', "expected ',', found '/'"),
            (old, '1 << 64', 'a shift by 64'),
            (old, '1 << 1 <', "expected '<', found ','"),
            (old, '(1 << 1', "expected ')', found ','"),
            (old, '{}', "'{}' is not a number",
             ['010', '1x', '0x1' + '0' * 16]),
            (old, '{}', NO_MACRO, 'X'),
            (old, '{}', "expected a name or number, found '{}'",
             ['|', 'x' * 64]),
            (old, '(' * 101, 'expression too deep'))

    def test_end_of_file(self):
        start = CPU_C.index('static const X86CPUDefinition')
        end = CPU_C.index('static const Property')
        moved = CPU_C[:start] + CPU_C[end:] + CPU_C[start:end]
        cut = moved[:moved.index('CPUID_VME')]
        self.fails(f"cpu.c:{cut.count(chr(10)) + 1}: expected a name or "
                   "number, found 'end of file'", cpu_c=cut)

    def test_macros(self):
        old = '#define CPUID_VME (1U << 1)\n'
        for text, error in (
                ('', filled(NO_MACRO, 'CPUID_VME')),
                ('#define CPUID_VMEX 1\n', filled(NO_MACRO, 'CPUID_VME')),
                ('#define CPUID_VME (1U << 1) x\n', "macro 'CPUID_VME' is not "
                 'an expression that gen-cpu-tables knows; teach it'),
                ('#define CPUID_VME\n', "expected a name or number, found "
                 "'end of file'"),
                ('#define CPUID_VME "x"\n', "expected a name or number, found "
                 "'x'"),
                ('#define CPUID_VME CPUID_VME\n', "macro 'CPUID_VME': "
                 'expansion is nested too deeply')):
            with self.subTest(text):
                self.fails(f"cpu.c:{line_of(CPU_C, 'CPUID_VME')}: {error}",
                           cpu_h=edit(CPU_H, old, text))
        without = edit(CPU_H, old, '')
        self.accepted('cpu_h', ('', '{}', 'FEAT_1_EDX] = 0x7ull', [
            '#define CPUID_VME 2', '#define CPUID_VMEX\n#define CPUID_VME\t'
            '\\\n2 /* x */\n', '#define CPUID_VME 2 // x']),
            cpu_h=without, site=OF_UPSTREAM)
        # In cpu.c itself
        self.passes(cpu_h=without, cpu_c='#define CPUID_VME 2\n' + CPU_C)

    def test_models(self):
        prop = "property '{}' of a CPU model" + TEACH
        self.refused(
            'cpu_c',
            ('.stepping = 3', '{} = 3', UNKNOWN, '.steppin'),
            ('.features[FEAT_1_ECX]', '.features[FEAT_2]',
             "'FEAT_2' is not a feature word"),
            ('.deprecation_note = "use another"', '.level = 3',
             "'.level' after '.versions'" + TEACH),
            ('{ .version = 1 }', '{ .note = "x" }',
             "'.version' is not the first member"),
            ('.note = "IBRS', '{} = "IBRS', UNKNOWN, '.nota'),
            ('{ "vme", "off" }', '{ "{}", "AuthenticAMD" }', prop, 'vendor'),
            ('{ "vme", "off" }', '{ "{}", OFF }', prop, 'vme'),
            ('"stepping", "5"', '"{}", "x"', prop, 'stepping'),
            ('"hv-spinlocks", "4095"', '"{}", "many"', prop, 'hv-spinlocks'),
            ('"An old one (IBRS)"', f'"{"x" * 49}"',
             filled(prop, 'model-id')),
            ('{ "vme", "off" }', f'{{ "{"x" * 64}", "off" }}',
             'a string of more than 63 characters'),
            ('"An old one, " ', f'"An old one, " "{"x" * 32}" ',
             'a string of more than 48 characters'),
            ('.version = 3,\n                .cache_info = &old',
             '.version = 3,\n                .cache_info = &new',
             ('&new', "no caches 'new_cache_info'")),
            ('CPUID_VENDOR_FAR,', '{},', NO_MACRO, 'CPUID_VENDOR_NEAR'),
            ('        .name = "tiny",\n', '',
             ('    {\n        .level = 1,', 'a CPU model without a name')),
            ('(X86CPUVersionDefinition[]) {', 'versions {',
             "expected '(', found 'versions'"))
        self.accepted('cpu_c', ('"An old one (IBRS)"', f'"{"x" * 48}"'))
        self.accepted('cpu_c', ('"GenuineIntel"', '"Authentic" "AMD"',
                                '.vendor = "AuthenticAMD"'), site=OF_UPSTREAM)

    def test_name_with_the_version_of_qemu(self):
        """No model has it, and it must be given."""
        self.fails("s/s.tbl:4: x_a-v1: 'model-id' is missing", site=HEAD % (
            'x_a') + 'based-on tiny-v1\nversion 1\n')

    def test_props(self):
        """Of each kind, by name or by an alias"""
        text = self.passes(
            cpu_c=edit(CPU_C, '{ "stepping", "5" }',
                       '{ "level", "9" }, { "xlevel", "0x80000009" }, '
                       '{ "family", "15" }, { "sse3", "off" }, '
                       '{ "pmu", "off" }, { "hv-spinlocks", "0x10" }, '
                       '{ "avx10-version", "2" }')
            .replace('{ "sse3", "on" },', '')
            .replace('{ "min-level", "8" },', '')
            .replace('{ "pmu", "on" },', '')
            .replace('{ "hv-spinlocks", "4095" },', ''),
            site=edit(SITE_TABLE, 'three-v1', 'Old-v2'))
        for part in ('.level = 9', '.xlevel = 0x80000009', '.family = 15',
                     'FEAT_1_ECX] = 0x4ull', '{ "pmu", "off" }',
                     '{ "hv-spinlocks", "16" }', '.avx10_version = 2'):
            self.assertIn(part, text)

    def test_caches(self):
        self.refused(
            'cpu_c',
            ('.size = 1 * MiB', '{} = 1 * MiB', UNKNOWN, '.siz'),
            ('.l3_cache', '{}', "unknown cache '{}'" + TEACH, '.l4_cache'),
            ('CPU_TOPOLOGY_LEVEL_CORE', '{}', "'{}' is not "
             'CPU_TOPOLOGY_LEVEL_CORE or the like',
             f'CORE CPU_TOPOLOGY_LEVEL_{"X" * 16}'),
            ('.l2_cache = &', '.l2_cache = ', "expected '&', found '('"))

    def test_of_the_wrong_machine(self):
        for line, version in (1, 'QEMU\n'), (0, ''):
            self.fails(f"VERSION:{line}: it does not begin with QEMU's "
                       'version', version=version)


# Version 1 has avx512f, version 2 also vme
AVX10 = '''
static const AVX10VersionDefinition builtin_avx10_defs[] = {
    {
        .name = "avx10.1",
        .version = 1,
        .max_subleaf = 0,
        .features = (FeatureMask[]) {
            { FEAT_7_0_EBX, 1 << 16 },
            { /* end of list */ }
        }
    },
    {
        .name = "avx10.2",
        .version = 2,
        .max_subleaf = 1,
        .features = (FeatureMask[]) { { FEAT_1_EDX, CPUID_VME }, { } }
    },
};
'''
WITH_AVX10 = edit(CPU_C, '', AVX10)


class Avx10(Generator):
    """
    Where QEMU's avx10-version turns on features: in upstream's models it does,
    in tables it is just a number, as it is for all in QEMU 10.0.
    """

    BASED = HEAD % 'x_a' + """    based-on  %s
    model-id  X
%s  version 1
%s"""

    def model(self, base, model='', version='', **inputs):
        """What x_a has: {word: value}, props by list, and avx10-version"""
        text = self.passes(cpu_c=WITH_AVX10, site=self.BASED % (
            base, model, version), **inputs)
        props = {name: re.findall(r'\{ "(.*?)", "(.*?)" \}', rest)
                 for name, rest in re.findall(
                     r' table_((?:machine_)?props_1_\d+)\[\] = \{\n(.*?)\};',
                     text, re.S)}
        text = text[text.index('.name = "x_a"'):]
        words = {word: int(value, 16) for word, value in re.findall(
            r'\.features\[FEAT_(\w+)\] = (\w+)ull', text)}
        return words, props, int(re.search(r'\.avx10_version = (\d+)',
                                           text)[1])

    def test_member(self):
        """A model's own version, whatever the order of members"""
        words, props, version = self.model('tiny-v1')
        self.assertEqual((words['1_EDX'], words['7_0_EBX'], version),
                         (3, 1 << 16, 2))
        self.assertEqual(props['props_1_1'], [])

    def test_member_comes_before_versions(self):
        """Which may turn it off"""
        cpu_c = edit(WITH_AVX10, '.model = 0x1f', '.avx10_version = 2')
        text = self.passes(cpu_c=cpu_c, site=OF_UPSTREAM)
        self.assertIn('FEAT_1_EDX] = 0x7ull', text)
        self.assertIn('FEAT_7_0_EBX] = 0x10000ull', text)
        text = self.passes(cpu_c=cpu_c, site=edit(SITE_TABLE, 'three-v1',
                                                  'Old-v2'))
        # It has neither vme nor, in the table, anything that turns it off.
        self.assertIn('FEAT_1_EDX] = 0x5ull', text)
        self.assertIn('{ "vme", "off" }', text)

    def test_property(self):
        """Of a version"""
        cpu_c = edit(WITH_AVX10, '{ "stepping", "5" }',
                     '{ "avx10-version", "1" }')
        for base, expected in ('Old-v1', None), ('Old-v2', '0x10020'):
            text = self.passes(cpu_c=cpu_c,
                               site=edit(SITE_TABLE, 'three-v1', base))
            found = re.search(r'FEAT_7_0_EBX\] = (\w+)ull',
                              text[text.index('"site_a"'):])
            self.assertEqual(found and found[1], expected)

    def test_turned_off(self):
        """What the table turns off, QEMU's setter must not turn on"""
        words, props, version = self.model('tiny-v1',
                                           '    off       avx512f\n')
        self.assertEqual((words['1_EDX'], version), (3, 2))
        self.assertNotIn('7_0_EBX', words)
        self.assertEqual(props['props_1_1'], [('avx512f', 'off')])

    def test_on_already(self):
        self.fails("s/s.tbl:5: 'avx512f' changes nothing; remove it",
                   cpu_c=WITH_AVX10, site=self.BASED % (
                       'tiny-v1', '    on        avx512f\n', ''))

    def test_number(self):
        """In a model, a version, and on machine types"""
        words, props, version = self.model(
            'one-v1', '    avx10-version 1\n', """  version 2
    reason    X
    avx10-version 2
    on        vme
  version 3
    reason    X
    on        avx512f
  version 4
    reason    X
    avx10-version 1
  machines since 10.0
    avx10-version 2
    stepping  7
""")
        self.assertEqual((words['1_EDX'], words['7_0_EBX'], version),
                         (5, 0x20, 1))
        self.assertEqual(props, {
            'props_1_1': [('avx512f', 'off')],
            'props_1_2': [('avx10-version', '2'), ('vme', 'on'),
                          ('avx512f', 'off')],
            'props_1_3': [('avx512f', 'on')],
            'props_1_4': [('avx10-version', '1')],
            'machine_props_1_0': [('avx10-version', '2'), ('stepping', '7'),
                                  ('vme', 'off'), ('avx512f', 'off')]})

    def test_number_on_machine_types(self):
        """They have one list of properties, which must fit all of them"""
        table = self.BASED % ('one-v1', '', """  version 2
    reason    X
    on        avx512f
  machines since 9.0
    avx10-version 1
  machines since 10.0
    default-version 2
""")
        self.fails("s/s.tbl:10: x_a: avx10-version needs another 'machines' "
                   "block for machine types since 10.0, where 'avx512f' is on",
                   cpu_c=WITH_AVX10, site=table)
        # Where it is just a number, it fits.
        self.passes(site=table)
        self.passes(cpu_c=WITH_AVX10,
                    site=edit(table, 'since 9.0', 'from 9.0 to 9.2'))

    def test_highest(self):
        """Above it, QEMU would abort"""
        for number in 3, 255:
            self.fails(f"s/s.tbl:5: avx10-version '{number}' is not a number "
                       'from 0 to 2', cpu_c=WITH_AVX10, site=self.BASED % (
                           'one-v1', f'    avx10-version {number}\n', ''))

    def test_unknown(self):
        setter = 'static void x86_cpuid_set_avx10_version(Object *obj)\n{\n}\n'
        self.fails("cpu.c:1: 'AVX10VersionDefinition builtin_avx10_defs[] = "
                   "{' not found", cpu_c=CPU_C + setter)
        self.passes(cpu_c=WITH_AVX10 + setter)
        self.refused(
            'cpu_c',
            ('.max_subleaf = 0', '{} = 0', UNKNOWN, '.max_leaf'),
            ('.version = 2,\n        .max', '.version = 3,\n        .max',
             'AVX10 version 3 after 1' + TEACH),
            ('.version = 1,\n        .max', '.max',
             ('(FeatureMask[])', "'.features' before '.version'")),
            ('{ FEAT_7_0_EBX, 1 << 16 }', '{ FEAT_2, 1 }',
             "'FEAT_2' is not a feature word"), cpu_c=WITH_AVX10)


class Released(Generator):
    """Nothing that is released can change."""

    def setUp(self):
        super().setUp()
        self.table = RICH_TABLE
        self.lock = self.release(table=self.table)
        self.inputs = {'table': self.table, 'lock': self.lock}

    def changed(self, version, differences, table, site=None, **_):
        """What is said of one version that differs"""
        model, number = version.split('-v')
        path, text = 'm/t.tbl', table
        if model.startswith('site_'):
            path, text = 's/s.tbl', site
        start = text.index(f'cpu {model}\n')
        line = text[:text.index(f'  version {number}\n', start)].count(
            '\n') + 1
        return [f'{path}:{line}: {version} {said}' for said in (
            *(f'is released: {difference}' for difference in differences),
            "cannot change; make the changes in 'version "
            f"{4 if model == 'one' else 2}'")]

    def refuses(self, which, *rows, **inputs):
        """Of each edit, (OLD, NEW, VERSIONS that differ, in what...)"""
        inputs = inputs or self.inputs
        for old, new, versions, *differences in rows:
            edited = {**inputs, which: edit(
                inputs.get(which) or BASES[which], old, new)}
            with self.subTest(old=old, new=new):
                self.fails(*(error for version in versions.split()
                             for error in self.changed(version, differences,
                                                       **edited)), **edited)

    def test_release_is_a_no_op(self):
        self.passes(**self.inputs)
        self.assertEqual(self.release(**self.inputs), self.lock)

    def test_members(self):
        every, later = 'one-v1 one-v2 one-v3', 'one-v2 one-v3'
        self.refuses(
            'table',
            ('model     1', 'model     2', every, 'model was 1, would be 2'),
            ('stepping  2', 'stepping  3', every,
             'stepping was 2, would be 3'),
            ('level     7', 'level     8', every, 'level was 7, would be 8'),
            ('family    6', 'family    7', 'one-v1 one-v2',
             'family was 6, would be 7'),
            ('xlevel    0x80000008', 'xlevel    0x80000009', every,
             'xlevel was 2147483656, would be 2147483657'),
            ('avx10-version  1', 'avx10-version  2', 'one-v3',
             'avx10-version was 1, would be 2'),
            ('    avx10-version  1\n', '', 'one-v3',
             'avx10-version was 1, would be 0'),
            ('vendor    GenuineIntel', 'vendor    AuthenticAMD', every,
             "vendor was 'GenuineIntel', would be 'AuthenticAMD'"),
            ('model-id  One, the first', 'model-id  One', every,
             "model-id was 'One, the first', would be 'One'"),
            ('fpu de pni', 'fpu de tsc pni', every,
             "'tsc' was off, would be on"),
            ('fpu de pni', 'fpu pni', every, "'de' was on, would be off"),
            ('lahf-lm twin', 'lahf-lm', later, "'twin' was on, would be off"),
            ('off       avx2\n', 'off       avx2 de\n', later,
             "'de' was on, would be off"),
            (PMU, 'set       pmu off', later, "'pmu' was on, would be off"),
            ('hv-spinlocks 7', 'hv-spinlocks 8', later, "'hv-spinlocks' was 7, would be 8"),
            (f'    {PMU}\n', '', later, "'pmu' was on, would be not set"),
            ('hv-spinlocks 7\n', 'hv-spinlocks 7\n set ucode-rev 0\n', later,
             "'ucode-rev' was not set, would be 0"),
            ('    set       lmce off\n', '', 'two-v1 three-v1',
             "'lmce' was off, would be not set"),
            # The model that others are based on
            ('set       lmce off\n', 'set       lmce off\n    on tsc\n',
             'two-v1 three-v1', "'tsc' was off, would be on"))
        # What is for people may change.
        self.accepted(
            'table', ('The first one', 'Another'), ('Wanted', 'Needed'),
            ('note      wanted', 'note      x'), ('too many caches', 'x'),
            ('    deprecated  use one\n', ''),
            ('  version 2\n', '  version 2\n deprecated x\n'), **self.inputs)

    def test_caches(self):
        was = ('cache l1d was 32768:line=64:ways=8:partitions=1:sets=64:'
               'tag-lines=1:share=core:self-init, would be ')
        size = '32K:line=64:ways=8:sets=64:share=core:self-init'
        now = '32768:line=64:ways=8:partitions=1:sets=64:tag-lines=1:'
        caches = re.search(r'    cache     l1d(.*\n)+?(?=    family)',
                           self.table).group()
        others = re.findall(r'cache     (l1i|l2|l3) (\S+)', self.lock[
            self.lock.index('one-v3'):self.lock.index('name one')])
        self.refuses(
            'table',
            ('share=core:self-init', 'share=core', 'one-v3',
             was + now + 'share=core'),
            ('share=core:self-init', 'share=die:self-init', 'one-v3',
             was + now + 'share=die:self-init'),
            (size, '64K:line=64:ways=8:sets=128:share=core:self-init',
             'one-v3', was + '65536:line=64:ways=8:partitions=1:sets=128:'
             'tag-lines=1:share=core:self-init'),
            (caches, '', 'one-v3', was + 'not set', *(
                f'cache {k} was {v}, would be not set' for k, v in others)))

    def test_what_is_wrong_in_tables_comes_first(self):
        self.refused(
            'table', ('    reason    Wanted\n', '', (
                '  version 2', "one-v2: 'reason' is missing: why is there "
                'another version?')),
            lock=self.lock, table=edit(self.table, 'model     1',
                                       'model     2'))

    def test_alias(self):
        self.refused(
            'table',
            *((ALIAS, f'    alias     {now}\n' if now else '',
               ('  version 1', "one-v1 is released: alias was 'Uno', would "
                f"be '{now}'")) for now in ('Due', 'UNO', '')),
            ('  version 2\n', '  version 2\n alias Due\n',
             "one-v2 is released: alias was '', would be 'Due'"),
            **self.inputs)

    def gone(self, *versions):
        return [f'm/released.lock:{line_of(self.lock, "released " + name)}: '
                + filled(GONE, name) for name in versions]

    def test_removed(self):
        self.fails(*self.gone('three-v1'), lock=self.lock,
                   table=self.table[:self.table.index('\ncpu three')])
        # The last version; what unversioned aliases meant is told, too.
        table = re.sub(r'  version 3\n.*?(?=  machines until)', '',
                       self.table, flags=re.S)
        table = edit(table, 'default-version 3', 'default-version 1')
        self.fails(*self.gone('one-v3'), table=table, lock=self.lock)
        # QEMU's types have a case.
        self.fails(*self.gone('one-v1', 'one-v2', 'one-v3'), lock=self.lock,
                   table=edit(self.table, 'cpu one', 'cpu One'))

    def test_moved_to_another_directory(self):
        moved = edit(SITE_TABLE, 'three-v1', 'one-v1')
        self.fails('s/released.lock:6: ' + filled(GONE, 'site_a-v1'),
                   table=TABLE + moved, site='# None\n',
                   site_lock=self.release(table=TABLE, site=moved))

    def test_base(self):
        """An edit of the model that others are based on"""
        edits = '    off       de\n', '    on        vme\n'
        differences = ("'vme' was off, would be on",
                       "'de' was off, would be on")
        site_lock = self.release(table=self.table, site=SITE_TABLE)
        self.refuses('table', (*edits, 'three-v1', *differences),
                     site=SITE_TABLE, **self.inputs)
        inputs = {'table': self.table, 'site': SITE_TABLE,
                  'site_lock': site_lock}
        self.refuses('table', (*edits, 'site_a-v1', *differences), **inputs)
        # Another base
        self.refuses('site', ('three-v1', 'Old-v3', 'site_a-v1',
                              "'de' was off, would be on",
                              "'lmce' was off, would be not set"), **inputs)

    def test_edit_of_cpu_c(self):
        cache = ('1048576:line=64:ways=16:partitions=1:sets={}:tag-lines=1:'
                 'share=module:inclusive')
        self.refuses('cpu_c', *(
            (old, new, 'two-v1 three-v1', *differences)
            for old, new, *differences in (
                ('.vendor = "GenuineIntel"', '.vendor = CPUID_VENDOR_FAR',
                 "vendor was 'GenuineIntel', would be '  Far East  '"),
                ('.model = 0x1f', '.model = 0x20',
                 'model was 31, would be 32'),
                ('"stepping", "5"', '"stepping", "6"',
                 'stepping was 5, would be 6'),
                ('"min-level", "8"', '"min-level", "9"',
                 'level was 8, would be 9'),
                ('(1ull << 40) | 2', '(1ull << 40) | 6',
                 'bits of FEAT_ARCH_CAPABILITIES were 0x2, would be 0x6'),
                ('(1ull << 40) | 2', '(1ull << 40) | 3',
                 "'rdctl-no' was off, would be on"),
                ('(CPUID_EXT_PNI | 1 << 2)', '(CPUID_EXT_PNI | 3 << 2)',
                 "'twin' was on in part, would be on"),
                ('(CPUID_EXT_PNI | 1 << 2)', 'CPUID_EXT_PNI',
                 "'twin' was on in part, would be off"),
                ('(CPUID_EXT_PNI | 1 << 2)', '(CPUID_EXT_PNI | 1 << 3)',
                 "'twin' was on in part, would be on in part"),
                ('"hv-spinlocks", "4095"', '"hv-spinlocks", "4096"',
                 "'hv-spinlocks' was 4095, would be 4096"),
                ('.sets = 1024', '.sets = 1025', 'cache l2 was '
                 f'{filled(cache, "1024")}, would be {filled(cache, "1025")}'),
                ('"An old one (IBRS)"', '"An old one"',
                 "model-id was 'An old one (IBRS)', would be 'An old one'"))))

    def test_bits_that_get_a_name(self):
        """By a later QEMU, which has them on as before"""
        inputs = {
            **self.inputs, 'cpu_c': edit(CPU_C, '"rdctl-no", [40]',
                                         '"rdctl-no", "ibrs-all", [40]'),
            'features': edit(FEATURES_TBL, '\ntaa-no',
                             '\nibrs-all - - X\ntaa-no')}
        self.passes(**inputs)
        self.assertIn('    on        ibrs-all taa-no\n',
                      self.release(**inputs))

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

    def test_unversioned_names(self):
        said = 'one is released: on machine types '
        on = 'one on machine types {} is released: '
        self.refused('table', *(
            (old, new, [('cpu one', error) for error in errors])
            for old, new, *errors in (
                ('default-version 2', 'default-version 3',
                 said + '9.1 it was version 2, would be version 3',
                 said + '9.3 it was version 2, would be version 3'),
                # Of some of them
                ('from 9.1 to 10.0', 'from 9.2 to 10.0',
                 said + '9.1 it was version 2, would be version 1'),
                ('until 9.2', 'until 9.0',
                 filled(on, '9.1') + 'level was 13, would be 7',
                 filled(on, '9.1') + "'vme' was on, would be off",
                 filled(on, '9.1') + "'hv-version-id-major' was 3, would be not set"),
                ('model-id  One, of', 'on tsc\n    model-id  One, of',
                 filled(on, '9.1') + "'tsc' was off, would be on",
                 filled(on, '9.3') + "'tsc' was off, would be on"),
                ('of these machines', 'of those machines', *(
                    filled(on, version) + "model-id was 'One, of these "
                    "machines', would be 'One, of those machines'"
                    for version in ('9.1', '9.3'))))), **self.inputs)

    def test_settings_of_unversioned_names(self):
        """Whatever machine types can have, lock files can say."""
        table = TABLE + ("machines until 9.0\n off de pni avx2\n on vme\n "
                         "set pmu on\n set ucode-rev 9\n model-id 'x '\n"
                         " xlevel 0x80000001\n")
        lock = self.release(table=table)
        self.assertIn("""
name one from 0.0 before 9.1 version 1
    off       de
    off       pni
    off       avx2
    on        vme
    set       pmu on
    set       ucode-rev 9
    model-id  'x '
    xlevel    0x80000001
name one from 9.1 to 10.0 version 1
""", lock)
        self.assertEqual(self.release(table=table, lock=lock), lock)

    def test_unversioned_names_of_old_machines(self):
        on = 'one on machine types {} is released: '
        cache = ':partitions=1:sets={}:tag-lines=1:share='
        l1, l2, l3 = (size + filled(cache, sets) for size, sets in (
            ('32768:line=64:ways=8', '64'),
            ('1048576:line=64:ways=16', '1024'),
            ('8388608:line=64:ways=16', '8192')))
        caches = L1D + L1I + L2 + L3
        again = ('cpu one', 'one is released: on machine types {} it was '
                 'version 1, would be version 2')
        lock = self.release()
        self.refused(
            'table',
            ('', 'machines since {}\ndefault-version 2\n', again, '10.0'),
            ('', 'machines from {} to 10.0\ndefault-version 2\n', again,
             '10.0'),
            ('', 'machines until 9.0\ndefault-version 2\n',
             filled(again, '0.0')),
            ('', 'machines until 1.0\non vme\n', (
                'cpu one', filled(on, '0.0') + "'vme' was off, would be on")),
            ('', 'machines from 9.2 to 9.2\n' + caches, [
                ('cpu one', filled(on, '9.2') + f'cache {kind} was not set, '
                 f'would be {now}') for kind, now in (
                     ('l1d', l1 + 'core'), ('l1i', l1 + 'core'),
                     ('l2', l2 + 'core'), ('l3', l3 + 'die'))]), lock=lock)
        table = TABLE + 'machines until 9.0\n' + caches
        lock = self.release(table=table)
        self.assertEqual(self.release(table=table, lock=lock), lock)
        self.refused('table', ('share=die', 'share=socket', (
            'cpu one', filled(on, '0.0') + f'cache l3 was {l3}die, would be '
            f'{l3}socket')), table=table, lock=lock)

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
        lock = self.release(**self.inputs, version='10.1.0\n')
        self.assertIn('name one from 9.3 before 10.1 version 2\n', lock)
        self.assertIn('name one from 10.1 to 10.1 version 3\n', lock)
        self.refused('table', ('since 10.1', 'since 10.2', (
            'cpu one', 'one is released: on machine types 10.1 it was '
            'version 3, would be version 1')), table=self.table, lock=lock)
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
        old = 'name one from 0.0 to 10.0 version 1'
        self.refused(
            'lock',
            (old, 'name{}', "'name' is followed by MODEL from X.Y to X.Y "
             'version N, or MODEL from X.Y before X.Y version N', [
                 '', ' one', ' one from 0.0 to 10.0', *(
                     f' one from {bad}' for bad in (
                         '0.0 to 10.0 version x', 'x to 10.0 version 1',
                         '0.0 to x version 1', '0.0 until 10.0 version 1',
                         '0.0 to 10.0 version 1 2',
                         '0.0 to 10.0 version 1000',
                         '0.0 to 10.0 version 0', '0.0 to 10.0 version -1',
                         '1.0 to 0.9 version 1', '0.0 before 0.0 version 1',
                         '1.0 before 1.0 version 1'))]),
            (old, old[:-1] + '3', 'one-v3 is not released'), lock=lock)
        table = TABLE + 'machines from 9.1 to 9.1\ndefault-version 2\n'
        for what in ('from 0.0 to 9.1', 'from 9.1 to 9.1',
                     'from 9.1 before 9.2', 'from 0.0 before 9.2',
                     'from 9.1 to 10.0'):
            self.fails('m/t.tbl:1: one is released: on machine types 9.1 it '
                       'was version 1, would be version 2', table=table,
                       lock=edit(lock, old, f'name one {what} version 1'))
        self.accepted('lock', (old, 'name one {} version 1', '', (
            'from 0.0 before 9.1', 'from 9.2 to 10.0', 'from 0.0 to 9.0',
            'from 9.2 before 10.0', 'from 9.0 to 9.0')),
            table=table, lock=lock)

    def test_the_last_of_a_major_version(self):
        """What comes after it can be written, too."""
        table = TABLE + 'machines until 9.999\non vme\n'
        lock = self.release(table=table)
        self.assertIn('\nname one from 0.0 before 10.0 version 1\n', lock)
        self.assertIn('\nname one from 10.0 to 10.0 version 1\n', lock)
        self.assertEqual(self.release(table=table, lock=lock), lock)

    def test_lock_files_that_are_wrong(self):
        unknown = ("unknown key '{}'; lock files are written by make "
                   'release-models alone')
        lock = self.release()
        for key, value in ('on', 'fpu'), ('reason', 'x'):
            self.fails('m/released.lock:1: ' + filled(unknown, key),
                       lock=f'{key} {value}\n{lock}')
        second = lock[lock.index('family', lock.index('released one-v2')):
                      lock.index(' xsave\n    on        lahf')]
        self.refused(
            'lock',
            ('', '{}\n', unknown, 'x'), ('', '{} x\n', unknown, 'alias'),
            ('', 'released{}\n', "'released' is followed by the name of a "
             'version', ['', ' a b', ' ' + 'x' * 80]),
            ('', 'released one-v2\n', 'one-v2 again; it is in line '
             f"{line_of(lock, 'released one-v2')} already"),
            ('name one', '    bits{}\nname one', "'bits' is a feature word "
             'and the value of bits in it', [
                 '', ' FEAT_1_EDX', ' FEAT_2 1', ' FEAT_1_EDX x',
                 ' FEAT_1_EDX 1 2']),
            ('name one',
             '    bits FEAT_1_EDX 8\n    bits FEAT_1_EDX 16\nname one',
             ('    bits FEAT_1_EDX 16', "'FEAT_1_EDX' again; it is in line "
              f"{line_of(lock, 'name one')} already")),
            (second, 'family x\non pni',
             "family 'x' is not a number from 0 to 270"),
            ('', 'released {}\nname x from 0.0 to 1.0 version 1\n', GONE,
             'x-v1'),
            ('', 'released {}\n', GONE, 'one one-v0 one-v9'), lock=lock)

    def test_lock_file_of_another(self):
        """With what tables may not say"""
        for share, error in (
                ('share=' + 'x' * 16, f"'{'x' * 16}' of 'share' is not core"),
                ('share=die:share=core', "'share' is given twice"),
                ('share=die:line=x', "'x' of 'line' is not a decimal number"),
                ('share=die:levels=3', "unknown key 'levels'")):
            text = self.lock.replace('share=invalid', share, 1)
            self.assertIn(error, self.generate(
                table=self.table, lock=text).stderr)


class MachineTypes(Generator):
    """What machine types of distributors stand for"""
    ROWS = ('machine pc-q35-acme9.2.0 is pc-q35-9.2\n'
            'machine\tpc-i440fx-noble   is pc-i440fx-8.2\n')
    SYNTAX = ("'machine' is followed by 'NAME is TYPE', such as 'pc-q35-acme "
              "is pc-q35-9.2'")

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
        after = edit(edit(TABLE, 'cpu one', 'cpu another'), ALIAS, '')
        both = self.passes(table=TABLE + self.ROWS + after)
        self.assertEqual(
            self.passes(table=TABLE + after),
            both.replace(self.rows(both), '    { }\n'))
        self.refused('table', ('', '{} fpu\n', STRAY, 'off'),
                     table=TABLE + self.ROWS)

    def test_rows(self):
        row = 'machine a is pc-q35-9.2'
        self.refused(
            'table',
            (row, '{}', self.SYNTAX, [
                'machine', 'machine a', 'machine a is', 'machine is a b',
                'machine a was pc-q35-9.2', row + ' b']),
            (' a ', ' {} ', "'{}': a machine type's name has up to 63 "
             "letters, digits, '-', '_', '.' and '+'",
             f'{"a" * 64} a/b a%sb a,b'),
            (row, 'machine {} is pc-q35-9.0', "machine type '{}' is "
             "upstream's own and can't stand for another",
             'pc-q35-9.1 pc-i440fx-10.0 pc-q35-4.0.1 pc q35 isapc microvm '
             'none x-remote'),
            ('pc-q35-9.2', '{}', "'{}' is not an upstream machine type "
             'pc-i440fx-X.Y or pc-q35-X.Y of any QEMU',
             'pc-q35-acme q35 pc-q35- pc-q35-9 isapc xpc-q35-9.2 pc-q35-9.2x '
             f'virt-9.2 pc-q35-{"0" * 60}9.2 pc-i440fx-08.02 pc-q35-9.02 '
             'pc-q35-9.2.0 pc-i440fx-4.0.1 pc-q35-0.15 pc-q35-1.0 pc-q35-1.3 '
             'pc-q35-1.8 pc-q35-2.13 pc-q35-3.2 pc-i440fx-4.3 pc-q35-9.3 '
             'pc-q35-10.3'),
            ('pc-q35-9.2', '{}', "machine type 'a' can't stand for {}: this "
             'QEMU has machine types up to 10.0', 'pc-q35-10.1 '
             'pc-i440fx-11.0'), table=row)
        self.accepted('table', (' a ', ' {} ', '', f'{"a" * 63} A.b_c-d+1 0'),
                      ('9.2', '{}', '"pc-q35-{}"',
                       '10.0 1.4 1.7 2.12 3.1 4.0.1 4.2'), table=row)
        for later in '10.2', '11.0', '11.9':
            self.passes(table=f'machine a is pc-q35-{later}',
                        version=later + '.1\n')
        self.passes(table='machine a is pc-q35-10.1', version='10.1.2\n')

    def test_again(self):
        row = 'machine a is pc-q35-9.2\n'
        again = "machine type 'a' again; it is in m/t.tbl:1 already"
        self.refused('table', ('', row, again), table=row)
        self.fails('s/s.tbl:1: ' + again, table=row,
                   site='machine a is pc-q35-9.1')

    def test_lock(self):
        """Released with the models, and as fixed as they are"""
        lock = self.release(table=self.ROWS + TABLE)
        self.assertTrue(lock.endswith(
            '\nmachine pc-q35-acme9.2.0 is pc-q35-9.2\n'
            'machine pc-i440fx-noble is pc-i440fx-8.2\n'))
        self.assertNotIn('\nmachine', self.release(table=TABLE))
        # Of its own directory alone
        self.assertNotIn('\nmachine', self.release(
            table=self.ROWS, site=OF_UPSTREAM))
        self.passes(table=self.ROWS + TABLE, lock=lock)
        self.assertEqual(self.release(table=self.ROWS + TABLE, lock=lock),
                         lock)
        self.passes(table=TABLE + self.ROWS + 'machine b is pc-q35-9.2',
                    lock=lock)

    def test_lock_is_kept_to(self):
        table = self.ROWS + TABLE
        lock = self.release(table=table)
        self.refused(
            'table', ('35-9.2\n', '35-9.1\n', "machine type "
                      "'pc-q35-acme9.2.0' is released: it stood for "
                      'pc-q35-9.2, would stand for pc-q35-9.1'),
            table=table, lock=lock)
        first, other = self.ROWS.splitlines(keepends=True)
        for site in None, first:
            self.fails(f"m/released.lock:{line_of(lock, 'machine pc-q35')}: "
                       "machine type 'pc-q35-acme9.2.0' is released and "
                       "must stay: bring back 'machine pc-q35-acme9.2.0 is "
                       "pc-q35-9.2'", table=other + TABLE, lock=lock,
                       site=site)
        self.fails('m/released.lock:1: ' + self.SYNTAX, lock='machine a\n')
        # Nothing that is said of a model comes after it.
        self.refused('lock', ('', '{} x\n', "unknown key '{}'; lock files are "
                              'written by make release-models alone',
                              'alias'), table=table, lock=lock)


class CommandLine(Generator):
    def ends(self, said, *args, **kwargs):
        """It runs, and says this alone; it fails if it says anything."""
        done = self.run_in(*args, **kwargs)
        self.assertEqual(
            (done.stderr.replace(self.tmp + '/', ''), done.returncode),
            (said, 1 if said else 0), args)
        if said:
            self.assertFalse(done.stdout)

    def test_usage(self):
        self.write()
        for args in (
                [], ['model', *ARGS], ['models', *ARGS[:-1]],
                ['models', *ARGS, *['cpu.h'] * 8],
                ['models', '-x', 'y', *ARGS], ['models', '-o'],
                # A depfile is one of an output.
                ['models', '-d', 'd', *ARGS],
                ['models', '-d', 'd', '-o', 'o', *ARGS],
                ['features', 'f.tbl', 'cpu.c'],
                ['features', 'f.tbl', 'cpu.c', *['cpu.h'] * 9]):
            done = self.run_in(*args)
            self.assertRegex(done.stderr, '^usage: gen-cpu-tables features ')
            self.assertEqual(done.stdout, '')
            self.assertEqual(done.returncode, 1)
        for args in (['models', *ARGS, *['cpu.h'] * 7],
                     ['release', *ARGS, *['cpu.h'] * 7],
                     ['features', 'f.tbl', 'cpu.c', *['cpu.h'] * 8]):
            self.ends('', *args)

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
        generator.write_files(self.tmp, {
            'Makefile': 'include d\no\\ $$ut:; touch "$@"\n'})
        for changed in '', 'm/a #b$.tbl', 's/released.lock', 'm':
            for name in ('m', 's', 'm/t.tbl', 'm/a #b$.tbl', 's/s.tbl',
                         's/released.lock'):
                when = 1 << 32 if name == changed else 1
                os.utime(os.path.join(self.tmp, name), (when, when))
            done = subprocess.run(
                ['make', '-q', 'o $ut'], cwd=self.tmp, check=False,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 1 if changed else 0, done)

    def test_names_with_control_characters(self):
        """They could be read as other lines of a depfile."""
        self.write()
        for bad in '\n', '\t', '\r', '\x7f':
            error = ("gen-cpu-tables:0: '{}...': a path must not have a "
                     'control character, such as a newline\n')
            path = f'x{bad}y.tbl'
            generator.write_files(self.tmp, {f'm/{path}': '# None\n'})
            os.mkdir(os.path.join(self.tmp, f'a{bad}b'))
            for verb in 'models', 'release':
                self.ends(filled(error, 'm/x'), verb, *ARGS)
            os.unlink(os.path.join(self.tmp, 'm', path))
            self.ends(filled(error, 'a'), 'models', '-o', 'o', '-d', 'd',
                      '-s', f'a{bad}b', *ARGS)
            self.ends(filled(error, 'o'), 'models', '-o', f'o{bad}', '-d',
                      'd', *ARGS)

    def test_order_of_files(self):
        one, two, three = re.split(r'(?m)^(?=cpu)', RICH_TABLE)[1:]
        self.write(table=two)
        generator.write_files(self.tmp, {'m/z.tbl': one, 'm/Z.tbl': three})
        names = re.findall(r'\.name = "(.*)"',
                           self.run_in('models', *ARGS).stdout)
        self.assertEqual(names, ['three', 'two', 'one'])

    def test_directories(self):
        none, other = 'No such file or directory', 'Not a directory'
        self.write()
        self.ends('', 'models', '-s', 'none', *ARGS)
        for name, error in ('none', none), ('VERSION', other):
            self.ends(f'{name}:0: {error}\n', 'models', name, *ARGS[1:])
        # A site's that is not one, or is a link to what went away
        os.symlink('gone', os.path.join(self.tmp, 'link'))
        for name, error in (('VERSION', other), ('VERSION/x', other),
                            ('link', none)):
            self.ends(f'{name}:0: {error}\n', 'models', '-s', name, *ARGS)
        # By a link, errors name the file itself.
        generator.write_files(self.tmp, {'real/x.tbl': 'x\n'})
        os.symlink('real', os.path.join(self.tmp, 's'))
        done = self.run_in('models', '-s', 's', *ARGS)
        self.assertEqual(done.stderr, f'{self.tmp}/real/x.tbl:1: '
                         + filled(STRAY, 'x') + '\n')

    def test_unreadable_files(self):
        self.write()
        for i in range(1, len(ARGS)):
            for name, error in (
                    ('none', 'No such file or directory'),
                    ('m', 'cannot read it: Is a directory')):
                self.ends(f'{name}:0: {error}\n', 'models', *ARGS[:i], name,
                          *ARGS[i + 1:])
        for name in 'x.tbl', 'released.lock':
            path = os.path.join(self.tmp, 'm', name)
            for make, remove in (os.mkdir, os.rmdir), (os.mkfifo, os.unlink):
                make(path)
                self.ends(f'm/{name}:0: not a regular file\n', 'models',
                          *ARGS)
                remove(path)
            for target, error in (('gone', 'No such file or directory'),
                                  (name, 'Too many levels of symbolic links')):
                os.symlink(target, path)
                self.ends(f'm/{name}:0: {error}\n', 'models', *ARGS)
                os.unlink(path)

    def test_names_with_spaces(self):
        self.write(table=RICH_TABLE)
        text = self.run_in('models', *ARGS).stdout
        for old, new in (('m', 'm m'), ('m m/t.tbl', 'm m/t t.tbl'),
                         ('f.tbl', 'f f.tbl')):
            os.rename(os.path.join(self.tmp, old), os.path.join(self.tmp, new))
        args = ['models', 'm m', 'VERSION', 'f f.tbl', 'cpu.c', 'cpu.h']
        self.assertEqual(self.run_in(*args).stdout, text)
        generator.write_files(self.tmp, {'m m/x y.tbl': 'x\n'})
        self.assertEqual(self.run_in(*args).stderr,
                         f'{self.tmp}/m m/x y.tbl:1: ' + filled(STRAY, 'x')
                         + '\n')

    def test_files_that_cannot_be_written(self):
        self.write()
        full = 'No space left on device\n'
        for args, error in (
                (['-o', 'none/o'], 'none/o:0: No such file or directory\n'),
                (['-o', 'o', '-d', 'none/d'],
                 'none/d:0: No such file or directory\n'),
                (['-o', '/dev/full'],
                 'gen-cpu-tables: cannot write: ' + full),
                (['-o', 'o', '-d', '/dev/full'], 'the depfile:0: ' + full)):
            self.ends(error, 'models', *args, *ARGS)
        for verb in 'models', 'release':
            with open('/dev/full', 'wb') as f:
                self.ends('gen-cpu-tables: cannot write: ' + full, verb,
                          *ARGS, stdout=f)

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

    def test_no_property_makes_a_cpu_the_hosts(self):
        for name in 'host-phys-bits', 'hv-passthrough':
            self.assertIn(f'"{name}"', self.cpu_c)
            generator.write_files(self.tmp, {'host/h.tbl': (
                HEAD % 'Host_copy' + '    based-on  EPYC-v1\n'
                f'    set       {name} on\n  version 1\n')})
            done = self.run_in('models', 'host', *self.args)
            self.assertIn(f"'{name}' is not a property of this QEMU that is on "
                          'or off', done.stderr)
            self.assertEqual(done.returncode, 1)

    def real_error(self, table):
        """What is said of a table that is refused"""
        generator.write_files(self.tmp, {'wrong/w.tbl': table})
        done = self.run_in('models', 'wrong', *self.args)
        self.assertEqual(done.returncode, 1)
        return done.stderr.replace(self.tmp + '/', '')

    def test_what_no_cpu_can_start_with(self):
        head = HEAD % 'Wide' + '    based-on  EPYC-v1\n'
        for width in 20, 31, 53, 70:
            self.assertEqual(
                self.real_error(head + f'set phys-bits {width}\nversion 1\n'),
                f'wrong/w.tbl:5: Wide-v1: phys-bits {width} is not from 32 to '
                '52\n')
        self.assertEqual(
            self.real_error(head + 'set guest-phys-bits 60\nversion 1\n'),
            'wrong/w.tbl:5: Wide-v1: guest-phys-bits 60 is not from 32 to '
            '40\n')
        # The limits are QEMU's.
        self.assertRegex(self.cpu_c, r'cpu->phys_bits < 32\)')
        most = re.search(r'cpu->phys_bits > (52|TARGET_PHYS_ADDR_SPACE_BITS)'
                         r'\b', self.cpu_c)[1]
        if most != '52':
            with open(os.path.join(SOURCE, 'target/i386/cpu-param.h'),
                      encoding='utf-8') as f:
                self.assertRegex(f.read(), rf'define {most} +52\n')

    def test_what_cannot_migrate(self):
        self.assertIn("'-cpu MODEL,invtsc=on'", self.real_error(
            HEAD % 'Fixed' + 'based-on EPYC-v1\non invtsc\nversion 1\n'))

    def test_old_machines(self):
        generator.write_files(self.tmp, {'old/o.tbl': (
            HEAD % 'Old' + 'based-on EPYC-v1\nversion 1\n'
            'machines until 2.0\noff avx2\n')})
        done = self.run_in('models', 'old', *self.args)
        self.assertRegex(
            done.stderr, r'o\.tbl:5: warning: Old: no effect: this QEMU has '
            r'the CPUs of machine types from 2\.4 on\n$')
        self.assertEqual(done.returncode, 0)

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
                r'= (".*"|[^,\n]+),', head))
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
                    if prop in self.qdev_props():
                        continue
                    self.assertEqual(prop in made[name, number],
                                     value == 'on', (name, number, prop))
                    compared += 1
        self.assertGreater(compared, 100)

    def test_upstream_avx10(self):
        """Features that models have through avx10-version alone"""
        if 'builtin_avx10_defs' not in self.cpu_c:
            self.skipTest('avx10-version is just a number')
        bits = ['avx10-128', 'avx10-256', 'avx10-512']
        for name, head, _ in self.copies():
            if '.avx10_version' not in head:
                continue
            self.assertNotIn('[FEAT_24_0_EBX]', head)
            lock = self.run_real('release', 'copies', *self.args)
            copy = lock[lock.index(f'released {name}_copy1-v1'):]
            on = re.findall(r'^    on +(.*)', copy.split('\nname', 1)[0], re.M)
            self.assertEqual(set(bits) - set(' '.join(on).split()), set())
            # What comes with it can be turned off, and stays so.
            generator.write_files(self.tmp, {'off/o.tbl': (
                HEAD % 'Avx10_256' + f'    based-on  {name}-v1\n'
                '    off       avx10-512\n  version 1\n')})
            text = self.run_real('models', 'off', *self.args)
            self.assertIn('{ "avx10-512", "off" },', text)
            self.assertIn('.features[FEAT_24_0_EBX] = 0x30000ull', text)

    def qdev_props(self):
        return set(re.findall(r'DEFINE_PROP_\w+\("(.*?)"', self.cpu_c))

    def test_copies_can_be_released(self):
        """Whatever upstream's models are, lock files can say."""
        self.copies()
        lock = self.run_real('release', 'copies', *self.args)
        generator.write_files(self.tmp, {'copies/released.lock': lock})
        self.assertEqual(self.run_real('release', 'copies', *self.args), lock)


if __name__ == '__main__':
    unittest.main()
