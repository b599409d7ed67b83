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
#include "expand.h"
#include "feature-names.h"
#include "host-requests.h"

#define LM                      (1ull << 29)    /* CPUID[0x80000001].EDX */
/* In IA32_VMX_PROCBASED_CTLS2, _EPT_VPID_CAP, _TRUE_EXIT_CTLS: SDM, app. A */
#define ENABLE_EPT              (1ull << 1)
#define EPT_MEMORY_TYPES        (1ull << 8 | 1ull << 14)
#define HOST_ADDR_SPACE_SIZE    (1ull << 9)

/* As in fixed_vmx_bits() of cpu-description.c: they come from the kernel. */
static uint64_t fixed_bits(const X86Cpu *cpu, unsigned word)
{
    switch (word) {
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
    unsigned word;
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        named[tables->features[i].word] |= tables->features[i].mask;
    }
    for (word = 0; word < X86CPU_WORD_COUNT; word++) {
        uint64_t bits = cpu->words[word] & ~named[word] &
                        ~fixed_bits(cpu, word);

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
        if (q->request.cpu.values[X86CPU_HV_PASSTHROUGH]) {
            json_array_append_new(names, json_string("hv-passthrough"));
        }
        add_unnamed_features(names, q->tables, &whole->cpu);
        add_partial_features(names, q->tables, &whole->cpu);
    }
    free(whole);
    return names;
}
