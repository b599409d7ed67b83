# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the tool says of CPUs on a host, and what QEMU says there.

For the tests of host_check() and host_offer_cpu() (target-i386-ext/tool).  The
host is a made one of tests/guest, or this machine's own.  The tool gets its
passport from x86-cpu host, which is run on it.
"""

import contextlib
import functools
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
REPO = os.path.dirname(TESTS)
sys.path += [os.path.join(TESTS, 'guest'), os.path.join(REPO, 'scripts')]

import answer_tool  # noqa: E402 (that path comes first)
from cpu_models import QEMU, ask, expansion, option  # noqa: E402
from made_hosts import (  # noqa: E402
    made_host, no_kvm, no_made_hosts, shim)


class NeedsKvm:
    """A mixin of test cases on this host: skips them without KVM."""

    @classmethod
    def setUpClass(cls):
        if reason := no_kvm():
            raise unittest.SkipTest(reason)
        super().setUpClass()


class NeedsMadeHosts:
    """The same on hosts that are made."""

    @classmethod
    def setUpClass(cls):
        if reason := no_made_hosts():
            raise unittest.SkipTest(reason)
        super().setUpClass()


def program():
    """The path of host-check-program"""
    return os.path.join(answer_tool.sanitized(), 'host-check-program')


def writer():
    """The path of x86-cpu host"""
    return os.path.join(answer_tool.programs(), 'host')


@functools.cache
def models_file():
    """The file of all CPU models of the QEMU under test, and what is in it"""
    path = os.path.join(os.path.dirname(QEMU), 'qemu-cpu-models.json')
    with open(path, encoding='utf-8') as f:
        return path, json.load(f)


class Host:
    """
    A made host, by its name or file, or None: that on which the test runs.

    options are QEMU's, of -machine; cpu_pm is -overcommit cpu-pm=on.
    """

    def __init__(self, name=None, irqchip='on', cpu_pm=False):
        self.name = name or 'this host'
        self.env = {}
        if name:
            self.env = {'LD_PRELOAD': shim(),
                        'KVM_CPUID_SHIM_HOST': made_host(name)}
        self.irqchip = irqchip
        self.cpu_pm = cpu_pm

    @contextlib.contextmanager
    def _here(self):
        old = dict(os.environ)
        os.environ.update(self.env)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(old)

    def by_qemu(self, commands, machine):
        """The replies of a QEMU on the host"""
        with self._here():
            args = ['-machine', machine, '-accel',
                    f'kvm,kernel-irqchip={self.irqchip}']
            if self.cpu_pm:
                args += ['-overcommit', 'cpu-pm=on']
            return ask(args, commands)

    def passport(self):
        with self._here():
            return subprocess.run([writer()], stdout=subprocess.PIPE,
                                  check=True).stdout

    def by_tool(self, lines):
        """The answers of host-check-program to lines"""
        with tempfile.NamedTemporaryFile() as f:
            f.write(self.passport())
            f.flush()
            done = subprocess.run(
                [program(), models_file()[0], f.name, self.irqchip,
                 *(['cpu-pm'] if self.cpu_pm else [])],
                input=''.join(line + '\n' for line in lines),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                encoding='utf-8')
        if done.returncode:
            raise AssertionError(done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]


def text_of(model, props):
    """A CPU as -cpu takes it"""
    return ','.join([model] + [f'{name}={option(value)}'
                               for name, value in props.items()])


def command(model, machine, props, kind='static'):
    return expansion(kind, model, props, machine)
