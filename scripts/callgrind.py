# SPDX-License-Identifier: GPL-2.0-or-later
"""
How many instructions a program executes.

For benchmarks: a ratio of instructions is more reliable than one of times.
Needs valgrind.
"""

import subprocess
import sys


def instructions(argv, text):
    """
    Returns the count for a program that reads text from stdin.

    A program that fails ends the benchmark, with what it said.
    """
    done = subprocess.run(
        ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null',
         *argv],
        input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, check=False)
    for line in done.stderr.splitlines():
        if 'Collected' in line and not done.returncode:
            return int(line.split()[-1])
    sys.exit(f'error: callgrind of {argv[0]}: {done.stderr[-1000:]}')
