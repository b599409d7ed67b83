#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The CPU models that are made from tables, judged by guests.

Answers, for every version in target-i386-ext/tables/models: does a guest
see what is released, bit for bit, and nothing else?  Do versions, names
without one, and aliases mean the same CPU where they should, and are they
listed as upstream's models are?  Are the levels of the psABI those levels,
and are models that are based on others different from these in what their
table says, and in nothing else?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_table_models

What a version must be is read from released.lock here, which has it in
full, apart from the generator; where its bits are, from cpu.c.  A version
that is not released yet is not in there: it is skipped, by name.
CHECK_FULL=1 tests more machine types.
"""

import asyncio
import os
import re
import subprocess
import unittest

from cpu_models import (
    FORCE, FULL, NEWEST, OLDEST, QEMU, Lab, LabChecks, cpu_option,
    differences, show_differences,
)
from guest_cpuid import (
    MODEL_ID_LEAVES, REGISTERS, ZEROS, Guest, GuestError, model_id, register,
    text_of,
)
from made_hosts import host_vendor
from release_line import LINE, of_line
import release_line
from test_cpu_migration import guest_args, migrate
from test_feature_flags import feature_words
from test_offered_features import VMX, spec
import test_removed_features as removed_features
from test_removed_features import AMD_ALIASES, NeedsKvm

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TABLES = os.path.join(REPO, 'target-i386-ext', 'tables', 'models')

# Machine types whose names of models mean different things to upstream:
# without versions (and without alias-of) up to 4.0, and with them
MACHINES = [NEWEST, OLDEST] + ([of_line('pc-i440fx-4.0'), of_line('pc-q35-4.1'), 'pc-q35-7.2']
                               if FULL else [])


# ---- tables ----

class Definition:
    """What a table or a lock file says of something, by key"""

    def __init__(self, name):
        self.name = name
        self.features = {}          # name: on or off
        self.values = {}            # key: the rest of its line
        self.caches = {}            # l1d: {line: 64, 'self-init': None}
        self.bits = {}              # feature word: number
        self.props = {}

    def add(self, key, value):
        if key in ('on', 'off'):
            self.features.update(dict.fromkeys(value.split(), key == 'on'))
        elif key == 'cache':
            which, text = value.split()
            size, *parts = text.split(':')
            self.caches[which] = {'size': size, **{
                part.partition('=')[0]: part.partition('=')[2]
                for part in parts}}
        elif key == 'bits':
            self.bits[value.split()[0]] = int(value.split()[1], 0)
        elif key == 'set':
            self.props.update([value.split()])
        else:
            self.values[key] = value

    def number(self, key):
        return int(self.values[key], 0)


def read_lines(path):
    """(key, value) of the lines of a table"""
    with open(path, encoding='ascii') as f:
        for line in f:
            key, _, value = line.strip().partition(' ')
            if key and not key.startswith('#'):
                yield key, value.strip()


def read_released():
    """{MODEL-vN: Definition}, [(MODEL, from, to, N)], of released.lock"""
    versions, names = {}, []
    for key, value in read_lines(os.path.join(TABLES, 'released.lock')):
        if key == 'released':
            last = versions[value] = Definition(value)
        elif key == 'name':
            found = re.fullmatch(r'(\S+) from (\S+) (to|before) (\S+) '
                                 r'version (\d+)', value)
            first, until = [tuple(map(int, v.split('.')))
                            for v in found.group(2, 4)]
            if found.group(3) == 'before':
                until = until[0], until[1] - 1
            last = Definition(found.group(1))
            names.append((last, first, until, int(found.group(5))))
        else:
            last.add(key, value)
    return versions, names


class Model(Definition):
    """A model, as its table has it"""

    def __init__(self, name):
        super().__init__(name)
        self.versions = []          # Definition

    def version_names(self):
        return [version.name for version in self.versions]


def read_models():
    """[Model], of all tables"""
    models = []
    for name in sorted(os.listdir(TABLES)):
        if not name.endswith('.tbl'):
            continue
        for key, value in read_lines(os.path.join(TABLES, name)):
            if key == 'cpu':
                last = Model(value)
                models.append(last)
            elif key == 'version':
                last = Definition(f'{models[-1].name}-v{value}')
                models[-1].versions.append(last)
            elif key == 'machines':
                last = Definition('')
            else:
                last.add(key, value)
    return models


MODELS = read_models()
VERSIONS = [name for model in MODELS for name in model.version_names()]
RELEASED, RELEASED_NAMES = read_released()
WORDS = feature_words()


def unversioned_names(machine):
    """(Definition of a name without a version, N) on a machine type"""
    version = machine.rpartition('-')[2]
    here = tuple(map(int, version.split('.'))) if version != 'none' else None
    return [(name, number) for name, first, last, number in RELEASED_NAMES
            if here and first <= here <= last]


# ---- what a guest must see ----

# What a CPU has of XSAVE's components, by the feature that brings it (SDM
# vol. 1, 13.1): QEMU works these out, no model has them.
COMPONENTS = {'avx': 1 << 2, 'mpx': 3 << 3, 'avx512f': 7 << 5, 'pku': 1 << 9,
              'amx-tile': 3 << 17}
X87_AND_SSE = 3

# What QEMU changes in each model, by accelerator.  All guests see that they
# are guests (x86_cpu_load_model() in cpu.c).
ADDS = {
    'tcg': ['hypervisor'],
    # kvm_default_props in kvm/kvm-cpu.c
    'kvm': ['hypervisor', 'x2apic', 'kvmclock', 'kvm-nopiodelay',
            'kvm-asyncpf', 'kvm-steal-time', 'kvm-pv-eoi',
            'kvmclock-stable-bit'],
}
TAKES = {
    'tcg': ['vme'],                     # x86_tcg_default_props in tcg-cpu.c
    'kvm': ['acpi', 'monitor', 'svm'],
}
# Of the leaf of SVM, no guest without SVM sees anything.
SVM_WORD = 'FEAT_SVM'


def feature_bits(released, names=()):
    """{word: bits} of all features that are on, and those of names"""
    on = {name for name, is_on in released.features.items() if is_on}
    on |= set(names)
    bits = {}
    for name, word in WORDS.items():
        bits[name] = released.bits.get(name, 0)
        bits[name] |= sum(1 << bit for bit, feature in word.names.items()
                          if feature in on)
    return bits


def requested(released, vendor, accel, more):
    """
    {word: bits} that the guest of a released version must see, if features
    in more are turned on as well.
    """
    bits = feature_bits(released, ADDS[accel])
    for name, word in WORDS.items():
        bits[name] &= ~sum(1 << bit for bit, feature in word.names.items()
                           if feature in TAKES[accel])
    for name, more_bits in feature_bits(Definition(''), more).items():
        bits[name] |= more_bits
    if not has_bit_of(bits, 'svm'):
        bits[SVM_WORD] = 0
    if vendor == 'AuthenticAMD':
        # APM vol. 3, Fn8000_0001_EDX: copies of leaf 1
        bits['FEAT_8000_0001_EDX'] |= bits['FEAT_1_EDX'] & AMD_ALIASES
    if released.features.get('xsave'):
        bits['FEAT_XSAVE_XCR0_LO'] = X87_AND_SSE | sum(
            mask for feature, mask in COMPONENTS.items()
            if released.features.get(feature))
    if 'avx10-version' in released.values:
        bits['FEAT_24_0_EBX'] |= released.number('avx10-version')
    return bits


def has_bit_of(bits, feature):
    """Whether a feature is in {word: bits}"""
    return any(bits[name] >> bit & 1 for name, word in WORDS.items()
               for bit, other in word.names.items() if other == feature)


def highest(bits, region):
    """The highest leaf of a region (0, 0x80000000) that has a feature"""
    found = [word.cpuid['leaf'] for name, word in WORDS.items()
             if bits[name] and word.cpuid
             and word.cpuid['leaf'] & 0xf0000000 == region]
    if region and has_bit_of(bits, 'svm'):
        found.append(WORDS[SVM_WORD].cpuid['leaf'])     # even if empty
    return max(found, default=0)


def identity(view):
    """Vendor, family, model, stepping, model-id, as the guest reads them"""
    _, ebx, ecx, edx = view.cpuid[0, 0]
    eax = view.cpuid[1, 0][0]
    family, model = eax >> 8 & 0xf, eax >> 4 & 0xf
    if family == 0xf:
        family += eax >> 20 & 0xff
    # QEMU fills the upper half for all families.
    model |= eax >> 12 & 0xf0
    return {'vendor': text_of(ebx, edx, ecx), 'family': family,
            'model': model, 'stepping': eax & 0xf,
            'model-id': model_id(view)}


# Type and level of caches, and sub-leaf (SDM vol. 2A, CPUID leaf 4; APM
# vol. 3, Fn8000_001D)
CACHES = {'l1d': (0, 1, 1), 'l1i': (1, 2, 1), 'l2': (2, 3, 2),
          'l3': (3, 3, 3)}
SHARED_BY = 0x3ffc000               # in EAX, by the topology
CORES = 0xfc000000                  # in EAX of leaf 4, by the topology


def cache_leaf(which, cache):
    """The registers that describe a cache, less the topology"""
    _, kind, level = CACHES[which]

    def number(key):
        return int(cache[key])

    return (kind | level << 5 | ('self-init' in cache) << 8,
            number('line') - 1 | (number('partitions') - 1) << 12
            | (number('ways') - 1) << 22,
            number('sets') - 1,
            ('no-invd-sharing' in cache) | ('inclusive' in cache) << 1
            | ('complex-indexing' in cache) << 2)


def cache_problems(view, caches):
    """What the guest sees otherwise of the caches of a version."""
    for which, cache in caches.items():
        expected = cache_leaf(which, cache)
        leaves = [leaf for leaf in (4, 0x8000001d)
                  if (leaf, 0) in view.cpuid]
        if not leaves:
            yield 'no leaf describes caches'
        for leaf in leaves:
            seen = list(view.cpuid.get((leaf, CACHES[which][0]), ZEROS))
            seen[0] &= ~(SHARED_BY | CORES)
            if tuple(seen) != expected:
                yield (f'{which} cache in leaf {leaf:x}h: {seen}, not '
                       f'{expected}')


def msr_word(name, word, value):
    """The feature word in an MSR"""
    if word.half:
        # A control that may be 1, and need not: those that guests cannot
        # turn off are not features (SDM vol. 3, appendix A.2).
        value = value >> 32 & ~value
    if name == 'FEAT_VMX_EXIT_CTLS':
        # QEMU adds it for 64-bit guests: host address-space size
        value &= ~(1 << 9)
    if name == 'FEAT_VMX_BASIC':
        # The rest is KVM's: the size of the VMCS and so on.
        value &= sum(1 << bit for bit in word.names)
    return value


def unlike_released(view, released, accel, shown, more=()):
    """
    What the guest does not see as it is released.  Forced or not, QEMU
    shows no more of the words in shown: {word: bits}.
    """
    seen = identity(view)
    vendor = (released.values['vendor'] if accel == 'tcg'
              else host_vendor())       # host-cpu.c: all models get it
    expected = {'vendor': vendor, 'model-id': released.values['model-id'],
                **{key: released.number(key)
                   for key in ('family', 'model', 'stepping')}}
    for key, value in expected.items():
        if seen[key] != value:
            yield f'{key} is {seen[key]!r}, not {value!r}'
    if view.cpuid[0x80000001, 0][0] != view.cpuid[1, 0][0]:
        yield 'leaf 80000001h has another family, model or stepping'

    bits = requested(released, vendor, accel, more)
    for key, region in (('level', 0), ('xlevel', 0x80000000)):
        # The level of a model is the least; features raise it.
        value = max(released.number(key), highest(bits, region))
        if view.cpuid[region, 0][0] != value:
            yield f'{key} is {view.cpuid[region, 0][0]:x}h, not {value:x}h'
    for name, word in WORDS.items():
        if word.cpuid:
            value = register(view, word.cpuid['leaf'], word.cpuid['subleaf'],
                             word.cpuid['register'])
        elif word.msr in (view.msrs or {}):
            value = msr_word(name, word, view.msrs[word.msr])
        else:
            continue
        should = bits[name] & shown.get(name, -1)
        if word.msr and accel == 'tcg':
            should = 0      # TCG has none of the feature MSRs.
        if value != should:
            yield (f'{name} is {value:x}, not {should:x}: '
                   + ', '.join(word.names.get(bit, f'bit {bit}')
                               for bit in range(64)
                               if (value ^ should) >> bit & 1))
    yield from cache_problems(view, released.caches)


# ---- the tests ----

# A kernel and a host that have what is needed to see all of a model: VMX,
# so that there are its MSRs, AVX10 of any version, and all feature MSRs.
OFFERS = {
    'cpuid 1 0 ecx set': 1 << 5,
    'cpuid 7 1 edx set': 1 << 19,
    'cpuid 0x24 0 ebx is': 0x000700ff,
    **{f'msr {word.msr:#x} is': 0 for word in WORDS.values() if word.msr},
    'msr 0x480 is': VMX['msr 0x480 is'],
}
# A CPU that shows all that the accelerator can show of what cannot be forced.
# 11.1 has no versions of AVX10 above 2, and the models have 1.
HIGHEST_AVX10 = 0xff if LINE == '10.0' else 1
FULLEST = cpu_option('max', {**FORCE, 'avx10-version': HIGHEST_AVX10, **dict.fromkeys(
    [*COMPONENTS, 'xsave', 'avx10', *WORDS['FEAT_24_0_EBX'].names.values()],
    True)})
NOT_FORCED = ['FEAT_XSAVE_XCR0_LO', 'FEAT_24_0_EBX']

# In leaf 1, in leaf 7, and in leaf 0x80000001 (SDM vol. 2A, CPUID)
LEVELS = [
    {   # CX8 CMOV FPU FXSR MMX SSE SSE2; SYSCALL, long mode
        (1, 'EDX'): [8, 15, 0, 24, 23, 25, 26],
        (0x80000001, 'EDX'): [11, 29],
    }, {    # CMPXCHG16B POPCNT SSE3 SSE4.1 SSE4.2 SSSE3; LAHF
        (1, 'ECX'): [13, 23, 0, 19, 20, 9],
        (0x80000001, 'ECX'): [0],
    }, {    # AVX F16C FMA MOVBE XSAVE; AVX2 BMI1 BMI2; LZCNT
        (1, 'ECX'): [28, 29, 12, 22, 26],
        (7, 'EBX'): [5, 3, 8],
        (0x80000001, 'ECX'): [5],
    }, {    # AVX512F BW CD DQ VL
        (7, 'EBX'): [16, 30, 28, 17, 31],
    },
]


def psabi_levels(view):
    """The levels of the psABI, from 1, of which the guest has everything"""
    return [number for number, level in enumerate(LEVELS, 1)
            if all(register(view, leaf, 0, name) >> bit & 1
                   for (leaf, name), bits in level.items() for bit in bits)]


class Checks(LabChecks):
    """The tests, for one accelerator."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(cls.accel, probe=False,
                      offers=spec(OFFERS) if cls.accel == 'kvm' else None)

    def look(self, keys):
        """Views of (machine, cpu), forced, by key"""
        views = asyncio.run(self.lab.look([
            (machine, cpu if 'x-force' in cpu else
             cpu + ',x-force-features=on', '1') for machine, cpu in keys]))
        for key, view in zip(keys, views):
            if isinstance(view, GuestError):
                self.fail(f'{key}: {view}')
        return dict(zip(keys, views))

    def shown(self):
        """Of words that cannot be forced, what this accelerator shows"""
        view = self.look([(NEWEST, FULLEST)])[NEWEST, FULLEST]
        return {name: register(view, WORDS[name].cpuid['leaf'], 0,
                               WORDS[name].cpuid['register'])
                for name in NOT_FORCED}

    def compare(self, machine, option, more=()):
        """Guests with all released versions, and what they must see"""
        cpus = {name: name + option(released) + ''.join(
            f',{feature}=on' for feature in more)
                for name, released in RELEASED.items()}
        views = self.look([(machine, cpu) for cpu in cpus.values()])
        shown = self.shown()
        self.fail_if([
            f'{machine} {name}: {what}' for name, released in RELEASED.items()
            for what in unlike_released(views[machine, cpus[name]], released,
                                        self.accel, shown, more)])

    def test_tables_are_read(self):
        """This test found all models that QEMU has from tables"""
        self.assertGreater(len(VERSIONS), 10)
        self.assertLessEqual(set(RELEASED), set(VERSIONS))
        names = {d['name'] for d in self.definitions(NEWEST)}
        for model in MODELS:
            self.assertLessEqual({model.name, *model.version_names()}, names)

    def test_all_is_released(self):
        """What each version is, is released"""
        unknown = sorted(set(VERSIONS) - set(RELEASED))
        if unknown:
            self.skipTest(f'not released: {", ".join(unknown)}')

    def test_guest_sees_what_is_released(self):
        """Forced, each version is what the lock file says, and no more"""
        self.compare(NEWEST, lambda released: '')

    def test_on_old_machine_types(self):
        """... except what old machine types change in all models"""
        def undo(released):
            """Compatibility properties (hw/i386/pc.c), the other way round"""
            options = ',full-cpuid-auto-level=on'
            if released.caches:
                options += ',legacy-cache=off,l3-cache=on'
            if released.features.get('topoext'):
                options += ',topoext=on'
            return options

        for machine in MACHINES[1:]:
            self.compare(machine, undo)

    def test_names_are_the_same_cpu(self):
        """Names without a version, versions and aliases are the same CPU"""
        for machine in MACHINES:
            pairs = [(name.name, f'{name.name}-v{number}')
                     for name, number in unversioned_names(machine)
                     if not (name.features or name.values or name.props)]
            pairs += [(version.values['alias'], version.name)
                      for model in MODELS for version in model.versions
                      if 'alias' in version.values]
            self.assertGreaterEqual(len(pairs), len(MODELS))
            views = self.look([(machine, name) for pair in pairs
                               for name in pair])
            self.fail_if([
                f'{machine} {a} {b}: {show_differences(found)}'
                for a, b in pairs if (found := differences(
                    views[machine, a], views[machine, b]))])

    def test_psabi(self):
        """Each level of the psABI has what it needs, and not the next"""
        levels = {f'x86-64-v{n}': n for n in (1, 2, 3, 4)}
        levels.update({
            name: int(found.group(1)) for name in VERSIONS
            if (found := re.match(r'x86-64-abi(\d)', name))})
        self.assertGreater(len(levels), 8)
        views = self.look([(NEWEST, name) for name in levels])
        for name, level in levels.items():
            self.assertEqual(psabi_levels(views[NEWEST, name]),
                             list(range(1, level + 1)), name)

    def based_on(self):
        """(model, base, the options that make the one of the other)"""
        for model in MODELS:
            if 'based-on' not in model.values:
                continue
            options = dict(model.features)
            options.update({
                {'level': 'min-level', 'xlevel': 'min-xlevel'}.get(k, k): v
                for k, v in model.values.items()
                if k not in ('reason', 'based-on', 'deprecated')})
            if self.accel == 'kvm':
                options.pop('vendor', None)     # the host's
            self.assertFalse(model.caches or model.props, 'teach this test')
            yield model, model.values['based-on'], options

    def test_derived_models(self):
        """A model is its base with what its table says, on the command line"""
        cases = [(model.version_names()[0], cpu_option(base, options))
                 for model, base, options in self.based_on()]
        self.assertTrue(cases)
        views = self.look([(NEWEST, cpu) for case in cases for cpu in case])
        self.fail_if([f'{a} {b}: {show_differences(found)}'
                      for a, b in cases if (found := differences(
                          views[NEWEST, a], views[NEWEST, b]))])

    def test_derived_differences(self):
        """... and a guest finds nothing else if it compares"""
        compared = 0
        for model, base, options in self.based_on():
            on = {name for name in model.features if model.features[name]}
            # Their vendor or XSAVE's areas change more than their own bits.
            if 'vendor' in options or on & set(COMPONENTS):
                continue
            compared += 1
            name = model.version_names()[0]
            views = self.look([(NEWEST, name), (NEWEST, base)])
            allowed = {(leaf, 0, name): 0xffffffff for name in REGISTERS
                       for leaf in MODEL_ID_LEAVES if 'model-id' in options}
            if set(options) & {'family', 'model', 'stepping'}:
                allowed[1, 0, 'EAX'] = allowed[0x80000001, 0, 'EAX'] = -1
            changes = Definition('')
            changes.features = dict.fromkeys(model.features, True)
            for word, bits in feature_bits(changes).items():
                place = WORDS[word]
                key = ((place.msr, None, 'MSR') if place.msr else
                       (place.cpuid['leaf'], place.cpuid['subleaf'],
                        place.cpuid['register']))
                allowed[key] = allowed.get(key, 0) | bits << place.half
            seen = differences(views[NEWEST, name], views[NEWEST, base])
            self.fail_if([
                f'{name} and {base}: {show_differences([found])}'
                for found in seen
                if (found[3] ^ found[4]) & ~allowed.get(found[:3], 0)])
            self.assertTrue(seen, name)
        self.assertTrue(compared)

    # ---- lists ----

    def definitions(self, machine):
        return self.lab.ask([('query-cpu-definitions', {})], '-machine',
                            machine)[0]['return']

    def expected_definitions(self, machine, alias_of):
        """What query-cpu-definitions says of all names"""
        for model in MODELS:
            deprecated = 'deprecated' in model.values
            numbers = [number for name, number in unversioned_names(machine)
                       if name.name == model.name]
            names = {model.name: (f'{model.name}-v{(numbers or [1])[0]}',
                                  deprecated)}
            for version in model.versions:
                old = deprecated or 'deprecated' in version.values
                names[version.name] = None, old
                if 'alias' in version.values:
                    names[version.values['alias']] = version.name, old
            for name, (alias, old) in names.items():
                info = {'name': name, 'typename': f'{name}-x86_64-cpu',
                        'migration-safe': True, 'static': False,
                        'deprecated': old}
                if alias and alias_of:
                    info['alias-of'] = alias
                yield info

    def test_definitions(self):
        """query-cpu-definitions has them as it has upstream's models"""
        for machine in [NEWEST, of_line('pc-q35-4.1'),
                        of_line('pc-i440fx-4.0'), OLDEST, 'none']:
            # Up to 4.0, names without a version are not aliases.
            alias_of = (machine == 'none' or
                        release_line.version(machine) > (4, 0))
            found = {}
            for info in self.definitions(machine):
                del info['unavailable-features']
                found[info['name']] = info
            for info in self.expected_definitions(machine, alias_of):
                self.assertEqual(found[info['name']], info, machine)
            # The rule is upstream's.
            for name, alias in [('EPYC', 'EPYC-v1'), ('EPYC-IBPB', 'EPYC-v2'),
                                ('EPYC-v1', None)]:
                self.assertEqual(found[name].get('alias-of'),
                                 alias if alias_of else None, machine)
                self.assertEqual(found[name].keys() - {'alias-of'},
                                 found[VERSIONS[0]].keys())

    def test_help(self):
        """-cpu help has them as it has upstream's models"""
        text = subprocess.run([QEMU, '-accel', self.accel, '-cpu', 'help'],
                              stdout=subprocess.PIPE, check=True,
                              encoding='utf-8').stdout
        lines = text[:text.index('\n\n')].splitlines()[1:]
        for model in MODELS:
            expected = {model.name: '(alias configured by machine type)'}
            for version in model.versions:
                model_id = RELEASED.get(version.name, model).values[
                    'model-id']
                if 'note' in version.values:
                    model_id += f' [{version.values["note"]}]'
                expected[version.name] = model_id
                if 'alias' in version.values:
                    expected[version.values['alias']] = (
                        f'(alias of {version.name})')
            for name, what in expected.items():
                line = f'  {name:20}  {what}'
                self.assertTrue({line, line + ' (deprecated)'} & set(lines),
                                line)
        # Upstream's have the same form, and all are in one order.
        for line in ('  EPYC                  (alias configured by machine '
                     'type)', '  EPYC-IBPB             (alias of EPYC-v2)',
                     '  EPYC-v1               AMD EPYC Processor'):
            self.assertIn(line, lines)
        names = [line.split()[0] for line in lines
                 if line.split()[0] not in ('base', 'custom', 'host', 'max')]
        self.assertEqual(names, sorted(names))

    # ---- what all models do ----

    def test_migration(self):
        """A guest with one of them migrates, and keeps its CPU"""
        args = guest_args(NEWEST, 'x86-64-v3', '-smp', '2')
        result = asyncio.run(migrate(self.accel, args, args))
        self.assertEqual(result.status, 'completed', result.stderr)
        found = differences(result.view, asyncio.run(self.see(args)))
        self.assertFalse(found, show_differences(found))

    async def see(self, args):
        async with Guest(QEMU, args, self.accel) as guest:
            return await guest.view()

    def test_cpu_compat(self):
        """cpu-compat is about them as well"""
        ours, theirs = [asyncio.run(self.see(guest_args(
            machine, 'x86-64-v2'))) for machine in (
                'pc-q35-10.0,cpu-compat=' + of_line('pc-q35-3.1'),
                of_line('pc-q35-3.1'))]
        found = differences(ours, theirs)
        self.assertFalse(found, show_differences(found))


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""

    def test_vmx_and_svm(self):
        """With VMX and SVM, their MSRs and leaf are as released"""
        self.compare(NEWEST, lambda released: '', ['vmx', 'svm'])


# Not forced, they are CPUs as all others: what is not there is listed.

class Removed(removed_features.Checks):
    """What this host can't show of the versions"""

    @classmethod
    async def cases(cls, qemu):
        return [(machine, name) for machine in MACHINES[:5 if FULL else 1]
                for name in VERSIONS]

    def test_enforce(self):
        """enforce starts those of which nothing is missing, and no others"""
        started = []
        for sample in self.samples:
            _, machine, cpu = sample.name.split()
            try:
                asyncio.run(self.start(machine, cpu + ',enforce=on'))
                started.append(sample)
            except GuestError as exc:
                self.assertIn("doesn't support requested feature", str(exc))
        self.assertEqual(
            [s.name for s in started],
            [s.name for s in self.samples
             if not any(entry['blocking'] for entry in s.removed)])
        self.assertTrue(started)

    async def start(self, machine, cpu):
        async with Guest(QEMU, guest_args(machine, cpu), self.accel):
            pass


class TestRemovedTcg(Removed, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'

    def test_levels_run(self):
        """Levels 1 to 3 run under TCG as they are, and a guest has them"""
        seen = {sample.name.split()[2]: sample for sample in self.samples
                if sample.name.split()[1] == NEWEST}
        for level in (1, 2, 3):
            sample = seen[f'x86-64-abi{level}-v1']
            self.assertEqual(psabi_levels(sample.normal),
                             list(range(1, level + 1)), sample.name)


class TestRemovedKvm(NeedsKvm, Removed, unittest.TestCase):
    """Under KVM."""


if __name__ == '__main__':
    unittest.main()
