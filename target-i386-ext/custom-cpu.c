/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU model "custom"
 *
 * For management software that starts a guest from a stored description, or
 * checks one over QMP: if a property is missing, "base" uses the default of
 * the machine type and of this QEMU; "custom" refuses to start, and names it.
 * Machine types do not affect it.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-description.h"
#include "target/i386/ext/custom-cpu.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/undefined-models.h"

/* There can be several hundred. */
#define MAX_NAMES 20

/* @given: a set of property names, which it does not copy */
static void add_given(GHashTable *given, const char *name)
{
    g_hash_table_add(given, (char *)x86_cpu_resolve_property_name(name));
}

/* Adds what -cpu and -global set on CPUs of this model. */
static void add_options(GHashTable *given)
{
    ObjectClass *oc = object_class_by_name(TYPE_CUSTOM_X86_CPU);
    const GPtrArray *globals = qdev_global_props();
    X86CPUPlusMinus pm = x86_cpu_access_plus_minus();
    GList *el;
    unsigned i;

    for (i = 0; i < globals->len; i++) {
        const GlobalProperty *global = g_ptr_array_index(globals, i);

        if (object_class_dynamic_cast(oc, global->driver)) {
            add_given(given, global->property);
        }
    }
    for (el = pm.plus; el; el = el->next) {
        add_given(given, el->data);
    }
    for (el = pm.minus; el; el = el->next) {
        add_given(given, el->data);
    }
}

/* Whether CPUs need these depends on other properties. */
static const char *const conditional[] = {
    "phys-bits",
    "l1d-cache-info", "l1i-cache-info", "l2-cache-info", "l3-cache-info",
};

/*
 * Whether @cpu lacks the property @name, which it needs.  For those in
 * conditional[], looks at the value: device_add keeps no list of what it set.
 */
static bool is_missing(X86CPU *cpu, GHashTable *given, const char *name)
{
    g_autofree char *text = NULL;

    /* A CPU only needs tsc-frequency if it was set. */
    if (g_hash_table_contains(given, name) ||
        !strcmp(name, "tsc-frequency")) {
        return false;
    }
    if (!strcmp(name, "phys-bits")) {
        return !cpu->phys_bits;
    }
    if (g_str_has_suffix(name, "-cache-info")) {
        text = object_property_get_str(OBJECT(cpu), name, &error_abort);
        return !*text;
    }
    return true;
}

/* Whether @cpu may lack properties that previous CPUs did not */
static bool lacks_conditional(X86CPU *cpu, GHashTable *given)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(conditional); i++) {
        if (x86_cpu_description_needs(cpu, conditional[i]) &&
            is_missing(cpu, given, conditional[i])) {
            return true;
        }
    }
    return false;
}

/*
 * Sets "+feature" and "-feature", as x86_cpu_expand_features() will: which
 * properties a CPU needs can depend on them.
 */
static bool apply_plus_minus(X86CPU *cpu, Error **errp)
{
    X86CPUPlusMinus pm = x86_cpu_access_plus_minus();
    GList *el;

    for (el = pm.plus; el; el = el->next) {
        if (!object_property_set_bool(OBJECT(cpu), el->data, true, errp)) {
            return false;
        }
    }
    for (el = pm.minus; el; el = el->next) {
        if (!object_property_set_bool(OBJECT(cpu), el->data, false, errp)) {
            return false;
        }
    }
    return true;
}

/* Whether the QEMU that wrote the description of @cpu had no @name yet */
static bool is_newer(X86CPU *cpu, const char *name)
{
    return cpu->anchor && cpu->anchor->version &&
           x86_cpu_property_since(name) > cpu->anchor->version;
}

static bool check_complete(X86CPU *cpu, GHashTable *given, Error **errp)
{
    strList *names = x86_cpu_description_names(cpu);
    g_autoptr(GString) missing = g_string_new(NULL);
    unsigned count = 0;
    strList *el;

    for (el = names; el; el = el->next) {
        if (is_missing(cpu, given, el->value) &&
            !is_newer(cpu, el->value) && count++ < MAX_NAMES) {
            g_string_append_printf(missing, "%s%s", missing->len ? ", " : "",
                                   el->value);
        }
    }
    qapi_free_strList(names);
    if (count > MAX_NAMES) {
        g_string_append_printf(missing, " and %u more", count - MAX_NAMES);
    }
    if (count) {
        error_setg(errp, "CPU model 'custom' needs all properties of a "
                   "static expansion; missing: %s", missing->str);
    }
    return !count;
}

bool x86_cpu_check_custom_model(const CpuModelInfo *model, Error **errp)
{
    const QDict *props = qobject_to(QDict, model->props);
    g_autoptr(GHashTable) given = NULL;
    const QDictEntry *e;
    Error *err = NULL;
    Object *obj;
    bool complete = true;

    if (strcmp(model->name, "custom") || (model->props && !props)) {
        return true;
    }
    given = g_hash_table_new(g_str_hash, g_str_equal);
    if (x86_cpu_user_props_apply()) {
        add_options(given);
    }
    for (e = props ? qdict_first(props) : NULL; e; e = qdict_next(props, e)) {
        add_given(given, qdict_entry_key(e));
    }
    obj = object_new(TYPE_CUSTOM_X86_CPU);
    if (props) {
        object_set_props_from_keyval(obj, props, true, &err);
    }
    if (!err && apply_plus_minus(X86_CPU(obj), &err)) {
        complete = check_complete(X86_CPU(obj), given, errp);
    }
    /* The expansion runs into the same error and reports it. */
    error_free(err);
    object_unref(obj);
    return complete;
}

static void custom_cpu_realize(DeviceState *dev, Error **errp)
{
    X86CPU *cpu = X86_CPU(dev);
    /* Cached, because -cpu and -global are the same for all CPUs. */
    static GHashTable *given;
    static bool is_complete;

    if (!given) {
        given = g_hash_table_new(g_str_hash, g_str_equal);
        add_options(given);
    }
    if (!apply_plus_minus(cpu, errp)) {
        return;
    }
    if (!is_complete || lacks_conditional(cpu, given)) {
        if (!check_complete(cpu, given, errp)) {
            return;
        }
        is_complete = true;
    }
    x86_cpu_access_realize(dev, errp);
}

static void custom_cpu_class_init(ObjectClass *oc, X86CPUClassData data)
{
    X86CPUClass *xcc = X86_CPU_CLASS(oc);

    DEVICE_CLASS(oc)->realize = custom_cpu_realize;
    /* Without properties it is not a complete CPU. */
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
