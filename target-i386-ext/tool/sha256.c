/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * SHA-256, as in FIPS 180-4
 *
 * With the SHA extensions where the processor has them (SDM vol. 2,
 * SHA256RNDS2, SHA256MSG1 and SHA256MSG2): without, hashing a file of CPU
 * models takes more instructions than all else that is done with it.
 */

#include <string.h>
#include "sha256.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

/* 4.2.2: the cube roots of the first 64 primes, their fractions' first bits */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

/* One round of step 3, where a is v[@first], b is the next one, and so on */
static inline void add_round(uint32_t v[8], unsigned first, uint32_t input)
{
    uint32_t a = v[first], b = v[(first + 1) % 8], c = v[(first + 2) % 8];
    uint32_t e = v[(first + 4) % 8], f = v[(first + 5) % 8];
    uint32_t g = v[(first + 6) % 8], h = v[(first + 7) % 8];
    uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                  ((e & f) ^ (~e & g)) + input;

    v[(first + 3) % 8] += t1;
    v[(first + 7) % 8] = t1 + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                         ((a & b) ^ (a & c) ^ (b & c));
}

/* 6.2.2 */
static void add_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64], v[8];
    unsigned t;

    for (t = 0; t < 16; t++, block += 4) {
        w[t] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
               (uint32_t)block[2] << 8 | block[3];
    }
    for (; t < 64; t++) {
        uint32_t x = w[t - 15], y = w[t - 2];

        w[t] = w[t - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) +
               w[t - 7] + (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
    }
    memcpy(v, state, sizeof(v));
    for (t = 0; t < 64; t += 8) {
        /* The variables change places; eight rounds later they are back. */
        add_round(v, 0, constants[t] + w[t]);
        add_round(v, 7, constants[t + 1] + w[t + 1]);
        add_round(v, 6, constants[t + 2] + w[t + 2]);
        add_round(v, 5, constants[t + 3] + w[t + 3]);
        add_round(v, 4, constants[t + 4] + w[t + 4]);
        add_round(v, 3, constants[t + 5] + w[t + 5]);
        add_round(v, 2, constants[t + 6] + w[t + 6]);
        add_round(v, 1, constants[t + 7] + w[t + 7]);
    }
    for (t = 0; t < 8; t++) {
        state[t] += v[t];
    }
}

static void add_blocks_portably(uint32_t state[8], const uint8_t *blocks,
                                size_t count)
{
    for (; count; count--, blocks += SHA256_BLOCK) {
        add_block(state, blocks);
    }
}

#ifdef __x86_64__

/*
 * The instructions have a, b, e and f in one register, and c, d, g and h in
 * another, each with the first one in the highest bits.
 */
__attribute__((target("sha,sse4.1")))
static void add_blocks_by_extensions(uint32_t state[8], const uint8_t *blocks,
                                     size_t count)
{
    /* Numbers are big-endian. */
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i abef, cdgh;
    unsigned i, t;

    abef = _mm_set_epi32(state[0], state[1], state[4], state[5]);
    cdgh = _mm_set_epi32(state[2], state[3], state[6], state[7]);
    for (; count; count--, blocks += SHA256_BLOCK) {
        __m128i old_abef = abef, old_cdgh = cdgh, w[4];

        for (i = 0; i < 4; i++) {
            w[i] = _mm_shuffle_epi8(
                _mm_loadu_si128((const __m128i *)blocks + i), swap);
        }
        for (t = 0; t < 64; t += 4) {
            __m128i input = _mm_add_epi32(
                w[0], _mm_loadu_si128((const __m128i *)(constants + t)));
            __m128i next;

            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, input);
            abef = _mm_sha256rnds2_epu32(abef, cdgh,
                                         _mm_shuffle_epi32(input, 0x0e));
            /* W of the rounds 16 later; the last four are not used. */
            next = _mm_add_epi32(_mm_sha256msg1_epu32(w[0], w[1]),
                                 _mm_alignr_epi8(w[3], w[2], 4));
            next = _mm_sha256msg2_epu32(next, w[3]);
            w[0] = w[1];
            w[1] = w[2];
            w[2] = w[3];
            w[3] = next;
        }
        abef = _mm_add_epi32(abef, old_abef);
        cdgh = _mm_add_epi32(cdgh, old_cdgh);
    }
    state[0] = _mm_extract_epi32(abef, 3);
    state[1] = _mm_extract_epi32(abef, 2);
    state[2] = _mm_extract_epi32(cdgh, 3);
    state[3] = _mm_extract_epi32(cdgh, 2);
    state[4] = _mm_extract_epi32(abef, 1);
    state[5] = _mm_extract_epi32(abef, 0);
    state[6] = _mm_extract_epi32(cdgh, 1);
    state[7] = _mm_extract_epi32(cdgh, 0);
}

static bool has_extensions(void)
{
    unsigned eax, ebx, ecx, edx;

    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_SSSE3) &&
           (ecx & bit_SSE4_1) &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & bit_SHA);
}

#else

static void add_blocks_by_extensions(uint32_t state[8], const uint8_t *blocks,
                                     size_t count)
{
    add_blocks_portably(state, blocks, count);
}

static bool has_extensions(void)
{
    return false;
}

#endif

static void add_blocks(Sha256 *sha, const uint8_t *blocks, size_t count)
{
    if (sha->by_extensions) {
        add_blocks_by_extensions(sha->state, blocks, count);
    } else {
        add_blocks_portably(sha->state, blocks, count);
    }
}

void sha256_start_portably(Sha256 *sha)
{
    /* 5.3.3: the same of the square roots of the first 8 primes */
    static const uint32_t initial[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };

    memcpy(sha->state, initial, sizeof(initial));
    sha->length = 0;
    sha->by_extensions = false;
}

void sha256_start(Sha256 *sha)
{
    sha256_start_portably(sha);
    sha->by_extensions = has_extensions();
}

void sha256_add(Sha256 *sha, const void *data, size_t length)
{
    size_t used = sha->length % SHA256_BLOCK;
    const uint8_t *from = data;

    sha->length += length;
    if (used && length >= SHA256_BLOCK - used) {
        size_t part = SHA256_BLOCK - used;

        memcpy(sha->block + used, from, part);
        add_blocks(sha, sha->block, 1);
        from += part;
        length -= part;
        used = 0;
    }
    if (!used && length >= SHA256_BLOCK) {
        add_blocks(sha, from, length / SHA256_BLOCK);
        from += length - length % SHA256_BLOCK;
        length %= SHA256_BLOCK;
    }
    if (length) {
        memcpy(sha->block + used, from, length);
    }
}

void sha256_finish(Sha256 *sha, char hex[65])
{
    static const char digits[] = "0123456789abcdef";
    /* 5.1.1: a one bit, zeros, and the length in bits fill up a block */
    uint64_t bits = sha->length * 8;
    uint8_t padding[SHA256_BLOCK + 8] = { 0x80 };
    size_t used = sha->length % SHA256_BLOCK;
    size_t zeros = (used < 56 ? 56 : 56 + SHA256_BLOCK) - used;
    int i;

    for (i = 0; i < 8; i++) {
        padding[zeros + i] = bits >> (56 - 8 * i);
    }
    sha256_add(sha, padding, zeros + 8);
    for (i = 0; i < 64; i++) {
        hex[i] = digits[sha->state[i / 8] >> (28 - i % 8 * 4) & 0xf];
    }
    hex[64] = 0;
}
