/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPU models from tables
 *
 * tables/README says what a table looks like.
 */

#ifndef I386_EXT_GEN_CPU_MODELS_H
#define I386_EXT_GEN_CPU_MODELS_H

#include "gen-cpu-definition.h"

/* Machine type versions as one number, 10.0 as 0xa0000 */
#define MACHINE_VERSION(major, minor) ((uint32_t)(major) << 16 | (minor))
#define NO_MACHINE_VERSION UINT32_MAX

typedef struct Version {
    Place place;
    int number;
    const char *alias, *note, *reason, *deprecated;
    Settings settings;
    Cpu cpu;
} Version;

/* What a model's name without a version means on some machine types */
typedef struct Machines {
    Place place;
    uint32_t from, to;          /* both included */
    int version;                /* 0: these lines don't say */
    Settings settings;
} Machines;

typedef struct Model {
    Place place;
    char name[64];
    const char *reason, *based_on, *deprecated;
    Place based_on_place;
    bool site;                  /* of those who build, not shipped */
    bool resolving, resolved;
    bool lost;                  /* what it is based on cannot be told */
    Settings settings;
    const Cpu *base;            /* what based_on names, or NULL */
    Cpu cpu;                    /* before any version's differences */
    Version *versions;
    size_t count;
    Machines *machines;
    size_t nmachines;
} Model;

extern Model *models;
extern size_t nmodels;

/* Reads a table; what is wrong with it is complained about. */
void read_models_table(const char *path, bool site);

/* After all tables: what each version is, and whether all of it fits */
void resolve_models(void);

/*
 * Warns of 'machines' lines that no machine type has yet: those of this QEMU
 * are up to @newest.
 */
void warn_of_new_machines(uint32_t newest);

/* "10.0" or "10.0.13" as a machine type version; false if it is neither */
bool parse_machine_version(const char *text, uint32_t *version);

/* Whether these lines are for machine types of version @machine */
bool is_on_machine(const Machines *machines, uint32_t machine);

/* Which version @model's unversioned alias is on machine types of @machine */
int plain_version(const Model *model, uint32_t machine);

/* What else these machine types make of *@cpu, which is that version */
void apply_machines(const Model *model, uint32_t machine, Cpu *cpu);

/*
 * The machine type versions up to @newest where what unversioned aliases mean
 * changes, in order, from 0 on; the caller frees them.
 */
uint32_t *machine_changes(const Model *model, uint32_t newest, size_t *count);

/* The model that has version @name (MODEL-vN), and which; NULL if none */
const Model *find_version(const char *name, const Version **version);

/* Prints C for all models. */
void print_models(void);

/* ---- gen-cpu-machines.c ---- */

/* Reads what follows 'machine'; complains about what is wrong with it. */
void read_machine_type(Place place, char *line, bool site);

/* Complains about those that stand for types newer than @newest. */
void check_machine_types(uint32_t newest);

/* Compares what follows 'machine' in a lock file with what tables say. */
void check_released_machine_type(Place place, char *line, bool site);

/* Prints lines of a lock file for those of a directory (@site or not). */
void print_released_machine_types(bool site);

/* Prints C for all of them. */
void print_machine_types(void);

/* ---- gen-cpu-lock.c ---- */

/*
 * Compares what is released, by lock file @path, with the models of this
 * directory (@site or not); each difference is complained about.  Returns
 * the newest machine types that anything is released for.
 */
uint32_t check_released(const char *path, bool site);

/* Prints a lock file with all versions of a directory (@site or not). */
void print_released(bool site, uint32_t newest);

#endif /* I386_EXT_GEN_CPU_MODELS_H */
