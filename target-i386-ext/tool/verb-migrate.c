/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu migrate
 *
 * Answers, for operators and control planes: may this guest go from host A to
 * host B, and if not, why?
 */

#include <stdlib.h>
#include <string.h>
#include "baseline.h"
#include "host-check.h"
#include "migrate-hardware.h"
#include "text-table.h"
#include "translate.h"
#include "verbs.h"

enum { NAME = 64 };

typedef struct Migration {
    MigrateSide a, b;
    Question of_a, of_b;
    char name_a[NAME], name_b[NAME];
    /* What the guest has at B, if that is not the CPU of the request */
    char *other_text;
    MigrateReasons reasons;
} Migration;

/* ---- sides ---- */

/* The name of a host: that of its file, or @letter */
static void name_side(const json_t *host, const char *letter, char *name)
{
    const char *path = json_string_value(host);
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *base = slash ? slash + 1 : path ? path : letter;
    size_t length = strlen(base);

    if (length > 5 && !strcmp(base + length - 5, ".json")) {
        length -= 5;
    }
    if (length >= NAME) {
        length = NAME - 1;
        /* Not in the middle of a character of UTF-8 */
        while ((base[length] & 0xc0) == 0x80) {
            length--;
        }
    }
    snprintf(name, NAME, "%.*s", (int)length, base);
}

static bool begin_side(Tool *tool, const json_t *request, const char *member,
                       size_t number, const char *machine, Question *q,
                       MigrateSide *side, Problem *problem)
{
    const json_t *host = json_object_get(request, member);

    if (!host) {
        problem_set(problem, STATUS_UNKNOWN, "only hosts know: give the "
                    "passport of each with %s (x86-cpu host writes it)",
                    request_way(tool, "--from FILE and --to FILE",
                                "'from' and 'to'"));
        return false;
    }
    side->passport = tool_passport(tool, host, problem);
    if (!side->passport ||
        !question_begin(tool, request, number, machine, q, problem)) {
        return false;
    }
    if (q->context.accel != X86CPU_ON_KVM) {
        problem_set(problem, STATUS_ERROR, "a passport says what KVM offers: "
                    "use %s kvm", request_way(tool, "--accel", "'accel'"));
        return false;
    }
    side->file = q->file;
    side->tables = q->tables;
    side->request = &q->request;
    side->topology = q->topology;
    side->counts = q->counts;
    side->options = (HostOptions) {
        .irqchip = q->context.irqchip,
        .cpu_pm = request_flag(request, "cpu-pm"),
    };
    side->is_known = host_offer_fill(side->passport, side->tables,
                                     &side->options, &side->offer);
    if (!side->is_known) {
        passport_vendor(side->passport, side->offer.vendor);
    }
    return question_set_host(q, side->passport,
                             side->is_known ? &side->options : NULL,
                             &side->offer, problem);
}

/* What the guest has there, and what remains of it */
static bool ask_side(Question *q, const char *text, MigrateSide *side,
                     Problem *problem)
{
    if (!question_ask(q, text, problem)) {
        /* Model host is not known, either. */
        return !side->is_known && q->request.is_host;
    }
    side->described = q->described;
    if (!side->is_known) {
        return true;
    }
    migrate_side_finish(side);
    side->check = host_check(&q->context, &q->request, side->topology,
                             side->passport, &side->offer, NULL);
    return side->check;
}

/* ---- builds ---- */

/*
 * B's QEMU does not have machine type @machine: the newest one that it shares
 * with A's, or NULL
 */
static const char *common_machine(const ModelsFile *a, const ModelsFile *b)
{
    size_t i, j;

    for (i = 0; i < models_file_layer_count(a); i++) {
        for (j = 0; j < models_file_machine_type_count(a, i); j++) {
            const char *type = models_file_machine_type(a, i, j);

            if (models_file_find_layer(b, type) >= 0) {
                return type;
            }
        }
    }
    return NULL;
}

static void add_machine_type(Migration *m, const ModelsFile *b)
{
    const ModelsFile *a = m->of_a.file;
    const char *machine = m->of_a.machine, *common = common_machine(a, b);

    if (models_file_tables(b)->version >= models_file_tables(a)->version) {
        migrate_add(&m->reasons, "machine-type", true, "QEMU %s on %s has no "
                    "machine type %s, which the guest's devices have; started "
                    "anew with -machine %s,cpu-compat=%s, it has the same CPU",
                    models_file_version(b), m->name_b, machine,
                    models_file_newest_machine_type(b), machine);
    } else {
        migrate_add(&m->reasons, "machine-type", true, "QEMU %s on %s has no "
                    "machine type %s%s%s", models_file_version(b), m->name_b,
                    machine, common ? "; both have " : "",
                    common ? common : "");
    }
}

/*
 * Whether both QEMUs make the same CPU of the request.  They are compared as
 * CPUs of the newer one, which knows what the older one does; not the other way
 * round.
 */
static void compare_builds(Migration *m)
{
    X86CpuComparison *comparison = calloc(1, sizeof(*comparison));
    X86CpuViews *views = calloc(2, sizeof(*views));
    bool back = m->b.tables->version < m->a.tables->version;
    const MigrateSide *newer = back ? &m->a : &m->b;
    const MigrateSide *older = back ? &m->b : &m->a;
    char error[TRANSLATE_ERROR];
    X86Cpu a = m->a.described, b = m->b.described;

    m->reasons.lost |= !comparison || !views;
    if (!comparison || !views || m->a.file == m->b.file ||
        m->of_a.request.is_host || m->other_text) {
        free(comparison);
        free(views);
        return;
    }
    if (!translate_cpu(older->file, newer->file, back ? &b : &a, error)) {
        migrate_add(&m->reasons, "cpu-definition", true, "%s", error);
        free(comparison);
        free(views);
        return;
    }
    x86cpu_compare(newer->tables, &a, &b, X86CPU_ON_KVM, comparison);
    x86cpu_view_all(m->a.tables, &m->a.described, X86CPU_ON_KVM, &views[0]);
    x86cpu_view_all(m->b.tables, &m->b.described, X86CPU_ON_KVM, &views[1]);
    translate_correct(newer->tables, &views[0], &views[1], comparison);
    if (comparison->relation != X86CPU_IDENTICAL) {
        json_t *names = answer_names(newer->file, &comparison->responsible);
        char *text = json_dumps(names, 0);

        migrate_add(&m->reasons, "cpu-definition",
                    comparison->relation != X86CPU_SUBSET, "QEMU %s makes "
                    "another CPU of this than QEMU %s: %.600s differ (the "
                    "properties that x86-cpu expand prints%s%s make the same "
                    "one of both)", models_file_version(m->b.file),
                    models_file_version(m->a.file), text ? text : "",
                    back ? " for QEMU " : "",
                    back ? models_file_version(older->file) : "");
        free(text);
        json_decref(names);
    }
    free(comparison);
    free(views);
}

/* ---- answer ---- */

static bool fill(Tool *tool, const json_t *request, const char *text,
                 Migration *m, Problem *problem)
{
    size_t other = tool->nfiles > 1;
    const ModelsFile *b = tool->files[other];
    const char *machine = NULL;

    if (!begin_side(tool, request, "from", 0, NULL, &m->of_a, &m->a,
                    problem) ||
        !ask_side(&m->of_a, text, &m->a, problem)) {
        return false;
    }
    machine = m->of_a.machine;
    if (models_file_find_layer(b, machine) < 0) {
        json_t *props = answer_props(m->a.file, &m->a.described);

        add_machine_type(m, b);
        machine = models_file_newest_machine_type(b);
        m->other_text = m->of_a.request.is_host
                        ? NULL : answer_cpu_text("base", props);
        json_decref(props);
    }
    if (!begin_side(tool, request, "to", other, machine, &m->of_b, &m->b,
                    problem)) {
        return false;
    }
    if (!ask_side(&m->of_b, m->other_text ? m->other_text : text, &m->b,
                  problem)) {
        /* Another QEMU may not know the CPU. */
        if (m->a.file == m->b.file || problem->status != STATUS_ERROR) {
            return false;
        }
        migrate_add(&m->reasons, "cpu-definition", true, "%s", problem->text);
        m->b.is_known = false;
        m->b.lacks_cpu = true;
    }
    return true;
}

static json_t *decide(Migration *m, Status *status)
{
    const json_t *reason;
    bool blocking = false;
    json_t *migrates;
    size_t i;

    json_array_foreach(m->reasons.list, i, reason) {
        blocking |= json_is_true(json_object_get(reason, "blocking"));
    }
    if (blocking) {
        *status = STATUS_NO;
        migrates = json_false();
    } else if (json_array_size(m->reasons.unknown)) {
        *status = STATUS_UNKNOWN;
        migrates = json_null();
    } else {
        migrates = json_true();
    }
    return json_pack("{s:o, s:O, s:O}", "migrates", migrates, "reasons",
                     m->reasons.list, "unknown", m->reasons.unknown);
}

static json_t *migrate(Tool *tool, const json_t *request, Migration *m,
                       Status *status, Problem *problem)
{
    const MigrateSide *sides[] = { &m->a, &m->b };
    const char *text, *refusal;
    json_t *answer;
    size_t i;

    if (!request_text(request, "cpu", &text, problem)) {
        return NULL;
    }
    if (!text) {
        return problem_set(problem, STATUS_ERROR, "the CPU is missing");
    }
    name_side(json_object_get(request, "from"), "A", m->name_a);
    name_side(json_object_get(request, "to"), "B", m->name_b);
    if (!strcmp(m->name_a, m->name_b)) {
        strcpy(m->name_a, "A");
        strcpy(m->name_b, "B");
    }
    m->a.name = m->name_a;
    m->b.name = m->name_b;
    if (!fill(tool, request, text, m, problem)) {
        return NULL;
    }
    migrate_compare(&m->a, &m->b, &m->reasons);
    if (m->a.is_known && m->b.is_known) {
        migrate_compare_hardware(&m->a, &m->b, &m->reasons);
        compare_builds(m);
    }
    for (i = 0; i < 2; i++) {
        refusal = host_options_problem(sides[i]->passport, &sides[i]->options);
        if (sides[i]->is_known && refusal) {
            migrate_add(&m->reasons, "cpu-pm", true, "%s: %s", sides[i]->name,
                        refusal);
        }
    }
    if (m->reasons.lost) {
        return problem_set(problem, STATUS_ERROR, "not enough memory");
    }
    answer = decide(m, status);
    answer_describe(answer, &m->of_a);
    json_object_set_new(answer, "to-qemu",
                        json_string(models_file_version(m->b.file)));
    return answer;
}

json_t *answer_migrate(Tool *tool, const json_t *request, Status *status,
                       Problem *problem)
{
    Migration *m = calloc(1, sizeof(*m));
    json_t *answer = NULL;

    if (m) {
        m->reasons.list = json_array();
        m->reasons.unknown = json_array();
        answer = migrate(tool, request, m, status, problem);
        json_decref(m->reasons.list);
        json_decref(m->reasons.unknown);
        json_decref(m->a.check);
        json_decref(m->b.check);
        free(m->other_text);
        free(m);
    }
    return answer;
}

/* An item of a list */
static void print_text(const char *text, FILE *out)
{
    fputs("  - ", out);
    text_table_print_from(4, text, out);
}

static void print_reasons(const json_t *answer, bool blocking,
                          const char *title, FILE *out)
{
    const json_t *reason;
    bool printed = false;
    size_t i;

    json_array_foreach(json_object_get(answer, "reasons"), i, reason) {
        if (json_is_true(json_object_get(reason, "blocking")) == blocking) {
            fprintf(out, "%s", printed ? "" : title);
            printed = true;
            print_text(json_string_value(json_object_get(reason, "text")),
                       out);
        }
    }
}

void print_migrate(const json_t *answer, const json_t *request, FILE *out)
{
    const json_t *migrates = json_object_get(answer, "migrates"), *text;
    size_t i;

    (void)request;
    fprintf(out, "%-12s", "CPU");
    text_table_print_from(12, answer_cpu(answer), out);
    fprintf(out, "%-12s%s\n%-12s%s\n%-12s%s\n%-12s%s\n",
            "machine", json_string_value(json_object_get(answer, "machine")),
            "QEMU", json_string_value(json_object_get(answer, "qemu")),
            "QEMU there", json_string_value(json_object_get(answer,
                                                            "to-qemu")),
            "migrates", json_is_true(migrates) ? "yes" :
                        json_is_false(migrates) ? "no" : "not known");
    print_reasons(answer, true, "\nIn the way:\n", out);
    print_reasons(answer, false, "\nTo know:\n", out);
    json_array_foreach(json_object_get(answer, "unknown"), i, text) {
        fprintf(out, "%s", i ? "" : "\nNot known:\n");
        print_text(json_string_value(text), out);
    }
}
