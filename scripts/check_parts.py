# SPDX-License-Identifier: GPL-2.0-or-later
"""
The parts of `make check-full`, and the results that it keeps of them.

Answers, for scripts/check: which part runs which tests, and which parts have
already passed on this checkout?  A result is a JSON file in
BUILD/check-full/LINE, with a key of everything it depends on: the files of the
checkout, the release line, QEMU's source and the arguments of configure.  Files
that a part does not read are excluded (see unread()), so an edit of the manual
does not rerun hours of guest tests.
"""

import datetime
import fnmatch
import glob
import hashlib
import json
import os
import subprocess
import tempfile
from typing import List, NamedTuple

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FORMAT_VERSION = 1
# No part may take longer
MAX_MINUTES = 60
# User settings that tests depend on
SETTINGS = ('CHECK_SEED', 'CHECK_RANDOM', 'CPU_TABLES', 'FUZZ_SECONDS')


class Part(NamedTuple):
    name: str
    # Estimate for two idle processors, printed before `make check-full` begins
    minutes: int
    # Names of suites, with wildcards; after a colon, which tests of a suite.
    # Several rows of a suite run side by side.
    suites: List[str]
    # The simulated host for tests under KVM
    host: str = ''
    # Whether its tests read the whole checkout, the manual for example
    whole: bool = False
    # Whether it compares the release lines; all of them have one result then
    lines: bool = False


STATIC = 'tests/guest/test_static_expansion.py'
COMPARISON = 'tests/guest/test_comparison.py'
ANSWERS = 'tests/tool/test_answers.py'
LINES = 'tests/lines/test_lines.py'
LAYERS = 'tests/lines/test_layers.py'

# Every test of `make check-full` is in exactly one of these.  If a suite is in
# several parts, patterns select CLASS.METHOD.
PARTS = [
    Part('basics', 15, [
        'lint', 'tests/clients/*', 'tests/dist/*', 'tests/install/*',
        'tests/lint/*', 'tests/qtest/*', 'tests/readme/*',
        'tests/tooling/*', 'tests/unit/*'], whole=True),
    Part('generator', 15, [
        'tests/core/*', 'tests/generator/*', 'tests/golden/*',
        'tests/site/*', 'tests/table/*', 'tests/tool/test_hostile_input.py'],
        whole=True),
    Part('answers-tcg', 30, [f'{ANSWERS}:TestTcg.*']),
    Part('answers-kvm', 50, [f'{ANSWERS}:TestKvm.*']),
    Part('conformance', 10, ['tests/tool/test_conformance.py']),
    Part('hosts', 40, [
        'tests/tool/test_best_hosts.py',
        'tests/tool/test_command_line.py',
        'tests/tool/test_fleet.py',
        'tests/tool/test_host_answers.py',
        'tests/tool/test_host_check.py',
        'tests/tool/test_host_cpu.py',
        'tests/tool/test_host_passport.py',
        'tests/tool/test_live_answers.py',
        'tests/tool/test_migrate.py',
        'tests/tool/test_real_migration.py']),
    Part('features', 15, [
        'tests/guest/test_avx10_version.py',
        'tests/guest/test_best_models.py:TestKvm.*',
        'tests/guest/test_best_models.py:TestTcg.*',
        'tests/guest/test_bug_fixes.py',
        'tests/guest/test_cache_properties.py',
        'tests/guest/test_core_filter.py',
        'tests/guest/test_dependencies.py',
        'tests/guest/test_descriptions.py',
        'tests/guest/test_distributors.py',
        'tests/guest/test_feature_flags.py:TestKvm.*',
        'tests/guest/test_feature_flags.py:TestTcg.*',
        'tests/guest/test_made_hosts.py',
        'tests/guest/test_model_table.py:Damage.*',
        'tests/guest/test_model_table.py:TestKvm.*',
        'tests/guest/test_model_table.py:TestTcg.*',
        'tests/guest/test_offered_features.py',
        'tests/guest/test_query_cpuid.py',
        'tests/guest/test_query_features.py',
        'tests/guest/test_random_features.py:TestKvm.*',
        'tests/guest/test_random_features.py:TestTcg.*',
        'tests/guest/test_removed_features.py:TestConflict.*',
        'tests/guest/test_removed_features.py:TestKvm.*',
        'tests/guest/test_removed_features.py:TestTcg.*',
        'tests/guest/test_start_errors.py']),
    Part('comparison', 40, [f'{COMPARISON}:TestKvm.test_[3-9]_*',
                            f'{COMPARISON}:TestTcg.test_[3-9]_*']),
    Part('comparison-tcg', 50, [f'{COMPARISON}:TestTcg.test_1_*']),
    Part('comparison-kvm', 50, [f'{COMPARISON}:TestKvm.test_1_*']),
    Part('comparison-hosts', 20, [
        'tests/guest/test_baseline_hosts.py',
        'tests/guest/test_host_comparison.py:TestKvm.*',
        'tests/guest/test_host_comparison.py:TestMadeHosts.*']),
    Part('comparison-named', 55, [f'{COMPARISON}:TestKvm.test_2_*',
                                  f'{COMPARISON}:TestTcg.test_2_*']),
    Part('baselines', 20, [
        'tests/guest/test_baselines.py:TestKvm.*',
        'tests/guest/test_baselines.py:TestTcg.*',
        'tests/guest/test_nearest_model.py:TestKvm.*',
        'tests/guest/test_nearest_model.py:TestTcg.*']),
    Part('machine-types', 20, [
        'tests/guest/test_cpu_compat.py:TestKvm.*',
        'tests/guest/test_cpu_compat.py:TestTcg.*',
        'tests/guest/test_cpu_migration.py',
        'tests/guest/test_machine_layers.py',
        'tests/guest/test_machine_type.py:TestKvm.*',
        'tests/guest/test_machine_type.py:TestTcg.*',
        'tests/guest/test_site_models.py',
        'tests/guest/test_table_models.py']),
    Part('static-tcg', 30, [f'{STATIC}:TestTcg.test_[1-8]_*']),
    Part('static-kvm', 30, [f'{STATIC}:TestKvm.test_[1-8]_*',
                            f'{STATIC}:TestMadeHosts.*']),
    Part('static-random', 30, [f'{STATIC}:Test*.test_9_*']),
    Part('lines-rules', 1, [f'{LINES}:Rules.*', f'{LINES}:Document.*'],
         whole=True),
    Part('lines-tcg', 25, [f'{LINES}:TestTcg.*'], lines=True),
    Part('lines-answers', 20, ['tests/tool/test_two_builds.py'], lines=True),
    Part('lines-kvm', 30, [f'{LINES}:TestKvm*.*'], lines=True),
    Part('layers-tcg', 30, [f'{LAYERS}:Migration.*', f'{LAYERS}:TestTcg.*'],
         lines=True),
    Part('layers-kvm', 45, [f'{LAYERS}:TestKvm.*'], lines=True),
    Part('layers-amd', 45, [f'{LAYERS}:TestKvmOnAmd.*'], lines=True),
    Part('builds', 35, [
        'tests/targets/test_boards.py',
        'tests/targets/test_other_hosts.py',
        'tests/targets/test_other_targets.py',
        'tests/targets/test_without_groups.py']),
    Part('everything', 25, ['tests/targets/test_everything.py']),
    Part('fuzz', 55, ['tests/fuzz/*']),
    Part('fresh-12', 45, ['tests/fresh/test_fresh_machine.py:Debian12.*'],
         whole=True),
    Part('fresh-13', 45, ['tests/fresh/test_fresh_machine.py:Debian13.*'],
         whole=True),
]

# What `make check` runs under KVM, also on each simulated host.  The exhaustive
# tests only run on the real one.
KVM_TESTS = [
    'tests/clients/test_x86_cpu_model_dump.py:[GRW]*.*',
    'tests/clients/test_x86_cpu_removed.py:Answers.*',
    'tests/golden/test_golden.py:TestKvm.*',
    'tests/guest/test_avx10_version.py:*',
    'tests/guest/test_best_models.py:TestKvm.*',
    'tests/guest/test_cache_properties.py:TestKvm.*',
    'tests/guest/test_comparison.py:TestKvm.*',
    'tests/guest/test_cpu_compat.py:TestKvm.*',
    'tests/guest/test_cpu_migration.py:*CPU.*',
    'tests/guest/test_descriptions.py:*Kvm.*',
    'tests/guest/test_feature_flags.py:TestKvm.*',
    'tests/guest/test_host_comparison.py:TestKvm.*',
    'tests/guest/test_machine_type.py:TestKvm.*',
    'tests/guest/test_nearest_model.py:TestKvm.*',
    'tests/guest/test_offered_features.py:*',
    'tests/guest/test_query_cpuid.py:TestKvm.*',
    'tests/guest/test_query_features.py:*',
    'tests/guest/test_random_features.py:TestKvm.*',
    'tests/guest/test_removed_features.py:TestKvm.*',
    'tests/guest/test_site_models.py:TestKvm.*',
    'tests/guest/test_start_errors.py:TestKvm.*',
    'tests/guest/test_static_expansion.py:TestKvm.*',
    'tests/guest/test_table_models.py:Test*Kvm.*',
    'tests/guest/test_bug_fixes.py:TestKvm.*',
    'tests/guest/test_model_table.py:TestKvm.*',
    'tests/guest/test_core_filter.py:TestKvm.*',
    'tests/guest/test_baselines.py:TestKvm.*',
    'tests/tool/test_answers.py:TestKvm.*',
]
# `make check` runs these on each simulated host, the others on one each; with
# several release lines, all but the first run fewer (Line.on_made_hosts).
ON_EACH_HOST = {
    'tests/guest/test_feature_flags.py',
    'tests/guest/test_offered_features.py',
    'tests/guest/test_random_features.py',
    'tests/guest/test_removed_features.py',
}


# Of what `make check` tests a sample only; `make check-full` tests more, or all.
# Suites that only `make check-full` runs are not here: they count as skipped.
SAMPLED = {
    'tests/clients/test_x86_cpu_model_dump.py': 'models',
    'tests/core/test_core.py': 'arbitrary CPUs',
    'tests/fuzz/test_fuzz_qemu.py': 'comparisons',
    'tests/golden/test_golden.py': 'expansions; guests',
    'tests/guest/test_baseline_hosts.py': 'random pairs',
    'tests/guest/test_baselines.py': 'triples, random CPUs',
    'tests/guest/test_best_models.py': 'machine types',
    'tests/guest/test_comparison.py': 'random pairs, models',
    'tests/guest/test_core_filter.py': 'machine types, random CPUs',
    'tests/guest/test_cpu_compat.py': 'models and pairs of machine types',
    'tests/guest/test_feature_flags.py': 'models',
    'tests/guest/test_host_comparison.py': 'made hosts, models, guests',
    'tests/guest/test_machine_type.py': 'models and machine types',
    'tests/guest/test_model_table.py': 'machine types',
    'tests/guest/test_nearest_model.py': 'models, pairs, random CPUs',
    'tests/guest/test_query_cpuid.py': 'models',
    'tests/guest/test_random_features.py': 'random CPUs',
    'tests/guest/test_removed_features.py': 'models',
    'tests/guest/test_site_models.py': 'machine types',
    'tests/guest/test_static_expansion.py':
        'models, machine types, topologies, random CPUs',
    'tests/guest/test_table_models.py': 'machine types',
    'tests/table/test_models_file.py': 'bits, mutated files',
    'tests/tool/test_answers.py':
        'machine types, random CPUs, pairs, topologies',
    'tests/tool/test_best_hosts.py': 'hosts',
    'tests/tool/test_conformance.py': 'cases, rules',
    'tests/tool/test_fleet.py': 'fleets',
    'tests/tool/test_host_answers.py': 'random CPUs',
    'tests/tool/test_host_check.py': 'machine types, models',
    'tests/tool/test_host_cpu.py': 'varied hosts',
    'tests/tool/test_live_answers.py': 'random CPUs',
    'tests/tool/test_migrate.py': 'random CPUs',
    'tests/tool/test_real_migration.py': 'hosts',
    'tests/tool/test_two_builds.py': 'random pairs',
    'tests/lines/test_layers.py': 'models and machine types',
    'tests/lines/test_lines.py': 'models, machine types, expansions',
}

# Directories that only their own suites read
PRIVATE = ['tests/clients', 'tests/core', 'tests/dist', 'tests/fresh',
           'tests/fuzz', 'tests/generator', 'tests/install', 'tests/lines',
           'tests/lint', 'tests/readme', 'tests/site', 'tests/targets',
           'tests/tooling']
TEXTS = ['*.md', 'docs/*.rst']


class UnknownPart(Exception):
    pass


def made_hosts():
    """Returns the names of the simulated hosts."""
    return sorted({os.path.splitext(os.path.basename(path))[0]
                   for path in glob.glob(os.path.join(
                       REPO, 'tests', 'guest', 'hosts', '*'))
                   if path.endswith(('.cpuid', '.json'))})


def all_parts():
    """Returns the parts of `make check-full`, in order."""
    return PARTS + [Part(f'host-{name}', 10, KVM_TESTS, name)
                    for name in made_hosts()]


def find_part(name):
    """
    Returns the part with this name.

    :raise UnknownPart: there is none; the message lists all
    """
    parts = {part.name: part for part in all_parts()}
    if name not in parts:
        raise UnknownPart(f"PART={name}: no such part of check-full; there "
                          f"are: {', '.join(parts)}")
    return parts[name]


def selected(part, suite):
    """
    Returns what of a suite a part runs: None for nothing, [] for all, or
    patterns of CLASS.METHOD.
    """
    patterns = []
    for row in part.suites:
        name, colon, pattern = row.partition(':')
        if fnmatch.fnmatchcase(suite, name):
            if not colon:
                return []
            patterns.append(pattern)
    return patterns or None


def unread(part, line, repo=REPO):
    """
    Returns what a part does not depend on, on a release line: paths of the
    checkout, with wildcards.
    """
    if part.whole:
        return []
    others = [] if part.lines else sorted(
        os.path.relpath(path, repo)
        for path in glob.glob(os.path.join(repo, 'patches', '*'))
        if os.path.basename(path) != line)
    return TEXTS + others + [name for name in PRIVATE if not any(
        row.startswith(f'{name}/') for row in part.suites)]


# Results

def run(*argv, **kwargs):
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True,
                          encoding='utf-8', errors='surrogateescape',
                          **kwargs).stdout.rstrip('\n')


def tree_hash(repo, build, without=()):
    """
    Returns git's hash of all files of the checkout: as they are, committed
    or not, except the build directory and what git ignores.

    :param without: paths of other files to leave out, with wildcards
    """
    git = ['git', '-C', repo]
    objects = os.path.join(repo, run(*git, 'rev-parse', '--git-path',
                                     'objects'))
    with tempfile.TemporaryDirectory() as tmp:
        # This leaves nothing behind in the index or the object store.
        env = {**os.environ, 'GIT_INDEX_FILE': os.path.join(tmp, 'index'),
               'GIT_OBJECT_DIRECTORY': tmp,
               'GIT_ALTERNATE_OBJECT_DIRECTORIES': objects}
        inside = os.path.relpath(build, repo)
        out = [*without, *([] if inside.startswith('..') else [inside])]
        names = run(*git, 'ls-files', '-z', '-co', '--exclude-standard', '--',
                    '.', *(f':(exclude){path}' for path in out))
        run(*git, 'read-tree', '--empty', env=env)
        run(*git, 'update-index', '-z', '--add', '--remove', '--stdin',
            env=env, input=names)
        return run(*git, 'write-tree', env=env)


def directory_hash(path):
    """Returns a hash of all files of a directory, including ignored ones."""
    digest = hashlib.sha256()
    for name in sorted(glob.glob(os.path.join(path, '**'), recursive=True)):
        if os.path.isfile(name):
            with open(name, 'rb') as f:
                digest.update(repr((os.path.relpath(name, path),
                                    f.read())).encode())
    return digest.hexdigest()


class Store:
    """The results of one release line, in BUILD/check-full/LINE."""

    def __init__(self, build, line, repo=REPO):
        self.build = build
        self.line = line
        self.repo = repo
        self.directory = os.path.join(build, 'check-full', line)

    def inputs(self, part):
        """Returns what the result of a part depends on, a dict."""
        settings = {name: os.environ[name] for name in SETTINGS
                    if os.environ.get(name)}
        if 'CPU_TABLES' in settings:
            settings['CPU_TABLES'] = directory_hash(settings['CPU_TABLES'])
        lines = self.built_lines() if part.lines else [self.line]
        return {
            'tree': tree_hash(self.repo, self.build,
                              unread(part, self.line, self.repo)),
            'lines': {line: self.line_inputs(line) for line in lines},
            'settings': settings,
        }

    def built_lines(self):
        """Returns the release lines that are built here."""
        names = [os.path.basename(path) for path in
                 glob.glob(os.path.join(self.build, '*'))]
        return sorted(name for name in names if os.path.exists(
            self.git_dir(name)) and os.path.exists(os.path.join(
                self.build, name, '.configured')))

    def git_dir(self, line):
        return os.path.join(self.build, f'qemu-{line}.git')

    def line_inputs(self, line):
        with open(os.path.join(self.build, line, '.configured'),
                  encoding='utf-8') as f:
            # The first word is where the tree is.
            flags = f.read().split()[1:]
        return {
            'source': run('git', '--git-dir=' + self.git_dir(line),
                          'rev-parse', 'base^{tree}'),
            'configure': flags,
        }

    def key(self, part):
        """Returns a hash of what the result of a part depends on."""
        return hashlib.sha256(json.dumps(self.inputs(part), sort_keys=True)
                              .encode()).hexdigest()

    def path(self, part):
        """Returns where the result of a part is; its name is enough."""
        shared = part in {p.name for p in PARTS if p.lines}
        return os.path.join(os.path.dirname(self.directory) if shared
                            else self.directory, f'{part}.json')

    def save(self, part, key, result):
        """Keeps the result of a part, a dict, and replaces an older one."""
        os.makedirs(self.directory, exist_ok=True)
        now = datetime.datetime.now(datetime.timezone.utc)
        whole = {'format-version': FORMAT_VERSION, 'part': part, 'key': key,
                 'ended': now.strftime('%Y-%m-%dT%H:%M:%SZ'), **result}
        # Atomically
        new = f'{self.path(part)}.{os.getpid()}'
        with open(new, 'w', encoding='utf-8') as f:
            json.dump(whole, f, indent=1)
            f.write('\n')
        os.replace(new, self.path(part))
        return whole

    def passed(self, part, key):
        """
        Returns the result of a part that need not run again: it has this
        key, nothing failed, and something ran.  What was only skipped may
        run today.
        """
        try:
            with open(self.path(part), encoding='utf-8') as f:
                result = json.load(f)
        except (OSError, ValueError):
            return None
        good = (isinstance(result, dict) and
                result.get('format-version') == FORMAT_VERSION and
                result.get('key') == key and
                result['passed'] and not result['failed'])
        return result if good else None
