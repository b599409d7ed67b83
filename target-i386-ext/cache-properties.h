/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The caches of an x86 CPU as properties
 *
 * Included by cpu.h before X86CPU, which embeds the record.  cpu.c
 * asks for it when it realizes a CPU.
 */

#ifndef I386_EXT_CACHE_PROPERTIES_H
#define I386_EXT_CACHE_PROPERTIES_H

/* L1 data, L1 instruction, L2, L3 */
#define X86_CPU_CACHES 4

struct X86CpuCache;

typedef struct X86CPUOwnCaches {
    /* Set by property */
    CPUCacheInfo given[X86_CPU_CACHES];
    bool is_given[X86_CPU_CACHES];
    /* Set by the machine type, through tables; like the model's own */
    CPUCacheInfo defaults[X86_CPU_CACHES];
    bool has_default[X86_CPU_CACHES];
    /* Used to realize the CPU: given, else default, else the model's */
    CPUCacheInfo used[X86_CPU_CACHES];
    CPUCaches caches;
} X86CPUOwnCaches;

#ifndef CONFIG_USER_ONLY
/*
 * From now on, the user sets properties of @cpu, which override those set
 * before: legacy-cache=on, the caches of the machine type.
 */
void x86_cpu_caches_defaults_done(X86CPU *cpu);

/*
 * All properties of @cpu are set.  Given caches turn legacy-cache off,
 * whatever the order of the properties.
 */
void x86_cpu_caches_finish(X86CPU *cpu);

/*
 * The property of the first cache that @cpu, about to be realized, lacks;
 * NULL if it has all, or none (cpu.c reports that error).
 */
const char *x86_cpu_missing_cache(X86CPU *cpu);

/* Whether all are there; if not, an error that names the missing one. */
bool x86_cpu_check_caches(X86CPU *cpu, Error **errp);

/*
 * The caches to realize @cpu with: those given by property, the rest from
 * @model; NULL if @model is NULL and not all are given.  They are copies,
 * because -machine smp-cache modifies them.
 */
const CPUCaches *x86_cpu_own_caches(X86CPU *cpu, const CPUCaches *model);

/*
 * Puts in *@cache cache @i (X86CPU_CACHE_L1D...) that @cpu, which is not
 * realized, has with legacy-cache=off; size 0 if it has none.
 */
void x86_cpu_requested_cache(X86CPU *cpu, int i, struct X86CpuCache *cache);

/* Registers l1d-cache-info and so on, on TYPE_X86_CPU. */
void x86_cpu_caches_class_init(ObjectClass *oc);
#else
/* User-mode emulation has the caches of its models. */
static inline bool x86_cpu_check_caches(X86CPU *cpu, Error **errp)
{
    return true;
}
static inline const CPUCaches *x86_cpu_own_caches(X86CPU *cpu,
                                                  const CPUCaches *model)
{
    return model;
}
#endif

#endif /* I386_EXT_CACHE_PROPERTIES_H */
