/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Machine types of which tables/machines says what they set on CPUs
 */

#ifndef I386_EXT_REMOVED_MACHINE_TYPES_H
#define I386_EXT_REMOVED_MACHINE_TYPES_H

#include "cpu.h"

/*
 * Whether tables have machine type @name: its name, which lives as long as the
 * process, or NULL.  Puts in *@version (unless NULL) the version of models that
 * unversioned names stand for.
 */
const char *x86_cpu_find_removed_machine(const char *name,
                                         X86CPUVersion *version);

/* Calls @fn with the name of each that tables have, once. */
void x86_cpu_foreach_removed_machine(void (*fn)(const char *name,
                                                void *opaque), void *opaque);

/*
 * The newest machine type of the last release line that had @name, which tables
 * have; NULL if that is @name
 */
const char *x86_cpu_newest_with_removed_machine(const char *name);

/* Appends to @props (GlobalProperty) what @name, which tables have, sets. */
void x86_cpu_add_removed_machine_props(GPtrArray *props, const char *name);

#endif /* I386_EXT_REMOVED_MACHINE_TYPES_H */
