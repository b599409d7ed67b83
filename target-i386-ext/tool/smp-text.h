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
    uint64_t package_threads, max_cpus;
} SmpCounts;

/*
 * Puts in *@topology and *@counts what -smp @text is on machine type @machine.
 * False, with one line of ASCII in @error, of SMP_TEXT_ERROR bytes, if QEMU
 * would refuse it.
 */
bool smp_text_parse(const char *text, const char *machine,
                    X86CpuTopology *topology, SmpCounts *counts, char *error);

#endif /* X86CPU_SMP_TEXT_H */
