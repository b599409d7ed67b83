# SPDX-License-Identifier: GPL-2.0-or-later
"""
Maps users' names of features to QEMU's.

For the x86-cpu-* scripts: QEMU's names, its aliases, libvirt's names and
those of /proc/cpuinfo, from query-cpu-features.  Needs no QEMU.
"""

import re

from x86_cpu_errors import Failure, near_matches, one_of, shown

# Of an entry; see x86_cpu_json.check()
ENTRY = {'name': str, 'aliases?': [str], 'libvirt?': str, 'cpuinfo?': [str]}

# Options that decide whether a guest starts, not what its CPU is, with the
# values that QEMU takes (qapi_bool_parse(), EnforceReport)
BOOL = ('on', 'off', 'yes', 'no', 'true', 'false', 'y', 'n')
FOR_THE_START = {'check': BOOL, 'enforce': BOOL,
                 'enforce-report': ('text', 'json')}

# QEMU's errors, where -cpu or -machine has a name that it does not know.  The
# types of machines and CPU models may have dots in their names.
NOT_FOUND = re.compile(
    "Property '([^']+?-(?:x86_64|i386)-cpu)[.]([^']+)' not found")
NO_OPTION = re.compile("Property '([^']+?)-machine[.]([^']+)' not found")


class Names:
    """The names of all features."""

    def __init__(self, entries):
        """:param entries: a list of ENTRY"""
        self._names = {e['name'] for e in entries}
        self._others = self._by_others(entries, lambda name: name)
        self._dashed = self._by_others(entries, dashed)

    @staticmethod
    def _by_others(entries, spell):
        """
        The names of features by what else they are called; a flag of
        /proc/cpuinfo can tell of several.
        """
        names = {}
        for others in (lambda e: e.get('aliases', []),
                       lambda e: [e['libvirt']] if 'libvirt' in e else [],
                       lambda e: e.get('cpuinfo', [])):
            found = {}
            for entry in entries:
                for other in others(entry):
                    features = found.setdefault(spell(other), [])
                    if entry['name'] not in features:
                        features.append(entry['name'])
            # QEMU's own names go before libvirt's, these before Linux's.
            names = {**found, **names}
        return names

    def __iter__(self):
        yield from sorted({*self._names, *self._others})

    def of_several(self):
        """Returns the features of each name that find() refuses."""
        return {name: found for name, found in self._others.items()
                if len(found) > 1 and name not in self._names}

    def find(self, name, dashes=False):
        """
        Returns QEMU's name of a feature, None if there is no such feature.

        :param dashes: "_" is the same as "-", as in NAME=VALUE of -cpu
        :raise Failure: it is the name of several
        """
        text = dashed(name) if dashes else name
        if text in self._names:
            return text
        found = (self._dashed if dashes else self._others).get(text)
        if found and len(found) > 1:
            raise Failure(f"feature '{shown(name)}' is {one_of(found)} in "
                          'QEMU; name one of them')
        return found[0] if found else None


def dashed(name):
    """Returns NAME as QEMU takes it in NAME=VALUE (feat2prop())."""
    return name.replace('_', '-')


def split_options(cpu):
    """
    Returns the model and the options of -cpu.

    A doubled comma is part of an option, and stays doubled.
    """
    model, *options = cpu.replace(',,', '\0').split(',')
    return (model.replace('\0', ',,'),
            [option.replace('\0', ',,') for option in options])


def option_name(option):
    """Returns what comes before the name in an option, it, and the rest."""
    sign = option[:1] if option[:1] in ('+', '-') else ''
    name, equals, value = option[len(sign):].partition('=')
    return sign, name, equals + value


def for_the_start(name):
    """Does an option of -cpu only decide whether the guest starts?"""
    return dashed(name) in FOR_THE_START


def check_start_value(name, value):
    """:raise Failure: QEMU refuses this value of such an option"""
    values = FOR_THE_START[dashed(name)]
    if value not in values:
        raise Failure(f"{name} of a CPU cannot be '{shown(value)}'; use "
                      f'{one_of(values[:2])}')


def left_out(option):
    """Returns the note of such an option."""
    return (f'{shown(option)} is left out: it decides whether the guest '
            'starts, not what the CPU is')


def understand(cpu, names):
    """
    Returns the argument of -cpu as QEMU takes it, and notes of what differs.

    It may be that of a guest that did not start: what only decides about
    the start is left out.  Features may have any of their names.

    :raise Failure: a name is that of several features, or QEMU refuses a
                    value of what is left out
    """
    model, options = split_options(cpu)
    taken, notes = [model], []
    for option in options:
        sign, name, rest = option_name(option)
        # After + or -, a value is part of the name to QEMU, which finds none.
        if for_the_start(name) and not (sign and rest):
            check_start_value(name, rest[1:].replace(',,', ',') if rest else
                              'off' if sign == '-' else 'on')
            notes.append(left_out(option))
            continue
        feature = names.find(name, dashes=not sign)
        if feature and feature != name:
            notes.append(f'{shown(name)} is {feature}')
            option = sign + feature + rest
        taken.append(option)
    return ','.join(taken), notes


def explain(failure, names, properties, qemu):
    """
    Returns a Failure of QEMU's start, better if it is about a name.

    :param properties: names of the properties that a CPU has
    :param qemu: what to call QEMU
    """
    match = NO_OPTION.search(str(failure))
    if match:
        return Failure(f"unknown option '{shown(match[2])}' of machine type "
                       f"{match[1]}; '{qemu} -machine {match[1]},help' lists "
                       'all')
    match = NOT_FOUND.search(str(failure))
    if not match:
        return failure
    near = near_matches(match[2], {
        *names, *(p for p in properties if not p.startswith('f-'))},
        names.of_several())
    return Failure('unknown CPU feature or property '
                   f"'{shown(match[2])}'; " +
                   (near or f"'{qemu} -device {match[1]},help' lists all"))
