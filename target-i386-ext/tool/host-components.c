/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * XSAVE components that a guest lacks on the host of a passport
 *
 * Sources: x86_cpu_enable_xsave_components() and cpu_x86_cpuid(), leaf 0xD, in
 * target/i386/cpu.c of each line, and what host-line.c names;
 * feature-requests.c and guest-view.c of the extension.
 */

#include "host-components.h"
#include "host-line.h"

#define BIT(n) (1ull << (n))
#define LOW_HALF 0xffffffffull

#define XSAVE           BIT(26)         /* 1, ECX */
#define XSAVES          BIT(3)          /* 0xD.1, EAX */
#define MPX             BIT(14)         /* 7.0, EBX */
#define ARCH_LBR        BIT(19)         /* 7.0, EDX */
#define APXF            BIT(21)         /* 7.1, EDX */
#define ARCH_LBR_STATE  BIT(15)

enum { LEAF = 0xd };

/* In the order of QEMU's words */
static const struct {
    X86CpuWordId word;
    bool supervisor, high;
} words[] = {
    { X86CPU_FEAT_XSAVE_XCR0_LO, false, false },
    { X86CPU_FEAT_XSAVE_XCR0_HI, false, true },
    { X86CPU_FEAT_XSAVE_XSS_LO, true, false },
    { X86CPU_FEAT_XSAVE_XSS_HI, true, true },
};

typedef struct Components {
    const X86CpuTables *tables;
    const HostLine *line;
    const X86CpuOffer *offer;
    const X86Cpu *remaining;
    /* Components that QEMU does not drop at once, as the host lacks them */
    uint64_t known;
    /* Expanded, and less what excludes each other */
    X86Cpu wanted;
    /* Of features that exclude each other: mpx and apxf */
    uint64_t excluded;
} Components;

static bool has(const X86Cpu *cpu, X86CpuWordId word, uint64_t bits)
{
    return cpu->words[word] & bits;
}

static bool has_component(const X86Cpu *cpu, const X86CpuComponent *component)
{
    size_t i;

    for (i = 0; i < X86CPU_COMPONENT_FEATURES; i++) {
        if (has(cpu, component->features[i].word,
                component->features[i].mask)) {
            return true;
        }
    }
    return false;
}

/* The components that QEMU puts into words, before it filters them */
static uint64_t wanted_components(const Components *c)
{
    uint64_t components = 0;
    size_t i;

    if (!has(&c->wanted, X86CPU_FEAT_1_ECX, XSAVE)) {
        return 0;
    }
    for (i = 0; i < c->tables->ncomponents; i++) {
        if (has_component(&c->wanted, &c->tables->components[i])) {
            components |= BIT(c->tables->components[i].number);
        }
    }
    components &= c->known;
    return c->line->supervisor_needs_xsaves &&
           !has(&c->wanted, X86CPU_FEAT_XSAVE, XSAVES)
           ? components & ~c->line->supervisor : components;
}

/* Those of x87 and SSE are always known. */
static uint64_t known_components(const HostLine *line,
                                 const X86CpuOffer *offer)
{
    const uint64_t *offered = offer->words;
    uint64_t known = 3 | offered[X86CPU_FEAT_XSAVE_XCR0_LO] |
                     offered[X86CPU_FEAT_XSAVE_XCR0_HI] << 32;

    if (line->looks_at_xss) {
        known |= offered[X86CPU_FEAT_XSAVE_XSS_LO] |
                 offered[X86CPU_FEAT_XSAVE_XSS_HI] << 32;
    }
    return known;
}

/* Drops both of them, as x86_cpu_expand_features() does. */
static void exclude_mpx_and_apxf(Components *c)
{
    const X86CpuTables *tables = c->tables;
    X86Cpu both = { 0 };
    size_t i;

    if (!x86cpu_has_mpx_and_apxf(tables, &c->wanted)) {
        return;
    }
    if (!c->wanted.forced) {
        c->wanted.words[X86CPU_FEAT_7_0_EBX] &= ~MPX;
        c->wanted.words[X86CPU_FEAT_7_1_EDX] &= ~APXF;
    }
    both.words[X86CPU_FEAT_7_0_EBX] = MPX;
    both.words[X86CPU_FEAT_7_1_EDX] = APXF;
    for (i = 0; i < tables->ncomponents; i++) {
        if (has_component(&both, &tables->components[i])) {
            c->excluded |= BIT(tables->components[i].number) & c->known;
        }
    }
}

static bool lacks_leaf(const Components *c)
{
    return c->remaining->values[X86CPU_LEVEL] < LEAF;
}

static bool shows_late_arch_lbr(const Components *c)
{
    return has(c->remaining, X86CPU_FEAT_7_0_EDX, ARCH_LBR) &&
           has(c->remaining, X86CPU_FEAT_XSAVE, XSAVES) &&
           c->remaining->values[X86CPU_PMU];
}

/* What a guest sees of @bits in word @word */
static uint64_t seen(const Components *c, X86CpuWordId word, uint64_t bits)
{
    if (lacks_leaf(c) || !has(c->remaining, X86CPU_FEAT_1_ECX, XSAVE)) {
        return 0;
    }
    if (word == X86CPU_FEAT_XSAVE_XSS_LO && c->line->has_late_arch_lbr) {
        bits &= ~ARCH_LBR_STATE;
        bits |= shows_late_arch_lbr(c) ? ARCH_LBR_STATE : 0;
    }
    return bits;
}

/* What QEMU means to be there though it is in no word */
static uint64_t further(const Components *c, X86CpuWordId word)
{
    if (word == X86CPU_FEAT_XSAVE_XSS_LO) {
        return has(c->remaining, X86CPU_FEAT_7_0_EDX, ARCH_LBR) &&
               has(c->remaining, X86CPU_FEAT_XSAVE, XSAVES) ? ARCH_LBR_STATE
                                                            : 0;
    }
    return word == X86CPU_FEAT_XSAVE_XCR0_LO &&
           has(c->remaining, X86CPU_FEAT_1_ECX, XSAVE) ? c->excluded : 0;
}

static void add_need(X86CpuUnseen *u, X86CpuWordId word, uint64_t mask)
{
    u->reason = X86CPU_REASON_DEPENDENCY;
    u->needs[u->nneeds++] = (X86CpuBits) { word, mask };
}

/* Mpx or apxf is why the other one, and its state, are not there. */
static void explain_excluded(const Components *c, X86CpuUnseen *u)
{
    X86CpuBits owner = host_components_owner(c->tables, u->bit);

    u->reason = X86CPU_REASON_CONFLICT;
    u->conflicts_with = owner.word == X86CPU_FEAT_7_1_EDX
                        ? (X86CpuBits) { X86CPU_FEAT_7_0_EBX, MPX }
                        : (X86CpuBits) { X86CPU_FEAT_7_1_EDX, APXF };
}

/* Why it is hidden, in the order of the gates in guest-view.c */
static void explain_hidden(const Components *c, X86CpuUnseen *u)
{
    bool is_late = c->line->has_late_arch_lbr &&
                   u->bit.word == X86CPU_FEAT_XSAVE_XSS_LO &&
                   u->bit.mask == ARCH_LBR_STATE;

    if (lacks_leaf(c)) {
        u->reason = X86CPU_REASON_LEVEL;
        return;
    }
    u->reason = X86CPU_REASON_QEMU;
    if (!has(c->remaining, X86CPU_FEAT_1_ECX, XSAVE)) {
        add_need(u, X86CPU_FEAT_1_ECX, XSAVE);
    }
    if (is_late && !c->remaining->values[X86CPU_PMU]) {
        u->reason = X86CPU_REASON_CONFIGURATION;
        return;
    }
    if (is_late && !has(c->remaining, X86CPU_FEAT_7_0_EDX, ARCH_LBR)) {
        add_need(u, X86CPU_FEAT_7_0_EDX, ARCH_LBR);
    }
    if (is_late && !has(c->remaining, X86CPU_FEAT_XSAVE, XSAVES)) {
        add_need(u, X86CPU_FEAT_XSAVE, XSAVES);
    }
    if (u->reason == X86CPU_REASON_QEMU &&
        !(c->offer->words[u->bit.word] & u->bit.mask)) {
        u->reason = X86CPU_REASON_NOT_OFFERED;
    }
}

void host_components_explain(const X86CpuTables *tables,
                             const X86Cpu *requested, X86CpuTopology topology,
                             const X86CpuOffer *offer,
                             const X86CpuFiltered *filtered,
                             void (*found)(const X86CpuUnseen *unseen,
                                           void *opaque),
                             void *opaque)
{
    Components c = {
        .tables = tables,
        .line = host_line(tables->version),
        .offer = offer,
        .remaining = &filtered->remaining,
        .wanted = *requested,
    };
    uint64_t all;
    size_t i;

    x86cpu_expand_features(tables, &c.wanted, X86CPU_ON_KVM, topology);
    c.known = known_components(c.line, offer);
    exclude_mpx_and_apxf(&c);
    all = wanted_components(&c);
    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        X86CpuWordId word = words[i].word;
        uint64_t bits = words[i].supervisor ? all & c.line->supervisor
                                            : all & ~c.line->supervisor;
        uint64_t offered = offer->words[word];
        uint64_t left, removed;

        bits = words[i].high ? bits >> 32 : bits & LOW_HALF;
        left = requested->forced ? bits : bits & offered;
        removed = (bits & ~offered) |
                  ((bits | further(&c, word)) & ~seen(&c, word, left));
        for (; removed; removed &= removed - 1) {
            X86CpuUnseen unseen = {
                .bit = { word, removed & -removed },
                .cause = { word, removed & -removed },
            };

            if (bits & ~offered & unseen.bit.mask) {
                unseen.reason = X86CPU_REASON_NOT_OFFERED;
                unseen.blocking = true;
            } else if (word == X86CPU_FEAT_XSAVE_XCR0_LO &&
                       (c.excluded & ~bits & unseen.bit.mask)) {
                explain_excluded(&c, &unseen);
            } else {
                explain_hidden(&c, &unseen);
            }
            found(&unseen, opaque);
        }
    }
}

static void note_blocking(const X86CpuUnseen *unseen, void *opaque)
{
    bool *missing = opaque;

    *missing |= unseen->blocking;
}

bool host_components_are_missing(const X86CpuTables *tables,
                                 const X86Cpu *requested,
                                 const X86CpuOffer *offer,
                                 const X86CpuFiltered *filtered)
{
    bool missing = false;

    host_components_explain(tables, requested, X86CPU_ONE_THREAD, offer,
                            filtered, note_blocking, &missing);
    return missing;
}

X86CpuBits host_components_owner(const X86CpuTables *tables, X86CpuBits bit)
{
    size_t i, n;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (n = 0; words[i].word == bit.word && n < tables->ncomponents; n++) {
            const X86CpuComponent *component = &tables->components[n];
            unsigned shift = words[i].high ? 32 : 0;

            if (component->number >= shift &&
                bit.mask == BIT(component->number - shift)) {
                bit.word = component->features[0].word;
                bit.mask = component->features[0].mask &
                           -component->features[0].mask;
                return bit;
            }
        }
    }
    return bit;
}
