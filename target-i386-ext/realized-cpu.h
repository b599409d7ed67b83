/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Realized CPUs of any model, for tests
 */

#ifndef I386_EXT_REALIZED_CPU_H
#define I386_EXT_REALIZED_CPU_H

/* Registers the qtest command, see realized-cpu.c.  Call this once. */
void x86_cpu_realized_init(void);

#endif /* I386_EXT_REALIZED_CPU_H */
