/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads passports of hosts, and dumps of CPUID, good ones and bad ones
 *
 * For test_host_passport.py, which builds it with sanitizers.  An error is one
 * line on stderr, and exit status 2; anything that no input may do is exit
 * status 3.
 *
 *   read FILE               what the passport says
 *   cpuid FILE LEAF...      what passport_cpuid() says of LEAF.SUBLEAF
 *   flip FILE SEED N        N times one flipped bit, which has to be refused
 *   mutate FILE SEED N      N times damaged bytes, and N times a damaged value
 *                           with the right digest: says how many were refused
 *   dump FILE SEED N        N times damaged bytes of a dump
 *   combine FILE FILE       a CPU with the cores of two dumps
 *   sha256                  of each of the first 300 lengths of stdin
 *   canonical FILE          the canonical text of JSON, and its digest
 */

#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include "canonical-json.h"
#include "host-dump.h"
#include "input-file.h"
#include "models-json.h"
#include "passport.h"
#include "sha256.h"

static const char *const without_digest[] = { "digest", NULL };
static uint64_t state;

static void die(const char *what)
{
    fprintf(stderr, "passport-reader: %s\n", what);
    exit(3);
}

/* xorshift64* */
static uint32_t draw(uint32_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * UINT64_C(0x2545f4914f6cdd1d) >> 32) % below;
}

static char *load(const char *path, size_t *length)
{
    FILE *f = fopen(path, "rb");
    char *bytes = malloc(1 << 24);

    if (!f || !bytes) {
        die("can't read the file");
    }
    *length = fread(bytes, 1, 1 << 24, f);
    fclose(f);
    return bytes;
}

/* A file in memory, and its path */
static int memory_file(char path[64])
{
    int fd = memfd_create("input", MFD_CLOEXEC);

    if (fd < 0) {
        die("no memfd");
    }
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void fill(int fd, const char *bytes, size_t length)
{
    if (ftruncate(fd, 0) || pwrite(fd, bytes, length, 0) != (ssize_t)length) {
        die("can't write to memory");
    }
}

/* One line of printable ASCII that says where the error is */
static void check_error(const char *error, const char *where, size_t room)
{
    size_t length = strnlen(error, room);

    if (length == room || length <= strlen(where) + 2 ||
        strncmp(error, where, strlen(where))) {
        die("an error without its place");
    }
    for (; *error; error++) {
        if (*error < ' ' || *error > '~') {
            die("an error that is not one line of ASCII");
        }
    }
}

static void use(const Passport *p)
{
    static const uint32_t some[] = {
        0, 1, 7, 0xd, 0x40000000, 0x80000008, 0xc0000001, UINT32_MAX,
    };
    char vendor[13];
    uint32_t regs[4];
    size_t i;

    for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        passport_cpuid(p, some[i], i & 1, regs);
    }
    passport_vendor(p, vendor);
    if (strlen(vendor) != 12 || strlen(p->digest) != 64) {
        die("no vendor or digest");
    }
}

static int print_passport(const char *path)
{
    char error[PASSPORT_ERROR], vendor[13];
    Passport *p = passport_read(path, error);
    uint64_t sum = 0;
    size_t i;

    if (!p) {
        fprintf(stderr, "%s\n", error);
        return 2;
    }
    passport_vendor(p, vendor);
    printf("vendor %s\ndigest %s\ncpuid %zu\n", vendor, p->digest, p->ncpuid);
    printf("microcode %s\nkernel %s\nhybrid %d\nkvm %d\n",
           p->microcode ? p->microcode : "-", p->kernel ? p->kernel : "-",
           p->hybrid, p->has_kvm);
    for (i = 0; i < p->kvm.nsupported; i++) {
        printf("supported %" PRIx32 " %" PRIx32 " %" PRIx32 " %" PRIx32 "\n",
               p->kvm.supported[i].function, p->kvm.supported[i].index,
               p->kvm.supported[i].flags, p->kvm.supported[i].regs[3]);
    }
    for (i = 0; i < p->kvm.nmsrs; i++) {
        sum += p->kvm.msrs[i];
    }
    printf("hv %zu\nmsrs %" PRIu64 "\n", p->kvm.nsupported_hv, sum);
    for (i = 0; i < p->kvm.nfeature_msrs; i++) {
        printf("msr %" PRIx32 " %" PRIx64 "\n", p->kvm.feature_msrs[i].index,
               p->kvm.feature_msrs[i].value);
    }
    for (i = 0; i < PASSPORT_CAPS; i++) {
        printf("cap %s %" PRId32 "\n", passport_capability_names[i],
               p->kvm.capabilities[i]);
    }
    printf("xcomp %" PRIx64 " %" PRIx64 "\nmce %" PRIx64 "\ntsc %" PRIu32 "\n",
           p->kvm.xcomp_guest_supp, p->kvm.xcomp_guest_permission,
           p->kvm.mce_cap, p->kvm.tsc_khz);
    passport_free(p);
    return 0;
}

static int print_cpuid(char **argv)
{
    char error[PASSPORT_ERROR];
    Passport *p = passport_read(argv[0], error);

    if (!p) {
        fprintf(stderr, "%s\n", error);
        return 2;
    }
    for (argv++; *argv; argv++) {
        char *dot;
        uint32_t regs[4], leaf = strtoul(*argv, &dot, 16);
        bool known = passport_cpuid(p, leaf, strtoul(dot + 1, NULL, 16), regs);

        printf("%s %d %" PRIx32 " %" PRIx32 " %" PRIx32 " %" PRIx32 "\n",
               *argv, known, regs[0], regs[1], regs[2], regs[3]);
    }
    passport_free(p);
    return 0;
}

static void refuse(int fd, const char *path, const char *bytes, size_t length)
{
    char error[PASSPORT_ERROR];
    Passport *p;

    fill(fd, bytes, length);
    p = passport_read(path, error);
    if (p) {
        die("a damaged passport was not refused");
    }
    check_error(error, path, sizeof(error));
}

static int flip(const char *from, int count)
{
    char path[64];
    int fd = memory_file(path);
    size_t length;
    char *bytes = load(from, &length);

    while (count--) {
        size_t at = draw(length);
        char bit = 1 << draw(8);

        bytes[at] ^= bit;
        refuse(fd, path, bytes, length);
        bytes[at] ^= bit;
    }
    free(bytes);
    close(fd);
    return 0;
}

/* A copy of @bytes with some of them damaged, or cut off */
static char *damaged(const char *bytes, size_t *length)
{
    static const char signs[] = "{}[]\",:\\0123456789exEXu-.\n \t";
    char *copy = malloc(*length + 16);
    int changes = 1 + draw(4);

    memcpy(copy, bytes, *length);
    while (changes--) {
        size_t at = draw(*length + 1), n = draw(16);

        switch (draw(4)) {
        case 0:
            *length = draw(8) ? *length : at;
            break;
        case 1:
            if (at + n <= *length) {
                memmove(copy + at, copy + at + n, *length - at - n);
                *length -= n;
            }
            break;
        default:
            if (at < *length) {
                copy[at] = draw(3) ? signs[draw(sizeof(signs) - 1)] :
                           (char)draw(256);
            }
        }
    }
    return copy;
}

static json_t *odd_value(void)
{
    switch (draw(12)) {
    case 0:
        return json_integer(-1);
    case 1:
        return json_integer(INT64_MAX);
    case 2:
        return json_integer(UINT32_MAX);
    case 3:
        return json_string("0xffffffffffffffff");
    case 4:
        return json_string("0x");
    case 5:
        return json_null();
    case 6:
        return json_array();
    case 7:
        return json_object();
    case 8:
        return json_real(1.5);
    case 9:
        return json_string("\xc3\xa9\n\x1b");
    case 10:
        return json_true();
    default:
        return json_integer(draw(0x100));
    }
}

/* Changes one value, anywhere in @json. */
static void damage_value(json_t *json)
{
    size_t count = json_is_object(json) ? json_object_size(json) :
                   json_array_size(json);
    size_t at = count ? draw(count) : 0;
    const char *key = NULL;
    json_t *value;
    void *iter;

    if (!count) {
        return;
    }
    if (json_is_object(json)) {
        for (iter = json_object_iter(json); at--;) {
            iter = json_object_iter_next(json, iter);
        }
        key = json_object_iter_key(iter);
        value = json_object_iter_value(iter);
    } else {
        value = json_array_get(json, at);
    }
    if ((json_is_object(value) || json_is_array(value)) && draw(8)) {
        damage_value(value);
    } else if (key && draw(4)) {
        json_object_set_new(json, key, odd_value());
    } else if (key) {
        json_object_del(json, key);
    } else if (draw(2)) {
        json_array_append(json, value);
    } else {
        json_array_set_new(json, at, odd_value());
    }
}

static bool read_damaged_value(json_t *good)
{
    json_t *json = json_deep_copy(good);
    char error[PASSPORT_ERROR], digest[65];
    int changes = 1 + draw(2);
    const char *problem;
    Passport *p;

    while (changes--) {
        damage_value(json);
    }
    if (json_object_get(json, "digest") &&
        canonical_json_digest(json, without_digest, digest, &problem)) {
        json_object_set_new(json, "digest", json_string(digest));
    }
    p = passport_from_json(json, "here", error);
    if (p) {
        use(p);
    } else {
        check_error(error, "here", sizeof(error));
    }
    passport_free(p);
    json_decref(json);
    return p;
}

static int mutate(const char *from, int count)
{
    char path[64], error[PASSPORT_ERROR];
    int i, good_bytes = 0, good_values = 0, fd = memory_file(path);
    size_t length;
    char *bytes = load(from, &length);
    json_t *json = json_loadb(bytes, length, 0, NULL);

    for (i = 0; i < count; i++) {
        size_t size = length;
        char *copy = damaged(bytes, &size);
        Passport *p;

        fill(fd, copy, size);
        p = passport_read(path, error);
        if (p) {
            use(p);
            good_bytes++;
        } else {
            check_error(error, path, sizeof(error));
        }
        passport_free(p);
        free(copy);
        good_values += read_damaged_value(json);
    }
    printf("%d %d\n", count - good_bytes, count - good_values);
    json_decref(json);
    free(bytes);
    close(fd);
    return 0;
}

static int mutate_dump(const char *from, int count)
{
    char path[64], error[HOST_DUMP_ERROR];
    int i, refused = 0, fd = memory_file(path);
    HostCpuid *cpuid = malloc(sizeof(*cpuid));
    size_t length;
    char *bytes = load(from, &length);

    for (i = 0; i < count; i++) {
        size_t size = length;
        char *copy = damaged(bytes, &size);
        HostDump *dump;

        fill(fd, copy, size);
        dump = host_dump_read(path, error);
        if (dump) {
            host_cpuid_read(cpuid, host_dump_cpuid, dump);
        } else {
            check_error(error, path, sizeof(error));
            refused++;
        }
        host_dump_free(dump);
        free(copy);
    }
    printf("%d\n", refused);
    free(cpuid);
    free(bytes);
    close(fd);
    return 0;
}

static int combine(char **paths)
{
    HostCpuid *cpuid = calloc(2, sizeof(*cpuid));
    char error[HOST_DUMP_ERROR];
    json_t *json;
    int i;

    for (i = 0; i < 2; i++) {
        HostDump *dump = host_dump_read(paths[i], error);

        if (!dump) {
            die(error);
        }
        host_cpuid_read(&cpuid[i], host_dump_cpuid, dump);
        host_dump_free(dump);
    }
    host_cpuid_combine(&cpuid[0], &cpuid[1]);
    json = passport_to_json(cpuid[0].entries, cpuid[0].count, NULL,
                            json_pack("{s:b}", "hybrid",
                                      host_cpuid_is_hybrid(&cpuid[0])));
    json_dumpf(json, stdout, JSON_SORT_KEYS);
    json_decref(json);
    free(cpuid);
    return 0;
}

static int print_sha256(void)
{
    char bytes[300], hex[65];
    size_t length, rest;

    if (fread(bytes, 1, sizeof(bytes), stdin) != sizeof(bytes)) {
        die("stdin is too short");
    }
    for (length = 0; length <= sizeof(bytes); length++) {
        Sha256 sha;

        /* In two pieces, wherever they meet */
        rest = length * 7 / 10;
        sha256_start(&sha);
        sha256_add(&sha, bytes, rest);
        sha256_add(&sha, bytes + rest, length - rest);
        sha256_finish(&sha, hex);
        puts(hex);
    }
    return 0;
}

static void print_text(const char *text, size_t length, void *opaque)
{
    fwrite(text, 1, length, opaque);
}

static int print_canonical(const char *path)
{
    const char *problem = NULL;
    char error[MODELS_JSON_ERROR], hex[65];
    size_t length;
    char *text = input_file_read(path, 1 << 24, &length, error, sizeof(error));
    json_t *json = text ? models_json_parse(text, length, error, sizeof(error))
                        : NULL;
    bool good;

    free(text);
    if (!json) {
        fprintf(stderr, "%s\n", error);
        return 2;
    }
    good = canonical_json(json, NULL, print_text, stdout, &problem) &&
           canonical_json_digest(json, NULL, hex, &problem);
    json_decref(json);
    if (!good) {
        fprintf(stderr, "%s\n", problem);
        return 2;
    }
    printf("\n%s\n", hex);
    return 0;
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (argc == 5) {
        state = strtoull(argv[3], NULL, 0) * 2 + 1;
        if (!strcmp(verb, "flip")) {
            return flip(argv[2], atoi(argv[4]));
        } else if (!strcmp(verb, "mutate")) {
            return mutate(argv[2], atoi(argv[4]));
        } else if (!strcmp(verb, "dump")) {
            return mutate_dump(argv[2], atoi(argv[4]));
        }
    }
    if (argc > 3 && !strcmp(verb, "cpuid")) {
        return print_cpuid(argv + 2);
    } else if (argc == 4 && !strcmp(verb, "combine")) {
        return combine(argv + 2);
    } else if (argc == 3 && !strcmp(verb, "read")) {
        return print_passport(argv[2]);
    } else if (argc == 3 && !strcmp(verb, "canonical")) {
        return print_canonical(argv[2]);
    } else if (argc == 2 && !strcmp(verb, "sha256")) {
        return print_sha256();
    }
    die("see the source for its verbs");
    return 3;
}
