#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu migrate, judged by migration.

Answers: does a guest that may go to the other host, by two passports, really
get there, and see there all that it saw before?  If it may not, for its CPU's
sake, what happens to it?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... \\
        PYTHONPATH=<qemu>/python:<repo>/scripts:<repo>/tests/guest \\
        python3 -m unittest test_real_migration

CHECK_SEED repeats a run, CHECK_RANDOM says how many pairs of hosts there are.
"""

import asyncio
import json
import tempfile
import unittest

from qemu.qmp import QMPError

from answer_tool import batch
from compared_cpus import shown
from cpu_models import QEMU, Progress, Reported, count, rng
from guest_cpuid import Guest, GuestError
from host_answers import NeedsMadeHosts
from host_fleet import MODELS, VENDORS, HostFleet
from release_line import NEWEST, OLDEST
from test_cpu_migration import migration_ended
from varied_hosts import on_host

TIMEOUT = 60
# What a guest notices at once.  Other reasons are about time, or about state that
# a paused guest without an operating system does not have.
SEEN = {'feature', 'microcode', 'vendor'}
MODELS_PER_PAIR = 12


class Outcome:
    """
    What became of a guest: its views on both hosts, and why it has none on the
    second
    """

    def __init__(self):
        self.source = self.target = None
        self.error = ''


async def migrate(a, b, model, machine):
    """
    Starts a guest on host A, and migrates it to host B.  Returns None if it
    does not run on A.
    """
    args = ['-machine', machine, '-cpu', f'{model},check=off']
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix='real-migration-') as tmp:
        uri = f'unix:{tmp}/socket'
        source = Guest(QEMU, args, 'kvm')
        target = Guest(QEMU, [*args, '-incoming', 'defer'], 'kvm')
        try:
            with on_host(a.path):
                await source.__aenter__()
        except GuestError:
            return None
        try:
            outcome.source = await source.view()
            try:
                with on_host(b.path):
                    await target.__aenter__()
            except GuestError as exc:
                outcome.error = f'does not start: {exc}'
                return outcome
            try:
                await target.qmp.execute('migrate-incoming', {'uri': uri})
                await source.qmp.execute('migrate', {'uri': uri})
                for qmp in source.qmp, target.qmp:
                    status = await asyncio.wait_for(migration_ended(qmp),
                                                    TIMEOUT)
                    if status != 'completed':
                        outcome.error = f'{status}: {target.stderr()}'
                        return outcome
                outcome.target = await target.view()
            except (QMPError, asyncio.TimeoutError) as exc:
                # A target that refuses ends.
                outcome.error = f'{exc!r}: {target.stderr()}'
            finally:
                await target.__aexit__(None, None, None)
        finally:
            await source.__aexit__(None, None, None)
    return outcome


class TestMigration(NeedsMadeHosts, Reported, unittest.TestCase):
    """Between two made hosts"""
    accel = 'kvm'

    def problem(self, answer, outcome):
        """What the tool says and did not happen, or None"""
        if 'error' in answer:
            return answer['error']
        blocking = {reason['what'] for reason in answer['reasons']
                    if reason['blocking']}
        if outcome.target is None:
            if 'TimeoutError' in outcome.error or 'Assert' in outcome.error:
                return outcome.error
            return None if blocking or answer['unknown'] else outcome.error
        lost = shown(outcome.source) - shown(outcome.target)
        told = {reason['text'].split()[2] for reason in answer['reasons']
                if reason['what'] in ('feature', 'microcode')}
        other = outcome.source.cpuid[0, 0] != outcome.target.cpuid[0, 0] and (
            'vendor' not in blocking and 'identity' not in
            {reason['what'] for reason in answer['reasons']})
        if answer['migrates']:
            self.migrated += 1
        if lost - told or other:
            return f'lost {sorted(lost - told)}, other leaf 0: {other}'
        if told - lost and blocking <= SEEN:
            return f'{sorted(told - lost)} are not lost'
        self.lost += bool(lost)
        return None

    def test_pairs(self):
        """Guests go where they may, and see what they saw before"""
        choose = rng('real migration')
        with open(MODELS, encoding='utf-8') as f:
            names = [m['name'] for m in json.load(f)['models']
                     if m['name'] != 'base']
        number = count(4, 60)
        progress = Progress('pairs of hosts', number + 1)
        problems, self.migrated, self.lost = [], 0, 0
        with tempfile.TemporaryDirectory() as tmp:
            fleet = HostFleet(tmp)
            # One goes and one loses features, whatever is drawn below.
            pairs = [(fleet.plain('intel-cascadelake'),
                      fleet.plain('intel-haswell'),
                      [('Nehalem', NEWEST), ('Skylake-Server', NEWEST)])]
            for _ in range(number):
                vendor = choose.choice(sorted(VENDORS))
                a, b = (fleet.varied(choose, vendor) for _ in range(2))
                pairs.append((a, b, [
                    (name, choose.choice([OLDEST, NEWEST])) for name in
                    choose.sample(names, MODELS_PER_PAIR)]))
            for a, b, asked in pairs:
                answers = batch([{
                    'verb': 'migrate', 'cpu': f'{name},check=off',
                    'machine': machine, 'from': a.passport, 'to': b.passport}
                    for name, machine in asked], MODELS)
                for (name, machine), answer in zip(asked, answers):
                    outcome = asyncio.run(migrate(a, b, name, machine))
                    problem = outcome and self.problem(answer, outcome)
                    if problem:
                        problems.append(f'{name} on {machine}, {a} to {b}: '
                                        f'{problem} {json.dumps(answer)}')
                progress.step()
        self.fail_if(problems)
        self.assertGreater(self.migrated, 0)
        self.assertGreater(self.lost, 0)


if __name__ == '__main__':
    unittest.main()
