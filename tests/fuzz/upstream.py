# SPDX-License-Identifier: GPL-2.0-or-later
"""
What fuzzing finds in upstream's code, and is not ours.

Each entry has what the report says, and why it is not a bug of this
repository.  Leaks are in lsan.supp.
"""

import re

KNOWN = [
    # Only together: another MSR, or an assertion alone, is a finding.
    (r'failed to set MSR 0x10a to', 'some kernels offer '
     'IA32_ARCH_CAPABILITIES and refuse to set it (docs/removed-features.rst)'),
    (r'kvm_buf_set_msrs: Assertion', 'QEMU aborts then'),
]


REPORT = re.compile(r'(?m)^(?:.*runtime error:|=+$|.*failed to set MSR|'
                    r'.*Assertion|\*\*$)')


def reports(stderr):
    """What the sanitizers, or failed assertions, have said, one by one"""
    starts = [match.start() for match in REPORT.finditer(stderr)]
    return [stderr[start:end] for start, end in
            zip(starts, [*starts[1:], len(stderr)])
            if stderr[start:end].strip('=\n')]


def known(stderr):
    """Whether every report that QEMU has printed is of upstream's."""
    found = reports(stderr)
    # Which MSR it is about, the line before says.
    if ('kvm_buf_set_msrs' in stderr) != ('failed to set MSR' in stderr):
        return False
    return bool(found) and all(
        any(re.search(pattern, report) for pattern, _reason in KNOWN)
        for report in found)
