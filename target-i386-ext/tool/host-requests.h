/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who requested a feature of a CPU that is checked
 *
 * Answers, for checks of a CPU: was a feature requested by the model, the user,
 * the accelerator or the machine type, and did the accelerator turn it off?
 * It is what feature-requests.c in QEMU knows from having watched.
 */

#ifndef X86CPU_HOST_REQUESTS_H
#define X86CPU_HOST_REQUESTS_H

#include "cpu-text.h"
#include "explain.h"

typedef struct HostRequests {
    /* Set by the accelerator's defaults, to whatever value, and not since */
    uint64_t by_accelerator[X86CPU_MAX_WORDS];
    /* Features of the model that those turned off, and nobody turned on */
    uint64_t off_by_accelerator[X86CPU_MAX_WORDS];
    /* Turned on by the machine type, and not set since */
    uint64_t by_machine[X86CPU_MAX_WORDS];
    uint64_t by_user[X86CPU_MAX_WORDS];
    /* Turned on by the user's avx10-version, and not set since */
    uint64_t by_avx10_version[X86CPU_MAX_WORDS];
    /* Turned on by the topology */
    uint64_t by_topology[X86CPU_MAX_WORDS];
} HostRequests;

/* Fills *@requests with what is known of @request. */
void host_requests_fill(const CpuContext *context, const CpuRequest *request,
                        X86CpuTopology topology, HostRequests *requests);

/*
 * Adds to *@request what its model has in bits that no property names, which
 * no file has.
 */
void host_requests_add_unnamed(const CpuContext *context, CpuRequest *request);

/* "model" and so on, as in removed-features: for one requested bit */
const char *host_requested_by(const X86CpuTables *tables,
                              const HostRequests *requests, X86CpuBits bit);

/*
 * The bits of word @word that are of features that someone set one by one:
 * enforce=on minds if they lack what they depend on.
 */
uint64_t host_requests_set(const HostRequests *requests, unsigned word);

#endif /* X86CPU_HOST_REQUESTS_H */
