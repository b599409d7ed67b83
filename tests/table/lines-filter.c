/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * lines-filter FIRST LAST: what is needed of a file of CPU models
 *
 * Answers, for tests: does it matter in pieces of how many bytes, from FIRST to
 * LAST, a file (stdin) is read?  Prints for each whether the file is intact, and
 * what is kept of it if that is not what was kept with the one before.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "models-lines.h"

static char file[1 << 20], kept[1 << 20], before[1 << 20];

int main(int argc, char **argv)
{
    size_t length = fread(file, 1, sizeof(file), stdin), last_kept = 0;
    size_t piece = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;

    for (; argc > 2 && piece <= strtoul(argv[2], NULL, 10); piece++) {
        ModelsLinesFilter filter = { .crc = 0 };
        size_t at, n, done = 0;

        for (at = 0; at < length; at += n) {
            n = piece < length - at ? piece : length - at;
            memcpy(kept + done, file + at, n);
            done = models_lines_filter(&filter, kept, done, n);
        }
        printf("%d\n", models_lines_are_intact(&filter));
        if (done != last_kept || memcmp(kept, before, done)) {
            fwrite(kept, 1, done, stdout);
            memcpy(before, kept, done);
            last_kept = done;
        }
    }
    return 0;
}
