/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What x86-cpu answers with a live QEMU
 *
 * Answers, for --qemu and --qmp: what does this QEMU say of a request?  Its
 * answer has the members that it has without a QEMU (answer.h), and host values
 * are those of the host that it runs on.
 */

#ifndef X86CPU_LIVE_ANSWERS_H
#define X86CPU_LIVE_ANSWERS_H

#include "answer.h"

typedef struct LiveTool LiveTool;

/*
 * For questions to program @qemu, or to the QEMU that has a QMP monitor at
 * @qmp: one of them is NULL.  They begin with the first request.
 */
LiveTool *live_tool_new(const char *qemu, const char *qmp);

void live_tool_free(LiveTool *live);

/* As Verb's answer(); @notes as in CpuContext */
json_t *live_answer(LiveTool *live, const Verb *verb, const json_t *request,
                    json_t *notes, Status *status, Problem *problem);

#endif /* X86CPU_LIVE_ANSWERS_H */
