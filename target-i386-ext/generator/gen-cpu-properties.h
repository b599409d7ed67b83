/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU's properties that are not features
 */

#ifndef I386_EXT_GEN_CPU_PROPERTIES_H
#define I386_EXT_GEN_CPU_PROPERTIES_H

#include "gen-cpu-source.h"

/*
 * Reads what each property is from table @path.  Complains about errors in
 * it, about each property of cpu.c's table without a row, and about each row
 * for a property that the table should have and lacks.  @newest is QEMU's
 * version.  Call after read_features().
 */
void read_properties_tbl(const char *path, const char *cpu_c,
                         uint32_t newest);

/* Prints C for the properties that @path has. */
void print_properties(void);

#endif /* I386_EXT_GEN_CPU_PROPERTIES_H */
