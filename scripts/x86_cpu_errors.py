# SPDX-License-Identifier: GPL-2.0-or-later
"""
How the x86-cpu-* scripts start, end, and tell a user what is wrong.

An error is one line, of bounded length, that no terminal takes for a
command, whatever the input was.  Needs no QEMU, and none of its libraries.
"""

import argparse
import contextlib
import difflib
import glob
import os
import re
import signal
import sys
import traceback

# Of an error; names and paths are shorter.
LINE_MAX = 1000
WORD_MAX = 200

# Exit statuses, the same for every script
NO = 1
ERROR = 2
# What a program like cat ends with where the disk is full
CANNOT_WRITE = 1
INTERRUPTED = 128 + signal.SIGINT

# If set in the environment, unexpected errors come with a traceback.
TRACEBACK = 'X86_CPU_TRACEBACK'


class Failure(Exception):
    """A message for the user, in one line."""


def printable(text):
    """Returns a text without line breaks and control characters."""
    return ''.join(c if c.isprintable() else
                   c.encode('unicode_escape').decode() for c in text)


def printable_lines(text):
    """Returns a text for people as no terminal takes it for a command."""
    return '\n'.join(map(printable, text.split('\n')))


def shown(value, limit=60):
    """Returns what a message says of a value that the user gave."""
    text = printable(str(value)[:limit + 1])
    return text if len(text) <= limit else text[:limit - 3] + '...'


def middle_out(text, limit):
    """Returns a text without its middle if it is too long."""
    if len(text) <= limit:
        return text
    keep = limit - len('[...]')
    return text[:keep * 2 // 3] + '[...]' + text[len(text) - keep // 3:]


def error_line(error):
    """Returns an error as one line."""
    words = re.sub(rf'\S{{{WORD_MAX},}}',
                   lambda word: middle_out(word[0], WORD_MAX), str(error))
    return middle_out(printable(' '.join(words.splitlines())), LINE_MAX)


def exit_status(done='done', no=None):
    """
    Returns --help's description of a script's exit status.

    :param no: what 1 means, if it means anything
    """
    no = f'{no}, or ' if no else ''
    return ('exit status:\n'
            f'  0    {done}\n'
            f'  1    {no}the output could not be written\n'
            '  2    error\n'
            '  130  interrupted\n')


class Parser(argparse.ArgumentParser):
    """Reports command line errors in one line."""

    def __init__(self, **kwargs):
        directory, name = os.path.split(os.path.abspath(sys.argv[0]))
        # As a user types it: `x86-cpu` runs libexec/x86-cpu/VERB.
        if os.path.basename(directory) == 'x86-cpu':
            name = f'x86-cpu {name}'
        super().__init__(
            prog=name, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)

    def print_help(self, file=None):
        if file is None:
            write_out(self.format_help())
        else:
            super().print_help(file)

    def error(self, message):
        fail(f'{message} (see --help)')


def silence(fd):
    """Lets what is written there from now on go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), fd)


def tell(line):
    """Writes a line to stderr, if that can be: the exit status says more."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        # Python would try again at its end, and change the status.
        silence(sys.stderr.fileno())


def note(text):
    """Writes a note to stderr."""
    tell(f'note: {error_line(text)}')


def fail(message, status=ERROR):
    """Ends the script with an error."""
    tell(f'error: {error_line(message)}')
    sys.exit(status)


def write_out(text):
    """Writes to stdout; ends the script if that cannot be."""
    if not text:
        return
    if sys.stdout is None:
        fail('cannot write the output: stdout is closed', CANNOT_WRITE)
    # A reader such as head may close the pipe early.  (Only here: a QEMU that
    # dies closes its monitor, and that has to be told.)
    handler = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as e:
        # Python would try again at its end.
        silence(sys.stdout.fileno())
        fail(f'cannot write the output: {e.strerror}', CANNOT_WRITE)
    finally:
        signal.signal(signal.SIGPIPE, handler)


# Seconds for what a script has open to be closed, when it is interrupted
UNWIND = 3


def end_at_once(*_):
    """Ends the script and the QEMUs that it has started."""
    for path in glob.glob('/proc/self/task/*/children'):
        with open(path, encoding='ascii') as f:
            for pid in map(int, f.read().split()):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
    os._exit(INTERRUPTED)


# Not empty once there was one
interrupts = []


def error_status():
    """Returns the exit status for an error, which an interrupt may cause."""
    # The clock of interrupt() may have gone off by now.
    signal.alarm(0)
    return INTERRUPTED if interrupts else ERROR


def interrupt(*_):
    """
    The handler of SIGINT.

    An exception may be lost, where Python ignores those of finalizers; then
    a clock ends the script.
    """
    # Once is enough.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupts.append(True)
    tell('error: interrupted')
    # Python would tell of coroutines and loops left in the middle.
    silence(2)
    signal.signal(signal.SIGALRM, end_at_once)
    signal.alarm(UNWIND)
    raise KeyboardInterrupt


def run_script(run, parser):
    """
    Runs a script: parses its arguments, prints, and exits.

    :param run: called with the arguments; returns the output, the exit
                status, and notes about the output
    """
    for fd, stream in enumerate([sys.stdin, sys.stdout, sys.stderr]):
        if stream is None:
            # Closed; the next file to be opened would take its number.
            silence(fd)
    if sys.stderr is None:
        # print() would take stdout instead.
        sys.stderr = open(os.devnull, 'w', encoding='utf-8')
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, interrupt)
        args = parser.parse_args()
        if sys.stdout is not None:
            # What was not UTF-8 on the command line comes out as it was.
            sys.stdout.reconfigure(encoding='utf-8', errors='surrogateescape')
        text, status, notes = run(args)
        write_out(text)
        for message in notes:
            note(message)
    except Failure as e:
        # An interrupt is told already; that it has hit a QEMU, too, is not.
        fail(e, error_status())
    except KeyboardInterrupt:
        status = INTERRUPTED
    except Exception as e:
        # Python would exit with 1, which means "no".
        if os.environ.get(TRACEBACK):
            tell(traceback.format_exc())
        what = ': '.join(filter(None, [type(e).__name__, str(e)]))
        fail(f'unexpected {what} ({TRACEBACK}=1 in the environment shows '
             'where)', error_status())
    sys.exit(status)


def one_of(choices, word='or'):
    """Returns 'A, B or C'."""
    *most, end = choices
    return ', '.join(most) + f' {word} ' * bool(most) + end


def all_of(names):
    """Returns 'A, B and C'."""
    return one_of(names, 'and')


def near_matches(name, names, instead=None):
    """
    Returns 'did you mean A, B or C?', '' if nothing is near.

    :param instead: what to name instead of some of the names, as lists
    """
    lower = {n.lower(): n for n in names}
    near = [lower[n] for n in
            difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    near = dict.fromkeys(other for n in near
                         for other in (instead or {}).get(n, [n]))
    return f'did you mean {one_of(near)}?' if near else ''


def choice(what, choices):
    """Returns the type of an option, for argparse: check_choice() of it."""
    def checked(value):
        check_choice(what, value, choices)
        return value
    return checked


def check_choice(what, value, choices):
    """:raise Failure: the value is not one of the choices"""
    if value not in choices:
        near = near_matches(value, choices)
        if sum(choice.startswith(value) for choice in choices) > 1:
            # It may be short for any of them.
            near = ''
        raise Failure(f"unknown {what} '{shown(value)}'; " +
                      (near or f'use {one_of(choices)}'))
