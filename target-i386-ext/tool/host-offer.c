/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What QEMU offers to guests on the host of a passport, under KVM
 *
 * Sources: target/i386/kvm/kvm.c, kvm_arch_get_supported_cpuid() and
 * kvm_arch_get_supported_msr_feature(), and target/i386/cpu.c,
 * x86_cpu_get_supported_feature_word(); release lines do not differ in them.
 * Who lacks a feature: feature-availability.c and kvm-offered.c of the
 * extension.
 */

#include <string.h>
#include "host-offer.h"

#define BIT(n) (1ull << (n))

enum {
    KVM_CPUID_FEATURES = 0x40000001,
    DEFAULT_PHYS_BITS = 36,     /* of CPUs without leaf 0x80000008 */
};

/* struct kvm_cpuid_entry2: KVM_CPUID_FLAG_SIGNIFCANT_INDEX */
#define HAS_SUBLEAVES           BIT(0)
/* What KVM_CAP_X86_DISABLE_EXITS returns: KVM_X86_DISABLE_EXITS_MWAIT */
#define CAN_DISABLE_MWAIT_EXITS BIT(0)

/* Bits by the SDM, the APM and KVM's documentation */
#define MTRR                BIT(12)     /* 1, EDX */
#define PAT                 BIT(16)
#define MCE                 BIT(7)
#define MCA                 BIT(14)
#define HT                  BIT(28)
#define MONITOR             BIT(3)      /* 1, ECX */
#define X2APIC              BIT(21)
#define TSC_DEADLINE        BIT(24)
#define RDRAND              BIT(30)
#define HYPERVISOR          BIT(31)
#define ARAT                BIT(2)      /* 6, EAX */
#define HLE                 BIT(4)      /* 7.0, EBX */
#define ERMS                BIT(9)
#define INVPCID             BIT(10)
#define RTM                 BIT(11)
#define RDSEED              BIT(18)
#define FSRM                BIT(4)      /* 7.0, EDX */
#define HAS_ARCH_CAPABILITIES BIT(29)
#define FZRM                BIT(10)     /* 7.1, EAX */
#define FSRS                BIT(11)
#define FSRC                BIT(12)
#define MCDT_NO             BIT(5)      /* 7.2, EDX */
#define TOPOEXT             BIT(22)     /* 0x80000001, ECX */
#define RDTSCP              BIT(27)     /* 0x80000001, EDX */
#define OVERFLOW_RECOV      BIT(0)      /* 0x80000007, EBX */
#define SUCCOR              BIT(1)
#define PV_UNHALT           BIT(7)      /* 0x40000001, EAX */
#define MSI_EXT_DEST_ID     BIT(15)
#define HINT_DEDICATED      BIT(0)      /* 0x40000001, EDX */

/* MSRs, and their bits (SDM vol. 3, appendix A, and vol. 4) */
#define ARCH_CAPABILITIES       0x10a
#define VMX_PROCBASED_CTLS2     0x48b
#define VMX_TRUE_PINBASED_CTLS  0x48d
#define VMX_TRUE_PROCBASED_CTLS 0x48e
#define VMX_TRUE_EXIT_CTLS      0x48f
#define VMX_TRUE_ENTRY_CTLS     0x490
#define MDS_NO                  BIT(5)
#define TAA_NO                  BIT(8)
#define SBDR_SSDP_NO            BIT(13)
#define FBSDP_NO                BIT(14)
#define PSDP_NO                 BIT(15)
#define FB_CLEAR                BIT(17)
/* In the allowed-1 settings, which are the upper half */
#define CTLS2_RDTSCP            BIT(32 + 3)
#define CTLS2_RDRAND            BIT(32 + 11)
#define CTLS2_INVPCID           BIT(32 + 12)
#define CTLS2_RDSEED            BIT(32 + 16)
#define CTLS2_XSAVES            BIT(32 + 20)

static bool has_irqchip(const HostOptions *options)
{
    return options->irqchip != MODELS_FILE_IRQCHIP_OFF;
}

static bool is_split(const HostOptions *options)
{
    return options->irqchip == MODELS_FILE_IRQCHIP_SPLIT;
}

static int capability(const Passport *passport, PassportCapability cap)
{
    return passport->kvm.capabilities[cap];
}

bool host_has_msr(const Passport *passport, uint32_t index)
{
    size_t i;

    for (i = 0; i < passport->kvm.nmsrs; i++) {
        if (passport->kvm.msrs[i] == index) {
            return true;
        }
    }
    return false;
}

/* ---- the instruction ---- */

static bool is_intel(const Passport *passport)
{
    char vendor[13];

    passport_vendor(passport, vendor);
    return !strcmp(vendor, "GenuineIntel");
}

static bool has_leaf(const Passport *passport, uint32_t leaf)
{
    uint32_t region = leaf & 0xffff0000;
    uint32_t regs[4];

    return passport_cpuid(passport, region, 0, regs) &&
           (regs[0] & 0xffff0000) == region && leaf <= regs[0];
}

/* SDM vol. 2A, CPUID; AMD's CPUs return zeros. */
void host_instruction(const Passport *passport, uint32_t leaf,
                      uint32_t subleaf, uint32_t regs[4])
{
    uint32_t basic[4];

    if (!has_leaf(passport, leaf) && is_intel(passport) &&
        passport_cpuid(passport, 0, 0, basic)) {
        leaf = basic[0];
    }
    if (!passport_cpuid(passport, leaf, subleaf, regs)) {
        memset(regs, 0, 4 * sizeof(regs[0]));
    }
}

static uint32_t instruction(const Passport *passport, uint32_t leaf,
                            uint32_t subleaf, X86CpuRegister reg)
{
    uint32_t regs[4];

    host_instruction(passport, leaf, subleaf, regs);
    return regs[reg];
}

/* As in host_cpu_phys_bits() */
static uint32_t physical_bits(const Passport *passport)
{
    if (instruction(passport, 0x80000000, 0, X86CPU_EAX) < 0x80000008) {
        return DEFAULT_PHYS_BITS;
    }
    return instruction(passport, 0x80000008, 0, X86CPU_EAX) & 0xff;
}

/* As in host_tsx_broken(): early Haswells, by family 6 and model */
static bool is_tsx_broken(const Passport *passport)
{
    uint32_t eax = instruction(passport, 1, 0, X86CPU_EAX);
    unsigned family = ((eax >> 8) & 0xf) + ((eax >> 20) & 0xff);
    unsigned model = ((eax >> 4) & 0xf) | ((eax >> 12) & 0xf0);

    return is_intel(passport) && family == 6 &&
           ((model == 63 && (eax & 0xf) < 4) ||
            model == 60 || model == 69 || model == 70);
}

/* ---- what KVM offers ---- */

/* Of the first entry with exactly this index, whatever its flags are */
static uint32_t kvm_register(const Passport *passport, uint32_t leaf,
                             uint32_t subleaf, X86CpuRegister reg)
{
    const PassportKvm *kvm = &passport->kvm;
    size_t i;

    for (i = 0; i < kvm->nsupported; i++) {
        if (kvm->supported[i].function == leaf &&
            kvm->supported[i].index == subleaf) {
            return kvm->supported[i].regs[reg];
        }
    }
    return 0;
}

/* As in kvm_offers_cpuid_bit() of the extension */
static uint32_t kvm_offers(const Passport *passport, uint32_t leaf,
                           uint32_t subleaf, X86CpuRegister reg)
{
    const PassportKvm *kvm = &passport->kvm;
    size_t i;

    for (i = 0; i < kvm->nsupported; i++) {
        const PassportKvmCpuid *entry = &kvm->supported[i];

        if (entry->function == leaf &&
            (!(entry->flags & HAS_SUBLEAVES) || entry->index == subleaf)) {
            return entry->regs[reg];
        }
    }
    return 0;
}

static uint32_t offer_leaf_1_ecx(const Passport *passport,
                                 const HostOptions *options, uint32_t bits)
{
    bits |= HYPERVISOR;
    if (has_irqchip(options) &&
        capability(passport, PASSPORT_CAP_TSC_DEADLINE_TIMER)) {
        bits |= TSC_DEADLINE;
    }
    if (!has_irqchip(options)) {
        bits &= ~X2APIC;
    }
    if (options->cpu_pm && (capability(passport,
                                       PASSPORT_CAP_X86_DISABLE_EXITS) &
                            CAN_DISABLE_MWAIT_EXITS)) {
        bits |= MONITOR;
    }
    return bits;
}

/* Optimizations, which need nothing of the kernel, are the hardware's. */
static uint32_t offer_leaf_7(const Passport *passport, uint32_t subleaf,
                             X86CpuRegister reg, uint32_t bits)
{
    uint32_t hardware = instruction(passport, 7, subleaf, reg);

    if (subleaf == 0 && reg == X86CPU_EBX) {
        bits |= hardware & ERMS;
        if (is_tsx_broken(passport)) {
            bits &= ~(RTM | HLE);
        }
    } else if (subleaf == 0 && reg == X86CPU_EDX) {
        bits |= hardware & FSRM;
        /* Linux 4.17 to 4.20 offers it to guests of AMD's CPUs. */
        if (!host_has_msr(passport, ARCH_CAPABILITIES)) {
            bits &= ~HAS_ARCH_CAPABILITIES;
        }
    } else if (subleaf == 1 && reg == X86CPU_EAX) {
        bits |= hardware & (FZRM | FSRS | FSRC);
    } else if (subleaf == 2 && reg == X86CPU_EDX) {
        bits |= hardware & MCDT_NO;
    }
    return bits;
}

/* With the components that a process has to ask for */
static uint32_t offer_components(const Passport *passport, X86CpuRegister reg,
                                 uint32_t bits)
{
    uint64_t components = passport->kvm.xcomp_guest_supp;

    /* All CPUs with XSAVE have some: 0 is that KVM does not say. */
    if (!capability(passport, PASSPORT_CAP_SYS_ATTRIBUTES) || !components) {
        return bits;
    }
    return reg == X86CPU_EAX ? components : components >> 32;
}

static uint32_t offer_kvm(const HostOptions *options, X86CpuRegister reg,
                          uint32_t bits)
{
    if (reg == X86CPU_EAX) {
        if (!has_irqchip(options)) {
            bits &= ~PV_UNHALT;
        }
        if (is_split(options)) {
            bits |= MSI_EXT_DEST_ID;
        }
    } else if (reg == X86CPU_EDX) {
        bits |= HINT_DEDICATED;
    }
    return bits;
}

uint32_t host_offer_cpuid(const Passport *passport, const HostOptions *options,
                          uint32_t leaf, uint32_t subleaf, X86CpuRegister reg)
{
    uint32_t bits = kvm_register(passport, leaf, subleaf, reg);

    switch (leaf) {
    case 1:
        return reg == X86CPU_ECX ? offer_leaf_1_ecx(passport, options, bits)
               : reg == X86CPU_EDX ? bits | MTRR | PAT | MCE | MCA | HT
               : bits;
    case 6:
        return reg == X86CPU_EAX ? bits | ARAT : bits;
    case 7:
        return offer_leaf_7(passport, subleaf, reg, bits);
    case 0xd:
        return subleaf == 0 && (reg == X86CPU_EAX || reg == X86CPU_EDX)
               ? offer_components(passport, reg, bits) : bits;
    case KVM_CPUID_FEATURES:
        return offer_kvm(options, reg, bits);
    case 0x80000001:
        /* On Intel, KVM leaves out what AMD repeats of leaf 1. */
        return reg == X86CPU_ECX ? bits | TOPOEXT
               : reg == X86CPU_EDX
               ? bits | (host_offer_cpuid(passport, options, 1, 0, reg) &
                         X86CPU_AMD_ALIASES)
               : bits;
    case 0x80000007:
        return reg == X86CPU_EBX ? bits | OVERFLOW_RECOV | SUCCOR : bits;
    default:
        return bits;
    }
}

/*
 * Bits that KVM forgot for some time.  For xsaves, QEMU looks at ECX where EAX
 * has it; so does this.
 */
static uint64_t add_forgotten_ctls2(const Passport *passport, uint64_t value)
{
    /* None of these depends on an option. */
    static const HostOptions options = { MODELS_FILE_IRQCHIP_ON, false };
    static const struct {
        uint32_t leaf, subleaf;
        X86CpuRegister reg;
        uint32_t feature;
        uint64_t control;
    } rows[] = {
        { 0xd, 1, X86CPU_ECX, BIT(3), CTLS2_XSAVES },
        { 1, 0, X86CPU_ECX, RDRAND, CTLS2_RDRAND },
        { 7, 0, X86CPU_EBX, INVPCID, CTLS2_INVPCID },
        { 7, 0, X86CPU_EBX, RDSEED, CTLS2_RDSEED },
        { 0x80000001, 0, X86CPU_EDX, RDTSCP, CTLS2_RDTSCP },
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (host_offer_cpuid(passport, &options, rows[i].leaf,
                             rows[i].subleaf, rows[i].reg) &
            rows[i].feature) {
            value |= rows[i].control;
        }
    }
    return value;
}

/* Hosts that need no FB_CLEAR can have guests of hosts that do. */
static uint64_t add_fb_clear(uint64_t value)
{
    const uint64_t safe = MDS_NO | TAA_NO | SBDR_SSDP_NO | FBSDP_NO | PSDP_NO;

    return (value & safe) == safe ? value | FB_CLEAR : value;
}

uint64_t host_offer_msr(const Passport *passport, uint32_t index)
{
    const PassportKvm *kvm = &passport->kvm;
    uint64_t value;
    size_t i;

    for (i = 0; i < kvm->nfeature_msrs; i++) {
        if (kvm->feature_msrs[i].index == index) {
            break;
        }
    }
    if (i == kvm->nfeature_msrs ||
        !capability(passport, PASSPORT_CAP_GET_MSR_FEATURES)) {
        return 0;
    }
    value = kvm->feature_msrs[i].value;
    switch (index) {
    case VMX_PROCBASED_CTLS2:
        if (!host_has_msr(passport, VMX_PROCBASED_CTLS2)) {
            value = add_forgotten_ctls2(passport, value);
        }
        /* fall through */
    case VMX_TRUE_PINBASED_CTLS:
    case VMX_TRUE_PROCBASED_CTLS:
    case VMX_TRUE_ENTRY_CTLS:
    case VMX_TRUE_EXIT_CTLS:
        /* What can be 1, but does not have to */
        return (value >> 32) & ~value & UINT32_MAX;
    case ARCH_CAPABILITIES:
        return add_fb_clear(value);
    default:
        return value;
    }
}

/* ---- words ---- */

/* Not the hypervisor's */
static bool is_hardware_word(const X86CpuWord *w)
{
    return !w->msr && (w->index & 0xf0000000) != 0x40000000;
}

/* As kvm_withholds_for_option() of the extension */
static uint64_t withheld_bits(const Passport *passport,
                              const HostOptions *options, unsigned word)
{
    uint64_t bits = 0;

    if (word == X86CPU_FEAT_1_ECX) {
        if (!has_irqchip(options)) {
            bits |= kvm_offers(passport, 1, 0, X86CPU_ECX) & X2APIC;
            if (capability(passport, PASSPORT_CAP_TSC_DEADLINE_TIMER)) {
                bits |= TSC_DEADLINE;
            }
        }
        if (!options->cpu_pm && (capability(passport,
                                            PASSPORT_CAP_X86_DISABLE_EXITS) &
                                 CAN_DISABLE_MWAIT_EXITS)) {
            bits |= MONITOR;
        }
    } else if (word == X86CPU_FEAT_KVM) {
        if (!has_irqchip(options)) {
            bits |= kvm_offers(passport, KVM_CPUID_FEATURES, 0, X86CPU_EAX) &
                    PV_UNHALT;
        }
        if (!is_split(options) &&
            capability(passport, PASSPORT_CAP_SPLIT_IRQCHIP)) {
            bits |= MSI_EXT_DEST_ID;
        }
    }
    return bits;
}

static void fill_word(const Passport *passport, const HostOptions *options,
                      const X86CpuWord *w, unsigned word, HostOffer *offer)
{
    uint32_t regs[4];

    if (w->msr) {
        offer->offer.words[word] = host_offer_msr(passport, w->index);
        offer->kernel[word] = offer->offer.words[word];
    } else {
        offer->offer.words[word] = host_offer_cpuid(passport, options,
                                                    w->index, w->subleaf,
                                                    w->reg);
        offer->kernel[word] = kvm_offers(passport, w->index, w->subleaf,
                                         w->reg);
    }
    if (is_hardware_word(w) &&
        passport_cpuid(passport, w->index, w->subleaf, regs)) {
        offer->hardware[word] = regs[w->reg];
    }
    offer->withheld[word] = withheld_bits(passport, options, word);
}

static void fill_intel_pt(const Passport *passport, const HostOptions *options,
                          X86CpuOffer *offer)
{
    uint32_t regs[2][4];
    int subleaf, reg;

    for (subleaf = 0; subleaf < 2; subleaf++) {
        for (reg = 0; reg < X86CPU_REGISTERS; reg++) {
            regs[subleaf][reg] = host_offer_cpuid(passport, options, 0x14,
                                                  subleaf, reg);
        }
    }
    offer->intel_pt_capable = x86cpu_has_intel_pt_capabilities(regs[0],
                                                               regs[1]);
}

const char *host_options_problem(const Passport *passport,
                                 const HostOptions *options)
{
    /* KVM_ENABLE_CAP fails then: see kvm_arch_init(). */
    if (options->cpu_pm &&
        !capability(passport, PASSPORT_CAP_X86_DISABLE_EXITS)) {
        return "KVM there can't let guests wait, and so QEMU does not start "
               "with cpu-pm=on";
    }
    return NULL;
}

bool host_offer_fill(const Passport *passport, const X86CpuTables *tables,
                     const HostOptions *options, HostOffer *offer)
{
    unsigned i;

    memset(offer, 0, sizeof(*offer));
    passport_vendor(passport, offer->vendor);
    if (!passport->has_kvm) {
        return false;
    }
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        if (tables->words[i].present) {
            fill_word(passport, options, &tables->words[i], i, offer);
        }
    }
    fill_intel_pt(passport, options, &offer->offer);
    offer->offer.avx10_version = host_offer_cpuid(passport, options, 0x24, 0,
                                                  X86CPU_EBX);
    offer->offer.phys_bits = physical_bits(passport);
    offer->values.phys_bits = offer->offer.phys_bits;
    offer->values.guest_phys_bits =
        (host_offer_cpuid(passport, options, 0x80000008, 0,
                          X86CPU_EAX) >> 16) & 0xff;
    return true;
}

HostLack host_offer_lack(const X86CpuTables *tables, const HostOffer *offer,
                         X86CpuBits bit)
{
    if (offer->withheld[bit.word] & bit.mask) {
        return HOST_LACK_CONFIGURATION;
    }
    if (offer->kernel[bit.word] & bit.mask) {
        return HOST_LACK_QEMU;
    }
    return is_hardware_word(&tables->words[bit.word]) &&
           !(offer->hardware[bit.word] & bit.mask) ? HOST_LACK_HARDWARE
                                                   : HOST_LACK_KERNEL;
}
