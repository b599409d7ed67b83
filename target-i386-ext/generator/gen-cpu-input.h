/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Input and error messages of the generator of the static CPU tables
 *
 * Plain C, because a cross build may lack libraries for the build machine.
 */

#ifndef I386_EXT_GEN_CPU_INPUT_H
#define I386_EXT_GEN_CPU_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The most that errors repeat of a name or value */
#define MAX_QUOTED 80

/* Where an error is: a file and a line, from 1 */
typedef struct Place {
    const char *file;
    int line;
} Place;

/*
 * Reports an error, and goes on to find more.  Quote input as '%s': it is cut
 * after MAX_QUOTED characters.
 */
void __attribute__((format(printf, 2, 3)))
complain(Place place, const char *format, ...);

/* Reports what is probably a mistake. */
void __attribute__((format(printf, 2, 3)))
warn(Place place, const char *format, ...);

/* Reports a fatal error, and exits. */
void __attribute__((noreturn, format(printf, 2, 3)))
give_up(Place place, const char *format, ...);

/* Exits if complain() reported any error. */
void end_if_failed(void);

/* The number of errors so far, to suppress those that only follow from them */
unsigned complaints(void);

/* malloc() that doesn't fail; the memory is zeroed. */
void *new_memory(size_t size);
/*
 * Makes room for item @count, zeroed, of @array, which only this function
 * allocates: NULL at first.
 */
void *grow(void *array, size_t count, size_t item_size);
char *copy_text(const char *text, size_t length);

/* Parses the number at the beginning of @text, decimal or 0x. */
bool parse_number(const char *text, long long *number);

/* Parses @text, which must be a number, decimal or 0x, of up to 64 bits. */
bool parse_whole_number(const char *text, uint64_t *number);

/* The text of file @path; gives up on errors and NUL bytes. */
char *read_file(const char *path);

/* ---- names ---- */

/* What names stand for; without case, so that no two differ only in it */
typedef struct NameIndex {
    void *root;                 /* of tsearch() */
} NameIndex;

/* What the first @length characters of @name stand for, or SIZE_MAX */
size_t find_name(const NameIndex *index, const char *name, size_t length);

/* Adds @name, which find_name() must not have found. */
void add_name(NameIndex *index, const char *name, size_t value);

/* ---- C ---- */

/* The number of line ends between @text and @end */
int lines_before(const char *text, const char *end);

typedef enum TokenType {
    TOKEN_END, TOKEN_NAME, TOKEN_STRING, TOKEN_OTHER,
} TokenType;

typedef struct Lexer {
    Place place;
    const char *pos;
    TokenType type;
    char text[128];             /* for TOKEN_OTHER: one character */
} Lexer;

/*
 * Positions @lexer after the first @start in @text, from file @path, and
 * reads the first token; gives up if @start is not found.
 */
void lex_from(Lexer *lexer, const char *path, const char *text,
              const char *start);

/* Reads the next token. */
void next(Lexer *lexer);

/* Whether the token is @text, but not a string */
bool at(const Lexer *lexer, const char *text);

/* Gives up unless the token is @text; reads the next one. */
void expect(Lexer *lexer, const char *text);

/* A name or number into @name[@size]; reads the next token. */
void expect_name(Lexer *lexer, char *name, size_t size);

/* .NAME =, or .NAME[INDEX] = if @index is not NULL ("" if it has none) */
void expect_member(Lexer *lexer, char *name, size_t size, char *index);

/* Reads a comma after an item of a braced list, unless the list ends. */
void end_item(Lexer *lexer);

/* Skips an expression, up to a comma or closing brace outside it. */
void skip_value(Lexer *lexer);

/* ---- tables ---- */

/* A table, read line by line */
typedef struct Table {
    Place place;
    char *rest;
    bool is_dos;                /* Lines end with CR LF; already reported. */
} Table;

/*
 * The next line that is neither a comment nor empty, without trailing white
 * space, or NULL after the last.  Complains about and skips lines with
 * quotes, backslashes, or anything except printable ASCII.
 */
char *next_line(Table *table);

/* Cuts the next word out of *line; NULL if there is none. */
char *cut(char **line);

#endif /* I386_EXT_GEN_CPU_INPUT_H */
