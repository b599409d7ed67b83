/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's CPU and the kernel's hypervisor, seen without QEMU
 *
 * For tests that judge what QEMU says about the host.  Reads the CPUID
 * instruction and /dev/kvm directly, and shares no code with QEMU.
 */

#ifndef X86_HOST_CPU_H
#define X86_HOST_CPU_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether bit @bit of register @reg ("EAX" to "EDX") of CPUID leaf @leaf,
 * sub-leaf @subleaf is set on the host.  Leaves above the host's maximum
 * have no bits.
 */
bool host_cpu_has(uint32_t leaf, uint32_t subleaf, const char *reg, int bit);

/* The same for KVM_GET_SUPPORTED_CPUID.  Call only if host_kvm_opens(). */
bool host_kvm_offers(uint32_t leaf, uint32_t subleaf, const char *reg,
                     int bit);

/*
 * Whether a vCPU takes the value of the feature MSR @index that the kernel
 * itself offers.  Where it doesn't (seen with kvm_pvm and
 * IA32_ARCH_CAPABILITIES), any QEMU aborts when it sets the MSR.  Call only
 * if host_kvm_opens().
 */
bool host_kvm_takes_msr(uint32_t index);

/* Whether /dev/kvm opens; if not, @reason (static) says why. */
bool host_kvm_opens(const char **reason);

#endif /* X86_HOST_CPU_H */
