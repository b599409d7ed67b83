/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A topology as -smp takes it
 *
 * Answers, for all verbs: which of the topologies that the core tells apart is
 * this one?
 */

#ifndef X86CPU_SMP_TEXT_H
#define X86CPU_SMP_TEXT_H

#include "expand.h"

/* Room for the longest error */
enum { SMP_TEXT_ERROR = 256 };

typedef struct SmpCounts {
    /* Of a socket; the latter as APIC IDs leave room for them */
    uint64_t package_threads, package_ids;
    uint64_t max_cpus;
    /* Of all CPUs that there can be, and of those that a guest starts with */
    uint64_t last_apic_id, last_started_apic_id;
} SmpCounts;

#define SMP_ONE_CPU \
    ((SmpCounts) { .package_threads = 1, .package_ids = 1, .max_cpus = 1 })

/*
 * Puts in *@topology and *@counts what -smp @text is on machine type @machine.
 * False, with one line of ASCII in @error, of SMP_TEXT_ERROR bytes, if QEMU
 * would refuse it.
 */
bool smp_text_parse(const char *text, const char *machine,
                    X86CpuTopology *topology, SmpCounts *counts, char *error);

#endif /* X86CPU_SMP_TEXT_H */
