#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Write down this host, in the form that kvm-host.c loads.

Answers: what do the CPUID instruction and /dev/kvm say here?  To stdout, for
a made host like a real one; make_hosts.py says what is in it.

    ./record_host.py 'where and when' >hosts/NAME.json
"""

import ctypes
import fcntl
import os
import struct
import sys

import made_hosts

# linux/kvm.h
KVM_CREATE_VM, KVM_CREATE_VCPU = 0xae01, 0xae41
KVM_CHECK_EXTENSION, KVM_GET_TSC_KHZ = 0xae03, 0xaea3
KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST = (
    0xc004ae02, 0xc004ae0a)
KVM_GET_SUPPORTED_CPUID, KVM_GET_SUPPORTED_HV_CPUID = 0xc008ae05, 0xc008aec1
KVM_GET_MSRS, KVM_X86_GET_MCE_CAP_SUPPORTED = 0xc008ae88, 0x8008ae9d
KVM_GET_DEVICE_ATTR = 0x4018aee2
ROOM = 1024

# Leaves with sub-leaves, and which of these there are
SUBLEAVES = {
    0x4: lambda e: e[0] & 0x1f, 0xb: lambda e: e[1], 0x1f: lambda e: e[1],
    0x8000001d: lambda e: e[0] & 0x1f,
}
SUBLEAVES_IN_EAX = (0x7, 0x14, 0x1d, 0x1e, 0x24)
KNOWN_SUBLEAVES = {0xd: range(64), 0xf: range(2), 0x10: range(4),
                   0x12: range(16)}
# What differs from one logical CPU to the next, or with CR4: those bits of
# EAX to EDX are left out
VARIES = {
    (0x1, 0): (0, 0xff000000, 1 << 27, 0), (0x7, 0): (0, 0, 1 << 4, 0),
    (0xd, 0): (0, 0xffffffff, 0, 0), (0xd, 1): (0, 0xffffffff, 0, 0),
    (0x8000001e, 0): (0xffffffff, 0xff, 0xff, 0),
}


def instruction():
    """The CPUID instruction, without what varies"""
    def cpuid(leaf, subleaf):
        mask = VARIES.get((leaf, subleaf), (0, 0, 0, 0))
        if leaf in (0xb, 0x1f):
            mask = (0, 0, 0, 0xffffffff)
        return [r & ~m for r, m in
                zip(made_hosts.instruction()(leaf, subleaf), mask)]

    return cpuid


def subleaves(cpuid, leaf):
    """(sub-leaf or None, registers) of a leaf, those that are not empty"""
    if leaf in SUBLEAVES:
        numbers = range(ROOM)
    elif leaf in SUBLEAVES_IN_EAX:
        numbers = range(cpuid(leaf, 0)[0] + 1)
    elif leaf in KNOWN_SUBLEAVES:
        numbers = KNOWN_SUBLEAVES[leaf]
    else:
        yield None, cpuid(leaf, 0)
        return
    for number in numbers:
        regs = cpuid(leaf, number)
        if leaf in SUBLEAVES and not SUBLEAVES[leaf](regs):
            return
        if number == 0 or any(regs):
            yield number, regs


def read_cpuid():
    """What the instruction returns, {(leaf, sub-leaf or None): registers}"""
    cpuid = instruction()
    found = {}
    for region in (0, 0x80000000, 0xc0000000):
        highest = cpuid(region, 0)[0]
        if highest >> 16 != region >> 16:
            continue
        for leaf in range(region, highest + 1):
            for number, regs in subleaves(cpuid, leaf):
                if any(regs):
                    found[leaf, number] = regs
    return found


def ioctl(fd, request, data):
    """An ioctl that fills in data.  Returns that, or None if it fails."""
    data = bytearray(data)
    try:
        fcntl.ioctl(fd, request, data)
    except OSError:
        return None
    return data


def kvm_cpuid(fd, request):
    """[(function, index, flags, registers)] of a struct kvm_cpuid2"""
    data = ioctl(fd, request, struct.pack('2I', ROOM, 0) + bytes(40 * ROOM))
    if data is None:
        return []
    return [[*entry[:3], entry[3:]] for entry in (
        struct.unpack_from('7I', data, 8 + 40 * n)
        for n in range(struct.unpack_from('I', data)[0]))]


def msr_list(fd, request):
    data = ioctl(fd, request, struct.pack('I', ROOM) + bytes(4 * ROOM))
    if data is None:
        return []
    return struct.unpack_from(f'{struct.unpack_from("I", data)[0]}I', data, 4)


def feature_msr(fd, index):
    """The value of a feature MSR, or None"""
    data = bytearray(struct.pack('4IQ', 1, 0, index, 0, 0))
    return (struct.unpack_from('Q', data, 16)[0]
            if fcntl.ioctl(fd, KVM_GET_MSRS, data) == 1 else None)


def number_from(fd, request):
    data = ioctl(fd, request, bytes(8))
    return struct.unpack('Q', data)[0] if data else 0


def xcomp_guest_supp(fd):
    value = ctypes.c_uint64()
    attr = struct.pack('2I2Q', 0, 0, 0, ctypes.addressof(value))
    return value.value if ioctl(fd, KVM_GET_DEVICE_ATTR, attr) else 0


def permitted(components):
    """Of state components, those whose use this process may ask for"""
    syscall = ctypes.CDLL(None).syscall
    return sum(1 << n for n in range(17, 63) if components >> n & 1 and
               syscall(158, 0x1025, n) == 0)    # ARCH_REQ_XCOMP_GUEST_PERM


def record(description):
    """The host, as in its file"""
    kvm = os.open('/dev/kvm', os.O_RDWR)
    vm = fcntl.ioctl(kvm, KVM_CREATE_VM, 0)
    vcpu = fcntl.ioctl(vm, KVM_CREATE_VCPU, 0)
    hv = kvm_cpuid(kvm, KVM_GET_SUPPORTED_HV_CPUID) or kvm_cpuid(
        vcpu, KVM_GET_SUPPORTED_HV_CPUID)
    supp = xcomp_guest_supp(kvm)
    msrs = {index: feature_msr(kvm, index)
            for index in msr_list(kvm, KVM_GET_MSR_FEATURE_INDEX_LIST)}
    return {
        'description': description,
        'sources': ['recorded by record_host.py'],
        'cpuid': read_cpuid(),
        'supported-cpuid': kvm_cpuid(kvm, KVM_GET_SUPPORTED_CPUID),
        'supported-hv-cpuid': hv,
        'msr-index-list': msr_list(kvm, KVM_GET_MSR_INDEX_LIST),
        'feature-msrs': {k: v for k, v in msrs.items() if v is not None},
        'capabilities': {name: fcntl.ioctl(kvm, KVM_CHECK_EXTENSION, number)
                         for name, number in made_hosts.CAPABILITIES.items()},
        'xcomp-guest-supp': supp,
        'xcomp-guest-permission': permitted(supp),
        'mce-cap': number_from(kvm, KVM_X86_GET_MCE_CAP_SUPPORTED),
        'tsc-khz': fcntl.ioctl(vcpu, KVM_GET_TSC_KHZ, 0),
    }


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    print(made_hosts.dump(record(sys.argv[1])), end='')
