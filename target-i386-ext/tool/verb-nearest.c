/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu nearest
 *
 * Answers, for people and programs without a QEMU: which named model is this
 * CPU, and what differs?  As query-cpu-model-nearest has it.
 */

#include <stdlib.h>
#include <string.h>
#include "cpu-list.h"
#include "named-models.h"
#include "nearest.h"
#include "verbs.h"
#include "../libvirt-elements.h"

static bool libvirt_knows(const ModelsFile *file, const char *name)
{
    int feature = models_file_find_feature(file, name);

    return libvirt_has_element(name) ||
           (feature >= 0 && models_file_libvirt_name(file, feature));
}

static void add_unknown(const ModelsFile *file, const json_t *names,
                        json_t *unknown)
{
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)names, i, name) {
        if (!libvirt_knows(file, json_string_value(name))) {
            json_array_append(unknown, (json_t *)name);
        }
    }
}

typedef struct Solution {
    const NamedModel *model;
    X86CpuEdit edit;
} Solution;

/* "EPYC-v2" is 2; aliases come after all versions. */
static uint64_t version_of(const NamedModel *model)
{
    const char *dash = strrchr(model->name, '-');

    return model->is_alias || !dash || dash[1] != 'v'
           ? UINT64_MAX : strtoull(dash + 2, NULL, 10);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_signatures(const X86Cpu *a, const X86Cpu *b)
{
    static const X86CpuPropertyId ids[] = {
        X86CPU_FAMILY, X86CPU_MODEL, X86CPU_STEPPING
    };
    int order = 0, i;

    for (i = 0; !order && i < 3; i++) {
        order = compare_numbers(a->values[ids[i]], b->values[ids[i]]);
    }
    return order;
}

/* Less than 0 if @a is the better answer for @cpu */
static int compare_solutions(const Solution *a, const Solution *b,
                             const X86Cpu *cpu)
{
    const X86Cpu *ca = &a->model->value, *cb = &b->model->value;
    int order = compare_numbers(a->edit.count, b->edit.count);

    if (!order) {
        order = !!compare_signatures(ca, cpu) - !!compare_signatures(cb, cpu);
    }
    if (!order) {
        order = compare_signatures(ca, cb);
    }
    if (!order) {
        order = compare_numbers(version_of(a->model), version_of(b->model));
    }
    return order ? order : strcmp(a->model->name, b->model->name);
}

/* The best of @models, but those in @tried; false if there is none */
static bool find_solution(const Question *q, const NamedModels *models,
                          const bool *tried, const X86CpuGoal *goal,
                          Solution *best, Solution *next)
{
    bool found = false;
    size_t i;

    for (i = 0; i < models->count; i++) {
        next->model = &models->models[i];
        if (!tried[i] &&
            x86cpu_find_edit(q->tables, &next->model->value, goal,
                             q->context.accel,
                             found ? best->edit.count : UINT32_MAX,
                             &next->edit) &&
            (!found || compare_solutions(next, best, &q->described) < 0)) {
            *best = *next;
            found = true;
        }
    }
    return found;
}

static json_t *named_props(const Question *q, const X86Cpu *cpu,
                           const json_t *names)
{
    json_t *all = answer_props(q->file, cpu), *props = json_object();
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)names, i, name) {
        json_object_set(props, json_string_value(name),
                        json_object_get(all, json_string_value(name)));
    }
    json_decref(all);
    return props;
}

static json_t *describe(const Question *q, const Solution *s)
{
    json_t *add = answer_names(q->file, &s->edit.add);
    json_t *remove = answer_names(q->file, &s->edit.remove);
    json_t *set = answer_names(q->file, &s->edit.set);
    json_t *unknown = json_array(), *props;

    add_unknown(q->file, add, unknown);
    add_unknown(q->file, remove, unknown);
    add_unknown(q->file, set, unknown);
    props = named_props(q, &s->edit.result, set);
    json_decref(set);
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}",
                     "name", s->model->name,
                     "machine-type", models_file_layer(q->file,
                                                       s->model->layer),
                     "add", add, "remove", remove, "set", props,
                     "libvirt-unknown", unknown);
}

/* What a user gives to -cpu for answer @answer; a string to be freed */
static char *text_of(const json_t *answer)
{
    json_t *props = json_copy(json_object_get(answer, "set")), *name;
    char *text;
    size_t i;

    json_array_foreach(json_object_get(answer, "add"), i, name) {
        json_object_set_new(props, json_string_value(name), json_true());
    }
    json_array_foreach(json_object_get(answer, "remove"), i, name) {
        json_object_set_new(props, json_string_value(name), json_false());
    }
    text = answer_cpu_text(json_string_value(json_object_get(answer, "name")),
                           props);
    json_decref(props);
    return text;
}

/* Whether the answer is as good as the core expects */
static bool holds(const Question *q, const json_t *answer, size_t layer,
                  const X86CpuGoal *goal)
{
    Question *other = malloc(sizeof(*other));
    char *text = text_of(answer);
    Problem problem;
    bool good = false;

    if (text && other) {
        *other = *q;
        other->context.layer = layer;
        good = question_ask(other, text, &problem) &&
               x86cpu_reaches_goal(q->tables, &other->described, &goal->views,
                                   q->context.accel);
    }
    free(text);
    free(other);
    return good;
}

static json_t *solve(const Question *q, const NamedModels *models,
                     Problem *problem)
{
    bool *tried = calloc(models->count + 1, sizeof(*tried));
    X86CpuGoal *goal = calloc(1, sizeof(*goal));
    Solution *best = calloc(2, sizeof(*best));
    json_t *answer = NULL;

    if (tried && goal && best) {
        x86cpu_set_goal(q->tables, &q->described, q->context.accel, goal);
        problem_set(problem, STATUS_NO, "no named CPU model becomes %.64s by "
                    "setting features and properties", q->text);
    }
    while (tried && goal && best && !answer &&
           find_solution(q, models, tried, goal, best, best + 1)) {
        answer = describe(q, best);
        if (!holds(q, answer, best->model->layer, goal)) {
            tried[best->model - models->models] = true;
            json_decref(answer);
            answer = NULL;
        } else if (best->model->layer == q->context.layer) {
            json_object_set_new(answer, "machine-type",
                                json_string(q->machine));
        }
    }
    free(tried);
    free(goal);
    free(best);
    return answer;
}

static json_t *nearest(Tool *tool, const json_t *request, Status *status,
                       Problem *problem)
{
    Question *q = calloc(1, sizeof(*q));
    NamedModels models = { NULL, 0 };
    CpuContext context;
    json_t *answer = NULL;
    size_t i;
    bool ok;

    (void)status;
    ok = q && question_fill(tool, request, 0, q, problem);
    if (ok) {
        cpus_drop_auto(&q->described);
    }
    if (ok && !*q->described.vendor) {
        problem_set(problem, STATUS_ERROR, "a named CPU model has a vendor, "
                    "and %.64s has none: set the property vendor", q->text);
        ok = false;
    }
    if (ok) {
        context = q->context;
        ok = named_models_add(&context, &q->host, &models);
        for (i = 0; ok && request_flag(request, "any") &&
             i < models_file_layer_count(q->file); i++) {
            context.layer = i;
            ok = i == q->context.layer ||
                 named_models_add(&context, &q->host, &models);
        }
    }
    if (ok) {
        answer = solve(q, &models, problem);
    }
    if (answer) {
        answer_describe(answer, q);
    }
    named_models_free(&models);
    free(q);
    return answer;
}

json_t *answer_nearest(Tool *tool, const json_t *request, Status *status,
                       Problem *problem)
{
    Question *q = calloc(1, sizeof(*q));
    bool ok = q && question_fill(tool, request, 0, q, problem);
    bool needs = ok && question_needs_vendor(q);

    free(q);
    if (!ok) {
        return NULL;
    }
    return needs ? answer_by_vendor(tool, request, status, problem, nearest)
                 : nearest(tool, request, status, problem);
}

void print_nearest(const json_t *answer, const json_t *request, FILE *out)
{
    char *text;

    if (!print_begin(answer, request, out, print_nearest)) {
        return;
    }
    text = text_of(answer);
    if (text) {
        fprintf(out, "\n%s\non machine type %s\n", text,
                json_string_value(json_object_get(answer, "machine-type")));
    }
    free(text);
    print_list_of(answer, "libvirt-unknown", "libvirt has no name for", out);
}
