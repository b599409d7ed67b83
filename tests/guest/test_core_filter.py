#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a host leaves of a CPU, without QEMU.

Answers: does a program without a QEMU (core-filter.c, on the core) know from
the file of all CPU models, and from what a host offers, which features QEMU
removes there, why, and for what else it would refuse to start?  Of every model,
as it is and with random features and properties.  The judge is QEMU's
removed-features, which other tests hold against guests.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... \\
        PYTHONPATH=<qemu>/python:<repo>/scripts \\
        python3 -m unittest test_core_filter
"""

import contextlib
import json
import os
import re
import subprocess
import tempfile
import unittest
from unittest import mock

from cpu_models import FULL, SHOWN, ask, count, expansion, rng
from made_hosts import made_host, shim
from reader_programs import program
from release_line import LINE, NEWEST, OLDEST
from test_model_table import file_of, table
from test_offered_features import INTEL_PT, LIP, PERF_CAPABILITIES, spec
from test_removed_features import NeedsKvm

# Who lacks it, the core can't know.
NOT_OFFERED = {'hardware', 'kernel', 'qemu', 'accelerator', 'configuration'}
# What KVM turns off in named models, and TCG, is in no request.
OFF_BY_ACCELERATOR = {'acpi', 'monitor', 'svm', 'vme'}
# Errors of properties that the core knows nothing about are not among them.
ERRORS = {'phys-bits', 'guest-phys-bits', 'lbr-fmt'}

# MSRs whose upper half says what may be 1 (SDM vol. 3, appendix A)
VMX_CONTROLS = {0x48b, 0x48d, 0x48e, 0x48f, 0x490}

FLAGS = ['full-cpuid-auto-level', 'kvm', 'pmu', 'x-intel-pt-auto-level',
         'x-vendor-cpuid-only']
if LINE != '10.0':
    FLAGS += ['x-pdcm-on-even-without-pmu', 'x-vendor-cpuid-only-v2']
VALUES = {
    'level': [0, 1, 7, 0xd, 0x14, 0x24],
    'min-level': [0, 1, 7, 0xd, 0x14, 0x24],
    'xlevel': [0x80000000, 0x80000001, 0x80000008, 0x8000000a, 0x80000022],
    'min-xlevel': [0, 0x80000008, 0x80000022],
    'phys-bits': [31, 32, 40, 52, 53],
    'guest-phys-bits': [0, 31, 32, 40, 46],
    'lbr-fmt': [0, 4, 5],
}


def number(value):
    return int(value) if isinstance(value, bool) else value


def is_xsave_component(place):
    where = place.get('cpuid', {})
    return where.get('leaf') == 0xd and (
        where['subleaf'] == 0 or where['register'] in ('ECX', 'EDX'))


def by_qemu(info):
    """{(feature, place): (reason, blocking, requires, conflicts)}"""
    found = {}
    for entry in info['removed-features']:
        # The core has no Hyper-V, and no features without a name.
        if re.match('hv-|(cpuid|msr)-[0-9a-f]+h-', entry['feature']):
            continue
        for place in entry['places']:
            where = place.get('cpuid') or place['msr']
            if is_xsave_component(place) or \
                    entry['feature'] in ('avx10-version', 'lbr-fmt'):
                continue
            key = (where['leaf'] if 'leaf' in where else where['index'],
                   where.get('subleaf', 0), where['bit'])
            if key[0] in VMX_CONTROLS:
                # QEMU's words have the upper half alone.
                key = (*key[:2], key[2] % 32)
            found[entry['feature'], key] = (
                entry['reason'], entry['blocking'],
                {frozenset(names) for names in entry.get('requires', [])},
                set(entry.get('conflicts-with', [])))
    return found


def by_core(reply):
    return {(entry['feature'][0], tuple(entry['place'])): (
        entry['reason'], entry['blocking'],
        {frozenset(names) for names in entry['requires']},
        set(entry['conflicts-with']))
        for entry in reply['unseen'] if entry['feature']}


def same(qemu, core):
    reason, blocking, requires, conflicts = qemu
    if core[0] == 'not-offered':
        return blocking and reason in NOT_OFFERED
    # Who asked for what lacks something it depends on, the core can't know:
    # enforce minds if it was the user.
    return (reason, requires, conflicts) == (core[0], *core[2:]) and (
        blocking == core[1] or reason in ('dependency', 'configuration'))


def differences(info, reply):
    qemu, core = by_qemu(info), by_core(reply)
    for key in sorted({*qemu, *core}):
        if key not in core and key[0] in OFF_BY_ACCELERATOR and \
                not qemu[key][1]:
            continue
        if key not in qemu or key not in core or \
                not same(qemu[key], core[key]):
            yield f'{key}: QEMU {qemu.get(key)}, core {core.get(key)}'
    lowered = {entry['feature'] for entry in info['removed-features']
               if entry['feature'] in ('avx10-version', 'lbr-fmt') and
               entry['blocking']}
    if lowered != set(reply['lowered']):
        yield f'lowered: QEMU {lowered}, core {reply["lowered"]}'
    errors = {error['property'] for error in info['errors']} & ERRORS
    if errors != set(reply['errors']):
        yield f'errors: QEMU {errors}, core {reply["errors"]}'
    if not reply['starts'] and not info['errors'] and not any(
            entry['blocking'] for entry in info['removed-features']):
        yield 'QEMU would start'


class Checks(unittest.TestCase):
    """The tests, for one accelerator."""
    accel = ''

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.table = table()
        cls.models = [model['name'] for model in cls.table['models']
                      if model['name'] not in ('base', 'custom')]
        cls.machines = [machine for layer in cls.table['layers']
                        for machine in layer['machine-types']]

    def ask(self, commands):
        return [reply['return'] for reply in
                ask(['-machine', 'none', '-accel', self.accel], commands)]

    def offer(self, **further):
        """What the accelerator offers, as core-filter.c reads it"""
        lines = [f'offer {feature["name"]}' for feature in
                 self.ask([('query-cpu-features', {})])[0]
                 if feature['supported']]
        return lines + [f'{name.replace("_", "-")} {value}'
                        for name, value in further.items()]

    def host(self):
        """(its vendor, its offer)"""
        return '', self.offer()

    def random_props(self, choose):
        names = [feature['name'] for word in self.table['words']
                 for feature in word['features']]
        props = {name: choose.random() < 0.7
                 for name in choose.sample(names, choose.randint(0, 25))}
        for _ in range(choose.randint(0, 3)):
            if choose.random() < 0.5:
                props[choose.choice(FLAGS)] = choose.random() < 0.5
            else:
                name = choose.choice(sorted(VALUES))
                props[name] = choose.choice(VALUES[name])
        return props

    def check(self, cpus, host=None):
        """cpus: [(model, machine type, properties)]"""
        vendor, offer = host or self.host()
        infos = self.ask([expansion('static', model, props, machine)
                          for model, machine, props in cpus])
        lines = offer + [
            ' '.join(['cpu', model, machine,
                      *(f'{name}={number(value)}'
                        for name, value in props.items())])
            for model, machine, props in cpus]
        with tempfile.TemporaryDirectory() as tmp:
            done = subprocess.run(
                [program('tests', 'guest', 'core-filter.c').path,
                 file_of(self.table, tmp), self.accel, vendor],
                input='\n'.join(lines) + '\n', stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, check=False, encoding='utf-8')
        self.assertEqual(done.returncode, 0, done.stderr)
        replies = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(replies), len(cpus))
        problems = [f'{cpu}: {text}'
                    for cpu, info, reply in zip(cpus, infos, replies)
                    for text in differences(info, reply)]
        if problems:
            self.fail(f'{len(problems)}:\n' + '\n'.join(problems[:SHOWN]))
        return replies

    def test_1_models(self):
        """On the newest and the oldest machine type; CHECK_FULL: on all"""
        machines = self.machines if FULL else [NEWEST, OLDEST]
        replies = self.check([(model, machine, {}) for model in self.models
                              for machine in machines])
        self.assertTrue(any(reply['unseen'] for reply in replies))

    def test_2_random(self):
        """With features and properties that lack what they need, and more"""
        choose = rng('core', 'filter', self.accel)
        self.check([(choose.choice(self.models),
                     choose.choice(self.machines),
                     self.random_props(choose))
                    for _ in range(count(400, 10000))])

    @unittest.skipIf(LINE == '10.0', 'QEMU 10.0 has no apxf')
    def test_3_conflict(self):
        """Two features that exclude each other, and what needs one of them"""
        reply, *_ = self.check([
            ('Skylake-Client', NEWEST, {'mpx': mpx, 'apxf': apxf,
                                        'apx-nci-ndd-nf': True})
            for mpx in (True, False) for apxf in (True, False)])
        self.assertEqual({entry['feature'][0] for entry in reply['unseen']
                          if entry['reason'] == 'conflict'}, {'mpx', 'apxf'})


class TestTcg(Checks):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks):
    """Under KVM."""
    accel = 'kvm'

    def host(self):
        props = self.ask([expansion('static', 'host')])[0]['model']['props']
        lbr = 0
        if os.environ.get('CHECK_HOST'):
            with open(made_host(os.environ['CHECK_HOST']),
                      encoding='utf-8') as f:
                msrs = json.load(f)['kvm']['feature-msrs']
            lbr = int(msrs.get('0x345', '0'), 16) & 0x3f
        return props['vendor'], self.offer(
            avx10_version=props.get('avx10-version', 0),
            phys_bits=props['phys-bits'], lbr_fmt=lbr)

    @contextlib.contextmanager
    def offering(self, offers):
        """KVM offers that, too."""
        with mock.patch.dict(os.environ, {
                'LD_PRELOAD': shim(), 'KVM_CPUID_SHIM_OFFERS': spec(offers)}):
            yield self.host()

    def check_intel_pt(self, offers, reasons):
        """reasons: without and with intel-pt-lip, where leaf 0x14 is shown"""
        def register(leaf, name):
            return offers.get(f'cpuid 0x14 {leaf} {name} is', 0)

        with self.offering(offers) as (vendor, offer):
            offer = [*offer, 'intel-pt ' + ' '.join(
                str(register(leaf, name)) for leaf in (0, 1)
                for name in ('eax', 'ebx', 'ecx', 'edx'))]
            # Machine types up to 3.1 don't raise the level.
            replies = self.check([
                ('Skylake-Client-v1', NEWEST,
                 {'intel-pt': True, 'intel-pt-lip': lip,
                  'x-intel-pt-auto-level': auto, 'min-level': level})
                for auto in (True, False) for level in (0xd, 0x14)
                for lip in (False, True)], (vendor, offer))
        self.assertEqual(
            [[entry['reason'] for entry in reply['unseen']
              if entry['feature'] == ['intel-pt']] for reply in replies],
            [[r] if r else [] for r in [*reasons * 2, *[
                r or 'level' for r in reasons], *reasons]])

    def test_4_intel_pt(self):
        """Its capabilities, the form of addresses, its leaf"""
        self.check_intel_pt(INTEL_PT, ['', ''])
        self.check_intel_pt({**INTEL_PT, 'cpuid 0x14 0 ecx is': 7 | LIP},
                            ['conflict', ''])
        self.check_intel_pt({**INTEL_PT, 'cpuid 0x14 1 eax is': 0x02490001},
                            ['value'] * 2)

    def test_5_last_branch_records(self):
        with self.offering(PERF_CAPABILITIES) as (vendor, offer):
            replies = self.check([
                ('Haswell', NEWEST, {'pmu': pmu, 'lbr-fmt': lbr})
                for pmu in (False, True) for lbr in (0, 4, 5)],
                (vendor, [*offer, 'lbr-fmt 5']))
        self.assertEqual([reply['errors'] for reply in replies],
                         [[], ['lbr-fmt'], ['lbr-fmt'],
                          [], ['lbr-fmt'], []])


del Checks

if __name__ == '__main__':
    unittest.main(verbosity=2)
