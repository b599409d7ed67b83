# SPDX-License-Identifier: GPL-2.0-or-later
"""
What every CPU model was on every machine type, as released: golden data.

For x86-cpu-golden, which writes and checks it: makes it of QEMU's answer, says
what the static expansions are, and compares.  Needs no QEMU.

A line's data is one file, answers.json.  It has those members of the file of
all CPU models (docs/models-file.rst) that answers follow from, and the
fingerprints; what only describes properties is left out, and so are machine
types without a version.  Models are differences, so that a diff of two
versions of the file shows what changed.

A site's own models (docs/cpu-model-tables.rst) are left out.  They can have
such a file next to their tables, in golden/LINE, with only these models and
base, which all are like.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import json
import os
import re
from typing import Any, Dict, List, Optional

from x86_cpu_errors import Failure, middle_out, shown
from x86_cpu_models import BASE, FORMAT_VERSION, Expander
import x86_cpu_json

COMMENT = ('SPDX-License-Identifier: CC0-1.0; written by "make golden", never '
           'by hand')

# The property that has the newest machine type of a line, whatever the model
ANCHOR = 'compat-anchor'

# A Change that no property shows
FINGERPRINT = '(fingerprint)'

# Machine types whose CPU models are kept: those with a version.  isapc is
# the one PC that has none, and nobody migrates it.
MACHINE_TYPE = re.compile(
    r'(pc-(?:i440fx|q35))-([0-9]{1,9}(?:\.[0-9]{1,9})*)\Z')

# Members of an answer that are kept as they are
RULES = ('dependencies', 'property-dependencies', 'conflicts', 'level-rules',
         'xsave-components')


@dataclass(frozen=True)
class Accelerator:
    """An accelerator, and if it takes that from the host: whose CPUs"""
    accel: str
    vendor: Optional[str]


# QEMU gives named models the vendor of the host under KVM, and microcode
# revisions depend on it: AMD has its own, all others have the same.
# Hosts of Hygon and Zhaoxin differ from Intel's in the vendor alone.
ACCELERATORS = {
    'tcg': Accelerator('tcg', None),
    'kvm-intel': Accelerator('kvm', 'GenuineIntel'),
    'kvm-amd': Accelerator('kvm', 'AuthenticAMD'),
}

Props = Dict[str, Any]


class Golden:
    """All answers under one accelerator."""

    def __init__(self, types, answers, fingerprints=None):
        """
        :param types: names of machine types, in any order
        :param answers: by model, by machine type: a dict of properties,
                        which many may share
        :param fingerprints: by model, by machine type, as far as known
        """
        self.types: List[str] = sorted(types, key=type_key)
        self.answers: Mapping[str, Dict[str, Props]] = answers
        self.fingerprints: Dict[str, Dict[str, str]] = fingerprints or {}

    @property
    def newest(self):
        """The newest pc-q35, which is the last one"""
        return self.types[-1]

    def models(self):
        return sorted(self.answers)


def type_key(name):
    match = MACHINE_TYPE.match(name)
    return match[1], [int(n) for n in match[2].split('.')]


def families(types):
    """Returns the versions of each family of machine types, sorted."""
    found = {}
    for name in sorted(types, key=type_key):
        family, version = MACHINE_TYPE.match(name).groups()
        found.setdefault(family, []).append(version)
    return found


def ranges(some, types):
    """Returns some of all types as 'pc-q35-2.4 to 3.1, pc-q35-4.0.1'."""
    some = set(some)
    return ', '.join(f'{family}-{text}' for family, texts in
                     ranges_by_family(some, types).items() for text in texts)


def ranges_for_people(text):
    """
    Returns such a text in short: the kinds of machine types are mostly of
    the same versions.  'pc-*-2.4 to 3.1'
    """
    found = {}
    for part in text.split(', ') if text else []:
        match = re.match(r'(pc-(?:i440fx|q35))-(\d.*)', part)
        if not match:
            return text
        found.setdefault(match[1], []).append(match[2])
    if len(found) < 2 or len(set(map(tuple, found.values()))) > 1:
        return text
    return ', '.join(f'pc-*-{part}' for part in next(iter(found.values())))


def ranges_by_family(some, types):
    """Returns for each kind of machine types a list of '2.4 to 3.1'."""
    found = {}
    for family, versions in families(types).items():
        runs = []
        for number, version in enumerate(versions):
            if f'{family}-{version}' not in some:
                continue
            if runs and runs[-1][1] == number - 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        found[family] = [
            versions[first] if first == last else
            f'{versions[first]} to {versions[last]}' for first, last in runs]
    return found


def parse_ranges(text, types):
    """
    Returns a list of machine types.

    :raise ValueError: the text is invalid
    """
    found = []
    for part in text.split(', '):
        first, _, last = part.partition(' to ')
        family = MACHINE_TYPE.match(first)[1] if MACHINE_TYPE.match(
            first) else ''
        start = types.index(first)
        end = types.index(f'{family}-{last}') if last else start
        if end < start:
            raise ValueError(text)
        found += types[start:end + 1]
    return found


# Models

def difference(old, new):
    """Returns what makes new of old; None: not there."""
    names = [name for name, value in new.items()
             if not same(old.get(name), value)]
    return {name: new.get(name) for name in sorted(
        names + [name for name in old if name not in new])}


def same(a, b):
    # Most are, and 1 == True.
    return a is b or a == b and isinstance(a, bool) == isinstance(b, bool)


# Making the data of QEMU's answer

def contents_of(table, line, models):
    """
    Returns what is in a file.

    :param table: an answer of query-cpu-model-table
    :param models: those to keep
    :raise ValueError: it does not make sense
    """
    Expander(table)
    layers = Layers(table, models)
    return {
        '$comment': COMMENT,
        'format-version': table['format-version'],
        'line': line,
        **{name: table[name] for name in RULES},
        'words': [{'name': word['name'], 'features': [
            members(feature, 'name', 'mask') for feature in word['features']]}
            for word in table['words']],
        'properties': [members(prop, 'name', 'type', 'default')
                       for prop in table['properties']],
        'layers': layers.layers,
        'models': [members(model, 'name', 'like', 'changes')
                   for model in table['models'] if model['name'] in models],
        'exceptions': layers.exceptions(table['exceptions']),
        'accelerators': [{
            **members(accelerator, 'name', 'changes', 'conditions',
                      'host-vendor'),
            'exceptions': layers.exceptions(accelerator['exceptions']),
            'fingerprints': [
                {'model': f['model'],
                 'values': layers.fingerprints(f['values'])}
                for f in accelerator['fingerprints']
                if f['model'] in models],
        } for accelerator in table['accelerators']],
    }


def members(value, *names):
    return {name: value[name] for name in names if name in value}


class Layers:
    """
    The layers of a table, without machine types that have no version, and
    without the models of somebody else.
    """

    def __init__(self, table, models):
        """:raise ValueError: it does not make sense"""
        self._models = models
        # The rows that can be for a layer
        self._rows = [table['exceptions']] + [
            a['exceptions'] for a in table['accelerators']]
        # By name in the table
        self._names = {}
        # By number in the table: whether it is one here
        self._kept = []
        # The names of these in the table
        self._own = set()
        self.layers = []
        before = None
        for layer in table['layers']:
            types = [name for name in layer['machine-types']
                     if MACHINE_TYPE.match(name)]
            self._kept.append(bool(types) and not (
                before and self._is_as_before(layer, before)))
            if not types:
                continue
            if self._kept[-1]:
                self._own.add(layer['name'])
                self.layers.append(self._layer(layer, types))
            else:
                self.layers[-1]['machine-types'] += types
            self._names[layer['name']] = self.layers[-1]['name']
            before = layer

    def _layer(self, layer, types):
        found = {'name': types[0], 'machine-types': types,
                 'changes': layer['changes']}
        if 'like' in layer:
            if layer['like'] not in self._names:
                raise ValueError(f"layer '{shown(layer['name'])}' is like one "
                                 'without versioned machine types')
            found['like'] = self._names[layer['like']]
        return found

    def _of(self, layer):
        """Returns the changes of each list of exceptions."""
        return [[(row.get('model'), row['changes']) for row in rows
                 if row['layer'] == layer['name'] and
                 row.get('model', BASE) in self._models]
                for rows in self._rows]

    def _is_as_before(self, layer, before):
        """
        Returns whether only models that are left out make it a layer of its
        own.
        """
        own, *accelerated = self._of(layer)
        return (layer.get('like') == before['name'] and
                not any(layer['changes'].values()) and not own and
                accelerated == self._of(before)[1:])

    def exceptions(self, rows):
        return [{**members(row, 'model', 'changes'),
                 'layer': self._names[row['layer']]} for row in rows
                if row.get('model', BASE) in self._models and
                row['layer'] in self._own]

    def fingerprints(self, values):
        found = []
        for value, kept in zip(each(values), self._kept):
            if kept:
                found.append(value)
        return [value if not n or value != found[n - 1] else ''
                for n, value in enumerate(found)]


def each(values):
    """Yields fingerprints, also where they are that of the layer before."""
    before = ''
    for value in values:
        before = value or before
        yield before


def text_of(data):
    """Returns the text of a file: the same data, the same bytes."""
    return json.dumps(data, indent=1, sort_keys=True) + '\n'


# What it says

class Expansions(Mapping):
    """Static expansions by model, by machine type, made when asked for."""

    def __init__(self, expander, accelerator, newest):
        self._expander = expander
        self._accelerator = accelerator
        self._newest = newest
        self._models = dict.fromkeys(expander.models.names())

    def __iter__(self):
        return iter(self._models)

    def __len__(self):
        return len(self._models)

    def __contains__(self, model):
        return model in self._models

    def __getitem__(self, model):
        if self._models[model] is None:
            self._models[model] = dict(self._expand(model))
        return self._models[model]

    def _expand(self, model):
        before = found = None
        for layer, props in zip(
                self._expander.models.layers, self._expander.expansions(
                    model, self._accelerator.accel,
                    self._accelerator.vendor)):
            # Equal ones stay one object.
            if props is not before:
                before, found = props, {**props, ANCHOR: self._newest}
            for machine in layer['machine-types']:
                yield machine, found


class Answers:
    """The answers in a file of golden data."""

    def __init__(self, data):
        """:raise ValueError: that is not golden data"""
        self.data = data
        expander = Expander(data)
        check_types(data['layers'])
        self.types = sorted((
            machine for layer in data['layers']
            for machine in layer['machine-types']), key=type_key)
        # By accelerator
        self.goldens: Dict[str, Golden] = {}
        there = {a['name']: a for a in data['accelerators']}
        for name, accelerator in ACCELERATORS.items():
            if accelerator.accel in there:
                self.goldens[name] = Golden(
                    self.types,
                    Expansions(expander, accelerator, self.types[-1]),
                    fingerprints_of(there[accelerator.accel],
                                    data['layers']))

    def without(self, models):
        """Returns by accelerator: the Golden of all but some models."""
        return {name: only(golden, golden.answers.keys() - set(models))
                for name, golden in self.goldens.items()}


def fingerprints_of(accelerator, layers):
    """
    Returns them by model, by machine type.

    :raise ValueError: there is not one for each layer
    """
    for f in accelerator['fingerprints']:
        if len(f['values']) != len(layers):
            raise ValueError(f"'{shown(f['model'])}' does not have one "
                             'fingerprint for each layer')
    return {f['model']: {machine: value
                         for layer, value in zip(layers, each(f['values']))
                         for machine in layer['machine-types']}
            for f in accelerator['fingerprints']}


def decode(data):
    """
    Returns the Answers of a file.

    :raise ValueError: that is not golden data
    """
    x86_cpu_json.check(data, {name: list for name in RULES})
    answers = Answers(data)
    names = [model['name'] for model in data['models']]
    if BASE not in names:
        raise ValueError(f"there is no model '{BASE}'")
    missing = {a.accel for a in ACCELERATORS.values()} - {
        a['name'] for a in data['accelerators']}
    if missing:
        raise ValueError(f"there is no accelerator '{min(missing)}'")
    return answers


def check_types(layers):
    types = [name for layer in layers for name in layer['machine-types']]
    for name in types:
        if not MACHINE_TYPE.match(name):
            raise ValueError(f"layers: '{shown(name)}' is not a "
                             'versioned machine type')
    if len(set(types)) != len(types):
        raise ValueError('layers: a machine type is in two of them')


# Files

def data_top():
    """
    Returns the directory of all lines' data: next to this file if it is
    installed, or in the checkout.
    """
    here = os.path.dirname(os.path.abspath(__file__))
    top = os.path.join(here, 'golden')
    return (top if os.path.isdir(top) else
            os.path.join(os.path.dirname(here), 'tests', 'golden'))


def data_dir(line=None, new=False):
    """
    Returns the directory of a line's data, and the line.

    :param line: the newest that is there if None
    :param new: it need not be there
    :raise Failure: there is none
    """
    top = data_top()
    lines = [name for name in (os.listdir(top) if os.path.isdir(top) else [])
             if re.fullmatch(r'\d+(\.\d+)*', name)]
    if not line:
        if not lines:
            raise Failure(f'there is no golden data in {top}')
        line = max(lines, key=lambda name: [int(n) for n in name.split('.')])
    # As setup_line in lib.sh
    if '/' in line or line.startswith('.') or not (new or line in lines):
        raise Failure(f'LINE={shown(line)}: no such release line; available: '
                      f"{' '.join(sorted(lines)) or 'none'}")
    return os.path.join(top, line), line


def path_of(directory):
    return os.path.join(directory, 'answers.json')


def read(directory, line):
    """
    Returns the Answers.

    :raise Failure: they cannot be read
    """
    path = path_of(directory)
    try:
        with open(path, 'rb') as f:
            data = x86_cpu_json.load(f.read())
    except OSError as e:
        raise Failure(f'cannot read {path}: {e.strerror}') from e
    except ValueError as e:
        raise Failure(f'{path} is not JSON: {e}') from e
    version = data.get('format-version') if isinstance(data, dict) else None
    if not same(version, FORMAT_VERSION):
        raise Failure(f'{path} is of version {shown(json.dumps(version))}; '
                      f'this reads version {FORMAT_VERSION}')
    if data.get('line') != line:
        raise Failure(f"{path} is about QEMU {shown(data.get('line'))}, not "
                      f'QEMU {line}')
    try:
        return decode(data)
    except ValueError as e:
        raise Failure(f'{path} is not golden data: '
                      f'{middle_out(str(e), 400)}') from e


def write(directory, answers):
    """:raise Failure: it cannot be written"""
    write_text(path_of(directory), text_of(answers.data))


def write_text(path, text):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        # Whole, or not at all
        with open(f'{path}.new', 'w', encoding='utf-8') as f:
            f.write(text)
        os.replace(f'{path}.new', path)
    except OSError as e:
        raise Failure(f'cannot write {path}: {e.strerror}') from e


# A site's own models

def site_models(tables):
    """
    Returns the names of the CPU models that a directory of tables has.

    :raise Failure: it cannot be read, or has no tables
    """
    found = set()
    try:
        files = [name for name in sorted(os.listdir(tables))
                 if name.endswith('.tbl')]
        for name in files:
            with open(os.path.join(tables, name), encoding='utf-8',
                      errors='replace') as f:
                found |= table_models(f)
    except OSError as e:
        raise Failure(f'cannot read {e.filename}: {e.strerror}') from e
    if not files:
        raise Failure(f'{tables} has no *.tbl in it')
    return found


def table_models(lines):
    """Returns the names of models, versions and aliases of a table."""
    found, model = set(), ''
    for line in lines:
        key, value = (line.split() + ['', ''])[:2]
        if key == 'cpu':
            model = value
            found.add(model)
        elif key == 'version':
            found.add(f'{model}-v{value}')
        elif key == 'alias':
            found.add(value)
    return found


def site_dir(tables, line):
    """Returns the directory of a line's data of a site's models."""
    return os.path.join(tables, 'golden', line)


def no_data(tables, line):
    """Returns the note that a site's models have no data."""
    # Until QEMU had the table, there was a file for each accelerator.
    old = any(os.path.exists(os.path.join(site_dir(tables, line),
                                          f'{name}.json'))
              for name in ACCELERATORS)
    what = 'golden data of an older form only' if old else 'no golden data'
    return (f'the CPU models of {tables} have {what} of QEMU {line}; make '
            'golden writes it')


def only(golden, models):
    """Returns the Golden of those of the models that are there."""
    return Golden(golden.types, {
        model: answers for model, answers in golden.answers.items()
        if model in models}, golden.fingerprints)


def read_site(tables, line):
    """
    Returns the Answers of a site's models and base, or None if none were
    written.

    :raise Failure: they cannot be read
    """
    directory = site_dir(tables, line)
    if not os.path.exists(path_of(directory)):
        return None
    return read(directory, line)


# Comparing

@dataclass
class Change:
    """A property that is not what it was"""
    models: List[str]
    prop: str
    was: Any
    now: Any
    # As ranges; 'all' if so
    types: str


@dataclass
class Comparison:
    """What differs between two Goldens"""
    models_gone: List[str]
    models_new: List[str]
    # As ranges
    types_gone: str
    types_new: str
    changes: List[Change]

    def __bool__(self):
        return bool(self.models_gone or self.models_new or self.types_gone or
                    self.types_new or self.changes)


def nothing():
    """Returns the Comparison of what is the same."""
    return Comparison([], [], '', '', [])


def compare(was, now):
    """Returns the Comparison; what only one has is not looked into."""
    types = [machine for machine in was.types if machine in set(now.types)]
    found = {}
    for model in was.models():
        if model in now.answers:
            for (prop, *values), some in changes_of(was, now, model, types):
                where = 'all' if some == types else ranges(some, types)
                key = prop, where, json.dumps(values)
                found.setdefault(key, Change([], prop, *values, where)
                                 ).models.append(model)
    return Comparison(
        models_gone=sorted(set(was.answers) - set(now.answers)),
        models_new=sorted(set(now.answers) - set(was.answers)),
        types_gone=ranges(set(was.types) - set(now.types), was.types),
        types_new=ranges(set(now.types) - set(was.types), now.types),
        changes=sorted(found.values(), key=change_key))


def together(one, other):
    """Returns the Comparison of two sets of models on the same types."""
    return Comparison(
        models_gone=sorted(one.models_gone + other.models_gone),
        models_new=sorted(one.models_new + other.models_new),
        types_gone=one.types_gone or other.types_gone,
        types_new=one.types_new or other.types_new,
        changes=sorted(one.changes + other.changes, key=change_key))


def change_key(change):
    return change.models, change.prop, change.types


def changes_of(was, now, model, types):
    """Yields (property, was, now) and the machine types."""
    found = {}
    # Few of the answers are different.
    seen = {}
    for machine in types:
        old, new = [golden.answers[model][machine] for golden in (was, now)]
        prints = [golden.fingerprints.get(model, {}).get(machine)
                  for golden in (was, now)]
        key = id(old), id(new), *prints
        if key not in seen:
            seen[key] = list(changes_here(old, new, prints))
        for change in seen[key]:
            found.setdefault(json.dumps(change), (change, []))[1].append(
                machine)
    return found.values()


def changes_here(old, new, fingerprints):
    """Yields (property, was, now)."""
    differs = False
    for prop, value in difference(old, new).items():
        # A new machine type changes it in every model.
        if prop != ANCHOR:
            differs = True
            yield prop, old.get(prop), value
    was, now = fingerprints
    if was and now and was != now and not differs:
        yield FINGERPRINT, was, now


@dataclass
class RuleChange:
    """A rule that is not what it was"""
    member: str
    # None: not there
    was: Optional[str]
    now: Optional[str]


def compare_rules(was, now):
    """Returns the RuleChanges between the data of two files."""
    found = []
    both = {a['name'] for a in was['accelerators']} & {
        a['name'] for a in now['accelerators']}
    before = dict(rules_of(was, both))
    for member, new in rules_of(now, both):
        old = before[member]
        if sorted(old) == sorted(new) and old != new:
            found.append(RuleChange(member, 'in order', 'in another order'))
        found += [RuleChange(member, row, None) for row in old
                  if row not in new]
        found += [RuleChange(member, None, row) for row in new
                  if row not in old]
    for member, describe in ('words', places_of), ('properties', kinds_of):
        old, new = describe(was), describe(now)
        found += [RuleChange(member, old[name], new[name]) for name in old
                  if name in new and old[name] != new[name]]
    return found


def rules_of(data, accelerators):
    """Yields lists of rules that no property shows, as text."""
    for member in RULES:
        yield member, [rule_text(row) for row in data[member]]
    for accelerator in data['accelerators']:
        if accelerator['name'] in accelerators:
            yield f"{accelerator['name']} conditions", list(
                map(rule_text, accelerator['conditions']))


def rule_text(value):
    """Returns JSON in short: 'mask=0x4 word=FEAT_SVM'"""
    if isinstance(value, dict):
        return ' '.join(f'{name}={rule_text(item)}'
                        for name, item in sorted(value.items()))
    if isinstance(value, list):
        return ','.join(map(rule_text, value))
    return value if isinstance(value, str) else json.dumps(value)


def places_of(data):
    # New ones show as properties.
    return {f['name']: f"{f['name']} {word['name']} {f['mask']}"
            for word in data['words'] for f in word['features']}


def kinds_of(data):
    return {prop['name']: rule_text(prop) for prop in data['properties']}
