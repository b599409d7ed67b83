# SPDX-License-Identifier: GPL-2.0-or-later
"""
scripts/x86-cpu, and what is the same in all of its verbs.

Is the CPU of a guest that does not start taken as it was pasted, by any of
the names that features have?  Is the verdict told, and the exit status?
What of stock QEMU, a full disk, Ctrl-C, a narrow terminal?
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(REPO, 'tests'), os.path.join(REPO, 'scripts')]

from bad_input import check_refused, run_main  # noqa: E402
from schemas import check_schema  # noqa: E402
from script_module import load_script  # noqa: E402
from terminal import run_on_terminal  # noqa: E402
from x86_cpu_errors import TRACEBACK, Failure  # noqa: E402
from x86_cpu_names import Names, understand  # noqa: E402
from x86_cpu_qmp import Qemu  # noqa: E402

SCRIPTS = os.path.join(REPO, 'scripts')
FRONT = os.path.join(SCRIPTS, 'x86-cpu')
STOCK = os.path.join(HERE, 'stock_qemu_fake.py')
QEMU = os.environ['QTEST_QEMU_BINARY']
LINE = os.environ['LINE']

# What every verb is asked in the tests of what is the same in all of them
QUESTIONS = {
    'removed': ['--qemu', QEMU, '--accel', 'tcg', '--cpu', 'qemu64'],
    'dump': ['--qemu', QEMU, '--accel', 'tcg', '--cpu', 'qemu64'],
    'cpuid': ['--qemu', QEMU, '--accel', 'tcg', '--cpu', 'qemu64'],
    'table': ['--qemu', QEMU],
    'golden': ['check', '--qemu', QEMU, '--accel', 'tcg'],
}


def x86_cpu(*args, front=FRONT, stdin='', stdout=subprocess.PIPE, env=None):
    return subprocess.run([front, *args], input=stdin, stdout=stdout,
                          stderr=subprocess.PIPE, text=True, timeout=120,
                          check=False, env=env)


def ask(verb, *args, **kwargs):
    """Asks our QEMU, under TCG."""
    return x86_cpu(verb, '--qemu', QEMU, '--accel', 'tcg', *args, **kwargs)


def answer(*args, **kwargs):
    """Returns the JSON of x86-cpu removed."""
    return json.loads(ask('removed', '--json', *args, **kwargs).stdout)


def heed_interrupts():
    """A test run in the background ignores them, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def name_of(pid):
    """Returns the name of a process's program, or ''."""
    try:
        with open(f'/proc/{pid}/comm', encoding='utf-8',
                  errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def group(pgid):
    """Returns the processes of a process group."""
    found = []
    for name in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/stat', encoding='utf-8',
                      errors='replace') as f:
                # Behind the name of the program: state, parent, group
                fields = f.read().rpartition(')')[2].split()
        except OSError:
            continue
        if fields[0] != 'Z' and int(fields[2]) == pgid:
            found.append(int(name))
    return found


class Front(unittest.TestCase):
    """The dispatcher"""

    def test_verbs(self):
        """Each says what it is for, and so does --help of all"""
        text = x86_cpu('--help').stdout
        for verb in QUESTIONS:
            self.assertRegex(text, rf'(?m)^  {verb}  ')
            done = x86_cpu(verb, '--help')
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            for words in ('usage: ', '\nexit status:\n  0    ',
                          '\n  2    error\n'):
                self.assertIn(words, done.stdout)

    def test_options(self):
        """--help names options only of verbs that have them"""
        text = x86_cpu('--help').stdout
        for title, verbs in [
                ('verbs that ask a QEMU', QUESTIONS),
                ('removed, dump and cpuid', ['removed', 'dump', 'cpuid'])]:
            part = text.partition(f'\noptions of {title}:\n')[2]
            options = re.findall('--[a-z]+', re.sub(
                r'\(.*?\)', '', part.partition('\n\n')[0], flags=re.DOTALL))
            self.assertGreater(len(options), 2)
            for verb in verbs:
                told = x86_cpu(verb, '--help').stdout
                for option in options:
                    self.assertRegex(told, rf'(?m)^ +(-., )?{option}\b',
                                     f'{verb} {option}')

    def test_old_names(self):
        for verb, name in [('removed', 'x86-cpu-removed'),
                           ('dump', 'x86-cpu-model-dump')]:
            self.assertEqual(
                x86_cpu(*QUESTIONS[verb],
                        front=os.path.join(SCRIPTS, name)).stdout,
                x86_cpu(verb, *QUESTIONS[verb]).stdout)

    def test_errors(self):
        for args, message in [
                ([], 'name a verb: x86-cpu VERB [OPTION...] (see --help)'),
                ([''], 'name a verb: x86-cpu VERB [OPTION...] (see --help)'),
                (['--cpu'], "the verb comes first, not '--cpu' (see --help)"),
                (['remove'], "unknown verb 'remove'; use one of cpuid, dump, "
                             'golden, removed, table'),
                (['a\nb/../removed'],
                 "unknown verb 'a?b/../removed'; use one of cpuid, dump, "
                 'golden, removed, table')]:
            # Without verbs that were built
            done = x86_cpu(*args, env={**os.environ, 'BUILD': '/nonexistent'})
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (2, '', f'error: {message}\n'))

    def test_not_built(self):
        """A verb of --help whose program is missing is not unknown"""
        verbs = re.findall('(?m)^  ([a-z]+)  ', x86_cpu('--help').stdout)
        scripts = [verb for verb in verbs if verb in QUESTIONS]
        self.assertEqual(sorted(scripts), sorted(QUESTIONS))
        programs = [verb for verb in verbs if verb not in QUESTIONS]
        self.assertLessEqual({'list', 'check', 'host'}, {*programs})
        env = {**os.environ, 'BUILD': '/nonexistent'}
        with tempfile.TemporaryDirectory() as tmp:
            for name in 'bin', 'libexec/x86-cpu':
                os.makedirs(os.path.join(tmp, name))
            installed = shutil.copy(FRONT, os.path.join(tmp, 'bin'))
            for verb in programs:
                done = x86_cpu(verb, '--json', env=env)
                self.assertEqual(
                    (done.returncode, done.stdout, done.stderr),
                    (2, '', f"error: verb '{verb}' is not built; run make "
                            f'(no program /nonexistent/tool/{verb})\n'))
                done = x86_cpu(verb, front=installed, env=env)
                self.assertEqual(
                    (done.returncode, done.stdout, done.stderr),
                    (2, '', f"error: verb '{verb}' is not installed (no "
                            f'program {tmp}/bin/../libexec/x86-cpu/{verb})\n'))
        long = '/nonexistent' * 300
        done = x86_cpu('list', env={**os.environ, 'BUILD': long})
        self.assertEqual(done.stderr, "error: verb 'list' is not built; run "
                                      f'make (no program {long}/tool/list)\n')

    def test_version(self):
        with open(os.path.join(REPO, 'VERSION'), encoding='ascii') as f:
            version = f.read().strip()
        # Nothing else is started.
        done = x86_cpu('--version',
                       env={**os.environ, 'PATH': '/nonexistent'})
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, f'x86-cpu version {version}\n', ''))
        self.assertIn('x86-cpu --version\n', x86_cpu('--help').stdout)
        for option, junk, shown, where in [
                ('--version', 'junk', 'junk', '--help'),
                ('--help', 'show', 'show', 'x86-cpu VERB --help'),
                ('help', '\u00e9' * 31, '?' * 60, 'x86-cpu VERB --help')]:
            done = x86_cpu(option, junk)
            self.assertEqual(
                (done.returncode, done.stdout, done.stderr),
                (2, '', f"error: {option} takes no arguments, not '{shown}' "
                        f'(see {where})\n'))
        with open('/dev/full', 'w', encoding='ascii') as full:
            done = x86_cpu('--version', stdout=full)
        self.assertEqual((done.returncode, done.stderr),
                         (1, 'error: cannot write the output\n'))

    def test_starts_nothing_else(self):
        """That would take longer than most answers"""
        done = x86_cpu('removed', '--help',
                       env={**os.environ, 'PATH': '/nonexistent'})
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn('usage: x86-cpu-removed ', done.stdout)

    def test_arguments_are_passed_as_they_are(self):
        done = ask('removed', '--cpu', 'qemu64,model-id=a "b" $(c) *')
        self.assertIn('qemu64,model-id=a "b" $(c) * on ', done.stdout)


class Pasted(unittest.TestCase):
    """The CPU of a guest that does not start, by any names"""

    def test_enforce(self):
        """As in the command line of a guest that enforce=on stopped"""
        for cpu in ('EPYC,+avx512f,enforce=on', 'EPYC,+avx512f,check=off',
                    'EPYC,enforce,+avx512f', 'EPYC,+enforce,+avx512f,check',
                    'EPYC,enforce=on,enforce-report=json,+avx512f',
                    'EPYC,+avx512f,enforce_report=json,enforce=on'):
            with self.subTest(cpu):
                found = answer('--cpu', cpu)
                entry = [r for r in found['removed-features']
                         if r['feature'] == 'avx512f']
                self.assertEqual(entry[0]['requested-by'], 'user')
                self.assertEqual(found['model'], cpu)
                options = [o for o in cpu.split(',')
                           if re.search('enforce|check', o)]
                self.assertEqual(found['notes'], [
                    f'{o} is left out: it decides whether the guest starts, '
                    'not what the CPU is' for o in options])
                dump = ask('dump', '--cpu', cpu, '--format', 'cpu')
                self.assertEqual(dump.returncode, 0, dump.stderr)
                self.assertIn(f'note: {options[0]} is left out', dump.stderr)
                self.assertIn(',avx512f=on,', dump.stdout)

    def test_refused_enforce(self):
        """A value that QEMU refuses is not an answer about the CPU"""
        on_off = 'use on or off'
        report = 'use text or json'
        for option, name, value, use in (
                ('enforce=banana', 'enforce', 'banana', on_off),
                ('enforce=', 'enforce', '', on_off),
                ('check=', 'check', '', on_off),
                ('check=ON', 'check', 'ON', on_off),
                ('enforce=on,,x', 'enforce', 'on,x', on_off),
                ('enforce=banana,enforce=off', 'enforce', 'banana', on_off),
                ('enforce=off,enforce=1', 'enforce', '1', on_off),
                ('enforce-report=xml', 'enforce-report', 'xml', report),
                ('enforce_report=', 'enforce_report', '', report),
                ('enforce-report', 'enforce-report', 'on', report),
                ('-enforce-report', 'enforce-report', 'off', report)):
            message = f"error: {name} of a CPU cannot be '{value}'; {use}\n"
            for verb, *more in (('removed', '--check'), ('dump',),
                                ('cpuid',)):
                with self.subTest(option, verb=verb):
                    done = ask(verb, *more, '--cpu', f'qemu64,{option}')
                    self.assertEqual(
                        (done.returncode, done.stdout, done.stderr),
                        (2, '', message))
        # This is the name of a property, to QEMU.
        done = ask('removed', '--check', '--cpu', 'qemu64,+check=on')
        self.assertRegex(done.stderr, '^error: unknown CPU feature or '
                                      "property 'check=on'; ")
        self.assertEqual(done.returncode, 2)
        with Qemu(QEMU, ['-machine', 'none']) as q:
            names = Names(q.features())
        for value in 'on', 'yes', 'true', 'y', 'off', 'no', 'false', 'n':
            cpu, notes = understand(f'qemu64,enforce={value}', names)
            self.assertEqual((cpu, len(notes)), ('qemu64', 1))

    def test_names(self):
        """QEMU's aliases, libvirt's names and those of /proc/cpuinfo"""
        found = answer('--cpu', 'base,+fpu,+sse3,lahf_lm=on,+nonstop_tsc,'
                                '+pclmuldq,rdpid=on,model-id=a,,+b')
        self.assertEqual(found['notes'], [
            'sse3 is pni', 'lahf_lm is lahf-lm', 'nonstop_tsc is invtsc',
            'pclmuldq is pclmulqdq'])
        self.assertLessEqual({'pni', 'lahf-lm', 'fpu', 'pclmulqdq', 'rdpid'},
                             {*found['features']})
        self.assertIn('invtsc', [r['feature'] for r in
                                 found['removed-features']])
        table = ask('removed', '--cpu', 'base,+sse3').stdout
        self.assertIn('\nnote: sse3 is pni\n', table)
        dump = ask('dump', '--cpu', 'base,-nonstop_tsc,+sse3', '--format',
                   'cpu')
        self.assertEqual(dump.stderr, 'note: nonstop_tsc is invtsc\n'
                                      'note: sse3 is pni\n')
        self.assertIn(',pni=on,', dump.stdout)

    def test_every_name(self):
        """All are found; those of several features are refused"""
        with Qemu(QEMU, ['-machine', 'none']) as q:
            features = q.features()
            known = {p['name'] for p in q.cmd('device-list-properties',
                                              typename='EPYC-x86_64-cpu')}
        canonical = {f['name'] for f in features}
        names = Names(features)
        for f in features:
            for alias in f['aliases']:
                self.assertEqual(names.find(alias), f['name'])
            if f.get('libvirt', f['name']) not in canonical:
                self.assertEqual(names.find(f['libvirt']), f['name'])
        # A property that is not a feature is not taken for one.
        for name in known - canonical:
            found = Names(features).find(name)
            self.assertTrue(found is None or name in [
                a for f in features if f['name'] == found
                for a in f['aliases']], name)

    def test_dashes(self):
        """As in -cpu, "_" is only the same as "-" before a value"""
        names = Names([{'name': 'invtsc', 'cpuinfo': ['constant_tsc']},
                       {'name': 'tsc-scale', 'aliases': ['tsc_s']}])
        for option, taken in [
                ('constant-tsc=on', 'invtsc=on'), ('+constant-tsc', None),
                ('constant_tsc=on', 'invtsc=on'), ('+constant_tsc', '+invtsc'),
                ('tsc_scale=on', 'tsc-scale=on'), ('-tsc_scale', None),
                ('tsc-s=off', 'tsc-scale=off'), ('-tsc_s', '-tsc-scale')]:
            self.assertEqual(understand(f'qemu64,{option}', names)[0],
                             f'qemu64,{taken or option}')

    def test_name_of_many(self):
        names = Names([{'name': name, 'cpuinfo': ['x']} for name in 'abcd'])
        with self.assertRaisesRegex(
                Failure, "^feature 'x' is a, b, c or d in QEMU; name one of"):
            names.find('x')

    def test_unknown(self):
        for verb in 'removed', 'dump':
            for option, message in [
                    ('+avx51f', "unknown CPU feature or property 'avx51f'; "
                     r'did you mean avx512f, avx512pf or avx512ifma\?'),
                    ('physbits=40', 'unknown CPU feature or property '
                     "'physbits'; did you mean phys-bits.*"),
                    ('+ibrs_enhanced', "feature 'ibrs_enhanced' is "
                     'auto-ibrs or ibrs-all in QEMU; name one of them'),
                    # Nor is that suggested.
                    ('+ibrs-enhanced', 'unknown CPU feature or property '
                     "'ibrs-enhanced'; did you mean auto-ibrs or "
                     r'ibrs-all\?'),
                    ('xyzzy=on', "unknown CPU feature or property 'xyzzy'; '.* "
                     "-device qemu64-x86_64-cpu,help' lists all")]:
                done = ask(verb, '--cpu', f'qemu64,{option}')
                self.assertRegex(done.stderr, f'^error: {message}\n$')
                self.assertEqual((done.returncode, done.stdout), (2, ''))

    def test_property_without_a_type(self):
        """device-list-properties leaves it out, and it is one"""
        self.assertTrue(answer('--cpu', 'base,legacy-cache=off')['features']
                        == [])

    def test_libvirt(self):
        """As x86-cpu dump takes it"""
        xml = ("<domain type='qemu'><os><type arch='x86_64' "
               "machine='pc-i440fx-9.0'>hvm</type></os><cpu>"
               "<model>EPYC</model><feature name='avx512f'/></cpu></domain>")
        done = x86_cpu('removed', '--qemu', QEMU, '--json', '--libvirt', '-',
                       stdin=xml)
        found = json.loads(done.stdout)
        self.assertEqual((found['machine'], found['accel']),
                         ('pc-i440fx-9.0', 'tcg'))
        self.assertTrue(found['model'].startswith('EPYC,avx512f=on'))
        self.assertIn('avx512f', [r['feature'] for r in
                                  found['removed-features']])

    def test_enforce_of_a_global(self):
        """As in a <qemu:commandline>; without it, QEMU says what is missing"""
        args = ['-cpu', 'EPYC,+avx512f', '-global',
                'EPYC-x86_64-cpu.enforce=on', '-global',
                'EPYC-x86_64-cpu.enforce-report=json', '-global',
                'EPYC-x86_64-cpu.check=off']
        xml = ("<qemu:commandline "
               "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>" +
               ''.join(f"<qemu:arg value='{arg}'/>" for arg in args) +
               '</qemu:commandline>')
        found = answer('--libvirt', '-', stdin=xml)
        self.assertIn('avx512f', [r['feature'] for r in
                                  found['removed-features']])
        self.assertEqual(found['notes'], [
            f'-global {text} is left out: it decides whether the guest '
            'starts, not what the CPU is' for text in args[3::2]])
        dump = ask('dump', '--libvirt', '-', '--format', 'cpu', stdin=xml)
        self.assertEqual(dump.returncode, 0, dump.stderr)
        self.assertIn(',avx512f=on,', dump.stdout)

    def test_refused_enforce_of_a_global(self):
        for text, message in (
                ('EPYC-x86_64-cpu.enforce=banana',
                 "enforce of a CPU cannot be 'banana'; use on or off"),
                ('driver=EPYC-x86_64-cpu,property=enforce-report,value=xml',
                 "enforce-report of a CPU cannot be 'xml'; use text or "
                 'json')):
            xml = ("<qemu:commandline "
                   "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
                   "<qemu:arg value='-cpu'/><qemu:arg value='EPYC'/>"
                   f"<qemu:arg value='-global'/><qemu:arg value='{text}'/>"
                   '</qemu:commandline>')
            done = ask('removed', '--check', '--libvirt', '-', stdin=xml)
            self.assertEqual((done.returncode, done.stderr),
                             (2, f'error: {message}\n'))
            # That of another CPU is never set.
            other = xml.replace('>EPYC<', '>qemu64<').replace("'EPYC'",
                                                              "'qemu64'")
            done = ask('removed', '--json', '--libvirt', '-', stdin=other)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_qmp(self):
        """A guest that runs, and goes on to"""
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'qmp')
            argv = [QEMU, '-S', '-display', 'none', '-machine', 'pc', '-accel',
                    'tcg', '-cpu', 'EPYC,+avx512f', '-monitor', 'stdio',
                    '-qmp', f'unix:{path},server=on,wait=off']
            with subprocess.Popen(argv, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL) as qemu:
                try:
                    # The prompt
                    qemu.stdout.read(4)
                    done = x86_cpu('removed', '--qmp', path, '--json')
                    silent = x86_cpu('removed', '--qmp', path, '--check')
                    self.assertIsNone(qemu.poll())
                finally:
                    qemu.kill()
        found = json.loads(done.stdout)
        asked = answer('--cpu', 'EPYC,+avx512f', '--machine', 'pc')
        for name in ('removed-features', 'features', 'machine', 'accel'):
            self.assertEqual(found[name], asked[name])
        self.assertEqual((silent.returncode, silent.stdout), (1, ''))

    def test_qmp_out_of_scope(self):
        """A guest with SEV: there is no verdict"""
        with tempfile.TemporaryDirectory() as tmp:
            path = os.path.join(tmp, 'qmp')
            argv = [QEMU, '-S', '-display', 'none', '-machine', 'pc', '-accel',
                    'tcg', '-qmp', 'stdio',
                    '-qmp', f'unix:{path},server=on,wait=off']
            # QEMU starts such a guest on few hosts.
            commands = [
                ('qmp_capabilities', {}),
                ('object-add', {'qom-type': 'sev-guest', 'id': 'sev0',
                                'cbitpos': 51, 'reduced-phys-bits': 1}),
                ('qom-set', {'path': '/machine', 'value': '/objects/sev0',
                             'property': 'confidential-guest-support'})]
            with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL) as qemu:
                try:
                    qemu.stdout.readline()
                    for name, arguments in commands:
                        print(json.dumps({'execute': name,
                                          'arguments': arguments}),
                              file=qemu.stdin, flush=True)
                        reply = json.loads(qemu.stdout.readline())
                        if name == 'object-add' and 'error' in reply:
                            self.skipTest('this QEMU has no SEV')
                        self.assertEqual(reply, {'return': {}})
                    told = [x86_cpu(verb, '--qmp', path)
                            for verb in ('removed', 'dump')]
                finally:
                    qemu.kill()
        for done in told:
            self.assertEqual((done.returncode, done.stdout), (2, ''))
            self.assertRegex(
                done.stderr, r'^error: the QEMU at \S+ cannot tell what its '
                             r'guest sees \(out-of-scope: confidential-guest'
                             r'\)\n$')

    def test_which(self):
        for args, message in [
                (['--cpu', 'max', '--qmp', 'x'],
                 'one of --cpu, --qmp and --libvirt is needed, not --cpu '
                 'and --qmp'),
                (['--qmp', 'x', '--smp', '2'],
                 '--smp cannot be used with --qmp: the guest has one already')]:
            done = x86_cpu('removed', *args)
            self.assertEqual(done.stderr, f'error: {message}\n')


class Verdict(unittest.TestCase):
    """Does it run here?"""

    def check_verdict(self, cpu, status, line):
        done = ask('removed', '--cpu', cpu)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stdout.partition('\n')[0], f'^{line}$')
        found = answer('--cpu', cpu)
        self.assertEqual(found['runs'], not status)
        check_schema('x86-cpu-removed', found)
        for args in ['--check'], ['--check', '--json']:
            done = ask('removed', '--cpu', cpu, *args)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (status, '', ''))
        done = ask('removed', '--cpu', cpu, '--exit-zero', '--check')
        self.assertEqual(done.returncode, 0)
        return found

    def test_yes(self):
        found = self.check_verdict('base,+fpu', 0, 'Runs here: yes')
        self.assertEqual(found['errors'], [])

    def test_not_blocking(self):
        """What enforce=on does not stop on keeps nobody from running"""
        found = self.check_verdict('Nehalem,-pcid', 0, 'Runs here: yes')
        self.assertTrue(found['removed-features'])

    def test_missing(self):
        found = self.check_verdict('EPYC,+avx512f', 1,
                                   'Runs here: no, [0-9]+ missing')
        self.assertIn(f"no, {found['blocking']} missing\n",
                      ask('removed', '--cpu', 'EPYC,+avx512f').stdout)

    def test_errors(self):
        """What refuses the start is listed, and so is all else"""
        found = self.check_verdict('base,phys-bits=20', 1,
                                   'Runs here: no, 1 error')
        self.assertEqual(found['errors'][0]['property'], 'phys-bits')
        self.assertIn('phys-bits=20: left out of all that follows',
                      found['notes'])
        found = self.check_verdict(
            'qemu64,phys-bits=20,legacy-cache=off,+avx512f', 1,
            'Runs here: no, 1 missing, 2 errors')
        self.assertEqual({e['property'] for e in found['errors']},
                         {'phys-bits', 'legacy-cache'})
        self.assertIn('phys-bits=20 and legacy-cache=off: left out of all '
                      'that follows', found['notes'])
        self.assertIn('phys-bits=20, phys_bits=19 and legacy-cache=off: left '
                      'out of all that follows', answer(
                          '--cpu', 'qemu64,phys-bits=20,phys_bits=19,'
                          'legacy-cache=off')['notes'])
        table = ask('removed', '--cpu', 'qemu64,phys_bits=20').stdout
        self.assertRegex(table, r'(?m)^  phys-bits +value +phys-bits should')

    def test_error(self):
        done = ask('removed', '--cpu', 'xyzzy', '--check')
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        self.assertIn("error: unknown CPU model 'xyzzy'", done.stderr)

    def test_check_has_no_default(self):
        """It prints nothing that would say which CPU it is about"""
        done = ask('removed', '--check')
        self.assertEqual(
            (done.returncode, done.stdout, done.stderr),
            (2, '', 'error: one of --cpu, --qmp and --libvirt is needed '
                    '(see --help)\n'))

    def test_many_are_counted(self):
        """75 features that need vmx are a line; --all names them"""
        cpu = ['--cpu', 'Skylake-Server-v4']
        table = ask('removed', *cpu).stdout
        gone = [r for r in answer(*cpu)['removed-features']
                if r['reason'] == 'dependency']
        self.assertIn(f'\n  {len(gone)} vmx-* features asked for by the model '
                      'need vmx, which is missing (--all lists them)\n',
                      table)
        self.assertNotIn('vmx-ept', table)
        everything = ask('removed', *cpu, '--all').stdout
        self.assertLessEqual({r['feature'] for r in gone},
                             {*everything.split()})

    def test_few_are_named(self):
        table = ask('removed', '--cpu', 'qemu64,+avx10').stdout
        self.assertNotIn('--all', table)


class Stock(unittest.TestCase):
    """A QEMU without CPU introspection: that is told before anything else"""

    def check_told(self, *args, name=STOCK, **kwargs):
        done = x86_cpu(*args, **kwargs)
        self.assertRegex(
            done.stderr, rf'^error: {re.escape(name)} (\(QEMU 10.0.1\) )?is '
                         'built without CPU introspection\n$')
        self.assertEqual((done.returncode, done.stdout), (2, ''))

    def test_all(self):
        for verb in 'removed', 'dump':
            for cpu in 'EPYC,+avx512f', 'xyzzy', 'EPYC,+avx51f':
                self.check_told(verb, '--qemu', STOCK, '--cpu', cpu)
            self.check_told(verb, '--qemu', STOCK, '--cpu', 'EPYC',
                            '--machine', 'xyzzy', '--accel', 'hvf')
            self.check_told(verb, '--qemu', STOCK, '--libvirt', '-',
                            stdin='<cpu><model>EPYC</model></cpu>')
        self.check_told('table', '--qemu', STOCK)
        self.check_told('golden', 'check', '--accel', 'tcg', '--qemu', STOCK)

    def test_running(self):
        for verb in ['removed'], ['dump'], ['table'], ['golden', 'check']:
            with tempfile.TemporaryDirectory() as tmp:
                path = os.path.join(tmp, 'qmp')
                with subprocess.Popen(
                        [STOCK, '-qmp', f'unix:{path}']) as process:
                    try:
                        while not os.path.exists(path):
                            time.sleep(0.02)
                        time.sleep(0.1)
                        self.check_told(*verb, '--qmp', path,
                                        name=f'the QEMU at {path}')
                    finally:
                        process.kill()


class Installed(unittest.TestCase):
    """As `make install` has it (tests/readme installs for real)"""

    def setUp(self):
        tmp = tempfile.TemporaryDirectory()
        self.addCleanup(tmp.cleanup)
        self.bin = os.path.join(tmp.name, 'bin')
        lib = os.path.join(tmp.name, 'share', 'qemu-cpu-introspection')
        verbs = os.path.join(tmp.name, 'libexec', 'x86-cpu')
        for name in (self.bin, lib, verbs):
            os.makedirs(name)
        shutil.copy(FRONT, self.bin)
        for name in os.listdir(SCRIPTS):
            if name.startswith(('x86-cpu-', 'x86_cpu_')):
                shutil.copy(os.path.join(SCRIPTS, name), lib)
        for verb in 'removed', 'dump':
            os.symlink(f'../../share/qemu-cpu-introspection/x86-cpu-{verb}',
                       os.path.join(verbs, verb))
        self.front = os.path.join(self.bin, 'x86-cpu')

    def test_asks_the_qemu_beside_it(self):
        os.symlink(STOCK, os.path.join(self.bin, 'qemu-system-x86_64'))
        for verb in 'removed', 'dump':
            done = x86_cpu(verb, '--cpu', 'EPYC', front=self.front)
            self.assertIn(f'{self.bin}/qemu-system-x86_64 (QEMU 10.0.1) is '
                          'built without', done.stderr)

    def test_or_that_of_the_system(self):
        path = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, path)
        os.symlink(STOCK, os.path.join(path, 'qemu-system-x86_64'))
        done = x86_cpu('removed', front=self.front, env={
            **os.environ, 'PATH': f'{path}:{os.environ["PATH"]}'})
        self.assertRegex(done.stderr, '^error: qemu-system-x86_64 ')

    def test_programs(self):
        """Of any language, and nothing else; older names are not listed"""
        libexec = os.path.join(os.path.dirname(self.bin), 'libexec',
                               'x86-cpu')
        for prefix in f'{libexec}/', f'{self.bin}/x86-cpu-':
            shutil.copy('/bin/echo', f'{prefix}compare')
            os.symlink(f'{prefix}compare', f'{prefix}older')
            os.symlink('/bin/echo', f'{prefix}linked')
            os.symlink('/nonexistent', f'{prefix}dangling')
            os.mkdir(f'{prefix}directory')
            shutil.copy('/bin/echo', f'{prefix}text')
            os.chmod(f'{prefix}text', 0o644)
            for verb in 'compare', 'older', 'linked':
                self.assertEqual(x86_cpu(verb, '--x', front=self.front).stdout,
                                 '--x\n')
            installed = ', dump' * (prefix == f'{libexec}/')
            more = ', removed' * (prefix == f'{libexec}/')
            for verb in 'nope', 'dangling', 'directory', 'text':
                done = x86_cpu(verb, front=self.front)
                self.assertEqual(
                    (done.returncode, done.stderr),
                    (2, f"error: unknown verb '{verb}'; use one of "
                        f'compare{installed}, linked{more}\n'))
            # In a checkout, verbs are next to it.
            shutil.rmtree(libexec, ignore_errors=True)

    def test_by_a_link(self):
        link = os.path.join(os.path.dirname(self.bin), 'link')
        os.symlink(self.front, link)
        done = x86_cpu('removed', '--help', front=link)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('usage: x86-cpu removed ', done.stdout)
        self.assertIn('\n  x86-cpu removed --cpu ', done.stdout)


class Streams(unittest.TestCase):
    """Terminals, full disks, libraries that are not there, and Ctrl-C"""

    def test_help_needs_no_library(self):
        with tempfile.TemporaryDirectory() as tmp:
            # One of this name that is nothing, wherever another one may be
            os.makedirs(os.path.join(tmp, 'qemu', 'qmp'))
            for name in 'qemu', 'qemu/qmp':
                with open(os.path.join(tmp, name, '__init__.py'), 'w',
                          encoding='ascii') as f:
                    f.write('raise ImportError("not here")\n'
                            if '/' in name else '')
            env = {**os.environ, 'PYTHONPATH': tmp}
            for verb in QUESTIONS:
                done = x86_cpu(verb, '--help', env=env)
                self.assertEqual((done.returncode, done.stderr), (0, ''))
            done = x86_cpu('removed', env=env)
            self.assertRegex(done.stderr, '^error: the Python library '
                                          'qemu.qmp is missing: .*\n$')
            self.assertEqual(done.returncode, 2)

    def test_full_disk(self):
        for args in [['--help'],
                     *([verb, '--help'] for verb in QUESTIONS),
                     *([verb, *QUESTIONS[verb]] for verb in
                       ('removed', 'dump', 'table'))]:
            with open('/dev/full', 'wb') as full:
                done = x86_cpu(*args, stdout=full)
            self.assertRegex(done.stderr, '^error: cannot write the output'
                                          '(: No space left on device)?\n$')
            self.assertEqual(done.returncode, 1, args)

    def test_reader_goes_away(self):
        """As with | head; golden is tested with its own QEMU"""
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, 'wb') as pipe:
            for verb in 'removed', 'dump', 'table':
                with self.subTest(verb):
                    done = x86_cpu(verb, *QUESTIONS[verb], stdout=pipe)
                    self.assertEqual((done.returncode, done.stderr),
                                     (-signal.SIGPIPE, ''))

    def redirected(self, redirection, *args):
        """Returns exit status, stdout and stderr."""
        done = subprocess.run(
            ['sh', '-c', f'{shlex.join([FRONT, *args])} {redirection}'],
            text=True, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def test_closed(self):
        """stdin, stdout or stderr is closed; golden has its own QEMU"""
        told = 'error: cannot write the output: stdout is closed\n'
        for verb, args in QUESTIONS.items():
            for given in [args] * (verb != 'golden') + [['--help']]:
                self.assertEqual(self.redirected('>&-', verb, *given),
                                 (1, '', told))
        # Nothing is to be written.
        ask_tcg = ['removed', '--qemu', QEMU, '--accel', 'tcg', '--check']
        for cpu, status in ('max', 0), ('EPYC,+avx512f', 1), ('xyzzy', 2):
            for redirection in '>&-', '>/dev/full', '<&- >&- 2>&-':
                with self.subTest(f'{cpu} {redirection}'):
                    self.assertEqual(self.redirected(
                        redirection, *ask_tcg, '--cpu', cpu)[0], status)
        self.assertEqual(
            self.redirected('<&-', *ask_tcg, '--libvirt', '-'),
            (2, '', "error: cannot read libvirt's XML: stdin is closed\n"))
        self.assertEqual(self.redirected('2>&-', 'removed', '--cpu', 'xyzzy'),
                         (2, '', ''))

    def test_stderr_cannot_be_written(self):
        """The exit status still tells"""
        for args in [[], ['xyzzy'], ['removed', '--bogus'],
                     ['removed', *QUESTIONS['removed'], '--cpu', 'EPYCC'],
                     ['golden', 'check', '--dir', '/nonexistent', '--line',
                      LINE]]:
            with self.subTest(args):
                self.assertEqual(self.redirected('2>/dev/full', *args),
                                 (2, '', ''))
        # Only a note is lost, that enforce is left out.
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, 'wb') as gone, open('/dev/full', 'wb') as full:
            for stderr in gone, full:
                done = subprocess.run(
                    [FRONT, 'dump', *QUESTIONS['dump'], '--cpu',
                     'qemu64,enforce', '--json'], stdout=subprocess.PIPE,
                    stderr=stderr, timeout=120, check=False)
                self.assertEqual(done.returncode, 0)
                self.assertTrue(json.loads(done.stdout)['notes'])

    def test_unexpected(self):
        """A bug is one line and an error, not the answer no"""
        script = load_script('x86-cpu-removed')
        for error in (IndexError('x\ny'), MemoryError(), RecursionError('x'),
                      OSError(28, 'No space'), KeyError('A' * 5000),
                      UnicodeEncodeError('utf-8', '\ud800', 0, 1, 'x')):
            with self.subTest(type(error)), mock.patch.object(
                    script, 'ask', side_effect=error):
                done = run_main(script)
                check_refused(self, done)
                self.assertIn(type(error).__name__, done.stderr)
                with mock.patch.dict(os.environ, {TRACEBACK: '1'}):
                    done = run_main(script)
                self.assertIn('Traceback', done.stderr)
                self.assertEqual(done.returncode, 2)
        # Not those that tell the user
        with mock.patch.object(script, 'ask', side_effect=Failure('x')):
            self.assertEqual(run_main(script).stderr, 'error: x\n')

    def test_interrupt(self):
        """Of all that a terminal's Ctrl-C reaches, QEMU among them"""
        for verb, args in QUESTIONS.items():
            for seconds in (0.6, 1.2):
                with self.subTest(f'{verb} after {seconds} s'), \
                        subprocess.Popen(
                            [FRONT, verb, *args], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True,
                            start_new_session=True,
                            preexec_fn=heed_interrupts) as process:
                    time.sleep(seconds)
                    try:
                        os.killpg(process.pid, signal.SIGINT)
                    except ProcessLookupError:
                        pass
                    stderr = process.communicate(timeout=60)[1]
                    self.assertNotIn('Traceback', stderr)
                    if process.returncode != 0:
                        self.assertIn(process.returncode,
                                      (130, -signal.SIGINT), stderr)
                        self.assertIn(stderr, ('error: interrupted\n', ''))

    def test_interrupt_in_the_middle(self):
        """It ends at once, and leaves no QEMU behind"""
        with subprocess.Popen(
                [FRONT, 'golden', *QUESTIONS['golden']],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                start_new_session=True,
                preexec_fn=heed_interrupts) as process:
            while process.poll() is None and not any(
                    name_of(pid).startswith('qemu-system')
                    for pid in group(process.pid)):
                time.sleep(0.05)
            time.sleep(0.1)
            # Only the script: it ends its QEMU itself.
            process.send_signal(signal.SIGINT)
            stderr = process.communicate(timeout=30)[1]
        # It may be hit at its start.
        self.assertIn((process.returncode, stderr),
                      ((130, 'error: interrupted\n'),
                       (-signal.SIGINT, '')))
        self.assertEqual(group(process.pid), [])

    def on_terminal(self, columns, *args):
        """Returns the lines that a terminal shows."""
        # make's BUILD is relative to the checkout; these tests run elsewhere.
        build = os.path.dirname(os.path.dirname(QEMU))
        status, text, stderr = run_on_terminal(
            [FRONT, *args], columns, env={**os.environ, 'BUILD': build})
        self.assertIn(status, (0, 1), (args, stderr))
        self.assertTrue(text, (args, status, stderr))
        return text.splitlines()

    def test_width(self):
        """As the terminal has it, 100 where there is none"""
        widths = [(70, 60, 70), (140, 110, 140), (0, 85, 100), (20, 50, 60)]
        for args, wanted in [
                (['removed', '--qemu', QEMU, '--accel', 'tcg', '--all'],
                 widths),
                (['list', '--qemu', QEMU], widths[:3]),
                (['dump', *QUESTIONS['dump']], widths[:1]),
                (['table', *QUESTIONS['table']], widths[:1])]:
            for columns, least, most in wanted:
                widest = max(map(len, self.on_terminal(columns, *args)))
                self.assertLessEqual(widest, most, args)
                self.assertGreaterEqual(widest, least, args)

    def test_options_are_not_broken(self):
        """A long -cpu is broken behind commas, not inside of 'off'"""
        cpu = 'EPYC,' + ','.join(f'{name}=off' for name in (
            'avx2', 'bmi1', 'bmi2', 'clflushopt', 'rdseed', 'sha-ni', 'smap',
            'smep', 'xsavec', 'adx', 'aes', 'arat', 'avx', 'cx16', 'f16c'))
        for args in (['removed'], ['dump'], ['dump', '--format', 'libvirt'],
                     ['dump', '--format', 'readconfig'],
                     ['dump', '--format', 'libvirt-qemu']):
            text = ask(*args, '--cpu', cpu).stdout
            self.assertIn(cpu.replace(',', ''), re.sub(
                r',|\n *(# )?', '', text.partition(' with TCG')[0]))
            head = [line for line in text.partition(' with TCG')[0]
                    .splitlines() if '=off' in line]
            self.assertGreater(len(head), 1)
            for line in head[:-1]:
                self.assertTrue(line.endswith(','), line)


if __name__ == '__main__':
    unittest.main()
