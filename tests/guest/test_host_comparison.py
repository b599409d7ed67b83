#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Comparison with `host`, on many hosts.

Answers: does a named model compare as `subset` of `host`, or `identical`,
exactly if it runs on this host, its physical bits are within the host's, and it
has nothing that QEMU leaves out of `host` by rule?  Do guests say the same: does
it start with enforce=on, and does a guest of `host` see all that a guest of
the model sees?  On the host that tests run on, and on hosts that are made up
while they do (varied_hosts.py).

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_host_comparison

CHECK_SEED repeats a run, CHECK_RANDOM says how many hosts are made up, and how
many models are changed.
"""

import asyncio
import functools
import json
import os
import tempfile
import unittest

import make_hosts
from compared_cpus import (
    LOWERED, TOPOLOGY_FEATURES, compare, is_unseen, shown,
)
from cpu_models import (
    FORCE, FULL, NEWEST, OLDEST, Lab, LabChecks, Progress, count, cpu_option,
    expansion, feature_names, feature_places, rng,
)
from guest_cpuid import ZEROS, Guest, GuestError, can_see, has_bit, text_of
from made_hosts import host_names, made_host, no_made_hosts
from realized_cpus import realized_cpus
from release_line import LINE, version
from test_removed_features import NeedsKvm, refused_by_kvm
from varied_hosts import (
    ALWAYS, OF_VERSION, Offers, host_without, on_host, varied_host, write,
)

TOPOLOGY = '1'
SURE = 'amd-genoa'
# What `host` lacks though this host offers it: QEMU doesn't turn it on by
# itself.  (ht and cmp-legacy are not here, as they gate nothing.)
LEFT_OUT = {'topoext', 'kvm-hint-dedicated', 'invtsc'}
NOT_AMD_LEFT_OUT = {'overflow-recov', 'succor'}
AMD_LEFT_OUT_FROM_10_1 = {'arch-capabilities'}
# These machine types turn it off.
LEFT_OUT_TO_5_1 = {'kvm-msi-ext-dest-id'}
# What made hosts don't offer by their bits alone: Intel PT has a leaf, the
# kernel has registers for cet-ss, and mpx conflicts with apxf.
NOT_BITS_ALONE = {'intel-pt', 'intel-pt-lip', 'cet-ss', 'apxf'}
PERF_CAPABILITIES, LBR_FORMAT = 0x345, 5
# Without it, QEMU plugs in no CPU that could be looked at.
NEEDED = 'apic'
# User's changes: few, or no such CPU would run anywhere.
MOST_CHANGES = 4
MODELS_STARTED = 4


def vendor_of(view):
    _, ebx, ecx, edx = view.cpuid[0, 0]
    return text_of(ebx, edx, ecx)


@functools.lru_cache(maxsize=500)
def features(cpu):
    """The features of a Realized"""
    return shown(cpu.view)


def within_phys_bits(cpu, other):
    """Whether a CPU has no more physical bits; they count in 64-bit mode."""
    a, b = (c.view.cpuid.get((0x80000008, 0), ZEROS)[0] & 0xff
            for c in (cpu, other))
    return a <= b or not all('lm' in features(c) for c in (cpu, other))


def blocking(info, forced):
    """
    The features that a start with enforce=on stops on, that a guest would see,
    and that make CPUs incompatible.  The others, in leaves above the level or
    of the topology, count for the start alone.
    """
    return [entry['feature'] for entry in info['removed-features']
            if entry['blocking'] and
            entry['feature'] not in TOPOLOGY_FEATURES and (
                entry['feature'] == LOWERED and
                'avx10' in features(forced) or
                any(has_bit(forced.view, place) for place in entry['places']
                    if can_see(forced.view, place)))]


def left_out(vendor, machine):
    """What `host` lacks though this host offers it"""
    found = set(LEFT_OUT)
    if vendor != 'AuthenticAMD':
        found |= NOT_AMD_LEFT_OUT
    elif LINE != '10.0' and version(machine) >= (10, 1):
        found |= AMD_LEFT_OUT_FROM_10_1
    if version(machine) <= (5, 1):
        found |= LEFT_OUT_TO_5_1
    return found


class Models:
    """What QEMU and guests say of CPU models, and of `host`, on a host"""

    def __init__(self, lab, cpus, machine, models):
        self.lab = lab
        self.machine = machine
        self.host = self.model('host', {})
        self.models = [self.model(*model) for model in models]
        self.expansions = lab.ask([expansion('full', m['name'], m['props'],
                                             machine) for m in self.models])
        self.comparisons = lab.ask([compare(m, self.host)
                                    for m in self.models])
        self.seen_host = self.look(cpus, [self.host], {})[0]
        self.enforced = self.look(cpus, self.models, {'enforce': True})
        self.forced = self.look(cpus, self.models, FORCE)

    def model(self, name, props):
        return {'name': name, 'machine-type': self.machine,
                'props': {**self.lab.extra, **props}}

    @staticmethod
    def look(cpus, models, props):
        return [seen[0] for seen in cpus.look([
            {**m, 'props': {**m['props'], 'check': False, **props}}
            for m in models])]

    def answers(self):
        """(model, removed and errors, comparison, enforced, forced) of each
        that is a CPU"""
        for row in zip(self.models, self.expansions, self.comparisons,
                       self.enforced, self.forced):
            model, info, comparison, enforced, forced = row
            if 'return' not in info or isinstance(forced, GuestError):
                continue        # another test's
            if isinstance(enforced, GuestError) and \
                    refused_by_kvm(str(enforced)):
                continue        # What KVM offers and refuses, QMP can't know.
            yield (model, info['return'], comparison['return'], enforced,
                   forced)


class Checks(LabChecks):
    """What is asked on each host"""
    accel = 'kvm'

    def look(self, lab, what, changed):
        """
        Models, on a machine type by seed: named ones, and random changes of
        them if changed
        """
        choose = rng('host comparison', *what)
        machine = choose.choice([OLDEST, NEWEST, choose.choice(lab.machines)])
        models = ([self.changed(choose, lab) for _ in range(count(30, 200))]
                  if changed else [(name, {}) for name in lab.models])
        return self.ask_about(lab, machine, models)

    @staticmethod
    def ask_about(lab, machine, models):
        with realized_cpus(lab, [TOPOLOGY]) as cpus:
            return Models(lab, cpus, machine, models)

    @staticmethod
    def changed(choose, lab):
        """A model that a user has changed"""
        names = sorted(set(feature_names('kvm')) - set(lab.extra))
        names = choose.sample(names, choose.randint(1, MOST_CHANGES))
        if choose.random() < 0.2:
            names.append(choose.choice(sorted(
                LEFT_OUT | NOT_AMD_LEFT_OUT)))
        props = {name: choose.random() < 0.4 for name in names}
        if choose.random() < 0.2:
            props['phys-bits'] = choose.choice([36, 39, 40, 46, 48, 52])
        return choose.choice(lab.models), props

    def named_problems(self, found):
        """What is wrong with the claim about named models"""
        for model, info, comparison, _, forced in found.answers():
            vendor = vendor_of(forced.view)
            hyperv = [name for name, value in forced.properties.items()
                      if name.startswith('hv-') and value is True]
            blocked = blocking(info, forced)
            errors = [error['text'] for error in info.get('errors', [])]
            beyond = sorted(features(forced) &
                            left_out(vendor, found.machine))
            within = within_phys_bits(forced, found.seen_host)
            fits = comparison['result'] in ('subset', 'identical')
            if fits == bool(hyperv or blocked or errors or beyond or
                            not within):
                yield (f'{json.dumps(model)}: {comparison["result"]}, '
                       f'{comparison["missing-in-b"]}; blocked: {blocked}, '
                       f'errors: {errors}, left out of host: {beyond}, '
                       f'within its physical bits: {within}')

    def guest_problems(self, found):
        """What guests say against a comparison"""
        seen_host = features(found.seen_host)
        for model, info, comparison, enforced, forced in found.answers():
            text = f'{json.dumps(model)}: {comparison["result"]}'
            if comparison['result'] in ('subset', 'identical'):
                yield from (f'{text}, but {problem}' for problem in
                            self.no_subset(info, enforced, forced, seen_host))
            elif not isinstance(enforced, GuestError):
                missing = features(enforced) - seen_host
                within = within_phys_bits(enforced, found.seen_host)
                unseen = [name for name in (*comparison['missing-in-b'],
                                            *comparison['differs'])
                          if is_unseen(name) and name != 'phys-bits']
                if not missing and within and not unseen:
                    yield f'{text}, and guests of host miss nothing'

    @staticmethod
    def no_subset(info, enforced, forced, seen_host):
        """Why a CPU is none of host, though it compares as one"""
        if not isinstance(enforced, GuestError):
            if missing := features(enforced) - seen_host:
                yield f'guests of host miss {sorted(missing)}'
            return
        visible = blocking(info, forced)
        if visible or not any(entry['blocking'] for entry in
                              info['removed-features']) and \
                not info.get('errors'):
            yield f'it does not start ({visible}): {enforced}'

    def start_problems(self, found, choose, number, host=None):
        """Those that compare as subset, started with enforce=on"""
        names = [model for model, info, comparison, enforced, _ in
                 found.answers()
                 if comparison['result'] in ('subset', 'identical') and
                 not any(entry['blocking'] for entry in
                         info['removed-features']) and
                 not info.get('errors')]

        async def start(model):
            cpu = cpu_option(model['name'], {**model['props'],
                                             'enforce': True})
            try:
                async with Guest(found.lab.qemu, [
                        '-machine', found.machine, '-cpu', cpu], 'kvm',
                        host=host) as guest:
                    return await guest.view()
            except GuestError as exc:
                return exc

        seen_host = features(found.seen_host)
        for model in choose.sample(names, min(number, len(names))):
            view = asyncio.run(start(model))
            if isinstance(view, GuestError):
                yield f'{json.dumps(model)}: does not start: {view}'
            elif missing := shown(view) - seen_host:
                yield (f'{json.dumps(model)}: guests of host miss '
                       f'{sorted(missing)}')

    def left_out(self, lab, machine):
        """(features that `host` gets if they are asked for alone, vendor)"""
        names = sorted(feature_places())
        models = [{'name': 'host', 'machine-type': machine, 'props': {
            **lab.extra, 'check': False, **more}} for more in (
                {}, *({name: True, 'enforce': True} for name in names))]
        with realized_cpus(lab, [TOPOLOGY]) as cpus:
            host, *asked = [seen[0] for seen in cpus.look(models)]
        if isinstance(host, GuestError):
            self.skipTest(f'host does not run here: {host}')
        seen = features(host)
        return ({name for name, cpu in zip(names, asked)
                 if name not in seen and not isinstance(cpu, GuestError) and
                 name in features(cpu)}, vendor_of(host.view))


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """On the host that tests run on."""

    def test_left_out(self):
        """`host` lacks nothing that it could have, but what is known"""
        found, vendor = self.left_out(self.lab, NEWEST)
        self.assertLessEqual(found, left_out(vendor, NEWEST))

    def test_named_models(self):
        """Named models compare with `host` as the rules say, and guests"""
        found = self.look(self.lab, ['here'], False)
        if isinstance(found.seen_host, GuestError):
            self.skipTest(f'host does not run here: {found.seen_host}')
        self.fail_if([*self.named_problems(found),
                      *self.guest_problems(found)])

    def test_changed_models(self):
        """Models that users have changed compare with `host` as guests do"""
        found = self.look(self.lab, ['here', 'changed'], True)
        if isinstance(found.seen_host, GuestError):
            self.skipTest(f'host does not run here: {found.seen_host}')
        self.fail_if(list(self.guest_problems(found)))


class TestMadeHosts(Checks, unittest.TestCase):
    """On hosts that are made up."""

    @classmethod
    def setUpClass(cls):
        if reason := no_made_hosts():
            raise unittest.SkipTest(reason)
        cls.tmp = cls.enterClassContext(tempfile.TemporaryDirectory())

    def hosts(self):
        """(what it is, file) of each: those of make_hosts.py, and others"""
        number = count(2, 20)
        choose = rng('hosts')
        names = sorted(make_hosts.HOSTS)
        choose.shuffle(names)
        # On this one, named models run.
        found = [(SURE, made_host(SURE))]
        for i in range(number - 1):
            host = varied_host(choose, names[i % len(names)])
            found.append((host['description'], write(
                host, os.path.join(self.tmp, f'{i}.json'))))
        return found + [(name, made_host(name)) for name in host_names()
                        if FULL and name != SURE]

    def test_left_out(self):
        """If a host offers all, `host` lacks just what is known"""
        for name in ('intel-diamondrapids', 'amd-genoa'):
            offers = Offers(make_hosts.Kvm(name).as_host())
            for feature in offers.missing() - NOT_BITS_ALONE:
                offers.put_in(feature)
            path = write(offers.host, os.path.join(self.tmp, 'all.json'))
            with self.subTest(host=name), on_host(path):
                lab, found = Lab('kvm', probe=False), set()
                known = set()
                # Newer machine types hide features of other vendors.
                for machine in (OLDEST, NEWEST):
                    more, vendor = self.left_out(lab, machine)
                    found |= more
                    known |= left_out(vendor, machine)
                self.assertEqual(found, known)

    def test_lbr_format(self):
        """Nor has `host` the format of last branch records by itself"""
        host = make_hosts.Kvm('intel-sapphirerapids').as_host()
        host['feature-msrs'][PERF_CAPABILITIES] |= LBR_FORMAT
        Offers(host).put_in('pdcm')
        path = write(host, os.path.join(self.tmp, 'lbr.json'))
        props = {'pmu': True, 'pdcm': True}
        with on_host(path):
            lab = Lab('kvm', probe=False)
            found = self.ask_about(lab, NEWEST, [
                ('Skylake-Server', {**props, **more})
                for more in ({}, {'lbr-fmt': LBR_FORMAT})])
        formats = [cpu.view.msrs.get(PERF_CAPABILITIES, 0) & LBR_FORMAT
                   for cpu in (found.seen_host, *found.enforced)]
        self.assertEqual(formats, [0, 0, LBR_FORMAT])
        results = [c['return'] for c in found.comparisons]
        self.assertEqual(results[0]['result'], 'subset')
        self.assertEqual(results[1]['result'], 'incompatible')
        self.assertIn('lbr-fmt', results[1]['responsible-properties'])

    def problems_on(self, description, path, changed):
        with on_host(path):
            lab = Lab('kvm', probe=False)
            found = self.look(lab, [description, changed], changed)
            if isinstance(found.seen_host, GuestError):
                yield f'host does not start: {found.seen_host}'
                return
            self.results.extend(comparison['result'] for _, _, comparison, _, _
                                in found.answers())
            if not changed:
                yield from self.named_problems(found)
            yield from self.guest_problems(found)
            yield from self.start_problems(
                found, rng('started', description),
                count(MODELS_STARTED, len(lab.models)), path)

    def check(self, changed):
        self.results = []
        hosts = self.hosts()
        progress = Progress(self._testMethodName, len(hosts))
        problems = []
        for host in hosts:
            problems += [f'{host[0]}: {problem}' for problem in
                         self.problems_on(*host, changed)]
            progress.step()
        self.fail_if(problems)

    def test_named_models(self):
        """Named models compare with `host` as the rules say, and guests"""
        self.check(False)
        self.assertIn('subset', self.results)
        self.assertGreater(len(set(self.results)), 1)

    def test_changed_models(self):
        """Models that users have changed compare with `host` as guests do"""
        self.check(True)

    def test_one_feature_less(self):
        """Where a host lacks one feature, models that have it don't fit"""
        problems = []
        for base in ('intel-diamondrapids', 'amd-genoa'):
            choose = rng('one feature less', base)
            host = make_hosts.Kvm(base).as_host()
            with on_host(write(host, os.path.join(self.tmp, 'base.json'))):
                lab = Lab('kvm', probe=False)
                found = self.ask_about(lab, NEWEST,
                                       [(name, {}) for name in lab.models])
            # {feature: names of models that run there and have it}
            fits = {}
            for model, _, comparison, _, forced in found.answers():
                if comparison['result'] in ('subset', 'identical'):
                    for name in (features(forced) - ALWAYS - OF_VERSION -
                                 {NEEDED}):
                        fits.setdefault(name, []).append(model['name'])
            progress = Progress(f'{self._testMethodName}, {base}', len(fits))
            for name in choose.sample(sorted(fits), count(3, len(fits))):
                problems += self.without_problems(
                    choose, host, name, fits[name],
                    sorted({n for names in fits.values() for n in names} -
                           set(fits[name])))
                progress.step()
        self.fail_if(problems)

    def without_problems(self, choose, host, name, having, others):
        """On a host without a feature, of models that have it and others"""
        path = write(host_without(choose, host, name),
                     os.path.join(self.tmp, 'less.json'))
        having, others = (choose.sample(names, min(MODELS_STARTED, len(names)))
                          for names in (having, others))
        with on_host(path):
            found = self.ask_about(Lab('kvm', probe=False), NEWEST, [
                (model, {}) for model in (*having, *others)])
        for model, _, comparison, _, _ in found.answers():
            fits = comparison['result'] in ('subset', 'identical')
            if fits != (model['name'] in others):
                yield (f'without {name}: {json.dumps(model)}: '
                       f'{comparison["result"]}')
        for problem in (*self.named_problems(found),
                        *self.guest_problems(found)):
            yield f'without {name}: {problem}'


if __name__ == '__main__':
    unittest.main()
