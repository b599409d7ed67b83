/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is requested of a CPU object, as a value of the core
 *
 * Answers, for the table of all models, what a static expansion starts from.
 * Reads hundreds of CPUs without a QDict for each.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/visitor-impl.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-value.h"
#include "target/i386/ext/requested-value.h"

/* Takes one scalar. */
typedef struct ScalarVisitor {
    Visitor visitor;
    uint64_t number;
    /* The caller frees it. */
    char *text;
} ScalarVisitor;

static bool take_bool(Visitor *v, const char *name, bool *obj, Error **errp)
{
    container_of(v, ScalarVisitor, visitor)->number = *obj;
    return true;
}

static bool take_int(Visitor *v, const char *name, int64_t *obj, Error **errp)
{
    container_of(v, ScalarVisitor, visitor)->number = *obj;
    return true;
}

static bool take_uint(Visitor *v, const char *name, uint64_t *obj,
                      Error **errp)
{
    container_of(v, ScalarVisitor, visitor)->number = *obj;
    return true;
}

static bool take_text(Visitor *v, const char *name, char **obj, Error **errp)
{
    container_of(v, ScalarVisitor, visitor)->text = g_strdup(*obj);
    return true;
}

static void get_scalar(X86CPU *cpu, const char *name, ScalarVisitor *scalar)
{
    *scalar = (ScalarVisitor) {
        .visitor = {
            .type = VISITOR_OUTPUT,
            .type_bool = take_bool,
            .type_int64 = take_int,
            .type_uint64 = take_uint,
            .type_str = take_text,
        },
    };
    object_property_get(OBJECT(cpu), name, &scalar->visitor, &error_abort);
}

static uint64_t get_number(X86CPU *cpu, const char *name)
{
    ScalarVisitor scalar;
    g_autofree char *text = NULL;

    get_scalar(cpu, name, &scalar);
    text = scalar.text;
    /* OnOffAuto; "auto" is off. */
    return text ? !strcmp(text, "on") : scalar.number;
}

static uint64_t requested_number(X86CPU *cpu, X86CpuPropertyId id)
{
    const char *name = x86cpu_property_names[id];
    uint32_t signature = cpu->env.cpuid_version;

    switch (id) {
    case X86CPU_MODEL:
        /* The getter may leave out the extended model. */
        return ((signature >> 4) & 0xf) | ((signature >> 12) & 0xf0);
    case X86CPU_LBR_FMT:
        return cpu->lbr_fmt != ~PERF_CAP_LBR_FMT
               ? cpu->lbr_fmt
               : cpu->env.features[FEAT_PERF_CAPABILITIES] &
                 PERF_CAP_LBR_FMT;
    case X86CPU_TSC_FREQUENCY:
        return cpu->env.user_tsc_khz * 1000;
    default:
        return object_property_find(OBJECT(cpu), name)
               ? get_number(cpu, name)
               : x86_cpu_core_tables()->properties[id].value;
    }
}

static void copy_text(char *to, size_t size, X86CPU *cpu, const char *name)
{
    ScalarVisitor scalar;

    get_scalar(cpu, name, &scalar);
    g_strlcpy(to, scalar.text, size);
    g_free(scalar.text);
}

void x86_cpu_requested_value(X86CPU *cpu, X86Cpu *value)
{
    const CPUX86State *env = &cpu->env;
    int i;

    memset(value, 0, sizeof(*value));
    x86_cpu_value_add_features(value, cpu);
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        value->values[i] = requested_number(cpu, i);
        value->given[i] = true;
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        x86_cpu_requested_cache(cpu, i, &value->caches[i]);
    }
    x86_cpu_vendor_words2str(value->vendor, env->cpuid_vendor1,
                             env->cpuid_vendor2, env->cpuid_vendor3);
    copy_text(value->model_id, sizeof(value->model_id), cpu, "model-id");
    g_strlcpy(value->hv_vendor_id, cpu->hyperv_vendor ?: "Microsoft Hv",
              sizeof(value->hv_vendor_id));
    value->forced = cpu->force_features;
}
