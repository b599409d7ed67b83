/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The feature dictionary
 *
 * Joins the features of cpu.c with tables/features.tbl, and writes C.
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "gen-cpu-features.h"
#include "gen-cpu-names.h"
#include "gen-cpu-versions.h"

#define MAX_WHAT        60

/* A row that is being read */
typedef struct Row {
    Place place;
    const char *name;           /* NULL if there is none, or it has ended */
    Feature *feature;
    const Feature *before;      /* the last one that this QEMU has */
    bool absent;                /* this QEMU has no such feature */
    uint32_t since;             /* 0 if the row doesn't say */
} Row;

/* Stands for those that this QEMU lacks. */
static Feature absent_feature;

/* needs: FEATURE...; their rows may follow later. */
typedef struct Needs {
    Place place;
    Feature *feature;
    char *names;
} Needs;

static Needs *all_needs;
static size_t nall_needs;

/* As in CpuFeaturePolarity of the QAPI schema; the first is the default. */
static const char *const polarities[] = {
    "capability", "limitation", "hint", "topology",
};

static void read_polarity(Place place, const char *text, Feature *feature)
{
    size_t i;

    if (feature->polarity) {
        complain(place, "a second polarity for '%s'", feature->name);
        return;
    }
    for (i = 0; i < ARRAY_SIZE(polarities); i++) {
        if (!strcmp(text, polarities[i])) {
            feature->polarity = polarities[i];
            return;
        }
    }
    complain(place, "'%s': unknown polarity '%s'; use capability, "
             "limitation, hint or topology", feature->name, text);
}

static void read_since(Place place, const char *text, Row *row)
{
    if (row->since) {
        complain(place, "a second 'since' for '%s'", row->feature->name);
    } else if (!parse_machine_version(text, &row->since)) {
        complain(place, "'%s': '%s' is not a version of QEMU, such as 11.1",
                 row->feature->name, text);
        row->since = NO_MACHINE_VERSION;
    }
}

static void read_more(Place place, char *line, Row *row)
{
    Feature *last = row->feature;

    line += strspn(line, " \t");
    if (!strncmp(line, "since: ", 7) && last) {
        read_since(place, line + 7, row);
    } else if (!strncmp(line, "needs: ", 7) && last) {
        if (!row->absent) {
            all_needs = grow(all_needs, nall_needs, sizeof(*all_needs));
            all_needs[nall_needs++] = (Needs) { place, last, line + 7 };
        }
    } else if (!strncmp(line, "polarity: ", 10) && last) {
        read_polarity(place, line + 10, last);
    } else if (strncmp(line, "note: ", 6)) {
        complain(place, "a line that begins with white space must be "
                 "'note: TEXT', 'needs: FEATURE...', 'since: VERSION' or "
                 "'polarity: KIND'");
    } else if (!last) {
        complain(place, "a note without a row before it");
    } else if (last->note) {
        complain(place, "a second note for '%s'", last->name);
    } else {
        last->note = line + 6;
    }
}

/* Whether @from needs @to, directly or through features not in @seen */
static bool does_need(const Feature *from, const Feature *to, bool *seen)
{
    int i;

    seen[from - features] = true;
    for (i = 0; i < from->nneeds; i++) {
        const Feature *needed = &features[from->needs[i]];

        if (needed == to ||
            (!seen[from->needs[i]] && does_need(needed, to, seen))) {
            return true;
        }
    }
    return false;
}

static void read_needs(const Needs *needs)
{
    Feature *feature = needs->feature;
    char *names = needs->names, *name;

    while ((name = cut(&names))) {
        Feature *needed = find_feature(name);
        bool seen[MAX_FEATURES] = { };

        if (!needed) {
            complain_unknown_feature(needs->place, name);
        } else if (needed == feature || does_need(needed, feature, seen)) {
            complain(needs->place, "'%s' needs itself through '%s'",
                     feature->name, name);
        } else if (feature->nneeds == MAX_NEEDS) {
            complain(needs->place, "'%s' needs more than %d", feature->name,
                     MAX_NEEDS);
        } else {
            feature->needs[feature->nneeds++] = needed - features;
        }
    }
}

/* The length of the flag at the beginning of @text */
static size_t flag_length(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

static void check_cpuinfo(Place place, const char *name, const char *text)
{
    const char *flag, *earlier;
    size_t length;

    if (!strcmp(text, "-")) {
        return;
    }
    for (flag = text;; flag += length + 1) {
        length = flag_length(flag);
        if (!length || (flag[length] && flag[length] != ',')) {
            complain(place, "'%s': '%s' is not a list of flags in "
                     "/proc/cpuinfo: a-z, 0-9 and '_', commas between flags, "
                     "no blanks; - for none", name, text);
            return;
        }
        for (earlier = text; earlier < flag;
             earlier += flag_length(earlier) + 1) {
            if (flag_length(earlier) == length &&
                !strncmp(earlier, flag, length)) {
                complain(place, "'%s' has the flag '%.*s' twice", name,
                         length < MAX_QUOTED ? (int)length : MAX_QUOTED,
                         flag);
                return;
            }
        }
        if (!flag[length]) {
            return;
        }
    }
}

/* Reads a row into *@row; keeps the previous one if there is an error. */
static void read_row(Place place, char *line, Row *row)
{
    char *name = cut(&line), *cpuinfo = cut(&line), *libvirt = cut(&line);
    char *what = line + strspn(line, " \t");
    const Feature *before = row->before;
    Feature *feature;

    if (!libvirt || !*what) {
        complain(place, "'%s': a row is QEMU's name, the flags in "
                 "/proc/cpuinfo or -, libvirt's name or -, what it is", name);
        return;
    }
    feature = find_feature(name);
    *row = (Row) { place, name, feature, feature ?: before, !feature, 0 };
    if (!feature) {
        absent_feature = (Feature) { };
        strncpy(absent_feature.name, name, sizeof(absent_feature.name) - 1);
        row->feature = feature = &absent_feature;
    }
    if (feature->what) {
        complain(place, "a second row for '%s', the first is in line %d",
                 name, feature->row.line);
        return;
    }
    if (strlen(what) > MAX_WHAT || what[strlen(what) - 1] == '.') {
        complain(place, "'%s': say what it is in at most %d characters, "
                 "without a full stop", name, MAX_WHAT);
    }
    check_cpuinfo(place, name, cpuinfo);
    if (before && !row->absent && feature < before) {
        complain(place, "'%s' is out of order: QEMU has it before '%s'",
                 name, before->name);
    }
    feature->row = place;
    feature->cpuinfo = cpuinfo;
    feature->libvirt = libvirt;
    feature->what = what;
}

/* All of *@row has been read; @newest is this QEMU's version. */
static void end_row(Row *row, uint32_t newest)
{
    bool later = row->since > newest;

    if (!row->name) {
        return;
    }
    if (row->absent && !row->since) {
        complain(row->place, "'%s' is not a feature of this QEMU; remove the "
                 "row, or correct the name", row->name);
    } else if (row->absent && !later) {
        complain(row->place, "'%s' is not a feature of this QEMU, although it "
                 "is there since an older one", row->name);
    } else if (!row->absent && later && newest) {
        complain(row->place, "'%s' is a feature of this QEMU, although it is "
                 "only there since a newer one", row->name);
    }
    if (!row->absent) {
        row->feature->since = row->since;
    }
    row->name = NULL;
}

void read_features_tbl(const char *path, uint32_t newest)
{
    /* The rows point into the text, which is therefore not freed. */
    Table table = { .place = { path, 0 }, .rest = read_file(path) };
    Row row = { };
    char *line;
    size_t n;
    int i;

    while ((line = next_line(&table))) {
        if (isspace((unsigned char)*line)) {
            read_more(table.place, line, &row);
        } else {
            end_row(&row, newest);
            read_row(table.place, line, &row);
        }
    }
    end_row(&row, newest);

    for (n = 0; n < nall_needs; n++) {
        read_needs(&all_needs[n]);
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
    bool is_upper = word->msr && (word->number == 0x48b ||
                                  (word->number >= 0x48d &&
                                   word->number <= 0x490));

    return bit + (is_upper ? 32 : 0);
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

static void print_cpuinfo(const char *text)
{
    const char *flag;
    size_t length;

    if (!strcmp(text, "-")) {
        return;
    }
    printf("        .cpuinfo = (const char *const[]) { ");
    for (flag = text; *flag; flag += length + (flag[length] == ',')) {
        length = flag_length(flag);
        printf("\"%.*s\", ", (int)length, flag);
    }
    printf("NULL },\n");
}

static void print_polarity(const char *name)
{
    printf("        .polarity = CPU_FEATURE_POLARITY_");
    for (; *name; name++) {
        putchar(toupper((unsigned char)*name));
    }
    printf(",\n");
}

void print_features(void)
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
        print_cpuinfo(feature->cpuinfo);
        print_string("libvirt", feature->libvirt);
        print_string("note", feature->note);
        print_polarity(feature->polarity ?: polarities[0]);
        if (feature->naliases) {
            printf("        .aliases = (const char *const[]) { ");
            for (j = 0; j < feature->naliases; j++) {
                printf("\"%s\", ", feature->aliases[j]);
            }
            printf("NULL },\n");
        }
        if (feature->since) {
            printf("        .since = 0x%" PRIx32 ",\n", feature->since);
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

