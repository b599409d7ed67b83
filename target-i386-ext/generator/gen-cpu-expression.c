/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Constant expressions and macros of C
 */

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gen-cpu-expression.h"

/* Texts to search for macros */
static char *macro_texts[MAX_HEADERS + 2];

char *read_macro_file(const char *path)
{
    int i = 0;

    while (macro_texts[i]) {
        i++;
    }
    assert(i <= MAX_HEADERS);
    return macro_texts[i] = read_file(path);
}

const char *find_macro(const char *name)
{
    char *const *text;
    char define[96];
    const char *found;

    snprintf(define, sizeof(define), "#define %s", name);
    for (text = macro_texts; *text; text++) {
        for (found = strstr(*text, define); found;
             found = strstr(found + 1, define)) {
            if (isspace((unsigned char)found[strlen(define)])) {
                return found + strlen(define);
            }
        }
    }
    return NULL;
}

char *macro_line(const Lexer *user, const char *name)
{
    const char *text = find_macro(name);
    char *line, *c;
    size_t i;

    if (!text) {
        give_up(user->place, "'%s' is not a number, and no macro of the "
                "headers", name);
    }
    for (i = 0; text[i] && (text[i] != '\n' || text[i - 1] == '\\'); i++) {
        /* Just find the end. */
    }
    line = copy_text(text, i);
    for (c = line; (c = strchr(c, '\\')); ) {
        *c = ' ';
    }
    return line;
}

typedef struct Macro {
    char name[64];
    uint64_t value;
} Macro;

static uint64_t read_or(Lexer *lexer, int depth);

/* The value of macro @name; cached, because many models use the same. */
static uint64_t macro_value(const Lexer *user, const char *name, int depth)
{
    static Macro *known;
    static size_t count;
    Lexer lexer = { .place = user->place };
    uint64_t value;
    char *line;
    size_t i;

    for (i = 0; i < count; i++) {
        if (!strcmp(known[i].name, name)) {
            return known[i].value;
        }
    }
    if (depth > 16) {
        give_up(user->place, "macro '%s': expansion is nested too deeply",
                name);
    }
    line = macro_line(user, name);
    lexer.pos = line;
    next(&lexer);
    value = read_or(&lexer, depth + 1);
    if (lexer.type != TOKEN_END) {
        give_up(user->place, "macro '%s' is not an expression that "
                "gen-cpu-tables knows; teach it", name);
    }
    free(line);
    known = grow(known, count, sizeof(*known));
    snprintf(known[count].name, sizeof(known[count].name), "%s", name);
    known[count++].value = value;
    return value;
}

/* ( expression ), ~ operand, number, true, false, KiB, macro */
static uint64_t read_operand(Lexer *lexer, int depth)
{
    uint64_t value;
    char name[64], *end;

    if (depth > 100) {
        give_up(lexer->place, "expression too deep");
    }
    if (at(lexer, "(")) {
        next(lexer);
        value = read_or(lexer, depth + 1);
        expect(lexer, ")");
        return value;
    }
    if (at(lexer, "~")) {
        next(lexer);
        return ~read_operand(lexer, depth + 1);
    }
    expect_name(lexer, name, sizeof(name));
    if (isdigit((unsigned char)*name)) {
        end = name + strlen(name);
        while (end > name && strchr("uUlL", end[-1])) {
            *--end = '\0';
        }
        if (!parse_whole_number(name, &value)) {
            give_up(lexer->place, "'%s' is not a number", name);
        }
        return value;
    }
    return !strcmp(name, "true") ? 1 :
           !strcmp(name, "false") ? 0 :
           !strcmp(name, "KiB") ? 1 << 10 :
           !strcmp(name, "MiB") ? 1 << 20 : macro_value(lexer, name, depth);
}

static uint64_t read_product(Lexer *lexer, int depth)
{
    uint64_t value = read_operand(lexer, depth);

    while (at(lexer, "*")) {
        next(lexer);
        value *= read_operand(lexer, depth);
    }
    return value;
}

static uint64_t read_shift(Lexer *lexer, int depth)
{
    uint64_t value = read_product(lexer, depth);

    while (at(lexer, "<")) {
        uint64_t by;

        next(lexer);
        expect(lexer, "<");
        by = read_product(lexer, depth);
        if (by > 63) {
            give_up(lexer->place, "a shift by %" PRIu64, by);
        }
        value <<= by;
    }
    return value;
}

static uint64_t read_and(Lexer *lexer, int depth)
{
    uint64_t value = read_shift(lexer, depth);

    while (at(lexer, "&")) {
        next(lexer);
        value &= read_shift(lexer, depth);
    }
    return value;
}

static uint64_t read_or(Lexer *lexer, int depth)
{
    uint64_t value = read_and(lexer, depth);

    while (at(lexer, "|")) {
        next(lexer);
        value |= read_and(lexer, depth);
    }
    return value;
}

uint64_t read_expression(Lexer *lexer)
{
    return read_or(lexer, 0);
}

bool read_string(Lexer *lexer, char *text, size_t size)
{
    bool plain = true;

    *text = '\0';
    while (lexer->type == TOKEN_STRING || lexer->type == TOKEN_NAME) {
        if (lexer->type == TOKEN_NAME) {
            plain = false;
        } else if (strlen(text) + strlen(lexer->text) >= size) {
            give_up(lexer->place, "a string of more than %zu characters",
                    size - 1);
        } else {
            strcat(text, lexer->text);
        }
        next(lexer);
    }
    return plain;
}
