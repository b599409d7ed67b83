# SPDX-License-Identifier: GPL-2.0-or-later
"""
CPUs that a QEMU realizes on request, one after the other.

For tests that need to see far more CPUs than guests can be started for: what
would a guest see of this one, with this topology?  A QEMU for each topology
answers through qtest (target-i386-ext/realized-cpu.c).
"""

import base64
import concurrent.futures
import contextlib
import dataclasses
import json
import socket
import subprocess
import tempfile
from typing import Any, Dict

from answered_cpuid import view_of
from guest_cpuid import GuestError, View, make_view
from qemu.machine.qtest import QEMUQtestProtocol

# Such a CPU is CPU 1, a guest sees CPU 0: APIC IDs, by (leaf, subleaf or None
# for all, number of the register, mask).
APIC_IDS = [(1, 0, 1, 0xff000000), (0xb, None, 3, 0xffffffff),
            (0x1f, None, 3, 0xffffffff), (0x8000001e, 0, 0, 0xffffffff),
            (0x8000001e, 0, 1, 0xff), (0x8000001e, 0, 2, 0xff)]
# No CPU takes that long.
SECONDS = 60


@dataclasses.dataclass(eq=False)
class Realized:
    """What a guest sees of a CPU, and what else a migration has to keep."""
    view: View
    mcg_cap: int
    properties: Dict[str, Any]


def without_apic_ids(view):
    cpuid = {}
    for (leaf, subleaf), values in view.cpuid.items():
        registers = list(values)
        for place, number, register, mask in APIC_IDS:
            if leaf == place and number in (None, subleaf):
                registers[register] &= ~mask
        cpuid[leaf, subleaf] = tuple(registers)
    return make_view(cpuid, view.msrs)


def hotpluggable(smp):
    """-smp of a machine with one CPU and the topology of one with all"""
    number, _, topology = smp.partition(',')
    if number == '1':
        # KVM refuses a CPU 1 then.  Sockets are not in CPUID.
        return '1,maxcpus=2,sockets=2,cores=1,threads=1'
    return ','.join(['1', f'maxcpus={number}', topology]).rstrip(',')


class Process:
    """A QEMU with one topology, which is started again if it dies."""

    def __init__(self, qemu, accel, smp):
        self.args = [qemu, '-S', '-nodefaults', '-no-user-config', '-display',
                     'none', '-machine', 'q35', '-accel', accel, '-cpu',
                     'qemu64', '-smp', hotpluggable(smp), '-qtest-log', 'none',
                     '-qtest', 'chardev:qtest']
        self.process = self.qtest = self.stderr = None

    def start(self):
        ours, theirs = socket.socketpair()
        ours.settimeout(SECONDS)
        self.stderr = tempfile.TemporaryFile('w+')
        with theirs:
            fd = theirs.fileno()
            self.process = subprocess.Popen(
                [*self.args, '-chardev', f'socket,id=qtest,fd={fd}'],
                pass_fds=[fd], stderr=self.stderr)
        self.qtest = QEMUQtestProtocol(sock=ours)
        self.qtest.connect()

    def stop(self):
        """Ends QEMU, and returns what it said last."""
        if not self.process:
            return ''
        self.process.kill()
        self.process.wait()
        self.qtest.close()
        self.process = None
        with self.stderr:
            self.stderr.seek(0)
            return self.stderr.read()[-2000:]

    def look(self, model):
        """Realized, or the GuestError that a start would be"""
        if not self.process:
            self.start()
            return self.ask(model)
        found = self.ask(model)
        if self.process or 'failed to set MSR' not in str(found):
            return found
        # kvm.c keeps the PMU of one CPU for the next one, and dies of an MSR
        # that a start with this CPU would never set.
        self.start()
        return self.ask(model)

    def ask(self, model):
        """What the running QEMU realizes of a model; it may die of it"""
        text = base64.b64encode(json.dumps(model).encode()).decode()
        try:
            reply = self.qtest.cmd(f'x86-cpu-realized {text}')
        except OSError as exc:
            return GuestError(f'{exc}: {self.stop()}')
        if reply.startswith('OK '):
            found = json.loads(reply[3:])
            return Realized(without_apic_ids(view_of(found['cpuid'])),
                            found['mcg-cap'], found['properties'])
        if reply:
            return GuestError(reply[5:])
        # Where KVM refuses an MSR, a start fails an assertion, and so does this.
        said = self.stop()
        assert 'tcg' not in self.args, f'QEMU died of {model}: {said}'
        return GuestError(said)


class RealizedCpus:
    """Realizes CPUs of a Lab's QEMU at several topologies."""

    def __init__(self, lab, topologies):
        self.topologies = topologies
        self.processes = [Process(lab.qemu, lab.accel, smp)
                          for smp in topologies]
        self.workers = concurrent.futures.ThreadPoolExecutor(len(topologies))

    def look(self, models):
        """For each model, what there is at each topology"""
        jobs = [self.workers.submit(lambda p=p: [p.look(m) for m in models])
                for p in self.processes]
        return list(zip(*[job.result() for job in jobs]))

    def close(self):
        self.workers.shutdown()
        for process in self.processes:
            process.stop()


@contextlib.contextmanager
def realized_cpus(lab, topologies):
    """A RealizedCpus; without the last topology, if this kernel refuses it"""
    cpus = RealizedCpus(lab, topologies)
    try:
        # A QEMU that does not start has said nothing.
        found = cpus.look([{'name': 'qemu64'}])[0]
        refused = [topology for topology, view in zip(topologies, found)
                   if isinstance(view, GuestError)]
        # Only so many CPUs can be too much for a kernel.
        assert not refused or refused == [topologies[-1]], found
        if refused:
            cpus.close()
            cpus = RealizedCpus(lab, topologies[:-1])
        yield cpus
    finally:
        cpus.close()
