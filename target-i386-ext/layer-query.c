/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * query-machine-cpu-layers: what machine types set on CPUs
 *
 * Answers, for management software: which machine types can a CPU have been
 * defined with, those that QEMU has removed included, and which of them have
 * the same CPUs?  And for `make layers`: what does each of them set?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/qapi-commands-cpu-introspection-target.h"
#include "qapi/util.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/machine-cpu-layers.h"

static bool is_from_table(const GlobalProperty *prop, GPtrArray *table_props)
{
    unsigned i;

    for (i = 0; i < table_props->len; i++) {
        const GlobalProperty *other = g_ptr_array_index(table_props, i);

        if (!strcmp(other->driver, prop->driver)) {
            return true;
        }
    }
    return false;
}

static void add_properties(MachineCpuLayer *entry, const X86CPULayer *layer)
{
    MachineCpuPropertyList **tail = &entry->properties;
    const GPtrArray *table_props =
        x86_cpu_table_props_of_machine(x86_cpu_layer_newest(layer));
    unsigned i;

    for (i = 0; i < layer->props->len; i++) {
        const GlobalProperty *prop = g_ptr_array_index(layer->props, i);
        MachineCpuProperty *p = g_new0(MachineCpuProperty, 1);

        p->driver = g_strdup(prop->driver);
        p->property = g_strdup(prop->property);
        p->value = g_strdup(prop->value ?: "");
        p->from_table = p->has_from_table =
            is_from_table(prop, (GPtrArray *)table_props);
        QAPI_LIST_APPEND(tail, p);
    }
}

static MachineCpuLayer *describe(const X86CPULayer *layer)
{
    MachineCpuLayer *entry = g_new0(MachineCpuLayer, 1);
    strList **types = &entry->machine_types, **removed = &entry->layer_only;
    unsigned i;

    for (i = 0; i < layer->types->len; i++) {
        const X86CPUMachineType *type = g_ptr_array_index(layer->types, i);

        if (type->mc) {
            QAPI_LIST_APPEND(types, g_strdup(type->name));
        } else {
            QAPI_LIST_APPEND(removed, g_strdup(type->name));
        }
    }
    entry->model_version = x86_cpu_layer_newest(layer)->default_version;
    add_properties(entry, layer);
    return entry;
}

MachineCpuLayerList *qmp_query_machine_cpu_layers(Error **errp)
{
    g_autoptr(GPtrArray) types = NULL;
    g_autoptr(GPtrArray) layers = NULL;
    MachineCpuLayerList *list = NULL, **tail = &list;
    unsigned i;

    if (!x86_cpu_machine_type_or_default(NULL, errp)) {
        return NULL;
    }
    types = x86_cpu_known_machine_types();
    layers = x86_cpu_layers_new(types);
    for (i = 0; i < layers->len; i++) {
        QAPI_LIST_APPEND(tail, describe(g_ptr_array_index(layers, i)));
    }
    return list;
}
