#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
A QEMU with a small table of all CPU models, for tests of x86-cpu-table.

$FAKE_QEMU_TABLE is a file with another answer of query-cpu-model-table; if it
is empty, this QEMU has CPU introspection, but not that command.
"""

import json
import os

from stock_qemu_fake import answer_of, main

FINGERPRINT = '0123456789abcdef' * 4
TABLE = {
    'format-version': 1,
    'words': [
        {'name': 'FEAT_1_EDX',
         'cpuid': {'leaf': 1, 'subleaf': 0, 'register': 'EDX'},
         'features': [{'name': 'fpu', 'mask': '0x1'},
                      {'name': 'ht', 'mask': '0x10000000',
                       'polarity': 'topology'}]},
        {'name': 'FEAT_7_0_EBX',
         'cpuid': {'leaf': 7, 'subleaf': 0, 'register': 'EBX'},
         'features': [{'name': 'avx2', 'mask': '0x20'},
                      {'name': 'mpx', 'mask': '0x4000'}]},
        {'name': 'FEAT_ARCH_CAPABILITIES', 'msr': 0x10a,
         'features': [{'name': 'rdctl-no', 'mask': '0x1'}]},
        {'name': 'FEAT_XSAVE_XCR0_LO',
         'cpuid': {'leaf': 13, 'subleaf': 0, 'register': 'EAX'},
         'features': []},
    ],
    'properties': [
        {'name': 'guest-phys-bits', 'class': 'guest-phys-bits',
         'type': 'int'},
        {'name': 'hv-no-nonarch-coresharing', 'class': 'gate',
         'type': 'on-off'},
        {'name': 'level', 'class': 'identity', 'type': 'int',
         'default': 0xffffffff},
        {'name': 'model-id', 'class': 'identity', 'type': 'str'},
        {'name': 'pmu', 'class': 'bit', 'type': 'bool'},
        {'name': 'vendor', 'class': 'flat', 'type': 'str'},
        {'name': 'x-l1-cache-per-thread', 'class': 'identity',
         'type': 'bool', 'default': True},
    ],
    'dependencies': [{'word': 'FEAT_7_0_EBX', 'mask': '0x20',
                      'needs-word': 'FEAT_1_EDX', 'needs-mask': '0x1'}],
    'property-dependencies': [{'property': 'hv-no-nonarch-coresharing',
                               'needs': 'pmu'}],
    'conflicts': [{'features': ['avx2', 'mpx']}],
    'level-rules': [
        {'word': 'FEAT_7_0_EBX', 'leaf': 7, 'subleaf': 0, 'properties': []},
        {'word': 'FEAT_7_0_EBX', 'mask': '0x4000', 'leaf': 13,
         'properties': ['pmu']}],
    'xsave-components': [{'component': 3, 'needs': ['mpx']}],
    'cache-descriptors': [{'code': 0x2c, 'level': 1, 'type': 'data',
                           'size': 32768, 'ways': 8, 'line': 64}],
    'layers': [
        {'name': 'pc-q35-10.0',
         'machine-types': ['pc-q35-10.0', 'pc-i440fx-10.0', 'pc-q35-9.2',
                           'pc-i440fx-9.2'],
         'changes': {'set': {'guest-phys-bits': 0xffffffff}}},
        {'name': 'pc-q35-8.2',
         'machine-types': ['pc-q35-8.2', 'pc-i440fx-8.2',
                           'pc-i440fx-nonesuch'],
         'like': 'pc-q35-10.0',
         'changes': {'off': ['x-l1-cache-per-thread'],
                     'set': {'guest-phys-bits': 0}}},
        {'name': 'pc-q35-3.1', 'machine-types': ['pc-q35-3.1'],
         'like': 'pc-q35-8.2', 'changes': {}},
        {'name': 'pc-q35-2.4',
         'machine-types': ['pc-q35-2.4', 'pc-i440fx-2.4'],
         'like': 'pc-q35-3.1', 'changes': {'on': ['pmu']}},
        {'name': 'isapc', 'machine-types': ['isapc', 'pc-noversion'],
         'like': 'pc-q35-10.0', 'changes': {'set': {'guest-phys-bits': 4}}},
    ],
    'models': [
        {'name': 'EPYC-v1',
         'changes': {'on': ['avx2', 'fpu'],
                     'set': {'guest-phys-bits': 0xffffffff,
                             'level': 13, 'model-id': 'AMD EPYC Processor',
                             'vendor': 'AuthenticAMD'}}},
        {'name': 'EPYC', 'like': 'EPYC-v1', 'changes': {}},
        {'name': 'EPYC-v10', 'like': 'EPYC-v2',
         'changes': {'on': ['hv-no-nonarch-coresharing'], 'off': ['avx2']}},
        {'name': 'EPYC-v2', 'like': 'EPYC-v1',
         'changes': {'on': ['rdctl-no'],
                     'set': {'model-id': 'AMD EPYC Processor (with a name '
                                         'that is as long as names can '
                                         'be)'}}},
        {'name': 'base', 'changes': {'set': {'guest-phys-bits': 0xffffffff}}},
        {'name': 'plain', 'like': 'base', 'changes': {'set': {'level': 1}}},
    ],
    'exceptions': [
        {'model': 'EPYC', 'layer': 'pc-q35-3.1',
         'changes': {'on': ['mpx']}},
        {'layer': 'pc-q35-2.4', 'changes': {'off': ['fpu']}},
        {'model': 'EPYC-v2', 'layer': 'pc-q35-2.4',
         'changes': {'on': ['fpu'], 'set': {'level': 11}}},
    ],
    'accelerators': [
        {'name': 'kvm', 'changes': {'on': ['pmu']},
         'conditions': [{'kernel-irqchip': ['on', 'split'],
                         'changes': {'on': ['ht']}}],
         'host-vendor': 'named',
         'exceptions': [{'layer': 'pc-q35-2.4',
                         'changes': {'off': ['ht']}}],
         'fingerprints': [
             {'model': name, 'values': [FINGERPRINT, '', '', FINGERPRINT, '']}
             for name in ('EPYC', 'base')]},
        {'name': 'tcg', 'changes': {}, 'conditions': [],
         'host-vendor': 'none', 'exceptions': [], 'fingerprints': []},
    ],
}


def answer(command, arguments):
    """Returns the reply to a command."""
    if command == 'query-cpu-features':
        return {'return': []}
    if command == 'query-cpu-model-table':
        path = os.environ.get('FAKE_QEMU_TABLE')
        if path is None:
            return {'return': TABLE}
        if path:
            with open(path, encoding='utf-8') as f:
                return json.load(f)
    return answer_of(command, arguments)


if __name__ == '__main__':
    try:
        main(answer)
    except BrokenPipeError:
        pass
