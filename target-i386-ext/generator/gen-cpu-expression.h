/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Constant expressions and macros of C
 *
 * Evaluates expressions of cpu.c, such as "CPUID_MMX | CPUID_SSE", "32 * KiB".
 */

#ifndef I386_EXT_GEN_CPU_EXPRESSION_H
#define I386_EXT_GEN_CPU_EXPRESSION_H

#include "gen-cpu-input.h"

/* Headers with macros, besides cpu.c */
#define MAX_HEADERS     8

/* The text of file @path; its macros are known from now on. */
char *read_macro_file(const char *path);

/* The text after "#define NAME " in one of these files, or NULL */
const char *find_macro(const char *name);

/* A copy of the definition of macro @name, on one line; gives up if unknown. */
char *macro_line(const Lexer *user, const char *name);

/* The value of the constant expression at @lexer */
uint64_t read_expression(Lexer *lexer);

/* Concatenates adjacent strings; false if a macro is among them. */
bool read_string(Lexer *lexer, char *text, size_t size);

#endif /* I386_EXT_GEN_CPU_EXPRESSION_H */
