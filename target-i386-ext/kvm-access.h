/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The private parts of kvm.c that the extension reads
 *
 * Implemented by kvm-access.c.inc, which is included at the end of kvm.c.
 * Nothing else of the extension reaches into kvm.c.
 */

#ifndef I386_EXT_KVM_ACCESS_H
#define I386_EXT_KVM_ACCESS_H

#include "cpu.h"

/* A row of the table of Hyper-V enlightenments */
typedef struct KVMHypervFeature {
    /* As in the errors of kvm.c: "relaxed timing (hv-relaxed)" */
    const char *desc;
    /* Where a guest sees it; unused elements have leaf 0 */
    struct {
        uint32_t leaf;
        int reg;            /* R_EAX... */
        uint32_t bits;
    } places[2];
    /* The enlightenments that it depends on: BIT(HYPERV_FEAT_...) */
    uint64_t requires;
} KVMHypervFeature;

/* Fills @hf with row @feat (HYPERV_FEAT_...); false after the last. */
bool kvm_access_hyperv_feature(unsigned feat, KVMHypervFeature *hf);

/*
 * Whether the kernel supports enlightenment @feat for @cpu, which need not be
 * realized.  Call only if kvm_enabled().
 */
bool kvm_access_hyperv_supported(X86CPU *cpu, unsigned feat);

#endif /* I386_EXT_KVM_ACCESS_H */
