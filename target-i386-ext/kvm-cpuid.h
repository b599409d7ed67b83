/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPUID leaves and feature MSRs that QEMU passed to KVM for a vCPU
 *
 * Included by cpu.h before X86CPU, which keeps them.
 */

#ifndef I386_EXT_KVM_CPUID_H
#define I386_EXT_KVM_CPUID_H

struct kvm_cpuid2;
struct kvm_msrs;

/*
 * Keeps copies of @cpuid and @msrs, which were passed to KVM_SET_CPUID2 and
 * KVM_SET_MSRS when the vCPU of @cpu was created.
 */
void x86_cpu_record_kvm_cpuid(X86CPU *cpu, const struct kvm_cpuid2 *cpuid,
                              const struct kvm_msrs *msrs);

/* Frees the copies. */
void x86_cpu_forget_kvm_cpuid(X86CPU *cpu);

#endif /* I386_EXT_KVM_CPUID_H */
