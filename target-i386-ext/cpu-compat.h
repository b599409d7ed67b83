/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * -machine X,cpu-compat=Y: machine type X with the CPUs of Y
 */

#ifndef I386_EXT_CPU_COMPAT_H
#define I386_EXT_CPU_COMPAT_H

#include "qom/object.h"

/* Registers cpu-compat on TYPE_PC_MACHINE. */
void x86_cpu_compat_class_init(ObjectClass *oc);

/* The machine is about to create its CPUs: applies cpu-compat. */
void x86_cpu_compat_machine_init(void);

#endif /* I386_EXT_CPU_COMPAT_H */
