/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPUID leaves and feature MSRs of a vCPU
 */

#ifndef I386_EXT_GUEST_CPUID_H
#define I386_EXT_GUEST_CPUID_H

#include "cpu.h"

/* What the CPUID instruction returns for a leaf or a subleaf */
typedef struct X86CPULeaf {
    uint32_t leaf;
    uint32_t subleaf;       /* 0 if the leaf has none */
    bool has_subleaves;
    uint32_t regs[4];       /* EAX, EBX, ECX, EDX */
} X86CPULeaf;

typedef struct X86CPUMsr {
    uint32_t index;
    uint64_t value;
} X86CPUMsr;

/*
 * The leaves (X86CPULeaf) of @cpu, which is realized, as configured: changes
 * by the running guest (OSXSAVE, OSPKE, the APIC) are undone.  Under KVM,
 * these are the leaves passed to KVM_SET_CPUID2, in that order.
 */
GArray *x86_cpu_guest_leaves(X86CPU *cpu);

/*
 * The MSRs (X86CPUMsr) that tell of features and of microcode, as @cpu, which
 * is realized, has them.  Under KVM, these are the ones that QEMU passed to
 * KVM_SET_MSRS when it created the vCPU.
 */
GArray *x86_cpu_guest_msrs(X86CPU *cpu);

/* Implemented for KVM: call only if kvm_enabled(). */

/* Append what QEMU passed to KVM for @cpu to @leaves and @msrs. */
void kvm_add_configured_leaves(GArray *leaves, X86CPU *cpu);
void kvm_add_configured_msrs(GArray *msrs, X86CPU *cpu);

/*
 * Appends the leaves that KVM has for @cpu now (KVM_GET_CPUID2) to @leaves, and
 * sets the values in @msrs (KVM_GET_MSRS), to 0 for MSRs that KVM does not
 * know.  False, with an error, if it refuses the former.  It waits for the
 * vCPU's thread, without the BQL.
 */
bool kvm_read_kernel(GArray *leaves, GArray *msrs, X86CPU *cpu, Error **errp);

#endif /* I386_EXT_GUEST_CPUID_H */
