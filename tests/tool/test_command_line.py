#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The command line, requests and exit statuses of x86-cpu without a QEMU.

Answers: does each verb print what its schema says, as text of 100 columns too,
and is its exit status the answer?  Does bad input give one clear error, and in
--batch an answer?  What the answers are is judged in test_answers.

    QTEST_QEMU_BINARY=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_command_line
"""

import copy
import json
import os
import re
import subprocess
import tempfile
import time
import unittest

from answer_tool import REPO, TOOL, batch, programs, run
from c_compiler import CC
from cpu_models import cpu_option
import passports
from schemas import check_json, check_schema
from terminal import run_on_terminal

QEMU = os.environ.get('QTEST_QEMU_BINARY', '')
MODELS = os.path.join(os.path.dirname(QEMU), 'qemu-cpu-models.json')
COLUMNS = 100
# Lines that can't be broken: what -cpu takes
LONG = re.compile(r' *[^ ,]+,\S+=')

AMD = ['--vendor', 'AuthenticAMD', '--guest-phys-bits', '0']

# (status, arguments)
ANSWERS = [
    (0, ['list']),
    (0, ['show', 'EPYC-Milan,+vaes']),
    (0, ['show', '--cpu', 'EPYC', *AMD, '--smp', '4,dies=2']),
    (0, ['expand', 'EPYC-Milan', '--accel', 'tcg']),
    (0, ['expand', 'EPYC-Milan', *AMD]),
    (3, ['expand', 'EPYC-Milan']),
    (0, ['compare', 'EPYC', 'EPYC']),
    (0, ['compare', 'EPYC', 'EPYC-Rome', '--accel', 'tcg']),
    (1, ['compare', 'EPYC-Rome', 'EPYC', '--accel', 'tcg']),
    (1, ['compare', 'EPYC-Rome', 'EPYC,+vmx', '--accel', 'tcg']),
    (0, ['baseline', 'EPYC', 'EPYC-Rome', 'EPYC-Milan', *AMD]),
    (0, ['baseline', 'EPYC', '--accel', 'tcg']),
    (3, ['baseline', 'EPYC', 'EPYC-Rome']),
    (0, ['baseline', 'EPYC', 'EPYC-Rome', '--vendor', 'AuthenticAMD']),
    (0, ['expand', 'EPYC,hv-passthrough=on', '--accel', 'tcg']),
    (0, ['show', 'EPYC,hv-passthrough=on', '--accel', 'tcg']),
    (1, ['compare', 'EPYC' + 20 * ',+vmx,-avx2', 'EPYC', '--accel', 'tcg']),
    (0, ['nearest', 'EPYC,phys-bits=46', '--vendor', 'AuthenticAMD']),
    (0, ['nearest', 'EPYC-Milan,-avx2', *AMD]),
    (0, ['nearest', 'EPYC-Milan,-avx2', '--accel', 'tcg', '--any']),
]

# (arguments, what the error says)
ERRORS = [
    (['show'], 'the CPU is missing'),
    (['show', ''], 'the CPU has no model: it is MODEL[,OPTIONS]'),
    (['show', 'EPYK'], "QEMU LINE has no CPU model 'EPYK'; did you mean "
     "'EPYC'?"),
    (['show', 'epyc'], "has no CPU model 'epyc'; did you mean 'EPYC'?"),
    (['show', 'EPYC-MILAN'], "; did you mean 'EPYC-Milan'?"),
    (['show', 'EPYC,+AVX2'], "; did you mean 'avx2'?"),
    (['show', 'EPYC,AVX512BW=on'], "; did you mean 'avx512bw'?"),
    (['show', 'EPYC,PHYS-BITS=46'], "; did you mean 'phys-bits'?"),
    (['show', 'EPYC,+ibrs_enhanced'], "'ibrs_enhanced' is auto-ibrs or "
     'ibrs-all in QEMU: name one of them'),
    (['show', 'EPYC,constant_tsc=x'],
     "'constant_tsc' is 'x', which is neither 'on' nor 'off'"),
    (['show', 'EPYC,+avx512g'], "QEMU LINE has no CPU feature or property "
     "'avx512g'; did you mean 'avx512f'?"),
    # Before a value alone is "_" the same as "-".
    (['show', 'EPYC,+constant-tsc'], "QEMU LINE has no CPU feature or "
     "property 'constant-tsc'; did you mean 'constant_tsc' (invtsc in QEMU)?"),
    (['show', 'EPYC,-tsc_deadline-timer'], "; did you mean "
     "'tsc_deadline_timer' (tsc-deadline in QEMU)?"),
    (['show', 'EPYC,+NONSTOP-TSC'], "; did you mean 'nonstop_tsc' (invtsc in "
     'QEMU)?'),
    (['show', 'EPYC,NONSTOP_TSC=on'], "; did you mean 'nonstop_tsc' (invtsc "
     'in QEMU)?'),
    # Each feature once
    (['show', 'EPYC,+avx512-vnni'], "'avx512-vnni'; did you mean "
     "'avx512_vnni' (avx512vnni in QEMU)?"),
    (['show', 'EPYC,+avx512.vnni'], "'avx512.vnni'; did you mean "
     "'avx512vnni'?"),
    (['show', 'EPYC,+hv_apicv'], "'hv_apicv'; did you mean 'hv-apicv'?"),
    (['show', 'EPYC,+NONSTOP_TSC'], "; did you mean 'nonstop_tsc' (invtsc in "
     'QEMU)?'),
    (['show', 'EPYC,+nonstop_tsk'], "; did you mean 'nonstop_tsc' (invtsc in "
     'QEMU)?'),
    (['show', 'EPYC,nonstop_tsk=on'], "'nonstop-tsk'; did you mean "
     "'nonstop_tsc' (invtsc in QEMU)?"),
    # A name that is refused is none to suggest.
    (['show', 'EPYC,+ibrs_enhancet'], "; did you mean 'auto-ibrs' or "
     "'ibrs-all'?"),
    (['show', 'EPYC,+ibrs-enhanced'], "; did you mean 'auto-ibrs' or "
     "'ibrs-all'?"),
    (['show', 'EPYC,+SSBD'], "; did you mean 'ssbd'?"),
    (['show', 'EPYC,enforce=banana,enforce=off'],
     "'enforce' is 'banana', which is neither 'on' nor 'off'"),
    (['show', 'EPYC,avx2=maybe'],
     "'avx2' is 'maybe', which is neither 'on' nor 'off'"),
    (['show', 'EPYC,level=4294967296'], "'level' must be a number from 0 to "
     "4294967295, not '4294967296'"),
    (['show', 'EPYC,family=271'],
     "'family' must be a number from 0 to 270, not '271'"),
    (['show', 'EPYC,vendor=AMD'],
     "'vendor' is 'AMD', but a vendor has exactly 12 characters"),
    (['show', 'EPYC,compat-anchor=pc-q35-9.0'],
     'compat-anchor is for the CPU model base, not for EPYC'),
    (['show', 'base,compat-anchor=x'], "compat-anchor must be a machine type "
     "of QEMU LINE, not 'x'"),
    (['show', 'EPYC', '--machine', 'pc-q35-9.9'],
     "QEMU LINE has no machine type 'pc-q35-9.9'; did you mean "),
    (['show', 'EPYC', '--machine', 'Q35'], "; did you mean 'q35'?"),
    (['show', 'HOST'], "has no CPU model 'HOST'; did you mean 'host'?"),
    (['show', 'EPYC-ibpb'], "; did you mean 'EPYC-IBPB'?"),
    (['show', 'EPYC', '--machine', 'q35,kernel-irqchip=split'],
     "'machine' is 'q35,kernel-irqchip=split', but takes a machine type alone: "
     'give kernel-irqchip with --irqchip'),
    (['show', 'EPYC', '--machine', 'pc,usb=on'], "'machine' is 'pc,usb=on', "
     'but takes a machine type alone, without options of -machine'),
    (['show', 'EPYC', '--accel', 'hvf'],
     "'accel' is 'hvf', which is neither kvm nor tcg"),
    (['show', 'EPYC', '--irqchip', 'maybe'],
     "'irqchip' is 'maybe', which is none of on, split and off"),
    (['show', 'EPYC', '--smp', 'many'], "'smp' must be a topology such as "
     "8,sockets=2,cores=4, not 'many': 'cpus' must be from 1 to 1048576"),
    (['show', 'EPYC', '--smp', '8,cores=0'], "'smp' must be a topology such "
     "as 8,sockets=2,cores=4, not '8,cores=0': 'cores' must be from 1 to "
     '1048576'),
    (['show', 'EPYC', '--smp', '8,x=4'], "'smp' is '8,x=4': there is no 'x=4' "
     'in it, but cpus, sockets, dies, modules, cores, threads and maxcpus'),
    (['show', 'EPYC', '--smp', '8,sockets=3'], "'smp' is '8,sockets=3', but "
     'sockets, dies, modules, cores and threads must give maxcpus'),
    (['show', 'EPYC', '--smp', '4,dies=1048576,sockets=1048576'],
     'which has more than 1048576 CPUs'),
    (['show', 'EPYC', '--smp', 'dies=1048576,modules=1048576,cores=1048576,'
      'threads=1048576'], 'which has more than 1048576 CPUs'),
    (['show', 'EPYC', '--smp', '4,clusters=2'], "'smp' is '4,clusters=2', but "
     'no PC has several clusters'),
    (['show', 'EPYC', '--smp', '4,,cores=2'], "there is no '' in it"),
    (['show', 'EPYC', '--smp', '2', '--machine', 'isapc'],
     "'smp' is '2', but isapc has one CPU"),
    (['show', '--batch', '--machine', 'isapc'], 'with --batch, each request '
     "has its own 'machine': leave it out of the command line"),
    (['show', 'EPYC', '--batch'], "each request has its own 'cpu'"),
    (['show', 'EPYC,enforce-report=yaml'], "'enforce-report' is 'yaml', which "
     'is neither json nor text'),
    (['show', 'EPYC,node-id=x'], "'node-id' must be a number from "
     "-2147483648 to 2147483647, not 'x'"),
    (['show', 'EPYC', '--vendor', 'AMD'], "'vendor' is 'AMD', but a vendor has "
     'exactly 12 characters, such as GenuineIntel'),
    (['show', 'EPYC', '--guest-phys-bits', '53'],
     "'guest-phys-bits' must be a number from 0 to 52"),
    (['show', 'EPYC', '--guest-phys-bits', 'x'],
     "--guest-phys-bits must be a number, not 'x'"),
    (['show', 'EPYC', 'EPYC'], "what is 'EPYC'? (see --help)"),
    (['history', 'EPYC', 'xsaves'], "what is 'EPYC'? history takes --model, "
     '--feature and --accel (see --help)'),
    (['list', 'EPYC'], "what is 'EPYC'? list takes no arguments (see --help)"),
    (['show', 'EPYC', '--machin', 'x'],
     "show takes no '--machin'; did you mean '--machine'? (see --help)"),
    (['show', 'EPYC', '--machine'], '--machine needs TYPE'),
    (['show', 'EPYC', '--json=x'], '--json has no value'),
    (['show', 'EPYC', '--host', '/dev/null/x'], '/dev/null/x'),
    (['show', 'EPYC', '--cpu', 'EPYC-Rome'], '--cpu is given twice'),
    (['show', 'EPYC', '--guest-phys-bits', ' 5'],
     "--guest-phys-bits must be a number, not ' 5'"),
    (['show', 'EPYC', '--models', b'/\xff'], 'is not UTF-8'),
    (['show', 'custom'], 'CPU model custom needs all properties of a static '
     'expansion, and '),
    (['show', 'EPYC,model-id=' + 47 * 'a' + '\u00e9'],
     "'model-id' is cut within a character: it has at most 48 bytes"),
    (['show', 'EPYC,tsc-freq=1e9'],
     "'tsc-freq' must be a frequency such as 2.5G, not '1e9'"),
    (['show', 'EPYC,tsc-freq=1.5'],
     "'tsc-freq' must be a frequency such as 2.5G, not '1.5'"),
    (['show', 'EPYC', '--smp', '--json'], '--smp needs SMP'),
    (['show', 'EPYC,realized=on'], "'realized' can only be off: QEMU itself"),
    (['show', 'EPYC,+type'], "'type' of CPUs can only be read: leave it out"),
    (['show', 'EPYC,hv-apicv=x'], "'hv-apicv' is 'x', which is neither"),
    (['expand', 'host', '--accel', 'tcg'], 'CPU model host needs KVM'),
    (['compare', 'host', 'EPYC', '--accel', 'tcg'],
     'CPU model host needs KVM'),
    (['compare', 'EPYC'], 'compare takes two CPUs (see --help)'),
    (['compare', '--accel', 'tcg'], 'compare takes two CPUs'),
    (['compare', 'EPYC', 'EPYC', 'EPYC'], 'compare takes two CPUs'),
    (['baseline'], 'baseline takes CPUs, or hosts with --host (see --help)'),
    (['compare', 'EPYC', 'EPYC,+x'], "has no CPU feature or property 'x'"),
    (['baseline', '--accel', 'tcg', 'EPYC', 'Haswell'],
     "CPUs of different vendors have no baseline: EPYC has vendor "
     "'AuthenticAMD', Haswell 'GenuineIntel'"),
    (['nearest', 'base', '--accel', 'tcg'], 'a named CPU model has a vendor, '
     'and base has none: set the property vendor'),
    (['shwo', 'EPYC'], "unknown verb 'shwo'"),
    ([], 'name a verb, or use --batch'),
]

# (line, the error; None: it has an answer)
LINES = [
    ('{"id": 1, "verb": "show", "cpu": "EPYC"}', None),
    ('{"id": 2, "verb": "show"}', 'the CPU is missing'),
    ('{"id": [3], "verb": "sho"}', "unknown verb 'sho'; did you mean 'show'?"),
    ('{"id": null}', "'verb' is missing"),
    ('{"verb": "show", "cpus": []}',
     "show takes no 'cpus'; did you mean 'cpu'?"),
    ('{"verb": "show", "cpu": 5}', 'a CPU is a text, or an object with '
     "'cpu' and 'machine'"),
    ('{"verb": "show", "cpu": "EPYC", "machine": 5}',
     "'machine' is not a text"),
    ('{"verb": "show", "cpu": "EPYC", "phys-bits": -1}',
     "'phys-bits' must be a number from 0 to 52"),
    ('{"verb": "compare", "guest-phys-bits": 48, "cpus": ["EPYC", '
     '{"cpu": "EPYC", "machine": "pc-q35-8.0"}]}', None),
    ('{"verb": "compare", "cpus": ["EPYC", {"cpu": "EPYC", "machien": "x"}]}',
     "a CPU takes no 'machien'; did you mean 'machine'?"),
    ('nonsense', 'request 11: line 1, column'),
    ('{"verb": "show", "verb": "show", "cpu": "EPYC"}',
     'request 12: line 1, column'),
    ('[]', 'a request is a JSON object'),
    ('{"verb": "show", "cpu": "EPYC\\u0000"}', 'request 14: '),
    ('{"verb": "check", "cpu": "EPYC"}', 'only the host knows: give its '
     "passport with 'host' (x86-cpu host writes it)"),
    ('{"verb": "check", "cpu": "EPYC", "host": {}}', 'not a passport'),
    ('{"verb": "compare", "cpus": ["EPYC"]}', "'cpus' is a list of two CPUs"),
    ('{"verb": "baseline", "cpus": []}', "'cpus' is a list of one CPU or more"),
    ('{"verb": "check", "cpu": "EPYC", "host": "-"}',
     "requests are read from stdin, so hosts can't be"),
    ('{"verb": "nearest", "cpu": "EPYC", "any": "yes"}',
     "'any' is neither true nor false"),
    ('{"id": "last", "verb": "list"}', None),
]


def feature_rows():
    """QEMU's name of each feature of any line, and those that others have"""
    with open(os.path.join(REPO, 'target-i386-ext/tables/features.tbl'),
              encoding='utf-8') as f:
        rows = [line.split()[:3] for line in f if re.match('[^# \t\n]', line)]
    return [[name, *{*cpuinfo.split(','), libvirt} - {'-', name}]
            for name, cpuinfo, libvirt in rows]


def ask_features(names, sign='+'):
    """What show answers for CPUs with each of these"""
    return batch([{'verb': 'show', 'cpu': f'EPYC,{sign}{name}',
                   'accel': 'tcg'} for name in names], MODELS)


def on_terminal(columns, arguments):
    """The lines that a terminal shows"""
    program = (os.environ.get('X86_CPU_ANSWER') or
               os.path.join(programs(), 'answer'))
    _, text, _ = run_on_terminal([program, *arguments, f'--models={MODELS}'],
                                 columns)
    return text.splitlines()


class Checks(unittest.TestCase):
    def test_answers(self):
        """Each verb prints what its schema says, and has its status"""
        for status, arguments in ANSWERS:
            with self.subTest(arguments):
                done = run([*arguments, '--json'], [MODELS], status=status)
                answer = check_json(self, 'x86-cpu-answer', done.stdout)
                self.assertEqual(answer['status'], status)
                self.assertEqual(answer['verb'], arguments[0])
                self.assertEqual(done.stderr, '')

    def test_texts(self):
        """Text fits 100 columns, and --check prints none"""
        for status, arguments in ANSWERS:
            with self.subTest(arguments):
                done = run(arguments, [MODELS], status=status)
                self.assertTrue(done.stdout.endswith('\n'))
                self.assertEqual(done.stderr, '')
                for line in done.stdout.splitlines():
                    if not LONG.match(line):
                        self.assertLessEqual(len(line), COLUMNS, line)
                done = run([*arguments, '--check'], [MODELS], status=status)
                self.assertEqual((done.stdout, done.stderr), ('', ''))

    def test_check_says_why(self):
        """Whatever the status is"""
        for arguments, status in [(['compare', 'host', 'EPYC'], 3),
                                  (['compare', 'none', 'EPYC'], 2)]:
            text = run(arguments, [MODELS], status=status).stderr
            self.assertRegex(text, r'\Aerror: .*\n\Z')
            done = run([*arguments, '--check'], [MODELS], status=status)
            self.assertEqual((done.stdout, done.stderr), ('', text))

    def test_width(self):
        """On a terminal, text is as wide as that"""
        for _, arguments in [*ANSWERS, (0, ['history', '--feature', 'avx2'])]:
            for columns in 60, 140:
                with self.subTest([columns, *arguments]):
                    for line in on_terminal(columns, arguments):
                        # One word may be wider.
                        if not LONG.match(line) and ' ' in line.strip():
                            self.assertLessEqual(len(line), columns, line)
        self.assertGreater(max(map(len, on_terminal(140, ['list']))), COLUMNS)

    def test_other_names(self):
        """Of aliases, libvirt and /proc/cpuinfo: the same CPU, with notes"""
        for options, names, notes in [
                ('+md_clear', '+md-clear', ['md_clear is md-clear']),
                ('+md-clear', '+md-clear', None),
                # QEMU takes this itself.
                ('md_clear=on', '+md-clear', None),
                ('+sse3,-sse3,+sse4_1', '-pni,+sse4.1',
                 ['sse3 is pni', 'sse4_1 is sse4.1']),
                ('constant_tsc=on', '+invtsc', ['constant_tsc is invtsc']),
                ('tsc_deadline-timer', '+tsc-deadline',
                 ['tsc_deadline_timer is tsc-deadline']),
                ('hv-apicv=on', 'hv-avic=on', ['hv-apicv is hv-avic']),
                ('kvm_pv_eoi=on', '+kvm-pv-eoi', None),
                ('-lahf_lm', '-lahf-lm', ['lahf_lm is lahf-lm']),
                # An alias of QEMU goes before a flag, whatever that is.
                ('+ssbd,-stibp', '+ssbd,-stibp', None)]:
            with self.subTest(options):
                cpus = [f'EPYC-Milan,{text}' for text in (options, names)]
                requests = [{'verb': 'expand', 'accel': 'tcg', 'cpu': cpu}
                            for cpu in cpus]
                found, wanted = batch(requests, MODELS)
                self.assertEqual(found.get('notes'), notes)
                self.assertNotIn('notes', wanted)
                self.assertEqual(found['model'], wanted['model'])
                lines = [f'note: {note}' for note in notes or []]
                for verb in 'show', 'nearest', 'compare', 'baseline', 'expand':
                    arguments = [verb, cpus[0], '--accel', 'tcg']
                    if verb == 'compare':
                        arguments.append(cpus[1])
                    done = run([*arguments, '--json'], [MODELS], status=0)
                    answer = check_json(self, 'x86-cpu-answer', done.stdout)
                    self.assertEqual(done.stderr, '')
                    self.assertEqual(answer.get('notes'), notes)
                    done = run(arguments, [MODELS], status=0)
                    # What may go to -cpu has no notes in it.
                    apart = verb in ('baseline', 'expand')
                    text = done.stderr if apart else done.stdout
                    self.assertEqual([line for line in text.splitlines()
                                      if line.startswith('note:')], lines)
                    self.assertNotIn('note:', done.stdout if apart
                                     else done.stderr)
                    done = run([*arguments, '--check'], [MODELS], status=0)
                    self.assertEqual((done.stdout, done.stderr.splitlines()),
                                     ('', lines))

    def test_qemu_names(self):
        """What QEMU does not take is shown as it does take it"""
        options = ('model-id=constant_tsc,,nonstop_tsc,constant_tsc,+sse3,'
                   'tsc_deadline_timer=off,-nonstop_tsc,+constant_tsc')
        taken = ('model-id=constant_tsc,,nonstop_tsc,invtsc,+sse3,'
                 'tsc-deadline=off,-invtsc,+invtsc')
        with tempfile.TemporaryDirectory() as tmp:
            host = f'{tmp}/host.json'
            passports.write(passports.passport('intel-haswell'), host)
            for verb, *more in [
                    ('show', '--accel=tcg'), ('expand', '--accel=tcg'),
                    ('nearest', '--accel=tcg'), ('nearest',),
                    ('check', f'--host={host}'),
                    ('migrate', f'--from={host}', f'--to={host}'),
                    ('compare', 'Broadwell', '--accel=tcg'),
                    ('baseline', 'Broadwell', '--accel=tcg')]:
                for text, wanted in ((f'Haswell,{options}',
                                      f'Haswell,{taken}'),
                                     ('Haswell,+sse3', None),
                                     ('Haswell', None)):
                    arguments = [verb, text, *more]
                    with self.subTest(arguments):
                        answer = check_json(self, 'x86-cpu-answer', run(
                            [*arguments, '--json'], [MODELS]).stdout)
                        self.check_names(answer, text, wanted)
                        shown = run(arguments, [MODELS]).stdout
                        self.assertNotIn('tsc_deadline_timer=off', shown)
                        if verb not in ('expand', 'baseline'):
                            self.assertIn(wanted or text,
                                          re.sub(r'\n +', '', shown))

    def check_names(self, answer, text, wanted):
        """What an answer, or each of several, calls the CPU text"""
        if 'by-vendor' in answer:
            for one in answer['by-vendor'].values():
                self.check_names(one, text, wanted)
            return
        cpu = answer.get('cpus', [answer])[0]
        self.assertEqual((cpu['cpu'], cpu.get('qemu-cpu')), (text, wanted))

    def test_sentences(self):
        """What a comparison comes to, and what a baseline's guests lose"""
        for cpus, sentence in [
                (['EPYC', 'EPYC-Rome'], 'a guest with A can continue with B (A '
                 'is a subset of B)'),
                (['EPYC-Rome', 'EPYC'], 'a guest with A cannot continue with '
                 'B, but one with B can continue with A (A is a superset of '
                 'B)'),
                (['EPYC', 'Haswell'], 'a guest with one cannot continue with '
                 'the other (incompatible)')]:
            text = run(['compare', *cpus, '--accel', 'tcg'], [MODELS]).stdout
            self.assertIn(f'\n{sentence}\n', text)
        text = run(['baseline', 'Haswell,+arch-capabilities,+rsba', 'Haswell',
                    '--accel', 'tcg'], [MODELS]).stdout
        self.assertIn('\nlimitations and hints that guests will no longer see:'
                      '\n    rsba\n', text)

    def test_hosts(self):
        """The same for verbs that take passports"""
        with tempfile.TemporaryDirectory() as tmp:
            a, b, c, d, e = (f'{tmp}/{name}.json' for name in 'abcde')
            for path, name in (a, 'intel-cascadelake'), (b, 'intel-haswell'), \
                    (c, 'amd-genoa'), (e, 'amd-opteron'):
                passports.write(passports.passport(name), path)
            passports.write(passports.hardware_alone(
                passports.passport('amd-naples')), d)
            for status, arguments in [
                    (0, ['check', 'Nehalem-v1', '--host', a]),
                    (1, ['check', 'EPYC', '--host', a, '--all']),
                    (1, ['check', 'EPYC' + 20 * ',+avx2,+avx', '--host', a]),
                    (1, ['check', 'SapphireRapids,hv-passthrough=on', '--host',
                         e]),
                    (0, ['show', 'host,vendor=GenuineIntel', '--host', c]),
                    (0, ['expand', 'host,migratable=off', '--host', c]),
                    (3, ['check', 'EPYC', '--host', d]),
                    (0, ['best', a]), (0, ['best', a, b]),
                    (0, ['baseline', '--host', a, '--host', b]),
                    (3, ['baseline', '--host', a, '--host', c]),
                    (0, ['fleet', a, b, c]), (0, ['fleet', '--partial', a]),
                    (0, ['migrate', 'Nehalem', '--from', b, '--to', a]),
                    (1, ['migrate', 'Skylake-Server', '--from', a, '--to', b]),
                    (3, ['migrate', 'EPYC', '--from', c, '--to', d]),
                    (0, ['migrate', 'Nehalem' + 20 * ',-aes,+aes', '--from', b,
                         '--to', a])]:
                with self.subTest(arguments):
                    done = run([*arguments, '--json'], [MODELS], status=status)
                    check_json(self, 'x86-cpu-answer', done.stdout)
                    done = run(arguments, [MODELS], status=status)
                    for line in done.stdout.splitlines():
                        if '--partial' not in arguments and \
                                not LONG.match(line):
                            self.assertLessEqual(len(line), COLUMNS, line)
                    for line in on_terminal(60, arguments):
                        if '--partial' not in arguments and \
                                not LONG.match(line) and ' ' in line.strip():
                            self.assertLessEqual(len(line), 60, line)

    def test_nearest_starts(self):
        """On a host with no more of a feature of two bits than the CPU has"""
        for gone, bit in ('vmx-ept', 41), ('vmx-vpid', 25):
            host = copy.deepcopy(passports.made_hosts()['intel-cascadelake'])
            msrs = host['kvm']['feature-msrs']
            key, = [m for m in msrs if passports.number(m) == 0x48c]
            msrs[key] = hex(passports.number(msrs[key]) & ~(1 << bit))
            host = passports.of_made_host(host)
            values = {'vendor': 'GenuineIntel', 'phys-bits': 46,
                      'guest-phys-bits': 0}

            def ask(verb, cpu, more):
                return batch([{'verb': verb, 'cpu': cpu, **more}], MODELS)[0]

            named = f'Haswell-v3,vmx=on,vmx-posted-intr=off,{gone}=off'
            static = cpu_option('base', ask('expand', named, values)['model'][
                'props'])
            answer = ask('nearest', static, values)
            nearest = cpu_option(answer['name'], {
                **dict.fromkeys(answer['add'], True),
                **dict.fromkeys(answer['remove'], False), **answer['set']})
            # By its name, the CPU has the bit.
            self.assertEqual(
                [ask('check', cpu, {'host': host})['status']
                 for cpu in (static, nearest, named)], [0, 0, 1])
            self.assertEqual(len(ask('nearest', named, values)['remove']), 2)

    def test_errors(self):
        """Bad input gives one line that says what is wrong"""
        version = run(['list', '--json'], [MODELS], status=0).stdout
        version = json.loads(version)['files'][0]['qemu']
        for arguments, error in ERRORS:
            with self.subTest(arguments):
                done = run(arguments, [MODELS], status=2)
                self.assertEqual(done.stdout, '')
                self.assertRegex(done.stderr, r'\Aerror: [ -~]+\n\Z')
                self.assertIn(error.replace('LINE', version), done.stderr)

    def test_suggestions(self):
        """Each name that is suggested is taken, also of each misspelt one"""
        names = {name for row in feature_rows() for name in row}
        asked = [name for name in names
                 for name in (name[:-1], name + 'x', name.upper(),
                              name.replace('_', '-'), name.replace('-', '_'))]
        suggested = set()
        for answer in ask_features(asked):
            _, _, near = answer.get('error', '').partition('; did you mean ')
            suggested.update(re.findall("'([^']+)'", near))
        self.assertGreater(len(suggested), 300)
        for name, answer in zip(suggested, ask_features(suggested)):
            # Numbers are not on.
            self.assertRegex(answer.get('error', ''),
                             rf"\A('{name}' must be a number from .*)?\Z")

    def test_features_of_others(self):
        """What another QEMU has, under any name, is no typo"""
        with open(MODELS, encoding='utf-8') as f:
            file = json.load(f)
        here = {feature['name'] for word in file['words']
                for feature in word['features']}
        done = run(['list', '--json'], [MODELS], status=0)
        version = json.loads(done.stdout)['files'][0]['qemu']
        gone = [(other, name) for name, *others in feature_rows()
                if name not in here for other in [name, *others]]
        if not gone:
            self.skipTest('this QEMU has all features')
        self.assertIn(('ibt', 'cet-ibt'), gone)
        names = [other for other, _ in gone]
        dashed = [name.replace('-', '_') + '=on' for name in names]
        for answers in ask_features(names), ask_features(dashed, ''):
            for (other, name), answer in zip(gone, answers):
                self.assertEqual(
                    answer['error'],
                    f"QEMU {version} has no CPU feature '{name}'"
                    if other == name else f"'{other}' is {name}, which QEMU "
                    f'{version} does not have')
        for other, name in gone:
            done = run(['history', '--feature', other], [MODELS], status=2)
            self.assertEqual(done.stderr, 'error: no file of CPU models has '
                             f"feature '{name}'\n")

    def test_ways_out(self):
        """What only a host knows, or a QEMU, and how to ask these"""
        with tempfile.TemporaryDirectory() as tmp:
            host = f'{tmp}/host.json'
            passports.write(passports.passport('intel-haswell'), host)
            for status, arguments, errors in [
                    (3, ['check', 'EPYC'], ['--host FILE', '--qemu']),
                    (2, ['check', 'EPYC', '--host', host, '--accel', 'tcg'],
                     ['--accel kvm', '--qemu']),
                    (2, ['fleet', host, '--accel', 'tcg'], ['--accel kvm']),
                    (3, ['migrate', 'EPYC'], ['--from FILE', '--to FILE']),
                    (3, ['migrate', 'EPYC', '--from', host], ['--to FILE']),
                    (2, ['migrate', 'EPYC', '--from', host, '--to', host,
                         '--accel', 'tcg'], ['--accel kvm']),
                    *((3, [verb, model, *more], [
                        f"'x86-cpu expand {model} --host FILE'", '--qemu'])
                      for model in ('host', 'max')
                      for verb, *more in [('compare', 'EPYC'), ('nearest', ),
                                          ('show', )])]:
                with self.subTest(arguments):
                    done = run(arguments, [MODELS], status=status)
                    self.assertRegex(done.stderr, r'\Aerror: [ -~]+\n\Z')
                    self.assertNotRegex(done.stderr,
                                        "'(host|from|to|accel)'")
                    for error in errors:
                        self.assertIn(error, done.stderr)
            answer, = batch([{'verb': 'check', 'cpu': 'EPYC', 'host': host,
                              'accel': 'tcg'}], MODELS)
            self.assertIn("use 'accel' kvm", answer['error'])
            answer, = batch([{'verb': 'migrate', 'cpu': 'EPYC'}], MODELS)
            self.assertIn("with 'from' and 'to' (", answer['error'])

    def test_aliases(self):
        """Which version a name without one stands for"""
        files = json.loads(run(['list', '--json'], [MODELS], status=0).stdout
                           )['files']
        aliases = files[0]['aliases']
        self.assertEqual((aliases['EPYC'], aliases['EPYC-IBPB']),
                         ('EPYC-v1', 'EPYC-v2'))
        self.assertNotIn('EPYC-v1', aliases)
        self.assertLessEqual({*aliases, *aliases.values()},
                             {*files[0]['models']})
        for name, answer in zip(aliases, batch(
                [{'verb': 'compare', 'cpus': pair, 'accel': 'tcg'}
                 for pair in aliases.items()], MODELS)):
            self.assertEqual(answer['result'], 'identical', name)
        text = run(['list'], [MODELS], status=0).stdout
        self.assertRegex(text, r'\n  aliases:\n(    .*\n)*    .*'
                               r'\bEPYC-IBPB is EPYC-v2,')

    def test_removed_machine_type(self):
        """No name that is near gives the same CPU as one that is gone"""
        listed = json.loads(run(['list', '--json'], [MODELS], status=0).stdout
                            )['files'][0]['machine-types']
        versions = [tuple(map(int, found.groups())) for found in (
            re.search(r'-(\d+)\.(\d+)', name) for name in listed) if found]
        major, minor = min(versions)
        older = (major, minor - 1) if minor else (major - 1, 2)
        for family in 'pc-i440fx', 'pc-q35':
            for version in '%d.%d' % older, '%d.%d.1' % older, '1.0':
                name = f'{family}-{version}'
                done = run(['show', 'EPYC', '--machine', name], [MODELS],
                           status=2)
                self.assertIn(f"has no machine type '{name}': a file of CPU "
                              'models only has those of its QEMU; --qemu ',
                              done.stderr)
            # These are misspelt, or new.
            for version in f'{major}.{minor}0', '%d.%d' % (max(versions)[0],
                                                           9):
                done = run(['show', 'EPYC', '--machine',
                            f'{family}-{version}'], [MODELS], status=2)
                self.assertIn('did you mean', done.stderr)

    def test_swapped_files(self):
        """A passport as a file of CPU models, and the other way round"""
        with tempfile.TemporaryDirectory() as tmp:
            host = f'{tmp}/host.json'
            passports.write(passports.passport('intel-haswell'), host)
            for verb in 'check', 'show':
                done = run([verb, 'EPYC', '--host', MODELS], [host], status=2)
                self.assertEqual(done.stderr, f'error: {host}: the passport of '
                                 'a host, and no file of CPU models\n')
            for arguments in ['check', 'EPYC', '--host', MODELS], ['best',
                                                                   MODELS]:
                done = run(arguments, [MODELS], status=2)
                self.assertEqual(done.stderr, f'error: {MODELS}: not a '
                                 'passport, but a file of CPU models\n')

    def test_nothing_blocks(self):
        """No header of a table without rows"""
        with tempfile.TemporaryDirectory() as tmp:
            host = f'{tmp}/host.json'
            passports.write(passports.passport('intel-cascadelake'), host)
            for model, status in ('base', 0), ('Nehalem-v1', 0), ('EPYC', 1):
                with self.subTest(model):
                    arguments = ['check', model, '--host', host]
                    removed = json.loads(run([*arguments, '--json'], [MODELS],
                                             status=status).stdout
                                         )['removed-features']
                    blocking = [row for row in removed if row['blocking']]
                    for more, rows in ([], blocking), (['--all'], removed):
                        text = run([*arguments, *more], [MODELS]).stdout
                        self.assertEqual('requested by' in text, bool(rows))
                        self.assertEqual('nothing stops on' in text,
                                         len(rows) < len(removed))

    def test_models(self):
        """A file that is not there, or no file of CPU models"""
        for path, error in [('/dev/null/x', '/dev/null/x: Not a directory'),
                            ('/dev/null', '/dev/null: line 1, column 1: ')]:
            done = run(['list'], [path], status=2)
            self.assertRegex(done.stderr, r'\Aerror: [ -~]+\n\Z')
            self.assertIn(error, done.stderr)

    def test_batch(self):
        """An answer for each line, in order, whatever the line"""
        done = run(['--batch'], [MODELS],
                   '\n'.join(line for line, _ in LINES) + '\n\n', status=0)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(answers), len(LINES))
        for (line, error), answer in zip(LINES, answers):
            with self.subTest(line):
                check_schema('x86-cpu-answer', answer)
                if error is None:
                    self.assertNotIn('error', answer)
                else:
                    self.assertIn(error, answer['error'])
                    self.assertIn(answer['status'], [2, 3])
        self.assertEqual(answers[0]['id'], 1)
        self.assertEqual(answers[2]['id'], [3])
        self.assertIsNone(answers[3]['id'])
        self.assertEqual(answers[-1]['id'], 'last')

    def test_any_id(self):
        """An id comes back as it is, also one that looks like a number"""
        # \1 begins what stands for big numbers inside of the program.
        ids = ['\0015', 'x"\0015', f'"\1{1 << 63}', 'x\\"\0015', '\1',
               {'\0015': 1, f'\1{1 << 63}': [f'"\1{1 << 63}']},
               [f'\1{0:020}', f'\1{1 << 64}', f'\1{(1 << 63) - 1}'],
               (1 << 64) - 1, [{'x': 1 << 63}], -(1 << 63), '\\']
        done = run(['--batch'], [MODELS], ''.join(json.dumps(
            {'id': wanted, 'verb': 'list'}) + '\n' for wanted in ids),
            status=0)
        self.assertEqual([json.loads(line)['id']
                          for line in done.stdout.splitlines()], ids)

    def test_blank_lines(self):
        """They have no answer, and count as lines"""
        asked = json.dumps({'verb': 'list'})
        done = run(['--batch'], [MODELS], f'\n{asked}\n \t\r\n\nnonsense\n'
                   f'\n{asked}', status=0)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([answer['status'] for answer in answers], [0, 2, 0])
        self.assertIn('request 5: line 1, column', answers[1]['error'])
        done = run(['--batch'], [MODELS], '\n\n', status=0)
        self.assertEqual((done.stdout, done.stderr), ('', ''))

    def test_host_of_requests(self):
        """Where several --host are taken, "host" is "hosts", or one"""
        with tempfile.TemporaryDirectory() as tmp:
            a = f'{tmp}/a.json'
            b = passports.passport('intel-haswell')
            passports.write(passports.passport('intel-cascadelake'), a)
            for verb in 'best', 'fleet', 'baseline':
                for what, one, many in [('list', [a, b], [a, b]),
                                        ('file', a, [a]),
                                        ('passport', b, [b])]:
                    with self.subTest(f'{verb} {what}'):
                        found, wanted = batch(
                            [{'id': 5, 'verb': verb, 'host': one},
                             {'id': 5, 'verb': verb, 'hosts': many}], MODELS)
                        check_schema('x86-cpu-answer', found)
                        self.assertNotIn('error', found)
                        self.assertEqual(found, wanted)
            for members, error in [
                    *(({'verb': verb, 'host': a, 'hosts': [a]},
                       f"{verb} takes 'host' or 'hosts', not both")
                      for verb in ('best', 'fleet', 'baseline')),
                    ({'verb': 'best', 'host': []}, "'hosts' is a list of "),
                    ({'verb': 'fleet', 'host': 5}, 'a host is a passport, or'),
                    ({'verb': 'fleet', 'host': None},
                     'a host is a passport, or'),
                    ({'verb': 'check', 'cpu': 'EPYC', 'host': [a]},
                     'a host is a passport, or'),
                    ({'verb': 'check', 'cpu': 'EPYC', 'hosts': [a]},
                     "check takes no 'hosts'; did you mean 'host'?"),
                    ({'verb': 'list', 'host': a}, "list takes no 'host'")]:
                with self.subTest(members):
                    answer, = batch([members], MODELS)
                    self.assertIn(error, answer['error'])
                    self.assertEqual(answer['status'], 2)

    def test_one_question(self):
        """A command line reads less of the file, and has the same answer"""
        with open(MODELS, encoding='utf-8') as f:
            file = json.load(f)
        models = [model['name'] for model in file['models']]
        asked = []
        for model, machine in [
                *((model, file['layers'][0]['name']) for model in models),
                *((row['model'], row['layer']) for row in file['exceptions']
                  if 'model' in row)]:
            asked.append((['show', model, '--machine', machine, '--accel',
                           'tcg'],
                          {'verb': 'show', 'cpu': model, 'machine': machine,
                           'accel': 'tcg'}))
        for pair in zip(models, reversed(models)):
            asked.append((['compare', *pair, '--accel', 'tcg'],
                          {'verb': 'compare', 'cpus': pair, 'accel': 'tcg'}))
        for (arguments, _), answer in zip(asked, batch(
                [request for _, request in asked], MODELS)):
            with self.subTest(arguments):
                done = run([*arguments, '--json'], [MODELS],
                           status=answer['status'])
                self.assertEqual(json.loads(done.stdout), answer)

    def test_topologies(self):
        """Other ways to write the same -smp"""
        for other in ('4,clusters=1', '4,drawers=1,books=1', '0x4', '04',
                      '4,', ' 4', '4,cores=+4'):
            with self.subTest(other):
                plain, same = batch([
                    {'verb': 'show', 'cpu': 'EPYC', 'smp': smp}
                    for smp in ('4', other)], MODELS)
                self.assertEqual(same, plain)
        run(['show', 'EPYC', '--smp', '1', '--machine', 'isapc'], [MODELS],
            status=0)

    def test_frequencies(self):
        """tsc-freq as QEMU reads it"""
        for text, hertz in (('2.5G', 2500000000), ('1.001G', 1001000000),
                            ('.5M', 500000), ('3', 0), ('7000B', 7000)):
            answer, = batch([{'verb': 'expand', 'accel': 'tcg',
                              'cpu': f'EPYC,tsc-freq={text}'}], MODELS)
            self.assertEqual(answer['model']['props'].get('tsc-frequency', 0),
                             hertz, text)

    def test_nearest_irqchip(self):
        """Another machine type has its own interrupt controller"""
        machines = json.loads(run(['list', '--json'], [MODELS], status=0).stdout
                              )['files'][0]['machine-types']
        if 'pc-q35-4.0' not in machines:
            self.skipTest('the default is the same on all machine types')
        host = {'vendor': 'AuthenticAMD', 'phys-bits': 46,
                'guest-phys-bits': 46, 'machine': 'pc-q35-4.0'}
        cpu, = batch([{'verb': 'expand', 'cpu': 'EPYC-v1', **host,
                       'machine': machines[0], 'irqchip': 'split'}], MODELS)
        cpu = {'cpu': cpu_option('base', cpu['model']['props']),
               'machine': 'pc-q35-4.0'}
        for more in {}, {'irqchip': 'on'}, {'irqchip': 'split'}:
            with self.subTest(more):
                found, = batch([{'verb': 'nearest', **host, **more,
                                 'cpu': cpu['cpu'], 'any': True}], MODELS)
                props = {**dict.fromkeys(found['add'], True),
                         **dict.fromkeys(found['remove'], False),
                         **found['set']}
                same = {'cpu': cpu_option(found['name'], props),
                        'machine': found['machine-type']}
                answers = batch([{'verb': 'compare', **host, **more,
                                  'cpus': cpus} for cpus in
                                 ([cpu, same], [same, cpu])], MODELS)
                self.assertEqual([a['status'] for a in answers], [0, 0],
                                 (found, answers))

    def test_passthrough(self):
        """Only the host knows what hv-passthrough turns on"""
        cpu = 'Haswell,hv-passthrough=on'
        for verb, accel, cpus in (
                ('nearest', 'tcg', {'cpu': cpu}),
                ('baseline', 'kvm', {'cpus': [cpu], 'vendor': 'GenuineIntel'}),
                ('compare', 'tcg', {'cpus': ['Haswell', cpu]})):
            answer, = batch([{'verb': verb, 'accel': accel, **cpus}], MODELS)
            self.assertEqual(answer['status'], 3, answer)
            self.assertIn('hv-passthrough turns on what the host has',
                          answer['error'])

    def test_custom(self):
        """A complete one is as good as base"""
        base, = batch([{'verb': 'expand', 'cpu': 'EPYC', 'accel': 'tcg'}],
                      MODELS)
        text = run(['expand', 'EPYC', '--accel', 'tcg'], [MODELS],
                   status=0).stdout.strip()
        custom, = batch([{'verb': 'expand', 'accel': 'tcg',
                          'cpu': text.replace('base,', 'custom,', 1)}], MODELS)
        self.assertEqual(custom.get('model'), base['model'], custom)

    def test_memory(self):
        """Passports in requests do not stay"""
        host = passports.passport('intel-haswell')

        def peak(number):
            line = json.dumps({'verb': 'check', 'cpu': 'EPYC', 'host': host})
            with subprocess.Popen(
                    [os.path.join(programs(), 'answer'), '--batch',
                     f'--models={MODELS}'], stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL, encoding='utf-8') as process:
                for _ in range(number):
                    process.stdin.write(line + '\n')
                process.stdin.close()
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = status
            self.assertEqual(status, 0)
            return usage.ru_maxrss

        # 100 KB each, if they did
        self.assertLess(peak(400), peak(40) + 8000)

    def test_new_passport(self):
        """A file that was written again is read again"""
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'host.json')
            request = json.dumps({'verb': 'check', 'host': path,
                                  'cpu': 'Haswell-noTSX,-ss'}) + '\n'
            passports.write(passports.passport('intel-haswell'), path)
            with subprocess.Popen(
                    [os.path.join(programs(), 'answer'), '--batch',
                     f'--models={MODELS}'], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, encoding='utf-8') as process:
                runs = []
                for name in 'intel-haswell', 'amd-opteron':
                    passports.write(passports.passport(name), path + '.new')
                    os.replace(path + '.new', path)
                    process.stdin.write(request)
                    process.stdin.flush()
                    runs.append(json.loads(process.stdout.readline())['runs'])
                process.stdin.close()
        self.assertEqual(runs, [True, False])

    def test_odd_passports(self):
        """A file and a request, by different readers, are the same"""
        host = passports.passport('intel-haswell')
        for odd, good in [
                ((1 << 63) - 1, True), (-(1 << 63), True), (1 << 63, False),
                (-(1 << 63) - 1, False), (1.5, False), ('\x0118', True),
                ('\x7f\xe9\u2028\U0001f600', True), ('\0', False),
                ('\ud800', False), ({'': [], 'b': {}, 'a': None}, True),
                (json.loads('[' * 90 + ']' * 90), True),
                (json.loads('[' * 150 + ']' * 150), False)]:
            with self.subTest(odd), tempfile.TemporaryDirectory() as tmp:
                path = os.path.join(tmp, 'host')
                # Half a character is not in a text to be digested.
                broken = odd == '\ud800'
                changed = passports.sealed(
                    {**host, 'later': '' if broken else odd})
                if broken:
                    changed['later'] = odd
                passports.write(changed, path)
                request = {'verb': 'check', 'cpu': 'Haswell'}
                of_file, = batch([{**request, 'host': path}], MODELS)
                self.assertEqual('error' not in of_file, good, of_file)
                if good:
                    of_request, = batch([{**request, 'host': changed}], MODELS)
                    self.assertEqual(of_file, of_request)

    def test_power_management(self):
        """QEMU does not start with cpu-pm where KVM can't let guests wait"""
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'host.json')
            passports.write(passports.passport('intel-haswell'), path)
            for arguments in (['check', 'Nehalem-v1', '--host', path],
                              ['migrate', 'Nehalem-v1', '--from', path, '--to',
                               path], ['best', path], ['fleet', path]):
                run(arguments, [MODELS], status=0)
                done = run([*arguments, '--cpu-pm', '--json'], [MODELS])
                self.assertIn(done.returncode, (1, 2), arguments)
                self.assertIn("KVM there can't let guests wait",
                              done.stdout + done.stderr)

    def test_unwritable(self):
        """A full disk is status 1, and said so"""
        for arguments, text in [(['list'], ''), (['list', '--json'], ''),
                                (['show', '--help'], ''),
                                (['show', 'EPYC,+sse3'], ''),
                                # Their notes go to stderr.
                                (['expand', 'EPYC,+sse3'], ''),
                                (['baseline', 'EPYC,+sse3', 'EPYC'], ''),
                                (['history', '--feature=sse3',
                                  '--model=EPYC'], ''),
                                (['--batch'], '{"verb": "list"}\n')]:
            with open('/dev/full', 'w', encoding='utf-8') as full:
                done = subprocess.run(
                    [os.path.join(programs(), 'answer'), *arguments,
                     f'--models={MODELS}'], input=text, stdout=full,
                    stderr=subprocess.PIPE, encoding='utf-8', check=False)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertEqual(done.stderr, 'error: cannot write the output: '
                             'No space left on device\n', arguments)

    def test_terminal_limit(self):
        """A program that hangs does not hang the suite"""
        # The second one has no terminal any more.
        for script, error in [
                ('exec sleep 60', TimeoutError),
                ('exec sleep 60 >&2', subprocess.TimeoutExpired)]:
            begun = time.monotonic()
            with self.assertRaises(error):
                run_on_terminal(['sh', '-c', script], COLUMNS, limit=1)
            self.assertLess(time.monotonic() - begun, 30)

    def test_unreadable(self):
        """Requests that can't be read are an error, and not the answers'"""
        directory = os.open('/', os.O_RDONLY)
        done = subprocess.run(
            [os.path.join(programs(), 'answer'), '--batch',
             f'--models={MODELS}'], stdin=directory, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, encoding='utf-8', check=False)
        os.close(directory)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (2, '', 'error: cannot read the requests: Is a '
                          'directory\n'))

    def test_vendors(self):
        """What depends on the host's vendor has an answer for each"""
        answer, same = batch([
            {'verb': 'baseline', 'cpus': ['EPYC', 'EPYC-Rome']},
            {'verb': 'compare', 'cpus': ['EPYC', 'EPYC-Rome']}], MODELS)
        self.assertEqual(answer['status'], 3)
        for vendor, one in answer['by-vendor'].items():
            self.assertEqual(one['model']['props']['vendor'], vendor)
            known, = batch([{'verb': 'baseline', 'vendor': vendor,
                             'cpus': ['EPYC', 'EPYC-Rome']}], MODELS)
            self.assertEqual(known['model'], one['model'])
        # Both have the same one, whichever that is.
        self.assertEqual(same['status'], 0)
        self.assertEqual(same['result'], 'subset')

    def test_host_values(self):
        """Only what a CPU takes from the host is unknown without it"""
        old, new, known = batch([
            {'verb': 'expand', 'cpu': 'EPYC,vendor=AuthenticAMD',
             'machine': 'pc-q35-8.0'},
            {'verb': 'expand', 'cpu': 'EPYC'},
            {'verb': 'expand', 'cpu': 'EPYC', 'vendor': 'AuthenticAMD',
             'guest-phys-bits': 48}], MODELS)
        self.assertEqual((old['status'], old['unknown']), (0, []))
        self.assertEqual((new['status'], new['unknown']),
                         (3, ['guest-phys-bits', 'ucode-rev', 'vendor']))
        for name in new['unknown']:
            self.assertNotIn(name, new['model']['props'])
        self.assertEqual(known['status'], 0)
        self.assertEqual(set(known['model']['props']) -
                         set(new['model']['props']), set(new['unknown']))

    def test_unknown_bits(self):
        """Where the host decides about physical bits, nobody makes them up"""
        host = 'Haswell,host-phys-bits=on'
        limited = f'{host},host-phys-bits-limit=40'
        genoa = ['EPYC-Genoa,phys-bits=52', 'EPYC-Genoa,phys-bits=50']
        intel = {'vendor': 'GenuineIntel'}
        bits = ['guest-phys-bits', 'phys-bits']
        for request, found in [
                ({'verb': 'nearest', 'cpu': host}, ['phys-bits']),
                ({'verb': 'nearest', 'cpu': host, 'phys-bits': 39}, None),
                ({'verb': 'nearest', 'cpu': 'Haswell,guest-phys-bits=36',
                  **intel}, None),
                ({'verb': 'nearest', 'cpu': 'Haswell', **intel}, None),
                ({'verb': 'baseline', 'cpus': [host], **intel}, bits),
                ({'verb': 'baseline', 'cpus': [host], 'phys-bits': 39,
                  **intel}, bits[:1]),
                ({'verb': 'baseline', 'cpus': genoa, 'vendor':
                  'AuthenticAMD'}, bits[:1]),
                ({'verb': 'compare', 'cpus': [host, limited],
                  'guest-phys-bits': 0}, 'give that of the host with --phys-'),
                ({'verb': 'compare', 'cpus': ['EPYC', 'EPYC,phys-bits=46']},
                 None),
                ({'verb': 'compare', 'cpus': ['EPYC,-lm', 'EPYC']}, None)]:
            with self.subTest(request):
                answer, = batch([request], MODELS)
                if isinstance(found, str):
                    self.assertIn(found, answer['error'])
                else:
                    self.assertEqual(answer.get('unknown'), found)
                    props = answer.get('set') or answer.get(
                        'model', {'props': {}})['props']
                    self.assertFalse(set(props) & set(found or ()))
                # guest-phys-bits make no CPUs incompatible.
                self.assertEqual(answer['status'],
                                 3 if found and found != bits[:1] else 0)
        known, = batch([{'verb': 'compare', 'cpus': [host, limited],
                         'phys-bits': 46, 'guest-phys-bits': 0}], MODELS)
        self.assertEqual(known['result'], 'superset')

    def test_help(self):
        """What verbs take, and what they say that helps, is true"""
        for verb, accelerators in (
                ('history', 'tcg|kvm-intel|kvm-amd|kvm'), ('fleet', 'kvm'),
                ('migrate', 'kvm'), ('show', 'kvm|tcg')):
            text = run([verb, '--help'], [], status=0).stdout
            self.assertIn(f'  --accel {accelerators} ', text)
        for verb in ('best', 'check'):
            self.assertIn('tcg: with --qemu only',
                          run([verb, '--help'], [], status=0).stdout)
        done = run(['baseline', 'EPYC'], [MODELS], status=3)
        self.assertIn('--vendor', done.stdout)
        self.assertNotIn('--host', done.stdout)
        self.assertIn('or --host', run(['show', 'EPYC'], [MODELS]).stdout)

    def test_static(self):
        """If it works: never with a sanitizer, wherever make is told of it"""
        with tempfile.TemporaryDirectory(prefix='a static ') as tmp:
            # Without the library, it prints the name alone.
            works = all('/' in subprocess.run(
                [*CC, f'-print-file-name={name}.a'], stdout=subprocess.PIPE,
                encoding='utf-8', check=True).stdout
                        for name in ('libc', 'libjansson'))
            # Where the probe is, which leaves nothing
            env = {**os.environ, 'TMPDIR': tmp}
            command = ['make', '-n', '-C', TOOL, 'OUT=none', 'V=1']
            for more, static in [(['STATIC=1'], True), (['STATIC='], False),
                                 ([], works), (['CFLAGS=-MMD'], works),
                                 (['CC=gcc -fsanitize=address'], False),
                                 (['CFLAGS=-fsanitize=address'], False),
                                 (['LDFLAGS=-fsanitize=address'], False)]:
                with self.subTest(more):
                    done = subprocess.run(
                        [*command, *more], stdout=subprocess.PIPE,
                        env=env, encoding='utf-8', check=True)
                    self.assertEqual(' -static ' in done.stdout, static)
            self.assertEqual(os.listdir(tmp), [])

    def test_objects(self):
        """Made again with other flags only; clean removes nothing else"""
        with tempfile.TemporaryDirectory() as tmp:
            crc = os.path.join(tmp, 'objects', 'crc32.o')
            mine = os.path.join(tmp, 'objects', 'mine')

            def make(*arguments):
                subprocess.run(['make', '-s', '-C', TOOL, f'OUT={tmp}',
                                *arguments], check=True)
                return os.path.exists(crc) and os.stat(crc).st_mtime_ns

            first = make('CFLAGS=-O1', crc)
            self.assertTrue(first)
            self.assertEqual(make('CFLAGS=-O1', crc), first)
            other = make("CFLAGS=-O1 -DTEXT='\"a b\"'", crc)
            self.assertNotEqual(other, first)
            self.assertEqual(make("CFLAGS=-O1 -DTEXT='\"a b\"'", crc), other)
            with open(mine, 'wb'):
                pass
            self.assertFalse(make('clean'))
            self.assertTrue(os.path.exists(mine))
            os.unlink(mine)
            make('clean')
            self.assertEqual(os.listdir(tmp), [])

    def test_names(self):
        """Each verb has a link, and --help with the summary of x86-cpu's"""
        with open(os.path.join(TOOL, 'Makefile'), encoding='utf-8') as f:
            verbs = re.search(r'^VERBS = (.*?)$', f.read().replace(
                '\\\n', ''), re.M)[1].split()
        summaries = dict(re.findall(r'^  ([a-z]+) +(.+)$', subprocess.run(
            [os.path.join(REPO, 'scripts', 'x86-cpu'), '--help'],
            stdout=subprocess.PIPE, encoding='utf-8', check=True).stdout, re.M))
        with open(os.path.join(TOOL, 'all-verbs.c'), encoding='utf-8') as f:
            table = f.read().split('const Verb verbs[]')[1]
        self.assertEqual(sorted(verbs), sorted(re.findall(
            r'^ +\.name = "([a-z]+)",', table, re.M)))
        for verb in verbs:
            link = os.path.join(programs(), verb)
            done = subprocess.run([link, '--help'], stdout=subprocess.PIPE,
                                  encoding='utf-8', check=True)
            self.assertTrue(done.stdout.startswith(
                f'usage: x86-cpu {verb} [OPTION...]'))
            self.assertEqual(done.stdout.split('\n\n')[1], summaries[verb])
            for line in done.stdout.splitlines():
                self.assertLessEqual(len(line), COLUMNS, line)


if __name__ == '__main__':
    unittest.main(verbosity=2)
