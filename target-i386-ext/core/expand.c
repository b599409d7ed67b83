/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What QEMU makes of the properties of a CPU
 *
 * Source: what x86_cpu_expand_features(), x86_cpu_realizefn() and the
 * accelerators' realize functions of each line do.
 */

#include <string.h>
#include "expand.h"

#define BIT(n) (1ull << (n))

/* Bits by the SDM and the APM */
#define HT              BIT(28)         /* 1, EDX */
#define PDCM            BIT(15)         /* 1, ECX */
#define LM              BIT(29)         /* 0x80000001, EDX */
#define CMP_LEGACY      BIT(1)          /* 0x80000001, ECX */
#define SVM             BIT(2)
#define INTEL_PT        BIT(25)         /* 7.0, EBX */
#define SGX             BIT(2)
#define MPX             BIT(14)
#define ARCH_LBR        BIT(19)         /* 7.0, EDX */
#define AVX10           BIT(19)         /* 7.1, EDX */
#define APXF            BIT(21)

/* Of CPUs that don't set ucode-rev */
#define AMD_MICROCODE 0x01000065
#define MICROCODE 0x100000000ull

#define NONE X86CPU_PROPERTY_COUNT
#define AUTO X86CPU_FULL_CPUID_AUTO_LEVEL

const X86CpuLevelRule x86cpu_level_rules[] = {
    { X86CPU_FEAT_7_0_EBX, 0, 0, { NONE, NONE } },
    { X86CPU_FEAT_1_EDX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_1_ECX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_6_EAX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_7_0_ECX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_7_1_EAX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_7_1_ECX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_7_1_EDX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_7_2_EDX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_8000_0001_EDX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_8000_0001_ECX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_8000_0007_EDX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_8000_0008_EBX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_C000_0001_EDX, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_SVM, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_XSAVE, 0, 0, { AUTO, NONE } },
    { X86CPU_FEAT_7_0_EBX, INTEL_PT, X86CPU_INTEL_PT_LEAF,
      { AUTO, X86CPU_X_INTEL_PT_AUTO_LEVEL } },
    { X86CPU_FEAT_7_1_EDX, AVX10, 0x24, { AUTO, NONE } },
    { X86CPU_FEAT_7_1_EDX, APXF, 0x29, { AUTO, NONE } },
    { X86CPU_FEAT_8000_0001_ECX, SVM, 0x8000000a, { AUTO, NONE } },
    { X86CPU_FEAT_8000_0021_EAX, 0, 0x80000021, { AUTO, NONE } },
    { X86CPU_FEAT_7_0_EBX, SGX, 0x12, { AUTO, NONE } },
};

const size_t x86cpu_level_rule_count =
    sizeof(x86cpu_level_rules) / sizeof(x86cpu_level_rules[0]);

static bool is_vendor(const X86Cpu *cpu, const char *vendor)
{
    return !strcmp(cpu->vendor, vendor);
}

bool x86cpu_is_intel(const X86Cpu *cpu)
{
    return is_vendor(cpu, "GenuineIntel");
}

bool x86cpu_is_amd(const X86Cpu *cpu)
{
    return is_vendor(cpu, "AuthenticAMD");
}

bool x86cpu_is_zhaoxin(const X86Cpu *cpu)
{
    return is_vendor(cpu, "  Shanghai  ") || is_vendor(cpu, "CentaurHauls");
}

bool x86cpu_has_leaf_0x1f(const X86Cpu *cpu, X86CpuTopology topology)
{
    return topology == X86CPU_MANY_DIES ||
           cpu->values[X86CPU_X_FORCE_CPUID_0X1F];
}

/* ---- levels ---- */

static void raise(uint64_t *level, uint32_t leaf)
{
    if (*level < leaf) {
        *level = leaf;
    }
}

static void raise_minimum(X86Cpu *cpu, uint32_t leaf)
{
    switch (leaf >> 28) {
    case 0x0:
        raise(&cpu->values[X86CPU_MIN_LEVEL], leaf);
        break;
    case 0x8:
        raise(&cpu->values[X86CPU_MIN_XLEVEL], leaf);
        break;
    case 0xc:
        raise(&cpu->values[X86CPU_MIN_XLEVEL2], leaf);
        break;
    }
}

static bool is_on(const X86Cpu *cpu, X86CpuPropertyId id)
{
    return id == NONE || cpu->values[id];
}

static void apply_level_rule(const X86CpuTables *tables, X86Cpu *cpu,
                             const X86CpuLevelRule *rule)
{
    const X86CpuWord *w = &tables->words[rule->word];
    uint64_t bits = cpu->words[rule->word];

    if (!(rule->mask ? bits & rule->mask : bits) ||
        !is_on(cpu, rule->properties[0]) || !is_on(cpu, rule->properties[1])) {
        return;
    }
    raise_minimum(cpu, rule->leaf ? rule->leaf : w->index);
    if (!rule->leaf && w->index == 7) {
        /* It has no property: level-func7 is automatic or fixed. */
        raise(&cpu->values[X86CPU_LEVEL_FUNC7], w->subleaf);
    }
}

static uint64_t resolve(uint64_t given, uint64_t minimum)
{
    return given == X86CPU_AUTOMATIC_LEVEL ? minimum : given;
}

void x86cpu_raise_to_leaf_0x1f(X86Cpu *cpu, X86CpuTopology topology)
{
    if (is_on(cpu, AUTO) && x86cpu_has_leaf_0x1f(cpu, topology) &&
        (x86cpu_is_intel(cpu) || !is_on(cpu, X86CPU_X_VENDOR_CPUID_ONLY))) {
        raise_minimum(cpu, 0x1f);
    }
}

void x86cpu_set_levels(const X86CpuTables *tables, X86Cpu *cpu,
                       X86CpuTopology topology)
{
    uint64_t *values = cpu->values;
    uint64_t fixed_func7 = values[X86CPU_LEVEL_FUNC7];
    size_t i;

    values[X86CPU_LEVEL_FUNC7] = 0;
    for (i = 0; i < x86cpu_level_rule_count; i++) {
        apply_level_rule(tables, cpu, &x86cpu_level_rules[i]);
    }
    x86cpu_raise_to_leaf_0x1f(cpu, topology);
    values[X86CPU_LEVEL_FUNC7] = resolve(fixed_func7,
                                         values[X86CPU_LEVEL_FUNC7]);
    values[X86CPU_LEVEL] = resolve(values[X86CPU_LEVEL],
                                   values[X86CPU_MIN_LEVEL]);
    values[X86CPU_XLEVEL] = resolve(values[X86CPU_XLEVEL],
                                    values[X86CPU_MIN_XLEVEL]);
    values[X86CPU_XLEVEL2] = resolve(values[X86CPU_XLEVEL2],
                                     values[X86CPU_MIN_XLEVEL2]);
}

/* ---- features ---- */

void x86cpu_expand_features(const X86CpuTables *tables, X86Cpu *cpu,
                            X86CpuAccelerator accel, X86CpuTopology topology)
{
    uint64_t *words = cpu->words;
    const uint64_t *values = cpu->values;

    if (topology != X86CPU_ONE_THREAD) {
        words[X86CPU_FEAT_1_EDX] |= HT;
        if (!x86cpu_is_intel(cpu) && !x86cpu_is_zhaoxin(cpu)) {
            words[X86CPU_FEAT_8000_0001_ECX] |= CMP_LEGACY;
        }
    }
    if (tables->version >= X86CPU_LINE_11_1 && !values[X86CPU_PMU]) {
        if (!values[X86CPU_X_PDCM_ON_EVEN_WITHOUT_PMU]) {
            words[X86CPU_FEAT_1_ECX] &= ~PDCM;
        }
        words[X86CPU_FEAT_7_0_EDX] &= ~ARCH_LBR;
    }
    x86cpu_close(tables, cpu);
    if (accel != X86CPU_ON_KVM || !values[X86CPU_KVM]) {
        words[X86CPU_FEAT_KVM] = 0;
    }
}

void x86cpu_copy_aliases(X86Cpu *cpu)
{
    uint64_t *words = cpu->words;

    if (x86cpu_is_amd(cpu)) {
        words[X86CPU_FEAT_8000_0001_EDX] &= ~X86CPU_AMD_ALIASES;
        words[X86CPU_FEAT_8000_0001_EDX] |= words[X86CPU_FEAT_1_EDX] &
                                            X86CPU_AMD_ALIASES;
    }
}

void x86cpu_expand(const X86CpuTables *tables, X86Cpu *cpu,
                   X86CpuAccelerator accel, X86CpuTopology topology)
{
    x86cpu_expand_features(tables, cpu, accel, topology);
    x86cpu_set_levels(tables, cpu, topology);
    x86cpu_copy_aliases(cpu);
}

bool x86cpu_has_mpx_and_apxf(const X86CpuTables *tables, const X86Cpu *cpu)
{
    return tables->version >= X86CPU_LINE_11_1 &&
           (cpu->words[X86CPU_FEAT_7_0_EBX] & MPX) &&
           (cpu->words[X86CPU_FEAT_7_1_EDX] & APXF);
}

/* What raises the level before QEMU decides never raises it as far as that. */
bool x86cpu_hides_intel_pt(const X86Cpu *cpu)
{
    return is_on(cpu, AUTO) && !is_on(cpu, X86CPU_X_INTEL_PT_AUTO_LEVEL) &&
           cpu->values[X86CPU_MIN_LEVEL] < X86CPU_INTEL_PT_LEAF;
}

void x86cpu_drop_conflicts(const X86CpuTables *tables, X86Cpu *cpu,
                           X86CpuAccelerator accel, uint64_t *dropped)
{
    static const X86CpuPropertyId levels[] = {
        X86CPU_LEVEL_FUNC7, X86CPU_MIN_LEVEL, X86CPU_MIN_XLEVEL,
        X86CPU_MIN_XLEVEL2,
    };
    uint64_t ebx = 0, edx = 0;
    X86Cpu expanded;
    size_t i;

    if (x86cpu_has_mpx_and_apxf(tables, cpu)) {
        ebx |= MPX;
        edx |= APXF;
    }
    if ((cpu->words[X86CPU_FEAT_7_0_EBX] & INTEL_PT) &&
        x86cpu_hides_intel_pt(cpu)) {
        ebx |= INTEL_PT;
    }
    if (!ebx) {
        return;
    }
    dropped[X86CPU_FEAT_7_0_EBX] |= ebx;
    dropped[X86CPU_FEAT_7_1_EDX] |= edx;
    cpu->words[X86CPU_FEAT_7_0_EBX] &= ~ebx;
    cpu->words[X86CPU_FEAT_7_1_EDX] &= ~edx;
    x86cpu_expand_features(tables, cpu, accel, X86CPU_ONE_THREAD);
    expanded = *cpu;
    x86cpu_set_levels(tables, &expanded, X86CPU_ONE_THREAD);
    for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        cpu->values[levels[i]] = expanded.values[levels[i]];
    }
}

/* ---- description ---- */

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* @limit 0 is none. */
static uint64_t limited(uint64_t bits, uint64_t limit)
{
    return limit ? smaller(bits, limit) : bits;
}

static void describe_phys_bits(const X86Cpu *requested,
                               const X86CpuHostValues *host, X86Cpu *cpu)
{
    uint64_t *values = cpu->values;
    uint64_t limit = requested->values[X86CPU_HOST_PHYS_BITS_LIMIT];
    uint64_t bits = requested->values[X86CPU_PHYS_BITS];
    uint64_t guest_bits = requested->values[X86CPU_GUEST_PHYS_BITS];
    bool by_host = host && requested->values[X86CPU_HOST_PHYS_BITS];
    bool lm = cpu->words[X86CPU_FEAT_8000_0001_EDX] & LM;

    if (by_host) {
        bits = limited(host->phys_bits, limit);
    }
    if (guest_bits == X86CPU_AUTOMATIC_PHYS_BITS) {
        guest_bits = host && lm ? smaller(host->guest_phys_bits, bits) : 0;
        if (by_host) {
            guest_bits = limited(guest_bits, limit);
        }
    }
    values[X86CPU_GUEST_PHYS_BITS] = guest_bits;
    if (lm) {
        values[X86CPU_PHYS_BITS] = bits ? bits : X86CPU_DEFAULT_PHYS_BITS;
    }
    values[X86CPU_HOST_PHYS_BITS] = false;
    values[X86CPU_HOST_PHYS_BITS_LIMIT] = 0;
}

/*
 * Whether the leaf of Intel PT is above min-level, unless AVX10, APX or
 * x-force-cpuid-0x1f raise it: after QEMU has dropped Intel PT
 */
static bool is_intel_pt_too_high(const X86CpuTables *tables,
                                 const X86Cpu *requested,
                                 X86CpuAccelerator accel, const X86Cpu *cpu)
{
    X86Cpu without = *requested;

    if (!(cpu->words[X86CPU_FEAT_7_0_EBX] & INTEL_PT) || !is_on(cpu, AUTO) ||
        is_on(cpu, X86CPU_X_INTEL_PT_AUTO_LEVEL)) {
        return false;
    }
    without.words[X86CPU_FEAT_7_1_EDX] &= ~(AVX10 | APXF);
    without.values[X86CPU_X_FORCE_CPUID_0X1F] = false;
    x86cpu_expand(tables, &without, accel, X86CPU_ONE_THREAD);
    return without.values[X86CPU_MIN_LEVEL] < X86CPU_INTEL_PT_LEAF;
}

/*
 * A description has both, and levels without them: a CPU made from it drops
 * them again, or has them raise its levels.  With full-cpuid-auto-level off,
 * QEMU raises levels before it drops them; with x-force-features on, it does
 * not drop them.
 */
static void describe_mpx_and_apxf(const X86CpuTables *tables,
                                  const X86Cpu *requested,
                                  X86CpuAccelerator accel, X86Cpu *cpu)
{
    X86Cpu without = *requested;

    if (is_on(requested, AUTO) && !requested->forced) {
        without.words[X86CPU_FEAT_7_0_EBX] &= ~MPX;
        without.words[X86CPU_FEAT_7_1_EDX] &= ~APXF;
    }
    x86cpu_expand(tables, &without, accel, X86CPU_ONE_THREAD);
    cpu->values[X86CPU_MIN_LEVEL] = without.values[X86CPU_MIN_LEVEL];
    cpu->values[X86CPU_MIN_XLEVEL] = without.values[X86CPU_MIN_XLEVEL];
    cpu->values[X86CPU_LEVEL_FUNC7] = requested->values[X86CPU_LEVEL_FUNC7];
}

void x86cpu_describe(const X86CpuTables *tables, const X86Cpu *requested,
                     X86CpuAccelerator accel, const X86CpuHostValues *host,
                     X86Cpu *described)
{
    static const X86CpuPropertyId fixed_levels[] = {
        X86CPU_LEVEL, X86CPU_XLEVEL, X86CPU_XLEVEL2,
    };
    const X86Cpu before = *requested;
    X86Cpu *cpu = described;
    int i;

    *cpu = before;
    x86cpu_expand(tables, cpu, accel, X86CPU_ONE_THREAD);
    if (x86cpu_has_mpx_and_apxf(tables, cpu)) {
        describe_mpx_and_apxf(tables, &before, accel, cpu);
    }
    if (cpu->values[X86CPU_MIN_LEVEL] >= X86CPU_INTEL_PT_LEAF &&
        is_intel_pt_too_high(tables, &before, accel, cpu)) {
        /* AVX10, APX and x-force-cpuid-0x1f raise it again. */
        cpu->values[X86CPU_MIN_LEVEL] = X86CPU_INTEL_PT_LEAF - 1;
    }
    if (x86cpu_is_amd(cpu)) {
        /* They follow from leaf 1. */
        cpu->words[X86CPU_FEAT_8000_0001_EDX] &= ~X86CPU_AMD_ALIASES;
    }
    for (i = 0; i < 3; i++) {
        /* Topology may raise those that are not fixed. */
        cpu->values[fixed_levels[i]] = before.values[fixed_levels[i]];
    }
    describe_phys_bits(&before, accel == X86CPU_ON_KVM ? host : NULL, cpu);
    if (!cpu->values[X86CPU_UCODE_REV]) {
        cpu->values[X86CPU_UCODE_REV] = x86cpu_is_amd(cpu) ? AMD_MICROCODE
                                                           : MICROCODE;
    }
    if (cpu->values[X86CPU_LEGACY_CACHE]) {
        memset(cpu->caches, 0, sizeof(cpu->caches));
    }
    cpu->values[X86CPU_HV_PASSTHROUGH] = false;
}
