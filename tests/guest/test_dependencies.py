#!/usr/bin/env python3
#
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The member requires of query-cpu-features and of removed-features.

Answers: does a guest lose a feature when it has none of what one list in
requires names, and keep it as long as one is left?  Are the lists in
removed-features those of which nothing is left?  The guest is the judge,
under TCG: QEMU drops features in the same way with every accelerator.

    QTEST_QEMU_BINARY=... GUEST_BUILD=... PYTHONPATH=<qemu>/python \\
        python3 -m unittest test_dependencies
"""

import asyncio
import os
import unittest

from guest_cpuid import Guest, has_bit

# Shows every leaf, and everything that QEMU does not drop
CPU = ('base,check=off,x-force-features=on,pmu=on,level=0x29,level-func7=2,'
       'xlevel=0x80000022')


async def query_features(qemu):
    async with Guest(qemu, [], 'tcg') as guest:
        return {info['name']: info for info in
                await guest.qmp.execute('query-cpu-features')}


def left_of(requested, requires, hidden):
    """
    What is left of the features when all that can't be there are gone

    :param hidden: those that QEMU does not show, but keeps for others
    """
    left = set(requested)
    while True:
        gone = {name for name in left if name not in hidden
                and not all(left & set(names) for names in requires[name])}
        if not gone:
            return {name for name in left
                    if all(left & set(names) for names in requires[name])}
        left -= gone


async def look(qemu, requested, jobs):
    """(removed-features, what the guest sees) of a CPU"""
    cpu = ','.join([CPU, *(name + '=on' for name in sorted(requested))])
    async with jobs, Guest(qemu, ['-cpu', cpu], 'tcg') as guest:
        path = (await guest.qmp.execute('query-cpus-fast'))[0]['qom-path']
        removed = await guest.qmp.execute(
            'qom-get', {'path': path, 'property': 'removed-features'})
        return removed, await guest.view()


class Dependencies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.qemu = os.environ.get('QTEST_QEMU_BINARY')
        if not cls.qemu:
            raise unittest.SkipTest('QTEST_QEMU_BINARY is not set')
        cls.infos = asyncio.run(query_features(cls.qemu))
        cls.requires = {name: info['requires']
                        for name, info in cls.infos.items()}
        # What depends on something, and what these depend on
        needed = {name for lists in cls.requires.values()
                  for names in lists for name in names}
        cls.everything = needed | {name for name in cls.requires
                                   if cls.requires[name]}
        # Leaves 0xD and 0x1E are shown or not, whatever their bits are.
        cls.hidden = {name for name in cls.everything
                      for place in cls.infos[name]['places']
                      if place.get('cpuid', {}).get('leaf') in (0xd, 0x1e)}

    def look_at_all(self, requests):
        async def look_at_all():
            jobs = asyncio.Semaphore(os.cpu_count() or 1)
            return await asyncio.gather(*[look(self.qemu, request, jobs)
                                          for request in requests])

        return asyncio.run(look_at_all())

    def seen(self, view):
        """The features in CPUID that a guest sees with all their bits"""
        return {name for name in self.everything
                if all('cpuid' in place and has_bit(view, place)
                       for place in self.infos[name]['places'])}

    def missing(self, removed):
        """What removed-features says is missing, by feature"""
        missing = {}
        for entry in removed:
            name = entry['feature']
            if name in self.requires and entry['reason'] == 'dependency':
                # The bits of a feature may have an entry each.
                missing.setdefault(name, []).extend(entry['requires'])
        return missing

    def requests(self):
        """
        Features to ask for: all, those without one list of alternatives,
        those with one of these left.
        """
        requests = [self.everything]
        for lists in self.requires.values():
            for names in lists:
                requests.append(self.everything - set(names))
                if len(names) > 1:
                    requests += [requests[-1] | {name} for name in names]
        return list(map(set, {frozenset(r): r for r in requests}))

    def test_shape(self):
        """Lists of lists of other features"""
        for name, lists in self.requires.items():
            with self.subTest(name):
                self.assertIsInstance(lists, list)
                for names in lists:
                    self.assertIsInstance(names, list)
                    self.assertTrue(names)
                    self.assertLessEqual({*names}, {*self.infos} - {name})
                    self.assertEqual(len({*names}), len(names))

    def test_alternatives(self):
        requests = self.requests()
        shown, *_ = self.look_at_all(requests[:1])
        # TCG has no leaves 0x12 and 0x14.
        judged = self.seen(shown[1])
        self.assertLessEqual({'avx10', 'avx10-128', 'avx10-512', 'fred',
                              'npt', 'sgxlc', 'xsaveopt'}, judged)
        dropped, kept = set(), set()
        for requested, (removed, view) in zip(requests,
                                              self.look_at_all(requests)):
            left = left_of(requested, self.requires, self.hidden)
            with self.subTest(without=sorted(self.everything - requested)):
                self.assertEqual(self.seen(view), left & judged)
                self.assertEqual(
                    self.missing(removed),
                    {name: [names for names in self.requires[name]
                            if not left & set(names)]
                     for name in requested - left
                     # Of others, TCG is the reason.
                     if name not in self.hidden or
                     self.infos[name]['supported']})
            dropped |= (requested - left) & judged
            kept |= {name for name in left & judged
                     if any(len(set(names) & requested) < len(names)
                            for names in self.requires[name])}
        # Each was taken away once, and one was kept by its last alternative.
        self.assertEqual(dropped, {name for name in judged
                                   if self.requires[name]})
        self.assertIn('avx10', kept)


if __name__ == '__main__':
    unittest.main()
