/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What features are called
 *
 * Answers, for verbs that people give names of features: which features does
 * this flag of /proc/cpuinfo stand for, and is this the name of a feature that
 * another QEMU has?  From tables/features.tbl.
 */

#ifndef X86CPU_CPUINFO_NAMES_H
#define X86CPU_CPUINFO_NAMES_H

#include <stddef.h>

/*
 * QEMU's name of feature @number of those that @flag stands for, if it is not
 * the same; NULL if there are no more.  Not each QEMU has all of them.
 */
const char *cpuinfo_names_feature(const char *flag, size_t number);

/* Flag @number of all that have features, and one of these; NULL at the end */
const char *cpuinfo_names_flag(size_t number, const char **feature);

/*
 * The same of all names that QEMU, libvirt and Linux have, in this order, for
 * features of any QEMU
 */
const char *cpuinfo_names_any(size_t number, const char **feature);

#endif /* X86CPU_CPUINFO_NAMES_H */
