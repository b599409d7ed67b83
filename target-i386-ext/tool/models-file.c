/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file with every CPU model of a QEMU, on every machine type
 *
 * The format is that of CpuModelTable in qapi/cpu-introspection-target.json.
 * Its rules, such as level-rules, are for readers that do not have the core,
 * which knows them.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "models-digest.h"
#include "models-file.h"
#include "models-names.h"
#include "models-tree.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum {
    FORMAT_VERSION = 1,
    MAX_LAYERS = 1000,
    MAX_MODELS = 10000,
    MAX_FEATURES = X86CPU_MAX_WORDS * 64,
    BASE = 0,
    ALL_BUT_BASE = -1,
    /* A model that nobody wants */
    NOT_READ = -2,
};

/* Errors are about the whole list then. */
#define NO_ITEM SIZE_MAX

/* The texts of X86Cpu */
typedef enum TextId {
    TEXT_VENDOR, TEXT_MODEL_ID, TEXT_HV_VENDOR_ID,
    TEXTS
} TextId;

static const char *const text_names[TEXTS] = {
    [TEXT_VENDOR] = "vendor",
    [TEXT_MODEL_ID] = "model-id",
    [TEXT_HV_VENDOR_ID] = "hv-vendor-id",
};

const char *const models_file_cache_names[X86CPU_CACHES] = {
    [X86CPU_CACHE_L1D] = "l1d-cache-info",
    [X86CPU_CACHE_L1I] = "l1i-cache-info",
    [X86CPU_CACHE_L2] = "l2-cache-info",
    [X86CPU_CACHE_L3] = "l3-cache-info",
};

const char *const models_file_irqchip_names[MODELS_FILE_IRQCHIPS] = {
    [MODELS_FILE_IRQCHIP_ON] = "on",
    [MODELS_FILE_IRQCHIP_SPLIT] = "split",
    [MODELS_FILE_IRQCHIP_OFF] = "off",
};

static const char *const type_names[] = {
    [MODELS_FILE_BOOL] = "bool",
    [MODELS_FILE_ON_OFF] = "on-off",
    [MODELS_FILE_INT] = "int",
    [MODELS_FILE_TEXT] = "str",
};

static const char *const class_names[] = {
    [X86CPU_CLASS_BIT] = "bit",
    [X86CPU_CLASS_MINIMUM] = "minimum",
    [X86CPU_CLASS_GUEST_PHYS_BITS] = "guest-phys-bits",
    [X86CPU_CLASS_FLAT] = "flat",
    [X86CPU_CLASS_GATE] = "gate",
    [X86CPU_CLASS_IDENTITY] = "identity",
    [X86CPU_CLASS_STREAM] = "stream",
    [X86CPU_CLASS_HV_VALUES] = "hv-values",
    [X86CPU_CLASS_RESOLVED] = "resolved",
    [X86CPU_CLASS_PERMISSIVE] = "permissive",
};

static const char *const polarity_names[] = {
    [X86CPU_CAPABILITY] = "capability",
    [X86CPU_LIMITATION] = "limitation",
    [X86CPU_HINT] = "hint",
    [X86CPU_TOPOLOGY] = "topology",
};

const char *const models_file_register_names[X86CPU_REGISTERS] = {
    [X86CPU_EAX] = "EAX",
    [X86CPU_EBX] = "EBX",
    [X86CPU_ECX] = "ECX",
    [X86CPU_EDX] = "EDX",
};

static const char *const accelerator_names[] = {
    [X86CPU_ON_TCG] = "tcg",
    [X86CPU_ON_KVM] = "kvm",
};

/* Which models get the vendor of the host */
typedef enum HostVendor {
    HOST_VENDOR_NONE, HOST_VENDOR_NAMED, HOST_VENDOR_ALL,
} HostVendor;

static const char *const host_vendor_names[] = {
    [HOST_VENDOR_NONE] = "none",
    [HOST_VENDOR_NAMED] = "named",
    [HOST_VENDOR_ALL] = "all",
};

/* As X86CpuSetting, which can't set every text */
typedef enum SettingKind {
    SET_ON, SET_OFF,            /* bits @value of word @index */
    SET_PROPERTY,               /* property @index to @value */
    SET_TEXT,                   /* text @index to @text */
    SET_CACHE,                  /* cache @index to what @text says */
} SettingKind;

typedef struct Setting {
    SettingKind kind;
    unsigned index;
    union {
        uint64_t value;
        const char *text;
    };
} Setting;

typedef struct Changes {
    Setting *settings;
    size_t count;
} Changes;

typedef struct Layer {
    const char *name;
    const JsonNode *machine_types;
    /* The layer that it is compared with, one before it in the list */
    size_t like;
    Changes changes;
    X86Cpu base;
} Layer;

typedef struct Model {
    const char *name;
    /* NULL for a CPU without anything */
    const char *like;
    /* The number of that model, once it is known to be in no circle */
    int like_number;
    bool known;
    Changes changes;
} Model;

typedef struct Exception {
    /* Or ALL_BUT_BASE, or NOT_READ */
    int model;
    int layer;
    size_t place;
    Changes changes;
} Exception;

/* Sorted in the order in which they apply */
typedef struct Exceptions {
    Exception *items;
    size_t count;
} Exceptions;

typedef struct Condition {
    /* By ModelsFileIrqchip */
    bool irqchips[MODELS_FILE_IRQCHIPS];
    Changes changes;
} Condition;

typedef struct Accelerator {
    bool present;
    HostVendor host_vendor;
    Changes changes;
    Condition *conditions;
    size_t nconditions;
    Exceptions exceptions;
} Accelerator;

/* What else the file says of a feature */
typedef struct FeatureNames {
    /* NULL if there are none */
    const JsonNode *aliases;
    /* NULL if libvirt has none */
    const char *libvirt;
    bool migratable;
} FeatureNames;

struct ModelsFile {
    /* The texts are in it. */
    ModelsTree *tree;
    char version[MODELS_FILE_VERSION];
    const char *digest;
    X86CpuTables tables;
    X86CpuFeature *features;
    /* In the same order */
    FeatureNames *feature_names;
    X86CpuDependency *dependencies;
    X86CpuComponent *components;
    X86CpuCacheDescriptor *descriptors;
    ModelsFileType types[X86CPU_PROPERTY_COUNT];
    /* A CPU without anything */
    X86Cpu nothing;
    Layer *layers;
    size_t nlayers;
    /* NULL in older files, and what each alias's number is there */
    const JsonNode *machine_aliases;
    ModelsNames alias_numbers;
    Model *models;
    size_t nmodels;
    Exceptions exceptions;
    Accelerator accelerators[ARRAY_LENGTH(accelerator_names)];
    /* Numbers of layers, models and features, by name */
    ModelsNames layer_numbers, model_numbers, feature_numbers;
};

/* A name that can be set */
typedef struct Name {
    SettingKind kind;
    ModelsFileType type;
    /* The word, property, text or cache; and the bits of a feature */
    unsigned index;
    uint64_t mask;
    /* The changes that had it last */
    unsigned seen_in;
} Name;

typedef struct Reader {
    ModelsFile *file;
    const char *path;
    /* Where in it, for errors: @where[@item].@below[@item_below] */
    const char *where, *below;
    size_t item, item_below;
    char *error;
    size_t error_size;
    Name *names;
    size_t nnames;
    /* Numbers of names and words, by name */
    ModelsNames name_numbers, word_numbers;
    /* How many changes were read */
    unsigned nchanges;
} Reader;

/* ---- errors ---- */

/* Leaves one line of ASCII, whatever the file contains. */
static void clean(char *error)
{
    for (; *error; error++) {
        if (*error < ' ' || *error > '~') {
            *error = '?';
        }
    }
}

static void put_where(const Reader *r, char *text, size_t size)
{
    size_t length = 0;

    if (r->where) {
        length = r->item == NO_ITEM
                 ? snprintf(text, size, "%s", r->where)
                 : snprintf(text, size, "%s[%zu]", r->where, r->item);
    }
    if (r->below && length < size) {
        snprintf(text + length, size - length, "%s%s[%zu]", length ? "." : "",
                 r->below, r->item_below);
    }
}

/* Always false */
__attribute__((format(printf, 2, 3)))
static bool fail(Reader *r, const char *format, ...)
{
    char message[MODELS_FILE_ERROR], where[128] = "";
    va_list ap;

    put_where(r, where, sizeof(where));
    va_start(ap, format);
    vsnprintf(message, sizeof(message), format, ap);
    va_end(ap);
    snprintf(r->error, r->error_size, "%s: %s%s%s", r->path, where,
             *where ? ": " : "", message);
    clean(r->error);
    return false;
}

static bool fail_memory(Reader *r)
{
    return fail(r, "not enough memory");
}

/* Text is only made of it for errors. */
static void at(Reader *r, const char *where, size_t item)
{
    r->where = where;
    r->item = item;
    r->below = NULL;
}

static void at_below(Reader *r, const char *below, size_t item)
{
    r->below = below;
    r->item_below = item;
}

/* ---- JSON ---- */

static int find_text(const char *const *texts, int count, const char *text)
{
    int i;

    for (i = 0; i < count; i++) {
        if (texts[i] && !strcmp(texts[i], text)) {
            return i;
        }
    }
    return -1;
}

/* Numbers @name in @numbers; @what is what the names are. */
static bool add_number(Reader *r, ModelsNames *numbers, const char *name,
                       int number, const char *what)
{
    switch (models_names_add(numbers, name, number)) {
    case MODELS_NAMES_ADDED:
        return true;
    case MODELS_NAMES_THERE_ALREADY:
        return fail(r, "%s '%.64s' is there twice", what, name);
    default:
        return fail_memory(r);
    }
}

static bool is_boolean(const JsonNode *json)
{
    return json_node_is(json, JSON_KIND_FALSE) ||
           json_node_is(json, JSON_KIND_TRUE);
}

static bool check_object(Reader *r, const JsonNode *json)
{
    return json_node_is(json, JSON_KIND_OBJECT) || fail(r, "not an object");
}

static bool get_object(Reader *r, const JsonNode *json, const char *name,
                       const JsonNode **object)
{
    *object = json_node_get(json, name);
    if (!*object) {
        return fail(r, "'%s' is missing", name);
    }
    return json_node_is(*object, JSON_KIND_OBJECT) ||
           fail(r, "'%s' is not an object", name);
}

/* NULL if it is absent */
static bool get_optional_list(Reader *r, const JsonNode *json, const char *name,
                              const JsonNode **list)
{
    *list = json_node_get(json, name);
    return !*list || json_node_is(*list, JSON_KIND_LIST) ||
           fail(r, "'%s' is not a list", name);
}

static bool get_list(Reader *r, const JsonNode *json, const char *name,
                     const JsonNode **list)
{
    if (!get_optional_list(r, json, name, list)) {
        return false;
    }
    return *list || fail(r, "'%s' is missing", name);
}

/* NULL if it is absent */
static bool get_optional_text(Reader *r, const JsonNode *json, const char *name,
                              const char **text)
{
    const JsonNode *value = json_node_get(json, name);

    *text = NULL;
    if (!value) {
        return true;
    }
    if (!json_node_text(value)) {
        return fail(r, "'%s' is not a string", name);
    }
    *text = json_node_text(value);
    return **text || fail(r, "'%s' is empty", name);
}

static bool get_text(Reader *r, const JsonNode *json, const char *name,
                     const char **text)
{
    if (!get_optional_text(r, json, name, text)) {
        return false;
    }
    return *text || fail(r, "'%s' is missing", name);
}

/* One of @texts, which @what says what they are */
static bool get_choice(Reader *r, const JsonNode *json, const char *name,
                       const char *const *texts, int count, int *choice)
{
    const char *text;

    if (!get_text(r, json, name, &text)) {
        return false;
    }
    *choice = find_text(texts, count, text);
    return *choice >= 0 || fail(r, "unknown %s '%.64s'", name, text);
}

static bool get_number(Reader *r, const JsonNode *json, const char *name,
                       uint64_t max, uint64_t *number)
{
    const JsonNode *value = json_node_get(json, name);

    if (!value) {
        return fail(r, "'%s' is missing", name);
    }
    if (value->kind != JSON_KIND_INTEGER || value->negative ||
        value->number > max) {
        return fail(r, "'%s' is not an integer from 0 to %llu", name,
                    (unsigned long long)max);
    }
    *number = value->number;
    return true;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' :
           c >= 'a' && c <= 'f' ? c - 'a' + 10 :
           c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "0x" and 1 to 16 hexadecimal digits */
static bool parse_mask(const char *text, uint64_t *mask)
{
    size_t i, length = strlen(text);

    if (strncmp(text, "0x", 2) || length < 3 || length > 18) {
        return false;
    }
    *mask = 0;
    for (i = 2; i < length; i++) {
        int digit = digit_of(text[i]);

        if (digit < 0) {
            return false;
        }
        *mask = *mask << 4 | digit;
    }
    return *mask;
}

static bool get_mask(Reader *r, const JsonNode *json, const char *name,
                     uint64_t *mask)
{
    const char *text;

    if (!get_text(r, json, name, &text)) {
        return false;
    }
    return parse_mask(text, mask) ||
           fail(r, "'%s' is '%.64s', not a mask such as \"0x200\"", name, text);
}

/* An array of one element for each of @list, at least one, or NULL */
static void *new_array(Reader *r, const JsonNode *list, const char *what,
                       size_t max, size_t size)
{
    size_t count = json_node_count(list);
    void *array;

    if (count > max) {
        fail(r, "'%s' has %zu items, more than %zu", what, count, max);
        return NULL;
    }
    array = calloc(count ? count : 1, size);
    if (!array) {
        fail_memory(r);
    }
    return array;
}

/* ---- words and features ---- */

static bool read_feature(Reader *r, const JsonNode *json, unsigned word,
                         uint64_t *used)
{
    X86CpuTables *tables = &r->file->tables;
    X86CpuFeature *feature = &r->file->features[tables->nfeatures];
    int polarity = X86CPU_CAPABILITY;

    if (!get_text(r, json, "name", &feature->name) ||
        !get_mask(r, json, "mask", &feature->mask)) {
        return false;
    }
    if (json_node_get(json, "polarity") &&
        !get_choice(r, json, "polarity", polarity_names,
                    ARRAY_LENGTH(polarity_names), &polarity)) {
        return false;
    }
    if (!tables->words[word].msr && feature->mask > UINT32_MAX) {
        return fail(r, "'mask' has bits that no register of CPUID has");
    }
    /* So there are not more of them than there is room. */
    if (*used & feature->mask) {
        return fail(r, "'mask' has bits of another feature of the word");
    }
    *used |= feature->mask;
    feature->word = word;
    feature->polarity = polarity;
    tables->nfeatures++;
    return true;
}

static bool read_place(Reader *r, const JsonNode *json, X86CpuWord *word)
{
    const JsonNode *cpuid;
    uint64_t index, subleaf = 0;
    int reg = X86CPU_EAX;

    word->present = true;
    word->msr = json_node_get(json, "msr");
    if (word->msr == !!json_node_get(json, "cpuid")) {
        return fail(r, "not exactly one of 'cpuid' and 'msr'");
    }
    if (word->msr) {
        if (!get_number(r, json, "msr", UINT32_MAX, &index)) {
            return false;
        }
    } else if (!get_object(r, json, "cpuid", &cpuid) ||
               !get_number(r, cpuid, "leaf", UINT32_MAX, &index) ||
               !get_number(r, cpuid, "subleaf", UINT32_MAX, &subleaf) ||
               !get_choice(r, cpuid, "register", models_file_register_names,
                           X86CPU_REGISTERS, &reg)) {
        return false;
    }
    word->index = index;
    word->subleaf = subleaf;
    word->reg = reg;
    return true;
}

/* *@further is the number of the next word that the core does not know. */
static bool read_word(Reader *r, const JsonNode *json, unsigned *further)
{
    const char *name;
    const JsonNode *features;
    uint64_t used = 0;
    size_t i;
    int word;

    if (!get_text(r, json, "name", &name)) {
        return false;
    }
    word = find_text(x86cpu_word_names, X86CPU_WORD_COUNT, name);
    if (word < 0) {
        if (*further == X86CPU_MAX_WORDS) {
            return fail(r, "no room for word '%.64s': %u words are unknown",
                        name, X86CPU_MAX_WORDS - X86CPU_WORD_COUNT);
        }
        word = (*further)++;
    }
    if (!add_number(r, &r->word_numbers, name, word, "word") ||
        !read_place(r, json, &r->file->tables.words[word]) ||
        !get_list(r, json, "features", &features)) {
        return false;
    }
    for (i = 0; i < json_node_count(features); i++) {
        const JsonNode *item = json_node_at(features, i);

        at_below(r, "features", i);
        if (!check_object(r, item) || !read_feature(r, item, word, &used)) {
            return false;
        }
    }
    return true;
}

/* Masks of a word have no bit in common. */
static int compare_features(const void *p, const void *q)
{
    const X86CpuFeature *a = p, *b = q;
    uint64_t low_a = a->mask & -a->mask, low_b = b->mask & -b->mask;

    return a->word != b->word ? (a->word > b->word) - (a->word < b->word)
                              : (low_a > low_b) - (low_a < low_b);
}

/* Those of the build are. */
static bool are_sorted(const X86CpuFeature *features, size_t count)
{
    size_t i = 1;

    while (i < count &&
           compare_features(&features[i - 1], &features[i]) < 0) {
        i++;
    }
    return i >= count;
}

static bool add_name(Reader *r, const char *name, Name value)
{
    if (!add_number(r, &r->name_numbers, name, r->nnames, "property")) {
        return false;
    }
    r->names[r->nnames++] = value;
    return true;
}

static bool read_aliases(Reader *r, const JsonNode *json, int number)
{
    const JsonNode *list;
    size_t i;

    if (!get_optional_list(r, json, "aliases", &list)) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        const JsonNode *alias = json_node_at(list, i);

        if (!json_node_text(alias)) {
            return fail(r, "'aliases' has an item that is not a string");
        }
        if (!add_number(r, &r->file->feature_numbers, json_node_text(alias),
                        number, "feature")) {
            return false;
        }
    }
    r->file->feature_names[number].aliases = list;
    return true;
}

static bool read_feature_names(Reader *r, const JsonNode *json)
{
    int number = models_names_find(&r->file->feature_numbers,
                             json_node_text(json_node_get(json, "name")));
    FeatureNames *names = &r->file->feature_names[number];
    const JsonNode *libvirt = json_node_get(json, "libvirt");
    const JsonNode *migratable = json_node_get(json, "migratable");

    names->libvirt = r->file->features[number].name;
    if (libvirt) {
        if (!json_node_text(libvirt)) {
            return fail(r, "'libvirt' is not a string");
        }
        names->libvirt = *json_node_text(libvirt)
                         ? json_node_text(libvirt) : NULL;
    }
    if (migratable && !is_boolean(migratable)) {
        return fail(r, "'migratable' is neither true nor false");
    }
    names->migratable = !migratable || json_node_is(migratable, JSON_KIND_TRUE);
    return read_aliases(r, json, number);
}

/* Once the features are sorted */
static bool read_names_of_features(Reader *r, const JsonNode *words)
{
    const X86CpuTables *tables = &r->file->tables;
    size_t i, j;

    r->file->feature_names = calloc(tables->nfeatures + 1,
                                    sizeof(FeatureNames));
    if (!r->file->feature_names) {
        return fail_memory(r);
    }
    for (i = 0; i < tables->nfeatures; i++) {
        if (!add_number(r, &r->file->feature_numbers, tables->features[i].name,
                        i, "feature")) {
            return false;
        }
    }
    for (i = 0; i < json_node_count(words); i++) {
        const JsonNode *list = json_node_get(json_node_at(words, i),
                                             "features");

        for (j = 0; j < json_node_count(list); j++) {
            at(r, "words", i);
            at_below(r, "features", j);
            if (!read_feature_names(r, json_node_at(list, j))) {
                return false;
            }
        }
    }
    return true;
}

static bool read_words(Reader *r, const JsonNode *root)
{
    X86CpuTables *tables = &r->file->tables;
    unsigned further = X86CPU_WORD_COUNT;
    const JsonNode *list;
    size_t i;

    if (!get_list(r, root, "words", &list)) {
        return false;
    }
    r->file->features = calloc(MAX_FEATURES, sizeof(X86CpuFeature));
    if (!r->file->features) {
        return fail_memory(r);
    }
    for (i = 0; i < json_node_count(list); i++) {
        const JsonNode *item = json_node_at(list, i);

        at(r, "words", i);
        if (!check_object(r, item) || !read_word(r, item, &further)) {
            return false;
        }
    }
    at(r, "words", NO_ITEM);
    tables->features = r->file->features;
    if (!are_sorted(r->file->features, tables->nfeatures)) {
        qsort(r->file->features, tables->nfeatures, sizeof(X86CpuFeature),
              compare_features);
    }
    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];
        Name name = {
            .kind = SET_ON, .index = feature->word, .mask = feature->mask,
        };

        if (!add_name(r, feature->name, name)) {
            return false;
        }
    }
    return read_names_of_features(r, list);
}

static bool get_word(Reader *r, const JsonNode *json, const char *member,
                     unsigned *word)
{
    const char *name;
    int number;

    if (!get_text(r, json, member, &name)) {
        return false;
    }
    number = models_names_find(&r->word_numbers, name);
    if (number < 0) {
        return fail(r, "'%s' is an unknown word, '%.64s'", member, name);
    }
    *word = number;
    return true;
}

static bool read_component(Reader *r, const JsonNode *json,
                           X86CpuComponent *component)
{
    uint64_t number;
    const JsonNode *needs;
    size_t i;

    if (!check_object(r, json) ||
        !get_number(r, json, "component", 63, &number) ||
        !get_list(r, json, "needs", &needs)) {
        return false;
    }
    component->number = number;
    if (json_node_count(needs) > X86CPU_COMPONENT_FEATURES) {
        return fail(r, "'needs' has more than %d items",
                    X86CPU_COMPONENT_FEATURES);
    }
    for (i = 0; i < json_node_count(needs); i++) {
        const JsonNode *name = json_node_at(needs, i);
        int feature = json_node_text(name)
                      ? models_names_find(&r->file->feature_numbers,
                                    json_node_text(name)) : -1;

        if (feature < 0) {
            return fail(r, "'needs' has an item that is not a feature");
        }
        component->features[i].word = r->file->features[feature].word;
        component->features[i].mask = r->file->features[feature].mask;
    }
    return true;
}

static bool read_components(Reader *r, const JsonNode *root)
{
    X86CpuTables *tables = &r->file->tables;
    const JsonNode *list;
    size_t i;

    if (!get_list(r, root, "xsave-components", &list)) {
        return false;
    }
    r->file->components = new_array(r, list, "xsave-components", 64,
                                    sizeof(X86CpuComponent));
    if (!r->file->components) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        at(r, "xsave-components", i);
        if (!read_component(r, json_node_at(list, i),
                            &r->file->components[i])) {
            return false;
        }
    }
    tables->components = r->file->components;
    tables->ncomponents = i;
    return true;
}

static bool read_descriptor(Reader *r, const JsonNode *json,
                            X86CpuCacheDescriptor *descriptor)
{
    static const char *const types[] = { "data", "instruction", "unified" };
    uint64_t code, level, size, ways, line;
    int type;

    if (!check_object(r, json) ||
        !get_number(r, json, "code", UINT8_MAX, &code) ||
        !get_number(r, json, "level", UINT8_MAX, &level) ||
        !get_choice(r, json, "type", types, ARRAY_LENGTH(types), &type) ||
        !get_number(r, json, "size", UINT32_MAX, &size) ||
        !get_number(r, json, "ways", UINT32_MAX, &ways) ||
        !get_number(r, json, "line", UINT32_MAX, &line)) {
        return false;
    }
    *descriptor = (X86CpuCacheDescriptor) {
        .code = code, .level = level, .type = *types[type], .size = size,
        .ways = ways, .line = line,
    };
    return true;
}

static bool read_descriptors(Reader *r, const JsonNode *root)
{
    X86CpuTables *tables = &r->file->tables;
    const JsonNode *list;
    size_t i;

    if (!get_list(r, root, "cache-descriptors", &list)) {
        return false;
    }
    r->file->descriptors = new_array(r, list, "cache-descriptors", 256,
                                     sizeof(X86CpuCacheDescriptor));
    if (!r->file->descriptors) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        at(r, "cache-descriptors", i);
        if (!read_descriptor(r, json_node_at(list, i),
                             &r->file->descriptors[i])) {
            return false;
        }
    }
    tables->descriptors = r->file->descriptors;
    tables->ndescriptors = i;
    return true;
}

static bool read_dependencies(Reader *r, const JsonNode *root)
{
    X86CpuTables *tables = &r->file->tables;
    const JsonNode *list;
    size_t i;

    if (!get_list(r, root, "dependencies", &list)) {
        return false;
    }
    r->file->dependencies = new_array(r, list, "dependencies", SIZE_MAX,
                                      sizeof(X86CpuDependency));
    if (!r->file->dependencies) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        const JsonNode *item = json_node_at(list, i);
        X86CpuDependency *dep = &r->file->dependencies[i];

        at(r, "dependencies", i);
        if (!check_object(r, item) ||
            !get_word(r, item, "word", &dep->to) ||
            !get_mask(r, item, "mask", &dep->to_mask) ||
            !get_word(r, item, "needs-word", &dep->from) ||
            !get_mask(r, item, "needs-mask", &dep->from_mask)) {
            return false;
        }
    }
    tables->dependencies = r->file->dependencies;
    tables->ndependencies = i;
    return true;
}

/* ---- values ---- */

static const struct {
    size_t offset, size;
} text_places[TEXTS] = {
    [TEXT_VENDOR] = {
        offsetof(X86Cpu, vendor), sizeof(((X86Cpu *)0)->vendor)
    },
    [TEXT_MODEL_ID] = {
        offsetof(X86Cpu, model_id), sizeof(((X86Cpu *)0)->model_id)
    },
    [TEXT_HV_VENDOR_ID] = {
        offsetof(X86Cpu, hv_vendor_id), sizeof(((X86Cpu *)0)->hv_vendor_id)
    },
};

static const char *text_of(const X86Cpu *cpu, unsigned id)
{
    return (const char *)cpu + text_places[id].offset;
}

/* @text may be too long; the rest is filled up with zeros. */
static void set_text(X86Cpu *cpu, unsigned id, const char *text)
{
    size_t size = text_places[id].size, length = strlen(text);
    char *to = (char *)cpu + text_places[id].offset;

    memset(to, 0, size);
    memcpy(to, text, length < size ? length : size - 1);
}

/* An empty text is not a cache. */
static void set_cache(X86Cpu *cpu, unsigned index, const char *text)
{
    char error[X86CPU_CACHE_ERROR];

    memset(&cpu->caches[index], 0, sizeof(cpu->caches[index]));
    if (*text) {
        /* read_cache() has seen that it is good. */
        x86cpu_cache_parse(&cpu->caches[index], index, text,
                           X86CPU_CACHE_CHECK_NONE, error);
    }
}

static void apply(X86Cpu *cpu, const Changes *changes)
{
    size_t i;

    for (i = 0; i < changes->count; i++) {
        const Setting *setting = &changes->settings[i];

        switch (setting->kind) {
        case SET_ON:
            cpu->words[setting->index] |= setting->value;
            break;
        case SET_OFF:
            cpu->words[setting->index] &= ~setting->value;
            break;
        case SET_PROPERTY:
            cpu->values[setting->index] = setting->value;
            break;
        case SET_TEXT:
            set_text(cpu, setting->index, setting->text);
            break;
        case SET_CACHE:
            set_cache(cpu, setting->index, setting->text);
            break;
        }
    }
}

/* What a name in a list of names that are @on, or are not, sets */
static void read_switch(const Name *name, bool on, Setting *setting)
{
    setting->kind = name->kind == SET_PROPERTY ? SET_PROPERTY :
                    on ? SET_ON : SET_OFF;
    setting->value = name->kind == SET_PROPERTY ? on : name->mask;
}

static bool read_int(Reader *r, const char *name, const JsonNode *value,
                     Setting *setting)
{
    bool is_signed = setting->index == X86CPU_X_HV_MAX_VPS;

    if (value->kind != JSON_KIND_INTEGER) {
        return fail(r, "'%s' is not an integer", name);
    }
    setting->value = value->number;
    if (value->negative && !is_signed) {
        return fail(r, "'%s' is negative", name);
    }
    if (!value->negative && is_signed && setting->value > INT64_MAX) {
        return fail(r, "'%s' is above %lld", name, (long long)INT64_MAX);
    }
    return true;
}

static bool read_cache(Reader *r, const char *name, const char *text,
                       unsigned index)
{
    char error[X86CPU_CACHE_ERROR];
    X86CpuCache cache;

    if (*text && !x86cpu_cache_parse(&cache, index, text,
                                     X86CPU_CACHE_CHECK_NONE, error)) {
        return fail(r, "'%s' is not a cache: %s", name, error);
    }
    return true;
}

static bool read_text(Reader *r, const char *name, const JsonNode *value,
                      Setting *setting)
{
    size_t size;

    if (!json_node_text(value)) {
        return fail(r, "'%s' is not a string", name);
    }
    setting->text = json_node_text(value);
    if (setting->kind == SET_CACHE) {
        return read_cache(r, name, setting->text, setting->index);
    }
    size = text_places[setting->index].size;
    return strlen(setting->text) < size ||
           fail(r, "'%s' is longer than %zu bytes", name, size - 1);
}

/* What @value sets a property to that is not a feature */
static bool read_value(Reader *r, const char *text, const Name *name,
                       const JsonNode *value, Setting *setting)
{
    static const char *const on_off[] = { "off", "on" };
    int choice;

    setting->kind = name->kind;
    setting->index = name->index;
    switch (name->type) {
    case MODELS_FILE_BOOL:
        if (!is_boolean(value)) {
            return fail(r, "'%s' is not a boolean", text);
        }
        setting->value = json_node_is(value, JSON_KIND_TRUE);
        return true;
    case MODELS_FILE_ON_OFF:
        choice = json_node_text(value) ?
                 find_text(on_off, 2, json_node_text(value)) : -1;
        setting->value = choice == 1;
        return choice >= 0 ||
               fail(r, "'%s' is not \"on\" or \"off\"", text);
    case MODELS_FILE_INT:
        return read_int(r, text, value, setting);
    default:
        return read_text(r, text, value, setting);
    }
}

/* ---- properties ---- */

/* Which property of CPUs @text is: its kind and index */
static bool find_property(const char *text, Name *name)
{
    static const struct {
        SettingKind kind;
        const char *const *names;
        int count;
    } all[] = {
        { SET_PROPERTY, x86cpu_property_names, X86CPU_PROPERTY_COUNT },
        { SET_TEXT, text_names, TEXTS },
        { SET_CACHE, models_file_cache_names, X86CPU_CACHES },
    };
    size_t i;

    for (i = 0; i < ARRAY_LENGTH(all); i++) {
        int index = find_text(all[i].names, all[i].count, text);

        if (index >= 0) {
            *name = (Name) { .kind = all[i].kind, .index = index };
            return true;
        }
    }
    return false;
}

static bool read_property(Reader *r, const JsonNode *json)
{
    X86CpuTables *tables = &r->file->tables;
    const JsonNode *value = json_node_get(json, "default");
    Setting setting = { 0 };
    Changes changes = { &setting, 1 };
    const char *text;
    Name name;
    int class, type;

    if (!get_text(r, json, "name", &text) ||
        !get_choice(r, json, "class", class_names, ARRAY_LENGTH(class_names),
                    &class) ||
        !get_choice(r, json, "type", type_names, ARRAY_LENGTH(type_names),
                    &type)) {
        return false;
    }
    if (!find_property(text, &name)) {
        /* A CPU that has it is not one that the core knows. */
        return fail(r, "unknown property '%.64s'", text);
    }
    if ((type == MODELS_FILE_TEXT) != (name.kind != SET_PROPERTY)) {
        return fail(r, "'%s' can't have type '%s'", text, type_names[type]);
    }
    name.type = type;
    if (!add_name(r, text, name)) {
        return false;
    }
    if (value) {
        if (!read_value(r, text, &name, value, &setting)) {
            return false;
        }
        apply(&r->file->nothing, &changes);
    }
    if (name.kind == SET_PROPERTY) {
        r->file->types[name.index] = type;
        r->file->nothing.given[name.index] = true;
        tables->properties[name.index] = (X86CpuProperty) {
            class, r->file->nothing.values[name.index]
        };
    }
    return true;
}

/* Texts and caches can be set whether or not the file lists them. */
static bool add_texts(Reader *r)
{
    Name name = { .type = MODELS_FILE_TEXT };
    int i;

    for (i = 0; i < TEXTS + X86CPU_CACHES; i++) {
        bool is_cache = i >= TEXTS;
        const char *text;

        name.kind = is_cache ? SET_CACHE : SET_TEXT;
        name.index = is_cache ? i - TEXTS : i;
        text = is_cache ? models_file_cache_names[name.index] : text_names[i];
        if (models_names_find(&r->name_numbers, text) < 0 &&
            !add_name(r, text, name)) {
            return false;
        }
    }
    return true;
}

static bool read_properties(Reader *r, const JsonNode *root)
{
    const JsonNode *list;
    size_t i;

    if (!get_list(r, root, "properties", &list)) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        const JsonNode *item = json_node_at(list, i);

        at(r, "properties", i);
        if (!check_object(r, item) || !read_property(r, item)) {
            return false;
        }
    }
    return add_texts(r);
}

/* ---- changes ---- */

/* The name @text; NULL, with an error, if it can't be set, or not again */
static Name *use_name(Reader *r, const char *text)
{
    int number = models_names_find(&r->name_numbers, text);
    Name *name = NULL;

    if (number < 0) {
        fail(r, "unknown feature or property '%.64s'", text);
    } else if (r->names[number].seen_in == r->nchanges) {
        fail(r, "'%s' is changed twice", text);
    } else {
        name = &r->names[number];
        name->seen_in = r->nchanges;
    }
    return name;
}

static bool read_switches(Reader *r, const JsonNode *list, bool on,
                          Changes *changes)
{
    size_t i;

    for (i = 0; i < json_node_count(list); i++) {
        const JsonNode *item = json_node_at(list, i);
        Setting *setting = &changes->settings[changes->count];
        const Name *name;

        if (!json_node_text(item)) {
            return fail(r, "'%s' has an item that is not a string",
                        on ? "on" : "off");
        }
        name = use_name(r, json_node_text(item));
        if (!name) {
            return false;
        }
        if (name->type == MODELS_FILE_INT || name->type == MODELS_FILE_TEXT) {
            return fail(r, "'%s' is neither on nor off",
                        json_node_text(item));
        }
        setting->index = name->index;
        read_switch(name, on, setting);
        changes->count++;
    }
    return true;
}

static bool read_set(Reader *r, const JsonNode *set, Changes *changes)
{
    size_t i;

    for (i = 0; i < json_node_count(set); i++) {
        const JsonNode *value = json_node_at(set, i);
        Setting *setting = &changes->settings[changes->count];
        const char *text = value->name;
        const Name *name = use_name(r, text);

        if (!name) {
            return false;
        }
        if (name->kind == SET_ON) {
            return fail(r, "feature '%s' is in 'set'", text);
        }
        if (!read_value(r, text, name, value, setting)) {
            return false;
        }
        changes->count++;
    }
    return true;
}

/* Member "changes" of @json */
static bool read_changes(Reader *r, const JsonNode *json, Changes *changes)
{
    const JsonNode *object, *on, *off, *set;
    size_t count;

    if (!get_object(r, json, "changes", &object) ||
        !get_optional_list(r, object, "on", &on) ||
        !get_optional_list(r, object, "off", &off)) {
        return false;
    }
    set = json_node_get(object, "set");
    if (set && !json_node_is(set, JSON_KIND_OBJECT)) {
        return fail(r, "'set' is not an object");
    }
    if (json_node_count(object) != (size_t)(!!on + !!off + !!set)) {
        return fail(r, "'changes' has more than on, off and set");
    }
    r->nchanges++;
    count = json_node_count(on) + json_node_count(off) + json_node_count(set);
    /* No name is there twice. */
    if (count > r->nnames) {
        return fail(r, "more changes than there are properties");
    }
    changes->settings = calloc(count ? count : 1, sizeof(Setting));
    if (!changes->settings) {
        return fail_memory(r);
    }
    return read_switches(r, on, true, changes) &&
           read_switches(r, off, false, changes) && read_set(r, set, changes);
}

/* ---- layers ---- */

static bool read_machine_types(Reader *r, const JsonNode *list, int number,
                               Layer *layer)
{
    ModelsNames *numbers = &r->file->layer_numbers;
    size_t i;

    for (i = 0; i < json_node_count(list); i++) {
        const JsonNode *item = json_node_at(list, i);

        if (!json_node_text(item) || !*json_node_text(item)) {
            return fail(r, "'machine-types' has an item that is not a name");
        }
        if (!add_number(r, numbers, json_node_text(item), number,
                        "machine type")) {
            return false;
        }
    }
    layer->machine_types = list;
    return models_names_find(numbers, layer->name) == number ||
           fail(r, "'%.64s' is not among its machine types", layer->name);
}

/* Layer @number is like one before it, or like nothing if it is the first. */
static bool read_layer_like(Reader *r, const JsonNode *item, int number,
                            Layer *layer)
{
    const JsonNode *json = json_node_get(item, "like");
    const char *name;
    int like;

    if (!number) {
        return !json || fail(r, "the first layer is like no other");
    }
    if (!get_text(r, item, "like", &name)) {
        return false;
    }
    like = models_names_find(&r->file->layer_numbers, name);
    if (like < 0 || like >= number ||
        strcmp(r->file->layers[like].name, name)) {
        return fail(r, "'%.64s' is not an earlier layer", name);
    }
    layer->like = like;
    return true;
}

static bool read_layers(Reader *r, const JsonNode *root)
{
    ModelsFile *file = r->file;
    const JsonNode *list, *machine_types;
    size_t i;

    if (!get_list(r, root, "layers", &list)) {
        return false;
    }
    if (!json_node_count(list)) {
        return fail(r, "'layers' is empty");
    }
    file->layers = new_array(r, list, "layers", MAX_LAYERS, sizeof(Layer));
    if (!file->layers) {
        return false;
    }
    file->nlayers = json_node_count(list);
    for (i = 0; i < file->nlayers; i++) {
        const JsonNode *item = json_node_at(list, i);
        Layer *layer = &file->layers[i];

        at(r, "layers", i);
        if (!check_object(r, item) ||
            !get_text(r, item, "name", &layer->name) ||
            !get_list(r, item, "machine-types", &machine_types) ||
            !read_machine_types(r, machine_types, i, layer) ||
            !read_layer_like(r, item, i, layer) ||
            !read_changes(r, item, &layer->changes)) {
            return false;
        }
        layer->base = i ? file->layers[layer->like].base : file->nothing;
        apply(&layer->base, &layer->changes);
    }
    return true;
}

/* Files that were made before there were any have none. */
static bool read_machine_aliases(Reader *r, const JsonNode *root)
{
    ModelsFile *file = r->file;
    const JsonNode *list;
    const char *alias, *machine;
    size_t i;

    if (!get_optional_list(r, root, "machine-aliases", &list)) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        const JsonNode *item = json_node_at(list, i);

        at(r, "machine-aliases", i);
        if (!check_object(r, item) ||
            !get_text(r, item, "alias", &alias) ||
            !get_text(r, item, "machine-type", &machine)) {
            return false;
        }
        if (models_names_find(&file->layer_numbers, machine) < 0) {
            return fail(r, "'%.64s' is not a machine type of any layer",
                        machine);
        }
        if (models_names_find(&file->layer_numbers, alias) >= 0) {
            return fail(r, "alias '%.64s' is a machine type of a layer",
                        alias);
        }
        if (!add_number(r, &file->alias_numbers, alias, i, "alias")) {
            return false;
        }
    }
    file->machine_aliases = list;
    return true;
}

/* ---- models ---- */

static bool same_cpu(const X86Cpu *a, const X86Cpu *b)
{
    int i;

    for (i = 0; i < X86CPU_CACHES; i++) {
        if (!x86cpu_same_cache(&a->caches[i], &b->caches[i])) {
            return false;
        }
    }
    for (i = 0; i < TEXTS; i++) {
        if (strcmp(text_of(a, i), text_of(b, i))) {
            return false;
        }
    }
    return !memcmp(a->words, b->words, sizeof(a->words)) &&
           !memcmp(a->values, b->values, sizeof(a->values));
}

/* What model @number is in the first layer; -1 is a CPU without anything */
static void put_first(const ModelsFile *file, int number, X86Cpu *cpu)
{
    if (number < 0) {
        *cpu = file->nothing;
    } else if (number == BASE) {
        *cpu = file->layers[0].base;
    } else {
        const Model *model = &file->models[number];

        put_first(file, model->like_number, cpu);
        apply(cpu, &model->changes);
    }
}

static int find_like(const ModelsFile *file, const Model *model)
{
    return model->like ? models_names_find(&file->model_numbers, model->like)
                       : -1;
}

/*
 * Finds which models model @number and those that it is like are like.  @chain
 * has room for the number of each.
 */
static bool resolve_model(Reader *r, int number, int *chain)
{
    ModelsFile *file = r->file;
    size_t length = 0;

    while (number >= 0 && !file->models[number].known) {
        const Model *model = &file->models[number];

        if (length == file->nmodels) {
            return fail(r, "'like' of '%.64s' goes round in a circle",
                        model->name);
        }
        chain[length++] = number;
        number = find_like(file, model);
        if (model->like && number < 0) {
            return fail(r, "'%.64s' is like unknown model '%.64s'",
                        model->name, model->like);
        }
    }
    while (length) {
        Model *model = &file->models[chain[--length]];

        model->like_number = number;
        model->known = true;
        number = chain[length];
    }
    return true;
}

static bool resolve_models(Reader *r)
{
    int *chain = calloc(r->file->nmodels, sizeof(*chain));
    bool ok = chain || fail_memory(r);
    size_t i;

    for (i = 0; ok && i < r->file->nmodels; i++) {
        at(r, "models", NO_ITEM);
        ok = resolve_model(r, i, chain);
    }
    free(chain);
    return ok;
}

/*
 * base is what the first layer says, whether or not the models have it: then
 * they have to say the same.
 */
static bool check_base(Reader *r, const Model *listed)
{
    X86Cpu cpu = r->file->nothing;

    apply(&cpu, &listed->changes);
    if (listed->like || !same_cpu(&cpu, &r->file->layers[0].base)) {
        return fail(r, "model 'base' is not as the first layer says");
    }
    return true;
}

static bool read_model(Reader *r, const JsonNode *json)
{
    ModelsFile *file = r->file;
    Model *model = &file->models[file->nmodels];
    Model base = { 0 };
    const char *name;
    bool ok;

    if (!check_object(r, json) || !get_text(r, json, "name", &name)) {
        return false;
    }
    if (!strcmp(name, "base")) {
        ok = get_optional_text(r, json, "like", &base.like) &&
             read_changes(r, json, &base.changes) && check_base(r, &base);
        free(base.changes.settings);
        return ok;
    }
    if (!add_number(r, &file->model_numbers, name, file->nmodels, "model")) {
        return false;
    }
    model->name = name;
    file->nmodels++;
    return get_optional_text(r, json, "like", &model->like) &&
           read_changes(r, json, &model->changes);
}

static bool read_models(Reader *r, const JsonNode *root)
{
    ModelsFile *file = r->file;
    const JsonNode *list;
    size_t i;

    if (!get_list(r, root, "models", &list)) {
        return false;
    }
    if (json_node_count(list) > MAX_MODELS) {
        return fail(r, "'models' has more than %d items", MAX_MODELS);
    }
    /* One more for base */
    file->models = calloc(json_node_count(list) + 1, sizeof(Model));
    if (!file->models) {
        return fail_memory(r);
    }
    file->models[BASE] = (Model) {
        .name = "base", .known = true,
    };
    file->nmodels = 1;
    if (!add_number(r, &file->model_numbers, "base", BASE, "model")) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        at(r, "models", i);
        if (!read_model(r, json_node_at(list, i))) {
            return false;
        }
    }
    return resolve_models(r);
}

/* ---- exceptions ---- */

/* By layer; those of a layer apply in the order of the file. */
static int compare_exceptions(const void *p, const void *q)
{
    const Exception *a = p, *b = q;

    if (a->layer != b->layer) {
        return a->layer < b->layer ? -1 : 1;
    }
    return a->place < b->place ? -1 : 1;
}

static bool read_exception(Reader *r, const JsonNode *json,
                           Exception *exception)
{
    const char *model, *layer;

    if (!check_object(r, json) ||
        !get_optional_text(r, json, "model", &model) ||
        !get_text(r, json, "layer", &layer)) {
        return false;
    }
    exception->model = ALL_BUT_BASE;
    if (model) {
        exception->model = models_file_find_model(r->file, model);
        if (exception->model < 0) {
            if (!models_tree_is_partial(r->file->tree)) {
                return fail(r, "unknown model '%.64s'", model);
            }
            exception->model = NOT_READ;
        }
    }
    exception->layer = models_names_find(&r->file->layer_numbers, layer);
    if (exception->layer < 0 ||
        strcmp(r->file->layers[exception->layer].name, layer)) {
        return fail(r, "unknown layer '%.64s'", layer);
    }
    return read_changes(r, json, &exception->changes);
}

static bool read_exceptions(Reader *r, const JsonNode *json,
                            Exceptions *exceptions)
{
    const JsonNode *list;
    size_t i;

    if (!get_list(r, json, "exceptions", &list)) {
        return false;
    }
    exceptions->items = new_array(r, list, "exceptions", SIZE_MAX,
                                  sizeof(Exception));
    if (!exceptions->items) {
        return false;
    }
    exceptions->count = json_node_count(list);
    for (i = 0; i < exceptions->count; i++) {
        exceptions->items[i].place = i;
        at_below(r, "exceptions", i);
        if (!read_exception(r, json_node_at(list, i),
                            &exceptions->items[i])) {
            return false;
        }
    }
    qsort(exceptions->items, exceptions->count, sizeof(Exception),
          compare_exceptions);
    return true;
}

static bool read_model_exceptions(Reader *r, const JsonNode *root)
{
    Exceptions *exceptions = &r->file->exceptions;
    size_t i;

    if (!read_exceptions(r, root, exceptions)) {
        return false;
    }
    for (i = 0; i < exceptions->count; i++) {
        const Exception *exception = &exceptions->items[i];

        at_below(r, "exceptions", exception->place);
        if (exception->model == BASE) {
            return fail(r, "layers say what base is");
        }
        if (!exception->layer) {
            return fail(r, "models say what they are in the first layer");
        }
    }
    return true;
}

static bool applies_to(const Exception *exception, size_t model)
{
    return exception->model == ALL_BUT_BASE
           ? model != BASE : (size_t)exception->model == model;
}

/* ---- accelerators ---- */

static bool read_condition(Reader *r, const JsonNode *json,
                           Condition *condition)
{
    const JsonNode *list;
    size_t i;

    if (!check_object(r, json) ||
        !get_list(r, json, "kernel-irqchip", &list)) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        const JsonNode *item = json_node_at(list, i);
        int irqchip;

        if (!json_node_text(item)) {
            return fail(r, "'kernel-irqchip' has an item that is not a string");
        }
        irqchip = find_text(models_file_irqchip_names, MODELS_FILE_IRQCHIPS,
                            json_node_text(item));
        if (irqchip < 0) {
            return fail(r, "unknown kernel-irqchip '%.64s'",
                        json_node_text(item));
        }
        condition->irqchips[irqchip] = true;
    }
    return read_changes(r, json, &condition->changes);
}

/* Whether @text is one of 64 hexadecimal digits in lower case, or empty */
static bool is_fingerprint(const char *text)
{
    return text && (!*text || (strlen(text) == 64 &&
                               strspn(text, "0123456789abcdef") == 64));
}

/*
 * Fingerprints are for other readers, to compare with what they compute; here
 * they only have to look like some.
 */
static bool check_fingerprints(Reader *r, const JsonNode *json)
{
    const JsonNode *list, *values;
    const char *model;
    size_t i, j;

    if (!get_optional_list(r, json, "fingerprints", &list)) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        const JsonNode *item = json_node_at(list, i);

        if (!get_text(r, item, "model", &model) ||
            !get_list(r, item, "values", &values)) {
            return false;
        }
        for (j = 0; j < json_node_count(values); j++) {
            if (!is_fingerprint(json_node_text(json_node_at(values, j)))) {
                return fail(r, "a fingerprint of '%.64s' is not 64 "
                            "hexadecimal digits, or empty", model);
            }
        }
    }
    return true;
}

static bool read_accelerator(Reader *r, const JsonNode *json, size_t place)
{
    Accelerator *accelerator;
    const JsonNode *list;
    size_t i;
    int number, host_vendor;

    if (!check_object(r, json) ||
        !get_choice(r, json, "name", accelerator_names,
                    ARRAY_LENGTH(accelerator_names), &number)) {
        return false;
    }
    accelerator = &r->file->accelerators[number];
    if (accelerator->present) {
        return fail(r, "accelerator '%s' is there twice",
                    accelerator_names[number]);
    }
    accelerator->present = true;
    if (!get_choice(r, json, "host-vendor", host_vendor_names,
                    ARRAY_LENGTH(host_vendor_names), &host_vendor) ||
        !read_changes(r, json, &accelerator->changes) ||
        !get_list(r, json, "conditions", &list)) {
        return false;
    }
    accelerator->host_vendor = host_vendor;
    accelerator->conditions = new_array(r, list, "conditions", MAX_MODELS,
                                        sizeof(Condition));
    if (!accelerator->conditions) {
        return false;
    }
    accelerator->nconditions = json_node_count(list);
    for (i = 0; i < accelerator->nconditions; i++) {
        at_below(r, "conditions", i);
        if (!read_condition(r, json_node_at(list, i),
                            &accelerator->conditions[i])) {
            return false;
        }
    }
    at(r, "accelerators", place);
    return check_fingerprints(r, json) &&
           read_exceptions(r, json, &accelerator->exceptions);
}

static bool read_accelerators(Reader *r, const JsonNode *root)
{
    const JsonNode *list;
    size_t i;

    if (!get_list(r, root, "accelerators", &list)) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        at(r, "accelerators", i);
        if (!read_accelerator(r, json_node_at(list, i), i)) {
            return false;
        }
    }
    return true;
}

/* ---- files ---- */

/* Member "digest" is over what answers follow from. */
static bool check_digest(Reader *r, const JsonNode *root)
{
    char digest[65];

    if (!get_text(r, root, "digest", &r->file->digest)) {
        return false;
    }
    if (models_tree_is_intact(r->file->tree)) {
        return true;
    }
    models_digest(root, digest);
    return !strcmp(r->file->digest, digest) ||
           fail(r, "damaged: 'digest' is not %s, that of these contents",
                digest);
}

/* Member "$crc32" is over everything. */
static bool check_crc(Reader *r, const JsonNode *root)
{
    const char *said;
    char crc[9];

    if (!get_optional_text(r, root, "$crc32", &said)) {
        return false;
    }
    if (!said || models_tree_is_intact(r->file->tree)) {
        return true;
    }
    snprintf(crc, sizeof(crc), "%08x", models_crc32(root));
    return !strcmp(said, crc) ||
           fail(r, "damaged: '$crc32' is not %s, that of the rest", crc);
}

static bool read_format(Reader *r, const JsonNode *root)
{
    const char *kind = json_node_text(json_node_get(root, "format"));
    uint64_t format = 0;

    /* Files that were swapped */
    if (kind && !strcmp(kind, "x86-cpu-host")) {
        return fail(r, "the passport of a host, and no file of CPU models");
    }
    if (!get_number(r, root, "format-version", UINT64_MAX, &format)) {
        return false;
    }
    if (format != FORMAT_VERSION) {
        return fail(r, "format-version %llu is not %d, the one known here",
                    (unsigned long long)format, FORMAT_VERSION);
    }
    return true;
}

static bool read_version(Reader *r, const JsonNode *root)
{
    uint64_t major = 0, minor = 0, micro = 0;
    const char *package;
    const JsonNode *qemu;

    if (!get_object(r, root, "qemu", &qemu)) {
        return false;
    }
    at(r, "qemu", NO_ITEM);
    if (!get_number(r, qemu, "major", UINT16_MAX, &major) ||
        !get_number(r, qemu, "minor", UINT16_MAX, &minor)) {
        return false;
    }
    r->file->tables.version = major << 16 | minor;
    if (json_node_get(qemu, "micro") &&
        !get_number(r, qemu, "micro", UINT16_MAX, &micro)) {
        return false;
    }
    package = json_node_text(json_node_get(qemu, "package"));
    if (package && !*package) {
        package = NULL;
    }
    snprintf(r->file->version, sizeof(r->file->version),
             "%u.%u.%u%s%.64s%s", (unsigned)major, (unsigned)minor,
             (unsigned)micro, package ? " (" : "", package ? package : "",
             package ? ")" : "");
    clean(r->file->version);
    return true;
}

static bool read_root(Reader *r, const JsonNode *root)
{
    static bool (*const parts[])(Reader *r, const JsonNode *root) = {
        read_format, check_digest, check_crc, read_version, read_words,
        read_properties, read_dependencies, read_components, read_descriptors,
        read_layers, read_machine_aliases, read_models,
        read_model_exceptions, read_accelerators,
    };
    size_t i;

    if (!json_node_is(root, JSON_KIND_OBJECT)) {
        return fail(r, "not a JSON object");
    }
    for (i = 0; i < ARRAY_LENGTH(parts); i++) {
        at(r, NULL, NO_ITEM);
        if (!parts[i](r, root)) {
            return false;
        }
    }
    return true;
}

ModelsFile *models_file_read(const char *path, char *error, size_t size)
{
    return models_file_read_named(path, NULL, 0, error, size);
}

ModelsFile *models_file_read_named(const char *path, const char *const *names,
                                   size_t count, char *error, size_t size)
{
    Reader r = {
        .file = calloc(1, sizeof(ModelsFile)),
        .path = path,
        .error = error,
        .error_size = size,
        .names = calloc(MAX_FEATURES + X86CPU_PROPERTY_COUNT + TEXTS +
                        X86CPU_CACHES, sizeof(Name)),
    };
    char problem[MODELS_TREE_ERROR];
    ModelsFile *file = r.file;
    bool ok = file && r.names;

    if (!ok) {
        fail_memory(&r);
    } else {
        file->tree = models_tree_load(path, names, count, problem,
                                      sizeof(problem));
        ok = file->tree ? read_root(&r, models_tree_root(file->tree))
                        : fail(&r, "%s", problem);
    }
    free(r.names);
    models_names_free(&r.name_numbers);
    models_names_free(&r.word_numbers);
    if (!ok) {
        models_file_free(file);
        return NULL;
    }
    return file;
}

static void free_exceptions(Exceptions *exceptions)
{
    size_t i;

    for (i = 0; i < exceptions->count; i++) {
        free(exceptions->items[i].changes.settings);
    }
    free(exceptions->items);
}

void models_file_free(ModelsFile *file)
{
    size_t i, j;

    if (!file) {
        return;
    }
    for (i = 0; i < ARRAY_LENGTH(file->accelerators); i++) {
        Accelerator *accelerator = &file->accelerators[i];

        for (j = 0; j < accelerator->nconditions; j++) {
            free(accelerator->conditions[j].changes.settings);
        }
        free(accelerator->conditions);
        free(accelerator->changes.settings);
        free_exceptions(&accelerator->exceptions);
    }
    free_exceptions(&file->exceptions);
    for (i = 0; i < file->nmodels; i++) {
        free(file->models[i].changes.settings);
    }
    free(file->models);
    for (i = 0; i < file->nlayers; i++) {
        free(file->layers[i].changes.settings);
    }
    free(file->layers);
    free(file->descriptors);
    free(file->components);
    free(file->dependencies);
    free(file->feature_names);
    free(file->features);
    models_names_free(&file->feature_numbers);
    models_names_free(&file->layer_numbers);
    models_names_free(&file->alias_numbers);
    models_names_free(&file->model_numbers);
    models_tree_free(file->tree);
    free(file);
}

/* ---- answers ---- */

const X86CpuTables *models_file_tables(const ModelsFile *file)
{
    return &file->tables;
}

ModelsFileType models_file_type(const ModelsFile *file, X86CpuPropertyId id)
{
    return file->types[id];
}

const char *models_file_digest(const ModelsFile *file)
{
    return file->digest;
}

const char *models_file_version(const ModelsFile *file)
{
    return file->version;
}

const char *models_file_newest_machine_type(const ModelsFile *file)
{
    return models_file_machine_type(file, 0, 0);
}

int models_file_find_feature(const ModelsFile *file, const char *name)
{
    return models_names_find(&file->feature_numbers, name);
}

const char *models_file_libvirt_name(const ModelsFile *file, size_t feature)
{
    return file->feature_names[feature].libvirt;
}

bool models_file_is_migratable(const ModelsFile *file, size_t feature)
{
    return file->feature_names[feature].migratable;
}

void models_file_each_feature(const ModelsFile *file,
                              void (*found)(const char *name, void *opaque),
                              void *opaque)
{
    size_t i;

    for (i = 0; i < file->feature_numbers.count; i++) {
        found(file->feature_numbers.items[i].name, opaque);
    }
}

size_t models_file_model_count(const ModelsFile *file)
{
    return file->nmodels;
}

const char *models_file_model(const ModelsFile *file, size_t model)
{
    return file->models[model].name;
}

int models_file_find_model(const ModelsFile *file, const char *name)
{
    return models_names_find(&file->model_numbers, name);
}

bool models_file_is_alias(const ModelsFile *file, size_t model)
{
    return file->models[model].like && !file->models[model].changes.count;
}

const char *models_file_alias_of(const ModelsFile *file, size_t model)
{
    return file->models[model].like;
}

size_t models_file_layer_count(const ModelsFile *file)
{
    return file->nlayers;
}

const char *models_file_layer(const ModelsFile *file, size_t layer)
{
    return file->layers[layer].name;
}

size_t models_file_machine_type_count(const ModelsFile *file, size_t layer)
{
    return json_node_count(file->layers[layer].machine_types);
}

const char *models_file_machine_type(const ModelsFile *file, size_t layer,
                                     size_t i)
{
    return json_node_text(json_node_at(file->layers[layer].machine_types,
                                            i));
}

int models_file_find_layer(const ModelsFile *file, const char *machine_type)
{
    return models_names_find(&file->layer_numbers, machine_type);
}

int models_file_find_machine(const ModelsFile *file, const char **machine)
{
    int alias = models_names_find(&file->alias_numbers, *machine);

    if (alias >= 0) {
        *machine = json_node_text(json_node_get(
            json_node_at(file->machine_aliases, alias), "machine-type"));
    }
    return models_file_find_layer(file, *machine);
}

void models_file_each_machine(const ModelsFile *file,
                              void (*found)(const char *name, void *opaque),
                              void *opaque)
{
    size_t i, j;

    for (i = 0; i < file->nlayers; i++) {
        for (j = 0; j < models_file_machine_type_count(file, i); j++) {
            found(models_file_machine_type(file, i, j), opaque);
        }
    }
    for (i = 0; i < file->alias_numbers.count; i++) {
        found(file->alias_numbers.items[i].name, opaque);
    }
}

bool models_file_has_accelerator(const ModelsFile *file,
                                 X86CpuAccelerator accel)
{
    return (size_t)accel < ARRAY_LENGTH(file->accelerators) &&
           file->accelerators[accel].present;
}

/* What model @model, but base, is in layer @number without an accelerator */
static void find_in_layer(const ModelsFile *file, size_t model, size_t number,
                          X86Cpu *cpu)
{
    const Layer *layer = &file->layers[number];
    size_t i;

    if (!number) {
        put_first(file, model, cpu);
        return;
    }
    find_in_layer(file, model, layer->like, cpu);
    x86cpu_follow(cpu, &file->layers[layer->like].base, &layer->base);
    for (i = 0; i < file->exceptions.count; i++) {
        const Exception *exception = &file->exceptions.items[i];

        if ((size_t)exception->layer == number &&
            applies_to(exception, model)) {
            apply(cpu, &exception->changes);
        }
    }
}

bool models_file_plain(const ModelsFile *file, size_t model, size_t layer,
                       X86Cpu *cpu)
{
    if (model >= file->nmodels || layer >= file->nlayers) {
        return false;
    }
    if (model == BASE) {
        *cpu = file->layers[layer].base;
    } else {
        find_in_layer(file, model, layer, cpu);
    }
    return true;
}

static void apply_accelerator(const Accelerator *accelerator, size_t model,
                              size_t layer, ModelsFileIrqchip irqchip,
                              const char *host_vendor, X86Cpu *cpu)
{
    HostVendor with_host_vendor = accelerator->host_vendor;
    size_t i;

    if (host_vendor &&
        (with_host_vendor == HOST_VENDOR_ALL ||
         (with_host_vendor == HOST_VENDOR_NAMED && model != BASE))) {
        set_text(cpu, TEXT_VENDOR, host_vendor);
    }
    if (model != BASE) {
        apply(cpu, &accelerator->changes);
        for (i = 0; i < accelerator->nconditions; i++) {
            if (accelerator->conditions[i].irqchips[irqchip]) {
                apply(cpu, &accelerator->conditions[i].changes);
            }
        }
    }
    for (i = 0; i < accelerator->exceptions.count; i++) {
        const Exception *exception = &accelerator->exceptions.items[i];

        if ((size_t)exception->layer == layer &&
            applies_to(exception, model)) {
            apply(cpu, &exception->changes);
        }
    }
}

bool models_file_requested(const ModelsFile *file, size_t model, size_t layer,
                           X86CpuAccelerator accel, ModelsFileIrqchip irqchip,
                           const char *host_vendor, X86Cpu *cpu)
{
    if (irqchip >= MODELS_FILE_IRQCHIPS ||
        !models_file_has_accelerator(file, accel) ||
        !models_file_plain(file, model, layer, cpu)) {
        return false;
    }
    apply_accelerator(&file->accelerators[accel], model, layer, irqchip,
                      host_vendor, cpu);
    return true;
}
