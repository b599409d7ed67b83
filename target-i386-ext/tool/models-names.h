/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers by name
 *
 * Answers, for the reader of files of CPU models: which model, feature, word,
 * property or layer has this name?
 */

#ifndef X86CPU_MODELS_NAMES_H
#define X86CPU_MODELS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ModelsName {
    const char *name;
    int number;
} ModelsName;

/* All zeros is an empty one. */
typedef struct ModelsNames {
    /* In the order in which they were added */
    ModelsName *items;
    size_t count;
    /* Places of items, plus 1, by hash: a power of 2, and twice the room */
    uint32_t *places;
    size_t nplaces;
} ModelsNames;

/* The number that @name has; -1 if it is not there */
int models_names_find(const ModelsNames *names, const char *name);

typedef enum ModelsNamesAdded {
    MODELS_NAMES_ADDED, MODELS_NAMES_THERE_ALREADY, MODELS_NAMES_NO_MEMORY,
} ModelsNamesAdded;

/* Adds @name, which has to stay where it is. */
ModelsNamesAdded models_names_add(ModelsNames *names, const char *name,
                                  int number);

void models_names_free(ModelsNames *names);

#endif /* X86CPU_MODELS_NAMES_H */
