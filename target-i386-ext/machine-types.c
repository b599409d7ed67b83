/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Machine types, as far as they make CPUs what they are
 *
 * Answers: which machine type is meant, how old is it, and what does it set on
 * CPUs?  It may be one that this QEMU has removed (removed-machine-types.c): a
 * CPU needs no more of it than its compatibility properties and the versions
 * that unversioned names of CPU models stand for.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "hw/i386/pc.h"
#include "qapi/error.h"
#include "qemu/ctype.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/machine-types.h"
#include "target/i386/ext/model-machines.h"
#include "target/i386/ext/near-names.h"
#include "target/i386/ext/removed-machine-types.h"

/* The most of a name, in bytes, that an error repeats */
#define MAX_SHOWN 100

/* A machine type, with what is computed when it is needed */
typedef struct Known {
    X86CPUMachineType type;
    /* GlobalProperty: what our tables add; all; NULL until needed */
    GPtrArray *table_props, *props;
} Known;

/* ---- versions ---- */

/* Up to three digits.  sscanf() would be ten times as slow. */
static bool parse_number(const char **text, unsigned *number)
{
    const char *p = *text;

    for (*number = 0; p < *text + 3 && qemu_isdigit(*p); p++) {
        *number = *number * 10 + (*p - '0');
    }
    if (p == *text) {
        return false;
    }
    *text = p;
    return true;
}

/* 0 if it has none */
static uint32_t version_in_name(const char *name)
{
    const char *text = strrchr(name, '-');
    unsigned major, minor;

    if (!g_str_has_prefix(name, "pc-") || !text) {
        return 0;
    }
    text++;
    if (!parse_number(&text, &major) || *text++ != '.' ||
        !parse_number(&text, &minor)) {
        return 0;
    }
    return major << 16 | minor;
}

/* The row of our tables for the distributor's machine type @name, or NULL */
static const X86CPUTableMachineType *find_table_row(const char *name)
{
    const X86CPUTableMachineType *row = x86_cpu_access_table_machine_types();

    for (; row->name; row++) {
        if (!strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

/* ---- the machine types ---- */

/* By name, which lives as long; machine types of this QEMU and others */
static GHashTable *known_types(void)
{
    static GHashTable *known;

    if (!known) {
        known = g_hash_table_new(g_str_hash, g_str_equal);
    }
    return known;
}

static Known *add_known(const char *name, const MachineClass *mc,
                        X86CPUVersion default_version)
{
    const X86CPUTableMachineType *row = find_table_row(name);
    Known *known = g_new0(Known, 1);

    known->type = (X86CPUMachineType) {
        .name = name,
        .mc = mc,
        .upstream = row ? row->upstream : name,
        .version = row ? row->version : version_in_name(name),
        .default_version = default_version,
    };
    g_hash_table_insert(known_types(), (char *)name, known);
    return known;
}

static Known *find_known(const X86CPUMachineType *type)
{
    return container_of(type, Known, type);
}

static bool is_pc(const MachineClass *mc)
{
    return object_class_dynamic_cast((ObjectClass *)mc, TYPE_PC_MACHINE);
}

const X86CPUMachineType *x86_cpu_machine_type_of(const MachineClass *mc)
{
    Known *known = g_hash_table_lookup(known_types(), mc->name);

    if (!known) {
        known = add_known(mc->name, mc, is_pc(mc)
                          ? PC_MACHINE_CLASS(mc)->default_cpu_version : 1);
    }
    return &known->type;
}

bool x86_cpu_machine_type_is_pc(const X86CPUMachineType *type)
{
    return !type->mc || is_pc(type->mc);
}

bool x86_cpu_machine_type_is_unversioned(const X86CPUMachineType *type)
{
    return !strcmp(type->name, "isapc");
}

static const MachineClass *find_class(const char *name)
{
    g_autofree char *type = g_strconcat(name, TYPE_MACHINE_SUFFIX, NULL);

    return (MachineClass *)object_class_dynamic_cast(
        object_class_by_name(type), TYPE_MACHINE);
}

static const MachineClass *find_alias(const char *name)
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

/* One of which tables/machines says what it sets on CPUs, or NULL */
static const X86CPUMachineType *find_in_tables(const char *name)
{
    Known *known = g_hash_table_lookup(known_types(), name);
    X86CPUVersion version;
    const char *stored;

    if (known) {
        return &known->type;
    }
    stored = x86_cpu_find_removed_machine(name, &version);
    return stored ? &add_known(stored, NULL, version)->type : NULL;
}

/* Of this QEMU by its own name, or in tables; or NULL */
static const X86CPUMachineType *find_upstream(const char *name)
{
    const MachineClass *mc = find_class(name);

    return mc ? x86_cpu_machine_type_of(mc) : find_in_tables(name);
}

/*
 * One that this QEMU has removed, or a distributor's that no QEMU has any more:
 * then the CPUs are those of the upstream machine type that it stands for.
 */
static const X86CPUMachineType *find_removed(const char *name)
{
    const X86CPUMachineType *type = find_in_tables(name);
    const X86CPUTableMachineType *row = find_table_row(name);

    if (!type && row) {
        const X86CPUMachineType *upstream = find_upstream(row->upstream);

        if (upstream) {
            type = &add_known(row->name, NULL, upstream->default_version)->type;
        }
    }
    return type;
}

/* ---- errors ---- */

/*
 * The machine types of the same kind right before and after @name, if that has
 * a version: those that look alike may have quite another CPU.
 */
static bool add_near_versions(NearNames *near, const GPtrArray *types,
                              const char *name)
{
    uint32_t version = version_in_name(name);
    const X86CPUMachineType *newer = NULL, *older = NULL;
    unsigned i;

    for (i = 0; version && i < types->len; i++) {
        const X86CPUMachineType *type = g_ptr_array_index(types, i);
        size_t length = strrchr(name, '-') + 1 - name;

        if (strncmp(type->name, name, length) ||
            !version_in_name(type->name)) {
            continue;
        }
        /* The newest comes first. */
        if (type->version > version) {
            newer = type;
        } else if (!older) {
            older = type;
        }
    }
    if (older) {
        near->names[near->count++] = older->name;
    }
    if (newer) {
        near->names[near->count++] = newer->name;
    }
    return near->count;
}

static void set_not_found(const char *name, Error **errp)
{
    g_autoptr(GPtrArray) types = x86_cpu_known_machine_types();
    char suggestion[X86_CPU_NEAR_NAMES_SIZE];
    bool any_removed = false;
    NearNames near = { };
    unsigned i;

    for (i = 0; i < types->len; i++) {
        const X86CPUMachineType *type = g_ptr_array_index(types, i);

        any_removed |= !type->mc;
    }
    if (!add_near_versions(&near, types, name)) {
        for (i = 0; i < types->len; i++) {
            const X86CPUMachineType *type = g_ptr_array_index(types, i);

            x86_cpu_near_names_add(&near, name, type->name);
        }
    }
    x86_cpu_near_names_print(&near, suggestion);
    error_setg(errp, "Machine type '%.*s' not found; query-machines lists "
               "all machine types%s%s", MAX_SHOWN, name, any_removed
               ? ", and query-machine-cpu-layers those that QEMU has removed"
               : "", suggestion);
}

const X86CPUMachineType *x86_cpu_find_machine_type(const char *name,
                                                   Error **errp)
{
    const MachineClass *mc = find_class(name);
    const X86CPUMachineType *type;

    if (mc && object_class_is_abstract(OBJECT_CLASS(mc))) {
        error_setg(errp, "Machine type '%s' is abstract", name);
        return NULL;
    }
    mc = mc ?: find_alias(name);
    type = mc ? x86_cpu_machine_type_of(mc) : find_removed(name);
    if (!type) {
        /* Who takes no error only asks whether there is one. */
        if (errp) {
            set_not_found(name, errp);
        }
        return NULL;
    }
    if (!x86_cpu_machine_type_is_pc(type)) {
        error_setg(errp, "Machine type '%s' is not a PC: use one of "
                   "pc-i440fx-* or pc-q35-*", name);
        return NULL;
    }
    return type;
}

const X86CPUMachineType *x86_cpu_find_machine_type_like(const char *name,
                                                        Error **errp)
{
    const X86CPUTableMachineType *row = x86_cpu_access_table_machine_types();
    const X86CPUMachineType *type = x86_cpu_find_machine_type(name, NULL);

    for (; !type && row->name; row++) {
        const MachineClass *mc = find_class(row->name);

        if (!strcmp(row->upstream, name) && mc && is_pc(mc)) {
            return x86_cpu_machine_type_of(mc);
        }
    }
    return type ?: x86_cpu_find_machine_type(name, errp);
}

/* ---- their order ---- */

static const char *alias_of(const X86CPUMachineType *type)
{
    return type->mc ? type->mc->alias : NULL;
}

/*
 * By version, because distributors give the aliases "q35" and "pc" to machine
 * types of their own.  Of the same version, q35 comes before i440fx, and
 * upstream's type before those that stand for it.
 */
static int compare_newest(const X86CPUMachineType *a,
                          const X86CPUMachineType *b)
{
    int order;

    if (a->version != b->version) {
        return a->version < b->version ? 1 : -1;
    }
    order = a->version ? strcmp(b->upstream, a->upstream)
                       : g_strcmp0(alias_of(b), alias_of(a));
    if (!order) {
        order = !strcmp(b->name, b->upstream) - !strcmp(a->name, a->upstream);
    }
    return order ?: strcmp(a->name, b->name);
}

static int compare_newest_pointers(gconstpointer a, gconstpointer b)
{
    return compare_newest(*(const X86CPUMachineType *const *)a,
                          *(const X86CPUMachineType *const *)b);
}

const X86CPUMachineType *x86_cpu_newest_machine_type(void)
{
    static const X86CPUMachineType *newest;

    if (!newest) {
        g_autoptr(GSList) list = object_class_get_list(TYPE_PC_MACHINE,
                                                       false);
        GSList *el;

        for (el = list; el; el = el->next) {
            const X86CPUMachineType *type =
                x86_cpu_machine_type_of(MACHINE_CLASS(el->data));

            if (!newest || compare_newest(type, newest) < 0) {
                newest = type;
            }
        }
    }
    return newest;
}

GPtrArray *x86_cpu_pc_machine_types(void)
{
    g_autoptr(GSList) list = object_class_get_list(TYPE_PC_MACHINE, false);
    GPtrArray *types = g_ptr_array_new();
    const GSList *el;

    for (el = list; el; el = el->next) {
        g_ptr_array_add(types, (void *)x86_cpu_machine_type_of(
                            MACHINE_CLASS(el->data)));
    }
    g_ptr_array_sort(types, compare_newest_pointers);
    return types;
}

static void add_removed(const char *name, void *opaque)
{
    if (!find_class(name)) {
        g_ptr_array_add(opaque, (void *)find_removed(name));
    }
}

/* Those of which only the CPUs are known, in no order */
static GPtrArray *removed_machine_types(void)
{
    const X86CPUTableMachineType *row = x86_cpu_access_table_machine_types();
    GPtrArray *types = g_ptr_array_new();

    x86_cpu_foreach_removed_machine(add_removed, types);
    for (; row->name; row++) {
        const X86CPUMachineType *type = find_class(row->name)
                                        ? NULL : find_removed(row->name);

        if (type && !g_ptr_array_find(types, type, NULL)) {
            g_ptr_array_add(types, (void *)type);
        }
    }
    return types;
}

GPtrArray *x86_cpu_known_machine_types(void)
{
    GPtrArray *types = x86_cpu_pc_machine_types();
    g_autoptr(GPtrArray) removed = removed_machine_types();

    g_ptr_array_extend(types, removed, NULL, NULL);
    g_ptr_array_sort(types, compare_newest_pointers);
    return types;
}

/* ---- what they set ---- */

/* Whether compat property @p applies to CPUs */
static bool is_cpu_property(const GlobalProperty *p, ObjectClass *cpu_class)
{
    return g_str_has_suffix(p->driver, TYPE_X86_CPU) ||
           object_class_dynamic_cast(cpu_class, p->driver);
}

/* Few of the hundreds of compat properties of an old type apply to CPUs. */
static void add_compat_props(GPtrArray *props, const MachineClass *mc)
{
    ObjectClass *cpu_class = object_class_by_name(TYPE_X86_CPU);
    unsigned i;

    for (i = 0; i < mc->compat_props->len; i++) {
        GlobalProperty *p = g_ptr_array_index(mc->compat_props, i);

        if (is_cpu_property(p, cpu_class)) {
            g_ptr_array_add(props, p);
        }
    }
}

/* Without what our tables add */
static void add_own_props(GPtrArray *props, const X86CPUMachineType *type)
{
    const char *newer;

    if (type->mc) {
        add_compat_props(props, type->mc);
        return;
    }
    if (!x86_cpu_find_removed_machine(type->name, NULL)) {
        add_own_props(props, find_upstream(type->upstream));
        return;
    }
    /*
     * Properties that were born after the machine type was removed need their
     * old values: those of the newest machine type of its time.
     */
    newer = x86_cpu_newest_with_removed_machine(type->name);
    if (newer) {
        /* The generator has checked that a table has it. */
        add_own_props(props, find_upstream(newer));
    }
    x86_cpu_add_removed_machine_props(props, type->name);
}

const GPtrArray *x86_cpu_table_props_of_machine(const X86CPUMachineType *type)
{
    Known *known = find_known(type);

    if (!known->table_props) {
        known->table_props = g_ptr_array_new();
        x86_cpu_table_add_props(known->table_props, type->version);
    }
    return known->table_props;
}

const GPtrArray *x86_cpu_props_of_machine(const X86CPUMachineType *type)
{
    Known *known = find_known(type);

    if (!known->props) {
        known->props = g_ptr_array_new();
        add_own_props(known->props, type);
        g_ptr_array_extend(known->props,
                           (void *)x86_cpu_table_props_of_machine(type),
                           NULL, NULL);
    }
    return known->props;
}

bool x86_cpu_check_machine_props(const X86CPUMachineType *type, Error **errp)
{
    const GPtrArray *props = x86_cpu_props_of_machine(type);
    unsigned i;

    for (i = 0; i < props->len; i++) {
        const GlobalProperty *p = g_ptr_array_index(props, i);
        ObjectClass *oc = object_class_by_name(p->driver);

        /* Without such CPUs, nobody needs it. */
        if (oc && !object_class_property_find(oc, p->property)) {
            error_setg(errp, "machine type '%s' sets %s of %s, which this "
                       "QEMU does not have", type->name, p->property,
                       p->driver);
            return false;
        }
    }
    return true;
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

static bool has_props_of(const GPtrArray *types, const X86CPUMachineType *type)
{
    unsigned i;

    for (i = 0; i < types->len; i++) {
        if (same_props(x86_cpu_props_of_machine(g_ptr_array_index(types, i)),
                       x86_cpu_props_of_machine(type))) {
            return true;
        }
    }
    return false;
}

GPtrArray *x86_cpu_distinct_machine_types(void)
{
    g_autoptr(GPtrArray) types = x86_cpu_pc_machine_types();
    GPtrArray *distinct = g_ptr_array_new();
    unsigned i;

    for (i = 0; i < types->len; i++) {
        X86CPUMachineType *type = g_ptr_array_index(types, i);

        if (!has_props_of(distinct, type)) {
            g_ptr_array_add(distinct, type);
        }
    }
    return distinct;
}
