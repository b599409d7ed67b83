/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The baseline of CPUs by a live QEMU
 *
 * Answers, for x86-cpu baseline: which CPU can each of these, of any number, go
 * on with, and what does it leave out?  QEMU's command takes two of them.
 */

#ifndef X86CPU_LIVE_BASELINE_H
#define X86CPU_LIVE_BASELINE_H

#include "live-session.h"

/* As Verb's answer() */
json_t *live_baseline(Live *l, Status *status);

#endif /* X86CPU_LIVE_BASELINE_H */
