/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The names of feature bits
 *
 * Answers, for all verbs: which name does QEMU have for this bit?  Those that
 * it has none for are named by their place, as in removed-features.  And how
 * is a name taken that is not QEMU's main one?
 */

#ifndef X86CPU_FEATURE_NAMES_H
#define X86CPU_FEATURE_NAMES_H

#include <jansson.h>
#include "explain.h"

/* Room for the longest name that feature_names_place() makes */
enum { FEATURE_NAME = 64 };

/* The feature that has the one bit of @bit, or NULL */
const X86CpuFeature *feature_names_find(const X86CpuTables *tables,
                                        X86CpuBits bit);

/* The number of one bit in its register or MSR */
unsigned feature_names_number(X86CpuBits bit);

/* The name by place of one bit: "cpuid-07h-ebx-13", "msr-480h-5" */
void feature_names_place(const X86CpuTables *tables, X86CpuBits bit,
                         char name[FEATURE_NAME]);

/*
 * Adds "NAME is FEATURE" to object @notes, as a member, unless that is the same
 * name; @notes may be NULL.  A property can have an alias, too.
 */
void feature_names_note(json_t *notes, const char *name, const char *feature);

/*
 * The error for @name, which stands for @count features: one line of at most
 * @size bytes, with the zero at its end
 */
void feature_names_several(const char *name, const char *const *features,
                           size_t count, char *text, size_t size);

#endif /* X86CPU_FEATURE_NAMES_H */
