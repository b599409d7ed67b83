/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules in the table of all CPU models
 *
 * Answers, as part of query-cpu-model-table, for readers without a QEMU: which
 * features and properties are there, what do they need, and what do they
 * raise?
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "qapi/util.h"
#include "qobject/qstring.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/core-words.h"
#include "target/i386/ext/core/baseline.h"
#include "target/i386/ext/cpu-value.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/feature-place.h"
#include "target/i386/ext/model-table.h"

static char *mask_text(uint64_t mask)
{
    return g_strdup_printf("0x%" PRIx64, mask);
}

static CpuModelTableFeature *describe_feature(const X86CpuFeature *f,
                                              const X86CPUFeatureInfo *info)
{
    CpuModelTableFeature *feature = g_new0(CpuModelTableFeature, 1);

    feature->name = g_strdup(f->name);
    feature->mask = mask_text(f->mask);
    feature->polarity = info->polarity;
    feature->has_polarity =
        info->polarity != CPU_FEATURE_POLARITY_CAPABILITY;
    feature->aliases = x86_cpu_other_names(info->aliases);
    feature->has_aliases = feature->aliases;
    if (g_strcmp0(info->libvirt, info->name)) {
        feature->libvirt = g_strdup(info->libvirt ?: "");
    }
    feature->migratable = x86_cpu_feature_is_migratable(info);
    feature->has_migratable = !feature->migratable;
    return feature;
}

static CpuModelTableFeatureList *features_of_word(X86CpuWordId word)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    CpuModelTableFeatureList *list = NULL, **tail = &list;
    unsigned i;

    for (i = 0; i < tables->nfeatures; i++) {
        if (tables->features[i].word == word) {
            QAPI_LIST_APPEND(tail, describe_feature(&tables->features[i],
                                                    &x86_cpu_features[i]));
        }
    }
    return list;
}

static CpuModelTableRegister *register_of_word(X86CpuWordId word)
{
    const FeatureWordInfo *wi = &feature_word_info[x86_cpu_qemu_word(word)];
    g_autoptr(CpuFeaturePlace) place =
        x86_cpu_cpuid_place(wi->cpuid.eax, wi->cpuid.ecx, wi->cpuid.reg, 0);
    CpuModelTableRegister *reg = g_new0(CpuModelTableRegister, 1);

    reg->leaf = place->cpuid->leaf;
    reg->subleaf = place->cpuid->subleaf;
    reg->q_register = place->cpuid->q_register;
    return reg;
}

static void add_words(CpuModelTable *reply)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    CpuModelTableWordList **tail = &reply->words;
    int i;

    for (i = 0; i < X86CPU_WORD_COUNT; i++) {
        CpuModelTableWord *word;

        if (!tables->words[i].present) {
            continue;
        }
        word = g_new0(CpuModelTableWord, 1);
        word->name = g_strdup(x86cpu_word_names[i]);
        if (tables->words[i].msr) {
            word->has_msr = true;
            word->msr = tables->words[i].index;
        } else {
            word->cpuid = register_of_word(i);
        }
        word->features = features_of_word(i);
        QAPI_LIST_APPEND(tail, word);
    }
}

static CpuPropertyClass property_class(X86CpuClass class)
{
    static const CpuPropertyClass classes[] = {
        [X86CPU_CLASS_BIT] = CPU_PROPERTY_CLASS_BIT,
        [X86CPU_CLASS_MINIMUM] = CPU_PROPERTY_CLASS_MINIMUM,
        [X86CPU_CLASS_GUEST_PHYS_BITS] = CPU_PROPERTY_CLASS_GUEST_PHYS_BITS,
        [X86CPU_CLASS_FLAT] = CPU_PROPERTY_CLASS_FLAT,
        [X86CPU_CLASS_GATE] = CPU_PROPERTY_CLASS_GATE,
        [X86CPU_CLASS_IDENTITY] = CPU_PROPERTY_CLASS_IDENTITY,
        [X86CPU_CLASS_STREAM] = CPU_PROPERTY_CLASS_STREAM,
        [X86CPU_CLASS_HV_VALUES] = CPU_PROPERTY_CLASS_HV_VALUES,
        [X86CPU_CLASS_RESOLVED] = CPU_PROPERTY_CLASS_RESOLVED,
        [X86CPU_CLASS_PERMISSIVE] = CPU_PROPERTY_CLASS_PERMISSIVE,
    };

    assert(class != X86CPU_CLASS_NONE);
    return classes[class];
}

/* Takes over @value, which may be NULL. */
static void add_property(CpuModelTablePropertyList ***tail, const char *name,
                         X86CpuClass class, const char *type, QObject *value)
{
    CpuModelTableProperty *property = g_new0(CpuModelTableProperty, 1);

    property->name = g_strdup(name);
    property->q_class = property_class(class);
    property->type = g_strdup(type);
    property->q_default = value;
    QAPI_LIST_APPEND(*tail, property);
}

static void add_properties(CpuModelTable *reply)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    ObjectClass *oc = object_class_by_name(TYPE_X86_CPU);
    CpuModelTablePropertyList **tail = &reply->properties;
    X86Cpu root;
    int i;

    x86_cpu_table_put_root(&root);
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        QObject *value;
        const char *type;

        if (!object_class_property_find(oc, x86cpu_property_names[i])) {
            continue;           /* not of this line */
        }
        value = x86_cpu_value_object(&root, i);
        type = qobject_type(value) == QTYPE_QBOOL ? "bool" :
               qobject_type(value) == QTYPE_QSTRING ? "on-off" : "int";
        if (!root.values[i]) {
            qobject_unref(value);
            value = NULL;
        }
        add_property(&tail, x86cpu_property_names[i],
                     tables->properties[i].class, type, value);
    }
    add_property(&tail, "vendor", X86CPU_CLASS_FLAT, "str", NULL);
    add_property(&tail, "model-id", X86CPU_CLASS_IDENTITY, "str", NULL);
    add_property(&tail, "hv-vendor-id", X86CPU_CLASS_HV_VALUES, "str",
                 QOBJECT(qstring_from_str(root.hv_vendor_id)));
    for (i = 0; i < X86CPU_CACHES; i++) {
        add_property(&tail, x86_cpu_cache_property_names[i],
                     X86CPU_CLASS_IDENTITY, "str", NULL);
    }
}

static void add_dependencies(CpuModelTable *reply)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    CpuModelTableDependencyList **tail = &reply->dependencies;
    CpuModelTablePropertyDependencyList **property_tail =
        &reply->property_dependencies;
    size_t i;

    for (i = 0; i < tables->ndependencies; i++) {
        const X86CpuDependency *row = &tables->dependencies[i];
        CpuModelTableDependency *dep = g_new0(CpuModelTableDependency, 1);

        dep->word = g_strdup(x86cpu_word_names[row->to]);
        dep->mask = mask_text(row->to_mask);
        dep->needs_word = g_strdup(x86cpu_word_names[row->from]);
        dep->needs_mask = mask_text(row->from_mask);
        QAPI_LIST_APPEND(tail, dep);
    }
    for (i = 0; i < x86cpu_hyperv_dependency_count; i++) {
        const X86CpuPropertyDependency *row = &x86cpu_hyperv_dependencies[i];
        CpuModelTablePropertyDependency *dep =
            g_new0(CpuModelTablePropertyDependency, 1);

        dep->property = g_strdup(x86cpu_property_names[row->property]);
        dep->needs = g_strdup(x86cpu_property_names[row->needs]);
        QAPI_LIST_APPEND(property_tail, dep);
    }
}

static strList *one_name(const char *name, strList *next)
{
    strList *list = next;

    QAPI_LIST_PREPEND(list, g_strdup(name));
    return list;
}

static void add_conflicts(CpuModelTable *reply)
{
    if (X86_CPU_EXCLUDED_BY_MPX) {
        CpuModelTableConflict *conflict = g_new0(CpuModelTableConflict, 1);

        conflict->features = one_name("mpx", one_name("apxf", NULL));
        QAPI_LIST_PREPEND(reply->conflicts, conflict);
    }
}

static void add_level_rules(CpuModelTable *reply)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    CpuModelTableLevelRuleList **tail = &reply->level_rules;
    size_t i;
    int j;

    for (i = 0; i < x86cpu_level_rule_count; i++) {
        const X86CpuLevelRule *row = &x86cpu_level_rules[i];
        const X86CpuWord *w = &tables->words[row->word];
        CpuModelTableLevelRule *rule;

        if (!w->present) {
            continue;
        }
        rule = g_new0(CpuModelTableLevelRule, 1);
        rule->word = g_strdup(x86cpu_word_names[row->word]);
        rule->mask = row->mask ? mask_text(row->mask) : NULL;
        rule->leaf = row->leaf ?: w->index;
        rule->has_subleaf = !row->leaf && w->index == 7;
        rule->subleaf = w->subleaf;
        for (j = ARRAY_SIZE(row->properties); j-- > 0;) {
            if (row->properties[j] != X86CPU_PROPERTY_COUNT) {
                rule->properties =
                    one_name(x86cpu_property_names[row->properties[j]],
                             rule->properties);
            }
        }
        QAPI_LIST_APPEND(tail, rule);
    }
}

static void add_xsave_components(CpuModelTable *reply)
{
    CpuModelTableXsaveComponentList **tail = &reply->xsave_components;
    int i;

    for (i = 0; i < XSAVE_STATE_AREA_COUNT; i++) {
        CpuModelTableXsaveComponent *component;
        strList *needs = NULL;
        int n;

        for (n = 0; n < X86_XSAVE_FEATURES; n++) {
            x86_cpu_add_feature_names(&needs, x86_xsave_feature_word(i, n),
                                      x86_xsave_feature_mask(i, n));
        }
        if (needs) {
            component = g_new0(CpuModelTableXsaveComponent, 1);
            component->component = i;
            component->needs = needs;
            QAPI_LIST_APPEND(tail, component);
        }
    }
}

static void add_cache_descriptors(CpuModelTable *reply)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    CpuModelTableCacheDescriptorList **tail = &reply->cache_descriptors;
    size_t i;

    for (i = 0; i < tables->ndescriptors; i++) {
        const X86CpuCacheDescriptor *d = &tables->descriptors[i];
        CpuModelTableCacheDescriptor *row;

        /* Codes without a cache are empty rows of cpu.c's table. */
        if (!d->size) {
            continue;
        }
        row = g_new0(CpuModelTableCacheDescriptor, 1);
        row->code = d->code;
        row->level = d->level;
        row->type = g_strdup(d->type == 'd' ? "data" :
                             d->type == 'i' ? "instruction" : "unified");
        row->size = d->size;
        row->ways = d->ways;
        row->line = d->line;
        QAPI_LIST_APPEND(tail, row);
    }
}

void x86_cpu_table_add_rules(CpuModelTable *reply)
{
    add_words(reply);
    add_properties(reply);
    add_dependencies(reply);
    add_conflicts(reply);
    add_level_rules(reply);
    add_xsave_components(reply);
    add_cache_descriptors(reply);
}
