/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPUs of a request to a live QEMU
 *
 * Answers, for live-*.c: which CPUs are these, as CpuModelInfo, on which
 * machine types of this QEMU; and what is the static expansion of one?
 */

#ifndef X86CPU_LIVE_CPUS_H
#define X86CPU_LIVE_CPUS_H

#include "cpu-list.h"
#include "live-session.h"

/* A CPU of a request */
typedef struct LiveCpu {
    const char *text, *machine;
    /* CpuModelInfo, to be released */
    json_t *model;
    /* By whose names of features @text was read */
    const LiveSession *session;
} LiveCpu;

typedef struct LiveCpus {
    LiveCpu *items;
    size_t count;
} LiveCpus;

/*
 * Uses the QEMU for @machine, or for the default of the request: without
 * "irqchip", that of the machine type.  *@machine becomes its name there.
 */
bool live_use_machine(Live *l, const char **machine);

/* An expansion of @model, which is not released */
json_t *live_expand(Live *l, json_t *model);

/* CPU @number of the request; *@cpu is to be released, whatever comes. */
bool live_get_cpu(Live *l, size_t number, LiveCpu *cpu);

/* As cpus_make_comparable() */
bool live_check_passthrough(Live *l, const LiveCpu *cpu);

/* As answer_describe() */
void live_describe(const Live *l, const LiveCpu *cpu, json_t *answer);

/*
 * "cpus" of the request; *@cpus is to be released, whatever comes.  For a
 * baseline, hv-passthrough may be on: QEMU leaves it out, and says so.
 */
bool live_get_cpus(Live *l, CpusUse use, LiveCpus *cpus);

void live_release_cpus(LiveCpus *cpus);

/* As cpus_describe() */
void live_describe_all(const Live *l, const LiveCpus *cpus, json_t *answer);

/* What @command says of two CpuModelInfo, which are not released */
json_t *live_ask_pair(Live *l, const char *command, json_t *a, json_t *b);

#endif /* X86CPU_LIVE_CPUS_H */
