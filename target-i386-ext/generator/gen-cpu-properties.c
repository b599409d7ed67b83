/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU's properties that are not features
 *
 * Joins the properties in cpu.c's table x86_cpu_properties, and those that it
 * adds to the class, with tables/properties.tbl, so that no property of a newer
 * QEMU gets into descriptions of CPUs, and none drops out of them, before
 * somebody has said what it is.
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "../core/x86cpu.h"
#include "gen-cpu-properties.h"
#include "gen-cpu-versions.h"

/* Class "none" is not part of descriptions. */
static const char *const classes[] = {
    "bit", "minimum", "guest-phys-bits", "flat", "gate", "identity", "stream",
    "hv-values", "resolved", "permissive", "none",
};

typedef struct Property {
    Place place;
    const char *name;
    const char *class;
    uint32_t since, until;      /* QEMU's versions, both inclusive */
    const char *note;
    bool of_class;              /* added to the class, not in the table */
} Property;

/* Described properties that are texts, which the core has members for */
static const char *const texts[] = { "hv-vendor-id", "model-id", "vendor" };

static Property *properties;
static size_t nproperties;

static Property *find_property(const char *name)
{
    size_t i;

    for (i = 0; i < nproperties; i++) {
        if (!strcmp(properties[i].name, name)) {
            return &properties[i];
        }
    }
    return NULL;
}

static void read_property(Place place, char *line)
{
    char *name = cut(&line), *class = cut(&line);
    const Property *other = find_property(name);
    Property *property;
    size_t i;

    for (i = 0; class && i < ARRAY_SIZE(classes); i++) {
        if (!strcmp(class, classes[i])) {
            break;
        }
    }
    if (!class || cut(&line)) {
        complain(place, "'%s': a row is a property and its class", name);
    } else if (i == ARRAY_SIZE(classes)) {
        complain(place, "'%s': unknown class '%s'", name, class);
    } else if (other) {
        complain(place, "a second row for '%s', the first is in line %d",
                 name, other->place.line);
    }
    properties = grow(properties, nproperties, sizeof(*properties));
    property = &properties[nproperties++];
    *property = (Property) { .place = place, .name = name, .class = class,
                             .until = NO_MACHINE_VERSION };
}

static void read_version(Place place, const char *text, uint32_t *version)
{
    if (!parse_machine_version(text, version)) {
        complain(place, "'%s' is not a version of QEMU, such as 11.1", text);
    }
}

static void read_more(Place place, char *line, Property *last)
{
    line += strspn(line, " \t");
    if (last && !strncmp(line, "since: ", 7)) {
        read_version(place, line + 7, &last->since);
    } else if (last && !strncmp(line, "until: ", 7)) {
        read_version(place, line + 7, &last->until);
    } else if (last && !strncmp(line, "note: ", 6)) {
        last->note = line + 6;
    } else if (last && !strcmp(line, "class property")) {
        last->of_class = true;
    } else {
        complain(place, "a line that begins with white space must be 'since: "
                 "VERSION', 'until: VERSION', 'note: TEXT' or 'class "
                 "property', after a row");
    }
}

/* DEFINE_PROP_UINT32("name", ...); sets @seen by index of properties. */
static void check_source(const char *path, const char *cpu_c, uint32_t newest,
                         bool *seen)
{
    static const char start[] = "Property x86_cpu_properties[] = {";
    const char *text = read_file(cpu_c);
    const char *found = strstr(text, start), *last = text;
    const char *end = found ? strstr(found, "\n};") : NULL;
    Place place = { cpu_c, 1 };

    if (!end) {
        give_up(place, "'%s' not found", start);
    }
    while ((found = strstr(found + 1, "DEFINE_PROP_")) && found < end) {
        char macro[64], name[64];
        const Property *property;

        place.line += lines_before(last, found);
        last = found;
        if (sscanf(found, "%63[A-Z0-9_](\"%63[^\"]\"", macro, name) != 2) {
            give_up(place, "a property without a name; teach gen-cpu-tables "
                    "about it");
        }
        property = find_property(name);
        if (!property) {
            complain(place, "property '%s' has no row in %s; say what it is",
                     name, path);
        } else if (property->since > newest || property->until < newest) {
            complain(property->place, "'%s' is in the table of this QEMU, "
                     "too; correct the versions", name);
        } else if (property->of_class) {
            complain(property->place, "'%s' is in the table of this QEMU, "
                     "and no class property", name);
        }
        if (property) {
            seen[property - properties] = true;
        }
    }
}

/* object_class_property_add_str(oc, "name", ...) and so on; sets @seen. */
static void check_class_properties(const char *path, const char *cpu_c,
                                   uint32_t newest, bool *seen)
{
    static const char start[] = "object_class_property_add";
    const char *text = read_file(cpu_c), *found = text, *last = text;
    Place place = { cpu_c, 1 };

    while ((found = strstr(found + 1, start))) {
        char kind[64], name[64];
        const Property *property;

        place.line += lines_before(last, found);
        last = found;
        if (sscanf(found, "%63[a-z_](oc, \"%63[^\"]\"", kind, name) != 2) {
            continue;           /* of features, whose names are elsewhere */
        }
        property = find_property(name);
        if (!property) {
            complain(place, "class property '%s' has no row in %s; say what "
                     "it is", name, path);
        } else if (property->of_class) {
            seen[property - properties] = true;
        } else if (property->until >= newest) {
            complain(property->place, "'%s' is a class property in this QEMU; "
                     "add 'class property' or 'until: VERSION'", name);
        }
    }
}

/* What the core does not have, comparisons would not see. */
static void check_core(const Property *property)
{
    size_t i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (!strcmp(x86cpu_property_names[i], property->name)) {
            return;
        }
    }
    for (i = 0; i < ARRAY_SIZE(texts); i++) {
        if (!strcmp(texts[i], property->name)) {
            return;
        }
    }
    complain(property->place, "'%s' is not in core/properties.h; add it, and "
             "what guests see of it in core/cpu-view.c", property->name);
}

void read_properties_tbl(const char *path, const char *cpu_c, uint32_t newest)
{
    /* The rows point into the text, which is therefore not freed. */
    Table table = { .place = { path, 0 }, .rest = read_file(path) };
    unsigned before = complaints();
    bool *seen;
    char *line;
    size_t i;

    while ((line = next_line(&table))) {
        if (isspace((unsigned char)*line)) {
            read_more(table.place, line,
                      nproperties ? &properties[nproperties - 1] : NULL);
        } else {
            read_property(table.place, line);
        }
    }
    if (complaints() > before) {
        return;
    }
    seen = new_memory(nproperties + 1);
    check_source(path, cpu_c, newest, seen);
    check_class_properties(path, cpu_c, newest, seen);
    for (i = 0; i < nproperties; i++) {
        const Property *property = &properties[i];

        if (property->until != NO_MACHINE_VERSION && !property->note) {
            complain(property->place, "'%s' has left the table; a note must "
                     "say what became of it", property->name);
        }
        if (!seen[i] && property->since <= newest &&
            property->until >= newest) {
            complain(property->place, property->of_class
                     ? "this QEMU has no class property '%s'; add "
                       "'until: VERSION', the last version that has it"
                     : "property '%s' is not in the table of this QEMU; "
                       "add 'until: VERSION', the last version that has it",
                     property->name);
        }
        if (strcmp(property->class, "none")) {
            check_core(property);
        }
    }
}

void print_properties(void)
{
    size_t i;

    printf("\nconst X86CPUPropertyInfo x86_cpu_property_info[] = {\n");
    for (i = 0; i < nproperties; i++) {
        const Property *property = &properties[i];
        const char *c;

        printf("    { \"%s\", %s, X86CPU_CLASS_", property->name,
               strcmp(property->class, "none") ? "true" : "false");
        for (c = property->class; *c; c++) {
            putchar(*c == '-' ? '_' : toupper((unsigned char)*c));
        }
        printf(", 0x%" PRIx32 " },\n", property->since);
    }
    printf("    { }\n};\n");
}
