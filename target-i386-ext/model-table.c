/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * query-cpu-model-table: every CPU model on every PC machine type
 *
 * Answers, for management software and for tools without a QEMU: which CPU
 * does this model request on this machine type, and which rules make the
 * static expansion of that?  One answer instead of thousands.
 *
 * Each model is evaluated once on the newest machine types, base on each
 * layer of machine types, and others only where compatibility properties of a
 * layer may make them what the layer before does not tell.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-cpu-introspection-target.h"
#include "qapi/util.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-value.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/model-machines.h"
#include "target/i386/ext/model-table.h"
#include "target/i386/ext/requested-value.h"
#include "trace/trace-target_i386.h"

#define FORMAT_VERSION 1

/* ---- evaluation ---- */

/* Call between x86_cpu_use_machine_defaults() and x86_cpu_end_evaluation(). */
static void evaluate(X86CPUTableEntry *model, const X86CPUMachineType *type)
{
    Object *obj = object_new_with_class(model->oc);

    trace_x86_cpu_table_evaluate(model->name, type->name);
    x86_cpu_requested_value(X86_CPU(obj), &model->value);
    object_unref(obj);
}

/* Whether @a and @b have the same in what property @name sets */
static bool same_property(const X86Cpu *a, const X86Cpu *b, const char *name)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    const X86CPUFeatureInfo *info = x86_cpu_find_feature(name);
    int i;

    if (info) {
        const X86CpuFeature *feature =
            &tables->features[info - x86_cpu_features];

        return !((a->words[feature->word] ^ b->words[feature->word]) &
                 feature->mask);
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (!strcmp(x86cpu_property_names[i], name)) {
            return a->values[i] == b->values[i];
        }
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        if (!strcmp(x86_cpu_cache_property_names[i], name)) {
            return x86cpu_same_cache(&a->caches[i], &b->caches[i]);
        }
    }
    if (!strcmp(name, "vendor")) {
        return !strcmp(a->vendor, b->vendor);
    }
    if (!strcmp(name, "model-id")) {
        return !strcmp(a->model_id, b->model_id);
    }
    if (!strcmp(name, "hv-vendor-id")) {
        return !strcmp(a->hv_vendor_id, b->hv_vendor_id);
    }
    return false;
}

/* Whether a property is none of CPUs' descriptions */
static bool is_irrelevant(const char *name)
{
    const X86CPUPropertyInfo *info = x86_cpu_find_property_info(name);

    return info && !info->described;
}

/* Whether one of @props applies to CPUs of class @oc */
static bool any_applies(const GPtrArray *props, ObjectClass *oc)
{
    unsigned i;

    for (i = 0; i < props->len; i++) {
        if (x86_cpu_prop_applies(g_ptr_array_index(props, i), oc)) {
            return true;
        }
    }
    return false;
}

/*
 * Whether @model, which is what it is expected to be, may be something else:
 * the layer sets something on it alone, or its own value hides what the layer
 * sets on all CPUs.
 */
static bool is_suspect(const X86CPUTableEntry *base,
                       const X86CPUTableEntry *model,
                       const X86CPULayerChanges *changes)
{
    unsigned i;

    /* What is set on base alone, all others are expected to follow. */
    if (changes->is_less || model->version != model->newer_version ||
        any_applies(changes->of_models, model->oc) ||
        any_applies(changes->of_models, base->oc)) {
        return true;
    }
    for (i = 0; i < changes->generic->len; i++) {
        const GlobalProperty *prop = g_ptr_array_index(changes->generic, i);

        /* It sets base's value on all models. */
        if (!is_irrelevant(prop->property) &&
            !same_property(&model->value, &base->value, prop->property)) {
            return true;
        }
    }
    return false;
}

static X86CPUVersion version_here(const X86CPUTableEntry *model)
{
    const X86CPUModel *definition = X86_CPU_CLASS(model->oc)->model;

    return definition ? x86_cpu_access_version(definition) : 0;
}

static bool add_exception(X86CPUTable *table, const X86CPUTableEntry *model,
                          const X86CPULayer *layer, const X86Cpu *expected)
{
    CpuModelTableChanges *changes = x86_cpu_table_changes(expected,
                                                          &model->value);
    CpuModelTableException *exception;

    if (x86_cpu_table_is_empty(changes)) {
        qapi_free_CpuModelTableChanges(changes);
        return false;
    }
    exception = g_new0(CpuModelTableException, 1);
    exception->model = g_strdup(model->name);
    exception->layer = g_strdup(x86_cpu_layer_newest(layer)->name);
    exception->changes = changes;
    QAPI_LIST_APPEND(table->exceptions, exception);
    return true;
}

static void evaluate_first_layer(X86CPUTable *table)
{
    const X86CPUMachineType *type =
        x86_cpu_layer_newest(x86_cpu_table_layer(table, 0));
    unsigned i;

    for (i = 0; i < table->models->len; i++) {
        X86CPUTableEntry *model = x86_cpu_table_model(table, i);

        evaluate(model, type);
        model->version = model->first_version = version_here(model);
        model->first = model->value;
    }
}

/* The layer that layer @n is compared with */
static unsigned pivot_of(const X86CPUTable *table, unsigned n)
{
    const X86CPULayer *layer = x86_cpu_table_layer(table, n);

    return x86_cpu_layer_newest(layer)->version ? n - 1 : 0;
}

/* Returns whether any model has become something else. */
static bool evaluate_layer(X86CPUTable *table, unsigned n)
{
    const X86CPULayer *layer = x86_cpu_table_layer(table, n);
    const X86CPUMachineType *type = x86_cpu_layer_newest(layer);
    unsigned pivot = pivot_of(table, n), i;
    g_autoptr(X86CPULayerChanges) changes =
        x86_cpu_layer_changes(layer, x86_cpu_table_layer(table, pivot));
    X86CPUTableEntry *base = x86_cpu_table_model(table, 0);
    bool differs = false;

    for (i = 0; i < table->models->len; i++) {
        X86CPUTableEntry *model = x86_cpu_table_model(table, i);

        model->newer = pivot ? model->value : model->first;
        model->newer_version = pivot ? model->version : model->first_version;
        model->version = version_here(model);
    }
    evaluate(base, type);
    for (i = 1; i < table->models->len; i++) {
        X86CPUTableEntry *model = x86_cpu_table_model(table, i);

        model->value = model->newer;
        x86cpu_follow(&model->value, &base->newer, &base->value);
        if (is_suspect(base, model, changes)) {
            X86Cpu expected = model->value;

            evaluate(model, type);
            differs |= add_exception(table, model, layer, &expected);
        }
    }
    return differs;
}

/* ---- models and layers ---- */

static void free_model(gpointer p)
{
    X86CPUTableEntry *model = p;

    g_free(model->name);
    g_free(model);
}

static int compare_models(gconstpointer a, gconstpointer b)
{
    const X86CPUTableEntry *ma = *(X86CPUTableEntry *const *)a;
    const X86CPUTableEntry *mb = *(X86CPUTableEntry *const *)b;
    bool base_a = !X86_CPU_CLASS(ma->oc)->model;
    bool base_b = !X86_CPU_CLASS(mb->oc)->model;

    return base_a != base_b ? base_b - base_a : strcmp(ma->name, mb->name);
}

static GPtrArray *new_models(void)
{
    g_autoptr(GSList) classes = object_class_get_list(TYPE_X86_CPU, false);
    GPtrArray *models = g_ptr_array_new_with_free_func(free_model);
    const GSList *el;

    for (el = classes; el; el = el->next) {
        const char *type = object_class_get_name(el->data);
        X86CPUTableEntry *model;

        if (X86_CPU_CLASS(el->data)->model ||
            !strcmp(type, X86_CPU_TYPE_NAME("base"))) {
            model = g_new0(X86CPUTableEntry, 1);
            model->oc = el->data;
            model->name = cpu_model_from_type(type);
            g_ptr_array_add(models, model);
        }
    }
    g_ptr_array_sort(models, compare_models);
    return models;
}

static const X86CPUTableEntry *find_model(const X86CPUTable *table,
                                          const char *name)
{
    unsigned i;

    for (i = 0; i < table->models->len; i++) {
        if (!strcmp(x86_cpu_table_model(table, i)->name, name)) {
            return x86_cpu_table_model(table, i);
        }
    }
    return NULL;
}

static const X86CPUTableEntry *find_version(const X86CPUTable *table,
                                            const X86CPUModel *definition,
                                            X86CPUVersion version)
{
    g_autofree char *name = NULL;

    /* Legacy: only types up to 4.0 have models that are not versions. */
    if (version <= 0) {
        return NULL;
    }
    name = x86_cpu_access_version_name(definition, version);
    return find_model(table, name);
}

/* The version that @model is another name of, or the version before it */
static const X86CPUTableEntry *model_like(const X86CPUTable *table,
                                          const X86CPUTableEntry *model)
{
    const X86CPUModel *definition = X86_CPU_CLASS(model->oc)->model;
    const X86CPUTableEntry *like;

    if (!definition) {
        return NULL;
    }
    like = find_version(table, definition, model->version);
    if (like == model) {
        like = find_version(table, definition, model->version - 1);
    }
    return like ?: x86_cpu_table_model(table, 0);
}

static void add_models(X86CPUTable *table)
{
    CpuModelTableModelList **tail = &table->reply->models;
    X86Cpu root;
    unsigned i;

    x86_cpu_table_put_root(&root);
    for (i = 0; i < table->models->len; i++) {
        const X86CPUTableEntry *model = x86_cpu_table_model(table, i);
        const X86CPUTableEntry *like = model_like(table, model);
        CpuModelTableModel *entry = g_new0(CpuModelTableModel, 1);

        entry->name = g_strdup(model->name);
        entry->like = like ? g_strdup(like->name) : NULL;
        entry->changes = x86_cpu_table_changes(like ? &like->value : &root,
                                               &model->value);
        QAPI_LIST_APPEND(tail, entry);
    }
}

static void add_machine_types(CpuModelTableLayer *entry,
                              const X86CPULayer *layer)
{
    strList **tail = &entry->machine_types;
    unsigned i;

    while (*tail) {
        tail = &(*tail)->next;
    }
    for (i = 0; i < layer->types->len; i++) {
        const X86CPUMachineType *type = g_ptr_array_index(layer->types, i);

        QAPI_LIST_APPEND(tail, g_strdup(type->name));
    }
}

static CpuModelTableMachineAliasList *machine_aliases(const GPtrArray *types)
{
    CpuModelTableMachineAliasList *aliases = NULL, **tail = &aliases;
    unsigned i;

    for (i = 0; i < types->len; i++) {
        const X86CPUMachineType *type = g_ptr_array_index(types, i);

        if (type->mc->alias) {
            CpuModelTableMachineAlias *entry =
                g_new0(CpuModelTableMachineAlias, 1);

            entry->alias = g_strdup(type->mc->alias);
            entry->machine_type = g_strdup(type->name);
            QAPI_LIST_APPEND(tail, entry);
        }
    }
    return aliases;
}

/*
 * Evaluates layer @n.  If it turns out to be what the one before is, their
 * machine types are one layer of the reply.  False, with an error, if a machine
 * type sets what can't be set.
 */
static bool add_layer(X86CPUTable *table, unsigned n, Error **errp)
{
    const X86CPULayer *layer = x86_cpu_table_layer(table, n);
    g_autofree char *key = x86_cpu_table_accelerator_key(layer);
    const X86CPUTableEntry *base = x86_cpu_table_model(table, 0);
    g_autoptr(CpuModelTableChanges) changes = NULL;
    CpuModelTableLayer *entry;
    bool differs = true;

    if (n) {
        differs = evaluate_layer(table, n);
        changes = x86_cpu_table_changes(&base->newer, &base->value);
    } else {
        X86Cpu root;

        evaluate_first_layer(table);
        add_models(table);
        x86_cpu_table_put_root(&root);
        changes = x86_cpu_table_changes(&root, &base->value);
    }
    if (!x86_cpu_check_evaluation(errp)) {
        return false;
    }
    if (n && pivot_of(table, n) == n - 1 && !differs &&
        x86_cpu_table_is_empty(changes) && !strcmp(key, table->last_key)) {
        add_machine_types(table->last, layer);
        return true;
    }
    entry = g_new0(CpuModelTableLayer, 1);
    entry->name = g_strdup(x86_cpu_layer_newest(layer)->name);
    add_machine_types(entry, layer);
    if (n) {
        entry->like = g_strdup(pivot_of(table, n)
                               ? table->last->name
                               : table->reply->layers->value->name);
    }
    entry->changes = g_steal_pointer(&changes);
    QAPI_LIST_APPEND(table->layer_tail, entry);
    table->last = entry;
    g_free(table->last_key);
    table->last_key = g_steal_pointer(&key);
    x86_cpu_table_add_accelerated(table, n);
    return true;
}

/* ---- the command ---- */

CpuModelTable *qmp_query_cpu_model_table(Error **errp)
{
    g_autoptr(GPtrArray) types = x86_cpu_pc_machine_types();
    g_autoptr(GPtrArray) layers = x86_cpu_layers_new(types);
    g_autoptr(GPtrArray) models = new_models();
    X86CPUTable table = { layers, models };
    g_autoptr(CpuModelTable) reply = NULL;
    bool ok = true;
    unsigned i;

    if (current_machine->cgs) {
        error_setg(errp, "A QEMU with a confidential guest makes other CPUs of "
                   "its models; ask one with -machine none");
        return NULL;
    }
    if (!x86_cpu_machine_type_or_default(NULL, errp)) {
        return NULL;
    }
    table.reply = reply = g_new0(CpuModelTable, 1);
    table.exceptions = &reply->exceptions;
    table.layer_tail = &reply->layers;
    reply->format_version = FORMAT_VERSION;
    reply->machine_aliases = machine_aliases(types);
    x86_cpu_table_add_rules(reply);
    x86_cpu_table_add_accelerators(&table);
    for (i = 0; ok && i < layers->len; i++) {
        x86_cpu_use_machine_defaults(
            x86_cpu_layer_newest(x86_cpu_table_layer(&table, i)));
        ok = add_layer(&table, i, errp);
        x86_cpu_end_evaluation();
    }
    g_free(table.last_key);
    return ok ? g_steal_pointer(&reply) : NULL;
}
