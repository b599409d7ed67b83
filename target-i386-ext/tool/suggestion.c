/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suggestions for misspelt names of CPU models, features and the like
 */

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include "cpuinfo-names.h"
#include "suggestion.h"

/* Whether @a and @b are the same but for the case, and "_" for "-" */
static bool is_other_case(const char *a, const char *b)
{
    while (*a && (tolower((unsigned char)*a) == tolower((unsigned char)*b) ||
                  (strchr("_-", *a) && *b && strchr("_-", *b)))) {
        a++;
        b++;
    }
    return !*a && !*b;
}

/* @name is what to print for @candidate, and @in_qemu what QEMU calls that. */
static void add(Suggestion *suggestion, const char *candidate,
                const char *name, const char *in_qemu)
{
    NearNames *near = &suggestion->near;
    unsigned i;

    /* Of those that differ in nothing else, the first one, and nothing else */
    if (!suggestion->other_case &&
        is_other_case(candidate, suggestion->name)) {
        suggestion->other_case = candidate;
        near->count = 0;
    }
    if (suggestion->other_case && strcmp(candidate, suggestion->other_case)) {
        return;
    }
    for (i = 0; i < near->count; i++) {
        if (!strcmp(near->names[i], name) ||
            (in_qemu && !strcmp(near->names[i], in_qemu))) {
            return;
        }
    }
    if (x86_cpu_near_names_add(near, suggestion->other_case ? candidate
                                                            : suggestion->name,
                               candidate)) {
        near->names[near->count - 1] = name;
        near->in_qemu[near->count - 1] = in_qemu;
    }
}

void suggestion_add(const char *candidate, void *opaque)
{
    add(opaque, candidate, candidate, NULL);
}

/* How many features of @file @flag stands for */
static unsigned count_features(const ModelsFile *file, const char *flag)
{
    const char *feature;
    unsigned count = 0;
    size_t i;

    for (i = 0; (feature = cpuinfo_names_feature(flag, i)); i++) {
        count += models_file_find_feature(file, feature) >= 0;
    }
    return count;
}

void suggestion_add_others(Suggestion *suggestion, const ModelsFile *file,
                           bool explain)
{
    const X86CpuTables *tables = models_file_tables(file);
    const char *name, *feature;
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        name = models_file_libvirt_name(file, i);
        if (name) {
            add(suggestion, name, name,
                explain ? tables->features[i].name : NULL);
        }
    }
    for (i = 0; (name = cpuinfo_names_flag(i, &feature)); i++) {
        /* QEMU's own names go first. */
        if (models_file_find_feature(file, feature) < 0 ||
            models_file_find_feature(file, name) >= 0) {
            continue;
        }
        if (count_features(file, name) > 1) {
            /* Not taken: one of the features has to be named. */
            add(suggestion, name, feature, NULL);
        } else {
            add(suggestion, name, name, explain ? feature : NULL);
        }
    }
}
