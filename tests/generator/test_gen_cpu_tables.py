# SPDX-License-Identifier: GPL-2.0-or-later
"""
The table generator, gen-cpu-tables.c in target-i386-ext/generator/: every check
it makes.

It is compiled with the address and undefined-behaviour sanitizers, and run
on small inputs of which each has one thing wrong; and on the real ones.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import generator
from generator import SOURCE

CPU_C = '''#include "cpu.h"
FeatureWordInfo feature_word_info[FEATURE_WORDS] = {
    [FEAT_1_EDX] = {
        .type = CPUID_FEATURE_WORD,
        .feat_names = {
            "fpu", NULL /* reserved */, "de", // ditto
            "fpu",
        },
        .cpuid = {.eax = 1, .reg = R_EDX, },
        .tcg_features = TCG(FEATURES, { 1 }),
    },
    [FEAT_7_1_EAX] = {
        .type = CPUID_FEATURE_WORD,
        .feat_names = { [5] = "avx512-bf16" },
        .cpuid = { .eax = 7, .needs_ecx = true, .ecx = 1, .reg = R_EAX },
    },
    [FEAT_MSR] = {
        .type = MSR_FEATURE_WORD,
        .feat_names = { "rdctl-no", [63] = "sse4.1" },
        .msr = { .index = MSR_ARCH, },
    },
};
    object_property_add_alias(obj, "sse4_1", obj, "sse4.1");
    object_property_add_alias(obj, "lbr_fmt", obj, "lbr-fmt");
    object_property_add_alias(obj, "sse4-1", obj, "sse4.1");
'''
CPU_H = '#define MSR_ARCHAIC 1\n#define MSR_ARCH   0x10a\n'
TABLE = '''# QEMU   cpuinfo  libvirt  what it is
fpu          fpu     fpu    Floating-point unit
  note: on two bits, here
de           de      -      Debugging extensions

# another word
avx512-bf16  avx512_bf16  avx512-bf16  BFLOAT16
rdctl-no     -       rdctl-no   Immune to Meltdown
sse4.1       sse4_1  sse4.1     SSE 4.1
'''
DETAIL = ("a line that begins with white space must be 'note: TEXT', 'needs: "
          "FEATURE...', 'since: VERSION' or 'polarity: KIND'")
# A table of properties, and one of what they are
PROPERTIES_C = CPU_C + '''
static const Property x86_cpu_properties[] = {
    DEFINE_PROP_UINT32("apic-id", X86CPU, apic_id, 0),
    DEFINE_PROP_BOOL("pmu", X86CPU, enable_pmu, false),
    DEFINE_PROP_BIT64("hv-time", X86CPU, hyperv_features,
                      HYPERV_FEAT_TIME, 0),
};

static const Property max_x86_cpu_properties[] = {
    DEFINE_PROP_BOOL("migratable", X86CPU, migratable, true),
};
static void x86_cpu_common_class_init(ObjectClass *oc)
{
    object_class_property_add(oc, "family", "int",
                              x86_cpuid_version_get_family);
    object_class_property_add_str(oc, "vendor",
                                  x86_cpuid_get_vendor);
    object_class_property_add(oc, prop_name, "bool", get, set);
}
'''
PROPERTIES = '''apic-id   none
pmu       bit
hv-time   bit
  since: 10.0
l3-cache  identity
  until: 9.2
  note: see elsewhere
hv-enforce-cpuid gate
  since: 10.2
family    identity
  class property
vendor    flat
  class property
'''
KVM_C = '''static PropValue kvm_default_props[] = {
    { "fpu", "on" },
    { "sse4_1", "off" },
    { NULL, NULL },
};
'''
TCG_C = '''/* Of models */
static PropValue x86_tcg_default_props[] = { { "de", "off" }, { NULL, NULL } };
'''


class Generator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.tmp)
        cls.program = generator.compile_into(cls.tmp)

    def generate(self, cpu_c=CPU_C, table=TABLE, cpu_h=CPU_H, version=None,
                 properties=None, kvm=None, tcg=None):
        generator.write_files(self.tmp, {
            'cpu.c': cpu_c, 't.tbl': table, 'cpu.h': cpu_h,
            'VERSION': version or '', 'p.tbl': properties or '',
            'kvm.c': kvm or '', 'tcg.c': tcg or ''})
        args = [*(['-v', 'VERSION'] if version else []),
                *(['-p', 'p.tbl'] if properties else []),
                *(['-k', 'kvm.c'] if kvm else []),
                *(['-t', 'tcg.c'] if tcg else [])]
        return subprocess.run(
            [self.program, 'features', *args, 't.tbl', 'cpu.c', 'cpu.h'],
            cwd=self.tmp,
            env=generator.ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, check=False, timeout=60)

    def fails(self, *errors, **inputs):
        """All the errors, in order, and nothing else; no output"""
        done = self.generate(**inputs)
        self.assertEqual(done.stderr, ''.join(e + '\n' for e in errors))
        self.assertEqual(done.stdout, '')
        self.assertEqual(done.returncode, 1)

    def cpu_c(self, old, new):
        self.assertIn(old, CPU_C)
        return CPU_C.replace(old, new, 1)

    def table(self, old, new):
        self.assertIn(old, TABLE)
        return TABLE.replace(old, new, 1)

    def refused(self, which, *rows):
        """An edit of the file @which, and all the errors, in each row"""
        for old, new, *errors in rows:
            with self.subTest(old=old, new=new):
                self.fails(*errors, **{which: getattr(self, which)(old, new)})

    def test_output(self):
        done = self.generate()
        self.assertEqual(done.stderr, '')
        self.assertEqual(done.returncode, 0)
        self.assertIn('''    {
        .name = "fpu",
        .flag = "f-fpu",
        .description = "Floating-point unit (CPUID 01h EDX bit 0, 3)",
        .what = "Floating-point unit",
        .cpuinfo = (const char *const[]) { "fpu", NULL },
        .libvirt = "fpu",
        .note = "on two bits, here",
        .polarity = CPU_FEATURE_POLARITY_CAPABILITY,
        .word = FEAT_1_EDX,
        .mask = 1ull << 0 | 1ull << 3,
    },
    {
        .name = "de",
''', done.stdout)
        self.assertIn('"BFLOAT16 (CPUID 07h.1 EAX bit 5)"', done.stdout)
        self.assertIn('"SSE 4.1 (MSR 10Ah bit 63)"', done.stdout)
        self.assertIn('x86_cpu_features_count = 5;', done.stdout)
        self.assertIn('.aliases = (const char *const[]) { "sse4_1", '
                      '"sse4-1", NULL },', done.stdout)
        self.assertNotIn('lbr_fmt', done.stdout)
        # No name elsewhere: nothing, rather than a dash
        self.assertNotIn('"-"', done.stdout)

    def test_vmx_controls_are_in_the_upper_half(self):
        cpu_c = self.cpu_c('[63] = "sse4.1"', '[31] = "sse4.1"')
        for msr, bit in (('48A', 31), ('48B', 63), ('48C', 31), ('48D', 63),
                         ('490', 63), ('491', 31)):
            done = self.generate(cpu_h=f'#define MSR_ARCH 0x{msr}\n',
                                 cpu_c=cpu_c)
            self.assertIn(f'(MSR {msr}h bit {bit})', done.stdout)
            self.assertIn('.mask = 1ull << 31', done.stdout)
        done = self.generate(cpu_c=self.cpu_c('.eax = 1, .', '.eax = 0x48d, .'))
        self.assertIn('(CPUID 48Dh EDX bit 0, 3)', done.stdout)

    def test_reproducible(self):
        self.assertEqual(self.generate().stdout, self.generate().stdout)

    def test_real_input_is_reproducible_and_complete(self):
        paths = [os.path.join(SOURCE, name) for name in (
            'target/i386/ext/tables/features.tbl', 'target/i386/cpu.c',
            'target/i386/cpu.h',
            'include/standard-headers/asm-x86/kvm_para.h')]
        runs = [subprocess.run([self.program, 'features', *paths],
                               stdout=subprocess.PIPE, check=True).stdout
                for _ in range(2)]
        self.assertEqual(*runs)
        # Counted another way: the quoted names in that part of cpu.c
        with open(paths[1], encoding='utf-8') as f:
            part = re.search(r'^FeatureWordInfo feature_word_info.*?^};',
                             f.read(), re.M | re.S).group()
        part = re.sub(r'/\*.*?\*/', '', part, flags=re.S)
        names = set(re.findall(r'"([^"]+)"', part))
        self.assertEqual(
            names, set(re.findall(r'\.name = "([^"]+)"', runs[0].decode())))

    # ---- cpu.c ----

    def test_no_feature_words(self):
        self.fails("cpu.c:1: 'FeatureWordInfo "
                   "feature_word_info[FEATURE_WORDS] = {' not found",
                   cpu_c='int main;\n')

    def test_nothing_named(self):
        self.fails('cpu.c:2: feature_word_info names no feature',
                   cpu_c=CPU_C.splitlines()[0] + '\n' +
                   CPU_C.splitlines()[1] + '};\n')

    def test_syntax(self):
        teach = '; teach gen-cpu-tables about it'
        self.refused(
            'cpu_c',
            ('    [FEAT_1', '#ifdef X\n    [FEAT_1',
             'cpu.c:3: preprocessor line inside of a table' + teach),
            ('CPUID_FEATURE_WORD,\n        .feat_names = { [5]',
             'IO_FEATURE_WORD,\n        .feat_names = { [5]', 'cpu.c:13: '
             "FEAT_7_1_EAX: unknown type 'IO_FEATURE_WORD'" + teach),
            ('.eax = 1', '.leaf = 1',
             "cpu.c:9: unknown member '.leaf'" + teach),
            (', .reg = R_EAX', '', 'cpu.c:12: FEAT_7_1_EAX: no CPUID leaf and '
             'register, and no MSR'),
            ('NULL', 'NUL', "cpu.c:6: expected 'NULL', found 'NUL'"),
            ('"de",', '"de"', "cpu.c:7: expected ',', found 'fpu'"),
            ('[5]', '[64]', "cpu.c:14: '64' is not the number of a bit"),
            ('[FEAT_1_EDX]', '[FEAT_1_EDX',
             "cpu.c:3: expected ']', found '='"),
            ('"de"', '"d\\e"', 'cpu.c:6: string with an escape, or without an end'),
            ('"de"', f'"{"d" * 200}"', 'cpu.c:6: token of 200 characters'),
            ('obj, "lbr-fmt"', 'OBJECT(x), "lbr-fmt"', 'cpu.c:24: an alias '
             'that is not of the form alias, obj, name' + teach))
        self.fails('cpu.c:6: unterminated comment',
                   cpu_c=CPU_C.replace('*/', ''))
        self.fails('cpu.c:10: end of file inside of a table',
                   cpu_c=CPU_C[:CPU_C.index(' }),')])
        self.fails("cpu.c:22: expected '[', found 'end of file'",
                   cpu_c=CPU_C[:CPU_C.rindex('};')])

    def test_name(self):
        self.fails("cpu.c:6: feature 'de_x': only a-z, 0-9, '-' and '.' can "
                   'be in a property name',
                   cpu_c=self.cpu_c('"de"', '"de_x"'),
                   table=self.table('de           de      -      Debugging '
                                    'extensions\n', ''))

    def test_limits(self):
        """What doesn't fit is told, not cut."""
        self.refused(
            'cpu_c',
            ('"de"', f'"{"x" * 64}"',
             'cpu.c:6: too many names, or too long a name'),
            ('"de"', '"de", ' + '[0] = "de", ' * 64,
             'cpu.c:6: too many names, or too long a name'),
            ('"de"', ', '.join(['"de"'] * 9),
             "cpu.c:6: feature 'de' has more than 8 bits"))
        self.fails("cpu.c:32: feature 'sse4.1' has more than 8 aliases",
                   cpu_c=CPU_C + '    object_property_add_alias(obj, "x", '
                   'obj, "sse4.1");\n' * 7)
        words = ''.join(f"""    [FEAT_{i}] = {{
        .type = MSR_FEATURE_WORD, .msr = {{ .index = 1 }},
        .feat_names = {{ {''.join(f'"f{i}-{j}", ' for j in range(64))} }},
    }},
""" for i in range(32))
        cpu_c = self.cpu_c('    [FEAT_7_1_EAX]', words + '    [FEAT_7_1_EAX]')
        self.fails('cpu.c:138: more than 2048 features', cpu_c=cpu_c)
        words = ''.join(f"""    [FEAT_{i}] = {{
        .type = MSR_FEATURE_WORD, .msr = {{ .index = 1 }},
    }},
""" for i in range(49))
        cpu_c = self.cpu_c('    [FEAT_7_1_EAX]', words + '    [FEAT_7_1_EAX]')
        self.fails('cpu.c:156: more than 96 feature words', cpu_c=cpu_c)

    def test_bits(self):
        table = re.sub(r'(?m)^avx512-bf16.*\n', '', TABLE)
        for old, new, error in (
                ('[5]', '[32]', "cpu.c:14: feature 'avx512-bf16': bit 32 is "
                 'beyond FEAT_7_1_EAX'),
                ('"avx512-bf16"', '"de"', "cpu.c:14: feature 'de' is also in "
                 'FEAT_1_EDX (line 6); a property has bits of one word')):
            self.fails(error, cpu_c=self.cpu_c(old, new), table=table)

    # ---- headers ----

    def test_no_macro(self):
        self.fails("cpu.c:17: FEAT_MSR: 'MSR_ARCH' is defined in none of the "
                   'headers', cpu_h='#define MSR_ARCHAIC 1\n')

    def test_macro_is_no_number(self):
        for value in '(1 << 3)', '0x100000000', '-1':
            self.fails("cpu.c:17: FEAT_MSR: 'MSR_ARCH' is not a number of 32 "
                       'bits', cpu_h=f'#define MSR_ARCH {value}\n')

    # ---- features.tbl ----

    def test_missing_row(self):
        """What upstream adds stops the build, with the line to add."""
        self.fails("cpu.c:14: feature 'avx512-bf16' has no row in t.tbl; add "
                   "after 'de':",
                   'avx512-bf16           -                -                '
                   '(what it is)',
                   table=re.sub(r'(?m)^avx512-bf16.*\n', '', TABLE))
        # The line can be pasted as it is.
        self.assertEqual(self.generate(table=self.table(
            'avx512-bf16  avx512_bf16  avx512-bf16  BFLOAT16',
            'avx512-bf16           -                -                '
            '(what it is)')).returncode, 0)

    def test_rows(self):
        what = ("t.tbl:4: 'de': say what it is in at most 60 characters, "
                'without a full stop')
        self.refused(
            'table',
            ('\n# another', 'xyzzy - - Nothing\n# another', "t.tbl:5: 'xyzzy' "
             'is not a feature of this QEMU; remove the row, or correct the '
             'name'),
            ('\n# another', 'de - - Again\n# another', "t.tbl:5: a second row "
             "for 'de', the first is in line 4"),
            ('extensions', 'extensions.', what),
            ('extensions', 'x' * 60, what))

    def test_short_row(self):
        row = ("'de': a row is QEMU's name, the flags in /proc/cpuinfo or -, "
               "libvirt's name or -, what it is")
        missing = ["cpu.c:6: feature 'de' has no row in t.tbl; add after "
                   "'fpu':", f'{"de":<21} {"-":<16} {"-":<16} (what it is)']
        for text in 'de', 'de de', 'de de -', 'de de -   ':
            self.fails(f't.tbl:4: {row}', *missing, table=self.table(
                'de           de      -      Debugging extensions', text))

    def test_order(self):
        lines = TABLE.splitlines(keepends=True)
        lines[-1], lines[-2] = lines[-2], lines[-1]
        self.fails("t.tbl:9: 'rdctl-no' is out of order: QEMU has it before "
                   "'sse4.1'", table=''.join(lines))

    def test_notes(self):
        note = 'note: on two bits, here'
        self.refused(
            'table', ('note: ', 'remark: ', 't.tbl:3: ' + DETAIL),
            (note, 'note: ', 't.tbl:3: ' + DETAIL),
            (note, 'note:  ', 't.tbl:3: ' + DETAIL),
            ('de   ', '  note: another\nde   ',
             "t.tbl:4: a second note for 'fpu'"))
        for row, error in ((' note: too early',
                            'a note without a row before it'),
                           (' polarity: hint', DETAIL),
                           (' needs: fpu', DETAIL)):
            self.fails('t.tbl:1: ' + error, table=f'{row}\n{TABLE}')

    def test_cpuinfo(self):
        done = self.generate(table=self.table('sse4_1  sse4.1 ',
                                              'sse4_1,4sse,sse4  sse4.1 '))
        self.assertEqual(done.stderr, '')
        self.assertIn('        .cpuinfo = (const char *const[]) { "sse4_1", '
                      '"4sse", "sse4", NULL },\n', done.stdout)
        # None for the one that has a dash
        self.assertEqual(done.stdout.count('.cpuinfo = '), 4)
        for text in ('fpu,', ',fpu', 'fpu,,de', 'FPU', 'fpu;de', '-,fpu',
                     'fpu,-', 'f-pu', '--'):
            self.fails(f"t.tbl:2: 'fpu': '{text}' is not a list of flags in "
                       "/proc/cpuinfo: a-z, 0-9 and '_', commas between "
                       'flags, no blanks; - for none',
                       table=self.table('fpu          fpu ',
                                        f'fpu          {text} '))
        for text in 'fpu,fpu', 'a,fpu,b,fpu', 'fpu,a,fpu,fpu':
            self.fails("t.tbl:2: 'fpu' has the flag 'fpu' twice",
                       table=self.table('fpu          fpu ',
                                        f'fpu          {text} '))
        self.assertEqual(self.generate(table=self.table(
            'fpu          fpu ', 'fpu          fpu,fp,fpu2,u ')).stderr, '')

    def test_polarity(self):
        for kind in 'capability', 'limitation', 'hint', 'topology':
            done = self.generate(table=self.table(
                'de   ', f'  polarity: {kind}\nde   '))
            self.assertEqual(done.stderr, '')
            self.assertIn(f'''        .note = "on two bits, here",
        .polarity = CPU_FEATURE_POLARITY_{kind.upper()},
''', done.stdout)
            # The default of the others
            self.assertEqual(
                done.stdout.count('.polarity = CPU_FEATURE_POLARITY_'
                                  'CAPABILITY,'),
                4 + (kind == 'capability'))
        for kind in 'limit', 'Hint', 'hint topology', 'hints', '-':
            self.fails(f"t.tbl:4: 'fpu': unknown polarity '{kind}'; use "
                       'capability, limitation, hint or topology',
                       table=self.table('de   ',
                                        f'  polarity: {kind}\nde   '))
        self.fails("t.tbl:5: a second polarity for 'fpu'", table=self.table(
            'de   ', '  polarity: hint\n  polarity: hint\nde   '))

    def test_needs(self):
        self.fails("t.tbl:5: 'dee' is not a feature of this QEMU; did you "
                   "mean 'de'?",
                   table=self.table('\n# another', '  needs: fpu dee\n#'))
        # Those that come later, and two of them
        self.assertEqual(self.generate(table=self.table(
            '\n# another', '  needs: fpu sse4.1\n#')).stderr, '')
        self.fails("t.tbl:11: 'sse4.1' needs itself through 'de'",
                   table=self.table('\n# another', '  needs: sse4.1\n\n#')
                   + '  needs: de\n')
        self.fails("t.tbl:5: 'de' needs itself through 'de'",
                   table=self.table('\n# another', '  needs: de\n#'))

    def test_since(self):
        """A row may be for newer QEMUs only."""
        new = self.table('\n# another', 'new - - A new one\n  since: 10.1\n'
                         '  needs: newer\n  polarity: hint\n  note: x\n# another')
        for version in '10.0.13\n', '9.2.0\n', None:
            done = self.generate(table=new, version=version)
            self.assertEqual(done.stderr, '')
            self.assertNotIn('"new"', done.stdout)
        # Those that have it say so.
        old = self.table('\n# another', '  since: 10.0\n# another')
        for version in '10.0.13\n', '11.1.1\n', None:
            done = self.generate(table=old, version=version)
            self.assertEqual(done.stderr, '')
            self.assertIn('        .since = 0xa0000,\n', done.stdout)
            self.assertEqual(done.stdout.count('.since'), 1)
        for version, table, error in (
                ('10.1.0\n', new, "t.tbl:5: 'new' is not a feature of this "
                 'QEMU, although it is there since an older one'),
                ('9.2.4\n', old, "t.tbl:4: 'de' is a feature of this QEMU, "
                 'although it is only there since a newer one'),
                ('10.0.13\n', self.table('\n# another', '  since: 10.0\n'
                                         '  since: 10.0\n#'),
                 "t.tbl:6: a second 'since' for 'de'"),
                (None, self.table('\n# another', '  since: ten\n#'),
                 "t.tbl:5: 'de': 'ten' is not a version of QEMU, such as "
                 '11.1'),
                (None, self.table('\n# another', 'xyzzy - - X\n  note: y\n#'),
                 "t.tbl:5: 'xyzzy' is not a feature of this QEMU; remove the "
                 'row, or correct the name')):
            self.fails(error, table=table, version=version)

    # ---- properties.tbl ----

    def test_properties(self):
        done = self.generate(cpu_c=PROPERTIES_C, properties=PROPERTIES,
                             version='10.0.13\n')
        self.assertEqual(done.stderr, '')
        self.assertTrue(done.stdout.endswith('''
const X86CPUPropertyInfo x86_cpu_property_info[] = {
    { "apic-id", false, X86CPU_CLASS_NONE, 0x0 },
    { "pmu", true, X86CPU_CLASS_BIT, 0x0 },
    { "hv-time", true, X86CPU_CLASS_BIT, 0xa0000 },
    { "l3-cache", true, X86CPU_CLASS_IDENTITY, 0x0 },
    { "hv-enforce-cpuid", true, X86CPU_CLASS_GATE, 0xa0002 },
    { "family", true, X86CPU_CLASS_IDENTITY, 0x0 },
    { "vendor", true, X86CPU_CLASS_FLAT, 0x0 },
    { }
};
'''), done.stdout[-400:])

    def test_properties_that_come_and_go(self):
        """The build stops until somebody says what became of them."""
        line = 'pmu", X86CPU, enable_pmu, false),\n'
        more = PROPERTIES_C.replace(
            line, line + '    DEFINE_PROP_BOOL("x-new", X86CPU, x, false),\n')
        less = PROPERTIES_C.replace(
            '    DEFINE_PROP_BOOL("pmu", X86CPU, enable_pmu, false),\n', '')
        lost = ("p.tbl:2: property 'pmu' is not in the table of this QEMU; "
                "add 'until: VERSION', the last version that has it")
        until = PROPERTIES.replace('bit\nhv', 'bit\n  until: 9.2\nhv')
        for cpu_c, table, version, error in (
                (more, PROPERTIES, '10.0.13', "cpu.c:30: property 'x-new' "
                 'has no row in p.tbl; say what it is'),
                (less, PROPERTIES, '10.0.13', lost),
                (PROPERTIES_C, PROPERTIES, '10.2.0', "p.tbl:8: property "
                 "'hv-enforce-cpuid' "
                 "is not in the table of this QEMU; add 'until: VERSION', the "
                 'last version that has it'),
                (less, until, '10.0.13', "p.tbl:2: 'pmu' has left the table; "
                 'a note must say what became of it')):
            self.fails(error, cpu_c=cpu_c, properties=table,
                       version=version + '\n')
        wrong = "'{}' is in the table of this QEMU, too; correct the versions"
        self.fails('p.tbl:3: ' + wrong.format('hv-time'), "p.tbl:5: property "
                   "'l3-cache' is not in the table of this QEMU; add 'until: "
                   "VERSION', the last version that has it", cpu_c=PROPERTIES_C,
                   properties=PROPERTIES, version='9.2.0\n')

    def test_rows_of_properties(self):
        detail = ("a line that begins with white space must be 'since: "
                  "VERSION', 'until: VERSION', 'note: TEXT' or 'class "
                  "property', after a row")
        for old, new, error in (
                ('pmu       bit', 'pmu', "2: 'pmu': a row is a property and "
                 'its class'),
                ('pmu       bit', 'pmu bit x', "2: 'pmu': a row is a property "
                 'and its class'),
                ('pmu       bit', 'pmu bits', "2: 'pmu': unknown class "
                 "'bits'"),
                ('hv-time', 'pmu', "3: a second row for 'pmu', the first is "
                 'in line 2'),
                ('since: 10.2', 'since: 10', "9: '10' is not a version of "
                 'QEMU, such as 11.1'),
                ('until: 9.2', 'until: x', "6: 'x' is not a version of QEMU, "
                 'such as 11.1'),
                ('  note', '  remark', '7: ' + detail),
                ('apic-id', '  note: x\napic-id', '1: ' + detail)):
            self.assertIn(old, PROPERTIES)
            self.fails('p.tbl:' + error, cpu_c=PROPERTIES_C,
                       version='10.0.13\n',
                       properties=PROPERTIES.replace(old, new, 1))

    def test_class_properties(self):
        """Those that are not in the table"""
        other = ('    object_class_property_add_bool(oc, "x-new", get);\n'
                 '    object_class_property_add(oc, prop_name')
        for cpu_c, table, error in (
                (PROPERTIES_C.replace(
                    '    object_class_property_add(oc, prop_name', other),
                 PROPERTIES, "cpu.c:43: class property 'x-new' has no row in "
                 'p.tbl; say what it is'),
                (PROPERTIES_C.replace('"vendor"', 'prop_name'), PROPERTIES,
                 "p.tbl:12: this QEMU has no class property 'vendor'; add "
                 "'until: VERSION', the last version that has it"),
                (PROPERTIES_C, PROPERTIES.replace(
                    'pmu       bit', 'pmu       bit\n  class property'),
                 "p.tbl:2: 'pmu' is in the table of this QEMU, and no class "
                 'property'),
                (PROPERTIES_C.replace('"family"', '"pmu"').replace(
                    'oc, prop_name', 'oc, "family"'), PROPERTIES,
                 "p.tbl:2: 'pmu' is a class property in this QEMU; add 'class "
                 "property' or 'until: VERSION'"),
                # It has left the table for the class.
                (PROPERTIES_C.replace('oc, prop_name', 'oc, "l3-cache"'),
                 PROPERTIES, None)):
            inputs = {'cpu_c': cpu_c, 'properties': table,
                      'version': '10.0.13\n'}
            if error:
                self.fails(error, **inputs)
            else:
                self.assertEqual(self.generate(**inputs).stderr, '')

    def test_properties_of_the_core(self):
        """Comparisons see all that descriptions have"""
        row = ('pmu       bit', 'x-new     bit')
        self.fails("p.tbl:2: 'x-new' is not in core/properties.h; add it, and "
                   'what guests see of it in core/cpu-view.c',
                   cpu_c=PROPERTIES_C.replace('"pmu"', '"x-new"'),
                   properties=PROPERTIES.replace(*row), version='10.0.13\n')
        self.assertEqual(self.generate(
            cpu_c=PROPERTIES_C.replace('"pmu"', '"x-new"'),
            properties=PROPERTIES.replace(*row).replace(
                'x-new     bit', 'x-new     none'),
            version='10.0.13\n').stderr, '')

    def test_source_of_properties(self):
        for old, new, error in (
                ('Property x86_cpu_properties', 'Property xyz',
                 "cpu.c:1: 'Property x86_cpu_properties[] = {' not found"),
                ('("pmu"', '(PMU', 'cpu.c:29: a property without a name; '
                 'teach gen-cpu-tables about it')):
            self.fails(error, cpu_c=PROPERTIES_C.replace(old, new),
                       version='10.0.13\n', properties=PROPERTIES)

    def test_many_needs(self):
        words = ''.join(f'"f{i}", ' for i in range(30))
        cpu_c = self.cpu_c('"rdctl-no"', words + '"rdctl-no"')
        rows = [f'f{i} - - X\n' for i in range(30)]
        start, end = TABLE.split('rdctl-no')[0], TABLE[TABLE.index('rdctl'):]
        self.fails("t.tbl:9: 'f0' needs more than 8", cpu_c=cpu_c, table=(
            start + rows[0] + '  needs: ' + ' '.join(
                f'f{i}' for i in range(1, 10)) + '\n' + ''.join(rows[1:]) +
            end))
        # Ways to f29 are a million, and are not all gone.
        rows = [row + (f'  needs: f{i + 1} f{i + 2}\n' if i < 28 else '')
                for i, row in enumerate(rows)]
        self.assertEqual(self.generate(
            cpu_c=cpu_c, table=start + ''.join(rows) + end).stderr, '')
        rows[29] += '  needs: f0\n'
        self.assertIn("'f29' needs itself through 'f0'", self.generate(
            cpu_c=cpu_c, table=start + ''.join(rows) + end).stderr)

    def test_characters(self):
        only = 'only printable ASCII, without ", \\ and ??'
        for bad in '"', '\\', 'é', '\x7f', '\r', '??':
            done = self.generate(table=self.table('unit', 'un' + bad + 'it'))
            self.assertIn(f't.tbl:2: column 46: {only}\n', done.stderr)
        self.fails('t.tbl:0: it is not text: it has a NUL byte',
                   table=TABLE + '\0')

    def test_all_errors_at_once(self):
        done = self.generate(table='xyzzy - - A\nplugh - - B\n')
        self.assertEqual(len(re.findall(r'(?m)^t.tbl:', done.stderr)), 2)
        self.assertEqual(len(re.findall(r'(?m)^cpu.c:', done.stderr)), 5)

    # ---- accelerators ----

    def test_accelerators(self):
        """What they set, by the names of the features' properties"""
        done = self.generate(kvm=KVM_C, tcg=TCG_C)
        self.assertEqual(done.stderr, '')
        self.assertIn('''
const X86CPUAcceleratorDefault x86_cpu_kvm_defaults[] = {
    { "fpu", true },
    { "sse4.1", false },
    { }
};

const X86CPUAcceleratorDefault x86_cpu_tcg_defaults[] = {
    { "de", false },
    { }
};
''', done.stdout)

    def test_bad_accelerators(self):
        for old, new, error in (
                ('"fpu"', '"fdiv"', "kvm.c:2: 'fdiv' in an accelerator's "
                 'defaults is not an on/off feature; teach '
                 'gen-cpu-tables about it'),
                ('"off"', '"auto"', "kvm.c:3: 'sse4_1' in an accelerator's "
                 'defaults is not an on/off feature; teach '
                 'gen-cpu-tables about it'),
                ('"off"', 'x', "kvm.c:3: 'sse4_1' in an accelerator's "
                 'defaults is not an on/off feature; teach '
                 'gen-cpu-tables about it'),
                ('"fpu"', 'name', "kvm.c:2: a property of an accelerator's "
                 'defaults has no name; teach gen-cpu-tables about it'),
                ('    { NULL, NULL },\n', '', "kvm.c:4: the defaults of an "
                 'accelerator end without NULL'),
                ('kvm_default', 'default', "kvm.c:1: 'kvm_default_props[] = "
                 "{' not found")):
            with self.subTest(new=new):
                self.assertIn(old, KVM_C)
                self.fails(error, kvm=KVM_C.replace(old, new, 1))
        self.fails("kvm.c:66: more than 64 defaults of an accelerator",
                   kvm=KVM_C.replace('    { "fpu", "on" },\n',
                                     '    { "fpu", "on" },\n' * 70))

    # ---- the command line ----

    def test_usage(self):
        done = subprocess.run([self.program], stderr=subprocess.PIPE,
                              text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr,
                         r'^usage: gen-cpu-tables features \[-v VERSION\]')
        for args in (['-p', 'p.tbl', 't.tbl', 'cpu.c', 'cpu.h'],
                     ['-x', 'y', 't.tbl', 'cpu.c', 'cpu.h']):
            done = subprocess.run([self.program, 'features', *args],
                                  stderr=subprocess.PIPE, text=True,
                                  check=False)
            self.assertRegex(done.stderr, '^usage: ')

    def test_missing_file(self):
        done = subprocess.run([self.program, 'features', 't', 'a', 'b'], cwd=self.tmp,
                              stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.stderr, 'b:0: No such file or directory\n')
        self.assertEqual(done.returncode, 1)

    def test_full_disk(self):
        self.generate()
        with open('/dev/full', 'wb') as full:
            done = subprocess.run(
                [self.program, 'features', 't.tbl', 'cpu.c', 'cpu.h'],
                cwd=self.tmp, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertIn('cannot write', done.stderr)
        self.assertEqual(done.returncode, 1)


if __name__ == '__main__':
    unittest.main()
