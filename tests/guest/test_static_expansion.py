#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Static expansions of CPU models, judged by the guest's own view.

Answers: is "base" with the properties of a static expansion, given to
-cpu as printed, really the CPU of the model that was expanded: on the same
machine type and any other one, at any topology, for every model, with
whatever properties?  x-force-features=on makes QEMU show what the
accelerator cannot do, so that nothing that differs is hidden.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_static_expansion

A sample is tested; CHECK_FULL=1 tests all models on all machine types, and
thousands of random cases.  CHECK_SEED repeats a run, CHECK_RANDOM says how
many random cases of each kind.  The seed is in the name of each test.
"""

import asyncio
import collections
import json
import os
import re
import unittest
import unittest.mock

from cpu_models import (
    FORCE, FULL, NEWEST, OLDEST, LabChecks, Progress, ask, count,
    cpu_option, differences, expansion, random_cpu, rng, show_differences,
)
from guest_cpuid import GuestError
from made_hosts import made_host, no_made_hosts, shim
from release_line import LINE, of_line
from test_offered_features import INTEL_PT, spec
from test_removed_features import NeedsKvm
from varied_hosts import on_host

# What CPUID says at these is made of what the sockets, dies, modules, cores
# and threads are; levels are raised for them.  What is left open here,
# machine types fill in differently.
TOPOLOGIES = ['4,sockets=1,cores=2,threads=2', '4,sockets=1,dies=2,cores=2',
              '4,sockets=1,modules=2,cores=2']
TOPOLOGY_MACHINES = [OLDEST, 'pc-q35-8.0', NEWEST]

# What is only on the host, or in no property, and where a guest sees it
OMITTED_LEAVES = {
    'host-cache-info': lambda leaf: leaf in (2, 4, 0x80000005, 0x80000006,
                                             0x8000001d),
    'hv-passthrough': lambda leaf: leaf >> 16 == 0x4000,
    'monitor': lambda leaf: leaf == 5,
}
PLACE = re.compile(r'cpuid-([0-9a-f]+)h-(?:(\d+)-)?(e[a-d]x)-(\d+)$|'
                   r'msr-([0-9a-f]+)h-(\d+)$')

# On made hosts: what has no property, and is not lost.  The kernel gives it
# with a feature that has one (SDM, appendix A), or it is a copy of leaf 1 (APM).
NO_LOSS = {
    'intel-cascadelake': {'480': {*range(31), *range(32, 45), *range(50, 54)},
                          '485': {*range(5), *range(25, 28)},
                          '48c': {8, 14}, '48f': {32 + 9}},
    'amd-naples': {'80000001': {bit for bit in range(32)
                                if 0x0183f3ff >> bit & 1}},
}

# In an expansion, these have the values that are worked out when a CPU is
# realized; or they are not part of a CPU.
WORKED_OUT = {'compat-anchor', 'guest-phys-bits', 'hv-vendor-id', 'lbr-fmt',
              'lbr_fmt', 'phys-bits', 'ucode-rev', 'check'}

# How many CPUs may be drawn for each that QEMU takes, before it counts as broken
MAX_DRAWS = 50
# How many cases are looked at together
PORTION = 500


class Case(collections.namedtuple('Case', 'source name props target smp '
                                          'force')):
    """A model of one machine type, to be made again on another one."""

    def original(self):
        return (self.source, cpu_option(
            self.name, {**self.props, **self.force}), self.smp)

    def copy(self, model):
        return (self.target, cpu_option(
            model['name'], {**model['props'], **self.force}), self.smp)

    def question(self, force=None):
        return expansion('static', self.name, {**self.props, **(force or {})},
                         self.source)

    def __str__(self):
        forced = '' if self.force else ' not forced'
        return (f'{self.source} {cpu_option(self.name, self.props)} -> '
                f'{self.target}, -smp {self.smp}{forced}')


class Checks(LabChecks):
    """The tests, for one accelerator."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.expansions = {}
        cls.same = {}

    @classmethod
    def tearDownClass(cls):
        cls.lab = cls.expansions = cls.same = None

    def case(self, source, name, target, smp='1', force=None, props=None):
        return Case(source, name, {**self.lab.extra, **(props or {})},
                    target, smp, FORCE if force is None else force)

    def expand(self, cases, force=None):
        """The reply to each question of the cases, asked once."""
        keys = [json.dumps(c.question(force)) for c in cases]
        new = {key: case for key, case in zip(keys, cases)
               if key not in self.expansions}
        replies = self.lab.ask([c.question(force) for c in new.values()])
        for key, reply in zip(new, replies):
            # Large, and nothing is done with it
            reply.get('return', {}).pop('removed-features', None)
            # Most are the same for many machine types.
            self.expansions[key] = self.same.setdefault(
                json.dumps(reply, sort_keys=True), reply)
        return [self.expansions[key] for key in keys]

    def look(self, keys):
        return asyncio.run(self.lab.look(keys))

    def check_same(self, cases):
        """The CPUs start, and those of their expansions are the same."""
        self.assertTrue(cases)
        problems = []
        progress = Progress(f'{self.accel}: {self._testMethodName}',
                            len(cases))
        for portion in portions(cases):
            problems += self.not_same(portion)
            progress.step(len(portion))
        self.fail_if(problems)

    def not_same(self, cases):
        replies = self.expand(cases)
        problems = [f'{case}: {reply["error"]["desc"]}' for case, reply
                    in zip(cases, replies) if 'error' in reply]
        if problems:
            return problems
        models = [reply['return']['model'] for reply in replies]
        originals = self.look([c.original() for c in cases])
        copies = self.look([c.copy(m) for c, m in zip(cases, models)])
        for case, model, original, copy in zip(cases, models, originals,
                                               copies):
            if model['name'] != 'base':
                problems.append(f'{case}: expands to {model["name"]}')
            elif found := host_has_a_say(model):
                problems.append(f'{case}: {found} depends on the host')
            elif isinstance(original, GuestError):
                problems.append(f'{case}: original: {reason(original)}')
            elif isinstance(copy, GuestError):
                problems.append(f'{case}: copy: {reason(copy)}')
            elif found := differences(original, copy):
                problems.append(f'{case}: {show_differences(found)}')
        self.lab.forget(c.copy(m) for c, m in zip(cases, models))
        return problems

    def test_1_same_machine_type(self):
        """An expansion is the CPU, on the machine type it was made for"""
        types = [OLDEST, of_line('pc-q35-3.1'), 'pc-i440fx-8.1', NEWEST]
        self.check_same([
            self.case(machine, model, machine)
            for machine in (self.lab.machines if FULL else types)
            for model in self.lab.sample(machine)])

    def test_2_topologies(self):
        """An expansion is the CPU, whatever the topology"""
        models = ['Conroe', 'Skylake-Server-v4', 'EPYC-Genoa']
        self.check_same([
            self.case(machine, model, machine, smp)
            for machine in TOPOLOGY_MACHINES
            for smp in TOPOLOGIES
            for model in self.lab.sample(machine, smp, fixed=models, more=1)])

    def test_3_oldest_to_newest(self):
        """An expansion for an old machine type is the CPU on a new one"""
        models = self.lab.sample('oldest')
        self.check_same([self.case(OLDEST, model, NEWEST, smp)
                         for smp in ['1', TOPOLOGIES[1]]
                         for model in (models if smp == '1' or FULL
                                       else models[::4])])

    def test_4_any_to_any_machine_type(self):
        """An expansion is the CPU on any machine type"""
        choose = rng(self.accel, 'any to any')
        self.check_same([
            self.case(choose.choice(self.lab.machines),
                      choose.choice(self.lab.models),
                      choose.choice(self.lab.machines),
                      choose.choice(['1'] * 9 + TOPOLOGIES))
            for _ in range(count(30, 2000))])

    def test_5_not_forced(self):
        """Without x-force-features, an expansion is the CPU as well"""
        choose = rng(self.accel, 'not forced')
        self.check_same([
            self.case(NEWEST, model, target, force={})
            for model in self.lab.sample('not forced')
            for target in ([NEWEST, choose.choice(self.lab.machines)]
                           if FULL else
                           [choose.choice([NEWEST, OLDEST])])])

    def test_5_conflicts(self):
        """What QEMU drops before it raises levels, with and without force"""
        # mpx and apxf exclude each other; intel-pt needs a level.
        dropped = [('Haswell', {'intel-pt': True})]
        if LINE != '10.0':
            dropped += [('Denverton-v1', {'apxf': True}),
                        ('DiamondRapids', {'mpx': True})]
        self.check_same([
            self.case(machine, name, target, props={**props, **more},
                      force=force)
            for name, props in dropped
            for more in [{}, {'level-func7': 0}, {'level-func7': 2}]
            for machine, target in [(NEWEST, OLDEST), (OLDEST, NEWEST)]
            # KVM refuses the MSRs of Intel PT where it lacks it.
            for force in ([{}] if self.accel == 'kvm' and 'intel-pt' in props
                          else [{}, FORCE])])

    def test_6_host_and_max(self):
        """What is not the same for host and max is in omitted-properties"""
        settings = [{}, {'migratable': False}, {'host-cache-info': True},
                    {'pmu': False},
                    {'migratable': False, 'host-cache-info': True},
                    {'hv-passthrough': True}]
        if self.accel == 'tcg':
            settings = [s for s in settings if 'hv-passthrough' not in s]
        cases = [self.case(source, name, target, props=props, force=force)
                 for name in (['host', 'max'] if self.accel == 'kvm'
                              else ['max'])
                 for source, target in [(NEWEST, NEWEST), (OLDEST, OLDEST),
                                        (OLDEST, NEWEST)]
                 for props in settings for force in ({}, FORCE)]
        replies = self.expand(cases)
        for case, reply in zip(cases, replies):
            self.assertIn('return', reply, case)
            self.assertIn('omitted-properties', reply['return'], case)
        originals = self.look([c.original() for c in cases])
        copies = self.look([c.copy(r['return']['model'])
                            for c, r in zip(cases, replies)])
        problems = []
        for case, reply, original, copy in zip(cases, replies, originals,
                                               copies):
            omitted = reply['return']['omitted-properties']
            if isinstance(original, GuestError) != isinstance(copy,
                                                              GuestError):
                problems.append(f'{case}: only one starts: '
                                f'{str(original)[-400:]}, {str(copy)[-400:]}')
            elif not isinstance(original, GuestError):
                problems += [f'{case}: {p}, omitted: {omitted}'
                             for p in unaccounted(original, copy, omitted)]
        self.fail_if(problems)
        refused = [c for c, o in zip(cases, originals)
                   if isinstance(o, GuestError)]
        self.assertFalse([str(c) for c in refused
                          if 'hv-passthrough' not in c.props])

    def test_7_expansion_of_an_expansion(self):
        """An expanded model expands to itself, on any machine type"""
        choose = rng(self.accel, 'idempotent')
        machines = ([OLDEST, NEWEST] if not FULL else
                    [OLDEST, NEWEST, *choose.sample(self.lab.machines, 3)])
        problems = []
        progress = Progress(f'{self.accel}: {self._testMethodName}',
                            len(machines))
        for machine in machines:
            cases = [self.case(machine, model, choose.choice(
                self.lab.machines)) for model in self.lab.sample(machine)]
            models = [r['return']['model'] for r in self.expand(cases)]
            # QEMU reads questions byte by byte, and these are long: those
            # to a process with a machine of its own are few.
            args = ('-machine', choose.choice(self.lab.machines))
            for step, args in ((1, ()), (5, args)):
                some = list(zip(cases, models))[::step]
                for number, questions in enumerate((
                        [expansion('static', **model) for _, model in some],
                        [expansion('static', **model, machine=case.target)
                         for case, model in some])):
                    replies = self.lab.ask(questions, *args)
                    for (case, model), reply in zip(some, replies):
                        again = reply.get('return', {}).get('model')
                        if again != model:
                            problems.append(
                                f'{case}: question {number}, {args}: '
                                f'{different(model, again, reply)}')
            progress.step()
        self.fail_if(problems)

    def test_8_what_no_guest_sees(self):
        """The other properties of the CPU are carried, too"""
        # Some take part in migration, or in what the host has to do.
        choose = rng(self.accel, 'full')
        problems = set()
        for machine in (self.lab.machines[::4] if FULL else [OLDEST, NEWEST]):
            cases = [self.case(machine, name, choose.choice(
                self.lab.machines)) for name in self.lab.sample(machine)]
            models = [r['return']['model'] for r in self.expand(cases)]
            originals = self.lab.ask([
                expansion('full', c.name, c.props, c.source) for c in cases])
            copies = self.lab.ask([
                expansion('full', **model, machine=case.target)
                for case, model in zip(cases, models)])
            for case, *replies in zip(cases, originals, copies):
                a, b = (reply['return']['model']['props']
                        for reply in replies)
                self.assertGreater(len(a), 430)
                problems |= {
                    f'{case.name}: {name}: {a.get(name)}, {b.get(name)}'
                    for name in sorted((set(a) | set(b)) - WORKED_OUT)
                    if a.get(name) != b.get(name)}
        self.fail_if(sorted(problems))

    def test_9_random_cpus(self):
        """With random properties, an expansion is the CPU as well"""
        number = count(60, 10000)
        choose = rng(self.accel, 'random')
        refused = collections.Counter()
        problems = []
        progress = Progress(f'{self.accel}: {self._testMethodName}', number)
        compared = drawn = 0
        # Another one is drawn for each that QEMU refuses.
        while compared < number and drawn < MAX_DRAWS * number:
            portion = min(number - compared, PORTION)
            cases = []
            for _ in range(portion):
                name, props = random_cpu(choose, self.lab)
                cases.append(self.case(
                    choose.choice(self.lab.machines), name,
                    choose.choice(self.lab.machines), props=props))
            before = refused.total()
            self.check_random(cases, refused, problems)
            self.lab.forget([c.original() for c in cases])
            self.expansions.clear()
            self.same.clear()
            drawn += portion
            done = portion - (refused.total() - before)
            compared += done
            progress.step(done)
        self.fail_if(problems)
        self.assertEqual(compared, number, refused)

    def check_random(self, cases, refused, problems):
        replies = self.expand(cases)
        originals = self.look([c.original() for c in cases])
        models = [r.get('return', {}).get('model') for r in replies]
        # The model custom is the same, where nothing is missing.
        models[1::2] = [m and {**m, 'name': 'custom'} for m in models[1::2]]
        copies = iter(self.look([c.copy(m) for c, m in zip(cases, models)
                                 if m]))
        for case, reply, model, original in zip(cases, replies, models,
                                                originals):
            copy = next(copies) if model else GuestError(
                reply['error']['desc'])
            if isinstance(original, GuestError):
                if isinstance(copy, GuestError):
                    refused[reason(original)] += 1
                else:
                    problems.append(f'{case}: refused ({reason(original)}), '
                                    f'but not its expansion')
            elif isinstance(copy, GuestError):
                problems.append(f'{case}: {reason(copy)}')
            elif found := host_has_a_say(model):
                problems.append(f'{case}: {found} depends on the host')
            elif found := differences(original, copy):
                problems.append(f'{case}: {show_differences(found)}')
        self.lab.forget(c.copy(m) for c, m in zip(cases, models) if m)


def portions(cases):
    """Not all at once: descriptions and views take memory."""
    for start in range(0, len(cases), PORTION):
        yield cases[start:start + PORTION]


def host_has_a_say(model):
    """What makes the CPU another one on another host"""
    props = model['props']
    return [name for name in ('host-phys-bits', 'hv-passthrough')
            if props[name]]


def reason(error):
    """Why QEMU did not start, or that it died"""
    lines = [line for line in str(error).splitlines()
             if 'warning: ' not in line and 'QEMU did not start' not in line]
    # The last one that is not a failed assertion, which says less
    lines.sort(key=lambda line: 'Assertion' not in line)
    return lines[-1] if lines else f'no message: {str(error)[-200:]}'


def different(model, again, reply):
    """What of a model is not in its expansion"""
    if again is None:
        return reply['error']['desc']
    names = sorted(set(model['props']) | set(again['props']))
    return again['name'] + ''.join(
        f', {n}: {model["props"].get(n)}, {again["props"].get(n)}'
        for n in names
        if model['props'].get(n) != again['props'].get(n))


def unaccounted(original, copy, omitted):
    """What differs and is not omitted, or is said to and doesn't."""
    places = set()
    leaves = []
    for name in omitted:
        if name in OMITTED_LEAVES:
            leaves.append(OMITTED_LEAVES[name])
        elif found := PLACE.match(name):
            leaf, subleaf, register, bit, msr, msr_bit = found.groups()
            places.add((int(leaf, 16), int(subleaf or 0), register.upper(),
                        int(bit)) if leaf else
                       (int(msr, 16), None, 'MSR', int(msr_bit)))
        else:
            yield f'unknown omitted property {name}'
    for leaf, subleaf, name, x, y in differences(original, copy):
        for bit in range(64):
            place = leaf, subleaf, name, bit
            if (x ^ y) >> bit & 1:
                if place in places:
                    places.remove(place)
                elif name == 'MSR' or not any(is_in(leaf) for is_in
                                              in leaves):
                    yield f'differs: {place[:3]} bit {bit}'
    for place in places:
        yield f'said to be omitted, and the same: {place}'


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""

    def test_5_intel_pt(self):
        """Intel PT that was dropped for its level stays so, where KVM has it"""
        # AVX10 raises the level afterwards.
        avx10 = {name: True for name in ('avx10', 'avx10-128', 'avx10-256',
                                         'avx10-512')}
        props = {'x-intel-pt-auto-level': False, 'intel-pt': True}
        for more, dropped in [({'min-level': 13}, True),
                              ({'min-level': 13, **avx10}, True),
                              ({'min-level': 20}, False),
                              ({'min-level': 20, **avx10}, False)]:
            model = {'name': 'Skylake-Server', 'props': {**props, **more}}
            for _ in range(2):
                reply = self.ask_with_intel_pt(model)
                reasons = [e['reason'] for e in reply['removed-features']
                           if e['feature'] == 'intel-pt']
                self.assertEqual(reasons, ['level'] * dropped, (model, more))
                model = reply['model']

    def ask_with_intel_pt(self, model):
        """The static expansion, in a QEMU that KVM offers Intel PT to"""
        with unittest.mock.patch.dict(os.environ, {
                'LD_PRELOAD': shim(),
                'KVM_CPUID_SHIM_OFFERS': spec(INTEL_PT)}):
            return self.lab.ask([expansion('static', **model)])[0]['return']


@unittest.skipIf(no_made_hosts(), no_made_hosts())
class TestMadeHosts(unittest.TestCase):
    """On hosts that have what no description needs."""

    def test_no_loss(self):
        """Bits that follow from others are not in omitted-properties"""
        others = 0
        for name, bits in NO_LOSS.items():
            with self.subTest(name), on_host(made_host(name)):
                reply = ask(['-machine', 'none', '-accel', 'kvm'], [
                    expansion('static', 'host', {'migratable': False})])[0]
                omitted = reply['return']['omitted-properties']
                found = [PLACE.match(place) for place in omitted]
                self.assertEqual([m[0] for m in found if m and int(
                    m[4] or m[6]) in bits.get(m[1] or m[5], ())], [])
                others += sum(map(bool, found))
        # They were looked for.
        self.assertTrue(others)


if __name__ == '__main__':
    unittest.main()
