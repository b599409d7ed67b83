/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What x86-cpu answers with a live QEMU
 *
 * The commands are those of qapi/cpu-introspection-target.json, and QEMU's own
 * query-cpu-model-expansion, -comparison and -baseline.
 */

#include <stdlib.h>
#include <string.h>
#include "live-answers.h"
#include "live-baseline.h"
#include "live-cpus.h"
#include "live-features.h"
#include "live-reply.h"
#include "models-json.h"

static int compare_models(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;

    /* base is first, as in the file of CPU models. */
    return !strcmp(x, "base") ? -!!strcmp(y, "base") :
           !strcmp(y, "base") ? 1 : strcmp(x, y);
}

/* Those that are the same on all hosts; aliases of others go in @aliases. */
static json_t *list_models(Live *l, json_t *aliases)
{
    static const char command[] = "query-cpu-definitions";
    static const char *const texts[] = { "name", NULL };
    json_t *reply = live_ask(l, command, NULL), *models, *definition;
    size_t i, count = 0;
    const char **names;

    if (!reply) {
        return NULL;
    }
    if (!live_all_have_texts(reply, texts)) {
        return live_not_understood(l, command, reply);
    }
    models = json_array();
    names = calloc(json_array_size(reply) + 1, sizeof(*names));
    json_array_foreach(reply, i, definition) {
        const char *name = json_string_value(json_object_get(definition,
                                                             "name"));
        json_t *alias_of = json_object_get(definition, "alias-of");

        if (models_json_is_text(alias_of)) {
            json_object_set(aliases, name, alias_of);
        }
        /* custom is base, with all properties. */
        if (names && strcmp(name, "host") && strcmp(name, "max") &&
            strcmp(name, "custom")) {
            names[count++] = name;
        }
    }
    if (names) {
        qsort(names, count, sizeof(*names), compare_models);
    }
    for (i = 0; i < count; i++) {
        json_array_append_new(models, json_string(names[i]));
    }
    free(names);
    json_decref(reply);
    return models;
}

static json_t *list_accelerators(Live *l)
{
    static const char command[] = "qom-list-types";
    static const char *const texts[] = { "name", NULL };
    static const char *const names[] = { "kvm", "tcg" };
    json_t *reply = live_ask(l, command, json_pack("{s:s}", "implements",
                                                   "accel"));
    json_t *accelerators, *type;
    size_t i, j;

    if (!reply) {
        return NULL;
    }
    if (!live_all_have_texts(reply, texts)) {
        return live_not_understood(l, command, reply);
    }
    accelerators = json_array();
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_array_foreach(reply, j, type) {
            const char *name = json_string_value(json_object_get(type,
                                                                 "name"));

            if (!strncmp(name, names[i], 3) && !strcmp(name + 3, "-accel")) {
                json_array_append_new(accelerators, json_string(names[i]));
            }
        }
    }
    json_decref(reply);
    return accelerators;
}

static json_t *answer_list_live(Live *l, Status *status)
{
    json_t *models, *accelerators, *machines, *layer;
    json_t *aliases = json_object();
    size_t i;

    (void)status;
    models = live_use_any(l) ? list_models(l, aliases) : NULL;
    accelerators = models ? list_accelerators(l) : NULL;
    if (!accelerators) {
        json_decref(aliases);
        json_decref(models);
        return NULL;
    }
    machines = json_array();
    json_array_foreach(l->session->layers, i, layer) {
        json_array_extend(machines, json_object_get(layer, "machine-types"));
    }
    return json_pack("{s:[{s:s, s:o, s:o, s:o, s:o}]}", "files",
                     "qemu", live_qemu_version(l->session->qemu),
                     "models", models, "aliases", aliases,
                     "machine-types", machines,
                     "accelerators", accelerators);
}

static json_t *answer_expand_live(Live *l, Status *status)
{
    json_t *reply, *answer = NULL, *omitted;
    LiveCpu cpu;

    (void)status;
    reply = live_get_cpu(l, 0, &cpu) ? live_expand(l, cpu.model) : NULL;
    if (reply) {
        answer = json_pack("{s:O, s:[]}", "model",
                           json_object_get(reply, "model"), "unknown");
        omitted = json_object_get(reply, "omitted-properties");
        if (json_array_size(omitted)) {
            json_object_set(answer, "omitted-properties", omitted);
        }
        live_describe(l, &cpu, answer);
    }
    json_decref(reply);
    json_decref(cpu.model);
    return answer;
}

static json_t *answer_show_live(Live *l, Status *status)
{
    json_t *answer = answer_expand_live(l, status);
    json_t *features, *others, *props, *value;
    const char **names, **name;

    if (!answer || !live_get_features(l)) {
        json_decref(answer);
        return NULL;
    }
    props = json_object_get(json_object_get(answer, "model"), "props");
    features = json_array();
    others = json_object();
    names = sorted_names(props);
    for (name = names; name && *name; name++) {
        value = json_object_get(props, *name);
        if (!json_object_get(l->session->names, *name)) {
            json_object_set(others, *name, value);
        } else if (json_is_true(value)) {
            json_array_append_new(features, json_string(*name));
        }
    }
    free(names);
    json_object_del(answer, "model");
    json_object_set_new(answer, "features", features);
    json_object_set_new(answer, "properties", others);
    return answer;
}

/* QEMU answers for a CPU with one thread, as it has no guest. */
static bool check_topology(Live *l, const char *machine)
{
    X86CpuTopology topology;
    SmpCounts counts;

    if (!request_topology(l->request, machine, &topology, &counts,
                          l->problem)) {
        return false;
    }
    if (topology != X86CPU_ONE_THREAD) {
        problem_set(l->problem, STATUS_UNKNOWN, "a QEMU without a guest only "
                    "knows what is removed from CPUs with one thread: leave "
                    "'smp' out, or give a passport to x86-cpu without a QEMU");
    }
    return topology == X86CPU_ONE_THREAD;
}

static json_t *answer_check_live(Live *l, Status *status)
{
    static const char *const entry_texts[] = {
        "feature", "reason", "requested-by", NULL
    };
    static const char *const error_texts[] = { "text", NULL };
    json_t *reply, *removed, *errors, *entry, *answer = NULL;
    json_int_t blocking = 0;
    LiveCpu cpu = { .text = NULL };
    bool runs;
    size_t i;

    reply = live_get_cpu(l, 0, &cpu) && check_topology(l, cpu.machine)
            ? live_expand(l, cpu.model) : NULL;
    removed = json_object_get(reply, "removed-features");
    errors = json_object_get(reply, "errors");
    if (reply && (!live_all_have_texts(removed, entry_texts) ||
                  !live_all_have_texts(errors, error_texts))) {
        reply = live_not_understood(l, "query-cpu-model-expansion", reply);
    }
    if (reply) {
        json_array_foreach(removed, i, entry) {
            blocking += json_is_true(json_object_get(entry, "blocking"));
        }
        runs = !blocking && !json_array_size(errors);
        answer = json_pack("{s:O, s:O, s:I, s:b}", "removed-features",
                           removed, "errors", errors, "blocking", blocking,
                           "runs", runs);
        live_describe(l, &cpu, answer);
        *status = runs ? STATUS_YES : STATUS_NO;
    }
    json_decref(reply);
    json_decref(cpu.model);
    return answer;
}

static json_t *answer_compare_live(Live *l, Status *status)
{
    static const char command[] = "query-cpu-model-comparison";
    static const char *const lists[] = {
        "responsible-properties", "missing-in-a", "missing-in-b", "differs",
        NULL
    };
    json_t *reply = NULL;
    const char *result;
    LiveCpus cpus;

    if (live_get_cpus(l, CPUS_TO_COMPARE, &cpus)) {
        reply = live_ask_pair(l, command, cpus.items[0].model,
                              cpus.items[1].model);
    }
    result = json_string_value(json_object_get(reply, "result"));
    if (reply && (!result || !live_has_lists(reply, lists))) {
        reply = live_not_understood(l, command, reply);
    }
    if (reply) {
        *status = !strcmp(result, "identical") || !strcmp(result, "subset")
                  ? STATUS_YES : STATUS_NO;
        live_describe_all(l, &cpus, reply);
    }
    live_release_cpus(&cpus);
    return reply;
}

static json_t *answer_nearest_live(Live *l, Status *status)
{
    static const char command[] = "query-cpu-model-nearest";
    static const char *const texts[] = { "name", "machine-type", NULL };
    static const char *const lists[] = {
        "add", "remove", "libvirt-unknown", NULL
    };
    json_t *reply = NULL, *arguments;
    LiveCpu cpu;

    (void)status;
    if (live_get_cpu(l, 0, &cpu) && live_check_passthrough(l, &cpu)) {
        arguments = json_pack("{s:O}", "model", cpu.model);
        if (request_flag(l->request, "any")) {
            json_object_set_new(arguments, "any", json_true());
        }
        reply = live_ask(l, command, arguments);
        /* That is an answer, which QEMU has no other words for. */
        if (!reply && strstr(l->problem->text, "no named CPU model becomes")) {
            l->problem->status = STATUS_NO;
        }
    }
    if (reply && (!live_has_texts(reply, texts) ||
                  !live_has_lists(reply, lists) ||
                  !live_is_props(json_object_get(reply, "set")))) {
        reply = live_not_understood(l, command, reply);
    }
    if (reply) {
        live_describe(l, &cpu, reply);
    }
    json_decref(cpu.model);
    return reply;
}

static json_t *answer_best_live(Live *l, Status *status)
{
    static const char command[] = "query-cpu-model-best";
    static const char *const texts[] = { "name", "machine-type", NULL };
    static const char *const lists[] = { "beyond", NULL };
    const char *machine = NULL;
    json_t *models, *model;
    bool ok = true;
    size_t i;

    if (!live_use_machine(l, &machine)) {
        return NULL;
    }
    models = live_ask(l, command, json_pack("{s:s}", "machine-type", machine));
    if (!models) {
        return NULL;
    }
    json_array_foreach(models, i, model) {
        ok = ok && live_has_texts(model, texts) && live_has_lists(model, lists);
    }
    if (!ok || !json_is_array(models)) {
        return live_not_understood(l, command, models);
    }
    if (!json_array_size(models)) {
        *status = STATUS_NO;
    }
    return json_pack("{s:o, s:i, s:{s:i, s:[]}, s:s, s:s, s:s}",
                     "models", models, "hosts", 1,
                     "unknown", "hosts", 0, "names",
                     "machine", machine,
                     "accel", live_accelerator_name(l->session->accel),
                     "qemu", live_qemu_version(l->session->qemu));
}

LiveTool *live_tool_new(const char *qemu, const char *qmp)
{
    LiveTool *live = calloc(1, sizeof(*live));

    if (live) {
        live->program = qemu;
        live->address = qmp;
    }
    return live;
}

void live_tool_free(LiveTool *live)
{
    size_t i;

    for (i = 0; live && i < LIVE_SESSIONS; i++) {
        live_end_session(&live->sessions[i]);
    }
    free(live);
}

json_t *live_answer(LiveTool *live, const Verb *verb, const json_t *request,
                    json_t *notes, Status *status, Problem *problem)
{
    static const struct {
        const char *name;
        json_t *(*answer)(Live *l, Status *status);
    } answers[] = {
        { "list", answer_list_live },
        { "show", answer_show_live },
        { "expand", answer_expand_live },
        { "compare", answer_compare_live },
        { "baseline", live_baseline },
        { "nearest", answer_nearest_live },
        { "check", answer_check_live },
        { "best", answer_best_live },
    };
    Live l = {
        .tool = live, .request = request, .notes = notes, .problem = problem,
    };
    size_t i;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (!strcmp(verb->name, answers[i].name)) {
            return answers[i].answer(&l, status);
        }
    }
    return problem_set(problem, STATUS_ERROR, "%s needs no QEMU: leave --qemu "
                       "and --qmp out", verb->name);
}
