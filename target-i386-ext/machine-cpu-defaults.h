/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a machine type makes of its CPUs
 */

#ifndef I386_EXT_MACHINE_CPU_DEFAULTS_H
#define I386_EXT_MACHINE_CPU_DEFAULTS_H

#include "cpu.h"
#include "hw/boards.h"
#include "qapi/qapi-types-machine-target.h"

/*
 * The machine type @name (an alias will do), or NULL with an error if it
 * is unknown, abstract, or no PC machine type: others have no table of
 * CPU properties that is kept over QEMU's versions.
 */
const MachineClass *x86_cpu_find_machine_type(const char *name, Error **errp);

/*
 * Whether @mc is unversioned, and has no compatibility guarantee: nothing
 * can be asked to be like it.
 */
bool x86_cpu_machine_type_is_unversioned(const MachineClass *mc);

/*
 * What descriptions of CPUs have as compat-anchor: the newest PC machine type
 * of this QEMU, which changes nothing in CPUs; by the name of upstream's
 * machine type that it is or stands for, because other QEMUs know that, too.
 * NULL if QEMU was built without any.
 */
const char *x86_cpu_newest_anchor(void);

/*
 * From here to x86_cpu_end_evaluation(), new CPU objects are what @model
 * asks for: with @model->machine_type, what they would be in a QEMU that
 * is started with that machine type and with no -cpu and no -global; with
 * the property compat-anchor, what that machine type makes of what
 * @model->props doesn't tell.  False with an error, and nothing changed, if
 * one of these is not the name of a PC machine type.
 */
bool x86_cpu_use_defaults_of(const CpuModelInfo *model, Error **errp);

/* Nothing happens if it was not called, or failed. */
void x86_cpu_end_evaluation(void);

/* The machine type in the machine's cpu-compat, or NULL. */
const MachineClass *x86_cpu_compat_machine_type(void);

/*
 * The machine type that decides about new CPU objects: the one in use, or
 * what stands in for it; NULL as long as there is no machine.
 */
const MachineClass *x86_cpu_machine_type_in_effect(void);

/*
 * The properties (GlobalProperty) that the machine type, or what stands in
 * for it, has set on @cpu; those for other CPUs are among them.
 */
const GPtrArray *x86_cpu_machine_props(X86CPU *cpu);

/* Whether -global and -cpu apply to CPU objects that are made now. */
bool x86_cpu_user_props_apply(void);

/* Registers compat-anchor on TYPE_X86_CPU. */
void x86_cpu_machine_defaults_class_init(ObjectClass *oc);

#endif /* I386_EXT_MACHINE_CPU_DEFAULTS_H */
