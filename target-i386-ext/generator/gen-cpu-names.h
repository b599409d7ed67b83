/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Names of features that a table gets wrong
 *
 * Answers, for who writes a table: what is it that you mean?
 */

#ifndef I386_EXT_GEN_CPU_NAMES_H
#define I386_EXT_GEN_CPU_NAMES_H

#include "gen-cpu-source.h"

/*
 * Complains about @name, which find_feature() does not know: it is an alias,
 * a flag in /proc/cpuinfo, a name of libvirt's, a list with commas, or close
 * to names that there are.
 */
void complain_unknown_feature(Place place, const char *name);

#endif /* I386_EXT_GEN_CPU_NAMES_H */
