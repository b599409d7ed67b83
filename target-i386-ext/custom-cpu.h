/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU model "custom"
 */

#ifndef I386_EXT_CUSTOM_CPU_H
#define I386_EXT_CUSTOM_CPU_H

#include "qapi/qapi-types-machine-target.h"

/*
 * If @model is "custom": whether its properties, with the options of this
 * process where they apply, are all that is needed; if not, the error that
 * starting it gives.  Values that can't be set are not looked into.  Called
 * after the defaults for @model have been decided.
 */
bool x86_cpu_check_custom_model(const CpuModelInfo *model, Error **errp);

#endif /* I386_EXT_CUSTOM_CPU_H */
