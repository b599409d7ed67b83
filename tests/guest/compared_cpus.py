# SPDX-License-Identifier: GPL-2.0-or-later
"""
What guests see of CPUs that are compared, or have a baseline.

For the tests of query-cpu-model-comparison, -baseline, -nearest and -best: which
features does a guest find in a CPU?  Is the baseline of two CPUs in both of
them, with all that they have in common?
"""

import functools
import json

from cpu_models import FORCE, LabChecks, feature_places
from guest_cpuid import (
    KVM_SIGNATURE, REGISTERS, ZEROS, GuestError, has_bit,
)
from realized_cpus import realized_cpus
from test_feature_flags import VMX_CONTROLS

TOPOLOGIES = ['1', '2,sockets=1,cores=1,threads=2',
              '8,sockets=1,dies=2,cores=2,threads=2',
              '4,sockets=1,modules=2,cores=2',
              '8,sockets=8', '288,sockets=288']
# QEMU sets these by the topology.
TOPOLOGY_FEATURES = {'ht', 'cmp-legacy'}
# QEMU lowers it to what the host has, even with x-force-features.
LOWERED = 'avx10-version'
# They count, but no guest can tell that on a host without Hyper-V support, or
# without looking further than CPUID and feature MSRs.
UNSEEN = {'kvm-pv-enforce-cpuid', 'tsc-frequency', 'phys-bits', 'pmu', 'kvm',
          'lmce', 'lbr-fmt', 'vmware-cpuid-freq', 'x-hv-max-vps', 'ucode-rev',
          LOWERED}

# KVM's leaves, where feature_places() has them, and where they can be instead
KVM_LEAVES = 0x40000000
KVM_STEP = 0x100


def find_kvm(view):
    """The view with KVM's leaves where they are without Hyper-V's, if any"""
    cpuid = {key: values for key, values in view.cpuid.items()
             if not KVM_LEAVES <= key[0] < KVM_LEAVES + KVM_STEP}
    for base in range(KVM_LEAVES, KVM_LEAVES + 0x10000, KVM_STEP):
        top, *signature = view.cpuid.get((base, 0), ZEROS)
        if tuple(signature) == KVM_SIGNATURE:
            cpuid[KVM_LEAVES, 0] = (top - base + KVM_LEAVES, *signature)
            cpuid[KVM_LEAVES + 1, 0] = view.cpuid.get((base + 1, 0), ZEROS)
    return view._replace(cpuid=cpuid)


def is_of_msrs(name):
    """Whether it is in feature MSRs alone"""
    places = feature_places().get(name)
    return bool(places) and all('msr' in place for place in places)


def is_unseen(name):
    # Where the kernel lacks an MSR, QEMU does not set it.
    return name in UNSEEN or name.startswith('hv-') or is_of_msrs(name)


@functools.lru_cache(maxsize=None)
def single_bits():
    """
    ({(leaf, subleaf): [(number of the register, mask, feature)]}, others):
    features of one bit of CPUID, and (name, places) of the others
    """
    bits, others = {}, []
    for name, places in feature_places().items():
        if name in TOPOLOGY_FEATURES:
            continue
        if len(places) > 1 or 'msr' in places[0]:
            others.append((name, places))
            continue
        cpuid = places[0]['cpuid']
        key = cpuid['leaf'], cpuid.get('subleaf', 0)
        bits.setdefault(key, []).append((
            REGISTERS.index(cpuid['register']), 1 << cpuid['bit'], name))
    return bits, others


def is_fixed(view, place):
    """Whether it is a control of VMX that must be 1, so nobody has a choice"""
    where = place.get('msr')
    return where and where['index'] in VMX_CONTROLS and \
        view.msrs.get(where['index'], 0) >> where['bit'] - 32 & 1


def shown(view):
    """The features in a view; some CPUs can't read MSRs"""
    view = find_kvm(view)
    bits, others = single_bits()
    found = {name for key, values in view.cpuid.items()
             for number, mask, name in bits.get(key, ())
             if values[number] & mask}
    found.update(
        name for name, places in others
        if all(('cpuid' in place or view.msrs is not None) and
               has_bit(view, place) and not is_fixed(view, place)
               for place in places))
    return found


def compare(a, b):
    return 'query-cpu-model-comparison', {'modela': a, 'modelb': b}


def baseline(a, b):
    return 'query-cpu-model-baseline', {'modela': a, 'modelb': b}


def forced(model):
    """Nothing of it is missing here; no warnings"""
    return {**model, 'props': {**model.get('props', {}), **FORCE,
                               'check': False}}


class ComparedChecks(LabChecks):
    """Tests that need to know what guests see of many CPUs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seen, cls.features = {}, {}
        cls.cpus = cls.enterClassContext(realized_cpus(cls.lab, TOPOLOGIES))

    def look(self, models):
        """What is realized of each model, at each topology"""
        keys = [json.dumps(m, sort_keys=True) for m in models]
        new = {key: forced(m) for key, m in zip(keys, models)
               if key not in self.seen}
        self.seen.update(zip(new, self.cpus.look(list(new.values()))))
        return [self.seen[key] for key in keys]

    def shown(self, cpu):
        """What shown() says of a Realized, asked once"""
        if cpu not in self.features:
            self.features[cpu] = shown(cpu.view)
        return self.features[cpu]

    def check_baseline(self, models, seen, reply):
        """
        What is wrong with a baseline of several models, of which `seen` has
        what was realized; None if nothing
        """
        return (self.check_sight(seen, reply) or
                self.misfits([(models, reply['model'])])[0])

    def check_sight(self, seen, reply):
        """What guests see, or miss, that they should not; None if nothing"""
        cpus = self.look([reply['model']])[0]
        for cpu in cpus:
            if isinstance(cpu, GuestError):
                return f'does not start: {cpu}'
        omitted = {o['feature'] for o in reply['omitted-features']}
        for *inputs, cpu in zip(*seen, cpus):
            has = self.shown(cpu)
            common = set.intersection(*map(self.shown, inputs))
            if has - common:
                return f'has {sorted(has - common)}'
            if common - has - omitted:
                return f'lacks {sorted(common - has - omitted)}'
        return None

    def misfits(self, baselines):
        """
        For each (models, their baseline): what it compares as, if it is not in
        each of them; None if it is
        """
        replies = iter(self.lab.ask([compare(model, m)
                                     for models, model in baselines
                                     for m in models]))
        found = []
        for models, _ in baselines:
            results = [next(replies)['return']['result'] for _ in models]
            found.append(None if set(results) <= {'identical', 'subset'}
                         else f'compares as {results}')
        return found
