/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The named CPU models, as values of the core
 */

#ifndef I386_EXT_NAMED_MODELS_H
#define I386_EXT_NAMED_MODELS_H

#include "cpu.h"
#include "target/i386/ext/cpu-value.h"

typedef struct X86CPUNamedModel {
    char *name;                 /* with its version, unless it is an alias */
    bool is_alias;
    const X86CPUMachineType *machine_type;
    X86Cpu value;
} X86CPUNamedModel;

/*
 * Appends all models with a definition (X86CPUNamedModel) to @models, as they
 * are on machine type @type; of their aliases only those that are CPUs of their
 * own there, for which compat properties have that name.  False, with an error,
 * if the machine type sets what can't be set.  Call where QEMU decides what a
 * guest sees: x86_cpu_model_to_value() tells.
 */
bool x86_cpu_add_named_models(GPtrArray *models, const X86CPUMachineType *type,
                              Error **errp);

/* An array for x86_cpu_add_named_models() */
GPtrArray *x86_cpu_named_models_new(void);

#endif /* I386_EXT_NAMED_MODELS_H */
