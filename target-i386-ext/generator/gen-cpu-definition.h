/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU as the generator of the static CPU tables knows it
 *
 * What a CPU model, a version of one, or a line in a table about it makes
 * a CPU: the same for upstream's models and for those in tables.
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

/* One thing that a line says of a CPU */
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

/* A number of a CPU by its key in tables (level), -1 if it is none */
int find_number(const char *key);

/* The property that sets a number, a cache or a feature of a CPU model */
const char *number_property(int index);
const char *cache_property(int index);

/* The index of @key in @keys[@count], -1 if it is not there */
int find_key(const char *key, const char *const *keys, int count);

/* Which members of structs CPUCaches and CPUCacheInfo are which */
extern const char *const cache_members[CACHES];
extern const char *const cache_number_fields[CACHE_NUMBERS];
extern const char *const cache_flag_fields[CACHE_FLAGS];

/*
 * What a line with @key and @value says, added to @settings.  False if
 * there is no such key; what is wrong with the value is complained about.
 * What is @released may be what only upstream's models are, and may have
 * names that another QEMU has given up.
 */
bool read_setting(Settings *settings, Place place, const char *key,
                  char *value, bool released);

/*
 * Makes of *@cpu what @settings say.  Complains about what changes nothing
 * if @strict.
 */
void apply_settings(Cpu *cpu, const Settings *settings, bool strict);

/* A property of a CPU model by upstream's name; false if it isn't known */
bool apply_property(Cpu *cpu, const char *name, const char *value);

/* Whether two settings are about the same thing */
bool same_thing(const Setting *a, const Setting *b);

/* A copy of its own; *@to may be *@from, and keeps its numbers then. */
void copy_cpu(Cpu *to, const Cpu *from);

/*
 * Complains, for the CPU @name at @place, about what is missing in it, what
 * depends on what it doesn't have, and what its level hides.  What @base
 * (or NULL) has too is nobody's fault here, and what @checked (or NULL) has
 * too was told for that.
 */
void check_cpu(Place place, const char *name, const Cpu *cpu,
               const Cpu *base, const Cpu *checked);

/* Complains about each difference: @was released, @is would be built. */
bool same_cpu(Place place, const char *name, const Cpu *was, const Cpu *is);

/* Prints a CPU as lines of a table, the same for the same CPU. */
void print_cpu(const Cpu *cpu);

/* Prints settings as lines of a table. */
void print_settings(const Settings *settings);

/* What the property of a cache is set to; a static buffer. */
const char *format_cache(const Cache *cache);

#endif /* I386_EXT_GEN_CPU_DEFINITION_H */
