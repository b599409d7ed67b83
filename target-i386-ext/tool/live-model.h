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

#include <jansson.h>

/* Room for the longest error */
enum { LIVE_MODEL_ERROR = 256 };

/*
 * The CpuModelInfo of @text on machine type @machine.  @names has the name of
 * each feature by its names, aliases among them (see query-cpu-features),
 * @others those of libvirt and Linux (see LiveSession), and @major is the first
 * number of QEMU's version.  @notes is as in CpuContext.  NULL, with one line
 * in @error, if that is not a CPU; most mistakes are for QEMU to tell.
 */
json_t *live_model(const char *text, const char *machine, const json_t *names,
                   const json_t *others, int major, json_t *notes,
                   char error[LIVE_MODEL_ERROR]);

#endif /* X86CPU_LIVE_MODEL_H */
