# SPDX-License-Identifier: GPL-2.0-or-later
"""
A QEMU with everything: does what we add compile and link in it?

The main build has few of QEMU's options.  This one has all that there are
libraries for, as distributions build it: modules, SEV, TDX, MSHV, Xen, all
devices, 32-bit x86 with KVM, and user-mode emulation; with -Werror.

All four binaries are linked: only that shows whether what we call is there
in each of them.  Modules and tools are not built: nothing of ours is in them.

Takes about 25 minutes on two processors: only with CHECK_FULL=1.
`scripts/bootstrap full` installs the libraries on Debian 12; skipped where
those of Xen are missing.  What else is missing, QEMU is built without.
"""

import os
import subprocess
import sys
import unittest
import unittest.mock

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'tests', 'guest')]

from cpu_models import ask, expansion  # noqa: E402
from other_builds import (  # noqa: E402
    LINE, build, commands_of, configure, our_objects, run)

TARGETS = {
    'x86_64-softmmu': 'qemu-system-x86_64',
    'i386-softmmu': 'qemu-system-i386',
    'x86_64-linux-user': 'qemu-x86_64',
    'i386-linux-user': 'qemu-i386',
}
# TDX and MSHV are newer than 10.0.
NEWER = LINE != '10.0'
OPTIONS = ['--target-list=' + ','.join(TARGETS), '--enable-modules',
           '--enable-kvm', '--enable-xen', '--enable-xen-pci-passthrough',
           '--disable-rust', *(['--enable-mshv'] if NEWER else [])]
EPYC = expansion('static', 'EPYC', machine='q35')
HERE = os.path.dirname(os.path.abspath(__file__))


class Build(unittest.TestCase):
    """The four QEMUs"""

    @classmethod
    def setUpClass(cls):
        if not os.environ.get('CHECK_FULL'):
            raise unittest.SkipTest('builds four more QEMUs: set CHECK_FULL=1')
        if subprocess.run(['pkg-config', '--exists', 'xencontrol'],
                          check=False).returncode:
            raise unittest.SkipTest('no libxen-dev')
        cls.out = configure('everything', *OPTIONS, default_features=True)
        # What can fail because of us comes first.
        build(cls.out, '-k0', *our_objects(cls.out))
        build(cls.out, *TARGETS.values())

    def answer(self, args, command, binary='qemu-system-x86_64'):
        reply, = ask([*args, '-machine', 'none'], [command],
                     os.path.join(self.out, binary))
        self.assertIn('return', reply)
        return reply['return']


class Everything(Build):
    def options(self, name):
        """The options (CONFIG_NAME) that a header of the build has"""
        with open(os.path.join(self.out, name), encoding='utf-8') as f:
            return {words[1].removeprefix('CONFIG_') for words in
                    map(str.split, f) if words[:1] == ['#define']}

    def test_versions(self):
        for binary in TARGETS.values():
            self.assertIn(LINE, run(os.path.join(self.out, binary),
                                    '--version'))

    def test_has_everything(self):
        self.assertLessEqual({'MODULES', 'SPICE', 'OPENGL', 'LIBSSH'},
                             self.options('config-host.h'))
        pc = {'Q35', 'MICROVM', 'HYPERV', 'XEN_EMU', 'SGX'}
        tdx = {'TDX'} if NEWER else set()
        for target, options in (('x86_64', {*pc, 'SEV', *tdx}),
                                ('i386', pc)):
            self.assertLessEqual(options, self.options(
                f'{target}-softmmu-config-devices.h'))
        mshv = {'MSHV'} if NEWER else set()
        for target, options in (('x86_64', {'KVM', 'TCG', 'XEN', *mshv}),
                                ('i386', {'KVM', 'TCG', 'XEN'})):
            self.assertLessEqual(options, self.options(
                f'{target}-softmmu-config-target.h'))

    def test_werror(self):
        commands = [command for source, command in
                    commands_of(self.out).values()
                    if source.startswith('target/i386/ext/')]
        self.assertTrue(commands)
        for command in commands:
            self.assertIn(' -Werror ', command)

    def test_in_scope(self):
        for binary in 'qemu-system-x86_64', 'qemu-system-i386':
            answer = self.answer(['-accel', 'tcg'], EPYC, binary)
            self.assertNotIn('out-of-scope', answer)
            self.assertIn('errors', answer)
            self.assertIn('l3-cache-info', answer['model']['props'])


@unittest.skipUnless(NEWER, 'there is no MSHV in 10.0')
class Mshv(Build):
    """Under MSHV, there are expansions, which say that they tell nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shim = os.path.join(cls.out, 'mshv-shim.so')
        run('cc', '-O2', '-Wall', '-Werror', '-shared', '-fPIC', '-o',
            cls.shim, os.path.join(HERE, 'mshv-shim.c'))

    def test_out_of_scope(self):
        with unittest.mock.patch.dict(os.environ, LD_PRELOAD=self.shim):
            for model in 'EPYC', 'max', 'host':
                for kind in 'static', 'full':
                    with self.subTest(model=model, kind=kind):
                        answer = self.answer(['-accel', 'mshv'],
                                             expansion(kind, model))
                        self.assertEqual(answer['out-of-scope'],
                                         'accelerator')
                        self.assertLessEqual(set(answer), {
                            'model', 'deprecated-props', 'out-of-scope'})


if __name__ == '__main__':
    unittest.main()
