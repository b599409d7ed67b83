/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the generator of the static CPU tables reads, and how it complains
 *
 * Plain C, for a cross build may have no libraries for the build machine.
 */

#ifndef I386_EXT_GEN_CPU_INPUT_H
#define I386_EXT_GEN_CPU_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Where an error is: a file and a line of it, from 1 */
typedef struct Place {
    const char *file;
    int line;
} Place;

/* An error after which it is worth looking for more */
void __attribute__((format(printf, 2, 3)))
complain(Place place, const char *format, ...);

/* What is no error, but may not be what was meant */
void __attribute__((format(printf, 2, 3)))
warn(Place place, const char *format, ...);

/* An error that leaves nothing to go on with; ends the program. */
void __attribute__((noreturn, format(printf, 2, 3)))
give_up(Place place, const char *format, ...);

/* Ends the program if there was anything to complain about. */
void end_if_failed(void);

/* For complaints that others only follow from: how many there were */
unsigned complaints(void);

/* malloc() and realloc() that don't fail, memory zeroed where new */
void *new_memory(size_t size);
void *grow(void *array, size_t count, size_t item_size);
char *copy_text(const char *text, size_t length);

/* The number that @text begins with, decimal or 0x; false if none does. */
bool parse_number(const char *text, long long *number);

/* All of @text is a number, decimal or 0x, of up to 64 bits. */
bool parse_whole_number(const char *text, uint64_t *number);

/* The text of file @path, which has no NUL byte; gives up if there is none. */
char *read_file(const char *path);

/* ---- C ---- */

/* How many lines end between @text and @end */
int lines_before(const char *text, const char *end);

typedef enum TokenType {
    TOKEN_END, TOKEN_NAME, TOKEN_STRING, TOKEN_OTHER,
} TokenType;

typedef struct Lexer {
    Place place;
    const char *pos;
    TokenType type;
    char text[128];             /* of TOKEN_OTHER: one character */
} Lexer;

/*
 * Puts @lexer behind the first @start in @text, which is file @path, and
 * reads the first token; gives up if there is none.
 */
void lex_from(Lexer *lexer, const char *path, const char *text,
              const char *start);

/* Reads the next token. */
void next(Lexer *lexer);

/* Whether the token is @text, and not a string */
bool at(const Lexer *lexer, const char *text);

/* Gives up unless the token is @text; reads the next one. */
void expect(Lexer *lexer, const char *text);

/* A name or number into @name[@size]; reads the next token. */
void expect_name(Lexer *lexer, char *name, size_t size);

/* .NAME =, or .NAME[INDEX] = if @index is not NULL ("" if it has none) */
void expect_member(Lexer *lexer, char *name, size_t size, char *index);

/* After an item of a braced list there is a comma, or the list ends. */
void end_item(Lexer *lexer);

/* Skips an expression: all up to a comma or brace that is not inside. */
void skip_value(Lexer *lexer);

/* ---- tables ---- */

/* A table, of which lines are cut out one by one */
typedef struct Table {
    Place place;
    char *rest;
    bool is_dos;                /* Lines end with CR LF; that was told. */
} Table;

/*
 * The next line that is neither a comment nor empty, without white space at
 * its end, or NULL after the last.  Lines that have anything but printable
 * ASCII, or quotes or backslashes, are complained about and left out.
 */
char *next_line(Table *table);

/* The next word of *line, cut out of it; NULL if there is none. */
char *cut(char **line);

#endif /* I386_EXT_GEN_CPU_INPUT_H */
