/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the generator reads from the QEMU tree being built
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gen-cpu-expression.h"
#include "gen-cpu-source.h"

Word words[MAX_WORDS];
Feature features[MAX_FEATURES];
int nfeatures;
X86CpuDependency *dependencies;
size_t ndependencies;
QdevProperty *qdev_props;
size_t nqdev_props;
uint64_t newest_avx10;

/* Bits that all AVX10 versions from @since on have */
typedef struct Avx10Bits {
    uint64_t since;
    int word;
    uint64_t mask;
} Avx10Bits;

static Avx10Bits *all_avx10_bits;
static size_t nall_avx10_bits;
/* cpu.c */
static char *source_text;

Feature *find_feature(const char *name)
{
    int i;

    for (i = 0; i < nfeatures; i++) {
        if (!strcmp(features[i].name, name)) {
            return &features[i];
        }
    }
    return NULL;
}

Feature *find_feature_or_alias(const char *name)
{
    int i, j;

    for (i = 0; i < nfeatures; i++) {
        for (j = 0; j < features[i].naliases; j++) {
            if (!strcmp(features[i].aliases[j], name)) {
                return &features[i];
            }
        }
    }
    return find_feature(name);
}

int find_word(const char *name)
{
    int i;

    for (i = 0; i < MAX_WORDS; i++) {
        if (!strcmp(words[i].name, name)) {
            return i;
        }
    }
    return -1;
}

const QdevProperty *find_qdev_prop(const char *name)
{
    size_t i;

    for (i = 0; i < nqdev_props; i++) {
        if (!strcmp(x86cpu_property_names[qdev_props[i].id], name)) {
            return &qdev_props[i];
        }
    }
    return NULL;
}

int find_core_property(const char *name)
{
    int i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (!strcmp(x86cpu_property_names[i], name)) {
            return i;
        }
    }
    return -1;
}

const X86CpuTables *core_tables(void)
{
    static X86CpuTables tables;
    static bool made;
    int i;

    for (i = 0; !made && i < MAX_WORDS; i++) {
        tables.words[i] = (X86CpuWord) {
            .present = words[i].name[0],
            .msr = words[i].msr,
            .index = words[i].number,
            .subleaf = words[i].subleaf_number,
        };
    }
    tables.dependencies = dependencies;
    tables.ndependencies = ndependencies;
    made = true;
    return &tables;
}

uint64_t avx10_bits(uint64_t version, int word)
{
    uint64_t bits = 0;
    size_t i;

    for (i = 0; i < nall_avx10_bits; i++) {
        if (all_avx10_bits[i].word == word &&
            all_avx10_bits[i].since <= version) {
            bits |= all_avx10_bits[i].mask;
        }
    }
    return bits;
}

/* ---- feature words ---- */

static void add_bit(Place place, const char *name, int word, int bit)
{
    Feature *feature = find_feature(name);
    const char *c;

    for (c = name; *c; c++) {
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) &&
            !strchr("-.", *c)) {
            complain(place, "feature '%s': only a-z, 0-9, '-' and '.' can be "
                     "in a property name", name);
            return;
        }
    }
    if (bit > (words[word].msr ? 63 : 31)) {
        complain(place, "feature '%s': bit %d is beyond %s", name, bit,
                 words[word].name);
        return;
    }
    if (!feature) {
        if (nfeatures == MAX_FEATURES) {
            give_up(place, "more than %d features", MAX_FEATURES);
        }
        feature = &features[nfeatures++];
        strcpy(feature->name, name);
        feature->place = place;
        feature->word = word;
    } else if (feature->word != word) {
        complain(place, "feature '%s' is also in %s (line %d); a property "
                 "has bits of one word", name, words[feature->word].name,
                 feature->place.line);
        return;
    }
    if (feature->nbits == MAX_BITS) {
        give_up(place, "feature '%s' has more than %d bits", name, MAX_BITS);
    }
    feature->bits[feature->nbits++] = bit;
    feature->mask |= 1ull << bit;
}

/* A name in a word; kept until it is known whether the word is an MSR. */
typedef struct Name {
    Place place;
    char text[64];
    int bit;
} Name;

static int read_names(Lexer *lexer, Name *names, int room)
{
    int bit = 0, count = 0;

    expect(lexer, "{");
    while (!at(lexer, "}")) {
        if (at(lexer, "[")) {
            char number[16];
            long long value;

            next(lexer);
            expect_name(lexer, number, sizeof(number));
            if (!parse_number(number, &value) || value > 63) {
                give_up(lexer->place, "'%s' is not the number of a bit",
                        number);
            }
            bit = value;
            expect(lexer, "]");
            expect(lexer, "=");
        }
        if (lexer->type == TOKEN_STRING) {
            if (count == room || strlen(lexer->text) >=
                sizeof(names->text)) {
                give_up(lexer->place, "too many names, or too long a name");
            }
            names[count].place = lexer->place;
            names[count].bit = bit;
            strcpy(names[count++].text, lexer->text);
            next(lexer);
        } else {
            expect(lexer, "NULL");
        }
        bit++;
        end_item(lexer);
    }
    next(lexer);
    return count;
}

/* .cpuid = { .eax = 7, .needs_ecx = true, .ecx = 0, .reg = R_EBX } */
static void read_location(Lexer *lexer, Word *word)
{
    expect(lexer, "{");
    while (!at(lexer, "}")) {
        char key[32];

        expect_member(lexer, key, sizeof(key), NULL);
        if (!strcmp(key, "eax") || !strcmp(key, "index")) {
            expect_name(lexer, word->index, sizeof(word->index));
        } else if (!strcmp(key, "ecx")) {
            expect_name(lexer, word->subleaf, sizeof(word->subleaf));
        } else if (!strcmp(key, "reg")) {
            expect_name(lexer, word->reg, sizeof(word->reg));
        } else if (!strcmp(key, "needs_ecx")) {
            skip_value(lexer);
        } else {
            give_up(lexer->place, "unknown member '.%s'; teach "
                    "gen-cpu-tables about it", key);
        }
        end_item(lexer);
    }
    next(lexer);
}

/* Where in words the word @name goes */
static int place_of_word(Place place, const char *name)
{
    int i;

    for (i = 0; i < X86CPU_WORD_COUNT; i++) {
        if (!strcmp(x86cpu_word_names[i], name)) {
            return i;
        }
    }
    for (; i < MAX_WORDS && words[i].name[0]; i++) {
        /* No more than to find a free one */
    }
    if (i == MAX_WORDS) {
        give_up(place, "more than %d feature words", MAX_WORDS);
    }
    return i;
}

static void read_word(Lexer *lexer)
{
    Place place = lexer->place;
    char name[sizeof(words->name)];
    Word *word;
    Name names[64];
    int count = 0, i;

    expect(lexer, "[");
    expect_name(lexer, name, sizeof(name));
    word = &words[place_of_word(place, name)];
    strcpy(word->name, name);
    word->place = place;
    expect(lexer, "]");
    expect(lexer, "=");
    expect(lexer, "{");
    while (!at(lexer, "}")) {
        char key[32];

        expect_member(lexer, key, sizeof(key), NULL);
        if (!strcmp(key, "type")) {
            char type[32];

            expect_name(lexer, type, sizeof(type));
            word->msr = !strcmp(type, "MSR_FEATURE_WORD");
            if (!word->msr && strcmp(type, "CPUID_FEATURE_WORD")) {
                give_up(lexer->place, "%s: unknown type '%s'; teach "
                        "gen-cpu-tables about it", word->name, type);
            }
        } else if (!strcmp(key, "feat_names")) {
            count = read_names(lexer, names, 64);
        } else if (!strcmp(key, "cpuid") || !strcmp(key, "msr")) {
            read_location(lexer, word);
        } else if (!strcmp(key, "unmigratable_flags")) {
            word->unmigratable = read_expression(lexer);
        } else {
            skip_value(lexer);
        }
        end_item(lexer);
    }
    next(lexer);
    if (!word->index[0] || (!word->msr && strncmp(word->reg, "R_E", 3))) {
        give_up(place, "%s: no CPUID leaf and register, and no MSR",
                word->name);
    }
    for (i = 0; i < count; i++) {
        add_bit(names[i].place, names[i].text, word - words, names[i].bit);
    }
}

/*
 * Aliases of properties, as in x86_cpu_initfn():
 * object_property_add_alias(obj, "sse3", obj, "pni");
 */
static void read_aliases(Place place, const char *text)
{
    static const char call[] = "object_property_add_alias(obj, \"";
    const char *found, *last = text;

    for (found = strstr(text, call); found; found = strstr(found + 1, call)) {
        char alias[64], name[64];
        Feature *feature;

        place.line += lines_before(last, found);
        last = found;
        if (sscanf(found + strlen(call), "%63[^\"]\", obj, \"%63[^\"]\")",
                   alias, name) != 2) {
            give_up(place, "an alias that is not of the form alias, obj, "
                    "name; teach gen-cpu-tables about it");
        }
        feature = find_feature(name);
        if (!feature) {
            continue;           /* the property is not a feature */
        }
        if (feature->naliases == MAX_ALIASES) {
            give_up(place, "feature '%s' has more than %d aliases", name,
                    MAX_ALIASES);
        }
        strcpy(feature->aliases[feature->naliases++], alias);
    }
}

static void read_feature_words(const char *path, const char *text)
{
    static const char start[] =
        "FeatureWordInfo feature_word_info[FEATURE_WORDS] = {";
    Lexer lexer;

    lex_from(&lexer, path, text, start);
    while (!at(&lexer, "}")) {
        read_word(&lexer);
        end_item(&lexer);
    }
    if (!nfeatures) {
        give_up(lexer.place, "feature_word_info names no feature");
    }
    read_aliases((Place) { path, 1 }, text);
}

/* The value of @name, a number or macro in word @word */
static uint32_t number_of(const Word *word, const char *name)
{
    const char *value = name;
    long long number;

    if (!isdigit((unsigned char)*name)) {
        value = find_macro(name);
        if (!value) {
            give_up(word->place, "%s: '%s' is defined in none of the headers",
                    word->name, name);
        }
    }
    if (!parse_number(value, &number) || number < 0 || number > UINT32_MAX) {
        give_up(word->place, "%s: '%s' is not a number of 32 bits",
                word->name, name);
    }
    return number;
}

void read_features(const char *cpu_c, char *const *headers)
{
    int i;

    for (i = 0; headers[i]; i++) {
        read_macro_file(headers[i]);
    }
    source_text = read_macro_file(cpu_c);
    read_feature_words(cpu_c, source_text);
    /* Leaves, subleaves and MSRs, some of which are macros */
    for (i = 0; i < MAX_WORDS; i++) {
        if (!words[i].name[0]) {
            continue;
        }
        words[i].number = number_of(&words[i], words[i].index);
        if (words[i].subleaf[0]) {
            words[i].subleaf_number = number_of(&words[i], words[i].subleaf);
        }
    }
}

/* ---- what CPU models are made of ---- */

/* { WORD, MASK } */
static void read_feature_mask(Lexer *lexer, int *word, uint64_t *mask)
{
    Place place = lexer->place;
    char name[64];

    expect(lexer, "{");
    expect_name(lexer, name, sizeof(name));
    *word = find_word(name);
    if (*word < 0) {
        give_up(place, "'%s' is not a feature word", name);
    }
    expect(lexer, ",");
    *mask = read_expression(lexer);
    if (!words[*word].msr) {
        *mask &= UINT32_MAX;
    }
    end_item(lexer);
    expect(lexer, "}");
}

static void read_dependencies(const char *path, const char *text)
{
    static const char start[] = "FeatureDep feature_dependencies[] = {";
    Lexer lexer;

    lex_from(&lexer, path, text, start);
    while (!at(&lexer, "}")) {
        Place place = lexer.place;
        X86CpuDependency *dep;
        int from = -1, to = -1;

        dependencies = grow(dependencies, ndependencies,
                            sizeof(*dependencies));
        dep = &dependencies[ndependencies++];
        expect(&lexer, "{");
        while (!at(&lexer, "}")) {
            char key[32];

            expect_member(&lexer, key, sizeof(key), NULL);
            if (!strcmp(key, "from")) {
                read_feature_mask(&lexer, &from, &dep->from_mask);
            } else if (!strcmp(key, "to")) {
                read_feature_mask(&lexer, &to, &dep->to_mask);
            } else {
                give_up(lexer.place, "unknown member '.%s'; teach "
                        "gen-cpu-tables about it", key);
            }
            end_item(&lexer);
        }
        next(&lexer);
        if (from < 0 || to < 0) {
            give_up(place, "a dependency without .from or .to");
        }
        dep->from = from;
        dep->to = to;
        end_item(&lexer);
    }
}

/* (FeatureMask[]) { { WORD, MASK }, ..., { } } */
static void read_avx10_bits(Lexer *lexer)
{
    expect(lexer, "(");
    expect(lexer, "FeatureMask");
    expect(lexer, "[");
    expect(lexer, "]");
    expect(lexer, ")");
    expect(lexer, "{");
    while (!at(lexer, "}")) {
        Lexer ahead = *lexer;
        Avx10Bits *bits;

        next(&ahead);
        if (at(&ahead, "}")) {
            *lexer = ahead;
            next(lexer);
        } else {
            all_avx10_bits = grow(all_avx10_bits, nall_avx10_bits,
                                  sizeof(*all_avx10_bits));
            bits = &all_avx10_bits[nall_avx10_bits++];
            bits->since = newest_avx10;
            read_feature_mask(lexer, &bits->word, &bits->mask);
        }
        end_item(lexer);
    }
    next(lexer);
}

/* { .name = "avx10.1", .version = 1, .features = ..., }, in ascending order */
static void read_avx10_versions(const char *path, const char *text)
{
    static const char start[] =
        "AVX10VersionDefinition builtin_avx10_defs[] = {";
    Lexer lexer;

    if (!strstr(text, start) && !strstr(text, "x86_cpuid_set_avx10_version")) {
        return;                 /* QEMU 10.0 */
    }
    lex_from(&lexer, path, text, start);
    while (!at(&lexer, "}")) {
        uint64_t previous = newest_avx10;

        expect(&lexer, "{");
        while (!at(&lexer, "}")) {
            char key[32];

            expect_member(&lexer, key, sizeof(key), NULL);
            if (!strcmp(key, "version")) {
                Place place = lexer.place;
                uint64_t version = read_expression(&lexer);

                if (version != previous + 1) {
                    give_up(place, "AVX10 version %" PRIu64 " after %" PRIu64
                            "; teach gen-cpu-tables about it", version,
                            previous);
                }
                newest_avx10 = version;
            } else if (!strcmp(key, "features")) {
                if (newest_avx10 == previous) {
                    give_up(lexer.place, "'.features' before '.version'");
                }
                read_avx10_bits(&lexer);
            } else if (!strcmp(key, "name") || !strcmp(key, "max_subleaf")) {
                skip_value(&lexer);
            } else {
                give_up(lexer.place, "unknown member '.%s'; teach "
                        "gen-cpu-tables about it", key);
            }
            end_item(&lexer);
        }
        next(&lexer);
        end_item(&lexer);
    }
}

/*
 * False for properties that place a CPU in a machine or say how to handle
 * missing features, which are not part of a model.
 */
static bool is_for_models(const char *name)
{
    static const char *const others[] = {
        "apic-id", "check", "core-id", "die-id", "enforce", "module-id",
        "node-id", "socket-id", "thread-id", "x-force-features",
        /* What depends on the host would change in a migration. */
        "host-phys-bits", "hv-passthrough",
        /* Tables have other keys for these. */
        "avx10-version", "level", "min-level", "min-xlevel", "xlevel",
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(others); i++) {
        if (!strcmp(name, others[i])) {
            return false;
        }
    }
    return true;
}

/* DEFINE_PROP_UINT32("name", ...), only of types with a known range */
static void read_qdev_props(const char *path, const char *text)
{
    static const char start[] = "Property x86_cpu_properties[] = {";
    static const struct {
        const char *macro;
        uint64_t max;
    } types[] = {
        { "DEFINE_PROP_BOOL", 0 },
        { "DEFINE_PROP_UINT8", UINT8_MAX },
        { "DEFINE_PROP_UINT16", UINT16_MAX },
        { "DEFINE_PROP_UINT32", UINT32_MAX },
        { "DEFINE_PROP_UINT64", UINT64_MAX },
    };
    const char *found = strstr(text, start);
    const char *end = found ? strstr(found, "\n};") : NULL;
    char macro[32], name[64];
    size_t i;

    if (!end) {
        give_up((Place) { path, 1 }, "'%s' not found", start);
    }
    while ((found = strstr(found + 1, "DEFINE_PROP_")) && found < end) {
        if (sscanf(found, "%31[A-Z0-9_](\"%63[^\"]\"", macro, name) != 2 ||
            !is_for_models(name)) {
            continue;
        }
        for (i = 0; i < ARRAY_SIZE(types); i++) {
            if (!strcmp(macro, types[i].macro)) {
                int id = find_core_property(name);

                if (id < 0) {
                    give_up((Place) { path, lines_before(text, found) + 1 },
                            "property '%s' is not in core/properties.h", name);
                }
                qdev_props = grow(qdev_props, nqdev_props, sizeof(*qdev_props));
                qdev_props[nqdev_props++] = (QdevProperty) { id, types[i].max };
            }
        }
    }
}

const char *read_model_rules(const char *cpu_c)
{
    read_dependencies(cpu_c, source_text);
    read_avx10_versions(cpu_c, source_text);
    read_qdev_props(cpu_c, source_text);
    return source_text;
}
