#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
A QEMU without CPU introspection, for tests of what scripts say of it.

Takes the options of -chardev and -qmp that the scripts use, and knows only
commands that stock QEMU has.
"""

import json
import re
import socket
import sys

GREETING = {'QMP': {'version': {
    'qemu': {'major': 10, 'minor': 0, 'micro': 1}, 'package': ''},
    'capabilities': []}}
ANSWERS = {
    'qmp_capabilities': {},
    'query-cpu-definitions': [
        {'name': name, 'typename': f'{name}-x86_64-cpu',
         'migration-safe': True} for name in ('base', 'EPYC')],
    'query-machines': [{'name': 'pc-q35-10.0', 'alias': 'q35'},
                       {'name': 'none'}],
    'query-cpus-fast': [{'qom-path': '/machine/cpu'}],
}


def answer_of(command, _arguments):
    """Returns stock QEMU's reply to a command."""
    if command in ANSWERS:
        return {'return': ANSWERS[command]}
    return {'error': {'class': 'CommandNotFound',
                      'desc': f'The command {command} has not been found'}}


def serve(questions, replies, answer=answer_of, greeting=GREETING):
    """
    Answers until nobody asks any more.

    :param answer: called with a command and its arguments; returns the reply,
                   or bytes instead of one
    """
    def say(what):
        replies.write((what if isinstance(what, bytes) else
                       json.dumps(what).encode()) + b'\n')
        replies.flush()

    say(greeting)
    text = b''
    # There need not be line breaks between questions.
    while data := questions.read(1):
        text += data
        try:
            question = json.loads(text)
        except ValueError:
            continue
        text = b''
        reply = answer(question['execute'], question.get('arguments', {}))
        if isinstance(reply, dict) and 'id' in question:
            reply['id'] = question['id']
        say(reply)


def main(answer=answer_of):
    options = ' '.join(sys.argv)
    if '-qmp stdio' in options:
        serve(sys.stdin.buffer, sys.stdout.buffer, answer)
        return
    if match := re.search('-qmp unix:([^,]*)', options):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(match[1])
            server.listen()
            connection = server.accept()[0]
    else:
        connection = socket.socket(
            fileno=int(re.search('fd=([0-9]+)', options)[1]))
    with connection, connection.makefile('rwb') as stream:
        serve(stream, stream, answer)


if __name__ == '__main__':
    try:
        main()
    except BrokenPipeError:
        pass
