/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hyper-V enlightenments on the host of a passport
 *
 * Sources: target/i386/kvm/kvm.c, kvm_hyperv_properties[],
 * get_supported_hv_cpuid() and get_supported_hv_cpuid_legacy(); host-line.h
 * says where lines differ.  Bits: Microsoft's Hypervisor Top-Level Functional
 * Specification, "Feature Discovery".
 */

#include "host-hyperv.h"
#include "host-offer.h"

#define BIT(n) (1u << (n))
#define NEEDS(name) BIT(HOST_HYPERV_##name)

enum {
    FEATURES = 0x40000003,
    INFO = HOST_HYPERV_INFO_LEAF,
    NESTED = 0x4000000a,
};

/* Further places in the table, for what depends on them */
enum {
    HOST_HYPERV_RELAXED = 0,
    HOST_HYPERV_STIMER = 8,
    HOST_HYPERV_TLBFLUSH = 11,
};

#define PLACE(leaf, reg, bits) { leaf, X86CPU_##reg, bits }

const HostHyperv host_hyperv_rows[HOST_HYPERV_COUNT] = {
    [HOST_HYPERV_RELAXED] = {
        X86CPU_HV_RELAXED, "relaxed timing (hv-relaxed)",
        { PLACE(INFO, EAX, BIT(5)) }, 0,
    },
    [HOST_HYPERV_VAPIC] = {
        X86CPU_HV_VAPIC, "virtual APIC (hv-vapic)",
        { PLACE(FEATURES, EAX, BIT(4)) }, 0,
    },
    [HOST_HYPERV_TIME] = {
        X86CPU_HV_TIME, "clocksources (hv-time)",
        { PLACE(FEATURES, EAX, BIT(1) | BIT(9)) }, 0,
    },
    [3] = {
        X86CPU_HV_CRASH, "crash MSRs (hv-crash)",
        { PLACE(FEATURES, EDX, BIT(10)) }, 0,
    },
    [4] = {
        X86CPU_HV_RESET, "reset MSR (hv-reset)",
        { PLACE(FEATURES, EAX, BIT(7)) }, 0,
    },
    [HOST_HYPERV_VPINDEX] = {
        X86CPU_HV_VPINDEX, "VP_INDEX MSR (hv-vpindex)",
        { PLACE(FEATURES, EAX, BIT(6)) }, 0,
    },
    [6] = {
        X86CPU_HV_RUNTIME, "VP_RUNTIME MSR (hv-runtime)",
        { PLACE(FEATURES, EAX, BIT(0)) }, 0,
    },
    [HOST_HYPERV_SYNIC] = {
        X86CPU_HV_SYNIC, "synthetic interrupt controller (hv-synic)",
        { PLACE(FEATURES, EAX, BIT(2)) }, 0,
    },
    [HOST_HYPERV_STIMER] = {
        X86CPU_HV_STIMER, "synthetic timers (hv-stimer)",
        { PLACE(FEATURES, EAX, BIT(3)) }, NEEDS(SYNIC) | NEEDS(TIME),
    },
    [9] = {
        X86CPU_HV_FREQUENCIES, "frequency MSRs (hv-frequencies)",
        { PLACE(FEATURES, EAX, BIT(11)), PLACE(FEATURES, EDX, BIT(8)) }, 0,
    },
    [HOST_HYPERV_REENLIGHTENMENT] = {
        X86CPU_HV_REENLIGHTENMENT, "reenlightenment MSRs (hv-reenlightenment)",
        { PLACE(FEATURES, EAX, BIT(13)) }, 0,
    },
    [HOST_HYPERV_TLBFLUSH] = {
        X86CPU_HV_TLBFLUSH, "paravirtualized TLB flush (hv-tlbflush)",
        { PLACE(INFO, EAX, BIT(2) | BIT(11)) }, NEEDS(VPINDEX),
    },
    [12] = {
        X86CPU_HV_EVMCS, "enlightened VMCS (hv-evmcs)",
        { PLACE(INFO, EAX, BIT(14)) }, NEEDS(VAPIC),
    },
    [13] = {
        X86CPU_HV_IPI, "paravirtualized IPI (hv-ipi)",
        { PLACE(INFO, EAX, BIT(10) | BIT(11)) }, NEEDS(VPINDEX),
    },
    [14] = {
        X86CPU_HV_STIMER_DIRECT,
        "direct mode synthetic timers (hv-stimer-direct)",
        { PLACE(FEATURES, EDX, BIT(19)) }, NEEDS(STIMER),
    },
    [15] = {
        X86CPU_HV_AVIC, "AVIC/APICv support (hv-avic/hv-apicv)",
        { PLACE(INFO, EAX, BIT(9)) }, 0,
    },
    [HOST_HYPERV_SYNDBG] = {
        X86CPU_HV_SYNDBG,
        "Enable synthetic kernel debugger channel (hv-syndbg)",
        { PLACE(FEATURES, EDX, BIT(11)) }, NEEDS(SYNIC) | NEEDS(RELAXED),
    },
    [17] = {
        X86CPU_HV_EMSR_BITMAP, "enlightened MSR-Bitmap (hv-emsr-bitmap)",
        { PLACE(NESTED, EAX, BIT(19)) }, 0,
    },
    [18] = {
        X86CPU_HV_XMM_INPUT, "XMM fast hypercall input (hv-xmm-input)",
        { PLACE(FEATURES, EDX, BIT(4)) }, 0,
    },
    [19] = {
        X86CPU_HV_TLBFLUSH_EXT,
        "Extended gva ranges for TLB flush hypercalls (hv-tlbflush-ext)",
        { PLACE(FEATURES, EDX, BIT(14)) }, NEEDS(TLBFLUSH),
    },
    [20] = {
        X86CPU_HV_TLBFLUSH_DIRECT, "direct TLB flush (hv-tlbflush-direct)",
        { PLACE(NESTED, EAX, BIT(17)) }, NEEDS(VAPIC),
    },
};

uint32_t host_hyperv_requested(const X86Cpu *cpu)
{
    uint32_t mask = 0;
    unsigned i;

    for (i = 0; i < HOST_HYPERV_COUNT; i++) {
        if (cpu->values[host_hyperv_rows[i].property]) {
            mask |= BIT(i);
        }
    }
    return mask;
}

/* What an older kernel, without KVM_CAP_HYPERV_CPUID, says of register @reg */
typedef struct OlderRow {
    uint32_t leaf;
    X86CpuRegister reg;
    uint32_t bits;
    /* PASSPORT_CAPS: none */
    PassportCapability cap;
    /* KVM_GET_MSR_INDEX_LIST has it; 0: none */
    uint32_t msr;
} OlderRow;

static const OlderRow older_rows[] = {
    { FEATURES, X86CPU_EAX, BIT(4) | BIT(5), PASSPORT_CAP_HYPERV, 0 },
    { INFO, X86CPU_EAX, BIT(3) | BIT(5), PASSPORT_CAP_HYPERV, 0 },
    { FEATURES, X86CPU_EAX, BIT(1) | BIT(9), PASSPORT_CAP_HYPERV_TIME, 0 },
    { FEATURES, X86CPU_EAX, BIT(11), PASSPORT_CAPS, 0x40000022 },
    { FEATURES, X86CPU_EDX, BIT(8), PASSPORT_CAPS, 0x40000022 },
    { FEATURES, X86CPU_EDX, BIT(10), PASSPORT_CAPS, 0x40000105 },
    { FEATURES, X86CPU_EAX, BIT(13), PASSPORT_CAPS, 0x40000106 },
    { FEATURES, X86CPU_EAX, BIT(7), PASSPORT_CAPS, 0x40000003 },
    { FEATURES, X86CPU_EAX, BIT(6), PASSPORT_CAPS, 0x40000002 },
    { FEATURES, X86CPU_EAX, BIT(0), PASSPORT_CAPS, 0x40000010 },
    { FEATURES, X86CPU_EAX, BIT(2), PASSPORT_CAP_HYPERV_SYNIC2, 0x40000080 },
    { FEATURES, X86CPU_EAX, BIT(3), PASSPORT_CAPS, 0x400000b0 },
    { FEATURES, X86CPU_EDX, BIT(1) | BIT(11), PASSPORT_CAPS, 0x400000ff },
    { INFO, X86CPU_EAX, BIT(2) | BIT(11), PASSPORT_CAP_HYPERV_TLBFLUSH, 0 },
    { INFO, X86CPU_EAX, BIT(14), PASSPORT_CAP_HYPERV_ENLIGHTENED_VMCS, 0 },
    { INFO, X86CPU_EAX, BIT(10) | BIT(11), PASSPORT_CAP_HYPERV_SEND_IPI, 0 },
};

static bool has_capability(const Passport *passport, PassportCapability cap)
{
    return passport->kvm.capabilities[cap] > 0;
}

static uint32_t older_register(const Passport *passport, uint32_t leaf,
                               X86CpuRegister reg, bool is_first_synic)
{
    uint32_t value = 0;
    size_t i;

    for (i = 0; i < sizeof(older_rows) / sizeof(older_rows[0]); i++) {
        const OlderRow *row = &older_rows[i];
        PassportCapability cap = row->cap;

        if (cap == PASSPORT_CAP_HYPERV_SYNIC2 && is_first_synic) {
            cap = PASSPORT_CAP_HYPERV_SYNIC;
        }
        if (row->leaf == leaf && row->reg == reg &&
            (cap == PASSPORT_CAPS || has_capability(passport, cap)) &&
            (!row->msr || host_has_msr(passport, row->msr))) {
            value |= row->bits;
        }
    }
    return value;
}

static uint32_t hyperv_register(const Passport *passport, uint32_t leaf,
                                X86CpuRegister reg, bool is_first_synic)
{
    const PassportKvm *kvm = &passport->kvm;
    uint32_t value = 0;
    size_t i;

    if (!has_capability(passport, PASSPORT_CAP_HYPERV_CPUID)) {
        return older_register(passport, leaf, reg, is_first_synic);
    }
    for (i = 0; i < kvm->nsupported_hv; i++) {
        if (kvm->supported_hv[i].function == leaf &&
            kvm->supported_hv[i].index == 0) {
            value = kvm->supported_hv[i].regs[reg];
            break;
        }
    }
    /* vCPUs only say it once it is enabled. */
    if (i < kvm->nsupported_hv && leaf == INFO && reg == X86CPU_EAX &&
        !has_capability(passport, PASSPORT_CAP_SYS_HYPERV_CPUID) &&
        has_capability(passport, PASSPORT_CAP_HYPERV_ENLIGHTENED_VMCS)) {
        value |= BIT(14);
    }
    return value;
}

bool host_hyperv_supports(const Passport *passport, unsigned i,
                          bool is_first_synic)
{
    const HostHyperv *row = &host_hyperv_rows[i];
    int n;

    for (n = 0; n < HOST_HYPERV_PLACES; n++) {
        uint32_t bits = row->places[n].bits;

        if (bits & ~hyperv_register(passport, row->places[n].leaf,
                                    row->places[n].reg, is_first_synic)) {
            return false;
        }
    }
    return true;
}
