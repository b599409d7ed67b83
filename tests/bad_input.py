# SPDX-License-Identifier: GPL-2.0-or-later
"""
Input that nobody means, for tests of how scripts refuse it.
"""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
from unittest import mock

# The longest part of an input that an error may repeat
ECHO = 200

# Texts that programs stumble over, for wherever one is read.  Python reads no
# number of more than 4,300 digits.
LONG = 'A' * 100_000
DIGITS = '9' * 5000
TEXTS = {
    'empty': '',
    'long': LONG,
    'digits': DIGITS,
    'digit that is not a decimal': '\u00b2',
    'control characters': 'a\nerror: b\x1b[31m\x7f\u2028\u202ec',
    'not UTF-8': '\udcff\udcfe',
    'not ASCII': '\u00e9\U0001f600',
    'option': 'x,model-id=y',
    'quotes': '\'"$(`',
}

# JSON texts that are none, or none that can be read
NO_JSON = {
    'empty': b'',
    'not UTF-8': b'\xff',
    'nested lists': b'[' * 100_000,
    'nested objects': b'{"a":' * 100_000,
    'digits': DIGITS.encode(),
    'half a surrogate pair': b'{"version": 1, "line": "\\ud800"}',
    'half': b'{"version": 1, ',
    'two': b'{} {}',
}

# JSON values in the place of others
VALUES = [None, True, 1 << 64, LONG, [None], {LONG: 1}]


def all_replaced(value, path=''):
    """
    Yields (what, value) for each way to leave out a member of a JSON value, or
    to put a value of another type in its place.
    """
    members = (value.items() if isinstance(value, dict) else
               enumerate(value) if isinstance(value, list) else [])
    for key, item in members:
        where = f'{path}.{key}'
        without = value.copy()
        del without[key]
        yield f'{where} left out', without
        for what, other in [
                *((f'{where} = {str(v)[:20]!r}', v) for v in VALUES
                  if type(v) is not type(item)),
                *all_replaced(item, where)]:
            changed = value.copy()
            changed[key] = other
            yield what, changed


def run_main(script, *argv, stdin=b''):
    """
    Returns a CompletedProcess of the main() of a script in this process,
    which takes a tenth of the time.

    :param script: what load_script() returned
    """
    streams = [io.TextIOWrapper(io.BytesIO(data), encoding='utf-8',
                                errors=errors)
               for data, errors in ((stdin, 'strict'), (b'', 'strict'),
                                    (b'', 'backslashreplace'))]
    status = 0
    handler = signal.getsignal(signal.SIGPIPE)
    try:
        with mock.patch.object(sys, 'argv', ['script', *argv]), \
                mock.patch.object(sys, 'stdin', streams[0]), \
                contextlib.redirect_stdout(streams[1]), \
                contextlib.redirect_stderr(streams[2]):
            script.main()
    except SystemExit as e:
        status = e.code or 0
        if isinstance(status, str):
            # As Python does where it ends
            streams[2].write(f'{status}\n')
            status = 1
    finally:
        signal.signal(signal.SIGPIPE, handler)
    texts = []
    for stream in streams[1:]:
        stream.flush()
        texts.append(os.fsdecode(stream.buffer.getvalue()))
    return subprocess.CompletedProcess(argv, status, *texts)


def check_refused(test, done, given=(), statuses=(2,)):
    """
    Checks that a script refused its input with one line, and no traceback.

    :param done: a CompletedProcess, with its output as text
    :param given: texts that the error may repeat in part only
    """
    test.assertNotIn('Traceback', done.stderr, done.stderr[-2000:])
    test.assertRegex(done.stderr, r'\Aerror: [^\n]+\n\Z')
    test.assertTrue(done.stderr[:-1].isprintable(), repr(done.stderr))
    test.assertEqual(done.stdout, '')
    test.assertIn(done.returncode, statuses)
    test.assertLessEqual(len(done.stderr), 1100)
    for text in given:
        test.assertNotIn(text[:ECHO + 1] if len(text) > ECHO else '\0',
                         done.stderr)
    for run in re.findall(r'A{2,}|9{20,}', done.stderr):
        test.assertLessEqual(len(run), ECHO)


def check_command_line(test, script, given, options, *, verb=(), defaults=(),
                       texts=None):
    """
    Checks that a script refuses TEXTS as the value of its options, one by one.

    :param script: what load_script() returned
    :param given: what it is called with otherwise, values by option
    :param verb: arguments before the options
    :param defaults: options that, if empty, are as if not given
    :param texts: the names of some of TEXTS
    """
    for option in options:
        for what in texts or TEXTS:
            text = TEXTS[what]
            if not text and option in defaults:
                continue
            with test.subTest(f'{option} {what}'):
                check_refused(test, run_main(script, *verb, *(
                    f'{o}={t}' for o, t in {**given, option: text}.items())),
                    [text])
