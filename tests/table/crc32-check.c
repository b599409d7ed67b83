/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CRC-32 of the first bytes of stdin, twice
 *
 * Answers, for tests: do the instructions of processors and the code for others
 * give the same, whether or not the bytes come in two pieces?  Each argument is
 * a number of bytes and how many of them are the first piece: 100:33
 */

#include <stdio.h>
#include <stdlib.h>
#include "crc32.h"

int main(int argc, char **argv)
{
    static char data[1 << 20];
    size_t read = fread(data, 1, sizeof(data), stdin);
    int i;

    for (i = 1; i < argc; i++) {
        char *end;
        size_t length = strtoul(argv[i], &end, 10);
        size_t first = *end == ':' ? strtoul(end + 1, &end, 10) : 0;

        if (*end || length > read || first > length) {
            fprintf(stderr, "%s: not a part of the input\n", argv[i]);
            return 1;
        }
        printf("%08x %08x\n",
               crc32_add(crc32_add(0, data, first), data + first,
                         length - first),
               crc32_add_portably(crc32_add_portably(0, data, first),
                                  data + first, length - first));
    }
    return 0;
}
