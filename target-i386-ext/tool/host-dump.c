/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A dump of what the CPUID instruction returns
 *
 * A line "CPU:" or "CPU 0:" begins each CPU, and has lines such as these:
 *
 *    0x00000004 0x01: eax=0x7c004122 ebx=0x01c0003f ecx=0x0000003f edx=0x0
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host-dump.h"
#include "input-file.h"

enum { MAX_FILE = 16 << 20 };

struct HostDump {
    /* Sorted */
    PassportCpuid *entries;
    size_t count;
};

/* Leaves one line of ASCII in @error. */
static void clean(char *error)
{
    for (; *error; error++) {
        if (*error < ' ' || *error > '~') {
            *error = '?';
        }
    }
}

/* Always false.  @line is 0 for an error of the whole file. */
__attribute__((format(printf, 4, 5)))
static bool fail(char *error, const char *path, size_t line,
                 const char *format, ...)
{
    char message[256], place[32] = "";
    va_list ap;

    va_start(ap, format);
    vsnprintf(message, sizeof(message), format, ap);
    va_end(ap);
    if (line) {
        snprintf(place, sizeof(place), "line %zu: ", line);
    }
    snprintf(error, HOST_DUMP_ERROR, "%.180s: %s%s",
             strcmp(path, "-") ? path : "stdin", place, message);
    clean(error);
    return false;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t\r");
}

static bool skip_text(const char **text, const char *word)
{
    size_t length = strlen(word);

    if (strncmp(*text, word, length)) {
        return false;
    }
    *text += length;
    return true;
}

/* A number such as 0x1f, of 32 bits */
static bool parse_number(const char **text, uint32_t *number)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *digit;
    int count;

    if (!skip_text(text, "0x")) {
        return false;
    }
    *number = 0;
    for (count = 0; **text && (digit = strchr(digits, **text)); count++) {
        *number = *number << 4 | (digit - digits) % 16;
        ++*text;
    }
    return count >= 1 && count <= 8;
}

/* "CPU:", "CPU 0:" */
static bool is_header(const char *line)
{
    if (!skip_text(&line, "CPU")) {
        return false;
    }
    line = skip_blanks(line);
    line += strspn(line, "0123456789");
    return *line == ':' && !*skip_blanks(line + 1);
}

static bool parse_entry(const char *line, PassportCpuid *entry)
{
    static const char *const names[4] = { "eax=", "ebx=", "ecx=", "edx=" };
    int i;

    *entry = (PassportCpuid) { .has_subleaf = true };
    if (!parse_number(&line, &entry->leaf)) {
        return false;
    }
    line = skip_blanks(line);
    if (!parse_number(&line, &entry->subleaf) || !skip_text(&line, ":")) {
        return false;
    }
    for (i = 0; i < 4; i++) {
        const char *word = skip_blanks(line);

        if (word == line || !skip_text(&word, names[i]) ||
            !parse_number(&word, &entry->regs[i])) {
            return false;
        }
        line = word;
    }
    return !*skip_blanks(line);
}

static int compare_entries(const void *a, const void *b)
{
    const PassportCpuid *x = a, *y = b;

    if (x->leaf != y->leaf) {
        return x->leaf < y->leaf ? -1 : 1;
    }
    return (x->subleaf > y->subleaf) - (x->subleaf < y->subleaf);
}

/* Takes @line apart; *@ended is set where the first CPU's lines end. */
static bool read_line(HostDump *dump, const char *line, size_t number,
                      bool *headed, bool *ended, const char *path, char *error)
{
    line = skip_blanks(line);
    if (!*line) {
        return true;
    }
    if (is_header(line)) {
        *ended = *headed || dump->count;
        *headed = true;
        return true;
    }
    if (dump->count == PASSPORT_MAX_ENTRIES) {
        return fail(error, path, number, "more than %d lines for a CPU",
                    PASSPORT_MAX_ENTRIES);
    }
    if (!parse_entry(line, &dump->entries[dump->count])) {
        return fail(error, path, number, "'%.64s' is not as \"cpuid -1 -r\" "
                    "has it: 0x00000001 0x00: eax=0x1f ebx=0x1f ecx=0x1f "
                    "edx=0x1f", line);
    }
    dump->count++;
    return true;
}

static bool read_lines(HostDump *dump, char *text, size_t length,
                       const char *path, char *error)
{
    bool headed = false, ended = false;
    char *line = text, *end = text + length;
    size_t number;

    for (number = 1; line < end && !ended; number++) {
        char *newline = memchr(line, '\n', end - line);
        char *next = newline ? newline + 1 : end;

        if (newline) {
            *newline = 0;
        }
        if (memchr(line, 0, (newline ? newline : end) - line)) {
            return fail(error, path, number, "it has a zero byte");
        }
        if (!read_line(dump, line, number, &headed, &ended, path, error)) {
            return false;
        }
        line = next;
    }
    return true;
}

static bool check_dump(HostDump *dump, const char *path, char *error)
{
    uint32_t regs[4];
    size_t i;

    qsort(dump->entries, dump->count, sizeof(dump->entries[0]),
          compare_entries);
    for (i = 1; i < dump->count; i++) {
        const PassportCpuid *entry = &dump->entries[i];

        if (!compare_entries(entry - 1, entry)) {
            return fail(error, path, 0, "leaf 0x%" PRIx32 ", subleaf 0x%"
                        PRIx32 " is there twice", entry->leaf,
                        entry->subleaf);
        }
    }
    return host_dump_cpuid(0, 0, regs, dump) ||
           fail(error, path, 0, "leaf 0x0 is missing: not a dump of "
                "\"cpuid -1 -r\"");
}

HostDump *host_dump_read(const char *path, char *error)
{
    HostDump *dump = calloc(1, sizeof(*dump));
    char problem[128];
    size_t length;
    char *text;
    bool good;

    if (dump) {
        dump->entries = calloc(PASSPORT_MAX_ENTRIES,
                               sizeof(dump->entries[0]));
    }
    if (!dump || !dump->entries) {
        free(dump);
        fail(error, path, 0, "not enough memory");
        return NULL;
    }
    text = input_file_read(path, MAX_FILE, &length, problem, sizeof(problem));
    good = text ? read_lines(dump, text, length, path, error) :
           fail(error, path, 0, "%s", problem);
    free(text);
    if (!good || !check_dump(dump, path, error)) {
        host_dump_free(dump);
        return NULL;
    }
    return dump;
}

void host_dump_free(HostDump *dump)
{
    if (dump) {
        free(dump->entries);
        free(dump);
    }
}

bool host_dump_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4],
                     void *opaque)
{
    const HostDump *dump = opaque;
    PassportCpuid key = { .leaf = leaf, .subleaf = subleaf };
    const PassportCpuid *entry = bsearch(&key, dump->entries, dump->count,
                                         sizeof(key), compare_entries);

    memset(regs, 0, 4 * sizeof(regs[0]));
    if (entry) {
        memcpy(regs, entry->regs, sizeof(entry->regs));
    }
    return entry;
}
