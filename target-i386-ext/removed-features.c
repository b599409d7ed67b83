/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requested features that an x86 CPU does not have, and why
 *
 * Answers, as the property removed-features of every CPU: which features
 * will this guest lack on this host, who requested them, why were they
 * removed, and does it matter to "enforce"?  For management software that
 * decides whether a guest may start on or migrate to this host.
 *
 * A feature counts as removed if cpu.c took it from the requested features,
 * either with notice (filtered_features, which unavailable-features and
 * enforce use) or silently, or if it hides it when the guest runs CPUID.
 */

#include "qemu/osdep.h"
#include "qapi/qapi-visit-cpu-introspection-target.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/feature-availability.h"
#include "target/i386/ext/feature-requested-by.h"
#include "target/i386/ext/guest-view.h"
#include "target/i386/ext/hyperv-features.h"
#include "target/i386/ext/removed-features.h"

/*
 * With x-force-features=on, the guest sees the filtered features anyway;
 * they stay in the list, because enforce still refuses them.
 */
static uint64_t removed_bits(X86CPU *cpu, FeatureWord w)
{
    return (x86_cpu_requested_features(cpu, w) &
            ~x86_cpu_guest_sees(cpu, w)) | cpu->filtered_features[w];
}

/* The features whose absence made cpu.c drop @fb */
static CpuFeatureAlternativesList *missing_requirements(X86CPU *cpu,
                                                        X86CPUFeatureBit fb)
{
    const X86CPUFeatureRequests *req = &cpu->requests;
    CpuFeatureAlternativesList *list = NULL;
    X86CPUDependency dep;
    unsigned i;

    for (i = 0; x86_cpu_access_dependency(i, &dep); i++) {
        uint64_t left = req->requested[dep.from] & ~req->unmet[dep.from] &
                        ~req->off_by_accelerator[dep.from];

        if (dep.to == fb.w && (dep.to_mask & (1ULL << fb.bit)) &&
            !(left & dep.from_mask)) {
            x86_cpu_add_alternatives(&list, dep.from, dep.from_mask);
        }
    }
    return list;
}

/*
 * The bit whose removal caused that of @fb: on AMD CPUs, 0x80000001 EDX has
 * copies of bits of leaf 1, which go if the original goes.
 */
static X86CPUFeatureBit removed_with(X86CPU *cpu, X86CPUFeatureBit fb)
{
    uint64_t mask = 1ULL << fb.bit;

    if (IS_AMD_CPU(&cpu->env) && fb.w == FEAT_8000_0001_EDX &&
        (CPUID_EXT2_AMD_ALIASES & mask) &&
        !(x86_cpu_guest_sees(cpu, FEAT_1_EDX) & mask)) {
        fb.w = FEAT_1_EDX;
    }
    return fb;
}

/* Whether @fb is in IA32_PERF_CAPABILITIES' LBR format, which is a number */
static bool is_lbr_format(X86CPUFeatureBit fb)
{
    return fb.w == FEAT_PERF_CAPABILITIES &&
           (PERF_CAP_LBR_FMT & (1ULL << fb.bit));
}

/*
 * Why @cpu lacks Intel PT although KVM and QEMU support it.  The capabilities
 * that guests see are fixed, except for LIP, and KVM must have all of them.
 */
static void explain_intel_pt(X86CPU *cpu, CpuRemovedFeature *rf)
{
    bool asks_for_lip = cpu->env.features[FEAT_14_0_ECX] & CPUID_14_0_ECX_LIP;
    bool host_has_lip;

    if (!x86_cpu_access_intel_pt_capable(&host_has_lip)) {
        rf->reason = CPU_FEATURE_REMOVAL_REASON_VALUE;
    } else if (host_has_lip != asks_for_lip) {
        rf->reason = CPU_FEATURE_REMOVAL_REASON_CONFLICT;
        rf->has_conflicts_with = true;
        x86_cpu_add_feature_names(&rf->conflicts_with, FEAT_14_0_ECX,
                                  CPUID_14_0_ECX_LIP);
    } else {
        /* The machine type does not raise the level to 0x14. */
        rf->reason = CPU_FEATURE_REMOVAL_REASON_LEVEL;
    }
}

/* Features that exclude each other: QEMU drops both if a CPU has both. */
static const X86CPUFeatureBit exclusive[][2] = {
    { { FEAT_7_0_EBX, 14 }, { FEAT_7_1_EDX, 21 } }, /* mpx, apxf */
};

static bool is_wanted(X86CPU *cpu, X86CPUFeatureBit fb)
{
    const X86CPUFeatureRequests *req = &cpu->requests;

    return req->requested[fb.w] & ~req->unmet[fb.w] &
           ~req->off_by_accelerator[fb.w] & (1ULL << fb.bit);
}

/* Whether QEMU gave @cpu the bit @fb, even if it filtered it afterwards */
static bool was_given(X86CPU *cpu, X86CPUFeatureBit fb)
{
    return (cpu->env.features[fb.w] | cpu->filtered_features[fb.w]) &
           (1ULL << fb.bit);
}

/*
 * The feature of @cpu that excludes @fb, or NULL.  The XSAVE state of features
 * that exclude each other is never set; x-force-features=on keeps both, and
 * then something else removes their state.
 */
static const X86CPUFeatureBit *find_excluding(X86CPU *cpu,
                                              X86CPUFeatureBit fb)
{
    int i, j;

    if (x86_cpu_is_derived_word(fb.w)) {
        if (was_given(cpu, fb)) {
            return NULL;
        }
        fb = x86_cpu_feature_owner(fb);
    }
    for (i = 0; i < ARRAY_SIZE(exclusive); i++) {
        for (j = 0; j < 2; j++) {
            const X86CPUFeatureBit *self = &exclusive[i][j];
            const X86CPUFeatureBit *other = &exclusive[i][!j];

            if (self->w == fb.w && self->bit == fb.bit &&
                is_wanted(cpu, *other)) {
                return other;
            }
        }
    }
    return NULL;
}

/* Whether KVM and QEMU can give @fb to some CPU, perhaps not to this one */
static bool is_supported(X86CPUFeatureBit fb)
{
    return x86_cpu_get_supported_feature_word(NULL, fb.w) & (1ULL << fb.bit);
}

static void explain(X86CPU *cpu, X86CPUFeatureBit fb, CpuRemovedFeature *rf)
{
    const X86CPUFeatureBit *excluding = find_excluding(cpu, fb);
    uint64_t mask = 1ULL << fb.bit;

    if (is_lbr_format(fb)) {
        rf->reason = CPU_FEATURE_REMOVAL_REASON_VALUE;
    } else if (cpu->requests.off_by_accelerator[fb.w] & mask) {
        /* KVM's are choices (svm, monitor, acpi), TCG has no vme. */
        rf->reason = x86_cpu_access_accel_uses_host_cpuid() ?
                     CPU_FEATURE_REMOVAL_REASON_CONFIGURATION :
                     CPU_FEATURE_REMOVAL_REASON_ACCELERATOR;
    } else if (!cpu->enable_pmu && (x86_cpu_needs_pmu(cpu, fb.w) & mask)) {
        rf->reason = CPU_FEATURE_REMOVAL_REASON_CONFIGURATION;
    } else if (cpu->requests.unmet[fb.w] & mask) {
        rf->reason = CPU_FEATURE_REMOVAL_REASON_DEPENDENCY;
        rf->requires = missing_requirements(cpu, fb);
        rf->has_requires = true;
    } else if (excluding) {
        rf->reason = CPU_FEATURE_REMOVAL_REASON_CONFLICT;
        rf->has_conflicts_with = true;
        x86_cpu_add_feature_names(&rf->conflicts_with, excluding->w,
                                  1ULL << excluding->bit);
    } else if (rf->blocking && fb.w == FEAT_7_0_EBX &&
               mask == CPUID_7_0_EBX_INTEL_PT && is_supported(fb)) {
        explain_intel_pt(cpu, rf);
    } else if (rf->blocking) {
        rf->reason = x86_cpu_feature_unavailable_reason(fb);
    } else {
        rf->reason = x86_cpu_guest_unseen_reason(cpu, fb, &rf->requires);
        rf->has_requires = rf->requires;
        /* QEMU silently drops XSAVE components that it can't have. */
        if (rf->reason == CPU_FEATURE_REMOVAL_REASON_QEMU &&
            x86_cpu_is_derived_word(fb.w) && !is_supported(fb)) {
            rf->reason = x86_cpu_feature_unavailable_reason(fb);
        }
    }
}

static bool same_requirements(const CpuFeatureAlternativesList *a,
                              const CpuFeatureAlternativesList *b)
{
    while (a && b &&
           x86_cpu_same_names(a->value->u.any_of, b->value->u.any_of)) {
        a = a->next;
        b = b->next;
    }
    return !a && !b;
}

/* Whether two entries only differ in their places */
static bool same_removal(const CpuRemovedFeature *a,
                         const CpuRemovedFeature *b)
{
    return a->reason == b->reason && a->blocking == b->blocking &&
           a->requested_by == b->requested_by &&
           !strcmp(a->feature, b->feature) &&
           same_requirements(a->requires, b->requires) &&
           x86_cpu_same_names(a->conflicts_with, b->conflicts_with);
}

static void add_removed(CpuRemovedFeatureList **list, X86CPU *cpu,
                        X86CPUFeatureBit fb)
{
    g_autoptr(CpuRemovedFeature) rf = g_new0(CpuRemovedFeature, 1);
    X86CPUFeatureBit cause = removed_with(cpu, fb);
    X86CPUFeatureBit owner = x86_cpu_feature_owner(cause);
    CpuFeaturePlaceList **places;

    rf->feature = is_lbr_format(fb) ? g_strdup("lbr-fmt")
                                    : x86_cpu_feature_name_or_place(cause);
    rf->blocking = cpu->filtered_features[cause.w] & (1ULL << cause.bit);
    rf->requested_by = is_lbr_format(fb)
                       ? x86_cpu_property_requested_by(cpu, rf->feature)
                       : x86_cpu_feature_requested_by(cpu, owner.w, owner.bit);
    explain(cpu, cause, rf);

    while (*list && !same_removal((*list)->value, rf)) {
        list = &(*list)->next;
    }
    places = *list ? &(*list)->value->places : &rf->places;
    while (*places) {
        places = &(*places)->next;
    }
    QAPI_LIST_APPEND(places, x86_cpu_feature_place(cpu, fb));
    if (!*list) {
        QAPI_LIST_APPEND(list, g_steal_pointer(&rf));
    }
}

/*
 * The guest's version of AVX10 is a number, in CPUID leaf 0x24, EBX bits 7 to
 * 0 (Intel AVX10 Architecture Specification).  x86_cpu_filter_features()
 * lowers it to the host's, and enforce refuses that.  In QEMU 11.1,
 * x-force-features=on keeps it, and enforce still refuses it.
 */
static void add_avx10_version(CpuRemovedFeatureList **list, X86CPU *cpu)
{
    CPUX86State *env = &cpu->env;
    bool has_avx10 = env->features[FEAT_7_1_EDX] & CPUID_7_1_EDX_AVX10;
    uint8_t requested = cpu->requests.avx10_version;
    uint8_t version = has_avx10 ? env->avx10_version : 0;
    uint8_t allowed = MIN(version, x86_cpu_access_supported_avx10_version());
    uint8_t seen = x86_cpu_guest_lacks_leaf(cpu, FEAT_24_0_EBX) ? 0 : version;
    bool is_lowered = allowed < requested;
    CpuRemovedFeature *rf;
    CpuFeaturePlaceList **places;
    uint32_t bits = requested & ~(is_lowered ? allowed : seen);

    if (!is_lowered && seen >= requested) {
        return;
    }
    rf = g_new0(CpuRemovedFeature, 1);
    rf->feature = g_strdup("avx10-version");
    rf->reason = is_lowered ? CPU_FEATURE_REMOVAL_REASON_VALUE
                            : CPU_FEATURE_REMOVAL_REASON_LEVEL;
    rf->blocking = is_lowered;
    rf->requested_by = x86_cpu_property_requested_by(cpu, rf->feature);
    places = &rf->places;
    for (; bits; bits &= bits - 1) {
        X86CPUFeatureBit fb = { FEAT_24_0_EBX, ctz32(bits) };

        QAPI_LIST_APPEND(places, x86_cpu_feature_place(cpu, fb));
    }
    while (*list) {
        list = &(*list)->next;
    }
    QAPI_LIST_APPEND(list, rf);
}

CpuRemovedFeatureList *x86_cpu_removed_features(X86CPU *cpu)
{
    CpuRemovedFeatureList *list = NULL;
    X86CPUFeatureBit fb;

    if (!cpu->requests.finished) {
        return NULL;
    }
    for (fb.w = 0; fb.w < FEATURE_WORDS; fb.w++) {
        uint64_t removed = removed_bits(cpu, fb.w);

        for (; removed; removed &= removed - 1) {
            fb.bit = ctz64(removed);
            add_removed(&list, cpu, fb);
        }
    }
    if (cpu->requests.avx10_version) {
        add_avx10_version(&list, cpu);
    }
    x86_cpu_add_removed_hyperv(cpu, &list);
    return list;
}

static void get_removed_features(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    g_autoptr(CpuRemovedFeatureList) list =
        x86_cpu_removed_features(X86_CPU(obj));

    visit_type_CpuRemovedFeatureList(v, name, &list, errp);
}

void x86_cpu_removed_features_class_init(ObjectClass *oc)
{
    object_class_property_add(oc, "removed-features", "CpuRemovedFeatureList",
                              get_removed_features, NULL, NULL, NULL);
    object_class_property_set_description(oc, "removed-features",
        "Requested features that the guest does not get, and why");
}
