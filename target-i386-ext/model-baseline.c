/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * query-cpu-model-baseline
 *
 * Answers, for management software: which CPU can replace both of these, and
 * what of theirs does it lack, and why?  The core decides (core/baseline.h).
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/core/compare.h"
#include "target/i386/ext/core/filter.h"
#include "target/i386/ext/cpu-value.h"
#include "target/i386/ext/machine-types.h"
#include "target/i386/ext/start-errors.h"
#include X86_CPU_MODEL_COMMANDS

typedef CpuModelOmittedFeatureList **Tail;

static void add_omitted(Tail *tail, const strList *names,
                        CpuModelOmissionReason reason)
{
    for (; names; names = names->next) {
        CpuModelOmittedFeature *of = g_new0(CpuModelOmittedFeature, 1);

        of->feature = g_strdup(names->value);
        of->reason = reason;
        QAPI_LIST_APPEND(*tail, of);
    }
}

static bool has_name(const strList *list, const char *name)
{
    for (; list; list = list->next) {
        if (!strcmp(list->value, name)) {
            return true;
        }
    }
    return false;
}

/* The names in @a, and those in @b that are not in @a */
static strList *join(const strList *a, const strList *b)
{
    strList *list = NULL, **tail = &list;
    const strList *el;

    for (el = a; el; el = el->next) {
        QAPI_LIST_APPEND(tail, g_strdup(el->value));
    }
    for (el = b; el; el = el->next) {
        if (!has_name(a, el->value)) {
            QAPI_LIST_APPEND(tail, g_strdup(el->value));
        }
    }
    return list;
}

static CpuModelOmittedFeatureList *
omitted_features(const X86CpuBaseline *b, const strList *host_only)
{
    static const CpuModelOmissionReason reasons[X86CPU_OMISSIONS] = {
        [X86CPU_OMITTED_DEPENDENCY] = CPU_MODEL_OMISSION_REASON_DEPENDENCY,
        [X86CPU_OMITTED_UNMIGRATABLE] =
            CPU_MODEL_OMISSION_REASON_UNMIGRATABLE,
        [X86CPU_OMITTED_CONFLICT] = CPU_MODEL_OMISSION_REASON_CONFLICT,
    };
    CpuModelOmittedFeatureList *list = NULL;
    Tail tail = &list;
    int i;

    for (i = 0; i < X86CPU_OMISSIONS; i++) {
        g_autoptr(strList) names = x86_cpu_value_names(&b->omitted[i]);

        add_omitted(&tail, names, reasons[i]);
    }
    add_omitted(&tail, host_only, CPU_MODEL_OMISSION_REASON_HOST_ONLY);
    return list;
}

/*
 * Its static expansion makes sure that there is such a CPU.  On a machine type:
 * otherwise -cpu and -global of this process would change it.
 */
static CpuModelInfo *static_model(const X86Cpu *value, Error **errp)
{
    CpuModelInfo model = { .name = (char *)"base" };
    const X86CPUMachineType *type = x86_cpu_newest_machine_type();
    const X86CpuTables *tables = x86_cpu_core_tables();
    X86CpuAccelerator accel = x86_cpu_core_accelerator();
    g_autofree X86Cpu *made = g_new(X86Cpu, 1);
    g_autoptr(QDict) props = x86_cpu_value_to_props(value);
    g_autoptr(CpuModelExpansionInfo) info = NULL;

    model.props = QOBJECT(props);
    model.machine_type = type ? (char *)type->name : NULL;
    info = x86_cpu_model_to_value(&model, "baseline", made, errp);
    if (!info) {
        return NULL;
    }
    if (!x86cpu_fits(tables, value, made, accel) ||
        !x86cpu_fits(tables, made, value, accel)) {
        error_setg(errp, "baseline: QEMU makes another CPU of it");
        return NULL;
    }
    return g_steal_pointer(&info->model);
}

/*
 * A CPU that starts on no host has no baseline: that would have what keeps it
 * from starting, or not have it, depending on the other CPU.
 */
static bool check_phys_bits(const X86Cpu *value, const char *which,
                            Error **errp)
{
    uint64_t bits = value->values[X86CPU_PHYS_BITS];
    uint64_t guest_bits = value->values[X86CPU_GUEST_PHYS_BITS];

    switch (x86cpu_phys_bits_error(value)) {
    case X86CPU_ERROR_PHYS_BITS:
        error_setg(errp, "%s: " X86_ERROR_BASELINE_PHYS_BITS, which, bits);
        return false;
    case X86CPU_ERROR_GUEST_PHYS_BITS:
        error_setg(errp, "%s: " X86_ERROR_BASELINE_GUEST_PHYS_BITS, which,
                   bits, guest_bits);
        return false;
    case X86CPU_ERROR_PHYS_BITS_WITHOUT_LM:
        error_setg(errp, "%s: " X86_ERROR_PHYS_BITS_32, which);
        return false;
    case X86CPU_ERROR_GUEST_PHYS_BITS_WITHOUT_LM:
        error_setg(errp, "%s: " X86_ERROR_GUEST_PHYS_BITS_32, which);
        return false;
    default:
        return true;
    }
}

static bool check_startable(const X86Cpu *value, const char *which,
                            Error **errp)
{
    int missing = x86cpu_missing_cache(value);

    if (missing != X86CPU_CACHES) {
        error_setg(errp, "%s: " X86_ERROR_BASELINE_MISSING_CACHE, which,
                   x86_cpu_cache_property_names[missing]);
        return false;
    }
    if (value->values[X86CPU_X_VENDOR_CPUID_ONLY_V2] &&
        !value->values[X86CPU_X_VENDOR_CPUID_ONLY]) {
        error_setg(errp, "%s: " X86_ERROR_BASELINE_VENDOR_ONLY_V2, which);
        return false;
    }
    return check_phys_bits(value, which, errp);
}

static CpuModelExpansionInfo *baseline_input(CpuModelInfo *model,
                                             const char *which, X86Cpu *value,
                                             Error **errp)
{
    g_autoptr(CpuModelExpansionInfo) info =
        x86_cpu_model_to_value(model, which, value, errp);

    return info && check_startable(value, which, errp)
           ? g_steal_pointer(&info) : NULL;
}

CpuModelBaselineInfo *qmp_query_cpu_model_baseline(CpuModelInfo *modela,
                                                   CpuModelInfo *modelb,
                                                   Error **errp)
{
    g_autofree X86Cpu *a = g_new(X86Cpu, 1), *b = g_new(X86Cpu, 1);
    g_autofree X86CpuBaseline *baseline = g_new(X86CpuBaseline, 1);
    g_autoptr(CpuModelExpansionInfo) info_a = NULL, info_b = NULL;
    g_autoptr(strList) host_only = NULL;
    g_autoptr(CpuModelBaselineInfo) info = NULL;

    info_a = baseline_input(modela, "modela", a, errp);
    info_b = info_a ? baseline_input(modelb, "modelb", b, errp) : NULL;
    if (!info_b) {
        return NULL;
    }
    if (!x86cpu_baseline(x86_cpu_core_tables(), a, b,
                         x86_cpu_core_accelerator(), baseline)) {
        error_setg(errp, X86_ERROR_BASELINE_VENDORS, "modela", a->vendor,
                   "modelb", b->vendor);
        return NULL;
    }
    info = g_new0(CpuModelBaselineInfo, 1);
    info->model = static_model(&baseline->cpu, errp);
    if (!info->model) {
        return NULL;
    }
    host_only = join(info_a->omitted_properties, info_b->omitted_properties);
    info->omitted_features = omitted_features(baseline, host_only);
    info->has_omitted_features = true;
    info->hazards = x86_cpu_value_names(&baseline->hazards);
    info->has_hazards = true;
    return g_steal_pointer(&info);
}
