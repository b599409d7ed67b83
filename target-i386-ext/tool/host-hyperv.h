/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hyper-V enlightenments on the host of a passport
 *
 * Answers, for checks of a CPU: which enlightenments does the kernel there
 * support, where would a guest see them, and on which others do they depend?
 */

#ifndef X86CPU_HOST_HYPERV_H
#define X86CPU_HOST_HYPERV_H

#include "passport.h"
#include "x86cpu.h"

/* Those that others, or checks, name; by their place in host_hyperv_rows */
enum {
    HOST_HYPERV_VAPIC = 1,
    HOST_HYPERV_TIME = 2,
    HOST_HYPERV_VPINDEX = 5,
    HOST_HYPERV_SYNIC = 7,
    HOST_HYPERV_REENLIGHTENMENT = 10,
    HOST_HYPERV_SYNDBG = 16,
    HOST_HYPERV_COUNT = 21,
};

/* Room for the places of one */
enum { HOST_HYPERV_PLACES = 2 };

/* The leaf that hv-spinlocks is in */
#define HOST_HYPERV_INFO_LEAF 0x40000004

typedef struct HostHyperv {
    X86CpuPropertyId property;
    /* As QEMU's errors have it */
    const char *description;
    struct {
        uint32_t leaf;          /* 0: none */
        X86CpuRegister reg;
        uint32_t bits;
    } places[HOST_HYPERV_PLACES];
    /* A mask of others, by their place in host_hyperv_rows */
    uint32_t needs;
} HostHyperv;

/* In the order of QEMU's numbers for them (HYPERV_FEAT_...) */
extern const HostHyperv host_hyperv_rows[HOST_HYPERV_COUNT];

/* Those that @cpu has on, as a mask */
uint32_t host_hyperv_requested(const X86Cpu *cpu);

/*
 * Whether the kernel there supports enlightenment @i, of a KVM with Hyper-V.
 * @is_first_synic: hv-synic is KVM's first version of it, see HostLine.
 */
bool host_hyperv_supports(const Passport *passport, unsigned i,
                          bool is_first_synic);

#endif /* X86CPU_HOST_HYPERV_H */
