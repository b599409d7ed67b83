/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Why a guest does not see a feature that was requested
 *
 * Answers, for tools that have a description of a host instead of the host, and
 * for people who wonder about a CPU: which requested features will a guest
 * lack, and what is in their way?
 *
 * The reasons are those of removed-features in QEMU, where the core can know
 * them.  It does not know who requested a feature, what an accelerator turned
 * off in a CPU model, nor whether the hardware, the kernel or QEMU lacks what
 * is not offered.
 */

#ifndef X86CPU_EXPLAIN_H
#define X86CPU_EXPLAIN_H

#include "filter.h"

typedef enum X86CpuReason {
    /* The host does not offer it. */
    X86CPU_REASON_NOT_OFFERED,
    /* This accelerator never shows it. */
    X86CPU_REASON_ACCELERATOR,
    /* Another property is in the way: pmu, kvm, x-vendor-cpuid-only-v2. */
    X86CPU_REASON_CONFIGURATION,
    /* Its leaf or subleaf is above the maximum that the guest sees. */
    X86CPU_REASON_LEVEL,
    /* A feature is missing that it needs. */
    X86CPU_REASON_DEPENDENCY,
    /* It and another feature exclude each other. */
    X86CPU_REASON_CONFLICT,
    /* It comes with numbers that the host can't show. */
    X86CPU_REASON_VALUE,
    /* QEMU does not have the bit. */
    X86CPU_REASON_QEMU,
} X86CpuReason;

typedef struct X86CpuBits {
    unsigned word;
    uint64_t mask;
} X86CpuBits;

/* More than QEMU's dependencies and leaves ask of any feature */
enum { X86CPU_MAX_NEEDS = 8 };

/* One bit that a guest does not see */
typedef struct X86CpuUnseen {
    X86CpuBits bit;
    /* What the reason is about: @bit, or that of which AMD's is a copy */
    X86CpuBits cause;
    X86CpuReason reason;
    /* Whether enforce=on refuses to start for it */
    bool blocking;
    /* If it is a dependency: at least one bit of each is needed. */
    X86CpuBits needs[X86CPU_MAX_NEEDS];
    unsigned nneeds;
    /* If it is a conflict */
    X86CpuBits conflicts_with;
} X86CpuUnseen;

/*
 * Calls @found with each feature bit of @cpu that guests with @topology do not
 * see, or only because they are forced, and with @opaque, in the order of
 * words and bits.  @cpu is as requested, or described.  @offer is that of a
 * host; NULL if no host plays a part.
 *
 * XSAVE components follow from features, and are not among them.
 */
void x86cpu_explain(const X86CpuTables *tables, const X86Cpu *cpu,
                    X86CpuAccelerator accel, X86CpuTopology topology,
                    const X86CpuOffer *offer,
                    void (*found)(const X86CpuUnseen *unseen, void *opaque),
                    void *opaque);

#endif /* X86CPU_EXPLAIN_H */
