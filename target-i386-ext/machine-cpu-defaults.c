/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPU defaults of a machine type
 *
 * Answers: what would this CPU model be with another machine type than that
 * of this process?  For the commands that take a machine type
 * (CpuModelInfo), for -machine cpu-compat, and for descriptions of CPUs by
 * an older QEMU (compat-anchor).
 *
 * A machine type affects a CPU in two ways: with its compatibility
 * properties, which device_post_init() sets on each new object, and with
 * the versions that unversioned CPU model names stand for.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "hw/i386/pc.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/accel.h"
#include "qobject/qdict.h"
#include "system/kvm.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/machine-types.h"
#include "target/i386/ext/model-machines.h"
#include "target/i386/ext/undefined-models.h"

#define ANCHOR "compat-anchor"

static struct {
    bool active;
    /* From the command's arguments, or NULL */
    const X86CPUMachineType *machine;
    /* From the property compat-anchor, or NULL */
    const X86CPUMachineType *anchor;
    bool anchor_given;
    bool without_accelerator;
    bool refuses;
    /* The first one of properties that can't be set, or NULL */
    Error *error;
    /* To be restored at the end of the evaluation */
    X86CPUVersion version;
    X86CPUPlusMinus plus_minus;
} evaluation;

const char *x86_cpu_newest_anchor(void)
{
    const X86CPUMachineType *newest = x86_cpu_newest_machine_type();

    return newest ? newest->upstream : NULL;
}

/*
 * An anchor names an upstream machine type, if possible; this QEMU may only
 * have a distributor's machine type that stands for it.
 */
static const X86CPUMachineType *find_anchor_type(const char *name,
                                                 Error **errp)
{
    ERRP_GUARD();
    const X86CPUMachineType *type = x86_cpu_find_machine_type_like(name, errp);

    if (!type) {
        error_prepend(errp, "Invalid " ANCHOR ": ");
        return NULL;
    }
    if (x86_cpu_machine_type_is_unversioned(type)) {
        error_setg(errp, ANCHOR "=%s can't be used: %s is unversioned", name,
                   type->name);
        return NULL;
    }
    return type;
}

const X86CPUMachineType *x86_cpu_compat_machine_type(void)
{
    Object *machine = object_dynamic_cast(OBJECT(current_machine),
                                          TYPE_PC_MACHINE);

    return machine ? PC_MACHINE(machine)->cpu_compat : NULL;
}

/* The machine type used instead of that of the process, or NULL */
static const X86CPUMachineType *stand_in(void)
{
    return evaluation.machine ?: x86_cpu_compat_machine_type();
}

const X86CPUMachineType *x86_cpu_machine_type_in_effect(void)
{
    const X86CPUMachineType *type = stand_in();

    return type || !current_machine ? type : x86_cpu_machine_type_of(
                                                 MACHINE_GET_CLASS(
                                                     current_machine));
}

const X86CPUMachineType *x86_cpu_machine_type_or_default(const char *name,
                                                    Error **errp)
{
    const X86CPUMachineType *type = x86_cpu_machine_type_in_effect();

    if (name) {
        return x86_cpu_find_machine_type(name, errp);
    }
    if (!type || !x86_cpu_machine_type_is_pc(type)) {
        type = x86_cpu_newest_machine_type();
    }
    if (!type) {
        error_setg(errp, "This QEMU was built without PC machine types, for "
                   "which alone CPU models are versioned");
    }
    return type;
}

const GPtrArray *x86_cpu_machine_props(X86CPU *cpu)
{
    return x86_cpu_props_of_machine(cpu->anchor
                                    ?: x86_cpu_machine_type_in_effect());
}

X86CPUVersion x86_cpu_resolve_table_version(const X86CPUModel *model,
                                            X86CPUVersion version)
{
    const X86CPUMachineType *type = x86_cpu_machine_type_in_effect();

    return version == CPU_VERSION_AUTO && type &&
           x86_cpu_machine_type_is_pc(type)
           ? x86_cpu_table_version(model, type->version) : version;
}

bool x86_cpu_user_props_apply(void)
{
    return !evaluation.machine;
}

/* The value of the last -cpu or -global that sets @name of @obj, or NULL. */
static const char *last_global(Object *obj, const char *name)
{
    const GPtrArray *globals = qdev_global_props();
    unsigned i;

    for (i = globals->len; i-- > 0;) {
        const GlobalProperty *global = g_ptr_array_index(globals, i);

        if (!strcmp(global->property, name) &&
            object_dynamic_cast(obj, global->driver)) {
            return global->value;
        }
    }
    return NULL;
}

static const X86CPUMachineType *find_anchor(Object *obj)
{
    const char *name;

    /* Other models have compat properties of their own. */
    if (!x86_cpu_is_undefined(obj)) {
        return NULL;
    }
    if (evaluation.anchor_given) {
        return evaluation.anchor;
    }
    if (!x86_cpu_user_props_apply()) {
        return NULL;
    }
    name = last_global(obj, ANCHOR);
    /* The setter reports invalid names. */
    return name ? find_anchor_type(name, NULL) : NULL;
}

/*
 * Only pc-q35-4.0 defaults to a split interrupt controller, with which KVM
 * offers this feature and turns it on in most models.  CPUs of other machine
 * types don't have it by default.  (Where that one has been removed, none
 * does: the interrupt controller is the machine's, not the CPU's.)
 */
static void undo_split_irqchip(Object *obj, const X86CPUMachineType *type)
{
    const MachineClass *own = MACHINE_GET_CLASS(qdev_get_machine());

    if (kvm_enabled() && kvm_irqchip_is_split() &&
        own->default_kernel_irqchip_split &&
        !(type->mc && type->mc->default_kernel_irqchip_split)) {
        object_property_set_bool(obj, "kvm-msi-ext-dest-id", false,
                                 &error_abort);
    }
}

/*
 * Replaces object_apply_compat_props().  User options other than -global and
 * -cpu never apply to CPUs.
 */
static void apply_compat_props(Object *obj, const X86CPUMachineType *type,
                               Error **errp)
{
    undo_split_irqchip(obj, type);
    if (current_accel()) {
        object_apply_global_props(obj, ACCEL_GET_CLASS(current_accel())
                                       ->compat_props, &error_abort);
    }
    object_apply_global_props(obj, x86_cpu_props_of_machine(type), errp);
}

/* Applies what our tables add to the machine type in use. */
static void apply_own_tables(Object *obj)
{
    const X86CPUMachineType *type = x86_cpu_machine_type_in_effect();

    if (type) {
        object_apply_global_props(obj, x86_cpu_table_props_of_machine(type),
                                  &error_abort);
    }
}

/*
 * Replaces device_post_init() for CPUs.  It runs after
 * x86_cpu_post_initfn(), which sets the accelerator's defaults.
 */
static void set_cpu_defaults(DeviceState *dev)
{
    Object *obj = OBJECT(dev);
    const X86CPUMachineType *anchor = find_anchor(obj);
    const X86CPUMachineType *type = anchor ?: stand_in();
    X86CPU *cpu = X86_CPU(obj);

    cpu->anchor = anchor;
    if (type && evaluation.active) {
        Error *err = NULL;

        /* A question about a machine type must not end a guest of another. */
        apply_compat_props(obj, type, &err);
        if (err) {
            error_prepend(&err, "Machine type '%s': ", type->name);
        }
        /* Only the first one is kept. */
        error_propagate(&evaluation.error, err);
    } else if (type) {
        /* A table may be wrong; upstream's own properties are there. */
        apply_compat_props(obj, type, type->mc ? &error_abort : &error_fatal);
    } else {
        object_apply_compat_props(obj);
        apply_own_tables(obj);
    }
    x86_cpu_caches_defaults_done(cpu);
    cpu->requests.machine_done = true;
    if (x86_cpu_user_props_apply()) {
        qdev_prop_set_globals(dev);
    }
    cpu->requests.defaults_done = true;
}

static void begin_evaluation(const X86CPUMachineType *type)
{
    evaluation.active = true;
    evaluation.machine = type;
    if (type) {
        evaluation.version = x86_cpu_access_set_default_version(
            type->default_version);
        x86_cpu_access_swap_plus_minus(&evaluation.plus_minus);
    }
}

void x86_cpu_use_machine_defaults(const X86CPUMachineType *type)
{
    assert(!evaluation.active);
    begin_evaluation(type);
    evaluation.without_accelerator = true;
}

bool x86_cpu_defaults_without_accelerator(void)
{
    return evaluation.without_accelerator;
}

bool x86_cpu_use_defaults_of(const CpuModelInfo *model, Error **errp)
{
    const QDict *props = qobject_to(QDict, model->props);
    const char *anchor = props ? qdict_get_try_str(props, ANCHOR) : NULL;
    const X86CPUMachineType *machine = NULL, *anchor_type = NULL;

    assert(!evaluation.active);
    if (model->machine_type) {
        machine = x86_cpu_find_machine_type(model->machine_type, errp);
        if (!machine) {
            return false;
        }
    }
    if (anchor && *anchor) {
        anchor_type = find_anchor_type(anchor, errp);
        if (!anchor_type) {
            return false;
        }
    }
    begin_evaluation(machine);
    evaluation.anchor = anchor_type;
    evaluation.anchor_given = anchor;
    return true;
}

bool x86_cpu_collects_errors(void)
{
    return evaluation.active && !evaluation.refuses;
}

void x86_cpu_refuse_in_evaluation(void)
{
    evaluation.refuses = true;
}

bool x86_cpu_check_evaluation(Error **errp)
{
    Error *err = g_steal_pointer(&evaluation.error);

    error_propagate(errp, err);
    return !err;
}

void x86_cpu_end_evaluation(void)
{
    error_free(evaluation.error);
    if (evaluation.machine) {
        x86_cpu_access_set_default_version(evaluation.version);
        x86_cpu_access_swap_plus_minus(&evaluation.plus_minus);
    }
    memset(&evaluation, 0, sizeof(evaluation));
}

static char *get_anchor(Object *obj, Error **errp)
{
    const X86CPUMachineType *anchor = X86_CPU(obj)->anchor;

    return g_strdup(anchor ? anchor->upstream : "");
}

/*
 * The anchor is applied at object creation; setting it later has no effect.
 * If -cpu and -global set several, find_anchor() takes the last one.
 */
static void set_anchor(Object *obj, const char *value, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);
    const X86CPUMachineType *type = NULL;

    if (*value) {
        if (!x86_cpu_is_undefined(obj)) {
            error_setg(errp, ANCHOR " is only supported by the CPU models "
                       "base and custom");
            return;
        }
        type = find_anchor_type(value, errp);
        if (!type) {
            return;
        }
    }
    if (type != cpu->anchor && cpu->requests.defaults_done) {
        error_setg(errp, ANCHOR "=%s can't be set now; use -cpu, -global, or "
                   "the CPU model passed to a QMP command", value);
    }
}

void x86_cpu_machine_defaults_class_init(ObjectClass *oc)
{
    DEVICE_CLASS(oc)->set_defaults = set_cpu_defaults;
    object_class_property_add_str(oc, ANCHOR, get_anchor, set_anchor);
    object_class_property_set_description(oc, ANCHOR,
        "Machine type, instead of the one in use, that provides the defaults "
        "of properties that are not set: the newest one of the QEMU that "
        "wrote the description of the CPU");
}
