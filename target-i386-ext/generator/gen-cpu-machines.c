/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Distributors' machine types
 *
 * Answers: which of upstream's machine types does pc-q35-rhel9.6.0 or
 * pc-q35-noble stand for?  Their names don't say; tables do, in lines such as
 *
 *     machine pc-q35-noble is pc-q35-8.2
 *
 * Then 'machines' blocks for that version apply to them, and descriptions of
 * CPUs have the upstream name, which other QEMUs know.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "gen-cpu-models.h"

typedef struct MachineType {
    Place place;
    char name[64];
    char upstream[64];
    uint32_t version;           /* of @upstream */
    bool site;
} MachineType;

static MachineType *types;
static size_t ntypes;

/* What follows pc-i440fx- or pc-q35- in @name, or NULL */
static const char *version_text(const char *name)
{
    static const char *const families[] = { "pc-i440fx-", "pc-q35-" };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(families); i++) {
        size_t length = strlen(families[i]);

        if (!strncmp(name, families[i], length)) {
            return name + length;
        }
    }
    return NULL;
}

/* Whether a QEMU had machine types of this version, or a later one may */
static bool was_released(uint32_t version)
{
    /* The last releases with these major numbers; 1.4 had the first types. */
    static const uint32_t last_minors[] = {
        [1] = 7, [2] = 12, [3] = 1, [4] = 2, [5] = 2, [6] = 2, [7] = 2,
        [8] = 2, [9] = 2, [10] = 2,
    };
    uint32_t major = version >> 16;

    return version >= MACHINE_VERSION(1, 4) &&
           (major >= ARRAY_SIZE(last_minors) ||
            (version & 0xffff) <= last_minors[major]);
}

/* Whether @name is pc-i440fx-X.Y or pc-q35-X.Y, and which version that is */
static bool is_upstream(const char *name, uint32_t *version)
{
    const char *text = version_text(name);

    if (!strcmp(name, "pc-q35-4.0.1")) {
        text = "4.0";           /* the only one that a stable release added */
    }
    return text && parse_machine_version(text, version) &&
           was_released(*version);
}

/* QEMU's unversioned machine types, and its aliases */
static bool is_unversioned(const char *name)
{
    return !strcmp(name, "isapc") || !strcmp(name, "microvm") ||
           !strcmp(name, "none") || !strcmp(name, "x-remote") ||
           !strcmp(name, "pc") || !strcmp(name, "q35");
}

bool is_upstream_machine_type(const char *name)
{
    const char *text = version_text(name);
    uint32_t version;

    return (text && parse_qemu_version(text, &version)) ||
           is_unversioned(name);
}

static const MachineType *find_type(const char *name)
{
    size_t i;

    for (i = 0; i < ntypes; i++) {
        if (!strcmp(types[i].name, name)) {
            return &types[i];
        }
    }
    return NULL;
}

/* NAME is TYPE */
static bool parse_type(MachineType *type, Place place, char *line)
{
    const char *name = cut(&line), *is = cut(&line);
    const char *upstream = cut(&line);

    if (!upstream || strcmp(is, "is") || cut(&line)) {
        complain(place, "'machine' is followed by 'NAME is TYPE', such as "
                 "'pc-q35-acme is pc-q35-9.2'");
        return false;
    }
    if (strlen(name) >= sizeof(type->name) ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                    "WXYZ0123456789-_.+")]) {
        complain(place, "'%s': a machine type's name has up to 63 letters, "
                 "digits, '-', '_', '.' and '+'", name);
        return false;
    }
    if (strlen(upstream) >= sizeof(type->upstream) ||
        !is_upstream(upstream, &type->version)) {
        complain(place, "'%s' is not an upstream machine type "
                 "pc-i440fx-X.Y or pc-q35-X.Y of any QEMU", upstream);
        return false;
    }
    type->place = place;
    strcpy(type->name, name);
    strcpy(type->upstream, upstream);
    return true;
}

void read_machine_type(Place place, char *line, bool site)
{
    MachineType type = { .site = site };
    const MachineType *other;

    if (!parse_type(&type, place, line)) {
        return;
    }
    other = find_type(type.name);
    if (is_upstream_machine_type(type.name)) {
        complain(place, "machine type '%s' is upstream's own and can't "
                 "stand for another", type.name);
    } else if (other) {
        complain(place, "machine type '%s' again; it is in %s:%d already",
                 type.name, other->place.file, other->place.line);
    } else {
        types = grow(types, ntypes, sizeof(*types));
        types[ntypes++] = type;
    }
}

bool has_machine_type(uint32_t from, uint32_t to)
{
    size_t i;

    for (i = 0; i < ntypes; i++) {
        if (types[i].version >= from && types[i].version <= to) {
            return true;
        }
    }
    return false;
}

void check_machine_types(uint32_t newest)
{
    size_t i;

    for (i = 0; i < ntypes; i++) {
        if (types[i].version > newest) {
            complain(types[i].place, "machine type '%s' can't stand for %s: "
                     "this QEMU has machine types up to %u.%u",
                     types[i].name, types[i].upstream, newest >> 16,
                     newest & 0xffff);
        }
    }
}

void check_released_machine_type(Place place, char *line, bool site)
{
    MachineType released;
    const MachineType *type;

    if (!parse_type(&released, place, line)) {
        return;
    }
    type = find_type(released.name);
    if (!type || type->site != site) {
        complain(place, "machine type '%s' is released and must stay: bring "
                 "back 'machine %s is %s'", released.name, released.name,
                 released.upstream);
    } else if (strcmp(type->upstream, released.upstream)) {
        complain(type->place, "machine type '%s' is released: it stood for "
                 "%s, would stand for %s", type->name, released.upstream,
                 type->upstream);
    }
}

void print_released_machine_types(bool site)
{
    const char *before = "\n";
    size_t i;

    for (i = 0; i < ntypes; i++) {
        if (types[i].site == site) {
            printf("%smachine %s is %s\n", before, types[i].name,
                   types[i].upstream);
            before = "";
        }
    }
}

void print_machine_types(void)
{
    size_t i;

    printf("static const X86CPUTableMachineType "
           "x86_cpu_table_machine_types[] = {\n");
    for (i = 0; i < ntypes; i++) {
        printf("    { \"%s\", \"%s\", 0x%" PRIx32 " },\n", types[i].name,
               types[i].upstream, types[i].version);
    }
    printf("    { }\n};\n\n");
}
