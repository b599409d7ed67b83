/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Named CPU models on hosts
 *
 * Source: target-i386-ext/model-best.c, which does this in QEMU.
 */

#include <stdlib.h>
#include <string.h>
#include "answer.h"
#include "baseline.h"
#include "best-models.h"
#include "host-components.h"
#include "named-models.h"

bool model_runs(const ModelsFile *file, const X86Cpu *requested,
                const HostVector *vector)
{
    const X86CpuTables *tables = models_file_tables(file);
    X86CpuFiltered filtered;
    X86Cpu cpu;

    x86cpu_describe(tables, requested, X86CPU_ON_KVM, &vector->values, &cpu);
    x86cpu_filter(tables, &cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD,
                  &vector->offer, &filtered);
    return x86cpu_starts(&filtered) &&
           x86cpu_missing_cache(&cpu) == X86CPU_CACHES &&
           !host_components_are_missing(tables, requested, &vector->offer,
                                        &filtered);
}

/* ---- best ---- */

typedef struct Entry {
    const char *name;
    json_t *beyond;
} Entry;

/* Those that use most of the host come first. */
static int compare_entries(const void *a, const void *b)
{
    const Entry *ea = a, *eb = b;
    size_t na = json_array_size(ea->beyond), nb = json_array_size(eb->beyond);

    return na != nb ? (na < nb ? -1 : 1) : strcmp(ea->name, eb->name);
}

/* What all hosts have, and guests of @cpu don't */
static void find_beyond(const X86CpuTables *tables, const X86Cpu *cpu,
                        const HostVector *const *hosts, size_t count,
                        X86CpuNames *beyond)
{
    X86CpuComparison comparison;
    X86Cpu model = *cpu;
    size_t h;
    unsigned i;

    for (h = 0; h < count; h++) {
        /* It takes the vendor of each. */
        memcpy(model.vendor, hosts[h]->cpu.vendor, sizeof(model.vendor));
        x86cpu_compare(tables, &model, &hosts[h]->cpu, X86CPU_ON_KVM,
                       &comparison);
        if (!h) {
            *beyond = comparison.missing_in_a;
        }
        for (i = 0; i < X86CPU_MAX_WORDS; i++) {
            beyond->bits[i] &= comparison.missing_in_a.bits[i];
        }
        for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
            beyond->properties[i] &= comparison.missing_in_a.properties[i];
        }
    }
}

static bool runs_on_all(const HostSetOptions *options, size_t model,
                        const HostVector *const *hosts, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        const char *vendor = hosts[i]->cpu.vendor;
        X86Cpu requested;

        models_file_requested(options->file, model, options->layer,
                              X86CPU_ON_KVM, options->machine.irqchip,
                              *vendor ? vendor : NULL, &requested);
        if (!model_runs(options->file, &requested, hosts[i])) {
            return false;
        }
    }
    return true;
}

static void remove_those_that_do_not_run(const HostSetOptions *options,
                                         NamedModels *named,
                                         const HostVector *const *hosts,
                                         size_t count)
{
    size_t i, kept = 0;

    for (i = 0; i < named->count; i++) {
        if (runs_on_all(options, named->models[i].model, hosts, count)) {
            named->models[kept++] = named->models[i];
        }
    }
    named->count = kept;
}

static json_t *list_of(Entry *entries, size_t count, const char *machine)
{
    json_t *list = json_array();
    size_t i;

    qsort(entries, count, sizeof(entries[0]), compare_entries);
    for (i = 0; i < count; i++) {
        json_array_append_new(list, json_pack(
            "{s:s, s:s, s:O}", "name", entries[i].name, "machine-type",
            machine, "beyond", entries[i].beyond));
    }
    return list;
}

static json_t *describe_maximal(const HostSetOptions *options,
                                const char *machine, const NamedModels *named,
                                const HostVector *const *hosts, size_t count)
{
    const X86CpuTables *tables = models_file_tables(options->file);
    X86CpuViews *views = calloc(named->count + 1, sizeof(*views));
    bool *maximal = calloc(named->count + 1, sizeof(*maximal));
    Entry *entries = calloc(named->count + 1, sizeof(*entries));
    json_t *list = NULL;
    size_t i, n = 0;

    if (views && maximal && entries) {
        for (i = 0; i < named->count; i++) {
            x86cpu_view_all(tables, &named->models[i].value, X86CPU_ON_KVM,
                            &views[i]);
        }
        x86cpu_find_maximal(tables, views, named->count, maximal);
        for (i = 0; i < named->count; i++) {
            if (maximal[i]) {
                X86CpuNames beyond;

                find_beyond(tables, &named->models[i].value, hosts, count,
                            &beyond);
                entries[n].name = named->models[i].name;
                entries[n++].beyond = answer_names(options->file, &beyond);
            }
        }
        list = list_of(entries, n, machine);
    }
    for (i = 0; i < n; i++) {
        json_decref(entries[i].beyond);
    }
    free(views);
    free(maximal);
    free(entries);
    return list;
}

json_t *best_models(const HostSetOptions *options, const char *machine,
                    const HostVector *const *hosts, size_t count)
{
    const char *vendor = hosts[0]->cpu.vendor;
    const CpuContext context = {
        .file = options->file, .layer = options->layer,
        .accel = X86CPU_ON_KVM, .irqchip = options->machine.irqchip,
        .host_vendor = *vendor ? vendor : NULL,
    };
    NamedModels named = { 0 };
    json_t *list;

    if (!named_models_add(&context, &hosts[0]->values, &named)) {
        return NULL;
    }
    remove_those_that_do_not_run(options, &named, hosts, count);
    list = describe_maximal(options, machine, &named, hosts, count);
    named_models_free(&named);
    return list;
}
