/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Why enforce=on refused a CPU
 *
 * Answers, if QEMU with enforce=on did not start or device_add of a CPU
 * failed: which features are missing, and why?  With enforce-report=json,
 * programs need not parse warnings.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-cpu-introspection-target.h"
#include "qapi/qobject-output-visitor.h"
#include "qobject/qjson.h"
#include "qobject/qobject.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/enforce-report.h"
#include "target/i386/ext/removed-features.h"

/* Prints one line to stderr: {"removed-features": [...]} */
static void print_json(CpuRemovedFeatureList *list)
{
    CpuRemovedFeatures report = { .removed_features = list };
    CpuRemovedFeatures *value = &report;
    g_autoptr(GString) json = NULL;
    QObject *object = NULL;
    Visitor *v = qobject_output_visitor_new(&object);

    visit_type_CpuRemovedFeatures(v, NULL, &value, &error_abort);
    visit_complete(v, &object);
    visit_free(v);
    json = qobject_to_json(object);
    qobject_unref(object);
    fprintf(stderr, "%s\n", json->str);
}

/* Appends the blocking features and their reasons to the error *@errp. */
static void add_to_message(CpuRemovedFeatureList *list, Error **errp)
{
    g_autoptr(GString) names = g_string_new(NULL);
    Error *err = *errp;

    for (; list; list = list->next) {
        const CpuRemovedFeature *rf = list->value;

        if (rf->blocking) {
            g_string_append_printf(
                names, "%s%s (%s)", names->len ? ", " : "", rf->feature,
                CpuFeatureRemovalReason_str(rf->reason));
        }
    }
    *errp = NULL;
    error_setg(errp, "%s: %s", error_get_pretty(err), names->str);
    error_free(err);
}

void x86_cpu_enforce_report(X86CPU *cpu, Error **errp)
{
    g_autoptr(CpuRemovedFeatureList) list = x86_cpu_removed_features(cpu);

    if (cpu->requests.enforce_report == CPU_ENFORCE_REPORT_JSON) {
        print_json(list);
    }
    /* QMP clients only see the error, not the warnings. */
    if (DEVICE(cpu)->hotplugged) {
        add_to_message(list, errp);
    }
}

static int get_enforce_report(Object *obj, Error **errp)
{
    return X86_CPU(obj)->requests.enforce_report;
}

static void set_enforce_report(Object *obj, int value, Error **errp)
{
    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), "enforce-report", errp);
        return;
    }
    X86_CPU(obj)->requests.enforce_report = value;
}

void x86_cpu_enforce_report_class_init(ObjectClass *oc)
{
    object_class_property_add_enum(oc, "enforce-report", "CpuEnforceReport",
                                   &CpuEnforceReport_lookup,
                                   get_enforce_report, set_enforce_report);
    object_class_property_set_description(oc, "enforce-report",
        "How enforce=on reports why it refused a CPU: text, or json to also "
        "print a line of JSON to stderr");
}
