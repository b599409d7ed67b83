/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suggestions for misspelt names of CPU models, features and the like
 *
 * Answers: which of these names was probably meant?  As near-names.h, which
 * QEMU uses, too, but people also write names as others spell them.
 */

#ifndef X86CPU_SUGGESTION_H
#define X86CPU_SUGGESTION_H

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "../near-names.h"

/* All zeros at first, but for @name, which is what was written */
typedef struct Suggestion {
    /* @other_case only differs in the case of letters. */
    const char *name, *other_case;
    NearNames near;
} Suggestion;

/* Takes in @candidate for Suggestion @opaque; only keeps the pointer. */
static inline void suggestion_add(const char *candidate, void *opaque)
{
    Suggestion *suggestion = opaque;
    unsigned i;

    if (!strcasecmp(candidate, suggestion->name)) {
        suggestion->other_case = candidate;
    }
    for (i = 0; i < suggestion->near.count; i++) {
        if (!strcmp(suggestion->near.names[i], candidate)) {
            return;
        }
    }
    x86_cpu_near_names_add(&suggestion->near, suggestion->name, candidate);
}

/* "; did you mean 'a' or 'b'?", or nothing */
static inline void suggestion_print(const Suggestion *suggestion,
                                    char text[X86_CPU_NEAR_NAMES_SIZE])
{
    if (suggestion->other_case) {
        snprintf(text, X86_CPU_NEAR_NAMES_SIZE, "; did you mean '%.64s'?",
                 suggestion->other_case);
    } else {
        x86_cpu_near_names_print(&suggestion->near, text);
    }
}

#endif /* X86CPU_SUGGESTION_H */
