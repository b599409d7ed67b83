#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu expand and check with the passport of a host, against QEMU there.

Answers: do the verbs say of named models, and of model host with changes, what
QEMU says on that host: the static expansion, removed-features and errors?  On
made hosts, and on this one.  What check says of all models is judged in
test_host_check.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_host_answers
"""

import os
import tempfile
import unittest

from answer_tool import batch
from host_answers import (
    Host, NeedsKvm, NeedsMadeHosts, command, models_file, text_of)
from cpu_models import SEED, SHOWN, count, rng
from made_hosts import host_names, load_made
from test_model_table import difference

# Nothing here asserts in QEMU, whatever the host is.
CHANGES = ['avx', 'avx2', 'avx10', 'aes', 'x2apic', 'pni', 'smep', 'erms',
           'kvmclock', 'arat', 'invpcid', 'xsaves', 'pku']

# What decides which of the host's features model host has
HOST_SETTINGS = [
    {'vendor': 'GenuineIntel'}, {'vendor': 'AuthenticAMD'},
    {'tsc-frequency': 2445406000}, {'invtsc': False, 'tsc-frequency': 10 ** 9},
    {'migratable': False}, {'migratable': True},
    {'migratable': False, 'vendor': 'GenuineIntel', 'svm': False},
    {'host-cache-info': True}, {'host-cache-info': False},
]


class Checks(unittest.TestCase):
    """What the tests of hosts have in common."""

    def setUp(self):
        # A host of its own would be in the way.
        if load_made() is not None:
            self.skipTest('CHECK_HOST is for other tests')
        path, table = models_file()
        self.path = path
        self.layers = [layer['machine-types'][0] for layer in table['layers']]
        self.models = [model['name'] for model in table['models'][1:]]
        self.known = {feature['name'] for word in table['words']
                      for feature in word['features']}

    def shortDescription(self):
        return f'{self._testMethodDoc.strip()} (CHECK_SEED={SEED})'

    def random_cpus(self, choose):
        """[(model, machine type, properties)]"""
        cpus = [('host', machine, {}) for machine in self.layers]
        cpus += [(choose.choice(['host', 'max']), choose.choice(self.layers),
                  props) for props in HOST_SETTINGS]
        for _ in range(count(25, 1000)):
            props = {name: choose.random() < 0.4 for name in
                     choose.sample(CHANGES, choose.randint(0, 3))
                     if name in self.known}
            if choose.random() < 0.3:
                props['level'] = choose.choice([1, 7, 13])
            if choose.random() < 0.2:
                props['phys-bits'] = choose.choice([31, 36, 40, 52])
                props['host-phys-bits'] = False
            cpus.append((choose.choice(['host', choose.choice(self.models)]),
                         choose.choice(self.layers), props))
        return cpus

    def check(self, host, seed):
        cpus = self.random_cpus(rng('host answers', seed))
        live = host.by_qemu([command(model, machine, props)
                             for model, machine, props in cpus], 'none')
        with tempfile.TemporaryDirectory() as tmp:
            passport = os.path.join(tmp, 'passport.json')
            with open(passport, 'wb') as f:
                f.write(host.passport())
            told = batch([{'verb': verb, 'cpu': text_of(model, props),
                           'machine': machine, 'host': passport}
                          for model, machine, props in cpus
                          for verb in ('expand', 'check')], self.path)
        problems = []
        for i, (cpu, reply) in enumerate(zip(cpus, live)):
            expand, check = told[2 * i:2 * i + 2]
            if 'error' in reply:
                problems += [] if expand['status'] == 2 else [
                    f'{host.name}: {cpu}: {reply}']
                continue
            info = reply['return']
            wanted = {**info['model']['props'],
                      'omitted': info.get('omitted-properties', []),
                      'removed': info['removed-features'],
                      'errors': info['errors']}
            found = {**expand.get('model', {}).get('props', {}),
                     'omitted': expand.get('omitted-properties', []),
                     'removed': check.get('removed-features'),
                     'errors': check.get('errors')}
            if wrong := difference(wanted, found):
                problems.append(f'{host.name}: {cpu}: {wrong} '
                                f'{expand.get("error", "")}')
            elif check['status'] != int(not check['runs']):
                problems.append(f'{host.name}: {cpu}: {check["status"]}')
        if problems:
            self.fail(f'{len(problems)} problems\n' +
                      '\n'.join(problems[:SHOWN]))


class OnThisHost(NeedsKvm, Checks):
    """Where the tests run"""

    def test_here(self):
        """On the host itself"""
        self.check(Host(), 'here')


class OnMadeHosts(NeedsMadeHosts, Checks):
    """On hosts of other kinds"""

    def test_made(self):
        """On made hosts"""
        for name in host_names():
            with self.subTest(name):
                self.check(Host(name), name)


del Checks

if __name__ == '__main__':
    unittest.main(verbosity=2)
