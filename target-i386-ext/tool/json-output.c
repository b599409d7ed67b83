/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JSON as ASCII, piece by piece
 */

#include <stdio.h>
#include <string.h>
#include "json-output.h"

void json_output_flush(JsonOutput *out)
{
    if (out->used) {
        out->put(out->buffer, out->used, out->opaque);
        out->used = 0;
    }
}

void json_output_bytes(JsonOutput *out, const char *text, size_t length)
{
    if (length > sizeof(out->buffer) - out->used) {
        json_output_flush(out);
    }
    if (length > sizeof(out->buffer)) {
        out->put(text, length, out->opaque);
        return;
    }
    memcpy(out->buffer + out->used, text, length);
    out->used += length;
}

void json_output_number(JsonOutput *out, uint64_t number, bool negative)
{
    char digits[20];
    int i = sizeof(digits);

    if (negative) {
        json_output_char(out, '-');
        number = -number;
    }
    do {
        digits[--i] = '0' + number % 10;
        number /= 10;
    } while (number);
    json_output_bytes(out, digits + i, sizeof(digits) - i);
}

static void put_escape(JsonOutput *out, unsigned unit)
{
    char text[8];

    json_output_bytes(out, text, snprintf(text, sizeof(text), "\\u%04x",
                                          unit & 0xffff));
}

/* The code point at *@text, of *@length bytes; moves past it. */
static uint32_t next_code_point(const unsigned char **text, size_t *length)
{
    uint32_t c = **text;
    size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

    c &= more ? 0x3f >> more : 0xff;
    ++*text;
    --*length;
    /* Invalid UTF-8 can't lead beyond the end. */
    while (more-- && *length) {
        c = c << 6 | (**text & 0x3f);
        ++*text;
        --*length;
    }
    return c;
}

static void put_special(JsonOutput *out, uint32_t c)
{
    static const char escapes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c && c < 0x80 ? strchr(escapes, (int)c) : NULL;

    if (found) {
        json_output_char(out, '\\');
        json_output_char(out, letters[found - escapes]);
    } else if (c >= 0x10000) {
        put_escape(out, 0xd800 + ((c - 0x10000) >> 10));
        put_escape(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
        put_escape(out, c);
    }
}

void json_output_text(JsonOutput *out, const char *text, size_t length)
{
    const unsigned char *from = (const unsigned char *)text;

    json_output_char(out, '"');
    while (length) {
        size_t plain = 0;

        while (plain < length && from[plain] >= ' ' && from[plain] <= '~' &&
               from[plain] != '"' && from[plain] != '\\') {
            plain++;
        }
        json_output_bytes(out, (const char *)from, plain);
        from += plain;
        length -= plain;
        if (length) {
            put_special(out, next_code_point(&from, &length));
        }
    }
    json_output_char(out, '"');
}
