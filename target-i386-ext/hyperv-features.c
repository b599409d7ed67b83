/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hyper-V enlightenments as features with names
 *
 * Answers, for removed-features and migration: which hv-* property controls
 * a bit of the leaves 0x40000003 to 0x4000000A (Microsoft's Hypervisor
 * Top-Level Functional Specification, "Feature Discovery"), and which
 * requested ones did QEMU silently ignore?  They are in a table of kvm.c, not
 * in feature words.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "system/kvm.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/feature-requested-by.h"
#include "target/i386/ext/hyperv-features.h"
#include "target/i386/ext/kvm-access.h"
#include "target/i386/ext/kvm-offered.h"

#define HYPERV_ENLIGHTENMENT_INFO 0x40000004

static const int registers[] = { R_EAX, R_EBX, R_ECX, R_EDX };

const char *x86_cpu_hyperv_name(unsigned feat)
{
    DeviceClass *dc = DEVICE_CLASS(object_class_by_name(TYPE_X86_CPU));
    unsigned i;

    for (i = 0; i < dc->props_count_; i++) {
        const Property *prop = &dc->props_[i];

        if (prop->offset == offsetof(X86CPU, hyperv_features) &&
            prop->bitnr == feat) {
            return prop->name;
        }
    }
    return NULL;
}

strList *x86_cpu_hyperv_bit_names(uint32_t leaf, int reg, uint32_t mask)
{
    strList *names = NULL, **tail = &names;
    KVMHypervFeature hf;
    unsigned feat, i;

    for (feat = 0; mask && kvm_access_hyperv_feature(feat, &hf); feat++) {
        /* A stream may have one that this QEMU is built without. */
        const char *name = x86_cpu_hyperv_name(feat);

        for (i = 0; name && i < ARRAY_SIZE(hf.places); i++) {
            if (hf.places[i].leaf == leaf &&
                hf.places[i].reg == registers[reg] &&
                (hf.places[i].bits & mask)) {
                mask &= ~hf.places[i].bits;
                QAPI_LIST_APPEND(tail, g_strdup(name));
            }
        }
    }
    if (mask) {
        g_clear_pointer(&names, qapi_free_strList);
    }
    return names;
}

static void add_places(CpuFeaturePlaceList ***tail, uint32_t leaf, int reg,
                       uint32_t bits)
{
    for (; bits; bits &= bits - 1) {
        CpuFeaturePlace *place = x86_cpu_cpuid_place(leaf, 0, reg, ctz32(bits));

        QAPI_LIST_APPEND(*tail, place);
    }
}

static CpuRemovedFeature *removed(X86CPU *cpu, const char *name)
{
    CpuRemovedFeature *rf = g_new0(CpuRemovedFeature, 1);

    rf->feature = g_strdup(name);
    rf->reason = kvm_enabled() ? CPU_FEATURE_REMOVAL_REASON_KERNEL
                               : CPU_FEATURE_REMOVAL_REASON_ACCELERATOR;
    rf->requested_by = x86_cpu_property_requested_by(cpu, name);
    return rf;
}

void x86_cpu_add_removed_hyperv(X86CPU *cpu, CpuRemovedFeatureList **list)
{
    CpuRemovedFeatureList **tail = list;
    CpuFeaturePlaceList **places;
    CpuRemovedFeature *rf;
    uint64_t features;
    unsigned i;

    if (kvm_enabled() && kvm_offers_hyperv()) {
        return;
    }
    while (*tail) {
        tail = &(*tail)->next;
    }
    for (features = cpu->hyperv_features; features;
         features &= features - 1) {
        unsigned feat = ctz64(features);
        KVMHypervFeature hf = { };

        rf = removed(cpu, x86_cpu_hyperv_name(feat));
        places = &rf->places;
        kvm_access_hyperv_feature(feat, &hf);
        for (i = 0; i < ARRAY_SIZE(hf.places); i++) {
            add_places(&places, hf.places[i].leaf, hf.places[i].reg,
                       hf.places[i].bits);
        }
        QAPI_LIST_APPEND(tail, rf);
    }
    if (cpu->hyperv_spinlock_attempts != HYPERV_SPINLOCK_NEVER_NOTIFY) {
        rf = removed(cpu, "hv-spinlocks");
        places = &rf->places;
        add_places(&places, HYPERV_ENLIGHTENMENT_INFO, R_EBX,
                   cpu->hyperv_spinlock_attempts);
        QAPI_LIST_APPEND(tail, rf);
    }
    if (cpu->hyperv_passthrough) {
        QAPI_LIST_APPEND(tail, removed(cpu, "hv-passthrough"));
    }
}
