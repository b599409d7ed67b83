/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suggestions for misspelt names of CPU models, features and the like
 *
 * Answers: which of these names was probably meant?  As near-names.h, which
 * QEMU uses, too, but people also write names as others spell them, and names
 * that others have.
 */

#ifndef X86CPU_SUGGESTION_H
#define X86CPU_SUGGESTION_H

#include "models-file.h"
#include "../near-names.h"

/* Room for the longest text of suggestion_print() */
enum { SUGGESTION_SIZE = 2 * X86_CPU_NEAR_NAMES_SIZE };

/* All zeros at first, except @name, which is what was written */
typedef struct Suggestion {
    /* @other_case only differs in the case of letters, and "_" for "-". */
    const char *name, *other_case;
    NearNames near;
    /* QEMU's names of these, where the text has them, too */
    const char *other_case_is, *near_are[X86_CPU_NEAR_NAMES];
} Suggestion;

/* Takes in @candidate for Suggestion @opaque; only keeps the pointer. */
void suggestion_add(const char *candidate, void *opaque);

/*
 * The same for what libvirt and Linux call the features of @file; @explain:
 * with QEMU's name of each
 */
void suggestion_add_others(Suggestion *suggestion, const ModelsFile *file,
                           bool explain);

/* "; did you mean 'a' or 'b' (c in QEMU)?", or nothing */
void suggestion_print(const Suggestion *suggestion,
                      char text[SUGGESTION_SIZE]);

#endif /* X86CPU_SUGGESTION_H */
