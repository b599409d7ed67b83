/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A topology as -smp takes it
 *
 * Source: machine_parse_smp_config() in hw/core/machine-smp.c.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "cpu-items.h"
#include "models-machines.h"
#include "smp-text.h"

/* More CPUs than any machine type has */
enum { MAX_CPUS = 1 << 20 };

typedef enum Level {
    CPUS, SOCKETS, DIES, MODULES, CORES, THREADS, MAXCPUS,
    /* No PC has several of these. */
    DRAWERS, BOOKS, CLUSTERS,
    LEVELS
} Level;

static const char *const names[LEVELS] = {
    [CPUS] = "cpus", [SOCKETS] = "sockets", [DIES] = "dies",
    [MODULES] = "modules", [CORES] = "cores", [THREADS] = "threads",
    [MAXCPUS] = "maxcpus",
    [DRAWERS] = "drawers", [BOOKS] = "books", [CLUSTERS] = "clusters",
};

/* Always false */
__attribute__((format(printf, 2, 3)))
static bool fail(char *error, const char *format, ...)
{
    va_list ap;
    char *c;

    va_start(ap, format);
    vsnprintf(error, SMP_TEXT_ERROR, format, ap);
    va_end(ap);
    for (c = error; *c; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
    return false;
}

static int find_level(const char *name, size_t length)
{
    int i;

    for (i = 0; i < LEVELS; i++) {
        if (strlen(names[i]) == length && !strncmp(names[i], name, length)) {
            return i;
        }
    }
    return -1;
}

/* As QEMU reads integers: with any base, and with blanks and a sign before */
static uint64_t read_number(const char *text, size_t length)
{
    char copy[64];
    int64_t number;

    if (length >= sizeof(copy)) {
        return 0;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    return cpu_items_signed(copy, &number) && number > 0 ? number : 0;
}

/* Reads the numbers that are given; the others stay 0. */
static bool read_numbers(const char *text, uint64_t *numbers, char *error)
{
    const char *item = text;

    while (true) {
        size_t length = strcspn(item, ",");
        const char *equals = memchr(item, '=', length), *value;
        /* The first item can be the number of CPUs alone. */
        int level = equals ? find_level(item, equals - item) :
                    item == text ? CPUS : -1;
        uint64_t number;

        value = equals ? equals + 1 : item;
        if (level < 0) {
            return fail(error, "'smp' is '%.64s': there is no '%.*s' in it, "
                        "but cpus, sockets, dies, modules, cores, threads and "
                        "maxcpus", text, (int)(length < 32 ? length : 32),
                        item);
        }
        number = read_number(value, item + length - value);
        if (!number || number > MAX_CPUS) {
            return fail(error, "'smp' must be a topology such as "
                        "8,sockets=2,cores=4, not '%.64s': '%s' must be from "
                        "1 to %d", text, names[level], MAX_CPUS);
        }
        numbers[level] = number;
        item += length + !!item[length];
        if (!*item) {
            return true;
        }
    }
}

/* Whether machine type @name puts CPUs that are not placed into sockets */
static bool prefers_sockets(const char *name)
{
    return models_machine_is_up_to(name, 6, 1);
}

static void set_default(uint64_t *number)
{
    if (!*number) {
        *number = 1;
    }
}

/* Fills in what is not given, as QEMU does. */
static void complete(uint64_t *n, bool prefer_sockets)
{
    set_default(&n[DIES]);
    set_default(&n[MODULES]);
    if (!n[CPUS] && !n[MAXCPUS]) {
        set_default(&n[SOCKETS]);
        set_default(&n[CORES]);
        set_default(&n[THREADS]);
    } else {
        uint64_t total = n[MAXCPUS] ? n[MAXCPUS] : n[CPUS];
        uint64_t parts = n[DIES] * n[MODULES];
        Level first = prefer_sockets ? SOCKETS : CORES;
        Level second = prefer_sockets ? CORES : SOCKETS;

        if (!n[first]) {
            set_default(&n[second]);
            set_default(&n[THREADS]);
            n[first] = total / (parts * n[second] * n[THREADS]);
        } else if (!n[second]) {
            set_default(&n[THREADS]);
            n[second] = total / (parts * n[first] * n[THREADS]);
        }
        if (!n[THREADS]) {
            n[THREADS] = total / (parts * n[SOCKETS] * n[CORES]);
        }
    }
    if (!n[MAXCPUS]) {
        n[MAXCPUS] = n[CPUS] ? n[CPUS] : n[SOCKETS] * n[DIES] * n[MODULES] *
                                         n[CORES] * n[THREADS];
    }
    if (!n[CPUS]) {
        n[CPUS] = n[MAXCPUS];
    }
}

/* As x86_apicid_from_cpu_idx(): each level has as many bits as it needs. */
static uint64_t apic_id(const uint64_t *n, uint64_t cpu)
{
    static const Level levels[] = { THREADS, CORES, MODULES, DIES };
    uint64_t id = 0;
    unsigned shift = 0, i;

    for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        uint64_t count = n[levels[i]];

        id |= cpu % count << shift;
        cpu /= count;
        while (count > 1) {
            shift++;
            count = (count + 1) / 2;
        }
    }
    return id | cpu << shift;
}

bool smp_text_parse(const char *text, const char *machine,
                    X86CpuTopology *topology, SmpCounts *counts, char *error)
{
    uint64_t n[LEVELS] = { 0 }, given = 1, parts, package;
    Level i;

    if (!read_numbers(text, n, error)) {
        return false;
    }
    for (i = DRAWERS; i <= CLUSTERS; i++) {
        if (n[i] > 1) {
            return fail(error, "'smp' is '%.64s', but no PC has several %s",
                        text, names[i]);
        }
    }
    /* So no product overflows. */
    for (i = SOCKETS; i <= THREADS; i++) {
        given *= n[i] ? n[i] : 1;
        if (given > MAX_CPUS) {
            return fail(error, "'smp' is '%.64s', which has more than %d CPUs",
                        text, MAX_CPUS);
        }
    }
    complete(n, prefers_sockets(machine));
    parts = n[DIES] * n[MODULES];
    package = parts * n[CORES] * n[THREADS];
    if (!n[SOCKETS] || !package || package > MAX_CPUS ||
        n[SOCKETS] * package != n[MAXCPUS] || n[CPUS] > n[MAXCPUS]) {
        return fail(error, "'smp' is '%.64s', but sockets, dies, modules, "
                    "cores and threads must give maxcpus, which is at least "
                    "cpus", text);
    }
    if (n[MAXCPUS] > 1 && !strcmp(machine, "isapc")) {
        return fail(error, "'smp' is '%.64s', but isapc has one CPU", text);
    }
    *topology = parts > 1 ? X86CPU_MANY_DIES :
                package > 1 ? X86CPU_MANY_THREADS : X86CPU_ONE_THREAD;
    *counts = (SmpCounts) {
        .package_threads = package,
        /* The ID of the first CPU of a second socket */
        .package_ids = apic_id(n, package),
        .max_cpus = n[MAXCPUS],
        .last_apic_id = apic_id(n, n[MAXCPUS] - 1),
        .last_started_apic_id = apic_id(n, n[CPUS] - 1),
    };
    return true;
}
