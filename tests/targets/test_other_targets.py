# SPDX-License-Identifier: GPL-2.0-or-later
"""
The other targets of the same tree: do they still build, with -Werror,
and does 32-bit x86 have the feature?

Takes some minutes the first time: only with CHECK_FULL=1.  Built without
KVM, which the main build has.
"""

import json
import os
import subprocess
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
LINE = os.environ.get('LINE') or '10.0'
BUILD = os.path.join(REPO, os.environ.get('BUILD') or 'build')
OUT = os.path.join(BUILD, f'{LINE}-targets')

TARGETS = {
    'i386-softmmu': 'qemu-system-i386',
    's390x-softmmu': 'qemu-system-s390x',
    'x86_64-linux-user': 'qemu-x86_64',
}


def run(*argv, cwd=REPO):
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(argv)}:\n{done.stdout[-4000:]}")
    return done.stdout


@unittest.skipUnless(os.environ.get('CHECK_FULL'),
                     'builds three more QEMUs: set CHECK_FULL=1')
class OtherTargets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs(OUT, exist_ok=True)
        if not os.path.exists(os.path.join(OUT, 'build.ninja')):
            run(os.path.join(BUILD, f'qemu-{LINE}', 'configure'),
                '--python=/usr/bin/python3', '--without-default-features',
                '--disable-kvm', '--enable-tcg', '--enable-fdt=system',
                '--disable-docs', '--disable-install-blobs',
                '--disable-download', '--enable-werror',
                '--firmwarepath=/usr/share/qemu:/usr/share/seabios',
                '--target-list=' + ','.join(TARGETS), cwd=OUT)
        # Firmware, as the main build has it
        link = os.path.join(OUT, 'qemu-bundle', 'usr', 'share')
        if not os.path.exists(link):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(os.path.join(BUILD, LINE, 'qemu-bundle', 'usr',
                                    'share'), link)
        run('ninja', '-C', OUT, *TARGETS.values())

    def test_built(self):
        for binary in TARGETS.values():
            self.assertIn('10.0', run(os.path.join(OUT, binary),
                                      '--version'))

    def test_x86_32(self):
        done = subprocess.run(
            [os.path.join(REPO, 'scripts', 'x86-cpu-removed'), '--qemu',
             os.path.join(OUT, 'qemu-system-i386'), '--accel', 'tcg',
             '--machine', 'isapc', '--model', 'qemu32,+avx512f',
             '--format', 'json'],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        names = [r['feature'] for r in
                 json.loads(done.stdout)['removed-features']]
        self.assertIn('avx512f', names)

    def test_elsewhere_no_trace(self):
        """s390x has no removed-features, as its CPUs have no such thing"""
        done = subprocess.run(
            [os.path.join(OUT, 'qemu-system-s390x'), '-machine', 'none',
             '-display', 'none', '-qmp', 'stdio'],
            input='{"execute":"qmp_capabilities"}'
                  '{"execute":"qom-list-properties","arguments":'
                  '{"typename":"max-s390x-cpu"}}'
                  '{"execute":"quit"}',
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=60, check=False)
        self.assertIn('"type"', done.stdout, done.stderr)
        self.assertNotIn('removed-features', done.stdout)


if __name__ == '__main__':
    unittest.main()
