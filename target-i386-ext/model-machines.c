/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Machine types in tables
 *
 * Answers: which upstream machine type does a distributor's one stand for?
 * Which version does an unversioned name from tables/models mean on this
 * machine type, and which properties differ there?  For upstream's models,
 * default_cpu_version and compatibility properties of machine types say so.
 */

#include "qemu/osdep.h"
#include "qemu/ctype.h"
#include "cpu.h"
#include "hw/i386/pc.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/model-machines.h"

/* The table row for machine type @mc, or NULL */
static const X86CPUTableMachineType *find_table_row(const MachineClass *mc)
{
    const X86CPUTableMachineType *row = x86_cpu_access_table_machine_types();

    for (; row->name; row++) {
        if (!strcmp(row->name, mc->name)) {
            return row;
        }
    }
    return NULL;
}

/* Up to three digits.  sscanf() would be ten times as slow. */
static bool parse_number(const char **text, unsigned *number)
{
    const char *p = *text;

    for (*number = 0; p < *text + 3 && qemu_isdigit(*p); p++) {
        *number = *number * 10 + (*p - '0');
    }
    if (p == *text) {
        return false;
    }
    *text = p;
    return true;
}

static bool parse_version(const char *text, uint32_t *version)
{
    unsigned major, minor;

    if (!parse_number(&text, &major) || *text++ != '.' ||
        !parse_number(&text, &minor)) {
        return false;
    }
    *version = major << 16 | minor;
    return true;
}

bool x86_cpu_machine_version(const MachineClass *mc, uint32_t *version)
{
    const X86CPUTableMachineType *row = find_table_row(mc);
    const char *dash = strrchr(mc->name, '-');

    if (row) {
        *version = row->version;
        return true;
    }
    return g_str_has_prefix(mc->name, "pc-") && dash &&
           parse_version(dash + 1, version);
}

const char *x86_cpu_upstream_machine_type(const MachineClass *mc)
{
    const X86CPUTableMachineType *row = find_table_row(mc);

    return row ? row->upstream : mc->name;
}

const MachineClass *x86_cpu_find_stand_in(const char *name)
{
    const X86CPUTableMachineType *row = x86_cpu_access_table_machine_types();

    for (; row->name; row++) {
        g_autofree char *type = g_strconcat(row->name, TYPE_MACHINE_SUFFIX,
                                            NULL);
        ObjectClass *oc = object_class_by_name(type);

        if (!strcmp(row->upstream, name) &&
            object_class_dynamic_cast(oc, TYPE_PC_MACHINE)) {
            return MACHINE_CLASS(oc);
        }
    }
    return NULL;
}

static bool row_is_for(const X86CPUTableMachines *row, uint32_t version)
{
    return row->from <= version && version <= row->to;
}

X86CPUVersion x86_cpu_table_version_of(const X86CPUTableMachines *rows,
                                       const MachineClass *mc)
{
    const X86CPUTableMachines *row;
    X86CPUVersion found = 1;
    uint32_t machine;

    /*
     * Never the unversioned definition, as for upstream's models on machine
     * types up to 4.0: version 1 includes what it sets.
     */
    if (x86_cpu_machine_version(mc, &machine)) {
        for (row = rows; row->props; row++) {
            if (row_is_for(row, machine) && row->version) {
                found = row->version;
            }
        }
    }
    return found;
}

X86CPUVersion x86_cpu_table_version(const X86CPUModel *model,
                                    const MachineClass *mc)
{
    const X86CPUTableMachines *rows = x86_cpu_access_table_machines(model);

    if (!rows || !object_class_dynamic_cast(OBJECT_CLASS(mc),
                                            TYPE_PC_MACHINE)) {
        return CPU_VERSION_AUTO;
    }
    return x86_cpu_table_version_of(rows, mc);
}

void x86_cpu_table_add_props(GPtrArray *props, const MachineClass *mc)
{
    const X86CPUTableMachines *row;
    const char *name;
    uint32_t version;
    unsigned i;

    if (!x86_cpu_machine_version(mc, &version)) {
        return;
    }
    for (i = 0; (row = x86_cpu_access_table_model(i, &name)); i++) {
        for (; row->props; row++) {
            const PropValue *p;

            for (p = row->props; p->prop && row_is_for(row, version); p++) {
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
