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
#include "target/i386/ext/libvirt-elements.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/named-models.h"

/* A model, and what to change */
typedef struct Solution {
    const X86CPUNamedModel *model;
    X86CpuEdit edit;
} Solution;

/* "EPYC-v2" is 2; aliases come after all versions. */
static uint64_t version_of(const X86CPUNamedModel *model)
{
    const char *dash = strrchr(model->name, '-');

    return model->is_alias || !dash || dash[1] != 'v'
           ? UINT64_MAX : g_ascii_strtoull(dash + 2, NULL, 10);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_signatures(const X86Cpu *a, const X86Cpu *b)
{
    return compare_numbers(a->values[X86CPU_FAMILY],
                           b->values[X86CPU_FAMILY]) ?:
           compare_numbers(a->values[X86CPU_MODEL], b->values[X86CPU_MODEL]) ?:
           compare_numbers(a->values[X86CPU_STEPPING],
                           b->values[X86CPU_STEPPING]);
}

/* Less than 0 if @a is the better answer for @cpu */
static int compare_solutions(const Solution *a, const Solution *b,
                             const X86Cpu *cpu)
{
    const X86Cpu *ca = &a->model->value, *cb = &b->model->value;

    return compare_numbers(a->edit.count, b->edit.count) ?:
           !!compare_signatures(ca, cpu) - !!compare_signatures(cb, cpu) ?:
           compare_signatures(ca, cb) ?:
           compare_numbers(version_of(a->model), version_of(b->model)) ?:
           strcmp(a->model->name, b->model->name);
}

/* The best answer from @models, which come in order; NULL if there is none */
static Solution *find_solution(const GPtrArray *models, const X86Cpu *cpu,
                               const X86CpuGoal *goal)
{
    g_autofree Solution *best = NULL, *next = g_new(Solution, 1);
    unsigned i;

    for (i = 0; i < models->len; i++) {
        next->model = g_ptr_array_index(models, i);
        if (x86cpu_find_edit(x86_cpu_core_tables(), &next->model->value, goal,
                             x86_cpu_core_accelerator(),
                             best ? best->edit.count : UINT_MAX,
                             &next->edit) &&
            (!best || compare_solutions(next, best, cpu) < 0)) {
            Solution *last = best;

            best = g_steal_pointer(&next);
            next = last ?: g_new(Solution, 1);
        }
    }
    return g_steal_pointer(&best);
}

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

static CpuModelNearestInfo *describe(const Solution *solution)
{
    const X86CpuEdit *edit = &solution->edit;
    CpuModelNearestInfo *info = g_new0(CpuModelNearestInfo, 1);
    g_autoptr(strList) set = x86_cpu_value_names(&edit->set);
    strList **tail = &info->libvirt_unknown;

    info->name = g_strdup(solution->model->name);
    info->machine_type = g_strdup(solution->model->machine_type->name);
    info->add = x86_cpu_value_names(&edit->add);
    info->remove = x86_cpu_value_names(&edit->remove);
    info->set = QOBJECT(x86_cpu_value_named_props(&edit->result, set));
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
    g_autoptr(CpuModelExpansionInfo) expansion =
        x86_cpu_model_to_value(&model, info->name, cpu, NULL);

    return expansion &&
           x86cpu_reaches_goal(x86_cpu_core_tables(), cpu, &goal->views,
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

CpuModelNearestInfo *qmp_query_cpu_model_nearest(CpuModelX86 *model,
                                                 bool has_any, bool any,
                                                 Error **errp)
{
    ERRP_GUARD();
    g_autofree X86Cpu *cpu = g_new(X86Cpu, 1);
    g_autofree X86CpuGoal *goal = g_new(X86CpuGoal, 1);
    g_autoptr(GPtrArray) models = NULL;
    CpuModelInfo input = { .name = model->name, .props = model->props };
    const X86CPUMachineType *type =
        x86_cpu_machine_type_or_default(model->machine_type, errp);

    if (!type) {
        error_prepend(errp, "model: ");
        return NULL;
    }
    input.machine_type = (char *)type->name;
    if (!x86_cpu_model_to_comparable(&input, "model", cpu, errp)) {
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
    while (true) {
        g_autofree Solution *solution = find_solution(models, cpu, goal);
        g_autoptr(CpuModelNearestInfo) info = NULL;

        if (!solution) {
            error_setg(errp, "model: no named CPU model becomes this one by "
                       "setting features and properties");
            return NULL;
        }
        info = describe(solution);
        if (holds(info, goal)) {
            return g_steal_pointer(&info);
        }
        g_ptr_array_remove(models, (gpointer)solution->model);
    }
}
