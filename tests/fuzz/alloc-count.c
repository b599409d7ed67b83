/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Counts what a program has allocated and not freed.
 *
 * Preloaded into QEMU by growth.py: memory that is still reachable is no
 * leak to LeakSanitizer, and the size of a process says nothing about a few
 * bytes.  The numbers of live blocks and bytes are in the file
 * $ALLOC_COUNT_FILE, at any time: two 64-bit words, in the host's order.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct Counters {
    _Atomic int64_t blocks;
    _Atomic int64_t bytes;
} Counters;

static Counters unshared;
static Counters *counters = &unshared;

/* glibc's own, which are there before dlsym() can be called */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

static void *count(void *p, int sign)
{
    if (p) {
        atomic_fetch_add_explicit(&counters->blocks, sign,
                                  memory_order_relaxed);
        atomic_fetch_add_explicit(&counters->bytes,
                                  sign * (int64_t)malloc_usable_size(p),
                                  memory_order_relaxed);
    }
    return p;
}

void *malloc(size_t size)
{
    return count(__libc_malloc(size), 1);
}

void *calloc(size_t n, size_t size)
{
    return count(__libc_calloc(n, size), 1);
}

void *realloc(void *p, size_t size)
{
    int64_t bytes = p ? malloc_usable_size(p) : 0;
    void *q = __libc_realloc(p, size);

    if (p && (q || !size)) {
        atomic_fetch_sub_explicit(&counters->blocks, 1, memory_order_relaxed);
        atomic_fetch_sub_explicit(&counters->bytes, bytes,
                                  memory_order_relaxed);
    }
    return count(q, 1);
}

void free(void *p)
{
    count(p, -1);
    __libc_free(p);
}

void *memalign(size_t alignment, size_t size)
{
    return count(__libc_memalign(alignment, size), 1);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
    void *q = memalign(alignment, size);

    if (!q) {
        return 12; /* ENOMEM */
    }
    *p = q;
    return 0;
}

void *valloc(size_t size)
{
    return memalign(sysconf(_SC_PAGESIZE), size);
}

__attribute__((constructor)) static void share_counters(void)
{
    const char *path = getenv("ALLOC_COUNT_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map;

    if (fd < 0) {
        return;
    }
    map = mmap(NULL, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
               0);
    close(fd);
    if (map != MAP_FAILED) {
        /* Nothing else runs yet. */
        memcpy(map, &unshared, sizeof(unshared));
        counters = map;
    }
}
