/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Other answers of the CPUID instruction
 */

#ifndef CPUID_METHODS_H
#define CPUID_METHODS_H

#include <stdint.h>

/* Sets @regs, EAX to EDX.  Runs in a signal handler. */
typedef void CpuidAnswer(uint32_t leaf, uint32_t subleaf, uint32_t *regs);

/*
 * From now on, @answer is what the CPUID instruction returns.  Aborts if that
 * can't be done.
 */
void answer_cpuid(CpuidAnswer *answer);

#endif /* CPUID_METHODS_H */
