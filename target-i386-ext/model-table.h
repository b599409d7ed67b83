/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The parts of query-cpu-model-table
 */

#ifndef I386_EXT_MODEL_TABLE_H
#define I386_EXT_MODEL_TABLE_H

#include "cpu.h"
#include "qapi/qapi-types-cpu-introspection-target.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/machine-cpu-layers.h"

/* Accelerators that the table has something to say of */
typedef enum X86CPUTableAccelerator {
    X86_CPU_TABLE_TCG,
    X86_CPU_TABLE_KVM,
    X86_CPU_TABLE_ACCELERATORS
} X86CPUTableAccelerator;

/* What of a description is the host's, under KVM */
typedef struct X86CPUTableHostValues {
    bool vendor, microcode, phys_bits, guest_phys_bits;
    /* Of phys_bits; 0: none */
    uint64_t phys_bits_limit;
} X86CPUTableHostValues;

/* A model, while the layers are gone through from the newest on */
typedef struct X86CPUTableEntry {
    char *name;
    ObjectClass *oc;
    /* In the layer that this one is compared with, and in this one */
    X86Cpu newer, value;
    X86CPUVersion newer_version, version;
    /* In the first layer */
    X86Cpu first;
    X86CPUVersion first_version;
    /* Its last fingerprints; empty before the first layer */
    char fingerprints[X86_CPU_TABLE_ACCELERATORS][65];
    /* The last value that a fingerprint was made of */
    X86Cpu described[X86_CPU_TABLE_ACCELERATORS];
    X86CPUTableHostValues hosts[X86_CPU_TABLE_ACCELERATORS];
    CpuModelTableFingerprints *entries[X86_CPU_TABLE_ACCELERATORS];
} X86CPUTableEntry;

typedef struct X86CPUTable {
    /* X86CPULayer, the newest first */
    GPtrArray *layers;
    /* X86CPUTableEntry; base is the first one */
    GPtrArray *models;
    CpuModelTable *reply;
    CpuModelTableExceptionList **exceptions;
    CpuModelTableLayerList **layer_tail;
    /* The last layer in the reply */
    CpuModelTableLayer *last;
    /* What accelerators and machine types both set there */
    char *last_key;
    CpuModelTableAccelerator *accelerators[X86_CPU_TABLE_ACCELERATORS];
    CpuModelTableExceptionList **accel_exceptions[X86_CPU_TABLE_ACCELERATORS];
} X86CPUTable;

static inline X86CPUTableEntry *x86_cpu_table_model(const X86CPUTable *table,
                                                    unsigned i)
{
    return g_ptr_array_index(table->models, i);
}

static inline const X86CPULayer *x86_cpu_table_layer(const X86CPUTable *table,
                                                     unsigned i)
{
    return g_ptr_array_index(table->layers, i);
}

/* Adds what readers need to know of features and properties. */
void x86_cpu_table_add_rules(CpuModelTable *reply);

/* Adds the accelerators that QEMU was built with, with their defaults. */
void x86_cpu_table_add_accelerators(X86CPUTable *table);

/*
 * A text of what both accelerators and machine types set in layer @layer: the
 * same for layers without a difference.  The caller frees it.
 */
char *x86_cpu_table_accelerator_key(const X86CPULayer *layer);

/*
 * Adds what accelerators make of models in layer @n, which has been evaluated:
 * exceptions and fingerprints.
 */
void x86_cpu_table_add_accelerated(X86CPUTable *table, unsigned n);

/* A CPU that has no feature, and the default of each property */
void x86_cpu_table_put_root(X86Cpu *root);

/* What makes @to of @from */
CpuModelTableChanges *x86_cpu_table_changes(const X86Cpu *from,
                                            const X86Cpu *to);

bool x86_cpu_table_is_empty(const CpuModelTableChanges *changes);

#endif /* I386_EXT_MODEL_TABLE_H */
