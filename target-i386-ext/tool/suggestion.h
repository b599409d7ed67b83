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

#include "../near-names.h"

/* All zeros at first, except @name, which is what was written */
typedef struct Suggestion {
    /* @other_case only differs in the case of letters. */
    const char *name, *other_case;
    NearNames near;
} Suggestion;

/* Takes in @candidate for Suggestion @opaque; only keeps the pointer. */
void suggestion_add(const char *candidate, void *opaque);

/* "; did you mean 'a' or 'b'?", or nothing */
void suggestion_print(const Suggestion *suggestion,
                      char text[X86_CPU_NEAR_NAMES_SIZE]);

#endif /* X86CPU_SUGGESTION_H */
