/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a description of a CPU can't have
 *
 * Answers, for expand and baseline: what does a guest of this CPU get that
 * model base has no property for?  The same as omitted-properties of QEMU's
 * static expansions.
 */

#ifndef X86CPU_OMITTED_PROPERTIES_H
#define X86CPU_OMITTED_PROPERTIES_H

#include <jansson.h>
#include "answer.h"

/* An array of texts, in QEMU's order: to be released */
json_t *omitted_properties(const Question *q);

#endif /* X86CPU_OMITTED_PROPERTIES_H */
