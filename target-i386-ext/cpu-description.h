/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything that makes up an x86 CPU, as properties
 */

#ifndef I386_EXT_CPU_DESCRIPTION_H
#define I386_EXT_CPU_DESCRIPTION_H

#include "cpu.h"
#include "qapi/qapi-builtin-types.h"
#include "qobject/qdict.h"

/*
 * Adds to @props, which may have some of them already, the properties
 * that, set on the CPU model "base", make the CPU that @cpu, expanded but
 * not realized, is going to be: on any machine type, with any topology,
 * with this accelerator.  All values are booleans, numbers or strings that
 * the properties and -cpu accept.
 *
 * Returns the names of the properties and features of @cpu that no
 * property of "base" carries; empty (NULL) for all models with a
 * definition of their own.  The caller frees the list.
 */
strList *x86_cpu_describe(X86CPU *cpu, QDict *props);

/*
 * The names of the properties of a complete description of @cpu, which may
 * not be expanded yet.  The caller frees the list.
 */
strList *x86_cpu_description_names(X86CPU *cpu);

/* How many physical address bits @cpu, expanded, is going to have. */
uint32_t x86_cpu_physical_bits(X86CPU *cpu);

/* Whether a complete description of @cpu has the property @name */
bool x86_cpu_description_needs(X86CPU *cpu, const char *name);

/* Lets the property vendor of these models be empty. */
void x86_cpu_description_class_init(ObjectClass *oc);

#endif /* I386_EXT_CPU_DESCRIPTION_H */
