#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
query-cpu-model-nearest, judged by guests, and by all shorter answers.

Answers: does a guest of the named model with these changes see the features of
the CPU that was asked about?  Does it start with enforce=on wherever that one
does?  Is there really no named model with fewer changes?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_nearest_model

CHECK_SEED repeats a run.
"""

import asyncio
import itertools
import json
import unittest

from compared_cpus import (
    baseline, compare, is_of_msrs, is_unseen, shown,
)
from cpu_models import (
    FORCE, FULL, NEWEST, OLDEST, SITE_MODELS, UNKNOWN_TO_LIBVIRT, LabChecks,
    Progress, ask, count, cpu_option, expansion, feature_names, rng,
    version_first,
)
from guest_cpuid import GuestError
from test_removed_features import NeedsKvm, refused_by_kvm

# More would take longer than they tell.
MOST_TRIES = 600
# Pairs that are asked about together
PORTION = 100
# Features that libvirt has an element for (<kvm>, <pvspinlock>, <apic>)
LIBVIRT_ELEMENTS = {'kvm-hint-dedicated', 'kvm-poll-control', 'kvm-pv-eoi',
                    'kvm-pv-ipi', 'kvm-pv-unhalt'}
# What hides features, which are requested all the same
LEVELS = [{}, {'level': 4}, {'level': 1}, {'level-func7': 0},
          {'xlevel': 0x80000000}]
# Under KVM, models have these off, and all that depends on them.
ROOTS = ['vmx', 'svm']


def nearest(model, **more):
    return 'query-cpu-model-nearest', {'model': model, **more}


def changed(answer):
    """The CPU model of an answer"""
    return {'name': answer['name'], 'machine-type': answer['machine-type'],
            'props': version_first({**dict.fromkeys(answer['add'], True),
                                    **dict.fromkeys(answer['remove'], False),
                                    **answer['set']})}


def changes(answer):
    return len(answer['add']) + len(answer['remove']) + len(answer['set'])


def shown_changes(answer, static):
    """
    How many changes guests see.  Without avx10, they see no avx10-version, but
    enforce=on refuses one, so that answers reset it.

    :param static: properties of the CPU that was asked about
    """
    resets = not static.get('avx10') and answer['set'].get('avx10-version') == 0
    return changes(answer) - resets


class Checks(LabChecks):
    """The tests, for one accelerator."""

    def baselines(self, number, what):
        """Baselines of random pairs of named models on a machine type"""
        choose = rng(self.accel, 'nearest', what)
        found = []
        while len(found) < number:
            machine = choose.choice(self.lab.machines)
            pair = [{'name': name, 'machine-type': machine,
                     'props': {'vendor': 'GenuineIntel', **self.lab.extra}}
                    for name in choose.sample(self.lab.models, 2)]
            reply = self.lab.ask([baseline(*pair)])[0]
            if 'return' in reply:
                found.append({**reply['return']['model'],
                              'machine-type': machine})
        return found

    def edited(self, number):
        """Named models with random features turned on and off"""
        choose = rng(self.accel, 'edited')
        names = sorted(set(feature_names(self.accel)) - set(self.lab.extra))
        return [{'name': choose.choice(self.lab.models),
                 'machine-type': choose.choice(self.lab.machines),
                 'props': {**self.lab.extra,
                           choose.choice(ROOTS): choose.random() < 0.7, **{
                               name: choose.random() < 0.5 for name in
                               choose.sample(names, choose.randrange(6))}}}
                for _ in range(number)]

    def startable(self, number):
        """Named models without what this host lacks, some with few leaves"""
        choose = rng(self.accel, 'startable')
        models = [{'name': choose.choice(self.lab.models),
                   'machine-type': choose.choice(self.lab.machines),
                   'props': {**self.lab.extra, **choose.choice(LEVELS)}}
                  for _ in range(number)]
        models += [{'name': 'Broadwell-v4', 'machine-type': NEWEST,
                    'props': {**self.lab.extra, **levels}}
                   for levels in LEVELS]
        for model, reply in zip(models, self.lab.ask([expansion(
                'full', m['name'], m['props'], m['machine-type'])
                for m in models])):
            model['props'].update(
                (r['feature'], False)
                for r in reply['return']['removed-features']
                if r['feature'] in reply['return']['model']['props'])
        return models

    def targets(self, number, what):
        return self.baselines(number, what) + self.edited(number)

    def answers(self, targets, **more):
        """Those that are CPUs, with their answers: all have one"""
        replies = self.lab.ask([nearest(t, **more) for t in targets])
        models = self.lab.ask([expansion(
            'static', t['name'], t.get('props'), t['machine-type'])
            for t in targets])
        found = []
        for target, reply, model in zip(targets, replies, models):
            if 'return' in model:
                self.assertIn('return', reply, target)
                found.append((target, reply['return']))
        self.assertTrue(found)
        return found

    def look(self, model, props):
        return (model['machine-type'], cpu_option(
            model['name'], {**model.get('props', {}), **props}), '1')

    def test_1_guests(self):
        """Guests see the features of the CPU that was asked about"""
        pairs = self.answers(self.targets(count(6, 200), 'guests'))
        self.assertTrue(pairs)
        keys = [self.look(model, FORCE) for target, answer in pairs
                for model in (target, changed(answer))]
        views = asyncio.run(self.lab.look(keys))
        problems, seen = [], 0
        for (target, answer), a, b in zip(pairs, views[::2], views[1::2]):
            text = json.dumps([target, answer])
            if isinstance(a, GuestError):
                continue            # another test's
            if isinstance(b, GuestError):
                problems.append(f'{text}: {b}')
                continue
            seen += 1
            if shown(a) != shown(b):
                problems.append(f'{text}: {sorted(shown(a) ^ shown(b))}')
        self.fail_if(problems)
        self.assertGreater(seen, 0)

    def test_2_enforce(self):
        """It starts wherever the CPU that was asked about does"""
        pairs = self.answers(self.targets(count(6, 200), 'enforce') +
                             self.startable(count(8, 400)))
        keys = [self.look(model, {'enforce': True}) for target, answer in pairs
                for model in (target, changed(answer))]
        views = asyncio.run(self.lab.look(keys))
        self.assertTrue(any(not isinstance(a, GuestError)
                            for a in views[::2]))
        self.fail_if([
            f'{json.dumps([target, answer])}: {b}'
            for (target, answer), a, b in zip(pairs, views[::2], views[1::2])
            if isinstance(b, GuestError) and not isinstance(a, GuestError) and
            not refused_by_kvm(str(b))])

    def test_3_named_models(self):
        """A named model is its own, or the same as another one's"""
        machines = [self.lab.machines[0], NEWEST]
        targets = [{'name': name, 'machine-type': machine}
                   for name in self.lab.models for machine in machines]
        problems = [f'{target}: {answer}'
                    for target, answer in self.answers(targets)
                    if changes(answer)]
        self.fail_if(problems)

    def test_4_lists(self):
        """No name is there twice, and the order makes no difference"""
        choose = rng(self.accel, 'lists')
        libvirt = {f['name']: f.get('libvirt') for f in
                   self.lab.ask([('query-cpu-features', {})])[0]['return']}
        seen = 0
        for target, answer in self.answers(self.targets(count(4, 100),
                                                        'lists')):
            names = [*answer['add'], *answer['remove'], *answer['set']]
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(
                [n for n in names if n in libvirt and not libvirt[n] and
                 n not in LIBVIRT_ELEMENTS],
                [n for n in answer['libvirt-unknown'] if n in libvirt])
            self.assertLessEqual(set(answer['libvirt-unknown']),
                                 {answer['name'], *names})
            self.assertEqual(
                bool(UNKNOWN_TO_LIBVIRT.search(answer['name'])) or
                answer['name'] in SITE_MODELS,
                answer['name'] in answer['libvirt-unknown'], answer)
            model = changed(answer)
            items = list(model['props'].items())
            expansions = []
            for _ in range(3):
                choose.shuffle(items)
                args = ['-accel', self.accel, '-S', '-machine',
                        model['machine-type'], '-cpu',
                        cpu_option(model['name'], dict(items))]
                reply = ask(args, [('query-cpus-fast', {})])
                if not reply or 'error' in reply[0]:
                    break       # It does not run here.
                expansions.append(ask(args, [expansion(
                    'static', model['name'])])[0].get('return'))
            self.assertTrue(all(e == expansions[0] for e in expansions),
                            target)
            seen += bool(expansions)
        self.assertGreater(seen, 0)

    # Shorter answers

    def bound(self, target, model, features):
        """
        What has to be changed in a model at least: (turned on, turned off,
        what else differs and may have to be)

        :param model: its properties, and those with ROOTS on
        """
        model, whole = model
        roots = {n for n in ROOTS if target[n] and not model[n]}
        if roots:
            # What depends on them turns up with them.
            model = {**whole, **{n: model[n] for n in ROOTS}}
        add = {n for n in features if target[n] and not model[n]}
        gone = {n for n in features if model[n] and not target[n]}
        forced = {n for n in gone if all(
            any(target.get(other) for other in alternatives)
            for alternatives in features[n]['requires'])}
        more = gone - forced | {
            n for n in model if n not in features and n in target and
            model[n] != target[n]}
        return add, forced, more

    @staticmethod
    def needless(model, target, requested):
        """What a model asks the host for, and the CPU asked about does not"""
        return {n for n in requested if model[n] and not target[n]}

    def shorter(self, expanded, answer, models, features, requested):
        """
        A model that takes less than the answer, or None

        :param expanded: the static expansion of what was asked about
        """
        target = expanded['model']
        omitted = set(expanded.get('omitted-properties', []))
        machine = answer['machine-type']
        static = target['props']
        tries = []
        for name, props in models.items():
            add, forced, more = self.bound(static, props, features)
            room = (shown_changes(answer, static) - 1 - len(add) -
                    len(forced))
            for size in range(max(room, -1) + 1):
                for extra in itertools.islice(itertools.combinations(
                        sorted(more), size), MOST_TRIES):
                    tries.append({
                        'name': name, 'machine-type': machine,
                        'props': {n: static[n] for n in
                                  [*add, *forced, *extra]}})
        if len(tries) > MOST_TRIES:
            tries = rng(self.accel, 'tries').sample(tries, MOST_TRIES)
        replies = self.lab.ask([compare(*pair) for m in tries
                                for pair in ((m, target), (target, m))])
        as_good = [model for model, ab, ba in
                   zip(tries, replies[::2], replies[1::2])
                   if all(r.get('return', {}).get('result') in
                          ('subset', 'identical') for r in (ab, ba))]
        for model, reply in zip(as_good, self.lab.ask([expansion(
                'static', m['name'], m['props'], m['machine-type'])
                for m in as_good])):
            # With a feature more, it would not start wherever that one does.
            reply = reply['return']
            if not self.needless(reply['model']['props'], static,
                                 requested) and \
                    not set(reply.get('omitted-properties', [])) - omitted:
                return model
        return None

    def not_smallest(self, pairs):
        """Those (target, answer) for which a model takes less, as texts"""
        known = {f['name']: f for f in self.lab.ask(
            [('query-cpu-features', {})])[0]['return']}
        # Those that all guests see, and that are not the topology's
        features = {n: f for n, f in known.items() if
                    f['polarity'] != 'topology' and not is_unseen(n) and
                    not n.startswith('kvm')}
        # Also those of an MSR that the accelerator lacks: no guest sees them,
        # but a host has to have them.
        requested = set(features) | {n for n in known if is_of_msrs(n)}
        for target, answer in pairs:
            machine = target['machine-type']
            names = self.lab.models
            static, *expansions = self.lab.ask(
                [expansion('static', target['name'], target['props'], machine)]
                + [expansion('static', name, props, machine) for name in names
                   for props in ({}, dict.fromkeys(ROOTS, True))])
            expansions = [e['return']['model']['props'] for e in expansions]
            models = dict(zip(names, zip(expansions[::2], expansions[1::2])))
            found = self.shorter(static['return'], answer, models, features,
                                 requested)
            if found:
                yield f'{json.dumps([target, answer])}: {found}'

    def test_5_smallest(self):
        """There is no model with fewer changes"""
        self.fail_if(list(self.not_smallest(self.answers(
            self.targets(count(2, 60), 'smallest')))))

    def pair_baselines(self, number):
        """
        The baselines of pairs of all named models on the newest type, each
        once: of so many random pairs, or of all if that is 0
        """
        models = [{'name': name, 'machine-type': NEWEST,
                   'props': {'vendor': 'GenuineIntel', **self.lab.extra}}
                  for name in self.lab.models]
        pairs = list(itertools.combinations(models, 2))
        if number:
            pairs = rng(self.accel, 'pairs').sample(
                pairs, min(number, len(pairs)))
        found = {}
        for i in range(0, len(pairs), PORTION):
            for reply in self.lab.ask([baseline(*pair) for pair in
                                       pairs[i:i + PORTION]]):
                model = {**reply['return']['model'], 'machine-type': NEWEST}
                found.setdefault(json.dumps(model, sort_keys=True), model)
        return list(found.values())

    def test_5_all_pairs(self):
        """Applied, it gives the baseline of any two named models"""
        targets = self.pair_baselines(count(15, 0))
        progress = Progress(f'{self.accel}: {self._testMethodName}',
                            len(targets))
        pairs, problems = [], []
        for i in range(0, len(targets), PORTION):
            portion = targets[i:i + PORTION]
            answers = self.lab.ask([nearest(t) for t in portion])
            for target, reply in zip(portion, answers):
                self.assertIn('return', reply, target)
            answers = [reply['return'] for reply in answers]
            replies = self.lab.ask([
                compare(*order) for t, a in zip(portion, answers)
                for order in ((t, changed(a)), (changed(a), t))])
            results = [r.get('return', r).get('result', r) for r in replies]
            problems += [
                f'{json.dumps([t, a])}: {both}' for t, a, *both in zip(
                    portion, answers, results[::2], results[1::2])
                if not all(r in ('subset', 'identical') for r in both)]
            pairs += zip(portion, answers)
            progress.step(len(portion))
        self.fail_if(problems)
        # All shorter answers to all of them would be too many to look at.
        self.fail_if(list(self.not_smallest(
            rng(self.accel, 'shorter').sample(
                pairs, min(len(pairs), 30 if FULL else 1)))))

    def test_5_no_more_than_was_changed(self):
        """A named model with changes is at most as many away"""
        stale = [{'name': name, 'machine-type': NEWEST,
                  'props': {**self.lab.extra, 'avx10-128': False}}
                 for name in self.lab.models]
        problems = []
        pairs = self.answers(self.edited(count(24, 600)) + stale)
        models = self.lab.ask([expansion(
            'static', t['name'], t['props'], t['machine-type'])
            for t, _ in pairs])
        for (target, answer), model in zip(pairs, models):
            static = model['return']['model']['props']
            if shown_changes(answer, static) > len(target['props']):
                problems.append(json.dumps([target, answer]))
        self.fail_if(problems)

    def test_5_partial_feature(self):
        """
        What loses one bit of two with another feature is not named: guests have
        the other bit, unless the CPU is that of a static expansion
        """
        feature = 'vmx-invept-single-context'
        for name in ('vmx-ept', 'vmx-vpid'):
            model = {'name': 'Haswell-v3', 'machine-type': NEWEST,
                     'props': {'vendor': 'GenuineIntel', 'vmx': True,
                               'vmx-posted-intr': False, name: False}}
            reply, = self.lab.ask([expansion('static', model['name'],
                                             model['props'], NEWEST)])
            self.assertEqual(reply['return']['omitted-properties'], [feature])
            static = {**reply['return']['model'], 'machine-type': NEWEST}
            off = {**model, 'props': {**model['props'], feature: False}}
            counts = [shown_changes(answer, static['props'])
                      for _, answer in self.answers([model, static, off])]
            # Under KVM on another vendor's host, the vendor is one more.
            self.assertIn(counts[0], (3, 4))
            # No guest sees MSRs of VMX under TCG.
            more = self.accel == 'kvm'
            self.assertEqual(counts, [counts[0]] + 2 * [counts[0] + more])

    def test_5_without_kvm(self):
        """kvm=off is one change, whatever KVM's features are"""
        for _, answer in self.answers([{
                'name': 'Skylake-Server-v5', 'machine-type': NEWEST,
                'props': {'vendor': 'GenuineIntel', 'kvm': False}}]):
            self.assertEqual((answer['name'], answer['add'], answer['remove']),
                             ('Skylake-Server-v5', [],
                              ['kvm'] if self.accel == 'kvm' else []))

    def test_5_levels(self):
        """One that hides features is a smaller change than all of these"""
        for props in ({'level': 4}, {'level': 1}, {'xlevel': 0x80000000}):
            for name in ('Haswell', 'EPYC', 'Skylake-Server'):
                for _, answer in self.answers([{
                        'name': name, 'props': props,
                        'machine-type': NEWEST}]):
                    self.assertEqual(changes(answer), 1, answer)

    def test_6_machine_type(self):
        """Both models are on that of the process, or on the newest"""
        for args, machine in [
                (['-machine', 'none'], NEWEST),
                (['-machine', OLDEST], OLDEST),
                (['-machine', 'microvm'], NEWEST),
                (['-machine', NEWEST, '-cpu', 'Haswell-v1,-sse2', '-global',
                  'Haswell-v1-x86_64-cpu.avx2=off'], NEWEST)]:
            reply, = ask(['-accel', self.accel, '-S', *args],
                         [nearest({'name': 'Haswell-v1'})])
            self.assertEqual(reply['return'], {
                'name': 'Haswell-v1', 'machine-type': machine, 'add': [],
                'remove': [], 'set': {}, 'libvirt-unknown': []})

    def test_6_any(self):
        """The machine type with the fewest changes of all"""
        targets = self.targets(1, 'any')
        for target, answer in self.answers(targets, any=True):
            static = self.static(target)
            each = [changes(reply['return']) for reply in self.lab.ask(
                [nearest({**static, 'machine-type': machine})
                 for machine in self.lab.machines]) if 'return' in reply]
            self.assertEqual(changes(answer), min(each), target)
        # Of several, its own
        model = {'name': 'Haswell-v1', 'machine-type': self.lab.machines[3]}
        for _, answer in self.answers([model], any=True):
            self.assertEqual(answer['machine-type'], model['machine-type'])

    def static(self, model):
        return self.lab.ask([expansion(
            'static', model['name'], model['props'],
            model['machine-type'])])[0]['return']['model']

    def test_7_errors(self):
        """One that says what is wrong, and the process lives"""
        for model, text in [
                ({'name': 'xyzzy'}, "'xyzzy'"),
                ({'name': 'qemu64', 'machine-type': 'none'}, "'none'"),
                ({'name': 'qemu64', 'props': {'xyzzy': 1}}, 'xyzzy'),
                ({'name': 'base', 'props': {'vendor': ''}}, 'vendor'),
                ({'name': 'base', 'props': {'lm': True, 'i64': False}},
                 "set only 'lm'"),
                ({'name': 'custom'}, 'missing: ')]:
            bad, good = self.lab.ask([nearest(model),
                                      nearest({'name': 'qemu64'})])
            self.assertRegex(bad['error']['desc'], f'^model: .*{text}')
            self.assertIn('return', good)


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""
    accel = 'kvm'

    def test_hv_passthrough(self):
        """Only the host knows what it is"""
        reply = self.lab.ask([nearest({
            'name': 'qemu64', 'props': {'hv-passthrough': True}})])[0]
        self.assertIn('hv-passthrough', reply['error']['desc'])


if __name__ == '__main__':
    unittest.main()
