#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Write the made hosts, which kvm-host.c loads.

Answers: what would KVM of some version of Linux offer on some CPU?  The CPU is
a list of what CPUID returns, hosts/NAME.cpuid; what KVM passes on to guests
of it, what it emulates, and its capabilities are below, each with the first
version of Linux that has it (sources: Linux, arch/x86/kvm/cpuid.c, x86.c,
hyperv.c and vmx/nested.c; SDM vol. 3, appendix A).  That is enough for hosts
that fit together; it is not each detail of each version.

    ./make_hosts.py DIRECTORY       writes DIRECTORY/NAME.json

A host's file has these members:

  licence, description,
  sources                   for people
  cpuid                     what the instruction returns: leaf, subleaf (where
                            it counts), eax to edx; what is not there is 0
  kvm:
    supported-cpuid         KVM_GET_SUPPORTED_CPUID, as it is
    supported-hv-cpuid      KVM_GET_SUPPORTED_HV_CPUID, as it is
    msr-index-list          KVM_GET_MSR_INDEX_LIST
    feature-msrs            KVM_GET_MSR_FEATURE_INDEX_LIST and KVM_GET_MSRS
    capabilities            KVM_CHECK_EXTENSION, without KVM_CAP_
    xcomp-guest-supp        KVM_GET_DEVICE_ATTR(0, KVM_X86_XCOMP_GUEST_SUPP)
    xcomp-guest-permission  the state components that ARCH_REQ_XCOMP_GUEST_PERM
                            grants
    mce-cap                 KVM_X86_GET_MCE_CAP_SUPPORTED
    tsc-khz                 KVM_GET_TSC_KHZ of a new vCPU

Numbers are texts such as "0x1f", except for capabilities and tsc-khz.
"""

import os
import shutil
import sys

from made_hosts import CAPABILITIES, HERE, dump

EAX, EBX, ECX, EDX = range(4)


def bits(*numbers):
    """A mask; of a range, (first, last)"""
    mask = 0
    for number in numbers:
        first, last = number if isinstance(number, tuple) else (number,) * 2
        mask |= (1 << last + 1) - (1 << first)
    return mask


# What KVM lets guests see of the CPU's features, since when
PASSED = {
    (0x1, 0, ECX): {(4, 4): bits(0, 1, 9, 12, 13, 17, 19, 20, 22, 23, 25, 26,
                                 28, 29, 30)},
    (0x1, 0, EDX): {(4, 4): 0x078bfbff, (5, 12): bits(27)},
    (0x7, 0, EBX): {(4, 4): bits(0, 3, 4, 5, 7, 8, 9, 10, 11, 14, 16, 18, 19,
                                 20, (26, 28)),
                    (4, 10): bits(17, 21, 23, 24, 29, 30, 31),
                    (5, 12): bits(6, 13)},
    (0x7, 0, ECX): {(4, 6): bits(3), (4, 10): bits(1), (4, 16): bits(2),
                    (4, 18): bits(6, (8, 12), 14, 16, 22),
                    (5, 4): bits(25, 27, 28), (5, 12): bits(5, 24)},
    (0x7, 0, EDX): {(4, 10): bits(2, 3), (4, 16): bits(26, 27, 29, 31),
                    (5, 2): bits(10), (5, 7): bits(4),
                    (5, 12): bits(8, 14, 16, 23),
                    (5, 17): bits(22, 24, 25), (6, 2): bits(28)},
    (0x7, 1, EAX): {(5, 4): bits(5), (5, 12): bits(4),
                    (6, 2): bits(7, 10, 11, 12, 21, 23), (6, 8): bits(26),
                    (7, 0): bits(31)},
    (0x7, 1, EDX): {(6, 2): bits(4, 5, 14), (6, 5): bits(8),
                    (6, 13): bits(19)},
    (0x7, 2, EDX): {(6, 6): bits((0, 5))},
    (0xd, 1, EAX): {(4, 4): bits(0, 1, 2, 3), (5, 17): bits(4)},
    (0x1e, 1, EAX): {(7, 0): bits((0, 4), (6, 8))},
    (0x24, 0, EBX): {(6, 13): bits((16, 18))},
    (0x24, 1, ECX): {(7, 0): bits(2)},
    (0x80000001, 0, ECX): {(4, 4): bits(0, 1, (4, 9), 11, 16, 21, 22, 23)},
    (0x80000001, 0, EDX): {(4, 4): 0xefd3fbff & ~bits(19)},
    (0x80000007, 0, EDX): {(4, 4): bits(8)},
    (0x80000008, 0, EBX): {(4, 16): bits(12, 14), (4, 18): bits(24, 25),
                           (5, 0): bits(0, 2, 9, 15, 26),
                           (5, 12): bits(17, 28), (6, 12): bits(30)},
    (0x80000021, 0, EAX): {(6, 3): bits(0, 2, 6, 8), (6, 6): bits(27, 28, 29)},
    (0x80000022, 0, EAX): {(6, 5): bits(0)},
}
# Whole registers
PASSED.update({(leaf, sub, reg): {(4, 4): bits((0, 31))}
               for leaf, sub, regs in (
    (0x1, 0, (EAX, EBX)), (0x2, 0, range(4)),
    *[(0x4, n, range(4)) for n in range(4)],
    *[(leaf, 0, range(4)) for leaf in range(0x80000002, 0x80000007)],
    (0x80000000, 0, (EBX, ECX, EDX)), (0x0, 0, (EBX, ECX, EDX)),
    (0x80000001, 0, (EAX, EBX)), (0x80000008, 0, (EAX,)),
    *[(0x8000001d, n, range(4)) for n in range(4)],
) for reg in regs})
PASSED.update({(leaf, sub, reg): {(5, 17): bits((0, 31))}
               for leaf, sub in ((0x1d, 0), (0x1d, 1), (0x1e, 0))
               for reg in range(4)})
# What it emulates, whatever the CPU has
EMULATED = {
    (0x1, 0, ECX): {(4, 4): bits(21, 31)},
    (0x6, 0, EAX): {(4, 4): bits(2)},
    (0x7, 0, EBX): {(4, 4): bits(1)},
    (0x80000021, 0, EAX): {(6, 3): bits(9)},
}
# Of nested virtualization, default from 4.20 on for Intel, always for AMD
SVM = {(4, 4): bits(0, 3), (5, 8): bits(1, 4, 5, 10, 12),
       (5, 19): bits(15, 16), (6, 4): bits(25, 28)}
KVM_FEATURES = {(4, 4): bits(0, 1, (3, 7), 24), (4, 16): bits(9),
                (4, 18): bits(10), (4, 19): bits(11), (5, 3): bits(12, 13),
                (5, 8): bits(14)}
# The highest leaf that it knows
HIGHEST = {(4, 4): 0xd, (5, 0): 0x14, (5, 3): 0x1f, (6, 13): 0x24}
HIGHEST_EXTENDED = {(4, 4): 0x8000001d, (4, 18): 0x8000001f,
                    (6, 3): 0x80000021, (6, 5): 0x80000022}
# State components: x87 to PKRU, and AMX
COMPONENTS = {(4, 4): bits((0, 7)), (4, 6): bits(9), (5, 17): bits(17, 18)}
DYNAMIC_COMPONENTS = bits(18)
# Capabilities that are 1, or the number given
SINCE = {
    (4, 4): {'MCE': 32, 'HYPERV': 1, 'XSAVE': 1, 'XCRS': 1, 'GET_TSC_KHZ': 1,
             'MAX_VCPUS': 255, 'TSC_DEADLINE_TIMER': 1, 'KVMCLOCK_CTRL': 1,
             'HYPERV_TIME': 1, 'X86_SMM': 1, 'SPLIT_IRQCHIP': 1},
    (4, 8): {'HYPERV_SYNIC': 1, 'MAX_VCPU_ID': 1023, 'X2APIC_API': 3},
    (4, 18): {'HYPERV_SYNIC2': 1, 'HYPERV_VP_INDEX': 1, 'GET_MSR_FEATURES': 1,
              'HYPERV_EVENTFD': 1, 'HYPERV_TLBFLUSH': 1, 'MAX_VCPUS': 288,
              'X86_DISABLE_EXITS': 7},
    (5, 0): {'HYPERV_SEND_IPI': 1, 'HYPERV_CPUID': 1, 'EXCEPTION_PAYLOAD': 1,
             'XEN_HVM': 1},
    (5, 4): {'HYPERV_DIRECT_TLBFLUSH': 1, 'X86_DISABLE_EXITS': 15},
    (5, 12): {'X86_USER_SPACE_MSR': 1, 'ENFORCE_PV_FEATURE_CPUID': 1,
              'SYS_HYPERV_CPUID': 1, 'XEN_HVM': 15},
    (5, 17): {'HYPERV_ENFORCE_CPUID': 1, 'SYS_ATTRIBUTES': 1,
              'MAX_VCPUS': 1024, 'MAX_VCPU_ID': 4096},
    (6, 1): {'PMU_CAPABILITY': 1, 'X86_TRIPLE_FAULT_EVENT': 1, 'XEN_HVM': 0x7f},
    (6, 8): {'VM_TYPES': 1, 'MAX_VCPUS': 4096},
}
# Hyper-V's leaves (Linux, arch/x86/kvm/hyperv.c, kvm_get_hv_cpuid())
HV_PRIVILEGES = {(4, 4): bits(0, 1, 2, 3, 4, 5, 6, 7, 9, 11), (4, 18): bits(13)}
HV_PRIVILEGES_HIGH = {(4, 4): bits(4, 5), (5, 8): bits(11), (6, 3): bits(20)}
HV_FEATURES = {(4, 4): bits(8, 10), (5, 0): bits(19), (5, 14): bits(4),
               (5, 8): bits(1), (6, 3): bits(6, 14)}
HV_HINTS = {(4, 4): bits(2, 3, 5), (5, 0): bits(10, 11)}

MSRS = {
    'both': {(4, 4): [0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000083,
                      0xc0000084, 0xc0000102, 0x10, 0x277, 0xc0010117,
                      0xc0000103, 0x11, 0x12, *range(0x4b564d00, 0x4b564d05),
                      0x3b, 0x6e0, 0x1a0, 0x17a, 0x17b, 0x9e],
             (4, 18): [0x48, 0x34, 0x8b, 0x10a, 0xc001011f, 0x140, 0xce],
             (5, 0): [0xda0], (5, 4): [0x4b564d05],
             (5, 12): [0x4b564d06, 0x4b564d07, 0x345],
             (6, 1): [0xc0000104]},
    'GenuineIntel': {(4, 4): [0x3a, 0xd90], (5, 4): [0x122, 0xe1],
                     (5, 17): [0x1c4, 0x1c5]},
    'AuthenticAMD': {(4, 4): [0xc0000104], (6, 1): [0xc0010015]},
    'hyper-v': {(4, 4): [0x40000000, 0x40000001, 0x40000020, 0x40000021,
                         0x40000100, 0x40000105, 0x40000003, 0x40000002,
                         0x40000010, 0x40000073],
                (4, 8): [0x40000080], (4, 18): [0x400000b0, 0x40000022,
                                                0x40000023, 0x40000106,
                                                0x40000107, 0x40000108],
                (5, 8): [0x400000f1, 0x400000f2, 0x400000ff]},
}

# Feature MSRs of nested VMX: what KVM offers, on a CPU that has all of it
VMX_MSRS = {
    0x480: 0x00d8100011e57ed0, 0x481: 0x7f00000016, 0x482: 0xfff9fffe0401e172,
    0x483: 0x7fffff00036dff, 0x484: 0xf3ff000011ff, 0x485: 0x20000165,
    0x486: 0x80000021, 0x487: 0xffffffff, 0x488: 0x2000, 0x489: 0x3727ff,
    0x48a: 0x2e,
    0x48b: bits((0, 7), 8, 9, 11, 12, 13, 14, 16, 17, 20, 25) << 32,
    0x48c: 0xf0106334141, 0x48d: 0x7f00000016, 0x48e: 0xfff9fffe04006172,
    0x48f: 0x7fffff00036dfb, 0x490: 0xf3ff000011fb, 0x491: 1,
}

HOSTS = {
    'intel-haswell': {
        'linux': (4, 4), 'cpus': 144, 'tsc-khz': 2494000,
        'msrs': {},
    },
    'intel-cascadelake': {
        'linux': (5, 4), 'cpus': 192, 'tsc-khz': 2300000, 'tsc-control': True,
        'msrs': {0x10a: 0xab, 0x8b: 0x500002c00000000},
    },
    'intel-sapphirerapids': {
        'linux': (6, 12), 'cpus': 224, 'tsc-khz': 2000000,
        'tsc-control': True, 'lmce': True, 'bus-lock': True,
        'notify-vmexit': True, 'evmcs': True,
        'msrs': {0x10a: 0xd08e16b, 0x345: 0x2000, 0xce: 0x80000000,
                 0x8b: 0x2b00060300000000},
    },
    'intel-diamondrapids': {
        'linux': (7, 0), 'cpus': 384, 'tsc-khz': 2000000,
        'tsc-control': True, 'lmce': True, 'bus-lock': True,
        'notify-vmexit': True, 'evmcs': True,
        'msrs': {0x10a: 0xd08e16b, 0x345: 0x2000, 0xce: 0x80000000,
                 0x8b: 0x100000000000000},
    },
    'amd-opteron': {
        'linux': (6, 12), 'cpus': 24, 'tsc-khz': 2400000, 'tsc-control': True,
        'hyper-v': False,       # built without CONFIG_KVM_HYPERV
        'msrs': {0x10a: 0, 0x345: 0, 0x8b: 0x600063e, 0xc0011029: 0},
    },
    'amd-naples': {
        'linux': (4, 18), 'cpus': 128, 'tsc-khz': 2200000,
        'tsc-control': True,
        'msrs': {0xc0011029: 2, 0x8b: 0x8001250},
    },
    'amd-genoa': {
        'linux': (6, 12), 'cpus': 384, 'tsc-khz': 2400000,
        'tsc-control': True, 'bus-lock': False,
        'msrs': {0x10a: 0, 0x345: 0, 0xc0011029: 2, 0x8b: 0xa101148},
    },
}


def known(table, linux):
    """The bits of a table that this version of Linux has"""
    mask = 0
    for since, more in table.items():
        if since <= linux:
            mask |= more
    return mask


def latest(table, linux):
    """The entry for this version of Linux"""
    return [value for since, value in table.items() if since <= linux][-1]


def listed(table, linux):
    """The items of all lists up to this version"""
    return [item for since, items in table.items() if since <= linux
            for item in items]


def read_cpuid(name):
    """
    {(leaf, sub-leaf or None): registers}, and what is said above it

    :param name: in hosts/, or with a '/' in it, elsewhere
    """
    found = {}
    comments = []
    directory = '' if '/' in name else os.path.join(HERE, 'hosts')
    with open(os.path.join(directory, name + '.cpuid'),
              encoding='utf-8') as f:
        for line in f:
            if line.startswith('#'):
                comments.append(line[1:].strip())
                continue
            leaf, sub, *regs = line.split()
            key = int(leaf, 16), None if sub == '-' else int(sub, 16)
            if key in found or len(regs) != 4:
                raise ValueError(f'{name}: {line}')
            found[key] = [int(reg, 16) for reg in regs]
    return found, comments


def text_of(regs):
    return b''.join(r.to_bytes(4, 'little') for r in regs).decode()


class Kvm:
    """
    KVM of a version of Linux, the host's own or another one, on a CPU

    :param host: what HOSTS would have of it
    """

    def __init__(self, name, linux=None, host=None):
        self.host = host or HOSTS[name]
        self.linux = linux or self.host['linux']
        self.cpuid, self.comments = read_cpuid(name)
        vendor = self.hardware(0, 0)
        self.vendor = text_of([vendor[n] for n in (EBX, EDX, ECX)])
        self.intel = self.vendor == 'GenuineIntel'
        self.vmx = self.intel and self.linux >= (5, 0)
        self.hyperv = self.host.get('hyper-v', True)

    def hardware(self, leaf, sub):
        return (self.cpuid.get((leaf, sub)) or self.cpuid.get((leaf, None))
                or [0] * 4)

    def components(self):
        """State components that guests can have"""
        eax = self.hardware(0xd, 0)[EAX]
        if not self.hardware(7, 0)[ECX] & bits(3):
            # Some CPUs have that of PKRU without pku, which Linux minds.
            eax &= ~bits(9)
        return eax & known(COMPONENTS, self.linux)

    def xsave_size(self, components):
        """Of the area, not compacted"""
        return max([0x240] + [sum(self.hardware(0xd, n)[:2])
                              for n in range(2, 63) if components >> n & 1])

    def passed(self, leaf, sub):
        """What is left of the CPU's registers, and what is emulated"""
        regs = []
        for reg, value in enumerate(self.hardware(leaf, sub)):
            key = leaf, sub, reg
            regs.append(value & known(PASSED.get(key, {}), self.linux) |
                        known(EMULATED.get(key, {}), self.linux))
        return regs

    def leaf(self, leaf, sub):
        """The registers that KVM offers"""
        regs = self.passed(leaf, sub)
        hardware = self.hardware(leaf, sub)
        linux = self.linux
        if leaf == 0:
            regs[EAX] = min(hardware[EAX], latest(HIGHEST, linux))
        elif leaf == 0x80000000:
            regs[EAX] = min(hardware[EAX], latest(HIGHEST_EXTENDED, linux))
        elif leaf == 1 and self.vmx:
            regs[ECX] |= hardware[ECX] & bits(5)
        elif (leaf, sub) == (7, 0):
            regs[EAX] = min(hardware[EAX],
                            2 if linux >= (6, 6) else linux >= (5, 4))
            if linux >= (5, 12) and not hardware[ECX] & bits(2) and self.intel:
                regs[ECX] |= bits(2)        # UMIP
            if linux >= (4, 18):
                regs[EDX] |= bits(29) * self.intel
            speculation = self.hardware(0x80000008, 0)[EBX]
            if not self.intel and linux >= (5, 0):
                # The same in Intel's place
                regs[EDX] |= (bits(26) * (speculation >> 14 & 1) |
                              bits(27) * (speculation >> 15 & 1) |
                              bits(31) * (speculation >> 24 & 1))
        elif leaf == 0xa and hardware[EAX]:
            regs = [hardware[EAX] & ~0xff | 2, hardware[EBX], 0,
                    hardware[EDX] & 0x1fff]
        elif (leaf, sub) == (0xd, 0):
            known_now = self.components() & ~DYNAMIC_COMPONENTS
            size = self.xsave_size(known_now)
            regs = [known_now, size, size, 0]
        elif (leaf, sub) == (0xd, 1) and regs[EAX] & bits(3):
            regs[EBX] = self.xsave_size(self.components())
        elif leaf == 0xd and 1 < sub and self.components() >> sub & 1:
            regs = list(hardware)
        elif (leaf, sub) == (0x24, 0) and hardware[EBX]:
            new = linux >= (7, 0)       # AVX10.2
            regs[EAX] = min(hardware[EAX], int(new))
            regs[EBX] |= min(hardware[EBX] & 0xff, 1 + new)
        elif leaf == 0x80000001 and not self.intel:
            regs[ECX] |= hardware[ECX] & bits(2)
        elif leaf == 0x8000000a and not self.intel:
            regs = [1, 8, 0, hardware[EDX] & known(SVM, linux)]
        elif leaf == 0x80000008:
            regs[EAX] &= 0xffff
            if linux >= (6, 10) and hardware[EAX] & 0xff > 48:
                regs[EAX] |= 48 << 16       # four levels of nested pages
        elif leaf == 0x80000022 and regs[EAX]:
            regs[EBX] = hardware[EBX] & 0xf
        return regs

    def supported(self):
        """KVM_GET_SUPPORTED_CPUID"""
        entries = []
        for region in (0, 0x80000000):
            highest = self.leaf(region, 0)[EAX]
            for leaf in range(region, highest + 1):
                subs = sorted(sub for key, sub in self.cpuid
                              if key == leaf and sub is not None)
                for sub in subs or [0]:
                    regs = self.leaf(leaf, sub)
                    if sub == 0 or any(regs):
                        entries.append((leaf, sub, int(bool(subs)), regs))
        features = known(KVM_FEATURES, self.linux)
        return entries + [
            (0x40000000, 0, 0, [0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d]),
            (0x40000001, 0, 0, [features, 0, 0, 0])]

    def supported_hv(self):
        """KVM_GET_SUPPORTED_HV_CPUID"""
        linux = self.linux
        if not self.hyperv or linux < (5, 0):
            return []
        debugger = linux >= (5, 8)
        evmcs = self.host.get('evmcs', False)
        regs = {
            0x40000000: [0x40000082 if debugger else 0x4000000a, 0x756e694c,
                         0x564b2078, 0x7648204d],
            0x40000001: [0x31237648, 0, 0, 0],
            0x40000002: [0x3839, 0xa0000, 0, 0],
            0x40000003: [known(HV_PRIVILEGES, linux),
                         known(HV_PRIVILEGES_HIGH, linux), 0,
                         known(HV_FEATURES, linux)],
            0x40000004: [known(HV_HINTS, linux) | bits(14) * evmcs,
                         0xffffffff, 0, 0],
            0x40000005: [0x1000 if linux >= (6, 8) else 0x120, 0x40, 0, 0],
            0x40000006: [0, 0, 0, 0],
            0x4000000a: [(0x101 | bits(17, 19)) * evmcs, 0, 0, 0],
        }
        if debugger:
            regs.update({
                0x40000080: [0x40000082, 0x7263694d, 0x666f736f, 0x53562074],
                0x40000081: [0x31235356, 0, 0, 0],
                0x40000082: [2, 0, 0, 0],
            })
        return [(leaf, 0, 0, values) for leaf, values in regs.items()]

    def capabilities(self):
        """KVM_CHECK_EXTENSION"""
        caps = dict.fromkeys(CAPABILITIES, 0)
        for since, more in SINCE.items():
            if since <= self.linux:
                caps.update(more)
        caps['NR_VCPUS'] = min(self.host['cpus'], caps['MAX_VCPUS'])
        caps['TSC_CONTROL'] = int(self.host.get('tsc-control', False))
        if self.vmx or not self.intel and self.linux >= (5, 8):
            caps['NESTED_STATE'] = 0x1080
        if self.linux >= (5, 17):
            caps['XSAVE2'] = max(0x1000, self.xsave_size(self.components()))
        if self.host.get('bus-lock'):
            caps['X86_BUS_LOCK_EXIT'] = 3
        if self.host.get('notify-vmexit'):
            caps['X86_NOTIFY_VMEXIT'] = 1
        if self.host.get('evmcs'):
            caps['HYPERV_ENLIGHTENED_VMCS'] = 1
        if not self.hyperv:
            caps.update({name: 0 for name in caps if 'HYPERV' in name})
        return caps

    def msrs(self):
        """KVM_GET_MSR_INDEX_LIST"""
        # Hygon's CPUs are AMD's.
        vendor = 'GenuineIntel' if self.intel else 'AuthenticAMD'
        return sorted({msr for group in ('both', vendor) + (
            ('hyper-v',) if self.hyperv else ())
            for msr in listed(MSRS[group], self.linux)} |
            (set(VMX_MSRS) if self.vmx else set()))

    def as_host(self):
        caps = self.capabilities()
        features = dict(self.host['msrs'])
        if self.vmx:
            features.update(VMX_MSRS)
        version = '.'.join(map(str, self.linux))
        model, *source = self.comments[1:-1]
        modern = self.linux >= (5, 17)
        return {
            'description': f'{model}, Linux {version}'
                           + ('' if self.hyperv else
                              ' without CONFIG_KVM_HYPERV'),
            'sources': [' '.join(source)],
            'cpuid': self.cpuid,
            'supported-cpuid': self.supported(),
            'supported-hv-cpuid': self.supported_hv(),
            'msr-index-list': self.msrs(),
            'feature-msrs': dict(sorted(features.items()))
            if caps['GET_MSR_FEATURES'] else {},
            'capabilities': caps,
            'xcomp-guest-supp': self.components() if modern else 0,
            'xcomp-guest-permission':
            self.components() & bits(17, 18) if modern else 0,
            'mce-cap': 0x1000100 | bits(27) * self.host.get('lmce', False),
            'tsc-khz': self.host['tsc-khz'],
        }


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    for name in HOSTS:
        text = dump(Kvm(name).as_host())
        with open(os.path.join(out, name + '.json'), 'w',
                  encoding='utf-8') as f:
            f.write(text)
    # Those that were recorded
    for name in os.listdir(os.path.join(HERE, 'hosts')):
        if name.endswith('.json'):
            shutil.copy(os.path.join(HERE, 'hosts', name), out)


if __name__ == '__main__':
    main()
