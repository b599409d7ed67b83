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
import json
import os
import tempfile
import unittest

import passports
import x86_cpu_models
from answer_tool import batch, run
from cpu_models import LabChecks, count, expansion, rng
from host_fleet import MODELS, VENDORS, HostFleet
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
                ('Skylake-Server,host-phys-bits=on', 46, 39, {'phys-bits'},
                 set()),
                ('Skylake-Server,host-phys-bits=on', 39, 46, set(),
                 {'phys-bits'})]:
            answer = self.migrate(cpu, bits(a), bits(b))
            self.assertEqual((reasons(answer, True), reasons(answer, False)),
                             (blocking, other), (cpu, a, b, answer))

    def test_6_nested(self):
        """VMX: what comes from the host, and state of nested guests"""
        def msr(whole, index, bits):
            for entry in whole['kvm']['feature-msrs']:
                if entry['index'] == index:
                    entry['value'] = hex(int(entry['value'], 16) ^ bits)

        cpu = 'Skylake-Server,+vmx,vmx-posted-intr=off'
        for change in (lambda w: msr(w, 0x480, 1 << 33),
                       lambda w: msr(w, 0x485, 1)):
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
                leaf = passports.find(whole['kvm']['supported-cpuid'], 0xa, 0,
                                      ('function', 'index'))
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


if __name__ == '__main__':
    unittest.main()
