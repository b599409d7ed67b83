/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The feature dictionary: every CPU feature that QEMU has a name for
 */

#ifndef I386_EXT_FEATURE_DICTIONARY_H
#define I386_EXT_FEATURE_DICTIONARY_H

#include "cpu.h"
#include "qapi/qapi-types-cpu-introspection-target.h"

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
} X86CPUFeatureInfo;

/* In the order of the feature words, and of the bits in them */
extern const X86CPUFeatureInfo x86_cpu_features[];
extern const unsigned x86_cpu_features_count;

#endif /* I386_EXT_FEATURE_DICTIONARY_H */
