/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The digest and the CRC of a file of CPU models
 *
 * Both are over texts that are made of the contents, so they are the same
 * however the file is written: that of canonical-json.h, and the lines that
 * scripts/x86_cpu_models.py writes.
 */

#include <string.h>
#include "crc32.h"
#include "json-output.h"
#include "models-digest.h"
#include "sha256.h"

typedef struct Output {
    /* Lines, and not one canonical text */
    bool lines;
    JsonOutput json;
} Output;

/* models-tree.c knows whether there is anything to escape. */
static void put_text(Output *out, const char *text, size_t length,
                     bool unescaped)
{
    if (unescaped) {
        json_output_char(&out->json, '"');
        json_output_bytes(&out->json, text, length);
        json_output_char(&out->json, '"');
    } else {
        json_output_text(&out->json, text, length);
    }
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
        json_output_char(&out->json, '\n');
        while (depth--) {
            json_output_char(&out->json, ' ');
        }
    }
}

static void put_object(Output *out, const JsonNode *node, Where where,
                       unsigned depth)
{
    bool any = false;
    size_t i;

    json_output_char(&out->json, '{');
    for (i = 0; i < node->length; i++) {
        const JsonNode *item = &node->items[i];

        if (!is_counted(out, where, item->name)) {
            continue;
        }
        if (any) {
            json_output_char(&out->json, ',');
        }
        any = true;
        put_break(out, depth + 1);
        put_text(out, item->name, item->name_length, item->name_unescaped);
        json_output_bytes(&out->json, ": ", out->lines ? 2 : 1);
        put_node(out, item, below(where, item), depth + 1);
    }
    if (any) {
        put_break(out, depth);
    }
    json_output_char(&out->json, '}');
}

static void put_list(Output *out, const JsonNode *node, Where where,
                     unsigned depth)
{
    size_t i;

    json_output_char(&out->json, '[');
    for (i = 0; i < node->length; i++) {
        const JsonNode *item = &node->items[i];

        if (i) {
            json_output_char(&out->json, ',');
        }
        put_break(out, depth + 1);
        put_node(out, item, where == IN_ACCELERATORS ? below(where, item)
                                                     : ELSEWHERE, depth + 1);
    }
    if (node->length) {
        put_break(out, depth);
    }
    json_output_char(&out->json, ']');
}

/* @node is not nested deeper than models-tree.c lets it be. */
static void put_node(Output *out, const JsonNode *node, Where where,
                     unsigned depth)
{
    switch ((JsonKind)node->kind) {
    case JSON_KIND_NULL:
        json_output_bytes(&out->json, "null", 4);
        break;
    case JSON_KIND_FALSE:
        json_output_bytes(&out->json, "false", 5);
        break;
    case JSON_KIND_TRUE:
        json_output_bytes(&out->json, "true", 4);
        break;
    case JSON_KIND_INTEGER:
        json_output_number(&out->json, node->number, node->negative);
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

static void add_to_digest(const char *text, size_t length, void *opaque)
{
    sha256_add(opaque, text, length);
}

static void put_digest(const JsonNode *root, Where where, char digest[65])
{
    Sha256 sha;
    Output out = { .json.put = add_to_digest, .json.opaque = &sha };

    sha256_start(&sha);
    put_node(&out, root, where, 0);
    json_output_flush(&out.json);
    sha256_finish(&sha, digest);
}

void models_digest(const JsonNode *root, char digest[65])
{
    put_digest(root, AT_ROOT, digest);
}

void models_digest_of_passport(const JsonNode *root, char digest[65])
{
    put_digest(root, AT_ROOT_OF_PASSPORT, digest);
}

static void add_to_crc(const char *text, size_t length, void *opaque)
{
    uint32_t *crc = opaque;

    *crc = crc32_add(*crc, text, length);
}

uint32_t models_crc32(const JsonNode *root)
{
    uint32_t crc = 0;
    Output out = { .lines = true, .json.put = add_to_crc, .json.opaque = &crc };

    put_node(&out, root, AT_ROOT, 0);
    json_output_char(&out.json, '\n');
    json_output_flush(&out.json);
    return crc;
}
