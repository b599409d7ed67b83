/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an x86 CPU was asked for and does not have, and why
 */

#ifndef I386_EXT_REMOVED_FEATURES_H
#define I386_EXT_REMOVED_FEATURES_H

#include "cpu.h"
#include "qapi/qapi-types-cpu-introspection-target.h"

/*
 * The features that were requested of @cpu and that the guest does not
 * get, in the order of the feature words, one entry for the bits of a
 * feature that went for the same reason.  Before @cpu has been expanded and
 * filtered the list is empty.  The caller frees it.
 */
CpuRemovedFeatureList *x86_cpu_removed_features(X86CPU *cpu);

/* Registers removed-features on TYPE_X86_CPU. */
void x86_cpu_removed_features_class_init(ObjectClass *oc);

#endif /* I386_EXT_REMOVED_FEATURES_H */
