/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Properties that QEMU has dropped
 *
 * Answers: what does a description of a CPU that an older QEMU wrote mean,
 * if it has a property that this one has dropped?  The properties are there
 * again, and do what they did:
 *
 * full-cpuid-auto-level=off: only features of leaf 7 raise the levels (machine
 *     types up to 2.7)
 * x-intel-pt-auto-level=off: Intel PT does not raise the level, but is dropped
 *     if that is too low (up to 3.1)
 * x-hv-synic-kvm-only=on: hv-synic is KVM's first version of it (up to 3.0).
 *     That is gone from QEMU, so such CPUs are refused.  Without KVM, hv-synic
 *     does nothing.
 *
 * QEMUs that have them do not need this.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "system/kvm.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/start-errors.h"

typedef struct RetiredProperty {
    const char *name;
    const char *description;
    size_t offset;
    /* The value of the flag at @offset if the property is on */
    bool on;
} RetiredProperty;

static const RetiredProperty retired[] = {
    {
        "full-cpuid-auto-level",
        "Raise the CPUID levels as features need it",
        offsetof(X86CPURetiredProperties, no_auto_level), false
    }, {
        "x-intel-pt-auto-level",
        "Raise the CPUID level as Intel PT needs it",
        offsetof(X86CPURetiredProperties, no_intel_pt_level), false
    }, {
        "x-hv-synic-kvm-only",
        "KVM's first version of hv-synic; not supported with hv-synic",
        offsetof(X86CPURetiredProperties, hv_synic_kvm_only), true
    },
};

/* Those that are registered */
static bool is_retired[ARRAY_SIZE(retired)];

static bool *find_flag(X86CPU *cpu, const RetiredProperty *rp)
{
    return (bool *)((char *)&cpu->requests.retired + rp->offset);
}

static void get_retired(Object *obj, Visitor *v, const char *name,
                        void *opaque, Error **errp)
{
    const RetiredProperty *rp = opaque;
    bool value = *find_flag(X86_CPU(obj), rp) == rp->on;

    visit_type_bool(v, name, &value, errp);
}

static void set_retired(Object *obj, Visitor *v, const char *name,
                        void *opaque, Error **errp)
{
    const RetiredProperty *rp = opaque;
    bool value;

    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
    } else if (visit_type_bool(v, name, &value, errp)) {
        *find_flag(X86_CPU(obj), rp) = value == rp->on;
    }
}

static int find_retired(const char *name)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(retired); i++) {
        if (is_retired[i] && !strcmp(retired[i].name, name)) {
            return i;
        }
    }
    return -1;
}

bool x86_cpu_is_retired(const char *name)
{
    return find_retired(name) >= 0;
}

bool x86_cpu_needs_retired(X86CPU *cpu, const char *name)
{
    int i = find_retired(name);

    return i >= 0 && *find_flag(cpu, &retired[i]);
}

bool x86_cpu_check_retired(X86CPU *cpu, Error **errp)
{
    if (kvm_enabled() && cpu->requests.retired.hv_synic_kvm_only &&
        hyperv_feat_enabled(cpu, HYPERV_FEAT_SYNIC)) {
        error_setg(errp, X86_ERROR_SYNIC_KVM_ONLY);
        return false;
    }
    return true;
}

/* As QEMU 10.0 did at the end of x86_cpu_expand_features() */
static void drop_intel_pt(X86CPU *cpu)
{
    CPUX86State *env = &cpu->env;
    uint64_t *word = &env->features[FEAT_7_0_EBX];

    if (!(*word & CPUID_7_0_EBX_INTEL_PT)) {
        return;
    }
    x86_cpu_access_adjust_level(cpu, FEAT_7_0_EBX);
    if (env->cpuid_min_level < 0x14) {
        x86_cpu_access_mark_unavailable(cpu, FEAT_7_0_EBX,
            CPUID_7_0_EBX_INTEL_PT,
            "Intel PT need CPUID leaf 0x14, please set by "
            "\"-cpu ...,intel-pt=on,min-level=0x14\"");
        /* With x-force-features, it stays, but does not raise the level. */
        cpu->requests.retired.intel_pt = *word & CPUID_7_0_EBX_INTEL_PT;
        *word &= ~CPUID_7_0_EBX_INTEL_PT;
    }
}

void x86_cpu_retired_levels_begin(X86CPU *cpu)
{
    X86CPURetiredProperties *rp = &cpu->requests.retired;
    const CPUX86State *env = &cpu->env;

    if (rp->no_auto_level) {
        x86_cpu_access_adjust_level(cpu, FEAT_7_0_EBX);
        rp->level = env->cpuid_min_level;
        rp->xlevel = env->cpuid_min_xlevel;
        rp->xlevel2 = env->cpuid_min_xlevel2;
        rp->level_func7 = env->cpuid_min_level_func7;
    } else if (rp->no_intel_pt_level) {
        drop_intel_pt(cpu);
    }
}

static void lower(uint32_t *min, uint32_t *level, uint32_t value,
                  bool is_fixed)
{
    *min = value;
    if (!is_fixed) {
        *level = value;
    }
}

void x86_cpu_retired_levels_end(X86CPU *cpu)
{
    const X86CPUFeatureRequests *req = &cpu->requests;
    const X86CPURetiredProperties *rp = &req->retired;
    CPUX86State *env = &cpu->env;

    if (rp->no_auto_level) {
        lower(&env->cpuid_min_level, &env->cpuid_level, rp->level,
              req->level_is_fixed);
        lower(&env->cpuid_min_xlevel, &env->cpuid_xlevel, rp->xlevel,
              req->xlevel_is_fixed);
        lower(&env->cpuid_min_xlevel2, &env->cpuid_xlevel2, rp->xlevel2,
              req->xlevel2_is_fixed);
        lower(&env->cpuid_min_level_func7, &env->cpuid_level_func7,
              rp->level_func7, req->level_func7_is_fixed);
    }
    env->features[FEAT_7_0_EBX] |= rp->intel_pt;
}

void x86_cpu_retired_class_init(ObjectClass *oc)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(retired); i++) {
        const RetiredProperty *rp = &retired[i];

        is_retired[i] = !object_class_property_find(oc, rp->name);
        if (is_retired[i]) {
            object_class_property_add(oc, rp->name, "bool", get_retired,
                                      set_retired, NULL, (void *)rp);
            object_class_property_set_description(oc, rp->name,
                                                  rp->description);
        }
    }
}
