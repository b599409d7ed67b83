/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPUs of a request to a live QEMU
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "live-cpus.h"
#include "live-features.h"
#include "live-model.h"
#include "live-reply.h"
#include "models-json.h"
#include "suggestion.h"

static const char *newest_machine(const Live *l)
{
    const json_t *layer = json_array_get(l->session->layers, 0);
    const json_t *types = json_object_get(layer, "machine-types");

    return json_string_value(json_array_get(types, 0));
}

/*
 * The machine type that query-machines has by @name, which may be an alias such
 * as q35; or NULL
 */
static const char *find_listed(Live *l, const char *name)
{
    static const char command[] = "query-machines";
    static const char *const texts[] = { "name", NULL };
    json_t *machines = l->session->machines, *machine;
    size_t i;

    if (!machines) {
        machines = live_ask(l, command, NULL);
        if (machines && !live_all_have_texts(machines, texts)) {
            machines = live_not_understood(l, command, machines);
        }
        l->session->machines = machines;
    }
    json_array_foreach(machines, i, machine) {
        const char *own = json_string_value(json_object_get(machine, "name"));
        const char *alias = json_string_value(json_object_get(machine,
                                                              "alias"));

        if (!strcmp(own, name) || (alias && !strcmp(alias, name))) {
            return own;
        }
    }
    return NULL;
}

/*
 * Whether QEMU has CPUs of machine type @name all the same: it knows what ones
 * set that it has removed, and no command lists those.
 */
static bool is_known_machine(Live *l, const char *name)
{
    json_t *reply = live_ask(l, "query-cpu-model-expansion",
                             json_pack("{s:s, s:{s:s, s:s}}", "type", "static",
                                       "model", "name", "base", "machine-type",
                                       name));

    if (!reply) {
        return false;
    }
    json_decref(reply);
    return true;
}

/*
 * Sets *@machine to its name there, which may be an alias, or to that of the
 * newest one.
 */
static bool find_machine(Live *l, const char **machine)
{
    Suggestion suggestion = { .name = NULL };
    char text[X86_CPU_NEAR_NAMES_SIZE];
    const char *name = *machine ? *machine : newest_machine(l);
    const json_t *layer, *type, *alias;
    const char *listed;
    size_t i, j;

    if (!name) {
        return live_fail(l, "this QEMU has no machine types");
    }
    *machine = name;
    suggestion.name = name;
    json_array_foreach(l->session->layers, i, layer) {
        json_array_foreach(json_object_get(layer, "machine-types"), j, type) {
            if (!strcmp(json_string_value(type), name)) {
                return true;
            }
            suggestion_add(json_string_value(type), &suggestion);
        }
    }
    listed = find_listed(l, name);
    if (listed && strcmp(listed, name)) {
        *machine = listed;
        return true;
    }
    if (!check_machine_alone(name, l->problem)) {
        return false;
    }
    if (is_known_machine(l, name)) {
        return true;
    }
    /* What QEMU has against one of its own, it says: it may be no PC. */
    if (!l->session->qemu || listed) {
        return false;
    }
    json_array_foreach(l->session->machines, i, type) {
        alias = json_object_get(type, "alias");
        if (models_json_is_text(alias)) {
            suggestion_add(json_string_value(alias), &suggestion);
        }
    }
    x86_cpu_near_names_print(&suggestion.near, text);
    return live_fail(l, "QEMU %s has no machine type '%.64s'%s",
                     live_qemu_version(l->session->qemu), name, text);
}

bool live_use_machine(Live *l, const char **machine)
{
    ModelsFileIrqchip irqchip;

    if (!*machine &&
        !request_text(l->request, "machine", machine, l->problem)) {
        return false;
    }
    if (!live_use_session(l, MODELS_FILE_IRQCHIP_ON) ||
        !find_machine(l, machine)) {
        return false;
    }
    irqchip = default_irqchip(live_qemu_major(l->session->qemu) >= 11,
                              *machine);
    return irqchip == MODELS_FILE_IRQCHIP_ON || l->tool->address ||
           live_use_session(l, irqchip);
}

json_t *live_expand(Live *l, json_t *model)
{
    static const char command[] = "query-cpu-model-expansion";
    json_t *reply = live_ask(l, command,
                             json_pack("{s:s, s:O}", "type", "static",
                                       "model", model));
    json_t *found = json_object_get(reply, "model");
    json_t *omitted = json_object_get(reply, "omitted-properties");

    if (!reply) {
        return NULL;
    }
    if (json_object_get(reply, "out-of-scope")) {
        json_decref(reply);
        return problem_set(l->problem, STATUS_UNKNOWN, "%.200s does not know "
                           "what a guest gets: something other than QEMU and "
                           "KVM decides that there",
                           live_qemu_name(l->session->qemu));
    }
    if (!models_json_is_text(json_object_get(found, "name")) ||
        !live_is_props(json_object_get(found, "props")) ||
        (omitted && !live_is_texts(omitted))) {
        return live_not_understood(l, command, reply);
    }
    return reply;
}

/* Whether number @name of the request, if there, is that of the host */
static bool check_number(Live *l, const char *name)
{
    uint64_t wanted, host = 0;
    bool negative;

    if (!json_object_get(l->request, name)) {
        return true;
    }
    models_json_integer(json_object_get(l->session->host, name), &host,
                        &negative);
    wanted = host;
    return request_number(l->request, name, 52, &wanted, l->problem) &&
           (wanted == host ||
            live_fail(l, "'%s' is %" PRIu64 ", but that of the host is %"
                      PRIu64, name, wanted, host));
}

/* What is said of the host is true; TCG does not ask for it. */
static bool check_host(Live *l)
{
    const char *vendor, *own;
    json_t *model, *reply;

    if (!request_vendor(l->request, &vendor, l->problem)) {
        return false;
    }
    if (l->session->accel != X86CPU_ON_KVM ||
        (!vendor && !json_object_get(l->request, "phys-bits") &&
         !json_object_get(l->request, "guest-phys-bits"))) {
        return true;
    }
    if (!l->session->host) {
        model = json_pack("{s:s}", "name", "host");
        reply = live_expand(l, model);
        json_decref(model);
        if (!reply) {
            return false;
        }
        l->session->host = json_incref(json_object_get(
            json_object_get(reply, "model"), "props"));
        json_decref(reply);
    }
    own = json_string_value(json_object_get(l->session->host, "vendor"));
    if (vendor && own && strcmp(vendor, own)) {
        return live_fail(l, "the vendor is %s, but that of the host is %s",
                         vendor, own);
    }
    return check_number(l, "phys-bits") && check_number(l, "guest-phys-bits");
}

/* Asks QEMU about each value that @model only had before another one. */
static bool check_replaced(Live *l, const json_t *model,
                           const json_t *replaced)
{
    const char *name = json_string_value(json_object_get(model, "name"));
    json_t *anchor = json_object_get(json_object_get(model, "props"),
                                     "compat-anchor");
    json_t *props, *reply;
    size_t i;

    json_array_foreach((json_t *)replaced, i, props) {
        json_t *alone = json_copy((json_t *)model);

        if (anchor && !json_object_get(props, "compat-anchor")) {
            json_object_set(props, "compat-anchor", anchor);
        }
        json_object_set(alone, "props", props);
        /* It lacks most properties of custom, but is the same with base. */
        if (!strcmp(name, "custom")) {
            json_object_set_new(alone, "name", json_string("base"));
        }
        reply = live_expand(l, alone);
        json_decref(alone);
        if (!reply) {
            return false;
        }
        json_decref(reply);
    }
    return true;
}

bool live_get_cpu(Live *l, size_t number, LiveCpu *cpu)
{
    X86CpuTopology topology;
    SmpCounts counts;
    char error[LIVE_MODEL_ERROR];
    json_t *replaced;
    bool ok;

    *cpu = (LiveCpu) { .text = NULL };
    if (!request_cpu(l->request, number, &cpu->text, &cpu->machine,
                     l->problem) ||
        !live_use_machine(l, &cpu->machine) ||
        !request_topology(l->request, cpu->machine, &topology, &counts,
                          l->problem) ||
        !check_host(l) ||
        (strchr(cpu->text, ',') && !live_get_features(l))) {
        return false;
    }
    cpu->session = l->session;
    replaced = json_array();
    cpu->model = live_model(cpu->text, cpu->machine, l->session, l->notes,
                            replaced, error);
    ok = cpu->model ? check_replaced(l, cpu->model, replaced)
                    : live_fail(l, "%s", error);
    json_decref(replaced);
    return ok;
}

void live_describe(const Live *l, const LiveCpu *cpu, json_t *answer)
{
    answer_set_cpu(answer, cpu->text, l->notes, live_model_for_qemu,
                   cpu->session);
    json_object_set_new(answer, "machine", json_string(cpu->machine));
    json_object_set_new(answer, "accel", json_string(
        live_accelerator_name(l->session->accel)));
    json_object_set_new(answer, "qemu", json_string(
        live_qemu_version(l->session->qemu)));
}

bool live_check_passthrough(Live *l, const LiveCpu *cpu)
{
    if (!json_is_true(json_object_get(json_object_get(cpu->model, "props"),
                                      "hv-passthrough"))) {
        return true;
    }
    return problem_set(l->problem, STATUS_UNKNOWN, "%.64s: hv-passthrough "
                       "turns on what the host has; set the hv-* properties "
                       "that you want instead", cpu->text);
}

void live_release_cpus(LiveCpus *cpus)
{
    size_t i;

    for (i = 0; i < cpus->count; i++) {
        json_decref(cpus->items[i].model);
    }
    free(cpus->items);
}

/*
 * Those that other QEMUs answer for, by the irqchips of their machine types,
 * are described, which is the same everywhere.
 */
static bool unite_cpus(Live *l, LiveCpus *cpus, LiveSession *const *sessions)
{
    size_t i, last = cpus->count - 1;
    json_t *reply;

    for (i = 0; i < cpus->count; i++) {
        if (sessions[i] == sessions[last]) {
            continue;
        }
        l->session = sessions[i];
        reply = live_expand(l, cpus->items[i].model);
        if (!reply) {
            return false;
        }
        json_decref(cpus->items[i].model);
        cpus->items[i].model = json_incref(json_object_get(reply, "model"));
        json_decref(reply);
    }
    l->session = sessions[last];
    return true;
}

bool live_get_cpus(Live *l, CpusUse use, LiveCpus *cpus)
{
    LiveSession **sessions;
    size_t i, count;
    bool ok = true;

    *cpus = (LiveCpus) { NULL, 0 };
    if (!live_check_own(l)) {
        return false;
    }
    count = cpus_count(l->request, use, l->problem);
    if (!count) {
        return false;
    }
    cpus->items = calloc(count, sizeof(*cpus->items));
    sessions = calloc(count, sizeof(*sessions));
    for (i = 0; cpus->items && sessions && ok && i < count; i++) {
        LiveCpu *cpu = &cpus->items[cpus->count++];

        ok = live_get_cpu(l, i, cpu) &&
             (use == CPUS_FOR_BASELINE || live_check_passthrough(l, cpu));
        sessions[i] = l->session;
    }
    ok = ok && sessions && cpus->count == count &&
         unite_cpus(l, cpus, sessions);
    free(sessions);
    return ok;
}

void live_describe_all(const Live *l, const LiveCpus *cpus, json_t *answer)
{
    json_t *list = json_array(), *item;
    size_t i;

    for (i = 0; i < cpus->count; i++) {
        item = json_object();
        live_describe(l, &cpus->items[i], item);
        json_array_append_new(list, item);
    }
    json_object_set_new(answer, "cpus", list);
}

json_t *live_ask_pair(Live *l, const char *command, json_t *a, json_t *b)
{
    return live_ask(l, command,
                    json_pack("{s:O, s:O}", "modela", a, "modelb", b));
}
