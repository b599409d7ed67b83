/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Errors at start other than missing features
 */

#ifndef I386_EXT_MODEL_ERRORS_H
#define I386_EXT_MODEL_ERRORS_H

#include "cpu.h"
#include "qapi/qapi-types-cpu-introspection-target.h"

/*
 * False, with the error of a start, if the model of @cpu does not support
 * this accelerator.
 */
bool x86_cpu_check_accelerator(X86CPU *cpu, Error **errp);

/*
 * All errors, except missing features and enforce, with which realizing @cpu
 * or creating its vCPU would fail here; CpuModelError names the exceptions.
 * @cpu is expanded and filtered, but not realized.  The caller frees the list.
 */
CpuModelErrorList *x86_cpu_start_errors(X86CPU *cpu);

#endif /* I386_EXT_MODEL_ERRORS_H */
