/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The CPUID leaves of a host
 *
 * Answers, for x86-cpu host: what does the CPUID instruction return here, as
 * far as it is the same each time and on each logical CPU?
 */

#ifndef X86CPU_HOST_CPUID_H
#define X86CPU_HOST_CPUID_H

#include "passport.h"

/* The Makefile knows it. */
#ifndef HOST_IS_X86
#define HOST_IS_X86 1
#endif

enum {
    /* Of one leaf; those of 0xD are the most. */
    HOST_CPUID_SUBLEAVES = 64,
    /* Room for all leaves that are read, with all subleaves */
    HOST_CPUID_ENTRIES = 2048,
    /* Intel has two or three. */
    HOST_CORE_TYPES = 8,
};

typedef struct HostCpuid {
    PassportCpuid entries[HOST_CPUID_ENTRIES];
    size_t count;
} HostCpuid;

/*
 * What the instruction returns on some CPU.  False if that is not known; zeros
 * are known.
 */
typedef bool HostCpuidReader(uint32_t leaf, uint32_t subleaf, uint32_t regs[4],
                             void *opaque);

/* Reads all leaves that there are, without what varies. */
void host_cpuid_read(HostCpuid *cpuid, HostCpuidReader *read, void *opaque);

/* Leaves in @cpuid what cores that return @other can do, too. */
void host_cpuid_combine(HostCpuid *cpuid, const HostCpuid *other);

/* Whether it is a CPU with several types of cores. */
bool host_cpuid_is_hybrid(const HostCpuid *cpuid);

/* Zeros what tells logical CPUs or machines apart. */
void host_cpuid_hide_ids(uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);

/* A logical CPU of each type of cores, always in the same order */
typedef struct HostCores {
    unsigned cpus[HOST_CORE_TYPES];
    uint32_t types[HOST_CORE_TYPES];
    size_t count;
} HostCores;

void host_cores_find(HostCores *cores);

/* From now on, runs on a core of type @i, if the kernel lets it. */
void host_cores_move(const HostCores *cores, size_t i);

/* Reads what all types of cores have. */
void host_cores_read(const HostCores *cores, HostCpuid *cpuid,
                     HostCpuid *scratch);

#endif /* X86CPU_HOST_CPUID_H */
