/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What x86-cpu answers with a live QEMU
 *
 * The commands are those of qapi/cpu-introspection-target.json, and QEMU's own
 * query-cpu-model-expansion, -comparison and -baseline.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "live-answers.h"
#include "live-model.h"
#include "live-qemu.h"
#include "models-json.h"
#include "../near-names.h"

/* An accelerator with an irqchip, and whether guests may have the host wait */
enum { SESSIONS = 2 * MODELS_FILE_IRQCHIPS * 2 };

/* A QEMU, with what it said that does not change */
typedef struct Session {
    LiveQemu *qemu;
    X86CpuAccelerator accel;
    ModelsFileIrqchip irqchip;
    bool cpu_pm;
    /* query-machine-cpu-layers; and query-machines, if asked */
    json_t *layers, *machines;
    /* The names of features in the order of QEMU, and by all their names */
    json_t *features, *names;
    /* How names of other bits in the word of each of @features begin */
    json_t *words;
    /* The names of features by their bits in EDX of leaf 1 */
    json_t *leaf_1_edx;
    /* The properties of CPU model host */
    json_t *host;
} Session;

struct LiveTool {
    const char *program, *address;
    Session sessions[SESSIONS];
};

/* What a request is about, other than its CPUs */
typedef struct Live {
    LiveTool *tool;
    const json_t *request;
    Problem *problem;
    Session *session;
} Live;

/* A CPU of a request */
typedef struct LiveCpu {
    const char *text, *machine;
    /* CpuModelInfo, to be released */
    json_t *model;
} LiveCpu;

/* Always false */
__attribute__((format(printf, 2, 3)))
static bool fail(Live *l, const char *format, ...)
{
    char text[sizeof(l->problem->text)];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    problem_set(l->problem, STATUS_ERROR, "%s", text);
    return false;
}

/* ---- sessions ---- */

static void end_session(Session *s)
{
    live_qemu_end(s->qemu);
    json_decref(s->layers);
    json_decref(s->machines);
    json_decref(s->features);
    json_decref(s->names);
    json_decref(s->words);
    json_decref(s->leaf_1_edx);
    json_decref(s->host);
    memset(s, 0, sizeof(*s));
}

/*
 * What @command returns, or NULL with a problem.  A QEMU that is lost is ended:
 * the next request gets another one.
 */
static json_t *ask(Live *l, const char *command, json_t *arguments)
{
    char error[LIVE_QEMU_ERROR];
    Session *s = l->session;
    LiveProblem why;
    json_t *value;

    if (!s->qemu) {
        json_decref(arguments);
        return NULL;
    }
    value = live_qemu_ask(s->qemu, command, arguments, &why, error);
    if (!value && why == LIVE_NO_COMMAND && s->layers) {
        fail(l, "%.200s (QEMU %s) has CPU introspection, but is too old for "
             "%s", live_qemu_name(s->qemu), live_qemu_version(s->qemu),
             command);
    } else if (!value && why == LIVE_NO_COMMAND) {
        /* Every request begins with such a command. */
        fail(l, "%.200s (QEMU %s) is built without CPU introspection",
             live_qemu_name(s->qemu), live_qemu_version(s->qemu));
    } else if (!value) {
        fail(l, "%s", error);
        if (why == LIVE_LOST) {
            end_session(s);
        }
    }
    return value;
}

/* Releases @value and returns NULL, with a problem. */
static json_t *not_understood(Live *l, const char *command, json_t *value)
{
    fail(l, "%s: %.200s is not understood: its answer is another one than "
         "that of CPU introspection", command,
         live_qemu_name(l->session->qemu));
    json_decref(value);
    return NULL;
}

static bool is_texts(const json_t *list)
{
    const json_t *text;
    size_t i;

    json_array_foreach((json_t *)list, i, text) {
        if (!models_json_is_text(text)) {
            return false;
        }
    }
    return json_is_array(list);
}

/* Whether @object is one, and has a text in each member of @names */
static bool has_texts(const json_t *object, const char *const *names)
{
    for (; *names; names++) {
        if (!models_json_is_text(json_object_get(object, *names))) {
            return false;
        }
    }
    return json_is_object(object);
}

/* The same for lists of texts */
static bool has_lists(const json_t *object, const char *const *names)
{
    for (; *names; names++) {
        if (!is_texts(json_object_get(object, *names))) {
            return false;
        }
    }
    return json_is_object(object);
}

/* Whether all that @list has is as has_texts() says */
static bool all_have_texts(const json_t *list, const char *const *names)
{
    const json_t *object;
    size_t i;

    json_array_foreach((json_t *)list, i, object) {
        if (!has_texts(object, names)) {
            return false;
        }
    }
    return json_is_array(list);
}

/* Properties, with values that -cpu has */
static bool is_props(const json_t *props)
{
    const json_t *value;
    const char *name;

    json_object_foreach((json_t *)props, name, value) {
        if (!json_is_boolean(value) && !json_is_integer(value) &&
            !json_is_string(value)) {
            return false;
        }
    }
    return json_is_object(props);
}

static bool get_layers(Live *l)
{
    static const char command[] = "query-machine-cpu-layers";
    static const char *const lists[] = { "machine-types", NULL };
    json_t *layers = ask(l, command, NULL), *layer;
    size_t i, count = 0;
    bool ok = true;

    if (!layers) {
        return false;
    }
    json_array_foreach(layers, i, layer) {
        ok = ok && has_lists(layer, lists);
        count += json_array_size(json_object_get(layer, "machine-types"));
    }
    if (!ok || !count) {
        return not_understood(l, command, layers);
    }
    l->session->layers = layers;
    return true;
}

/* What feature_names_place() makes of the word of @feature; "" if that fails */
static json_t *word_of(const json_t *feature)
{
    json_t *place = json_array_get(json_object_get(feature, "places"), 0);
    json_int_t leaf, subleaf, index;
    const char *name;
    char word[64] = "", reg[4] = "";

    if (!json_unpack(place, "{s:{s:I}}", "msr", "index", &index)) {
        snprintf(word, sizeof(word), "msr-%02xh-", (unsigned)index);
    } else if (!json_unpack(place, "{s:{s:I, s:I, s:s}}", "cpuid", "leaf",
                            &leaf, "subleaf", &subleaf, "register", &name) &&
               strlen(name) == 3) {
        size_t i;

        for (i = 0; i < 3; i++) {
            reg[i] = name[i] | 0x20;
        }
        if (subleaf) {
            snprintf(word, sizeof(word), "cpuid-%02xh-%x-%s-",
                     (unsigned)leaf, (unsigned)subleaf, reg);
        } else {
            snprintf(word, sizeof(word), "cpuid-%02xh-%s-", (unsigned)leaf,
                     reg);
        }
    }
    return json_string(word);
}

/* The features in EDX of leaf 1, by the names that their bits would have */
static json_t *find_leaf_1_edx(const json_t *features)
{
    json_t *found = json_object(), *feature;
    json_int_t bit;
    char text[16];
    size_t i;

    json_array_foreach((json_t *)features, i, feature) {
        json_t *word = word_of(feature);
        json_t *place = json_array_get(json_object_get(feature, "places"), 0);

        if (!strcmp(json_string_value(word), "cpuid-01h-edx-") &&
            !json_unpack(place, "{s:{s:I}}", "cpuid", "bit", &bit)) {
            snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, bit);
            json_object_set(found, text, json_object_get(feature, "name"));
        }
        json_decref(word);
    }
    return found;
}

static bool get_features(Live *l)
{
    static const char command[] = "query-cpu-features";
    static const char *const texts[] = { "name", NULL };
    static const char *const lists[] = { "aliases", NULL };
    json_t *list, *feature, *features, *names, *words, *alias;
    size_t i, j;

    if (l->session->features) {
        return true;
    }
    list = ask(l, command, NULL);
    if (!list) {
        return false;
    }
    features = json_array();
    names = json_object();
    words = json_array();
    json_array_foreach(list, i, feature) {
        json_t *name = json_object_get(feature, "name");

        if (!has_texts(feature, texts) || !has_lists(feature, lists)) {
            json_array_clear(features);
            break;
        }
        json_array_append(features, name);
        json_array_append_new(words, word_of(feature));
        json_object_set(names, json_string_value(name), name);
        json_array_foreach(json_object_get(feature, "aliases"), j, alias) {
            json_object_set(names, json_string_value(alias), name);
        }
    }
    if (!json_array_size(features)) {
        json_decref(features);
        json_decref(names);
        json_decref(words);
        return not_understood(l, command, list);
    }
    l->session->leaf_1_edx = find_leaf_1_edx(list);
    json_decref(list);
    l->session->features = features;
    l->session->names = names;
    l->session->words = words;
    return true;
}

/* Under KVM, or else under TCG */
static bool get_accelerator(Live *l)
{
    json_t *value = ask(l, "query-kvm", NULL), *enabled;

    if (!value) {
        return false;
    }
    enabled = json_object_get(value, "enabled");
    if (!json_is_boolean(enabled)) {
        return not_understood(l, "query-kvm", value);
    }
    l->session->accel = json_is_true(enabled) ? X86CPU_ON_KVM : X86CPU_ON_TCG;
    json_decref(value);
    return true;
}

/* Ends what get_layers() refused. */
static bool begin_session(Live *l, Session *s, LiveQemu *qemu)
{
    s->qemu = qemu;
    l->session = s;
    if (get_layers(l)) {
        return true;
    }
    end_session(s);
    return false;
}

/* The QEMU that somebody else runs: it has its own accelerator. */
static bool use_running(Live *l)
{
    Session *s = &l->tool->sessions[0];
    char error[LIVE_QEMU_ERROR];
    LiveQemu *qemu;

    l->session = s;
    if (s->qemu) {
        return true;
    }
    qemu = live_qemu_connect(l->tool->address, error);
    if (!qemu) {
        return fail(l, "%s", error);
    }
    if (!begin_session(l, s, qemu)) {
        return false;
    }
    if (!get_accelerator(l)) {
        end_session(s);
        return false;
    }
    return true;
}

/* A QEMU that has what @wanted says; only KVM has what follows "accel". */
static bool use_own(Live *l, const Session *wanted)
{
    static const char *const kvm[MODELS_FILE_IRQCHIPS] = {
        [MODELS_FILE_IRQCHIP_ON] = "kvm",
        [MODELS_FILE_IRQCHIP_SPLIT] = "kvm,kernel-irqchip=split",
        [MODELS_FILE_IRQCHIP_OFF] = "kvm,kernel-irqchip=off",
    };
    bool on_kvm = wanted->accel == X86CPU_ON_KVM;
    bool cpu_pm = on_kvm && wanted->cpu_pm;
    ModelsFileIrqchip irqchip = on_kvm ? wanted->irqchip : 0;
    const char *options[] = {
        "-accel", on_kvm ? kvm[irqchip] : "tcg",
        cpu_pm ? "-overcommit" : NULL, "cpu-pm=on", NULL
    };
    Session *s = &l->tool->sessions[(on_kvm * MODELS_FILE_IRQCHIPS + irqchip) *
                                    2 + cpu_pm];
    char error[LIVE_QEMU_ERROR];
    LiveQemu *qemu;

    l->session = s;
    if (s->qemu) {
        return true;
    }
    qemu = live_qemu_start(l->tool->program, options, error);
    if (!qemu) {
        return fail(l, "%s", error);
    }
    s->accel = wanted->accel;
    s->irqchip = irqchip;
    s->cpu_pm = cpu_pm;
    return begin_session(l, s, qemu);
}

/* ---- requests ---- */

/* What a live QEMU knows itself */
static bool check_own(Live *l)
{
    static const char *const members[] = { "host", "hosts", "from", "to" };
    size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (json_object_get(l->request, members[i])) {
            return fail(l, "a live QEMU answers for the host that it runs on: "
                        "leave '%s' out, or --qemu and --qmp", members[i]);
        }
    }
    return true;
}

static const char *accelerator_name(X86CpuAccelerator accel)
{
    return accel == X86CPU_ON_KVM ? "kvm" : "tcg";
}

/* Finds the QEMU for the request.  Its irqchip may depend on machine types. */
static bool use_session(Live *l, ModelsFileIrqchip irqchip)
{
    Session wanted = { .accel = X86CPU_ON_KVM, .irqchip = irqchip };
    bool by_user = json_object_get(l->request, "accel");

    if (!check_own(l) ||
        !request_accelerator(l->request, &wanted.accel, l->problem) ||
        !request_irqchip(l->request, &wanted.irqchip, l->problem)) {
        return false;
    }
    wanted.cpu_pm = request_flag(l->request, "cpu-pm");
    if (!l->tool->address) {
        return use_own(l, &wanted);
    }
    if (json_object_get(l->request, "irqchip") ||
        json_object_get(l->request, "cpu-pm")) {
        return fail(l, "a running QEMU has its own 'irqchip' and 'cpu-pm': "
                    "leave them out");
    }
    if (!use_running(l)) {
        return false;
    }
    return !by_user || wanted.accel == l->session->accel ||
           fail(l, "'accel' is %s, but %.200s runs with %s",
                accelerator_name(wanted.accel),
                live_qemu_name(l->session->qemu),
                accelerator_name(l->session->accel));
}

static const char *newest_machine(const Live *l)
{
    const json_t *layer = json_array_get(l->session->layers, 0);
    const json_t *types = json_object_get(layer, "machine-types");

    return json_string_value(json_array_get(types, 0));
}

/* The machine type that @name is an alias of, such as q35; or NULL */
static const char *find_alias(Live *l, const char *name)
{
    static const char command[] = "query-machines";
    static const char *const texts[] = { "name", NULL };
    json_t *machines = l->session->machines, *machine;
    const char *alias;
    size_t i;

    if (!machines) {
        machines = ask(l, command, NULL);
        if (machines && !all_have_texts(machines, texts)) {
            machines = not_understood(l, command, machines);
        }
        l->session->machines = machines;
    }
    json_array_foreach(machines, i, machine) {
        alias = json_string_value(json_object_get(machine, "alias"));
        if (alias && !strcmp(alias, name)) {
            return json_string_value(json_object_get(machine, "name"));
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
    json_t *reply = ask(l, "query-cpu-model-expansion",
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
    NearNames near = { .count = 0 };
    char text[X86_CPU_NEAR_NAMES_SIZE];
    const char *name = *machine ? *machine : newest_machine(l);
    const json_t *layer, *type;
    size_t i, j;

    if (!name) {
        return fail(l, "this QEMU has no machine types");
    }
    *machine = name;
    json_array_foreach(l->session->layers, i, layer) {
        json_array_foreach(json_object_get(layer, "machine-types"), j, type) {
            if (!strcmp(json_string_value(type), name)) {
                return true;
            }
            x86_cpu_near_names_add(&near, name, json_string_value(type));
        }
    }
    *machine = find_alias(l, name);
    if (*machine) {
        return true;
    }
    *machine = name;
    if (is_known_machine(l, name)) {
        return true;
    }
    if (!l->session->qemu) {
        return false;
    }
    x86_cpu_near_names_print(&near, text);
    return fail(l, "QEMU %s has no machine type '%.64s'%s",
                live_qemu_version(l->session->qemu), name, text);
}

/*
 * Uses the QEMU for @machine, or for the default of the request: without
 * "irqchip", that of the machine type.
 */
static bool use_machine(Live *l, const char **machine)
{
    ModelsFileIrqchip irqchip;

    if (!*machine &&
        !request_text(l->request, "machine", machine, l->problem)) {
        return false;
    }
    if (!use_session(l, MODELS_FILE_IRQCHIP_ON) || !find_machine(l, machine)) {
        return false;
    }
    irqchip = default_irqchip(live_qemu_major(l->session->qemu) >= 11,
                              *machine);
    return irqchip == MODELS_FILE_IRQCHIP_ON || l->tool->address ||
           use_session(l, irqchip);
}

/* ---- commands ---- */

/* An expansion of @model, which is not released */
static json_t *expand(Live *l, json_t *model)
{
    static const char command[] = "query-cpu-model-expansion";
    json_t *reply = ask(l, command, json_pack("{s:s, s:O}", "type", "static",
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
        !is_props(json_object_get(found, "props")) ||
        (omitted && !is_texts(omitted))) {
        return not_understood(l, command, reply);
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
            fail(l, "'%s' is %" PRIu64 ", but that of the host is %" PRIu64,
                 name, wanted, host));
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
        reply = expand(l, model);
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
        return fail(l, "the vendor is %s, but that of the host is %s", vendor,
                    own);
    }
    return check_number(l, "phys-bits") && check_number(l, "guest-phys-bits");
}

/* CPU @number of the request; *@cpu is to be released, whatever comes. */
static bool get_cpu(Live *l, size_t number, LiveCpu *cpu)
{
    X86CpuTopology topology;
    SmpCounts counts;
    char error[LIVE_MODEL_ERROR];

    *cpu = (LiveCpu) { .text = NULL };
    if (!request_cpu(l->request, number, &cpu->text, &cpu->machine,
                     l->problem) ||
        !use_machine(l, &cpu->machine) ||
        !request_topology(l->request, cpu->machine, &topology, &counts,
                          l->problem) ||
        !check_host(l) ||
        (strchr(cpu->text, ',') && !get_features(l))) {
        return false;
    }
    cpu->model = live_model(cpu->text, cpu->machine, l->session->names,
                            live_qemu_major(l->session->qemu), error);
    return cpu->model || fail(l, "%s", error);
}

/* As answer_describe() */
static void describe(const Live *l, const LiveCpu *cpu, json_t *answer)
{
    json_object_set_new(answer, "cpu", json_string(cpu->text));
    json_object_set_new(answer, "machine", json_string(cpu->machine));
    json_object_set_new(answer, "accel", json_string(
        accelerator_name(l->session->accel)));
    json_object_set_new(answer, "qemu", json_string(
        live_qemu_version(l->session->qemu)));
}

/* ---- list ---- */

static int compare_models(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;

    /* base is first, as in the file of CPU models. */
    return !strcmp(x, "base") ? -!!strcmp(y, "base") :
           !strcmp(y, "base") ? 1 : strcmp(x, y);
}

/* Those that are the same on all hosts */
static json_t *list_models(Live *l)
{
    static const char command[] = "query-cpu-definitions";
    static const char *const texts[] = { "name", NULL };
    json_t *reply = ask(l, command, NULL), *models, *definition;
    size_t i, count = 0;
    const char **names;

    if (!reply) {
        return NULL;
    }
    if (!all_have_texts(reply, texts)) {
        return not_understood(l, command, reply);
    }
    models = json_array();
    names = calloc(json_array_size(reply) + 1, sizeof(*names));
    json_array_foreach(reply, i, definition) {
        const char *name = json_string_value(json_object_get(definition,
                                                             "name"));

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
    json_t *reply = ask(l, command, json_pack("{s:s}", "implements",
                                              "accel"));
    json_t *accelerators, *type;
    size_t i, j;

    if (!reply) {
        return NULL;
    }
    if (!all_have_texts(reply, texts)) {
        return not_understood(l, command, reply);
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

/* Any QEMU will do: TCG needs nothing of the host. */
static bool use_any(Live *l)
{
    Session wanted = { .accel = X86CPU_ON_TCG };
    Problem problem;

    if (l->tool->address) {
        return use_running(l);
    }
    if (use_own(l, &wanted)) {
        return true;
    }
    /* It may be built without TCG.  Otherwise, the first problem counts. */
    problem = *l->problem;
    wanted.accel = X86CPU_ON_KVM;
    if (strstr(problem.text, "invalid accelerator") && use_own(l, &wanted)) {
        return true;
    }
    *l->problem = problem;
    return false;
}

static json_t *answer_list_live(Live *l, Status *status)
{
    json_t *models, *accelerators, *machines, *layer;
    size_t i;

    (void)status;
    models = use_any(l) ? list_models(l) : NULL;
    accelerators = models ? list_accelerators(l) : NULL;
    if (!accelerators) {
        json_decref(models);
        return NULL;
    }
    machines = json_array();
    json_array_foreach(l->session->layers, i, layer) {
        json_array_extend(machines, json_object_get(layer, "machine-types"));
    }
    return json_pack("{s:[{s:s, s:o, s:o, s:o}]}", "files",
                     "qemu", live_qemu_version(l->session->qemu),
                     "models", models, "machine-types", machines,
                     "accelerators", accelerators);
}

/* ---- show, expand and check ---- */

static json_t *answer_expand_live(Live *l, Status *status)
{
    json_t *reply, *answer = NULL, *omitted;
    LiveCpu cpu;

    (void)status;
    reply = get_cpu(l, 0, &cpu) ? expand(l, cpu.model) : NULL;
    if (reply) {
        answer = json_pack("{s:O, s:[]}", "model",
                           json_object_get(reply, "model"), "unknown");
        omitted = json_object_get(reply, "omitted-properties");
        if (json_array_size(omitted)) {
            json_object_set(answer, "omitted-properties", omitted);
        }
        describe(l, &cpu, answer);
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

    if (!answer || !get_features(l)) {
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
    LiveCpu cpu = { NULL, NULL, NULL };
    bool runs;
    size_t i;

    reply = get_cpu(l, 0, &cpu) && check_topology(l, cpu.machine)
            ? expand(l, cpu.model) : NULL;
    removed = json_object_get(reply, "removed-features");
    errors = json_object_get(reply, "errors");
    if (reply && (!all_have_texts(removed, entry_texts) ||
                  !all_have_texts(errors, error_texts))) {
        reply = not_understood(l, "query-cpu-model-expansion", reply);
    }
    if (reply) {
        json_array_foreach(removed, i, entry) {
            blocking += json_is_true(json_object_get(entry, "blocking"));
        }
        runs = !blocking && !json_array_size(errors);
        answer = json_pack("{s:O, s:O, s:I, s:b}", "removed-features",
                           removed, "errors", errors, "blocking", blocking,
                           "runs", runs);
        describe(l, &cpu, answer);
        *status = runs ? STATUS_YES : STATUS_NO;
    }
    json_decref(reply);
    json_decref(cpu.model);
    return answer;
}

/* ---- compare and baseline ---- */

typedef struct LiveCpus {
    LiveCpu *items;
    size_t count;
} LiveCpus;

static void release_cpus(LiveCpus *cpus)
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
static bool unite_cpus(Live *l, LiveCpus *cpus, Session *const *sessions)
{
    size_t i, last = cpus->count - 1;
    json_t *reply;

    for (i = 0; i < cpus->count; i++) {
        if (sessions[i] == sessions[last]) {
            continue;
        }
        l->session = sessions[i];
        reply = expand(l, cpus->items[i].model);
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

/* As cpus_make_comparable() */
static bool check_passthrough(Live *l, const LiveCpu *cpu)
{
    if (!json_is_true(json_object_get(json_object_get(cpu->model, "props"),
                                      "hv-passthrough"))) {
        return true;
    }
    return problem_set(l->problem, STATUS_UNKNOWN, "%.64s: hv-passthrough "
                       "turns on what the host has; set the hv-* properties "
                       "that you want instead", cpu->text);
}

/*
 * *@cpus is to be released, whatever comes.  @passthrough: hv-passthrough may
 * be on.
 */
static bool get_cpus(Live *l, size_t least, size_t most, bool passthrough,
                     LiveCpus *cpus)
{
    const json_t *list = json_object_get(l->request, "cpus");
    size_t i, count = json_is_array(list) ? json_array_size(list) : 0;
    Session **sessions;
    bool ok = true;

    *cpus = (LiveCpus) { NULL, 0 };
    if (!check_own(l)) {
        return false;
    }
    if (count < least || count > most) {
        return fail(l, most == least
                    ? "'cpus' is a list of two CPUs"
                    : "'cpus' is a list of one CPU or more");
    }
    cpus->items = calloc(count, sizeof(*cpus->items));
    sessions = calloc(count, sizeof(*sessions));
    for (i = 0; cpus->items && sessions && ok && i < count; i++) {
        LiveCpu *cpu = &cpus->items[cpus->count++];

        ok = get_cpu(l, i, cpu) &&
             (passthrough || check_passthrough(l, cpu));
        sessions[i] = l->session;
    }
    ok = ok && sessions && cpus->count == count &&
         unite_cpus(l, cpus, sessions);
    free(sessions);
    return ok;
}

static void describe_all(const Live *l, const LiveCpus *cpus, json_t *answer)
{
    json_t *list = json_array(), *item;
    size_t i;

    for (i = 0; i < cpus->count; i++) {
        item = json_object();
        describe(l, &cpus->items[i], item);
        json_array_append_new(list, item);
    }
    json_object_set_new(answer, "cpus", list);
}

static json_t *ask_pair(Live *l, const char *command, json_t *a, json_t *b)
{
    return ask(l, command, json_pack("{s:O, s:O}", "modela", a, "modelb", b));
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

    if (get_cpus(l, 2, 2, false, &cpus)) {
        reply = ask_pair(l, command, cpus.items[0].model,
                         cpus.items[1].model);
    }
    result = json_string_value(json_object_get(reply, "result"));
    if (reply && (!result || !has_lists(reply, lists))) {
        reply = not_understood(l, command, reply);
    }
    if (reply) {
        *status = !strcmp(result, "identical") || !strcmp(result, "subset")
                  ? STATUS_YES : STATUS_NO;
        describe_all(l, &cpus, reply);
    }
    release_cpus(&cpus);
    return reply;
}

/* What baselines of pairs, one after another, leave out */
typedef struct Fold {
    /* A CpuModelInfo */
    json_t *model;
    /* Names by reason, and hazards: objects whose values are true */
    json_t *omitted, *hazards;
} Fold;

static const char host_only[] = "host-only";

static const char *const omission_reasons[] = {
    "dependency", "unmigratable", "conflict", host_only, NULL
};

/* The baseline of @a and @b, whose omissions *@fold takes in */
static json_t *ask_baseline(Live *l, json_t *a, json_t *b, Fold *fold)
{
    static const char command[] = "query-cpu-model-baseline";
    static const char *const texts[] = { "feature", "reason", NULL };
    static const char *const lists[] = { "hazards", NULL };
    json_t *reply = ask_pair(l, command, a, b), *omitted, *entry;
    size_t i;

    if (!reply) {
        return NULL;
    }
    omitted = json_object_get(reply, "omitted-features");
    if (!is_props(json_object_get(json_object_get(reply, "model"),
                                  "props")) ||
        !all_have_texts(omitted, texts) || !has_lists(reply, lists)) {
        return not_understood(l, command, reply);
    }
    json_array_foreach(omitted, i, entry) {
        const char *reason = json_string_value(json_object_get(entry,
                                                               "reason"));
        json_t *names = json_object_get(fold->omitted, reason);

        if (!names) {
            names = json_object();
            json_object_set_new(fold->omitted, reason, names);
        }
        json_object_set_new(names, json_string_value(
            json_object_get(entry, "feature")), json_true());
    }
    return reply;
}

static bool fold_pair(Live *l, json_t *a, json_t *b, Fold *fold)
{
    json_t *reply = ask_baseline(l, a, b, fold), *hazard;
    size_t i;

    if (!reply) {
        return false;
    }
    json_decref(fold->model);
    fold->model = json_incref(json_object_get(reply, "model"));
    json_array_foreach(json_object_get(reply, "hazards"), i, hazard) {
        json_object_set_new(fold->hazards, json_string_value(hazard),
                            json_true());
    }
    json_decref(reply);
    return true;
}

static bool is_given(const json_t *props, const char *name)
{
    const json_t *value = json_object_get(props, name);

    return json_is_true(value) || json_integer_value(value);
}

/* As x86cpu_has_hyperv() */
static bool has_hyperv(const json_t *props)
{
    const json_t *value;
    const char *name;

    json_object_foreach((json_t *)props, name, value) {
        if (!strncmp(name, "hv-", 3) && json_is_true(value) &&
            strcmp(name, "hv-enforce-cpuid")) {
            return true;
        }
    }
    return json_integer_value(json_object_get(props, "hv-spinlocks")) !=
           UINT32_MAX;
}

/*
 * Whether a CPU with @props has @name, which a baseline lacks.  Features that
 * come with several threads it has; and it is AMD's if the bit without a name
 * repeats one of leaf 1.  Guests see vmware-cpuid-freq if the rate of the TSC
 * is constant, and Hyper-V does not take its leaf.
 */
static bool has_feature(const Live *l, const json_t *props, const char *name)
{
    static const char repeated[] = "cpuid-80000001h-edx-";
    bool is_place = !json_object_get(props, name) &&
                    (!strncmp(name, "cpuid-", 6) || !strncmp(name, "msr-", 4));
    const char *of = NULL;

    if (!strncmp(name, repeated, strlen(repeated))) {
        of = json_string_value(json_object_get(l->session->leaf_1_edx,
                                               name + strlen(repeated)));
    } else if (!strcmp(name, "vmware-cpuid-freq")) {
        return is_given(props, name) && is_given(props, "kvm") &&
               !has_hyperv(props) && (is_given(props, "tsc-frequency") ||
                                      is_given(props, "invtsc"));
    } else if (!is_place && strcmp(name, "ht") && strcmp(name, "cmp-legacy")) {
        of = name;
    }
    return !of || is_given(props, of);
}

/* Drops omissions that the CPU with @props does not have. */
static void drop_missing(const Live *l, const json_t *props, Fold *fold)
{
    json_t *names, *value;
    const char *reason, *name;
    void *next;

    json_object_foreach(fold->omitted, reason, names) {
        if (!strcmp(reason, host_only)) {
            continue;
        }
        json_object_foreach_safe(names, next, name, value) {
            if (!has_feature(l, props, name)) {
                json_object_del(names, name);
            }
        }
    }
}

static bool has_omission(const json_t *omitted, const char *name)
{
    const json_t *entry;
    size_t i;

    json_array_foreach((json_t *)omitted, i, entry) {
        if (!strcmp(json_string_value(json_object_get(entry, "feature")),
                    name)) {
            return true;
        }
    }
    return false;
}

/*
 * Adds to @unseen the features that @a and @b have, and that their baseline
 * @reply lacks without saying so: guests of one CPU do not see them.
 */
static void find_unseen(const json_t *a, const json_t *b, const json_t *reply,
                        json_t *unseen)
{
    const json_t *omitted = json_object_get(reply, "omitted-features");
    const json_t *props = json_object_get(json_object_get(reply, "model"),
                                          "props");
    const json_t *value;
    const char *name;

    json_object_foreach((json_t *)a, name, value) {
        if (json_is_true(value) && json_is_true(json_object_get(b, name)) &&
            !json_is_true(json_object_get(props, name)) &&
            !has_omission(omitted, name)) {
            json_object_set_new(unseen, name, json_true());
        }
    }
}

/* One reason is enough: a conflict, or else that of a step. */
static void drop_unseen(json_t *unseen, Fold *fold)
{
    json_t *names, *value;
    const char *reason, *name;

    json_object_foreach(fold->omitted, reason, names) {
        if (!strcmp(reason, host_only)) {
            continue;
        }
        json_object_foreach(unseen, name, value) {
            json_object_del(names, name);
        }
    }
    json_object_foreach(json_object_get(fold->omitted, "conflict"), name,
                        value) {
        json_object_del(json_object_get(fold->omitted, "dependency"), name);
        json_object_del(json_object_get(fold->omitted, "unmigratable"), name);
    }
}

/* Properties have the order of their names; which step listed them has not. */
static void sort_omitted(Fold *fold)
{
    json_t *names, *sorted;
    const char *reason, **list, **name;

    json_object_foreach(fold->omitted, reason, names) {
        if (!strcmp(reason, host_only)) {
            continue;
        }
        list = sorted_names(names);
        sorted = json_object();
        for (name = list; name && *name; name++) {
            json_object_set_new(sorted, *name, json_true());
        }
        json_object_clear(names);
        json_object_update(names, sorted);
        json_decref(sorted);
        free(list);
    }
}

/*
 * As finish_omitted() in verb-baseline.c: makes the lists the same for every
 * order of @cpus.
 */
static bool finish_omitted(Live *l, const LiveCpus *cpus, Fold *fold)
{
    json_t *all = json_array(), *unseen = json_object(), *reply, *first, *props;
    bool ok = false;
    size_t i;

    for (i = 0; i < cpus->count; i++) {
        reply = expand(l, cpus->items[i].model);
        if (!reply) {
            goto out;
        }
        json_array_append(all, json_object_get(json_object_get(reply, "model"),
                                               "props"));
        json_decref(reply);
    }
    first = json_array_get(all, 0);
    for (i = 1; i < cpus->count; i++) {
        reply = ask_baseline(l, cpus->items[0].model, cpus->items[i].model,
                             fold);
        if (!reply) {
            goto out;
        }
        find_unseen(first, json_array_get(all, i), reply, unseen);
        json_decref(reply);
    }
    json_array_foreach(all, i, props) {
        drop_missing(l, props, fold);
    }
    drop_unseen(unseen, fold);
    sort_omitted(fold);
    ok = true;
out:
    json_decref(all);
    json_decref(unseen);
    return ok;
}

/* Moves the bits of @word without a name from @names to @list. */
static void move_places(const char *word, json_t *names, json_t *list)
{
    char name[80];
    unsigned bit;

    for (bit = 0; *word && bit < 64; bit++) {
        snprintf(name, sizeof(name), "%s%u", word, bit);
        if (json_object_get(names, name)) {
            json_object_del(names, name);
            json_array_append_new(list, json_string(name));
        }
    }
}

/*
 * The members of @names in QEMU's order: features, after those of each word its
 * bits without a name, and then properties
 */
static json_t *in_order(const Live *l, const json_t *names)
{
    json_t *list = json_array(), *left = json_copy((json_t *)names);
    const json_t *words = l->session->words;
    json_t *feature, *value;
    const char *name;
    size_t i;

    json_array_foreach(l->session->features, i, feature) {
        const char *word = json_string_value(json_array_get(words, i));
        const char *next = json_string_value(json_array_get(words, i + 1));

        if (!json_object_del(left, json_string_value(feature))) {
            json_array_append(list, feature);
        }
        if (!next || strcmp(word, next)) {
            move_places(word, left, list);
        }
    }
    json_object_foreach(left, name, value) {
        json_array_append_new(list, json_string(name));
    }
    json_decref(left);
    return list;
}

/* The members of @object, which may be NULL */
static json_t *names_of(const json_t *object)
{
    json_t *list = json_array(), *value;
    const char *name;

    json_object_foreach((json_t *)object, name, value) {
        json_array_append_new(list, json_string(name));
    }
    return list;
}

static json_t *omitted_features(const Live *l, const Fold *fold)
{
    json_t *list = json_array(), *names, *name;
    const char *const *reason;
    size_t i;

    for (reason = omission_reasons; *reason; reason++) {
        const json_t *found = json_object_get(fold->omitted, *reason);

        /* Of each CPU in turn */
        names = strcmp(*reason, host_only) ? in_order(l, found)
                                           : names_of(found);
        json_array_foreach(names, i, name) {
            json_array_append_new(list, json_pack("{s:O, s:s}", "feature",
                                                  name, "reason", *reason));
        }
        json_decref(names);
    }
    return list;
}

static bool fold_cpus(Live *l, const LiveCpus *cpus, Fold *fold)
{
    size_t i;

    /* One CPU is that with itself. */
    if (!fold_pair(l, cpus->items[0].model,
                   cpus->items[cpus->count > 1].model, fold)) {
        return false;
    }
    for (i = 2; i < cpus->count; i++) {
        if (!fold_pair(l, fold->model, cpus->items[i].model, fold)) {
            return false;
        }
    }
    return get_features(l) &&
           (cpus->count <= 2 || finish_omitted(l, cpus, fold));
}

static json_t *answer_baseline_live(Live *l, Status *status)
{
    Fold fold = { NULL, json_object(), json_object() };
    json_t *answer = NULL;
    LiveCpus cpus;

    (void)status;
    if (get_cpus(l, 1, SIZE_MAX, true, &cpus) && fold_cpus(l, &cpus, &fold)) {
        answer = json_pack("{s:O, s:o, s:o}", "model", fold.model,
                           "omitted-features", omitted_features(l, &fold),
                           "hazards", in_order(l, fold.hazards));
        describe_all(l, &cpus, answer);
    }
    json_decref(fold.model);
    json_decref(fold.omitted);
    json_decref(fold.hazards);
    release_cpus(&cpus);
    return answer;
}

/* ---- nearest and best ---- */

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
    if (get_cpu(l, 0, &cpu) && check_passthrough(l, &cpu)) {
        arguments = json_pack("{s:O}", "model", cpu.model);
        if (request_flag(l->request, "any")) {
            json_object_set_new(arguments, "any", json_true());
        }
        reply = ask(l, command, arguments);
        /* That is an answer, which QEMU has no other words for. */
        if (!reply && strstr(l->problem->text, "no named CPU model becomes")) {
            l->problem->status = STATUS_NO;
        }
    }
    if (reply && (!has_texts(reply, texts) || !has_lists(reply, lists) ||
                  !is_props(json_object_get(reply, "set")))) {
        reply = not_understood(l, command, reply);
    }
    if (reply) {
        describe(l, &cpu, reply);
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

    if (!use_machine(l, &machine)) {
        return NULL;
    }
    models = ask(l, command, json_pack("{s:s}", "machine-type", machine));
    if (!models) {
        return NULL;
    }
    json_array_foreach(models, i, model) {
        ok = ok && has_texts(model, texts) && has_lists(model, lists);
    }
    if (!ok || !json_is_array(models)) {
        return not_understood(l, command, models);
    }
    if (!json_array_size(models)) {
        *status = STATUS_NO;
    }
    return json_pack("{s:o, s:i, s:{s:i, s:[]}, s:s, s:s, s:s}",
                     "models", models, "hosts", 1,
                     "unknown", "hosts", 0, "names",
                     "machine", machine,
                     "accel", accelerator_name(l->session->accel),
                     "qemu", live_qemu_version(l->session->qemu));
}

/* ---- all ---- */

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

    for (i = 0; live && i < SESSIONS; i++) {
        end_session(&live->sessions[i]);
    }
    free(live);
}

json_t *live_answer(LiveTool *live, const Verb *verb, const json_t *request,
                    Status *status, Problem *problem)
{
    static const struct {
        const char *name;
        json_t *(*answer)(Live *l, Status *status);
    } answers[] = {
        { "list", answer_list_live },
        { "show", answer_show_live },
        { "expand", answer_expand_live },
        { "compare", answer_compare_live },
        { "baseline", answer_baseline_live },
        { "nearest", answer_nearest_live },
        { "check", answer_check_live },
        { "best", answer_best_live },
    };
    Live l = { .tool = live, .request = request, .problem = problem };
    size_t i;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (!strcmp(verb->name, answers[i].name)) {
            return answers[i].answer(&l, status);
        }
    }
    return problem_set(problem, STATUS_ERROR, "%s needs no QEMU: leave --qemu "
                       "and --qmp out", verb->name);
}
