/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The names of features of a live QEMU
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cpu-items.h"
#include "live-features.h"
#include "live-reply.h"

/* What feature_names_place() makes of the word of @feature; "" if that fails */
static json_t *word_of(const json_t *feature)
{
    json_t *place = json_array_get(json_object_get(feature, "places"), 0);
    json_int_t leaf, subleaf, index;
    const char *name;
    char word[64] = "", reg[4] = "";

    if (!json_unpack(place, "{s:{s:I}}", "msr", "index", &index)) {
        snprintf(word, sizeof(word), "msr-%02xh-", (unsigned)index);
    } else if (!json_unpack(place, "{s:{s:I, s:I, s:s}}", "cpuid", "leaf",
                            &leaf, "subleaf", &subleaf, "register", &name) &&
               strlen(name) == 3) {
        size_t i;

        for (i = 0; i < 3; i++) {
            reg[i] = name[i] | 0x20;
        }
        if (subleaf) {
            snprintf(word, sizeof(word), "cpuid-%02xh-%x-%s-",
                     (unsigned)leaf, (unsigned)subleaf, reg);
        } else {
            snprintf(word, sizeof(word), "cpuid-%02xh-%s-", (unsigned)leaf,
                     reg);
        }
    }
    return json_string(word);
}

/* The features in EDX of leaf 1, by the names that their bits would have */
static json_t *find_leaf_1_edx(const json_t *features)
{
    json_t *found = json_object(), *feature;
    json_int_t bit;
    char text[16];
    size_t i;

    json_array_foreach((json_t *)features, i, feature) {
        json_t *word = word_of(feature);
        json_t *place = json_array_get(json_object_get(feature, "places"), 0);

        if (!strcmp(json_string_value(word), "cpuid-01h-edx-") &&
            !json_unpack(place, "{s:{s:I}}", "cpuid", "bit", &bit)) {
            snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, bit);
            json_object_set(found, text, json_object_get(feature, "name"));
        }
        json_decref(word);
    }
    return found;
}

static void add_other(const json_t *names, json_t *others, bool dashed,
                      const char *other, const char *feature)
{
    char *key = strdup(other);
    json_t *found;

    if (key && dashed) {
        cpu_items_dash(key);
    }
    if (key && !json_object_get(names, key)) {
        found = json_object_get(others, key);
        if (!found) {
            found = json_pack("[s]", other);
            json_object_set_new(others, key, found);
        }
        json_array_append_new(found, json_string(feature));
    }
    free(key);
}

/*
 * QEMU's own names go before libvirt's, these before Linux's.  @dashed: as
 * cpu_items_each() has names before a value
 */
static json_t *find_others(const json_t *list, const json_t *names,
                           bool dashed)
{
    json_t *others = json_object(), *flags = json_object(), *feature, *flag;
    size_t i, j;

    json_array_foreach((json_t *)list, i, feature) {
        const char *name = json_string_value(json_object_get(feature, "name"));
        const char *libvirt = json_string_value(json_object_get(feature,
                                                                "libvirt"));

        if (libvirt) {
            add_other(names, others, dashed, libvirt, name);
        }
        json_array_foreach(json_object_get(feature, "cpuinfo"), j, flag) {
            if (json_is_string(flag)) {
                add_other(names, flags, dashed, json_string_value(flag), name);
            }
        }
    }
    json_object_update_missing(others, flags);
    json_decref(flags);
    return others;
}

bool live_get_features(Live *l)
{
    static const char command[] = "query-cpu-features";
    static const char *const texts[] = { "name", NULL };
    static const char *const lists[] = { "aliases", NULL };
    json_t *list, *feature, *features, *names, *words, *alias;
    size_t i, j;

    if (l->session->features) {
        return true;
    }
    list = live_ask(l, command, NULL);
    if (!list) {
        return false;
    }
    features = json_array();
    names = json_object();
    words = json_array();
    json_array_foreach(list, i, feature) {
        json_t *name = json_object_get(feature, "name");

        if (!live_has_texts(feature, texts) ||
            !live_has_lists(feature, lists)) {
            json_array_clear(features);
            break;
        }
        json_array_append(features, name);
        json_array_append_new(words, word_of(feature));
        json_object_set(names, json_string_value(name), name);
        json_array_foreach(json_object_get(feature, "aliases"), j, alias) {
            json_object_set(names, json_string_value(alias), name);
        }
    }
    if (!json_array_size(features)) {
        json_decref(features);
        json_decref(names);
        json_decref(words);
        return live_not_understood(l, command, list);
    }
    l->session->leaf_1_edx = find_leaf_1_edx(list);
    l->session->others = find_others(list, names, false);
    l->session->dashed_others = find_others(list, names, true);
    json_decref(list);
    l->session->features = features;
    l->session->names = names;
    l->session->words = words;
    return true;
}

/* Moves the bits of @word without a name from @names to @list. */
static void move_places(const char *word, json_t *names, json_t *list)
{
    char name[80];
    unsigned bit;

    for (bit = 0; *word && bit < 64; bit++) {
        snprintf(name, sizeof(name), "%s%u", word, bit);
        if (json_object_get(names, name)) {
            json_object_del(names, name);
            json_array_append_new(list, json_string(name));
        }
    }
}

json_t *live_in_order(const Live *l, const json_t *names)
{
    json_t *list = json_array(), *left = json_copy((json_t *)names);
    const json_t *words = l->session->words;
    json_t *feature, *value;
    const char *name;
    size_t i;

    json_array_foreach(l->session->features, i, feature) {
        const char *word = json_string_value(json_array_get(words, i));
        const char *next = json_string_value(json_array_get(words, i + 1));

        if (!json_object_del(left, json_string_value(feature))) {
            json_array_append(list, feature);
        }
        if (!next || strcmp(word, next)) {
            move_places(word, left, list);
        }
    }
    json_object_foreach(left, name, value) {
        json_array_append_new(list, json_string(name));
    }
    json_decref(left);
    return list;
}
