# SPDX-License-Identifier: GPL-2.0-or-later
"""
Cases for programs that read qemu-cpu-models.json: their format.

For make_cases.py, which writes them, and run.py, which runs programs on them.
README.rst describes it.  Needs nothing but Python.
"""

import hashlib
import json
import lzma

FORMAT_VERSION = 1
COMMENT = ('SPDX-License-Identifier: CC0-1.0; written by '
           'tests/conformance/make_cases.py, never by hand')

# Statuses of answers
DONE, REFUSED = 0, 2

# What is wrong is shown with this much of an answer.
SHOWN = 8


class Refusal(Exception):
    """Why cases can't be used"""


def digest_of(model):
    """The SHA-256 of an answer's model, in canonical JSON"""
    text = json.dumps(model, sort_keys=True, separators=(',', ':'))
    return hashlib.sha256(text.encode()).hexdigest()


def line_of(contents):
    return json.dumps(contents, sort_keys=True, separators=(',', ':')) + '\n'


def write(path, header, cases):
    """Writes cases: the same cases, the same bytes."""
    text = ''.join(map(line_of, [header, *cases]))
    with open(path, 'wb') as f:
        f.write(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def read(path):
    """
    Returns the header and the cases of a file.

    :raise Refusal: these are not cases, or of another format
    """
    try:
        with (lzma.open if path.endswith('.xz') else open)(
                path, 'rt', encoding='utf-8') as f:
            header, *cases = map(json.loads, f)
    except (OSError, ValueError, lzma.LZMAError) as e:
        raise Refusal(f'{path}: {e}') from e
    if header.get('format-version') != FORMAT_VERSION:
        raise Refusal(f"{path}: format-version is "
                      f"{header.get('format-version')}, not {FORMAT_VERSION}")
    return header, cases


def read_models(path):
    """Returns what is in qemu-cpu-models.json."""
    try:
        with open(path, encoding='utf-8') as f:
            return json.load(f)
    except (OSError, ValueError) as e:
        raise Refusal(f'{path}: {e}') from e


def case_of(request, answer):
    """
    Returns the case of a request and its right answer.

    :param answer: a dictionary with status, and with model if that is DONE
    """
    case = {'request': request, 'status': answer['status']}
    if answer['status'] == DONE:
        case['sha256'] = digest_of(answer['model'])
    return case


def differing_props(found, expected):
    """Yields what differs between two answers, for people."""
    names = sorted({*found, *expected})
    odd = [n for n in names if n not in found or n not in expected
           or line_of(found[n]) != line_of(expected[n])]
    for name in odd[:SHOWN]:
        yield (f'{name} is {json.dumps(found.get(name, "absent"))}, not '
               f'{json.dumps(expected.get(name, "absent"))}')
    if len(odd) > SHOWN:
        yield f'{len(odd) - SHOWN} more'


def problem(case, answer):
    """
    Returns what is wrong with an answer, or ''.

    :param answer: any JSON, or None if there is none
    """
    request = case['request']
    if not isinstance(answer, dict):
        return 'no answer'
    if answer.get('id') != request['id']:
        return f"the answer is that of {json.dumps(answer.get('id'))}"
    if answer.get('status') != case['status']:
        error = answer.get('error')
        return (f"status {json.dumps(answer.get('status'))}, not "
                f"{case['status']}" +
                (f': {json.dumps(error)}' if error else ''))
    if case['status'] != DONE:
        return '' if answer.get('error') else 'no error'
    if answer.get('format-version') != FORMAT_VERSION:
        return f"format-version is not {FORMAT_VERSION}"
    if answer.get('verb') != request['verb']:
        return f"verb is not {request['verb']}"
    model = answer.get('model')
    if not isinstance(model, dict) or not isinstance(model.get('props'),
                                                     dict):
        return 'no model with props'
    if digest_of(model) == case['sha256']:
        return ''
    if 'model' in case:
        return '; '.join(differing_props(model['props'],
                                         case['model']['props'])
                         ) or 'model is not right'
    return 'props are not those of QEMU'
