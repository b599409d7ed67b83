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
#include "target/i386/ext/model-machines.h"
#include "target/i386/ext/undefined-models.h"

#define ANCHOR "compat-anchor"

/* The most of a name, in bytes, that an error repeats */
#define MAX_SHOWN 100

static struct {
    bool active;
    /* From the command's arguments, or NULL */
    const MachineClass *machine;
    /* From the property compat-anchor, or NULL */
    const MachineClass *anchor;
    bool anchor_given;
    bool without_accelerator;
    bool refuses;
    /* The first one of properties that can't be set, or NULL */
    Error *error;
    /* To be restored at the end of the evaluation */
    X86CPUVersion version;
    X86CPUPlusMinus plus_minus;
} evaluation;

/* 0 if @mc has none */
static uint32_t version_of(const MachineClass *mc)
{
    uint32_t version;

    return x86_cpu_machine_version(mc, &version) ? version : 0;
}

/*
 * By version, because distributors give the aliases "q35" and "pc" to machine
 * types of their own.  Of the same version, q35 comes before i440fx, and
 * upstream's type before those that stand for it.
 */
static int compare_newest(const MachineClass *ma, const MachineClass *mb)
{
    uint32_t va = version_of(ma), vb = version_of(mb);
    const char *name_a = x86_cpu_upstream_machine_type(ma);
    const char *name_b = x86_cpu_upstream_machine_type(mb);
    int order;

    if (va != vb) {
        return va < vb ? 1 : -1;
    }
    order = va ? strcmp(name_b, name_a) : g_strcmp0(mb->alias, ma->alias);
    if (!order) {
        order = !strcmp(mb->name, name_b) - !strcmp(ma->name, name_a);
    }
    return order ?: strcmp(ma->name, mb->name);
}

static const MachineClass *newest_machine_type(void)
{
    static const MachineClass *newest;

    if (!newest) {
        g_autoptr(GSList) list = object_class_get_list(TYPE_PC_MACHINE,
                                                       false);
        GSList *el;

        for (el = list; el; el = el->next) {
            const MachineClass *mc = MACHINE_CLASS(el->data);

            if (!newest || compare_newest(mc, newest) < 0) {
                newest = mc;
            }
        }
    }
    return newest;
}

const char *x86_cpu_newest_anchor(void)
{
    const MachineClass *newest = newest_machine_type();

    return newest ? x86_cpu_upstream_machine_type(newest) : NULL;
}

static const MachineClass *find_machine_alias(const char *name)
{
    g_autoptr(GSList) list = object_class_get_list(TYPE_MACHINE, false);
    GSList *el;

    for (el = list; el; el = el->next) {
        const MachineClass *mc = MACHINE_CLASS(el->data);

        if (!g_strcmp0(mc->alias, name)) {
            return mc;
        }
    }
    return NULL;
}

const MachineClass *x86_cpu_find_machine_type(const char *name, Error **errp)
{
    g_autofree char *type = g_strconcat(name, TYPE_MACHINE_SUFFIX, NULL);
    ObjectClass *oc = object_class_by_name(type);
    const MachineClass *mc;

    if (object_class_dynamic_cast(oc, TYPE_MACHINE)) {
        if (object_class_is_abstract(oc)) {
            error_setg(errp, "Machine type '%s' is abstract", name);
            return NULL;
        }
        mc = MACHINE_CLASS(oc);
    } else {
        mc = find_machine_alias(name);
    }
    if (!mc) {
        error_setg(errp, "Machine type '%.*s' not found; query-machines lists "
                   "all machine types", MAX_SHOWN, name);
        return NULL;
    }
    if (!object_class_dynamic_cast(OBJECT_CLASS(mc), TYPE_PC_MACHINE)) {
        error_setg(errp, "Machine type '%s' is not a PC: only pc-i440fx-*, "
                   "pc-q35-* and isapc are supported here", name);
        return NULL;
    }
    return mc;
}

bool x86_cpu_machine_type_is_unversioned(const MachineClass *mc)
{
    return !strcmp(mc->name, "isapc");
}

/*
 * An anchor names an upstream machine type, if possible; this QEMU may only
 * have a distributor's machine type that stands for it.
 */
static const MachineClass *find_anchor_type(const char *name, Error **errp)
{
    Error *err = NULL;
    const MachineClass *mc = x86_cpu_find_machine_type(name, &err);

    if (!mc) {
        mc = x86_cpu_find_stand_in(name);
    }
    if (!mc) {
        error_propagate_prepend(errp, err, "Invalid " ANCHOR ": ");
        return NULL;
    }
    error_free(err);
    if (x86_cpu_machine_type_is_unversioned(mc)) {
        error_setg(errp, ANCHOR "=%s can't be used: %s is unversioned", name,
                   mc->name);
        return NULL;
    }
    return mc;
}

/* Whether compat property @p applies to CPUs */
static bool is_cpu_property(const GlobalProperty *p, ObjectClass *cpu_class)
{
    return g_str_has_suffix(p->driver, TYPE_X86_CPU) ||
           object_class_dynamic_cast(cpu_class, p->driver);
}

/* Of a machine type, for CPUs */
typedef struct MachineCPUProps {
    /* From our own tables */
    GPtrArray *tables;
    /* Upstream's, then ours; NULL until needed */
    GPtrArray *all;
} MachineCPUProps;

static MachineCPUProps *machine_cpu_props(const MachineClass *mc)
{
    static GHashTable *cache;
    MachineCPUProps *props;

    if (!cache) {
        cache = g_hash_table_new(NULL, NULL);
    }
    props = g_hash_table_lookup(cache, mc);
    if (!props) {
        props = g_new0(MachineCPUProps, 1);
        props->tables = g_ptr_array_new();
        x86_cpu_table_add_props(props->tables, mc);
        g_hash_table_insert(cache, (void *)mc, props);
    }
    return props;
}

/* Few of the hundreds of compat properties of an old type apply to CPUs. */
static const GPtrArray *all_cpu_props(const MachineClass *mc)
{
    MachineCPUProps *props = machine_cpu_props(mc);
    ObjectClass *cpu_class;
    unsigned i;

    if (props->all) {
        return props->all;
    }
    cpu_class = object_class_by_name(TYPE_X86_CPU);
    props->all = g_ptr_array_new();
    for (i = 0; i < mc->compat_props->len; i++) {
        GlobalProperty *p = g_ptr_array_index(mc->compat_props, i);

        if (is_cpu_property(p, cpu_class)) {
            g_ptr_array_add(props->all, p);
        }
    }
    g_ptr_array_extend(props->all, props->tables, NULL, NULL);
    return props->all;
}

static bool same_props(const GPtrArray *a, const GPtrArray *b)
{
    unsigned i;

    for (i = 0; a->len == b->len && i < a->len; i++) {
        const GlobalProperty *pa = g_ptr_array_index(a, i);
        const GlobalProperty *pb = g_ptr_array_index(b, i);

        if (strcmp(pa->driver, pb->driver) ||
            strcmp(pa->property, pb->property) ||
            g_strcmp0(pa->value, pb->value)) {
            return false;
        }
    }
    return a->len == b->len;
}

static int compare_newest_pointers(gconstpointer a, gconstpointer b)
{
    return compare_newest(*(const MachineClass *const *)a,
                          *(const MachineClass *const *)b);
}

static bool has_props_of(const GPtrArray *types, const MachineClass *mc)
{
    unsigned i;

    for (i = 0; i < types->len; i++) {
        if (same_props(all_cpu_props(g_ptr_array_index(types, i)),
                       all_cpu_props(mc))) {
            return true;
        }
    }
    return false;
}

GPtrArray *x86_cpu_pc_machine_types(void)
{
    g_autoptr(GSList) list = object_class_get_list(TYPE_PC_MACHINE, false);
    GPtrArray *types = g_ptr_array_new();
    const GSList *el;

    for (el = list; el; el = el->next) {
        g_ptr_array_add(types, el->data);
    }
    g_ptr_array_sort(types, compare_newest_pointers);
    return types;
}

GPtrArray *x86_cpu_distinct_machine_types(void)
{
    g_autoptr(GPtrArray) types = x86_cpu_pc_machine_types();
    GPtrArray *distinct = g_ptr_array_new();
    unsigned i;

    for (i = 0; i < types->len; i++) {
        MachineClass *mc = g_ptr_array_index(types, i);

        if (!has_props_of(distinct, mc)) {
            g_ptr_array_add(distinct, mc);
        }
    }
    return distinct;
}

const GPtrArray *x86_cpu_props_of_machine(const MachineClass *mc)
{
    return all_cpu_props(mc);
}

const MachineClass *x86_cpu_compat_machine_type(void)
{
    Object *machine = object_dynamic_cast(OBJECT(current_machine),
                                          TYPE_PC_MACHINE);

    return machine ? PC_MACHINE(machine)->cpu_compat : NULL;
}

/* The machine type used instead of that of the process, or NULL */
static const MachineClass *stand_in(void)
{
    return evaluation.machine ?: x86_cpu_compat_machine_type();
}

const MachineClass *x86_cpu_machine_type_in_effect(void)
{
    const MachineClass *mc = stand_in();

    return mc || !current_machine ? mc : MACHINE_GET_CLASS(current_machine);
}

const MachineClass *x86_cpu_machine_type_or_default(const char *name,
                                                    Error **errp)
{
    const MachineClass *mc = x86_cpu_machine_type_in_effect();

    if (name) {
        return x86_cpu_find_machine_type(name, errp);
    }
    if (!mc || !object_class_dynamic_cast((ObjectClass *)mc,
                                          TYPE_PC_MACHINE)) {
        mc = newest_machine_type();
    }
    if (!mc) {
        error_setg(errp, "This QEMU was built without PC machine types, for "
                   "which alone CPU models are versioned");
    }
    return mc;
}

const GPtrArray *x86_cpu_machine_props(X86CPU *cpu)
{
    const MachineClass *mc = cpu->anchor ?: x86_cpu_machine_type_in_effect();

    return all_cpu_props(mc);
}

X86CPUVersion x86_cpu_resolve_table_version(const X86CPUModel *model,
                                            X86CPUVersion version)
{
    return version == CPU_VERSION_AUTO
        ? x86_cpu_table_version(model, x86_cpu_machine_type_in_effect())
        : version;
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

static const MachineClass *find_anchor(Object *obj)
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
 * types don't have it by default.
 */
static void undo_split_irqchip(Object *obj, const MachineClass *mc)
{
    const MachineClass *own = MACHINE_GET_CLASS(qdev_get_machine());

    if (kvm_enabled() && kvm_irqchip_is_split() &&
        own->default_kernel_irqchip_split &&
        !mc->default_kernel_irqchip_split) {
        object_property_set_bool(obj, "kvm-msi-ext-dest-id", false,
                                 &error_abort);
    }
}

/*
 * Replaces object_apply_compat_props().  User options other than -global and
 * -cpu never apply to CPUs.
 */
static void apply_compat_props(Object *obj, const MachineClass *mc,
                               Error **errp)
{
    undo_split_irqchip(obj, mc);
    if (current_accel()) {
        object_apply_global_props(obj, ACCEL_GET_CLASS(current_accel())
                                       ->compat_props, &error_abort);
    }
    object_apply_global_props(obj, all_cpu_props(mc), errp);
}

/* Applies what our tables add to the machine type in use. */
static void apply_own_tables(Object *obj)
{
    const MachineClass *mc = x86_cpu_machine_type_in_effect();

    if (mc) {
        object_apply_global_props(obj, machine_cpu_props(mc)->tables,
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
    const MachineClass *anchor = find_anchor(obj);
    const MachineClass *mc = anchor ?: stand_in();
    X86CPU *cpu = X86_CPU(obj);

    cpu->anchor = anchor;
    if (mc && evaluation.active) {
        Error *err = NULL;

        /* A question about a machine type must not end a guest of another. */
        apply_compat_props(obj, mc, &err);
        if (err) {
            error_prepend(&err, "Machine type '%s': ", mc->name);
        }
        /* Only the first one is kept. */
        error_propagate(&evaluation.error, err);
    } else if (mc) {
        apply_compat_props(obj, mc, &error_abort);
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

static void begin_evaluation(const MachineClass *mc)
{
    evaluation.active = true;
    evaluation.machine = mc;
    if (mc) {
        evaluation.version = x86_cpu_access_set_default_version(
            PC_MACHINE_CLASS(mc)->default_cpu_version);
        x86_cpu_access_swap_plus_minus(&evaluation.plus_minus);
    }
}

void x86_cpu_use_machine_defaults(const MachineClass *mc)
{
    assert(!evaluation.active);
    begin_evaluation(mc);
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
    const MachineClass *machine_class = NULL, *anchor_class = NULL;

    assert(!evaluation.active);
    if (model->machine_type) {
        machine_class = x86_cpu_find_machine_type(model->machine_type, errp);
        if (!machine_class) {
            return false;
        }
    }
    if (anchor && *anchor) {
        anchor_class = find_anchor_type(anchor, errp);
        if (!anchor_class) {
            return false;
        }
    }
    begin_evaluation(machine_class);
    evaluation.anchor = anchor_class;
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
    const MachineClass *anchor = X86_CPU(obj)->anchor;

    return g_strdup(anchor ? x86_cpu_upstream_machine_type(anchor) : "");
}

/*
 * The anchor is applied at object creation; setting it later has no effect.
 * If -cpu and -global set several, find_anchor() takes the last one.
 */
static void set_anchor(Object *obj, const char *value, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);
    const MachineClass *mc = NULL;

    if (*value) {
        if (!x86_cpu_is_undefined(obj)) {
            error_setg(errp, ANCHOR " is only supported by the CPU models "
                       "base and custom");
            return;
        }
        mc = find_anchor_type(value, errp);
        if (!mc) {
            return;
        }
    }
    if (mc != cpu->anchor && cpu->requests.defaults_done) {
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
