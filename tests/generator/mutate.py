#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Breaks each check of the table generator, one at a time, and sees whether
its tests notice: each complaint is left out, and each condition is always
true, always false, or has one part left out.

By hand, for whoever adds a check: it takes a second or more for each of a
thousand mutants, of which it runs those tests that reach the line.  Prints
those that the tests let live; `mutate.py gen-cpu-lock.c` looks at one file,
`--list` lists mutants.  BUILD and LINE as for make check.
"""

import argparse
import concurrent.futures
import gzip
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

import generator

HERE = os.path.dirname(os.path.abspath(__file__))
EXT = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'target-i386-ext')
TESTS = ['test_gen_cpu_models', 'test_gen_cpu_tables']
TIMEOUT = 300
# A mutant may have no end.
CPU_SECONDS = 60
BYTES = 4 << 30


def closing(text, start):
    """Behind what closes the parenthesis at @start"""
    depth = 0
    for match in re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)+\'|[()]'
                            ).finditer(text, start):
        depth += {'(': 1, ')': -1}.get(match.group(), 0)
        if not depth:
            return match.end()
    raise ValueError(text[start:start + 60])


def parts(condition):
    """The operands of && and ||, outermost and inside of parentheses"""
    found = [m.start() for m in re.finditer(r'&&|\|\|', condition)]
    for at in found:
        # From the operator to the end of what is on its right
        depth, end = 0, len(condition)
        for match in re.finditer(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)+\'|'
                                 r'[()]|&&|\|\||[?:]', condition[at + 2:]):
            if match.group() == '(':
                depth += 1
            elif match.group() == ')':
                depth -= 1
            if depth < 0 or (not depth and match.group() in
                             ('&&', '||', '?', ':')):
                end = at + 2 + match.start()
                break
        yield at, end, '1' if condition[at] == '&' else '0'


def mutants(text):
    """(start, end, replacement) for all of a file"""
    for match in re.finditer(r'^( +)(complain|give_up|check_\w+|end_if_failed)\(',
                             text, re.M):
        end = closing(text, match.end() - 1)
        if text[end] == ';':
            yield match.start(2), end, '(void)0'
    for match in re.finditer(r'\b(if|while) \(', text):
        start, end = match.end() - 1, closing(text, match.end() - 1)
        condition = text[start + 1:end - 1]
        if match.group(1) == 'if':
            yield start + 1, end - 1, f'({condition}) || 1'
            yield start + 1, end - 1, f'({condition}) && 0'
    for match in re.finditer(r'\b(?:(?:if|while) \(|return |for \([^;]*; )',
                             text):
        if text[match.end() - 1] == '(':
            start, end = match.end(), closing(text, match.end() - 1) - 1
        else:
            start, end = match.end(), text.index(';', match.end())
        condition = text[start:end]
        for at, stop, neutral in parts(condition):
            operator = condition[at:at + 2]
            yield start + at, start + stop, f'{operator} {neutral}'


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def run_tests(program, tests, sanitized=False):
    """Whether they pass"""
    try:
        done = subprocess.run(
            [sys.executable, '-m', 'unittest', '-q', '-f', *tests], cwd=HERE,
            env={**os.environ, 'GENERATOR': program},
            # The sanitizers reserve terabytes of addresses.
            preexec_fn=None if sanitized else limit,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
            timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def all_tests():
    sys.path.insert(0, HERE)
    todo = [unittest.defaultTestLoader.loadTestsFromNames(TESTS)]
    while todo:
        test = todo.pop()
        if isinstance(test, unittest.TestCase):
            yield test.id()
        else:
            todo += list(test)


def reached_by():
    """The tests by (file, line) that they reach, the shortest ones first"""
    reached = {}
    lines_of = {}
    with tempfile.TemporaryDirectory() as tmp:
        program = os.path.join(tmp, 'gen')
        subprocess.run(['gcc', '-g', '--coverage', '-o', program,
                        *generator.SOURCES], cwd=tmp, check=True)
        for test in sorted(all_tests()):
            if not run_tests(program, [test]):
                sys.exit(f'error: {test} fails without any mutation')
            data = [n for n in os.listdir(tmp) if n.endswith('.gcda')]
            subprocess.run(['gcov', '--json-format', *data], cwd=tmp,
                           check=True, stdout=subprocess.DEVNULL)
            lines_of[test] = set()
            for name in data:
                path = os.path.join(tmp, name[:-4] + 'gcov.json.gz')
                with gzip.open(path) as f:
                    for file in json.load(f)['files']:
                        source = os.path.basename(file['file'])
                        lines_of[test] |= {
                            (source, line['line_number'])
                            for line in file['lines'] if line['count']}
                os.unlink(os.path.join(tmp, name))
    for test in sorted(lines_of, key=lambda t: (len(lines_of[t]), t)):
        for place in lines_of[test]:
            reached.setdefault(place, []).append(test)
    return reached


class Mutation:
    reached = {}

    def __init__(self, program_dir, name, text, mutant):
        self.dir, self.name = program_dir, name
        start, end, new = mutant
        self.text = text[:start] + new + text[end:]
        self.line = text[:start].count('\n') + 1
        self.end = text[:end].count('\n') + 1
        old = ' '.join(text[start:end].split())
        self.what = f'{name}:{self.line}: {old[:70]} -> {new[-30:]}'

    def run(self):
        """Whether it lives"""
        with tempfile.TemporaryDirectory() as tmp:
            source = os.path.join(tmp, self.name)
            with open(source, 'w', encoding='ascii') as f:
                f.write(self.text)
            program = os.path.join(tmp, 'gen')
            others = [os.path.join(self.dir, o) for o in os.listdir(self.dir)
                      if o.endswith('.o') and o != self.name[:-1] + 'o']
            command = ['cc', '-w', '-g', '-I', EXT, '-I',
                       os.path.join(EXT, 'generator'), '-o', program, source]
            done = subprocess.run(
                [*command, *others], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, check=False)
            if done.returncode:
                return None
            tests = list(dict.fromkeys(
                test for line in range(self.line, self.end + 1)
                for test in self.reached.get((self.name, line), [])))
            if not tests or not run_tests(program, tests):
                return not tests
            # What only the sanitizers see, which are slow
            subprocess.run(
                [*command, *generator.SANITIZE, *(
                    path for path in generator.SOURCES
                    if os.path.basename(path) != self.name)], check=True)
            return run_tests(program, tests, sanitized=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('files', nargs='*')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--only', action='append', type=int, metavar='LINE')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    args = parser.parse_args()

    names = args.files or list(map(os.path.basename, generator.SOURCES))
    objects = tempfile.mkdtemp()
    try:
        todo = []
        for path in generator.SOURCES:
            name = os.path.basename(path)
            subprocess.run(['cc', '-g', '-c', '-o', os.path.join(
                objects, name[:-1] + 'o'), path], check=True)
            if name in names:
                with open(path, encoding='ascii') as f:
                    text = f.read()
                todo += [Mutation(objects, name, text, m)
                         for m in mutants(text)]
        if args.only:
            todo = [m for m in todo if m.line in args.only]
        if args.list:
            print('\n'.join(m.what for m in todo))
            return
        Mutation.reached = reached_by()
        print(f'{len(todo)} mutants', flush=True)
        lived = killed = broken = 0
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for mutation, lives in zip(todo, pool.map(Mutation.run, todo)):
                lived += lives is True
                killed += lives is False
                broken += lives is None
                if lives:
                    print('lives:', mutation.what, flush=True)
                if not (lived + killed + broken) % 50:
                    print(f'{lived + killed + broken} so far', flush=True)
        print(f'{killed} noticed, {lived} not, {broken} not compiled')
        sys.exit(1 if lived else 0)
    finally:
        shutil.rmtree(objects)


if __name__ == '__main__':
    main()
