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
#include "system/kvm.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-value.h"
#include "target/i386/ext/machine-cpu-defaults.h"

/* A model that runs here */
typedef struct Candidate {
    char *name;
    X86Cpu value;
} Candidate;

static void free_candidate(gpointer p)
{
    Candidate *candidate = p;

    g_free(candidate->name);
    g_free(candidate);
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

/* The value of CPU model @name on machine type @mc, and its expansion */
static CpuModelExpansionInfo *expand(const char *name, const MachineClass *mc,
                                     X86Cpu *value, Error **errp)
{
    CpuModelInfo model = {
        .name = (char *)name,
        .machine_type = (char *)mc->name,
    };

    return x86_cpu_model_to_value(&model, name, value, errp);
}

/* The models that run here, but for aliases, which are one of these */
static GPtrArray *find_candidates(const MachineClass *mc, Error **errp)
{
    g_autoptr(GSList) classes = object_class_get_list(TYPE_X86_CPU, false);
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(
        free_candidate);
    const GSList *el;

    for (el = classes; el; el = el->next) {
        const X86CPUModel *model = X86_CPU_CLASS(el->data)->model;
        g_autofree char *name =
            cpu_model_from_type(object_class_get_name(el->data));
        g_autoptr(CpuModelExpansionInfo) info = NULL;
        X86Cpu value;

        if (!model || x86_cpu_access_is_alias(model)) {
            continue;
        }
        info = expand(name, mc, &value, errp);
        if (!info) {
            return NULL;
        }
        if (runs_here(info)) {
            Candidate *candidate = g_new(Candidate, 1);

            *candidate = (Candidate) { g_steal_pointer(&name), value };
            g_ptr_array_add(found, candidate);
        }
    }
    return g_steal_pointer(&found);
}

/* The features of @host that guests of @candidate lack */
static strList *beyond(const Candidate *candidate, const X86Cpu *host)
{
    g_autofree X86CpuComparison *comparison = g_new(X86CpuComparison, 1);

    x86cpu_compare(x86_cpu_core_tables(), &candidate->value, host,
                   x86_cpu_core_accelerator(), comparison);
    return x86_cpu_value_names(&comparison->missing_in_a);
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
    const X86CpuTables *tables = x86_cpu_core_tables();
    const MachineClass *mc = machine_type
        ? x86_cpu_find_machine_type(machine_type, errp)
        : x86_cpu_default_machine_type(errp);
    g_autoptr(GPtrArray) candidates = NULL, entries = g_ptr_array_new();
    g_autoptr(CpuModelExpansionInfo) host_info = NULL;
    g_autofree X86Cpu *host = g_new(X86Cpu, 1);
    g_autofree X86CpuViews *views = NULL;
    g_autofree bool *maximal = NULL;
    unsigned i;

    if (!mc) {
        return NULL;
    }
    host_info = expand(kvm_enabled() ? "host" : "max", mc, host, errp);
    candidates = host_info ? find_candidates(mc, errp) : NULL;
    if (!candidates) {
        return NULL;
    }
    views = g_new(X86CpuViews, candidates->len);
    maximal = g_new(bool, candidates->len);
    for (i = 0; i < candidates->len; i++) {
        const Candidate *candidate = g_ptr_array_index(candidates, i);

        x86cpu_view_all(tables, &candidate->value,
                        x86_cpu_core_accelerator(), &views[i]);
    }
    x86cpu_find_maximal(tables, views, candidates->len, maximal);
    for (i = 0; i < candidates->len; i++) {
        const Candidate *candidate = g_ptr_array_index(candidates, i);
        CpuModelBestInfo *info;

        if (!maximal[i]) {
            continue;
        }
        info = g_new0(CpuModelBestInfo, 1);
        info->name = g_strdup(candidate->name);
        info->machine_type = g_strdup(mc->name);
        info->beyond = beyond(candidate, host);
        g_ptr_array_add(entries, info);
    }
    return sorted_list(entries);
}
