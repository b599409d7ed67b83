# SPDX-License-Identifier: GPL-2.0-or-later
"""
Several made hosts: their passports, and what QEMU says on each.

For tests of what the tool says of several hosts.  Some are those of
make_hosts.py, the others are made up at random (varied_hosts.py).
"""

import json
import os
import unittest

import make_hosts
import passports
from cpu_models import QEMU, ask, expansion
from made_hosts import made_host, no_made_hosts
from make_hosts import EAX, Kvm
from varied_hosts import VERSIONS, Offers, on_host, varied_host, write

MODELS = os.path.join(os.path.dirname(QEMU), 'qemu-cpu-models.json')
KVM = ['-machine', 'none', '-accel', 'kvm']
VENDORS = {'amd': 'AuthenticAMD', 'intel': 'GenuineIntel'}
NAMES = sorted(name.removesuffix('.cpuid') for name in
               os.listdir(os.path.join(make_hosts.HERE, 'hosts'))
               if name.endswith('.cpuid'))


class Host:
    """A made host in a file, and its passport in another"""

    def __init__(self, path, passport_path):
        self.path = path
        self.passport = passport_path
        with open(path, encoding='utf-8') as f:
            self.made = json.load(f)
        self.contents = passports.of_made_host(self.made)
        passports.write(self.contents, passport_path)

    def __str__(self):
        return self.made['description']

    def ask(self, commands):
        """What a QEMU there replies"""
        with on_host(self.path):
            return ask(KVM, commands)

    def host_model(self, machine):
        """What `host` is there: a CpuModelInfo"""
        reply = self.ask([expansion('static', 'host', None, machine)])[0]
        return reply['return']['model']


class HostFleet:
    """Makes hosts in a directory."""

    def __init__(self, directory):
        if reason := no_made_hosts():
            raise unittest.SkipTest(reason)
        self.directory = directory
        self.made = 0

    def _paths(self):
        self.made += 1
        return [os.path.join(self.directory, f'{kind}{self.made}.json')
                for kind in ('made-', 'host-')]

    def plain(self, name):
        """The host of make_hosts.py with this name"""
        return Host(made_host(name), self._paths()[1])

    def without(self, name, feature):
        """The same, with the newest kernel, whose KVM lacks a feature"""
        path, passport_path = self._paths()
        offers = Offers(Kvm(name, VERSIONS[-1]).as_host())
        offers.take_out(feature)
        return Host(write(offers.host, path), passport_path)

    def lower(self, name, highest):
        """The same, with a lower highest basic leaf"""
        path, passport_path = self._paths()
        kvm = Kvm(name, VERSIONS[-1])
        kvm.cpuid = {key: regs for key, regs in kvm.cpuid.items()
                     if not highest < key[0] <= 0xffff}
        kvm.cpuid[0, None][EAX] = highest
        return Host(write(kvm.as_host(), path), passport_path)

    def varied(self, choose, vendor):
        """One that is made up, by 'amd' or 'intel'"""
        path, passport_path = self._paths()
        name = choose.choice([n for n in NAMES if n.startswith(vendor)])
        made = None
        # A kernel that lists feature MSRs lists at least one, QEMU asserts.
        while not made or (made['capabilities']['GET_MSR_FEATURES'] and
                           not made['feature-msrs']):
            made = varied_host(choose, name)
        return Host(write(made, path), passport_path)


def baseline_of(host, models):
    """What query-cpu-model-baseline makes of several, one after the other"""
    joined = models[0]
    for model in [*models[1:], models[0]]:
        reply = host.ask([('query-cpu-model-baseline',
                           {'modela': joined, 'modelb': model})])[0]
        joined = reply['return']['model']
    return joined
