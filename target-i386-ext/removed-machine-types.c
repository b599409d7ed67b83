/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Machine types of which tables/machines says what they set on CPUs
 *
 * Answers, for cpu-compat, compat-anchor and CpuModelInfo: what did a machine
 * type that QEMU has removed set on CPUs?  Upstream removes machine types six
 * years after their release.  Guests that have been running with one keep
 * their CPUs, because these rows stay: `make layers` writes them from each
 * release line's QEMU.
 */

#include "qemu/osdep.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/removed-machine-types.h"

typedef struct Row {
    const char *driver, *property, *value;
} Row;

typedef struct RemovedMachine {
    const char *name;
    /* 1 + the index of the one whose rows apply before; 0: none */
    unsigned like;
    X86CPUVersion version;
    const Row *rows;
    unsigned nrows;
} RemovedMachine;

/* A release line of QEMU, or a site's of it; the newest line is first. */
typedef struct ReleaseLine {
    const RemovedMachine *machines;
    unsigned nmachines;
    /* Of all the line's machine types */
    const char *newest;
} ReleaseLine;

#include "x86-cpu-layers.c.inc"

/* In the last line that had it */
static const RemovedMachine *find_in_line(const char *name,
                                          const ReleaseLine **line)
{
    unsigned i, j;

    for (i = 0; i < ARRAY_SIZE(release_lines); i++) {
        *line = &release_lines[i];
        for (j = 0; j < (*line)->nmachines; j++) {
            if (!strcmp((*line)->machines[j].name, name)) {
                return &(*line)->machines[j];
            }
        }
    }
    return NULL;
}

const char *x86_cpu_find_removed_machine(const char *name,
                                         X86CPUVersion *version)
{
    const ReleaseLine *line;
    const RemovedMachine *machine = find_in_line(name, &line);

    if (!machine) {
        return NULL;
    }
    if (version) {
        *version = machine->version;
    }
    return machine->name;
}

void x86_cpu_foreach_removed_machine(void (*fn)(const char *name,
                                                void *opaque), void *opaque)
{
    unsigned i, j;

    for (i = 0; i < ARRAY_SIZE(release_lines); i++) {
        for (j = 0; j < release_lines[i].nmachines; j++) {
            const char *name = release_lines[i].machines[j].name;
            const ReleaseLine *line;

            find_in_line(name, &line);
            if (line == &release_lines[i]) {
                fn(name, opaque);
            }
        }
    }
}

const char *x86_cpu_newest_with_removed_machine(const char *name)
{
    const ReleaseLine *line;

    find_in_line(name, &line);
    return strcmp(line->newest, name) ? line->newest : NULL;
}

static void add_rows(GPtrArray *props, const ReleaseLine *line,
                     const RemovedMachine *machine)
{
    unsigned i;

    if (machine->like) {
        add_rows(props, line, &line->machines[machine->like - 1]);
    }
    for (i = 0; i < machine->nrows; i++) {
        GlobalProperty *prop = g_new0(GlobalProperty, 1);

        prop->driver = machine->rows[i].driver;
        prop->property = machine->rows[i].property;
        prop->value = machine->rows[i].value;
        g_ptr_array_add(props, prop);
    }
}

void x86_cpu_add_removed_machine_props(GPtrArray *props, const char *name)
{
    const ReleaseLine *line;
    const RemovedMachine *machine = find_in_line(name, &line);

    add_rows(props, line, machine);
}
