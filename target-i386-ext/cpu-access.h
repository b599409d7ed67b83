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
#include "target/i386/ext/core/x86cpu.h"
#include "target/i386/ext/option-commas.h"

/* Registers the properties of the extension on TYPE_X86_CPU. */
void x86_cpu_ext_class_init(ObjectClass *oc);

/*
 * Whether the CPU is expanded for an answer that lists what the kernel
 * refuses (see model-errors.h), so the expansion must not fail with that.
 * Called from x86_cpu_expand_features().
 */
bool x86_cpu_collects_errors(void);

/*
 * enforce=on refuses @cpu with *@errp: reports details, according to the
 * property enforce-report.  Called from x86_cpu_realizefn().
 */
void x86_cpu_enforce_report(X86CPU *cpu, Error **errp);

/*
 * The QOM property that controls bit @bit of word @w, or NULL if it has
 * none.  For XCR0 components, that of the feature they belong to, as in the
 * property unavailable-features.
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

/* Those in effect; the caller does not own the lists. */
X86CPUPlusMinus x86_cpu_access_plus_minus(void);

/* Swaps those in effect with *@pm. */
void x86_cpu_access_swap_plus_minus(X86CPUPlusMinus *pm);

/*
 * Sets the version that unversioned CPU model names stand for, and returns
 * the previous one.
 */
X86CPUVersion x86_cpu_access_set_default_version(X86CPUVersion version);

/* The version of @model that a CPU gets now, CPU_VERSION_LEGACY or higher */
X86CPUVersion x86_cpu_access_version(const X86CPUModel *model);

/* The name of the version @version of @model; the caller frees it. */
char *x86_cpu_access_version_name(const X86CPUModel *model,
                                  X86CPUVersion version);

/* The caches in the definition of @cpu's model, or NULL if it has none. */
const CPUCaches *x86_cpu_access_model_caches(X86CPU *cpu);

/* Sets the property vendor as upstream does: to 12 characters. */
void x86_cpu_access_set_vendor(X86CPU *cpu, const char *vendor, Error **errp);

/*
 * Removes features that are not available here from @cpu, which is expanded,
 * without a warning.
 */
void x86_cpu_access_filter_features(X86CPU *cpu);

/*
 * Marks features @mask of word @w as unavailable in @cpu; unless it has
 * x-force-features=on, also removes them.
 */
void x86_cpu_access_mark_unavailable(X86CPU *cpu, FeatureWord w,
                                     uint64_t mask, const char *why);

/* Raises the minimum level of @cpu to the leaf of its features in @w. */
void x86_cpu_access_adjust_level(X86CPU *cpu, FeatureWord w);

/* X86CPU's realize function, for classes that have more to do before it */
void x86_cpu_access_realize(DeviceState *dev, Error **errp);

/*
 * One row of the table of feature dependencies: the bits of @to_mask need at
 * least one bit of @from_mask.
 */
typedef struct X86CPUDependency {
    FeatureWord from, to;
    uint64_t from_mask, to_mask;
} X86CPUDependency;

/* Fills @dep with row @i (from 0) of the table; false after the last. */
bool x86_cpu_access_dependency(unsigned i, X86CPUDependency *dep);

/* Adds QEMU's codes of caches in CPUID leaf 2 to @tables. */
void x86_cpu_access_cache_descriptors(X86CpuTables *tables);

/*
 * What an unversioned model name from tables/models means on some machine
 * types: a row of the tables that gen-cpu-models.c generates
 */
typedef struct X86CPUTableMachines {
    /* Versions of machine types, both inclusive: 10.0 is 0xa0000 */
    uint32_t from, to;
    /* 0 if the row doesn't set it */
    X86CPUVersion version;
    /* Terminated by one without a name */
    const PropValue *props;
} X86CPUTableMachines;

/* A distributor's machine type, and the upstream one it stands for */
typedef struct X86CPUTableMachineType {
    const char *name, *upstream;
    uint32_t version;           /* of @upstream, as above */
} X86CPUTableMachineType;

/* Those in tables, terminated by one without a name */
const X86CPUTableMachineType *x86_cpu_access_table_machine_types(void);

/*
 * The rows for @model, terminated by one without props; NULL if the model is
 * not from tables/models.
 */
const X86CPUTableMachines *
x86_cpu_access_table_machines(const X86CPUModel *model);

/* Whether @model is another name of a version of a model */
bool x86_cpu_access_is_alias(const X86CPUModel *model);

/*
 * Puts the name of model @i (from 0) from tables/models in *@name, and
 * returns its rows; NULL after the last.
 */
const X86CPUTableMachines *x86_cpu_access_table_model(unsigned i,
                                                      const char **name);

/*
 * If @version, that of @model, is CPU_VERSION_AUTO and a table has the version
 * that the model's name stands for here, that version; else @version.  For
 * x86_cpu_model_resolve_version().
 */
X86CPUVersion x86_cpu_resolve_table_version(const X86CPUModel *model,
                                            X86CPUVersion version);

/*
 * Whether KVM has all Intel PT capabilities (CPUID leaf 0x14) that QEMU shows
 * to every guest with Intel PT.  These do not include LIP, the form of
 * addresses; *@lip returns whether KVM has that.
 */
bool x86_cpu_access_intel_pt_capable(bool *lip);

/* The AVX10 version that the accelerator supports (CPUID leaf 0x24), or 0 */
uint8_t x86_cpu_access_supported_avx10_version(void);

#endif /* I386_EXT_CPU_ACCESS_H */
