# SPDX-License-Identifier: GPL-2.0-or-later
"""
A QEMU that is being fuzzed, and what it must never do.

Starts QEMU with a QMP monitor on its standard streams, with the sanitizers'
options where it was built with them, and judges how it ended.
"""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import upstream

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(REPO, 'tests', 'guest'))

from release_line import LINE  # noqa: E402

BUILD = os.path.join(REPO, os.environ.get('BUILD') or 'build')

# Seconds.  An answer takes milliseconds, with sanitizers some hundred; build
# machines are busy.
TIMEOUT = 120

# JSON as deep as QEMU takes
sys.setrecursionlimit(20000)

# The exit status of a program that a sanitizer has stopped; QEMU has none
# such.
SANITIZER_STATUS = 77
REPORT = re.compile(r'(ERROR: (Address|Leak)Sanitizer|runtime error:)')
# What the sanitizers say when they, not QEMU, can't do something here
NO_LEAK_CHECK = 'LeakSanitizer has encountered a fatal error'

ENV = {
    **os.environ,
    'ASAN_OPTIONS': f'exitcode={SANITIZER_STATUS}:detect_leaks=1:'
                    'detect_stack_use_after_return=0:hard_rss_limit_mb=8192',
    'LSAN_OPTIONS': f'exitcode={SANITIZER_STATUS}:print_suppressions=0:'
                    f'suppressions={os.path.join(HERE, "lsan.supp")}',
    'UBSAN_OPTIONS': 'print_stacktrace=1',
    # glib 2.74's own allocator hides what is freed from the sanitizers.
    'G_SLICE': 'always-malloc',
}


# What is not the same for all threads: exact, whether stacks in reports are
# whole.  glib has no frame pointers, so that this makes QEMU 15 times slower.
local = threading.local()


def exact(env):
    """The environment with that"""
    return {**env, 'ASAN_OPTIONS':
            env['ASAN_OPTIONS'] + ':fast_unwind_on_malloc=0'}


class Finding(Exception):
    """
    QEMU did what it must not do.

    what: one line, the same for the same bug as far as one can tell; detail:
    what there is to say about it.
    """

    def __init__(self, what, detail=''):
        super().__init__(what)
        self.what = what
        self.detail = detail

    def is_leak(self):
        """Whether it is nothing but a leak, which has its stack elsewhere"""
        return self.what.startswith('LeakSanitizer')


class NotStarted(Exception):
    """QEMU has refused its command line, in an orderly way."""


class Died(Exception):
    """QEMU has ended; how(), says verdict()."""


def frames(report):
    """The functions of QEMU in the first stack of a sanitizer's report"""
    found = []
    for line in report.splitlines():
        match = re.match(r'\s+#\d+ 0x\w+ in (\w+) (\S*)', line)
        if match and re.search(r'\.(c|h|inc)(:\d+)*$', match[2]) and \
                'sanitizer' not in match[2]:
            found.append(match[1])
        elif found and not line.strip():
            break
    return found


def summary(stderr):
    """One line about a sanitizer's report"""
    runtime = re.search(r'(\S+):(\d+):\d+: runtime error: (.*)', stderr)
    if runtime:
        return (f'UBSan: {os.path.basename(runtime[1])}:{runtime[2]}: '
                f'{runtime[3]}')
    kind = re.search(r'ERROR: (\w+Sanitizer): (\S+)', stderr)
    where = ' < '.join(frames(stderr)[:3])
    return f'{kind[1]}: {kind[2]} in {where}'


def unexpected_report(stderr):
    """A sanitizer's report, if it is not about upstream's code alone"""
    return bool(REPORT.search(stderr)) and not upstream.known(stderr)


class Qemu:
    """
    A paused QEMU.

    A context manager; what ended badly is a Finding when it is left.
    """

    def __init__(self, binary, args, env=None, qmp=True):
        self._tmp = tempfile.TemporaryDirectory(prefix='fuzz-')
        self._stderr_path = os.path.join(self._tmp.name, 'stderr')
        self._buffer = b''
        self._next_id = 0
        self.argv = [binary, '-nodefaults', '-no-user-config', '-display',
                     'none', '-S', *(['-qmp', 'stdio'] if qmp else []),
                     *args]
        self.process = None
        self.events = []
        self._env = {**ENV, **(env or {})}
        if getattr(local, 'exact', False):
            self._env = exact(self._env)
        self.status = None

    def path(self, name):
        """A file of its own, that goes with it"""
        return os.path.join(self._tmp.name, name)

    def stderr(self):
        with open(self._stderr_path, encoding='utf-8',
                  errors='replace') as f:
            return f.read()

    def stderr_size(self):
        return os.path.getsize(self._stderr_path)

    def start(self):
        with open(self._stderr_path, 'wb') as stderr:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=stderr, env=self._env, bufsize=0)
        try:
            self._receive(TIMEOUT)
            self.command('qmp_capabilities')
        except Died as exc:
            self.end()
            self.verdict(may_refuse=True)
            raise NotStarted(self.stderr()) from exc
        return self

    def _receive(self, timeout):
        """The next message"""
        end = time.monotonic() + timeout
        while b'\n' not in self._buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [],
                                              left)[0]:
                raise Finding(f'hangs: no answer within {timeout} s',
                              self.stderr())
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            if not data:
                raise Died
            self._buffer += data
        line, self._buffer = self._buffer.split(b'\n', 1)
        try:
            return json.loads(line)
        except ValueError as exc:
            if line.startswith(b'Bail out!'):
                # glib's word on a failed assertion, also on stderr
                raise Died from exc
            raise Finding('sends what is not JSON',
                          repr(line[:500])) from exc

    def send_raw(self, text):
        """Sends something, and returns the answer, which has no id."""
        try:
            self.process.stdin.write(text.encode('utf-8', 'surrogatepass')
                                     + b'\n')
        except BrokenPipeError as exc:
            raise Died from exc
        while True:
            message = self._receive(TIMEOUT)
            if 'event' in message:
                self.events.append(message)
                continue
            if not ('return' in message) ^ ('error' in message):
                raise Finding('sends an answer that is neither a return nor '
                              'an error', repr(message)[:500])
            return message

    def command(self, name, arguments=None):
        """The whole answer to a command"""
        request = {'execute': name}
        if arguments is not None:
            request['arguments'] = arguments
        self._next_id += 1
        request['id'] = self._next_id
        reply = self.send_raw(json.dumps(request))
        if reply.get('id') != self._next_id:
            raise Finding('answers something else than it was asked',
                          repr(reply)[:500])
        return reply

    def ask(self, name, arguments=None):
        """What a command returns; it must succeed."""
        reply = self.command(name, arguments)
        if 'error' in reply:
            raise Finding(f'{name} fails', reply['error']['desc'][:500])
        return reply['return']

    def end(self):
        """Waits until it has ended; asks it to, if it lives."""
        if self.status is not None:
            return
        with contextlib.suppress(OSError):
            self.process.stdin.write(b'{"execute": "quit"}\n')
        try:
            self.process.stdin.close()
            # Leaks are looked for at the end, which takes a while.
            self.process.communicate(timeout=TIMEOUT)
        except (OSError, ValueError):
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired as exc:
            self.kill()
            raise Finding(f'hangs: does not quit within {TIMEOUT} s',
                          self.stderr()) from exc
        self.status = self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.status = 0

    def verdict(self, may_refuse=False):
        """Raises a Finding if it has ended as no QEMU should."""
        stderr = self.stderr()
        if unexpected_report(stderr):
            raise Finding(summary(stderr), stderr)
        if NO_LEAK_CHECK in stderr or REPORT.search(stderr):
            return
        if self.status < 0:
            if upstream.known(stderr):
                return
            last = (stderr.strip().splitlines() or ['nothing'])[-1]
            raise Finding(
                f'killed by {signal.Signals(-self.status).name}, says '
                f'{last[:200]}', stderr[-4000:])
        if self.status > 1 or self.status == 1 and not may_refuse:
            raise Finding(f'exit status {self.status}', stderr[-4000:])
        if self.status == 1 and not stderr.strip():
            raise Finding('refuses without a word')

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self._clean()
            raise

    def __exit__(self, kind, value, traceback):
        try:
            if kind is None or kind is Died:
                self.end()
                self.verdict()
                if kind is Died and not upstream.known(self.stderr()):
                    raise Finding('ends by itself', self.stderr()[-4000:])
        finally:
            self._clean()
        return kind is Died

    def _clean(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
        self._tmp.cleanup()


def link_firmware(out):
    """Links the firmware that the main build has to another build."""
    for name in 'share', 'lib':
        link = os.path.join(out, 'qemu-bundle', 'usr', name)
        if not os.path.lexists(link):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(os.path.join(BUILD, LINE, 'qemu-bundle', 'usr', name),
                       link)


def sanitized_qemu():
    """
    Returns the path of a QEMU with ASan and UBSan, of the same tree.

    Builds what has changed; from nothing, that takes some 15 minutes.
    """
    out = os.path.join(BUILD, f'{LINE}-asan')
    with open(os.path.join(BUILD, LINE, '.configured'),
              encoding='utf-8') as f:
        source, *flags = f.read().split()
    # The sanitizers' own code makes gcc warn of upstream's, and their reports
    # name lines of the source.
    flags = [flag for flag in flags
             if flag not in ('--enable-werror', '--disable-debug-info')]
    flags += ['--enable-asan', '--enable-ubsan']
    stamp = os.path.join(out, '.configured')
    want = ' '.join([source, *flags]) + '\n'
    have = ''
    with contextlib.suppress(OSError), open(stamp, encoding='utf-8') as f:
        have = f.read()
    if have != want:
        shutil.rmtree(out, ignore_errors=True)
        os.makedirs(out)
        run([os.path.join(source, 'configure'), *flags], out)
        with open(stamp, 'w', encoding='utf-8') as f:
            f.write(want)
    run(['ninja', *(['-j', os.environ['JOBS']] if os.environ.get('JOBS')
                    else []), 'qemu-system-x86_64'], out)
    link_firmware(out)
    return os.path.join(out, 'qemu-system-x86_64')


def run(argv, cwd):
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors='replace', check=False)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(argv[:2])}... failed:\n"
                         f'{done.stdout[-4000:]}')
