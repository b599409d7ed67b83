/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What KVM offers to guests, before QEMU edits it
 */

#ifndef I386_EXT_KVM_OFFERED_H
#define I386_EXT_KVM_OFFERED_H

#include "target/i386/ext/feature-bit.h"

/*
 * Whether KVM_GET_SUPPORTED_CPUID has bit @bit in register @reg (R_EAX...)
 * of CPUID leaf @leaf, subleaf @subleaf.  In contrast,
 * kvm_arch_get_supported_cpuid() adds what QEMU can do without the kernel and
 * hides what it must not pass on.  Call only if kvm_enabled().
 */
bool kvm_offers_cpuid_bit(uint32_t leaf, uint32_t subleaf, int reg, int bit);

/*
 * Whether KVM guests don't get @fb only because of another option (-machine
 * kernel-irqchip, -overcommit cpu-pm).  Call only if kvm_enabled().
 */
bool kvm_withholds_for_option(X86CPUFeatureBit fb);

/*
 * Whether the guest of @cpu sees KVM's own CPUID leaves, 0x40000000 and
 * 0x40000001.  Call only if kvm_enabled().
 */
bool kvm_shows_own_leaves(X86CPU *cpu);

/*
 * How far these leaves are moved up for the guest of @cpu, because another
 * hypervisor's leaves occupy their place.  Call only if kvm_enabled().
 */
uint32_t kvm_own_leaves_offset(X86CPU *cpu);

/* Whether the guest of @cpu sees Hyper-V's leaves.  Likewise. */
bool kvm_shows_hyperv_leaves(X86CPU *cpu);

/* Whether the kernel has Hyper-V enlightenments.  Call if kvm_enabled(). */
bool kvm_offers_hyperv(void);

/* Whether the kernel has LMCE, which is a bit of IA32_MCG_CAP.  Likewise. */
bool kvm_offers_lmce(void);

/*
 * A vCPU in a temporary VM, for queries that need a vCPU: its file
 * descriptor, which the caller closes, or -errno.  Likewise.
 */
int kvm_scratch_vcpu(void);

/*
 * Whether a guest can have a TSC of @khz; *@host_khz returns that of the
 * host, or -errno.  Likewise.
 */
bool kvm_can_run_at_tsc_khz(int64_t khz, int *host_khz);

#endif /* I386_EXT_KVM_OFFERED_H */
