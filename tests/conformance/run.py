#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Run a program that reads qemu-cpu-models.json on the conformance cases.

    run.py --cases 10.0.jsonl.xz --models qemu-cpu-models.json -- PROGRAM ...
    run.py --cases 10.0.jsonl.xz --models qemu-cpu-models.json --qemu QEMU

The program reads a request from each line of stdin, and writes its answer to
a line of stdout, in order.  With --qemu, a live QEMU answers instead: then
the cases are judged.  Ends with status 0 if all pass,
1 if some fail, and 2 if nothing was judged.
"""

import argparse
import json
import subprocess
import sys

import conformance

# So many failures are shown.
SHOWN = 20


def program_answers(argv, requests, timeout):
    """
    Returns what a program answers; None for what is no JSON.

    :raise Refusal: it does not run
    """
    text = ''.join(map(conformance.line_of, requests))
    try:
        done = subprocess.run(argv, input=text.encode(), timeout=timeout,
                              stdout=subprocess.PIPE, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise conformance.Refusal(f'{argv[0]}: {e}') from e
    if done.returncode < 0:
        raise conformance.Refusal(f'{argv[0]}: killed by signal '
                                  f'{-done.returncode}')
    found = []
    for line in done.stdout.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            found.append(None)
    return found


def judge(cases, answers):
    """Yields (case, what is wrong with its answer) of those that fail."""
    for number, case in enumerate(cases):
        answer = answers[number] if number < len(answers) else None
        text = conformance.problem(case, answer)
        if text:
            yield case, text
    for answer in answers[len(cases):]:
        yield None, f'an answer to nothing: {json.dumps(answer)[:200]}'


def main():
    parser = argparse.ArgumentParser(
        description='Run a program on the conformance cases.')
    parser.add_argument('--cases', required=True, metavar='FILE')
    parser.add_argument('--models', required=True, metavar='FILE',
                        help='the qemu-cpu-models.json that the program reads')
    parser.add_argument('--qemu', metavar='FILE',
                        help='ask this QEMU instead of a program')
    parser.add_argument('--sample', type=int, metavar='N',
                        help='run each Nth case alone')
    parser.add_argument('--timeout', type=float, default=600,
                        metavar='SECONDS')
    parser.add_argument('program', nargs='*', metavar='PROGRAM')
    args = parser.parse_args()
    if bool(args.qemu) == bool(args.program):
        parser.error('name a program, or a QEMU with --qemu')

    header, cases = conformance.read(args.cases)
    models = conformance.read_models(args.models)
    if models.get('digest') != header['digest']:
        raise conformance.Refusal(
            f"{args.cases} is for a file with digest {header['digest']}, and "
            f"{args.models} has {models.get('digest')}: make_cases.py makes "
            'cases for it')
    cases = cases[::args.sample or 1]
    if args.qemu:
        # It needs a library that programs don't.
        from live_qemu import LiveQemu
        live = LiveQemu(args.qemu, models)
        skipped = len(cases)
        cases = [c for c in cases if live.can_answer(c['request'])]
        skipped -= len(cases)
        answers = live.answers([c['request'] for c in cases])
        if skipped:
            print(f'{skipped} skipped: KVM on other hosts (GUEST_BUILD)')
    else:
        answers = program_answers(args.program, [c['request'] for c in cases],
                                  args.timeout)
    failures = list(judge(cases, answers))
    for case, text in failures[:SHOWN]:
        print(f"{json.dumps(case and case['request'])}: {text}")
    if len(failures) > SHOWN:
        print(f'... {len(failures) - SHOWN} more')
    print(f'{max(len(cases) - len(failures), 0)} passed, '
          f'{len(failures)} failed')
    if not cases:
        return 2
    return 1 if failures else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except conformance.Refusal as refusal:
        print(f'run.py: {refusal}', file=sys.stderr)
        sys.exit(2)
