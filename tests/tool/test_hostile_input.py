#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu where no QEMU is, and input that nobody means.

Answers: does each reader of files, lines and arguments refuse what is truncated,
huge, nested deeply, of an unknown version or out of range with one line that says
what is wrong and exit status 2, and without taking all of the memory?  With
sanitizers; the memory without.  scripts/fuzz looks for what is not here.

    PYTHONPATH=<repo>/scripts:<repo>/tests python3 -m unittest test_hostile_input
"""

import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
REPO = os.path.dirname(TESTS)
sys.path += [os.path.join(REPO, 'scripts'), os.path.join(TESTS, 'table')]

from answer_tool import programs, sanitized  # noqa: E402 (that path, too)
from test_models_file import TABLE  # noqa: E402 (these paths come first)
from x86_cpu_models import sealed, sha256  # noqa: E402

# Megabytes: for two million values, or three times the largest text
MOST_MEMORY = 500

# What the CPUs of the table have is not enough for a passport; any will do.
DUMP = '''CPU:
   0x00000000 0x00: eax=0x00000001 ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65
   0x00000001 0x00: eax=0x00800f12 ebx=0x00400800 ecx=0x76d8320b edx=0x178bfbff
   0x80000000 0x00: eax=0x80000001 ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65
   0x80000001 0x00: eax=0x00800f12 ebx=0x40000000 ecx=0x35c233ff edx=0x2fd3fbff
'''

# JSON that is none, or too much of it, for any reader
NO_JSON = {
    'empty': b'',
    'blank': b' \t ',
    'a list': b'[]',
    'a number': b'1',
    'a text': b'"x"',
    'nested lists': b'[' * 200_000,
    'nested objects': b'{"a":' * 200_000,
    'closed': b'[' * 5000 + b']' * 5000,
    'twice': b'{"a": 1, "a": 2}',
    'twice by an escape': b'{"a": 1, "\\u0061": 2}',
    'above 64 bits': b'{"a": 18446744073709551616}',
    'below 64 bits': b'{"a": -9223372036854775809}',
    'digits': b'{"a": ' + b'9' * 100_000 + b'}',
    'real': b'{"a": 1e999}',
    'zero byte': b'{"a": 1}\0',
    'zero byte inside': b'{"a\0b": 1}',
    'zero byte escaped': b'{"a": "\\u0000"}',
    'zero byte in a name': b'{"a\\u0000b": 1}',
    'not UTF-8': b'{"a": "\xff"}',
    'overlong': b'{"a": "\xc0\xaf"}',
    'half a surrogate pair': b'{"a": "\\ud800"}',
    'control character': b'{"a": "\x01"}',
    'byte order mark': b'\xef\xbb\xbf{}',
    'two': b'{} {}',
    'comment': b'/* */ {}',
    'comma': b'{"a": 1,}',
    'leading zero': b'{"a": 01}',
    'nan': b'{"a": NaN}',
    'other quotes': b"{'a': 1}",
    'long name': b'{"' + b'x' * 1_000_000 + b'": 1}',
    'long text': b'{"a": "' + b'x' * 1_000_000 + b'"}',
    'many members': b'{' + b','.join(b'"%d":0' % i for i in range(50_000))
                    + b'}',
}

# Sanitizers would need minutes for these.
BIG = 17 << 20
HUGE = {
    'many values': b'{"a": [' + b'0,' * 3_000_000 + b'0]}',
    'many objects': b'{"a": [' + b'{},' * 2_000_000 + b'{}]}',
    'megabytes of blanks': b' ' * BIG + b'{}',
    'megabytes of text': b'{"a": "' + b'x' * BIG + b'"}',
    'megabytes of zeros': b'\0' * BIG,
}


class Programs(unittest.TestCase):
    """host and answer, with sanitizers"""

    sanitized = True
    no_json = NO_JSON
    few, many = 1000, 1000

    @classmethod
    def setUpClass(cls):
        tmp = tempfile.TemporaryDirectory(prefix='hostile-input-')
        cls.addClassCleanup(tmp.cleanup)
        cls.tmp = tmp.name
        cls.programs = sanitized() if cls.sanitized else programs()
        cls.env = {**os.environ, 'ASAN_OPTIONS': 'exitcode=77'}
        # Some sandboxes forbid the search for leaks.
        if subprocess.run([os.path.join(cls.programs, 'answer'), '--help'],
                          stdout=subprocess.DEVNULL, env=cls.env, check=False,
                          stderr=subprocess.DEVNULL).returncode == 77:
            cls.env['ASAN_OPTIONS'] += ':detect_leaks=0'
        cls.models = cls.write('models.json', json.dumps(sealed(TABLE)))
        cls.passport = json.loads(cls.run_program(
            'host', '--from', '-', data=DUMP.encode())[1])

    @classmethod
    def write(cls, name, data):
        path = os.path.join(cls.tmp, name)
        with open(path, 'wb') as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    @classmethod
    def run_program(cls, *argv, data=b''):
        """Exit status, stdout, stderr, and the most memory in megabytes"""
        with tempfile.TemporaryFile() as given, \
                tempfile.TemporaryFile() as out, \
                tempfile.TemporaryFile() as err:
            given.write(data)
            given.seek(0)
            with subprocess.Popen(
                    [os.path.join(cls.programs, argv[0]), *argv[1:]], stdin=given,
                    stdout=out, stderr=err, env=cls.env) as process:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            return (process.returncode, out.read().decode(),
                    err.read().decode(errors='backslashreplace'),
                    usage.ru_maxrss / 1024)

    def refused(self, *argv, data=b'', status=2):
        """The one line that says what is wrong"""
        found, out, err, megabytes = self.run_program(*argv, data=data)
        self.assertEqual((found, out), (status, ''), err[-3000:])
        self.assertRegex(err, r'\Aerror: [ -~]{1,700}\n\Z')
        if not self.sanitized:
            self.assertLess(megabytes, MOST_MEMORY)
        return err[len('error: '):-1]

    def accepted(self, *argv, data=b''):
        found, out, err, _ = self.run_program(*argv, data=data)
        self.assertIn(found, (0, 1, 3), err[-3000:])
        return out

    def with_models(self, *argv):
        return (*argv, f'--models={self.models}')


def with_digest(passport):
    rest = {name: value for name, value in passport.items()
            if name != 'digest'}
    return {**rest, 'digest': sha256(rest)}


def replaced(value, path, new):
    """A copy of @value that has @new at @path, or lacks it if that is None"""
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    if new is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return value


class Readers(Programs):
    """Each reader, and what it refuses"""

    def test_models(self):
        self.accepted('answer', 'list', f'--models={self.models}')
        text = json.dumps(sealed(TABLE)).encode()
        for what, data in {**self.no_json, 'half': text[:len(text) // 2],
                           'all but the end': text[:-1],
                           'more': text + b'}'}.items():
            path = self.write('bad.json', data)
            with self.subTest(what):
                self.assertIn(path, self.refused('answer', 'list',
                                                 f'--models={path}'))

    def test_passport(self):
        good = self.write('host.json', json.dumps(self.passport))
        self.accepted(*self.with_models('best', good))
        text = json.dumps(self.passport).encode()
        for what, data in {**self.no_json, 'half': text[:len(text) // 2],
                           'all but the end': text[:-1],
                           'more': text + b'}'}.items():
            path = self.write('bad.json', data)
            for argv in (['best', path], ['check', 'EPYC', f'--host={path}']):
                with self.subTest(what, argv=argv[0]):
                    self.assertIn('bad.json',
                                  self.refused(*self.with_models(*argv)))

    def test_fleet(self):
        good = json.dumps(self.passport).encode() + b'\n'
        self.accepted(*self.with_models('fleet', '-'), data=good * 3)
        for what, data in {**self.no_json,
                           'zero at the end': good[:-1] + b'\0',
                           'zeros alone': b'\0\0'}.items():
            if not data.strip():
                # Blank lines are none.
                continue
            with self.subTest(what):
                self.assertIn('stdin:2', self.refused(
                    *self.with_models('fleet', '-'),
                    data=good + data + b'\n' + good))

    def test_partial(self):
        good = json.dumps(self.passport).encode() + b'\n'
        partial = json.loads(self.accepted(
            *self.with_models('fleet', '--partial', '-'), data=good))
        self.accepted(*self.with_models('fleet', '-'),
                      data=json.dumps(partial).encode())
        count = 0
        for path in paths(partial):
            for new in (None, -1, 1 << 63, 'x' * 5000, [[]], {'x': 0}):
                bad = replaced(partial, path, new)
                if path != ('digest',):
                    bad = with_digest(bad)
                status, out, err, _ = self.run_program(
                    *self.with_models('fleet', '-'),
                    data=json.dumps(bad).encode())
                with self.subTest(path=path, new=str(new)[:20]):
                    self.assertIn(status, (0, 1, 2, 3), err[-3000:])
                    self.assertRegex(err, r'\A(error: [ -~]{1,700}\n)?\Z')
                    if status == 2:
                        self.assertEqual(out, '')
                        count += 1
        self.assertGreater(count, 20)
        bad = {**partial, 'digest': '0' * 64}
        self.assertIn('digest', self.refused(
            *self.with_models('fleet', '-'), data=json.dumps(bad).encode()))

    def test_batch(self):
        """A bad line is an answer, and the next ones are answered"""
        good = b'{"verb": "list"}\n'
        for what, data in {
                **self.no_json, 'no verb': b'{}', 'unknown verb': b'{"verb": "x"}',
                'unknown member': b'{"verb": "list", "x": 1}',
                'no CPU': b'{"verb": "show"}',
                'CPU of another type': b'{"verb": "show", "cpu": 5}',
                'long CPU': b'{"verb": "show", "cpu": "' + b'x' * 100_000 +
                            b'"}'}.items():
            if not data.strip():
                continue
            status, out, err, megabytes = self.run_program(
                *self.with_models('answer', '--batch'),
                data=good + data + b'\n' + good)
            with self.subTest(what):
                self.assertEqual((status, err), (0, ''))
                answers = [json.loads(line) for line in out.splitlines()]
                self.assertEqual([answer['status'] for answer in answers],
                                 [0, 2, 0])
                self.assertRegex(answers[1]['error'], r'\A[ -~]{1,700}\Z')
                if not self.sanitized:
                    self.assertLess(megabytes, MOST_MEMORY)

    def test_dump(self):
        self.accepted('host', '--from', '-', data=DUMP.encode())
        line = DUMP.splitlines()[1].encode()
        for what, data in {
                'empty': b'', 'headers alone': b'CPU:\n' * 3,
                'other text': b'hello\n', 'half a line': line[:30],
                'zero byte': line + b'\0\n', 'not UTF-8': b'\xff\n',
                'twice': line + b'\n' + line + b'\n',
                'number': line.replace(b'0x68747541', b'0x168747541'),
                'sign': line.replace(b'0x68747541', b'-0x6874754'),
                'no leaf 0': line.replace(b'0x00000000', b'0x00000001', 1),
                'more at the end': line + b' edx=0x1\n',
                'many lines': b''.join(
                    line.replace(b'0x00000000 0x00', b'0x00000000 0x%x' % i)
                    + b'\n' for i in range(5 * self.few)),
                'one long line': line * self.few, 'x': b'x' * self.many,
                'zeros': b'\0' * self.many,
                'line breaks': b'\n' * self.many}.items():
            with self.subTest(what):
                self.refused('host', '--from', '-', data=data)

    def test_cpu(self):
        """CPUs as for -cpu"""
        self.accepted(*self.with_models('show', 'EPYC,+fpu'))
        for cpu in ('', ',', 'x' * 100_000, 'EPYC,' * 1000, 'EPYC,=', 'EPYC,x',
                    'EPYC,fpu=maybe', 'EPYC,family=18446744073709551616',
                    'EPYC,family=-1', 'EPYC,family=0x', 'EPYC,family=',
                    'EPYC,' + ',' * 101, 'EPYC,\xff=on', 'EPYC,a\nb=on',
                    'EPYC,\x1b[31m',
                    'EPYC,vendor=x', 'EPYC,l2-cache-info=' + 'x' * 5000,
                    'EPYC,l2-cache-info=99999999999999999999:ways=1',
                    'EPYC,%s%n=on', 'no\u00e9\u20ac', '-x'):
            with self.subTest(cpu[:40]):
                self.refused(*self.with_models('show', f'--cpu={cpu}'))


class ReadersInLittleMemory(Readers):
    """The same without sanitizers, which take memory themselves"""

    sanitized = False
    no_json = {**NO_JSON, **HUGE}
    few, many = 100_000, BIG


def paths(value, before=()):
    """To each member and item in a JSON value"""
    for key in (value if isinstance(value, dict) else
                range(len(value)) if isinstance(value, list) else ()):
        yield *before, key
        yield from paths(value[key], (*before, key))


class Ranges(Programs):
    """Values that are read from files, at their limits and beyond"""

    NEW = [-1, 1 << 32, 1 << 63, (1 << 64) - 1, True, [], {}, '', 'x',
           '0x1ffffffffffffffff', '\x7f\n', 'x' * 10_000]

    def check(self, what, *argv, data=b''):
        """Whether it is refused; else it has to have an answer."""
        status, out, err, _ = self.run_program(*argv, data=data)
        with self.subTest(what):
            self.assertIn(status, (0, 1, 2, 3), err[-3000:])
            self.assertRegex(err, r'\A(error: [ -~]{1,700}\n)?\Z')
            self.assertEqual(status == 2, status == 2 and bool(err) and
                             not out)
        return status == 2

    def test_models(self):
        """Some of each kind; tests/table has more"""
        path = os.path.join(self.tmp, 'bad.json')
        refused = 0
        for where in list(paths(TABLE))[::23]:
            for new in (None, *self.NEW[::3]):
                self.write('bad.json', json.dumps(sealed(replaced(
                    TABLE, where, new))))
                refused += self.check((where, new), 'answer', 'show', 'EPYC',
                                      f'--models={path}')
        self.assertGreater(refused, 30)

    def test_passport(self):
        path = os.path.join(self.tmp, 'bad.json')
        refused = 0
        for where in list(paths(self.passport))[::3]:
            for new in (None, *self.NEW[::2]):
                if where == ('digest',):
                    continue
                self.write('bad.json', json.dumps(with_digest(replaced(
                    self.passport, where, new))))
                refused += self.check((where, new), *self.with_models(
                    'check', 'EPYC', f'--host={path}'))
        self.assertGreater(refused, 30)

    def test_versions(self):
        for version in (0, 2, 1 << 40, '1', None):
            name = 'format-version'
            path = self.write('bad.json', json.dumps(sealed(
                replaced(TABLE, (name,), version))))
            with self.subTest(version):
                self.assertIn(name, self.refused('answer', 'list',
                                                 f'--models={path}'))
            path = self.write('bad.json', json.dumps(with_digest(
                replaced(self.passport, (name,), version))))
            with self.subTest(version):
                self.assertIn(name, self.refused(*self.with_models(
                    'best', path)))

    def test_flipped_bits(self):
        """of a passport: each is refused"""
        text = json.dumps(self.passport).encode()
        self.assertFalse(self.check('as it is', *self.with_models(
            'best', self.write('bad.json', text))))
        for bit in range(0, 8 * len(text), 97):
            data = bytearray(text)
            data[bit // 8] ^= 1 << bit % 8
            with self.subTest(bit=bit):
                self.refused(*self.with_models('best', self.write(
                    'bad.json', bytes(data))))

    def test_no_file(self):
        for path in (self.tmp, os.path.join(self.tmp, 'none'), '',
                     '\xff' * 300, '/dev/null', '/proc/self/mem'):
            for argv in (['answer', 'list', f'--models={path}'],
                         self.with_models('check', 'EPYC', f'--host={path}'),
                         self.with_models('fleet', path),
                         ['host', f'--from={path}']):
                if argv[0] == 'fleet' and path == '/dev/null':
                    continue
                with self.subTest(path=path[-20:], argv=argv[0]):
                    self.refused(*argv)


if __name__ == '__main__':
    unittest.main()
