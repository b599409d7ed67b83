/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who is it that cannot give a guest a feature
 */

#ifndef I386_EXT_FEATURE_AVAILABILITY_H
#define I386_EXT_FEATURE_AVAILABILITY_H

#include "target/i386/ext/feature-place.h"

/*
 * Why @fb, which x86_cpu_filter_features() found unsupported, is not
 * available here: the nearest to the hardware of those that lack it.
 *
 * - "accelerator": no host CPU is involved (TCG), so it is the emulation
 * - "hardware": the CPUID of the host CPU lacks it (the leaf is above the
 *   host's maximum, or the bit is clear) and no kernel emulates it
 * - "kernel": the host CPU has it, the kernel's hypervisor does not offer
 *   it (KVM_GET_SUPPORTED_CPUID, KVM_GET_MSRS on /dev/kvm)
 * - "configuration": KVM can do it with other options of QEMU
 *   (kernel-irqchip, cpu-pm)
 * - "qemu": the kernel offers it, and QEMU takes it away
 *
 * What a user process cannot see of the hardware, MSRs and the hypervisor
 * leaves 0x4000xxxx, is never said to be missing from the hardware.
 */
CpuFeatureRemovalReason x86_cpu_feature_unavailable_reason(X86CPUFeatureBit fb);

/*
 * Whether the host CPU has @fb: 1 or 0, or -1 where a user process cannot
 * see it (MSRs, hypervisor leaves) and on hosts that are not x86.
 */
int x86_cpu_feature_in_hardware(X86CPUFeatureBit fb);

/* Whether the kernel offers @fb to guests: 1 or 0, or -1 without KVM. */
int x86_cpu_feature_in_kernel(X86CPUFeatureBit fb);

#endif /* I386_EXT_FEATURE_AVAILABILITY_H */
