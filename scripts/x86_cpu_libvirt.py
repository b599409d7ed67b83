# SPDX-License-Identifier: GPL-2.0-or-later
"""
CPUs in libvirt's XML, read and written.

For x86-cpu-model-dump: from a <cpu>, a <domain> or a <qemu:commandline>
to the options that libvirt gives QEMU for it (qemuBuildCpuCommandLine() of
libvirt 11.3 and older), and back.  What is read has to be what libvirt's
schemas allow: no value may bring an option along.
"""

import os
import re
from typing import List, NamedTuple, Optional
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from x86_cpu_errors import Failure, near_matches, one_of, shown
from x86_cpu_names import check_start_value, for_the_start, left_out
from x86_cpu_text import value_text

# Not an address: the name of the elements that go to QEMU as they are
QEMU_NAMESPACE = 'http://libvirt.org/schemas/domain/qemu/1.0'
QEMU_PREFIX = f'{{{QEMU_NAMESPACE}}}'

# libvirt's own list of the models and features that it knows
CPU_MAP = '/usr/share/libvirt/cpu_map'

# The default of libvirt where a domain has no <cpu>
DEFAULT_MODELS = {'x86_64': 'qemu64', 'i686': 'qemu32'}

# Names of models, features and machine types, as libvirt's schemas have them
NAME = re.compile('[A-Za-z0-9_.-]+')

# Text that goes to QEMU as it is
NO_COMMA = re.compile('[^,]*')
VENDOR_LENGTH = 12

# Characters that XML 1.0 has no way to write
NOT_IN_XML = re.compile(
    r'[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')

POLICIES = {'force': True, 'require': True, 'disable': False,
            'forbid': False, 'optional': None}

# Features of libvirt's CPU map that QEMU does not have, from FEATURES_EXTRA in
# libvirt's src/cpu_map/sync_qemu_features_i386.py.  Not read from the installed
# map: the answer must not depend on whether libvirt is installed, and libvirt
# 9.0's map lacks those of VMX.  libvirt does not hand the first five to QEMU
# (virQEMUCapsCPUFilterFeatures()).
NOT_FOR_QEMU = {'cmt', 'mbm_local', 'mbm_total', 'osxsave', 'ospke',
                'vmx-ept-uc', 'vmx-ept-wb', 'vmx-invvpid-single-context'}
# It drops these where they are off (qemuProcessDropUnknownCPUFeatures()).
UNKNOWN_TO_QEMU = {'cvt16', 'pconfig'}

ACCELS = {'kvm': 'kvm', 'qemu': 'tcg'}

# Of <features><hyperv>, in libvirt's order: what is on or off, and others
HYPERV = ['relaxed', 'vapic', 'spinlocks', 'vpindex', 'runtime', 'synic',
          'stimer', 'reset', 'vendor_id', 'frequencies', 'reenlightenment',
          'tlbflush', 'ipi', 'evmcs', 'avic', 'emsr_bitmap', 'xmm_input']

# The least that libvirt takes for <spinlocks>
SPINLOCK_RETRIES = 0xfff

# Elements in those, and their properties
HYPERV_PARTS = {
    'stimer': {'direct': 'hv-stimer-direct'},
    'tlbflush': {'direct': 'hv-tlbflush-direct',
                 'extended': 'hv-tlbflush-ext'},
}

# Of <features><kvm>: property, and value if on and off; not a CPU's: None
KVM = {
    'hidden': ('kvm', {'on': 'off', 'off': None}),
    'hint-dedicated': ('kvm-hint-dedicated', {'on': 'on', 'off': None}),
    'poll-control': ('kvm-poll-control', {'on': 'on', 'off': None}),
    'pv-ipi': ('kvm-pv-ipi', {'on': None, 'off': 'off'}),
    'dirty-ring': (None, {'on': None, 'off': None}),
}

TIMERS = ['platform', 'rtc', 'tsc', 'hpet', 'pit', 'armvtimer', 'kvmclock',
          'hypervclock']

PANICS = ['isa', 'pseries', 'hyperv', 's390', 'pvpanic']

# Drivers of -global that set properties of CPUs
CPU_TYPE = re.compile(r'([A-Za-z0-9_.-]+-)?(x86_64|i386)-cpu|cpu')

# Of -machine: what can matter to a CPU
MACHINE_OPTIONS = {'cpu-compat': NAME,
                   'kernel-irqchip': re.compile('on|off|split')}


# Options of QEMU without a value, from qemu-options.hx; -h from system/vl.c
WITHOUT_VALUE = {
    'S', 'daemonize', 'enable-kvm', 'enable-sync-profile', 'full-screen', 'h',
    'help', 'jitdump', 'mem-prealloc', 'no-fd-bootchk', 'no-reboot',
    'no-shutdown', 'no-user-config', 'nodefaults', 'nographic', 'old-param',
    'only-migratable', 'perfmap', 'preconfig', 's', 'semihosting', 'snapshot',
    'usb', 'version', 'win2k-hack', 'xen-attach', 'xen-domid-restrict'}


class Request(NamedTuple):
    """What libvirt would start QEMU with."""
    cpu: str
    machine: Optional[str]
    accel: Optional[str]
    arguments: List[str]
    notes: List[str]


def parse(text):
    """
    Returns the root element.

    :param text: bytes
    :raise Failure: no XML, or none about a CPU
    """
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, LookupError, ValueError, RecursionError) as e:
        # LookupError, ValueError: an encoding that Python does not know, or
        # that its parser of XML cannot read
        raise Failure(f'libvirt: not XML: {shown(e, 120)}') from e
    known = ('cpu', 'domain', QEMU_PREFIX + 'commandline')
    if root.tag not in known:
        raise Failure(f'libvirt: the XML is a <{shown(root.tag)}>; it must be '
                      'a <cpu>, a <domain> or a <qemu:commandline>')
    return root


def wanted_accel(root):
    """Returns kvm, tcg, or None if the XML does not say."""
    if root.tag != 'domain' or not root.get('type'):
        return None
    kind = root.get('type')
    if kind not in ACCELS:
        raise Failure(f"libvirt: domain type '{shown(kind)}' is not for QEMU "
                      'with kvm or tcg; use kvm or qemu')
    return ACCELS[kind]


def last(element, path):
    """Returns the last one; libvirt lets it win where there are several."""
    found = element.findall(path)
    return found[-1] if found else None


def attribute_text(element, attribute):
    return (f"<{shown(element.tag)} {attribute}="
            f"'{shown(element.get(attribute, ''))}'>")


def name_of(text, what):
    """Returns a name that can go into an option of QEMU."""
    if not NAME.fullmatch(text):
        raise Failure(f"libvirt: '{shown(text)}' is not the name of {what}: "
                      'these consist of letters, digits, -, . and _')
    return text


def number(element, attribute, bits=32, least=0):
    text = element.get(attribute, '')
    # What is longer may be too long for Python.
    digits = text.lstrip('0')[:21] or '0'
    if not re.fullmatch(r'[0-9]+', text) or not (
            least <= int(digits) < 1 << bits):
        raise Failure(f"libvirt: <{element.tag}> needs a number from {least} "
                      f"to {(1 << bits) - 1} as '{attribute}', not "
                      f"'{shown(text)}'")
    return int(digits)


def choice(element, attribute, choices, default=None):
    """
    Returns the value of an attribute.

    :param default: where it is absent; None: it may not be
    """
    value = element.get(attribute)
    if value is None and default is not None:
        return default
    if value is None:
        raise Failure(f"libvirt: <{element.tag}> needs the attribute "
                      f"'{attribute}': {one_of(choices)}")
    if value not in choices:
        raise Failure(f'libvirt: {attribute_text(element, attribute)}: use '
                      f'{one_of(choices)}')
    return value


def switch(element, attribute='state', default=None):
    """Returns 'on' or 'off'."""
    return choice(element, attribute, ['on', 'off'], default)


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
        raise Failure(f"libvirt: unknown CPU feature '{shown(name)}'; {hint}")


def feature_options(cpu, features, removed):
    """
    :param removed: features that libvirt turns off where nothing is said of
                    them
    """
    options = {}
    for element in cpu.findall('feature'):
        name, policy = element.get('name'), element.get('policy', 'require')
        if not name:
            raise Failure("libvirt: a <feature> without 'name'")
        if policy not in POLICIES:
            raise Failure(f"libvirt: feature '{shown(name)}' has the unknown "
                          f"policy '{shown(policy)}'; use "
                          f"{one_of(list(POLICIES))}")
        value = POLICIES[policy]
        if name in NOT_FOR_QEMU or (name in UNKNOWN_TO_QEMU and not value):
            continue
        info = features.find(name)
        if info['name'] in options:
            raise Failure(f"libvirt: feature '{name}' is there twice")
        if value is None:
            value = info['supported']
        options[info['name']] = 'on' if value else 'off'
    for name in removed:
        if name in features.by_libvirt:
            options.setdefault(features.by_libvirt[name]['name'], 'off')
    return [f'{name}={value}' for name, value in options.items()]


def check_custom(cpu):
    """:raise Failure: libvirt refuses it, or would ask the host about it"""
    match = choice(cpu, 'match', ['exact', 'strict', 'minimum'], 'exact')
    if match == 'minimum':
        raise Failure(f"libvirt: match='{match}' depends on the host; "
                      "use match='exact' (virsh dumpxml of the running "
                      'guest has it)')
    if cpu.get('migratable') is not None:
        raise Failure("libvirt: the attribute 'migratable' is for "
                      "mode='host-passthrough' and mode='maximum' alone")


def custom_model(cpu):
    """Returns the name of a model, with its vendor, as options."""
    model = cpu.find('model')
    choice(model, 'fallback', ['allow', 'forbid'], 'allow')
    options = [name_of(model.text.strip(), 'a CPU model')]
    vendor = model.get('vendor_id')
    if vendor:
        if not NO_COMMA.fullmatch(vendor) or (
                len(vendor.encode()) != VENDOR_LENGTH):
            raise Failure(f"libvirt: {attribute_text(model, 'vendor_id')}: "
                          f'use {VENDOR_LENGTH} characters, without a '
                          'comma')
        options.append(f'vendor={vendor}')
    return options


def has_model(cpu):
    model = cpu.find('model')
    return model is not None and bool((model.text or '').strip())


def cpu_mode(cpu):
    mode = cpu.get('mode', 'custom')
    if mode == 'host-model':
        raise Failure("libvirt: mode='host-model' depends on the host; "
                      "use mode='custom' (virsh dumpxml of the running "
                      'guest has it)')
    if mode not in ('custom', 'host-passthrough', 'maximum'):
        raise Failure(f"libvirt: unknown mode '{shown(mode)}'; use "
                      'custom, host-passthrough or maximum')
    return mode


def model_options(cpu, default, features):
    """
    Returns the model and features that a <cpu> asks for, a list.

    :param default: where it names no model; it needs one if None
    """
    mode = cpu_mode(cpu)
    choice(cpu, 'check', ['none', 'partial', 'full'], 'none')
    removed = []
    if mode == 'custom':
        check_custom(cpu)
    if mode != 'custom':
        options = ['host' if mode == 'host-passthrough' else 'max']
        migratable = cpu.get('migratable')
        if migratable is not None or mode == 'host-passthrough':
            options.append('migratable=' + switch(cpu, 'migratable', 'on'))
    elif has_model(cpu):
        options = custom_model(cpu)
        removed = CpuMap().removed.get(options[0], [])
    elif default and cpu.find('feature') is None:
        # A <topology>, or a <cache>, is no reason to name a model.
        return [default]
    else:
        raise Failure("libvirt: <cpu mode='custom'> needs a <model>")
    return options + feature_options(cpu, features, removed)


def cache_options(cpu):
    caches = cpu.findall('cache')
    if not caches:
        return []
    if len(caches) > 1:
        raise Failure('libvirt: a <cpu> can have one <cache>')
    cache = caches[0]
    of_host = cpu_mode(cpu) != 'custom'
    mode = choice(cache, 'mode', ['emulate', 'passthrough', 'disable'])
    level = choice(cache, 'level', ['1', '2', '3'], '')
    if level and (level, mode) != ('3', 'emulate'):
        raise Failure(f"libvirt: <cache mode='{mode}' level='{level}'>: " +
                      ('QEMU emulates level 3 alone' if mode == 'emulate' else
                       'this mode is for all levels'))
    if mode == 'passthrough' and not of_host:
        raise Failure("libvirt: <cache mode='passthrough'> is for "
                      "mode='host-passthrough' and mode='maximum' alone")
    # Other models have no host-cache-info.
    return {
        'emulate': ['l3-cache=on'] + ['host-cache-info=off'] * of_host,
        'passthrough': ['host-cache-info=on', 'l3-cache=off'],
        'disable': ['host-cache-info=off'] * of_host + ['l3-cache=off'],
    }[mode]


def address_options(cpu):
    bits = cpu.find('maxphysaddr')
    if bits is None:
        return []
    mode = choice(bits, 'mode', ['emulate', 'passthrough'])
    if mode == 'emulate':
        if 'bits' in bits.keys() and number(bits, 'bits', 31):
            return [f"phys-bits={number(bits, 'bits', 31)}"]
        return ['host-phys-bits=off']
    if 'bits' in bits.keys():
        raise Failure("libvirt: <maxphysaddr mode='passthrough'> takes no "
                      "'bits'; they are the host's")
    limit = number(bits, 'limit', 31) if 'limit' in bits.keys() else 0
    return ['host-phys-bits=on'] + [f'host-phys-bits-limit={limit}'] * (
        limit > 0)


def hyperv_option(element):
    """Returns the options of one <hyperv> feature that is on."""
    if element.tag == 'spinlocks':
        retries = number(element, 'retries', 32, SPINLOCK_RETRIES)
        return [f'hv-spinlocks={retries:#x}']
    if element.tag == 'vendor_id':
        value = element.get('value')
        if value is None or not NO_COMMA.fullmatch(value) or (
                len(value.encode()) > VENDOR_LENGTH):
            raise Failure(f"libvirt: {attribute_text(element, 'value')}: "
                          f'use up to {VENDOR_LENGTH} characters, '
                          'without a comma')
        return [f'hv-vendor-id={value}']
    options = [f"hv-{element.tag.replace('_', '-')}=on"]
    parts = HYPERV_PARTS.get(element.tag, {})
    for part in element if parts else []:
        if part.tag not in parts:
            raise Failure(f'libvirt: unknown <{shown(part.tag)}> in '
                          f"<{element.tag}>; known: {', '.join(parts)}")
    for tag, name in parts.items():
        part = last(element, tag)
        if part is not None and switch(part) == 'on':
            options.append(f'{name}=on')
    return options


def hyperv_options(hyperv):
    mode = choice(hyperv, 'mode', ['custom', 'passthrough'], 'custom')
    if mode == 'passthrough':
        return ['hv-passthrough=on']
    found = {}
    for element in hyperv:
        if element.tag not in HYPERV:
            raise Failure(f'libvirt: unknown <{shown(element.tag)}> in '
                          '<hyperv>; ' +
                          (near_matches(element.tag, HYPERV) or
                           f"known are {', '.join(HYPERV)}"))
        found[element.tag] = (hyperv_option(element)
                              if switch(element) == 'on' else [])
    return [option for tag in HYPERV for option in found.get(tag, [])]


def kvm_options(kvm):
    found = {}
    for element in kvm:
        if element.tag not in KVM:
            raise Failure(f'libvirt: unknown <{shown(element.tag)}> in <kvm>; '
                          + (near_matches(element.tag, KVM) or
                             f"known are {', '.join(KVM)}"))
        name, values = KVM[element.tag]
        value = values[switch(element)]
        found[element.tag] = [f'{name}={value}'] if value else []
    return [option for tag in KVM for option in found.get(tag, [])]


def timer_options(timer):
    name = choice(timer, 'name', TIMERS)
    present = choice(timer, 'present', ['yes', 'no'], '')
    if name == 'kvmclock' and present:
        return ['kvmclock=' + ('on' if present == 'yes' else 'off')]
    if name == 'hypervclock' and present == 'yes':
        return ['hv-time=on']
    if name == 'tsc' and 'frequency' in timer.keys():
        frequency = number(timer, 'frequency', 64)
        return [f'tsc-frequency={frequency}'] * (frequency > 0)
    return []


def domain_options(domain):
    """Returns what a <domain> adds to -cpu outside of <cpu>."""
    options = [option for timer in domain.findall('clock/timer')
               for option in timer_options(timer)]
    apic = last(domain, 'features/apic')
    if apic is not None and 'eoi' in apic.keys():
        options.append(f"kvm-pv-eoi={switch(apic, 'eoi')}")
    spinlock = last(domain, 'features/pvspinlock')
    if spinlock is not None:
        options.append(f"kvm-pv-unhalt={switch(spinlock, default='on')}")
    hyperv = last(domain, 'features/hyperv')
    if hyperv is not None:
        options += hyperv_options(hyperv)
    panics = [choice(panic, 'model', PANICS, 'isa')
              for panic in domain.findall('devices/panic')]
    if 'hyperv' in panics:
        options.append('hv-crash=on')
    kvm = last(domain, 'features/kvm')
    if kvm is not None:
        options += kvm_options(kvm)
    pmu = last(domain, 'features/pmu')
    if pmu is not None:
        options.append(f"pmu={switch(pmu, default='on')}")
    return options


def domain_machine(domain):
    """Returns the machine type, with options, or None; and the arch."""
    arch, machine = 'x86_64', None
    os_type = domain.find('os/type')
    if os_type is not None:
        arch = choice(os_type, 'arch', [*DEFAULT_MODELS], arch)
        if os_type.get('machine'):
            machine = name_of(os_type.get('machine'), 'a machine type')
    ioapic = last(domain, 'features/ioapic')
    if ioapic is not None:
        driver = choice(ioapic, 'driver', ['qemu', 'kvm'], '')
        if machine and driver:
            machine += ',kernel-irqchip=' + {'qemu': 'split',
                                             'kvm': 'on'}[driver]
    return machine, arch


def passed_arguments(root):
    """Returns the arguments that a <qemu:commandline> hands to QEMU."""
    parents = ([root] if root.tag == QEMU_PREFIX + 'commandline' else
               root.findall(QEMU_PREFIX + 'commandline'))
    arguments = [arg.get('value') for parent in parents
                 for arg in parent.findall(QEMU_PREFIX + 'arg')]
    if None in arguments:
        raise Failure("libvirt: a <qemu:arg> without 'value'")
    return arguments


def options_of(arguments):
    """Yields (option, value) of QEMU's arguments, as its lookup_opt() does."""
    arguments = iter(arguments)
    for argument in arguments:
        option = argument[1:] if argument.startswith('--') else argument
        # What is not an option is a disk image.
        if option.startswith('-') and option[1:] not in WITHOUT_VALUE:
            value = next(arguments, None)
            if value is None:
                raise Failure(f"libvirt: QEMU's option {shown(option)} needs "
                              'a value')
            yield option, value


def split_options(text):
    """Returns [name, value] of QEMU's options; a doubled comma is one."""
    return [part.replace('\0', ',').partition('=')[::2]
            for part in text.replace(',,', '\0').split(',')]


def parts_of_global(text):
    """Returns the driver, property and value that -global has."""
    short = re.match('([^.=]{1,63})[.]([^=]{1,63})=', text)
    if short:
        return *short.groups(), text[short.end():]
    options = dict(split_options(text))
    return tuple(options.get(key, '') for key in
                 ('driver', 'property', 'value'))


def cpu_global(text):
    """Returns the property of CPUs that -global sets, None if it is none."""
    driver, name, _ = parts_of_global(text)
    return name if CPU_TYPE.fullmatch(driver) else None


def check_start_globals(texts, cpu):
    """
    Checks -globals that decide whether a guest with this CPU starts.

    :raise Failure: QEMU refuses a value
    """
    for text in texts:
        driver, name, value = parts_of_global(text)
        # QEMU never sets those of other CPUs.
        if CPU_TYPE.fullmatch(driver)[1] in (None, cpu.split(',')[0] + '-'):
            check_start_value(name, value)


def changed_machine(machine, text):
    """Returns a machine type, with options, as -machine changes it."""
    name, *options = (machine or '').split(',')
    options = dict(option.split('=') for option in options)
    if '=' not in text.partition(',')[0]:
        text = 'type=' + text
    for key, value in split_options(text):
        key = key.replace('_', '-')
        if key == 'type':
            name = name_of(value, 'a machine type')
        elif key in MACHINE_OPTIONS:
            if not MACHINE_OPTIONS[key].fullmatch(value):
                raise Failure(f"libvirt: -machine {key}='{shown(value)}': "
                              'not a valid value')
            options[key] = value
    return ','.join([name] + [f'{key}={value}'
                              for key, value in options.items()])


def read(root, infos):
    """
    Returns what libvirt would start QEMU with, a Request.

    :param root: what parse() returned
    :param infos: the answer of query-cpu-features
    """
    features = Features(infos)
    machine, options, notes = None, [], []
    if root.tag == 'cpu':
        options = (model_options(root, None, features) +
                   cache_options(root) + address_options(root))
    elif root.tag == 'domain':
        machine, arch = domain_machine(root)
        cpu = root.find('cpu')
        options = [DEFAULT_MODELS[arch]]
        if arch == 'i686' and (cpu is None or not (
                has_model(cpu) or cpu_mode(cpu) != 'custom')):
            notes.append(
                f'an i686 <domain> without a CPU model: taken as {options[0]}'
                '; a newer libvirt writes the model that it takes into what '
                'virsh dumpxml shows')
        if cpu is not None:
            options = model_options(cpu, options[0], features)
        options += domain_options(root)
        if cpu is not None:
            options += cache_options(cpu) + address_options(cpu)

    cpu, arguments, start_globals = None, [], []
    for option, value in options_of(passed_arguments(root)):
        # As QEMU has it, the last one counts.  What is not about the CPU is
        # left out: it may do anything.
        if option == '-cpu':
            if not value:
                raise Failure("libvirt: QEMU's option -cpu cannot be empty")
            cpu = value
        elif option == '-global' and cpu_global(value) is not None:
            if for_the_start(cpu_global(value)):
                notes.append(left_out(f'-global {value}'))
                start_globals.append(value)
            else:
                arguments += ['-global', value]
        elif option in ('-machine', '-M'):
            machine = changed_machine(machine, value)
    if root.tag.endswith('}commandline') and cpu is None:
        raise Failure('libvirt: the <qemu:commandline> has no -cpu')
    cpu = cpu or ','.join(options)
    check_start_globals(start_globals, cpu)
    return Request(cpu, machine, wanted_accel(root), arguments, notes)


class CpuMap:
    """What the libvirt of this host knows, if there is one."""

    def __init__(self, path=None):
        path = path or CPU_MAP
        self.models = self.features = None
        # By model: what it once had, and has only if that is asked for
        self.removed = {}
        try:
            index = ET.parse(os.path.join(path, 'index.xml')).getroot()
            files = [i.get('filename', '') for i in
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
        self.removed = {
            m.get('name'): [f.get('name') for f in
                            m.findall("feature[@removed='yes']")]
            for t in trees for m in t.findall('model')}

    def has_model(self, name):
        return self.models is None or name in self.models

    def has_feature(self, name):
        return self.features is None or name in self.features


def unwritable(props):
    """Returns {property: a character of its value that no XML can have}."""
    found = {name: NOT_IN_XML.search(value_text(value))
             for name, value in sorted(props.items())}
    return {name: match[0] for name, match in found.items() if match}


def check_characters(what, props):
    """:raise Failure: a value has a character that no XML can have"""
    for name, character in unwritable(props).items():
        raise Failure(f"{what}: the value of '{name}' has the character "
                      f'U+{ord(character):04X}, which no XML can have; '
                      '--format cpu can')


def comment(lines):
    """Returns an XML comment, which cannot have two hyphens in a row."""
    text = '\n'.join('  ' + line for line in lines)
    return '<!--\n' + re.sub('-(?=-)', '- ', text) + '\n-->\n'


def write_cpu(model, features, vendor, phys_bits):
    """
    Returns a <cpu>.

    :param features: what is on and off, a dict with libvirt's names
    :param vendor: to be shown instead of the model's, or None
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
