/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What names of CPU models from tables mean on a machine type
 */

#ifndef I386_EXT_MODEL_MACHINES_H
#define I386_EXT_MODEL_MACHINES_H

#include "hw/boards.h"

/*
 * Appends to @props (GlobalProperty) what tables say of models whose name
 * has no version, on machine type @mc.
 */
void x86_cpu_table_add_props(GPtrArray *props, const MachineClass *mc);

#endif /* I386_EXT_MODEL_MACHINES_H */
