/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The texts of errors at start other than missing features
 *
 * Formats for printf(), as in cpu.c, kvm.c and hw/i386/x86-common.c of QEMU,
 * and those of CPUs that have no baseline: they don't start, or differ in their
 * vendors.  Plain C: model-errors.c and model-baseline.c in QEMU use them, and
 * tool/host-errors.c and tool/verb-baseline.c without.
 */

#ifndef I386_EXT_START_ERRORS_H
#define I386_EXT_START_ERRORS_H

/* The range, which differs between release lines, and the number */
#define X86_ERROR_PHYS_BITS "phys-bits should be %s(but is %u)"
#define X86_ERROR_GUEST_PHYS_BITS \
    "guest-phys-bits should be between 32 and %u  (but is %u)"
#define X86_ERROR_PHYS_BITS_32 "phys-bits is not user-configurable in 32 bit"
#define X86_ERROR_GUEST_PHYS_BITS_32 \
    "guest-phys-bits is not user-configurable in 32 bit"
/* The property */
#define X86_ERROR_MISSING_CACHE \
    "%s is missing: a CPU model without caches of its own needs " \
    "l1d-cache-info, l1i-cache-info, l2-cache-info and l3-cache-info"
/* The model */
#define X86_ERROR_LEGACY_CACHE \
    "CPU model '%s' doesn't support legacy-cache=off"
#define X86_ERROR_VENDOR_ONLY_V2 \
    "x-vendor-cpuid-only-v2 property depends on x-vendor-cpuid-only"
#define X86_ERROR_SYNIC_KVM_ONLY \
    "x-hv-synic-kvm-only=on with hv-synic is not supported by this QEMU"
#define X86_ERROR_LBR_WITHOUT_PMU "vPMU: LBR is unsupported without pmu=on"
#define X86_ERROR_LBR_FORMAT \
    "vPMU: the lbr-fmt value (0x%x) does not match the host value (0x%x)."
#define X86_ERROR_LMCE "kvm: LMCE not supported"
#define X86_ERROR_TSC_FREQUENCY \
    "TSC frequency mismatch between VM (%" PRId64 " kHz) and host (%d kHz), " \
    "and TSC scaling unavailable"
/* The capability, without KVM_CAP_, and strerror() */
#define X86_ERROR_CAPABILITY "failed to enable KVM_CAP_%s: %s"
/* Descriptions of enlightenments */
#define X86_ERROR_HYPERV_KERNEL "Hyper-V %s is not supported by kernel"
#define X86_ERROR_HYPERV_NEEDS "Hyper-V %s requires Hyper-V %s"
#define X86_ERROR_VPINDEX "kernel doesn't allow setting HyperV VP_INDEX"

/* Half a character of UTF-8: the property, and its size */
#define X86_ERROR_CUT_TEXT \
    "'%s' is cut within a character: it has at most %zu bytes"

/* No baseline: the number */
#define X86_ERROR_BASELINE_PHYS_BITS \
    "phys-bits should be from 32 to 52, but is %" PRIu64
/* phys-bits, and the number */
#define X86_ERROR_BASELINE_GUEST_PHYS_BITS \
    "guest-phys-bits should be 0, or from 32 to %" PRIu64 ", but is %" PRIu64
/* The property */
#define X86_ERROR_BASELINE_MISSING_CACHE \
    "%s is missing: a CPU with legacy-cache=off, or with some caches of its " \
    "own, needs l1d-cache-info, l1i-cache-info, l2-cache-info and " \
    "l3-cache-info to start, and to have a baseline"
#define X86_ERROR_BASELINE_VENDOR_ONLY_V2 \
    "x-vendor-cpuid-only-v2=on needs x-vendor-cpuid-only=on"
/* A CPU and its vendor, and another one and its vendor */
#define X86_ERROR_BASELINE_VENDORS \
    "CPUs of different vendors have no baseline: %.64s has vendor '%s', " \
    "%.64s '%s'"

#endif /* I386_EXT_START_ERRORS_H */
