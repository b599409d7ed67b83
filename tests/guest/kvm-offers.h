/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A KVM that offers what a test wants it to
 */

#ifndef KVM_OFFERS_H
#define KVM_OFFERS_H

/*
 * As ioctl(), with the kernel's answers edited as $KVM_CPUID_SHIM_OFFERS
 * says.  Aborts if what is said there makes no sense.
 */
int offers_ioctl(int fd, unsigned long request, void *arg);

#endif /* KVM_OFFERS_H */
