#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the build tooling keep its word: on good input, bad input, interruptions?

For whoever changes scripts/bootstrap, scripts/qemu-tree, scripts/qemu-build or
the Makefile.  Each test runs them in a copy of the repository, with a QEMU of a
dozen files, in a temporary directory: neither the real build directory nor the
network is touched.  The classes whose name starts with Real take the real
source; what needs the network runs only with CHECK_FULL=1.

Run: python3 -m unittest tests/tooling/test_tooling.py
"""

import functools
import hashlib
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ('lib.sh', 'bootstrap', 'qemu-tree', 'qemu-build', 'near-variable',
           'line-schema')
# What `qemu-tree prepare` leaves in the build directory.
MADE = ['lock', 'log', 'qemu-10.0', 'qemu-10.0.git', 'qemu-10.0.overlay']
# What the caller's environment may hold and a test must not see.
OURS = ('LINE', 'BUILD', 'QEMU_SRC', 'QEMU_TARBALL', 'MIN_FREE_MB', 'PREFIX',
        'DESTDIR', 'MODEL', 'MACHINE', 'ACCEL', 'FORMAT', 'SMP', 'MAKEFLAGS',
        'MAKELEVEL', 'CONFIGURE_FLAGS', 'PYTHON', 'FIRMWARE_PATH', 'JOBS', 'CPU_TABLES')

# Stands in for QEMU's: a build.ninja in which every C file has an object.
CONFIGURE = r'''#!/bin/sh
src=$(dirname "$0")
[ ! -e "$src/fail-configure" ] || { echo "fake: no glib"; exit 1; }
printf '%s\n' "$@" >arguments
{
    echo 'rule cc'
    echo '  command = ! grep -n SYNTAX $in && cp $in $out'
    echo 'rule ld'
    echo "  command = { cat $src/start; cat \$in; } > \$out && chmod +x \$out"
    echo 'rule gen'
    echo '  command = ! grep -q ERROR $in || { echo "$in:"3": no such thing"; exit 1; }; touch $out'
    echo '  description = generating'
    ext=target/i386/ext
    tables="$ext/x86-cpu-tables.c.inc $ext/x86-cpu-models.c.inc $ext/x86-cpu-layers.c.inc"
    echo "build $tables: gen $src/$ext/tables/a.tbl"
    for c in $(cd "$src" && find . -name '*.c'); do
        echo "build $c.o: cc $src/$c"; objs="$objs $c.o"
    done
    echo "build qemu-system-x86_64: ld $objs"
} >build.ninja
'''

# Stands in for x86-cpu-table: writes what it is asked with.
TABLE = '''#!/bin/sh
[ ! -e fail-table ] || { cat fail-table >&2; exit 2; }
for file; do :; done
echo "$PYTHONPATH $*" >"$file"
echo 'note: built without kvm' >&2
'''

# Stands in for machine-layers: says and returns what it is told to.
LAYERS = '''#!/bin/sh
echo "$PYTHONPATH $*" >>"${0%/*}/../asked-layers"
[ ! -e fail-layers ] || { cat fail-layers; exit "$(cat layers-status)"; }
echo 'note: removed ones' >&2
'''

# Stands in for that of the verbs in C.
TOOL = '''all:
\tmkdir -p $(OUT)
\tprintf '#!/bin/sh\\n' >$(OUT)/answer
\tcp $(OUT)/answer $(OUT)/host
\tchmod +x $(OUT)/answer $(OUT)/host
\tln -sfn answer $(OUT)/list
'''

QEMU = {
    'VERSION': '10.0.13\n',
    'configure': CONFIGURE,
    # Of the program: it runs, and does nothing.
    'start': '#!/bin/sh\nexit\n',
    '.gitignore': '*.patch\n',
    '.gitattributes': '*.py diff=python\n*.c diff=cpp\n',
    'target/i386/cpu.c': ''.join(f'cpu line {n}\n' for n in range(1, 41)),
    'target/i386/meson.build': 'i386 = []\n',
    'qapi/misc.json': '{}\n',
    'tests/qtest/cpu-test.c': 'upstream test\n',
    'hw/pc.c': ''.join(f'pc line {n}\n' for n in range(1, 41)),
    'hw/kept.patch': 'an ignored file that upstream ships\n',
    'roms/blob': 'a blob\n',
}


def write_tree(top, files):
    for name, text in files.items():
        path = pathlib.Path(top, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
        if name == 'configure':
            path.chmod(0o755)


def sh(*args, **kwargs):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **kwargs).stdout


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def fingerprint(*tops):
    """Names, types, times and sizes of all below: what a test must not change."""
    found = []
    for top in tops:
        for root, dirs, names in os.walk(top):
            for name in dirs + names:
                path = os.path.join(root, name)
                info = os.lstat(path)
                found.append((path, info.st_mode, info.st_size, info.st_mtime_ns))
    return sorted(found)


def wait_for(path, seconds=20):
    end = time.monotonic() + seconds
    while not os.path.exists(path):
        if time.monotonic() > end:
            raise AssertionError(f'{path} did not come to be')
        time.sleep(0.02)


@functools.cache
def work():
    """The directory of all tests, one after the other, and of what they share."""
    tmp = tempfile.TemporaryDirectory(prefix='tooling-')
    unittest.addModuleCleanup(tmp.cleanup)
    path = pathlib.Path(tmp.name)
    path.chmod(0o755)
    return path


@functools.cache
def debian_source():
    """Debian's source package of the small QEMU, as dpkg-source builds it."""
    package = work() / 'package'
    source = package / 'qemu-10.0.13+ds'
    write_tree(source, QEMU)
    sh('tar', '-C', package, '-cJf', package / 'qemu_10.0.13+ds.orig.tar.xz', source.name)
    write_tree(source, {
        'debian/source/format': '3.0 (quilt)\n',
        'debian/control': 'Source: qemu\nMaintainer: T <t@localhost>\n\n'
                          'Package: qemu\nArchitecture: any\nDescription: x\n',
        'debian/changelog': 'qemu (1:10.0.13+ds-1) unstable; urgency=low\n\n'
                            '  * x\n\n -- T <t@localhost>  Mon, 01 Jan 2024 00:00:00 +0000\n',
        'debian/patches/series': 'debian.patch\n',
        'debian/patches/debian.patch':
            '--- a/hw/pc.c\n+++ b/hw/pc.c\n@@ -1,3 +1,4 @@\n+by Debian\n'
            ' pc line 1\n pc line 2\n pc line 3\n',
    })
    sh('dpkg-source', '-b', source.name, cwd=package)
    shutil.rmtree(source)
    return package


@unittest.skipUnless(shutil.which('dpkg-source'), 'makes a Debian source package: no dpkg-source')
class Tooling(unittest.TestCase):
    """A repository of its own: the scripts as they are, and a small QEMU."""

    @classmethod
    def setUpClass(cls):
        cls.package = debian_source()
        cls.files = sorted(cls.package.iterdir())
        cls.orig = cls.package / 'qemu_10.0.13+ds.orig.tar.xz'

    def setUp(self):
        # The same for all tests: what is built has its path in it.
        self.tmp = work() / 'test'
        self.addCleanup(shutil.rmtree, self.tmp)
        self.repo = self.tmp / 'repo'
        self.patches = self.repo / 'patches/10.0'
        self.build = self.repo / 'build'
        self.tree = self.build / 'qemu-10.0'
        self.gitdir = self.build / 'qemu-10.0.git'
        self.bin = self.tmp / 'bin'
        self.shared = self.tmp / 'shared/qemu-source'
        # Nobody's home, and so no configuration; a test may write one.
        self.home = self.tmp / 'home'
        self.begin('repository', self.make_repository)

    def begin(self, name, make):
        """With what make() leaves, which it does once, for the first test."""
        saved = work() / name
        if saved.exists():
            shutil.rmtree(self.tmp, ignore_errors=True)
            sh('cp', '-a', saved, self.tmp)
        else:
            make()
            sh('cp', '-a', self.tmp, saved)

    def begin_prepared(self):
        self.begin('prepared', self.prepare)

    def begin_patched(self):
        def make():
            self.two_patches()
            self.prepare()

        self.begin('patched', make)

    def make_repository(self):
        for path in self.bin, self.home, self.shared, self.repo / 'scripts':
            path.mkdir(parents=True)
        for name in SCRIPTS:
            shutil.copy2(TOP / 'scripts' / name, self.repo / 'scripts')
        shutil.copy2(TOP / 'Makefile', self.repo)
        write_tree(self.repo, {
            'target-i386-ext/ext.c': 'ext\n',
            'target-i386-ext/tables/a.tbl': 'table\n',
            'target-i386-ext/tool/Makefile': TOOL,
            'target-i386-ext/ext.c~': 'leaving of an editor\n',
            'qapi/ext.json': '{}\n',
            'qapi/README': 'not a schema\n',
            'tests/qtest/ext-test.c': 'test\n',
            'patches/10.0/series': '',
            'scripts/x86-cpu-removed': '#!/bin/sh\nprintf "<%s>" "$@"\n',
            'scripts/x86-cpu': 'front\n',
            'scripts/x86-cpu-table': TABLE,
            'scripts/machine-layers': LAYERS,
            'docs/manual.rst': 'manual\n',
        })
        for name in 'x86-cpu-removed', 'x86-cpu-table', 'machine-layers':
            (self.repo / 'scripts' / name).chmod(0o755)
        (self.repo / 'scripts/x86-cpu-look').symlink_to('x86-cpu-removed')
        for file in self.files:
            (self.shared / file.name).symlink_to(file)
        self.write_base()

    def write_base(self, url='https://invalid.invalid/qemu-10.0.13.tar.xz', content=None):
        text = ('version = 10.0.13\ndebian-version = 1:10.0.13+ds-1\n'
                'debian-suites = trixie\n'
                f'upstream-url = {url}\n'
                'content-paths = VERSION configure target\n'
                'content-paths = qapi hw tests\n')
        for file in self.files:
            text += f'sha256 = {sha256(file)} {file.name}\n'
        (self.patches / 'base').write_text(text)
        if content is None:
            plain = self.tmp / 'plain'
            write_tree(plain, QEMU)
            content = self.run_tree('content-sha256', str(plain)).stdout.strip()
            shutil.rmtree(plain)
        with open(self.patches / 'base', 'a', encoding='utf-8') as base:
            base.write(f'content-sha256 = {content}\n')

    # --- running things ---

    def environment(self, **env):
        result = {k: v for k, v in os.environ.items()
                  if k not in OURS and not k.startswith('GIT_')}
        result.update(HOME=str(self.home), PATH=f'{self.bin}:{os.environ["PATH"]}')
        result.update(env)
        return result

    def run_in(self, *args, nobody=False, **env):
        """:param nobody: by somebody whom a mode can keep from writing: not root"""
        ids = {'user': 65534, 'group': 65534, 'extra_groups': []}
        if not nobody or os.geteuid() != 0:
            ids = {}
        return subprocess.run([str(a) for a in args], cwd=self.repo, text=True,
                              env=self.environment(**env), check=False, **ids,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120)

    def run_tree(self, *args, **env):
        return self.run_in('scripts/qemu-tree', *args, **env)

    def make(self, *args, **env):
        return self.run_in('make', *args, **env)

    def ok(self, result):
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(result.stderr, '')
        return result.stdout

    def fails(self, result, *words):
        """Non-zero, and one line that begins with `error: ` and has the words."""
        self.assertNotEqual(result.returncode, 0, result.stdout)
        lines = [line for line in result.stderr.splitlines() if not line.startswith('make')]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith('error: '), lines[0])
        for word in words:
            self.assertIn(str(word), lines[0])

    def prepare(self, **env):
        return self.ok(self.run_tree('prepare', **env))

    def read(self, name):
        return (self.tree / name).read_text()

    def git(self, *args):
        return sh('git', f'--git-dir={self.gitdir}', f'--work-tree={self.tree}',
                  '-C', self.tree, '-c', 'user.name=A Developer',
                  '-c', 'user.email=dev@example.org', *args, env=self.environment())

    def stand_in(self, name, script):
        """A command that goes before the system's own of that name."""
        path = self.bin / name
        path.write_text('#!/bin/sh\n' + script)
        path.chmod(0o755)

    def fake_dpkg(self, missing='', meson='1.7.0-1'):
        """A dpkg-query on a machine that has all packages but those of a pattern."""
        self.stand_in('dpkg-query', f'''shift 3
for p; do case $p in {missing or "''"}) echo "half-installed $p 1";;
meson) echo "installed meson {meson}";;
*) echo "installed $p 1";; esac; done
''')
        self.log = self.tmp / 'apt.log'
        self.stand_in('apt-get', f'''echo "$@" >>{self.log}
[ "$1" != indextargets ] || echo 'Debian|http://mirror.invalid/debian/'
''')

    def killed_in(self, name, when, *args, **env):
        """Run until the command NAME was called with WHEN; kill -9 all of it."""
        real = shutil.which(name, path=os.environ['PATH'])
        marker = self.tmp / 'marker'
        self.stand_in(name, f'{real} "$@"; rc=$?\n'
                            f'case " $* " in *"{when}"*) touch {marker}; sleep 60;; esac\n'
                            'exit $rc\n')
        with subprocess.Popen(args, cwd=self.repo, env=self.environment(**env),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True) as process:
            try:
                wait_for(marker)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
        marker.unlink()
        (self.bin / name).unlink()

    # --- patches ---

    def patch(self, name, path, line, added):
        """Write a patch that adds ADDED after line LINE of PATH."""
        lines = QEMU[path].splitlines()
        before = lines[line - 3:line]
        after = lines[line:line + 3]
        body = ''.join([f' {text}\n' for text in before] + [f'+{added}\n'] +
                       [f' {text}\n' for text in after])
        (self.patches / name).write_text(
            'From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n'
            'From: A Developer <dev@example.org>\n'
            'Date: Mon, 1 Jan 2024 00:00:00 +0000\n'
            f'Subject: [PATCH] {name[5:-6]}\n\nbecause\n---\n\n'
            f'diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n'
            f'@@ -{line - 2},6 +{line - 2},7 @@\n{body}')

    def series(self, *names):
        (self.patches / 'series').write_text(''.join(f'{n}\n' for n in names))

    def two_patches(self):
        self.patch('0001-cpu.patch', 'target/i386/cpu.c', 10, 'a hook in cpu.c')
        self.patch('0002-pc.patch', 'hw/pc.c', 20, 'a hook in pc.c')
        self.series('0001-cpu.patch', '0002-pc.patch')


class Source(Tooling):
    def test_debian_source_with_debians_patches(self):
        out = self.prepare()
        self.assertIn('.dsc', out)
        self.assertTrue(self.read('hw/pc.c').startswith('by Debian\n'))
        self.assertFalse((self.tree / '.pc').exists())
        self.assertFalse((self.tree / '.git').exists())
        self.assertIn('hw/kept.patch', self.git('ls-files'))
        self.assertEqual(sorted(p.name for p in self.build.iterdir()), MADE)

    def test_tarball_by_hash_and_by_content(self):
        self.prepare(QEMU_TARBALL=str(self.orig))
        self.assertTrue(self.read('hw/pc.c').startswith('pc line 1\n'))
        other = self.tarball('qemu-10.0.13.tar.gz', {**QEMU, 'roms/more': 'firmware\n'})
        self.assertIn('another source', self.prepare(QEMU_TARBALL=str(other)))
        self.assertTrue((self.tree / 'roms/more').exists())

    def tarball(self, name, files):
        path = self.tmp / name
        write_tree(self.tmp / 'packed', files)
        sh('tar', '-C', self.tmp, '-caf', path, 'packed')
        shutil.rmtree(self.tmp / 'packed')
        return path

    def test_refused_tarballs(self):
        orig = self.orig.read_bytes()
        middle = len(orig) // 2
        damaged = orig[:middle] + bytes([orig[middle] ^ 1]) + orig[middle + 1:]
        for name, content, *words in (
                ('changed.tar.xz', {**QEMU, 'hw/pc.c': 'evil\n'}, 'wrong SHA-256'),
                ('more.tar.xz', {**QEMU, 'hw/evil.c': 'evil\n'}, 'wrong SHA-256'),
                ('line.tar.xz', {**QEMU, 'VERSION': '11.1.1\n'}, 'QEMU 11.1.1', 'line 10.0'),
                ('release.tar.xz', {**QEMU, 'VERSION': '10.0.14\n'}, 'QEMU 10.0.14', 'QEMU_SRC'),
                ('other.tar', {'a': ''}, 'no QEMU source'),
                (self.orig.name, damaged, 'wrong SHA-256',
                 hashlib.sha256(damaged).hexdigest(), sha256(self.orig)),
                ('cut.tar.xz', orig[:-500], 'truncated')):
            with self.subTest(name):
                path = self.tmp / name
                if isinstance(content, bytes):
                    path.write_bytes(content)
                else:
                    self.tarball(name, content)
                self.fails(self.run_tree('prepare', QEMU_TARBALL=str(path)), path, *words)
                self.assertEqual(sorted(p.name for p in self.build.iterdir()), ['lock', 'log'])
        # And what comes next is whole.
        self.prepare()
        self.assertTrue((self.tree / 'hw/pc.c').exists())

    def test_damaged_shared_source(self):
        name = self.orig.name
        (self.shared / name).unlink()
        (self.shared / name).write_bytes(self.orig.read_bytes()[:-500])
        self.fails(self.run_tree('prepare'), name, 'wrong SHA-256')

    def own_source(self, version, where='own'):
        source = self.tmp / where
        write_tree(source, {**QEMU, 'VERSION': version + '\n', '.git/HEAD': 'x\n',
                            'mybuild/build.ninja': 'x\n'})
        return source

    def test_own_source_is_copied_and_left_alone(self):
        source = self.own_source('10.0.2')
        before = fingerprint(source)
        self.prepare(QEMU_SRC=str(source))
        self.assertFalse((self.tree / '.git').exists())
        self.assertFalse((self.tree / 'mybuild').exists())
        self.assertEqual(self.prepare(QEMU_SRC=str(source)), '')
        self.assertEqual(fingerprint(source), before)
        (source / 'hw/pc.c').write_text('changed by its owner\n')
        self.prepare(QEMU_SRC=str(source))
        self.assertEqual(self.read('hw/pc.c'), 'changed by its owner\n')

    def test_refused_sources(self):
        for name, path, *words in (
                ('QEMU_SRC', self.own_source('11.1.1'), '11.1.1', '10.0.x'),
                ('QEMU_SRC', self.home, 'not a QEMU source directory'),
                ('QEMU_SRC', self.own_source('10.0.13', self.build / 'own'),
                 'inside the build directory'),
                ('QEMU_TARBALL', self.tmp / 'missing', 'no such file')):
            with self.subTest(path):
                self.fails(self.make(f'{name}={path}'), f'{name}={path}', *words)
                self.assertFalse(self.tree.exists())

    def test_source_changes_but_not_over_work(self):
        self.begin_prepared()
        (self.tree / 'hw/pc.c').write_text('my work\n')
        self.fails(self.run_tree('prepare', QEMU_TARBALL=str(self.orig)), 'hw/pc.c', 'discard')
        self.fails(self.run_tree('wipe'), 'hw/pc.c')
        self.assertEqual(self.read('hw/pc.c'), 'my work\n')


class Fetch(Tooling):
    """Without ../shared: apt and the download, with stand-ins for both."""

    def setUp(self):
        super().setUp()
        shutil.rmtree(self.shared)

    def no_apt(self):
        self.stand_in('apt-get', 'exit 100\n')

    def apt(self, version, after=''):
        """An apt whose archive has the package in this version."""
        self.log = self.tmp / 'apt.log'
        self.stand_in('apt-cache', f'echo "Version: 1:9.2.0+ds-1"; echo "Version: {version}"\n')
        self.stand_in('apt-get', f'''echo "$@" >>{self.log}
case $1 in
indextargets) echo 'Debian|http://mirror.invalid/debian/' ;;
source) [ "$4" = "qemu={version}" ] || exit 1
    cp {self.package}/qemu_* .
    [ -e qemu_{version[2:]}.dsc ] || mv qemu_*.dsc qemu_{version[2:]}.dsc
    {after} ;;
esac
''')

    def test_pinned_version_through_apt(self):
        self.apt('1:10.0.13+ds-1')
        self.assertNotIn('notice', self.prepare())
        self.assertTrue(self.read('hw/pc.c').startswith('by Debian\n'))
        listed = (self.build / 'apt/source/parts/trixie.list').read_text()
        self.assertRegex(listed, r'^deb-src \[signed-by=\S+\] http://mirror.invalid/debian/ '
                                 r'trixie main\n$')
        for line in self.log.read_text().splitlines():
            if line.startswith(('update', 'source')):
                self.assertIn(f'Dir::State::lists={self.build}/apt/', line)
                self.assertIn(f'Dir::Etc::sourceparts={self.build}/apt/', line)
                self.assertIn('Dir::Etc::sourcelist=/dev/null', line)
        # Once fetched, no apt is needed to make the tree again.
        self.ok(self.run_tree('wipe'))
        self.no_apt()
        self.prepare()

    def test_newer_version_through_apt(self):
        self.apt('1:10.0.14+ds-1')
        out = self.prepare()
        self.assertIn('notice: Debian\'s 1:10.0.13+ds-1 is gone; taking 1:10.0.14+ds-1', out)
        self.assertEqual(self.prepare(), '')

    def test_apt_gives_something_else_under_the_pinned_name(self):
        self.apt('1:10.0.13+ds-1', after=f'echo >>{self.orig.name}')
        self.fails(self.run_tree('prepare'), self.orig.name, 'wrong SHA-256')
        self.assertFalse(self.tree.exists())

    def test_upstream_release_resumed(self):
        self.no_apt()
        self.write_base(url=f'file://{self.orig}')
        part = self.build / 'download' / (self.orig.name + '.part')
        part.parent.mkdir(parents=True)
        part.write_bytes(self.orig.read_bytes()[:300])
        out = self.prepare()
        self.assertIn('trying upstream', out)
        self.assertTrue((self.tree / 'hw/pc.c').exists())
        self.assertFalse(part.exists())

    def test_upstream_release_of_other_content(self):
        self.no_apt()
        self.write_base(url=f'file://{self.orig}', content='0' * 64)
        self.fails(self.run_tree('prepare'), 'wrong SHA-256')
        # Not kept: the next run would trip on it.
        self.assertEqual(list((self.build / 'download').iterdir()), [])

    def test_no_way_to_get_it(self):
        self.no_apt()
        self.write_base(url=f'file://{self.tmp}/missing.tar.xz')
        self.fails(self.run_tree('prepare'), 'cannot get QEMU 10.0.13', 'QEMU_TARBALL')
        self.assertFalse(self.tree.exists())


class Interrupted(Tooling):
    def test_killed_while_unpacking(self):
        self.killed_in('tar', '', 'scripts/qemu-tree', 'prepare', QEMU_TARBALL=str(self.orig))
        self.assertTrue((self.build / 'qemu-10.0.partial/VERSION').exists())
        self.assertFalse(self.tree.exists())
        self.assertRegex(self.prepare(QEMU_TARBALL=str(self.orig)), 'notice: .* interrupted')
        # The same for dpkg-source, which has a directory of its own to unpack to.
        self.killed_in('tar', '', 'scripts/qemu-tree', 'prepare')
        self.assertEqual(len(list(self.build.glob('*.tmp-extract.*'))), 1)
        self.prepare()
        self.assertEqual(sorted(p.name for p in self.build.iterdir()), MADE)

    def test_killed_between_the_two_renames(self):
        self.killed_in('mv', 'qemu-10.0.partial', 'scripts/qemu-tree', 'prepare')
        self.assertTrue(self.tree.exists())
        self.assertFalse(self.gitdir.exists())
        self.assertIn('half-made', self.prepare())
        self.assertEqual(self.prepare(), '')

    def test_killed_while_patching(self):
        self.two_patches()
        self.killed_in('git', ' am ', 'scripts/qemu-tree', 'prepare')
        self.prepare()
        self.assertIn('a hook in pc.c', self.read('hw/pc.c'))

    def test_killed_while_changing_the_series(self):
        self.begin_patched()
        (self.patches / '0001-cpu.patch').unlink()
        self.patch('0002-pc.patch', 'hw/pc.c', 20, 'another')
        self.series('0002-pc.patch')
        # git had one file half written, the other to come, its lock in place.
        self.stand_in('git', f'''case "$*" in *"reset -q --keep"*)
    echo half >{self.tree}/hw/pc.c; touch {self.gitdir}/index.lock; kill -9 $PPID;; esac
exec {shutil.which('git')} "$@"
''')
        self.assertNotEqual(self.run_tree('prepare').returncode, 0)
        (self.bin / 'git').unlink()
        self.assertIn('mending', self.prepare())
        self.assertNotIn('hook', self.read('target/i386/cpu.c'))
        self.assertIn('another\npc line 21\n', self.read('hw/pc.c'))
        self.assertIn('unsaved: nothing', self.ok(self.run_tree('status')))

    def test_killed_while_overlaying(self):
        self.begin_prepared()
        (self.repo / 'target-i386-ext/ext.c').write_text('second\n')
        # Before and after the copy is in place.
        self.killed_in('install', 'ext.c', 'scripts/qemu-tree', 'prepare')
        self.killed_in('mv', 'ext.c', 'scripts/qemu-tree', 'prepare')
        (self.repo / 'target-i386-ext/ext.c').write_text('third\n')
        self.prepare()
        self.assertEqual(self.read('target/i386/ext/ext.c'), 'third\n')

    def test_two_at_once(self):
        runs = [subprocess.Popen(['scripts/qemu-tree', 'prepare'], cwd=self.repo,
                                 env=self.environment(), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True) for _ in range(2)]
        outs = [run.communicate()[0] for run in runs]
        self.assertEqual([run.returncode for run in runs], [0, 0], outs)
        self.assertEqual(sum('unpacking' in out for out in outs), 1, outs)


class Patches(Tooling):
    def setUp(self):
        super().setUp()
        self.begin_patched()

    def test_series(self):
        """Applied in order; nothing, or one file, is written by the next run"""
        self.assertEqual(self.git('log', '--format=%s', 'base..'), 'pc\ncpu\n')
        self.assertIn('a hook in cpu.c', self.read('target/i386/cpu.c'))
        everything = fingerprint(self.tree)
        self.assertEqual(self.prepare(), '')
        self.assertEqual(fingerprint(self.tree), everything)
        before = {p: p.stat().st_mtime_ns for p in self.tree.rglob('*') if p.is_file()}
        self.patch('0002-pc.patch', 'hw/pc.c', 20, 'another hook in pc.c')
        self.assertIn('applied 2', self.prepare())
        after = {p: p.stat().st_mtime_ns for p in self.tree.rglob('*') if p.is_file()}
        changed = [p for p, mtime in after.items() if before.get(p) != mtime]
        self.assertEqual(changed, [self.tree / 'hw/pc.c'])
        self.assertEqual(before.keys(), after.keys())
        self.assertIn('another hook', self.read('hw/pc.c'))

    def refused(self, *words):
        """The series is refused, and the tree stays as it was."""
        before = fingerprint(self.tree)
        self.fails(self.run_tree('prepare'), *words)
        self.assertEqual(fingerprint(self.tree), before)
        self.assertFalse((self.build / 'qemu-10.0.am').exists())

    def test_patch_that_does_not_apply(self):
        text = (self.patches / '0002-pc.patch').read_text()
        # GNU patch takes this with fuzz 1.
        (self.patches / '0002-pc.patch').write_text(text.replace(' pc line 18', ' pc line XX'))
        self.refused('0002-pc.patch', 'hw/pc.c')
        (self.patches / '0002-pc.patch').write_text(text.replace('a hook', 'a new hook'))
        self.prepare()
        self.assertIn('a new hook', self.read('hw/pc.c'))

    def test_series_that_does_not_add_up(self):
        self.series('0001-cpu.patch')
        self.refused('0002-pc.patch', 'series')
        self.series('0001-cpu.patch', '0002-pc.patch', '0003-no.patch')
        self.refused('0003-no.patch')

    def test_edits_are_not_lost(self):
        edited = self.read('hw/pc.c') + 'my work\n'
        (self.tree / 'hw/pc.c').write_text(edited)
        # Nothing to do: built as it is.
        self.prepare()
        self.patch('0001-cpu.patch', 'target/i386/cpu.c', 10, 'another hook')
        self.refused('hw/pc.c', 'make export', 'discard')
        self.assertEqual(self.read('hw/pc.c'), edited)
        self.ok(self.run_tree('discard'))
        self.prepare()
        self.assertIn('another hook', self.read('target/i386/cpu.c'))

    def test_commits_are_not_lost_and_export(self):
        self.ok(self.run_tree('export'))
        (self.tree / 'hw/pc.c').write_text(self.read('hw/pc.c') + 'third\n')
        self.git('commit', '-q', '-a', '-m', 'hw/pc: a third hook')
        self.fails(self.run_tree('export', '--check'), '0003-hw-pc-a-third-hook.patch')
        text = (self.patches / '0001-cpu.patch').read_text()
        (self.patches / '0001-cpu.patch').write_text(text.replace('because', 'because '))
        self.refused('commits that are not in patches/10.0')
        # Another byte is written over.
        self.ok(self.make('export'))
        self.assertEqual((self.patches / '0001-cpu.patch').read_text(), text)
        self.assertEqual((self.patches / 'series').read_text(),
                         '0001-cpu.patch\n0002-pc.patch\n0003-hw-pc-a-third-hook.patch\n')
        before = fingerprint(self.tree)
        self.prepare()
        self.assertEqual(fingerprint(self.tree), before)
        # Other commits of the same patches are nothing to save.
        head = self.git('rev-parse', 'HEAD')
        self.git('-c', 'user.name=Another', 'commit', '-q', '--amend', '--no-edit')
        self.assertNotEqual(self.git('rev-parse', 'HEAD'), head)
        self.assertIn('unsaved: nothing', self.ok(self.run_tree('status')))
        # A commit dropped is a patch removed.
        self.git('reset', '-q', '--hard', 'HEAD^')
        self.assertIn('removed patches/10.0/0003', self.ok(self.make('export')))
        self.assertFalse((self.patches / '0003-hw-pc-a-third-hook.patch').exists())

    def test_export_is_the_same_whatever_the_configuration(self):
        self.ok(self.run_tree('export'))
        first = {p.name: p.read_bytes() for p in self.patches.iterdir()}
        (self.home / '.gitconfig').write_text(
            '[diff]\n noprefix = true\n algorithm = patience\n context = 9\n'
            '[format]\n signature = x\n numbered = true\n subjectPrefix = X\n'
            '[core]\n autocrlf = true\n abbrev = 5\n'
            '[commit]\n gpgsign = true\n[i18n]\n logOutputEncoding = latin1\n')
        (self.home / '.config/git').mkdir(parents=True)
        (self.home / '.config/git/attributes').write_text('* -diff\n')
        self.ok(self.run_tree('export', '--check'))
        # Nor does a tree depend on it that is made so, from inside a git hook.
        self.ok(self.run_tree('wipe'))
        hook = {'GIT_DIR': '/nowhere', 'GIT_INDEX_FILE': '/nowhere/index', 'GIT_AUTHOR_NAME': 'x'}
        self.prepare(**hook)
        self.ok(self.run_tree('export', '--check', **hook))
        self.assertEqual({p.name: p.read_bytes() for p in self.patches.iterdir()}, first)


class Overlay(Tooling):
    def setUp(self):
        super().setUp()
        self.begin_prepared()
        self.ext = self.repo / 'target-i386-ext/ext.c'
        self.copy = self.tree / 'target/i386/ext/ext.c'

    def test_what_goes_where(self):
        for name in ('target/i386/ext/ext.c', 'target/i386/ext/tables/a.tbl', 'qapi/ext.json',
                     'tests/qtest/ext-test.c'):
            self.assertTrue((self.tree / name).is_file(), name)
        for name in 'target/i386/ext/ext.c~', 'qapi/README':
            self.assertFalse((self.tree / name).exists(), name)
        # git in the tree doesn't see them.
        self.assertEqual(self.git('status', '--porcelain'), '')

    def test_only_what_changed_is_copied(self):
        before = fingerprint(self.tree)
        os.utime(self.ext, (1, 1))
        self.prepare()
        self.assertEqual(fingerprint(self.tree), before)
        self.ext.write_text('changed\n')
        os.utime(self.ext, (1, 1))
        self.prepare()
        after = fingerprint(self.tree)
        changed = {entry[0] for entry in set(after) - set(before) if stat.S_ISREG(entry[1])}
        self.assertEqual(changed, {str(self.copy)})
        # However old the file is in the repository: ninja has to see it.
        self.assertGreater(self.copy.stat().st_mtime, time.time() - 60)

    def test_what_left_is_removed_and_what_is_missing_comes_back(self):
        shutil.rmtree(self.repo / 'target-i386-ext/tables')
        self.copy.unlink()
        self.prepare()
        self.assertFalse((self.tree / 'target/i386/ext/tables').exists())
        self.assertEqual(self.copy.read_text(), 'ext\n')

    def test_collision_with_upstream(self):
        clash = self.repo / 'tests/qtest/cpu-test.c'
        clash.write_text('ours\n')
        self.fails(self.run_tree('prepare'), "replace QEMU's own tests/qtest/cpu-test.c")
        self.assertEqual(self.read('tests/qtest/cpu-test.c'), 'upstream test\n')

    def test_edited_copy_is_kept(self):
        self.copy.write_text('edited in the tree\n')
        for change in 'ext\n', 'changed here too\n':
            self.ext.write_text(change)
            self.fails(self.run_tree('prepare'), self.copy, 'target-i386-ext/ext.c')
            self.assertEqual(self.copy.read_text(), 'edited in the tree\n')
        self.fails(self.run_tree('wipe'), self.copy)
        self.ext.unlink()
        self.fails(self.run_tree('prepare'), self.copy)
        # Saved as the message says.
        shutil.copy(self.copy, self.ext)
        self.prepare()

    def test_own_tables_are_remembered(self):
        link = self.tree / 'target/i386/ext/tables/site'
        tables = self.tmp / 'tables'
        write_tree(tables, {'a.tbl': 'cpu a_b\n'})
        self.assertIn(f'CPU models of your own: {tables}\n', self.prepare(CPU_TABLES=str(tables)))
        self.assertEqual(link.readlink(), tables)
        for _ in range(2):
            self.assertIn(f'CPU_TABLES={tables}, as before', self.prepare())
            self.assertEqual(link.readlink(), tables)
        tables.rename(self.tmp / 'elsewhere')
        self.fails(self.run_tree('prepare'), f'CPU_TABLES={tables}', 'is gone', 'CPU_TABLES=')
        self.assertIn('none any more', self.prepare(CPU_TABLES=''))
        self.assertFalse(link.is_symlink())
        self.assertNotIn('CPU_TABLES', self.prepare())

    def test_own_tables_are_told(self):
        """As given, else as the tree has them, from a link or a directory"""
        def told(**env):
            return self.ok(self.run_tree('site-tables', **env)).strip()

        tables = self.tmp / 'my tables'
        write_tree(tables, {'a.tbl': 'cpu a_b\n'})
        self.assertEqual(told(), '')
        self.prepare(CPU_TABLES=str(tables))
        self.assertEqual(told(), str(tables))
        # Empty is something else than not given.
        self.assertEqual(told(CPU_TABLES=''), '')
        self.assertEqual(told(CPU_TABLES='an other'), f'{self.repo}/an other')
        self.prepare(CPU_TABLES='')
        self.assertEqual(told(), '')
        site = self.tree / 'target/i386/ext/tables/site'
        write_tree(site, {'a.tbl': 'cpu a_b\n'})
        self.assertEqual(told(), str(site))


class Variables(Tooling):
    """What make takes on its command line"""

    def test_unknown(self):
        for given, say in (('model=EPYC', 'model: no such variable (did you mean MODEL?)'),
                           ('MODLE=EPYC', 'MODLE: no such variable (did you mean MODEL?)'),
                           ('PAR=x', 'PAR: no such variable (did you mean PART?)'),
                           ('xyzzy=', 'xyzzy: no such variable; make help lists them'),
                           ("a'b=1", "a'b: no such variable; make help lists them")):
            with self.subTest(given):
                result = self.make('clean', given)
                self.assertEqual(result.returncode, 2)
                self.assertEqual(result.stdout, '')
                self.assertRegex(result.stderr, r'^Makefile:\d+: \*\*\* '
                                 + re.escape(say) + r'\.  Stop\.\n$')

    def test_known(self):
        for given in 'MODEL=EPYC,model-id=a b', 'CHECK_SEED=1', 'FUZZ=qmp cpu', 'SHELL=/bin/sh':
            self.ok(self.make('line', given))
        # What the environment has is others' business, and so is what a packager's
        # make was given.
        self.ok(self.make('line', model='EPYC'))
        (self.tmp / 'outer.mk').write_text('all: ; +@$(MAKE) --no-print-directory line\n')
        self.ok(self.run_in('make', '-f', self.tmp / 'outer.mk', 'V=1'))


class Place(Tooling):
    """The build directory: full, badly named; an unknown line."""

    def test_unknown_line(self):
        for target in ('all', 'run', 'check', 'check-full', 'lint', 'dist', 'install',
                       'export', 'clean', 'distclean'):
            self.fails(self.make(target, 'LINE=9.9'), 'LINE=9.9', 'available: 10.0')
        self.assertFalse(self.build.exists())

    def test_path_that_configure_refuses(self):
        self.fails(self.make('BUILD=/tmp/a b'), 'BUILD=/tmp/a b', 'space')
        for target in ('all', 'run', 'dump', 'install', 'clean', 'distclean'):
            self.fails(self.make('BUILD=', target), 'BUILD is empty', 'BUILD=dir')

    def test_empty_line(self):
        """Not the default, no more than an empty BUILD"""
        for target in ('all', 'run', 'dump', 'check', 'check-full', 'lint', 'dist', 'install',
                       'export', 'clean', 'distclean'):
            self.fails(self.make('LINE=', target), 'LINE is empty: name a release line with '
                       'LINE=10.0, or do not set it')
        self.assertFalse(self.build.exists())

    def tmpfs(self, size):
        if os.geteuid() != 0:
            self.skipTest('mounting a small tmpfs needs root')
        mount = self.tmp / 'small'
        mount.mkdir()
        if subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}', 'none', mount],
                          check=False, capture_output=True).returncode:
            self.skipTest('a tmpfs cannot be mounted here')
        self.addCleanup(sh, 'umount', mount)
        return mount

    def test_no_space(self):
        mount = self.tmpfs('3m')
        source = self.tmp / 'big'
        write_tree(source, QEMU)
        (source / 'hw/big').write_bytes(os.urandom(6 << 20))
        env = {'BUILD': f'{mount}/build', 'QEMU_SRC': str(source)}
        # Up front, then midway
        self.fails(self.run_tree('prepare', **env), mount, 'no space', 'needs 2000 MB')
        env['MIN_FREE_MB'] = '0'
        self.fails(self.run_tree('prepare', **env), mount, 'no space left')
        self.assertEqual([p.name for p in (mount / 'build').glob('qemu*')], [])
        sh('mount', '-o', 'remount,size=64m', mount)
        self.prepare(**env)
        self.assertEqual((mount / 'build/qemu-10.0/hw/big').stat().st_size, 6 << 20)

    def test_min_free_mb(self):
        for value in 'x', '1e3', '-1', '9' * 5000:
            result = self.run_tree('prepare', MIN_FREE_MB=value)
            self.fails(result, f'MIN_FREE_MB={value[:500]}', ': not a number')
            self.assertLessEqual(len(result.stderr), 950)


# Those that bootstrap may be run by.  In a POSIX shell a redirection that fails
# ends the script where the command is a special builtin (`:`, `exec`, `.`).
SHELLS = {name: argv for name, argv in {
    'dash': ['dash'],
    'bash': ['bash'],
    'bash as sh': ['bash', '--posix'],
    'busybox': ['busybox', 'sh'],
    'sh': ['sh'],
}.items() if shutil.which(argv[0])}


class Shells(Tooling):
    """Errors of what is in POSIX sh, in every shell, as an ordinary user."""

    def setUp(self):
        super().setUp()
        self.fake_dpkg('flex')
        self.stand_in('id', 'echo 1000\n')
        self.stand_in('sudo', 'exit 0\n')
        # The caller's own, so that only modes keep anybody out.
        self.mine = self.tmp / 'mine'
        (self.mine / 'log').mkdir(parents=True)
        if os.geteuid() == 0:
            for path in self.mine, self.mine / 'log':
                os.chown(path, 65534, 65534)

    def check_error(self, *words, **env):
        """The same one line in all shells, which it returns"""
        env.setdefault('BUILD', str(self.mine))
        self.assertIn('sh', SHELLS)
        lines = set()
        for name, argv in SHELLS.items():
            with self.subTest(name):
                result = self.run_in(*argv, 'scripts/bootstrap', nobody=True, **env)
                self.fails(result, *words)
                self.assertEqual((result.returncode, result.stdout), (1, ''))
                lines.add(result.stderr)
        self.assertEqual(len(lines), 1)
        return lines.pop()

    def test_not_writable(self):
        """Directories and files, such as root leaves behind"""
        for name, mode, build, named in (
                ('.', 0o555, '/new', f'the build directory {self.mine}/new;'),
                ('log', 0o555, '', f'the build directory {self.mine};'),
                ('lock', 0o444, '', f'{self.mine}/lock; chown'),
                ('log/bootstrap.log', 0o444, '', f'{self.mine}/log/bootstrap.log; chown'),
                ('apt', 0o555, '', f'{self.mine}/apt/packages; chown')):
            path = self.mine / name
            new = not path.exists()
            if new and mode == 0o555:
                path.mkdir()
            elif new:
                path.touch()
            path.chmod(mode)
            with self.subTest(name):
                self.check_error(f'cannot write to {named}', 'BUILD=dir',
                                 BUILD=f'{self.mine}{build}')
            path.chmod(0o755)
            if new:
                (path.unlink if path.is_file() else path.rmdir)()

    def test_values(self):
        for name, value, shown in (
                ('LINE', '9.9', '9.9'), ('LINE', '../10.0', '../10.0'), ('LINE', '.', '.'),
                ('QEMU_SRC', '/nonexistent', '/nonexistent'),
                ('QEMU_TARBALL', '/nonexistent', '/nonexistent'), ('BUILD', '/a b', '/a b'),
                # No line breaks, nothing for the terminal
                ('LINE', 'a\nb\033[31m', 'a?b?[31m')):
            self.check_error(f'{name}={shown}:', **{name: value})
        self.assertLessEqual(len(self.check_error('LINE=999', LINE='9' * 100_000)), 950)

    def test_no_os_release(self):
        """It is not there, not readable, or does not say"""
        self.stand_in('sudo', 'exit 1\n')
        script = self.repo / 'scripts/bootstrap'
        text = script.read_text()
        release = self.tmp / 'os-release'
        script.write_text(text.replace('/etc/os-release', str(release)))
        self.assertNotEqual(text, script.read_text())
        self.check_error('apt-get install flex')
        release.touch(0o200)
        self.check_error('apt-get install flex')
        release.chmod(0o444)
        self.check_error('apt-get install flex')


class Build(Tooling):
    def setUp(self):
        super().setUp()
        self.out = self.build / '10.0'
        self.binary = self.out / 'qemu-system-x86_64'
        # What bootstrap installs is not this class's matter.
        (self.repo / 'scripts/bootstrap').write_text('#!/bin/sh\n')

    def begin_prepared(self):
        # With that bootstrap
        self.begin('prepared to build', self.prepare)

    def begin_built(self):
        self.begin('built', lambda: self.ok(self.make()))

    def test_make_twice_and_after_a_change(self):
        self.assertIn('ready', self.ok(self.make()))
        self.assertIn('ext\n', self.binary.read_text())
        before = fingerprint(self.out)
        self.ok(self.make())
        ignore = {str(self.out / name) for name in ('build.log', '.ninja_log', '.ninja_deps')}
        self.assertEqual([e for e in fingerprint(self.out) if e[0] not in ignore],
                         [e for e in before if e[0] not in ignore])
        (self.repo / 'target-i386-ext/ext.c').write_text('changed\n')
        self.ok(self.make())
        self.assertIn('changed\n', self.binary.read_text())
        # Its object and the link.
        self.assertIn('[2/2]', (self.out / 'build.log').read_text())

    def test_configure_arguments(self):
        self.begin_prepared()
        self.ok(self.make('CONFIGURE_FLAGS=--enable-a --enable-b', 'PYTHON=/opt/my python'))
        arguments = (self.out / 'arguments').read_text().splitlines()
        for wanted in '--enable-a', '--enable-b', '--python=/opt/my python', '--enable-werror':
            self.assertIn(wanted, arguments)
        self.assertIn('other configure arguments', self.ok(self.make()))
        self.assertNotIn('--enable-a', (self.out / 'arguments').read_text())

    def test_interrupted_configure(self):
        self.begin_prepared()
        self.killed_in('ln', 'qemu-bundle', 'make')
        (self.out / 'config.log').touch()
        self.assertIn('interrupted', self.ok(self.make()))
        self.assertFalse((self.out / 'config.log').exists())
        self.assertTrue(self.binary.exists())

    def test_failing_configure_and_compiler(self):
        self.begin_prepared()
        (self.tree / 'fail-configure').touch()
        result = self.make()
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r"^error: QEMU's configure failed.*\n.*fake: no glib\n")
        (self.tree / 'fail-configure').unlink()
        (self.repo / 'target-i386-ext/ext.c').write_text('SYNTAX\n')
        result = self.make()
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r'^error: building qemu-system-x86_64 failed')
        self.assertIn('1:SYNTAX', result.stderr)

    def test_errors_of_tables_stand_alone(self):
        self.begin_prepared()
        (self.repo / 'target-i386-ext/tables/a.tbl').write_text('ERROR\n')
        result = self.make()
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(
            [line for line in result.stderr.splitlines() if not line.startswith('make')],
            [f'{self.tree}/target/i386/ext/tables/a.tbl:3: no such thing',
             'error: the tables of CPU models have errors (see above)'])
        self.assertNotRegex(result.stdout, 'FAILED|ninja')
        self.assertFalse(self.binary.exists())

    def test_new_source_makes_new_objects(self):
        self.begin_built()
        source = self.tmp / 'own'
        write_tree(source, {**QEMU, 'hw/pc.c': 'older than the objects\n'})
        os.utime(source / 'hw/pc.c', (1, 1))
        self.ok(self.make(f'QEMU_SRC={source}'))
        self.assertIn('older than the objects\n', self.binary.read_text())

    def test_run_passes_values_as_they_are(self):
        result = self.make('run', 'MODEL=qemu64,model-id=a "b" \'c\'; $$(touch pwned)',
                           'SMP=4,dies=2')
        self.assertEqual(result.returncode, 0, result.stderr)
        # The build speaks on stderr, so that stdout is the answer alone.
        self.assertEqual(result.stdout,
                         '<--qemu><build/10.0/qemu-system-x86_64><--exit-zero><--model>'
                         '<qemu64,model-id=a "b" \'c\'; $(touch pwned)><--smp><4,dies=2>')
        self.assertFalse((self.repo / 'pwned').exists())

    def test_unknown_format(self):
        """It is told before anything is built, in the verb's words"""
        for name in ('x86-cpu-removed', 'x86-cpu-dump', *(
                path.name for path in (TOP / 'scripts').glob('x86_cpu_*.py'))):
            shutil.copy2(TOP / 'scripts' / name, self.repo / 'scripts')
        (self.repo / 'scripts/x86-cpu-model-dump').symlink_to('x86-cpu-dump')
        for target, message in (
                ('run', "unknown format 'xml'; use table or json"),
                ('dump', "unknown format 'xml'; use table, cpu, readconfig, json, "),
                ('history', "unknown format 'xml'; use table or json")):
            result = self.make(target, 'FORMAT=xml')
            self.fails(result, message)
            self.assertEqual(result.stdout, '')
        self.assertFalse(self.build.exists())

    def test_interrupted_ninja(self):
        """By a terminal's Ctrl-C, which all of it gets; ninja ends by itself"""
        self.begin_prepared()
        marker = self.tmp / 'marker'
        for targets, wanted in (([], 'x86-cpu-tables'), (['qemu-system-x86_64'], 'qemu-system')):
            self.stand_in('ninja', f"""case "$*" in *{wanted}*) ;; *) exit 0;; esac
trap 'kill $!; echo "ninja: build stopped: interrupted by user."; exit 2' INT
touch {marker}
sleep 60 & wait
""")
            with subprocess.Popen(
                    ['scripts/qemu-build', 'build', *targets], cwd=self.repo, text=True,
                    env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    start_new_session=True, preexec_fn=lambda: signal.signal(
                        signal.SIGINT, signal.SIG_DFL)) as process:
                wait_for(marker)
                os.killpg(process.pid, signal.SIGINT)
                stderr = process.communicate(timeout=30)[1]
            marker.unlink()
            with self.subTest(wanted):
                self.assertEqual((process.returncode, stderr), (130, 'error: interrupted\n'))

    def test_install(self):
        """With Sphinx; where it fails; and where it is gone"""
        self.begin_prepared()
        dest = self.tmp / 'dest dir'
        args = ['install', 'PREFIX=/usr', f'DESTDIR={dest}', f'PYTHON={self.bin}/python']
        self.stand_in('python', '''[ "$1" = -c ] && exit
[ ! -e fail ] || { echo 'a.rst:1: WARNING: no such page'; exit 1; }
for to; do :; done
mkdir -p "$to" && echo page >"$to/x86-cpu.1" && ln -s x86-cpu.1 "$to/a.html"
''')
        self.assertNotIn('notice: no Sphinx', self.ok(self.make(*args)))
        self.assertTrue((dest / 'usr/share/man/man1/x86-cpu.1').is_file())
        doc = dest / 'usr/share/doc/qemu-cpu-introspection'
        self.assertTrue((doc / 'html/a.html').is_file())
        self.assertFalse((doc / 'html/a.html').is_symlink())
        for name in 'qemu-system-x86_64', 'x86-cpu', 'x86-cpu-removed', 'x86-cpu-look':
            self.assertTrue(os.access(dest / 'usr/bin' / name, os.X_OK), name)
        # A link has the name that a verb had before.
        self.assertEqual(sorted(os.listdir(dest / 'usr/libexec/x86-cpu')),
                         ['host', 'list', 'removed', 'table'])
        (self.repo / 'fail').touch()
        result = self.make(*args)
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r'^error: Sphinx failed; .*\n +a.rst:1: WARNING')
        self.stand_in('python', 'exit 1\n')
        self.assertRegex(self.ok(self.make(*args)), '(?m)^notice: no Sphinx .*: no man pages')
        self.assertFalse((doc / 'html').exists())
        self.assertTrue((doc / 'manual.rst').is_file())

    def test_file_of_models(self):
        """Written if the binary is newer, or the scripts are"""
        self.begin_prepared()
        models = self.out / 'qemu-cpu-models.json'
        self.assertIn('\nnotice: built without kvm\n', self.ok(self.make(PYTHONPATH='')))
        self.assertEqual(models.read_text(), (
            f'{self.tree}/python --qemu {self.binary} --output {models}\n'))
        models.write_text('as before\n')
        self.assertNotIn('notice', self.ok(self.make()))
        self.assertEqual(models.read_text(), 'as before\n')
        for name, text in (('target-i386-ext/ext.c', 'changed\n'),
                           ('scripts/x86-cpu-table', TABLE),
                           ('scripts/x86_cpu_models.py', '')):
            models.write_text('as before\n')
            # No later than what is to be newer
            os.utime(models, (1, 1) if name.startswith('scripts') else None)
            (self.repo / name).write_text(text)
            self.ok(self.make())
            self.assertIn('--output', models.read_text(), name)
        models.unlink()
        self.ok(self.make())
        self.assertTrue(models.exists())
        # Other targets are not the binary's.
        models.unlink()
        self.ok(self.run_in('scripts/qemu-build', 'build', 'hw/pc.c.o'))
        self.assertFalse(models.exists())

    def test_file_of_models_fails(self):
        models = self.out / 'qemu-cpu-models.json'
        self.begin_built()
        models.unlink()
        (self.repo / 'fail-table').write_text('error: no such luck\n')
        result = self.make()
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r'^error: writing qemu-cpu-models.json failed; .*\n'
                         ' +error: no such luck\n')
        (self.repo / 'fail-table').write_text(
            'error: This QEMU was built without PC machine types, for x\n')
        self.assertRegex(self.ok(self.make()), r'(?m)^notice: \S+ has no PC machine types, so '
                         'there is no qemu-cpu-models.json$')

    def test_layers(self):
        """Machine types are compared with tables, if the binary is newer"""
        self.begin_prepared()
        asked = self.repo / 'asked-layers'
        self.assertIn('\nnotice: removed ones\n', self.ok(self.make(PYTHONPATH='')))
        arguments = (f'--qemu {self.binary} --line 10.0 --check --directory '
                     f'{self.repo}/target-i386-ext/tables/machines')
        self.assertEqual(asked.read_text(), f'{self.tree}/python {arguments}\n')
        self.assertNotIn('notice', self.ok(self.make()))
        self.assertEqual(len(asked.read_text().splitlines()), 1)
        # A site's as well
        write_tree(self.tmp / 'site', {'a.tbl': 'cpu a_b\n', 'machines/10.0.tbl': '\n'})
        (self.repo / 'target-i386-ext/ext.c').write_text('changed\n')
        self.ok(self.make(f'CPU_TABLES={self.tmp}/site'))
        self.assertRegex(asked.read_text().splitlines()[-1], '/tables/site/machines --site$')
        # A difference is told, and what cannot be compared stops.
        (self.repo / 'fail-layers').write_text('pc-q35-9.0: differs\n')
        (self.repo / 'layers-status').write_text('1')
        (self.repo / 'target-i386-ext/ext.c').write_text('changed again\n')
        done = self.make()
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r'warning: .* something else on CPUs than \S+ says:\n'
                         ' +pc-q35-9.0: differs\n')
        (self.repo / 'layers-status').write_text('2')
        (self.repo / 'target-i386-ext/ext.c').write_text('changed once more\n')
        done = self.make()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('error: comparing machine types with the tables failed', done.stderr)

    def test_file_of_models_of_a_cross_build(self):
        """Made where the binary runs, at the latest by install"""
        self.begin_prepared()
        for start in 'not of this machine\nexit 126\n', '#!/bin/sh\nexit 127\n':
            (self.tree / 'start').write_text(start)
            (self.tree / 'hw/pc.c').write_text(start)
            self.assertRegex(self.ok(self.make()), r'(?m)^notice: \S+ does not run here, so '
                             'there is no qemu-cpu-models.json')
            self.assertFalse((self.out / 'qemu-cpu-models.json').exists())
            dest = self.tmp / 'dest'
            args = ['scripts/qemu-build', 'install']
            env = {'DESTDIR': str(dest), 'PREFIX': '/usr', 'PYTHON': '/bin/false'}
            installed = dest / 'usr/share/qemu-cpu-introspection/qemu-cpu-models.json'
            self.assertIn('does not run here', self.ok(self.run_in(*args, **env)))
            self.assertFalse(installed.exists())
            self.binary.write_text('#!/bin/sh\n')
            self.assertNotIn('does not run', self.ok(self.run_in(*args, **env)))
            self.assertIn('--output', installed.read_text())

    def test_clean_and_distclean(self):
        self.begin_built()
        (self.build / 'precious').write_text('not ours\n')
        self.ok(self.make('clean'))
        self.assertFalse(self.out.exists())
        self.assertTrue(self.tree.exists())
        self.ok(self.make('distclean'))
        self.assertEqual([p.name for p in self.build.iterdir()], ['precious'])


class Bootstrap(Tooling):
    FULL = ['gcc-s390x-linux-gnu', 'gcc-arm-linux-gnueabihf', 'debootstrap']

    def ordinary_user(self):
        self.stand_in('id', 'echo 1000\n')
        self.stand_in('sudo', 'exit 1\n')

    def test_second_run_asks_nobody(self):
        self.fake_dpkg()
        for what in 'build', 'check', 'fuzz', 'install', 'full':
            self.assertEqual(self.ok(self.run_in('scripts/bootstrap', what)), '')
        self.assertFalse(self.log.exists())

    def test_where_it_may_not_install(self):
        self.ordinary_user()
        for what, package, meson in (
                ('build', 'flex', '1.7.0-1'), ('build', 'meson', '1.0.1-5'),
                ('check', 'shellcheck', '1.7.0-1'), ('fuzz', 'afl++', '1.7.0-1'),
                ('fuzz', 'ninja-build', '1.7.0-1')):
            with self.subTest(package):
                self.fake_dpkg('' if package == 'meson' else package, meson)
                self.fails(self.run_in('scripts/bootstrap', what), 'apt-get install ' + package)
                if package in ('shellcheck', 'afl++'):
                    self.ok(self.run_in('scripts/bootstrap'))
        self.fails(self.run_in('scripts/bootstrap', 'test'), 'bootstrap fuzz')

    def test_goes_on_without(self):
        self.ordinary_user()
        for what, packages, lost in (
                ('install', ['python3-sphinx'], 'the manual may lack HTML and man pages'),
                ('full', self.FULL, 'tests that need it are skipped')):
            self.fake_dpkg('|'.join(packages))
            self.assertEqual(self.ok(self.run_in('scripts/bootstrap', what)),
                             f'notice: not installed, so {lost}: {" ".join(packages)}\n')
            self.assertFalse(self.log.exists())

    def test_each_by_itself(self):
        """One that cannot be installed keeps no other out"""
        self.fake_dpkg('|'.join(self.FULL))
        self.stand_in('id', 'echo 0\n')
        text = (self.bin / 'apt-get').read_text()
        (self.bin / 'apt-get').write_text(
            text + f'case "$*" in "install "*" {self.FULL[0]} "*) exit 100;; esac\n')
        self.assertIn(': ' + self.FULL[0], self.ok(self.run_in('scripts/bootstrap', 'full')))
        together, *alone = re.findall('(?m)^install .*', self.log.read_text())
        self.assertEqual(len(alone), len(self.FULL))
        for line, package in zip(alone, self.FULL):
            self.assertIn(f' {package} ', together)
            self.assertIn(f' {package} ', line)

    def test_installs_from_lists_of_its_own(self):
        for user, prefix in ('0', ''), ('1000', 'sudo -n '):
            self.fake_dpkg('flex')
            self.stand_in('id', f'echo {user}\n')
            self.stand_in('sudo', f'echo "sudo $@" >>{self.log}; shift; exec "$@"\n')
            # The stand-in installs nothing, which bootstrap must notice.
            self.fails(self.run_in('scripts/bootstrap'), 'flex')
            lines = self.log.read_text().splitlines()
            self.log.unlink()
            install = [line for line in lines if line.startswith('install')]
            self.assertEqual(len(install), 1)
            self.assertRegex(install[0], r'^install -y .* flex ')
            self.assertEqual(any(line.startswith(prefix + 'env') for line in lines), bool(prefix))
            for line in install + [line for line in lines if line.startswith('update')]:
                self.assertIn(f'Dir::State::lists={self.build}/apt/packages/lists', line)

    def test_without_apt(self):
        for directory in '/usr/bin', '/bin':
            for tool in os.listdir(directory):
                if tool not in ('apt-get', 'flex') and not (self.bin / tool).exists():
                    (self.bin / tool).symlink_to(f'{directory}/{tool}')
        self.fails(self.run_in('scripts/bootstrap', PATH=str(self.bin)), 'no apt', ' flex')


@unittest.skipUnless((TOP / '../shared/qemu-source').is_dir(), 'no ../shared/qemu-source here')
class Real(Tooling):
    """The real QEMU's base file against Debian's orig, as if it were upstream's."""

    def test_content_sha256(self):
        base = TOP / 'patches/10.0/base'
        shutil.copy(base, self.patches / 'base')
        name = next(line.split()[3] for line in base.read_text().splitlines()
                    if line.startswith('sha256') and '.orig.' in line)
        tarball = self.tmp / 'qemu-10.0.13.tar.xz'
        tarball.symlink_to((TOP / '../shared/qemu-source' / name).resolve())
        self.prepare(QEMU_TARBALL=str(tarball))
        self.assertTrue((self.tree / 'target/i386/cpu.c').exists())


@unittest.skipUnless(os.environ.get('CHECK_FULL') == '1',
                     'fetches 50 MB from the machine\'s Debian mirror: set CHECK_FULL=1')
class RealApt(Tooling):
    def test_debian_source_through_apt(self):
        shutil.rmtree(self.shared)
        base = TOP / 'patches/10.0/base'
        # No third way: what is not in the archive is not there.
        (self.patches / 'base').write_text(
            base.read_text().replace('https://', 'https://invalid.'))
        system = ('/etc/apt', '/var/lib/apt/lists', '/var/cache/apt')
        before = fingerprint(*system)
        result = self.run_tree('get')
        if 'cannot get QEMU' in result.stderr:
            self.skipTest('no Debian mirror answers: ' + result.stderr.strip())
        self.assertIn('asking apt', self.ok(result))
        self.assertEqual(fingerprint(*system), before)
        self.assertTrue((self.tree / 'target/i386/cpu.c').exists())


if __name__ == '__main__':
    unittest.main()
