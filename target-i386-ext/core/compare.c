/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How two CPUs compare
 */

#include <string.h>
#include "compare.h"

#define INTEL_PT (1ull << 25)           /* CPUID[7].EBX */
#define LA57 (1ull << 16)               /* CPUID[7].ECX */

void x86cpu_view_all(const X86CpuTables *tables, const X86Cpu *cpu,
                     X86CpuAccelerator accel, X86CpuViews *views)
{
    int t;

    for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
        x86cpu_view(tables, cpu, accel, t, &views->at[t]);
    }
}

static bool looks_like(const X86CpuTables *tables, const X86Cpu *cpu,
                       X86CpuAccelerator accel, const X86CpuViews *other)
{
    X86CpuView view;
    int t;

    for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
        x86cpu_view(tables, cpu, accel, t, &view);
        if (memcmp(&view, &other->at[t], sizeof(view))) {
            return false;
        }
    }
    return true;
}

bool x86cpu_identical(const X86CpuTables *tables, const X86Cpu *a,
                      const X86Cpu *b, X86CpuAccelerator accel)
{
    X86CpuViews views;

    x86cpu_view_all(tables, b, accel, &views);
    return looks_like(tables, a, accel, &views);
}

/* ---- subset ---- */

/*
 * Bits that never make CPUs incompatible: QEMU sets them according to the
 * topology, or AMD's CPUs repeat them from leaf 1, where they count.
 */
static void find_free_bits(const X86CpuTables *tables, const X86CpuView *view,
                           uint64_t *bits)
{
    size_t i;

    memset(bits, 0, X86CPU_MAX_WORDS * sizeof(*bits));
    if (!memcmp(view->vendor, "AuthenticAMD", sizeof(view->vendor))) {
        bits[X86CPU_FEAT_8000_0001_EDX] = X86CPU_AMD_ALIASES;
    }
    for (i = 0; i < tables->nfeatures; i++) {
        if (tables->features[i].polarity == X86CPU_TOPOLOGY) {
            bits[tables->features[i].word] |= tables->features[i].mask;
        }
    }
}

/* The value of a switch: off is less than on */
static uint64_t switch_value(X86CpuPropertyId id, uint64_t value)
{
    return id == X86CPU_HV_SPINLOCKS ? value != 0 : value;
}

static bool value_fits(X86CpuPropertyId id, X86CpuClass class,
                       uint64_t a, uint64_t b)
{
    switch (class) {
    case X86CPU_CLASS_BIT:
        return switch_value(id, a) <= switch_value(id, b);
    case X86CPU_CLASS_MINIMUM:
        return a <= b;
    case X86CPU_CLASS_FLAT:
    case X86CPU_CLASS_GATE:
        /* In views, 0 is the lowest value, the default, and no effect. */
        return a == b || !a;
    default:
        return true;
    }
}

/* Intel PT has addresses in one of two forms, by its bit LIP. */
static bool intel_pt_fits(const X86CpuView *a, const X86CpuView *b)
{
    return !(a->words[X86CPU_FEAT_7_0_EBX] & INTEL_PT) ||
           !(b->words[X86CPU_FEAT_7_0_EBX] & INTEL_PT) ||
           a->words[X86CPU_FEAT_14_0_ECX] == b->words[X86CPU_FEAT_14_0_ECX];
}

static bool view_fits(const X86CpuTables *tables, const X86CpuView *a,
                      const X86CpuView *b, const uint64_t *free_bits)
{
    unsigned i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        if (a->words[i] & ~b->words[i] & ~free_bits[i]) {
            return false;
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (!value_fits(i, tables->properties[i].class, a->values[i],
                        b->values[i])) {
            return false;
        }
    }
    return !memcmp(a->vendor, b->vendor, sizeof(a->vendor)) &&
           intel_pt_fits(a, b);
}

bool x86cpu_views_fit(const X86CpuTables *tables, const X86CpuViews *a,
                      const X86CpuViews *b)
{
    uint64_t free_bits[X86CPU_MAX_WORDS];
    int t;

    find_free_bits(tables, &a->at[0], free_bits);
    for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
        if (!view_fits(tables, &a->at[t], &b->at[t], free_bits)) {
            return false;
        }
    }
    return true;
}

bool x86cpu_fits(const X86CpuTables *tables, const X86Cpu *a, const X86Cpu *b,
                 X86CpuAccelerator accel)
{
    X86CpuViews of_a, of_b;

    x86cpu_view_all(tables, a, accel, &of_a);
    x86cpu_view_all(tables, b, accel, &of_b);
    return x86cpu_views_fit(tables, &of_a, &of_b);
}

void x86cpu_find_maximal(const X86CpuTables *tables, const X86CpuViews *cpus,
                         size_t count, bool *maximal)
{
    size_t i, j;

    for (i = 0; i < count; i++) {
        maximal[i] = true;
        for (j = 0; j < count && maximal[i]; j++) {
            maximal[i] = !x86cpu_views_fit(tables, &cpus[i], &cpus[j]) ||
                         x86cpu_views_fit(tables, &cpus[j], &cpus[i]);
        }
    }
}

/* ---- what makes the difference ---- */

/* The features of word @word that have one of @bits, and bits without a name */
static uint64_t whole_features(const X86CpuTables *tables, unsigned word,
                               uint64_t bits)
{
    uint64_t whole = bits;
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        if (tables->features[i].word == word &&
            (tables->features[i].mask & bits)) {
            whole |= tables->features[i].mask;
        }
    }
    return whole;
}

/* Properties in which the CPUs themselves differ, visibly or not */
static void find_differences(const X86CpuTables *tables, const X86Cpu *a,
                             const X86Cpu *b, X86CpuNames *names)
{
    unsigned i;

    memset(names, 0, sizeof(*names));
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        names->bits[i] = whole_features(tables, i,
                                        a->words[i] ^ b->words[i]);
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        names->properties[i] = a->values[i] != b->values[i];
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        names->caches[i] = !x86cpu_same_cache(&a->caches[i], &b->caches[i]);
    }
    names->vendor = strcmp(a->vendor, b->vendor);
    names->model_id = strcmp(a->model_id, b->model_id);
    names->hv_vendor_id = strcmp(a->hv_vendor_id, b->hv_vendor_id);
}

void x86cpu_copy_named(X86Cpu *to, const X86Cpu *from,
                       const X86CpuNames *names)
{
    unsigned i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        to->words[i] = (to->words[i] & ~names->bits[i]) |
                       (from->words[i] & names->bits[i]);
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (names->properties[i]) {
            to->values[i] = from->values[i];
            to->given[i] = from->given[i];
        }
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        if (names->caches[i]) {
            to->caches[i] = from->caches[i];
        }
        if (to->caches[i].size) {
            to->values[X86CPU_LEGACY_CACHE] = false;
        }
    }
    if (names->vendor) {
        memcpy(to->vendor, from->vendor, sizeof(to->vendor));
    }
    if (names->model_id) {
        memcpy(to->model_id, from->model_id, sizeof(to->model_id));
    }
    if (names->hv_vendor_id) {
        memcpy(to->hv_vendor_id, from->hv_vendor_id,
               sizeof(to->hv_vendor_id));
    }
}

/* What find_responsible() works on */
typedef struct Reduction {
    const X86CpuTables *tables;
    const X86Cpu *a, *b;
    X86CpuAccelerator accel;
    const X86CpuViews *of_b;
    X86CpuNames *names;
    bool reduced;
} Reduction;

/* Whether A with B's values of what is left looks like B */
static bool suffices(const Reduction *r)
{
    X86Cpu cpu = *r->a;

    x86cpu_copy_named(&cpu, r->b, r->names);
    return looks_like(r->tables, &cpu, r->accel, r->of_b);
}

static void try_without(Reduction *r, bool *name)
{
    if (*name) {
        *name = false;
        if (suffices(r)) {
            r->reduced = true;
        } else {
            *name = true;
        }
    }
}

static void try_without_bits(Reduction *r, unsigned word, uint64_t mask)
{
    uint64_t *bits = &r->names->bits[word];
    uint64_t before = *bits;

    if (*bits & mask) {
        *bits &= ~mask;
        if (suffices(r)) {
            r->reduced = true;
        } else {
            *bits = before;
        }
    }
}

static void reduce(Reduction *r)
{
    unsigned word;
    size_t i;

    /* What goes first decides what is left: not the order of the tables. */
    for (word = 0; word < X86CPU_MAX_WORDS; word++) {
        uint64_t named = 0, left;

        for (i = 0; r->names->bits[word] && i < r->tables->nfeatures; i++) {
            const X86CpuFeature *feature = &r->tables->features[i];

            if (feature->word == word) {
                named |= feature->mask;
                try_without_bits(r, word, feature->mask);
            }
        }
        for (left = r->names->bits[word] & ~named; left; left &= left - 1) {
            try_without_bits(r, word, left & -left);
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        try_without(r, &r->names->properties[i]);
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        try_without(r, &r->names->caches[i]);
    }
    try_without(r, &r->names->vendor);
    try_without(r, &r->names->model_id);
    try_without(r, &r->names->hv_vendor_id);
}

/*
 * Leaves out names, one after the other, for as long as one can be spared: that
 * another one went may make one superfluous.
 */
static void find_responsible(const X86CpuTables *tables, const X86Cpu *a,
                             const X86Cpu *b, X86CpuAccelerator accel,
                             const X86CpuViews *of_b, X86CpuNames *names)
{
    Reduction r = { tables, a, b, accel, of_b, names, true };

    find_differences(tables, a, b, names);
    while (r.reduced) {
        r.reduced = false;
        reduce(&r);
    }
}

/*
 * Adds what @a shows at a topology and @b does not.  What AMD's CPUs repeat
 * from leaf 1 is not a feature of its own.
 */
static void add_missing(const X86CpuTables *tables, const X86CpuView *a,
                        const X86CpuView *b, X86CpuNames *names)
{
    unsigned i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        names->bits[i] |= a->words[i] & ~b->words[i];
    }
    names->bits[X86CPU_FEAT_8000_0001_EDX] &= ~X86CPU_AMD_ALIASES;
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        names->properties[i] |=
            tables->properties[i].class == X86CPU_CLASS_BIT &&
            switch_value(i, a->values[i]) > switch_value(i, b->values[i]);
    }
}

static void add_differing(const X86CpuTables *tables, const X86CpuView *a,
                          const X86CpuView *b, X86CpuNames *names)
{
    static const struct {
        X86CpuPropertyId id;
        size_t offset;
    } levels[] = {
        { X86CPU_LEVEL, offsetof(X86CpuView, level) },
        { X86CPU_XLEVEL, offsetof(X86CpuView, xlevel) },
        { X86CPU_XLEVEL2, offsetof(X86CpuView, xlevel2) },
        { X86CPU_LEVEL_FUNC7, offsetof(X86CpuView, level_func7) },
    };
    size_t i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        bool is_switch = tables->properties[i].class == X86CPU_CLASS_BIT &&
                         switch_value(i, a->values[i]) !=
                         switch_value(i, b->values[i]);

        names->properties[i] |= a->values[i] != b->values[i] && !is_switch;
    }
    for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        names->properties[levels[i].id] |=
            memcmp((const char *)a + levels[i].offset,
                   (const char *)b + levels[i].offset, sizeof(a->level)) != 0;
    }
    if (a->has_57_bits != b->has_57_bits &&
        !((a->words[X86CPU_FEAT_7_0_ECX] ^ b->words[X86CPU_FEAT_7_0_ECX]) &
          LA57)) {
        names->bits[X86CPU_FEAT_7_0_ECX] |= LA57;
    }
    names->properties[X86CPU_X_VENDOR_CPUID_ONLY_V2] |=
        a->hides_vendor != b->hides_vendor;
    for (i = 0; i < X86CPU_CACHES; i++) {
        names->caches[i] |= memcmp(&a->caches[i], &b->caches[i],
                                   sizeof(a->caches[i])) != 0;
    }
    names->vendor |= memcmp(a->vendor, b->vendor, sizeof(a->vendor)) != 0;
    names->model_id |= memcmp(a->model_id, b->model_id,
                              sizeof(a->model_id)) != 0;
    names->hv_vendor_id |= memcmp(a->hv_vendor_id, b->hv_vendor_id,
                                  sizeof(a->hv_vendor_id)) != 0;
}

void x86cpu_compare(const X86CpuTables *tables, const X86Cpu *a,
                    const X86Cpu *b, X86CpuAccelerator accel,
                    X86CpuComparison *result)
{
    X86CpuViews of_a, of_b;
    int t;

    memset(result, 0, sizeof(*result));
    x86cpu_view_all(tables, a, accel, &of_a);
    x86cpu_view_all(tables, b, accel, &of_b);
    if (!memcmp(&of_a, &of_b, sizeof(of_a))) {
        result->relation = X86CPU_IDENTICAL;
        return;
    }
    result->relation = x86cpu_views_fit(tables, &of_a, &of_b) ? X86CPU_SUBSET
                     : x86cpu_views_fit(tables, &of_b, &of_a) ? X86CPU_SUPERSET
                                                       : X86CPU_INCOMPATIBLE;
    for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
        const X86CpuView *va = &of_a.at[t], *vb = &of_b.at[t];

        add_missing(tables, va, vb, &result->missing_in_b);
        add_missing(tables, vb, va, &result->missing_in_a);
        add_differing(tables, va, vb, &result->differs);
    }
    find_responsible(tables, a, b, accel, &of_b, &result->responsible);
}
