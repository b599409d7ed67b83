/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Why a feature is not available here
 */

#ifndef I386_EXT_FEATURE_AVAILABILITY_H
#define I386_EXT_FEATURE_AVAILABILITY_H

#include "target/i386/ext/feature-place.h"

/*
 * Why @fb, which x86_cpu_filter_features() found unsupported, is not
 * available here.  If several lack it, the one closest to the hardware.
 *
 * - "accelerator": TCG, which involves no host CPU, does not emulate it
 * - "hardware": the CPUID of the host CPU lacks it (the leaf is above the
 *   host's maximum, or the bit is clear) and the kernel does not emulate it
 * - "kernel": the host CPU has it, but the kernel's hypervisor does not offer
 *   it (KVM_GET_SUPPORTED_CPUID, KVM_GET_MSRS on /dev/kvm)
 * - "configuration": KVM can do it with other options of QEMU
 *   (kernel-irqchip, cpu-pm)
 * - "qemu": the kernel offers it, but QEMU removes it
 *
 * Never "hardware" for what a user process cannot see: MSRs and the
 * hypervisor leaves 0x4000xxxx.
 */
CpuFeatureRemovalReason x86_cpu_feature_unavailable_reason(X86CPUFeatureBit fb);

/*
 * Whether the host CPU has @fb: 1 or 0, or -1 if a user process cannot see
 * it (MSRs, hypervisor leaves) or the host is not x86.
 */
int x86_cpu_feature_in_hardware(X86CPUFeatureBit fb);

/* Whether the kernel offers @fb to guests: 1 or 0, or -1 without KVM. */
int x86_cpu_feature_in_kernel(X86CPUFeatureBit fb);

#endif /* I386_EXT_FEATURE_AVAILABILITY_H */
