/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPUs of a request
 */

#include <stdlib.h>
#include <string.h>
#include "cpu-list.h"
#include "text-table.h"
#include "translate.h"
#include "verbs.h"

#define LM (1u << 29)           /* CPUID[0x80000001].EDX */

static bool check_passthrough(const Question *q, Problem *problem)
{
    return !q->request.cpu.values[X86CPU_HV_PASSTHROUGH] ||
           problem_set(problem, STATUS_UNKNOWN, "%.64s: hv-passthrough turns "
                       "on what the host has; set the hv-* properties that "
                       "you want instead", q->text);
}

static void turn_automatic_off(Question *q)
{
    uint64_t *coresharing =
        &q->described.values[X86CPU_HV_NO_NONARCH_CORESHARING];

    /* What is automatic can't migrate, and so counts as off. */
    if (*coresharing == CPU_TEXT_AUTO) {
        *coresharing = false;
    }
}

bool cpus_make_comparable(Question *q, Problem *problem)
{
    turn_automatic_off(q);
    return check_passthrough(q, problem);
}

/* TCG has nothing that hv-passthrough turns on.  What KVM has plays a part. */
static bool is_passthrough_void(const Question *q)
{
    return q->context.accel == X86CPU_ON_TCG;
}

size_t cpus_count(const json_t *request, CpusUse use, Problem *problem)
{
    /* It has no size if it is no list. */
    size_t count = json_array_size(json_object_get(request, "cpus"));
    bool is_pair = use == CPUS_TO_COMPARE;

    if (is_pair ? count == 2 : count) {
        return count;
    }
    problem_set(problem, STATUS_ERROR, is_pair
                ? "'cpus' is a list of two CPUs"
                : "'cpus' is a list of one CPU or more");
    return 0;
}

bool cpus_fill(Tool *tool, const json_t *request, CpusUse use, Cpus *cpus,
               Problem *problem)
{
    size_t i, count = cpus_count(request, use, problem);

    *cpus = (Cpus) { NULL, 0 };
    if (!count) {
        return false;
    }
    cpus->items = calloc(count, sizeof(*cpus->items));
    if (!cpus->items) {
        return false;
    }
    for (i = 0; i < count; i++) {
        Question *q = &cpus->items[i];

        if (!question_fill(tool, request, i, q, problem)) {
            return false;
        }
        turn_automatic_off(q);
        if (!(use == CPUS_FOR_BASELINE && is_passthrough_void(q)) &&
            !check_passthrough(q, problem)) {
            return false;
        }
        cpus->count++;
    }
    return true;
}

bool cpus_translate(Cpus *cpus, const Question **last, Problem *problem)
{
    const Question *newest = &cpus->items[0];
    size_t i;

    for (i = 1; i < cpus->count; i++) {
        const Question *q = &cpus->items[i];

        if (q->tables->version > newest->tables->version ||
            (q->tables->version == newest->tables->version &&
             q->file_number > newest->file_number)) {
            newest = q;
        }
    }
    *last = newest;
    for (i = 0; i < cpus->count; i++) {
        char error[TRANSLATE_ERROR];
        Question *q = &cpus->items[i];

        if (q->file != newest->file &&
            !translate_cpu(q->file, newest->file, &q->described, error)) {
            problem_set(problem, STATUS_ERROR, "%.64s: %s", q->text, error);
            return false;
        }
    }
    return true;
}

static bool cpus_need_vendor(const Cpus *cpus)
{
    size_t i;

    for (i = 0; i < cpus->count; i++) {
        if (question_needs_vendor(&cpus->items[i])) {
            return true;
        }
    }
    return false;
}

/* Whether both have the same physical bits on every host */
static bool same_phys_bits(const X86Cpu *a, const X86Cpu *b)
{
    const uint64_t *of_a = a->values, *of_b = b->values;
    X86CpuPropertyId id = of_a[X86CPU_HOST_PHYS_BITS]
                          ? X86CPU_HOST_PHYS_BITS_LIMIT : X86CPU_PHYS_BITS;

    return of_a[X86CPU_HOST_PHYS_BITS] == of_b[X86CPU_HOST_PHYS_BITS] &&
           of_a[id] == of_b[id] &&
           !((a->words[X86CPU_FEAT_8000_0001_EDX] ^
              b->words[X86CPU_FEAT_8000_0001_EDX]) & LM);
}

bool question_shares_unknown(const Question *q, const Question *other,
                             const char *name)
{
    const X86Cpu *a = &q->request.cpu, *b = &other->request.cpu;

    /* These gate nothing, so physical bits that limit them don't matter. */
    return !strcmp(name, "guest-phys-bits")
           ? a->values[X86CPU_GUEST_PHYS_BITS] ==
             b->values[X86CPU_GUEST_PHYS_BITS]
           : same_phys_bits(a, b);
}

bool cpus_check_unknown(const Cpus *cpus, Problem *problem)
{
    size_t i, j, k;

    for (i = 0; i < cpus->count; i++) {
        const Question *q = &cpus->items[i];
        json_t *names = question_unknown_bits(q);

        for (j = 0; j < json_array_size(names); j++) {
            const char *name = json_string_value(json_array_get(names, j));

            for (k = 0; k < cpus->count; k++) {
                if (!question_shares_unknown(q, &cpus->items[k], name)) {
                    problem_set(problem, STATUS_UNKNOWN, "the host decides "
                                "whether %.64s and %.64s have the same %s: "
                                "give that of the host with --%s", q->text,
                                cpus->items[k].text, name, name);
                    json_decref(names);
                    return false;
                }
            }
        }
        json_decref(names);
    }
    return true;
}

void cpus_describe(json_t *answer, const Cpus *cpus)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < cpus->count; i++) {
        json_t *item = json_object();

        answer_describe(item, &cpus->items[i]);
        json_array_append_new(list, item);
    }
    json_object_set_new(answer, "cpus", list);
}

void print_cpus(const json_t *answer, FILE *out)
{
    const json_t *cpus = json_object_get(answer, "cpus"), *cpu;
    size_t i;

    json_array_foreach((json_t *)cpus, i, cpu) {
        char letter = i < 26 ? 'A' + (char)i : '+';
        json_t *text = json_sprintf("%s (%s, %s, QEMU %s)",
            answer_cpu(cpu),
            json_string_value(json_object_get(cpu, "machine")),
            json_string_value(json_object_get(cpu, "accel")),
            json_string_value(json_object_get(cpu, "qemu")));

        fprintf(out, "%c  ", letter);
        text_table_print_from(3, json_string_value(text), out);
        json_decref(text);
    }
}

void print_list_of(const json_t *answer, const char *name, const char *title,
                   FILE *out)
{
    const json_t *list = json_object_get(answer, name);

    if (json_array_size(list)) {
        putc('\n', out);
        text_table_printf(out, "%s:", title);
        print_names(list, "    ", out);
    }
}

bool cpus_ask_vendor(Tool *tool, const json_t *request, CpusUse use, bool *ok,
                     Problem *problem)
{
    Cpus cpus;
    bool needs;

    *ok = cpus_fill(tool, request, use, &cpus, problem);
    needs = *ok && cpus_need_vendor(&cpus);
    free(cpus.items);
    return needs;
}
