/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The baseline of CPUs by a live QEMU
 */

#include <stdlib.h>
#include <string.h>
#include "cpu-view.h"
#include "live-baseline.h"
#include "live-cpus.h"
#include "live-features.h"
#include "live-reply.h"

/* What baselines of pairs, one after another, leave out */
typedef struct Fold {
    /* A CpuModelInfo */
    json_t *model;
    /* The reply about the first pair */
    json_t *first;
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
    json_t *reply = live_ask_pair(l, command, a, b), *omitted, *entry;
    size_t i;

    if (!reply) {
        return NULL;
    }
    omitted = json_object_get(reply, "omitted-features");
    if (!live_is_props(json_object_get(json_object_get(reply, "model"),
                                       "props")) ||
        !live_all_have_texts(omitted, texts) || !live_has_lists(reply, lists)) {
        return live_not_understood(l, command, reply);
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
    if (!fold->first) {
        fold->first = json_incref(reply);
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

static bool has_hyperv(const json_t *props)
{
    X86Cpu cpu = { .words = { 0 } };
    size_t i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        const json_t *value = json_object_get(props, x86cpu_property_names[i]);

        cpu.values[i] = json_is_true(value) ? 1 : json_integer_value(value);
    }
    return x86cpu_has_hyperv(&cpu);
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
        reply = live_expand(l, cpus->items[i].model);
        if (!reply) {
            goto out;
        }
        json_array_append(all, json_object_get(json_object_get(reply, "model"),
                                               "props"));
        json_decref(reply);
    }
    first = json_array_get(all, 0);
    for (i = 1; i < cpus->count; i++) {
        reply = i == 1 ? json_incref(fold->first)
                       : ask_baseline(l, cpus->items[0].model,
                                      cpus->items[i].model, fold);
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
        names = strcmp(*reason, host_only) ? live_in_order(l, found)
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
    return live_get_features(l) &&
           (cpus->count <= 2 || finish_omitted(l, cpus, fold));
}

json_t *live_baseline(Live *l, Status *status)
{
    Fold fold = { NULL, NULL, json_object(), json_object() };
    json_t *answer = NULL;
    LiveCpus cpus;

    (void)status;
    if (live_get_cpus(l, CPUS_FOR_BASELINE, &cpus) &&
        fold_cpus(l, &cpus, &fold)) {
        answer = json_pack("{s:O, s:o, s:o}", "model", fold.model,
                           "omitted-features", omitted_features(l, &fold),
                           "hazards", live_in_order(l, fold.hazards));
        live_describe_all(l, &cpus, answer);
    }
    json_decref(fold.model);
    json_decref(fold.first);
    json_decref(fold.omitted);
    json_decref(fold.hazards);
    live_release_cpus(&cpus);
    return answer;
}
