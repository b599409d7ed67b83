/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JSON with all integers of 64 bits
 *
 * Answers, for readers of requests: what JSON is this text?  jansson alone
 * has no integers above INT64_MAX, but properties of CPUs have.
 */

#ifndef X86CPU_MODELS_JSON_H
#define X86CPU_MODELS_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Room for the longest error */
    MODELS_JSON_ERROR = 256,
    /*
     * jansson needs up to 250 bytes for a value that is two bytes long.  No
     * input has nearly as many; partials of fleets have the most.
     */
    MODELS_JSON_MAX_VALUES = 2000000,
};

/* Whether @bytes, of @length, have at most that many values */
bool models_json_is_small(const char *bytes, size_t length);

/*
 * Reads @bytes, of @length.  NULL, with an error in @error, of @size bytes, if
 * it is not JSON.  Names of members are not there twice.  Use the functions
 * below for its texts and integers.
 */
json_t *models_json_parse(const char *bytes, size_t length, char *error,
                          size_t size);

/*
 * Whether the @length bytes at @digits are an integer that jansson has no room
 * for, but 64 bits without a sign have
 */
bool models_json_is_big(const char *digits, size_t length);

bool models_json_is_text(const json_t *json);

/*
 * Puts integer @json in *@number; *@negative says whether that is an int64_t
 * below 0.  False if it is not an integer.
 */
bool models_json_integer(const json_t *json, uint64_t *number, bool *negative);

#endif /* X86CPU_MODELS_JSON_H */
