/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The most that two CPUs have in common
 */

#include <string.h>
#include "baseline.h"
#include "expand.h"

#define BIT(n) (1ull << (n))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define INTEL_PT        BIT(25)         /* CPUID[7].EBX */
#define MCE             BIT(7)          /* CPUID[1].EDX */
#define MCA             BIT(14)
#define LM              BIT(29)         /* CPUID[0x80000001].EDX */
#define INVTSC          BIT(8)          /* CPUID[0x80000007].EDX */
#define AVX10           BIT(19)         /* CPUID[7,1].EDX */

static bool has(const X86Cpu *cpu, X86CpuWordId word, uint64_t bits)
{
    return cpu->words[word] & bits;
}

/* ---- identity ---- */

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_caches(const X86CpuCache *a, const X86CpuCache *b)
{
    int order = compare_numbers(a->size, b->size);
    int i;

    for (i = 0; !order && i < X86CPU_CACHE_NUMBERS; i++) {
        order = compare_numbers(a->numbers[i], b->numbers[i]);
    }
    for (i = 0; !order && i < X86CPU_CACHE_FLAGS; i++) {
        order = compare_numbers(a->flags[i], b->flags[i]);
    }
    return order ? order : strcmp(a->share, b->share);
}

static int compare_class(const X86CpuTables *tables, const X86Cpu *a,
                         const X86Cpu *b, X86CpuClass class)
{
    int order = 0;
    unsigned i;

    for (i = 0; !order && i < X86CPU_PROPERTY_COUNT; i++) {
        if (tables->properties[i].class == class) {
            order = compare_numbers(a->values[i], b->values[i]);
        }
    }
    return order;
}

/*
 * An order of all that guests are not bound to, which has no meaning.  A third
 * CPU may turn x-vendor-cpuid-only off, which raises min-level: that must not
 * depend on when it is taken.
 */
static int compare_identity(const X86CpuTables *tables, const X86Cpu *a,
                            const X86Cpu *b)
{
    X86Cpu raised_a = *a, raised_b = *b;
    int order, i;

    raised_a.values[X86CPU_X_VENDOR_CPUID_ONLY] = false;
    raised_b.values[X86CPU_X_VENDOR_CPUID_ONLY] = false;
    x86cpu_raise_to_leaf_0x1f(&raised_a, X86CPU_ONE_THREAD);
    x86cpu_raise_to_leaf_0x1f(&raised_b, X86CPU_ONE_THREAD);
    order = compare_class(tables, &raised_a, &raised_b,
                          X86CPU_CLASS_IDENTITY);
    if (!order) {
        order = strcmp(a->model_id, b->model_id);
    }
    for (i = 0; !order && i < X86CPU_CACHES; i++) {
        order = compare_caches(&a->caches[i], &b->caches[i]);
    }
    if (!order) {
        order = compare_class(tables, a, b, X86CPU_CLASS_STREAM);
    }
    return order ? order : compare_numbers(a->values[X86CPU_MIN_LEVEL],
                                           b->values[X86CPU_MIN_LEVEL]);
}

static int compare_hv_values(const X86CpuTables *tables, const X86Cpu *a,
                             const X86Cpu *b)
{
    int order = compare_class(tables, a, b, X86CPU_CLASS_HV_VALUES);

    return order ? order : strcmp(a->hv_vendor_id, b->hv_vendor_id);
}

static void copy_class(const X86CpuTables *tables, X86Cpu *to,
                       const X86Cpu *from, X86CpuClass class)
{
    unsigned i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (tables->properties[i].class == class) {
            to->values[i] = from->values[i];
        }
    }
}

/* ---- properties ---- */

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Of 0, which stands for none, and others */
static uint64_t smaller_positive(uint64_t a, uint64_t b)
{
    return !a ? b : !b ? a : smaller(a, b);
}

static uint64_t common_switch(X86CpuPropertyId id, uint64_t a, uint64_t b)
{
    if (id != X86CPU_HV_SPINLOCKS) {
        return a & b;
    }
    /* How often to try: a switch, too */
    return a == X86CPU_HV_NEVER_NOTIFY || b == X86CPU_HV_NEVER_NOTIFY
           ? X86CPU_HV_NEVER_NOTIFY : a > b ? a : b;
}

static void set_common_values(const X86CpuTables *tables, const X86Cpu *a,
                              const X86Cpu *b, X86CpuBaseline *baseline)
{
    uint64_t *values = baseline->cpu.values;
    unsigned i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        uint64_t of_a = a->values[i], of_b = b->values[i];

        switch (tables->properties[i].class) {
        case X86CPU_CLASS_BIT:
            values[i] = common_switch(i, of_a, of_b);
            break;
        case X86CPU_CLASS_FLAT:
        case X86CPU_CLASS_GATE:
            /* 0 is the lowest value, and the default. */
            values[i] = of_a == of_b ? of_a : 0;
            baseline->omitted[X86CPU_OMITTED_CONFLICT].properties[i] =
                of_a != of_b && of_a && of_b;
            break;
        case X86CPU_CLASS_GUEST_PHYS_BITS:
            values[i] = smaller_positive(of_a, of_b);
            break;
        case X86CPU_CLASS_MINIMUM:
            values[i] = smaller(of_a, of_b);
            break;
        case X86CPU_CLASS_RESOLVED:
            values[i] = 0;
            break;
        default:
            break;
        }
    }
}

/* A value that drops a feature, or refuses a CPU, must not get in. */
static void set_permissive_values(const X86Cpu *a, const X86Cpu *b,
                                  X86Cpu *cpu)
{
    static const struct {
        X86CpuPropertyId id;
        bool permissive;
    } rules[] = {
        { X86CPU_X_ARCH_CAP_ALWAYS_ON, true },
        { X86CPU_X_HV_SYNIC_KVM_ONLY, true },
        { X86CPU_X_PDCM_ON_EVEN_WITHOUT_PMU, true },
        { X86CPU_X_VENDOR_CPUID_ONLY, false },
        { X86CPU_X_VENDOR_CPUID_ONLY_V2, false },
    };
    size_t i;

    for (i = 0; i < COUNT(rules); i++) {
        X86CpuPropertyId id = rules[i].id;

        cpu->values[id] = rules[i].permissive
                          ? a->values[id] || b->values[id]
                          : a->values[id] && b->values[id];
    }
}

static void set_hv_values(const X86CpuTables *tables, const X86Cpu *a,
                          const X86Cpu *b, X86Cpu *cpu)
{
    const X86Cpu *least = compare_hv_values(tables, a, b) < 0 ? a : b;
    unsigned i;

    if (x86cpu_has_hyperv(cpu)) {
        copy_class(tables, cpu, least, X86CPU_CLASS_HV_VALUES);
        memcpy(cpu->hv_vendor_id, least->hv_vendor_id,
               sizeof(cpu->hv_vendor_id));
        return;
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (tables->properties[i].class == X86CPU_CLASS_HV_VALUES) {
            cpu->values[i] = tables->properties[i].value;
        }
    }
    strcpy(cpu->hv_vendor_id, "Microsoft Hv");
}

/* ---- features ---- */

static void omit_bits(X86CpuBaseline *baseline, X86CpuOmission why,
                      unsigned word, uint64_t bits)
{
    baseline->omitted[why].bits[word] |= baseline->cpu.words[word] & bits;
    baseline->cpu.words[word] &= ~bits;
}

/* TLFS, "Hypervisor Feature Discovery"; as in QEMU's kvm_hyperv_properties */
const X86CpuPropertyDependency x86cpu_hyperv_dependencies[] = {
    { X86CPU_HV_EVMCS, X86CPU_HV_VAPIC },
    { X86CPU_HV_IPI, X86CPU_HV_VPINDEX },
    { X86CPU_HV_STIMER, X86CPU_HV_SYNIC },
    { X86CPU_HV_STIMER, X86CPU_HV_TIME },
    { X86CPU_HV_STIMER_DIRECT, X86CPU_HV_STIMER },
    { X86CPU_HV_TLBFLUSH, X86CPU_HV_VPINDEX },
    { X86CPU_HV_TLBFLUSH_DIRECT, X86CPU_HV_VAPIC },
    { X86CPU_HV_TLBFLUSH_EXT, X86CPU_HV_TLBFLUSH },
    { X86CPU_HV_SYNDBG, X86CPU_HV_RELAXED },
    { X86CPU_HV_SYNDBG, X86CPU_HV_SYNIC },
};

const size_t x86cpu_hyperv_dependency_count =
    COUNT(x86cpu_hyperv_dependencies);

static bool close_hyperv(X86CpuBaseline *baseline)
{
    X86Cpu *cpu = &baseline->cpu;
    X86CpuNames *omitted = &baseline->omitted[X86CPU_OMITTED_DEPENDENCY];
    bool changes = false;
    size_t i;

    for (i = 0; i < x86cpu_hyperv_dependency_count; i++) {
        const X86CpuPropertyDependency *dep = &x86cpu_hyperv_dependencies[i];
        X86CpuPropertyId id = dep->property;

        if (cpu->values[id] && !cpu->values[dep->needs]) {
            cpu->values[id] = false;
            omitted->properties[id] = true;
            changes = true;
        }
    }
    /* KVM's first one had a lower standard. */
    if (cpu->values[X86CPU_HV_SYNIC] && !cpu->values[X86CPU_HV_VPINDEX] &&
        !cpu->values[X86CPU_X_HV_SYNIC_KVM_ONLY]) {
        cpu->values[X86CPU_HV_SYNIC] = false;
        omitted->properties[X86CPU_HV_SYNIC] = true;
        changes = true;
    }
    return changes;
}

/*
 * Until nothing depends on what is not there: the order of dependencies and
 * their circles play no part.
 */
static void close_baseline(const X86CpuTables *tables,
                           X86CpuBaseline *baseline)
{
    bool changes = true;
    size_t i;

    while (changes) {
        changes = close_hyperv(baseline);
        for (i = 0; i < tables->ndependencies; i++) {
            const X86CpuDependency *dep = &tables->dependencies[i];
            uint64_t unmet = x86cpu_unmet(&baseline->cpu, dep);

            if (unmet) {
                omit_bits(baseline, X86CPU_OMITTED_DEPENDENCY, dep->to,
                          unmet);
                changes = true;
            }
        }
    }
}

/* What guests see of a CPU where topology raises its level, and where not */
typedef struct Ends {
    X86CpuView low, high;
} Ends;

static void view_ends(const X86CpuTables *tables, const X86Cpu *cpu,
                      X86CpuAccelerator accel, Ends *ends)
{
    x86cpu_view(tables, cpu, accel, X86CPU_ONE_THREAD, &ends->low);
    x86cpu_view(tables, cpu, accel, X86CPU_MANY_DIES, &ends->high);
}

/*
 * Levels are part of identity: the baseline has those of one CPU.  So it can't
 * have what is in a leaf that the level of only one CPU hides.  That must not
 * depend on whose identity it is: then several CPUs could not be taken in any
 * order.
 */
static void drop_half_hidden(const X86CpuTables *tables, const Ends *a,
                             const Ends *b, X86CpuBaseline *baseline)
{
    unsigned i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        const X86CpuWord *w = &tables->words[i];

        if (x86cpu_view_has_word(&a->low, w) !=
            x86cpu_view_has_word(&b->low, w) ||
            x86cpu_view_has_word(&a->high, w) !=
            x86cpu_view_has_word(&b->high, w)) {
            /* Where both have it, guests miss it. */
            baseline->omitted[X86CPU_OMITTED_CONFLICT].bits[i] =
                a->high.words[i] & b->high.words[i];
            baseline->cpu.words[i] = 0;
        }
    }
}

/* The form of addresses in Intel PT's packets, LIP or not, must be the same. */
static void finish_intel_pt(const Ends *a, const Ends *b,
                            X86CpuBaseline *baseline)
{
    const X86CpuWordId lip = X86CPU_FEAT_14_0_ECX;

    if (a->low.words[lip] != b->low.words[lip] ||
        a->high.words[lip] != b->high.words[lip]) {
        omit_bits(baseline, X86CPU_OMITTED_CONFLICT, X86CPU_FEAT_7_0_EBX,
                  INTEL_PT);
    }
}

/*
 * x-vendor-cpuid-only-v2 hides this leaf from guests of Intel's CPUs, and a
 * baseline has it only if both CPUs do.
 */
static void drop_vendor_leaf(const Ends *a, const Ends *b, X86Cpu *cpu)
{
    const X86CpuWordId word = X86CPU_FEAT_8000_0007_EBX;

    cpu->words[word] &= a->low.words[word] & b->low.words[word];
}

/*
 * No guest sees it in a CPU older than family 6, nor without mce and mca; the
 * family is that of one CPU.
 */
static void finish_lmce(const Ends *a, const Ends *b, X86CpuBaseline *baseline)
{
    const X86Cpu *cpu = &baseline->cpu;
    bool both = a->low.values[X86CPU_LMCE] && b->low.values[X86CPU_LMCE];
    bool keeps = both && has(cpu, X86CPU_FEAT_1_EDX, MCE) &&
                 has(cpu, X86CPU_FEAT_1_EDX, MCA);

    baseline->omitted[X86CPU_OMITTED_DEPENDENCY].properties[X86CPU_LMCE] =
        both && !keeps;
    baseline->cpu.values[X86CPU_LMCE] = keeps;
}

/* Guests see the leaf only if the rate of the TSC is known to be constant. */
static void note_vmware_leaf(const Ends *a, const Ends *b,
                             X86CpuBaseline *baseline)
{
    const X86CpuPropertyId id = X86CPU_VMWARE_CPUID_FREQ;

    /* Without tsc-frequency, there is no invtsc either. */
    baseline->omitted[X86CPU_OMITTED_DEPENDENCY].properties[id] =
        a->low.values[id] && b->low.values[id] &&
        !baseline->cpu.values[X86CPU_TSC_FREQUENCY];
}

/* Values that mean nothing without others, or mean something else then */
static void finish_values(const X86Cpu *a, const X86Cpu *b,
                          X86CpuBaseline *baseline)
{
    X86Cpu *cpu = &baseline->cpu;
    uint64_t *values = cpu->values;

    if (!values[X86CPU_TSC_FREQUENCY]) {
        /* A target of a migration may tick at another rate. */
        omit_bits(baseline, X86CPU_OMITTED_UNMIGRATABLE,
                  X86CPU_FEAT_8000_0007_EDX, INVTSC);
    }
    if (!has(cpu, X86CPU_FEAT_7_1_EDX, AVX10)) {
        values[X86CPU_AVX10_VERSION] = 0;
    }
    if (!has(cpu, X86CPU_FEAT_8000_0001_EDX, LM)) {
        values[X86CPU_PHYS_BITS] = 0;
        values[X86CPU_GUEST_PHYS_BITS] = 0;
    }
    values[X86CPU_GUEST_PHYS_BITS] = smaller(values[X86CPU_GUEST_PHYS_BITS],
                                             values[X86CPU_PHYS_BITS]);
    if (!values[X86CPU_PMU]) {
        values[X86CPU_LBR_FMT] = 0;
    }
    if (!x86cpu_has_hyperv(cpu)) {
        values[X86CPU_HV_ENFORCE_CPUID] = 0;
        values[X86CPU_HV_NO_NONARCH_CORESHARING] = 0;
        if (x86cpu_has_hyperv(a) || x86cpu_has_hyperv(b)) {
            /* Hyper-V's leaves have displaced its leaf. */
            values[X86CPU_VMWARE_CPUID_FREQ] = 0;
        }
    }
}

static void note_hazards(const X86CpuTables *tables, const X86Cpu *a,
                         const X86Cpu *b, X86CpuBaseline *baseline)
{
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];
        uint64_t either = a->words[feature->word] | b->words[feature->word];

        if (feature->polarity == X86CPU_LIMITATION ||
            feature->polarity == X86CPU_HINT) {
            baseline->hazards.bits[feature->word] |=
                either & ~baseline->cpu.words[feature->word] & feature->mask;
        }
    }
}

int x86cpu_missing_cache(const X86Cpu *cpu)
{
    int i = 0;

    if (cpu->values[X86CPU_LEGACY_CACHE]) {
        return X86CPU_CACHES;
    }
    while (i < X86CPU_CACHES && cpu->caches[i].size) {
        i++;
    }
    return i;
}

/*
 * What no guest of a CPU sees on any host has no place in a baseline: what QEMU
 * drops (@dropped), and what goes with that.
 */
static void note_conflicts(const X86Cpu *a, const X86Cpu *b,
                           const X86Cpu *shown_a, const X86Cpu *shown_b,
                           const uint64_t *dropped, X86CpuNames *omitted)
{
    unsigned i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        uint64_t lost = a->words[i] & b->words[i] &
                        ~(shown_a->words[i] & shown_b->words[i]);

        omitted[X86CPU_OMITTED_CONFLICT].bits[i] |= lost & dropped[i];
        omitted[X86CPU_OMITTED_DEPENDENCY].bits[i] |= lost & ~dropped[i];
    }
}

static void finish(const X86CpuTables *tables, const X86Cpu *a,
                   const X86Cpu *b, X86CpuAccelerator accel,
                   X86CpuBaseline *baseline)
{
    X86Cpu *cpu = &baseline->cpu;
    Ends of_a, of_b;
    unsigned i;

    view_ends(tables, a, accel, &of_a);
    view_ends(tables, b, accel, &of_b);
    /* Identity, and whatever has no rule */
    *cpu = compare_identity(tables, a, b) < 0 ? *a : *b;
    memset(cpu->given, true, sizeof(cpu->given));
    cpu->forced = a->forced && b->forced;
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        cpu->words[i] = a->words[i] & b->words[i];
    }
    set_common_values(tables, a, b, baseline);
    set_permissive_values(a, b, cpu);
    drop_half_hidden(tables, &of_a, &of_b, baseline);
    finish_intel_pt(&of_a, &of_b, baseline);
    drop_vendor_leaf(&of_a, &of_b, cpu);
    close_baseline(tables, baseline);
    finish_lmce(&of_a, &of_b, baseline);
    finish_values(a, b, baseline);
    note_vmware_leaf(&of_a, &of_b, baseline);
    set_hv_values(tables, a, b, cpu);
    x86cpu_raise_to_leaf_0x1f(cpu, X86CPU_ONE_THREAD);
    note_hazards(tables, a, b, baseline);
}

bool x86cpu_baseline(const X86CpuTables *tables, const X86Cpu *a,
                     const X86Cpu *b, X86CpuAccelerator accel,
                     X86CpuBaseline *baseline)
{
    X86Cpu shown_a = *a, shown_b = *b;
    uint64_t dropped[X86CPU_MAX_WORDS] = { 0 };

    memset(baseline, 0, sizeof(*baseline));
    if (strcmp(a->vendor, b->vendor)) {
        return false;
    }
    x86cpu_drop_conflicts(tables, &shown_a, accel, dropped);
    x86cpu_drop_conflicts(tables, &shown_b, accel, dropped);
    finish(tables, &shown_a, &shown_b, accel, baseline);
    note_conflicts(a, b, &shown_a, &shown_b, dropped, baseline->omitted);
    return true;
}
