#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Stored descriptions of CPUs: complete, and about everything.

Answers: does "custom" take each property by any of its names, wherever it
is given, and does a command say of an incomplete description what a start
would say?  Is a CPU without a vendor described?  Is Intel PT, where an old
machine type has no room for its CPUID leaf?  Guests are the judges.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_descriptions
"""

import asyncio
import contextlib
import os
import re
import unittest
from unittest import mock

from qemu.qmp import ExecuteError

from cpu_models import (
    FORCE, NEWEST, OLDEST, QEMU, Lab, ask, cpu_option, differences,
    expansion, option, plug_cpu, show_differences,
)
from guest_cpuid import Guest, GuestError, guest_view, register
from release_line import LINE, has_type
from test_offered_features import INTEL_PT, shim, spec
from test_removed_features import NeedsKvm

INCOMPLETE = ("CPU model 'custom' needs all properties of a static "
              'expansion; missing: ')
CONTRADICTION = (r"^Properties {0} and {0} of a CPU model are the same "
                 r"property, but have different values: set only '{1}'$")
CUSTOM_TYPE = 'custom-x86_64-cpu'
CACHES = ['l1d-cache-info', 'l1i-cache-info', 'l2-cache-info',
          'l3-cache-info']
SMP_HOTPLUG = '1,sockets=1,cores=3,threads=1,maxcpus=3'
TOPOLOGIES = ['1', '4,sockets=1,dies=2,cores=2',
              '4,sockets=1,modules=2,cores=2']


def expand(name, props=None, machine=None, args=('-machine', 'none'),
           accel='tcg'):
    """The properties of a static expansion"""
    reply = ask(['-accel', accel, *args],
                [expansion('static', name, props, machine)])[0]
    return reply['return']['model']['props']


def without(props, *names):
    return {k: v for k, v in props.items() if k not in names}


def one_of(*names):
    return f"'({'|'.join(map(re.escape, names))})'"


def refusal(args, accel='tcg'):
    """Why QEMU does not start"""
    try:
        guest_view(QEMU, args, accel)
    except GuestError as exc:
        # Whichever part of QEMU says so
        found = re.search(r'^\S*qemu-system-\S+: (?:-\S+ \S+: )?(.*)',
                          str(exc), re.M)
        return found[1] if found else str(exc)
    return 'it starts'


class Names(unittest.TestCase):
    """Properties by their other names"""

    @classmethod
    def setUpClass(cls):
        cls.props = expand('Skylake-Client', machine=NEWEST)
        cls.lab = Lab('tcg')
        listed = cls.lab.ask([
            ('qom-list-properties', {'typename': CUSTOM_TYPE}),
            ('qom-list-properties', {'typename': 'base-x86_64-cpu'})])
        cls.types = {p['name']: p['type'] for p in listed[0]['return']}
        cls.features = sorted(n[2:] for n in cls.types if n[:2] == 'f-')
        cls.aliases = cls.find_aliases()

    @classmethod
    def find_aliases(cls):
        """{other name: name}: spelt otherwise, or by what it sets."""
        names = [n for n, kind in cls.types.items()
                 if n not in cls.props and n[:2] != 'f-' and
                 kind in ('bool', 'uint64', 'uint32')]
        values = {n: True if cls.types[n] == 'bool' else 5 for n in names}
        plain, *replies = cls.lab.ask(
            [expansion('static', 'base', {'min-level': 7})] +
            [expansion('static', 'base', {'min-level': 7, n: v})
             for n, v in values.items()])
        plain = plain['return']['model']['props']
        aliases = {}
        for name, reply in zip(names, replies):
            props = reply.get('return', {}).get('model', {}).get('props', {})
            # Levels are only there if they are given, and no aliases.
            changed = [n for n, v in props.items()
                       if v == values[name] != plain.get(n, v)]
            if name.replace('_', '-') in cls.props:
                aliases[name] = name.replace('_', '-')
            elif len(changed) == 1:
                aliases[name] = changed[0]
        return aliases

    def custom(self, props, machine=None, kind='static'):
        return expansion(kind, 'custom', props, machine)

    def test_each_alias(self):
        """With an alias, a property is given; without, it is missing"""
        # These are in upstream's x86_cpu_initfn(), of each kind one.
        for name, of in (('sse3', 'pni'), ('sse4_1', 'sse4.1'),
                         ('i64', 'lm'), ('kvm_pv_eoi', 'kvm-pv-eoi'),
                         ('hv-apicv', 'hv-avic'), ('lbr_fmt', 'lbr-fmt')):
            self.assertEqual(self.aliases.get(name), of)
        self.assertGreater(len(self.aliases), 30)
        questions = []
        for name, of in self.aliases.items():
            rest = without(self.props, of)
            questions += [self.custom({**rest, name: self.props[of]}),
                          self.custom(rest)]
        replies = self.lab.ask(questions)
        for (name, of), given, missing in zip(
                self.aliases.items(), replies[::2], replies[1::2]):
            with self.subTest(name):
                self.assertEqual(
                    given.get('return', given).get('model'),
                    {'name': 'base', 'props': self.props})
                self.assertEqual(missing['error']['desc'], INCOMPLETE + of)

    def test_contradictions(self):
        """Two names of a property can't have different values"""
        names = list(self.aliases.items()) + [(f'f-{n}', n)
                                              for n in self.features]
        questions = []
        for name, of in names:
            yes, no = ((True, False) if self.types[name] in
                       ('bool', 'CpuFeatureFlag') else (5, 4))
            # An old QEMU has the same properties; no version of AVX10.
            questions += [expansion('full', 'qemu64', {name: a, of: b}, OLDEST)
                          for a, b in ((yes, no), (no, yes), (no, no))]
        # Values of different types have the error of the wrong one.
        questions.append(expansion('static', 'base',
                                   {'sse3': True, 'pni': 'on'}))
        questions.append(expansion('static', 'base',
                                   {'sse4_1': True, 'sse4-1': False}))
        *replies, mixed, aliases = self.lab.ask(questions)
        for i, (name, of) in enumerate(names):
            with self.subTest(name):
                for reply in replies[3 * i:3 * i + 2]:
                    self.assertRegex(
                        reply.get('error', {}).get('desc', ''),
                        CONTRADICTION.format(one_of(name, of), of))
                self.assertIn('return', replies[3 * i + 2])
        self.assertIn("'model.props.pni'", mixed['error']['desc'])
        self.assertRegex(aliases['error']['desc'], CONTRADICTION.format(
            one_of('sse4_1', 'sse4-1'), 'sse4.1'))

    def test_flags(self):
        """f-* of all features are the features"""
        self.assertGreater(len(self.features), 300)
        flags = {f'f-{n}' if n in self.features else n: v
                 for n, v in self.props.items()}
        self.assertFalse(set(self.features) & set(flags))
        reply = self.lab.ask([self.custom(flags)])[0]
        self.assertEqual(reply.get('return', reply).get('model'),
                         {'name': 'base', 'props': self.props})

    def check_start(self, *args):
        """The arguments give the CPU of self.props."""
        same = guest_view(QEMU, [
            '-machine', NEWEST, '-cpu',
            cpu_option('base', {**self.props, **FORCE})])
        view = guest_view(QEMU, ['-machine', NEWEST, *args])
        found = differences(same, view)
        self.assertFalse(found, show_differences(found))

    def test_cpu_option(self):
        """-cpu, with f-*, aliases and underscores"""
        by_alias = {of: name for name, of in self.aliases.items()}
        props = {}
        for number, (name, value) in enumerate(self.props.items()):
            if number % 2 and name in self.features:
                name = f'f-{name}'
            elif name in by_alias:
                name = by_alias[name]
            elif number % 3 == 0 and '.' not in name:
                name = name.replace('-', '_')
            props[name] = value
        self.assertTrue(any('_' in name for name in props))
        self.check_start('-cpu', cpu_option('custom', {**props, **FORCE}))

    def test_plus_and_minus(self):
        """+feature and -feature, by any name"""
        by_alias = {of: name for name, of in self.aliases.items()}
        options = []
        for number, name in enumerate(self.features):
            sign = '+' if self.props[name] else '-'
            options.append(sign + (by_alias.get(name) or
                                   (f'f-{name}' if number % 2 else name)))
        self.check_start('-cpu', ','.join([cpu_option('custom', {
            **without(self.props, *self.features), **FORCE}), *options]))

    def test_globals(self):
        """-global, for this model, all x86 CPUs, or all CPUs"""
        args, rest = [], dict(self.props)
        for driver, name, of in (
                (CUSTOM_TYPE, 'f-avx2', 'avx2'),
                ('x86_64-cpu', 'sse3', 'pni'), ('cpu', 'lm', 'lm'),
                ('cpu', 'lbr_fmt', 'lbr-fmt')):
            args += ['-global', f'{driver}.{name}={option(rest.pop(of))}']
        self.check_start(*args, '-cpu', cpu_option('custom', {**rest,
                                                              **FORCE}))
        args[1] = args[1].replace(CUSTOM_TYPE, 'base-x86_64-cpu')
        self.assertEqual(
            refusal(['-machine', NEWEST, *args, '-cpu',
                     cpu_option('custom', rest)]), INCOMPLETE + 'avx2')


class Complete(unittest.TestCase):
    """What is missing, when it starts and by command"""

    @classmethod
    def setUpClass(cls):
        cls.props = expand('Skylake-Client', machine=NEWEST)
        cls.own_caches = expand('EPYC-Genoa', machine=NEWEST)
        assert set(CACHES) <= set(cls.own_caches)
        assert not set(CACHES) & set(cls.props)

    def incomplete(self):
        """What is given, of which something is missing"""
        yield {}
        yield {'avx2': True}
        for name in ('avx2', 'vendor', 'min-level', 'kvm-pv-eoi', 'phys-bits',
                     'legacy-cache', 'compat-anchor', 'hv-vendor-id'):
            yield without(self.props, name)
        yield without(self.props, 'avx2', 'family', 'pmu')
        # Commas in model-id are doubled in -cpu, and not in errors.
        yield without(self.own_caches, 'l2-cache-info')
        yield without(self.own_caches, *CACHES)
        yield without(self.props, 'phys-bits', 'lm') | {'i64': True}

    def test_same_error(self):
        """A command has the error of a start"""
        cases = list(self.incomplete())
        replies = ask(['-accel', 'tcg', '-machine', 'none'], [
            expansion(kind, 'custom', props, machine)
            for props in cases for kind in ('static', 'full')
            for machine in (None, OLDEST, NEWEST)])
        for number, props in enumerate(cases):
            error = refusal(['-machine', NEWEST, '-cpu',
                             cpu_option('custom', props)])
            self.assertTrue(error.startswith(INCOMPLETE), error)
            for reply in replies[number * 6:number * 6 + 6]:
                self.assertEqual(reply.get('error', {}).get('desc'), error)

    def test_complete(self):
        """What is complete is expanded"""
        replies = ask(['-accel', 'tcg', '-machine', 'none'], [
            expansion('static', 'custom', props, machine)
            for props in (self.props, self.own_caches)
            for machine in (None, OLDEST)])
        for reply, props in zip(replies, (self.props, self.props,
                                          self.own_caches, self.own_caches)):
            self.assertEqual(reply.get('return', reply).get('model'),
                             {'name': 'base', 'props': props})

    def test_other_errors(self):
        """What is wrong with a value comes before what is missing"""
        for props, error in (
                ({'nope': 1}, f"Property '{CUSTOM_TYPE}.nope' not found"),
                ({'vendor': 'short'}, "value of property 'vendor' must "
                 'consist of exactly 12 characters')):
            reply = ask(['-accel', 'tcg', '-machine', 'none'], [
                expansion('static', 'custom', props)])[0]
            self.assertEqual(reply['error']['desc'], error)

    def test_options_of_the_process(self):
        """-cpu and -global count where no machine type is named"""
        rest = without(self.props, 'avx2')
        args = ['-accel', 'tcg', '-machine', 'none', '-global',
                f'{CUSTOM_TYPE}.f-avx2=on']
        replies = ask(args, [expansion('static', 'custom', rest, machine)
                             for machine in (None, NEWEST)])
        self.assertIn('return', replies[0], replies[0])
        self.assertEqual(replies[1]['error']['desc'], INCOMPLETE + 'avx2')

        args = ['-accel', 'tcg', '-machine', NEWEST, '-cpu',
                cpu_option('custom', rest) + ',+avx2']
        replies = ask(args, [
            expansion('static', 'custom', props, machine)
            for props in ({}, {'avx2': False}) for machine in (None, NEWEST)])
        self.assertEqual(replies[0]['return']['model']['props'], self.props)
        self.assertIn('return', replies[2], replies[2])
        for reply in replies[1::2]:
            self.assertTrue(reply['error']['desc'].startswith(INCOMPLETE))

    def test_plus_and_minus_make_more_needed(self):
        """What "+feature" and "-property" bring with them is missing, too"""
        for props, more, missing in (
                (without(self.props, 'lm', 'phys-bits'), '+lm', 'phys-bits'),
                (without(self.props, 'legacy-cache'), '-legacy-cache',
                 ', '.join(CACHES))):
            self.assertEqual(
                refusal(['-machine', NEWEST, '-cpu',
                         f'{cpu_option("custom", props)},{more}']),
                INCOMPLETE + missing)

    def plug(self, props):
        """The error of a CPU that is plugged in with these, or None"""
        async def run():
            args = ['-machine', NEWEST, '-smp', SMP_HOTPLUG, '-cpu',
                    cpu_option('custom', self.props)]
            async with Guest(QEMU, args, 'tcg') as guest:
                slots = await guest.qmp.execute('query-hotpluggable-cpus')
                free = [s for s in slots if 'qom-path' not in s][0]
                try:
                    await guest.qmp.execute('device_add', {
                        'driver': CUSTOM_TYPE, 'id': 'plugged',
                        **free['props'], **props})
                except ExecuteError as exc:
                    # The next one is as good as ever.
                    await plug_cpu(guest)
                    return str(exc)
                return None

        return asyncio.run(run())

    def test_plugged(self):
        """device_add: complete by -cpu, or by what it adds itself"""
        caches = {n: self.own_caches[n] for n in CACHES}
        self.assertIsNone(self.plug({}))
        self.assertIsNone(self.plug({'f-avx2': False, 'sse3': True}))
        self.assertIsNone(self.plug({'legacy-cache': False, **caches}))
        self.assertEqual(self.plug({'legacy-cache': False}),
                         INCOMPLETE + ', '.join(CACHES))


class Vendor:
    """CPUs without a vendor"""
    accel = ''

    def look(self, machine, cpu):
        return guest_view(QEMU, ['-machine', machine, '-cpu', cpu],
                          self.accel)

    def test_described(self):
        """A description of "base" is the CPU, and says it has no vendor"""
        for extra in ({}, {'min-level': 7, 'lm': True, 'avx2': True}):
            if self.accel == 'kvm' and LINE != '10.0':
                # From 10.1 on, it has the host's vendor by default.
                extra['vendor'] = ''
            for machine in OLDEST, NEWEST:
                original = self.look(machine, cpu_option('base', {
                    **extra, **FORCE}))
                self.assertEqual(original.cpuid.get((0, 0), (0, 0, 0, 0))[1:],
                                 (0, 0, 0))
                props = expand('base', extra, machine, accel=self.accel)
                self.assertEqual(props['vendor'], '')
                for name in 'base', 'custom':
                    for other in OLDEST, NEWEST:
                        copy = self.look(other, cpu_option(name, {
                            **props, **FORCE}))
                        found = differences(original, copy)
                        self.assertFalse(found, show_differences(found))
                # By command as well, and again
                for name in 'base', 'custom':
                    self.assertEqual(expand(name, props, accel=self.accel),
                                     props)

    def test_last_one_counts(self):
        """Like any other value, it can be set and set again"""
        for cpu, vendor in (
                ('base,vendor=GenuineIntel,vendor=', (0, 0, 0)),
                ('base,vendor=,vendor=GenuineIntel',
                 (0x756e6547, 0x6c65746e, 0x49656e69))):
            view = self.look(NEWEST, cpu + ',level=1')
            # EBX, ECX, EDX (SDM vol. 2A, CPUID leaf 0)
            self.assertEqual(view.cpuid[0, 0][1:], vendor)

    def test_others_have_one(self):
        """All other models must have 12 characters, as with stock QEMU"""
        error = ("value of property 'vendor' must consist of exactly 12 "
                 'characters')
        for cpu in 'EPYC,vendor=', 'max,vendor=', 'base,vendor=x':
            self.assertRegex(
                refusal(['-machine', NEWEST, '-cpu', cpu], self.accel), error)


class VendorTcg(Vendor, unittest.TestCase):
    """Under TCG."""
    accel = 'tcg'


class VendorKvm(NeedsKvm, Vendor, unittest.TestCase):
    """Under KVM."""
    accel = 'kvm'


SYNIC = {'hv-vpindex': True, 'hv-synic': True}
OLD_SYNIC = {**SYNIC, 'x-hv-synic-kvm-only': True}


class ModelId(unittest.TestCase):
    """model-id: guests see 48 bytes of it"""

    def test_described(self):
        """What gives a guest the same bytes, also of half a character"""
        for length in range(45, 49):
            for char in 'b\u00fc\u0800\u20ac\ud7ff\ufffc\U00010000\U0010fffd':
                given = length * 'a' + char
                with self.subTest(given):
                    described = expand('EPYC', {'model-id': given},
                                       NEWEST)['model-id']
                    self.assertEqual(described.encode()[:48],
                                     given.encode()[:48])
                    self.assertEqual(expand(
                        'base', {'model-id': described}, NEWEST)['model-id'],
                        described)


class HypervVendor(unittest.TestCase):
    """hv-vendor-id: guests see 12 bytes of it"""

    def test_described(self):
        """As it is seen; where half a character would be seen, as given"""
        for given, described in [('', ''), ('KVM', 'KVM'),
                                 ('0123456789ab', '0123456789ab'),
                                 ('0123456789abc', '0123456789ab'),
                                 ('0123456789a\u00fc', None),
                                 ('0123456789\u00fcb', '0123456789\u00fc')]:
            with self.subTest(given):
                self.assertEqual(
                    expand('EPYC', {'hv-relaxed': True, 'hv-vendor-id': given},
                           NEWEST)['hv-vendor-id'],
                    given if described is None else described)

    def test_compared(self):
        """Half a character is compared with nothing, in model-id too"""
        for name, size, props in (('hv-vendor-id', 12, {'hv-relaxed': True}),
                                  ('model-id', 48, {})):
            cut = (f"'{name}' is cut within a character: it has at most "
                   f'{size} bytes')
            model, other = [
                {'name': 'EPYC', 'machine-type': NEWEST,
                 'props': {**props, name: text}}
                for text in ((size - 1) * 'a' + '\u00fc',
                             (size - 2) * 'a' + '\u00fcb')]
            pairs = [(model, other, f'modela: {cut}'),
                     (other, model, f'modelb: {cut}'), (other, other, None)]
            replies = ask(['-accel', 'tcg', '-machine', 'none'], [
                (command, {'modela': modela, 'modelb': modelb})
                for modela, modelb, _ in pairs
                for command in ('query-cpu-model-baseline',
                                'query-cpu-model-comparison')])
            self.assertEqual(
                [reply.get('error', {}).get('desc') for reply in replies],
                [error for *_, error in pairs for _ in range(2)])


class RetiredTcg(unittest.TestCase):
    """Properties that only older QEMUs have, under TCG"""

    def test_synic(self):
        """hv-synic does nothing, in whichever version"""
        views = [guest_view(QEMU, ['-cpu', cpu_option('qemu64', props)])
                 for props in (SYNIC, OLD_SYNIC)]
        self.assertEqual(*views)
        reply = ask(['-accel', 'tcg', '-machine', 'none'],
                    [expansion('static', 'qemu64', OLD_SYNIC)])[0]
        answer = reply['return']
        self.assertFalse(answer['errors'])
        self.assertIs(answer['model']['props']['x-hv-synic-kvm-only'], True)
        self.assertEqual(views[0], guest_view(QEMU, [
            '-cpu', cpu_option('custom', answer['model']['props'])]))


@unittest.skipIf(LINE == '10.0', 'this QEMU has them')
class RetiredKvm(NeedsKvm, unittest.TestCase):
    """The same under KVM"""
    ERROR = 'x-hv-synic-kvm-only=on with hv-synic is not supported by this QEMU'

    def test_synic(self):
        """QEMU has no version 1 of it any more"""
        # Where the kernel lacks what hv-synic needs, QEMU says that first.
        self.assertNotEqual('it starts', refusal(
            ['-cpu', cpu_option('qemu64', OLD_SYNIC)], 'kvm'))
        reply = ask(['-accel', 'kvm', '-machine', 'none'],
                    [expansion('static', 'qemu64', OLD_SYNIC)])[0]
        self.assertIn(self.ERROR, [e['text'] for e in
                                   reply['return']['errors']])


class IntelPt:
    """
    Intel PT, which machine types up to 3.1 take away where the CPU's floor
    for leaves is below 0x14, unless x-force-features is on
    """
    accel = ''
    offers = None
    # Machine types, with properties
    DROPS = [(machine, {}) for machine in ('pc-q35-2.9', 'pc-q35-3.1')
             if has_type(machine)]
    DROPS.append((NEWEST, {'x-intel-pt-auto-level': False}))
    CASES = [(OLDEST, {}), (NEWEST, {}),
             (NEWEST, {'full-cpuid-auto-level': False}), *DROPS]

    def describe(self, model, props, machine):
        with self.offering():
            return expand(model, props, machine, accel=self.accel)

    @contextlib.contextmanager
    def offering(self):
        with contextlib.ExitStack() as stack:
            if self.offers:
                stack.enter_context(mock.patch.dict(os.environ, {
                    'LD_PRELOAD': shim(),
                    'KVM_CPUID_SHIM_OFFERS': self.offers}))
            yield

    def look(self, machine, cpu, smp):
        """What the guest sees, and what of Intel PT was removed, or None"""
        async def run():
            args = ['-machine', machine, '-cpu', cpu, '-smp', smp]
            try:
                async with Guest(QEMU, args, self.accel, self.offers) as guest:
                    cpus = await guest.qmp.execute('query-cpus-fast')
                    removed = await guest.qmp.execute('qom-get', {
                        'path': cpus[0]['qom-path'],
                        'property': 'removed-features'})
                    view = await guest.view()
            except GuestError as exc:
                if 'support requested features' not in str(exc):
                    raise
                return None
            return view, [(e['feature'], e['reason'], e['blocking'])
                          for e in removed if 'intel-pt' in e['feature']]

        return asyncio.run(run())

    def check(self, machine, settings, model='Nehalem', more=None):
        """Returns whether the guest has it, and what was removed."""
        asked = {'intel-pt': True, **(more or {})}
        props = self.describe(model, asked, machine)
        seen = []
        for smp in TOPOLOGIES:
            original = self.look(machine, cpu_option(model, {
                **asked, **settings}), smp)
            for target in machine, NEWEST:
                copy = self.look(target, cpu_option('base', {
                    **props, **settings}), smp)
                what = f'{settings}, {machine}, {target}, {smp}: '
                if original is None or copy is None:
                    self.assertEqual(original, copy, what)
                    continue
                self.assertEqual(original[1], copy[1], what)
                found = differences(original[0], copy[0])
                self.assertFalse(found, what + show_differences(found))
            # Bit 25 of leaf 7, EBX (SDM vol. 2A, CPUID)
            seen.append(original and (
                register(original[0], 7, 0, 'EBX') >> 25 & 1, original[1]))
        return seen

    def test_forced(self):
        """The guest has it, whatever the topology"""
        for machine, more in self.CASES:
            for has, removed in self.check(machine, FORCE, more=more):
                self.assertTrue(has)
                # TCG has no more than one reason for what it can't do.
                self.assertEqual(
                    ('intel-pt', 'level', True) in removed,
                    self.accel == 'kvm' and (machine, more) in self.DROPS)

    def test_not_forced(self):
        """It is removed, for the same reason"""
        for machine, more in self.CASES:
            self.check(machine, {}, more=more)

    def test_enforced(self):
        """It stops what is to be enforced"""
        # A CPU with nothing else that a host could lack
        for machine, more in self.DROPS:
            props = {'min-level': 7, **more}
            self.assertEqual(self.check(machine, {'enforce': True}, 'base',
                                        props), [None] * len(TOPOLOGIES))
            self.assertIsNotNone(self.look(machine, cpu_option(
                'base', {**props, 'enforce': True}), '1'))


class IntelPtTcg(IntelPt, unittest.TestCase):
    """Under TCG, which can't do it."""
    accel = 'tcg'


class IntelPtKvm(NeedsKvm, IntelPt, unittest.TestCase):
    """Where KVM offers it."""
    accel = 'kvm'
    offers = spec(INTEL_PT)


if __name__ == '__main__':
    unittest.main()
