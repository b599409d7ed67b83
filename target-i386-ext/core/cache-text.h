/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The text that describes a cache of an x86 CPU
 *
 * Answers, for the properties l1d-cache-info and so on and for tables of
 * CPU models: what does SIZE:line=N:ways=N:... mean, and can CPUID encode it?
 *
 * QEMU and the generator of its tables share this code and so the syntax.  It
 * only needs the C library.
 */

#ifndef X86CPU_CACHE_TEXT_H
#define X86CPU_CACHE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CACHE_L1D, CACHE_L1I, CACHE_L2, CACHE_L3, CACHES };
enum { CACHE_LINE, CACHE_WAYS, CACHE_PARTITIONS, CACHE_SETS, CACHE_TAG_LINES,
       CACHE_NUMBERS };
enum { CACHE_SELF_INIT, CACHE_NO_INVD_SHARING, CACHE_INCLUSIVE,
       CACHE_COMPLEX_INDEXING, CACHE_FLAGS };

/* As struct CPUCacheInfo; size 0 if there is none */
typedef struct Cache {
    uint64_t size;
    uint64_t numbers[CACHE_NUMBERS];
    char share[16];
    bool flags[CACHE_FLAGS];
} Cache;

/*
 * Which caches are good: those that every CPUID leaf can encode; also those of
 * which 0x80000006 shows nothing, as newer models of upstream have them; all
 */
typedef enum CacheCheck {
    CACHE_CHECK_ALL, CACHE_CHECK_SHOWN, CACHE_CHECK_NONE
} CacheCheck;

/* Room for the longest text and the longest error */
enum { CACHE_TEXT = 512, CACHE_ERROR = 512 };

/*
 * Parses @text into *@cache, for cache @which; false, with a message in
 * @error, if it is not good according to @check.
 */
bool cache_text_parse(Cache *cache, int which, const char *text,
                      CacheCheck check, char error[CACHE_ERROR]);

/* The canonical text for @cache */
void cache_text_format(const Cache *cache, char text[CACHE_TEXT]);

#endif /* X86CPU_CACHE_TEXT_H */
