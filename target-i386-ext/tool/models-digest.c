/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The digests of a file of CPU models
 *
 * Both are over a canonical text, that of canonical-json.h.  The text of
 * "digest" is part of that of "checksum", so that one walk makes both.
 */

#include <stdio.h>
#include <string.h>
#include "models-digest.h"
#include "sha256.h"

enum { BUFFER = 4096 };

typedef struct Output {
    Sha256 digest, checksum;
    /* To which of them the text goes */
    bool to_digest, to_checksum;
    size_t used;
    char buffer[BUFFER];
} Output;

static void flush(Output *out)
{
    if (out->to_digest) {
        sha256_add(&out->digest, out->buffer, out->used);
    }
    if (out->to_checksum) {
        sha256_add(&out->checksum, out->buffer, out->used);
    }
    out->used = 0;
}

static void choose(Output *out, bool to_digest, bool to_checksum)
{
    if (to_digest != out->to_digest || to_checksum != out->to_checksum) {
        flush(out);
        out->to_digest = to_digest;
        out->to_checksum = to_checksum;
    }
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

static void put_text(Output *out, const char *text, size_t length, bool plain)
{
    const unsigned char *from = (const unsigned char *)text;

    put_char(out, '"');
    if (plain) {
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
    AT_ROOT, IN_ACCELERATORS, IN_ACCELERATOR, ELSEWHERE
} Where;

static bool is_digested(Where where, const char *name)
{
    return where == AT_ROOT ? strcmp(name, "$comment") &&
                              strcmp(name, "digest") && strcmp(name, "checksum")
         : where != IN_ACCELERATOR || strcmp(name, "fingerprints");
}

static Where below(Where where, const JsonNode *item)
{
    return where == AT_ROOT && item->kind == JSON_KIND_LIST &&
           !strcmp(item->name, "accelerators") ? IN_ACCELERATORS :
           where == IN_ACCELERATORS && item->kind == JSON_KIND_OBJECT
           ? IN_ACCELERATOR : ELSEWHERE;
}

static void put_node(Output *out, const JsonNode *node, Where where);

static void put_object(Output *out, const JsonNode *node, Where where)
{
    bool was_to_digest = out->to_digest, was_to_checksum = out->to_checksum;
    bool more_digest = false, more_checksum = false;
    size_t i;

    put_char(out, '{');
    for (i = 0; i < node->length; i++) {
        const JsonNode *item = &node->items[i];
        bool to_digest = was_to_digest && is_digested(where, item->name);
        bool to_checksum = was_to_checksum &&
                           (where != AT_ROOT || strcmp(item->name, "checksum"));

        if (i) {
            choose(out, to_digest && more_digest,
                   to_checksum && more_checksum);
            put_char(out, ',');
        }
        choose(out, to_digest, to_checksum);
        more_digest |= to_digest;
        more_checksum |= to_checksum;
        put_text(out, item->name, item->name_length, item->plain_name);
        put_char(out, ':');
        put_node(out, item, below(where, item));
    }
    choose(out, was_to_digest, was_to_checksum);
    put_char(out, '}');
}

static void put_list(Output *out, const JsonNode *node, Where where)
{
    size_t i;

    put_char(out, '[');
    for (i = 0; i < node->length; i++) {
        const JsonNode *item = &node->items[i];

        if (i) {
            put_char(out, ',');
        }
        put_node(out, item, where == IN_ACCELERATORS ? below(where, item)
                                                     : ELSEWHERE);
    }
    put_char(out, ']');
}

/* @node is not nested deeper than models-tree.c lets it be. */
static void put_node(Output *out, const JsonNode *node, Where where)
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
        put_text(out, node->text, node->length, node->plain);
        break;
    case JSON_KIND_LIST:
        put_list(out, node, where);
        break;
    case JSON_KIND_OBJECT:
        put_object(out, node, where);
        break;
    }
}

void models_digest(const JsonNode *root, char digest[65], char checksum[65])
{
    Output out;

    sha256_start(&out.digest);
    /* Starting one asks the processor: that takes long in a virtual machine. */
    out.checksum = out.digest;
    out.to_digest = out.to_checksum = true;
    out.used = 0;
    put_node(&out, root, AT_ROOT);
    flush(&out);
    sha256_finish(&out.digest, digest);
    sha256_finish(&out.checksum, checksum);
}
