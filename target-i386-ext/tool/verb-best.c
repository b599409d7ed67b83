/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu best
 *
 * Answers, for operators and control planes: which named models get the most
 * out of this host, or of all these hosts, and what does each leave unused?
 */

#include <stdlib.h>
#include "best-models.h"
#include "text-table.h"
#include "verb-hosts.h"
#include "verbs.h"

static json_t *best(HostSet *set, const char *machine, Status *status,
                    Problem *problem)
{
    const HostSetOptions *options = host_set_options(set);
    const HostNames *unknown = host_set_unknown(set);
    const HostVector **vectors;
    size_t count, i;
    const HostKind *const *kinds = host_set_kinds(set, &count);
    json_t *models;

    if (!count) {
        return problem_set(problem, STATUS_UNKNOWN, "no passport says what KVM "
                           "offers: they are of hardware alone");
    }
    vectors = calloc(count, sizeof(*vectors));
    if (!vectors) {
        return NULL;
    }
    for (i = 0; i < count; i++) {
        vectors[i] = &kinds[i]->vector;
    }
    models = best_models(options, machine, vectors, count);
    free(vectors);
    if (models && !json_array_size(models)) {
        *status = STATUS_NO;
    }
    if (unknown->count) {
        *status = STATUS_UNKNOWN;
    }
    return json_pack("{s:o, s:I, s:{s:I, s:o}, s:s, s:s, s:s}",
                     "models", models,
                     "hosts", (json_int_t)host_set_count(set),
                     "unknown", "hosts", (json_int_t)unknown->count,
                     "names", host_names_list(unknown),
                     "machine", machine, "accel", "kvm",
                     "qemu", models_file_version(options->file));
}

json_t *answer_best(Tool *tool, const json_t *request, Status *status,
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
    answer = best(set, machine, status, problem);
    host_set_free(set);
    return answer;
}

void print_best(const json_t *answer, const json_t *request, FILE *out)
{
    const json_t *models = json_object_get(answer, "models"), *model;
    json_int_t hosts = json_integer_value(json_object_get(answer, "hosts"));
    size_t i;

    text_table_printf(out, "%" JSON_INTEGER_FORMAT
                      " host%s, machine type %s of QEMU %s", hosts,
                      hosts == 1 ? "" : "s",
                      json_string_value(json_object_get(answer, "machine")),
                      json_string_value(json_object_get(answer, "qemu")));
    if (!json_array_size(models)) {
        fprintf(out, "\nNo named model runs %s.\n",
                hosts == 1 ? "there" : "on all of them");
    }
    json_array_foreach((json_t *)models, i, model) {
        const json_t *beyond = json_object_get(model, "beyond");

        fprintf(out, "\n%s\n", json_string_value(json_object_get(model,
                                                                 "name")));
        if (!i || request_flag(request, "all")) {
            fprintf(out, "  leaves unused %zu\n", json_array_size(beyond));
            print_names(beyond, "    ", out);
        } else {
            fprintf(out, "  leaves unused %zu (--all)\n",
                    json_array_size(beyond));
        }
    }
    print_unknown_hosts(answer, out);
}
