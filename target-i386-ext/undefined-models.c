/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU models without a definition: base and custom
 */

#include "qemu/osdep.h"
#include "target/i386/ext/undefined-models.h"

bool x86_cpu_is_undefined(Object *obj)
{
    return !strcmp(object_get_typename(obj), X86_CPU_TYPE_NAME("base")) ||
           object_dynamic_cast(obj, TYPE_CUSTOM_X86_CPU);
}
