/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Additions to query-cpu-model-expansion
 */

#ifndef I386_EXT_MODEL_EXPANSION_H
#define I386_EXT_MODEL_EXPANSION_H

#include "cpu.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/feature-flags.h"
#include "target/i386/ext/machine-cpu-defaults.h"

/*
 * x86_cpu_use_defaults_of() for an expansion of @model, which must not be
 * an incomplete "custom".
 */
bool x86_cpu_begin_evaluation(const CpuModelInfo *model, Error **errp);

/*
 * Adds to stock QEMU's answer @ret for @cpu, which is expanded and will be
 * discarded: the rest of a static expansion, and what would be removed or
 * refused here, or only that this is out of scope.  Fails if the model does
 * not support this accelerator.
 */
void x86_cpu_complete_expansion(X86CPU *cpu, CpuModelExpansionType type,
                                CpuModelExpansionInfo *ret, Error **errp);

#endif /* I386_EXT_MODEL_EXPANSION_H */
