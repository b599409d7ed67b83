/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether QEMU starts with so many CPUs on the host of a passport
 *
 * Answers, for check and migrate: what of -smp is too much there, if anything?
 */

#ifndef X86CPU_HOST_SMP_H
#define X86CPU_HOST_SMP_H

#include "host-offer.h"
#include "smp-text.h"

/* Room for the longest text */
enum { HOST_SMP_TEXT = 128 };

/*
 * Why QEMU with @options refuses CPUs of @counts there, in @text, or NULL.
 * @cpu is what the host leaves of them.
 */
const char *host_smp_problem(const Passport *passport,
                             const HostOptions *options,
                             const SmpCounts *counts, const X86Cpu *cpu,
                             char text[HOST_SMP_TEXT]);

#endif /* X86CPU_HOST_SMP_H */
