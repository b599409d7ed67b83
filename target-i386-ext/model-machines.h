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
 * The version of machine type @mc, 0xa0000 for pc-q35-10.0 and
 * pc-i440fx-10.0: that of the machine type it stands for, according to our
 * tables, or else the one in its name; false if there is neither.
 */
bool x86_cpu_machine_version(const MachineClass *mc, uint32_t *version);

/* The name of the upstream machine type that @mc is or stands for */
const char *x86_cpu_upstream_machine_type(const MachineClass *mc);

/*
 * The machine type of this QEMU that stands for upstream's machine type
 * @name, according to our tables: the first one if there are several, NULL
 * if there is none.
 */
const MachineClass *x86_cpu_find_stand_in(const char *name);

/*
 * The version that the unversioned name of @model stands for on machine type
 * @mc (or NULL); CPU_VERSION_AUTO if no table sets it.
 */
X86CPUVersion x86_cpu_table_version(const X86CPUModel *model,
                                    const MachineClass *mc);

/* The same, for a model of a table by its @rows; never CPU_VERSION_AUTO */
X86CPUVersion x86_cpu_table_version_of(const X86CPUTableMachines *rows,
                                       const MachineClass *mc);

/*
 * Appends to @props (GlobalProperty) what tables set on models with
 * unversioned names on machine type @mc.
 */
void x86_cpu_table_add_props(GPtrArray *props, const MachineClass *mc);

#endif /* I386_EXT_MODEL_MACHINES_H */
