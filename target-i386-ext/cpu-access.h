/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The private parts of cpu.c that the extension reads
 *
 * Implemented by cpu-access.c.inc, which is included at the end of cpu.c.
 * Nothing else of the extension reaches into cpu.c.
 */

#ifndef I386_EXT_CPU_ACCESS_H
#define I386_EXT_CPU_ACCESS_H

#include "cpu.h"
#include "target/i386/ext/option-commas.h"

/* Registers the properties of the extension on TYPE_X86_CPU. */
void x86_cpu_ext_class_init(ObjectClass *oc);

/*
 * Whether the CPU that is expanded now is for an answer that lists what the
 * kernel refuses (see model-errors.h): then nothing of that is an error.
 * Called from x86_cpu_expand_features().
 */
bool x86_cpu_collects_errors(void);

/*
 * enforce=on stops @cpu, for the reason in *@errp: tells more, as the
 * property enforce-report says.  Called from x86_cpu_realizefn().
 */
void x86_cpu_enforce_report(X86CPU *cpu, Error **errp);

/*
 * The QOM property that controls bit @bit of word @w, or NULL if it has
 * none.  XCR0 components go by the feature that they belong to, as in
 * the property unavailable-features.
 */
const char *x86_cpu_access_feature_name(FeatureWord w, int bit);

/* True if feature words are limited by what the host CPU has (KVM, HVF). */
bool x86_cpu_access_accel_uses_host_cpuid(void);

/* True if "+@name" is in the -cpu option of this process. */
bool x86_cpu_access_plus_feature(const char *name);

/* The features "+name" and "-name" of the -cpu option of this process */
typedef struct X86CPUPlusMinus {
    GList *plus, *minus;
} X86CPUPlusMinus;

/* Those in effect; the lists are not the caller's. */
X86CPUPlusMinus x86_cpu_access_plus_minus(void);

/* Exchanges those in effect for *@pm. */
void x86_cpu_access_swap_plus_minus(X86CPUPlusMinus *pm);

/*
 * Sets the version that CPU model names without one stand for, and returns
 * the one before.
 */
X86CPUVersion x86_cpu_access_set_default_version(X86CPUVersion version);

/* The caches in the definition of @cpu's model, or NULL if it has none. */
const CPUCaches *x86_cpu_access_model_caches(X86CPU *cpu);

/* Sets the property vendor as upstream does: to 12 characters. */
void x86_cpu_access_set_vendor(X86CPU *cpu, const char *vendor, Error **errp);

/*
 * Takes from @cpu, which is expanded, the features that are not available
 * here, without a warning.
 */
void x86_cpu_access_filter_features(X86CPU *cpu);

/* What realizes X86CPU; for classes with more to do before. */
void x86_cpu_access_realize(DeviceState *dev, Error **errp);

/*
 * One row of the table of feature dependencies: without any bit of
 * @from_mask, no bit of @to_mask can be.
 */
typedef struct X86CPUDependency {
    FeatureWord from, to;
    uint64_t from_mask, to_mask;
} X86CPUDependency;

/* Fills @dep with row @i (from 0) of the table; false after the last. */
bool x86_cpu_access_dependency(unsigned i, X86CPUDependency *dep);

/*
 * What the name of a model from tables/models, without a version, means on
 * some machine types: a row of tables that gen-cpu-models.c makes
 */
typedef struct X86CPUTableMachines {
    /* Versions of machine types, both included: 10.0 is 0xa0000 */
    uint32_t from, to;
    /* 0 if the row doesn't say */
    X86CPUVersion version;
    /* Ends with one that has no name */
    const PropValue *props;
} X86CPUTableMachines;

/* A distributor's machine type, and which of upstream's it stands for */
typedef struct X86CPUTableMachineType {
    const char *name, *upstream;
    uint32_t version;           /* of @upstream, as above */
} X86CPUTableMachineType;

/* Those that tables name, up to one without a name */
const X86CPUTableMachineType *x86_cpu_access_table_machine_types(void);

/*
 * The rows for @model, of which the last one has no props; NULL if it is
 * none from tables/models.
 */
const X86CPUTableMachines *
x86_cpu_access_table_machines(const X86CPUModel *model);

/*
 * Puts the name of model @i (from 0) from tables/models in *@name, and
 * returns its rows; NULL after the last.
 */
const X86CPUTableMachines *x86_cpu_access_table_model(unsigned i,
                                                      const char **name);

/*
 * The version that the name of @model stands for here, if @version, which it
 * has in itself, is CPU_VERSION_AUTO and a table says; else @version.  For
 * x86_cpu_model_resolve_version().
 */
X86CPUVersion x86_cpu_resolve_table_version(const X86CPUModel *model,
                                            X86CPUVersion version);

/*
 * Whether KVM's capabilities of Intel PT (CPUID leaf 0x14) include all of
 * those that QEMU shows to every guest that has it.  The form of addresses,
 * LIP, is not one of them; in *@lip is whether KVM has that.
 */
bool x86_cpu_access_intel_pt_capable(bool *lip);

#endif /* I386_EXT_CPU_ACCESS_H */
