/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What of a feature word a guest gets to see
 */

#ifndef I386_EXT_GUEST_VIEW_H
#define I386_EXT_GUEST_VIEW_H

#include "target/i386/ext/feature-place.h"

/*
 * Whether the leaf of word @w is above what @cpu, which is expanded, says
 * to have (CPUID leaf 0, 0x80000000, 0xC0000000; sub-leaves of 7), so that
 * guests do not look there.  False for MSRs and for 0x4000xxxx.
 */
bool x86_cpu_guest_lacks_leaf(X86CPU *cpu, FeatureWord w);

/*
 * The bits of word @w that a guest sees on @cpu, which is filtered: in
 * 64-bit mode where the CPU has it, and as configured, before the guest
 * changes CR4 (OSXSAVE, OSPKE) or disables its APIC.
 */
uint64_t x86_cpu_guest_sees(X86CPU *cpu, FeatureWord w);

/*
 * CPUID_APIC if @cpu, which is filtered, has an APIC.  The feature word and
 * CPUID tell whether the guest has it enabled (IA32_APIC_BASE; SDM vol. 3,
 * "Enabling or Disabling the Local APIC").
 */
uint32_t x86_cpu_configured_apic(X86CPU *cpu);

/*
 * Why @fb is not seen, although nothing dropped or filtered it: what stands
 * in the way in cpu_x86_cpuid().  Where it is the lack of other features,
 * these are in *@requires (the caller frees it), else that is NULL.
 */
CpuFeatureRemovalReason
x86_cpu_guest_unseen_reason(X86CPU *cpu, X86CPUFeatureBit fb,
                            CpuFeatureAlternativesList **requires);

#endif /* I386_EXT_GUEST_VIEW_H */
