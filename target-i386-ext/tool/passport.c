/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The passport of a host
 *
 * docs/x86-cpu-host.rst describes the format.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "canonical-json.h"
#include "input-file.h"
#include "models-digest.h"
#include "models-json.h"
#include "passport.h"

/* <linux/kvm.h>: several entries of such a leaf follow each other. */
#define KVM_CPUID_FLAG_STATEFUL_FUNC (1 << 1)

enum {
    FORMAT_VERSION = 1,
    /* One with as many entries as there may be has 2.5 MB. */
    MAX_FILE = 4 << 20,
    MAX_TEXT = 256,
};

#define FORMAT "x86-cpu-host"

const char *const passport_capability_names[PASSPORT_CAPS] = {
#define X(name) #name,                  /* "MCE"; in the same order */
    PASSPORT_CAPABILITIES(X)
#undef X
};

static const char *const register_names[4] = { "eax", "ebx", "ecx", "edx" };
static const char *const without_digest[] = { "digest", NULL };

/* Where errors are */
typedef struct Reader {
    const char *where;
    char *error;
    /* The list that is being read, or NULL, and the number of the entry */
    const char *list;
    size_t entry;
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

/* Always false */
__attribute__((format(printf, 2, 3)))
static bool fail(const Reader *r, const char *format, ...)
{
    char message[256], entry[64] = "";
    va_list ap;

    va_start(ap, format);
    vsnprintf(message, sizeof(message), format, ap);
    va_end(ap);
    if (r->list) {
        snprintf(entry, sizeof(entry), "%s[%zu]: ", r->list, r->entry);
    }
    snprintf(r->error, PASSPORT_ERROR, "%.180s: %s%s", r->where, entry,
             message);
    clean(r->error);
    return false;
}

static bool fail_memory(const Reader *r)
{
    return fail(r, "not enough memory");
}

/* ---- values ---- */

static bool get_member(const Reader *r, const JsonNode *json, const char *name,
                       const JsonNode **member)
{
    *member = json_node_get(json, name);
    return *member || fail(r, "'%s' is missing", name);
}

/* Whether it is one from 0 to @max */
static bool is_integer(const JsonNode *json, uint64_t max)
{
    return json_node_is(json, JSON_KIND_INTEGER) && !json->negative &&
           json->number <= max;
}

static bool get_integer(const Reader *r, const JsonNode *json, const char *name,
                        uint64_t max, uint64_t *value)
{
    const JsonNode *member;

    if (!get_member(r, json, name, &member)) {
        return false;
    }
    if (!is_integer(member, max)) {
        return fail(r, "'%s' is not an integer from 0 to %" PRIu64, name, max);
    }
    *value = member->number;
    return true;
}

static bool get_u32(const Reader *r, const JsonNode *json, const char *name,
                    uint32_t *value)
{
    uint64_t integer = 0;

    if (!get_integer(r, json, name, UINT32_MAX, &integer)) {
        return false;
    }
    *value = integer;
    return true;
}

/* Texts: not every reader of JSON has all integers of 64 bits. */
static bool get_u64(const Reader *r, const JsonNode *json, const char *name,
                    uint64_t *value)
{
    const char *text, *digit;
    const JsonNode *member;

    if (!get_member(r, json, name, &member)) {
        return false;
    }
    text = json_node_is(member, JSON_KIND_TEXT) ? member->text : "";
    *value = 0;
    digit = text + (strncmp(text, "0x", 2) ? 0 : 2);
    if (digit > text && strlen(digit) <= 16 &&
        strspn(digit, "0123456789abcdef") == strlen(digit) &&
        (*digit != '0' || !digit[1])) {
        for (; *digit; digit++) {
            *value = *value << 4 |
                     (*digit <= '9' ? *digit - '0' : *digit - 'a' + 10);
        }
        if (digit > text + 2) {
            return true;
        }
    }
    return fail(r, "'%s' is not a string such as \"0x1f\", of at most 16 digits"
                " in lower case", name);
}

static bool get_list(Reader *r, const JsonNode *json, const char *name,
                     const JsonNode **list)
{
    r->list = NULL;
    if (!get_member(r, json, name, list)) {
        return false;
    }
    if (!json_node_is(*list, JSON_KIND_LIST)) {
        return fail(r, "'%s' is not a list", name);
    }
    if (json_node_count(*list) > PASSPORT_MAX_ENTRIES) {
        return fail(r, "'%s' has more than %d entries", name,
                    PASSPORT_MAX_ENTRIES);
    }
    return true;
}

/* Makes room for the entries of list @name, at least one. */
static bool start_list(Reader *r, const JsonNode *json, const char *name,
                       const JsonNode **list, size_t size, void *entries)
{
    void *room;

    if (!get_list(r, json, name, list)) {
        return false;
    }
    room = calloc(json_node_count(*list) + 1, size);
    if (!room) {
        return fail_memory(r);
    }
    memcpy(entries, &room, sizeof(room));
    r->list = name;
    return true;
}

static bool get_entry(Reader *r, const JsonNode *list, size_t entry,
                      const JsonNode **object)
{
    r->entry = entry;
    *object = json_node_at(list, entry);
    return json_node_is(*object, JSON_KIND_OBJECT) || fail(r, "not an object");
}

static bool get_registers(const Reader *r, const JsonNode *entry,
                          uint32_t regs[4])
{
    int i;

    for (i = 0; i < 4; i++) {
        if (!get_u32(r, entry, register_names[i], &regs[i])) {
            return false;
        }
    }
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Whether a key is in @keys twice.  It is put in *@twice; @keys are sorted. */
static bool find_twice(uint64_t *keys, size_t count, uint64_t *twice)
{
    size_t i;

    qsort(keys, count, sizeof(keys[0]), compare_keys);
    for (i = 1; i < count; i++) {
        if (keys[i] == keys[i - 1]) {
            *twice = keys[i];
            return true;
        }
    }
    return false;
}

/* ---- CPUID ---- */

static int compare_cpuid(const void *a, const void *b)
{
    const PassportCpuid *x = a, *y = b;

    if (x->leaf != y->leaf) {
        return x->leaf < y->leaf ? -1 : 1;
    }
    return (x->subleaf > y->subleaf) - (x->subleaf < y->subleaf);
}

static bool check_cpuid(Reader *r, const Passport *p)
{
    uint32_t regs[4];
    char vendor[13];
    size_t i;

    r->list = NULL;
    for (i = 1; i < p->ncpuid; i++) {
        const PassportCpuid *a = &p->cpuid[i - 1], *b = &p->cpuid[i];

        if (a->leaf == b->leaf && (a->subleaf == b->subleaf ||
                                   !a->has_subleaf || !b->has_subleaf)) {
            return fail(r, "'cpuid' has leaf 0x%" PRIx32 ", subleaf 0x%" PRIx32
                        " twice", b->leaf, b->subleaf);
        }
    }
    if (!passport_cpuid(p, 0, 0, regs)) {
        return fail(r, "'cpuid' lacks leaf 0x0");
    }
    passport_vendor(p, vendor);
    for (i = 0; i < 12; i++) {
        if (vendor[i] < ' ' || vendor[i] > '~') {
            return fail(r, "leaf 0x0 of 'cpuid' has no vendor of 12 printable "
                        "characters");
        }
    }
    return true;
}

static bool read_cpuid(Reader *r, Passport *p, const JsonNode *json)
{
    const JsonNode *list, *entry;
    size_t i;

    if (!start_list(r, json, "cpuid", &list, sizeof(p->cpuid[0]), &p->cpuid)) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        PassportCpuid *to = &p->cpuid[i];

        if (!get_entry(r, list, i, &entry) ||
            !get_u32(r, entry, "leaf", &to->leaf) ||
            !get_registers(r, entry, to->regs)) {
            return false;
        }
        to->has_subleaf = json_node_get(entry, "subleaf");
        if (to->has_subleaf && !get_u32(r, entry, "subleaf", &to->subleaf)) {
            return false;
        }
    }
    p->ncpuid = i;
    qsort(p->cpuid, p->ncpuid, sizeof(p->cpuid[0]), compare_cpuid);
    return check_cpuid(r, p);
}

/* The entry of @subleaf; if there is none, one of another or NULL. */
static const PassportCpuid *find_cpuid(const Passport *p, uint32_t leaf,
                                       uint32_t subleaf)
{
    size_t low = 0, high = p->ncpuid;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const PassportCpuid *entry = &p->cpuid[middle];

        if (entry->leaf < leaf ||
            (entry->leaf == leaf && entry->has_subleaf &&
             entry->subleaf < subleaf)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < p->ncpuid && p->cpuid[low].leaf == leaf) {
        return &p->cpuid[low];
    }
    return low && p->cpuid[low - 1].leaf == leaf ? &p->cpuid[low - 1] : NULL;
}

bool passport_cpuid(const Passport *passport, uint32_t leaf, uint32_t subleaf,
                    uint32_t regs[4])
{
    uint32_t region = leaf & 0xc0000000;
    const PassportCpuid *entry = find_cpuid(passport, region, 0);

    memset(regs, 0, 4 * sizeof(regs[0]));
    /* Leaves from 0x40000000 on are a hypervisor's, not the CPU's. */
    if (region != 0x40000000 && region && !entry) {
        return true;
    }
    if (entry && leaf > entry->regs[0] && leaf != region) {
        return true;
    }
    entry = find_cpuid(passport, leaf, subleaf);
    if (entry && (!entry->has_subleaf || entry->subleaf == subleaf)) {
        memcpy(regs, entry->regs, sizeof(entry->regs));
    }
    return entry;
}

void passport_vendor(const Passport *passport, char vendor[13])
{
    static const int order[3] = { 1, 3, 2 };
    uint32_t regs[4];
    int i;

    passport_cpuid(passport, 0, 0, regs);
    for (i = 0; i < 12; i++) {
        vendor[i] = regs[order[i / 4]] >> i % 4 * 8;
    }
    vendor[12] = 0;
}

/* ---- KVM ---- */

static bool read_kvm_cpuid(Reader *r, const JsonNode *json, const char *name,
                           PassportKvmCpuid **entries, size_t *count)
{
    uint64_t twice = 0;
    size_t i, nkeys = 0;
    uint64_t *keys;
    const JsonNode *list, *entry;
    bool good;

    if (!start_list(r, json, name, &list, sizeof(**entries), entries)) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        PassportKvmCpuid *to = &(*entries)[i];

        if (!get_entry(r, list, i, &entry) ||
            !get_u32(r, entry, "function", &to->function) ||
            !get_u32(r, entry, "index", &to->index) ||
            !get_u32(r, entry, "flags", &to->flags) ||
            !get_registers(r, entry, to->regs)) {
            return false;
        }
    }
    *count = i;
    r->list = NULL;
    keys = calloc(*count + 1, sizeof(keys[0]));
    if (!keys) {
        return fail_memory(r);
    }
    for (i = 0; i < *count; i++) {
        const PassportKvmCpuid *from = &(*entries)[i];

        if (!(from->flags & KVM_CPUID_FLAG_STATEFUL_FUNC)) {
            keys[nkeys++] = (uint64_t)from->function << 32 | from->index;
        }
    }
    good = !find_twice(keys, nkeys, &twice);
    free(keys);
    return good || fail(r, "'%s' has function 0x%" PRIx64 ", index 0x%" PRIx64
                        " twice", name, twice >> 32, twice & UINT32_MAX);
}

/* @keys have room for all. */
static bool read_msrs(Reader *r, PassportKvm *kvm, const JsonNode *json,
                      uint64_t *keys)
{
    const JsonNode *list, *entry;
    uint64_t twice;
    size_t i;

    if (!start_list(r, json, "msr-index-list", &list, sizeof(kvm->msrs[0]),
                    &kvm->msrs)) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        const JsonNode *index = json_node_at(list, i);

        r->entry = i;
        if (!is_integer(index, UINT32_MAX)) {
            return fail(r, "not an integer from 0 to %" PRIu32, UINT32_MAX);
        }
        keys[i] = kvm->msrs[i] = index->number;
    }
    kvm->nmsrs = i;
    r->list = NULL;
    if (find_twice(keys, kvm->nmsrs, &twice)) {
        return fail(r, "'msr-index-list' has 0x%" PRIx64 " twice", twice);
    }

    if (!start_list(r, json, "feature-msrs", &list,
                    sizeof(kvm->feature_msrs[0]), &kvm->feature_msrs)) {
        return false;
    }
    for (i = 0; i < json_node_count(list); i++) {
        PassportMsr *to = &kvm->feature_msrs[i];

        if (!get_entry(r, list, i, &entry) ||
            !get_u32(r, entry, "index", &to->index) ||
            !get_u64(r, entry, "value", &to->value)) {
            return false;
        }
        keys[i] = to->index;
    }
    kvm->nfeature_msrs = i;
    r->list = NULL;
    if (find_twice(keys, kvm->nfeature_msrs, &twice)) {
        return fail(r, "'feature-msrs' has 0x%" PRIx64 " twice", twice);
    }
    return true;
}

static bool read_capabilities(Reader *r, PassportKvm *kvm, const JsonNode *json)
{
    const JsonNode *object;
    uint64_t value = 0;
    int i;

    if (!get_member(r, json, "capabilities", &object)) {
        return false;
    }
    if (!json_node_is(object, JSON_KIND_OBJECT)) {
        return fail(r, "'capabilities' is not an object");
    }
    for (i = 0; i < PASSPORT_CAPS; i++) {
        if (!get_integer(r, object, passport_capability_names[i], INT32_MAX,
                         &value)) {
            return false;
        }
        kvm->capabilities[i] = value;
    }
    return true;
}

static bool read_kvm(Reader *r, Passport *p, const JsonNode *json)
{
    PassportKvm *kvm = &p->kvm;
    uint64_t *keys, khz = 0;
    bool good;

    keys = calloc(PASSPORT_MAX_ENTRIES, sizeof(keys[0]));
    if (!keys) {
        return fail_memory(r);
    }
    good = read_kvm_cpuid(r, json, "supported-cpuid", &kvm->supported,
                          &kvm->nsupported) &&
           read_kvm_cpuid(r, json, "supported-hv-cpuid", &kvm->supported_hv,
                          &kvm->nsupported_hv) &&
           read_msrs(r, kvm, json, keys) &&
           read_capabilities(r, kvm, json) &&
           get_u64(r, json, "xcomp-guest-supp", &kvm->xcomp_guest_supp) &&
           get_u64(r, json, "xcomp-guest-permission",
                   &kvm->xcomp_guest_permission) &&
           get_u64(r, json, "mce-cap", &kvm->mce_cap) &&
           get_integer(r, json, "tsc-khz", INT32_MAX, &khz);
    free(keys);
    if (!good) {
        return false;
    }
    kvm->tsc_khz = khz;
    return !(kvm->xcomp_guest_permission & ~kvm->xcomp_guest_supp) ||
           fail(r, "'xcomp-guest-permission' has bits that 'xcomp-guest-supp' "
                "lacks");
}

/* ---- the whole ---- */

/* NULL if it is null or absent */
static bool get_info_text(const Reader *r, const JsonNode *info,
                          const char *name, const char **text)
{
    const JsonNode *value = json_node_get(info, name);
    const char *c;

    *text = NULL;
    if (!value || value->kind == JSON_KIND_NULL) {
        return true;
    }
    *text = json_node_text(value);
    c = *text;
    while (c && *c >= ' ' && *c <= '~') {
        c++;
    }
    return (c && !*c && c - *text <= MAX_TEXT) ||
           fail(r, "'%s' is not a string of at most %d printable characters",
                name, MAX_TEXT);
}

static bool read_info(const Reader *r, Passport *p, const JsonNode *json)
{
    const JsonNode *info;

    if (!get_member(r, json, "info", &info)) {
        return false;
    }
    if (!json_node_is(info, JSON_KIND_OBJECT)) {
        return fail(r, "'info' is not an object");
    }
    p->hybrid = json_node_is(json_node_get(info, "hybrid"),
                             JSON_KIND_TRUE);
    return get_info_text(r, info, "microcode", &p->microcode) &&
           get_info_text(r, info, "kernel", &p->kernel);
}

static bool check_format(const Reader *r, const JsonNode *json)
{
    const JsonNode *version;
    const char *format;

    if (!json_node_is(json, JSON_KIND_OBJECT)) {
        return fail(r, "not a passport: not an object");
    }
    format = json_node_text(json_node_get(json, "format"));
    /* Files that were swapped */
    if (!format && json_node_is(json_node_get(json, "qemu"),
                                 JSON_KIND_OBJECT) &&
        json_node_is(json_node_get(json, "models"), JSON_KIND_LIST)) {
        return fail(r, "not a passport, but a file of CPU models");
    }
    if (!format || strcmp(format, FORMAT)) {
        return fail(r, "not a passport: 'format' is not \"" FORMAT "\"");
    }
    if (!get_member(r, json, "format-version", &version)) {
        return false;
    }
    if (!json_node_is(version, JSON_KIND_INTEGER)) {
        return fail(r, "'format-version' is not an integer");
    }
    return version->number == FORMAT_VERSION ||
           fail(r, "'format-version' is %" PRId64 ", and only %d can be read",
                (int64_t)version->number, FORMAT_VERSION);
}

static bool check_digest(const Reader *r, Passport *p, const JsonNode *json)
{
    const char *problem, *text;
    const JsonNode *digest;

    if (!get_member(r, json, "digest", &digest)) {
        return false;
    }
    if (p->tree) {
        models_digest_of_passport(json, p->digest);
    } else if (!canonical_json_digest(p->json, without_digest, p->digest,
                                      &problem)) {
        return fail(r, "%s", problem);
    }
    text = json_node_text(digest);
    return (text && !strcmp(text, p->digest)) ||
           fail(r, "damaged: 'digest' is not %s, the SHA-256 of the rest",
                p->digest);
}

static bool read_passport(Reader *r, Passport *p, const JsonNode *json)
{
    const JsonNode *kvm;

    if (!check_format(r, json) || !check_digest(r, p, json) ||
        !read_cpuid(r, p, json) || !get_member(r, json, "kvm", &kvm)) {
        return false;
    }
    p->has_kvm = kvm->kind != JSON_KIND_NULL;
    if (p->has_kvm && !json_node_is(kvm, JSON_KIND_OBJECT)) {
        return fail(r, "'kvm' is neither an object nor null");
    }
    return (!p->has_kvm || read_kvm(r, p, kvm)) && read_info(r, p, json);
}

/* Frees what is below @node. */
static void free_nodes(JsonNode *node)
{
    JsonNode *items = (JsonNode *)node->items;
    size_t i;

    if (json_node_is(node, JSON_KIND_LIST) ||
        json_node_is(node, JSON_KIND_OBJECT)) {
        for (i = 0; i < node->length; i++) {
            free_nodes(&items[i]);
        }
        free(items);
    }
}

/*
 * Makes @node of @json, whose texts it uses.  Real numbers become null: the
 * digest, which is computed from @json, refuses them.
 */
static bool make_nodes(const json_t *json, JsonNode *node)
{
    static const uint8_t kinds[] = {
        [JSON_OBJECT] = JSON_KIND_OBJECT, [JSON_ARRAY] = JSON_KIND_LIST,
        [JSON_STRING] = JSON_KIND_TEXT, [JSON_INTEGER] = JSON_KIND_INTEGER,
        [JSON_REAL] = JSON_KIND_NULL, [JSON_TRUE] = JSON_KIND_TRUE,
        [JSON_FALSE] = JSON_KIND_FALSE, [JSON_NULL] = JSON_KIND_NULL,
    };
    size_t i, count = json_object_size(json) + json_array_size(json);
    void *iter = json_object_iter((json_t *)json);
    JsonNode *items;
    bool good = true;

    node->kind = kinds[json_typeof(json)];
    if (json_is_string(json)) {
        node->text = json_string_value(json);
        node->length = json_string_length(json);
    } else if (json_is_integer(json)) {
        node->number = json_integer_value(json);
        node->negative = json_integer_value(json) < 0;
    } else if (json_is_object(json) || json_is_array(json)) {
        node->items = items = calloc(count + 1, sizeof(*items));
        for (i = 0; items && good && i < count; i++) {
            const json_t *value = json_array_get(json, i);

            if (iter) {
                items[i].name = json_object_iter_key(iter);
                items[i].name_length = strlen(items[i].name);
                value = json_object_iter_value(iter);
                iter = json_object_iter_next((json_t *)json, iter);
            }
            good = make_nodes(value, &items[i]);
            node->length++;
        }
        good = good && items;
    }
    return good;
}

/* @json or @tree is NULL; takes @tree. */
static Passport *new_passport(Reader *r, json_t *json, ModelsTree *tree)
{
    Passport *p = calloc(1, sizeof(*p));
    JsonNode root = { .name = NULL };
    bool good;

    if (!p) {
        models_tree_free(tree);
        fail_memory(r);
        return NULL;
    }
    p->json = json_incref(json);
    p->tree = tree;
    if (tree) {
        good = read_passport(r, p, models_tree_root(tree));
    } else {
        good = make_nodes(json, &root) ? read_passport(r, p, &root)
                                       : fail_memory(r);
        free_nodes(&root);
    }
    if (!good) {
        passport_free(p);
        return NULL;
    }
    return p;
}

Passport *passport_from_json(json_t *json, const char *where, char *error)
{
    Reader r = { .where = where, .error = error };

    return new_passport(&r, json, NULL);
}

Passport *passport_read(const char *path, char *error)
{
    Reader r = { .where = strcmp(path, "-") ? path : "stdin", .error = error };
    json_error_t found = { .text = "" };
    Passport *passport;
    char problem[128];
    ModelsTree *tree;
    json_t *json;
    size_t length;
    char *text;

    text = input_file_read(path, MAX_FILE, &length, problem, sizeof(problem));
    if (!text) {
        fail(&r, "%s", problem);
        return NULL;
    }
    if (!models_json_is_small(text, length)) {
        free(text);
        fail(&r, "more than %d values", MODELS_JSON_MAX_VALUES);
        return NULL;
    }
    tree = models_tree_of_text(text, length);
    if (tree) {
        free(text);
        return new_passport(&r, NULL, tree);
    }
    /* What is wrong, and what is odd, is for jansson. */
    json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &found);
    free(text);
    if (!json) {
        /* jansson does not say that it has no memory. */
        if (*found.text) {
            fail(&r, "line %d, column %d: %.160s", found.line, found.column,
                 found.text);
        } else {
            fail_memory(&r);
        }
        return NULL;
    }
    passport = passport_from_json(json, r.where, error);
    json_decref(json);
    return passport;
}

void passport_kvm_free(PassportKvm *kvm)
{
    free(kvm->supported);
    free(kvm->supported_hv);
    free(kvm->msrs);
    free(kvm->feature_msrs);
    *kvm = (PassportKvm) { .supported = NULL };
}

void passport_free(Passport *passport)
{
    if (passport) {
        free(passport->cpuid);
        passport_kvm_free(&passport->kvm);
        json_decref(passport->json);
        models_tree_free(passport->tree);
        free(passport);
    }
}

/* ---- writing ---- */

/*
 * json_object_set_new() and json_array_append_new() fail if the value is NULL:
 * memory that ran out anywhere makes the whole NULL.
 */
typedef struct Writer {
    bool failed;
} Writer;

static void set(Writer *w, json_t *object, const char *name, json_t *value)
{
    w->failed |= json_object_set_new(object, name, value) != 0;
}

static void append(Writer *w, json_t *list, json_t *value)
{
    w->failed |= json_array_append_new(list, value) != 0;
}

static json_t *u64_to_json(uint64_t value)
{
    char text[19];

    snprintf(text, sizeof(text), "0x%" PRIx64, value);
    return json_string(text);
}

static void set_registers(Writer *w, json_t *entry, const uint32_t regs[4])
{
    int i;

    for (i = 0; i < 4; i++) {
        set(w, entry, register_names[i], json_integer(regs[i]));
    }
}

static json_t *cpuid_to_json(Writer *w, const PassportCpuid *cpuid,
                             size_t count)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < count; i++) {
        json_t *entry = json_object();

        set(w, entry, "leaf", json_integer(cpuid[i].leaf));
        if (cpuid[i].has_subleaf) {
            set(w, entry, "subleaf", json_integer(cpuid[i].subleaf));
        }
        set_registers(w, entry, cpuid[i].regs);
        append(w, list, entry);
    }
    return list;
}

static json_t *kvm_cpuid_to_json(Writer *w, const PassportKvmCpuid *entries,
                                 size_t count)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < count; i++) {
        json_t *entry = json_object();

        set(w, entry, "function", json_integer(entries[i].function));
        set(w, entry, "index", json_integer(entries[i].index));
        set(w, entry, "flags", json_integer(entries[i].flags));
        set_registers(w, entry, entries[i].regs);
        append(w, list, entry);
    }
    return list;
}

static json_t *kvm_to_json(Writer *w, const PassportKvm *kvm)
{
    json_t *json = json_object(), *list;
    size_t i;

    set(w, json, "supported-cpuid",
        kvm_cpuid_to_json(w, kvm->supported, kvm->nsupported));
    set(w, json, "supported-hv-cpuid",
        kvm_cpuid_to_json(w, kvm->supported_hv, kvm->nsupported_hv));
    list = json_array();
    for (i = 0; i < kvm->nmsrs; i++) {
        append(w, list, json_integer(kvm->msrs[i]));
    }
    set(w, json, "msr-index-list", list);
    list = json_array();
    for (i = 0; i < kvm->nfeature_msrs; i++) {
        json_t *entry = json_object();

        set(w, entry, "index", json_integer(kvm->feature_msrs[i].index));
        set(w, entry, "value", u64_to_json(kvm->feature_msrs[i].value));
        append(w, list, entry);
    }
    set(w, json, "feature-msrs", list);
    list = json_object();
    for (i = 0; i < PASSPORT_CAPS; i++) {
        set(w, list, passport_capability_names[i],
            json_integer(kvm->capabilities[i]));
    }
    set(w, json, "capabilities", list);
    set(w, json, "xcomp-guest-supp", u64_to_json(kvm->xcomp_guest_supp));
    set(w, json, "xcomp-guest-permission",
        u64_to_json(kvm->xcomp_guest_permission));
    set(w, json, "mce-cap", u64_to_json(kvm->mce_cap));
    set(w, json, "tsc-khz", json_integer(kvm->tsc_khz));
    return json;
}

json_t *passport_to_json(const PassportCpuid *cpuid, size_t ncpuid,
                         const PassportKvm *kvm, json_t *info)
{
    json_t *json = json_object();
    const char *problem;
    Writer w = { false };
    char digest[65];

    set(&w, json, "format", json_string(FORMAT));
    set(&w, json, "format-version", json_integer(FORMAT_VERSION));
    set(&w, json, "cpuid", cpuid_to_json(&w, cpuid, ncpuid));
    set(&w, json, "kvm", kvm ? kvm_to_json(&w, kvm) : json_null());
    set(&w, json, "info", info);
    if (w.failed ||
        !canonical_json_digest(json, without_digest, digest, &problem)) {
        json_decref(json);
        return NULL;
    }
    set(&w, json, "digest", json_string(digest));
    if (w.failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}
