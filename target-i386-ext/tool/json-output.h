/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JSON as ASCII, piece by piece
 *
 * For texts that digests are made of: each value can only be written in one
 * way.
 */

#ifndef X86_CPU_JSON_OUTPUT_H
#define X86_CPU_JSON_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct JsonOutput {
    /* Takes the text, whenever there is enough of it. */
    void (*put)(const char *text, size_t length, void *opaque);
    void *opaque;
    /* At first 0 */
    size_t used;
    char buffer[4096];
} JsonOutput;

void json_output_flush(JsonOutput *out);

void json_output_bytes(JsonOutput *out, const char *text, size_t length);

/* A value of models_json_integer(): modulo 2^64 if it is negative */
void json_output_number(JsonOutput *out, uint64_t number, bool negative);

/* @text is valid UTF-8. */
void json_output_text(JsonOutput *out, const char *text, size_t length);

static inline void json_output_char(JsonOutput *out, char c)
{
    if (out->used == sizeof(out->buffer)) {
        json_output_flush(out);
    }
    out->buffer[out->used++] = c;
}

#endif /* X86_CPU_JSON_OUTPUT_H */
