/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What KVM says on a host
 *
 * Each question goes to the descriptor that QEMU asks: nearly all to that of
 * /dev/kvm.  Sources: Documentation/virt/kvm/api.rst and arch/x86/xstate.rst of
 * Linux.
 */

#define _GNU_SOURCE
#include "host-cpuid.h"
#include "host-kvm.h"

#if HOST_IS_X86

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/kvm.h>

/* arch/x86/include/uapi/asm/prctl.h */
#define ARCH_REQ_XCOMP_GUEST_PERM   0x1025

/* Parts of KVM's ABI that <linux/kvm.h> lacks where it is older */
#ifndef KVM_GET_DEVICE_ATTR
#define KVM_GET_DEVICE_ATTR _IOW(KVMIO, 0xe2, struct kvm_device_attr)
#endif
#ifndef KVM_X86_XCOMP_GUEST_SUPP
#define KVM_X86_XCOMP_GUEST_SUPP 0
#endif

#define DEV_KVM "/dev/kvm"

/* The numbers are KVM's ABI, too. */
static const unsigned capability_numbers[PASSPORT_CAPS] = {
    [PASSPORT_CAP_IRQCHIP] = 0,
    [PASSPORT_CAP_USER_MEMORY] = 3,
    [PASSPORT_CAP_SET_TSS_ADDR] = 4,
    [PASSPORT_CAP_EXT_CPUID] = 7,
    [PASSPORT_CAP_NR_VCPUS] = 9,
    [PASSPORT_CAP_MP_STATE] = 14,
    [PASSPORT_CAP_MCE] = 31,
    [PASSPORT_CAP_PIT_STATE2] = 35,
    [PASSPORT_CAP_SET_IDENTITY_MAP_ADDR] = 37,
    [PASSPORT_CAP_ADJUST_CLOCK] = 39,
    [PASSPORT_CAP_VCPU_EVENTS] = 41,
    [PASSPORT_CAP_HYPERV] = 44,
    [PASSPORT_CAP_DEBUGREGS] = 50,
    [PASSPORT_CAP_X86_ROBUST_SINGLESTEP] = 51,
    [PASSPORT_CAP_XSAVE] = 55,
    [PASSPORT_CAP_XCRS] = 56,
    [PASSPORT_CAP_TSC_CONTROL] = 60,
    [PASSPORT_CAP_GET_TSC_KHZ] = 61,
    [PASSPORT_CAP_MAX_VCPUS] = 66,
    [PASSPORT_CAP_TSC_DEADLINE_TIMER] = 72,
    [PASSPORT_CAP_HYPERV_TIME] = 96,
    [PASSPORT_CAP_X86_SMM] = 117,
    [PASSPORT_CAP_SPLIT_IRQCHIP] = 121,
    [PASSPORT_CAP_HYPERV_SYNIC] = 123,
    [PASSPORT_CAP_MAX_VCPU_ID] = 128,
    [PASSPORT_CAP_X2APIC_API] = 129,
    [PASSPORT_CAP_X86_DISABLE_EXITS] = 143,
    [PASSPORT_CAP_HYPERV_SYNIC2] = 148,
    [PASSPORT_CAP_HYPERV_VP_INDEX] = 149,
    [PASSPORT_CAP_GET_MSR_FEATURES] = 153,
    [PASSPORT_CAP_HYPERV_TLBFLUSH] = 155,
    [PASSPORT_CAP_NESTED_STATE] = 157,
    [PASSPORT_CAP_HYPERV_SEND_IPI] = 161,
    [PASSPORT_CAP_HYPERV_ENLIGHTENED_VMCS] = 163,
    [PASSPORT_CAP_HYPERV_CPUID] = 167,
    [PASSPORT_CAP_X86_MSR_FILTER] = 189,
    [PASSPORT_CAP_ENFORCE_PV_FEATURE_CPUID] = 190,
    [PASSPORT_CAP_SYS_HYPERV_CPUID] = 191,
    [PASSPORT_CAP_SGX_ATTRIBUTE] = 196,
    [PASSPORT_CAP_HYPERV_ENFORCE_CPUID] = 199,
    [PASSPORT_CAP_SREGS2] = 200,
    [PASSPORT_CAP_XSAVE2] = 208,
    [PASSPORT_CAP_SYS_ATTRIBUTES] = 209,
    [PASSPORT_CAP_PMU_CAPABILITY] = 212,
    [PASSPORT_CAP_DISABLE_QUIRKS2] = 213,
    [PASSPORT_CAP_VM_TYPES] = 235,
};

typedef struct Kvm {
    int system, vm, vcpu;
    char *problem;
} Kvm;

/* Always false */
__attribute__((format(printf, 2, 3)))
static bool fail(char *problem, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(problem, HOST_KVM_PROBLEM, format, ap);
    va_end(ap);
    return false;
}

static int call(int fd, unsigned long request, void *arg)
{
    int ret;

    do {
        ret = ioctl(fd, request, arg);
    } while (ret < 0 && errno == EINTR);
    return ret;
}

bool host_kvm_open(int *fd, char *problem)
{
    int version;

    *fd = open(DEV_KVM, O_RDWR | O_CLOEXEC);
    if (*fd < 0) {
        fail(problem, DEV_KVM ": %s", strerror(errno));
        return true;
    }
    version = call(*fd, KVM_GET_API_VERSION, NULL);
    if (version == KVM_API_VERSION) {
        return true;
    }
    if (version < 0) {
        fail(problem, DEV_KVM ": KVM_GET_API_VERSION: %s", strerror(errno));
    } else {
        fail(problem, DEV_KVM ": version %d of KVM's API instead of %d",
             version, KVM_API_VERSION);
    }
    close(*fd);
    return false;
}

/* ---- capabilities ---- */

static int check_extension(const Kvm *k, PassportCapability cap)
{
    void *number = (void *)(uintptr_t)capability_numbers[cap];
    int value = -1;

    switch (cap) {
    case PASSPORT_CAP_NR_VCPUS:
    case PASSPORT_CAP_SGX_ATTRIBUTE:
    case PASSPORT_CAP_X86_SMM:
        value = call(k->vm, KVM_CHECK_EXTENSION, number);
        break;
    default:
        break;
    }
    if (value < 0) {
        value = call(k->system, KVM_CHECK_EXTENSION, number);
    }
    return value < 0 ? 0 : value;
}

/* ---- CPUID ---- */

/* NULL, with errno, if it can't be had. */
static struct kvm_cpuid2 *get_cpuid(int fd, unsigned long request)
{
    uint32_t room;

    /* KVM does not say how many there are. */
    for (room = 256; room <= PASSPORT_MAX_ENTRIES; room *= 2) {
        struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + room *
                                             sizeof(cpuid->entries[0]));

        if (!cpuid) {
            errno = ENOMEM;
            return NULL;
        }
        cpuid->nent = room;
        if (!call(fd, request, cpuid) && cpuid->nent <= room) {
            return cpuid;
        }
        free(cpuid);
        if (errno != E2BIG) {
            return NULL;
        }
    }
    return NULL;
}

static bool is_repeated(const PassportKvmCpuid *entries, size_t count,
                        const struct kvm_cpuid_entry2 *e)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (entries[i].function == e->function &&
            entries[i].index == e->index &&
            !(e->flags & KVM_CPUID_FLAG_STATEFUL_FUNC)) {
            return true;
        }
    }
    return false;
}

static bool read_cpuid(const Kvm *k, int fd, unsigned long request,
                       const char *name, PassportKvmCpuid **entries,
                       size_t *count)
{
    struct kvm_cpuid2 *cpuid = get_cpuid(fd, request);
    uint32_t i;

    if (!cpuid) {
        return fail(k->problem, DEV_KVM ": %s: %s", name, strerror(errno));
    }
    *entries = calloc(cpuid->nent + 1, sizeof(**entries));
    if (!*entries) {
        free(cpuid);
        return fail(k->problem, "not enough memory");
    }
    for (i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];
        PassportKvmCpuid *to = &(*entries)[*count];

        /* The first one counts. */
        if (is_repeated(*entries, *count, e)) {
            continue;
        }
        *to = (PassportKvmCpuid) {
            .function = e->function, .index = e->index, .flags = e->flags,
            .regs = { e->eax, e->ebx, e->ecx, e->edx },
        };
        host_cpuid_hide_ids(e->function, e->index, to->regs);
        ++*count;
    }
    free(cpuid);
    return true;
}

static bool read_hv_cpuid(const Kvm *k, PassportKvm *kvm)
{
    int fd = k->system;

    if (!kvm->capabilities[PASSPORT_CAP_SYS_HYPERV_CPUID]) {
        if (!kvm->capabilities[PASSPORT_CAP_HYPERV_CPUID]) {
            return true;
        }
        fd = k->vcpu;
    }
    return read_cpuid(k, fd, KVM_GET_SUPPORTED_HV_CPUID,
                      "KVM_GET_SUPPORTED_HV_CPUID", &kvm->supported_hv,
                      &kvm->nsupported_hv);
}

/* ---- MSRs ---- */

static bool is_listed(const uint32_t *msrs, size_t count, uint32_t index)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (msrs[i] == index) {
            return true;
        }
    }
    return false;
}

/* Puts the indices in *@msrs, each once. */
static bool get_msr_list(const Kvm *k, unsigned long request, const char *name,
                         uint32_t **msrs, size_t *count)
{
    struct kvm_msr_list none = { .nmsrs = 0 }, *list;
    uint32_t i;

    if (call(k->system, request, &none) < 0 && errno != E2BIG) {
        return fail(k->problem, DEV_KVM ": %s: %s", name, strerror(errno));
    }
    if (none.nmsrs > PASSPORT_MAX_ENTRIES) {
        return fail(k->problem, DEV_KVM ": %s: %u MSRs are too many", name,
                    none.nmsrs);
    }
    list = calloc(1, sizeof(*list) + none.nmsrs * sizeof(list->indices[0]));
    *msrs = calloc(none.nmsrs + 1, sizeof(**msrs));
    if (!list || !*msrs) {
        free(list);
        return fail(k->problem, "not enough memory");
    }
    list->nmsrs = none.nmsrs;
    if (none.nmsrs && call(k->system, request, list) < 0) {
        free(list);
        return fail(k->problem, DEV_KVM ": %s: %s", name, strerror(errno));
    }
    for (i = 0; i < list->nmsrs; i++) {
        if (!is_listed(*msrs, *count, list->indices[i])) {
            (*msrs)[(*count)++] = list->indices[i];
        }
    }
    free(list);
    return true;
}

static bool read_feature_msrs(const Kvm *k, PassportKvm *kvm)
{
    uint32_t *msrs = NULL;
    size_t i, count = 0;

    if (!kvm->capabilities[PASSPORT_CAP_GET_MSR_FEATURES]) {
        return true;
    }
    if (!get_msr_list(k, KVM_GET_MSR_FEATURE_INDEX_LIST,
                      "KVM_GET_MSR_FEATURE_INDEX_LIST", &msrs, &count)) {
        free(msrs);
        return false;
    }
    kvm->feature_msrs = calloc(count + 1, sizeof(kvm->feature_msrs[0]));
    if (!kvm->feature_msrs) {
        free(msrs);
        return fail(k->problem, "not enough memory");
    }
    for (i = 0; i < count; i++) {
        union {
            struct kvm_msrs msrs;
            char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
        } one = { .msrs = { .nmsrs = 1 } };

        one.msrs.entries[0].index = msrs[i];
        if (call(k->system, KVM_GET_MSRS, &one) == 1) {
            kvm->feature_msrs[kvm->nfeature_msrs++] = (PassportMsr) {
                .index = msrs[i], .value = one.msrs.entries[0].data,
            };
        }
    }
    free(msrs);
    return true;
}

/* ---- state components, MCE and TSC ---- */

static void read_xcomp(const Kvm *k, PassportKvm *kvm)
{
    uint64_t supp = 0;
    struct kvm_device_attr attr = {
        .attr = KVM_X86_XCOMP_GUEST_SUPP,
        .addr = (uintptr_t)&supp,
    };
    int n;

    if (!kvm->capabilities[PASSPORT_CAP_SYS_ATTRIBUTES] ||
        call(k->system, KVM_GET_DEVICE_ATTR, &attr) < 0) {
        return;
    }
    kvm->xcomp_guest_supp = supp;
    for (n = 0; n < 64; n++) {
        if (supp >> n & 1 && !syscall(SYS_arch_prctl,
                                      ARCH_REQ_XCOMP_GUEST_PERM, n)) {
            kvm->xcomp_guest_permission |= UINT64_C(1) << n;
        }
    }
}

static void read_mce_cap(const Kvm *k, PassportKvm *kvm)
{
    uint64_t cap = 0;

    if (kvm->capabilities[PASSPORT_CAP_MCE] &&
        call(k->system, KVM_X86_GET_MCE_CAP_SUPPORTED, &cap) >= 0) {
        kvm->mce_cap = cap;
    }
}

static void read_tsc_khz(const Kvm *k, PassportKvm *kvm)
{
    int khz = kvm->capabilities[PASSPORT_CAP_GET_TSC_KHZ] ?
              call(k->vcpu, KVM_GET_TSC_KHZ, NULL) : 0;

    kvm->tsc_khz = khz < 0 ? 0 : khz;
}

/* ---- the whole ---- */

static bool read_all(const Kvm *k, PassportKvm *kvm)
{
    int i;

    /*
     * read_xcomp() is last: the permissions that it asks for show in leaves
     * 0xD and 0x1D and in XSAVE2, and QEMU reads the leaves before it asks.
     */
    for (i = 0; i < PASSPORT_CAPS; i++) {
        kvm->capabilities[i] = check_extension(k, i);
    }
    if (!read_cpuid(k, k->system, KVM_GET_SUPPORTED_CPUID,
                    "KVM_GET_SUPPORTED_CPUID", &kvm->supported,
                    &kvm->nsupported) ||
        !read_hv_cpuid(k, kvm) ||
        !get_msr_list(k, KVM_GET_MSR_INDEX_LIST, "KVM_GET_MSR_INDEX_LIST",
                      &kvm->msrs, &kvm->nmsrs) ||
        !read_feature_msrs(k, kvm)) {
        return false;
    }
    read_mce_cap(k, kvm);
    read_tsc_khz(k, kvm);
    read_xcomp(k, kvm);
    return true;
}

bool host_kvm_read(int fd, PassportKvm *kvm, char *problem)
{
    Kvm k = { .system = fd, .vcpu = -1, .problem = problem };
    bool good;

    *kvm = (PassportKvm) { .supported = NULL };
    k.vm = call(fd, KVM_CREATE_VM, NULL);
    if (k.vm < 0) {
        return fail(problem, DEV_KVM ": KVM_CREATE_VM: %s", strerror(errno));
    }
    k.vcpu = call(k.vm, KVM_CREATE_VCPU, NULL);
    good = k.vcpu >= 0 ? read_all(&k, kvm) :
           fail(problem, DEV_KVM ": KVM_CREATE_VCPU: %s", strerror(errno));
    if (k.vcpu >= 0) {
        close(k.vcpu);
    }
    close(k.vm);
    if (!good) {
        passport_kvm_free(kvm);
    }
    return good;
}

#else

#include <stdio.h>

bool host_kvm_open(int *fd, char *problem)
{
    *fd = -1;
    snprintf(problem, HOST_KVM_PROBLEM, "this is not an x86 host");
    return true;
}

bool host_kvm_read(int fd, PassportKvm *kvm, char *problem)
{
    (void)fd;
    *kvm = (PassportKvm) { .supported = NULL };
    snprintf(problem, HOST_KVM_PROBLEM, "this is not an x86 host");
    return false;
}

#endif
