/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPU models from tables
 *
 * docs/cpu-model-tables.rst describes the format of tables.
 */

#ifndef I386_EXT_GEN_CPU_MODELS_H
#define I386_EXT_GEN_CPU_MODELS_H

#include "gen-cpu-definition.h"
#include "gen-cpu-versions.h"

typedef struct Version {
    Place place;
    int number;
    const char *alias, *note, *reason, *deprecated;
    Settings settings;
    X86Cpu cpu;
} Version;

/* What a model's unversioned name means on some machine types */
typedef struct Machines {
    Place place;
    uint32_t from, to;          /* both inclusive */
    int version;                /* 0: not set */
    Settings settings;
} Machines;

typedef struct Model {
    Place place;
    char name[64];
    const char *reason, *based_on, *deprecated;
    Place based_on_place;
    bool site;                  /* from a site's table, not shipped */
    bool resolving, resolved;
    bool lost;                  /* its base is unknown */
    bool released;              /* any of its versions */
    struct Model *base_model;   /* of a table, or NULL */
    struct Model *waiting;      /* to be resolved after this one */
    Settings settings;
    const X86Cpu *base;         /* what based_on names, or NULL */
    X86Cpu cpu;                 /* before any version's differences */
    Version *versions;
    size_t count;
    Machines *machines;
    size_t nmachines;
} Model;

extern Model *models;
extern size_t nmodels;

/* Reads a table; complains about errors in it. */
void read_models_table(const char *path, bool site);

/* After all tables: computes and checks each version. */
void resolve_models(void);

/*
 * Warns of 'machines' lines for machine types newer than @newest, which this
 * QEMU does not have yet, and, of what is not released, for those so old that
 * no QEMU with this extension has their CPUs.
 */
void warn_of_machines(uint32_t newest);

/* Whether these lines are for machine types of version @machine */
bool is_on_machine(const Machines *machines, uint32_t machine);

/* Which version @model's unversioned alias is on machine types of @machine */
int resolve_version(const Model *model, uint32_t machine);

/* Applies to *@cpu, which is that version, what these machine types change. */
void apply_machines(const Model *model, uint32_t machine, X86Cpu *cpu);

/*
 * The machine type versions up to @newest where the meaning of @model's
 * unversioned alias changes, in order, from 0 on; the caller frees them.
 */
uint32_t *machine_changes(const Model *model, uint32_t newest, size_t *count);

/* The model with these first @length characters of @name, or NULL */
Model *find_model(const char *name, size_t length);

/* The model and version of @name (MODEL-vN), or NULL */
Model *find_version(const char *name, const Version **version);

/* Prints C for all models. */
void print_models(void);

/* ---- gen-cpu-machines.c ---- */

/* Whether QEMU has, or may have, a machine type or alias of this name */
bool is_upstream_machine_type(const char *name);

/* Whether one in a table stands for upstream's of versions @from to @to */
bool has_machine_type(uint32_t from, uint32_t to);

/* Reads what follows 'machine'; complains about errors in it. */
void read_machine_type(Place place, char *line, bool site);

/* Complains about those that stand for machine types newer than @newest. */
void check_machine_types(uint32_t newest);

/* Compares what follows 'machine' in a lock file with the tables. */
void check_released_machine_type(Place place, char *line, bool site);

/* Prints the lock file's lines for those of a directory (@site or not). */
void print_released_machine_types(bool site);

/* Prints C for all of them. */
void print_machine_types(void);

/* ---- gen-cpu-lock.c ---- */

/*
 * Compares what lock file @path has as released with the models of this
 * directory (@site or not), and complains about each difference.  Returns
 * the newest machine type version that anything is released for.
 */
uint32_t check_released(const char *path, bool site);

/* Prints a lock file with all versions of a directory (@site or not). */
void print_released(bool site, uint32_t newest);

#endif /* I386_EXT_GEN_CPU_MODELS_H */
