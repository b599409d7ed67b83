/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A /dev/mshv that agrees to everything and does nothing
 *
 * For tests of what QEMU says under the accelerator MSHV, on hosts without
 * Microsoft's hypervisor.  Preloaded into QEMU, which then starts with
 * -accel mshv and -machine none, where nothing runs.
 */

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define MSHV_IOCTL 0xb8
/* The only one that returns a file descriptor */
#define MSHV_CREATE_PARTITION_NR 0

int open64(const char *path, int flags, ...);

int open64(const char *path, int flags, ...)
{
    mode_t mode;
    va_list ap;

    va_start(ap, flags);
    mode = va_arg(ap, mode_t);
    va_end(ap);
    if (!strcmp(path, "/dev/mshv")) {
        path = "/dev/null";
    }
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    mode_t mode;
    va_list ap;

    va_start(ap, flags);
    mode = va_arg(ap, mode_t);
    va_end(ap);
    return open64(path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
    void *arg;
    va_list ap;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (_IOC_TYPE(request) != MSHV_IOCTL) {
        return syscall(SYS_ioctl, fd, request, arg);
    }
    if (_IOC_NR(request) == MSHV_CREATE_PARTITION_NR &&
        _IOC_DIR(request) == _IOC_WRITE) {
        return dup(fd);
    }
    return 0;
}
