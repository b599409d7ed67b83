#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The CPU of model "host" on the host of a passport, without QEMU.

Answers: does the tool give the same static expansion of "host" as QEMU does on
that host, property for property?  On a machine type of each layer, on made
hosts and on this one, with each interrupt controller and with power management;
and on hosts that are varied at random.  Model "max" is the same there.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_host_cpu
"""

import os
import tempfile
import unittest

from host_answers import (
    Host, NeedsKvm, NeedsMadeHosts, command, models_file)
from cpu_models import SEED, SHOWN, Progress, count, rng
from guest_cpuid import GuestError
from made_hosts import host_names, load_made
from release_line import NEWEST
import real_cpus
from test_model_table import difference
from varied_hosts import varied_host, write


class Checks(unittest.TestCase):
    """What the tests of hosts have in common."""

    def setUp(self):
        # A host of its own would be in the way.
        if load_made() is not None:
            self.skipTest('CHECK_HOST is for other tests')

    def check(self, host, machine=NEWEST):
        layers = [layer['machine-types'][0]
                  for layer in models_file()[1]['layers']]
        live = host.by_qemu([command(model, layer, {}) for layer in layers
                             for model in ('host', 'max')], machine)
        tool = host.by_tool([f'{layer} host' for layer in layers])
        self.assertEqual(len(tool), len(layers))
        problems = []
        for i, reply in enumerate(live):
            props = reply['return']['model']['props']
            # It only names the patch set.
            props.pop('compat-anchor', None)
            if found := difference(props, tool[i // 2]):
                problems.append(f'{host.name}: {layers[i // 2]}: '
                                f'(QEMU, tool): {found}')
        if problems:
            self.fail(f'{len(problems)} problems\n' +
                      '\n'.join(problems[:SHOWN]))

    def shortDescription(self):
        return f'{self._testMethodDoc.strip()} (CHECK_SEED={SEED})'


class OnThisHost(NeedsKvm, Checks):
    """Where the tests run"""

    def test_host(self):
        """Its own CPU"""
        self.check(Host())


class OnMadeHosts(NeedsMadeHosts, Checks):
    """On hosts of other kinds"""

    def test_1_interrupt_controllers(self):
        """Wherever it is"""
        for irqchip in ('on', 'split', 'off'):
            for name in host_names():
                with self.subTest(irqchip=irqchip, host=name):
                    # No PC takes one in user space.
                    self.check(Host(name, irqchip),
                               'none' if irqchip == 'off' else NEWEST)

    def test_2_power_management(self):
        """Guests may wait"""
        checked = 0
        for name in host_names():
            with self.subTest(name):
                try:
                    self.check(Host(name, cpu_pm=True))
                    checked += 1
                except GuestError as exc:
                    self.assertIn('guest stopping CPU', str(exc))
        self.assertTrue(checked)

    def test_3_real_cpus(self):
        """Where KVM follows a rule"""
        for name, host in real_cpus.hosts():
            with tempfile.TemporaryDirectory() as tmp, self.subTest(name):
                self.check(Host(write(host, os.path.join(tmp, 'host.json'))))

    def test_4_varied(self):
        """Hosts with less, and with other kernels"""
        number = count(12, 300)
        progress = Progress('varied hosts', number)
        names = [name for name in host_names() if name != 'kvm-pvm']
        for i in range(number):
            choose = rng('host cpu', i)
            host = varied_host(choose, choose.choice(names))
            with tempfile.TemporaryDirectory() as tmp, \
                    self.subTest(i=i, host=host['description']):
                path = write(host, os.path.join(tmp, 'host.json'))
                try:
                    self.check(Host(path))
                except GuestError as exc:
                    # A host on which no QEMU starts
                    self.assertRegex(str(exc), '^0 replies')
            progress.step()


del Checks

if __name__ == '__main__':
    unittest.main(verbosity=2)
