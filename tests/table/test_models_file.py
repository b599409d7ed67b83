#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Files of CPU models (target-i386-ext/tool/models-file.c): what follows from one,
and that no file makes their reader fail.

table-rebuild.c prints the static expansions.  It runs with sanitizers.
CHECK_SEED repeats one mutated file of the fuzz, and FUZZ_FILES is how many
there are.
"""

import copy
import functools
import glob
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
EXT = os.path.join(REPO, 'target-i386-ext')
sys.path += [os.path.join(REPO, 'scripts'), os.path.join(REPO, 'tests')]

import x86_cpu_models  # noqa: E402 (that path comes first)
from c_compiler import CC, SANITIZE  # noqa: E402
from x86_cpu_models import sealed, text_of  # noqa: E402

SEED = os.environ.get('CHECK_SEED')
FULL = bool(os.environ.get('CHECK_FULL'))
FILES = int(os.environ.get('FUZZ_FILES') or (600 if FULL else 200))

AUTO = 0xffffffff
L1D = '32768:line=64:ways=8:partitions=1:sets=64:tag-lines=1:share=core' \
      ':self-init:no-invd-sharing'
L1I = '65536:line=64:ways=4:partitions=1:sets=256:tag-lines=1:share=core' \
      ':self-init:no-invd-sharing'
L2 = '524288:line=64:ways=8:partitions=1:sets=1024:tag-lines=1:share=core'
L3 = '8388608:line=64:ways=16:partitions=1:sets=8192:tag-lines=1:share=die' \
     ':self-init:inclusive:complex-indexing'
CACHES = {'l1d-cache-info': L1D, 'l1i-cache-info': L1I, 'l2-cache-info': L2,
          'l3-cache-info': L3}


def cpuid(name, leaf, subleaf, register, **features):
    return {'name': name, 'cpuid': {'leaf': leaf, 'subleaf': subleaf,
                                    'register': register},
            'features': [{'name': feature.replace('_', '-'), 'mask': mask}
                         for feature, mask in features.items()]}


def prop(name, kind='int', default=None, cls='identity'):
    row = {'name': name, 'class': cls, 'type': kind}
    if default is not None:
        row['default'] = default
    return row


def changes(on=None, off=None, **values):
    """Of a dictionary, with '-' for '_' in names"""
    row = {}
    if on:
        row['on'] = on.split()
    if off:
        row['off'] = off.split()
    if values:
        row['set'] = {name.replace('_', '-'): value
                      for name, value in values.items()}
    return row


# A small one, but with everything that there is
TABLE = {
    'qemu': {'major': 10, 'minor': 0, 'micro': 3, 'package': 'test'},
    'format-version': 1,
    'words': [
        cpuid('FEAT_1_EDX', 1, 0, 'EDX', fpu='0x1', pse='0x8', mmx='0x800000'),
        cpuid('FEAT_1_ECX', 1, 0, 'ECX', pni='0x1', x2apic='0x200000',
              hypervisor='0x80000000'),
        # Not in the order of bits
        cpuid('FEAT_8000_0001_EDX', 0x80000001, 0, 'EDX', lm='0x20000000',
              mmxext='0x400000', nx='0x100000'),
        cpuid('FEAT_8000_0001_ECX', 0x80000001, 0, 'ECX', svm='0x4',
              topoext='0x400000'),
        cpuid('FEAT_KVM', 0x40000001, 0, 'EAX', kvmclock='0x9',
              kvm_nopiodelay='0x2', kvm_pv_eoi='0x40'),
        cpuid('FEAT_SVM', 0x8000000a, 0, 'EDX', npt='0x1', nrip_save='0x8'),
        cpuid('FEAT_7_0_EBX', 7, 0, 'EBX', smep='0x80'),
        cpuid('FEAT_7_1_EAX', 7, 1, 'EAX', avx_vnni='0x10'),
        {'name': 'FEAT_VMX_BASIC', 'msr': 0x480, 'features': [
            {'name': 'vmx-ins-outs', 'mask': '0x40000000000000'},
            {'name': 'vmx-any-errcode', 'mask': '0x0100000000000000',
             'polarity': 'limitation'}]},
        # Of a newer QEMU
        cpuid('FEAT_NEW', 0x27, 1, 'EAX', new_bit='0x80000000'),
    ],
    'properties': [
        prop('family'), prop('model'), prop('stepping'),
        prop('level', default=AUTO), prop('xlevel', default=AUTO),
        prop('xlevel2', default=AUTO), prop('level-func7', default=AUTO),
        prop('min-level'), prop('min-xlevel'), prop('min-xlevel2'),
        prop('phys-bits', cls='minimum'),
        prop('guest-phys-bits', default=AUTO, cls='guest-phys-bits'),
        prop('host-phys-bits', 'bool', cls='resolved'),
        prop('host-phys-bits-limit', cls='resolved'),
        prop('full-cpuid-auto-level', 'bool', True),
        prop('x-intel-pt-auto-level', 'bool', True),
        prop('x-hv-synic-kvm-only', 'bool', cls='permissive'),
        prop('legacy-cache', 'bool', True),
        prop('l3-cache', 'bool', True),
        prop('kvm', 'bool', True, 'bit'),
        prop('tcg-cpuid', 'bool', True, 'bit'),
        prop('pmu', 'bool', cls='bit'),
        prop('hv-no-nonarch-coresharing', 'on-off', cls='gate'),
        prop('hv-relaxed', 'bool', cls='bit'),
        prop('tsc-frequency', cls='gate'),
        prop('ucode-rev'),
        prop('lbr-fmt', default=0xffffffffffffffc0, cls='flat'),
        prop('x-hv-max-vps', default=-1, cls='hv-values'),
        prop('vendor', 'str', cls='flat'), prop('model-id', 'str'),
        prop('hv-vendor-id', 'str', 'Microsoft Hv', 'hv-values'),
    ],
    'dependencies': [
        {'word': 'FEAT_SVM', 'mask': '0xffffffffffffffff',
         'needs-word': 'FEAT_8000_0001_ECX', 'needs-mask': '0x4'},
        {'word': 'FEAT_NEW', 'mask': '0x80000000',
         'needs-word': 'FEAT_7_1_EAX', 'needs-mask': '0x10'},
    ],
    'property-dependencies': [], 'conflicts': [], 'level-rules': [],
    'xsave-components': [{'component': 2, 'needs': ['smep', 'new-bit']}],
    'cache-descriptors': [{'code': 0x2c, 'level': 1, 'type': 'data',
                           'size': 32768, 'ways': 8, 'line': 64}],
    'layers': [
        {'name': 'pc-q35-10.0',
         'machine-types': ['pc-q35-10.0', 'pc-i440fx-10.0'],
         'changes': changes(off='tcg-cpuid', model_id='Base')},
        {'name': 'pc-q35-9.0',
         'machine-types': ['pc-q35-9.0', 'pc-i440fx-9.0', 'pc-q35-8.2'],
         'like': 'pc-q35-10.0',
         'changes': changes(on='kvm-nopiodelay hv-no-nonarch-coresharing',
                            guest_phys_bits=0, model=3)},
        {'name': 'pc-i440fx-2.4', 'machine-types': ['pc-i440fx-2.4'],
         'like': 'pc-q35-9.0',
         'changes': changes(off='full-cpuid-auto-level kvm-nopiodelay',
                            on='tcg-cpuid x-hv-synic-kvm-only',
                            x_hv_max_vps=64, model_id='Old base')},
    ],
    'models': [
        {'name': '486-v1', 'like': 'base',
         'changes': changes(on='fpu pse hypervisor', family=4, model=8,
                            min_level=1, vendor='GenuineIntel', model_id='')},
        # Before the model that it is like
        {'name': 'EPYC', 'like': 'EPYC-v1', 'changes': {}},
        {'name': 'EPYC-v1',
         'changes': {
             'on': 'fpu pse mmx pni lm nx mmxext svm npt nrip-save topoext '
                   'smep hypervisor'.split(),
             'off': ['legacy-cache', 'tcg-cpuid'],
             'set': {'family': 23, 'model': 1, 'stepping': 2,
                     'min-level': 13, 'min-xlevel': 0x8000001e,
                     'vendor': 'AuthenticAMD',
                     'model-id': 'AMD "EPYC" \u00b5\\',
                     **CACHES, 'l3-cache-info': ''}}},
        {'name': 'EPYC-v2', 'like': 'EPYC-v1',
         'changes': {'on': ['kvmclock'], 'off': ['svm'],
                     'set': {'l3-cache-info': L3, 'phys-bits': 48,
                             'ucode-rev': 0xfffffffffffffff0,
                             'host-phys-bits-limit': 50}}},
        {'name': 'Intel-v1', 'like': '486-v1',
         'changes': changes(on='lm avx-vnni new-bit vmx-any-errcode '
                            'host-phys-bits', level=22, tsc_frequency=10**9,
                            host_phys_bits_limit=42, model_id='Intel')},
    ],
    'exceptions': [
        {'model': 'EPYC-v1', 'layer': 'pc-i440fx-2.4',
         'changes': changes(on='legacy-cache', off='topoext')},
        {'layer': 'pc-q35-9.0', 'changes': changes(on='hv-relaxed')},
        {'model': '486-v1', 'layer': 'pc-q35-9.0',
         'changes': changes(off='hv-relaxed', model=9)},
    ],
    'accelerators': [
        {'name': 'tcg', 'changes': {}, 'conditions': [], 'host-vendor': 'none',
         'exceptions': [], 'fingerprints': []},
        {'name': 'kvm', 'changes': changes(on='kvmclock kvm-pv-eoi pmu',
                                           off='mmx'),
         'conditions': [
             {'kernel-irqchip': ['on', 'split'],
              'changes': changes(on='x2apic')},
             {'kernel-irqchip': ['off'], 'changes': changes(off='kvm-pv-eoi')}],
         'host-vendor': 'named',
         'exceptions': [
             # One that a later one of all models overrides
             {'model': '486-v1', 'layer': 'pc-i440fx-2.4',
              'changes': changes(on='x2apic')},
             {'layer': 'pc-i440fx-2.4', 'changes': changes(off='pmu x2apic')},
             {'model': '486-v1', 'layer': 'pc-i440fx-2.4',
              'changes': changes(on='pmu')}],
         'fingerprints': [{'model': 'base', 'values': ['ab' * 32, '']}]},
    ],
}

FEATURES = [feature['name'] for word in TABLE['words']
            for feature in word['features']]

# Under TCG, in the first layer
BASE = {
    **{feature: False for feature in FEATURES},
    'family': 0, 'model': 0, 'stepping': 0, 'level-func7': 0, 'min-level': 0,
    'min-xlevel': 0, 'min-xlevel2': 0, 'guest-phys-bits': 0,
    'host-phys-bits': False, 'host-phys-bits-limit': 0,
    'full-cpuid-auto-level': True, 'x-intel-pt-auto-level': True,
    'x-hv-synic-kvm-only': False, 'legacy-cache': True, 'l3-cache': True,
    'kvm': True, 'tcg-cpuid': False, 'pmu': False,
    'hv-no-nonarch-coresharing': 'off', 'hv-relaxed': False,
    'ucode-rev': 0x100000000, 'lbr-fmt': 0xffffffffffffffc0,
    'x-hv-max-vps': -1, 'vendor': '', 'model-id': 'Base',
    'hv-vendor-id': 'Microsoft Hv',
}
BASE_9_0 = {**BASE, 'hv-no-nonarch-coresharing': 'on', 'model': 3}
BASE_2_4 = {**BASE_9_0, 'full-cpuid-auto-level': False, 'tcg-cpuid': True,
            'x-hv-synic-kvm-only': True, 'x-hv-max-vps': 64,
            'model-id': 'Old base'}
OLD = {name: BASE_2_4[name] for name in (
    'full-cpuid-auto-level', 'tcg-cpuid', 'x-hv-synic-kvm-only',
    'x-hv-max-vps', 'hv-no-nonarch-coresharing')}


def on(names):
    return {name: True for name in names.split()}


I486 = {**BASE, **on('fpu pse hypervisor'), 'family': 4, 'model': 8,
        'min-level': 1, 'vendor': 'GenuineIntel', 'model-id': ''}
# mmxext is AMD's own bit, and no copy of one in leaf 1.
EPYC = {**BASE, **on('fpu pse mmx pni lm nx mmxext svm npt nrip-save topoext '
                     'smep hypervisor'), 'family': 23, 'model': 1,
        'stepping': 2, 'min-level': 13, 'min-xlevel': 0x8000001e,
        'vendor': 'AuthenticAMD', 'model-id': 'AMD "EPYC" \u00b5\\',
        'legacy-cache': False, **CACHES, 'l3-cache-info': '',
        'phys-bits': 40, 'ucode-rev': 0x01000065}
EPYC_V2 = {**EPYC, 'svm': False, 'npt': False, 'nrip-save': False,
           'l3-cache-info': L3, 'phys-bits': 48,
           'ucode-rev': 0xfffffffffffffff0}
INTEL = {**I486, **on('lm avx-vnni new-bit vmx-any-errcode'), 'level': 22,
         'model-id': 'Intel', 'min-level': 7, 'min-xlevel': 0x80000001,
         'level-func7': 1, 'tsc-frequency': 10**9, 'phys-bits': 40}


def compare(test, found, expected):
    test.assertEqual({name: (found.get(name), expected.get(name))
                      for name in sorted({*found, *expected})
                      if found.get(name) != expected.get(name)
                      or isinstance(found.get(name), bool) !=
                      isinstance(expected.get(name), bool)},
                     {})


def run(*argv, **kwargs):
    return subprocess.run(argv, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.PIPE, **kwargs)


def by_model(output):
    """The properties, by model and layer"""
    rows = [json.loads(line) for line in output.decode().splitlines()]
    return {(row['model'], row['layer']): row['props'] for row in rows}


@functools.cache
def programs_directory():
    """Where programs are kept, which take seconds to build"""
    directory = tempfile.mkdtemp(prefix='models-file-programs-')
    unittest.addModuleCleanup(shutil.rmtree, directory)
    return directory


def compile_in(directory, *arguments):
    jansson = run('pkg-config', '--cflags',
                  *([] if '-c' in arguments else ['--libs']), 'jansson',
                  text=True)
    done = run(*CC, '-std=c11', '-Wall', '-Wextra', '-Werror',
               *SANITIZE, f'-I{EXT}/core', f'-I{EXT}/tool', *arguments,
               *jansson.stdout.split(), text=True, cwd=directory)
    assert not done.returncode, done.stderr


@functools.cache
def reader(optimize):
    """The objects of the reader of files, which all programs have"""
    directory = tempfile.mkdtemp(dir=programs_directory())
    compile_in(directory, optimize, '-c',
               *sorted(glob.glob(f'{EXT}/tool/models-*.c')),
               *(f'{EXT}/tool/{name}.c'
                 for name in ('crc32', 'json-output', 'sha256')),
               *(f'{EXT}/core/{name}.c'
                 for name in ('cache-text', 'expand', 'x86cpu')))
    return sorted(glob.glob(f'{directory}/*.o'))


@functools.cache
def build(source, *flags, optimize='-O1'):
    """The path of a program with the sanitizers and the reader of files"""
    program = os.path.join(programs_directory(), os.path.splitext(source)[0])
    compile_in(programs_directory(), optimize, *flags, '-o', program,
               os.path.join(HERE, source), *reader(optimize))
    return program


class Program(unittest.TestCase):
    """table-rebuild, and a file for it"""

    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.mkdtemp(prefix='models-file-')
        cls.addClassCleanup(shutil.rmtree, cls.tmp)
        cls.path = os.path.join(cls.tmp, 'table.json')
        cls.program = build('table-rebuild.c')
        # Starting a program with sanitizers takes most of the time.
        cls.reader = build('read-all.c', optimize='-O2')
        cls.env = dict(os.environ)
        # Some sandboxes forbid the search for leaks.
        if run(cls.program).returncode != 2:
            cls.env['ASAN_OPTIONS'] = 'detect_leaks=0'

    def call(self, *argv):
        return run(self.program, self.path, *argv, env=self.env)

    def write(self, data):
        with open(self.path, 'wb') as f:
            f.write(data if isinstance(data, bytes)
                    else json.dumps(sealed(data)).encode())

    def rebuild(self, table, *argv):
        """The properties, by model and layer"""
        self.write(table)
        done = self.call(*argv)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        return by_model(done.stdout)

    def error(self, table):
        """The one line that says what is wrong, without the path"""
        self.write(table)
        done = self.call('tcg', 'on', '', '0', '0')
        text = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (1, b''), text)
        self.assertRegex(text, r'\A[ -~]+\n\Z')
        prefix = self.path + ': '
        self.assertEqual(text[:len(prefix)], prefix)
        return text[len(prefix):-1]

    def errors(self, files, *names):
        """What is wrong with each of many, or '', by one process"""
        directory = tempfile.mkdtemp(dir=self.tmp)
        paths = [os.path.join(directory, str(i)) for i in range(len(files))]
        for path, data in zip(paths, files):
            with open(path, 'wb') as f:
                f.write(data)
        done = run(self.reader, *names, env=self.env, text=True,
                   input=''.join(f'{path}\n' for path in paths))
        shutil.rmtree(directory)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), len(files))
        for path, line in zip(paths, lines):
            self.assertRegex(line, rf'\A({path}: [ -~]+)?\Z')
        return [line and line[len(f'{path}: '):]
                for path, line in zip(paths, lines)]


class TestResults(Program):
    """What a file says of models"""

    def test_tcg(self):
        found = self.rebuild(TABLE, 'tcg', 'on', 'GenuineIntel', '46', '46')
        layers = ['pc-q35-10.0', 'pc-q35-9.0', 'pc-i440fx-2.4']
        models = ['base', '486-v1', 'EPYC', 'EPYC-v1', 'EPYC-v2', 'Intel-v1']
        self.assertEqual(list(found), [(model, layer) for model in models
                                       for layer in layers])
        relaxed = {'hv-relaxed': True}
        new = {'hv-no-nonarch-coresharing': 'on', **relaxed}
        old = {**OLD, **relaxed}
        old_486 = {**I486, **old, 'hv-relaxed': False, 'model': 9}
        for model, expected in {
                'base': (BASE, BASE_9_0, BASE_2_4),
                # The model differs from base's already in the first layer.
                # What it has like base in 9.0 follows in 2.4; its name does
                # not.
                '486-v1': (I486, {**I486, **new, 'hv-relaxed': False,
                                  'model': 9}, old_486),
                'EPYC': (EPYC, {**EPYC, **new}, {**EPYC, **old}),
                'EPYC-v1': (EPYC, {**EPYC, **new}, {
                    **{name: value for name, value in EPYC.items()
                       if name not in CACHES}, **old, 'legacy-cache': True,
                    'topoext': False}),
                'EPYC-v2': (EPYC_V2, {**EPYC_V2, **new}, {**EPYC_V2, **old}),
                'Intel-v1': (INTEL, {**INTEL, **new}, {
                    **INTEL, **old, 'min-level': 1, 'min-xlevel': 0,
                    'level-func7': 0})}.items():
            for layer, props in zip(layers, expected):
                with self.subTest(model=model, layer=layer):
                    compare(self, found[model, layer], props)

    def test_bits_of_a_feature(self):
        """Bits follow base one by one, and a feature has all of its bits"""
        table = copy.deepcopy(TABLE)
        table['words'].append(cpuid('FEAT_8000_0008_EBX', 0x80000008, 0, 'EBX',
                                    two='0x3', one='0x4'))
        table['layers'][0]['changes']['on'] = ['two']
        table['layers'][1]['changes']['off'] = ['two']
        table['models'][0]['changes'].update(off=['two'], on=['one'])
        found = self.rebuild(table, 'tcg', 'on', '', '0', '0')
        self.assertEqual([[found[model, layer][name]
                           for layer in ('pc-q35-10.0', 'pc-q35-9.0')]
                          for model in ('base', '486-v1') for name in
                          ('two', 'one')],
                         [[True, False], [False, False],
                          [False, False], [True, True]])
        # What is left of a feature is none.
        table['dependencies'].append(
            {'word': 'FEAT_8000_0008_EBX', 'mask': '0x2',
             'needs-word': 'FEAT_1_EDX', 'needs-mask': '0x1'})
        found = self.rebuild(table, 'tcg', 'on', '', '0', '0', 'base')
        self.assertFalse(found['base', 'pc-q35-10.0']['two'])

    def test_texts(self):
        """Texts that look like something else"""
        table = copy.deepcopy(TABLE)
        for text in ('A": 18446744073709551615', '\\', '\\": 1 \\"',
                     '{"a":9223372036854775808}', '\x1f\t', '\u20ac' * 16):
            table['models'][0]['changes']['set']['model-id'] = text
            found = self.rebuild(table, 'tcg', 'on', '', '0', '0', '486-v1')
            self.assertEqual(found['486-v1', 'pc-q35-10.0']['model-id'], text)

    def test_numbers(self):
        table = copy.deepcopy(TABLE)
        for number in ((1 << 63) - 1, 1 << 63, (1 << 64) - 1, 10 ** 19):
            for name in ('family', 'tsc-frequency'):
                table['models'][0]['changes']['set'][name] = number
            found = self.rebuild(table, 'tcg', 'on', '', '0', '0', '486-v1')
            self.assertEqual(found['486-v1', 'pc-q35-10.0']['family'], number)

    def kvm(self, model, machine, irqchip='on', vendor='AuthenticAMD',
            bits=(48, 47)):
        found = self.rebuild(TABLE, 'kvm', irqchip, vendor, *map(str, bits),
                             model, machine)
        self.assertEqual(len(found), 1)
        return list(found.values())[0]

    def test_kvm(self):
        compare(self, self.kvm('base', 'pc-i440fx-10.0'), BASE)
        # kvmclock and kvm-pv-eoi need KVM, and base has them nowhere.
        compare(self, self.kvm('base', 'pc-q35-8.2'),
                {**BASE_9_0, 'kvm-nopiodelay': True})
        named = {**I486, **on('kvmclock kvm-pv-eoi pmu x2apic'),
                 'vendor': 'AuthenticAMD', 'ucode-rev': 0x01000065}
        compare(self, self.kvm('486-v1', 'pc-q35-10.0'), named)
        compare(self, self.kvm('486-v1', 'pc-q35-10.0', 'split'), named)
        compare(self, self.kvm('486-v1', 'pc-q35-10.0', 'off'),
                {**named, 'kvm-pv-eoi': False, 'x2apic': False})
        # Without a host, the model's vendor
        compare(self, self.kvm('486-v1', 'pc-q35-10.0', vendor=''),
                {**named, 'vendor': 'GenuineIntel', 'ucode-rev': 0x100000000})
        # Exceptions of all models come before those of one.
        old = {**named, **OLD, 'x2apic': False, 'model': 9}
        compare(self, self.kvm('486-v1', 'pc-i440fx-2.4'), old)
        self.assertFalse(self.kvm('EPYC', 'pc-i440fx-2.4')['pmu'])
        self.assertTrue(self.kvm('EPYC', 'pc-q35-9.0')['pmu'])

    def test_host_bits(self):
        host = {name: self.kvm('Intel-v1', 'pc-q35-10.0', bits=bits)
                for name, bits in {'large': (48, 47), 'small': (39, 0)}.items()}
        for name, expected in {'large': (42, 42), 'small': (39, 0)}.items():
            with self.subTest(name):
                props = host[name]
                self.assertEqual((props['phys-bits'], props['guest-phys-bits']),
                                 expected)
                self.assertEqual((props['host-phys-bits'],
                                  props['host-phys-bits-limit']), (False, 0))
        self.assertEqual(self.kvm('Intel-v1', 'pc-q35-9.0')['guest-phys-bits'],
                         0)

    def test_host_vendor(self):
        table = copy.deepcopy(TABLE)
        for kind, base, named in (('none', '', 'GenuineIntel'),
                                  ('named', '', 'CentaurHauls'),
                                  ('all', 'CentaurHauls', 'CentaurHauls')):
            table['accelerators'][1]['host-vendor'] = kind
            found = self.rebuild(table, 'kvm', 'on', 'CentaurHauls and more',
                                 '0', '0')
            with self.subTest(kind):
                self.assertEqual([found[model, 'pc-q35-10.0']['vendor']
                                  for model in ('base', '486-v1')],
                                 [base, named])

    def test_retired(self):
        """From 11.1 on, some properties are only there where they are needed"""
        table = copy.deepcopy(TABLE)
        retired = {'full-cpuid-auto-level', 'x-intel-pt-auto-level',
                   'x-hv-synic-kvm-only'}
        for version, new, old in (
                ((11, 0), retired, retired), ((11, 1), set(), {
                    'full-cpuid-auto-level', 'x-hv-synic-kvm-only'})):
            table['qemu'] = dict(zip(('major', 'minor'), version))
            found = self.rebuild(table, 'tcg', 'on', '', '0', '0', '486-v1')
            for layer, expected in (('pc-q35-10.0', new),
                                    ('pc-i440fx-2.4', old)):
                with self.subTest(version=version, layer=layer):
                    self.assertEqual(retired & set(found['486-v1', layer]),
                                     expected)

    def test_absent(self):
        """A property that the file lacks is not described"""
        table = copy.deepcopy(TABLE)
        table['properties'] = [row for row in table['properties']
                               if row['name'] != 'hv-vendor-id']
        props = self.rebuild(table, 'tcg', 'on', '', '0', '0', 'base')
        self.assertNotIn('hv-crash', props['base', 'pc-q35-10.0'])
        self.assertEqual(props['base', 'pc-q35-10.0']['hv-vendor-id'], '')

    def test_base_among_models(self):
        table = copy.deepcopy(TABLE)
        table['models'].insert(1, {'name': 'base',
                                   'changes': table['layers'][0]['changes']})
        self.assertEqual(self.rebuild(table, 'tcg', 'on', '', '0', '0'),
                         self.rebuild(TABLE, 'tcg', 'on', '', '0', '0'))

    def test_arguments(self):
        self.write(TABLE)
        for argv, status, error in (
                ([], 2, 'Usage: '), (['xen', 'on', '', '0', '0'], 2, 'Usage: '),
                (['tcg', 'on', '', '256', '0'], 2, 'Usage: '),
                (['tcg', 'on', '', '0', '0', 'X'], 1, 'no such model'),
                (['tcg', 'on', '', '0', '0', '-', 'pc'], 1,
                 'no such machine type')):
            with self.subTest(argv):
                done = self.call(*argv)
                self.assertEqual(done.returncode, status)
                self.assertIn(error, done.stderr.decode())
        self.write({**TABLE, 'accelerators': TABLE['accelerators'][:1]})
        done = self.call('kvm', 'on', '', '0', '0')
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'no such accelerator', done.stderr)


# Where in the table, what to put there, and what the error is.  None: nothing.
ERRORS = [
    ('format-version', 2, 'format-version 2 is not 1, the one known here'),
    ('format-version', None, "'format-version' is missing"),
    ('qemu', None, "'qemu' is missing"),
    ('qemu', [], "'qemu' is not an object"),
    ('qemu major', 65536, "qemu: 'major' is not an integer from 0 to 65535"),
    ('qemu minor', -1, "qemu: 'minor' is not an integer from 0 to 65535"),
    ('words', None, "'words' is missing"),
    ('words', {}, "'words' is not a list"),
    ('words 0', 1, 'words[0]: not an object'),
    ('words 0 name', None, "words[0]: 'name' is missing"),
    ('words 0 name', '', "words[0]: 'name' is empty"),
    ('words 1 name', 'FEAT_1_EDX',
     "words[1]: word 'FEAT_1_EDX' is there twice"),
    ('words 0 msr', 1, "words[0]: not exactly one of 'cpuid' and 'msr'"),
    ('words 0 cpuid', None, "words[0]: not exactly one of 'cpuid' and 'msr'"),
    ('words 0 cpuid leaf', 1 << 32,
     "words[0]: 'leaf' is not an integer from 0 to 4294967295"),
    ('words 0 cpuid subleaf', None, "words[0]: 'subleaf' is missing"),
    ('words 0 cpuid register', 'ESI', "words[0]: unknown register 'ESI'"),
    ('words 8 msr', '0x480',
     "words[8]: 'msr' is not an integer from 0 to 4294967295"),
    ('words 0 features', None, "words[0]: 'features' is missing"),
    ('words 0 features 1', [], 'words[0].features[1]: not an object'),
    ('words 0 features 1 mask', '8', "words[0].features[1]: 'mask' is '8', "
     'not a mask such as "0x200"'),
    ('words 0 features 1 mask', '0x', "words[0].features[1]: 'mask' is '0x', "
     'not a mask such as "0x200"'),
    ('words 0 features 1 mask', '0x0', "words[0].features[1]: 'mask' is '0x0',"
     ' not a mask such as "0x200"'),
    ('words 0 features 1 mask', '0x' + '1' * 17, "words[0].features[1]: 'mask' "
     f"is '0x{'1' * 17}', not a mask such as \"0x200\""),
    ('words 0 features 1 mask', '0xg', "words[0].features[1]: 'mask' is '0xg',"
     ' not a mask such as "0x200"'),
    ('words 0 features 1 mask', 8,
     "words[0].features[1]: 'mask' is not a string"),
    ('words 0 features 1 mask', '0x100000000', 'words[0].features[1]: '
     "'mask' has bits that no register of CPUID has"),
    ('words 0 features 1 mask', '0x9', 'words[0].features[1]: '
     "'mask' has bits of another feature of the word"),
    ('words 0 features 1 polarity', 'x',
     "words[0].features[1]: unknown polarity 'x'"),
    ('words 0 features 1 name', 'pni', "words: property 'pni' is there twice"),
    ('words 0 features 1 aliases', 'x',
     "words[0].features[1]: 'aliases' is not a list"),
    ('words 0 features 1 aliases', [5],
     "words[0].features[1]: 'aliases' has an item that is not a string"),
    ('words 0 features 1 aliases', ['fpu'],
     "words[0].features[1]: feature 'fpu' is there twice"),
    ('words 0 features 1 libvirt', 5,
     "words[0].features[1]: 'libvirt' is not a string"),
    ('words 0 features 1 migratable', 'no',
     "words[0].features[1]: 'migratable' is neither true nor false"),
    ('properties 0', None, "models[0]: unknown feature or property 'family'"),
    ('properties 0 name', 'x', "properties[0]: unknown property 'x'"),
    ('properties 0 name', 'model',
     "properties[1]: property 'model' is there twice"),
    ('properties 0 class', 'none', "properties[0]: unknown class 'none'"),
    ('properties 0 type', 'float', "properties[0]: unknown type 'float'"),
    ('properties 0 type', 'str',
     "properties[0]: 'family' can't have type 'str'"),
    ('properties 28 type', 'int',
     "properties[28]: 'vendor' can't have type 'int'"),
    ('properties 0 default', 1.5, 'line 1, column '),
    ('properties 0 default', -1, "properties[0]: 'family' is negative"),
    ('properties 0 default', '5', "properties[0]: 'family' is not an integer"),
    ('properties 0 default', '\x01123',
     "properties[0]: 'family' is not an integer"),
    ('properties 27 default', 1 << 63,
     f"properties[27]: 'x-hv-max-vps' is above {(1 << 63) - 1}"),
    ('properties 12 default', 0,
     "properties[12]: 'host-phys-bits' is not a boolean"),
    ('properties 22 default', True, "properties[22]: "
     "'hv-no-nonarch-coresharing' is not \"on\" or \"off\""),
    ('properties 22 default', 'auto', "properties[22]: "
     "'hv-no-nonarch-coresharing' is not \"on\" or \"off\""),
    ('properties 28 default', 'x' * 13,
     "properties[28]: 'vendor' is longer than 12 bytes"),
    ('properties 28 default', 0, "properties[28]: 'vendor' is not a string"),
    ('properties 28 default', 1 << 63,
     "properties[28]: 'vendor' is not a string"),
    ('dependencies 0 word', 'FEAT_X',
     "dependencies[0]: 'word' is an unknown word, 'FEAT_X'"),
    ('dependencies 1 needs-mask', None,
     "dependencies[1]: 'needs-mask' is missing"),
    ('xsave-components', None, "'xsave-components' is missing"),
    ('xsave-components 0 component', 64, "xsave-components[0]: 'component' is "
     'not an integer from 0 to 63'),
    ('xsave-components 0 needs 1', 'x',
     "xsave-components[0]: 'needs' has an item that is not a feature"),
    ('xsave-components 0 needs', ['smep'] * 5,
     "xsave-components[0]: 'needs' has more than 4 items"),
    ('cache-descriptors', {}, "'cache-descriptors' is not a list"),
    ('cache-descriptors 0 code', 256, "cache-descriptors[0]: 'code' is not an "
     'integer from 0 to 255'),
    ('cache-descriptors 0 type', 'x',
     "cache-descriptors[0]: unknown type 'x'"),
    ('layers', [], "'layers' is empty"),
    ('layers', None, "'layers' is missing"),
    ('layers', [{}] * 1001, "'layers' has 1001 items, more than 1000"),
    ('layers 0 machine-types', None, "layers[0]: 'machine-types' is missing"),
    ('layers 0 machine-types', [],
     "layers[0]: 'pc-q35-10.0' is not among its machine types"),
    ('layers 0 machine-types 0', {},
     "layers[0]: 'machine-types' has an item that is not a name"),
    ('layers 1 machine-types 1', 'pc-q35-10.0',
     "layers[1]: machine type 'pc-q35-10.0' is there twice"),
    ('layers 0 like', 'pc-q35-9.0',
     'layers[0]: the first layer is like no other'),
    ('layers 1 like', None, "layers[1]: 'like' is missing"),
    ('layers 1 like', 5, "layers[1]: 'like' is not a string"),
    ('layers 1 like', 'pc-q35-9.0',
     "layers[1]: 'pc-q35-9.0' is not an earlier layer"),
    ('layers 1 like', 'pc-i440fx-10.0',
     "layers[1]: 'pc-i440fx-10.0' is not an earlier layer"),
    ('layers 2 like', 'x', "layers[2]: 'x' is not an earlier layer"),
    ('layers 0 changes', None, "layers[0]: 'changes' is missing"),
    ('layers 0 changes off', 'tcg-cpuid', "layers[0]: 'off' is not a list"),
    ('layers 0 changes off', [None],
     "layers[0]: 'off' has an item that is not a string"),
    ('layers 0 changes off 0', 'x',
     "layers[0]: unknown feature or property 'x'"),
    ('layers 0 changes off 0', 'family',
     "layers[0]: 'family' is neither on nor off"),
    ('layers 0 changes on', ['tcg-cpuid'],
     "layers[0]: 'tcg-cpuid' is changed twice"),
    ('layers 0 changes on', ['fpu'] * 100,
     'layers[0]: more changes than there are properties'),
    ('layers 0 changes set', [], "layers[0]: 'set' is not an object"),
    ('layers 0 changes set fpu', True, "layers[0]: feature 'fpu' is in 'set'"),
    ('layers 0 changes set x', 0, "layers[0]: unknown feature or property 'x'"),
    ('layers 0 changes also', [],
     "layers[0]: 'changes' has more than on, off and set"),
    ('machine-aliases', {}, "'machine-aliases' is not a list"),
    ('machine-aliases', [{}], "machine-aliases[0]: 'alias' is missing"),
    ('machine-aliases', [{'alias': 'q35'}],
     "machine-aliases[0]: 'machine-type' is missing"),
    ('machine-aliases', [{'alias': 'q35', 'machine-type': 'pc-q35-99.0'}],
     "machine-aliases[0]: 'pc-q35-99.0' is not a machine type of any layer"),
    ('machine-aliases', [5], 'machine-aliases[0]: not an object'),
    ('machine-aliases', [{'alias': 'pc', 'machine-type': machine}
                         for machine in ('pc-i440fx-10.0', 'pc-i440fx-9.0')],
     "machine-aliases[1]: alias 'pc' is there twice"),
    ('machine-aliases', [{'alias': 'pc-q35-9.0',
                          'machine-type': 'pc-q35-10.0'}],
     "machine-aliases[0]: alias 'pc-q35-9.0' is a machine type of a layer"),
    ('models', None, "'models' is missing"),
    ('models', [{}] * 10001, "'models' has more than 10000 items"),
    ('models 1 name', '486-v1', "models[1]: model '486-v1' is there twice"),
    ('models 1 name', 'base', "models[1]: model 'base' is not as the first "
     'layer says'),
    ('models 1 like', 'x', "models: 'EPYC' is like unknown model 'x'"),
    ('models 1 like', 'EPYC', "models: 'like' of 'EPYC' goes round in a "
     'circle'),
    ('models 2 like', 'EPYC', "models: 'like' of 'EPYC' goes round in a "
     'circle'),
    ('models 1 like', 5, "models[1]: 'like' is not a string"),
    ('models 2 changes set l1d-cache-info', '32K:x=1',
     "models[2]: 'l1d-cache-info' is not a cache: unknown key 'x'; use line, "),
    ('models 2 changes set l1d-cache-info', '1\n2',
     "models[2]: 'l1d-cache-info' is not a cache: '1?2' is not a size"),
    ('models 2 changes set vendor', '\u00b5' * 7,
     "models[2]: 'vendor' is longer than 12 bytes"),
    ('models 2 changes set \u00b5', 0,
     "models[2]: unknown feature or property '??'"),
    ('exceptions', None, "'exceptions' is missing"),
    ('exceptions 0', [], 'exceptions[0]: not an object'),
    ('exceptions 0 model', 'x', "exceptions[0]: unknown model 'x'"),
    ('exceptions 0 model', 'base', 'exceptions[0]: layers say what base is'),
    ('exceptions 0 layer', None, "exceptions[0]: 'layer' is missing"),
    ('exceptions 0 layer', 'x', "exceptions[0]: unknown layer 'x'"),
    ('exceptions 0 layer', 'pc-i440fx-9.0',
     "exceptions[0]: unknown layer 'pc-i440fx-9.0'"),
    ('exceptions 1 layer', 'pc-q35-10.0',
     'exceptions[1]: models say what they are in the first layer'),
    ('accelerators', None, "'accelerators' is missing"),
    ('accelerators 0 name', 'xen', "accelerators[0]: unknown name 'xen'"),
    ('accelerators 1 name', 'tcg',
     "accelerators[1]: accelerator 'tcg' is there twice"),
    ('accelerators 1 host-vendor', 'x',
     "accelerators[1]: unknown host-vendor 'x'"),
    ('accelerators 1 conditions', None,
     "accelerators[1]: 'conditions' is missing"),
    ('accelerators 1 conditions 1 kernel-irqchip', None,
     "accelerators[1].conditions[1]: 'kernel-irqchip' is missing"),
    ('accelerators 1 conditions 1 kernel-irqchip 0', 'x',
     "accelerators[1].conditions[1]: unknown kernel-irqchip 'x'"),
    ('accelerators 1 conditions 1 kernel-irqchip 0', False,
     "accelerators[1].conditions[1]: 'kernel-irqchip' has an item that is "
     'not a string'),
    ('accelerators 1 exceptions 1 changes off 0', 'x',
     "accelerators[1].exceptions[1]: unknown feature or property 'x'"),
    ('accelerators 1 exceptions', None,
     "accelerators[1]: 'exceptions' is missing"),
]


def follow(table, path):
    """What contains the end of @path, and the end"""
    *keys, last = [int(key) if key.isdigit() else key for key in path.split()]
    for key in keys:
        table = table[key]
    return table, last


class TestErrors(Program):
    """What is wrong with a file"""

    def test_each(self):
        files = []
        for path, value, _ in ERRORS:
            table = copy.deepcopy(TABLE)
            where, key = follow(table, path)
            if value is None:
                del where[key]
            else:
                where[key] = value
            files.append(json.dumps(sealed(table)).encode())
        for row, error in zip(ERRORS, self.errors(files), strict=True):
            path, value, expected = row
            with self.subTest(path=path, value=str(value)[:40]):
                self.assertEqual(error[:len(expected)], expected)

    def test_too_many_words(self):
        table = copy.deepcopy(TABLE)
        table['words'] += [cpuid(f'FEAT_X_{i}', i, 0, 'EAX', **{f'x{i}': '0x1'})
                           for i in range(47)]
        self.assertEqual(len(self.rebuild(table, 'tcg', 'on', '', '0', '0')),
                         18)
        table['words'].append(cpuid('FEAT_X', 0, 0, 'EAX'))
        self.assertEqual(self.error(table), "words[57]: no room for word "
                         "'FEAT_X': 48 words are unknown")

    def test_long_chain(self):
        """Each model is like the next one."""
        table = copy.deepcopy(TABLE)
        table['models'] = [{'name': f'm{i}', 'like': f'm{i + 1}',
                            'changes': changes(model=i)} for i in range(5000)]
        self.assertEqual(self.error(table),
                         "models: 'm4999' is like unknown model 'm5000'")
        table['models'][-1]['like'] = 'base'
        table['exceptions'] = []
        table['accelerators'] = table['accelerators'][:1]
        found = self.rebuild(table, 'tcg', 'on', '', '0', '0', 'm0')
        self.assertEqual([props['model'] for props in found.values()],
                         [0, 3, 3])

    def test_not_json(self):
        text = json.dumps(TABLE).encode()
        for data, expected in (
                (b'', 'line 1, column 1: the file ends here, too early'),
                (b'[]', 'not a JSON object'),
                (b'[' * 100000, 'line 1, column 101: nested too deeply'),
                (b'\n {"a":\n  1.0}', 'line 3, column 3: this number is not an '
                 'integer'),
                (b'[' + b'0,' * (1 << 20) + b'0]', 'line 1, column 2097155: '
                 'there are too many values'),
                (text[:-1], "line 1, column "),
                (text + b'x', "line 1, column "),
                (text.replace(b'"qemu"', b'"words"'), 'line 1, column '),
                (text.replace(b'Base', b'B\xffse'), 'line 1, column '),
                (text.replace(b'Base', b'B\nse'), 'line 1, column '),
                (text.replace(b'Base', b'B\\u0000se'), 'line 1, column '),
                (text.replace(b'"family": 4', b'"family": 18446744073709551616'),
                 'line 1, column '),
                (text.replace(b'"family": 4', b'"family": 1e999'),
                 'line 1, column '),
                # A number is not the name of a member.
                (b'{18446744073709551615: 1}', 'line 1, column '),
                (b'{"a":' + b' ' * (16 << 20), 'larger than 16 MiB'),
                (b'{"a": 1}\0', 'line 1, column ')):
            with self.subTest(data[:20]):
                self.assertEqual(self.error(data)[:len(expected)], expected)

    def test_texts(self):
        """What JSON lets texts have, and what it does not"""
        for text in (rb'\"\\\/\b\f\n\r\t', rb'\u00b5\uD83D\ude00',
                     '\u00b5\u20ac\ud7ff\U0010ffff\x7f'.encode()):
            with self.subTest(text):
                table = {**TABLE, 'x': json.loads(b'"' + text + b'"')}
                data = json.dumps(sealed(table), ensure_ascii=False).encode()
                self.write(data.replace(
                    json.dumps(table['x'], ensure_ascii=False).encode(),
                    b'"' + text + b'"'))
                self.assertEqual(self.call('tcg', 'on', '', '0', '0').stderr,
                                 b'')
        for text, expected in (
                (rb'\x', 'this escape is unknown'),
                (rb'\u12g4', 'this escape is unknown'),
                (rb'\u0000', 'this escape is unknown'),
                (rb'\ud800', 'half a surrogate pair'),
                (rb'\ud800\ud800', 'half a surrogate pair'),
                (rb'\udc00', 'half a surrogate pair'),
                (b'\x1f', 'a control character in a text'),
                (b'\0', 'a control character in a text'),
                (b'\x80', 'this is not UTF-8'),
                (b'\xc0\x80', 'this is not UTF-8'),
                (b'\xe0\x80\x80', 'this is not UTF-8'),
                (b'\xed\xa0\x80', 'this is not UTF-8'),
                (b'\xf4\x90\x80\x80', 'this is not UTF-8'),
                (b'\xf8\x80\x80\x80\x80', 'this is not UTF-8'),
                (b'\xc3', 'this is not UTF-8')):
            with self.subTest(text):
                self.assertEqual(self.error(b'["' + text + b'"]'),
                                 f'line 1, column 3: {expected}')

    def test_out_of_memory(self):
        """Without each of its allocations in turn, it says so and leaks none"""
        program = build('out-of-memory.c', *(
            f'-Wl,--wrap={name}' for name in ('malloc', 'calloc', 'realloc')))
        self.write(TABLE)
        done = run(program, self.path, env=self.env, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ''), done.stdout)
        self.assertGreater(int(done.stdout), 20)

    def test_no_file(self):
        for path, expected in ((self.tmp, 'Is a directory'),
                               (self.path + 'x', 'No such file or directory')):
            done = run(self.program, path, 'tcg', 'on', '', '0', '0',
                       env=self.env)
            self.assertEqual((done.returncode, done.stderr.decode()),
                             (1, f'{path}: {expected}\n'))


# ---- damage ----

# Of the input of CRC-32 and SHA-256: around the lengths of their blocks
SIZES = [*range(200), 1023, 1024, 1025, 4095, 4096, 100000]


def flipped(data, bit):
    data = bytearray(data)
    data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def not_whole(table, *names):
    """The bytes of a file that lacks these members"""
    contents = {name: value for name, value in sealed(table).items()
                if name not in names}
    return json.dumps(contents).encode()


class TestDamage(Program):
    """No bit of a file can be another one"""

    def accepted(self, files, *names):
        """
        The numbers of those of @files that are read without an error

        :param names: of models, if it is only about these
        """
        return [i for i, error in enumerate(self.errors(files, *names))
                if not error]

    def small(self):
        """A file that has one of everything"""
        table = copy.deepcopy(TABLE)
        table['words'] = table['words'][-2:]
        table['properties'] = table['properties'][:3]
        table['layers'] = table['layers'][:1]
        table['layers'][0]['changes'] = {}
        table['models'] = [{'name': 'm', 'changes': changes(family=6)}]
        table['exceptions'] = []
        table['xsave-components'] = []
        table['dependencies'] = table['dependencies'][:0]
        table['accelerators'] = [{**table['accelerators'][1], 'changes': {},
                                  'conditions': [], 'exceptions': []}]
        table['$comment'] = 'x'
        return table

    def check_bits(self, data, *names):
        """One bit of each byte, with CHECK_FULL all"""
        self.assertLess(len(data), 4000)
        self.assertEqual(self.accepted([data], *names), [0])
        rng = random.Random(SEED or os.environ.get('CHECK_DRAW'))
        for start in range(0, len(data), 250):
            bits = [8 * byte + bit
                    for byte in range(start, min(start + 250, len(data)))
                    for bit in (range(8) if FULL else [rng.randrange(8)])]
            with self.subTest(bits=bits):
                self.assertEqual([bits[i] for i in self.accepted(
                    [flipped(data, bit) for bit in bits], *names)], [])

    def test_bits(self):
        """Of a file that is written otherwise than by the build"""
        data = json.dumps(sealed(self.small())).encode()
        self.check_bits(data)
        self.check_bits(data, 'm')

    def test_bits_of_lines(self):
        data = text_of(sealed(self.small())).encode()
        self.check_bits(data)
        self.check_bits(data, 'm')

    def test_lines(self):
        """Which lines it takes for those of the build"""
        table = sealed({**TABLE, '$comment': 'x'})
        text = text_of(table)
        lines = text.splitlines(keepends=True)
        crc = zlib.crc32(''.join(lines[:2] + lines[3:]).encode())
        self.assertEqual(lines[2], f' "$crc32": "{crc:08x}",\n')
        # All that is done to lines that have the CRC is not noticed.
        wrong = text.replace(table['digest'], '0' * 64)
        crc = x86_cpu_models.crc32(json.loads(wrong))
        wrong = wrong.replace(lines[2], f' "$crc32": "{crc}",\n')
        for data, accepted in (
                (text, [0]), (wrong, [0]), (wrong.replace('{\n', '{ \n', 1), []),
                (wrong.replace('\n', '\r\n'), []),
                (wrong.replace('\n', '\n\n', 1), []),
                (wrong.replace(f'"{crc}"', f'"{crc}" '), []),
                (wrong.replace(f'"{crc}"', f'"{crc[1:]}"'), []),
                (wrong + '\n', []), (wrong[:-1], [])):
            with self.subTest(data[:200]):
                self.assertEqual(self.accepted([data.encode()], 'EPYC-v2'),
                                 accepted)
                self.assertEqual(self.accepted([data.encode()]),
                                 accepted if data == text else [])

    def test_pieces(self):
        """Fingerprints are dropped, wherever the pieces end in which it is"""
        table = copy.deepcopy(TABLE)
        table['$comment'] = 'x'
        rows = table['accelerators'][1]['fingerprints']
        table['accelerators'][0]['fingerprints'] = 3 * rows
        table['accelerators'].append({**table['accelerators'][0],
                                      'fingerprints': []})
        text = text_of(sealed(table))
        needed = re.sub(r'(?s)(\n   "fingerprints": \[)\n    {.*?(?=\n   \])',
                        r'\1', text)
        self.assertEqual(needed.count('"fingerprints": [\n   ]'), 2)
        program = build('lines-filter.c', optimize='-O2')
        # The first piece has to have the first three lines.
        first = len(''.join(text.splitlines(keepends=True)[:3]))
        last = first + 400
        done = run(program, str(first), str(last), input=text.encode(),
                   env=self.env)
        self.assertEqual(done.stderr, b'')
        self.assertEqual(done.stdout.decode(),
                         f'1\n{needed}' + '1\n' * (last - first))
        done = run(program, str(first), str(last), env=self.env,
                   input=text.replace('"ab', '"ac', 1).encode())
        self.assertEqual(done.stdout.decode(),
                         f'0\n{needed}' + '0\n' * (last - first))
        # A list without an end, and a file that only begins
        for end in text.index('    {', text.index('"fingerprints": [')), 2:
            done = run(program, str(first), str(first), env=self.env,
                       input=text[:end].encode())
            self.assertEqual(done.stdout.decode()[:2], '0\n')

    def test_large(self):
        """A file of several pieces, whose errors are in the same lines"""
        table = copy.deepcopy({**TABLE, '$comment': 'x'})
        table['accelerators'][1]['fingerprints'] *= 3000
        text = text_of(sealed(table))
        self.assertGreater(len(text), 300000)
        lines = text.splitlines(keepends=True)
        wrong = [*lines[:-1], ' nothing\n', lines[-1]]
        crc = zlib.crc32(''.join(wrong[:2] + wrong[3:]).encode())
        wrong[2] = f' "$crc32": "{crc:08x}",\n'
        number = len(wrong) - 1
        for data in ''.join(wrong), text[:-100]:
            path = os.path.join(self.tmp, 'large.json')
            with open(path, 'w', encoding='utf-8') as f:
                f.write(data)
            whole, named = (
                run(self.reader, *names, env=self.env, text=True,
                    input=f'{path}\n').stdout for names in ([], ['EPYC-v2']))
            self.assertEqual(named, whole)
            if data != text[:-100]:
                self.assertIn(f': line {number}, column 2: ', whole)

    def test_crafted(self):
        """Whatever is in lines that have the CRC, the reader lives"""
        lines = text_of(sealed({**TABLE, '$comment': 'x'})).splitlines(
            keepends=True)
        rng = random.Random(SEED or 1)
        files = []
        for _ in range(2000):
            body = lines[:2] + lines[3:]
            for _ in range(rng.randrange(1, 4)):
                at = rng.randrange(2, len(body))
                part = body[at:at + rng.randrange(1, 9)]
                body[at:at + rng.randrange(9)] = rng.choice([
                    [], part, part[::-1], rng.choices(body, k=2),
                    [body[at].replace('"', rng.choice(['', '""', '\\"']))],
                    [body[at][:rng.randrange(len(body[at]))]]])
            crc = f' "$crc32": "{zlib.crc32("".join(body).encode()):08x}",\n'
            files.append(''.join([*body[:2], crc, *body[2:]]).encode())
        accepted = self.accepted(files, 'EPYC-v2', 'base')
        self.assertGreater(len(accepted), 10)
        self.assertLess(len(accepted), len(files))

    def test_many(self):
        """What there are many of takes no longer than in other files"""
        body = {'like': text_of(sealed({**self.small(), 'models': [
            {'name': f'm{i}', 'changes': {},
             **({'like': f'm{i + 1}'} if i < 8999 else {})}
            for i in range(9000)]}))}
        lines = text_of(sealed({**TABLE, '$comment': 'x'})).splitlines(
            keepends=True)
        for name, member in (('models', ' "models":[],\n'),
                             ('fingerprints', ' "x":[{"fingerprints":[\n    '
                                              '{}]}],\n')):
            others = [*lines[:2], *100000 * [member], *lines[3:]]
            crc = zlib.crc32(''.join(others).encode())
            body[name] = ''.join([*others[:2], f' "$crc32": "{crc:08x}",\n',
                                  *others[2:]])
        for name, text in body.items():
            with self.subTest(name):
                self.assertEqual(self.accepted([text.encode()], 'm0'),
                                 [0] if name == 'like' else [])

    def test_messages(self):
        """What is wrong with each of the two, by name"""
        good = sealed(TABLE)
        digest, crc = good['digest'], good['$crc32']
        other = {**TABLE, 'conflicts': [1]}
        no_digest = {**good, 'digest': '0' * 64}
        for data, expected in (
                (not_whole(TABLE, 'digest', '$crc32'),
                 "'digest' is missing"),
                (not_whole(TABLE, 'digest'), "'digest' is missing"),
                (json.dumps({**good, 'digest': 1}).encode(),
                 "'digest' is not a string"),
                (json.dumps({**good, '$crc32': []}).encode(),
                 "'$crc32' is not a string"),
                (json.dumps({**good, '$crc32': ''}).encode(),
                 "'$crc32' is empty"),
                (json.dumps({**good, '$crc32': crc + '0'}).encode(),
                 f"damaged: '$crc32' is not {crc}, that of the rest"),
                (json.dumps({**other, 'digest': digest}).encode(),
                 f"damaged: 'digest' is not {sealed(other)['digest']}, that of "
                 'these contents'),
                # Whoever changes both makes another file.
                (text_of({**no_digest, '$crc32': x86_cpu_models.crc32(
                    no_digest)}).encode(),
                 f"damaged: 'digest' is not {digest}, that of these contents"),
                # The format says what the digest is over.
                (json.dumps({**good, 'format-version': 2}).encode(),
                 'format-version 2 is not 1, the one known here')):
            with self.subTest(expected):
                self.assertEqual(self.error(data), expected)

    def test_older_file(self):
        """Without a CRC, the digest is enough"""
        self.assertEqual(self.accepted([not_whole(TABLE, '$crc32')]), [0])

    def test_written_otherwise(self):
        """What it means counts, not how it is written"""
        backwards = dict(reversed(sealed(TABLE).items()))
        self.assertEqual(self.accepted([
            json.dumps(backwards, indent=4, ensure_ascii=False).encode(),
            json.dumps(backwards, indent='\t').replace('\n', '\r\n').encode(),
            json.dumps(backwards, separators=(',', ':')).encode()]), [0, 1, 2])

    def test_fingerprints(self):
        for value in 'a', 'A' * 64, 'g' * 64, 'a' * 63, 'a' * 65, 5, None:
            table = copy.deepcopy(TABLE)
            table['accelerators'][1]['fingerprints'][0]['values'][1] = value
            with self.subTest(value=value):
                self.assertEqual(
                    self.error(table), "accelerators[1]: a fingerprint of "
                    "'base' is not 64 hexadecimal digits, or empty")

    def test_crc32(self):
        """With the processor's instructions and without: zlib's"""
        pieces = [(size, first) for size in SIZES
                  for first in sorted({0, size // 3, size})]
        data = random.Random(SEED or 1).randbytes(max(SIZES))
        done = run(build('crc32-check.c'), *(
            f'{size}:{first}' for size, first in pieces), input=data,
            env=self.env)
        self.assertEqual(done.stderr, b'')
        self.assertEqual(done.stdout.decode().splitlines(), [
            f'{crc:08x} {crc:08x}' for size, _ in pieces
            for crc in [zlib.crc32(data[:size])]])

    def test_sha256(self):
        """With the processor's instructions and without: the same"""
        data = random.Random(SEED or 1).randbytes(max(SIZES))
        done = run(build('sha256-check.c'), *map(str, SIZES), input=data,
                   env=self.env)
        self.assertEqual(done.stderr, b'')
        self.assertEqual(done.stdout.decode().splitlines(), [
            f'{digest} {digest}' for size in SIZES
            for digest in [hashlib.sha256(data[:size]).hexdigest()]])


# ---- random tables ----

# Those that descriptions have as they are requested, and values for them
SWITCHES = 'fpu pse mmx pni x2apic hypervisor smep l3-cache hv-relaxed'.split()
CHOICES = {
    'family': [0, 4, 1 << 63], 'stepping': [0, 1, 2], 'x-hv-max-vps': [-1, 64],
    'hv-no-nonarch-coresharing': ['on', 'off'],
    'model-id': ['', 'A', 'B' * 48], 'hv-vendor-id': ['', 'Microsoft Hv'],
    'l2-cache-info': [L2, L2.replace(':ways=8', ':ways=4')],
}
NOTHING = {**{name: False for name in SWITCHES}, 'l3-cache': True, 'family': 0,
           'stepping': 0, 'x-hv-max-vps': -1,
           'hv-no-nonarch-coresharing': 'off', 'model-id': '',
           'hv-vendor-id': 'Microsoft Hv', 'l2-cache-info': ''}


def random_changes(rng, *, most=4):
    row = {'on': [], 'off': [], 'set': {}}
    for name in rng.sample(sorted(NOTHING), rng.randrange(most)):
        if name in CHOICES:
            row['set'][name] = rng.choice(CHOICES[name])
        else:
            row[rng.choice(['on', 'off'])].append(name)
    return {'changes': {key: value for key, value in row.items()
                        if value or rng.random() < 0.5}}


def random_table(rng):
    layers = [f'pc-{i}' for i in range(rng.randrange(1, 6))]
    models = [f'm{i}' for i in range(rng.randrange(6))]
    table = {**TABLE, 'accelerators': []}
    table['layers'] = [{'name': layer, 'machine-types': [layer],
                        **random_changes(rng)} for layer in layers]
    for i, row in enumerate(table['layers'][1:]):
        row['like'] = layers[rng.choice([i, rng.randrange(i + 1)])]
    table['layers'][0]['changes'].setdefault('off', []).append('legacy-cache')
    table['models'] = []
    for i, model in enumerate(models):
        row = {'name': model, **random_changes(rng, most=8)}
        like = rng.choice([None, 'base', *models[:i]])
        if like:
            row['like'] = like
        else:
            row['changes'].setdefault('off', []).append('legacy-cache')
        table['models'].append(row)
    rng.shuffle(table['models'])

    def exceptions(of, but_first):
        rows = []
        for _ in range(rng.randrange(8) if of[but_first:] else 0):
            row = {'layer': rng.choice(of[but_first:]), **random_changes(rng)}
            if models and rng.random() < 0.7:
                row['model'] = rng.choice(models)
            rows.append(row)
        return rows

    table['exceptions'] = exceptions(layers, 1)
    table['accelerators'] = [{
        'name': 'kvm', 'host-vendor': 'none', **random_changes(rng),
        'conditions': [{'kernel-irqchip': rng.sample(['on', 'off', 'split'], 2),
                        **random_changes(rng)} for _ in range(2)],
        'exceptions': exceptions(layers, 0)}]
    return table


def changed(cpu, row):
    row = row['changes']
    return {**cpu, **{name: True for name in row.get('on', [])},
            **{name: False for name in row.get('off', [])},
            **row.get('set', {})}


def excepted(cpu, rows, model, layer):
    for row in rows:
        if row['layer'] == layer and row.get('model') in (None, model):
            cpu = changed(cpu, row)
    return cpu


def decode(table):
    """What models are, by model and layer, as the schema documents it"""
    rows = {row['name']: row for row in table['models']}
    layers = [row['name'] for row in table['layers']]
    likes = [layers.index(row['like']) if 'like' in row else None
             for row in table['layers']]
    base, models = [], {'base': []}
    for like, row in zip(likes, table['layers']):
        base.append(changed(NOTHING if like is None else base[like], row))

    def first(name):
        return (base[0] if name == 'base' else NOTHING if not name else
                changed(first(rows[name].get('like')), rows[name]))

    for name in rows:
        cpus = models[name] = [first(name)]
        for i, like in enumerate(likes):
            if like is None:
                continue
            cpu = {key: base[i][key] if value == base[like][key] else value
                   for key, value in cpus[like].items()}
            cpus.append(excepted(cpu, table['exceptions'], name, layers[i]))
    accel, = table['accelerators']
    found = {('base', layer): cpu for layer, cpu in zip(layers, base)}
    for name in rows:
        for layer, cpu in zip(layers, models[name]):
            cpu = changed(cpu, accel)
            for row in accel['conditions']:
                if 'split' in row['kernel-irqchip']:
                    cpu = changed(cpu, row)
            found[name, layer] = excepted(cpu, accel['exceptions'], name, layer)
    return found


class TestRandom(Program):
    """Another reader, which knows nothing but the schema"""

    def test_one_model(self):
        """Those who ask about one get the same, by reading few lines"""
        for seed in range(40):
            rng = random.Random(seed)
            table = random_table(rng)
            # Of newer versions of the format
            for row in table['models'] if seed % 4 == 3 else []:
                row[rng.choice(['a', 'm', 'z'])] = rng.choice(
                    [True, [], {}, {'x': {}}, 'like'])
            names = ['base', *(row['name'] for row in table['models'])]
            whole = self.rebuild(table, 'kvm', 'split', '', '0', '0')
            with open(self.path, 'w', encoding='utf-8') as f:
                f.write(text_of(sealed(table)))
            for name in names:
                with self.subTest(seed=seed, model=name):
                    done = self.call('kvm', 'split', '', '0', '0', name)
                    self.assertEqual(done.stderr, b'')
                    self.assertEqual(by_model(done.stdout), {
                        key: cpu for key, cpu in whole.items()
                        if key[0] == name})

    def test_tables(self):
        for seed in range(60):
            table = random_table(random.Random(seed))
            found = self.rebuild(table, 'kvm', 'split', '', '0', '0')
            expected = decode(table)
            self.assertEqual(set(found), set(expected))
            for key, cpu in expected.items():
                cpu.pop('legacy-cache')
                with self.subTest(seed=seed, cpu=key):
                    compare(self, {name: value for name, value in
                                   found[key].items() if name in NOTHING}, cpu)


# ---- fuzz ----

VALUES = [
    None, True, False, 0, 1, -1, 7, 95, 255, 1 << 31, (1 << 32) - 1, 1 << 32,
    (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64, -(1 << 63), 10 ** 40, 0.5,
    1e300, '', 'x', 'x' * 12, 'x' * 13, 'x' * 49, 'x' * 2000, '\n\x7f\u20ac',
    '%s%n', '0x0', '0x1', '0xffffffffffffffff', '0x10000000000000000', 'on',
    'off', 'base', 'EPYC', 'fpu', 'family', 'kvm', 'FEAT_1_EDX', 'FEAT_KVM',
    'l2-cache-info', '1:share=xxxxxxxxxxxxxxxx', '1:share=xxxxxxxxxxxxxxx',
    '18446744073709551615:line=18446744073709551615', '1::', '0:line=1',
    '18446744073709551615K', '\x01123', [], {}, [[]], ['fpu'], [{}],
    {'on': ['fpu']}, {'set': {'family': 1 << 63}},
]


def places(json_value):
    """Each container and key in @json_value"""
    keys = (json_value if isinstance(json_value, dict) else
            range(len(json_value)) if isinstance(json_value, list) else ())
    for key in keys:
        yield json_value, key
        yield from places(json_value[key])


def nested(depth, rng):
    value = rng.choice(VALUES)
    for _ in range(depth):
        value = [value] if rng.random() < 0.5 else {'changes': value}
    return value


def mutate(table, rng):
    """Changes one thing in @table."""
    where, key = rng.choice(list(places(table)))
    _, other = rng.choice(list(places(table)))
    kind = rng.randrange(9)
    if kind == 0:
        del where[key]
    elif kind == 1:
        where[key] = rng.choice(VALUES)
    elif kind == 2:
        # The value of another place
        there, other = rng.choice(list(places(table)))
        where[key] = copy.deepcopy(there[other])
    elif kind == 3 and isinstance(where, dict):
        where[rng.choice(['x', '', str(other), 'changes', 'set', 'like'])] = \
            where.pop(key)
    elif kind == 4 and isinstance(where, list):
        where.insert(rng.randrange(len(where) + 1), copy.deepcopy(where[key]))
    elif kind == 5 and isinstance(where, list):
        rng.shuffle(where)
    elif kind == 6 and isinstance(where[key], str):
        text = where[key]
        at = rng.randrange(len(text) + 1)
        where[key] = text[:at] + rng.choice(
            ['', 'x', '0', ':', '=', '\n', '\u20ac', text]) + text[at + 1:]
    elif kind == 7 and type(where[key]) is int:
        where[key] = rng.choice([-where[key], where[key] + 1, where[key] << 32,
                                 rng.getrandbits(64), rng.getrandbits(65)])
    elif kind == 8:
        where[key] = nested(rng.choice([1, 3, 100]), rng)


def mutate_bytes(data, rng):
    """Cuts, changes or repeats some of @data."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        start = rng.randrange(len(data))
        end = min(len(data), start + rng.choice([1, 1, 2, 10, 100]))
        kind = rng.randrange(4)
        if kind == 0:
            del data[start:]
        elif kind == 1:
            del data[start:end]
        elif kind == 2:
            data[start] = rng.randrange(256)
        else:
            data[start:start] = data[start:end]
        if not data:
            break
    return bytes(data)


def mutated(seed):
    rng = random.Random(seed)
    table = copy.deepcopy(TABLE)
    if rng.random() < 0.2:
        return mutate_bytes(json.dumps(table, indent=1).encode(), rng)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        mutate(table, rng)
    return json.dumps(sealed(table)).encode()


class TestFuzz(Program):
    """No file makes the reader fail."""

    def test_mutations(self):
        statuses = set()
        for seed in [int(SEED)] if SEED else range(FILES):
            self.write(mutated(seed))
            done = self.call('kvm', 'split', 'AuthenticAMD', '52', '48')
            with self.subTest(CHECK_SEED=seed):
                statuses.add(done.returncode)
                self.assertIn(done.returncode, (0, 1),
                              done.stderr[-3000:].decode(errors='replace'))
                if done.returncode:
                    self.assertRegex(done.stderr, rb'\A[ -~]+\n\Z')
                    self.assertEqual(done.stdout, b'')
                else:
                    self.assertEqual(done.stderr, b'')
                    for line in done.stdout.decode().splitlines():
                        json.loads(line)
        if not SEED:
            self.assertEqual(statuses, {0, 1})


if __name__ == '__main__':
    unittest.main()
