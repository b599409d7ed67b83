/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu fleet
 *
 * Answers, for operators of many hosts: which CPU runs on all of them, what
 * does each host cost it, which ones had better be left out, and which named
 * models run on how many?
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "fleet.h"
#include "fleet-partial.h"
#include "fleet-read.h"
#include "text-table.h"
#include "verb-hosts.h"
#include "verbs.h"

/* ---- progress ---- */

typedef struct Progress {
    time_t last;
    bool shown;
} Progress;

static void report(uint64_t hosts, void *opaque)
{
    Progress *progress = opaque;
    time_t now = time(NULL);

    if (now != progress->last) {
        fprintf(stderr, "\r%" PRIu64 " hosts", hosts);
        progress->last = now;
        progress->shown = true;
    }
}

/* ---- hosts of a request ---- */

static bool read_host(Tool *tool, json_t *value, size_t number, HostSet *set,
                      const FleetProgress *progress, Problem *problem)
{
    char error[FLEET_READ_ERROR], where[32];
    bool ok;

    if (json_is_object(value)) {
        snprintf(where, sizeof(where), "hosts[%zu]", number);
        ok = fleet_read_json(set, value, where, error);
    } else if (!json_is_string(value) ||
               strlen(json_string_value(value)) != json_string_length(value)) {
        snprintf(error, sizeof(error), "a host is a passport, or the name of a "
                 "file");
        ok = false;
    } else if (tool->reads_stdin && !strcmp(json_string_value(value), "-")) {
        snprintf(error, sizeof(error), "requests are read from stdin, so hosts "
                 "can't be");
        ok = false;
    } else {
        ok = fleet_read_file(set, json_string_value(value), progress, error);
    }
    if (!ok) {
        problem_set(problem, STATUS_ERROR, "%s", error);
    }
    return ok;
}

HostSet *hosts_of_request(Tool *tool, const json_t *request,
                          const HostSetOptions *options, Problem *problem)
{
    const json_t *hosts = json_object_get(request, "hosts");
    Progress state = { .shown = false };
    FleetProgress progress = { report, &state };
    HostSet *set;
    size_t i;

    if (!json_array_size(hosts)) {
        return problem_set(problem, STATUS_ERROR, "'hosts' is a list of "
                           "passports, or of files with them");
    }
    set = host_set_new(options);
    for (i = 0; set && i < json_array_size(hosts); i++) {
        if (!read_host(tool, json_array_get(hosts, i), i, set,
                       isatty(STDERR_FILENO) ? &progress : NULL, problem)) {
            host_set_free(set);
            set = NULL;
        }
    }
    if (state.shown) {
        fputs("\r", stderr);
    }
    if (set && !host_set_count(set) && !host_set_unknown(set)->count) {
        problem_set(problem, STATUS_ERROR, "there is no host in these files");
        host_set_free(set);
        set = NULL;
    }
    return set;
}

bool host_options_of_request(Tool *tool, const json_t *request,
                             HostSetOptions *options, const char **machine,
                             Problem *problem)
{
    Question *q = calloc(1, sizeof(*q));
    bool ok = q && question_begin(tool, request, 0, NULL, q, problem);

    if (ok && q->context.accel != X86CPU_ON_KVM) {
        problem_set(problem, STATUS_ERROR, "a passport says what KVM offers: "
                    "use %s kvm", request_way(tool, "--accel", "'accel'"));
        ok = false;
    }
    if (ok) {
        *options = (HostSetOptions) {
            .file = q->file, .layer = q->context.layer,
            .machine = {
                .irqchip = q->context.irqchip,
                .cpu_pm = request_flag(request, "cpu-pm"),
            },
        };
        *machine = q->machine;
    }
    free(q);
    return ok;
}

json_t *choose_vendor(json_t *groups, const json_t *request, Problem *problem)
{
    json_t *group, *chosen = json_array();
    const char *vendor;
    size_t i;

    if (!request_text(request, "vendor", &vendor, problem)) {
        json_decref(chosen);
        json_decref(groups);
        return NULL;
    }
    json_array_foreach(groups, i, group) {
        const char *own = json_string_value(json_object_get(group, "vendor"));

        if (!vendor || !strcmp(own, vendor)) {
            json_array_append(chosen, group);
        }
    }
    json_decref(groups);
    if (vendor && !json_array_size(chosen)) {
        json_decref(chosen);
        return problem_set(problem, STATUS_ERROR, "no host has vendor %.12s",
                           vendor);
    }
    return chosen;
}

/* ---- answer ---- */

/* The text of a partial, which the answer has as it is */
static json_t *partial(HostSet *set)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    json_t *answer = NULL;
    bool ok = out && fleet_partial_write(set, out);

    if (out) {
        fclose(out);
    }
    if (ok) {
        answer = json_pack("{s:s}", "partial", text);
    }
    free(text);
    return answer;
}

static json_t *whole(HostSet *set, const char *machine, const json_t *request,
                     Status *status, Problem *problem)
{
    json_t *answer = fleet_answer(set), *groups;

    if (!answer) {
        return NULL;
    }
    groups = choose_vendor(json_incref(json_object_get(answer, "groups")),
                           request, problem);
    if (!groups) {
        json_decref(answer);
        return NULL;
    }
    json_object_set_new(answer, "groups", groups);
    json_object_set_new(answer, "machine", json_string(machine));
    json_object_set_new(answer, "accel", json_string("kvm"));
    json_object_set_new(answer, "qemu", json_string(
        models_file_version(host_set_options(set)->file)));
    if (host_set_unknown(set)->count) {
        *status = STATUS_UNKNOWN;
    }
    return answer;
}

json_t *answer_fleet(Tool *tool, const json_t *request, Status *status,
                     Problem *problem)
{
    HostSetOptions options;
    const char *machine;
    HostSet *set;
    json_t *answer;

    if (!host_options_of_request(tool, request, &options, &machine, problem)) {
        return NULL;
    }
    set = hosts_of_request(tool, request, &options, problem);
    if (!set) {
        return NULL;
    }
    answer = request_flag(request, "partial")
             ? partial(set)
             : whole(set, machine, request, status, problem);
    host_set_free(set);
    return answer;
}

/* ---- text ---- */

enum { SOME = 12 };

static json_int_t hosts_of(const json_t *entry)
{
    return json_integer_value(json_object_get(entry, "hosts"));
}

/* "7 hosts: a, b, c ..." */
static void print_hosts(const json_t *entry, FILE *out)
{
    const json_t *names = json_object_get(entry, "names");
    json_int_t left = hosts_of(entry) - (json_int_t)json_array_size(names);

    print_names(names, "    ", out);
    if (left > 0) {
        fprintf(out, "    and %" JSON_INTEGER_FORMAT " more\n", left);
    }
}

static void print_missing(const json_t *missing, bool all, FILE *out)
{
    const json_t *entry, *reason;
    size_t i, j, count = json_array_size(missing);

    fprintf(out, "\nWhat hosts cost it: %zu\n", count);
    json_array_foreach((json_t *)missing, i, entry) {
        if (!all && i == SOME) {
            fprintf(out, "  and %zu more (--all)\n", count - i);
            break;
        }
        json_array_foreach(json_object_get(entry, "reasons"), j, reason) {
            fputs("  ", out);
            text_table_print_from(
                2, json_string_value(json_object_get(reason, "text")), out);
        }
    }
}

static void print_leave_out(const json_t *leave_out, FILE *out)
{
    const json_t *gains = json_object_get(leave_out, "gains");

    if (!json_is_object(leave_out)) {
        return;
    }
    putc('\n', out);
    text_table_printf(out, "Without these %" JSON_INTEGER_FORMAT ", alike, all "
                      "others would have %zu features more",
                      hosts_of(leave_out), json_array_size(gains));
    print_hosts(leave_out, out);
    fputs("  They would gain\n", out);
    print_names(gains, "    ", out);
}

static void print_alike(const json_t *group, bool all, FILE *out)
{
    const json_t *alike = json_object_get(group, "alike"), *entry;
    json_int_t kinds = json_integer_value(json_object_get(group, "kinds"));
    size_t i;

    fprintf(out, "\nGroups of hosts alike: %" JSON_INTEGER_FORMAT "\n", kinds);
    json_array_foreach((json_t *)alike, i, entry) {
        if (!all && i == SOME) {
            break;
        }
        fprintf(out, "  %" JSON_INTEGER_FORMAT " with %zu features beyond the "
                "CPU of all\n", hosts_of(entry),
                json_array_size(json_object_get(entry, "beyond")));
        print_hosts(entry, out);
    }
    if (kinds > (json_int_t)i) {
        fprintf(out, "  and %" JSON_INTEGER_FORMAT " more%s\n",
                kinds - (json_int_t)i, all ? "" : " (--all)");
    }
}

/* The features that are on in @props */
static void print_features(const json_t *props, FILE *out)
{
    const char **names = sorted_names(props), **name;
    json_t *on = json_array();

    for (name = names; name && *name; name++) {
        if (json_is_true(json_object_get(props, *name))) {
            json_array_append_new(on, json_string(*name));
        }
    }
    fprintf(out, "\nThe CPU of all has %zu features and switches\n",
            json_array_size(on));
    print_names(on, "    ", out);
    json_decref(on);
    free(names);
}

void print_host_group(const json_t *group, const json_t *request, FILE *out)
{
    const char *vendor = json_string_value(json_object_get(group, "vendor"));
    const json_t *model = json_object_get(group, "model");
    bool all = request_flag(request, "all");

    fprintf(out, "\n%s: %" JSON_INTEGER_FORMAT " host%s\n", vendor,
            hosts_of(group), hosts_of(group) == 1 ? "" : "s");
    print_features(json_object_get(model, "props"), out);
    print_missing(json_object_get(group, "missing"), all, out);
}

void print_unknown_hosts(const json_t *answer, FILE *out)
{
    const json_t *unknown = json_object_get(answer, "unknown");

    if (hosts_of(unknown)) {
        putc('\n', out);
        text_table_printf(out, "Not known: %" JSON_INTEGER_FORMAT " host%s "
                          "whose passport%s say%s nothing about KVM",
                          hosts_of(unknown),
                          hosts_of(unknown) == 1 ? "" : "s",
                          hosts_of(unknown) == 1 ? "" : "s",
                          hosts_of(unknown) == 1 ? "s" : "");
        print_hosts(unknown, out);
    }
}

static void print_models(const json_t *answer, bool all, FILE *out)
{
    const json_t *models = json_object_get(answer, "models"), *entry;
    json_int_t total = hosts_of(answer);
    size_t i, count = json_array_size(models);

    fprintf(out, "\n%-32s %12s %8s\n", "named model", "hosts it runs on",
            "share");
    json_array_foreach((json_t *)models, i, entry) {
        if (!all && i == SOME) {
            fprintf(out, "and %zu more (--all)\n", count - i);
            break;
        }
        fprintf(out, "%-32s %16" JSON_INTEGER_FORMAT " %7.1f%%\n",
                json_string_value(json_object_get(entry, "name")),
                hosts_of(entry), 100.0 * hosts_of(entry) / total);
    }
}

void print_fleet(const json_t *answer, const json_t *request, FILE *out)
{
    const char *text = json_string_value(json_object_get(answer, "partial"));
    bool all = request_flag(request, "all");
    const json_t *group;
    size_t i;

    if (text) {
        fputs(text, out);
        return;
    }
    text_table_printf(out, "%" JSON_INTEGER_FORMAT
                      " host%s, machine type %s of QEMU %s",
                      hosts_of(answer), hosts_of(answer) == 1 ? "" : "s",
                      json_string_value(json_object_get(answer, "machine")),
                      json_string_value(json_object_get(answer, "qemu")));
    json_array_foreach(json_object_get(answer, "groups"), i, group) {
        print_host_group(group, request, out);
        print_leave_out(json_object_get(group, "leave-out"), out);
        print_alike(group, all, out);
    }
    print_models(answer, all, out);
    print_unknown_hosts(answer, out);
}
