/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPUs of QEMU as values of the core
 *
 * Answers, for comparison and baseline: which value of the core is this CPU,
 * and what does the core need to know of this QEMU?  A value has what the
 * static expansion has, by the same properties.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"
#include "system/kvm.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/ext/core-words.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-description.h"
#include "target/i386/ext/cpu-value.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/feature-place.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/start-errors.h"
#include X86_CPU_MODEL_COMMANDS

const char *const x86_cpu_cache_property_names[X86CPU_CACHES] = {
    [X86CPU_CACHE_L1D] = "l1d-cache-info",
    [X86CPU_CACHE_L1I] = "l1i-cache-info",
    [X86CPU_CACHE_L2] = "l2-cache-info",
    [X86CPU_CACHE_L3] = "l3-cache-info",
};

/* ---- tables ---- */

static void add_words(X86CpuTables *tables)
{
    int i;

    for (i = 0; i < X86CPU_WORD_COUNT; i++) {
        FeatureWord w = x86_cpu_qemu_word(i);
        const FeatureWordInfo *wi = &feature_word_info[w];

        if (w == FEATURE_WORDS) {
            continue;
        }
        tables->words[i].present = true;
        tables->words[i].msr = wi->type == MSR_FEATURE_WORD;
        if (tables->words[i].msr) {
            tables->words[i].index = wi->msr.index;
        } else {
            tables->words[i].index = wi->cpuid.eax;
            tables->words[i].subleaf = wi->cpuid.ecx;
        }
    }
}

static void add_dependencies(X86CpuTables *tables)
{
    GArray *rows = g_array_new(false, false, sizeof(X86CpuDependency));
    X86CPUDependency dep;
    unsigned i;

    for (i = 0; x86_cpu_access_dependency(i, &dep); i++) {
        X86CpuDependency row = {
            .from = x86_cpu_core_word(dep.from),
            .to = x86_cpu_core_word(dep.to),
            .from_mask = dep.from_mask,
            .to_mask = dep.to_mask,
        };

        g_array_append_val(rows, row);
    }
    tables->ndependencies = rows->len;
    tables->dependencies = (X86CpuDependency *)g_array_free(rows, false);
}

static void add_features(X86CpuTables *tables)
{
    static const X86CpuPolarity polarities[] = {
        [CPU_FEATURE_POLARITY_CAPABILITY] = X86CPU_CAPABILITY,
        [CPU_FEATURE_POLARITY_LIMITATION] = X86CPU_LIMITATION,
        [CPU_FEATURE_POLARITY_HINT] = X86CPU_HINT,
        [CPU_FEATURE_POLARITY_TOPOLOGY] = X86CPU_TOPOLOGY,
    };
    X86CpuFeature *features = g_new(X86CpuFeature, x86_cpu_features_count);
    unsigned i;

    for (i = 0; i < x86_cpu_features_count; i++) {
        const X86CPUFeatureInfo *info = &x86_cpu_features[i];

        features[i] = (X86CpuFeature) {
            .name = info->name,
            .word = x86_cpu_core_word(info->word),
            .mask = info->mask,
            .polarity = polarities[info->polarity],
        };
    }
    tables->features = features;
    tables->nfeatures = x86_cpu_features_count;
}

/* The value that a property has in CPUs whose description lacks it */
static uint64_t absent_value(X86CpuPropertyId id)
{
    const Property *prop;

    switch (id) {
    case X86CPU_LEVEL:
    case X86CPU_XLEVEL:
    case X86CPU_XLEVEL2:
        return UINT32_MAX;
    case X86CPU_FULL_CPUID_AUTO_LEVEL:
    case X86CPU_X_INTEL_PT_AUTO_LEVEL:
        return true;
    case X86CPU_PHYS_BITS:
        return 0;
    case X86CPU_HV_NO_NONARCH_CORESHARING:
        return false;
    default:
        prop = x86_cpu_find_table_property(x86cpu_property_names[id]);
        return prop && prop->set_default ? prop->defval.u : 0;
    }
}

static void add_properties(X86CpuTables *tables)
{
    int i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        const X86CPUPropertyInfo *info =
            x86_cpu_find_property_info(x86cpu_property_names[i]);

        tables->properties[i].class = info ? info->class
                                           : X86CPU_CLASS_NONE;
        tables->properties[i].value = absent_value(i);
    }
}

static void add_components(X86CpuTables *tables)
{
    static X86CpuComponent components[XSAVE_STATE_AREA_COUNT];
    int i, n;

    QEMU_BUILD_BUG_ON(X86_XSAVE_FEATURES > X86CPU_COMPONENT_FEATURES);
    for (i = 0; i < XSAVE_STATE_AREA_COUNT; i++) {
        components[i].number = i;
        for (n = 0; n < X86_XSAVE_FEATURES; n++) {
            if (x86_xsave_feature_mask(i, n)) {
                components[i].features[n].word =
                    x86_cpu_core_word(x86_xsave_feature_word(i, n));
                components[i].features[n].mask =
                    x86_xsave_feature_mask(i, n);
            }
        }
    }
    tables->components = components;
    tables->ncomponents = XSAVE_STATE_AREA_COUNT;
}

const X86CpuTables *x86_cpu_core_tables(void)
{
    static X86CpuTables tables;

    if (!tables.version) {
        tables.version = QEMU_VERSION_MAJOR << 16 | QEMU_VERSION_MINOR;
        add_words(&tables);
        add_dependencies(&tables);
        add_features(&tables);
        add_properties(&tables);
        x86_cpu_access_cache_descriptors(&tables);
        add_components(&tables);
    }
    return &tables;
}

X86CpuAccelerator x86_cpu_core_accelerator(void)
{
    return kvm_enabled() ? X86CPU_ON_KVM : X86CPU_ON_TCG;
}

/* ---- values ---- */

/* -1 is that in 64 bits.  "auto" has no value of its own: it is off. */
static uint64_t number_of(const QObject *obj)
{
    int64_t number;
    uint64_t unsigned_number;

    switch (qobject_type(obj)) {
    case QTYPE_QBOOL:
        return qbool_get_bool(qobject_to(QBool, obj));
    case QTYPE_QNUM:
        return qnum_get_try_uint(qobject_to(QNum, obj), &unsigned_number)
               ? unsigned_number
               : qnum_get_try_int(qobject_to(QNum, obj), &number) ? number
                                                                  : 0;
    default:
        return !strcmp(qstring_get_str(qobject_to(QString, obj)), "on");
    }
}

static void copy_string(char *to, size_t size, const QDict *props,
                        const char *name)
{
    g_strlcpy(to, qdict_get_try_str(props, name) ?: "", size);
}

/* @props are those of a static expansion. */
static void value_from_props(const QDict *props, X86Cpu *value)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    unsigned i;

    memset(value, 0, sizeof(*value));
    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];

        if (qdict_get_bool(props, feature->name)) {
            value->words[feature->word] |= feature->mask;
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        const QObject *obj = qdict_get(props, x86cpu_property_names[i]);

        value->given[i] = obj;
        value->values[i] = obj ? number_of(obj)
                               : tables->properties[i].value;
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        const char *text =
            qdict_get_try_str(props, x86_cpu_cache_property_names[i]);
        char error[X86CPU_CACHE_ERROR];

        /* An empty one is not a cache. */
        if (text && *text) {
            x86cpu_cache_parse(&value->caches[i], i, text,
                               X86CPU_CACHE_CHECK_NONE, error);
        }
    }
    copy_string(value->vendor, sizeof(value->vendor), props, "vendor");
    copy_string(value->model_id, sizeof(value->model_id), props, "model-id");
    copy_string(value->hv_vendor_id, sizeof(value->hv_vendor_id), props,
                "hv-vendor-id");
}

bool x86_cpu_value_describes(const X86Cpu *value, X86CpuPropertyId id)
{
    const char *name = x86cpu_property_names[id];
    bool lm = value->words[X86CPU_FEAT_8000_0001_EDX] & CPUID_EXT2_LM;

    switch (id) {
    case X86CPU_LEVEL:
    case X86CPU_XLEVEL:
    case X86CPU_XLEVEL2:
        return value->values[id] != UINT32_MAX;
    case X86CPU_PHYS_BITS:
        return lm || value->values[id];
    case X86CPU_TSC_FREQUENCY:
        return value->values[id];
    default:
        break;
    }
    if (x86_cpu_is_retired(name)) {
        return value->values[id] != x86_cpu_core_tables()->properties[id].value;
    }
    return object_class_property_find(object_class_by_name(TYPE_X86_CPU),
                                      name);
}

QObject *x86_cpu_value_object(const X86Cpu *value, X86CpuPropertyId id)
{
    const Property *prop =
        x86_cpu_find_table_property(x86cpu_property_names[id]);
    uint64_t number = value->values[id];

    if (id == X86CPU_HV_NO_NONARCH_CORESHARING) {
        return QOBJECT(qstring_from_str(number ? "on" : "off"));
    }
    if ((prop && (prop->info == &qdev_prop_bool ||
                  prop->info == &qdev_prop_bit64)) ||
        x86_cpu_is_retired(x86cpu_property_names[id])) {
        return QOBJECT(qbool_from_bool(number));
    }
    return QOBJECT((int64_t)number < 0 && id == X86CPU_X_HV_MAX_VPS
                   ? qnum_from_int(number) : qnum_from_uint(number));
}

QDict *x86_cpu_value_to_props(const X86Cpu *value)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    const char *anchor = x86_cpu_newest_anchor();
    QDict *props = qdict_new();
    unsigned i;

    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];

        qdict_put_bool(props, feature->name,
                       (value->words[feature->word] & feature->mask) ==
                       feature->mask);
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (x86_cpu_value_describes(value, i)) {
            qdict_put_obj(props, x86cpu_property_names[i],
                          x86_cpu_value_object(value, i));
        }
    }
    for (i = 0; i < X86CPU_CACHES && !value->values[X86CPU_LEGACY_CACHE]; i++) {
        char text[X86CPU_CACHE_TEXT];

        x86cpu_cache_format(&value->caches[i], text);
        qdict_put_str(props, x86_cpu_cache_property_names[i], text);
    }
    qdict_put_str(props, "vendor", value->vendor);
    qdict_put_str(props, "model-id", value->model_id);
    qdict_put_str(props, "hv-vendor-id", value->hv_vendor_id);
    if (anchor) {
        qdict_put_str(props, "compat-anchor", anchor);
    }
    return props;
}

/* What is made of @value could not have half a character, in QMP. */
static bool check_text(const char *text, size_t size, const char *name,
                       Error **errp)
{
    if (!g_utf8_validate(text, -1, NULL)) {
        error_setg(errp, X86_ERROR_CUT_TEXT, name, size - 1);
        return false;
    }
    return true;
}

static bool check_texts(const X86Cpu *value, Error **errp)
{
    return check_text(value->model_id, sizeof(value->model_id), "model-id",
                      errp) &&
           check_text(value->hv_vendor_id, sizeof(value->hv_vendor_id),
                      "hv-vendor-id", errp);
}

CpuModelExpansionInfo *x86_cpu_model_to_value(CpuModelInfo *model,
                                              const char *which,
                                              X86Cpu *value, Error **errp)
{
    ERRP_GUARD();
    g_autoptr(CpuModelExpansionInfo) info =
        qmp_query_cpu_model_expansion(CPU_MODEL_EXPANSION_TYPE_STATIC, model,
                                      errp);

    if (info && info->has_out_of_scope) {
        error_setg(errp, "Under this accelerator or in a confidential guest, "
                   "QEMU does not decide what a guest sees of its CPU");
    }
    if (!*errp) {
        value_from_props(qobject_to(QDict, info->model->props), value);
        check_texts(value, errp);
    }
    if (*errp) {
        error_prepend(errp, "%s: ", which);
        return NULL;
    }
    return g_steal_pointer(&info);
}

void x86_cpu_value_add_features(X86Cpu *value, X86CPU *cpu)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    unsigned i;

    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];
        FeatureWord w = x86_cpu_qemu_word(feature->word);

        if ((cpu->env.features[w] & feature->mask) == feature->mask) {
            value->words[feature->word] |= feature->mask;
        }
    }
}

void x86_cpu_value_set_feature(X86Cpu *value, const char *name, bool on)
{
    const X86CPUFeatureInfo *info = x86_cpu_find_feature(name);
    const X86CpuFeature *feature =
        &x86_cpu_core_tables()->features[info - x86_cpu_features];

    if (on) {
        value->words[feature->word] |= feature->mask;
    } else {
        value->words[feature->word] &= ~feature->mask;
    }
}

CpuModelExpansionInfo *x86_cpu_model_to_comparable(CpuModelInfo *model,
                                                   const char *which,
                                                   X86Cpu *value, Error **errp)
{
    g_autoptr(CpuModelExpansionInfo) info =
        x86_cpu_model_to_value(model, which, value, errp);
    const strList *el;

    for (el = info ? info->omitted_properties : NULL; el; el = el->next) {
        if (!strcmp(el->value, "hv-passthrough")) {
            error_setg(errp, "%s: hv-passthrough turns on what this host has; "
                       "set the hv-* properties that you want instead", which);
            return NULL;
        }
    }
    return g_steal_pointer(&info);
}

QDict *x86_cpu_value_named_props(const X86Cpu *value, const strList *names)
{
    QDict *props = qdict_new();
    const strList *el;
    int i;

    for (el = names; el; el = el->next) {
        if (!strcmp(el->value, "vendor")) {
            qdict_put_str(props, "vendor", value->vendor);
        }
        for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
            if (!strcmp(el->value, x86cpu_property_names[i])) {
                qdict_put_obj(props, el->value, x86_cpu_value_object(value, i));
            }
        }
    }
    return props;
}

/* ---- names ---- */

static void add_name(strList ***tail, bool there, const char *name)
{
    if (there) {
        QAPI_LIST_APPEND(*tail, g_strdup(name));
    }
}

/* By word, in the core's order: programs without a QEMU have the same. */
static void add_feature_names(strList ***tail, const X86CpuNames *names,
                              X86CpuWordId word)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    uint64_t unnamed = names->bits[word];
    unsigned i;

    for (i = 0; unnamed && i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];

        if (feature->word == word) {
            add_name(tail, unnamed & feature->mask, feature->name);
            unnamed &= ~feature->mask;
        }
    }
    for (; unnamed; unnamed &= unnamed - 1) {
        X86CPUFeatureBit fb = { x86_cpu_qemu_word(word), ctz64(unnamed) };

        QAPI_LIST_APPEND(*tail, x86_cpu_feature_name_or_place(fb));
    }
}

strList *x86_cpu_value_names(const X86CpuNames *names)
{
    strList *list = NULL, **tail = &list;
    unsigned i;

    for (i = 0; i < X86CPU_WORD_COUNT; i++) {
        add_feature_names(&tail, names, i);
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        add_name(&tail, names->properties[i], x86cpu_property_names[i]);
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        add_name(&tail, names->caches[i], x86_cpu_cache_property_names[i]);
    }
    add_name(&tail, names->vendor, "vendor");
    add_name(&tail, names->model_id, "model-id");
    add_name(&tail, names->hv_vendor_id, "hv-vendor-id");
    return list;
}
