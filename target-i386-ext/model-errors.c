/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Errors at start other than missing features
 *
 * Answers, as the member errors of query-cpu-model-expansion: with which
 * errors would a guest with this CPU not start on this host?  The guest may
 * run here if removed-features has no blocking entry and there is no error.
 *
 * Checks and messages are those of x86_cpu_realizefn(), kvm_arch_init_vcpu()
 * and pc_cpu_pre_plug().  QEMU stops at the first error; this lists all.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "system/kvm.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/kvm/kvm_i386.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-description.h"
#include "target/i386/ext/hyperv-features.h"
#include "target/i386/ext/kvm-access.h"
#include "target/i386/ext/kvm-offered.h"
#include "target/i386/ext/model-errors.h"
#include "target/i386/ext/start-errors.h"

#ifdef CONFIG_KVM
#include <linux/kvm.h>
#endif

typedef CpuModelErrorList **Tail;

static G_GNUC_PRINTF(4, 5) void add_error(Tail *tail, const char *property,
                                          CpuFeatureRemovalReason reason,
                                          const char *format, ...)
{
    CpuModelError *error = g_new0(CpuModelError, 1);
    va_list ap;

    va_start(ap, format);
    error->text = g_strdup_vprintf(format, ap);
    va_end(ap);
    error->property = g_strdup(property);
    error->reason = reason;
    QAPI_LIST_APPEND(*tail, error);
}

bool x86_cpu_check_accelerator(X86CPU *cpu, Error **errp)
{
    if (X86_CPU_GET_CLASS(cpu)->host_cpuid_required &&
        !x86_cpu_access_accel_uses_host_cpuid()) {
        g_autofree char *name =
            cpu_model_from_type(object_get_typename(OBJECT(cpu)));

        error_setg(errp, "CPU model '%s' requires KVM or HVF", name);
        return false;
    }
    return true;
}

static void check_physical_bits(X86CPU *cpu, Tail *tail)
{
    uint32_t bits = x86_cpu_physical_bits(cpu);

    if (bits > X86_CPU_MAX_PHYS_BITS || bits < 32) {
        add_error(tail, "phys-bits", CPU_FEATURE_REMOVAL_REASON_VALUE,
                  X86_ERROR_PHYS_BITS,
                  X86_CPU_PHYS_BITS_RANGE(bits), bits);
    } else if (cpu->guest_phys_bits && cpu->guest_phys_bits != -1 &&
               (cpu->guest_phys_bits > bits || cpu->guest_phys_bits < 32)) {
        add_error(tail, "guest-phys-bits", CPU_FEATURE_REMOVAL_REASON_VALUE,
                  X86_ERROR_GUEST_PHYS_BITS, bits, cpu->guest_phys_bits);
    }
}

static void check_no_physical_bits(X86CPU *cpu, Tail *tail)
{
    if (cpu->phys_bits) {
        add_error(tail, "phys-bits", CPU_FEATURE_REMOVAL_REASON_VALUE,
                  X86_ERROR_PHYS_BITS_32);
    } else if (cpu->guest_phys_bits && cpu->guest_phys_bits != -1) {
        add_error(tail, "guest-phys-bits", CPU_FEATURE_REMOVAL_REASON_VALUE,
                  X86_ERROR_GUEST_PHYS_BITS_32);
    }
}

static void check_caches(X86CPU *cpu, Tail *tail)
{
    Error *err = NULL;

    if (!x86_cpu_check_caches(cpu, &err)) {
        add_error(tail, x86_cpu_missing_cache(cpu),
                  CPU_FEATURE_REMOVAL_REASON_VALUE, "%s",
                  error_get_pretty(err));
        error_free(err);
    } else if (!cpu->legacy_cache &&
               !x86_cpu_own_caches(cpu, x86_cpu_access_model_caches(cpu))) {
        g_autofree char *name =
            cpu_model_from_type(object_get_typename(OBJECT(cpu)));

        add_error(tail, "legacy-cache", CPU_FEATURE_REMOVAL_REASON_VALUE,
                  X86_ERROR_LEGACY_CACHE, name);
    }
}

/* Properties that can't be combined, or not with what this QEMU supports */
static void check_properties(X86CPU *cpu, Tail *tail)
{
    Error *err = NULL;

    if (!cpu->vendor_cpuid_only && x86_cpu_vendor_only_v2(cpu)) {
        add_error(tail, "x-vendor-cpuid-only-v2",
                  CPU_FEATURE_REMOVAL_REASON_VALUE,
                  X86_ERROR_VENDOR_ONLY_V2);
    }
    if (!x86_cpu_check_retired(cpu, &err)) {
        add_error(tail, "x-hv-synic-kvm-only",
                  CPU_FEATURE_REMOVAL_REASON_QEMU, "%s",
                  error_get_pretty(err));
        error_free(err);
    }
}

#ifdef CONFIG_KVM
static void check_lbr_format(X86CPU *cpu, Tail *tail)
{
    /* Those left after dependents of absent features were dropped */
    uint64_t features = cpu->requests.requested[FEAT_PERF_CAPABILITIES] &
                        ~cpu->requests.unmet[FEAT_PERF_CAPABILITIES];
    unsigned format = cpu->lbr_fmt != ~PERF_CAP_LBR_FMT
                      ? cpu->lbr_fmt : features & PERF_CAP_LBR_FMT;
    unsigned host = x86_cpu_get_supported_feature_word(
        NULL, FEAT_PERF_CAPABILITIES) & PERF_CAP_LBR_FMT;

    if (format && !cpu->enable_pmu) {
        add_error(tail, "lbr-fmt", CPU_FEATURE_REMOVAL_REASON_CONFIGURATION,
                  X86_ERROR_LBR_WITHOUT_PMU);
    } else if (format && format != host) {
        add_error(tail, "lbr-fmt", CPU_FEATURE_REMOVAL_REASON_VALUE,
                  X86_ERROR_LBR_FORMAT, format, host);
    }
}

static void check_lmce(X86CPU *cpu, Tail *tail)
{
    const CPUX86State *env = &cpu->env;
    uint32_t mce = CPUID_MCE | CPUID_MCA;

    if (cpu->enable_lmce && ((env->cpuid_version >> 8) & 0xf) >= 6 &&
        (env->features[FEAT_1_EDX] & mce) == mce && !kvm_offers_lmce()) {
        add_error(tail, "lmce", CPU_FEATURE_REMOVAL_REASON_KERNEL,
                  X86_ERROR_LMCE);
    }
}

static void check_tsc_frequency(X86CPU *cpu, Tail *tail)
{
    int64_t khz = cpu->env.user_tsc_khz;
    int host_khz;

    if (khz && !kvm_can_run_at_tsc_khz(khz, &host_khz)) {
        add_error(tail, "tsc-frequency", CPU_FEATURE_REMOVAL_REASON_KERNEL,
                  X86_ERROR_TSC_FREQUENCY, khz, host_khz);
    }
}

static void check_enforce_pv_cpuid(X86CPU *cpu, Tail *tail)
{
    if (cpu->kvm_pv_enforce_cpuid &&
        kvm_check_extension(kvm_state,
                            KVM_CAP_ENFORCE_PV_FEATURE_CPUID) <= 0) {
        add_error(tail, "kvm-pv-enforce-cpuid",
                  CPU_FEATURE_REMOVAL_REASON_KERNEL,
                  X86_ERROR_CAPABILITY, "ENFORCE_PV_FEATURE_CPUID",
                  strerror(EINVAL));
    }
}

/*
 * Without KVM_CAP_HYPERV, QEMU ignores most enlightenments, and refuses the
 * others: try one at a time.
 */
static void check_hyperv_ignored(X86CPU *cpu, Tail *tail)
{
    uint64_t requested = cpu->hyperv_features;
    uint64_t left;

    for (left = requested; left; left &= left - 1) {
        unsigned feat = ctz64(left);
        Error *err = NULL;

        cpu->hyperv_features = BIT_ULL(feat);
        if (!kvm_hyperv_expand_features(cpu, &err)) {
            add_error(tail, x86_cpu_hyperv_name(feat),
                      CPU_FEATURE_REMOVAL_REASON_KERNEL, "%s",
                      error_get_pretty(err));
            error_free(err);
        }
    }
    cpu->hyperv_features = requested;
}

/* Like kvm_hyperv_expand_features(), which stops at the first error */
static void check_hyperv_feature(X86CPU *cpu, unsigned feat, Tail *tail)
{
    const char *name = x86_cpu_hyperv_name(feat);
    KVMHypervFeature hf, needed;
    uint64_t missing;

    kvm_access_hyperv_feature(feat, &hf);
    missing = hf.requires & ~cpu->hyperv_features;
    if (feat == HYPERV_FEAT_SYNIC && !x86_cpu_has_synic_1(cpu)) {
        missing |= BIT(HYPERV_FEAT_VPINDEX) & ~cpu->hyperv_features;
    }
    if (!kvm_access_hyperv_supported(cpu, feat)) {
        add_error(tail, name, CPU_FEATURE_REMOVAL_REASON_KERNEL,
                  X86_ERROR_HYPERV_KERNEL, hf.desc);
    } else if (missing) {
        kvm_access_hyperv_feature(ctz64(missing), &needed);
        add_error(tail, name, CPU_FEATURE_REMOVAL_REASON_DEPENDENCY,
                  X86_ERROR_HYPERV_NEEDS, hf.desc, needed.desc);
    }
}

static void check_hyperv(X86CPU *cpu, Tail *tail)
{
    uint64_t left;

    if (!kvm_offers_hyperv()) {
        check_hyperv_ignored(cpu, tail);
    } else if (!cpu->hyperv_passthrough) {
        for (left = cpu->hyperv_features; left; left &= left - 1) {
            check_hyperv_feature(cpu, ctz64(left), tail);
        }
    }
    if (hyperv_feat_enabled(cpu, HYPERV_FEAT_VPINDEX) &&
        !kvm_hv_vpindex_settable()) {
        add_error(tail, "hv-vpindex", CPU_FEATURE_REMOVAL_REASON_KERNEL,
                  X86_ERROR_VPINDEX);
    }
    if (cpu->hyperv_enforce_cpuid && kvm_shows_hyperv_leaves(cpu) &&
        kvm_check_extension(kvm_state, KVM_CAP_HYPERV_ENFORCE_CPUID) <= 0) {
        add_error(tail, "hv-enforce-cpuid",
                  CPU_FEATURE_REMOVAL_REASON_KERNEL,
                  X86_ERROR_CAPABILITY, "HYPERV_ENFORCE_CPUID",
                  strerror(EINVAL));
    }
}
#endif

CpuModelErrorList *x86_cpu_start_errors(X86CPU *cpu)
{
    CpuModelErrorList *errors = NULL, **tail = &errors;

    if (cpu->env.features[FEAT_8000_0001_EDX] & CPUID_EXT2_LM) {
        check_physical_bits(cpu, &tail);
    } else {
        check_no_physical_bits(cpu, &tail);
    }
    check_caches(cpu, &tail);
    check_properties(cpu, &tail);
#ifdef CONFIG_KVM
    if (kvm_enabled()) {
        check_lbr_format(cpu, &tail);
        check_lmce(cpu, &tail);
        check_tsc_frequency(cpu, &tail);
        check_enforce_pv_cpuid(cpu, &tail);
        check_hyperv(cpu, &tail);
    }
#endif
    return errors;
}
