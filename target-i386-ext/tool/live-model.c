/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU as -cpu takes it, for QMP
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cpu-items.h"
#include "cpu-text.h"
#include "feature-names.h"
#include "live-model.h"

typedef struct Reader {
    const LiveSession *session;
    json_t *props, *notes, *replaced;
    int major;
    char *error;
} Reader;

/* Their values are texts, whatever they look like. */
static bool is_text(const char *name)
{
    static const char *const texts[] = {
        "compat-anchor", "hv-no-nonarch-coresharing", "hv-vendor-id",
        "model-id", "vendor",
    };
    static const char end[] = "-cache-info";
    size_t length = strlen(name), i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!strcmp(name, texts[i])) {
            return true;
        }
    }
    return length > strlen(end) && strcmp(name, "host-cache-info") &&
           !strcmp(name + length - strlen(end), end);
}

/* Integers above INT64_MAX: see models-json.h. */
static json_t *integer(uint64_t number)
{
    char digits[32];

    if (number <= INT64_MAX) {
        return json_integer(number);
    }
    snprintf(digits, sizeof(digits), "\1%" PRIu64, number);
    return json_string(digits);
}

/* What looks like no value of its type is a text, which QEMU refuses. */
static json_t *typed(const char *name, const char *value)
{
    uint64_t number;
    int64_t with_sign;
    bool on;

    if (!is_text(name)) {
        if (cpu_items_bool(value, &on)) {
            return json_boolean(on);
        }
        if (cpu_text_is_signed(name) && cpu_items_signed(value, &with_sign)) {
            return json_integer(with_sign);
        }
        if (cpu_items_number(value, &number)) {
            return integer(number);
        }
    }
    return json_string(value);
}

/* The list of what only libvirt or Linux call @name; see LiveSession */
static const json_t *find_elsewhere(const LiveSession *session,
                                    CpuItemKind kind, const char *name)
{
    return json_object_get(kind == CPU_ITEM_SET ? session->dashed_others
                                                : session->others, name);
}

/* Of a name that only libvirt or Linux have; NULL, with an error, if several */
static const char *name_elsewhere(const Reader *r, CpuItemKind kind,
                                  const char *name)
{
    const json_t *found = find_elsewhere(r->session, kind, name), *feature;
    const char *features[8];
    size_t count = 0, i;

    /* The name comes first. */
    json_array_foreach((json_t *)found, i, feature) {
        if (i && count < sizeof(features) / sizeof(features[0])) {
            features[count++] = json_string_value(feature);
        }
    }
    if (!count) {
        return name;
    }
    name = json_string_value(json_array_get(found, 0));
    if (count > 1) {
        feature_names_several(name, features, count, r->error,
                              LIVE_MODEL_ERROR);
        return NULL;
    }
    feature_names_note(r->notes, name, features[0]);
    return features[0];
}

/*
 * @name as query-cpu-features has it, so that nothing is set twice; NULL, with
 * an error, if that is several
 */
static const char *name_of(const Reader *r, CpuItemKind kind, const char *name)
{
    const char *plain = strncmp(name, "f-", 2) ? name : name + 2;
    const char *known = json_string_value(json_object_get(r->session->names,
                                                          plain));

    /* Only names that are no aliases have an f- property. */
    if (known && plain != name && strcmp(known, plain)) {
        return name;
    }
    if (known) {
        feature_names_note(r->notes, plain, known);
        return known;
    }
    if (!strcmp(name, "hv-apicv")) {
        feature_names_note(r->notes, name, "hv-avic");
        return "hv-avic";
    }
    return name_elsewhere(r, kind, name);
}

/* Whether property @name is an on-off value, as far as the tool knows */
static bool is_bool(const Reader *r, const char *name)
{
    static const char *const options[] = {
        "check", "enforce", "x-force-features", "start-powered-off",
    };
    size_t i;

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (!strcmp(name, options[i])) {
            return true;
        }
    }
    return json_object_get(r->session->names, name);
}

/*
 * QEMU applies all values to a CPU, one after the other, and refuses each that
 * is none, but in QMP a name has a single one.
 */
static bool set_prop(Reader *r, const char *name, json_t *value)
{
    json_t *old = json_object_get(r->props, name), *replaced;
    size_t i;

    /* What is on or off is a value of what the next one is a value of. */
    if (old && !json_equal(old, value) &&
        !(json_is_boolean(old) && json_is_boolean(value))) {
        json_array_foreach(r->replaced, i, replaced) {
            if (json_equal(json_object_get(replaced, name), old)) {
                break;
            }
        }
        if (i == json_array_size(r->replaced)) {
            json_array_append_new(r->replaced, json_pack("{s:O}", name, old));
        }
    }
    return !json_object_set_new(r->props, name, value);
}

/*
 * From 11.1 on, a version brings its features, over what stands before it.  In
 * QMP it always comes first.
 */
static void begin_avx10_version(Reader *r, const char *value)
{
    static const char *const features[] = {
        "avx10", "avx10-128", "avx10-256", "avx10-512",
    };
    uint64_t version;
    size_t i;

    if (r->major < 11 || !cpu_items_number(value, &version) || !version ||
        json_object_get(r->props, "compat-anchor")) {
        return;
    }
    for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        json_object_del(r->props, features[i]);
    }
    if (version >= 2) {
        json_object_del(r->props, "avx10-vnni-int");
    }
}

static bool set_anchor(CpuItemKind kind, const char *name, const char *value,
                       void *opaque)
{
    Reader *r = opaque;

    if (kind == CPU_ITEM_SET && *value && !strcmp(name, "compat-anchor")) {
        return set_prop(r, name, json_string(value));
    }
    return true;
}

static bool set(CpuItemKind kind, const char *name, const char *value,
                void *opaque)
{
    Reader *r = opaque;
    const char *known;
    char number[32];
    uint64_t hertz;
    bool on;

    if (kind == CPU_ITEM_SET && !strcmp(name, "compat-anchor")) {
        /* See set_anchor(). */
        return true;
    }
    if (kind == CPU_ITEM_SET && !strcmp(name, "tsc-freq")) {
        if (!cpu_items_frequency(value, &hertz)) {
            snprintf(r->error, LIVE_MODEL_ERROR, "'tsc-freq' must be a "
                     "frequency such as 2.5G, not '%.64s'", value);
            return false;
        }
        snprintf(number, sizeof(number), "%" PRIu64, hertz);
        name = "tsc-frequency";
        value = number;
    }
    if (!strcmp(name, "avx10-version")) {
        begin_avx10_version(r, value);
    }
    known = name_of(r, kind, name);
    if (!known) {
        return false;
    }
    if (is_bool(r, known) && !cpu_items_bool(value, &on)) {
        /* As others spell it, which "_" may be part of */
        const json_t *other = find_elsewhere(r->session, kind, name);

        snprintf(r->error, LIVE_MODEL_ERROR, CPU_TEXT_NOT_BOOL,
                 other ? json_string_value(json_array_get(other, 0)) : name,
                 value);
        return false;
    }
    return set_prop(r, known, typed(known, value));
}

static const char *find_for_qemu(CpuItemKind kind, const char *name,
                                 void *opaque)
{
    const LiveSession *session = opaque;

    return json_string_value(json_array_get(find_elsewhere(session, kind,
                                                           name), 1));
}

char *live_model_for_qemu(const char *text, const void *session)
{
    return cpu_items_rename(text, find_for_qemu, (void *)session);
}

json_t *live_model(const char *text, const char *machine,
                   const LiveSession *session, json_t *notes,
                   json_t *replaced, char error[LIVE_MODEL_ERROR])
{
    Reader r = {
        .session = session, .notes = notes, .replaced = replaced,
        .major = live_qemu_major(session->qemu), .error = error,
    };
    const char *items = strchr(text, ',');
    size_t length = items ? (size_t)(items - text) : strlen(text);
    bool no_memory = false, ok = true;
    json_t *model = NULL;

    if (!length) {
        snprintf(error, LIVE_MODEL_ERROR, "the CPU has no model: it is "
                 "MODEL[,OPTIONS]");
        return NULL;
    }
    if (strnlen(text, CPU_ITEMS_MAX_TEXT + 1) > CPU_ITEMS_MAX_TEXT) {
        snprintf(error, LIVE_MODEL_ERROR, "a CPU of more than %d characters",
                 CPU_ITEMS_MAX_TEXT);
        return NULL;
    }
    snprintf(error, LIVE_MODEL_ERROR, "not enough memory");
    r.props = json_object();
    if (items) {
        ok = cpu_items_each(items + 1, set_anchor, &r, &no_memory) &&
             cpu_items_each(items + 1, set, &r, &no_memory);
    }
    if (ok) {
        model = json_pack("{s:s%, s:O, s:s}", "name", text, length, "props",
                          r.props, "machine-type", machine);
    }
    json_decref(r.props);
    return model;
}
