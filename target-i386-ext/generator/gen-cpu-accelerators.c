/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What accelerators set in CPU models
 *
 * For query-cpu-model-table: a process with one accelerator knows the
 * defaults of the others, too.  They are in arrays of kvm-cpu.c and tcg-cpu.c.
 */

#include <stdio.h>
#include <string.h>
#include "gen-cpu-accelerators.h"
#include "gen-cpu-expression.h"
#include "gen-cpu-source.h"

#define MAX_DEFAULTS 64

typedef struct Accelerator {
    const char *name;
    struct {
        const Feature *feature;
        bool on;
    } defaults[MAX_DEFAULTS];
    size_t count;
} Accelerator;

static Accelerator accelerators[2];
static size_t naccelerators;

static void read_default(Lexer *lexer, Accelerator *accel)
{
    Place place = lexer->place;
    char name[64], value[64];
    const Feature *feature;

    if (!read_string(lexer, name, sizeof(name))) {
        give_up(place, "a property of an accelerator's defaults has no name; "
                "teach gen-cpu-tables about it");
    }
    expect(lexer, ",");
    feature = find_feature_or_alias(name);
    if (!feature || !read_string(lexer, value, sizeof(value)) ||
        (strcmp(value, "on") && strcmp(value, "off"))) {
        give_up(place, "'%s' in an accelerator's defaults is not an on/off "
                "feature; teach gen-cpu-tables about it", name);
    }
    if (accel->count == MAX_DEFAULTS) {
        give_up(place, "more than %d defaults of an accelerator",
                MAX_DEFAULTS);
    }
    accel->defaults[accel->count].feature = feature;
    accel->defaults[accel->count++].on = !strcmp(value, "on");
}

void read_accelerator(const char *name, const char *path)
{
    Accelerator *accel = &accelerators[naccelerators++];
    char start[64];
    Lexer lexer;

    accel->name = name;
    snprintf(start, sizeof(start), "%s_default_props[] = {", name);
    lex_from(&lexer, path, read_file(path), start);
    while (!at(&lexer, "}")) {
        expect(&lexer, "{");
        if (at(&lexer, "NULL")) {
            return;
        }
        read_default(&lexer, accel);
        expect(&lexer, "}");
        end_item(&lexer);
    }
    give_up(lexer.place, "the defaults of an accelerator end without NULL");
}

void print_accelerators(void)
{
    size_t i, j;

    for (i = 0; i < naccelerators; i++) {
        const Accelerator *accel = &accelerators[i];

        printf("\nconst X86CPUAcceleratorDefault x86_cpu_%s_defaults[] = {\n",
               accel->name);
        for (j = 0; j < accel->count; j++) {
            printf("    { \"%s\", %s },\n", accel->defaults[j].feature->name,
                   accel->defaults[j].on ? "true" : "false");
        }
        printf("    { }\n};\n");
    }
}
