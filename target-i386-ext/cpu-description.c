/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything that makes up an x86 CPU, as properties
 *
 * Answers, for the static expansion of CPU models and for the model
 * "custom": which properties affect what a guest sees of its CPU and the
 * CPU's migration stream, and which values recreate this CPU?
 *
 * These are the properties in X86CPU's table, except those that place a CPU
 * in a machine or say how to handle missing features (tables/properties.tbl
 * says which), and properties outside that table.
 * Values that realize computes are computed here like in x86_cpu_realizefn()
 * and kvm_cpu_realizefn().
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "qapi/visitor.h"
#include "qobject/qbool.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"
#include "qom/qom-qobject.h"
#include "system/kvm.h"
#include "system/system.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/kvm/kvm_i386.h"
#include "target/i386/tcg/helper-tcg.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/core-words.h"
#include "target/i386/ext/core/expand.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-description.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/feature-place.h"
#include "target/i386/ext/fixed-bits.h"
#include "target/i386/ext/guest-view.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/undefined-models.h"

/* Part of the description, but not in the table */
static const char *const further_properties[] = {
    "family", "model", "stepping", "vendor", "model-id",
    "l1d-cache-info", "l1i-cache-info", "l2-cache-info", "l3-cache-info",
    /* In the table of some lines */
    "avx10-version", "full-cpuid-auto-level", "x-hv-synic-kvm-only",
    "x-intel-pt-auto-level",
};

/*
 * The maximum leaves are described as minimums (min-level and so on), which
 * topology may raise, unless level and so on were set.
 */
static const struct {
    const char *name;
    size_t fixed;
} maximum_leaves[] = {
    { "level", offsetof(X86CPUFeatureRequests, level_is_fixed) },
    { "xlevel", offsetof(X86CPUFeatureRequests, xlevel_is_fixed) },
    { "xlevel2", offsetof(X86CPUFeatureRequests, xlevel2_is_fixed) },
};

static bool is_described(const char *name)
{
    const X86CPUPropertyInfo *info = x86_cpu_find_property_info(name);

    return !info || info->described;
}

static bool is_64bit(X86CPU *cpu)
{
    return cpu->env.features[FEAT_8000_0001_EDX] & CPUID_EXT2_LM;
}

bool x86_cpu_description_needs(X86CPU *cpu, const char *name)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(maximum_leaves); i++) {
        if (!strcmp(name, maximum_leaves[i].name)) {
            return *(bool *)((char *)&cpu->requests +
                             maximum_leaves[i].fixed);
        }
    }
    if (!strcmp(name, "phys-bits")) {
        /* 32-bit CPUs can't set them. */
        return is_64bit(cpu) || cpu->phys_bits;
    }
    if (g_str_has_suffix(name, "-cache-info")) {
        return !cpu->legacy_cache;
    }
    if (x86_cpu_is_retired(name)) {
        return x86_cpu_needs_retired(cpu, name);
    }
    return is_described(name);
}

const Property *x86_cpu_find_table_property(const char *name)
{
    DeviceClass *dc = DEVICE_CLASS(object_class_by_name(TYPE_X86_CPU));
    int i;

    for (i = 0; i < dc->props_count_; i++) {
        if (!strcmp(dc->props_[i].name, name)) {
            return &dc->props_[i];
        }
    }
    return NULL;
}

bool x86_cpu_is_table_property(const char *name)
{
    return x86_cpu_find_table_property(name);
}

strList *x86_cpu_description_names(X86CPU *cpu)
{
    DeviceClass *dc = DEVICE_CLASS(object_class_by_name(TYPE_X86_CPU));
    strList *names = NULL, **tail = &names;
    unsigned i;

    for (i = 0; i < x86_cpu_features_count; i++) {
        QAPI_LIST_APPEND(tail, g_strdup(x86_cpu_features[i].name));
    }
    for (i = 0; i < dc->props_count_; i++) {
        if (x86_cpu_description_needs(cpu, dc->props_[i].name)) {
            QAPI_LIST_APPEND(tail, g_strdup(dc->props_[i].name));
        }
    }
    for (i = 0; i < ARRAY_SIZE(further_properties); i++) {
        if (!x86_cpu_is_table_property(further_properties[i]) &&
            x86_cpu_description_needs(cpu, further_properties[i])) {
            QAPI_LIST_APPEND(tail, g_strdup(further_properties[i]));
        }
    }
    if (cpu->env.user_tsc_khz) {
        QAPI_LIST_APPEND(tail, g_strdup("tsc-frequency"));
    }
    if (x86_cpu_newest_anchor()) {
        QAPI_LIST_APPEND(tail, g_strdup("compat-anchor"));
    }
    return names;
}

/* As in host_cpu_phys_bits() */
static uint32_t host_physical_bits(void)
{
    uint32_t eax;

    host_cpuid(0x80000000, 0, &eax, NULL, NULL, NULL);
    if (eax < 0x80000008) {
        return 36;
    }
    host_cpuid(0x80000008, 0, &eax, NULL, NULL, NULL);
    return eax & 0xff;
}

/* As in host_cpu_adjust_phys_bits(); 0 later becomes the default. */
static uint32_t chosen_physical_bits(X86CPU *cpu)
{
    uint32_t bits = cpu->phys_bits;

    if (cpu->host_phys_bits && x86_cpu_access_accel_uses_host_cpuid()) {
        bits = host_physical_bits();
        if (cpu->host_phys_bits_limit) {
            bits = MIN(bits, cpu->host_phys_bits_limit);
        }
    }
    return bits;
}

/* As in x86_cpu_realizefn() */
uint32_t x86_cpu_physical_bits(X86CPU *cpu)
{
    return chosen_physical_bits(cpu) ?: TCG_PHYS_ADDR_BITS;
}

/* As in kvm_set_guest_phys_bits() and x86_cpu_realizefn() */
static uint32_t guest_physical_bits(X86CPU *cpu)
{
    uint32_t bits = cpu->guest_phys_bits;

    if (bits != -1) {
        return bits;
    }
    if (!kvm_enabled() || !is_64bit(cpu)) {
        return 0;
    }
    bits = kvm_arch_get_supported_cpuid(kvm_state, 0x80000008, 0, R_EAX);
    /* Without phys-bits, this precedes the default. */
    bits = MIN((bits >> 16) & 0xff, chosen_physical_bits(cpu));
    if (cpu->host_phys_bits && cpu->host_phys_bits_limit) {
        bits = MIN(bits, cpu->host_phys_bits_limit);
    }
    return bits;
}

/* As in kvm_cpu_realizefn() and x86_cpu_realizefn() */
static uint64_t microcode_revision(X86CPU *cpu)
{
    uint64_t rev = cpu->ucode_rev;

    if (!rev && kvm_enabled() && x86_cpu_is_max(cpu)) {
        rev = kvm_arch_get_supported_msr_feature(kvm_state,
                                                 MSR_IA32_UCODE_REV);
    }
    return rev ?: IS_AMD_CPU(&cpu->env) ? 0x01000065 : 0x100000000ULL;
}

static uint64_t lbr_format(X86CPU *cpu)
{
    return cpu->lbr_fmt != ~PERF_CAP_LBR_FMT
           ? cpu->lbr_fmt
           : cpu->env.features[FEAT_PERF_CAPABILITIES] & PERF_CAP_LBR_FMT;
}

/* The getter may leave out the extended model if the family is below 6. */
static int64_t signature_model(X86CPU *cpu)
{
    uint32_t version = cpu->env.cpuid_version;

    return ((version >> 4) & 0xf) | ((version >> 12) & 0xf0);
}

/*
 * As in max_x86_cpu_realize(), which decides before the features that are on
 * by default are set.
 */
static void put_default_signature(X86CPU *cpu, QDict *props)
{
    bool lm = is_64bit(cpu) && !x86_cpu_access_plus_feature("lm") &&
              (cpu->env.user_features[FEAT_8000_0001_EDX] & CPUID_EXT2_LM);

    if (!x86_cpu_is_max(cpu) || qdict_get_int(props, "family")) {
        return;
    }
    qdict_put_int(props, "family", lm ? 15 : 6);
    qdict_put_int(props, "model", lm ? 107 : 6);
    qdict_put_int(props, "stepping", lm ? 1 : 3);
}

static void put_property(X86CPU *cpu, QDict *props, const char *name)
{
    qdict_put_obj(props, name,
                  object_property_get_qobject(OBJECT(cpu), name,
                                              &error_abort));
}

/* Whether realizing @cpu passes the host's power management to the guest */
static bool passes_power_management(X86CPU *cpu)
{
    return x86_cpu_is_max(cpu) && kvm_enabled() && enable_cpu_pm;
}

static bool is_given_waitpkg(X86CPU *cpu)
{
#ifdef CONFIG_KVM
    return passes_power_management(cpu) && kvm_has_waitpkg();
#else
    return false;
#endif
}

/*
 * Whether x86_cpu_expand_features() has dropped Intel PT because its leaf is
 * above min-level.  The description has it on anyway: a CPU made from it drops
 * it again, unless x-force-features is on.
 */
static bool is_intel_pt_dropped_by_level(X86CPU *cpu)
{
    const X86CPUFeatureRequests *req = &cpu->requests;

    return (req->requested[FEAT_7_0_EBX] & ~req->unmet[FEAT_7_0_EBX] &
            cpu->filtered_features[FEAT_7_0_EBX]) & CPUID_7_0_EBX_INTEL_PT;
}

/*
 * AVX10 and APX raise min-level after that: given back, it would be enough for
 * Intel PT.  They raise any lower one again.
 */
static void put_intel_pt(X86CPU *cpu, QDict *props)
{
    if (!is_intel_pt_dropped_by_level(cpu)) {
        return;
    }
    qdict_put_bool(props, "intel-pt", true);
    if (cpu->env.cpuid_min_level >= X86CPU_INTEL_PT_LEAF) {
        qdict_put_int(props, "min-level", X86CPU_INTEL_PT_LEAF - 1);
    }
}

/*
 * The same for mpx and apxf, which x86_cpu_expand_features() drops if a CPU has
 * both.  With x-force-features, apxf raises levels, of which level-func7 has no
 * minimum that a description could have instead.
 */
static void put_mpx_and_apxf(X86CPU *cpu, QDict *props)
{
    const X86CPUFeatureRequests *req = &cpu->requests;

    if ((req->requested[FEAT_7_0_EBX] & ~req->unmet[FEAT_7_0_EBX] &
         CPUID_7_0_EBX_MPX) && qdict_haskey(props, "apxf") &&
        (req->requested[FEAT_7_1_EDX] & ~req->unmet[FEAT_7_1_EDX] &
         cpu->filtered_features[FEAT_7_1_EDX] & BIT(21))) {
        qdict_put_bool(props, "mpx", true);
        qdict_put_bool(props, "apxf", true);
        if (!req->level_func7_is_fixed) {
            qdict_put_int(props, "level-func7", UINT32_MAX);
        }
    }
}

/*
 * As guests see it: 12 bytes.  If that cuts a character, it stays as given,
 * because QMP can't carry half of one.
 */
static void put_hv_vendor_id(const X86CPU *cpu, QDict *props)
{
    g_autofree char *seen = g_strndup(cpu->hyperv_vendor ?: "Microsoft Hv",
                                      sizeof(cpu->hyperv_vendor_id));

    if (g_utf8_validate(seen, -1, NULL)) {
        qdict_put_str(props, "hv-vendor-id", seen);
    }
}

/*
 * If its 48 bytes end within a character, complete it, as QMP can't carry half
 * of one: whoever sets it keeps only the same 48 bytes.
 */
static void put_model_id(X86CPU *cpu, QDict *props)
{
    static const char *const rests[] = {
        "", "\x80", "\x80\x80", "\x80\x80\x80", "\xa0\x80", "\xa0\x80\x80",
    };
    g_autofree char *text = object_property_get_str(OBJECT(cpu), "model-id",
                                                    &error_abort);
    int i;

    if (strlen(text) < sizeof(cpu->env.cpuid_model)) {
        return;
    }
    for (i = 0; i < ARRAY_SIZE(rests); i++) {
        g_autofree char *whole = g_strconcat(text, rests[i], NULL);

        if (g_utf8_validate(whole, -1, NULL)) {
            qdict_put_str(props, "model-id", whole);
            return;
        }
    }
}

/* Values that are computed when the CPU is realized */
static void put_worked_out(X86CPU *cpu, QDict *props)
{
    const char *anchor = x86_cpu_newest_anchor();

    if (is_64bit(cpu)) {
        qdict_put_int(props, "phys-bits", x86_cpu_physical_bits(cpu));
    }
    /* 32-bit CPUs ignore them; with lm=on, a copy would not. */
    qdict_put_bool(props, "host-phys-bits", false);
    qdict_put_int(props, "host-phys-bits-limit", 0);
    qdict_put_int(props, "guest-phys-bits", guest_physical_bits(cpu));
    qdict_put(props, "ucode-rev", qnum_from_uint(microcode_revision(cpu)));
    qdict_put_int(props, "lbr-fmt", lbr_format(cpu));
    put_hv_vendor_id(cpu, props);
    put_model_id(cpu, props);
    qdict_put_int(props, "model", signature_model(cpu));
    put_default_signature(cpu, props);
    if (is_given_waitpkg(cpu)) {
        qdict_put_bool(props, "waitpkg", true);
    }
    put_intel_pt(cpu, props);
    put_mpx_and_apxf(cpu, props);
    /* It has already been expanded to the kernel's enlightenments. */
    qdict_put_bool(props, "hv-passthrough", false);
    if (anchor) {
        qdict_put_str(props, "compat-anchor", anchor);
    }
}

void x86_cpu_describe_physical_bits(X86CPU *cpu, X86Cpu *value)
{
    if (is_64bit(cpu)) {
        value->values[X86CPU_PHYS_BITS] = x86_cpu_physical_bits(cpu);
    }
    value->values[X86CPU_GUEST_PHYS_BITS] = guest_physical_bits(cpu);
}

static uint64_t fixed_bits(X86CPU *cpu, FeatureWord w)
{
    const uint64_t *f = cpu->env.features;
    const X86FixedBits depends = {
        .is_amd = IS_AMD_CPU(&cpu->env),
        .has_lm = is_64bit(cpu),
        .has_ept = f[FEAT_VMX_SECONDARY_CTLS] & VMX_SECONDARY_EXEC_ENABLE_EPT,
    };

    return x86_cpu_fixed_bits(x86_cpu_core_word(w), &depends);
}

/* No topology raises level-func7, which descriptions have. */
static bool is_hidden_subleaf(X86CPU *cpu, FeatureWord w)
{
    const FeatureWordInfo *wi = &feature_word_info[w];

    return wi->type == CPUID_FEATURE_WORD && wi->cpuid.eax == 7 &&
           x86_cpu_guest_lacks_leaf(cpu, w);
}

/* Bits without a property, except for those that follow from others */
static void add_unnamed_features(X86CPU *cpu, strList ***tail)
{
    FeatureWord w;

    for (w = 0; w < FEATURE_WORDS; w++) {
        uint64_t bits = cpu->env.features[w] & ~fixed_bits(cpu, w);

        if (x86_cpu_is_derived_word(w) || is_hidden_subleaf(cpu, w)) {
            continue;
        }
        for (; bits; bits &= bits - 1) {
            X86CPUFeatureBit fb = { w, ctz64(bits) };

            if (!feature_word_info[w].feat_names[fb.bit]) {
                QAPI_LIST_APPEND(*tail, x86_cpu_feature_name_or_place(fb));
            }
        }
    }
}

/*
 * A property of several bits turns on all of them.  But vmx-ept=off, for
 * instance, takes away only one of vmx-invept-single-context's bits.
 */
static void add_partial_features(X86CPU *cpu, strList ***tail)
{
    unsigned i;

    for (i = 0; i < x86_cpu_features_count; i++) {
        const X86CPUFeatureInfo *info = &x86_cpu_features[i];
        uint64_t bits = cpu->env.features[info->word] & info->mask;

        if (bits && bits != info->mask) {
            QAPI_LIST_APPEND(*tail, g_strdup(info->name));
        }
    }
}

/* What "base" has no property for, or only the host has or KVM knows */
static strList *omitted_properties(X86CPU *cpu)
{
    strList *names = NULL, **tail = &names;

    if (cpu->cache_info_passthrough) {
        QAPI_LIST_APPEND(tail, g_strdup("host-cache-info"));
    }
    if (cpu->hyperv_passthrough) {
        QAPI_LIST_APPEND(tail, g_strdup("hv-passthrough"));
    }
    if (passes_power_management(cpu) &&
        (cpu->env.features[FEAT_1_ECX] & CPUID_EXT_MONITOR)) {
        /* The host's leaf 5 (MONITOR/MWAIT) is passed through. */
        QAPI_LIST_APPEND(tail, g_strdup("monitor"));
    }
    add_unnamed_features(cpu, &tail);
    add_partial_features(cpu, &tail);
    return names;
}

strList *x86_cpu_describe(X86CPU *cpu, QDict *props)
{
    strList *names = x86_cpu_description_names(cpu);
    strList *el;

    for (el = names; el; el = el->next) {
        if (!qdict_haskey(props, el->value)) {
            put_property(cpu, props, el->value);
        }
    }
    qapi_free_strList(names);
    put_worked_out(cpu, props);
    return omitted_properties(cpu);
}

/*
 * These models have no vendor unless one is given: CPUID leaf 0 has zeros.
 * A description of such a CPU has vendor="", so "custom" can tell it from one
 * that lost its vendor.
 */
static void set_vendor(Object *obj, Visitor *v, const char *name,
                       void *opaque, Error **errp)
{
    CPUX86State *env = &X86_CPU(obj)->env;
    g_autofree char *vendor = NULL;

    if (!visit_type_str(v, name, &vendor, errp)) {
        return;
    }
    if (*vendor || !x86_cpu_is_undefined(obj)) {
        x86_cpu_access_set_vendor(X86_CPU(obj), vendor, errp);
    } else {
        env->cpuid_vendor1 = env->cpuid_vendor2 = env->cpuid_vendor3 = 0;
    }
}

void x86_cpu_description_class_init(ObjectClass *oc)
{
    /* Keep upstream's getter. */
    object_class_property_find(oc, "vendor")->set = set_vendor;
}
