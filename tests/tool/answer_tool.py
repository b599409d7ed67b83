# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu without a QEMU, for tests.

Builds the program that answers (target-i386-ext/tool), and asks it: many
requests at once, or one command line.
"""

import atexit
import fcntl
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TOOL = os.path.join(REPO, 'target-i386-ext', 'tool')

sys.path += [os.path.join(REPO, 'tests', 'guest'),
             os.path.join(REPO, 'tests'), os.path.join(REPO, 'scripts')]

from c_compiler import SANITIZE  # noqa: E402 (that path comes first)


@functools.cache
def programs():
    """The directory of the programs: make's, or built for this run"""
    if os.environ.get('LINES_BUILD') and not os.environ.get('TOOL_CFLAGS'):
        return os.path.join(os.environ['LINES_BUILD'], 'tool')
    directory = tempfile.mkdtemp(prefix='x86-cpu-tool-')
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    subprocess.run(['make', '-s', '-C', TOOL, f'OUT={directory}',
                    f'CFLAGS={os.environ.get("TOOL_CFLAGS", "-O2 -g")}'],
                   check=True)
    return directory


@functools.cache
def sanitized():
    """
    The directory of the programs with sanitizers, and of host-check-program:
    in the directory of builds, they are made once for all suites.
    """
    if os.environ.get('LINES_BUILD'):
        directory = os.path.join(os.environ['LINES_BUILD'], 'tool-sanitized')
        os.makedirs(directory, exist_ok=True)
    else:
        directory = tempfile.mkdtemp(prefix='x86-cpu-sanitized-')
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
    with open(os.path.join(directory, 'lock'), 'wb') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Other suites may be waiting for them.
        subprocess.run(['make', '-s', f'-j{os.cpu_count()}', '-C',
                        os.path.join(REPO, 'tests', 'tool'),
                        f'OUT={directory}', f'SANITIZE={" ".join(SANITIZE)}'],
                       check=True)
    return directory


def run(arguments, models, text='', status=None):
    """A command line of the program: CompletedProcess, of texts"""
    program = (os.environ.get('X86_CPU_ANSWER') or
               os.path.join(programs(), 'answer'))
    done = subprocess.run(
        [program, *arguments[:1], *(f'--models={path}' for path in models),
         *arguments[1:]], input=text,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding='utf-8',
        check=False)
    if done.returncode < 0 or 'Sanitizer' in done.stderr or (
            status is not None and done.returncode != status):
        raise AssertionError(f'{arguments}: status {done.returncode}: '
                             f'{done.stderr}')
    return done


def batch(requests, *models):
    """The answers to requests, in order"""
    done = run(['--batch'], models, ''.join(
        json.dumps(request) + '\n' for request in requests), status=0)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(requests):
        raise AssertionError(f'{len(answers)} answers to {len(requests)}: '
                             f'{done.stderr}')
    return answers
