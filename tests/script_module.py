# SPDX-License-Identifier: GPL-2.0-or-later
"""
A script of scripts/ as a module, for tests that call its functions.
"""

import importlib.machinery
import importlib.util
import os

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), 'scripts')


def load_script(name):
    """Returns the script as a module.  Scripts have no .py in their names."""
    loader = importlib.machinery.SourceFileLoader(
        name.replace('-', '_') + '_script', os.path.join(SCRIPTS, name))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module
