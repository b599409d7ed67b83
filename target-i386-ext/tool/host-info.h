/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What explains a passport
 *
 * Answers, for x86-cpu host: which microcode, which kernel and which parameters
 * of its modules are behind what CPUID and KVM say here?
 */

#ifndef X86CPU_HOST_INFO_H
#define X86CPU_HOST_INFO_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Member "info" of a passport of this host, or of another, of which only
 * @hybrid is known.  NULL if there is not enough memory.
 */
json_t *host_info(bool this_host, bool hybrid);

#endif /* X86CPU_HOST_INFO_H */
