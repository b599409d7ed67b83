/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU of one QEMU as one of another
 */

#include <stdio.h>
#include <string.h>
#include "models-props.h"
#include "translate.h"

/*
 * Bits of words are the same in all lines, but words may have other numbers.
 * Described CPUs have all of a feature or none: models_props_finish().
 */
static bool copy_features(const ModelsFile *from, const ModelsFile *to,
                          const X86Cpu *cpu, X86Cpu *copy, char *error)
{
    const X86CpuTables *old = models_file_tables(from);
    const X86CpuTables *new = models_file_tables(to);
    size_t i;

    for (i = 0; i < old->nfeatures; i++) {
        const X86CpuFeature *feature = &old->features[i];
        bool on = (cpu->words[feature->word] & feature->mask) == feature->mask;
        int number = models_file_find_feature(to, feature->name);

        if (number < 0 && on) {
            snprintf(error, TRANSLATE_ERROR, "QEMU %s has no feature '%.64s'",
                     models_file_version(to), feature->name);
            return false;
        }
        if (number >= 0 && on) {
            copy->words[new->features[number].word] |=
                new->features[number].mask;
        } else if (number >= 0) {
            copy->words[new->features[number].word] &=
                ~new->features[number].mask;
        }
    }
    return true;
}

bool translate_cpu(const ModelsFile *from, const ModelsFile *to, X86Cpu *cpu,
                   char *error)
{
    const char *anchor = models_file_newest_machine_type(from);
    int layer = models_file_find_layer(to, anchor);
    X86CpuAccelerator accel =
        models_file_has_accelerator(to, X86CPU_ON_KVM) ? X86CPU_ON_KVM
                                                       : X86CPU_ON_TCG;
    X86Cpu copy;
    int i;

    if (layer < 0) {
        snprintf(error, TRANSLATE_ERROR, "QEMU %s has no machine type %.64s, "
                 "so it is not known what it makes of CPUs of QEMU %s",
                 models_file_version(to), anchor, models_file_version(from));
        return false;
    }
    /* Model 0 is base, in which no accelerator sets anything. */
    models_file_requested(to, 0, layer, accel, MODELS_FILE_IRQCHIP_ON, NULL,
                          &copy);
    if (!copy_features(from, to, cpu, &copy, error)) {
        return false;
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (models_file_type(from, i) == MODELS_FILE_NO_TYPE) {
            continue;
        }
        copy.values[i] = cpu->values[i];
        copy.given[i] = cpu->given[i];
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        copy.given[i] = models_props_describe(to, &copy, i);
    }
    memcpy(copy.caches, cpu->caches, sizeof(copy.caches));
    memcpy(copy.vendor, cpu->vendor, sizeof(copy.vendor));
    memcpy(copy.model_id, cpu->model_id, sizeof(copy.model_id));
    memcpy(copy.hv_vendor_id, cpu->hv_vendor_id, sizeof(copy.hv_vendor_id));
    *cpu = copy;
    return true;
}

/* Features that guests find in @a, and not in @b, at one topology or another */
static void find_missing(const X86CpuViews *a, const X86CpuViews *b,
                         uint64_t *bits)
{
    size_t i;
    int t;

    memset(bits, 0, X86CPU_MAX_WORDS * sizeof(*bits));
    for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
        for (i = 0; i < X86CPU_MAX_WORDS; i++) {
            bits[i] |= a->at[t].words[i] & ~b->at[t].words[i];
        }
    }
    /* What AMD's CPUs repeat is not a feature of its own. */
    bits[X86CPU_FEAT_8000_0001_EDX] &= ~X86CPU_AMD_ALIASES;
}

void translate_correct(const X86CpuTables *tables, const X86CpuViews *a,
                       const X86CpuViews *b, X86CpuComparison *comparison)
{
    bool a_fits = x86cpu_views_fit(tables, a, b);
    bool b_fits = x86cpu_views_fit(tables, b, a);
    X86CpuNames *missing[] = {
        &comparison->missing_in_a, &comparison->missing_in_b,
    };
    uint64_t bits[2][X86CPU_MAX_WORDS];
    size_t i;
    int n;

    find_missing(b, a, bits[0]);
    find_missing(a, b, bits[1]);
    for (n = 0; n < 2; n++) {
        for (i = 0; i < X86CPU_MAX_WORDS; i++) {
            comparison->responsible.bits[i] |=
                bits[n][i] & ~missing[n]->bits[i];
        }
        memcpy(missing[n]->bits, bits[n], sizeof(bits[n]));
    }
    if (!a_fits || !b_fits) {
        comparison->relation = a_fits ? X86CPU_SUBSET :
                               b_fits ? X86CPU_SUPERSET : X86CPU_INCOMPATIBLE;
    }
}
