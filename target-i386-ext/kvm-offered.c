/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What KVM offers to guests, before QEMU edits it
 *
 * Answers: does the kernel's hypervisor offer this CPUID bit, or would it
 * with other options?  This distinguishes the reasons "kernel", "qemu" and
 * "configuration".  Also, where does a guest find KVM's own leaves, and what
 * can this kernel do besides features?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qemu/error-report.h"
#include "system/kvm.h"
#include "system/kvm_int.h"
#include "system/system.h"
#include "standard-headers/asm-x86/kvm_para.h"
#include "target/i386/ext/kvm-offered.h"

#include <sys/ioctl.h>
#include <linux/kvm.h>

/* KVM has a fixed limit of 256 entries (arch/x86/include/asm/kvm_host.h) */
#define MAX_CPUID_ENTRIES 4096

/* Guests look for hypervisors at 0x40000000, in steps of 0x100. */
#define HYPERVISOR_LEAVES 0x100

static struct kvm_cpuid2 *read_supported_cpuid(void)
{
    unsigned nent;

    for (nent = 128; nent <= MAX_CPUID_ENTRIES; nent *= 2) {
        g_autofree struct kvm_cpuid2 *cpuid =
            g_malloc0(sizeof(*cpuid) + nent * sizeof(cpuid->entries[0]));
        int ret;

        cpuid->nent = nent;
        ret = kvm_ioctl(kvm_state, KVM_GET_SUPPORTED_CPUID, cpuid);
        if (ret == 0) {
            return g_steal_pointer(&cpuid);
        }
        if (ret != -E2BIG) {
            warn_report("KVM_GET_SUPPORTED_CPUID failed: %s", strerror(-ret));
            break;
        }
    }
    return g_new0(struct kvm_cpuid2, 1);
}

bool kvm_offers_cpuid_bit(uint32_t leaf, uint32_t subleaf, int reg, int bit)
{
    static struct kvm_cpuid2 *offered;
    unsigned i;

    if (!offered) {
        offered = read_supported_cpuid();
    }
    for (i = 0; i < offered->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &offered->entries[i];

        if (e->function == leaf &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) ||
             e->index == subleaf)) {
            const uint32_t regs[] = {
                [R_EAX] = e->eax, [R_EBX] = e->ebx,
                [R_ECX] = e->ecx, [R_EDX] = e->edx,
            };

            return regs[reg] & (1U << bit);
        }
    }
    return false;
}

/* As in kvm_arch_get_supported_cpuid() */
bool kvm_withholds_for_option(X86CPUFeatureBit fb)
{
    uint64_t mask = 1ULL << fb.bit;
    bool irqchip = kvm_irqchip_in_kernel();

    if (fb.w == FEAT_1_ECX) {
        switch (mask) {
        case CPUID_EXT_TSC_DEADLINE_TIMER:
            return !irqchip && kvm_check_extension(kvm_state,
                                                   KVM_CAP_TSC_DEADLINE_TIMER);
        case CPUID_EXT_X2APIC:
            return !irqchip && kvm_offers_cpuid_bit(1, 0, R_ECX, fb.bit);
        case CPUID_EXT_MONITOR:
            return !enable_cpu_pm &&
                   (kvm_check_extension(kvm_state, KVM_CAP_X86_DISABLE_EXITS) &
                    KVM_X86_DISABLE_EXITS_MWAIT);
        }
    } else if (fb.w == FEAT_KVM) {
        switch (mask) {
        case CPUID_KVM_PV_UNHALT:
            return !irqchip && kvm_offers_cpuid_bit(KVM_CPUID_FEATURES, 0,
                                                    R_EAX, fb.bit);
        case CPUID_KVM_MSI_EXT_DEST_ID:
            return !kvm_irqchip_is_split() &&
                   kvm_check_extension(kvm_state, KVM_CAP_SPLIT_IRQCHIP);
        }
    }
    return false;
}

/* With Xen's leaves, kvm_arch_init_vcpu() does not add them. */
bool kvm_shows_own_leaves(X86CPU *cpu)
{
    return cpu->expose_kvm && !kvm_state->xen_version;
}

bool kvm_offers_hyperv(void)
{
    return kvm_check_extension(kvm_state, KVM_CAP_HYPERV) > 0;
}

bool kvm_shows_hyperv_leaves(X86CPU *cpu)
{
    bool wanted = cpu->hyperv_features || cpu->hyperv_passthrough ||
                  cpu->hyperv_spinlock_attempts !=
                  HYPERV_SPINLOCK_NEVER_NOTIFY;

    return wanted && kvm_offers_hyperv();
}

uint32_t kvm_own_leaves_offset(X86CPU *cpu)
{
    uint32_t offset = 0;

    if (kvm_shows_hyperv_leaves(cpu)) {
        offset += HYPERVISOR_LEAVES;
    }
    if (kvm_state->xen_version) {
        offset += HYPERVISOR_LEAVES;
    }
    return offset;
}

bool kvm_offers_lmce(void)
{
    uint64_t mcg_cap = 0;

    return kvm_check_extension(kvm_state, KVM_CAP_MCE) > 0 &&
           kvm_ioctl(kvm_state, KVM_X86_GET_MCE_CAP_SUPPORTED,
                     &mcg_cap) >= 0 &&
           (mcg_cap & MCG_LMCE_P);
}

int kvm_scratch_vcpu(void)
{
    int vm = kvm_ioctl(kvm_state, KVM_CREATE_VM, 0);
    int vcpu;

    if (vm < 0) {
        return vm;
    }
    vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    if (vcpu < 0) {
        vcpu = -errno;
    }
    /* The vCPU holds a reference to the VM. */
    close(vm);
    return vcpu;
}

/* As freq_within_bounds() in kvm.c: NTP may correct 250 ppm. */
static bool is_close(int64_t freq, int64_t target)
{
    return ABS(freq - target) <= freq * 250 / 1000000;
}

/* As in kvm_arch_set_tsc_khz() */
bool kvm_can_run_at_tsc_khz(int64_t khz, int *host_khz)
{
    bool can_scale = kvm_check_extension(kvm_state,
                                         KVM_CAP_TSC_CONTROL) > 0;
    bool can_run = false;
    int vcpu = kvm_scratch_vcpu();

    *host_khz = -ENOTSUP;
    if (vcpu < 0) {
        return true;        /* Starting the guest will report why. */
    }
    if (kvm_check_extension(kvm_state, KVM_CAP_GET_TSC_KHZ) > 0) {
        *host_khz = ioctl(vcpu, KVM_GET_TSC_KHZ);
        if (*host_khz < 0) {
            *host_khz = -errno;
        }
    }
    if (can_scale || (*host_khz > 0 && is_close(*host_khz, khz))) {
        can_run = ioctl(vcpu, KVM_SET_TSC_KHZ, (unsigned long)khz) >= 0;
    }
    close(vcpu);
    return can_run || *host_khz == khz;
}
