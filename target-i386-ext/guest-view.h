/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The part of a feature word that a guest sees
 */

#ifndef I386_EXT_GUEST_VIEW_H
#define I386_EXT_GUEST_VIEW_H

#include "target/i386/ext/feature-place.h"

/*
 * Whether the leaf of word @w is above the maximum that @cpu, which is
 * expanded, reports (CPUID leaf 0, 0x80000000, 0xC0000000; subleaves of 7),
 * so guests do not look there.  False for MSRs and for 0x4000xxxx.
 */
bool x86_cpu_guest_lacks_leaf(X86CPU *cpu, FeatureWord w);

/*
 * Whether guests see word @w only if the CPU has another feature, which is
 * *@feature then.  Not all of these are in QEMU's table of dependencies.
 */
bool x86_cpu_word_needs(FeatureWord w, X86CPUFeatureBit *feature);

/*
 * The bits of word @w that a guest sees on @cpu, which is filtered: in
 * 64-bit mode if the CPU has it, and as configured, before the guest changes
 * CR4 (OSXSAVE, OSPKE) or disables its APIC.
 */
uint64_t x86_cpu_guest_sees(X86CPU *cpu, FeatureWord w);

/*
 * CPUID_APIC if @cpu, which is filtered, has an APIC.  In contrast, the
 * feature word and CPUID say whether the guest has enabled it
 * (IA32_APIC_BASE; SDM vol. 3, "Enabling or Disabling the Local APIC").
 */
uint32_t x86_cpu_configured_apic(X86CPU *cpu);

/*
 * Why cpu_x86_cpuid() hides @fb, which nothing dropped or filtered.  If other
 * features are missing, these are in *@requires (the caller frees it), else
 * that is NULL.
 */
CpuFeatureRemovalReason
x86_cpu_guest_unseen_reason(X86CPU *cpu, X86CPUFeatureBit fb,
                            CpuFeatureAlternativesList **requires);

#endif /* I386_EXT_GUEST_VIEW_H */
