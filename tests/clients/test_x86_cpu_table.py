# SPDX-License-Identifier: GPL-2.0-or-later
"""
x86-cpu table: the file of all CPU models, and what a person reads of it.

Is the file what QEMU answers, the same bytes each time, and as its schema
says?  Whether the answer is true is tested by guests; most of this is about a
small table that a fake QEMU has.
"""

import copy
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
import zlib
from unittest import mock

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(REPO, 'tests'),
                os.path.join(REPO, 'scripts')]

from bad_input import (  # noqa: E402
    LONG, all_replaced, check_command_line, check_refused, run_main)
from schemas import check_schema  # noqa: E402
from script_module import load_script  # noqa: E402
from table_qemu_fake import TABLE  # noqa: E402
import x86_cpu_models  # noqa: E402
from x86_cpu_models import Models  # noqa: E402
from x86_cpu_qmp import Qemu  # noqa: E402

SCRIPT = os.path.join(REPO, 'scripts', 'x86-cpu-table')
FAKE = os.path.join(HERE, 'table_qemu_fake.py')
STOCK = os.path.join(HERE, 'stock_qemu_fake.py')
QEMU = os.environ['QTEST_QEMU_BINARY']
LINE = os.environ['LINE']
NAME = 'qemu-cpu-models.json'

# Properties that are only in descriptions of CPUs if they are not at their
# default: the line lacks them
LACKING = {'10.0': set(),
           '11.1': {'full-cpuid-auto-level', 'x-hv-synic-kvm-only',
                    'x-intel-pt-auto-level'}}[LINE]
AUTOMATIC = 0xffffffff
AMD_ALIASES = 0x0183f3ff

# Bytes without fingerprints, in which nothing can be saved
MOST = 256 << 10
WIDTH = 100


def x86_cpu_table(*args, qemu=FAKE, **kwargs):
    return subprocess.run([SCRIPT, '--qemu', qemu, *args],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120,
                          check=False, **kwargs)


def without_fingerprints(contents):
    contents = copy.deepcopy(contents)
    for accelerator in contents['accelerators']:
        del accelerator['fingerprints']
    return contents


def digest_of(text):
    """The digest of a file by what docs/models-file.rst says of it"""
    contents = without_fingerprints(json.loads(text))
    del contents['digest'], contents['$comment'], contents['$crc32']
    return hashlib.sha256(json.dumps(
        contents, ensure_ascii=True, sort_keys=True,
        separators=(',', ':')).encode('ascii')).hexdigest()


class Test(unittest.TestCase):
    def output(self, *args, **kwargs):
        done = x86_cpu_table(*args, **kwargs)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return done.stdout

    def directory(self):
        tmp = tempfile.TemporaryDirectory()
        self.addCleanup(tmp.cleanup)
        return tmp.name

    def check_file(self, text):
        """Returns what is in the file, which has to be canonical."""
        contents = json.loads(text)
        check_schema('qemu-cpu-models', contents)
        self.assertEqual(text, json.dumps(contents, indent=1, sort_keys=True,
                                          ensure_ascii=True) + '\n')
        self.assertEqual(contents['digest'], digest_of(text))
        lines = text.splitlines(keepends=True)
        crc = zlib.crc32(''.join(lines[:2] + lines[3:]).encode('ascii'))
        self.assertEqual(lines[2], f' "$crc32": "{crc:08x}",\n')
        return contents


class Real(Test):
    """The file of the QEMU that was built"""

    @classmethod
    def setUpClass(cls):
        with Qemu(QEMU, ['-machine', 'none', '-accel', 'tcg']) as q:
            cls.version = q.cmd('query-version')
            cls.answer = q.cmd('query-cpu-model-table')
            cls.definitions = q.cmd('query-cpu-definitions')
            machines = q.cmd('query-machines')
        cls.machines = [m['name'] for m in machines]
        cls.aliases = {m['alias']: m['name'] for m in machines
                       if 'alias' in m}
        done = x86_cpu_table('--json', qemu=QEMU)
        if done.returncode:
            raise AssertionError(done.stderr)
        cls.text = done.stdout
        cls.contents = json.loads(cls.text)

    def test_file(self):
        self.check_file(self.text)
        self.assertLess(len(json.dumps(
            without_fingerprints(self.contents), indent=1)), MOST)

    def test_is_the_answer(self):
        """And who gave it"""
        contents = dict(self.contents)
        for name in '$comment', 'digest', '$crc32':
            del contents[name]
        qemu = contents.pop('qemu')
        self.assertEqual(contents, self.answer)
        self.assertEqual(qemu, {**self.version['qemu'],
                                'package': self.version['package']})

    def test_reproducible(self):
        """By another user, elsewhere, later, and of a QEMU that runs"""
        tmp = self.directory()
        path = os.path.join(tmp, NAME)
        self.assertEqual(self.output(
            '-o', path, qemu=QEMU, cwd=tmp,
            env={**os.environ, 'HOME': tmp, 'TZ': 'Asia/Tokyo',
                 'LC_ALL': 'C', 'PYTHONHASHSEED': '1'}), '')
        with open(path, encoding='ascii') as f:
            self.assertEqual(f.read(), self.text)
        socket = os.path.join(tmp, 'qmp')
        argv = [QEMU, '-S', '-display', 'none', '-machine', 'pc', '-accel',
                'tcg', '-cpu', 'EPYC,+avx512f', '-smp', '4', '-qmp',
                f'unix:{socket},server=on,wait=off']
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
            try:
                while not os.path.exists(socket):
                    self.assertIsNone(process.poll())
                    time.sleep(0.05)
                self.assertEqual(self.output('--qmp', socket, '--json'),
                                 self.text)
            finally:
                process.kill()

    def test_no_path_and_no_time(self):
        for path in (REPO, os.path.realpath(REPO), os.path.dirname(QEMU),
                     os.path.realpath(QEMU)):
            self.assertNotIn(path, self.text)
        # A model-id may have a slash.
        self.assertNotRegex(self.text, r'[" ]/\w')
        self.assertNotRegex(self.text, r'\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d')

    def test_all_are_there(self):
        """Models that are safe to migrate, and PC machine types"""
        models = {m['name'] for m in self.contents['models']} | {'base'}
        self.assertEqual(models, {d['name'] for d in self.definitions
                                  if d['migration-safe']})
        types = [name for layer in self.contents['layers']
                 for name in layer['machine-types']]
        self.assertEqual(len(types), len(set(types)))
        versioned = r'pc-(i440fx|q35)-\d'
        self.assertEqual({t for t in types if re.match(versioned, t)},
                         {m for m in self.machines if re.match(versioned, m)})

    def test_machine_aliases(self):
        """Those of machine types in the file: pc and q35"""
        types = {name for layer in self.contents['layers']
                 for name in layer['machine-types']}
        expected = {alias: name for alias, name in self.aliases.items()
                    if name in types}
        self.assertLessEqual({'pc', 'q35'}, set(expected))
        self.assertEqual(self.contents['machine-aliases'],
                         [{'alias': alias, 'machine-type': expected[alias]}
                          for alias in sorted(expected, key=lambda a: [
                              t for layer in self.contents['layers']
                              for t in layer['machine-types']
                          ].index(expected[a]))])

    def test_names_are_known(self):
        """Changes and rules are of features and properties that are listed"""
        features = {f['name'] for word in self.contents['words']
                    for f in word['features']}
        types = {p['name']: p['type'] for p in self.contents['properties']}
        words = {word['name'] for word in self.contents['words']}
        self.assertFalse(features & set(types))
        switches = features | {name for name, kind in types.items()
                               if kind in ('bool', 'on-off')}

        def walk(value):
            if isinstance(value, list):
                for item in value:
                    walk(item)
            elif isinstance(value, dict):
                for key, item in value.items():
                    if key in ('on', 'off') and isinstance(item, list):
                        self.assertLessEqual(set(item), switches)
                    elif key == 'set':
                        for name, one in item.items():
                            self.assertIsInstance(
                                one, {'int': int, 'str': str}[types[name]])
                    elif key in ('word', 'needs-word'):
                        self.assertIn(item, words)
                    else:
                        walk(item)

        walk(self.contents)

    def test_fingerprints(self):
        """Each follows from the rest of the file"""
        reader = Reader(self.contents)
        models = {'base', *reader.models.names()}
        for accelerator in self.contents['accelerators']:
            told = {f['model']: f['values']
                    for f in accelerator['fingerprints']}
            self.assertEqual(set(told), models)
            for model, values in told.items():
                before = None
                for layer, value, (props, _) in zip(
                        reader.models.layers, values,
                        reader.models.in_layers(model), strict=True):
                    self.assertNotEqual(value, before)
                    before = value or before
                    self.assertEqual(
                        reader.fingerprint(accelerator, model, layer['name'],
                                           props), before,
                        f"{model} in {layer['name']}, {accelerator['name']}")

    def test_table(self):
        text = self.output(qemu=QEMU)
        self.assertLessEqual(max(map(len, text.splitlines())), WIDTH)
        for layer in self.contents['layers']:
            self.assertRegex(text, rf"(?m)^  {re.escape(layer['name'])} +"
                                   rf"{len(layer['machine-types'])} ")
        for model in self.contents['models']:
            self.assertRegex(text, rf"(?m)^  {re.escape(model['name'])} +"
                                   rf"{re.escape(model.get('like', '-'))} ")

    def test_model(self):
        layers = [layer['name'] for layer in self.contents['layers']]
        for model in 'EPYC-v2', 'Skylake-Client', 'qemu64', 'base':
            text = self.output('--model', model, qemu=QEMU)
            self.assertLessEqual(max(map(len, text.splitlines())), WIDTH)
            # Each once, and in order
            self.assertEqual(re.findall(
                r'(?m)^  (pc-[^\s,]+|isapc),? +\S', text),
                             layers[1:])
        self.assertRegex(self.output('--model', 'EPYC-v2', qemu=QEMU),
                         r'(?m)^  ibpb +on ')


class Reader:
    """A reader of the file, by nothing but docs/models-file.rst"""

    def __init__(self, contents):
        self.contents = contents
        self.models = Models(contents)
        self.types = {p['name']: p['type'] for p in contents['properties']}
        self.places = {f['name']: (w['name'], int(f['mask'], 16))
                       for w in contents['words'] for f in w['features']}
        self.registers = {w['name']: w.get('cpuid')
                          for w in contents['words']}

    def word(self, leaf, register):
        name, = [name for name, place in self.registers.items() if place == {
            'leaf': leaf, 'subleaf': 0, 'register': register}]
        return name

    def requested(self, accelerator, model, layer, props):
        """Returns the properties, and whether the vendor is the host's."""
        cpu = {name: self.models.default(name) for name in self.types}
        cpu.update(props)
        rows = []
        if model != 'base':
            rows = [accelerator['changes'], *(
                c['changes'] for c in accelerator['conditions']
                if 'on' in c['kernel-irqchip'])]
        host = accelerator['host-vendor'] in (
            ('all',) if model == 'base' else ('all', 'named'))
        for e in accelerator['exceptions']:
            if e['layer'] == layer and (e['model'] == model if 'model' in e
                                        else model != 'base'):
                rows.append(e['changes'])
                host = host and 'vendor' not in e['changes'].get('set', {})
        for row in rows:
            cpu.update({name: True for name in row.get('on', [])})
            cpu.update({name: False for name in row.get('off', [])})
            cpu.update(row.get('set', {}))
        return cpu, host

    def drop(self, cpu, kvm):
        """Returns the words without the features that go."""
        words = dict.fromkeys(self.registers, 0)
        if LINE == '11.1' and not cpu['pmu']:
            cpu['arch-lbr'] = False
            if not cpu['x-pdcm-on-even-without-pmu']:
                cpu['pdcm'] = False
        for name, (word, mask) in self.places.items():
            words[word] |= mask if cpu.get(name) else 0
        for row in self.contents['dependencies']:
            if not words[row['needs-word']] & int(row['needs-mask'], 16):
                words[row['word']] &= ~int(row['mask'], 16)
        if not kvm or not cpu['kvm']:
            words[self.word(0x40000001, 'EAX')] = 0
        return words

    def raise_levels(self, cpu, words):
        func7 = 0
        for rule in self.contents['level-rules']:
            if words[rule['word']] & int(rule.get('mask', '-1'), 16) and all(
                    cpu[name] for name in rule['properties']):
                name = {0: 'min-level', 8: 'min-xlevel',
                        12: 'min-xlevel2'}[rule['leaf'] >> 28]
                cpu[name] = max(cpu[name], rule['leaf'])
                func7 = max(func7, rule.get('subleaf', 0))
        if cpu['level-func7'] == AUTOMATIC:
            cpu['level-func7'] = func7

    def is_left_out(self, cpu, name):
        value = cpu[name]
        return (name in ('level', 'xlevel', 'xlevel2') and
                value == AUTOMATIC or
                name in ('phys-bits', 'tsc-frequency') and not value or
                name.endswith('-cache-info') and cpu['legacy-cache'] or
                name in LACKING and value == self.models.default(name))

    def fingerprint(self, accelerator, model, layer, props):
        kvm = accelerator['name'] == 'kvm'
        cpu, host_vendor = self.requested(accelerator, model, layer, props)
        hosts = {name for name, is_host in [
            ('vendor', host_vendor),
            ('ucode-rev', host_vendor and not cpu['ucode-rev']),
            ('guest-phys-bits', kvm and cpu.get('lm') and
             cpu['guest-phys-bits'] == AUTOMATIC)] if is_host}
        words = self.drop(cpu, kvm)
        self.raise_levels(cpu, words)
        is_amd = cpu['vendor'] == 'AuthenticAMD'
        if is_amd:
            words[self.word(0x80000001, 'EDX')] &= ~AMD_ALIASES
        if cpu['guest-phys-bits'] == AUTOMATIC:
            cpu['guest-phys-bits'] = 0
        word, mask = self.places['lm']
        if words[word] & mask:
            cpu['phys-bits'] = cpu['phys-bits'] or 40
        cpu.update({'host-phys-bits': False, 'host-phys-bits-limit': 0})
        cpu['ucode-rev'] = cpu['ucode-rev'] or (
            0x01000065 if is_amd else 0x100000000)
        cpu['hv-passthrough'] = False
        lines = {name: 'on' for name, (word, mask) in self.places.items()
                 if words[word] & mask == mask}
        for name, kind in self.types.items():
            if name in hosts:
                lines[name] = 'host'
            elif not self.is_left_out(cpu, name):
                lines[name] = str(cpu[name]) if kind in ('int', 'str') else (
                    'on' if cpu[name] else 'off')
        return hashlib.sha256(''.join(
            f'{name}={value}\n' for name, value in sorted(lines.items())
        ).encode()).hexdigest()


class File(Test):
    """How it is written"""

    def test_json(self):
        text = self.output('--json')
        contents = self.check_file(text)
        self.assertEqual({**TABLE, **contents}, contents)
        self.assertEqual(contents['qemu'], {
            'major': 10, 'minor': 0, 'micro': 1, 'package': ''})
        self.assertRegex(contents['$comment'], '^SPDX-License-Identifier: '
                                               'CC0-1.0; ')

    def test_output(self):
        tmp = self.directory()
        path = os.path.join(tmp, NAME)
        for args in ['-o', path], ['--output', path]:
            self.assertEqual(self.output(*args), '')
            with open(path, encoding='ascii') as f:
                self.assertEqual(f.read(), self.output('--json'))
            self.assertEqual(os.listdir(tmp), [NAME])
        self.assertEqual(self.output('-o', NAME, '--json', cwd=tmp),
                         self.output('--json'))

    def test_mode(self):
        """As any new file has it"""
        for mask, mode in (0o022, 0o644), (0o077, 0o600):
            path = os.path.join(self.directory(), NAME)
            done = subprocess.run(
                ['sh', '-c', 'umask "$0" && exec "$@"', f'{mask:o}', SCRIPT,
                 '--qemu', FAKE, '-o', path], check=False, timeout=120)
            self.assertEqual(done.returncode, 0)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode)

    def test_link(self):
        """It stays one"""
        tmp = self.directory()
        os.mkdir(os.path.join(tmp, 'there'))
        link = os.path.join(tmp, 'link')
        os.symlink(os.path.join('there', NAME), link)
        self.output('-o', link)
        self.assertTrue(os.path.islink(link))
        self.assertTrue(os.path.isfile(os.path.join(tmp, 'there', NAME)))

    def test_cannot_be_written(self):
        tmp = self.directory()
        for path, why in [
                (tmp, 'it is not a regular file; --json writes to stdout'),
                ('/dev/null', 'it is not a regular file; --json writes to '
                              'stdout'),
                (os.path.join(tmp, 'none', NAME),
                 'No such file or directory')]:
            done = x86_cpu_table('-o', path)
            self.assertEqual(
                (done.returncode, done.stdout, done.stderr),
                (2, '', f'error: cannot write {path}: {why}\n'))
        for path in '', os.path.join(tmp, LONG):
            check_refused(self, x86_cpu_table(f'--output={path}'), [path])
        self.assertEqual(os.listdir(tmp), [])

    def test_whole_or_not_at_all(self):
        """What fails leaves the older file, and nothing else"""
        tmp = self.directory()
        path = os.path.join(tmp, NAME)
        with open(path, 'w', encoding='ascii') as f:
            f.write('older')
        script = load_script('x86-cpu-table')
        self.assertEqual(x86_cpu_table('-o', path, qemu=STOCK).returncode, 2)
        for error in OSError(28, 'No space left on device'), KeyboardInterrupt:
            with mock.patch.object(os, 'replace', side_effect=error):
                done = run_main(script, '--qemu', FAKE, '-o', path)
            self.assertIn(done.returncode, (2, 130))
            self.assertEqual(os.listdir(tmp), [NAME])
            with open(path, encoding='ascii') as f:
                self.assertEqual(f.read(), 'older')


class Digest(Test):
    """Anything that is changed changes it, but fingerprints"""

    CONTENTS = x86_cpu_models.contents_of(
        TABLE, {'qemu': {'major': 10, 'minor': 0, 'micro': 1},
                'package': 'x'})

    def paths(self, value, path=()):
        if isinstance(value, (dict, list)):
            for key in value if isinstance(value, dict) else range(
                    len(value)):
                yield from self.paths(value[key], (*path, key))
        else:
            yield path

    @staticmethod
    def other(value):
        """A value that differs by as little as possible"""
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value ^ 1
        return value[:-1] + chr(ord(value[-1]) ^ 1) if value else 'x'

    def test_changed(self):
        count = 0
        for path in self.paths(self.CONTENTS):
            contents = copy.deepcopy(self.CONTENTS)
            inner = contents
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = self.other(inner[path[-1]])
            same = path[0] in ('$comment', 'digest', '$crc32') or (
                'fingerprints' in path)
            with self.subTest(path=path):
                (self.assertEqual if same else self.assertNotEqual)(
                    x86_cpu_models.digest(contents), self.CONTENTS['digest'])
                self.assertEqual(x86_cpu_models.digest(contents), digest_of(
                    x86_cpu_models.text_of(contents)))
            (self.assertEqual if path == ('$crc32',) else
             self.assertNotEqual)(x86_cpu_models.crc32(contents),
                                  self.CONTENTS['$crc32'])
            count += not same
        self.assertGreater(count, 100)

    def test_of_the_answer(self):
        """One byte of what QEMU says"""
        table = copy.deepcopy(TABLE)
        table['models'][0]['changes']['on'][0] = 'avx3'
        with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
            json.dump({'return': table}, f)
            f.flush()
            text = self.output('--json', env={**os.environ,
                                              'FAKE_QEMU_TABLE': f.name})
        contents = self.check_file(text)
        self.assertNotEqual(contents['digest'], json.loads(
            self.output('--json'))['digest'])

    def test_as_the_manual_shows_it(self):
        with open(os.path.join(REPO, 'docs', 'models-file.rst'),
                  encoding='utf-8') as f:
            code = re.search(r'In Python::\n\n((?:        .*\n)+)',
                             f.read())[1]
        names = {'contents': self.CONTENTS, 'json': json,
                 'hashlib': hashlib}
        exec(textwrap.dedent(code), names)  # pylint: disable=exec-used
        self.assertEqual(names['digest'], self.CONTENTS['digest'])

    def test_not_by_the_order_of_members(self):
        backwards = dict(reversed(self.CONTENTS.items()))
        self.assertEqual(x86_cpu_models.digest(backwards),
                         self.CONTENTS['digest'])
        self.assertEqual(x86_cpu_models.text_of(backwards),
                         x86_cpu_models.text_of(self.CONTENTS))


class Schema(unittest.TestCase):
    """It is strict"""

    CONTENTS = Digest.CONTENTS

    def refused(self, contents):
        with self.assertRaises(jsonschema.ValidationError):
            check_schema('qemu-cpu-models', contents)

    def test_types(self):
        for what, contents in all_replaced(self.CONTENTS):
            if ' = ' in what and not re.match(
                    # Values of properties are of many types.
                    r'\.properties\.\d+\.default|.*\.set\.', what):
                with self.subTest(what):
                    self.refused(contents)

    def test_members(self):
        """None is unknown, and few can be left out"""
        def objects(value):
            if isinstance(value, dict):
                yield value
            for item in (value.values() if isinstance(value, dict) else
                         value if isinstance(value, list) else []):
                yield from objects(item)

        contents = copy.deepcopy(self.CONTENTS)
        for inner in objects(contents):
            # Neither a member nor the name of a property
            inner['X y'] = 1
            self.refused(contents)
            del inner['X y']
        check_schema('qemu-cpu-models', contents)
        for name in self.CONTENTS:
            without = dict(self.CONTENTS)
            del without[name]
            self.refused(without)

    def test_texts(self):
        for path, values in [
                (('words', 0, 'features', 0, 'mask'),
                 ['', '0x', '0x0', '0x01', '1', '0X1', '0xA', '0x1g',
                  '0x' + '1' * 17]),
                (('words', 0, 'features', 0, 'polarity'), ['', 'Hint']),
                (('words', 0, 'name'), ['1_EDX', 'FEAT_a']),
                (('words', 0, 'cpuid', 'register'), ['edx', 'ESI']),
                (('words', 0, 'cpuid', 'leaf'), [-1, 1 << 32]),
                (('digest',), ['', 'A' * 64, '0' * 63, '0' * 65]),
                (('$crc32',), ['', 'A' * 8, '0' * 7, '0' * 9]),
                (('properties', 0, 'class'), ['none', '']),
                (('properties', 0, 'type'), ['size', '']),
                (('layers',), [[]]),
                (('layers', 0, 'machine-types'), [[], ['pc', 'pc'], ['']]),
                (('models', 0, 'changes', 'on'),
                 [['avx2', 'avx2'], ['AVX2'], ['']]),
                (('models', 0, 'changes', 'set'),
                 [{'level': True}, {'level': None}, {'level': 1.5}]),
                (('accelerators', 0, 'name'), ['hvf', 'TCG']),
                (('accelerators', 0, 'host-vendor'), ['host', '']),
                (('accelerators', 0, 'conditions', 0, 'kernel-irqchip'),
                 [[], ['auto'], ['on', 'on']]),
                (('accelerators', 0, 'fingerprints', 0, 'values'),
                 [[], ['0' * 63], ['host']]),
                (('format-version',), [0, 2])]:
            for value in values:
                contents = copy.deepcopy(self.CONTENTS)
                inner = contents
                for key in path[:-1]:
                    inner = inner[key]
                inner[path[-1]] = value
                with self.subTest(path=path, value=value):
                    self.refused(contents)

    def test_word_is_in_one_place(self):
        for word in (0, 2):
            for place in ({}, {'msr': 1, 'cpuid': {
                    'leaf': 1, 'subleaf': 0, 'register': 'EAX'}}):
                contents = copy.deepcopy(self.CONTENTS)
                contents['words'][word] = {'name': 'FEAT_X', 'features': [],
                                           **place}
                self.refused(contents)


class People(Test):
    """What a person reads"""

    def test_overview(self):
        text = self.output()
        digest = json.loads(self.output('--json'))['digest']
        self.assertEqual(text, f'''\
QEMU 10.0.1: 6 CPU models on 12 machine types in 5 layers; accelerators: kvm, tcg
digest: {digest}

  LAYER        TYPES  EXCEPTIONS  MACHINE TYPES
  pc-q35-10.0  4      0           pc-*-9.2 to 10.0
  pc-q35-8.2   3      0           pc-*-8.2, pc-i440fx-nonesuch
  pc-q35-3.1   1      1           pc-q35-3.1
  pc-q35-2.4   2      2           pc-*-2.4
  isapc        2      0           isapc, pc-noversion

  MODEL     LIKE     CHANGES
  EPYC      EPYC-v1  0
  EPYC-v1   -        6
  EPYC-v2   EPYC-v1  2
  EPYC-v10  EPYC-v2  2
  base      -        1
  plain     base     1
''')

    def test_model(self):
        self.assertEqual(self.output('--model', 'EPYC-v2'), '''\
EPYC-v2 in 5 layers, before what accelerators set (QEMU 10.0.1)

On pc-q35-10.0, unlike EPYC-v1:

  PROPERTY  VALUE                           INSTEAD OF
  model-id  AMD EPYC Processor (with a      AMD EPYC Processor
            name that is as long as names
            can be)
  rdctl-no  on                              off

In each other layer, unlike the one before:

  LAYER                 PROPERTY               VALUE  BEFORE      BY
  pc-q35-8.2            guest-phys-bits        0      0xffffffff  base
                        x-l1-cache-per-thread  off    on          base
  pc-q35-3.1            -
  pc-q35-2.4            level                  11     13          exception
                        pmu                    on     off         base
  isapc, unlike         guest-phys-bits        4      0xffffffff  base
  pc-q35-10.0
''')
        text = self.output('--cpu', 'EPYC')
        self.assertIn('unlike EPYC-v1:\n\n  nothing\n', text)
        self.assertRegex(text, r'\n  pc-q35-3.1 +mpx +on +off +exception\n'
                               r'  pc-q35-2.4 +fpu +off +on +exception\n')
        text = self.output('--model', 'EPYC-v1')
        self.assertIn('unlike a CPU that has nothing:\n', text)
        self.assertRegex(text, r'\n  vendor +AuthenticAMD +""\n')
        self.assertRegex(self.output('--model', 'base'),
                         r'\n  pc-q35-2.4 +pmu +on +off +base\n')

    def test_width(self):
        table = copy.deepcopy(TABLE)
        name = 'A' * 70
        table['layers'][1]['name'] = f'pc-q35-{name}'
        table['layers'][2]['like'] = f'pc-q35-{name}'
        table['layers'][1]['machine-types'] += [
            f'pc-q35-{name}-{n}' for n in range(20)]
        table['models'] += [
            {'name': name, 'like': 'EPYC-v2', 'changes': {'set': {
                'model-id': ' '.join(['model'] * 30)}}},
            {'name': f'{name}-v2', 'like': name, 'changes': {}}]
        for e in table['exceptions']:
            e['model'] = name
        with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
            json.dump({'return': table}, f)
            f.flush()
            env = {**os.environ, 'FAKE_QEMU_TABLE': f.name}
            for args in [], ['--model', name], ['--model', f'{name}-v2']:
                widest = max(map(len, self.output(
                    *args, env=env).splitlines()))
                self.assertLessEqual(widest, WIDTH)

    def test_without_an_accelerator(self):
        table = copy.deepcopy(TABLE)
        told = ('note: this QEMU is built without kvm: what that sets is not '
                'in the table\n')
        del table['accelerators'][0]
        with tempfile.NamedTemporaryFile('w', suffix='.json') as f:
            json.dump({'return': table}, f)
            f.flush()
            env = {**os.environ, 'FAKE_QEMU_TABLE': f.name}
            for args in [], ['--json'], ['-o', os.path.join(
                    self.directory(), NAME)]:
                done = x86_cpu_table(*args, env=env)
                self.assertEqual((done.returncode, done.stderr), (0, told))


class Layers(unittest.TestCase):
    """What a model is on each machine type"""

    def test_requested(self):
        models = Models(TABLE)
        found = [props for props, _ in models.in_layers('EPYC-v10')]
        first = {'fpu': True, 'guest-phys-bits': 0xffffffff,
                 'hv-no-nonarch-coresharing': True, 'level': 13,
                 'model-id': TABLE['models'][3]['changes']['set']['model-id'],
                 'rdctl-no': True, 'vendor': 'AuthenticAMD'}
        self.assertEqual(found[0], first)
        second = {**first, 'x-l1-cache-per-thread': False}
        # As base has it
        del second['guest-phys-bits']
        self.assertEqual(found[1], second)
        self.assertEqual(found[2], second)
        last = {**second, 'pmu': True}
        del last['fpu']
        self.assertEqual(found[3], last)
        # Not compared with the one before it
        self.assertEqual(found[4], {**first, 'guest-phys-bits': 4})

    def test_base(self):
        found = [props for props, _ in Models(TABLE).in_layers('base')]
        self.assertEqual(found[0], {'guest-phys-bits': 0xffffffff})
        self.assertEqual(found[3], {'pmu': True,
                                    'x-l1-cache-per-thread': False})
        self.assertEqual(found[4], {'guest-phys-bits': 4})

    def test_own_value_stays(self):
        """Where it is not as in base, base does not change it"""
        table = copy.deepcopy(TABLE)
        table['models'][5]['changes']['set']['guest-phys-bits'] = 5
        for props, _ in Models(table).in_layers('plain'):
            self.assertEqual(props['guest-phys-bits'], 5)


class Errors(Test):
    def check_error(self, message, *args, **kwargs):
        done = x86_cpu_table(*args, **kwargs)
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        self.assertEqual(done.stderr, f'error: {message}\n')

    def test_stock(self):
        for args in [], ['--json'], ['--model', 'xyzzy']:
            self.check_error(f'{STOCK} (QEMU 10.0.1) is built without CPU '
                             'introspection', *args, qemu=STOCK)

    def test_older(self):
        self.check_error(
            f'{FAKE} (QEMU 10.0.1) has CPU introspection, but is too old for '
            'query-cpu-model-table', env={**os.environ,
                                          'FAKE_QEMU_TABLE': ''})

    def test_names(self):
        self.check_error("unknown CPU model 'EPYCC'; did you mean EPYC, "
                         'EPYC-v2 or EPYC-v1?', '--model', 'EPYCC')
        self.check_error("unknown CPU model 'xyzzy'; no similar name in the "
                         "table; 'x86-cpu table' lists all",
                         '--model', 'xyzzy')
        self.check_error("'max' is not in the table: it is all that the host "
                         "and QEMU can do; 'x86-cpu removed --cpu max' shows "
                         'what it is here', '--model', 'max')

    def test_options(self):
        for option in ['--json'], ['--output', 'x']:
            self.check_error(f'{option[0]} cannot be used with --model: the '
                             'file has all models', '--model', 'EPYC',
                             *option)

    def check_answer(self, reply, message, script):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as f, \
                mock.patch.dict(os.environ, {'FAKE_QEMU_TABLE': f.name}):
            json.dump(reply, f)
            f.flush()
            done = run_main(script, '--qemu', FAKE, '--json')
        check_refused(self, done)
        self.assertRegex(done.stderr, f'^error: {message}')

    def test_answers(self):
        """What no QEMU says"""
        script = load_script('x86-cpu-table')

        def changed(path, value):
            table = copy.deepcopy(TABLE)
            inner = table
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
            return {'return': table}

        strange = 'query-cpu-model-table: this QEMU is not understood: '
        for reply, message in [
                ({'error': {'class': 'GenericError', 'desc': 'This QEMU was '
                            'built without PC machine types'}},
                 'query-cpu-model-table: This QEMU was built without PC '
                 'machine types\n$'),
                ({'return': {}}, strange),
                ({'return': []}, strange),
                (changed(['format-version'], 2),
                 strange + 'format-version is 2, not 1\n$'),
                (changed(['layers'], []), strange),
                (changed(['layers', 0, 'machine-types'], []), strange),
                (changed(['layers', 0, 'changes', 'on'], 'x'), strange),
                (changed(['layers', 0, 'like'], 'isapc'),
                 strange + "layer 'pc-q35-10.0' is not like one before it"),
                (changed(['layers', 1, 'like'], 'pc-q35-3.1'),
                 strange + "layer 'pc-q35-8.2' is not like one before it"),
                (changed(['layers', 0, 'changes', 'set'], {'x': [1]}),
                 strange),
                (changed(['models', 0, 'like'], 'EPYC-v10'),
                 strange + "model 'EPYC-v1' is like itself in the end\n$"),
                (changed(['models', 0, 'like'], LONG),
                 strange + "there is no model 'AAA"),
                (changed(['exceptions', 0, 'layer'], 'pc'),
                 strange + "an exception is for layer 'pc', which is not "
                 'there\n$'),
                (changed(['properties', 0, 'type'], 'size'),
                 strange + "property 'guest-phys-bits' is of type 'size'\n$"),
                (changed(['accelerators', 0, 'fingerprints'], None),
                 strange)]:
            with self.subTest(message):
                self.check_answer(reply, message, script)

    def test_texts_that_nobody_means(self):
        check_command_line(self, load_script('x86-cpu-table'),
                           {'--qemu': FAKE},
                           ['--model', '--qmp', '--qemu', '--xyzzy'])


if __name__ == '__main__':
    unittest.main()
