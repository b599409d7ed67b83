/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From a request to its answer
 */

#include <stdlib.h>
#include <string.h>
#include "dispatch.h"
#include "live-answers.h"
#include "../near-names.h"

enum { FORMAT_VERSION = 1 };

bool has_member(const Verb *verb, const char *name)
{
    const char *const *member;

    for (member = verb->members; *member; member++) {
        if (!strcmp(*member, name)) {
            return true;
        }
    }
    return !strcmp(name, "verb") || !strcmp(name, "id");
}

static bool is_flag(const char *name)
{
    return !strcmp(name, "all") || !strcmp(name, "any") ||
           !strcmp(name, "cpu-pm") || !strcmp(name, "partial");
}

static bool check_members(const Verb *verb, const json_t *request,
                          Problem *problem)
{
    const json_t *value;
    const char *name;

    /* The constness is the caller's. */
    json_object_foreach((json_t *)request, name, value) {
        if (has_member(verb, name) && (!is_flag(name) ||
                                       json_is_boolean(value))) {
            continue;
        }
        if (has_member(verb, name)) {
            problem_set(problem, STATUS_ERROR, "'%s' is neither true nor "
                        "false", name);
            return false;
        }
        if (!strcmp(name, "host") && has_member(verb, "hosts")) {
            /* Alone, it is renamed: see batch.c. */
            return problem_set(problem, STATUS_ERROR, "%s takes 'host' or "
                               "'hosts', not both", verb->name);
        }
        return request_fail_member(verb->name, name, verb->members, problem);
    }
    return true;
}

static const Verb *get_verb(const json_t *request, Problem *problem)
{
    NearNames near = { .count = 0 };
    char text[X86_CPU_NEAR_NAMES_SIZE];
    const Verb *verb;
    const char *name;

    if (!json_is_object(request)) {
        return problem_set(problem, STATUS_ERROR,
                           "a request is a JSON object");
    }
    if (!request_text(request, "verb", &name, problem)) {
        return NULL;
    }
    if (!name) {
        return problem_set(problem, STATUS_ERROR, "'verb' is missing");
    }
    verb = find_verb(name);
    if (verb) {
        return verb;
    }
    for (verb = verbs; verb->name; verb++) {
        x86_cpu_near_names_add(&near, name, verb->name);
    }
    x86_cpu_near_names_print(&near, text);
    return problem_set(problem, STATUS_ERROR, "unknown verb '%.64s'%s", name,
                       text);
}

const Verb *find_verb(const char *name)
{
    const Verb *verb;

    for (verb = verbs; verb->name; verb++) {
        if (!strcmp(verb->name, name)) {
            return verb;
        }
    }
    return NULL;
}

/* How names of the request were taken; errors have no notes. */
static void set_notes(const Tool *tool, json_t *answer)
{
    const char **names, **name;
    json_t *notes;

    if (!json_object_size(tool->notes) || json_object_get(answer, "error")) {
        return;
    }
    notes = json_array();
    names = sorted_names(tool->notes);
    for (name = names; name && *name; name++) {
        json_array_append_new(notes, json_string(*name));
    }
    free(names);
    json_object_set_new(answer, "notes", notes);
}

json_t *answer_request(Tool *tool, const json_t *request)
{
    Problem problem = { .status = STATUS_ERROR, .text = "not enough memory" };
    const Verb *verb = get_verb(request, &problem);
    Status status = STATUS_YES;
    json_t *answer = NULL;

    if (!tool->notes) {
        tool->notes = json_object();
    }
    if (verb && check_members(verb, request, &problem)) {
        answer = tool->live
                 ? live_answer(tool->live, verb, request, tool->notes, &status,
                               &problem)
                 : verb->answer(tool, request, &status, &problem);
    }
    if (!answer) {
        status = problem.status;
        answer = json_pack("{s:s}", "error", problem.text);
    }
    set_notes(tool, answer);
    if (json_object_get(request, "id")) {
        json_object_set(answer, "id", json_object_get(request, "id"));
    }
    if (verb) {
        json_object_set_new(answer, "verb", json_string(verb->name));
    }
    json_object_set_new(answer, "format-version", json_integer(FORMAT_VERSION));
    json_object_set_new(answer, "status", json_integer(status));
    tool_end_request(tool);
    return answer;
}
