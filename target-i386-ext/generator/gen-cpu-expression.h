/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Constant expressions and macros of C
 *
 * cpu.c says "CPUID_MMX | CPUID_SSE" and "32 * KiB": this is what reads them.
 */

#ifndef I386_EXT_GEN_CPU_EXPRESSION_H
#define I386_EXT_GEN_CPU_EXPRESSION_H

#include "gen-cpu-input.h"

/* With macros; cpu.c has some, too. */
#define MAX_HEADERS     8

/* The text of file @path, whose macros are known from now on */
char *read_macro_file(const char *path);

/* The text behind "#define NAME " in one of these files, NULL if in none */
const char *find_macro(const char *name);

/* A copy of the definition of macro @name, on one line; gives up without it */
char *macro_line(const Lexer *user, const char *name);

/* The value of a constant expression, at which @lexer is */
uint64_t read_expression(Lexer *lexer);

/* Strings one after the other; false if a macro is among them. */
bool read_string(Lexer *lexer, char *text, size_t size);

#endif /* I386_EXT_GEN_CPU_EXPRESSION_H */
