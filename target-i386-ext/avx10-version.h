/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * avx10-version: a number up to QEMU 10.2, and features since
 */

#ifndef I386_EXT_AVX10_VERSION_H
#define I386_EXT_AVX10_VERSION_H

#include "cpu.h"

/*
 * Whether a description of @cpu has to keep its anchor, because
 * avx10-version is just a number for that, but not for newer ones
 */
bool x86_cpu_avx10_version_needs_anchor(X86CPU *cpu);

/* Wraps the setter of avx10-version, if it sets features. */
void x86_cpu_avx10_version_class_init(ObjectClass *oc);

#endif /* I386_EXT_AVX10_VERSION_H */
