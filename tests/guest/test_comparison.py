#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
query-cpu-model-comparison and -baseline, judged by what guests see.

Answers: are CPUs that compare as identical the same to a guest at every
topology, and those that don't are not?  Does a guest find in the second CPU all
that it has seen in the first, if that is a superset?  Is the baseline of two
CPUs in both of them, with all that they have in common?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_comparison

CHECK_SEED repeats a run, CHECK_RANDOM says how many pairs.  The rules by
themselves, with many more CPUs: tests/core.
"""

import asyncio
import json
import unittest

from cpu_models import (
    FORCE, NEWEST, OLDEST, LabChecks, Progress, ask, count, cpu_option,
    differences, expansion, feature_names, feature_places, random_cpu,
    random_knobs, rng, show_differences,
)
from guest_cpuid import KVM_SIGNATURE, ZEROS, GuestError, has_bit
from test_removed_features import NeedsKvm

TOPOLOGIES = ['1', '2,sockets=1,cores=1,threads=2',
              '4,sockets=1,dies=2,cores=2', '4,sockets=1,modules=2,cores=2',
              '8,sockets=8']
# QEMU sets these by the topology.
TOPOLOGY_FEATURES = {'ht', 'cmp-legacy'}
# They count, but no guest can tell that on a host without Hyper-V support, or
# without looking further than CPUID and feature MSRs.
UNSEEN = {'kvm-pv-enforce-cpuid', 'tsc-frequency', 'phys-bits', 'pmu', 'kvm',
          'lmce', 'lbr-fmt', 'vmware-cpuid-freq', 'x-hv-max-vps', 'ucode-rev'}

MIRRORED = {'subset': 'superset', 'superset': 'subset'}
# What one side of a pair that is nearly the same may have otherwise
FEW = 4
# How often to draw for each pair that is wanted
MAX_DRAWS = 20


# KVM's leaves, where feature_places() has them, and where they can be instead
KVM_LEAVES = 0x40000000
KVM_STEP = 0x100


def find_kvm(view):
    """The view with KVM's leaves where they are without Hyper-V's, if any"""
    cpuid = {key: values for key, values in view.cpuid.items()
             if not KVM_LEAVES <= key[0] < KVM_LEAVES + KVM_STEP}
    for base in range(KVM_LEAVES, KVM_LEAVES + 0x10000, KVM_STEP):
        top, *signature = view.cpuid.get((base, 0), ZEROS)
        if tuple(signature) == KVM_SIGNATURE:
            cpuid[KVM_LEAVES, 0] = (top - base + KVM_LEAVES, *signature)
            cpuid[KVM_LEAVES + 1, 0] = view.cpuid.get((base + 1, 0), ZEROS)
    return view._replace(cpuid=cpuid)


def is_unseen(name):
    # Where the kernel lacks an MSR, QEMU does not set it.
    places = feature_places().get(name)
    return name in UNSEEN or name.startswith('hv-') or (
        places and all('msr' in place for place in places))


def shown(view):
    """The features in a view; some CPUs can't read MSRs"""
    view = find_kvm(view)
    return {name for name, places in feature_places().items()
            if name not in TOPOLOGY_FEATURES and
            all(('cpuid' in place or view.msrs is not None) and
                has_bit(view, place) for place in places)}


def compare(a, b):
    return 'query-cpu-model-comparison', {'modela': a, 'modelb': b}


def baseline(a, b):
    return 'query-cpu-model-baseline', {'modela': a, 'modelb': b}


class Checks(LabChecks):
    """The tests, for one accelerator."""

    def random_model(self, choose):
        name, props = random_cpu(choose, self.lab)
        return {'name': name, 'props': {**self.lab.extra, **props},
                'machine-type': choose.choice(self.lab.machines)}

    def random_pair(self, choose, kind):
        """A subset by construction, one thing that differs, or anything."""
        a = self.random_model(choose)
        if kind == 0:
            free = sorted(set(feature_names(self.accel)) - set(a['props']))
            more = dict.fromkeys(choose.sample(free, FEW), True)
            return a, {**a, 'props': {**a['props'], **more}}
        if kind == 1:
            knobs = random_knobs(choose, self.lab)
            name = choose.choice(sorted(knobs))
            return a, {**a, 'props': {**a['props'], name: knobs[name]}}
        return a, self.random_model(choose)

    def key(self, model, smp):
        cpu = cpu_option(model['name'], {**model['props'], **FORCE})
        return model.get('machine-type', NEWEST), cpu, smp

    def look(self, models, topologies=TOPOLOGIES):
        """What guests see of each model, at each topology"""
        keys = [self.key(m, smp) for m in models for smp in topologies]
        views = asyncio.run(self.lab.look(keys))
        self.lab.forget(keys)
        step = len(topologies)
        return [views[i:i + step] for i in range(0, len(views), step)]

    def pairs(self, what, number):
        """Random pairs that start, with their views and replies"""
        choose = rng(self.accel, what)
        progress = Progress(f'{self.accel}: {self._testMethodName}', number)
        found = []
        for _ in range(MAX_DRAWS * number):
            if len(found) >= number:
                break
            drawn = [self.random_pair(choose, kind % 3)
                     for kind in range(min(12, 3 * (number - len(found))))]
            replies = self.lab.ask([command(*order) for a, b in drawn
                                    for order in ((a, b), (b, a))
                                    for command in (compare, baseline)])
            # What QEMU refuses is another test's.
            taken = [(pair, replies[4 * i:4 * i + 4])
                     for i, pair in enumerate(drawn)
                     if 'return' in replies[4 * i]]
            views = self.look([m for pair, _ in taken for m in pair])
            for i, (pair, answers) in enumerate(taken):
                both = views[2 * i:2 * i + 2]
                if not any(isinstance(v, GuestError) for v in sum(both, [])):
                    found.append((pair, both, answers))
            progress.step(len(taken))
        self.assertGreaterEqual(len(found), number, 'too few CPUs start')
        return found[:number]

    def problem_of(self, pair, views, ab, ba):
        """What is wrong with the comparison of a pair; None if nothing"""
        different = [d for d in map(differences, *views) if d]
        result, other = ab['result'], ba['result']
        names = ab['responsible-properties']
        if result == 'identical' and (different or names):
            return f'identical, {show_differences(different[0])}, {names}'
        if result != 'identical' and not different and not all(
                map(is_unseen, names)):
            return f'{result} for {names}, and guests see no difference'
        if other != MIRRORED.get(result, result) and not (
                result == other == 'subset'):
            return f'{result} one way, {other} the other'
        if (ab['missing-in-a'], ab['missing-in-b'], ab['differs']) != (
                ba['missing-in-b'], ba['missing-in-a'], ba['differs']):
            return 'the lists are not mirrored'
        for a, b in zip(*views):
            extra = shown(a) - shown(b)
            if result in ('subset', 'identical') and extra:
                return f'{result}, but the guest misses {sorted(extra)}'
            if extra - set(ab['missing-in-b']):
                return (f'missing-in-b lacks '
                        f"{sorted(extra - set(ab['missing-in-b']))}")
        return None

    def test_1_comparisons(self):
        """Random pairs compare as guests see them"""
        problems = []
        for pair, views, (ab, _, ba, _) in self.pairs('compare',
                                                      count(24, 1000)):
            ab, ba = ab['return'], ba['return']
            if problem := self.problem_of(pair, views, ab, ba):
                problems.append(f'{json.dumps(pair)}: {problem}')
        self.fail_if(problems)

    def with_values(self, a, b, names):
        """A with B's values of these properties"""
        values = b['props']
        props = {**a['props'], **{n: values[n] for n in names if n in values}}
        # Caches that B does not have are no properties of it.
        return {'name': 'base', 'props': {
            n: v for n, v in props.items() if n in values or n not in names}}

    def test_2_responsible_properties(self):
        """A with B's values of them is B, and none can be left out"""
        problems = []
        for pair, _, (ab, *_) in self.pairs('responsible', count(12, 300)):
            names = ab['return']['responsible-properties']
            a, b = (r['return']['model'] for r in self.lab.ask(
                [expansion('static', m['name'], m['props'],
                           m['machine-type']) for m in pair]))
            if any(n not in {**a['props'], **b['props']} for n in names):
                continue        # bits without a property
            made = self.with_values(a, b, names)
            fewer = [self.with_values(a, b, set(names) - {n}) for n in names]
            replies = self.lab.ask([compare(m, b) for m in [made, *fewer]])
            results = [r.get('return', {}).get('result') for r in replies]
            if results[0] != 'identical':
                problems.append(f'{json.dumps(pair)}: {names} make it '
                                f'{results[0]} ({replies[0]})'[:2000])
            problems += [f'{json.dumps(pair)}: {name} is not needed'
                         for name, result in zip(names, results[1:])
                         if result == 'identical']
        self.fail_if(problems)

    def check_baseline(self, pair, views, reply):
        """What is wrong with a baseline; None if nothing"""
        model = reply['model']
        view = self.look([model])[0]
        for v in view:
            if isinstance(v, GuestError):
                return f'does not start: {v}'
        omitted = {o['feature'] for o in reply['omitted-features']}
        for a, b, v in zip(*views, view):
            has, common = shown(v), shown(a) & shown(b)
            if has - common:
                return f'has {sorted(has - common)}'
            if common - has - omitted:
                return f'lacks {sorted(common - has - omitted)}'
        results = [r['return']['result'] for r in self.lab.ask(
            [compare(model, m) for m in pair])]
        if not set(results) <= {'identical', 'subset'}:
            return f'compares as {results}'
        return None

    def test_3_baselines(self):
        """Of random pairs: in both, and all that both have"""
        problems, taken = [], 0
        for pair, views, (ab, ab_base, _, ba_base) in self.pairs(
                'baseline', count(15, 500)):
            if 'error' in ab_base:
                names = ab['return']['responsible-properties']
                if 'vendor' not in names:
                    problems.append(f'{json.dumps(pair)}: {ab_base}')
                continue
            taken += 1
            if ab_base != ba_base:
                problems.append(f'{json.dumps(pair)}: another one if swapped')
            if problem := self.check_baseline(pair, views,
                                              ab_base['return']):
                problems.append(f'{json.dumps(pair)}: {problem}')
        self.fail_if(problems)
        self.assertGreater(taken, 0)

    def test_4_any_order(self):
        """The baseline of several models does not depend on their order"""
        choose = rng(self.accel, 'order')
        models = [{'name': name, 'machine-type': choose.choice(
            [OLDEST, NEWEST])} for name in choose.sample(self.lab.models, 12)]
        definitions = self.lab.ask([expansion(
            'static', m['name'], {'vendor': 'GenuineIntel'},
            m['machine-type']) for m in models])
        models = [d['return']['model'] for d in definitions]
        folded = []
        for _ in range(3):
            choose.shuffle(models)
            result = models[0]
            for model in models[1:]:
                reply = self.lab.ask([baseline(result, model)])[0]
                result = reply['return']['model']
            folded.append(json.dumps(result, sort_keys=True))
        self.assertEqual(len(set(folded)), 1)

    def test_5_itself(self):
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

    def test_6_bad_input(self):
        """Errors say which model, and the process lives"""
        good = {'name': 'qemu64'}
        for bad, text in [
                ({'name': 'no-such-model'}, "'no-such-model'"),
                ({'name': 'qemu64', 'props': {'no-such': 1}}, 'no-such'),
                ({'name': 'qemu64', 'props': {'avx': 'maybe'}}, 'avx'),
                ({'name': 'qemu64', 'machine-type': 'isapc-1'}, 'isapc-1'),
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

    def test_7_vendors(self):
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

    def test_feature_flag(self):
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

    def test_hv_passthrough(self):
        """Only the host knows what it is"""
        model = {'name': 'qemu64', 'props': {'hv-passthrough': True}}
        comparison, base = self.lab.ask([
            command(model, {'name': 'qemu64'})
            for command in (compare, baseline)])
        self.assertIn('hv-passthrough', comparison['error']['desc'])
        self.assertIn({'feature': 'hv-passthrough', 'reason': 'host-only'},
                      base['return']['omitted-features'])
        self.assertFalse(base['return']['model']['props']['hv-passthrough'])


if __name__ == '__main__':
    unittest.main()
