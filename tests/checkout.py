# SPDX-License-Identifier: GPL-2.0-or-later
"""
A copy of the checkout, for tests that run what a user types.

What is tracked or would be, without what was built.
"""

import os
import shutil
import subprocess

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What a user's environment does not have, and a test run's does
OURS = ('PYTHONPATH', 'MAKEFLAGS', 'MAKELEVEL', 'MFLAGS', 'QTEST_QEMU_BINARY',
        'GUEST_BUILD', 'CHECK_FULL', 'CPU_TABLES')


def copy_checkout(to):
    """Copies the files of the checkout to directory `to`."""
    files = subprocess.run(
        ['git', 'ls-files', '-co', '--exclude-standard'], cwd=REPO,
        stdout=subprocess.PIPE, text=True, check=True)
    for name in files.stdout.splitlines():
        source = os.path.join(REPO, name)
        if os.path.isfile(source):
            target = os.path.join(to, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)


def user_environment(**more):
    """Returns the environment that a user would have."""
    return {**{key: value for key, value in os.environ.items()
               if key not in OURS}, **more}


def run_as_user(command, cwd, env, timeout=None):
    """
    Runs a shell command as a user types it.

    Returns its exit status, and what it printed, errors included.
    """
    done = subprocess.run(
        ['bash', '-euo', 'pipefail', '-c', command], cwd=cwd, env=env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False)
    return done.returncode, done.stdout
