# SPDX-License-Identifier: GPL-2.0-or-later
"""
Corrupt fingerprints of CPUs in migration streams.

Takes the stream of a guest with -machine cpu-compat or -cpu custom, changes
what is in its subsection "cpu/fingerprint", and has a second QEMU load it.
Answers: is it refused or taken, in few words?  Whatever comes from the
network may be corrupt.
"""

import contextlib
import json
import os
import struct
import tempfile

import inputs
from fuzz_qmp import load, migration_end
from qemu_process import Finding, NotStarted, Qemu
from release_line import NEWEST, NEWEST_I440FX, OLDEST

NAME = b'cpu/fingerprint'
# migration/savevm.h
SUBSECTION = b'\x05'
# Guests whose CPU does not follow from the machine type
GUESTS = [
    ['-machine', f'{NEWEST},cpu-compat={OLDEST}', '-cpu', 'EPYC'],
    ['-machine', f'{NEWEST_I440FX},cpu-compat=pc-q35-9.0', '-cpu', 'max',
     '-smp', '2'],
    ['-machine', 'pc-q35-9.0', '-cpu', 'custom'],
]
WORDS = [0, 1, 2, 5, 6, 7, 0xffff, 0x10000, 0x10001, 0x7fffffff, 0x80000000,
         0xffffffff, 0x40000000, 0x80000002]


def described(data):
    """The description that ends a stream, as JSON"""
    return json.loads(data[data.rindex(b'{"configuration"'):])


def size_of(fields):
    """How many bytes the fields of a description have in the stream"""
    return sum(field.get('size', 0) * field.get('array_len', 1)
               for field in fields)


def described_size(device):
    for sub in device.get('subsections', []):
        if sub['vmsd_name'] == NAME.decode():
            return size_of(sub['fields'])
        inner = described_size(sub)
        if inner:
            return inner
    return 0


def fingerprints(data):
    """
    Where the contents of the subsections are: (start, end) of each.

    By name and by the stream's own description: whatever is in them.
    """
    sizes = [size for size in map(described_size, described(data)['devices'])
             if size]
    found, start = [], 0
    head = SUBSECTION + bytes([len(NAME)]) + NAME
    for size in sizes:
        start = data.index(head, start) + len(head) + 4
        found.append((start, start + size))
        start += size
    return found


def mutate(rng, data, places):
    """The stream with other contents of a fingerprint"""
    start, end = rng.choice(places)
    body = bytearray(data[start:end])

    def somewhere(size=1):
        return rng.randrange(max(len(body) - size, 1))

    for _ in range(rng.choice([1, 1, 2, 8, 100])):
        kind = rng.randrange(9)
        word = 4 * (somewhere(4) // 4)
        if kind == 0:
            body[somewhere()] ^= 1 << rng.randrange(8)
        elif kind == 1:
            body[somewhere()] = rng.randrange(256)
        elif kind < 4:
            # The first word is a count, now; others may become one.
            at = rng.choice([0, word])
            struct.pack_into('>I', body, at, rng.choice(
                WORDS + [rng.getrandbits(32)]))
        elif kind == 4:
            at, size = somewhere(), rng.choice([1, 4, 24, 1000])
            del body[at:at + size]
            if len(body) < 8:
                break
        elif kind == 5:
            at = rng.choice([word, somewhere()])
            body[at:at] = rng.randbytes(rng.choice([1, 4, 24, 4096]))
        elif kind == 6:
            size = rng.choice([4, 24, 240])
            a, b = (4 * (somewhere(size) // 4) for _ in 'ab')
            body[a:a + size], body[b:b + size] = (body[b:b + size],
                                                  body[a:a + size])
        elif kind == 7:
            body = bytearray(rng.randbytes(len(body)))
        else:
            at = word
            body[at:] = bytes(len(body) - at)
    changed = data[:start] + bytes(body) + data[end:]
    if rng.random() < 0.05:
        # The network ends
        changed = changed[:start + somewhere()]
    if rng.random() < 0.05:
        # Another version, or another name
        at = start - 4 - rng.randrange(len(NAME) + 1)
        changed = changed[:at] + bytes([rng.randrange(256)]) \
            + changed[at + 1:]
    return changed


class Fuzzer:
    """The kind of fuzzing, for scripts/fuzz"""
    name = 'fingerprint'
    what = 'streams'

    def __init__(self, binary, knowledge):
        self.binary = binary
        self.knowledge = knowledge
        self.streams = {}
        # A fuzzer that loads nothing, or that all is refused of, finds
        # nothing.
        self.refused = self.taken = 0

    def guest(self, know, index):
        """Arguments of a guest with a fingerprint; -cpu custom is whole."""
        args = ['-accel', know.accel, *GUESTS[index], '-m', '16']
        if 'custom' in args:
            with Qemu(self.binary, ['-accel', know.accel, '-machine',
                                    'pc-q35-9.0']) as qemu:
                props = qemu.ask('query-cpu-model-expansion', {
                    'type': 'static', 'model': {'name': 'EPYC'}})
            args[args.index('custom')] = inputs.cpu_option(
                'custom', props['model']['props'])
        return args

    def stream(self, know, index):
        """A guest's arguments, and its stream"""
        key = know.accel, index
        if key not in self.streams:
            args = self.guest(know, index)
            with Qemu(self.binary, args) as qemu:
                path = qemu.path('stream')
                qemu.ask('migrate', {'uri': f'file:{path}'})
                if migration_end(qemu) != 'completed':
                    raise Finding('a guest does not migrate', qemu.stderr())
                with open(path, 'rb') as f:
                    data = f.read()
            places = fingerprints(data)
            if not places:
                raise Finding('a stream has no fingerprint', str(args))
            self.streams[key] = args, data, places
        return self.streams[key]

    def case(self, rng):
        know = rng.choice(self.knowledge)
        try:
            args, data, places = self.stream(know,
                                             rng.randrange(len(GUESTS)))
        except NotStarted:
            return {'args': None}
        if rng.random() < 0.02:
            return {'args': args, 'stream': data.hex(), 'same': True}
        return {'args': args, 'same': False,
                'stream': mutate(rng, data, places).hex()}

    def run(self, case):
        if not case['args']:
            return 0
        with tempfile.TemporaryDirectory(prefix='fuzz-') as tmp:
            path = os.path.join(tmp, 'stream')
            with open(path, 'wb') as f:
                f.write(bytes.fromhex(case['stream']))
            with contextlib.suppress(NotStarted):
                taken, stderr = load(self.binary, case['args'], path)
                if case['same'] and not taken:
                    raise Finding('the same QEMU refuses the stream', stderr)
                if not taken and not stderr.strip():
                    raise Finding('refuses a stream without a word')
                self.taken += taken
                self.refused += not taken
                return 1
        return 0

    def smaller(self, _case, _finding):
        return []

    def lines(self, _case):
        return []
