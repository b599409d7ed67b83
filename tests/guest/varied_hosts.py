# SPDX-License-Identifier: GPL-2.0-or-later
"""
Made hosts that are made up while tests run.

For tests that need more hosts than there are files of: those of make_hosts.py
with another kernel, fewer features, lower levels, other physical bits; and a
host that offers exactly what a CPU has.  Each is written to a file, which
Guest() and on_host() take.
"""

import contextlib
import copy
import os
from unittest import mock

import make_hosts
from cpu_models import feature_places
from guest_cpuid import REGISTERS, ZEROS
from made_hosts import dump, shim
from make_hosts import EAX, Kvm
from release_line import LINE

# Versions that have something which the one before has not
VERSIONS = sorted({since for table in (
    *make_hosts.PASSED.values(), make_hosts.SINCE, make_hosts.KVM_FEATURES,
    make_hosts.COMPONENTS, make_hosts.SVM) for since in table})
PHYS_BITS = [36, 39, 40, 48, 52]
# QEMU offers these if the CPU has them (kvm_arch_get_supported_cpuid()).
HARDWARE_ALONE = {'erms', 'fsrm', 'fzrm', 'fsrs', 'fsrc', 'mcdt-no'}
# ... and these on every host; fb-clear, where others of its MSR say that the CPU
# does not need it
ALWAYS = {'mtrr', 'pat', 'mce', 'mca', 'hypervisor', 'arat', 'topoext',
          'overflow-recov', 'succor', 'kvm-hint-dedicated', 'fb-clear'}
# From 10.1 on, `host` asks for the lengths of its avx10-version, even if KVM
# does not offer them.
OF_VERSION = set() if LINE == '10.0' else {'avx10-128', 'avx10-256',
                                           'avx10-512'}
# What all CPUs have: without it, no CPU model runs.
ALL_HAVE = (1, 0, 'EDX')


@contextlib.contextmanager
def on_host(path):
    """Programs that are started inside of it, and use KVM, are there."""
    with mock.patch.dict(os.environ, {
            'LD_PRELOAD': shim(), 'KVM_CPUID_SHIM_HOST': path}):
        yield


def write(host, path):
    with open(path, 'w', encoding='utf-8') as f:
        f.write(dump(host))
    return path


class Offers:
    """The bits of a host that features are: what as_host() returns"""

    def __init__(self, host):
        self.host = host
        self.supported = {(leaf, sub): regs for leaf, sub, _, regs
                          in host['supported-cpuid']}

    def registers(self, place, hardware):
        """The registers of a place, a list; None if they are not there"""
        key = place['leaf'], place.get('subleaf', 0)
        if hardware:
            cpuid = self.host['cpuid']
            return cpuid.get(key) or cpuid.get((key[0], None))
        return self.supported.get(key)

    def has(self, place, hardware=False):
        if 'msr' in place:
            where = place['msr']
            value = self.host['feature-msrs'].get(where['index'], 0)
        else:
            where = place['cpuid']
            regs = self.registers(where, hardware)
            value = regs[REGISTERS.index(where['register'])] if regs else 0
        return bool(value >> where['bit'] & 1)

    def missing(self):
        """The features that KVM does not offer"""
        return {name for name, places in feature_places().items()
                if not any(self.has(place) for place in places)}

    def change(self, name, there, hardware):
        """Puts a feature in or out of what KVM offers, or of the CPU."""
        for place in feature_places()[name]:
            if 'msr' in place:
                where = place['msr']
                values, key = self.host['feature-msrs'], where['index']
            else:
                where = place['cpuid']
                values = self.registers(where, hardware)
                key = REGISTERS.index(where['register'])
            if values is None or 'msr' in place and key not in values:
                continue
            bit = 1 << where['bit']
            values[key] = values[key] | bit if there else values[key] & ~bit
        if name == 'tsc-deadline' and not hardware:
            # Of CPUID, QEMU does not read that.
            self.host['capabilities']['TSC_DEADLINE_TIMER'] = int(there)

    def put_in(self, name):
        """Has KVM, and the CPU, offer a feature."""
        for hardware in (False, True):
            self.change(name, True, hardware)

    def take_out(self, name, hardware=False):
        """Takes a feature out of what KVM offers, or of the CPU."""
        self.change(name, False, hardware)


def host_without(choose, host, name):
    """A host without one feature: of its CPU, or of its KVM alone"""
    offers = Offers(copy.deepcopy(host))
    offers.take_out(name)
    if choose.random() < 0.5 or name in HARDWARE_ALONE:
        offers.take_out(name, True)
    return offers.host


def some_features(choose, offers, hardware):
    """Some that are there; often few, or nothing would run there."""
    names = [name for name, places in feature_places().items()
             if name not in OF_VERSION and all(offers.has(p, hardware) for p in places) and not any(
                 (p['cpuid']['leaf'], p['cpuid'].get('subleaf', 0),
                  p['cpuid']['register']) == ALL_HAVE
                 for p in places if 'cpuid' in p)]
    number = choose.choice([0, 1, 3, 8])
    return choose.sample(sorted(names), min(number, len(names)))


def varied_host(choose, name):
    """A host of make_hosts.py, changed at random, and what is otherwise"""
    kvm = Kvm(name, choose.choice(VERSIONS))
    changes = [name, 'Linux ' + '.'.join(map(str, kvm.linux))]
    if choose.random() < 0.5:
        bits = choose.choice(PHYS_BITS)
        leaf = kvm.cpuid[0x80000008, None]
        leaf[EAX] = leaf[EAX] & ~0xff | bits
        changes.append(f'{bits} physical bits')
    for region in (0, 0x80000000):
        leaves = sorted({leaf for leaf, _ in kvm.cpuid
                         if region + 4 < leaf <= region + 0xffff})
        if choose.random() < 0.2:
            highest = choose.choice(leaves)
            kvm.cpuid[region, None][EAX] = highest
            kvm.cpuid = {key: regs for key, regs in kvm.cpuid.items()
                         if not highest < key[0] <= region + 0xffff}
            changes.append(f'highest leaf {highest:#x}')
    hardware = Offers({'cpuid': kvm.cpuid, 'supported-cpuid': [],
                       'feature-msrs': {}})
    gone = some_features(choose, hardware, True)
    for feature in gone:
        hardware.take_out(feature, True)
    host = copy.deepcopy(kvm.as_host())
    offers = Offers(host)
    refused = some_features(choose, offers, False)
    for feature in refused:
        offers.take_out(feature)
    if choose.random() < 0.2:
        host['capabilities']['TSC_DEADLINE_TIMER'] = 0
        changes.append('no tsc-deadline')
    changes += [f'CPU without {" ".join(gone)}',
                f'KVM without {" ".join(refused)}']
    host['description'] = '; '.join(changes)
    return host


# Hosts that offer what a CPU has

MCE_CAP, MCG_LMCE_P = 0x1000100, 1 << 27


def words():
    """The registers of CPUID and the MSRs that hold features"""
    places = [p for places in feature_places().values() for p in places]
    return (sorted({(p['cpuid']['leaf'], p['cpuid'].get('subleaf', 0),
                     REGISTERS.index(p['cpuid']['register']))
                    for p in places if 'cpuid' in p} |
                   # State components
                   {(0xd, n, reg) for n, reg in
                    ((0, 0), (0, 3), (1, 2), (1, 3))}),
            sorted({p['msr']['index'] for p in places if 'msr' in p}))


def without_levels(props):
    """A description of a CPU, but no leaf hides a feature"""
    leaves = {leaf for leaf, _, _ in words()[0]}
    return {**props, 'level-func7': 2,
            'level': max(leaf for leaf in leaves if not leaf >> 28),
            'xlevel': max(leaf for leaf in leaves if leaf >> 28 == 8)}


def exact_host(name, view, mcg_cap, requested):
    """
    The host of make_hosts.py, but its CPU and its KVM have exactly the features
    of a CPU, and tsc-deadline is a capability.

    :param view: what a guest sees, if no leaf hides anything, with KVM's leaves
                 where they are without Hyper-V
    :param requested: names of features, also those that QEMU masks then
    """
    host = copy.deepcopy(Kvm(name).as_host())
    # The same for each sub-leaf, or by sub-leaf
    cpuid = {(leaf, sub or 0): regs
             for (leaf, sub), regs in host['cpuid'].items()}
    plain = {leaf for leaf, sub in host['cpuid'] if sub is None}
    supported = {(leaf, sub): [flags, list(regs)] for leaf, sub, flags, regs
                 in host['supported-cpuid']}
    registers, msrs = words()
    for leaf, sub, number in registers:
        value = view.cpuid.get((leaf, sub), ZEROS)[number]
        if leaf >> 28 != 4:
            cpuid.setdefault((leaf, sub), [0] * 4)[number] = value
        supported.setdefault((leaf, sub), [int(leaf not in plain),
                                           [0] * 4])[1][number] = value
    # What describes state components that this CPU has not
    for key, values in view.cpuid.items():
        if key[0] in (0xd, 0x14, 0x1d, 0x1e):
            cpuid.setdefault(key, list(values))
            supported.setdefault(key, [1, list(values)])
    for region in (0, 0x80000000, 0xc0000000):
        leaves = [leaf for leaf, _ in supported
                  if region <= leaf <= region + 0xffff]
        for regs in (cpuid.setdefault((region, 0), [0] * 4),
                     supported.setdefault((region, 0), [0, [0] * 4])[1]):
            regs[EAX] = max(leaves)
    eax, _, _, edx = view.cpuid.get((0xd, 0), ZEROS)
    components = edx << 32 | eax
    host.update({
        'description': f'{name} with the features of a CPU',
        'cpuid': {(leaf, None if leaf in plain else sub): regs
                  for (leaf, sub), regs in sorted(cpuid.items())},
        'supported-cpuid': [(leaf, sub, flags, regs) for
                            (leaf, sub), (flags, regs) in
                            sorted(supported.items())],
        'feature-msrs': {**{index: value for index, value in
                            host['feature-msrs'].items()
                            if not (0x480 <= index <= 0x491 or
                                    index in msrs)},
                         **(view.msrs or {})},
        'xcomp-guest-supp': components,
        'xcomp-guest-permission': components,
        'mce-cap': MCE_CAP | mcg_cap & MCG_LMCE_P,
    })
    host['msr-index-list'] = sorted({*host['msr-index-list'],
                                     *host['feature-msrs']})
    host['capabilities'].update({
        'TSC_DEADLINE_TIMER': 0, 'TSC_CONTROL': 1,
        # As large as all components of QEMU
        'XSAVE2': 0x4000})
    offers = Offers(host)
    for feature in requested:
        offers.put_in(feature)
    return host
