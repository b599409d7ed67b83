/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How old a machine type is
 *
 * Answers, for what QEMU does by the version of upstream's machine types: which
 * version does a name such as "pc-q35-4.0.1" say?
 */

#ifndef X86CPU_MODELS_MACHINES_H
#define X86CPU_MODELS_MACHINES_H

#include <stdbool.h>

/* A number that grows with the version, as far as 4.0; -1 if there is none */
long models_machine_version(const char *name);

/* Whether there is one, and it is not later */
bool models_machine_is_up_to(const char *name, unsigned major, unsigned minor);

#endif /* X86CPU_MODELS_MACHINES_H */
