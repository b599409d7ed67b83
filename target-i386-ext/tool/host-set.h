/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The distinct hosts of a fleet
 *
 * Answers, for x86-cpu fleet, best and baseline: which of these hosts are
 * alike, how many are there of each kind, and what are the first ones called?
 *
 * Of a host only what matters to CPUs of guests is kept: its vector.  However
 * many hosts are added, in whatever order and however they were split before,
 * the set is the same, and takes memory for the distinct ones only.
 */

#ifndef X86CPU_HOST_SET_H
#define X86CPU_HOST_SET_H

#include "host-offer.h"

enum {
    /* Room for the longest error */
    HOST_SET_ERROR = 512,
    /* How many distinct vectors a set has room for */
    HOST_SET_MAX = 4096,
    /* How many names are kept: the first ones in the order of their bytes */
    HOST_NAMES_KEPT = 10,
    /* The longest name, in bytes */
    HOST_NAME_MAX = 255,
    /* How many there are of HostLack */
    HOST_LACKS = HOST_LACK_CONFIGURATION + 1,
};

/* All of a host that matters; two of them are compared with memcmp(). */
typedef struct HostVector {
    /* CPU model "host" there: see host_offer_cpu(). */
    X86Cpu cpu;
    X86CpuOffer offer;
    X86CpuHostValues values;
    /* Features that it does not offer, by HostLack */
    uint64_t lacking[HOST_LACKS][X86CPU_MAX_WORDS];
} HostVector;

/* What hosts are called */
typedef struct HostNames {
    uint64_t count;
    /* The first ones, sorted; the same name is there once. */
    size_t nfirst;
    char *first[HOST_NAMES_KEPT];
} HostNames;

typedef struct HostKind {
    HostVector vector;
    HostNames names;
} HostKind;

typedef struct HostSet HostSet;

/* For what vectors are made; they differ with each of these. */
typedef struct HostSetOptions {
    const ModelsFile *file;
    size_t layer;
    HostOptions machine;
} HostSetOptions;

/* NULL if there is not enough memory.  @options is copied. */
HostSet *host_set_new(const HostSetOptions *options);

/* Frees @set; it may be NULL. */
void host_set_free(HostSet *set);

const HostSetOptions *host_set_options(const HostSet *set);

/* Puts what matters of the host in *@vector; false if KVM's part is unknown. */
bool host_vector_fill(const HostSetOptions *options, const Passport *passport,
                      HostVector *vector);

/*
 * Zeroes what is not to matter in *@vector, padding included: whatever makes
 * vectors calls it last.
 */
void host_vector_finish(const ModelsFile *file, HostVector *vector);

/*
 * Whether @name can be that of a host: UTF-8 of at most HOST_NAME_MAX bytes,
 * without control characters
 */
bool host_name_is_good(const char *name);

/*
 * Adds a host.  False, with one line of ASCII in @error, of HOST_SET_ERROR
 * bytes, if there is no room for another kind, or QEMU refuses such CPUs.
 */
bool host_set_add(HostSet *set, const Passport *passport, const char *name,
                  char *error);

/* The same for @count hosts, of which @nfirst names come first */
bool host_set_add_vector(HostSet *set, const HostVector *vector,
                         uint64_t count, const char *const *first,
                         size_t nfirst, char *error);
bool host_set_add_unknown(HostSet *set, uint64_t count,
                          const char *const *first, size_t nfirst,
                          char *error);

/* How many hosts there are, without those of which KVM's part is unknown */
uint64_t host_set_count(const HostSet *set);

/* Hosts whose passports don't say what KVM offers */
const HostNames *host_set_unknown(const HostSet *set);

/*
 * The kinds, sorted by vendor, then by their vectors, in an order without
 * meaning; until one is added
 */
const HostKind *const *host_set_kinds(HostSet *set, size_t *count);

/* Names: adds those of @from, or one, to *@to.  False: not enough memory */
bool host_names_merge(HostNames *to, const HostNames *from);
bool host_names_add(HostNames *to, const char *name);
void host_names_free(HostNames *names);

/* The first names, as a list of JSON */
json_t *host_names_list(const HostNames *names);

#endif /* X86CPU_HOST_SET_H */
