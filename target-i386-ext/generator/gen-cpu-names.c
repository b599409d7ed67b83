/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suggestions for wrong feature names in tables
 */

#include <stdio.h>
#include <string.h>
#include "../near-names.h"
#include "gen-cpu-names.h"

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

void complain_unknown_feature(Place place, const char *name)
{
    const Feature *feature = find_feature_or_alias(name);
    char text[X86_CPU_NEAR_NAMES_SIZE];
    NearNames near = { };
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
    for (i = 0; i < nfeatures; i++) {
        x86_cpu_near_names_add(&near, name, features[i].name);
    }
    x86_cpu_near_names_print(&near, text);
    complain(place, "'%s' is not a feature of this QEMU%s", name, text);
}
