/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What differs between QEMU's release lines on a host
 *
 * Sources: of each line, CPUID_XSTATE_XSS_MASK, x86_cpu_post_initfn() or
 * x86_cpu_init_xsave(), max_x86_cpu_initfn() and cpu_x86_cpuid() in
 * target/i386/cpu.c, host-cpu.c, and compat.h of the extension.
 */

#include "host-line.h"

#define BIT(n) (1ull << (n))

static const HostLine line_10_0 = {
    .supervisor = BIT(15),
    .has_late_arch_lbr = true,
    .too_few_bits = "between 32 and 52  ",
    .too_many_bits = "between 32 and 52  ",
    .has_synic_kvm_only = true,
    .adds_any_extended_family = true,
};

static const HostLine line_11_1 = {
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
