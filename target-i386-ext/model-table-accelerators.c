/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accelerators in the table of all CPU models
 *
 * Answers, as part of query-cpu-model-table: what do TCG and KVM set in models,
 * whichever of them this process has, and what is the fingerprint of the
 * result?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "qobject/qdict.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/core/expand.h"
#include "target/i386/ext/cpu-value.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/model-table.h"

#ifdef CONFIG_TCG
#define HAS_TCG true
#else
#define HAS_TCG false
#endif
#ifdef CONFIG_KVM
#define HAS_KVM true
#else
#define HAS_KVM false
#endif

typedef struct Accelerator {
    const char *name;
    bool is_built;
    X86CpuAccelerator core;
    const X86CPUAcceleratorDefault *defaults;
    bool has_host_vendor;
} Accelerator;

static const Accelerator accelerators[X86_CPU_TABLE_ACCELERATORS] = {
    [X86_CPU_TABLE_TCG] = {
        "tcg", HAS_TCG, X86CPU_ON_TCG, x86_cpu_tcg_defaults, false
    },
    [X86_CPU_TABLE_KVM] = {
        "kvm", HAS_KVM, X86CPU_ON_KVM, x86_cpu_kvm_defaults, true
    },
};

/*
 * As in kvm_cpu_instance_init(), which changes the defaults.  The value is for
 * those that have another one at first.
 */
static const struct {
    const char *irqchip, *feature;
    bool on;
} irqchip_defaults[] = {
    { "off", "x2apic", false },
    { "split", "kvm-msi-ext-dest-id", true },
};

/* ---- defaults ---- */

static CpuModelTableChanges *default_changes(const Accelerator *accel)
{
    const X86CPUAcceleratorDefault *row;
    CpuModelTableChanges *changes = g_new0(CpuModelTableChanges, 1);
    strList **on = &changes->on, **off = &changes->off;

    for (row = accel->defaults; row->feature; row++) {
        if (row->on) {
            QAPI_LIST_APPEND(on, g_strdup(row->feature));
        } else {
            QAPI_LIST_APPEND(off, g_strdup(row->feature));
        }
    }
    changes->has_on = changes->on;
    changes->has_off = changes->off;
    return changes;
}

static CpuModelTableChanges *one_change(const char *feature, bool on)
{
    CpuModelTableChanges *changes = g_new0(CpuModelTableChanges, 1);

    changes->has_on = on;
    changes->has_off = !on;
    QAPI_LIST_PREPEND(*(on ? &changes->on : &changes->off),
                      g_strdup(feature));
    return changes;
}

static void add_conditions(CpuModelTableAccelerator *entry)
{
    CpuModelTableConditionList **tail = &entry->conditions;
    int i;

    for (i = 0; i < ARRAY_SIZE(irqchip_defaults); i++) {
        CpuModelTableCondition *condition = g_new0(CpuModelTableCondition, 1);

        QAPI_LIST_PREPEND(condition->kernel_irqchip,
                          g_strdup(irqchip_defaults[i].irqchip));
        condition->changes = one_change(irqchip_defaults[i].feature,
                                        irqchip_defaults[i].on);
        QAPI_LIST_APPEND(tail, condition);
    }
}

void x86_cpu_table_add_accelerators(X86CPUTable *table)
{
    CpuModelTableAcceleratorList **tail = &table->reply->accelerators;
    int i;

    for (i = 0; i < X86_CPU_TABLE_ACCELERATORS; i++) {
        const Accelerator *accel = &accelerators[i];
        CpuModelTableAccelerator *entry;

        if (!accel->is_built) {
            continue;
        }
        entry = g_new0(CpuModelTableAccelerator, 1);
        entry->name = g_strdup(accel->name);
        entry->changes = default_changes(accel);
        entry->host_vendor = g_strdup(!accel->has_host_vendor ? "none" :
                                      X86_CPU_BASE_HAS_HOST_VENDOR ? "all"
                                                                   : "named");
        if (i == X86_CPU_TABLE_KVM) {
            add_conditions(entry);
        }
        table->accelerators[i] = entry;
        table->accel_exceptions[i] = &entry->exceptions;
        QAPI_LIST_APPEND(tail, entry);
    }
}

/* ---- exceptions ---- */

/* Whether the accelerator sets what @prop sets, which comes after it */
static bool is_default(X86CPUTableAccelerator which,
                       const GlobalProperty *prop)
{
    const Accelerator *accel = &accelerators[which];
    const X86CPUAcceleratorDefault *row;

    for (row = accel->defaults; row->feature; row++) {
        if (!strcmp(row->feature, prop->property)) {
            return true;
        }
    }
    return accel->has_host_vendor && !strcmp(prop->property, "vendor");
}

char *x86_cpu_table_accelerator_key(const X86CPULayer *layer)
{
    GString *key = g_string_new(NULL);
    unsigned i;

    for (i = 0; i < layer->props->len; i++) {
        const GlobalProperty *prop = g_ptr_array_index(layer->props, i);

        if (is_default(X86_CPU_TABLE_TCG, prop) ||
            is_default(X86_CPU_TABLE_KVM, prop)) {
            g_string_append_printf(key, "%s.%s=%s;", prop->driver,
                                   prop->property, prop->value);
        }
    }
    return g_string_free(key, false);
}

static CpuModelTableChanges *changes_of(const GlobalProperty *prop)
{
    CpuModelTableChanges *changes;
    QDict *set;
    bool on;

    if (x86_cpu_find_feature(prop->property)) {
        /* CPUs have been made with it. */
        qapi_bool_parse(prop->property, prop->value, &on, &error_abort);
        return one_change(prop->property, on);
    }
    changes = g_new0(CpuModelTableChanges, 1);
    set = qdict_new();
    qdict_put_str(set, prop->property, prop->value);
    changes->set = QOBJECT(set);
    return changes;
}

static void add_exception(X86CPUTable *table, X86CPUTableAccelerator which,
                          const X86CPULayer *layer, const char *model,
                          const GlobalProperty *prop)
{
    CpuModelTableException *exception = g_new0(CpuModelTableException, 1);

    exception->model = g_strdup(model);
    exception->layer = g_strdup(x86_cpu_layer_newest(layer)->name);
    exception->changes = changes_of(prop);
    QAPI_LIST_APPEND(table->accel_exceptions[which], exception);
}

static void add_exceptions(X86CPUTable *table, X86CPUTableAccelerator which,
                           const X86CPULayer *layer)
{
    unsigned i, j;

    for (i = 0; i < layer->props->len; i++) {
        const GlobalProperty *prop = g_ptr_array_index(layer->props, i);

        if (!is_default(which, prop)) {
            continue;
        }
        if (!x86_cpu_prop_is_for_models(prop)) {
            add_exception(table, which, layer, NULL, prop);
            continue;
        }
        for (j = 0; j < table->models->len; j++) {
            const X86CPUTableEntry *model = x86_cpu_table_model(table, j);

            if (x86_cpu_prop_applies(prop, model->oc)) {
                add_exception(table, which, layer, model->name, prop);
            }
        }
    }
}

/* ---- fingerprints ---- */

/* A line of the text that is fingerprinted */
typedef struct Line {
    const char *name;
    enum { FEATURE, PROPERTY, CACHE, VENDOR, MODEL_ID, HV_VENDOR_ID } kind;
    unsigned index;
    /* Of a property: whether it is on or off */
    bool is_switch;
} Line;

static int compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(((const Line *)a)->name, ((const Line *)b)->name);
}

static bool is_switch(X86CpuPropertyId id)
{
    X86Cpu cpu = { };
    QObject *value = x86_cpu_value_object(&cpu, id);
    bool is_number = qobject_type(value) == QTYPE_QNUM;

    qobject_unref(value);
    return !is_number;
}

/* All lines that there may be, sorted */
static const GArray *all_lines(void)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    static const Line texts[] = {
        { "vendor", VENDOR }, { "model-id", MODEL_ID },
        { "hv-vendor-id", HV_VENDOR_ID },
    };
    static GArray *lines;
    unsigned i;

    if (lines) {
        return lines;
    }
    lines = g_array_new(false, false, sizeof(Line));
    for (i = 0; i < tables->nfeatures; i++) {
        Line line = { tables->features[i].name, FEATURE, i };

        g_array_append_val(lines, line);
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        Line line = { x86cpu_property_names[i], PROPERTY, i };

        if (tables->properties[i].class != X86CPU_CLASS_NONE) {
            line.is_switch = is_switch(i);
            g_array_append_val(lines, line);
        }
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        Line line = { x86_cpu_cache_property_names[i], CACHE, i };

        g_array_append_val(lines, line);
    }
    g_array_append_vals(lines, texts, ARRAY_SIZE(texts));
    g_array_sort(lines, compare_lines);
    return lines;
}

static void put_line(GString *text, const char *name, const char *value)
{
    g_string_append(text, name);
    g_string_append_c(text, '=');
    g_string_append(text, value);
    g_string_append_c(text, '\n');
}

static void put_property(GString *text, const Line *line, const X86Cpu *cpu)
{
    uint64_t value = cpu->values[line->index];
    char number[32];

    if (line->is_switch) {
        put_line(text, line->name, value ? "on" : "off");
        return;
    }
    snprintf(number, sizeof(number),
             line->index == X86CPU_X_HV_MAX_VPS ? "%" PRId64 : "%" PRIu64,
             value);
    put_line(text, line->name, number);
}

static void put_cache(GString *text, const char *name, const X86Cpu *cpu,
                      unsigned i)
{
    char cache[X86CPU_CACHE_TEXT] = "";

    if (cpu->caches[i].size) {
        x86cpu_cache_format(&cpu->caches[i], cache);
    }
    if (!cpu->values[X86CPU_LEGACY_CACHE]) {
        put_line(text, name, cache);
    }
}

static bool is_of_host(X86CpuPropertyId id,
                       const X86CPUTableHostValues *host)
{
    return (host->microcode && id == X86CPU_UCODE_REV) ||
           (host->phys_bits && id == X86CPU_PHYS_BITS) ||
           (host->guest_phys_bits && id == X86CPU_GUEST_PHYS_BITS);
}

static void put_host_value(GString *text, const Line *line,
                           const X86CPUTableHostValues *host)
{
    char limit[32];

    if (line->index == X86CPU_PHYS_BITS && host->phys_bits_limit) {
        snprintf(limit, sizeof(limit), "host-%" PRIu64,
                 host->phys_bits_limit);
        put_line(text, line->name, limit);
    } else {
        put_line(text, line->name, "host");
    }
}

static void fingerprint(const X86Cpu *cpu, const X86CPUTableHostValues *host,
                        char result[65])
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    const GArray *lines = all_lines();
    g_autoptr(GString) text = g_string_sized_new(8192);
    g_autofree char *sum = NULL;
    unsigned i;

    for (i = 0; i < lines->len; i++) {
        const Line *line = &g_array_index(lines, Line, i);
        const X86CpuFeature *feature;

        switch (line->kind) {
        case FEATURE:
            feature = &tables->features[line->index];
            if ((cpu->words[feature->word] & feature->mask) ==
                feature->mask) {
                put_line(text, line->name, "on");
            }
            break;
        case PROPERTY:
            if (is_of_host(line->index, host)) {
                put_host_value(text, line, host);
            } else if (x86_cpu_value_describes(cpu, line->index)) {
                put_property(text, line, cpu);
            }
            break;
        case CACHE:
            put_cache(text, line->name, cpu, line->index);
            break;
        case VENDOR:
            put_line(text, line->name, host->vendor ? "host" : cpu->vendor);
            break;
        case MODEL_ID:
            put_line(text, line->name, cpu->model_id);
            break;
        case HV_VENDOR_ID:
            put_line(text, line->name, cpu->hv_vendor_id);
            break;
        }
    }
    sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text->str,
                                        text->len);
    g_strlcpy(result, sum, 65);
}

static void apply_changes(const CpuModelTableChanges *changes, X86Cpu *cpu,
                          bool *is_own_vendor)
{
    const QDict *set = qobject_to(QDict, changes->set);
    const strList *el;

    for (el = changes->on; el; el = el->next) {
        x86_cpu_value_set_feature(cpu, el->value, true);
    }
    for (el = changes->off; el; el = el->next) {
        x86_cpu_value_set_feature(cpu, el->value, false);
    }
    /* The vendor alone; see is_default(). */
    if (set) {
        g_strlcpy(cpu->vendor, qdict_get_str(set, "vendor"),
                  sizeof(cpu->vendor));
        *is_own_vendor = true;
    }
}

/* With @cpu as it is requested, what does the accelerator request? */
static void accelerate(const X86CPUTable *table, const X86CPULayer *layer,
                       const X86CPUTableEntry *model,
                       X86CPUTableAccelerator which, X86Cpu *cpu,
                       X86CPUTableHostValues *host)
{
    const CpuModelTableAccelerator *entry = table->accelerators[which];
    bool is_base = model == x86_cpu_table_model(table, 0);
    const CpuModelTableExceptionList *el;
    bool own_vendor = false;

    if (!is_base) {
        apply_changes(entry->changes, cpu, &own_vendor);
    }
    for (el = entry->exceptions; el; el = el->next) {
        const CpuModelTableException *exception = el->value;

        if (!strcmp(exception->layer, x86_cpu_layer_newest(layer)->name) &&
            (exception->model ? !strcmp(exception->model, model->name)
                              : !is_base)) {
            apply_changes(exception->changes, cpu, &own_vendor);
        }
    }
    host->vendor = !own_vendor && accelerators[which].has_host_vendor &&
                   (!is_base || X86_CPU_BASE_HAS_HOST_VENDOR);
    host->microcode = host->vendor && !cpu->values[X86CPU_UCODE_REV];
    if (which == X86_CPU_TABLE_KVM &&
        (cpu->words[X86CPU_FEAT_8000_0001_EDX] & CPUID_EXT2_LM)) {
        host->guest_phys_bits = cpu->values[X86CPU_GUEST_PHYS_BITS] ==
                                X86CPU_AUTOMATIC_PHYS_BITS;
        host->phys_bits = cpu->values[X86CPU_HOST_PHYS_BITS];
    }
    host->phys_bits_limit =
        host->phys_bits ? cpu->values[X86CPU_HOST_PHYS_BITS_LIMIT] : 0;
}

/* An empty @value: as in the layer before */
static void append_value(X86CPUTableEntry *model, X86CPUTableAccelerator which,
                         const char *value)
{
    strList **tail = &model->entries[which]->values;

    while (*tail) {
        tail = &(*tail)->next;
    }
    QAPI_LIST_APPEND(tail, g_strdup(value));
}

static void add_fingerprint(const X86CPUTable *table, unsigned n,
                            X86CPUTableEntry *model,
                            X86CPUTableAccelerator which)
{
    CpuModelTableFingerprintsList **list =
        &table->accelerators[which]->fingerprints;
    X86CPUTableHostValues host = { };
    X86Cpu cpu = model->value;
    char new[65];

    accelerate(table, x86_cpu_table_layer(table, n), model, which, &cpu,
               &host);
    x86cpu_describe(x86_cpu_core_tables(), &cpu, accelerators[which].core,
                    NULL, &cpu);
    if (!n) {
        model->entries[which] = g_new0(CpuModelTableFingerprints, 1);
        model->entries[which]->model = g_strdup(model->name);
        QAPI_LIST_PREPEND(*list, model->entries[which]);
    } else if (!memcmp(&cpu, &model->described[which], sizeof(cpu)) &&
               !memcmp(&host, &model->hosts[which], sizeof(host))) {
        append_value(model, which, "");
        return;
    }
    model->described[which] = cpu;
    model->hosts[which] = host;
    fingerprint(&cpu, &host, new);
    append_value(model, which,
                 strcmp(new, model->fingerprints[which]) ? new : "");
    g_strlcpy(model->fingerprints[which], new, sizeof(new));
}

void x86_cpu_table_add_accelerated(X86CPUTable *table, unsigned n)
{
    int which;
    unsigned i;

    for (which = 0; which < X86_CPU_TABLE_ACCELERATORS; which++) {
        if (!table->accelerators[which]) {
            continue;
        }
        add_exceptions(table, which, x86_cpu_table_layer(table, n));
        /* The list is made from its end. */
        for (i = table->models->len; i-- > 0;) {
            add_fingerprint(table, n, x86_cpu_table_model(table, i), which);
        }
    }
}
