/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The host's CPU and the kernel's hypervisor, seen without QEMU
 *
 * Built on hosts of any architecture, as all qtests are; only an x86 host
 * running Linux has anything to tell.
 */

#include "qemu/osdep.h"
#include "x86-host-cpu.h"

#if defined(CONFIG_LINUX) && defined(CONFIG_CPUID_H)

#include <cpuid.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#define MAX_ENTRIES 256

static bool test_bit_of(const char *reg, int bit, uint32_t eax, uint32_t ebx,
                        uint32_t ecx, uint32_t edx)
{
    uint32_t value = !strcmp(reg, "EAX") ? eax : !strcmp(reg, "EBX") ? ebx :
                     !strcmp(reg, "ECX") ? ecx : edx;

    return value >> bit & 1;
}

bool host_cpu_has(uint32_t leaf, uint32_t subleaf, const char *reg, int bit)
{
    uint32_t region = leaf & 0xf0000000, max, eax, ebx, ecx, edx;

    __cpuid(region, max, ebx, ecx, edx);
    if (leaf > max || (max & 0xf0000000) != region) {
        return false;
    }
    __cpuid_count(leaf, subleaf, eax, ebx, ecx, edx);
    return test_bit_of(reg, bit, eax, ebx, ecx, edx);
}

bool host_kvm_opens(const char **reason)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    int version;

    if (fd < 0) {
        *reason = errno == ENOENT ? "there is no /dev/kvm" :
                  errno == EACCES ? "no permission to open /dev/kvm" :
                  "/dev/kvm does not open";
        return false;
    }
    /* On a made host (tests/guest/kvm-host.c), CPUID is its from here on. */
    version = ioctl(fd, KVM_GET_API_VERSION, 0);
    close(fd);
    if (version != KVM_API_VERSION) {
        *reason = "/dev/kvm is not KVM";
        return false;
    }
    return true;
}

bool host_kvm_offers(uint32_t leaf, uint32_t subleaf, const char *reg,
                     int bit)
{
    static struct kvm_cpuid2 *cpuid;
    uint32_t i;

    if (!cpuid) {
        int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

        cpuid = g_malloc0(sizeof(*cpuid) +
                          MAX_ENTRIES * sizeof(cpuid->entries[0]));
        cpuid->nent = MAX_ENTRIES;
        g_assert_cmpint(ioctl(fd, KVM_GET_SUPPORTED_CPUID, cpuid), ==, 0);
        close(fd);
    }
    for (i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];
        bool indexed = e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;

        if (e->function == leaf && (!indexed || e->index == subleaf)) {
            return test_bit_of(reg, bit, e->eax, e->ebx, e->ecx, e->edx);
        }
    }
    return false;
}

bool host_kvm_takes_msr(uint32_t index)
{
    struct {
        struct kvm_msrs info;
        struct kvm_msr_entry entry;
    } msr = { .info.nmsrs = 1, .entry.index = index };
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm = ioctl(fd, KVM_CREATE_VM, 0);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    /* Absent from the feature MSRs: QEMU won't set it either */
    bool takes = ioctl(fd, KVM_GET_MSRS, &msr) != 1 ||
                 ioctl(vcpu, KVM_SET_MSRS, &msr) == 1;

    close(vcpu);
    close(vm);
    close(fd);
    return takes;
}

#else

bool host_cpu_has(uint32_t leaf, uint32_t subleaf, const char *reg, int bit)
{
    return false;
}

bool host_kvm_opens(const char **reason)
{
    *reason = "not an x86 host running Linux";
    return false;
}

bool host_kvm_offers(uint32_t leaf, uint32_t subleaf, const char *reg,
                     int bit)
{
    return false;
}

bool host_kvm_takes_msr(uint32_t index)
{
    return false;
}

#endif
