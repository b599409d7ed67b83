/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Features that the guest sees although nobody requested them
 *
 * Answers, as the property added-features of every CPU: which feature bits
 * did QEMU or the accelerator turn on by themselves?  A guest relies on them
 * on every host it moves to.
 */

#include "qemu/osdep.h"
#include "qapi/qapi-visit-cpu-introspection-target.h"
#include "target/i386/ext/added-features.h"
#include "target/i386/ext/feature-requested-by.h"
#include "target/i386/ext/guest-view.h"

/*
 * The bits of word @w that come with a requested feature or number: Intel
 * PT's fixed capabilities, the version of AVX10, lbr-fmt
 */
static uint64_t comes_along(FeatureWord w)
{
    switch (w) {
    case FEAT_14_0_ECX:
        return ~(uint64_t)CPUID_14_0_ECX_LIP;
    case FEAT_24_0_EBX:
        return 0xff;
    case FEAT_PERF_CAPABILITIES:
        return PERF_CAP_LBR_FMT;
    default:
        return 0;
    }
}

static CpuAddedFeatureList *added_features(X86CPU *cpu)
{
    CpuAddedFeatureList *list = NULL, **tail = &list;
    X86CPUFeatureBit fb;

    if (!DEVICE(cpu)->realized) {
        return NULL;
    }
    for (fb.w = 0; fb.w < FEATURE_WORDS; fb.w++) {
        uint64_t added = x86_cpu_guest_sees(cpu, fb.w) &
                         ~x86_cpu_requested_features(cpu, fb.w) &
                         ~comes_along(fb.w);

        for (; added; added &= added - 1) {
            CpuAddedFeature *af = g_new0(CpuAddedFeature, 1);
            CpuFeaturePlaceList **places = &af->places;

            fb.bit = ctz64(added);
            af->feature = x86_cpu_feature_name_or_place(fb);
            QAPI_LIST_APPEND(places, x86_cpu_feature_place(cpu, fb));
            QAPI_LIST_APPEND(tail, af);
        }
    }
    return list;
}

static void get_added_features(Object *obj, Visitor *v, const char *name,
                               void *opaque, Error **errp)
{
    g_autoptr(CpuAddedFeatureList) list = added_features(X86_CPU(obj));

    visit_type_CpuAddedFeatureList(v, name, &list, errp);
}

void x86_cpu_added_features_class_init(ObjectClass *oc)
{
    object_class_property_add(oc, "added-features", "CpuAddedFeatureList",
                              get_added_features, NULL, NULL, NULL);
    object_class_property_set_description(oc, "added-features",
        "Features that the guest sees although nobody requested them");
}
