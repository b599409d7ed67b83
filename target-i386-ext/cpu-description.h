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
#include "target/i386/ext/core/x86cpu.h"

/*
 * Adds to @props, which may have some of them already, the properties of CPU
 * model "base" that recreate @cpu, which is expanded but not realized: on any
 * machine type, with any topology, with this accelerator.  All values are
 * booleans, numbers or strings that the properties and -cpu accept.
 *
 * Returns the names of the properties and features of @cpu that no property
 * of "base" can express; empty (NULL) for all models with a definition of
 * their own, unless properties that were set leave one bit of a feature of
 * several.  The caller frees the list.
 */
strList *x86_cpu_describe(X86CPU *cpu, QDict *props);

/*
 * The names of the properties in a complete description of @cpu, which need
 * not be expanded.  The caller frees the list.
 */
strList *x86_cpu_description_names(X86CPU *cpu);

/* The property @name in cpu.c's table, or NULL */
const Property *x86_cpu_find_table_property(const char *name);

/* Whether cpu.c's table of properties has @name */
bool x86_cpu_is_table_property(const char *name);

/* How many physical address bits @cpu, which is expanded, will have. */
uint32_t x86_cpu_physical_bits(X86CPU *cpu);

/*
 * Puts in *@value the phys-bits and guest-phys-bits of a description of @cpu,
 * which need not be expanded: the part of x86cpu_describe() that asks the host.
 */
void x86_cpu_describe_physical_bits(X86CPU *cpu, X86Cpu *value);

/* Whether a complete description of @cpu has the property @name */
bool x86_cpu_description_needs(X86CPU *cpu, const char *name);

/* Lets the property vendor of base and custom be empty. */
void x86_cpu_description_class_init(ObjectClass *oc);

#endif /* I386_EXT_CPU_DESCRIPTION_H */
