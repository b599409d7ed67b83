/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the generator takes from the QEMU tree that is being built
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gen-cpu-definition.h"

Word words[MAX_WORDS];
int nwords;
Feature features[MAX_FEATURES];
int nfeatures;
Dependency *dependencies;
size_t ndependencies;
Knob *knobs;
size_t nknobs;
UpstreamModel *upstream_models;
size_t nupstream_models;

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

    for (i = 0; i < nwords; i++) {
        if (!strcmp(words[i].name, name)) {
            return i;
        }
    }
    return -1;
}

const Knob *find_knob(const char *name)
{
    size_t i;

    for (i = 0; i < nknobs; i++) {
        if (!strcmp(knobs[i].name, name)) {
            return &knobs[i];
        }
    }
    return NULL;
}

/* ---- macros and expressions of C ---- */

/* The texts that macros are looked for in: the headers, and cpu.c */
static char *macro_texts[MAX_HEADERS + 2];

/* The text behind "#define NAME " in one of them, NULL if in none */
static const char *find_macro(const char *name)
{
    char *const *text;
    char define[96];
    const char *found;

    snprintf(define, sizeof(define), "#define %s", name);
    for (text = macro_texts; *text; text++) {
        for (found = strstr(*text, define); found;
             found = strstr(found + 1, define)) {
            if (isspace((unsigned char)found[strlen(define)])) {
                return found + strlen(define);
            }
        }
    }
    return NULL;
}

/* A copy of what macro @name stands for, on one line; gives up without it */
static char *macro_line(const Lexer *user, const char *name)
{
    const char *text = find_macro(name);
    char *line, *c;
    size_t i;

    if (!text) {
        give_up(user->place, "'%s' is not a number, and no macro of the "
                "headers", name);
    }
    for (i = 0; text[i] && (text[i] != '\n' || text[i - 1] == '\\'); i++) {
        /* No more than to find the end */
    }
    line = copy_text(text, i);
    for (c = line; (c = strchr(c, '\\')); ) {
        *c = ' ';
    }
    return line;
}

typedef struct Macro {
    char name[64];
    uint64_t value;
} Macro;

static uint64_t read_or(Lexer *lexer, int depth);

/* What stands for @name; the same ones stand in many models. */
static uint64_t macro_value(const Lexer *user, const char *name, int depth)
{
    static Macro *known;
    static size_t count;
    Lexer lexer = { .place = user->place };
    uint64_t value;
    char *line;
    size_t i;

    for (i = 0; i < count; i++) {
        if (!strcmp(known[i].name, name)) {
            return known[i].value;
        }
    }
    if (depth > 16) {
        give_up(user->place, "macro '%s' stands for too much", name);
    }
    line = macro_line(user, name);
    lexer.pos = line;
    next(&lexer);
    value = read_or(&lexer, depth + 1);
    if (lexer.type != TOKEN_END) {
        give_up(user->place, "macro '%s' is not an expression that "
                "gen-cpu-tables knows; teach it", name);
    }
    free(line);
    known = grow(known, count, sizeof(*known));
    snprintf(known[count].name, sizeof(known[count].name), "%s", name);
    known[count++].value = value;
    return value;
}

/* ( expression ), ~ operand, number, true, false, KiB, macro */
static uint64_t read_operand(Lexer *lexer, int depth)
{
    uint64_t value;
    char name[64], *end;

    if (depth > 100) {
        give_up(lexer->place, "expression too deep");
    }
    if (at(lexer, "(")) {
        next(lexer);
        value = read_or(lexer, depth + 1);
        expect(lexer, ")");
        return value;
    }
    if (at(lexer, "~")) {
        next(lexer);
        return ~read_operand(lexer, depth + 1);
    }
    expect_name(lexer, name, sizeof(name));
    if (isdigit((unsigned char)*name)) {
        end = name + strlen(name);
        while (end > name && strchr("uUlL", end[-1])) {
            *--end = '\0';
        }
        if (!parse_whole_number(name, &value)) {
            give_up(lexer->place, "'%s' is not a number", name);
        }
        return value;
    }
    return !strcmp(name, "true") ? 1 :
           !strcmp(name, "false") ? 0 :
           !strcmp(name, "KiB") ? 1 << 10 :
           !strcmp(name, "MiB") ? 1 << 20 : macro_value(lexer, name, depth);
}

static uint64_t read_product(Lexer *lexer, int depth)
{
    uint64_t value = read_operand(lexer, depth);

    while (at(lexer, "*")) {
        next(lexer);
        value *= read_operand(lexer, depth);
    }
    return value;
}

static uint64_t read_shift(Lexer *lexer, int depth)
{
    uint64_t value = read_product(lexer, depth);

    while (at(lexer, "<")) {
        uint64_t by;

        next(lexer);
        expect(lexer, "<");
        by = read_product(lexer, depth);
        if (by > 63) {
            give_up(lexer->place, "a shift by %" PRIu64, by);
        }
        value <<= by;
    }
    return value;
}

static uint64_t read_and(Lexer *lexer, int depth)
{
    uint64_t value = read_shift(lexer, depth);

    while (at(lexer, "&")) {
        next(lexer);
        value &= read_shift(lexer, depth);
    }
    return value;
}

static uint64_t read_or(Lexer *lexer, int depth)
{
    uint64_t value = read_and(lexer, depth);

    while (at(lexer, "|")) {
        next(lexer);
        value |= read_and(lexer, depth);
    }
    return value;
}

/* The value of a constant expression, at which @lexer is */
static uint64_t read_expression(Lexer *lexer)
{
    return read_or(lexer, 0);
}

/* Strings one after the other; false if a macro is among them. */
static bool read_string(Lexer *lexer, char *text, size_t size)
{
    bool plain = true;

    *text = '\0';
    while (lexer->type == TOKEN_STRING || lexer->type == TOKEN_NAME) {
        if (lexer->type == TOKEN_NAME) {
            plain = false;
        } else if (strlen(text) + strlen(lexer->text) >= size) {
            give_up(lexer->place, "a string of more than %zu characters",
                    size - 1);
        } else {
            strcat(text, lexer->text);
        }
        next(lexer);
    }
    return plain;
}

/* ---- feature words ---- */

static void add_bit(Place place, const char *name, int bit)
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
    if (bit > (words[nwords].msr ? 63 : 31)) {
        complain(place, "feature '%s': bit %d is beyond %s", name, bit,
                 words[nwords].name);
        return;
    }
    if (!feature) {
        if (nfeatures == MAX_FEATURES) {
            give_up(place, "more than %d features", MAX_FEATURES);
        }
        feature = &features[nfeatures++];
        strcpy(feature->name, name);
        feature->place = place;
        feature->word = nwords;
    } else if (feature->word != nwords) {
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

/* The names of a word; kept until it is known whether it is an MSR. */
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

static void read_word(Lexer *lexer)
{
    Place place = lexer->place;
    Word *word = &words[nwords];
    Name names[64];
    int count = 0, i;

    if (nwords == MAX_WORDS) {
        give_up(place, "more than %d feature words", MAX_WORDS);
    }
    expect(lexer, "[");
    expect_name(lexer, word->name, sizeof(word->name));
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
        add_bit(names[i].place, names[i].text, names[i].bit);
    }
    nwords++;
}

/*
 * Other names of the same properties, as x86_cpu_initfn() has them:
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
            continue;           /* of a property that is no feature */
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

/* The value of what stands for a number in word @word */
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
        macro_texts[i] = read_file(headers[i]);
    }
    macro_texts[i] = read_file(cpu_c);
    read_feature_words(cpu_c, macro_texts[i]);
    /* Leaves, sub-leaves and MSRs, some of which are macros */
    for (i = 0; i < nwords; i++) {
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
        give_up(place, "'%s' is no feature word", name);
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
        Dependency *dep;

        dependencies = grow(dependencies, ndependencies,
                            sizeof(*dependencies));
        dep = &dependencies[ndependencies++];
        dep->place = lexer.place;
        dep->from = dep->to = -1;
        expect(&lexer, "{");
        while (!at(&lexer, "}")) {
            char key[32];

            expect_member(&lexer, key, sizeof(key), NULL);
            if (!strcmp(key, "from")) {
                read_feature_mask(&lexer, &dep->from, &dep->from_mask);
            } else if (!strcmp(key, "to")) {
                read_feature_mask(&lexer, &dep->to, &dep->to_mask);
            } else {
                give_up(lexer.place, "unknown member '.%s'; teach "
                        "gen-cpu-tables about it", key);
            }
            end_item(&lexer);
        }
        next(&lexer);
        if (dep->from < 0 || dep->to < 0) {
            give_up(dep->place, "a dependency without .from or .to");
        }
        end_item(&lexer);
    }
}

/*
 * Properties of CPUs that say where one is in a machine, or what to do
 * about what it lacks: nothing that a model is.
 */
static bool is_for_models(const char *name)
{
    static const char *const others[] = {
        "apic-id", "check", "core-id", "die-id", "enforce", "module-id",
        "node-id", "socket-id", "thread-id", "x-force-features",
        /* What is the host's would not be the same after a migration. */
        "host-phys-bits", "hv-passthrough",
        /* What tables have keys of their own for */
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

/* DEFINE_PROP_UINT32("name", ...), of the types that can't be got wrong */
static void read_knobs(const char *path, const char *text)
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
        give_up((Place) { path, 1 }, "no '%s' in it", start);
    }
    while ((found = strstr(found + 1, "DEFINE_PROP_")) && found < end) {
        if (sscanf(found, "%31[A-Z0-9_](\"%63[^\"]\"", macro, name) != 2 ||
            !is_for_models(name)) {
            continue;
        }
        for (i = 0; i < ARRAY_SIZE(types); i++) {
            if (!strcmp(macro, types[i].macro)) {
                knobs = grow(knobs, nknobs, sizeof(*knobs));
                strcpy(knobs[nknobs].name, name);
                knobs[nknobs++].max = types[i].max;
            }
        }
    }
}

/* ---- upstream's models ---- */

typedef struct NamedCaches {
    char name[64];
    Cache caches[CACHES];
} NamedCaches;

static NamedCaches *named_caches;
static size_t nnamed_caches;

/* &(CPUCacheInfo) { .size = 32 * KiB, ... } */
static void read_cache_info(Lexer *lexer, Cache *cache)
{
    expect(lexer, "&");
    expect(lexer, "(");
    expect(lexer, "CPUCacheInfo");
    expect(lexer, ")");
    expect(lexer, "{");
    strcpy(cache->share, "invalid");
    while (!at(lexer, "}")) {
        char key[32];
        int number, flag;

        expect_member(lexer, key, sizeof(key), NULL);
        number = find_key(key, cache_number_fields, CACHE_NUMBERS);
        flag = find_key(key, cache_flag_fields, CACHE_FLAGS);
        if (!strcmp(key, "size")) {
            cache->size = read_expression(lexer);
        } else if (!strcmp(key, "share_level")) {
            static const char prefix[] = "CPU_TOPOLOGY_LEVEL_";
            char level[64], *c;

            expect_name(lexer, level, sizeof(level));
            if (strncmp(level, prefix, strlen(prefix)) ||
                strlen(level + strlen(prefix)) >= sizeof(cache->share)) {
                give_up(lexer->place, "'%s' is not %sCORE or the like",
                        level, prefix);
            }
            strcpy(cache->share, level + strlen(prefix));
            for (c = cache->share; *c; c++) {
                *c = tolower((unsigned char)*c);
            }
        } else if (number >= 0) {
            cache->numbers[number] = read_expression(lexer);
        } else if (flag >= 0) {
            cache->flags[flag] = read_expression(lexer);
        } else if (!strcmp(key, "type") || !strcmp(key, "level")) {
            skip_value(lexer);  /* given by which cache it is */
        } else {
            give_up(lexer->place, "unknown member '.%s'; teach "
                    "gen-cpu-tables about it", key);
        }
        end_item(lexer);
    }
    next(lexer);
}

/* static const CPUCaches epyc_cache_info = { .l1d_cache = ..., }; */
static void read_caches(const char *path, const char *text)
{
    static const char start[] = "CPUCaches ";
    const char *found;

    for (found = strstr(text, start); found;
         found = strstr(found + 1, start)) {
        const char *rest = found + strlen(start);
        NamedCaches *named;
        Lexer lexer;

        /* NAME = {, and neither a function nor a pointer */
        rest += strspn(rest, "abcdefghijklmnopqrstuvwxyz_0123456789");
        if (strncmp(rest, " = {", 4)) {
            continue;
        }
        lex_from(&lexer, path, found, start);
        lexer.place.line += lines_before(text, found);
        named_caches = grow(named_caches, nnamed_caches,
                            sizeof(*named_caches));
        named = &named_caches[nnamed_caches++];
        expect_name(&lexer, named->name, sizeof(named->name));
        expect(&lexer, "=");
        expect(&lexer, "{");
        while (!at(&lexer, "}")) {
            char key[32];
            int i;

            expect_member(&lexer, key, sizeof(key), NULL);
            i = find_key(key, cache_members, CACHES);
            if (i < 0) {
                give_up(lexer.place, "unknown cache '.%s'; teach "
                        "gen-cpu-tables about it", key);
            }
            read_cache_info(&lexer, &named->caches[i]);
            end_item(&lexer);
        }
    }
}

/* &epyc_cache_info */
static void read_cache_reference(Lexer *lexer, Cpu *cpu)
{
    char name[64];
    size_t i;

    expect(lexer, "&");
    expect_name(lexer, name, sizeof(name));
    for (i = 0; i < nnamed_caches; i++) {
        if (!strcmp(named_caches[i].name, name)) {
            memcpy(cpu->caches, named_caches[i].caches, sizeof(cpu->caches));
            return;
        }
    }
    give_up(lexer->place, "no caches '%s'", name);
}

/* { "mpx", "off" }, ... { } */
static void read_props(Lexer *lexer, Cpu *cpu)
{
    expect(lexer, "(");
    expect(lexer, "PropValue");
    expect(lexer, "[");
    expect(lexer, "]");
    expect(lexer, ")");
    expect(lexer, "{");
    while (!at(lexer, "}")) {
        expect(lexer, "{");
        if (!at(lexer, "}")) {
            Place place = lexer->place;
            char name[64], value[64];

            read_string(lexer, name, sizeof(name));
            expect(lexer, ",");
            if (!read_string(lexer, value, sizeof(value)) ||
                !apply_property(cpu, name, value)) {
                give_up(place, "property '%s' of a CPU model; teach "
                        "gen-cpu-tables about it", name);
            }
            end_item(lexer);
        }
        expect(lexer, "}");
        end_item(lexer);
    }
    next(lexer);
}

/* A version starts as the one before it, the first one as @base. */
static UpstreamVersion *add_version(UpstreamModel *model, int number,
                                    const Cpu *base)
{
    UpstreamVersion *version;

    model->versions = grow(model->versions, model->count,
                           sizeof(*model->versions));
    version = &model->versions[model->count++];
    version->number = number;
    copy_cpu(&version->cpu, model->count > 1 ? &version[-1].cpu : base);
    return version;
}

/* (X86CPUVersionDefinition[]) { { .version = 1 }, ..., { } } */
static void read_versions(Lexer *lexer, UpstreamModel *model, const Cpu *base)
{
    expect(lexer, "(");
    expect(lexer, "X86CPUVersionDefinition");
    expect(lexer, "[");
    expect(lexer, "]");
    expect(lexer, ")");
    expect(lexer, "{");
    while (!at(lexer, "}")) {
        UpstreamVersion *version = NULL;

        expect(lexer, "{");
        while (!at(lexer, "}")) {
            char key[32], text[64];

            expect_member(lexer, key, sizeof(key), NULL);
            if (!strcmp(key, "version")) {
                version = add_version(model, read_expression(lexer), base);
            } else if (!version) {
                give_up(lexer->place, "'.version' is not the first member");
            } else if (!strcmp(key, "alias")) {
                read_string(lexer, text, sizeof(text));
                version->alias = copy_text(text, strlen(text));
            } else if (!strcmp(key, "note")) {
                skip_value(lexer);
            } else if (!strcmp(key, "props")) {
                read_props(lexer, &version->cpu);
            } else if (!strcmp(key, "cache_info")) {
                read_cache_reference(lexer, &version->cpu);
            } else {
                give_up(lexer->place, "unknown member '.%s'; teach "
                        "gen-cpu-tables about it", key);
            }
            end_item(lexer);
        }
        next(lexer);
        end_item(lexer);
    }
    next(lexer);
}

/* A string, or a macro that stands for one */
static void read_vendor(Lexer *lexer, Cpu *cpu)
{
    Lexer value = { .place = lexer->place };
    char *line;

    if (lexer->type == TOKEN_STRING) {
        read_string(lexer, cpu->vendor, sizeof(cpu->vendor));
        return;
    }
    line = macro_line(lexer, lexer->text);
    value.pos = line;
    next(&value);
    read_string(&value, cpu->vendor, sizeof(cpu->vendor));
    free(line);
    next(lexer);
}

static void read_upstream_model(Lexer *lexer)
{
    UpstreamModel *model;
    Cpu *cpu = new_memory(sizeof(*cpu));
    int i;

    upstream_models = grow(upstream_models, nupstream_models,
                           sizeof(*upstream_models));
    model = &upstream_models[nupstream_models++];
    model->place = lexer->place;
    copy_cpu(cpu, cpu);
    for (i = 0; i < NUMBERS; i++) {
        /* Without a line, it is 0; AVX10 is what few have. */
        cpu->given[i] = i != AVX10_VERSION;
    }
    expect(lexer, "{");
    while (!at(lexer, "}")) {
        char key[64], index[64];

        expect_member(lexer, key, sizeof(key), index);
        if (model->count && strcmp(key, "deprecation_note")) {
            give_up(lexer->place, "'.%s' after '.versions'; teach "
                    "gen-cpu-tables about it", key);
        }
        if (!strcmp(key, "name")) {
            read_string(lexer, model->name, sizeof(model->name));
        } else if (!strcmp(key, "vendor")) {
            read_vendor(lexer, cpu);
        } else if (!strcmp(key, "model_id")) {
            if (!read_string(lexer, cpu->model_id, sizeof(cpu->model_id))) {
                /* It has QEMU's version in it. */
                cpu->model_id[0] = '\0';
            }
        } else if (!strcmp(key, "features")) {
            i = find_word(index);
            if (i < 0) {
                give_up(lexer->place, "'%s' is no feature word", index);
            }
            cpu->words[i] = read_expression(lexer);
        } else if (!strcmp(key, "cache_info")) {
            read_cache_reference(lexer, cpu);
        } else if (!strcmp(key, "deprecation_note")) {
            skip_value(lexer);
        } else if (!strcmp(key, "versions")) {
            read_versions(lexer, model, cpu);
        } else {
            i = find_number(!strcmp(key, "avx10_version") ? "avx10-version"
                                                          : key);
            if (i < 0) {
                give_up(lexer->place, "unknown member '.%s'; teach "
                        "gen-cpu-tables about it", key);
            }
            cpu->numbers[i] = read_expression(lexer);
            cpu->given[i] = true;
        }
        end_item(lexer);
    }
    next(lexer);
    if (!model->name[0]) {
        give_up(model->place, "a CPU model without a name");
    }
    if (!model->count) {
        add_version(model, 1, cpu);
    }
    free(cpu->knobs);
    free(cpu);
}

static void read_upstream_models(const char *path, const char *text)
{
    static const char start[] = "X86CPUDefinition builtin_x86_defs[] = {";
    Lexer lexer;

    lex_from(&lexer, path, text, start);
    while (!at(&lexer, "}")) {
        read_upstream_model(&lexer);
        end_item(&lexer);
    }
}

void read_models(const char *cpu_c)
{
    const char *text = NULL;
    int i;

    for (i = 0; macro_texts[i]; i++) {
        text = macro_texts[i];
    }
    read_dependencies(cpu_c, text);
    read_knobs(cpu_c, text);
    read_caches(cpu_c, text);
    read_upstream_models(cpu_c, text);
}
