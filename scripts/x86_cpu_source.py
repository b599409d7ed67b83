# SPDX-License-Identifier: GPL-2.0-or-later
"""
The CPU that a user asks about, and the QEMU to ask.

For the x86-cpu-* scripts: a CPU is given as for -cpu or as libvirt's XML, or
is that of a running QEMU.  For the first two, a paused QEMU is started.
The input may be copied from a guest that does not start here.
"""

import contextlib
from dataclasses import dataclass, field
import re
import sys
from typing import Dict, List, Optional

from x86_cpu_errors import Failure, all_of, shown
import x86_cpu_libvirt as libvirt
from x86_cpu_names import Names, explain, split_options, understand
from x86_cpu_qmp import (ARCH_CAPABILITIES_NOTE, Qemu, RunningQemu,
                         add_qemu_option, check_machine, check_model,
                         choose_accel, start_cpu, usable_accel)


# Bytes of libvirt's XML: a domain's takes some kB
XML_MAX = 16 << 20


@dataclass
class Source:
    """A CPU, as it was given and as QEMU is asked for it."""
    # As given by the user: an option and its value
    given: Dict[str, str]
    title: str
    # Its CPU model without options, and with them as for -cpu
    model: str
    cpu: str
    # Machine type with options, and accelerator
    machine: str
    accel: str
    # More arguments of QEMU
    arguments: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    # Whether arch-capabilities had to be turned off for QEMU to start
    arch_capabilities_off: bool = False
    # Of features, and the types of a CPU's properties by name
    names: Optional[Names] = None
    properties: Dict[str, str] = field(default_factory=dict)


def add_options(parser, default_cpu=None, also_model=False):
    """
    Adds the options that say which CPU it is.

    :param default_cpu: where none is named
    :param also_model: --model is another name of --cpu
    """
    parser.add_argument('--cpu', *['--model'] * also_model, dest='cpu',
                        metavar='MODEL[,OPTIONS]',
                        help='the CPU, as for -cpu, with features by any of '
                             'their names' +
                             (f' (default: {default_cpu})' if default_cpu
                              else ''))
    parser.add_argument('--qmp', metavar='SOCKET',
                        help='the CPU of a running guest: UNIX socket of its '
                             'QMP monitor, or HOST:PORT')
    parser.add_argument('--libvirt', metavar='FILE',
                        help='the CPU of a <cpu>, <domain> or '
                             '<qemu:commandline>; - reads stdin')
    parser.add_argument('--machine', metavar='TYPE[,OPTIONS]',
                        help='as for -machine (default: that of the <domain>, '
                             'or the newest pc-q35)')
    parser.add_argument('--accel', metavar='kvm|tcg',
                        help='(default: that of --machine, of the <domain>, or '
                             'kvm if /dev/kvm opens)')
    parser.add_argument('--smp', help='as for -smp')
    add_qemu_option(parser)


def check_options(args, default_cpu=None):
    """:raise Failure: it is not said which CPU, or twice"""
    given = [o for o in ('cpu', 'qmp', 'libvirt')
             if getattr(args, o) is not None]
    if not given and default_cpu:
        args.cpu = default_cpu
    elif len(given) != 1:
        raise Failure('one of --cpu, --qmp and --libvirt is needed' +
                      (f", not {all_of(['--' + o for o in given])}"
                       if given else ' (see --help)'))
    if args.qmp is not None:
        for option in ('machine', 'accel', 'smp'):
            if getattr(args, option):
                raise Failure(f'--{option} cannot be used with --qmp: the guest '
                              'has one already')


def read_libvirt(path):
    """Returns the root element of libvirt's XML."""
    if path == '-' and sys.stdin is None:
        raise Failure("cannot read libvirt's XML: stdin is closed")
    try:
        # Bytes: XML says itself how it is encoded.
        if path == '-':
            text = sys.stdin.buffer.read(XML_MAX + 1)
        else:
            with open(path, 'rb') as f:
                text = f.read(XML_MAX + 1)
    except OSError as e:
        raise Failure(f'cannot read {path}: {e.strerror}') from e
    if len(text) > XML_MAX:
        raise Failure(f'cannot read {path}: it is longer than '
                      f'{XML_MAX >> 20} MiB')
    return libvirt.parse(text)


def read_machine(text):
    """
    Returns the argument of -machine with the type first, or without one, and
    what it has as accel=, or None.
    """
    name, accel, others = '', None, []
    first, options = split_options(text or '')
    if '=' not in first:
        first = f'type={first}'
    # As QEMU has it, the last one counts.
    for option in [first, *options]:
        key, _, value = option.partition('=')
        if key == 'type':
            name = value
        elif key == 'accel':
            accel = value
        else:
            others.append(option)
    return ','.join([name, *others]), accel


def accel_of(wanted, machine):
    """
    Returns the accelerator of --accel and --machine, or None.

    :raise Failure: they differ
    """
    if machine is None:
        return wanted
    if not wanted:
        return usable_accel(machine)
    # One of a list is that of --accel.
    if wanted not in machine.split(':'):
        raise Failure(f"--accel {shown(wanted)} and --machine "
                      f"accel={shown(machine)} differ; give one of them")
    return wanted


def source_of(args):
    """Returns the Source of --cpu or --libvirt, with all names checked."""
    root = None
    machine, machine_accel = read_machine(args.machine)
    if args.libvirt is not None:
        root = read_libvirt(args.libvirt)
    with Qemu(args.qemu, ['-machine', 'none']) as q:
        q.features()
        accel = choose_accel(accel_of(args.accel, machine_accel) or (
            libvirt.wanted_accel(root) if root is not None else None))
        source = Source(given={'cpu': args.cpu}, title='', model='',
                        cpu=args.cpu, machine=machine, accel=accel)
        if root is not None:
            read_request(args, root, source)
        if args.smp:
            source.arguments += ['-smp', args.smp]
        source.title = source.cpu
        check_names(q, source)
    return source


def read_request(args, root, source):
    """Takes over what libvirt would start QEMU with."""
    # Which features are supported is the accelerator's matter.
    with Qemu(args.qemu, ['-machine', 'none', '-accel', source.accel]) as q:
        request = libvirt.read(root, q.features())
    source.given = {'libvirt': args.libvirt, 'cpu': request.cpu}
    source.cpu = request.cpu
    if not source.machine.partition(',')[0]:
        source.machine = (request.machine or '') + source.machine
    source.arguments = request.arguments
    source.notes = request.notes


def check_names(q, source):
    """Replaces names by QEMU's own."""
    source.model = source.cpu.partition(',')[0]
    machine, _, options = source.machine.partition(',')
    definition = check_model(q, source.model)
    source.machine = ','.join(filter(None, [check_machine(q, machine),
                                            options]))
    source.properties = {
        p['name']: p['type'] for p in
        q.cmd('device-list-properties', typename=definition.get('typename'))}
    source.names = Names(q.features())
    source.cpu, notes = understand(source.cpu, source.names)
    source.notes += notes


@contextlib.contextmanager
def started(qemu, source):
    """A context manager that yields a paused QEMU with the CPU."""
    try:
        q, source.arch_capabilities_off = start_cpu(
            qemu, ['-machine', source.machine, '-accel', source.accel,
                   *source.arguments], source.cpu)
    except Failure as e:
        raise explain(e, source.names, source.properties, qemu) from e
    if source.arch_capabilities_off:
        source.notes.append(ARCH_CAPABILITIES_NOTE)
    with q:
        yield q


def check_scope(q):
    """
    Raises Failure if a QEMU can't tell what its guest sees.

    It says so in every expansion.
    """
    answer = q.cmd('query-cpu-model-expansion', type='full',
                   model={'name': 'base'})
    why = answer.get('out-of-scope')
    if why:
        raise Failure(f'{q.name} cannot tell what its guest sees '
                      f'(out-of-scope: {shown(why)})')


@contextlib.contextmanager
def running(address):
    """
    A context manager that yields a QEMU that runs, and the Source.

    :param address: of its QMP monitor
    """
    with RunningQemu(address) as q:
        q.features()
        if not q.cmd('query-cpus-fast'):
            raise Failure(f'{q.name} has no CPU')
        check_scope(q)
        path = q.cpu_path()
        cpu_type = q.cmd('qom-get', path=path, property='type')
        match = re.fullmatch('(.+)-(?:x86_64|i386)-cpu', cpu_type)
        if not match:
            raise Failure(f'the CPU of {q.name} is a {shown(cpu_type)}, '
                          'not an x86 CPU')
        machine = q.cmd('qom-get', path='/machine', property='type')
        machine = machine.removesuffix('-machine')
        # microvm has no such option.
        compat = ('cpu-compat' in
                  {p['name'] for p in q.cmd('qom-list', path='/machine')} and
                  q.cmd('qom-get', path='/machine', property='cpu-compat'))
        yield q, Source(
            given={'qmp': address}, title=f'{match[1]} of {address}',
            model=match[1], cpu=match[1],
            machine=machine + (f',cpu-compat={compat}' if compat else ''),
            accel='kvm' if q.cmd('query-kvm')['enabled'] else 'tcg')
