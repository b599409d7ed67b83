# SPDX-License-Identifier: GPL-2.0-or-later
"""
The right answers to requests: those of a live QEMU.

For make_cases.py and run.py: asks query-cpu-model-expansion of a QEMU with
CPU introspection what it makes of a request.  It translates the text of -cpu
into the arguments of that command, and knows nothing of what follows from
them.

KVM's answers depend on the host.  So that they are the same everywhere, the
hosts are simulated ones (tests/guest/made_hosts.py), on which no kernel is
asked: they need no /dev/kvm, but GUEST_BUILD, where `make -C tests/guest
OUT=...` has built them.

Needs qemu.qmp: python3-qemu-qmp, or PYTHONPATH=<qemu>/python.
"""

import os
import sys
import unittest.mock

from conformance import DONE, REFUSED

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(REPO, 'tests', 'guest'))
from cpu_models import GuestError, ask, expansion  # noqa: E402
import made_hosts  # noqa: E402

ON = {'on', 'yes', 'true', 'y'}
OFF = {'off', 'no', 'false', 'n'}

IRQCHIPS = ('on', 'split', 'off')

# Both vendors, with and without a limit of the guest's address bits
HOSTS = ('amd-genoa', 'amd-naples', 'intel-sapphirerapids', 'intel-haswell')

# The CPU of the QEMU that is asked: KVM has no APIC for kernel-irqchip=off.
WITHOUT_APIC = '486'

# Questions for one process: the answers of more take a lot of memory.
AT_ONCE = 500

# Not there yet is a model that shows the host's values, so a CPU does.
HOST_QUESTIONS = [
    ('vendor', 'qemu64', {}),
    ('phys-bits', 'base', {'lm': True, 'host-phys-bits': True}),
    ('guest-phys-bits', 'base', {'lm': True, 'phys-bits': 255,
                                 'guest-phys-bits': 0xffffffff}),
]


class Names:
    """Which names are features and properties, by the file"""

    def __init__(self, models):
        # By each name of a feature: the feature
        self.features = {}
        for feature in (f for w in models['words'] for f in w['features']):
            name = feature['name']
            self.features.update(dict.fromkeys(
                [name, f'f-{name}', *feature.get('aliases', [])], name))
        self.types = {p['name']: p['type'] for p in models['properties']}
        self.newest = models['layers'][0]['machine-types'][0]

    def feature_of(self, name):
        """Returns the feature that a name sets, else the name."""
        return self.features.get(name, name)


def split_option(text):
    """Returns the model, and the rest of what -cpu takes, split at commas."""
    model, _, rest = text.partition(',')
    parts = rest.replace(',,', '\0').split(',')
    return model, [part.replace('\0', ',') for part in parts if part]


def json_value(names, name, text):
    """Returns the value that QMP takes for that of -cpu, if it is any."""
    kind = names.types.get(name, 'bool' if name in names.features else 'str')
    if kind == 'bool' and text in ON | OFF:
        return text in ON
    if kind == 'int':
        digits = text.removeprefix('-')
        if digits.isdecimal() and digits.isascii():
            return int(text)
        if digits.startswith('0x'):
            try:
                return int(text, 16)
            except ValueError:
                pass
    return text


def cpu_model(names, text):
    """Returns a CPU model, and the properties that QMP takes for it."""
    model, parts = split_option(text)
    found = {}
    plus, minus = [], []
    for part in parts:
        if part[0] in '+-':
            (plus if part[0] == '+' else minus).append(part[1:])
            continue
        name, equals, value = part.partition('=')
        name = name.replace('_', '-')
        key = names.feature_of(name)
        found.pop(key, None)
        found[key] = name, json_value(names, name, value if equals else 'on')
    for marked, value in (plus, True), (minus, False):
        for name in marked:
            key = names.feature_of(name)
            found.pop(key, None)
            found[key] = name, value
    return model, dict(found.values())


class LiveQemu:
    """A QEMU that is asked many requests, started anew for some of them"""

    def __init__(self, qemu, models):
        """
        :param qemu: path of the binary
        :param models: what is in its qemu-cpu-models.json
        """
        self.qemu = qemu
        self.names = Names(models)
        self.has_kvm = any(a['name'] == 'kvm' for a in models['accelerators'])
        # By host: what KVM takes from it, and which irqchips it has
        self.hosts = {}
        if self.has_kvm and not made_hosts.no_made_hosts() and (
                os.path.exists(made_hosts.shim())):
            self.hosts = {host: self._host(host) for host in HOSTS}

    def _host(self, host):
        replies = self._ask(host, 'kvm', None, [
            expansion('static', model, props, self.names.newest)
            for _, model, props in HOST_QUESTIONS])
        return {'values': {
            name: reply['return']['model']['props'][name]
            for (name, *_), reply in zip(HOST_QUESTIONS, replies)},
            'irqchips': [i for i in IRQCHIPS if self._starts(host, i)]}

    def _starts(self, host, irqchip):
        try:
            self._ask(host, 'kvm', irqchip, [('query-kvm', {})])
        except GuestError:
            return False
        return True

    def _ask(self, host, accel, irqchip, commands, *, machine=None, cpu=None):
        machine = machine or self.names.newest
        env = {}
        if accel == 'kvm':
            if irqchip:
                machine += f',kernel-irqchip={irqchip}'
            env = {'LD_PRELOAD': made_hosts.shim(),
                   'KVM_CPUID_SHIM_STAND_IN': '1',
                   'KVM_CPUID_SHIM_HOST': made_hosts.made_host(host)}
        args = ['-accel', accel, '-machine', machine, '-cpu',
                cpu or WITHOUT_APIC]
        replies = []
        with unittest.mock.patch.dict(os.environ, env):
            for n in range(0, len(commands), AT_ONCE):
                replies += ask(args, commands[n:n + AT_ONCE], self.qemu)
        return replies

    def host_of(self, request):
        """Returns the host of a request, or None if there is none such."""
        for host, row in self.hosts.items():
            if request['irqchip'] in row['irqchips'] and all(
                    request[name] == value
                    for name, value in row['values'].items()):
                return host
        return None

    def can_answer(self, request):
        """Whether there is a host for it"""
        return request['accel'] != 'kvm' or self.host_of(request) is not None

    def _key(self, request):
        """What a process that answers it is started with"""
        if request['accel'] == 'kvm':
            return self.host_of(request), 'kvm', request['irqchip']
        return None, request['accel'], None

    def answers(self, requests):
        """Returns the answers to requests, all of which it can answer."""
        groups = {}
        for number, request in enumerate(requests):
            groups.setdefault(self._key(request), []).append(number)
        found = [None] * len(requests)
        for key, numbers in groups.items():
            commands = [expansion('static', *cpu_model(
                self.names, requests[n]['cpu']), requests[n]['machine'])
                for n in numbers]
            for n, reply in zip(numbers, self._ask(*key, commands)):
                found[n] = self._answer(requests[n], reply)
        return found

    def answer_at_start(self, request):
        """
        Returns the answer of a QEMU that has the CPU of a request as its own,
        with -cpu: a slow way that needs no translation.

        :raise GuestError: it does not start
        """
        model, _ = split_option(request['cpu'])
        reply, = self._ask(*self._key(request),
                           [expansion('static', model)],
                           machine=request['machine'], cpu=request['cpu'])
        return self._answer(request, reply)

    @staticmethod
    def _answer(request, reply):
        answer = {'id': request['id'], 'format-version': 1,
                  'verb': request['verb']}
        if 'error' in reply:
            return {**answer, 'status': REFUSED,
                    'error': {'text': reply['error']['desc']}}
        model = reply['return']['model']
        return {**answer, 'status': DONE, 'model': {
            'name': model['name'], 'props': model['props']}}
