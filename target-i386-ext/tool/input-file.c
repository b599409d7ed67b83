/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The bytes of a file, of limited size
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "input-file.h"

static char *read_all(FILE *f, size_t max, size_t *length, char *problem,
                      size_t size)
{
    size_t room = 0;
    char *bytes = NULL;

    *length = 0;
    for (;;) {
        char *longer;

        room = room ? 2 * room : 1 << 16;
        longer = realloc(bytes, room + 1);
        if (!longer) {
            snprintf(problem, size, "not enough memory");
            break;
        }
        bytes = longer;
        *length += fread(bytes + *length, 1, room - *length, f);
        if (ferror(f)) {
            snprintf(problem, size, "%s", strerror(errno));
            break;
        }
        if (*length > max) {
            snprintf(problem, size, "larger than %zu bytes", max);
            break;
        }
        if (*length < room) {
            bytes[*length] = 0;
            return bytes;
        }
    }
    free(bytes);
    return NULL;
}

char *input_file_read(const char *path, size_t max, size_t *length,
                      char *problem, size_t size)
{
    FILE *f = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    char *bytes;

    if (!f) {
        snprintf(problem, size, "%s", strerror(errno));
        return NULL;
    }
    bytes = read_all(f, max, length, problem, size);
    if (f != stdin) {
        fclose(f);
    }
    return bytes;
}
