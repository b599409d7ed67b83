/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * avx10-version in descriptions of CPUs
 */

#ifndef I386_EXT_AVX10_VERSION_H
#define I386_EXT_AVX10_VERSION_H

#include "cpu.h"

/* Wraps the setter of avx10-version, if it sets features. */
void x86_cpu_avx10_version_class_init(ObjectClass *oc);

#endif /* I386_EXT_AVX10_VERSION_H */
