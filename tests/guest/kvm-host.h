/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A whole host: its CPU, and its kernel's KVM
 */

#ifndef KVM_HOST_H
#define KVM_HOST_H

#include <stdbool.h>

/*
 * As ioctl(), answered by the host of $KVM_CPUID_SHIM_HOST, or by the kernel
 * if that is not set.  Aborts if the host's file makes no sense.
 */
int host_ioctl(int fd, unsigned long request, void *arg);

/* Whether $KVM_CPUID_SHIM_HOST is set. */
bool host_is_made(void);

/* Whether @fd is /dev/kvm; vCPUs take some of its ioctls with other rules. */
bool is_dev_kvm(int fd);

#endif /* KVM_HOST_H */
