/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is known of a part of a fleet
 *
 * Words are in the order of core/words.h, then in that of the file; values are
 * those that differ from the defaults of the file.  All are hexadecimal,
 * because JSON readers may not have 64-bit numbers.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "canonical-json.h"
#include "fleet.h"
#include "fleet-partial.h"
#include "sha256.h"

#define FORMAT "x86-cpu-fleet-partial"

enum {
    FORMAT_VERSION = 1,
    /* Each word has at most 16 digits and a comma. */
    WORDS_TEXT = X86CPU_MAX_WORDS * 17 + 1,
};

static const char *const lack_names[HOST_LACKS] = {
    [HOST_LACK_HARDWARE] = "hardware",
    [HOST_LACK_KERNEL] = "kernel",
    [HOST_LACK_QEMU] = "qemu",
    [HOST_LACK_CONFIGURATION] = "configuration",
};

/* ---- writing ---- */

typedef void Put(const char *text, size_t length, void *opaque);

static json_t *words_text(const uint64_t *words)
{
    char text[WORDS_TEXT];
    unsigned count = X86CPU_MAX_WORDS, i;
    size_t length = 0;

    while (count && !words[count - 1]) {
        count--;
    }
    text[0] = '\0';
    for (i = 0; i < count; i++) {
        length += snprintf(text + length, sizeof(text) - length,
                           "%s%" PRIx64, i ? "," : "", words[i]);
    }
    return json_string(text);
}

static json_t *values_object(const ModelsFile *file, const X86Cpu *cpu)
{
    const X86CpuTables *tables = models_file_tables(file);
    json_t *values = json_object();
    unsigned i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (cpu->values[i] != tables->properties[i].value) {
            json_object_set_new(values, x86cpu_property_names[i],
                                json_sprintf("%" PRIx64, cpu->values[i]));
        }
    }
    return values;
}

static json_t *cpu_object(const ModelsFile *file, const X86Cpu *cpu)
{
    json_t *caches = json_object();
    int i;

    for (i = 0; i < X86CPU_CACHES; i++) {
        char text[X86CPU_CACHE_TEXT];

        if (cpu->caches[i].size) {
            x86cpu_cache_format(&cpu->caches[i], text);
            json_object_set_new(caches, models_file_cache_names[i],
                                json_string(text));
        }
    }
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "vendor", cpu->vendor,
                     "model-id", cpu->model_id,
                     "hv-vendor-id", cpu->hv_vendor_id,
                     "words", words_text(cpu->words),
                     "values", values_object(file, cpu), "caches", caches);
}

static json_t *kind_object(const ModelsFile *file, const HostKind *kind)
{
    const HostVector *vector = &kind->vector;
    const X86CpuOffer *offer = &vector->offer;
    json_t *lacking = json_object();
    int i;

    for (i = 0; i < HOST_LACKS; i++) {
        json_object_set_new(lacking, lack_names[i],
                            words_text(vector->lacking[i]));
    }
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:{s:o, s:b, s:i, s:I}, s:{s:I, s:I}}",
        "count", (json_int_t)kind->names.count,
        "names", host_names_list(&kind->names),
        "cpu", cpu_object(file, &vector->cpu), "lacking", lacking,
        "offer", "words", words_text(offer->words),
        "intel-pt", offer->intel_pt_capable,
        "avx10-version", (int)offer->avx10_version,
        "phys-bits", (json_int_t)offer->phys_bits,
        "host", "phys-bits", (json_int_t)vector->values.phys_bits,
        "guest-phys-bits", (json_int_t)vector->values.guest_phys_bits);
}

static json_t *options_object(const HostSetOptions *options)
{
    return json_pack("{s:b, s:s, s:s}", "cpu-pm", options->machine.cpu_pm,
                     "irqchip",
                     models_file_irqchip_names[options->machine.irqchip],
                     "machine-type",
                     models_file_layer(options->file, options->layer));
}

static void put_text(Put *put, void *opaque, const char *text)
{
    put(text, strlen(text), opaque);
}

/* Takes over @json; false if there was not enough memory for it. */
static bool put_json(Put *put, void *opaque, json_t *json)
{
    const char *problem;
    bool ok = json && canonical_json(json, NULL, put, opaque, &problem);

    json_decref(json);
    return ok;
}

static void add_model(const char *name, uint64_t hosts, void *opaque)
{
    if (hosts) {
        json_object_set_new(opaque, name, json_integer(hosts));
    }
}

/* All but the digest, which comes first; one kind at a time, for memory */
static bool put_partial(HostSet *set, json_t *models, Put *put, void *opaque)
{
    const HostSetOptions *options = host_set_options(set);
    const HostNames *unknown = host_set_unknown(set);
    size_t count, i;
    const HostKind *const *kinds = host_set_kinds(set, &count);
    bool ok = true;

    put_text(put, opaque, "\"format\":\"" FORMAT "\",\"format-version\":1,"
             "\"hosts\":[");
    for (i = 0; ok && i < count; i++) {
        put_text(put, opaque, i ? "," : "");
        ok = put_json(put, opaque, kind_object(options->file, kinds[i]));
    }
    put_text(put, opaque, "],\"models\":");
    ok = ok && put_json(put, opaque, json_incref(models));
    put_text(put, opaque, ",\"models-file\":");
    ok = ok && put_json(put, opaque,
                        json_string(models_file_digest(options->file)));
    put_text(put, opaque, ",\"options\":");
    ok = ok && put_json(put, opaque, options_object(options));
    put_text(put, opaque, ",\"unknown\":");
    ok = ok && put_json(put, opaque, json_pack(
        "{s:I, s:o}", "count", (json_int_t)unknown->count,
        "names", host_names_list(unknown)));
    put_text(put, opaque, "}");
    return ok;
}

static void put_to_sha(const char *text, size_t length, void *opaque)
{
    sha256_add(opaque, text, length);
}

static void put_to_file(const char *text, size_t length, void *opaque)
{
    fwrite(text, 1, length, opaque);
}

bool fleet_partial_write(HostSet *set, FILE *out)
{
    json_t *models = json_object();
    Sha256 sha;
    char hex[65];
    bool ok;

    sha256_start(&sha);
    sha256_add(&sha, "{", 1);
    ok = models && fleet_each_model(set, add_model, models) &&
         put_partial(set, models, put_to_sha, &sha);
    if (ok) {
        sha256_finish(&sha, hex);
        fprintf(out, "{\"digest\":\"%s\",", hex);
        ok = put_partial(set, models, put_to_file, out);
        putc('\n', out);
    }
    json_decref(models);
    if (!ok) {
        errno = ENOMEM;
        return false;
    }
    return !fflush(out) && !ferror(out);
}

/* ---- reading ---- */

typedef struct Reader {
    HostSet *set;
    const ModelsFile *file;
    char *error;
} Reader;

/* Always false */
__attribute__((format(printf, 2, 3)))
static bool fail(Reader *r, const char *format, ...)
{
    va_list ap;
    char *c;

    va_start(ap, format);
    vsnprintf(r->error, HOST_SET_ERROR, format, ap);
    va_end(ap);
    for (c = r->error; *c; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
    return false;
}

static bool get_text(Reader *r, const json_t *json, const char *name,
                     size_t max, const char **text)
{
    const json_t *value = json_object_get(json, name);

    *text = json_string_value(value);
    if (!*text || strlen(*text) != json_string_length(value) ||
        strlen(*text) > max) {
        return fail(r, "'%s' is not a text of at most %zu bytes", name, max);
    }
    return true;
}

static bool get_number(Reader *r, const json_t *json, const char *name,
                       json_int_t max, json_int_t *number)
{
    const json_t *value = json_object_get(json, name);

    *number = json_integer_value(value);
    return (json_is_integer(value) && *number >= 0 && *number <= max) ||
           fail(r, "'%s' is not a number from 0 to %lld", name,
                (long long)max);
}

/* Hexadecimal digits at *@text, which it moves behind them */
static bool parse_hex(const char **text, uint64_t *number)
{
    size_t digits = strspn(*text, "0123456789abcdef");

    if (!digits || digits > 16) {
        return false;
    }
    *number = strtoull(*text, NULL, 16);
    *text += digits;
    return true;
}

static bool get_words(Reader *r, const json_t *json, const char *name,
                      uint64_t *words)
{
    const char *text;
    unsigned i = 0;

    if (!get_text(r, json, name, WORDS_TEXT, &text)) {
        return false;
    }
    while (*text) {
        if (i == X86CPU_MAX_WORDS || !parse_hex(&text, &words[i++]) ||
            (*text && *text++ != ',')) {
            return fail(r, "'%s' are not at most %d words, in hexadecimal and "
                        "with commas", name, X86CPU_MAX_WORDS);
        }
    }
    return true;
}

static int find_property(const ModelsFile *file, const char *name)
{
    int i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (!strcmp(x86cpu_property_names[i], name) &&
            models_file_type(file, i) != MODELS_FILE_NO_TYPE) {
            return i;
        }
    }
    return -1;
}

static bool get_values(Reader *r, const json_t *json, X86Cpu *cpu)
{
    const X86CpuTables *tables = models_file_tables(r->file);
    const json_t *value;
    const char *name;
    unsigned i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        cpu->values[i] = tables->properties[i].value;
    }
    if (!json_is_object(json)) {
        return fail(r, "'values' is not an object");
    }
    json_object_foreach((json_t *)json, name, value) {
        const char *text = json_string_value(value);
        int id = find_property(r->file, name);
        ModelsFileType type;

        if (id < 0) {
            return fail(r, "'values' has the unknown property '%.64s'", name);
        }
        type = models_file_type(r->file, id);
        if (!text || !parse_hex(&text, &cpu->values[id]) || *text ||
            ((type == MODELS_FILE_BOOL || type == MODELS_FILE_ON_OFF) &&
             cpu->values[id] > 1)) {
            return fail(r, "the value of '%.64s' is not good", name);
        }
    }
    return true;
}

static bool get_caches(Reader *r, const json_t *json, X86Cpu *cpu)
{
    const json_t *value;
    const char *name;

    if (!json_is_object(json)) {
        return fail(r, "'caches' is not an object");
    }
    json_object_foreach((json_t *)json, name, value) {
        const char *text = json_string_value(value);
        char error[X86CPU_CACHE_ERROR];
        int i = 0;

        while (i < X86CPU_CACHES && strcmp(models_file_cache_names[i], name)) {
            i++;
        }
        if (i == X86CPU_CACHES || !text ||
            !x86cpu_cache_parse(&cpu->caches[i], i, text,
                                X86CPU_CACHE_CHECK_NONE, error)) {
            return fail(r, "'caches' has '%.64s', which is not good", name);
        }
    }
    return true;
}

static bool get_cpu(Reader *r, const json_t *json, X86Cpu *cpu)
{
    const char *vendor, *model_id, *hv_vendor_id;

    if (!get_text(r, json, "vendor", 12, &vendor) ||
        !get_text(r, json, "model-id", 48, &model_id) ||
        !get_text(r, json, "hv-vendor-id", 12, &hv_vendor_id)) {
        return false;
    }
    strcpy(cpu->vendor, vendor);
    strcpy(cpu->model_id, model_id);
    strcpy(cpu->hv_vendor_id, hv_vendor_id);
    return get_words(r, json, "words", cpu->words) &&
           get_values(r, json_object_get(json, "values"), cpu) &&
           get_caches(r, json_object_get(json, "caches"), cpu);
}

static bool get_offer(Reader *r, const json_t *json, HostVector *vector)
{
    const json_t *offer = json_object_get(json, "offer");
    const json_t *host = json_object_get(json, "host");
    const json_t *intel_pt = json_object_get(offer, "intel-pt");
    json_int_t version, bits, host_bits, guest_bits;

    if (!get_words(r, offer, "words", vector->offer.words) ||
        !get_number(r, offer, "avx10-version", UINT8_MAX, &version) ||
        !get_number(r, offer, "phys-bits", UINT8_MAX, &bits) ||
        !get_number(r, host, "phys-bits", UINT8_MAX, &host_bits) ||
        !get_number(r, host, "guest-phys-bits", UINT8_MAX, &guest_bits)) {
        return false;
    }
    if (!json_is_boolean(intel_pt)) {
        return fail(r, "'intel-pt' is neither true nor false");
    }
    vector->offer.intel_pt_capable = json_is_true(intel_pt);
    vector->offer.avx10_version = version;
    vector->offer.phys_bits = bits;
    vector->values.phys_bits = host_bits;
    vector->values.guest_phys_bits = guest_bits;
    return true;
}

/* Some names of @count hosts; @first has room for HOST_NAMES_KEPT. */
static bool get_names(Reader *r, const json_t *json, json_int_t *count,
                      const char **first, size_t *nfirst)
{
    const json_t *names = json_object_get(json, "names");
    size_t i;

    if (!get_number(r, json, "count", INT64_MAX, count)) {
        return false;
    }
    *nfirst = json_array_size(names);
    if (!json_is_array(names) || *nfirst > HOST_NAMES_KEPT ||
        (json_int_t)*nfirst > *count || (*count && !*nfirst)) {
        return fail(r, "'names' are not the first ones of 'count' hosts, at "
                    "most %d", HOST_NAMES_KEPT);
    }
    for (i = 0; i < *nfirst; i++) {
        const json_t *name = json_array_get(names, i);

        first[i] = json_string_value(name);
        if (!first[i] || strlen(first[i]) != json_string_length(name) ||
            !host_name_is_good(first[i])) {
            return fail(r, "'names' has an item that is not a valid host name");
        }
    }
    return true;
}

static bool add_kind(Reader *r, const json_t *json)
{
    const json_t *lacking = json_object_get(json, "lacking");
    const char *first[HOST_NAMES_KEPT];
    HostVector vector;
    json_int_t count;
    size_t nfirst;
    int i;

    memset(&vector, 0, sizeof(vector));
    if (!get_names(r, json, &count, first, &nfirst) ||
        !get_cpu(r, json_object_get(json, "cpu"), &vector.cpu) ||
        !get_offer(r, json, &vector)) {
        return false;
    }
    for (i = 0; i < HOST_LACKS; i++) {
        if (!get_words(r, lacking, lack_names[i], vector.lacking[i])) {
            return false;
        }
    }
    if (!count) {
        return fail(r, "'count' is 0");
    }
    host_vector_finish(r->file, &vector);
    return host_set_add_vector(r->set, &vector, count, first, nfirst,
                               r->error);
}

static bool check_digest(Reader *r, const json_t *json)
{
    static const char *const without[] = { "digest", NULL };
    const char *digest, *problem;
    char hex[65];

    if (!get_text(r, json, "digest", 64, &digest)) {
        return false;
    }
    if (!canonical_json_digest(json, without, hex, &problem)) {
        return fail(r, "%s", problem);
    }
    return !strcmp(digest, hex) ||
           fail(r, "it is damaged: its digest is that of other contents");
}

static bool check_origin(Reader *r, const json_t *json)
{
    const HostSetOptions *options = host_set_options(r->set);
    json_t *own = options_object(options);
    const json_t *theirs = json_object_get(json, "options");
    char *text = NULL, *other = NULL;
    const char *digest;
    bool ok = get_text(r, json, "models-file", 64, &digest);

    if (ok && !*models_file_digest(r->file)) {
        ok = fail(r, "this file of CPU models has no digest, so it is not "
                  "known whether the part is of the same");
    } else if (ok && strcmp(digest, models_file_digest(r->file))) {
        ok = fail(r, "it is of another file of CPU models, with digest "
                  "%.64s; this one is %s", digest,
                  models_file_digest(r->file));
    } else if (ok && !json_equal(own, theirs)) {
        text = json_dumps(own, JSON_SORT_KEYS);
        other = theirs ? json_dumps(theirs, JSON_SORT_KEYS) : NULL;
        ok = fail(r, "it is of options %.200s, not %.200s",
                  other ? other : "that it does not tell", text ? text : "");
    }
    free(text);
    free(other);
    json_decref(own);
    return ok;
}

bool fleet_partial_is(const json_t *json)
{
    const char *format = json_string_value(json_object_get(json, "format"));

    return format && !strcmp(format, FORMAT);
}

bool fleet_partial_read(HostSet *set, const json_t *json, char *error)
{
    const json_t *hosts = json_object_get(json, "hosts");
    Reader r = { set, host_set_options(set)->file, error };
    const char *first[HOST_NAMES_KEPT];
    json_int_t version, count;
    size_t nfirst, i;

    if (!get_number(&r, json, "format-version", INT64_MAX, &version)) {
        return false;
    }
    if (version != FORMAT_VERSION) {
        return fail(&r, "it has format-version %lld, and this program knows "
                    "%d", (long long)version, FORMAT_VERSION);
    }
    if (!check_digest(&r, json) || !check_origin(&r, json)) {
        return false;
    }
    if (!json_is_array(hosts)) {
        return fail(&r, "'hosts' is not a list");
    }
    for (i = 0; i < json_array_size(hosts); i++) {
        if (!add_kind(&r, json_array_get(hosts, i))) {
            return false;
        }
    }
    return get_names(&r, json_object_get(json, "unknown"), &count, first,
                     &nfirst) &&
           host_set_add_unknown(set, count, first, nfirst, error);
}
