/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A KVM for machines that have none
 */

#ifndef KVM_STAND_IN_H
#define KVM_STAND_IN_H

#include <stdbool.h>

/*
 * Whether @fd is the stand-in's, for /dev/kvm, a VM or a vCPU.  If so, *@ret is
 * what ioctl() returns, and errno is set.
 */
bool stand_in_ioctl(int fd, unsigned long request, void *arg, int *ret);

/* Whether @fd is the stand-in for /dev/kvm. */
bool stand_in_is_dev_kvm(int fd);

#endif /* KVM_STAND_IN_H */
