/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The introspection extension's records in every x86 CPU
 *
 * Included by cpu.h right before X86CPU.  Each header describes its record.
 */

#ifndef I386_EXT_CPU_RECORDS_H
#define I386_EXT_CPU_RECORDS_H

#include "target/i386/ext/cache-properties.h"
#include "target/i386/ext/cpu-fingerprint.h"
#include "target/i386/ext/feature-requests.h"
#include "target/i386/ext/kvm-cpuid.h"

/* One line in X86CPU, instead of one for each */
#define X86_CPU_INTROSPECTION_RECORDS \
    X86CPUFeatureRequests requests; \
    X86CPUOwnCaches own_caches; \
    X86CPUFingerprint fingerprint; \
    const struct X86CPUMachineType *anchor; \
    struct kvm_cpuid2 *kvm_cpuid; \
    struct kvm_msrs *kvm_msrs;

#endif /* I386_EXT_CPU_RECORDS_H */
