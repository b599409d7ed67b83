/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Arbitrary CPUs, tables and texts for the core (target-i386-ext/core)
 *
 * Answers, for whoever changes the core: does it stay within its memory and
 * within defined C whatever is in a CPU, and does what its headers promise of
 * any two CPUs hold for all of them?  core-test.c tests what the answers are.
 *
 * usage: core-fuzz SEED FIRST COUNT
 *
 * Makes COUNT rounds, from number FIRST.  A round depends on nothing but its
 * number and the seed, so the one that fails can be repeated alone.  To be built
 * with sanitizers.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "baseline.h"
#include "core-tables.h"
#include "nearest.h"

/* No round takes that many seconds, unless something is endless. */
#define MOST_SECONDS 60

/* ---- where it is ---- */

static char place[96];

/* Sanitizers abort, too: see test_core.py. */
static void say_place(int sig)
{
    ssize_t written = write(STDERR_FILENO, place, strlen(place));

    _exit(written < 0 ? 2 : 1);
}

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "core-fuzz.c:%d: not so: %s\n", __LINE__, \
                    #condition); \
            abort(); \
        } \
    } while (0)

#define CHECK_SAME(a, b) CHECK(!memcmp(&(a), &(b), sizeof(a)))

/* What the rounds came across, so that they can't all be trivial */
static struct {
    unsigned long relations[4], edits, no_edits, baselines, problems;
    unsigned long parsed, refused;
} seen;

/* ---- arbitrary bytes ---- */

static uint64_t state;

/* xorshift64* (Vigna, arXiv:1402.6246) */
static uint64_t any(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

static unsigned below(unsigned n)
{
    return (any() >> 32) % n;
}

static bool one_in(unsigned n)
{
    return !below(n);
}

static void seed(uint64_t number, uint64_t round)
{
    int i;

    /* Neighbours begin alike: they have to be mixed.  0 would stay 0. */
    state = (number * 0x9e3779b97f4a7c15ull) ^ (round + 1) << 20;
    state = state ? state : 1;
    for (i = 0; i < 16; i++) {
        any();
    }
}

static uint64_t any_number(void)
{
    static const uint64_t edges[] = {
        0, 1, 2, 4, 5, 7, 0xb, 0xd, 0x14, 0x1f, 0x24, 36, 40, 52, 64, 255, 256,
        0x7fffffff, 0x80000000, 0x80000004, 0x80000008, 0x8000001e, 0xc0000001,
        0xfffffffe, 0xffffffff, 0x100000000, INT64_MAX, 1ull << 63, UINT64_MAX,
    };

    switch (below(4)) {
    case 0:
        return edges[below(G_N_ELEMENTS(edges))];
    case 1:
        return below(64);
    case 2:
        return any() >> 32;
    default:
        return any() >> below(64);
    }
}

static uint64_t any_bits(void)
{
    switch (below(5)) {
    case 0:
        return any();
    case 1:
        return any() & any() & any() & any();
    case 2:
        return BIT(below(64));
    case 3:
        return ~0ull;
    default:
        return 0;
    }
}

/* Of any length that fits; the rest is zeros. */
static void any_text(char *text, size_t size)
{
    size_t length = one_in(2) ? below(size) : size - 1, i;

    memset(text, 0, size);
    for (i = 0; i < length; i++) {
        text[i] = one_in(4) ? 1 + below(255) : 'a' + below(26);
    }
}

static void any_vendor(char vendor[13])
{
    static const char *const known[] = {
        "GenuineIntel", "AuthenticAMD", "CentaurHauls", "  Shanghai  ",
        "HygonGenuine", "",
    };

    any_text(vendor, 13);
    if (!one_in(8)) {
        memset(vendor, 0, 13);
        strcpy(vendor, known[below(G_N_ELEMENTS(known))]);
    }
}

static X86CpuCache any_cache(void)
{
    static const char *const levels[] = { "core", "module", "die", "socket" };
    X86CpuCache cache;
    int i;

    memset(&cache, 0, sizeof(cache));
    cache.size = one_in(3) ? 0 : any_number();
    for (i = 0; i < X86CPU_CACHE_NUMBERS; i++) {
        cache.numbers[i] = any_number();
    }
    for (i = 0; i < X86CPU_CACHE_FLAGS; i++) {
        cache.flags[i] = one_in(2);
    }
    any_text(cache.share, sizeof(cache.share));
    if (!one_in(4)) {
        memset(cache.share, 0, sizeof(cache.share));
        strcpy(cache.share, levels[below(4)]);
    }
    return cache;
}

/* ---- tables ---- */

static X86CpuFeature any_features[256];
static X86CpuDependency any_dependencies[64];
static X86CpuCacheDescriptor any_descriptors[16];

/* A part of the tables, with a few things changed */
static void edit_tables(void)
{
    static const char *const names[] = { "", "x", "avx10" };
    size_t i;

    tables.version = one_in(8) ? any_number() : tables.version;
    tables.nfeatures = tables.ndependencies = tables.ndescriptors = 0;
    for (i = 0; i < G_N_ELEMENTS(features); i++) {
        X86CpuFeature *f = &any_features[tables.nfeatures];

        if (!one_in(8)) {
            *f = features[i];
            tables.nfeatures++;
        }
        if (one_in(16)) {
            /* They stay in order, and have no bit in common. */
            f->name = names[below(G_N_ELEMENTS(names))];
            f->polarity = below(X86CPU_TOPOLOGY + 1);
        }
    }
    for (i = 0; i < G_N_ELEMENTS(dependencies); i++) {
        X86CpuDependency *dep = &any_dependencies[tables.ndependencies++];

        *dep = dependencies[i];
        tables.ndependencies -= one_in(8);
        if (one_in(16)) {
            dep->from = below(X86CPU_MAX_WORDS);
            dep->to = one_in(2) ? dep->from : below(X86CPU_MAX_WORDS);
            dep->from_mask = any_bits();
            dep->to_mask = any_bits();
        }
    }
    for (i = 0; i < G_N_ELEMENTS(descriptors); i++) {
        X86CpuCacheDescriptor *d = &any_descriptors[tables.ndescriptors++];

        *d = descriptors[i];
        tables.ndescriptors -= one_in(4);
        if (one_in(8)) {
            d->code = any();
            d->level = any();
            d->type = any();
            d->size = any_number();
            d->ways = any_number();
        }
    }
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        if (one_in(16)) {
            tables.words[i] = (X86CpuWord) {
                one_in(2), one_in(4), any_number(), any_number(), X86CPU_EAX
            };
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (one_in(32)) {
            tables.properties[i].class = below(X86CPU_CLASS_PERMISSIVE + 1);
            tables.properties[i].value = any_number();
        }
    }
    tables.features = any_features;
    tables.dependencies = any_dependencies;
    tables.descriptors = any_descriptors;
}

/* ---- CPUs ---- */

/* Those that are not on or off, and the most that QEMU's properties take */
static const struct {
    X86CpuPropertyId id;
    uint64_t most;
} numbers[] = {
    { X86CPU_AVX10_VERSION, UINT8_MAX },
    { X86CPU_FAMILY, 0xff + 0xf },
    { X86CPU_GUEST_PHYS_BITS, UINT32_MAX },
    { X86CPU_HOST_PHYS_BITS_LIMIT, UINT8_MAX },
    { X86CPU_HV_SPINLOCKS, UINT32_MAX },
    { X86CPU_HV_VERSION_ID_BUILD, UINT32_MAX },
    { X86CPU_HV_VERSION_ID_MAJOR, UINT16_MAX },
    { X86CPU_HV_VERSION_ID_MINOR, UINT16_MAX },
    { X86CPU_HV_VERSION_ID_SBRANCH, UINT8_MAX },
    { X86CPU_HV_VERSION_ID_SNUMBER, UINT32_MAX },
    { X86CPU_HV_VERSION_ID_SPACK, UINT32_MAX },
    { X86CPU_LBR_FMT, 0x3f },
    { X86CPU_LEVEL, UINT32_MAX },
    { X86CPU_LEVEL_FUNC7, UINT32_MAX },
    { X86CPU_MIN_LEVEL, UINT32_MAX },
    { X86CPU_MIN_XLEVEL, UINT32_MAX },
    { X86CPU_MIN_XLEVEL2, UINT32_MAX },
    { X86CPU_MODEL, 0xff },
    { X86CPU_PHYS_BITS, UINT32_MAX },
    { X86CPU_STEPPING, 0xf },
    { X86CPU_TSC_FREQUENCY, INT64_MAX },
    { X86CPU_UCODE_REV, UINT64_MAX },
    { X86CPU_X_HV_MAX_VPS, UINT64_MAX },
    { X86CPU_XLEVEL, UINT32_MAX },
    { X86CPU_XLEVEL2, UINT32_MAX },
};

/* The most that property @id may be */
static uint64_t most_of(unsigned id)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (numbers[i].id == id) {
            return numbers[i].most;
        }
    }
    return 1;
}

static uint64_t any_value(unsigned id, bool wild)
{
    uint64_t most = most_of(id), value = any_number();

    return wild || value <= most ? value : value % (most + 1);
}

/*
 * Changes a few things.  Those that are @wild have numbers that no property of
 * QEMU takes.
 */
static void change(X86Cpu *cpu, unsigned count, bool wild)
{
    unsigned i, id;

    while (count--) {
        const X86CpuFeature *f = tables.nfeatures
                                 ? &tables.features[below(tables.nfeatures)]
                                 : &features[0];

        switch (below(16)) {
        case 0:
            i = one_in(4) ? below(X86CPU_MAX_WORDS) : below(X86CPU_WORD_COUNT);
            cpu->words[i] = any_bits();
            break;
        case 1 ... 6:
            cpu->words[f->word] ^= f->mask;
            break;
        case 7:
            any_text(cpu->model_id, sizeof(cpu->model_id));
            break;
        case 8:
            any_text(cpu->hv_vendor_id, sizeof(cpu->hv_vendor_id));
            break;
        case 9:
            i = below(X86CPU_CACHES);
            cpu->caches[i] = any_cache();
            break;
        case 10:
            id = below(X86CPU_PROPERTY_COUNT);
            cpu->given[id] = !cpu->given[id];
            break;
        case 11:
            if (one_in(4)) {
                any_vendor(cpu->vendor);
            }
            break;
        default:
            id = one_in(2) ? numbers[below(G_N_ELEMENTS(numbers))].id
                           : below(X86CPU_PROPERTY_COUNT);
            cpu->values[id] = any_value(id, wild);
            break;
        }
    }
}

static X86Cpu any_cpu(bool wild)
{
    X86Cpu cpu = plain_cpu();
    size_t i;

    any_vendor(cpu.vendor);
    for (i = 0; i < tables.nfeatures; i++) {
        if (!one_in(3)) {
            cpu.words[tables.features[i].word] |= tables.features[i].mask;
        }
    }
    if (wild && one_in(64)) {
        for (i = 0; i < X86CPU_MAX_WORDS; i++) {
            cpu.words[i] = any_bits();
        }
        for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
            cpu.values[i] = any_number();
        }
    }
    change(&cpu, below(24), wild);
    return cpu;
}

/*
 * What the static expansion of a CPU like @cpu says, with nothing that lacks
 * what it needs
 */
static void describe(X86Cpu *cpu, X86CpuAccelerator accel)
{
    X86CpuHostValues host = { 36 + below(20), below(60) };
    uint64_t *values = cpu->values;
    size_t i, j;

    for (i = 0; i < tables.ndependencies; i++) {
        x86cpu_close(&tables, cpu);
    }
    if (!values[X86CPU_HV_VPINDEX]) {
        values[X86CPU_HV_SYNIC] &= values[X86CPU_X_HV_SYNIC_KVM_ONLY];
    }
    for (j = 0; j < x86cpu_hyperv_dependency_count; j++) {
        for (i = 0; i < x86cpu_hyperv_dependency_count; i++) {
            const X86CpuPropertyDependency *dep =
                &x86cpu_hyperv_dependencies[i];

            values[dep->property] &= values[dep->needs];
        }
    }
    x86cpu_describe(&tables, cpu, accel, one_in(4) ? NULL : &host, cpu);
}

/* ---- what holds for all CPUs ---- */

static X86CpuRelation mirrored(X86CpuRelation relation)
{
    return relation == X86CPU_SUBSET ? X86CPU_SUPERSET
           : relation == X86CPU_SUPERSET ? X86CPU_SUBSET : relation;
}

static X86CpuComparison compare(const X86Cpu *a, const X86Cpu *b,
                                X86CpuAccelerator accel)
{
    X86CpuComparison result;

    x86cpu_compare(&tables, a, b, accel, &result);
    return result;
}

static void check_comparison(const X86Cpu *a, const X86Cpu *b,
                             X86CpuAccelerator accel, bool described)
{
    X86CpuComparison ab = compare(a, b, accel), ba = compare(b, a, accel);
    X86CpuViews of_a, of_b;
    bool fits_ab = x86cpu_fits(&tables, a, b, accel);
    bool fits_ba = x86cpu_fits(&tables, b, a, accel);
    X86Cpu cpu = *a;

    x86cpu_view_all(&tables, a, accel, &of_a);
    x86cpu_view_all(&tables, b, accel, &of_b);
    CHECK(!memcmp(&of_a, &of_b, sizeof(of_a)) ==
          (ab.relation == X86CPU_IDENTICAL));
    CHECK(x86cpu_identical(&tables, a, b, accel) ==
          (ab.relation == X86CPU_IDENTICAL));
    CHECK(fits_ab == x86cpu_views_fit(&tables, &of_a, &of_b));
    CHECK(fits_ab == (ab.relation == X86CPU_IDENTICAL ||
                      ab.relation == X86CPU_SUBSET));
    if (ab.relation == X86CPU_SUBSET && fits_ba) {
        CHECK(ba.relation == X86CPU_SUBSET);
    } else {
        CHECK(ba.relation == mirrored(ab.relation));
    }
    CHECK_SAME(ab.missing_in_a, ba.missing_in_b);
    CHECK_SAME(ab.missing_in_b, ba.missing_in_a);
    CHECK_SAME(ab.differs, ba.differs);
    x86cpu_copy_named(&cpu, b, &ab.responsible);
    if (described && ab.relation != X86CPU_IDENTICAL) {
        CHECK(x86cpu_identical(&tables, &cpu, b, accel));
    }
    seen.relations[ab.relation]++;
}

static void check_order(const X86Cpu cpus[3], X86CpuAccelerator accel)
{
    X86CpuViews views[3];
    bool maximal[3], fits[3][3];
    unsigned i, j, k;

    for (i = 0; i < 3; i++) {
        x86cpu_view_all(&tables, &cpus[i], accel, &views[i]);
    }
    for (i = 0; i < 3; i++) {
        for (j = 0; j < 3; j++) {
            fits[i][j] = x86cpu_views_fit(&tables, &views[i], &views[j]);
        }
        CHECK(fits[i][i]);
    }
    for (i = 0; i < 3; i++) {
        for (j = 0; j < 3; j++) {
            for (k = 0; k < 3; k++) {
                CHECK(!fits[i][j] || !fits[j][k] || fits[i][k]);
            }
        }
    }
    x86cpu_find_maximal(&tables, views, 3, maximal);
    for (i = 0; i < 3; i++) {
        bool covered = maximal[i];

        for (j = 0; j < 3; j++) {
            CHECK(!maximal[i] || !fits[i][j] || fits[j][i]);
            covered |= maximal[j] && fits[i][j];
        }
        CHECK(covered);
    }
}

/* What both guests see is in the baseline, or in its lists. */
static void check_maximal(const X86CpuBaseline *bl, const X86Cpu *a,
                          const X86Cpu *b, X86CpuAccelerator accel)
{
    int t, i, why;

    for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
        X86CpuView va, vb, is;

        x86cpu_view(&tables, a, accel, t, &va);
        x86cpu_view(&tables, b, accel, t, &vb);
        x86cpu_view(&tables, &bl->cpu, accel, t, &is);
        for (i = 0; i < X86CPU_MAX_WORDS; i++) {
            uint64_t left = va.words[i] & vb.words[i] & ~is.words[i];

            for (why = 0; why < X86CPU_OMISSIONS; why++) {
                left &= ~bl->omitted[why].bits[i];
            }
            if (i == X86CPU_FEAT_8000_0001_EDX && x86cpu_is_amd(a)) {
                /* It has what leaf 1 has. */
                left &= ~X86CPU_AMD_ALIASES;
            }
            CHECK(!left);
        }
    }
}

static void check_baseline(const X86Cpu cpus[3], X86CpuAccelerator accel,
                           bool described)
{
    const X86Cpu *a = &cpus[0], *b = &cpus[1], *c = &cpus[2];
    X86CpuBaseline ab, ba, bc, ab_c, a_bc;
    bool found = x86cpu_baseline(&tables, a, b, accel, &ab);

    CHECK(found == !strcmp(a->vendor, b->vendor));
    CHECK(found == x86cpu_baseline(&tables, b, a, accel, &ba));
    if (!found) {
        return;
    }
    seen.baselines++;
    if (!described) {
        return;
    }
    CHECK_SAME(ab, ba);
    CHECK(x86cpu_fits(&tables, &ab.cpu, a, accel));
    CHECK(x86cpu_fits(&tables, &ab.cpu, b, accel));
    check_maximal(&ab, a, b, accel);
    CHECK(x86cpu_baseline(&tables, &ab.cpu, &ab.cpu, accel, &a_bc));
    CHECK_SAME(a_bc.cpu, ab.cpu);
    if (x86cpu_baseline(&tables, b, c, accel, &bc)) {
        CHECK(x86cpu_baseline(&tables, &ab.cpu, c, accel, &ab_c));
        CHECK(x86cpu_baseline(&tables, a, &bc.cpu, accel, &a_bc));
        CHECK_SAME(ab_c.cpu, a_bc.cpu);
    }
}

static void check_disjoint(const X86CpuNames *a, const X86CpuNames *b)
{
    unsigned i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        CHECK(!(a->bits[i] & b->bits[i]));
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        CHECK(!a->properties[i] || !b->properties[i]);
    }
}

static void check_nearest(const X86Cpu *from, const X86Cpu *to,
                          X86CpuAccelerator accel, bool edited)
{
    X86CpuGoal goal;
    X86CpuEdit edit, again;
    unsigned limit = one_in(4) ? below(8) : UINT32_MAX;

    x86cpu_set_goal(&tables, to, accel, &goal);
    CHECK(x86cpu_reaches_goal(&tables, to, &goal, accel));
    if (!x86cpu_find_edit(&tables, from, &goal, accel, limit, &edit)) {
        seen.no_edits++;
        return;
    }
    seen.edits++;
    CHECK(edit.count <= limit);
    CHECK(x86cpu_reaches_goal(&tables, &edit.result, &goal, accel));
    if (!edited) {
        check_disjoint(&edit.add, &edit.remove);
        check_disjoint(&edit.add, &edit.set);
        check_disjoint(&edit.remove, &edit.set);
    }
    CHECK(x86cpu_find_edit(&tables, from, &goal, accel, edit.count, &again));
    CHECK(again.count == edit.count);
    CHECK(!edit.count || !x86cpu_find_edit(&tables, from, &goal, accel,
                                           edit.count - 1, &again));
}

/* What x86cpu_check() calls */
typedef struct Problems {
    const X86Cpu *cpu;
    unsigned unmet;
} Problems;

static void note_problem(const X86CpuProblem *problem, void *opaque)
{
    Problems *problems = opaque;

    CHECK(problem->mask);
    CHECK(x86cpu_has_problem(&tables, problems->cpu, problem));
    problems->unmet += problem->kind == X86CPU_UNMET_DEPENDENCY;
    seen.problems++;
}

static void check_closing(const X86Cpu *cpu)
{
    Problems problems = { .cpu = cpu };
    X86Cpu closed = *cpu;
    bool changed;
    size_t i;

    x86cpu_check(&tables, cpu, note_problem, &problems);
    x86cpu_close(&tables, &closed);
    changed = memcmp(closed.words, cpu->words, sizeof(closed.words));
    CHECK(changed == (problems.unmet != 0));
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        CHECK(!(closed.words[i] & ~cpu->words[i]));
    }
    memcpy(closed.words, cpu->words, sizeof(closed.words));
    CHECK_SAME(closed, *cpu);
}

static void check_expansion(const X86Cpu *cpu, X86CpuAccelerator accel)
{
    X86CpuHostValues host = { any_number(), any_number() };
    X86Cpu described, in_place = *cpu;
    int t;

    for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
        X86Cpu expanded = *cpu;

        x86cpu_expand(&tables, &expanded, accel, t);
        CHECK(!x86cpu_has_leaf_0x1f(cpu, t) || t == X86CPU_MANY_DIES ||
              cpu->values[X86CPU_X_FORCE_CPUID_0X1F]);
    }
    x86cpu_describe(&tables, cpu, accel, &host, &described);
    x86cpu_describe(&tables, &in_place, accel, &host, &in_place);
    CHECK_SAME(described, in_place);
    x86cpu_describe(&tables, cpu, accel, NULL, &in_place);
    CHECK(x86cpu_is_amd(cpu) + x86cpu_is_intel(cpu) +
          x86cpu_is_zhaoxin(cpu) <= 1);
}

static void check_following(const X86Cpu *cpu, const X86Cpu *from,
                            const X86Cpu *to)
{
    X86Cpu result = *cpu;

    x86cpu_follow(&result, from, from);
    CHECK_SAME(result, *cpu);
    result = *from;
    x86cpu_follow(&result, from, to);
    memcpy(result.given, to->given, sizeof(result.given));
    CHECK_SAME(result, *to);
    result = *cpu;
    x86cpu_follow(&result, from, to);
}

static void check_setting(const X86Cpu *cpu, bool wild)
{
    static const unsigned counts[] = {
        [X86CPU_SET_ON] = X86CPU_MAX_WORDS,
        [X86CPU_SET_OFF] = X86CPU_MAX_WORDS,
        [X86CPU_SET_PROPERTY] = X86CPU_PROPERTY_COUNT,
        [X86CPU_SET_VENDOR] = 1, [X86CPU_SET_MODEL_ID] = 1,
        [X86CPU_SET_CACHE] = X86CPU_CACHES,
    };
    X86CpuSettingKind kind = below(X86CPU_SET_CACHE + 1);
    X86CpuSetting setting = {
        .kind = kind, .index = below(counts[kind]), .value = any_bits(),
        .cache = any_cache(),
    };
    X86Cpu changed = *cpu;
    char text[64];

    any_text(text, sizeof(text));
    setting.text = text;
    if (kind == X86CPU_SET_PROPERTY) {
        setting.value = any_value(setting.index, wild);
    }
    CHECK(x86cpu_apply(&changed, &setting) ==
          !!memcmp(&changed, cpu, sizeof(changed)));
    CHECK(!x86cpu_apply(&changed, &setting));
    CHECK(memchr(changed.vendor, 0, sizeof(changed.vendor)));
    CHECK(memchr(changed.model_id, 0, sizeof(changed.model_id)));
    /* Nothing else has changed. */
    switch (kind) {
    case X86CPU_SET_ON:
    case X86CPU_SET_OFF:
        changed.words[setting.index] = cpu->words[setting.index];
        break;
    case X86CPU_SET_PROPERTY:
        changed.values[setting.index] = cpu->values[setting.index];
        changed.given[setting.index] = cpu->given[setting.index];
        break;
    case X86CPU_SET_VENDOR:
        memcpy(changed.vendor, cpu->vendor, sizeof(changed.vendor));
        break;
    case X86CPU_SET_MODEL_ID:
        memcpy(changed.model_id, cpu->model_id, sizeof(changed.model_id));
        break;
    case X86CPU_SET_CACHE:
        changed.caches[setting.index] = cpu->caches[setting.index];
        break;
    }
    CHECK_SAME(changed, *cpu);
}

static void check_words(const X86Cpu *cpu, X86CpuAccelerator accel)
{
    X86CpuView view;
    unsigned i;

    x86cpu_view(&tables, cpu, accel, X86CPU_MANY_THREADS, &view);

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        const X86CpuWord *w = &tables.words[i];

        CHECK(!x86cpu_is_above_level(&tables, cpu, i) || !w->msr);
        CHECK(!view.words[i] || x86cpu_view_has_word(&view, w));
    }
    CHECK(x86cpu_has_hyperv(cpu) || !*view.hv_vendor_id);
}

static void cpu_round(uint64_t round)
{
    bool edited = round % 4 == 1, wild = round % 2;
    X86CpuAccelerator accel = one_in(2) ? X86CPU_ON_KVM : X86CPU_ON_TCG;
    X86Cpu cpus[3];
    int i;

    make_tables(one_in(2) ? 0xa0000 : X86CPU_LINE_11_1);
    if (edited) {
        edit_tables();
    }
    cpus[0] = any_cpu(wild);
    for (i = 1; i < 3; i++) {
        cpus[i] = one_in(4) ? any_cpu(wild) : cpus[i - 1];
        change(&cpus[i], below(10), wild);
    }
    check_setting(&cpus[0], wild);
    for (i = 0; i < 3; i++) {
        check_words(&cpus[i], accel);
        check_closing(&cpus[i]);
        check_expansion(&cpus[i], accel);
        if (!wild) {
            describe(&cpus[i], accel);
        }
    }
    check_following(&cpus[0], &cpus[1], &cpus[2]);
    check_comparison(&cpus[0], &cpus[1], accel, !wild);
    check_order(cpus, accel);
    check_baseline(cpus, accel, !wild);
    check_nearest(&cpus[0], &cpus[1], accel, edited);
}

/* ---- texts of caches ---- */

static void append(char *text, size_t size, const char *more)
{
    size_t length = strlen(text);

    snprintf(text + length, size - length, "%s", more);
}

/* Parts that mean something, in no order, and bytes that mean nothing */
static void any_cache_text(char *text, size_t size)
{
    static const char *const parts[] = {
        "32768", "32K", "1M", "0", "18446744073709551615", "line", "ways",
        "partitions", "sets", "tag-lines", "share", "core", "die", "socket",
        "module", "self-init", "inclusive", "no-invd-sharing",
        "complex-indexing", "K", "M", "=", "=64", "=8", "=1", ":", ":", ":",
        "line=64:ways=8", "sets=64", "share=core",
    };
    unsigned n = below(24);
    char other[32];

    *text = '\0';
    if (one_in(2)) {
        /* Most of a text that is good */
        append(text, size, "32K:line=64:ways=8:sets=64:share=core");
        if (one_in(2)) {
            append(text, size, ":");
        }
        n = below(3);
    }
    while (n--) {
        if (one_in(8)) {
            any_text(other, sizeof(other));
            append(text, size, other);
        } else {
            append(text, size, parts[below(G_N_ELEMENTS(parts))]);
        }
    }
    for (n = one_in(4) ? below(4) : 0; n && *text; n--) {
        text[below(strlen(text))] = 1 + below(255);
    }
}

static bool parse(X86CpuCache *cache, int which, const char *text,
                  X86CpuCacheCheck check)
{
    char error[X86CPU_CACHE_ERROR];
    bool good;

    memset(error, 'x', sizeof(error));
    good = x86cpu_cache_parse(cache, which, text, check, error);
    if (!good) {
        CHECK(memchr(error, 0, sizeof(error)) && *error);
    }
    return good;
}

static void cache_round(void)
{
    int which = below(X86CPU_CACHES);
    X86CpuCache cache, again, looser;
    char text[256], canonical[X86CPU_CACHE_TEXT], twice[X86CPU_CACHE_TEXT];
    int check;

    any_cache_text(text, sizeof(text));
    for (check = X86CPU_CACHE_CHECK_ALL; check <= X86CPU_CACHE_CHECK_NONE;
         check++) {
        if (!parse(&cache, which, text, check)) {
            seen.refused++;
            continue;
        }
        seen.parsed++;
        x86cpu_cache_format(&cache, canonical);
        CHECK(parse(&again, which, canonical, check));
        CHECK(x86cpu_same_cache(&cache, &again));
        x86cpu_cache_format(&again, twice);
        CHECK(!strcmp(canonical, twice));
        if (check < X86CPU_CACHE_CHECK_NONE) {
            CHECK(parse(&looser, which, text, check + 1));
            CHECK(x86cpu_same_cache(&cache, &looser));
        }
    }
    cache = any_cache();
    x86cpu_cache_format(&cache, canonical);
    CHECK(strlen(canonical) < sizeof(canonical));
    if (cache.size && !strchr(cache.share, ':')) {
        CHECK(parse(&again, which, canonical, X86CPU_CACHE_CHECK_NONE));
        CHECK(x86cpu_same_cache(&cache, &again));
    }
}

int main(int argc, char **argv)
{
    uint64_t number, first, count, round;

    if (argc != 4) {
        fprintf(stderr, "usage: core-fuzz SEED FIRST COUNT\n");
        return 2;
    }
    number = strtoull(argv[1], NULL, 0);
    first = strtoull(argv[2], NULL, 0);
    count = strtoull(argv[3], NULL, 0);
    signal(SIGABRT, say_place);
    signal(SIGALRM, say_place);
    for (round = first; round < first + count; round++) {
        snprintf(place, sizeof(place), "to repeat it: core-fuzz %llu %llu 1\n",
                 (unsigned long long)number, (unsigned long long)round);
        alarm(MOST_SECONDS);
        seed(number, round);
        cpu_round(round);
        cache_round();
    }
    printf("identical %lu, subset %lu, superset %lu, incompatible %lu, "
           "edits %lu, no edits %lu, baselines %lu, problems %lu, "
           "cache texts %lu, refused texts %lu\n",
           seen.relations[X86CPU_IDENTICAL], seen.relations[X86CPU_SUBSET],
           seen.relations[X86CPU_SUPERSET],
           seen.relations[X86CPU_INCOMPATIBLE], seen.edits, seen.no_edits,
           seen.baselines, seen.problems, seen.parsed, seen.refused);
    return 0;
}
