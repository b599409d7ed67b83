/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What QEMU makes of the properties of a CPU
 *
 * Answers, for comparison, for the table of all models and for programs without
 * a QEMU: which features remain of those that are requested, how high are the
 * levels, and what is the static expansion?  What the host lacks plays no part:
 * see filter.h.
 */

#ifndef X86CPU_EXPAND_H
#define X86CPU_EXPAND_H

#include "x86cpu.h"

/* Bits of CPUID[1].EDX that AMD repeats in 0x80000001 (APM vol. 3, E.4.2) */
#define X86CPU_AMD_ALIASES 0x0183f3ffull

/* A level that is not given, in level, xlevel, xlevel2 and level-func7 */
#define X86CPU_AUTOMATIC_LEVEL 0xffffffff

/* A value of guest-phys-bits that leaves it to the accelerator */
#define X86CPU_AUTOMATIC_PHYS_BITS 0xffffffff

/* Of CPUs with lm that don't set phys-bits */
#define X86CPU_DEFAULT_PHYS_BITS 40
/* The least and the most that QEMU takes */
#define X86CPU_MIN_PHYS_BITS 32
#define X86CPU_MAX_PHYS_BITS 52

/* The leaf that a CPU with Intel PT needs (SDM vol. 2A, CPUID) */
#define X86CPU_INTEL_PT_LEAF 0x14

/* The release line in which expansion changed */
#define X86CPU_LINE_11_1 0xb0001

/* Who runs the guest */
typedef enum X86CpuAccelerator {
    X86CPU_ON_TCG,
    X86CPU_ON_KVM,
} X86CpuAccelerator;

/*
 * Topologies (-smp), as far as they differ in more than the numbers that they
 * put into leaves: in features that QEMU sets, and in levels that it raises.
 */
typedef enum X86CpuTopology {
    X86CPU_ONE_THREAD,          /* in a package */
    X86CPU_MANY_THREADS,        /* in a package, in threads or cores */
    X86CPU_MANY_DIES,           /* or modules, of several threads in all */
    X86CPU_TOPOLOGIES
} X86CpuTopology;

/* A feature that raises a minimum level, in CPUs that have it */
typedef struct X86CpuLevelRule {
    X86CpuWordId word;
    /* Bits of which a CPU needs at least one; 0: any */
    uint64_t mask;
    /* The level; 0: the leaf, and level-func7 the subleaf, of the word */
    uint32_t leaf;
    /* On/off properties that have to be on; X86CPU_PROPERTY_COUNT: none */
    X86CpuPropertyId properties[2];
} X86CpuLevelRule;

/* Those of all lines; a line may lack the word. */
extern const X86CpuLevelRule x86cpu_level_rules[];
extern const size_t x86cpu_level_rule_count;

/* What a static expansion takes from the host, under KVM */
typedef struct X86CpuHostValues {
    /* EAX of CPUID[0x80000008], bits 0 to 7, or 36 without that leaf */
    uint32_t phys_bits;
    /* Bits 16 to 23 of what KVM offers there; 0: none */
    uint32_t guest_phys_bits;
} X86CpuHostValues;

bool x86cpu_is_intel(const X86Cpu *cpu);
bool x86cpu_is_amd(const X86Cpu *cpu);
/* Zhaoxin's CPUs, by the vendors that QEMU knows */
bool x86cpu_is_zhaoxin(const X86Cpu *cpu);

/* Whether a leaf for dies and modules is there, 0x1f */
bool x86cpu_has_leaf_0x1f(const X86Cpu *cpu, X86CpuTopology topology);

/*
 * Whether QEMU drops both mpx and apxf from @cpu, whose features are expanded,
 * unless x-force-features is on: before it raises levels
 */
bool x86cpu_has_mpx_and_apxf(const X86CpuTables *tables, const X86Cpu *cpu);

/* Raises min-level of *@cpu as that leaf needs it, if the CPU has it. */
void x86cpu_raise_to_leaf_0x1f(X86Cpu *cpu, X86CpuTopology topology);

/*
 * Whether QEMU drops Intel PT from @cpu, if it has that, for its level, unless
 * x-force-features is on
 */
bool x86cpu_hides_intel_pt(const X86Cpu *cpu);

/*
 * Takes out of *@cpu, a description, what QEMU drops on every host: mpx and
 * apxf if it has both, Intel PT for its level, and what depends on those.  Its
 * levels are as the rest raises them.  Adds the first three to @dropped, which
 * has X86CPU_MAX_WORDS words.
 */
void x86cpu_drop_conflicts(const X86CpuTables *tables, X86Cpu *cpu,
                           X86CpuAccelerator accel, uint64_t *dropped);

/*
 * Takes what depends on others out of *@cpu, whose properties are as the user
 * left them, sets features that follow from @topology, and raises its levels.
 *
 * QEMU drops Intel PT for its level, and mpx and apxf if a CPU has both, unless
 * x-force-features is on.  Descriptions have them nevertheless, and so they
 * remain.
 */
void x86cpu_expand(const X86CpuTables *tables, X86Cpu *cpu,
                   X86CpuAccelerator accel, X86CpuTopology topology);

/* The steps of x86cpu_expand(): what filters has its own between them. */
void x86cpu_expand_features(const X86CpuTables *tables, X86Cpu *cpu,
                            X86CpuAccelerator accel, X86CpuTopology topology);
void x86cpu_set_levels(const X86CpuTables *tables, X86Cpu *cpu,
                       X86CpuTopology topology);
/* Makes the bits that AMD repeats those of leaf 1, in AMD's CPUs. */
void x86cpu_copy_aliases(X86Cpu *cpu);

/*
 * Puts in *@described what the static expansion of @requested says.  @host is
 * not used under TCG, and may be NULL.  @described may be @requested.
 */
void x86cpu_describe(const X86CpuTables *tables, const X86Cpu *requested,
                     X86CpuAccelerator accel, const X86CpuHostValues *host,
                     X86Cpu *described);

#endif /* X86CPU_EXPAND_H */
