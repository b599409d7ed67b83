# SPDX-License-Identifier: GPL-2.0-or-later
"""
Random input for x86-cpu's programs in C, built with sanitizers.

Answers: does a file of CPU models, a passport, a part of a fleet, a dump of
CPUID, a batch of requests or a CPU as for -cpu, that nobody should trust, ever
do more than get an answer, or one line that says what is wrong?  Mutations know
the structure of JSON, and correct the digests, so that they get past these.
"""

import copy
import glob
import json
import os
import random
import re
import string
import subprocess
import sys
import tempfile

import qemu_process
from fuzz_cpu import PIECES
from inputs import INTEGERS, TEXTS
from qemu_process import BUILD, LINE, REPO, Finding

sys.path += [os.path.join(REPO, 'scripts'), os.path.join(REPO, 'tests')]
from c_compiler import SANITIZE     # noqa: E402
from x86_cpu_models import sealed, sha256   # noqa: E402

HOSTS = os.path.join(REPO, 'tests', 'guest', 'hosts')
OUT = os.path.join(BUILD, 'fuzz-tool')

# Seconds and megabytes, with sanitizers
TIMEOUT = 120
MEGABYTES = 1024
ENV = {
    **qemu_process.ENV,
    'ASAN_OPTIONS': qemu_process.ENV['ASAN_OPTIONS'] +
    f':hard_rss_limit_mb={MEGABYTES}:allocator_may_return_null=1',
    'UBSAN_OPTIONS': 'print_stacktrace=1:exitcode='
                     f'{qemu_process.SANITIZER_STATUS}',
}

# Of the real file, so much is kept that reading it takes milliseconds.
MODELS = ['qemu64', '486', 'EPYC', 'EPYC-Milan', 'Skylake-Client',
          'GraniteRapids', 'athlon']
LAYERS = 3

VALUES = [None, True, False, 0.5, 1e300, [], {}, [[]], [{}], [''], {'': ''},
          [0], ['fpu'], {'on': ['fpu']}, {'set': {'level': 1}}, '0x', '0x1',
          '0xffffffffffffffff', '0x10000000000000000', 'EAX', 'tcg', 'kvm',
          'base', 'host', 'max', 'custom', 'EPYC', 'EPYC-v1', 'x' * 300,
          '\x01123', '\ud7ff\ufffe', 'f' * 64, '0' * 64]
NAMES = ['', 'x', 'name', 'like', 'changes', 'set', 'on', 'off', 'digest',
         'cpuid', 'msr', 'kvm', 'index', 'leaf', 'cpu', 'verb', 'hosts', 'host']

VERBS_OF_CPUS = {'show': 1, 'expand': 1, 'compare': 2, 'baseline': 2,
                 'nearest': 1}
VERBS_OF_HOSTS = ['check', 'best', 'baseline', 'migrate', 'fleet', 'show']
OPTIONS = [['--machine=pc-q35-10.0'], ['--machine=q35'], ['--machine=pc-i440fx-9.2'],
           ['--accel=tcg'], ['--accel=kvm'], ['--irqchip=off'],
           ['--irqchip=split'], ['--smp=4'], ['--smp=8,dies=2'], ['--all'],
           ['--json'], ['--json'], ['--check'], ['--vendor=GenuineIntel'],
           ['--any'], ['--cpu-pm']]

LINE_OF_ERROR = re.compile(r'(error|warning|note): [ -~]{1,1500}\Z')


# ---- mutations ----

def any_place(value, rng):
    """A container and a key in it, those that are deep as often as others"""
    found = None
    while isinstance(value, (dict, list)) and value:
        key = rng.choice(list(value) if isinstance(value, dict)
                         else range(len(value)))
        found = value, key
        value = value[key]
        if rng.random() < 0.25:
            break
    return found


def new_value(rng):
    return copy.deepcopy(rng.choice([rng.choice(VALUES), rng.choice(INTEGERS),
                                     rng.choice(TEXTS)]))


def changed_text(text, rng):
    at = rng.randrange(len(text) + 1)
    return (text[:at] + rng.choice(
        ['', 'x', '0', ':', '=', ',', '\n', '\u20ac', '-', text,
         rng.choice(string.printable), rng.choice(PIECES[:20])])
        + text[at + rng.randrange(2):])


def mutate(root, rng):
    """Changes one thing in @root."""
    place = any_place(root, rng)
    if not place:
        return
    where, key = place
    kind = rng.randrange(11)
    if kind == 0:
        del where[key]
    elif kind == 1:
        where[key] = new_value(rng)
    elif kind == 2:
        there, other = any_place(root, rng)
        where[key] = copy.deepcopy(there[other])
    elif kind == 3 and isinstance(where, dict):
        name = rng.choice([rng.choice(NAMES), str(any_place(root, rng)[1])])
        where[name] = where.pop(key)
    elif kind == 4 and isinstance(where, list):
        for _ in range(rng.choice([1, 1, 2, 70, 300])):
            where.insert(rng.randrange(len(where) + 1),
                         copy.deepcopy(where[key]))
    elif kind == 5 and isinstance(where, list):
        rng.shuffle(where)
    elif kind == 6 and isinstance(where, list):
        del where[key:]
    elif isinstance(where[key], str):
        where[key] = changed_text(where[key], rng)
    elif type(where[key]) is int:
        number = where[key]
        where[key] = rng.choice([
            -number, number + 1, number - 1, number << 32, number ^ 1 <<
            rng.randrange(64), rng.getrandbits(32), rng.getrandbits(64),
            rng.getrandbits(65), rng.choice(INTEGERS)])
    elif kind == 7:
        for _ in range(rng.choice([1, 3, 99, 2000])):
            where[key] = [where[key]] if rng.random() < 0.5 else {
                'x': where[key]}
    elif kind == 8 and isinstance(where, dict):
        where[rng.choice(NAMES)] = new_value(rng)


def mutated(value, rng):
    value = copy.deepcopy(value)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3, 8])):
        mutate(value, rng)
    return value


def mutated_bytes(text, rng):
    """Cuts, changes or repeats some of @text, whose characters are bytes."""
    for _ in range(rng.choice([1, 1, 2, 5])):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice([1, 1, 2, 10, 100, 3000]))
        text = rng.choice([
            text[:start], text[:start] + text[end:],
            text[:start] + chr(rng.randrange(256)) + text[start + 1:],
            text[:end] + text[start:],
            text[:start] + rng.choice(['"', '\0', '\xff', '\n', '[' * 3000,
                                       '9' * 40, '\\u0000', 'e9'])
            + text[start:]])
    return text


# ---- seeds ----

def cut(contents):
    """What of a file of CPU models is kept"""
    layers = contents['layers'][:LAYERS]
    names = {layer['name'] for layer in layers}
    rows = {row['name']: row for row in contents['models']}
    kept = set()
    for model in MODELS:
        while model in rows and model not in kept:
            kept.add(model)
            model = rows[model].get('like')

    def exceptions(rows):
        return [row for row in rows if row['layer'] in names and
                row.get('model', 'base') in kept | {'base'}]

    return {
        **contents, 'layers': layers,
        'models': [row for row in contents['models'] if row['name'] in kept],
        'exceptions': exceptions(contents['exceptions']),
        'accelerators': [{
            **accelerator, 'exceptions': exceptions(accelerator['exceptions']),
            'fingerprints': accelerator['fingerprints'][:1],
        } for accelerator in contents['accelerators']],
    }


def dump_of(path):
    """What 'cpuid -1 -r' says on a made host of tests/guest"""
    with open(path, encoding='ascii') as f:
        rows = [line.split() for line in f if not line.startswith('#')]
    return 'CPU:\n' + ''.join(
        f'   0x{leaf} 0x{int("0" if sub == "-" else sub, 16):02x}: ' +
        ' '.join(f'{name}=0x{value}' for name, value in zip(
            ('eax', 'ebx', 'ecx', 'edx'), regs)) + '\n'
        for leaf, sub, *regs in filter(None, rows))


def build():
    """The directory of the programs"""
    qemu_process.run(['make', '-s', '-C', os.path.join(REPO, 'tests', 'tool'),
                      f'OUT={OUT}', f'SANITIZE={" ".join(SANITIZE)}',
                      'programs'], REPO)
    return OUT


def output_of(argv, text=''):
    return subprocess.run(argv, input=text, stdout=subprocess.PIPE, check=True,
                          stderr=subprocess.DEVNULL, env=ENV, text=True).stdout


class Seeds:
    """Real input: of this build, of this host, and of others' CPUs"""

    def __init__(self, directory):
        self.host = os.path.join(directory, 'host')
        self.answer = os.path.join(directory, 'answer')
        with open(os.path.join(BUILD, LINE, 'qemu-cpu-models.json'),
                  encoding='ascii') as f:
            self.models = cut(json.load(f))
        self.names = [row['name'] for row in self.models['models']]
        self.features = [feature['name'] for word in self.models['words']
                         for feature in word['features']]
        self.features += [row['name'] for row in self.models['properties']]
        self.dumps = []
        for path in sorted(glob.glob(os.path.join(HOSTS, '*.cpuid'))):
            self.dumps.append(dump_of(path))
        self.passports = [json.loads(output_of([self.host]))] + [
            json.loads(output_of([self.host, '--from', '-'], dump))
            for dump in self.dumps]
        self.partials = [self.partial(self.passports[:count])
                         for count in (1, len(self.passports))]

    def partial(self, passports):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
            json.dump(sealed(self.models), f)
            f.flush()
            text = output_of(
                [self.answer, 'fleet', '--partial', '-',
                 f'--models={f.name}'],
                ''.join(json.dumps({'name': f'host-{i}', 'passport': value})
                        + '\n' for i, value in enumerate(passports)))
        return json.loads(text)


# ---- cases ----

def with_digest(value):
    if not isinstance(value, dict):
        return value
    rest = {name: item for name, item in value.items() if name != 'digest'}
    return {**rest, 'digest': sha256(rest)}


def seal(value, kind):
    if kind == 'models' and isinstance(value, dict):
        return sealed(value)
    if kind == 'digest':
        return with_digest(value)
    if kind == 'host' and isinstance(value, dict) and 'passport' in value:
        return {**value, 'passport': with_digest(value['passport'])}
    if kind == 'host':
        return with_digest(value)
    return value


def bytes_of(item):
    """What is in a file of a case: text, or lines of JSON with digests"""
    if 'text' in item:
        return item['text'].encode('latin-1')
    # Half a surrogate pair has no UTF-8.
    return '\n'.join(json.dumps(seal(value, item['seal'])) for value in
                     item['lines']).encode() + b'\n'


class Fuzzer:
    """The kind of fuzzing, for scripts/fuzz"""
    name = 'tool'
    what = 'inputs'

    def __init__(self, directory, seeds=None):
        self.directory = directory
        self.seeds = seeds

    # What a case is made of

    def maybe_bytes(self, item, rng, chance=0.15):
        if rng.random() < chance:
            return {'text': mutated_bytes(bytes_of(item).decode('latin-1'),
                                          rng)}
        return item

    def models(self, rng, change=0.0):
        value = self.seeds.models
        if rng.random() >= change:
            return {'lines': [value], 'seal': 'models'}
        return self.maybe_bytes({'lines': [mutated(value, rng)],
                                 'seal': rng.choice(['models'] * 9 + [''])},
                                rng)

    def passport(self, rng):
        return self.maybe_bytes(
            {'lines': [mutated(rng.choice(self.seeds.passports), rng)],
             'seal': rng.choice(['digest'] * 9 + [''])}, rng, 0.1)

    def host_lines(self, rng):
        lines = []
        for i in range(rng.randrange(1, 6)):
            passport = mutated(rng.choice(self.seeds.passports), rng)
            lines.append(rng.choice([
                passport, {'name': f'h{i}', 'passport': passport},
                {'name': rng.choice(TEXTS), 'passport': passport},
                mutated(rng.choice(self.seeds.partials), rng),
                rng.choice(self.seeds.partials)]))
        return self.maybe_bytes({'lines': lines, 'seal': 'host'}, rng, 0.1)

    def cpu(self, rng):
        found = ','.join([rng.choice([
            rng.choice(self.seeds.names), 'base', 'host', 'max', 'custom',
            rng.choice(TEXTS)])] + [rng.choice([
                rng.choice('+-') + rng.choice(self.seeds.features),
                f'{rng.choice(self.seeds.features)}=on',
                f'{rng.choice(self.seeds.features)}={rng.choice(INTEGERS)}',
                f'{rng.choice(self.seeds.features)}={rng.choice(TEXTS)}',
                f'l2-cache-info={rng.choice(TEXTS)}', rng.choice(PIECES)])
                for _ in range(rng.randrange(5))])
        for _ in range(rng.choice([0, 0, 1, 3])):
            found = changed_text(found, rng)
        found = re.sub('[\0\ud800-\udfff]', '', found)[:60000]
        # What begins with a dash would be an option.
        return found.lstrip('-') or 'base'

    def options(self, rng):
        return [option for _ in range(rng.randrange(4))
                for option in rng.choice(OPTIONS)]

    def request(self, rng):
        verb = rng.choice([*VERBS_OF_CPUS, *VERBS_OF_HOSTS, 'list'])
        cpu = {'name': rng.choice(self.seeds.names), 'props': {
            rng.choice(self.seeds.features): rng.choice(
                [True, False, *INTEGERS, *TEXTS]) for _ in range(
                    rng.randrange(3))}}
        passport = with_digest(mutated(rng.choice(self.seeds.passports), rng))
        value = {'verb': verb, 'accel': rng.choice(['tcg', 'kvm'])}
        if verb in ('compare', 'baseline'):
            value['cpus'] = [cpu, rng.choice(self.seeds.names), self.cpu(rng)
                             ][:rng.randrange(4)]
        elif verb not in ('list', 'best', 'fleet'):
            value['cpu'] = rng.choice([cpu, self.cpu(rng)])
        if verb in ('best', 'fleet', 'baseline') and rng.random() < 0.5:
            value['hosts'] = [passport]
        if verb in ('check', 'show', 'expand') and rng.random() < 0.5:
            value['host'] = passport
        if verb == 'migrate':
            value['from'] = passport
            value['to'] = rng.choice(self.seeds.passports)
        return mutated(value, rng) if rng.random() < 0.6 else value

    # Cases, by what is changed in them

    def models_case(self, rng):
        verb, count = rng.choice(list(VERBS_OF_CPUS.items()) + [('list', 0)])
        return ['answer', verb, *self.options(rng),
                *rng.sample(self.seeds.names, count), '--models={m.json}'], {
                    'm.json': self.models(rng, 1.0)}

    def passport_case(self, rng):
        verb = rng.choice(VERBS_OF_HOSTS)
        files = {'m.json': self.models(rng), 'a.json': self.passport(rng)}
        args = {
            'check': ['EPYC', '--host={a.json}'],
            'show': ['EPYC', '--host={a.json}'],
            'best': ['{a.json}'], 'fleet': ['{a.json}'],
            'baseline': ['--host={a.json}', '--host={b.json}'],
            'migrate': ['qemu64', '--from={a.json}', '--to={b.json}'],
        }[verb]
        if '{b.json}' in ''.join(args):
            files['b.json'] = self.passport(rng)
        if rng.random() < 0.1:
            args[0] = self.cpu(rng) if verb in ('check', 'show') else args[0]
        return ['answer', verb, *self.options(rng), *args,
                '--models={m.json}'], files

    def fleet_case(self, rng):
        return ['answer', 'fleet', *self.options(rng),
                *rng.choice([[], ['--partial']]), '-', '--models={m.json}'], {
                    'm.json': self.models(rng),
                    'stdin': self.host_lines(rng)}

    def batch_case(self, rng):
        # Starting a program takes longer than an answer.
        lines = [self.request(rng) for _ in range(rng.randrange(1, 60))]
        return ['answer', '--batch', '--models={m.json}'], {
            'm.json': self.models(rng), 'stdin': self.maybe_bytes(
                {'lines': lines, 'seal': ''}, rng)}

    def dump_case(self, rng):
        return ['host', '--from', '-'], {'stdin': {'text': mutated_bytes(
            rng.choice(self.seeds.dumps), rng)}}

    def cpu_case(self, rng):
        verb, count = rng.choice(list(VERBS_OF_CPUS.items()))
        return ['answer', verb, *self.options(rng),
                *(self.cpu(rng) for _ in range(count)),
                '--models={m.json}'], {'m.json': self.models(rng)}

    def case(self, rng):
        args, files = rng.choice([
            self.models_case, self.models_case, self.passport_case,
            self.passport_case, self.fleet_case, self.batch_case,
            self.batch_case, self.dump_case, self.cpu_case])(rng)
        return {'args': args, 'files': files}

    # What it must do

    def run(self, case):
        with tempfile.TemporaryDirectory(prefix='fuzz-') as tmp:
            for name, item in case['files'].items():
                with open(os.path.join(tmp, name), 'wb') as f:
                    f.write(bytes_of(item))
            argv = [re.sub(r'\{([a-z.]+)\}', lambda m: os.path.join(tmp, m[1])
                           if m[1] in case['files'] else m[0], arg)
                    for arg in case['args']]
            stdin = os.path.join(tmp, 'stdin')
            with open(stdin if os.path.exists(stdin) else os.devnull,
                      'rb') as f:
                try:
                    done = subprocess.run(
                        [os.path.join(self.directory, argv[0]), *argv[1:]],
                        stdin=f, stdout=subprocess.PIPE, env=ENV, check=False,
                        stderr=subprocess.PIPE, timeout=TIMEOUT)
                except subprocess.TimeoutExpired as exc:
                    raise Finding(f'{case["args"][:2]}: no answer') from exc
        self.judge(case, done.returncode, done.stdout,
                   done.stderr.decode(errors='backslashreplace'))
        return len(case['files'].get('stdin', {}).get('lines', [None]))

    @staticmethod
    def judge(case, status, stdout, stderr):
        what = f"{' '.join(case['args'][:2])}"

        def bad(text):
            raise Finding(f'{what}: {text}', stderr[-6000:])

        if qemu_process.REPORT.search(stderr):
            raise Finding(qemu_process.summary(stderr), stderr[-6000:])
        if not 0 <= status <= 3:
            bad(f'exit status {status}')
        lines = stderr.splitlines()
        if len(lines) > 1 or any(not LINE_OF_ERROR.match(line)
                                 for line in lines):
            bad('stderr is not one line that says what is wrong')
        if status == 2 and not lines:
            bad('an error without a line')
        try:
            text = stdout.decode()
        except UnicodeDecodeError:
            bad('the output is not UTF-8')
        if '--batch' in case['args']:
            if status == 2:
                return
            answers = [json.loads(line) for line in text.splitlines()]
            given = [line for line in bytes_of(
                case['files']['stdin']).split(b'\n') if line.strip(b' \t\r')]
            if status or len(answers) != len(given):
                bad(f'{len(answers)} answers to {len(given)} requests')
            for answer in answers:
                if answer.get('status') not in (0, 1, 2, 3) or (
                        answer['status'] == 2) != ('error' in answer) and (
                            answer['status'] not in (1, 3)):
                    bad(f'an answer has status {answer.get("status")}')
        elif '--json' in case['args'] and '--check' not in case['args'] and \
                text:
            try:
                json.loads(text)
            except ValueError:
                bad('the output is not JSON')

    def smaller(self, case, _finding):
        """Cases with less in one of their files"""
        for name, item in case['files'].items():
            for less in (Fuzzer.less_text(item['text']) if 'text' in item
                         else Fuzzer.less_json(item['lines'])):
                yield {**case, 'files': {**case['files'], name: {
                    **item, 'text' if 'text' in item else 'lines': less}}}
        for i in range(2, len(case['args'])):
            if '{' not in case['args'][i]:
                yield {**case, 'args': case['args'][:i] + case['args'][i + 1:]}

    @staticmethod
    def less_text(text):
        size = len(text) // 2
        while size:
            for start in range(0, len(text), size):
                yield text[:start] + text[start + size:]
            size //= 2

    @staticmethod
    def less_json(lines):
        paths = sorted(Fuzzer.paths(lines), key=len)
        random.Random(0).shuffle(paths)
        for path in sorted(paths, key=len):
            less = copy.deepcopy(lines)
            inner = less
            for key in path[:-1]:
                inner = inner[key]
            del inner[path[-1]]
            yield less

    @staticmethod
    def paths(value, before=()):
        for key in (value if isinstance(value, dict) else
                    range(len(value)) if isinstance(value, list) else ()):
            yield *before, key
            yield from Fuzzer.paths(value[key], (*before, key))

    def lines(self, case):
        for name, item in case['files'].items():
            yield f"{name}: {bytes_of(item).decode('latin-1')}"[:4000]
