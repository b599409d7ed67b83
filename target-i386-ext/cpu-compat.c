/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * -machine X,cpu-compat=Y: machine type X with the CPUs of Y
 *
 * For operators who move guests to newer machine types: gives a guest the
 * devices of one machine type and the CPU of another, even of one that QEMU
 * has removed.  Topology, APIC, interrupt controller and SMM are those of X.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "hw/i386/pc.h"
#include "qapi/error.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-compat.h"
#include "target/i386/ext/machine-cpu-defaults.h"

static char *get_cpu_compat(Object *obj, Error **errp)
{
    const X86CPUMachineType *type = PC_MACHINE(obj)->cpu_compat;

    return g_strdup(type ? type->name : "");
}

static void set_cpu_compat(Object *obj, const char *value, Error **errp)
{
    ERRP_GUARD();
    const X86CPUMachineType *own =
        x86_cpu_machine_type_of(MACHINE_GET_CLASS(obj));
    const X86CPUMachineType *type;

    if (phase_check(PHASE_MACHINE_INITIALIZED)) {
        error_setg(errp, "cpu-compat can't be changed once the machine has "
                   "CPUs; set it with -machine");
        return;
    }
    type = x86_cpu_find_machine_type(value, errp);
    if (!type) {
        error_prepend(errp, "Invalid cpu-compat: ");
        return;
    }
    if (x86_cpu_machine_type_is_unversioned(type) ||
        x86_cpu_machine_type_is_unversioned(own)) {
        error_setg(errp, "cpu-compat=%s can't be used with machine type "
                   "'%s': isapc is unversioned", value, own->name);
        return;
    }
    if (!type->mc && !x86_cpu_check_machine_props(type, errp)) {
        error_prepend(errp, "cpu-compat=%s can't be used: ", value);
        return;
    }
    PC_MACHINE(obj)->cpu_compat = type;
}

/* Of -machine: @name is not a machine type of this QEMU. */
static void explain_unsupported(const char *name, Error **errp)
{
    const X86CPUMachineType *type = x86_cpu_find_machine_type(name, NULL);

    if (type) {
        error_append_hint(errp, "To give its CPUs to another machine type, use "
                          "-machine TYPE,cpu-compat=%s\n", name);
    }
}

void x86_cpu_compat_class_init(ObjectClass *oc)
{
    X86_CPU_EXPLAIN_UNSUPPORTED(explain_unsupported);
    object_class_property_add_str(oc, "cpu-compat", get_cpu_compat,
                                  set_cpu_compat);
    object_class_property_set_description(oc, "cpu-compat",
        "Give CPUs the compat properties and default model versions of this "
        "machine type (pc-i440fx-*, pc-q35-*), which QEMU may have removed");
}

void x86_cpu_compat_machine_init(void)
{
    const X86CPUMachineType *type = x86_cpu_compat_machine_type();

    if (type) {
        x86_cpu_access_set_default_version(
            type->default_version);
    }
}
