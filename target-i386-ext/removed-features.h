/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requested features that an x86 CPU does not have, and why
 */

#ifndef I386_EXT_REMOVED_FEATURES_H
#define I386_EXT_REMOVED_FEATURES_H

#include "cpu.h"
#include "qapi/qapi-types-cpu-introspection-target.h"

/*
 * Requested features of @cpu that the guest does not get, in the order of
 * the feature words, with one entry for all bits of a feature that were
 * removed for the same reason.  The list is empty before @cpu is expanded
 * and filtered.  The caller frees it.
 */
CpuRemovedFeatureList *x86_cpu_removed_features(X86CPU *cpu);

/* Registers removed-features on TYPE_X86_CPU. */
void x86_cpu_removed_features_class_init(ObjectClass *oc);

#endif /* I386_EXT_REMOVED_FEATURES_H */
