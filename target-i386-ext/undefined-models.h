/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU models that have no definition: base and custom
 */

#ifndef I386_EXT_UNDEFINED_MODELS_H
#define I386_EXT_UNDEFINED_MODELS_H

#include "cpu.h"

/* A CPU that is fully specified by its properties, or does not start */
#define TYPE_CUSTOM_X86_CPU X86_CPU_TYPE_NAME("custom")

/*
 * Whether @obj is a CPU of one of these models, which have nothing but what
 * their properties say.
 */
bool x86_cpu_is_undefined(Object *obj);

#endif /* I386_EXT_UNDEFINED_MODELS_H */
