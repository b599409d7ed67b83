/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The canonical text of JSON
 *
 * For passports within requests, and for files that models-tree.c leaves to
 * jansson; models-digest.c has the digest of all others.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "canonical-json.h"
#include "models-json.h"
#include "sha256.h"

enum {
    /* Files have 5 or so. */
    MAX_DEPTH = 100,
    BUFFER = 4096,
    /* Objects of at most so many members are sorted without malloc() */
    FEW_MEMBERS = 64,
};

typedef struct Output {
    void (*put)(const char *text, size_t length, void *opaque);
    void *opaque;
    const char **problem;
    size_t used;
    char buffer[BUFFER];
} Output;

typedef struct Member {
    const char *name;
    const json_t *value;
} Member;

static void flush(Output *out)
{
    if (out->used) {
        out->put(out->buffer, out->used, out->opaque);
        out->used = 0;
    }
}

static void put_char(Output *out, char c)
{
    if (out->used == BUFFER) {
        flush(out);
    }
    out->buffer[out->used++] = c;
}

static void put(Output *out, const char *text, size_t length)
{
    if (length > BUFFER - out->used) {
        flush(out);
    }
    if (length > BUFFER) {
        out->put(text, length, out->opaque);
        return;
    }
    memcpy(out->buffer + out->used, text, length);
    out->used += length;
}

static void put_number(Output *out, uint64_t number)
{
    char digits[20];
    int i = sizeof(digits);

    do {
        digits[--i] = '0' + number % 10;
        number /= 10;
    } while (number);
    put(out, digits + i, sizeof(digits) - i);
}

static void put_escape(Output *out, unsigned unit)
{
    char text[8];

    put(out, text, snprintf(text, sizeof(text), "\\u%04x", unit & 0xffff));
}

/*
 * The code point at *@text, of *@length bytes, and moves past it.  jansson has
 * only valid UTF-8; anything else can't lead beyond the end.
 */
static uint32_t next_code_point(const unsigned char **text, size_t *length)
{
    uint32_t c = **text;
    size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

    c &= more ? 0x3f >> more : 0xff;
    ++*text;
    --*length;
    while (more-- && *length) {
        c = c << 6 | (**text & 0x3f);
        ++*text;
        --*length;
    }
    return c;
}

static void put_special(Output *out, uint32_t c)
{
    static const char escapes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c && c < 0x80 ? strchr(escapes, (int)c) : NULL;

    if (found) {
        put_char(out, '\\');
        put_char(out, letters[found - escapes]);
    } else if (c >= 0x10000) {
        put_escape(out, 0xd800 + ((c - 0x10000) >> 10));
        put_escape(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
        put_escape(out, c);
    }
}

static void put_text(Output *out, const char *string, size_t length)
{
    const unsigned char *text = (const unsigned char *)string;

    put_char(out, '"');
    while (length) {
        size_t plain = 0;

        while (plain < length && text[plain] >= ' ' && text[plain] <= '~' &&
               text[plain] != '"' && text[plain] != '\\') {
            plain++;
        }
        put(out, (const char *)text, plain);
        text += plain;
        length -= plain;
        if (length) {
            put_special(out, next_code_point(&text, &length));
        }
    }
    put_char(out, '"');
}

static int compare_members(const void *a, const void *b)
{
    /* By bytes, as code points: UTF-8 keeps their order. */
    return strcmp(((const Member *)a)->name, ((const Member *)b)->name);
}

static void sort_members(Member *members, size_t count)
{
    size_t i, place;

    if (count > FEW_MEMBERS) {
        qsort(members, count, sizeof(members[0]), compare_members);
        return;
    }
    for (i = 1; i < count; i++) {
        Member member = members[i];

        for (place = i; place && compare_members(&members[place - 1],
                                                 &member) > 0; place--) {
            members[place] = members[place - 1];
        }
        members[place] = member;
    }
}

static bool is_in(const char *const *names, const char *name)
{
    for (; names && *names; names++) {
        if (!strcmp(*names, name)) {
            return true;
        }
    }
    return false;
}

static bool put_json(Output *out, const json_t *json,
                     const char *const *without, unsigned depth);

static bool put_object(Output *out, const json_t *json,
                       const char *const *without, unsigned depth)
{
    Member few[FEW_MEMBERS], *members = few;
    size_t i, count = 0, room = json_object_size(json);
    bool good = true;
    void *iter;

    if (room > FEW_MEMBERS) {
        members = calloc(room, sizeof(members[0]));
        if (!members) {
            *out->problem = "not enough memory";
            return false;
        }
    }
    /* Iteration changes nothing, although jansson's types don't say so. */
    for (iter = json_object_iter((json_t *)json); iter;
         iter = json_object_iter_next((json_t *)json, iter)) {
        const char *name = json_object_iter_key(iter);

        if (!is_in(without, name)) {
            members[count++] = (Member) { name, json_object_iter_value(iter) };
        }
    }
    sort_members(members, count);
    put_char(out, '{');
    for (i = 0; good && i < count; i++) {
        if (i) {
            put_char(out, ',');
        }
        put_text(out, members[i].name, strlen(members[i].name));
        put_char(out, ':');
        good = put_json(out, members[i].value, NULL, depth + 1);
    }
    put_char(out, '}');
    if (members != few) {
        free(members);
    }
    return good;
}

static bool put_list(Output *out, const json_t *json, unsigned depth)
{
    size_t i, count = json_array_size(json);

    put_char(out, '[');
    for (i = 0; i < count; i++) {
        if (i) {
            put_char(out, ',');
        }
        if (!put_json(out, json_array_get(json, i), NULL, depth + 1)) {
            return false;
        }
    }
    put_char(out, ']');
    return true;
}

static bool put_json(Output *out, const json_t *json,
                     const char *const *without, unsigned depth)
{
    uint64_t number;
    bool negative;

    if (depth > MAX_DEPTH) {
        *out->problem = "it is nested too deeply";
        return false;
    }
    /* Numbers that jansson has no room for are texts to it. */
    if (models_json_integer(json, &number, &negative)) {
        if (negative) {
            put_char(out, '-');
            number = -number;
        }
        put_number(out, number);
        return true;
    }
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return put_object(out, json, without, depth);
    case JSON_ARRAY:
        return put_list(out, json, depth);
    case JSON_STRING:
        put_text(out, json_string_value(json), json_string_length(json));
        return true;
    case JSON_TRUE:
        put(out, "true", 4);
        return true;
    case JSON_FALSE:
        put(out, "false", 5);
        return true;
    case JSON_NULL:
        put(out, "null", 4);
        return true;
    default:
        *out->problem = "it has a number that is not an integer";
        return false;
    }
}

bool canonical_json(const json_t *json, const char *const *without,
                    void (*put)(const char *text, size_t length, void *opaque),
                    void *opaque, const char **problem)
{
    Output out;

    out.put = put;
    out.opaque = opaque;
    out.problem = problem;
    out.used = 0;
    *problem = NULL;
    if (!put_json(&out, json, without, 0)) {
        return false;
    }
    flush(&out);
    return true;
}

static void add(const char *text, size_t length, void *opaque)
{
    sha256_add(opaque, text, length);
}

bool canonical_json_digest(const json_t *json, const char *const *without,
                           char hex[65], const char **problem)
{
    Sha256 sha;

    sha256_start(&sha);
    if (!canonical_json(json, without, add, &sha, problem)) {
        return false;
    }
    sha256_finish(&sha, hex);
    return true;
}
