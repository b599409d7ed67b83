/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What CPU models request, over all machine types
 *
 * Answers, for x86-cpu history: which values did this feature have in this
 * model and its relatives, and on which machine types?  As requested, before
 * what a host lacks is removed, and with kernel-irqchip=on.
 */

#ifndef X86CPU_HISTORY_H
#define X86CPU_HISTORY_H

#include <jansson.h>
#include "models-file.h"

/*
 * KVM gives named models the vendor of the host, and microcode revisions depend
 * on it: AMD has its own, all others have the same.
 */
typedef enum HistoryAccelerator {
    HISTORY_TCG,
    HISTORY_KVM_INTEL,
    HISTORY_KVM_AMD,
    HISTORY_ACCELERATORS
} HistoryAccelerator;

/* By HistoryAccelerator: "tcg" and so on, and for people */
extern const char *const history_accelerator_names[HISTORY_ACCELERATORS];
extern const char *const history_accelerator_titles[HISTORY_ACCELERATORS];

typedef struct History History;

/* In the place of a number: all models, or all features that ever differed */
enum { HISTORY_ALL = -1 };

/*
 * @accelerators has a bit for each HistoryAccelerator, of which @file has all,
 * and there is at least one.  NULL: not enough memory
 */
History *history_new(const ModelsFile *file, unsigned accelerators);

void history_free(History *history);

/* The release line of the QEMU, such as "10.0" */
const char *history_line(const History *history);

/* Whether the file has machine types with a version; no others are kept. */
bool history_has_machine_types(const History *history);

/*
 * The number of the property @name of a static expansion, which may be a
 * feature; -1 if there is none.
 */
int history_find(const History *history, const char *name);

/* How many properties there are, and their names; NULL: not in this file */
size_t history_count(const History *history);
const char *history_name(const History *history, size_t property);

/* As strcmp(), for names of models: -v10 is after -v9. */
int history_compare_names(const char *a, const char *b);

/*
 * An object with "accelerators", "line", "history", "stands-for" and, of all
 * features, "general"; see docs/schema/x86-cpu-history.schema.json.
 * @model and @property may be HISTORY_ALL, but not both.  NULL: not enough
 * memory
 */
json_t *history_answer(History *history, int model, int property);

#endif /* X86CPU_HISTORY_H */
