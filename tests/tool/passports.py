# SPDX-License-Identifier: GPL-2.0-or-later
"""
Passports of made hosts, and of variations of them.

For tests of what tools say of hosts: a made host (tests/guest/make_hosts.py)
has what a passport has, in another form.
"""

import copy
import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
GUEST = os.path.join(REPO, 'tests', 'guest')
REGISTERS = ('eax', 'ebx', 'ecx', 'edx')


def number(text):
    return text if isinstance(text, int) else int(text, 16)


def capability_names():
    """Those that a passport has: PASSPORT_CAPABILITIES"""
    path = os.path.join(REPO, 'target-i386-ext', 'tool', 'passport.h')
    with open(path, encoding='utf-8') as f:
        text = f.read()
    table = text[text.index('#define PASSPORT_CAPABILITIES'):
                 text.index('typedef enum PassportCapability')]
    return [part.split(')')[0] for part in table.split('X(')[1:]]


def sealed(passport):
    """The passport with the digest that it has to have"""
    told = {k: v for k, v in passport.items() if k != 'digest'}
    text = json.dumps(told, sort_keys=True, separators=(',', ':'))
    return {**told, 'digest': hashlib.sha256(text.encode()).hexdigest()}


def of_made_host(host):
    """
    The passport of a made host.

    :param host: what is in its file
    """
    def entry(e, *keys):
        return {k: number(e[k]) for k in (*keys, *REGISTERS) if k in e}

    kvm = host['kvm']
    return sealed({
        'format': 'x86-cpu-host', 'format-version': 1,
        'cpuid': [entry(e, 'leaf', 'subleaf') for e in host['cpuid']],
        'kvm': {
            **{name: [entry(e, 'function', 'index', 'flags')
                      for e in kvm[name]]
               for name in ('supported-cpuid', 'supported-hv-cpuid')},
            'msr-index-list': [number(m) for m in kvm['msr-index-list']],
            'feature-msrs': [{'index': number(k), 'value': hex(number(v))}
                             for k, v in kvm['feature-msrs'].items()],
            'capabilities': {name: kvm['capabilities'].get(name, 0)
                             for name in capability_names()},
            **{name: hex(number(kvm[name])) for name in
               ('xcomp-guest-supp', 'xcomp-guest-permission', 'mce-cap')},
            'tsc-khz': kvm['tsc-khz'],
        },
        'info': {},
    })


@functools.cache
def made_hosts():
    """{name: contents of the file of a made host}"""
    hosts = {}
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run([sys.executable, os.path.join(GUEST, 'make_hosts.py'),
                        tmp], check=True, cwd=GUEST,
                       env={**os.environ, 'PYTHONPATH': GUEST})
        for file in sorted(os.listdir(tmp)):
            with open(os.path.join(tmp, file), encoding='utf-8') as f:
                hosts[file.removesuffix('.json')] = json.load(f)
    return hosts


@functools.cache
def passport(name):
    """The passport of the made host with this name; not to be changed"""
    return of_made_host(made_hosts()[name])


def hardware_alone(whole):
    """What is left of a passport without /dev/kvm"""
    return sealed({**whole, 'kvm': None})


def find(entries, leaf, subleaf, keys):
    for entry in entries:
        if entry[keys[0]] == leaf and entry.get(keys[1], 0) == subleaf:
            return entry
    return None


def without(whole, bits, hardware=True):
    """
    The passport of a host that lacks some features.

    :param bits: places of features as tables of QEMU have them: (leaf,
                 subleaf, register, bit)
    :param hardware: whether the CPU lacks them, or KVM alone
    """
    changed = copy.deepcopy(whole)
    for leaf, subleaf, reg, bit in bits:
        found = [find(changed['kvm']['supported-cpuid'], leaf, subleaf,
                      ('function', 'index'))]
        if hardware:
            found.append(find(changed['cpuid'], leaf, subleaf,
                              ('leaf', 'subleaf')))
        for entry in found:
            if entry:
                entry[reg.lower()] &= ~(1 << bit)
    return sealed(changed)


def write(contents, path):
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(contents, f)
    return path
