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
    /* Set up to the end of the accelerator's defaults, not touched since */
    FeatureWordArray by_accelerator;
    /*
     * Features of the model that the accelerator's defaults turn off, and
     * nobody has set since.  Until these are in, all features of the model.
     */
    FeatureWordArray off_by_accelerator;
    /* Set when the defaults were in: by device_add, QMP, "+feature" */
    FeatureWordArray by_user;
    /* Features that -smp turns on by itself (ht, cmp-legacy) */
    FeatureWordArray by_topology;
    /*
     * Everything requested, just before dependents of absent features are
     * dropped.  XSAVE components are not in it: they are derived later.
     */
    FeatureWordArray requested;
    /* Of these, dropped because a feature they depend on wasn't requested */
    FeatureWordArray unmet;
    /* The version of AVX10 requested (CPUID leaf 0x24), 0 if none */
    uint8_t avx10_version;
    /* That of the model */
    uint8_t model_avx10_version;
    /* The accelerator's defaults are in: who sets a feature now is not it */
    bool accelerator_done;
    /* So are those of the machine type, -global and -cpu */
    bool defaults_done;
    /* Set to what they are, instead of following from the features */
    bool level_is_fixed, xlevel_is_fixed, xlevel2_is_fixed;
    /* @requested and @unmet are complete */
    bool settled;
    /* The property enforce-report: a CpuEnforceReport */
    int enforce_report;
} X86CPUFeatureRequests;

#ifndef CONFIG_USER_ONLY
/* @cpu has the features of its model, and nothing else yet. */
void x86_cpu_requests_model_done(X86CPU *cpu);
/* The accelerator has applied its defaults to @cpu. */
void x86_cpu_requests_accelerator_done(X86CPU *cpu);
/* The property of the features @mask in word @w has been set on @cpu. */
void x86_cpu_requests_touch(X86CPU *cpu, FeatureWord w, uint64_t mask);
/* env->features of @cpu is complete but for what topology turns on. */
void x86_cpu_requests_begin(X86CPU *cpu);
/* Topology is in, and dependents of absent features have been dropped. */
void x86_cpu_requests_settle(X86CPU *cpu);
#else
/* User-mode emulation has no monitor to ask from. */
static inline void x86_cpu_requests_model_done(X86CPU *cpu) { }
static inline void x86_cpu_requests_accelerator_done(X86CPU *cpu) { }
static inline void x86_cpu_requests_touch(X86CPU *cpu, FeatureWord w,
                                          uint64_t mask) { }
static inline void x86_cpu_requests_begin(X86CPU *cpu) { }
static inline void x86_cpu_requests_settle(X86CPU *cpu) { }
#endif

#endif /* I386_EXT_FEATURE_REQUESTS_H */
