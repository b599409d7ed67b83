# SPDX-License-Identifier: GPL-2.0-or-later
"""
What `make install` leaves works by itself, and the manual in it is true.

In an empty prefix.  Every command that the manual shows is run from there, in a
mount namespace where neither the checkout nor the build can be reached; where
there are no namespaces, from elsewhere.
"""

import glob
import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
from html.parser import HTMLParser

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.append(os.path.join(REPO, 'tests', 'tool'))

import passports  # noqa: E402 pylint: disable=wrong-import-position

LINE = os.environ.get('LINE') or '10.0'
BUILD = os.path.join(REPO, os.environ.get('BUILD') or 'build')
SPHINX = not subprocess.run(
    ['/usr/bin/python3', '-c', 'import sphinx, sphinx_rtd_theme'],
    stderr=subprocess.DEVNULL, check=False).returncode

# What the manual's examples speak of, and what stands for it
DOMAIN = """<domain type='qemu'>
 <name>GUEST</name>
 <os><type arch='x86_64' machine='pc-q35-8.2'>hvm</type></os>
 <cpu mode='custom' match='exact'><model>EPYC</model></cpu>
</domain>
"""
# A site's model of the chapter on tables
STAND_INS = {'Cooperlake_acme-v1': 'Cooperlake-v1',
             '--model Cooperlake_acme': '--model Cooperlake'}

# Hides directories $1 and $2, and runs the rest if $3 is still there.
HIDE = '''
mount -t tmpfs none "$1" && { [ ! -d "$2" ] || mount -t tmpfs none "$2"; } &&
    [ ! -e "$1/Makefile" ] && [ -x "$3" ] || exit 125
shift 3
exec "$@"
'''


def shown_commands():
    """The commands in literal blocks of the manual, and pages that have them"""
    found = {}
    for path in sorted(glob.glob(os.path.join(REPO, 'docs', '*.rst'))):
        with open(path, encoding='utf-8') as f:
            text = f.read()
        for block in re.findall(r'::\n\n((?:(?: +.*)?\n)+)', text):
            for line in block.splitlines():
                line = line.strip()
                if re.match(r'(x86-cpu|virsh .*\| x86-cpu|'
                            r'qemu-system-x86_64 -device )', line):
                    page = os.path.basename(path).removesuffix('.rst')
                    found.setdefault(line, []).append(page)
    return found


class Links(HTMLParser):
    """The targets of a page's links, and what can be a target in it"""

    def __init__(self, text):
        super().__init__()
        self.links = set()
        self.ids = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ('href', 'src') and value:
                self.links.add(value)
            elif name in ('id', 'name') and value:
                self.ids.add(value)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.tmp)
        dest = os.path.join(cls.tmp, 'dest')
        done = subprocess.run(
            [os.path.join(REPO, 'scripts', 'qemu-build'), '--line', LINE,
             'install'], cwd=cls.tmp, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
            env={**os.environ, 'BUILD': BUILD, 'PREFIX': '/usr',
                 'DESTDIR': dest, 'PYTHON': '/usr/bin/python3'})
        if done.returncode:
            raise AssertionError(done.stdout)
        cls.prefix = os.path.join(dest, 'usr')
        cls.bin = os.path.join(cls.prefix, 'bin')
        cls.share = os.path.join(cls.prefix, 'share')
        cls.doc = os.path.join(cls.share, 'doc', 'qemu-cpu-introspection')
        cls.html = os.path.join(cls.doc, 'html')
        cls.work = os.path.join(cls.tmp, 'work')
        os.makedirs(cls.work)
        virsh = os.path.join(cls.tmp, 'stand-ins', 'virsh')
        os.makedirs(os.path.dirname(virsh))
        with open(virsh, 'w', encoding='ascii') as f:
            f.write(f"#!/bin/sh\ncat <<'END'\n{DOMAIN}END\n")
        os.chmod(virsh, 0o755)
        cls.write_hosts()
        cls.env = {'PATH': f'{cls.bin}:{os.path.dirname(virsh)}:/usr/bin:/bin'
                           ':/usr/sbin:/sbin',
                   'HOME': cls.work, 'LC_ALL': 'C.UTF-8'}
        cls.hide = cls.ways_to_hide()

    @classmethod
    def write_hosts(cls):
        """The passports that commands name"""
        os.mkdir(os.path.join(cls.work, 'passports'))
        lines = []
        for name, host in (('host-a', 'intel-cascadelake'),
                           ('host-b', 'intel-haswell')):
            passport = passports.passport(host)
            lines.append(json.dumps({'name': name, 'passport': passport}))
            for path in f'{name}.json', f'passports/{name}.json':
                passports.write(passport, os.path.join(cls.work, path))
        with open(os.path.join(cls.work, 'passports.jsonl'), 'w',
                  encoding='ascii') as f:
            f.write('\n'.join(lines) + '\n')

    @classmethod
    def ways_to_hide(cls):
        """What goes before a command that is not to see the checkout"""
        for unshare in (['unshare', '-m'], ['unshare', '-rm']):
            hide = [*unshare, 'sh', '-c', HIDE, 'sh', REPO, BUILD,
                    os.path.join(cls.bin, 'x86-cpu')]
            try:
                if not subprocess.run([*hide, 'true'], check=False,
                                      stderr=subprocess.DEVNULL).returncode:
                    return hide
            except OSError:
                break
        return []

    def run_installed(self, command):
        done = subprocess.run(
            [*self.hide, 'bash', '-o', 'pipefail', '-c', command],
            cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=900, check=False)
        for text in done.stdout, done.stderr:
            self.assertNotIn('Traceback', text)
            self.assertNotIn(REPO + '/', text)
        self.assertNotRegex(done.stderr, '(?m)^error: ')
        return done

    def guest(self):
        """A guest that runs, paused; returns its QMP socket."""
        path = os.path.join(self.work, 'guest.qmp')
        # pylint: disable=consider-using-with
        process = subprocess.Popen(
            [*self.hide, os.path.join(self.bin, 'qemu-system-x86_64'), '-S',
             '-nodefaults', '-display', 'none', '-accel', 'tcg', '-cpu',
             'qemu64', '-qmp', f'unix:{path},server=on,wait=off'],
            env=self.env, cwd=self.work)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        end = time.monotonic() + 60
        while not os.path.exists(path):
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        return path

    def test_shown_commands(self):
        commands = shown_commands()
        self.assertGreater(len(commands), 12)
        stand_ins = {**STAND_INS, '/run/guest.qmp': self.guest()}
        for command in commands:
            for what, instead in stand_ins.items():
                command = command.replace(what, instead)
            with self.subTest(command=command):
                done = self.run_installed(command)
                # Whether it runs here is up to the host; so is the vendor.
                self.assertIn(
                    done.returncode,
                    (0, 1) if re.search('x86-cpu.(removed|check|migrate)',
                                        command) else (0,),
                    done.stdout + done.stderr)
                if not re.search('--check|--output|golden', command):
                    self.assertNotEqual(done.stdout, '')

    def test_each_command_is_shown(self):
        shown = '\n'.join(shown_commands())
        for verb in os.listdir(os.path.join(self.prefix, 'libexec/x86-cpu')):
            self.assertIn(f'x86-cpu {verb} ', shown)

    def test_front(self):
        """
        By any path, all verbs; nothing else is started, which would take
        longer than most answers
        """
        front, link = (os.path.join(directory, 'x86-cpu')
                       for directory in (self.bin, self.work))
        os.symlink(front, link)
        verbs = sorted(os.listdir(os.path.join(self.prefix,
                                               'libexec/x86-cpu')))
        for path in front, link, './x86-cpu':
            for args, words in [(['list'], 'CPU models:'),
                                (['removed', '--help'], 'x86-cpu removed'),
                                (['host', '--help'], 'x86-cpu host'),
                                (['--version'], 'x86-cpu version '),
                                (['--help'], 'x86-cpu VERB')]:
                if args[0] in ('list', 'host') and args[0] not in verbs:
                    continue        # without jansson
                env = dict(self.env)
                if path == front and args[0] != '--help':
                    env['PATH'] = self.work
                done = subprocess.run([path, *args], cwd=self.work, env=env,
                                      stdin=subprocess.DEVNULL, text=True,
                                      capture_output=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ''),
                                 (path, args))
                self.assertIn(words, done.stdout)
            done = subprocess.run([path, 'lst'], cwd=self.work, env=self.env,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(
                (done.returncode, done.stdout, done.stderr),
                (2, '', "error: unknown verb 'lst'; use one of "
                        f"{', '.join(verbs)}\n"))
        if 'list' in verbs:
            # Somebody's own
            other = os.path.join(self.prefix, 'libexec/x86-cpu/list')
            target = os.readlink(other)
            os.remove(other)
            os.symlink('/bin/echo', other)
            done = subprocess.run([link, 'list', 'a'], capture_output=True,
                                  text=True, check=False)
            os.remove(other)
            os.symlink(target, other)
            self.assertEqual(done.stdout, 'a\n')
        os.remove(link)

    def test_files_for_programs(self):
        lib = os.path.join(self.share, 'qemu-cpu-introspection')
        for ours, installed in (
                ('qapi', 'qapi'), (os.path.join('docs', 'schema'), 'schema')):
            names = os.listdir(os.path.join(REPO, ours))
            self.assertTrue(names)
            self.assertEqual(sorted(names), sorted(os.listdir(
                os.path.join(lib, installed))))
        self.assertEqual(os.listdir(os.path.join(lib, 'golden', LINE)),
                         ['answers.json'])
        with open(os.path.join(lib, 'qemu-cpu-models.json'),
                  encoding='ascii') as f:
            self.assertEqual(f.read(), self.run_installed(
                'x86-cpu table --json').stdout)
        for name, title in (('COPYING', 'GNU GENERAL PUBLIC LICENSE'),
                            ('COPYING.LIB',
                             'GNU LESSER GENERAL PUBLIC LICENSE')):
            with open(os.path.join(self.doc, name), encoding='utf-8') as f:
                self.assertIn(title, f.readline())

    def test_library(self):
        """A program and a shared library build with libx86cpu"""
        program = os.path.join(self.work, 'program')
        with open(f'{program}.c', 'w', encoding='ascii') as f:
            f.write("""
#include <stdio.h>
#include <baseline.h>
#include <nearest.h>

/* Exported, so that it is linked into a shared library, too */
bool differ(const X86CpuTables *tables, const X86Cpu *a, const X86Cpu *b)
{
    return !x86cpu_identical(tables, a, b, X86CPU_ON_TCG);
}

int main(void)
{
    static X86CpuTables tables = { .version = 0xa0000 };
    static X86Cpu a, b;

    b.values[X86CPU_LEVEL] = 1;
    printf("%s %d %d\\n", x86cpu_property_names[X86CPU_LEVEL],
           differ(&tables, &a, &a), differ(&tables, &a, &b));
    return 0;
}
""")
        env = {**self.env, 'PKG_CONFIG_PATH': os.path.join(
            self.prefix, 'lib', 'pkgconfig')}
        for flags, name in (['-std=c11', '-pedantic-errors'], program), (
                ['-shared', '-fPIC'], f'{program}.so'):
            done = subprocess.run(
                ['sh', '-c', f'cc -Wall -Wextra -Werror {shlex.join(flags)} '
                 f'-o {name} {program}.c '
                 '$(pkg-config --cflags --libs x86cpu)'],
                env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, ''))
        self.assertEqual(subprocess.run(
            [program], stdout=subprocess.PIPE, text=True,
            check=True).stdout, 'level 0 1\n')
        with open(os.path.join(REPO, 'VERSION'), encoding='ascii') as f:
            version = f.read()
        self.assertEqual(subprocess.run(
            ['pkg-config', '--modversion', 'x86cpu'], env=env, text=True,
            stdout=subprocess.PIPE, check=True).stdout, version)

    def test_no_link_leads_out(self):
        """Symbolic ones: the prefix can be moved"""
        for top, dirs, files in os.walk(self.prefix):
            for name in dirs + files:
                path = os.path.join(top, name)
                self.assertTrue(os.path.exists(path), path)
                self.assertTrue(os.path.realpath(path).startswith(
                    os.path.realpath(self.prefix) + '/'), path)

    def test_nothing_names_the_checkout(self):
        """In text; a compiler leaves paths in a binary"""
        for top, _, files in os.walk(self.prefix):
            for name in files:
                if not name.startswith('qemu-system'):
                    with open(os.path.join(top, name), 'rb') as f:
                        text = f.read()
                    for path in REPO, BUILD:
                        self.assertNotIn(os.fsencode(path) + b'/', text,
                                         f'{top}/{name}')


@unittest.skipUnless(SPHINX, 'no Sphinx with its Read-the-Docs theme')
class Manual(Installed):
    # Once will do.
    test_shown_commands = None
    test_each_command_is_shown = None
    test_files_for_programs = None
    test_no_link_leads_out = None
    test_nothing_names_the_checkout = None

    def man(self, name):
        path = os.path.join(self.share, 'man', 'man1', f'{name}.1')
        self.assertTrue(os.path.isfile(path), f'no man page for {name}')
        with open(path, encoding='utf-8') as f:
            # No font, and no escaped dash
            return re.sub(r'\\f.|\\', '', f.read())

    def test_man_pages(self):
        names = [name for name in os.listdir(self.bin)
                 if name.startswith('x86-cpu')]
        verbs = os.listdir(os.path.join(self.prefix, 'libexec/x86-cpu'))
        told = dict(re.findall(r'(?m)^  ([a-z]+) +(.+)$', self.run_installed(
            'x86-cpu --help').stdout))
        summaries = {}
        for name in {*names, *(f'x86-cpu-{verb}' for verb in verbs)}:
            page = self.man(name)
            summary = re.search(rf'(?m)^\.SH "?NAME"?\n{name} - (.+)$', page)
            self.assertTrue(summary, name)
            verb = name[len('x86-cpu-'):]
            if verb in verbs:
                self.assertEqual(summary[1], told[verb])
            summaries.setdefault(summary[1], []).append(name)
            for section in ('NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS',
                            'EXIT STATUS', 'EXAMPLES'):
                self.assertRegex(page, rf'(?m)^\.SH "?{section}"?$', name)
        # Only the older name of a verb shares its line.
        self.assertEqual([sorted(same) for same in summaries.values()
                          if len(same) > 1],
                         [['x86-cpu-dump', 'x86-cpu-model-dump']])

    def test_options(self):
        """A page has each option that --help has"""
        for name in os.listdir(self.bin):
            if name.startswith('x86-cpu-'):
                done = self.run_installed(f'{shlex.quote(name)} --help')
                listed = done.stdout.split('\noptions:\n')[1]
                options = set(re.findall(r'^  (?:-h, )?(--[a-z-]+)|, (--[a-z]+)',
                                         listed.split('\n\n')[0], re.M))
                self.assertGreater(len(options), 3)
                for option in filter(None, sum(options, ())):
                    self.assertIn(option, self.man(name), name)

    def test_man_pages_can_be_read(self):
        if not shutil.which('groff'):
            self.skipTest('no groff')
        for path in glob.glob(os.path.join(self.share, 'man/man1/*')):
            done = subprocess.run(
                ['groff', '-ww', '-man', '-t', '-Tutf8', '-k', path],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                text=True, encoding='utf-8')
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            self.assertGreater(len(done.stdout), 500)

    def test_no_broken_link(self):
        pages = {}
        for path in glob.glob(os.path.join(self.html, '**', '*.html'),
                              recursive=True):
            with open(path, encoding='utf-8') as f:
                pages[os.path.realpath(path)] = Links(f.read())
        self.assertIn(os.path.realpath(os.path.join(self.html, 'index.html')),
                      pages)
        count = 0
        for page, parsed in pages.items():
            for link in parsed.links:
                url = urllib.parse.urlsplit(link)
                if url.scheme or url.netloc:
                    continue
                target = page
                if url.path:
                    target = os.path.realpath(os.path.join(
                        os.path.dirname(page), urllib.parse.unquote(url.path)))
                self.assertTrue(os.path.isfile(target), f'{page}: {link}')
                self.assertTrue(target.startswith(
                    os.path.realpath(self.html) + '/'), f'{page}: {link}')
                if url.fragment and target in pages:
                    self.assertIn(urllib.parse.unquote(url.fragment),
                                  pages[target].ids | {'top', ''},
                                  f'{page}: {link}')
                count += 1
        self.assertGreater(count, 100)

    def test_shown_commands_are_there(self):
        """In the HTML, as in the source that the other tests read"""
        for command, names in shown_commands().items():
            for name in names:
                with open(os.path.join(self.html, f'{name}.html'),
                          encoding='utf-8') as f:
                    text = html.unescape(re.sub('<[^>]+>', '', f.read()))
                self.assertIn(command, text, name)

    def test_all_pages_are_there(self):
        for path in glob.glob(os.path.join(REPO, 'docs', '*.rst')):
            name = os.path.basename(path).removesuffix('.rst')
            self.assertTrue(os.path.exists(
                os.path.join(self.html, f'{name}.html')), name)

    def test_reference_of_qmp(self):
        with open(os.path.join(self.html, 'qmp-reference.html'),
                  encoding='utf-8') as f:
            text = f.read()
        for name in 'query-cpu-features', 'CpuModelError':
            self.assertIn(name, text)
        # QEMU's own commands are in QEMU's manual.
        self.assertNotIn('blockdev-add', text)


if __name__ == '__main__':
    unittest.main()
