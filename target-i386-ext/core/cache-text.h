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

enum {
    X86CPU_CACHE_L1D, X86CPU_CACHE_L1I, X86CPU_CACHE_L2, X86CPU_CACHE_L3,
    X86CPU_CACHES
};
enum {
    X86CPU_CACHE_LINE, X86CPU_CACHE_WAYS, X86CPU_CACHE_PARTITIONS,
    X86CPU_CACHE_SETS, X86CPU_CACHE_TAG_LINES, X86CPU_CACHE_NUMBERS
};
enum {
    X86CPU_CACHE_SELF_INIT, X86CPU_CACHE_NO_INVD_SHARING,
    X86CPU_CACHE_INCLUSIVE, X86CPU_CACHE_COMPLEX_INDEXING, X86CPU_CACHE_FLAGS
};

/* As struct CPUCacheInfo; size 0 if there is none */
typedef struct X86CpuCache {
    uint64_t size;
    uint64_t numbers[X86CPU_CACHE_NUMBERS];
    char share[16];
    bool flags[X86CPU_CACHE_FLAGS];
} X86CpuCache;

/*
 * Which caches are good: those that every CPUID leaf can encode; also those of
 * which 0x80000006 shows nothing, as newer models of upstream have them; all
 */
typedef enum X86CpuCacheCheck {
    X86CPU_CACHE_CHECK_ALL, X86CPU_CACHE_CHECK_SHOWN, X86CPU_CACHE_CHECK_NONE
} X86CpuCacheCheck;

/* Room for the longest text and the longest error */
enum { X86CPU_CACHE_TEXT = 512, X86CPU_CACHE_ERROR = 512 };

/*
 * Parses @text into *@cache, for cache @which; false, with a message in
 * @error, if it is not good according to @check.
 */
bool x86cpu_cache_parse(X86CpuCache *cache, int which, const char *text,
                      X86CpuCacheCheck check, char error[X86CPU_CACHE_ERROR]);

/* The canonical text for @cache */
void x86cpu_cache_format(const X86CpuCache *cache,
                         char text[X86CPU_CACHE_TEXT]);

#endif /* X86CPU_CACHE_TEXT_H */
