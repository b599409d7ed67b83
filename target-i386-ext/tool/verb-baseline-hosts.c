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
#include "libvirt-cpu.h"
#include "text-table.h"
#include "verb-hosts.h"
#include "verbs.h"
#include "../libvirt-names.h"

/* ---- named model ---- */

/* The CPU of @group, as other verbs take it from requests */
static json_t *question_of(const json_t *request, const json_t *group)
{
    static const char *const members[] = { "machine", "irqchip" };
    const json_t *props = json_object_get(json_object_get(group, "model"),
                                          "props");
    /* Named models have the guest-phys-bits of the host. */
    json_t *question = json_pack(
        "{s:O, s:O, s:O}", "cpu", json_object_get(group, "cpu"),
        "vendor", json_object_get(group, "vendor"),
        "guest-phys-bits", json_object_get(props, "guest-phys-bits"));
    size_t i;

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *value = json_object_get(request, members[i]);

        if (value) {
            json_object_set(question, members[i], value);
        }
    }
    return question;
}

/* As x86-cpu nearest answers @question, or NULL */
static json_t *nearest(Tool *tool, const json_t *question, bool of_libvirt)
{
    json_t *request = json_copy((json_t *)question), *answer;
    Status status = STATUS_YES;
    Problem problem;

    json_object_set_new(request, NEAREST_OF_LIBVIRT,
                        json_boolean(of_libvirt));
    answer = answer_nearest(tool, request, &status, &problem);
    json_decref(request);
    return answer;
}

static void add_named_model(Tool *tool, const HostSetOptions *options,
                            const json_t *request, json_t *group)
{
    static const char *const members[] = {
        "name", "machine-type", "add", "remove", "set", "libvirt-unknown"
    };
    json_t *question = question_of(request, group);
    json_t *found = nearest(tool, question, false), *of_libvirt, *named;
    size_t i;

    if (!found) {
        /* None becomes this CPU by setting features and properties. */
        json_object_set_new(group, "nearest", json_null());
        json_decref(question);
        return;
    }
    named = json_object();
    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_object_set(named, members[i], json_object_get(found, members[i]));
    }
    json_object_set_new(group, "nearest", named);
    of_libvirt = libvirt_has_model(json_string_value(json_object_get(found,
                                                                     "name")))
                 ? json_incref(found) : nearest(tool, question, true);
    if (of_libvirt) {
        json_object_set_new(group, "libvirt", libvirt_cpu(
            tool, options->file, question, of_libvirt));
    }
    json_decref(found);
    json_decref(of_libvirt);
    json_decref(question);
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
    if (json_is_null(json_object_get(answer, "nearest"))) {
        fputs("\nNo named model becomes this CPU.\n", out);
        return;
    }
    fputs("\nAs named model\n", out);
    print_nearest(json_object_get(answer, "nearest"), request, out);
    if (!libvirt) {
        fputs("\nNo model that libvirt has becomes this CPU.\n", out);
        return;
    }
    fprintf(out, "\nFor libvirt 12.8\n%s",
            json_string_value(json_object_get(libvirt, "cpu")));
    if (json_array_size(left_out)) {
        fputs("in libvirt's guest, these differ:\n", out);
        print_names(left_out, "    ", out);
    }
}

void print_baseline_hosts(const json_t *answer, const json_t *request,
                          FILE *out)
{
    json_t *by_vendor = json_object_get(answer, "by-vendor"), *group;
    const char *vendor;

    if (by_vendor) {
        text_table_print_paragraph("Hosts of several vendors have no CPU in "
                                   "common (--vendor chooses one).", out);
        json_object_foreach(by_vendor, vendor, group) {
            print_one(group, request, out);
        }
    } else {
        print_one(answer, request, out);
    }
    print_unknown_hosts(answer, out);
}
