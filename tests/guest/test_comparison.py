#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
query-cpu-model-comparison and -baseline, judged by what guests see.

Answers: are CPUs that compare as identical the same to a guest at every
topology, and those that don't are not?  Does a guest find in the second CPU all
that it has seen in the first, if and only if that is a superset?  Is the
baseline of two CPUs in both of them, with all that they have in common?

Most CPUs are realized in a QEMU for each topology (realized_cpus.py); of some,
guests are started, which see the same.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_comparison

CHECK_SEED repeats a run, CHECK_RANDOM says how many pairs.  The rules by
themselves, with many more CPUs: tests/core.
"""

import asyncio
import itertools
import json
import unittest

from answered_cpuid import not_answered
from compared_cpus import (
    KVM_LEAVES, LOWERED, TOPOLOGIES, ComparedChecks, baseline, compare,
    forced, is_unseen,
)
from cpu_models import (
    FULL, NEWEST, OLDEST, Progress, ask, count, cpu_option, differences,
    expansion, feature_names, feature_places, random_cpu, random_properties,
    rng, show_differences, version_first,
)
from guest_cpuid import GuestError
from realized_cpus import without_apic_ids
from release_line import of_line
from test_removed_features import NeedsKvm

# No guest is started with as many.
STARTED = TOPOLOGIES[:-1]

MIRRORED = {'subset': 'superset', 'superset': 'subset'}
# The leaf of vmware-cpuid-freq
VMWARE_FREQUENCIES = 0x40000010
NO_SPINLOCKS = 0xffffffff
# SDM vol. 1, 13.1
COMPONENTS = {'avx': 1 << 2, 'mpx': 3 << 3, 'avx512f': 7 << 5, 'pku': 1 << 9,
              'amx-tile': 3 << 17, 'apxf': 1 << 19}
MCG_LMCE_P = 1 << 27    # SDM vol. 3, 16.3.1.1
LBR_FORMATS = 0x3f      # SDM vol. 3, IA32_PERF_CAPABILITIES

# What one side of a pair that is nearly the same may have otherwise
FEW = 4
# How often to draw for each pair that is wanted
MAX_DRAWS = 20
# Pairs that are looked at together
PORTION = 100


def has_hyperv(cpu):
    """Whether a Realized was asked for enlightenments of Hyper-V"""
    return any(name.startswith('hv-') and name != 'hv-enforce-cpuid' and
               value is True or
               name == 'hv-spinlocks' and value != NO_SPINLOCKS
               for name, value in cpu.properties.items())


def requested_view(cpu):
    """
    The view of a Realized.  Where Hyper-V's leaves are asked for, there is no
    leaf of vmware-cpuid-freq; a kernel that lacks them leaves it there.
    """
    if not has_hyperv(cpu) or (VMWARE_FREQUENCIES, 0) not in cpu.view.cpuid:
        return cpu.view
    cpuid = dict(cpu.view.cpuid)
    del cpuid[VMWARE_FREQUENCIES, 0]
    cpuid[KVM_LEAVES, 0] = (KVM_LEAVES + 1, *cpuid[KVM_LEAVES, 0][1:])
    return cpu.view._replace(cpuid=cpuid)


def value_of(cpu, name):
    """What a property of a Realized has for an effect"""
    if name == 'vmware-cpuid-freq':
        return (VMWARE_FREQUENCIES, 0) in requested_view(cpu).cpuid
    if name == 'lmce':
        return cpu.mcg_cap & MCG_LMCE_P
    value = cpu.properties.get(name, 0)
    # Not set is none of the formats.
    return value & LBR_FORMATS if name == 'lbr-fmt' else value


class Checks(ComparedChecks):
    """The tests, for one accelerator."""

    def random_model(self, choose):
        name, props = random_cpu(choose, self.lab)
        return {'name': name,
                'props': version_first({**self.lab.extra, **props}),
                'machine-type': choose.choice(self.lab.machines)}

    def random_pair(self, choose, kind):
        """A subset by construction, one thing that differs, or anything."""
        a = self.random_model(choose)
        if kind == 0:
            free = sorted(set(feature_names(self.accel)) - set(a['props']))
            more = dict.fromkeys(choose.sample(free, FEW), True)
            return a, {**a, 'props': {**a['props'], **more}}
        if kind == 1:
            props = random_properties(choose, self.lab)
            name = choose.choice(sorted(props))
            return a, {**a, 'props': version_first({**a['props'],
                                                    name: props[name]})}
        return a, self.random_model(choose)

    def pairs(self, what, number, commands=(compare, baseline)):
        """Random pairs that start, with what was realized, and replies"""
        choose = rng(self.accel, what)
        progress = Progress(f'{self.accel}: {self._testMethodName}', number)
        found = drawn = 0
        while found < number and drawn < MAX_DRAWS * number:
            wanted = min(PORTION, number - found)
            drawn += wanted
            pairs = [self.random_pair(choose, kind % 3)
                     for kind in range(wanted)]
            for checked in self.ask_about(pairs, commands):
                found += 1
                yield checked
            progress.step(min(found, number) - progress.done)
        self.assertGreaterEqual(found, number, 'too few CPUs start')

    def ask_about(self, pairs, commands):
        """
        Those of the pairs that start, with what was realized, and the replies:
        to the commands about (A, B), then about (B, A)
        """
        replies = self.lab.ask([command(*order) for a, b in pairs
                                for order in ((a, b), (b, a))
                                for command in commands])
        step = 2 * len(commands)
        answers = [replies[i:i + step] for i in range(0, len(replies), step)]
        # What QEMU refuses is another test's.
        taken = [(pair, some) for pair, some in zip(pairs, answers)
                 if 'return' in some[0]]
        seen = self.look([m for pair, _ in taken for m in pair])
        for i, (pair, answers) in enumerate(taken):
            both = seen[2 * i:2 * i + 2]
            if not any(isinstance(v, GuestError) for v in sum(both, ())):
                yield pair, both, answers
        # Other pairs only have those of named models.
        if len(self.seen) > 10 * PORTION:
            self.seen.clear()
            self.features.clear()

    def lacks_component(self, name):
        """
        Whether XSAVE has no component here for a feature.  Elsewhere, a guest
        sees that of a feature that a level hides.
        """
        if name not in COMPONENTS:
            return False
        cpu = self.look([{'name': 'qemu64', 'props': {
            'min-level': 0xd, 'xsave': True, name: True}}])[0][0]
        low, _, _, high = cpu.view.cpuid[0xd, 0]
        return COMPONENTS[name] & ~(low | high << 32)

    def problem_of(self, seen, ab, ba):
        """What is wrong with the comparison of a pair; None if nothing"""
        views = [[requested_view(r) for r in cpu] for cpu in seen]
        different = [d for d in map(differences, *views) if d] or [
            [(0, None, 'MCG_CAP', a.mcg_cap, b.mcg_cap)]
            for a, b in zip(*seen) if a.mcg_cap != b.mcg_cap]
        result, other = ab['result'], ba['result']
        names = ab['responsible-properties']
        if result == 'identical' and (different or names):
            return (f'identical, {names}, '
                    f'{show_differences(different[0] if different else [])}')
        if result != 'identical' and not different and not all(
                is_unseen(name) or self.lacks_component(name)
                for name in names):
            return f'{result} for {names}, and guests see no difference'
        if other != MIRRORED.get(result, result) and not (
                result == other == 'subset'):
            return f'{result} one way, {other} the other'
        if (ab['missing-in-a'], ab['missing-in-b'], ab['differs']) != (
                ba['missing-in-b'], ba['missing-in-a'], ba['differs']):
            return 'the lists are not mirrored'
        missing = set()
        for a, b in zip(*seen):
            extra = self.shown(a) - self.shown(b)
            missing |= extra
            if result in ('subset', 'identical') and extra:
                return f'{result}, but the guest misses {sorted(extra)}'
            if extra - set(ab['missing-in-b']):
                return (f'missing-in-b lacks '
                        f"{sorted(extra - set(ab['missing-in-b']))}")
        if result not in ('subset', 'identical') and not (
                missing or self.has_gate(seen, ab)):
            return (f"{result} for {ab['missing-in-b']}, {ab['differs']}, and "
                    f'the guest misses nothing')
        return None

    @staticmethod
    def has_gate(seen, comparison):
        """Whether something else than a feature keeps a guest of A from B"""
        a, b = (cpu[0] for cpu in seen)
        if a.view.cpuid[0, 0][1:] != b.view.cpuid[0, 0][1:]:
            return True                         # vendor
        return any(
            name == LOWERED or
            (value_of(a, name) != value_of(b, name)
             if name in a.properties or name in b.properties else
             name in feature_places() and is_unseen(name))
            for name in (*comparison['missing-in-b'], *comparison['differs']))

    def test_1_random(self):
        """Random pairs compare as guests see them"""
        problems = []
        for pair, seen, replies in self.pairs('compare', count(100, 60000),
                                              [compare]):
            problems += self.problems_of(pair, seen, *replies)
        self.fail_if(problems)

    def test_1_each_feature(self):
        """CPUs with and without one feature compare as guests see them"""
        # With what other features depend on
        models = [{'name': name, 'props': {
            **self.lab.extra, **dict.fromkeys(on, True)}} for name, on in [
                ('SapphireRapids', ['vmx', 'pmu']),
                ('EPYC-Genoa', ['svm', 'pmu']), ('qemu64', [])]]
        # A kernel may refuse MSRs of new ones.
        models = [model for model, seen in zip(models, self.look(models))
                  if not any(isinstance(cpu, GuestError) for cpu in seen)]
        if not FULL:
            models = [rng(self.accel, 'each feature').choice(models)]
        names = sorted(set(feature_names(self.accel)) - set(self.lab.extra))
        pairs = [tuple({**model, 'props': {**model['props'], name: on}}
                       for on in (False, True))
                 for name in names for model in models]
        problems, results = [], set()
        for i in range(0, len(pairs), PORTION):
            for pair, seen, replies in self.ask_about(pairs[i:i + PORTION],
                                                      [compare]):
                problems += self.problems_of(pair, seen, *replies)
                results.add(replies[0]['return']['result'])
        self.fail_if(problems)
        self.assertLessEqual({'identical', 'subset'}, results)

    def problems_of(self, pair, seen, ab, ba):
        """What is wrong with the comparisons of a pair, both ways"""
        for (a, b), cpus, replies in [(pair, seen, (ab, ba)),
                                      (pair[::-1], seen[::-1], (ba, ab))]:
            if problem := self.problem_of(
                    cpus, *(r['return'] for r in replies)):
                yield f'{json.dumps([a, b])}: {problem}'

    def test_3_guests(self):
        """Guests of pairs see what was realized"""
        choose = rng(self.accel, 'guests')
        number = count(60, 6000)
        topologies = [s for s in STARTED if s in self.cpus.topologies]
        keys, realized = [], []
        for pair, seen, _ in self.pairs('guests', number, [compare]):
            at = choose.randrange(len(topologies))
            keys += [self.key(model, topologies[at]) for model in pair]
            realized += [cpu[at] for cpu in seen]
        problems = []
        for i in range(0, len(keys), PORTION):
            views = asyncio.run(self.lab.look(keys[i:i + PORTION]))
            self.lab.forget(keys[i:i + PORTION])
            for key, view, cpu in zip(keys[i:], views, realized[i:]):
                if isinstance(view, GuestError):
                    problems.append(f'{key}: does not start: {view}')
                elif found := not_answered(
                        self.accel, without_apic_ids(view), cpu.view):
                    problems.append(f'{key}: {show_differences(found)}')
        self.fail_if(problems)

    def key(self, model, smp):
        """What Lab.look() takes"""
        model = forced(model)
        return (model.get('machine-type', NEWEST),
                cpu_option(model['name'], model['props']), smp)

    def test_2_named_models(self):
        """All pairs of named models compare as guests see them"""
        choose = rng(self.accel, 'named')
        problems = []
        types = [OLDEST, of_line('pc-q35-3.1'), of_line('pc-i440fx-4.1'),
                 'pc-q35-8.0', NEWEST]
        for machine in types:
            models = [{'name': name, 'machine-type': machine,
                       'props': dict(self.lab.extra)}
                      for name in self.lab.models]
            pairs = list(itertools.combinations(models, 2))
            if not FULL:
                pairs = choose.sample(pairs, count(15, 0))
            progress = Progress(
                f'{self.accel}: {self._testMethodName}, {machine}',
                len(pairs))
            for i in range(0, len(pairs), PORTION):
                portion = pairs[i:i + PORTION]
                for pair, seen, answers in self.ask_about(
                        portion, [compare, baseline]):
                    problems += self.named_problems(pair, seen, answers)
                progress.step(len(portion))
        self.fail_if(problems)

    def named_problems(self, pair, seen, answers):
        ab, ab_base, ba, ba_base = answers
        names = ' and '.join(m['name'] for m in pair)
        where = f"{pair[0]['machine-type']}: {names}"
        yield from self.problems_of(pair, seen, ab, ba)
        if 'error' in ab_base:
            if 'vendor' not in ab['return']['responsible-properties']:
                yield f'{where}: {ab_base}'
        elif ab_base != ba_base:
            yield f'{where}: another baseline if swapped'
        elif problem := self.check_baseline(pair, seen, ab_base['return']):
            yield f'{where}: {problem}'

    def with_values(self, a, b, names):
        """A with B's values of these properties"""
        values = b['props']
        props = {**a['props'], **{n: values[n] for n in names if n in values}}
        # Caches that B does not have are not properties of it.
        return {'name': 'base', 'props': {
            n: v for n, v in props.items() if n in values or n not in names}}

    def test_4_responsible_properties(self):
        """A with B's values of them is B, and none can be left out"""
        problems = []
        for pair, _, (ab, _) in self.pairs('responsible', count(8, 600),
                                           [compare]):
            problems += self.responsible_problems(pair, ab)
        self.fail_if(problems)

    def test_4_host_phys_bits(self):
        """The host's physical bits, which lm would bring into effect"""
        pair = [{'name': 'pentium2', 'machine-type': NEWEST, 'props': {
                    'host-phys-bits': True, 'host-phys-bits-limit': 39}},
                {'name': 'qemu64', 'machine-type': NEWEST, 'props': {}}]
        problems = []
        for a, b in itertools.permutations(pair):
            reply, = self.lab.ask([compare(a, b)])
            problems += self.responsible_problems([a, b], reply)
        self.fail_if(problems)

    def responsible_problems(self, pair, comparison):
        names = comparison['return']['responsible-properties']
        a, b = (r['return']['model'] for r in self.lab.ask(
            [expansion('static', m['name'], m['props'], m['machine-type'])
             for m in pair]))
        if any(n not in {**a['props'], **b['props']} for n in names):
            return              # bits without a property
        made = self.with_values(a, b, names)
        fewer = [self.with_values(a, b, set(names) - {n}) for n in names]
        replies = self.lab.ask([compare(m, b) for m in [made, *fewer]])
        results = [r.get('return', {}).get('result') for r in replies]
        if results[0] != 'identical':
            yield (f'{json.dumps(pair)}: {names} make it '
                   f'{results[0]} ({replies[0]})'[:2000])
        for name, result in zip(names, results[1:]):
            if result == 'identical':
                yield f'{json.dumps(pair)}: {name} is not needed'

    def test_5_baselines(self):
        """Of random pairs: in both, and all that both have"""
        problems, taken = [], 0
        for pair, seen, (ab, ab_base, _, ba_base) in self.pairs(
                'baseline', count(25, 5000)):
            if 'error' in ab_base:
                names = ab['return']['responsible-properties']
                if 'vendor' not in names:
                    problems.append(f'{json.dumps(pair)}: {ab_base}')
                continue
            taken += 1
            if ab_base != ba_base:
                problems.append(f'{json.dumps(pair)}: another one if swapped')
            if problem := self.check_baseline(pair, seen, ab_base['return']):
                problems.append(f'{json.dumps(pair)}: {problem}')
        self.fail_if(problems)
        self.assertGreater(taken, 0)

    def test_6_components(self):
        """
        Leaf 0xD has AVX10's components, whatever the level of leaf 7

        In QEMU 10.0, cpuid_has_xsave_feature() knows it, not the table.  The
        feature itself is hidden, so either CPU can replace the other, but they
        are not identical.
        """
        props = {**self.lab.extra, 'avx10-version': 0, 'avx10': True,
                 'avx512f': False, 'level': 0xd, 'level-func7': 0}
        a, b = ({'name': 'GraniteRapids-v2', 'machine-type': NEWEST,
                 'props': {**props, **more}} for more in ({}, {'avx10': False}))
        results = [reply['return']['result'] for reply in
                   self.lab.ask([compare(a, b), compare(b, a)])]
        self.assertEqual(results, ['subset', 'subset'])

    def test_7_itself(self):
        """A model is identical to itself, and is its baseline"""
        models = [{'name': name, 'machine-type': machine}
                  for name in self.lab.sample('itself')
                  for machine in (OLDEST, NEWEST)]
        replies = self.lab.ask([command(m, m) for m in models
                                for command in (compare, baseline)])
        problems = []
        for i, model in enumerate(models):
            same, base = replies[2 * i:2 * i + 2]
            if same.get('return', {}).get('result') != 'identical':
                problems.append(f'{model}: {same}')
            omitted = base['return']['omitted-features']
            again = self.lab.ask([compare(base['return']['model'], model)])[0]
            if not omitted and again['return']['result'] != 'identical':
                problems.append(f'{model}: {again}')
        self.fail_if(problems)

    def test_8_bad_input(self):
        """Errors say which model, and the process lives"""
        good = {'name': 'qemu64'}
        for bad, text in [
                ({'name': 'no-such-model'}, "'no-such-model'"),
                ({'name': 'qemu64', 'props': {'no-such': 1}}, 'no-such'),
                ({'name': 'qemu64', 'props': {'avx': 'maybe'}}, 'avx'),
                ({'name': 'qemu64', 'machine-type': 'isapc-1'}, 'isapc-1'),
                ({'name': 'qemu64', 'props': {'sse3': True, 'pni': False}},
                 "set only 'pni'"),
                ({'name': 'custom'}, 'missing: ')]:
            for command in (compare, baseline):
                with self.subTest(bad=bad, command=command.__name__):
                    first, second, after = self.lab.ask(
                        [command(bad, good), command(good, bad),
                         command(good, good)])
                    self.assertIn('modela: ', first['error']['desc'])
                    self.assertIn('modelb: ', second['error']['desc'])
                    self.assertIn(text, first['error']['desc'])
                    self.assertIn('return', after)

    def test_9_vendors(self):
        """CPUs of two vendors have no baseline, and are incompatible"""
        a, b = ({'name': 'qemu64', 'props': {'vendor': vendor}}
                for vendor in ('GenuineIntel', 'AuthenticAMD'))
        comparison, none = self.lab.ask([compare(a, b), baseline(a, b)])
        self.assertEqual(comparison['return']['result'], 'incompatible')
        self.assertIn('vendor',
                      comparison['return']['responsible-properties'])
        self.assertIn("'GenuineIntel'", none['error']['desc'])
        self.assertIn("'AuthenticAMD'", none['error']['desc'])


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'

    def test_9_feature_flag(self):
        """The commands have the feature flag x86"""
        schema = ask(['-accel', 'tcg', '-machine', 'none'],
                     [('query-qmp-schema', {})])[0]['return']
        found = {entry['name']: entry.get('features') for entry in schema
                 if entry['meta-type'] == 'command'}
        for name in ('query-cpu-model-comparison',
                     'query-cpu-model-baseline'):
            self.assertEqual(found[name], ['x86'])


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""

    def test_9_hv_passthrough(self):
        """Only the host knows what it is"""
        model = {'name': 'qemu64', 'props': {'hv-passthrough': True}}
        comparison, base = self.lab.ask([
            command(model, {'name': 'qemu64'})
            for command in (compare, baseline)])
        self.assertIn('hv-passthrough', comparison['error']['desc'])
        self.assertIn({'feature': 'hv-passthrough', 'reason': 'host-only'},
                      base['return']['omitted-features'])
        self.assertFalse(base['return']['model']['props']['hv-passthrough'])

    def test_9_realized_in_turn(self):
        """The TSC frequency of one CPU is not that of the next one"""
        fast, stable = (forced({'name': 'qemu64', 'props': props}) for props in (
            {'tsc-frequency': 3700000000}, {'invtsc': True}))
        alone, = self.cpus.look([stable])
        first, second = self.cpus.look([fast, stable])
        if isinstance(first[0], GuestError):
            self.skipTest(f'this host has no such frequency: {first[0]}')
        self.assertEqual([cpu.view for cpu in alone],
                         [cpu.view for cpu in second])


if __name__ == '__main__':
    unittest.main()
