/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPUs of a request
 *
 * Answers, for the verbs that are about several CPUs: which ones are they, as
 * CPUs of one QEMU, and is all known of them that the answer depends on?
 */

#ifndef X86CPU_CPU_LIST_H
#define X86CPU_CPU_LIST_H

#include "answer.h"

typedef struct Cpus {
    /* As many as could be filled in; to be freed */
    Question *items;
    size_t count;
} Cpus;

/*
 * Makes @q->described what it is compared as.  False if only a host knows, as
 * with hv-passthrough.
 */
bool cpus_make_comparable(Question *q, Problem *problem);

/* What the CPUs of a request are for */
typedef enum CpusUse {
    /* Two, without hv-passthrough */
    CPUS_TO_COMPARE,
    /* One or more; hv-passthrough may be on where it does nothing: under TCG */
    CPUS_FOR_BASELINE,
} CpusUse;

/* How many CPUs @request has; 0, with a problem, if @use is not for as many */
size_t cpus_count(const json_t *request, CpusUse use, Problem *problem);

/* Fills *@cpus with "cpus" of @request. */
bool cpus_fill(Tool *tool, const json_t *request, CpusUse use, Cpus *cpus,
               Problem *problem);

/* All of them as CPUs of the newest QEMU among them, which is that of *@last */
bool cpus_translate(Cpus *cpus, const Question **last, Problem *problem);

/*
 * Whether a CPU of @request has the vendor of a host that is not known.  *@ok
 * is false if the request is not good.
 */
bool cpus_ask_vendor(Tool *tool, const json_t *request, CpusUse use, bool *ok,
                     Problem *problem);

/*
 * Whether property @name, which is unknown in @q (question_unknown_bits()), has
 * the same value in @other, whatever the host says
 */
bool question_shares_unknown(const Question *q, const Question *other,
                             const char *name);

/*
 * False if the answer depends on values of the host, other than the vendor,
 * that are not known: not all CPUs have the same of them.
 */
bool cpus_check_unknown(const Cpus *cpus, Problem *problem);

/* Puts "cpus" in @answer: what each is. */
void cpus_describe(json_t *answer, const Cpus *cpus);

/* Prints that, and list @name of @answer if it is not empty. */
void print_cpus(const json_t *answer, FILE *out);
void print_list_of(const json_t *answer, const char *name, const char *title,
                   FILE *out);

#endif /* X86CPU_CPU_LIST_H */
