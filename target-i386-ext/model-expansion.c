/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Additions to query-cpu-model-expansion
 *
 * Answers, for management software: what is the complete description of this
 * CPU, which gives the same CPU on any machine type, and which of its
 * features would a guest lack on this host, and why?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "system/hvf.h"
#include "system/kvm.h"
#include "system/qtest.h"
#include "system/tcg.h"
#include "target/i386/ext/avx10-version.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-description.h"
#include "target/i386/ext/custom-cpu.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/model-errors.h"
#include "target/i386/ext/model-expansion.h"
#include "target/i386/ext/removed-features.h"

/*
 * Realizing the CPU of a query would plug it into the guest.  A full expansion
 * has realized=false.
 */
static bool check_not_realized(const CpuModelInfo *model, Error **errp)
{
    const QDict *props = qobject_to(QDict, model->props);

    if (props && qdict_get_try_bool(props, "realized", false)) {
        error_setg(errp, "Property 'realized' of a CPU model can only be "
                   "false: queries don't realize CPUs");
        return false;
    }
    return true;
}

/*
 * A dictionary has no order: of two names of a property, its hash function
 * would choose the one whose value counts.  Values of different types have an
 * error of their own.
 */
static bool check_names(const CpuModelInfo *model, Error **errp)
{
    const QDict *props = qobject_to(QDict, model->props);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    const QDictEntry *e;

    for (e = props ? qdict_first(props) : NULL; e; e = qdict_next(props, e)) {
        const char *name = qdict_entry_key(e);
        const char *property = x86_cpu_resolve_property_name(name);
        const char *other = g_hash_table_lookup(seen, property);
        const QObject *value = qdict_entry_value(e);
        const QObject *of_other = other ? qdict_get(props, other) : value;

        if (qobject_type(value) == qobject_type(of_other) &&
            !qobject_is_equal(value, of_other)) {
            error_setg(errp, "Properties '%s' and '%s' of a CPU model are the "
                       "same property, but have different values: set only "
                       "'%s'", other, name, property);
            return false;
        }
        g_hash_table_insert(seen, (char *)property, (char *)name);
    }
    return true;
}

/* Without our bug fix, TDX's code exits QEMU over any other model. */
static bool check_tdx(const CpuModelInfo *model, Error **errp)
{
    ObjectClass *oc = cpu_class_by_name(CPU_RESOLVING_TYPE, model->name);

    if (oc && X86_CPU_CLASS(oc)->model &&
        object_dynamic_cast(OBJECT(current_machine->cgs), "tdx-guest")) {
        error_setg(errp, "TDX guests only support the CPU models host, max, "
                   "base and custom");
        return false;
    }
    return true;
}

bool x86_cpu_begin_evaluation(const CpuModelInfo *model, Error **errp)
{
    if (!check_not_realized(model, errp) || !check_names(model, errp) ||
        !check_tdx(model, errp)) {
        return false;
    }
    if (!x86_cpu_use_defaults_of(model, errp)) {
        return false;
    }
    if (!x86_cpu_check_custom_model(model, errp)) {
        x86_cpu_end_evaluation();
        return false;
    }
    return true;
}

/*
 * Like x86_cpu_realizefn(), which then filters the format where it does not
 * refuse to start.  Under KVM it refuses: see x86_cpu_start_errors().
 */
static void override_lbr_format(X86CPU *cpu)
{
    if (cpu->lbr_fmt != ~PERF_CAP_LBR_FMT && !kvm_enabled()) {
        cpu->env.features[FEAT_PERF_CAPABILITIES] &= ~PERF_CAP_LBR_FMT;
        cpu->env.features[FEAT_PERF_CAPABILITIES] |= cpu->lbr_fmt;
    }
}

/*
 * Whether something other than QEMU and KVM decides what a guest sees.  That
 * depends on this process, not on the model or its machine-type.
 */
static bool out_of_scope(CpuModelOutOfScope *why)
{
    if (current_machine->cgs) {
        *why = CPU_MODEL_OUT_OF_SCOPE_CONFIDENTIAL_GUEST;
        return true;
    }
    *why = CPU_MODEL_OUT_OF_SCOPE_ACCELERATOR;
    return !kvm_enabled() && !hvf_enabled() && !tcg_enabled() &&
           !qtest_enabled();
}

void x86_cpu_complete_expansion(X86CPU *cpu, CpuModelExpansionType type,
                                CpuModelExpansionInfo *ret, Error **errp)
{
    if (out_of_scope(&ret->out_of_scope)) {
        ret->has_out_of_scope = true;
        return;
    }
    if (!x86_cpu_check_evaluation(errp) ||
        !x86_cpu_check_accelerator(cpu, errp)) {
        return;
    }
    if (type == CPU_MODEL_EXPANSION_TYPE_STATIC) {
        QDict *props = qobject_to(QDict, ret->model->props);

        ret->omitted_properties = x86_cpu_describe(cpu, props);
        ret->has_omitted_properties = ret->omitted_properties ||
                                      x86_cpu_is_max(cpu);
        if (x86_cpu_avx10_version_needs_anchor(cpu)) {
            qdict_put_str(props, "compat-anchor",
                          cpu->anchor->upstream);
        }
    }
    /* From here on, the features are filtered. */
    override_lbr_format(cpu);
    x86_cpu_access_filter_features(cpu);
    ret->removed_features = x86_cpu_removed_features(cpu);
    ret->has_removed_features = true;
    ret->errors = x86_cpu_start_errors(cpu);
    ret->has_errors = true;
}
