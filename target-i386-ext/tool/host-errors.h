/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Errors at start other than missing features, on the host of a passport
 *
 * Answers, for checks of a CPU: with which errors would a guest with it not
 * start there?  They are those of model-errors.c in QEMU, in its order.
 */

#ifndef X86CPU_HOST_ERRORS_H
#define X86CPU_HOST_ERRORS_H

#include "cpu-text.h"
#include "host-offer.h"

/*
 * The list "errors" of @request, of which the host leaves @remaining.  NULL if
 * there is not enough memory.
 */
json_t *host_errors(const CpuContext *context, const CpuRequest *request,
                    const X86Cpu *remaining, const Passport *passport,
                    const HostOffer *offer);

#endif /* X86CPU_HOST_ERRORS_H */
