#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu fleet, by brute force.

Answers: are all those hosts to blame for a missing feature, and no others: does
the fleet's CPU have it as soon as they are gone, and not any earlier?  Does
leaving out other hosts gain less?  Do parts of a fleet, merged in any order, give
the same bytes as the whole?  Does memory grow with distinct hosts alone?  Are
damaged parts refused?  The baselines themselves are judged by QEMU, in
test_best_hosts.

    QTEST_QEMU_BINARY=... PYTHONPATH=<qemu>/python:<repo>/scripts:\\
        <repo>/tests/guest python3 -m unittest test_fleet

CHECK_SEED repeats a run, CHECK_RANDOM says how many fleets are made up.
"""

import copy
import json
import os
import pty
import re
import resource
import subprocess
import tempfile
import unittest

import passports
from answer_tool import batch, programs, run, sanitized
from cpu_models import QEMU, LabChecks, count, rng

MODELS = os.path.join(os.path.dirname(QEMU), 'qemu-cpu-models.json')
MEBIBYTE = 1 << 20
# Registers with features that hosts of tests lack
REGISTERS = [(7, 0, 'ebx'), (7, 0, 'ecx'), (7, 0, 'edx'), (1, 0, 'ecx'),
             (0x80000001, 0, 'ecx'), (0xd, 1, 'eax'), (6, 0, 'eax')]
NUMBERS = ('phys-bits', 'avx10-version')
# Not features of their own: QEMU sets them by the topology, too.
TOPOLOGY = {'ht', 'cmp-legacy'}
VENDORS = {'amd': 'AuthenticAMD', 'intel': 'GenuineIntel'}


def names_of(vendor):
    return [name for name in sorted(passports.made_hosts())
            if name.startswith(vendor)]


def varied(choose, vendor):
    """A passport with fewer features than that of a made host"""
    whole = passports.passport(choose.choice(names_of(vendor)))
    bits = [(*choose.choice(REGISTERS), choose.randrange(32))
            for _ in range(choose.choice([0, 1, 3, 8]))]
    changed = passports.without(whole, bits, choose.random() < 0.5)
    if choose.random() < 0.3:
        bits = choose.choice([40, 48])
        for entries, key in ((changed['cpuid'], 'leaf'),
                             (changed['kvm']['supported-cpuid'], 'function')):
            for entry in entries:
                if entry[key] == 0x80000008:
                    entry['eax'] = entry['eax'] & ~0xff | bits
    return passports.sealed(changed)


def line(name, passport):
    return json.dumps({'name': name, 'passport': passport}) + '\n'


class Fleet:
    """Hosts, and the CPUs of some of them, which are asked for at once."""

    def __init__(self, hosts):
        self.hosts = dict(hosts)
        # By names: the group of an answer, and what guests find
        self.groups, self.found = {}, {}

    def learn(self, subsets):
        """What is the CPU of each of these sets of names?"""
        subsets = [s for s in map(frozenset, subsets)
                   if s and s not in self.groups]
        answers = batch([{'verb': 'fleet', 'hosts': [
            {'name': name, 'passport': self.hosts[name]} for name in subset]}
            for subset in subsets], MODELS)
        groups = [answer['groups'] for answer in answers]
        assert all(len(g) == 1 for g in groups), groups
        self.groups.update(zip(subsets, (g for g, in groups)))
        # Whatever guests of it find, guests of no features lack.
        answers = batch([{'verb': 'compare', 'cpus': [
            f'base,vendor={group["vendor"]}', group['cpu']]}
            for group, in groups], MODELS)
        for subset, answer in zip(subsets, answers):
            self.found[subset] = set(answer['missing-in-a']) - TOPOLOGY

    def group(self, names):
        return self.groups[frozenset(names)]

    def numbers(self, names):
        props = self.group(names)['model']['props']
        return {name: props.get(name, 0) for name in NUMBERS}

    def has(self, names, entry):
        """Whether the CPU has more than @entry says is missing"""
        if 'value' in entry:
            return self.numbers(names)[entry['feature']] > entry['value']
        return entry['feature'] in self.found[frozenset(names)]

    def gain(self, names, beyond):
        """How much more the CPU of @names has than that of @beyond"""
        a, b = self.numbers(names), self.numbers(beyond)
        return (self.found[frozenset(names)] -
                self.found[frozenset(beyond)]) | {
            name for name in NUMBERS if a[name] > b[name]}


class TestFleet(LabChecks, unittest.TestCase):
    """Of hosts that are made up."""
    accel = 'tcg'

    @classmethod
    def setUpClass(cls):
        cls.tmp = cls.enterClassContext(tempfile.TemporaryDirectory())

    @staticmethod
    def random_fleet(choose, least=2, most=9):
        vendor = choose.choice(sorted(VENDORS))
        kinds = [varied(choose, vendor)
                 for _ in range(choose.randint(least, most))]
        return Fleet((f'host-{n}', choose.choice(kinds)) for n in
                     range(choose.randint(least, most)))

    def random_fleets(self, what, number=None):
        choose = rng('fleet', what)
        return [self.random_fleet(choose)
                for _ in range(number or count(25, 400))]

    # What is missing

    @staticmethod
    def blame_problems(fleet):
        """Those without all who are to blame, and with one of them"""
        everyone = set(fleet.hosts)
        fleet.learn([everyone, *[{name} for name in everyone]])
        group = fleet.group(everyone)
        told = {entry[kind] for kind, entries in [
            ('feature', group['missing']),
            ('feature', group['omitted-features'])] for entry in entries}
        for name in everyone:
            if more := fleet.gain({name}, everyone) - told:
                yield f'{name} has {more}, which is not in missing'
        entries = [(entry, set(entry['names'])) for entry in group['missing']]
        fleet.learn([s for _, blamed in entries for s in [
            everyone - blamed, *[everyone - blamed | {name}
                                 for name in blamed]]])
        for entry, blamed in entries:
            if entry['hosts'] != len(blamed):
                yield f'{entry}: {len(blamed)} names'
            others = everyone - blamed
            if others and not fleet.has(others, entry):
                yield f'{entry["feature"]}: missing without {blamed}, too'
            for name in blamed:
                if fleet.has(others | {name}, entry) and others:
                    yield f'{entry}: there with {name}'

    def test_1_blame(self):
        """Without those to blame, the feature is there"""
        fleets = self.random_fleets('blame', count(8, 400))
        self.fail_if([f'{sorted(fleet.hosts)}: {problem}'
                      for fleet in fleets
                      for problem in self.blame_problems(fleet)])
        self.assertTrue(any(fleet.group(fleet.hosts)['missing']
                            for fleet in fleets))

    def test_2_reasons(self):
        """Who lacks it, the CPU or the kernel, and the text"""
        whole = passports.passport('intel-cascadelake')
        avx512f = [(7, 0, 'ebx', 16)]
        fleet = [('a', whole)] + [
            (f'host-{n}', passports.without(whole, avx512f)) for n in 'bcde'
        ] + [('z', passports.without(whole, avx512f, False))]
        fleet = Fleet(fleet)
        fleet.learn([fleet.hosts])
        group = fleet.group(fleet.hosts)
        entry, = [e for e in group['missing'] if e['feature'] == 'avx512f']
        self.assertEqual(entry['hosts'], 5)
        self.assertEqual(entry['names'], ['host-b', 'host-c', 'host-d',
                                          'host-e', 'z'])
        self.assertEqual(
            [(r['reason'], r['hosts'], r['text']) for r in entry['reasons']],
            [('hardware', 4, 'host-b and 3 more lack avx512f: hardware'),
             ('kernel', 1, 'z lacks avx512f: kernel')])

    def test_3_leave_out(self):
        """No other group of hosts alike would gain more"""
        left_out = 0
        for fleet in self.random_fleets('leave out'):
            everyone = set(fleet.hosts)
            fleet.learn([everyone])
            group = fleet.group(everyone)
            sets = [frozenset(alike['names']) for alike in group['alike']]
            fleet.learn([everyone - s for s in sets])
            gains = {s: fleet.gain(everyone - s, everyone)
                     for s in sets if s != everyone}
            most = max(map(len, gains.values()), default=0)
            if not most:
                self.assertIsNone(group['leave-out'])
                continue
            left_out += 1
            best = frozenset(group['leave-out']['names'])
            self.assertEqual(set(group['leave-out']['gains']), gains[best])
            self.assertEqual(len(gains[best]), most)
            self.assertEqual(len(best), min(len(s) for s, gain in
                                            gains.items()
                                            if len(gain) == most))
            self.assertEqual(group['leave-out']['hosts'], len(best))
        self.assertTrue(left_out)

    def test_4_alike(self):
        """Alike are hosts whose CPUs are the same in what counts"""
        for fleet in self.random_fleets('alike', 10):
            everyone = set(fleet.hosts)
            fleet.learn([everyone, *[{name} for name in everyone]])
            wanted = {}
            for name in everyone:
                wanted.setdefault((frozenset(fleet.found[frozenset({name})]),
                                   *fleet.numbers({name}).values()),
                                  set()).add(name)
            group = fleet.group(everyone)
            self.assertEqual(
                sorted(map(sorted, wanted.values())),
                sorted(sorted(alike['names']) for alike in group['alike']))
            self.assertEqual(group['kinds'], len(wanted))
            for alike in group['alike']:
                self.assertEqual(set(alike['beyond']), fleet.gain(
                    {alike['names'][0]}, everyone))

    def test_5_models(self):
        """A model runs on as many hosts as x86-cpu check says"""
        choose = rng('fleet', 'models')
        fleet = [(f'{vendor}-{n}', varied(choose, vendor))
                 for n in range(3) for vendor in sorted(VENDORS)]
        answer = batch([{'verb': 'fleet', 'hosts': [
            {'name': name, 'passport': passport}
            for name, passport in fleet]}], MODELS)[0]
        self.assertEqual([g['vendor'] for g in answer['groups']],
                         sorted(VENDORS.values()))
        shares = {model['name']: model['hosts'] for model in answer['models']}
        with open(MODELS, encoding='utf-8') as f:
            names = [m['name'] for m in json.load(f)['models']
                     if m['name'] != 'base']
        checks = batch([{'verb': 'check', 'cpu': name, 'host': passport}
                        for name in names for _, passport in fleet], MODELS)
        wanted = {name: sum(check['runs'] for check in
                            checks[n * len(fleet):(n + 1) * len(fleet)])
                  for n, name in enumerate(names)}
        self.assertEqual(shares, {name: shares[name] for name in wanted
                                  if name in shares})
        for name, hosts in wanted.items():
            # Aliases are in it only where they are CPUs of their own.
            if name in shares or re.search(r'-v\d+$', name) and \
                    not name.startswith('x86-64-v'):
                self.assertEqual(shares.get(name, 0), hosts, name)

    # Parts

    def fleet_run(self, lines, *arguments, status=0, models=MODELS):
        done = run(['fleet', *arguments], [models], ''.join(lines),
                   status=status)
        return done.stdout

    def test_6_parts(self):
        """Parts, merged in any order, have the bytes of the whole"""
        choose = rng('fleet', 'parts')
        kinds = [varied(choose, vendor) for vendor in sorted(VENDORS)
                 for _ in range(6)]
        kinds.append(passports.hardware_alone(kinds[0]))
        # More names than are kept, some of them twice
        lines = [line(f'host-{choose.randrange(300)}', choose.choice(kinds))
                 for _ in range(300)]
        whole = self.fleet_run(lines, '--partial')
        self.assertEqual(whole.count('\n'), 1)
        part = json.loads(whole)
        self.assertEqual(part, passports.sealed(part))
        text = json.dumps(part, sort_keys=True, separators=(',', ':'))
        self.assertEqual(whole, text + '\n')
        answer = self.fleet_run(lines, '--json', status=3)
        for _ in range(count(5, 30)):
            parts = [[] for _ in range(7)]
            for each in lines:
                choose.choice(parts).append(each)
            partials = [self.fleet_run(p, '--partial') for p in parts if p]
            choose.shuffle(partials)
            # Some are merged before the others, and some are not parts yet.
            some = self.fleet_run(partials[:3], '--partial')
            self.assertEqual(whole, self.fleet_run([some, *partials[3:]],
                                                   '--partial'))
            self.assertEqual(answer, self.fleet_run(
                partials, '--json', status=3))
        models = json.loads(answer)['models']
        self.assertEqual(part['models'], {m['name']: m['hosts']
                                          for m in models})

    def test_7_first_names(self):
        """The first ten names in the order of their bytes, and a count"""
        whole = passports.passport('amd-genoa')
        names = [f'{n:x}' for n in range(40)] + ['ä', 'Z', '~', '"\\']
        part = json.loads(self.fleet_run(
            [line(name, whole) for name in [*names, *names[:5]]],
            '--partial'))
        host, = part['hosts']
        self.assertEqual(host['count'], len(names) + 5)
        self.assertEqual(host['names'], sorted(
            names, key=lambda n: n.encode())[:10])

    def test_7_model_names(self):
        """The name of a CPU that is not text is not an error"""
        whole = copy.deepcopy(passports.passport('amd-genoa'))
        passports.find(whole['cpuid'], 0x80000002, 0,
                       ('leaf', 'subleaf'))['ebx'] = 0xff00a9c3
        whole = passports.sealed(whole)
        part = self.fleet_run([line('a', whole)], '--partial')
        props = json.loads(self.fleet_run([part], '--json')
                           )['groups'][0]['model']['props']
        self.assertRegex(props['model-id'], r'\A[ -~]+\Z')

    def test_8_refused_parts(self):
        """Damaged parts, and those of another file or other options"""
        whole = passports.passport('amd-genoa')
        part = self.fleet_run([line('a', whole)], '--partial')
        choose = rng('fleet', 'flipped bits')
        problems = []
        for _ in range(count(60, 1000)):
            at, bit = choose.randrange(len(part) - 1), choose.randrange(7)
            damaged = (part[:at] + chr(ord(part[at]) ^ 1 << bit) +
                       part[at + 1:])
            if '\n' in damaged[:-1]:
                continue
            done = run(['fleet', '--json'], [MODELS], damaged)
            if done.returncode != 2 or done.stderr.count('\n') != 1:
                problems.append(f'{at}, {bit}: {done.returncode}, '
                                f'{done.stderr}')
        self.fail_if(problems)
        for arguments, what in [(['--irqchip', 'split'], 'options'),
                                (['--cpu-pm'], 'options')]:
            done = run(['fleet', *arguments], [MODELS], part, status=2)
            self.assertIn(what, done.stderr)
        other = {**json.loads(part), 'models-file': '0' * 64}
        done = run(['fleet'], [MODELS],
                   json.dumps(passports.sealed(other)), status=2)
        self.assertIn('another file of CPU models', done.stderr)

    def mutate(self, choose, value):
        """Something else in the place of something in JSON"""
        if isinstance(value, dict) and value and choose.random() < 0.9:
            name = choose.choice(sorted(value))
            if choose.random() < 0.1:
                return {k: v for k, v in value.items() if k != name}
            return {**value, name: self.mutate(choose, value[name])}
        if isinstance(value, list) and value and choose.random() < 0.9:
            n = choose.randrange(len(value))
            return [*value[:n], self.mutate(choose, value[n]), *value[n + 1:]]
        if isinstance(value, str) and value and choose.random() < 0.6:
            n = choose.randrange(len(value))
            return value[:n] + choose.choice(',0f-\0é') * choose.choice(
                [1, 1, 20]) + value[n + 1:]
        return choose.choice([0, 1, -1, 1 << 40, (1 << 63) - 1, 1.5, '', 'x',
                              'ffffffffffffffff', None, True, [], {}, [[]],
                              ['a'], {'a': 'b'}])

    def test_9_hostile_parts(self):
        """Parts with anything in them have an answer, or one line of error"""
        choose = rng('fleet', 'hostile')
        part = json.loads(self.fleet_run(
            [line(f'host-{n}', varied(choose, vendor))
             for n in range(3) for vendor in sorted(VENDORS)], '--partial'))
        requests = []
        for _ in range(count(200, 50000)):
            changed = copy.deepcopy(part)
            for _ in range(choose.choice([1, 1, 3])):
                changed = self.mutate(choose, changed)
            if isinstance(changed, dict):
                changed = passports.sealed(changed)
            requests.append({'verb': 'fleet', 'hosts': [changed],
                             'partial': choose.random() < 0.5})
        done = subprocess.run(
            [os.path.join(sanitized(), 'answer'), '--batch', f'--models={MODELS}'],
            input='\n'.join(map(json.dumps, requests)), encoding='utf-8',
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            env={**os.environ, 'ASAN_OPTIONS': 'detect_leaks=0'})
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        answers = list(map(json.loads, done.stdout.splitlines()))
        self.assertEqual(len(answers), len(requests))
        refused = [a['error'] for a in answers if 'error' in a]
        self.assertGreater(len(refused), len(answers) // 3)
        self.assertLess(len(refused), len(answers))
        for error in refused:
            self.assertRegex(error, r'\A[ -~]+\Z')

    # Files, memory, people

    def test_a_files(self):
        """Names of files, lines of files, and stdin"""
        whole = passports.passport('amd-genoa')
        one = passports.write(whole, os.path.join(self.tmp, 'one.json'))
        many = os.path.join(self.tmp, 'many.jsonl')
        with open(many, 'w', encoding='utf-8') as f:
            f.write(line('two', whole) + '\n' + json.dumps(whole) + '\n')
        wanted = sorted(['one', 'two', f'host-{whole["digest"][:12]}',
                         'three'])
        for arguments in ([one, many, '-'], ['--host', one, many, '-']):
            group = json.loads(self.fleet_run(
                [line('three', whole)], '--json', *arguments))['groups'][0]
            self.assertEqual(group['names'], wanted)
        for text, error in [
                ('{', 'column'), ('[]', 'not a JSON object'), ('7', 'column'),
                (json.dumps({'name': 'a'}), 'format'),
                (line('', whole), "'name'"), (line('a\nb', whole), "'name'"),
                (line('x' * 256, whole), "'name'"), (line(7, whole), "'name'"),
                ('{"name": "a", "name": "b"}', 'duplicate'),
                ('{"a": ' + '[' * 100000, 'depth'),
                (line('a', {**whole, 'digest': '0' * 64}), 'digest'),
                ('', 'no host')]:
            done = run(['fleet'], [MODELS], text, status=2)
            self.assertEqual(done.stderr.count('\n'), 1, done.stderr)
            self.assertIn(error, done.stderr)
        done = run(['fleet', '-'], [MODELS], line('a', whole) + '{x\n',
                   status=2)
        self.assertIn('stdin:2:', done.stderr)

    def limited(self, text, limit):
        """Runs it in so many bytes of address space."""
        def set_limit():
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

        return subprocess.run(
            [os.path.join(programs(), 'answer'), 'fleet', '--json',
             f'--models={MODELS}'], input=text.encode(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            preexec_fn=set_limit)

    def test_b_memory(self):
        """A thousand hosts of a few kinds take the memory of a few hosts"""
        choose = rng('fleet', 'memory')
        kinds = [varied(choose, 'amd') for _ in range(5)]
        few = ''.join(line(f'h{n}', kind) for n, kind in enumerate(kinds))
        many = ''.join(line(f'h{n}', choose.choice(kinds))
                       for n in range(2000))

        def least(text):
            low, high = 1, 64
            while low < high:
                middle = (low + high) // 2
                if self.limited(text, middle * MEBIBYTE).returncode:
                    low = middle + 1
                else:
                    high = middle
            return high

        enough = least(few)
        self.assertLess(enough, 64)
        done = self.limited(many, (enough + 1) * MEBIBYTE)
        self.assertEqual((done.returncode, done.stderr), (0, b''))

    def test_c_limit(self):
        """More distinct hosts than there is room for: it says so"""
        whole = copy.deepcopy(passports.passport('intel-sapphirerapids'))
        leaf_7 = passports.find(whole['kvm']['supported-cpuid'], 7, 0,
                                ('function', 'index'))
        # Features that KVM has there, and that nothing depends on
        places = [('ebx', n) for n in (3, 8, 19, 23, 24, 29)] + [
            ('ecx', n) for n in (8, 9, 10, 25, 27, 28)] + [('edx', 14)]
        regs = dict(leaf_7)

        def text_of(number):
            leaf_7.update(regs)
            for i, (reg, bit) in enumerate(places):
                leaf_7[reg] = (leaf_7[reg] & ~(1 << bit) |
                               (number >> i & 1) << bit)
            return line(f'h{number}', passports.sealed(whole))

        text = ''.join(text_of(n) for n in range(4097))
        self.assertIn('4096 kinds', run(['fleet', '--partial'], [MODELS],
                                        text, status=2).stderr)

    def test_d_text(self):
        """The table fits into 100 columns, and has what the JSON has"""
        choose = rng('fleet', 'text')
        fleet = self.random_fleet(choose, 9, 9)
        lines = [line(f'{name}-{"x" * 80}', passport)
                 for name, passport in fleet.hosts.items()] + [
            line('bare', passports.hardware_alone(
                passports.passport('amd-genoa')))]
        answer = json.loads(self.fleet_run(lines, '--json', status=3))
        text = self.fleet_run(lines, '--all', status=3)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertIn('bare', text)
        flat = ' '.join(text.split())
        for group in answer['groups']:
            for entry in group['missing']:
                for reason in entry['reasons']:
                    self.assertIn(reason['text'], flat)
        self.assertIn(answer['models'][-1]['name'], text)

    def test_e_progress(self):
        """On a terminal, it tells how far it is; elsewhere nothing"""
        text = line('a', passports.passport('amd-genoa')) * 3
        argv = [os.path.join(programs(), 'answer'), 'fleet', '--check',
                f'--models={MODELS}']
        leader, follower = pty.openpty()
        subprocess.run(argv, input=text.encode(), stderr=follower, check=True)
        os.close(follower)
        self.assertIn(b' hosts', os.read(leader, 1000))
        os.close(leader)
        done = subprocess.run(argv, input=text.encode(), check=True,
                              stderr=subprocess.PIPE)
        self.assertEqual(done.stderr, b'')


if __name__ == '__main__':
    unittest.main()
