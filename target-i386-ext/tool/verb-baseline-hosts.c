/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu baseline of hosts
 *
 * Answers, for operators: which CPU runs on all of these hosts, as -cpu, as
 * libvirt's <cpu>, and as a named model and what differs from it?
 */

#include <stdlib.h>
#include <string.h>
#include "fleet.h"
#include "verb-hosts.h"
#include "verbs.h"

/* ---- libvirt ---- */

/* XML has other characters for these. */
static void put_escaped(const char *text, FILE *out)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '\'':
            fputs("&apos;", out);
            break;
        default:
            putc(*text, out);
            break;
        }
    }
}

/* Those of @names that libvirt has as <feature>; others go to @left_out. */
static void put_features(const ModelsFile *file, const json_t *names,
                         const char *policy, json_t *left_out, FILE *out)
{
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)names, i, name) {
        int number = models_file_find_feature(file, json_string_value(name));
        const char *libvirt = number < 0
                              ? NULL : models_file_libvirt_name(file, number);

        if (!libvirt) {
            json_array_append(left_out, (json_t *)name);
            continue;
        }
        fprintf(out, "  <feature policy='%s' name='", policy);
        put_escaped(libvirt, out);
        fputs("'/>\n", out);
    }
}

/*
 * The order of elements is that of libvirt's schemas: model, maxphysaddr,
 * features.
 */
static void put_cpu(const ModelsFile *file, const json_t *nearest,
                    json_t *left_out, FILE *out)
{
    const json_t *set = json_object_get(nearest, "set"), *value;
    const char *vendor = json_string_value(json_object_get(set, "vendor"));
    const char *name;

    fputs("<cpu mode='custom' match='exact' check='none'>\n"
          "  <model fallback='forbid'", out);
    /* libvirt refuses one with a comma. */
    if (vendor && !strchr(vendor, ',')) {
        fputs(" vendor_id='", out);
        put_escaped(vendor, out);
        putc('\'', out);
    } else {
        vendor = NULL;
    }
    putc('>', out);
    put_escaped(json_string_value(json_object_get(nearest, "name")), out);
    fputs("</model>\n", out);
    json_object_foreach((json_t *)set, name, value) {
        if (!strcmp(name, "phys-bits")) {
            fprintf(out, "  <maxphysaddr mode='emulate' bits='%"
                    JSON_INTEGER_FORMAT "'/>\n", json_integer_value(value));
        } else if (strcmp(name, "vendor") || !vendor) {
            json_array_append_new(left_out, json_string(name));
        }
    }
    put_features(file, json_object_get(nearest, "add"), "require", left_out,
                 out);
    put_features(file, json_object_get(nearest, "remove"), "disable",
                 left_out, out);
    fputs("</cpu>\n", out);
}

static json_t *libvirt_cpu(const ModelsFile *file, const json_t *nearest)
{
    json_t *left_out = json_array(), *answer = NULL;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out) {
        put_cpu(file, nearest, left_out, out);
        fclose(out);
        answer = json_pack("{s:s, s:O}", "cpu", text, "left-out", left_out);
    }
    free(text);
    json_decref(left_out);
    return answer;
}

/* ---- named model ---- */

/* The answer of x86-cpu nearest to the CPU of @group; NULL if there is none */
static json_t *nearest(Tool *tool, const json_t *request, const json_t *group)
{
    static const char *const members[] = { "machine", "irqchip" };
    json_t *question = json_pack(
        "{s:s, s:O, s:O}", "verb", "nearest",
        "cpu", json_object_get(group, "cpu"),
        "vendor", json_object_get(group, "vendor"));
    Status status = STATUS_YES;
    Problem problem;
    json_t *answer;
    size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *value = json_object_get(request, members[i]);

        if (value) {
            json_object_set(question, members[i], value);
        }
    }
    answer = answer_nearest(tool, question, &status, &problem);
    json_decref(question);
    return answer;
}

static void add_named_model(Tool *tool, const HostSetOptions *options,
                            const json_t *request, json_t *group)
{
    static const char *const members[] = {
        "name", "machine-type", "add", "remove", "set", "libvirt-unknown"
    };
    json_t *found = nearest(tool, request, group), *named = json_object();
    size_t i;

    if (!found) {
        /* None becomes this CPU by setting features and properties. */
        json_object_set_new(group, "nearest", json_null());
        json_decref(named);
        return;
    }
    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_object_set(named, members[i], json_object_get(found, members[i]));
    }
    json_object_set_new(group, "nearest", named);
    json_object_set_new(group, "libvirt", libvirt_cpu(options->file, named));
    json_decref(found);
}

/* ---- answer ---- */

/* One group is the answer; of several, the vendor of the host decides. */
static json_t *join_groups(Tool *tool, const HostSetOptions *options,
                           const char *machine, const json_t *request,
                           json_t *groups, Status *status)
{
    json_t *answer, *group, *by_vendor = json_object();
    size_t i;

    json_array_foreach(groups, i, group) {
        json_object_del(group, "alike");
        json_object_del(group, "leave-out");
        json_object_del(group, "kinds");
        json_object_set_new(group, "machine", json_string(machine));
        add_named_model(tool, options, request, group);
        json_object_set(by_vendor, json_string_value(
            json_object_get(group, "vendor")), group);
    }
    if (json_array_size(groups) == 1) {
        answer = json_incref(json_array_get(groups, 0));
        json_decref(by_vendor);
    } else {
        *status = STATUS_UNKNOWN;
        answer = json_pack("{s:o}", "by-vendor", by_vendor);
    }
    json_object_set_new(answer, "accel", json_string("kvm"));
    json_object_set_new(answer, "qemu", json_string(
        models_file_version(options->file)));
    return answer;
}

static json_t *baseline(Tool *tool, HostSet *set, const char *machine,
                        const json_t *request, Status *status,
                        Problem *problem)
{
    const HostNames *unknown = host_set_unknown(set);
    json_t *groups, *answer;

    if (!host_set_count(set)) {
        return problem_set(problem, STATUS_UNKNOWN, "no passport says what KVM "
                           "offers: they are of hardware alone");
    }
    groups = fleet_groups(set);
    groups = groups ? choose_vendor(groups, request, problem) : NULL;
    if (!groups) {
        return NULL;
    }
    answer = join_groups(tool, host_set_options(set), machine, request,
                         groups, status);
    json_decref(groups);
    json_object_set_new(answer, "unknown", json_pack(
        "{s:I, s:o}", "hosts", (json_int_t)unknown->count,
        "names", host_names_list(unknown)));
    if (unknown->count) {
        *status = STATUS_UNKNOWN;
    }
    return answer;
}

json_t *answer_baseline_hosts(Tool *tool, const json_t *request,
                              Status *status, Problem *problem)
{
    HostSetOptions options;
    const char *machine;
    HostSet *set;
    json_t *answer;

    if (json_object_get(request, "cpus")) {
        return problem_set(problem, STATUS_ERROR, "a baseline is that of CPUs "
                           "or that of hosts, not of both");
    }
    if (!host_options_of_request(tool, request, &options, &machine, problem)) {
        return NULL;
    }
    set = hosts_of_request(tool, request, &options, problem);
    if (!set) {
        return NULL;
    }
    answer = baseline(tool, set, machine, request, status, problem);
    host_set_free(set);
    return answer;
}

static void print_one(const json_t *answer, const json_t *request, FILE *out)
{
    const json_t *libvirt = json_object_get(answer, "libvirt");
    const json_t *left_out = json_object_get(libvirt, "left-out");

    print_host_group(answer, request, out);
    fprintf(out, "\nFor -cpu\n%s\n",
            json_string_value(json_object_get(answer, "cpu")));
    if (!libvirt) {
        fputs("\nNo named model becomes this CPU.\n", out);
        return;
    }
    fputs("\nAs named model\n", out);
    print_nearest(json_object_get(answer, "nearest"), request, out);
    fprintf(out, "\nFor libvirt\n%s",
            json_string_value(json_object_get(libvirt, "cpu")));
    if (json_array_size(left_out)) {
        fputs("what a <cpu> can't carry:\n", out);
        print_names(left_out, "    ", out);
    }
}

void print_baseline_hosts(const json_t *answer, const json_t *request,
                          FILE *out)
{
    json_t *by_vendor = json_object_get(answer, "by-vendor"), *group;
    const char *vendor;

    if (by_vendor) {
        fputs("Hosts of several vendors have no CPU in common (--vendor "
              "chooses one).\n", out);
        json_object_foreach(by_vendor, vendor, group) {
            print_one(group, request, out);
        }
    } else {
        print_one(answer, request, out);
    }
    print_unknown_hosts(answer, out);
}
