/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU as -cpu takes it
 *
 * Source: the setters of properties in cpu.c, with docs/stable-cpus.rst for
 * what is different in this QEMU: compat-anchor.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cpu-items.h"
#include "cpu-text.h"
#include "cpuinfo-names.h"
#include "feature-names.h"
#include "models-props.h"
#include "suggestion.h"
#include "../start-errors.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

typedef struct Parser {
    const CpuContext *context;
    const X86CpuTables *tables;
    CpuRequest *request;
    /* The name of the model */
    const char *model;
    /* The one that gives what is not set: the anchor, if there is one */
    size_t layer;
    bool has_anchor;
    /* The user set them, and not to an empty text. */
    bool has_cache[X86CPU_CACHES];
    /* Whether there is half a character at the end of a text */
    bool cuts_model_id, cuts_hv_vendor_id;
    /* The item that is being set */
    CpuItemKind kind;
    /* If only libvirt or Linux have its name, QEMU's; or NULL */
    const char *elsewhere;
    char *error;
} Parser;

/* Always false */
__attribute__((format(printf, 2, 3)))
static bool fail(Parser *p, const char *format, ...)
{
    va_list ap;
    char *c;

    va_start(ap, format);
    vsnprintf(p->error, CPU_TEXT_ERROR, format, ap);
    va_end(ap);
    for (c = p->error; *c; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
    return false;
}

/* ---- values ---- */

static bool get_bool(Parser *p, const char *name, const char *text, bool *on)
{
    return cpu_items_bool(text, on) || fail(p, CPU_TEXT_NOT_BOOL, name, text);
}

/* The largest values that QEMU's setters take; others are 32-bit numbers. */
static const struct {
    X86CpuPropertyId id;
    uint64_t max;
} ranges[] = {
    { X86CPU_AVX10_VERSION, UINT8_MAX },
    { X86CPU_FAMILY, 0xff + 0xf },
    { X86CPU_HOST_PHYS_BITS_LIMIT, UINT8_MAX },
    { X86CPU_HV_VERSION_ID_MAJOR, UINT16_MAX },
    { X86CPU_HV_VERSION_ID_MINOR, UINT16_MAX },
    { X86CPU_HV_VERSION_ID_SBRANCH, UINT8_MAX },
    { X86CPU_LBR_FMT, 0x3f },
    { X86CPU_MODEL, UINT8_MAX },
    { X86CPU_STEPPING, 0xf },
    { X86CPU_TSC_FREQUENCY, INT64_MAX },
    { X86CPU_UCODE_REV, UINT64_MAX },
};

static uint64_t max_of(X86CpuPropertyId id)
{
    size_t i;

    for (i = 0; i < ARRAY_LENGTH(ranges); i++) {
        if (ranges[i].id == id) {
            return ranges[i].max;
        }
    }
    return UINT32_MAX;
}

static bool get_int32(Parser *p, const char *name, const char *text,
                      int64_t *number)
{
    return (cpu_items_signed(text, number) && *number >= INT32_MIN &&
            *number <= INT32_MAX) ||
           fail(p, "'%s' must be a number from %" PRId32 " to %" PRId32
                ", not '%.64s'", name, INT32_MIN, INT32_MAX, text);
}

static bool get_number(Parser *p, X86CpuPropertyId id, const char *text,
                       uint64_t *number)
{
    if (id == X86CPU_X_HV_MAX_VPS) {
        int64_t value;

        if (!get_int32(p, x86cpu_property_names[id], text, &value)) {
            return false;
        }
        *number = value;
        return true;
    }
    return (cpu_items_number(text, number) && *number <= max_of(id)) ||
           fail(p, "'%s' must be a number from 0 to %" PRIu64
                ", not '%.64s'", x86cpu_property_names[id], max_of(id), text);
}

/* ---- properties ---- */

static void set_bits(Parser *p, unsigned word, uint64_t mask, bool on)
{
    CpuRequest *request = p->request;

    if (on) {
        request->cpu.words[word] |= mask;
    } else {
        request->cpu.words[word] &= ~mask;
    }
    request->by_user[word] |= mask;
    request->by_avx10_version[word] &= ~mask;
}

/*
 * From 11.1 on, a version brings its features (builtin_avx10_defs in cpu.c;
 * Intel AVX10 Architecture Specification).  With an anchor, it is a number.
 */
static bool set_avx10_version(Parser *p, uint64_t version)
{
    static const struct {
        X86CpuWordId word;
        uint64_t mask;
        unsigned version;
    } features[] = {
        { X86CPU_FEAT_7_1_EDX, 1 << 19, 1 },    /* avx10 */
        { X86CPU_FEAT_24_0_EBX, 7 << 16, 1 },   /* 128, 256 and 512 bits */
        { X86CPU_FEAT_24_1_ECX, 1 << 2, 2 },    /* avx10-vnni-int */
    };
    CpuRequest *request = p->request;
    size_t i;

    if (p->tables->version < X86CPU_LINE_11_1 || p->has_anchor) {
        return true;
    }
    if (version > 2) {
        return fail(p, "'avx10-version' is %" PRIu64 ", but can be at most 2",
                    version);
    }
    for (i = 0; i < ARRAY_LENGTH(features); i++) {
        unsigned word = features[i].word;
        uint64_t added = features[i].mask & ~request->cpu.words[word];

        if (features[i].version <= version) {
            request->cpu.words[word] |= added;
            request->by_avx10_version[word] |= added;
        }
    }
    return true;
}

/* @name is what the user calls it */
static bool set_property(Parser *p, X86CpuPropertyId id, const char *name,
                         const char *text)
{
    ModelsFileType type = models_file_type(p->context->file, id);
    CpuRequest *request = p->request;
    X86Cpu *cpu = &request->cpu;
    uint64_t number = 0;
    bool on;

    if (type == MODELS_FILE_INT) {
        if (!get_number(p, id, text, &number)) {
            return false;
        }
        if (id == X86CPU_AVX10_VERSION && !set_avx10_version(p, number)) {
            return false;
        }
        if (id == X86CPU_TSC_FREQUENCY) {
            /* QEMU keeps kHz. */
            number = number / 1000 * 1000;
        }
    } else if (type == MODELS_FILE_ON_OFF) {
        /* Not a boolean in QEMU: it has no other names for on and off. */
        if (strcmp(text, "auto") && strcmp(text, "on") &&
            strcmp(text, "off")) {
            return fail(p, "'%s' is '%.64s', which is not on, off or auto",
                        x86cpu_property_names[id], text);
        }
        number = !strcmp(text, "auto") ? CPU_TEXT_AUTO : !strcmp(text, "on");
    } else {
        if (!get_bool(p, name, text, &on)) {
            return false;
        }
        number = on;
    }
    cpu->values[id] = number;
    cpu->given[id] = true;
    request->properties_by_user[id] = true;
    return true;
}

/*
 * As much of @text as there is room for: QEMU cuts the rest off.  Returns
 * whether that is within a character of UTF-8.
 */
static bool copy_text(const char *text, char *to, size_t size)
{
    size_t length = strnlen(text, size - 1);

    memset(to, 0, size);
    memcpy(to, text, length);
    return (text[length] & 0xc0) == 0x80;
}

/* Neither JSON nor -cpu can carry half a character; another text may follow. */
static bool check_texts(Parser *p)
{
    const X86Cpu *cpu = &p->request->cpu;

    if (p->cuts_model_id) {
        return fail(p, X86_ERROR_CUT_TEXT, "model-id",
                    sizeof(cpu->model_id) - 1);
    }
    return !p->cuts_hv_vendor_id ||
           fail(p, X86_ERROR_CUT_TEXT, "hv-vendor-id",
                sizeof(cpu->hv_vendor_id) - 1);
}

static bool set_text(Parser *p, const char *name, const char *text)
{
    X86Cpu *cpu = &p->request->cpu;

    if (!strcmp(name, "vendor")) {
        bool is_empty = !*text && p->request->model == 0 &&
                        !p->request->is_host;

        if (strlen(text) != 12 && !is_empty) {
            return fail(p, "'vendor' is '%.64s', but a vendor has exactly 12 "
                        "characters", text);
        }
        strcpy(cpu->vendor, text);
        p->request->vendor_by_user = true;
        return true;
    }
    if (!strcmp(name, "model-id")) {
        p->cuts_model_id = copy_text(text, cpu->model_id,
                                     sizeof(cpu->model_id));
    } else {
        p->cuts_hv_vendor_id = copy_text(text, cpu->hv_vendor_id,
                                         sizeof(cpu->hv_vendor_id));
    }
    return true;
}

static bool set_cache(Parser *p, int which, const char *text)
{
    X86Cpu *cpu = &p->request->cpu;
    X86CpuCacheCheck check = p->tables->version >= X86CPU_LINE_11_1
                             ? X86CPU_CACHE_CHECK_SHOWN
                             : X86CPU_CACHE_CHECK_ALL;
    char error[X86CPU_CACHE_ERROR];

    p->has_cache[which] = *text;
    if (!*text) {
        cpu->caches[which] = p->request->default_cpu.caches[which];
    } else if (!x86cpu_cache_parse(&cpu->caches[which], which, text,
                                   check, error)) {
        return fail(p, "'%s': %s", models_file_cache_names[which], error);
    }
    return true;
}

/* Caches of its own turn legacy-cache off, whatever is set first. */
static void finish_caches(Parser *p)
{
    int i;

    for (i = 0; i < X86CPU_CACHES; i++) {
        if (p->has_cache[i]) {
            p->request->cpu.values[X86CPU_LEGACY_CACHE] = false;
        }
    }
}

/* Those that no description has.  The last two are of models host and max. */
static bool *option_of(CpuRequest *request, const char *name)
{
    return !strcmp(name, "check") ? &request->check :
           !strcmp(name, "enforce") ? &request->enforce :
           !strcmp(name, "x-force-features") ? &request->cpu.forced :
           !strcmp(name, "start-powered-off") ? &request->powered_off :
           !request->is_host ? NULL :
           !strcmp(name, "migratable") ? &request->migratable :
           !strcmp(name, "host-cache-info") ? &request->host_cache_info : NULL;
}

static int find_name(const char *const *names, int count, const char *name)
{
    int i;

    for (i = 0; i < count; i++) {
        if (!strcmp(names[i], name)) {
            return i;
        }
    }
    return -1;
}

static const char *const texts[] = { "vendor", "model-id", "hv-vendor-id" };

/* Where a CPU sits, which is not part of what it is */
static const char *const ids[] = {
    "node-id", "socket-id", "die-id", "module-id", "core-id", "thread-id",
};

bool cpu_text_is_signed(const char *name)
{
    return find_name(ids, ARRAY_LENGTH(ids), name) >= 0 ||
           !strcmp(name, x86cpu_property_names[X86CPU_X_HV_MAX_VPS]);
}

static bool check_apic_id(Parser *p, const char *text)
{
    uint64_t number;

    return (cpu_items_number(text, &number) && number <= UINT32_MAX) ||
           fail(p, "'apic-id' must be a number from 0 to %" PRIu32
                ", not '%.64s'", UINT32_MAX, text);
}

static bool check_report(Parser *p, const char *text)
{
    return !strcmp(text, "json") || !strcmp(text, "text") ||
           fail(p, "'enforce-report' is '%.64s', which is neither json nor "
                "text", text);
}

/* In names before a value, "-" was "_" or "-": see cpu_items_each(). */
static bool is_called(const Parser *p, const char *other, const char *name)
{
    bool dashed = p->kind == CPU_ITEM_SET;

    while (*other && (*other == *name ||
                      (dashed && *other == '_' && *name == '-'))) {
        other++;
        name++;
    }
    return !*other && !*name;
}

static bool fail_name(Parser *p, const char *name)
{
    const char *version = models_file_version(p->context->file);
    Suggestion suggestion = { .name = name };
    char near[X86_CPU_NEAR_NAMES_SIZE];
    const char *known, *feature;
    int i;

    for (i = 0; (known = cpuinfo_names_any(i, &feature)); i++) {
        if (is_called(p, known, name)) {
            return !strcmp(known, feature)
                   ? fail(p, "QEMU %s has no CPU feature '%.64s'", version,
                          feature)
                   : fail(p, "'%.64s' is %.64s, which QEMU %s does not have",
                          known, feature, version);
        }
    }
    models_file_each_feature(p->context->file, suggestion_add,
                             &suggestion);
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (models_file_type(p->context->file, i) != MODELS_FILE_NO_TYPE) {
            suggestion_add(x86cpu_property_names[i], &suggestion);
        }
    }
    suggestion_add("hv-apicv", &suggestion);
    suggestion_add_others(&suggestion, p->context->file, true);
    x86_cpu_near_names_print(&suggestion.near, near);
    return fail(p, "QEMU %s has no CPU feature or property '%.64s'%s",
                version, name, near);
}

/* The features that have a name elsewhere */
typedef struct Found {
    const char *name;
    const X86CpuFeature *feature;
    const char *features[8];
    size_t count;
} Found;

static void add_found(const X86CpuFeature *feature, const char *name,
                      Found *found)
{
    if (found->count < ARRAY_LENGTH(found->features)) {
        found->name = name;
        found->feature = feature;
        found->features[found->count++] = feature->name;
    }
}

/* Those that libvirt calls @name, or else those that Linux does */
static void find_elsewhere(const Parser *p, const char *name, Found *found)
{
    const ModelsFile *file = p->context->file;
    const char *flag, *feature, *other;
    size_t i;

    found->count = 0;
    for (i = 0; i < p->tables->nfeatures; i++) {
        other = models_file_libvirt_name(file, i);
        if (other && is_called(p, other, name)) {
            add_found(&p->tables->features[i], other, found);
        }
    }
    if (found->count) {
        return;
    }
    for (i = 0; (flag = cpuinfo_names_flag(i, &feature)); i++) {
        int number = is_called(p, flag, name)
                     ? models_file_find_feature(file, feature) : -1;

        if (number >= 0) {
            add_found(&p->tables->features[number], flag, found);
        }
    }
}

/*
 * Names that QEMU itself does not have, but libvirt or /proc/cpuinfo.  Requests
 * of --batch have them, too: "notes" of the answer tells these from what QEMU
 * takes.
 */
static bool set_elsewhere(Parser *p, const char *name, const char *text)
{
    char error[CPU_TEXT_ERROR];
    Found found;
    bool on;

    find_elsewhere(p, name, &found);
    if (!found.count) {
        return fail_name(p, name);
    }
    if (found.count > 1) {
        feature_names_several(found.name, found.features, found.count, error,
                              sizeof(error));
        return fail(p, "%s", error);
    }
    if (!get_bool(p, found.name, text, &on)) {
        return false;
    }
    feature_names_note(p->context->notes, found.name, found.feature->name);
    p->elsewhere = found.feature->name;
    set_bits(p, found.feature->word, found.feature->mask, on);
    return true;
}

/* What devices have besides, which is QEMU's to set; the last that QEMU has */
static bool check_device_property(Parser *p, const char *name,
                                  const char *text)
{
    static const char *const read_only[] = {
        "added-features", "crash-information", "feature-words",
        "filtered-features", "hotpluggable", "hotplugged", "removed-features",
        "type", "unavailable-features",
    };
    bool on;

    if (!strcmp(name, "realized")) {
        return get_bool(p, name, text, &on) &&
               (!on || fail(p, "'realized' can only be off: QEMU itself "
                            "realizes CPUs"));
    }
    if (!strcmp(name, "memory")) {
        return !*text || fail(p, "'memory' is '%.64s', which is QEMU's to "
                              "set: leave it out", text);
    }
    if (find_name(read_only, ARRAY_LENGTH(read_only), name) >= 0 ||
        (!strcmp(name, "legacy-memory") &&
         p->tables->version < X86CPU_LINE_11_1)) {
        return fail(p, "'%s' of CPUs can only be read: leave it out", name);
    }
    return set_elsewhere(p, name, text);
}

static bool set(Parser *p, const char *name, const char *text)
{
    const ModelsFile *file = p->context->file;
    bool *option = option_of(p->request, name);
    bool is_f = !strncmp(name, "f-", 2);
    int i;

    if (option) {
        return get_bool(p, name, text, option);
    }
    i = models_file_find_feature(file, is_f ? name + 2 : name);
    /* Aliases have no f-. */
    if (i >= 0 && (!is_f || !strcmp(p->tables->features[i].name, name + 2))) {
        bool on;

        if (!get_bool(p, name, text, &on)) {
            return false;
        }
        feature_names_note(p->context->notes, is_f ? name + 2 : name,
                           p->tables->features[i].name);
        set_bits(p, p->tables->features[i].word, p->tables->features[i].mask,
                 on);
        return true;
    }
    i = find_name(x86cpu_property_names, X86CPU_PROPERTY_COUNT,
                  strcmp(name, "hv-apicv") ? name : "hv-avic");
    if (i >= 0 && models_file_type(file, i) != MODELS_FILE_NO_TYPE) {
        feature_names_note(p->context->notes, name, x86cpu_property_names[i]);
        return set_property(p, i, name, text);
    }
    i = find_name(texts, ARRAY_LENGTH(texts), name);
    if (i >= 0) {
        return set_text(p, name, text);
    }
    i = find_name(models_file_cache_names, X86CPU_CACHES, name);
    if (i >= 0) {
        return set_cache(p, i, text);
    }
    if (find_name(ids, ARRAY_LENGTH(ids), name) >= 0) {
        int64_t number;

        return get_int32(p, name, text, &number);
    }
    if (!strcmp(name, "apic-id")) {
        return check_apic_id(p, text);
    }
    if (!strcmp(name, "enforce-report")) {
        return check_report(p, text);
    }
    return check_device_property(p, name, text);
}

/* ---- text ---- */

/* "tsc-freq" takes 2.5G. */
static bool set_tsc_freq(Parser *p, const char *text)
{
    char number[32];
    uint64_t hertz;

    if (!cpu_items_frequency(text, &hertz)) {
        return fail(p, "'tsc-freq' must be a frequency such as 2.5G, not "
                    "'%.64s'", text);
    }
    snprintf(number, sizeof(number), "%" PRIu64, hertz);
    return set(p, "tsc-frequency", number);
}

static bool set_item(CpuItemKind kind, const char *name, const char *value,
                     void *opaque)
{
    Parser *p = opaque;

    p->kind = kind;
    p->elsewhere = NULL;
    if (kind == CPU_ITEM_SET && !strcmp(name, "compat-anchor")) {
        /* See use_anchor(). */
        return true;
    }
    if (kind == CPU_ITEM_SET && !strcmp(name, "tsc-freq")) {
        return set_tsc_freq(p, value);
    }
    return set(p, name, value);
}

/*
 * Only base has an anchor: the machine type that gives what is not set.  The
 * last one is that which counts.
 */
static bool use_anchor(CpuItemKind kind, const char *name, const char *value,
                       void *opaque)
{
    Parser *p = opaque;
    int number;

    if (kind != CPU_ITEM_SET || strcmp(name, "compat-anchor") || !*value) {
        return true;
    }
    number = models_file_find_machine(p->context->file, &value);
    if (p->request->model || p->request->is_host) {
        return fail(p, "compat-anchor is for the CPU model base, not for "
                    "%.64s", p->model);
    }
    if (number < 0) {
        return fail(p, "compat-anchor must be a machine type of QEMU %s, not "
                    "'%.64s'", models_file_version(p->context->file), value);
    }
    p->layer = number;
    p->has_anchor = true;
    /* Machine types have far shorter names. */
    snprintf(p->request->anchor, sizeof(p->request->anchor), "%s", value);
    return true;
}

static bool each_item(Parser *p, const char *items, CpuItemSet *set)
{
    bool no_memory;

    return cpu_items_each(items, set, p, &no_memory) ||
           (no_memory ? fail(p, "not enough memory") : false);
}

/* QEMU takes the version from a host only if its CPU has AVX10. */
static void finish_avx10(Parser *p)
{
    CpuRequest *request = p->request;

    if (request->is_host &&
        !request->properties_by_user[X86CPU_AVX10_VERSION] &&
        !(request->cpu.words[X86CPU_FEAT_7_1_EDX] & 1 << 19)) {
        request->cpu.values[X86CPU_AVX10_VERSION] = 0;
    }
}

/*
 * QEMU only looks at the host when all is set: features that are the host's
 * depend on what the user set.
 */
static void finish_host(Parser *p)
{
    const CpuContext *c = p->context;
    CpuRequest *request = p->request;
    uint64_t before[X86CPU_MAX_WORDS], after[X86CPU_MAX_WORDS];
    unsigned i;

    if (!request->is_host) {
        return;
    }
    host_offer_features(c->file, p->layer, c->host_offer,
                        &request->default_cpu, true, before);
    host_offer_features(c->file, p->layer, c->host_offer, &request->cpu,
                        request->migratable, after);
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        request->cpu.words[i] ^= (before[i] ^ after[i]) &
                                 ~request->by_user[i];
    }
}

/* QEMU refuses custom unless all of a static expansion is given. */
static bool check_custom(Parser *p)
{
    const CpuRequest *request = p->request;
    const char *missing = NULL;
    size_t i, count = 0;

    for (i = 0; i < p->tables->nfeatures; i++) {
        const X86CpuFeature *f = &p->tables->features[i];

        if (f->mask & ~request->by_user[f->word]) {
            missing = count++ ? missing : f->name;
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (!request->properties_by_user[i] &&
            models_props_describe(p->context->file, &request->cpu, i) &&
            !p->has_anchor) {
            missing = count++ ? missing : x86cpu_property_names[i];
        }
    }
    if (!request->vendor_by_user) {
        missing = count++ ? missing : "vendor";
    }
    return !count ||
           fail(p, "CPU model custom needs all properties of a static "
                "expansion, and %zu are missing, such as %s", count, missing);
}

/*
 * As pc_compat_2_4[] of hw/i386/pc.c has it.  The file of CPU models does not
 * say it: it has no model host, and newer lines have no such machine types.
 */
static bool passes_caches(const Parser *p)
{
    const char *name = models_file_layer(p->context->file, p->layer);

    return !strcmp(name, "pc-i440fx-2.4") || !strcmp(name, "pc-q35-2.4");
}

static bool find_model(Parser *p, CpuTextProblem *problem)
{
    const ModelsFile *file = p->context->file;
    /* What is complete is the same CPU of base: see check_custom(). */
    const char *name = strcmp(p->model, "custom") ? p->model : "base";
    int number = models_file_find_model(file, name);
    char text[X86_CPU_NEAR_NAMES_SIZE];
    Suggestion suggestion = { .name = name };
    size_t i;

    if (number >= 0) {
        p->request->model = number;
        return true;
    }
    p->request->is_host = !strcmp(name, "host") || !strcmp(name, "max");
    if (p->request->is_host && p->context->host_cpu) {
        return true;
    }
    if (p->request->is_host && p->context->accel == X86CPU_ON_KVM) {
        *problem = CPU_TEXT_NEEDS_HOST;
        return fail(p, "what CPU model %s is, only a host knows: write that "
                    "down with 'x86-cpu expand %s --host FILE', or ask a QEMU "
                    "there, with --qemu", name, name);
    }
    if (!strcmp(name, "host")) {
        return fail(p, "CPU model host needs KVM");
    }
    if (p->request->is_host) {
        *problem = CPU_TEXT_NEEDS_HOST;
        return fail(p, "what CPU model max is without KVM, only QEMU knows: "
                    "ask it, with --qemu");
    }
    for (i = 0; i < models_file_model_count(file); i++) {
        suggestion_add(models_file_model(file, i), &suggestion);
    }
    /* No file has these. */
    suggestion_add("host", &suggestion);
    suggestion_add("max", &suggestion);
    suggestion_add("custom", &suggestion);
    x86_cpu_near_names_print(&suggestion.near, text);
    return fail(p, "QEMU %s has no CPU model '%.64s'%s",
                models_file_version(file), name, text);
}

static bool parse(Parser *p, char *text, CpuTextProblem *problem)
{
    const CpuContext *c = p->context;
    CpuRequest *request = p->request;
    char *items = strchr(text, ',');

    if (items) {
        *items++ = '\0';
    } else {
        items = text + strlen(text);
    }
    p->model = text;
    if (!*text) {
        return fail(p, "the CPU has no model: it is MODEL[,OPTIONS]");
    }
    if (!find_model(p, problem) || !each_item(p, items, use_anchor)) {
        return false;
    }
    if (!models_file_requested(c->file, request->model, p->layer, c->accel,
                               c->irqchip, c->host_vendor, &request->cpu)) {
        return fail(p, "this QEMU was built without %s",
                    c->accel == X86CPU_ON_KVM ? "KVM" : "TCG");
    }
    if (request->is_host) {
        request->cpu = *c->host_cpu;
    }
    request->default_cpu = request->cpu;
    request->check = true;
    request->migratable = true;
    request->host_cache_info = !strcmp(p->model, "host") &&
                               passes_caches(p);
    if (!each_item(p, items, set_item) || !check_texts(p)) {
        return false;
    }
    finish_caches(p);
    finish_host(p);
    finish_avx10(p);
    return strcmp(p->model, "custom") || check_custom(p);
}

bool cpu_text_parse(const CpuContext *context, const char *text,
                    CpuRequest *request, CpuTextProblem *problem, char *error)
{
    Parser p = {
        .context = context,
        .tables = models_file_tables(context->file),
        .request = request,
        .layer = context->layer,
        .error = error,
    };
    char *copy;
    bool ok;

    memset(request, 0, sizeof(*request));
    *problem = CPU_TEXT_BAD;
    if (strnlen(text, CPU_ITEMS_MAX_TEXT + 1) > CPU_ITEMS_MAX_TEXT) {
        return fail(&p, "a CPU of more than %d characters",
                    CPU_ITEMS_MAX_TEXT);
    }
    copy = strdup(text);
    ok = copy ? parse(&p, copy, problem) : fail(&p, "not enough memory");
    free(copy);
    return ok;
}

static const char *find_elsewhere_alone(CpuItemKind kind, const char *name,
                                        void *opaque)
{
    Parser *p = opaque;

    /* Others' names are those of features, which can all be on. */
    set_item(kind, name, "on", p);
    return p->elsewhere;
}

char *cpu_text_for_qemu(const CpuContext *context, const CpuRequest *request,
                        const char *text)
{
    /* Of a copy, what is set doesn't matter. */
    CpuRequest *copy = malloc(sizeof(*copy));
    CpuContext quiet = *context;
    char error[CPU_TEXT_ERROR], *renamed = NULL;
    Parser p = {
        .context = &quiet,
        .tables = models_file_tables(context->file),
        .request = copy,
        .model = "",
        .layer = context->layer,
        .error = error,
    };

    quiet.notes = NULL;
    if (copy) {
        *copy = *request;
        renamed = cpu_items_rename(text, find_elsewhere_alone, &p);
    }
    free(copy);
    return renamed;
}

bool cpu_text_needs_vendor(const CpuContext *context,
                           const CpuRequest *request)
{
    X86Cpu cpu;

    if (context->host_vendor || request->vendor_by_user || request->is_host) {
        return false;
    }
    models_file_requested(context->file, request->model, context->layer,
                          context->accel, context->irqchip, "unknown host",
                          &cpu);
    return !strcmp(cpu.vendor, "unknown host");
}
