/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Why a feature is not available here
 *
 * Answers, for removed-features: who lacks it, the host CPU, the kernel,
 * QEMU or TCG?  That tells operators whether to get another host, update
 * the kernel, or change an option or the accelerator.
 */

#include "qemu/osdep.h"
#include "system/kvm.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/kvm/kvm_i386.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/feature-availability.h"
#include "target/i386/ext/kvm-offered.h"

/* Other hosts have no CPUID, and host_cpuid() aborts on them. */
#ifdef CONFIG_CPUID_H

/*
 * Whether the host CPU has the leaf.  Above the maximum, CPUs return the data
 * of the highest basic leaf (SDM vol. 2A, CPUID), which must not be mistaken
 * for feature bits.
 */
static bool host_has_leaf(uint32_t leaf)
{
    uint32_t region = leaf & 0xf0000000;
    uint32_t max;

    host_cpuid(region, 0, &max, NULL, NULL, NULL);
    return (max & 0xf0000000) == region && leaf <= max;
}

static bool host_has_cpuid_bit(const FeatureWordInfo *wi, int bit)
{
    uint32_t regs[CPU_NB_REGS32];

    if (!host_has_leaf(wi->cpuid.eax)) {
        return false;
    }
    host_cpuid(wi->cpuid.eax, wi->cpuid.ecx, &regs[R_EAX], &regs[R_EBX],
               &regs[R_ECX], &regs[R_EDX]);
    return regs[wi->cpuid.reg] & (1U << bit);
}

#endif /* CONFIG_CPUID_H */

int x86_cpu_feature_in_hardware(X86CPUFeatureBit fb)
{
#ifdef CONFIG_CPUID_H
    const FeatureWordInfo *wi = &feature_word_info[fb.w];

    if (wi->type == CPUID_FEATURE_WORD &&
        !x86_cpu_is_hypervisor_word(fb.w)) {
        return host_has_cpuid_bit(wi, fb.bit);
    }
#endif
    return -1;
}

int x86_cpu_feature_in_kernel(X86CPUFeatureBit fb)
{
    const FeatureWordInfo *wi = &feature_word_info[fb.w];

    if (!kvm_enabled()) {
        return -1;
    }
    if (wi->type == MSR_FEATURE_WORD) {
        return !!(kvm_arch_get_supported_msr_feature(kvm_state,
                                                     wi->msr.index) &
                  (1ULL << fb.bit));
    }
    return kvm_offers_cpuid_bit(wi->cpuid.eax, wi->cpuid.ecx, wi->cpuid.reg,
                                fb.bit);
}

CpuFeatureRemovalReason x86_cpu_feature_unavailable_reason(X86CPUFeatureBit fb)
{
    if (kvm_enabled() && kvm_withholds_for_option(fb)) {
        return CPU_FEATURE_REMOVAL_REASON_CONFIGURATION;
    }
    if (!x86_cpu_access_accel_uses_host_cpuid()) {
        return CPU_FEATURE_REMOVAL_REASON_ACCELERATOR;
    }
    if (x86_cpu_feature_in_kernel(fb) == 1) {
        return CPU_FEATURE_REMOVAL_REASON_QEMU;
    }
    return x86_cpu_feature_in_hardware(fb) == 0
           ? CPU_FEATURE_REMOVAL_REASON_HARDWARE
           : CPU_FEATURE_REMOVAL_REASON_KERNEL;
}
