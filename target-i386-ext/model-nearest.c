/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * query-cpu-model-nearest
 *
 * Answers, for management software that stores CPUs as a named model and what
 * differs from it: which model is that for this CPU, and what differs?  The
 * core decides (core/nearest.h).
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-cpu-introspection-target.h"
#include "target/i386/ext/core/nearest.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/libvirt-names.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/named-models.h"

static bool libvirt_knows(const char *name)
{
    unsigned i;

    if (libvirt_has_element(name)) {
        return true;
    }
    for (i = 0; i < x86_cpu_features_count; i++) {
        if (!strcmp(x86_cpu_features[i].name, name)) {
            return x86_cpu_features[i].libvirt;
        }
    }
    return false;
}

static void add_unknown(strList ***tail, const strList *names)
{
    for (; names; names = names->next) {
        if (!libvirt_knows(names->value)) {
            QAPI_LIST_APPEND(*tail, g_strdup(names->value));
        }
    }
}

static CpuModelNearestInfo *describe(const X86CPUNamedModel *model,
                                     const X86CpuEdit *edit)
{
    CpuModelNearestInfo *info = g_new0(CpuModelNearestInfo, 1);
    g_autoptr(strList) set = x86_cpu_value_names(&edit->set);
    strList **tail = &info->libvirt_unknown;

    info->name = g_strdup(model->name);
    info->machine_type = g_strdup(model->machine_type->name);
    info->add = x86_cpu_value_names(&edit->add);
    info->remove = x86_cpu_value_names(&edit->remove);
    info->set = QOBJECT(x86_cpu_value_named_props(&edit->result, set));
    if (!libvirt_has_model(info->name)) {
        QAPI_LIST_APPEND(tail, g_strdup(info->name));
    }
    add_unknown(&tail, info->add);
    add_unknown(&tail, info->remove);
    add_unknown(&tail, set);
    return info;
}

/* What a user gives to -cpu */
static QDict *props_of(const CpuModelNearestInfo *info)
{
    QDict *props = qdict_clone_shallow(qobject_to(QDict, info->set));
    const strList *el;

    for (el = info->add; el; el = el->next) {
        qdict_put_bool(props, el->value, true);
    }
    for (el = info->remove; el; el = el->next) {
        qdict_put_bool(props, el->value, false);
    }
    return props;
}

/*
 * Puts in *@value what guests of @model have: a bit too of a feature whose
 * other bit is gone, which no property of the static expansion describes.
 */
static bool to_value(CpuModelInfo *model, const char *which, X86Cpu *value,
                     Error **errp)
{
    g_autoptr(CpuModelExpansionInfo) info =
        x86_cpu_model_to_comparable(model, which, value, errp);
    const X86CpuTables *tables = x86_cpu_core_tables();
    const strList *el;

    for (el = info ? info->omitted_properties : NULL; el; el = el->next) {
        const X86CPUFeatureInfo *feature = x86_cpu_find_feature(el->value);

        if (feature) {
            x86cpu_add_partial_feature(
                tables, &tables->features[feature - x86_cpu_features], value);
        }
    }
    return info;
}

/* Whether QEMU makes of the answer what the core expects */
static bool holds(const CpuModelNearestInfo *info, const X86CpuGoal *goal)
{
    g_autoptr(QDict) props = props_of(info);
    g_autofree X86Cpu *cpu = g_new(X86Cpu, 1);
    CpuModelInfo model = {
        .name = info->name,
        .machine_type = info->machine_type,
        .props = QOBJECT(props),
    };

    return to_value(&model, info->name, cpu, NULL) &&
           x86cpu_reaches_goal(x86_cpu_core_tables(), cpu, goal,
                               x86_cpu_core_accelerator());
}

/*
 * The models of machine type @type; with @any, then those of all machine types
 * that have others, the newest first
 */
static GPtrArray *get_models(const X86CPUMachineType *type, bool any,
                             Error **errp)
{
    g_autoptr(GPtrArray) models = x86_cpu_named_models_new();
    g_autoptr(GPtrArray) types = NULL;
    unsigned i;

    if (!x86_cpu_add_named_models(models, type, errp)) {
        return NULL;
    }
    types = any ? x86_cpu_distinct_machine_types() : g_ptr_array_new();
    for (i = 0; i < types->len; i++) {
        const X86CPUMachineType *other = g_ptr_array_index(types, i);

        if (other != type && !x86_cpu_add_named_models(models, other, errp)) {
            return NULL;
        }
    }
    return g_steal_pointer(&models);
}

/* The first answer that holds; models whose answer does not are left out. */
static CpuModelNearestInfo *find_answer(const GPtrArray *named,
                                        const X86CpuGoal *goal)
{
    g_autofree X86CpuCandidate *models = g_new(X86CpuCandidate, named->len);
    g_autofree X86CpuEdit *edit = g_new(X86CpuEdit, 1);
    size_t i;

    for (i = 0; i < named->len; i++) {
        const X86CPUNamedModel *model = g_ptr_array_index(named, i);

        models[i] = (X86CpuCandidate) {
            .name = model->name, .is_alias = model->is_alias,
            .cpu = &model->value,
        };
    }
    while ((i = x86cpu_find_nearest(x86_cpu_core_tables(), models, named->len,
                                    goal, x86_cpu_core_accelerator(),
                                    edit)) < named->len) {
        g_autoptr(CpuModelNearestInfo) info =
            describe(g_ptr_array_index(named, i), edit);

        if (holds(info, goal)) {
            return g_steal_pointer(&info);
        }
        models[i].cpu = NULL;
    }
    return NULL;
}

CpuModelNearestInfo *qmp_query_cpu_model_nearest(CpuModelX86 *model,
                                                 bool has_any, bool any,
                                                 Error **errp)
{
    ERRP_GUARD();
    g_autofree X86Cpu *cpu = g_new(X86Cpu, 1);
    g_autofree X86CpuGoal *goal = g_new(X86CpuGoal, 1);
    g_autoptr(GPtrArray) models = NULL;
    CpuModelNearestInfo *info;
    CpuModelInfo input = { .name = model->name, .props = model->props };
    const X86CPUMachineType *type =
        x86_cpu_machine_type_or_default(model->machine_type, errp);

    if (!type) {
        error_prepend(errp, "model: ");
        return NULL;
    }
    input.machine_type = (char *)type->name;
    if (!to_value(&input, "model", cpu, errp)) {
        return NULL;
    }
    if (!*cpu->vendor) {
        error_setg(errp, "model: a named CPU model has a vendor, and this one "
                   "has none: set the property vendor");
        return NULL;
    }
    models = get_models(type, any, errp);
    if (!models) {
        return NULL;
    }
    x86cpu_set_goal(x86_cpu_core_tables(), cpu, x86_cpu_core_accelerator(),
                    goal);
    info = find_answer(models, goal);
    if (!info) {
        error_setg(errp, "model: no named CPU model becomes this one by "
                   "setting features and properties");
    }
    return info;
}
