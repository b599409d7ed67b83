/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Machine types that give all CPU models the same properties
 */

#ifndef I386_EXT_MACHINE_CPU_LAYERS_H
#define I386_EXT_MACHINE_CPU_LAYERS_H

#include "qom/object.h"
#include "qapi/qapi-builtin-types.h"
#include "target/i386/ext/machine-types.h"

typedef struct X86CPULayer {
    /* X86CPUMachineType, the newest first */
    GPtrArray *types;
    /*
     * GlobalProperty, what they set on CPUs: of each driver and property only
     * the last.  Features have the name of their property, not another one.
     */
    GPtrArray *props;
} X86CPULayer;

/*
 * The layers of machine types @types, the newest of which is first; the caller
 * frees them.
 */
GPtrArray *x86_cpu_layers_new(const GPtrArray *types);

const X86CPUMachineType *x86_cpu_layer_newest(const X86CPULayer *layer);

/* Whether @prop applies to some models only, not to all CPUs */
bool x86_cpu_prop_is_for_models(const GlobalProperty *prop);

/* Whether @prop applies to CPUs of class @oc */
bool x86_cpu_prop_applies(const GlobalProperty *prop, ObjectClass *oc);

/* What else than in layer @newer is set on CPUs in layer @layer */
typedef struct X86CPULayerChanges {
    /* GlobalProperty, of all CPUs: what is set in @layer, and not in @newer */
    GPtrArray *generic;
    /*
     * GlobalProperty, of some models: what is only set in one of them, and what
     * either also sets on all CPUs, for then the order counts
     */
    GPtrArray *of_models;
    /* A property of all CPUs is set in @newer, and not in @layer. */
    bool is_less;
} X86CPULayerChanges;

X86CPULayerChanges *x86_cpu_layer_changes(const X86CPULayer *layer,
                                          const X86CPULayer *newer);

void x86_cpu_layer_changes_free(X86CPULayerChanges *changes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X86CPULayerChanges, x86_cpu_layer_changes_free)

#endif /* I386_EXT_MACHINE_CPU_LAYERS_H */
