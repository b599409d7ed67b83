/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How two CPUs compare
 *
 * Answers, for query-cpu-model-comparison and for tools: can a guest that has
 * seen one CPU migrate to the other, and which properties make the difference?
 *
 * Compared are CPUs as requested.  Everything in a CPU has a class, which says
 * whether and how it counts (tables/properties.tbl); features count where a
 * guest sees them.
 */

#ifndef X86CPU_COMPARE_H
#define X86CPU_COMPARE_H

#include "cpu-view.h"

/* What guests see of a CPU at each topology */
typedef struct X86CpuViews {
    X86CpuView at[X86CPU_TOPOLOGIES];
} X86CpuViews;

typedef enum X86CpuRelation {
    /* At every topology, guests see the same. */
    X86CPU_IDENTICAL,
    /*
     * A guest of A can migrate to B.  Two CPUs that only differ in what guests
     * are not bound to, such as the model number, are subsets of each other.
     */
    X86CPU_SUBSET,
    X86CPU_SUPERSET,
    X86CPU_INCOMPATIBLE,
} X86CpuRelation;

/* A set of properties and features */
typedef struct X86CpuNames {
    uint64_t bits[X86CPU_MAX_WORDS];
    bool properties[X86CPU_PROPERTY_COUNT];
    bool vendor, model_id, hv_vendor_id;
    bool caches[X86CPU_CACHES];
} X86CpuNames;

typedef struct X86CpuComparison {
    X86CpuRelation relation;
    /* Features and switches that a guest finds in the other CPU alone */
    X86CpuNames missing_in_a, missing_in_b;
    /* Other properties with values that a guest can tell apart */
    X86CpuNames differs;
    /*
     * With B's values of these, A is identical to B.  None can be left out.
     */
    X86CpuNames responsible;
} X86CpuComparison;

/* Whether guests see no difference between @a and @b, at any topology */
bool x86cpu_identical(const X86CpuTables *tables, const X86Cpu *a,
                      const X86Cpu *b, X86CpuAccelerator accel);

/* Fills *@views with what guests see of @cpu. */
void x86cpu_view_all(const X86CpuTables *tables, const X86Cpu *cpu,
                     X86CpuAccelerator accel, X86CpuViews *views);

/* Whether CPU @a is identical to CPU @b or a subset of it */
bool x86cpu_views_fit(const X86CpuTables *tables, const X86CpuViews *a,
                      const X86CpuViews *b);

/* The same, without views of them */
bool x86cpu_fits(const X86CpuTables *tables, const X86Cpu *a, const X86Cpu *b,
                 X86CpuAccelerator accel);

/*
 * Sets @maximal[i] for each of the @count CPUs that is not a proper subset of
 * another one: which of them a host can show that can show all.
 */
void x86cpu_find_maximal(const X86CpuTables *tables, const X86CpuViews *cpus,
                         size_t count, bool *maximal);

/* Compares @a with @b.  Neither has hv-passthrough, which only a host knows. */
void x86cpu_compare(const X86CpuTables *tables, const X86Cpu *a,
                    const X86Cpu *b, X86CpuAccelerator accel,
                    X86CpuComparison *result);

/*
 * Sets what is in @names in *@to as it is in @from, and as setting QEMU's
 * properties does: a cache turns legacy-cache off.
 */
void x86cpu_copy_named(X86Cpu *to, const X86Cpu *from,
                       const X86CpuNames *names);

#endif /* X86CPU_COMPARE_H */
