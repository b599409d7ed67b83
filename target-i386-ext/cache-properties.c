/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The caches of an x86 CPU as properties
 *
 * Answers, as l1d-cache-info, l1i-cache-info, l2-cache-info and
 * l3-cache-info of every CPU: which caches does the CPU model come with?
 * Setting them makes a CPU of any model show the same ones, so that a
 * static expansion can carry what only tables in cpu.c had.
 *
 * A guest sees them in CPUID leaves 2 and 4 (SDM vol. 2A, CPUID) and
 * 0x80000005, 0x80000006 and 0x8000001D (APM vol. 3, appendix E.4).
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "cpu.h"
#include "hw/qdev-properties.h"
#include "qapi/error.h"
#include "qapi/qapi-types-machine-common.h"
#include "qapi/visitor.h"
#include "target/i386/ext/cpu-access.h"

typedef struct CacheProperty {
    const char *name;
    const char *description;
    enum CacheType type;
    uint8_t level;
    /* CPUID has the size in units of this many bytes */
    uint32_t unit;
} CacheProperty;

static const CacheProperty cache_properties[X86_CPU_CACHES] = {
    { "l1d-cache-info", "Level 1 data cache", DATA_CACHE, 1, KiB },
    { "l1i-cache-info", "Level 1 instruction cache", INSTRUCTION_CACHE, 1,
      KiB },
    { "l2-cache-info", "Level 2 cache", UNIFIED_CACHE, 2, KiB },
    { "l3-cache-info", "Level 3 cache", UNIFIED_CACHE, 3, 512 * KiB },
};

/* The numbers of CPUCacheInfo, each as key=number */
typedef struct CacheNumber {
    const char *key;
    size_t offset;
    size_t size;
} CacheNumber;

#define NUMBER(key, field) \
    { key, offsetof(CPUCacheInfo, field), sizeof_field(CPUCacheInfo, field) }

static const CacheNumber cache_numbers[] = {
    NUMBER("line", line_size),
    NUMBER("ways", associativity),
    NUMBER("partitions", partitions),
    NUMBER("sets", sets),
    NUMBER("tag-lines", lines_per_tag),
};

/* What is true or not, named if true */
static const struct {
    const char *key;
    size_t offset;
} cache_flags[] = {
    { "self-init", offsetof(CPUCacheInfo, self_init) },
    { "no-invd-sharing", offsetof(CPUCacheInfo, no_invd_sharing) },
    { "inclusive", offsetof(CPUCacheInfo, inclusive) },
    { "complex-indexing", offsetof(CPUCacheInfo, complex_indexing) },
};

#define CACHE_KEYS "line, ways, partitions, sets, tag-lines, share, " \
                   "self-init, no-invd-sharing, inclusive, complex-indexing"

static uint32_t get_number(const CPUCacheInfo *info, const CacheNumber *number)
{
    const void *p = (const char *)info + number->offset;

    return number->size == 1 ? *(const uint8_t *)p :
           number->size == 2 ? *(const uint16_t *)p : *(const uint32_t *)p;
}

static void set_number(CPUCacheInfo *info, const CacheNumber *number,
                       uint32_t value)
{
    void *p = (char *)info + number->offset;

    if (number->size == 1) {
        *(uint8_t *)p = value;
    } else if (number->size == 2) {
        *(uint16_t *)p = value;
    } else {
        *(uint32_t *)p = value;
    }
}

static char *format_cache(const CPUCacheInfo *info)
{
    GString *text = g_string_new(NULL);
    int i;

    g_string_append_printf(text, "%" PRIu32, info->size);
    for (i = 0; i < ARRAY_SIZE(cache_numbers); i++) {
        g_string_append_printf(text, ":%s=%" PRIu32, cache_numbers[i].key,
                               get_number(info, &cache_numbers[i]));
    }
    g_string_append_printf(text, ":share=%s",
                           CpuTopologyLevel_str(info->share_level));
    for (i = 0; i < ARRAY_SIZE(cache_flags); i++) {
        if (*(const bool *)((const char *)info + cache_flags[i].offset)) {
            g_string_append_printf(text, ":%s", cache_flags[i].key);
        }
    }
    return g_string_free(text, FALSE);
}

static bool parse_number(CPUCacheInfo *info, const char *key,
                         const char *value, Error **errp)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(cache_numbers); i++) {
        const CacheNumber *number = &cache_numbers[i];
        uint64_t max = MAKE_64BIT_MASK(0, number->size * 8);
        uint64_t n;

        if (strcmp(key, number->key)) {
            continue;
        }
        if (qemu_strtou64(value, NULL, 10, &n) < 0 || !n || n > max) {
            error_setg(errp, "'%s' of '%s' is not a number from 1 to %" PRIu64,
                       value, key, max);
            return false;
        }
        set_number(info, number, n);
        return true;
    }
    error_setg(errp, "unknown key '%s'; there are " CACHE_KEYS, key);
    return false;
}

static bool parse_share_level(CPUCacheInfo *info, const char *value,
                              Error **errp)
{
    int level = qapi_enum_parse(&CpuTopologyLevel_lookup, value, -1, NULL);

    /* cpu.c can encode no others. */
    switch (level) {
    case CPU_TOPOLOGY_LEVEL_CORE:
    case CPU_TOPOLOGY_LEVEL_MODULE:
    case CPU_TOPOLOGY_LEVEL_DIE:
    case CPU_TOPOLOGY_LEVEL_SOCKET:
        info->share_level = level;
        return true;
    default:
        error_setg(errp, "'%s' of 'share' is not core, module, die or socket",
                   value);
        return false;
    }
}

static bool parse_flag(CPUCacheInfo *info, const char *key, Error **errp)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(cache_flags); i++) {
        if (!strcmp(key, cache_flags[i].key)) {
            *(bool *)((char *)info + cache_flags[i].offset) = true;
            return true;
        }
    }
    error_setg(errp, "unknown key '%s'; there are " CACHE_KEYS, key);
    return false;
}

/* What CPUID cannot say, cpu.c asserts */
static bool check_cache(const CPUCacheInfo *info, const CacheProperty *cp,
                        Error **errp)
{
    uint64_t product = (uint64_t)info->line_size * info->associativity *
                       info->partitions * info->sets;

    if (!info->size || info->size % cp->unit) {
        error_setg(errp, "the size %" PRIu32 " is no multiple of %" PRIu32,
                   info->size, cp->unit);
        return false;
    }
    if (info->share_level == CPU_TOPOLOGY_LEVEL_INVALID) {
        error_setg(errp, "'share' is missing");
        return false;
    }
    if (product != info->size) {
        error_setg(errp, "the size %" PRIu32 " is not line x ways x "
                   "partitions x sets, which is %" PRIu64,
                   info->size, product);
        return false;
    }
    if (info->associativity >= info->sets) {
        error_setg(errp, "%u ways are not fewer than %" PRIu32 " sets",
                   info->associativity, info->sets);
        return false;
    }
    return true;
}

static bool parse_cache(CPUCacheInfo *info, const CacheProperty *cp,
                        const char *text, Error **errp)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 0);
    uint64_t size;
    char **part;

    *info = (CPUCacheInfo) {
        .type = cp->type,
        .level = cp->level,
        .partitions = 1,
        .lines_per_tag = 1,
        .share_level = CPU_TOPOLOGY_LEVEL_INVALID,
    };
    if (qemu_strtosz(parts[0], NULL, &size) < 0 || size > UINT32_MAX) {
        error_setg(errp, "'%s' is not a size in bytes, or with K or M",
                   parts[0]);
        return false;
    }
    info->size = size;
    for (part = parts + 1; *part; part++) {
        char *value = strchr(*part, '=');

        if (value) {
            *value++ = '\0';
        }
        if (!value ? !parse_flag(info, *part, errp) :
            !strcmp(*part, "share") ? !parse_share_level(info, value, errp) :
            !parse_number(info, *part, value, errp)) {
            return false;
        }
    }
    return check_cache(info, cp, errp);
}

static CPUCacheInfo *const *model_cache(const CPUCaches *caches, int i)
{
    CPUCacheInfo *const *const all[X86_CPU_CACHES] = {
        &caches->l1d_cache, &caches->l1i_cache,
        &caches->l2_cache, &caches->l3_cache,
    };

    return all[i];
}

static void get_cache(Object *obj, Visitor *v, const char *name,
                      void *opaque, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);
    const CacheProperty *cp = opaque;
    int i = cp - cache_properties;
    const CPUCaches *caches = NULL;
    g_autofree char *text = NULL;

    if (!cpu->legacy_cache) {
        caches = x86_cpu_access_model_caches(cpu);
    }
    if (cpu->own_caches.is_given[i]) {
        text = format_cache(&cpu->own_caches.given[i]);
    } else if (caches && *model_cache(caches, i)) {
        text = format_cache(*model_cache(caches, i));
    } else {
        text = g_strdup("");
    }
    visit_type_str(v, name, &text, errp);
}

static void set_cache(Object *obj, Visitor *v, const char *name,
                      void *opaque, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);
    const CacheProperty *cp = opaque;
    int i = cp - cache_properties;
    g_autofree char *text = NULL;
    CPUCacheInfo info;

    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
        return;
    }
    if (!visit_type_str(v, name, &text, errp)) {
        return;
    }
    if (!*text) {
        cpu->own_caches.is_given[i] = false;
        return;
    }
    if (!parse_cache(&info, cp, text, errp)) {
        error_prepend(errp, "Invalid %s '%s': ", name, text);
        return;
    }
    cpu->own_caches.given[i] = info;
    cpu->own_caches.is_given[i] = true;
    cpu->legacy_cache = false;
}

bool x86_cpu_check_caches(X86CPU *cpu, Error **errp)
{
    int i, missing = -1;
    bool any = false;

    if (cpu->legacy_cache || x86_cpu_access_model_caches(cpu)) {
        return true;
    }
    for (i = 0; i < X86_CPU_CACHES; i++) {
        if (cpu->own_caches.is_given[i]) {
            any = true;
        } else if (missing < 0) {
            missing = i;
        }
    }
    /* Without any, stock QEMU has an error of its own. */
    if (any && missing >= 0) {
        error_setg(errp, "%s is missing: a CPU model that has no cache "
                   "information of its own needs l1d-cache-info, "
                   "l1i-cache-info, l2-cache-info and l3-cache-info",
                   cache_properties[missing].name);
        return false;
    }
    return true;
}

const CPUCaches *x86_cpu_own_caches(X86CPU *cpu, const CPUCaches *model)
{
    X86CPUOwnCaches *own = &cpu->own_caches;
    int i;

    for (i = 0; i < X86_CPU_CACHES; i++) {
        if (own->is_given[i]) {
            own->used[i] = own->given[i];
        } else if (model) {
            own->used[i] = **model_cache(model, i);
        } else {
            return NULL;
        }
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
            "share=core|module|die|socket, and what of self-init, "
            "no-invd-sharing, inclusive, complex-indexing is true; empty "
            "if the model has none or legacy-cache is on", cp->description);
    }
}
