/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JSON with all integers of 64 bits
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "models-json.h"

/* Begins texts that quote_big_numbers() made */
#define BIG_NUMBER '\1'

/* Whether jansson has no room for it, but 64 bits without a sign have */
static bool parse_big(const char *digits, size_t length, uint64_t *number)
{
    size_t i;

    *number = 0;
    if (!length || *digits == '0') {
        return false;
    }
    for (i = 0; i < length; i++) {
        unsigned digit = (unsigned char)digits[i] - '0';

        if (digit > 9 || *number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    return *number > INT64_MAX;
}

bool models_json_is_big(const char *digits, size_t length)
{
    uint64_t number;

    return parse_big(digits, length, &number);
}

static bool is_big_number(const json_t *json)
{
    return json_is_string(json) && *json_string_value(json) == BIG_NUMBER;
}

bool models_json_is_text(const json_t *json)
{
    return json_is_string(json) && !is_big_number(json);
}

bool models_json_integer(const json_t *json, uint64_t *number, bool *negative)
{
    *negative = false;
    if (is_big_number(json)) {
        const char *digits = json_string_value(json) + 1;

        return parse_big(digits, strlen(digits), number);
    }
    if (!json_is_integer(json)) {
        return false;
    }
    *negative = json_integer_value(json) < 0;
    *number = json_integer_value(json);
    return true;
}

/* Copies number @from of @length bytes, in quotes if it is big. */
static char *copy_number(char *to, const char *from, size_t length)
{
    uint64_t number;
    bool big = parse_big(from, length, &number);

    if (big) {
        memcpy(to, "\"\\u0001", 7);
        to += 7;
    }
    memcpy(to, from, length);
    to += length;
    if (big) {
        *to++ = '"';
    }
    return to;
}

/*
 * Returns a copy of @text of *@length bytes for jansson, which has no integers
 * above INT64_MAX: values that are become texts that begin with BIG_NUMBER.
 */
static char *quote_big_numbers(const char *text, size_t *length)
{
    /* Each quoted number, of 19 digits or more, takes 8 bytes more. */
    char *copy = malloc(*length + *length / 19 * 8 + 1), *to = copy;
    const char *from = text, *end = text + *length;
    bool in_text = false;
    char last = 0;

    while (copy && from < end) {
        size_t token = 1;

        if (in_text) {
            if (*from == '\\' && end - from > 1) {
                token = 2;
            } else if (*from == '"') {
                in_text = false;
            }
        } else if (*from == '"') {
            in_text = true;
        } else if (last == ':' && *from >= '0' && *from <= '9') {
            while (from + token < end && from[token] &&
                   strchr("0123456789+-.eE", from[token])) {
                token++;
            }
            to = copy_number(to, from, token);
            from += token;
            last = '0';
            continue;
        }
        if (!strchr(" \t\r\n", *from)) {
            last = *from;
        }
        memcpy(to, from, token);
        to += token;
        from += token;
    }
    *length = to - copy;
    return copy;
}

bool models_json_is_small(const char *bytes, size_t length)
{
    size_t i, values = 0;

    if (length <= MODELS_JSON_MAX_VALUES) {
        return true;
    }
    /* Texts may have some, too; that does not matter. */
    for (i = 0; i < length; i++) {
        values += bytes[i] == ',' || bytes[i] == '[' || bytes[i] == '{';
    }
    return values <= MODELS_JSON_MAX_VALUES;
}

json_t *models_json_parse(const char *bytes, size_t length, char *error,
                          size_t size)
{
    json_error_t found = { .text = "" };
    json_t *root = NULL;
    char *text;

    if (!models_json_is_small(bytes, length)) {
        snprintf(error, size, "more than %d values", MODELS_JSON_MAX_VALUES);
        return NULL;
    }
    text = quote_big_numbers(bytes, &length);
    if (text) {
        root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &found);
        free(text);
    }
    if (!root && !*found.text) {
        /* jansson does not say so. */
        snprintf(error, size, "not enough memory");
    } else if (!root) {
        snprintf(error, size, "line %d, column %d: %s", found.line,
                 found.column, found.text);
    }
    return root;
}
