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
#include "../libvirt-names.h"

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

static json_t *describe(const Question *q, const NamedModel *model,
                        const X86CpuEdit *edit)
{
    json_t *add = answer_names(q->file, &edit->add);
    json_t *remove = answer_names(q->file, &edit->remove);
    json_t *set = answer_names(q->file, &edit->set);
    json_t *unknown = json_array(), *props;

    if (!libvirt_has_model(model->name)) {
        json_array_append_new(unknown, json_string(model->name));
    }
    add_unknown(q->file, add, unknown);
    add_unknown(q->file, remove, unknown);
    add_unknown(q->file, set, unknown);
    props = named_props(q, &edit->result, set);
    json_decref(set);
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}",
                     "name", model->name,
                     "machine-type", models_file_layer(q->file, model->layer),
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

/*
 * Puts in *@cpu what guests have: a bit too of a feature whose other bit is
 * gone, which no property describes.
 */
static void put_cpu(const Question *q, X86Cpu *cpu)
{
    X86Cpu whole;
    size_t i;

    x86cpu_describe(q->tables, &q->request.cpu, q->context.accel, &q->host,
                    &whole);
    *cpu = q->described;
    for (i = 0; i < q->tables->nfeatures; i++) {
        const X86CpuFeature *f = &q->tables->features[i];
        uint64_t bits = whole.words[f->word] & f->mask;

        if (bits && bits != f->mask) {
            x86cpu_add_partial_feature(q->tables, f, cpu);
        }
    }
}

/* Whether the answer is as good as the core expects */
static bool holds(const Question *q, const json_t *answer,
                  const NamedModel *model, const X86CpuGoal *goal)
{
    Question *other = malloc(sizeof(*other));
    char *text = text_of(answer);
    Problem problem;
    bool good = false;
    X86Cpu cpu;

    if (text && other) {
        *other = *q;
        other->context.layer = model->layer;
        other->context.irqchip = model->irqchip;
        good = question_ask(other, text, &problem);
        if (good) {
            put_cpu(other, &cpu);
            good = x86cpu_reaches_goal(q->tables, &cpu, goal,
                                       q->context.accel);
        }
    }
    free(text);
    free(other);
    return good;
}

/* The first answer that holds; models whose answer does not are left out. */
static json_t *find_answer(const Question *q, const NamedModels *named,
                           X86CpuCandidate *models, const X86CpuGoal *goal)
{
    X86CpuEdit edit;
    size_t i;

    while ((i = x86cpu_find_nearest(q->tables, models, named->count, goal,
                                    q->context.accel, &edit)) < named->count) {
        const NamedModel *model = &named->models[i];
        json_t *answer = describe(q, model, &edit);

        if (holds(q, answer, model, goal)) {
            if (model->layer == q->context.layer) {
                json_object_set_new(answer, "machine-type",
                                    json_string(q->machine));
            }
            return answer;
        }
        json_decref(answer);
        models[i].cpu = NULL;
    }
    return NULL;
}

static json_t *solve(const Question *q, const NamedModels *named,
                     bool of_libvirt, Problem *problem)
{
    X86CpuCandidate *models = calloc(named->count + 1, sizeof(*models));
    X86CpuGoal *goal = calloc(1, sizeof(*goal));
    json_t *answer = NULL;
    X86Cpu cpu;
    size_t i;

    if (models && goal) {
        for (i = 0; i < named->count; i++) {
            const NamedModel *model = &named->models[i];

            models[i] = (X86CpuCandidate) {
                .name = model->name, .is_alias = model->is_alias,
                .cpu = of_libvirt && !libvirt_has_model(model->name)
                       ? NULL : &model->value,
            };
        }
        put_cpu(q, &cpu);
        x86cpu_set_goal(q->tables, &cpu, q->context.accel, goal);
        problem_set(problem, STATUS_NO, "no named CPU model becomes %.64s by "
                    "setting features and properties", q->text);
        answer = find_answer(q, named, models, goal);
    }
    free(models);
    free(goal);
    return answer;
}

/*
 * What only the host says of @q, unless the model of @answer has the same of
 * it, whatever the host says
 */
static json_t *find_unknown(const Question *q, const json_t *answer)
{
    const char *machine = json_string_value(json_object_get(answer,
                                                            "machine-type"));
    const char *model = json_string_value(json_object_get(answer, "name"));
    json_t *names = question_unknown_bits(q), *unknown = json_array(), *name;
    Question *named = malloc(sizeof(*named));
    Problem problem;
    size_t i;

    if (named) {
        *named = *q;
        named->context.layer = models_file_find_layer(q->file, machine);
        question_ask(named, model, &problem);
    }
    json_array_foreach(names, i, name) {
        if (named && !question_shares_unknown(q, named,
                                              json_string_value(name))) {
            json_array_append(unknown, name);
        }
    }
    json_decref(names);
    free(named);
    return unknown;
}

static json_t *nearest(Tool *tool, const json_t *request, Status *status,
                       Problem *problem)
{
    Question *q = calloc(1, sizeof(*q));
    NamedModels models = { NULL, 0 };
    CpuContext context;
    json_t *answer = NULL, *unknown;
    size_t i;
    bool ok;

    ok = q && question_fill(tool, request, 0, q, problem) &&
         cpus_make_comparable(q, problem);
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
            /* Unless told, a guest there has the default of its machine. */
            context.irqchip = default_irqchip(
                q->tables->version >= X86CPU_LINE_11_1,
                models_file_layer(q->file, i));
            ok = i == q->context.layer ||
                 (request_irqchip(request, &context.irqchip, problem) &&
                  named_models_add(&context, &q->host, &models));
        }
    }
    if (ok) {
        answer = solve(q, &models, request_flag(request, NEAREST_OF_LIBVIRT),
                       problem);
    }
    if (answer) {
        unknown = find_unknown(q, answer);
        answer_drop_unknown(json_object_get(answer, "set"), unknown);
        *status = answer_unknown_status(unknown);
        answer_set_list(answer, "unknown", unknown);
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
