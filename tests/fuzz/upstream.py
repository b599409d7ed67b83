# SPDX-License-Identifier: GPL-2.0-or-later
"""
What fuzzing finds in upstream's code, and is not ours.

Each entry has what the report says, and why it is not a bug of this
repository.  Leaks are in lsan.supp.
"""

import re

KNOWN = [
]


REPORT = re.compile(r'(?m)^(?:.*runtime error:|=+$|.*Assertion|\*\*$)')


def reports(stderr):
    """What the sanitizers, or failed assertions, have said, one by one"""
    starts = [match.start() for match in REPORT.finditer(stderr)]
    return [stderr[start:end] for start, end in
            zip(starts, [*starts[1:], len(stderr)])
            if stderr[start:end].strip('=\n')]


def known(stderr):
    """Whether every report that QEMU has printed is of upstream's."""
    found = reports(stderr)
    return bool(found) and all(
        any(re.search(pattern, report) for pattern, _reason in KNOWN)
        for report in found)
