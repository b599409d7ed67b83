/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The QEMUs that requests are asked of
 *
 * Answers, for live-*.c: which QEMU answers this request, with its accelerator,
 * its irqchip and its -overcommit; and what does it say to a command?  One that
 * was started goes on for the next requests.
 */

#ifndef X86CPU_LIVE_SESSION_H
#define X86CPU_LIVE_SESSION_H

#include "answer.h"
#include "live-qemu.h"

/* An accelerator with an irqchip, and whether guests may have the host wait */
enum { LIVE_SESSIONS = 2 * MODELS_FILE_IRQCHIPS * 2 };

/* A QEMU, with what it said that does not change */
typedef struct LiveSession {
    LiveQemu *qemu;
    X86CpuAccelerator accel;
    ModelsFileIrqchip irqchip;
    bool cpu_pm;
    /* query-machine-cpu-layers; and query-machines, if asked */
    json_t *layers, *machines;
    /* The names of features in the order of QEMU, and by all their names */
    json_t *features, *names;
    /*
     * By names that only libvirt or /proc/cpuinfo have: a list of that name,
     * and of the features that it stands for; and by the same names with "-"
     * for each "_"
     */
    json_t *others, *dashed_others;
    /* How names of other bits in the word of each of @features begin */
    json_t *words;
    /* The names of features by their bits in EDX of leaf 1 */
    json_t *leaf_1_edx;
    /* The properties of CPU model host */
    json_t *host;
} LiveSession;

struct LiveTool {
    const char *program, *address;
    LiveSession sessions[LIVE_SESSIONS];
};

/* What a request is about, other than its CPUs */
typedef struct Live {
    struct LiveTool *tool;
    const json_t *request;
    /* See CpuContext */
    json_t *notes;
    Problem *problem;
    LiveSession *session;
} Live;

/* Always false */
__attribute__((format(printf, 2, 3)))
bool live_fail(Live *l, const char *format, ...);

/*
 * What @command returns, or NULL with a problem.  A QEMU that is lost is ended:
 * the next request gets another one.
 */
json_t *live_ask(Live *l, const char *command, json_t *arguments);

/* Releases @value and returns NULL, with a problem. */
json_t *live_not_understood(Live *l, const char *command, json_t *value);

/* False if the request names hosts: a live QEMU knows its own. */
bool live_check_own(Live *l);

/* Finds the QEMU for the request.  Its irqchip may depend on machine types. */
bool live_use_session(Live *l, ModelsFileIrqchip irqchip);

/* Any QEMU will do: TCG needs nothing of the host. */
bool live_use_any(Live *l);

/* As "accel" of requests has it */
const char *live_accelerator_name(X86CpuAccelerator accel);

void live_end_session(LiveSession *s);

#endif /* X86CPU_LIVE_SESSION_H */
