/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A file of CPU models, read without enough memory
 *
 * Answers, for tests: what becomes of the reader if one of its own allocations
 * fails, each in turn?  Link it with --wrap=malloc, --wrap=calloc and
 * --wrap=realloc.  Those of jansson are left alone: it does not survive that.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "models-file.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* How many allocations succeed before one that fails */
static unsigned long left;
static bool failed;

static bool fails(void)
{
    bool now = !left--;

    failed |= now;
    return now;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

int main(int argc, char **argv)
{
    unsigned long i;

    if (argc != 2) {
        return 2;
    }
    for (i = 0; ; i++) {
        char error[MODELS_FILE_ERROR] = "";
        ModelsFile *file;

        left = i;
        failed = false;
        file = models_file_read(argv[1], error, sizeof(error));
        left = -1;
        if (failed != !file || failed != !!strstr(error, "not enough memory")) {
            printf("without allocation %lu: '%s'\n", i, error);
            return 1;
        }
        models_file_free(file);
        if (file) {
            break;
        }
    }
    printf("%lu\n", i);
    return 0;
}
