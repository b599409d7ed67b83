/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A host that is made up: its CPU, and its kernel's KVM
 *
 * Answers, for tests under KVM: what does QEMU make of another host?  Part of
 * the library of kvm-cpuid-shim.c.  $KVM_CPUID_SHIM_HOST names a JSON file
 * (make_hosts.py writes such files and says what is in them).  From it come:
 *
 *   - what the CPUID instruction returns after the first ioctl of KVM
 *     (cpuid-methods.c says where);
 *   - KVM_GET_SUPPORTED_CPUID, KVM_GET_SUPPORTED_HV_CPUID, the lists of MSRs,
 *     the feature MSRs, KVM_X86_GET_MCE_CAP_SUPPORTED, KVM_GET_DEVICE_ATTR and
 *     ARCH_REQ_XCOMP_GUEST_PERM, KVM_GET_TSC_KHZ and KVM_SET_TSC_KHZ, and
 *     KVM_GET_CPUID2;
 *   - KVM_CHECK_EXTENSION, except for what VMs and memory are made of: that is
 *     up to the kernel, which really creates the VM, or to kvm-stand-in.c where
 *     there is no /dev/kvm.
 *
 * What is left is the kernel's.  State of a vCPU that the kernel refuses to
 * set is passed over in silence: it does not have what the made host has.
 * The guest is for looking at only: KVM_RUN runs nothing of it.  An ioctl whose
 * answer would come from the wrong host ends the program.
 *
 * Before the first ioctl of KVM, CPUID is the real one: the C library, QEMU's
 * cpuinfo_init() and others use it to choose instructions.
 */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <jansson.h>
#include <linux/kvm.h>
#include "cpuid-methods.h"
#include "kvm-host.h"
#include "kvm-stand-in.h"

/* arch/x86/include/uapi/asm/prctl.h */
#define ARCH_GET_XCOMP_GUEST_PERM   0x1024
#define ARCH_REQ_XCOMP_GUEST_PERM   0x1025

/* <linux/kvm.h>, where it is older.  The beginning is the older one's. */
#ifndef KVM_SET_USER_MEMORY_REGION2
#define KVM_SET_USER_MEMORY_REGION2 0x40a0ae49
#endif
#ifndef KVM_X86_XCOMP_GUEST_SUPP
#define KVM_X86_XCOMP_GUEST_SUPP 0
#endif

/* Of file descriptors, which vCPUs are */
#define MAX_FD 4096
/* How long KVM_RUN takes */
#define RUN_MICROSECONDS 10000
/* KVM's own: parts per million that guests' TSCs may be off */
#define TSC_TOLERANCE_PPM 250

/* The legacy region and the header; SDM vol. 1, "Managing State" */
#define XSAVE_OF_X87 (512 + 64)

typedef struct Capability {
    const char *name;
    uint32_t number;
} Capability;

/*
 * Those that make a difference to a guest's CPU.  A host says of each of them
 * what it is.  The numbers are KVM's ABI; <linux/kvm.h> may be older.
 */
static const Capability capabilities[] = {
    { "NR_VCPUS", 9 },
    { "MCE", 31 },
    { "XEN_HVM", 38 },
    { "HYPERV", 44 },
    { "XSAVE", 55 },
    { "XCRS", 56 },
    { "TSC_CONTROL", 60 },
    { "GET_TSC_KHZ", 61 },
    { "MAX_VCPUS", 66 },
    { "TSC_DEADLINE_TIMER", 72 },
    { "KVMCLOCK_CTRL", 76 },
    { "HYPERV_TIME", 96 },
    { "X86_SMM", 117 },
    { "SPLIT_IRQCHIP", 121 },
    { "HYPERV_SYNIC", 123 },
    { "MAX_VCPU_ID", 128 },
    { "X2APIC_API", 129 },
    { "X86_DISABLE_EXITS", 143 },
    { "HYPERV_SYNIC2", 148 },
    { "HYPERV_VP_INDEX", 149 },
    { "GET_MSR_FEATURES", 153 },
    { "HYPERV_EVENTFD", 154 },
    { "HYPERV_TLBFLUSH", 155 },
    { "NESTED_STATE", 157 },
    { "HYPERV_SEND_IPI", 161 },
    { "HYPERV_ENLIGHTENED_VMCS", 163 },
    { "EXCEPTION_PAYLOAD", 164 },
    { "HYPERV_CPUID", 167 },
    { "HYPERV_DIRECT_TLBFLUSH", 175 },
    { "X86_USER_SPACE_MSR", 188 },
    { "ENFORCE_PV_FEATURE_CPUID", 190 },
    { "SYS_HYPERV_CPUID", 191 },
    { "X86_BUS_LOCK_EXIT", 193 },
    { "SGX_ATTRIBUTE", 196 },
    { "HYPERV_ENFORCE_CPUID", 199 },
    { "XSAVE2", 208 },
    { "SYS_ATTRIBUTES", 209 },
    { "PMU_CAPABILITY", 212 },
    { "X86_TRIPLE_FAULT_EVENT", 218 },
    { "X86_NOTIFY_VMEXIT", 219 },
    { "VM_TYPES", 235 },
};
#define CAPABILITIES (sizeof(capabilities) / sizeof(capabilities[0]))

/* Those that only tell what the kernel does with VMs, memory and interrupts */
static const uint32_t kernel_capabilities[] = {
    0,      /* IRQCHIP */
    3,      /* USER_MEMORY */
    4,      /* SET_TSS_ADDR */
    7,      /* EXT_CPUID */
    10,     /* NR_MEMSLOTS */
    14,     /* MP_STATE */
    15,     /* COALESCED_MMIO */
    16,     /* SYNC_MMU */
    21,     /* DESTROY_MEMORY_REGION_WORKS */
    23,     /* SET_GUEST_DEBUG */
    25,     /* IRQ_ROUTING */
    26,     /* IRQ_INJECT_STATUS */
    30,     /* JOIN_MEMORY_REGIONS_WORKS */
    32,     /* IRQFD */
    33,     /* PIT2 */
    35,     /* PIT_STATE2 */
    36,     /* IOEVENTFD */
    37,     /* SET_IDENTITY_MAP_ADDR */
    39,     /* ADJUST_CLOCK */
    40,     /* INTERNAL_ERROR_DATA */
    41,     /* VCPU_EVENTS */
    50,     /* DEBUGREGS */
    51,     /* X86_ROBUST_SINGLESTEP */
    71,     /* PCI_2_3 */
    77,     /* SIGNAL_MSI */
    81,     /* READONLY_MEM */
    82,     /* IRQFD_RESAMPLE */
    89,     /* DEVICE_CTRL */
    101,    /* VM_ATTRIBUTES */
    118,    /* MULTI_ADDRESS_SPACE */
    122,    /* IOEVENTFD_ANY_LENGTH */
    136,    /* IMMEDIATE_EXIT */
    162,    /* COALESCED_PIO */
    168,    /* MANUAL_DIRTY_LOG_PROTECT2 */
    192,    /* DIRTY_LOG_RING */
    189,    /* X86_MSR_FILTER */
    195,    /* SET_GUEST_DEBUG2 */
    200,    /* SREGS2 */
    203,    /* BINARY_STATS_FD */
    213,    /* DISABLE_QUIRKS2 */
    223,    /* DIRTY_LOG_RING_ACQ_REL */
    225,    /* DIRTY_LOG_RING_WITH_BITMAP */
    231,    /* USER_MEMORY2 */
    233,    /* MEMORY_ATTRIBUTES */
    234,    /* GUEST_MEMFD */
    236,    /* PRE_FAULT_MEMORY */
};

typedef struct CpuidEntry {
    uint32_t leaf;
    uint32_t subleaf;
    bool any_subleaf;
    uint32_t regs[4];
} CpuidEntry;

typedef struct Host {
    const char *path;
    CpuidEntry *cpuid;
    size_t cpuid_count;
    bool is_intel;
    struct kvm_cpuid2 *supported;
    struct kvm_cpuid2 *supported_hv;
    struct kvm_msr_list *msrs;
    struct kvm_msr_list *feature_msrs;
    uint64_t *feature_values;
    int caps[CAPABILITIES];
    uint64_t xcomp_guest_supp;
    uint64_t xcomp_guest_permission;
    uint64_t mce_cap;
    uint32_t tsc_khz;
} Host;

static Host host;
static bool made;
/* What KVM_SET_TSC_KHZ has set */
static uint32_t vcpu_tsc_khz[MAX_FD];

/* The C library's syscall() is replaced below. */
static long raw_syscall(long number, long a, long b, long c, long d, long e,
                        long f)
{
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    long ret;

    asm volatile("syscall" : "=a" (ret)
                 : "0" (number), "D" (a), "S" (b), "d" (c), "r" (r10),
                   "r" (r8), "r" (r9)
                 : "rcx", "r11", "memory");
    if (ret < 0 && ret >= -4095) {
        errno = -ret;
        return -1;
    }
    return ret;
}

static int kernel(int fd, unsigned long request, void *arg)
{
    int ret;

    if (stand_in_ioctl(fd, request, arg, &ret)) {
        return ret;
    }
    return raw_syscall(SYS_ioctl, fd, request, (long)arg, 0, 0, 0);
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static void __attribute__((format(printf, 1, 2), noreturn))
die(const char *format, ...)
{
    va_list ap;

    fprintf(stderr, "kvm-host: %s: ", host.path);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    abort();
}

/* The file */

static void *allocate(size_t size)
{
    void *p = calloc(1, size);

    if (!p) {
        die("out of memory");
    }
    return p;
}

/* The member @name, which has to be there and of this type */
static json_t *member(json_t *object, const char *where, const char *name,
                      json_type type)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",
        [JSON_STRING] = "a string", [JSON_INTEGER] = "an integer",
    };
    json_t *value = json_object_get(object, name);

    if (!value) {
        die("%s has no member '%s'", where, name);
    }
    if (json_typeof(value) != type) {
        die("%s: '%s' is not %s", where, name, names[type]);
    }
    return value;
}

/* Only these members may be there. */
static void check_members(json_t *object, const char *where,
                          const char *const *names)
{
    const char *key;
    json_t *value;
    int i;

    if (!json_is_object(object)) {
        die("%s is not an object", where);
    }
    json_object_foreach(object, key, value) {
        for (i = 0; names[i] && strcmp(key, names[i]); i++) {
        }
        if (!names[i]) {
            die("%s has an unknown member '%s'", where, key);
        }
    }
}

/* Numbers are texts, "0x...": JSON knows no hexadecimal numbers. */
static uint64_t number(const char *where, const char *text, uint64_t max)
{
    const char *digits = text + 2;
    uint64_t value;

    if (strncmp(text, "0x", 2) || !*digits || strlen(digits) > 16 ||
        strspn(digits, "0123456789abcdef") != strlen(digits)) {
        die("%s: '%s' is not a number such as 0x1f", where, text);
    }
    value = strtoull(digits, NULL, 16);
    if (value > max) {
        die("%s: %s is more than 0x%" PRIx64, where, text, max);
    }
    return value;
}

static uint64_t get_number(json_t *object, const char *where,
                           const char *name, uint64_t max)
{
    return number(name, json_string_value(member(object, where, name,
                                                 JSON_STRING)), max);
}

static void load_registers(json_t *object, const char *where, uint32_t *regs)
{
    static const char *const names[] = { "eax", "ebx", "ecx", "edx" };
    int i;

    for (i = 0; i < 4; i++) {
        regs[i] = get_number(object, where, names[i], UINT32_MAX);
    }
}

static const uint32_t *cpuid_entry(uint32_t leaf, uint32_t subleaf)
{
    size_t i;

    for (i = 0; i < host.cpuid_count; i++) {
        const CpuidEntry *e = &host.cpuid[i];

        if (e->leaf == leaf && (e->any_subleaf || e->subleaf == subleaf)) {
            return e->regs;
        }
    }
    return NULL;
}

static void load_cpuid(json_t *list)
{
    static const char *const names[] = {
        "leaf", "subleaf", "eax", "ebx", "ecx", "edx", NULL
    };
    const uint32_t *regs;
    json_t *item;
    size_t i;

    host.cpuid = allocate((json_array_size(list) + 1) *
                          sizeof(host.cpuid[0]));
    json_array_foreach(list, i, item) {
        CpuidEntry e = { .any_subleaf = true };

        check_members(item, "an entry of cpuid", names);
        e.leaf = get_number(item, "an entry of cpuid", "leaf", UINT32_MAX);
        if (json_object_get(item, "subleaf")) {
            e.any_subleaf = false;
            e.subleaf = get_number(item, "an entry of cpuid", "subleaf",
                                   UINT32_MAX);
        }
        load_registers(item, "an entry of cpuid", e.regs);
        if (cpuid_entry(e.leaf, e.subleaf)) {
            die("cpuid has leaf 0x%x, sub-leaf 0x%x twice", e.leaf,
                e.subleaf);
        }
        host.cpuid[host.cpuid_count++] = e;
    }
    regs = cpuid_entry(0, 0);
    if (!regs) {
        die("cpuid has no leaf 0x0");
    }
    host.is_intel = regs[1] == 0x756e6547 && regs[3] == 0x49656e69 &&
                    regs[2] == 0x6c65746e;
}

static struct kvm_cpuid2 *load_kvm_cpuid(json_t *object, const char *name)
{
    static const char *const names[] = {
        "function", "index", "flags", "eax", "ebx", "ecx", "edx", NULL
    };
    json_t *list = member(object, "kvm", name, JSON_ARRAY);
    struct kvm_cpuid2 *cpuid = allocate(
        sizeof(*cpuid) + json_array_size(list) * sizeof(cpuid->entries[0]));
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        struct kvm_cpuid_entry2 *e = &cpuid->entries[cpuid->nent++];

        check_members(item, name, names);
        e->function = get_number(item, name, "function", UINT32_MAX);
        e->index = get_number(item, name, "index", UINT32_MAX);
        e->flags = get_number(item, name, "flags", UINT32_MAX);
        load_registers(item, name, &e->eax);
    }
    return cpuid;
}

static void load_msrs(json_t *kvm)
{
    json_t *list = member(kvm, "kvm", "msr-index-list", JSON_ARRAY);
    json_t *features = member(kvm, "kvm", "feature-msrs", JSON_OBJECT);
    const char *key;
    json_t *item;
    size_t i;

    host.msrs = allocate(sizeof(*host.msrs) +
                         json_array_size(list) * sizeof(uint32_t));
    json_array_foreach(list, i, item) {
        if (!json_is_string(item)) {
            die("msr-index-list has what is not a string");
        }
        host.msrs->indices[host.msrs->nmsrs++] =
            number("msr-index-list", json_string_value(item), UINT32_MAX);
    }

    host.feature_msrs = allocate(sizeof(*host.feature_msrs) +
                                 json_object_size(features) *
                                 sizeof(uint32_t));
    host.feature_values = allocate((json_object_size(features) + 1) *
                                   sizeof(uint64_t));
    json_object_foreach(features, key, item) {
        uint32_t n = host.feature_msrs->nmsrs++;

        host.feature_msrs->indices[n] = number("feature-msrs", key,
                                               UINT32_MAX);
        host.feature_values[n] = get_number(features, "feature-msrs", key,
                                            UINT64_MAX);
    }
}

static void load_capabilities(json_t *kvm)
{
    json_t *caps = member(kvm, "kvm", "capabilities", JSON_OBJECT);
    const char *names[CAPABILITIES + 1] = { NULL };
    json_int_t value;
    size_t i;

    for (i = 0; i < CAPABILITIES; i++) {
        names[i] = capabilities[i].name;
        value = json_integer_value(member(caps, "capabilities", names[i],
                                          JSON_INTEGER));
        if (value < 0 || value > INT32_MAX) {
            die("capabilities: %s is out of range", names[i]);
        }
        host.caps[i] = value;
    }
    check_members(caps, "capabilities", names);
}

/* What KVM_CHECK_EXTENSION returns, or -1 if that is up to the kernel */
static int capability(uint32_t number)
{
    size_t i;

    for (i = 0; i < CAPABILITIES; i++) {
        if (capabilities[i].number == number) {
            return host.caps[i];
        }
    }
    for (i = 0; i < sizeof(kernel_capabilities) / sizeof(uint32_t); i++) {
        if (kernel_capabilities[i] == number) {
            return -1;
        }
    }
    die("nobody knows whether KVM_CHECK_EXTENSION(%u) is about the host: "
        "see the tables in kvm-host.c", number);
}

/* The CPUID instruction */

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t *regs)
{
    static const uint32_t zeros[4];
    uint32_t region = leaf & 0xffff0000;
    const uint32_t *basic = cpuid_entry(0, 0);
    const uint32_t *first = cpuid_entry(region, 0);
    const uint32_t *found;

    /*
     * SDM vol. 2A, CPUID: what is not there returns the data of the highest
     * basic leaf.  AMD's CPUs return zeros.
     */
    if (!first || leaf > first[0]) {
        found = host.is_intel ? cpuid_entry(basic[0], subleaf) : NULL;
    } else {
        found = cpuid_entry(leaf, subleaf);
    }
    memcpy(regs, found ? found : zeros, sizeof(zeros));
}

static void load(void)
{
    static const char *const top[] = {
        "licence", "description", "sources", "cpuid", "kvm", NULL
    };
    static const char *const members[] = {
        "supported-cpuid", "supported-hv-cpuid", "msr-index-list",
        "feature-msrs", "capabilities", "xcomp-guest-supp",
        "xcomp-guest-permission", "mce-cap", "tsc-khz", NULL
    };
    json_error_t error;
    json_int_t khz;
    json_t *file;
    json_t *kvm;

    host.path = getenv("KVM_CPUID_SHIM_HOST");
    if (!host.path) {
        return;
    }
    made = true;
    file = json_load_file(host.path, JSON_REJECT_DUPLICATES, &error);
    if (!file) {
        die("line %d: %s", error.line, error.text);
    }
    check_members(file, "the file", top);
    load_cpuid(member(file, "the file", "cpuid", JSON_ARRAY));
    kvm = member(file, "the file", "kvm", JSON_OBJECT);
    check_members(kvm, "kvm", members);
    host.supported = load_kvm_cpuid(kvm, "supported-cpuid");
    host.supported_hv = load_kvm_cpuid(kvm, "supported-hv-cpuid");
    load_msrs(kvm);
    load_capabilities(kvm);
    host.xcomp_guest_supp = get_number(kvm, "kvm", "xcomp-guest-supp",
                                       UINT64_MAX);
    host.xcomp_guest_permission = get_number(kvm, "kvm",
                                             "xcomp-guest-permission",
                                             UINT64_MAX);
    host.mce_cap = get_number(kvm, "kvm", "mce-cap", UINT64_MAX);
    khz = json_integer_value(member(kvm, "kvm", "tsc-khz", JSON_INTEGER));
    if (khz <= 0 || khz > INT32_MAX) {
        die("tsc-khz is out of range");
    }
    host.tsc_khz = khz;
    json_decref(file);
    answer_cpuid(cpuid);
}

bool host_is_made(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    return made;
}

/* KVM */

bool is_dev_kvm(int fd)
{
    char link[64];
    char target[16];
    ssize_t length;

    if (stand_in_is_dev_kvm(fd)) {
        return true;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, target, sizeof(target));
    return length == 8 && !memcmp(target, "/dev/kvm", 8);
}

static int get_cpuid(const struct kvm_cpuid2 *from, struct kvm_cpuid2 *to)
{
    if (to->nent < from->nent) {
        return fail(E2BIG);
    }
    memcpy(to, from, sizeof(*from) + from->nent * sizeof(from->entries[0]));
    return 0;
}

/* @fd, which must fit the arrays that are kept by file descriptor */
static int number_of(int fd)
{
    if (fd < 0 || fd >= MAX_FD) {
        die("file descriptor %d is too high", fd);
    }
    return fd;
}

/* By file descriptor: what QEMU passed to KVM_SET_CPUID2 for a vCPU */
static struct kvm_cpuid2 *vcpu_cpuid[MAX_FD];

static int set_vcpu_cpuid(int fd, const struct kvm_cpuid2 *cpuid)
{
    size_t size = sizeof(*cpuid) + cpuid->nent * sizeof(cpuid->entries[0]);

    free(vcpu_cpuid[number_of(fd)]);
    vcpu_cpuid[fd] = memcpy(malloc(size), cpuid, size);
    /* The real kernel may refuse it. */
    kernel(fd, KVM_SET_CPUID2, (void *)cpuid);
    return 0;
}

/* As KVM: EBX of leaf 0xD has the size of what XCR0 enables, at first x87. */
static int get_vcpu_cpuid(int fd, struct kvm_cpuid2 *cpuid)
{
    uint32_t i;

    if (!vcpu_cpuid[number_of(fd)]) {
        return fail(EINVAL);
    }
    if (get_cpuid(vcpu_cpuid[fd], cpuid) < 0) {
        return -1;
    }
    for (i = 0; i < cpuid->nent; i++) {
        if (cpuid->entries[i].function == 0xd && !cpuid->entries[i].index) {
            cpuid->entries[i].ebx = XSAVE_OF_X87;
        }
    }
    return 0;
}

static int get_msr_list(const struct kvm_msr_list *from,
                        struct kvm_msr_list *to)
{
    uint32_t room = to->nmsrs;

    to->nmsrs = from->nmsrs;
    if (room < from->nmsrs) {
        return fail(E2BIG);
    }
    memcpy(to->indices, from->indices,
           from->nmsrs * sizeof(from->indices[0]));
    return 0;
}

static int get_feature_msrs(struct kvm_msrs *msrs)
{
    uint32_t i, n;

    for (i = 0; i < msrs->nmsrs; i++) {
        for (n = 0; n < host.feature_msrs->nmsrs; n++) {
            if (host.feature_msrs->indices[n] == msrs->entries[i].index) {
                break;
            }
        }
        if (n == host.feature_msrs->nmsrs) {
            break;
        }
        msrs->entries[i].data = host.feature_values[n];
    }
    return i;
}

static int get_device_attr(const struct kvm_device_attr *attr)
{
    if (attr->group || attr->attr != KVM_X86_XCOMP_GUEST_SUPP ||
        !capability(KVM_CAP_SYS_ATTRIBUTES)) {
        return fail(ENXIO);
    }
    memcpy((void *)(uintptr_t)attr->addr, &host.xcomp_guest_supp,
           sizeof(host.xcomp_guest_supp));
    return 0;
}

static uint32_t *tsc_of(int fd)
{
    return &vcpu_tsc_khz[number_of(fd)];
}

static int get_tsc_khz(int fd)
{
    return *tsc_of(fd) ? *tsc_of(fd) : host.tsc_khz;
}

/*
 * As KVM: where it can't scale, a TSC may be a little off, or is kept up with
 * a faster one.
 */
static int set_tsc_khz(int fd, uint32_t khz)
{
    uint64_t slowest = (uint64_t)host.tsc_khz *
                       (1000000 - TSC_TOLERANCE_PPM) / 1000000;

    if (!khz) {
        khz = host.tsc_khz;
    }
    if (!capability(KVM_CAP_TSC_CONTROL) && khz < slowest) {
        return fail(EINVAL);
    }
    *tsc_of(fd) = khz;
    return 0;
}

/*
 * The kernel's own area may be larger than that of the made host, and QEMU
 * has as much memory for it as the made host needs.
 */
static int xsave(int fd, unsigned long request, void *arg)
{
    int theirs = kernel(fd, KVM_CHECK_EXTENSION, (void *)KVM_CAP_XSAVE2);
    size_t size = sizeof(struct kvm_xsave);
    size_t ours = size;
    bool get = request != KVM_SET_XSAVE;
    char *area;

    if (get) {
        request = theirs > 0 ? KVM_GET_XSAVE2 : KVM_GET_XSAVE;
    }
    if (theirs > (int)size) {
        size = theirs;
    }
    if (capability(KVM_CAP_XSAVE2) > (int)ours) {
        ours = capability(KVM_CAP_XSAVE2);
    }
    area = allocate(size > ours ? size : ours);
    if (get) {
        kernel(fd, request, area);
        memcpy(arg, area, ours);
    } else {
        memcpy(area, arg, ours);
        kernel(fd, request, area);
    }
    free(area);
    return 0;
}

static int get_nested_state(int fd, struct kvm_nested_state *state)
{
    uint32_t size = state->size;

    if (kernel(fd, KVM_GET_NESTED_STATE, state) < 0) {
        memset(state, 0, sizeof(*state));
        state->format = host.is_intel ? KVM_STATE_NESTED_FORMAT_VMX :
                                        KVM_STATE_NESTED_FORMAT_SVM;
        if (host.is_intel) {
            state->hdr.vmx.vmxon_pa = state->hdr.vmx.vmcs12_pa = -1;
        }
        state->size = size < sizeof(*state) ? size : sizeof(*state);
    }
    return 0;
}

/* The versions that leaf 0x4000000A has, which the kernel may not have */
static int enable_evmcs(const struct kvm_enable_cap *cap)
{
    uint16_t versions = 0;
    uint32_t i;

    for (i = 0; i < host.supported_hv->nent; i++) {
        if (host.supported_hv->entries[i].function == 0x4000000a) {
            versions = host.supported_hv->entries[i].eax;
        }
    }
    if (cap->args[0]) {
        memcpy((void *)(uintptr_t)cap->args[0], &versions, sizeof(versions));
    }
    return 0;
}

static int enable_cap(int fd, struct kvm_enable_cap *cap)
{
    int value = capability(cap->cap);

    if (!value) {
        return fail(EINVAL);
    }
    if (cap->cap == KVM_CAP_HYPERV_ENLIGHTENED_VMCS) {
        return enable_evmcs(cap);
    }
    if (kernel(fd, KVM_ENABLE_CAP, cap) < 0 && value < 0) {
        return -1;
    }
    return 0;
}

/* The address space of SMM is not there if the kernel has no SMM. */
static int use_memory(int fd, unsigned long request, void *arg, uint32_t slot)
{
    int ret = kernel(fd, request, arg);

    return ret < 0 && slot >> 16 ? 0 : ret;
}

static int made_ioctl(int fd, unsigned long request, void *arg)
{
    int value;

    switch (request) {
    case KVM_CHECK_EXTENSION:
        value = capability((uintptr_t)arg);
        return value >= 0 ? value : kernel(fd, request, arg);
    case KVM_ENABLE_CAP:
        return enable_cap(fd, arg);
    case KVM_GET_SUPPORTED_CPUID:
        return get_cpuid(host.supported, arg);
    case KVM_GET_SUPPORTED_HV_CPUID:
        value = is_dev_kvm(fd) ? capability(KVM_CAP_SYS_HYPERV_CPUID) :
                                 capability(KVM_CAP_HYPERV_CPUID);
        return value ? get_cpuid(host.supported_hv, arg) : fail(EINVAL);
    case KVM_GET_MSR_INDEX_LIST:
        return get_msr_list(host.msrs, arg);
    case KVM_GET_MSR_FEATURE_INDEX_LIST:
        return capability(KVM_CAP_GET_MSR_FEATURES) ?
               get_msr_list(host.feature_msrs, arg) : fail(EINVAL);
    case KVM_GET_MSRS:
        if (is_dev_kvm(fd)) {
            return capability(KVM_CAP_GET_MSR_FEATURES) ?
                   get_feature_msrs(arg) : fail(EINVAL);
        }
        /* fall through */
    case KVM_SET_MSRS:
        value = kernel(fd, request, arg);
        return value < 0 ? value : (int)((struct kvm_msrs *)arg)->nmsrs;
    case KVM_GET_DEVICE_ATTR:
        return is_dev_kvm(fd) ? get_device_attr(arg) :
                                kernel(fd, request, arg);
    case KVM_X86_GET_MCE_CAP_SUPPORTED:
        memcpy(arg, &host.mce_cap, sizeof(host.mce_cap));
        return 0;
    case KVM_GET_TSC_KHZ:
        return get_tsc_khz(fd);
    case KVM_SET_TSC_KHZ:
        return set_tsc_khz(fd, (uintptr_t)arg);
    case KVM_GET_XSAVE:
    case KVM_GET_XSAVE2:
    case KVM_SET_XSAVE:
        return xsave(fd, request, arg);
    case KVM_GET_NESTED_STATE:
        return get_nested_state(fd, arg);
    case KVM_RUN:
        /* As if interrupted, at once or a little later */
        usleep(RUN_MICROSECONDS);
        return fail(EINTR);
    case KVM_SET_USER_MEMORY_REGION:
    case KVM_SET_USER_MEMORY_REGION2:
        return use_memory(fd, request, arg,
                          ((struct kvm_userspace_memory_region *)arg)->slot);
    case KVM_GET_DIRTY_LOG:
        return use_memory(fd, request, arg,
                          ((struct kvm_dirty_log *)arg)->slot);
    case KVM_CLEAR_DIRTY_LOG:
        return use_memory(fd, request, arg,
                          ((struct kvm_clear_dirty_log *)arg)->slot);
    case KVM_CREATE_VCPU:
        value = kernel(fd, request, arg);
        if (value >= 0) {
            *tsc_of(value) = 0;
        }
        return value;
    case KVM_SET_CPUID2:
        return set_vcpu_cpuid(fd, arg);
    case KVM_GET_CPUID2:
        return get_vcpu_cpuid(fd, arg);
    case KVM_X86_SETUP_MCE:
    case KVM_SET_DEBUGREGS:
    case KVM_SET_LAPIC:
    case KVM_SET_NESTED_STATE:
    case KVM_SET_SREGS:
    case KVM_SET_SREGS2:
    case KVM_SET_VCPU_EVENTS:
    case KVM_SET_XCRS:
    case KVM_X86_SET_MSR_FILTER:
        kernel(fd, request, arg);
        return 0;
    case KVM_GET_EMULATED_CPUID:
    case KVM_MEMORY_ENCRYPT_OP:
        die("the made host has no answer to ioctl 0x%lx", request);
    default:
        return kernel(fd, request, arg);
    }
}

int host_ioctl(int fd, unsigned long request, void *arg)
{
    if (_IOC_TYPE(request) != KVMIO || !host_is_made()) {
        return kernel(fd, request, arg);
    }
    return made_ioctl(fd, request, arg);
}

/*
 * Replaces the C library's, through which QEMU calls arch_prctl().  Like that,
 * it reads six arguments, however many were passed.
 */
long syscall(long number, ...)
{
    long args[6];
    va_list ap;
    int i;

    va_start(ap, number);
    for (i = 0; i < 6; i++) {
        args[i] = va_arg(ap, long);
    }
    va_end(ap);
    if (made && number == SYS_arch_prctl) {
        switch (args[0]) {
        case ARCH_REQ_XCOMP_GUEST_PERM:
            return args[1] >= 0 && args[1] < 64 &&
                   host.xcomp_guest_permission >> args[1] & 1 ?
                   0 : fail(EINVAL);
        case ARCH_GET_XCOMP_GUEST_PERM:
            *(uint64_t *)args[1] = host.xcomp_guest_permission;
            return 0;
        }
    }
    return raw_syscall(number, args[0], args[1], args[2], args[3], args[4],
                       args[5]);
}
