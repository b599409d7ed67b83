/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPUID leaves that QEMU passed to KVM for a vCPU
 *
 * Answers: what does the guest read from CPUID, including hypervisor leaves
 * (0x4000xxxx), which are in no feature word?  kvm_arch_init_vcpu() builds
 * them once, and does not keep them.
 */

#include "qemu/osdep.h"
#include "cpu.h"

#include <linux/kvm.h>

void x86_cpu_record_kvm_cpuid(X86CPU *cpu, const struct kvm_cpuid2 *cpuid)
{
    g_free(cpu->kvm_cpuid);
    cpu->kvm_cpuid = g_memdup2(cpuid, sizeof(*cpuid) + cpuid->nent *
                                      sizeof(cpuid->entries[0]));
}

void x86_cpu_foreach_kvm_leaf(X86CPU *cpu, X86CPULeafFunc *func,
                              void *opaque)
{
    const struct kvm_cpuid2 *cpuid = cpu->kvm_cpuid;
    uint32_t i;

    for (i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];
        uint32_t regs[4] = { e->eax, e->ebx, e->ecx, e->edx };
        bool has_subleaves = e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;

        func(e->function, has_subleaves ? e->index : 0, regs, opaque);
    }
}
