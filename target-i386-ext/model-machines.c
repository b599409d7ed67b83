/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Machine types in tables
 *
 * Answers: which version does an unversioned name from tables/models mean on
 * this machine type, and which properties differ there?  For upstream's models,
 * default_cpu_version and compatibility properties of machine types say so.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/model-machines.h"

static bool row_is_for(const X86CPUTableMachines *row, uint32_t version)
{
    return row->from <= version && version <= row->to;
}

X86CPUVersion x86_cpu_table_version_of(const X86CPUTableMachines *rows,
                                       uint32_t machine)
{
    const X86CPUTableMachines *row;
    X86CPUVersion found = 1;

    /*
     * Never the unversioned definition, as for upstream's models on machine
     * types up to 4.0: version 1 includes what it sets.
     */
    for (row = rows; machine && row->props; row++) {
        if (row_is_for(row, machine) && row->version) {
            found = row->version;
        }
    }
    return found;
}

X86CPUVersion x86_cpu_table_version(const X86CPUModel *model,
                                    uint32_t machine)
{
    const X86CPUTableMachines *rows = x86_cpu_access_table_machines(model);

    return rows ? x86_cpu_table_version_of(rows, machine) : CPU_VERSION_AUTO;
}

void x86_cpu_table_add_props(GPtrArray *props, uint32_t machine)
{
    const X86CPUTableMachines *row;
    const char *name;
    unsigned i;

    if (!machine) {
        return;
    }
    for (i = 0; (row = x86_cpu_access_table_model(i, &name)); i++) {
        for (; row->props; row++) {
            const PropValue *p;

            for (p = row->props; p->prop && row_is_for(row, machine); p++) {
                GlobalProperty *global = g_new0(GlobalProperty, 1);

                global->driver = g_strdup_printf(X86_CPU_TYPE_NAME("%s"),
                                                 name);
                global->property = p->prop;
                global->value = p->value;
                g_ptr_array_add(props, global);
            }
        }
    }
}
