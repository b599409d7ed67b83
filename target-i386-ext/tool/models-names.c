/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers by name
 */

#include <stdlib.h>
#include <string.h>
#include "models-names.h"

enum { FIRST_PLACES = 512 };

static uint64_t mix(uint64_t hash, uint64_t bytes, uint64_t seed)
{
    /* The swap brings bits that a product leaves alone to where it does not. */
    return __builtin_bswap64((hash ^ bytes) * 0x9e3779b97f4a7c15) * (seed | 1);
}

/*
 * Where the table is differs from process to process, so that nobody can write
 * a file whose names are all in the same place.
 */
static size_t place_of(const ModelsNames *names, const char *name)
{
    uint64_t seed = (uintptr_t)names->places, hash = seed, bytes;
    size_t length = strlen(name);

    for (; length >= sizeof(bytes); name += sizeof(bytes)) {
        memcpy(&bytes, name, sizeof(bytes));
        hash = mix(hash, bytes, seed);
        length -= sizeof(bytes);
    }
    bytes = length;
    while (length) {
        bytes = bytes << 8 | (unsigned char)name[--length];
    }
    return mix(hash, bytes, seed) >> 32 & (names->nplaces - 1);
}

/* The place of @name, or that where it would be */
static size_t find_place(const ModelsNames *names, const char *name)
{
    size_t place = place_of(names, name);

    while (names->places[place] &&
           strcmp(names->items[names->places[place] - 1].name, name)) {
        place = (place + 1) & (names->nplaces - 1);
    }
    return place;
}

int models_names_find(const ModelsNames *names, const char *name)
{
    uint32_t item = names->count ? names->places[find_place(names, name)] : 0;

    return item ? names->items[item - 1].number : -1;
}

/* Makes room for twice as many. */
static bool grow(ModelsNames *names)
{
    ModelsNames larger = {
        .count = names->count,
        .nplaces = names->nplaces ? 2 * names->nplaces : FIRST_PLACES,
    };
    size_t i;

    larger.places = calloc(larger.nplaces, sizeof(larger.places[0]));
    larger.items = malloc(larger.nplaces / 2 * sizeof(larger.items[0]));
    if (!larger.places || !larger.items) {
        models_names_free(&larger);
        return false;
    }
    for (i = 0; i < names->count; i++) {
        larger.items[i] = names->items[i];
        larger.places[find_place(&larger, larger.items[i].name)] = i + 1;
    }
    models_names_free(names);
    *names = larger;
    return true;
}

ModelsNamesAdded models_names_add(ModelsNames *names, const char *name,
                                  int number)
{
    size_t place;

    if (names->count == names->nplaces / 2 && !grow(names)) {
        return MODELS_NAMES_NO_MEMORY;
    }
    place = find_place(names, name);
    if (names->places[place]) {
        return MODELS_NAMES_THERE_ALREADY;
    }
    names->items[names->count] = (ModelsName) { name, number };
    names->places[place] = ++names->count;
    return MODELS_NAMES_ADDED;
}

void models_names_free(ModelsNames *names)
{
    free(names->items);
    free(names->places);
    *names = (ModelsNames) { .items = NULL };
}
