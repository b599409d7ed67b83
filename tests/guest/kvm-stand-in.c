/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A KVM for machines that have none
 *
 * Answers, for tests on made hosts: what does QEMU hand to KVM, where /dev/kvm
 * does not open?  Part of the library of kvm-cpuid-shim.c.  All that has to do
 * with CPUs is the made host's (kvm-host.c), whose guest never runs.  What is
 * left for a kernel is to create a VM and vCPUs, and to keep their state: each
 * KVM_GET_* returns what the KVM_SET_* of that name has set, zeros before that.
 *
 * With $KVM_CPUID_SHIM_HOST set, open() and access() of /dev/kvm succeed where
 * the real one fails, or is not to be used: with $KVM_CPUID_SHIM_STAND_IN.  The
 * files are memfds, told apart by name.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <linux/kvm.h>
#include "kvm-stand-in.h"

#define MEMFD(kind) "/memfd:" kind " (deleted)"
#define SYSTEM "stand-in-kvm"
#define VM "stand-in-kvm-vm"
#define VCPU "stand-in-kvm-vcpu"

/* struct kvm_run, and the page of coalesced MMIO behind it */
#define VCPU_MMAP_SIZE (3 * 4096)

/* As Linux 6 has them; all others of kernel_capabilities[] are 0. */
static const struct {
    unsigned long cap;
    int value;
} capabilities[] = {
    { KVM_CAP_IRQCHIP, 1 },
    { KVM_CAP_USER_MEMORY, 1 },
    { KVM_CAP_SET_TSS_ADDR, 1 },
    { KVM_CAP_EXT_CPUID, 1 },
    { KVM_CAP_NR_MEMSLOTS, 32764 },
    { KVM_CAP_MP_STATE, 1 },
    { KVM_CAP_COALESCED_MMIO, KVM_COALESCED_MMIO_PAGE_OFFSET },
    { KVM_CAP_SYNC_MMU, 1 },
    { KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
    { KVM_CAP_SET_GUEST_DEBUG, 1 },
    { KVM_CAP_IRQ_ROUTING, 4096 },
    { KVM_CAP_IRQ_INJECT_STATUS, 1 },
    { KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 },
    { KVM_CAP_IRQFD, 1 },
    { KVM_CAP_PIT2, 1 },
    { KVM_CAP_PIT_STATE2, 1 },
    { KVM_CAP_IOEVENTFD, 1 },
    { KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 },
    { KVM_CAP_ADJUST_CLOCK, KVM_CLOCK_TSC_STABLE },
    { KVM_CAP_INTERNAL_ERROR_DATA, 1 },
    { KVM_CAP_VCPU_EVENTS, 1 },
    { KVM_CAP_DEBUGREGS, 1 },
    { KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },
    { KVM_CAP_PCI_2_3, 1 },
    { KVM_CAP_SIGNAL_MSI, 1 },
    { KVM_CAP_READONLY_MEM, 1 },
    { KVM_CAP_IRQFD_RESAMPLE, 1 },
    { KVM_CAP_MULTI_ADDRESS_SPACE, 2 },
    { KVM_CAP_IOEVENTFD_ANY_LENGTH, 1 },
    { KVM_CAP_IMMEDIATE_EXIT, 1 },
};

/* The ioctls that set state, and those that return it */
static const struct {
    unsigned long set, get;
} states[] = {
    { KVM_SET_CLOCK, KVM_GET_CLOCK },
    { KVM_SET_DEBUGREGS, KVM_GET_DEBUGREGS },
    { KVM_SET_FPU, KVM_GET_FPU },
    { KVM_SET_LAPIC, KVM_GET_LAPIC },
    { KVM_SET_MP_STATE, KVM_GET_MP_STATE },
    { KVM_SET_PIT2, KVM_GET_PIT2 },
    { KVM_SET_REGS, KVM_GET_REGS },
    { KVM_SET_SREGS, KVM_GET_SREGS },
    { KVM_SET_VCPU_EVENTS, KVM_GET_VCPU_EVENTS },
    { KVM_SET_XCRS, KVM_GET_XCRS },
    { KVM_SET_XSAVE, KVM_GET_XSAVE },
};

/* Of a VM or vCPU: a struct that was set, or the value of an MSR */
typedef struct State {
    struct State *next;
    int fd;
    unsigned long key;      /* the ioctl that sets it, or the MSR */
    size_t size;
    char data[];
} State;

static State *all_states;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Set before the first file descriptor is returned */
static bool active;

static int fail(int error)
{
    errno = error;
    return -1;
}

static State *find_state(int fd, unsigned long key)
{
    State *state = all_states;

    while (state && (state->fd != fd || state->key != key)) {
        state = state->next;
    }
    return state;
}

static void set_state(int fd, unsigned long key, const void *data,
                      size_t size)
{
    State *state;

    pthread_mutex_lock(&lock);
    state = find_state(fd, key);
    if (!state) {
        state = malloc(sizeof(*state) + size);
        if (!state) {
            abort();
        }
        *state = (State) { .next = all_states, .fd = fd, .key = key,
                           .size = size };
        all_states = state;
    }
    memcpy(state->data, data, size);
    pthread_mutex_unlock(&lock);
}

static void get_state(int fd, unsigned long key, void *data, size_t size)
{
    const State *state;

    pthread_mutex_lock(&lock);
    state = find_state(fd, key);
    if (state) {
        memcpy(data, state->data, size);
    } else {
        memset(data, 0, size);
    }
    pthread_mutex_unlock(&lock);
}

/* The file descriptor may have been another vCPU's. */
static void forget_states(int fd)
{
    State **link = &all_states;

    pthread_mutex_lock(&lock);
    while (*link) {
        State *state = *link;

        if (state->fd == fd) {
            *link = state->next;
            free(state);
        } else {
            link = &state->next;
        }
    }
    pthread_mutex_unlock(&lock);
}

static int create(const char *kind, off_t size)
{
    int fd = memfd_create(kind, MFD_CLOEXEC);

    if (fd >= 0 && size && ftruncate(fd, size) < 0) {
        close(fd);
        return -1;
    }
    if (fd >= 0) {
        forget_states(fd);
    }
    return fd;
}

static int check_extension(unsigned long cap)
{
    size_t i;

    for (i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
        if (capabilities[i].cap == cap) {
            return capabilities[i].value;
        }
    }
    return 0;
}

static int system_ioctl(unsigned long request, void *arg)
{
    switch (request) {
    case KVM_GET_API_VERSION:
        return KVM_API_VERSION;
    case KVM_CHECK_EXTENSION:
        return check_extension((unsigned long)arg);
    case KVM_GET_VCPU_MMAP_SIZE:
        return VCPU_MMAP_SIZE;
    case KVM_CREATE_VM:
        return create(VM, 0);
    default:
        return fail(EINVAL);
    }
}

static void get_msrs(int fd, struct kvm_msrs *msrs)
{
    uint32_t i;

    for (i = 0; i < msrs->nmsrs; i++) {
        get_state(fd, msrs->entries[i].index, &msrs->entries[i].data,
                  sizeof(msrs->entries[i].data));
    }
}

static void set_msrs(int fd, const struct kvm_msrs *msrs)
{
    uint32_t i;

    for (i = 0; i < msrs->nmsrs; i++) {
        set_state(fd, msrs->entries[i].index, &msrs->entries[i].data,
                  sizeof(msrs->entries[i].data));
    }
}

/* The three chips have a state each; its first member says which it is. */
static int irqchip(int fd, bool set, struct kvm_irqchip *chip)
{
    uint32_t id = chip->chip_id;

    if (set) {
        set_state(fd, KVM_SET_IRQCHIP + id, chip, sizeof(*chip));
    } else {
        get_state(fd, KVM_SET_IRQCHIP + id, chip, sizeof(*chip));
        chip->chip_id = id;
    }
    return 0;
}

static int vm_or_vcpu_ioctl(int fd, unsigned long request, void *arg)
{
    size_t i;

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (request == states[i].set) {
            set_state(fd, states[i].set, arg, _IOC_SIZE(request));
            return 0;
        }
        if (request == states[i].get) {
            get_state(fd, states[i].set, arg, _IOC_SIZE(request));
            return 0;
        }
    }
    switch (request) {
    case KVM_CHECK_EXTENSION:
        return check_extension((unsigned long)arg);
    case KVM_CREATE_VCPU:
        return create(VCPU, VCPU_MMAP_SIZE);
    case KVM_GET_MSRS:
        get_msrs(fd, arg);
        return ((struct kvm_msrs *)arg)->nmsrs;
    case KVM_SET_MSRS:
        set_msrs(fd, arg);
        return ((struct kvm_msrs *)arg)->nmsrs;
    case KVM_GET_IRQCHIP:
    case KVM_SET_IRQCHIP:
        return irqchip(fd, request == KVM_SET_IRQCHIP, arg);
    case KVM_CREATE_DEVICE:
    case KVM_GET_DEVICE_ATTR:
    case KVM_HAS_DEVICE_ATTR:
    case KVM_SET_DEVICE_ATTR:
        return fail(ENXIO);
    case KVM_GET_NESTED_STATE:
    case KVM_GET_STATS_FD:
        return fail(ENOTTY);
    default:
        /* Memory, interrupts, events: nothing comes of them. */
        return 0;
    }
}

static bool read_link(int fd, char *link, size_t size)
{
    char path[64];
    ssize_t length;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    length = readlink(path, link, size - 1);
    if (length < 0) {
        return false;
    }
    link[length] = '\0';
    return true;
}

bool stand_in_ioctl(int fd, unsigned long request, void *arg, int *ret)
{
    char link[64];

    if (!active || !read_link(fd, link, sizeof(link))) {
        return false;
    }
    if (!strcmp(link, MEMFD(SYSTEM))) {
        *ret = system_ioctl(request, arg);
        return true;
    }
    if (!strcmp(link, MEMFD(VM)) || !strcmp(link, MEMFD(VCPU))) {
        *ret = vm_or_vcpu_ioctl(fd, request, arg);
        return true;
    }
    return false;
}

bool stand_in_is_dev_kvm(int fd)
{
    char link[64];

    return active && read_link(fd, link, sizeof(link)) &&
           !strcmp(link, MEMFD(SYSTEM));
}

/* Whether @path is that of the made host's KVM */
static bool is_made(const char *path)
{
    return !strcmp(path, "/dev/kvm") && getenv("KVM_CPUID_SHIM_HOST");
}

/* In the place of the C library's */
int access(const char *path, int mode)
{
    return is_made(path) ? 0 : faccessat(AT_FDCWD, path, mode, 0);
}

static int do_open(const char *path, int flags, mode_t mode)
{
    bool made = is_made(path);
    int fd = made && getenv("KVM_CPUID_SHIM_STAND_IN") ? -1 :
             openat(AT_FDCWD, path, flags, mode);

    if (fd < 0 && made) {
        active = true;
        fd = create(SYSTEM, 0);
    }
    return fd;
}

/*
 * In the place of the C library's, by each of its names.  Callers that have
 * no mode pass none; to read one all the same is what the C library does, too.
 */
#define OPEN(name)                                      \
    int name(const char *path, int flags, ...)          \
    {                                                   \
        va_list ap;                                     \
        mode_t mode;                                    \
                                                        \
        va_start(ap, flags);                            \
        mode = va_arg(ap, mode_t);                      \
        va_end(ap);                                     \
        return do_open(path, flags, mode);              \
    }

OPEN(open)
OPEN(open64)

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return do_open(path, flags, 0);
}

int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags)
{
    return do_open(path, flags, 0);
}
