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
#include "text-table.h"
#include "verbs.h"
#include "../start-errors.h"

/*
 * Features that all CPUs have, or that guests of all see, at one topology or
 * another; and properties that are 0 in none of them.  Some of those do nothing
 * without others: they count where guests see them.
 */
static bool find_common(const Cpus *cpus, const Question *last,
                        X86CpuNames *names)
{
    uint64_t *common = names->bits;
    X86CpuViews *views = calloc(1, sizeof(*views));
    uint64_t (*seen)[X86CPU_MAX_WORDS] = calloc(X86CPU_TOPOLOGIES,
                                                sizeof(*seen));
    size_t i, j;
    int t;

    if (views && seen) {
        memset(seen, 0xff, X86CPU_TOPOLOGIES * sizeof(*seen));
        memset(common, 0xff, sizeof(names->bits));
        memset(names->properties, true, sizeof(names->properties));
        for (i = 0; i < cpus->count; i++) {
            for (j = 0; j < X86CPU_MAX_WORDS; j++) {
                common[j] &= cpus->items[i].described.words[j];
            }
            x86cpu_view_all(last->tables, &cpus->items[i].described,
                            last->context.accel, views);
            for (j = 0; j < X86CPU_PROPERTY_COUNT; j++) {
                const uint64_t *values =
                    j == X86CPU_LMCE || j == X86CPU_VMWARE_CPUID_FREQ
                    ? views->at[X86CPU_ONE_THREAD].values
                    : cpus->items[i].described.values;

                names->properties[j] &= values[j] != 0;
            }
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

static void and_names(X86CpuNames *all, const X86CpuNames *of)
{
    size_t i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        all->bits[i] &= of->bits[i];
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        all->properties[i] &= of->properties[i];
    }
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
    X86CpuNames omitted[X86CPU_OMISSIONS], hazards, common;
} Fold;

static bool take_step(const Question *last, const X86Cpu *a, const X86Cpu *b,
                      Fold *fold)
{
    int i;

    if (!x86cpu_baseline(last->tables, a, b, last->context.accel,
                         &fold->step)) {
        return false;
    }
    for (i = 0; i < X86CPU_OMISSIONS; i++) {
        add_names(&fold->omitted[i], &fold->step.omitted[i]);
    }
    return true;
}

/*
 * Adds named features that @a and @b have, and that their baseline @step lacks
 * without saying so: guests of one CPU do not see them.
 */
static void find_unseen(const X86CpuTables *tables, const X86Cpu *a,
                        const X86Cpu *b, const X86CpuBaseline *step,
                        uint64_t *unseen)
{
    X86CpuNames listed = step->omitted[0];
    size_t i;
    int j;

    for (j = 1; j < X86CPU_OMISSIONS; j++) {
        add_names(&listed, &step->omitted[j]);
    }
    for (i = 0; i < tables->nfeatures; i++) {
        unsigned word = tables->features[i].word;

        unseen[word] |= a->words[word] & b->words[word] &
                        ~step->cpu.words[word] & ~listed.bits[word] &
                        tables->features[i].mask;
    }
}

/*
 * Makes the lists the same for every order of @cpus.  A step only knows what
 * is left of the CPUs before it: it lists what a later one lacks, and misses a
 * conflict over what is gone.  So each CPU is taken with the first one, too: if
 * two of them differ, one of them differs from that.
 */
static void finish_omitted(const Cpus *cpus, const Question *last, Fold *fold)
{
    const X86CpuNames *conflicts = &fold->omitted[X86CPU_OMITTED_CONFLICT];
    const X86Cpu *first = &cpus->items[0].described;
    uint64_t unseen[X86CPU_MAX_WORDS] = { 0 };
    size_t i;
    int j;

    for (i = 1; i < cpus->count; i++) {
        const X86Cpu *other = &cpus->items[i].described;

        take_step(last, first, other, fold);
        find_unseen(last->tables, first, other, &fold->step, unseen);
    }
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        fold->common.bits[i] &= ~unseen[i];
    }
    for (j = 0; j < X86CPU_OMISSIONS; j++) {
        and_names(&fold->omitted[j], &fold->common);
        /* A conflict hides other reasons. */
        for (i = 0; j != X86CPU_OMITTED_CONFLICT && i < X86CPU_MAX_WORDS;
             i++) {
            fold->omitted[j].bits[i] &= ~(conflicts->bits[i] &
                                          fold->common.bits[i]);
        }
    }
}

/* Puts the baseline of all @cpus in *@fold, of which none is from a host. */
static bool fold_cpus(const Cpus *cpus, const Question *last, Fold *fold,
                      Problem *problem)
{
    size_t i;

    for (i = 0; i < cpus->count; i++) {
        if (!check_startable(&cpus->items[i], problem)) {
            return false;
        }
    }
    if (!find_common(cpus, last, &fold->common)) {
        return false;
    }
    fold->cpu = cpus->items[0].described;
    /* One CPU is that with itself, without what can't migrate. */
    for (i = cpus->count > 1; i < cpus->count; i++) {
        if (!take_step(last, &fold->cpu, &cpus->items[i].described, fold)) {
            problem_set(problem, STATUS_ERROR, X86_ERROR_BASELINE_VENDORS,
                        cpus->items[0].text, fold->cpu.vendor,
                        cpus->items[i].text, cpus->items[i].described.vendor);
            return false;
        }
        fold->cpu = fold->step.cpu;
        add_names(&fold->hazards, &fold->step.hazards);
    }
    if (cpus->count > 2) {
        finish_omitted(cpus, last, fold);
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

    if (fold &&
        cpus_fill(tool, request, CPUS_FOR_BASELINE, &cpus, problem) &&
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
    if (cpus_ask_vendor(tool, request, CPUS_FOR_BASELINE, &ok, problem)) {
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
        fputs(i ? "" : "\nleft out:\n", out);
        text_table_print_from(
            fprintf(out, "    %-30s ",
                    json_string_value(json_object_get(omitted, "feature"))),
            json_string_value(json_object_get(omitted, "reason")), out);
    }
    print_list_of(answer, "hazards",
                  "limitations and hints that guests will no longer see", out);
}
