/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU model "custom"
 *
 * Answers: is this really all of the CPU?  For management software that
 * starts a guest from a stored description: where a property is missing,
 * "base" fills in what the machine type and this QEMU have, "custom"
 * refuses, and names it.  Machine types have no say in it.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "hw/qdev-properties.h"
#include "qapi/error.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-description.h"
#include "target/i386/ext/custom-cpu.h"

/* An error that names all of several hundred would hide the first. */
#define MAX_NAMES 20

/* Whether the user has set @name, by this name */
static bool is_given(X86CPU *cpu, const char *name)
{
    return qdev_find_global_prop(OBJECT(cpu), name) ||
           x86_cpu_access_plus_feature(name) ||
           x86_cpu_access_minus_feature(name);
}

static bool check_complete(X86CPU *cpu, Error **errp)
{
    strList *names = x86_cpu_description_names(cpu);
    g_autoptr(GString) missing = g_string_new(NULL);
    unsigned count = 0;
    strList *el;

    for (el = names; el; el = el->next) {
        if (!is_given(cpu, el->value) && count++ < MAX_NAMES) {
            g_string_append_printf(missing, "%s%s", missing->len ? ", " : "",
                                   el->value);
        }
    }
    qapi_free_strList(names);
    if (count > MAX_NAMES) {
        g_string_append_printf(missing, " and %u more", count - MAX_NAMES);
    }
    if (count) {
        error_setg(errp, "CPU model 'custom' must be fully specified, as the "
                   "static expansion of a CPU model is; missing: %s",
                   missing->str);
    }
    return !count;
}

static void custom_cpu_realize(DeviceState *dev, Error **errp)
{
    X86CPU *cpu = X86_CPU(dev);
    /* -cpu and -global are the same for all CPUs, and there are many. */
    static bool is_complete;

    if (!is_complete) {
        is_complete = check_complete(cpu, errp);
        if (!is_complete) {
            return;
        }
    }
    x86_cpu_access_realize(dev, errp);
}

static void custom_cpu_class_init(ObjectClass *oc, void *data)
{
    X86CPUClass *xcc = X86_CPU_CLASS(oc);

    DEVICE_CLASS(oc)->realize = custom_cpu_realize;
    /* By itself it is no CPU at all, let alone one that can migrate. */
    xcc->migration_safe = false;
    xcc->model_description = "CPU fully specified by its properties";
    xcc->ordering = 8;
}

static const TypeInfo custom_cpu_type_info = {
    .name = TYPE_CUSTOM_X86_CPU,
    .parent = TYPE_X86_CPU,
    .class_init = custom_cpu_class_init,
};

static void custom_cpu_register_types(void)
{
    type_register_static(&custom_cpu_type_info);
}

type_init(custom_cpu_register_types)
