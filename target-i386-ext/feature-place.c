/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a feature bit is, and what it is called
 *
 * Answers, for every query that names features: what is the canonical name
 * of a bit, and in which CPUID leaf or MSR does a guest find it?
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "cpu.h"
#include "system/kvm.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/feature-place.h"
#include "target/i386/ext/kvm-offered.h"

static const struct {
    const char *name;
    CpuFeatureRegister qapi;
} registers[] = {
    [R_EAX] = { "eax", CPU_FEATURE_REGISTER_EAX },
    [R_ECX] = { "ecx", CPU_FEATURE_REGISTER_ECX },
    [R_EDX] = { "edx", CPU_FEATURE_REGISTER_EDX },
    [R_EBX] = { "ebx", CPU_FEATURE_REGISTER_EBX },
};

X86CPUFeatureBit x86_cpu_feature_owner(X86CPUFeatureBit fb)
{
    int component;

    switch (fb.w) {
    case FEAT_XSAVE_XCR0_LO:
    case FEAT_XSAVE_XSS_LO:
        component = fb.bit;
        break;
    case FEAT_XSAVE_XCR0_HI:
    case FEAT_XSAVE_XSS_HI:
        component = fb.bit + 32;
        break;
    default:
        return fb;
    }
    if (component < ARRAY_SIZE(x86_ext_save_areas) &&
        x86_xsave_feature_mask(component, 0)) {
        fb.w = x86_xsave_feature_word(component, 0);
        fb.bit = ctz32(x86_xsave_feature_mask(component, 0));
    }
    return fb;
}

/*
 * The number of the bit in its register.  The feature words of the VMX
 * control MSRs hold the allowed-1 settings, which are bits 63 to 32 of the
 * MSRs (SDM vol. 3, appendix A.3 to A.5; make_vmx_msr_value() in kvm.c).
 */
static int place_bit(X86CPUFeatureBit fb)
{
    switch (fb.w) {
    case FEAT_VMX_PROCBASED_CTLS:
    case FEAT_VMX_SECONDARY_CTLS:
    case FEAT_VMX_PINBASED_CTLS:
    case FEAT_VMX_EXIT_CTLS:
    case FEAT_VMX_ENTRY_CTLS:
        return fb.bit + 32;
    default:
        return fb.bit;
    }
}

char *x86_cpu_feature_name_or_place(X86CPUFeatureBit fb)
{
    X86CPUFeatureBit owner = x86_cpu_feature_owner(fb);
    const char *name = x86_cpu_access_feature_name(owner.w, owner.bit);
    const FeatureWordInfo *wi = &feature_word_info[fb.w];

    if (name) {
        return g_strdup(name);
    }
    if (wi->type == MSR_FEATURE_WORD) {
        return g_strdup_printf("msr-%02xh-%d", wi->msr.index, place_bit(fb));
    }
    if (wi->cpuid.ecx) {
        return g_strdup_printf("cpuid-%02xh-%x-%s-%d", wi->cpuid.eax,
                               wi->cpuid.ecx, registers[wi->cpuid.reg].name,
                               fb.bit);
    }
    return g_strdup_printf("cpuid-%02xh-%s-%d", wi->cpuid.eax,
                           registers[wi->cpuid.reg].name, fb.bit);
}

bool x86_cpu_is_hypervisor_word(FeatureWord w)
{
    const FeatureWordInfo *wi = &feature_word_info[w];

    return wi->type == CPUID_FEATURE_WORD &&
           (wi->cpuid.eax & 0xf0000000) == 0x40000000;
}

bool x86_cpu_is_derived_word(FeatureWord w)
{
    return w == FEAT_XSAVE_XCR0_LO || w == FEAT_XSAVE_XCR0_HI ||
           w == FEAT_XSAVE_XSS_LO || w == FEAT_XSAVE_XSS_HI;
}

void x86_cpu_add_feature_names(strList **list, FeatureWord w, uint64_t mask)
{
    for (; mask; mask &= mask - 1) {
        X86CPUFeatureBit fb = { w, ctz64(mask) };
        g_autofree char *name = x86_cpu_feature_name_or_place(fb);
        strList **tail = list;

        while (*tail && strcmp((*tail)->value, name)) {
            tail = &(*tail)->next;
        }
        if (!*tail) {
            QAPI_LIST_APPEND(tail, g_steal_pointer(&name));
        }
    }
}

CpuFeaturePlace *x86_cpu_cpuid_place(uint32_t leaf, uint32_t subleaf, int reg,
                                     int bit)
{
    CpuFeaturePlace *place = g_new0(CpuFeaturePlace, 1);

    place->cpuid = g_new0(CpuFeatureCpuidBit, 1);
    place->cpuid->leaf = leaf;
    place->cpuid->subleaf = subleaf;
    place->cpuid->q_register = registers[reg].qapi;
    place->cpuid->bit = bit;
    return place;
}

bool x86_cpu_same_names(const strList *a, const strList *b)
{
    while (a && b && !strcmp(a->value, b->value)) {
        a = a->next;
        b = b->next;
    }
    return !a && !b;
}

void x86_cpu_add_alternatives(CpuFeatureAlternativesList **list,
                              FeatureWord w, uint64_t mask)
{
    g_autoptr(CpuFeatureAlternatives) new = g_new0(CpuFeatureAlternatives, 1);
    CpuFeatureAlternativesList **tail = list;

    new->type = QTYPE_QLIST;
    x86_cpu_add_feature_names(&new->u.any_of, w, mask);
    while (*tail &&
           !x86_cpu_same_names((*tail)->value->u.any_of, new->u.any_of)) {
        tail = &(*tail)->next;
    }
    if (!*tail) {
        QAPI_LIST_APPEND(tail, g_steal_pointer(&new));
    }
}

CpuFeaturePlace *x86_cpu_feature_place(X86CPU *cpu, X86CPUFeatureBit fb)
{
    const FeatureWordInfo *wi = &feature_word_info[fb.w];
    CpuFeaturePlace *place;

    if (wi->type == MSR_FEATURE_WORD) {
        place = g_new0(CpuFeaturePlace, 1);
        place->msr = g_new0(CpuFeatureMsrBit, 1);
        place->msr->index = wi->msr.index;
        place->msr->bit = place_bit(fb);
    } else {
        place = x86_cpu_cpuid_place(wi->cpuid.eax, wi->cpuid.ecx,
                                    wi->cpuid.reg, fb.bit);
        if (cpu && kvm_enabled() && x86_cpu_is_hypervisor_word(fb.w)) {
            place->cpuid->leaf += kvm_own_leaves_offset(cpu);
        }
    }
    return place;
}
