/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Versions of machine types, and of QEMU
 *
 * Answers: which number is "10.0", and is it how machine types are named?
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "gen-cpu-versions.h"

bool parse_qemu_version(const char *text, uint32_t *version)
{
    uint32_t numbers[3] = { 0 };
    int i;

    for (i = 0; i < 3; i++) {
        if (!isdigit((unsigned char)*text)) {
            return false;
        }
        for (; isdigit((unsigned char)*text); text++) {
            numbers[i] = numbers[i] * 10 + *text - '0';
            if (numbers[i] > MAX_NUMBER) {
                return false;
            }
        }
        if (i && !*text) {
            *version = MACHINE_VERSION(numbers[0], numbers[1]);
            return true;
        }
        if (*text++ != '.') {
            return false;
        }
    }
    return false;
}

bool parse_machine_version(const char *text, uint32_t *version)
{
    char only[16];

    if (!parse_qemu_version(text, version)) {
        return false;
    }
    /* Neither 10.0.1 nor 010.0: no machine type is called so. */
    snprintf(only, sizeof(only), "%u.%u", *version >> 16, *version & 0xffff);
    return !strcmp(text, only);
}
