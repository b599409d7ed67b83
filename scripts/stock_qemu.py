#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Stock QEMU, built from the same source without patches, with the same flags.

For benchmarks and tests that compare with it.  Building it takes some minutes,
once.
"""

import os
import subprocess
import sys


def run(argv, **kwargs):
    """Runs a command that must succeed, and returns what it printed."""
    done = subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          **kwargs)
    if done.returncode:
        sys.exit(f"error: {' '.join(argv[:2])}...: {done.stdout[-2000:]}")
    return done.stdout


def build_stock(line, build):
    """
    Returns the path of stock QEMU of the release line.

    build is the directory that ours of the same line is built in.
    """
    out = os.path.join(build, f'{line}-stock')
    source = os.path.join(build, f'qemu-{line}-stock')
    binary = os.path.join(out, 'qemu-system-x86_64')
    if os.path.exists(binary):
        return binary
    print('building stock QEMU, once', file=sys.stderr)
    os.makedirs(source, exist_ok=True)
    git = ['git', f"--git-dir={os.path.join(build, f'qemu-{line}.git')}",
           f'--work-tree={source}']
    env = {**os.environ, 'GIT_INDEX_FILE': os.path.join(source, '.index')}
    run([*git, 'read-tree', 'base'], env=env)
    run([*git, 'checkout-index', '-a', '-f'], env=env)
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(build, line, '.configured'),
              encoding='utf-8') as f:
        flags = f.read().split()[1:]
    run([os.path.join(source, 'configure'), *flags], cwd=out)
    run(['ninja', '-C', out, 'qemu-system-x86_64'])
    # Firmware, as in our build
    bundle = os.path.join(out, 'qemu-bundle', 'usr')
    for name in 'share', 'lib':
        link = os.path.join(bundle, name)
        if not os.path.lexists(link):
            os.symlink(os.path.join(build, line, 'qemu-bundle', 'usr', name),
                       link)
    return binary
