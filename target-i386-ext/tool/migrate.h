/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a guest can go from one host to another
 *
 * Answers, for x86-cpu migrate: does the guest find the CPU at B that it has
 * seen at A, does QEMU start there, and does the stream go in?  CPUID alone
 * does not say: TSC, state of XSAVE, VMX, MCE and the PMU count, too.
 */

#ifndef X86CPU_MIGRATE_H
#define X86CPU_MIGRATE_H

#include "answer.h"

/* A host, and the CPU of a guest there */
typedef struct MigrateSide {
    /* "A" or "B", or what else it is called in texts */
    const char *name;
    const Passport *passport;
    const ModelsFile *file;
    const X86CpuTables *tables;
    HostOptions options;
    X86CpuTopology topology;
    /* False if the passport is of hardware alone: the rest is not filled. */
    bool is_known;
    HostOffer offer;
    /* As requested there, and what remains of it */
    X86Cpu described;
    X86CpuFiltered filtered;
    X86CpuView view;
    /* What host_check() says; NULL for model "host", which has no request */
    json_t *check;
} MigrateSide;

/* Fills the members after @described, which is there. */
void migrate_side_settle(MigrateSide *side);

/*
 * What stands in the way, in lists that belong to the caller: objects in
 * @reasons, texts about what is not known in @unknown
 */
void migrate_compare(const MigrateSide *a, const MigrateSide *b,
                     json_t *reasons, json_t *unknown);

/* Adds a reason {"what", "text", "blocking"} to @reasons. */
__attribute__((format(printf, 4, 5)))
void migrate_add(json_t *reasons, const char *what, bool blocking,
                 const char *format, ...);

#endif /* X86CPU_MIGRATE_H */
