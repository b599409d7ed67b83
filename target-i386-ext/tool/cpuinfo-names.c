/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What features are called
 */

#include <string.h>
#include "cpuinfo-names.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

typedef struct FeatureName {
    const char *name, *feature;
} FeatureName;

static const FeatureName flags[] = {
#include "cpuinfo-names.inc"
};

static const FeatureName names[] = {
#include "known-names.inc"
};

const char *cpuinfo_names_feature(const char *flag, size_t number)
{
    size_t i;

    for (i = 0; i < ARRAY_LENGTH(flags); i++) {
        if (!strcmp(flags[i].name, flag) && !number--) {
            return flags[i].feature;
        }
    }
    return NULL;
}

const char *cpuinfo_names_flag(size_t number, const char **feature)
{
    if (number >= ARRAY_LENGTH(flags)) {
        return NULL;
    }
    *feature = flags[number].feature;
    return flags[number].name;
}

const char *cpuinfo_names_any(size_t number, const char **feature)
{
    if (number >= ARRAY_LENGTH(names)) {
        return cpuinfo_names_flag(number - ARRAY_LENGTH(names), feature);
    }
    *feature = names[number].feature;
    return names[number].name;
}
