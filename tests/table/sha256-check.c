/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SHA-256 of stdin, twice
 *
 * Answers, for tests: do the instructions of processors and the code for others
 * give the same?  It gets the bytes in pieces of many sizes.
 */

#include <stdio.h>
#include "sha256.h"

int main(void)
{
    static char data[1 << 20];
    size_t length = fread(data, 1, sizeof(data), stdin), at = 0, part;
    char hex[65];
    Sha256 sha[2];
    int i;

    sha256_start(&sha[0]);
    sha256_start_portably(&sha[1]);
    for (i = 0; i < 2; i++) {
        for (at = 0; at < length; at += part) {
            part = at % 131 + 1 < length - at ? at % 131 + 1 : length - at;
            sha256_add(&sha[i], data + at, part);
        }
        sha256_finish(&sha[i], hex);
        puts(hex);
    }
    return 0;
}
