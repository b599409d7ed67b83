/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A QEMU that is asked over QMP
 *
 * Answers, for programs that ask a QEMU: what does it reply to this command?
 * It starts a QEMU without a guest, or connects to one that runs.  Whatever the
 * other side does, there is a reply or an error within a minute.
 */

#ifndef X86CPU_LIVE_QEMU_H
#define X86CPU_LIVE_QEMU_H

#include <jansson.h>

/* Room for the longest error */
enum { LIVE_QEMU_ERROR = 1024 };

typedef struct LiveQemu LiveQemu;

/* Why there is no reply */
typedef enum LiveProblem {
    LIVE_REFUSED,               /* QEMU says why. */
    LIVE_NO_COMMAND,            /* This QEMU does not have the command. */
    LIVE_LOST,                  /* There won't be another reply. */
} LiveProblem;

/*
 * Starts program @binary, found in PATH, with @options, up to a NULL, besides
 * those of any QEMU that only answers.  NULL, with one line in @error, if it
 * does not start.
 */
LiveQemu *live_qemu_start(const char *binary, const char *const *options,
                          char error[LIVE_QEMU_ERROR]);

/* Connects to the QMP monitor at @address: a UNIX socket, or HOST:PORT. */
LiveQemu *live_qemu_connect(const char *address, char error[LIVE_QEMU_ERROR]);

/* What errors call it */
const char *live_qemu_name(const LiveQemu *qemu);

/* "10.0.0 (PACKAGE)", as --version of QEMU says it */
const char *live_qemu_version(const LiveQemu *qemu);

/* The first number of that */
int live_qemu_major(const LiveQemu *qemu);

/*
 * What @command with @arguments, which may be NULL and are released, returns.
 * Integers are those of models-json.h.  NULL, with *@problem and one line in
 * @error, if it returns nothing.
 */
json_t *live_qemu_ask(LiveQemu *qemu, const char *command, json_t *arguments,
                      LiveProblem *problem, char error[LIVE_QEMU_ERROR]);

/* Quits a QEMU that was started, and disconnects from another. */
void live_qemu_end(LiveQemu *qemu);

#endif /* X86CPU_LIVE_QEMU_H */
