/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The bytes of a file of CPU models
 *
 * Answers, for the reader of such files (models-tree.c): what is in this file,
 * and has it changed since the build wrote it?  Two thirds of a file are
 * fingerprints, which are for other readers; they need not be kept.
 */

#ifndef X86CPU_MODELS_BYTES_H
#define X86CPU_MODELS_BYTES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ModelsBytes {
    char *start;
    size_t length, room;
    /* The lines of the file have the CRC that the file says. */
    bool intact;
} ModelsBytes;

/*
 * Reads file @path into *@bytes, which have to be freed.  If only what is
 * @needed, and the file is intact, its lists of fingerprints are empty, and the
 * number of a line says nothing.  NULL, or why it can't be read.
 */
const char *models_bytes_read(const char *path, bool needed,
                              ModelsBytes *bytes);

void models_bytes_free(ModelsBytes *bytes);

#endif /* X86CPU_MODELS_BYTES_H */
