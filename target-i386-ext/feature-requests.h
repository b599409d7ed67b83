/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What was requested of an x86 CPU, and by whom
 *
 * Answers, for removed-features and related properties: which feature bits
 * were requested before QEMU, the kernel or the host removed any, and did
 * the model, the user, the accelerator or the machine request them?
 *
 * Included by cpu.h before X86CPU, which embeds the record; cpu.c calls the
 * functions where stock QEMU changes the requested features without keeping
 * the old value.
 */

#ifndef I386_EXT_FEATURE_REQUESTS_H
#define I386_EXT_FEATURE_REQUESTS_H

#include "target/i386/ext/retired-properties.h"

typedef struct X86CPUFeatureRequests {
    /* Set by the accelerator's defaults, and not since */
    FeatureWordArray by_accelerator;
    /*
     * Features of the model that the accelerator's defaults turn off, and
     * not set since.  Before accelerator_done, all features of the model.
     */
    FeatureWordArray off_by_accelerator;
    /* Set after defaults_done: by device_add, QMP, "+feature" */
    FeatureWordArray by_user;
    /* Turned on by the user's avx10-version, and not set since */
    FeatureWordArray by_avx10_version;
    /* Features that -smp turns on (ht, cmp-legacy) */
    FeatureWordArray by_topology;
    /*
     * All requested features, before dependents of absent ones are dropped.
     * Without XSAVE components, which are derived later.
     */
    FeatureWordArray requested;
    /* Those dropped because a feature they depend on wasn't requested */
    FeatureWordArray unmet;
    /* The version of AVX10 requested (CPUID leaf 0x24), 0 if none */
    uint8_t avx10_version;
    /* The model's */
    uint8_t model_avx10_version;
    uint32_t model_vendor[3];
    /* Features set from now on were not set by the accelerator. */
    bool accelerator_done;
    /* Nor were they set by the machine type. */
    bool machine_done;
    /* Nor were they set by -global or -cpu. */
    bool defaults_done;
    /* Set as level, xlevel and so on, not derived from the features */
    bool level_is_fixed, xlevel_is_fixed, xlevel2_is_fixed;
    bool level_func7_is_fixed;
    /* @requested and @unmet are complete */
    bool finished;
    /* The property enforce-report: a CpuEnforceReport */
    int enforce_report;
    X86CPURetiredProperties retired;
} X86CPUFeatureRequests;

#ifndef CONFIG_USER_ONLY
/* @cpu has the features of its model, and nothing else yet. */
void x86_cpu_requests_model_done(X86CPU *cpu);
/* The accelerator has applied its defaults to @cpu. */
void x86_cpu_requests_accelerator_done(X86CPU *cpu);
/* The property of the features @mask in word @w has been set on @cpu. */
void x86_cpu_requests_record(X86CPU *cpu, FeatureWord w, uint64_t mask);
/* env->features of @cpu is complete except for topology features. */
void x86_cpu_requests_begin(X86CPU *cpu);
/* Topology features are set; dependents of absent features are dropped. */
void x86_cpu_requests_finish(X86CPU *cpu);
#else
/* User-mode emulation has no monitor, and so no queries. */
static inline void x86_cpu_requests_model_done(X86CPU *cpu) { }
static inline void x86_cpu_requests_accelerator_done(X86CPU *cpu) { }
static inline void x86_cpu_requests_record(X86CPU *cpu, FeatureWord w,
                                          uint64_t mask) { }
static inline void x86_cpu_requests_begin(X86CPU *cpu) { }
static inline void x86_cpu_requests_finish(X86CPU *cpu) { }
#endif

#endif /* I386_EXT_FEATURE_REQUESTS_H */
