/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SHA-256, as in FIPS 180-4
 *
 * Answers, for readers and writers of files: what is the digest of these bytes?
 */

#ifndef X86CPU_SHA256_H
#define X86CPU_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_BLOCK = 64 };

typedef struct Sha256 {
    uint32_t state[8];
    uint64_t length;
    /* What does not fill a block yet */
    uint8_t block[SHA256_BLOCK];
    /* By the processor's instructions for it */
    bool by_extensions;
} Sha256;

void sha256_start(Sha256 *sha);

/* As any processor can do it; for tests */
void sha256_start_portably(Sha256 *sha);

void sha256_add(Sha256 *sha, const void *data, size_t length);

/* Puts the digest in @hex, in lower case hexadecimal, with a zero. */
void sha256_finish(Sha256 *sha, char hex[65]);

#endif /* X86CPU_SHA256_H */
