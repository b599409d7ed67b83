/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU models without a definition: base and custom
 */

#ifndef I386_EXT_UNDEFINED_MODELS_H
#define I386_EXT_UNDEFINED_MODELS_H

#include "cpu.h"

/* A CPU that must be fully specified by its properties */
#define TYPE_CUSTOM_X86_CPU X86_CPU_TYPE_NAME("custom")

/*
 * Whether @obj is a CPU of one of these models, which are only defined by
 * their properties.
 */
bool x86_cpu_is_undefined(Object *obj);

#endif /* I386_EXT_UNDEFINED_MODELS_H */
