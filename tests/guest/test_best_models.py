#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
query-cpu-model-best, judged by guests.

Answers: does each CPU model that it returns start with enforce=on, and is it
left out otherwise for a reason: a guest with it does not start, or one of the
models that are returned has all that it has?  Is `beyond` what guests of the
host's CPU see, and guests of the model don't?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_best_models
"""

import asyncio
import unittest

from compared_cpus import TOPOLOGY_FEATURES, compare, is_unseen, shown
from cpu_models import FULL, NEWEST, OLDEST, LabChecks, ask, cpu_option, rng
from guest_cpuid import GuestError
from test_removed_features import NeedsKvm, refused_by_kvm


class Checks(LabChecks):
    """The tests, for one accelerator."""

    def machines(self):
        choose = rng(self.accel, 'best')
        return ([OLDEST, NEWEST] if not FULL else self.lab.machines) + [
            choose.choice(self.lab.machines)]

    def views_of(self, machine, names):
        """{name: what a guest with enforce=on sees, or why there is none}"""
        keys = [(machine, cpu_option(name, {'enforce': True}), '1')
                for name in names]
        views = dict(zip(names, asyncio.run(self.lab.look(keys))))
        self.lab.forget(keys)
        return views

    def best(self, machine):
        reply = self.lab.ask([('query-cpu-model-best',
                               {'machine-type': machine})])[0]['return']
        self.assertEqual({entry['machine-type'] for entry in reply},
                         {machine})
        return {entry['name']: entry['beyond'] for entry in reply}

    def fits(self, machine, pairs):
        """Of pairs of models, those whose second one is at least the first"""
        replies = self.lab.ask([compare(*({'name': name, 'machine-type': machine}
                                          for name in pair))
                                for pair in pairs])
        return [pair for pair, reply in zip(pairs, replies)
                if reply['return']['result'] in ('subset', 'identical')]

    def problems_of(self, machine):
        best = self.best(machine)
        views = self.views_of(machine, [self.host, *self.lab.models])
        starting = {name for name, view in views.items()
                    if not isinstance(view, GuestError)} - {self.host}
        # What a kernel offers and then refuses, QMP can't know.
        refused = {name for name, view in views.items()
                   if isinstance(view, GuestError) and
                   refused_by_kvm(str(view))}
        self.assertTrue(starting)
        if isinstance(views[self.host], GuestError) and \
                self.host not in refused:
            yield f'{self.host} does not start: {views[self.host]}'
        for name in set(best) - starting - refused:
            yield f'{name} does not start: {views[name]}'
        missing = starting - set(best)
        less = {name for name, _ in self.fits(
            machine, [(name, other) for name in sorted(missing)
                      for other in sorted(best)])}
        for name in missing - less:
            yield f'{name} starts, and is missing'
        above = self.fits(machine, [
            (name, other) for name in sorted(set(best) & starting)
            for other in sorted(starting - {name})])
        same = self.fits(machine, [pair[::-1] for pair in above])
        for name, other in above:
            if (other, name) not in same:
                yield f'{name} is less than {other}'
        for name in sorted(set(best) & starting):
            if not isinstance(views[self.host], GuestError):
                yield from self.beyond_problems(name, best[name], views)

    def beyond_problems(self, name, beyond, views):
        seen = shown(views[self.host]) - shown(views[name])
        if seen - set(beyond):
            yield f'{name}: beyond lacks {sorted(seen - set(beyond))}'
        unseen = {f for f in set(beyond) - seen
                  if not is_unseen(f) and f not in TOPOLOGY_FEATURES}
        if unseen:
            yield f'{name}: guests see no difference in {sorted(unseen)}'

    def test_1_best(self):
        """Those that start with enforce=on, and no lesser ones"""
        self.fail_if([f'{machine}: {problem}' for machine in self.machines()
                      for problem in self.problems_of(machine)])

    def test_2_default(self):
        """The machine type is the process's, or the newest"""
        for args, machine in [(['-machine', 'none'], NEWEST),
                              (['-machine', NEWEST], NEWEST),
                              (['-machine', OLDEST], OLDEST),
                              (['-machine', f'{NEWEST},cpu-compat={OLDEST}'],
                               OLDEST),
                              (['-machine', 'microvm'], NEWEST),
                              (['-machine', OLDEST, '-cpu', 'qemu64,-sse2',
                                '-global', 'qemu64-v1-x86_64-cpu.avx=on'],
                               OLDEST)]:
            replies = ask(['-accel', self.accel, '-S', *args], [
                ('query-cpu-model-best', {}),
                ('query-cpu-model-best', {'machine-type': machine})])
            self.assertTrue(replies[0]['return'], args)
            self.assertEqual(*replies)
            self.assertEqual(replies[0]['return'][0]['machine-type'], machine)

    def test_3_order(self):
        """The one that leaves the least unused comes first"""
        sizes = [len(beyond) for beyond in self.best(NEWEST).values()]
        self.assertEqual(sizes, sorted(sizes))

    def test_4_errors(self):
        """Machine types as in all commands"""
        wrong = ['', 'none', 'xyzzy', 'microvm', 'x-remote', 'x' * 5000]
        replies = self.lab.ask(
            [('query-cpu-model-best', {'machine-type': m}) for m in wrong] +
            [('query-cpu-model-best', {})])
        for machine, reply in zip(wrong, replies):
            self.assertIn(machine[:60], reply['error']['desc'])
            self.assertLess(len(reply['error']['desc']), 500)
        self.assertTrue(replies[-1]['return'])


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'
    host = 'max'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""
    accel = 'kvm'
    host = 'host'


if __name__ == '__main__':
    unittest.main()
