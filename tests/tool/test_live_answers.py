#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu with a live QEMU.

Answers: does the tool say with --qemu and --qmp what it says from the file of
CPU models, member for member and with the same status and text; and is there
one clear error where the other side is no QEMU, not this QEMU, or dies?

    QTEST_QEMU_BINARY=... \\
        PYTHONPATH=<qemu>/python:<repo>/scripts:<repo>/tests/guest \\
        python3 -m unittest test_live_answers
"""

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

from answer_tool import programs, run
from cpu_models import (
    QEMU, LabChecks, ask, count, cpu_option, expansion, random_cpu, rng,
)
from release_line import NEWEST
from test_removed_features import NeedsKvm
from x86_cpu_errors import Failure
from x86_cpu_names import Names, dashed

MODELS = os.path.join(os.path.dirname(QEMU), 'qemu-cpu-models.json')

# As users of -cpu write it
TEXTS = [
    'EPYC', 'EPYC,', 'EPYC,svm', 'EPYC,svm=no,avx2=false', 'Haswell,-avx,+vmx',
    'Haswell,+avx,-avx,avx=on', 'EPYC,f-svm=off', 'EPYC,f-svm=off,svm=on',
    'EPYC,svm=on,f-svm=off', 'EPYC,sse4_1=off', 'EPYC,+sse4_1,sse4.1=off',
    'EPYC,sse4.1=off,sse4-1=on', 'EPYC,tsc_freq=2.5G', 'EPYC,tsc-freq=1e3k',
    'EPYC,tsc-freq=x', 'EPYC,tsc-frequency=1234567', 'EPYC,model-id=a,,b=c',
    'EPYC,model_id=on', 'EPYC,model-id=0x10', 'EPYC,hv-vendor-id=12',
    'EPYC,hv-no-nonarch-coresharing=on', 'EPYC,hv_no_nonarch_coresharing=auto',
    'EPYC,ucode-rev=0xffffffffffffffff', 'EPYC,ucode-rev=0x8000000000000000',
    'EPYC,ucode-rev=18446744073709551616', 'EPYC,ucode-rev=-1',
    'EPYC,x-hv-max-vps=-1', 'EPYC,x-hv-max-vps=7', 'EPYC,xlevel=010',
    'EPYC,level=on', 'EPYC,level=', 'EPYC,svm=1', 'EPYC,svm=', 'EPYC,family=9x',
    'EPYC,vendor=GenuineIntel', 'EPYC,vendor=x', 'EPYC,check=off,enforce=on',
    'EPYC,l2-cache-info=', 'EPYC,l2-cache-info=x', 'EPYC,compat-anchor=',
    f'EPYC,compat-anchor={NEWEST}', f'base,compat-anchor={NEWEST},lm',
    'base,compat-anchor=no', 'base', 'base,lm=on,svm=on', 'EPYC,no-such=1',
    'EPYC,+no-such', 'EPYC,f-pmu=on', 'EPYC,+tsc-freq', 'EPYC,hv-apicv=on',
    'EPYC,hv-avic=off,hv-apicv=on', ',svm', '', 'NoSuch', 'epyc',
    'EPYC,avx10-version=1,avx10=off', 'EPYC,avx10=off,avx10-version=1',
    'GraniteRapids,avx10-256=off,avx10-version=2', 'EPYC,avx10-version=0',
    f'base,avx10=off,avx10-version=1,compat-anchor={NEWEST}', 'EPYC,,svm=off',
    'EPYC,enforce-report=json', 'EPYC,enforce_report=text',
    'EPYC,enforce-report=x', 'EPYC,start-powered-off=on', 'EPYC,node-id=0',
    'EPYC,socket-id=-1,die-id=+1,module-id=0x1', 'EPYC,core-id=x',
    'EPYC,thread-id=2147483648', 'EPYC,apic-id=99', 'EPYC,apic-id=-1',
    'EPYC,migratable=on', 'EPYC,host-cache-info=off', 'EPYC,level=+5',
    'EPYC,level= 3', 'EPYC,level=3 ', 'EPYC,level=-1', 'EPYC,level=+-1',
    'EPYC,x-hv-max-vps=-0x2', 'EPYC,x-hv-max-vps=-2147483649',
    'EPYC,hv-passthrough=on', 'EPYC,+constant-tsc', 'EPYC,constant-tsc=on',
    'EPYC,-tsc_deadline-timer', 'EPYC,tsc_deadline-timer=off',
    'EPYC,level=x,level=7', 'EPYC,level=7,level=x', 'EPYC,level=9,level=7',
    'EPYC,vendor=x,vendor=GenuineIntel', 'EPYC,kvm=x,kvm=on',
    'EPYC,l2-cache-info=x,l2-cache-info=', 'EPYC,sse4_1=x,sse4.1=on',
    'EPYC,avx2=x,+avx2', 'EPYC,f-avx2=x,avx2=on', 'EPYC,pni=1,pni=off',
    'EPYC,constant_tsc=x,invtsc=on', 'EPYC,hv-apicv=x,hv-avic=on',
    'EPYC,enforce=banana,enforce=off', 'EPYC,check=1,check=on',
    f'EPYC,model-id={"x" * 47}\u00e9,model-id=x',
    'EPYC,hv-vendor-id=12345678901\u00e9,hv-vendor-id=x',
    f'base,compat-anchor=nope,compat-anchor={NEWEST}',
    f'base,compat-anchor={NEWEST},compat-anchor=nope',
    f'base,level=x,compat-anchor={NEWEST},level=3', 'custom,level=x,level=3',
]

# Options, and whether QEMU starts with them
STARTS = [
    ('+constant-tsc', False), ('constant-tsc=on', False), ('+sse3', True),
    ('kvm_pv_eoi=on', True), ('hv_apicv=on', True), ('+lahf_lm', True),
    ('enforce=banana,enforce=off', False), ('enforce=ON', False),
    ('enforce=off,enforce=on,enforce=no', True), ('level=x,level=7', False),
    ('level=9,level=7', True), ('vendor=x,vendor=GenuineIntel', False),
    ('avx2=x,+avx2', False), ('avx2=no,+avx2', True),
]


# Three CPUs, and what their baseline has to leave out
TRIPLES = [
    (['Nehalem,tsc-frequency=1000', 'Nehalem', 'Nehalem,tsc-frequency=2000'],
     {}),
    (['Nehalem,tsc-frequency=1000', 'Nehalem,tsc-frequency=2000',
      'Nehalem,tsc-frequency=3000'], {'tsc-frequency': 'conflict'}),
    (['Nehalem,tsc-frequency=1000', 'Nehalem,tsc-frequency=2000',
      'Nehalem,tsc-frequency=1000'], {'tsc-frequency': 'conflict'}),
    (['Haswell,invtsc=on,tsc-frequency=1000', 'Haswell',
      'Haswell,invtsc=on,tsc-frequency=2000'], {}),
    (['Haswell,invtsc=on,tsc-frequency=1000', 'Haswell,invtsc=on',
      'Haswell,invtsc=on,tsc-frequency=2000'], {'invtsc': 'unmigratable'}),
    (['Haswell,lmce=on', 'Haswell,mce=off', 'Haswell,mca=off,lmce=on'], {}),
    # A level of 6 hides leaf 7.
    (['Haswell', 'Haswell,level=6', 'Haswell,avx=off'], {}),
    (['Haswell,xsave=off', 'Haswell,level=6', 'Haswell'], {}),
]
# KVM has no CPU with such switches.
TCG_TRIPLES = [
    ([f'Nehalem,{on}' for on in (
        'hv-evmcs=on,hv-vapic=on,hv-ipi=on,hv-vpindex=on',
        'hv-evmcs=on,hv-vapic=on,hv-ipi=on',
        'hv-evmcs=on,hv-ipi=on,hv-vpindex=on')],
     {'hv-evmcs': 'dependency', 'hv-ipi': 'dependency'}),
    (['Nehalem,hv-stimer=on', 'Nehalem',
      'Nehalem,hv-stimer=on,hv-tlbflush=on'], {}),
    (['Nehalem,hv-stimer=on', 'Nehalem,hv-stimer=on,hv-time=on',
      'Nehalem,hv-stimer=on,hv-tlbflush=on'], {'hv-stimer': 'dependency'}),
    (['Nehalem,hv-syndbg=on', 'Nehalem,hv-passthrough=on',
      'Nehalem,hv-syndbg=on,hv-vpindex=on'], {'hv-passthrough': 'host-only'}),
]


def same(offline, live):
    """Whether two answers are the same, but for words of errors"""
    if 'error' in offline and 'error' in live:
        return {**offline, 'error': ''} == {**live, 'error': ''}
    return offline == live


def starts_with(cpu):
    """Whether QEMU takes this -cpu"""
    done = subprocess.run(
        [QEMU, '-machine', NEWEST, '-accel', 'tcg', '-cpu', cpu, '-S',
         '-display', 'none', '-nodefaults', '-monitor', 'stdio'],
        input='quit\n', stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        encoding='utf-8', check=False)
    if done.returncode not in (0, 1):
        raise AssertionError(f'{cpu}: {done.returncode}: {done.stderr}')
    return not done.returncode


def batch_of(requests, *options, models=()):
    """Answers to requests, of any status"""
    done = run(['--batch', *options], models, ''.join(
        json.dumps(request) + '\n' for request in requests), status=0)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(requests):
        raise AssertionError(f'{len(answers)} answers to {len(requests)}: '
                             f'{done.stderr}')
    return answers


class Checks(LabChecks, unittest.TestCase):
    """The tests, for one accelerator."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.machines = [*cls.lab.machines, 'isapc']
        cls.host = cls.host_values()

    @classmethod
    def host_values(cls):
        """What of the host is in static expansions, as members of requests"""
        if cls.accel == 'tcg':
            return {}
        props = ask(['-machine', 'none', '-accel', 'kvm'], [
            expansion('static', 'host')])[0]['return']['model']['props']
        return {name: props[name] for name in ('vendor', 'phys-bits',
                                               'guest-phys-bits')}

    def request(self, verb, **members):
        return {'verb': verb, 'accel': self.accel, **members}

    def check_same(self, requests, good=0.25):
        """The same answers without host values as offline with them"""
        offline = batch_of([
            {**request, **self.host} if 'accel' in request else request
            for request in requests], models=[MODELS])
        for answer in offline:
            # Only a realized CPU shows it.
            answer.pop('guest', None)
        live = batch_of(requests, f'--qemu={QEMU}')
        self.fail_if([f'{json.dumps(request)}: offline {self.brief(a, b)}, '
                      f'live {self.brief(b, a)}'
                      for request, a, b in zip(requests, offline, live)
                      if not same(a, b)])
        self.assertGreaterEqual(sum(a['status'] < 2 for a in offline),
                                len(requests) * good)

    @staticmethod
    def brief(answer, other):
        """The members that the other one has not"""
        return json.dumps({name: value for name, value in answer.items()
                           if other.get(name) != value})[:600]

    def random_text(self, choose):
        name, props = random_cpu(choose, self.lab)
        if choose.random() < 0.03:
            props[choose.choice(['level', 'no-such', 'vendor'])] = \
                choose.choice([1 << 40, 'x'])
        return cpu_option(name, props)

    def random_cpus(self, choose, number):
        machine = choose.choice(self.machines)
        first = self.random_text(choose)
        others = [first + choose.choice(['', ',svm=off', ',-avx', ',+aes',
                                         ',x2apic=off,level=7'])
                  if choose.random() < 0.7 else self.random_text(choose)
                  for _ in range(number - 1)]
        return [{'cpu': text, 'machine': choose.choice([machine, NEWEST])}
                for text in [first, *others]]

    def test_1_texts(self):
        """Texts with all that -cpu takes"""
        self.check_same([self.request(verb, cpu=text)
                         for verb in ('expand', 'show') for text in TEXTS])

    def test_2_random(self):
        """Random CPUs on random machine types"""
        choose = rng(self.accel, 'live answers')
        self.check_same([
            self.request(choose.choice(['expand', 'show']),
                         cpu=self.random_text(choose),
                         machine=choose.choice(self.machines))
            for _ in range(count(200, 5000))])

    def test_3_compared(self):
        """Random pairs compare the same"""
        choose = rng(self.accel, 'live pairs')
        self.check_same([self.request('compare',
                                      cpus=self.random_cpus(choose, 2))
                         for _ in range(count(120, 3000))])

    def test_4_baseline(self):
        """The same baseline of one CPU and of several"""
        choose = rng(self.accel, 'live baselines')
        self.check_same([self.request('baseline', cpus=self.random_cpus(
            choose, choose.choice([1, 2, 3, 3, 4, 5])))
            for _ in range(count(120, 3000))])

    def check_orders(self, texts, *options, wanted=None, models=()):
        """Problems with baselines in all orders: they are to be the same"""
        orders = list(itertools.permutations(texts))
        answers = batch_of([self.request('baseline', cpus=order, **(
            self.host if models else {})) for order in orders],
            *options, models=models)
        for answer in answers:
            answer.pop('cpus', None)
            # host-only: of each CPU in turn
            omitted = answer.get('omitted-features', [])
            of_hosts = [e for e in omitted if e['reason'] == 'host-only']
            omitted[:] = [*(e for e in omitted if e not in of_hosts),
                          *sorted(of_hosts, key=json.dumps)]
            if answer['status'] >= 2:
                answer['error'] = ''
        problems = [f'{order}: {self.brief(a, answers[0])}, but '
                    f'{orders[0]}: {self.brief(answers[0], a)}'
                    for order, a in zip(orders, answers) if a != answers[0]]
        omitted = {entry['feature']: entry['reason'] for answer in answers
                   for entry in answer.get('omitted-features', [])}
        inputs = [answer['model']['props'] if 'model' in answer else {}
                  for answer in batch_of([
                      self.request('expand', cpu=text, **(
                          self.host if models else {})) for text in texts],
                      *options, models=models)]
        problems += [
            f'{texts}: lists {name}, which {text} lacks'
            for name in omitted for text, props in zip(texts, inputs)
            if omitted[name] != 'host-only' and name not in ('ht', 'cmp-legacy')
            and not name.startswith(('cpuid-', 'msr-'))
            and not props.get(name)]
        if wanted is not None:
            problems += [f'{texts}: {answer["status"]}, {name} is not listed'
                         for answer in answers for name in wanted
                         if wanted[name] != omitted.get(name)]
            self.assertEqual({answer['status'] for answer in answers}, {0},
                             texts)
        return problems

    def test_4_orders(self):
        """The baseline of three CPUs does not depend on their order"""
        triples = TRIPLES + (TCG_TRIPLES if self.accel == 'tcg' else [])
        problems = []
        for texts, wanted in triples:
            problems += self.check_orders(texts, wanted=wanted,
                                          models=[MODELS])
            problems += self.check_orders(texts, f'--qemu={QEMU}',
                                          wanted=wanted)
        choose = rng(self.accel, 'orders of baselines')
        for _ in range(count(10, 500)):
            texts = [cpu['cpu'] for cpu in self.random_cpus(choose, 3)]
            problems += self.check_orders(texts, models=[MODELS])
        self.fail_if(problems)

    def test_4_passthrough(self):
        """hv-passthrough is host-only, as in query-cpu-model-baseline"""
        plain = {'name': 'EPYC', 'props': {}, 'machine-type': NEWEST}
        on = {**plain, 'props': {'hv-passthrough': True}}
        more = {**plain, 'props': {'hv-passthrough': True, 'hv-relaxed': True,
                                   'hv-spinlocks': 77}}
        pairs = [(on, plain), (plain, on), (on, on), (more, on), (more, more)]
        replies = ask(['-machine', 'none', '-accel', self.accel], [
            ('query-cpu-model-baseline', {'modela': a, 'modelb': b})
            for a, b in pairs])
        requests = [self.request('baseline', cpus=[
            cpu_option(model['name'], model['props']) for model in pair])
            for pair in pairs]
        offline = batch_of([{**request, **self.host} for request in requests],
                           models=[MODELS])
        live = batch_of(requests, f'--qemu={QEMU}')
        for pair, reply, a, b in zip(pairs, replies, offline, live):
            for answer in (a, b) if self.accel == 'tcg' else (b,):
                with self.subTest(pair):
                    self.assertEqual(answer['status'], 0, answer)
                    self.assertEqual(answer['model']['props'],
                                     reply['return']['model']['props'])
                    self.assertEqual(answer['omitted-features'],
                                     reply['return']['omitted-features'])
                    self.assertIn({'feature': 'hv-passthrough',
                                   'reason': 'host-only'},
                                  answer['omitted-features'])
            # Only the kernel knows what it turns on.
            if self.accel == 'kvm':
                self.assertEqual(a['status'], 3, a)

    def test_5_nearest(self):
        """The same nearest model"""
        choose = rng(self.accel, 'live nearest')
        requests = [self.request('nearest', cpu=self.random_text(choose),
                                 machine=choose.choice(self.machines))
                    for _ in range(count(20, 1000))]
        requests += [self.request('nearest', cpu='EPYC,avx2=off', any=True),
                     self.request('nearest', cpu='EPYC,hv-passthrough=on'),
                     self.request('nearest', cpu='base,lm=on')]
        self.check_same(requests)

    def test_6_requests(self):
        """The same answers to other requests, and to wrong ones"""
        pair = [{'cpu': 'EPYC', 'machine': NEWEST},
                {'cpu': 'EPYC', 'machine': 'pc-q35-7.0'}]
        request = self.request
        self.check_same([
            {'verb': 'list', 'id': 7}, request('compare', cpus=pair),
            request('compare', cpus=pair[:1]), request('compare'),
            request('compare', cpus='EPYC'), request('baseline', cpus=[]),
            request('compare', cpus=['EPYC,hv-passthrough=on', 'EPYC']),
            request('compare', cpus=['EPYC,hv-passthrough=on', 'NoSuch']),
            request('expand', cpu='EPYC', machine=NEWEST + '0'),
            request('expand', cpu='EPYC', irqchip='split'),
            request('expand', cpu='EPYC', irqchip='off'),
            request('expand', cpu='EPYC', irqchip='no'),
            request('expand', cpu='EPYC', smp='8'),
            request('expand', cpu='EPYC', smp='0'),
            request('expand', cpu='EPYC', accel='hvf'),
            request('expand'), request('expand', cpu=7),
            request('expand', cpu={'cpu': 'EPYC', 'machine': 7}),
            request('show', cpu='EPYC', nothing=1), {'verb': 'no'}, {}, [],
            *(request('expand', cpu='EPYC', machine=machine)
              for machine in ('pc-q35-4.0', 'isapc')
              if machine in self.lab.machines or machine == 'isapc'),
        ], good=0.2)

    def test_6_machines(self):
        """Aliases of machine types, and those that QEMU has removed"""
        names = ['pc', 'q35', 'pc-i440fx-3.1', 'pc-q35-5.0', 'isapc', NEWEST]
        replies = ask(['-machine', 'none', '-accel', self.accel], [
            ('query-machines', {}),
            *(expansion('static', 'EPYC', machine=name) for name in names)])
        aliases = {machine['alias']: machine['name']
                   for machine in replies[0]['return'] if 'alias' in machine}
        requests = [self.request('expand', cpu='EPYC', machine=name)
                    for name in names]
        answers = batch_of(requests, f'--qemu={QEMU}')
        offline = batch_of([{**request, **self.host} for request in requests],
                           models=[MODELS])
        for name, reply, answer, other in zip(names, replies[1:], answers,
                                              offline):
            with self.subTest(name):
                self.assertEqual(answer['status'], 0, answer)
                self.assertEqual(answer['machine'], aliases.get(name, name))
                self.assertEqual(answer['model']['props'],
                                 reply['return']['model']['props'])
                if other['status']:
                    # QEMU has removed it.
                    self.assertNotIn(name, aliases)
                    self.assertIn('has no machine type', other['error'])
                else:
                    self.assertEqual(
                        (other['machine'], other['model']),
                        (answer['machine'], answer['model']))
        self.assertEqual([a['status'] for a in offline[:2]], [0, 0])
        # And as the anchor of base
        replies = ask(['-machine', 'none', '-accel', self.accel], [
            expansion('static', 'base', {'compat-anchor': name})
            for name in names[:2]])
        for name, reply, answer in zip(names, replies, batch_of(
                [{**self.request('expand', cpu=f'base,compat-anchor={name}'),
                  **self.host} for name in names[:2]], models=[MODELS])):
            self.assertEqual(answer['model']['props'],
                             reply['return']['model']['props'], name)
        for name, error in (
                (NEWEST + '0', f"QEMU .* has no machine type '{NEWEST}0'; "
                 f"did you mean '{NEWEST}'"),
                ('Q35', "QEMU .* has no machine type 'Q35'; did you mean "
                 "'q35'"),
                ('q36', "QEMU .* has no machine type 'q36'"),
                ('none', "Machine type 'none' is not a PC: use one of "),
                ('microvm', "Machine type 'microvm' is not a PC: use one of ")):
            for answer in batch_of([
                    self.request('expand', cpu='EPYC', machine=name),
                    self.request('best', machine=name)], f'--qemu={QEMU}'):
                with self.subTest(name, verb=answer['verb']):
                    self.assertEqual(answer['status'], 2)
                    self.assertRegex(answer['error'], f'^{error}')

    def test_7_text(self):
        """The same text for people, and exit status"""
        values = [f'--{name}={value}' for name, value in self.host.items()]
        for arguments in (
                ['expand', 'Haswell,model-id=a,,b'],
                ['compare', 'EPYC', 'EPYC,svm=off'],
                ['compare', '--check', 'Haswell', 'EPYC'],
                ['baseline', 'EPYC', 'EPYC-Rome', 'EPYC-Milan'],
                ['nearest', 'EPYC,avx2=off'],
                ['nearest', '--any', 'EPYC,avx2=off']):
            arguments = [*arguments, f'--accel={self.accel}']
            a = run([*arguments, *values], [MODELS])
            b = run([*arguments, f'--qemu={QEMU}'], [])
            with self.subTest(arguments):
                self.assertEqual(b.stdout, a.stdout)
                self.assertEqual(b.returncode, a.returncode)
                self.assertEqual(b.stderr, '')
                self.assertTrue(a.stdout or '--check' in arguments)


class TestTcg(Checks):
    accel = 'tcg'

    def test_8_running(self):
        """A running QEMU, paused, on a UNIX socket and on a port"""
        with tempfile.TemporaryDirectory() as tmp, socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
            free.close()
            path = os.path.join(tmp, 'qmp')
            with running([
                    '-machine', NEWEST, '-accel', 'tcg', '-qmp',
                    f'unix:{path},server=on,wait=off', '-qmp',
                    f'tcp:127.0.0.1:{port},server=on,wait=off'], path):
                for address in (path, f'127.0.0.1:{port}'):
                    self.check_running(address)

    def check_running(self, address):
        requests = [self.request('expand', cpu='EPYC,svm=off'),
                    {'verb': 'show', 'cpu': 'Haswell'}, {'verb': 'list'},
                    self.request('baseline', cpus=['EPYC', 'EPYC-Rome'])]
        offline = batch_of([{**request, 'accel': 'tcg'}
                            if request['verb'] != 'list' else request
                            for request in requests], models=[MODELS])
        for answer in offline:
            answer.pop('guest', None)
        # It goes on to run, and takes the next client.
        for _ in range(2):
            self.assertEqual(batch_of(requests, f'--qmp={address}'), offline)
        for members, word in (({'accel': 'kvm'}, 'runs with tcg'),
                              ({'irqchip': 'split'}, "its own 'irqchip'")):
            answer = batch_of([{'verb': 'show', 'cpu': 'EPYC', **members}],
                              f'--qmp={address}')[0]
            self.assertEqual(answer['status'], 2)
            self.assertIn(word, answer['error'])

    def test_9_other_names(self):
        """Names of libvirt and /proc/cpuinfo, and notes, as without a QEMU"""
        requests = [self.request('expand', cpu=f'EPYC-Milan,{options}')
                    for options in (
                        '+md_clear', 'md_clear=on', '+sse3,-sse4_1',
                        'constant_tsc=on', '+ssbd,-stibp', '-lahf_lm')]
        offline = batch_of(requests, models=[MODELS])
        self.assertEqual(sum('notes' in answer for answer in offline), 4)
        self.assertEqual(batch_of(requests, f'--qemu={QEMU}'), offline)
        request = self.request('show', cpu='EPYC,+flexpriority')
        self.assertEqual(batch_of([request], f'--qemu={QEMU}'),
                         batch_of([request], models=[MODELS]))

    def test_9_every_name(self):
        """The tool, with a QEMU and without, and the scripts mean the same"""
        features = ask(['-machine', 'none', '-accel', 'tcg'],
                       [('query-cpu-features', {})])[0]['return']
        names = Names(features)
        texts = list(names)
        several = 0
        # Only before a value is "_" the same as "-".
        for form, dashes in ('+{}', False), ('{}=on', True):
            requests = [self.request('expand', cpu='EPYC,' + form.format(
                dashed(text) if dashes else text)) for text in texts]
            offline = batch_of(requests, models=[MODELS])
            live = batch_of(requests, f'--qemu={QEMU}')
            for request, *answers in zip(requests, offline, live, strict=True):
                text = request['cpu'][5:].strip('+').removesuffix('=on')
                with self.subTest(request['cpu']):
                    self.assertEqual(*answers)
                    try:
                        feature = names.find(text, dashes)
                    except Failure:
                        several += 1
                        self.assertEqual(answers[0]['status'], 2)
                        continue
                    notes = answers[0].get('notes', [])
                    self.assertEqual(
                        [note.partition(' is ')[2] for note in notes],
                        [feature] if feature != text else [])
        # All kinds of names are there.
        self.assertGreater(several, 2)
        for kind in 'aliases', 'libvirt', 'cpuinfo':
            self.assertTrue(any(f.get(kind) for f in features))

    def test_9_starts(self):
        """What QEMU refuses, and names that only the tool takes"""
        requests = [self.request('expand', cpu=f'Haswell,{options}')
                    for options, _ in STARTS]
        live = batch_of(requests, f'--qemu={QEMU}')
        offline = batch_of(requests, models=[MODELS])
        for (options, starts), *answers in zip(STARTS, offline, live):
            with self.subTest(options):
                self.assertEqual(starts_with(f'Haswell,{options}'), starts)
                for answer in answers:
                    # This spelling is one of "constant_tsc=on".
                    taken = starts or options == 'constant-tsc=on'
                    self.assertEqual(answer['status'], 0 if taken else 2)
                    if taken and not starts:
                        self.assertTrue(starts_with(answer['qemu-cpu']))
                    else:
                        self.assertNotIn('qemu-cpu', answer)
        errors = [batch_of([self.request('compare', cpus=[
            'Haswell', f'Haswell,{options}'])], f'--qemu={QEMU}')[0]['error']
                  for options in ('enforce=ON', 'kvm=ON')]
        self.assertEqual(errors, [
            "'enforce' is 'ON', which is neither 'on' nor 'off'",
            "modelb: 'kvm' must be 'on' or 'off'"])

    def test_9_best(self):
        """What TCG offers is a host, too"""
        reply = ask(['-machine', 'none', '-accel', 'tcg'],
                    [('query-cpu-model-best', {})])[0]['return']
        answer = batch_of([self.request('best')], f'--qemu={QEMU}')[0]
        self.assertEqual(answer['models'], reply)
        self.assertEqual((answer['status'], answer['hosts']), (0, 1))
        # No file is read from stdin.
        done = run(['best', '--accel=tcg', f'--qemu={QEMU}'], [], status=0)
        self.assertIn(reply[0]['name'], done.stdout)


class TestKvm(NeedsKvm, Checks):
    accel = 'kvm'

    def test_8_check(self):
        """The same of this host as from its passport"""
        passport = json.loads(subprocess.run(
            [os.path.join(programs(), 'host')], stdout=subprocess.PIPE,
            check=True).stdout)
        choose = rng('live check')
        requests = [self.request('check', cpu=self.random_text(choose),
                                 machine=choose.choice(self.machines))
                    for _ in range(count(60, 2000))]
        requests += [self.request('best'), self.request('check', cpu='486'),
                     self.request('check', cpu='EPYC,monitor=on',
                                  **{'cpu-pm': True}),
                     self.request('check', cpu='Haswell,x2apic=on',
                                  irqchip='split')]
        offline = batch_of([{**request, **(
            {'host': passport} if request['verb'] == 'check' else
            {'hosts': [passport]})} for request in requests], models=[MODELS])
        for answer in offline:
            # Only a realized CPU shows it.
            answer.pop('guest', None)
        live = batch_of(requests, f'--qemu={QEMU}')
        self.fail_if([f'{json.dumps(request)}: offline {self.brief(a, b)}, '
                      f'live {self.brief(b, a)}'
                      for request, a, b in zip(requests, offline, live)
                      if not same(a, b)])
        self.assertTrue({0, 1} <= {answer['status'] for answer in offline})

    def test_9_sessions(self):
        """Names of a CPU whose QEMU is not the last one that is asked"""
        if 'pc-q35-4.0' not in self.machines:
            self.skipTest('all machine types have the same irqchip')
        self.check_same([self.request(verb, cpus=[
            {'cpu': 'Haswell,+constant_tsc', 'machine': 'pc-q35-4.0'}, last])
            for verb in ('compare', 'baseline')
            for last in ('Haswell', 'Haswell,+sse3')])

    def test_9_host_values(self):
        """Values of the host that are not its own"""
        for name, value in (('vendor', 'NoSuchVendor'), ('phys-bits', 33),
                            ('guest-phys-bits', 51)):
            answer = batch_of([self.request('show', cpu='EPYC', **self.host),
                               self.request('show', cpu='EPYC',
                                            **{name: value})],
                              f'--qemu={QEMU}')
            self.assertEqual([a['status'] for a in answer], [0, 2])
            self.assertIn(str(value), answer[1]['error'])


@contextlib.contextmanager
def running(options, path):
    """A QEMU that runs, with a socket at path"""
    with tempfile.TemporaryFile() as log, subprocess.Popen(
            [QEMU, '-S', '-nodefaults', '-no-user-config', '-display', 'none',
             *options], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log) as process:
        try:
            deadline = time.monotonic() + 60
            while not os.path.exists(path) and process.poll() is None and \
                    time.monotonic() < deadline:
                time.sleep(0.01)
            yield
            if process.poll() is not None:
                raise AssertionError(f'QEMU ended: {process.returncode}')
        finally:
            process.kill()


GREETING = json.dumps({'QMP': {'version': {
    'qemu': {'major': 10, 'minor': 0, 'micro': 0}, 'package': ''},
    'capabilities': []}})
LAYERS = {'return': [{'machine-types': ['pc-q35-10.0']}]}

# A program that is started as a QEMU: its replies to commands, by their names
FAKE = textwrap.dedent('''\
    #!%s
    import json, sys
    def say(text):
        sys.stdout.write(text + '\\r\\n')
        sys.stdout.flush()
    replies = json.loads(%r)
    say(%r)
    for line in sys.stdin:
        name = json.loads(line)['execute']
        if name == 'quit':
            sys.exit()
        say(json.dumps({'event': 'RESET', 'timestamp': {}, 'data': {}}))
        if name == 'qmp_capabilities':
            say(json.dumps({'return': {}}))
            continue
        %s
        say(replies.get(name) or json.dumps({'error': {
            'class': 'CommandNotFound',
            'desc': 'The command %%s has not been found' %% name}}))
    ''')


class TestErrors(unittest.TestCase):
    """One clear error, and exit status 2"""

    def setUp(self):
        tmp = tempfile.TemporaryDirectory()
        self.addCleanup(tmp.cleanup)
        self.directory = tmp.name

    def write(self, text):
        path = os.path.join(self.directory, 'qemu')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path

    def fake(self, replies=None, greeting=GREETING, also='pass'):
        return self.write(FAKE % (sys.executable, json.dumps({
            name: reply if isinstance(reply, str) else json.dumps(reply)
            for name, reply in (replies or {}).items()}), greeting, also))

    def error(self, option, arguments=('show', '--accel=tcg', 'EPYC'),
              status=2):
        done = run([*arguments, option], [], status=status)
        self.assertEqual(done.stdout, '')
        self.assertRegex(done.stderr, r'\Aerror: [ -~]+\n\Z')
        return done.stderr

    def test_1_stock(self):
        """A QEMU without the commands"""
        error = self.error(f'--qemu={self.fake()}')
        self.assertRegex(error, r'qemu \(QEMU 10\.0\.0\) is built without CPU '
                         'introspection$')

    def test_2_too_old(self):
        """A QEMU with some of the commands"""
        path = self.fake({'query-machine-cpu-layers': LAYERS})
        error = self.error(f'--qemu={path}', ['best', '--accel=tcg'])
        self.assertIn('too old for query-cpu-model-best', error)

    def test_3_no_kvm(self):
        """A host without KVM: the error says what to do"""
        path = self.write(
            '#!/bin/sh\necho "$0: -accel kvm: Could not access KVM kernel '
            'module: No such file or directory" >&2\nexit 1\n')
        for accel, says in ([], True), (['--accel=tcg'], False):
            error = self.error(f'--qemu={path}', ['show', *accel, 'EPYC'])
            self.assertEqual(error.endswith('; --accel tcg needs no KVM\n'),
                             says, error)

    def test_3_does_not_start(self):
        """No QEMU, or one that says why it does not start"""
        missing = os.path.join(self.directory, 'missing')
        self.assertIn(f'cannot start {missing}: No such file',
                      self.error(f'--qemu={missing}'))
        path = self.write('#!/bin/sh\necho "$0: warning: w" >&2\n'
                          'echo "$0: it is broken" >&2\nexit 1\n')
        self.assertEqual('error: QEMU does not start: it is broken\n',
                         self.error(f'--qemu={path}'))
        path = self.write('#!/bin/sh\nkill -9 $$\n')
        self.assertIn('signal 9', self.error(f'--qemu={path}'))
        self.assertIn('invalid accelerator', self.error(
            '--qemu=' + self.write(
                f'#!/bin/sh\nexec {QEMU} -accel no -machine none\n')))

    def test_4_dies(self):
        """A QEMU that dies over a command; the next request has another"""
        path = self.fake({'query-machine-cpu-layers': LAYERS}, also=(
            "if name == 'query-cpu-model-best': "
            "sys.exit(__file__ + ': Assertion failed')"))
        self.assertEqual(
            self.error(f'--qemu={path}', ['best', '--accel=tcg']),
            'error: QEMU died over query-cpu-model-best: Assertion failed\n')
        answers = batch_of([{'verb': 'best', 'accel': 'tcg'},
                            {'verb': 'show', 'cpu': 'A', 'accel': 'tcg'},
                            {'verb': 'best', 'accel': 'tcg'}],
                           f'--qemu={path}')
        self.assertEqual([answer['status'] for answer in answers], [2] * 3)
        self.assertIn('too old', answers[1]['error'])
        self.assertIn('died', answers[2]['error'])

    def test_5_nonsense(self):
        """What is no QMP, and what is no answer to the command"""
        for greeting in ('hello', '{}', '[]', '7', '{"QMP": 1}', '\0', '{' * 99,
                         '[' * 100000):
            with self.subTest(greeting[:9]):
                self.assertIn('is not a QMP monitor', self.error(
                    f'--qemu={self.fake(greeting=greeting)}'))
        for reply in ('nonsense', '[]', '{}', '{"error": 1}', '{"id": 1}',
                      '{"return": {}, "return": {}}', '{"return": 7}',
                      '{"return": []}', '{"return": [{"machine-types": 7}]}',
                      '{"return": [{"machine-types": [7]}]}'):
            with self.subTest(reply):
                path = self.fake({'query-machine-cpu-layers': reply})
                self.assertRegex(self.error(f'--qemu={path}'),
                                 'query-machine-cpu-layers: .*not understood')

    def test_6_wrong_answers(self):
        """Answers with members of other types"""
        model = {'name': 'base', 'props': {}}
        cases = [
            ('show', 'query-cpu-model-expansion', [
                7, [], {}, {'model': 7}, {'model': {'name': 'base'}},
                {'model': {'name': 'base', 'props': {'x': None}}}]),
            ('check', 'query-cpu-model-expansion', [
                {'model': model}, {'model': model, 'removed-features': [7],
                                   'errors': []},
                {'model': model, 'removed-features': [], 'errors': [{}]}]),
            ('nearest', 'query-cpu-model-nearest', [
                7, {'name': 'EPYC'}, {'name': 'EPYC', 'machine-type': 'pc',
                                      'add': [7], 'remove': [], 'set': {},
                                      'libvirt-unknown': []}]),
            ('best', 'query-cpu-model-best', [7, [7], [{'name': 'EPYC'}]]),
            ('list', 'query-cpu-definitions', [7, [7]]),
            ('baseline', 'query-cpu-model-baseline', [
                7, {'model': model, 'omitted-features': [7], 'hazards': []}]),
        ]
        for verb, command, replies in cases:
            arguments = [verb] if verb == 'list' else [verb, '--accel=tcg']
            if verb not in ('list', 'best'):
                arguments.append('EPYC')
            for reply in replies:
                with self.subTest(verb=verb, reply=reply):
                    path = self.fake({'query-machine-cpu-layers': LAYERS,
                                      command: {'return': reply}})
                    self.assertRegex(self.error(f'--qemu={path}', arguments),
                                     f'{command}: .*not understood')

    def test_7_much(self):
        """Replies and messages of any size, and QEMU's own error"""
        path = self.fake({
            'query-machine-cpu-layers': LAYERS,
            'query-cpu-model-best': {'return': [
                {'name': 'x' * 3000000, 'machine-type': 'a', 'beyond': []}]},
            'query-cpu-model-expansion': {'error': {
                'class': 'GenericError', 'desc': 'no\n\u00e4 ' + 'x' * 9000}},
        }, also="sys.stderr.write('much\\n' * 100000); sys.stderr.flush()")
        done = run(['best', '--accel=tcg', f'--qemu={path}'], [], status=0)
        self.assertIn('x' * 3000000, done.stdout)
        self.assertRegex(self.error(f'--qemu={path}'), 'error: no[?]+ x{900}')

    def test_8_sockets(self):
        """No socket, no QMP on it, nobody there, and one that is in use"""
        path = os.path.join(self.directory, 'socket')
        self.assertIn(f'cannot connect to {path}: No such file',
                      self.error(f'--qmp={path}', ['show', 'EPYC']))
        self.assertIn('at most', self.error(f'--qmp={"x" * 200}',
                                            ['show', 'EPYC']))
        with socket.socket() as port:
            port.bind(('127.0.0.1', 0))
            self.assertIn('Connection refused', self.error(
                f'--qmp=127.0.0.1:{port.getsockname()[1]}', ['show', 'EPYC']))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            # Of a QMP monitor, this is the second client.
            self.assertIn('takes one client at a time',
                          self.error(f'--qmp={path}', ['show', 'EPYC']))

    def test_0_started(self):
        """How QEMU is started: with what requests say of KVM"""
        path = self.fake(also=(
            "if name == 'query-machine-cpu-layers': say(json.dumps({'error': "
            "{'class': 'GenericError', 'desc': ' '.join(sys.argv)}})); "
            "continue"))
        for members, options in (
                ({'accel': 'tcg', 'irqchip': 'off', 'cpu-pm': True},
                 '-accel tcg'),
                ({}, '-accel kvm'),
                ({'irqchip': 'split'}, '-accel kvm,kernel-irqchip=split'),
                ({'irqchip': 'off'}, '-accel kvm,kernel-irqchip=off'),
                ({'cpu-pm': True}, '-accel kvm -overcommit cpu-pm=on')):
            answer = batch_of([{'verb': 'check', 'cpu': 'EPYC', **members}],
                              f'--qemu={path}')[0]
            self.assertEqual(
                answer['error'], f'{path} -machine none -S -nodefaults '
                f'-no-user-config -display none -qmp stdio {options}')

    def test_9_none_nearest(self):
        """That no model is nearest is an answer, as without a QEMU"""
        # Those of model-nearest.c
        words = ('model: no named CPU model becomes this one by setting '
                 'features and properties')
        for text, status in (words, 1), ('model: no', 2):
            path = self.fake({
                'query-machine-cpu-layers': LAYERS,
                'query-cpu-model-nearest': {'error': {
                    'class': 'GenericError', 'desc': text}}})
            self.assertEqual(f'error: {text}\n', self.error(
                f'--qemu={path}', ['nearest', '--accel=tcg', 'EPYC'],
                status=status))

    def test_9_options(self):
        """What a live QEMU is not asked for"""
        option = f'--qemu={QEMU}'
        for verb in (['fleet'], ['migrate', 'EPYC']):
            self.assertIn(f'{verb[0]} needs no QEMU', self.error(option, verb))
        for arguments, word in (
                (['show', 'EPYC', '--host=x'], "leave 'host' out"),
                (['best', 'x'], "leave 'hosts' out"),
                (['baseline', '--host=x'], "leave 'hosts' out"),
                (['show', 'EPYC', '--qmp=x'], 'one of them'),
                (['show', 'EPYC', '--models=x'], 'one of them')):
            with self.subTest(arguments):
                self.assertIn(word, self.error(option, arguments))
        self.assertIn("leave 'smp' out", self.error(
            option, ['check', 'EPYC', '--accel=tcg', '--smp=8'], status=3))


del Checks

if __name__ == '__main__':
    unittest.main(verbosity=2)
