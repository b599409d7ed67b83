/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CRC-32 of stdin, twice
 *
 * Answers, for tests: do the instructions of processors and the code for others
 * give the same, whether or not the bytes come in two pieces?
 */

#include <stdio.h>
#include <stdlib.h>
#include "crc32.h"

int main(int argc, char **argv)
{
    static char data[1 << 20];
    size_t length = fread(data, 1, sizeof(data), stdin);
    size_t first = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;

    printf("%08x\n%08x\n",
           crc32_add(crc32_add(0, data, first), data + first, length - first),
           crc32_add_portably(crc32_add_portably(0, data, first), data + first,
                              length - first));
    return 0;
}
