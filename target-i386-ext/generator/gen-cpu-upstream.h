/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Upstream's CPU models
 *
 * Like features, they come from the cpu.c being built.
 */

#ifndef I386_EXT_GEN_CPU_UPSTREAM_H
#define I386_EXT_GEN_CPU_UPSTREAM_H

#include "gen-cpu-definition.h"

/* One of upstream's models, with its versions and aliases */
typedef struct UpstreamVersion {
    int number;
    const char *alias;
    X86Cpu cpu;
} UpstreamVersion;

typedef struct UpstreamModel {
    Place place;
    char name[64];
    UpstreamVersion *versions;
    size_t count;
} UpstreamModel;

extern UpstreamModel *upstream_models;
extern size_t nupstream_models;

/* Reads them and calls read_model_rules(); call after read_features(). */
void read_models(const char *cpu_c);

#endif /* I386_EXT_GEN_CPU_UPSTREAM_H */
