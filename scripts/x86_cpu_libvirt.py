# SPDX-License-Identifier: GPL-2.0-or-later
"""
CPUs in libvirt's XML, read and written.

For x86-cpu-model-dump: from a <cpu>, a <domain> or a <qemu:commandline>
to the options that libvirt gives QEMU for it, and back.
"""

import os
import re
from typing import List, NamedTuple, Optional
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from x86_cpu_qmp import Failure, near_matches

# Not an address: the name of the elements that go to QEMU as they are
QEMU_NAMESPACE = 'http://libvirt.org/schemas/domain/qemu/1.0'

# libvirt's own list of the models and features that it knows
CPU_MAP = '/usr/share/libvirt/cpu_map'

# The default of libvirt where a domain has no <cpu>
DEFAULT_MODEL = 'qemu64'

POLICIES = {'force': True, 'require': True, 'disable': False,
            'forbid': False, 'optional': None}

ACCELS = {'kvm': 'kvm', 'qemu': 'tcg'}

# Of <features><hyperv>, as -cpu has it; all are on or off, but for three
HYPERV = ['relaxed', 'vapic', 'vpindex', 'runtime', 'synic', 'stimer',
          'reset', 'frequencies', 'reenlightenment', 'tlbflush', 'ipi',
          'evmcs', 'avic']

# Other switches of <features>: path, attribute, property, value if on
SWITCHES = [
    ('kvm/hidden', 'kvm', {'on': 'off', 'off': None}),
    ('kvm/hint-dedicated', 'kvm-hint-dedicated', {'on': 'on', 'off': None}),
    ('kvm/poll-control', 'kvm-poll-control', {'on': 'on', 'off': None}),
    ('kvm/pv-ipi', 'kvm-pv-ipi', {'on': None, 'off': 'off'}),
    ('pvspinlock', 'kvm-pv-unhalt', {'on': 'on', 'off': 'off'}),
    ('pmu', 'pmu', {'on': 'on', 'off': 'off'}),
]


class Request(NamedTuple):
    """What libvirt would start QEMU with."""
    cpu: str
    machine: Optional[str]
    accel: Optional[str]
    arguments: List[str]


def parse(text):
    """
    Returns the root element.

    :raise Failure: no XML, or none about a CPU
    """
    try:
        root = ET.fromstring(text)
    except ET.ParseError as e:
        raise Failure(f'libvirt: not XML: {e}') from e
    known = ('cpu', 'domain', f'{{{QEMU_NAMESPACE}}}commandline')
    if root.tag not in known:
        raise Failure(f'libvirt: the XML is a <{root.tag}>; needed is a '
                      '<cpu>, a <domain> or a <qemu:commandline>')
    return root


def wanted_accel(root):
    """Returns kvm, tcg, or None if the XML does not say."""
    if root.tag != 'domain' or not root.get('type'):
        return None
    kind = root.get('type')
    if kind not in ACCELS:
        raise Failure(f"libvirt: domain type '{kind}' is not for QEMU with "
                      'kvm or tcg; there are kvm and qemu')
    return ACCELS[kind]


def escape_commas(text):
    return text.replace(',', ',,')


def number(element, attribute):
    text = element.get(attribute) or ''
    if not re.fullmatch(r'[0-9]+', text):
        raise Failure(f'libvirt: <{element.tag}> needs a number as '
                      f"'{attribute}', not '{text}'")
    return int(text)


def switch(element, attribute='state'):
    """Returns 'on' or 'off'; libvirt takes an absent one for on."""
    state = element.get(attribute, 'on')
    if state not in ('on', 'off'):
        raise Failure(f"libvirt: <{element.tag} {attribute}='{state}'>: "
                      'there are on and off')
    return state


class Features:
    """libvirt's names of features, as query-cpu-features has them."""

    def __init__(self, infos):
        self._infos = infos
        self.by_libvirt = {i['libvirt']: i for i in infos if 'libvirt' in i}

    def find(self, name):
        """Returns what QEMU says of the feature that libvirt calls NAME."""
        if name in self.by_libvirt:
            return self.by_libvirt[name]
        for info in self._infos:
            if name == info['name'] or name in info['aliases']:
                hint = (f"libvirt calls it '{info['libvirt']}'"
                        if 'libvirt' in info else 'libvirt has no name for it')
                break
        else:
            hint = (near_matches(name, self.by_libvirt) or
                    'query-cpu-features of this QEMU lists all')
        raise Failure(f"libvirt: unknown CPU feature '{name}'; {hint}")


def feature_options(cpu, features):
    options = {}
    for element in cpu.findall('feature'):
        name, policy = element.get('name'), element.get('policy', 'require')
        if not name:
            raise Failure("libvirt: a <feature> without 'name'")
        if policy not in POLICIES:
            raise Failure(f"libvirt: feature '{name}' has the unknown policy "
                          f"'{policy}'; there are {', '.join(POLICIES)}")
        info = features.find(name)
        if info['name'] in options:
            raise Failure(f"libvirt: feature '{name}' is there twice")
        value = POLICIES[policy]
        if value is None:
            value = info['supported']
        options[info['name']] = 'on' if value else 'off'
    return [f'{name}={value}' for name, value in options.items()]


def custom_model(cpu):
    match = cpu.get('match', 'exact')
    if match not in ('exact', 'strict'):
        raise Failure(f"libvirt: match='{match}' depends on the host; "
                      "needed is match='exact' (virsh dumpxml of the running "
                      'guest has it)')
    model = cpu.find('model')
    if model is None or not (model.text or '').strip():
        raise Failure("libvirt: <cpu mode='custom'> needs a <model>")
    options = [model.text.strip()]
    if model.get('vendor_id'):
        options.append('vendor=' + escape_commas(model.get('vendor_id')))
    return options


def cpu_options(cpu, features):
    """Returns what a <cpu> makes of -cpu, a list."""
    mode = cpu.get('mode', 'custom')
    if mode == 'custom':
        options = custom_model(cpu)
    elif mode == 'host-passthrough':
        options = ['host', 'migratable=' + cpu.get('migratable', 'on')]
    elif mode == 'maximum':
        options = ['max']
        if cpu.get('migratable'):
            options.append('migratable=' + cpu.get('migratable'))
    elif mode == 'host-model':
        raise Failure("libvirt: mode='host-model' depends on the host; "
                      "needed is mode='custom' (virsh dumpxml of the running "
                      'guest has it)')
    else:
        raise Failure(f"libvirt: unknown mode '{mode}'; there are custom, "
                      'host-passthrough, maximum')
    options += feature_options(cpu, features)

    cache = cpu.find('cache')
    if cache is not None:
        modes = {'emulate': ('off', 'on'), 'passthrough': ('on', 'off'),
                 'disable': ('off', 'off')}
        if cache.get('mode') not in modes:
            raise Failure(f"libvirt: unknown cache mode "
                          f"'{cache.get('mode')}'; there are "
                          f"{', '.join(modes)}")
        host, l3 = modes[cache.get('mode')]
        options += [f'host-cache-info={host}', f'l3-cache={l3}']
    bits = cpu.find('maxphysaddr')
    if bits is not None:
        if bits.get('mode') == 'passthrough':
            options.append('host-phys-bits=on')
            if bits.get('limit'):
                options.append('host-phys-bits-limit='
                               f"{number(bits, 'limit')}")
        else:
            options += [f"phys-bits={number(bits, 'bits')}",
                        'host-phys-bits=off']
    return options


def hyperv_options(hyperv):
    options = []
    if hyperv.get('mode') == 'passthrough':
        options.append('hv-passthrough=on')
    for element in hyperv:
        if switch(element) == 'off':
            continue
        if element.tag == 'spinlocks':
            options.append(f"hv-spinlocks={number(element, 'retries')}")
        elif element.tag == 'vendor_id':
            options.append('hv-vendor-id=' +
                           escape_commas(element.get('value', '')))
        elif element.tag in HYPERV:
            options.append(f'hv-{element.tag}=on')
        else:
            raise Failure(f"libvirt: unknown <{element.tag}> in <hyperv>; " +
                          (near_matches(element.tag, HYPERV) or
                           f"known are {', '.join(HYPERV)}, spinlocks and "
                           'vendor_id'))
        direct = element.find('direct')
        if element.tag == 'stimer' and direct is not None and (
                switch(direct) == 'on'):
            options.append('hv-stimer-direct=on')
    return options


def domain_options(domain):
    """Returns what a <domain> adds to -cpu outside of <cpu>."""
    options = []
    features = domain.find('features')
    if features is not None:
        for path, name, values in SWITCHES:
            element = features.find(path)
            if element is not None and values[switch(element)]:
                options.append(f'{name}={values[switch(element)]}')
        apic = features.find('apic')
        if apic is not None and apic.get('eoi'):
            options.append(f"kvm-pv-eoi={switch(apic, 'eoi')}")
        hyperv = features.find('hyperv')
        if hyperv is not None:
            options += hyperv_options(hyperv)
    for timer in domain.findall('clock/timer'):
        present = timer.get('present')
        if timer.get('name') == 'kvmclock' and present:
            options.append('kvmclock=' + ('on' if present == 'yes'
                                          else 'off'))
        elif timer.get('name') == 'hypervclock' and present == 'yes':
            options.append('hv-time=on')
        elif timer.get('name') == 'tsc' and timer.get('frequency'):
            options.append(f"tsc-frequency={number(timer, 'frequency')}")
    return options


def passed_arguments(root):
    """Returns the arguments that a <qemu:commandline> hands to QEMU."""
    prefix = f'{{{QEMU_NAMESPACE}}}'
    parents = ([root] if root.tag == prefix + 'commandline' else
               root.findall(prefix + 'commandline'))
    return [arg.get('value', '') for parent in parents
            for arg in parent.findall(prefix + 'arg')]


def read(root, infos):
    """
    Returns what libvirt would start QEMU with, a Request.

    :param root: what parse() returned
    :param infos: the answer of query-cpu-features
    """
    features = Features(infos)
    machine = None
    options = [DEFAULT_MODEL]
    if root.tag == 'cpu':
        options = cpu_options(root, features)
    elif root.tag == 'domain':
        os_type = root.find('os/type')
        machine = os_type.get('machine') if os_type is not None else None
        ioapic = root.find('features/ioapic')
        if machine and ioapic is not None:
            irqchip = {'qemu': 'split', 'kvm': 'on'}.get(ioapic.get('driver'))
            machine += f',kernel-irqchip={irqchip}' if irqchip else ''
        if root.find('cpu') is not None:
            options = cpu_options(root.find('cpu'), features)
        options += domain_options(root)

    cpu, arguments = None, []
    passed = passed_arguments(root)
    for flag, value in zip(passed, passed[1:]):
        # As QEMU has it, the last one counts.
        if flag in ('-cpu', '--cpu'):
            cpu = value
        elif flag in ('-global', '--global'):
            arguments += ['-global', value]
    if root.tag.endswith('}commandline') and cpu is None:
        raise Failure('libvirt: the <qemu:commandline> has no -cpu')
    return Request(cpu or ','.join(options), machine, wanted_accel(root),
                   arguments)


class CpuMap:
    """What the libvirt of this host knows, if there is one."""

    def __init__(self, path=CPU_MAP):
        self.models = self.features = None
        try:
            index = ET.parse(os.path.join(path, 'index.xml')).getroot()
            files = [i.get('filename') for i in
                     index.findall("arch[@name='x86']//include")]
            trees = [ET.parse(os.path.join(path, f)).getroot()
                     for f in files]
        except FileNotFoundError:
            return
        except (OSError, ET.ParseError) as e:
            raise Failure(f"cannot read libvirt's CPU map in {path}: "
                          f'{e}') from e
        self.models = {m.get('name') for t in trees
                       for m in t.findall('model')}
        self.features = {f.get('name') for t in trees
                         for f in t.findall('feature')}

    def has_model(self, name):
        return self.models is None or name in self.models

    def has_feature(self, name):
        return self.features is None or name in self.features


def comment(lines):
    """Returns an XML comment, which cannot have two hyphens in a row."""
    text = '\n'.join('  ' + line for line in lines)
    return '<!--\n' + re.sub('-(?=-)', '- ', text) + '\n-->\n'


def write_cpu(model, features, vendor, phys_bits):
    """
    Returns a <cpu>.

    :param features: what is on and off, a dict with libvirt's names
    :param vendor: to be shown in place of the model's, or None
    :param phys_bits: to be shown, or None
    """
    vendor_id = f' vendor_id={quoteattr(vendor)}' if vendor else ''
    lines = ["<cpu mode='custom' match='exact' check='none'>",
             f"  <model fallback='forbid'{vendor_id}>{escape(model)}</model>"]
    if phys_bits:
        lines.append(f"  <maxphysaddr mode='emulate' bits='{phys_bits}'/>")
    lines += [f"  <feature policy='{'require' if on else 'disable'}' "
              f'name={quoteattr(name)}/>'
              for name, on in sorted(features.items())]
    return '\n'.join(lines + ['</cpu>']) + '\n'


def write_commandline(arguments):
    """Returns a <qemu:commandline> for a <domain>."""
    lines = [f"<qemu:commandline xmlns:qemu='{QEMU_NAMESPACE}'>"]
    lines += [f'  <qemu:arg value={quoteattr(a)}/>' for a in arguments]
    return '\n'.join(lines + ['</qemu:commandline>']) + '\n'
