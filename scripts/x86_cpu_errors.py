# SPDX-License-Identifier: GPL-2.0-or-later
"""
How the x86-cpu-* scripts tell a user what is wrong.

Needs no QEMU, and no library of its.
"""

import difflib


class Failure(Exception):
    """A message for the user, in one line."""


def near_matches(name, names):
    """Returns 'did you mean A, B or C?', '' if nothing is near."""
    lower = {n.lower(): n for n in names}
    near = [lower[n] for n in
            difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    if not near:
        return ''
    text = near[0]
    if len(near) > 1:
        text = ', '.join(near[:-1]) + ' or ' + near[-1]
    return f'did you mean {text}?'
