/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Small tables for tests of the core, with a few features of each kind, at
 * their real leaves and bits
 */

#ifndef CORE_TABLES_H
#define CORE_TABLES_H

#include <glib.h>
#include <string.h>
#include "x86cpu.h"

#define BIT(n) (1ull << (n))

#define HT              BIT(28)
#define AVX             BIT(28)
#define PDCM            BIT(15)
#define VMX             BIT(5)
#define HYPERVISOR      BIT(31)
#define INTEL_PT        BIT(25)
#define AVX2            BIT(5)
#define MPX             BIT(14)
#define AVX10           BIT(19)
#define APXF            BIT(21)
#define AVX10_128       BIT(16)
#define AVX10_256       BIT(17)
#define AVX10_512       BIT(18)
#define LM              BIT(29)
#define SYSCALL         BIT(11)
#define CMP_LEGACY      BIT(1)
#define SVM             BIT(2)
#define INVTSC          BIT(8)
#define LIP             BIT(31)
#define RSBA            BIT(2)
#define ARCH_CAPS       BIT(29)
#define LA57            BIT(16)
#define ARCH_LBR        BIT(19)

static X86CpuTables tables;

static const X86CpuFeature features[] = {
    { "fpu", X86CPU_FEAT_1_EDX, BIT(0), X86CPU_CAPABILITY },
    { "mce", X86CPU_FEAT_1_EDX, BIT(7), X86CPU_CAPABILITY },
    { "mca", X86CPU_FEAT_1_EDX, BIT(14), X86CPU_CAPABILITY },
    { "ht", X86CPU_FEAT_1_EDX, HT, X86CPU_TOPOLOGY },
    { "vmx", X86CPU_FEAT_1_ECX, VMX, X86CPU_CAPABILITY },
    { "pdcm", X86CPU_FEAT_1_ECX, PDCM, X86CPU_CAPABILITY },
    { "avx", X86CPU_FEAT_1_ECX, AVX, X86CPU_CAPABILITY },
    { "hypervisor", X86CPU_FEAT_1_ECX, HYPERVISOR, X86CPU_CAPABILITY },
    { "syscall", X86CPU_FEAT_8000_0001_EDX, SYSCALL, X86CPU_CAPABILITY },
    { "lm", X86CPU_FEAT_8000_0001_EDX, LM, X86CPU_CAPABILITY },
    { "cmp-legacy", X86CPU_FEAT_8000_0001_ECX, CMP_LEGACY, X86CPU_TOPOLOGY },
    { "svm", X86CPU_FEAT_8000_0001_ECX, SVM, X86CPU_CAPABILITY },
    { "kvmclock", X86CPU_FEAT_KVM, BIT(0) | BIT(3), X86CPU_CAPABILITY },
    { "kvm-hint-dedicated", X86CPU_FEAT_KVM_HINTS, BIT(0), X86CPU_HINT },
    { "npt", X86CPU_FEAT_SVM, BIT(0), X86CPU_CAPABILITY },
    { "avx2", X86CPU_FEAT_7_0_EBX, AVX2, X86CPU_CAPABILITY },
    { "mpx", X86CPU_FEAT_7_0_EBX, MPX, X86CPU_CAPABILITY },
    { "intel-pt", X86CPU_FEAT_7_0_EBX, INTEL_PT, X86CPU_CAPABILITY },
    { "arch-capabilities", X86CPU_FEAT_7_0_EDX, ARCH_CAPS,
      X86CPU_CAPABILITY },
    { "avx-vnni", X86CPU_FEAT_7_1_EAX, BIT(4), X86CPU_CAPABILITY },
    { "avx10", X86CPU_FEAT_7_1_EDX, AVX10, X86CPU_CAPABILITY },
    { "apxf", X86CPU_FEAT_7_1_EDX, APXF, X86CPU_CAPABILITY },
    { "avx10-128", X86CPU_FEAT_24_0_EBX, AVX10_128, X86CPU_CAPABILITY },
    { "avx10-256", X86CPU_FEAT_24_0_EBX, AVX10_256, X86CPU_CAPABILITY },
    { "avx10-512", X86CPU_FEAT_24_0_EBX, AVX10_512, X86CPU_CAPABILITY },
    { "invtsc", X86CPU_FEAT_8000_0007_EDX, INVTSC, X86CPU_CAPABILITY },
    { "overflow-recov", X86CPU_FEAT_8000_0007_EBX, BIT(0),
      X86CPU_CAPABILITY },
    { "perfmon-v2", X86CPU_FEAT_8000_0022_EAX, BIT(0), X86CPU_CAPABILITY },
    { "rsba", X86CPU_FEAT_ARCH_CAPABILITIES, RSBA, X86CPU_LIMITATION },
    { "vmx-ept", X86CPU_FEAT_VMX_SECONDARY_CTLS, BIT(1) | BIT(33),
      X86CPU_CAPABILITY },
    { "intel-pt-lip", X86CPU_FEAT_14_0_ECX, LIP, X86CPU_CAPABILITY },
};

/*
 * avx10 and its lengths depend on each other; the first row is one pass late if
 * avx10 goes.
 */
static const X86CpuDependency dependencies[] = {
    { X86CPU_FEAT_7_1_EDX, X86CPU_FEAT_24_1_ECX, AVX10, ~0ull },
    { X86CPU_FEAT_1_ECX, X86CPU_FEAT_VMX_SECONDARY_CTLS, VMX, ~0ull },
    { X86CPU_FEAT_7_0_EDX, X86CPU_FEAT_ARCH_CAPABILITIES, ARCH_CAPS, ~0ull },
    { X86CPU_FEAT_7_0_EBX, X86CPU_FEAT_14_0_ECX, INTEL_PT, ~0ull },
    { X86CPU_FEAT_8000_0001_ECX, X86CPU_FEAT_SVM, SVM, ~0ull },
    { X86CPU_FEAT_24_0_EBX, X86CPU_FEAT_24_0_EBX, AVX10_128, AVX10_256 },
    { X86CPU_FEAT_24_0_EBX, X86CPU_FEAT_7_1_EDX,
      AVX10_128 | AVX10_256 | AVX10_512, AVX10 },
    { X86CPU_FEAT_7_1_EDX, X86CPU_FEAT_24_0_EBX, AVX10, ~0ull },
    { X86CPU_FEAT_7_1_EDX, X86CPU_FEAT_29_0_EBX, APXF, ~0ull },
};

static const X86CpuCacheDescriptor descriptors[] = {
    { 0x2c, 1, 'd', 32 << 10, 8, 64 },
    { 0x30, 1, 'i', 32 << 10, 8, 64 },
    { 0x7d, 2, 'u', 2 << 20, 8, 64 },
    { 0x4d, 3, 'u', 16 << 20, 16, 64 },
};

static const X86CpuComponent components[] = {
    { 2, { { X86CPU_FEAT_1_ECX, AVX } } },
    { 5, { { X86CPU_FEAT_7_0_EBX, BIT(16) },
           { X86CPU_FEAT_7_1_EDX, AVX10 } } },
    { 15, { { X86CPU_FEAT_7_0_EDX, ARCH_LBR } } },
};

static const struct {
    X86CpuWordId id;
    bool msr;
    uint32_t index, subleaf;
} places[] = {
    { X86CPU_FEAT_1_EDX, false, 1, 0 },
    { X86CPU_FEAT_1_ECX, false, 1, 0 },
    { X86CPU_FEAT_8000_0001_EDX, false, 0x80000001, 0 },
    { X86CPU_FEAT_8000_0001_ECX, false, 0x80000001, 0 },
    { X86CPU_FEAT_KVM, false, 0x40000001, 0 },
    { X86CPU_FEAT_KVM_HINTS, false, 0x40000001, 0 },
    { X86CPU_FEAT_SVM, false, 0x8000000a, 0 },
    { X86CPU_FEAT_7_0_EBX, false, 7, 0 },
    { X86CPU_FEAT_7_0_ECX, false, 7, 0 },
    { X86CPU_FEAT_7_0_EDX, false, 7, 0 },
    { X86CPU_FEAT_7_1_EAX, false, 7, 1 },
    { X86CPU_FEAT_7_1_EDX, false, 7, 1 },
    { X86CPU_FEAT_24_0_EBX, false, 0x24, 0 },
    { X86CPU_FEAT_8000_0007_EDX, false, 0x80000007, 0 },
    { X86CPU_FEAT_8000_0007_EBX, false, 0x80000007, 0 },
    { X86CPU_FEAT_8000_0022_EAX, false, 0x80000022, 0 },
    { X86CPU_FEAT_XSAVE_XCR0_LO, false, 0xd, 0 },
    { X86CPU_FEAT_ARCH_CAPABILITIES, true, 0x10a, 0 },
    { X86CPU_FEAT_PERF_CAPABILITIES, true, 0x345, 0 },
    { X86CPU_FEAT_VMX_SECONDARY_CTLS, true, 0x48b, 0 },
    { X86CPU_FEAT_14_0_ECX, false, 0x14, 0 },
    { X86CPU_FEAT_C000_0001_EDX, false, 0xc0000001, 0 },
    { X86CPU_FEAT_XSAVE, false, 0xd, 1 },
    { X86CPU_FEAT_SGX_12_0_EAX, false, 0x12, 0 },
    { X86CPU_FEAT_SGX_12_0_EBX, false, 0x12, 0 },
    { X86CPU_FEAT_SGX_12_1_EAX, false, 0x12, 1 },
    { X86CPU_FEAT_1E_1_EAX, false, 0x1e, 1 },
    { X86CPU_FEAT_24_1_ECX, false, 0x24, 1 },
    { X86CPU_FEAT_29_0_EBX, false, 0x29, 0 },
    { X86CPU_FEAT_8000_0021_EAX, false, 0x80000021, 0 },
};

/* All that is not here is of class bit, and off by default. */
static const struct {
    X86CpuPropertyId id;
    X86CpuClass class;
    uint64_t value;
} properties[] = {
    { X86CPU_AVX10_VERSION, X86CPU_CLASS_MINIMUM, 0 },
    { X86CPU_CPUID_0XB, X86CPU_CLASS_IDENTITY, true },
    { X86CPU_FAMILY, X86CPU_CLASS_IDENTITY, 6 },
    { X86CPU_FILL_MTRR_MASK, X86CPU_CLASS_STREAM, true },
    { X86CPU_FULL_CPUID_AUTO_LEVEL, X86CPU_CLASS_IDENTITY, true },
    { X86CPU_GUEST_PHYS_BITS, X86CPU_CLASS_GUEST_PHYS_BITS, 0 },
    { X86CPU_HOST_PHYS_BITS, X86CPU_CLASS_RESOLVED, false },
    { X86CPU_HOST_PHYS_BITS_LIMIT, X86CPU_CLASS_RESOLVED, 0 },
    { X86CPU_HV_ENFORCE_CPUID, X86CPU_CLASS_GATE, false },
    { X86CPU_HV_NO_NONARCH_CORESHARING, X86CPU_CLASS_GATE, false },
    { X86CPU_HV_SPINLOCKS, X86CPU_CLASS_BIT, 0xffffffff },
    { X86CPU_HV_VERSION_ID_BUILD, X86CPU_CLASS_HV_VALUES, 0x3839 },
    { X86CPU_HV_VERSION_ID_MAJOR, X86CPU_CLASS_HV_VALUES, 10 },
    { X86CPU_HV_VERSION_ID_MINOR, X86CPU_CLASS_HV_VALUES, 0 },
    { X86CPU_HV_VERSION_ID_SBRANCH, X86CPU_CLASS_HV_VALUES, 0 },
    { X86CPU_HV_VERSION_ID_SNUMBER, X86CPU_CLASS_HV_VALUES, 0 },
    { X86CPU_HV_VERSION_ID_SPACK, X86CPU_CLASS_HV_VALUES, 0 },
    { X86CPU_KVM, X86CPU_CLASS_BIT, true },
    { X86CPU_KVM_PV_ENFORCE_CPUID, X86CPU_CLASS_GATE, false },
    { X86CPU_L3_CACHE, X86CPU_CLASS_IDENTITY, true },
    { X86CPU_LBR_FMT, X86CPU_CLASS_FLAT, 0 },
    { X86CPU_LEGACY_CACHE, X86CPU_CLASS_IDENTITY, true },
    { X86CPU_LEGACY_MULTI_NODE, X86CPU_CLASS_IDENTITY, false },
    { X86CPU_LEVEL, X86CPU_CLASS_IDENTITY, 0xffffffff },
    { X86CPU_LEVEL_FUNC7, X86CPU_CLASS_IDENTITY, 0xffffffff },
    { X86CPU_MIN_LEVEL, X86CPU_CLASS_IDENTITY, 0xd },
    { X86CPU_MIN_XLEVEL, X86CPU_CLASS_IDENTITY, 0x80000008 },
    { X86CPU_MIN_XLEVEL2, X86CPU_CLASS_IDENTITY, 0 },
    { X86CPU_MODEL, X86CPU_CLASS_IDENTITY, 60 },
    { X86CPU_PHYS_BITS, X86CPU_CLASS_MINIMUM, 40 },
    { X86CPU_STEPPING, X86CPU_CLASS_IDENTITY, 1 },
    { X86CPU_TCG_CPUID, X86CPU_CLASS_BIT, true },
    { X86CPU_TSC_FREQUENCY, X86CPU_CLASS_GATE, 0 },
    { X86CPU_UCODE_REV, X86CPU_CLASS_IDENTITY, 0x100000000 },
    { X86CPU_VMWARE_CPUID_FREQ, X86CPU_CLASS_BIT, true },
    { X86CPU_X_AMD_TOPOEXT_FEATURES_ONLY, X86CPU_CLASS_IDENTITY, true },
    { X86CPU_X_ARCH_CAP_ALWAYS_ON, X86CPU_CLASS_PERMISSIVE, false },
    { X86CPU_X_CONSISTENT_CACHE, X86CPU_CLASS_IDENTITY, true },
    { X86CPU_X_FORCE_CPUID_0X1F, X86CPU_CLASS_IDENTITY, false },
    { X86CPU_X_HV_MAX_VPS, X86CPU_CLASS_HV_VALUES, UINT64_MAX },
    { X86CPU_X_HV_SYNIC_KVM_ONLY, X86CPU_CLASS_PERMISSIVE, false },
    { X86CPU_X_INTEL_PT_AUTO_LEVEL, X86CPU_CLASS_IDENTITY, true },
    { X86CPU_X_L1_CACHE_PER_THREAD, X86CPU_CLASS_IDENTITY, true },
    { X86CPU_X_MIGRATE_ERROR_CODE, X86CPU_CLASS_STREAM, true },
    { X86CPU_X_MIGRATE_SMI_COUNT, X86CPU_CLASS_STREAM, true },
    { X86CPU_X_PDCM_ON_EVEN_WITHOUT_PMU, X86CPU_CLASS_PERMISSIVE, false },
    { X86CPU_X_VENDOR_CPUID_ONLY, X86CPU_CLASS_PERMISSIVE, true },
    { X86CPU_X_VENDOR_CPUID_ONLY_V2, X86CPU_CLASS_PERMISSIVE, true },
    { X86CPU_XLEVEL, X86CPU_CLASS_IDENTITY, 0xffffffff },
    { X86CPU_XLEVEL2, X86CPU_CLASS_IDENTITY, 0xffffffff },
};

static void make_tables(uint32_t version)
{
    size_t i;

    memset(&tables, 0, sizeof(tables));
    tables.version = version;
    for (i = 0; i < G_N_ELEMENTS(places); i++) {
        tables.words[places[i].id] = (X86CpuWord) {
            .present = true,
            .msr = places[i].msr,
            .index = places[i].index,
            .subleaf = places[i].subleaf,
        };
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        tables.properties[i].class = X86CPU_CLASS_BIT;
    }
    for (i = 0; i < G_N_ELEMENTS(properties); i++) {
        tables.properties[properties[i].id] = (X86CpuProperty) {
            properties[i].class, properties[i].value
        };
    }
    tables.features = features;
    tables.nfeatures = G_N_ELEMENTS(features);
    tables.dependencies = dependencies;
    tables.ndependencies = G_N_ELEMENTS(dependencies);
    tables.descriptors = descriptors;
    tables.ndescriptors = G_N_ELEMENTS(descriptors);
    tables.components = components;
    tables.ncomponents = G_N_ELEMENTS(components);
}

/* An Intel CPU with all defaults, lm and fpu */
static X86Cpu plain_cpu(void)
{
    X86Cpu cpu = { .vendor = "GenuineIntel", .model_id = "A CPU",
                   .hv_vendor_id = "Microsoft Hv" };
    size_t i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        cpu.values[i] = tables.properties[i].value;
    }
    cpu.words[X86CPU_FEAT_1_EDX] = BIT(0);
    cpu.words[X86CPU_FEAT_8000_0001_EDX] = LM;
    return cpu;
}

#endif /* CORE_TABLES_H */
