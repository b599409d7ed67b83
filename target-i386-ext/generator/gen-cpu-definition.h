/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPU definitions in the generator of the static CPU tables
 *
 * The definition of a CPU by a model, a version, or a line of a table: the
 * same for upstream's models and for those in tables.
 */

#ifndef I386_EXT_GEN_CPU_DEFINITION_H
#define I386_EXT_GEN_CPU_DEFINITION_H

#include <stdio.h>
#include "../core/x86cpu.h"
#include "gen-cpu-source.h"

/* One thing that a line sets on a CPU */
typedef struct Setting {
    Place place;
    X86CpuSetting set;
    /* Index of the feature that is turned on or off; -1: bits of a word */
    int feature;
} Setting;

typedef struct Settings {
    Setting *items;
    size_t count;
} Settings;

/* The property that the key of a number in tables (level) sets, or -1 */
int find_number(const char *key);

/* The property that sets cache @index */
const char *cache_property(int index);

/* The index of @key in @keys[@count], -1 if it is not there */
int find_key(const char *key, const char *const *keys, int count);

/* Names of the members of structs CPUCaches and CPUCacheInfo */
extern const char *const cache_members[X86CPU_CACHES];
extern const char *const cache_number_fields[X86CPU_CACHE_NUMBERS];
extern const char *const cache_flag_fields[X86CPU_CACHE_FLAGS];

/*
 * Adds the setting of a line with @key and @value to @settings.  False if
 * the key is unknown; complains about a wrong value.  @released settings may
 * have values that only upstream's models have, and names that another QEMU
 * has dropped.
 */
bool read_setting(Settings *settings, Place place, const char *key,
                  char *value, bool released);

/*
 * Applies @settings to *@cpu.  If @strict, complains about settings that
 * change nothing.
 */
void apply_settings(X86Cpu *cpu, const Settings *settings, bool strict);

/* Applies a property by upstream's name; false if it is unknown. */
bool apply_property(X86Cpu *cpu, const char *name, const char *value);

/*
 * Turns on what @cpu's avx10-version includes, as upstream's setter does.  In
 * tables, it is just a number, so that a model is the same in every QEMU.
 */
void apply_avx10_version(X86Cpu *cpu);

/* Whether two settings set the same thing */
bool same_thing(const Setting *a, const Setting *b);

/*
 * Complains, for the CPU @name at @place, about missing keys, unmet
 * dependencies, features that its level hides or that keep guests from
 * migrating, and impossible widths of addresses; except for problems that
 * @base (or NULL) has as well, which are not the table's fault, or @checked
 * (or NULL), which were reported there.
 */
void check_cpu(Place place, const char *name, const X86Cpu *cpu,
               const X86Cpu *base, const X86Cpu *checked);

/* Complains about each difference: @was released, @is would be built. */
bool same_cpu(Place place, const char *name, const X86Cpu *was,
              const X86Cpu *is);

/* Prints a CPU as lines of a table, the same for the same CPU. */
void print_cpu(const X86Cpu *cpu);

/* Prints settings as lines of a table. */
void print_settings(const Settings *settings);

/* The value of a cache's property; a static buffer. */
const char *format_cache(const X86CpuCache *cache);

#endif /* I386_EXT_GEN_CPU_DEFINITION_H */
