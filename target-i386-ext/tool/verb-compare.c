/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu compare
 *
 * Answers, for people and programs without a QEMU: can a guest that has seen
 * one CPU continue with another?  As query-cpu-model-comparison has it.
 */

#include <stdlib.h>
#include <string.h>
#include "cpu-list.h"
#include "text-table.h"
#include "translate.h"
#include "verbs.h"

/* What guests see of each, as CPUs of its own QEMU */
static void view_all(const Cpus *cpus, X86CpuViews *views)
{
    size_t i;

    for (i = 0; i < cpus->count; i++) {
        const Question *q = &cpus->items[i];

        x86cpu_view_all(q->tables, &q->described, q->context.accel, &views[i]);
    }
}

static json_t *compare(Tool *tool, const json_t *request, Status *status,
                       Problem *problem)
{
    static const char *const results[] = {
        [X86CPU_IDENTICAL] = "identical",
        [X86CPU_SUBSET] = "subset",
        [X86CPU_SUPERSET] = "superset",
        [X86CPU_INCOMPATIBLE] = "incompatible",
    };
    X86CpuComparison *comparison = calloc(1, sizeof(*comparison));
    X86CpuViews *views = calloc(2, sizeof(*views));
    const Question *last;
    json_t *answer = NULL;
    Cpus cpus = { NULL, 0 };

    if (comparison && views &&
        cpus_fill(tool, request, CPUS_TO_COMPARE, &cpus, problem) &&
        cpus_check_unknown(&cpus, problem)) {
        view_all(&cpus, views);
        if (!cpus_translate(&cpus, &last, problem)) {
            goto out;
        }
        x86cpu_compare(last->tables, &cpus.items[0].described,
                       &cpus.items[1].described, last->context.accel,
                       comparison);
        if (cpus.items[0].file != cpus.items[1].file) {
            translate_correct(last->tables, &views[0], &views[1], comparison);
        }
        answer = json_pack("{s:s, s:o, s:o, s:o, s:o}",
            "result", results[comparison->relation],
            "responsible-properties", answer_names(last->file,
                                                   &comparison->responsible),
            "missing-in-a", answer_names(last->file,
                                         &comparison->missing_in_a),
            "missing-in-b", answer_names(last->file,
                                         &comparison->missing_in_b),
            "differs", answer_names(last->file, &comparison->differs));
        cpus_describe(answer, &cpus);
        *status = comparison->relation == X86CPU_IDENTICAL ||
                  comparison->relation == X86CPU_SUBSET ? STATUS_YES
                                                        : STATUS_NO;
    }
out:
    free(comparison);
    free(views);
    free(cpus.items);
    return answer;
}

json_t *answer_compare(Tool *tool, const json_t *request, Status *status,
                       Problem *problem)
{
    bool ok;

    if (cpus_ask_vendor(tool, request, CPUS_TO_COMPARE, &ok, problem)) {
        return answer_by_vendor(tool, request, status, problem, compare);
    }
    return ok ? compare(tool, request, status, problem) : NULL;
}

void print_compare(const json_t *answer, const json_t *request, FILE *out)
{
    static const struct {
        const char *result, *text;
    } texts[] = {
        { "identical", "A and B are identical" },
        { "subset", "a guest with A can continue with B (A is a subset of B)" },
        { "superset", "a guest with A cannot continue with B, but one with B "
          "can continue with A (A is a superset of B)" },
        { "incompatible", "a guest with one cannot continue with the other "
          "(incompatible)" },
    };
    const char *result = json_string_value(json_object_get(answer, "result"));
    size_t i;

    if (!print_begin(answer, request, out, print_compare)) {
        return;
    }
    print_cpus(answer, out);
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!strcmp(texts[i].result, result)) {
            putc('\n', out);
            text_table_print_paragraph(texts[i].text, out);
        }
    }
    print_list_of(answer, "missing-in-a", "only in B", out);
    print_list_of(answer, "missing-in-b", "only in A", out);
    print_list_of(answer, "differs", "with another value", out);
    print_list_of(answer, "responsible-properties",
                  "A with B's values of these is identical to B", out);
}
