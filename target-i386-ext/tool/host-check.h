/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a CPU runs on a host, what it would lack there, and why
 *
 * Answers, for x86-cpu check: removed-features and errors, as
 * query-cpu-model-expansion has them on that host.
 */

#ifndef X86CPU_HOST_CHECK_H
#define X86CPU_HOST_CHECK_H

#include "cpu-text.h"
#include "host-offer.h"

/*
 * An object with "removed-features", "errors" (as in QEMU's reply), "blocking"
 * (a number) and "runs".  NULL if there is not enough memory.  Puts what the
 * host leaves of the CPU in *@remaining, unless that is NULL.
 */
json_t *host_check(const CpuContext *context, const CpuRequest *request,
                   X86CpuTopology topology, const Passport *passport,
                   const HostOffer *offer, X86Cpu *remaining);

#endif /* X86CPU_HOST_CHECK_H */
