/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Differences in the table of all CPU models
 *
 * Answers, as part of query-cpu-model-table: what has to be changed in one CPU
 * to get another?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/util.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-value.h"
#include "target/i386/ext/model-table.h"

void x86_cpu_table_put_root(X86Cpu *root)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    int i;

    memset(root, 0, sizeof(*root));
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        root->values[i] = tables->properties[i].value;
    }
    strcpy(root->hv_vendor_id, "Microsoft Hv");
}

/* Both lists and the dictionary of a CpuModelTableChanges */
typedef struct Changes {
    strList **on, **off;
    QDict *set;
} Changes;

static void note_switch(Changes *changes, const char *name, bool on)
{
    if (on) {
        QAPI_LIST_APPEND(changes->on, g_strdup(name));
    } else {
        QAPI_LIST_APPEND(changes->off, g_strdup(name));
    }
}

/* Takes over @value. */
static void note_value(Changes *changes, const char *name, QObject *value)
{
    if (qobject_type(value) == QTYPE_QBOOL) {
        note_switch(changes, name, qbool_get_bool(qobject_to(QBool, value)));
        qobject_unref(value);
    } else {
        qdict_put_obj(changes->set, name, value);
    }
}

static void note_text(Changes *changes, const char *name, const char *from,
                      const char *to)
{
    if (strcmp(from, to)) {
        qdict_put_str(changes->set, name, to);
    }
}

static void note_cache(Changes *changes, int i, const X86CpuCache *from,
                       const X86CpuCache *to)
{
    char text[X86CPU_CACHE_TEXT] = "";

    if (x86cpu_same_cache(from, to)) {
        return;
    }
    if (to->size) {
        x86cpu_cache_format(to, text);
    }
    qdict_put_str(changes->set, x86_cpu_cache_property_names[i], text);
}

static bool has_feature(const X86Cpu *cpu, const X86CpuFeature *feature)
{
    return (cpu->words[feature->word] & feature->mask) == feature->mask;
}

CpuModelTableChanges *x86_cpu_table_changes(const X86Cpu *from,
                                            const X86Cpu *to)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    CpuModelTableChanges *reply = g_new0(CpuModelTableChanges, 1);
    Changes changes = { &reply->on, &reply->off, qdict_new() };
    unsigned i;

    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];

        if (has_feature(from, feature) != has_feature(to, feature)) {
            note_switch(&changes, feature->name, has_feature(to, feature));
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (from->values[i] != to->values[i] &&
            tables->properties[i].class != X86CPU_CLASS_NONE) {
            note_value(&changes, x86cpu_property_names[i],
                       x86_cpu_value_object(to, i));
        }
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        note_cache(&changes, i, &from->caches[i], &to->caches[i]);
    }
    note_text(&changes, "vendor", from->vendor, to->vendor);
    note_text(&changes, "model-id", from->model_id, to->model_id);
    note_text(&changes, "hv-vendor-id", from->hv_vendor_id, to->hv_vendor_id);
    reply->has_on = reply->on;
    reply->has_off = reply->off;
    if (qdict_size(changes.set)) {
        reply->set = QOBJECT(changes.set);
    } else {
        qobject_unref(changes.set);
    }
    return reply;
}

bool x86_cpu_table_is_empty(const CpuModelTableChanges *changes)
{
    return !changes->on && !changes->off && !changes->set;
}
