#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
A QEMU with a few CPU models, for tests of x86-cpu-golden.

Answers: what does the script say of a QEMU that differs from what was
released?  There is no QEMU with a mistake to be had for each test.  In
$FAKE_QEMU_TABLE is the answer of query-cpu-model-table; $FAKE_QEMU_FAULT is
something that goes wrong.
"""

import json
import os
import re
import socket
import sys

FAULT = os.environ.get('FAKE_QEMU_FAULT')
COMMAND = 'query-cpu-model-table'
NOT_FOUND = {'stock': ('query-cpu-features', COMMAND), 'old': (COMMAND,)}


def answer(command):
    """Returns the reply to a command."""
    if command in NOT_FOUND.get(FAULT, ()):
        return {'error': {'class': 'CommandNotFound', 'desc':
                          f'The command {command} has not been found'}}
    if command == COMMAND:
        if FAULT == 'death':
            sys.exit('fake_qemu: out of order')
        if FAULT == 'error':
            return {'error': {'class': 'GenericError',
                              'desc': 'No such luck'}}
        with open(os.environ['FAKE_QEMU_TABLE'], encoding='utf-8') as f:
            return {'return': json.load(f)}
    return {'return': [] if command == 'query-cpu-features' else {}}


def main():
    fd = int(re.search('fd=([0-9]+)', ' '.join(sys.argv))[1])
    with socket.socket(fileno=fd) as connection, connection.makefile(
            'rw') as stream:
        def say(what):
            print(json.dumps(what), file=stream, flush=True)

        say({'QMP': {'version': {'qemu': {'major': 10, 'minor': 0, 'micro': 1},
                                 'package': ''}, 'capabilities': []}})
        text = ''
        # There are no line breaks between questions.
        while data := stream.read(1):
            text += data
            try:
                question = json.loads(text)
            except ValueError:
                continue
            text = ''
            reply = answer(question['execute'])
            if 'id' in question:
                reply['id'] = question['id']
            say(reply)


if __name__ == '__main__':
    main()
