/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What each verb of x86-cpu answers
 *
 * See Verb in answer.h.
 */

#ifndef X86CPU_VERBS_H
#define X86CPU_VERBS_H

#include "answer.h"

#define VERB(name) \
    json_t *answer_##name(Tool *tool, const json_t *request, Status *status, \
                          Problem *problem); \
    void print_##name(const json_t *answer, const json_t *request, FILE *out);

VERB(list)
VERB(show)
VERB(expand)
VERB(compare)
VERB(baseline)
VERB(nearest)
VERB(check)
VERB(fleet)
VERB(best)
VERB(migrate)
VERB(history)
VERB(baseline_hosts)

#undef VERB

/*
 * Of requests for answer_nearest() that are the program's own: true for models
 * that libvirt has, and no others
 */
#define NEAREST_OF_LIBVIRT "of-libvirt"

/*
 * Asks @ask, whose answer depends on the vendor of the host, once for each
 * class of vendors, with "vendor" in its request.  If the answers are equal,
 * that is the one; otherwise there is an object with "by-vendor", and *@status
 * says that it can't be known which.
 */
json_t *answer_by_vendor(Tool *tool, const json_t *request, Status *status,
                         Problem *problem,
                         json_t *(*ask)(Tool *tool, const json_t *request,
                                        Status *status, Problem *problem));

/* Leaves out of @props what is in @unknown. */
void answer_drop_unknown(json_t *props, const json_t *unknown);

/*
 * The status of an answer without @unknown: guest-phys-bits make no CPUs
 * incompatible, and QEMU takes the host's where they are left out.
 */
Status answer_unknown_status(const json_t *unknown);

/* Puts @list, which it releases, in @answer unless it is empty. */
void answer_set_list(json_t *answer, const char *name, json_t *list);

/*
 * Puts "model" and "machine" in @answer, and what else @question is about:
 * "accel" and "qemu".
 */
void answer_describe(json_t *answer, const Question *question);

/*
 * Prints what answer_describe() put there, and a note about "unknown"; or about
 * "by-vendor" with @print for each.  False if that was all.
 */
bool print_begin(const json_t *answer, const json_t *request, FILE *out,
                 void (*print)(const json_t *answer, const json_t *request,
                               FILE *out));

#endif /* X86CPU_VERBS_H */
