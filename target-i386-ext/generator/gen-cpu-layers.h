/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What machine types of each release line set on CPUs
 *
 * docs/machine-cpu-layers.rst describes the format of these tables.
 */

#ifndef I386_EXT_GEN_CPU_LAYERS_H
#define I386_EXT_GEN_CPU_LAYERS_H

#include "gen-cpu-input.h"

/* Reads a table; complains about errors in it. */
void read_layers_table(const char *path, bool site);

/* After all tables: complains about names that no table has. */
void check_layers(void);

/*
 * Compares what lock file @path has as released with the tables of this
 * directory (@site or not), and complains about each difference.
 */
void check_released_layers(const char *path, bool site);

/* Prints C for the release lines up to @newest, 0xa0000 for 10.0. */
void print_layers(uint32_t newest);

#endif /* I386_EXT_GEN_CPU_LAYERS_H */
