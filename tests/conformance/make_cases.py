#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Make conformance cases: requests, and what a live QEMU answers.

    make -C ../guest OUT=DIR
    GUEST_BUILD=DIR PYTHONPATH=<qemu>/python make_cases.py \\
        --models qemu-cpu-models.json --qemu qemu-system-x86_64 \\
        --output 10.0.jsonl.xz

The cases are the same for the same file and seed, on any host.
"""

import argparse
import random
import sys

import conformance
from conformance import DONE, Refusal
from live_qemu import LiveQemu

SEED = 16
COUNT = 10000

# So many cases have the whole answer, so that people see what differs.
WHOLE = 40

VENDORS = ['GenuineIntel', 'AuthenticAMD', 'HygonGenuine', 'CentaurHauls',
           '  Shanghai  ', 'A, b=,c+d-ef']
AUTOMATIC = 0xffffffff

# Values of what is neither a feature nor a switch; all of them are good.
VALUES = {
    'level': [0, 1, 2, 4, 7, 0xd, 0x14, 0x1f, 0x24, AUTOMATIC],
    'xlevel': [0, 0x80000000, 0x80000008, 0x8000001f, AUTOMATIC],
    'xlevel2': [0, 0xc0000000, 0xc0000004, AUTOMATIC],
    'min-level': [0, 1, 5, 7, 0xd, 0x13, 0x14, 0x1f, 0x24, 0x29],
    'min-xlevel': [0, 0x80000004, 0x80000008, 0x8000000a, 0x80000021],
    'min-xlevel2': [0, 0xc0000000, 0xc0000002],
    'level-func7': [0, 1, 2, AUTOMATIC],
    'phys-bits': [0, 32, 36, 40, 46, 48, 52],
    'guest-phys-bits': [0, 32, 40, 47, AUTOMATIC],
    'host-phys-bits-limit': [0, 36, 40, 48, 255],
    'hv-spinlocks': [0, 0xfff, 0x1fff, AUTOMATIC],
    'hv-vendor-id': ['', 'KVM,KVM', 'Microsoft Hv', '0123456789ab'],
    'hv-version-id-build': [0, 14393, AUTOMATIC],
    'hv-version-id-major': [0, 6, 0xffff],
    'hv-version-id-minor': [0, 1, 0xffff],
    'hv-version-id-sbranch': [0, 255],
    'hv-version-id-spack': [0, 3, AUTOMATIC],
    'hv-version-id-snumber': [0, 4711, AUTOMATIC],
    'hv-no-nonarch-coresharing': ['on', 'off', 'auto'],
    'x-hv-max-vps': [-1, 1, 64, -0x80000000, 0x7fffffff],
    'vendor': VENDORS,
    'model-id': ['', 'x', 'A, B,,C', 'a=b,c=d', ',', 'on', ' both ends ',
                 'Intel(R) Xeon(R) CPU, 2.0 GHz @ home', '=' * 47 + ',',
                 'x' * 48 + 'y', '+avx,-avx2'],
    'family': [0, 4, 6, 15, 16, 26, 270],
    'model': [0, 1, 16, 106, 255],
    'stepping': [0, 1, 15],
    'ucode-rev': [0, 1, 0x1000065, 0x100000000, 0x8000000000000000,
                  0xffffffffffffffff],
    'tsc-frequency': [0, 999, 1000, 2500000000, 2500000999,
                      0x7fffffffffffffff],
    'avx10-version': [0, 1, 2],
    'lbr-fmt': [0, 5, 63],
}
# One more than the largest
TOO_LARGE = {
    'level': 1 << 32, 'min-xlevel': 1 << 32, 'level-func7': 1 << 32,
    'phys-bits': 1 << 32, 'guest-phys-bits': 1 << 32,
    'host-phys-bits-limit': 256, 'hv-spinlocks': 1 << 32,
    'hv-version-id-build': 1 << 32, 'hv-version-id-major': 1 << 16,
    'hv-version-id-minor': 1 << 16, 'hv-version-id-sbranch': 256,
    'x-hv-max-vps': 1 << 31, 'family': 271, 'model': 256, 'stepping': 16,
    'ucode-rev': 1 << 64, 'tsc-frequency': 1 << 63, 'lbr-fmt': 64,
    'avx10-version': 256,
}
CACHES = {
    'l1d-cache-info': [
        '32768:line=64:ways=8:partitions=1:sets=64:tag-lines=1:share=core:'
        'self-init:no-invd-sharing',
        '48K:line=64:ways=12:sets=64:share=core',
        '255K:sets=16320:ways=1:line=16:share=socket',
    ],
    'l1i-cache-info': [
        '65536:line=64:ways=4:partitions=1:sets=256:tag-lines=1:share=core',
        '32K:share=core:no-invd-sharing:line=64:ways=8:sets=64',
    ],
    'l2-cache-info': [
        '1M:line=64:ways=8:sets=2048:tag-lines=1:share=module:inclusive',
        '2M:line=64:ways=16:sets=2048:share=core:self-init',
        '1M:line=32:ways=128:partitions=1:tag-lines=15:sets=256:share=die',
    ],
    'l3-cache-info': [
        '33554432:line=64:ways=16:sets=32768:share=die:self-init:inclusive:'
        'complex-indexing',
        '8M:line=64:ways=16:partitions=2:sets=4096:share=socket',
    ],
}
BAD_CACHES = {
    'l1d-cache-info': [
        '32768', '32768:line=64', 'x', '0:line=64:ways=8:sets=64:share=core',
        '32769:line=64:ways=8:sets=64:share=core',
        '32K:line=64:ways=8:sets=64', '32K:line=64:ways=8:sets=64:share=book',
        '32K:line=64:line=64:ways=8:sets=64:share=core',
        '32K:line=64:ways=8:sets=64:share=core:self-init=on',
        '32K:line=064:ways=8:sets=64:share=core',
        '32K:line=64:ways=64:sets=8:share=core',
        '256K:line=64:ways=8:sets=512:share=core',
        '32K:line=64:ways=8:sets=64:share=core:colour=red',
        '32K:line:ways=8:sets=64:share=core',
        '32K:line=64:ways=8:sets=64:share=core:tag-lines=256',
        '32K:line=64:ways=8:sets=64:share=core:inclusive:inclusive',
        '31K:line=64:ways=8:sets=64:share=core',
    ],
    'l2-cache-info': ['1M:line=64:ways=8:sets=2048:share=core:tag-lines=16',
                      '64M:line=64:ways=8:sets=131072:share=core'],
    'l3-cache-info': ['768K:line=64:ways=8:sets=1536:share=die'],
}
NO_MACHINES = ['', 'pc-q35-99.0', 'pc-q35', 'microvm', 'none', 'x', 'PC-Q35-9.0']
NO_MODELS = ['', 'x', 'epyc', 'EPYC-v99', 'EPYC-v1 ', 'base-v1']
NO_NAMES = ['x', 'avx3', 'f-', 'f-level', 'f-kvm', 'AVX', 'f-x', 'sse4.3',
            'f-sse3', 'f-f-avx']

# Models with caches of their own, legacy ones, long mode and none, and more
# that has rules
SOME_MODELS = ['base', '486', 'qemu64', 'qemu32', 'EPYC', 'EPYC-Genoa',
               'Dhyana', 'Broadwell', 'Skylake-Server', 'SapphireRapids',
               'GraniteRapids', 'YongFeng', 'Denverton', 'Opteron_G4']


def option(value):
    """A value as -cpu takes it"""
    if isinstance(value, bool):
        return 'on' if value else 'off'
    return str(value).replace(',', ',,')


class Generator:
    """Requests, by seed, about what is in a file"""

    def __init__(self, models, seed, hosts):
        """
        :param models: what is in qemu-cpu-models.json
        :param hosts: what KVM takes from each host, and its irqchips
        """
        self.random = random.Random(seed)
        self.file = models
        self.hosts = hosts
        self.models = [m['name'] for m in models['models']]
        self.layers = [layer['machine-types'] for layer in models['layers']]
        self.machines = [m for layer in self.layers for m in layer]
        self.newest = self.machines[0]
        self.places = {f['name']: (word['name'], int(f['mask'], 16))
                       for word in models['words'] for f in word['features']}
        self.features = sorted(self.places)
        self.aliases = {f['name']: f['aliases'] for word in models['words']
                        for f in word['features'] if f.get('aliases')}
        self.types = {p['name']: p['type'] for p in models['properties']}
        # What depends on the kernel is not a case.
        self.switches = sorted(n for n, t in self.types.items() if t == 'bool'
                               and n != 'hv-passthrough')
        self.some_models = [m for m in SOME_MODELS if m in self.models]
        self.requests = []

    # What requests are made of

    def pick(self, values):
        return self.random.choice(values)

    def chance(self, probability):
        return self.random.random() < probability

    def model(self):
        return self.pick(self.some_models if self.chance(0.4)
                         else self.models)

    def machine(self):
        # Each layer is as likely, however many machine types it has.
        return self.pick(self.pick(self.layers))

    def number(self, n):
        return f'{n:#x}' if n >= 0 and self.chance(0.3) else str(n)

    def value(self, name):
        value = self.pick(VALUES[name])
        return self.number(value) if isinstance(value, int) else value

    def switch(self, name, on):
        """Some way to turn a feature or a switch on or off"""
        how = self.random.randrange(7)
        if name in self.aliases and self.chance(0.4):
            alias = self.pick(self.aliases[name])
            return self.pick([('+' if on else '-') + alias,
                              f'{alias}={option(on)}'])
        if how == 0:
            return ('+' if on else '-') + name
        if name in self.places and how == 1:
            return f'f-{name}={option(on)}'
        if name in self.places and how == 2:
            return ('+' if on else '-') + f'f-{name}'
        if how == 3:
            name = name.replace('-', '_')
        if how == 4:
            word = self.pick(['yes', 'true', 'y'] if on else
                             ['no', 'false', 'n'])
            return f'{name}={word}'
        if how == 5 and on:
            return name
        return f'{name}={option(on)}'

    def setting(self):
        """Something that the user sets"""
        kind = self.random.randrange(10)
        if kind < 4:
            return self.switch(self.pick(self.features), self.chance(0.6))
        if kind < 6:
            return self.switch(self.pick(self.switches), self.chance(0.5))
        if kind == 6:
            return self.cache()
        name = self.pick([n for n in VALUES if n in self.types])
        return f'{name}={option(self.value(name))}'

    def cache(self):
        name = self.pick(list(CACHES))
        value = '' if self.chance(0.1) else self.pick(CACHES[name])
        return f'{name}={value}'

    def add(self, cpu, *settings, machine=None, accel=None, irqchip=None,
            **values):
        """
        Adds a request.

        :param settings: what -cpu has besides the model, as it is there
        :param values: members that a request has otherwise
        """
        accel = accel or ('kvm' if self.hosts and self.chance(0.4) else 'tcg')
        host = None
        if accel == 'kvm':
            hosts = [h for h in self.hosts if not irqchip
                     or irqchip in h['irqchips']]
            if not hosts:
                return
            host = self.pick(hosts)
        # A number of AVX10 turns features on, which the order decides.
        settings = sorted(settings, key=lambda s: s.partition('=')[0] !=
                          'avx10-version')
        request = {'id': len(self.requests) + 1, 'verb': 'expand',
                   'cpu': ','.join([cpu, *settings]),
                   'machine': self.machine() if machine is None else machine,
                   'accel': accel}
        if host:
            request['irqchip'] = irqchip or self.pick(host['irqchips'])
            request.update(host['values'])
        elif irqchip or self.chance(0.1):
            request['irqchip'] = irqchip or self.pick(['on', 'split', 'off'])
        request.update(values)
        self.requests.append(request)

    # What they are about

    def add_models(self):
        """Every model on some machine types; base and some on every layer"""
        for name in self.models:
            for accel in 'tcg', 'kvm':
                for _ in range(2):
                    self.add(name, accel=accel)
        for name in self.some_models:
            for layer in self.layers:
                self.add(name, machine=self.pick(layer))

    def add_exceptions(self):
        for row in self.file['exceptions']:
            machines = [layer['machine-types'] for layer in self.file['layers']
                        if layer['name'] == row['layer']][0]
            self.add(row.get('model') or self.model(),
                     machine=self.pick(machines))

    def add_irqchips(self):
        for irqchip in 'on', 'split', 'off':
            for layer in self.layers:
                for model in self.pick(self.models), 'base':
                    self.add(model, machine=self.pick(layer), accel='kvm',
                             irqchip=irqchip)
                    self.add(model, self.switch('x2apic', self.chance(0.5)),
                             machine=self.pick(layer), irqchip=irqchip)

    def in_word(self, word, mask):
        return [name for name, (w, m) in self.places.items()
                if w == word and m & mask]

    def add_dependencies(self):
        """With and without what features need, alone and in models"""
        for row in self.file['dependencies']:
            features = self.in_word(row['word'], int(row['mask'], 16))
            needs = self.in_word(row['needs-word'],
                                 int(row['needs-mask'], 16))
            if not features or not needs:
                continue
            for model in 'base', self.model(), self.model():
                some = self.random.sample(features, min(len(features), 3))
                self.add(model, *[self.switch(f, True) for f in some])
                self.add(model, *[self.switch(f, True) for f in some],
                         self.switch(self.pick(needs), True))
                self.add(model, *[self.switch(f, False) for f in needs])
                self.add(model, *[self.switch(f, True) for f in some],
                         *[self.switch(f, False) for f in needs])

    def add_levels(self):
        """Each word and each rule of levels, with what turns rules off"""
        rules = [(r['word'], int(r.get('mask', '0xffffffffffffffff'), 16),
                  r['properties']) for r in self.file['level-rules']]
        rules += [(w['name'], 0xffffffffffffffff, []) for w in
                  self.file['words']]
        for word, mask, properties in rules:
            features = self.in_word(word, mask)
            if not features:
                continue
            for _ in range(3):
                feature = self.pick(features)
                needs = self.needs(feature)
                for model in 'base', self.model():
                    settings = [self.switch(f, True)
                                for f in [feature, *needs]]
                    self.add(model, *settings)
                    for prop in properties:
                        self.add(model, *settings, self.switch(prop, False))
                    self.add(model, *settings,
                             f'min-level={self.value("min-level")}',
                             f'level-func7={self.value("level-func7")}')
                    self.add(model, *settings,
                             f'min-xlevel={self.value("min-xlevel")}',
                             f'level={self.value("level")}')

    def needs(self, feature, depth=3):
        """Some features without which QEMU drops this one, and theirs"""
        word, mask = self.places[feature]
        found = []
        for row in self.file['dependencies']:
            if row['word'] == word and int(row['mask'], 16) & mask:
                needs = self.in_word(row['needs-word'],
                                     int(row['needs-mask'], 16))
                if needs and depth:
                    found.append(self.pick(needs))
                    found += self.needs(found[-1], depth - 1)
        return found

    def add_intel_pt(self):
        """Intel PT, and what raises levels besides, or is dropped"""
        others = [f for f in ('avx10', 'apxf', 'sgx', 'xsave', 'mpx',
                              'avx-vnni', 'smep', 'x-force-cpuid-0x1f')
                  if f in self.places or f in self.types]
        for _ in range(120):
            settings = [self.switch(f, self.chance(0.7)) for f in
                        self.random.sample(others, self.pick([0, 1, 2, 3]))]
            settings += [self.switch('intel-pt', self.chance(0.8)),
                         self.switch('x-intel-pt-auto-level',
                                     self.chance(0.2)),
                         self.switch('full-cpuid-auto-level',
                                     self.chance(0.7))]
            if self.chance(0.5):
                settings.append(f'min-level={self.value("min-level")}')
            self.add(self.pick(['base', self.model()]), *settings)
        # Dropped for its level, which another feature raises then
        for other in others:
            for model in 'base', 'base', 'base', self.model():
                needs = self.needs(other) if other in self.places else []
                self.add(model, *[self.switch(f, True) for f in (
                    'intel-pt', other, *needs)],
                    self.switch('x-intel-pt-auto-level', False),
                    self.switch('full-cpuid-auto-level', True),
                    f'min-level={self.number(self.pick([0, 0xd, 0x13]))}')

    def add_conflicts(self):
        for row in self.file['conflicts']:
            for _ in range(60):
                settings = [self.switch(f, self.chance(0.8))
                            for f in row['features']]
                if self.chance(0.4):
                    settings.append('level-func7='
                                    f'{self.value("level-func7")}')
                if self.chance(0.4):
                    settings.append(f'min-level={self.value("min-level")}')
                if self.chance(0.3):
                    settings.append(self.switch('full-cpuid-auto-level',
                                                self.chance(0.5)))
                self.add(self.pick(['base', self.model()]), *settings)
            for _ in range(15):
                self.add('base', *[self.switch(f, True)
                                   for f in row['features']],
                         self.switch('full-cpuid-auto-level', False),
                         f'min-level={self.number(self.pick([0, 1, 4]))}')

    def add_leaf_0x1f(self):
        if 'x-force-cpuid-0x1f' not in self.types:
            return
        for vendor in VENDORS:
            for only in True, False:
                for auto in True, True, False:
                    self.add(self.pick(['base', self.model()]),
                             f'vendor={option(vendor)}',
                             self.switch('x-force-cpuid-0x1f',
                                         self.chance(0.9)),
                             self.switch('x-vendor-cpuid-only', only),
                             self.switch('full-cpuid-auto-level', auto))

    def add_pmu(self):
        names = [n for n in ('x-pdcm-on-even-without-pmu',)
                 if n in self.types]
        for _ in range(60):
            self.add(self.pick(['base', self.model()]),
                     *[self.switch(f, self.chance(0.8))
                       for f in ('arch-lbr', 'pdcm') if f in self.places],
                     *[self.switch(n, self.chance(0.5)) for n in names],
                     self.switch('pmu', self.chance(0.5)))

    def add_avx10(self):
        for version in 0, 1, 2:
            for model in ['base', *self.some_models]:
                self.add(model, f'avx10-version={version}',
                         self.switch(self.pick(
                             [f for f in self.features
                              if f.startswith('avx10')]), self.chance(0.5)))

    def add_vendors(self):
        """Vendors, and the features that AMD's have twice"""
        aliases = self.in_word('FEAT_8000_0001_EDX', 0x0183f3ff)
        both = self.in_word('FEAT_8000_0001_EDX', 0xffffffff)
        for vendor in VENDORS:
            for model in ['base', *self.some_models]:
                self.add(model, f'vendor={option(vendor)}')
            for _ in range(15):
                self.add(self.pick(['base', self.model()]),
                         f'vendor={option(vendor)}',
                         self.switch(self.pick(aliases or both), True),
                         self.switch(self.pick(both), self.chance(0.7)))
        self.add('base', 'vendor=')

    def add_caches(self):
        for model in self.some_models:
            for layer in self.layers:
                self.add(model, self.switch('legacy-cache',
                                            self.chance(0.5)),
                         machine=self.pick(layer))
                self.add(model, self.cache(), machine=self.pick(layer))
        for name, values in CACHES.items():
            for value in values:
                for legacy in [], ['legacy-cache=on'], ['legacy-cache=off']:
                    self.add(self.model(), f'{name}={value}', *legacy)
        for _ in range(100):
            self.add(self.model(), *[
                f'{name}={self.pick(values)}'
                for name, values in CACHES.items() if self.chance(0.8)])

    def add_address_bits(self):
        for model in ['base', 'base', *self.some_models] * 8:
            settings = [f'{name}={self.value(name)}' for name in (
                'phys-bits', 'guest-phys-bits', 'host-phys-bits-limit')
                if self.chance(0.4)]
            if self.chance(0.6):
                settings.append(self.switch('host-phys-bits',
                                            self.chance(0.8)))
            if self.chance(0.3):
                settings.append(self.switch('lm', self.chance(0.7)))
            # Newer machine types leave guest-phys-bits to the host.
            self.add(model, *settings, accel='kvm' if self.hosts
                     and self.chance(0.6) else None,
                     machine=self.pick(self.layers[0])
                     if self.chance(0.5) else None)

    def add_kvm_features(self):
        features = [f for f, (w, _) in self.places.items()
                    if w == 'FEAT_KVM']
        for feature in features:
            for accel in 'tcg', 'kvm':
                for model in 'base', self.model():
                    self.add(model, self.switch(feature, self.chance(0.7)),
                             *([self.switch('kvm', False)]
                               if self.chance(0.4) else []), accel=accel)

    def add_values(self):
        for name, values in VALUES.items():
            if name not in self.types:
                continue
            for value in values:
                text = (self.number(value) if isinstance(value, int)
                        else value)
                for model in self.model(), 'base':
                    self.add(model, f'{name}={option(text)}')
        for name in self.switches + self.features:
            for on in True, False:
                self.add(self.model(), self.switch(name, on))
        for name in [n for names in self.aliases.values() for n in names]:
            for setting in f'{name}=on', f'{name}=off', f'+{name}', f'-{name}':
                self.add(self.model(), setting)
        for on in True, False:
            self.add(self.model(), self.switch('hv-passthrough', on),
                     accel='tcg')

    def add_order(self):
        """The later one counts; + after all, and - after +"""
        for _ in range(80):
            f = self.pick(self.features)
            forms = [f'{f}=on', f'{f}=off', f'f-{f}=on', f'f-{f}=off', f'+{f}',
                     f'-{f}', f, f'+f-{f}', f'-f-{f}']
            self.add(self.model(), *self.random.sample(forms, 3))
        for _ in range(40):
            name = self.pick([n for n in VALUES if n in self.types
                              and n != 'avx10-version'])
            self.add(self.model(), *[f'{name}={option(self.value(name))}'
                                     for _ in range(2)])

    def add_refusals(self):
        """What is wrong; the rest of each is right."""
        for name in NO_MODELS:
            self.add(name)
            self.add(name, self.setting())
        for machine in NO_MACHINES:
            self.add(self.model(), machine=machine)
        for name in NO_NAMES:
            self.add(self.model(), f'{name}=on')
            self.add(self.model(), self.pick('+-') + name)
        for name, value in TOO_LARGE.items():
            if name in self.types:
                self.add(self.model(), f'{name}={self.number(value)}')
        for name in VALUES:
            if self.types.get(name) == 'int':
                for value in 'x', '', 'on', '1.5', '1 ', '12x', '0x', '0xg':
                    if self.chance(0.4):
                        self.add(self.model(), f'{name}={value}')
                self.add(self.model(), self.pick('+-') + name)
        for _ in range(60):
            name = self.pick(self.features + self.switches)
            self.add(self.model(),
                     f'{name}={self.pick(["", "1", "ON", "maybe", "auto"])}')
        for value in 'x', '', 'yes', '1':
            self.add(self.model(), f'hv-no-nonarch-coresharing={value}')
        for value in 'x', 'GenuineIntel ', 'A' * 11, ',' * 11:
            self.add(self.model(), f'vendor={option(value)}')
        self.add('486', 'vendor=')
        for name, values in BAD_CACHES.items():
            for value in values:
                self.add(self.model(), f'{name}={value}')

    def add_cache_limits(self):
        """What CPUID can show of ways and lines, which lines judge apart"""
        for name in CACHES:
            for ways in 1, 3, 8, 12, 20, 128, 129:
                for tags in [], ['tag-lines=0'], ['tag-lines=15']:
                    parts = [f'{ways * 128 * 64}', 'line=64', f'ways={ways}',
                             'sets=128', 'share=core', *tags]
                    if name == 'l3-cache-info':
                        parts[0] = f'{ways * 8192 * 64}'
                        parts[3] = 'sets=8192'
                    self.add(self.model(), f'{name}={":".join(parts)}')

    def add_random(self, number):
        for _ in range(number):
            settings = [self.setting() for _ in
                        range(self.random.randint(1, 12))]
            # QMP can't set a property twice, and this one has effects.
            versions = [s for s in settings if s.startswith('avx10-version')]
            self.add(self.model(), *[s for s in settings
                                     if s not in versions[1:]])

    def all(self, count):
        """
        Returns requests, as many as asked for, or some more: each kind has
        some.
        """
        for kind in (self.add_models, self.add_exceptions, self.add_irqchips,
                     self.add_dependencies, self.add_levels,
                     self.add_intel_pt, self.add_conflicts,
                     self.add_leaf_0x1f, self.add_pmu, self.add_avx10,
                     self.add_vendors, self.add_caches,
                     self.add_cache_limits, self.add_address_bits,
                     self.add_kvm_features, self.add_values, self.add_order,
                     self.add_refusals):
            kind()
        self.add_random(max(count - len(self.requests), 0))
        return self.requests


def make(models, qemu, *, seed=SEED, count=COUNT, every=1):
    """
    Returns the header and the cases for a file.

    :param models: what is in qemu-cpu-models.json
    :param qemu: path of the QEMU that it is of
    :param every: take each such request alone
    """
    live = LiveQemu(qemu, models)
    if live.has_kvm and not live.hosts:
        raise Refusal('there are no simulated hosts: GUEST_BUILD must name '
                      'what make -C tests/guest has built, on x86-64')
    hosts = list(live.hosts.values())
    requests = Generator(models, seed, hosts).all(count)[::every]
    cases = []
    for request, answer in zip(requests, live.answers(requests)):
        case = conformance.case_of(request, answer)
        if case['status'] == DONE and len(cases) < WHOLE:
            case['model'] = answer['model']
        cases.append(case)
    header = {'$comment': conformance.COMMENT,
              'format-version': conformance.FORMAT_VERSION,
              'digest': models['digest'], 'qemu': models['qemu'],
              'seed': seed, 'cases': len(cases), 'hosts': hosts}
    return header, cases


def main():
    parser = argparse.ArgumentParser(
        description='Make conformance cases with a live QEMU.')
    parser.add_argument('--models', required=True, metavar='FILE',
                        help='qemu-cpu-models.json')
    parser.add_argument('--qemu', required=True, metavar='FILE',
                        help='the QEMU that it is of')
    parser.add_argument('--output', required=True, metavar='FILE')
    parser.add_argument('--seed', type=int, default=SEED)
    parser.add_argument('--count', type=int, default=COUNT,
                        help='how many, about (default: %(default)s)')
    args = parser.parse_args()
    models = conformance.read_models(args.models)
    header, cases = make(models, args.qemu, seed=args.seed, count=args.count)
    conformance.write(args.output, header, cases)
    refused = sum(case['status'] != DONE for case in cases)
    kvm = sum(case['request']['accel'] == 'kvm' for case in cases)
    print(f'{args.output}: {len(cases)} cases, {kvm} of KVM, {refused} '
          'refused')


if __name__ == '__main__':
    try:
        main()
    except Refusal as refusal:
        sys.exit(f'make_cases.py: {refusal}')
