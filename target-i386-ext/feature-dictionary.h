/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The feature dictionary: every CPU feature that QEMU has a name for
 */

#ifndef I386_EXT_FEATURE_DICTIONARY_H
#define I386_EXT_FEATURE_DICTIONARY_H

#include "cpu.h"
#include "qapi/qapi-types-cpu-introspection-target.h"
#include "target/i386/ext/core/x86cpu.h"

/* A feature: what one boolean property of the CPU class controls */
typedef struct X86CPUFeatureInfo {
    const char *name;           /* QEMU's property, "avx512f" */
    const char *flag;           /* the f- property, "f-avx512f" */
    const char *description;    /* what it is, and its places */
    const char *what;           /* what it is, in a few words */
    /* flags in Linux's /proc/cpuinfo, up to a NULL; NULL: not shown */
    const char *const *cpuinfo;
    const char *libvirt;        /* in libvirt's CPU map; NULL: not there */
    const char *note;           /* what else to know; NULL: nothing */
    const char *const *aliases; /* up to a NULL; NULL: there are none */
    CpuFeaturePolarity polarity;
    FeatureWord word;
    uint64_t mask;              /* its bits in that word, often just one */
    uint32_t since;             /* QEMU's version, 11.1 is 0xb0001; or 0 */
} X86CPUFeatureInfo;

/* In the order of the feature words, and of the bits in them */
extern const X86CPUFeatureInfo x86_cpu_features[];
extern const unsigned x86_cpu_features_count;

/* The feature with this property or another name of it, or NULL */
const X86CPUFeatureInfo *x86_cpu_find_feature(const char *name);

/*
 * The property that @name is an alias or the f- property of; else @name, which
 * it does not copy
 */
const char *x86_cpu_resolve_property_name(const char *name);

/*
 * All but a few named features are migratable.  Unlike
 * x86_cpu_get_migratable_flags(), this needs no CPU object.
 */
bool x86_cpu_feature_is_migratable(const X86CPUFeatureInfo *info);

/* A list of @names: up to a NULL; NULL if there are none */
strList *x86_cpu_other_names(const char *const *names);

/* A property that is not a feature, from tables/properties.tbl */
typedef struct X86CPUPropertyInfo {
    const char *name;
    bool described;             /* part of descriptions of CPUs */
    X86CpuClass class;
    uint32_t since;             /* QEMU's version, or 0 */
} X86CPUPropertyInfo;

/* Up to one without a name */
extern const X86CPUPropertyInfo x86_cpu_property_info[];

/* A feature that an accelerator sets in all models with a definition */
typedef struct X86CPUAcceleratorDefault {
    const char *feature;
    bool on;
} X86CPUAcceleratorDefault;

/*
 * Up to one without a feature: as QEMU starts, before the interrupt controller
 * is known
 */
extern const X86CPUAcceleratorDefault x86_cpu_kvm_defaults[];
extern const X86CPUAcceleratorDefault x86_cpu_tcg_defaults[];

/* What is said of property @name, or NULL if it is in no such table */
const X86CPUPropertyInfo *x86_cpu_find_property_info(const char *name);

/* The version of QEMU from which on it has the feature or property @name */
uint32_t x86_cpu_property_since(const char *name);

#endif /* I386_EXT_FEATURE_DICTIONARY_H */
