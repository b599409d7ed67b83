/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The named CPU models, as values of the core
 *
 * Answers, for query-cpu-model-best and -nearest: what is each named CPU model
 * on a machine type?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/core/expand.h"
#include "target/i386/ext/cpu-description.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/named-models.h"
#include "target/i386/ext/requested-value.h"

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

/*
 * Puts in @model->value what a static expansion says, and the features that it
 * lacks because they depend on one that is off, such as those of vmx, which KVM
 * turns off in all models: they turn up with it.
 *
 * Hundreds of models are evaluated, so without the QDict of an expansion.  Call
 * between x86_cpu_use_defaults_of() and x86_cpu_end_evaluation().
 */
static bool evaluate(X86CPUNamedModel *model, ObjectClass *oc, Error **errp)
{
    ERRP_GUARD();
    Object *obj = object_new_with_class(oc);
    X86Cpu *value = &model->value;
    int i;

    x86_cpu_requested_value(X86_CPU(obj), value);
    x86cpu_describe(x86_cpu_core_tables(), value, x86_cpu_core_accelerator(),
                    NULL, value);
    x86_cpu_describe_physical_bits(X86_CPU(obj), value);
    x86_cpu_value_add_features(value, X86_CPU(obj));
    object_unref(obj);
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        value->given[i] = x86_cpu_value_describes(value, i);
    }
    /* No definition sets it; expansions have what follows from features. */
    value->values[X86CPU_LEVEL_FUNC7] = UINT32_MAX;
    if (!x86_cpu_check_evaluation(errp)) {
        error_prepend(errp, "%s: ", model->name);
        return false;
    }
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

static bool evaluate_all(GPtrArray *models, const X86CPUMachineType *type,
                         Error **errp)
{
    g_autoptr(GSList) classes = object_class_get_list(TYPE_X86_CPU, false);
    const GSList *el;

    for (el = classes; el; el = el->next) {
        const X86CPUModel *definition = X86_CPU_CLASS(el->data)->model;
        X86CPUNamedModel *model;

        if (!definition) {
            continue;
        }
        model = g_new0(X86CPUNamedModel, 1);
        g_ptr_array_add(models, model);
        model->name = cpu_model_from_type(object_class_get_name(el->data));
        model->is_alias = x86_cpu_access_is_alias(definition);
        model->machine_type = type;
        if (!evaluate(model, el->data, errp)) {
            return false;
        }
    }
    return true;
}

bool x86_cpu_add_named_models(GPtrArray *models, const X86CPUMachineType *type,
                              Error **errp)
{
    CpuModelInfo defaults = { .machine_type = (char *)type->name };
    unsigned first = models->len, i;
    bool ok;

    if (!x86_cpu_use_defaults_of(&defaults, errp)) {
        return false;
    }
    ok = evaluate_all(models, type, errp);
    x86_cpu_end_evaluation();
    if (!ok) {
        return false;
    }
    for (i = models->len; i-- > first;) {
        const X86CPUNamedModel *model = g_ptr_array_index(models, i);

        if (model->is_alias && is_version(models, first, model)) {
            g_ptr_array_remove_index_fast(models, i);
        }
    }
    return true;
}
