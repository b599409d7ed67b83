/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hosts of a fleet, from files
 *
 * Nothing of a line is kept but what host-set.h keeps: passports of a hundred
 * thousand hosts take no more memory than their distinct ones.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fleet-partial.h"
#include "fleet-read.h"
#include "models-json.h"

enum {
    /* A partial of HOST_SET_MAX kinds has less. */
    MAX_LINE = 128 << 20,
    /* Names of passports without one have so many digits of their digest. */
    DIGEST_DIGITS = 12,
};

/* Always false */
__attribute__((format(printf, 2, 3)))
static bool fail(char *error, const char *format, ...)
{
    va_list ap;
    char *c;

    va_start(ap, format);
    vsnprintf(error, FLEET_READ_ERROR, format, ap);
    va_end(ap);
    for (c = error; *c; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
    return false;
}

static bool fail_memory(char *error)
{
    return fail(error, "not enough memory");
}

/* ---- hosts ---- */

static bool add_passport(HostSet *set, json_t *json, const char *name,
                         const char *where, char *error)
{
    char problem[FLEET_READ_ERROR];
    char of_digest[] = "host-0123456789ab";
    Passport *passport = passport_from_json(json, where, problem);
    bool ok;

    if (!passport) {
        return fail(error, "%s", problem);
    }
    if (!name) {
        memcpy(of_digest + 5, passport->digest, DIGEST_DIGITS);
        name = of_digest;
    }
    ok = host_set_add(set, passport, name, problem);
    passport_free(passport);
    return ok || fail(error, "%.200s: %s", where, problem);
}

/* Whether @name, which may be NULL, can be that of a host */
static bool check_name(const json_t *name, const char *where, char *error)
{
    const char *text = json_string_value(name);

    return (text && strlen(text) == json_string_length(name) &&
            host_name_is_good(text)) ||
           fail(error, "%.200s: 'name' is not a text of 1 to %d bytes without "
                "control characters", where, HOST_NAME_MAX);
}

bool fleet_read_json(HostSet *set, json_t *json, const char *where,
                     char *error)
{
    json_t *passport = json_object_get(json, "passport");
    char problem[HOST_SET_ERROR];

    if (!json_is_object(json)) {
        return fail(error, "%.200s: not a host: not a JSON object", where);
    }
    if (fleet_partial_is(json)) {
        return fleet_partial_read(set, json, problem) ||
               fail(error, "%.200s: %s", where, problem);
    }
    if (!passport) {
        return add_passport(set, json, NULL, where, error);
    }
    return check_name(json_object_get(json, "name"), where, error) &&
           add_passport(set, passport,
                        json_string_value(json_object_get(json, "name")),
                        where, error);
}

/* ---- lines ---- */

/* Tells JSON in several lines, which people print, from other errors. */
static bool fail_syntax(const char *where, const json_error_t *found,
                        char *error)
{
    return fail(error, "%.200s: column %d: %.300s (each line is one host; the "
                "name of a file with one passport ends in .json)", where,
                found->column, found->text);
}

static bool read_line(HostSet *set, const char *line, size_t length,
                      const char *path, size_t number, char *error)
{
    char where[256];
    json_error_t found = { .text = "" };
    json_t *json;
    bool ok;

    /* A zero is no blank, although strchr() finds one. */
    while (length && line[length - 1] && strchr(" \t\r\n", line[length - 1])) {
        length--;
    }
    if (!length) {
        return true;
    }
    snprintf(where, sizeof(where), "%.200s:%zu", path, number);
    if (!models_json_is_small(line, length)) {
        return fail(error, "%.220s: more than %d values", where,
                    MODELS_JSON_MAX_VALUES);
    }
    json = json_loadb(line, length, JSON_REJECT_DUPLICATES, &found);
    if (!json) {
        return *found.text ? fail_syntax(where, &found, error)
                           : fail_memory(error);
    }
    ok = fleet_read_json(set, json, where, error);
    json_decref(json);
    return ok;
}

/*
 * A line of at most MAX_LINE bytes, with its line break: getline() would take
 * memory without end.
 */
typedef struct Line {
    char *bytes;
    size_t room, length;
} Line;

static bool make_room(Line *line, const char *path, size_t number, char *error)
{
    size_t room = line->room ? 2 * line->room : 1 << 16;
    char *longer;

    if (room > MAX_LINE) {
        return fail(error, "%.200s:%zu: a line of more than %d bytes", path,
                    number, MAX_LINE);
    }
    longer = realloc(line->bytes, room);
    if (!longer) {
        return fail_memory(error);
    }
    line->bytes = longer;
    line->room = room;
    return true;
}

/* Reads up to a line break, or the end, where there is nothing. */
static bool next_line(FILE *f, Line *line, const char *path, size_t number,
                      char *error)
{
    int c;

    line->length = 0;
    while ((c = getc_unlocked(f)) != EOF) {
        if (line->length == line->room &&
            !make_room(line, path, number, error)) {
            return false;
        }
        line->bytes[line->length++] = c;
        if (c == '\n') {
            break;
        }
    }
    return !ferror(f) || fail(error, "%.200s: %s", path, strerror(errno));
}

static bool read_lines(HostSet *set, FILE *f, const char *path,
                       const FleetProgress *progress, char *error)
{
    Line line = { .bytes = NULL };
    size_t number = 1;
    bool ok;

    for (;;) {
        ok = next_line(f, &line, path, number, error);
        if (!ok || !line.length) {
            break;
        }
        ok = read_line(set, line.bytes, line.length, path, number++, error);
        if (!ok) {
            break;
        }
        if (progress) {
            progress->report(host_set_count(set), progress->opaque);
        }
    }
    free(line.bytes);
    return ok;
}

/* ---- files ---- */

/* "NAME" of "DIRECTORY/NAME.json"; false if it is none of these */
static bool name_of_file(const char *path, char name[HOST_NAME_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t length = strlen(base);

    if (length <= 5 || length - 5 > HOST_NAME_MAX ||
        strcmp(base + length - 5, ".json")) {
        return false;
    }
    memcpy(name, base, length - 5);
    name[length - 5] = '\0';
    return true;
}

static bool read_passport(HostSet *set, const char *path, const char *name,
                          char *error)
{
    char problem[FLEET_READ_ERROR];
    Passport *passport;
    bool ok;

    if (!host_name_is_good(name)) {
        return fail(error, "%.200s: not a valid host name", path);
    }
    passport = passport_read(path, problem);
    if (!passport) {
        return fail(error, "%s", problem);
    }
    ok = host_set_add(set, passport, name, problem);
    passport_free(passport);
    return ok || fail(error, "%.200s: %s", path, problem);
}

bool fleet_read_file(HostSet *set, const char *path,
                     const FleetProgress *progress, char *error)
{
    char name[HOST_NAME_MAX + 1];
    FILE *f;
    bool ok;

    if (!strcmp(path, "-")) {
        return read_lines(set, stdin, "stdin", progress, error);
    }
    if (name_of_file(path, name)) {
        return read_passport(set, path, name, error);
    }
    f = fopen(path, "rb");
    if (!f) {
        return fail(error, "%.200s: %s", path, strerror(errno));
    }
    ok = read_lines(set, f, path, progress, error);
    fclose(f);
    return ok;
}
