/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suggestions for misspelt names
 *
 * Plain C: the generator of the static tables uses it, too, and x86-cpu.
 */

#ifndef I386_EXT_NEAR_NAMES_H
#define I386_EXT_NEAR_NAMES_H

#include <stdbool.h>

/* How many names to suggest; names are no longer than this. */
#define X86_CPU_NEAR_NAMES      3
#define X86_CPU_NEAR_NAME_SIZE  64
#define X86_CPU_NEAR_NAMES_SIZE (X86_CPU_NEAR_NAMES * 160)

/* All zeros at first */
typedef struct NearNames {
    const char *names[X86_CPU_NEAR_NAMES];
    /* What QEMU calls those that others have named, or NULL */
    const char *in_qemu[X86_CPU_NEAR_NAMES];
    unsigned count;
    /* How many letters they differ in */
    unsigned edits;
} NearNames;

/*
 * Takes in @candidate if it is as near to @name as any so far, and not many
 * letters away; only keeps the pointer.  Returns whether it did.
 */
bool x86_cpu_near_names_add(NearNames *near, const char *name,
                            const char *candidate);

/* "; did you mean 'a' or 'b' (c in QEMU)?", or nothing */
void x86_cpu_near_names_print(const NearNames *near,
                              char text[X86_CPU_NEAR_NAMES_SIZE]);

#endif /* I386_EXT_NEAR_NAMES_H */
