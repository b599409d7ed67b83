/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The feature dictionary
 */

#ifndef I386_EXT_GEN_CPU_FEATURES_H
#define I386_EXT_GEN_CPU_FEATURES_H

#include "gen-cpu-source.h"

/*
 * Reads the descriptions of features from table @path.  Complains about
 * errors in it, and about each feature of QEMU without a row.  @newest is
 * QEMU's version, or 0 if unknown: rows for features of newer ones are
 * skipped.  Call after read_features().
 */
void read_features_tbl(const char *path, uint32_t newest);

/* Prints C for all features. */
void print_features(void);

#endif /* I386_EXT_GEN_CPU_FEATURES_H */
