#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
docs/detecting.rst: each query that it shows finds what it says, and would not
in a QEMU without that.
"""

import json
import os
import re
import subprocess
import unittest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
QEMU = os.environ['QTEST_QEMU_BINARY']
MORE = '...'


def examples():
    """The pairs of query and answer in the page"""
    with open(os.path.join(REPO, 'docs', 'detecting.rst'),
              encoding='utf-8') as f:
        text = re.sub(r'\.\.\.(?=[ ,\n])', f'"{MORE}"', f.read())
    found = []
    for block in re.findall(r'^    (->.*?)(?=^\S|\n\n|\Z)', text, re.M | re.S):
        query, answer = re.split(r'^ *<-', block[2:], flags=re.M)
        # In objects, it stands for any members.
        answer = re.sub(rf', "{MORE}" \}}', f', "{MORE}": 0 }}', answer)
        found.append((json.loads(query), json.loads(answer)))
    return found


def is_in(part, whole):
    """Whether JSON is there, with more where the page says so"""
    if isinstance(part, dict):
        return isinstance(whole, dict) and \
            (MORE in part or len(part) == len(whole)) and all(
                key in whole and is_in(value, whole[key])
                for key, value in part.items() if key != MORE)
    if isinstance(part, list):
        return isinstance(whole, list) and MORE in part and all(
            any(is_in(wanted, item) for item in whole)
            for wanted in part if wanted != MORE)
    return part == whole and type(part) is type(whole)


def leaves(answer, path=()):
    """The paths of all that an answer in the page says"""
    if isinstance(answer, (dict, list)):
        for key in (answer if isinstance(answer, dict)
                    else range(len(answer))):
            if MORE not in (key, answer[key]):
                yield from leaves(answer[key], (*path, key))
    else:
        yield path


def changed(answer, path):
    """A copy with another value at a path"""
    answer = json.loads(json.dumps(answer))
    inner = answer
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = 'xyzzy'
    return answer


class Detecting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.examples = examples()
        commands = [{'execute': 'qmp_capabilities'},
                    *(query for query, _ in cls.examples),
                    {'execute': 'quit'}]
        with subprocess.Popen(
                [QEMU, '-machine', 'none', '-nodefaults', '-display', 'none',
                 '-accel', 'tcg', '-qmp', 'stdio'], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            cls.replies = []
            for command in commands:
                process.stdin.write(json.dumps(command) + '\n')
                process.stdin.flush()
                cls.replies.append(json.loads(process.stdout.readline()))
        cls.replies = cls.replies[1:-1]

    def test_all_are_shown(self):
        self.assertGreaterEqual(len(self.examples), 8)

    def test_queries(self):
        for (query, answer), reply in zip(self.examples, self.replies):
            with self.subTest(query=query, answer=answer):
                self.assertTrue(is_in(answer, reply))

    def test_nothing_is_found_by_chance(self):
        """An answer that differs anywhere is not this QEMU's"""
        for (_, answer), reply in zip(self.examples, self.replies):
            for path in leaves(answer):
                with self.subTest(path=path, answer=answer):
                    self.assertFalse(is_in(changed(answer, path), reply))


if __name__ == '__main__':
    unittest.main()
