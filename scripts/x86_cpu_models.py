# SPDX-License-Identifier: GPL-2.0-or-later
"""
The file of all CPU models, qemu-cpu-models.json.

For x86-cpu-table, which writes it, and the golden data: makes it of QEMU's
answer, says what a model is on each machine type, and what QEMU makes of that.
docs/models-file.rst describes it.  Needs no QEMU.
"""

import hashlib
import json
import zlib

from x86_cpu_errors import shown
from x86_cpu_json import SCALAR
import x86_cpu_json

# Of the file; incremented by QEMU if readers have to change.
FORMAT_VERSION = 1

COMMENT = ('SPDX-License-Identifier: CC0-1.0; written by "make", never by '
           'hand')

# The model that stands for machine types, as it has nothing of its own
BASE = 'base'

# The accelerators that QEMU can be built with, as far as they are described
ACCELERATORS = ('kvm', 'tcg')

# The answer of query-cpu-model-table, as far as it is read here; see
# x86_cpu_json.check()
CHANGES = {'on?': [str], 'off?': [str], 'set?': {str: SCALAR}}
TABLE = {
    'format-version': int,
    'properties': [{'name': str, 'type': str, 'default?': SCALAR}],
    'layers': [{'name': str, 'machine-types': [str, ...], 'like?': str,
                'changes': CHANGES}, ...],
    'machine-aliases?': [{'alias': str, 'machine-type': str}],
    'models': [{'name': str, 'like?': str, 'changes': CHANGES}],
    'exceptions': [{'model?': str, 'layer': str, 'changes': CHANGES}],
    'accelerators': [{'name': str, 'fingerprints': list}],
}

# What the static expansions follow from, too
MASKS = {'word': str, 'mask?': str, 'needs-word?': str, 'needs-mask?': str}
EXCEPTIONS = TABLE['exceptions']
RULES = {
    'words': [{'name': str, 'features': [{'name': str, 'mask': str}]}],
    'dependencies': [{'word': str, 'mask': str, 'needs-word': str,
                      'needs-mask': str}],
    'level-rules': [{'word': str, 'mask?': str, 'leaf': int, 'subleaf?': int,
                     'properties': [str]}],
    'accelerators': [{
        'name': str, 'changes': CHANGES,
        'conditions': [{'kernel-irqchip': [str], 'changes': CHANGES}],
        'host-vendor': str, 'exceptions': EXCEPTIONS,
        'fingerprints': [{'model': str, 'values': [str]}]}],
}

# The types that values of "set" have, by that of the property
SET_TYPES = {'int': int, 'str': str}

# Of a property without one, by type
DEFAULTS = {'bool': False, 'on-off': False, 'int': 0, 'str': ''}

# In the place of a value that is the host's
HOST = 'host'

# A level, or guest-phys-bits, that is worked out
AUTOMATIC = 0xffffffff

# Those of leaf 1, EDX, which AMD's CPUs have in leaf 0x80000001, EDX, too
AMD = 'AuthenticAMD'
AMD_ALIASES = 0x0183f3ff

# Of CPUs that don't set them
PHYS_BITS = 40
AMD_MICROCODE = 0x01000065
MICROCODE = 0x100000000

# The property that QEMU 11.1 has, on which a CPU without a PMU has nothing that
# needs one; and those that it lacks, which are told if not at their default
OF_11_1 = 'x-pdcm-on-even-without-pmu'
RETIRED = ('full-cpuid-auto-level', 'x-hv-synic-kvm-only',
           'x-intel-pt-auto-level')

# By the highest digit of a leaf: the level that it raises
MINIMA = {0x0: 'min-level', 0x8: 'min-xlevel', 0xc: 'min-xlevel2'}


# The file

def sha256(value):
    """Returns that of the canonical text of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(',', ':'))
    return hashlib.sha256(text.encode()).hexdigest()


def digest(contents):
    """
    Returns the digest of what answers follow from.

    Tests want one of files that are no good, too.
    """
    told = {name: value for name, value in contents.items()
            if name not in ('$comment', '$crc32', 'digest')}
    accelerators = contents.get('accelerators')
    if isinstance(accelerators, list):
        # They follow from the rest.
        told['accelerators'] = [
            {name: value for name, value in accelerator.items()
             if name != 'fingerprints'}
            if isinstance(accelerator, dict) else accelerator
            for accelerator in accelerators]
    return sha256(told)


def crc32(contents):
    """Returns the CRC of all lines of the file but its own."""
    lines = text_of({name: value for name, value in contents.items()
                     if name != '$crc32'})
    return f'{zlib.crc32(lines.encode()):08x}'


def sealed(contents):
    """Returns the contents of a file with their digest and CRC."""
    contents = {**contents, 'digest': digest(contents)}
    return {**contents, '$crc32': crc32(contents)}


def contents_of(answer, version):
    """
    Returns what is in the file.

    :param answer: of query-cpu-model-table
    :param version: of query-version
    """
    return sealed({
        **answer,
        '$comment': COMMENT,
        'qemu': {**version['qemu'], 'package': version['package']},
    })


def text_of(contents):
    """Returns the text of the file: the same contents, the same bytes."""
    return json.dumps(contents, indent=1, sort_keys=True) + '\n'


# What it says

def count(changes):
    """Returns how many properties differ."""
    return sum(map(len, changes.values()))


class Models:
    """All CPU models on all machine types, before accelerators' changes."""

    def __init__(self, table):
        """
        :param table: the file, or an answer of query-cpu-model-table
        :raise ValueError: it does not make sense
        """
        x86_cpu_json.check(table, TABLE)
        self.layers = table['layers']
        self._models = {m['name']: m for m in table['models']}
        self._defaults = {p['name']: self._default(p)
                          for p in table['properties']}
        # By layer: the number of the one that it is compared with
        self.pivots = list(self._pivots())
        names = {layer['name'] for layer in self.layers}
        self._exceptions = {}
        for e in table['exceptions']:
            if e['layer'] not in names:
                raise ValueError("an exception is for layer "
                                 f"'{shown(e['layer'])}', which is not there")
            self._exceptions.setdefault(e['layer'], []).append(
                (e.get('model'), e['changes']))
        # By layer: base's properties
        self._base = []
        for layer, pivot in zip(self.layers, self.pivots):
            self._base.append(self._changed(
                {} if pivot is None else self._base[pivot],
                layer['changes']))
        # By layer: in what base differs there, as (name, before, now)
        self._moves = [
            [] if pivot is None else self._differences(
                self._base[pivot], self._base[number])
            for number, pivot in enumerate(self.pivots)]
        # By model: its properties in the first layer
        self._first = {BASE: self._base[0]}
        for model in self._models:
            self._in_first_layer(model)

    def _pivots(self):
        numbers = {}
        for number, layer in enumerate(self.layers):
            like = layer.get('like')
            if number and like not in numbers or not number and like:
                raise ValueError(f"layer '{shown(layer['name'])}' is not like "
                                 'one before it')
            yield numbers.get(like)
            numbers[layer['name']] = number

    @staticmethod
    def _default(prop):
        if prop['type'] not in DEFAULTS:
            raise ValueError(f"property '{shown(prop['name'])}' is of type "
                             f"'{shown(prop['type'])}'")
        value = prop.get('default', DEFAULTS[prop['type']])
        return value == 'on' if prop['type'] == 'on-off' and (
            isinstance(value, str)) else value

    def _changed(self, props, *changes):
        """Returns properties after changes."""
        props = dict(props)
        for c in changes:
            apply(props, c)
        return self._without_defaults(props)

    def _without_defaults(self, props):
        return {name: value for name, value in props.items()
                if value != self.default(name)}

    def default(self, name):
        """Returns what a CPU has that doesn't set a property."""
        return self._defaults.get(name, False)

    def names(self):
        return list(self._models)

    def exceptions(self, layer):
        """Returns how many exceptions there are in a layer, by its name."""
        return len(self._exceptions.get(layer, []))

    def _in_first_layer(self, model):
        # Not by recursion: a file can have a chain of any length.
        chain, name = {}, model
        while name is not None and name not in self._first:
            if name in chain:
                raise ValueError(f"model '{shown(name)}' is like itself in "
                                 'the end')
            if name not in self._models:
                raise ValueError(f"there is no model '{shown(name)}', which "
                                 'another one is like')
            chain[name] = self._models[name]
            name = chain[name].get('like')
        for link in reversed(chain.values()):
            self._first[link['name']] = self._changed(
                self._first.get(link.get('like'), {}), link['changes'])
        return self._first[model]

    def _differences(self, old, new):
        return [(name, *values) for name in {**old, **new} for values in [
            [props.get(name, self.default(name)) for props in (old, new)]]
                if values[0] != values[1]]

    def _expected(self, props, number):
        """Returns what base tells of a model, by what it is elsewhere."""
        found = dict(props)
        for name, before, now in self._moves[number]:
            default = self.default(name)
            if props.get(name, default) == before:
                found[name] = now
                if now == default:
                    del found[name]
        return found

    def in_layers(self, model):
        """
        Yields what a model requests in each layer, and what is expected
        there: dicts of the properties that are not at their default.
        """
        if model == BASE:
            yield from ((props, props) for props in self._base)
            return
        found = [self._first[model]]
        yield found[0], found[0]
        for number, layer in enumerate(self.layers[1:], 1):
            expected = self._expected(found[self.pivots[number]], number)
            changes = [c for name, c in self._exceptions.get(
                layer['name'], []) if name in (None, model)]
            found.append(self._changed(expected, *changes) if changes
                         else expected)
            yield found[number], expected


# What QEMU makes of it

def apply(cpu, changes):
    """Makes changes to the properties of a CPU."""
    cpu.update({name: True for name in changes.get('on', [])})
    cpu.update({name: False for name in changes.get('off', [])})
    cpu.update(changes.get('set', {}))


class Expander:
    """
    Static expansions of all models, from the table alone.

    As target-i386-ext/core/expand.c does it, of which tests say that it is
    what QEMU does.
    """

    def __init__(self, table):
        """
        :param table: the file, or an answer of query-cpu-model-table
        :raise ValueError: it does not make sense
        """
        x86_cpu_json.check(table, RULES)
        self.models = Models(table)
        self._types = {p['name']: p['type'] for p in table['properties']}
        self._is_11_1 = OF_11_1 in self._types
        self._values = {name: self.models.default(name)
                        for name in self._types}
        self._words = [word['name'] for word in table['words']]
        self._places = {f['name']: (word['name'], mask_of(f['mask']))
                        for word in table['words'] for f in word['features']}
        self._nothing = {**dict.fromkeys(self._places, False),
                         **{name: self._told(name, value)
                            for name, value in self._values.items()}}
        self._dependencies = [
            (row['word'], mask_of(row['mask']), row['needs-word'],
             mask_of(row['needs-mask'])) for row in table['dependencies']]
        self._level_rules = [
            (row['word'], mask_of(row.get('mask', '0xffffffffffffffff')),
             row) for row in table['level-rules']]
        self._accelerators = {a['name']: a for a in table['accelerators']}
        self._check(table)

    def _check(self, table):
        """:raise ValueError: names or values are not of this table"""
        for word in [name for a, _, b, _ in self._dependencies
                     for name in (a, b)] + [row[0] for row in
                                            self._level_rules]:
            if word not in self._words:
                raise ValueError(f"a rule is for word '{shown(word)}', which "
                                 'is not there')
        for _, _, row in self._level_rules:
            if row['leaf'] >> 28 not in MINIMA:
                raise ValueError(f"no level has the leaf {row['leaf']:#x}")
        for prop in table['properties']:
            if 'default' in prop and prop['type'] in SET_TYPES:
                self._check_changes({'set': {prop['name']: prop['default']}})
        for rows in (table['layers'], table['models'], table['exceptions'],
                     *(rows for a in table['accelerators'] for rows in (
                         [a], a['conditions'], a['exceptions']))):
            for row in rows:
                self._check_changes(row['changes'])

    def _check_changes(self, changes):
        for name in [*changes.get('on', []), *changes.get('off', [])]:
            if self._types.get(name, None if name not in self._places
                               else 'bool') not in ('bool', 'on-off'):
                raise ValueError(f"'{shown(name)}' is neither a feature nor "
                                 'an on/off property')
        for name, value in changes.get('set', {}).items():
            kind = SET_TYPES.get(self._types.get(name))
            if not kind or not x86_cpu_json.is_a(value, kind):
                raise ValueError(f"property '{shown(name)}' cannot be "
                                 f'{shown(json.dumps(value))}')

    def accelerators(self):
        """Returns the names of those that there are."""
        return list(self._accelerators)

    def expansions(self, model, accelerator, vendor=None):
        """
        Yields the properties of a model's static expansion in each layer,
        with kernel-irqchip=on.

        :param vendor: of the host; None: the model keeps its own
        """
        before = found = None
        for layer, (props, _) in zip(self.models.layers,
                                     self.models.in_layers(model)):
            cpu = {**self._values, **props}
            self._accelerate(cpu, self._accelerators[accelerator], model,
                             layer['name'], vendor)
            # Of equal ones there is one, as they take a lot of room.
            if cpu != before:
                before = dict(cpu)
                found = self._expanded(cpu, accelerator == 'kvm')
            yield found

    @staticmethod
    def _accelerate(cpu, accelerator, model, layer, vendor):
        """Makes the changes of an accelerator."""
        if model != BASE:
            for row in [accelerator, *accelerator['conditions']]:
                if 'on' in row.get('kernel-irqchip', ['on']):
                    apply(cpu, row['changes'])
        if vendor and (accelerator['host-vendor'] == 'all' or model != BASE
                       and accelerator['host-vendor'] == 'named'):
            cpu['vendor'] = vendor
        for row in accelerator['exceptions']:
            if row['layer'] == layer and (
                    row['model'] == model if 'model' in row
                    else model != BASE):
                apply(cpu, row['changes'])

    def _expanded(self, cpu, kvm):
        if self._is_11_1 and not cpu.get('pmu'):
            cpu['arch-lbr'] = False
            if not cpu.get(OF_11_1):
                cpu['pdcm'] = False
        words = self._closed(cpu)
        if not kvm or not cpu.get('kvm'):
            words['FEAT_KVM'] = 0
        self._raise_levels(cpu, words)
        is_amd = cpu.get('vendor') == AMD
        if is_amd:
            # They follow from leaf 1.
            words['FEAT_8000_0001_EDX'] = (
                words.get('FEAT_8000_0001_EDX', 0) & ~AMD_ALIASES)
        self._set_address_bits(cpu, words, kvm)
        if not cpu.get('ucode-rev'):
            cpu['ucode-rev'] = AMD_MICROCODE if is_amd else MICROCODE
        cpu['hv-passthrough'] = False
        found = dict(self._nothing)
        for name, value in cpu.items():
            if name in self._types:
                found[name] = self._told(name, value)
            elif value and name in self._places:
                found[name] = self._is_on(name, words)
        for name in self._left_out(cpu):
            found.pop(name, None)
        return found

    def _told(self, name, value):
        """Returns a value as descriptions have it."""
        if self._types[name] != 'on-off':
            return value
        return 'on' if value else 'off'

    def _is_on(self, name, words):
        word, mask = self._places[name]
        return words[word] & mask == mask

    def _closed(self, cpu):
        """Returns the words, without features that lack what they need."""
        words = dict.fromkeys(self._words, 0)
        for name, value in cpu.items():
            if value and name in self._places:
                word, mask = self._places[name]
                words[word] |= mask
        for word, mask, needs_word, needs_mask in self._dependencies:
            if not words[needs_word] & needs_mask:
                words[word] &= ~mask
        return words

    def _raise_levels(self, cpu, words):
        func7 = 0
        for word, mask, row in self._level_rules:
            if words[word] & mask and all(map(cpu.get, row['properties'])):
                level = MINIMA[row['leaf'] >> 28]
                cpu[level] = max(cpu.get(level, 0), row['leaf'])
                func7 = max(func7, row.get('subleaf', 0))
        if cpu.get('level-func7') == AUTOMATIC:
            cpu['level-func7'] = func7

    def _set_address_bits(self, cpu, words, kvm):
        lm = 'lm' in self._places and self._is_on('lm', words)
        if cpu.get('guest-phys-bits') == AUTOMATIC:
            # It is still 0 then for CPUs without lm, or without phys-bits.
            cpu['guest-phys-bits'] = HOST if kvm else 0
        if lm and kvm and cpu.get('host-phys-bits'):
            cpu['phys-bits'] = HOST
        elif lm:
            cpu['phys-bits'] = cpu.get('phys-bits') or PHYS_BITS
        cpu['host-phys-bits'] = False
        cpu['host-phys-bits-limit'] = 0

    def _left_out(self, cpu):
        """Yields the properties that an expansion leaves out."""
        for name in 'level', 'xlevel', 'xlevel2':
            if cpu.get(name) == AUTOMATIC:
                yield name
        for name in 'phys-bits', 'tsc-frequency':
            if not cpu.get(name):
                yield name
        if cpu.get('legacy-cache'):
            yield from (f'l{cache}-cache-info'
                        for cache in ('1d', '1i', '2', '3'))
        if self._is_11_1:
            for name in RETIRED:
                if cpu.get(name) == self.models.default(name):
                    yield name


def mask_of(text):
    """
    Returns the number that a mask is.

    :raise ValueError: it is none
    """
    try:
        mask = int(text, 16)
    except ValueError:
        mask = -1
    if not 0 <= mask < 1 << 64:
        raise ValueError(f"'{shown(text)}' is not a 64-bit mask")
    return mask
