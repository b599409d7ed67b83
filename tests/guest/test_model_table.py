#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
query-cpu-model-table, and the file of all CPU models that is made from it.

Answers: does a program without a QEMU (tests/table/table-rebuild.c, on the
core) get from the file alone every static expansion that QEMU gives, of every
model on every machine type, under TCG and KVM?  What static expansions are is
judged by guests, in test_static_expansion.

    QTEST_QEMU_BINARY=... PYTHONPATH=<qemu>/python:<repo>/scripts \\
        python3 -m unittest test_model_table
"""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from cpu_models import FULL, QEMU, SHOWN, ask, expansion, rng
from guest_cpuid import GuestError
from reader_programs import REPO, program
from release_line import LINE, NEWEST
from test_removed_features import NeedsKvm
from x86_cpu_models import sealed, text_of
import site_qemu

Q35 = 'hw/i386/pc_q35.c'
PLANTED = 'pc-q35-planted-'
TRACED = 'x86_cpu_table_evaluate'

# Bars: evaluations of a model, bytes of a reply; memory is bench-table's
MOST_EVALUATIONS = 400
MOST_BYTES = 512 << 10


def table(*args, qemu=QEMU):
    """The reply, of a QEMU with these arguments"""
    reply = ask(args or ['-machine', 'none', '-accel', 'tcg'],
                [('query-cpu-model-table', {})], qemu)[0]
    return reply['return']


def file_of(reply, directory):
    """Writes the file that a reply makes, and returns its path."""
    major, minor = map(int, LINE.split('.'))
    path = os.path.join(directory, 'models.json')
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(sealed({**reply, 'qemu': {'major': major,
                                            'minor': minor}}), f)
    return path


def rebuilt(reply, accel='tcg', irqchip='on', vendor='', phys=0, guest=0):
    """{(model, layer): properties}, from the file that a reply makes"""
    with tempfile.TemporaryDirectory() as tmp:
        done = subprocess.run(
            [program('tests', 'table', 'table-rebuild.c').path,
             file_of(reply, tmp), accel, irqchip, vendor, str(phys),
             str(guest)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            encoding='utf-8')
    if done.returncode:
        raise AssertionError(done.stderr)
    found = {}
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        found[entry['model'], entry['layer']] = entry['props']
    return found


def difference(wanted, found):
    """What differs between two dicts; 1 is not True."""
    return {name: (wanted.get(name), found.get(name))
            for name in sorted({**wanted, **found})
            if (type(wanted.get(name)), wanted.get(name)) !=
               (type(found.get(name)), found.get(name))}


def expansions(args, pairs, qemu=QEMU):
    """Yields ((model, machine type), properties) of static expansions."""
    replies = ask(args, [expansion('static', model, machine=machine)
                         for model, machine in pairs], qemu)
    for pair, reply in zip(pairs, replies):
        props = reply['return']['model']['props']
        props.pop('compat-anchor', None)
        yield pair, props


@functools.cache
def planted(further=''):
    """
    A QEMU with the machine types of tests/distributors/planted, of which
    number 1 sets one further property
    """
    directory = os.path.join(REPO, 'tests', 'distributors', 'planted')
    with open(os.path.join(directory, 'machines.c'), encoding='utf-8') as f:
        text = f.read()
    start = 'planted_1[] = {\n'
    assert start in text
    with tempfile.TemporaryDirectory() as tmp:
        tables = os.path.join(tmp, 'planted-bad' if further else 'planted')
        os.mkdir(tables)
        shutil.copy(os.path.join(directory, 'machines.tbl'), tables)
        return site_qemu.build(tables, {
            Q35: site_qemu.read_source(Q35) + text.replace(start,
                                                           start + further)})


def pairs_of(reply):
    """
    [(model, machine type)]: all models on a machine type of each layer, or on
    all machine types
    """
    return [(model['name'], machine)
            for layer in reply['layers']
            for machine in (layer['machine-types'] if FULL else
                            [rng('table', layer['name']).choice(
                                layer['machine-types'])])
            for model in reply['models']]


def layer_of(reply):
    """{machine type: layer}"""
    return {machine: layer['name'] for layer in reply['layers']
            for machine in layer['machine-types']}


class Checks(unittest.TestCase):
    accel = ''

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reply = table()

    def check_planted(self, args, **inputs):
        """The same where a machine type has properties of each kind"""
        reply = table(qemu=planted())
        layers = layer_of(reply)
        # Number 4 is like upstream's.
        self.assertEqual({number for number in '123456'
                          if layers[PLANTED + number] == PLANTED + number},
                         set('12356'))
        self.check_expansions(args, planted(), reply, **inputs)
        return reply

    def fail_if(self, problems):
        if problems:
            self.fail(f'{len(problems)}:\n' + '\n'.join(problems[:SHOWN]))

    def check_expansions(self, args, qemu=QEMU, reply=None, **inputs):
        """The file gives what QEMU gives."""
        reply = reply or self.reply
        found = rebuilt(reply, self.accel, **inputs)
        layers = layer_of(reply)
        problems = []
        checked = 0
        for (model, machine), props in expansions(
                args, pairs_of(reply), qemu):
            wrong = difference(props, found[model, layers[machine]])
            checked += 1
            if wrong:
                problems.append(f'{model} on {machine}: {wrong}')
        self.assertGreater(checked, 1000)
        self.fail_if(problems)


def fingerprint(props, host=()):
    """The lines of it, as the schema defines it; what is the host's, by name"""
    lines = []
    for name, value in sorted(props.items()):
        if name in host:
            value = host[name]
        elif isinstance(value, bool):
            value = 'on' if value else 'off'
        lines.append((name, f'{name}={value}\n'))
    return lines


class Damage(unittest.TestCase):
    """Readers refuse the file with any bit flipped"""

    def test_bits(self):
        contents = sealed({**table(), 'qemu': {'major': 10, 'minor': 0}})
        data = text_of(contents).encode()
        choose = rng()
        bits = choose.sample(range(8 * len(data)), 2000)
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'models.json')
            for bit in [None, *bits]:
                changed = bytearray(data)
                if bit is not None:
                    changed[bit // 8] ^= 1 << bit % 8
                with open(path, 'wb') as f:
                    f.write(changed)
                done = subprocess.run(
                    [program('tests', 'table', 'read-all.c').path],
                    input=f'{path}\n', stdout=subprocess.PIPE, check=True,
                    encoding='utf-8')
                with self.subTest(bit=bit):
                    self.assertRegex(done.stdout, r'\A\n\Z' if bit is None
                                     else r'\A[ -~]+\n\Z')


class TestTcg(Checks):
    accel = 'tcg'

    def test_1_expansions(self):
        """Every model on each layer; CHECK_FULL: on every machine type"""
        self.check_expansions(['-machine', 'none', '-accel', 'tcg'])

    def test_2_machine_types(self):
        """All PC machine types are there, once, and no other"""
        types = {entry['name'] for entry in ask(
            ['-machine', 'none'], [('query-machines', {})])[0]['return']}
        found = [machine for layer in self.reply['layers']
                 for machine in layer['machine-types']]
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(set(found), {
            name for name in types
            if name.startswith(('pc-', 'isapc'))})
        for layer in self.reply['layers']:
            self.assertEqual(layer['name'], layer['machine-types'][0])
        self.assertEqual(self.reply['layers'][0]['name'], NEWEST)

    def test_3_models(self):
        """All models that are migration-safe are there"""
        names = {entry['name'] for entry in ask(
            ['-machine', 'none'], [('query-cpu-definitions', {})])[0]['return']
            if entry['migration-safe']}
        found = [model['name'] for model in self.reply['models']]
        self.assertEqual(found[0], 'base')
        self.assertEqual(found[1:], sorted(found[1:]))
        self.assertEqual(set(found), names)

    def test_4_fingerprints(self):
        """Those of static expansions"""
        names = {feature['name'] for word in self.reply['words']
                 for feature in word['features']}
        layers = layer_of(self.reply)
        order = [layer['name'] for layer in self.reply['layers']]
        accel = next(entry for entry in self.reply['accelerators']
                     if entry['name'] == 'tcg')
        found = {}
        for entry in accel['fingerprints']:
            self.assertEqual(len(entry['values']), len(order))
            for number, value in enumerate(entry['values']):
                found[entry['model'], order[number]] = \
                    value or found[entry['model'], order[number - 1]]
        problems = []
        for (model, machine), props in expansions(
                ['-machine', 'none', '-accel', 'tcg'],
                pairs_of(self.reply)):
            text = ''.join(line for name, line in fingerprint(props)
                           if name not in names or props[name])
            wanted = hashlib.sha256(text.encode()).hexdigest()
            if found[model, layers[machine]] != wanted:
                problems.append(f'{model} on {machine}')
        self.fail_if(problems)

    def test_5_everywhere(self):
        """The reply is the same with each machine type, and twice"""
        for machine in ['none', NEWEST, 'microvm']:
            replies = ask(['-machine', machine, '-accel', 'tcg'],
                          [('query-cpu-model-table', {})] * 2)
            for reply in replies:
                self.assertEqual(reply['return'], self.reply, machine)
        # Options of this process have no effect on it.
        self.assertEqual(table('-machine', NEWEST, '-accel', 'tcg', '-cpu',
                               'EPYC,-avx,+avx512f', '-global',
                               'EPYC-x86_64-cpu.sha-ni=off'), self.reply)

    def test_6_size(self):
        """Few evaluations, a reply of limited size"""
        self.assertLess(len(json.dumps(self.reply)), MOST_BYTES)
        with tempfile.NamedTemporaryFile('r') as log:
            ask(['-machine', 'none', '-accel', 'tcg', '-trace', TRACED,
                 '-D', log.name], [('query-cpu-model-table', {})])
            evaluated = [line for line in log if TRACED in line]
        self.assertGreater(len(evaluated), len(self.reply['models']))
        self.assertLessEqual(len(evaluated), MOST_EVALUATIONS)

    def test_7_planted(self):
        """Whatever properties a machine type sets"""
        reply = self.check_planted(['-machine', 'none', '-accel', 'tcg'])
        found = {}
        for entry in reply['exceptions']:
            found.setdefault(entry['layer'], {})[entry['model']] = \
                entry['changes']
        first = found[PLANTED + '1']
        self.assertIn('sha-ni', first['EPYC-v2']['off'])
        # base does not have it either.
        self.assertIn('avx', first['EPYC-v2']['off'])
        self.assertNotIn('sha-ni', first['EPYC-v3']['off'])
        self.assertEqual(first['Haswell']['set']['stepping'], 7)
        self.assertNotIn('stepping', first['Haswell-v1'].get('set', {}))
        self.assertEqual(found[PLANTED + '2']['Broadwell-v1'],
                         {'off': ['smap']})
        # Older machine types have none of that.
        layers = [layer['name'] for layer in reply['layers']]
        after = layers[layers.index(PLANTED + '3') + 1]
        self.assertLessEqual({'sha-ni', 'avx'},
                             set(found[after]['EPYC-v2']['on']))

    def test_8_bad_property(self):
        """A machine type's mistake is an error, and not the end of a guest"""
        qemu = planted('    { "EPYC-v2-x86_64-cpu", "stepping", "99" },\n')
        where = f"Machine type '{PLANTED}1': can't apply global " \
            'EPYC-v2-x86_64-cpu.stepping=99: '
        table_reply, bad, good, again = ask(
            ['-machine', NEWEST, '-accel', 'tcg'],
            [('query-cpu-model-table', {}),
             expansion('static', 'EPYC-v2', machine=PLANTED + '1'),
             expansion('static', 'EPYC-v2', machine=NEWEST),
             ('query-cpu-model-table', {})], qemu)
        for reply in table_reply, bad, again:
            self.assertIn(where, reply['error']['desc'])
        self.assertIn('return', good)


class TestKvm(NeedsKvm, Checks):
    accel = 'kvm'

    def host_values(self, args):
        """What of a host is in static expansions, by asking for its model"""
        info = ask(args, [expansion('static', 'host')])[0]['return']
        props = info['model']['props']
        return {'vendor': props['vendor'], 'phys': props['phys-bits'],
                'guest': props['guest-phys-bits']}

    def check_irqchip(self, irqchip):
        args = ['-machine', f'{NEWEST},kernel-irqchip={irqchip}', '-accel',
                'kvm']
        try:
            ask(args, [])
        except GuestError as e:
            if 'does not support' not in str(e):
                raise
            self.skipTest(str(e).splitlines()[-1])
        self.check_expansions(args, irqchip=irqchip, **self.host_values(args))

    def test_1_expansions(self):
        """Every model on each layer; CHECK_FULL: on every machine type"""
        args = ['-machine', 'none', '-accel', 'kvm']
        self.check_expansions(args, **self.host_values(args))

    def test_2_split(self):
        self.check_irqchip('split')

    def test_3_off(self):
        self.check_irqchip('off')

    def test_4_same(self):
        """It is the table of a process with TCG, byte for byte"""
        self.assertEqual(table('-machine', 'none', '-accel', 'kvm'),
                         self.reply)

    def test_5_planted(self):
        """Whatever properties a machine type sets, against KVM's defaults"""
        args = ['-machine', 'none', '-accel', 'kvm']
        reply = self.check_planted(args, **self.host_values(args))
        self.check_host_values(reply)

    def check_host_values(self, reply):
        """Fingerprints have what is the host's as such."""
        accel = next(entry for entry in reply['accelerators']
                     if entry['name'] == 'kvm')
        values = next(entry['values'] for entry in accel['fingerprints']
                      if entry['model'] == 'EPYC-v1')
        names = {feature['name'] for word in reply['words']
                 for feature in word['features']}
        order = [layer['name'] for layer in reply['layers']]
        for vendor, phys, guest in (('AuthenticAMD', 48, 48),
                                    ('GenuineIntel', 39, 0)):
            found = rebuilt(reply, 'kvm', 'on', vendor, phys, guest)
            for number in '1', '2':
                props = found['EPYC-v1', PLANTED + number]
                host = {'vendor': 'host', 'ucode-rev': 'host'}
                if number == '2':
                    host['phys-bits'] = 'host-46'
                text = ''.join(line for name, line in fingerprint(props, host)
                               if name not in names or props[name])
                self.assertEqual(values[order.index(PLANTED + number)],
                                 hashlib.sha256(text.encode()).hexdigest())


del Checks

if __name__ == '__main__':
    unittest.main(verbosity=2)
