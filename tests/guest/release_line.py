# SPDX-License-Identifier: GPL-2.0-or-later
"""
The release line under test, and its machine types.

Newer lines have dropped old machine types: of_line() names the one that a
test uses instead.
"""

import os

LINE = os.environ.get('LINE') or '10.0'

# By line: the version of the oldest and of the newest versioned PC
VERSIONS = {'10.0': ((2, 4), (10, 0)), '11.1': ((5, 2), (11, 1))}
OLDEST_VERSION, NEWEST_VERSION = VERSIONS[LINE]

# Old and new machine types of both kinds
OLDEST = 'pc-i440fx-{}.{}'.format(*OLDEST_VERSION)
NEWEST = 'pc-q35-{}.{}'.format(*NEWEST_VERSION)
NEWEST_I440FX = 'pc-i440fx-{}.{}'.format(*NEWEST_VERSION)


def version(name):
    """(10, 0) for pc-q35-10.0, (4, 0, 1) for pc-q35-4.0.1"""
    return tuple(map(int, name.rpartition('-')[2].split('.')))


def has_type(name):
    """Whether the line has this machine type."""
    return OLDEST_VERSION <= version(name) <= NEWEST_VERSION


def of_line(name):
    """A machine type, or the oldest one of its kind if the line dropped it"""
    if has_type(name):
        return name
    return name[:name.rindex('-')] + '-{}.{}'.format(*OLDEST_VERSION)
