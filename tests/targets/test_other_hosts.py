# SPDX-License-Identifier: GPL-2.0-or-later
"""
Hosts that are not x86: does what we add to QEMU compile there?

With Debian's cross compilers and -Werror, as QEMU's own build does it: every
C file of ours, every file of QEMU's that a patch changes, and what is
generated from our QAPI schema.  The programs of x86-cpu, which need no QEMU,
also run there, under QEMU's user mode emulation: they must give the answers
that they give on x86, whatever the byte order and the size of pointers.  Only
with CHECK_FULL=1; skipped where there is no cross compiler.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests')]

from other_builds import (  # noqa: E402
    build, commands_of, configure, our_objects, overlay_files, run)

EXT = 'target/i386/ext/'
TOOL = EXT + 'tool/'
# What x86-cpu answers, compared with answers that are in the checkout or with
# those of QEMU
ANSWERS = ['test_conformance', 'test_best_hosts']
# Where KVM is for x86 guests, that is on x86 hosts alone; for other targets
NOT_HERE = {EXT + 'kvm-cpuid.c', EXT + 'kvm-offered.c',
            EXT + 'other-targets.c'}


class HostChecks:
    """One host architecture."""
    # Debian's name, GNU's name, and QEMU's targets
    arch = triplet = ''
    # The name of QEMU's user mode emulation
    emulator = ''
    # EI_CLASS and EI_DATA of its programs
    elf_class_and_data = b''
    targets = []

    @classmethod
    def setUpClass(cls):
        if not os.environ.get('CHECK_FULL'):
            raise unittest.SkipTest('builds for another host: set '
                                    'CHECK_FULL=1')
        if not shutil.which(f'{cls.triplet}-gcc'):
            raise unittest.SkipTest(f'no cross compiler {cls.triplet}-gcc')
        done = subprocess.run(
            [os.path.join(REPO, 'scripts', 'cross-libraries'), cls.arch],
            cwd=REPO, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise unittest.SkipTest(done.stderr.splitlines()[0])
        sysroot = cls.sysroot = done.stdout.strip()
        cls.libraries = {
            'PKG_CONFIG': 'pkg-config', 'PKG_CONFIG_SYSROOT_DIR': sysroot,
            'PKG_CONFIG_LIBDIR': os.pathsep.join([
                f'{sysroot}/usr/lib/{cls.triplet}/pkgconfig',
                f'{sysroot}/usr/share/pkgconfig'])}
        cls.out = configure(
            f'cross-{cls.arch}', f'--cross-prefix={cls.triplet}-',
            f'--extra-cflags=--sysroot={sysroot}',
            f'--extra-ldflags=--sysroot={sysroot}', '--disable-kvm',
            '--target-list=' + ','.join(cls.targets),
            env=cls.libraries)

    def test_it_is_another_host(self):
        """The build is with -Werror, and for hosts without CPUID"""
        with open(os.path.join(self.out, 'config-host.h'),
                  encoding='utf-8') as f:
            self.assertNotRegex(f.read(), 'define CONFIG_CPUID_H')
        cpu = [command for source, command in commands_of(self.out).values()
               if source == 'target/i386/cpu.c']
        self.assertEqual(len(cpu), len(self.targets))
        for command in cpu:
            self.assertTrue(command.startswith(self.triplet))
            self.assertIn(' -Werror ', command)

    def test_compiles(self):
        wanted = our_objects(self.out)
        commands = commands_of(self.out)
        # The generator is in it, too, as a program of this host.
        ours = {name for name in overlay_files()
                if name.endswith('.c') and not name.startswith(TOOL)}
        missing = ours.difference(commands[name][0] for name in wanted)
        self.assertEqual(missing, NOT_HERE)
        build(self.out, '-k0', *wanted)
        for name in wanted:
            self.assertTrue(os.path.exists(os.path.join(self.out, name)))

    def test_answers(self):
        """The programs of x86-cpu, built for that host, answer as on x86"""
        emulator = shutil.which(f'qemu-{self.emulator}-static')
        with tempfile.TemporaryDirectory() as out:
            # Its Makefile builds with -Werror, too.
            run('make', '-C', os.path.join(REPO, 'target-i386-ext', 'tool'),
                f'OUT={out}', 'STATIC=1',
                f'CC={self.triplet}-gcc --sysroot={self.sysroot}',
                env={**os.environ, **self.libraries})
            if not emulator:
                self.skipTest(f'no qemu-{self.emulator}-static')
            program = os.path.join(out, 'emulated')
            with open(program, 'w', encoding='utf-8') as f:
                f.write(f'#!/bin/sh\nexec {emulator} {out}/answer "$@"\n')
            os.chmod(program, 0o755)
            with open(os.path.join(out, 'answer'), 'rb') as f:
                self.assertEqual(f.read(6)[4:], self.elf_class_and_data)
            said = run(sys.executable, '-m', 'unittest', *ANSWERS,
                       cwd=os.path.join(REPO, 'tests', 'tool'),
                       env={**os.environ, 'X86_CPU_ANSWER': program,
                            'CHECK_FULL': ''})
            ran = re.search(r'^Ran (\d+) tests', said, re.M)
            skipped = re.search(r'skipped=(\d+)', said)
            self.assertGreater(int(ran[1]), int(skipped[1]) if skipped else 0)


class BigEndian(HostChecks, unittest.TestCase):
    """64 bits, big-endian."""
    arch, triplet = 's390x', 's390x-linux-gnu'
    emulator, elf_class_and_data = 's390x', b'\2\2'
    targets = ['x86_64-softmmu', 'i386-softmmu']


class ThirtyTwoBits(HostChecks, unittest.TestCase):
    """32 bits, for which QEMU emulates no guests that have more."""
    arch, triplet = 'armhf', 'arm-linux-gnueabihf'
    emulator, elf_class_and_data = 'arm', b'\1\1'
    targets = ['i386-softmmu']


if __name__ == '__main__':
    unittest.main()
