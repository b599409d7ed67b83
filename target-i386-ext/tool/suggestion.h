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

/*
 * All zeros at first, except @name, which is what was written; @near is what to
 * print.
 */
typedef struct Suggestion {
    /* @other_case only differs in the case of letters, and "_" for "-". */
    const char *name, *other_case;
    NearNames near;
} Suggestion;

/* Takes in @candidate for Suggestion @opaque; only keeps the pointer. */
void suggestion_add(const char *candidate, void *opaque);

/*
 * The same for what libvirt and Linux call the features of @file; @explain:
 * with QEMU's name of each.  Of a flag that is several, it takes in these.
 */
void suggestion_add_others(Suggestion *suggestion, const ModelsFile *file,
                           bool explain);

#endif /* X86CPU_SUGGESTION_H */
