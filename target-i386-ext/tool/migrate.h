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
    const CpuRequest *request;
    X86CpuTopology topology;
    SmpCounts counts;
    /* False if the passport is of hardware alone: the rest is not filled. */
    bool is_known;
    /* That QEMU does not have the CPU: then it is not filled either. */
    bool lacks_cpu;
    HostOffer offer;
    /* As requested there, in whole features; and what remains of it */
    X86Cpu described;
    X86CpuFiltered filtered;
    X86CpuView view;
    /* What host_check() says */
    json_t *check;
} MigrateSide;

typedef struct MigrateReasons {
    /* Objects: see migrate_add() */
    json_t *list;
    /* Texts about what is not known */
    json_t *unknown;
    /* Whether something is in neither, for lack of memory: no answer is true */
    bool lost;
} MigrateReasons;

/* Fills the members after @described, which is there. */
void migrate_side_finish(MigrateSide *side);

/* Adds what stands in the way to *@reasons. */
void migrate_compare(const MigrateSide *a, const MigrateSide *b,
                     MigrateReasons *reasons);

/* Adds a reason {"what", "text", "blocking"} to *@reasons. */
__attribute__((format(printf, 4, 5)))
void migrate_add(MigrateReasons *reasons, const char *what, bool blocking,
                 const char *format, ...);

/* Adds a text about what is not known to *@reasons. */
__attribute__((format(printf, 2, 3)))
void migrate_add_unknown(MigrateReasons *reasons, const char *format, ...);

#endif /* X86CPU_MIGRATE_H */
