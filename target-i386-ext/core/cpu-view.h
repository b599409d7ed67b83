/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a guest sees of its CPU
 *
 * Answers, for comparison and baseline: do two CPUs look the same to a guest
 * at every topology, and which features does it find?  The CPU is the one that
 * was requested: what the host lacks plays no part.
 */

#ifndef X86CPU_CPU_VIEW_H
#define X86CPU_CPU_VIEW_H

#include "expand.h"

/* The value of hv-spinlocks that turns it off */
#define X86CPU_HV_NEVER_NOTIFY 0xffffffff

/* A cache as leaves show it, without what depends on the topology */
typedef struct X86CpuCacheView {
    uint32_t leaf_4[4], leaf_8000001d[4];
    /* Which CPUs share it; empty if no leaf says so */
    char share[16], share_8000001d[16];
} X86CpuCacheView;

/*
 * All that tells two CPUs apart, with zeros for what the guest does not see.
 * Two of them are compared with memcmp().
 */
typedef struct X86CpuView {
    /* EAX of CPUID[0], CPUID[0x80000000], CPUID[0xC0000000], CPUID[7] */
    uint32_t level, xlevel, xlevel2, level_func7;
    /*
     * CPUID[0x80000008] has the 57 linear address bits of la57, which the level
     * may hide.
     */
    uint32_t has_57_bits;
    /* CPUID[0x80000000] lacks the vendor */
    uint32_t hides_vendor;
    /* XSAVE state components, also those of features that the level hides */
    uint64_t components;
    char vendor[12], model_id[48], hv_vendor_id[12];
    uint64_t words[X86CPU_MAX_WORDS];
    /* hv-spinlocks is one more, for 0 is a value of it, too: here it is off. */
    uint64_t values[X86CPU_PROPERTY_COUNT];
    uint32_t leaf_2[2];
    uint32_t leaf_80000005[2], leaf_80000006[2];
    X86CpuCacheView caches[X86CPU_CACHES];
} X86CpuView;

/* Whether an hv-* switch is on, hv-spinlocks included */
bool x86cpu_has_hyperv(const X86Cpu *cpu);

/*
 * Whether the guest of @view can read word @w, or would look for it: not at
 * subleaves above the number in subleaf 0
 */
bool x86cpu_view_has_word(const X86CpuView *view, const X86CpuWord *w);

/* Whether word @word has XSAVE components, which follow from features */
bool x86cpu_is_derived_word(unsigned word);

/* Fills *@view with what a guest sees of @cpu. */
void x86cpu_view(const X86CpuTables *tables, const X86Cpu *cpu,
                 X86CpuAccelerator accel, X86CpuTopology topology,
                 X86CpuView *view);

/* The same, of a CPU that x86cpu_expand() or x86cpu_filter() left */
void x86cpu_view_expanded(const X86CpuTables *tables, const X86Cpu *cpu,
                          X86CpuAccelerator accel, X86CpuTopology topology,
                          X86CpuView *view);

#endif /* X86CPU_CPU_VIEW_H */
