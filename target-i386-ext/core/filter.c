/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a host leaves of a CPU
 *
 * Sources: what x86_cpu_filter_features() and x86_cpu_realizefn() of each line
 * do; Intel SDM vol. 2A, CPUID, and vol. 3, "Detection of Intel Processor
 * Trace and Capability Enumeration"; vol. 4, IA32_PERF_CAPABILITIES.
 */

#include <string.h>
#include "filter.h"

#define BIT(n) (1ull << (n))

/* Bits by the SDM and the APM */
#define LM              BIT(29)         /* 0x80000001, EDX */
#define INTEL_PT        BIT(25)         /* 7.0, EBX */
#define MPX             BIT(14)
#define AVX10           BIT(19)         /* 7.1, EDX */
#define APXF            BIT(21)
#define LIP             BIT(31)         /* 0x14.0, ECX */
#define LBR_FORMAT      0x3full         /* IA32_PERF_CAPABILITIES */

/* What QEMU shows of Intel PT in leaf 0x14; registers by their names */
#define INTEL_PT_0_EBX  0xfu
#define INTEL_PT_0_ECX  0x7u
#define INTEL_PT_1_EAX  (0x0249u << 16)
#define INTEL_PT_1_EBX  (0x003fu << 16 | 0x1fffu)
#define INTEL_PT_RANGES 2u              /* QEMU reads two bits of three. */

/* SDM vol. 3, "Physical-Address Width"; CPUs can't have more. */

bool x86cpu_has_intel_pt_capabilities(const uint32_t *subleaf_0,
                                      const uint32_t *subleaf_1)
{
    return subleaf_0[0] &&
           !(INTEL_PT_0_EBX & ~subleaf_0[1]) &&
           !(INTEL_PT_0_ECX & ~subleaf_0[2]) &&
           !(INTEL_PT_1_EAX & ~subleaf_1[0]) &&
           !(INTEL_PT_1_EBX & ~subleaf_1[1]) &&
           (subleaf_1[0] & 3) >= INTEL_PT_RANGES;
}

static void remove_bits(X86CpuFiltered *f, X86CpuRemoval removal,
                        unsigned word, uint64_t bits)
{
    int i;

    bits &= f->remaining.words[word];
    if (!f->remaining.forced) {
        f->remaining.words[word] &= ~bits;
    }
    for (i = 0; i < X86CPU_REMOVALS; i++) {
        bits &= ~f->removed[i][word];
    }
    f->removed[removal][word] |= bits;
}

/* Both have the same place in the XSAVE area, and QEMU takes neither's side. */
static void remove_mpx_and_apxf(const X86CpuTables *tables, X86CpuFiltered *f)
{
    if (x86cpu_has_mpx_and_apxf(tables, &f->remaining)) {
        remove_bits(f, X86CPU_REMOVED_CONFLICT, X86CPU_FEAT_7_0_EBX,
                    MPX);
        remove_bits(f, X86CPU_REMOVED_CONFLICT, X86CPU_FEAT_7_1_EDX,
                    APXF);
    }
}

static void remove_not_offered(const X86CpuTables *tables,
                               const X86CpuOffer *offer, X86CpuFiltered *f)
{
    unsigned i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        if (tables->words[i].present) {
            remove_bits(f, X86CPU_REMOVED_NOT_OFFERED, i, ~offer->words[i]);
        }
    }
}

/* After intel-pt-lip, which counts here if it is offered */
static void filter_intel_pt(const X86Cpu *cpu, X86CpuAccelerator accel,
                            const X86CpuOffer *offer, X86CpuFiltered *f)
{
    uint64_t lip = (f->remaining.words[X86CPU_FEAT_14_0_ECX] ^
                    offer->words[X86CPU_FEAT_14_0_ECX]) & LIP;
    bool kvm = accel == X86CPU_ON_KVM;
    X86CpuRemoval removal = kvm && !offer->intel_pt_capable
                            ? X86CPU_REMOVED_VALUE
                            : kvm && lip ? X86CPU_REMOVED_CONFLICT
                                         : X86CPU_REMOVED_LEVEL;

    if (removal != X86CPU_REMOVED_LEVEL || x86cpu_hides_intel_pt(cpu)) {
        remove_bits(f, removal, X86CPU_FEAT_7_0_EBX, INTEL_PT);
    }
}

static void filter_avx10(const X86CpuTables *tables, const X86CpuOffer *offer,
                         X86CpuFiltered *f)
{
    uint64_t *version = &f->remaining.values[X86CPU_AVX10_VERSION];
    uint64_t allowed = *version;

    f->avx10_version.requested = *version;
    if (!(f->remaining.words[X86CPU_FEAT_7_1_EDX] & AVX10)) {
        /* QEMU leaves it as it is: without avx10, no leaf shows it. */
        return;
    }
    if (allowed > offer->avx10_version) {
        allowed = offer->avx10_version;
    }
    if (!f->remaining.forced || tables->version < X86CPU_LINE_11_1) {
        *version = allowed;
    }
    f->avx10_version.allowed = allowed;
}

/* QEMU has the format in a feature word, which TCG filters like others. */
static void filter_lbr(X86CpuAccelerator accel, const X86CpuOffer *offer,
                       X86CpuFiltered *f)
{
    uint64_t *format = &f->remaining.values[X86CPU_LBR_FMT];
    uint64_t offered = offer->words[X86CPU_FEAT_PERF_CAPABILITIES] &
                       LBR_FORMAT;

    f->lbr_fmt.requested = *format;
    if (accel != X86CPU_ON_KVM) {
        *format &= offered;
    } else if (*format && !f->remaining.values[X86CPU_PMU]) {
        f->errors[X86CPU_ERROR_LBR_WITHOUT_PMU] = true;
    } else if (*format && *format != offered) {
        f->errors[X86CPU_ERROR_LBR_FORMAT] = true;
    }
    f->lbr_fmt.allowed = *format;
}

/* @leaf_1 is CPUID[1].EDX as requested. */
static void copy_aliases(X86CpuFiltered *f, uint64_t leaf_1)
{
    X86Cpu *cpu = &f->remaining;

    x86cpu_copy_aliases(cpu);
    if (x86cpu_is_amd(cpu)) {
        f->removed[X86CPU_REMOVED_ALIAS][X86CPU_FEAT_8000_0001_EDX] =
            leaf_1 & ~cpu->words[X86CPU_FEAT_1_EDX] & X86CPU_AMD_ALIASES;
    }
}

static uint64_t phys_bits(const X86Cpu *cpu)
{
    uint64_t bits = cpu->values[X86CPU_PHYS_BITS];

    return bits ? bits : X86CPU_DEFAULT_PHYS_BITS;
}

X86CpuError x86cpu_phys_bits_error(const X86Cpu *cpu)
{
    uint64_t bits = phys_bits(cpu);
    uint64_t guest_bits = cpu->values[X86CPU_GUEST_PHYS_BITS];

    if (guest_bits == X86CPU_AUTOMATIC_PHYS_BITS) {
        guest_bits = 0;
    }
    if (!(cpu->words[X86CPU_FEAT_8000_0001_EDX] & LM)) {
        return cpu->values[X86CPU_PHYS_BITS]
               ? X86CPU_ERROR_PHYS_BITS_WITHOUT_LM
               : guest_bits ? X86CPU_ERROR_GUEST_PHYS_BITS_WITHOUT_LM
                            : X86CPU_ERRORS;
    }
    if (bits < X86CPU_MIN_PHYS_BITS || bits > X86CPU_MAX_PHYS_BITS) {
        return X86CPU_ERROR_PHYS_BITS;
    }
    return guest_bits &&
           (guest_bits < X86CPU_MIN_PHYS_BITS || guest_bits > bits)
           ? X86CPU_ERROR_GUEST_PHYS_BITS : X86CPU_ERRORS;
}

static void check_phys_bits(X86CpuAccelerator accel, const X86CpuOffer *offer,
                            X86CpuFiltered *f)
{
    X86CpuError error = x86cpu_phys_bits_error(&f->remaining);

    if (error != X86CPU_ERRORS) {
        f->errors[error] = true;
    }
    f->exceeds_phys_bits =
        accel == X86CPU_ON_KVM && offer->phys_bits &&
        (f->remaining.words[X86CPU_FEAT_8000_0001_EDX] & LM) &&
        phys_bits(&f->remaining) > offer->phys_bits;
}

void x86cpu_filter(const X86CpuTables *tables, const X86Cpu *cpu,
                   X86CpuAccelerator accel, X86CpuTopology topology,
                   const X86CpuOffer *offer, X86CpuFiltered *f)
{
    uint64_t leaf_1;

    memset(f, 0, sizeof(*f));
    f->remaining = *cpu;
    x86cpu_expand_features(tables, &f->remaining, accel, topology);
    remove_mpx_and_apxf(tables, f);
    x86cpu_set_levels(tables, &f->remaining, topology);
    leaf_1 = f->remaining.words[X86CPU_FEAT_1_EDX];
    if (x86cpu_is_amd(cpu)) {
        /* No property sets them: they follow from leaf 1. */
        f->remaining.words[X86CPU_FEAT_8000_0001_EDX] &= ~X86CPU_AMD_ALIASES;
    }
    filter_lbr(accel, offer, f);
    remove_not_offered(tables, offer, f);
    filter_intel_pt(cpu, accel, offer, f);
    filter_avx10(tables, offer, f);
    copy_aliases(f, leaf_1);
    check_phys_bits(accel, offer, f);
}

bool x86cpu_starts(const X86CpuFiltered *f)
{
    int i, j;

    for (i = 0; i < X86CPU_REMOVALS; i++) {
        for (j = 0; j < X86CPU_MAX_WORDS; j++) {
            if (f->removed[i][j]) {
                return false;
            }
        }
    }
    for (i = 0; i < X86CPU_ERRORS; i++) {
        if (f->errors[i]) {
            return false;
        }
    }
    return f->avx10_version.requested == f->avx10_version.allowed &&
           f->lbr_fmt.requested == f->lbr_fmt.allowed;
}
