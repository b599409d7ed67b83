# SPDX-License-Identifier: GPL-2.0-or-later
"""
More builds of the same tree, with other arguments for QEMU's configure.

For tests of targets, hosts and choices of devices that the main build does
not have.  Each is in BUILD/LINE-NAME, and built again where it is there.
"""

import json
import os
import shutil
import subprocess

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINE = os.environ.get('LINE') or '10.0'
BUILD = os.path.join(REPO, os.environ.get('BUILD') or 'build')
TREE = os.path.join(BUILD, f'qemu-{LINE}')

# What scripts/qemu-build gives to configure, whatever is built
COMMON = ['--python=' + (os.environ.get('PYTHON') or '/usr/bin/python3'),
          '--enable-tcg', '--enable-fdt=system', '--disable-docs',
          '--disable-install-blobs', '--disable-download', '--enable-werror',
          '--firmwarepath=/usr/share/qemu:/usr/share/seabios:'
          '/usr/lib/ipxe/qemu']


def run(*argv, cwd=REPO, env=None):
    """Returns what a command that must succeed printed."""
    done = subprocess.run(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(argv)}:\n{done.stdout[-4000:]}")
    return done.stdout


def link_firmware(out):
    """Gives a build the firmware that the main build has."""
    for name in 'share', 'lib':
        link = os.path.join(out, 'qemu-bundle', 'usr', name)
        if not os.path.exists(link):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(os.path.join(BUILD, LINE, 'qemu-bundle', 'usr', name),
                       link)


def configure(name, *arguments, env=None, files=None, tree=TREE,
              default_features=False):
    """
    Configures BUILD/LINE-name, and returns that directory.

    files: {name: text} that configure is to find in it
    tree: the source
    default_features: with all that there are libraries for, not the least
    """
    if not default_features:
        arguments = ('--without-default-features', *arguments)
    out = os.path.join(BUILD, f'{LINE}-{name}')
    stamp = os.path.join(out, '.configured')
    want = repr((COMMON, arguments, env, files, tree))
    try:
        with open(stamp, encoding='utf-8') as f:
            if f.read() == want:
                return out
    except FileNotFoundError:
        pass
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    for file, text in (files or {}).items():
        with open(os.path.join(out, file), 'w', encoding='utf-8') as f:
            f.write(text)
    run(os.path.join(tree, 'configure'), *COMMON, *arguments, cwd=out,
        env={**os.environ, **(env or {})})
    link_firmware(out)
    # Last: without it, the directory is not whole.
    with open(stamp, 'w', encoding='utf-8') as f:
        f.write(want)
    return out


def build(out, *targets):
    """Builds targets of a directory that configure() made."""
    run('ninja', '-C', out, *targets)


def changed_files():
    """The files of QEMU's that patches change"""
    return run('git', f'--git-dir={TREE}.git', 'diff', '--name-only', 'base',
               'HEAD').splitlines()


def overlay_files():
    """The files of ours, where they are in the tree"""
    return [line.split('\t')[0] for line in run(
        os.path.join(REPO, 'scripts', 'qemu-tree'), '--line', LINE,
        'overlay-files').splitlines()]


def commands_of(out):
    """{object: (its source, as in the tree; command)} that a build has"""
    with open(os.path.join(out, 'compile_commands.json'),
              encoding='utf-8') as f:
        return {c['output']: (os.path.relpath(
            os.path.join(c['directory'], c['file']), TREE), c['command'])
            for c in json.load(f)}


def our_objects(out):
    """
    The objects of a build that are ours: of every C file of ours, of every
    file of QEMU's that a patch changes, and of what is generated from our
    QAPI schema.
    """
    ours = {*overlay_files(), *changed_files()}
    return sorted(name for name, (source, _) in commands_of(out).items()
                  if source in ours or
                  'introspection' in os.path.basename(source))


def configure_boards(name, *boards):
    """
    Configures a QEMU with these boards alone, and no device that they don't
    need, except the debug console that our ROM writes to.
    """
    # Named as from the directory that configure looks in
    devices = os.path.relpath(
        os.path.join(BUILD, f'{LINE}-{name}', 'devices'),
        os.path.join(TREE, 'configs', 'devices', 'x86_64-softmmu'))
    return configure(
        name, '--enable-kvm', '--target-list=x86_64-softmmu',
        '--without-default-devices', f'--with-devices-x86_64={devices}',
        files={'devices.mak': ''.join(
            f'CONFIG_{option}=y\n' for option in (*boards, 'ISA_DEBUG'))})
