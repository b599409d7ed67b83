/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * XSAVE components that a guest lacks on the host of a passport
 *
 * Answers, for checks of a CPU: which state components would its features
 * have, and which of them does a guest not see, and why?  They follow from
 * features, so the core does not explain them; removed-features has them.
 */

#ifndef X86CPU_HOST_COMPONENTS_H
#define X86CPU_HOST_COMPONENTS_H

#include "host-offer.h"

/*
 * Calls @found with each component of @requested that guests do not see, and
 * with @opaque, as x86cpu_explain() does.
 */
void host_components_explain(const X86CpuTables *tables,
                             const X86Cpu *requested, X86CpuTopology topology,
                             const X86CpuOffer *offer,
                             const X86CpuFiltered *filtered,
                             void (*found)(const X86CpuUnseen *unseen,
                                           void *opaque),
                             void *opaque);

/*
 * Whether enforce=on stops as the host does not offer a component of
 * @requested
 */
bool host_components_are_missing(const X86CpuTables *tables,
                                 const X86Cpu *requested,
                                 const X86CpuOffer *offer,
                                 const X86CpuFiltered *filtered);

/*
 * The feature that bit @bit belongs to, if it is that of a component; else
 * @bit
 */
X86CpuBits host_components_owner(const X86CpuTables *tables, X86CpuBits bit);

#endif /* X86CPU_HOST_COMPONENTS_H */
