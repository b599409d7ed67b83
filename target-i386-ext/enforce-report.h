/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Why enforce=on refused a CPU
 */

#ifndef I386_EXT_ENFORCE_REPORT_H
#define I386_EXT_ENFORCE_REPORT_H

#include "cpu.h"

/* Registers enforce-report on TYPE_X86_CPU. */
void x86_cpu_enforce_report_class_init(ObjectClass *oc);

#endif /* I386_EXT_ENFORCE_REPORT_H */
