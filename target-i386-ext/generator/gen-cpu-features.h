/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The feature dictionary
 */

#ifndef I386_EXT_GEN_CPU_FEATURES_H
#define I386_EXT_GEN_CPU_FEATURES_H

#include "gen-cpu-source.h"

/*
 * Reads what is known of the features besides their places, from table
 * @path; what is wrong with it is complained about, and so is each feature
 * of QEMU that it has no row for.  After read_features().
 */
void read_features_tbl(const char *path);

/* Prints C for all features. */
void print_features(void);

#endif /* I386_EXT_GEN_CPU_FEATURES_H */
