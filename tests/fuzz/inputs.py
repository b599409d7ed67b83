# SPDX-License-Identifier: GPL-2.0-or-later
"""
Random CPUs, properties and commands.

What there is to choose from comes from the QEMU that is fuzzed, so that
whatever is new there is fuzzed, too.  All choices come from the source of
random numbers that is given: the same seed makes the same inputs.
"""

import re

from qemu_process import Qemu
from release_line import NEWEST, NEWEST_I440FX, OLDEST, of_line

INTEGERS = [0, 1, 2, 4, 5, 7, 0xb, 0xd, 0x14, 0x1f, 0x24, 36, 40, 52, 64,
            255, 256, 4095, 4096, 4097, 65535, 65536, 0x80000000, 0x80000008,
            0xffffffff,
            1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64, -1,
            -(1 << 31), -(1 << 63), -(1 << 63) - 1]
TEXTS = ['', ' ', ',', ',,', '=', 'on', 'off', 'auto', 'on,', 'yes', 'true',
         '0', '-1', '0x10', '1e400', 'nan', '%s%n%1000000d', 'a=b,c=d', '+',
         '-', '\x01', 'a\x01b', '\t', '\n', 'a\nb', '\x7f', '\x00',
         'GenuineIntel', 'AuthenticAMD', 'äöü', '\u20ac' * 12, '\U0001f600',
         '0123456789abcdef' * 3, NEWEST, 'isapc', 'x86', 'none',
         '/machine', '../..', '[0]', 'x' * 4096]
HUGE = ['x' * (1 << 20), ',' * (1 << 18), '\\' * 70000, 'f-' * 40000]

CACHES = {
    'l1d-cache-info': ['32K:line=64:ways=8:sets=64:share=core',
                       '65536:line=64:ways=4:sets=256:share=core:self-init'],
    'l1i-cache-info': ['32K:line=64:ways=8:sets=64:share=core',
                       '65536:line=64:ways=4:sets=256:share=core'],
    'l2-cache-info': ['512K:line=64:ways=8:sets=1024:share=core',
                      '1M:line=64:ways=16:sets=1024:share=module'],
    'l3-cache-info': ['16M:line=64:ways=16:sets=16384:share=die:inclusive',
                      '32M:line=64:ways=16:sets=32768:share=socket:'
                      'complex-indexing:no-invd-sharing'],
}
CACHE_PARTS = ['32K', '1M', '0', '-1', '+64', '.5M', '4G', '16E',
               '18446744073709551615', 'line=64', 'line=8192', 'line=0',
               'ways=8', 'ways=65535', 'ways=0', 'sets=64', 'sets=4294967295',
               'sets=4294967296', 'partitions=1', 'partitions=4097',
               'tag-lines=2', 'tag-lines=256', 'share=core', 'share=thread',
               'share=die', 'share=', 'share', 'self-init', 'inclusive',
               'inclusive=on', 'complex-indexing', 'line', '=', '', ' ', 'x',
               'line=64=64']

# Machine types that the tests start with; asked for are all.
MACHINES = [NEWEST, NEWEST_I440FX, 'pc-q35-9.0', of_line('pc-q35-5.0'),
            OLDEST, of_line('pc-i440fx-3.1'), 'isapc']
BAD_MACHINES = ['none', 'microvm', 'x-remote', 'x86', 'generic-pc', 'pc-q35',
                'pc-q35-99.0', f'{NEWEST}-machine', '', ' ', 'machine',
                f'{NEWEST},x', 'xenpv']

# Setting these on a live device is not meant for users and does harm, with
# stock QEMU as well; or they name objects.
NOT_SET = {'realized', 'hotplugged', 'parent_bus', 'memory',
           'start-powered-off'}
# KVM's MSRs may not be there, and then QEMU aborts, as stock QEMU does.
NEVER_KVM = re.compile(r'(f-)?(arch-capabilities|vmx-.*|core-capability|lmce|'
                       r'perfmon.*|host-cache-info|hv-.*|x-force-features)$')


class Knowledge:
    """What a QEMU has, for one accelerator"""

    def __init__(self, binary, accel):
        self.accel = accel
        with Qemu(binary, ['-accel', accel, '-machine', 'none']) as qemu:
            self.models = sorted(d['name'] for d in
                                 qemu.ask('query-cpu-definitions'))
            self.machines = sorted(
                m['name'] for m in qemu.ask('query-machines')
                if re.match(r'(pc-|isapc$)', m['name']))
            props = qemu.ask('device-list-properties',
                             {'typename': 'max-x86_64-cpu'})
            self.types = {p['name']: p['type'] for p in props}
            schema = {s['name']: s for s in qemu.ask('query-qmp-schema')}
        with Qemu(binary, ['-accel', accel, '-machine', NEWEST,
                           '-cpu', 'qemu64']) as qemu:
            props = qemu.ask('qom-list', {'path': CPU0})
        self.live = sorted(p['name'] for p in props
                           if not p['type'].startswith(('child<', 'link<')))
        self.live_values = sorted(
            p['name'] for p in props if p['name'] in self.live
            and p['type'] != 'bool' and not p['name'].startswith('f-'))
        if accel == 'kvm':
            self.types = {name: kind for name, kind in self.types.items()
                          if not NEVER_KVM.match(name)}
        self.names = sorted(self.types)
        self.flags = [n for n in self.names if n.startswith('f-')]
        # Commands about CPU models, and the types of their arguments
        self.queries = {}
        for name, entity in sorted(schema.items()):
            if entity['meta-type'] == 'command' and \
                    name.startswith('query-cpu') and \
                    name not in ('query-cpu-model-expansion',):
                self.queries[name] = {
                    m['name']: schema[m['type']]
                    for m in schema[entity['arg-type']]['members']}


CPU0 = '/machine/unattached/device[0]'


def hostile(rng, depth=0):
    """Any JSON value"""
    kind = rng.randrange(11)
    if kind < 3:
        return rng.choice(TEXTS)
    if kind < 5:
        return rng.choice(INTEGERS)
    if kind == 5:
        return rng.choice([None, True, False, 0.5, -1e300, 1e308])
    if kind == 6:
        return ''.join(chr(rng.choice([rng.randrange(1, 128),
                                       rng.randrange(1, 0xd800)]))
                       for _ in range(rng.randrange(40)))
    if kind == 7 and rng.random() < 0.05:
        return rng.choice(HUGE)
    if kind == 8 and rng.random() < 0.1:
        nested = rng.choice([[], {}, 0])
        for _ in range(rng.choice([10, 100, 1000])):
            nested = [nested] if rng.random() < 0.5 else {'a': nested}
        return nested
    if depth < 3:
        if kind == 9:
            return [hostile(rng, depth + 1) for _ in range(rng.randrange(4))]
        return {hostile_text(rng): hostile(rng, depth + 1)
                for _ in range(rng.randrange(4))}
    return 'x'


def hostile_text(rng):
    """Any text"""
    found = hostile(rng, 3)
    return found[:4096] if isinstance(found, str) else rng.choice(TEXTS)


def cache_text(rng):
    """The text of a cache, most often with one thing wrong"""
    kind = rng.random()
    if kind < 0.2:
        return ':'.join(rng.choice(CACHE_PARTS)
                        for _ in range(rng.randrange(12)))
    parts = rng.choice(rng.choice(list(CACHES.values()))).split(':')
    at = rng.randrange(len(parts))
    if kind < 0.4:
        parts[at] = rng.choice(CACHE_PARTS)
    elif at == 0:
        parts[0] = str(rng.choice(INTEGERS))
    else:
        key = parts[at].partition('=')[0]
        parts[at] = f'{key}={rng.choice(INTEGERS)}'
    return ':'.join(parts)


def value(rng, know, name):
    """A value for a property, most often one of its type"""
    if rng.random() < 0.06:
        return hostile(rng)
    if name in CACHES:
        return (rng.choice(CACHES[name]) if rng.random() < 0.3
                else cache_text(rng))
    if name == 'compat-anchor':
        return rng.choice(know.machines + BAD_MACHINES + TEXTS)
    kind = know.types.get(name, 'str')
    if kind == 'bool' or name.startswith('f-'):
        # QMP takes no text for it.
        return 'on' if rng.random() < 0.03 else rng.choice([True, False])
    if kind == 'str':
        return rng.choice(TEXTS)
    if kind == 'OnOffAuto':
        return rng.choice(['on', 'off', 'auto'])
    if re.match(r'u?int|size', kind):
        return rng.choice(INTEGERS + list(range(16)))
    return rng.choice([True, False, 1, 'on'])


def prop_name(rng, know):
    kind = rng.randrange(20)
    if kind == 0:
        return hostile_text(rng)
    if kind < 4:
        return rng.choice(list(CACHES))
    if kind < 7 and know.flags:
        return rng.choice(know.flags)
    if kind == 7:
        return 'compat-anchor'
    return rng.choice(know.names)


def props(rng, know, most=6):
    found = {}
    # The first that is wrong ends it: one alone is looked at.
    for _ in range(rng.choice([1, rng.randrange(most + 1)])):
        name = prop_name(rng, know)
        found[name] = value(rng, know, name)
    if rng.random() < 0.15:
        found.update({name: rng.choice(texts)
                      for name, texts in CACHES.items()})
    return found


def model_name(rng, know):
    if rng.random() < 0.05:
        return hostile_text(rng)
    if rng.random() < 0.2:
        return rng.choice(['custom', 'base', 'max', 'host', 'qemu64'])
    return rng.choice(know.models)


def machine_name(rng, know):
    return rng.choice(BAD_MACHINES + TEXTS if rng.random() < 0.15
                      else know.machines)


def model(rng, know):
    """A CpuModelInfo"""
    if rng.random() < 0.15:
        # Nothing else may be wrong.
        return {'name': rng.choice(['EPYC', 'Haswell', 'qemu64', 'base']),
                'props': {rng.choice(list(CACHES)): cache_text(rng)}}
    info = {'name': model_name(rng, know)}
    if rng.random() < 0.7:
        info['props'] = (hostile(rng) if rng.random() < 0.03
                         else props(rng, know))
    if rng.random() < 0.6:
        info['machine-type'] = machine_name(rng, know)
    if rng.random() < 0.03:
        info[rng.choice(TEXTS)] = hostile(rng)
    return info


def sane_model(rng, know):
    """One whose expansion succeeds, most likely"""
    names = [n for n in know.models if n not in ('host', 'custom')]
    return {'name': rng.choice(names),
            'props': {name: rng.choice([True, False])
                      for name in rng.sample(know.flags,
                                             min(3, len(know.flags)))}}


def arguments(rng, know, types):
    """Arguments of a command, by the types that the schema has for them"""
    found = {}
    for name, entity in types.items():
        members = {m['name'] for m in entity.get('members', [])
                   if isinstance(m, dict)}
        if rng.random() < 0.1:
            continue
        if rng.random() < 0.05:
            found[name] = hostile(rng)
        elif {'name', 'props'} <= members:
            found[name] = model(rng, know)
        elif entity['meta-type'] == 'enum':
            found[name] = rng.choice([m['name'] for m in entity['members']])
        elif entity['meta-type'] == 'builtin':
            found[name] = {'boolean': rng.choice([True, False]),
                           'int': rng.choice(INTEGERS),
                           }.get(entity['json-type'],
                                 machine_name(rng, know))
        elif entity['meta-type'] == 'array':
            found[name] = [model(rng, know)
                           for _ in range(rng.randrange(4))]
        else:
            found[name] = hostile(rng)
    return found


def option(setting):
    """The value of a property, for -cpu"""
    if isinstance(setting, bool):
        return 'on' if setting else 'off'
    if isinstance(setting, (list, dict)):
        return 'x'
    return str(setting).replace(',', ',,').replace('\0', '')


def cpu_option(name, settings):
    return ','.join([name] + [f'{key}={option(setting)}'
                              for key, setting in settings.items()])
