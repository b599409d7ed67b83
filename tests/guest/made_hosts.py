# SPDX-License-Identifier: GPL-2.0-or-later
"""
The host that tests run on, which may be a made one.

Answers: what does the CPUID instruction return on this host?  With CHECK_HOST,
which names one of make_hosts.py's or a file, the host is a made one: every
program that is started from then on, and that uses KVM, finds itself there
(kvm-host.c).  Programs that do not use KVM stay on the real one.
KVM_CPUID_SHIM_METHOD says how that is done (cpuid-methods.c).

    CHECK_HOST=amd-naples python3 -m unittest test_cpu_compat.TestKvm
"""

import ctypes
import functools
import json
import mmap
import os
import platform
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
    return ('{\n"licence": "SPDX-License-Identifier: GPL-2.0-or-later",\n'
            f'"description": {json.dumps(host["description"])},\n'
            f'"sources": {json.dumps(host["sources"])},\n'
            f'"cpuid": {cpuid},\n"kvm": {{\n' +
            ',\n'.join(f' "{k}": {v}' for k, v in kvm.items()) + '\n}\n}\n')


# push %rbx; mov %edi, %eax; mov %esi, %ecx; mov %rdx, %r8; cpuid;
# mov %eax, (%r8); mov %ebx, 4(%r8); mov %ecx, 8(%r8); mov %edx, 12(%r8);
# pop %rbx; ret
CODE = bytes.fromhex('5389f889f14989d00fa2418900'
                     '41895804418948084189500c5bc3')


@functools.cache
def instruction():
    """The CPUID instruction of the real host, as a function"""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ |
                     mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(CODE)
    code = ctypes.c_char.from_buffer(page)
    function = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32,
                                ctypes.c_void_p)(ctypes.addressof(code))

    def cpuid(leaf, subleaf):
        regs = (ctypes.c_uint32 * 4)()
        function(leaf, subleaf, regs)
        return tuple(regs)

    cpuid.code = code       # for as long as it is used
    return cpuid


def shim():
    """The path of the library to preload"""
    return os.path.abspath(os.path.join(os.environ.get('GUEST_BUILD', '.'),
                                        'kvm-cpuid-shim.so'))


def made_host(name):
    """The path of a made host"""
    if '/' in name:
        return os.path.abspath(name)
    return os.path.abspath(os.path.join(os.environ.get('GUEST_BUILD', '.'),
                                        'hosts', name + '.json'))


def host_names():
    """The made hosts that there are"""
    where = os.path.dirname(made_host('x'))
    return sorted(name.removesuffix('.json') for name in os.listdir(where)
                  if name.endswith('.json'))


def no_kvm():
    """Why there is no KVM on this host, or None.  Made hosts have one."""
    return no_made_hosts() if os.environ.get('CHECK_HOST') else no_real_kvm()


def no_real_kvm():
    """Why /dev/kvm does not open on this machine, or None"""
    try:
        os.close(os.open('/dev/kvm', os.O_RDWR))
    except OSError as exc:
        return f'no KVM: {exc}'
    return None


def has_cpuid_fault():
    """Whether the method 'fault' of cpuid-methods.c works on this CPU"""
    with open('/proc/cpuinfo', encoding='utf-8') as cpuinfo:
        return bool(re.search(r'^flags\s*:.* cpuid_fault( |$)',
                              cpuinfo.read(), re.M))


def no_made_hosts():
    """Why this machine can't pass for another, or None"""
    if platform.machine() != 'x86_64':
        return f'made hosts are x86-64, and this is {platform.machine()}'
    if (os.environ.get('KVM_CPUID_SHIM_METHOD') == 'fault' and
            not has_cpuid_fault()):
        return 'KVM_CPUID_SHIM_METHOD=fault, but this CPU has no cpuid_fault'
    return None


@functools.cache
def load_made():
    """What CPUID returns on the made host, or None if this is the real one"""
    name = os.environ.get('CHECK_HOST')
    if not name:
        return None
    with open(made_host(name), encoding='utf-8') as f:
        entries = json.load(f)['cpuid']
    return {(int(e['leaf'], 16), int(e.get('subleaf', '0x0'), 16)):
            tuple(int(e[reg], 16) for reg in ('eax', 'ebx', 'ecx', 'edx'))
            for e in entries}


def host_cpuid(leaf, subleaf=0):
    """EAX to EDX of a leaf of the host, 0 for one that it doesn't have"""
    made = load_made()

    def read(leaf, subleaf=0):
        if made is not None:
            return made.get((leaf, subleaf), (0, 0, 0, 0))
        return instruction()(leaf, subleaf)

    region = leaf & 0xf0000000
    highest = read(region)[0]
    if highest >> 16 != region >> 16 or leaf > highest:
        return (0, 0, 0, 0)
    return read(leaf, subleaf)


def host_vendor():
    """The vendor of the host's CPU"""
    _, ebx, ecx, edx = host_cpuid(0)
    return b''.join(r.to_bytes(4, 'little') for r in (ebx, edx, ecx)).decode()


def move_in():
    """From now on, programs that use KVM are on the host of CHECK_HOST."""
    name = os.environ.get('CHECK_HOST')
    if not name:
        return
    for path in (shim(), made_host(name)):
        if not os.path.exists(path):
            raise FileNotFoundError(f'{path} is missing (GUEST_BUILD)')
    os.environ['LD_PRELOAD'] = shim()
    os.environ['KVM_CPUID_SHIM_HOST'] = made_host(name)


move_in()
