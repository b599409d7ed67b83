/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What KVM offers to guests, where QEMU is built without KVM: nothing
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "target/i386/ext/kvm-offered.h"

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
