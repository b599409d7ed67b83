/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What KVM says on a host
 *
 * Answers, for x86-cpu host: what would QEMU read from /dev/kvm here?
 */

#ifndef X86CPU_HOST_KVM_H
#define X86CPU_HOST_KVM_H

#include "passport.h"

/* Room for the longest problem */
enum { HOST_KVM_PROBLEM = 256 };

/*
 * Opens /dev/kvm and puts its descriptor in *@fd, or -1 if it does not open;
 * @problem says why.  False if it is not KVM as QEMU knows it.
 */
bool host_kvm_open(int *fd, char *problem);

/*
 * Reads all that a passport has of it, with a VM and a vCPU that are gone
 * afterwards.  Asks for permission to use state components, which stays with
 * the process.  False, with @problem, if QEMU could not start here.
 */
bool host_kvm_read(int fd, PassportKvm *kvm, char *problem);

#endif /* X86CPU_HOST_KVM_H */
