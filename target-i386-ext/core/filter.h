/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a host leaves of a CPU
 *
 * Answers, for tools that have a description of a host instead of the host:
 * which features would QEMU remove there, for which cause, would it refuse to
 * start, and which CPU remains?  For the reasons why a guest does not see a
 * feature, see explain.h.
 *
 * It is QEMU's filter, with check=on.  It never takes
 * away what depends on a removed feature, and never lowers a level: levels
 * follow from what was requested.  Microcode is the description's: only max
 * and host have the host's.
 *
 * Not here: caches, and what else the kernel may refuse (lmce, tsc-frequency,
 * kvm-pv-enforce-cpuid, Hyper-V enlightenments).
 */

#ifndef X86CPU_FILTER_H
#define X86CPU_FILTER_H

#include "expand.h"

/* What an accelerator offers to guests on a host */
typedef struct X86CpuOffer {
    /*
     * The supported feature words, as QEMU has them after its own changes to
     * what the kernel says.  The LBR format is in FEAT_PERF_CAPABILITIES, and
     * intel-pt-lip in FEAT_14_0_ECX.
     */
    uint64_t words[X86CPU_MAX_WORDS];
    /* See x86cpu_has_intel_pt_capabilities(). */
    bool intel_pt_capable;
    /* CPUID[0x24].EBX, bits 0 to 7 */
    uint8_t avx10_version;
    /* As in X86CpuHostValues; 0: unknown */
    uint32_t phys_bits;
} X86CpuOffer;

/* Why a host removes a feature */
typedef enum X86CpuRemoval {
    X86CPU_REMOVED_NOT_OFFERED,
    /* Intel PT: the host lacks capabilities that all guests would see. */
    X86CPU_REMOVED_VALUE,
    /* Intel PT: the host has the other form of addresses.  Also mpx, apxf. */
    X86CPU_REMOVED_CONFLICT,
    /* Intel PT: min-level is too low, on machine types up to 3.1. */
    X86CPU_REMOVED_LEVEL,
    /* In AMD's 0x80000001, because it is removed from leaf 1 */
    X86CPU_REMOVED_ALIAS,
    X86CPU_REMOVALS
} X86CpuRemoval;

/* For what QEMU refuses to start */
typedef enum X86CpuError {
    X86CPU_ERROR_LBR_WITHOUT_PMU,
    /* lbr-fmt differs from the host's. */
    X86CPU_ERROR_LBR_FORMAT,
    /* phys-bits is not from 32 to 52. */
    X86CPU_ERROR_PHYS_BITS,
    /* guest-phys-bits is not from 32 to phys-bits. */
    X86CPU_ERROR_GUEST_PHYS_BITS,
    /* They are set although lm is off, or removed. */
    X86CPU_ERROR_PHYS_BITS_WITHOUT_LM,
    X86CPU_ERROR_GUEST_PHYS_BITS_WITHOUT_LM,
    X86CPU_ERRORS
} X86CpuError;

/* A number that was requested, and what the host allows of it */
typedef struct X86CpuLowered {
    uint64_t requested, allowed;
} X86CpuLowered;

typedef struct X86CpuFiltered {
    /* Each removed bit is there once, also if it is forced. */
    uint64_t removed[X86CPU_REMOVALS][X86CPU_MAX_WORDS];
    /* None is allowed where avx10 is missing. */
    X86CpuLowered avx10_version;
    /* Under TCG; KVM refuses other formats. */
    X86CpuLowered lbr_fmt;
    bool errors[X86CPU_ERRORS];
    /* QEMU only warns of more phys-bits than the host's. */
    bool exceeds_phys_bits;
    /* Expanded and filtered: see x86cpu_view_expanded(). */
    X86Cpu remaining;
} X86CpuFiltered;

/*
 * Whether the capabilities of Intel PT are enough for QEMU, which shows the
 * same ones to all guests: @subleaf_0 and @subleaf_1 are EAX to EDX of
 * CPUID[0x14], as KVM offers them.
 */
bool x86cpu_has_intel_pt_capabilities(const uint32_t *subleaf_0,
                                      const uint32_t *subleaf_1);

/*
 * Why QEMU refuses the physical bits of @cpu, which is described, on every
 * host: X86CPU_ERRORS if it does not
 */
X86CpuError x86cpu_phys_bits_error(const X86Cpu *cpu);

/*
 * Puts in *@filtered what a host that offers @offer leaves of @cpu, which is
 * described (see x86cpu_describe()) and not in *@filtered, in a guest with
 * @topology.
 */
void x86cpu_filter(const X86CpuTables *tables, const X86Cpu *cpu,
                   X86CpuAccelerator accel, X86CpuTopology topology,
                   const X86CpuOffer *offer, X86CpuFiltered *filtered);

/*
 * Whether QEMU starts with enforce=on: nothing was removed or lowered, and
 * there is no error.
 */
bool x86cpu_starts(const X86CpuFiltered *filtered);

#endif /* X86CPU_FILTER_H */
