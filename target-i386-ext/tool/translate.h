/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU of one QEMU as one of another
 *
 * Answers, for comparison and migration across builds: which CPU does a newer
 * QEMU make of the static expansion of an older one?
 */

#ifndef X86CPU_TRANSLATE_H
#define X86CPU_TRANSLATE_H

#include "compare.h"
#include "models-file.h"

/* Room for the longest error */
enum { TRANSLATE_ERROR = 256 };

/*
 * Makes *@cpu, which is described and of @from, the same CPU of @to: what that
 * makes of base with all its properties, compat-anchor included.  False, with
 * @error, if @to can't show it.
 */
bool translate_cpu(const ModelsFile *from, const ModelsFile *to, X86Cpu *cpu,
                   char *error);

/*
 * Corrects *@comparison, of two CPUs that translate_cpu() made ones of @tables,
 * by what guests see of them as CPUs of their own QEMUs, @a and @b: a QEMU may
 * hide what another one shows.
 */
void translate_correct(const X86CpuTables *tables, const X86CpuViews *a,
                       const X86CpuViews *b, X86CpuComparison *comparison);

#endif /* X86CPU_TRANSLATE_H */
