/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu baseline
 *
 * Answers, for people and programs without a QEMU: which CPU can replace all of
 * these, and what of theirs does it lack?  As query-cpu-model-baseline has it.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "baseline.h"
#include "cpu-list.h"
#include "omitted-properties.h"
#include "verbs.h"
#include "../start-errors.h"

/*
 * Features that all CPUs have, or that guests of all see, at one topology or
 * another
 */
static bool find_common(const Cpus *cpus, const Question *last,
                        uint64_t *common)
{
    X86CpuViews *views = calloc(1, sizeof(*views));
    uint64_t (*seen)[X86CPU_MAX_WORDS] = calloc(X86CPU_TOPOLOGIES,
                                                sizeof(*seen));
    size_t i, j;
    int t;

    if (views && seen) {
        memset(seen, 0xff, X86CPU_TOPOLOGIES * sizeof(*seen));
        memset(common, 0xff, X86CPU_MAX_WORDS * sizeof(*common));
        for (i = 0; i < cpus->count; i++) {
            for (j = 0; j < X86CPU_MAX_WORDS; j++) {
                common[j] &= cpus->items[i].described.words[j];
            }
            x86cpu_view_all(last->tables, &cpus->items[i].described,
                            last->context.accel, views);
            for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
                for (j = 0; j < X86CPU_MAX_WORDS; j++) {
                    seen[t][j] &= views->at[t].words[j];
                }
            }
        }
        for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
            for (j = 0; j < X86CPU_MAX_WORDS; j++) {
                common[j] |= seen[t][j];
            }
        }
    }
    free(views);
    free(seen);
    return views && seen;
}

/* What a step leaves out, as far as all CPUs have it */
static void add_omitted(const uint64_t *common, const X86CpuNames *step,
                        X86CpuNames *all)
{
    size_t i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        all->bits[i] |= step->bits[i] & common[i];
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        all->properties[i] |= step->properties[i];
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        all->caches[i] |= step->caches[i];
    }
    all->vendor |= step->vendor;
    all->model_id |= step->model_id;
    all->hv_vendor_id |= step->hv_vendor_id;
}

static void add_names(X86CpuNames *all, const X86CpuNames *step)
{
    size_t i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        all->bits[i] |= step->bits[i];
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        all->properties[i] |= step->properties[i];
    }
}

/* As check_phys_bits() in model-baseline.c */
static bool check_phys_bits(const Question *q, Problem *problem)
{
    uint64_t bits = q->described.values[X86CPU_PHYS_BITS];
    uint64_t guest_bits = q->described.values[X86CPU_GUEST_PHYS_BITS];

    switch (x86cpu_phys_bits_error(&q->described)) {
    case X86CPU_ERROR_PHYS_BITS:
        return problem_set(problem, STATUS_ERROR, "%.64s: "
                           X86_ERROR_BASELINE_PHYS_BITS, q->text, bits);
    case X86CPU_ERROR_GUEST_PHYS_BITS:
        return problem_set(problem, STATUS_ERROR, "%.64s: "
                           X86_ERROR_BASELINE_GUEST_PHYS_BITS, q->text, bits,
                           guest_bits);
    case X86CPU_ERROR_PHYS_BITS_WITHOUT_LM:
        return problem_set(problem, STATUS_ERROR, "%.64s: "
                           X86_ERROR_PHYS_BITS_32, q->text);
    case X86CPU_ERROR_GUEST_PHYS_BITS_WITHOUT_LM:
        return problem_set(problem, STATUS_ERROR, "%.64s: "
                           X86_ERROR_GUEST_PHYS_BITS_32, q->text);
    default:
        return true;
    }
}

/* As check_startable() in model-baseline.c */
static bool check_startable(const Question *q, Problem *problem)
{
    const X86Cpu *cpu = &q->described;
    int missing = x86cpu_missing_cache(cpu);

    if (missing != X86CPU_CACHES) {
        return problem_set(problem, STATUS_ERROR, "%.64s: "
                           X86_ERROR_BASELINE_MISSING_CACHE, q->text,
                           models_file_cache_names[missing]);
    }
    if (cpu->values[X86CPU_X_VENDOR_CPUID_ONLY_V2] &&
        !cpu->values[X86CPU_X_VENDOR_CPUID_ONLY]) {
        return problem_set(problem, STATUS_ERROR, "%.64s: "
                           X86_ERROR_BASELINE_VENDOR_ONLY_V2, q->text);
    }
    return check_phys_bits(q, problem);
}

typedef struct Fold {
    X86CpuBaseline step;
    X86Cpu cpu;
    X86CpuNames omitted[X86CPU_OMISSIONS], hazards;
    uint64_t common[X86CPU_MAX_WORDS];
} Fold;

/* Puts the baseline of all @cpus in *@fold, of which none is from a host. */
static bool fold_cpus(const Cpus *cpus, const Question *last, Fold *fold,
                      Problem *problem)
{
    size_t i;
    int j;

    for (i = 0; i < cpus->count; i++) {
        if (!check_startable(&cpus->items[i], problem)) {
            return false;
        }
    }
    if (!find_common(cpus, last, fold->common)) {
        return false;
    }
    fold->cpu = cpus->items[0].described;
    /* One CPU is that with itself, without what can't migrate. */
    for (i = cpus->count > 1; i < cpus->count; i++) {
        if (!x86cpu_baseline(last->tables, &fold->cpu,
                             &cpus->items[i].described, last->context.accel,
                             &fold->step)) {
            problem_set(problem, STATUS_ERROR, X86_ERROR_BASELINE_VENDORS,
                        cpus->items[0].text, fold->cpu.vendor,
                        cpus->items[i].text, cpus->items[i].described.vendor);
            return false;
        }
        fold->cpu = fold->step.cpu;
        for (j = 0; j < X86CPU_OMISSIONS; j++) {
            add_omitted(fold->common, &fold->step.omitted[j],
                        &fold->omitted[j]);
        }
        add_names(&fold->hazards, &fold->step.hazards);
    }
    return true;
}

/* What no description can have, of each CPU, once */
static void add_host_only(json_t *list, const Cpus *cpus)
{
    json_t *done = json_object();
    size_t i, j;

    for (i = 0; i < cpus->count; i++) {
        json_t *names = omitted_properties(&cpus->items[i]);

        for (j = 0; j < json_array_size(names); j++) {
            json_t *name = json_array_get(names, j);

            if (!json_object_get(done, json_string_value(name))) {
                json_array_append_new(list, json_pack("{s:O, s:s}", "feature",
                    name, "reason", "host-only"));
                json_object_set_new(done, json_string_value(name),
                                    json_true());
            }
        }
        json_decref(names);
    }
    json_decref(done);
}

static json_t *omitted_features(const ModelsFile *file, const Cpus *cpus,
                                const Fold *fold)
{
    static const char *const reasons[X86CPU_OMISSIONS] = {
        [X86CPU_OMITTED_DEPENDENCY] = "dependency",
        [X86CPU_OMITTED_UNMIGRATABLE] = "unmigratable",
        [X86CPU_OMITTED_CONFLICT] = "conflict",
    };
    json_t *list = json_array();
    size_t j;
    int i;

    for (i = 0; i < X86CPU_OMISSIONS; i++) {
        json_t *names = answer_names(file, &fold->omitted[i]);

        for (j = 0; j < json_array_size(names); j++) {
            json_array_append_new(list, json_pack("{s:O, s:s}",
                "feature", json_array_get(names, j), "reason", reasons[i]));
        }
        json_decref(names);
    }
    add_host_only(list, cpus);
    return list;
}

static json_t *baseline(Tool *tool, const json_t *request, Status *status,
                        Problem *problem)
{
    Fold *fold = calloc(1, sizeof(*fold));
    json_t *answer = NULL, *props, *unknown;
    const Question *last;
    Cpus cpus = { NULL, 0 };

    if (fold && cpus_fill(tool, request, 1, SIZE_MAX, &cpus, problem) &&
        cpus_check_unknown(&cpus, problem) &&
        cpus_translate(&cpus, &last, problem) &&
        fold_cpus(&cpus, last, fold, problem)) {
        props = answer_props(last->file, &fold->cpu);
        /* All of them have that: see cpus_check_unknown(). */
        unknown = question_unknown_bits(&cpus.items[0]);
        answer_drop_unknown(props, unknown);
        *status = answer_unknown_status(unknown);
        answer = json_pack("{s:{s:s, s:o}, s:o, s:o}", "model",
            "name", "base", "props", props,
            "omitted-features", omitted_features(last->file, &cpus, fold),
            "hazards", answer_names(last->file, &fold->hazards));
        cpus_describe(answer, &cpus);
        answer_set_list(answer, "unknown", unknown);
    }
    free(fold);
    free(cpus.items);
    return answer;
}

json_t *answer_baseline(Tool *tool, const json_t *request, Status *status,
                        Problem *problem)
{
    bool ok;

    if (json_object_get(request, "hosts")) {
        return answer_baseline_hosts(tool, request, status, problem);
    }
    if (cpus_ask_vendor(tool, request, 1, SIZE_MAX, &ok, problem)) {
        return answer_by_vendor(tool, request, status, problem, baseline);
    }
    return ok ? baseline(tool, request, status, problem) : NULL;
}

void print_baseline(const json_t *answer, const json_t *request, FILE *out)
{
    const json_t *model = json_object_get(answer, "model"), *omitted;
    char *text;
    size_t i;

    if (json_object_get(request, "hosts")) {
        print_baseline_hosts(answer, request, out);
        return;
    }
    if (!print_begin(answer, request, out, print_baseline)) {
        return;
    }
    text = answer_cpu_text("base", json_object_get(model, "props"));
    if (text) {
        fprintf(out, "%s%s\n", json_object_get(answer, "unknown") ? "\n" : "",
                text);
    }
    free(text);
    json_array_foreach(json_object_get(answer, "omitted-features"), i,
                       omitted) {
        fprintf(out, "%s    %-30s %s\n", i ? "" : "\nleft out:\n",
                json_string_value(json_object_get(omitted, "feature")),
                json_string_value(json_object_get(omitted, "reason")));
    }
    print_list_of(answer, "hazards", "guests may miss", out);
}
