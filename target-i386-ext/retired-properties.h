/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Properties that QEMU has dropped
 *
 * Included by cpu.h before X86CPU, which embeds the record in its requests.
 */

#ifndef I386_EXT_RETIRED_PROPERTIES_H
#define I386_EXT_RETIRED_PROPERTIES_H

typedef struct X86CPURetiredProperties {
    /* full-cpuid-auto-level=off */
    bool no_auto_level;
    /* x-intel-pt-auto-level=off */
    bool no_intel_pt_level;
    /* x-hv-synic-kvm-only=on */
    bool hv_synic_kvm_only;
    /* Minimums with no_auto_level, while QEMU raises them */
    uint32_t level, xlevel, xlevel2, level_func7;
    /* Intel PT, while QEMU raises the level for it */
    uint64_t intel_pt;
} X86CPURetiredProperties;

#ifndef CONFIG_USER_ONLY
/* Whether @name is a property that this QEMU has dropped */
bool x86_cpu_is_retired(const char *name);

/* If so: whether @cpu has another value than the default */
bool x86_cpu_needs_retired(X86CPU *cpu, const char *name);

/* False, with an error, if @cpu needs what this QEMU can't do any more */
bool x86_cpu_check_retired(X86CPU *cpu, Error **errp);

/*
 * x86_cpu_expand_features() is about to raise the levels of @cpu, and has
 * done so.
 */
void x86_cpu_retired_levels_begin(X86CPU *cpu);
void x86_cpu_retired_levels_end(X86CPU *cpu);

/* Registers those that this QEMU has dropped, on TYPE_X86_CPU. */
void x86_cpu_retired_class_init(ObjectClass *oc);
#else
static inline bool x86_cpu_check_retired(X86CPU *cpu, Error **errp)
{
    return true;
}
static inline void x86_cpu_retired_levels_end(X86CPU *cpu) { }
#endif

#endif /* I386_EXT_RETIRED_PROPERTIES_H */
