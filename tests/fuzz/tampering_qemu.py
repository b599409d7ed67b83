#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
A QEMU that does what the fuzzer must find, for the test of the fuzzer.

Stands between it and the real QEMU, $TAMPER_QEMU, hands QMP through, and does
the one thing that $TAMPER names.
"""

import json
import os
import subprocess
import sys

QEMU = os.environ['TAMPER_QEMU']
WRONG = os.environ['TAMPER']
REPORT = '''=================================================================
==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x1 at pc 0x1
READ of size 8 at 0x1 thread T0
    #0 0x1 in read_feature ../target/i386/ext/feature-flags.c:1
    #1 0x1 in object_property_get ../qom/object.c:1
'''
LEAK = '''=================================================================
==1==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 16 byte(s) in 1 object(s) allocated from:
    #0 0x1 in malloc
    #1 0x1 in cpu_model_expand ../target/i386/ext/model-expansion.c:1
'''


def complain(text):
    sys.stderr.write(text)
    sys.stderr.flush()


class Tamper:
    """Changes answers."""

    def __init__(self, qemu):
        self.qemu = qemu
        self.expansions = 0
        self.phantom = False

    def answer(self, request, reply):
        name = request.get('execute')
        if name == 'query-cpu-model-expansion':
            self.expansions += 1
            if WRONG == 'report':
                complain(REPORT)
            if WRONG == 'abort' and self.expansions > 4:
                complain('**\nERROR:model-expansion.c:1: assertion failed\n')
                self.qemu.kill()
                os.abort()
            if WRONG == 'no-answer' and self.expansions > 4:
                self.qemu.kill()
                os._exit(0)
            if WRONG == 'changing' and 'return' in reply:
                reply['return']['model']['props']['x'] = self.expansions
            if WRONG == 'long-error' and 'error' in reply:
                reply['error']['desc'] += 100000 * 'x'
            if WRONG == 'two-lines' and 'error' in reply:
                reply['error']['desc'] = 'No\nfor many reasons'
            if WRONG == 'prints' and 'return' in reply:
                complain('debugging\n')
            if WRONG == 'other-machine' and 'machine-type' in str(request):
                reply.get('return', {}).pop('removed-features', None)
                reply['return'] = {'model': {'name': 'base', 'props': {}}}
                reply.pop('error', None)
        if name == 'device_add' and 'error' in reply:
            self.phantom = WRONG == 'phantom'
        if name == 'query-cpus-fast' and self.phantom:
            reply['return'].append({'qom-path': '', 'thread-id': 0})
        return reply


def main():
    argv = [QEMU, *sys.argv[1:]]
    if '-qmp' not in argv:
        os.execv(QEMU, argv)
    # QEMU does not end because its monitor is gone, and a fuzzer kills this.
    with subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', *argv],
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as qemu:
        tamper = Tamper(qemu)
        sys.stdout.buffer.write(qemu.stdout.readline())
        sys.stdout.flush()
        for line in sys.stdin.buffer:
            request = json.loads(line)
            qemu.stdin.write(line)
            qemu.stdin.flush()
            while True:
                answer = qemu.stdout.readline()
                if not answer:
                    break
                reply = json.loads(answer)
                if 'event' not in reply:
                    reply = tamper.answer(request, reply)
                sys.stdout.write(json.dumps(reply) + '\n')
                sys.stdout.flush()
                if 'event' not in reply:
                    break
            if not answer:
                break
        qemu.stdin.close()
        qemu.stdout.read()
    if WRONG == 'leak' and not qemu.returncode:
        complain(LEAK)
        sys.exit(77)
    if qemu.returncode < 0:
        os.kill(os.getpid(), -qemu.returncode)
    sys.exit(qemu.returncode)


if __name__ == '__main__':
    sys.setrecursionlimit(20000)
    main()
