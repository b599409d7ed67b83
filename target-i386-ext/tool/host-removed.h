/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requested features that a guest lacks on the host of a passport, and why
 *
 * Answers, for checks of a CPU: removed-features, as QEMU has it there, in its
 * order.
 */

#ifndef X86CPU_HOST_REMOVED_H
#define X86CPU_HOST_REMOVED_H

#include "cpu-text.h"
#include "host-offer.h"

/* All words, in QEMU's order */
extern const X86CpuWordId host_word_order[];

/*
 * The list "removed-features" of @request.  @filtered is what
 * x86cpu_filter() made of it there.  NULL if there is not enough memory.
 */
json_t *host_removed(const CpuContext *context, const CpuRequest *request,
                     X86CpuTopology topology, const Passport *passport,
                     const HostOffer *offer, const X86CpuFiltered *filtered);

#endif /* X86CPU_HOST_REMOVED_H */
