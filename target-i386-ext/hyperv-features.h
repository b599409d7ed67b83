/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hyper-V enlightenments as features with names
 */

#ifndef I386_EXT_HYPERV_FEATURES_H
#define I386_EXT_HYPERV_FEATURES_H

#include "target/i386/ext/feature-place.h"

/* The property of enlightenment @feat (HYPERV_FEAT_...), or NULL. */
const char *x86_cpu_hyperv_name(unsigned feat);

/*
 * The properties that control the bits @mask of a register (0 to 3: EAX to
 * EDX) of a Hyper-V leaf; NULL if @mask is 0 or a bit of it has no property.
 */
strList *x86_cpu_hyperv_bit_names(uint32_t leaf, int reg, uint32_t mask);

/*
 * Appends to @list the requested enlightenments that QEMU ignores, because
 * the accelerator of @cpu supports none.
 */
void x86_cpu_add_removed_hyperv(X86CPU *cpu, CpuRemovedFeatureList **list);

#endif /* I386_EXT_HYPERV_FEATURES_H */
