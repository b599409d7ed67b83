# SPDX-License-Identifier: GPL-2.0-or-later
"""
What guests of two release lines see differently, and why.

For test_lines.py and scripts/lines-report: starts the same CPU with QEMU
10.0 and with 11.1, lets the guest look (../guest/guest_cpuid.py), and matches
each difference with the entries of causes.json.  A CPU is a model's name on
a machine type that both have, or a static expansion that 10.0 wrote on any
of its machine types, on one machine type of 11.1 per CPU layer: the machine
types of a layer expand every model alike.

LINES_BUILD is the directory with the builds of both, 10.0 and 11.1.
Under KVM, the host is a made one, the same whatever the real one is.
"""

import asyncio
import fnmatch
import hashlib
import json
import os
import re
import sys
import unittest
from typing import Any, Dict, List, NamedTuple, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path += [os.path.join(REPO, 'tests', 'guest'),
             os.path.join(REPO, 'scripts')]

HOST = 'intel-sapphirerapids'

from cpu_models import (  # noqa: E402
    FORCE, Lab, Progress, cpu_option, differences, expansion,
)
from guest_cpuid import GuestError  # noqa: E402
import made_hosts  # noqa: E402
import x86_cpu_golden  # noqa: E402
import x86_cpu_json  # noqa: E402

OLD, NEW = '10.0', '11.1'
CAUSES = os.path.join(HERE, 'causes.json')
PORTION = 400


class Setup(NamedTuple):
    """How a guest is started"""
    smp: str
    props: Dict[str, bool]
    # For people
    text: str


SETUPS = {
    'forced': Setup('1', FORCE, 'with ``x-force-features=on``, so that QEMU '
                    'shows all of a CPU, whatever the host lacks'),
    'dies': Setup('4,dies=2,cores=2', FORCE, 'the same with ``-smp '
                  '4,dies=2,cores=2``, which raises levels and shares caches'),
    'plain': Setup('1', {}, 'with neither: what guests really get'),
}

KINDS = {
    'bug': 'a bug of 11.1; the patch corrects it',
    'emulated': 'emulated by 11.1, and not by 10.0',
    'kept': 'no bug of 11.1, and left as it is',
}
ENTRIES = [{
    'name': str, 'title': str, 'kind': str, 'patch?': str,
    'commit?': str, 'subject?': str, 'since': str, 'text': str,
    'accelerators': [str], 'models': [str], 'machine-types': [str],
    'setups': [str], 'places': [str], 'named-only?': bool,
    'example': {'machine-type': str, 'model': str, 'setup': str},
}]
# What only some properties show is not measured, except for an example.
SCHEMA = {'causes': ENTRIES, 'unmeasured?': ENTRIES}
PLACE = re.compile(
    r'(?:msr (?P<msr>0x[0-9a-f]+)|(?P<leaf>0x[0-9a-f]+)'
    r'(?:\.(?P<first>\d+)(?:-(?P<last>\d+))?)?'
    r' (?P<registers>E[A-D]X(?:,E[A-D]X)*))(?: & (?P<mask>0x[0-9a-f]+))?\Z')
ALL_BITS = (1 << 64) - 1
# In the place of a place: what 11.1 says when it refuses the CPU
REFUSED = 'refused: '

# Compared like models: they show what is different, and no model does.
TOPOEXT = 'Nehalem,topoext=on,min-xlevel=0x8000001e'
CONFIGURED = {'tcg': [TOPOEXT],
              'kvm': [TOPOEXT, 'qemu64,hv-vpindex=on,hv-synic=on']}


class LinesError(Exception):
    """causes.json is wrong, or there is nothing to compare."""


def binary(line):
    return os.path.join(os.environ.get('LINES_BUILD') or os.path.join(
        REPO, 'build'), line, 'qemu-system-x86_64')


def missing(accel, host=HOST):
    """Why there is nothing to compare, or None"""
    absent = [line for line in (OLD, NEW)
              if not os.path.exists(binary(line))]
    if absent:
        return f'no QEMU of line {" and ".join(absent)} in LINES_BUILD'
    if accel != 'kvm':
        return None
    os.environ['CHECK_HOST'] = host
    return made_hosts.no_kvm()


# Causes

class Place(NamedTuple):
    """Some registers, and bits of them, that a cause is about"""
    leaf: int
    subleaves: range
    registers: Tuple[str, ...]
    mask: int

    def bits(self, leaf, subleaf, register):
        """The bits of a register that this place has"""
        inside = (leaf == self.leaf and register in self.registers and
                  (register == 'MSR' or subleaf in self.subleaves))
        return self.mask if inside else 0


def parse_place(text):
    """'0xd.2-18 EAX,EBX', '0x80000021 EAX & 0x40', 'msr 0x10a & 0x1'"""
    match = PLACE.match(text)
    if not match:
        raise LinesError(f"causes.json: '{text}' is not a place")
    mask = int(match['mask'], 16) if match['mask'] else ALL_BITS
    if match['msr']:
        return Place(int(match['msr'], 16), range(0), ('MSR',), mask)
    first = int(match['first'] or 0)
    return Place(int(match['leaf'], 16),
                 range(first, int(match['last'] or first) + 1),
                 tuple(match['registers'].split(',')), mask)


class Cause:
    """An entry of causes.json"""

    def __init__(self, entry, corrected=False):
        """
        :param corrected: whether QEMU has the patch that corrects it
        """
        self.entry: Dict[str, Any] = entry
        self.name = entry['name']
        self.corrected = corrected
        texts = entry['places']
        self.refused = [text.removeprefix(REFUSED) for text in texts
                        if text.startswith(REFUSED)]
        self.places = [parse_place(text) for text in texts
                       if not text.startswith(REFUSED)]

    def is_about(self, accel, case):
        return (not self.corrected and
                not (case.props and self.entry.get('named-only')) and
                accel in self.entry['accelerators'] and
                case.setup in self.entry['setups'] and
                self.matches('models', case.model) and
                self.matches('machine-types', case.source))

    def bits(self, leaf, subleaf, register):
        """The bits of a place that it explains"""
        bits = 0
        for place in self.places:
            bits |= place.bits(leaf, subleaf, register)
        return bits

    def matches(self, what, name):
        return any(fnmatch.fnmatchcase(name, pattern)
                   for pattern in self.entry[what])


def series(line=NEW):
    """The names of the line's patches, without numbers"""
    path = os.path.join(REPO, 'patches', line, 'series')
    if not os.path.exists(path):
        return set()
    with open(path, encoding='utf-8') as f:
        return {name.strip().partition('-')[2] for name in f
                if not name.startswith('#')}


def load_causes(path=CAUSES, patches=None, what='causes'):
    """
    Returns the causes of a file.

    :param patches: of QEMU 11.1, without numbers; else those of the checkout
    :param what: the list: 'causes' or 'unmeasured'
    :raise LinesError: something in it is wrong
    """
    with open(path, encoding='utf-8') as f:
        data = json.load(f)
    try:
        x86_cpu_json.check(data, SCHEMA)
    except ValueError as exc:
        raise LinesError(f'causes.json: {exc}') from exc
    patches = series() if patches is None else patches
    causes = []
    for entry in data[what]:
        if entry['kind'] not in KINDS:
            raise LinesError(f"causes.json: no kind '{entry['kind']}'")
        if ('patch' in entry) != (entry['kind'] == 'bug'):
            raise LinesError(f"causes.json: {entry['name']}: a bug, and "
                             "nothing else, has a patch")
        for what, known in (('accelerators', ('tcg', 'kvm')),
                            ('setups', SETUPS)):
            for name in entry[what]:
                if name not in known:
                    raise LinesError(f"causes.json: {what} has no '{name}'")
        causes.append(Cause(entry, entry.get('patch') in patches))
    names = [cause.name for cause in causes]
    if len(set(names)) != len(names):
        raise LinesError('causes.json: two have the same name')
    return causes


# Cases

class Case(NamedTuple):
    """The same CPU on two lines"""
    # Machine types of 10.0 and of 11.1
    source: str
    target: str
    model: str
    # What to add to -cpu of 11.1: a description; None: the model
    props: Any
    # A key of SETUPS
    setup: str

    def old(self):
        setup = SETUPS[self.setup]
        return self.source, cpu_option(self.model, setup.props), setup.smp

    def new(self):
        setup = SETUPS[self.setup]
        if self.props is None:
            return self.target, cpu_option(self.model, setup.props), setup.smp
        return (self.target, cpu_option('base', {**self.props,
                                                 **setup.props}), setup.smp)

    def __str__(self):
        what = 'expansion of ' if self.props is not None else ''
        where = (self.source if self.source == self.target else
                 f'{self.source} -> {self.target}')
        return f'{what}{self.model}, {where}, {self.setup}'


def different(old, new):
    """
    Returns what two guests see differently: a list of (leaf, sub-leaf,
    register, value, value); or why they cannot be compared, a text.
    """
    errors = [f'{line} says: {str(view).splitlines()[-1]}' for line, view in
              ((OLD, old), (NEW, new)) if isinstance(view, GuestError)]
    return ', '.join(errors) or differences(old, new)


class LineLab(Lab):
    """Models and guests of one line under one accelerator"""

    def __init__(self, accel, line):
        super().__init__(accel, binary(line), probe=False)

    def _list_machines(self):
        names = [m['name'] for m in self.ask([('query-machines', {})])[0]
                 ['return']]
        return sorted((n for n in names
                       if x86_cpu_golden.MACHINE_TYPE.match(n)),
                      key=x86_cpu_golden.type_key)

    def expand(self, machine, models):
        """
        Returns the static expansions of models on a machine type: the
        properties of each, by name.
        """
        replies = self.ask([
            expansion('static', name, dict(map(setting, settings)), machine)
            for name, *settings in (model.split(',') for model in models)])
        for model, reply in zip(models, replies):
            if 'error' in reply:
                raise LinesError(f"{model} on {machine}: "
                                 f"{reply['error']['desc']}")
        return {model: reply['return']['model']['props']
                for model, reply in zip(models, replies)}


def setting(text):
    """A property and its value, from a part of -cpu"""
    name, value = text.split('=')
    return name, value == 'on' if value in ('on', 'off') else int(value, 0)


class LineChecks:
    """What tests that compare the lines under one accelerator share"""
    accel = ''
    host = HOST

    @classmethod
    def setUpClass(cls):
        if reason := missing(cls.accel, cls.host):
            raise unittest.SkipTest(reason)
        cls.lines = cls.measure(load_causes())

    @classmethod
    def tearDownClass(cls):
        cls.lines = None

    @classmethod
    def measure(cls, causes):
        """Returns the Lines that the tests are about."""
        return Lines(cls.accel, causes, cls.host)


def digest(props):
    return hashlib.sha256(json.dumps(props, sort_keys=True)
                          .encode()).hexdigest()


class Lines:
    """Both lines under one accelerator, and what is different"""

    def __init__(self, accel, causes, host=HOST):
        """
        :param host: the made host under KVM
        :raise LinesError: there is nothing to compare
        """
        if reason := missing(accel, host):
            raise LinesError(reason)
        if accel == 'kvm':
            made_hosts.move_in()
        self.accel = accel
        self.causes: List[Cause] = causes
        self.labs = {line: LineLab(accel, line) for line in (OLD, NEW)}
        old, new = self.labs[OLD], self.labs[NEW]
        self.machines = [m for m in old.machines if m in new.machines]
        self.models = [m for m in old.models if m in new.models]
        self.configured = CONFIGURED[accel]
        # (case, text) of what no cause explains
        self.unexplained: List[Tuple[Case, str]] = []
        # By the name of a cause: the cases that it explains something of
        self.explained = {cause.name: [] for cause in causes}
        self.compared: List[Case] = []

    def descriptions(self, machines, models):
        """
        Yields (machine type, model, properties): every description that
        10.0 writes of the models on the machine types, once, as written on
        the newest of them.
        """
        done = set()
        for machine in reversed(machines):
            for model, props in self.labs[OLD].expand(machine,
                                                      models).items():
                key = digest(props)
                if key not in done:
                    done.add(key)
                    yield machine, model, props

    def layers(self):
        """The newest machine type of each CPU layer of 11.1"""
        lab = self.labs[NEW]
        found = {}
        for machine in reversed(lab.machines):
            answers = lab.expand(machine, lab.models)
            # The anchor names the machine type.
            key = digest([{**props, 'compat-anchor': None}
                          for props in answers.values()])
            found.setdefault(key, machine)
        return list(found.values())

    def compare(self, cases, what):
        """Looks at all of the cases, and explains what is different."""
        progress = Progress(f'{self.accel}: {what}', len(cases))
        for start in range(0, len(cases), PORTION):
            portion = cases[start:start + PORTION]
            keys = {OLD: [case.old() for case in portion],
                    NEW: [case.new() for case in portion]}
            views = {line: asyncio.run(lab.look(keys[line]))
                     for line, lab in self.labs.items()}
            for case, old, new in zip(portion, views[OLD], views[NEW]):
                self.explain(case, different(old, new))
            # 10.0's guest is the same for many machine types of 11.1.
            self.labs[NEW].forget(keys[NEW])
            progress.step(len(portion))
        self.compared += cases

    def explain(self, case, found):
        causes = [c for c in self.causes if c.is_about(self.accel, case)]
        used = set()
        if isinstance(found, str):
            used = {cause.name for cause in causes if any(
                found.startswith(f'{NEW} says: ') and text in found
                for text in cause.refused)}
            if not used:
                self.unexplained.append((case, found))
            found = []
        for leaf, subleaf, register, old, new in found:
            rest = old ^ new
            for cause in causes:
                bits = cause.bits(leaf, subleaf, register)
                if rest & bits:
                    used.add(cause.name)
                    rest &= ~bits
            if rest or old == new:
                place = (f'msr {leaf:#x}' if register == 'MSR' else
                         f'{leaf:#x}.{subleaf} {register}')
                self.unexplained.append(
                    (case, f'{place} & {rest:#x}: {old:#x}, {new:#x}'))
        for name in used:
            self.explained[name].append(case)
