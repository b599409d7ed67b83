/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Suggestions for wrong feature names in tables
 */

#ifndef I386_EXT_GEN_CPU_NAMES_H
#define I386_EXT_GEN_CPU_NAMES_H

#include "gen-cpu-source.h"

/*
 * Complains about @name, which find_feature() does not know: it is an alias,
 * a flag in /proc/cpuinfo, libvirt's name, a list with commas, or similar to
 * existing names.
 */
void complain_unknown_feature(Place place, const char *name);

#endif /* I386_EXT_GEN_CPU_NAMES_H */
