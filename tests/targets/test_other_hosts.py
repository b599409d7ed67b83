# SPDX-License-Identifier: GPL-2.0-or-later
"""
Hosts that are not x86: does what we add to QEMU compile there?

With Debian's cross compilers and -Werror, as QEMU's own build does it: every
C file of ours, every file of QEMU's that a patch changes, and what is
generated from our QAPI schema.  Only with CHECK_FULL=1; skipped where there
is no cross compiler.
"""

import os
import shutil
import subprocess
import sys
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests')]

from other_builds import (  # noqa: E402
    build, commands_of, configure, our_objects, overlay_files)

EXT = 'target/i386/ext/'
# Where KVM is for x86 guests, that is on x86 hosts alone; for other targets
NOT_HERE = {EXT + 'kvm-cpuid.c', EXT + 'kvm-offered.c',
            EXT + 'other-targets.c'}


class HostChecks:
    """One host architecture."""
    # Debian's name, GNU's name, and QEMU's targets
    arch = triplet = ''
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
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise unittest.SkipTest(done.stderr.splitlines()[0])
        sysroot = done.stdout.strip()
        cls.out = configure(
            f'cross-{cls.arch}', f'--cross-prefix={cls.triplet}-',
            f'--extra-cflags=--sysroot={sysroot}',
            f'--extra-ldflags=--sysroot={sysroot}', '--disable-kvm',
            '--target-list=' + ','.join(cls.targets),
            env={'PKG_CONFIG': 'pkg-config',
                 'PKG_CONFIG_SYSROOT_DIR': sysroot,
                 'PKG_CONFIG_LIBDIR': os.pathsep.join([
                     f'{sysroot}/usr/lib/{cls.triplet}/pkgconfig',
                     f'{sysroot}/usr/share/pkgconfig'])})

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
        ours = {name for name in overlay_files() if name.endswith('.c')}
        missing = ours.difference(commands[name][0] for name in wanted)
        self.assertEqual(missing, NOT_HERE)
        build(self.out, '-k0', *wanted)
        for name in wanted:
            self.assertTrue(os.path.exists(os.path.join(self.out, name)))


class BigEndian(HostChecks, unittest.TestCase):
    """64 bits, big-endian."""
    arch, triplet = 's390x', 's390x-linux-gnu'
    targets = ['x86_64-softmmu', 'i386-softmmu']


class ThirtyTwoBits(HostChecks, unittest.TestCase):
    """32 bits, for which QEMU emulates no guests that have more."""
    arch, triplet = 'armhf', 'arm-linux-gnueabihf'
    targets = ['i386-softmmu']


if __name__ == '__main__':
    unittest.main()
