/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What differs between QEMU's release lines on a host
 *
 * Sources: of each line, x86_ext_save_areas[], CPUID_XSTATE_XSS_MASK,
 * x86_cpu_post_initfn() or x86_cpu_init_xsave(), max_x86_cpu_initfn() and
 * cpu_x86_cpuid() in target/i386/cpu.c, host-cpu.c, and compat.h of the
 * extension; components by the SDM, vol. 1, "XSAVE-Supported Features and
 * State-Component Bitmaps".
 */

#include "host-line.h"

#define BIT(n) (1ull << (n))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define XSAVE       { X86CPU_FEAT_1_ECX, BIT(26) }
#define AVX         { X86CPU_FEAT_1_ECX, BIT(28) }
#define MPX         { X86CPU_FEAT_7_0_EBX, BIT(14) }
#define AVX512F     { X86CPU_FEAT_7_0_EBX, BIT(16) }
#define PKU         { X86CPU_FEAT_7_0_ECX, BIT(3) }
#define CET_SS      { X86CPU_FEAT_7_0_ECX, BIT(7) }
#define ARCH_LBR    { X86CPU_FEAT_7_0_EDX, BIT(19) }
#define CET_IBT     { X86CPU_FEAT_7_0_EDX, BIT(20) }
#define AMX_TILE    { X86CPU_FEAT_7_0_EDX, BIT(24) }
#define AVX10       { X86CPU_FEAT_7_1_EDX, BIT(19) }
#define APXF        { X86CPU_FEAT_7_1_EDX, BIT(21) }

static const HostComponent components_10_0[] = {
    { 0, { XSAVE } },
    { 1, { XSAVE } },
    { 2, { AVX } },
    { 3, { MPX } },
    { 4, { MPX } },
    { 5, { AVX512F, AVX10 } },
    { 6, { AVX512F, AVX10 } },
    { 7, { AVX512F, AVX10 } },
    { 9, { PKU } },
    { 15, { ARCH_LBR } },
    { 17, { AMX_TILE } },
    { 18, { AMX_TILE } },
};

static const HostComponent components_11_1[] = {
    { 0, { XSAVE } },
    { 1, { XSAVE } },
    { 2, { AVX } },
    { 3, { MPX } },
    { 4, { MPX } },
    { 5, { AVX512F, AVX10 } },
    { 6, { AVX512F, AVX10 } },
    { 7, { AVX512F, AVX10 } },
    { 9, { PKU } },
    { 11, { CET_SS, CET_IBT } },
    { 12, { CET_SS, CET_IBT } },
    { 15, { ARCH_LBR } },
    { 17, { AMX_TILE } },
    { 18, { AMX_TILE } },
    { 19, { APXF } },
};

static const HostLine line_10_0 = {
    .components = components_10_0,
    .ncomponents = COUNT(components_10_0),
    .supervisor = BIT(15),
    .has_late_arch_lbr = true,
    .too_few_bits = "between 32 and 52  ",
    .too_many_bits = "between 32 and 52  ",
    .has_synic_kvm_only = true,
    .adds_any_extended_family = true,
};

static const HostLine line_11_1 = {
    .components = components_11_1,
    .ncomponents = COUNT(components_11_1),
    .supervisor = BIT(11) | BIT(12) | BIT(15),
    .looks_at_xss = true,
    .supervisor_needs_xsaves = true,
    .too_few_bits = "at least 32 ",
    .too_many_bits = "at most 52 ",
    .has_vendor_only_v2 = true,
    .pmu_drops_features = true,
    .hides_arch_capabilities = true,
    .avx10_has_features = true,
    /* max_x86_cpu_initfn() runs after host_cpu_instance_init(). */
    .default_model_id = "QEMU TCG CPU version 2.5+",
};

const HostLine *host_line(uint32_t version)
{
    return version >= X86CPU_LINE_11_1 ? &line_11_1 : &line_10_0;
}
