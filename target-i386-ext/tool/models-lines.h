/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of CPU models as the build writes them, line by line
 *
 * Answers, for the reader of such files (models-tree.c): has this one changed
 * since, and which of its lines are needed?  Most of them are not: fingerprints
 * are for other readers, and most questions are about few models.
 *
 * The format of lines is that of scripts/x86_cpu_models.py.  It is not part of
 * the file's format: files that are written otherwise are read as a whole.
 */

#ifndef X86CPU_MODELS_LINES_H
#define X86CPU_MODELS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From @start up to @end */
typedef struct ModelsLines {
    const char *start, *end;
} ModelsLines;

/* For a file that is read piece by piece; all zeros before the first one */
typedef struct ModelsLinesFilter {
    uint32_t crc, said;
    /* Where a list of fingerprints begins whose end has not been read yet */
    size_t list;
    bool started, unusual, in_list;
} ModelsLinesFilter;

/*
 * Takes in @count more bytes of a file, after the @length that are at @start
 * already, and leaves out the fingerprints of accelerators.  How many bytes
 * there are at @start now.
 */
size_t models_lines_filter(ModelsLinesFilter *filter, char *start,
                           size_t length, size_t count);

/*
 * At the end of the file: whether its third line is member "$crc32", and it is
 * that of the others.
 */
bool models_lines_are_intact(const ModelsLinesFilter *filter);

/*
 * Finds those models in the list that begins before @rest that have one of
 * @names, and those that they are like, in the order of the file: puts an array
 * of their objects, to be freed, in *@models, how many there are in *@found,
 * and the rest after the list in *@after.  False if there is no model of some
 * name, the list is written otherwise, or there is not enough memory.
 */
bool models_lines_choose(ModelsLines rest, const char *const *names,
                         size_t count, ModelsLines **models, size_t *found,
                         const char **after);

#endif /* X86CPU_MODELS_LINES_H */
