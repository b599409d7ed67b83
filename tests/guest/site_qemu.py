# SPDX-License-Identifier: GPL-2.0-or-later
"""
A second QEMU, with tables of CPU models as a site has them.

For tests: what `make CPU_TABLES=dir` builds, next to the QEMU that is there
and in seconds.  Tables get into one object file, so that this alone is
compiled anew, with the build's own commands, and everything is linked.  Other
files of QEMU's source can be replaced as well, as a distributor's patches do.
"""

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BINARY = 'qemu-system-x86_64'
EXT = os.path.join('target', 'i386', 'ext')
# What the generator writes, and the file of QEMU that includes it
GENERATOR = os.path.join(EXT, 'gen-cpu-tables')
MODELS = os.path.join(EXT, 'x86-cpu-models.c.inc')
SOURCE = os.path.join('target', 'i386', 'cpu.c')
# Of a directory "machines" in that of the tables
LAYERS = os.path.join(EXT, 'x86-cpu-layers.c.inc')
LAYERS_SOURCE = os.path.join(EXT, 'removed-machine-types.c')


class BuildError(Exception):
    """What the generator, the compiler or the linker refused."""


def build_dir():
    """Where QEMU was built."""
    return os.path.join(REPO, os.environ.get('BUILD') or 'build',
                        os.environ.get('LINE') or '10.0')


def run(argv, cwd):
    """What a command printed; it must succeed."""
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode:
        raise BuildError(f'{shlex.join(argv)[:200]}\n{done.stderr[-4000:]}')
    return done.stdout


def machines_of(tables):
    """The directory of what machine types set on CPUs, or None"""
    path = os.path.join(tables, 'machines')
    return path if os.path.isdir(path) else None


def read_tables(tables):
    """{name: content} of what the generator reads"""
    found = {}
    for directory in filter(None, (tables, machines_of(tables))):
        for name in sorted(os.listdir(directory)):
            if name.endswith(('.tbl', '.lock')):
                path = os.path.join(directory, name)
                with open(path, 'rb') as f:
                    found[os.path.relpath(path, tables)] = f.read()
    return found


def read_source(path):
    """The text of a file of QEMU's source, hw/i386/pc.c"""
    with open(source_entry(path, build_dir())['file'],
              encoding='utf-8') as f:
        return f.read()


def identity(tables, main, sources):
    """Of what the binary is made of: it is built anew when this changes"""
    digest = hashlib.sha256()
    for name, content in read_tables(tables).items():
        digest.update(f'{name} {len(content)} '.encode() + content)
    digest.update(repr(sorted(sources.items())).encode())
    for path in (os.path.join(main, BINARY), os.path.join(main, GENERATOR),
                 os.path.abspath(__file__)):
        with open(path, 'rb') as f:
            digest.update(f.read())
    return digest.hexdigest()[:16]


def set_option(argv, option, value):
    """Gives an option that is in a command another value."""
    argv[argv.index(option) + 1] = value


def generate(tables, main, out):
    """Runs the generator."""
    os.makedirs(os.path.join(out, EXT))
    for made, directory in ((MODELS, tables), (LAYERS, machines_of(tables))):
        if directory:
            argv = shlex.split(run(['ninja', '-t', 'commands', made],
                                   main).splitlines()[-1])
            set_option(argv, '-o', os.path.join(out, made))
            set_option(argv, '-d', os.path.join(out, f'{made}.d'))
            set_option(argv, '-s', os.path.abspath(directory))
            run(argv, main)


def source_entry(path, main):
    """How the build compiles a file"""
    with open(os.path.join(main, 'compile_commands.json'),
              encoding='utf-8') as f:
        entry = next(e for e in json.load(f)
                     if e['file'].endswith('/' + path)
                     and 'x86_64-softmmu' in e['output'])
    return {**entry, 'file': os.path.join(main, entry['file'])}


def compile_source(path, text, main, out):
    """
    Compiles a file, with another text unless that is None.  Returns the
    object that it replaces, and the new one.
    """
    entry = source_entry(path, main)
    argv = shlex.split(entry['command'])
    new = os.path.join(out, os.path.basename(path))
    set_option(argv, '-o', new + '.o')
    set_option(argv, '-MF', new + '.d')
    # Before the build directory, which has a file of that name, too
    for directory in (os.path.dirname(entry['file']),
                      os.path.join(out, EXT), out):
        argv[1:1] = ['-iquote', directory]
    if text is not None:
        with open(new, 'w', encoding='utf-8') as f:
            f.write(text)
        set_option(argv, '-c', new)
    run(argv, main)
    return entry['output'], new + '.o'


def link(main, out, objects):
    """Links, with new objects in the place of others."""
    # With -x, ninja writes out what it would put into a response file.
    entries = json.loads(run(['ninja', '-t', 'compdb', '-x', 'c_LINKER',
                              'c_LINKER_RSP'], main))
    argv = shlex.split(next(e for e in entries
                            if e['output'] == BINARY)['command'])
    for old, new in objects:
        argv[argv.index(old)] = new
    set_option(argv, '-o', os.path.join(out, BINARY))
    run(argv, main)


def build_at(tables, main, out, sources):
    """Builds in a directory, which appears when everything is in it."""
    new = out + '.new'
    os.makedirs(new)
    try:
        generate(tables, main, new)
        sources = {SOURCE: None, **sources}
        if machines_of(tables):
            sources[LAYERS_SOURCE] = None
        link(main, new, [compile_source(path, text, main, new)
                         for path, text in sources.items()])
        # Where QEMU that was not installed looks for firmware
        os.symlink(os.path.join(main, 'qemu-bundle'),
                   os.path.join(new, 'qemu-bundle'))
        os.rename(new, out)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def build(tables, sources=None):
    """
    Returns the path of a QEMU with the tables of a directory built in, and
    with other texts for files of its source, by path.

    It is kept, for the next time: until the tables or the main build change.
    """
    main = os.path.abspath(build_dir())
    home = os.path.join(main, 'tests', 'site-qemu',
                        os.path.basename(os.path.abspath(tables)))
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, 'lock'), 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = sources or {}
        name = identity(tables, main, sources)
        out = os.path.join(home, name)
        for other in os.listdir(home):
            if other not in ('lock', name):
                shutil.rmtree(os.path.join(home, other))
        if not os.path.exists(out):
            build_at(tables, main, out, sources)
    return os.path.join(out, BINARY)
