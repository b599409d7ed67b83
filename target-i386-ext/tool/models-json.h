/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file of JSON, with all integers of 64 bits
 *
 * Answers, for readers of files: what JSON does this file have?  jansson alone
 * has no integers above INT64_MAX, but properties of CPUs have.
 */

#ifndef X86CPU_MODELS_JSON_H
#define X86CPU_MODELS_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for the longest error */
enum { MODELS_JSON_ERROR = 256 };

/*
 * Reads file @path.  NULL, with an error without the path in @error, of @size
 * bytes, if it can't be read or is no JSON.  Names of members are not there
 * twice.  Use the functions below for its texts and integers.
 */
json_t *models_json_load(const char *path, char *error, size_t size);

bool models_json_is_text(const json_t *json);

/*
 * Puts integer @json in *@number; *@negative says whether that is an int64_t
 * below 0.  False if it is no integer.
 */
bool models_json_integer(const json_t *json, uint64_t *number, bool *negative);

#endif /* X86CPU_MODELS_JSON_H */
