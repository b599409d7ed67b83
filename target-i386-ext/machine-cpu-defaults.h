/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPU defaults of a machine type
 */

#ifndef I386_EXT_MACHINE_CPU_DEFAULTS_H
#define I386_EXT_MACHINE_CPU_DEFAULTS_H

#include "cpu.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/machine-types.h"

/*
 * x86_cpu_find_machine_type(); if @name is NULL, the PC machine type of this
 * process, or of its cpu-compat, and without one, the newest of this QEMU.
 * NULL, with an error, if QEMU was built without any.
 */
const X86CPUMachineType *x86_cpu_machine_type_or_default(const char *name,
                                                    Error **errp);

/*
 * The compat-anchor in descriptions of CPUs: the newest PC machine type of
 * this QEMU, which does not change CPUs; by the name of the upstream machine
 * type that it is or stands for, which other QEMUs know, too.  NULL if QEMU
 * was built without PC machine types.
 */
const char *x86_cpu_newest_anchor(void);

/*
 * Until x86_cpu_end_evaluation(), new CPU objects use the defaults that @model
 * requests: with @model->machine_type, those of a QEMU started with that
 * machine type and without -cpu and -global; with the property compat-anchor,
 * those of that machine type for what @model->props doesn't set.  If one of
 * these is not the name of a PC machine type, returns false with an error,
 * and changes nothing.
 */
bool x86_cpu_use_defaults_of(const CpuModelInfo *model, Error **errp);

/*
 * Until x86_cpu_end_evaluation(), new CPU objects use the defaults of machine
 * @type, and none of the accelerator: what models and machine types say.
 */
void x86_cpu_use_machine_defaults(const X86CPUMachineType *type);

/* Whether they do */
bool x86_cpu_defaults_without_accelerator(void);

/*
 * False, with an error, if the machine type sets something on a CPU object made
 * since the evaluation began, or since this was called, that can't be set.
 */
bool x86_cpu_check_evaluation(Error **errp);

/*
 * Until x86_cpu_end_evaluation(), what the kernel refuses is an error, as at a
 * start; see x86_cpu_collects_errors().
 */
void x86_cpu_refuse_in_evaluation(void);

/* Does nothing if x86_cpu_use_defaults_of() was not called, or failed. */
void x86_cpu_end_evaluation(void);

/* The machine type in the machine's cpu-compat, or NULL */
const X86CPUMachineType *x86_cpu_compat_machine_type(void);

/*
 * The machine type that defines new CPU objects: the one in use, or the one
 * that replaces it; NULL if there is no machine yet.
 */
const X86CPUMachineType *x86_cpu_machine_type_in_effect(void);

/*
 * The properties (GlobalProperty) that this machine type has set on @cpu,
 * including those for other CPUs.
 */
const GPtrArray *x86_cpu_machine_props(X86CPU *cpu);

/* Whether -global and -cpu apply to CPU objects that are created now */
bool x86_cpu_user_props_apply(void);

/* Registers compat-anchor on TYPE_X86_CPU. */
void x86_cpu_machine_defaults_class_init(ObjectClass *oc);

#endif /* I386_EXT_MACHINE_CPU_DEFAULTS_H */
