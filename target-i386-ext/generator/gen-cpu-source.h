/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the generator reads from the QEMU tree being built
 *
 * Names, bits and dependencies of features come from cpu.c and its headers,
 * never from a copy.
 */

#ifndef I386_EXT_GEN_CPU_SOURCE_H
#define I386_EXT_GEN_CPU_SOURCE_H

#include "../core/x86cpu.h"
#include "gen-cpu-input.h"

#define MAX_WORDS       X86CPU_MAX_WORDS
#define MAX_FEATURES    2048
#define MAX_BITS        8
#define MAX_ALIASES     8
#define MAX_NEEDS       8

typedef struct Word {
    char name[64];              /* FEAT_7_0_EBX */
    Place place;
    bool msr;
    char index[64];             /* leaf, or the name of the MSR */
    char subleaf[32];
    char reg[16];               /* R_EBX */
    uint32_t number;            /* value of index */
    uint32_t subleaf_number;
    uint64_t unmigratable;      /* bits that keep a guest from migrating */
} Word;

typedef struct Feature {
    char name[64];
    Place place;
    int word;
    int bits[MAX_BITS];
    int nbits;
    uint64_t mask;              /* of all the bits */
    char aliases[MAX_ALIASES][64];
    int naliases;
    /* The row of features.tbl, NULL if there is none yet */
    const char *cpuinfo, *libvirt, *what, *note, *polarity;
    Place row;
    uint32_t since;             /* QEMU's version; 0: the first one known */
    /* Dependencies besides those of cpu.c */
    int needs[MAX_NEEDS];
    int nneeds;
} Feature;

/*
 * An element of x86_cpu_properties[], a boolean or a number, that tables may
 * set
 */
typedef struct QdevProperty {
    X86CpuPropertyId id;
    uint64_t max;               /* of a number; 0: boolean */
} QdevProperty;

/* By X86CpuWordId, then further ones; those without a name are not there. */
extern Word words[MAX_WORDS];
extern Feature features[MAX_FEATURES];
extern int nfeatures;
/* In the order of cpu.c */
extern X86CpuDependency *dependencies;
extern size_t ndependencies;
extern QdevProperty *qdev_props;
extern size_t nqdev_props;
/* The highest avx10-version; 0 if it is just a number, as in QEMU 10.0 */
extern uint64_t newest_avx10;

/*
 * Reads the feature words, with leaves and MSRs, of file @cpu_c.  @headers
 * (NULL-terminated) are the paths of the headers that define their macros.
 */
void read_features(const char *cpu_c, char *const *headers);

/*
 * Reads the dependencies of features, AVX10 versions, and the other
 * properties; call after read_features().  Returns the text of file @cpu_c.
 */
const char *read_model_rules(const char *cpu_c);

/* The feature with property @name, or NULL */
Feature *find_feature(const char *name);

/* The same, by any of its names */
Feature *find_feature_or_alias(const char *name);

/* The index of feature word @name, or -1 */
int find_word(const char *name);

const QdevProperty *find_qdev_prop(const char *name);

/* The property that @name is to the core, or -1 */
int find_core_property(const char *name);

/* What the core knows of this QEMU; call after read_model_rules(). */
const X86CpuTables *core_tables(void);

/* The bits of feature word @word that avx10-version=@version turns on */
uint64_t avx10_bits(uint64_t version, int word);

#endif /* I386_EXT_GEN_CPU_SOURCE_H */
