#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu migrate, between made hosts.

Answers: does a guest lose on the other host what QEMU says there that it would
lack, and nothing else?  Is each other reason there exactly where two passports
differ in what it is about, and what blocks is what QEMU refuses?  Does the tool
say what cannot be known?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... \\
        PYTHONPATH=<qemu>/python:<repo>/scripts:<repo>/tests/guest \\
        python3 -m unittest test_migrate

CHECK_SEED repeats a run, CHECK_RANDOM says how many pairs of hosts are made up.
"""

import copy
import errno
import fcntl
import json
import os
import tempfile
import unittest

import passports
import x86_cpu_models
from answer_tool import batch, run
from cpu_models import LabChecks, count, expansion, rng
from host_fleet import MODELS, VENDORS, HostFleet
from made_hosts import no_real_kvm
from release_line import NEWEST, OLDEST
from test_core_filter import is_xsave_component

# What guests of -cpu see anyway, whatever the host lacks
TOPOLOGY = {'ht', 'cmp-legacy'}
INTEL, AMD = 'intel-sapphirerapids', 'amd-genoa'


def changed(name, change):
    """The passport of a made host, after change() of it"""
    whole = copy.deepcopy(passports.passport(name))
    change(whole)
    return passports.sealed(whole)


def with_capabilities(name, **capabilities):
    """A made host whose KVM says this of itself"""
    return changed(name, lambda whole: whole['kvm']['capabilities'].update(
        capabilities))


def offered(whole, leaf, index=0):
    """What KVM offers of a leaf; to be changed"""
    return passports.find(whole['kvm']['supported-cpuid'], leaf, index,
                          ('function', 'index'))


def flip_msr(whole, index, bits):
    for entry in whole['kvm']['feature-msrs']:
        if entry['index'] == index:
            entry['value'] = hex(int(entry['value'], 16) ^ bits)


def reasons(answer, blocking):
    return {r['what'] for r in answer['reasons'] if r['blocking'] == blocking}


class TestMigrate(LabChecks, unittest.TestCase):
    """Between two hosts."""
    accel = 'kvm'

    @classmethod
    def setUpClass(cls):
        cls.tmp = cls.enterClassContext(tempfile.TemporaryDirectory())

    def migrate(self, cpu, a, b, models=(MODELS,), **members):
        answer = batch([{'verb': 'migrate', 'cpu': cpu, 'from': a, 'to': b,
                         **members}], *models)[0]
        self.assertNotIn('error', answer, answer)
        verdict = {True: 0, False: 1, None: 3}[answer['migrates']]
        self.assertEqual(answer['status'], verdict)
        blocks = any(r['blocking'] for r in answer['reasons'])
        self.assertEqual(answer['migrates'], False if blocks else
                         None if answer['unknown'] else True)
        return answer

    # Judged by QEMU

    @staticmethod
    def removed(host, models):
        """[{feature: whether it blocks}] of each, without components alone"""
        return [{entry['feature']: entry['blocking'] for entry in
                 reply['return']['removed-features']
                 if not all(map(is_xsave_component, entry['places']))}
                for reply in host.ask([expansion('static', name, None, machine)
                                       for name, machine in models])]

    def live_problems(self, a, b, models):
        """What QEMU says that guests lack on B, and do not lack on A"""
        answers = batch([{
            'verb': 'migrate', 'cpu': name, 'machine': machine,
            'from': a.passport, 'to': b.passport}
            for name, machine in models], MODELS)
        for model, on_a, on_b, answer in zip(
                models, self.removed(a, models), self.removed(b, models),
                answers):
            where = f'{model}, {a} to {b}'
            if 'error' in answer:
                yield f'{where}: {answer["error"]}'
                continue
            lost = {r['text'].split()[2] for r in answer['reasons']
                    if r['what'] in ('feature', 'microcode')}
            self.lost += len(lost)
            # Those of the level, or that need others, do not block.
            if lost - set(on_b) - TOPOLOGY:
                yield f'{where}: {lost - set(on_b)} are there'
            if lost & set(on_a):
                yield f'{where}: {lost & set(on_a)} are lacking before'
            blocking = {name for name, blocks in on_b.items() if blocks}
            if blocking - set(on_a) - lost:
                yield f'{where}: {blocking - set(on_a) - lost} are removed'

    def test_1_features(self):
        """Guests lose what QEMU removes there, and did not on the first"""
        choose = rng('migrate', 'features')
        fleet = HostFleet(self.tmp)
        with open(MODELS, encoding='utf-8') as f:
            table = json.load(f)
        names = [m['name'] for m in table['models'] if m['name'] != 'base']
        problems, self.lost = [], 0
        for _ in range(count(6, 100)):
            vendor = choose.choice(sorted(VENDORS))
            a, b = (fleet.varied(choose, vendor) for _ in range(2))
            models = [(name, choose.choice([OLDEST, NEWEST]))
                      for name in choose.sample(names, 40)]
            problems += self.live_problems(a, b, models)
        self.fail_if(problems)
        self.assertTrue(self.lost)

    # One difference each

    def one_difference(self, what, cpu, name, change, blocking=True):
        """Only this is in the way, and only from the one to the other"""
        whole = passports.passport(name)
        other = changed(name, change)
        same = self.migrate(cpu, whole, whole)
        there = self.migrate(cpu, whole, other)
        self.assertEqual((same['migrates'], same['reasons']), (True, []), cpu)
        self.assertEqual(reasons(there, blocking), {what}, there)
        self.assertEqual(there['migrates'], not blocking)
        return there

    def test_2_xsave_layout(self):
        """A component of XSAVE at another place, or of another size"""
        def move(whole):
            passports.find(whole['cpuid'], 0xd, 5,
                           ('leaf', 'subleaf'))['ebx'] += 64

        there = self.one_difference('xsave-layout', 'Skylake-Server', INTEL,
                                    move)
        self.assertIn('component 5', there['reasons'][0]['text'])
        # Guests without the component don't mind.
        self.assertTrue(self.migrate('Haswell-noTSX', passports.passport(INTEL),
                                     changed(INTEL, move))['migrates'])

    def test_3_amx_permission(self):
        """The kernel does not grant AMX to guests"""
        def refuse(whole):
            whole['kvm']['xcomp-guest-permission'] = '0x7'

        whole = passports.passport(INTEL)
        there = self.migrate('SapphireRapids', whole, changed(INTEL, refuse))
        self.assertIn('amx-permission', reasons(there, True))
        self.assertNotIn('amx-permission', reasons(self.migrate(
            'SapphireRapids', whole, whole), True))
        self.assertNotIn('amx-permission', reasons(self.migrate(
            'Skylake-Server', whole, changed(INTEL, refuse)), True))

    def test_4_tsc(self):
        """invtsc, and TSCs of other frequencies"""
        khz = passports.passport(INTEL)['kvm']['tsc-khz']

        def ticks(ppm, scales):
            def change(whole):
                whole['kvm']['tsc-khz'] = khz + khz * ppm // 1000000
                whole['kvm']['capabilities']['TSC_CONTROL'] = int(scales)
            return changed(INTEL, change)

        near, far, scaling = ticks(200, 0), ticks(1000, 0), ticks(1000, 1)
        here = ticks(0, 0)
        plain, exact = 'Skylake-Server', (
            f'Skylake-Server,tsc-frequency={khz * 1000},+invtsc')
        for there, blocks in [(near, False), (far, True), (scaling, False)]:
            answer = self.migrate(plain, here, there)
            self.assertTrue(answer['migrates'])
            self.assertEqual(reasons(answer, False),
                             {'tsc-frequency'} if blocks else set())
            answer = self.migrate(exact, here, there)
            self.assertEqual(reasons(answer, True),
                             {'tsc-frequency'} if blocks else set(), answer)
        answer = self.migrate(f'{plain},+invtsc', here, here)
        self.assertEqual(reasons(answer, True), {'invtsc'})

    def test_5_physical_bits(self):
        """What is lost counts; what neither host has does not"""
        def bits(number):
            def change(whole):
                for entries, key in (('cpuid', 'leaf'),
                                     ('supported-cpuid', 'function')):
                    entries = (whole if entries == 'cpuid' else
                               whole['kvm'])[entries]
                    entry = passports.find(entries, 0x80000008, 0,
                                           (key, 'subleaf'))
                    entry['eax'] = entry['eax'] & ~0xff | number
            return changed(INTEL, change)

        for cpu, a, b, blocking, other in [
                ('Skylake-Server,phys-bits=46', 46, 46, set(), set()),
                ('Skylake-Server,phys-bits=46', 46, 39, {'phys-bits'}, set()),
                ('Skylake-Server,phys-bits=46', 39, 39, set(), {'phys-bits'}),
                ('Skylake-Server,phys-bits=39', 46, 39, set(), set()),
                ('Skylake-Server,host-phys-bits=on,guest-phys-bits=0', 46, 39,
                 {'phys-bits'}, set()),
                ('Skylake-Server,host-phys-bits=on', 39, 46, set(),
                 {'phys-bits', 'guest-phys-bits'})]:
            answer = self.migrate(cpu, bits(a), bits(b))
            self.assertEqual((reasons(answer, True), reasons(answer, False)),
                             (blocking, other), (cpu, a, b, answer))

    def test_6_nested(self):
        """VMX: what comes from the host, and state of nested guests"""
        cpu = 'Skylake-Server,+vmx,vmx-posted-intr=off'
        for change in (lambda w: flip_msr(w, 0x480, 1 << 33),
                       lambda w: flip_msr(w, 0x485, 1)):
            self.one_difference('vmx-fixed-bits', cpu, INTEL, change)
            # Only guests with vmx see them.
            self.assertEqual(self.migrate(
                'Skylake-Server', passports.passport(INTEL),
                changed(INTEL, change))['reasons'], [])
        for name, cpu in ((INTEL, cpu), (AMD, 'EPYC,+svm')):
            for size in (0, 128):
                def shrink(whole, size=size):
                    whole['kvm']['capabilities']['NESTED_STATE'] = size

                self.one_difference('nested-state', cpu, name, shrink)

    def test_7_mce_and_pmu(self):
        """What QEMU takes from KVM, and shows as it is"""
        def no_recovery(whole):
            cap = int(whole['kvm']['mce-cap'], 16)
            whole['kvm']['mce-cap'] = hex(cap & ~(1 << 8))

        self.one_difference('mcg-cap', 'Skylake-Server', INTEL, no_recovery)

        def counters(number):
            def change(whole):
                leaf = offered(whole, 0xa)
                leaf['eax'] = leaf['eax'] & ~0xff00 | number << 8
            return changed(INTEL, change)

        cpu = 'Skylake-Server,pmu=on'
        self.assertEqual(reasons(self.migrate(cpu, counters(8), counters(4)),
                                 True), {'pmu'})
        self.assertEqual(reasons(self.migrate(cpu, counters(4), counters(8)),
                                 False), {'pmu'})
        for there in (4, 8):
            self.assertEqual(self.migrate(
                'Skylake-Server', counters(8), counters(there))['reasons'], [])

    def test_8_microcode(self):
        """A feature that microcode brings: which one each host has"""
        def older(whole):
            whole['info'] = {'microcode': '0x1'}
            for entries, key in ((whole['cpuid'], 'leaf'),
                                 (whole['kvm']['supported-cpuid'],
                                  'function')):
                passports.find(entries, 7, 0, (key, 'subleaf' if key == 'leaf'
                                               else 'index'))['edx'] &= \
                    ~(1 << 31)

        def newer(whole):
            whole['info'] = {'microcode': '0x2b000603'}

        answer = self.migrate('Skylake-Server,+ssbd', changed(INTEL, newer),
                              changed(INTEL, older))
        self.assertEqual(reasons(answer, True), {'microcode'}, answer)
        text = answer['reasons'][0]['text']
        for part in ('ssbd', '0x1,', '0x2b000603'):
            self.assertIn(part.strip(','), text)

    def test_9_errors(self):
        """What QEMU refuses there is in its words"""
        def no_vapic(whole):
            for entry in whole['kvm']['supported-hv-cpuid']:
                entry['eax'] &= ~0x10 if entry['function'] == 0x40000003 \
                    else ~0
        answer = self.migrate('Skylake-Server,hv-vapic=on',
                              passports.passport(INTEL),
                              changed(INTEL, no_vapic))
        self.assertEqual(reasons(answer, True), {'hv-vapic'})
        self.assertIn('not supported by kernel', answer['reasons'][0]['text'])

    def test_a_vendor(self):
        """Guests of named models see the vendor of the host"""
        intel, amd = map(passports.passport, (INTEL, AMD))
        self.assertIn('vendor', reasons(self.migrate('Penryn', intel, amd),
                                        True))
        fixed = 'Penryn,vendor=GenuineIntel'
        self.assertNotIn('vendor', reasons(self.migrate(fixed, intel, amd),
                                           True))

    def test_b_host(self):
        """Model host: the CPU of each"""
        a, b = (passports.passport(f'intel-{name}')
                for name in ('cascadelake', 'sapphirerapids'))
        self.assertTrue(self.migrate('host', a, a)['migrates'])
        self.assertEqual(self.migrate('host', a, a)['reasons'], [])
        down = self.migrate('host', b, a)
        self.assertFalse(down['migrates'])
        self.assertIn('guests lack amx-tile', ' '.join(
            r['text'] for r in down['reasons']))
        self.assertIn('identity', reasons(down, False))

    def test_c_unknown(self):
        """Passports of hardware alone, and no passport"""
        whole = passports.passport(INTEL)
        bare = passports.hardware_alone(whole)
        for a, b in ((bare, whole), (whole, bare), (bare, bare)):
            for cpu in ('Skylake-Server', 'host'):
                answer = self.migrate(cpu, a, b)
                self.assertIsNone(answer['migrates'])
                self.assertEqual(len(answer['unknown']),
                                 1 + (a is b), answer)
        for request in ({}, {'from': whole}, {'to': whole}):
            answer = batch([{'verb': 'migrate', 'cpu': 'EPYC', **request}],
                           MODELS)[0]
            self.assertEqual(answer['status'], 3)
            self.assertIn('passport', answer['error'])
        answer = batch([{'verb': 'migrate', 'from': whole, 'to': whole}],
                       MODELS)[0]
        self.assertEqual(answer['status'], 2)
        answer = self.migrate('EPYC', bare, whole)
        self.assertIn('sse4a', answer['reasons'][0]['features'])
        # What is known to be in the way is said nevertheless.
        self.assertIs(self.migrate('Skylake-Server,hv-evmcs=on', bare,
                                   whole)['migrates'], False)

    def other_build(self):
        """The file of CPU models of another build, without old machines"""
        with open(MODELS, encoding='utf-8') as f:
            table = json.load(f)
        first = table['layers'][0]
        first['machine-types'] = first['machine-types'][:1]
        table['layers'] = [layer for layer in table['layers']
                           if 'isapc' in layer['machine-types'] or
                           layer is first]
        table['machine-aliases'] = []
        kept = {layer['name'] for layer in table['layers']}

        def without(exceptions):
            return [e for e in exceptions
                    if e.get('layer', first['name']) in kept]

        table['exceptions'] = without(table['exceptions'])
        for accelerator in table['accelerators']:
            accelerator['exceptions'] = without(
                accelerator.get('exceptions', []))
            accelerator.pop('fingerprints', None)
        return passports.write(x86_cpu_models.sealed(table),
                               os.path.join(self.tmp, 'other.json'))

    def test_d_builds(self):
        """A machine type that the QEMU there does not have"""
        whole = passports.passport(INTEL)
        files = (MODELS, self.other_build())
        same = self.migrate('Skylake-Server', whole, whole, files,
                            machine=NEWEST)
        self.assertEqual((same['migrates'], same['reasons']), (True, []))
        gone = self.migrate('Skylake-Server', whole, whole, files,
                            machine=OLDEST)
        self.assertEqual(reasons(gone, True), {'machine-type'})
        self.assertIn(f'cpu-compat={OLDEST}', gone['reasons'][0]['text'])

    def test_e_text(self):
        """What people read: the verdict, every reason, and 100 columns"""
        paths = [passports.write(passports.passport(name), os.path.join(
            self.tmp, f'{name}.json')) for name in
                 (INTEL, 'intel-haswell')]
        answer = self.migrate('SapphireRapids', *paths)
        for arguments in ([], ['--check']):
            done = run(['migrate', 'SapphireRapids', '--from', paths[0],
                        '--to', paths[1], *arguments], [MODELS], status=1)
            self.assertEqual(bool(done.stdout), not arguments)
            if not arguments:
                text = ' '.join(done.stdout.split())
                for reason in answer['reasons']:
                    self.assertIn(' '.join(reason['text'].split()), text)
                self.assertLessEqual(
                    max(map(len, done.stdout.splitlines())), 100)
                self.assertIn('migrates no', text)
        self.assertIn('on intel-haswell', text)

    # What passports and names may have in them

    def test_f_text_of_others(self):
        """Whatever files, CPUs and microcodes are called, no reason is lost"""
        a, b = 'intel-cascadelake', 'intel-haswell'
        plain = self.migrate('Cascadelake-Server', *map(passports.passport,
                                                        (a, b)))
        known = passports.write(passports.passport(a),
                                os.path.join(self.tmp, 'known.json'))
        for whole in (passports.passport(b),
                      passports.hardware_alone(passports.passport(b))):
            # Cut in each byte of a character
            for length in range(58, 64):
                name = 'h' * length + '\u00e9\u20ac\U0001f5a5'
                path = os.path.join(self.tmp, f'{name}.json')
                answer = self.migrate('Cascadelake-Server', known,
                                      passports.write(whole, path))
                found = answer['reasons'] + answer['unknown']
                self.assertIn(name[:length], str(found[-1]))
                self.assertNotIn('\ufffd', str(found))
                if whole['kvm']:
                    self.assertEqual(len(found), len(plain['reasons']))
                else:
                    self.assertIsNone(answer['migrates'])

        def brand(whole):
            passports.find(whole['cpuid'], 0x80000002, 0,
                           ('leaf', 'subleaf'))['eax'] = 0xe941aec2

        answer = self.migrate('host', passports.passport(INTEL),
                              changed(INTEL, brand))
        self.assertEqual(reasons(answer, False), {'identity'}, answer)
        self.assertIn("'\u00aeA?", answer['reasons'][0]['text'])

    # Parts

    def test_g_parts(self):
        """A part of a feature"""
        def kvmclock(whole):
            offered(whole, 0x40000001)['eax'] &= ~1

        there = self.one_difference('feature', 'EPYC-Genoa,-la57', AMD,
                                    kvmclock)
        self.assertIn('guests lack kvmclock (bits 0x1)',
                      there['reasons'][0]['text'])
        there = self.migrate('EPYC-Genoa,-la57', changed(AMD, kvmclock),
                             passports.passport(AMD))
        self.assertEqual(there['reasons'][0]['features'], ['kvmclock'])
        self.assertTrue(there['migrates'])
        name = 'intel-cascadelake'
        there = self.migrate(
            'Cascadelake-Server,+vmx', passports.passport(name),
            changed(name, lambda w: flip_msr(w, 0x48c, 1 << 25)))
        self.assertIn('guests lack vmx-invept-single-context',
                      ' '.join(r['text'] for r in there['reasons']
                               if r['blocking']))

    def test_g_parts_of_requests(self):
        """A part of a feature is left of it by another one that was removed"""
        name, feature = 'intel-cascadelake', 'vmx-invept-single-context'
        for removed, bit, other in [('vmx-vpid', 25, 41), ('vmx-ept', 41, 25)]:
            cpu = f'Cascadelake-Server,+vmx,vmx-posted-intr=off,-{removed}'
            there = self.one_difference(
                'feature', cpu, name,
                lambda w, bit=bit: flip_msr(w, 0x48c, 1 << bit))
            self.assertIn(f'guests lack {feature} (bits {hex(1 << bit)})',
                          there['reasons'][0]['text'])
            self.assertEqual(len(there['reasons']), 1)
            # Guests don't see the other part.
            there = self.migrate(cpu, passports.passport(name), changed(
                name, lambda w, bit=other: flip_msr(w, 0x48c, 1 << bit)))
            self.assertEqual((there['migrates'], there['reasons']),
                             (True, []))

    def test_g_xsave_state(self):
        """A feature is on both hosts, and its XSAVE component is not"""
        def avx_state(whole):
            for leaf in (offered(whole, 0xd), passports.find(
                    whole['cpuid'], 0xd, 0, ('leaf', 'subleaf'))):
                leaf['eax'] &= ~4
            whole['kvm']['xcomp-guest-supp'] = hex(
                int(whole['kvm']['xcomp-guest-supp'], 16) & ~4)

        there = self.one_difference('xsave-state', 'Skylake-Server', INTEL,
                                    avx_state)
        self.assertIn('0x4', there['reasons'][0]['text'])
        lacking = changed(INTEL, avx_state)
        self.assertEqual(self.migrate('Skylake-Server', lacking,
                                      lacking)['reasons'], [])
        self.assertEqual(self.migrate(
            'Nehalem', passports.passport(INTEL), lacking)['reasons'], [])

    def test_h_hyperv(self):
        """What QEMU's Hyper-V does not let migrate, where it is on"""
        def no_hyperv(whole):
            whole['kvm']['capabilities']['HYPERV'] = 0

        whole, without = passports.passport(INTEL), changed(INTEL, no_hyperv)
        auto = 'hv-no-nonarch-coresharing'
        for items, blocking in [
                ('hv-passthrough=on', {'hv-passthrough'}),
                (f'hv-relaxed=on,{auto}=auto', {auto}),
                (f'hv-relaxed=on,{auto}=on', set()),
                (f'hv-spinlocks=0x1fff,{auto}=auto', {auto}),
                (f'{auto}=auto', set()), ('hv-relaxed=on', set())]:
            cpu = f'Skylake-Server,{items}'
            on = cpu.count('hv-') - cpu.count(auto)
            for a, b, found in [
                    (whole, whole, blocking), (without, without, set()),
                    (whole, without, blocking | ({'hyperv'} if on else set())),
                    (without, whole, set())]:
                answer = self.migrate(cpu, a, b)
                self.assertEqual(reasons(answer, True), found, answer)
                self.assertEqual(reasons(answer, False), {'hyperv'}
                                 if on and (a, b) == (without, whole)
                                 else set(), answer)

    def test_i_pmu_leaves(self):
        """The other leaves that QEMU shows as KVM has them"""
        def without_edx(whole, leaf, reg, bits):
            offered(whole, leaf)[reg] &= ~bits

        def lbr(whole, leaf=0, reg='eax', bits=0):
            for entry in (offered(whole, 7), passports.find(
                    whole['cpuid'], 7, 0, ('leaf', 'subleaf'))):
                entry['edx'] |= 1 << 19
            offered(whole, 0x1c).update(eax=0x4000008f, ebx=7, ecx=7)
            offered(whole, 0xd, 1)['ecx'] |= 1 << 15
            offered(whole, 0xa)['ecx'] = 0xf
            offered(whole, leaf)[reg] &= ~bits

        genoa = 'EPYC-Genoa,pmu=on,perfmon-v2=on'
        sapphire = 'SapphireRapids,pmu=on,arch-lbr=on'
        for cpu, name, base, places in [
                (genoa, AMD, without_edx, [(0x80000022, 'ebx', 2)]),
                ('host', AMD, without_edx, [(0x80000022, 'ebx', 2)]),
                (sapphire, INTEL, lbr,
                 [(0x1c, 'eax', 8), (0x1c, 'eax', 1 << 30), (0x1c, 'ebx', 2),
                  (0x1c, 'ecx', 4), (0xa, 'ecx', 8),
                  (0xa, 'eax', 1 << 27)])]:
            for place in places:
                whole = changed(name, lambda w, base=base: base(
                    w, 0, 'eax', 0))
                less = changed(name, lambda w, base=base, place=place: base(
                    w, *place))
                same = self.migrate(cpu, whole, whole)
                self.assertTrue(same['migrates'], same)
                down = self.migrate(cpu, whole, less)
                self.assertEqual(reasons(down, True), {'pmu'}, place)
                up = self.migrate(cpu, less, whole)
                self.assertEqual(reasons(up, False) - reasons(same, False),
                                 {'pmu'}, place)
                self.assertTrue(up['migrates'])
                if cpu != 'host':
                    off = self.migrate(cpu.split(',', maxsplit=1)[0] +
                                       ',pmu=off', whole, less)
                    self.assertNotIn('pmu', str(off['reasons']))

    def test_j_start(self):
        """What does not start on A does not go to B"""
        def lmce(whole):
            cap = int(whole['kvm']['mce-cap'], 16)
            whole['kvm']['mce-cap'] = hex(cap | 1 << 27)

        def no_lmce(whole):
            cap = int(whole['kvm']['mce-cap'], 16)
            whole['kvm']['mce-cap'] = hex(cap & ~(1 << 27))

        def no_scaling(whole):
            whole['kvm']['capabilities']['TSC_CONTROL'] = 0

        for items, lacks, has, what in [
                ('lmce=on', no_lmce, lmce, 'lmce'),
                ('tsc-frequency=5000000000', no_scaling, lambda w: None,
                 'tsc-frequency')]:
            a, b = changed(INTEL, lacks), changed(INTEL, has)
            answer = self.migrate(f'Skylake-Server,{items}', a, b)
            self.assertEqual(reasons(answer, True), {what})
            self.assertIn('does not start on A', answer['reasons'][0]['text'])
            self.assertTrue(self.migrate(f'Skylake-Server,{items}', b,
                                         b)['migrates'])
        haswell = passports.passport('intel-haswell')
        newer = passports.passport('intel-cascadelake')
        for a, b, sides in [(haswell, haswell, 'AB'), (haswell, newer, 'A'),
                            (newer, haswell, 'B'), (newer, newer, '')]:
            answer = self.migrate('Cascadelake-Server-noTSX,enforce=on', a, b)
            texts = [r['text'] for r in answer['reasons']
                     if r['what'] == 'enforce']
            self.assertEqual(''.join(text.split()[5] for text in texts), sides)
            self.assertEqual(answer['migrates'], not sides, answer)
        self.assertTrue(self.migrate('Cascadelake-Server-noTSX', haswell,
                                     haswell)['migrates'])

    def test_k_numbers(self):
        """What CPUID counts: bits of addresses for guests, and leaves"""
        def guest_bits(bits):
            def change(whole):
                leaf = offered(whole, 0x80000008)
                leaf['eax'] = leaf['eax'] & ~0xff0000 | bits << 16
            return changed(AMD, change)

        for cpu in ('EPYC-Genoa,host-phys-bits=on,-la57', 'host'):
            for a, b, blocks in [(48, 40, True), (40, 48, False),
                                 (52, 0, False), (0, 40, True)]:
                answer = self.migrate(cpu, guest_bits(a), guest_bits(b))
                self.assertEqual(reasons(answer, blocks), {'guest-phys-bits'},
                                 (cpu, a, b))
                self.assertEqual(answer['migrates'], not blocks)
        self.assertEqual(self.migrate('EPYC-Genoa,-la57,guest-phys-bits=40',
                                      guest_bits(48), guest_bits(40))
                         ['reasons'], [])

        def highest(leaf, number):
            def change(whole):
                offered(whole, leaf)['eax'] = number
            return changed('intel-cascadelake', change)

        for leaf, more, less in [(0, 0x1f, 0x16),
                                 (0x80000000, 0x8000001f, 0x80000008)]:
            a, b = highest(leaf, more), highest(leaf, less)
            self.assertEqual(reasons(self.migrate('host', a, b), True),
                             {'level'})
            self.assertIn('level', reasons(self.migrate('host', b, a), False))
            self.assertEqual(self.migrate('Skylake-Server', a, b)['reasons'],
                             [])

    def test_l_host_with_options(self):
        """Model host with changes is that of each host, too"""
        whole = passports.passport('intel-cascadelake')
        older = passports.passport('intel-haswell')
        for cpu in ('host,-avx2', 'max,-avx2', 'host,pmu=off,enforce=on'):
            self.assertEqual(self.migrate(cpu, whole, whole)['reasons'], [])
        without = passports.without(whole, [(7, 0, 'EBX', 5)])
        self.assertIn('guests lack avx2 ', str(self.migrate(
            'host', whole, without)['reasons']))
        self.assertEqual(self.migrate('host,-avx2', whole,
                                      without)['reasons'], [])
        self.assertIn('guests lack avx512f ', str(self.migrate(
            'host,-avx2', whole, older)['reasons']))
        bare = passports.hardware_alone(whole)
        self.assertIsNone(self.migrate('host,-avx2', bare, whole)['migrates'])
        self.assertEqual(reasons(self.migrate('host,hv-passthrough=on', whole,
                                              whole), True),
                         {'hv-passthrough'})

    def test_l_sgx(self):
        """What QEMU shows of enclaves as KVM has it"""
        def sgx(whole, number=0, reg='edx', value=0x241f, provision=1):
            for entries, keys in [
                    (whole['cpuid'], ('leaf', 'subleaf')),
                    (whole['kvm']['supported-cpuid'], ('function', 'index'))]:
                passports.find(entries, 7, 0, keys)['ebx'] |= 4
            kvm = whole['kvm']
            kvm['supported-cpuid'] = [
                entry for entry in kvm['supported-cpuid']
                if entry['function'] != 0x12] + [
                    {'function': 0x12, 'index': index, 'flags': 1, **regs}
                    for index, regs in enumerate([
                        {'eax': 1, 'ebx': 0, 'ecx': 0, 'edx': 0x241f},
                        {'eax': 0x36, 'ebx': 0, 'ecx': 0x2e7, 'edx': 0}])]
            offered(whole, 0x12, number)[reg] = value
            kvm['capabilities']['SGX_ATTRIBUTE'] = provision

        cpu = ('Skylake-Server,+sgx,+sgx1,+sgx-mode64,+sgx-provisionkey,'
               '+sgx-tokenkey')
        whole = changed(INTEL, sgx)
        same = self.migrate(cpu, whole, whole)
        self.assertEqual((same['migrates'], same['reasons']), (True, []))
        for change, other in [
                ((0, 'edx', 0x231f), cpu), ((0, 'edx', 0x241e), cpu),
                # XCR0 of enclaves
                ((1, 'ecx', 0x2e3), cpu),
                ((1, 'ecx', 0x2e7, 0), cpu.replace('+sgx-prov', '-sgx-prov'))]:
            less = changed(INTEL, lambda w, change=change: sgx(w, *change))
            down = self.migrate(cpu, whole, less)
            self.assertEqual(reasons(down, True), {'sgx'}, down)
            up = self.migrate(cpu, less, whole)
            self.assertEqual(reasons(up, False), {'sgx'}, up)
            self.assertTrue(up['migrates'])
            for spared in ('Skylake-Server', *({other} - {cpu})):
                self.assertEqual(self.migrate(spared, whole, less)['reasons'],
                                 [])

    def test_l_many_cpus(self):
        """QEMU does not start with more CPUs than KVM has"""
        def limit(maximum, recommended=8):
            return with_capabilities(INTEL, MAX_VCPUS=maximum,
                                     NR_VCPUS=recommended)

        cpu, many = 'Skylake-Server', limit(1024)
        for few, smp, fits in [
                (limit(255), '255', True), (limit(255), '256', False),
                (limit(255), '1,maxcpus=256', False), (limit(0, 2), '2', True),
                (limit(0, 2), '3', False), (limit(0, 0), '4', True),
                (limit(0, 0), '5', False), (limit(1, 0), None, True)]:
            members = {'smp': smp} if smp else {}
            for a, b, side in (many, few, 'B'), (few, many, 'A'):
                answer = self.migrate(cpu, a, b, **members)
                self.assertEqual(reasons(answer, True),
                                 set() if fits else {'smp'}, (smp, answer))
                if not fits:
                    self.assertIn(f'does not start on {side}',
                                  answer['reasons'][0]['text'])
            answer, = batch([{'verb': 'check', 'cpu': cpu, 'host': few,
                              **members}], MODELS)
            self.assertEqual(answer['status'], 0 if fits else 1)
            self.assertEqual('of its KVM' in answer.get('error', ''),
                             not fits, answer)

    def test_l_apic_ids(self):
        """Above 254, they need X2APIC, and KVM's interface for it"""
        def host(api):
            return with_capabilities(INTEL, MAX_VCPUS=4096, X2APIC_API=api)

        whole, old = host(3), host(0)
        last = 'APIC ID 255 needs '
        # Three cores take the IDs of four.
        for cpu, smp, there, irqchip, why in [
                ('Skylake-Server', '255', old, None, None),
                ('Skylake-Server', '256', whole, None, None),
                ('Skylake-Server', '256', old, None, last + 'KVM_CAP'),
                ('Skylake-Server', '1,maxcpus=256', old, None,
                 last + 'KVM_CAP'),
                ('Skylake-Server', '189,sockets=63,cores=3', old, None, None),
                ('Skylake-Server', '192,sockets=64,cores=3', old, None, None),
                ('Skylake-Server', '195,sockets=65,cores=3', old, None,
                 'APIC ID 258 needs KVM_CAP'),
                ('Skylake-Server', '195,sockets=65,cores=3', whole, None,
                 None),
                ('Skylake-Server,-x2apic', '256', whole, None,
                 last + 'x2apic'),
                ('Skylake-Server,-x2apic', '1,maxcpus=256', whole, None, None),
                ('Skylake-Server,-x2apic', '255', whole, None, None),
                ('Skylake-Server', '256', old, 'off', last + 'x2apic')]:
            members = {'smp': smp, **({'irqchip': irqchip} if irqchip else {})}
            with self.subTest(cpu=cpu, **members):
                answer = self.migrate(cpu, whole, there, **members)
                texts = [r['text'] for r in answer['reasons']
                         if r['what'] == 'smp']
                self.assertEqual(bool(texts), bool(why), answer)
                self.assertIn(why or '', ' '.join(texts))
                answer, = batch([{'verb': 'check', 'cpu': cpu, 'host': there,
                                  **members}], MODELS)
                self.assertIn(why or '', answer.get('error', ''))
                self.assertEqual('error' in answer, bool(why), answer)

    def test_l_last_apic_id(self):
        """KVM creates no CPU with an ID of KVM_CAP_MAX_VCPU_ID or above"""
        def host(ids, cpus=1024):
            return with_capabilities(INTEL, MAX_VCPUS=cpus, MAX_VCPU_ID=ids)

        sockets = 'sockets=65,cores=3'
        why = 'APIC ID 258 is too high: its KVM has IDs below {}'
        for smp, there, limit in [
                (f'195,{sockets}', host(259), None),
                (f'195,{sockets}', host(258), 258),
                (f'194,{sockets},maxcpus=195', host(258), None),
                # Kernels that do not say
                (f'195,{sockets}', host(0), None),
                (f'195,{sockets}', host(0, 250), 250)]:
            with self.subTest(smp=smp, limit=limit):
                answer, = batch([{'verb': 'check', 'cpu': 'Skylake-Server',
                                  'host': there, 'smp': smp}], MODELS)
                self.assertEqual('error' in answer, bool(limit), answer)
                self.assertIn(why.format(limit) if limit else '',
                              answer.get('error', ''))

    @unittest.skipIf(no_real_kvm(), 'needs KVM')
    def test_l_kernel_refuses_apic_id(self):
        """What the rule of test_l_last_apic_id says of the kernel is so"""
        check_extension, create_vm, create_vcpu = 0xae03, 0xae01, 0xae41
        max_vcpu_id = 128
        kvm = os.open('/dev/kvm', os.O_RDWR)
        self.addCleanup(os.close, kvm)
        ids = fcntl.ioctl(kvm, check_extension, max_vcpu_id)
        guest = fcntl.ioctl(kvm, create_vm, 0)
        self.addCleanup(os.close, guest)
        os.close(fcntl.ioctl(guest, create_vcpu, ids - 1))
        with self.assertRaises(OSError) as refused:
            fcntl.ioctl(guest, create_vcpu, ids)
        self.assertEqual(refused.exception.errno, errno.EINVAL)

    # What QEMU takes from the CPU that it runs on

    @staticmethod
    def leaves(name, *entries):
        """A made host whose CPUID has these (leaf, subleaf, registers)"""
        def change(whole):
            for leaf, subleaf, regs in entries:
                entry = passports.find(whole['cpuid'], leaf, subleaf or 0,
                                       ('leaf', 'subleaf'))
                if entry:
                    whole['cpuid'].remove(entry)
                if regs:
                    whole['cpuid'].append({
                        'leaf': leaf, **dict(zip(passports.REGISTERS, regs)),
                        **({} if subleaf is None else {'subleaf': subleaf})})
        return changed(name, change)

    def test_m_mwait(self):
        """Leaf 5 is the host's with cpu-pm, for model host alone"""
        name, regs = INTEL, (0x40, 0x40, 3, 0x2020)
        whole = self.leaves(name, (5, None, regs))
        for cpu in 'host', 'max,-avx2':
            same = self.migrate(cpu, whole, whole, **{'cpu-pm': True})
            self.assertEqual((same['migrates'], same['reasons']), (True, []))
            for other, blocks in [
                    # A shorter line does not wake guests that write further.
                    ((0x20, 0x40, 3, 0x2020), True),
                    ((0x80, 0x80, 3, 0x2020), False),
                    ((0x40, 0x80, 3, 0x2020), False),
                    ((0x40, 0x40, 0xb, 0x2020), False),
                    ((0x40, 0x40, 3, 0x1020), True),
                    ((0x40, 0x40, 3, 0x3010), True),
                    ((0x40, 0x40, 3, 0x3020), False)]:
                there = self.leaves(name, (5, None, other))
                answer = self.migrate(cpu, whole, there, **{'cpu-pm': True})
                self.assertEqual(reasons(answer, blocks), {'mwait'}, answer)
                self.assertEqual(reasons(answer, not blocks), set())
                self.assertIn('CPUID[0x5]', answer['reasons'][0]['text'])
                # Without cpu-pm, and in named models, it is QEMU's.
                self.assertEqual(self.migrate(cpu, whole, there)['reasons'],
                                 [])
        down = self.migrate('host', self.leaves(
            name, (5, None, (0x40, 0x40, 0xb, 0x2020))), whole,
            **{'cpu-pm': True})
        self.assertEqual(reasons(down, True), {'mwait'})
        # QEMU shows both of these flags on any host.
        self.assertEqual(self.migrate('host', whole, self.leaves(
            name, (5, None, (0x40, 0x40, 0, 0x2020))),
            **{'cpu-pm': True})['reasons'], [])
        less = self.leaves(name, (5, None, (0x20, 0x40, 0, 0)))
        for cpu in ('Skylake-Server,+monitor', 'host,-monitor',
                    'host,level=4,min-level=4'):
            answer = self.migrate(cpu, whole, less, **{'cpu-pm': True})
            self.assertNotIn('mwait', str(answer['reasons']), answer)
            self.assertTrue(answer['migrates'], answer)
        lacking = self.leaves(name, (5, None, None))
        for a, b in (whole, lacking), (lacking, whole), (lacking, lacking):
            answer = self.migrate('host', a, b, **{'cpu-pm': True})
            self.assertIsNone(answer['migrates'])
            self.assertIn('leaf 0x5', answer['unknown'][0])
            self.assertTrue(self.migrate('host', a, b)['migrates'])

    def test_m_waitpkg(self):
        """With cpu-pm, QEMU adds it to model host, whatever the user says"""
        def without(whole):
            whole['kvm']['msr-index-list'] = [
                m for m in whole['kvm']['msr-index-list'] if m != 0xe1]

        def has(whole):
            without(whole)
            whole['kvm']['msr-index-list'].append(0xe1)

        a, b = changed(INTEL, has), changed(INTEL, without)
        for cpu in 'host,-waitpkg', 'max,waitpkg=off':
            answer = self.migrate(cpu, a, b, **{'cpu-pm': True})
            self.assertEqual(reasons(answer, True), {'feature'}, answer)
            self.assertIn('guests lack waitpkg', answer['reasons'][0]['text'])
            answer = self.migrate(cpu, b, a, **{'cpu-pm': True})
            self.assertEqual(reasons(answer, False), {'added-features'})
            self.assertEqual(self.migrate(cpu, a, b)['reasons'], [])
        for cpu in 'host', 'Skylake-Server':
            self.assertEqual(self.migrate(cpu, a, b, **{'cpu-pm': True})
                             ['reasons'], [])

    def test_n_host_caches(self):
        """The caches are the host's with host-cache-info"""
        here = {
            INTEL: [(2, None, (0xfeff01, 0xf0, 0, 0)),
                    (0x80000005, None, (0, 0, 0, 0)),
                    (0x8000001d, 0, (0, 0, 0, 0))],
            AMD: [(2, None, (0, 0, 0, 0)), (4, 0, (0, 0, 0, 0))]}
        for name, leaf, subleaf in [
                (INTEL, 2, None), (INTEL, 4, 3), (INTEL, 0x80000006, None),
                (AMD, 0x80000005, None), (AMD, 0x80000006, None),
                (AMD, 0x8000001d, 3)]:
            whole = self.leaves(name, *here[name])
            there = self.leaves(name, *here[name], (
                leaf, subleaf, (0x163, 0x3c0003f, 0xfff, 6)))
            bare = self.leaves(name, *here[name], (leaf, subleaf, None))
            cpu = 'host,host-cache-info=on'
            same = self.migrate(cpu, whole, whole)
            self.assertEqual((same['migrates'], same['reasons'],
                              same['unknown']), (True, [], []))
            for a, b in (whole, there), (there, whole):
                answer = self.migrate(cpu, a, b)
                self.assertEqual(reasons(answer, False), {'identity'}, answer)
                self.assertTrue(answer['migrates'])
                self.assertIn(f'CPUID[{hex(leaf)}]',
                              answer['reasons'][0]['text'])
                for other in ('host', 'host,host-cache-info=off',
                              'EPYC,-svm,-sse4a'):
                    self.assertNotIn('caches', str(self.migrate(
                        other, a, b)['reasons']))
            if not subleaf:
                for a, b in (whole, bare), (bare, whole):
                    answer = self.migrate(cpu, a, b)
                    self.assertIsNone(answer['migrates'], answer)
                    self.assertIn(f'leaf {hex(leaf)}', answer['unknown'][0])
                    self.assertTrue(self.migrate('host', a, b)['migrates'])

    def test_n_shared_caches(self):
        """How many threads of the host share a cache, QEMU does not show"""
        cpu = 'host,host-cache-info=on'
        base = [(0x80000005, None, (0, 0, 0, 0)), (2, None, (1, 0, 0, 0)),
                (0x8000001d, 0, (0, 0, 0, 0))]
        whole, shared = (self.leaves(INTEL, *base, (
            4, 3, (eax, 0x3c0003f, 0xfff, 6)))
            for eax in (0x7c0fc163, 0xfc1fc163))
        for smp in '1', '2', '1,sockets=1':
            self.assertEqual(self.migrate(cpu, whole, shared,
                                          smp=smp)['reasons'], [], smp)
        # Only A's are not shared, or by as many as the guest has.
        alone = self.leaves(INTEL, *base, (
            4, 3, (0x7c000163, 0x3c0003f, 0xfff, 6)))
        for smp, there in ('1', alone), ('64', whole):
            self.assertEqual(self.migrate(cpu, there, shared,
                                          smp=smp)['reasons'], [], smp)
        # 64 and 128 threads: guests of 100 see the former.
        self.assertEqual(reasons(self.migrate(cpu, whole, shared, smp='100'),
                                 False), {'identity'})

    def test_n_machine_types(self):
        """Some old machine types turn host-cache-info on"""
        base = [(2, None, (0xfeff01, 0xf0, 0, 0)),
                (0x80000005, None, (0, 0, 0, 0)),
                (0x8000001d, 0, (0, 0, 0, 0))]
        whole = self.leaves(INTEL, *base)
        there = self.leaves(INTEL, *base, (4, 3, (0x163, 0x3c0003f, 1, 6)))
        with open(MODELS, encoding='utf-8') as f:
            machines = {machine for layer in json.load(f)['layers']
                        for machine in layer['machine-types']}
        for machine in machines & {'pc-q35-2.4', 'pc-i440fx-2.4',
                                   'pc-q35-2.5', NEWEST}:
            on = self.migrate('host', whole, there, machine=machine)
            self.assertEqual('caches' in str(on['reasons']),
                             machine.endswith('-2.4'))


if __name__ == '__main__':
    unittest.main()
