#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The argument machine-type of query-cpu-model-expansion.

Answers: does a QEMU that runs with another machine type, or none, say
about a model of a machine type what a QEMU says that was started with it,
property for property?  Do its own -cpu and -global stay out of that, and
does it say about its own machine type what it said before?  What is said
of machine types and models that make no sense?

    QTEST_QEMU_BINARY=... python3 -m unittest test_machine_type

A sample is tested; CHECK_FULL=1 tests all models of all machine types.
CHECK_SEED repeats a run.
"""

import unittest

from cpu_models import (
    FULL, NEWEST, OLDEST, SAMPLE_MODELS, SHOWN, LabChecks, Progress,
    expansion, random_cpu, rng,
)
from release_line import NEWEST_I440FX, of_line
from test_removed_features import NeedsKvm

# What must not get into an answer about another machine type: from -cpu in
# either syntax, from -global for a model, for what all models derive from,
# and for what expansions are made of, and from the machine's own options.
# pc-q35-4.0 has another interrupt controller than all others by default.
NASTY = [
    '-machine', of_line('pc-q35-4.0') +
    ',smp-cache.0.cache=l2,smp-cache.0.topology=core',
    '-smp', '4,sockets=1,dies=2,cores=2',
    '-cpu', 'Haswell,-avx2,+x2apic,+monitor,level=5,model-id=Mine,kvm=off,'
            'hv-relaxed=on,l3-cache=off,host-phys-bits=on',
    '-global', 'Haswell-x86_64-cpu.min-level=21',
    '-global', 'Haswell-v1-x86_64-cpu.xlevel=0x80000004',
    '-global', 'EPYC-Milan-x86_64-cpu.stepping=7',
    '-global', 'base-x86_64-cpu.family=9',
    '-global', 'base-x86_64-cpu.compat-anchor=' + of_line('pc-q35-3.1'),
    '-global', 'max-x86_64-cpu.migratable=off',
    '-global', 'x86_64-cpu.tcg-cpuid=off',
    '-global', 'x86_64-cpu.min-xlevel=0x80000022',
    '-global', 'driver=x86_64-cpu,property=hv-vendor-id,value=leaked',
    '-global', 'x86_64-cpu.x-l1-cache-per-thread=off',
    '-global', 'cpu.rdseed=off',
    '-global', 'cpu.phys-bits=41',
]
CLEAN = ['-machine', 'none']


def compact(answer):
    """The answer, less the class of errors"""
    return answer.get('return') or answer['error']['desc']


def unlike(a, b, where=''):
    """Yields where two answers are not the same."""
    if a == b:
        return
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(set(a) | set(b)):
            yield from unlike(a.get(key), b.get(key), f'{where}.{key}')
    elif isinstance(a, list) and isinstance(b, list):
        yield (f'{where}: only in the first: {[x for x in a if x not in b]}, '
               f'only in the second: {[x for x in b if x not in a]}')
    else:
        yield f'{where}: {str(a)[:300]}, {str(b)[:300]}'


class Checks(LabChecks):
    """The tests, for one accelerator."""
    def questions(self, machine):
        """(kind, name, props) of what is asked about a machine type"""
        choose = rng(self.accel, machine)
        models = self.lab.all_models
        if not FULL:
            others = sorted(set(models) - set(SAMPLE_MODELS))
            models = (SAMPLE_MODELS + ['base', 'custom', 'max', 'host']
                      + choose.sample(others, 8))
        found = [(kind, name, {}) for name in models
                 for kind in ('static', 'full')]
        for _ in range(20):
            name, props = random_cpu(choose, self.lab)
            # A known difference: where a user asks for this, pc-q35-4.0 and
            # the others are told what the process's own interrupt
            # controller offers (removed-features), which is split or not.
            props.pop('kvm-msi-ext-dest-id', None)
            found.append((choose.choice(['static', 'full']), name, props))
        # What depends on the accelerator's and the machine's options
        found += [
            ('full', 'Haswell', {'x2apic': True, 'svm': True, 'pmu': True}),
            ('full', 'max', {'migratable': False, 'hv-passthrough': True}),
            ('static', 'max', {'migratable': False, 'pmu': True}),
            ('static', 'base', {'compat-anchor': of_line('pc-i440fx-3.0')}),
            ('static', 'Haswell', {'compat-anchor': of_line('pc-i440fx-3.0')}),
            ('static', 'Haswell', {'no-such-property': 1}),
            ('static', 'No-such-model', {}),
        ]
        return found

    def machines(self):
        """The machine types to ask about"""
        if FULL:
            return self.lab.machines + ['isapc']
        choose = rng(self.accel, 'machines')
        types = [OLDEST, of_line('pc-q35-3.1'), 'pc-i440fx-6.1', NEWEST, 'isapc']
        return types + choose.sample(
            sorted(set(self.lab.machines) - set(types)), 2)

    def compare(self, args):
        """Ask a QEMU with args what QEMUs with each machine type say."""
        machines = self.machines()
        problems = {}
        asked = 0
        progress = Progress(f'{self.accel}: {self._testMethodName}',
                            len(machines))
        # A few at a time: the answers are large.
        for start in range(0, len(machines), 4):
            some = machines[start:start + 4]
            expected = {}
            for machine in some:
                questions = self.questions(machine)
                answers = self.lab.ask([expansion(*q) for q in questions],
                                       '-machine', machine)
                expected.update(
                    {(machine, i): (question, answer) for i, (
                        question, answer) in enumerate(zip(questions,
                                                           answers))})
            # One machine type after the other, for each model
            keys = sorted(expected, key=lambda key: key[1])
            answers = self.lab.ask(
                [expansion(*expected[key][0], machine=key[0])
                 for key in keys], *args)
            for key, answer in zip(keys, answers):
                question, other = expected[key]
                asked += 1
                for what in unlike(compact(other), compact(answer)):
                    problems.setdefault(what, []).append(
                        f'{key[0]} {question}')
            progress.step(len(some))
        if problems:
            self.fail('\n'.join(
                [f'{len(problems)} differences'] +
                [f'{what}: {len(where)} times: {where[:2]}'
                 for what, where in list(problems.items())[:SHOWN]]))
        self.assertGreater(asked, 300)

    def test_from_no_machine(self):
        """Without a machine, the answers are those of the machine type"""
        self.compare(CLEAN)

    def test_from_another_machine(self):
        """-cpu, -global and -machine options get into no answer"""
        self.compare(NASTY)

    def test_nothing_stays(self):
        """Answers about the machine in use are the same before and after"""
        own = [expansion(kind, name) for kind in ('static', 'full')
               for name in [*SAMPLE_MODELS, 'base', 'max', 'custom']]
        own.append(('query-cpu-definitions', {}))
        others = [
            expansion(kind, name, props, machine)
            for kind in ('static', 'full')
            for machine in [OLDEST, of_line('pc-q35-3.1'), 'no-such-machine', 'none',
                            'microvm', 'x86', NEWEST, 'isapc']
            for name, props in [('Haswell', {}), ('EPYC', {'level': 'x'}),
                                ('base', {'compat-anchor': NEWEST}),
                                ('base', {'compat-anchor': 'none'}),
                                ('No-such-model', {})]]
        for args in (NASTY, CLEAN, ['-machine', OLDEST]):
            answers = self.lab.ask(own + others + own + others[::-1] + own,
                                   *args)
            before = answers[:len(own)]
            between = answers[len(own) + len(others):][:len(own)]
            after = answers[-len(own):]
            self.assertEqual(before, between)
            self.assertEqual(before, after)

    def test_cpus_made_later(self):
        """A CPU that is plugged in after answers is the machine's own"""
        # Machine types and options that all answers leave to themselves
        args = ['-machine', of_line('pc-q35-4.1'), '-smp',
                '1,sockets=1,cores=2,threads=1,maxcpus=2', '-cpu',
                'EPYC,+monitor,-avx2,arch-capabilities=off']
        plug = [('device_add', {'driver': 'EPYC-x86_64-cpu', 'id': 'hot',
                                'socket-id': 0, 'core-id': 1,
                                'thread-id': 0})]
        path = '/machine/peripheral/hot'
        names = [p['name'] for p in self.lab.ask(
            plug + [('qom-list', {'path': path})], *args)[-1]['return']]
        self.assertGreater(len(names), 800)
        get = [('qom-get', {'path': path, 'property': n}) for n in names]
        expected = self.lab.ask(plug + get, *args)[1:]
        for before in (
                [expansion('static', 'EPYC', {}, OLDEST)],
                [expansion('full', 'EPYC', {'no-such': 1}, NEWEST)],
                [expansion('full', 'base', {'compat-anchor': OLDEST})],
                [expansion('static', 'EPYC', {}, 'no-such-machine')]):
            self.assertEqual(self.lab.ask(before + plug + get, *args)[2:],
                             expected, before)

    def test_nasty_options_take_effect(self):
        """The options that must not leak are not mistakes"""
        asked = [('Haswell', {}), ('base', {}), ('EPYC-Milan', {}),
                 ('max', {})]
        theirs, plain = [
            self.lab.ask([expansion('full', *a) for a in asked], *args)
            for args in (NASTY, ['-machine', of_line('pc-q35-4.0')])]
        for mine, other, question in zip(theirs, plain, asked):
            a, b = (r['return']['model']['props'] for r in (mine, other))
            changed = {name for name in a if a[name] != b.get(name)}
            self.assertLess({'tcg-cpuid', 'hv-vendor-id', 'phys-bits'},
                            changed, question)
        haswell = theirs[0]['return']['model']['props']
        self.assertEqual([haswell[name] for name in (
            'avx2', 'x2apic', 'level', 'min-level', 'model-id', 'rdseed')],
            [False, True, 5, 21, 'Mine', False])

    def test_bad_input(self):
        """What makes no sense is refused, and why is said clearly"""
        good = expansion('static', 'Haswell', {}, NEWEST)
        kind, name = 'static', 'Haswell'
        unknown = 'Machine type .* not found; query-machines lists'
        abstract = "Machine type '.*' is abstract"
        no_pc = "Machine type '.*' is not a PC"
        wrong_type = "Invalid parameter type.*machine-type.*string"
        bad = {
            'no-such-machine': unknown, '': unknown, ' ': unknown,
            'pc-q35-10.0-machine': unknown, 'PC-Q35-10.0': unknown,
            'Haswell-x86_64-cpu': unknown, 'pc-q35-1.0': unknown,
            'x' * 5000: unknown,
            'generic-pc': abstract, 'x86': abstract,
            'none': no_pc, 'microvm': no_pc,
            1: wrong_type, True: wrong_type, None: wrong_type,
        }
        questions = [expansion(kind, name, {}, m) for m in bad if m
                     is not None]
        messages = [text for m, text in bad.items() if m is not None]
        for value, text in [(None, wrong_type), ([], wrong_type),
                            ({}, wrong_type), (1.5, wrong_type)]:
            questions.append(('query-cpu-model-expansion', {
                'type': kind, 'model': {'name': name,
                                        'machine-type': value}}))
            messages.append(text)
        for props, text in [
                ({'no-such-property': True}, 'no-such-property.* not found'),
                ({'avx2': 'perhaps'}, 'avx2'),
                ({'level': -1}, 'level|out of range|uint32'),
                ({'vendor': 'short'}, 'vendor'),
                ({'l2-cache-info': '1M:share=core'}, 'l2-cache-info'),
                ({'compat-anchor': OLDEST}, 'compat-anchor'),
                ({'family': 4711}, 'family|range'),
                ([], 'props.*(dict|object)'), ('avx2', 'props.*object')]:
            questions.append(('query-cpu-model-expansion', {
                'type': kind, 'model': {'name': name, 'props': props,
                                        'machine-type': NEWEST}}))
            messages.append(text)
        questions += [
            expansion(kind, 'no-such-model', {}, NEWEST),
            expansion(kind, 'base', {'compat-anchor': 'microvm'}, NEWEST),
            expansion(kind, 'base', {'compat-anchor': 'gone'}, NEWEST)]
        messages += ["CPU model 'no-such-model' not found",
                     'Invalid compat-anchor: .* is not a PC',
                     'Invalid compat-anchor: .* not found']
        for args in (CLEAN, NASTY):
            # QEMU is alive to answer a good question after each bad one.
            answers = self.lab.ask([q for bad_one in questions
                                    for q in (bad_one, good)], *args)
            for question, answer, text in zip(questions, answers[::2],
                                              messages):
                self.assertIn('error', answer, question)
                self.assertRegex(answer['error']['desc'], text, question)
            self.assertIn('return', answers[1])
            for answer in answers[3::2]:
                self.assertEqual(answer, answers[1])

    def test_aliases(self):
        """Aliases of machine types are what they stand for; isapc works"""
        pairs = {'pc': NEWEST_I440FX, 'q35': NEWEST}
        for alias, machine in pairs.items():
            a, b = self.lab.ask([expansion('static', 'EPYC', {}, m)
                                 for m in (alias, machine)])
            self.assertEqual(a, b)
        answer = self.lab.ask([expansion('static', 'EPYC', {}, 'isapc')])[0]
        self.assertEqual(answer['return']['model']['name'], 'base')
        # The machine type is not part of an answer.
        self.assertEqual(set(answer['return']['model']), {'name', 'props'})


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""


if __name__ == '__main__':
    unittest.main()
