/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Machine types that give all CPU models the same properties
 *
 * Answers, for the table of all models: which machine types need not be told
 * apart, and which models may be something else on an older one?  What
 * machine types say of CPUs is in their compatibility properties and in the
 * versions that they give to models.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/machine-cpu-layers.h"
#include "target/i386/ext/model-machines.h"

/* The one of @props that sets what @prop sets, or NULL */
static const GlobalProperty *find_prop(const GPtrArray *props,
                                       const GlobalProperty *prop)
{
    unsigned i;

    for (i = 0; i < props->len; i++) {
        const GlobalProperty *other = g_ptr_array_index(props, i);

        if (!strcmp(other->driver, prop->driver) &&
            !strcmp(other->property, prop->property)) {
            return other;
        }
    }
    return NULL;
}

static bool has_prop(const GPtrArray *props, const GlobalProperty *prop)
{
    const GlobalProperty *other = find_prop(props, prop);

    return other && !g_strcmp0(other->value, prop->value);
}

/*
 * The last one of those that set the same property counts, where it is: others
 * may come in between.
 */
static GPtrArray *props_in_effect(const X86CPUMachineType *type)
{
    const GPtrArray *all = x86_cpu_props_of_machine(type);
    GPtrArray *props = g_ptr_array_new_with_free_func(g_free);
    unsigned i;

    for (i = all->len; i-- > 0;) {
        const GlobalProperty *prop = g_ptr_array_index(all, i);
        const X86CPUFeatureInfo *info = x86_cpu_find_feature(prop->property);
        GlobalProperty *copy = g_memdup2(prop, sizeof(*prop));

        if (info) {
            copy->property = info->name;
        }
        if (find_prop(props, copy)) {
            g_free(copy);
        } else {
            g_ptr_array_insert(props, 0, copy);
        }
    }
    return props;
}

/* Everything that makes CPUs of a machine type what they are */
static char *layer_key(const X86CPUMachineType *type)
{
    const GPtrArray *props = x86_cpu_props_of_machine(type);
    const X86CPUTableMachines *rows;
    GString *key = g_string_new(NULL);
    const char *name;
    unsigned i;

    g_string_append_printf(key, "%d;",
                           type->default_version);
    for (i = 0; i < props->len; i++) {
        const GlobalProperty *prop = g_ptr_array_index(props, i);

        g_string_append_printf(key, "%s.%s=%s;", prop->driver,
                               prop->property, prop->value ?: "");
    }
    for (i = 0; (rows = x86_cpu_access_table_model(i, &name)); i++) {
        g_string_append_printf(key, "%s-v%d;", name,
                               x86_cpu_table_version_of(rows, type->version));
    }
    return g_string_free(key, false);
}

static void free_layer(gpointer p)
{
    X86CPULayer *layer = p;

    g_ptr_array_unref(layer->types);
    g_ptr_array_unref(layer->props);
    g_free(layer);
}

GPtrArray *x86_cpu_layers_new(const GPtrArray *types)
{
    g_autoptr(GHashTable) by_key = g_hash_table_new_full(g_str_hash,
                                                         g_str_equal,
                                                         g_free, NULL);
    GPtrArray *layers = g_ptr_array_new_with_free_func(free_layer);
    unsigned i;

    for (i = 0; i < types->len; i++) {
        X86CPUMachineType *type = g_ptr_array_index(types, i);
        g_autofree char *key = layer_key(type);
        X86CPULayer *layer = g_hash_table_lookup(by_key, key);

        if (!layer) {
            layer = g_new0(X86CPULayer, 1);
            layer->types = g_ptr_array_new();
            layer->props = props_in_effect(type);
            g_ptr_array_add(layers, layer);
            g_hash_table_insert(by_key, g_steal_pointer(&key), layer);
        }
        g_ptr_array_add(layer->types, type);
    }
    return layers;
}

const X86CPUMachineType *x86_cpu_layer_newest(const X86CPULayer *layer)
{
    return g_ptr_array_index(layer->types, 0);
}

bool x86_cpu_prop_is_for_models(const GlobalProperty *prop)
{
    return !object_class_dynamic_cast(object_class_by_name(TYPE_X86_CPU),
                                      prop->driver);
}

bool x86_cpu_prop_applies(const GlobalProperty *prop, ObjectClass *oc)
{
    return object_class_dynamic_cast(oc, prop->driver);
}

/* Whether @props set the property of @prop, which is for models, on all CPUs */
static bool is_set_on_all(const GPtrArray *props, const GlobalProperty *prop)
{
    unsigned i;

    for (i = 0; i < props->len; i++) {
        const GlobalProperty *other = g_ptr_array_index(props, i);

        if (!strcmp(other->property, prop->property) &&
            !x86_cpu_prop_is_for_models(other)) {
            return true;
        }
    }
    return false;
}

static void add_model_changes(const X86CPULayer *layer,
                              const X86CPULayer *other,
                              X86CPULayerChanges *changes)
{
    unsigned i;

    for (i = 0; i < layer->props->len; i++) {
        GlobalProperty *prop = g_ptr_array_index(layer->props, i);

        if (x86_cpu_prop_is_for_models(prop) &&
            (!has_prop(other->props, prop) ||
             is_set_on_all(layer->props, prop) ||
             is_set_on_all(other->props, prop))) {
            g_ptr_array_add(changes->of_models, prop);
        }
    }
}

X86CPULayerChanges *x86_cpu_layer_changes(const X86CPULayer *layer,
                                          const X86CPULayer *newer)
{
    X86CPULayerChanges *changes = g_new0(X86CPULayerChanges, 1);
    unsigned i;

    changes->generic = g_ptr_array_new();
    changes->of_models = g_ptr_array_new();
    add_model_changes(layer, newer, changes);
    add_model_changes(newer, layer, changes);
    for (i = 0; i < layer->props->len; i++) {
        GlobalProperty *prop = g_ptr_array_index(layer->props, i);

        if (!x86_cpu_prop_is_for_models(prop) &&
            !has_prop(newer->props, prop)) {
            g_ptr_array_add(changes->generic, prop);
        }
    }
    for (i = 0; i < newer->props->len; i++) {
        const GlobalProperty *prop = g_ptr_array_index(newer->props, i);

        if (!x86_cpu_prop_is_for_models(prop) &&
            !find_prop(layer->props, prop)) {
            changes->is_less = true;
        }
    }
    return changes;
}

void x86_cpu_layer_changes_free(X86CPULayerChanges *changes)
{
    g_ptr_array_unref(changes->generic);
    g_ptr_array_unref(changes->of_models);
    g_free(changes);
}
