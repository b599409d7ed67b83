/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPU definitions in the generator of the static CPU tables
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "../core/filter.h"
#include "../near-names.h"
#include "gen-cpu-definition.h"
#include "gen-cpu-names.h"

typedef struct Number {
    const char *key;
    X86CpuPropertyId id;
    uint64_t min, max;
} Number;

/*
 * Family, model and stepping are limited by CPUID leaf 1 (SDM vol. 2A);
 * levels are minimums, as for upstream's models.
 */
static const Number cpu_numbers[] = {
    { "family", X86CPU_FAMILY, 0, 0xff + 0xf },
    { "model", X86CPU_MODEL, 0, 0xff },
    { "stepping", X86CPU_STEPPING, 0, 0xf },
    { "level", X86CPU_MIN_LEVEL, 1, 0xff },
    { "xlevel", X86CPU_MIN_XLEVEL, 0x80000000, 0x800000ff },
    { "avx10-version", X86CPU_AVX10_VERSION, 0, 0xff },
};

enum { NUMBERS = ARRAY_SIZE(cpu_numbers) };

static const char *const cache_keys[X86CPU_CACHES] = {
    "l1d", "l1i", "l2", "l3"
};

const char *const cache_members[X86CPU_CACHES] = {
    "l1d_cache", "l1i_cache", "l2_cache", "l3_cache",
};
const char *const cache_number_fields[X86CPU_CACHE_NUMBERS] = {
    [X86CPU_CACHE_LINE] = "line_size",
    [X86CPU_CACHE_WAYS] = "associativity",
    [X86CPU_CACHE_PARTITIONS] = "partitions",
    [X86CPU_CACHE_SETS] = "sets",
    [X86CPU_CACHE_TAG_LINES] = "lines_per_tag",
};
const char *const cache_flag_fields[X86CPU_CACHE_FLAGS] = {
    [X86CPU_CACHE_SELF_INIT] = "self_init",
    [X86CPU_CACHE_NO_INVD_SHARING] = "no_invd_sharing",
    [X86CPU_CACHE_INCLUSIVE] = "inclusive",
    [X86CPU_CACHE_COMPLEX_INDEXING] = "complex_indexing",
};

int find_key(const char *key, const char *const *keys, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        if (!strcmp(key, keys[i])) {
            return i;
        }
    }
    return -1;
}

int find_number(const char *key)
{
    int i;

    for (i = 0; i < NUMBERS; i++) {
        if (!strcmp(key, cpu_numbers[i].key)) {
            return cpu_numbers[i].id;
        }
    }
    return -1;
}

/* NULL if property @id has no key of its own in tables */
static const Number *number_of_property(X86CpuPropertyId id)
{
    int i;

    for (i = 0; i < NUMBERS; i++) {
        if (cpu_numbers[i].id == id) {
            return &cpu_numbers[i];
        }
    }
    return NULL;
}

const char *cache_property(int index)
{
    static const char *const properties[X86CPU_CACHES] = {
        "l1d-cache-info", "l1i-cache-info", "l2-cache-info", "l3-cache-info",
    };

    return properties[index];
}

/* ---- caches ---- */

const char *format_cache(const X86CpuCache *cache)
{
    static char text[X86CPU_CACHE_TEXT];

    if (!cache->size) {
        return "not set";
    }
    x86cpu_cache_format(cache, text);
    return text;
}

/* l1d 32K:line=64:ways=8:sets=64:share=core, as in property l1d-cache-info */
static void read_cache(Setting *setting, char *value, bool released)
{
    char *which = cut(&value), *text = cut(&value);
    char error[X86CPU_CACHE_ERROR];

    int index = which ? find_key(which, cache_keys, X86CPU_CACHES) : -1;

    setting->set.kind = X86CPU_SET_CACHE;
    setting->set.index = index;
    if (index < 0 || !text || cut(&value)) {
        complain(setting->place, "'cache' is l1d, l1i, l2 or l3, and "
                 "SIZE:line=N:ways=N:sets=N:share=core and so on, without "
                 "spaces, as in the property l1d-cache-info");
    } else if (!x86cpu_cache_parse(&setting->set.cache, index, text,
                                   released ? X86CPU_CACHE_CHECK_NONE
                                            : X86CPU_CACHE_CHECK_ALL,
                                   error)) {
        complain(setting->place, "cache %s: %s", which, error);
    }
}

/* ---- settings ---- */

static Setting *add_setting(Settings *settings, Place place)
{
    Setting *setting;

    settings->items = grow(settings->items, settings->count,
                           sizeof(*settings->items));
    setting = &settings->items[settings->count++];
    setting->place = place;
    return setting;
}

/* The key of a setting, as written in tables */
static const char *setting_name(const Setting *setting)
{
    const Number *number;

    switch (setting->set.kind) {
    case X86CPU_SET_ON:
    case X86CPU_SET_OFF:
        return setting->feature < 0 ? words[setting->set.index].name
                                    : features[setting->feature].name;
    case X86CPU_SET_PROPERTY:
        number = number_of_property(setting->set.index);
        return number ? number->key
                      : x86cpu_property_names[setting->set.index];
    case X86CPU_SET_VENDOR:
        return "vendor";
    case X86CPU_SET_MODEL_ID:
        return "model-id";
    default:
        return cache_keys[setting->set.index];
    }
}

static bool sets_bits(const Setting *setting)
{
    return setting->set.kind == X86CPU_SET_ON ||
           setting->set.kind == X86CPU_SET_OFF;
}

bool same_thing(const Setting *a, const Setting *b)
{
    if (sets_bits(a) || sets_bits(b)) {
        return sets_bits(a) && sets_bits(b) && a->feature == b->feature &&
               a->set.index == b->set.index;
    }
    return a->set.kind == b->set.kind && a->set.index == b->set.index;
}

/* The last of @settings must not duplicate an earlier one. */
static void check_duplicate(Settings *settings)
{
    const Setting *last = &settings->items[settings->count - 1];
    size_t i;

    for (i = 0; i + 1 < settings->count; i++) {
        if (same_thing(&settings->items[i], last)) {
            complain(last->place, "'%s' again; it is in line %d already",
                     setting_name(last), settings->items[i].place.line);
            settings->count--;
            return;
        }
    }
}

/* Whether only accelerators turn on features of this word */
static bool is_accelerators(const Word *word)
{
    return !word->msr && word->number >= 0x40000000 &&
           word->number < 0x80000000;
}

static void set_feature(Setting *setting, const Feature *feature, bool on)
{
    setting->set.kind = on ? X86CPU_SET_ON : X86CPU_SET_OFF;
    setting->set.index = feature->word;
    setting->set.value = feature->mask;
    setting->feature = feature - features;
}

static void read_features_line(Settings *settings, Place place, bool on,
                               char *value, bool released)
{
    const char *name = cut(&value);

    if (!name) {
        complain(place, "'%s' without a feature", on ? "on" : "off");
    }
    for (; name; name = cut(&value)) {
        Feature *feature = released ? find_feature_or_alias(name)
                                    : find_feature(name);

        if (!feature) {
            complain_unknown_feature(place, name);
            continue;
        }
        if (!released && (!strcmp(name, "hypervisor") ||
                          is_accelerators(&words[feature->word]))) {
            complain(place, "'%s' is not for models: QEMU sets it in all of "
                     "them", name);
            continue;
        }
        set_feature(add_setting(settings, place), feature, on);
        check_duplicate(settings);
    }
}

static void read_number(Settings *settings, Place place, X86CpuPropertyId id,
                        const char *value, bool released)
{
    const Number *number = number_of_property(id);
    uint64_t max = id == X86CPU_AVX10_VERSION && newest_avx10 ? newest_avx10
                                                              : number->max;
    Setting *setting = add_setting(settings, place);

    setting->set.kind = X86CPU_SET_PROPERTY;
    setting->set.index = id;
    if (!parse_whole_number(value, &setting->set.value) ||
        (!released && (setting->set.value < number->min ||
                       setting->set.value > max))) {
        complain(place, "%s '%s' is not a number from %" PRIu64 " to "
                 "%" PRIu64, number->key, value, number->min, max);
        /* A value that passes the other checks */
        setting->set.value = max;
    }
    check_duplicate(settings);
}

/* 'TEXT' may begin or end with a space. */
static void read_text(Settings *settings, Place place, X86CpuSettingKind kind,
                      const char *key, const char *value)
{
    Setting *setting = add_setting(settings, place);
    size_t length = strlen(value);

    if (length > 1 && *value == '\'' && value[length - 1] == '\'') {
        value++;
        length -= 2;
    }
    setting->set.kind = kind;
    setting->set.text = copy_text(value, length);
    if (kind == X86CPU_SET_VENDOR ? length != 12 : length < 1 || length > 48) {
        complain(place, "%s '%s' has %zu characters; it must have %s", key,
                 setting->set.text, length,
                 kind == X86CPU_SET_VENDOR ? "12" : "1 to 48");
        setting->set.text = "";
    }
    check_duplicate(settings);
}

static void complain_unknown_property(Place place, const char *name)
{
    char text[X86_CPU_NEAR_NAMES_SIZE];
    NearNames near = { };
    size_t i;

    if (find_feature_or_alias(name)) {
        complain(place, "'%s' is a feature; write 'on %s' or 'off %s'", name,
                 name, name);
        return;
    }
    for (i = 0; i < nqdev_props; i++) {
        x86_cpu_near_names_add(&near, name,
                               x86cpu_property_names[qdev_props[i].id]);
    }
    x86_cpu_near_names_print(&near, text);
    complain(place, "'%s' is not a property of this QEMU that is on or off or "
             "a number, and that a CPU model can set%s", name, text);
}

static void read_set(Settings *settings, Place place, char *value)
{
    const char *name = cut(&value), *text = cut(&value);
    const QdevProperty *prop = name ? find_qdev_prop(name) : NULL;
    Setting *setting;

    if (!text || cut(&value)) {
        complain(place, "'set' is a property and its value");
        return;
    }
    if (!prop) {
        complain_unknown_property(place, name);
        return;
    }
    setting = add_setting(settings, place);
    setting->set.kind = X86CPU_SET_PROPERTY;
    setting->set.index = prop->id;
    if (!prop->max && (!strcmp(text, "on") || !strcmp(text, "off"))) {
        setting->set.value = !strcmp(text, "on");
    } else if (!prop->max) {
        complain(place, "'%s' is on or off, not '%s'", name, text);
    } else if (!parse_whole_number(text, &setting->set.value) ||
               setting->set.value > prop->max) {
        complain(place, "%s '%s' is not a number up to %" PRIu64, name, text,
                 prop->max);
    }
    check_duplicate(settings);
}

/* Bits of word @word without a property; upstream's models have some. */
static uint64_t unnamed_bits(int word, uint64_t bits)
{
    int i;

    for (i = 0; i < nfeatures; i++) {
        if (features[i].word == word) {
            bits &= ~features[i].mask;
        }
    }
    return bits;
}

/*
 * bits FEAT_VMX_EPT_VPID_CAPS 0x4000: for lock files.  A newer QEMU may have
 * a name for them.
 */
static void read_bits(Settings *settings, Place place, char *value)
{
    const char *word = cut(&value), *bits = cut(&value);
    Setting setting = { .place = place, .feature = -1 };
    int index = word ? find_word(word) : -1;

    setting.set.kind = X86CPU_SET_ON;
    setting.set.index = index;
    if (!bits || cut(&value) || index < 0 ||
        !parse_whole_number(bits, &setting.set.value)) {
        complain(place, "'bits' is a feature word and the value of bits in "
                 "it");
        return;
    }
    *add_setting(settings, place) = setting;
    check_duplicate(settings);
}

bool read_setting(Settings *settings, Place place, const char *key,
                  char *value, bool released)
{
    int number = find_number(key);

    if (!strcmp(key, "on") || !strcmp(key, "off")) {
        read_features_line(settings, place, !strcmp(key, "on"), value,
                           released);
    } else if (!strcmp(key, "vendor")) {
        read_text(settings, place, X86CPU_SET_VENDOR, key, value);
    } else if (!strcmp(key, "model-id")) {
        read_text(settings, place, X86CPU_SET_MODEL_ID, key, value);
    } else if (!strcmp(key, "cache")) {
        unsigned before = complaints();

        read_cache(add_setting(settings, place), value, released);
        if (complaints() > before) {
            settings->count--;
        } else {
            check_duplicate(settings);
        }
    } else if (!strcmp(key, "set")) {
        read_set(settings, place, value);
    } else if (!strcmp(key, "bits") && released) {
        read_bits(settings, place, value);
    } else if (number >= 0) {
        read_number(settings, place, number, value, released);
    } else {
        return false;
    }
    return true;
}

void apply_settings(X86Cpu *cpu, const Settings *settings, bool strict)
{
    size_t i;

    for (i = 0; i < settings->count; i++) {
        const Setting *setting = &settings->items[i];

        if (!x86cpu_apply(cpu, &setting->set) && strict) {
            complain(setting->place, "'%s' changes nothing; remove it",
                     setting_name(setting));
        }
    }
}

bool apply_property(X86Cpu *cpu, const char *name, const char *value)
{
    const Feature *feature = find_feature_or_alias(name);
    const QdevProperty *prop = find_qdev_prop(name);
    Setting setting = { };
    int id = find_number(name);

    if (feature) {
        set_feature(&setting, feature, strcmp(value, "off"));
    } else if (!strcmp(name, "model-id") && strlen(value) <= 48) {
        setting.set.kind = X86CPU_SET_MODEL_ID;
        setting.set.text = value;
    } else {
        id = id >= 0 ? id : find_core_property(name);
        if (id < 0 || !(prop || number_of_property(id))) {
            return false;
        }
        setting.set.kind = X86CPU_SET_PROPERTY;
        setting.set.index = id;
        if (prop && !prop->max) {
            setting.set.value = !strcmp(value, "on");
        } else if (!parse_whole_number(value, &setting.set.value)) {
            return false;
        }
    }
    x86cpu_apply(cpu, &setting.set);
    if (setting.set.kind == X86CPU_SET_PROPERTY &&
        setting.set.index == X86CPU_AVX10_VERSION) {
        apply_avx10_version(cpu);
    }
    return true;
}

void apply_avx10_version(X86Cpu *cpu)
{
    int i;

    for (i = 0; i < MAX_WORDS; i++) {
        cpu->words[i] |= avx10_bits(cpu->values[X86CPU_AVX10_VERSION], i);
    }
}

/* ---- checks ---- */

static const char *name_of(int word, uint64_t mask, char *buffer, size_t size)
{
    int i;

    for (i = 0; i < nfeatures; i++) {
        if (features[i].word == word && (features[i].mask & mask)) {
            return features[i].name;
        }
    }
    snprintf(buffer, size, "%s bits 0x%" PRIx64, words[word].name, mask);
    return buffer;
}

/* Whether @feature is on, but @needed isn't */
static bool is_unmet(const X86Cpu *cpu, const Feature *feature,
                     const Feature *needed)
{
    return (cpu->words[feature->word] & feature->mask) &&
           !(cpu->words[needed->word] & needed->mask);
}

static void check_needs(Place place, const char *name, const X86Cpu *cpu,
                        const X86Cpu *base, const X86Cpu *checked)
{
    int i, j;

    for (i = 0; i < nfeatures; i++) {
        const Feature *feature = &features[i];

        for (j = 0; j < feature->nneeds; j++) {
            const Feature *needed = &features[feature->needs[j]];

            if (is_unmet(cpu, feature, needed) &&
                !(base && is_unmet(base, feature, needed)) &&
                !(checked && is_unmet(checked, feature, needed))) {
                complain(place, "%s: '%s' needs '%s', which is not on", name,
                         feature->name, needed->name);
            }
        }
    }
}

/* What a CPU is checked for: its problems, except those others have, too */
typedef struct Check {
    Place place;
    const char *name;
    const X86Cpu *cpu, *base, *checked;
} Check;

static bool is_known(const Check *check, const X86CpuProblem *problem)
{
    const X86CpuTables *tables = core_tables();

    return (check->base &&
            x86cpu_has_problem(tables, check->base, problem)) ||
           (check->checked &&
            x86cpu_has_problem(tables, check->checked, problem));
}

static void complain_unmet(const Check *check, const X86CpuProblem *problem)
{
    char to[96], from[96];

    if (!is_known(check, problem)) {
        complain(check->place, "%s: '%s' needs '%s', which is not on",
                 check->name,
                 name_of(problem->word, problem->mask, to, sizeof(to)),
                 name_of(problem->needs, problem->needs_mask, from,
                         sizeof(from)));
    }
}

static void complain_hidden(const Check *check, const X86CpuProblem *problem)
{
    const Word *word = &words[problem->word];
    bool basic = word->number < 0x80000000;
    int i;

    for (i = 0; i < nfeatures; i++) {
        X86CpuProblem one = *problem;

        one.mask &= features[i].mask;
        if (features[i].word == (int)problem->word && one.mask &&
            !is_known(check, &one)) {
            complain(check->place, "%s: '%s' is in CPUID leaf 0x%" PRIx32
                     ", above %s 0x%" PRIx64, check->name, features[i].name,
                     word->number, basic ? "level" : "xlevel",
                     check->cpu->values[basic ? X86CPU_MIN_LEVEL
                                              : X86CPU_MIN_XLEVEL]);
        }
    }
}

static void complain_of_problem(const X86CpuProblem *problem, void *opaque)
{
    if (problem->kind == X86CPU_UNMET_DEPENDENCY) {
        complain_unmet(opaque, problem);
    } else {
        complain_hidden(opaque, problem);
    }
}

/* The caches that @cpu has, as bits */
static unsigned caches_of(const X86Cpu *cpu)
{
    unsigned found = 0;
    int i;

    for (i = 0; i < X86CPU_CACHES; i++) {
        found |= cpu->caches[i].size ? 1u << i : 0;
    }
    return found;
}

/* Checks that mandatory keys are set. */
static void check_complete(Place place, const char *name, const X86Cpu *cpu)
{
    int i;

    if (!cpu->vendor[0]) {
        complain(place, "%s: 'vendor' is missing", name);
    }
    if (!cpu->model_id[0]) {
        complain(place, "%s: 'model-id' is missing", name);
    }
    for (i = 0; i < NUMBERS; i++) {
        X86CpuPropertyId id = cpu_numbers[i].id;

        if (!cpu->given[id] && id != X86CPU_AVX10_VERSION) {
            complain(place, "%s: '%s' is missing", name, cpu_numbers[i].key);
        }
    }
}

/* Models are announced as safe to migrate. */
static void check_migratable(const Check *check)
{
    int i;

    for (i = 0; i < nfeatures; i++) {
        const Feature *feature = &features[i];
        int w = feature->word;
        uint64_t bits = check->cpu->words[w] & feature->mask &
                        words[w].unmigratable;

        bits &= check->base ? ~check->base->words[w] : ~0ull;
        bits &= check->checked ? ~check->checked->words[w] : ~0ull;
        if (bits) {
            complain(check->place, "%s: guests with '%s' can't migrate, but "
                     "those of CPU models must; leave it to '-cpu "
                     "MODEL,%s=on'", check->name, feature->name,
                     feature->name);
        }
    }
}

enum { PHYS_BITS_TEXT = 128 };

/* Why QEMU refuses the widths of addresses of @cpu, or NULL */
static const char *phys_bits_error(const X86Cpu *cpu,
                                   char text[PHYS_BITS_TEXT])
{
    uint64_t own = cpu->values[X86CPU_PHYS_BITS];
    uint64_t guest_bits = cpu->values[X86CPU_GUEST_PHYS_BITS];
    uint64_t bits = own ? own
                    : cpu->values[X86CPU_HOST_PHYS_BITS] ? X86CPU_MAX_PHYS_BITS
                    : X86CPU_DEFAULT_PHYS_BITS;
    X86Cpu resolved = *cpu;

    /* Only what gives guest bits gets a width: any width needs lm. */
    if (guest_bits && guest_bits != X86CPU_AUTOMATIC_PHYS_BITS) {
        resolved.values[X86CPU_PHYS_BITS] = bits;
    }
    switch (x86cpu_phys_bits_error(&resolved)) {
    case X86CPU_ERROR_PHYS_BITS_WITHOUT_LM:
    case X86CPU_ERROR_GUEST_PHYS_BITS_WITHOUT_LM:
        snprintf(text, PHYS_BITS_TEXT, "'%s' needs 'lm', which is not on",
                 own ? "phys-bits" : "guest-phys-bits");
        return text;
    case X86CPU_ERROR_PHYS_BITS:
        snprintf(text, PHYS_BITS_TEXT, "phys-bits %" PRIu64 " is not from %d "
                 "to %d", own, X86CPU_MIN_PHYS_BITS, X86CPU_MAX_PHYS_BITS);
        return text;
    case X86CPU_ERROR_GUEST_PHYS_BITS:
        snprintf(text, PHYS_BITS_TEXT, "guest-phys-bits %" PRIu64 " is not "
                 "from %d to %" PRIu64 "%s", guest_bits, X86CPU_MIN_PHYS_BITS,
                 bits, own ? ", which is phys-bits" : "");
        return text;
    default:
        return NULL;
    }
}

/* Whether @cpu (or NULL) has this very error, too */
static bool has_phys_bits_error(const X86Cpu *cpu, const char *error)
{
    char text[PHYS_BITS_TEXT];
    const char *own = cpu ? phys_bits_error(cpu, text) : NULL;

    return own && !strcmp(own, error);
}

static void check_phys_bits(const Check *check)
{
    char text[PHYS_BITS_TEXT];
    const char *error = phys_bits_error(check->cpu, text);

    if (error && !has_phys_bits_error(check->base, error) &&
        !has_phys_bits_error(check->checked, error)) {
        complain(check->place, "%s: %s", check->name, error);
    }
}

void check_cpu(Place place, const char *name, const X86Cpu *cpu,
               const X86Cpu *base, const X86Cpu *checked)
{
    Check check = { place, name, cpu, base, checked };
    unsigned caches = caches_of(cpu);
    int i;

    if (!checked) {
        check_complete(place, name, cpu);
    }
    for (i = 0; i < X86CPU_CACHES && caches; i++) {
        if (!(caches & 1u << i) && !(checked && caches_of(checked) == caches)) {
            complain(place, "%s: cache %s is missing: a CPU has all of l1d, "
                     "l1i, l2 and l3, or none of its own", name,
                     cache_keys[i]);
        }
    }
    x86cpu_check(core_tables(), cpu, complain_of_problem, &check);
    check_needs(place, name, cpu, base, checked);
    check_migratable(&check);
    check_phys_bits(&check);
}

static const char *on_or_off(uint64_t word, uint64_t mask)
{
    return (word & mask) == mask ? "on" : word & mask ? "on in part" : "off";
}

enum { QDEV_PROP_TEXT = 32 };

static const char *format_qdev_prop(const X86Cpu *cpu, const QdevProperty *prop,
                                    char buffer[QDEV_PROP_TEXT])
{
    if (!cpu->given[prop->id]) {
        return "not set";
    }
    if (!prop->max) {
        return cpu->values[prop->id] ? "on" : "off";
    }
    snprintf(buffer, QDEV_PROP_TEXT, "%" PRIu64, cpu->values[prop->id]);
    return buffer;
}

bool same_cpu(Place place, const char *name, const X86Cpu *was,
              const X86Cpu *is)
{
    unsigned before = complaints();
    size_t k;
    int i;

    if (strcmp(was->vendor, is->vendor)) {
        complain(place, "%s is released: vendor was '%s', would be '%s'",
                 name, was->vendor, is->vendor);
    }
    if (strcmp(was->model_id, is->model_id)) {
        complain(place, "%s is released: model-id was '%s', would be '%s'",
                 name, was->model_id, is->model_id);
    }
    for (i = 0; i < NUMBERS; i++) {
        X86CpuPropertyId id = cpu_numbers[i].id;

        if (was->values[id] != is->values[id]) {
            complain(place, "%s is released: %s was %" PRIu64 ", would be "
                     "%" PRIu64, name, cpu_numbers[i].key, was->values[id],
                     is->values[id]);
        }
    }
    for (i = 0; i < nfeatures; i++) {
        uint64_t mask = features[i].mask;
        int w = features[i].word;

        if ((was->words[w] ^ is->words[w]) & mask) {
            complain(place, "%s is released: '%s' was %s, would be %s", name,
                     features[i].name, on_or_off(was->words[w], mask),
                     on_or_off(is->words[w], mask));
        }
    }
    for (i = 0; i < MAX_WORDS; i++) {
        uint64_t old = unnamed_bits(i, was->words[i]);
        uint64_t new = unnamed_bits(i, is->words[i]);

        if (old != new) {
            complain(place, "%s is released: bits of %s were 0x%" PRIx64
                     ", would be 0x%" PRIx64, name, words[i].name, old, new);
        }
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        if (!x86cpu_same_cache(&was->caches[i], &is->caches[i])) {
            char old[X86CPU_CACHE_TEXT];

            strcpy(old, format_cache(&was->caches[i]));
            complain(place, "%s is released: cache %s was %s, would be %s",
                     name, cache_keys[i], old, format_cache(&is->caches[i]));
        }
    }
    for (k = 0; k < nqdev_props; k++) {
        const QdevProperty *prop = &qdev_props[k];

        if (was->given[prop->id] != is->given[prop->id] ||
            was->values[prop->id] != is->values[prop->id]) {
            char old[QDEV_PROP_TEXT], new[QDEV_PROP_TEXT];

            complain(place, "%s is released: '%s' was %s, would be %s", name,
                     x86cpu_property_names[prop->id],
                     format_qdev_prop(was, prop, old),
                     format_qdev_prop(is, prop, new));
        }
    }
    return complaints() == before;
}

/* ---- output ---- */

/* "    on        a b c", wrapped to fit a terminal */
static void print_words(const char *key, const char *const *names, int count)
{
    int i, column = 0;

    for (i = 0; i < count; i++) {
        if (column + strlen(names[i]) + 1 > 78) {
            putchar('\n');
            column = 0;
        }
        if (!column) {
            column = printf("    %-9s", key);
        }
        column += printf(" %s", names[i]);
    }
    if (count) {
        putchar('\n');
    }
}

/* In the syntax of read_text() */
static void print_text(const char *key, const char *text)
{
    size_t length = strlen(text);
    bool plain = *text != ' ' && *text != '\'' && text[length - 1] != ' ';

    printf(plain ? "    %-9s %s\n" : "    %-9s '%s'\n", key, text);
}

static void print_qdev_prop(const QdevProperty *prop, uint64_t value)
{
    const char *name = x86cpu_property_names[prop->id];

    if (prop->max) {
        printf("    %-9s %s %" PRIu64 "\n", "set", name, value);
    } else {
        printf("    %-9s %s %s\n", "set", name, value ? "on" : "off");
    }
}

static void print_number(const Number *number, uint64_t value)
{
    printf(number->id == X86CPU_MIN_XLEVEL ? "    %-9s 0x%" PRIx64 "\n"
                                           : "    %-9s %" PRIu64 "\n",
           number->key, value);
}

static void print_bits(int word, uint64_t bits)
{
    printf("    %-9s %s 0x%" PRIx64 "\n", "bits", words[word].name, bits);
}

void print_cpu(const X86Cpu *cpu)
{
    const char *names[MAX_FEATURES];
    int i, w, count;
    size_t k;

    print_text("vendor", cpu->vendor);
    for (i = 0; i < NUMBERS; i++) {
        if (cpu->given[cpu_numbers[i].id]) {
            print_number(&cpu_numbers[i], cpu->values[cpu_numbers[i].id]);
        }
    }
    print_text("model-id", cpu->model_id);
    for (w = 0; w < MAX_WORDS; w++) {
        uint64_t rest = cpu->words[w];

        for (i = count = 0; i < nfeatures; i++) {
            uint64_t mask = features[i].mask;

            if (features[i].word == w && (cpu->words[w] & mask) == mask) {
                names[count++] = features[i].name;
                rest &= ~mask;
            }
        }
        print_words("on", names, count);
        if (rest) {
            print_bits(w, rest);
        }
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        if (cpu->caches[i].size) {
            printf("    %-9s %s %s\n", "cache", cache_keys[i],
                   format_cache(&cpu->caches[i]));
        }
    }
    for (k = 0; k < nqdev_props; k++) {
        if (cpu->given[qdev_props[k].id]) {
            print_qdev_prop(&qdev_props[k], cpu->values[qdev_props[k].id]);
        }
    }
}

static void print_property(X86CpuPropertyId id, uint64_t value)
{
    const Number *number = number_of_property(id);

    if (number) {
        print_number(number, value);
    } else {
        print_qdev_prop(find_qdev_prop(x86cpu_property_names[id]), value);
    }
}

void print_settings(const Settings *settings)
{
    const char *name;
    size_t i;

    for (i = 0; i < settings->count; i++) {
        const Setting *setting = &settings->items[i];

        switch (setting->set.kind) {
        case X86CPU_SET_ON:
        case X86CPU_SET_OFF:
            if (setting->feature >= 0) {        /* else only in lock files */
                name = features[setting->feature].name;
                print_words(setting->set.kind == X86CPU_SET_ON ? "on" : "off",
                            &name, 1);
            }
            break;
        case X86CPU_SET_PROPERTY:
            print_property(setting->set.index, setting->set.value);
            break;
        case X86CPU_SET_VENDOR:
        case X86CPU_SET_MODEL_ID:
            print_text(setting_name(setting), setting->set.text);
            break;
        case X86CPU_SET_CACHE:
            printf("    %-9s %s %s\n", "cache", setting_name(setting),
                   format_cache(&setting->set.cache));
            break;
        }
    }
}
