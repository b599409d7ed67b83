# SPDX-License-Identifier: GPL-2.0-or-later
"""
Random QMP commands, on one live QEMU after the other.

Expansions and other questions about CPU models, hotplug that is refused or
not, properties of live CPUs, resets and migrations.  Answers: does QEMU
live, are errors one line each, is the list of CPUs after a refused hotplug
what it was, does the same question always have the same answer, and is an
answer that names a machine type that of a process with this machine type?
"""

import json
import os
import time

import inputs
from qemu_process import (
    TIMEOUT, Died, Finding, NotStarted, Qemu, unexpected_report, summary,
)

STEPS = 300
RUN_STEPS = 4
MIGRATIONS = ('migrate', 'migrate-other')
# Errors may say what they were given, and that much of their own.
ERROR_LENGTH = 4000
# More lines on stderr say nothing new; for people that read logs
STDERR_LINES = 12
OURS = ['removed-features', 'added-features', 'enforce-report',
        'compat-anchor', 'f-avx2', *inputs.CACHES]
LEVELS = ['core-id', 'socket-id', 'thread-id', 'die-id', 'module-id',
          'node-id']
REMOVED = {'feature', 'places', 'reason', 'blocking', 'requested-by'}


def strings(found):
    """All the text in a JSON value"""
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict):
        for key, member in found.items():
            yield key
            yield from strings(member)
    elif isinstance(found, list):
        for member in found:
            yield from strings(member)


class Steps:
    """Makes random steps."""

    def __init__(self, rng, know):
        self.rng = rng
        self.know = know
        self.plugged = 0

    def cpu_path(self):
        return self.rng.choice([inputs.CPU0, inputs.CPU0,
                                '/machine/peripheral/cpu1'])

    def expansion(self):
        return {'type': self.rng.choice(['full', 'static', 'static']),
                'model': inputs.model(self.rng, self.know)}

    def query(self):
        name = self.rng.choice(list(self.know.queries))
        return {'execute': name, 'arguments': inputs.arguments(
            self.rng, self.know, self.know.queries[name])}

    def live_name(self):
        """A property of a live CPU; flags are many, and much alike."""
        return self.rng.choice(self.rng.choice([
            self.know.live, self.know.live_values, OURS]))

    def qom_get(self):
        name = self.live_name()
        return {'execute': 'qom-get', 'arguments': {
            'path': self.cpu_path(), 'property': name}}

    def qom_set(self):
        rng = self.rng
        if rng.random() < 0.2:
            return {'execute': 'qom-set', 'arguments': {
                'path': '/machine', 'property': 'cpu-compat',
                'value': rng.choice([inputs.machine_name(rng, self.know),
                                     inputs.hostile(rng)])}}
        name = self.live_name()
        if name in inputs.NOT_SET:
            return self.qom_get()
        return {'execute': 'qom-set', 'arguments': {
            'path': self.cpu_path(), 'property': name,
            'value': inputs.value(rng, self.know, name)}}

    def device_add(self):
        rng = self.rng
        self.plugged += 1
        name = rng.choice([None, None, rng.choice(self.know.models)])
        step = {'fuzz': 'plug', 'model': name, 'id': f'cpu{self.plugged}',
                'slot': rng.choice([None, None, None, 0, 1, 2, 3]),
                'props': inputs.props(rng, self.know, 3)}
        if rng.random() < 0.3:
            # Refused late, by a check of the caches, of the address width,
            # or of what is missing
            step['props'].update(rng.choice([
                {'l2-cache-info': inputs.CACHES['l2-cache-info'][0]},
                {'legacy-cache': False}, {'phys-bits': 17},
                {'phys-bits': 64}, {'guest-phys-bits': 60},
                {'enforce': True, 'avx512f': True},
                {'enforce': True, 'enforce-report': 'json', 'amx-tile': True},
                {'lbr-fmt': 5}]))
        if rng.random() < 0.15:
            step['props'][rng.choice(LEVELS)] = rng.choice(inputs.INTEGERS)
        return step

    def others(self):
        """Commands of upstream's that reach our code, or the CPUs"""
        rng = self.rng
        return rng.choice([
            {'execute': 'device_del', 'arguments': {
                'id': rng.choice(['cpu1', 'cpu2', inputs.CPU0,
                                  rng.choice(inputs.TEXTS)])}},
            {'execute': 'system_reset'}, {'execute': 'stop'},
            # Under KVM, what runs is the host's matter.
            {'execute': 'cont' if self.know.accel == 'tcg'
             else 'query-status'},
            {'execute': 'qom-list', 'arguments': {
                'path': rng.choice([self.cpu_path(), '/machine'])}},
            {'execute': 'device-list-properties', 'arguments': {
                'typename': f'{rng.choice(self.know.models)}-x86_64-cpu'}},
            {'raw': json.dumps({'execute': 'query-cpu-model-expansion',
                                'arguments': inputs.hostile(rng)})}])

    def expand(self):
        return {'execute': 'query-cpu-model-expansion',
                'arguments': self.expansion()}

    def migrate(self):
        return {'fuzz': self.rng.choice(MIGRATIONS)}

    def fresh(self):
        return {'fuzz': 'fresh', 'type': self.rng.choice(['full', 'static']),
                'model': inputs.sane_model(self.rng, self.know),
                'machine': self.rng.choice(self.know.machines)}

    def step(self):
        # The last two start processes.
        return self.rng.choices(
            [self.expand, self.device_add, self.qom_get, self.qom_set,
             self.others, self.query, self.migrate, self.fresh],
            [40, 18, 14, 10, 12, 4, 1, 1])[0]()


class Session:
    """One QEMU, the steps that it is taken, and what is checked"""

    def __init__(self, binary, case, qemu):
        self.binary = binary
        self.case = case
        self.qemu = qemu
        self.done = 0
        self.cpus = self.list_cpus()
        # What migration must be told again
        self.plugs = []
        self.cpu_changed = False
        self.migrations = 0
        # Steps that are left until it is stopped
        self.running = 0

    def list_cpus(self):
        live = self.qemu.ask('query-cpus-fast')
        return (sorted((cpu['qom-path'], json.dumps(cpu.get('props'),
                                                    sort_keys=True))
                       for cpu in live),
                self.qemu.ask('query-hotpluggable-cpus'))

    def check_error(self, error, request):
        """That it is one line, and not longer than what it is about"""
        desc = error['desc']
        given = list(strings(request))
        if not desc.strip():
            raise Finding('an error says nothing', repr(request)[:2000])
        if len(desc.splitlines()) > 1 and not any(
                len(text.splitlines()) > 1 or not text.isprintable()
                for text in given):
            raise Finding('an error has more than one line', desc)
        if len(desc) > ERROR_LENGTH + 2 * sum(map(len, given)):
            raise Finding('an error is endless', desc[:ERROR_LENGTH])

    def check_expansion(self, kind, returned):
        props = returned['model'].get('props', {})
        if kind == 'static' and returned['model']['name'] not in (
                'base', 'custom'):
            raise Finding('a static expansion is not of base',
                          repr(returned)[:2000])
        if kind == 'static' and not all(
                isinstance(v, (str, bool, int)) for v in props.values()):
            raise Finding('a static expansion has what is not a scalar',
                          repr(returned)[:2000])
        if any(name.startswith('f-') for name in props):
            raise Finding('an expansion has f-* properties',
                          repr(returned)[:2000])
        for entry in returned.get('removed-features', []):
            # hv-passthrough is not a bit, and hv-spinlocks may be 0.
            if not REMOVED <= set(entry) or not (
                    entry['places'] or
                    entry['feature'] in ('hv-passthrough', 'hv-spinlocks')):
                raise Finding('removed-features has an entry without what '
                              'every entry has', repr(entry))

    def check_cpus(self, added=False):
        """The CPUs are those that were, and one more if it was added"""
        before, now = self.cpus, self.list_cpus()
        if any(event['event'] == 'DEVICE_DELETED'
               for event in self.qemu.events):
            self.qemu.events.clear()
        elif not added and now != before or added and (
                len(now[0]) != len(before[0]) + 1
                or not set(before[0]) < set(now[0])):
            raise Finding(
                'the list of CPUs is not what it should be after '
                + ('device_add' if added else
                   'what has not added or removed any'),
                f'before: {before}\n\nafter: {now}')
        self.cpus = now

    def execute(self, name, arguments):
        size = self.qemu.stderr_size()
        reply = self.qemu.command(name, arguments)
        if 'error' in reply:
            self.check_error(reply['error'], arguments)
        elif name == 'query-cpu-model-expansion':
            self.check_expansion(arguments['type'], reply['return'])
        if unexpected_report(self.qemu.stderr()):
            raise Finding(summary(self.qemu.stderr()), self.qemu.stderr())
        said = [line for line in self.qemu.stderr()[size:].splitlines()
                if 'warning: ' not in line]
        if name.startswith('query-cpu-') and said:
            raise Finding('a question prints to stderr',
                          '\n'.join(said)[:2000])
        return reply

    def plug(self, step):
        """device_add of a CPU"""
        free = [slot for slot in self.cpus[1] if 'qom-path' not in slot]
        if step['slot'] is not None:
            free = self.cpus[1][step['slot'] % len(self.cpus[1]):]
        if not free:
            return
        driver = (f'{step["model"]}-x86_64-cpu' if step['model']
                  else free[0]['type'])
        arguments = {**free[0]['props'], **step['props'], 'driver': driver,
                     'id': step['id']}
        # Refused, it can wait for a spinning TCG guest for ever: when
        # util/rcu.c's wait_for_readers() has begun to wait before
        # drain_call_rcu() is called, nothing kicks the CPU any more.
        if self.running:
            self.execute('stop', None)
        reply = self.execute('device_add', arguments)
        if self.running:
            self.execute('cont', None)
        if 'error' not in reply:
            self.plugs.append(arguments)
        self.check_cpus(added='error' not in reply)

    def fresh(self, step):
        """The same answer as of a new process with this machine type?"""
        here = self.execute('query-cpu-model-expansion', {
            'type': step['type'],
            'model': {**step['model'], 'machine-type': step['machine']}})
        with Qemu(self.binary, ['-accel', self.case['accel'], '-machine',
                                step['machine']]) as fresh:
            there = fresh.command('query-cpu-model-expansion', {
                'type': step['type'], 'model': step['model']})
        for reply in here, there:
            reply.pop('id')
        if here != there:
            raise Finding('an answer with a machine type is not that of a '
                          'process with this machine type',
                          f'{step}\n\n{differing(here, there)}')

    def migrate(self, step):
        """To a file, and into a second QEMU, with the same CPUs or others"""
        stream = self.qemu.path('stream')
        # To a file twice leaks: see lsan.supp.
        self.migrations += 1
        reply = self.qemu.command('migrate', {
            'uri': f'file:{stream}' if self.migrations == 1 else
            f'exec:cat >{stream}'})
        if 'error' in reply:
            self.check_error(reply['error'], {})
            return
        if migration_end(self.qemu) != 'completed':
            return
        same = step['fuzz'] == 'migrate'
        args = self.case['args'] if same else self.case['other']
        try:
            completed, stderr = load(self.binary, args, stream, self.plugs)
        except NotStarted:
            return
        os.unlink(stream)
        if same and not completed and not self.cpu_changed:
            raise Finding('the same QEMU refuses the stream', stderr)

    def pause(self, step):
        """Stops the guest some steps after it was let run, or it spins."""
        if step.get('execute') == 'cont':
            self.running = RUN_STEPS
        elif self.running:
            self.running -= 1
            if not self.running:
                self.execute('stop', None)

    def take(self, step):
        if step.get('fuzz') == 'plug':
            self.plug(step)
        elif step.get('fuzz') == 'fresh':
            self.fresh(step)
        elif 'fuzz' in step:
            self.migrate(step)
        elif 'raw' in step:
            self.qemu.send_raw(step['raw'])
        else:
            reply = self.execute(step['execute'], step.get('arguments'))
            if step['execute'] == 'qom-set' and 'return' in reply:
                self.cpu_changed = True
            if step['execute'] in ('system_reset', 'device_del', 'qom-set',
                                   'cont'):
                self.check_cpus()
        self.done += 1
        self.pause(step)


def differing(here, there):
    """What is not the same in two answers, for people"""
    if 'return' not in here or 'return' not in there:
        return f'{here}'[:2000] + '\n\n' + f'{there}'[:2000]
    here, there = here['return'], there['return']
    text = []
    for key in sorted({*here, *there}):
        if key == 'model':
            a, b = (x[key].get('props', {}) for x in (here, there))
            text += [f'{name}: {a.get(name)!r}, {b.get(name)!r}'
                     for name in sorted({*a, *b})
                     if a.get(name) != b.get(name)]
        elif here.get(key) != there.get(key):
            text += [f'{key}: {here.get(key)!r}'[:2000],
                     f'{key}: {there.get(key)!r}'[:2000]]
    return '\n'.join(text)


def migration_end(qemu):
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        status = qemu.ask('query-migrate').get('status')
        if status in ('completed', 'failed'):
            return status
        time.sleep(0.02)
    raise Finding('hangs: a migration does not end', qemu.stderr())


def load(binary, args, stream, plugs=()):
    """
    Loads a stream.  Returns whether QEMU has taken it, and what it said on
    stderr, which must not be much.
    """
    target = Qemu(binary, [*args, '-incoming', 'defer'])
    completed = False
    with target:
        for arguments in plugs:
            target.command('device_add', arguments)
        size = target.stderr_size()
        try:
            # One that exits while it is asked something frees nothing.
            target.ask('migrate-incoming', {'uri': f'file:{stream}',
                                            'exit-on-error': False})
            completed = migration_end(target) == 'completed'
            stderr = target.stderr()[size:]
            if not completed and not stderr:
                stderr = target.ask('query-migrate').get('error-desc', '')
        except Died:
            target.end()
            target.verdict(may_refuse=True)
            # So it ends; no more than that is wrong with it.
            target.status = 0
            stderr = target.stderr()[size:]
    said = [line for line in stderr.splitlines() if 'warning: ' not in line]
    if len(said) > STDERR_LINES:
        raise Finding('refuses a stream in endless words',
                      f'{len(said)} lines:\n' + '\n'.join(said)[:4000])
    return completed, stderr


class Fuzzer:
    """The kind of fuzzing, for scripts/fuzz"""
    name = 'qmp'
    what = 'commands'

    def __init__(self, binary, knowledge):
        self.binary = binary
        self.knowledge = knowledge

    def args(self, rng, know):
        machine = rng.choice(inputs.MACHINES)
        if rng.random() < 0.3:
            machine += ',cpu-compat=' + rng.choice(know.machines)
        if rng.random() < 0.2 and 'isapc' not in machine:
            machine += ',smp-cache.0.cache=l2,smp-cache.0.topology=core'
        cpu = rng.choice(['qemu64', 'EPYC', 'Skylake-Client', 'Haswell-v4',
                          'max', 'Denverton', rng.choice(know.models)])
        if rng.random() < 0.3:
            good = [name for name in know.flags if 'vmx' not in name]
            cpu = inputs.cpu_option(cpu, {
                name: rng.choice([True, False])
                for name in rng.sample(good, min(2, len(good)))})
        smp = rng.choice(['1', '1,maxcpus=4,cores=4', '1,maxcpus=4,cores=4',
                          '2,maxcpus=8,sockets=2,cores=2,threads=2'])
        return ['-accel', know.accel, '-machine', machine, '-cpu', cpu,
                '-smp', '1' if 'isapc' in machine else smp, '-m', '32']

    def case(self, rng):
        """A command line, steps, and questions that are asked twice"""
        know = rng.choice(self.knowledge)
        maker = Steps(rng, know)
        return {
            'accel': know.accel, 'args': self.args(rng, know),
            'other': self.args(rng, know),
            'probes': [{'type': rng.choice(['full', 'static']),
                        'model': {**inputs.sane_model(rng, know),
                                  **({'machine-type':
                                      rng.choice(know.machines)}
                                     if i else {})}}
                       for i in range(4)],
            'steps': [maker.step() for _ in range(STEPS)]}

    def run(self, case):
        """How many commands were done; may raise a Finding"""
        session = None
        try:
            with Qemu(self.binary, case['args']) as qemu:
                session = Session(self.binary, case, qemu)
                probes = [qemu.command('query-cpu-model-expansion', p)
                          for p in case['probes']]
                for step in case['steps']:
                    session.take(step)
                for probe, before in zip(case['probes'], probes):
                    now = qemu.command('query-cpu-model-expansion', probe)
                    before.pop('id')
                    now.pop('id')
                    if now != before:
                        raise Finding(
                            'the same expansion has another answer later',
                            f'{probe}\n\n{differing(before, now)}')
        except NotStarted:
            return 0
        except Finding as finding:
            finding.done = session.done if session else 0
            steps = case['steps'][finding.done:finding.done + 1]
            finding.detail = f'at {steps}\n{finding.detail}'
            raise
        return session.done

    def smaller(self, case, finding):
        """Cases that may have the same finding with less, the least first"""
        if finding.done + 1 < len(case['steps']) and not finding.is_leak():
            yield {**case, 'steps': case['steps'][:finding.done + 1]}
        steps = case['steps']
        size = len(steps)
        while size:
            for start in range(0, len(steps), size):
                yield {**case, 'steps': steps[:start] + steps[start + size:]}
            size //= 2
        if case['probes']:
            yield {**case, 'probes': []}

    def lines(self, case):
        """What a person would type, as far as steps are commands"""
        for step in case['steps']:
            if 'execute' in step:
                yield json.dumps(step)
            elif 'raw' in step:
                yield step['raw']
            elif step['fuzz'] == 'plug':
                driver = step['model'] or 'the type of -cpu'
                yield json.dumps({'execute': 'device_add', 'arguments': {
                    **step['props'], 'driver': driver, 'id': step['id']}})
            else:
                yield '# ' + json.dumps(step)
