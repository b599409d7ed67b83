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
#include "../cache-text.h"
#include "gen-cpu-source.h"

enum { FAMILY, MODEL, STEPPING, LEVEL, XLEVEL, AVX10_VERSION, NUMBERS };

typedef struct Cpu {
    char vendor[13];
    char model_id[49];
    bool given[NUMBERS];
    uint64_t numbers[NUMBERS];
    uint64_t words[MAX_WORDS];
    Cache caches[CACHES];
    /* By index of knobs */
    struct {
        bool given;
        uint64_t value;
    } *knobs;
} Cpu;

/* One thing that a line sets on a CPU */
typedef struct Setting {
    Place place;
    enum { SET_ON, SET_OFF, SET_NUMBER, SET_VENDOR, SET_MODEL_ID, SET_CACHE,
           SET_KNOB, SET_BITS } kind;
    int index;                  /* of the feature, number, cache, knob, word */
    uint64_t number;
    char *text;
    Cache cache;
} Setting;

typedef struct Settings {
    Setting *items;
    size_t count;
} Settings;

/* The index of a CPU's number by its key in tables (level), or -1 */
int find_number(const char *key);

/* The property that sets a number, a cache or a feature of a CPU model */
const char *number_property(int index);
const char *cache_property(int index);

/* The index of @key in @keys[@count], -1 if it is not there */
int find_key(const char *key, const char *const *keys, int count);

/* Names of the members of structs CPUCaches and CPUCacheInfo */
extern const char *const cache_members[CACHES];
extern const char *const cache_number_fields[CACHE_NUMBERS];
extern const char *const cache_flag_fields[CACHE_FLAGS];

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
void apply_settings(Cpu *cpu, const Settings *settings, bool strict);

/* Applies a property by upstream's name; false if it is unknown. */
bool apply_property(Cpu *cpu, const char *name, const char *value);

/*
 * Turns on what @cpu's avx10-version includes, as upstream's setter does.  In
 * tables, it is just a number, so that a model is the same in every QEMU.
 */
void apply_avx10_version(Cpu *cpu);

/* Whether two settings set the same thing */
bool same_thing(const Setting *a, const Setting *b);

/* A deep copy; *@to may be *@from. */
void copy_cpu(Cpu *to, const Cpu *from);

/*
 * Complains, for the CPU @name at @place, about missing keys, unmet
 * dependencies, and features hidden by its level; except for problems that
 * @base (or NULL) has as well, which are not the table's fault, or @checked
 * (or NULL), which were reported there.
 */
void check_cpu(Place place, const char *name, const Cpu *cpu,
               const Cpu *base, const Cpu *checked);

/* Complains about each difference: @was released, @is would be built. */
bool same_cpu(Place place, const char *name, const Cpu *was, const Cpu *is);

/* Prints a CPU as lines of a table, the same for the same CPU. */
void print_cpu(const Cpu *cpu);

/* Prints settings as lines of a table. */
void print_settings(const Settings *settings);

/* The value of a cache's property; a static buffer. */
const char *format_cache(const Cache *cache);

#endif /* I386_EXT_GEN_CPU_DEFINITION_H */
