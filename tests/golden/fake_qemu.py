#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
A QEMU that answers what golden data says, for tests of x86-cpu-golden.

Answers: what does the script say of a QEMU that differs from what was
released?  There is no QEMU with a mistake to be had for each test.  In
$FAKE_QEMU_DATA is golden data, for the accelerator and the vendor that are
asked for; $FAKE_QEMU_HOST is what properties have that are the host's.
$FAKE_QEMU_FAULT is something that goes wrong.
"""

import json
import os
import sys

import x86_cpu_golden
from x86_cpu_golden import ACCELERATORS, HOST

DATA = os.environ['FAKE_QEMU_DATA']
FAULT = os.environ.get('FAKE_QEMU_FAULT', '')
HOSTS = int(os.environ.get('FAKE_QEMU_HOST', '0'))
ACCEL = sys.argv[sys.argv.index('-accel') + 1]
ANSWERS_BEFORE_DEATH = 10


def load(vendor):
    name = [n for n, a in ACCELERATORS.items()
            if a.accel == ACCEL and vendor in (None, a.vendor)][0]
    return x86_cpu_golden.read(DATA, name, os.environ['LINE'])


class Fake:
    def __init__(self):
        self._golden = {}
        self.answered = 0

    def golden(self, vendor=None):
        if vendor not in self._golden:
            self._golden[vendor] = load(vendor)
        return self._golden[vendor]

    def expand(self, kind, model):
        name, machine = model['name'], model['machine-type']
        vendor = model.get('props', {}).get('vendor')
        props = dict(self.golden(vendor).answers[name][machine])
        raw = {prop: value if value != HOST else
               HOSTS if kind == 'static' else
               # As QEMU has what is left to the host
               {'guest-phys-bits': 0xffffffff}.get(prop)
               for prop, value in props.items()}
        if kind == 'full':
            raw['host-phys-bits'] = props.get('phys-bits') == HOST
        answer = {'model': {'name': 'base', 'props': raw},
                  'removed-features': []}
        if FAULT == 'stock':
            del answer['removed-features']
        if FAULT == 'inexact' and name == 'EPYC':
            answer['omitted-properties'] = ['host-cache-info']
        return answer

    def answer(self, command, arguments):
        if FAULT == 'death' and self.answered > ANSWERS_BEFORE_DEATH:
            sys.exit('fake_qemu: out of order')
        self.answered += 1
        if command == 'query-cpu-definitions':
            return [{'name': name, 'migration-safe': name != 'host'}
                    for name in [*self.golden().answers, 'host']]
        if command == 'query-machines':
            return [{'name': name} for name in
                    [*self.golden().types, 'isapc', 'none']]
        if command == 'query-cpu-model-expansion':
            return self.expand(arguments['type'], arguments['model'])
        return {}


def main():
    fake = Fake()
    print(json.dumps({'QMP': {}}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        if FAULT == 'error' and (question['arguments'].get('model') or {}
                                 ).get('name') == 'EPYC':
            reply = {'error': {'class': 'GenericError',
                               'desc': 'No such luck'}}
        else:
            reply = {'return': fake.answer(question['execute'],
                                           question['arguments'])}
        print(json.dumps(reply), flush=True)


if __name__ == '__main__':
    main()
