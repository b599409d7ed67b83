/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * query-cpu-features: every CPU feature, and who has it
 *
 * Answers, for management software without tables of its own: which features
 * exist, what do QEMU, Linux and libvirt call them, where are they, and do
 * the hardware, the kernel and this QEMU have them?
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "cpu.h"
#include "qapi/qapi-commands-cpu-introspection-target.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/feature-availability.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/guest-view.h"

/*
 * From the dependencies that x86_cpu_expand_features() uses.  Features without
 * any may still be hidden by cpu_x86_cpuid(); of others, what it needs is
 * among what they depend on.
 */
static CpuFeatureAlternativesList *requirements(const X86CPUFeatureInfo *info)
{
    CpuFeatureAlternativesList *list = NULL;
    X86CPUFeatureBit needed;
    X86CPUDependency dep;
    unsigned i;

    for (i = 0; x86_cpu_access_dependency(i, &dep); i++) {
        if (dep.to == info->word && (dep.to_mask & info->mask)) {
            x86_cpu_add_alternatives(&list, dep.from, dep.from_mask);
        }
    }
    if (!list && x86_cpu_word_needs(info->word, &needed)) {
        x86_cpu_add_alternatives(&list, needed.w, 1ULL << needed.bit);
    }
    return list;
}

static CpuFeatureInfo *describe(const X86CPUFeatureInfo *info)
{
    CpuFeatureInfo *fi = g_new0(CpuFeatureInfo, 1);
    CpuFeaturePlaceList **places = &fi->places;
    int hardware = 1, kernel = 1;
    uint64_t mask;

    fi->name = g_strdup(info->name);
    fi->description = g_strdup(info->what);
    fi->aliases = x86_cpu_other_names(info->aliases);
    for (mask = info->mask; mask; mask &= mask - 1) {
        X86CPUFeatureBit fb = { info->word, ctz64(mask) };

        QAPI_LIST_APPEND(places, x86_cpu_feature_place(NULL, fb));
        hardware = MIN(hardware, x86_cpu_feature_in_hardware(fb));
        kernel = MIN(kernel, x86_cpu_feature_in_kernel(fb));
    }
    fi->requires = requirements(info);
    fi->polarity = info->polarity;
    fi->has_hardware = hardware >= 0;
    fi->hardware = hardware == 1;
    fi->has_kernel = kernel >= 0;
    fi->kernel = kernel == 1;
    fi->supported = !(info->mask &
                      ~x86_cpu_get_supported_feature_word(NULL, info->word));
    fi->migratable = x86_cpu_feature_is_migratable(info);
    fi->cpuinfo = x86_cpu_other_names(info->cpuinfo);
    fi->libvirt = g_strdup(info->libvirt);
    fi->note = g_strdup(info->note);
    return fi;
}

CpuFeatureInfoList *qmp_query_cpu_features(Error **errp)
{
    CpuFeatureInfoList *list = NULL, **tail = &list;
    unsigned i;

    for (i = 0; i < x86_cpu_features_count; i++) {
        QAPI_LIST_APPEND(tail, describe(&x86_cpu_features[i]));
    }
    return list;
}
