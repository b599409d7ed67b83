/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The most that two CPUs have in common
 *
 * Answers, for query-cpu-model-baseline and for tools: which CPU can replace
 * both, and what of theirs does it lack, and why?
 */

#ifndef X86CPU_BASELINE_H
#define X86CPU_BASELINE_H

#include "compare.h"

/* An hv-* switch that needs another one */
typedef struct X86CpuPropertyDependency {
    X86CpuPropertyId property, needs;
} X86CpuPropertyDependency;

/*
 * All but that of hv-synic on hv-vpindex, which x-hv-synic-kvm-only=on lifts
 */
extern const X86CpuPropertyDependency x86cpu_hyperv_dependencies[];
extern const size_t x86cpu_hyperv_dependency_count;

/* Why a feature that both CPUs have is not in their baseline */
typedef enum X86CpuOmission {
    X86CPU_OMITTED_DEPENDENCY,  /* it needs one that is not in it */
    X86CPU_OMITTED_UNMIGRATABLE,
    /* Both have it, but not in the same form, or QEMU drops it from one. */
    X86CPU_OMITTED_CONFLICT,
    X86CPU_OMISSIONS
} X86CpuOmission;

typedef struct X86CpuBaseline {
    /* A subset of both CPUs, or identical to them */
    X86Cpu cpu;
    /*
     * Features, and properties whose values can't be had from both, so that the
     * baseline has the default
     */
    X86CpuNames omitted[X86CPU_OMISSIONS];
    /*
     * Features of one of the CPUs that tell guests of a limitation, or are
     * hints: a guest that does not find them may draw wrong conclusions
     */
    X86CpuNames hazards;
} X86CpuBaseline;

/*
 * The first cache (X86CPU_CACHE_L1D and so on) that @cpu needs because it has
 * legacy-cache off, and lacks; X86CPU_CACHES if there is none.  QEMU refuses
 * such a CPU on every host.
 */
int x86cpu_missing_cache(const X86Cpu *cpu);

/*
 * Puts the baseline of @a and @b in *@baseline: the same for both orders, and
 * of several CPUs for every order in which they are taken.  False if there is
 * none: the vendors differ.  Both are descriptions.  Neither has
 * hv-passthrough, nor an hv-* switch without what it needs, which KVM refuses,
 * nor a missing cache, nor physical bits that QEMU refuses.
 */
bool x86cpu_baseline(const X86CpuTables *tables, const X86Cpu *a,
                     const X86Cpu *b, X86CpuAccelerator accel,
                     X86CpuBaseline *baseline);

#endif /* X86CPU_BASELINE_H */
