/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPUID leaves that QEMU passed to KVM for a vCPU
 *
 * Included by cpu.h before X86CPU, which keeps them.
 */

#ifndef I386_EXT_KVM_CPUID_H
#define I386_EXT_KVM_CPUID_H

struct kvm_cpuid2;

/*
 * Keeps a copy of @cpuid, which is about to be passed to KVM_SET_CPUID2 for
 * @cpu.
 */
void x86_cpu_record_kvm_cpuid(X86CPU *cpu, const struct kvm_cpuid2 *cpuid);

/* @regs: EAX, EBX, ECX, EDX.  @subleaf is 0 for leaves without subleaves. */
typedef void X86CPULeafFunc(uint32_t leaf, uint32_t subleaf,
                            const uint32_t *regs, void *opaque);

/*
 * Calls @func for each leaf and subleaf passed to KVM for @cpu.  Call only if
 * kvm_enabled() and @cpu is realized.
 */
void x86_cpu_foreach_kvm_leaf(X86CPU *cpu, X86CPULeafFunc *func,
                              void *opaque);

#endif /* I386_EXT_KVM_CPUID_H */
