# SPDX-License-Identifier: GPL-2.0-or-later
"""
Writes a CPU model and its properties for QEMU.

For the x86-cpu-* scripts: the argument of -cpu, files for -readconfig, and
tables as wide as the terminal.
"""

import json
import os
import re
import sys
import textwrap

from x86_cpu_errors import Failure

# Width without a terminal, and the minimum for readable tables
WIDTH = 100
LEAST_WIDTH = 60

# The least that the last column of a table can do with, and any column
LAST_COLUMN = 20
LEAST_COLUMN = 8

# util/qemu-config.c reads lines of up to 1023 bytes.
READCONFIG_LINE = 1023


def terminal_width():
    """Returns how wide text may be on stdout."""
    try:
        # Not sys.stdout, which a script may collect text with
        columns = os.get_terminal_size(sys.__stdout__.fileno()).columns
    except (AttributeError, OSError, ValueError):
        # AttributeError: stdout is closed.
        return WIDTH
    # A terminal that does not know its width says 0.
    return max(columns, LEAST_WIDTH) if columns else WIDTH


class Wrapper(textwrap.TextWrapper):
    """Breaks lines at blanks, and behind commas: -cpu has no blanks."""
    wordsep_simple_re = re.compile(r'([\t\n\v\f\r ]+|(?<=,)(?=[^,\s]))')

    def __init__(self, indent='', **kwargs):
        kwargs = {'width': terminal_width(), 'initial_indent': indent,
                  'subsequent_indent': indent, **kwargs}
        super().__init__(break_on_hyphens=False, **kwargs)


def filled(text, indent='', **kwargs):
    """Returns a paragraph as wide as the terminal."""
    return Wrapper(indent, **kwargs).fill(text)


def json_text(answer):
    """Returns JSON as every script writes it: sorted, to be compared."""
    return json.dumps(answer, indent=2, sort_keys=True) + '\n'


def value_text(value):
    """Returns a scalar of JSON as QEMU's options have it."""
    if isinstance(value, bool):
        return 'on' if value else 'off'
    return str(value)


def number_key(name):
    """Sorts -v10 behind -v9."""
    return [(int(part), '') if re.fullmatch('[0-9]+', part) else (-1, part)
            for part in re.split('([0-9]{1,9})', name)]


def cpu_argument(name, props):
    """Returns the argument of -cpu; a comma in a value is doubled there."""
    return ','.join([name] + [
        f'{key}={value_text(value)}'.replace(',', ',,')
        for key, value in sorted(props.items())])


def readconfig(name, driver, props, comments):
    """
    Returns a file for -readconfig, which -cpu NAME goes with.

    Such a file has no section for the CPU, but one for any property of
    any device.

    :raise Failure: a value cannot be written there
    """
    lines = [f'# {comment}' for comment in comments]
    for key, value in sorted(props.items()):
        text = f'  value = "{value_text(value)}"'
        for mark, what, other in (
                ('\n', 'a line break', '--format cpu --quote'),
                ('"', 'a double quote', '--format cpu')):
            if mark in value_text(value):
                raise Failure(f"readconfig: the value of '{key}' has {what}, "
                              'which no file for -readconfig can have; '
                              f'{other} can')
        if len(text.encode()) >= READCONFIG_LINE:
            raise Failure(f"readconfig: the value of '{key}' is too long "
                          'for a file for -readconfig; --format cpu has no '
                          'such limit')
        lines += ['', '[global]', f'  driver = "{driver}"',
                  f'  property = "{key}"', text]
    return '\n'.join(lines) + '\n'


def table(header, rows, limits):
    """
    Returns a table as text, as wide as the terminal at most.

    What is wider than its column's limit goes on in the next line; the last
    column takes the rest of the width.

    :param limits: of the columns but the last one
    """
    rows = [header, *rows]
    widths = [min(limit, max(len(row[i]) for row in rows))
              for i, limit in enumerate(limits)]
    room = terminal_width() - 2 * (len(widths) + 1)
    # On a narrow terminal the widest columns give way.
    while sum(widths) > room - LAST_COLUMN and max(widths) > LEAST_COLUMN:
        widths[widths.index(max(widths))] -= 1
    widths.append(max(LEAST_COLUMN, room - sum(widths)))
    lines = []
    for row in rows:
        cells = [Wrapper(width=width).wrap(cell) or ['']
                 for cell, width in zip(row, widths)]
        for number in range(max(map(len, cells))):
            lines.append('  ' + '  '.join(
                (cell[number] if number < len(cell) else '').ljust(width)
                for cell, width in zip(cells, widths)))
    return ''.join(f'{line.rstrip()}\n' for line in lines)
