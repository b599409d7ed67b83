/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What was requested of an x86 CPU, and by whom
 *
 * Records what cpu.c does not keep, and says who requested a feature.  A CPU
 * object gets its features in this order: model definition, accelerator
 * defaults, compat properties of the machine type, -global and -cpu (both
 * global properties by then), device_add or QMP arguments, and, at realize,
 * "+feature" and topology.  The last requester counts.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/feature-place.h"
#include "target/i386/ext/feature-requested-by.h"
#include "target/i386/ext/machine-cpu-defaults.h"

void x86_cpu_requests_model_done(X86CPU *cpu)
{
    X86CPUFeatureRequests *req = &cpu->requests;

    memcpy(req->off_by_accelerator, cpu->env.features,
           sizeof(req->off_by_accelerator));
    req->model_avx10_version = cpu->env.avx10_version;
    req->model_vendor[0] = cpu->env.cpuid_vendor1;
    req->model_vendor[1] = cpu->env.cpuid_vendor2;
    req->model_vendor[2] = cpu->env.cpuid_vendor3;
}

/* Accelerators set features and the vendor, unless it is max. */
static void undo_accelerator(X86CPU *cpu)
{
    const X86CPUFeatureRequests *req = &cpu->requests;
    CPUX86State *env = &cpu->env;

    memcpy(env->features, req->off_by_accelerator, sizeof(env->features));
    memset(env->user_features, 0, sizeof(env->user_features));
    env->cpuid_vendor1 = req->model_vendor[0];
    env->cpuid_vendor2 = req->model_vendor[1];
    env->cpuid_vendor3 = req->model_vendor[2];
}

void x86_cpu_requests_accelerator_done(X86CPU *cpu)
{
    X86CPUFeatureRequests *req = &cpu->requests;
    FeatureWord w;

    if (x86_cpu_defaults_without_accelerator()) {
        undo_accelerator(cpu);
    }
    for (w = 0; w < FEATURE_WORDS; w++) {
        req->by_accelerator[w] = cpu->env.user_features[w];
        req->off_by_accelerator[w] &= ~cpu->env.features[w];
    }
    req->accelerator_done = true;
}

void x86_cpu_requests_record(X86CPU *cpu, FeatureWord w, uint64_t mask)
{
    X86CPUFeatureRequests *req = &cpu->requests;

    if (req->accelerator_done) {
        req->by_accelerator[w] &= ~mask;
        req->off_by_accelerator[w] &= ~mask;
    }
    req->by_avx10_version[w] &= ~mask;
    /* device_add, the arguments of QMP commands, "+feature" */
    if (req->defaults_done) {
        req->by_user[w] |= mask;
    }
}

void x86_cpu_requests_begin(X86CPU *cpu)
{
    X86CPUFeatureRequests *req = &cpu->requests;

    x86_cpu_caches_finish(cpu);
    memcpy(req->requested, cpu->env.features, sizeof(req->requested));
    req->level_is_fixed = cpu->env.cpuid_level != UINT32_MAX;
    req->xlevel_is_fixed = cpu->env.cpuid_xlevel != UINT32_MAX;
    req->xlevel2_is_fixed = cpu->env.cpuid_xlevel2 != UINT32_MAX;
    req->level_func7_is_fixed = cpu->env.cpuid_level_func7 != UINT32_MAX;
}

void x86_cpu_requests_finish(X86CPU *cpu)
{
    X86CPUFeatureRequests *req = &cpu->requests;
    FeatureWord w;

    for (w = 0; w < FEATURE_WORDS; w++) {
        uint64_t features = cpu->env.features[w];

        req->by_topology[w] = features & ~req->requested[w];
        req->unmet[w] = req->requested[w] & ~features;
        req->requested[w] |= features | req->off_by_accelerator[w];
    }
    req->avx10_version = cpu->env.avx10_version;
    req->finished = true;
    x86_cpu_retired_levels_begin(cpu);
}

/*
 * The state of arch-lbr may be in no feature word although the feature is on:
 * QEMU 10.0 looks for it in XCR0, and 11.1 drops it if the accelerator lacks
 * it.
 */
static uint64_t arch_lbr_state(X86CPU *cpu, FeatureWord w)
{
    const CPUX86State *env = &cpu->env;

    return w == FEAT_XSAVE_XSS_LO &&
           (env->features[FEAT_7_0_EDX] & CPUID_7_0_EDX_ARCH_LBR) &&
           (env->features[FEAT_XSAVE] & CPUID_XSAVE_XSAVES) ?
           XSTATE_ARCH_LBR_MASK : 0;
}

/* Whether XSAVE component @i belongs to the feature of bits @mask of word @w */
static bool is_state_of(int i, FeatureWord w, uint64_t mask)
{
    return x86_ext_save_areas[i].size && x86_xsave_feature_word(i, 0) == w &&
           (x86_xsave_feature_mask(i, 0) & mask);
}

/* Nor is that of mpx and apxf, if x86_cpu_expand_features() drops both. */
static uint64_t conflicting_state(X86CPU *cpu, FeatureWord w)
{
    const X86CPUFeatureRequests *req = &cpu->requests;
    uint64_t mpx = req->requested[FEAT_7_0_EBX] & ~req->unmet[FEAT_7_0_EBX] &
                   CPUID_7_0_EBX_MPX;
    uint64_t apxf = req->requested[FEAT_7_1_EDX] & ~req->unmet[FEAT_7_1_EDX] &
                    X86_CPU_EXCLUDED_BY_MPX;
    uint64_t bits = 0;
    int i;

    if (w != FEAT_XSAVE_XCR0_LO || !mpx || !apxf ||
        !(cpu->env.features[FEAT_1_ECX] & CPUID_EXT_XSAVE)) {
        return 0;
    }
    for (i = 0; i < ARRAY_SIZE(x86_ext_save_areas); i++) {
        if (is_state_of(i, FEAT_7_0_EBX, mpx) ||
            is_state_of(i, FEAT_7_1_EDX, apxf)) {
            bits |= 1ull << i;
        }
    }
    return bits;
}

uint64_t x86_cpu_requested_features(X86CPU *cpu, FeatureWord w)
{
    const X86CPUFeatureRequests *req = &cpu->requests;

    if (x86_cpu_is_derived_word(w)) {
        return cpu->env.features[w] | cpu->filtered_features[w] |
               arch_lbr_state(cpu, w) | conflicting_state(cpu, w);
    }
    if (w == FEAT_8000_0001_EDX && IS_AMD_CPU(&cpu->env)) {
        /*
         * APM vol. 3, Fn8000_0001_EDX: on AMD CPUs, many bits are copies of
         * leaf 1, made by x86_cpu_realizefn().
         */
        return (req->requested[w] & ~CPUID_EXT2_AMD_ALIASES) |
               (req->requested[FEAT_1_EDX] & CPUID_EXT2_AMD_ALIASES);
    }
    return req->requested[w];
}

/* Whether the machine type's compat properties turn on @name for @cpu */
static bool machine_asks_for(X86CPU *cpu, const char *name)
{
    const GPtrArray *props = x86_cpu_machine_props(cpu);
    bool asks = false;
    unsigned i;

    for (i = 0; i < props->len; i++) {
        const GlobalProperty *p = g_ptr_array_index(props, i);

        if (!strcmp(p->property, name) &&
            object_dynamic_cast(OBJECT(cpu), p->driver)) {
            asks = !strcmp(p->value, "on") || !strcmp(p->value, "true");
        }
    }
    return asks;
}

/* Whether the user set @name of @cpu on the command line */
static bool user_asks_for(X86CPU *cpu, const char *name)
{
    return x86_cpu_access_plus_feature(name) ||
           (x86_cpu_user_props_apply() &&
            qdev_find_global_prop(OBJECT(cpu), name));
}

CpuFeatureRequester x86_cpu_feature_requested_by(X86CPU *cpu, FeatureWord w,
                                                 int bit)
{
    const X86CPUFeatureRequests *req = &cpu->requests;
    g_autofree char *flag = NULL;
    uint64_t mask = 1ULL << bit;
    const char *name;

    if (req->off_by_accelerator[w] & mask) {
        return CPU_FEATURE_REQUESTER_MODEL;
    }
    if (req->by_topology[w] & mask) {
        return CPU_FEATURE_REQUESTER_MACHINE;
    }
    if (req->by_avx10_version[w] & mask) {
        return CPU_FEATURE_REQUESTER_USER;
    }
    name = x86_cpu_access_feature_name(w, bit);
    if (!name || !(cpu->env.user_features[w] & mask)) {
        return CPU_FEATURE_REQUESTER_MODEL;
    }
    flag = g_strconcat("f-", name, NULL);
    if ((req->by_user[w] & mask) || user_asks_for(cpu, name) ||
        user_asks_for(cpu, flag)) {
        return CPU_FEATURE_REQUESTER_USER;
    }
    if (req->by_accelerator[w] & mask) {
        return CPU_FEATURE_REQUESTER_ACCELERATOR;
    }
    if (machine_asks_for(cpu, name)) {
        return CPU_FEATURE_REQUESTER_MACHINE;
    }
    return CPU_FEATURE_REQUESTER_USER;
}

CpuFeatureRequester x86_cpu_property_requested_by(X86CPU *cpu,
                                                  const char *name)
{
    const X86CPUFeatureRequests *req = &cpu->requests;
    /* Of models host and max, it is the host's. */
    uint8_t version = x86_cpu_is_max(cpu)
                      ? x86_cpu_access_supported_avx10_version()
                      : req->model_avx10_version;
    /* No model has lbr-fmt, so if it is set, the user set it. */
    bool differs = strcmp(name, "avx10-version") ||
                   req->avx10_version != version;

    return differs || user_asks_for(cpu, name) ? CPU_FEATURE_REQUESTER_USER
                                               : CPU_FEATURE_REQUESTER_MODEL;
}
