/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU as -cpu takes it, for QMP
 *
 * Answers, for questions to a live QEMU: which CpuModelInfo is the CPU that
 * -cpu makes of this text?  Properties have types there, and no order.
 */

#ifndef X86CPU_LIVE_MODEL_H
#define X86CPU_LIVE_MODEL_H

#include "live-session.h"

/* Room for the longest error */
enum { LIVE_MODEL_ERROR = 256 };

/*
 * The CpuModelInfo of @text on machine type @machine, for the QEMU of @session,
 * which knows its features if @text sets any.  @notes is as in CpuContext.
 * Objects with one property each are added to list @replaced: values that later
 * ones of @text replace, and that QEMU would refuse all the same if they are
 * invalid.  NULL, with one line in @error, if that is not a CPU; most mistakes
 * are for QEMU to tell.
 */
json_t *live_model(const char *text, const char *machine,
                   const LiveSession *session, json_t *notes,
                   json_t *replaced, char error[LIVE_MODEL_ERROR]);

/* As cpu_text_for_qemu(); @session is a LiveSession. */
char *live_model_for_qemu(const char *text, const void *session);

#endif /* X86CPU_LIVE_MODEL_H */
