#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
l1d-cache-info and its relatives, and how -cpu takes values, judged by guests.

Answers: does a guest see each cache that a property takes, in every leaf
that has caches, up to the largest values?  Is every other one refused, with
its reason?  Is what a running CPU says of its caches what the guest has?
Does the order of properties matter?  What does -cpu make of commas, and of
a compat-anchor that is given twice?

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_cache_properties
"""

import asyncio
import itertools
import subprocess
import unittest

from cpu_models import (
    NEWEST, QEMU, LabChecks, cpu_option, differences, expansion, plug_cpu,
    show_differences,
)
from guest_cpuid import REGISTERS, ZEROS, Guest
from release_line import NEWEST_VERSION, of_line
from test_removed_features import NeedsKvm

NAMES = ['l1d-cache-info', 'l1i-cache-info', 'l2-cache-info',
         'l3-cache-info']
FLAGS = ['self-init', 'no-invd-sharing', 'inclusive', 'complex-indexing']

L1D = '48K:line=64:ways=12:sets=64:share=core'
L1I = '64K:line=64:ways=4:sets=256:share=core:self-init'
L2 = '2M:line=64:ways=16:sets=2048:share=module:no-invd-sharing'
L3 = ('32M:line=64:ways=16:sets=32768:share=die:self-init:inclusive:'
      'complex-indexing')
SOME = dict(zip(NAMES, [L1D, L1I, L2, L3]))

# AMD's, for all leaves with caches: Intel's are there too without this rule.
ALL_LEAVES = {'vendor': 'AuthenticAMD', 'x-vendor-cpuid-only': False,
              'x-amd-topoext-features-only': False}
# From 10.1 on, upstream's models have ways without a code in leaf 0x80000006.
UNCODED = NEWEST_VERSION > (10, 0)
if UNCODED:
    ALL_LEAVES['x-vendor-cpuid-only-v2'] = False

# The largest of each value, in texts that differ from SOME in one cache
LARGEST = [
    ('l1d-cache-info', '255K:line=64:ways=60:sets=68:share=core'),
    ('l1d-cache-info', '255K:line=255:ways=1:sets=1024:share=core'),
    ('l1d-cache-info', '127K:line=1:ways=254:sets=512:share=core'),
    ('l1d-cache-info', '255K:line=1:ways=1:partitions=255:sets=1024:'
                       'tag-lines=255:share=core'),
    ('l1i-cache-info', '255K:line=255:ways=4:sets=256:share=core'),
    ('l1i-cache-info', '127K:line=1:ways=254:sets=512:tag-lines=255:'
                       'share=core'),
    ('l1i-cache-info', '255K:line=1:ways=1:partitions=255:sets=1024:'
                       'share=core'),
    ('l2-cache-info', '65535K:line=64:ways=16:sets=65535:share=core'),
    ('l2-cache-info', '65528K:line=64:ways=128:sets=8191:tag-lines=15:'
                      'share=core'),
    ('l2-cache-info', '65280K:line=255:ways=128:partitions=2:sets=1024:'
                      'share=core'),
    ('l2-cache-info', '65280K:line=1:ways=128:partitions=255:sets=2048:'
                      'share=core'),
    ('l3-cache-info', '4294443008:line=64:ways=16:sets=4193792:share=die'),
    ('l3-cache-info', '4294443008:line=1:ways=1:sets=4294443008:share=die'),
    ('l3-cache-info', '130560K:line=255:ways=128:partitions=2:sets=2048:'
                      'tag-lines=15:share=die'),
    ('l3-cache-info', '130560K:line=1:ways=128:partitions=255:sets=4096:'
                      'share=die'),
    # The smallest
    ('l1d-cache-info', '1K:line=1:ways=1:sets=1024:share=core'),
    ('l2-cache-info', '1K:line=16:ways=4:sets=16:share=core'),
    ('l3-cache-info', '512K:line=64:ways=1:sets=8192:share=die'),
] + [('l2-cache-info', f'768K:line=64:ways={ways}:sets={12288 // ways}:'
                       'share=core')
     for ways in (1, 2, 4, 8, 16, 32, 48, 64, 96)]
if UNCODED:
    LARGEST += [
        ('l2-cache-info', '3M:line=64:ways=12:sets=4096:share=core'),
        ('l2-cache-info', '254K:line=1:ways=254:sets=1024:tag-lines=0:'
                          'share=core'),
        ('l3-cache-info', '60M:line=64:ways=15:sets=65536:tag-lines=0:'
                          'share=die')]

KEYS = ('line, ways, partitions, sets, tag-lines, share, self-init, '
        'no-invd-sharing, inclusive, complex-indexing')
SIZE = "'{}' is not a size: decimal digits, in bytes or with K or M"
NUMBER = "'{}' of '{}' is not a decimal number from 1 to {}"
CODES = ('which has codes for 1, 2, 4, 8, 16, 32, 48, 64, 96, 128')
ABOVE = '{} is above {}, the maximum of {}'
PRODUCT = ('the size {} is not line x ways x partitions x sets, which is {}')

# cache, text, what is wrong with it
BAD = [
    # One above the largest
    ('l1d', '262144:line=64:ways=8:sets=512:share=core', ABOVE.format(
        'the size 262144', 261120, 'CPUID leaf 0x80000005 ECX[31:24]')),
    ('l1i', '256K:line=64:ways=8:sets=512:share=core', ABOVE.format(
        'the size 262144', 261120, 'CPUID leaf 0x80000005 EDX[31:24]')),
    ('l2', '64M:line=64:ways=16:sets=65536:share=core', ABOVE.format(
        'the size 67108864', 67107840, 'CPUID leaf 0x80000006 ECX[31:16]')),
    ('l3', '4096M:line=64:ways=16:sets=4194304:share=die', ABOVE.format(
        'the size 4294967296', 4294967295, "QEMU's 32 bits")),
    ('l1d', '255K:line=256:ways=1:sets=1020:share=core', ABOVE.format(
        'line=256', 255, 'CPUID leaf 0x80000005 ECX[7:0]')),
    ('l1d', '32K:line=8192:ways=1:sets=4:share=core', ABOVE.format(
        'line=8192', 255, 'CPUID leaf 0x80000005 ECX[7:0]')),
    ('l1i', '255K:line=256:ways=1:sets=1020:share=core', ABOVE.format(
        'line=256', 255, 'CPUID leaf 0x80000005 EDX[7:0]')),
    ('l2', '2M:line=256:ways=8:sets=1024:share=core', ABOVE.format(
        'line=256', 255, 'CPUID leaf 0x80000006 ECX[7:0]')),
    ('l3', '2M:line=256:ways=8:sets=1024:share=core', ABOVE.format(
        'line=256', 255, 'CPUID leaf 0x80000006 EDX[7:0]')),
    ('l1d', '255K:line=1:ways=255:sets=1024:share=core', ABOVE.format(
        'ways=255', 254, 'CPUID leaf 0x80000005 ECX[23:16]')),
    ('l1i', '256K:line=1:ways=256:sets=1024:share=core', ABOVE.format(
        'the size 262144', 261120, 'CPUID leaf 0x80000005 EDX[31:24]')),
    ('l1i', '128K:line=1:ways=256:sets=512:share=core', ABOVE.format(
        'ways=256', 254, 'CPUID leaf 0x80000005 EDX[23:16]')),
    *([('l2', '1020K:line=4:ways=255:sets=1024:share=core', ABOVE.format(
        'ways=255', 254, "QEMU's 8 bits")),
       ('l1d', L1D + ':tag-lines=x', NUMBER.format('x', 'tag-lines', 255)),
       ('l3', L3 + ':partitions=0', NUMBER.format('0', 'partitions', 255)),
       ] if UNCODED else
      [('l2', '1M:line=4:ways=129:sets=2032:share=core', ABOVE.format(
          'ways=129', 128, 'CPUID leaf 0x80000006 ECX[15:12]')),
       ('l3', '1M:line=4:ways=255:sets=1028:share=core', ABOVE.format(
           'ways=255', 128, 'CPUID leaf 0x80000006 EDX[15:12]')),
       ('l2', '3M:line=64:ways=12:sets=4096:share=core', 'ways=12 has no '
        f'code in CPUID leaf 0x80000006 ECX[15:12], {CODES}'),
       ('l3', '60M:line=64:ways=15:sets=65536:share=die', 'ways=15 has no '
        f'code in CPUID leaf 0x80000006 EDX[15:12], {CODES}')]),
    ('l1d', '128K:line=1:ways=1:partitions=256:sets=512:share=core',
     ABOVE.format('partitions=256', 255, "QEMU's 8 bits")),
    ('l2', '128K:line=1:ways=1:sets=4294967296:share=core',
     ABOVE.format('sets=4294967296', 4294967295, "QEMU's 32 bits")),
    ('l1d', L1D + ':tag-lines=256', ABOVE.format(
        'tag-lines=256', 255, 'CPUID leaf 0x80000005 ECX[15:8]')),
    ('l1i', L1D + ':tag-lines=256', ABOVE.format(
        'tag-lines=256', 255, 'CPUID leaf 0x80000005 EDX[15:8]')),
    ('l2', L2 + ':tag-lines=16', ABOVE.format(
        'tag-lines=16', 15, 'CPUID leaf 0x80000006 ECX[11:8]')),
    ('l3', L3 + ':tag-lines=16', ABOVE.format(
        'tag-lines=16', 15, 'CPUID leaf 0x80000006 EDX[11:8]')),
    # Units
    ('l1d', '32767:line=1:ways=1:sets=32767:share=core',
     'the size 32767 is not a multiple of 1024, the unit of CPUID leaf '
     '0x80000005 ECX[31:24]'),
    ('l2', '100:line=1:ways=1:sets=100:share=core',
     'the size 100 is not a multiple of 1024, the unit of CPUID leaf '
     '0x80000006 ECX[31:16]'),
    ('l3', '256K:line=64:ways=1:sets=4096:share=core',
     'the size 262144 is not a multiple of 524288, the unit of CPUID leaf '
     '0x80000006 EDX[31:18]'),
    # Values that don't fit each other
    ('l2', '512K:line=64:ways=8:sets=1000:share=die',
     PRODUCT.format(524288, 512000)),
    ('l1d', '128K:line=255:ways=254:partitions=255:sets=4294967295:'
            'share=core',
     PRODUCT.format(131072, 255 * 254 * 255 * 4294967295)),
    ('l2', '1K:line=64:ways=4:sets=4:share=die',
     '4 ways are not fewer than 4 sets'),
    # Numbers
    *[('l2', text, SIZE.format(text)) for text in (
        'x', '0', '0K', ' 2M', '2M ', '+2M', '-2M', '.03125M', '2.5M', '2G',
        '2k', '2MK', 'M', '0x200', '02M', '1e6', '99999999999999999999',
        '99999999999999999M')],
    ('l2', ':line=64', SIZE.format('')),
    *[('l1d', f'32K:line={text}:ways=8:sets=64:share=core',
       NUMBER.format(text, 'line', 255)) for text in (
           '', '0', '+64', '-64', ' 64', '64 ', '0x40', '064', '64K', 'on',
           '99999999999999999999')],
    ('l2', '2M:ways=x', NUMBER.format('x', 'ways', 254 if UNCODED else 128)),
    ('l3', '2M:tag-lines=x', NUMBER.format('x', 'tag-lines', 15)),
    # Keys
    *[('l2', f'{L2}:{text}', f"'{text.split('=', maxsplit=1)[0]}' is given "
       'twice') for text in (
           'line=64', 'line=128', 'ways=16', 'sets=2048', 'share=module',
           'share=core', 'no-invd-sharing')],
    ('l2', L2 + ':partitions=1:partitions=1', "'partitions' is given twice"),
    ('l2', L2 + ':tag-lines=1:tag-lines=1', "'tag-lines' is given twice"),
    ('l2', '2M:ways=16:sets=2048:share=core', "'line' is missing"),
    ('l2', '2M:line=64:sets=2048:share=core', "'ways' is missing"),
    ('l2', '2M:line=64:ways=16:share=core', "'sets' is missing"),
    ('l2', '2M:line=64:ways=16:sets=2048',
     "'share' is missing: core, module, die or socket"),
    *[('l2', f'2M:share={text}',
       f"'{text}' of 'share' is not core, module, die or socket")
      for text in ('thread', 'invalid', 'Core', 'core ', '')],
    *[('l2', f'2M:{text}', f"unknown key '{key}'; use {KEYS}")
      for text, key in (('foo', 'foo'), ('foo=1', 'foo'), ('', ''),
                        (' line=64', ' line'), ('line =64', 'line '),
                        ('size=2M', 'size'), ('LINE=64', 'LINE'))],
    ('l2', L2 + ':', f"unknown key ''; use {KEYS}"),
    ('l2', '2M:inclusive=1', "'inclusive' takes no value"),
    ('l2', '2M:line', "'line' needs a value"),
    ('l2', '2M:share', "'share' needs a value"),
]


# Model, machine type, and caches that go with legacy-cache=on
ORDERS = [
    ('EPYC', NEWEST, NAMES[2:3]),
    # Here legacy-cache is on by a compat property.
    ('EPYC', of_line('pc-q35-2.12'), NAMES[2:3]),
    ('Haswell', NEWEST, NAMES),
]


def parse(text):
    """A cache as a dict"""
    size, *parts = text.split(':')
    cache = {'partitions': '1', 'tag-lines': '1'}
    cache.update((part + '=').split('=')[:2] for part in parts)
    found = {key: int(cache[key]) for key in
             ('line', 'ways', 'partitions', 'sets', 'tag-lines')}
    found['size'] = int(size.rstrip('KM')) << {'K': 10, 'M': 20}.get(
        size[-1], 0)
    found['share'] = cache['share']
    found['flags'] = {flag for flag in FLAGS if flag in cache}
    return found


# Type and level (SDM vol. 2A, CPUID leaf 4; APM vol. 3, leaf 0x8000001D)
KINDS = [(1, 1), (2, 1), (3, 2), (3, 3)]
# APM vol. 3, appendix E.4, L2/L3 Cache and TLB Associativity Field Encoding
ASSOCIATIVITY = {1: 1, 2: 2, 4: 4, 8: 6, 16: 8, 32: 0xa, 48: 0xb, 64: 0xc,
                 96: 0xd, 128: 0xe}


def bits(value, high, low):
    """A field of a register, which must hold the value"""
    assert 0 <= value < 1 << high - low + 1, value
    return value << low


def expected(texts, sharing=None):
    """
    The registers that show caches with these texts, by leaf and sub-leaf

    sharing: how many APIC IDs, less one, share a cache of some level.  The
    number of cores (leaf 4, EAX[31:26]) is not in it.
    """
    found = {}
    for i, (text, (kind, level)) in enumerate(zip(texts, KINDS)):
        cache = parse(text)
        registers = (
            bits(kind, 4, 0) | bits(level, 7, 5)
            | bits('self-init' in cache['flags'], 8, 8)
            | bits((sharing or {}).get(cache['share'], 0), 25, 14),
            bits(cache['line'] - 1, 11, 0)
            | bits(cache['partitions'] - 1, 21, 12)
            | bits(cache['ways'] - 1, 31, 22),
            bits(cache['sets'] - 1, 31, 0),
            bits('no-invd-sharing' in cache['flags'], 0, 0)
            | bits('inclusive' in cache['flags'], 1, 1)
            | bits('complex-indexing' in cache['flags'], 2, 2))
        for leaf in 4, 0x8000001d:
            found.update({(leaf, i, name): value for name, value
                          in zip(REGISTERS, registers)})
        low = bits(cache['line'], 7, 0)
        if i < 2:
            found[0x80000005, 0, ('ECX', 'EDX')[i]] = (
                bits(cache['size'] >> 10, 31, 24)
                | bits(cache['ways'], 23, 16)
                | bits(cache['tag-lines'], 15, 8) | low)
        else:
            found[0x80000006, 0, ('ECX', 'EDX')[i - 2]] = (
                (bits(cache['size'] >> 10, 31, 16) if i == 2 else
                 bits(cache['size'] >> 19, 31, 18))
                | bits(ASSOCIATIVITY.get(cache['ways'], 0), 15, 12)
                | bits(cache['tag-lines'], 11, 8) | low)
    return found


def unlike(view, registers):
    """What is not as expected in a view"""
    found = []
    for (leaf, subleaf, name), value in registers.items():
        seen = view.cpuid.get((leaf, subleaf), ZEROS)[REGISTERS.index(name)]
        if leaf == 4 and name == 'EAX':
            seen &= 0x3ffffff
        if seen != value:
            found.append(f'{leaf:x}h.{subleaf} {name}: {seen:#x}, not '
                         f'{value:#x}')
    return found


class Checks(LabChecks):
    """The tests of what guests see, for one accelerator"""

    def test_1_largest(self):
        """Guests see the largest values in every leaf that has caches"""
        cases = [{**SOME, name: text} for name, text in LARGEST]
        keys = [(NEWEST, cpu_option('EPYC', {**self.lab.extra, **ALL_LEAVES,
                                             **caches}), '1')
                for caches in [SOME, *cases]]
        problems = []
        for key, view, caches in zip(
                keys, asyncio.run(self.lab.look(keys)), [SOME, *cases]):
            found = (unlike(view, expected(caches.values()))
                     if hasattr(view, 'cpuid') else [str(view)])
            problems += [f'{key[1]}: {what}' for what in found]
        self.fail_if(problems)

    async def live(self, args, hotplug):
        """
        What running CPUs say of their caches: the first and one that is
        plugged in; what the guest sees of each CPU that can be looked at.
        """
        async with Guest(QEMU, args, self.accel) as guest:
            paths = [(await guest.qmp.execute('query-cpus-fast'))[0]
                     ['qom-path']]
            if hotplug:
                paths.append(await plug_cpu(guest))
            texts = [[await guest.qmp.execute(
                'qom-get', {'path': path, 'property': name})
                for name in NAMES] for path in paths]
            views = (guest.cpu_views() if self.accel == 'kvm'
                     else [await guest.view()])
            return texts, [views[0], views[-1]]

    def test_2_running_cpu(self):
        """A running CPU says which caches the guest has"""
        smp = '15,sockets=1,dies=2,modules=2,cores=2,threads=2,maxcpus=16'
        sharing = {'core': 1, 'module': 3, 'die': 7, 'socket': 15}
        own = [parse(text) for text in SOME.values()]
        for options, cpu, caches, shares in [
                ('', 'EPYC', SOME, ('core', 'core', 'module', 'die')),
                ('l2=die', 'EPYC', SOME, ('core', 'core', 'die', 'die')),
                ('l1d=module,l1i=module,l2=die,l3=socket', 'EPYC', SOME,
                 ('module', 'module', 'die', 'socket')),
                ('l2=module', 'EPYC', {}, ('core', 'core', 'module', 'die')),
                ('l3=socket', 'base', {**SOME, 'xlevel': 0x8000001e,
                                       'level': 4},
                 ('core', 'core', 'module', 'socket'))]:
            machine = NEWEST
            for i, part in enumerate(filter(None, options.split(','))):
                cache, level = part.split('=')
                machine += (f',smp-cache.{i}.cache={cache},'
                            f'smp-cache.{i}.topology={level}')
            args = ['-machine', machine, '-smp', smp, '-cpu', cpu_option(
                cpu, {**self.lab.extra, **ALL_LEAVES, **caches})]
            with self.subTest(options, cpu=cpu):
                all_texts, views = asyncio.run(self.live(args, True))
                self.assertEqual(len(all_texts), 2)
                for texts, view in zip(all_texts, views):
                    self.assertEqual([parse(t)['share'] for t in texts],
                                     list(shares))
                    if caches:
                        self.assertEqual(
                            [{**parse(t), 'share': ''} for t in texts],
                            [{**c, 'share': ''} for c in own])
                    self.fail_if(unlike(view, expected(texts, sharing)))

    def test_3_running_cpu_without(self):
        """It says nothing of caches that it can't describe"""
        for cpu in ('Haswell', 'EPYC,legacy-cache=on',
                    cpu_option('max', {**SOME, 'host-cache-info': True})):
            args = ['-machine', NEWEST, '-cpu', cpu_option(
                cpu, self.lab.extra)]
            texts, _ = asyncio.run(self.live(args, False))
            self.assertEqual(texts, [[''] * 4], cpu)

    def test_4_order(self):
        """Caches that are given win over legacy-cache, in any order"""
        for model, machine, names in ORDERS:
            texts = [(name, SOME[name]) for name in names]
            alone = cpu_option(model, {**self.lab.extra, **dict(texts)})
            keys = [(machine, alone, '1')]
            legacy = [('legacy-cache', 'on')]
            for props in (legacy + texts, texts + legacy,
                          texts[:1] + legacy + texts[1:]):
                keys.append((machine, cpu_option(
                    model, {**self.lab.extra, **dict(props)}), '1'))
            first, *rest = asyncio.run(self.lab.look(keys))
            for key, view in zip(keys[1:], rest):
                self.assertFalse(differences(first, view), (
                    key, show_differences(differences(first, view))))
            # It is not what comes without them.
            plain, = asyncio.run(self.lab.look(
                [(machine, cpu_option(model, self.lab.extra), '1')]))
            self.assertTrue(differences(first, plain))

    def test_5_order_in_expansions(self):
        """Nor does it matter in expansions, -global and QMP"""
        for model, machine, names in ORDERS:
            texts = [(name, SOME[name]) for name in names]
            legacy = ('legacy-cache', True)
            ways = []
            for props in itertools.islice(
                    itertools.permutations([legacy, *texts]), 24):
                ways.append(([], dict(props)))
            driver = f'{model}-x86_64-cpu'
            glob = [f'{driver}.{name}={text}' for name, text in texts]
            ways += [
                (['-global', f'{driver}.legacy-cache=on'], dict(texts)),
                ([x for g in glob for x in ('-global', g)],
                 {'legacy-cache': True}),
                (['-global', f'{driver}.legacy-cache=on',
                  '-cpu', cpu_option(model, dict(texts))], {}),
                (['-cpu', model + ',legacy-cache=on',
                  *[x for g in glob for x in ('-global', g)]], {}),
            ]
            for args, group in itertools.groupby(ways, lambda way: way[0]):
                questions = [expansion(kind, model, props)
                             for _, props in group
                             for kind in ('static', 'full')]
                answers = self.lab.ask(questions, '-machine', machine, *args)
                for question, answer in zip(questions, answers):
                    props = answer['return']['model']['props']
                    self.assertIs(props['legacy-cache'], False, question)
                    if question[1]['type'] == 'static':
                        self.assertEqual(
                            [parse(props[name]) for name in names],
                            [parse(SOME[name]) for name in names])
                        self.assertLessEqual(set(NAMES), set(props))

    def test_6_incomplete(self):
        """legacy-cache=on does not make up for caches that are missing"""
        for order in itertools.permutations(
                ['legacy-cache=on', f'l2-cache-info={L2}']):
            self.assertIn('l1d-cache-info is missing', start_error(
                '-accel', self.accel, '-machine', NEWEST, '-cpu',
                'Haswell,' + ','.join(order)))


def start_error(*args):
    """What QEMU says instead of starting"""
    done = subprocess.run(
        [QEMU, '-S', '-display', 'none', '-nodefaults', *args], check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1, (args, done)
    return done.stderr.decode()


class TestTcg(Checks, unittest.TestCase):
    """Under TCG"""
    accel = 'tcg'

    def test_bad(self):
        """What no CPU can have is refused, and the error says why"""
        questions = [expansion('static', 'EPYC', {f'{cache}-cache-info': text})
                     for cache, text, _ in BAD]
        answers = self.lab.ask(questions)
        for (cache, text, error), answer in zip(BAD, answers):
            self.assertEqual(
                answer.get('error', {}).get('desc'),
                f"Invalid {cache}-cache-info '{text}': {error}", text)

    def test_long(self):
        """An error shows the beginning of what is long"""
        for text in 'x' * 100000, '2M:' + 'x' * 100000, '2M:line=' + '9' * 99:
            answer, = self.lab.ask([expansion('static', 'EPYC', {
                'l2-cache-info': text})])
            self.assertLess(len(answer['error']['desc']), 700)

    def test_upstream(self):
        """The caches of all CPU models are taken as they are printed"""
        answers = self.lab.ask([expansion('static', name)
                                for name in self.lab.models])
        models = {}
        for name, answer in zip(self.lab.models, answers):
            props = answer['return']['model']['props']
            if not props['legacy-cache']:
                models[name] = {key: props[key] for key in NAMES}
        self.assertLessEqual({'EPYC', 'EPYC-Genoa', 'Dhyana-v2'}, set(models))
        answers = self.lab.ask([expansion('static', 'base', caches)
                                for caches in models.values()])
        for (name, caches), answer in zip(models.items(), answers):
            self.assertIn('return', answer, name)
            props = answer['return']['model']['props']
            self.assertEqual({key: props[key] for key in NAMES}, caches)
            # Those who read it need no more than this test does.
            expected(caches.values())

    def properties(self, args, names):
        """Properties of the boot CPU"""
        args = ['-machine', NEWEST, *args]
        path = self.lab.ask([('query-cpus-fast', {})], *args)[0]['return'][0][
            'qom-path']
        return [answer['return'] for answer in self.lab.ask(
            [('qom-get', {'path': path, 'property': name})
             for name in names], *args)]

    def test_commas(self):
        """Two commas are one, and every other character is itself"""
        for text, model_id in [
                ('model-id=a\1b', 'a\1b'),
                ('model-id=\1', '\1'),
                ('model-id=a.b,,c', 'a.b,c'),
                ('model-id=a\1,,\1b', 'a\1,\1b'),
                ('model-id=,,', ','),
                ('model-id=,,,,', ',,'),
                ('model-id=a,,,pmu=off', 'a,'),
                ('pmu=off,model-id=,,a', ',a'),
                ('model-id=a,,b,model-id=c,,d', 'c,d'),
                ('model-id=\x7f\x1f;:', '\x7f\x1f;:'),
                ('model-id=a,', 'a'),
                # The first comma ends the name of the model, as ever.
                (',model-id=a', 'a'),
                ('model-id=a,min-level=7,', 'a')]:
            self.assertEqual(self.properties(
                ['-cpu', 'EPYC,' + text], ['model-id']), [model_id], text)

    def test_bad_commas(self):
        """A comma that is in a name makes it another name"""
        for text, error in [
                ('EPYC,,,x', "Property 'EPYC-x86_64-cpu.,x' not found"),
                ('EPYC,pmu,,x=on', "'EPYC-x86_64-cpu.pmu,x' not found"),
                ('EPYC,pmu=on,,', "EPYC-x86_64-cpu.pmu=on,: Parameter 'pmu' "
                 "expects 'on' or 'off'"),
                ('EPYC,pmu\1=on', "'EPYC-x86_64-cpu.pmu\1' not found"),
                (',EPYC', "unable to find CPU model ''"),
                (',,', "unable to find CPU model ''")]:
            self.assertIn(error.lower(), start_error(
                '-accel', 'tcg', '-machine', NEWEST, '-cpu', text).lower())

    def test_anchors(self):
        """Of several compat-anchor=, the last one counts"""
        old, new = of_line('pc-q35-3.1'), 'pc-i440fx-8.0'
        anchor = 'base-x86_64-cpu.compat-anchor='

        answers = self.lab.ask([
            expansion('full', 'base', {'compat-anchor': value})
            for value in (old, new, '')], '-machine', NEWEST)
        old_props, new_props, no_props = [
            reply['return']['model']['props'] for reply in answers]
        # More differs than compat-anchor itself.
        for one, other in itertools.combinations(
                [old_props, new_props, no_props], 2):
            self.assertGreater(sum(one[key] != other[key] for key in one), 1)
        for args, props, what in [
                (['-cpu', f'base,compat-anchor={old},compat-anchor={new}'],
                 None, new_props),
                (['-cpu', f'base,compat-anchor={new},compat-anchor={old}'],
                 None, old_props),
                (['-cpu', f'base,compat-anchor={new},compat-anchor={old},'
                  f'compat-anchor={new}'], None, new_props),
                (['-cpu', f'base,compat-anchor={new},compat-anchor='], None,
                 no_props),
                (['-cpu', f'base,compat-anchor=,compat-anchor={old}'], None,
                 old_props),
                (['-global', anchor + old, '-global', anchor + new], None,
                 new_props),
                (['-global', anchor + new, '-global', anchor + old], None,
                 old_props),
                (['-global', anchor + new, '-cpu',
                  f'base,compat-anchor={old}'], None, old_props),
                (['-cpu', f'base,compat-anchor={old}'],
                 {'compat-anchor': new}, new_props),
                (['-cpu', f'base,compat-anchor={old},compat-anchor={new}'],
                 {'compat-anchor': old}, old_props),
                (['-cpu', f'base,compat-anchor={old}'],
                 {'compat-anchor': ''}, no_props)]:
            reply, = self.lab.ask([expansion('full', 'base', props)],
                                  '-machine', NEWEST, *args)
            found = reply['return']['model']['props']
            self.assertEqual(found, what, (args, props))

    def test_bad_anchors(self):
        """isapc is neither an anchor nor a cpu-compat"""
        versions = 'isapc is unversioned'
        anchor = f"compat-anchor=isapc can't be used: {versions}"
        for args, error in [
                (['-machine', f'{NEWEST},cpu-compat=isapc'], versions),
                (['-cpu', 'base,compat-anchor=isapc'], anchor),
                (['-cpu', f'base,compat-anchor=isapc,compat-anchor={NEWEST}'],
                 anchor),
                (['-cpu', f'base,compat-anchor={NEWEST},compat-anchor=isapc'],
                 anchor),
                (['-cpu', f'base,compat-anchor=x,compat-anchor={NEWEST}'],
                 "Invalid compat-anchor: Machine type 'x' not found")]:
            if args[0] == '-cpu':
                args = ['-machine', NEWEST, *args]
            self.assertIn(error, start_error('-accel', 'tcg', *args))
        answer, = self.lab.ask([expansion('static', 'base', {
            'compat-anchor': 'isapc'})])
        self.assertEqual(answer['error']['desc'], anchor)


class TestKvm(NeedsKvm, Checks, unittest.TestCase):
    """Under KVM"""


if __name__ == '__main__':
    unittest.main()
