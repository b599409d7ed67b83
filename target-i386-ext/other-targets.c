/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the extension adds to commands, on targets other than x86
 *
 * From QEMU 10.1 on, all targets have the commands about CPU models, and so
 * what the extension adds to them.  Other targets refuse the extension's
 * own commands, and CPU models with machine-type, which they would ignore.
 */

#include "qemu/osdep.h"
#include "monitor/monitor-internal.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-cpu-introspection-target.h"
#include "qemu/module.h"
#include "qobject/qdict.h"

CpuFeatureInfoList *qmp_query_cpu_features(Error **errp)
{
    error_setg(errp, "query-cpu-features is not supported on this target");
    return NULL;
}

CpuModelBestInfoList *qmp_query_cpu_model_best(const char *machine_type,
                                               Error **errp)
{
    error_setg(errp, "query-cpu-model-best is not supported on this target");
    return NULL;
}

CpuModelNearestInfo *qmp_query_cpu_model_nearest(CpuModelX86 *model,
                                                 bool has_any, bool any,
                                                 Error **errp)
{
    error_setg(errp, "query-cpu-model-nearest is not supported on this "
               "target");
    return NULL;
}

MachineCpuLayerList *qmp_query_machine_cpu_layers(Error **errp)
{
    error_setg(errp, "query-machine-cpu-layers is not supported on this "
               "target");
    return NULL;
}

CpuModelTable *qmp_query_cpu_model_table(Error **errp)
{
    error_setg(errp, "query-cpu-model-table is not supported on this target");
    return NULL;
}

CpuCpuidInfo *qmp_query_cpu_cpuid(int64_t cpu_index, bool has_kernel,
                                  bool kernel, Error **errp)
{
    error_setg(errp, "query-cpu-cpuid is not supported on this target");
    return NULL;
}

static QmpCommandFunc *expansion, *comparison, *baseline;

static bool check_model(const QDict *args, const char *name, Error **errp)
{
    const QDict *model = qobject_to(QDict, qdict_get(args, name));

    if (model && qdict_haskey(model, "machine-type")) {
        error_setg(errp, "machine-type in CPU models is not supported on this "
                   "target");
        return false;
    }
    return true;
}

static void check_expansion(QDict *args, QObject **ret, Error **errp)
{
    if (check_model(args, "model", errp)) {
        expansion(args, ret, errp);
    }
}

static void check_comparison(QDict *args, QObject **ret, Error **errp)
{
    if (check_model(args, "modela", errp) &&
        check_model(args, "modelb", errp)) {
        comparison(args, ret, errp);
    }
}

static void check_baseline(QDict *args, QObject **ret, Error **errp)
{
    if (check_model(args, "modela", errp) &&
        check_model(args, "modelb", errp)) {
        baseline(args, ret, errp);
    }
}

static void wrap_command(const char *name, QmpCommandFunc *wrapper,
                         QmpCommandFunc **original)
{
    QmpCommand *cmd;

    QTAILQ_FOREACH(cmd, &qmp_commands, node) {
        if (!strcmp(cmd->name, name)) {
            *original = cmd->fn;
            cmd->fn = wrapper;
        }
    }
}

static void wrap_commands(void)
{
    wrap_command("query-cpu-model-expansion", check_expansion, &expansion);
    wrap_command("query-cpu-model-comparison", check_comparison, &comparison);
    wrap_command("query-cpu-model-baseline", check_baseline, &baseline);
}

type_init(wrap_commands)
