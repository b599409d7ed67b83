/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The properties of a CPU, as static expansions have them
 *
 * Source: target-i386-ext/cpu-value.c, which makes them in QEMU.  This writes
 * JSON by itself: jansson has no integers above INT64_MAX.
 */

#include <inttypes.h>
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

static bool is_described(const ModelsFile *file, const X86Cpu *cpu,
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

void models_props_each(const ModelsFile *file, const X86Cpu *described,
                       void (*put)(const ModelsProp *prop, void *opaque),
                       void *opaque)
{
    const X86CpuTables *tables = models_file_tables(file);
    const ModelsProp texts[] = {
        { "vendor", MODELS_FILE_TEXT, 0, false, described->vendor },
        { "model-id", MODELS_FILE_TEXT, 0, false, described->model_id },
        { "hv-vendor-id", MODELS_FILE_TEXT, 0, false,
          described->hv_vendor_id },
    };
    char text[X86CPU_CACHE_TEXT];
    ModelsProp prop;
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];
        uint64_t bits = described->words[feature->word] & feature->mask;

        prop = (ModelsProp) {
            .name = feature->name, .type = MODELS_FILE_BOOL,
            .number = bits == feature->mask,
        };
        put(&prop, opaque);
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (is_described(file, described, i)) {
            prop = (ModelsProp) {
                .name = x86cpu_property_names[i],
                .type = models_file_type(file, i),
                .number = described->values[i],
                .is_signed = i == X86CPU_X_HV_MAX_VPS,
            };
            put(&prop, opaque);
        }
    }
    for (i = 0; i < X86CPU_CACHES && !described->values[X86CPU_LEGACY_CACHE];
         i++) {
        /* As QEMU's property: a cache that is not there has no text. */
        *text = '\0';
        if (described->caches[i].size) {
            x86cpu_cache_format(&described->caches[i], text);
        }
        prop = (ModelsProp) {
            .name = models_file_cache_names[i], .type = MODELS_FILE_TEXT,
            .text = text,
        };
        put(&prop, opaque);
    }
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put(&texts[i], opaque);
    }
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

typedef struct Printer {
    FILE *out;
    /* What comes before the next property */
    const char *separator;
} Printer;

static void print_prop(const ModelsProp *prop, void *opaque)
{
    Printer *printer = opaque;
    FILE *out = printer->out;

    fputs(printer->separator, out);
    printer->separator = ", ";
    models_props_print_text(prop->name, out);
    fputs(": ", out);
    switch (prop->type) {
    case MODELS_FILE_BOOL:
        fputs(prop->number ? "true" : "false", out);
        break;
    case MODELS_FILE_ON_OFF:
        models_props_print_text(prop->number ? "on" : "off", out);
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
    Printer printer = { out, "" };

    putc('{', out);
    models_props_each(file, described, print_prop, &printer);
    putc('}', out);
}
