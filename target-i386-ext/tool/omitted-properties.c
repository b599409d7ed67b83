/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a description of a CPU can't have
 *
 * Source: cpu-description.c of the extension.
 */

#include <stdlib.h>
#include "omitted-properties.h"
#include "cpu-view.h"
#include "expand.h"
#include "feature-names.h"
#include "host-removed.h"
#include "host-requests.h"
#include "../fixed-bits.h"

#define LM                      (1ull << 29)    /* CPUID[0x80000001].EDX */
/* In IA32_VMX_PROCBASED_CTLS2: SDM, appendix A */
#define ENABLE_EPT              (1ull << 1)

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

/* As in add_unnamed_features() of cpu-description.c: what need not be told */
static uint64_t fixed_bits(const X86CpuTables *tables, const X86Cpu *cpu,
                           X86CpuWordId word)
{
    const X86FixedBits depends = {
        .is_amd = x86cpu_is_amd(cpu),
        .has_lm = cpu->words[X86CPU_FEAT_8000_0001_EDX] & LM,
        .has_ept = cpu->words[X86CPU_FEAT_VMX_SECONDARY_CTLS] & ENABLE_EPT,
    };

    return x86cpu_is_derived_word(word) ||
           is_hidden_subleaf(&tables->words[word], cpu->values)
           ? UINT64_MAX : x86_cpu_fixed_bits(word, &depends);
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
