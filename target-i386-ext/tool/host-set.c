/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The distinct hosts of a fleet
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "baseline.h"
#include "host-set.h"

enum {
    /* Slots of the hash table, of which at most half are in use */
    SLOTS = 2 * HOST_SET_MAX,
    NO_KIND = 0,
};

#define LM (1ull << 29)                 /* CPUID[0x80000001].EDX */
#define LBR_FMT 0x3full                 /* IA32_PERF_CAPABILITIES */

struct HostSet {
    HostSetOptions options;
    HostKind **kinds;
    size_t nkinds;
    bool sorted;
    uint64_t count;
    HostNames unknown;
    /* Numbers of kinds from 1 on, by the hash of their vectors */
    uint16_t slots[SLOTS];
};

/* Always false */
__attribute__((format(printf, 2, 3)))
static bool fail(char *error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(error, HOST_SET_ERROR, format, ap);
    va_end(ap);
    return false;
}

static bool fail_memory(char *error)
{
    return fail(error, "not enough memory");
}

/* ---- names ---- */

bool host_name_is_good(const char *name)
{
    size_t length = strnlen(name, HOST_NAME_MAX + 1);
    size_t i;

    for (i = 0; i < length; i++) {
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f) {
            return false;
        }
    }
    return length && length <= HOST_NAME_MAX;
}

static bool add_first(HostNames *to, const char *name)
{
    size_t place = to->nfirst;
    char *copy;

    while (place && strcmp(to->first[place - 1], name) > 0) {
        place--;
    }
    if (place == HOST_NAMES_KEPT ||
        (place && !strcmp(to->first[place - 1], name))) {
        return true;
    }
    copy = strdup(name);
    if (!copy) {
        return false;
    }
    if (to->nfirst == HOST_NAMES_KEPT) {
        free(to->first[--to->nfirst]);
    }
    memmove(&to->first[place + 1], &to->first[place],
            (to->nfirst - place) * sizeof(to->first[0]));
    to->first[place] = copy;
    to->nfirst++;
    return true;
}

static bool add_names(HostNames *to, uint64_t count, const char *const *first,
                      size_t nfirst)
{
    size_t i;

    for (i = 0; i < nfirst; i++) {
        if (!add_first(to, first[i])) {
            return false;
        }
    }
    to->count += count;
    return true;
}

bool host_names_merge(HostNames *to, const HostNames *from)
{
    return add_names(to, from->count, (const char *const *)from->first,
                     from->nfirst);
}

bool host_names_add(HostNames *to, const char *name)
{
    return add_names(to, 1, &name, 1);
}

void host_names_free(HostNames *names)
{
    while (names->nfirst) {
        free(names->first[--names->nfirst]);
    }
}

json_t *host_names_list(const HostNames *names)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < names->nfirst; i++) {
        json_array_append_new(list, json_string(names->first[i]));
    }
    return list;
}

/* ---- vectors ---- */

/*
 * Only what JSON can carry: passports may have any bytes in the model's name.
 */
static void copy_text(char *to, const char *from)
{
    for (; *from; from++) {
        *to++ = *from >= ' ' && *from <= '~' ? *from : '?';
    }
}

/* By members: what is between them, assignment may leave as it was. */
static void copy_cpu(X86Cpu *to, const X86Cpu *from)
{
    int i;

    copy_text(to->vendor, from->vendor);
    copy_text(to->model_id, from->model_id);
    copy_text(to->hv_vendor_id, from->hv_vendor_id);
    memcpy(to->words, from->words, sizeof(to->words));
    memcpy(to->values, from->values, sizeof(to->values));
    /* A baseline needs every value. */
    memset(to->given, true, sizeof(to->given));
    for (i = 0; i < X86CPU_CACHES; i++) {
        const X86CpuCache *cache = &from->caches[i];

        if (cache->size && !from->values[X86CPU_LEGACY_CACHE]) {
            to->caches[i].size = cache->size;
            memcpy(to->caches[i].numbers, cache->numbers,
                   sizeof(cache->numbers));
            memcpy(to->caches[i].share, cache->share, strlen(cache->share));
            memcpy(to->caches[i].flags, cache->flags, sizeof(cache->flags));
        }
    }
}

/* Bits that CPU models can have: whether a host offers others is all one. */
static void find_bits(const X86CpuTables *tables, uint64_t *bits)
{
    size_t i;

    memset(bits, 0, X86CPU_MAX_WORDS * sizeof(*bits));
    for (i = 0; i < tables->nfeatures; i++) {
        bits[tables->features[i].word] |= tables->features[i].mask;
    }
}

void host_vector_finish(const ModelsFile *file, HostVector *vector)
{
    const X86CpuTables *tables = models_file_tables(file);
    uint64_t named[X86CPU_MAX_WORDS];
    HostVector finished;
    unsigned i, w;

    find_bits(tables, named);
    memset(&finished, 0, sizeof(finished));
    copy_cpu(&finished.cpu, &vector->cpu);
    for (w = 0; w < X86CPU_MAX_WORDS; w++) {
        uint64_t bits = x86cpu_is_derived_word(w) ? UINT64_MAX : named[w];
        uint64_t left = named[w] & ~vector->offer.words[w];

        if (!tables->words[w].present) {
            continue;
        }
        if (w == X86CPU_FEAT_PERF_CAPABILITIES) {
            bits |= LBR_FMT;
        }
        finished.offer.words[w] = vector->offer.words[w] & bits;
        for (i = 0; i < HOST_LACKS; i++) {
            finished.lacking[i][w] = vector->lacking[i][w] & left;
            left &= ~finished.lacking[i][w];
        }
    }
    finished.offer.intel_pt_capable = vector->offer.intel_pt_capable;
    finished.offer.avx10_version = vector->offer.avx10_version;
    finished.offer.phys_bits = vector->offer.phys_bits;
    finished.values.phys_bits = vector->values.phys_bits;
    finished.values.guest_phys_bits = vector->values.guest_phys_bits;
    memcpy(vector, &finished, sizeof(finished));
}

static void find_lacking(const X86CpuTables *tables, const HostOffer *offer,
                         HostVector *vector)
{
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        const X86CpuFeature *f = &tables->features[i];
        uint64_t left = f->mask & ~offer->offer.words[f->word];

        for (; left; left &= left - 1) {
            X86CpuBits bit = { f->word, left & -left };

            vector->lacking[host_offer_lack(tables, offer, bit)][f->word] |=
                bit.mask;
        }
    }
}

bool host_vector_fill(const HostSetOptions *options, const Passport *passport,
                      HostVector *vector)
{
    const X86CpuTables *tables = models_file_tables(options->file);
    HostOffer offer;

    memset(vector, 0, sizeof(*vector));
    memset(&offer, 0, sizeof(offer));
    if (!host_offer_fill(passport, tables, &options->machine, &offer)) {
        return false;
    }
    host_offer_cpu(passport, options->file, options->layer, &options->machine,
                   &offer, &vector->cpu);
    vector->offer = offer.offer;
    vector->values = offer.values;
    find_lacking(tables, &offer, vector);
    host_vector_finish(options->file, vector);
    return true;
}

/* QEMU starts with no such CPU, and there is no baseline with it. */
static bool check_vector(const HostVector *vector, char *error)
{
    const X86Cpu *cpu = &vector->cpu;
    uint64_t bits = cpu->values[X86CPU_PHYS_BITS];
    uint64_t guest_bits = cpu->values[X86CPU_GUEST_PHYS_BITS];

    if (x86cpu_missing_cache(cpu) != X86CPU_CACHES) {
        return fail(error, "it has some caches, and lacks %s",
                    models_file_cache_names[x86cpu_missing_cache(cpu)]);
    }
    if ((cpu->words[X86CPU_FEAT_8000_0001_EDX] & LM) &&
        (bits < 32 || bits > 52)) {
        return fail(error, "it has %llu physical bits, not 32 to 52",
                    (unsigned long long)bits);
    }
    if (guest_bits && (guest_bits < 32 || guest_bits > bits)) {
        return fail(error, "guests have %llu physical bits there, not 32 to "
                    "%llu", (unsigned long long)guest_bits,
                    (unsigned long long)bits);
    }
    return true;
}

/* ---- set ---- */

HostSet *host_set_new(const HostSetOptions *options)
{
    HostSet *set = calloc(1, sizeof(*set));

    if (set) {
        set->options = *options;
        set->kinds = calloc(HOST_SET_MAX, sizeof(set->kinds[0]));
    }
    if (set && !set->kinds) {
        free(set);
        return NULL;
    }
    return set;
}

void host_set_free(HostSet *set)
{
    size_t i;

    if (!set) {
        return;
    }
    for (i = 0; i < set->nkinds; i++) {
        host_names_free(&set->kinds[i]->names);
        free(set->kinds[i]);
    }
    host_names_free(&set->unknown);
    free(set->kinds);
    free(set);
}

const HostSetOptions *host_set_options(const HostSet *set)
{
    return &set->options;
}

/* FNV-1a, by 64 bits: nothing but speed depends on it. */
static uint64_t hash_of(const HostVector *vector)
{
    const unsigned char *bytes = (const unsigned char *)vector;
    uint64_t hash = 0xcbf29ce484222325, part;
    size_t i;

    for (i = 0; i + sizeof(part) <= sizeof(*vector); i += sizeof(part)) {
        memcpy(&part, bytes + i, sizeof(part));
        hash = (hash ^ part) * 0x100000001b3;
        hash ^= hash >> 29;
    }
    return hash;
}

/* The slot of the kind with @vector, or that where it has to be */
static size_t find_slot(const HostSet *set, const HostVector *vector)
{
    size_t slot = hash_of(vector) % SLOTS;

    while (set->slots[slot] != NO_KIND &&
           memcmp(&set->kinds[set->slots[slot] - 1]->vector, vector,
                  sizeof(*vector))) {
        slot = (slot + 1) % SLOTS;
    }
    return slot;
}

bool host_set_add_vector(HostSet *set, const HostVector *vector,
                         uint64_t count, const char *const *first,
                         size_t nfirst, char *error)
{
    size_t slot;
    HostKind *kind;

    if (!check_vector(vector, error)) {
        return false;
    }
    if (count > INT64_MAX - set->count) {
        return fail(error, "there are more than %lld hosts",
                    (long long)INT64_MAX);
    }
    if (set->sorted) {
        /* Sorting has moved the kinds. */
        size_t i;

        memset(set->slots, 0, sizeof(set->slots));
        for (i = 0; i < set->nkinds; i++) {
            set->slots[find_slot(set, &set->kinds[i]->vector)] = i + 1;
        }
        set->sorted = false;
    }
    slot = find_slot(set, vector);
    if (set->slots[slot] == NO_KIND) {
        if (set->nkinds == HOST_SET_MAX) {
            return fail(error, "more than %d kinds of hosts: fleet has no "
                        "room for more; split the fleet, by vendor for "
                        "instance", HOST_SET_MAX);
        }
        kind = calloc(1, sizeof(*kind));
        if (!kind) {
            return fail_memory(error);
        }
        memcpy(&kind->vector, vector, sizeof(*vector));
        set->kinds[set->nkinds++] = kind;
        set->slots[slot] = set->nkinds;
    }
    kind = set->kinds[set->slots[slot] - 1];
    if (!add_names(&kind->names, count, first, nfirst)) {
        return fail_memory(error);
    }
    set->count += count;
    return true;
}

bool host_set_add_unknown(HostSet *set, uint64_t count,
                          const char *const *first, size_t nfirst,
                          char *error)
{
    if (count > INT64_MAX - set->unknown.count) {
        return fail(error, "there are more than %lld hosts",
                    (long long)INT64_MAX);
    }
    return add_names(&set->unknown, count, first, nfirst) ||
           fail_memory(error);
}

bool host_set_add(HostSet *set, const Passport *passport, const char *name,
                  char *error)
{
    const char *refusal = host_options_problem(passport,
                                               &set->options.machine);
    HostVector vector;

    if (!host_vector_fill(&set->options, passport, &vector)) {
        return host_set_add_unknown(set, 1, &name, 1, error);
    }
    if (refusal) {
        return fail(error, "%.64s: %s", name, refusal);
    }
    return host_set_add_vector(set, &vector, 1, &name, 1, error);
}

uint64_t host_set_count(const HostSet *set)
{
    return set->count;
}

const HostNames *host_set_unknown(const HostSet *set)
{
    return &set->unknown;
}

static int compare_kinds(const void *a, const void *b)
{
    const HostKind *ka = *(HostKind *const *)a, *kb = *(HostKind *const *)b;
    int order = strcmp(ka->vector.cpu.vendor, kb->vector.cpu.vendor);

    return order ? order : memcmp(&ka->vector, &kb->vector,
                                  sizeof(ka->vector));
}

const HostKind *const *host_set_kinds(HostSet *set, size_t *count)
{
    if (!set->sorted) {
        qsort(set->kinds, set->nkinds, sizeof(set->kinds[0]), compare_kinds);
        set->sorted = true;
    }
    *count = set->nkinds;
    return (const HostKind *const *)set->kinds;
}
