/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPUID leaves and feature MSRs of a vCPU
 *
 * Answers, for query-cpu-cpuid and the fingerprint in migration streams: what
 * does a guest read from CPUID and from the MSRs that enumerate features?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "system/kvm.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/ext/guest-cpuid.h"
#include "target/i386/ext/guest-view.h"

/* The maximum number of XSAVE components; other leaves have fewer subleaves. */
#define MAX_SUBLEAVES 64

static unsigned last_subleaf(uint32_t leaf)
{
    switch (leaf) {
    case 4: case 7: case 0xb: case 0xd: case 0x12: case 0x14: case 0x1d:
    case 0x1e: case 0x24: case 0x8000001d:
        return MAX_SUBLEAVES - 1;
    case 0x1f:
        /* cpu.c asserts that there are no more. */
        return CPU_TOPOLOGY_LEVEL_SOCKET;
    default:
        return 0;
    }
}

/* Undo changes by the running guest, which don't change the CPU. */
static void undo_dynamic(X86CPU *cpu, X86CPULeaf *leaf)
{
    if (leaf->leaf == 1) {
        leaf->regs[2] &= ~CPUID_EXT_OSXSAVE;
        leaf->regs[3] &= ~CPUID_APIC;
        leaf->regs[3] |= x86_cpu_configured_apic(cpu);
    } else if (leaf->leaf == 7 && leaf->subleaf == 0) {
        leaf->regs[2] &= ~CPUID_7_0_ECX_OSPKE;
    } else if (leaf->leaf == 0xd && leaf->subleaf == 0) {
        /* The size of the components enabled in XCR0 */
        leaf->regs[1] = 0;
    } else if (leaf->leaf == 0x80000001) {
        /* TCG hides it from Intel CPUs outside of 64-bit mode. */
        leaf->regs[3] |= x86_cpu_guest_sees(cpu, FEAT_8000_0001_EDX) &
                         CPUID_EXT2_SYSCALL;
    }
}

static void add_leaves(GArray *leaves, X86CPU *cpu, uint32_t first,
                       uint32_t last)
{
    uint32_t index;
    unsigned sub;

    for (index = first; index <= last && index - first < 256; index++) {
        for (sub = 0; sub <= last_subleaf(index); sub++) {
            X86CPULeaf leaf = {
                .leaf = index,
                .subleaf = sub,
                .has_subleaves = last_subleaf(index),
            };

            cpu_x86_cpuid(&cpu->env, index, sub, &leaf.regs[0],
                          &leaf.regs[1], &leaf.regs[2], &leaf.regs[3]);
            undo_dynamic(cpu, &leaf);
            g_array_append_val(leaves, leaf);
        }
    }
}

GArray *x86_cpu_guest_leaves(X86CPU *cpu)
{
    GArray *leaves = g_array_new(FALSE, FALSE, sizeof(X86CPULeaf));

    if (kvm_enabled()) {
        kvm_add_configured_leaves(leaves, cpu);
        return leaves;
    }
    add_leaves(leaves, cpu, 0, cpu->env.cpuid_level);
    /* TCG has no more than the signature. */
    add_leaves(leaves, cpu, 0x40000000, 0x40000000);
    add_leaves(leaves, cpu, 0x80000000, cpu->env.cpuid_xlevel);
    add_leaves(leaves, cpu, 0xc0000000, cpu->env.cpuid_xlevel2);
    return leaves;
}

GArray *x86_cpu_guest_msrs(X86CPU *cpu)
{
    GArray *msrs = g_array_new(FALSE, FALSE, sizeof(X86CPUMsr));
    X86CPUMsr ucode_rev = { MSR_IA32_UCODE_REV, cpu->ucode_rev };
    FeatureWord w;

    if (kvm_enabled()) {
        kvm_add_configured_msrs(msrs, cpu);
        return msrs;
    }
    if (!(cpu->env.features[FEAT_1_EDX] & CPUID_MSR)) {
        return msrs;
    }
    g_array_append_val(msrs, ucode_rev);
    for (w = 0; w < FEATURE_WORDS; w++) {
        const FeatureWordInfo *wi = &feature_word_info[w];

        if (wi->type == MSR_FEATURE_WORD) {
            X86CPUMsr msr = { wi->msr.index, x86_cpu_guest_sees(cpu, w) };

            g_array_append_val(msrs, msr);
        }
    }
    return msrs;
}
