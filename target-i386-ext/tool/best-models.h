/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Named CPU models on hosts
 *
 * Answers, for x86-cpu best and fleet: which named models run on these hosts,
 * and which get the most out of them?  As query-cpu-model-best does for one
 * host.
 */

#ifndef X86CPU_BEST_MODELS_H
#define X86CPU_BEST_MODELS_H

#include <jansson.h>
#include "host-set.h"

/*
 * Whether QEMU starts a guest with a model that requests @requested on the
 * host of @vector: no entry of removed-features is blocking, and there is no
 * error
 */
bool model_runs(const ModelsFile *file, const X86Cpu *requested,
                const HostVector *vector);

/*
 * The answer of query-cpu-model-best on machine type @machine: a list.  With
 * several hosts, of one vendor or more: the best of the models that run on
 * all, and what all hosts have that they lack.  NULL: not enough memory
 */
json_t *best_models(const HostSetOptions *options, const char *machine,
                    const HostVector *const *hosts, size_t count);

#endif /* X86CPU_BEST_MODELS_H */
