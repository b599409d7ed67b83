#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a CPU would lack on the host of a passport, without QEMU.

Answers: does the tool say the same of removed features and errors as QEMU does
on that host, entry for entry and in its order?  Of all models on all machine
types, on made hosts and on this one; with random features and properties; on
hosts that are varied at random; and with other interrupt controllers.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_host_check
"""

import json
import os
import tempfile
import types
import unittest

import host_answers  # noqa: F401 (finds the modules of tests/guest)
from host_answers import (
    Host, NeedsKvm, NeedsMadeHosts, command, models_file, text_of)
import cpu_models
from cpu_models import FULL, SHOWN, Progress, count, rng
from guest_cpuid import GuestError
from made_hosts import host_names, load_made
from make_hosts import Kvm
from release_line import LINE, NEWEST
import real_cpus
from varied_hosts import varied_host, write

# Enlightenments alone lack what they need; some kernels lack them.
HYPERV = [*cpu_models.ENLIGHTENMENTS, 'hv-evmcs', 'hv-reenlightenment',
          'hv-stimer-direct', 'hv-tlbflush-direct', 'hv-tlbflush-ext',
          'hv-passthrough', 'hv-enforce-cpuid']
FLAGS = [*HYPERV, 'kvm', 'kvm-pv-enforce-cpuid', 'lmce', 'pmu',
         'legacy-cache', 'host-phys-bits', 'x-hv-synic-kvm-only',
         'x-vendor-cpuid-only', 'full-cpuid-auto-level',
         'x-intel-pt-auto-level', 'x-force-features']
if LINE != '10.0':
    FLAGS += ['x-vendor-cpuid-only-v2', 'x-pdcm-on-even-without-pmu']
# Where QEMU's checks say yes or no
VALUES = {
    'phys-bits': [0, 20, 31, 32, 36, 46, 52, 53, 60],
    'guest-phys-bits': [0, 31, 32, 40, 47, 53],
    'host-phys-bits-limit': [0, 20, 36, 40],
    'lbr-fmt': [0, 4, 5],
    'tsc-frequency': [0, 999, 1000000000, 2399400000, 2400000000, 2400600000,
                      2400601000, 9999999999, 4294967296000],
    'family': [4, 5, 6, 15, 25],
    'level': [0, 1, 7, 0xc, 0xd, 0x14, 0x24],
    'avx10-version': [0, 1, 2],
    'hv-spinlocks': [0, 0xfff, 0xffffffff],
    'vendor': ['GenuineIntel', 'AuthenticAMD', 'HygonGenuine'],
}


def models():
    return [model['name'] for model in models_file()[1]['models']
            if model['name'] not in ('base', 'custom')]


def layers():
    """A machine type of each layer"""
    return [layer['machine-types'][0] for layer in models_file()[1]['layers']]


def features():
    return [feature['name'] for word in models_file()[1]['words']
            for feature in word['features']]


def random_props(choose):
    """Features, some that belong together, and properties"""
    names = features()
    props = {}
    for _ in range(choose.randint(0, 3)):
        start = choose.randrange(len(names))
        width = choose.choice([1, 2, 5, 20])
        props.update({name: choose.random() < 0.7
                      for name in names[start:start + width]})
    for _ in range(choose.randint(0, 4)):
        if choose.random() < 0.6:
            props[choose.choice(FLAGS)] = choose.random() < 0.8
        else:
            name = choose.choice(sorted(VALUES))
            props[name] = choose.choice(VALUES[name])
    return cpu_models.version_first(props)


def random_cpu(choose):
    """(model, machine type, properties)"""
    if choose.random() < 0.3:
        lab = types.SimpleNamespace(
            accel='tcg', models=models(), values=cpu_models.VALUES,
            enlightenments=cpu_models.ENLIGHTENMENTS)
        model, props = cpu_models.random_cpu(choose, lab)
    else:
        model = choose.choice([*models(), 'base'])
        props = random_props(choose)
    return model, choose.choice(layers()), props


def host_with_apx_state(name):
    """A made host, with the state of apxf: Linux has none so far."""
    host = Kvm(name).as_host()
    for leaf, sub, _, regs in host['supported-cpuid']:
        if (leaf, sub) == (0xd, 0):
            regs[0] |= 1 << 19
    return host


def same_but_places(live, tool):
    """For people: the first entries that differ"""
    for a, b in zip(live, tool):
        if a != b:
            return f'QEMU {json.dumps(a)}, tool {json.dumps(b)}'
    more = live[len(tool):] or tool[len(live):]
    return f'{"QEMU" if len(live) > len(tool) else "tool"} has ' \
           f'{json.dumps(more[0])}' if more else ''


def differences(live, tool):
    if 'error' in live or 'refused' in tool:
        if ('error' in live) != ('refused' in tool):
            yield f'QEMU {live.get("error")}, tool {tool.get("refused")}'
        return
    live = live['return']
    for key in ('removed-features', 'errors'):
        if live[key] != tool[key]:
            yield f'{key}: {same_but_places(live[key], tool[key])}'
    blocking = sum(entry['blocking'] for entry in live['removed-features'])
    if tool['blocking'] != blocking or \
            tool['runs'] != (not blocking and not live['errors']):
        yield f'blocking {tool["blocking"]}, runs {tool["runs"]}'


class Checks(unittest.TestCase):
    """What the tests of hosts have in common."""

    def setUp(self):
        # A host of its own would be in the way.
        if load_made() is not None:
            self.skipTest('CHECK_HOST is for other tests')

    def check(self, host, cpus, machine=NEWEST):
        """[(model, machine type, properties)]; returns QEMU's replies"""
        live = host.by_qemu([command(*cpu) for cpu in cpus], machine)
        tool = host.by_tool([f'{machine} {text_of(model, props)}'
                             for model, machine, props in cpus])
        self.assertEqual(len(tool), len(cpus))
        problems = [f'{host.name}: {machine} {text_of(model, props)}: {text}'
                    for (model, machine, props), a, b in zip(cpus, live, tool)
                    for text in differences(a, b)]
        if problems:
            self.fail(f'{len(problems)} problems\n' +
                      '\n'.join(problems[:SHOWN]))
        return [reply.get('return') for reply in live]

    def check_models(self, name):
        """On the newest and the oldest machine type; CHECK_FULL: on all"""
        machines = layers() if FULL else [layers()[0], layers()[-1]]
        replies = self.check(Host(name), [(model, machine, {})
                                          for model in models()
                                          for machine in machines])
        self.assertTrue(any(reply['removed-features'] for reply in replies))

    def check_random(self, name, number):
        choose = rng('host check', name)
        replies = self.check(Host(name), [random_cpu(choose)
                                          for _ in range(number)])
        self.assertTrue(any(reply and reply['errors'] for reply in replies))

    def shortDescription(self):
        return (f'{self._testMethodDoc.strip()} '
                f'(CHECK_SEED={cpu_models.SEED})')


class OnThisHost(NeedsKvm, Checks):
    """Where the tests run"""

    def test_models(self):
        """All models"""
        self.check_models(None)

    def test_random(self):
        """Random features and properties"""
        self.check_random(None, count(200, 5000))


class OnMadeHosts(NeedsMadeHosts, Checks):
    """On hosts of other kinds"""

    def test_1_models(self):
        """All models"""
        progress = Progress('models on made hosts', len(host_names()))
        for name in host_names():
            with self.subTest(name):
                self.check_models(name)
            progress.step()

    def test_2_random(self):
        """Random features and properties"""
        progress = Progress('random CPUs on made hosts', len(host_names()))
        for name in host_names():
            with self.subTest(name):
                self.check_random(name, count(120, 5000))
            progress.step()

    def test_3_varied(self):
        """Random CPUs on hosts with less, and with other kernels"""
        number = count(12, 200)
        progress = Progress('varied hosts', number)
        names = [name for name in host_names() if name != 'kvm-pvm']
        for i in range(number):
            choose = rng('varied host', i)
            host = varied_host(choose, choose.choice(names))
            with tempfile.TemporaryDirectory() as tmp, \
                    self.subTest(i=i, host=host['description']):
                path = write(host, os.path.join(tmp, 'host.json'))
                cpus = [(model, choose.choice(layers()), {})
                        for model in choose.sample(models(), 30)]
                try:
                    self.check(Host(path), cpus + [random_cpu(choose)
                                                   for _ in range(60)])
                except GuestError as exc:
                    # A host on which no QEMU starts
                    self.assertRegex(str(exc), '^0 replies')
            progress.step()

    def test_4_real_cpus(self):
        """Where KVM follows a rule; CHECK_FULL: all models"""
        hosts = list(real_cpus.hosts())
        self.assertGreaterEqual(len(hosts), 40)
        progress = Progress('hosts with real CPUs', len(hosts))
        for name, host in hosts:
            choose = rng('real CPU', name)
            chosen = models() if FULL else choose.sample(models(), 40)
            with tempfile.TemporaryDirectory() as tmp, self.subTest(name):
                path = write(host, os.path.join(tmp, 'host.json'))
                cpus = [(model, choose.choice(layers()), {})
                        for model in chosen]
                self.check(Host(path), cpus + [random_cpu(choose)
                                               for _ in range(count(20, 300))])
            progress.step()

    def test_5_interrupt_controllers(self):
        """x2apic and others depend on where it is"""
        choose = rng('irqchip')
        for irqchip in ('split', 'off'):
            for name in host_names():
                # No PC takes one in user space.
                machine = 'none' if irqchip == 'off' else NEWEST
                cpus = [(model, NEWEST, {}) for model in
                        choose.sample(models(), 10)]
                cpus += [(model, NEWEST, {
                    'x2apic': True, 'tsc-deadline': True, 'monitor': True,
                    'kvm-pv-unhalt': True, 'kvm-msi-ext-dest-id': True})
                    for model in choose.sample(models(), 3)]
                with self.subTest(irqchip=irqchip, host=name):
                    self.check(Host(name, irqchip), cpus, machine)

    def test_6_power_management(self):
        """monitor is there if the guest may wait"""
        cpus = [(model, NEWEST, {'monitor': True})
                for model in ('Haswell', 'EPYC')]
        offered = 0
        for name in host_names():
            with self.subTest(name):
                try:
                    self.check(Host(name, cpu_pm=True), cpus)
                    offered += 1
                except GuestError as exc:
                    self.assertIn('guest stopping CPU', str(exc))
        self.assertTrue(offered)

    def test_7_conflicts(self):
        """mpx and apxf remove each other, and their XSAVE state"""
        if LINE == '10.0':
            self.skipTest('QEMU 10.0 has no apxf')
        both = {'mpx': True, 'apxf': True}
        cpus = [(model, NEWEST, {**both, **props})
                for model in ('Skylake-Client', 'base')
                for props in ({'xsave': True}, {'xsave': False},
                              {'xsave': True, 'level': 7},
                              {'xsave': True, 'x-force-features': True},
                              {'xsave': True, 'x-force-features': True,
                               'level': 7})]
        of_state = set()
        for name in host_names():
            if name == 'kvm-pvm':
                continue
            with self.subTest(name), tempfile.TemporaryDirectory() as tmp:
                path = write(host_with_apx_state(name),
                             os.path.join(tmp, 'host.json'))
                for reply in self.check(Host(path), cpus):
                    of_state.update(
                        entry['feature']
                        for entry in reply['removed-features']
                        if entry['reason'] == 'conflict' and
                        any(place.get('cpuid', {}).get('leaf') == 0xd
                            for place in entry['places']))
        self.assertEqual(of_state, set(both))


del Checks

if __name__ == '__main__':
    unittest.main(verbosity=2)
