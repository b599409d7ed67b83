/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The smallest change that makes one CPU as good as another
 */

#include <string.h>
#include "expand.h"
#include "nearest.h"

#define AVX10 (1ull << 19)              /* CPUID[7,1].EDX */

/* Whether the property is turned on and off, like a feature */
static bool is_switch(const X86CpuTables *tables, X86CpuPropertyId id)
{
    return tables->properties[id].class == X86CPU_CLASS_BIT &&
           id != X86CPU_HV_SPINLOCKS;
}

static bool gates(const X86CpuTables *tables, X86CpuPropertyId id)
{
    switch (tables->properties[id].class) {
    case X86CPU_CLASS_BIT:
    case X86CPU_CLASS_MINIMUM:
    case X86CPU_CLASS_FLAT:
    case X86CPU_CLASS_GATE:
        return true;
    default:
        return false;
    }
}

void x86cpu_add_partial_feature(const X86CpuTables *tables,
                                const X86CpuFeature *feature, X86Cpu *cpu)
{
    X86Cpu closed = *cpu;
    uint64_t bits;

    closed.words[feature->word] |= feature->mask;
    x86cpu_close(tables, &closed);
    bits = closed.words[feature->word] & feature->mask;
    if (bits != feature->mask) {
        cpu->words[feature->word] |= bits;
    }
}

void x86cpu_set_goal(const X86CpuTables *tables, const X86Cpu *cpu,
                     X86CpuAccelerator accel, X86CpuGoal *goal)
{
    unsigned i, t;

    x86cpu_view_all(tables, cpu, accel, &goal->views);
    goal->cpu = goal->seen = *cpu;
    memset(goal->seen.words, 0, sizeof(goal->seen.words));
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
            goal->seen.words[i] |= goal->views.at[t].words[i];
        }
    }
    /* One that has no effect may be refused without what it needs. */
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (is_switch(tables, i) ||
            tables->properties[i].class == X86CPU_CLASS_MINIMUM) {
            goal->seen.values[i] = goal->views.at[0].values[i];
        }
    }
}

/*
 * Features that QEMU asks the host for if @cpu is to start, and not for @goal.
 * A level that hides them from guests does not help: QEMU warns of them where
 * the host does not have them, and enforce=on stops.
 */
static bool requests_more(const X86CpuTables *tables, const X86Cpu *cpu,
                          const X86CpuGoal *goal, X86CpuAccelerator accel)
{
    X86Cpu closed = *cpu;
    size_t i;

    x86cpu_expand_features(tables, &closed, accel, X86CPU_ONE_THREAD);
    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *f = &tables->features[i];

        if (f->polarity != X86CPU_TOPOLOGY &&
            (closed.words[f->word] & f->mask &
             ~(goal->cpu.words[f->word] | goal->seen.words[f->word]))) {
            return true;
        }
    }
    return false;
}

bool x86cpu_reaches_goal(const X86CpuTables *tables, const X86Cpu *cpu,
                         const X86CpuGoal *goal, X86CpuAccelerator accel)
{
    X86CpuViews views;

    x86cpu_view_all(tables, cpu, accel, &views);
    return x86cpu_views_fit(tables, &views, &goal->views) &&
           x86cpu_views_fit(tables, &goal->views, &views) &&
           !requests_more(tables, cpu, goal, accel);
}

/* What find_edit() works on: @names are to be set as in @to. */
typedef struct Search {
    const X86CpuTables *tables;
    const X86Cpu *from, *to;
    const X86CpuGoal *goal;
    X86CpuAccelerator accel;
    X86CpuNames names;
} Search;

/* Whether @from with the names as in @to is as good as the goal */
static bool suffices(const Search *s)
{
    X86Cpu cpu = *s->from;

    x86cpu_copy_named(&cpu, s->to, &s->names);
    return x86cpu_reaches_goal(s->tables, &cpu, s->goal, s->accel);
}

/* Features in which the CPUs differ; QEMU sets those of the topology. */
static void name_features(Search *s)
{
    size_t i;

    for (i = 0; i < s->tables->nfeatures; i++) {
        const X86CpuFeature *f = &s->tables->features[i];

        if (f->polarity != X86CPU_TOPOLOGY &&
            ((s->from->words[f->word] ^ s->to->words[f->word]) &
             f->mask)) {
            s->names.bits[f->word] |= f->mask;
        }
    }
}

static void name_properties(Search *s, bool all)
{
    unsigned i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if ((gates(s->tables, i) ||
             (all && s->tables->properties[i].class != X86CPU_CLASS_NONE)) &&
            s->from->values[i] != s->to->values[i]) {
            s->names.properties[i] = true;
        }
    }
    s->names.vendor = strcmp(s->from->vendor, s->to->vendor);
}

static bool is_added(const Search *s, const X86CpuFeature *f)
{
    return s->to->words[f->word] & f->mask & ~s->from->words[f->word];
}

static bool try_without_feature(Search *s, const X86CpuFeature *f)
{
    uint64_t *bits = &s->names.bits[f->word];
    uint64_t before = *bits;

    if (*bits & f->mask) {
        *bits &= ~f->mask;
        if (suffices(s)) {
            return true;
        }
        *bits = before;
    }
    return false;
}

/* How many features need @f, directly */
static unsigned dependents(const X86CpuTables *tables, const X86CpuFeature *f)
{
    unsigned count = 0;
    size_t i;

    for (i = 0; i < tables->ndependencies; i++) {
        const X86CpuDependency *dep = &tables->dependencies[i];
        uint64_t bits = dep->to_mask;

        if (dep->from == f->word && (dep->from_mask & f->mask)) {
            for (; bits; bits &= bits - 1) {
                count++;
            }
        }
    }
    return count;
}

/*
 * Leaves out of s->names the features to remove that go by themselves once all
 * others have gone, and puts them in *@spare.  What is left is needed, for the
 * guest would see it: no change is smaller, unless the spare ones need each
 * other.  False if more than @limit features are left.
 */
static bool leave_out_spare(Search *s, unsigned limit, X86CpuNames *spare)
{
    unsigned needed = 0;
    size_t i;

    memset(spare, 0, sizeof(*spare));
    for (i = 0; i < s->tables->nfeatures; i++) {
        const X86CpuFeature *f = &s->tables->features[i];

        if (!(s->names.bits[f->word] & f->mask)) {
            continue;
        }
        if (try_without_feature(s, f)) {
            /* Not yet: the next one is to be tried with this one gone. */
            s->names.bits[f->word] |= f->mask;
            spare->bits[f->word] |= f->mask;
        } else if (++needed > limit) {
            return false;
        }
    }
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        s->names.bits[i] &= ~spare->bits[i];
    }
    return true;
}

/*
 * Features that need each other in a circle: each would go with the others, but
 * not all by themselves.  Those that the most others need stay.
 */
static void break_circles(Search *s, const X86CpuNames *spare)
{
    unsigned most = 0, n;
    size_t i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        s->names.bits[i] |= spare->bits[i];
    }
    for (i = 0; i < s->tables->nfeatures; i++) {
        n = dependents(s->tables, &s->tables->features[i]);
        most = n > most ? n : most;
    }
    for (n = 0; n <= most; n++) {
        for (i = 0; i < s->tables->nfeatures; i++) {
            const X86CpuFeature *f = &s->tables->features[i];

            if ((spare->bits[f->word] & f->mask) &&
                dependents(s->tables, f) == n) {
                try_without_feature(s, f);
            }
        }
    }
}

/* What is off, for instance, needs no value. */
static void reduce_properties(Search *s)
{
    unsigned i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        bool *there = &s->names.properties[i];

        if (*there) {
            *there = false;
            *there = !suffices(s);
        }
    }
}

/* QEMU warns of a version without AVX10, and enforce=on refuses it. */
static void keep_avx10_version(Search *s)
{
    X86Cpu cpu = *s->from;

    x86cpu_copy_named(&cpu, s->to, &s->names);
    x86cpu_close(s->tables, &cpu);
    if (cpu.values[X86CPU_AVX10_VERSION] &&
        !(cpu.words[X86CPU_FEAT_7_1_EDX] & AVX10)) {
        s->names.properties[X86CPU_AVX10_VERSION] = true;
    }
}

static void fill_edit(const Search *s, X86CpuEdit *edit)
{
    size_t i;

    memset(edit, 0, sizeof(*edit));
    for (i = 0; i < s->tables->nfeatures; i++) {
        const X86CpuFeature *f = &s->tables->features[i];

        if (s->names.bits[f->word] & f->mask) {
            (is_added(s, f) ? &edit->add : &edit->remove)->bits[f->word] |=
                f->mask;
            edit->count++;
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (s->names.properties[i]) {
            (!is_switch(s->tables, i) ? &edit->set
             : s->to->values[i] ? &edit->add
                                : &edit->remove)->properties[i] = true;
            edit->count++;
        }
    }
    edit->set.vendor = s->names.vendor;
    edit->count += s->names.vendor;
    edit->result = *s->from;
    x86cpu_copy_named(&edit->result, s->to, &s->names);
}

static unsigned count_added(const Search *s)
{
    unsigned count = 0;
    size_t i;

    for (i = 0; i < s->tables->nfeatures; i++) {
        const X86CpuFeature *f = &s->tables->features[i];

        count += (s->names.bits[f->word] & f->mask) && is_added(s, f);
    }
    return count;
}

/* The smallest change of those that set s->names */
static bool reduce(Search *s, unsigned limit, X86CpuEdit *edit)
{
    X86CpuNames spare;

    if (!suffices(s) || !leave_out_spare(s, limit, &spare)) {
        return false;
    }
    if (!suffices(s)) {
        break_circles(s, &spare);
    }
    reduce_properties(s);
    keep_avx10_version(s);
    fill_edit(s, edit);
    return edit->count <= limit;
}

bool x86cpu_find_edit(const X86CpuTables *tables, const X86Cpu *from,
                      const X86CpuGoal *goal, X86CpuAccelerator accel,
                      unsigned limit, X86CpuEdit *edit)
{
    /* Features alone, as the guest sees them */
    Search features = {
        .tables = tables, .from = from, .to = &goal->seen,
        .goal = goal, .accel = accel,
    };
    /* All that the CPU has, its levels included, which may hide features */
    Search all = {
        .tables = tables, .from = from, .to = &goal->cpu,
        .goal = goal, .accel = accel,
    };
    X86CpuEdit other;
    bool found;

    name_features(&features);
    name_properties(&features, false);
    /* What guests are to see has to be added: this is only faster. */
    found = count_added(&features) <= limit && reduce(&features, limit, edit);
    name_features(&all);
    name_properties(&all, true);
    if (reduce(&all, found ? edit->count : limit, &other) &&
        (!found || other.count < edit->count)) {
        *edit = other;
        found = true;
    }
    return found;
}

/* "EPYC-v2" is 2; aliases come after all versions. */
static uint64_t version_of(const X86CpuCandidate *model)
{
    const char *dash = strrchr(model->name, '-'), *digit;
    uint64_t version = 0;

    if (model->is_alias || !dash || dash[1] != 'v' || !dash[2]) {
        return UINT64_MAX;
    }
    for (digit = dash + 2; *digit; digit++) {
        if (*digit < '0' || *digit > '9' || version > UINT64_MAX / 100) {
            return UINT64_MAX;
        }
        version = version * 10 + (*digit - '0');
    }
    return version;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_signatures(const X86Cpu *a, const X86Cpu *b)
{
    static const X86CpuPropertyId ids[] = {
        X86CPU_FAMILY, X86CPU_MODEL, X86CPU_STEPPING
    };
    int order = 0;
    size_t i;

    for (i = 0; !order && i < sizeof(ids) / sizeof(ids[0]); i++) {
        order = compare_numbers(a->values[ids[i]], b->values[ids[i]]);
    }
    return order;
}

/* Less than 0 if @a, which takes as large a change as @b, is the better one */
static int compare_models(const X86CpuCandidate *a, const X86CpuCandidate *b,
                          const X86Cpu *goal)
{
    int order = !!compare_signatures(a->cpu, goal) -
                !!compare_signatures(b->cpu, goal);

    if (!order) {
        order = compare_signatures(a->cpu, b->cpu);
    }
    if (!order) {
        order = compare_numbers(version_of(a), version_of(b));
    }
    return order ? order : strcmp(a->name, b->name);
}

size_t x86cpu_find_nearest(const X86CpuTables *tables,
                           const X86CpuCandidate *models, size_t count,
                           const X86CpuGoal *goal, X86CpuAccelerator accel,
                           X86CpuEdit *edit)
{
    size_t best = count, i;
    X86CpuEdit next;

    for (i = 0; i < count; i++) {
        if (models[i].cpu &&
            x86cpu_find_edit(tables, models[i].cpu, goal, accel,
                             best < count ? edit->count : UINT32_MAX, &next) &&
            (best == count || next.count < edit->count ||
             compare_models(&models[i], &models[best], &goal->cpu) < 0)) {
            *edit = next;
            best = i;
        }
    }
    return best;
}
