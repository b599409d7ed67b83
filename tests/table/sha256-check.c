/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SHA-256 of the first bytes of stdin, twice
 *
 * Answers, for tests: do the instructions of processors and the code for others
 * give the same?  Each argument is a number of bytes.  SHA-256 gets them in
 * pieces of many sizes.
 */

#include <stdio.h>
#include <stdlib.h>
#include "sha256.h"

int main(int argc, char **argv)
{
    static char data[1 << 20];
    size_t read = fread(data, 1, sizeof(data), stdin);
    int i;

    for (i = 1; i < argc; i++) {
        size_t length = strtoul(argv[i], NULL, 10), at, part;
        char hex[2][65];
        Sha256 sha[2];
        int way;

        if (length > read) {
            fprintf(stderr, "%s: longer than the input\n", argv[i]);
            return 1;
        }
        sha256_start(&sha[0]);
        sha256_start_portably(&sha[1]);
        for (way = 0; way < 2; way++) {
            for (at = 0; at < length; at += part) {
                part = at % 131 + 1 < length - at ? at % 131 + 1 : length - at;
                sha256_add(&sha[way], data + at, part);
            }
            sha256_finish(&sha[way], hex[way]);
        }
        printf("%s %s\n", hex[0], hex[1]);
    }
    return 0;
}
