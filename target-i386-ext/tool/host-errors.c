/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Errors at start other than missing features, on the host of a passport
 *
 * Sources: model-errors.c of the extension, which names those in QEMU;
 * kvm_arch_set_tsc_khz() and hyperv_can_ignore_features() in
 * target/i386/kvm/kvm.c; Linux, arch/x86/kvm/x86.c, KVM_SET_TSC_KHZ.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../start-errors.h"
#include "cpu-view.h"
#include "host-errors.h"
#include "host-hyperv.h"
#include "host-line.h"

#define BIT(n) (1ull << (n))

#define MCE             BIT(7)          /* 1, EDX */
#define MCA             BIT(14)
#define LM              BIT(29)         /* 0x80000001, EDX */
#define LBR_FORMAT      0x3full         /* IA32_PERF_CAPABILITIES */
#define MCG_LMCE_P      BIT(27)         /* IA32_MCG_CAP */

enum {
    MIN_PHYS_BITS = 32,
    MAX_PHYS_BITS = 52,
    /* The family of the signature from which on LMCE is there */
    LMCE_FAMILY = 6,
    MAX_BASE_FAMILY = 0xf,
    /* What KVM takes for the same frequency */
    TSC_TOLERANCE_PPM = 250,
    MAX_TEXT = 512,
};

typedef struct Errors {
    const CpuContext *context;
    const CpuRequest *request;
    const X86Cpu *remaining;
    const Passport *passport;
    const HostOffer *offer;
    const HostLine *line;
    /* Of the enlightenments, those that are on once QEMU has expanded them */
    uint32_t hyperv;
    /* NULL once there is not enough memory */
    json_t *list;
} Errors;

static uint64_t value_of(const Errors *e, X86CpuPropertyId id)
{
    return e->request->cpu.values[id];
}

static int capability(const Errors *e, PassportCapability cap)
{
    return e->passport->kvm.capabilities[cap];
}

__attribute__((format(printf, 4, 5)))
static void add(Errors *e, const char *property, const char *reason,
                const char *format, ...)
{
    char text[MAX_TEXT];
    json_t *error;
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    error = json_pack("{s:s, s:s, s:s}", "text", text, "property", property,
                      "reason", reason);
    if (!error || json_array_append_new(e->list, error)) {
        json_decref(e->list);
        e->list = NULL;
    }
}

static void add_property(Errors *e, X86CpuPropertyId id, const char *reason,
                         const char *text)
{
    add(e, x86cpu_property_names[id], reason, "%s", text);
}

/* ---- physical bits ---- */

/* As in host_cpu_adjust_phys_bits() and x86_cpu_realizefn() */
static unsigned physical_bits(const Errors *e)
{
    uint64_t bits = value_of(e, X86CPU_PHYS_BITS);
    uint64_t limit = value_of(e, X86CPU_HOST_PHYS_BITS_LIMIT);

    if (value_of(e, X86CPU_HOST_PHYS_BITS)) {
        bits = e->offer->values.phys_bits;
        if (limit && bits > limit) {
            bits = limit;
        }
    }
    return bits ? bits : X86CPU_DEFAULT_PHYS_BITS;
}

static void check_physical_bits(Errors *e)
{
    bool lm = e->remaining->words[X86CPU_FEAT_8000_0001_EDX] & LM;
    unsigned bits = physical_bits(e);
    unsigned guest_bits = value_of(e, X86CPU_GUEST_PHYS_BITS);

    if (guest_bits == X86CPU_AUTOMATIC_PHYS_BITS) {
        guest_bits = 0;
    }
    if (!lm) {
        if (value_of(e, X86CPU_PHYS_BITS)) {
            add_property(e, X86CPU_PHYS_BITS, "value", X86_ERROR_PHYS_BITS_32);
        } else if (guest_bits) {
            add_property(e, X86CPU_GUEST_PHYS_BITS, "value",
                         X86_ERROR_GUEST_PHYS_BITS_32);
        }
    } else if (bits < MIN_PHYS_BITS || bits > MAX_PHYS_BITS) {
        add(e, "phys-bits", "value", X86_ERROR_PHYS_BITS,
            bits < MIN_PHYS_BITS ? e->line->too_few_bits
                                 : e->line->too_many_bits, bits);
    } else if (guest_bits && (guest_bits > bits ||
                              guest_bits < MIN_PHYS_BITS)) {
        add(e, "guest-phys-bits", "value", X86_ERROR_GUEST_PHYS_BITS, bits,
            guest_bits);
    }
}

/* ---- caches and other properties ---- */

static void check_caches(Errors *e)
{
    const X86CpuCache *caches = e->request->cpu.caches;
    const char *missing = NULL;
    bool any = false;
    int i;

    if (value_of(e, X86CPU_LEGACY_CACHE)) {
        return;
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        if (caches[i].size) {
            any = true;
        } else if (!missing) {
            missing = models_file_cache_names[i];
        }
    }
    if (any && missing) {
        add(e, missing, "value", X86_ERROR_MISSING_CACHE, missing);
    } else if (missing) {
        add(e, "legacy-cache", "value", X86_ERROR_LEGACY_CACHE,
            e->request->is_host ? "host" :
            models_file_model(e->context->file, e->request->model));
    }
}

static void check_properties(Errors *e)
{
    if (e->line->has_vendor_only_v2 &&
        value_of(e, X86CPU_X_VENDOR_CPUID_ONLY_V2) &&
        !value_of(e, X86CPU_X_VENDOR_CPUID_ONLY)) {
        add_property(e, X86CPU_X_VENDOR_CPUID_ONLY_V2, "value",
                     X86_ERROR_VENDOR_ONLY_V2);
    }
    if (!e->line->has_synic_kvm_only &&
        value_of(e, X86CPU_X_HV_SYNIC_KVM_ONLY) &&
        (e->hyperv & BIT(HOST_HYPERV_SYNIC))) {
        add_property(e, X86CPU_X_HV_SYNIC_KVM_ONLY, "qemu",
                     X86_ERROR_SYNIC_KVM_ONLY);
    }
}

/* ---- what KVM refuses ---- */

static void check_lbr_format(Errors *e)
{
    unsigned format = value_of(e, X86CPU_LBR_FMT);
    unsigned host = e->offer->offer.words[X86CPU_FEAT_PERF_CAPABILITIES] &
                    LBR_FORMAT;

    if (format && !value_of(e, X86CPU_PMU)) {
        add_property(e, X86CPU_LBR_FMT, "configuration",
                     X86_ERROR_LBR_WITHOUT_PMU);
    } else if (format && format != host) {
        add(e, "lbr-fmt", "value", X86_ERROR_LBR_FORMAT, format, host);
    }
}

static void check_lmce(Errors *e)
{
    uint64_t family = value_of(e, X86CPU_FAMILY);

    if (value_of(e, X86CPU_LMCE) &&
        (family > MAX_BASE_FAMILY ? MAX_BASE_FAMILY : family) >= LMCE_FAMILY &&
        !(~e->remaining->words[X86CPU_FEAT_1_EDX] & (MCE | MCA)) &&
        !(capability(e, PASSPORT_CAP_MCE) > 0 &&
          (e->passport->kvm.mce_cap & MCG_LMCE_P))) {
        add_property(e, X86CPU_LMCE, "kernel", X86_ERROR_LMCE);
    }
}

/*
 * Whether KVM_SET_TSC_KHZ succeeds.  Without scaling, KVM lets a TSC run
 * behind, and takes a few ppm for none; 0 is the host's.
 */
static bool can_set_tsc_khz(const Errors *e, uint32_t khz)
{
    uint64_t host_khz = e->passport->kvm.tsc_khz;

    return capability(e, PASSPORT_CAP_TSC_CONTROL) > 0 || !khz ||
           khz >= host_khz * (1000000 - TSC_TOLERANCE_PPM) / 1000000;
}

static void check_tsc_frequency(Errors *e)
{
    int64_t khz = (int64_t)value_of(e, X86CPU_TSC_FREQUENCY) / 1000;
    int host_khz = -ENOTSUP;
    bool may_set = capability(e, PASSPORT_CAP_TSC_CONTROL) > 0;

    if (!khz) {
        return;
    }
    if (capability(e, PASSPORT_CAP_GET_TSC_KHZ) > 0) {
        host_khz = e->passport->kvm.tsc_khz;
    }
    if (host_khz > 0 && llabs(host_khz - khz) <=
                        (int64_t)host_khz * TSC_TOLERANCE_PPM / 1000000) {
        may_set = true;
    }
    if (host_khz != khz && !(may_set && can_set_tsc_khz(e, khz))) {
        add(e, "tsc-frequency", "kernel", X86_ERROR_TSC_FREQUENCY, khz,
            host_khz);
    }
}

static void check_capability(Errors *e, X86CpuPropertyId id,
                             PassportCapability cap)
{
    if (value_of(e, id) && capability(e, cap) <= 0) {
        add(e, x86cpu_property_names[id], "kernel", X86_ERROR_CAPABILITY,
            passport_capability_names[cap], strerror(EINVAL));
    }
}

/* ---- Hyper-V ---- */

static void add_hyperv(Errors *e, unsigned i, const char *reason,
                       const char *needed)
{
    const HostHyperv *row = &host_hyperv_rows[i];
    const char *name = x86cpu_property_names[row->property];

    if (needed) {
        add(e, name, reason, X86_ERROR_HYPERV_NEEDS, row->description, needed);
    } else {
        add(e, name, reason, X86_ERROR_HYPERV_KERNEL, row->description);
    }
}

static bool is_first_synic(const Errors *e)
{
    return e->line->has_synic_kvm_only &&
           value_of(e, X86CPU_X_HV_SYNIC_KVM_ONLY);
}

static bool supports(const Errors *e, unsigned i)
{
    return host_hyperv_supports(e->passport, i, is_first_synic(e));
}

/* Without Hyper-V, QEMU ignores most enlightenments. */
static bool is_set_up_anyway(unsigned i)
{
    return i == HOST_HYPERV_VAPIC || i == HOST_HYPERV_TIME ||
           i == HOST_HYPERV_SYNIC || i == HOST_HYPERV_REENLIGHTENMENT;
}

static void check_enlightenment(Errors *e, unsigned i)
{
    uint32_t missing = host_hyperv_rows[i].needs & ~e->hyperv;
    unsigned needed = 0;

    if (capability(e, PASSPORT_CAP_HYPERV) <= 0) {
        if (is_set_up_anyway(i)) {
            add_hyperv(e, i, "kernel", NULL);
        }
        return;
    }
    if (value_of(e, X86CPU_HV_PASSTHROUGH)) {
        return;
    }
    if (i == HOST_HYPERV_SYNIC && !is_first_synic(e)) {
        missing |= BIT(HOST_HYPERV_VPINDEX) & ~e->hyperv;
    }
    if (!supports(e, i)) {
        add_hyperv(e, i, "kernel", NULL);
    } else if (missing) {
        while (!(missing & BIT(needed))) {
            needed++;
        }
        add_hyperv(e, i, "dependency", host_hyperv_rows[needed].description);
    }
}

static void check_hyperv(Errors *e)
{
    unsigned i;

    for (i = 0; i < HOST_HYPERV_COUNT; i++) {
        if (e->hyperv & BIT(i)) {
            check_enlightenment(e, i);
        }
    }
    if ((e->hyperv & BIT(HOST_HYPERV_VPINDEX)) &&
        !capability(e, PASSPORT_CAP_HYPERV_VP_INDEX)) {
        add_property(e, X86CPU_HV_VPINDEX, "kernel", X86_ERROR_VPINDEX);
    }
    if (capability(e, PASSPORT_CAP_HYPERV) > 0 &&
        (e->hyperv || value_of(e, X86CPU_HV_PASSTHROUGH) ||
         value_of(e, X86CPU_HV_SPINLOCKS) != X86CPU_HV_NEVER_NOTIFY)) {
        check_capability(e, X86CPU_HV_ENFORCE_CPUID,
                         PASSPORT_CAP_HYPERV_ENFORCE_CPUID);
    }
}

/* hv-passthrough turns on what the kernel supports, if it says so in time. */
static uint32_t expanded_hyperv(const Errors *e)
{
    uint32_t mask = host_hyperv_requested(&e->request->cpu);
    unsigned i;

    if (!value_of(e, X86CPU_HV_PASSTHROUGH) ||
        capability(e, PASSPORT_CAP_HYPERV) <= 0 ||
        !capability(e, PASSPORT_CAP_SYS_HYPERV_CPUID)) {
        return mask;
    }
    for (i = 0; i < HOST_HYPERV_COUNT; i++) {
        if (i != HOST_HYPERV_SYNDBG && supports(e, i)) {
            mask |= BIT(i);
        }
    }
    return mask;
}

json_t *host_errors(const CpuContext *context, const CpuRequest *request,
                    const X86Cpu *remaining, const Passport *passport,
                    const HostOffer *offer)
{
    static void (*const checks[])(Errors *e) = {
        check_physical_bits, check_caches, check_properties, check_lbr_format,
        check_lmce, check_tsc_frequency,
    };
    Errors e = {
        .context = context,
        .request = request,
        .remaining = remaining,
        .passport = passport,
        .offer = offer,
        .line = host_line(models_file_tables(context->file)->version),
        .list = json_array(),
    };
    size_t i;

    e.hyperv = expanded_hyperv(&e);
    for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        checks[i](&e);
    }
    check_capability(&e, X86CPU_KVM_PV_ENFORCE_CPUID,
                     PASSPORT_CAP_ENFORCE_PV_FEATURE_CPUID);
    check_hyperv(&e);
    return e.list;
}
