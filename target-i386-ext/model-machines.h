/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Machine types in tables
 */

#ifndef I386_EXT_MODEL_MACHINES_H
#define I386_EXT_MODEL_MACHINES_H

#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"

/*
 * The version that the unversioned name of @model stands for on machine types
 * of version @machine, 0xa0000 for pc-q35-10.0, or 0 for isapc;
 * CPU_VERSION_AUTO if no table sets it.
 */
X86CPUVersion x86_cpu_table_version(const X86CPUModel *model,
                                    uint32_t machine);

/* The same, for a model of a table by its @rows; never CPU_VERSION_AUTO */
X86CPUVersion x86_cpu_table_version_of(const X86CPUTableMachines *rows,
                                       uint32_t machine);

/*
 * Appends to @props (GlobalProperty) what tables set on models with
 * unversioned names on machine types of version @machine.
 */
void x86_cpu_table_add_props(GPtrArray *props, uint32_t machine);

#endif /* I386_EXT_MODEL_MACHINES_H */
