/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suggestions for misspelt names of CPU models, features and the like
 */

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
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

/* @feature is QEMU's name of @candidate, or NULL. */
static void add(Suggestion *suggestion, const char *candidate,
                const char *feature)
{
    NearNames *near = &suggestion->near;
    unsigned i;

    /* Of those that differ in nothing else, the first one */
    if (!suggestion->other_case && is_other_case(candidate,
                                                 suggestion->name)) {
        suggestion->other_case = candidate;
        suggestion->other_case_is = feature;
    }
    for (i = 0; i < near->count; i++) {
        if (!strcmp(near->names[i], candidate) ||
            (feature && !strcmp(near->names[i], feature))) {
            return;
        }
    }
    x86_cpu_near_names_add(near, suggestion->name, candidate);
    if (near->count && near->names[near->count - 1] == candidate) {
        suggestion->near_are[near->count - 1] = feature;
    }
}

void suggestion_add(const char *candidate, void *opaque)
{
    add(opaque, candidate, NULL);
}

/* Of a flag that is several features, they can't be named in few words. */
static const char *only_feature(const ModelsFile *file, const char *flag)
{
    const char *feature, *found = NULL;
    size_t i;

    for (i = 0; (feature = cpuinfo_names_feature(flag, i)); i++) {
        if (models_file_find_feature(file, feature) >= 0) {
            if (found) {
                return NULL;
            }
            found = feature;
        }
    }
    return found;
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
            add(suggestion, name, explain ? tables->features[i].name : NULL);
        }
    }
    for (i = 0; (name = cpuinfo_names_flag(i, &feature)); i++) {
        if (models_file_find_feature(file, feature) >= 0) {
            add(suggestion, name, explain ? only_feature(file, name) : NULL);
        }
    }
}

/* Returns its length. */
static unsigned print_name(const char *name, const char *feature, char *text,
                           size_t size)
{
    return snprintf(text, size, "'%.64s'%s%.64s%s", name,
                    feature ? " (" : "", feature ? feature : "",
                    feature ? " in QEMU)" : "");
}

void suggestion_print(const Suggestion *suggestion, char text[SUGGESTION_SIZE])
{
    const NearNames *near = &suggestion->near;
    unsigned i, used = 0;

    *text = '\0';
    if (!suggestion->other_case && !near->count) {
        return;
    }
    used = snprintf(text, SUGGESTION_SIZE, "; did you mean ");
    if (suggestion->other_case) {
        used += print_name(suggestion->other_case, suggestion->other_case_is,
                           text + used, SUGGESTION_SIZE - used);
    }
    for (i = 0; !suggestion->other_case && i < near->count; i++) {
        used += snprintf(text + used, SUGGESTION_SIZE - used, "%s",
                         i ? " or " : "");
        used += print_name(near->names[i], suggestion->near_are[i],
                           text + used, SUGGESTION_SIZE - used);
    }
    snprintf(text + used, SUGGESTION_SIZE - used, "?");
}
