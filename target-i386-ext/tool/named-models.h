/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The named CPU models of a file, as values of the core
 *
 * Answers, for nearest and best: what is each named CPU model on a machine
 * type?
 */

#ifndef X86CPU_NAMED_MODELS_H
#define X86CPU_NAMED_MODELS_H

#include "cpu-text.h"

typedef struct NamedModel {
    const char *name;
    bool is_alias;
    size_t model, layer;
    /* That of the context */
    ModelsFileIrqchip irqchip;
    /*
     * Its static expansion, and the features that this lacks because they
     * depend on one that is off: they turn up with it.
     */
    X86Cpu value;
} NamedModel;

typedef struct NamedModels {
    NamedModel *models;
    size_t count;
} NamedModels;

/*
 * Adds those of @context's layer to *@models: all but base, and aliases of a
 * version that there is too.  @host is as in x86cpu_describe().  False if there
 * is not enough memory.
 */
bool named_models_add(const CpuContext *context, const X86CpuHostValues *host,
                      NamedModels *models);

void named_models_free(NamedModels *models);

#endif /* X86CPU_NAMED_MODELS_H */
