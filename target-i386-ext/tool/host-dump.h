/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A dump of what the CPUID instruction returns
 *
 * Answers, for x86-cpu host: what did "cpuid -1 -r" say on another host?
 */

#ifndef X86CPU_HOST_DUMP_H
#define X86CPU_HOST_DUMP_H

#include "host-cpuid.h"

/* Room for the longest error */
enum { HOST_DUMP_ERROR = 512 };

typedef struct HostDump HostDump;

/*
 * Reads the first CPU of file @path; "-" is stdin.  NULL, with one line of
 * ASCII in @error, of HOST_DUMP_ERROR bytes, if it is not good.
 */
HostDump *host_dump_read(const char *path, char *error);

/* Frees @dump; it may be NULL. */
void host_dump_free(HostDump *dump);

/* A HostCpuidReader; @opaque is the HostDump. */
bool host_dump_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4],
                     void *opaque);

#endif /* X86CPU_HOST_DUMP_H */
