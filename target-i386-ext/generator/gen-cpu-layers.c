/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What machine types of each release line set on CPUs
 *
 * Answers, for the build: what does tables/machines say, and is it what was
 * released?  `make layers` writes the tables, one for each release line, from
 * its QEMU:
 *
 *     line 10.0
 *     newest pc-q35-10.0
 *
 *     machine pc-q35-9.2
 *         like    pc-q35-10.0
 *         version 1
 *         all     x-some-property off
 *         model   qemu64 level 4
 *
 * A line's machine types never change.  The lock file has them again, which
 * detects edits of tables.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gen-cpu-layers.h"
#include "gen-cpu-models.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV" \
                        "WXYZ0123456789-_.+"

typedef struct Row {
    Place place;
    char model[64];             /* "": all CPUs */
    char property[64];
    const char *value;
} Row;

typedef struct Machine {
    Place place;
    char name[64];
    int like;                   /* in the same line, or -1 */
    int version;                /* of models; 0: those without versions */
    bool has_version;
    bool sets_version;          /* by itself, not by 'like' */
    Row *rows;
    size_t nrows;
} Machine;

typedef struct Line {
    Place place;
    uint32_t version;
    char newest[64];
    Place newest_place;
    bool site;
    Machine *machines;
    size_t nmachines;
} Line;

typedef struct Lines {
    Line *lines;
    size_t count;
} Lines;

static Lines tables;

/* ---- reading ---- */

static bool copy_name(Place place, const char *what, const char *name,
                      char copy[64])
{
    if (!name || strlen(name) >= 64 || name[strspn(name, NAME_CHARACTERS)]) {
        complain(place, "'%s': %s has up to 63 letters, digits, '-', '_', "
                 "'.' and '+'", name ?: "", what);
        return false;
    }
    strcpy(copy, name);
    return true;
}

static Machine *find_machine(Line *line, const char *name)
{
    size_t i;

    for (i = 0; i < line->nmachines; i++) {
        if (!strcmp(line->machines[i].name, name)) {
            return &line->machines[i];
        }
    }
    return NULL;
}

static Line *begin_line(Lines *all, Place place, char *text, bool site)
{
    const char *version = cut(&text);
    Line line = { .place = place, .site = site };
    size_t i;

    if (!version || !parse_machine_version(version, &line.version) ||
        cut(&text)) {
        complain(place, "'line' is followed by a release line of QEMU, such "
                 "as '10.0'");
        return NULL;
    }
    for (i = 0; i < all->count; i++) {
        if (all->lines[i].version == line.version &&
            all->lines[i].site == site) {
            complain(place, "line %s again; it is in %s:%d already", version,
                     all->lines[i].place.file, all->lines[i].place.line);
            return NULL;
        }
    }
    all->lines = grow(all->lines, all->count, sizeof(*all->lines));
    all->lines[all->count] = line;
    return &all->lines[all->count++];
}

static Machine *begin_machine(Line *line, Place place, char *text)
{
    Machine machine = { .place = place, .like = -1 };
    const Machine *other;

    if (!copy_name(place, "a machine type's name", cut(&text),
                   machine.name)) {
        return NULL;
    }
    if (cut(&text)) {
        complain(place, "'machine' is followed by a name alone");
        return NULL;
    }
    other = find_machine(line, machine.name);
    if (other) {
        complain(place, "machine type '%s' again; it is in line %d already",
                 machine.name, other->place.line);
        return NULL;
    }
    line->machines = grow(line->machines, line->nmachines,
                          sizeof(*line->machines));
    line->machines[line->nmachines] = machine;
    return &line->machines[line->nmachines++];
}

static void read_like(Line *line, Machine *machine, Place place, char *text)
{
    const char *name = cut(&text);
    const Machine *other = name ? find_machine(line, name) : NULL;

    if (machine->like >= 0) {
        complain(place, "'like' again");
        return;
    }
    if (!other || other == machine || cut(&text)) {
        complain(place, "'like' is followed by a machine type that is "
                 "further up in this file");
        return;
    }
    machine->like = other - line->machines;
    if (!machine->has_version) {
        machine->version = other->version;
        machine->has_version = other->has_version;
    }
}

static void read_version(Machine *machine, Place place, char *text)
{
    const char *version = cut(&text);
    uint64_t number = 0;

    if (machine->sets_version) {
        complain(place, "'version' again");
        return;
    }
    if (!version || cut(&text) ||
        (strcmp(version, "legacy") &&
         (!parse_whole_number(version, &number) || !number ||
          number > 1000))) {
        complain(place, "'version' is followed by the number of a version of "
                 "CPU models, or 'legacy'");
        return;
    }
    machine->version = number;
    machine->has_version = machine->sets_version = true;
}

static void read_newest(Line *line, Place place, char *text)
{
    const char *name = cut(&text);

    if (*line->newest) {
        complain(place, "'newest' again; it is in line %d already",
                 line->newest_place.line);
    } else if (cut(&text)) {
        complain(place, "'newest' is followed by a machine type alone");
    } else if (copy_name(place, "a machine type's name", name,
                         line->newest)) {
        line->newest_place = place;
    }
}

/* PROPERTY VALUE, after MODEL if it is not for all CPUs */
static void read_row(Machine *machine, Place place, char *text, bool of_model)
{
    Row row = { .place = place };
    size_t i;

    if ((of_model && !copy_name(place, "a CPU model's name", cut(&text),
                                row.model)) ||
        !copy_name(place, "a property's name", cut(&text), row.property)) {
        return;
    }
    text += strspn(text, " \t");
    if (!*text) {
        complain(place, "'%s' has no value", row.property);
        return;
    }
    for (i = 0; i < machine->nrows; i++) {
        if (!strcmp(machine->rows[i].model, row.model) &&
            !strcmp(machine->rows[i].property, row.property)) {
            complain(place, "'%s' again; it is in line %d already",
                     row.property, machine->rows[i].place.line);
            return;
        }
    }
    row.value = copy_text(text, strlen(text));
    machine->rows = grow(machine->rows, machine->nrows,
                         sizeof(*machine->rows));
    machine->rows[machine->nrows++] = row;
}

static void read_lines(Lines *all, const char *path, bool site)
{
    Table table = { .place = { path, 0 }, .rest = read_file(path) };
    Line *line = NULL;
    Machine *machine = NULL;
    char *text;

    while ((text = next_line(&table))) {
        const char *key = cut(&text);

        text += strspn(text, " \t");
        if (!strcmp(key, "line")) {
            line = begin_line(all, table.place, text, site);
            machine = NULL;
        } else if (!line) {
            complain(table.place, "'%s' is not in a 'line' block", key);
            return;
        } else if (!strcmp(key, "newest")) {
            read_newest(line, table.place, text);
        } else if (!strcmp(key, "machine")) {
            machine = begin_machine(line, table.place, text);
        } else if (!machine) {
            complain(table.place, "'%s' is not in a 'machine' block", key);
        } else if (!strcmp(key, "like")) {
            read_like(line, machine, table.place, text);
        } else if (!strcmp(key, "version")) {
            read_version(machine, table.place, text);
        } else if (!strcmp(key, "all") || !strcmp(key, "model")) {
            read_row(machine, table.place, text, key[0] == 'm');
        } else {
            complain(table.place, "unknown key '%s'; there are line, newest, "
                     "machine, like, version, all and model", key);
        }
    }
}

void read_layers_table(const char *path, bool site)
{
    read_lines(&tables, path, site);
}

/* ---- checking ---- */

/*
 * Whether the table of this line has @name, or, for one of a site, the table
 * that comes with us: so each machine type leads to the newest ones.
 */
static bool is_of_line(Line *line, const char *name)
{
    size_t i;

    for (i = 0; i < tables.count; i++) {
        Line *other = &tables.lines[i];

        if ((other == line || (line->site && !other->site)) &&
            other->version == line->version && find_machine(other, name)) {
            return true;
        }
    }
    return false;
}

void check_layers(void)
{
    size_t i, j;

    for (i = 0; i < tables.count; i++) {
        Line *line = &tables.lines[i];

        if (!*line->newest) {
            complain(line->place, "a line needs 'newest', the newest machine "
                     "type of that QEMU");
        } else if (!is_of_line(line, line->newest)) {
            complain(line->newest_place, "no table of line %u.%u has machine "
                     "type '%s'", line->version >> 16, line->version & 0xffff,
                     line->newest);
        }
        for (j = 0; j < line->nmachines; j++) {
            const Machine *machine = &line->machines[j];

            if (!machine->has_version) {
                complain(machine->place, "machine type '%s' needs 'version', "
                         "or 'like' one that has it", machine->name);
            }
            if (line->site && is_upstream_machine_type(machine->name)) {
                complain(machine->place, "machine type '%s' is upstream's own",
                         machine->name);
            }
        }
    }
}

/* All rows of @machine in effect, in order; the caller frees the array. */
static const Row **all_rows(const Line *line, const Machine *machine,
                            size_t *count)
{
    const Row **rows = NULL;
    size_t i, j, kept;

    *count = 0;
    if (machine->like >= 0) {
        rows = all_rows(line, &line->machines[machine->like], count);
    }
    for (i = 0; i < machine->nrows; i++) {
        const Row *row = &machine->rows[i];

        for (j = kept = 0; j < *count; j++) {
            if (strcmp(rows[j]->model, row->model) ||
                strcmp(rows[j]->property, row->property)) {
                rows[kept++] = rows[j];
            }
        }
        *count = kept;
        rows = grow(rows, *count, sizeof(*rows));
        rows[(*count)++] = row;
    }
    return rows;
}

static const char *of_model(const Row *row)
{
    return *row->model ? row->model : "all CPUs";
}

static void compare_rows(const Line *line, const Machine *machine,
                         const Line *old_line, const Machine *old)
{
    size_t count, old_count, i;
    const Row **rows = all_rows(line, machine, &count);
    const Row **old_rows = all_rows(old_line, old, &old_count);

    for (i = 0; i < count || i < old_count; i++) {
        const Row *row = i < count ? rows[i] : NULL;
        const Row *was = i < old_count ? old_rows[i] : NULL;

        if (row && was && !strcmp(row->model, was->model) &&
            !strcmp(row->property, was->property)) {
            if (strcmp(row->value, was->value)) {
                complain(row->place, "machine type '%s' is released: '%s' of "
                         "%s was '%s', would be '%s'", machine->name,
                         row->property, of_model(row), was->value,
                         row->value);
                break;
            }
        } else {
            complain(row ? row->place : machine->place, "machine type '%s' is "
                     "released: it had %s%s%s here, would have %s%s%s",
                     machine->name, was ? was->property : "nothing more",
                     was ? " of " : "", was ? of_model(was) : "",
                     row ? row->property : "nothing more",
                     row ? " of " : "", row ? of_model(row) : "");
            break;
        }
    }
    free(rows);
    free(old_rows);
}

static void check_released_line(Line *released)
{
    Line *line = NULL;
    size_t i;

    for (i = 0; i < tables.count; i++) {
        if (tables.lines[i].version == released->version &&
            tables.lines[i].site == released->site) {
            line = &tables.lines[i];
        }
    }
    if (!line) {
        complain(released->place, "line %u.%u is released, and no table has "
                 "it", released->version >> 16, released->version & 0xffff);
        return;
    }
    if (strcmp(line->newest, released->newest)) {
        complain(line->newest_place, "line %u.%u is released: its newest "
                 "machine type was %s, would be %s", line->version >> 16,
                 line->version & 0xffff, released->newest, line->newest);
    }
    for (i = 0; i < released->nmachines; i++) {
        const Machine *old = &released->machines[i];
        const Machine *machine = find_machine(line, old->name);

        if (!machine) {
            complain(old->place, "machine type '%s' is released and must "
                     "stay in the table of line %u.%u", old->name,
                     line->version >> 16, line->version & 0xffff);
            continue;
        }
        if (machine->version != old->version) {
            complain(machine->place, "machine type '%s' is released: "
                     "unversioned names of CPU models were version %d, would "
                     "be version %d", machine->name, old->version,
                     machine->version);
        }
        compare_rows(line, machine, released, old);
    }
}

void check_released_layers(const char *path, bool site)
{
    Lines lock = { };
    size_t i;

    read_lines(&lock, path, site);
    end_if_failed();
    for (i = 0; i < lock.count; i++) {
        check_released_line(&lock.lines[i]);
    }
}

/* ---- C ---- */

static void print_rows(const Line *line, size_t number)
{
    size_t i, j;

    for (i = 0; i < line->nmachines; i++) {
        const Machine *machine = &line->machines[i];

        if (machine->nrows) {
            printf("static const Row rows_%zu_%zu[] = {\n", number, i);
            for (j = 0; j < machine->nrows; j++) {
                const Row *row = &machine->rows[j];

                if (*row->model) {
                    printf("    { X86_CPU_TYPE_NAME(\"%s\"),\n      ",
                           row->model);
                } else {
                    printf("    { TYPE_X86_CPU, ");
                }
                printf("\"%s\", \"%s\" },\n", row->property, row->value);
            }
            printf("};\n\n");
        }
    }
}

static void print_line(const Line *line, size_t number)
{
    size_t i;

    print_rows(line, number);
    printf("static const RemovedMachine machines_%zu[] = {\n", number);
    for (i = 0; i < line->nmachines; i++) {
        const Machine *machine = &line->machines[i];

        printf("    { \"%s\", %d, %d", machine->name, machine->like + 1,
               machine->version);
        if (machine->nrows) {
            printf(", rows_%zu_%zu, %zu", number, i, machine->nrows);
        }
        printf(" },\n");
    }
    printf("};\n\n");
}

static int compare_lines(const void *a, const void *b)
{
    const Line *la = a, *lb = b;

    if (la->version != lb->version) {
        return la->version < lb->version ? 1 : -1;
    }
    return la->site - lb->site;
}

void print_layers(uint32_t newest)
{
    size_t i, count = 0;

    printf("/* Generated by gen-cpu-tables; do not edit. */\n\n");
    if (tables.count) {
        qsort(tables.lines, tables.count, sizeof(*tables.lines),
              compare_lines);
    }
    for (i = 0; i < tables.count; i++) {
        if (tables.lines[i].version <= newest && tables.lines[i].nmachines) {
            print_line(&tables.lines[i], i);
        }
    }
    printf("static const ReleaseLine release_lines[] = {\n");
    for (i = 0; i < tables.count; i++) {
        const Line *line = &tables.lines[i];

        if (line->version <= newest && line->nmachines) {
            printf("    { machines_%zu, %zu, \"%s\" },\n", i,
                   line->nmachines, line->newest);
            count++;
        }
    }
    if (!count) {
        printf("    { }\n");
    }
    printf("};\n");
}
