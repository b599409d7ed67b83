/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu list, show and expand
 *
 * Answers, for people and programs without a QEMU: which CPU models and machine
 * types does it have, what is a CPU there, and which properties of base
 * recreate it?
 */

#include <stdlib.h>
#include <string.h>
#include "cpu-view.h"
#include "models-json.h"
#include "models-props.h"
#include "omitted-properties.h"
#include "text-table.h"
#include "verbs.h"

/* ---- for all verbs ---- */

static char *for_qemu(const char *text, const void *opaque)
{
    const Question *q = opaque;

    return cpu_text_for_qemu(&q->context, &q->request, text);
}

void answer_describe(json_t *answer, const Question *q)
{
    answer_set_cpu(answer, q->text, q->context.notes, for_qemu, q);
    json_object_set_new(answer, "machine", json_string(q->machine));
    json_object_set_new(answer, "accel", json_string(
        q->context.accel == X86CPU_ON_KVM ? "kvm" : "tcg"));
    json_object_set_new(answer, "qemu", json_string(
        models_file_version(q->file)));
}

static json_t *with_vendor(const json_t *request, const char *vendor)
{
    json_t *copy = json_copy((json_t *)request);

    json_object_set_new(copy, "vendor", json_string(vendor));
    return copy;
}

json_t *answer_by_vendor(Tool *tool, const json_t *request, Status *status,
                         Problem *problem,
                         json_t *(*ask)(Tool *tool, const json_t *request,
                                        Status *status, Problem *problem))
{
    /* The classes of the core: Intel's, AMD's, Zhaoxin's, and all others */
    static const char *const vendors[] = {
        "GenuineIntel", "AuthenticAMD", "CentaurHauls", "HygonGenuine",
    };
    json_t *answers = json_object(), *first = NULL, *answer;
    Status first_status = STATUS_YES;
    bool all_equal = true;
    size_t i;

    for (i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
        json_t *with = with_vendor(request, vendors[i]);

        *status = STATUS_YES;
        answer = ask(tool, with, status, problem);
        json_decref(with);
        if (!answer) {
            json_decref(answers);
            return NULL;
        }
        json_object_set_new(answer, "status", json_integer(*status));
        json_object_set_new(answers, vendors[i], answer);
        if (!i) {
            first = answer;
            first_status = *status;
        }
        all_equal &= json_equal(first, answer);
    }
    if (all_equal) {
        *status = first_status;
        answer = json_incref(first);
        json_object_del(answer, "status");
    } else {
        *status = STATUS_UNKNOWN;
        answer = json_pack("{s:O}", "by-vendor", answers);
    }
    json_decref(answers);
    return answer;
}

bool print_begin(const json_t *answer, const json_t *request, FILE *out,
                 void (*print)(const json_t *answer, const json_t *request,
                               FILE *out))
{
    const json_t *vendors = json_object_get(answer, "by-vendor");
    const json_t *unknown = json_object_get(answer, "unknown");
    const char **names = sorted_names(vendors), **name;

    if (vendors) {
        fputs("It depends on the vendor of the host (--vendor):\n", out);
    }
    for (name = names; vendors && name && *name; name++) {
        fprintf(out, "\n%s\n", *name);
        print(json_object_get(vendors, *name), request, out);
    }
    free(names);
    if (vendors) {
        return false;
    }
    if (json_object_get(answer, "cpu")) {
        fprintf(out, "%-12s", "CPU");
        text_table_print_from(12, answer_cpu(answer), out);
        fprintf(out, "%-12s%s\n%-12s%s\n%-12s%s\n", "machine",
                json_string_value(json_object_get(answer, "machine")),
                "accel", json_string_value(json_object_get(answer, "accel")),
                "QEMU", json_string_value(json_object_get(answer, "qemu")));
    }
    if (json_array_size(unknown)) {
        putc('\n', out);
        text_table_printf(out, "Only the host says what these are (--vendor, "
                          "--guest-phys-bits, --phys-bits%s):",
                          print == print_show ? ", or --host" : "");
        print_names(unknown, "    ", out);
    }
    return true;
}

/* ---- list ---- */

static json_t *list_file(const ModelsFile *file)
{
    json_t *models = json_array(), *machines = json_array();
    json_t *accelerators = json_array(), *aliases = json_object();
    size_t i, j;

    for (i = 0; i < models_file_model_count(file); i++) {
        const char *name = models_file_model(file, i);

        json_array_append_new(models, json_string(name));
        if (models_file_is_alias(file, i)) {
            json_object_set_new(aliases, name, json_string(
                models_file_alias_of(file, i)));
        }
    }
    for (i = 0; i < models_file_layer_count(file); i++) {
        for (j = 0; j < models_file_machine_type_count(file, i); j++) {
            json_array_append_new(machines, json_string(
                models_file_machine_type(file, i, j)));
        }
    }
    if (models_file_has_accelerator(file, X86CPU_ON_KVM)) {
        json_array_append_new(accelerators, json_string("kvm"));
    }
    if (models_file_has_accelerator(file, X86CPU_ON_TCG)) {
        json_array_append_new(accelerators, json_string("tcg"));
    }
    return json_pack("{s:s, s:o, s:o, s:o, s:o}",
                     "qemu", models_file_version(file), "models", models,
                     "aliases", aliases, "machine-types", machines,
                     "accelerators", accelerators);
}

json_t *answer_list(Tool *tool, const json_t *request, Status *status,
                    Problem *problem)
{
    json_t *files = json_array();
    size_t i;

    (void)request;
    (void)status;
    (void)problem;
    for (i = 0; i < tool->nfiles; i++) {
        json_array_append_new(files, list_file(tool->files[i]));
    }
    return json_pack("{s:o}", "files", files);
}

/* Prints "EPYC is EPYC-v1, ...". */
static void print_aliases(const json_t *aliases, FILE *out)
{
    const char **names = sorted_names(aliases), **name;
    json_t *texts = json_array();

    for (name = names; name && *name; name++) {
        json_array_append_new(texts, json_sprintf("%s is %s", *name,
            json_string_value(json_object_get(aliases, *name))));
    }
    if (json_array_size(texts)) {
        fputs("\n  aliases:\n", out);
        print_names(texts, "    ", out);
    }
    json_decref(texts);
    free(names);
}

void print_list(const json_t *answer, const json_t *request, FILE *out)
{
    const json_t *files = json_object_get(answer, "files"), *file;
    size_t i;

    (void)request;
    json_array_foreach((json_t *)files, i, file) {
        fprintf(out, "%sQEMU %s\n\n  CPU models:\n", i ? "\n" : "",
                json_string_value(json_object_get(file, "qemu")));
        print_names(json_object_get(file, "models"), "    ", out);
        print_aliases(json_object_get(file, "aliases"), out);
        fputs("\n  machine types, the newest first:\n", out);
        print_names(json_object_get(file, "machine-types"), "    ", out);
        fputs("\n  accelerators:\n", out);
        print_names(json_object_get(file, "accelerators"), "    ", out);
    }
}

/* ---- show and expand ---- */

/* A question about a CPU on a host that may be in "host" */
static bool ask(Tool *tool, const json_t *request, Question *q,
                Problem *problem)
{
    const json_t *host = json_object_get(request, "host");
    const char *text, *machine;
    const Passport *passport;
    HostOptions options;
    HostOffer *offer;
    bool ok;

    if (!host) {
        return question_fill(tool, request, 0, q, problem);
    }
    passport = tool_passport(tool, host, problem);
    offer = passport ? calloc(1, sizeof(*offer)) : NULL;
    ok = offer && request_cpu(request, 0, &text, &machine, problem) &&
         question_begin(tool, request, 0, machine, q, problem);
    if (ok && q->context.accel == X86CPU_ON_KVM) {
        options = (HostOptions) { .irqchip = q->context.irqchip };
        ok = host_offer_fill(passport, q->tables, &options, offer);
        if (!ok) {
            problem_set(problem, STATUS_UNKNOWN, "the passport does not say "
                        "what KVM offers: it is of hardware alone");
        }
        ok = ok && question_set_host(q, passport, &options, offer, problem);
    }
    ok = ok && question_ask(q, text, problem);
    q->context.host_offer = NULL;
    free(offer);
    return ok;
}

void answer_drop_unknown(json_t *props, const json_t *unknown)
{
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)unknown, i, name) {
        json_object_del(props, json_string_value(name));
    }
}

Status answer_unknown_status(const json_t *unknown)
{
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)unknown, i, name) {
        if (strcmp(json_string_value(name), "guest-phys-bits")) {
            return STATUS_UNKNOWN;
        }
    }
    return STATUS_YES;
}

void answer_set_list(json_t *answer, const char *name, json_t *list)
{
    if (json_array_size(list)) {
        json_object_set(answer, name, list);
    }
    json_decref(list);
}

/*
 * As x86_cpu_avx10_version_needs_anchor(): of a QEMU before 11.0, a version of
 * AVX10 is just a number.
 */
static bool keeps_anchor(const Question *q)
{
    unsigned major, minor;
    const char *version;

    if (q->tables->version < X86CPU_LINE_11_1 || !*q->request.anchor ||
        q->described.values[X86CPU_AVX10_VERSION] <= 1) {
        return false;
    }
    version = strrchr(q->request.anchor, '-');
    return version && sscanf(version, "-%u.%u", &major, &minor) == 2 &&
           major < 11;
}

/* An answer without @props, to which it adds what is not of the file alone */
static json_t *expand(const Question *q, json_t *props, Status *status)
{
    json_t *omitted = omitted_properties(q), *unknown = question_unknown(q);
    json_t *answer = json_pack("{s:o}", "unknown", unknown);

    if (keeps_anchor(q)) {
        json_object_set_new(props, "compat-anchor",
                            json_string(q->request.anchor));
    }
    answer_drop_unknown(props, unknown);
    if (json_array_size(unknown)) {
        *status = STATUS_UNKNOWN;
    }
    answer_set_list(answer, "omitted-properties", omitted);
    answer_describe(answer, q);
    return answer;
}

json_t *answer_expand(Tool *tool, const json_t *request, Status *status,
                      Problem *problem)
{
    Question *q = calloc(1, sizeof(*q));
    json_t *answer = NULL, *props;

    if (q && ask(tool, request, q, problem)) {
        props = answer_props(q->file, &q->described);
        answer = expand(q, props, status);
        json_object_set_new(answer, "model",
                            json_pack("{s:s, s:o}", "name", "base",
                                      "props", props));
    }
    free(q);
    return answer;
}

void print_expand(const json_t *answer, const json_t *request, FILE *out)
{
    const json_t *model = json_object_get(answer, "model");
    char *text = answer_cpu_text("base", json_object_get(model, "props"));

    (void)request;
    if (text) {
        fprintf(out, "%s\n", text);
    }
    free(text);
}

/* What a guest with the topology of @q finds, whatever the host lacks */
static json_t *guest_view(const Question *q)
{
    X86CpuView *view = calloc(1, sizeof(*view));
    json_t *features = json_array(), *answer = NULL;
    size_t i;

    if (view) {
        x86cpu_view(q->tables, &q->described, q->context.accel, q->topology,
                    view);
        for (i = 0; i < q->tables->nfeatures; i++) {
            const X86CpuFeature *f = &q->tables->features[i];

            if ((view->words[f->word] & f->mask) == f->mask) {
                json_array_append_new(features, json_string(f->name));
            }
        }
        answer = json_pack("{s:O, s:I, s:I, s:I, s:I}", "features", features,
                           "level", (json_int_t)view->level,
                           "level-func7", (json_int_t)view->level_func7,
                           "xlevel", (json_int_t)view->xlevel,
                           "xlevel2", (json_int_t)view->xlevel2);
    }
    json_decref(features);
    free(view);
    return answer;
}

/* The features of the description, without those in @unknown */
static json_t *described_features(const Question *q, const json_t *unknown)
{
    const char **names = calloc(q->tables->nfeatures + 1, sizeof(*names));
    json_t *features = json_array();
    size_t count = 0, i;

    for (i = 0; names && i < q->tables->nfeatures; i++) {
        const X86CpuFeature *f = &q->tables->features[i];

        if ((q->described.words[f->word] & f->mask) == f->mask &&
            !is_listed(unknown, f->name)) {
            names[count++] = f->name;
        }
    }
    if (names) {
        sort_names(names, count);
    }
    for (i = 0; i < count; i++) {
        json_array_append_new(features, json_string(names[i]));
    }
    free(names);
    return features;
}

json_t *answer_show(Tool *tool, const json_t *request, Status *status,
                    Problem *problem)
{
    Question *q = calloc(1, sizeof(*q));
    json_t *answer = NULL, *others, *features;

    if (q && ask(tool, request, q, problem)) {
        others = answer_other_props(q->file, &q->described);
        answer = expand(q, others, status);
        features = described_features(q, json_object_get(answer, "unknown"));
        json_object_set_new(answer, "features", features);
        json_object_set_new(answer, "properties", others);
        json_object_set_new(answer, "guest", guest_view(q));
        /* A CPU that lacks what the host decides is one, still. */
        *status = STATUS_YES;
    }
    free(q);
    return answer;
}

static void print_property(const char *name, const json_t *value, FILE *out)
{
    size_t column = fprintf(out, "    %-30s ", name), size;
    char *text = NULL;
    FILE *copy;

    if (!models_json_is_text(value)) {
        /* Always short */
        print_value(value, out);
        putc('\n', out);
        return;
    }
    copy = open_memstream(&text, &size);
    if (copy) {
        print_value(value, copy);
        fclose(copy);
        text_table_print_from(column, text, out);
    }
    free(text);
}

void print_show(const json_t *answer, const json_t *request, FILE *out)
{
    const json_t *props = json_object_get(answer, "properties");
    const json_t *guest = json_object_get(answer, "guest");
    const char **names = sorted_names(props), **name;

    if (print_begin(answer, request, out, print_show)) {
        putc('\n', out);
        text_table_printf(out, "features%s%s:", guest
                          ? " that a guest finds, if the host has them" : "",
                          /* Of a host, too, this is what is asked for. */
                          guest && json_object_get(request, "host")
                          ? " (see x86-cpu check)" : "");
        print_names(json_object_get(guest ? guest : answer, "features"),
                    "    ", out);
        fputs("\nproperties:\n", out);
        for (name = names; name && *name; name++) {
            print_property(*name, json_object_get(props, *name), out);
        }
    }
    free(names);
}
