#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu without a QEMU, against QEMU.

Answers: does the tool say of each CPU, from the file of all CPU models alone,
what the QEMU of that file says: its static expansion, how two compare, their
baseline, and the nearest named model?  Of all models on all layers, and of
random CPUs.  What QEMU says is judged by guests, in tests/guest.

    QTEST_QEMU_BINARY=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_answers
"""

import itertools
import json
import os
import unittest

from answer_tool import batch
from cpu_models import (
    FULL, QEMU, LabChecks, Progress, ask, count, cpu_option, expansion,
    random_cpu, rng, version_first,
)
from guest_cpuid import GuestError
from release_line import NEWEST
from test_removed_features import NeedsKvm

MODELS = os.path.join(os.path.dirname(QEMU), 'qemu-cpu-models.json')
PORTION = 500


def difference(wanted, found):
    """What differs between two dicts, for people; 1 is not True."""
    return {name: (wanted.get(name), found.get(name))
            for name in sorted({**wanted, **found})
            if (type(wanted.get(name)), wanted.get(name)) !=
               (type(found.get(name)), found.get(name))}


class Checks(LabChecks, unittest.TestCase):
    """The tests, for one accelerator."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(MODELS, encoding='utf-8') as f:
            table = json.load(f)
        cls.layers = [layer['machine-types'] for layer in table['layers']]
        cls.names = [model['name'] for model in table['models']]
        cls.features = [feature['name'] for word in table['words']
                        for feature in word['features']]
        cls.known = {*cls.features, *(
            prop['name'] for prop in table['properties'])}
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

    def live(self, commands):
        return ask(['-machine', 'none', '-accel', self.accel], commands)

    def request(self, verb, **members):
        return {'verb': verb, 'accel': self.accel, **self.host, **members}

    def random_model(self, choose, errors=0.02):
        """A CpuModelInfo, of which some are wrong"""
        name, props = random_cpu(choose, self.lab)
        if choose.random() < errors:
            props[choose.choice(['level', 'family', 'no-such', 'vendor'])] = \
                choose.choice([1 << 40, 'x', 'sixteen'])
        return {'name': name, 'props': props, 'machine-type': choose.choice(
            choose.choice(self.layers))}

    def expand(self, models):
        """(model, reply, answer) of each"""
        replies = self.live([('query-cpu-model-expansion', {
            'type': 'static', 'model': model}) for model in models])
        answers = batch([self.request(
            'expand', machine=model['machine-type'],
            cpu=cpu_option(model['name'], model['props']))
            for model in models], MODELS)
        return zip(models, replies, answers)

    def problem_of(self, reply, answer):
        """What is wrong with an expansion; None if nothing is"""
        if 'error' in reply or answer['status']:
            if 'error' in reply and answer['status'] == 2:
                return None
            return f'{reply.get("error")}: {answer.get("error")}, {answer}'
        # host-phys-bits of 10.0 as the host has it: see --phys-bits.
        return difference(
            {**reply['return']['model']['props'],
             'omitted': reply['return'].get('omitted-properties')},
            {**answer['model']['props'],
             'omitted': answer.get('omitted-properties')}) or None

    def check_expansions(self, models):
        problems = []
        for model, reply, answer in self.expand(models):
            if problem := self.problem_of(reply, answer):
                problems.append(f'{json.dumps(model)}: {problem}')
        return problems

    def test_1_all_models(self):
        """Every model on each layer; CHECK_FULL: on every machine type"""
        choose = rng(self.accel, 'all models')
        models = [{'name': name, 'props': {}, 'machine-type': machine}
                  for layer in self.layers
                  for machine in (layer if FULL else [choose.choice(layer)])
                  for name in self.names]
        self.fail_if(self.check_expansions(models))

    def test_2_random(self):
        """Random CPUs on random machine types"""
        choose = rng(self.accel, 'random answers')
        number = count(5000, 250000)
        progress = Progress(f'{self.accel}: {self._testMethodName}', number)
        problems = []
        for done in range(0, number, PORTION):
            portion = min(PORTION, number - done)
            problems += self.check_expansions(
                [self.random_model(choose) for _ in range(portion)])
            progress.step(portion)
        self.fail_if(problems)

    def conflicts(self):
        """CPUs of which QEMU drops something before or after it raises levels"""
        dropped = [name for name in ('mpx', 'apxf', 'intel-pt')
                   if name in self.features]
        flags = ['full-cpuid-auto-level', 'x-intel-pt-auto-level',
                 'x-force-features']
        return [{'name': '486', 'machine-type': NEWEST,
                 'props': dict(zip(dropped + flags, values))}
                for values in itertools.product(
                    (False, True), repeat=len(dropped + flags))]

    def partly_described(self):
        """CPUs with something that a description can't have"""
        return [{'name': name, 'machine-type': NEWEST,
                 'props': {'vmx': True, **props}}
                for name in ('Skylake-Server', 'YongFeng')
                for props in ({}, {'vmx-ept': False}, {'vmx-vpid': False},
                              {'lm': False})]

    def test_7_conflicts(self):
        """Levels of what is dropped, and omitted-properties"""
        models = self.conflicts() + self.partly_described()
        self.fail_if(self.check_expansions(models))
        self.check_baselines([(model, other) for model in models
                              for other in (model, models[0], models[-1])])

    def similar(self, choose, model):
        """The same CPU, with something else in it, or elsewhere"""
        props = dict(model['props'])
        _, others = random_cpu(choose, self.lab)
        for name in choose.sample(sorted(others), min(3, len(others))):
            props[name] = others[name]
        return {**model, 'props': version_first(props),
                'machine-type': choose.choice([model['machine-type'], NEWEST])}

    def random_pairs(self, what):
        choose = rng(self.accel, what)
        pairs = []
        for _ in range(count(400, 20000)):
            a = self.random_model(choose, 0)
            pairs.append((a, self.similar(choose, a)
                          if choose.random() < 0.7 else
                          self.random_model(choose, 0)))
        return pairs

    def cpus(self, models):
        return [{'cpu': cpu_option(model['name'], model['props']),
                 'machine': model['machine-type']} for model in models]

    def check_replies(self, questions, commands, requests, members):
        """The answers have in these members what QEMU's replies have."""
        problems, good = [], 0
        for question, reply, answer in zip(
                questions, self.live(commands), batch(requests, MODELS)):
            if 'error' in reply:
                if 'status' not in answer or not answer['status']:
                    problems.append(f'{json.dumps(question)}: '
                                    f'{reply["error"]["desc"]}')
                continue
            good += 1
            if wrong := difference({name: reply['return'][name]
                                    for name in members},
                                   {name: answer.get(name)
                                    for name in members}):
                problems.append(f'{json.dumps(question)}: {wrong} '
                                f'{answer.get("error", "")}')
        self.fail_if(problems)
        self.assertGreater(good, len(questions) / 4)

    def test_8_device_properties(self):
        """What every device of QEMU has is taken, or refused, as there"""
        listed = self.live([('qom-list-properties', {
            'typename': 'EPYC-x86_64-cpu'})])[0]['return']
        others = sorted(
            name for name in (prop['name'] for prop in listed)
            # -cpu turns underscores into dashes.
            if not name.startswith('f-') and '_' not in name and
            name not in self.known | {'compat-anchor'})
        self.assertLessEqual({'realized', 'type', 'hotplugged', 'memory',
                              'unavailable-features'}, set(others))
        asked = list(itertools.product(others, [True, False, '', 'x']))
        models = [{'name': 'EPYC', 'props': {name: value},
                   'machine-type': NEWEST} for name, value in asked]
        problems = []
        for (name, value), (_, reply, answer) in zip(asked,
                                                     self.expand(models)):
            desc = reply.get('error', {}).get('desc', '')
            # In -cpu, it looks like no other type.
            if 'expected: string' in desc and isinstance(value, bool):
                continue
            reads = 'is not writable' in desc
            text = answer.get('error', '')
            if bool(desc) != bool(answer['status']) or \
                    reads != ('can only be read' in text) or \
                    (desc and f"'{name}'" not in text):
                problems.append(f'{name}={value}: {desc}; {text}')
        self.fail_if(problems)

    def test_3_comparison(self):
        """Random pairs compare as in QEMU"""
        pairs = self.random_pairs('compared')
        self.check_replies(
            pairs,
            [('query-cpu-model-comparison', {'modela': a, 'modelb': b})
             for a, b in pairs],
            [self.request('compare', cpus=self.cpus(pair)) for pair in pairs],
            ['result', 'responsible-properties', 'missing-in-a',
             'missing-in-b', 'differs'])

    def test_4_baseline(self):
        """Random pairs have the baseline that QEMU gives"""
        self.check_baselines(self.random_pairs('baselines'))

    def check_baselines(self, pairs):
        self.check_replies(
            pairs,
            [('query-cpu-model-baseline', {'modela': a, 'modelb': b})
             for a, b in pairs],
            [self.request('baseline', cpus=self.cpus(pair)) for pair in pairs],
            ['model', 'omitted-features', 'hazards'])

    def random_smp(self, choose):
        """A topology, as for -smp"""
        numbers = {'sockets': choose.choice([1, 1, 2, 3]),
                   'cores': choose.choice([1, 1, 2, 4]),
                   'threads': choose.choice([1, 1, 2])}
        for name in ('dies', 'modules'):
            if choose.random() < 0.4:
                numbers[name] = choose.choice([1, 2])
        if choose.random() < 0.3:
            del numbers[choose.choice(['sockets', 'cores', 'threads'])]
        total = 1
        for number in numbers.values():
            total *= number
        # Some can be plugged in later.
        given = [f'cpus={choose.randint(1, total)}', f'maxcpus={total}'] \
            if choose.random() < 0.5 else [str(total)]
        return ','.join(given + [f'{k}={v}' for k, v in numbers.items()])

    def realized(self, machine, smp, cpu):
        """What show calls "guest", of a realized CPU; None if QEMU refuses"""
        cpu_path = '/machine/unattached/device[0]'
        leaves = {'level': (0, 0), 'level-func7': (7, 0),
                  'xlevel': (0x80000000, 0), 'xlevel2': (0xc0000000, 0)}
        try:
            replies = ask(
                ['-machine', machine, '-accel', self.accel, '-smp', smp,
                 '-cpu', f'{cpu},x-force-features=on,check=off'],
                [('query-cpu-cpuid', {'cpu-index': 0}),
                 *(('qom-get', {'path': cpu_path, 'property': f'f-{name}'})
                   for name in self.features)])
        except GuestError:
            return None
        found = {(leaf['leaf'], leaf.get('subleaf', 0)): leaf['eax']
                 for leaf in replies[0]['return']['leaves']}
        view = {name: found.get(key, 0) for name, key in leaves.items()}
        if view['level'] < 7:
            view['level-func7'] = 0
        return {**view, 'features': [
            name for name, reply in zip(self.features, replies[1:])
            if reply['return']]}

    def test_6_topologies(self):
        """Guests of random topologies find what the tool says"""
        choose = rng(self.accel, 'topologies')
        problems, seen = [], 0
        while seen < count(8, 200):
            smp = self.random_smp(choose)
            machine = choose.choice([
                type_ for layer in self.layers for type_ in layer
                if type_.startswith('pc-q35')])
            cpu = cpu_option(choose.choice(self.lab.models), {
                name: choose.random() < 0.5 for name in choose.sample(
                    ['ht', 'cmp-legacy', 'topoext', 'pni', 'avx10', 'mpx',
                     'full-cpuid-auto-level', 'cpuid-0xb'], 3)
                if name in self.known})
            wanted = self.realized(machine, smp, cpu)
            if wanted is None:
                continue
            seen += 1
            answer, = batch([self.request('show', cpu=cpu, machine=machine,
                                          smp=smp)], MODELS)
            found = answer.get('guest', answer)
            if wrong := difference(wanted, {**found, 'features': sorted(
                    found.get('features', []), key=self.features.index)}):
                problems.append(f'{machine}, {smp}, {cpu}: {wrong}')
        self.fail_if(problems)

    def test_5_nearest(self):
        """Random CPUs are nearest to the model that QEMU says"""
        choose = rng(self.accel, 'nearest answers')
        models = [self.random_model(choose, 0) for _ in range(count(30, 2000))]
        models += [{'name': 'EPYC-Milan', 'props': {'avx2': False},
                    'machine-type': NEWEST}]
        self.check_replies(
            models,
            [('query-cpu-model-nearest', {'model': model})
             for model in models],
            [self.request('nearest', cpu=cpu['cpu'], machine=cpu['machine'])
             for cpu in self.cpus(models)],
            ['name', 'machine-type', 'add', 'remove', 'set',
             'libvirt-unknown'])


class TestTcg(Checks):
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks):
    accel = 'kvm'


del Checks

if __name__ == '__main__':
    unittest.main(verbosity=2)
