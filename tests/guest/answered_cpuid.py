# SPDX-License-Identifier: GPL-2.0-or-later
"""
What query-cpu-cpuid says, next to what a guest reads.

For tests that hold one against the other.
"""

from cpu_models import differences
from guest_cpuid import DYNAMIC_BITS, REGISTERS, make_view


def view_of(reply):
    """The View that a reply of query-cpu-cpuid is"""
    leaves = {(leaf['leaf'], leaf.get('subleaf', 0)):
              tuple(leaf[f'e{r}x'] for r in 'abcd')
              for leaf in reply['leaves']}
    assert len(leaves) == len(reply['leaves']), 'a leaf is there twice'
    return make_view(leaves, {msr['index']: msr['value']
                              for msr in reply['msrs']})


def without(view, bits):
    """A view without bits: {(leaf, subleaf, register): mask}"""
    cpuid = dict(view.cpuid)
    for (leaf, subleaf, name), mask in bits.items():
        if (leaf, subleaf) in cpuid:
            registers = list(cpuid[leaf, subleaf])
            registers[REGISTERS.index(name)] &= ~mask
            cpuid[leaf, subleaf] = tuple(registers)
    return make_view(cpuid, view.msrs)


def is_end(key, values):
    """Whether it ends the list of a topology: ECX is its number"""
    leaf, subleaf = key
    return leaf in (0xb, 0x1f) and subleaf and not values[2] >> 8 & 0xff


def not_answered(accel, guest, answer):
    """Differences between a guest's View and what was answered"""
    msrs = {index: value for index, value in (guest.msrs or {}).items()
            if value}
    if not guest.cpuid[0, 0][0] and not answer.msrs:
        # The ROM can't tell that there are none: leaf 1 is above the level.
        msrs = {}
    if accel == 'kvm':
        return differences(guest._replace(msrs=msrs), answer)
    # The ROM reads the subleaves that list nothing as well, and what the
    # processor changes while it runs.
    theirs, ours = (without(v, {**DYNAMIC_BITS, (0xd, 0, 'EBX'): 0xffffffff})
                    for v in (guest, answer))
    listed = {key: values for key, values in theirs.cpuid.items()
              if key in ours.cpuid or not is_end(key, values)}
    return differences(make_view(listed, msrs), ours)
