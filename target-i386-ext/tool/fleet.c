/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a fleet of hosts has in common
 *
 * A baseline of many CPUs does not depend on the order in which they are taken
 * (core/baseline.h).  What is said of hosts is computed from all of them,
 * never from how they arrived.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "answer.h"
#include "baseline.h"
#include "best-models.h"
#include "fleet.h"
#include "named-models.h"
#include "sha256.h"

enum {
    WORD_SETS = (X86CPU_MAX_WORDS + 63) / 64,
};

/* Why a feature that some hosts have is not in the CPU of all: HostLack, or */
enum {
    /* The host has it, but guests lack what it needs to be seen. */
    COST_DEPENDENCY = HOST_LACKS,
    /* The host has it above the highest leaf of its CPU. */
    COST_LEVEL,
    /* Hosts have it, but the level of some hides it from some guests. */
    COST_CONFLICT,
    COSTS
};

static const char *const cost_names[COSTS] = {
    [HOST_LACK_HARDWARE] = "hardware",
    [HOST_LACK_KERNEL] = "kernel",
    [HOST_LACK_QEMU] = "qemu",
    [HOST_LACK_CONFIGURATION] = "configuration",
    [COST_DEPENDENCY] = "dependency",
    [COST_LEVEL] = "level",
    [COST_CONFLICT] = "conflict",
};

/* One kind of host */
typedef struct Member {
    const HostKind *kind;
    /* What guests find at one topology at least */
    X86CpuNames shown;
    /* Words in leaves that are there at the lowest and the highest level */
    uint64_t low[WORD_SETS], high[WORD_SETS];
    /* Of all that gates: equal ones can replace each other. */
    char key[65];
} Member;

/* Hosts that are alike: members from @first on */
typedef struct Group {
    size_t first, count;
    HostNames names;
    X86Cpu cpu;
} Group;

/* All hosts of a vendor */
typedef struct Analysis {
    const HostSetOptions *options;
    const X86CpuTables *tables;
    Member *members;
    size_t count;
    Group *groups;
    size_t ngroups;
    HostNames names;
    /* The CPU of all, as the core has it; and what guests find */
    X86Cpu cpu;
    X86CpuNames shown;
    /* What was left out though hosts have it */
    X86CpuNames omitted[X86CPU_OMISSIONS];
} Analysis;

/* ---- names of hosts ---- */

/* "host-b and 3 more", to be freed; NULL: not enough memory */
static char *names_text(const HostNames *names)
{
    size_t room = HOST_NAME_MAX + 64;
    char *text = malloc(room);

    if (text && names->count == 1) {
        snprintf(text, room, "%s", names->first[0]);
    } else if (text) {
        snprintf(text, room, "%s and %" PRIu64 " more", names->first[0],
                 names->count - 1);
    }
    return text;
}

/* ---- what guests find ---- */

static bool is_switch(const X86CpuTables *tables, unsigned property)
{
    return tables->properties[property].class == X86CPU_CLASS_BIT;
}

static bool gates(const X86CpuTables *tables, unsigned property)
{
    switch (tables->properties[property].class) {
    case X86CPU_CLASS_BIT:
    case X86CPU_CLASS_MINIMUM:
    case X86CPU_CLASS_FLAT:
    case X86CPU_CLASS_GATE:
        return true;
    default:
        return false;
    }
}

/* Bits that are not features of their own: see core/compare.c. */
static void find_free_bits(const X86CpuTables *tables, const X86Cpu *cpu,
                           uint64_t *bits)
{
    size_t i;

    memset(bits, 0, X86CPU_MAX_WORDS * sizeof(*bits));
    if (x86cpu_is_amd(cpu)) {
        bits[X86CPU_FEAT_8000_0001_EDX] = X86CPU_AMD_ALIASES;
    }
    for (i = 0; i < tables->nfeatures; i++) {
        if (tables->features[i].polarity == X86CPU_TOPOLOGY) {
            bits[tables->features[i].word] |= tables->features[i].mask;
        }
    }
}

static void find_words(const X86CpuTables *tables, const X86CpuView *view,
                       uint64_t *set)
{
    unsigned i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        if (x86cpu_view_has_word(view, &tables->words[i])) {
            set[i / 64] |= 1ull << i % 64;
        }
    }
}

/* Fills *@shown with what guests of @cpu find, and *@views. */
static void find_shown(const X86CpuTables *tables, const X86Cpu *cpu,
                       X86CpuViews *views, X86CpuNames *shown)
{
    uint64_t free_bits[X86CPU_MAX_WORDS];
    unsigned i, t;

    memset(shown, 0, sizeof(*shown));
    x86cpu_view_all(tables, cpu, X86CPU_ON_KVM, views);
    find_free_bits(tables, cpu, free_bits);
    for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
        X86CpuView *view = &views->at[t];

        for (i = 0; i < X86CPU_MAX_WORDS; i++) {
            view->words[i] &= ~free_bits[i];
            shown->bits[i] |= view->words[i];
        }
        for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
            shown->properties[i] |= is_switch(tables, i) && view->values[i];
        }
    }
}

static void find_key(const X86CpuTables *tables, const X86CpuViews *views,
                     char *key)
{
    Sha256 sha;
    unsigned i, t;

    sha256_start(&sha);
    for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
        const X86CpuView *view = &views->at[t];

        sha256_add(&sha, view->words, sizeof(view->words));
        for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
            if (gates(tables, i)) {
                sha256_add(&sha, &view->values[i], sizeof(view->values[i]));
            }
        }
    }
    sha256_finish(&sha, key);
}

static void fill_member(const X86CpuTables *tables, const HostKind *kind,
                        Member *member)
{
    X86CpuViews views;

    member->kind = kind;
    find_shown(tables, &kind->vector.cpu, &views, &member->shown);
    find_words(tables, &views.at[X86CPU_ONE_THREAD], member->low);
    find_words(tables, &views.at[X86CPU_MANY_DIES], member->high);
    find_key(tables, &views, member->key);
}

/* ---- the CPU of all ---- */

static void note_omitted(const X86CpuBaseline *baseline, X86CpuNames *omitted)
{
    unsigned i, why;

    for (why = 0; why < X86CPU_OMISSIONS; why++) {
        for (i = 0; i < X86CPU_MAX_WORDS; i++) {
            omitted[why].bits[i] |= baseline->omitted[why].bits[i];
        }
        for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
            omitted[why].properties[i] |=
                baseline->omitted[why].properties[i];
        }
    }
}

/* Makes *@cpu the baseline of it and @other; notes what that leaves out. */
static void join(const Analysis *a, X86Cpu *cpu, const X86Cpu *other,
                 X86CpuNames *omitted)
{
    X86CpuBaseline baseline;

    x86cpu_baseline(a->tables, cpu, other, X86CPU_ON_KVM, &baseline);
    if (omitted) {
        note_omitted(&baseline, omitted);
    }
    *cpu = baseline.cpu;
}

/* What all members have, and the baseline does not */
static void finish_omitted(Analysis *a)
{
    unsigned i, why;
    size_t m;

    for (why = 0; why < X86CPU_OMISSIONS; why++) {
        X86CpuNames *names = &a->omitted[why];

        for (m = 0; m < a->count; m++) {
            for (i = 0; i < X86CPU_MAX_WORDS; i++) {
                names->bits[i] &= a->members[m].shown.bits[i];
            }
        }
        for (i = 0; i < X86CPU_MAX_WORDS; i++) {
            names->bits[i] &= ~a->shown.bits[i];
        }
        for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
            names->properties[i] &= !a->shown.properties[i];
        }
    }
}

static bool find_cpu(Analysis *a)
{
    X86CpuViews views;
    size_t g, m;

    for (g = 0; g < a->ngroups; g++) {
        Group *group = &a->groups[g];

        group->cpu = a->members[group->first].kind->vector.cpu;
        for (m = group->first; m < group->first + group->count; m++) {
            join(a, &group->cpu, &a->members[m].kind->vector.cpu, a->omitted);
            if (!host_names_merge(&group->names, &a->members[m].kind->names)) {
                return false;
            }
        }
        if (!g) {
            a->cpu = group->cpu;
        }
        join(a, &a->cpu, &group->cpu, a->omitted);
        if (!host_names_merge(&a->names, &group->names)) {
            return false;
        }
    }
    find_shown(a->tables, &a->cpu, &views, &a->shown);
    finish_omitted(a);
    return true;
}

/* ---- what hosts cost it ---- */

typedef struct Missing {
    const char *name;
    HostNames names, by_cost[COSTS];
    /* A property that hosts have less of: this much */
    bool is_number;
    uint64_t number;
} Missing;

typedef struct MissingList {
    Missing *items;
    size_t count;
} MissingList;

static void free_missing(MissingList *list)
{
    size_t i;
    int cost;

    for (i = 0; i < list->count; i++) {
        host_names_free(&list->items[i].names);
        for (cost = 0; cost < COSTS; cost++) {
            host_names_free(&list->items[i].by_cost[cost]);
        }
    }
    free(list->items);
}

static bool is_in(const uint64_t *set, unsigned word)
{
    return set[word / 64] >> word % 64 & 1;
}

static int cost_of(const Member *member, unsigned word, uint64_t bits)
{
    const HostVector *vector = &member->kind->vector;
    int lack;

    for (lack = 0; lack < HOST_LACKS; lack++) {
        if (vector->lacking[lack][word] & bits) {
            return lack;
        }
    }
    if (bits & ~vector->cpu.words[word]) {
        /* KVM offers it, and CPU model "host" does not have it. */
        return HOST_LACK_QEMU;
    }
    return is_in(member->high, word) ? COST_DEPENDENCY : COST_LEVEL;
}

static bool blame(Missing *missing, const Member *member, int cost)
{
    return host_names_merge(&missing->names, &member->kind->names) &&
           host_names_merge(&missing->by_cost[cost], &member->kind->names);
}

/*
 * Levels are part of identity, so the baseline lacks what the level of only
 * some hosts hides at some topology: blames the hosts where it is hidden.
 */
static bool blame_levels(const Analysis *a, const X86CpuFeature *feature,
                         Missing *missing)
{
    unsigned word = feature->word;
    bool some_hide = false, some_show = false;
    size_t m;

    for (m = 0; m < a->count; m++) {
        if (a->members[m].shown.bits[word] & feature->mask) {
            *(is_in(a->members[m].low, word) ? &some_show : &some_hide) = true;
        }
    }
    for (m = 0; some_hide && some_show && m < a->count; m++) {
        if ((a->members[m].shown.bits[word] & feature->mask) &&
            !is_in(a->members[m].low, word) &&
            !blame(missing, &a->members[m], COST_CONFLICT)) {
            return false;
        }
    }
    return true;
}

static bool blame_for_feature(const Analysis *a, const X86CpuFeature *feature,
                              Missing *missing)
{
    size_t m;

    for (m = 0; m < a->count; m++) {
        const Member *member = &a->members[m];
        uint64_t bits = feature->mask & ~member->shown.bits[feature->word];

        if (bits && !blame(missing, member,
                           cost_of(member, feature->word, bits))) {
            return false;
        }
    }
    return blame_levels(a, feature, missing);
}

static bool blame_for_switch(const Analysis *a, unsigned property,
                             Missing *missing)
{
    size_t m;

    for (m = 0; m < a->count; m++) {
        if (!a->members[m].shown.properties[property] &&
            !blame(missing, &a->members[m], HOST_LACK_QEMU)) {
            return false;
        }
    }
    return true;
}

/* Hosts with the least, if others have more */
static bool blame_for_number(const Analysis *a, unsigned property,
                             Missing *missing)
{
    uint64_t least = a->cpu.values[property];
    bool differs = false;
    size_t m;

    for (m = 0; m < a->count; m++) {
        differs |= a->members[m].kind->vector.cpu.values[property] > least;
    }
    for (m = 0; differs && m < a->count; m++) {
        if (a->members[m].kind->vector.cpu.values[property] == least &&
            !blame(missing, &a->members[m], HOST_LACK_HARDWARE)) {
            return false;
        }
    }
    missing->is_number = true;
    missing->number = least;
    return true;
}

/* Keeps the item after the last one of @list if a host is blamed for it. */
static void keep_if_blamed(MissingList *list, const char *name)
{
    Missing *missing = &list->items[list->count];

    if (missing->names.count) {
        missing->name = name;
        list->count++;
    } else {
        memset(missing, 0, sizeof(*missing));
    }
}

static bool find_missing(const Analysis *a, MissingList *list)
{
    X86CpuNames some = { .bits = { 0 } };
    unsigned i;
    size_t n, m;

    list->count = 0;
    list->items = calloc(a->tables->nfeatures + X86CPU_PROPERTY_COUNT + 1,
                         sizeof(list->items[0]));
    if (!list->items) {
        return false;
    }
    for (m = 0; m < a->count; m++) {
        for (i = 0; i < X86CPU_MAX_WORDS; i++) {
            some.bits[i] |= a->members[m].shown.bits[i];
        }
        for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
            some.properties[i] |= a->members[m].shown.properties[i];
        }
    }
    for (n = 0; n < a->tables->nfeatures; n++) {
        const X86CpuFeature *f = &a->tables->features[n];

        if (some.bits[f->word] & ~a->shown.bits[f->word] & f->mask) {
            if (!blame_for_feature(a, f, &list->items[list->count])) {
                return false;
            }
            keep_if_blamed(list, f->name);
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        bool ok = true;

        if (is_switch(a->tables, i) && some.properties[i] &&
            !a->shown.properties[i]) {
            ok = blame_for_switch(a, i, &list->items[list->count]);
        } else if (a->tables->properties[i].class == X86CPU_CLASS_MINIMUM) {
            ok = blame_for_number(a, i, &list->items[list->count]);
        }
        if (!ok) {
            return false;
        }
        keep_if_blamed(list, x86cpu_property_names[i]);
    }
    return true;
}

static int compare_missing(const void *a, const void *b)
{
    const Missing *ma = a, *mb = b;

    /* Those that the fewest hosts cost come first. */
    return ma->names.count != mb->names.count
           ? (ma->names.count < mb->names.count ? -1 : 1)
           : strcmp(ma->name, mb->name);
}

static json_t *describe_cost(const Missing *missing, int cost)
{
    const HostNames *names = &missing->by_cost[cost];
    char *who = names_text(names);
    json_t *reason = NULL;

    if (!who) {
        return NULL;
    }
    reason = json_pack("{s:s, s:I, s:o}", "reason", cost_names[cost],
                       "hosts", (json_int_t)names->count,
                       "names", host_names_list(names));
    if (missing->is_number) {
        json_object_set_new(reason, "text", json_sprintf(
            "%s %s %s %" PRIu64, who, names->count == 1 ? "has" : "have",
            missing->name, missing->number));
    } else if (cost == COST_CONFLICT) {
        json_object_set_new(reason, "text", json_sprintf(
            "%s %s %s by a lower CPUID level than others: %s", who,
            names->count == 1 ? "hides" : "hide", missing->name,
            cost_names[cost]));
    } else {
        json_object_set_new(reason, "text", json_sprintf(
            "%s %s %s: %s", who, names->count == 1 ? "lacks" : "lack",
            missing->name, cost_names[cost]));
    }
    free(who);
    return reason;
}

static json_t *describe_missing(const MissingList *list)
{
    json_t *answer = json_array();
    size_t i;
    int cost;

    for (i = 0; i < list->count; i++) {
        const Missing *missing = &list->items[i];
        json_t *reasons = json_array();
        json_t *entry = json_pack(
            "{s:s, s:I, s:o, s:o}", "feature", missing->name,
            "hosts", (json_int_t)missing->names.count,
            "names", host_names_list(&missing->names), "reasons", reasons);

        if (missing->is_number) {
            json_object_set_new(entry, "value", json_integer(missing->number));
        }
        for (cost = 0; cost < COSTS; cost++) {
            if (missing->by_cost[cost].count) {
                json_array_append_new(reasons, describe_cost(missing, cost));
            }
        }
        json_array_append_new(answer, entry);
    }
    return answer;
}

static json_t *answer_missing(const Analysis *a)
{
    MissingList list;
    json_t *answer = NULL;

    if (find_missing(a, &list)) {
        qsort(list.items, list.count, sizeof(list.items[0]), compare_missing);
        answer = describe_missing(&list);
    } else if (list.items) {
        /* The last one is not counted yet. */
        list.count++;
    }
    free_missing(&list);
    return answer;
}

/* ---- which hosts to leave out ---- */

typedef struct Gain {
    X86CpuNames names;
    unsigned count;
} Gain;

/* What guests of @cpu find that those of the whole fleet's CPU don't */
static void find_gain(const Analysis *a, const X86Cpu *cpu, Gain *gain)
{
    X86CpuViews views;
    X86CpuNames shown;
    size_t n;
    unsigned i;

    memset(gain, 0, sizeof(*gain));
    find_shown(a->tables, cpu, &views, &shown);
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        gain->names.bits[i] = shown.bits[i] & ~a->shown.bits[i];
    }
    for (n = 0; n < a->tables->nfeatures; n++) {
        const X86CpuFeature *f = &a->tables->features[n];

        gain->count += (gain->names.bits[f->word] & f->mask) != 0;
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        gain->names.properties[i] =
            (shown.properties[i] && !a->shown.properties[i]) ||
            (a->tables->properties[i].class == X86CPU_CLASS_MINIMUM &&
             cpu->values[i] > a->cpu.values[i]);
        gain->count += gain->names.properties[i];
    }
}

static bool is_better(const Gain *gain, const Group *group, const Gain *best,
                      const Group *best_group)
{
    if (gain->count != best->count) {
        return gain->count > best->count;
    }
    if (group->names.count != best_group->names.count) {
        return group->names.count < best_group->names.count;
    }
    return strcmp(group->names.first[0], best_group->names.first[0]) < 0;
}

static json_t *describe_group(const Group *group)
{
    return json_pack("{s:I, s:o}", "hosts", (json_int_t)group->names.count,
                     "names", host_names_list(&group->names));
}

/*
 * The group without which the others gain most: JSON's null if there is none.
 * Baselines of those before and after each group make those of all others.
 */
static json_t *answer_leave_out(const Analysis *a)
{
    X86Cpu *after = calloc(a->ngroups + 1, sizeof(*after)), before;
    const Group *best_group = NULL;
    Gain best = { .count = 0 }, gain;
    json_t *answer;
    size_t g;

    if (!after) {
        return NULL;
    }
    for (g = a->ngroups; g-- > 0;) {
        after[g] = a->groups[g].cpu;
        if (g + 1 < a->ngroups) {
            join(a, &after[g], &after[g + 1], NULL);
        }
    }
    for (g = 0; g < a->ngroups && a->ngroups > 1; g++) {
        X86Cpu others = g ? before : after[1];

        if (g && g + 1 < a->ngroups) {
            join(a, &others, &after[g + 1], NULL);
        }
        find_gain(a, &others, &gain);
        if (gain.count && (!best_group || is_better(&gain, &a->groups[g],
                                                    &best, best_group))) {
            best_group = &a->groups[g];
            best = gain;
        }
        if (g) {
            join(a, &before, &a->groups[g].cpu, NULL);
        } else {
            before = a->groups[0].cpu;
        }
    }
    free(after);
    if (!best_group) {
        return json_null();
    }
    answer = describe_group(best_group);
    json_object_set_new(answer, "gains",
                        answer_names(a->options->file, &best.names));
    return answer;
}

/* ---- groups of alike hosts ---- */

static int compare_members(const void *a, const void *b)
{
    const Member *ma = a, *mb = b;
    int order = strcmp(ma->key, mb->key);

    return order ? order
                 : memcmp(&ma->kind->vector, &mb->kind->vector,
                          sizeof(ma->kind->vector));
}

static bool find_groups(Analysis *a)
{
    size_t m;

    qsort(a->members, a->count, sizeof(a->members[0]), compare_members);
    a->groups = calloc(a->count, sizeof(a->groups[0]));
    for (m = 0; a->groups && m < a->count; m++) {
        if (!m || strcmp(a->members[m].key, a->members[m - 1].key)) {
            a->groups[a->ngroups++].first = m;
        }
        a->groups[a->ngroups - 1].count++;
    }
    return a->groups;
}

static int compare_groups(const void *a, const void *b)
{
    const Group *ga = *(const Group *const *)a, *gb = *(const Group *const *)b;

    return ga->names.count != gb->names.count
           ? (ga->names.count > gb->names.count ? -1 : 1)
           : strcmp(ga->names.first[0], gb->names.first[0]);
}

/* What each group has beyond the CPU of all */
static json_t *answer_alike(const Analysis *a)
{
    const Group **sorted = calloc(a->ngroups, sizeof(*sorted));
    json_t *list;
    size_t g;

    if (!sorted) {
        return NULL;
    }
    for (g = 0; g < a->ngroups; g++) {
        sorted[g] = &a->groups[g];
    }
    qsort(sorted, a->ngroups, sizeof(*sorted), compare_groups);
    list = json_array();
    for (g = 0; g < a->ngroups && g < FLEET_MAX_ALIKE; g++) {
        const Group *group = sorted[g];
        json_t *entry = describe_group(group);
        Gain gain;

        find_gain(a, &a->members[group->first].kind->vector.cpu, &gain);
        json_object_set_new(entry, "beyond",
                            answer_names(a->options->file, &gain.names));
        json_array_append_new(list, entry);
    }
    free(sorted);
    return list;
}

/* ---- answer ---- */

static json_t *answer_omitted(const Analysis *a)
{
    static const char *const reasons[X86CPU_OMISSIONS] = {
        [X86CPU_OMITTED_DEPENDENCY] = "dependency",
        [X86CPU_OMITTED_UNMIGRATABLE] = "unmigratable",
        [X86CPU_OMITTED_CONFLICT] = "conflict",
    };
    json_t *list = json_array(), *names, *name;
    size_t i;
    int why;

    for (why = 0; why < X86CPU_OMISSIONS; why++) {
        names = answer_names(a->options->file, &a->omitted[why]);
        json_array_foreach(names, i, name) {
            json_array_append_new(list, json_pack(
                "{s:O, s:s}", "feature", name, "reason", reasons[why]));
        }
        json_decref(names);
    }
    return list;
}

/* Limitations and hints of some hosts: see core/baseline.h. */
static json_t *answer_hazards(const Analysis *a)
{
    X86CpuNames hazards = { .bits = { 0 } };
    size_t n, m;

    for (n = 0; n < a->tables->nfeatures; n++) {
        const X86CpuFeature *f = &a->tables->features[n];

        if (f->polarity != X86CPU_LIMITATION && f->polarity != X86CPU_HINT) {
            continue;
        }
        for (m = 0; m < a->count; m++) {
            hazards.bits[f->word] |=
                a->members[m].kind->vector.cpu.words[f->word] & f->mask &
                ~a->cpu.words[f->word];
        }
    }
    return answer_names(a->options->file, &hazards);
}

static json_t *describe_analysis(const Analysis *a)
{
    static const X86CpuHostValues none = { 0 };
    X86Cpu described;
    json_t *props, *answer;
    char *text;

    x86cpu_describe(a->tables, &a->cpu, X86CPU_ON_KVM, &none, &described);
    props = answer_props(a->options->file, &described);
    text = answer_cpu_text("base", props);
    answer = json_pack(
        "{s:s, s:I, s:o, s:{s:s, s:o}, s:o, s:o, s:I}",
        "vendor", a->cpu.vendor, "hosts", (json_int_t)a->names.count,
        "names", host_names_list(&a->names),
        "model", "name", "base", "props", props,
        "omitted-features", answer_omitted(a), "hazards", answer_hazards(a),
        "kinds", (json_int_t)a->ngroups);
    /* NULL where there was not enough memory: this tells. */
    if (json_object_set_new(answer, "cpu", text ? json_string(text) : NULL) ||
        json_object_set_new(answer, "missing", answer_missing(a)) ||
        json_object_set_new(answer, "leave-out", answer_leave_out(a)) ||
        json_object_set_new(answer, "alike", answer_alike(a))) {
        json_decref(answer);
        answer = NULL;
    }
    free(text);
    return answer;
}

static json_t *analyze(const HostSetOptions *options,
                       const HostKind *const *kinds, size_t count)
{
    Analysis *a = calloc(1, sizeof(*a));
    json_t *answer = NULL;
    size_t i;

    if (!a) {
        return NULL;
    }
    a->options = options;
    a->tables = models_file_tables(options->file);
    a->count = count;
    a->members = calloc(count, sizeof(a->members[0]));
    for (i = 0; a->members && i < count; i++) {
        fill_member(a->tables, kinds[i], &a->members[i]);
    }
    if (a->members && find_groups(a) && find_cpu(a)) {
        answer = describe_analysis(a);
    }
    for (i = 0; i < a->ngroups; i++) {
        host_names_free(&a->groups[i].names);
    }
    host_names_free(&a->names);
    free(a->groups);
    free(a->members);
    free(a);
    return answer;
}

/* The end of the kinds from @first on that are of the same vendor */
static size_t end_of_vendor(const HostKind *const *kinds, size_t count,
                            size_t first)
{
    size_t end = first + 1;

    while (end < count && !strcmp(kinds[end]->vector.cpu.vendor,
                                  kinds[first]->vector.cpu.vendor)) {
        end++;
    }
    return end;
}

json_t *fleet_groups(HostSet *set)
{
    json_t *groups = json_array();
    size_t count, first, end;
    const HostKind *const *kinds = host_set_kinds(set, &count);

    for (first = 0; first < count; first = end) {
        end = end_of_vendor(kinds, count, first);
        if (json_array_append_new(groups, analyze(host_set_options(set),
                                                  kinds + first,
                                                  end - first))) {
            json_decref(groups);
            return NULL;
        }
    }
    return groups;
}

/* Adds to @counts, by place in @named, the hosts of one vendor. */
static bool count_models(const HostSetOptions *options,
                         const NamedModels *named,
                         const HostKind *const *kinds, size_t count,
                         uint64_t *counts)
{
    const char *vendor = kinds[0]->vector.cpu.vendor;
    size_t i, k;

    for (i = 0; i < named->count; i++) {
        X86Cpu requested;

        models_file_requested(options->file, named->models[i].model,
                              options->layer, X86CPU_ON_KVM,
                              options->machine.irqchip,
                              *vendor ? vendor : NULL, &requested);
        for (k = 0; k < count; k++) {
            if (model_runs(options->file, &requested, &kinds[k]->vector)) {
                counts[i] += kinds[k]->names.count;
            }
        }
    }
    return true;
}

bool fleet_each_model(HostSet *set,
                      void (*found)(const char *name, uint64_t hosts,
                                    void *opaque),
                      void *opaque)
{
    static const X86CpuHostValues none = { 0 };
    const HostSetOptions *options = host_set_options(set);
    const CpuContext context = {
        .file = options->file, .layer = options->layer,
        .accel = X86CPU_ON_KVM, .irqchip = options->machine.irqchip,
    };
    NamedModels named = { 0 };
    size_t count, first, end, i;
    const HostKind *const *kinds = host_set_kinds(set, &count);
    uint64_t *counts;

    if (!named_models_add(&context, &none, &named)) {
        return false;
    }
    counts = calloc(named.count + 1, sizeof(*counts));
    for (first = 0; counts && first < count; first = end) {
        end = end_of_vendor(kinds, count, first);
        count_models(options, &named, kinds + first, end - first, counts);
    }
    for (i = 0; counts && i < named.count; i++) {
        found(named.models[i].name, counts[i], opaque);
    }
    named_models_free(&named);
    free(counts);
    return counts;
}

typedef struct Share {
    const char *name;
    uint64_t hosts;
} Share;

typedef struct Shares {
    Share *items;
    size_t count;
} Shares;

static void add_share(const char *name, uint64_t hosts, void *opaque)
{
    Shares *shares = opaque;

    if (hosts) {
        shares->items[shares->count++] = (Share) { name, hosts };
    }
}

static int compare_shares(const void *a, const void *b)
{
    const Share *sa = a, *sb = b;

    return sa->hosts != sb->hosts ? (sa->hosts > sb->hosts ? -1 : 1)
                                  : strcmp(sa->name, sb->name);
}

/* Those that run on most hosts come first. */
static json_t *answer_models(HostSet *set)
{
    const ModelsFile *file = host_set_options(set)->file;
    Shares shares = { .count = 0 };
    json_t *list = NULL;
    size_t i;

    shares.items = calloc(models_file_model_count(file),
                          sizeof(shares.items[0]));
    if (shares.items && fleet_each_model(set, add_share, &shares)) {
        qsort(shares.items, shares.count, sizeof(shares.items[0]),
              compare_shares);
        list = json_array();
        for (i = 0; i < shares.count; i++) {
            json_array_append_new(list, json_pack(
                "{s:s, s:I}", "name", shares.items[i].name,
                "hosts", (json_int_t)shares.items[i].hosts));
        }
    }
    free(shares.items);
    return list;
}

json_t *fleet_answer(HostSet *set)
{
    const HostNames *unknown = host_set_unknown(set);
    json_t *answer = json_pack(
        "{s:I, s:{s:I, s:o}}", "hosts", (json_int_t)host_set_count(set),
        "unknown", "hosts", (json_int_t)unknown->count,
        "names", host_names_list(unknown));

    if (json_object_set_new(answer, "groups", fleet_groups(set)) ||
        json_object_set_new(answer, "models", answer_models(set))) {
        json_decref(answer);
        return NULL;
    }
    return answer;
}
