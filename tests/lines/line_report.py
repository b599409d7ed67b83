# SPDX-License-Identifier: GPL-2.0-or-later
"""
The report on the lines: docs/lines-10.0-11.1.rst.

For scripts/lines-report, which measures and writes facts.json and the
document, and test_lines.py, which measures again.  The document is made of
facts.json and causes.json alone, and both have the same bytes whenever the
same was measured.
"""

import json
import os
import textwrap

from line_views import (
    CONFIGURED, HERE, HOST, KINDS, NEW, OLD, REPO, SETUPS, Case, Lines,
    LinesError, missing,
)
import x86_cpu_golden

FACTS = os.path.join(HERE, 'facts.json')
DOCUMENT = os.path.join(REPO, 'docs', f'lines-{OLD}-{NEW}.rst')
COMMENT = ('SPDX-License-Identifier: GPL-2.0-or-later; written by '
           '"make lines-report", never by hand')
ACCELERATORS = {'tcg': 'TCG', 'kvm': 'KVM'}
NAMED, STATIC = 'named', 'static'


# Measuring

def named_cases(machines, models):
    """
    The same model on the same machine type.  What the host lacks depends on
    no machine type: without forcing, only the oldest and the newest.
    """
    return [Case(machine, machine, model, None, setup)
            for setup in SETUPS
            for machine in (machines if setup != 'plain' else
                            sorted({machines[0], machines[-1]}))
            for model in models]


def static_cases(descriptions, targets):
    """
    A description on one machine type per layer; on the newest alone, which
    is the first, with several dies and where it is not forced.
    """
    return [Case(machine, target, model, props, setup)
            for setup in SETUPS for machine, model, props in descriptions
            for target in (targets if setup == 'forced' else targets[:1])]


def measure(accel, causes):
    """Compares everything under one accelerator; returns the Lines."""
    lines = Lines(accel, causes)
    lines.compare(named_cases(
        lines.machines, lines.models + lines.configured), NAMED)
    old = lines.labs[OLD]
    descriptions = list(lines.descriptions(
        old.machines, old.models + lines.configured))
    lines.targets = lines.layers()
    lines.compare(static_cases(descriptions, lines.targets), STATIC)
    return lines


def kind_of(case):
    return NAMED if case.props is None else STATIC


def cpu_of(case):
    """What counts once: on how many machine types of 11.1 doesn't matter."""
    return (case.source, case.model)


def facts_of(lines):
    """What facts.json has of an accelerator"""
    found = {}
    for kind in (NAMED, STATIC):
        for setup in SETUPS:
            def chosen(cases, kind=kind, setup=setup):
                return {cpu_of(case) for case in cases
                        if kind_of(case) == kind and case.setup == setup}
            by_cause = {cause.name: chosen(lines.explained[cause.name])
                        for cause in lines.causes}
            found.setdefault(kind, {})[setup] = {
                'compared': len(chosen(lines.compared)),
                'different': len(set().union(*by_cause.values())),
                'causes': {
                    name: models_of(cpus, lines.labs[OLD].machines)
                    for name, cpus in by_cause.items() if cpus}}
    return {**found, 'targets': sorted(lines.targets,
                                       key=x86_cpu_golden.type_key)}


def models_of(cpus, machines):
    """{model: machine types of 10.0}, both sorted"""
    found = {}
    for machine, model in cpus:
        found.setdefault(model, set()).add(machine)
    return {model: x86_cpu_golden.ranges(types, machines)
            for model, types in sorted(found.items())}


def names_of(lines):
    """What both lines, and only one of them, have"""
    old, new = lines.labs[OLD], lines.labs[NEW]
    return {
        what: {'both': [n for n in a if n in b],
               OLD: [n for n in a if n not in b],
               NEW: [n for n in b if n not in a]}
        for what, a, b in (
            ('machine-types', old.machines, new.machines),
            ('models', old.models, new.models))}


def text_of(facts):
    return json.dumps({'$comment': COMMENT, **facts}, indent=1) + '\n'


def load_facts(path=FACTS):
    with open(path, encoding='utf-8') as f:
        facts = json.load(f)
    del facts['$comment']
    return facts


# Writing

def wrapped(text, indent='', first=None):
    return textwrap.fill(
        ' '.join(text.split()), 78, subsequent_indent=indent,
        initial_indent=indent if first is None else first,
        break_long_words=False, break_on_hyphens=False)


def heading(text, line):
    return f'{text}\n{line * len(text)}'


def table(header, rows):
    """A list-table of cells, which may be of any width"""
    lines = ['.. list-table::', '   :header-rows: 1', '']
    for row in (header, *rows):
        lines += [f'   {"* " if not i else "  "}- {cell}'
                  for i, cell in enumerate(row)]
    return '\n'.join(lines)


def escaped(text):
    return text.replace('*', r'\*')


def literal(names):
    return ', '.join(f'``{name}``' for name in names)


def commit_of(entry):
    """Where a cause is from, in words"""
    if 'subject' not in entry:
        return f'QEMU {entry["since"]}'
    number = f' ({entry["commit"]})' if 'commit' in entry else ''
    return f'"{entry["subject"]}"{number}, QEMU {entry["since"]}'


def measured(facts, name):
    """Yields (accelerator, kind, setup, {model: machine types})."""
    for accel in ACCELERATORS:
        for kind in (NAMED, STATIC):
            for setup in SETUPS:
                models = facts[accel][kind][setup]['causes'].get(name)
                if models:
                    yield accel, kind, setup, models


def in_short(models):
    """'A, B (all), C (pc-*-5.2 to 6.0)': models by their machine types"""
    by_types = {}
    for model, types in models.items():
        types = escaped(x86_cpu_golden.ranges_for_people(types))
        by_types.setdefault(types, []).append(model)
    return '; '.join(f'{literal(names)} ({types})'
                     for types, names in sorted(by_types.items()))


def about(cause):
    """What a cause is, less what was measured"""
    entry = cause.entry
    parts = [heading(entry['title'], '~'), wrapped(entry['text'])]
    rows = [('Cause', commit_of(entry)), ('Is', KINDS[entry['kind']])]
    if 'patch' in entry:
        rows.append(('Patch', f'``{entry["patch"]}``'))
    rows += [('Accelerators', ', '.join(
                 ACCELERATORS[a] for a in entry['accelerators'])),
             ('Models', ', '.join(f'``{m}``' for m in entry['models'])),
             ('Machine types', literal(entry['machine-types'])),
             ('Places', '; '.join(f'``{p}``' for p in entry['places']))]
    parts.append('\n'.join(wrapped(f':{name}: {value}', '    ', '')
                           for name, value in rows))
    return parts


def cause_text(facts, cause):
    parts = about(cause)
    seen = list(measured(facts, cause.name))
    if not seen:
        parts.append('With the patch, nothing is different.'
                     if cause.corrected else 'Nothing is different.')
        return parts
    # Most are the same in several setups.
    by_models = {}
    for accel, kind, setup, models in seen:
        by_models.setdefault((accel, kind, in_short(models)),
                             []).append(setup)
    for (accel, kind, text), setups in by_models.items():
        parts.append(wrapped(
            f'- {ACCELERATORS[accel]}, {kind}, {" and ".join(setups)}: '
            f'{text}', '  ', ''))
    return parts


def types_text(types, facts):
    machines = facts['machine-types']
    known = sorted(sum(machines.values(), []), key=x86_cpu_golden.type_key)
    return escaped(x86_cpu_golden.ranges_for_people(
        x86_cpu_golden.ranges(types, known))) or 'none'


def document(facts, causes, unmeasured=()):
    """The text of docs/lines-10.0-11.1.rst"""
    machines, models = facts['machine-types'], facts['models']
    rows = []
    for accel, title in ACCELERATORS.items():
        for kind in (NAMED, STATIC):
            for setup in SETUPS:
                found = facts[accel][kind][setup]
                rows.append((title, kind, setup,
                             found['compared'],
                             found['compared'] - found['different'],
                             found['different']))
    parts = [
        '.. SPDX-License-Identifier: GPL-2.0-or-later',
        '.. Written by "make lines-report" from tests/lines/facts.json and '
        'causes.json:\n   do not edit.',
        heading(f'The same guest on {OLD} and {NEW}', '='),
        wrapped(f'Does a guest that was started by QEMU {OLD} see the same '
                f'CPU with QEMU {NEW}?  This was measured for the named '
                f'models on the {len(machines["both"])} machine types that '
                'both lines have, and for the static expansions that '
                f'{OLD} writes on any of its '
                f'{len(machines["both"]) + len(machines[OLD])} machine '
                f'types given to {NEW} on '
                f'{len(facts["tcg"]["targets"])} machine types (TCG) and '
                f'{len(facts["kvm"]["targets"])} (KVM): one of each group '
                'that expands every model alike.  What no model shows is '
                'measured in the same way: '
                f'{literal(CONFIGURED["tcg"])}; under KVM '
                f'{literal(CONFIGURED["kvm"])}.'),
        wrapped('Under TCG, a guest ran CPUID in 64-bit mode, where it has '
                'it.  Under KVM, it is what QEMU passes to the kernel with '
                'KVM_SET_CPUID2, and the feature MSRs, on the simulated host '
                f'``{HOST}``.  Guests were started'),
        '\n'.join(wrapped(f':{name}: {setup.text}', '    ', '')
                  for name, setup in SETUPS.items()),
        table(('Accelerator', 'CPUs', 'Started', 'Compared', 'Same',
               'Different'), rows),
        wrapped('*named* counts models by machine types, *plain* on the '
                'oldest and the newest alone; *static* counts distinct '
                'expansions, *dies* and *plain* on the newest machine type '
                f'of {NEW} alone.'),
        heading('Differences', '-'),
    ]
    if not causes:
        parts.append('None.')
    for cause in causes:
        parts += cause_text(facts, cause)
    if unmeasured:
        parts += [
            heading('Differences that no model shows', '-'),
            wrapped('Properties that are set by hand show more.  Of these, '
                    'one example each is compared.'),
        ]
    for cause in unmeasured:
        parts += about(cause)
    parts += [
        heading('Only on one line', '-'),
        wrapped(f'Machine types: {types_text(machines[OLD], facts)} are '
                f'only in {OLD}, {types_text(machines[NEW], facts)} only in '
                f'{NEW}.'),
        wrapped(f'Models: {len(models["both"])} are in both lines, '
                f'{literal(models[OLD]) or "none"} only in {OLD}, '
                f'{literal(models[NEW]) or "none"} only in {NEW}.'),
    ]
    return '\n\n'.join(parts) + '\n'


def unexplained_text(lines, most=25):
    """What no cause explains, for people; '' if there is nothing"""
    found = lines.unexplained
    if not found:
        return ''
    shown = [f'{case}: {text}' for case, text in found[:most]]
    return '\n'.join([f'{lines.accel}: {len(found)} differences are not in '
                      'causes.json', *shown])


def unused(lines):
    """The causes that explain nothing, though this accelerator is theirs"""
    return [cause.name for cause in lines.causes
            if lines.accel in cause.entry['accelerators'] and
            not cause.corrected and not lines.explained[cause.name]]


def measure_all(causes):
    """
    Returns the facts, of both accelerators.

    :raise LinesError: something is not explained, or a cause not needed
    """
    facts, problems = {}, []
    # Not after the first half hour
    if reason := missing('tcg') or missing('kvm'):
        raise LinesError(reason)
    for accel in ACCELERATORS:
        lines = measure(accel, causes)
        problems += [text for text in [unexplained_text(lines)] if text]
        problems += [f'{accel}: the cause {name} explains nothing'
                     for name in unused(lines)]
        facts.update(names_of(lines))
        facts[accel] = facts_of(lines)
    if problems:
        raise LinesError('\n'.join(problems))
    return facts
