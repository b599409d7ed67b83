# SPDX-License-Identifier: GPL-2.0-or-later
"""
Random -cpu, -machine cpu-compat and -global arguments.

Answers: does QEMU start or refuse them with an error that is short, and is
a text that it was given as a property the one that the CPU has?
"""

import subprocess

import inputs
from qemu_process import ENV, TIMEOUT, Finding, NotStarted, Qemu

# Lines of an error; warnings of features that are missing are one line each.
ERROR_LINES = 12
PIECES = [',', ',,', ',,,', '=', '+', '-', '\x01', '\x01\x01', ' ', 'on',
          'off', 'help', '?', ':', ';', "'", '"', '\\', '\n', '\x1b[0m',
          'äöü', '\U0001f600', '\udcff', '\udc80', '%s', '0', '-1', '=on',
          'f-', 'f-avx2', 'avx2', '+avx2', '-avx2', 'model-id=', 'vendor=',
          'compat-anchor=', 'enforce', 'enforce-report=json', 'check=off',
          'l2-cache-info=', 'hv-vendor-id=', 'level=', 'feature-words',
          'removed-features', 'min-level=0x1f']
MODEL_ID_BYTES = 48
# With these, -cpu lists the models, and QEMU does not start.
HELP = 'help', '?'


def text(rng):
    """What a model-id can be: all of UTF-8 but NUL, in 48 bytes"""
    while True:
        found = ''.join(rng.choice([
            ',', '=', ' ', '+', '-', '\x01', chr(rng.randrange(1, 128)),
            chr(rng.randrange(1, 0xd800))])
            for _ in range(rng.randrange(1, 24)))
        if len(found.encode()) <= MODEL_ID_BYTES:
            return found


def random_option(rng, know):
    """An argument of -cpu"""
    kind = rng.randrange(4)
    if kind == 0:
        found = ''.join(rng.choice(PIECES)
                        for _ in range(rng.randrange(1, 30)))
    elif kind == 1:
        found = inputs.cpu_option(inputs.model_name(rng, know),
                                  inputs.props(rng, know))
    else:
        found = ','.join(
            [rng.choice(know.models + ['custom', 'base'])] +
            [rng.choice([
                rng.choice(PIECES), rng.choice('+-') + rng.choice(know.names),
                rng.choice(know.names),
                f'{rng.choice(know.names)}={rng.choice(inputs.TEXTS)}',
                f'{rng.choice(list(inputs.CACHES))}='
                f'{inputs.cache_text(rng)}'])
             for _ in range(rng.randrange(6))])
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        at = rng.randrange(len(found) + 1)
        found = (found[:at] + rng.choice(PIECES + [inputs.TEXTS[-1] * 16])
                 + found[at + rng.randrange(2):])
    # Linux takes no longer argument.
    return found.replace('\0', '')[:60000]


class Fuzzer:
    """The kind of fuzzing, for scripts/fuzz"""
    name = 'cpu'
    what = 'command lines'

    def __init__(self, binary, knowledge):
        self.binary = binary
        self.knowledge = knowledge

    def case(self, rng):
        know = rng.choice(self.knowledge)
        machine = rng.choice(inputs.MACHINES[:-1] + ['none'])
        args = ['-accel', know.accel]
        kind = rng.randrange(10)
        if kind < 2:
            wanted = text(rng)
            return {'args': args + [
                '-machine', inputs.MACHINES[0], '-cpu',
                'qemu64,model-id=' + wanted.replace(',', ',,')],
                'model-id': wanted}
        if kind == 2:
            machine += ',cpu-compat=' + rng.choice(
                [rng.choice(inputs.TEXTS), inputs.machine_name(rng, know)]
            ).replace('\0', '')
        if kind == 3:
            name = inputs.prop_name(rng, know).replace('\0', '')
            setting = inputs.option(inputs.value(rng, know, name))
            args += ['-global', f'{rng.choice(know.models + ["custom"])}'
                     f'-x86_64-cpu.{name}={setting}'[:60000]]
        return {'args': args + ['-machine', machine, '-cpu',
                                random_option(rng, know)]}

    def check_help(self, case):
        done = subprocess.run([self.binary, *case['args']], env=ENV,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors='replace', timeout=TIMEOUT,
                              check=False)
        if done.returncode == 0 and done.stdout.startswith('Available CPUs'):
            return
        # What comes before -cpu may be refused first.
        if done.returncode != 1 or not done.stderr.strip():
            raise Finding(f'-cpu help: exit status {done.returncode}',
                          (done.stdout + done.stderr)[-4000:])

    def run(self, case):
        if case['args'][-1] in HELP:
            self.check_help(case)
            return 1
        try:
            with Qemu(self.binary, case['args']) as qemu:
                if 'model-id' in case:
                    have = qemu.ask('qom-get', {'path': inputs.CPU0,
                                                'property': 'model-id'})
                    if have != case['model-id']:
                        raise Finding(
                            'model-id is not what -cpu was given',
                            f"{case['model-id']!r}: {have!r}")
        except NotStarted as exc:
            if 'model-id' in case:
                raise Finding('refuses a model-id', str(exc)) from exc
            said = [line for line in str(exc).splitlines()
                    if 'warning: ' not in line]
            given = sum(len(arg.splitlines()) for arg in case['args'])
            if len(said) > ERROR_LINES + given and \
                    'Available CPUs' not in str(exc):
                raise Finding('refuses a command line in endless words',
                              '\n'.join(said)[:4000]) from exc
        return 1

    def smaller(self, case, _finding):
        """Cases with shorter arguments"""
        if 'model-id' in case:
            # It would have to be shortened in the same way.
            return
        for index in range(len(case['args']) - 1, 2, -1):
            arg = case['args'][index]
            size = len(arg) // 2
            while size:
                for start in range(0, len(arg), size):
                    yield {**case, 'args': [
                        *case['args'][:index], arg[:start]
                        + arg[start + size:], *case['args'][index + 1:]]}
                size //= 2

    def lines(self, _case):
        return []
