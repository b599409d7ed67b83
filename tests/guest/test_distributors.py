#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Machine types of distributors, judged by guests.

Answers: where a table says which of upstream's machine types pc-q35-acme
stands for, do models from tables mean the same on both, and do
descriptions of CPUs name a machine type that every QEMU knows?  In a QEMU
that has them in addition to upstream's (tests/distributors/beside), and in one
that has them instead (tests/distributors/instead).

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_distributors
"""

import functools
import os
import re
import tempfile
import unittest

from cpu_models import (
    FORCE, NEWEST, OLDEST, QEMU, ask, cpu_option, differences, expansion,
    show_differences,
)
from guest_cpuid import GuestError, guest_view, register
from release_line import LINE, NEWEST_VERSION, of_line
import site_qemu

DIRECTORY = os.path.join(site_qemu.REPO, 'tests', 'distributors')
Q35, PIIX = 'hw/i386/pc_q35.c', 'hw/i386/pc_piix.c'
# Bits of leaf 1, ECX (SDM vol. 2A, CPUID)
PCLMULQDQ, AES, RDRAND = 1 << 1, 1 << 25, 1 << 30
# Leaf 7, EBX
SHA_NI = 1 << 29
# A machine type's definition; none of isapc's, which has no version
DEFINITION = re.compile(r'^DEFINE_(?:Q35|I440FX)_MACHINE\w*\([\d, ]+\);?$',
                        re.M)


# What the oldest machine types set (hw/i386/pc.c, pc_compat_2_6 and
# pc_compat_2_7; pc_compat_6_0 and pc_compat_6_1), where that is seen: the CPU
# and the leaf, and whether guests have it on these machine types
OLD_PROPS, OLD_CPU, OLD_LEAF, OLD_HAS = {
    '10.0': ({'full-cpuid-auto-level': False, 'cpuid-0xb': False},
             'level=0xd', (0xb, 0), False),
    '11.1': ({'x-vendor-cpuid-only': False, 'hv-version-id-build': 0x1bbc},
             'level=0xd,vendor=AuthenticAMD', (4, 0), True)}[LINE]


def read(name, file):
    """A file of a distributor's; it has the oldest machine type of 10.0."""
    with open(os.path.join(DIRECTORY, name, file), encoding='utf-8') as f:
        text = f.read()
    oldest = of_line('pc-q35-2.4')
    function = oldest.replace('-', '_').replace('.', '_').replace(
        'q35_', 'q35_machine_')
    return text.replace('pc-q35-2.4', oldest).replace('pc_q35_machine_2_4',
                                                      function)


def build(name, sources):
    """A QEMU with the machine types of a directory"""
    with tempfile.TemporaryDirectory() as tmp:
        tables = os.path.join(tmp, name)
        os.mkdir(tables)
        with open(os.path.join(tables, 'machines.tbl'), 'w',
                  encoding='utf-8') as f:
            f.write(read(name, 'machines.tbl'))
        return site_qemu.build(tables, {
            **sources, Q35: sources[Q35] + read(name, 'machines.c')})


@functools.cache
def gone():
    """A QEMU with tables of machine types that it does not have"""
    return site_qemu.build(os.path.join(DIRECTORY, 'gone'))


@functools.cache
def beside():
    """A QEMU with more machine types, of which one is "q35" """
    text = site_qemu.read_source(Q35)
    newest = '({}, {});'.format(*NEWEST_VERSION)
    edited = text.replace('_MACHINE_AS_LATEST' + newest, '_MACHINE' + newest)
    assert edited != text
    return build('beside', {Q35: edited})


@functools.cache
def instead():
    """A QEMU with no machine types of upstream's that have a version"""
    sources = {}
    for path in Q35, PIIX:
        text = site_qemu.read_source(path)
        found = list(DEFINITION.finditer(text))
        assert len(found) > 20
        start, end = found[0].start(), found[-1].end()
        # They are defined, and QEMU doesn't hear of it.
        sources[path] = ''.join([
            text[:start], '#define type_register_static(info) (void)(info)\n',
            text[start:end], '\n#undef type_register_static\n', text[end:]])
    return build('instead', sources)


def expand(qemu, name, props=None, machine=None, kind='static', args=()):
    """The properties of an expansion, or the error"""
    reply = ask(['-accel', 'tcg', *(args or ('-machine', 'none'))],
                [expansion(kind, name, props, machine)], qemu)[0]
    return reply['return']['model']['props'] if 'return' in reply else \
        reply['error']['desc']


class Checks(unittest.TestCase):
    def check_same(self, *guests):
        """All guests (QEMU, machine, CPU) see the same."""
        first, *views = [guest_view(qemu, ['-machine', machine, '-cpu', cpu])
                         for qemu, machine, cpu in guests]
        for view, guest in zip(views, guests[1:]):
            found = differences(first, view)
            self.assertFalse(found, f'{guest[:2]}: {show_differences(found)}')

    def features(self, qemu, machine, cpu):
        view = guest_view(qemu, ['-machine', machine, '-cpu', cpu])
        return register(view, 1, 0, 'ECX') & (AES | PCLMULQDQ | RDRAND)


class Beside(Checks):
    """Distributor's machine types and upstream's"""

    # What Acme_dist is, by machine type
    MODELS = {'pc-q35-acme': RDRAND, 'pc-q35-acme2': RDRAND, 'q35': RDRAND,
              'pc-q35-zeta': AES | PCLMULQDQ, 'pc-q35-8.2': RDRAND,
              'pc-q35-10.0': AES | PCLMULQDQ, of_line('pc-q35-2.4'): 0,
              # Of no known version
              'pc-q35-other': 0}

    def test_machines(self):
        """Rows 'machines' hold for what a machine type stands for"""
        for machine, features in self.MODELS.items():
            self.assertEqual(
                self.features(beside(), machine,
                              'Acme_dist,x-force-features=on'),
                features, machine)
            for args in (), ('-machine', OLDEST):
                props = expand(beside(), 'Acme_dist', machine=machine,
                               args=args)
                self.assertEqual(
                    (props['aes'], props['pclmulqdq'], props['rdrand']),
                    tuple(bool(features & bit)
                          for bit in (AES, PCLMULQDQ, RDRAND)), machine)

    def test_aliases(self):
        """The table has the distributor's"""
        machines, table = ask(['-accel', 'tcg', '-machine', 'none'], [
            ('query-machines', {}), ('query-cpu-model-table', {})], beside())
        aliases = {m['alias']: m['name'] for m in machines['return']
                   if 'alias' in m}
        self.assertIn('acme', aliases['q35'])
        self.assertEqual({a['alias']: a['machine-type'] for a in
                          table['return']['machine-aliases']}, aliases)

    def test_cpu_compat(self):
        """-machine cpu-compat takes the name, and means the same"""
        for machine, features in self.MODELS.items():
            self.assertEqual(
                self.features(beside(), f'{NEWEST},cpu-compat={machine}',
                              'Acme_dist,x-force-features=on'),
                features, machine)

    def test_anchor(self):
        """Upstream's newest machine type is the anchor"""
        for machine in 'pc-q35-acme', 'q35', 'pc-q35-other', OLDEST, NEWEST:
            props = expand(beside(), 'EPYC', machine=machine)
            self.assertEqual(props['compat-anchor'], NEWEST)
            self.assertEqual(props, expand(beside(), 'EPYC', machine={
                'pc-q35-acme': 'pc-q35-8.2', 'q35': 'pc-q35-8.2',
                'pc-q35-other': 'pc-q35-10.0'}.get(machine, machine)))

    def test_own_name_as_anchor(self):
        """An anchor of the own name is that machine type, and is upstream's"""
        for name, anchor in (('pc-q35-acme', 'pc-q35-8.2'),
                             ('pc-q35-other', 'pc-q35-other'),
                             ('pc-q35-9.1', 'pc-q35-9.1')):
            props = expand(beside(), 'base', {'compat-anchor': name},
                           kind='full')
            self.assertEqual(props['compat-anchor'], anchor)

    @unittest.skipIf(LINE == '10.0', 'No property is newer')
    def test_unversioned_anchor(self):
        """custom needs all properties, whatever the anchor"""
        props = expand(beside(), 'EPYC')
        del props['x-vendor-cpuid-only-v2']
        for anchor in 'pc-q35-other', NEWEST:
            props['compat-anchor'] = anchor
            self.assertRegex(expand(beside(), 'custom', props),
                             'missing: x-vendor-cpuid-only-v2$')
        props['compat-anchor'] = 'pc-q35-10.0'
        self.assertIsInstance(expand(beside(), 'custom', props), dict)


class Gone(Checks):
    """Distributor's machine types that no QEMU has any more"""

    def test_types(self):
        """They are layers, with what stands for them, or of their own"""
        layers = ask(['-accel', 'tcg', '-machine', 'none'],
                     [('query-machine-cpu-layers', {})], gone())[0]['return']
        by_name = {name: layer for layer in layers
                   for name in (*layer['machine-types'], *layer['layer-only'])}
        self.assertIs(by_name['pc-q35-acme1'], by_name['pc-q35-6.0'])
        own = by_name['pc-q35-acme2']
        self.assertEqual((own['machine-types'], own['layer-only'],
                          own['model-version']), ([], ['pc-q35-acme2'], 1))
        rows = [(p['driver'], p['property'], p['value'])
                for p in own['properties']]
        # Those of pc-q35-10.0 come first.
        before = [(p['driver'], p['property'], p['value'])
                  for p in by_name['pc-q35-10.0']['properties']]
        self.assertEqual(rows, [
            *before, ('x86_64-cpu', 'hv-version-id-build', '77'),
            ('EPYC-v1-x86_64-cpu', 'sha-ni', 'off')])

    def test_cpus(self):
        """The CPUs are those that they had"""
        for model in 'EPYC-v1', 'Haswell', 'qemu64':
            first, second, upstream, newest = (
                expand(gone(), model, machine=machine)
                for machine in ('pc-q35-acme1', 'pc-q35-acme2', 'pc-q35-6.0',
                                'pc-q35-10.0'))
            self.assertEqual(first, upstream)
            self.assertEqual(second, {
                **newest, 'hv-version-id-build': 77,
                **({'sha-ni': False} if model == 'EPYC-v1' else {})})
        for machine, same in (('pc-q35-acme1', 'pc-q35-6.0'),
                              ('pc-q35-acme2', 'pc-q35-10.0')):
            named = cpu_option('Haswell', FORCE)
            self.check_same((gone(), f'{NEWEST},cpu-compat={machine}', named),
                            (gone(), same, named))

    def test_guest_of_its_own(self):
        """A guest sees the rows of the distributor's"""
        for machine, has in ('pc-q35-acme2', False), ('pc-q35-10.0', True):
            view = guest_view(gone(), [
                '-machine', f'{NEWEST},cpu-compat={machine}', '-cpu',
                cpu_option('EPYC-v1', FORCE)])
            self.assertEqual(bool(register(view, 7, 0, 'EBX') & SHA_NI), has)

    def test_unknown(self):
        """What stands for one that nobody knows is as unknown itself"""
        for name in 'pc-q35-acme3', 'pc-q35-2.0', 'pc-q35-acme33':
            self.assertIn(f"Machine type '{name}' not found",
                          expand(gone(), 'EPYC', machine=name))
            with self.assertRaisesRegex(GuestError, 'unsupported machine'):
                guest_view(gone(), ['-machine', name])

    def test_refused(self):
        """They cannot be started"""
        with self.assertRaisesRegex(GuestError, 'unsupported machine type'):
            guest_view(gone(), ['-machine', 'pc-q35-acme2'])


class Instead(Checks):
    """Distributor's machine types, and none of upstream's"""

    def test_types(self):
        names = {m['name'] for m in ask(
            ['-accel', 'tcg', '-machine', 'none'], [('query-machines', {})],
            instead())[0]['return']}
        self.assertLessEqual({'pc-q35-acme2.0.0', 'isapc'}, names)
        self.assertFalse(names & {OLDEST, NEWEST})

    def test_anchor(self):
        """What the newest of them stands for is the anchor"""
        for machine in 'pc-q35-acme2.0.0', 'q35', 'pc-q35-acme9.0.0':
            props = expand(instead(), 'EPYC', machine=machine)
            self.assertEqual(props['compat-anchor'], 'pc-q35-9.2')

    def test_descriptions(self):
        """They are understood here, and by a QEMU that has upstream's"""
        for machine, same in (('pc-q35-acme2.0.0', 'pc-q35-8.2'),
                              ('pc-q35-acme10.0.0', 'pc-q35-9.2'),
                              ('pc-q35-acme9.0.0', of_line('pc-q35-2.4'))):
            for model in 'Haswell', 'EPYC-Milan':
                named = cpu_option(model, FORCE)
                props = {**expand(instead(), model, machine=machine), **FORCE}
                self.check_same(
                    (instead(), machine, named), (QEMU, same, named),
                    *((qemu, where, cpu_option(name, props))
                      for qemu, where in ((instead(), 'pc-q35-acme9.0.0'),
                                          (instead(), 'pc-q35-acme10.0.0'),
                                          (QEMU, NEWEST), (QEMU, OLDEST))
                      for name in ('base', 'custom')))

    def test_anchors(self):
        """Here, an anchor is what stands for it; others are unknown"""
        for name in of_line('pc-q35-2.4'), 'pc-q35-acme9.0.0':
            props = expand(instead(), 'base', {'compat-anchor': name},
                           kind='full')
            self.assertEqual(props['compat-anchor'], of_line('pc-q35-2.4'))
            self.assertEqual({prop: props[prop] for prop in OLD_PROPS},
                             OLD_PROPS)
        # Likewise for a guest
        for name, has in ((of_line('pc-q35-2.4'), OLD_HAS),
                          ('pc-q35-acme9.0.0', OLD_HAS),
                          ('pc-q35-9.2', not OLD_HAS),
                          ('pc-q35-acme2.0.0', not OLD_HAS)):
            view = guest_view(instead(), [
                '-machine', 'pc-q35-acme10.0.0', '-smp', '2', '-cpu',
                f'base,compat-anchor={name},{OLD_CPU}'])
            self.assertEqual(any(view.cpuid.get(OLD_LEAF, ())), has, name)
        # Upstream's that has been removed, and has no stand-in
        props = expand(instead(), 'base', {'compat-anchor': 'pc-q35-6.0'},
                       kind='full')
        self.assertEqual((props['compat-anchor'], props['hv-version-id-build'],
                          props['x-vendor-cpuid-only']),
                         ('pc-q35-6.0', 0x1bbc, False))
        error = ("Invalid compat-anchor: Machine type 'pc-q35-19.7' not "
                 'found; query-machines lists all machine types')
        self.assertRegex(expand(instead(), 'base',
                                {'compat-anchor': 'pc-q35-19.7'}), error)
        with self.assertRaisesRegex(GuestError, error):
            guest_view(instead(), ['-machine', 'q35', '-cpu',
                                   'base,compat-anchor=pc-q35-19.7'])

    def test_machines(self):
        for machine, features in (('pc-q35-acme2.0.0', 0),
                                  ('pc-q35-acme10.0.0', AES),
                                  ('pc-q35-acme9.0.0', 0)):
            self.assertEqual(
                self.features(instead(), machine,
                              'Acme_dist,x-force-features=on'),
                features, machine)


if __name__ == '__main__':
    unittest.main()
