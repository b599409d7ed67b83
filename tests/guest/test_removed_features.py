#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The property removed-features, judged by the guest's own view.

Answers: is it true that the guest doesn't have what removed-features lists,
was that really asked for, and is nothing missing in the guest that is not
listed?  What was asked for is what the guest sees with x-force-features=on,
which makes QEMU show what the accelerator cannot do.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_removed_features

GUEST_BUILD is where the Makefile here built to.  A sample of CPU models is
tested; CHECK_FULL=1 tests all.
"""

import asyncio
import os
import re
from typing import (
    Any,
    Awaitable,
    Callable,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Tuple,
)
import unittest

from guest_cpuid import (
    Guest,
    GuestError,
    Place,
    View,
    can_see,
    has_bit,
    has_leaf,
    register,
)
from made_hosts import no_kvm
from release_line import LINE, NEWEST, OLDEST, of_line


# Both vendors and others, no long mode, no CPUID level to speak of, XSAVE,
# AMX, AVX10, SVM, versions, and what depends on the host
MODELS = [
    '486', 'qemu64', 'kvm64', 'Conroe', 'Skylake-Client', 'Skylake-Server-v4',
    'Cascadelake-Server', 'SapphireRapids', 'GraniteRapids-v2', 'Opteron_G5',
    'EPYC-Milan', 'EPYC-Genoa', 'Dhyana', 'max', 'base',
]
# Options that take away what something else needs
CONFIGURED_MODELS = [
    'EPYC,sse2=off',
    'EPYC-Genoa,perfmon-v2=on',
    'EPYC-Milan,svm=off,npt=on',
    'Nehalem,pdcm=on',
    'Skylake-Client,xlevel=0x80000000',
    'Skylake-Client,xsave=off,xsavec=on',
    'Skylake-Server,vmx=off,vmx-ept=on',
    # mpx and apxf exclude each other, and so does their state.
    *([] if LINE == '10.0' else ['DiamondRapids,mpx=on']),
]
MACHINES = [OLDEST, of_line('pc-q35-3.1'), NEWEST]

# QEMU, stock QEMU too, stops if KVM refuses a register of a feature that the
# CPU has.  Some kernels refuse the value of IA32_ARCH_CAPABILITIES that they
# offer (the pagetable-based kvm_pvm does), and forced features may have
# registers that KVM does not know.  There, CPU models are tested without these
# features.
KVM_REFUSALS = {
    'failed to set MSR 0x10a ': ['arch-capabilities'],
    'failed to set MSR 0x1cc ': ['fred'],                  # IA32_FRED_RSP0
    'failed to set MSR 0x6a0 ': ['cet-ss', 'cet-ibt'],     # IA32_U_CET
    'Failed to set KVM type registers': ['cet-ss'],        # the guest's SSP
}

# APM vol. 3, Fn8000_0001_EDX: these are the bits of leaf 1, and QEMU copies
# them from there, for AMD CPUs without the leaf, too.  Nobody asked for them.
AMD_ALIASES = 0x0183f3ff

# QEMU masks these leaves and bits when the guest runs CPUID, forced or not.
# XSAVE and SVM: leaves that are all 0 without the feature in leaf 1 and
# 0x80000001.  PMU: bits that pmu=off, the default, hides.
NEEDS_FEATURE = {
    0xd: {'cpuid': {'leaf': 1, 'subleaf': 0, 'register': 'ECX', 'bit': 26}},
    0x8000000a: {'cpuid': {'leaf': 0x80000001, 'subleaf': 0,
                           'register': 'ECX', 'bit': 2}},
}
NEEDS_PMU = [
    {'leaf': 1, 'subleaf': 0, 'register': 'ECX', 'bit': 15},    # pdcm
    {'leaf': 0x80000022, 'subleaf': 0, 'register': 'EAX', 'bit': 0},
]

# Intel PT and SGX: QEMU fills these leaves with KVM only.
KVM_LEAVES = (0x12, 0x14)

# CPUID[0].EBX of GenuineIntel
INTEL = 0x756e6547

# Lowered numbers, which stock QEMU stops on without listing them
NUMBERS = ('avx10-version', 'lbr-fmt')

# What removed-features calls a bit that has no name
NAMED_BY_PLACE = re.compile('(cpuid|msr)-[0-9a-f]+h-')


class Sample(NamedTuple):
    """What QEMU says about a CPU, and what the guest sees."""
    name: str
    removed: List[Dict[str, Any]]
    unavailable: List[str]
    requested: List[Dict[str, Any]]
    normal: View
    forced: View


def show(place: Place) -> str:
    """A place as people write it."""
    if 'msr' in place:
        return f'MSR {place["msr"]["index"]:x}h[{place["msr"]["bit"]}]'
    where = place['cpuid']
    return (f'CPUID.{where["leaf"]:02X}H.{where["subleaf"]}:'
            f'{where["register"]}[{where["bit"]}]')


async def get(guest: Guest, path: str, name: str) -> Any:
    """A QOM property."""
    return await guest.qmp.execute('qom-get',
                                   {'path': path, 'property': name})


def refused_by_kvm(error: str) -> List[str]:
    """The features that a QEMU did not start over."""
    return sorted({name for text, names in KVM_REFUSALS.items()
                   if text in error for name in names})


async def without_refused(look: Callable[[str], Awaitable[Any]],
                          model: str) -> Any:
    """What look() returns for the CPU, without features that KVM refuses."""
    off: List[str] = []
    while True:
        try:
            return await look(model + ''.join(f',{name}=off' for name in off))
        except GuestError as exc:
            found = [name for name in refused_by_kvm(str(exc))
                     if name not in off]
            if not found:
                raise
            off += found


async def look_at(qemu: str, machine: str, model: str,
                  accel: str) -> Sample:
    """Ask QEMU about a CPU, and look at it in the guest."""
    args = ['-machine', machine, '-cpu']
    async with Guest(qemu, args + [model + ',check=off'], accel) as guest:
        cpus = await guest.qmp.execute('query-cpus-fast')
        path = cpus[0]['qom-path']
        removed = await get(guest, path, 'removed-features')
        unavailable = await get(guest, path, 'unavailable-features')
        normal = await guest.view()
    forced_model = model + ',check=off,x-force-features=on'
    async with Guest(qemu, args + [forced_model], accel) as guest:
        requested = await get(guest, path, 'feature-words')
        forced = await guest.view()
    return Sample(f'{accel} {machine} {model}', removed, unavailable,
                  requested, normal, forced)


async def list_models(qemu: str, accel: str) -> List[str]:
    """The CPU models to test."""
    if not os.environ.get('CHECK_FULL'):
        return MODELS + CONFIGURED_MODELS
    async with Guest(qemu, ['-machine', 'pc'], accel) as guest:
        definitions = await guest.qmp.execute('query-cpu-definitions')
    # What custom is made of, the user tells: by itself it does not start.
    names = {definition['name'] for definition in definitions} - {'custom'}
    if accel == 'tcg':
        names.discard('host')   # needs an accelerator that runs on it
    return sorted(names) + CONFIGURED_MODELS


async def take_samples(qemu: str, accel: str,
                       cases: List[Tuple[str, str]]) -> List[Any]:
    """
    Samples of all (machine, model), as many at a time as there are CPUs.

    In the place of a sample is the exception that prevented it.
    """
    jobs = asyncio.Semaphore(os.cpu_count() or 1)

    async def take(machine: str, model: str) -> Sample:
        async with jobs:
            return await without_refused(
                lambda cpu: look_at(qemu, machine, cpu, accel), model)

    return await asyncio.gather(*[take(*case) for case in cases],
                                return_exceptions=True)


def removed_places(sample: Sample) -> Iterator[Tuple[Dict[str, Any], Place]]:
    """The places of all entries that the views can tell about."""
    for entry in sample.removed:
        for place in entry['places']:
            if can_see(sample.normal, place):
                yield entry, place


def silent_places(sample: Sample) -> Iterator[Tuple[bool, Place]]:
    """
    The CPUID bits that were asked for, and are neither seen nor listed.

    QEMU keeps feature words for some registers of some leaves.  A bit was
    asked for if the guest of a CPU that is forced to show everything sees
    it (True), or if no guest could, because of the leaf, but it is set in
    that CPU's feature word (False).
    """
    listed = [place for entry in sample.removed for place in entry['places']]
    for word in sample.requested:
        leaf = word['cpuid-input-eax']
        subleaf = word.get('cpuid-input-ecx', 0)
        name = word['cpuid-register']
        seen = register(sample.forced, leaf, subleaf, name)
        kept = word['features']
        if leaf == 0x80000001 and name == 'EDX':
            kept &= ~AMD_ALIASES
        missing = ((seen | kept)
                   & ~register(sample.normal, leaf, subleaf, name))
        for bit in range(32):
            place = {'cpuid': {'leaf': leaf, 'subleaf': subleaf,
                               'register': name, 'bit': bit}}
            if missing >> bit & 1 and place not in listed:
                yield bool(seen >> bit & 1), place


def cannot_be_forced(sample: Sample, entry: Dict[str, Any],
                     place: Place) -> bool:
    """
    Whether it is expected that x-force-features=on does not show a bit.

    These are all the exceptions: QEMU blocks on bits in leaves above the
    CPU's level, which a guest would not see anyway (old machine types do not
    raise the level), and on bits that it masks; and it drops features whose
    dependencies are not there, and lowers numbers, forced or not.  KVM's own
    leaves, 0x4000xxxx, and some others are there with KVM only.  With
    x-vendor-cpuid-only-v2, Intel's CPUs have no RAS capabilities of AMD's.
    """
    where = place['cpuid']
    needs = NEEDS_FEATURE.get(where['leaf'])
    return (entry['reason'] in ('dependency', 'value')
            or not has_leaf(sample.forced, where['leaf'], where['subleaf'])
            or where in NEEDS_PMU
            or (where['leaf'] == 0x80000007 and where['register'] == 'EBX'
                and LINE != '10.0'
                and register(sample.forced, 0, 0, 'EBX') == INTEL)
            or sample.name.startswith('tcg') and (
                where['leaf'] >> 28 == 4 or where['leaf'] in KVM_LEAVES)
            or needs is not None and not has_bit(sample.forced, needs))


class Checks:
    """The tests, for one accelerator."""
    accel: str
    samples: List[Sample]
    errors: List[BaseException]

    @classmethod
    async def cases(cls, qemu: str) -> List[Tuple[str, str]]:
        """The machine types and models to test."""
        models = await list_models(qemu, cls.accel)
        return [(machine, model) for machine in MACHINES for model in models]

    @classmethod
    async def _take_samples(cls, qemu: str) -> List[Any]:
        return await take_samples(qemu, cls.accel, await cls.cases(qemu))

    @classmethod
    def setUpClass(cls):
        """Start all the QEMUs, once for all the tests."""
        qemu = os.environ.get('QTEST_QEMU_BINARY')
        if not qemu:
            raise unittest.SkipTest('QTEST_QEMU_BINARY is not set')
        results = asyncio.run(cls._take_samples(qemu))
        cls.samples = [result for result in results
                       if isinstance(result, Sample)]
        cls.errors = [result for result in results
                      if isinstance(result, BaseException)]

    def report(self, problems: List[Tuple[Sample, str]]) -> None:
        """Fail if there are problems, and say each once, and where."""
        where: Dict[str, List[str]] = {}
        for sample, what in problems:
            where.setdefault(what, []).append(sample.name)
        if where:
            self.fail('\n'.join([f'{len(where)} problems'] + [
                f'{what}: {"; ".join(names)}'
                for what, names in where.items()]))

    def test_samples_were_taken(self) -> None:
        """All CPUs were there to be tested."""
        self.assertTrue(self.samples)
        self.assertFalse(self.errors, '\n'.join(map(str, self.errors)))

    def test_removed_is_not_shown(self) -> None:
        """The guest sees nothing that is said to be removed."""
        self.report([
            (sample, f'{entry["feature"]} is listed as removed '
                     f'({entry["reason"]}), the guest sees {show(place)}')
            for sample in self.samples
            for entry, place in removed_places(sample)
            if has_bit(sample.normal, place)])

    def test_blocking_was_requested(self) -> None:
        """What blocks was really asked for: forced, it is there."""
        # Forced feature MSRs don't get to the guest: QEMU masks some of
        # them, and KVM refuses others.
        self.report([
            (sample, f'{entry["feature"]} is listed as blocking '
                     f'({entry["reason"]}), {show(place)} is not requested')
            for sample in self.samples
            for entry, place in removed_places(sample)
            if (entry['blocking'] and 'cpuid' in place
                and not has_bit(sample.forced, place)
                and not cannot_be_forced(sample, entry, place))])

    def test_nothing_is_filtered_in_silence(self) -> None:
        """What a guest would see, if forced, and doesn't is listed."""
        self.report([
            (sample, f'{show(place)} is seen if forced, the guest does not '
                     f'see it, and it is not listed')
            for sample in self.samples
            for seen, place in silent_places(sample) if seen])

    def test_nothing_is_out_of_reach_in_silence(self) -> None:
        """What is in leaves that the guest cannot read is listed."""
        self.report([
            (sample, f'{show(place)} is in the feature word, the guest does '
                     f'not see it even if forced, and it is not listed')
            for sample in self.samples
            for seen, place in silent_places(sample) if not seen])

    def test_blocking_is_unavailable(self) -> None:
        """Blocking are the features that stock QEMU has unavailable."""
        problems = []
        for sample in self.samples:
            blocking = {entry['feature'] for entry in sample.removed
                        if entry['blocking']
                        and entry['feature'] not in NUMBERS
                        and not NAMED_BY_PLACE.match(entry['feature'])}
            # It lists bits without a name, too, but cannot say which.
            unavailable = set(sample.unavailable) - {''}
            problems += [(sample, f'{name} is blocking, but not in '
                                  f'unavailable-features')
                         for name in sorted(blocking - unavailable)]
            problems += [(sample, f'{name} is in unavailable-features, but '
                                  f'not blocking')
                         for name in sorted(unavailable - blocking)]
        self.report(problems)


class NeedsKvm:
    """Tests that are run where /dev/kvm opens, and skipped elsewhere."""
    accel = 'kvm'

    @classmethod
    def setUpClass(cls):
        if reason := no_kvm():
            raise unittest.SkipTest(reason)
        super().setUpClass()


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""


def conflicts(mpx: bool) -> List[Dict[str, Any]]:
    """Entries of mpx and apxf; mpx: with the state of mpx, which TCG has."""
    def cpuid(leaf: int, subleaf: int, name: str, bit: int) -> Place:
        return {'cpuid': {'leaf': leaf, 'subleaf': subleaf,
                          'register': name, 'bit': bit}}

    def entry(name: str, other: str, blocking: bool, who: str,
              places: List[Place]) -> Dict[str, Any]:
        return {'feature': name, 'places': places, 'reason': 'conflict',
                'blocking': blocking, 'requested-by': who,
                'conflicts-with': [other]}

    state = [entry('mpx', 'apxf', False, 'user', [cpuid(13, 0, 'EAX', 3),
                                                  cpuid(13, 0, 'EAX', 4)])]
    return [entry('mpx', 'apxf', True, 'user', [cpuid(7, 0, 'EBX', 14)]),
            *(state if mpx else []),
            entry('apxf', 'mpx', True, 'model', [cpuid(7, 1, 'EDX', 21)])]


@unittest.skipIf(LINE == '10.0', 'QEMU 10.0 has no apxf')
class TestConflict(unittest.TestCase):
    """mpx and apxf, which remove each other, and their XSAVE state."""

    def check(self, options: str, expected: List[Dict[str, Any]]) -> None:
        """What TCG removes of mpx and apxf."""
        sample = asyncio.run(look_at(
            os.environ['QTEST_QEMU_BINARY'], NEWEST,
            'DiamondRapids,mpx=on' + options, 'tcg'))
        self.assertEqual([entry for entry in sample.removed
                          if entry['feature'] in ('mpx', 'apxf')], expected)

    def test_state(self) -> None:
        """The state is missing for the same reason as the feature."""
        self.check('', conflicts(mpx=True))

    def test_state_above_the_level(self) -> None:
        """It would not be there with a higher level."""
        self.check(',level=7', conflicts(mpx=True))

    def test_no_xsave(self) -> None:
        """Without xsave, there is no state."""
        self.check(',xsave=off', conflicts(mpx=False))

    def test_forced(self) -> None:
        """x-force-features=on keeps both, and the state with them."""
        self.check(',x-force-features=on', conflicts(mpx=False))

    def test_forced_above_the_level(self) -> None:
        """What is there in spite of the conflict is hidden by the level."""
        state = {**conflicts(mpx=True)[1], 'reason': 'level'}
        del state['conflicts-with']
        without = conflicts(mpx=False)
        self.check(',level=7,x-force-features=on',
                   [without[0], state, without[1]])


if __name__ == '__main__':
    unittest.main()
