/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tables as text
 *
 * Answers, for what prints answers: how does this table fit into the terminal,
 * or into 100 columns where there is none?
 */

#ifndef X86CPU_TEXT_TABLE_H
#define X86CPU_TEXT_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum { TEXT_TABLE_MAX_COLUMNS = 8 };

/* The columns of the terminal that @out is, at least 60; 100 if it is a file */
size_t text_table_width(FILE *out);

/*
 * Prints @rows rows of @columns cells each, of which the first row is the
 * header.  What is wider than its column's limit goes on in the next line;
 * @limits has those of all columns but the last one, which takes the rest of
 * the width.
 */
void text_table_print(const char *const *cells, size_t rows, size_t columns,
                      const size_t *limits, FILE *out);

/*
 * Prints @text, and a line break, at column @column, where the next lines begin
 * too.
 */
void text_table_print_from(size_t column, const char *text, FILE *out);

/* Prints @text as a paragraph. */
void text_table_print_paragraph(const char *text, FILE *out);

/* The same for what printf() makes of @format */
__attribute__((format(printf, 2, 3)))
void text_table_printf(FILE *out, const char *format, ...);

#endif /* X86CPU_TEXT_TABLE_H */
