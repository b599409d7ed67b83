/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether QEMU starts with so many CPUs on the host of a passport
 *
 * Sources: kvm_max_vcpus() in accel/kvm/kvm-all.c, x86_cpus_init() in
 * hw/i386/x86-common.c and apic_common_set_id() in hw/intc/apic_common.c of
 * QEMU; KVM_CAP_MAX_VCPU_ID and KVM_CREATE_VCPU in Linux'
 * Documentation/virt/kvm/api.rst.
 */

#include <inttypes.h>
#include <stdio.h>
#include "host-smp.h"

#define X2APIC (1u << 21)               /* CPUID[1].ECX */

enum {
    DEFAULT_MAX_VCPUS = 4,              /* of kernels that do not say */
    MAX_XAPIC_ID = 254,
};

static unsigned max_vcpus(const Passport *passport)
{
    const int *capabilities = passport->kvm.capabilities;
    int maximum = capabilities[PASSPORT_CAP_MAX_VCPUS];
    int recommended = capabilities[PASSPORT_CAP_NR_VCPUS];

    return maximum > 0 ? maximum :
           recommended > 0 ? recommended : DEFAULT_MAX_VCPUS;
}

/* What an APIC ID has to be below */
static unsigned max_vcpu_ids(const Passport *passport)
{
    int ids = passport->kvm.capabilities[PASSPORT_CAP_MAX_VCPU_ID];

    return ids > 0 ? (unsigned)ids : max_vcpus(passport);
}

const char *host_smp_problem(const Passport *passport,
                             const HostOptions *options,
                             const SmpCounts *counts, const X86Cpu *cpu,
                             char text[HOST_SMP_TEXT])
{
    if (counts->max_cpus > max_vcpus(passport)) {
        snprintf(text, HOST_SMP_TEXT, "%" PRIu64 " CPUs are more than the %u "
                 "of its KVM", counts->max_cpus, max_vcpus(passport));
    } else if (counts->last_started_apic_id >= max_vcpu_ids(passport)) {
        snprintf(text, HOST_SMP_TEXT, "APIC ID %" PRIu64 " is too high: its "
                 "KVM has IDs below %u", counts->last_started_apic_id,
                 max_vcpu_ids(passport));
    } else if (counts->last_apic_id > MAX_XAPIC_ID &&
               options->irqchip != MODELS_FILE_IRQCHIP_OFF &&
               passport->kvm.capabilities[PASSPORT_CAP_X2APIC_API] <= 0) {
        snprintf(text, HOST_SMP_TEXT, "APIC ID %" PRIu64 " needs "
                 "KVM_CAP_X2APIC_API, which its KVM lacks",
                 counts->last_apic_id);
    } else if (counts->last_started_apic_id > MAX_XAPIC_ID &&
               !(cpu->words[X86CPU_FEAT_1_ECX] & X2APIC)) {
        snprintf(text, HOST_SMP_TEXT, "APIC ID %" PRIu64 " needs x2apic, "
                 "which the CPU lacks there", counts->last_started_apic_id);
    } else {
        return NULL;
    }
    return text;
}
