#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Machine types that QEMU 11.1 has removed keep their CPUs.

Answers: does a guest of 11.1 with cpu-compat=pc-i440fx-3.1 see the CPU that
pc-i440fx-3.1 of 10.0 shows it, whatever the machine type it has, booted or
hotplugged?  And does machine-type say what 10.0 says?  What is different in
other ways between the lines is in causes.json.

    LINES_BUILD=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_layers
"""

import asyncio
import os
import unittest

import line_report
import line_views
from line_views import NEW, OLD, SETUPS, Case, LineChecks

from answered_cpuid import view_of
from cpu_models import (FULL, SEED, Progress, ask, cpu_option, expansion,
                        plug_cpu, rng)
from guest_cpuid import Guest, guest_view
import made_hosts
from test_cpu_migration import migrate

QUERY = ('query-machine-cpu-layers', {})
SAMPLE = 4
# What a description says of the QEMU that wrote it
OF_THE_LINE = {'compat-anchor'}


def removed_types(lab):
    """The machine types of which a QEMU only knows the CPUs"""
    layers = lab.ask([QUERY])[0]['return']
    return [name for layer in layers for name in layer['layer-only']]


class Checks(LineChecks):
    """The tests of one accelerator"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.removed = removed_types(cls.lines.labs[NEW])
        cls.choose = rng(cls.accel, 'layers', cls.host)

    def shortDescription(self):
        return f'{self.accel}: {self._testMethodDoc.strip()} ({SEED=})'

    def sample(self, names, number=SAMPLE):
        return names if FULL else self.choose.sample(names, number)

    def test_removed(self):
        """Those that 10.0 has and 11.1 does not"""
        old, new = (set(self.lines.labs[line].machines)
                    for line in (OLD, NEW))
        self.assertEqual(set(self.removed), old - new)
        self.assertEqual(removed_types(self.lines.labs[OLD]), [])
        self.assertGreater(len(old - new), 30)

    def test_guests(self):
        """Guests see the CPU of the machine type that was removed"""
        targets = [name for name in self.lines.labs[NEW].machines
                   if name.endswith('-11.1')]
        self.assertEqual(len(targets), 2)
        cases = [Case(source, f'{target},cpu-compat={source}', model, None,
                      setup)
                 for source in self.sample(self.removed)
                 for target in targets
                 for model in self.sample(self.lines.models)
                 for setup in SETUPS]
        self.lines.compare(cases, 'guests of machine types that were removed')
        if text := line_report.unexplained_text(self.lines):
            self.fail(text)

    async def plugged(self, line, machine, model, jobs):
        """What a CPU that is plugged in shows, next to the one at boot"""
        args = ['-machine', machine, '-smp', '1,maxcpus=2,sockets=1,cores=2',
                '-cpu', cpu_option(model, SETUPS['forced'].props)]
        async with jobs, Guest(self.lines.labs[line].qemu, args,
                               self.accel) as guest:
            await plug_cpu(guest)
            return view_of(await guest.qmp.execute('query-cpu-cpuid',
                                                   {'cpu-index': 1}))

    def test_hotplugged(self):
        """A CPU that is plugged in is that of the machine type, too"""
        cases = [Case(source, f'pc-q35-11.1,cpu-compat={source}', model, None,
                      'forced')
                 for source in self.sample(self.removed, 3)
                 for model in self.sample(self.lines.models, 3)]

        async def look(some):
            jobs = asyncio.Semaphore((os.cpu_count() or 1) + 1)
            return await asyncio.gather(*[
                self.plugged(line, machine, case.model, jobs)
                for case in some for line, machine in (
                    (OLD, case.source), (NEW, case.target))])

        progress = Progress(f'{self.accel}: hotplugged', len(cases))
        for start in range(0, len(cases), line_views.PORTION):
            some = cases[start:start + line_views.PORTION]
            views = asyncio.run(look(some))
            for case, old, new in zip(some, views[::2], views[1::2]):
                self.assertTrue(old.cpuid)
                self.lines.explain(case, line_views.different(old, new))
            progress.step(len(some))
        if text := line_report.unexplained_text(self.lines):
            self.fail(text)

    def test_found(self):
        """A CPU that is not that of the machine type is seen"""
        lines = line_views.Lines(self.accel, [], self.host)
        lines.compare([Case('pc-i440fx-2.4',
                            'pc-i440fx-11.1,cpu-compat=pc-i440fx-2.12',
                            'Haswell', None, 'forced')], 'what differs')
        self.assertTrue(lines.unexplained)

    def test_machine_type(self):
        """machine-type says what 10.0's process says"""
        old, new = self.lines.labs[OLD], self.lines.labs[NEW]
        machines = self.sample(self.removed)
        progress = Progress(f'{self.accel}: answers', len(machines))
        problems = []
        for machine in machines:
            models = self.sample(self.lines.models, 20)
            commands = [expansion('static', m) for m in models]
            before = ask(['-accel', self.accel, '-S', '-machine', machine],
                         commands, old.qemu)
            after = new.ask([expansion('static', m, None, machine)
                             for m in models])
            for model, a, b in zip(models, before, after):
                problems += self.different(f'{machine}: {model}', a, b)
            progress.step(1)
        self.assertEqual(problems, [])

    def different(self, what, before, after):
        """How two answers differ in the properties that both have"""
        if 'return' not in before or 'return' not in after:
            yield f'{what}: {before}, {after}'
            return
        a, b = (r['return']['model']['props'] for r in (before, after))
        for name in sorted(set(a) & set(b) - OF_THE_LINE):
            if a[name] != b[name]:
                yield f'{what}: {name} was {a[name]}, is {b[name]}'


class Migration(unittest.TestCase):
    """A guest of 10.0 goes on with 11.1, with the CPU of a removed type"""
    machine = 'pc-q35-9.0'
    compat = 'pc-i440fx-2.9'

    @classmethod
    def setUpClass(cls):
        if reason := line_views.missing('tcg'):
            raise unittest.SkipTest(reason)

    def migrate(self, accel, source, target):
        """What becomes of it, and what the guest has seen before"""
        if accel == 'kvm' and (reason := made_hosts.no_kvm()):
            self.skipTest(reason)
        args = [['-machine', f'{self.machine}{compat}', '-cpu', cpu, '-smp',
                 '2,sockets=1,cores=2'] for compat, cpu in (source, target)]
        old, new = line_views.binary(OLD), line_views.binary(NEW)
        return (asyncio.run(migrate(accel, *args, source=old, target=new)),
                guest_view(old, args[0], accel))

    def check_taken(self, accel):
        for model in 'EPYC', 'Skylake-Server', 'Haswell', 'qemu64':
            cpu = f'{model},arch-capabilities=off'
            side = f',cpu-compat={self.compat}', cpu
            with self.subTest(model):
                result, before = self.migrate(accel, side, side)
                self.assertEqual(result.status, 'completed', result.stderr)
                self.assertEqual(result.view, before)

    def test_taken(self):
        """The guest sees what it has seen before, under TCG"""
        self.check_taken('tcg')

    def test_taken_kvm(self):
        """The guest sees what it has seen before, under KVM"""
        self.check_taken('kvm')

    def test_refused(self):
        """Another machine type's CPU, and none, are refused by name"""
        source = f',cpu-compat={self.compat}', 'EPYC'
        for other, said in [
                (',cpu-compat=pc-i440fx-2.7', 'the target has '
                 'cpu-compat=pc-i440fx-2.7'),
                (f',cpu-compat={self.machine}', 'the target has '
                 f'cpu-compat={self.machine}')]:
            with self.subTest(said):
                result, _ = self.migrate('tcg', source, (other, 'EPYC'))
                self.assertEqual(result.status, 'failed')
                self.assertIn('the source has cpu-compat='
                              f'{self.compat}, {said}', result.stderr)


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(Checks, unittest.TestCase):
    """Under KVM."""
    accel = 'kvm'


class TestKvmOnAmd(Checks, unittest.TestCase):
    """Under KVM, on a host of AMD's."""
    accel = 'kvm'
    host = 'amd-genoa'


if __name__ == '__main__':
    unittest.main()
