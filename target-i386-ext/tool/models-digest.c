/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The digest and the CRC of a file of CPU models
 *
 * Both are over texts that are made of the contents, so they are the same
 * however the file is written: that of canonical-json.h, and the lines that
 * scripts/x86_cpu_models.py writes.
 */

#include <stdio.h>
#include <string.h>
#include "crc32.h"
#include "models-digest.h"
#include "sha256.h"

enum { BUFFER = 4096 };

typedef struct Output {
    /* Lines, and not one canonical text */
    bool lines;
    Sha256 digest;
    uint32_t crc;
    size_t used;
    char buffer[BUFFER];
} Output;

static void flush(Output *out)
{
    if (out->lines) {
        out->crc = crc32_add(out->crc, out->buffer, out->used);
    } else {
        sha256_add(&out->digest, out->buffer, out->used);
    }
    out->used = 0;
}

static void put(Output *out, const char *text, size_t length)
{
    while (length > BUFFER - out->used) {
        size_t part = BUFFER - out->used;

        memcpy(out->buffer + out->used, text, part);
        out->used = BUFFER;
        text += part;
        length -= part;
        flush(out);
    }
    memcpy(out->buffer + out->used, text, length);
    out->used += length;
}

static void put_char(Output *out, char c)
{
    if (out->used == BUFFER) {
        flush(out);
    }
    out->buffer[out->used++] = c;
}

/* The code point at *@text, which is UTF-8, and moves past it */
static uint32_t next_code_point(const unsigned char **text)
{
    uint32_t c = *(*text)++;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

    c &= more ? 0x3f >> more : 0xff;
    while (more--) {
        c = c << 6 | (*(*text)++ & 0x3f);
    }
    return c;
}

static void put_character(Output *out, uint32_t c)
{
    static const char escapes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c && c < 0x80 ? strchr(escapes, (int)c) : NULL;
    char text[16];

    if (found) {
        put_char(out, '\\');
        put_char(out, letters[found - escapes]);
    } else if (c >= ' ' && c <= '~') {
        put_char(out, c);
    } else if (c >= 0x10000) {
        put(out, text, snprintf(text, sizeof(text), "\\u%04x\\u%04x",
                                0xd800 + ((c - 0x10000) >> 10 & 0x3ff),
                                0xdc00 + ((c - 0x10000) & 0x3ff)));
    } else {
        put(out, text, snprintf(text, sizeof(text), "\\u%04x", c));
    }
}

static void put_text(Output *out, const char *text, size_t length,
                     bool unescaped)
{
    const unsigned char *from = (const unsigned char *)text;

    put_char(out, '"');
    if (unescaped) {
        put(out, text, length);
    } else {
        const unsigned char *end = from + length;

        while (from < end) {
            put_character(out, next_code_point(&from));
        }
    }
    put_char(out, '"');
}

static void put_number(Output *out, const JsonNode *node)
{
    uint64_t number = node->negative ? -node->number : node->number;
    char digits[20];
    int i = sizeof(digits);

    if (node->negative) {
        put_char(out, '-');
    }
    do {
        digits[--i] = '0' + number % 10;
        number /= 10;
    } while (number);
    put(out, digits + i, sizeof(digits) - i);
}

/* Where a value is: some members there are not in the digest. */
typedef enum Where {
    AT_ROOT, IN_ACCELERATORS, IN_ACCELERATOR, AT_ROOT_OF_PASSPORT, ELSEWHERE
} Where;

static bool is_counted(const Output *out, Where where, const char *name)
{
    if (where == AT_ROOT && (!strcmp(name, "$crc32") ||
                             (!out->lines && (!strcmp(name, "$comment") ||
                                              !strcmp(name, "digest"))))) {
        return false;
    }
    if (where == AT_ROOT_OF_PASSPORT) {
        return strcmp(name, "digest");
    }
    return out->lines || where != IN_ACCELERATOR ||
           strcmp(name, "fingerprints");
}

static Where below(Where where, const JsonNode *item)
{
    return where == AT_ROOT && item->kind == JSON_KIND_LIST &&
           !strcmp(item->name, "accelerators") ? IN_ACCELERATORS :
           where == IN_ACCELERATORS && item->kind == JSON_KIND_OBJECT
           ? IN_ACCELERATOR : ELSEWHERE;
}

static void put_node(Output *out, const JsonNode *node, Where where,
                     unsigned depth);

/* Before an item or the end of a list or an object */
static void put_break(Output *out, unsigned depth)
{
    if (out->lines) {
        put_char(out, '\n');
        while (depth--) {
            put_char(out, ' ');
        }
    }
}

static void put_object(Output *out, const JsonNode *node, Where where,
                       unsigned depth)
{
    bool any = false;
    size_t i;

    put_char(out, '{');
    for (i = 0; i < node->length; i++) {
        const JsonNode *item = &node->items[i];

        if (!is_counted(out, where, item->name)) {
            continue;
        }
        if (any) {
            put_char(out, ',');
        }
        any = true;
        put_break(out, depth + 1);
        put_text(out, item->name, item->name_length, item->name_unescaped);
        put(out, ": ", out->lines ? 2 : 1);
        put_node(out, item, below(where, item), depth + 1);
    }
    if (any) {
        put_break(out, depth);
    }
    put_char(out, '}');
}

static void put_list(Output *out, const JsonNode *node, Where where,
                     unsigned depth)
{
    size_t i;

    put_char(out, '[');
    for (i = 0; i < node->length; i++) {
        const JsonNode *item = &node->items[i];

        if (i) {
            put_char(out, ',');
        }
        put_break(out, depth + 1);
        put_node(out, item, where == IN_ACCELERATORS ? below(where, item)
                                                     : ELSEWHERE, depth + 1);
    }
    if (node->length) {
        put_break(out, depth);
    }
    put_char(out, ']');
}

/* @node is not nested deeper than models-tree.c lets it be. */
static void put_node(Output *out, const JsonNode *node, Where where,
                     unsigned depth)
{
    switch ((JsonKind)node->kind) {
    case JSON_KIND_NULL:
        put(out, "null", 4);
        break;
    case JSON_KIND_FALSE:
        put(out, "false", 5);
        break;
    case JSON_KIND_TRUE:
        put(out, "true", 4);
        break;
    case JSON_KIND_INTEGER:
        put_number(out, node);
        break;
    case JSON_KIND_TEXT:
        put_text(out, node->text, node->length, node->text_unescaped);
        break;
    case JSON_KIND_LIST:
        put_list(out, node, where, depth);
        break;
    case JSON_KIND_OBJECT:
        put_object(out, node, where, depth);
        break;
    }
}

static void put_digest(const JsonNode *root, Where where, char digest[65])
{
    Output out = { .used = 0 };

    sha256_start(&out.digest);
    put_node(&out, root, where, 0);
    flush(&out);
    sha256_finish(&out.digest, digest);
}

void models_digest(const JsonNode *root, char digest[65])
{
    put_digest(root, AT_ROOT, digest);
}

void models_digest_of_passport(const JsonNode *root, char digest[65])
{
    put_digest(root, AT_ROOT_OF_PASSPORT, digest);
}

uint32_t models_crc32(const JsonNode *root)
{
    Output out = { .lines = true };

    put_node(&out, root, AT_ROOT, 0);
    put_char(&out, '\n');
    flush(&out);
    return out.crc;
}
