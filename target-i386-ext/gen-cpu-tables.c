/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Generator of the static CPU tables
 *
 * A native program, run by the build.  It takes the names and bits of the
 * features from the feature words in cpu.c of the QEMU tree that is being
 * built, and what they are and what others call them from our declarative
 * tables, joins the two, and writes C.  Its output is never committed.
 *
 *   gen-cpu-tables CPU_C FEATURES_TBL HEADER... > x86-cpu-tables.c.inc
 *
 * The headers are those that define the macros for leaves and MSRs.
 *
 * It writes nothing unless everything fits; each error names file and line,
 * what is wrong and what would be right.  The same input gives the same
 * output, byte for byte.
 *
 * Plain C, for a cross build may have no libraries for the build machine.
 */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS       128
#define MAX_FEATURES    2048
#define MAX_BITS        8
#define MAX_ALIASES     8
#define MAX_HEADERS     8
#define MAX_WHAT        60

/* Where an error is: a file and a line of it, from 1 */
typedef struct Place {
    const char *file;
    int line;
} Place;

typedef struct Word {
    char name[64];              /* FEAT_7_0_EBX */
    Place place;
    bool msr;
    char index[64];             /* leaf, or the name of the MSR */
    char subleaf[32];
    char reg[16];               /* R_EBX */
    uint32_t number;            /* value of index */
    uint32_t subleaf_number;
} Word;

typedef struct Feature {
    char name[64];
    Place place;
    int word;
    int bits[MAX_BITS];
    int nbits;
    char aliases[MAX_ALIASES][64];
    int naliases;
    /* The row of features.tbl, NULL if there is none yet */
    const char *cpuinfo, *libvirt, *what, *note;
    Place row;
} Feature;

static Word words[MAX_WORDS];
static int nwords;
static Feature features[MAX_FEATURES];
static int nfeatures;
static bool failed;

static void print_error(Place place, const char *format, va_list ap)
{
    fprintf(stderr, "%s:%d: ", place.file, place.line);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
}

/* An error after which it is worth looking for more */
static void __attribute__((format(printf, 2, 3)))
complain(Place place, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    print_error(place, format, ap);
    va_end(ap);
    failed = true;
}

/* An error that leaves nothing to go on with */
static void __attribute__((noreturn, format(printf, 2, 3)))
give_up(Place place, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    print_error(place, format, ap);
    va_end(ap);
    exit(1);
}

/* The number that @text begins with, decimal or 0x; false if none does. */
static bool parse_number(const char *text, long long *number)
{
    return sscanf(text, "%lli", number) == 1;
}

static char *read_file(const char *path)
{
    Place place = { path, 0 };
    size_t size = 0, room = 1 << 16, got;
    char *text = malloc(room);
    FILE *file = fopen(path, "rb");

    if (!file) {
        give_up(place, "%s", strerror(errno));
    }
    while (text && (got = fread(text + size, 1, room - size - 1, file))) {
        size += got;
        if (room - size < 2) {
            room *= 2;
            text = realloc(text, room);
        }
    }
    if (!text || ferror(file)) {
        give_up(place, "cannot read it: %s", strerror(errno));
    }
    fclose(file);
    text[size] = '\0';
    if (strlen(text) != size) {
        give_up(place, "it is not text: it has a NUL byte");
    }
    return text;
}

/* ---- the feature words of cpu.c ---- */

typedef enum TokenType {
    TOKEN_END, TOKEN_NAME, TOKEN_STRING, TOKEN_OTHER,
} TokenType;

typedef struct Lexer {
    Place place;
    const char *pos;
    TokenType type;
    char text[128];             /* of TOKEN_OTHER: one character */
} Lexer;

/* Skips white space and comments, counting lines. */
static void skip_blank(Lexer *lexer)
{
    for (;;) {
        if (*lexer->pos == '\n') {
            lexer->place.line++;
            lexer->pos++;
        } else if (isspace((unsigned char)*lexer->pos)) {
            lexer->pos++;
        } else if (!strncmp(lexer->pos, "//", 2)) {
            lexer->pos += strcspn(lexer->pos, "\n");
        } else if (lexer->pos[0] == '/' && lexer->pos[1] == '*') {
            const char *end = strstr(lexer->pos + 2, "*/");

            if (!end) {
                give_up(lexer->place, "comment without an end");
            }
            for (; lexer->pos < end + 2; lexer->pos++) {
                lexer->place.line += *lexer->pos == '\n';
            }
        } else {
            return;
        }
    }
}

static void next(Lexer *lexer)
{
    const char *start;
    size_t length;

    skip_blank(lexer);
    start = lexer->pos;
    if (!*start) {
        lexer->type = TOKEN_END;
        length = 0;
    } else if (*start == '"') {
        lexer->type = TOKEN_STRING;
        length = strcspn(++start, "\"\\\n");
        if (start[length] != '"') {
            give_up(lexer->place, "string that is not plain");
        }
        lexer->pos = start + length + 1;
    } else if (isalnum((unsigned char)*start) || *start == '_') {
        lexer->type = TOKEN_NAME;
        length = strspn(start, "abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        lexer->pos = start + length;
    } else {
        lexer->type = TOKEN_OTHER;
        length = 1;
        if (*start == '#') {
            give_up(lexer->place, "preprocessor line inside of "
                    "feature_word_info; teach gen-cpu-tables about it");
        }
        lexer->pos = start + 1;
    }
    if (length >= sizeof(lexer->text)) {
        give_up(lexer->place, "token of %zu characters", length);
    }
    memcpy(lexer->text, start, length);
    lexer->text[length] = '\0';
}

static bool at(const Lexer *lexer, const char *text)
{
    return lexer->type != TOKEN_STRING && lexer->type != TOKEN_END &&
           !strcmp(lexer->text, text);
}

static void expect(Lexer *lexer, const char *text)
{
    if (!at(lexer, text)) {
        give_up(lexer->place, "expected '%s', found '%s'", text,
                lexer->type == TOKEN_END ? "end of file" : lexer->text);
    }
    next(lexer);
}

static void expect_name(Lexer *lexer, char *name, size_t size)
{
    if (lexer->type != TOKEN_NAME || strlen(lexer->text) >= size) {
        give_up(lexer->place, "expected a name or number, found '%s'",
                lexer->text);
    }
    strcpy(name, lexer->text);
    next(lexer);
}

/* .NAME = */
static void expect_member(Lexer *lexer, char *name, size_t size)
{
    expect(lexer, ".");
    expect_name(lexer, name, size);
    expect(lexer, "=");
}

/* After an item of a braced list there is a comma, or the list ends. */
static void end_item(Lexer *lexer)
{
    if (!at(lexer, "}")) {
        expect(lexer, ",");
    }
}

/* Skips an expression: all up to a comma or brace that is not inside. */
static void skip_value(Lexer *lexer)
{
    int depth = 0;

    while (depth || (!at(lexer, ",") && !at(lexer, "}"))) {
        if (lexer->type == TOKEN_END) {
            give_up(lexer->place, "end of file inside of feature_word_info");
        }
        depth += at(lexer, "{") + at(lexer, "(");
        depth -= at(lexer, "}") + at(lexer, ")");
        next(lexer);
    }
}

static Feature *find_feature(const char *name)
{
    int i;

    for (i = 0; i < nfeatures; i++) {
        if (!strcmp(features[i].name, name)) {
            return &features[i];
        }
    }
    return NULL;
}

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
        if (nfeatures == MAX_FEATURES || strlen(name) >=
            sizeof(feature->name)) {
            give_up(place, "too many features, or too long a name: '%s'",
                    name);
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
            if (!parse_number(number, &value) || value < 0 || value > 63) {
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

        expect_member(lexer, key, sizeof(key));
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

        expect_member(lexer, key, sizeof(key));
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
    const char *found, *last = text, *c;

    for (found = strstr(text, call); found; found = strstr(found + 1, call)) {
        char alias[64], name[64];
        Feature *feature;

        for (c = last; c < found; c++) {
            place.line += *c == '\n';
        }
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

static void read_feature_words(const char *path)
{
    static const char start[] =
        "FeatureWordInfo feature_word_info[FEATURE_WORDS] = {";
    Lexer lexer = { .place = { path, 1 } };
    char *text = read_file(path);
    const char *found = strstr(text, start), *c;

    if (!found) {
        give_up(lexer.place, "no '%s' in it", start);
    }
    for (c = text; c < found; c++) {
        lexer.place.line += *c == '\n';
    }
    lexer.pos = found + strlen(start);
    next(&lexer);
    while (!at(&lexer, "}")) {
        read_word(&lexer);
        end_item(&lexer);
    }
    if (!nfeatures) {
        give_up(lexer.place, "feature_word_info names no feature");
    }
    read_aliases((Place) { path, 1 }, text);
    free(text);
}

/* The text behind "#define NAME " in one of the headers, NULL if in none */
static const char *find_macro(const char *name, char *const *headers)
{
    char define[96];
    const char *found;

    snprintf(define, sizeof(define), "#define %s", name);
    for (; *headers; headers++) {
        for (found = strstr(*headers, define); found;
             found = strstr(found + 1, define)) {
            if (isspace((unsigned char)found[strlen(define)])) {
                return found + strlen(define);
            }
        }
    }
    return NULL;
}

/* The value of what stands for a number in word @word */
static uint32_t number_of(const Word *word, const char *name,
                          char *const *headers)
{
    const char *value = name;
    long long number;

    if (!isdigit((unsigned char)*name)) {
        value = find_macro(name, headers);
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

/* Leaves, sub-leaves and MSRs, some of which are macros from the headers */
static void read_numbers(char **paths)
{
    char *headers[MAX_HEADERS + 1] = { };
    int i;

    for (i = 0; paths[i]; i++) {
        headers[i] = read_file(paths[i]);
    }
    for (i = 0; i < nwords; i++) {
        words[i].number = number_of(&words[i], words[i].index, headers);
        if (words[i].subleaf[0]) {
            words[i].subleaf_number = number_of(&words[i], words[i].subleaf,
                                                headers);
        }
    }
    for (i = 0; headers[i]; i++) {
        free(headers[i]);
    }
}

/* ---- features.tbl ---- */

/* The next word of *line, cut out of it; NULL if there is none. */
static char *cut(char **line)
{
    char *start = *line + strspn(*line, " \t");
    size_t length = strcspn(start, " \t");

    if (!length) {
        return NULL;
    }
    *line = start + length;
    if (**line) {
        *(*line)++ = '\0';
    }
    return start;
}

static void read_note(Place place, char *line, Feature *last)
{
    line += strspn(line, " \t");
    if (strncmp(line, "note: ", 6) || !line[6]) {
        complain(place, "a line that begins with white space must be "
                 "'note: TEXT'");
    } else if (!last) {
        complain(place, "a note without a row before it");
    } else if (last->note) {
        complain(place, "a second note for '%s'", last->name);
    } else {
        last->note = line + 6;
    }
}

/* A row; returns its feature, NULL if it has none. */
static Feature *read_row(Place place, char *line, const Feature *before)
{
    char *name = cut(&line), *cpuinfo = cut(&line), *libvirt = cut(&line);
    char *what = line + strspn(line, " \t");
    Feature *feature;

    if (!libvirt || !*what) {
        complain(place, "'%s': a row is QEMU's name, the name in "
                 "/proc/cpuinfo or -, libvirt's name or -, what it is", name);
        return NULL;
    }
    feature = find_feature(name);
    if (!feature) {
        complain(place, "'%s' is no feature of this QEMU; remove the row, or "
                 "correct the name", name);
        return NULL;
    }
    if (feature->what) {
        complain(place, "a second row for '%s', the first is in line %d",
                 name, feature->row.line);
        return feature;
    }
    if (strlen(what) > MAX_WHAT || what[strlen(what) - 1] == '.') {
        complain(place, "'%s': say what it is in at most %d characters, "
                 "without a full stop", name, MAX_WHAT);
    }
    if (before && feature < before) {
        complain(place, "'%s' is out of order: QEMU has it before '%s'",
                 name, before->name);
    }
    feature->row = place;
    feature->cpuinfo = cpuinfo;
    feature->libvirt = libvirt;
    feature->what = what;
    return feature;
}

static void read_features_tbl(const char *path)
{
    Place place = { path, 0 };
    char *line, *rest = read_file(path);
    Feature *last = NULL;
    int i;

    /* The rows point into the text, which is therefore not freed. */
    while (*rest) {
        size_t length = strcspn(rest, "\n");
        const char *c;

        line = rest;
        rest += length + !!rest[length];
        line[length] = '\0';
        place.line++;
        if (*line == '#') {
            continue;
        }
        for (c = line; *c; c++) {
            if ((!isprint((unsigned char)*c) && *c != '\t') ||
                strchr("\"\\", *c)) {
                complain(place, "column %d: only printable ASCII, without "
                         "\" and \\", (int)(c - line) + 1);
                break;
            }
        }
        while (length && isspace((unsigned char)line[length - 1])) {
            line[--length] = '\0';
        }
        if (*c || !length) {
            continue;
        }
        if (isspace((unsigned char)*line)) {
            read_note(place, line, last);
        } else {
            Feature *feature = read_row(place, line, last);

            last = feature ? feature : last;
        }
    }

    for (i = 0; i < nfeatures; i++) {
        if (!features[i].what) {
            complain(features[i].place, "feature '%s' has no row in %s; add "
                     "after '%s':\n%-21s -                -                "
                     "(what it is)", features[i].name, path,
                     i ? features[i - 1].name : "the heading",
                     features[i].name);
        }
    }
}

/* ---- output ---- */

/*
 * The feature words of the VMX controls hold the upper half of the MSRs
 * (SDM vol. 3, appendix A.3 to A.5).
 */
static int place_bit(const Word *word, int bit)
{
    return bit + (word->number == 0x48b ||
                  (word->number >= 0x48d && word->number <= 0x490 &&
                   word->msr) ? 32 : 0);
}

static void print_place(const Feature *feature)
{
    const Word *word = &words[feature->word];
    int i;

    if (word->msr) {
        printf("MSR %" PRIX32 "h", word->number);
    } else {
        printf("CPUID %02" PRIX32 "h", word->number);
        if (word->subleaf_number) {
            printf(".%" PRIu32, word->subleaf_number);
        }
        printf(" %s", word->reg + 2);
    }
    printf(" bit");
    for (i = 0; i < feature->nbits; i++) {
        printf("%s %d", i ? "," : "", place_bit(word, feature->bits[i]));
    }
}

static void print_string(const char *member, const char *value)
{
    if (value && strcmp(value, "-")) {
        printf("        .%s = \"%s\",\n", member, value);
    }
}

static void print_tables(void)
{
    int i, j;

    printf("/* Made by gen-cpu-tables; do not edit. */\n\n"
           "const X86CPUFeatureInfo x86_cpu_features[] = {\n");
    for (i = 0; i < nfeatures; i++) {
        const Feature *feature = &features[i];

        printf("    {\n"
               "        .name = \"%s\",\n"
               "        .flag = \"f-%s\",\n", feature->name, feature->name);
        printf("        .description = \"%s (", feature->what);
        print_place(feature);
        printf(")\",\n");
        print_string("what", feature->what);
        print_string("cpuinfo", feature->cpuinfo);
        print_string("libvirt", feature->libvirt);
        print_string("note", feature->note);
        if (feature->naliases) {
            printf("        .aliases = (const char *const[]) { ");
            for (j = 0; j < feature->naliases; j++) {
                printf("\"%s\", ", feature->aliases[j]);
            }
            printf("NULL },\n");
        }
        printf("        .word = %s,\n"
               "        .mask = ", words[feature->word].name);
        for (j = 0; j < feature->nbits; j++) {
            printf("%s1ull << %d", j ? " | " : "", feature->bits[j]);
        }
        printf(",\n    },\n");
    }
    printf("};\n\n"
           "const unsigned x86_cpu_features_count = %d;\n", nfeatures);
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 3 + MAX_HEADERS) {
        fprintf(stderr, "usage: %s CPU_C FEATURES_TBL HEADER...\n", argv[0]);
        return 1;
    }
    read_feature_words(argv[1]);
    read_numbers(argv + 3);
    read_features_tbl(argv[2]);
    if (failed) {
        return 1;
    }
    print_tables();
    if (fflush(stdout) || ferror(stdout)) {
        perror("gen-cpu-tables: cannot write");
        return 1;
    }
    return 0;
}
