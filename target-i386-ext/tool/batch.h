/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Many requests
 *
 * Answers, for control planes that ask for many CPUs: all of these requests,
 * one answer for each, in their order.
 */

#ifndef X86CPU_BATCH_H
#define X86CPU_BATCH_H

#include "answer.h"

/* A longer request is answered with an error. */
enum { BATCH_MAX_LINE = 16 << 20 };

/*
 * Reads requests from @in, JSON, one in each line, and prints an answer for
 * each to @out.  Lines that are not requests have an answer with an error;
 * empty lines have none.  False, with errno, if an answer could not be written,
 * or requests not be read.
 */
bool batch_run(Tool *tool, FILE *in, FILE *out);

#endif /* X86CPU_BATCH_H */
