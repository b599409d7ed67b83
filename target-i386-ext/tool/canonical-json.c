/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The canonical text of JSON
 *
 * For passports within requests, and for files that models-tree.c leaves to
 * jansson; models-digest.c has the digest of all others.
 */

#include <stdlib.h>
#include <string.h>
#include "canonical-json.h"
#include "json-output.h"
#include "models-json.h"
#include "sha256.h"

enum {
    /* Files have 5 or so. */
    MAX_DEPTH = 100,
    /* Objects of at most so many members are sorted without malloc() */
    FEW_MEMBERS = 64,
};

typedef struct Output {
    JsonOutput json;
    const char **problem;
} Output;

typedef struct Member {
    const char *name;
    const json_t *value;
} Member;

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
    json_output_char(&out->json, '{');
    for (i = 0; good && i < count; i++) {
        if (i) {
            json_output_char(&out->json, ',');
        }
        json_output_text(&out->json, members[i].name, strlen(members[i].name));
        json_output_char(&out->json, ':');
        good = put_json(out, members[i].value, NULL, depth + 1);
    }
    json_output_char(&out->json, '}');
    if (members != few) {
        free(members);
    }
    return good;
}

static bool put_list(Output *out, const json_t *json, unsigned depth)
{
    size_t i, count = json_array_size(json);

    json_output_char(&out->json, '[');
    for (i = 0; i < count; i++) {
        if (i) {
            json_output_char(&out->json, ',');
        }
        if (!put_json(out, json_array_get(json, i), NULL, depth + 1)) {
            return false;
        }
    }
    json_output_char(&out->json, ']');
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
        json_output_number(&out->json, number, negative);
        return true;
    }
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return put_object(out, json, without, depth);
    case JSON_ARRAY:
        return put_list(out, json, depth);
    case JSON_STRING:
        json_output_text(&out->json, json_string_value(json),
                         json_string_length(json));
        return true;
    case JSON_TRUE:
        json_output_bytes(&out->json, "true", 4);
        return true;
    case JSON_FALSE:
        json_output_bytes(&out->json, "false", 5);
        return true;
    case JSON_NULL:
        json_output_bytes(&out->json, "null", 4);
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

    out.json.put = put;
    out.json.opaque = opaque;
    out.json.used = 0;
    out.problem = problem;
    *problem = NULL;
    if (!put_json(&out, json, without, 0)) {
        return false;
    }
    json_output_flush(&out.json);
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
