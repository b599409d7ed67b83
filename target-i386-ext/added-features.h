/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Features that the guest sees although nobody requested them
 */

#ifndef I386_EXT_ADDED_FEATURES_H
#define I386_EXT_ADDED_FEATURES_H

#include "cpu.h"

/* Registers added-features on TYPE_X86_CPU. */
void x86_cpu_added_features_class_init(ObjectClass *oc);

#endif /* I386_EXT_ADDED_FEATURES_H */
