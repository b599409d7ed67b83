#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Baselines, on hosts that offer exactly what their two CPUs have.

Answers: does a guest start with the baseline of two CPUs, and enforce=on, on a
host that has the features of the one, on a host that has those of the other, and
on hosts that have more, and does it see there what guests of both see?  Is each
of these features needed: does the start fail, and name the feature, on a host
that lacks one?  A baseline that has less than both fails that.

The hosts are made up (varied_hosts.py).  They offer what guests of the two CPUs
see with x-force-features, and no level that hides any of it.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_baseline_hosts

CHECK_SEED repeats a run, CHECK_RANDOM says how many pairs.
"""

import asyncio
import copy
import json
import os
import re
import tempfile
import unittest

from compared_cpus import baseline, find_kvm, forced, shown
from cpu_models import (
    Lab, LabChecks, Progress, count, cpu_option, expansion, feature_places,
    random_cpu, rng,
)
from guest_cpuid import Guest, GuestError
from made_hosts import made_host, no_made_hosts
from realized_cpus import realized_cpus
from varied_hosts import (
    ALWAYS, Offers, exact_host, host_without, on_host, without_levels, write,
)

# With the most features of their vendors
BASES = ['intel-diamondrapids', 'amd-genoa']
TOPOLOGY = '1'
# Nested virtualization and the PMU, which models have off
ROOTS = {'intel-diamondrapids': ['vmx', 'pmu'], 'amd-genoa': ['svm', 'pmu']}
SUPERSETS = 2
MORE = 30
LACKING = 20
# Pairs that are drawn for each that has a baseline
MAX_DRAWS = 20
# Whether the host's form of addresses is that of a CPU
FLAT = {'intel-pt-lip'}


class Pair:
    """Two CPUs, their baseline, and hosts that have what each of them has"""

    def __init__(self, models, base, seen, whole, reply):
        """
        seen: what guests see of the two
        whole: the same, without levels that hide anything
        """
        self.models = models
        self.hosts = [exact_host(base, find_kvm(cpu.view), cpu.mcg_cap,
                                 requested)
                      for cpu, requested in whole]
        self.model = reply['model']
        self.omitted = {o['feature'] for o in reply['omitted-features']}
        self.common = shown(seen[0].view) & shown(seen[1].view) - self.omitted

    def __str__(self):
        return json.dumps(self.models)


class TestMadeHosts(LabChecks, unittest.TestCase):
    """On hosts that are made up."""
    accel = 'kvm'

    @classmethod
    def setUpClass(cls):
        if reason := no_made_hosts():
            raise unittest.SkipTest(reason)
        cls.tmp = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.files = 0

    def file(self, host):
        """The file of a host, a dict"""
        type(self).files += 1
        return write(host, os.path.join(self.tmp, f'{self.files}.json'))

    @staticmethod
    def random_model(choose, lab, roots):
        name, props = random_cpu(choose, lab)
        # Vendors that differ have no baseline.
        props.pop('vendor', None)
        return {'name': name,
                'props': {**{root: choose.random() < 0.5 for root in roots},
                          **props},
                'machine-type': choose.choice(lab.machines)}

    def pairs(self, choose, base, number):
        """Random pairs that have a baseline"""
        found = []
        with on_host(made_host(base)):
            lab = Lab('kvm', probe=False)
            with realized_cpus(lab, [TOPOLOGY]) as cpus:
                for _ in range(MAX_DRAWS * number):
                    if len(found) == number:
                        break
                    pair = [self.random_model(choose, lab, ROOTS[base])
                            for _ in range(2)]
                    reply, *static = lab.ask([baseline(*pair), *[
                        expansion('static', *model.values())
                        for model in pair]])
                    if 'return' not in reply:
                        continue
                    props = [s['return']['model']['props'] for s in static]
                    seen = [s[0] for s in cpus.look([forced(m) for m in [
                        *pair, *[{'name': 'base', 'props': without_levels(p)}
                                 for p in props]]])]
                    if any(isinstance(s, GuestError) for s in seen):
                        continue
                    requested = [[n for n in feature_places() if p.get(n)]
                                 for p in props]
                    found.append(Pair(pair, base, seen[:2],
                                      list(zip(seen[2:], requested)),
                                      reply['return']))
        self.assertEqual(len(found), number, 'too few pairs have a baseline')
        return lab, found

    @staticmethod
    def superset(choose, host):
        """A host with more features"""
        offers = Offers(copy.deepcopy(host))
        more = sorted(offers.missing() - FLAT)
        for name in choose.sample(more, min(MORE, len(more))):
            offers.put_in(name)
        return offers.host

    async def start(self, lab, machine, pair, host):
        """What a guest of the baseline sees, or why there is none"""
        cpu = cpu_option(pair.model['name'], {
            **pair.model['props'], 'enforce': True,
            'enforce-report': 'json'})
        try:
            async with Guest(lab.qemu, ['-machine', machine, '-cpu', cpu],
                             'kvm', host=self.file(host)) as guest:
                return await guest.view()
        except GuestError as exc:
            return exc

    async def look(self, lab, machine, pair, hosts):
        """start() on each host"""
        jobs = asyncio.Semaphore((os.cpu_count() or 1) + 1)

        async def one(host):
            async with jobs:
                return await self.start(lab, machine, pair, host)

        return await asyncio.gather(*map(one, hosts))

    @staticmethod
    def blocking(error):
        """The blocking features that a report names"""
        report = re.search(r'^\{"removed-features": .*\}$', str(error), re.M)
        return {entry['feature'] for entry in
                json.loads(report[0])['removed-features']
                if entry['blocking']} if report else set()

    def problems_of(self, choose, lab, pair):
        a, b = pair.hosts
        hosts = {'of A': a, 'of B': b, **{
            f'with more, {n}': self.superset(choose, choose.choice([a, b]))
            for n in range(SUPERSETS)}}
        machine = choose.choice(lab.machines)
        views = asyncio.run(self.look(lab, machine, pair, hosts.values()))
        for where, view in zip(hosts, views):
            if isinstance(view, GuestError):
                yield f'{pair}: host {where}: {self.blocking(view)}: {view}'
            elif missing := pair.common - shown(view):
                yield (f'{pair}: host {where}: the guest misses '
                       f'{sorted(missing)}')
        names = sorted(pair.common - ALWAYS)
        names = choose.sample(names, min(LACKING, len(names)))
        hosts = [host_without(choose, choose.choice([a, b]), name)
                 for name in names]
        views = asyncio.run(self.look(lab, machine, pair, hosts))
        for name, view in zip(names, views):
            if not isinstance(view, GuestError):
                yield f'{pair}: it starts without {name}'
            elif self.blocking(view) != {name}:
                yield (f'{pair}: without {name}: {self.blocking(view)}: '
                       f'{view}')
        self.taken_out += len(names)

    def test_baselines(self):
        """Baselines start where they have to, and nowhere else"""
        number = count(4, 100)
        progress = Progress(self._testMethodName, number)
        problems, self.taken_out = [], 0
        for base in BASES:
            choose = rng('baseline hosts', base)
            lab, pairs = self.pairs(choose, base, number // len(BASES))
            for pair in pairs:
                problems += self.problems_of(choose, lab, pair)
                progress.step()
        self.fail_if(problems)
        self.assertGreater(self.taken_out, 0)


if __name__ == '__main__':
    unittest.main()
