/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The properties of a CPU, as static expansions have them
 *
 * Source: target-i386-ext/cpu-value.c, which makes them in QEMU.  This writes
 * JSON by itself: jansson has no integers above INT64_MAX.
 */

#include <inttypes.h>
#include <string.h>
#include "models-props.h"

#define LM (1u << 29)           /* CPUID[0x80000001].EDX */

/* Whether it is one that QEMU has dropped: it is only there for old machines */
static bool is_retired(const X86CpuTables *tables, X86CpuPropertyId id)
{
    return tables->version >= X86CPU_LINE_11_1 &&
           (id == X86CPU_FULL_CPUID_AUTO_LEVEL ||
            id == X86CPU_X_INTEL_PT_AUTO_LEVEL ||
            id == X86CPU_X_HV_SYNIC_KVM_ONLY);
}

bool models_props_describe(const ModelsFile *file, const X86Cpu *cpu,
                           X86CpuPropertyId id)
{
    const X86CpuTables *tables = models_file_tables(file);
    uint64_t value = cpu->values[id];

    if (models_file_type(file, id) == MODELS_FILE_NO_TYPE) {
        return false;
    }
    switch (id) {
    case X86CPU_LEVEL:
    case X86CPU_XLEVEL:
    case X86CPU_XLEVEL2:
        return value != X86CPU_AUTOMATIC_LEVEL;
    case X86CPU_PHYS_BITS:
        return value || (cpu->words[X86CPU_FEAT_8000_0001_EDX] & LM);
    case X86CPU_TSC_FREQUENCY:
        return value;
    default:
        return !is_retired(tables, id) || value != tables->properties[id].value;
    }
}

const char *models_props_on_off(uint64_t number)
{
    return number == 2 ? "auto" : number ? "on" : "off";
}

/* The texts of X86Cpu, which come last */
static const char *const text_names[] = {
    "vendor", "model-id", "hv-vendor-id",
};

enum { TEXTS = sizeof(text_names) / sizeof(text_names[0]) };

size_t models_props_count(const ModelsFile *file)
{
    return models_file_tables(file)->nfeatures + X86CPU_PROPERTY_COUNT +
           X86CPU_CACHES + TEXTS;
}

const char *models_props_name(const ModelsFile *file, size_t number)
{
    const X86CpuTables *tables = models_file_tables(file);

    if (number < tables->nfeatures) {
        return tables->features[number].name;
    }
    number -= tables->nfeatures;
    if (number < X86CPU_PROPERTY_COUNT) {
        return models_file_type(file, number) == MODELS_FILE_NO_TYPE
               ? NULL : x86cpu_property_names[number];
    }
    number -= X86CPU_PROPERTY_COUNT;
    return number < X86CPU_CACHES ? models_file_cache_names[number]
                                  : text_names[number - X86CPU_CACHES];
}

static bool get_feature(const X86CpuFeature *feature, const X86Cpu *cpu,
                        ModelsProp *prop)
{
    prop->type = MODELS_FILE_BOOL;
    prop->number = (cpu->words[feature->word] & feature->mask) == feature->mask;
    return true;
}

static bool get_property(const ModelsFile *file, const X86Cpu *cpu,
                         X86CpuPropertyId id, ModelsProp *prop)
{
    prop->type = models_file_type(file, id);
    prop->number = cpu->values[id];
    prop->is_signed = id == X86CPU_X_HV_MAX_VPS;
    return models_props_describe(file, cpu, id);
}

static bool get_cache(const X86Cpu *cpu, size_t number, ModelsProp *prop,
                      char text[X86CPU_CACHE_TEXT])
{
    /* As QEMU's property: a cache that is not there has no text. */
    *text = '\0';
    if (cpu->caches[number].size) {
        x86cpu_cache_format(&cpu->caches[number], text);
    }
    prop->type = MODELS_FILE_TEXT;
    prop->text = text;
    return !cpu->values[X86CPU_LEGACY_CACHE];
}

bool models_props_get(const ModelsFile *file, const X86Cpu *described,
                      size_t number, ModelsProp *prop,
                      char text[X86CPU_CACHE_TEXT])
{
    const X86CpuTables *tables = models_file_tables(file);
    const char *const texts[TEXTS] = {
        described->vendor, described->model_id, described->hv_vendor_id,
    };

    *prop = (ModelsProp) { .name = models_props_name(file, number) };
    if (number < tables->nfeatures) {
        return get_feature(&tables->features[number], described, prop);
    }
    number -= tables->nfeatures;
    if (number < X86CPU_PROPERTY_COUNT) {
        return get_property(file, described, number, prop);
    }
    number -= X86CPU_PROPERTY_COUNT;
    if (number < X86CPU_CACHES) {
        return get_cache(described, number, prop, text);
    }
    prop->type = MODELS_FILE_TEXT;
    prop->text = texts[number - X86CPU_CACHES];
    return true;
}

/* ---- JSON ---- */

void models_props_print_text(const char *text, FILE *out)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            fprintf(out, "\\%c", *text);
        } else if ((unsigned char)*text < ' ') {
            fprintf(out, "\\u%04x", (unsigned)*text);
        } else {
            putc(*text, out);
        }
    }
    putc('"', out);
}

static void print_prop(const ModelsProp *prop, FILE *out)
{
    models_props_print_text(prop->name, out);
    fputs(": ", out);
    switch (prop->type) {
    case MODELS_FILE_BOOL:
        fputs(prop->number ? "true" : "false", out);
        break;
    case MODELS_FILE_ON_OFF:
        models_props_print_text(models_props_on_off(prop->number), out);
        break;
    case MODELS_FILE_INT:
        if (prop->is_signed) {
            fprintf(out, "%" PRId64, (int64_t)prop->number);
        } else {
            fprintf(out, "%" PRIu64, prop->number);
        }
        break;
    default:
        models_props_print_text(prop->text, out);
        break;
    }
}

void models_props_print(const ModelsFile *file, const X86Cpu *described,
                        FILE *out)
{
    size_t count = models_props_count(file), i;
    const char *separator = "";
    char text[X86CPU_CACHE_TEXT];
    ModelsProp prop;

    putc('{', out);
    for (i = 0; i < count; i++) {
        if (models_props_get(file, described, i, &prop, text)) {
            fputs(separator, out);
            separator = ", ";
            print_prop(&prop, out);
        }
    }
    putc('}', out);
}

void models_props_finish(const ModelsFile *file, X86Cpu *cpu)
{
    const X86CpuTables *tables = models_file_tables(file);
    X86Cpu all = { 0 };
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *f = &tables->features[i];

        if ((cpu->words[f->word] & f->mask) == f->mask) {
            all.words[f->word] |= f->mask;
        }
    }
    memcpy(cpu->words, all.words, sizeof(cpu->words));
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        cpu->given[i] = models_props_describe(file, cpu, i);
        if (!cpu->given[i]) {
            cpu->values[i] = tables->properties[i].value;
        }
    }
    if (cpu->values[X86CPU_LEGACY_CACHE]) {
        memset(cpu->caches, 0, sizeof(cpu->caches));
    }
}
