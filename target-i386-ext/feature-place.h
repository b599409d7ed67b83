/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a feature bit is, and what it is called
 */

#ifndef I386_EXT_FEATURE_PLACE_H
#define I386_EXT_FEATURE_PLACE_H

#include "cpu.h"
#include "qapi/qapi-types-cpu-introspection-target.h"
#include "target/i386/ext/feature-bit.h"

/*
 * The bit that controls @fb.  QEMU derives XSAVE state components (CPUID leaf
 * 0xD) from the features that need them: for these, the bit of that feature,
 * according to x86_ext_save_areas.  @fb itself for all other bits, and for
 * components of unknown features.
 */
X86CPUFeatureBit x86_cpu_feature_owner(X86CPUFeatureBit fb);

/*
 * Whether word @w is in the CPUID leaves 0x4000xxxx, which hardware does not
 * define and hypervisors use (SDM vol. 2A, CPUID).
 */
bool x86_cpu_is_hypervisor_word(FeatureWord w);

/*
 * Whether word @w has XSAVE components, which are not requested but come with
 * other features.
 */
bool x86_cpu_is_derived_word(FeatureWord w);

/*
 * The name of @fb: the QOM property that controls it or, without one, its
 * place: "cpuid-07h-ebx-13", "cpuid-07h-1-eax-13" in a subleaf other than 0,
 * "msr-10ah-13".  Never NULL; the caller frees it.
 */
char *x86_cpu_feature_name_or_place(X86CPUFeatureBit fb);

/*
 * Appends the names of the bits @mask of word @w to @list, except for those
 * that are in it already.
 */
void x86_cpu_add_feature_names(strList **list, FeatureWord w, uint64_t mask);

/* Bit @bit of register @reg (R_EAX...) of a leaf.  The caller frees it. */
CpuFeaturePlace *x86_cpu_cpuid_place(uint32_t leaf, uint32_t subleaf, int reg,
                                     int bit);

/* Whether both lists have the same names in the same order */
bool x86_cpu_same_names(const strList *a, const strList *b);

/*
 * Appends the features of the bits @mask of word @w to @list, as one set of
 * alternatives, unless it already has the same set.
 */
void x86_cpu_add_alternatives(CpuFeatureAlternativesList **list,
                              FeatureWord w, uint64_t mask);

/*
 * Where the guest of @cpu finds @fb, or would if it had it; if @cpu is NULL,
 * where guests find it by default.  The caller frees it.
 */
CpuFeaturePlace *x86_cpu_feature_place(X86CPU *cpu, X86CPUFeatureBit fb);

#endif /* I386_EXT_FEATURE_PLACE_H */
