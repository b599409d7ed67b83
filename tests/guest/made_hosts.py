# SPDX-License-Identifier: GPL-2.0-or-later
"""
Hosts that are made up, for the tests under KVM.
"""

import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def capabilities():
    """{name: number}: of those that make a difference to a guest's CPU"""
    with open(os.path.join(HERE, 'kvm-host.c'), encoding='utf-8') as f:
        table = re.search(r'Capability capabilities\[\] = \{(.*?)^\};',
                          f.read(), re.M | re.S)[1]
    return {name: int(number) for name, number in
            re.findall(r'\{ "(\w+)", (\d+) \}', table)}


CAPABILITIES = capabilities()


def registers(regs):
    return dict(zip(('eax', 'ebx', 'ecx', 'edx'), map(hex, regs)))


def dump(host):
    """The text of the file of a host, with numbers in the place of texts."""
    def lines(entries):
        return '[\n' + ',\n'.join(f'  {json.dumps(e)}' for e in entries) + \
            '\n ]' if entries else '[]'

    def kvm_entries(name):
        return lines([{'function': hex(function), 'index': hex(index),
                       'flags': hex(flags), **registers(regs)}
                      for function, index, flags, regs in host[name]])

    cpuid = lines([
        {'leaf': hex(leaf), **({} if number is None else
                               {'subleaf': hex(number)}), **registers(regs)}
        for (leaf, number), regs in host['cpuid'].items()])
    kvm = {
        'supported-cpuid': kvm_entries('supported-cpuid'),
        'supported-hv-cpuid': kvm_entries('supported-hv-cpuid'),
        'msr-index-list': json.dumps([hex(m) for m in
                                      host['msr-index-list']]),
        'feature-msrs': json.dumps({hex(k): hex(v) for k, v in
                                    host['feature-msrs'].items()}),
        'capabilities': json.dumps(host['capabilities']),
        **{name: json.dumps(hex(host[name])) for name in
           ('xcomp-guest-supp', 'xcomp-guest-permission', 'mce-cap')},
        'tsc-khz': host['tsc-khz'],
    }
    return (f'{{\n"description": {json.dumps(host["description"])},\n'
            f'"sources": {json.dumps(host["sources"])},\n'
            f'"cpuid": {cpuid},\n"kvm": {{\n' +
            ',\n'.join(f' "{k}": {v}' for k, v in kvm.items()) + '\n}\n}\n')
