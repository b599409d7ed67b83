/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a guest sees of its CPU
 *
 * Sources: Intel SDM vol. 2A, CPUID; vol. 4 (feature MSRs); AMD APM vol. 3,
 * appendix E; documentation of KVM, "CPUID features and MSRs"; and for what
 * QEMU decides x86_cpu_expand_features() and cpu_x86_cpuid() of each line.
 */

#include <string.h>
#include "cpu-view.h"

#define BIT(n) (1ull << (n))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Bits by the SDM and the APM */
#define MCE             BIT(7)          /* 1, EDX */
#define MCA             BIT(14)
#define XSAVE           BIT(26)         /* 1, ECX */
#define PDCM            BIT(15)
#define VMX             BIT(5)
#define SYSCALL         BIT(11)         /* 0x80000001, EDX */
#define LM              BIT(29)
#define SVM             BIT(2)          /* 0x80000001, ECX */
#define INTEL_PT        BIT(25)         /* 7.0, EBX */
#define SGX             BIT(2)
#define LA57            BIT(16)         /* 7.0, ECX */
#define AMX_TILE        BIT(24)         /* 7.0, EDX */
#define AVX10           BIT(19)         /* 7.1, EDX */
#define APXF            BIT(21)
#define LIP             BIT(31)         /* 0x14.0, ECX */
#define PERFMON_V2      BIT(0)          /* 0x80000022, EAX */
#define INVTSC          BIT(8)          /* 0x80000007, EDX */

/* XSAVE state components in IA32_XSS */
#define SUPERVISOR_COMPONENTS (BIT(8) | 0x1fc00)

static uint64_t has(const X86Cpu *cpu, X86CpuWordId word, uint64_t bits)
{
    return cpu->words[word] & bits;
}

static const X86CpuPropertyId hyperv_switches[] = {
    X86CPU_HV_AVIC, X86CPU_HV_CRASH, X86CPU_HV_EMSR_BITMAP, X86CPU_HV_EVMCS,
    X86CPU_HV_FREQUENCIES, X86CPU_HV_IPI, X86CPU_HV_REENLIGHTENMENT,
    X86CPU_HV_RELAXED, X86CPU_HV_RESET, X86CPU_HV_RUNTIME, X86CPU_HV_STIMER,
    X86CPU_HV_STIMER_DIRECT, X86CPU_HV_SYNDBG, X86CPU_HV_SYNIC,
    X86CPU_HV_TIME, X86CPU_HV_TLBFLUSH, X86CPU_HV_TLBFLUSH_DIRECT,
    X86CPU_HV_TLBFLUSH_EXT, X86CPU_HV_VAPIC, X86CPU_HV_VPINDEX,
    X86CPU_HV_XMM_INPUT,
};

bool x86cpu_has_hyperv(const X86Cpu *cpu)
{
    size_t i;

    for (i = 0; i < COUNT(hyperv_switches); i++) {
        if (cpu->values[hyperv_switches[i]]) {
            return true;
        }
    }
    return cpu->values[X86CPU_HV_SPINLOCKS] != X86CPU_HV_NEVER_NOTIFY;
}

/* ---- feature words ---- */

bool x86cpu_is_derived_word(unsigned word)
{
    return word == X86CPU_FEAT_XSAVE_XCR0_LO ||
           word == X86CPU_FEAT_XSAVE_XCR0_HI ||
           word == X86CPU_FEAT_XSAVE_XSS_LO ||
           word == X86CPU_FEAT_XSAVE_XSS_HI;
}

/* The bits of word @word that its leaf has, if the guest can read the leaf */
static uint64_t bits_of_leaf(const X86CpuTables *tables, const X86Cpu *cpu,
                             X86CpuAccelerator accel, unsigned word)
{
    const uint64_t *values = cpu->values;
    uint64_t bits = cpu->words[word];
    bool kvm = accel == X86CPU_ON_KVM;

    switch (word) {
    case X86CPU_FEAT_1_ECX:
        return values[X86CPU_PMU] ? bits : bits & ~PDCM;
    case X86CPU_FEAT_8000_0001_EDX:
        /* TCG follows Intel: no SYSCALL outside of 64-bit mode */
        return !kvm && x86cpu_is_intel(cpu) && !(bits & LM) ? bits & ~SYSCALL
                                                            : bits;
    case X86CPU_FEAT_KVM:
    case X86CPU_FEAT_KVM_HINTS:
        return kvm && values[X86CPU_KVM] ? bits : 0;
    case X86CPU_FEAT_XSAVE:
        return has(cpu, X86CPU_FEAT_1_ECX, XSAVE) ? bits : 0;
    case X86CPU_FEAT_SVM:
        return has(cpu, X86CPU_FEAT_8000_0001_ECX, SVM) ? bits : 0;
    case X86CPU_FEAT_14_0_ECX:
        return kvm && has(cpu, X86CPU_FEAT_7_0_EBX, INTEL_PT) ? bits & LIP
                                                              : 0;
    case X86CPU_FEAT_SGX_12_0_EAX:
    case X86CPU_FEAT_SGX_12_0_EBX:
    case X86CPU_FEAT_SGX_12_1_EAX:
        return kvm && has(cpu, X86CPU_FEAT_7_0_EBX, SGX) ? bits : 0;
    case X86CPU_FEAT_1E_1_EAX:
        return has(cpu, X86CPU_FEAT_7_0_EDX, AMX_TILE) ? bits : 0;
    case X86CPU_FEAT_24_1_ECX:
        /* Subleaf 0 counts it from version 2 on. */
        return values[X86CPU_AVX10_VERSION] >= 2 &&
               has(cpu, X86CPU_FEAT_7_1_EDX, AVX10) ? bits : 0;
    case X86CPU_FEAT_24_0_EBX:
        return has(cpu, X86CPU_FEAT_7_1_EDX, AVX10) ? bits : 0;
    case X86CPU_FEAT_29_0_EBX:
        return has(cpu, X86CPU_FEAT_7_1_EDX, APXF) ? bits : 0;
    case X86CPU_FEAT_8000_0007_EBX:
        return tables->version >= X86CPU_LINE_11_1 && x86cpu_is_intel(cpu) &&
               values[X86CPU_X_VENDOR_CPUID_ONLY_V2] ? 0 : bits;
    case X86CPU_FEAT_8000_0022_EAX:
        return kvm && values[X86CPU_PMU] ? bits & PERFMON_V2 : 0;
    default:
        return bits;
    }
}

static uint64_t bits_of_msr(const X86Cpu *cpu, unsigned word)
{
    switch (word) {
    case X86CPU_FEAT_PERF_CAPABILITIES:
        return cpu->values[X86CPU_PMU] ? cpu->words[word] : 0;
    case X86CPU_FEAT_VMX_PROCBASED_CTLS:
    case X86CPU_FEAT_VMX_SECONDARY_CTLS:
    case X86CPU_FEAT_VMX_PINBASED_CTLS:
    case X86CPU_FEAT_VMX_EXIT_CTLS:
    case X86CPU_FEAT_VMX_ENTRY_CTLS:
    case X86CPU_FEAT_VMX_MISC:
    case X86CPU_FEAT_VMX_EPT_VPID_CAPS:
    case X86CPU_FEAT_VMX_BASIC:
    case X86CPU_FEAT_VMX_VMFUNC:
        return has(cpu, X86CPU_FEAT_1_ECX, VMX) ? cpu->words[word] : 0;
    default:
        return cpu->words[word];
    }
}

/* Whether @cpu, which is expanded, has @leaf */
static bool has_leaf(const X86Cpu *cpu, uint32_t leaf)
{
    switch (leaf >> 28) {
    case 0x8:
        return leaf <= cpu->values[X86CPU_XLEVEL];
    case 0xc:
        return leaf <= cpu->values[X86CPU_XLEVEL2];
    default:
        return leaf <= cpu->values[X86CPU_LEVEL];
    }
}

bool x86cpu_view_has_word(const X86CpuView *view, const X86CpuWord *w)
{
    if (w->msr) {
        return true;
    }
    switch (w->index >> 28) {
    case 0x0:
        return w->index <= view->level &&
               (w->index != 7 || w->subleaf <= view->level_func7);
    case 0x8:
        return w->index <= view->xlevel;
    case 0xc:
        return w->index <= view->xlevel2;
    default:
        return true;
    }
}

/*
 * SDM vol. 1, 13.1 and 13.2: they are in leaf 0xD.  Those of the supervisor
 * belong to features of leaf 7, subleaf 0, which is there if that is.
 */
static uint64_t components_of(const X86CpuTables *tables, const X86Cpu *cpu)
{
    uint64_t components = 0;
    size_t i, j;

    if (!has_leaf(cpu, 0xd) || !has(cpu, X86CPU_FEAT_1_ECX, XSAVE)) {
        return 0;
    }
    for (i = 0; i < tables->ncomponents; i++) {
        const X86CpuComponent *c = &tables->components[i];

        for (j = 0; j < X86CPU_COMPONENT_FEATURES; j++) {
            if (cpu->words[c->features[j].word] & c->features[j].mask) {
                components |= BIT(c->number);
            }
        }
    }
    return components & ~SUPERVISOR_COMPONENTS;
}

/* @view has the levels. */
static void view_words(const X86CpuTables *tables, const X86Cpu *cpu,
                       X86CpuAccelerator accel, X86CpuView *view)
{
    unsigned i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        const X86CpuWord *w = &tables->words[i];

        if (!w->present || x86cpu_is_derived_word(i)) {
            continue;
        }
        if (w->msr) {
            /* TCG has none of the feature MSRs. */
            view->words[i] = accel == X86CPU_ON_KVM ? bits_of_msr(cpu, i) : 0;
        } else if (x86cpu_view_has_word(view, w)) {
            view->words[i] = bits_of_leaf(tables, cpu, accel, i);
        }
    }
}

/* ---- caches ---- */

/*
 * What QEMU shows if legacy-cache is on.  The leaves contradict each other, and
 * guests have relied on that for long.
 */
static const X86CpuCache legacy_intel[X86CPU_CACHES] = {
    [X86CPU_CACHE_L1D] = { .size = 32 << 10, .numbers = { 64, 8, 1, 64, 0 },
                    .share = "core", .flags = { true, true } },
    [X86CPU_CACHE_L1I] = { .size = 32 << 10, .numbers = { 64, 8, 1, 64, 0 },
                    .share = "core", .flags = { true, true } },
    [X86CPU_CACHE_L2] = { .size = 4 << 20, .numbers = { 64, 16, 1, 4096, 0 },
                   .share = "core", .flags = { true, true } },
    [X86CPU_CACHE_L3] = { .size = 16 << 20, .numbers = { 64, 16, 1, 16384, 1 },
                   .share = "die", .flags = { true, false, true, true } },
};
static const X86CpuCache legacy_amd[X86CPU_CACHES] = {
    [X86CPU_CACHE_L1D] = { .size = 64 << 10, .numbers = { 64, 2, 1, 512, 1 },
                    .share = "core", .flags = { true, true } },
    [X86CPU_CACHE_L1I] = { .size = 64 << 10, .numbers = { 64, 2, 1, 512, 1 },
                    .share = "core", .flags = { true, true } },
    [X86CPU_CACHE_L2] = { .size = 512 << 10, .numbers = { 64, 16, 1, 512, 1 },
                   .share = "core" },
    [X86CPU_CACHE_L3] = { .size = 16 << 20, .numbers = { 64, 16, 1, 16384, 1 },
                   .share = "die", .flags = { true, false, true, true } },
};
static const X86CpuCache legacy_l2_of_leaf_2 = {
    .size = 2 << 20, .numbers = { 64, 8 }
};

/* The caches that each group of leaves shows */
typedef struct ShownCaches {
    const X86CpuCache *leaf_2[X86CPU_CACHES];
    const X86CpuCache *leaf_4, *amd;
} ShownCaches;

static void show_caches(const X86CpuTables *tables, const X86Cpu *cpu,
                        ShownCaches *shown)
{
    bool v2 = tables->version >= X86CPU_LINE_11_1 &&
              cpu->values[X86CPU_X_VENDOR_CPUID_ONLY_V2];
    bool consistent = tables->version >= X86CPU_LINE_11_1 &&
                      cpu->values[X86CPU_X_CONSISTENT_CACHE];
    const X86CpuCache *leaf_2;
    int i;

    if (!cpu->values[X86CPU_LEGACY_CACHE]) {
        leaf_2 = shown->leaf_4 = shown->amd = cpu->caches;
    } else if (v2) {
        leaf_2 = x86cpu_is_amd(cpu) ? legacy_amd : legacy_intel;
        shown->leaf_4 = shown->amd = leaf_2;
    } else {
        leaf_2 = shown->leaf_4 = legacy_intel;
        shown->amd = legacy_amd;
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        shown->leaf_2[i] = &leaf_2[i];
    }
    if (cpu->values[X86CPU_LEGACY_CACHE] && !consistent) {
        for (i = 0; i < X86CPU_CACHES; i++) {
            shown->leaf_2[i] = &legacy_intel[i];
        }
        shown->leaf_2[X86CPU_CACHE_L2] = &legacy_l2_of_leaf_2;
    }
}

#define UNKNOWN_DESCRIPTOR 0xff

static uint32_t descriptor(const X86CpuTables *tables, int which,
                           const X86CpuCache *cache)
{
    static const char types[X86CPU_CACHES] = { 'd', 'i', 'u', 'u' };
    static const int levels[X86CPU_CACHES] = { 1, 1, 2, 3 };
    size_t i;

    for (i = 0; i < tables->ndescriptors; i++) {
        const X86CpuCacheDescriptor *d = &tables->descriptors[i];

        if (d->level == levels[which] && d->type == types[which] &&
            d->size == cache->size &&
            d->ways == cache->numbers[X86CPU_CACHE_WAYS] &&
            d->line == cache->numbers[X86CPU_CACHE_LINE]) {
            return d->code;
        }
    }
    return UNKNOWN_DESCRIPTOR;
}

/* ECX and EDX of leaf 2 */
static void view_leaf_2(const X86CpuTables *tables, const X86Cpu *cpu,
                        const ShownCaches *shown, uint32_t *regs)
{
    uint32_t codes[X86CPU_CACHES];
    bool unknown = false;
    int i;

    for (i = 0; i < X86CPU_CACHES; i++) {
        codes[i] = descriptor(tables, i, shown->leaf_2[i]);
        unknown |= codes[i] == UNKNOWN_DESCRIPTOR;
    }
    if (tables->version >= X86CPU_LINE_11_1 &&
        cpu->values[X86CPU_X_CONSISTENT_CACHE] &&
        (cpu->values[X86CPU_MIN_LEVEL] >= 4 || unknown)) {
        regs[1] = UNKNOWN_DESCRIPTOR;
        return;
    }
    regs[0] = cpu->values[X86CPU_L3_CACHE] ? codes[X86CPU_CACHE_L3] : 0;
    regs[1] = codes[X86CPU_CACHE_L1D] << 16 | codes[X86CPU_CACHE_L1I] << 8 |
              codes[X86CPU_CACHE_L2];
}

/* EAX to EDX of leaves 4 and 0x8000001D, which differ in the topology alone */
static void encode_leaf_4(const X86CpuCache *cache, uint32_t *regs)
{
    const uint64_t *numbers = cache->numbers;

    regs[0] = cache->flags[X86CPU_CACHE_SELF_INIT] ? BIT(8) : 0;
    regs[1] = (numbers[X86CPU_CACHE_LINE] - 1) |
              (numbers[X86CPU_CACHE_PARTITIONS] - 1) << 12 |
              (numbers[X86CPU_CACHE_WAYS] - 1) << 22;
    regs[2] = numbers[X86CPU_CACHE_SETS] - 1;
    regs[3] = (cache->flags[X86CPU_CACHE_NO_INVD_SHARING] ? BIT(0) : 0) |
              (cache->flags[X86CPU_CACHE_INCLUSIVE] ? BIT(1) : 0) |
              (cache->flags[X86CPU_CACHE_COMPLEX_INDEXING] ? BIT(2) : 0);
}

static uint32_t encode_80000005(const X86CpuCache *cache)
{
    return cache->size / 1024 << 24 |
           cache->numbers[X86CPU_CACHE_WAYS] << 16 |
           cache->numbers[X86CPU_CACHE_TAG_LINES] << 8 |
           cache->numbers[X86CPU_CACHE_LINE];
}

/* APM vol. 3, "L2/L3 cache and TLB associativity field encoding" */
static uint32_t encode_ways(uint64_t ways)
{
    static const uint8_t codes[][2] = {
        { 1, 1 }, { 2, 2 }, { 4, 4 }, { 8, 6 }, { 16, 8 }, { 32, 0xa },
        { 48, 0xb }, { 64, 0xc }, { 96, 0xd }, { 128, 0xe }, { 255, 0xf },
    };
    size_t i;

    for (i = 0; i < COUNT(codes); i++) {
        if (codes[i][0] == ways) {
            return codes[i][1];
        }
    }
    return 0;
}

static uint32_t encode_80000006(const X86CpuCache *cache, uint64_t unit,
                                int shift)
{
    return cache->size / unit << shift |
           encode_ways(cache->numbers[X86CPU_CACHE_WAYS]) << 12 |
           cache->numbers[X86CPU_CACHE_TAG_LINES] << 8 |
           cache->numbers[X86CPU_CACHE_LINE];
}

static void view_caches(const X86CpuTables *tables, const X86Cpu *cpu,
                        X86CpuTopology topology, X86CpuView *view)
{
    const uint64_t *values = cpu->values;
    bool l3 = values[X86CPU_L3_CACHE];
    bool v2 = tables->version >= X86CPU_LINE_11_1 &&
              values[X86CPU_X_VENDOR_CPUID_ONLY_V2];
    bool no_intel_leaves = values[X86CPU_X_VENDOR_CPUID_ONLY] &&
                           x86cpu_is_amd(cpu);
    ShownCaches shown;
    int i;

    show_caches(tables, cpu, &shown);
    if (has_leaf(cpu, 2) && !no_intel_leaves) {
        view_leaf_2(tables, cpu, &shown, view->leaf_2);
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        X86CpuCacheView *cache = &view->caches[i];

        if (has_leaf(cpu, 4) && !no_intel_leaves &&
            (i != X86CPU_CACHE_L3 || l3)) {
            encode_leaf_4(&shown.leaf_4[i], cache->leaf_4);
            if (topology == X86CPU_MANY_DIES &&
                (i == X86CPU_CACHE_L2 || i == X86CPU_CACHE_L3 ||
                 values[X86CPU_X_L1_CACHE_PER_THREAD])) {
                strcpy(cache->share, shown.leaf_4[i].share);
            }
        }
        if (has_leaf(cpu, 0x8000001d)) {
            encode_leaf_4(&shown.amd[i], cache->leaf_8000001d);
            if (values[X86CPU_X_AMD_TOPOEXT_FEATURES_ONLY]) {
                cache->leaf_8000001d[3] &= BIT(0) | BIT(1);
            }
            if (topology == X86CPU_MANY_DIES) {
                strcpy(cache->share_8000001d, shown.amd[i].share);
            }
        }
    }
    if (has_leaf(cpu, 0x80000005) && !(v2 && x86cpu_is_intel(cpu))) {
        view->leaf_80000005[0] = encode_80000005(&shown.amd[X86CPU_CACHE_L1D]);
        view->leaf_80000005[1] = encode_80000005(&shown.amd[X86CPU_CACHE_L1I]);
    }
    if (has_leaf(cpu, 0x80000006)) {
        view->leaf_80000006[0] = encode_80000006(&shown.amd[X86CPU_CACHE_L2],
                                                 1024, 16);
        if (l3 && !(v2 && (x86cpu_is_intel(cpu) || x86cpu_is_zhaoxin(cpu)))) {
            view->leaf_80000006[1] =
                encode_80000006(&shown.amd[X86CPU_CACHE_L3], 512 << 10, 18);
        }
    }
}

/* ---- everything else ---- */

/* Values that only KVM's guests see */
static void view_kvm_values(const X86Cpu *cpu, X86CpuView *view)
{
    static const X86CpuPropertyId always[] = {
        X86CPU_KVM, X86CPU_KVM_PV_ENFORCE_CPUID, X86CPU_PMU,
        X86CPU_TSC_FREQUENCY,
    };
    static const X86CpuPropertyId with_hyperv[] = {
        X86CPU_HV_ENFORCE_CPUID, X86CPU_HV_NO_NONARCH_CORESHARING,
        X86CPU_HV_VERSION_ID_BUILD, X86CPU_HV_VERSION_ID_MAJOR,
        X86CPU_HV_VERSION_ID_MINOR, X86CPU_HV_VERSION_ID_SBRANCH,
        X86CPU_HV_VERSION_ID_SNUMBER, X86CPU_HV_VERSION_ID_SPACK,
        X86CPU_X_HV_MAX_VPS,
    };
    const uint64_t *values = cpu->values;
    bool hyperv = x86cpu_has_hyperv(cpu);
    size_t i;

    for (i = 0; i < COUNT(always); i++) {
        view->values[always[i]] = values[always[i]];
    }
    if (values[X86CPU_PMU]) {
        view->values[X86CPU_LBR_FMT] = values[X86CPU_LBR_FMT];
    }
    if (hyperv) {
        for (i = 0; i < COUNT(hyperv_switches); i++) {
            view->values[hyperv_switches[i]] = values[hyperv_switches[i]];
        }
        for (i = 0; i < COUNT(with_hyperv); i++) {
            view->values[with_hyperv[i]] = values[with_hyperv[i]];
        }
        /* In views, 0 is off; in CPUs it is to notify at once. */
        view->values[X86CPU_HV_SPINLOCKS] =
            values[X86CPU_HV_SPINLOCKS] == X86CPU_HV_NEVER_NOTIFY
            ? 0 : values[X86CPU_HV_SPINLOCKS] + 1;
        memcpy(view->hv_vendor_id, cpu->hv_vendor_id,
               sizeof(view->hv_vendor_id));
    } else if (values[X86CPU_KVM] &&
               (values[X86CPU_TSC_FREQUENCY] ||
                has(cpu, X86CPU_FEAT_8000_0007_EDX, INVTSC))) {
        /* Leaf 0x40000010, which Hyper-V's leaves would push away */
        view->values[X86CPU_VMWARE_CPUID_FREQ] =
            values[X86CPU_VMWARE_CPUID_FREQ];
    }
}

static void view_values(const X86Cpu *cpu, X86CpuAccelerator accel,
                        X86CpuTopology topology, X86CpuView *view)
{
    const uint64_t *values = cpu->values;
    unsigned family = values[X86CPU_FAMILY] < 15 ? values[X86CPU_FAMILY] : 15;
    size_t visible;

    if (has_leaf(cpu, 1) || has_leaf(cpu, 0x80000001)) {
        view->values[X86CPU_FAMILY] = values[X86CPU_FAMILY];
        view->values[X86CPU_MODEL] = values[X86CPU_MODEL];
        view->values[X86CPU_STEPPING] = values[X86CPU_STEPPING];
    }
    view->values[X86CPU_UCODE_REV] = values[X86CPU_UCODE_REV];
    if (has(cpu, X86CPU_FEAT_7_1_EDX, AVX10) && has_leaf(cpu, 0x24)) {
        view->values[X86CPU_AVX10_VERSION] = values[X86CPU_AVX10_VERSION];
    }
    if (has_leaf(cpu, 0xb)) {
        view->values[X86CPU_CPUID_0XB] = values[X86CPU_CPUID_0XB];
    }
    if (has_leaf(cpu, 0x1f)) {
        view->values[X86CPU_X_FORCE_CPUID_0X1F] = x86cpu_has_leaf_0x1f(cpu,
                                                                 topology);
    }
    if (has_leaf(cpu, 4) && topology != X86CPU_ONE_THREAD &&
        !(values[X86CPU_X_VENDOR_CPUID_ONLY] && x86cpu_is_amd(cpu))) {
        view->values[X86CPU_X_L1_CACHE_PER_THREAD] =
            values[X86CPU_X_L1_CACHE_PER_THREAD];
    }
    if (has_leaf(cpu, 0x8000001e)) {
        view->values[X86CPU_LEGACY_MULTI_NODE] =
            values[X86CPU_LEGACY_MULTI_NODE];
    }
    /* The words come first: xlevel may hide it. */
    if (view->words[X86CPU_FEAT_8000_0001_EDX] & LM) {
        view->values[X86CPU_PHYS_BITS] =
            values[X86CPU_PHYS_BITS] ? values[X86CPU_PHYS_BITS]
                                     : X86CPU_DEFAULT_PHYS_BITS;
        if (has_leaf(cpu, 0x80000008)) {
            view->values[X86CPU_GUEST_PHYS_BITS] =
                values[X86CPU_GUEST_PHYS_BITS];
            view->has_57_bits = !!has(cpu, X86CPU_FEAT_7_0_ECX, LA57);
        }
    }
    if (family >= 6 &&
        has(cpu, X86CPU_FEAT_1_EDX, MCE | MCA) == (MCE | MCA)) {
        view->values[X86CPU_LMCE] = values[X86CPU_LMCE];
    }
    if (accel == X86CPU_ON_KVM) {
        view_kvm_values(cpu, view);
    } else {
        view->values[X86CPU_TCG_CPUID] = values[X86CPU_TCG_CPUID];
    }
    memcpy(view->vendor, cpu->vendor, sizeof(view->vendor));
    /* Sixteen characters in each of the leaves 0x80000002 to 0x80000004 */
    for (visible = 0; visible < 48 &&
         has_leaf(cpu, 0x80000002 + visible / 16); visible += 16) {
        /* No more than to count them */
    }
    memcpy(view->model_id, cpu->model_id, visible);
}

void x86cpu_view_expanded(const X86CpuTables *tables, const X86Cpu *cpu,
                          X86CpuAccelerator accel, X86CpuTopology topology,
                          X86CpuView *view)
{
    const uint64_t *values = cpu->values;

    memset(view, 0, sizeof(*view));
    view->level = values[X86CPU_LEVEL];
    if (values[X86CPU_XLEVEL] >= 0x80000000) {
        view->xlevel = values[X86CPU_XLEVEL];
    }
    if (values[X86CPU_XLEVEL2] >= 0xc0000000) {
        view->xlevel2 = values[X86CPU_XLEVEL2];
    }
    if (has_leaf(cpu, 7)) {
        view->level_func7 = values[X86CPU_LEVEL_FUNC7];
    }
    view->hides_vendor = view->xlevel &&
                         tables->version >= X86CPU_LINE_11_1 &&
                         values[X86CPU_X_VENDOR_CPUID_ONLY_V2] &&
                         (x86cpu_is_intel(cpu) || x86cpu_is_zhaoxin(cpu));
    view->components = components_of(tables, cpu);
    view_words(tables, cpu, accel, view);
    view_caches(tables, cpu, topology, view);
    view_values(cpu, accel, topology, view);
}

void x86cpu_view(const X86CpuTables *tables, const X86Cpu *cpu,
                 X86CpuAccelerator accel, X86CpuTopology topology,
                 X86CpuView *view)
{
    X86Cpu expanded = *cpu;

    x86cpu_expand(tables, &expanded, accel, topology);
    x86cpu_view_expanded(tables, &expanded, accel, topology, view);
}
