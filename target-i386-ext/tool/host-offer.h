/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What QEMU offers to guests on the host of a passport, under KVM
 *
 * Answers, for tools that run elsewhere: which features can a guest have there,
 * and does the hardware, the kernel or QEMU lack the others?
 *
 * The rules are those of kvm_arch_get_supported_cpuid(),
 * kvm_arch_get_supported_msr_feature() and x86_cpu_get_supported_feature_word()
 * in each release line.
 */

#ifndef X86CPU_HOST_OFFER_H
#define X86CPU_HOST_OFFER_H

#include "explain.h"
#include "models-file.h"
#include "passport.h"

/* Options of the machine that change what KVM offers */
typedef struct HostOptions {
    ModelsFileIrqchip irqchip;
    /* -overcommit cpu-pm=on */
    bool cpu_pm;
} HostOptions;

typedef struct HostOffer {
    X86CpuOffer offer;
    X86CpuHostValues values;
    /* By CPUID[0], 12 characters */
    char vendor[13];
    /* What the instruction has, as far as CPUID can say it */
    uint64_t hardware[X86CPU_MAX_WORDS];
    /* What the kernel offers, before QEMU edits it */
    uint64_t kernel[X86CPU_MAX_WORDS];
    /* What it would offer with other options */
    uint64_t withheld[X86CPU_MAX_WORDS];
} HostOffer;

/* Who lacks what is not offered: as in removed-features */
typedef enum HostLack {
    HOST_LACK_HARDWARE,
    HOST_LACK_KERNEL,
    HOST_LACK_QEMU,
    HOST_LACK_CONFIGURATION,
} HostLack;

/*
 * Fills *@offer with what the QEMU of @tables offers there.  False if
 * @passport does not say what KVM offers.
 */
bool host_offer_fill(const Passport *passport, const X86CpuTables *tables,
                     const HostOptions *options, HostOffer *offer);

/* Who lacks bit @bit of word @word there, which @offer does not offer */
HostLack host_offer_lack(const X86CpuTables *tables, const HostOffer *offer,
                         X86CpuBits bit);

/*
 * Why QEMU does not start at all there with @options, whatever the CPU; NULL if
 * it does
 */
const char *host_options_problem(const Passport *passport,
                                 const HostOptions *options);

/*
 * Register @reg of a leaf as QEMU has it after its own changes to what KVM
 * offers; see kvm_arch_get_supported_cpuid().
 */
uint32_t host_offer_cpuid(const Passport *passport, const HostOptions *options,
                          uint32_t leaf, uint32_t subleaf, X86CpuRegister reg);

/* The same of a feature MSR; see kvm_arch_get_supported_msr_feature(). */
uint64_t host_offer_msr(const Passport *passport, uint32_t index);

/* Whether KVM_GET_MSR_INDEX_LIST has MSR @index */
bool host_has_msr(const Passport *passport, uint32_t index);

/*
 * What the CPUID instruction returns there.  Above the highest leaf of a
 * region, Intel's CPUs return the highest basic leaf, and QEMU reads on.
 */
void host_instruction(const Passport *passport, uint32_t leaf,
                      uint32_t subleaf, uint32_t regs[4]);

/*
 * Puts the features that model "host", or max, has there in @words.  They
 * depend on settings: on @migratable, and on the vendor and properties of
 * @cpu.
 */
void host_offer_features(const ModelsFile *file, size_t layer,
                         const HostOffer *offer, const X86Cpu *cpu,
                         bool migratable, uint64_t words[X86CPU_MAX_WORDS]);

/*
 * Puts what QEMU requests for model "host", or max, on machine types of layer
 * @layer there in *@cpu, with migratable=on.
 */
void host_offer_requested(const Passport *passport, const ModelsFile *file,
                          size_t layer, const HostOptions *options,
                          const HostOffer *offer, X86Cpu *cpu);

/*
 * Adds what QEMU adds to model "host", or max, when it is realized, after it
 * has removed what the host lacks, and whatever the user set.
 */
void host_add_late_features(const Passport *passport,
                            const HostOptions *options, X86Cpu *cpu);

/*
 * Puts the CPU of model "host" on machine types of layer @layer there in
 * *@cpu: its static expansion, with migratable=on.
 */
void host_offer_cpu(const Passport *passport, const ModelsFile *file,
                    size_t layer, const HostOptions *options,
                    const HostOffer *offer, X86Cpu *cpu);

#endif /* X86CPU_HOST_OFFER_H */
