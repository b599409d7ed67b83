/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPUID leaves and feature MSRs that QEMU passed to KVM for a vCPU, and
 * those that KVM has
 *
 * Answers: what does the guest read from CPUID, including hypervisor leaves
 * (0x4000xxxx), which are in no feature word, and from the MSRs, to which
 * kvm.c adds what KVM does not let it choose?  kvm_arch_init_vcpu() builds
 * both once, and does not keep them.  The kernel changes some leaves while the
 * guest runs.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "system/kvm.h"
#include "target/i386/ext/guest-cpuid.h"

#include <linux/kvm.h>

/* KVM_MAX_CPUID_ENTRIES of Linux; it was 80 before 5.11. */
#define MAX_ENTRIES 256

void x86_cpu_record_kvm_cpuid(X86CPU *cpu, const struct kvm_cpuid2 *cpuid,
                              const struct kvm_msrs *msrs)
{
    x86_cpu_forget_kvm_cpuid(cpu);
    cpu->kvm_cpuid = g_memdup2(cpuid, sizeof(*cpuid) + cpuid->nent *
                                      sizeof(cpuid->entries[0]));
    cpu->kvm_msrs = g_memdup2(msrs, sizeof(*msrs) + msrs->nmsrs *
                                    sizeof(msrs->entries[0]));
}

void x86_cpu_forget_kvm_cpuid(X86CPU *cpu)
{
    g_clear_pointer(&cpu->kvm_cpuid, g_free);
    g_clear_pointer(&cpu->kvm_msrs, g_free);
}

static void add_entries(GArray *leaves, const struct kvm_cpuid2 *cpuid)
{
    uint32_t i;

    for (i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];
        bool has_subleaves = e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
        X86CPULeaf leaf = {
            .leaf = e->function,
            .subleaf = has_subleaves ? e->index : 0,
            .has_subleaves = has_subleaves,
            .regs = { e->eax, e->ebx, e->ecx, e->edx },
        };

        g_array_append_val(leaves, leaf);
    }
}

void kvm_add_configured_leaves(GArray *leaves, X86CPU *cpu)
{
    add_entries(leaves, cpu->kvm_cpuid);
}

void kvm_add_configured_msrs(GArray *msrs, X86CPU *cpu)
{
    unsigned i;

    for (i = 0; i < cpu->kvm_msrs->nmsrs; i++) {
        X86CPUMsr msr = { cpu->kvm_msrs->entries[i].index,
                          cpu->kvm_msrs->entries[i].data };

        g_array_append_val(msrs, msr);
    }
}

/* What a vCPU's thread is to read: in any other one, ioctls would wait. */
typedef struct KernelRequest {
    struct kvm_cpuid2 *cpuid;
    GArray *msrs;
    int ret;
} KernelRequest;

static void read_kernel(CPUState *cs, run_on_cpu_data data)
{
    KernelRequest *request = data.host_ptr;
    unsigned i;

    request->ret = kvm_vcpu_ioctl(cs, KVM_GET_CPUID2, request->cpuid);
    for (i = 0; i < request->msrs->len; i++) {
        X86CPUMsr *msr = &g_array_index(request->msrs, X86CPUMsr, i);
        struct {
            struct kvm_msrs info;
            struct kvm_msr_entry entry;
        } one = { .info.nmsrs = 1, .entry.index = msr->index };

        /* It returns the number of MSRs that it has read. */
        msr->value = kvm_vcpu_ioctl(cs, KVM_GET_MSRS, &one) == 1
                     ? one.entry.data : 0;
    }
}

bool kvm_read_kernel(GArray *leaves, GArray *msrs, X86CPU *cpu, Error **errp)
{
    g_autofree struct kvm_cpuid2 *cpuid =
        g_malloc0(sizeof(*cpuid) + MAX_ENTRIES * sizeof(cpuid->entries[0]));
    KernelRequest request = { .cpuid = cpuid, .msrs = msrs };

    cpuid->nent = MAX_ENTRIES;
    /* The guest may unplug the CPU meanwhile. */
    object_ref(OBJECT(cpu));
    run_on_cpu(CPU(cpu), read_kernel, RUN_ON_CPU_HOST_PTR(&request));
    if (request.ret < 0) {
        error_setg_errno(errp, -request.ret, "cannot get the CPUID leaves of "
                         "CPU %d from KVM", CPU(cpu)->cpu_index);
    } else {
        add_entries(leaves, cpuid);
    }
    object_unref(OBJECT(cpu));
    return request.ret >= 0;
}
