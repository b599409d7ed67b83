# SPDX-License-Identifier: GPL-2.0-or-later
"""
A QEMU that is asked about CPUs.

For the x86-cpu-* scripts: starts a paused QEMU, talks QMP to it over a
socket pair (no path to race for), and ends it; or asks one that runs.
Uses QEMU's own Python library qemu.qmp: the copy that `make install` puts
next to this file, that of the system, or the one in the python directory
of the QEMU source, which `make run` and the tests have in PYTHONPATH.  Where
a script needs no QEMU, or is only asked for --help, it may be missing.
"""

import asyncio
import contextlib
import logging
import os
import re
import socket
import subprocess
import tempfile
import threading
import traceback

from x86_cpu_errors import Failure, middle_out, near_matches, shown
import x86_cpu_json
import x86_cpu_models
import x86_cpu_names

try:
    from qemu.qmp import QMPError
    from qemu.qmp.legacy import QEMUMonitorProtocol
except ImportError:
    QMPError = EOFError
    QEMUMonitorProtocol = None

# What a QEMU may take to answer; a paused one needs well under a second.
TIMEOUT = 60

# What one that runs may take to say that it is there
GREETING_TIMEOUT = 10

# Of what a QEMU that dies wrote, from its beginning and from its end; of each
# line of that; and how many of these are told
MESSAGES = 16384
MESSAGE = 400
MESSAGE_LINES = 6

# Errors if the other side is not a QMP monitor
BROKEN = (QMPError, OSError, EOFError, asyncio.TimeoutError, ValueError,
          RecursionError)

# Members of answers that the scripts read: see x86_cpu_json.check()
PLACES = [{'cpuid?': {'leaf': int, 'subleaf': int, 'register': str,
                      'bit': int},
           'msr?': {'index': int, 'bit': int}}]
REMOVED = [{'feature': str, 'places': PLACES, 'reason': str,
            'blocking': bool, 'requested-by': str, 'requires?': [[str, ...]],
            'conflicts-with?': list}]
ERRORS = [{'text': str, 'property': str, 'reason': str}]
ANSWERS = {
    'device-list-properties': [{'name': str, 'type': str}],
    'query-cpu-definitions': [{'name': str, 'typename?': str,
                               'migration-safe?': bool, 'static?': bool}],
    'query-cpu-features': [{
        **x86_cpu_names.ENTRY, 'aliases': [str], 'supported': bool,
        'migratable': bool,
        'requires': [[str, ...]], 'description?': str, 'note?': str}],
    'query-cpu-model-expansion': {
        'model': {'name': str, 'props': {str: object}},
        'removed-features?': REMOVED, 'omitted-properties?': [str],
        'errors?': ERRORS, 'out-of-scope?': str},
    'query-cpu-model-nearest': {'name': str, 'libvirt-unknown': [str]},
    'query-cpu-model-table': x86_cpu_models.TABLE,
    'query-cpus-fast': [{'qom-path': str}],
    'query-kvm': {'enabled': bool},
    'query-machine-cpu-layers': [{
        'machine-types': [str], 'layer-only': [str], 'model-version': int,
        'properties': [{'driver': str, 'property': str, 'value': str,
                        'from-table?': bool}]}],
    'query-machines': [{'name': str, 'alias?': str}],
    'query-migrate': {'blocked-reasons?': [str]},
    'query-target': {'arch': str},
    'qom-list': [{'name': str}],
}
PROPERTIES = {
    'added-features': [{'feature': str, 'places': PLACES}],
    'cpu-compat': str,
    'removed-features': REMOVED,
    'type': str,
}
GREETING = {'QMP': {'version': {
    'qemu': {'major': int, 'minor': int, 'micro': int}, 'package': str}}}

# The register and its name as QEMU says it when it cannot set it
ARCH_CAPABILITIES = 'failed to set MSR 0x10a'
ARCH_CAPABILITIES_NOTE = (
    "this kernel's KVM refuses to set the MSR IA32_ARCH_CAPABILITIES that "
    'it offers, so that QEMU cannot start this CPU; asked with '
    'arch-capabilities=off instead')


TABLE_COMMAND = 'query-cpu-model-table'

# Where `make install` puts the scripts, relative to PREFIX
INSTALLED = os.path.join('share', 'qemu-cpu-introspection')
BINARY = 'qemu-system-x86_64'


def default_qemu():
    """Returns the QEMU that was installed with this, else that in PATH."""
    here = os.path.dirname(os.path.realpath(__file__))
    prefix = here.removesuffix(INSTALLED)
    binary = os.path.join(prefix, 'bin', BINARY)
    return binary if prefix != here and os.path.exists(binary) else BINARY


def add_qemu_option(parser):
    parser.add_argument('--qemu', metavar='FILE', default=default_qemu(),
                        help='the QEMU to ask, built with CPU introspection '
                             '(default: the one installed with this, else '
                             f'{BINARY} in PATH)')


def add_qmp_option(parser):
    parser.add_argument('--qmp', metavar='SOCKET',
                        help='ask a running QEMU: UNIX socket of its QMP '
                             'monitor, or HOST:PORT')


def without_introspection(qemu, version=''):
    """Returns the Failure of all scripts where QEMU is stock QEMU."""
    return Failure(f'{qemu} ' + (f'(QEMU {version}) ' if version else '') +
                   'is built without CPU introspection')


def kvm_opens():
    """Returns None if /dev/kvm opens, else the reason why not."""
    try:
        os.close(os.open('/dev/kvm', os.O_RDWR | os.O_CLOEXEC))
    except OSError as e:
        return e.strerror
    return None


def usable_accel(names):
    """
    Returns the first accelerator that can be used of those in -machine
    accel=, a list of names with colons.

    :raise Failure: none can
    """
    for name in names.split(':'):
        if name == 'tcg' or (name == 'kvm' and not kvm_opens()):
            return name
    if ':' not in names and names:
        return choose_accel(names)
    raise Failure(f"--machine accel='{shown(names)}': none of them can be "
                  'used here; use kvm or tcg')


def choose_accel(accel):
    problem = kvm_opens()
    if not accel:
        return 'tcg' if problem else 'kvm'
    if accel == 'kvm' and problem:
        raise Failure(f'accelerator kvm: cannot open /dev/kvm: {problem}; '
                      'tcg needs no /dev/kvm')
    if accel not in ('kvm', 'tcg'):
        raise Failure(f"unknown accelerator '{shown(accel)}'; use kvm or "
                      'tcg')
    return accel


def newest(machines, prefix):
    """
    Returns the machine type of the highest version, or None.

    Those of distributors may be named otherwise (pc-q35-noble).
    """
    versions = {m: re.fullmatch(r'[0-9]{1,9}(\.[0-9]{1,9})*',
                                m.removeprefix(prefix))
                for m in machines if m.startswith(prefix)}
    return max((m for m in versions if versions[m]), default=None,
               key=lambda m: [int(n) for n in versions[m][0].split('.')])


def default_machine(machines):
    """Returns the newest pc-q35; where QEMU has none, the newest pc-i440fx."""
    for kind in 'pc-q35-', 'pc-i440fx-':
        machine = newest(machines, kind)
        if machine:
            return machine
    # Names of distributors need not have a version.
    if 'q35' in machines:
        return machines['q35']
    raise Failure('this QEMU has no pc-q35 and no pc-i440fx machine type; '
                  'name the machine type: ' + ', '.join(
                      sorted(set(machines) - {'none'})))


def need_library():
    if QEMUMonitorProtocol is None:
        raise Failure('the Python library qemu.qmp is missing: install the '
                      'package python3-qemu-qmp, or let PYTHONPATH name the '
                      'directory python of a QEMU source tree')


def refusal(error):
    """
    Returns QEMU's reason to refuse qmp_capabilities, '' if that is not it.

    qemu.qmp only asserts that the reply is not an error, and keeps neither.
    """
    while error.__cause__:
        error = error.__cause__
    if isinstance(error, AssertionError):
        for frame, _ in traceback.walk_tb(error.__traceback__):
            reply = frame.f_locals.get('reply', {})
            with contextlib.suppress(KeyError, TypeError):
                return f"qmp_capabilities: {reply['error']['desc']}"
    return ''


def why_broken(error):
    """Returns what a message says of one of BROKEN."""
    if isinstance(error, asyncio.TimeoutError):
        return f'no answer within {TIMEOUT} s'
    if isinstance(error, RecursionError):
        return 'the answer is nested too deeply'
    return (middle_out(refusal(error) or str(error), MESSAGE) or
            type(error).__name__)


def check_answer(command, arguments, answer):
    """
    Returns a QEMU's answer to a command.

    :raise Failure: the scripts cannot read it
    """
    shape = (PROPERTIES.get(arguments.get('property'), x86_cpu_json.SCALAR)
             if command == 'qom-get' else ANSWERS.get(command, object))
    try:
        x86_cpu_json.check(answer, shape, 'the answer')
        x86_cpu_json.check_characters(answer)
    except ValueError as e:
        raise Failure(f'{command}: this QEMU is not understood: {e}') from e
    return answer


def check_model(q, model):
    """
    Returns what query-cpu-definitions says of a CPU model.

    :raise Failure: QEMU does not know it
    """
    models = {d['name']: d for d in q.cmd('query-cpu-definitions')}
    if model not in models:
        raise Failure(f"unknown CPU model '{shown(model)}'; " +
                      (near_matches(model, models) or
                       f"'{q.name} -cpu help' lists all"))
    return models[model]


def removed_machines(q):
    """Returns the machine types of which a QEMU only knows the CPUs."""
    with contextlib.suppress(Failure):      # an older version of this
        return [name for layer in q.cmd('query-machine-cpu-layers')
                for name in layer['layer-only']]
    return []


def check_machine(q, machine):
    """
    Returns the canonical machine type, the default where none is named.

    :raise Failure: QEMU does not know it
    """
    infos = q.cmd('query-machines')
    machines = {m['name']: m['name'] for m in infos}
    machines.update({m['alias']: m['name'] for m in infos if 'alias' in m})
    if not machine:
        return default_machine(machines)
    if machine == 'none':
        raise Failure("machine type 'none' has no CPU; name another, or "
                      'omit it for the newest pc-q35')
    if machine not in machines:
        if machine in removed_machines(q):
            raise Failure(f"QEMU has removed machine type '{machine}', but "
                          'knows its CPUs: name another one for the rest, '
                          f'{default_machine(machines)},cpu-compat={machine}')
        raise Failure(f"unknown machine type '{shown(machine)}'; " +
                      (near_matches(machine, machines) or
                       f"'{q.name} -machine help' lists all"))
    return machines[machine]


class Monitor:
    """The QMP monitor of a QEMU; use as a context manager."""

    def __init__(self, name, connection):
        """
        :param name: what errors call this QEMU
        :param connection: a connected socket
        :raise BROKEN: no QMP there
        """
        self.name = name
        self._features = None
        # What goes wrong is told, once.
        for name in 'qemu.qmp', 'asyncio':
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._qmp = QEMUMonitorProtocol(connection)
        self._qmp.settimeout(TIMEOUT)
        # The library would wait forever.
        timer = threading.Timer(TIMEOUT, connection.shutdown,
                                [socket.SHUT_RDWR])
        timer.start()
        try:
            self.greeting = self._qmp.connect()
            x86_cpu_json.check(self.greeting, GREETING, 'the greeting')
            x86_cpu_json.check_characters(self.greeting)
        except BROKEN:
            self._close()
            raise
        finally:
            timer.cancel()

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, trace):
        self._close()

    def _close(self):
        try:
            self._qmp.close()
        except BROKEN:
            # It may end with the error that was told already.
            pass

    def _lost(self, _error):
        """Returns a Failure if QEMU is gone, else None."""
        return None

    def cmd(self, command, **arguments):
        """
        Returns the answer to a QMP command.

        :raise Failure: QEMU refuses, or died
        """
        try:
            answer = self._qmp.cmd(command, **arguments)
        except BROKEN as e:
            raise self._lost(e) or Failure(
                f'{command}: {why_broken(e)}') from e
        return check_answer(command, arguments, answer)

    def cmd_if_there(self, command, **arguments):
        """Returns the same, or None if this QEMU has no such command."""
        try:
            return self.cmd(command, **arguments)
        except Failure as e:
            if 'has not been found' not in str(e):
                raise
            return None

    def features(self):
        """
        Returns the answer of query-cpu-features.

        :raise Failure: this is stock QEMU.  Asked first, so that its users
                        do not read of anything else.
        """
        if self._features is None:
            self._features = self.cmd_if_there('query-cpu-features')
            if self._features is None:
                raise without_introspection(self.name, self.version())
        return self._features

    def version(self):
        """Returns the version of QEMU, with that of the package."""
        v = self.greeting['QMP']['version']
        number = '{major}.{minor}.{micro}'.format(**v['qemu'])
        return ' '.join(filter(None, [number, v['package']]))

    def cpu_path(self, cpu_index=0):
        """Returns the QOM path of a CPU."""
        cpus = self.cmd('query-cpus-fast')
        if cpu_index >= len(cpus):
            raise Failure(f'this QEMU has no CPU {cpu_index}')
        return cpus[cpu_index]['qom-path']

    def cpu_properties(self, names, cpu_index=0):
        """Returns the named properties of a CPU, a dict."""
        path = self.cpu_path(cpu_index)
        return {name: self.cmd('qom-get', path=path, property=name)
                for name in names}

    def guest_features(self, cpu_index=0):
        """Returns the names of the features that a CPU has, sorted."""
        # One question for each, as QEMU 10.0 has no command that reads
        # several properties: together they take about 0.3 s.
        flags = self.cpu_properties(
            [p['name'] for p in
             self.cmd('qom-list', path=self.cpu_path(cpu_index))
             if p['name'].startswith('f-')], cpu_index)
        return sorted(name.removeprefix('f-') for name in flags
                      if flags[name])


class RunningQemu(Monitor):
    """A QEMU that somebody else started, and goes on to run."""

    def __init__(self, address):
        """
        :param address: path of a UNIX socket, or HOST:PORT
        :raise Failure: no QMP there
        """
        need_library()
        try:
            connection = self._connect(address)
        # ValueError: a name of a host that is none
        except (OSError, OverflowError, ValueError) as e:
            raise Failure(f'cannot connect to {address}: '
                          f'{getattr(e, "strerror", None) or e}') from e
        # Without a greeting, it is not a QMP monitor, or not a free one.
        connection.settimeout(GREETING_TIMEOUT)
        try:
            if connection.recv(1, socket.MSG_PEEK) != b'{':
                connection.close()
                raise Failure(f'{address} is not a QMP monitor')
        except OSError as e:
            connection.close()
            raise Failure(f'{address} does not answer: a QMP monitor takes '
                          'one client at a time; give QEMU another -qmp '
                          'monitor for this') from e
        connection.settimeout(None)
        try:
            super().__init__(f'the QEMU at {address}', connection)
        except BROKEN as e:
            raise Failure(f'{address} is not a QMP monitor: '
                          f'{why_broken(e)}') from e

    @staticmethod
    def _connect(address):
        host, colon, port = address.rpartition(':')
        if (colon and re.fullmatch('[0-9]{1,5}', port) and
                not os.path.exists(address)):
            return socket.create_connection((host.strip('[]'), int(port)),
                                            GREETING_TIMEOUT)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(GREETING_TIMEOUT)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection


class Qemu(Monitor):
    """A paused QEMU, started to be asked."""

    def __init__(self, binary, args):
        """
        :param binary: path of the QEMU binary
        :param args: list of arguments, machine and CPU among them
        :raise Failure: QEMU does not start; with QEMU's own message
        """
        need_library()
        ours, theirs = socket.socketpair()
        self._stderr = tempfile.TemporaryFile()
        argv = [binary, '-S', '-display', 'none', '-nodefaults',
                '-chardev', f'socket,id=qmp,fd={theirs.fileno()}',
                '-qmp', 'chardev:qmp', *args]
        try:
            self._process = subprocess.Popen(
                argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=self._stderr)
        except OSError as e:
            ours.close()
            self._stderr.close()
            raise Failure(f'cannot start {binary}: {e.strerror}') from e
        finally:
            theirs.close()
        try:
            super().__init__(binary, ours)
        except BROKEN as e:
            raise self._died() from e
        except KeyboardInterrupt:
            self._end()
            raise

    def _end(self):
        # A paused QEMU has nothing to save.
        self._process.kill()
        self._process.wait()

    def __exit__(self, exc_type, exc, trace):
        self._end()
        super().__exit__(exc_type, exc, trace)
        self._stderr.close()

    def messages(self):
        """Returns what QEMU wrote to stderr so far, as a list of lines."""
        self._stderr.seek(0)
        text = self._stderr.read(MESSAGES)
        # Each of many CPUs may have warned before the message comes.
        end = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(len(text), end - MESSAGES))
        rest = self._stderr.read(MESSAGES)
        if end > len(text) + len(rest):
            # What is left out begins and ends within lines.
            text = text[:text.rfind(b'\n') + 1]
            rest = rest[rest.find(b'\n') + 1:]
        return [line for line in
                (text + rest).decode(errors='replace').splitlines()
                if line.strip()]

    def _died(self):
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        prefix = os.path.basename(self._process.args[0]) + ': '
        lines = [middle_out(line.removeprefix(self._process.args[0] + ': ')
                            .removeprefix(prefix), MESSAGE)
                 for line in self.messages()
                 if ': warning: ' not in line]
        if len(lines) > MESSAGE_LINES:
            half = MESSAGE_LINES // 2
            lines = [*lines[:half], '[...]', *lines[-half:]]
        self._stderr.close()
        return Failure('QEMU does not start: ' +
                       ('; '.join(lines) or
                        f'exit code {self._process.returncode}'))

    def _lost(self, error):
        if isinstance(error, EOFError) or self._process.poll() is not None:
            return self._died()
        return None


def start_cpu(binary, args, cpu):
    """
    Starts a paused QEMU with a CPU.

    :param args: list of arguments except for the CPU
    :param cpu: as for -cpu
    :return: the Qemu, and whether it has arch-capabilities=off because the
             kernel does not take what it offers
    """
    try:
        return Qemu(binary, [*args, '-cpu', cpu]), False
    except Failure as e:
        if ARCH_CAPABILITIES not in str(e):
            raise
    return Qemu(binary, [*args, '-cpu', cpu + ',arch-capabilities=off']), True


@contextlib.contextmanager
def asked_for_table(qemu, qmp=None):
    """
    A context manager that yields the QEMU to ask.  The table depends neither on
    its accelerator nor on its guest.

    :param qemu: path of the binary to start
    :param qmp: None, or where the monitor of a running QEMU is, to ask that
                one instead
    """
    if qmp is not None:
        with RunningQemu(qmp) as q:
            yield q
    else:
        # KVM is for a QEMU that is built without TCG.
        with Qemu(qemu, ['-no-user-config', '-machine', 'none', '-accel',
                         'tcg', '-accel', 'kvm']) as q:
            yield q


def query_table(q):
    """
    Returns a Monitor's answer of query-cpu-model-table.

    :raise Failure: it has none, or one that cannot be read
    """
    q.features()
    answer = q.cmd_if_there(TABLE_COMMAND)
    if answer is None:
        raise Failure(f'{q.name} (QEMU {q.version()}) has CPU introspection, '
                      f'but is too old for {TABLE_COMMAND}')
    if answer['format-version'] != x86_cpu_models.FORMAT_VERSION:
        raise Failure(f'{TABLE_COMMAND}: this QEMU is not understood: '
                      f"format-version is {answer['format-version']}, not "
                      f'{x86_cpu_models.FORMAT_VERSION}')
    return answer
