/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A KVM that offers what a test wants it to
 *
 * Answers, for tests under KVM: what does QEMU make of a kernel, and of
 * hardware, that isn't here?  Part of the library of kvm-cpuid-shim.c.
 * $KVM_CPUID_SHIM_OFFERS holds what to change of this host, or of that of
 * kvm-host.c, separated by semicolons:
 *
 *   cpuid LEAF SUBLEAF REGISTER set|clear|is VALUE
 *     in what KVM_GET_SUPPORTED_CPUID returns; leaves are added as needed
 *   msr INDEX set|clear|is VALUE
 *     in what KVM_GET_MSRS returns on /dev/kvm; the MSR is in the lists of
 *     the MSRs and of the feature MSRs from then on, and the kernel has
 *     KVM_CAP_GET_MSR_FEATURES
 *   msr INDEX absent
 *     it is in neither of these lists
 *   cap NUMBER set|clear|is VALUE
 *     in what KVM_CHECK_EXTENSION returns; KVM_ENABLE_CAP succeeds, and does
 *     not get to the kernel
 *   cap NUMBER absent
 *     KVM_CHECK_EXTENSION returns 0, and KVM_ENABLE_CAP fails
 *   mce-cap set|clear|is VALUE
 *     in what KVM_X86_GET_MCE_CAP_SUPPORTED returns; KVM_X86_SETUP_MCE
 *     succeeds, and does not get to the kernel
 *   accept NUMBER
 *     the ioctl NUMBER succeeds, and does not get to the kernel
 *
 * Numbers are decimal, or hexadecimal after 0x.
 *
 * While the variable is set, MSRs that the kernel refuses to set or to read
 * for a vCPU are passed over in silence: it does not have what it is made to
 * offer, and QEMU would abort over that.  The guest is for looking at only,
 * it must not run.
 */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kvm.h>
#include "kvm-host.h"
#include "kvm-offers.h"

/* More than a kernel has of either */
#define MAX_ENTRIES 1024

typedef enum { SET, CLEAR, IS, ABSENT } Action;
typedef enum { CPUID, MSR, CAP, ACCEPT, MCE_CAP } Subject;

typedef struct Edit {
    Subject subject;
    uint32_t number;        /* leaf, index, capability, request */
    uint32_t subleaf;
    int reg;                /* 0 to 3: EAX to EDX */
    Action action;
    uint64_t value;
} Edit;

static Edit *edits;
static unsigned edits_count;
static bool enabled;

static void bad_spec(const char *part)
{
    fprintf(stderr, "kvm-offers: cannot understand '%s'\n", part);
    abort();
}

/* The place of @word in @names; aborts if it is not there */
static int parse_name(const char *word, const char *const *names, int count,
                      const char *part)
{
    int i;

    for (i = 0; i < count; i++) {
        if (word && !strcmp(word, names[i])) {
            return i;
        }
    }
    bad_spec(part);
    return -1;
}

static uint64_t parse_number(const char *word, uint64_t max, const char *part)
{
    bool hex = word && !strncmp(word, "0x", 2);
    uint64_t value;
    int end;

    /* No more characters than a 64-bit number has: 0x and 16 digits */
    if (!word || !strchr("0123456789", *word) || strlen(word) > 18 ||
        sscanf(word, hex ? "%" SCNx64 "%n" : "%" SCNu64 "%n", &value,
               &end) != 1 || word[end] || value > max) {
        bad_spec(part);
    }
    return value;
}

static void parse_edit(const char *part)
{
    static const char *const subjects[] = {
        "cpuid", "msr", "cap", "accept", "mce-cap"
    };
    static const char *const registers[] = { "eax", "ebx", "ecx", "edx" };
    static const char *const actions[] = { "set", "clear", "is", "absent" };
    char *words = strdup(part);
    char *save;
    char *word = strtok_r(words, " ", &save);
    Edit *e;

#define NEXT() (strtok_r(NULL, " ", &save))
    if (!word) {
        free(words);
        return;
    }
    edits = realloc(edits, (edits_count + 1) * sizeof(*e));
    if (!edits) {
        perror("kvm-offers");
        abort();
    }
    e = &edits[edits_count];
    memset(e, 0, sizeof(*e));
    e->subject = parse_name(word, subjects, 5, part);
    if (e->subject != MCE_CAP) {
        e->number = parse_number(NEXT(), UINT32_MAX, part);
    }
    if (e->subject == CPUID) {
        e->subleaf = parse_number(NEXT(), UINT32_MAX, part);
        e->reg = parse_name(NEXT(), registers, 4, part);
    }
    if (e->subject != ACCEPT) {
        bool may_lack = e->subject == MSR || e->subject == CAP;

        e->action = parse_name(NEXT(), actions, may_lack ? 4 : 3, part);
    }
    if (e->subject != ACCEPT && e->action != ABSENT) {
        e->value = parse_number(NEXT(), e->subject == MSR ? UINT64_MAX :
                                        e->subject == MCE_CAP ? UINT64_MAX :
                                        e->subject == CAP ? INT32_MAX :
                                        UINT32_MAX, part);
    }
    if (NEXT()) {
        bad_spec(part);
    }
#undef NEXT
    edits_count++;
    free(words);
}

static void parse_spec(void)
{
    const char *spec = getenv("KVM_CPUID_SHIM_OFFERS");
    char *parts;
    char *part;
    char *save;

    if (!spec) {
        return;
    }
    enabled = true;
    parts = strdup(spec);
    for (part = strtok_r(parts, ";", &save); part;
         part = strtok_r(NULL, ";", &save)) {
        parse_edit(part);
    }
    free(parts);
}

static uint64_t edited(const Edit *e, uint64_t value)
{
    switch (e->action) {
    case SET:
        return value | e->value;
    case CLEAR:
        return value & ~e->value;
    default:
        return e->value;
    }
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static void *allocate(size_t header, size_t entry)
{
    void *p = calloc(1, header + MAX_ENTRIES * entry);

    if (!p) {
        perror("kvm-offers");
        abort();
    }
    return p;
}

static struct kvm_cpuid_entry2 *find_entry(struct kvm_cpuid2 *cpuid,
                                           uint32_t leaf, uint32_t subleaf)
{
    struct kvm_cpuid_entry2 *entry;
    uint32_t i;

    for (i = 0; i < cpuid->nent; i++) {
        entry = &cpuid->entries[i];
        if (entry->function == leaf && entry->index == subleaf) {
            return entry;
        }
    }
    if (cpuid->nent == MAX_ENTRIES) {
        abort();
    }
    entry = &cpuid->entries[cpuid->nent++];
    entry->function = leaf;
    entry->index = subleaf;
    entry->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    return entry;
}

static int get_supported_cpuid(int fd, struct kvm_cpuid2 *out)
{
    struct kvm_cpuid2 *cpuid = allocate(sizeof(*cpuid),
                                        sizeof(cpuid->entries[0]));
    int ret;
    unsigned i;

    cpuid->nent = MAX_ENTRIES;
    ret = host_ioctl(fd, KVM_GET_SUPPORTED_CPUID, cpuid);
    for (i = 0; ret == 0 && i < edits_count; i++) {
        const Edit *e = &edits[i];

        if (e->subject == CPUID) {
            struct kvm_cpuid_entry2 *entry =
                find_entry(cpuid, e->number, e->subleaf);
            uint32_t *regs[] = { &entry->eax, &entry->ebx, &entry->ecx,
                                 &entry->edx };

            *regs[e->reg] = edited(e, *regs[e->reg]);
        }
    }
    if (ret == 0 && out->nent < cpuid->nent) {
        ret = fail(E2BIG);
    }
    if (ret == 0) {
        memcpy(out, cpuid, sizeof(*cpuid) +
                           cpuid->nent * sizeof(cpuid->entries[0]));
    }
    free(cpuid);
    return ret;
}

static bool offers_msrs(void)
{
    unsigned i;

    for (i = 0; i < edits_count; i++) {
        if (edits[i].subject == MSR && edits[i].action != ABSENT) {
            return true;
        }
    }
    return false;
}

static void edit_msr_list(struct kvm_msr_list *list, const Edit *e)
{
    uint32_t i;

    for (i = 0; i < list->nmsrs; i++) {
        if (list->indices[i] == e->number) {
            break;
        }
    }
    if (e->action == ABSENT && i < list->nmsrs) {
        list->indices[i] = list->indices[--list->nmsrs];
    } else if (e->action != ABSENT && i == list->nmsrs) {
        if (i == MAX_ENTRIES) {
            abort();
        }
        list->indices[list->nmsrs++] = e->number;
    }
}

static int get_msr_list(int fd, unsigned long request,
                        struct kvm_msr_list *out)
{
    struct kvm_msr_list *list = allocate(sizeof(*list),
                                         sizeof(list->indices[0]));
    uint32_t room = out->nmsrs;
    int ret;
    unsigned i;

    list->nmsrs = MAX_ENTRIES;
    ret = host_ioctl(fd, request, list);
    if (ret < 0 && offers_msrs()) {
        /* A kernel without KVM_CAP_GET_MSR_FEATURES */
        list->nmsrs = 0;
        ret = 0;
    }
    for (i = 0; ret == 0 && i < edits_count; i++) {
        if (edits[i].subject == MSR) {
            edit_msr_list(list, &edits[i]);
        }
    }
    if (ret == 0) {
        out->nmsrs = list->nmsrs;
        if (room < list->nmsrs) {
            ret = fail(E2BIG);
        } else {
            memcpy(out->indices, list->indices,
                   list->nmsrs * sizeof(list->indices[0]));
        }
    }
    free(list);
    return ret;
}

static bool get_feature_msr(int fd, struct kvm_msr_entry *entry)
{
    struct {
        struct kvm_msrs msrs;
        struct kvm_msr_entry entry;
    } one = { .msrs.nmsrs = 1, .entry.index = entry->index };
    bool found = host_ioctl(fd, KVM_GET_MSRS, &one) == 1;
    unsigned i;

    entry->data = found ? one.entry.data : 0;
    for (i = 0; i < edits_count; i++) {
        if (edits[i].subject == MSR && edits[i].number == entry->index) {
            entry->data = edited(&edits[i], entry->data);
            found = true;
        }
    }
    return found;
}

static int get_feature_msrs(int fd, struct kvm_msrs *msrs)
{
    uint32_t i;

    for (i = 0; i < msrs->nmsrs; i++) {
        if (!get_feature_msr(fd, &msrs->entries[i])) {
            break;
        }
    }
    return i;
}

static int check_extension(int fd, void *arg)
{
    int ret = host_ioctl(fd, KVM_CHECK_EXTENSION, arg);
    unsigned i;

    if ((uintptr_t)arg == KVM_CAP_GET_MSR_FEATURES && offers_msrs()) {
        ret = 1;
    }
    for (i = 0; i < edits_count; i++) {
        if (edits[i].subject == CAP && edits[i].number == (uintptr_t)arg) {
            ret = edited(&edits[i], ret < 0 ? 0 : ret);
        }
    }
    return ret;
}

/* KVM_ENABLE_CAP of a capability whose number is edited */
static int enable_cap(uint32_t number)
{
    unsigned i;

    for (i = 0; i < edits_count; i++) {
        if (edits[i].subject == CAP && edits[i].number == number &&
            edits[i].action == ABSENT) {
            return fail(EINVAL);
        }
    }
    return 0;
}

static int get_mce_cap(int fd, uint64_t *mce_cap)
{
    int ret = host_ioctl(fd, KVM_X86_GET_MCE_CAP_SUPPORTED, mce_cap);
    unsigned i;

    for (i = 0; ret >= 0 && i < edits_count; i++) {
        if (edits[i].subject == MCE_CAP) {
            *mce_cap = edited(&edits[i], *mce_cap);
        }
    }
    return ret;
}

static bool is_edited(Subject subject, uint32_t number)
{
    unsigned i;

    for (i = 0; i < edits_count; i++) {
        if (edits[i].subject == subject && edits[i].number == number) {
            return true;
        }
    }
    return false;
}

int offers_ioctl(int fd, unsigned long request, void *arg)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct kvm_enable_cap *cap = arg;
    const struct kvm_msrs *msrs = arg;
    int ret;

    pthread_once(&once, parse_spec);
    if (!enabled) {
        return host_ioctl(fd, request, arg);
    }
    if (is_edited(ACCEPT, request)) {
        return 0;
    }
    switch (request) {
    case KVM_GET_SUPPORTED_CPUID:
        return get_supported_cpuid(fd, arg);
    case KVM_GET_MSR_INDEX_LIST:
    case KVM_GET_MSR_FEATURE_INDEX_LIST:
        return get_msr_list(fd, request, arg);
    case KVM_CHECK_EXTENSION:
        return check_extension(fd, arg);
    case KVM_ENABLE_CAP:
        return is_edited(CAP, cap->cap) ? enable_cap(cap->cap)
                                        : host_ioctl(fd, request, arg);
    case KVM_X86_GET_MCE_CAP_SUPPORTED:
        return get_mce_cap(fd, arg);
    case KVM_X86_SETUP_MCE:
        return is_edited(MCE_CAP, 0) ? 0 : host_ioctl(fd, request, arg);
    case KVM_GET_MSRS:
        if (is_dev_kvm(fd)) {
            return get_feature_msrs(fd, arg);
        }
        /* fall through */
    case KVM_SET_MSRS:
        ret = host_ioctl(fd, request, arg);
        return ret < 0 ? ret : (int)msrs->nmsrs;
    default:
        return host_ioctl(fd, request, arg);
    }
}
