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
#include "target/i386/ext/model-expansion.h"
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

/*
 * The static expansion lacks features that depend on one that is off, such as
 * those of vmx, which KVM turns off in all models.  They turn up with it.
 */
static bool add_hidden_features(X86Cpu *value, const CpuModelInfo *model,
                                const char *type, Error **errp)
{
    Object *obj;

    if (!x86_cpu_begin_evaluation(model, errp)) {
        return false;
    }
    obj = object_new(type);
    x86_cpu_value_add_features(value, X86_CPU(obj));
    object_unref(obj);
    x86_cpu_end_evaluation();
    return true;
}

static bool evaluate(X86CPUNamedModel *model, const char *type, Error **errp)
{
    CpuModelInfo input = {
        .name = model->name,
        .machine_type = (char *)model->machine_type->name,
    };
    g_autoptr(CpuModelExpansionInfo) info =
        x86_cpu_model_to_value(&input, model->name, &model->value, errp);

    if (!info || !add_hidden_features(&model->value, &input, type, errp)) {
        return false;
    }
    /* No definition sets it; expansions have what follows from features. */
    model->value.values[X86CPU_LEVEL_FUNC7] = UINT32_MAX;
    model->runs_here = runs_here(info);
    return true;
}

/* Whether a model of those from @first on has a version, and the same CPU */
static bool is_version(const GPtrArray *models, unsigned first,
                       const X86CPUNamedModel *alias)
{
    unsigned i;

    for (i = first; i < models->len; i++) {
        const X86CPUNamedModel *model = g_ptr_array_index(models, i);

        if (!model->is_alias &&
            !memcmp(&model->value, &alias->value, sizeof(X86Cpu))) {
            return true;
        }
    }
    return false;
}

bool x86_cpu_add_named_models(GPtrArray *models, const MachineClass *mc,
                              Error **errp)
{
    g_autoptr(GSList) classes = object_class_get_list(TYPE_X86_CPU, false);
    unsigned first = models->len, i;
    const GSList *el;

    for (el = classes; el; el = el->next) {
        const X86CPUModel *definition = X86_CPU_CLASS(el->data)->model;
        const char *type = object_class_get_name(el->data);
        X86CPUNamedModel *model;

        if (!definition) {
            continue;
        }
        model = g_new0(X86CPUNamedModel, 1);
        g_ptr_array_add(models, model);
        model->name = cpu_model_from_type(type);
        model->is_alias = x86_cpu_access_is_alias(definition);
        model->machine_type = mc;
        if (!evaluate(model, type, errp)) {
            return false;
        }
    }
    for (i = models->len; i-- > first;) {
        const X86CPUNamedModel *model = g_ptr_array_index(models, i);

        if (model->is_alias && is_version(models, first, model)) {
            g_ptr_array_remove_index_fast(models, i);
        }
    }
    return true;
}
