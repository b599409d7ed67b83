# SPDX-License-Identifier: GPL-2.0-or-later
"""
A test suite, for scripts/check: a program that speaks TAP, and its results.
"""

import os
import re
import subprocess
import sys
import time

from tap.parser import Parser

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Seconds; the exhaustive tests start some 60,000 guests.
TIMEOUT = 1500
TIMEOUT_FULL = 6 * 3600

# Long tests report progress here, because their output is captured.
PROGRESS_FD = os.dup(sys.stdout.fileno())


class Suite:
    def __init__(self, name, argv, env=None, cwd=REPO):
        self.name = name
        self.argv = argv
        self.env = {**os.environ, **(env or {}),
                    'CHECK_PROGRESS_FD': str(PROGRESS_FD)}
        # For us, and not for what tests of us run
        self.env.pop('CHECK_END', None)
        self.timeout = TIMEOUT_FULL if self.env.get('CHECK_FULL') else TIMEOUT
        self.cwd = cwd
        self.passed = self.failed = 0
        self.skipped = []
        self.failures = []
        self.output = ''
        self.seconds = 0.0

    def fail(self, what):
        self.failed += 1
        self.failures.append(what)

    def run(self):
        start = time.monotonic()
        try:
            done = subprocess.run(
                self.argv, env=self.env, cwd=self.cwd, timeout=self.timeout,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, encoding='utf-8', errors='replace',
                pass_fds=[PROGRESS_FD], check=False)
            self.output = done.stdout + done.stderr
            self.count(done.stdout)
            if done.returncode and not self.failed:
                self.fail(f'exit status {done.returncode}')
        except subprocess.TimeoutExpired as e:
            self.output = (e.stdout or b'').decode(errors='replace')
            self.count(self.output)
            self.fail(f'no end after {self.timeout} s')
        except OSError as e:
            self.fail(str(e))
        self.seconds = time.monotonic() - start
        return self

    def count(self, text):
        planned = None
        results = 0
        # With a version, which new GLib prints, the parser wants modules for
        # YAML, or warns.
        text = re.sub(r'\ATAP version \d+\n', '', text)
        for line in Parser().parse_text(text):
            if line.category == 'plan':
                planned = line.expected_tests
            elif line.category == 'bail':
                self.fail(f'bailed out: {line.reason}')
            elif line.category == 'test':
                results += 1
                if line.skip:
                    self.skipped.append(
                        f'{line.description}: {line.directive.reason}')
                elif line.ok:
                    self.passed += 1
                else:
                    self.fail(line.description)
        if planned is None:
            self.fail('ended without a TAP plan')
        elif not planned:
            self.fail('ran no test')
        elif planned != results and not self.failed:
            self.fail(f'{planned} tests planned, {results} ran')
