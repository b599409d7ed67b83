/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What was asked of an x86 CPU, and by whom
 *
 * Answers, for removed-features and its relatives: which feature bits
 * were requested of this CPU before QEMU, the kernel or the host took any
 * away, and was it the model, the user, the accelerator or the machine
 * that asked?
 *
 * Included by cpu.h before X86CPU, which embeds the record; the
 * functions are called from cpu.c at the points where stock QEMU changes
 * the requested features without keeping the old value.
 */

#ifndef I386_EXT_FEATURE_REQUESTS_H
#define I386_EXT_FEATURE_REQUESTS_H

typedef struct X86CPUFeatureRequests {
    /* Set by the accelerator's defaults, and by nobody since */
    FeatureWordArray by_accelerator;
    /*
     * Features of the model that the accelerator's defaults turn off, and
     * nobody has set since.  Before accelerator_done, all of the model's.
     */
    FeatureWordArray off_by_accelerator;
    /* Set after defaults_done: by device_add, QMP, "+feature" */
    FeatureWordArray by_user;
    /* Features that -smp turns on (ht, cmp-legacy) */
    FeatureWordArray by_topology;
    /*
     * All that were requested, before dependents of absent features are
     * dropped.  Without XSAVE components, which are derived later.
     */
    FeatureWordArray requested;
    /* Those dropped because a feature they depend on wasn't requested */
    FeatureWordArray unmet;
    /* The version of AVX10 requested (CPUID leaf 0x24), 0 if none */
    uint8_t avx10_version;
    /* The model's */
    uint8_t model_avx10_version;
    /* Features set from now on were not set by the accelerator. */
    bool accelerator_done;
    /* Nor were they set by the machine type, -global or -cpu. */
    bool defaults_done;
    /* Given as level, xlevel, xlevel2, not derived from the features */
    bool level_is_fixed, xlevel_is_fixed, xlevel2_is_fixed;
    /* @requested and @unmet are complete */
    bool finished;
    /* The property enforce-report: a CpuEnforceReport */
    int enforce_report;
} X86CPUFeatureRequests;

#ifndef CONFIG_USER_ONLY
/* @cpu has the features of its model, and nothing else yet. */
void x86_cpu_requests_model_done(X86CPU *cpu);
/* The accelerator has applied its defaults to @cpu. */
void x86_cpu_requests_accelerator_done(X86CPU *cpu);
/* The property of the features @mask in word @w has been set on @cpu. */
void x86_cpu_requests_record(X86CPU *cpu, FeatureWord w, uint64_t mask);
/* env->features of @cpu is complete, except for what topology turns on. */
void x86_cpu_requests_begin(X86CPU *cpu);
/* Topology is in, and dependents of absent features have been dropped. */
void x86_cpu_requests_finish(X86CPU *cpu);
#else
/* User-mode emulation has no monitor to ask from. */
static inline void x86_cpu_requests_model_done(X86CPU *cpu) { }
static inline void x86_cpu_requests_accelerator_done(X86CPU *cpu) { }
static inline void x86_cpu_requests_record(X86CPU *cpu, FeatureWord w,
                                          uint64_t mask) { }
static inline void x86_cpu_requests_begin(X86CPU *cpu) { }
static inline void x86_cpu_requests_finish(X86CPU *cpu) { }
#endif

#endif /* I386_EXT_FEATURE_REQUESTS_H */
