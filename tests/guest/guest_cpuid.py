#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a guest sees of its CPU, from outside of QEMU's own answers.

Answers, for tests that judge what QEMU says about a CPU: what does CPUID
really return in the guest, and the feature MSRs?  Under TCG that is what a ROM
reads in 64-bit mode, where the CPU has it (cpuid-rom.S); under KVM, what QEMU
hands to the kernel for the boot CPU (kvm-cpuid-shim.c), for what the kernel
does with it is not QEMU's.

Needs the ROM and the shim (make OUT=...), in the directory $GUEST_BUILD, and
QEMU's Python library qemu.qmp.  CHECK_HOST=NAME lets KVM, and the CPU under
it, be those of a made host (made_hosts.py).
"""

import argparse
import asyncio
from asyncio.subprocess import DEVNULL, PIPE
import contextlib
import json
import logging
import os
import socket
import struct
import sys
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from qemu.qmp import QMPClient, QMPError

import made_hosts

Place = Dict[str, Dict[str, Any]]
Registers = Tuple[int, int, int, int]

REGISTERS = ('EAX', 'EBX', 'ECX', 'EDX')
ZEROS = (0, 0, 0, 0)

# EBX to EDX of the first of KVM's leaves: "KVMKVMKVM"
KVM_SIGNATURE = (0x4b4d564b, 0x564b4d56, 0x0000004d)

# The leaves whose highest sub-leaf is in EAX of sub-leaf 0
SUBLEAF_MAXIMUM_IN_EAX = (0x7, 0x14, 0x1d, 0x1e, 0x24)

# The CPU sets these while it runs, from CR4.  They follow OSXSAVE and PKE,
# not the configuration, and are read as 0 here.  (The APIC's bit is dynamic
# too, but nothing turns the APIC off in a guest that is looked at.)
DYNAMIC_BITS = {
    (1, 0, 'ECX'): 1 << 27,     # OSXSAVE
    (7, 0, 'ECX'): 1 << 4,      # OSPKE
}

# Seconds until a QEMU that says nothing is given up.  It takes 0.1 s, but
# build machines are busy.
TIMEOUT = 60
QUIT_TIMEOUT = 10

ROM_RECORD = struct.Struct('<6I')
ROM_MSR = 0xfffffffe
ROM_END = 0xffffffff

KVM_CPUID_FLAG_SIGNIFICANT_INDEX = 1


class GuestError(Exception):
    """QEMU did not show what it was started for."""


class View(NamedTuple):
    """
    What the guest sees.

    cpuid has the registers by (leaf, sub-leaf).  Those that are 0 throughout
    are not in it: QEMU does not hand them to KVM, for the kernel returns 0
    for what it was not given.

    msrs has the values by index; it is None where the CPU has no MSRs.
    """
    cpuid: Dict[Tuple[int, int], Registers]
    msrs: Optional[Dict[int, int]] = None


def make_view(cpuid: Dict[Tuple[int, int], Registers],
              msrs: Optional[Dict[int, int]] = None) -> View:
    """A view, from everything that was seen."""
    return View({key: values for key, values in cpuid.items()
                 if any(values)}, msrs)


def entry_key(entry: Dict[str, int]) -> Tuple[int, int]:
    """
    Leaf and sub-leaf of a struct kvm_cpuid_entry2.

    Without the flag, the index means nothing, and QEMU leaves there what
    it used the entry for before.
    """
    if entry['flags'] & KVM_CPUID_FLAG_SIGNIFICANT_INDEX:
        return entry['function'], entry['index']
    return entry['function'], 0


def has_leaf(view: View, leaf: int, subleaf: int) -> bool:
    """
    Whether the CPU has the leaf, and the sub-leaf.

    Above the maximum of a region, CPUID returns the data of the highest
    basic leaf, which says nothing about the leaf asked for.
    """
    region = leaf & 0xf0000000
    maximum = view.cpuid.get((region, 0), ZEROS)[0]
    if maximum & 0xf0000000 != region or leaf > maximum:
        return False
    if leaf in SUBLEAF_MAXIMUM_IN_EAX:
        return subleaf <= view.cpuid.get((leaf, 0), ZEROS)[0]
    return True


def register(view: View, leaf: int, subleaf: int, name: str) -> int:
    """The value of a register; 0 for a leaf that the CPU doesn't have."""
    if not has_leaf(view, leaf, subleaf):
        return 0
    registers = view.cpuid.get((leaf, subleaf), ZEROS)
    return (registers[REGISTERS.index(name)]
            & ~DYNAMIC_BITS.get((leaf, subleaf, name), 0))


def cache_size(view: View, leaf: int,
               number: int) -> Optional[Tuple[int, int]]:
    """
    Bytes and ways of a cache, or None.

    In leaf 4 (SDM vol. 2A, CPUID) or 0x8000001D (APM vol. 3, Fn8000_001D),
    whose EBX and ECX have the same format.
    """
    if not register(view, leaf, number, 'EAX') & 0x1f:
        return None
    ebx = register(view, leaf, number, 'EBX')
    ways, partitions, line = ((ebx >> 22) + 1, (ebx >> 12 & 0x3ff) + 1,
                              (ebx & 0xfff) + 1)
    sets = register(view, leaf, number, 'ECX') + 1
    return ways * partitions * line * sets, ways


def text_of(*registers: int) -> str:
    """The text in registers"""
    return b''.join(r.to_bytes(4, 'little') for r in registers).rstrip(
        b'\0').decode()


# SDM vol. 2A, CPUID, Processor Brand String
MODEL_ID_LEAVES = (0x80000002, 0x80000003, 0x80000004)


def model_id(view: View) -> str:
    """What the guest reads as the name of its CPU"""
    return text_of(*[r for leaf in MODEL_ID_LEAVES
                     for r in view.cpuid.get((leaf, 0), ZEROS)])


def can_see(view: View, place: Place) -> bool:
    """Whether the view can tell about the place, a QAPI CpuFeaturePlace."""
    return 'cpuid' in place or view.msrs is not None


def has_bit(view: View, place: Place) -> bool:
    """Whether the guest sees the bit at the place, a CpuFeaturePlace."""
    if 'cpuid' in place:
        where = place['cpuid']
        value = register(view, where['leaf'], where['subleaf'],
                         where['register'])
    else:
        if view.msrs is None:
            raise ValueError('this view has no MSRs')
        where = place['msr']
        value = view.msrs.get(where['index'], 0)
    return bool(value >> where['bit'] & 1)


class Guest:
    """
    A QEMU with a guest that can be looked at, and its QMP monitor.

    An asynchronous context manager: the QEMU runs inside of it.  The guest
    is paused until view() wants to know.
    """

    def __init__(self, qemu: str, args: List[str], accel: str,
                 offers: Optional[str] = None,
                 host: Optional[str] = None):
        """
        offers: what KVM is made to offer, see kvm-offers.c
        host: the made host to be on, by name or file; else CHECK_HOST's
        """
        self._qemu = qemu
        self._offers = offers
        self._host = host
        self._args = args
        self._accel = accel
        self._kvm = accel.partition(',')[0] == 'kvm'
        self._build = os.environ.get('GUEST_BUILD', '.')
        self._tmp = tempfile.TemporaryDirectory(prefix='guest-cpuid-')
        self._process: Optional[asyncio.subprocess.Process] = None
        self.qmp = QMPClient()

    def _path(self, name: str) -> str:
        return os.path.join(self._tmp.name, name)

    def _built(self, name: str) -> str:
        path = os.path.abspath(os.path.join(self._build, name))
        if not os.path.exists(path):
            raise GuestError(f'{path} is missing (GUEST_BUILD)')
        return path

    def stderr(self) -> str:
        """What QEMU has had to say so far."""
        with open(self._path('stderr'), encoding='utf-8') as err:
            return err.read().strip()

    def _error(self, what: str) -> GuestError:
        return GuestError(f'{what}: {self._qemu} -accel {self._accel} '
                          f'{" ".join(self._args)}\n{self.stderr()}')

    def _command(self, qmp_fd: int) -> List[str]:
        command = [
            self._qemu, '-S', '-nodefaults', '-no-user-config',
            '-no-reboot', '-display', 'none',
            '-chardev', f'socket,id=qmp,fd={qmp_fd}',
            '-qmp', 'chardev:qmp',
            '-accel', self._accel]
        if not self._kvm:
            command += [
                '-bios', self._built('cpuid-rom.bin'),
                '-chardev', 'file,id=rom,path=/dev/stdout',
                '-device', 'isa-debugcon,iobase=0x402,chardev=rom']
        return command + self._args

    async def _start(self) -> None:
        env = dict(os.environ)
        if self._kvm:
            env['LD_PRELOAD'] = self._built('kvm-cpuid-shim.so')
            env['KVM_CPUID_SHIM_OUT'] = self._path('ioctls')
            if self._offers is not None:
                env['KVM_CPUID_SHIM_OFFERS'] = self._offers
            if self._host is not None:
                env['KVM_CPUID_SHIM_HOST'] = made_hosts.made_host(self._host)
        ours, theirs = socket.socketpair()
        with theirs, open(self._path('stderr'), 'wb') as stderr:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(theirs.fileno()), env=env,
                pass_fds=[theirs.fileno()],
                stdin=DEVNULL, stdout=PIPE, stderr=stderr)
        await self.qmp.connect(ours)

    async def _stop(self) -> None:
        # These fail where QEMU has died; what that broke has said so.
        errors = (asyncio.TimeoutError, EOFError, OSError, QMPError)
        with contextlib.suppress(*errors):
            await asyncio.wait_for(self.qmp.execute('quit'), QUIT_TIMEOUT)
        with contextlib.suppress(*errors):
            await self.qmp.disconnect()
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), QUIT_TIMEOUT)
            except asyncio.TimeoutError:
                self._process.kill()
                await self._process.wait()
        self._tmp.cleanup()

    async def __aenter__(self) -> 'Guest':
        try:
            await asyncio.wait_for(self._start(), TIMEOUT)
        except (asyncio.TimeoutError, EOFError, OSError, QMPError) as exc:
            error = self._error(f'QEMU did not start ({exc!r})')
            await self._stop()
            raise error from exc
        except BaseException:
            # Also if cancelled: a paused QEMU would stay forever.
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stop()

    async def _rom_view(self) -> View:
        cpuid: Dict[Tuple[int, int], Registers] = {}
        msrs: Dict[int, int] = {}
        assert self._process is not None and self._process.stdout is not None
        await self.qmp.execute('cont')
        while True:
            record = ROM_RECORD.unpack(
                await self._process.stdout.readexactly(ROM_RECORD.size))
            if record[0] == ROM_END:
                break
            if record[0] == ROM_MSR:
                msrs[record[1]] = record[5] << 32 | record[2]
            else:
                cpuid[record[0:2]] = record[2:6]
        if len(cpuid) + len(msrs) != record[2]:
            raise self._error(f'the ROM sent {record[2]} records, '
                              f'{len(cpuid) + len(msrs)} came')
        return make_view(cpuid, msrs or None)

    def cpu_views(self) -> List[View]:
        """
        What the guest sees of each CPU, in the order of their creation.

        Under KVM only.  Hotplugged CPUs are in it, unplugged ones as well.
        """
        cpuid: Dict[int, Dict[Tuple[int, int], Registers]] = {}
        msrs: Dict[int, Dict[int, int]] = {}
        with open(self._path('ioctls'), encoding='utf-8') as ioctls:
            calls = [json.loads(line) for line in ioctls]
        for call in calls:
            cpu = call['fd']
            if call['ioctl'] == 'KVM_SET_MSRS':
                msrs.setdefault(cpu, {}).update(
                    (msr['index'], msr['data']) for msr in call['entries'])
                continue
            # A later call replaces all the entries.
            cpuid[cpu] = {entry_key(entry):
                          tuple(entry[name.lower()] for name in REGISTERS)
                          for entry in call['entries']}
        return [make_view(entries, msrs.get(cpu, {}))
                for cpu, entries in cpuid.items()]

    async def view(self) -> View:
        """What the guest sees.  Under TCG, this lets the guest run."""
        try:
            if self._kvm:
                # The boot CPU is the first one to be created.
                return self.cpu_views()[0]
            return await asyncio.wait_for(self._rom_view(), TIMEOUT)
        except asyncio.TimeoutError as exc:
            raise self._error(f'no report within {TIMEOUT} s') from exc
        except (EOFError, OSError, QMPError) as exc:
            raise self._error(f'no complete report ({exc!r})') from exc


def guest_view(qemu: str, args: List[str], accel: str = 'tcg') -> View:
    """What the guest of a QEMU with these arguments sees of its boot CPU."""
    async def look() -> View:
        async with Guest(qemu, args, accel) as guest:
            return await guest.view()

    return asyncio.run(look())


# The caller is told by exceptions; don't say it twice on stderr.
logging.getLogger('qemu.qmp').addHandler(logging.NullHandler())


def main() -> int:
    """Print what the guest sees."""
    parser = argparse.ArgumentParser(
        description='Show what CPUID returns in a guest.')
    parser.add_argument('--qemu', required=True, help='the QEMU to run')
    parser.add_argument('--accel', choices=('tcg', 'kvm'), default='tcg')
    parser.add_argument('--json', action='store_true')
    parser.add_argument('args', nargs='*', metavar='-- QEMU-ARGUMENT',
                        help='-machine, -cpu, -smp, ...')
    args = parser.parse_args()

    try:
        view = guest_view(args.qemu, args.args, args.accel)
    except GuestError as exc:
        print(exc, file=sys.stderr)
        return 1
    if args.json:
        cpuid = [dict(zip(('leaf', 'subleaf') + REGISTERS, key + values))
                 for key, values in sorted(view.cpuid.items())]
        msrs = None
        if view.msrs is not None:
            msrs = [{'index': index, 'value': value}
                    for index, value in sorted(view.msrs.items())]
        print(json.dumps({'cpuid': cpuid, 'msrs': msrs}, indent=4))
        return 0
    print('leaf     sub ', *(f'{name:8}' for name in REGISTERS))
    for (leaf, subleaf), values in sorted(view.cpuid.items()):
        print(f'{leaf:08x} {subleaf:4x}', *(f'{v:08x}' for v in values))
    for index, value in sorted((view.msrs or {}).items()):
        print(f'MSR {index:03x}: {value:016x}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
