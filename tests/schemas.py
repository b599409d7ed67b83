# SPDX-License-Identifier: GPL-2.0-or-later
"""
The schemas of what commands print as JSON.
"""

import json
import os

import jsonschema

SCHEMAS = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), 'docs', 'schema')


def check_schema(command, answer):
    """:raise jsonschema.ValidationError: a command's JSON is not as promised"""
    with open(os.path.join(SCHEMAS, f'{command}.schema.json'),
              encoding='utf-8') as f:
        jsonschema.Draft7Validator(json.load(f)).validate(answer)


def check_json(test, command, text):
    """
    Returns what a command printed as JSON, which has to be as promised, and
    sorted, so that two answers can be compared with diff.
    """
    answer = json.loads(text)
    check_schema(command, answer)
    test.assertEqual(text, json.dumps(answer, indent=2, sort_keys=True) + '\n')
    return answer
