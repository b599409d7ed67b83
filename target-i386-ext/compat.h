/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What differs between QEMU's release lines
 *
 * Everything else of the extension is the same for all lines.
 */

#ifndef I386_EXT_COMPAT_H
#define I386_EXT_COMPAT_H

#include "cpu.h"

#if QEMU_VERSION_MAJOR >= 11

#include "accel/accel-ops.h"
#include "hw/core/boards.h"
#include "hw/core/qdev-properties.h"
#include "qapi/qapi-types-machine.h"

#define X86_CPU_MODEL_COMMANDS "qapi/qapi-commands-machine.h"
#define X86_CPU_MODEL_VISITORS "qapi/qapi-visit-machine.h"
typedef const void *X86CPUClassData;
typedef struct CharFrontend X86CPUQtestChardev;
#define X86_CPU_ACCEL_OPS "accel/accel-cpu-ops.h"
#define X86_CPU_DUMMY_THREADS "accel/dummy-cpus.h"

/* The result of VMStateDescription.post_save */
typedef void VMStatePostSave;
#define VMSTATE_POST_SAVE_OK

/* XSAVE components that are in no feature word */
#define X86_CPU_LATE_XSS 0
#define X86_CPU_MAX_PHYS_BITS 52
#define X86_CPU_PHYS_BITS_RANGE(bits) \
    ((bits) < 32 ? "at least 32 " : "at most 52 ")

/* Features that x86_cpu_expand_features() drops if @cpu has pmu=off */
static inline uint64_t x86_cpu_needs_pmu(X86CPU *cpu, FeatureWord w)
{
    return w == FEAT_7_0_EDX ? CPUID_7_0_EDX_ARCH_LBR :
           w == FEAT_1_ECX && !cpu->pdcm_on_even_without_pmu ?
           CPUID_EXT_PDCM : 0;
}

#define X86_CPU_CACHE_CHECK X86CPU_CACHE_CHECK_SHOWN
#define x86_cpu_is_max(cpu) (X86_CPU_GET_CLASS(cpu)->max_features)
#define x86_cpu_caches(env) (&(env)->cache_info)
#define x86_cpu_has_synic_1(cpu) false
#define x86_cpu_vendor_only_v2(cpu) ((cpu)->vendor_cpuid_only_v2)

/* Feature @n, from 0, of those that XSAVE component @i belongs to */
#define X86_XSAVE_FEATURES ARRAY_SIZE(x86_ext_save_areas[0].features)
#define x86_xsave_feature_word(i, n) (x86_ext_save_areas[i].features[n].index)
#define x86_xsave_feature_mask(i, n) (x86_ext_save_areas[i].features[n].mask)

/* x86_cpu_expand_features() removes it from CPUs with mpx, and mpx as well. */
#define X86_CPU_EXCLUDED_BY_MPX CPUID_7_1_EDX_APXF
/* KVM sets the vendor of base, too. */
#define X86_CPU_BASE_HAS_HOST_VENDOR true

/* Takes @err; the first error of a migration is the one that is kept. */
#define x86_cpu_propagate_migration_error(err) \
    migrate_error_propagate(migrate_get_current(), err)

/* What QEMU says of machine types that it has removed */
#define X86_CPU_EXPLAIN_UNSUPPORTED(fn) (machine_explain_unsupported = (fn))

#else

#include "hw/boards.h"
#include "hw/qdev-properties.h"
#include "qapi/qapi-types-machine.h"
#include "qapi/qapi-types-machine-target.h"

#define X86_CPU_MODEL_COMMANDS "qapi/qapi-commands-machine-target.h"
#define X86_CPU_MODEL_VISITORS "qapi/qapi-visit-machine-target.h"
typedef void *X86CPUClassData;
typedef struct CharBackend X86CPUQtestChardev;
#define X86_CPU_ACCEL_OPS "system/accel-ops.h"
#define X86_CPU_DUMMY_THREADS "system/cpus.h"

typedef int VMStatePostSave;
#define VMSTATE_POST_SAVE_OK 0

#define object_set_props_from_keyval object_set_properties_from_keyval

typedef X86CPURegister32 CpuFeatureRegister;
#define CPU_FEATURE_REGISTER_EAX X86_CPU_REGISTER32_EAX
#define CPU_FEATURE_REGISTER_EBX X86_CPU_REGISTER32_EBX
#define CPU_FEATURE_REGISTER_ECX X86_CPU_REGISTER32_ECX
#define CPU_FEATURE_REGISTER_EDX X86_CPU_REGISTER32_EDX

/* Feature words that there are not */
#define FEAT_1E_1_EAX FEATURE_WORDS
#define FEAT_24_1_ECX FEATURE_WORDS
#define FEAT_7_1_ECX FEATURE_WORDS
#define FEAT_8000_0021_ECX FEATURE_WORDS
#define FEAT_29_0_EBX FEATURE_WORDS

#define X86_CPU_LATE_XSS XSTATE_ARCH_LBR_MASK
#define X86_CPU_MAX_PHYS_BITS TARGET_PHYS_ADDR_SPACE_BITS
#define X86_CPU_PHYS_BITS_RANGE(bits) \
    "between 32 and " stringify(TARGET_PHYS_ADDR_SPACE_BITS) "  "

#define x86_cpu_needs_pmu(cpu, w) 0
#define X86_CPU_CACHE_CHECK X86CPU_CACHE_CHECK_ALL
#define x86_cpu_is_max(cpu) ((cpu)->max_features)
#define x86_cpu_caches(env) (&(env)->cache_info_cpuid4)
#define x86_cpu_has_synic_1(cpu) ((cpu)->hyperv_synic_kvm_only)
#define x86_cpu_vendor_only_v2(cpu) false

/* AVX10 is only in cpuid_has_xsave_feature(). */
#define X86_XSAVE_FEATURES 2
#define x86_xsave_feature_word(i, n) \
    ((n) ? FEAT_7_1_EDX : x86_ext_save_areas[i].feature)
#define x86_xsave_feature_mask(i, n) \
    (!(n) ? x86_ext_save_areas[i].bits : \
     x86_ext_save_areas[i].feature == FEAT_7_0_EBX && \
     x86_ext_save_areas[i].bits == CPUID_7_0_EBX_AVX512F ? \
     CPUID_7_1_EDX_AVX10 : 0)

#define X86_CPU_EXCLUDED_BY_MPX 0
#define X86_CPU_BASE_HAS_HOST_VENDOR false

#define x86_cpu_propagate_migration_error(err) do { \
        Error *migration_error = (err); \
        migrate_set_error(migrate_get_current(), migration_error); \
        error_free(migration_error); \
    } while (0)

#define X86_CPU_EXPLAIN_UNSUPPORTED(fn) ((void)(fn))

#endif

#endif /* I386_EXT_COMPAT_H */
