# SPDX-License-Identifier: GPL-2.0-or-later
"""
How a CPU model and its properties are written for QEMU.

For the x86-cpu-* scripts: the argument of -cpu, files for -readconfig, and
tables for people.
"""

import textwrap

from x86_cpu_errors import Failure

WIDTH = 100

# util/qemu-config.c reads lines of up to 1023 bytes.
READCONFIG_LINE = 1023


def value_text(value):
    """Returns a scalar of JSON as QEMU's options have it."""
    if isinstance(value, bool):
        return 'on' if value else 'off'
    return str(value)


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
        for mark, what in (('"', 'a double quote'), ('\n', 'a line break')):
            if mark in value_text(value):
                raise Failure(f"readconfig: the value of '{key}' has {what}, "
                              'which no file for -readconfig can have; '
                              '--format cpu can')
        if len(text.encode()) >= READCONFIG_LINE:
            raise Failure(f"readconfig: the value of '{key}' is too long "
                          'for a file for -readconfig; --format cpu has no '
                          'such limit')
        lines += ['', '[global]', f'  driver = "{driver}"',
                  f'  property = "{key}"', text]
    return '\n'.join(lines) + '\n'


def table(header, rows, limits):
    """
    Returns a table as text, WIDTH wide at most.

    What is wider than its column's limit goes on in the next line; the last
    column takes the rest of the width.

    :param limits: of the columns but the last one
    """
    rows = [header, *rows]
    widths = [min(limit, max(len(row[i]) for row in rows))
              for i, limit in enumerate(limits)]
    widths.append(WIDTH - sum(widths) - 2 * (len(widths) + 1))
    lines = []
    for row in rows:
        cells = [textwrap.wrap(cell, width, break_on_hyphens=False) or ['']
                 for cell, width in zip(row, widths)]
        for number in range(max(map(len, cells))):
            lines.append('  ' + '  '.join(
                (cell[number] if number < len(cell) else '').ljust(width)
                for cell, width in zip(cells, widths)))
    return ''.join(f'{line.rstrip()}\n' for line in lines)
