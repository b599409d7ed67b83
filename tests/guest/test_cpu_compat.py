#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
-machine X,cpu-compat=Y and the CPU model "custom", judged by guests.

Answers: does a guest on machine type X see the CPU that it would see on Y,
on the CPUs it starts with and on those that are plugged in later?  Is
"custom" with a static expansion the CPU, and does it refuse to start
without any single one of the properties?  Is what makes no sense refused?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_cpu_compat

A sample is tested; CHECK_FULL=1 tests all models.  CHECK_SEED repeats a
run.
"""

import asyncio
import os
import re
import unittest

from qemu.qmp import ExecuteError

from cpu_models import (
    FORCE, FULL, NEWEST, OLDEST, QEMU, LabChecks, Progress,
    cpu_option, differences, expansion, plug_cpu, rng, show_differences,
)
from guest_cpuid import Guest, GuestError, register
from release_line import NEWEST_I440FX, of_line
from test_removed_features import NeedsKvm

# Machine type, and whose CPUs it is to have
# (pc-q35-4.0 has another interrupt controller than all others by default)
PAIRS = [(NEWEST, OLDEST), (of_line('pc-q35-4.0'), 'pc-i440fx-8.0')]
MORE_PAIRS = [
    ('pc-i440fx-10.0', of_line('pc-q35-3.1')), (NEWEST, 'pc-i440fx-10.0'), (NEWEST, 'pc-q35-8.0'),
    (NEWEST, of_line('pc-i440fx-2.12')), (OLDEST, NEWEST),
    (of_line('pc-q35-5.0'), of_line('pc-q35-4.2')), ('pc-i440fx-6.1', 'pc-q35-9.2'),
    ('pc-q35-9.1', of_line('pc-i440fx-5.1')), (of_line('pc-q35-2.9'), 'pc-i440fx-7.2'),
]
# What is left open here, machine types fill in differently.
SMP = '2,sockets=1,cores=2,threads=1'
SMP_HOTPLUG = '2,sockets=1,cores=3,threads=1,maxcpus=3'
MODELS = ['qemu64', 'Haswell', 'Skylake-Server', 'EPYC', 'EPYC-Milan-v2']

# Properties that a description has only if they are set: nothing is
# missing without them.
OPTIONAL = {'level', 'xlevel', 'xlevel2', 'tsc-frequency'}


class Checks(LabChecks):
    """The tests, for one accelerator."""
    def pairs(self):
        return PAIRS + MORE_PAIRS if FULL else PAIRS

    def cpu(self, name, force=True):
        return cpu_option(name, {**self.lab.extra,
                                 **(FORCE if force else {})})

    def check_same(self, cases):
        """In each (what, key, key) of the lab, the guests see the same."""
        problems = []
        progress = Progress(f'{self.accel}: {self._testMethodName}',
                            len(cases))
        for start in range(0, len(cases), 500):
            some = cases[start:start + 500]
            views = asyncio.run(self.lab.look(
                [key for _, *keys in some for key in keys]))
            for (what, *_), a, b in zip(some, views[::2], views[1::2]):
                errors = [str(v)[-300:] for v in (a, b)
                          if isinstance(v, GuestError)]
                if errors:
                    problems.append(f'{what}: {errors}')
                elif found := differences(a, b):
                    problems.append(f'{what}: {show_differences(found)}')
            progress.step(len(some))
        self.fail_if(problems)

    def test_1_boot_cpu(self):
        """With cpu-compat, the CPU is that of the other machine type"""
        cases = []
        for machine, other in self.pairs():
            for name in self.lab.sample(machine, fixed=MODELS, more=4):
                for force in (True, False) if FULL else (True,):
                    cpu = self.cpu(name, force)
                    cases.append((
                        f'{machine},cpu-compat={other} {cpu}',
                        (f'{machine},cpu-compat={other}', cpu, SMP),
                        (other, cpu, SMP)))
        self.check_same(cases)

    def test_2_it_makes_a_difference(self):
        """Without cpu-compat, it is another CPU"""
        # Up to 6.0, qemu64 is family 6, whatever the host.
        families = {NEWEST: 15, OLDEST: 6,
                    of_line('pc-q35-4.0'): 6, 'pc-i440fx-8.0': 15}
        cpu = self.cpu('qemu64')
        machines = [machine for pair in PAIRS for machine in pair]
        views = asyncio.run(self.lab.look([(machine, cpu, SMP)
                                           for machine in machines]))
        for machine, view in zip(machines, views):
            self.assertEqual(register(view, 1, 0, 'EAX') >> 8 & 0xf,
                             families[machine], machine)
        for machine, other in PAIRS:
            self.assertNotEqual(families[machine], families[other])

    async def hotplug(self, machine, cpu):
        """All properties of a CPU that is plugged in, and all views"""
        args = ['-machine', machine, '-cpu', cpu, '-smp', SMP_HOTPLUG]
        async with Guest(QEMU, args, self.accel) as guest:
            path = await plug_cpu(guest)

            async def get(prop):
                try:
                    return await guest.qmp.execute(
                        'qom-get', {'path': path, 'property': prop})
                except ExecuteError as exc:
                    return str(exc)

            names = [prop['name'] for prop in await guest.qmp.execute(
                'qom-list', {'path': path})]
            # Some 900: not one at a time
            props = dict(zip(names, await asyncio.gather(
                *[get(name) for name in names])))
            views = (guest.cpu_views() if self.accel == 'kvm'
                     else [await guest.view()])
            return props, views

    def test_3_hotplugged_cpu(self):
        """A CPU that is plugged in is that of the other type as well"""
        models = (self.lab.models[::4] if FULL
                  else ['Skylake-Server', 'EPYC'])
        pairs = self.pairs()
        problems = []
        progress = Progress(f'{self.accel}: {self._testMethodName}',
                            len(pairs) * len(models))
        for machine, other in pairs:
            for name in models:
                cpu = self.cpu(name)

                async def both(types, cpu=cpu):
                    return await asyncio.gather(*[
                        self.hotplug(one, cpu) for one in types])

                (props, views), (expected, their_views) = asyncio.run(both(
                    [f'{machine},cpu-compat={other}', other]))
                what = f'{machine},cpu-compat={other} {name}'
                self.assertEqual(len(views), len(their_views))
                self.assertEqual(len(views), 3 if self.accel == 'kvm' else 1)
                self.assertGreater(len(props), 800)
                for key in sorted(set(props) | set(expected)):
                    if props.get(key) != expected.get(key):
                        problems.append(
                            f'{what}: {key}: {str(props.get(key))[:300]}, '
                            f'{str(expected.get(key))[:300]}')
                for number, pair in enumerate(zip(views, their_views)):
                    if found := differences(*pair):
                        problems.append(f'{what}: CPU {number}: '
                                        f'{show_differences(found)}')
                progress.step()
        self.fail_if(problems)

    def expand(self, names, machine, props=None):
        replies = self.lab.ask([expansion(
            'static', name, {**self.lab.extra, **(props or {})}, machine)
            for name in names])
        return [reply['return']['model']['props'] for reply in replies]

    def test_4_custom(self):
        """custom with a static expansion is the CPU"""
        cases = []
        for machine, target in [(OLDEST, NEWEST), (NEWEST, OLDEST),
                                ('pc-q35-8.0', f'{OLDEST},cpu-compat='
                                               f'{NEWEST}')]:
            names = self.lab.sample('custom', machine, fixed=MODELS, more=2)
            for name, props in zip(names, self.expand(names, machine)):
                cases.append((f'{machine} {name} -> {target}',
                              (machine, self.cpu(name), SMP),
                              (target, cpu_option('custom', {
                                  **props, **FORCE}), SMP)))
        self.check_same(cases)

    async def refusals(self, keys):
        """What QEMUs with each (machine, cpu) say if they do not start"""
        jobs = asyncio.Semaphore((os.cpu_count() or 1) + 1)

        async def one(machine, cpu):
            args = ['-machine', machine, '-cpu', cpu]
            async with jobs:
                try:
                    async with Guest(QEMU, args, self.accel):
                        return ''
                except GuestError as exc:
                    return '\n'.join(str(exc).splitlines()[1:])

        return await asyncio.gather(*[one(*key) for key in keys])

    def test_5_custom_needs_everything(self):
        """custom lacking any property is refused, and it is named"""
        choose = rng(self.accel, 'incomplete')
        names = MODELS if FULL else ['EPYC']
        problems = []
        for name, props in zip(names, self.expand(names, NEWEST)):
            lacking = sorted(set(props) - OPTIONAL)
            self.assertGreater(len(lacking), 430)
            self.assertIn('l2-cache-info' if name == 'EPYC' else 'pmu',
                          lacking)
            if not FULL:
                lacking = ['vendor', 'model-id', 'l2-cache-info',
                           'compat-anchor', 'min-level'] + choose.sample(
                               lacking, 25)
            said = asyncio.run(self.refusals([
                (NEWEST, cpu_option('custom', {
                    k: v for k, v in props.items() if k != prop}))
                for prop in lacking]))
            for prop, text in zip(lacking, said):
                if not re.search("CPU model 'custom' needs all properties of a "
                                 rf'static expansion; missing: {prop}$',
                                 text, re.M):
                    problems.append(f'{name} without {prop}: {text[-300:]}')
        self.fail_if(problems)

    def test_6_custom_by_itself(self):
        """custom alone is refused, some names said, others counted"""
        text = asyncio.run(self.refusals([(NEWEST, 'custom')]))[0]
        self.assertRegex(text, r'missing: (\S+, ){19}\S+ and \d+ more')
        self.assertNotIn('Assertion', text)
        definitions = {d['name']: d for d in self.lab.ask([(
            'query-cpu-definitions', {})])[0]['return']}
        self.assertFalse(definitions['custom']['migration-safe'])
        self.assertFalse(definitions['custom']['static'])

    def test_7_nonsense_is_refused(self):
        """A cpu-compat that makes no sense is refused, and why is said"""
        bad = {
            f'{NEWEST},cpu-compat=no-such-machine': 'not found',
            f'{NEWEST},cpu-compat=': 'not found',
            f'{NEWEST},cpu-compat=none': 'is not a PC',
            f'{NEWEST},cpu-compat=microvm': 'is not a PC',
            f'{NEWEST},cpu-compat=generic-pc': 'is abstract',
            f'{NEWEST},cpu-compat=isapc': 'isapc is unversioned',
            f'isapc,cpu-compat={NEWEST}': 'isapc is unversioned',
            'isapc,cpu-compat=isapc': 'isapc is unversioned',
            f'microvm,cpu-compat={NEWEST}': "cpu-compat' not found",
            f'none,cpu-compat={NEWEST}': "cpu-compat' not found",
        }
        said = asyncio.run(self.refusals([(m, 'qemu64') for m in bad]))
        for machine, text in zip(bad, said):
            self.assertRegex(text, bad[machine], machine)
            self.assertIn('cpu-compat', text, machine)
            self.assertNotIn('Assertion', text, machine)

    def test_8_it_can_be_found(self):
        """qom-list-properties shows cpu-compat, qom-get what it is"""
        listed = self.lab.ask([
            ('qom-list-properties', {'typename': f'{name}-machine'})
            for name in (NEWEST, OLDEST, 'microvm')])
        for reply, there in zip(listed, (True, True, False)):
            found = [p for p in reply['return'] if p['name'] == 'cpu-compat']
            self.assertEqual(bool(found), there)
            if there:
                self.assertEqual(found[0]['type'], 'string')
                self.assertTrue(found[0]['description'])
        question = ('qom-get', {'path': '/machine', 'property': 'cpu-compat'})
        for machine, value in [(NEWEST, ''), ('q35,cpu-compat=pc',
                                              NEWEST_I440FX),
                               (f'{NEWEST},cpu-compat={OLDEST}', OLDEST),
                               (f'pc,cpu-compat={OLDEST},cpu-compat='
                                f'{NEWEST}', NEWEST)]:
            reply = self.lab.ask([question], '-machine', machine)[0]
            self.assertEqual(reply['return'], value, machine)

    def test_9_expansions_follow(self):
        """Models without a machine type are those of cpu-compat"""
        questions = [expansion(kind, name) for kind in ('static', 'full')
                     for name in [*MODELS, 'base', 'max']]
        questions.append(('query-cpu-definitions', {}))
        for machine, other in self.pairs():
            self.assertEqual(
                self.lab.ask(questions, '-machine',
                             f'{machine},cpu-compat={other}'),
                self.lab.ask(questions, '-machine', other), machine)


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""


if __name__ == '__main__':
    unittest.main()
