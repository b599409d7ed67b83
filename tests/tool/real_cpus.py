# SPDX-License-Identifier: GPL-2.0-or-later
"""
Hosts that have real CPUs, and KVM by a rule.

hosts/NAME.cpuid is what CPUID returned on a real CPU; each file names its
source.  What depends on where and when it was read is 0: APIC IDs, OSXSAVE,
OSPKE, the size of the XSAVE area that is in use.

The rule: KVM is what tests/guest/make_hosts.py says of a version of Linux, of
which there are two for each CPU: the oldest and a recent one.  The CPU has 64
threads, a TSC of 2.4 GHz, which only the recent one scales, microcode revision
1, and no other feature MSRs than these and, on Intel, those of VMX.
"""

import glob
import os

from make_hosts import Kvm

HERE = os.path.dirname(os.path.abspath(__file__))
OLDEST, RECENT = (4, 4), (6, 12)
MICROCODE = 0x8b


def names():
    return sorted(os.path.basename(path).removesuffix('.cpuid')
                  for path in glob.glob(f'{HERE}/hosts/*.cpuid'))


def hosts():
    """Yields (a name, the host): as varied_hosts.write() takes it"""
    for name in names():
        for linux in (OLDEST, RECENT):
            is_intel = name.startswith('intel-')
            yield f'{name}, Linux {linux[0]}.{linux[1]}', Kvm(
                os.path.join(HERE, 'hosts', name), linux, {
                    'cpus': 64, 'tsc-khz': 2400000,
                    'tsc-control': linux == RECENT,
                    'msrs': {MICROCODE: 1 << 32 * is_intel},
                }).as_host()
