/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Why a guest does not see a feature that was requested
 *
 * Sources: those of cpu-view.c and filter.c.
 */

#include "cpu-view.h"
#include "explain.h"

#define BIT(n) (1ull << (n))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Bits by the SDM and the APM */
#define PDCM            BIT(15)         /* 1, ECX */
#define SYSCALL         BIT(11)         /* 0x80000001, EDX */
#define ARCH_LBR        BIT(19)         /* 7.0, EDX */
#define MPX             BIT(14)         /* 7.0, EBX */
#define APXF            BIT(21)         /* 7.1, EDX */
#define LIP             BIT(31)         /* 0x14.0, ECX */

/* Everything that reasons depend on */
typedef struct Explanation {
    const X86CpuTables *tables;
    X86CpuAccelerator accel;
    /* Requested, less what QEMU drops for other features and pmu */
    X86Cpu closed;
    X86CpuFiltered filtered;
    X86CpuView view;
} Explanation;

/* What bits @mask of a word wait for, where they are on and hidden */
typedef struct Gate {
    X86CpuWordId word;
    uint64_t mask;
    /* A feature; mask 0: none */
    X86CpuBits needs;
    bool needs_kvm, needs_pmu;
    /* Another property: kvm, x-vendor-cpuid-only-v2 */
    bool needs_property;
} Gate;

#define NEEDS(word, mask) .needs = { X86CPU_FEAT_##word, mask }
#define NEEDS_VMX NEEDS(1_ECX, BIT(5))
#define NEEDS_SGX NEEDS(7_0_EBX, BIT(2)), .needs_kvm = true
#define NEEDS_AVX10 NEEDS(7_1_EDX, BIT(19))

/*
 * Keep in sync with bits_of_leaf() and bits_of_msr() in cpu-view.c: what is
 * missing here has X86CPU_REASON_QEMU.
 */
static const Gate gates[] = {
    { X86CPU_FEAT_KVM, ~0ull, .needs_kvm = true, .needs_property = true },
    { X86CPU_FEAT_KVM_HINTS, ~0ull, .needs_kvm = true,
      .needs_property = true },
    { X86CPU_FEAT_XSAVE, ~0ull, NEEDS(1_ECX, BIT(26)) },
    { X86CPU_FEAT_SVM, ~0ull, NEEDS(8000_0001_ECX, BIT(2)) },
    { X86CPU_FEAT_14_0_ECX, ~0ull, NEEDS(7_0_EBX, BIT(25)),
      .needs_kvm = true },
    { X86CPU_FEAT_SGX_12_0_EAX, ~0ull, NEEDS_SGX },
    { X86CPU_FEAT_SGX_12_0_EBX, ~0ull, NEEDS_SGX },
    { X86CPU_FEAT_SGX_12_1_EAX, ~0ull, NEEDS_SGX },
    { X86CPU_FEAT_1E_1_EAX, ~0ull, NEEDS(7_0_EDX, BIT(24)) },
    { X86CPU_FEAT_24_0_EBX, ~0ull, NEEDS_AVX10 },
    { X86CPU_FEAT_24_1_ECX, ~0ull, NEEDS_AVX10 },
    { X86CPU_FEAT_29_0_EBX, ~0ull, NEEDS(7_1_EDX, APXF) },
    { X86CPU_FEAT_1_ECX, PDCM, .needs_pmu = true },
    { X86CPU_FEAT_8000_0022_EAX, ~0ull, .needs_kvm = true,
      .needs_pmu = true },
    { X86CPU_FEAT_PERF_CAPABILITIES, ~0ull, .needs_pmu = true },
    { X86CPU_FEAT_VMX_PROCBASED_CTLS, ~0ull, NEEDS_VMX },
    { X86CPU_FEAT_VMX_SECONDARY_CTLS, ~0ull, NEEDS_VMX },
    { X86CPU_FEAT_VMX_PINBASED_CTLS, ~0ull, NEEDS_VMX },
    { X86CPU_FEAT_VMX_EXIT_CTLS, ~0ull, NEEDS_VMX },
    { X86CPU_FEAT_VMX_ENTRY_CTLS, ~0ull, NEEDS_VMX },
    { X86CPU_FEAT_VMX_MISC, ~0ull, NEEDS_VMX },
    { X86CPU_FEAT_VMX_EPT_VPID_CAPS, ~0ull, NEEDS_VMX },
    { X86CPU_FEAT_VMX_BASIC, ~0ull, NEEDS_VMX },
    { X86CPU_FEAT_VMX_VMFUNC, ~0ull, NEEDS_VMX },
    /* TCG follows Intel: no SYSCALL outside of 64-bit mode */
    { X86CPU_FEAT_8000_0001_EDX, SYSCALL, NEEDS(8000_0001_EDX, BIT(29)) },
    { X86CPU_FEAT_8000_0007_EBX, ~0ull, .needs_property = true },
};

static bool has(const X86Cpu *cpu, X86CpuBits bits)
{
    return cpu->words[bits.word] & bits.mask;
}

static void add_need(X86CpuUnseen *u, unsigned word, uint64_t mask)
{
    u->reason = X86CPU_REASON_DEPENDENCY;
    if (u->nneeds < X86CPU_MAX_NEEDS) {
        u->needs[u->nneeds].word = word;
        u->needs[u->nneeds++].mask = mask;
    }
}

/* What QEMU 11.1 drops from CPUs without pmu, whatever depends on it */
static bool is_dropped_without_pmu(const Explanation *e, X86CpuBits bit)
{
    const uint64_t *values = e->closed.values;

    if (e->tables->version < X86CPU_LINE_11_1 || values[X86CPU_PMU]) {
        return false;
    }
    return (bit.word == X86CPU_FEAT_7_0_EDX && bit.mask == ARCH_LBR) ||
           (bit.word == X86CPU_FEAT_1_ECX && bit.mask == PDCM &&
            !values[X86CPU_X_PDCM_ON_EVEN_WITHOUT_PMU]);
}

/*
 * Whether it was dropped because of features, which become what it needs.
 * Those of FEAT_KVM are dropped for other reasons.
 */
static bool explain_unmet(const Explanation *e, X86CpuUnseen *u)
{
    size_t i;

    if (has(&e->closed, u->cause)) {
        return false;
    }
    for (i = 0; i < e->tables->ndependencies; i++) {
        const X86CpuDependency *dep = &e->tables->dependencies[i];

        if (dep->to == u->cause.word && (dep->to_mask & u->cause.mask) &&
            !(e->closed.words[dep->from] & dep->from_mask)) {
            add_need(u, dep->from, dep->from_mask);
        }
    }
    return u->nneeds;
}

static void explain_conflict(X86CpuUnseen *u)
{
    static const X86CpuBits mpx = { X86CPU_FEAT_7_0_EBX, MPX };
    static const X86CpuBits apxf = { X86CPU_FEAT_7_1_EDX, APXF };
    static const X86CpuBits lip = { X86CPU_FEAT_14_0_ECX, LIP };

    u->reason = X86CPU_REASON_CONFLICT;
    u->conflicts_with = u->cause.word == apxf.word ? mpx
                      : u->cause.mask == MPX ? apxf : lip;
}

/* Whether the host removed it */
static bool explain_removed(const Explanation *e, X86CpuUnseen *u)
{
    static const X86CpuReason reasons[X86CPU_REMOVALS] = {
        [X86CPU_REMOVED_NOT_OFFERED] = X86CPU_REASON_NOT_OFFERED,
        [X86CPU_REMOVED_VALUE] = X86CPU_REASON_VALUE,
        [X86CPU_REMOVED_CONFLICT] = X86CPU_REASON_CONFLICT,
        [X86CPU_REMOVED_LEVEL] = X86CPU_REASON_LEVEL,
    };
    int i;

    for (i = 0; i < X86CPU_REMOVALS; i++) {
        if (e->filtered.removed[i][u->cause.word] & u->cause.mask) {
            u->reason = reasons[i];
            u->blocking = true;
            if (i == X86CPU_REMOVED_CONFLICT) {
                explain_conflict(u);
            }
            return true;
        }
    }
    return false;
}

/* TCG has none of the feature MSRs. */
static bool accelerator_lacks(const Explanation *e, unsigned word)
{
    return e->accel != X86CPU_ON_KVM && e->tables->words[word].msr;
}

/* Whether @gate hides it by more than missing features */
static bool explain_gate(const Explanation *e, const Gate *gate,
                         X86CpuUnseen *u)
{
    const X86Cpu *cpu = &e->filtered.remaining;

    if (gate->needs_kvm && e->accel != X86CPU_ON_KVM) {
        u->reason = X86CPU_REASON_ACCELERATOR;
        return true;
    }
    if (gate->needs_property ||
        (gate->needs_pmu && !cpu->values[X86CPU_PMU])) {
        u->reason = X86CPU_REASON_CONFIGURATION;
        return true;
    }
    if (gate->needs.mask && !has(cpu, gate->needs)) {
        add_need(u, gate->needs.word, gate->needs.mask);
    }
    return false;
}

/* It is on in the CPU that remains, and hidden. */
static void explain_hidden(const Explanation *e, X86CpuUnseen *u)
{
    unsigned word = u->cause.word;
    size_t i;

    if (accelerator_lacks(e, word)) {
        u->reason = X86CPU_REASON_ACCELERATOR;
        return;
    }
    if (!x86cpu_view_has_word(&e->view, &e->tables->words[word])) {
        u->reason = X86CPU_REASON_LEVEL;
        return;
    }
    u->reason = X86CPU_REASON_QEMU;
    for (i = 0; i < COUNT(gates); i++) {
        if (gates[i].word == word && (gates[i].mask & u->cause.mask) &&
            explain_gate(e, &gates[i], u)) {
            return;
        }
    }
    if (!u->nneeds && word == X86CPU_FEAT_24_1_ECX) {
        /* Subleaf 0 does not count it. */
        u->reason = X86CPU_REASON_LEVEL;
    }
}

/* The bit of leaf 1 that @bit copies, if that is missing; else @bit */
static X86CpuBits cause_of(const Explanation *e, X86CpuBits bit)
{
    if (x86cpu_is_amd(&e->closed) && bit.word == X86CPU_FEAT_8000_0001_EDX &&
        (X86CPU_AMD_ALIASES & bit.mask) &&
        !(e->view.words[X86CPU_FEAT_1_EDX] & bit.mask)) {
        bit.word = X86CPU_FEAT_1_EDX;
    }
    return bit;
}

/* Guests see some of them if x-force-features is on. */
static uint64_t removed_bits(const X86CpuFiltered *filtered, unsigned word)
{
    uint64_t bits = 0;
    int i;

    for (i = 0; i < X86CPU_REMOVED_ALIAS; i++) {
        bits |= filtered->removed[i][word];
    }
    return bits;
}

static void explain(const Explanation *e, X86CpuBits bit, X86CpuUnseen *u)
{
    *u = (X86CpuUnseen) { .bit = bit, .cause = cause_of(e, bit) };
    if (is_dropped_without_pmu(e, u->cause)) {
        u->reason = X86CPU_REASON_CONFIGURATION;
    } else if (!explain_unmet(e, u) && !explain_removed(e, u)) {
        explain_hidden(e, u);
    }
}

/* The bits of word @word that @cpu requests, with AMD's copies of leaf 1 */
static uint64_t requested_bits(const X86Cpu *cpu, unsigned word)
{
    uint64_t bits = cpu->words[word];

    if (word == X86CPU_FEAT_8000_0001_EDX && x86cpu_is_amd(cpu)) {
        bits &= ~X86CPU_AMD_ALIASES;
        bits |= cpu->words[X86CPU_FEAT_1_EDX] & X86CPU_AMD_ALIASES;
    }
    return bits;
}

void x86cpu_explain(const X86CpuTables *tables, const X86Cpu *cpu,
                    X86CpuAccelerator accel, X86CpuTopology topology,
                    const X86CpuOffer *offer,
                    void (*found)(const X86CpuUnseen *unseen, void *opaque),
                    void *opaque)
{
    Explanation e = { .tables = tables, .accel = accel, .closed = *cpu };
    X86Cpu *remaining = &e.filtered.remaining;
    X86CpuUnseen unseen;
    X86CpuBits bit;

    x86cpu_expand_features(tables, &e.closed, accel, topology);
    if (offer) {
        x86cpu_filter(tables, cpu, accel, topology, offer, &e.filtered);
    } else {
        *remaining = *cpu;
        x86cpu_expand(tables, remaining, accel, topology);
    }
    x86cpu_view_expanded(tables, remaining, accel, topology, &e.view);
    for (bit.word = 0; bit.word < X86CPU_MAX_WORDS; bit.word++) {
        uint64_t bits = requested_bits(cpu, bit.word) &
                        (~e.view.words[bit.word] |
                         removed_bits(&e.filtered, bit.word));

        if (!tables->words[bit.word].present ||
            x86cpu_is_derived_word(bit.word)) {
            continue;
        }
        for (; bits; bits &= bits - 1) {
            bit.mask = bits & -bits;
            explain(&e, bit, &unseen);
            found(&unseen, opaque);
        }
    }
}
