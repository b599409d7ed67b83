/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is requested of a CPU object, as a value of the core
 */

#ifndef I386_EXT_REQUESTED_VALUE_H
#define I386_EXT_REQUESTED_VALUE_H

#include "cpu.h"
#include "target/i386/ext/core/x86cpu.h"

/*
 * Puts in *@value what the properties of @cpu say, which is neither expanded
 * nor realized: features that lack what they need are on, levels are not
 * raised, and numbers that the accelerator chooses have the value that leaves
 * it to it.  x86cpu_describe() makes the static expansion of it.
 */
void x86_cpu_requested_value(X86CPU *cpu, X86Cpu *value);

#endif /* I386_EXT_REQUESTED_VALUE_H */
