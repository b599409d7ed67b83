#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu compare with the files of two QEMUs, against the newer QEMU.

Answers: what the tool says of a CPU of 10.0 and one of 11.1, is that what QEMU
11.1 says if it gets the static expansion that 10.0 made, and is that the CPU
which the tool makes of it?  Needs both lines built.

    LINES_BUILD=... PYTHONPATH=<qemu>/python python3 -m unittest test_two_builds
"""

import json
import os
import unittest

from answer_tool import batch
from cpu_models import SEED, SHOWN, ask, count, cpu_option, rng
import passports
from test_model_table import difference

BUILD = os.environ.get('LINES_BUILD', '')
OLD, NEW = '10.0', '11.1'
MEMBERS = ['result', 'responsible-properties', 'missing-in-a', 'missing-in-b',
           'differs']
# Set in some CPUs, with values that both lines know
CHANGES = {
    'avx512f': [True, False], 'pmu': [True, False], 'svm': [True, False],
    'level': [7, 13, 32], 'phys-bits': [40, 46], 'ht': [True, False],
    'full-cpuid-auto-level': [False], 'x-vendor-cpuid-only': [False],
    'legacy-cache': [True], 'tsc-frequency': [2000000000],
    'x-hv-synic-kvm-only': [True], 'hv-relaxed': [True],
}


def qemu(line):
    return os.path.join(BUILD, line, 'qemu-system-x86_64')


def models(line):
    return os.path.join(BUILD, line, 'qemu-cpu-models.json')


def built():
    return all(os.path.exists(path(line)) for path in (qemu, models)
               for line in (OLD, NEW))


@unittest.skipUnless(BUILD and built(), 'not both lines are built')
class TestTcg(unittest.TestCase):
    def shortDescription(self):
        return f'{self._testMethodDoc.strip()} (CHECK_SEED={SEED})'

    @classmethod
    def setUpClass(cls):
        cls.machines, cls.names = {}, {}
        for line in OLD, NEW:
            with open(models(line), encoding='utf-8') as f:
                table = json.load(f)
            cls.machines[line] = [
                machine for layer in table['layers']
                for machine in layer['machine-types'] if machine != 'isapc']
            cls.names[line] = [model['name'] for model in table['models'][1:]]

    def live(self, line, commands):
        return ask(['-machine', 'none', '-accel', 'tcg'], commands,
                   qemu(line))

    def expand(self, line, cpus):
        """The replies to expansions of CpuModelInfo"""
        return self.live(line, [
            ('query-cpu-model-expansion', {'type': 'static', 'model': cpu})
            for cpu in cpus])

    def random_cpu(self, choose, line):
        return {'name': choose.choice(self.names[line]),
                'machine-type': choose.choice(self.machines[line]),
                'props': {name: choose.choice(CHANGES[name]) for name in
                          choose.sample(sorted(CHANGES),
                                        choose.randint(0, 4))}}

    def test_comparison(self):
        """A CPU of the older line and one of the newer compare as there"""
        choose = rng('two builds')
        number = count(300, 20000)
        old = [self.random_cpu(choose, OLD) for _ in range(number)]
        new = []
        for cpu in old:
            other = self.random_cpu(choose, NEW)
            if choose.random() < 0.6 and cpu['name'] in self.names[NEW]:
                other = {**other, 'name': cpu['name'],
                         'props': {**cpu['props'], **dict(
                             list(other['props'].items())[:1])}}
            new.append(other)
        written = self.expand(OLD, old)
        replies = self.live(NEW, [
            ('query-cpu-model-comparison', {
                'modela': reply.get('return', {}).get('model', {'name': 'x'}),
                'modelb': other})
            for reply, other in zip(written, new)])
        answers = batch([
            {'verb': 'compare', 'accel': 'tcg', 'cpus': [
                {'cpu': cpu_option(cpu['name'], cpu['props']),
                 'machine': cpu['machine-type']} for cpu in pair]}
            for pair in zip(old, new)], models(OLD), models(NEW))
        problems, good = [], 0
        for pair, reply, answer in zip(zip(old, new), replies, answers):
            if 'error' in reply:
                if not answer['status']:
                    problems.append(f'{json.dumps(pair)}: {reply["error"]}')
                continue
            good += 1
            if 'arch-lbr' in answer.get('missing-in-b', ()):
                # 11.1 alone does not know that 10.0 shows it without pmu.
                continue
            if wrong := difference(
                    {name: reply['return'][name] for name in MEMBERS},
                    {name: answer.get(name) for name in MEMBERS}):
                problems.append(f'{json.dumps(pair)}: {wrong} '
                                f'{answer.get("error", "")}')
        if problems:
            self.fail(f'{len(problems)} problems\n' +
                      '\n'.join(problems[:SHOWN]))
        self.assertGreater(good, number / 2)

    def test_migrate(self):
        """Back to the older line, too, a CPU migrates as it compares"""
        choose = rng('two builds, migrate')
        names = sorted({*self.names[OLD]} & {*self.names[NEW]})
        names = choose.sample(names, min(count(20, len(names)), len(names)))
        machines = sorted({*self.machines[OLD]} & {*self.machines[NEW]})
        cpus = [{'cpu': name, 'machine': choose.choice(machines)}
                for name in names]
        # See test_hidden.
        cpus.append({'cpu': 'EPYC,arch-lbr=on', 'machine': 'pc-q35-10.0'})
        host = passports.passport('intel-cascadelake')
        seen = set()
        for lines in (OLD, NEW), (NEW, OLD):
            answers = batch(
                [{'verb': 'compare', 'vendor': 'GenuineIntel', 'phys-bits': 46,
                  'guest-phys-bits': 0, 'cpus': [cpu, cpu]} for cpu in cpus] +
                [{'verb': 'migrate', **cpu, 'from': host, 'to': host}
                 for cpu in cpus], *map(models, lines))
            for cpu, compared, migrates in zip(cpus, answers,
                                               answers[len(cpus):]):
                result = compared['result']
                seen.add((lines, result))
                self.assertEqual(
                    [r['blocking'] for r in migrates['reasons']
                     if r['what'] == 'cpu-definition'],
                    [] if result == 'identical' else [result != 'subset'],
                    (lines, cpu, migrates))
        self.assertLessEqual({((OLD, NEW), 'superset'), ((NEW, OLD), 'subset'),
                              ((OLD, NEW), 'identical'),
                              ((NEW, OLD), 'identical')}, seen)

    def test_migrate_unknown_model(self):
        """One reason, and it is not that the host is unknown"""
        name = min({*self.names[NEW]} - {*self.names[OLD]})
        host = passports.passport('intel-cascadelake')
        answer, = batch([{'verb': 'migrate', 'cpu': name, 'from': host,
                          'to': host, 'machine': 'pc-q35-10.0'}],
                        models(NEW), models(OLD))
        self.assertEqual((answer['migrates'], answer['unknown']), (False, []))
        self.assertEqual([r['what'] for r in answer['reasons']
                          if r['blocking']], ['cpu-definition'])

    def test_hidden(self):
        """What the newer line hides, and the older one shows, is lost"""
        there, back = batch([
            {'verb': 'compare', 'accel': 'tcg', 'cpus': cpus} for cpus in (
                [{'cpu': 'EPYC,arch-lbr=on', 'machine': 'pc-q35-10.0'},
                 {'cpu': 'EPYC,arch-lbr=on', 'machine': 'pc-q35-10.0'}],
                [{'cpu': 'EPYC,arch-lbr=on', 'machine': 'pc-q35-10.0'},
                 {'cpu': 'EPYC,arch-lbr=on,pmu=on',
                  'machine': 'pc-q35-10.0'}])], models(OLD), models(NEW))
        # See docs/lines-10.0-11.1.rst: only with pmu.
        self.assertEqual((there['result'], there['missing-in-b']),
                         ('superset', ['arch-lbr']))
        self.assertIn('arch-lbr', there['responsible-properties'])
        self.assertNotIn('arch-lbr', back['missing-in-b'])
        self.assertNotIn('arch-lbr', back['missing-in-a'])

    def test_every_model(self):
        """What the older line wrote is on the newer one what the tool says"""
        machine = self.machines[OLD][-1]
        old = [{'name': name, 'machine-type': machine_type}
               for name in self.names[OLD]
               for machine_type in (machine, self.machines[OLD][0])]
        written = [reply['return']['model'] for reply in self.expand(OLD, old)]
        shown = [reply['return']['model'] for reply in self.expand(NEW, [
            {**cpu, 'machine-type': self.machines[NEW][0]}
            for cpu in written])]
        answers = batch([
            {'verb': 'compare', 'accel': 'tcg', 'cpus': [
                {'cpu': cpu['name'], 'machine': cpu['machine-type']},
                {'cpu': cpu_option('base', new['props']),
                 'machine': self.machines[NEW][0]}]}
            for cpu, new in zip(old, shown)], models(OLD), models(NEW))
        self.assertEqual([], [
            (cpu, answer.get('error') or answer['responsible-properties'])
            for cpu, answer in zip(old, answers)
            if answer.get('result') != 'identical'])


if __name__ == '__main__':
    unittest.main(verbosity=2)
