# SPDX-License-Identifier: GPL-2.0-or-later
"""
scripts/fuzz: that it finds what it looks for, and that it finds nothing.

A moment of it runs on the QEMU that is there, with the seed CHECK_SEED or
always the same; CHECK_FULL=1 builds a QEMU with sanitizers and fuzzes that.
"""

import hashlib
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import unittest

import fuzz_cpu
import fuzz_qmp
import fuzz_stream
import fuzz_tool
import growth
import inputs
import qemu_process
import upstream
from qemu_process import HERE, REPO, Finding
from release_line import NEWEST

QEMU = os.environ.get('QTEST_QEMU_BINARY', '')
FULL = bool(os.environ.get('CHECK_FULL'))
SEED = os.environ.get('CHECK_SEED') or '1'
SMOKE_SECONDS = 10
FULL_SECONDS = 1200

EXPANSION = {'execute': 'query-cpu-model-expansion', 'arguments': {
    'type': 'static', 'model': {'name': 'EPYC'}}}
BAD_EXPANSION = {'execute': 'query-cpu-model-expansion', 'arguments': {
    'type': 'static', 'model': {'name': 'EPYC', 'machine-type': 'x'}}}
PLUG = {'fuzz': 'plug', 'model': None, 'id': 'cpu1', 'slot': None,
        'props': {'no-such-property': 1}}
FRESH = {'fuzz': 'fresh', 'type': 'static', 'model': {'name': 'EPYC'},
         'machine': 'pc-q35-9.0'}


def fuzz(*kinds, seconds, **env):
    """Runs scripts/fuzz.  Returns its exit status and what it printed."""
    with tempfile.TemporaryFile('w+', errors='backslashreplace') as output:
        done = subprocess.run(
            [os.path.join(REPO, 'scripts', 'fuzz'), *kinds], check=False,
            env={**os.environ, 'CHECK_SEED': SEED,
                 'FUZZ_SECONDS': str(seconds), **env},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        output.seek(0)
        return done.returncode, output.read()


def processes_with(variable):
    """The processes that have this in their environment, except this one"""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/environ'):
        try:
            if variable.encode() in path.read_bytes().split(b'\0'):
                found.append(path.parent.name)
        except OSError:     # it has just ended, or is somebody else's
            pass
    return set(found) - {str(os.getpid())}


class Finds(unittest.TestCase):
    """What the fuzzer is there to find"""

    def setUp(self):
        self.mark = f'FUZZ_TEST={os.getpid()}'
        qemu_process.ENV['FUZZ_TEST'] = str(os.getpid())

    def tearDown(self):
        """No QEMU outlives its fuzzer."""
        end = time.monotonic() + 60
        while (left := processes_with(self.mark)) and time.monotonic() < end:
            time.sleep(0.1)
        self.assertFalse(left)

    def case(self, *steps):
        return {'accel': 'tcg', 'other': [], 'steps': list(steps),
                'probes': [EXPANSION['arguments']],
                'args': ['-accel', 'tcg', '-machine', NEWEST,
                         '-smp', '1,maxcpus=2,cores=2', '-m', '32']}

    def run_case(self, wrong, case):
        binary = QEMU
        if wrong:
            binary = os.path.join(HERE, 'tampering_qemu.py')
            os.environ['TAMPER'], os.environ['TAMPER_QEMU'] = wrong, QEMU
            qemu_process.ENV.update(TAMPER=wrong, TAMPER_QEMU=QEMU)
        return fuzz_qmp.Fuzzer(binary, []).run(case)

    def test_all_is_well(self):
        """nothing, where nothing is wrong"""
        for wrong in None, 'nothing':
            with self.subTest(wrong=wrong):
                self.assertEqual(self.run_case(wrong, self.case(
                    EXPANSION, BAD_EXPANSION, PLUG, FRESH,
                    {'fuzz': 'migrate'})), 5)

    def test_wrong(self):
        """each thing that a QEMU can do wrong"""
        for wrong, steps, what in (
                ('report', [EXPANSION], 'AddressSanitizer: heap-use-after-'
                 'free in read_feature < object_property_get'),
                ('leak', [EXPANSION],
                 'LeakSanitizer: detected in cpu_model_expand'),
                ('abort', 5 * [EXPANSION], 'killed by SIGABRT'),
                ('no-answer', 5 * [EXPANSION], 'ends by itself'),
                ('changing', [EXPANSION], 'the same expansion has another '
                 'answer later'),
                ('long-error', [BAD_EXPANSION], 'an error is endless'),
                ('two-lines', [BAD_EXPANSION], 'an error has more than one '
                 'line'),
                ('prints', [EXPANSION], 'a question prints to stderr'),
                ('other-machine', [FRESH], 'an answer with a machine type '
                 'is not that of a process with this machine type'),
                ('phantom', [PLUG], 'the list of CPUs is not what it should '
                 'be')):
            with self.subTest(wrong=wrong):
                with self.assertRaises(Finding) as caught:
                    self.run_case(wrong, self.case(*steps))
                self.assertIn(what, caught.exception.what)

    def test_model_id(self):
        """a text that -cpu changes"""
        with self.assertRaises(Finding) as caught:
            fuzz_cpu.Fuzzer(QEMU, []).run({
                'args': ['-accel', 'tcg', '-machine', NEWEST, '-cpu',
                         'qemu64,model-id=a'], 'model-id': 'b'})
        self.assertIn('model-id is not', caught.exception.what)

    def test_endless_words(self):
        """a stream that is refused line by line"""
        said = '\n'.join(100 * ['qemu: it differs'])
        self.assertFalse(upstream.known(said))
        with tempfile.TemporaryDirectory() as tmp:
            script = os.path.join(tmp, 'qemu')
            with open(script, 'w', encoding='ascii') as f:
                f.write(f'#!{sys.executable}\nimport sys\n'
                        'print(\'{"QMP": {}}\', flush=True)\n'
                        'sys.stdin.readline()\n'
                        'print(\'{"return": {}, "id": 1}\', flush=True)\n'
                        'sys.stdin.readline()\n'
                        f'sys.stderr.write({said!r})\nsys.exit(1)\n')
            os.chmod(script, 0o755)
            with self.assertRaises(Finding) as caught:
                fuzz_qmp.load(script, [], 'stream')
        self.assertIn('endless words', caught.exception.what)

    def test_refused_msr(self):
        """an MSR that KVM refuses, unless the kernel is known to"""
        line = 'qemu: error: failed to set MSR {} to 0x1\n'
        abort = ('qemu: ../target/i386/kvm/kvm.c:1: kvm_buf_set_msrs: '
                 'Assertion `ret == n\' failed.\n')
        self.assertTrue(upstream.known(
            'qemu: warning: x\n' + line.format('0x10a') + abort))
        for said in line.format('0x345') + abort, abort, line.format(
                '0x10a'), line.format('0x10a') + abort.replace(
                    'kvm_buf_set_msrs', 'other'):
            self.assertFalse(upstream.known(said), said)

    def test_growth(self):
        """memory that is held for every command, though not lost"""
        for count, found in (1, True), (0, False):
            with growth.Counted(QEMU, ['-machine', 'none']) as counted:
                asked = [('qom-list', {'path': '/machine'})]
                number = iter(range(1000))
                take = counted.take

                def take_more(commands, take=take, number=number,
                              count=count):
                    take(commands)
                    take(count * [('object-add', {
                        'qom-type': 'secret', 'id': f's{next(number)}',
                        'data': 'x'})])

                counted.take = take_more
                blocks, _size = growth.growth(counted, asked, 40)
                self.assertEqual(blocks > growth.NOISE, found, blocks)


class FindsInPrograms(unittest.TestCase):
    """What programs that need no QEMU may do wrong"""

    BATCH = {'args': ['answer', '--batch'],
             'files': {'stdin': {'text': '{"verb": "list"}\n\n'}}}
    JSON = {'args': ['answer', 'list', '--json'], 'files': {}}

    def judge(self, case, status, stdout=b'', stderr=''):
        fuzz_tool.Fuzzer.judge(case, status, stdout, stderr)

    def test_all_is_well(self):
        self.judge(self.JSON, 0, b'{}')
        self.judge(self.JSON, 2, b'', 'error: x: y\n')
        self.judge(self.JSON, 3, b'{}', 'error: x: y\n')
        self.judge(self.BATCH, 0, b'{"status": 0}\n')

    def test_wrong(self):
        for case, status, stdout, stderr, what in (
                (self.JSON, -6, b'', '', 'exit status -6'),
                (self.JSON, 77, b'', 'ERROR: AddressSanitizer: SEGV\n',
                 'AddressSanitizer: SEGV'),
                (self.JSON, 1, b'', 'a.c:7:9: runtime error: shift\n',
                 'UBSan: a.c:7: shift'),
                (self.JSON, 2, b'', '', 'an error without a line'),
                (self.JSON, 2, b'', 'error: a\nerror: b\n', 'not one line'),
                (self.JSON, 2, b'', 'error: \x1b\n', 'not one line'),
                (self.JSON, 2, b'', 'error: ' + 'x' * 2000, 'not one line'),
                (self.JSON, 2, b'', 'no way\n', 'not one line'),
                (self.JSON, 0, b'{', '', 'not JSON'),
                (self.JSON, 0, b'\xff', '', 'not UTF-8'),
                (self.BATCH, 0, b'', '', '0 answers to 1 requests'),
                (self.BATCH, 1, b'{"status": 0}\n', '', '1 answers to 1'),
                (self.BATCH, 0, b'{"status": 4}\n', '', 'status 4'),
                (self.BATCH, 0, b'{"status": 2}\n', '', 'status 2')):
            with self.subTest(what), self.assertRaises(Finding) as found:
                self.judge(case, status, stdout, stderr)
            self.assertIn(what, found.exception.what)

    def test_digests(self):
        """Mutations have digests, or nothing behind them would be read"""
        passport = fuzz_tool.seal({'x': 1, 'digest': ''}, 'digest')
        self.assertEqual(passport['digest'], hashlib.sha256(
            b'{"x":1}').hexdigest())
        self.assertEqual(fuzz_tool.seal({'name': 'a', 'passport': {'x': 1}},
                                        'host')['passport'], passport)
        self.assertIn('$crc32', fuzz_tool.seal({}, 'models'))
        for value in None, [], 'x', {'passport': 5}:
            fuzz_tool.bytes_of({'lines': [value], 'seal': 'host'})

    def test_smaller(self):
        """A case becomes smaller until nothing can be left out"""
        case = {'args': ['host', '--from', '-'],
                'files': {'a': {'lines': [{'x': [1, {'y': 2}]}], 'seal': ''},
                          'stdin': {'text': 'abc'}}}
        for _ in range(20):
            case = next(fuzz_tool.Fuzzer.smaller(None, case, None), case)
            if not case['files']['a']['lines']:
                break
        self.assertEqual(case['files']['a']['lines'], [])


class FindsNothing(unittest.TestCase):
    """Nothing in this QEMU"""

    def test_smoke(self):
        """in a moment"""
        status, said = fuzz('qmp', 'cpu', 'fingerprint',
                            seconds=SMOKE_SECONDS, FUZZ_QEMU=QEMU)
        self.assertEqual(status, 0, said)
        for name in 'qmp', 'cpu', 'fingerprint':
            self.assertRegex(said, rf'(?m)^fuzz: {name}: [1-9]\d* .*, '
                             '0 findings$')

    def test_tool_smoke(self):
        """in a moment of programs that need no QEMU"""
        status, said = fuzz('tool', seconds=SMOKE_SECONDS)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r'(?m)^fuzz: tool: [1-9]\d* inputs in .*, '
                         '0 findings$')

    def test_fingerprints(self):
        """in streams as they are; changed ones are refused"""
        know = inputs.Knowledge(QEMU, 'tcg')
        fuzzer = fuzz_stream.Fuzzer(QEMU, [know])
        for index, cpus in (0, 1), (1, 2), (2, 1):
            args, data, places = fuzzer.stream(know, index)
            self.assertEqual(len(places), cpus)
            fuzzer.run({'args': args, 'stream': data.hex(), 'same': True})
            # In the middle of the fingerprint, which is what CPUID returns
            at = sum(places[-1]) // 2
            changed = bytearray(data)
            changed[at:at + 64] = bytes(b ^ 0xff for b in data[at:at + 64])
            with self.assertRaises(Finding):
                fuzzer.run({'args': args, 'stream': changed.hex(),
                            'same': True})

    def test_growth(self):
        """in some hundred commands"""
        know = inputs.Knowledge(QEMU, 'tcg')
        growth.measure(QEMU, know, random.Random(SEED), 400, 16)

    def test_growth_by_comparisons(self):
        """in some hundred comparisons; CHECK_FULL: 100,000"""
        know = inputs.Knowledge(QEMU, 'tcg')
        with qemu_process.Qemu(QEMU, ['-machine', 'none']) as qemu:
            kinds = {(name, 'error' in qemu.command(name, arguments))
                     for name, arguments in
                     growth.comparisons(random.Random(SEED), know, 16)}
        self.assertEqual(len(kinds), 3 * 2, kinds)
        growth.measure(QEMU, know, random.Random(SEED),
                       *((growth.COMPARISONS, 100) if FULL else (400, 16)),
                       ask=growth.comparisons)

    @unittest.skipUnless(FULL, 'takes a minute; CHECK_FULL=1')
    def test_growth_by_nearest_of_any(self):
        """in models of any machine type"""
        know = inputs.Knowledge(QEMU, 'tcg')
        growth.measure(QEMU, know, random.Random(SEED), 0,
                       ask=growth.nearest_of_any)

    @unittest.skipUnless(FULL, 'builds QEMU with sanitizers; CHECK_FULL=1')
    def test_sanitizers(self):
        """with sanitizers, for longer"""
        status, said = fuzz('tests', 'growth', 'qmp', 'cpu', 'fingerprint',
                            'tool', seconds=FULL_SECONDS)
        self.assertEqual(status, 0, said)
        self.assertTrue(re.search('fuzz: ok: 0 findings\n$', said), said)


if __name__ == '__main__':
    unittest.main()
