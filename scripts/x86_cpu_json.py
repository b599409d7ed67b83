# SPDX-License-Identifier: GPL-2.0-or-later
"""
Validates JSON from files and from QEMU.

For golden data and QEMU's answers.  Error messages are short, and an invalid
input never causes an exception of Python's parser or a missing member later.
Does not use jsonschema, which users may not have.
"""

import json

from x86_cpu_errors import shown

# What a property of a CPU can be
SCALAR = (bool, int, str)

# No number of a CPU has more; JSON has no limit.
INT_MIN, INT_MAX = -1 << 63, (1 << 64) - 1

NAMES = {bool: 'a boolean', int: 'a 64-bit integer', str: 'a string',
         dict: 'an object', list: 'a list', type(None): 'null'}


def load(text):
    """
    Returns what a JSON text, str or bytes, says.

    :raise ValueError: it is not JSON
    """
    try:
        if isinstance(text, bytes):
            text = text.decode()
        value = json.loads(text)
    except UnicodeDecodeError as e:
        raise ValueError(f'not UTF-8 at byte {e.start}') from e
    except RecursionError as e:
        raise ValueError('it is nested too deeply') from e
    except json.JSONDecodeError:
        raise
    except ValueError as e:
        # Python reads no integers of more than 4,300 digits.
        raise ValueError('it has a number of too many digits') from e
    check_characters(value)
    return value


def check_characters(value):
    """
    Checks all strings of a value that came from JSON.

    :raise ValueError: one has an escaped half of a surrogate pair, which
                       cannot be written in UTF-8
    """
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as e:
        raise ValueError('it has half of a surrogate pair') from e
    except RecursionError as e:
        raise ValueError('it is nested too deeply') from e


def is_a(value, kind):
    if kind is int:
        return (isinstance(value, int) and not isinstance(value, bool) and
                INT_MIN <= value <= INT_MAX)
    return isinstance(value, kind)


def check(value, shape, where=''):
    """
    Checks a value that came from JSON.

    :param shape: a type, or a tuple of types; [shape] for a list, [shape,
                  ...] for one that is not empty; {str: shape} for an object
                  with any names; {'name': shape, 'other?': shape} for one
                  with these members, and others
    :param where: what the value is called, '' for all of it
    :raise ValueError: it has another shape
    """
    if isinstance(shape, list):
        check(value, list, where)
        if ... in shape and not value:
            raise ValueError(f"{where or 'it'} is empty")
        for number, item in enumerate(value):
            check(item, shape[0], f'{where}[{number}]')
    elif isinstance(shape, dict):
        check(value, dict, where)
        if str in shape:
            for name, item in value.items():
                check(item, shape[str], member(where, name))
            return
        for name, inner in shape.items():
            optional = name.endswith('?')
            name = name.removesuffix('?')
            if name in value:
                check(value[name], inner, member(where, name))
            elif not optional:
                raise ValueError(f"{where or 'it'} has no member '{name}'")
    elif shape is not object:
        kinds = shape if isinstance(shape, tuple) else (shape,)
        if not any(is_a(value, kind) for kind in kinds):
            raise ValueError(f"{where or 'it'} is not " + ' or '.join(
                NAMES[kind] for kind in kinds))


def member(where, name):
    return f'{where}.{shown(name)}' if where else shown(name)
