/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What accelerators set in CPU models
 */

#ifndef I386_EXT_GEN_CPU_ACCELERATORS_H
#define I386_EXT_GEN_CPU_ACCELERATORS_H

/*
 * Reads what accelerator @name, "kvm" or "tcg", sets in models that have a
 * definition, from its file @path.  Complains about what is not an on/off
 * feature.  Call after read_features().
 */
void read_accelerator(const char *name, const char *path);

/* Prints C for the accelerators that were read. */
void print_accelerators(void);

#endif /* I386_EXT_GEN_CPU_ACCELERATORS_H */
