/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a description of a CPU can't have
 *
 * Sources: cpu-description.c of the extension; kvm_msr_entry_add_vmx() in
 * target/i386/kvm/kvm.c.
 */

#include <stdlib.h>
#include "omitted-properties.h"
#include "cpu-view.h"
#include "expand.h"
#include "feature-names.h"
#include "host-removed.h"
#include "host-requests.h"

#define LM                      (1ull << 29)    /* CPUID[0x80000001].EDX */
/* In IA32_VMX_PROCBASED_CTLS2, _EPT_VPID_CAP, _TRUE_EXIT_CTLS: SDM, app. A */
#define ENABLE_EPT              (1ull << 1)
#define EPT_MEMORY_TYPES        (1ull << 8 | 1ull << 14)
#define HOST_ADDR_SPACE_SIZE    (1ull << 9)
/* In IA32_VMX_BASIC: revision, size and memory type */
#define VMX_BASIC_FIXED         (0x7fffffffull | 0x1fffull << 32 | 0xfull << 50)
/* In IA32_VMX_MISC: shift of the timer, number of MSRs */
#define VMX_MISC_FIXED          (0x1full | 7ull << 25)
/* In IA32_PERF_CAPABILITIES: lbr-fmt */
#define LBR_FORMAT              0x3full
/* In CPUID[0x24].EBX: avx10-version */
#define AVX10_VERSION           0xffull

/* Whether no guest finds @w, a subleaf of leaf 7 */
static bool is_hidden_subleaf(const X86CpuWord *w, const uint64_t *values)
{
    uint64_t level = values[X86CPU_LEVEL];

    if (level == X86CPU_AUTOMATIC_LEVEL) {
        level = values[X86CPU_MIN_LEVEL];
    }
    return !w->msr && w->index == 7 &&
           (level < 7 || w->subleaf > values[X86CPU_LEVEL_FUNC7]);
}

/*
 * As in add_unnamed_features() and fixed_vmx_bits() of cpu-description.c: bits
 * that follow from others, or come from the kernel
 */
static uint64_t fixed_bits(const X86CpuTables *tables, const X86Cpu *cpu,
                           unsigned word)
{
    if (x86cpu_is_derived_word(word) ||
        is_hidden_subleaf(&tables->words[word], cpu->values)) {
        return UINT64_MAX;
    }
    switch (word) {
    case X86CPU_FEAT_PERF_CAPABILITIES:
        return LBR_FORMAT;
    case X86CPU_FEAT_24_0_EBX:
        return AVX10_VERSION;
    case X86CPU_FEAT_8000_0001_EDX:
        return x86cpu_is_amd(cpu) ? X86CPU_AMD_ALIASES : 0;
    case X86CPU_FEAT_VMX_BASIC:
        return VMX_BASIC_FIXED;
    case X86CPU_FEAT_VMX_MISC:
        return VMX_MISC_FIXED;
    case X86CPU_FEAT_VMX_EPT_VPID_CAPS:
        return cpu->words[X86CPU_FEAT_VMX_SECONDARY_CTLS] & ENABLE_EPT
               ? EPT_MEMORY_TYPES : 0;
    case X86CPU_FEAT_VMX_EXIT_CTLS:
        return cpu->words[X86CPU_FEAT_8000_0001_EDX] & LM
               ? HOST_ADDR_SPACE_SIZE : 0;
    default:
        return 0;
    }
}

static void add_unnamed_features(json_t *names, const X86CpuTables *tables,
                                 const X86Cpu *cpu)
{
    uint64_t named[X86CPU_MAX_WORDS] = { 0 };
    char name[FEATURE_NAME];
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        named[tables->features[i].word] |= tables->features[i].mask;
    }
    for (i = 0; i < X86CPU_WORD_COUNT; i++) {
        X86CpuWordId word = host_word_order[i];
        uint64_t bits = cpu->words[word] & ~named[word] &
                        ~fixed_bits(tables, cpu, word);

        for (; bits; bits &= bits - 1) {
            feature_names_place(tables, (X86CpuBits) { word, bits & -bits },
                                name);
            json_array_append_new(names, json_string(name));
        }
    }
}

/* vmx-ept=off, for one, takes one bit away from vmx-invept-single-context. */
static void add_partial_features(json_t *names, const X86CpuTables *tables,
                                 const X86Cpu *cpu)
{
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];
        uint64_t bits = cpu->words[feature->word] & feature->mask;

        if (bits && bits != feature->mask) {
            json_array_append_new(names, json_string(feature->name));
        }
    }
}

json_t *omitted_properties(const Question *q)
{
    CpuRequest *whole = malloc(sizeof(*whole));
    json_t *names = json_array();

    if (whole) {
        *whole = q->request;
        host_requests_add_unnamed(&q->context, whole);
        x86cpu_describe(q->tables, &whole->cpu, q->context.accel, &q->host,
                        &whole->cpu);
        if (q->request.host_cache_info) {
            json_array_append_new(names, json_string("host-cache-info"));
        }
        if (q->request.cpu.values[X86CPU_HV_PASSTHROUGH]) {
            json_array_append_new(names, json_string("hv-passthrough"));
        }
        add_unnamed_features(names, q->tables, &whole->cpu);
        add_partial_features(names, q->tables, &whole->cpu);
    }
    free(whole);
    return names;
}
