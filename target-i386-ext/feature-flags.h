/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * f-*: a boolean property for every CPU feature
 */

#ifndef I386_EXT_FEATURE_FLAGS_H
#define I386_EXT_FEATURE_FLAGS_H

#include "cpu.h"

/* Registers f-* on TYPE_X86_CPU. */
void x86_cpu_feature_flags_class_init(ObjectClass *oc);

/*
 * Whether @name is an f-* property.  Expansions and dumps leave them out,
 * because they duplicate other properties.
 */
bool x86_cpu_is_feature_flag(const char *name);

#endif /* I386_EXT_FEATURE_FLAGS_H */
