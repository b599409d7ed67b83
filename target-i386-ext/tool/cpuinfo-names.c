/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Linux calls features in /proc/cpuinfo
 */

#include <string.h>
#include "cpuinfo-names.h"

static const struct {
    const char *flag, *feature;
} names[] = {
#include "cpuinfo-names.inc"
};

const char *cpuinfo_names_feature(const char *flag, size_t number)
{
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(names[i].flag, flag) && !number--) {
            return names[i].feature;
        }
    }
    return NULL;
}

const char *cpuinfo_names_flag(size_t number, const char **feature)
{
    if (number >= sizeof(names) / sizeof(names[0])) {
        return NULL;
    }
    *feature = names[number].feature;
    return names[number].flag;
}
