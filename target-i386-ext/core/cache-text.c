/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The text that describes a cache of an x86 CPU
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cache-text.h"

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const char *const number_keys[X86CPU_CACHE_NUMBERS] = {
    [X86CPU_CACHE_LINE] = "line",
    [X86CPU_CACHE_WAYS] = "ways",
    [X86CPU_CACHE_PARTITIONS] = "partitions",
    [X86CPU_CACHE_SETS] = "sets",
    [X86CPU_CACHE_TAG_LINES] = "tag-lines",
};

static const char *const flag_keys[X86CPU_CACHE_FLAGS] = {
    [X86CPU_CACHE_SELF_INIT] = "self-init",
    [X86CPU_CACHE_NO_INVD_SHARING] = "no-invd-sharing",
    [X86CPU_CACHE_INCLUSIVE] = "inclusive",
    [X86CPU_CACHE_COMPLEX_INDEXING] = "complex-indexing",
};

/* cpu.c can only encode these. */
static const char *const share_levels[] = {
    "core", "module", "die", "socket",
};

#define KEYS "line, ways, partitions, sets, tag-lines, share, self-init, " \
             "no-invd-sharing, inclusive, complex-indexing"

/* ---- what CPUID can show ---- */

#define L1D (1 << X86CPU_CACHE_L1D)
#define L1I (1 << X86CPU_CACHE_L1I)
#define L2  (1 << X86CPU_CACHE_L2)
#define L3  (1 << X86CPU_CACHE_L3)
#define ALL (L1D | L1I | L2 | L3)

/* Instead of an index of X86CpuCache.numbers */
#define SIZE (-1)

#define KIB 1024

/* Values that AMD_ENC_ASSOC() encodes; 0, for a disabled cache, is the end. */
static const uint8_t coded_ways[] = {
    1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 0
};

typedef struct Field {
    int caches;
    int number;
    /* 0 and NULL for the member of struct CPUCacheInfo, if it is narrowest */
    uint32_t leaf;
    const char *reg;
    uint8_t high, low;
    /* The field contains the value divided by this, minus @bias. */
    uint32_t unit;
    uint8_t bias;
    /* This many of the highest values have another meaning. */
    uint8_t reserved;
    /* Values that the field can encode, or NULL for all */
    const uint8_t *codes;
} Field;

/*
 * CPUID fields that describe a cache: SDM vol. 2A, CPUID, and APM vol. 3,
 * appendix E.4.  All of them apply to all CPUs, because under KVM a CPU model
 * has the host's vendor.  Leaf 2 has no fields: it refers to leaf 4 for a
 * cache without a descriptor.  The narrowest field of a value decides; the
 * table has all fields so that it can be checked against the manuals.
 */
static const Field fields[] = {
    { ALL, X86CPU_CACHE_LINE, 0x4, "EBX", 11, 0, 1, 1, 0, NULL },
    { ALL, X86CPU_CACHE_PARTITIONS, 0x4, "EBX", 21, 12, 1, 1, 0, NULL },
    { ALL, X86CPU_CACHE_WAYS, 0x4, "EBX", 31, 22, 1, 1, 0, NULL },
    { ALL, X86CPU_CACHE_SETS, 0x4, "ECX", 31, 0, 1, 1, 0, NULL },
    /* 255 ways are a fully associative cache, which cpu.c can't describe. */
    { L1D, SIZE, 0x80000005, "ECX", 31, 24, KIB, 0, 0, NULL },
    { L1D, X86CPU_CACHE_WAYS, 0x80000005, "ECX", 23, 16, 1, 0, 1, NULL },
    { L1D, X86CPU_CACHE_TAG_LINES, 0x80000005, "ECX", 15, 8, 1, 0, 0, NULL },
    { L1D, X86CPU_CACHE_LINE, 0x80000005, "ECX", 7, 0, 1, 0, 0, NULL },
    { L1I, SIZE, 0x80000005, "EDX", 31, 24, KIB, 0, 0, NULL },
    { L1I, X86CPU_CACHE_WAYS, 0x80000005, "EDX", 23, 16, 1, 0, 1, NULL },
    { L1I, X86CPU_CACHE_TAG_LINES, 0x80000005, "EDX", 15, 8, 1, 0, 0, NULL },
    { L1I, X86CPU_CACHE_LINE, 0x80000005, "EDX", 7, 0, 1, 0, 0, NULL },
    { L2, SIZE, 0x80000006, "ECX", 31, 16, KIB, 0, 0, NULL },
    { L2, X86CPU_CACHE_WAYS, 0x80000006, "ECX", 15, 12, 1, 0, 0, coded_ways },
    { L2, X86CPU_CACHE_TAG_LINES, 0x80000006, "ECX", 11, 8, 1, 0, 0, NULL },
    { L2, X86CPU_CACHE_LINE, 0x80000006, "ECX", 7, 0, 1, 0, 0, NULL },
    { L3, SIZE, 0x80000006, "EDX", 31, 18, 512 * KIB, 0, 0, NULL },
    { L3, X86CPU_CACHE_WAYS, 0x80000006, "EDX", 15, 12, 1, 0, 0, coded_ways },
    { L3, X86CPU_CACHE_TAG_LINES, 0x80000006, "EDX", 11, 8, 1, 0, 0, NULL },
    { L3, X86CPU_CACHE_LINE, 0x80000006, "EDX", 7, 0, 1, 0, 0, NULL },
    { ALL, X86CPU_CACHE_LINE, 0x8000001d, "EBX", 11, 0, 1, 1, 0, NULL },
    { ALL, X86CPU_CACHE_PARTITIONS, 0x8000001d, "EBX", 21, 12, 1, 1, 0, NULL },
    { ALL, X86CPU_CACHE_WAYS, 0x8000001d, "EBX", 31, 22, 1, 1, 0, NULL },
    { ALL, X86CPU_CACHE_SETS, 0x8000001d, "ECX", 31, 0, 1, 1, 0, NULL },
    { ALL, SIZE, 0, NULL, 31, 0, 1, 0, 0, NULL },
    { ALL, X86CPU_CACHE_WAYS, 0, NULL, 7, 0, 1, 0, 1, NULL },
    { ALL, X86CPU_CACHE_PARTITIONS, 0, NULL, 7, 0, 1, 0, 0, NULL },
    { ALL, X86CPU_CACHE_SETS, 0, NULL, 31, 0, 1, 0, 0, NULL },
};

static uint64_t field_max(const Field *field)
{
    uint64_t ones = (1ull << (field->high - field->low + 1)) - 1;
    const uint8_t *code = field->codes;

    if (code) {
        while (code[1]) {
            code++;
        }
        return *code;
    }
    return (ones - field->reserved + field->bias) * field->unit;
}

static const char *place_of(const Field *field, char place[64])
{
    if (!field->leaf) {
        snprintf(place, 64, "QEMU's %d bits", field->high + 1);
    } else {
        snprintf(place, 64, "CPUID leaf 0x%" PRIx32 " %s[%d:%d]",
                 field->leaf, field->reg, field->high, field->low);
    }
    return place;
}

static bool has_code(const Field *field, uint64_t value)
{
    const uint8_t *code;

    for (code = field->codes; *code; code++) {
        if (value == *code) {
            return true;
        }
    }
    return false;
}

static void list_codes(const Field *field, char text[64])
{
    const uint8_t *code;
    int length = 0;

    for (code = field->codes; *code; code++) {
        length += snprintf(text + length, 64 - length, "%s%d",
                           length ? ", " : "", *code);
    }
}

/* "line=64", or "the size 32768" */
static const char *name_value(int number, uint64_t value, char name[64])
{
    if (number == SIZE) {
        snprintf(name, 64, "the size %" PRIu64, value);
    } else {
        snprintf(name, 64, "%s=%" PRIu64, number_keys[number], value);
    }
    return name;
}

/* Fields with codes show 0 for values without a code. */
static bool is_shown(const Field *field, int which, int number,
                     X86CpuCacheCheck check)
{
    return field->number == number && (field->caches & 1 << which) &&
           (!field->codes || check == X86CPU_CACHE_CHECK_ALL);
}

/* The field of cache @which with the lowest maximum for @number */
static const Field *narrowest_field(int which, int number,
                                    X86CpuCacheCheck check)
{
    const Field *narrowest = NULL;
    size_t i;

    for (i = 0; i < ARRAY_LENGTH(fields); i++) {
        if (is_shown(&fields[i], which, number, check) &&
            (!narrowest || field_max(&fields[i]) < field_max(narrowest))) {
            narrowest = &fields[i];
        }
    }
    return narrowest;
}

/* Whether all fields can show @value of cache @which */
static bool check_value(int which, int number, uint64_t value,
                        X86CpuCacheCheck check, char *error)
{
    const Field *narrowest = narrowest_field(which, number, check);
    char name[64], place[64], codes[64];
    size_t i;

    name_value(number, value, name);
    if (value > field_max(narrowest)) {
        snprintf(error, X86CPU_CACHE_ERROR,
                 "%s is above %" PRIu64 ", the maximum "
                 "of %s", name, field_max(narrowest),
                 place_of(narrowest, place));
        return false;
    }
    for (i = 0; i < ARRAY_LENGTH(fields); i++) {
        const Field *field = &fields[i];

        if (!is_shown(field, which, number, check)) {
            continue;
        }
        if (value % field->unit) {
            snprintf(error, X86CPU_CACHE_ERROR,
                     "%s is not a multiple of %" PRIu32
                     ", the unit of %s", name, field->unit,
                     place_of(field, place));
            return false;
        }
        if (field->codes && !has_code(field, value)) {
            list_codes(field, codes);
            snprintf(error, X86CPU_CACHE_ERROR,
                     "%s has no code in %s, which has "
                     "codes for %s", name, place_of(field, place), codes);
            return false;
        }
    }
    return true;
}

/* Whether a number may be 0: upstream's models may lack the lines per tag. */
static bool may_be_zero(int number, X86CpuCacheCheck check)
{
    return check == X86CPU_CACHE_CHECK_NONE ||
           (check == X86CPU_CACHE_CHECK_SHOWN &&
            number == X86CPU_CACHE_TAG_LINES);
}

static bool check_cache(const X86CpuCache *cache, int which,
                        X86CpuCacheCheck check, char *error)
{
    uint64_t product = cache->numbers[X86CPU_CACHE_LINE] *
                       cache->numbers[X86CPU_CACHE_WAYS] *
                       cache->numbers[X86CPU_CACHE_PARTITIONS] *
                       cache->numbers[X86CPU_CACHE_SETS];
    int i;

    if (!check_value(which, SIZE, cache->size, check, error)) {
        return false;
    }
    for (i = 0; i < X86CPU_CACHE_NUMBERS; i++) {
        if (!cache->numbers[i] && !may_be_zero(i, check)) {
            snprintf(error, X86CPU_CACHE_ERROR,
                     "'%s' is missing", number_keys[i]);
            return false;
        }
        if (!check_value(which, i, cache->numbers[i], check, error)) {
            return false;
        }
    }
    if (!cache->share[0]) {
        snprintf(error, X86CPU_CACHE_ERROR,
                 "'share' is missing: core, module, die "
                 "or socket");
        return false;
    }
    if (product != cache->size) {
        snprintf(error, X86CPU_CACHE_ERROR,
                 "the size %" PRIu64 " is not line x "
                 "ways x partitions x sets, which is %" PRIu64, cache->size,
                 product);
        return false;
    }
    /* cpu.c asserts that. */
    if (cache->numbers[X86CPU_CACHE_WAYS] >=
        cache->numbers[X86CPU_CACHE_SETS]) {
        snprintf(error, X86CPU_CACHE_ERROR,
                 "%" PRIu64 " ways are not fewer than "
                 "%" PRIu64 " sets", cache->numbers[X86CPU_CACHE_WAYS],
                 cache->numbers[X86CPU_CACHE_SETS]);
        return false;
    }
    return true;
}

/* ---- text ---- */

/* A part of a text; errors show its beginning. */
typedef struct Part {
    const char *text;
    size_t length;
} Part;

static int shown_length(Part part)
{
    return part.length < 64 ? part.length : 64;
}

static bool is_text(Part part, const char *text)
{
    return part.length == strlen(text) &&
           !memcmp(part.text, text, part.length);
}

static int find_text(Part part, const char *const *texts, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        if (is_text(part, texts[i])) {
            return i;
        }
    }
    return -1;
}

/* Only decimal digits; refuses 010, which may be meant to be octal. */
static bool parse_digits(Part part, uint64_t *number)
{
    size_t i;

    if (!part.length || (part.length > 1 && part.text[0] == '0')) {
        return false;
    }
    for (*number = 0, i = 0; i < part.length; i++) {
        unsigned digit = (unsigned char)part.text[i] - '0';

        if (digit > 9 || *number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    return true;
}

/* 32768, 32K, 1M */
static bool parse_size(Part part, uint64_t *size)
{
    uint64_t unit = 1;

    if (part.length) {
        char last = part.text[part.length - 1];

        unit = last == 'K' ? KIB : last == 'M' ? KIB * KIB : 1;
    }
    part.length -= unit > 1;
    if (!parse_digits(part, size) || *size > UINT64_MAX / unit) {
        return false;
    }
    *size *= unit;
    return true;
}

/* Marks key @i as seen; false if it already was. */
static bool mark(unsigned *seen, int i, const char *key, char *error)
{
    if (*seen & 1u << i) {
        snprintf(error, X86CPU_CACHE_ERROR, "'%s' is given twice", key);
        return false;
    }
    *seen |= 1u << i;
    return true;
}

static bool parse_flag(X86CpuCache *cache, int i, const Part *value,
                       unsigned *seen, char *error)
{
    if (value) {
        snprintf(error, X86CPU_CACHE_ERROR,
                 "'%s' takes no value", flag_keys[i]);
        return false;
    }
    cache->flags[i] = true;
    return mark(seen, X86CPU_CACHE_NUMBERS + i, flag_keys[i], error);
}

static bool parse_number(X86CpuCache *cache, int which, int i,
                         const Part *value, unsigned *seen,
                         X86CpuCacheCheck check, char *error)
{
    if (!value) {
        snprintf(error, X86CPU_CACHE_ERROR,
                 "'%s' needs a value", number_keys[i]);
        return false;
    }
    if (!parse_digits(*value, &cache->numbers[i]) ||
        (!cache->numbers[i] && !may_be_zero(i, check))) {
        snprintf(error, X86CPU_CACHE_ERROR,
                 "'%.*s' of '%s' is not a decimal number "
                 "from 1 to %" PRIu64, shown_length(*value), value->text,
                 number_keys[i],
                 field_max(narrowest_field(which, i, check)));
        return false;
    }
    return mark(seen, i, number_keys[i], error);
}

static bool parse_share(X86CpuCache *cache, const Part *value, unsigned *seen,
                        X86CpuCacheCheck check, char *error)
{
    if (!value) {
        snprintf(error, X86CPU_CACHE_ERROR, "'share' needs a value");
        return false;
    }
    if (check == X86CPU_CACHE_CHECK_NONE
        ? value->length >= sizeof(cache->share) :
        find_text(*value, share_levels, ARRAY_LENGTH(share_levels)) < 0) {
        snprintf(error, X86CPU_CACHE_ERROR,
                 "'%.*s' of 'share' is not core, module, "
                 "die or socket", shown_length(*value), value->text);
        return false;
    }
    memcpy(cache->share, value->text, value->length);
    cache->share[value->length] = '\0';
    return mark(seen, X86CPU_CACHE_NUMBERS + X86CPU_CACHE_FLAGS, "share",
                error);
}

/* key=value, or the key of a flag */
static bool parse_part(X86CpuCache *cache, int which, Part part, unsigned *seen,
                       X86CpuCacheCheck check, char *error)
{
    const char *equals = memchr(part.text, '=', part.length);
    Part key = part, after;
    const Part *value = NULL;
    int i;

    if (equals) {
        key.length = equals - part.text;
        after.text = equals + 1;
        after.length = part.length - key.length - 1;
        value = &after;
    }
    i = find_text(key, flag_keys, X86CPU_CACHE_FLAGS);
    if (i >= 0) {
        return parse_flag(cache, i, value, seen, error);
    }
    i = find_text(key, number_keys, X86CPU_CACHE_NUMBERS);
    if (i >= 0) {
        return parse_number(cache, which, i, value, seen, check, error);
    }
    if (is_text(key, "share")) {
        return parse_share(cache, value, seen, check, error);
    }
    snprintf(error, X86CPU_CACHE_ERROR, "unknown key '%.*s'; use " KEYS,
             shown_length(key), key.text);
    return false;
}

bool x86cpu_cache_parse(X86CpuCache *cache, int which, const char *text,
                      X86CpuCacheCheck check, char error[X86CPU_CACHE_ERROR])
{
    Part part = { text, strcspn(text, ":") };
    unsigned seen = 0;

    *cache = (X86CpuCache) { .numbers[X86CPU_CACHE_PARTITIONS] = 1,
                             .numbers[X86CPU_CACHE_TAG_LINES] = 1 };
    if (!parse_size(part, &cache->size) || !cache->size) {
        snprintf(error, X86CPU_CACHE_ERROR,
                 "'%.*s' is not a size: decimal digits, "
                 "in bytes or with K or M", shown_length(part), part.text);
        return false;
    }
    while (part.text[part.length]) {
        part.text += part.length + 1;
        part.length = strcspn(part.text, ":");
        if (!parse_part(cache, which, part, &seen, check, error)) {
            return false;
        }
    }
    return check == X86CPU_CACHE_CHECK_NONE ||
           check_cache(cache, which, check, error);
}

void x86cpu_cache_format(const X86CpuCache *cache, char text[X86CPU_CACHE_TEXT])
{
    int i, length;

    length = snprintf(text, X86CPU_CACHE_TEXT, "%" PRIu64, cache->size);
    for (i = 0; i < X86CPU_CACHE_NUMBERS; i++) {
        length += snprintf(text + length, X86CPU_CACHE_TEXT - length,
                           ":%s=%" PRIu64, number_keys[i], cache->numbers[i]);
    }
    length += snprintf(text + length, X86CPU_CACHE_TEXT - length, ":share=%s",
                       cache->share);
    for (i = 0; i < X86CPU_CACHE_FLAGS; i++) {
        if (cache->flags[i]) {
            length += snprintf(text + length, X86CPU_CACHE_TEXT - length, ":%s",
                               flag_keys[i]);
        }
    }
}
