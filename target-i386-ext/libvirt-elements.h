/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What libvirt has elements for besides <feature>
 *
 * <hyperv>, <kvm>, <pmu>, <pvspinlock>, <apic>, <panic>, <timer> and
 * <maxphysaddr> (docs/formatdomain.rst of libvirt).  Plain C: model-nearest.c
 * in QEMU uses it, and tool/verb-nearest.c without.
 */

#ifndef I386_EXT_LIBVIRT_ELEMENTS_H
#define I386_EXT_LIBVIRT_ELEMENTS_H

#include <stdbool.h>
#include <string.h>

/* Whether libvirt has an element for property @name of a CPU */
static inline bool libvirt_has_element(const char *name)
{
    static const char *const elements[] = {
        "hv-avic", "hv-crash", "hv-emsr-bitmap", "hv-evmcs", "hv-frequencies",
        "hv-ipi", "hv-reenlightenment", "hv-relaxed", "hv-reset", "hv-runtime",
        "hv-spinlocks", "hv-stimer", "hv-stimer-direct", "hv-synic", "hv-time",
        "hv-tlbflush", "hv-tlbflush-direct", "hv-tlbflush-ext", "hv-vapic",
        "hv-vpindex", "hv-xmm-input", "kvm", "kvm-hint-dedicated",
        "kvm-poll-control", "kvm-pv-eoi", "kvm-pv-ipi", "kvm-pv-unhalt",
        "phys-bits", "pmu", "tsc-frequency",
    };
    size_t i;

    for (i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        if (!strcmp(elements[i], name)) {
            return true;
        }
    }
    return false;
}

#endif /* I386_EXT_LIBVIRT_ELEMENTS_H */
