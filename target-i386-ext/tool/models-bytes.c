/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The bytes of a file of CPU models
 */

/* For mremap() and MADV_POPULATE_WRITE */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "models-bytes.h"
#include "models-lines.h"

/* Since Linux 5.14; glibc has had it since 2.35 */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum {
    /* Files of QEMU 11.1 are far smaller. */
    MAX_FILE = 16 << 20,
    /* A multiple of the size of a page */
    PIECE = 1 << 16,
};

static const char no_memory[] = "not enough memory";

static const char *map(ModelsBytes *bytes, size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED) {
        return no_memory;
    }
    bytes->start = pages;
    bytes->room = size;
    return NULL;
}

static const char *map_more(ModelsBytes *bytes)
{
    void *more = mremap(bytes->start, bytes->room, 2 * bytes->room,
                        MREMAP_MAYMOVE);

    if (more == MAP_FAILED) {
        return no_memory;
    }
    bytes->start = more;
    bytes->room *= 2;
    return NULL;
}

/*
 * Has the kernel make all pages up to @end at once, after *@made: that takes a
 * fraction of the time that it needs when each of them is first used.
 */
static void make_pages(ModelsBytes *bytes, size_t *made, size_t end)
{
    if (end > *made) {
        end = (end + PIECE - 1) / PIECE * PIECE;
        end = end < bytes->room ? end : bytes->room;
        /* Without it, they are made later. */
        madvise(bytes->start + *made, end - *made, MADV_POPULATE_WRITE);
        *made = end;
    }
}

/* Reads up to @size bytes to @to: *@count is 0 at the end of the file only. */
static const char *read_some(int fd, char *to, size_t size, size_t *count)
{
    ssize_t done;

    do {
        done = read(fd, to, size);
    } while (done < 0 && errno == EINTR);
    *count = done > 0 ? done : 0;
    return done < 0 ? strerror(errno) : NULL;
}

/*
 * A size, with room for a byte more: a guess if it is not a regular file, or
 * none that can be right
 */
static size_t size_of(int fd, bool *is_regular)
{
    struct stat status;

    *is_regular = !fstat(fd, &status) && S_ISREG(status.st_mode);
    return *is_regular && status.st_size > 0 && status.st_size <= MAX_FILE
           ? status.st_size + 1 : PIECE;
}

static const char *read_all(int fd, size_t size, ModelsBytes *bytes)
{
    const char *problem = map(bytes, size);
    size_t count = 1, made = 0;

    while (!problem && count) {
        if (bytes->length == bytes->room) {
            problem = map_more(bytes);
            if (problem) {
                break;
            }
        }
        make_pages(bytes, &made, bytes->room);
        problem = read_some(fd, bytes->start + bytes->length,
                            bytes->room - bytes->length, &count);
        bytes->length += count;
        if (bytes->length > MAX_FILE) {
            return "larger than 16 MiB";
        }
    }
    return problem;
}

/*
 * Reads a regular file piece by piece, and drops what is not needed: what takes
 * longest is to make pages for it.  It is not intact if anything is unusual.
 */
static const char *read_needed(int fd, size_t size, ModelsBytes *bytes)
{
    ModelsLinesFilter filter = { .crc = 0 };
    const char *problem = map(bytes, size);
    size_t count = 1, made = 0;

    while (!problem && count) {
        size_t room = bytes->room - bytes->length;

        if (!room) {
            /* It has become longer since. */
            return NULL;
        }
        room = room < PIECE ? room : PIECE;
        make_pages(bytes, &made, bytes->length + room);
        problem = read_some(fd, bytes->start + bytes->length, room, &count);
        bytes->length = models_lines_filter(&filter, bytes->start,
                                            bytes->length, count);
    }
    bytes->intact = !problem && models_lines_are_intact(&filter);
    return problem;
}

const char *models_bytes_read(const char *path, bool needed,
                              ModelsBytes *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *problem = NULL;
    bool is_regular;
    size_t size;

    *bytes = (ModelsBytes) { .start = NULL };
    if (fd < 0) {
        return strerror(errno);
    }
    size = size_of(fd, &is_regular);
    if (needed && is_regular) {
        problem = read_needed(fd, size, bytes);
        if (!problem && !bytes->intact) {
            models_bytes_free(bytes);
            lseek(fd, 0, SEEK_SET);
        }
    }
    if (!problem && !bytes->intact) {
        problem = read_all(fd, size, bytes);
    }
    close(fd);
    return problem;
}

void models_bytes_free(ModelsBytes *bytes)
{
    if (bytes->start) {
        munmap(bytes->start, bytes->room);
    }
    *bytes = (ModelsBytes) { .start = NULL };
}
