/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The names of feature bits
 *
 * As target-i386-ext/feature-place.c makes them in QEMU.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "feature-names.h"

static bool is_vmx_control(unsigned word)
{
    return word == X86CPU_FEAT_VMX_PROCBASED_CTLS ||
           word == X86CPU_FEAT_VMX_SECONDARY_CTLS ||
           word == X86CPU_FEAT_VMX_PINBASED_CTLS ||
           word == X86CPU_FEAT_VMX_EXIT_CTLS ||
           word == X86CPU_FEAT_VMX_ENTRY_CTLS;
}

unsigned feature_names_number(X86CpuBits bit)
{
    unsigned number = 0;

    while (!(bit.mask >> number & 1)) {
        number++;
    }
    /* The upper half says what may be 1 (SDM vol. 3, appendix A). */
    return is_vmx_control(bit.word) ? number + 32 : number;
}

const X86CpuFeature *feature_names_find(const X86CpuTables *tables,
                                        X86CpuBits bit)
{
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];

        if (feature->word == bit.word && (feature->mask & bit.mask)) {
            return feature;
        }
    }
    return NULL;
}

void feature_names_place(const X86CpuTables *tables, X86CpuBits bit,
                         char name[FEATURE_NAME])
{
    static const char *const registers[X86CPU_REGISTERS] = {
        [X86CPU_EAX] = "eax", [X86CPU_EBX] = "ebx",
        [X86CPU_ECX] = "ecx", [X86CPU_EDX] = "edx",
    };
    const X86CpuWord *w = &tables->words[bit.word];

    if (w->msr) {
        snprintf(name, FEATURE_NAME, "msr-%02" PRIx32 "h-%u", w->index,
                 feature_names_number(bit));
    } else if (w->subleaf) {
        snprintf(name, FEATURE_NAME, "cpuid-%02" PRIx32 "h-%" PRIx32 "-%s-%u",
                 w->index, w->subleaf, registers[w->reg],
                 feature_names_number(bit));
    } else {
        snprintf(name, FEATURE_NAME, "cpuid-%02" PRIx32 "h-%s-%u", w->index,
                 registers[w->reg], feature_names_number(bit));
    }
}

void feature_names_note(json_t *notes, const char *name, const char *feature)
{
    char text[160];

    if (notes && strcmp(name, feature)) {
        snprintf(text, sizeof(text), "%.64s is %.64s", name, feature);
        json_object_set_new(notes, text, json_null());
    }
}

void feature_names_several(const char *name, const char *const *features,
                           size_t count, char *text, size_t size)
{
    size_t length = snprintf(text, size, "'%.64s' is ", name), i;

    for (i = 0; i < count && length < size; i++) {
        length += snprintf(text + length, size - length, "%s%.40s",
                           !i ? "" : i + 1 < count ? ", " : " or ",
                           features[i]);
    }
    if (length < size) {
        snprintf(text + length, size - length, " in QEMU: name one of them");
    }
}
