/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How old a machine type is
 */

#include <stdio.h>
#include "models-machines.h"

static long number_of(unsigned major, unsigned minor)
{
    return major * 1000L + minor;
}

long models_machine_version(const char *name)
{
    unsigned major, minor;

    return sscanf(name, "pc-i440fx-%3u.%3u", &major, &minor) == 2 ||
           sscanf(name, "pc-q35-%3u.%3u", &major, &minor) == 2
           ? number_of(major, minor) : -1;
}

bool models_machine_is_up_to(const char *name, unsigned major, unsigned minor)
{
    long version = models_machine_version(name);

    return version >= 0 && version <= number_of(major, minor);
}
