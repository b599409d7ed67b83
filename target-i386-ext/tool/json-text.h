/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * JSON as x86-cpu prints it
 *
 * Answers, for all that print answers: which text is this JSON?  Sorted, so
 * that diff can compare two answers, and with integers of 64 bits (see
 * models-json.h).
 */

#ifndef X86CPU_JSON_TEXT_H
#define X86CPU_JSON_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Prints @json to @out in lines, or in one line, and a line break.  False if
 * that could not be written.
 */
bool json_text_print(const json_t *json, bool in_lines, FILE *out);

#endif /* X86CPU_JSON_TEXT_H */
