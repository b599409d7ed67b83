/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The canonical text of JSON
 *
 * Answers, for readers and writers of files with a digest: which bytes is the
 * digest over?  JSON with the names of members sorted by their bytes, no spaces
 * and no line breaks, and \uXXXX in lower case for all but printable ASCII:
 * what Python's json.dumps(sort_keys=True, separators=(',', ':')) returns.
 */

#ifndef X86CPU_CANONICAL_JSON_H
#define X86CPU_CANONICAL_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Calls @put with the canonical text of @json, in pieces.  Integers of
 * models-json.h are integers.  If @json is an object, members that @without
 * lists, which ends with NULL, are left out; it may be NULL.  False if @json is
 * nested too deeply, or has a number with a fraction or an exponent, which has
 * no canonical text here.  *@problem says which.
 */
bool canonical_json(const json_t *json, const char *const *without,
                    void (*put)(const char *text, size_t length, void *opaque),
                    void *opaque, const char **problem);

/* Puts the SHA-256 of the canonical text in @hex. */
bool canonical_json_digest(const json_t *json, const char *const *without,
                           char hex[65], const char **problem);

#endif /* X86CPU_CANONICAL_JSON_H */
