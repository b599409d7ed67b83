/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * JSON as x86-cpu prints it
 */

#include <stdlib.h>
#include <string.h>
#include "json-text.h"
#include "models-json.h"

/* As jansson prints what begins the texts that stand for big numbers */
#define BIG_NUMBER "\"\\u0001"

/*
 * The end of the big number at @big in @text, or NULL if it is none: a part of
 * a text (its quote is escaped), or the name of a member
 */
static const char *end_of_number(const char *text, const char *big)
{
    const char *digits = big + strlen(BIG_NUMBER);
    size_t length = strspn(digits, "0123456789");
    bool escaped = big > text && big[-1] == '\\';
    bool is_value = digits[length] == '"' && digits[length + 1] != ':';

    return models_json_is_big(digits, length) && !escaped && is_value
           ? digits + length : NULL;
}

bool json_text_print(const json_t *json, bool in_lines, FILE *out)
{
    size_t flags = JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
                   (in_lines ? JSON_INDENT(2) : 0);
    char *text = json_dumps(json, flags);
    const char *from = text, *big, *end;

    while (from && (big = strstr(from, BIG_NUMBER))) {
        end = end_of_number(text, big);
        if (!end) {
            fwrite(from, 1, big + 1 - from, out);
            from = big + 1;
            continue;
        }
        fwrite(from, 1, big - from, out);
        big += strlen(BIG_NUMBER);
        fwrite(big, 1, end - big, out);
        from = end + 1;
    }
    if (from) {
        fputs(from, out);
        putc('\n', out);
    }
    free(text);
    return text && !ferror(out);
}
