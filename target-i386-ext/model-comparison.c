/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * query-cpu-model-comparison
 *
 * Answers, for management software: can a guest that has seen one CPU migrate
 * to the other, and which properties make the difference?  The core decides
 * (core/compare.h).
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-value.h"
#include X86_CPU_MODEL_COMMANDS

CpuModelCompareInfo *qmp_query_cpu_model_comparison(CpuModelInfo *modela,
                                                    CpuModelInfo *modelb,
                                                    Error **errp)
{
    static const CpuModelCompareResult results[] = {
        [X86CPU_IDENTICAL] = CPU_MODEL_COMPARE_RESULT_IDENTICAL,
        [X86CPU_SUBSET] = CPU_MODEL_COMPARE_RESULT_SUBSET,
        [X86CPU_SUPERSET] = CPU_MODEL_COMPARE_RESULT_SUPERSET,
        [X86CPU_INCOMPATIBLE] = CPU_MODEL_COMPARE_RESULT_INCOMPATIBLE,
    };
    g_autofree X86CpuComparison *comparison = g_new(X86CpuComparison, 1);
    g_autofree X86Cpu *a = g_new(X86Cpu, 1), *b = g_new(X86Cpu, 1);
    g_autoptr(CpuModelExpansionInfo) expansion_a =
        x86_cpu_model_to_comparable(modela, "modela", a, errp);
    g_autoptr(CpuModelExpansionInfo) expansion_b = expansion_a
        ? x86_cpu_model_to_comparable(modelb, "modelb", b, errp) : NULL;
    CpuModelCompareInfo *info;

    if (!expansion_b) {
        return NULL;
    }
    x86cpu_compare(x86_cpu_core_tables(), a, b, x86_cpu_core_accelerator(),
                   comparison);
    info = g_new0(CpuModelCompareInfo, 1);
    info->result = results[comparison->relation];
    info->responsible_properties =
        x86_cpu_value_names(&comparison->responsible);
    info->missing_in_a = x86_cpu_value_names(&comparison->missing_in_a);
    info->has_missing_in_a = true;
    info->missing_in_b = x86_cpu_value_names(&comparison->missing_in_b);
    info->has_missing_in_b = true;
    info->differs = x86_cpu_value_names(&comparison->differs);
    info->has_differs = true;
    return info;
}
