/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Machine types, as far as they make CPUs what they are
 */

#ifndef I386_EXT_MACHINE_TYPES_H
#define I386_EXT_MACHINE_TYPES_H

#include "target/i386/ext/compat.h"

/* A machine type of this QEMU, or one of which it only knows the CPUs */
typedef struct X86CPUMachineType {
    const char *name;
    /* NULL: only the CPUs are known, from tables; it can't be started. */
    const MachineClass *mc;
    /* The name of the upstream machine type that it is or stands for */
    const char *upstream;
    /* The version of @upstream, 0xa0000 for pc-q35-10.0; 0: none */
    uint32_t version;
    /*
     * The version of models that their unversioned names stand for, except
     * for models from tables
     */
    X86CPUVersion default_version;
} X86CPUMachineType;

/*
 * The PC machine type @name (or alias), or NULL with an error if it is
 * unknown, abstract, or not a PC: others don't keep CPU properties compatible
 * across QEMU's versions.
 */
const X86CPUMachineType *x86_cpu_find_machine_type(const char *name,
                                                   Error **errp);

/*
 * The same; if neither this QEMU nor tables have machine type @name, a
 * distributor's that stands for it.
 */
const X86CPUMachineType *x86_cpu_find_machine_type_like(const char *name,
                                                        Error **errp);

/* What @mc is, which need not be a PC; never NULL */
const X86CPUMachineType *x86_cpu_machine_type_of(const MachineClass *mc);

bool x86_cpu_machine_type_is_pc(const X86CPUMachineType *type);

/*
 * Whether it is unversioned and has no compatibility guarantee, so it can't be
 * used for cpu-compat or compat-anchor.
 */
bool x86_cpu_machine_type_is_unversioned(const X86CPUMachineType *type);

/* The newest PC machine type; NULL if QEMU was built without any */
const X86CPUMachineType *x86_cpu_newest_machine_type(void);

/*
 * All PC machine types of this QEMU (X86CPUMachineType), the newest first; the
 * caller frees the array.
 */
GPtrArray *x86_cpu_pc_machine_types(void);

/* The same, with those of which only the CPUs are known */
GPtrArray *x86_cpu_known_machine_types(void);

/*
 * The newest PC machine type, and the others of this QEMU that give a CPU by
 * its name and version other properties than any newer one: of those with the
 * same, the newest.  The caller frees the array.
 */
GPtrArray *x86_cpu_distinct_machine_types(void);

/* What @type sets on CPUs (GlobalProperty), in the order in which it applies */
const GPtrArray *x86_cpu_props_of_machine(const X86CPUMachineType *type);

/*
 * False, with an error, if @type, which QEMU has removed, sets a property that
 * CPUs don't have any more.
 */
bool x86_cpu_check_machine_props(const X86CPUMachineType *type, Error **errp);

/* Those of them that tables/models add to what the machine type says */
const GPtrArray *x86_cpu_table_props_of_machine(const X86CPUMachineType *type);

#endif /* I386_EXT_MACHINE_TYPES_H */
