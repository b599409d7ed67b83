# SPDX-License-Identifier: GPL-2.0-or-later
"""
What every CPU model was on every machine type, as released: golden data.

For x86-cpu-golden, which writes and checks it, and x86-cpu-history, which
reads it: encodes, decodes and compares the data.  Needs no QEMU.

A file has the answers under one accelerator, encoded as differences, so that
a diff of two versions of the file shows what changed:

  machine-types   all of them
  newest          the machine type of "props"
  models          by name:
    like          another model; without it: no properties at all
    props         what differs from "like" on the newest machine type;
                  null: not there
    on            by property and machine types: the value there, if it is
                  not what "props", and base's own "on", give

names/LINE.json has the other names of features.

A site's own models (docs/cpu-model-tables.rst) are left out.  They can have
such files next to their tables, in golden/LINE, with only these models and
base, which all are like.
"""

from dataclasses import dataclass
import json
import os
import re
from typing import Any, Dict, List, Optional

from x86_cpu_errors import Failure, middle_out, shown
from x86_cpu_json import SCALAR
import x86_cpu_json
import x86_cpu_names

# Of the files; grows by one when a reader would have to change.
VERSION = 1

COMMENT = ('SPDX-License-Identifier: GPL-2.0-or-later; written by '
           '"make golden", never by hand')

# What all others are like in the end
BASE = 'base'

# In the place of a value that is the host's
HOST = 'host'

# Machine types whose CPU models are kept: those with a version.  isapc is
# the one PC that has none, and nobody migrates it.
MACHINE_TYPE = re.compile(
    r'(pc-(?:i440fx|q35))-([0-9]{1,9}(?:\.[0-9]{1,9})*)\Z')

# A file; see x86_cpu_json.check()
VALUE = (*SCALAR, type(None))
FILE = {
    'machine-types': [str],
    'newest': str,
    'models': {str: {'like?': str, 'props': {str: VALUE},
                     'on?': {str: {str: VALUE}}}},
}


NAMES_FILE = {'features': [x86_cpu_names.ENTRY]}


@dataclass(frozen=True)
class Accelerator:
    """An accelerator, and if it takes that from the host: whose CPUs"""
    accel: str
    vendor: Optional[str]
    title: str


# QEMU gives named models the vendor of the host under KVM, and microcode
# revisions depend on it: AMD has its own, all others have the same.
# Hosts of Hygon and Zhaoxin differ from Intel's in the vendor alone.
ACCELERATORS = {
    'tcg': Accelerator('tcg', None, 'TCG'),
    'kvm-intel': Accelerator('kvm', 'GenuineIntel', 'KVM on Intel'),
    'kvm-amd': Accelerator('kvm', 'AuthenticAMD', 'KVM on AMD'),
}

Props = Dict[str, Any]


class Golden:
    """All answers under one accelerator."""

    def __init__(self, types, answers):
        """
        :param types: names of machine types, in any order
        :param answers: by model, by machine type: a dict of properties,
                        which many may share
        """
        self.types: List[str] = sorted(types, key=type_key)
        self.answers: Dict[str, Dict[str, Props]] = answers

    @property
    def newest(self):
        """The newest pc-q35, which is the last one"""
        return self.types[-1]

    def on_newest(self):
        """Returns by model: the properties there"""
        return {model: answers[self.newest]
                for model, answers in self.answers.items()}

    def models(self):
        return sorted(self.answers)

    def values(self, model, prop):
        """Returns a list of (value, machine types), oldest types first."""
        found = {}
        for machine in self.types:
            value = self.answers[model][machine].get(prop)
            found.setdefault(json.dumps(value), (value, []))[1].append(machine)
        return list(found.values())


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


# Encoding

def difference(old, new):
    """Returns what makes new of old; None: not there."""
    return {name: new.get(name) for name in sorted({**old, **new})
            if not same(old.get(name), new.get(name))}


def same(a, b):
    # 1 == True
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def changed(props, changes):
    result = {**props, **changes}
    for name in [name for name, value in changes.items() if value is None]:
        del result[name]
    return result


def version_of(model, models):
    """
    Returns (name, number) of a name such as EPYC-v2, or None.

    x86-64-v2 is not a version: there is no model x86-64.
    """
    stem, _, version = model.rpartition('-v')
    return ((stem, int(version)) if stem in models and
            re.fullmatch('[0-9]{1,9}', version) else None)


def likeness(model, newest):
    """
    Returns the model to write this one down as a difference from: the
    version before it, the version that it stands for, or base.
    """
    if model == BASE:
        return None
    version = version_of(model, newest)
    if version:
        before = f'{version[0]}-v{version[1] - 1}'
        return before if before in newest else BASE
    if f'{model}-v1' in newest:
        return f'{model}-v1'
    equal = [name for name in newest if version_of(name, newest) and
             not difference(newest[name], newest[model])]
    return min(equal, default=BASE)


def encode(golden, name, line):
    """Returns what is in a file."""
    newest = golden.on_newest()
    models = {}
    for model in golden.models():
        like = likeness(model, newest)
        props = difference(newest[like] if like else {}, newest[model])
        models[model] = {'props': props}
        if like:
            models[model]['like'] = like
        on = encode_on(golden, model)
        if on:
            models[model]['on'] = on
    accelerator = ACCELERATORS[name]
    return {
        '$comment': COMMENT,
        'version': VERSION,
        'line': line,
        'accelerator': accelerator.accel,
        **({'host-vendor': accelerator.vendor} if accelerator.vendor else {}),
        'machine-types': golden.types,
        'newest': golden.newest,
        'models': models,
    }


def expected_on(model, newest, newest_base, base):
    """Returns what a model is on a type, if base's answer tells it all."""
    if model == BASE:
        return newest
    return changed(base, difference(newest_base, newest))


def encode_on(golden, model):
    answers, base = golden.answers[model], golden.answers[BASE]
    found = {}
    # Few of the answers are different.
    seen = {}
    for machine in golden.types:
        key = id(answers[machine]), id(base[machine])
        if key not in seen:
            seen[key] = difference(
                expected_on(model, answers[golden.newest],
                            base[golden.newest], base[machine]),
                answers[machine])
        for prop, value in seen[key].items():
            found.setdefault(prop, {}).setdefault(
                json.dumps(value), (value, []))[1].append(machine)
    return {prop: {ranges(types, golden.types): value
                   for value, types in values.values()}
            for prop, values in found.items()}


def text_of(data):
    """Returns the text of a file: the same data, the same bytes."""
    return json.dumps(data, indent=1, sort_keys=True) + '\n'


# Decoding

def decode(data):
    """
    Returns the Golden.

    :raise ValueError: that is not golden data
    """
    x86_cpu_json.check(data, FILE)
    types, models = data['machine-types'], data['models']
    check_types(types, data['newest'])
    if BASE not in models:
        raise ValueError(f"models has no member '{BASE}'")
    newest = {}

    def newest_of(model):
        # Not by recursion: a file can have a chain of any length.
        chain, name = {}, model
        while name is not None and name not in newest:
            if name in chain:
                raise ValueError(f'models.{shown(name)}.like: it is like '
                                 'itself in the end')
            chain[name] = models[name].get('like')
            name = chain[name]
            if name is not None and name not in models:
                raise ValueError(f"models has no member '{shown(name)}', "
                                 "which another one is 'like'")
        for name, like in reversed(chain.items()):
            newest[name] = changed(newest.get(like, {}),
                                   models[name]['props'])
        return newest[model]

    on = {model: decode_on(models[model].get('on', {}), types,
                           f'models.{shown(model)}.on')
          for model in models}
    # Of equal answers there is one, as they take a lot of room.
    made = {}

    def answer(model, machine):
        base = answer(BASE, machine) if model != BASE else None
        key = model, id(base), json.dumps(on[model][machine])
        if key not in made:
            made[key] = changed(
                expected_on(model, newest_of(model), newest_of(BASE), base),
                on[model][machine])
        return made[key]

    answers = {model: {machine: answer(model, machine) for machine in types}
               for model in models}
    return Golden(types, answers)


def check_types(types, newest):
    for name in types:
        if not MACHINE_TYPE.match(name):
            raise ValueError(f"machine-types: '{shown(name)}' is no machine "
                             'type with a version')
    if not types:
        raise ValueError('machine-types is empty')
    if sorted(set(types), key=type_key) != types or newest != types[-1]:
        raise ValueError('the machine types are not in order')


def decode_on(on, types, where):
    """Returns, by machine type, what is different there."""
    found = {machine: {} for machine in types}
    for prop, values in on.items():
        for text, value in values.items():
            try:
                machines = parse_ranges(text, types)
            except ValueError as e:
                raise ValueError(f"{where}.{shown(prop)}: '{shown(text)}' are "
                                 'no machine types') from e
            for machine in machines:
                found[machine][prop] = value
    return found


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


def path_of(directory, name):
    return os.path.join(directory, f'{name}.json')


def read(directory, name, line):
    """
    Returns the Golden of an accelerator.

    :raise Failure: it cannot be read
    """
    path = path_of(directory, name)
    try:
        with open(path, 'rb') as f:
            data = x86_cpu_json.load(f.read())
    except OSError as e:
        raise Failure(f'cannot read {path}: {e.strerror}') from e
    except ValueError as e:
        raise Failure(f'{path} is not JSON: {e}') from e
    version = data.get('version') if isinstance(data, dict) else None
    if not same(version, VERSION):
        raise Failure(f'{path} is of version {shown(json.dumps(version))}; '
                      f'this reads version {VERSION}')
    accelerator = ACCELERATORS[name]
    wanted = (line, accelerator.accel, accelerator.vendor)
    got = tuple(data.get(key) for key in
                ('line', 'accelerator', 'host-vendor'))
    if got != wanted:
        raise Failure(f'{path} is about {describe(*got)}, not '
                      f'{describe(*wanted)}')
    try:
        return decode(data)
    except ValueError as e:
        raise Failure(f'{path} is not golden data: '
                      f'{middle_out(str(e), 400)}') from e


def describe(line, accel, vendor):
    return f'{shown(accel)} of QEMU {shown(line)}' + (
        f' on {shown(vendor)}' if vendor else '')


def write(directory, name, line, golden):
    """:raise Failure: it cannot be written"""
    write_text(path_of(directory, name), text_of(encode(golden, name, line)))


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
    return (f'the CPU models of {tables} have no golden data of QEMU {line}; '
            'make golden writes it')


def only(golden, models):
    """Returns the Golden of those of the models that are there."""
    return Golden(golden.types, {
        model: answers for model, answers in golden.answers.items()
        if model in models})


def read_site(tables, name, line):
    """
    Returns the Golden of a site's models, or None if none was written.

    :raise Failure: it cannot be read
    """
    directory = site_dir(tables, line)
    if not os.path.exists(path_of(directory, name)):
        return None
    golden = read(directory, name, line)
    return only(golden, golden.answers.keys() - {BASE})


def write_site(tables, name, line, golden, base):
    """
    Writes the Golden of a site's models.

    :param base: what base is, by machine type
    :raise Failure: it cannot be written
    """
    write(site_dir(tables, line), name, line,
          Golden(golden.types, {**golden.answers, BASE: base}))


def with_site(golden, tables, name, line):
    """
    Returns the Golden of the line's models and of a site's.

    :raise Failure: the site's cannot be read, or is about other machine types
    """
    site = read_site(tables, name, line)
    if not site:
        return golden
    if site.types != golden.types:
        raise Failure(f'{path_of(site_dir(tables, line), name)} is about other '
                      "machine types than the line's; make golden renews it")
    return Golden(golden.types, {**site.answers, **golden.answers})


# Names

def names_path(line):
    return os.path.join(data_top(), 'names', f'{line}.json')


def write_names(line, infos):
    """
    Writes what features are called.

    :param infos: the answer of query-cpu-features
    :raise Failure: it cannot be written
    """
    features = [entry for entry in map(x86_cpu_names.other_names, infos)
                if len(entry) > 1]
    write_text(names_path(line), text_of({
        '$comment': COMMENT, 'version': VERSION, 'line': line,
        'features': sorted(features, key=lambda f: f['name'])}))


def read_names(line):
    """
    Returns the Names of all features.

    :raise Failure: they cannot be read
    """
    path = names_path(line)
    try:
        with open(path, 'rb') as f:
            data = x86_cpu_json.load(f.read())
        x86_cpu_json.check(data, NAMES_FILE)
    except OSError as e:
        raise Failure(f'cannot read {path}: {e.strerror}') from e
    except ValueError as e:
        raise Failure(f'{path} does not have the names of features: '
                      f'{middle_out(str(e), 400)}') from e
    return x86_cpu_names.Names(data['features'])


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


def compare(was, now):
    """Returns the Comparison; what only one has is not looked into."""
    types = [machine for machine in was.types if machine in set(now.types)]
    found = {}
    for model in was.models():
        if model in now.answers:
            for (prop, *values), some in changes_of(
                    was.answers[model], now.answers[model], types):
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


def changes_of(was, now, types):
    """Yields (property, was, now) and the machine types."""
    found = {}
    # Few of the answers are different.
    seen = {}
    for machine in types:
        old, new = was[machine], now[machine]
        key = id(old), id(new)
        if key not in seen:
            seen[key] = [(prop, old.get(prop), value) for prop, value in
                         difference(old, new).items()]
        for change in seen[key]:
            found.setdefault(json.dumps(change), (change, []))[1].append(
                machine)
    return found.values()
