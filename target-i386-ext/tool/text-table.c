/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tables as text
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include "text-table.h"

enum {
    /* Without a terminal, and the minimum for tables that can be read */
    WIDTH = 100,
    LEAST_WIDTH = 60,
    /* The least that the last column can do with, and any column */
    LAST_COLUMN = 20,
    LEAST_COLUMN = 8,
    INDENT = 2,
};

size_t text_table_width(FILE *out)
{
    static FILE *asked;
    static size_t width;
    struct winsize size;

    if (out == asked) {
        return width;
    }
    asked = out;
    /* A terminal that does not know its width says 0. */
    if (ioctl(fileno(out), TIOCGWINSZ, &size) || !size.ws_col) {
        width = WIDTH;
    } else {
        width = size.ws_col < LEAST_WIDTH ? LEAST_WIDTH : size.ws_col;
    }
    return width;
}

/*
 * The length of what is not broken at the beginning of @text: blanks, or all up
 * to a blank, or to a comma or a colon, because -cpu and caches have no blanks.
 */
static size_t chunk_length(const char *text)
{
    size_t length = strspn(text, " ");

    if (length) {
        return length;
    }
    while (text[length] && text[length] != ' ') {
        length++;
        if (text[length - 1] == ':' ||
            (text[length - 1] == ',' && text[length] != ',')) {
            break;
        }
    }
    return length;
}

/* The next line of *@text, which moves on; *@length may be 0 at its end. */
static const char *next_line(const char **text, size_t width, size_t *length)
{
    const char *line = *text + strspn(*text, " ");
    const char *end = line;

    while (*end) {
        size_t next = chunk_length(end), used = end - line;

        if (used + next <= width) {
            end += next;
            continue;
        }
        if (next > width && *end != ' ') {
            /* It fits into no line. */
            end += width - used;
        }
        break;
    }
    *text = end;
    while (end > line && end[-1] == ' ') {
        end--;
    }
    *length = end - line;
    return line;
}

/* Text of a file is not to be taken for commands by a terminal. */
static void print_text(const char *text, size_t length, FILE *out)
{
    size_t i;

    for (i = 0; i < length; i++) {
        putc(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?', out);
    }
}

void text_table_print_from(size_t column, const char *text, FILE *out)
{
    size_t width = text_table_width(out) - column, indent = 0, length;

    do {
        const char *line = next_line(&text, width, &length);

        fprintf(out, "%*s", (int)indent, "");
        print_text(line, length, out);
        putc('\n', out);
        indent = column;
    } while (*text);
}

void text_table_print_paragraph(const char *text, FILE *out)
{
    if (*text) {
        text_table_print_from(0, text, out);
    }
}

void text_table_printf(FILE *out, const char *format, ...)
{
    char *text = NULL;
    size_t size;
    FILE *copy = open_memstream(&text, &size);
    va_list ap;

    if (copy) {
        va_start(ap, format);
        vfprintf(copy, format, ap);
        va_end(ap);
        fclose(copy);
        text_table_print_paragraph(text, out);
    }
    free(text);
}

static void set_widths(const char *const *cells, size_t rows, size_t columns,
                       const size_t *limits, size_t width, size_t *widths)
{
    size_t room = width - INDENT * columns, sum = 0, row, i;

    for (i = 0; i + 1 < columns; i++) {
        widths[i] = 0;
        for (row = 0; row < rows; row++) {
            size_t length = strlen(cells[row * columns + i]);

            if (length > widths[i]) {
                widths[i] = length < limits[i] ? length : limits[i];
            }
        }
        sum += widths[i];
    }
    /* The widest columns give way. */
    while (sum > room - LAST_COLUMN) {
        size_t widest = 0;

        for (i = 1; i + 1 < columns; i++) {
            if (widths[i] > widths[widest]) {
                widest = i;
            }
        }
        if (widths[widest] <= LEAST_COLUMN) {
            break;
        }
        widths[widest]--;
        sum--;
    }
    widths[columns - 1] = room > sum + LEAST_COLUMN ? room - sum : LEAST_COLUMN;
}

/* Whether there was something left to print */
static bool print_line(const char **rests, size_t columns,
                       const size_t *widths, FILE *out)
{
    size_t lengths[TEXT_TABLE_MAX_COLUMNS], last = 0, column = 0, i;
    const char *lines[TEXT_TABLE_MAX_COLUMNS];

    for (i = 0; i < columns; i++) {
        lines[i] = next_line(&rests[i], widths[i], &lengths[i]);
        if (lengths[i]) {
            last = i + 1;
        }
    }
    for (i = 0; i < last; i++) {
        fprintf(out, "%*s", (int)(INDENT + (i ? widths[i - 1] - column : 0)),
                "");
        print_text(lines[i], lengths[i], out);
        column = lengths[i];
    }
    if (last) {
        putc('\n', out);
    }
    return last;
}

void text_table_print(const char *const *cells, size_t rows, size_t columns,
                      const size_t *limits, FILE *out)
{
    size_t widths[TEXT_TABLE_MAX_COLUMNS], row, i;
    const char *rests[TEXT_TABLE_MAX_COLUMNS];

    set_widths(cells, rows, columns, limits, text_table_width(out), widths);
    for (row = 0; row < rows; row++) {
        for (i = 0; i < columns; i++) {
            rests[i] = cells[row * columns + i];
        }
        while (print_line(rests, columns, widths, out)) {
            continue;
        }
    }
}
