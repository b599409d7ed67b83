/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPUs of QEMU as values of the core
 */

#ifndef I386_EXT_CPU_VALUE_H
#define I386_EXT_CPU_VALUE_H

#include "cpu.h"
#include "qapi/qapi-builtin-types.h"
#include "qobject/qdict.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/core/baseline.h"

/* What the core needs to know of this QEMU */
const X86CpuTables *x86_cpu_core_tables(void);

/* The accelerator, as the core distinguishes them */
X86CpuAccelerator x86_cpu_core_accelerator(void);

/*
 * Puts in *@value what the static expansion of @model describes.  Returns the
 * expansion, which the caller frees; NULL, with an error that begins with
 * @which, the name of an argument, if there is no such CPU.
 */
CpuModelExpansionInfo *x86_cpu_model_to_value(CpuModelInfo *model,
                                              const char *which,
                                              X86Cpu *value, Error **errp);

/* The same, but an error for a model that only a host makes complete. */
CpuModelExpansionInfo *x86_cpu_model_to_comparable(CpuModelInfo *model,
                                                   const char *which,
                                                   X86Cpu *value, Error **errp);

/*
 * Adds to @value the features that are requested in @cpu, which is not
 * expanded: those too that depend on others that are off.
 */
void x86_cpu_value_add_features(X86Cpu *value, X86CPU *cpu);

/* Whether a description of @value has the property */
bool x86_cpu_value_describes(const X86Cpu *value, X86CpuPropertyId id);

/* Property @id of @value, as JSON has it; the caller frees it. */
QObject *x86_cpu_value_object(const X86Cpu *value, X86CpuPropertyId id);

/* The names of the caches' properties, by X86CPU_CACHE_L1D and so on */
extern const char *const x86_cpu_cache_property_names[X86CPU_CACHES];

/* Turns the feature with property @name of @value on or off. */
void x86_cpu_value_set_feature(X86Cpu *value, const char *name, bool on);

/* The properties of "base" that describe @value; the caller frees them. */
QDict *x86_cpu_value_to_props(const X86Cpu *value);

/*
 * Those of the properties that have one of @names, which are of a core's
 * property or "vendor"; the caller frees them.
 */
QDict *x86_cpu_value_named_props(const X86Cpu *value, const strList *names);

/*
 * The names of properties and features in @names, in the order of descriptions;
 * a bit without a property by its place.  The caller frees the list.
 */
strList *x86_cpu_value_names(const X86CpuNames *names);

#endif /* I386_EXT_CPU_VALUE_H */
