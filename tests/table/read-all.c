/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Many files of CPU models
 *
 * Answers, for tests: which of the files that stdin names does the reader
 * refuse?  Prints a line for each: the error, or nothing.
 */

#include <stdio.h>
#include <string.h>
#include "models-file.h"

int main(int argc, char **argv)
{
    /* Of models, if the reader is not to read all */
    const char *const *names = (const char *const *)argv + 1;
    char path[4096], error[MODELS_FILE_ERROR];

    while (fgets(path, sizeof(path), stdin)) {
        ModelsFile *file;

        path[strcspn(path, "\n")] = '\0';
        error[0] = '\0';
        file = models_file_read_named(path, argc > 1 ? names : NULL, argc - 1,
                                      error, sizeof(error));
        if (!file != !!*error) {
            return 1;
        }
        printf("%s\n", error);
        models_file_free(file);
    }
    return 0;
}
