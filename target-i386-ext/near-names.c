/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suggestions for misspelt names
 *
 * Answers: which of these names was probably meant?  For errors about feature
 * names in tables, and about machine types.
 */

#include <stdio.h>
#include <string.h>
#include "near-names.h"

/* How many letters to add, remove or change, at most */
#define MAX_EDITS 2

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many letters to add, remove or change to turn @a into @b */
static unsigned count_edits(const char *a, const char *b)
{
    size_t length = strlen(b), i, j;
    unsigned row[X86_CPU_NEAR_NAME_SIZE];

    for (j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (i = 1; *a; a++, i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (j = 1; j <= length; j++) {
            unsigned change = diagonal + (*a != b[j - 1]);

            diagonal = row[j];
            row[j] = smaller(change, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[length];
}

bool x86_cpu_near_names_add(NearNames *near, const char *name,
                            const char *candidate)
{
    size_t length = strnlen(name, X86_CPU_NEAR_NAME_SIZE + MAX_EDITS);
    unsigned edits;

    if (length >= X86_CPU_NEAR_NAME_SIZE + MAX_EDITS ||
        strlen(candidate) >= X86_CPU_NEAR_NAME_SIZE) {
        return false;
    }
    edits = count_edits(name, candidate);
    if (edits > MAX_EDITS || edits >= length) {
        return false;
    }
    if (near->count && edits < near->edits) {
        near->count = 0;
    }
    if (!near->count) {
        near->edits = edits;
    }
    if (edits != near->edits || near->count == X86_CPU_NEAR_NAMES) {
        return false;
    }
    near->names[near->count] = candidate;
    near->in_qemu[near->count++] = NULL;
    return true;
}

void x86_cpu_near_names_print(const NearNames *near,
                              char text[X86_CPU_NEAR_NAMES_SIZE])
{
    unsigned i, used = 0;

    *text = '\0';
    for (i = 0; i < near->count; i++) {
        const char *in_qemu = near->in_qemu[i];

        used += snprintf(text + used, X86_CPU_NEAR_NAMES_SIZE - used,
                         "%s'%.64s'%s%.64s%s%s", i ? " or " : "; did you mean ",
                         near->names[i], in_qemu ? " (" : "",
                         in_qemu ? in_qemu : "", in_qemu ? " in QEMU)" : "",
                         i + 1 == near->count ? "?" : "");
    }
}
