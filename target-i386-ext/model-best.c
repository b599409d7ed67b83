/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * query-cpu-model-best
 *
 * Answers, for management software and its users: which named CPU models get
 * the most out of this host, and what does each leave unused?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-cpu-introspection-target.h"
#include "qapi/util.h"
#include "system/kvm.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/named-models.h"

/* The value of this host's CPU on machine type @type */
static bool get_host(const X86CPUMachineType *type, X86Cpu *host, Error **errp)
{
    const char *name = kvm_enabled() ? "host" : "max";
    g_autoptr(CpuModelExpansionInfo) info = x86_cpu_model_to_value(
        &(CpuModelInfo) {
            .name = (char *)name,
            .machine_type = (char *)type->name,
        }, name, host, errp);

    return info;
}

/*
 * Whether QEMU starts with @model here: no entry of its removed-features is
 * blocking, and it has no error
 */
static bool runs_here(const X86CPUNamedModel *model, bool *runs, Error **errp)
{
    g_autofree X86Cpu *value = g_new(X86Cpu, 1);
    g_autoptr(CpuModelExpansionInfo) info = x86_cpu_model_to_value(
        &(CpuModelInfo) {
            .name = model->name,
            .machine_type = (char *)model->machine_type->name,
        }, model->name, value, errp);
    const CpuRemovedFeatureList *el;

    if (!info) {
        return false;
    }
    *runs = !info->errors;
    for (el = info->removed_features; el; el = el->next) {
        *runs &= !el->value->blocking;
    }
    return true;
}

static bool remove_those_that_do_not_run(GPtrArray *models, Error **errp)
{
    unsigned i;

    for (i = models->len; i-- > 0;) {
        bool runs;

        if (!runs_here(g_ptr_array_index(models, i), &runs, errp)) {
            return false;
        }
        if (!runs) {
            g_ptr_array_remove_index_fast(models, i);
        }
    }
    return true;
}

/* Which of @models is not a proper subset of another one */
static bool *find_maximal(const GPtrArray *models)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    g_autofree X86CpuViews *views = g_new(X86CpuViews, models->len);
    bool *maximal = g_new(bool, models->len);
    unsigned i;

    for (i = 0; i < models->len; i++) {
        const X86CPUNamedModel *model = g_ptr_array_index(models, i);

        x86cpu_view_all(tables, &model->value, x86_cpu_core_accelerator(),
                        &views[i]);
    }
    x86cpu_find_maximal(tables, views, models->len, maximal);
    return maximal;
}

static CpuModelBestInfo *describe(const X86CPUNamedModel *model,
                                  const X86Cpu *host)
{
    g_autofree X86CpuComparison *comparison = g_new(X86CpuComparison, 1);
    CpuModelBestInfo *info = g_new0(CpuModelBestInfo, 1);

    x86cpu_compare(x86_cpu_core_tables(), &model->value, host,
                   x86_cpu_core_accelerator(), comparison);
    info->name = g_strdup(model->name);
    info->machine_type = g_strdup(model->machine_type->name);
    info->beyond = x86_cpu_value_names(&comparison->missing_in_a);
    return info;
}

/* Those that use most of the host come first. */
static int compare_entries(const void *a, const void *b)
{
    const CpuModelBestInfo *ia = *(CpuModelBestInfo *const *)a;
    const CpuModelBestInfo *ib = *(CpuModelBestInfo *const *)b;
    size_t na = QAPI_LIST_LENGTH(ia->beyond);
    size_t nb = QAPI_LIST_LENGTH(ib->beyond);

    return na != nb ? (na < nb ? -1 : 1) : strcmp(ia->name, ib->name);
}

static CpuModelBestInfoList *sorted_list(GPtrArray *entries)
{
    CpuModelBestInfoList *list = NULL, **tail = &list;
    unsigned i;

    g_ptr_array_sort(entries, compare_entries);
    for (i = 0; i < entries->len; i++) {
        QAPI_LIST_APPEND(tail, g_ptr_array_index(entries, i));
    }
    return list;
}

CpuModelBestInfoList *qmp_query_cpu_model_best(const char *machine_type,
                                               Error **errp)
{
    const X86CPUMachineType *type =
        x86_cpu_machine_type_or_default(machine_type, errp);
    g_autoptr(GPtrArray) models = x86_cpu_named_models_new();
    g_autoptr(GPtrArray) entries = g_ptr_array_new();
    g_autofree X86Cpu *host = g_new(X86Cpu, 1);
    g_autofree bool *maximal = NULL;
    unsigned i;

    if (!type || !get_host(type, host, errp) ||
        !x86_cpu_add_named_models(models, type, errp) ||
        !remove_those_that_do_not_run(models, errp)) {
        return NULL;
    }
    maximal = find_maximal(models);
    for (i = 0; i < models->len; i++) {
        if (maximal[i]) {
            g_ptr_array_add(entries, describe(g_ptr_array_index(models, i),
                                              host));
        }
    }
    return sorted_list(entries);
}
