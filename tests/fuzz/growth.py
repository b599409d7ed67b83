# SPDX-License-Identifier: GPL-2.0-or-later
"""
Does QEMU grow, over 20,000 commands, or 100,000 comparisons?

Asks one QEMU the same questions again and again, and counts the blocks of
memory that it holds after each round (alloc-count.c).  After the first rounds
the number is the same for ever: a block more in every round is a leak,
however small, whether something still points to it or not.
"""

import contextlib
import mmap
import os
import struct
import subprocess
import tempfile
import time

import inputs
from qemu_process import HERE, Finding, Qemu
from release_line import NEWEST

COMMANDS = 20000
COMPARISONS = 100000
# Caches are filled and tables have grown; QEMU's own threads have started.
WARM_UP = 3
COUNTERS = struct.Struct('=2q')
# Seconds for what is freed later by another thread (RCU)
SETTLE = 10
# The growth that is taken for noise: far less than a block in each round
NOISE = 8

# Commands to name, when it grows
BLAMED = 3


def counter_library(tmp):
    """Builds the library that counts."""
    library = os.path.join(tmp, 'alloc-count.so')
    subprocess.run([os.environ.get('CC') or 'cc', '-O2', '-g', '-Wall',
                    '-Wextra', '-Werror', '-shared', '-fPIC', '-o', library,
                    os.path.join(HERE, 'alloc-count.c')], check=True)
    return library


class Counted:
    """A QEMU, and the memory that it holds"""

    def __init__(self, binary, args):
        self.binary = binary
        self.args = args
        self.qemu = self.counters = None
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            tmp = stack.enter_context(tempfile.TemporaryDirectory(
                prefix='fuzz-'))
            path = os.path.join(tmp, 'counters')
            with open(path, 'wb') as f:
                f.write(bytes(COUNTERS.size))
            with open(path, 'rb') as f:
                self.counters = stack.enter_context(mmap.mmap(
                    f.fileno(), 0, prot=mmap.PROT_READ))
            self.qemu = stack.enter_context(Qemu(self.binary, self.args, {
                'LD_PRELOAD': counter_library(tmp),
                'ALLOC_COUNT_FILE': path}))
            if self.blocks()[0] <= 0:
                raise Finding('nothing is counted: alloc-count.so does not '
                              'work here')
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc):
        return self._stack.__exit__(*exc)

    def blocks(self):
        """The numbers of blocks and bytes that are in use"""
        return COUNTERS.unpack(self.counters[:])

    def settled(self, wanted=None):
        """
        The same, when they have not changed for a moment.

        wanted: what would do at once.
        """
        end = time.monotonic() + SETTLE
        last = None
        while time.monotonic() < end:
            # What is in flight belongs to the command before.
            self.qemu.ask('query-status')
            now = self.blocks()
            if now[0] == wanted or (now == last and wanted is None):
                return now
            last = now
            time.sleep(0.02)
        return last

    def take(self, commands):
        for name, arguments in commands:
            self.qemu.command(name, arguments)


def growth(counted, commands, rounds, progress=None):
    """How many blocks and bytes more after that many rounds"""
    for _ in range(WARM_UP):
        counted.take(commands)
    before = counted.settled()
    for done in range(rounds):
        counted.take(commands)
        if progress:
            progress((done + 1) * len(commands))
    after = counted.settled(before[0])
    return after[0] - before[0], after[1] - before[1]


def blame(counted, commands, rounds=10):
    """Some of the commands that it grows by, as text"""
    found = []
    for command in commands:
        if len(found) == BLAMED:
            break
        blocks, size = growth(counted, [command], rounds)
        if blocks >= rounds:
            found.append(f'{blocks / rounds:.1f} blocks, '
                         f'{size / rounds:.1f} bytes each time: {command}')
    return found


def questions(rng, know, most):
    """Commands of each kind, good and bad ones"""
    found = []
    for kind in 'full', 'static':
        for _ in range(most // 8):
            found += [('query-cpu-model-expansion',
                       {'type': kind, 'model': {
                           **inputs.sane_model(rng, know),
                           'machine-type': rng.choice(know.machines)}}),
                      ('query-cpu-model-expansion',
                       {'type': kind, 'model': inputs.model(rng, know)})]
    for name, types in know.queries.items():
        found.append((name, inputs.arguments(rng, know, types)))
    for name in ['removed-features', 'added-features', 'enforce-report',
                 'f-avx2', 'l2-cache-info', 'compat-anchor',
                 *rng.sample(know.live, 6)]:
        found.append(('qom-get', {'path': inputs.CPU0, 'property': name}))
    for name in ['removed-features', 'f-avx2', 'l2-cache-info',
                 'compat-anchor', 'enforce-report']:
        # Refused, as the CPU is realized
        found.append(('qom-set', {'path': inputs.CPU0, 'property': name,
                                  'value': inputs.hostile(rng)}))
    found.append(('qom-list', {'path': inputs.CPU0}))
    slot = {'socket-id': 0, 'core-id': 1, 'thread-id': 0,
            'driver': 'qemu64-x86_64-cpu', 'id': 'refused'}
    for wrong in ({'l2-cache-info': 'x'}, {'core-id': 7},
                  # Refused late, when the CPU has its memory regions
                  {'phys-bits': 99},
                  {'compat-anchor': 'x'}, {'enforce': True, 'f-amx-tile': True},
                  {'driver': 'EPYC-x86_64-cpu'},
                  {'vendor': 'x'}, {'no-such-property': 1}):
        found.append(('device_add', {**slot, **wrong}))
    return found


def comparisons(rng, know, most):
    """
    Comparisons, baselines and nearest models: of CPUs that there are, and with
    whatever is wrong.  Those that look at all models take their time, so most
    of these are refused before.
    """
    found = []
    for number in range(max(most // 10, 2)):
        a, b = (inputs.sane_model(rng, know) for _ in range(2))
        if number % 3 == 0:
            # Near to each other
            b['name'] = a['name']
        if number % 2:
            b['machine-type'] = rng.choice(know.machines)
        for name in 'comparison', 'baseline':
            found.append((f'query-cpu-model-{name}',
                          {'modela': a, 'modelb': b}))
    for name, count in ('comparison', 10), ('baseline', 10), ('nearest', 50):
        name = f'query-cpu-model-{name}'
        for _ in range(max(most // count, 1)):
            wrong = inputs.arguments(rng, know, know.queries[name])
            if wrong.get('any') is True:
                wrong['any'] = False
            found.append((name, wrong))
    found.append(('query-cpu-model-nearest',
                  {'model': inputs.sane_model(rng, know)}))
    # What is never refused
    a, b = {'name': 'EPYC'}, {'name': 'EPYC-Milan'}
    found += [('query-cpu-model-nearest', {'model': a}),
              ('query-cpu-model-comparison', {'modela': a, 'modelb': b}),
              ('query-cpu-model-baseline', {'modela': a, 'modelb': b})]
    refused = [{'name': 'base'}, {'name': 'no-such-model'},
               {'name': 'EPYC', 'machine-type': 'none'},
               {'name': 'EPYC', 'props': {'no-such-property': True}},
               {'name': 'EPYC', 'props': {'avx2': 'x'}},
               {'name': 'EPYC', 'props': {'hv-passthrough': True}},
               {'name': 'EPYC', 'props': {'vendor': 'ABCDEFGHIJKL',
                                          'phys-bits': 99}}]
    for _ in range(max(most // 25, 1)):
        for wrong in refused:
            found += [('query-cpu-model-nearest', {'model': wrong}),
                      ('query-cpu-model-comparison',
                       {'modela': {'name': 'EPYC'}, 'modelb': wrong}),
                      ('query-cpu-model-baseline',
                       {'modela': wrong, 'modelb': {'name': 'EPYC'}})]
    return found


def nearest_of_any(rng, know, _most):
    """The one question that looks at all models of all machine types"""
    return [('query-cpu-model-nearest',
             {'model': inputs.sane_model(rng, know), 'any': True})]


def measure(binary, know, rng, commands=COMMANDS, most=100, progress=None,
            ask=questions):
    """
    Raises a Finding if it grows.  Returns the number of commands, and how
    the memory that the process has has changed, in KiB, to be shown.

    ask: the function that returns the commands of a round
    """
    args = ['-accel', know.accel, '-machine', NEWEST, '-cpu',
            'qemu64', '-smp', '1,maxcpus=4,cores=4', '-m', '32']
    asked = ask(rng, know, most)
    rounds = max(commands // len(asked), 2 * NOISE)
    with Counted(binary, args) as counted:
        before = resident(counted.qemu)
        blocks, size = growth(counted, asked, rounds, progress)
        after = resident(counted.qemu)
        if blocks > NOISE:
            raise Finding(
                f'grows: {blocks} blocks, {size} bytes in {rounds} rounds of '
                f'{len(asked)} commands', '\n'.join(blame(counted, asked)))
    return rounds * len(asked), blocks, size, after - before


def resident(qemu):
    """KiB of private memory, as the kernel sees it"""
    with open(f'/proc/{qemu.process.pid}/smaps_rollup',
              encoding='ascii') as f:
        return sum(int(line.split()[1]) for line in f
                   if line.startswith('Anonymous:'))
