# SPDX-License-Identifier: GPL-2.0-or-later
"""
A QEMU started only to be asked about CPUs.

For the x86-cpu-* scripts: starts a paused QEMU, talks QMP to it over a
socket pair (no path to race for), and ends it.  Uses QEMU's own Python
library qemu.qmp: from the system, or from PYTHONPATH as `make run` sets
it to the python directory of the QEMU source.
"""

import difflib
import logging
import os
import socket
import subprocess
import sys
import tempfile

try:
    from qemu.qmp import QMPError
    from qemu.qmp.legacy import QEMUMonitorProtocol
except ImportError:
    sys.exit("error: the Python library qemu.qmp is missing: install the "
             "package python3-qemu-qmp, or let PYTHONPATH name the "
             "directory python of a QEMU source tree")

# What a QEMU may take to answer; a paused one needs well under a second.
TIMEOUT = 60


class Failure(Exception):
    """A message for the user, in one line."""


def near_matches(name, names):
    """Returns 'did you mean A, B or C?', '' if nothing is near."""
    lower = {n.lower(): n for n in names}
    near = [lower[n] for n in
            difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    if not near:
        return ''
    text = near[0]
    if len(near) > 1:
        text = ', '.join(near[:-1]) + ' or ' + near[-1]
    return f'did you mean {text}?'


class Qemu:
    """A paused QEMU; use as a context manager."""

    def __init__(self, binary, args):
        """
        :param binary: path of the QEMU binary
        :param args: list of arguments, machine and CPU among them
        :raise Failure: QEMU does not start; with QEMU's own message
        """
        logging.getLogger('qemu.qmp').setLevel(logging.CRITICAL)
        ours, theirs = socket.socketpair()
        self._stderr = tempfile.TemporaryFile()
        argv = [binary, '-S', '-display', 'none', '-nodefaults',
                '-chardev', f'socket,id=qmp,fd={theirs.fileno()}',
                '-mon', 'chardev=qmp,mode=control', *args]
        try:
            self._process = subprocess.Popen(
                argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=self._stderr)
        except OSError as e:
            raise Failure(f'cannot start {binary}: {e.strerror}') from e
        finally:
            theirs.close()
        self._qmp = QEMUMonitorProtocol(ours)
        self._qmp.settimeout(TIMEOUT)
        try:
            self.greeting = self._qmp.connect()
        except (QMPError, OSError, EOFError) as e:
            raise self._died() from e

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, trace):
        # A paused QEMU has nothing to save.
        self._process.kill()
        self._process.wait()
        try:
            self._qmp.close()
        except (QMPError, OSError, EOFError):
            pass
        self._stderr.close()

    def messages(self):
        """Returns what QEMU wrote to stderr so far, as a list of lines."""
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors='replace').splitlines()
        return [line for line in lines if line.strip()]

    def _died(self):
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        prefix = os.path.basename(self._process.args[0]) + ': '
        lines = [line.removeprefix(self._process.args[0] + ': ')
                     .removeprefix(prefix)
                 for line in self.messages()
                 if ': warning: ' not in line]
        self._stderr.close()
        return Failure('QEMU does not start: ' +
                       ('; '.join(lines) or
                        f'exit code {self._process.returncode}'))

    def cmd(self, command, **arguments):
        """
        Returns the answer to a QMP command.

        :raise Failure: QEMU died
        """
        try:
            return self._qmp.cmd(command, **arguments)
        except (QMPError, OSError, EOFError) as e:
            if self._process.poll() is None and not isinstance(e, EOFError):
                raise Failure(f'{command}: {e}') from e
            raise self._died() from e

    def version(self):
        """Returns the version of QEMU, with that of the package."""
        v = self.greeting['QMP']['version']
        number = '{major}.{minor}.{micro}'.format(**v['qemu'])
        return ' '.join(filter(None, [number, v['package']]))

    def cpu_path(self, cpu_index=0):
        """Returns the QOM path of a CPU."""
        return self.cmd('query-cpus-fast')[cpu_index]['qom-path']

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
