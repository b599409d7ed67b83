/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What differs between QEMU's release lines on a host
 *
 * Answers, for checks of a CPU and for model "host": what does this line do
 * otherwise?  Everything else that tools know of hosts is the same for all
 * lines; what the core knows of CPUs is in its tables.
 */

#ifndef X86CPU_HOST_LINE_H
#define X86CPU_HOST_LINE_H

#include "expand.h"

typedef struct HostLine {
    /* XSAVE components in IA32_XSS; the others are in XCR0. */
    uint64_t supervisor;
    /* Those are there if IA32_XSS offers them; else, if XCR0 does. */
    bool looks_at_xss;
    /* Those without xsaves are in no word. */
    bool supervisor_needs_xsaves;
    /*
     * That of arch-lbr is not in the word that guests read: it is there with
     * arch-lbr, pmu and xsaves.
     */
    bool has_late_arch_lbr;
    /* In the text of an error: with too few or too many of phys-bits */
    const char *too_few_bits, *too_many_bits;
    /*
     * x-hv-synic-kvm-only has KVM's first version of hv-synic, which does not
     * depend on hv-vpindex; else, it is an error.
     */
    bool has_synic_kvm_only;
    bool has_vendor_only_v2;
    /* pmu=off is why pdcm and arch-lbr are missing. */
    bool pmu_drops_features;
    /* Model "host" takes all of the extended family and model of CPUID[1]. */
    bool adds_any_extended_family;
    /* Model "host" has no arch-capabilities on AMD's CPUs. */
    bool hides_arch_capabilities;
    /* avx10-version of model "host" turns on the features of the version. */
    bool avx10_has_features;
    /* model-id of model "host" where the host's is empty; NULL: empty, too */
    const char *default_model_id;
} HostLine;

/* The line of a QEMU of version @version, as in X86CpuTables */
const HostLine *host_line(uint32_t version);

#endif /* X86CPU_HOST_LINE_H */
