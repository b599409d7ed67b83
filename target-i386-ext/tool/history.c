/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What CPU models request, over all machine types
 */

#include <stdlib.h>
#include <string.h>
#include "answer.h"
#include "history.h"
#include "models-props.h"

/* In the place of a value that is the host's */
#define HOST "host"

#define LM (1u << 29)           /* CPUID[0x80000001].EDX */

const char *const history_accelerator_names[HISTORY_ACCELERATORS] = {
    [HISTORY_TCG] = "tcg",
    [HISTORY_KVM_INTEL] = "kvm-intel",
    [HISTORY_KVM_AMD] = "kvm-amd",
};

const char *const history_accelerator_titles[HISTORY_ACCELERATORS] = {
    [HISTORY_TCG] = "TCG",
    [HISTORY_KVM_INTEL] = "KVM on Intel",
    [HISTORY_KVM_AMD] = "KVM on AMD",
};

static const char *const vendors[HISTORY_ACCELERATORS] = {
    [HISTORY_TCG] = NULL,
    [HISTORY_KVM_INTEL] = "GenuineIntel",
    [HISTORY_KVM_AMD] = "AuthenticAMD",
};

/* Kinds of machine types that have versions, in the order of their names */
static const char *const families[] = { "pc-i440fx-", "pc-q35-" };

enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

/* A machine type with a version */
typedef struct Type {
    const char *name;
    unsigned family;
    size_t layer;
} Type;

/* A model in a layer */
typedef struct Cpu {
    X86Cpu described;
    /* Whether these are the host's */
    bool phys_bits, guest_phys_bits;
} Cpu;

struct History {
    const ModelsFile *file;
    char line[32];
    unsigned accelerators;
    /* Those of each family together, the oldest first */
    Type *types;
    size_t ntypes;
    size_t nlayers, nmodels;
    /* By layer: whether it has one of these types */
    bool *has_types;
    /* By model: the first one that is the same CPU on the newest type */
    size_t *same_as;
    /* By layer: the group of values that it is in */
    size_t *groups;
    /* All models in the order of their names */
    size_t *sorted;
};

/* ---- names ---- */

/* How many of up to 9 digits there are at the beginning of @text */
static size_t digits_of(const char *text)
{
    size_t length = strspn(text, "0123456789");

    return length < 9 ? length : 9;
}

int history_compare_names(const char *a, const char *b)
{
    while (*a || *b) {
        size_t i = strcspn(a, "0123456789"), j = strcspn(b, "0123456789");
        int order = memcmp(a, b, i < j ? i : j);
        unsigned long x, y;

        if (order || i != j) {
            return order ? order : i < j ? -1 : 1;
        }
        a += i;
        b += j;
        if (!*a || !*b) {
            return !!*a - !!*b;
        }
        for (x = 0, i = digits_of(a); i; i--) {
            x = x * 10 + (*a++ - '0');
        }
        for (y = 0, j = digits_of(b); j; j--) {
            y = y * 10 + (*b++ - '0');
        }
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return 0;
}

/*
 * The length of EPYC in the name of a version, such as EPYC-v2; 0 if @model is
 * none.  x86-64-v2 is not a version: there is no model x86-64.
 */
static size_t stem_length(const History *h, const char *model)
{
    const char *at = NULL, *next = model;
    size_t length;
    char *stem;
    bool found;

    while ((next = strstr(next, "-v"))) {
        at = next++;
    }
    if (!at || !at[2] || at[2 + digits_of(at + 2)]) {
        return 0;
    }
    length = at - model;
    stem = strndup(model, length);
    found = stem && models_file_find_model(h->file, stem) >= 0;
    free(stem);
    return found ? length : 0;
}

static bool same_stem(const History *h, size_t a, size_t b)
{
    const char *x = models_file_model(h->file, a);
    const char *y = models_file_model(h->file, b);
    size_t i = stem_length(h, x), j = stem_length(h, y);

    i = i ? i : strlen(x);
    j = j ? j : strlen(y);
    return i == j && !memcmp(x, y, i);
}

/* ---- machine types ---- */

/* The version in the name of a type; NULL if it has none */
static const char *version_of(const char *name, unsigned *family)
{
    const char *version, *c;
    unsigned i;

    for (i = 0; i < FAMILIES; i++) {
        if (!strncmp(name, families[i], strlen(families[i]))) {
            break;
        }
    }
    if (i == FAMILIES) {
        return NULL;
    }
    *family = i;
    version = name + strlen(families[i]);
    for (c = version; ; c++) {
        size_t length = digits_of(c);

        c += length;
        if (!length || (*c && *c != '.')) {
            return NULL;
        }
        if (!*c) {
            return version;
        }
    }
}

static int compare_types(const void *a, const void *b)
{
    const Type *x = a, *y = b;

    return x->family != y->family ? (x->family < y->family ? -1 : 1)
                                  : history_compare_names(x->name, y->name);
}

static bool add_types(History *h)
{
    size_t count = 0, i, j;

    for (i = 0; i < h->nlayers; i++) {
        count += models_file_machine_type_count(h->file, i);
    }
    h->types = calloc(count + 1, sizeof(*h->types));
    if (!h->types) {
        return false;
    }
    for (i = 0; i < h->nlayers; i++) {
        for (j = 0; j < models_file_machine_type_count(h->file, i); j++) {
            Type type = { models_file_machine_type(h->file, i, j), 0, i };

            if (version_of(type.name, &type.family)) {
                h->types[h->ntypes++] = type;
                h->has_types[i] = true;
            }
        }
    }
    qsort(h->types, h->ntypes, sizeof(*h->types), compare_types);
    return true;
}

/* The last one of all: the newest pc-q35 */
static size_t newest_layer(const History *h)
{
    return h->types[h->ntypes - 1].layer;
}

/* Those in @group, as in "pc-i440fx-2.4 to 3.1, pc-q35-4.0"; to be freed */
static char *ranges_text(const History *h, size_t group)
{
    size_t first, last, size;
    char *text = NULL;
    FILE *out = open_memstream(&text, &size);
    const char *separator = "";

    for (first = 0; out && first < h->ntypes; first = last + 1) {
        const Type *type = &h->types[first];
        unsigned family;

        last = first;
        if (h->groups[type->layer] != group) {
            continue;
        }
        while (last + 1 < h->ntypes &&
               h->types[last + 1].family == type->family &&
               h->groups[h->types[last + 1].layer] == group) {
            last++;
        }
        fprintf(out, "%s%s", separator, type->name);
        if (last > first) {
            fprintf(out, " to %s", version_of(h->types[last].name, &family));
        }
        separator = ", ";
    }
    if (!out || fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- CPUs ---- */

static void evaluate(const History *h, size_t model, size_t layer,
                     HistoryAccelerator accelerator, Cpu *cpu)
{
    X86CpuAccelerator accel = accelerator == HISTORY_TCG ? X86CPU_ON_TCG
                                                         : X86CPU_ON_KVM;
    const X86CpuHostValues host = { 0 };
    X86Cpu requested = { 0 };
    bool kvm = accel == X86CPU_ON_KVM;

    models_file_requested(h->file, model, layer, accel, MODELS_FILE_IRQCHIP_ON,
                          vendors[accelerator], &requested);
    x86cpu_describe(models_file_tables(h->file), &requested, accel, &host,
                    &cpu->described);
    models_props_finish(h->file, &cpu->described);
    cpu->guest_phys_bits = kvm && requested.values[X86CPU_GUEST_PHYS_BITS] ==
                                  X86CPU_AUTOMATIC_PHYS_BITS;
    cpu->phys_bits = kvm && requested.values[X86CPU_HOST_PHYS_BITS] &&
        (cpu->described.words[X86CPU_FEAT_8000_0001_EDX] & LM);
}

/* The number of CPUs of a model: one for each accelerator and layer */
static size_t cpu_count(const History *h)
{
    return HISTORY_ACCELERATORS * h->nlayers;
}

static void evaluate_model(const History *h, size_t model, Cpu *cpus)
{
    size_t layer;
    int i;

    for (i = 0; i < HISTORY_ACCELERATORS; i++) {
        for (layer = 0; layer < h->nlayers; layer++) {
            if ((h->accelerators & 1u << i) && h->has_types[layer]) {
                evaluate(h, model, layer, i, &cpus[i * h->nlayers + layer]);
            }
        }
    }
}

/* Whether all properties are the same: described CPUs are finished. */
static bool same_cpu(const Cpu *a, const Cpu *b)
{
    const X86Cpu *x = &a->described, *y = &b->described;
    size_t i;

    for (i = 0; i < X86CPU_CACHES; i++) {
        if (!x86cpu_same_cache(&x->caches[i], &y->caches[i])) {
            return false;
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (x->values[i] != y->values[i] || x->given[i] != y->given[i]) {
            return false;
        }
    }
    return !memcmp(x->words, y->words, sizeof(x->words)) &&
           !strcmp(x->vendor, y->vendor) &&
           !strcmp(x->model_id, y->model_id) &&
           !strcmp(x->hv_vendor_id, y->hv_vendor_id) &&
           a->phys_bits == b->phys_bits &&
           a->guest_phys_bits == b->guest_phys_bits;
}

/* By the first accelerator, as the others make no difference between models */
static bool compare_models(History *h)
{
    Cpu *cpus = calloc(h->nmodels, sizeof(*cpus));
    size_t i, j;
    int accel = 0;

    if (!cpus) {
        return false;
    }
    while (!(h->accelerators & 1u << accel)) {
        accel++;
    }
    for (i = 0; i < h->nmodels; i++) {
        evaluate(h, i, newest_layer(h), accel, &cpus[i]);
        for (j = 0; !same_cpu(&cpus[j], &cpus[i]); j++) {
            continue;
        }
        h->same_as[i] = j;
    }
    free(cpus);
    return true;
}

/* ---- properties ---- */

/* Behind those of CPUs there is one more: compat-anchor. */
size_t history_count(const History *h)
{
    return models_props_count(h->file) + 1;
}

const char *history_name(const History *h, size_t property)
{
    return property == models_props_count(h->file)
           ? "compat-anchor" : models_props_name(h->file, property);
}

int history_find(const History *h, const char *name)
{
    size_t i;

    for (i = 0; i < history_count(h); i++) {
        const char *known = history_name(h, i);

        if (known && !strcmp(known, name)) {
            return i;
        }
    }
    return -1;
}

/* As models_props_get() */
static bool get(const History *h, const Cpu *cpu, size_t property,
                ModelsProp *prop, char text[X86CPU_CACHE_TEXT])
{
    size_t first = models_file_tables(h->file)->nfeatures;

    if ((cpu->phys_bits && property == first + X86CPU_PHYS_BITS) ||
        (cpu->guest_phys_bits && property == first + X86CPU_GUEST_PHYS_BITS)) {
        *prop = (ModelsProp) { .type = MODELS_FILE_TEXT, .text = HOST };
        return true;
    }
    if (property == models_props_count(h->file)) {
        *prop = (ModelsProp) {
            .type = MODELS_FILE_TEXT,
            .text = models_file_newest_machine_type(h->file),
        };
        return true;
    }
    return models_props_get(h->file, &cpu->described, property, prop, text);
}

static bool same_value(const History *h, const Cpu *a, const Cpu *b,
                       size_t property)
{
    char text_a[X86CPU_CACHE_TEXT], text_b[X86CPU_CACHE_TEXT];
    ModelsProp x, y;
    bool there = get(h, a, property, &x, text_a);

    if (there != get(h, b, property, &y, text_b)) {
        return false;
    }
    return !there || (x.type == y.type &&
                      (x.type == MODELS_FILE_TEXT ? !strcmp(x.text, y.text)
                                                  : x.number == y.number));
}

static json_t *value_of(const History *h, const Cpu *cpu, size_t property)
{
    char text[X86CPU_CACHE_TEXT];
    ModelsProp prop;

    return get(h, cpu, property, &prop, text) ? answer_value(&prop)
                                              : json_null();
}

/* ---- values ---- */

/*
 * Adds that the value is @value on the machine types of @where with
 * @accelerator: equal values are next to each other.
 */
static void add_value(json_t *values, json_t *value, const char *where,
                      const char *accelerator)
{
    size_t count = json_array_size(values), place = count, i;

    for (i = 0; i < count; i++) {
        json_t *entry = json_array_get(values, i);

        if (!json_equal(json_object_get(entry, "value"), value)) {
            continue;
        }
        if (!strcmp(json_string_value(json_object_get(entry, "machine-types")),
                    where)) {
            json_array_append_new(json_object_get(entry, "accelerators"),
                                  json_string(accelerator));
            json_decref(value);
            return;
        }
        place = i + 1;
    }
    json_array_insert_new(values, place, json_pack(
        "{s:o, s:s, s:[s]}", "value", value, "machine-types", where,
        "accelerators", accelerator));
}

/* Puts layers whose value is equal into one group; returns their number */
static size_t group_layers(History *h, const Cpu *cpus, size_t property,
                           size_t *first_layers)
{
    size_t count = 0, i, group;

    for (i = 0; i < h->nlayers; i++) {
        h->groups[i] = SIZE_MAX;
    }
    for (i = 0; i < h->ntypes; i++) {
        size_t layer = h->types[i].layer;

        if (h->groups[layer] != SIZE_MAX) {
            continue;
        }
        for (group = 0; group < count; group++) {
            if (same_value(h, &cpus[first_layers[group]], &cpus[layer],
                           property)) {
                break;
            }
        }
        if (group == count) {
            first_layers[count++] = layer;
        }
        h->groups[layer] = group;
    }
    return count;
}

/* "values" of a property in the model of @cpus; NULL: not enough memory */
static json_t *values_of(History *h, const Cpu *cpus, size_t property)
{
    size_t *first_layers = calloc(h->nlayers, sizeof(*first_layers));
    json_t *values = json_array();
    int i;

    for (i = 0; first_layers && i < HISTORY_ACCELERATORS; i++) {
        const Cpu *of_accelerator = &cpus[i * h->nlayers];
        size_t count, group;

        if (!(h->accelerators & 1u << i)) {
            continue;
        }
        count = group_layers(h, of_accelerator, property, first_layers);
        for (group = 0; group < count; group++) {
            char *where = count == 1 ? strdup("all") : ranges_text(h, group);

            if (where) {
                add_value(values, value_of(h, &of_accelerator[
                    first_layers[group]], property), where,
                    history_accelerator_names[i]);
            }
            free(where);
        }
    }
    free(first_layers);
    return values;
}

/* ---- models and features ---- */

/*
 * Sets @is_relative of the model, of its versions, and of all that stand for
 * any of them.  An alias is the same on the newest machine type: there is no
 * other way to tell, for on older ones aliases have differed from versions.
 */
static void find_relatives(const History *h, size_t model, bool *is_relative)
{
    bool more = true;
    size_t i, j;

    is_relative[model] = true;
    while (more) {
        more = false;
        for (i = 0; i < h->nmodels; i++) {
            for (j = 0; j < h->nmodels && !is_relative[i]; j++) {
                if (is_relative[j] && (h->same_as[i] == h->same_as[j] ||
                                       same_stem(h, i, j))) {
                    is_relative[i] = true;
                    more = true;
                }
            }
        }
    }
}

/* Whether a value is one that makes a model have the property */
static bool has(const History *h, const Cpu *cpu, size_t property)
{
    char text[X86CPU_CACHE_TEXT];
    ModelsProp prop;

    return get(h, cpu, property, &prop, text) &&
           (prop.type == MODELS_FILE_TEXT ||
            prop.type == MODELS_FILE_ON_OFF || prop.number);
}

static bool ever_had(const History *h, const Cpu *cpus, size_t property)
{
    size_t layer;
    int i;

    for (i = 0; i < HISTORY_ACCELERATORS; i++) {
        for (layer = 0; layer < h->nlayers; layer++) {
            if ((h->accelerators & 1u << i) && h->has_types[layer] &&
                has(h, &cpus[i * h->nlayers + layer], property)) {
                return true;
            }
        }
    }
    return false;
}

/* Whether it differs between machine types or the @count models */
static bool ever_differed(const History *h, const Cpu *cpus, size_t count,
                          size_t property)
{
    size_t model, layer;
    int i;

    for (i = 0; i < HISTORY_ACCELERATORS; i++) {
        const Cpu *first = &cpus[i * h->nlayers + newest_layer(h)];

        if (!(h->accelerators & 1u << i)) {
            continue;
        }
        for (model = 0; model < count; model++) {
            const Cpu *of_model = &cpus[model * cpu_count(h) + i * h->nlayers];

            for (layer = 0; layer < h->nlayers; layer++) {
                if (h->has_types[layer] &&
                    !same_value(h, first, &of_model[layer], property)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* Of names without a version: the version that each equals */
static void add_stands_for(const History *h, const char *name,
                           json_t *stands_for)
{
    int model = models_file_find_model(h->file, name);
    size_t i;

    if (stem_length(h, name)) {
        return;
    }
    for (i = 0; i < h->nmodels; i++) {
        const char *other = models_file_model(h->file, h->sorted[i]);

        if (h->same_as[h->sorted[i]] == h->same_as[model] &&
            stem_length(h, other)) {
            json_object_set_new(stands_for, name, json_string(other));
            return;
        }
    }
}

static void add_entry(History *h, json_t *answer, size_t model,
                      size_t property, json_t *values)
{
    const char *name = models_file_model(h->file, model);

    json_array_append_new(json_object_get(answer, "history"), json_pack(
        "{s:s, s:s, s:o}", "model", name,
        "feature", history_name(h, property), "values", values));
    add_stands_for(h, name, json_object_get(answer, "stands-for"));
}

/* ---- answers ---- */

typedef struct Named {
    const char *name;
    size_t number;
} Named;

static int compare_models_by_name(const void *a, const void *b)
{
    const Named *x = a, *y = b;
    int order = history_compare_names(x->name, y->name);

    return order ? order : strcmp(x->name, y->name);
}

static int compare_properties_by_name(const void *a, const void *b)
{
    return strcmp(((const Named *)a)->name, ((const Named *)b)->name);
}

static bool sort_models(History *h)
{
    Named *names = calloc(h->nmodels, sizeof(*names));
    size_t i;

    for (i = 0; names && i < h->nmodels; i++) {
        names[i] = (Named) { models_file_model(h->file, i), i };
    }
    if (!names) {
        return false;
    }
    qsort(names, h->nmodels, sizeof(*names), compare_models_by_name);
    for (i = 0; i < h->nmodels; i++) {
        h->sorted[i] = names[i].number;
    }
    free(names);
    return true;
}

/* What ever differed in @count models, sorted; NULL: not enough memory */
static Named *differing(const History *h, const Cpu *cpus, size_t count,
                        size_t *found)
{
    Named *names = calloc(history_count(h), sizeof(*names));
    size_t i;

    *found = 0;
    for (i = 0; names && i < history_count(h); i++) {
        const char *name = history_name(h, i);

        if (name && ever_differed(h, cpus, count, i)) {
            names[(*found)++] = (Named) { name, i };
        }
    }
    if (names) {
        qsort(names, *found, sizeof(*names), compare_properties_by_name);
    }
    return names;
}

/*
 * Which of the @nprops properties @props have the values of @base in all models
 * of @answer, which has all of them for each model
 */
static void add_general(History *h, const Cpu *base, const Named *props,
                        size_t nprops, json_t *answer)
{
    const json_t *all = json_object_get(answer, "history");
    size_t count = json_array_size(all), i, j;

    for (j = 0; j < nprops; j++) {
        json_t *of_base = values_of(h, base, props[j].number);

        for (i = j; i < count && json_equal(of_base, json_object_get(
             json_array_get(all, i), "values")); i += nprops) {
            continue;
        }
        json_decref(of_base);
        if (i >= count) {
            json_array_append_new(json_object_get(answer, "general"),
                                  json_string(props[j].name));
        }
    }
}

/* A model and its relatives: one property of them, or those that differed */
static bool add_family(History *h, int model, int property, json_t *answer)
{
    bool *is_relative = calloc(h->nmodels, sizeof(*is_relative));
    size_t *models = calloc(h->nmodels, sizeof(*models));
    size_t count = 0, nprops = 1, i, j;
    bool ok;
    Named one = { NULL, property }, *props = NULL;
    Cpu *cpus = NULL, *base = NULL;

    if (is_relative && models) {
        find_relatives(h, model, is_relative);
        for (i = 0; i < h->nmodels; i++) {
            if (is_relative[h->sorted[i]]) {
                models[count++] = h->sorted[i];
            }
        }
        cpus = calloc(count * cpu_count(h), sizeof(*cpus));
        base = calloc(cpu_count(h), sizeof(*base));
    }
    for (i = 0; cpus && i < count; i++) {
        evaluate_model(h, models[i], &cpus[i * cpu_count(h)]);
    }
    if (cpus && base && property == HISTORY_ALL) {
        evaluate_model(h, 0, base);
        props = differing(h, cpus, count, &nprops);
    } else if (cpus && base) {
        props = &one;
    }
    for (i = 0; props && i < count; i++) {
        for (j = 0; j < nprops; j++) {
            add_entry(h, answer, models[i], props[j].number, values_of(
                h, &cpus[i * cpu_count(h)], props[j].number));
        }
    }
    /* Model 0 is base. */
    if (props && props != &one && models[0]) {
        add_general(h, base, props, nprops, answer);
    }
    ok = props;
    free(props == &one ? NULL : props);
    free(cpus);
    free(base);
    free(models);
    free(is_relative);
    return ok;
}

/* All models that have ever had the property */
static bool add_models(History *h, size_t property, json_t *answer)
{
    Cpu *cpus = calloc(cpu_count(h), sizeof(*cpus));
    bool ok = cpus;
    size_t i;

    for (i = 0; ok && i < h->nmodels; i++) {
        evaluate_model(h, h->sorted[i], cpus);
        if (ever_had(h, cpus, property)) {
            add_entry(h, answer, h->sorted[i], property,
                      values_of(h, cpus, property));
        }
    }
    free(cpus);
    return ok;
}

History *history_new(const ModelsFile *file, unsigned accelerators)
{
    uint32_t version = models_file_tables(file)->version;
    History *h = calloc(1, sizeof(*h));
    bool ok;

    if (!h) {
        return NULL;
    }
    h->file = file;
    h->accelerators = accelerators;
    h->nlayers = models_file_layer_count(file);
    h->nmodels = models_file_model_count(file);
    snprintf(h->line, sizeof(h->line), "%u.%u", (unsigned)(version >> 16),
             (unsigned)(version & 0xffff));
    h->has_types = calloc(h->nlayers + 1, sizeof(*h->has_types));
    h->groups = calloc(h->nlayers + 1, sizeof(*h->groups));
    h->same_as = calloc(h->nmodels + 1, sizeof(*h->same_as));
    h->sorted = calloc(h->nmodels + 1, sizeof(*h->sorted));
    ok = h->has_types && h->groups && h->same_as && h->sorted &&
         add_types(h) && sort_models(h) && (!h->ntypes || compare_models(h));
    if (!ok) {
        history_free(h);
        return NULL;
    }
    return h;
}

void history_free(History *h)
{
    if (h) {
        free(h->types);
        free(h->has_types);
        free(h->groups);
        free(h->same_as);
        free(h->sorted);
        free(h);
    }
}

const char *history_line(const History *h)
{
    return h->line;
}

bool history_has_machine_types(const History *h)
{
    return h->ntypes;
}

json_t *history_answer(History *h, int model, int property)
{
    json_t *accelerators = json_array(), *answer;
    bool ok;
    int i;

    for (i = 0; i < HISTORY_ACCELERATORS; i++) {
        if (h->accelerators & 1u << i) {
            json_array_append_new(accelerators, json_string(
                history_accelerator_names[i]));
        }
    }
    answer = json_pack("{s:o, s:s, s:s, s:[], s:{}}",
                       "accelerators", accelerators, "line", h->line,
                       "qemu", models_file_version(h->file), "history",
                       "stands-for");
    if (property == HISTORY_ALL) {
        json_object_set_new(answer, "general", json_array());
    }
    ok = answer && (model == HISTORY_ALL
                    ? add_models(h, property, answer)
                    : add_family(h, model, property, answer));
    if (!ok) {
        json_decref(answer);
        return NULL;
    }
    return answer;
}
