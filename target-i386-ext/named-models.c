/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The named CPU models, as values of the core
 *
 * Answers, for query-cpu-model-best and -nearest: what is each named CPU model
 * on a machine type, and does it run here?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/named-models.h"

static void free_model(gpointer p)
{
    X86CPUNamedModel *model = p;

    g_free(model->name);
    g_free(model);
}

GPtrArray *x86_cpu_named_models_new(void)
{
    return g_ptr_array_new_with_free_func(free_model);
}

static bool runs_here(const CpuModelExpansionInfo *info)
{
    const CpuRemovedFeatureList *el;

    for (el = info->removed_features; el; el = el->next) {
        if (el->value->blocking) {
            return false;
        }
    }
    return !info->errors;
}

bool x86_cpu_add_named_models(GPtrArray *models, const MachineClass *mc,
                              Error **errp)
{
    g_autoptr(GSList) classes = object_class_get_list(TYPE_X86_CPU, false);
    const GSList *el;

    for (el = classes; el; el = el->next) {
        const X86CPUModel *definition = X86_CPU_CLASS(el->data)->model;
        g_autoptr(CpuModelExpansionInfo) info = NULL;
        X86CPUNamedModel *model;

        if (!definition || x86_cpu_access_is_alias(definition)) {
            continue;
        }
        model = g_new0(X86CPUNamedModel, 1);
        g_ptr_array_add(models, model);
        model->name = cpu_model_from_type(object_class_get_name(el->data));
        model->machine_type = mc;
        info = x86_cpu_model_to_value(
            &(CpuModelInfo) {
                .name = model->name,
                .machine_type = (char *)mc->name,
            }, model->name, &model->value, errp);
        if (!info) {
            return false;
        }
        /* No definition sets it; expansions have what follows from features. */
        model->value.values[X86CPU_LEVEL_FUNC7] = UINT32_MAX;
        model->runs_here = runs_here(info);
    }
    return true;
}
