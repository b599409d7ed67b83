#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu best and baseline of hosts, against QEMU on those hosts.

Answers: does the tool say of a passport what query-cpu-model-best says on that
host?  Of several hosts: does each model run on all, says QEMU there, and does no
model that does miss without one that is more?  Is the baseline of hosts what
query-cpu-model-baseline makes of the CPUs of all, and its named model that of
query-cpu-model-nearest?  Does it run on each?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... \\
        PYTHONPATH=<qemu>/python:<repo>/scripts:<repo>/tests/guest \\
        python3 -m unittest test_best_hosts

CHECK_SEED repeats a run, CHECK_RANDOM says how many sets of hosts are made up.
"""

import functools
import os
import tempfile
import unittest
import xml.etree.ElementTree as ET

import passports
from answer_tool import batch, run
from cpu_models import (
    FULL, UNKNOWN_TO_LIBVIRT, LabChecks, Progress, count, expansion, rng,
)
from host_fleet import MODELS, VENDORS, HostFleet, baseline_of
from made_hosts import host_names
from release_line import NEWEST, OLDEST


def compare(a, b):
    return 'query-cpu-model-comparison', {'modela': a, 'modelb': b}


def blocking(reply):
    """What enforce=on stops on, and errors"""
    info = reply['return']
    return {entry['feature'] for entry in info['removed-features']
            if entry['blocking']} | {error['text']
                                     for error in info['errors']}


def runs(reply):
    return not blocking(reply)


class TestHosts(LabChecks, unittest.TestCase):
    """On made hosts."""
    accel = 'kvm'

    @classmethod
    def setUpClass(cls):
        cls.tmp = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.fleet = HostFleet(cls.tmp)

    def ask_tool(self, verb, hosts, machine, **members):
        answer = batch([{'verb': verb, 'machine': machine, **members,
                         'hosts': [host.passport for host in hosts]}],
                       MODELS)[0]
        self.assertNotIn('error', answer)
        return answer

    @functools.cached_property
    def names(self):
        """All CPU models that this QEMU has by a definition"""
        models = self.fleet.plain('amd-genoa').ask(
            [('query-cpu-definitions', {})])[0]['return']
        return sorted(m['name'] for m in models
                      if m['name'] not in ('base', 'custom', 'host', 'max'))

    def some_hosts(self, choose, least, most):
        vendor = choose.choice(sorted(VENDORS))
        return [self.fleet.varied(choose, vendor)
                for _ in range(choose.randint(least, most))]

    def one_host_problems(self, host, machine):
        live = host.ask([('query-cpu-model-best',
                          {'machine-type': machine})])[0]['return']
        found = self.ask_tool('best', [host], machine)['models']

        def sortable(models):
            return [{**m, 'beyond': sorted(m['beyond'])} for m in models]

        if sortable(live) != sortable(found):
            yield f'{host}: {machine}: QEMU {live}, tool {found}'

    def test_1_one_host(self):
        """Of one host: what QEMU says there"""
        choose = rng('best hosts', 'one')
        hosts = [self.fleet.plain(name) for name in host_names()]
        hosts += [self.fleet.varied(choose, choose.choice(sorted(VENDORS)))
                  for _ in range(count(10, 100))]
        self.fail_if([problem for host in hosts for machine in (OLDEST, NEWEST)
                      for problem in self.one_host_problems(host, machine)])

    def test_1_parts(self):
        """A feature of several bits is there with all of them, or not"""
        # vmx-invept-single-context has a bit of each.
        for feature in 'vmx-ept', 'vmx-vpid':
            host = self.fleet.without('intel-haswell', feature)
            self.fail_if(list(self.one_host_problems(host, NEWEST)))

    def test_1_components(self):
        """XSAVE without leaf 0xD, which says what it saves"""
        for name in 'intel-sapphirerapids', 'amd-opteron':
            host = self.fleet.lower(name, 0xb)
            self.fail_if(list(self.one_host_problems(host, NEWEST)))

    def running(self, hosts, machine):
        """The models that run on all hosts, says QEMU on each"""
        names = set(self.names)
        for host in hosts:
            replies = host.ask([expansion('static', name, None, machine)
                                for name in self.names])
            names &= {name for name, reply in zip(self.names, replies)
                      if runs(reply)}
        return names

    def several_hosts_problems(self, hosts, machine):
        answer = self.ask_tool('best', hosts, machine)
        best = {m['name']: m['beyond'] for m in answer['models']}
        running = self.running(hosts, machine)
        if bool(best) != bool(running) or answer['status'] != (not best):
            yield f'{sorted(best)}, and {sorted(running)} run'
        if missing := set(best) - running:
            yield f'{sorted(missing)} do not run on all'
        for name in sorted(running - set(best)):
            model = {'name': name, 'machine-type': machine}
            replies = hosts[0].ask([compare(model, {**model, 'name': other})
                                    for other in best])
            if not any(reply['return']['result'] in ('subset', 'identical')
                       for reply in replies):
                yield f'{name} runs on all, and is missing'
        for name, beyond in sorted(best.items()):
            model = {'name': name, 'machine-type': machine}
            wanted = [set(host.ask([compare(model, {
                **model, 'name': 'host'})])[0]['return']['missing-in-a'])
                for host in hosts]
            if set(beyond) != set.intersection(*wanted):
                yield f'{name}: beyond {beyond}, hosts {wanted}'

    def test_2_several_hosts(self):
        """Of several: models that run on all, and no lesser ones"""
        choose = rng('best hosts', 'several')
        problems = []
        for _ in range(count(4, 60)):
            hosts = self.some_hosts(choose, 2, 4)
            machine = choose.choice([OLDEST, NEWEST])
            problems += [f'{[*map(str, hosts)]}: {machine}: {problem}'
                         for problem in self.several_hosts_problems(hosts,
                                                                    machine)]
        self.fail_if(problems)

    def libvirt_problems(self, libvirt, answer, host, machine):
        """Whether <cpu> has what libvirt can say, and tells what it can't"""
        cpu = ET.fromstring(libvirt['cpu'])
        order = [element.tag for element in cpu]
        wanted = ['model', 'maxphysaddr', 'feature']
        if order != sorted(order, key=wanted.index):
            yield f'order of elements: {order}'
        model = cpu.find('model')
        if UNKNOWN_TO_LIBVIRT.search(model.text) or (
                not answer['nearest']['libvirt-unknown'] and
                model.text != answer['nearest']['name']):
            yield f'model {model.text}'
        # What libvirt starts, and what it should
        names = {f['libvirt']: f['name'] for f in host.ask(
            [('query-cpu-features', {})])[0]['return'] if 'libvirt' in f}
        props = {names[f.get('name')]: f.get('policy') == 'require'
                 for f in cpu.findall('feature')}
        props.update({'vendor': model.get('vendor_id')}
                     if model.get('vendor_id') else {})
        props.update({'phys-bits': int(bits.get('bits'))
                      for bits in cpu.findall('maxphysaddr')})
        reply = host.ask([compare(
            {**answer['model'], 'machine-type': machine},
            {'name': model.text, 'props': props, 'machine-type': machine})])[0]
        left_out = {name for member in ('missing-in-a', 'missing-in-b',
                                        'differs')
                    for name in reply['return'][member]}
        # libvirt's guest has the guest-phys-bits of its host.
        if left_out - {'guest-phys-bits'} != set(libvirt['left-out']):
            yield f'left out: {left_out}, not {libvirt["left-out"]}'

    def baseline_problems(self, hosts, machine):
        answer = self.ask_tool('baseline', hosts, machine)
        model = baseline_of(hosts[0], [host.host_model(machine)
                                       for host in hosts])
        props = model['props']
        if answer['model']['props'] != props:
            yield str({name: (props.get(name),
                              answer['model']['props'].get(name))
                       for name in {**props, **answer['model']['props']}
                       if props.get(name) !=
                       answer['model']['props'].get(name)})
            return
        for host in hosts:
            replies = host.ask([expansion('static', **model, machine=machine),
                                expansion('static', 'host', None, machine)])
            if lacking := blocking(replies[0]) - blocking(replies[1]):
                yield f'does not run on {host}: {lacking}'
        live = hosts[0].ask([('query-cpu-model-nearest', {'model': {
            **model, 'machine-type': machine}})])[0]
        if 'error' in live:
            if answer['nearest'] is not None:
                yield f'QEMU: {live}, tool {answer["nearest"]}'
            return

        def sortable(near):
            return {name: sorted(value) if isinstance(value, list) else value
                    for name, value in near.items()}

        if sortable(live['return']) != sortable(answer['nearest']):
            yield f'nearest: QEMU {live}, tool {answer["nearest"]}'
        yield from self.libvirt_problems(answer['libvirt'], answer, hosts[0],
                                         machine)

    def test_3_baseline(self):
        """The baseline of hosts is that of their CPUs"""
        choose = rng('best hosts', 'baseline')
        number = count(8, 200)
        progress = Progress(self._testMethodName, number)
        problems = []
        for _ in range(number):
            hosts = self.some_hosts(choose, 1, 4)
            machine = choose.choice([OLDEST, NEWEST])
            problems += [f'{[*map(str, hosts)]}: {machine}: {problem}'
                         for problem in self.baseline_problems(hosts, machine)]
            progress.step()
        self.fail_if(problems)

    def test_3_libvirt_models(self):
        """A <cpu> has a model that libvirt has, if it is not the nearest"""
        # A host for which one of our models is the nearest: TSX is gone.
        hle, rtm, tsxldtrk = ((7, 0, 'EBX', 4), (7, 0, 'EBX', 11),
                              (7, 0, 'EDX', 16))
        path = os.path.join(self.tmp, 'notsx.json')
        passports.write(passports.without(
            self.fleet.plain('intel-sapphirerapids').contents,
            [hle, rtm, tsxldtrk]), path)
        answer, = batch([{'verb': 'baseline', 'hosts': [path],
                          'machine': NEWEST}], MODELS)
        nearest = answer['nearest']
        self.assertEqual(nearest['name'], 'SapphireRapids_notsx-v1')
        self.assertIn(nearest['name'], nearest['libvirt-unknown'])
        model = ET.fromstring(answer['libvirt']['cpu']).find('model').text
        self.assertRegex(model, '^SapphireRapids-v[1-6]$')

    def test_4_vendors(self):
        """Two vendors: an answer for each, or the one that is asked for"""
        hosts = [self.fleet.plain(name)
                 for name in ('amd-genoa', 'intel-haswell')]
        both = self.ask_tool('baseline', hosts, NEWEST)
        self.assertEqual(both['status'], 3)
        self.assertEqual(set(both['by-vendor']), set(VENDORS.values()))
        for host, vendor in zip(hosts, VENDORS.values()):
            one = self.ask_tool('baseline', [host], NEWEST)
            for answer in (both['by-vendor'][vendor],
                           self.ask_tool('baseline', hosts, NEWEST,
                                         vendor=vendor)):
                self.assertEqual(one['model'], answer['model'])
                self.assertEqual(one['nearest'], answer['nearest'])
        self.assertIn('CentaurHauls', batch([{
            'verb': 'baseline', 'vendor': 'CentaurHauls',
            'hosts': [host.passport for host in hosts]}], MODELS)[0]['error'])

    def test_5_hardware_alone(self):
        """What KVM offers is not known: status 3, and the rest is answered"""
        path = os.path.join(self.tmp, 'bare.json')
        host = self.fleet.plain('amd-genoa')
        passports.write(passports.hardware_alone(host.contents), path)
        for verb in ('best', 'baseline'):
            whole = self.ask_tool(verb, [host], NEWEST)
            alone, part = batch([{'verb': verb, 'hosts': hosts, 'machine':
                                  NEWEST} for hosts in
                                 ([path], [host.passport, path])], MODELS)
            self.assertEqual((alone['status'], part['status']), (3, 3), verb)
            self.assertIn('hardware alone', alone['error'])
            self.assertEqual(part['unknown'], {'hosts': 1, 'names': ['bare']})
            for member in {'best': ['models'], 'baseline': ['model', 'cpu']
                           }[verb]:
                self.assertEqual(whole[member], part[member])

    def test_6_text(self):
        """What people read has the answer, and lines of 100 columns"""
        host = self.fleet.plain('intel-sapphirerapids')
        other = self.fleet.plain('intel-haswell')
        best = self.ask_tool('best', [host, other], NEWEST)
        text = run(['best', host.passport, other.passport,
                    '--machine', NEWEST], [MODELS], status=0).stdout
        self.assertIn(best['models'][0]['name'], text)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        baseline = self.ask_tool('baseline', [host, other], NEWEST)
        text = run(['baseline', '--host', host.passport, '--host',
                    other.passport, '--machine', NEWEST], [MODELS],
                   status=0).stdout
        self.assertIn(baseline['libvirt']['cpu'], text)
        # -cpu is one line, whatever its length.
        self.assertIn(f'\n{baseline["cpu"]}\n', text)

    def test_7_errors(self):
        """Requests that make no sense"""
        host = self.fleet.plain('amd-genoa').passport
        for request, part in [
                ({'verb': 'best'}, "'hosts'"),
                ({'verb': 'best', 'hosts': []}, "'hosts'"),
                ({'verb': 'best', 'hosts': [7]}, 'a host is'),
                ({'verb': 'best', 'hosts': ['-']}, 'stdin'),
                ({'verb': 'best', 'hosts': ['/nonexistent']}, 'nonexistent'),
                ({'verb': 'best', 'hosts': [host], 'accel': 'tcg'}, 'kvm'),
                ({'verb': 'best', 'hosts': [host], 'machine': 'xyzzy'},
                 'xyzzy'),
                ({'verb': 'baseline', 'hosts': [host], 'cpus': ['EPYC']},
                 'not of both')]:
            answer = batch([request], MODELS)[0]
            self.assertEqual(answer['status'], 2, request)
            self.assertIn(part, answer['error'])


if FULL:
    TestHosts.maxDiff = None

if __name__ == '__main__':
    unittest.main()
