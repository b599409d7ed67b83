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
import sys
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(REPO, 'tests')]

from other_builds import LINE, build, configure, run  # noqa: E402

TARGETS = {
    'i386-softmmu': 'qemu-system-i386',
    's390x-softmmu': 'qemu-system-s390x',
    'x86_64-linux-user': 'qemu-x86_64',
}


@unittest.skipUnless(os.environ.get('CHECK_FULL'),
                     'builds three more QEMUs: set CHECK_FULL=1')
class OtherTargets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.out = configure('targets', '--disable-kvm',
                            '--target-list=' + ','.join(TARGETS))
        build(cls.out, *TARGETS.values())

    def test_built(self):
        for binary in TARGETS.values():
            self.assertIn(LINE, run(os.path.join(self.out, binary),
                                    '--version'))

    def test_x86_32(self):
        done = subprocess.run(
            [os.path.join(REPO, 'scripts', 'x86-cpu-removed'), '--qemu',
             os.path.join(self.out, 'qemu-system-i386'), '--accel', 'tcg',
             '--machine', 'isapc', '--model', 'qemu32,+avx512f',
             '--exit-zero', '--format', 'json'],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        names = [r['feature'] for r in
                 json.loads(done.stdout)['removed-features']]
        self.assertIn('avx512f', names)

    def test_elsewhere_no_trace(self):
        """s390x has no removed-features, as its CPUs have no such thing"""
        done = subprocess.run(
            [os.path.join(self.out, 'qemu-system-s390x'), '-machine', 'none',
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
