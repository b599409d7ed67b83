/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The properties of a CPU, as static expansions have them
 *
 * Answers, for tools that run where no QEMU is: which properties does
 * query-cpu-model-expansion return for this CPU, and with which values?  All
 * but compat-anchor, which only names the patch set.
 */

#ifndef X86CPU_MODELS_PROPS_H
#define X86CPU_MODELS_PROPS_H

#include <stdio.h>
#include "models-file.h"

typedef struct ModelsProp {
    const char *name;
    /* Features are MODELS_FILE_BOOL. */
    ModelsFileType type;
    /* 0 and 1 for off and on, 2 for auto */
    uint64_t number;
    /* Whether @number is an int64_t */
    bool is_signed;
    /* For MODELS_FILE_TEXT; it only lasts as long as the call. */
    const char *text;
} ModelsProp;

/* Whether a static expansion of @cpu, which is described, has property @id */
bool models_props_describe(const ModelsFile *file, const X86Cpu *cpu,
                           X86CpuPropertyId id);

/* The text of a value of MODELS_FILE_ON_OFF */
const char *models_props_on_off(uint64_t number);

/*
 * How many properties descriptions of @file can have: numbered from 0.  The
 * features of its tables come first.
 */
size_t models_props_count(const ModelsFile *file);

/* The name of property @number; NULL if the file lacks it */
const char *models_props_name(const ModelsFile *file, size_t number);

/*
 * Puts property @number of @described in *@prop; @text is for the text of a
 * cache.  False if the description does not have it.
 */
bool models_props_get(const ModelsFile *file, const X86Cpu *described,
                      size_t number, ModelsProp *prop,
                      char text[X86CPU_CACHE_TEXT]);

/*
 * Prints those of @described, which x86cpu_describe() made of a CPU of @file,
 * to @out as a JSON object in one line, without its end.
 */
void models_props_print(const ModelsFile *file, const X86Cpu *described,
                        FILE *out);

/* Prints @text, of UTF-8, to @out as a JSON string. */
void models_props_print_text(const char *text, FILE *out);

/*
 * Makes *@described, which x86cpu_describe() made of a CPU of @file, what its
 * properties say: those that it lacks have their defaults, and features are
 * there with all bits or not at all.
 */
void models_props_finish(const ModelsFile *file, X86Cpu *described);

#endif /* X86CPU_MODELS_PROPS_H */
