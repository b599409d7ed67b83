/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Versions of machine types, and of QEMU
 */

#ifndef I386_EXT_GEN_CPU_VERSIONS_H
#define I386_EXT_GEN_CPU_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Machine type versions as one number, 10.0 as 0xa0000 */
#define MACHINE_VERSION(major, minor) ((uint32_t)(major) << 16 | (minor))
#define NO_MACHINE_VERSION UINT32_MAX

/* The highest version of a model, and the highest X and Y of a QEMU's X.Y */
enum { MAX_NUMBER = 999 };

/* "10.0" or "10.0.13" as a machine type version; false if it is neither */
bool parse_qemu_version(const char *text, uint32_t *version);

/* The same of "10.0" alone: as names of machine types have it */
bool parse_machine_version(const char *text, uint32_t *version);

#endif /* I386_EXT_GEN_CPU_VERSIONS_H */
