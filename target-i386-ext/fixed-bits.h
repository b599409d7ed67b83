/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Feature bits that no property of the feature sets
 *
 * They follow from others, belong to a number, or always come from the kernel
 * (kvm_msr_entry_add_vmx() in target/i386/kvm/kvm.c).  Plain C:
 * cpu-description.c in QEMU uses it, and tool/omitted-properties.c without.
 */

#ifndef I386_EXT_FIXED_BITS_H
#define I386_EXT_FIXED_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include "core/expand.h"

/* What they depend on: the vendor, lm and vmx-ept */
typedef struct X86FixedBits {
    bool is_amd, has_lm, has_ept;
} X86FixedBits;

/* Those of word @word; registers and MSRs by the SDM, appendix A for VMX */
static inline uint64_t x86_cpu_fixed_bits(X86CpuWordId word,
                                          const X86FixedBits *cpu)
{
    switch (word) {
    case X86CPU_FEAT_PERF_CAPABILITIES:
        /* lbr-fmt */
        return 0x3f;
    case X86CPU_FEAT_24_0_EBX:
        /* avx10-version; the lengths of vectors are in higher bits. */
        return 0xff;
    case X86CPU_FEAT_8000_0001_EDX:
        return cpu->is_amd ? X86CPU_AMD_ALIASES : 0;
    case X86CPU_FEAT_VMX_BASIC:
        /* The VMCS: revision, size and memory type */
        return 0x7fffffffull | 0x1fffull << 32 | 0xfull << 50;
    case X86CPU_FEAT_VMX_MISC:
        /* Shift of the preemption timer, number of MSRs in lists */
        return 0x1full | 7ull << 25;
    case X86CPU_FEAT_VMX_EPT_VPID_CAPS:
        /* Memory types UC and WB */
        return cpu->has_ept ? 1ull << 8 | 1ull << 14 : 0;
    case X86CPU_FEAT_VMX_EXIT_CTLS:
        /* Host address-space size */
        return cpu->has_lm ? 1ull << 9 : 0;
    default:
        return 0;
    }
}

#endif /* I386_EXT_FIXED_BITS_H */
