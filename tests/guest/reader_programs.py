# SPDX-License-Identifier: GPL-2.0-or-later
"""
Programs in C that read a file of all CPU models, without QEMU.

For tests of what the core makes of such a file (target-i386-ext/core, tool).
"""

import functools
import glob
import os
import subprocess
import tempfile

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
EXT = os.path.join(REPO, 'target-i386-ext')


class Program:
    """A program made of a source file, the core and the reader."""

    def __init__(self, source):
        name = os.path.splitext(os.path.basename(source))[0]
        self._directory = tempfile.TemporaryDirectory(prefix=f'{name}-')
        self.path = os.path.join(self._directory.name, name)
        flags = subprocess.run(['pkg-config', '--cflags', '--libs', 'jansson'],
                               stdout=subprocess.PIPE, check=True,
                               encoding='utf-8').stdout.split()
        subprocess.run(
            ['cc', '-std=c11', '-O1', '-Wall', '-Werror', f'-I{EXT}/core',
             f'-I{EXT}/tool', '-o', self.path, source,
             *sorted(glob.glob(f'{EXT}/tool/models-*.c')),
             *(f'{EXT}/tool/{name}.c'
               for name in ('crc32', 'json-output', 'sha256')),
             *sorted(glob.glob(f'{EXT}/core/*.c')), *flags], check=True)


@functools.cache
def program(*source):
    """The Program whose source is at this path in the checkout"""
    return Program(os.path.join(REPO, *source))
