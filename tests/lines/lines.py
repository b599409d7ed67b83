# SPDX-License-Identifier: GPL-2.0-or-later
"""
CPUs on two release lines, and what guests see differently.

For the tests of lines and scripts/lines-report: finds each distinct CPU that
the older line's models are on its machine types, starts it on both lines, and
compares.  causes.json explains the differences that are known.
"""

import asyncio
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(REPO, 'tests', 'guest'))

from cpu_models import (  # noqa: E402
    FORCE, Lab, Progress, cpu_option, differences, expansion,
    show_differences,
)
from guest_cpuid import GuestError  # noqa: E402

BUILD = os.path.abspath(os.path.join(REPO, os.environ.get('BUILD') or 'build'))
OLD, NEW = '10.0', '11.1'
CAUSES = os.path.join(HERE, 'causes.json')

# -smp; the second raises levels, and shows leaf 4 to the oldest models.
TOPOLOGIES = ['1', '4,sockets=1,dies=2,cores=2,threads=1']
# Guests are started this many at a time, and forgotten.
PORTION = 64


def binary(line):
    """The path of a line's QEMU"""
    return os.path.join(BUILD, line, 'qemu-system-x86_64')


def is_built(line):
    return os.path.exists(binary(line))


class Case:
    """A CPU of the older line, and what it is on the newer one"""

    def __init__(self, keys, old, new):
        """
        keys: what it is called, (model, machine type)
        old, new: machine type and argument of -cpu on each line
        """
        self.keys = keys
        self.old = old
        self.new = new
        # Why it is not the same; [] if it is
        self.found = None
        self.error = ''

    def __str__(self):
        return ' on '.join(self.keys[0])

    def models(self):
        return {model for model, _ in self.keys}

    def problem(self):
        return self.error or show_differences(self.found)


def places(found):
    """Differences as a set of texts, 'leaf.subleaf register' or 'MSR index'"""
    return {f'MSR {leaf:x}h' if name == 'MSR' else
            f'{leaf:x}h.{subleaf:x} {name}'
            for leaf, subleaf, name, _, _ in found}


class Lines:
    """Both lines under one accelerator."""

    def __init__(self, accel):
        self.accel = accel
        self.old = Lab(accel, qemu=binary(OLD))
        self.new = Lab(accel, qemu=binary(NEW), probe=False)
        self.extra = self.old.extra
        self._descriptions = []
        self._named = []

    def shared_machines(self):
        return [m for m in self.old.machines if m in self.new.machines]

    def shared_models(self):
        return [m for m in self.old.models if m in self.new.models]

    def expand(self, lab, keys):
        """The static expansions, as JSON, of (model, machine type)"""
        replies = lab.ask([expansion('static', model, self.extra, machine)
                           for model, machine in keys])
        return [json.dumps(reply['return']['model']['props'], sort_keys=True)
                for reply in replies]

    def descriptions(self):
        """Each distinct CPU of the older line: a case for the newest type"""
        if self._descriptions:
            return self._descriptions
        keys = [(model, machine) for machine in self.old.machines
                for model in self.old.models]
        found = {}
        for key, text in zip(keys, self.expand(self.old, keys)):
            found.setdefault(text, []).append(key)
        newest = max((m for m in self.new.machines if 'q35' in m),
                     key=lambda m: [int(n) for n in re.findall(r'\d+', m)])
        for text, keys in found.items():
            model, machine = keys[0]
            self._descriptions.append(Case(
                keys, (machine, cpu_option(model, {**self.extra, **FORCE})),
                (newest, cpu_option('base', {**json.loads(text), **FORCE}))))
        return self._descriptions

    def named(self):
        """
        The models on the machine types of both lines; once for all types
        where they are the same on both
        """
        if self._named:
            return self._named
        keys = [(model, machine) for machine in self.shared_machines()
                for model in self.shared_models()]
        found = {}
        for key, old, new in zip(keys, self.expand(self.old, keys),
                                 self.expand(self.new, keys)):
            found.setdefault((key[0], old, new), []).append(key)
        for keys in found.values():
            model, machine = keys[0]
            same = machine, cpu_option(model, {**self.extra, **FORCE})
            self._named.append(Case(keys, same, same))
        return self._named

    def compare(self, cases, smp=TOPOLOGIES[0]):
        """Starts them, and keeps in each case what is different."""
        progress = Progress(f'{self.accel}, -smp {smp}', len(cases))
        for start in range(0, len(cases), PORTION):
            some = cases[start:start + PORTION]
            old_keys = [(*case.old, smp) for case in some]
            new_keys = [(*case.new, smp) for case in some]
            old = asyncio.run(self.old.look(old_keys))
            new = asyncio.run(self.new.look(new_keys))
            self.new.forget(new_keys)
            for case, a, b in zip(some, old, new):
                self.judge(case, a, b)
            progress.step(len(some))

    def judge(self, case, old, new):
        case.found = []
        if isinstance(old, GuestError) or isinstance(new, GuestError):
            case.error = '; '.join(
                f'{line}: ' + str(view).strip().splitlines()[-1]
                for line, view in ((OLD, old), (NEW, new))
                if isinstance(view, GuestError))
        else:
            case.found = differences(old, new)


def load_causes():
    with open(CAUSES, encoding='utf-8') as f:
        return json.load(f)['causes']


def explains(cause, accel, case, kind):
    """
    Whether a cause explains all that is different in a case.

    kind: 'static' or 'named', what is compared
    """
    return (not case.error and accel in cause['accelerators'] and
            kind in cause['compared'] and
            all(any(re.fullmatch(pattern, model)
                    for pattern in cause['models'])
                for model in case.models()) and
            places(case.found) <= set(cause['places']))


def unexplained(cases, accel, kind, causes):
    """Returns the cases that differ without a cause, and the causes needed."""
    left, used = [], set()
    for case in cases:
        if not case.found and not case.error:
            continue
        for number, cause in enumerate(causes):
            if explains(cause, accel, case, kind):
                used.add(number)
                break
        else:
            left.append(case)
    return left, used
