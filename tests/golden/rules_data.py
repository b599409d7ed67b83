# SPDX-License-Identifier: GPL-2.0-or-later
"""
Static expansions that QEMU gave one by one, to judge the rules by.

tests/golden/LINE/rules/ says, under one accelerator per file, what each CPU
model was on each machine type when query-cpu-model-expansion was asked about
all of them.  Nothing else reads it, and nothing writes it.

  newest          the machine type of "props"
  models          by name:
    like          another model; without it: no properties at all
    props         what differs from "like" on the newest machine type;
                  null: not there
    on            by property and machine types: the value there, if it is
                  not what "props", and base's own "on", give
"""

import json
import os

from x86_cpu_golden import difference, parse_ranges
from x86_cpu_models import BASE

HERE = os.path.dirname(os.path.abspath(__file__))


def changed(props, changes):
    return {name: value for name, value in {**props, **changes}.items()
            if value is not None}


def read(line, name):
    """Yields (model, machine type, properties)."""
    with open(os.path.join(HERE, line, 'rules', f'{name}.json'),
              encoding='utf-8') as f:
        data = json.load(f)
    models, types = data['models'], data['machine-types']

    def newest(model):
        like = models[model].get('like')
        return changed(newest(like) if like else {}, models[model]['props'])

    def here(model, machine):
        return {prop: value
                for prop, values in models[model].get('on', {}).items()
                for text, value in values.items()
                if machine in parse_ranges(text, types)}

    new_base = newest(BASE)
    for machine in types:
        base = changed(new_base, here(BASE, machine))
        for model in models:
            yield model, machine, base if model == BASE else changed(
                changed(base, difference(new_base, newest(model))),
                here(model, machine))
