/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Input and error messages of the generator of the static CPU tables
 */

#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "gen-cpu-input.h"

static unsigned complaint_count;

/* What is quoted is from the input, which can be of any length. */
static char *bounded(const char *format)
{
    char *copy = new_memory(2 * strlen(format) + 1), *end = copy;

    for (; *format; format++) {
        *end++ = *format;
        if (!strncmp(format, "'%s", 3)) {
            end += sprintf(end, "%%.%d", MAX_QUOTED);
            format++;
        }
    }
    return copy;
}

static void print_message(Place place, const char *kind, const char *format,
                          va_list ap)
{
    char *bounded_format = bounded(format);

    fprintf(stderr, "%s:%d: %s", place.file, place.line, kind);
    vfprintf(stderr, bounded_format, ap);
    fputc('\n', stderr);
    free(bounded_format);
}

void complain(Place place, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    print_message(place, "", format, ap);
    va_end(ap);
    complaint_count++;
}

void warn(Place place, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    print_message(place, "warning: ", format, ap);
    va_end(ap);
}

void give_up(Place place, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    print_message(place, "", format, ap);
    va_end(ap);
    exit(1);
}

void end_if_failed(void)
{
    if (complaint_count) {
        exit(1);
    }
}

unsigned complaints(void)
{
    return complaint_count;
}

static void *checked(void *memory)
{
    if (!memory) {
        fprintf(stderr, "gen-cpu-tables: out of memory\n");
        exit(1);
    }
    return memory;
}

void *new_memory(size_t size)
{
    return checked(calloc(1, size));
}

void *grow(void *array, size_t count, size_t item_size)
{
    char *grown = array;

    /* Twice as much each time: tables can have many thousands of models. */
    if (!(count & (count - 1))) {
        grown = checked(realloc(array, (count ? 2 * count : 1) * item_size));
    }
    memset(grown + count * item_size, 0, item_size);
    return grown;
}

char *copy_text(const char *text, size_t length)
{
    char *copy = new_memory(length + 1);

    memcpy(copy, text, length);
    return copy;
}

bool parse_number(const char *text, long long *number)
{
    return sscanf(text, "%lli", number) == 1;
}

bool parse_whole_number(const char *text, uint64_t *number)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t base = 10;

    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    } else if (text[0] == '0' && text[1]) {
        return false;           /* 010 is not meant to be octal. */
    }
    if (!*text) {
        return false;
    }
    for (*number = 0; *text; text++) {
        const char *digit = strchr(digits, tolower((unsigned char)*text));
        uint64_t value = digit ? (uint64_t)(digit - digits) : base;

        if (value >= base || *number > (UINT64_MAX - value) / base) {
            return false;
        }
        *number = *number * base + value;
    }
    return true;
}

char *read_file(const char *path)
{
    Place place = { path, 0 };
    size_t size = 0, room = 1 << 12, got;
    char *text = new_memory(room);
    FILE *file = fopen(path, "rb");

    if (!file) {
        give_up(place, "%s", strerror(errno));
    }
    while ((got = fread(text + size, 1, room - size - 1, file))) {
        size += got;
        if (room - size < 2) {
            room *= 2;
            text = checked(realloc(text, room));
        }
    }
    if (ferror(file)) {
        give_up(place, "cannot read it: %s", strerror(errno));
    }
    fclose(file);
    text[size] = '\0';
    if (strlen(text) != size) {
        give_up(place, "it is not text: it has a NUL byte");
    }
    return text;
}

/* ---- names ---- */

typedef struct Name {
    const char *text;
    size_t length, value;
} Name;

static int compare_names(const void *a, const void *b)
{
    const Name *na = a, *nb = b;

    return na->length != nb->length ? (na->length < nb->length ? -1 : 1)
                                    : strncasecmp(na->text, nb->text,
                                                  na->length);
}

size_t find_name(const NameIndex *index, const char *name, size_t length)
{
    Name key = { .text = name, .length = length };
    Name **found = tfind(&key, &index->root, compare_names);

    return found ? (*found)->value : SIZE_MAX;
}

void add_name(NameIndex *index, const char *name, size_t value)
{
    Name *added = new_memory(sizeof(*added));

    *added = (Name) { copy_text(name, strlen(name)), strlen(name), value };
    checked(tsearch(added, &index->root, compare_names));
}

/* ---- C ---- */

int lines_before(const char *text, const char *end)
{
    int count = 0;

    for (; text < end; text++) {
        count += *text == '\n';
    }
    return count;
}

/* Skips white space and comments, counting lines. */
static void skip_blank(Lexer *lexer)
{
    for (;;) {
        if (*lexer->pos == '\n') {
            lexer->place.line++;
            lexer->pos++;
        } else if (isspace((unsigned char)*lexer->pos)) {
            lexer->pos++;
        } else if (!strncmp(lexer->pos, "//", 2)) {
            lexer->pos += strcspn(lexer->pos, "\n");
        } else if (lexer->pos[0] == '/' && lexer->pos[1] == '*') {
            const char *end = strstr(lexer->pos + 2, "*/");

            if (!end) {
                give_up(lexer->place, "unterminated comment");
            }
            lexer->place.line += lines_before(lexer->pos, end);
            lexer->pos = end + 2;
        } else {
            return;
        }
    }
}

void next(Lexer *lexer)
{
    const char *start;
    size_t length;

    skip_blank(lexer);
    start = lexer->pos;
    if (!*start) {
        lexer->type = TOKEN_END;
        length = 0;
    } else if (*start == '"') {
        lexer->type = TOKEN_STRING;
        length = strcspn(++start, "\"\\\n");
        if (start[length] != '"') {
            give_up(lexer->place, "string with an escape, or without an end");
        }
        lexer->pos = start + length + 1;
    } else if (isalnum((unsigned char)*start) || *start == '_') {
        lexer->type = TOKEN_NAME;
        length = strspn(start, "abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        lexer->pos = start + length;
    } else {
        lexer->type = TOKEN_OTHER;
        length = 1;
        if (*start == '#') {
            give_up(lexer->place, "preprocessor line inside of a table; "
                    "teach gen-cpu-tables about it");
        }
        lexer->pos = start + 1;
    }
    if (length >= sizeof(lexer->text)) {
        give_up(lexer->place, "token of %zu characters", length);
    }
    memcpy(lexer->text, start, length);
    lexer->text[length] = '\0';
}

void lex_from(Lexer *lexer, const char *path, const char *text,
              const char *start)
{
    const char *found = strstr(text, start);

    *lexer = (Lexer) { .place = { path, 1 } };
    if (!found) {
        give_up(lexer->place, "'%s' not found", start);
    }
    lexer->place.line += lines_before(text, found);
    lexer->pos = found + strlen(start);
    next(lexer);
}

bool at(const Lexer *lexer, const char *text)
{
    return lexer->type != TOKEN_STRING && lexer->type != TOKEN_END &&
           !strcmp(lexer->text, text);
}

void expect(Lexer *lexer, const char *text)
{
    if (!at(lexer, text)) {
        give_up(lexer->place, "expected '%s', found '%s'", text,
                lexer->type == TOKEN_END ? "end of file" : lexer->text);
    }
    next(lexer);
}

void expect_name(Lexer *lexer, char *name, size_t size)
{
    if (lexer->type != TOKEN_NAME || strlen(lexer->text) >= size) {
        give_up(lexer->place, "expected a name or number, found '%s'",
                lexer->type == TOKEN_END ? "end of file" : lexer->text);
    }
    strcpy(name, lexer->text);
    next(lexer);
}

void expect_member(Lexer *lexer, char *name, size_t size, char *index)
{
    expect(lexer, ".");
    expect_name(lexer, name, size);
    if (index) {
        *index = '\0';
        if (at(lexer, "[")) {
            next(lexer);
            expect_name(lexer, index, size);
            expect(lexer, "]");
        }
    }
    expect(lexer, "=");
}

void end_item(Lexer *lexer)
{
    if (!at(lexer, "}")) {
        expect(lexer, ",");
    }
}

void skip_value(Lexer *lexer)
{
    int depth = 0;

    while (depth || (!at(lexer, ",") && !at(lexer, "}"))) {
        if (lexer->type == TOKEN_END) {
            give_up(lexer->place, "end of file inside of a table");
        }
        depth += at(lexer, "{") + at(lexer, "(");
        depth -= at(lexer, "}") + at(lexer, ")");
        next(lexer);
    }
}

/* ---- tables ---- */

char *next_line(Table *table)
{
    while (*table->rest) {
        char *line = table->rest, *c;
        size_t length = strcspn(line, "\n");

        table->rest += length + !!line[length];
        line[length] = '\0';
        table->place.line++;
        if (length && line[length - 1] == '\r') {
            if (!table->is_dos) {
                complain(table->place, "Windows line endings (CR LF); save the "
                         "file with Unix ones (LF)");
            }
            table->is_dos = true;
            line[--length] = '\0';
        }
        if (line[strspn(line, " \t")] == '#') {
            continue;
        }
        for (c = line; *c; c++) {
            /* ?? can begin a trigraph of C. */
            if ((!isprint((unsigned char)*c) && *c != '\t') ||
                strchr("\"\\", *c) || (c[0] == '?' && c[1] == '?')) {
                complain(table->place, "column %d: only printable ASCII, "
                         "without \", \\ and ??", (int)(c - line) + 1);
                break;
            }
        }
        while (length && isspace((unsigned char)line[length - 1])) {
            line[--length] = '\0';
        }
        if (!*c && length) {
            return line;
        }
    }
    return NULL;
}

char *cut(char **line)
{
    char *start = *line + strspn(*line, " \t");
    size_t length = strcspn(start, " \t");

    if (!length) {
        return NULL;
    }
    *line = start + length;
    if (**line) {
        *(*line)++ = '\0';
    }
    return start;
}
