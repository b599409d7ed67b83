#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
CPU models of a site, from tests/tables, judged by guests.

Answers: can a model be mended, and get or lose something, on new machine
types alone, so that guests on old ones keep their CPU?  Is that so however
a CPU comes to be: from a name with a version or without, on another
machine type's behalf (cpu-compat), as an expansion that is asked for
elsewhere, plugged in later, and with what the user sets on top?  Are
aliases, notes and deprecation said where upstream says its own?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_site_models

CHECK_FULL=1 tests all machine types.
"""

import asyncio
import functools
import os
import re
import subprocess
import tempfile
import unittest

from cpu_models import (
    FORCE, FULL, NEWEST, OLDEST, Lab, LabChecks, cpu_option,
    expansion, plug_cpu,
)
from guest_cpuid import (
    ZEROS, Guest, GuestError, cache_size, guest_view, has_leaf, model_id,
    register,
)
from release_line import LINE, has_type, of_line
from test_cpu_migration import guest_args
from test_removed_features import NeedsKvm
import site_qemu

TABLES = os.path.join(site_qemu.REPO, 'tests', 'tables')

# Both sides of each change in the tables, in both families, and the oldest
# and newest there are
MACHINES = [
    OLDEST, *map(of_line, [
        'pc-i440fx-2.9', 'pc-q35-2.10', 'pc-q35-2.12', 'pc-i440fx-3.0',
        'pc-i440fx-3.1', 'pc-q35-3.1', 'pc-i440fx-4.0', 'pc-q35-4.0',
        'pc-q35-4.2', 'pc-i440fx-5.0', 'pc-q35-6.0', 'pc-i440fx-6.1',
        'pc-q35-7.1', 'pc-i440fx-7.2', 'pc-q35-8.0']),
    NEWEST,
]
# To be asked about, to run as, ...: with what changes most
FEW = [OLDEST, of_line('pc-q35-3.1'), of_line('pc-i440fx-5.0'), NEWEST]
BOOT_CPU = '/machine/unattached/device[0]'
PLUGGED = '/machine/peripheral/plugged'
# Properties that tell CPUs apart
OF_ONE_CPU = {'apic-id', 'core-id', 'hotplugged', 'thread-id'}
SMP_HOTPLUG = '1,sockets=1,cores=2,threads=1,maxcpus=2'


@functools.cache
def site():
    """A QEMU with the tables"""
    return site_qemu.build(TABLES)


def machine_version(machine):
    """(10, 0) of pc-q35-10.0; None of isapc, microvm and none"""
    found = re.fullmatch(r'pc-(?:i440fx|q35)-(\d+)\.(\d+)(?:\.\d+)?', machine)
    return found and tuple(map(int, found.groups()))


# What is looked at in each model, by hard CPUID positions (SDM vol. 2A,
# CPUID; APM vol. 3, Fn8000_0006)

def level(view):
    return view.cpuid[0, 0][0]


def topology_leaf(view):
    return has_leaf(view, 0xb, 0) and any(view.cpuid.get((0xb, 0), ZEROS))


def rdseed(view):
    return bool(register(view, 7, 0, 'EBX') & 1 << 18)


def waitpkg(view):
    return bool(register(view, 7, 0, 'ECX') & 1 << 5)


def mpx(view):
    return bool(register(view, 7, 0, 'EBX') & 1 << 14)


def caches(view):
    """The size of the L2 cache in KiB, and of the L3 cache in MiB"""
    l3 = (register(view, 0x80000006, 0, 'EDX') >> 18) / 2
    # EDX is reserved on Intel CPUs; QEMU 11.1 leaves it 0 there.
    found = cache_size(view, 4, 3)
    if found and not l3:
        l3 = found[0] / (1 << 20)
    return register(view, 0x80000006, 0, 'ECX') >> 16, l3


def vectors(view):
    """Of AVX10: 1 for 128 bits, 2 for 256, 4 for 512 (leaf 0x24)"""
    return register(view, 0x24, 0, 'EBX') >> 16 & 7


# What the tables in tests/tables say of an unversioned alias, by machine type.
# Others than pc-* have no version: no 'machines' is about them.

def plain_level(version):
    return 4 if version and (2, 10) <= version <= (7, 1) else 13


def plain_topology_leaf(version):
    return not version or version > (3, 1)


def plain_rdseed(version):
    return bool(version and version >= (6, 1))


def plain_mpx(version):
    return bool(version and version <= (3, 1))


def server(view):
    """Whether it has MPX, and its model-id"""
    return mpx(view), model_id(view)


def plain_server(version):
    if version and version >= (4, 0):
        return False, 'Acme server since 4.0'
    return True, 'Acme server'


def plain_caches(version):
    if version and (3, 0) <= version <= (3, 1):
        return 256, 0
    if version and (5, 0) <= version <= (7, 2):
        return 1024, 0
    if version and version >= (8, 0):
        return 1024, 16
    return 512, 0


def version_topology_leaf(version):
    # pc_compat_2_6: no CPU has it on older machine types
    return not version or version > (2, 6)


def version_caches(caches_since_3_0):
    def expected(version):
        if version and version <= (2, 12):
            # The caches of another model (legacy-cache in pc_compat_2_12),
            # and up to 2.7 (pc_compat_2_7) no L3 cache
            return 512, 16 if caches_since_3_0[1] and version > (2, 7) else 0
        return caches_since_3_0
    return expected


# name: (what to look at, what it must be)
CASES = {
    'Acme_level': (level, plain_level),
    'Acme_level-v1': (level, lambda version: 13),
    'Acme_topology': (topology_leaf, plain_topology_leaf),
    'Acme_topology-v1': (topology_leaf, version_topology_leaf),
    'Acme_growing': (rdseed, plain_rdseed),
    'Acme_growing-v1': (rdseed, lambda version: False),
    'Acme_client': (mpx, plain_mpx),
    'Acme_client-v1': (mpx, lambda version: False),
    'Acme_server': (server, plain_server),
    'Acme_server-v1': (server, lambda version: (True, 'Acme server')),
    'Acme_server-v2': (server, lambda version: (False, 'Acme server without '
                                                'MPX')),
    'Acme_vectors': (vectors, lambda version: 3),
    'Acme_vectors-v1': (vectors, lambda version: 3),
    'Acme_caches': (caches, plain_caches),
    'Acme_caches-v1': (caches, version_caches((512, 0))),
    'Acme_caches-v2': (caches, version_caches((1024, 0))),
    'Acme_caches-v3': (caches, version_caches((1024, 16))),
}
PLAIN = [name for name in CASES if '-v' not in name]

# (machine type, model, its option, or -global, and what the guest sees then)
OVERRIDES = [
    (OLDEST, 'Acme_level', 'min-level=11', 11),
    ('pc-q35-7.1', 'Acme_level', 'min-level=11', 11),
    ('pc-q35-7.1', 'Acme_level', 'level=9', 9),
    (NEWEST, 'Acme_level', 'level=9', 9),
    ('pc-q35-3.1', 'Acme_topology', 'cpuid-0xb=on', True),
    ('pc-q35-4.0', 'Acme_topology', 'cpuid-0xb=off', False),
    (NEWEST, 'Acme_growing', 'rdseed=off', False),
    (NEWEST, 'Acme_growing', 'f-rdseed=off', False),
    ('pc-i440fx-5.0', 'Acme_growing', 'rdseed=on', True),
    ('pc-q35-3.1', 'Acme_client', 'mpx=off', False),
    ('pc-q35-4.0', 'Acme_client', 'mpx=on', True),
    ('pc-q35-4.0', 'Acme_server', 'mpx=on', (True, 'Acme server since 4.0')),
    ('pc-q35-4.0', 'Acme_server', 'model-id=Mine, really',
     (False, 'Mine, really')),
    ('pc-q35-3.1', 'Acme_caches', 'l2-cache-info=2M:line=64:ways=8:'
     'sets=4096:share=core', (2048, 0)),
    # This machine type gives it caches, which the user turns off.
    ('pc-q35-3.1', 'Acme_caches', 'legacy-cache=on', (512, 0)),
    (NEWEST, 'Acme_caches', 'l3-cache=off', (1024, 0)),
    ('pc-q35-5.2', 'Acme_caches', 'l3-cache=on', (1024, 32)),
]
OVERRIDES = [row for row in OVERRIDES if has_type(row[0])]
SIGNS = [(NEWEST, 'Acme_growing', '-rdseed', False),
         ('pc-i440fx-5.0', 'Acme_growing', '+rdseed', True),
         ('pc-q35-3.1', 'Acme_client', '-mpx', False)]
SIGNS = [row for row in SIGNS if has_type(row[0])]

HELP = '''\
  Acme_2019             (alias of Acme_life-v1) (deprecated)
  Acme_2024             (alias of Acme_life-v3)
  Acme_caches           (alias configured by machine type)
  Acme_caches-v1        Acme caches
  Acme_caches-v2        Acme caches
  Acme_caches-v3        Acme caches
  Acme_client           (alias configured by machine type)
  Acme_client-v1        Acme desktop
  Acme_growing          (alias configured by machine type)
  Acme_growing-v1       Acme growing
  Acme_level            (alias configured by machine type)
  Acme_level-v1         Acme general purpose
  Acme_life             (alias configured by machine type)
  Acme_life-v1          Acme any host [first hosts] (deprecated)
  Acme_life-v2          Acme any host [with AES]
  Acme_life-v3          Acme any host, 2024
  Acme_old              (alias configured by machine type) (deprecated)
  Acme_old-v1           Acme old hosts (deprecated)
  Acme_old-v2           Acme old hosts (deprecated)
  Acme_server           (alias configured by machine type)
  Acme_server-v1        Acme server
  Acme_server-v2        Acme server without MPX
  Acme_topology         (alias configured by machine type)
  Acme_topology-v1      Acme licensed
  Acme_vectors          (alias configured by machine type)
  Acme_vectors-v1       Acme vectors
'''
LIFE_NOTE = 'the last of these hosts go in 2026; use Acme_life-v3'
OLD_NOTE = 'the hosts are gone; use Acme_life'
DEPRECATED = {'Acme_2019': LIFE_NOTE, 'Acme_life-v1': LIFE_NOTE,
              'Acme_old': OLD_NOTE, 'Acme_old-v1': OLD_NOTE,
              'Acme_old-v2': OLD_NOTE}
NOT_DEPRECATED = ['Acme_2024', 'Acme_life', 'Acme_life-v2', 'Acme_life-v3',
                  'Acme_level']


class Checks(LabChecks):
    """The tests, for one accelerator."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(cls.accel, qemu=site(), probe=False)

    def machines(self):
        return self.lab.machines if FULL else MACHINES

    def check(self, cases):
        """
        In each (what, key of the lab, look, expected), the guest sees what
        is expected.
        """
        problems = []
        views = asyncio.run(self.lab.look([key for _, key, _, _ in cases]))
        for (what, _, look, expected), view in zip(cases, views):
            if isinstance(view, GuestError):
                problems.append(f'{what}: {str(view)[-300:]}')
            elif (seen := look(view)) != expected:
                problems.append(f'{what}: {seen}, not {expected}')
        self.fail_if(problems)
        self.assertTrue(cases)

    def key(self, machine, name, props=None):
        """Forced, so that no host hides anything"""
        return machine, cpu_option(name, {**(props or {}), **FORCE}), '1'

    def test_1_started(self):
        """Names mean what the tables say, by machine type; versions don't"""
        self.check([
            (f'{machine} {name}', self.key(machine, name), look,
             expected(machine_version(machine)))
            for machine in self.machines()
            for name, (look, expected) in CASES.items()
            if FULL or machine in FEW or name in PLAIN])

    def test_2_as_upstream(self):
        """mpx goes where upstream's own models lose it"""
        # Newer lines have only types where it is gone.
        versions = [('3.1', True), ('4.0', False)]
        if not has_type('pc-q35-3.1'):
            versions = [('6.0', False)]
        for kind in ('pc-i440fx', 'pc-q35'):
            self.check([
                (f'{kind}-{version} {name}', self.key(f'{kind}-{version}',
                                                      name), mpx, expected)
                for version, has_it in versions
                for name, expected in (
                    ('Acme_client', has_it), ('Skylake-Client', has_it),
                    ('Acme_client-v1', False), ('Skylake-Client-v1', False),
                    ('Acme_server', has_it), ('Skylake-Server', has_it))])

    def test_3_cpu_compat(self):
        """With cpu-compat, names mean what they do on that machine type"""
        self.check([
            (f'{machine},cpu-compat={other} {name}',
             self.key(f'{machine},cpu-compat={other}', name), CASES[name][0],
             CASES[name][1](machine_version(other)))
            for machine, other in [
                (NEWEST, OLDEST), (NEWEST, of_line('pc-q35-3.1')),
                (of_line('pc-q35-3.1'), 'pc-i440fx-7.1'), (OLDEST, NEWEST)]
            for name in CASES])

    def test_4_expansion(self):
        """An expansion for a machine type, asked for anywhere, is the CPU"""
        for args in (['-machine', 'none'],
                     ['-machine', of_line('pc-q35-4.2'), '-cpu', 'Acme_growing,-aes',
                      '-global', 'Acme_level-x86_64-cpu.min-level=20']):
            questions = [(machine, name) for machine in FEW
                         for name in CASES]
            answers = self.lab.ask([
                expansion('static', name, {}, machine)
                for machine, name in questions], *args)
            cases = []
            for (machine, name), answer in zip(questions, answers):
                look, expected = CASES[name]
                model = answer['return']['model']
                self.assertEqual(model['name'], 'base')
                cases.append((
                    f'{name} as on {machine}, asked for with {args}',
                    self.key(NEWEST, 'base', model['props']), look,
                    expected(machine_version(machine))))
            self.check(cases)

    def test_5_user_wins(self):
        """What the user sets is over what the machine type sets"""
        cases = []
        for machine, name, option, expected in OVERRIDES:
            look = CASES[name][0]
            prop, _, value = option.partition('=')
            cases.append((f'{machine} {name},{option}', self.key(
                machine, name, {prop: value}), look, expected))
            self.assertNotEqual(expected, CASES[name][1](
                machine_version(machine)), 'this option changes nothing')
        for machine, name, option, expected in SIGNS:
            cases.append((f'{machine} {name},{option}', self.key(
                machine, f'{name},{option}'), CASES[name][0], expected))
        self.check(cases)

        # For the model, and for all CPUs
        problems = []
        for machine, name, option, expected in OVERRIDES:
            prop, _, value = option.partition('=')
            text = value.replace(',', ',,')
            for driver in (name, 'x86_64') if FULL else (name,):
                driver = {'x86_64': ''}.get(driver, driver + '-')
                view = guest_view(site(), guest_args(
                    machine, name + ',x-force-features=on', '-global',
                    f'driver={driver}x86_64-cpu,property={prop},'
                    f'value={text}'), self.accel)
                if CASES[name][0](view) != expected:
                    problems.append(f'{machine} {name} -global {driver} '
                                    f'{option}: {CASES[name][0](view)}')
        self.assertFalse(problems)

    @functools.cached_property
    def property_names(self):
        """All properties that CPUs of one kind have in common"""
        listed = self.lab.ask([('qom-list', {'path': BOOT_CPU})], '-machine',
                              NEWEST)[0]['return']
        names = [prop['name'] for prop in listed
                 if prop['name'] not in OF_ONE_CPU
                 and not prop['type'].startswith(('child<', 'link<'))]
        self.assertGreater(len(names), 800)
        return names

    def properties(self, machine, name):
        """Of a boot CPU, and of one that is plugged in: {name: value}"""
        names = self.property_names
        answers = self.lab.ask([('device_add', {
            'driver': f'{name}-x86_64-cpu', 'id': 'plugged', 'socket-id': 0,
            'core-id': 1, 'thread-id': 0})] + [
                ('qom-get', {'path': path, 'property': prop})
                for path in (BOOT_CPU, PLUGGED) for prop in names],
            *guest_args(machine, name + ',x-force-features=on', '-smp',
                        SMP_HOTPLUG))[1:]
        return (dict(zip(names, answers)),
                dict(zip(names, answers[len(names):])))

    async def views(self, machine, name):
        """Of a boot CPU, and of one that is plugged in"""
        args = guest_args(machine, name + ',x-force-features=on', '-smp',
                          SMP_HOTPLUG)
        async with Guest(site(), args, self.accel) as guest:
            await plug_cpu(guest)
            return guest.cpu_views()

    def test_6_hotplugged(self):
        """A CPU that is plugged in is what those at start are"""
        for machine, name in [
                ('pc-q35-7.1', 'Acme_level'), (of_line('pc-q35-3.1'), 'Acme_topology'),
                (NEWEST, 'Acme_growing'), (of_line('pc-i440fx-3.1'), 'Acme_client'),
                (of_line('pc-i440fx-3.1'), 'Acme_caches'), (NEWEST, 'Acme_caches'),
                (f'{NEWEST},cpu-compat=' + of_line('pc-q35-3.1'),
                 'Acme_caches')]:
            if self.accel != 'kvm':
                # The ROM runs on the boot CPU alone.
                boot, plugged = self.properties(machine, name)
                self.assertEqual({k: (v, plugged[k]) for k, v in boot.items()
                                  if plugged[k] != v}, {},
                                 f'{machine} {name}')
                continue
            views = asyncio.run(self.views(machine, name))
            self.assertEqual(len(views), 2)
            look, expected = CASES[name]
            for view in views:
                self.assertEqual(look(view), expected(machine_version(
                    machine.rpartition('=')[2])), f'{machine} {name}')

    def test_7_other_machines(self):
        """On others than pc-*, version 1; the last one on microvm"""
        def expected(machine, name):
            if machine == 'microvm':
                name = {'Acme_caches': 'Acme_caches-v3',
                        'Acme_server': 'Acme_server-v2'}.get(name, name)
            return CASES[name][1](None)

        if self.accel == 'kvm':
            # The ROM has nothing to talk to on microvm.
            self.check([(f'{machine} {name}', self.key(machine, name),
                         CASES[name][0], expected(machine, name))
                        for machine in ('isapc', 'microvm')
                        for name in CASES])
        alias_of = {}
        for machine in ('isapc', 'microvm', 'none'):
            definitions, *answers = self.lab.ask(
                [('query-cpu-definitions', {})]
                + [expansion('static', name) for name in CASES],
                '-machine', machine)
            alias_of[machine] = {d['name']: d.get('alias-of')
                                 for d in definitions['return']}
            self.check([
                (f'{name} of {machine}', self.key(
                    NEWEST, 'base', answer['return']['model']['props']),
                 CASES[name][0], expected(machine, name))
                for name, answer in zip(CASES, answers)])
        self.assertEqual([alias_of[machine]['Acme_caches'] for machine in (
            'isapc', 'microvm', 'none')],
            [None, 'Acme_caches-v3', 'Acme_caches-v1'])
        self.assertEqual(alias_of['microvm']['Cascadelake-Server'],
                         'Cascadelake-Server-v5' if LINE == '10.0' else
                         'Cascadelake-Server-v7')

    def test_8_requested_by(self):
        """What a machine type asks for is requested by the machine"""
        question = [(machine, name, props) for machine, name, props in [
            (NEWEST, 'Acme_growing', {}),
            ('pc-i440fx-6.1', 'Acme_growing', {}),
            (NEWEST, 'Acme_growing', {'waitpkg': True}),
            ('pc-q35-5.2', 'Acme_growing', {}),
            (NEWEST, 'Acme_growing-v1', {}),
            ('pc-q35-5.2', 'Acme_growing', {'waitpkg': True})]]
        by = ['machine', 'machine', 'user', None, None, 'user']

        def of_waitpkg(removed):
            found = [e for e in removed if e['feature'] == 'waitpkg']
            self.assertLessEqual(len(found), 1)
            return found[0]['requested-by'] if found else None

        async def live(machine, name, props):
            async with Guest(site(), guest_args(machine, cpu_option(
                    name, props)), self.accel) as guest:
                cpus = await guest.qmp.execute('query-cpus-fast')
                removed = await guest.qmp.execute('qom-get', {
                    'path': cpus[0]['qom-path'],
                    'property': 'removed-features'})
                return of_waitpkg(removed), waitpkg(await guest.view())

        compat = (f'pc-q35-5.2,cpu-compat={NEWEST}', 'Acme_growing', {})
        for one, expected in zip(question + [compat], by + ['machine']):
            requester, shown = asyncio.run(live(*one))
            # Some hosts have it.  TCG doesn't.
            self.assertFalse(shown and self.accel == 'tcg')
            self.assertEqual(requester, None if shown else expected, one)
        answers = self.lab.ask([expansion('full', name, props, machine)
                                for machine, name, props in question])
        self.assertEqual([of_waitpkg(a['return']['removed-features'])
                          for a in answers],
                         [None] * len(by) if shown else by)


class Lists(unittest.TestCase):
    """What is said of versions, which no accelerator changes."""

    def test_help(self):
        """-cpu help has aliases, notes, and what is deprecated"""
        for args in ([], ['-machine', OLDEST], ['-machine', 'microvm']):
            text = subprocess.run([site(), *args, '-cpu', 'help'],
                                  stdout=subprocess.PIPE, check=True,
                                  encoding='utf-8').stdout
            self.assertEqual(''.join(re.findall(r'^  Acme.*\n', text, re.M)),
                             HELP, args)

    def test_definitions(self):
        """query-cpu-definitions has aliases, and what is deprecated"""
        lab = Lab('tcg', qemu=site(), probe=False)
        cases = [(NEWEST, 3), ('pc-q35-5.2', 2),
                 (f'{OLDEST},cpu-compat=pc-q35-5.2', 2)]
        if has_type('pc-q35-4.0'):
            cases += [('pc-q35-4.2', 1), ('pc-q35-4.0', None), (OLDEST, None),
                      (f'{NEWEST},cpu-compat=pc-q35-4.0', None)]
        for machine, version in cases:
            found = {d['name']: d for d in lab.ask(
                [('query-cpu-definitions', {})], '-machine',
                machine)[0]['return']}
            aliases = {'Acme_caches': f'Acme_caches-v{version}',
                       'Acme_life': 'Acme_life-v1',
                       'Acme_2019': 'Acme_life-v1',
                       'Acme_2024': 'Acme_life-v3',
                       'Acme_life-v2': None}
            for name, alias in aliases.items():
                self.assertEqual(found[name].get('alias-of'),
                                 alias if version else None,
                                 f'{machine} {name}')
            self.assertEqual({name for name in found if name.startswith(
                'Acme') and found[name]['deprecated']}, set(DEPRECATED))

    def test_warning(self):
        """Who starts a guest with what is deprecated is warned, and told"""
        async def said(name):
            async with Guest(site(), guest_args(NEWEST, name),
                             'tcg') as guest:
                return guest.stderr()

        for name, note in DEPRECATED.items():
            self.assertRegex(
                asyncio.run(said(name)), rf'warning: CPU model {name}'
                f'-x86_64-cpu is deprecated -- {re.escape(note)}$')
        for name in NOT_DEPRECATED:
            self.assertEqual(asyncio.run(said(name)), '')

    def test_aliases(self):
        """An alias is its version"""
        for alias, name in [('Acme_2019', 'Acme_life-v1'),
                            ('Acme_2024', 'Acme_life-v3')]:
            self.assertEqual(*[guest_view(site(), guest_args(NEWEST, cpu))
                               for cpu in (alias, name)])

    def test_build(self):
        """The same tables are not built again; what is wrong is refused"""
        before = os.stat(site()).st_ino
        self.assertEqual(os.stat(site_qemu.build(TABLES)).st_ino, before)
        with tempfile.TemporaryDirectory() as tmp:
            tables = os.path.join(tmp, 'wrong')
            os.mkdir(tables)
            path = os.path.join(tables, 'wrong.tbl')
            with open(path, 'w', encoding='ascii') as f:
                f.write('cpu Acme_x\n    on no-such\n')
            with self.assertRaisesRegex(
                    site_qemu.BuildError,
                    f"{re.escape(os.path.realpath(path))}:2: 'no-such' is "
                    'not a feature of this QEMU'):
                site_qemu.build(tables)


class TestTcg(Checks, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM."""


if __name__ == '__main__':
    unittest.main()
