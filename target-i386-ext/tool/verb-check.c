/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu check
 *
 * Answers, for people and control planes: does this CPU run on the host of a
 * passport, what would it lack there, and why?
 */

#include <stdlib.h>
#include <string.h>
#include "host-check.h"
#include "host-smp.h"
#include "text-table.h"
#include "verbs.h"

static json_t *check(Tool *tool, const json_t *request,
                     const Passport *passport, Question *q, HostOffer *offer,
                     Problem *problem)
{
    const char *text, *refusal;
    char smp[HOST_SMP_TEXT];
    X86Cpu remaining;
    HostOptions options;
    json_t *answer;

    if (!request_text(request, "cpu", &text, problem)) {
        return NULL;
    }
    if (!text) {
        return problem_set(problem, STATUS_ERROR, "the CPU is missing");
    }
    if (!question_begin(tool, request, 0, NULL, q, problem)) {
        return NULL;
    }
    if (q->context.accel != X86CPU_ON_KVM) {
        return problem_set(problem, STATUS_ERROR, "a passport says what KVM "
                           "offers: use %s kvm, or ask a QEMU with --qemu",
                           request_way(tool, "--accel", "'accel'"));
    }
    options = (HostOptions) {
        .irqchip = q->context.irqchip,
        .cpu_pm = request_flag(request, "cpu-pm"),
    };
    if (!host_offer_fill(passport, q->tables, &options, offer)) {
        return problem_set(problem, STATUS_UNKNOWN, "the passport does not "
                           "say what KVM offers: it is of hardware alone");
    }
    refusal = host_options_problem(passport, &options);
    if (refusal) {
        return problem_set(problem, STATUS_NO, "%s", refusal);
    }
    if (!question_set_host(q, passport, &options, offer, problem) ||
        !question_ask(q, text, problem)) {
        return NULL;
    }
    answer = host_check(&q->context, &q->request, q->topology, passport,
                        offer, &remaining);
    if (answer && host_smp_problem(passport, &options, &q->counts, &remaining,
                                   smp)) {
        json_decref(answer);
        return problem_set(problem, STATUS_NO, "QEMU does not start there: %s",
                           smp);
    }
    if (answer) {
        answer_describe(answer, q);
    }
    return answer;
}

json_t *answer_check(Tool *tool, const json_t *request, Status *status,
                     Problem *problem)
{
    const json_t *host = json_object_get(request, "host");
    HostOffer *offer = calloc(1, sizeof(*offer));
    Question *q = calloc(1, sizeof(*q));
    const Passport *passport;
    json_t *answer = NULL;

    if (!host) {
        problem_set(problem, STATUS_UNKNOWN, "only the host knows: give its "
                    "passport with %s (x86-cpu host writes it), or ask a QEMU "
                    "there with --qemu",
                    request_way(tool, "--host FILE", "'host'"));
    } else if (offer && q) {
        passport = tool_passport(tool, host, problem);
        answer = passport ? check(tool, request, passport, q, offer, problem)
                          : NULL;
    }
    free(offer);
    free(q);
    if (answer && !json_is_true(json_object_get(answer, "runs"))) {
        *status = STATUS_NO;
    }
    return answer;
}

/* A row of the table; a long name has its own line where there is no room. */
static void print_removed(const char *feature, const char *reason,
                          const char *requested_by, const char *blocking,
                          FILE *out)
{
    /* The other columns have 38, with blanks between them. */
    size_t room = text_table_width(out) - 38;
    int width = room < 32 ? room : 32;

    if (strlen(feature) > room) {
        fprintf(out, "%s\n", feature);
        feature = "";
    }
    fprintf(out, "%-*s %-14s %-13s %s\n", width, feature, reason, requested_by,
            blocking);
}

void print_check(const json_t *answer, const json_t *request, FILE *out)
{
    bool all = request_flag(request, "all"), printed = false;
    const json_t *entry;
    unsigned others = 0;
    size_t i;

    print_begin(answer, request, out, print_check);
    fprintf(out, "%-12s%s\n", "runs there",
            json_is_true(json_object_get(answer, "runs")) ? "yes" : "no");
    json_array_foreach(json_object_get(answer, "errors"), i, entry) {
        putc('\n', out);
        text_table_print_paragraph(
            json_string_value(json_object_get(entry, "text")), out);
    }
    json_array_foreach(json_object_get(answer, "removed-features"), i, entry) {
        bool blocking = json_is_true(json_object_get(entry, "blocking"));

        if (!all && !blocking) {
            others++;
            continue;
        }
        if (!printed) {
            putc('\n', out);
            print_removed("removed", "reason", "requested by", "blocking", out);
            printed = true;
        }
        print_removed(
            json_string_value(json_object_get(entry, "feature")),
            json_string_value(json_object_get(entry, "reason")),
            json_string_value(json_object_get(entry, "requested-by")),
            blocking ? "yes" : "no", out);
    }
    if (others && printed) {
        fprintf(out, "and %u that nothing stops on (--all)\n", others);
    } else if (others) {
        fprintf(out, "\n%u removed, that nothing stops on (--all)\n", others);
    }
}
