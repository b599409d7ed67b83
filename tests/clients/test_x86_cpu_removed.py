# SPDX-License-Identifier: GPL-2.0-or-later
"""
The main job, scripts/x86-cpu-removed: what a person and a program read.

That its answers are true is tested by the qtest and by guests; here it is
about names, errors, columns and JSON.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest')]

from bad_input import check_command_line  # noqa: E402
from made_hosts import no_kvm  # noqa: E402
from release_line import LINE, NEWEST, has_type  # noqa: E402
from schemas import check_json, check_schema  # noqa: E402
from script_module import load_script  # noqa: E402

SCRIPT = os.path.join(REPO, 'scripts', 'x86-cpu-removed')
QEMU = os.environ['QTEST_QEMU_BINARY']
# By line: what else is offered to who means Skylake-Server-v4, and to who
# means the newest machine type
NEAREST_MODELS, NEAREST_MACHINES = {
    '10.0': ('Skylake-Server-v5 or Skylake-Server-v3',
             'pc-q35-9.0 or pc-q35-8.0'),
    '11.1': ('Skylake-Server-v6 or Skylake-Server-v5',
             'pc-q35-11.0 or pc-q35-10.1')}[LINE]


def removed(*args, qemu=QEMU):
    return subprocess.run([SCRIPT, '--qemu', qemu, *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120, check=False)


def kvm_opens():
    return no_kvm() is None


class Answers(unittest.TestCase):
    def answer(self, *args):
        done = removed('--format', 'json', *args)
        self.assertEqual(done.stderr, '')
        answer = check_json(self, 'x86-cpu-removed', done.stdout)
        self.assertEqual(done.returncode, 0 if answer['runs'] else 1)
        self.assertEqual(
            answer['removed-features'],
            sorted(answer['removed-features'], key=lambda r: (
                r['feature'], r['reason'], json.dumps(r['places']))))
        self.assertEqual(answer['blocking'], sum(
            r['blocking'] for r in answer['removed-features']))
        self.assertEqual(answer['runs'], not (answer['blocking'] or
                                              answer['errors']))
        self.check_features(answer)
        return answer

    def check_features(self, answer):
        """The lists of features fit together"""
        features = answer['features']
        info = answer['feature-info']
        self.assertEqual(features, sorted(features))
        if 'x-force-features' not in answer['model']:
            self.assertFalse({r['feature'] for r in
                              answer['removed-features'] if r['blocking']}
                             & {*features})
        self.assertEqual(answer['unmigratable-features'],
                         [f for f in features if not info[f]['migratable']])
        named = {*features} | {
            r['feature'] for r in
            answer['removed-features'] + answer['added-features']
            if not re.match(r'(cpuid|msr)-[0-9a-f]+h-', r['feature'])
            and r.get('reason') != 'value'}
        self.assertEqual({*info}, named)

    def test_defaults_are_interesting(self):
        answer = self.answer()
        self.assertTrue(answer['removed-features'])
        self.assertEqual(answer['accel'], 'kvm' if kvm_opens() else 'tcg')
        self.assertTrue(answer['machine'].startswith('pc-q35-'))

    def test_tcg(self):
        answer = self.answer('--accel', 'tcg', '--machine', 'pc',
                             '--model', 'qemu64,+avx512f')
        self.assertTrue(answer['machine'].startswith('pc-i440fx-'))
        entry = {
            'feature': 'avx512f', 'reason': 'accelerator', 'blocking': True,
            'requested-by': 'user',
            'places': [{'cpuid': {'leaf': 7, 'subleaf': 0, 'register': 'EBX',
                                  'bit': 16}}]
        }
        self.assertIn(entry, answer['removed-features'])
        self.assertEqual(answer['feature-info']['avx512f'], {
            'description': 'AVX-512 Foundation', 'migratable': True})
        self.assertLessEqual({'fpu', 'lm', 'sse2'}, {*answer['features']})

    def test_features(self):
        """Exactly those that are asked for and can be had"""
        for model, features in [('base', []),
                                ('base,+sse2,+fpu,+avx512f', ['fpu', 'sse2'])]:
            answer = self.answer('--accel', 'tcg', '--model', model)
            self.assertEqual(answer['features'], features)
            self.assertEqual(answer['added-features'], [])

    def test_unmigratable(self):
        """invtsc: known to block migration, listed where the guest has it"""
        for options, names in [('+invtsc', []),
                               ('+invtsc,x-force-features=on', ['invtsc'])]:
            answer = self.answer('--accel', 'tcg', '--model',
                                 'qemu64,' + options)
            self.assertEqual(answer['unmigratable-features'], names)
            self.assertFalse(
                answer['feature-info']['invtsc']['migratable'])
            self.assertIn('tsc-frequency',
                          answer['feature-info']['invtsc']['note'])
            # It is KVM that would not let it go.
            self.assertEqual(answer['migration-blockers'], [])

    @unittest.skipUnless(kvm_opens(), '/dev/kvm does not open')
    def test_migration_blocked(self):
        args = ['--accel', 'kvm', '--model', 'qemu64,+invtsc']
        answer = self.answer(*args)
        table = removed(*args).stdout
        if 'invtsc' not in answer['features']:
            self.skipTest('KVM offers no invtsc here')
        self.assertRegex(' '.join(answer['migration-blockers']), 'invtsc')
        self.assertIn('The guest cannot migrate. QEMU says: '
                      + answer['migration-blockers'][0], table)
        self.assertRegex(table, r'(?m)^  invtsc  TSC of constant rate .*: ')

    def test_schema_holds(self):
        """Entries of every kind are as the schema has them"""
        reasons = set()
        for accel in ['tcg'] + ['kvm'] * kvm_opens():
            for model in ('EPYC-Genoa', 'GraniteRapids-v2', 'Opteron_G5',
                          'qemu64,xlevel=0x80000000'):
                answer = self.answer('--accel', accel, '--model', model)
                reasons |= {r['reason'] for r in answer['removed-features']}
        self.assertLessEqual({'accelerator', 'dependency', 'level', 'value'},
                             reasons)

    def test_machine(self):
        """Also as -machine has it in command lines of others"""
        for machine, found in (
                ('type=q35', NEWEST),
                ('type=q35,usb=off', NEWEST + ',usb=off'),
                ('usb=off,type=q35', NEWEST + ',usb=off'),
                ('pc,type=q35', NEWEST), ('accel=tcg', NEWEST),
                ('q35,accel=tcg,usb=off', NEWEST + ',usb=off'),
                ('q35,accel=hvf:tcg', NEWEST),
                ('q35,accel=hvf,accel=tcg', NEWEST)):
            with self.subTest(machine):
                accel = [] if 'accel' in machine else ['--accel', 'tcg']
                answer = self.answer('--machine', machine, *accel)
                self.assertEqual(answer['machine'], found)
                self.assertEqual(answer['accel'], 'tcg')
        either = ['--machine', 'q35,accel=kvm:tcg']
        self.assertEqual(self.answer(*either)['accel'],
                         'kvm' if kvm_opens() else 'tcg')
        self.assertEqual(self.answer(*either, '--accel', 'tcg')['accel'],
                         'tcg')

    def test_smp(self):
        done = removed('--accel', 'tcg', '--smp', '2,threads=2')
        self.assertEqual(done.returncode, 1, done.stderr)

    @unittest.skipUnless(kvm_opens(), '/dev/kvm does not open')
    def test_kernel_that_refuses_its_own_msr(self):
        """arch-capabilities under KVM: an answer, with a note if need be"""
        answer = self.answer('--accel', 'kvm', '--model',
                             'SapphireRapids-v1')
        with_note = 'arch-capabilities=off' in ' '.join(answer['notes'])
        raw = subprocess.run(
            [QEMU, '-S', '-display', 'none', '-nodefaults', '-monitor',
             'stdio', '-accel', 'kvm', '-cpu', 'SapphireRapids-v1'],
            input='quit\n', stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, text=True, timeout=60, check=False)
        self.assertEqual(with_note, raw.returncode != 0)
        self.assertEqual(with_note, 'arch-capabilities' in [
            e['property'] for e in answer['errors']])

    def test_two_names_of_a_property(self):
        """What refuses the start is told, whichever of them came first"""
        for names in ('sse3=on,pni=off', 'hv-apicv=off,hv-avic=on',
                      'avx2=on,f-avx2=off'):
            done = removed('--json', '--accel', 'tcg', '--model',
                           f'Haswell,{names},phys-bits=20')
            self.assertEqual(['phys-bits'], [
                e['property'] for e in json.loads(done.stdout)['errors']])

    def test_table_fits(self):
        for args in ([], ['--accel', 'tcg', '--model', 'GraniteRapids-v2'],
                     ['--accel', 'tcg', '--model', 'EPYC-Genoa'],
                     ['--accel', 'tcg', '--model', 'base'],
                     # Long names, and a long line of options
                     ['--accel', 'tcg', '--model', 'qemu64,+vmx-ept,+invtsc,'
                      '+vmx-invept-single-context-noglobals']):
            done = removed(*args)
            self.assertEqual(done.stderr, '')
            widest = max(done.stdout.splitlines(), key=len)
            self.assertLessEqual(len(widest), 100, widest)

    def test_table_says_it_all(self):
        """Every feature, place and reason of the JSON is in the table."""
        args = ['--accel', 'tcg', '--model', 'Skylake-Server-v4']
        table = removed(*args, '--all').stdout
        words = set(re.split(r'[\s,:;]+', table))
        for entry in self.answer(*args)['removed-features']:
            self.assertIn(entry['feature'], words)
            self.assertIn(entry['reason'], words)
        self.assertRegex(
            table, r'(?m)^  FEATURE +REASON +ASKED BY +WHERE IN CPUID +'
                   r'WHAT IT IS$')
        self.assertRegex(
            table, r'(?m)^  avx512f +accelerator +model +0x7 EBX bit 16 +'
                   r'AVX-512 Foundation$')
        self.assertRegex(table, r'(?m)^  dependency: needs vmx-ept; ')
        self.assertIn('\nNothing was added.\n', table)
        self.assertIn('\nNothing in this CPU keeps the guest from '
                      'migrating.\n', table)

    def test_table_has_guest_features(self):
        """After what is removed, which is the question"""
        args = ['--accel', 'tcg', '--model', 'Skylake-Server-v4']
        features = self.answer(*args)['features']
        head, _, tail = removed(*args).stdout.partition(
            f'\nThe guest gets these features ({len(features)}):\n')
        self.assertEqual(tail.partition('\n\n')[0].split(), features)
        self.assertIn(' missing; enforce=on would stop on these:\n', head)

    def test_below(self):
        """What a feature is stands below its row if there is no room"""
        table = removed('--accel', 'tcg', '--model', 'qemu64,+invtsc,'
                        '+vmx-invept-single-context-noglobals').stdout
        self.assertRegex(
            table, r'(?m)^  invtsc +accelerator +user +'
                   r'0x80000007 EDX bit 8\n'
                   r'      TSC of constant rate that never stops; '
                   r'blocks migration$')

    def test_requires(self):
        table = removed('--accel', 'tcg', '--model', 'qemu64,+vmx-vpid').stdout
        self.assertRegex(
            table, r'(?m)^  vmx-vpid +dependency +user +MSR 0x48b bit 37 +'
                   r'Virtual processor ids; needs vmx-secondary-ctls$')
        table = removed('--accel', 'tcg', '--model',
                        'qemu64,+avx10,+vmx-unrestricted-guest').stdout
        text = re.sub(r'\s+', ' ', table)
        self.assertIn('needs avx10-128 or avx10-256 or avx10-512 ', text)
        self.assertIn('needs vmx-secondary-ctls and vmx-ept ', text)
        # Both in one: no feature of this QEMU has it yet.
        self.assertEqual(
            load_script('x86-cpu-removed').requires_text(
                [['a', 'b'], ['c'], ['d', 'e']]),
            '(a or b) and c and (d or e)')

    def test_added(self):
        """What hardly any host shows; and one line for each place"""
        answer = self.answer('--accel', 'tcg', '--model', 'base,+fpu')
        answer['added-features'] = [
            {'feature': 'kvmclock', 'places': [
                {'cpuid': {'leaf': 0x40000001, 'subleaf': 0,
                           'register': 'EAX', 'bit': bit}}
                for bit in (0, 3)]},
            {'feature': 'msr-10ah-40', 'places': [{'msr': {
                'index': 0x10a, 'bit': 40}}]}]
        answer['feature-info']['kvmclock'] = {
            'description': 'Paravirtual clock', 'migratable': True}
        check_schema('x86-cpu-removed', answer)
        table = io.StringIO()
        with contextlib.redirect_stdout(table):
            load_script('x86-cpu-removed').print_table(answer)
        self.assertRegex(
            table.getvalue(),
            r'(?m)^2 added, although nobody requested them:\n'
            r'  FEATURE +WHERE IN CPUID +WHAT IT IS\n'
            r'  kvmclock +0x40000001 EAX bit 0 +Paravirtual clock\n'
            r' +0x40000001 EAX bit 3\n'
            r'  msr-10ah-40 +MSR 0x10a bit 40\n')

    def test_enlightenments(self):
        """No host CPU has them, so the legend must not say that it does"""
        script = load_script('x86-cpu-removed')
        with contextlib.redirect_stdout(io.StringIO()) as out:
            script.print_removed({'feature-info': {}, 'removed-features': [
                {'feature': 'hv-passthrough', 'reason': 'kernel',
                 'blocking': False, 'requested-by': 'user', 'places': []}]},
                False)
        self.assertRegex(out.getvalue(), r"(?m)^  kernel  the kernel's "
                         r"hypervisor doesn't offer it, even if the ")

    def test_nothing_removed(self):
        done = removed('--accel', 'tcg', '--model', 'base')
        self.assertIn('Nothing is missing', done.stdout)
        self.assertIn('\nThe guest gets these features (0):\n  none\n',
                      done.stdout)


class Errors(unittest.TestCase):
    def check_error(self, message, *args, qemu=QEMU):
        done = removed(*args, qemu=qemu)
        self.assertEqual(done.stderr, f'error: {message}\n')
        self.assertEqual(done.stdout, '')
        self.assertEqual(done.returncode, 2)

    def test_removed_machine(self):
        """A machine type that QEMU has removed, and what takes it"""
        if has_type('pc-i440fx-3.1'):
            self.skipTest('this line has it')
        machine = f'{NEWEST},cpu-compat=pc-i440fx-3.1'
        self.check_error(
            "QEMU has removed machine type 'pc-i440fx-3.1', but knows its "
            f'CPUs: name another one for the rest, {machine}',
            '--machine', 'pc-i440fx-3.1')
        self.assertIn('-compat=pc-i440fx-3.1 with TCG', removed(
            '--machine', machine, '--accel', 'tcg').stdout.replace('\n', ' '))

    def test_told(self):
        for message, args in [
                ("unknown CPU model 'Skylake-Sever-v4'; did you mean "
                 f'Skylake-Server-v4, {NEAREST_MODELS}?',
                 ['--model', 'Skylake-Sever-v4']),
                (f"unknown CPU model 'xyzzy'; '{QEMU} -cpu help' lists all",
                 ['--model', 'xyzzy']),
                (f"unknown CPU model ''; '{QEMU} -cpu help' lists all",
                 ['--model', '']),
                (f"unknown machine type '{NEWEST}0'; did you mean "
                 f'{NEWEST}, {NEAREST_MACHINES}?', ['--machine', f'{NEWEST}0']),
                ("machine type 'none' has no CPU; name another, or omit it "
                 'for the newest pc-q35', ['--machine', 'none']),
                ("unknown accelerator 'hvf'; use kvm or tcg",
                 ['--accel', 'hvf']),
                ("unknown format 'xml'; use table or json",
                 ['--format', 'xml']),
                *((f"unknown CPU feature or property 'foo'; '{QEMU} -device "
                   f"{model}-x86_64-cpu,help' lists all",
                   ['--accel', 'tcg', '--model', f'{model},foo=on'])
                  for model in ('qemu64', 'max')),
                ("unknown CPU feature or property 'avx22'; did you mean avx2, "
                 'avx or avx512f?',
                 ['--accel', 'tcg', '--model', 'max,avx22=on']),
                *((f"unknown option '{name}' of machine type {NEWEST}; "
                   f"'{QEMU} -machine {NEWEST},help' lists all",
                   ['--accel', 'tcg', '--machine', f'q35,{name}=1'])
                  # The second one is near the name of a CPU feature.
                  for name in ('foo', 'avx22')),
                ('--accel tcg and --machine accel=kvm differ; give one of '
                 'them', ['--accel', 'tcg', '--machine', 'q35,accel=kvm']),
                ("unknown accelerator 'hvf'; use kvm or tcg",
                 ['--machine', 'q35,accel=hvf']),
                *((f"--machine accel='{names}': none of them can be used "
                   'here; use kvm or tcg', ['--machine', f'q35,accel={names}'])
                  for names in ('hvf:xen', '')),
                ('QEMU does not start: Invalid CPU topology: CPU topology '
                 'parameters must be greater than zero',
                 ['--accel', 'tcg', '--smp', '0'])]:
            with self.subTest(args):
                self.check_error(message, *args)

    def test_end_of_many_messages(self):
        """What QEMU ends with is told, however much it has warned before"""
        warning = 'x: warning: ' + 'y' * 50
        with tempfile.TemporaryDirectory() as tmp:
            fake = os.path.join(tmp, 'qemu')
            for end, message in (
                    ('', 'exit code 1'),
                    ('No\nTry', 'No; Try'),
                    ('\n'.join('1234567'), '1; 2; 3; [...]; 5; 6; 7')):
                for count in 0, 1, 10, 263, 500, 2000:
                    with open(fake, 'w', encoding='utf-8') as f:
                        f.write('#!/bin/sh\ncat >&2 <<E\n' +
                                f'{warning}\n' * count + f'{end}\nE\nexit 1')
                    os.chmod(fake, 0o755)
                    with self.subTest(count=count, end=end):
                        self.check_error(f'QEMU does not start: {message}',
                                         qemu=fake)

    def test_qemu(self):
        self.check_error('cannot start /nonexistent/qemu: No such file or '
                         'directory', qemu='/nonexistent/qemu')
        # Not a QEMU at all
        self.check_error('QEMU does not start: exit code 0',
                         qemu='/bin/true')

    def test_library(self):
        env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
        probe = subprocess.run(['/usr/bin/python3', '-c', 'import qemu.qmp'],
                               env=env, stderr=subprocess.DEVNULL,
                               check=False)
        if probe.returncode == 0:
            self.skipTest('qemu.qmp is installed in the system')
        done = subprocess.run([SCRIPT], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False)
        self.assertEqual(
            done.stderr,
            'error: the Python library qemu.qmp is missing: install the '
            'package python3-qemu-qmp, or let PYTHONPATH name the directory '
            'python of a QEMU source tree\n')
        self.assertEqual(done.returncode, 2)

    def test_bad_input(self):
        """One line whatever is given, and no traceback"""
        script = load_script('x86-cpu-removed')
        given = {'--qemu': QEMU, '--model': 'qemu64', '--accel': 'tcg'}
        check_command_line(
            self, script, given, ['--model', '--machine', '--accel',
                                  '--format', '--qemu', '--xyzzy'],
            defaults=['--machine', '--accel'])
        # QEMU's own matter, and the slowest
        check_command_line(self, script, given, ['--smp'],
                           texts=['long', 'not UTF-8'])


if __name__ == '__main__':
    unittest.main()
