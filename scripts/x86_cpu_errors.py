# SPDX-License-Identifier: GPL-2.0-or-later
"""
How the x86-cpu-* scripts tell a user what is wrong.

In one line, of bounded length, that no terminal takes for a command,
whatever the input was.  Needs no QEMU, and no library of its.
"""

import argparse
import difflib
import os
import re
import signal
import sys

# Of an error; names and paths are shorter.
LINE_MAX = 1000
WORD_MAX = 200


class Failure(Exception):
    """A message for the user, in one line."""


def printable(text):
    """Returns a text without line breaks and control characters."""
    return ''.join(c if c.isprintable() else
                   c.encode('unicode_escape').decode() for c in text)


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


class Parser(argparse.ArgumentParser):
    """One that has an error of the command line in a line, too."""

    def error(self, message):
        self.exit(2, f'error: {error_line(message)} (see --help)\n')


def run_script(run, parser):
    """
    Runs a script: parses its arguments, prints, and exits.

    :param run: called with the arguments; returns the output, the exit
                status, and notes about the output
    """
    args = parser.parse_args()
    # What was not UTF-8 on the command line comes out as it was.
    sys.stdout.reconfigure(encoding='utf-8', errors='surrogateescape')
    try:
        text, status, notes = run(args)
    except Failure as e:
        sys.exit(f'error: {error_line(e)}')
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    # A reader such as head may close the pipe early.  (Not before this: a
    # QEMU that dies closes its monitor, and that has to be told.)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as e:
        # Python would try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(f'error: cannot write the output: {e.strerror}')
    for note in notes:
        print(f'note: {error_line(note)}', file=sys.stderr)
    sys.exit(status)


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
