/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suggestions for wrong feature names in tables
 */

#include <stdio.h>
#include <string.h>
#include "gen-cpu-names.h"

/* How many names to suggest, and how many edits away they may be */
#define MAX_SUGGESTIONS 3
#define MAX_EDITS       2

/* Whether @name is in @list, which is separated by commas */
static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (; list; list = strchr(list, ',')) {
        list += *list == ',';
        if (strcspn(list, ",") == length && !strncmp(list, name, length)) {
            return true;
        }
    }
    return false;
}

/* How many letters to add, remove or change to turn @a into @b */
static unsigned count_edits(const char *a, const char *b)
{
    size_t length = strlen(b), i, j;
    unsigned row[64];

    for (j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (i = 1; *a; a++, i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (j = 1; j <= length; j++) {
            unsigned change = diagonal + (*a != b[j - 1]);

            diagonal = row[j];
            row[j] = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < row[j] ? change : row[j];
        }
    }
    return row[length];
}

/* "; did you mean 'a' or 'b'?", or nothing */
static void suggest(const char *name, char *text, size_t size)
{
    size_t length = strlen(name);
    unsigned edits, count = 0;
    int i;

    *text = '\0';
    for (edits = 1; !count && edits <= MAX_EDITS && edits < length; edits++) {
        for (i = 0; i < nfeatures && count < MAX_SUGGESTIONS; i++) {
            if (count_edits(name, features[i].name) == edits) {
                size_t used = strlen(text);

                snprintf(text + used, size - used, "%s'%s'",
                         count++ ? " or " : "; did you mean ",
                         features[i].name);
            }
        }
    }
    if (count) {
        strcat(text, "?");
    }
}

void complain_unknown_feature(Place place, const char *name)
{
    const Feature *feature = find_feature_or_alias(name);
    char text[MAX_SUGGESTIONS * 80];
    int i;

    if (feature) {
        complain(place, "'%s' is another name; QEMU's own is '%s'", name,
                 feature->name);
        return;
    }
    if (strchr(name, ',')) {
        complain(place, "'%s': separate features by spaces, not by commas",
                 name);
        return;
    }
    for (i = 0; strcmp(name, "-") && i < nfeatures; i++) {
        feature = &features[i];
        if (is_listed(feature->cpuinfo, name)) {
            complain(place, "'%s' is a flag in /proc/cpuinfo; QEMU's name is "
                     "'%s'", name, feature->name);
            return;
        }
        if (feature->libvirt && !strcmp(feature->libvirt, name)) {
            complain(place, "'%s' is libvirt's name; QEMU's is '%s'", name,
                     feature->name);
            return;
        }
    }
    suggest(name, text, sizeof(text));
    complain(place, "'%s' is not a feature of this QEMU%s", name, text);
}
