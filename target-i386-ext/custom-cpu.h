/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU model "custom"
 */

#ifndef I386_EXT_CUSTOM_CPU_H
#define I386_EXT_CUSTOM_CPU_H

#include "target/i386/ext/compat.h"

/*
 * If @model is "custom": whether its properties are complete, together with
 * the options of this process if they apply; if not, the error of a start.
 * Does not report invalid values.  Called after the defaults for @model have
 * been decided.
 */
bool x86_cpu_check_custom_model(const CpuModelInfo *model, Error **errp);

#endif /* I386_EXT_CUSTOM_CPU_H */
