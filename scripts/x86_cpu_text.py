# SPDX-License-Identifier: GPL-2.0-or-later
"""
How a CPU model and its properties are written for QEMU.

For the x86-cpu-* scripts: the argument of -cpu, and files for
-readconfig.
"""

from x86_cpu_errors import Failure

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
