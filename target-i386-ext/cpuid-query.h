/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a CPU returns from CPUID, and its feature MSRs, as QAPI has it
 */

#ifndef I386_EXT_CPUID_QUERY_H
#define I386_EXT_CPUID_QUERY_H

#include "cpu.h"
#include "qapi/qapi-types-cpu-introspection-target.h"

/* What QEMU configured for @cpu, which is realized; the caller frees it. */
CpuCpuidInfo *x86_cpu_configured_cpuid(X86CPU *cpu);

#endif /* I386_EXT_CPUID_QUERY_H */
