/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The passport of a host
 *
 * Answers, for tools that run elsewhere: what do the CPUID instruction and
 * /dev/kvm say on that host?  All that QEMU reads there for the CPU of a guest,
 * as it is: what QEMU makes of it is in host-offer.h.
 *
 * A passport is not trusted: reading it gives one in which everything is in
 * range, or an error.
 */

#ifndef X86CPU_PASSPORT_H
#define X86CPU_PASSPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "models-tree.h"

enum {
    /* Room for the longest error */
    PASSPORT_ERROR = 512,
    /* Lists of passports are not longer. */
    PASSPORT_MAX_ENTRIES = 4096,
};

/* What the CPUID instruction returns: EAX, EBX, ECX, EDX */
typedef struct PassportCpuid {
    uint32_t leaf;
    /* Of leaves that have none, the only entry: it is that of all subleaves. */
    uint32_t subleaf;
    bool has_subleaf;
    uint32_t regs[4];
} PassportCpuid;

/* As struct kvm_cpuid_entry2 */
typedef struct PassportKvmCpuid {
    uint32_t function, index, flags;
    uint32_t regs[4];
} PassportKvmCpuid;

typedef struct PassportMsr {
    uint32_t index;
    uint64_t value;
} PassportMsr;

/* Capabilities of KVM, by KVM_CAP_* without that prefix */
#define PASSPORT_CAPABILITIES(X) \
    X(IRQCHIP) X(USER_MEMORY) X(SET_TSS_ADDR) X(EXT_CPUID) X(MP_STATE) \
    X(MCE) X(ADJUST_CLOCK) X(SET_IDENTITY_MAP_ADDR) X(VCPU_EVENTS) \
    X(HYPERV) X(PIT_STATE2) X(X86_ROBUST_SINGLESTEP) X(DEBUGREGS) X(XSAVE) \
    X(XCRS) X(TSC_CONTROL) X(GET_TSC_KHZ) X(TSC_DEADLINE_TIMER) \
    X(HYPERV_TIME) X(X86_SMM) X(SPLIT_IRQCHIP) X(HYPERV_SYNIC) \
    X(X2APIC_API) X(HYPERV_SYNIC2) X(HYPERV_VP_INDEX) X(X86_DISABLE_EXITS) \
    X(GET_MSR_FEATURES) X(HYPERV_TLBFLUSH) X(NESTED_STATE) \
    X(HYPERV_ENLIGHTENED_VMCS) X(HYPERV_CPUID) X(HYPERV_SEND_IPI) \
    X(NR_VCPUS) X(MAX_VCPUS) X(MAX_VCPU_ID) X(ENFORCE_PV_FEATURE_CPUID) \
    X(SYS_HYPERV_CPUID) X(SGX_ATTRIBUTE) X(HYPERV_ENFORCE_CPUID) X(SREGS2) \
    X(PMU_CAPABILITY) X(XSAVE2) X(SYS_ATTRIBUTES) X(VM_TYPES) \
    X(DISABLE_QUIRKS2) X(X86_MSR_FILTER)

typedef enum PassportCapability {
#define X(name) PASSPORT_CAP_##name,    /* PASSPORT_CAP_MCE; and so on */
    PASSPORT_CAPABILITIES(X)
#undef X
    PASSPORT_CAPS
} PassportCapability;

/* "IRQCHIP" and so on, by PassportCapability */
extern const char *const passport_capability_names[PASSPORT_CAPS];

/* What /dev/kvm says */
typedef struct PassportKvm {
    /* KVM_GET_SUPPORTED_CPUID, and KVM_GET_SUPPORTED_HV_CPUID */
    PassportKvmCpuid *supported, *supported_hv;
    size_t nsupported, nsupported_hv;
    /* KVM_GET_MSR_INDEX_LIST */
    uint32_t *msrs;
    size_t nmsrs;
    /* KVM_GET_MSR_FEATURE_INDEX_LIST, those that KVM_GET_MSRS reads */
    PassportMsr *feature_msrs;
    size_t nfeature_msrs;
    /* What KVM_CHECK_EXTENSION returns: 0 if it lacks the capability */
    int32_t capabilities[PASSPORT_CAPS];
    /* KVM_X86_XCOMP_GUEST_SUPP, and those of them that were granted */
    uint64_t xcomp_guest_supp, xcomp_guest_permission;
    /* KVM_X86_GET_MCE_CAP_SUPPORTED */
    uint64_t mce_cap;
    /* KVM_GET_TSC_KHZ of a vCPU; 0: unknown */
    uint32_t tsc_khz;
} PassportKvm;

typedef struct Passport {
    /* Sorted */
    PassportCpuid *cpuid;
    size_t ncpuid;
    /* False: this is hardware alone, and what KVM offers is not known. */
    bool has_kvm;
    PassportKvm kvm;
    /* For explanations; NULL if unknown */
    const char *microcode, *kernel;
    /* Whether it has several types of cores: @cpuid is what all can do. */
    bool hybrid;
    /* In hexadecimal: equal passports have equal ones. */
    char digest[65];
    /* Whose texts these are; one of them is NULL. */
    json_t *json;
    ModelsTree *tree;
} Passport;

/*
 * Reads the passport in @json, which it keeps a reference to.  NULL, with one
 * line of ASCII in @error, of PASSPORT_ERROR bytes, that begins with @where, if
 * it is not good, or its digest is that of another.
 */
Passport *passport_from_json(json_t *json, const char *where, char *error);

/* The same from file @path, which holds nothing else; "-" is stdin. */
Passport *passport_read(const char *path, char *error);

/* Frees @passport; it may be NULL. */
void passport_free(Passport *passport);

/*
 * Puts in @regs what the CPUID instruction returns there: zeros above the
 * maximum of the leaf's region, and for a subleaf that the leaf does not have.
 * False if the passport does not have the leaf.
 */
bool passport_cpuid(const Passport *passport, uint32_t leaf, uint32_t subleaf,
                    uint32_t regs[4]);

/* The vendor of CPUID[0], 12 characters and a zero */
void passport_vendor(const Passport *passport, char vendor[13]);

/*
 * The JSON of a passport, with its digest, for those who write one: of @cpuid,
 * of @kvm, which is NULL if it is not known, and of member "info", whose
 * reference it takes.  NULL if there is not enough memory.
 */
json_t *passport_to_json(const PassportCpuid *cpuid, size_t ncpuid,
                         const PassportKvm *kvm, json_t *info);

/* Frees the lists of @kvm. */
void passport_kvm_free(PassportKvm *kvm);

#endif /* X86CPU_PASSPORT_H */
