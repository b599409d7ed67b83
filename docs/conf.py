# SPDX-License-Identifier: GPL-2.0-or-later
"""
Sphinx's configuration: the manual as HTML, and a man page for each command.

As in QEMU's own docs/conf.py: its theme, and from its source tree (QEMU_TREE in the
environment) its logo, style sheet and reader of QAPI schemas.  Without that tree,
there is no reference of QMP.  For scripts/qemu-build and scripts/lint.
"""

import os
import re
import sys

from docutils.parsers.rst import Directive, directives
from docutils.writers import manpage
from sphinx.writers.manpage import ManualPageTranslator

here = os.path.dirname(os.path.abspath(__file__))
tree = os.environ.get('QEMU_TREE', '')
OUR_SCHEMA = 'cpu-introspection-target.json'

with open(os.path.join(here, '..', 'VERSION'), encoding='ascii') as f:
    version = release = f.read().strip()
line = os.environ.get('LINE') or '10.0'

project = 'QEMU CPU introspection'
author = ''
html_show_copyright = False
language = 'en'
# Options have two dashes wherever they stand.
smartquotes = False
pygments_style = 'sphinx'
highlight_language = 'none'
exclude_patterns = []
extensions = []
# QEMU's own types are not in our reference of QMP, and shown as they are.
suppress_warnings = ['ref.qapi']

html_theme = 'sphinx_rtd_theme'
html_theme_options = {'style_nav_header_background': '#802400', 'navigation_with_keys': True}
html_copy_source = False
html_show_sourcelink = False
# All pages are in one directory.
manpages_url = '{page}.html'

if tree:
    html_logo = os.path.join(tree, 'ui', 'icons', 'qemu_128x128.png')
    html_favicon = os.path.join(tree, 'ui', 'icons', 'qemu_32x32.png')
    html_static_path = [os.path.join(tree, 'docs', 'sphinx-static')]
    html_css_files = ['theme_overrides.css']

# What `x86-cpu --help` says of each verb
with open(os.path.join(here, '..', 'scripts', 'x86-cpu'), encoding='ascii') as f:
    summaries = dict(re.findall('(?m)^  ([a-z]+) +(.+)$', f.read()))
# Verbs whose page is not named like them
PAGES = {'dump': 'model-dump', **dict.fromkeys(
    ['list', 'show', 'expand', 'compare', 'baseline', 'nearest', 'check'], 'answers')}

man_pages = [
    ('x86-cpu', 'x86-cpu', 'ask about x86 CPUs of QEMU', [], 1),
    ('x86-cpu-answers', 'x86-cpu-answers', 'verbs of x86-cpu that need no QEMU', [], 1),
    # An older name
    ('x86-cpu-model-dump', 'x86-cpu-model-dump', summaries['dump'], [], 1),
    *((f'x86-cpu-{PAGES.get(verb, verb)}', f'x86-cpu-{verb}', summary, [], 1)
      for verb, summary in summaries.items()),
]
man_make_section_directory = False


def fill_in(_app, _page, source):
    """What scripts/dist fills in, where it makes a README of packaging.rst"""
    source[0] = (source[0].replace('@LINE@', line).replace('@VERSION@', version)
                 .replace('@BASE@', line))


def read_qapi(app):
    """QEMU's reader of QAPI schemas, which is to show ours alone."""
    sys.path[:0] = [os.path.join(tree, 'docs', 'sphinx'), os.path.join(tree, 'scripts')]
    import qapidoc  # pylint: disable=import-error,import-outside-toplevel

    class OurSchema(qapidoc.QAPISchema):
        def __init__(self, fname):
            super().__init__(fname)
            self.docs = [doc for doc in self.docs
                         if os.path.basename(doc.info.fname) == OUR_SCHEMA]

    qapidoc.QAPISchema = OurSchema
    # Newer lines always do what older ones do with this option, and lack it.
    qapidoc.QAPIDocDirective.option_spec.setdefault('transmogrify', directives.flag)
    app.setup_extension('qmp_lexer')
    app.setup_extension('qapi_domain')
    app.setup_extension('qapidoc')
    app.config.qapidoc_srctree = tree


class NoReference(Directive):
    """Replaces the reference if there is no tree."""
    required_arguments = 1
    option_spec = {'transmogrify': directives.flag, 'namespace': directives.unchanged}

    def run(self):
        return []


class PlainTable(manpage.Table):
    """A table of a man page, without docutils' box: groff can't break it across pages.

    The last column is as wide as the page allows, without hyphens and justification.
    """

    def as_list(self):
        text = ''.join(super().as_list())
        # tbl(1) reads the columns, 'l' for left-aligned, then the rows.  Both have
        # lines between them: '|' and '_'.  'x' widens a column.
        head = re.match(r'\.TS\ncenter;\n\|(.*)\|\.\n_\n', text)
        if not head:
            return [text]
        columns = head[1].replace('|', ' ')
        rows = text[head.end():].replace('\n_\n', '\n')
        # roff(7): no adjustment, no hyphenation; behind the table, both again
        return [f'.na\n.nh\n.TS\n{columns}x.\n{rows}.ad\n.hy\n']


class PageTranslator(ManualPageTranslator):
    """Writes man pages."""

    # As docutils' own, which makes a manpage.Table
    def visit_table(self, node):
        self._active_table = PlainTable()


def setup(app):
    app.set_translator('man', PageTranslator)
    app.connect('source-read', fill_in)
    if tree:
        read_qapi(app)
    else:
        app.add_directive('qapi-doc', NoReference)
