/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPU definitions in the generator of the static CPU tables
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "gen-cpu-definition.h"
#include "gen-cpu-names.h"

typedef struct Number {
    const char *key;
    const char *property;
    uint64_t min, max;
} Number;

/*
 * Family, model and stepping are limited by CPUID leaf 1 (SDM vol. 2A);
 * levels are minimums, as for upstream's models.
 */
static const Number cpu_numbers[NUMBERS] = {
    [FAMILY] = { "family", "family", 0, 0xff + 0xf },
    [MODEL] = { "model", "model", 0, 0xff },
    [STEPPING] = { "stepping", "stepping", 0, 0xf },
    [LEVEL] = { "level", "min-level", 1, 0xff },
    [XLEVEL] = { "xlevel", "min-xlevel", 0x80000000, 0x800000ff },
    [AVX10_VERSION] = { "avx10-version", "avx10-version", 0, 0xff },
};

static const char *const cache_keys[CACHES] = { "l1d", "l1i", "l2", "l3" };

const char *const cache_members[CACHES] = {
    "l1d_cache", "l1i_cache", "l2_cache", "l3_cache",
};
const char *const cache_number_fields[CACHE_NUMBERS] = {
    [CACHE_LINE] = "line_size",
    [CACHE_WAYS] = "associativity",
    [CACHE_PARTITIONS] = "partitions",
    [CACHE_SETS] = "sets",
    [CACHE_TAG_LINES] = "lines_per_tag",
};
const char *const cache_flag_fields[CACHE_FLAGS] = {
    [CACHE_SELF_INIT] = "self_init",
    [CACHE_NO_INVD_SHARING] = "no_invd_sharing",
    [CACHE_INCLUSIVE] = "inclusive",
    [CACHE_COMPLEX_INDEXING] = "complex_indexing",
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
            return i;
        }
    }
    return -1;
}

const char *number_property(int index)
{
    return cpu_numbers[index].property;
}

const char *cache_property(int index)
{
    static const char *const properties[CACHES] = {
        "l1d-cache-info", "l1i-cache-info", "l2-cache-info", "l3-cache-info",
    };

    return properties[index];
}

/* ---- caches ---- */

const char *format_cache(const Cache *cache)
{
    static char text[CACHE_TEXT];

    if (!cache->size) {
        return "not set";
    }
    cache_text_format(cache, text);
    return text;
}

/* l1d 32K:line=64:ways=8:sets=64:share=core, as in property l1d-cache-info */
static void read_cache(Setting *setting, char *value, bool released)
{
    char *which = cut(&value), *text = cut(&value);
    char error[CACHE_ERROR];

    setting->kind = SET_CACHE;
    setting->index = which ? find_key(which, cache_keys, CACHES) : -1;
    if (setting->index < 0 || !text || cut(&value)) {
        complain(setting->place, "'cache' is l1d, l1i, l2 or l3, and "
                 "SIZE:line=N:ways=N:sets=N:share=core and so on, without "
                 "spaces, as in the property l1d-cache-info");
    } else if (!cache_text_parse(&setting->cache, setting->index, text,
                                 released ? CACHE_CHECK_NONE : CACHE_CHECK_ALL,
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
    switch (setting->kind) {
    case SET_ON:
    case SET_OFF:
        return features[setting->index].name;
    case SET_NUMBER:
        return cpu_numbers[setting->index].key;
    case SET_VENDOR:
        return "vendor";
    case SET_MODEL_ID:
        return "model-id";
    case SET_CACHE:
        return cache_keys[setting->index];
    case SET_BITS:
        return words[setting->index].name;
    default:
        return knobs[setting->index].name;
    }
}

bool same_thing(const Setting *a, const Setting *b)
{
    bool a_feature = a->kind == SET_ON || a->kind == SET_OFF;
    bool b_feature = b->kind == SET_ON || b->kind == SET_OFF;

    return a->index == b->index &&
           (a->kind == b->kind || (a_feature && b_feature));
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
        Setting *setting;

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
        setting = add_setting(settings, place);
        setting->kind = on ? SET_ON : SET_OFF;
        setting->index = feature - features;
        check_duplicate(settings);
    }
}

static void read_number(Settings *settings, Place place, int index,
                        const char *value, bool released)
{
    const Number *number = &cpu_numbers[index];
    uint64_t max = index == AVX10_VERSION && newest_avx10 ? newest_avx10
                                                          : number->max;
    Setting *setting = add_setting(settings, place);

    setting->kind = SET_NUMBER;
    setting->index = index;
    if (!parse_whole_number(value, &setting->number) ||
        (!released && (setting->number < number->min ||
                       setting->number > max))) {
        complain(place, "%s '%s' is not a number from %" PRIu64 " to "
                 "%" PRIu64, number->key, value, number->min, max);
        /* A value that passes the other checks */
        setting->number = max;
    }
    check_duplicate(settings);
}

/* 'TEXT' may begin or end with a space. */
static void read_text(Settings *settings, Place place, int kind,
                      const char *key, const char *value)
{
    Setting *setting = add_setting(settings, place);
    size_t length = strlen(value);

    if (length > 1 && *value == '\'' && value[length - 1] == '\'') {
        value++;
        length -= 2;
    }
    setting->kind = kind;
    setting->text = copy_text(value, length);
    if (kind == SET_VENDOR ? length != 12 : length < 1 || length > 48) {
        complain(place, "%s '%s' has %zu characters; it must have %s", key,
                 setting->text, length,
                 kind == SET_VENDOR ? "12" : "1 to 48");
        setting->text[0] = '\0';
    }
    check_duplicate(settings);
}

static void read_knob(Settings *settings, Place place, char *value)
{
    const char *name = cut(&value), *text = cut(&value);
    const Knob *knob = name ? find_knob(name) : NULL;
    Setting *setting;

    if (!text || cut(&value)) {
        complain(place, "'set' is a property and its value");
        return;
    }
    if (!knob) {
        if (find_feature_or_alias(name)) {
            complain(place, "'%s' is a feature; write 'on %s' or 'off %s'",
                     name, name, name);
        } else {
            complain(place, "'%s' is not a property of this QEMU that is on or "
                     "off or a number, and that a CPU model can set", name);
        }
        return;
    }
    setting = add_setting(settings, place);
    setting->kind = SET_KNOB;
    setting->index = knob - knobs;
    if (!knob->max && (!strcmp(text, "on") || !strcmp(text, "off"))) {
        setting->number = !strcmp(text, "on");
    } else if (!knob->max) {
        complain(place, "'%s' is on or off, not '%s'", name, text);
    } else if (!parse_whole_number(text, &setting->number) ||
               setting->number > knob->max) {
        complain(place, "%s '%s' is not a number up to %" PRIu64, name, text,
                 knob->max);
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
    Setting setting = { .place = place, .kind = SET_BITS };

    setting.index = word ? find_word(word) : -1;
    if (!bits || cut(&value) || setting.index < 0 ||
        !parse_whole_number(bits, &setting.number)) {
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
        read_text(settings, place, SET_VENDOR, key, value);
    } else if (!strcmp(key, "model-id")) {
        read_text(settings, place, SET_MODEL_ID, key, value);
    } else if (!strcmp(key, "cache")) {
        unsigned before = complaints();

        read_cache(add_setting(settings, place), value, released);
        if (complaints() > before) {
            settings->count--;
        } else {
            check_duplicate(settings);
        }
    } else if (!strcmp(key, "set")) {
        read_knob(settings, place, value);
    } else if (!strcmp(key, "bits") && released) {
        read_bits(settings, place, value);
    } else if (number >= 0) {
        read_number(settings, place, number, value, released);
    } else {
        return false;
    }
    return true;
}

static bool same_cache(const Cache *a, const Cache *b)
{
    return a->size == b->size && !strcmp(a->share, b->share) &&
           !memcmp(a->numbers, b->numbers, sizeof(a->numbers)) &&
           !memcmp(a->flags, b->flags, sizeof(a->flags));
}

/* Returns whether it changes anything. */
static bool apply_setting(Cpu *cpu, const Setting *setting)
{
    const Feature *feature = &features[setting->index];
    uint64_t *word = &cpu->words[feature->word];
    int i = setting->index;
    bool changes;

    switch (setting->kind) {
    case SET_ON:
        changes = ~*word & feature->mask;
        *word |= feature->mask;
        return changes;
    case SET_OFF:
        changes = *word & feature->mask;
        *word &= ~feature->mask;
        return changes;
    case SET_NUMBER:
        changes = !cpu->given[i] || cpu->numbers[i] != setting->number;
        cpu->given[i] = true;
        cpu->numbers[i] = setting->number;
        return changes;
    case SET_VENDOR:
        changes = strcmp(cpu->vendor, setting->text);
        strcpy(cpu->vendor, setting->text);
        return changes;
    case SET_MODEL_ID:
        changes = strcmp(cpu->model_id, setting->text);
        strcpy(cpu->model_id, setting->text);
        return changes;
    case SET_CACHE:
        changes = !same_cache(&cpu->caches[i], &setting->cache);
        cpu->caches[i] = setting->cache;
        return changes;
    case SET_BITS:
        changes = ~cpu->words[i] & setting->number;
        cpu->words[i] |= setting->number;
        return changes;
    default:
        changes = !cpu->knobs[i].given ||
                  cpu->knobs[i].value != setting->number;
        cpu->knobs[i].given = true;
        cpu->knobs[i].value = setting->number;
        return changes;
    }
}

void apply_settings(Cpu *cpu, const Settings *settings, bool strict)
{
    size_t i;

    for (i = 0; i < settings->count; i++) {
        const Setting *setting = &settings->items[i];

        if (!apply_setting(cpu, setting) && strict) {
            complain(setting->place, "'%s' changes nothing; remove it",
                     setting_name(setting));
        }
    }
}

bool apply_property(Cpu *cpu, const char *name, const char *value)
{
    Feature *feature = find_feature_or_alias(name);
    const Knob *knob = find_knob(name);
    Setting setting = { };
    int i;

    if (feature) {
        setting.kind = strcmp(value, "off") ? SET_ON : SET_OFF;
        setting.index = feature - features;
    } else if (!strcmp(name, "model-id") && strlen(value) <= 48) {
        setting.kind = SET_MODEL_ID;
        setting.text = (char *)value;
    } else if (knob) {
        setting.kind = SET_KNOB;
        setting.index = knob - knobs;
        setting.number = !strcmp(value, "on");
        if (knob->max && !parse_whole_number(value, &setting.number)) {
            return false;
        }
    } else {
        for (i = 0; i < NUMBERS && strcmp(name, cpu_numbers[i].key) &&
             strcmp(name, cpu_numbers[i].property); i++) {
            /* No more than to find it */
        }
        if (i == NUMBERS || !parse_whole_number(value, &setting.number)) {
            return false;
        }
        setting.kind = SET_NUMBER;
        setting.index = i;
    }
    apply_setting(cpu, &setting);
    if (setting.kind == SET_NUMBER && setting.index == AVX10_VERSION) {
        apply_avx10_version(cpu);
    }
    return true;
}

void apply_avx10_version(Cpu *cpu)
{
    int i;

    for (i = 0; i < nwords; i++) {
        cpu->words[i] |= avx10_bits(cpu->numbers[AVX10_VERSION], i);
    }
}

void copy_cpu(Cpu *to, const Cpu *from)
{
    size_t size = (nknobs + 1) * sizeof(*to->knobs);
    void *copy = new_memory(size);

    if (from->knobs) {
        memcpy(copy, from->knobs, size);
    }
    *to = *from;
    to->knobs = copy;
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

/* The bits of dependency @dep that @cpu has without what they need */
static uint64_t unmet(const Cpu *cpu, const Dependency *dep)
{
    return cpu->words[dep->from] & dep->from_mask ? 0 :
           cpu->words[dep->to] & dep->to_mask;
}

static void check_dependencies(Place place, const char *name, const Cpu *cpu,
                               const Cpu *base, const Cpu *checked)
{
    size_t i;
    int bit;

    for (i = 0; i < ndependencies; i++) {
        const Dependency *dep = &dependencies[i];
        uint64_t bits = unmet(cpu, dep) & ~(base ? unmet(base, dep) : 0) &
                        ~(checked ? unmet(checked, dep) : 0);

        for (bit = 0; bit < 64; bit++) {
            char to[96], from[96];

            if (bits & 1ull << bit) {
                complain(place, "%s: '%s' needs '%s', which is not on", name,
                         name_of(dep->to, 1ull << bit, to, sizeof(to)),
                         name_of(dep->from, dep->from_mask, from,
                                 sizeof(from)));
            }
        }
    }
}

/* Whether @feature is on, but @needed isn't */
static bool is_unmet(const Cpu *cpu, const Feature *feature,
                     const Feature *needed)
{
    return (cpu->words[feature->word] & feature->mask) &&
           !(cpu->words[needed->word] & needed->mask);
}

static void check_needs(Place place, const char *name, const Cpu *cpu,
                        const Cpu *base, const Cpu *checked)
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

/* The bits of @feature that no guest would find: their leaf is too high */
static bool is_hidden(const Cpu *cpu, const Feature *feature)
{
    const Word *word = &words[feature->word];
    int level = word->number < 0x40000000 ? LEVEL : XLEVEL;

    return !word->msr && word->number < 0xc0000000 && cpu->given[level] &&
           word->number > cpu->numbers[level] &&
           (cpu->words[feature->word] & feature->mask);
}

static void check_levels(Place place, const char *name, const Cpu *cpu,
                         const Cpu *base, const Cpu *checked)
{
    int i;

    for (i = 0; i < nfeatures; i++) {
        const Word *word = &words[features[i].word];

        if (is_hidden(cpu, &features[i]) &&
            !(base && is_hidden(base, &features[i])) &&
            !(checked && is_hidden(checked, &features[i]))) {
            complain(place, "%s: '%s' is in CPUID leaf 0x%" PRIx32 ", above "
                     "%s 0x%" PRIx64, name, features[i].name, word->number,
                     word->number < 0x80000000 ? "level" : "xlevel",
                     word->number < 0x80000000 ? cpu->numbers[LEVEL]
                                               : cpu->numbers[XLEVEL]);
        }
    }
}

/* The caches that @cpu has, as bits */
static unsigned caches_of(const Cpu *cpu)
{
    unsigned found = 0;
    int i;

    for (i = 0; i < CACHES; i++) {
        found |= cpu->caches[i].size ? 1u << i : 0;
    }
    return found;
}

/* Checks that mandatory keys are set. */
static void check_complete(Place place, const char *name, const Cpu *cpu)
{
    int i;

    if (!cpu->vendor[0]) {
        complain(place, "%s: 'vendor' is missing", name);
    }
    if (!cpu->model_id[0]) {
        complain(place, "%s: 'model-id' is missing", name);
    }
    for (i = 0; i < NUMBERS; i++) {
        if (!cpu->given[i] && i != AVX10_VERSION) {
            complain(place, "%s: '%s' is missing", name, cpu_numbers[i].key);
        }
    }
}

void check_cpu(Place place, const char *name, const Cpu *cpu, const Cpu *base,
               const Cpu *checked)
{
    unsigned caches = caches_of(cpu);
    int i;

    if (!checked) {
        check_complete(place, name, cpu);
    }
    for (i = 0; i < CACHES && caches; i++) {
        if (!(caches & 1u << i) && !(checked && caches_of(checked) == caches)) {
            complain(place, "%s: cache %s is missing: a CPU has all of l1d, "
                     "l1i, l2 and l3, or none of its own", name,
                     cache_keys[i]);
        }
    }
    check_dependencies(place, name, cpu, base, checked);
    check_needs(place, name, cpu, base, checked);
    check_levels(place, name, cpu, base, checked);
}

static const char *on_or_off(uint64_t word, uint64_t mask)
{
    return (word & mask) == mask ? "on" : word & mask ? "on in part" : "off";
}

enum { KNOB_TEXT = 32 };

static const char *format_knob(const Cpu *cpu, size_t index,
                               char buffer[KNOB_TEXT])
{
    if (!cpu->knobs[index].given) {
        return "not set";
    }
    if (!knobs[index].max) {
        return cpu->knobs[index].value ? "on" : "off";
    }
    snprintf(buffer, KNOB_TEXT, "%" PRIu64, cpu->knobs[index].value);
    return buffer;
}

bool same_cpu(Place place, const char *name, const Cpu *was, const Cpu *is)
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
        if (was->numbers[i] != is->numbers[i]) {
            complain(place, "%s is released: %s was %" PRIu64 ", would be "
                     "%" PRIu64, name, cpu_numbers[i].key, was->numbers[i],
                     is->numbers[i]);
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
    for (i = 0; i < nwords; i++) {
        uint64_t old = unnamed_bits(i, was->words[i]);
        uint64_t new = unnamed_bits(i, is->words[i]);

        if (old != new) {
            complain(place, "%s is released: bits of %s were 0x%" PRIx64
                     ", would be 0x%" PRIx64, name, words[i].name, old, new);
        }
    }
    for (i = 0; i < CACHES; i++) {
        if (!same_cache(&was->caches[i], &is->caches[i])) {
            char old[CACHE_TEXT];

            strcpy(old, format_cache(&was->caches[i]));
            complain(place, "%s is released: cache %s was %s, would be %s",
                     name, cache_keys[i], old, format_cache(&is->caches[i]));
        }
    }
    for (k = 0; k < nknobs; k++) {
        if (was->knobs[k].given != is->knobs[k].given ||
            was->knobs[k].value != is->knobs[k].value) {
            char old[KNOB_TEXT], new[KNOB_TEXT];

            complain(place, "%s is released: '%s' was %s, would be %s", name,
                     knobs[k].name, format_knob(was, k, old),
                     format_knob(is, k, new));
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

static void print_knob(size_t index, uint64_t value)
{
    if (knobs[index].max) {
        printf("    %-9s %s %" PRIu64 "\n", "set", knobs[index].name, value);
    } else {
        printf("    %-9s %s %s\n", "set", knobs[index].name,
               value ? "on" : "off");
    }
}

static void print_number(int index, uint64_t value)
{
    printf(index == XLEVEL ? "    %-9s 0x%" PRIx64 "\n"
                           : "    %-9s %" PRIu64 "\n",
           cpu_numbers[index].key, value);
}

static void print_bits(int word, uint64_t bits)
{
    printf("    %-9s %s 0x%" PRIx64 "\n", "bits", words[word].name, bits);
}

void print_cpu(const Cpu *cpu)
{
    const char *names[MAX_FEATURES];
    int i, w, count;
    size_t k;

    print_text("vendor", cpu->vendor);
    for (i = 0; i < NUMBERS; i++) {
        if (cpu->given[i]) {
            print_number(i, cpu->numbers[i]);
        }
    }
    print_text("model-id", cpu->model_id);
    for (w = 0; w < nwords; w++) {
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
    for (i = 0; i < CACHES; i++) {
        if (cpu->caches[i].size) {
            printf("    %-9s %s %s\n", "cache", cache_keys[i],
                   format_cache(&cpu->caches[i]));
        }
    }
    for (k = 0; k < nknobs; k++) {
        if (cpu->knobs[k].given) {
            print_knob(k, cpu->knobs[k].value);
        }
    }
}

void print_settings(const Settings *settings)
{
    const char *name;
    size_t i;

    for (i = 0; i < settings->count; i++) {
        const Setting *setting = &settings->items[i];

        switch (setting->kind) {
        case SET_ON:
        case SET_OFF:
            name = features[setting->index].name;
            print_words(setting->kind == SET_ON ? "on" : "off", &name, 1);
            break;
        case SET_NUMBER:
            print_number(setting->index, setting->number);
            break;
        case SET_VENDOR:
        case SET_MODEL_ID:
            print_text(setting_name(setting), setting->text);
            break;
        case SET_CACHE:
            printf("    %-9s %s %s\n", "cache", setting_name(setting),
                   format_cache(&setting->cache));
            break;
        case SET_KNOB:
            print_knob(setting->index, setting->number);
            break;
        case SET_BITS:
            break;              /* only in lock files */
        }
    }
}
