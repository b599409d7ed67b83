/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The bytes of a file, of limited size
 *
 * Answers, for readers of files that are not trusted: what is in this file, or
 * on stdin?
 */

#ifndef X86CPU_INPUT_FILE_H
#define X86CPU_INPUT_FILE_H

#include <stddef.h>

/*
 * The bytes of file @path, with a zero behind them; "-" is stdin.  NULL, with
 * one line in @problem, of @size bytes, if they can't be read, or are more than
 * @max.
 */
char *input_file_read(const char *path, size_t max, size_t *length,
                      char *problem, size_t size);

#endif /* X86CPU_INPUT_FILE_H */
