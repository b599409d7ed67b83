/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suggestions for misspelt names of CPU models, features and the like
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "suggestion.h"

void suggestion_add(const char *candidate, void *opaque)
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

void suggestion_print(const Suggestion *suggestion,
                      char text[X86_CPU_NEAR_NAMES_SIZE])
{
    if (suggestion->other_case) {
        snprintf(text, X86_CPU_NEAR_NAMES_SIZE, "; did you mean '%.64s'?",
                 suggestion->other_case);
    } else {
        x86_cpu_near_names_print(&suggestion->near, text);
    }
}
