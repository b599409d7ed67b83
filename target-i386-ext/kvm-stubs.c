/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stubs for QEMU built without KVM
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "target/i386/ext/guest-cpuid.h"
#include "target/i386/ext/kvm-access.h"
#include "target/i386/ext/kvm-offered.h"

/* The table is part of KVM's code. */
bool kvm_access_hyperv_feature(unsigned feat, KVMHypervFeature *hf)
{
    return false;
}

bool kvm_access_hyperv_supported(X86CPU *cpu, unsigned feat)
{
    g_assert_not_reached();
}

void kvm_add_configured_leaves(GArray *leaves, X86CPU *cpu)
{
    g_assert_not_reached();
}

void kvm_add_configured_msrs(GArray *msrs, X86CPU *cpu)
{
    g_assert_not_reached();
}

bool kvm_read_kernel(GArray *leaves, GArray *msrs, X86CPU *cpu, Error **errp)
{
    g_assert_not_reached();
}

bool kvm_offers_hyperv(void)
{
    g_assert_not_reached();
}

bool kvm_offers_lmce(void)
{
    g_assert_not_reached();
}

bool kvm_can_run_at_tsc_khz(int64_t khz, int *host_khz)
{
    g_assert_not_reached();
}

bool kvm_offers_cpuid_bit(uint32_t leaf, uint32_t subleaf, int reg, int bit)
{
    g_assert_not_reached();
}

bool kvm_withholds_for_option(X86CPUFeatureBit fb)
{
    g_assert_not_reached();
}

bool kvm_shows_own_leaves(X86CPU *cpu)
{
    g_assert_not_reached();
}

uint32_t kvm_own_leaves_offset(X86CPU *cpu)
{
    g_assert_not_reached();
}
