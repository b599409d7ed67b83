/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The QEMUs that requests are asked of
 */

#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include "live-reply.h"
#include "live-session.h"

bool live_fail(Live *l, const char *format, ...)
{
    char text[sizeof(l->problem->text)];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    problem_set(l->problem, STATUS_ERROR, "%s", text);
    return false;
}

void live_end_session(LiveSession *s)
{
    live_qemu_end(s->qemu);
    json_decref(s->layers);
    json_decref(s->machines);
    json_decref(s->features);
    json_decref(s->names);
    json_decref(s->others);
    json_decref(s->dashed_others);
    json_decref(s->words);
    json_decref(s->leaf_1_edx);
    json_decref(s->host);
    memset(s, 0, sizeof(*s));
}

/*
 * QEMU's words for a CPU, without the path that a property has in QMP: -cpu has
 * no such path.  It has no booleans, either, but what is on or off.
 */
static void fail_by_qemu(Live *l, const char *error)
{
    static const char path[] = "'model.props.";
    static const char invalid[] = "Invalid parameter type for ";
    const char *found = strstr(error, path), *name, *end;
    ptrdiff_t start;

    if (!found) {
        live_fail(l, "%s", error);
        return;
    }
    name = found + strlen(path);
    end = strchr(name, '\'');
    start = found - error - strlen(invalid);
    if (end && start >= 0 &&
        !strncmp(error + start, invalid, strlen(invalid)) &&
        !strcmp(end, "', expected: boolean")) {
        live_fail(l, "%.*s'%.*s' must be 'on' or 'off'", (int)start, error,
                  (int)(end - name), name);
    } else {
        live_fail(l, "%.*s'%s", (int)(found - error), error, name);
    }
}

json_t *live_ask(Live *l, const char *command, json_t *arguments)
{
    char error[LIVE_QEMU_ERROR];
    LiveSession *s = l->session;
    LiveProblem why;
    json_t *value;

    if (!s->qemu) {
        json_decref(arguments);
        return NULL;
    }
    value = live_qemu_ask(s->qemu, command, arguments, &why, error);
    if (!value && why == LIVE_NO_COMMAND && s->layers) {
        live_fail(l, "%.200s (QEMU %s) has CPU introspection, but is too old "
                  "for %s", live_qemu_name(s->qemu),
                  live_qemu_version(s->qemu), command);
    } else if (!value && why == LIVE_NO_COMMAND) {
        /* Every request begins with such a command. */
        live_fail(l, "%.200s (QEMU %s) is built without CPU introspection",
                  live_qemu_name(s->qemu), live_qemu_version(s->qemu));
    } else if (!value) {
        fail_by_qemu(l, error);
        if (why == LIVE_LOST) {
            live_end_session(s);
        }
    }
    return value;
}

json_t *live_not_understood(Live *l, const char *command, json_t *value)
{
    live_fail(l, "%s: %.200s is not understood: its answer is another one than "
              "that of CPU introspection", command,
              live_qemu_name(l->session->qemu));
    json_decref(value);
    return NULL;
}

static bool get_layers(Live *l)
{
    static const char command[] = "query-machine-cpu-layers";
    static const char *const lists[] = { "machine-types", NULL };
    json_t *layers = live_ask(l, command, NULL), *layer;
    size_t i, count = 0;
    bool ok = true;

    if (!layers) {
        return false;
    }
    json_array_foreach(layers, i, layer) {
        ok = ok && live_has_lists(layer, lists);
        count += json_array_size(json_object_get(layer, "machine-types"));
    }
    if (!ok || !count) {
        return live_not_understood(l, command, layers);
    }
    l->session->layers = layers;
    return true;
}

/* Under KVM, or else under TCG */
static bool get_accelerator(Live *l)
{
    json_t *value = live_ask(l, "query-kvm", NULL), *enabled;

    if (!value) {
        return false;
    }
    enabled = json_object_get(value, "enabled");
    if (!json_is_boolean(enabled)) {
        return live_not_understood(l, "query-kvm", value);
    }
    l->session->accel = json_is_true(enabled) ? X86CPU_ON_KVM : X86CPU_ON_TCG;
    json_decref(value);
    return true;
}

/* Ends what get_layers() refused. */
static bool begin_session(Live *l, LiveSession *s, LiveQemu *qemu)
{
    s->qemu = qemu;
    l->session = s;
    if (get_layers(l)) {
        return true;
    }
    live_end_session(s);
    return false;
}

/* The QEMU that somebody else runs: it has its own accelerator. */
static bool use_running(Live *l)
{
    LiveSession *s = &l->tool->sessions[0];
    char error[LIVE_QEMU_ERROR];
    LiveQemu *qemu;

    l->session = s;
    if (s->qemu) {
        return true;
    }
    qemu = live_qemu_connect(l->tool->address, error);
    if (!qemu) {
        return live_fail(l, "%s", error);
    }
    if (!begin_session(l, s, qemu)) {
        return false;
    }
    if (!get_accelerator(l)) {
        live_end_session(s);
        return false;
    }
    return true;
}

/* A QEMU that has what @wanted says; only KVM has what follows "accel". */
static bool use_own(Live *l, const LiveSession *wanted)
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
    size_t number = (on_kvm * MODELS_FILE_IRQCHIPS + irqchip) * 2 + cpu_pm;
    LiveSession *s = &l->tool->sessions[number];
    char error[LIVE_QEMU_ERROR];
    LiveQemu *qemu;

    l->session = s;
    if (s->qemu) {
        return true;
    }
    qemu = live_qemu_start(l->tool->program, options, error);
    if (!qemu) {
        /* Not used by itself: CPUs have other features under TCG. */
        return live_fail(l, "%s%s", error, on_kvm &&
                         strstr(error, "Could not access KVM kernel module")
                         ? "; --accel tcg needs no KVM" : "");
    }
    s->accel = wanted->accel;
    s->irqchip = irqchip;
    s->cpu_pm = cpu_pm;
    return begin_session(l, s, qemu);
}

bool live_use_any(Live *l)
{
    LiveSession wanted = { .accel = X86CPU_ON_TCG };
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

bool live_check_own(Live *l)
{
    static const char *const members[] = { "host", "hosts", "from", "to" };
    size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (json_object_get(l->request, members[i])) {
            return live_fail(l, "a live QEMU answers for the host that it "
                             "runs on: leave '%s' out, or --qemu and --qmp",
                             members[i]);
        }
    }
    return true;
}

const char *live_accelerator_name(X86CpuAccelerator accel)
{
    return accel == X86CPU_ON_KVM ? "kvm" : "tcg";
}

bool live_use_session(Live *l, ModelsFileIrqchip irqchip)
{
    LiveSession wanted = { .accel = X86CPU_ON_KVM, .irqchip = irqchip };
    bool by_user = json_object_get(l->request, "accel");

    if (!live_check_own(l) ||
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
        return live_fail(l, "a running QEMU has its own 'irqchip' and "
                         "'cpu-pm': leave them out");
    }
    if (!use_running(l)) {
        return false;
    }
    return !by_user || wanted.accel == l->session->accel ||
           live_fail(l, "'accel' is %s, but %.200s runs with %s",
                     live_accelerator_name(wanted.accel),
                     live_qemu_name(l->session->qemu),
                     live_accelerator_name(l->session->accel));
}
