/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An x86 CPU as a value
 *
 * Source: Intel SDM vol. 2A, CPUID (leaves, subleaves and maximum leaves).
 */

#include <string.h>
#include "x86cpu.h"

const char *const x86cpu_property_names[X86CPU_PROPERTY_COUNT] = {
    [X86CPU_AVX10_VERSION] = "avx10-version",
    [X86CPU_CPUID_0XB] = "cpuid-0xb",
    [X86CPU_FAMILY] = "family",
    [X86CPU_FILL_MTRR_MASK] = "fill-mtrr-mask",
    [X86CPU_FULL_CPUID_AUTO_LEVEL] = "full-cpuid-auto-level",
    [X86CPU_GUEST_PHYS_BITS] = "guest-phys-bits",
    [X86CPU_HOST_PHYS_BITS] = "host-phys-bits",
    [X86CPU_HOST_PHYS_BITS_LIMIT] = "host-phys-bits-limit",
    [X86CPU_HV_AVIC] = "hv-avic",
    [X86CPU_HV_CRASH] = "hv-crash",
    [X86CPU_HV_EMSR_BITMAP] = "hv-emsr-bitmap",
    [X86CPU_HV_ENFORCE_CPUID] = "hv-enforce-cpuid",
    [X86CPU_HV_EVMCS] = "hv-evmcs",
    [X86CPU_HV_FREQUENCIES] = "hv-frequencies",
    [X86CPU_HV_IPI] = "hv-ipi",
    [X86CPU_HV_NO_NONARCH_CORESHARING] = "hv-no-nonarch-coresharing",
    [X86CPU_HV_PASSTHROUGH] = "hv-passthrough",
    [X86CPU_HV_REENLIGHTENMENT] = "hv-reenlightenment",
    [X86CPU_HV_RELAXED] = "hv-relaxed",
    [X86CPU_HV_RESET] = "hv-reset",
    [X86CPU_HV_RUNTIME] = "hv-runtime",
    [X86CPU_HV_SPINLOCKS] = "hv-spinlocks",
    [X86CPU_HV_STIMER] = "hv-stimer",
    [X86CPU_HV_STIMER_DIRECT] = "hv-stimer-direct",
    [X86CPU_HV_SYNDBG] = "hv-syndbg",
    [X86CPU_HV_SYNIC] = "hv-synic",
    [X86CPU_HV_TIME] = "hv-time",
    [X86CPU_HV_TLBFLUSH] = "hv-tlbflush",
    [X86CPU_HV_TLBFLUSH_DIRECT] = "hv-tlbflush-direct",
    [X86CPU_HV_TLBFLUSH_EXT] = "hv-tlbflush-ext",
    [X86CPU_HV_VAPIC] = "hv-vapic",
    [X86CPU_HV_VERSION_ID_BUILD] = "hv-version-id-build",
    [X86CPU_HV_VERSION_ID_MAJOR] = "hv-version-id-major",
    [X86CPU_HV_VERSION_ID_MINOR] = "hv-version-id-minor",
    [X86CPU_HV_VERSION_ID_SBRANCH] = "hv-version-id-sbranch",
    [X86CPU_HV_VERSION_ID_SNUMBER] = "hv-version-id-snumber",
    [X86CPU_HV_VERSION_ID_SPACK] = "hv-version-id-spack",
    [X86CPU_HV_VPINDEX] = "hv-vpindex",
    [X86CPU_HV_XMM_INPUT] = "hv-xmm-input",
    [X86CPU_KVM] = "kvm",
    [X86CPU_KVM_PV_ENFORCE_CPUID] = "kvm-pv-enforce-cpuid",
    [X86CPU_L3_CACHE] = "l3-cache",
    [X86CPU_LBR_FMT] = "lbr-fmt",
    [X86CPU_LEGACY_CACHE] = "legacy-cache",
    [X86CPU_LEGACY_MULTI_NODE] = "legacy-multi-node",
    [X86CPU_LEVEL] = "level",
    [X86CPU_LEVEL_FUNC7] = "level-func7",
    [X86CPU_LMCE] = "lmce",
    [X86CPU_MIN_LEVEL] = "min-level",
    [X86CPU_MIN_XLEVEL] = "min-xlevel",
    [X86CPU_MIN_XLEVEL2] = "min-xlevel2",
    [X86CPU_MODEL] = "model",
    [X86CPU_PHYS_BITS] = "phys-bits",
    [X86CPU_PMU] = "pmu",
    [X86CPU_STEPPING] = "stepping",
    [X86CPU_TCG_CPUID] = "tcg-cpuid",
    [X86CPU_TSC_FREQUENCY] = "tsc-frequency",
    [X86CPU_UCODE_REV] = "ucode-rev",
    [X86CPU_VMWARE_CPUID_FREQ] = "vmware-cpuid-freq",
    [X86CPU_X_AMD_TOPOEXT_FEATURES_ONLY] = "x-amd-topoext-features-only",
    [X86CPU_X_ARCH_CAP_ALWAYS_ON] = "x-arch-cap-always-on",
    [X86CPU_X_CONSISTENT_CACHE] = "x-consistent-cache",
    [X86CPU_X_FORCE_CPUID_0X1F] = "x-force-cpuid-0x1f",
    [X86CPU_X_HV_MAX_VPS] = "x-hv-max-vps",
    [X86CPU_X_HV_SYNIC_KVM_ONLY] = "x-hv-synic-kvm-only",
    [X86CPU_X_INTEL_PT_AUTO_LEVEL] = "x-intel-pt-auto-level",
    [X86CPU_X_L1_CACHE_PER_THREAD] = "x-l1-cache-per-thread",
    [X86CPU_X_MIGRATE_ERROR_CODE] = "x-migrate-error-code",
    [X86CPU_X_MIGRATE_SMI_COUNT] = "x-migrate-smi-count",
    [X86CPU_X_PDCM_ON_EVEN_WITHOUT_PMU] = "x-pdcm-on-even-without-pmu",
    [X86CPU_X_VENDOR_CPUID_ONLY] = "x-vendor-cpuid-only",
    [X86CPU_X_VENDOR_CPUID_ONLY_V2] = "x-vendor-cpuid-only-v2",
    [X86CPU_XEN_VAPIC] = "xen-vapic",
    [X86CPU_XLEVEL] = "xlevel",
    [X86CPU_XLEVEL2] = "xlevel2",
};

const char *const x86cpu_word_names[X86CPU_WORD_COUNT] = {
    [X86CPU_FEAT_1_EDX] = "FEAT_1_EDX",
    [X86CPU_FEAT_1_ECX] = "FEAT_1_ECX",
    [X86CPU_FEAT_8000_0001_EDX] = "FEAT_8000_0001_EDX",
    [X86CPU_FEAT_8000_0001_ECX] = "FEAT_8000_0001_ECX",
    [X86CPU_FEAT_C000_0001_EDX] = "FEAT_C000_0001_EDX",
    [X86CPU_FEAT_KVM] = "FEAT_KVM",
    [X86CPU_FEAT_KVM_HINTS] = "FEAT_KVM_HINTS",
    [X86CPU_FEAT_SVM] = "FEAT_SVM",
    [X86CPU_FEAT_7_0_EBX] = "FEAT_7_0_EBX",
    [X86CPU_FEAT_7_0_ECX] = "FEAT_7_0_ECX",
    [X86CPU_FEAT_7_0_EDX] = "FEAT_7_0_EDX",
    [X86CPU_FEAT_7_1_EAX] = "FEAT_7_1_EAX",
    [X86CPU_FEAT_7_1_ECX] = "FEAT_7_1_ECX",
    [X86CPU_FEAT_7_1_EDX] = "FEAT_7_1_EDX",
    [X86CPU_FEAT_7_2_EDX] = "FEAT_7_2_EDX",
    [X86CPU_FEAT_1E_1_EAX] = "FEAT_1E_1_EAX",
    [X86CPU_FEAT_24_0_EBX] = "FEAT_24_0_EBX",
    [X86CPU_FEAT_29_0_EBX] = "FEAT_29_0_EBX",
    [X86CPU_FEAT_24_1_ECX] = "FEAT_24_1_ECX",
    [X86CPU_FEAT_8000_0007_EDX] = "FEAT_8000_0007_EDX",
    [X86CPU_FEAT_8000_0007_EBX] = "FEAT_8000_0007_EBX",
    [X86CPU_FEAT_8000_0008_EBX] = "FEAT_8000_0008_EBX",
    [X86CPU_FEAT_8000_0021_EAX] = "FEAT_8000_0021_EAX",
    [X86CPU_FEAT_8000_0021_EBX] = "FEAT_8000_0021_EBX",
    [X86CPU_FEAT_8000_0021_ECX] = "FEAT_8000_0021_ECX",
    [X86CPU_FEAT_8000_0022_EAX] = "FEAT_8000_0022_EAX",
    [X86CPU_FEAT_XSAVE] = "FEAT_XSAVE",
    [X86CPU_FEAT_XSAVE_XSS_LO] = "FEAT_XSAVE_XSS_LO",
    [X86CPU_FEAT_XSAVE_XSS_HI] = "FEAT_XSAVE_XSS_HI",
    [X86CPU_FEAT_6_EAX] = "FEAT_6_EAX",
    [X86CPU_FEAT_XSAVE_XCR0_LO] = "FEAT_XSAVE_XCR0_LO",
    [X86CPU_FEAT_XSAVE_XCR0_HI] = "FEAT_XSAVE_XCR0_HI",
    [X86CPU_FEAT_ARCH_CAPABILITIES] = "FEAT_ARCH_CAPABILITIES",
    [X86CPU_FEAT_CORE_CAPABILITY] = "FEAT_CORE_CAPABILITY",
    [X86CPU_FEAT_PERF_CAPABILITIES] = "FEAT_PERF_CAPABILITIES",
    [X86CPU_FEAT_VMX_PROCBASED_CTLS] = "FEAT_VMX_PROCBASED_CTLS",
    [X86CPU_FEAT_VMX_SECONDARY_CTLS] = "FEAT_VMX_SECONDARY_CTLS",
    [X86CPU_FEAT_VMX_PINBASED_CTLS] = "FEAT_VMX_PINBASED_CTLS",
    [X86CPU_FEAT_VMX_EXIT_CTLS] = "FEAT_VMX_EXIT_CTLS",
    [X86CPU_FEAT_VMX_ENTRY_CTLS] = "FEAT_VMX_ENTRY_CTLS",
    [X86CPU_FEAT_VMX_MISC] = "FEAT_VMX_MISC",
    [X86CPU_FEAT_VMX_EPT_VPID_CAPS] = "FEAT_VMX_EPT_VPID_CAPS",
    [X86CPU_FEAT_VMX_BASIC] = "FEAT_VMX_BASIC",
    [X86CPU_FEAT_VMX_VMFUNC] = "FEAT_VMX_VMFUNC",
    [X86CPU_FEAT_14_0_ECX] = "FEAT_14_0_ECX",
    [X86CPU_FEAT_SGX_12_0_EAX] = "FEAT_SGX_12_0_EAX",
    [X86CPU_FEAT_SGX_12_0_EBX] = "FEAT_SGX_12_0_EBX",
    [X86CPU_FEAT_SGX_12_1_EAX] = "FEAT_SGX_12_1_EAX",
};

bool x86cpu_same_cache(const X86CpuCache *a, const X86CpuCache *b)
{
    /* Not memcmp(): there may be padding. */
    return a->size == b->size && !strcmp(a->share, b->share) &&
           !memcmp(a->numbers, b->numbers, sizeof(a->numbers)) &&
           !memcmp(a->flags, b->flags, sizeof(a->flags));
}

static bool apply_text(char *to, size_t size, const char *text)
{
    bool changes = strncmp(to, text, size - 1);

    strncpy(to, text, size - 1);
    to[size - 1] = '\0';
    return changes;
}

bool x86cpu_apply(X86Cpu *cpu, const X86CpuSetting *setting)
{
    unsigned i = setting->index;
    uint64_t value = setting->value;
    bool changes;

    switch (setting->kind) {
    case X86CPU_SET_ON:
        changes = ~cpu->words[i] & value;
        cpu->words[i] |= value;
        return changes;
    case X86CPU_SET_OFF:
        changes = cpu->words[i] & value;
        cpu->words[i] &= ~value;
        return changes;
    case X86CPU_SET_PROPERTY:
        changes = !cpu->given[i] || cpu->values[i] != value;
        cpu->given[i] = true;
        cpu->values[i] = value;
        return changes;
    case X86CPU_SET_VENDOR:
        return apply_text(cpu->vendor, sizeof(cpu->vendor), setting->text);
    case X86CPU_SET_MODEL_ID:
        return apply_text(cpu->model_id, sizeof(cpu->model_id),
                          setting->text);
    case X86CPU_SET_CACHE:
        changes = !x86cpu_same_cache(&cpu->caches[i], &setting->cache);
        cpu->caches[i] = setting->cache;
        return changes;
    }
    return false;
}

static void follow_text(char *text, size_t size, const char *from,
                        const char *to)
{
    if (!strcmp(text, from)) {
        memcpy(text, to, size);
    }
}

void x86cpu_follow(X86Cpu *cpu, const X86Cpu *from, const X86Cpu *to)
{
    int i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        uint64_t own = cpu->words[i] ^ from->words[i];

        cpu->words[i] = (cpu->words[i] & own) | (to->words[i] & ~own);
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (cpu->values[i] == from->values[i]) {
            cpu->values[i] = to->values[i];
        }
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        if (x86cpu_same_cache(&cpu->caches[i], &from->caches[i])) {
            cpu->caches[i] = to->caches[i];
        }
    }
    follow_text(cpu->vendor, sizeof(cpu->vendor), from->vendor, to->vendor);
    follow_text(cpu->model_id, sizeof(cpu->model_id), from->model_id,
                to->model_id);
    follow_text(cpu->hv_vendor_id, sizeof(cpu->hv_vendor_id),
                from->hv_vendor_id, to->hv_vendor_id);
}

uint64_t x86cpu_unmet(const X86Cpu *cpu, const X86CpuDependency *dep)
{
    return cpu->words[dep->from] & dep->from_mask
           ? 0 : cpu->words[dep->to] & dep->to_mask;
}

void x86cpu_close(const X86CpuTables *tables, X86Cpu *cpu)
{
    size_t i;

    for (i = 0; i < tables->ndependencies; i++) {
        const X86CpuDependency *dep = &tables->dependencies[i];

        cpu->words[dep->to] &= ~x86cpu_unmet(cpu, dep);
    }
}

bool x86cpu_is_above_level(const X86CpuTables *tables, const X86Cpu *cpu,
                           unsigned word)
{
    const X86CpuWord *w = &tables->words[word];
    X86CpuPropertyId level;

    if (w->msr) {
        return false;
    }
    switch (w->index >> 28) {
    case 0x0:
        level = X86CPU_MIN_LEVEL;
        break;
    case 0x8:
        level = X86CPU_MIN_XLEVEL;
        break;
    default:
        return false;
    }
    return cpu->given[level] && w->index > cpu->values[level];
}

void x86cpu_check(const X86CpuTables *tables, const X86Cpu *cpu,
                  void (*found)(const X86CpuProblem *problem, void *opaque),
                  void *opaque)
{
    X86CpuProblem problem = { .kind = X86CPU_UNMET_DEPENDENCY };
    size_t i;

    for (i = 0; i < tables->ndependencies; i++) {
        const X86CpuDependency *dep = &tables->dependencies[i];
        uint64_t bits = x86cpu_unmet(cpu, dep);

        problem.word = dep->to;
        problem.needs = dep->from;
        problem.needs_mask = dep->from_mask;
        for (; bits; bits &= bits - 1) {
            problem.mask = bits & -bits;
            found(&problem, opaque);
        }
    }
    problem = (X86CpuProblem) { .kind = X86CPU_HIDDEN_BY_LEVEL };
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        if (cpu->words[i] && x86cpu_is_above_level(tables, cpu, i)) {
            problem.word = i;
            problem.mask = cpu->words[i];
            found(&problem, opaque);
        }
    }
}

bool x86cpu_has_problem(const X86CpuTables *tables, const X86Cpu *cpu,
                        const X86CpuProblem *problem)
{
    if (problem->mask & ~cpu->words[problem->word]) {
        return false;
    }
    return problem->kind == X86CPU_UNMET_DEPENDENCY
           ? !(cpu->words[problem->needs] & problem->needs_mask)
           : x86cpu_is_above_level(tables, cpu, problem->word);
}
