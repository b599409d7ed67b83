/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A KVM that fails
 *
 * For tests of programs that use KVM: preloaded, it makes open() of /dev/kvm
 * fail with errno $FAIL_OPEN, or the ioctl with number $FAIL_IOCTL fail with
 * errno $FAIL_ERRNO.  Everything else goes to whoever comes next, which may be
 * a simulated host (tests/guest/kvm-cpuid-shim.c).
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int number_of(const char *variable)
{
    const char *text = getenv(variable);

    return text ? (int)strtoul(text, NULL, 0) : 0;
}

int open(const char *path, int flags, ...)
{
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    va_list ap;
    int mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, int) : 0;
    va_end(ap);
    if (number_of("FAIL_OPEN") && !strcmp(path, "/dev/kvm")) {
        errno = number_of("FAIL_OPEN");
        return -1;
    }
    return next(path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
    int (*next)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    void *arg;
    va_list ap;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if ((unsigned)request == (unsigned)number_of("FAIL_IOCTL")) {
        errno = number_of("FAIL_ERRNO");
        return -1;
    }
    return next(fd, request, arg);
}
