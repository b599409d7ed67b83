/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The caches of an x86 CPU as properties
 *
 * Answers, as l1d-cache-info, l1i-cache-info, l2-cache-info and
 * l3-cache-info of every CPU: which caches does the CPU model have, and
 * which does the guest see?  They can be set for any model, so a static
 * expansion can contain caches, which stock QEMU only has in tables of cpu.c.
 *
 * A guest sees them in CPUID leaves 2 and 4 (SDM vol. 2A, CPUID) and
 * 0x80000005, 0x80000006 and 0x8000001D (APM vol. 3, appendix E.4).
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "cpu.h"
#include "qapi/error.h"
#include "qapi/qapi-types-machine-common.h"
#include "qapi/util.h"
#include "qapi/visitor.h"
#include "target/i386/ext/core/cache-text.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/start-errors.h"

/* Errors show this much of a text, about twice what a valid one needs. */
#define MAX_SHOWN 300

QEMU_BUILD_BUG_ON((int)X86_CPU_CACHES != (int)X86CPU_CACHES);

typedef struct CacheProperty {
    const char *name;
    const char *description;
    enum CacheType type;
    uint8_t level;
} CacheProperty;

static const CacheProperty cache_properties[X86_CPU_CACHES] = {
    [X86CPU_CACHE_L1D] = {
        "l1d-cache-info", "Level 1 data cache", DATA_CACHE, 1
    },
    [X86CPU_CACHE_L1I] = {
        "l1i-cache-info", "Level 1 instruction cache", INSTRUCTION_CACHE, 1
    },
    [X86CPU_CACHE_L2] = {
        "l2-cache-info", "Level 2 cache", UNIFIED_CACHE, 2
    },
    [X86CPU_CACHE_L3] = {
        "l3-cache-info", "Level 3 cache", UNIFIED_CACHE, 3
    },
};

/* cache-text.c assumes these widths. */
QEMU_BUILD_BUG_ON(sizeof_field(CPUCacheInfo, size) != 4);
QEMU_BUILD_BUG_ON(sizeof_field(CPUCacheInfo, line_size) != 2);
QEMU_BUILD_BUG_ON(sizeof_field(CPUCacheInfo, associativity) != 1);
QEMU_BUILD_BUG_ON(sizeof_field(CPUCacheInfo, partitions) != 1);
QEMU_BUILD_BUG_ON(sizeof_field(CPUCacheInfo, sets) != 4);
QEMU_BUILD_BUG_ON(sizeof_field(CPUCacheInfo, lines_per_tag) != 1);

static void copy_cache(const CPUCacheInfo *info, X86CpuCache *cache)
{
    *cache = (X86CpuCache) {
        .size = info->size,
        .numbers = {
            [X86CPU_CACHE_LINE] = info->line_size,
            [X86CPU_CACHE_WAYS] = info->associativity,
            [X86CPU_CACHE_PARTITIONS] = info->partitions,
            [X86CPU_CACHE_SETS] = info->sets,
            [X86CPU_CACHE_TAG_LINES] = info->lines_per_tag,
        },
        .flags = {
            [X86CPU_CACHE_SELF_INIT] = info->self_init,
            [X86CPU_CACHE_NO_INVD_SHARING] = info->no_invd_sharing,
            [X86CPU_CACHE_INCLUSIVE] = info->inclusive,
            [X86CPU_CACHE_COMPLEX_INDEXING] = info->complex_indexing,
        },
    };
    pstrcpy(cache->share, sizeof(cache->share),
            CpuTopologyLevel_str(info->share_level));
}

static char *format_cache(const CPUCacheInfo *info)
{
    char text[X86CPU_CACHE_TEXT];
    X86CpuCache cache;

    copy_cache(info, &cache);
    x86cpu_cache_format(&cache, text);
    return g_strdup(text);
}

static bool parse_cache(CPUCacheInfo *info, const CacheProperty *cp,
                        const char *text, Error **errp)
{
    char error[X86CPU_CACHE_ERROR];
    X86CpuCache cache;

    if (!x86cpu_cache_parse(&cache, cp - cache_properties, text,
                          X86_CPU_CACHE_CHECK, error)) {
        error_setg(errp, "Invalid %s '%.*s': %s", cp->name, MAX_SHOWN, text,
                   error);
        return false;
    }
    *info = (CPUCacheInfo) {
        .type = cp->type,
        .level = cp->level,
        .size = cache.size,
        .line_size = cache.numbers[X86CPU_CACHE_LINE],
        .associativity = cache.numbers[X86CPU_CACHE_WAYS],
        .partitions = cache.numbers[X86CPU_CACHE_PARTITIONS],
        .sets = cache.numbers[X86CPU_CACHE_SETS],
        .lines_per_tag = cache.numbers[X86CPU_CACHE_TAG_LINES],
        .self_init = cache.flags[X86CPU_CACHE_SELF_INIT],
        .no_invd_sharing = cache.flags[X86CPU_CACHE_NO_INVD_SHARING],
        .inclusive = cache.flags[X86CPU_CACHE_INCLUSIVE],
        .complex_indexing = cache.flags[X86CPU_CACHE_COMPLEX_INDEXING],
        .share_level = qapi_enum_parse(&CpuTopologyLevel_lookup, cache.share,
                                       -1, &error_abort),
    };
    return true;
}

static CPUCacheInfo *const *model_cache(const CPUCaches *caches, int i)
{
    CPUCacheInfo *const *const all[X86_CPU_CACHES] = {
        &caches->l1d_cache, &caches->l1i_cache,
        &caches->l2_cache, &caches->l3_cache,
    };

    return all[i];
}

static bool any_given(X86CPU *cpu)
{
    int i;

    for (i = 0; i < X86_CPU_CACHES; i++) {
        if (cpu->own_caches.is_given[i]) {
            return true;
        }
    }
    return false;
}

/* Cache @i of @cpu, by default that of @model; or NULL */
static const CPUCacheInfo *find_cache(X86CPU *cpu, const CPUCaches *model,
                                      int i)
{
    const X86CPUOwnCaches *own = &cpu->own_caches;

    return own->is_given[i] ? &own->given[i] :
           own->has_default[i] ? &own->defaults[i] :
           model ? *model_cache(model, i) : NULL;
}

void x86_cpu_requested_cache(X86CPU *cpu, int i, X86CpuCache *cache)
{
    const CPUCacheInfo *info = find_cache(cpu,
                                          x86_cpu_access_model_caches(cpu), i);

    if (info) {
        copy_cache(info, cache);
    } else {
        memset(cache, 0, sizeof(*cache));
    }
}

/* The cache that get_cache() returns, or NULL */
static const CPUCacheInfo *shown_cache(X86CPU *cpu, int i)
{
    if (cpu->legacy_cache && !any_given(cpu)) {
        return NULL;
    }
    if (!DEVICE(cpu)->realized) {
        return find_cache(cpu, x86_cpu_access_model_caches(cpu), i);
    }
    if (cpu->cache_info_passthrough) {
        return NULL;
    }
    /* This includes changes by -machine smp-cache. */
    return *model_cache(x86_cpu_caches(&cpu->env), i);
}

static void get_cache(Object *obj, Visitor *v, const char *name,
                      void *opaque, Error **errp)
{
    const CacheProperty *cp = opaque;
    const CPUCacheInfo *info = shown_cache(X86_CPU(obj),
                                           cp - cache_properties);
    g_autofree char *text = info ? format_cache(info) : g_strdup("");

    visit_type_str(v, name, &text, errp);
}

static void set_cache(Object *obj, Visitor *v, const char *name,
                      void *opaque, Error **errp)
{
    X86CPUOwnCaches *own = &X86_CPU(obj)->own_caches;
    const CacheProperty *cp = opaque;
    int i = cp - cache_properties;
    g_autofree char *text = NULL;

    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
        return;
    }
    if (!visit_type_str(v, name, &text, errp)) {
        return;
    }
    if (!*text) {
        own->is_given[i] = false;
    } else if (parse_cache(&own->given[i], cp, text, errp)) {
        own->is_given[i] = true;
    }
}

void x86_cpu_caches_defaults_done(X86CPU *cpu)
{
    X86CPUOwnCaches *own = &cpu->own_caches;

    x86_cpu_caches_finish(cpu);
    memcpy(own->defaults, own->given, sizeof(own->defaults));
    memcpy(own->has_default, own->is_given, sizeof(own->has_default));
    memset(own->is_given, 0, sizeof(own->is_given));
}

void x86_cpu_caches_finish(X86CPU *cpu)
{
    if (any_given(cpu)) {
        cpu->legacy_cache = false;
    }
}

const char *x86_cpu_missing_cache(X86CPU *cpu)
{
    const CPUCaches *model = x86_cpu_access_model_caches(cpu);
    const char *missing = NULL;
    bool any = false;
    int i;

    x86_cpu_caches_finish(cpu);
    if (cpu->legacy_cache) {
        return NULL;
    }
    for (i = 0; i < X86_CPU_CACHES; i++) {
        if (find_cache(cpu, model, i)) {
            any = true;
        } else if (!missing) {
            missing = cache_properties[i].name;
        }
    }
    return any ? missing : NULL;
}

bool x86_cpu_check_caches(X86CPU *cpu, Error **errp)
{
    const char *missing = x86_cpu_missing_cache(cpu);

    if (missing) {
        error_setg(errp, X86_ERROR_MISSING_CACHE, missing);
    }
    return !missing;
}

const CPUCaches *x86_cpu_own_caches(X86CPU *cpu, const CPUCaches *model)
{
    X86CPUOwnCaches *own = &cpu->own_caches;
    int i;

    for (i = 0; i < X86_CPU_CACHES; i++) {
        const CPUCacheInfo *info = find_cache(cpu, model, i);

        if (!info) {
            return NULL;
        }
        own->used[i] = *info;
    }
    own->caches = (CPUCaches) {
        &own->used[0], &own->used[1], &own->used[2], &own->used[3],
    };
    return &own->caches;
}

void x86_cpu_caches_class_init(ObjectClass *oc)
{
    int i;

    for (i = 0; i < X86_CPU_CACHES; i++) {
        const CacheProperty *cp = &cache_properties[i];
        ObjectProperty *op;

        op = object_class_property_add(oc, cp->name, "str", get_cache,
                                       set_cache, NULL, (void *)cp);
        op->description = g_strdup_printf("%s: SIZE, then, each after a "
            "colon, line=BYTES, ways=N, partitions=N, sets=N, tag-lines=N, "
            "share=core|module|die|socket, and any of the flags self-init, "
            "no-invd-sharing, inclusive, complex-indexing; empty if it can't "
            "be described (legacy-cache, host-cache-info). "
            "Setting it turns legacy-cache off.", cp->description);
    }
}
