/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The part of a feature word that a guest sees
 *
 * Answers, for removed-features: which bits are in the feature words of a
 * CPU but hidden when the guest executes CPUID or RDMSR, and what hides them?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "system/kvm.h"
#include "system/tcg.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/guest-view.h"
#include "target/i386/ext/kvm-offered.h"

/*
 * Conditions for cpu_x86_cpuid() to show @mask in word @w, and for
 * kvm_init_msrs() to set a feature MSR
 */
typedef struct Gate {
    FeatureWord w;
    uint64_t mask;
    X86CPUFeatureBit needs;     /* this feature; FEATURE_WORDS: none */
    bool needs_kvm;
    bool needs_pmu;
    /* By x-vendor-cpuid-only-v2 */
    bool hidden_from_intel;
} Gate;

#define NO_FEATURE { FEATURE_WORDS, 0 }
#define XSAVE      { FEAT_1_ECX, 26 }
#define VMX        { FEAT_1_ECX, 5 }
#define SVM        { FEAT_8000_0001_ECX, 2 }
#define LM         { FEAT_8000_0001_EDX, 29 }
#define INTEL_PT   { FEAT_7_0_EBX, 25 }
#define SGX        { FEAT_7_0_EBX, 2 }
#define ARCH_LBR   { FEAT_7_0_EDX, 19 }
#define XSAVES     { FEAT_XSAVE, 3 }
#define AVX10      { FEAT_7_1_EDX, 19 }
#define APXF       { FEAT_7_1_EDX, 21 }
#define AMX_TILE   { FEAT_7_0_EDX, 24 }

/* Keep in sync with cpu_x86_cpuid(); tests/guest finds what is missing. */
static const Gate gates[] = {
    { FEAT_XSAVE,           ~0ull, XSAVE },
    { FEAT_XSAVE_XCR0_LO,   ~0ull, XSAVE },
    { FEAT_XSAVE_XCR0_HI,   ~0ull, XSAVE },
    { FEAT_XSAVE_XSS_LO,    ~0ull, XSAVE },
    { FEAT_XSAVE_XSS_HI,    ~0ull, XSAVE },
    { FEAT_XSAVE_XSS_LO,    X86_CPU_LATE_XSS, ARCH_LBR, true, true },
    { FEAT_XSAVE_XSS_LO,    X86_CPU_LATE_XSS, XSAVES },
    { FEAT_SVM,             ~0ull, SVM },
    { FEAT_14_0_ECX,        ~0ull, INTEL_PT, true },
    { FEAT_SGX_12_0_EAX,    ~0ull, SGX, true },
    { FEAT_SGX_12_0_EBX,    ~0ull, SGX, true },
    { FEAT_SGX_12_1_EAX,    ~0ull, SGX, true },
    { FEAT_1E_1_EAX,        ~0ull, AMX_TILE },
    { FEAT_24_0_EBX,        ~0ull, AVX10 },
    { FEAT_24_1_ECX,        ~0ull, AVX10 },
    { FEAT_29_0_EBX,        ~0ull, APXF },
    { FEAT_1_ECX,           CPUID_EXT_PDCM, NO_FEATURE, false, true },
    { FEAT_8000_0022_EAX,   ~0ull, NO_FEATURE, true, true },
    { FEAT_PERF_CAPABILITIES, ~0ull, NO_FEATURE, false, true },
    { FEAT_VMX_PROCBASED_CTLS, ~0ull, VMX },
    { FEAT_VMX_SECONDARY_CTLS, ~0ull, VMX },
    { FEAT_VMX_PINBASED_CTLS, ~0ull, VMX },
    { FEAT_VMX_EXIT_CTLS,   ~0ull, VMX },
    { FEAT_VMX_ENTRY_CTLS,  ~0ull, VMX },
    { FEAT_VMX_MISC,        ~0ull, VMX },
    { FEAT_VMX_EPT_VPID_CAPS, ~0ull, VMX },
    { FEAT_VMX_BASIC,       ~0ull, VMX },
    { FEAT_VMX_VMFUNC,      ~0ull, VMX },
    /* TCG follows Intel: no SYSCALL outside 64-bit mode. */
    { FEAT_8000_0001_EDX,   CPUID_EXT2_SYSCALL, LM },
    { FEAT_8000_0007_EBX,   ~0ull, NO_FEATURE, .hidden_from_intel = true },
};

bool x86_cpu_guest_lacks_leaf(X86CPU *cpu, FeatureWord w)
{
    const FeatureWordInfo *wi = &feature_word_info[w];
    const CPUX86State *env = &cpu->env;
    uint32_t leaf = wi->cpuid.eax;

    if (wi->type != CPUID_FEATURE_WORD || x86_cpu_is_hypervisor_word(w)) {
        return false;
    }
    switch (leaf & 0xf0000000) {
    case 0x80000000:
        return leaf > env->cpuid_xlevel;
    case 0xc0000000:
        return leaf > env->cpuid_xlevel2;
    default:
        return leaf > env->cpuid_level ||
               (leaf == 7 && wi->cpuid.ecx > env->cpuid_level_func7);
    }
}

/*
 * Whether subleaf 0 does not count the subleaf of word @w: guests don't look
 * for it, and kvm_x86_build_cpuid() leaves it out.
 */
static bool guest_lacks_subleaf(X86CPU *cpu, FeatureWord w)
{
    const FeatureWordInfo *wi = &feature_word_info[w];
    uint32_t eax, ebx, ecx, edx;

    if (wi->type != CPUID_FEATURE_WORD || !wi->cpuid.ecx ||
        (wi->cpuid.eax != 0x1e && wi->cpuid.eax != 0x24)) {
        return false;
    }
    cpu_x86_cpuid(&cpu->env, wi->cpuid.eax, 0, &eax, &ebx, &ecx, &edx);
    return wi->cpuid.ecx > eax;
}

bool x86_cpu_word_needs(FeatureWord w, X86CPUFeatureBit *feature)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(gates); i++) {
        /* Others are for a vendor or an accelerator, or have no name. */
        if (gates[i].w == w && gates[i].mask == ~0ull &&
            gates[i].needs.w != FEATURE_WORDS) {
            *feature = gates[i].needs;
            return true;
        }
    }
    return false;
}

static bool is_there(X86CPU *cpu, X86CPUFeatureBit fb)
{
    return fb.w == FEATURE_WORDS ||
           (cpu->env.features[fb.w] & (1ULL << fb.bit));
}

/* TCG has none of the feature MSRs: helper_rdmsr() returns 0 for them. */
static bool accelerator_lacks(FeatureWord w)
{
    return tcg_enabled() && feature_word_info[w].type == MSR_FEATURE_WORD;
}

/* The bits of the feature MSR of word @w that QEMU sets */
static uint64_t msr_bits(X86CPU *cpu, FeatureWord w)
{
    uint64_t bits = cpu->env.features[w];
    int i;

    if (accelerator_lacks(w)) {
        return 0;
    }
    for (i = 0; i < ARRAY_SIZE(gates); i++) {
        const Gate *gate = &gates[i];

        if (gate->w == w && ((gate->needs_pmu && !cpu->enable_pmu) ||
                             !is_there(cpu, gate->needs))) {
            bits &= ~gate->mask;
        }
    }
    return bits;
}

uint32_t x86_cpu_configured_apic(X86CPU *cpu)
{
    uint64_t filtered = cpu->force_features ? 0
                        : cpu->filtered_features[FEAT_1_EDX];

    return cpu->requests.requested[FEAT_1_EDX] & ~filtered & CPUID_APIC;
}

uint64_t x86_cpu_guest_sees(X86CPU *cpu, FeatureWord w)
{
    const FeatureWordInfo *wi = &feature_word_info[w];
    CPUX86State *env = &cpu->env;
    uint32_t regs[CPU_NB_REGS32] = { };
    uint64_t dynamic = 0;

    if (wi->type != CPUID_FEATURE_WORD) {
        return msr_bits(cpu, w);
    }
    if (x86_cpu_is_hypervisor_word(w)) {
        return kvm_enabled() && kvm_shows_own_leaves(cpu) ? env->features[w]
                                                          : 0;
    }
    if (x86_cpu_guest_lacks_leaf(cpu, w) || guest_lacks_subleaf(cpu, w)) {
        return 0;
    }
    cpu_x86_cpuid(env, wi->cpuid.eax, wi->cpuid.ecx, &regs[R_EAX],
                  &regs[R_EBX], &regs[R_ECX], &regs[R_EDX]);
    if (w == FEAT_8000_0001_EDX &&
        (env->features[FEAT_8000_0001_EDX] & CPUID_EXT2_LM)) {
        /* The vCPU is not in 64-bit mode yet, but will be. */
        regs[R_EDX] |= env->features[w] & CPUID_EXT2_SYSCALL;
    }
    if (w == FEAT_8000_0001_EDX && IS_AMD_CPU(env)) {
        /* Realize overwrites these with copies at its end. */
        regs[R_EDX] &= ~CPUID_EXT2_AMD_ALIASES;
        regs[R_EDX] |= (env->features[FEAT_1_EDX] |
                        x86_cpu_configured_apic(cpu)) &
                       CPUID_EXT2_AMD_ALIASES;
    }
    if (w == FEAT_1_EDX) {
        regs[R_EDX] |= x86_cpu_configured_apic(cpu);
    }
    /* What the running guest enables in CR4 is not configuration. */
    if (w == FEAT_1_ECX) {
        dynamic = CPUID_EXT_OSXSAVE;
    } else if (w == FEAT_7_0_ECX) {
        dynamic = CPUID_7_0_ECX_OSPKE;
    }
    return regs[wi->cpuid.reg] & ~(dynamic & ~env->features[w]);
}

CpuFeatureRemovalReason
x86_cpu_guest_unseen_reason(X86CPU *cpu, X86CPUFeatureBit fb,
                            CpuFeatureAlternativesList **requires)
{
    int i;

    *requires = NULL;
    if (x86_cpu_is_hypervisor_word(fb.w)) {
        return !kvm_enabled() ? CPU_FEATURE_REMOVAL_REASON_ACCELERATOR :
               !kvm_shows_own_leaves(cpu) ?
               CPU_FEATURE_REMOVAL_REASON_CONFIGURATION :
               CPU_FEATURE_REMOVAL_REASON_QEMU;
    }
    if (accelerator_lacks(fb.w)) {
        return CPU_FEATURE_REMOVAL_REASON_ACCELERATOR;
    }
    if (x86_cpu_guest_lacks_leaf(cpu, fb.w)) {
        return CPU_FEATURE_REMOVAL_REASON_LEVEL;
    }
    for (i = 0; i < ARRAY_SIZE(gates); i++) {
        const Gate *gate = &gates[i];

        if (gate->w != fb.w || !(gate->mask & (1ULL << fb.bit))) {
            continue;
        }
        if (gate->needs_kvm && !kvm_enabled()) {
            return CPU_FEATURE_REMOVAL_REASON_ACCELERATOR;
        }
        if ((gate->needs_pmu && !cpu->enable_pmu) ||
            (gate->hidden_from_intel && x86_cpu_vendor_only_v2(cpu) &&
             IS_INTEL_CPU(&cpu->env))) {
            return CPU_FEATURE_REMOVAL_REASON_CONFIGURATION;
        }
        if (!is_there(cpu, gate->needs)) {
            x86_cpu_add_alternatives(requires, gate->needs.w,
                                     1ULL << gate->needs.bit);
        }
    }
    return *requires ? CPU_FEATURE_REMOVAL_REASON_DEPENDENCY :
           guest_lacks_subleaf(cpu, fb.w) ? CPU_FEATURE_REMOVAL_REASON_LEVEL :
           CPU_FEATURE_REMOVAL_REASON_QEMU;
}
