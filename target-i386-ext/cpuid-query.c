/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * query-cpu-cpuid: what a vCPU returns from CPUID, and its feature MSRs
 *
 * Answers, for management software and for tests: which leaves and feature
 * MSRs did QEMU configure for this vCPU, and what has the kernel made of them?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-cpu-introspection-target.h"
#include "system/kvm.h"
#include "target/i386/ext/cpuid-query.h"
#include "target/i386/ext/guest-cpuid.h"

static int compare_leaves(const void *a, const void *b)
{
    const X86CPULeaf *la = a, *lb = b;

    return la->leaf != lb->leaf ? (la->leaf < lb->leaf ? -1 : 1) :
           la->subleaf != lb->subleaf ? (la->subleaf < lb->subleaf ? -1 : 1)
                                      : 0;
}

/*
 * Whether a guest looks for data there, and finds some.  SDM vol. 2A, CPUID:
 * in some leaves, EAX of subleaf 0 is the highest subleaf.  In those of the
 * topology, ECX repeats the number of the subleaf, and level type 0 ends the
 * list.
 */
static bool has_data(const X86CPULeaf *leaf, const X86CPULeaf *subleaf_0)
{
    const uint32_t *regs = leaf->regs;

    switch (leaf->leaf) {
    case 0x7: case 0x14: case 0x1d: case 0x1e: case 0x24:
        if (leaf->subleaf > subleaf_0->regs[0]) {
            return false;
        }
        break;
    case 0xb: case 0x1f:
        if (leaf->subleaf) {
            return regs[2] >> 8 & 0xff;
        }
        break;
    }
    return regs[0] || regs[1] || regs[2] || regs[3];
}

static int compare_msrs(const void *a, const void *b)
{
    const X86CPUMsr *ma = a, *mb = b;

    return ma->index != mb->index ? (ma->index < mb->index ? -1 : 1) : 0;
}

static CpuCpuidLeafList *list_leaves(GArray *leaves)
{
    CpuCpuidLeafList *list = NULL, **tail = &list;
    const X86CPULeaf *subleaf_0 = NULL;
    unsigned i;

    g_array_sort(leaves, compare_leaves);
    for (i = 0; i < leaves->len; i++) {
        const X86CPULeaf *leaf = &g_array_index(leaves, X86CPULeaf, i);
        CpuCpuidLeaf *info;

        if (!leaf->subleaf) {
            subleaf_0 = leaf;
        }
        /* QEMU passes nothing else to KVM. */
        if (!kvm_enabled() && !has_data(leaf, subleaf_0)) {
            continue;
        }
        info = g_new0(CpuCpuidLeaf, 1);
        info->leaf = leaf->leaf;
        info->has_subleaf = leaf->has_subleaves;
        info->subleaf = leaf->subleaf;
        info->eax = leaf->regs[0];
        info->ebx = leaf->regs[1];
        info->ecx = leaf->regs[2];
        info->edx = leaf->regs[3];
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

static CpuMsrValueList *list_msrs(GArray *msrs)
{
    CpuMsrValueList *list = NULL, **tail = &list;
    unsigned i;

    g_array_sort(msrs, compare_msrs);
    for (i = 0; i < msrs->len; i++) {
        const X86CPUMsr *msr = &g_array_index(msrs, X86CPUMsr, i);

        if (msr->value) {
            CpuMsrValue *info = g_new0(CpuMsrValue, 1);

            info->index = msr->index;
            info->value = msr->value;
            QAPI_LIST_APPEND(tail, info);
        }
    }
    return list;
}

static CpuCpuidInfo *cpuid_info(GArray *leaves, GArray *msrs)
{
    CpuCpuidInfo *info = g_new0(CpuCpuidInfo, 1);

    info->leaves = list_leaves(leaves);
    info->msrs = list_msrs(msrs);
    return info;
}

CpuCpuidInfo *x86_cpu_configured_cpuid(X86CPU *cpu)
{
    g_autoptr(GArray) leaves = x86_cpu_guest_leaves(cpu);
    g_autoptr(GArray) msrs = x86_cpu_guest_msrs(cpu);

    return cpuid_info(leaves, msrs);
}

CpuCpuidInfo *qmp_query_cpu_cpuid(int64_t cpu_index, bool has_kernel,
                                  bool kernel, Error **errp)
{
    CPUState *cs = cpu_index == (int)cpu_index ? qemu_get_cpu(cpu_index)
                                               : NULL;
    g_autoptr(GArray) leaves = NULL, msrs = NULL;
    X86CPU *cpu;

    if (!cs) {
        error_setg(errp, "There is no CPU with cpu-index %" PRId64 "; "
                   "query-cpus-fast lists all", cpu_index);
        return NULL;
    }
    if (kernel && !kvm_enabled()) {
        error_setg(errp, "kernel can only be true under KVM: no kernel has "
                   "changed the leaves of this CPU");
        return NULL;
    }
    cpu = X86_CPU(cs);
    if (!kernel) {
        return x86_cpu_configured_cpuid(cpu);
    }
    leaves = g_array_new(FALSE, FALSE, sizeof(X86CPULeaf));
    msrs = x86_cpu_guest_msrs(cpu);
    return kvm_read_kernel(leaves, msrs, cpu, errp) ? cpuid_info(leaves, msrs)
                                                    : NULL;
}
