/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CRC-32, as in ISO/IEC 13239 and zlib
 *
 * With PCLMULQDQ (SDM vol. 2) where the processor has it: bytes are polynomials
 * over GF(2), and what is x^n higher than what remains to be read is replaced
 * by its product with x^n modulo the CRC's polynomial.  Bits are reflected, as
 * everywhere in this CRC: the lowest one has the highest power.
 */

#include <stdbool.h>
#include <string.h>
#include "crc32.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

/* The polynomial without x^32, reflected */
#define POLYNOMIAL 0xedb88320u

static uint32_t next_bits(uint32_t crc, int bits)
{
    while (bits--) {
        crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
    }
    return crc;
}

/* By how many bytes of zeros follow, and by byte: the CRC of that byte */
typedef struct Tables {
    uint32_t after[8][256];
} Tables;

static void fill(Tables *tables)
{
    unsigned i, byte;

    for (byte = 0; byte < 256; byte++) {
        tables->after[0][byte] = next_bits(byte, 8);
    }
    for (i = 1; i < 8; i++) {
        for (byte = 0; byte < 256; byte++) {
            uint32_t crc = tables->after[i - 1][byte];

            tables->after[i][byte] = crc >> 8 ^ tables->after[0][crc & 0xff];
        }
    }
}

/* @crc is not inverted, neither here nor below. */
static uint32_t add_by_tables(uint32_t crc, const uint8_t *data, size_t length)
{
    Tables tables;
    unsigned i;

    fill(&tables);
    for (; length >= 8; length -= 8, data += 8) {
        uint32_t next = 0;

        for (i = 0; i < 8; i++) {
            uint8_t byte = data[i] ^ (i < 4 ? crc >> 8 * i : 0);

            next ^= tables.after[7 - i][byte];
        }
        crc = next;
    }
    for (; length; length--) {
        crc = crc >> 8 ^ tables.after[0][(crc ^ *data++) & 0xff];
    }
    return crc;
}

/* For few bytes, for which tables are not worth their while */
static uint32_t add_bytes(uint32_t crc, const uint8_t *data, size_t length)
{
    while (length--) {
        crc = next_bits(crc ^ *data++, 8);
    }
    return crc;
}

uint32_t crc32_add_portably(uint32_t crc, const void *data, size_t length)
{
    return ~(length < 1024 ? add_bytes(~crc, data, length)
                           : add_by_tables(~crc, data, length));
}

#ifdef __x86_64__

enum { LANES = 4 };

/*
 * x^n modulo the polynomial.  The product of two reflected numbers is one bit
 * too low, so these are one bit higher.
 */
static const uint64_t power_160 = 0x1751997d0, power_96 = 0x0ccaa009e;
static const uint64_t power_544 = 0x154442bd4, power_480 = 0x1c6e41596;

__attribute__((target("pclmul,sse4.1")))
static __m128i fold(__m128i value, __m128i by, __m128i next)
{
    return _mm_xor_si128(
        next, _mm_xor_si128(_mm_clmulepi64_si128(value, by, 0x00),
                            _mm_clmulepi64_si128(value, by, 0x11)));
}

/* At least 64 bytes */
__attribute__((target("pclmul,sse4.1")))
static uint32_t add_by_products(uint32_t crc, const uint8_t *data,
                                size_t length)
{
    /* By 128 bits for each of the lanes, and by 128 bits: 32 less and more */
    const __m128i by_lanes = _mm_set_epi64x(power_480, power_544);
    const __m128i by_one = _mm_set_epi64x(power_96, power_160);
    __m128i lanes[LANES];
    uint8_t rest[16];
    unsigned i;

    for (i = 0; i < LANES; i++, data += 16, length -= 16) {
        lanes[i] = _mm_loadu_si128((const __m128i *)data);
    }
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128(crc));
    for (; length >= 16 * LANES; length -= 16 * LANES, data += 16 * LANES) {
#pragma GCC unroll 4
        for (i = 0; i < LANES; i++) {
            lanes[i] = fold(lanes[i], by_lanes,
                            _mm_loadu_si128((const __m128i *)data + i));
        }
    }
    for (i = 1; i < LANES; i++) {
        lanes[0] = fold(lanes[0], by_one, lanes[i]);
    }
    for (; length >= 16; length -= 16, data += 16) {
        lanes[0] = fold(lanes[0], by_one,
                        _mm_loadu_si128((const __m128i *)data));
    }
    _mm_storeu_si128((__m128i *)rest, lanes[0]);
    return add_bytes(add_bytes(0, rest, sizeof(rest)), data, length);
}

/* In a guest, CPUID takes longer than the CRC of 10 KB, so only once. */
static bool has_products(void)
{
    static enum { UNKNOWN, NO, YES } has;
    unsigned eax, ebx, ecx, edx;

    if (has == UNKNOWN) {
        has = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_PCLMUL) &&
              (ecx & bit_SSE4_1) ? YES : NO;
    }
    return has == YES;
}

#else

enum { LANES = 4 };

static uint32_t add_by_products(uint32_t crc, const uint8_t *data,
                                size_t length)
{
    return add_by_tables(crc, data, length);
}

static bool has_products(void)
{
    return false;
}

#endif

uint32_t crc32_add(uint32_t crc, const void *data, size_t length)
{
    if (length < 16 * LANES || !has_products()) {
        return crc32_add_portably(crc, data, length);
    }
    return ~add_by_products(~crc, data, length);
}
