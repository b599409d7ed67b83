/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU of model "host" on the host of a passport
 *
 * Sources: of each line, target/i386/host-cpu.c and kvm/kvm-cpu.c, and
 * x86_cpu_expand_features(), x86_cpu_get_migratable_flags() and
 * feature_word_info[] in target/i386/cpu.c; compat properties of all CPUs in
 * hw/i386/pc.c.
 */

#include <string.h>
#include "host-line.h"
#include "host-offer.h"
#include "models-props.h"

#define BIT(n) (1ull << (n))

#define HT                  BIT(28)         /* 1, EDX */
#define TOPOEXT             BIT(22)         /* 0x80000001, ECX */
#define INVTSC              BIT(8)          /* 0x80000007, EDX */
#define WAITPKG             BIT(5)          /* 7.0, ECX */
#define HAS_ARCH_CAPABILITIES BIT(29)       /* 7.0, EDX */
#define AVX10               BIT(19)         /* 7.1, EDX */
#define AVX10_LENGTHS       (7ull << 16)    /* 0x24.0, EBX */
#define AVX10_VNNI_INT      BIT(2)          /* 0x24.1, ECX */
#define MSI_EXT_DEST_ID     BIT(15)         /* 0x40000001, EAX */
#define DUAL_MONITOR        BIT(49)         /* IA32_VMX_BASIC */
#define MCG_LMCE_P          BIT(27)         /* IA32_MCG_CAP */

enum {
    BASE = 0,                   /* model base, as in models-file.h */
    UMWAIT_CONTROL = 0xe1,      /* MSRs */
    MICROCODE = 0x8b,
    BRAND_LEAF = 0x80000002,
};

/* Features that "host" only has if someone asks for them */
static uint64_t not_automatic(unsigned word)
{
    switch (word) {
    case X86CPU_FEAT_1_EDX:
        return HT;
    case X86CPU_FEAT_8000_0001_ECX:
        return TOPOEXT;
    case X86CPU_FEAT_KVM_HINTS:
        return UINT32_MAX;
    case X86CPU_FEAT_VMX_BASIC:
        return DUAL_MONITOR;
    default:
        return 0;
    }
}

/* What this line, or the machine type, keeps from it */
static uint64_t withheld(const ModelsFile *file, size_t layer, unsigned word,
                         const X86Cpu *cpu)
{
    const HostLine *line = host_line(models_file_tables(file)->version);
    X86Cpu any;

    if (word == X86CPU_FEAT_8000_0007_EBX && !x86cpu_is_amd(cpu)) {
        return UINT32_MAX;
    }
    if (word == X86CPU_FEAT_7_0_EDX && line->hides_arch_capabilities &&
        x86cpu_is_amd(cpu) && !cpu->values[X86CPU_X_ARCH_CAP_ALWAYS_ON]) {
        return HAS_ARCH_CAPABILITIES;
    }
    /* Machine types that turn it off turn it off in all CPUs. */
    if (word == X86CPU_FEAT_KVM &&
        models_file_requested(file, BASE + 1, layer, X86CPU_ON_KVM,
                              MODELS_FILE_IRQCHIP_SPLIT, NULL, &any) &&
        !(any.words[word] & MSI_EXT_DEST_ID)) {
        return MSI_EXT_DEST_ID;
    }
    return 0;
}

void host_offer_features(const ModelsFile *file, size_t layer,
                         const HostOffer *offer, const X86Cpu *cpu,
                         bool migratable, uint64_t words[X86CPU_MAX_WORDS])
{
    const X86CpuTables *tables = models_file_tables(file);
    uint64_t kept[X86CPU_MAX_WORDS] = { 0 };
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        if (models_file_is_migratable(file, i)) {
            kept[tables->features[i].word] |= tables->features[i].mask;
        }
    }
    if (cpu->values[X86CPU_TSC_FREQUENCY]) {
        kept[X86CPU_FEAT_8000_0007_EDX] |= INVTSC;
    }
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        words[i] = offer->offer.words[i] &
                   (migratable ? kept[i] : UINT64_MAX) &
                   ~not_automatic(i) & ~withheld(file, layer, i, cpu);
    }
}

static void set_features(const ModelsFile *file, size_t layer,
                         const HostOffer *offer, X86Cpu *cpu)
{
    uint64_t words[X86CPU_MAX_WORDS];
    size_t i;

    host_offer_features(file, layer, offer, cpu, true, words);
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        cpu->words[i] |= words[i];
    }
}

static void set_avx10(const HostLine *line, const HostOffer *offer,
                      X86Cpu *cpu)
{
    uint8_t version = offer->offer.avx10_version;

    if (!(cpu->words[X86CPU_FEAT_7_1_EDX] & AVX10)) {
        return;
    }
    cpu->values[X86CPU_AVX10_VERSION] = version;
    if (line->avx10_has_features && version >= 1) {
        cpu->words[X86CPU_FEAT_24_0_EBX] |= AVX10_LENGTHS;
    }
    if (line->avx10_has_features && version >= 2) {
        cpu->words[X86CPU_FEAT_24_1_ECX] |= AVX10_VNNI_INT;
    }
}

/* As in host_cpu_vendor_fms() */
static void set_signature(const Passport *passport, const HostLine *line,
                          X86Cpu *cpu)
{
    uint32_t regs[4], eax, family, model;

    host_instruction(passport, 1, 0, regs);
    eax = regs[X86CPU_EAX];
    family = (eax >> 8) & 0xf;
    model = (eax >> 4) & 0xf;
    if (family == 0xf || line->adds_any_extended_family) {
        family += (eax >> 20) & 0xff;
    }
    if (family >= 6 || line->adds_any_extended_family) {
        model += ((eax >> 16) & 0xf) << 4;
    }
    cpu->values[X86CPU_FAMILY] = family;
    cpu->values[X86CPU_MODEL] = model;
    cpu->values[X86CPU_STEPPING] = eax & 0xf;
}

static void set_names(const Passport *passport, const HostLine *line,
                      const HostOffer *offer, X86Cpu *cpu)
{
    uint32_t regs[4];
    char brand[49] = "";
    const char *text = brand;
    int i, n;

    for (i = 0; i < 48; i++) {
        n = i / 16;
        if (i % 16 == 0) {
            host_instruction(passport, BRAND_LEAF + n, 0, regs);
        }
        brand[i] = regs[i / 4 % 4] >> (i % 4 * 8);
    }
    if (!brand[0] && line->default_model_id) {
        text = line->default_model_id;
    }
    memset(cpu->model_id, 0, sizeof(cpu->model_id));
    memcpy(cpu->model_id, text, strlen(text));
    memcpy(cpu->vendor, offer->vendor, sizeof(cpu->vendor));
}

static void set_values(const Passport *passport, const HostOptions *options,
                       X86Cpu *cpu)
{
    uint64_t *values = cpu->values;

    values[X86CPU_HOST_PHYS_BITS] = true;
    values[X86CPU_PMU] = true;
    if (passport->kvm.mce_cap & MCG_LMCE_P) {
        values[X86CPU_LMCE] = true;
    }
    values[X86CPU_MIN_LEVEL] = host_offer_cpuid(passport, options, 0, 0,
                                                X86CPU_EAX);
    values[X86CPU_MIN_XLEVEL] = host_offer_cpuid(passport, options, 0x80000000,
                                                 0, X86CPU_EAX);
    values[X86CPU_MIN_XLEVEL2] = host_offer_cpuid(passport, options,
                                                  0xc0000000, 0, X86CPU_EAX);
    if (!values[X86CPU_UCODE_REV]) {
        values[X86CPU_UCODE_REV] = host_offer_msr(passport, MICROCODE);
    }
}

void host_offer_requested(const Passport *passport, const ModelsFile *file,
                          size_t layer, const HostOptions *options,
                          const HostOffer *offer, X86Cpu *cpu)
{
    const HostLine *line = host_line(models_file_tables(file)->version);

    models_file_requested(file, BASE, layer, X86CPU_ON_KVM, options->irqchip,
                          offer->vendor, cpu);
    set_names(passport, line, offer, cpu);
    set_signature(passport, line, cpu);
    set_values(passport, options, cpu);
    set_features(file, layer, offer, cpu);
    set_avx10(line, offer, cpu);
}

void host_add_late_features(const Passport *passport,
                            const HostOptions *options, X86Cpu *cpu)
{
    if (options->cpu_pm && host_has_msr(passport, UMWAIT_CONTROL)) {
        cpu->words[X86CPU_FEAT_7_0_ECX] |= WAITPKG;
    }
}

void host_offer_cpu(const Passport *passport, const ModelsFile *file,
                    size_t layer, const HostOptions *options,
                    const HostOffer *offer, X86Cpu *cpu)
{
    X86Cpu requested;

    host_offer_requested(passport, file, layer, options, offer, &requested);
    x86cpu_describe(models_file_tables(file), &requested, X86CPU_ON_KVM,
                    &offer->values, cpu);
    host_add_late_features(passport, options, cpu);
    models_props_finish(file, cpu);
}
