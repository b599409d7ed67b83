/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU as libvirt's <cpu>
 *
 * Names are those of libvirt 12.8: see tables/features.tbl and
 * libvirt-names.h.
 */

#include <stdlib.h>
#include <string.h>
#include "libvirt-cpu.h"
#include "verbs.h"

/* XML has other characters for these. */
static void put_escaped(const char *text, FILE *out)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '\'':
            fputs("&apos;", out);
            break;
        default:
            putc(*text, out);
            break;
        }
    }
}

/* Puts those of @names that libvirt has in @out, and in @carried. */
static void put_features(const ModelsFile *file, const json_t *names,
                         bool require, json_t *carried, FILE *out)
{
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)names, i, name) {
        int number = models_file_find_feature(file, json_string_value(name));
        const char *libvirt = number < 0
                              ? NULL : models_file_libvirt_name(file, number);

        if (libvirt) {
            fprintf(out, "  <feature policy='%s' name='",
                    require ? "require" : "disable");
            put_escaped(libvirt, out);
            fputs("'/>\n", out);
            json_object_set_new(carried, json_string_value(name),
                                json_boolean(require));
        }
    }
}

/*
 * Puts the <cpu> in @out, and in @carried what it sets.  The order of elements
 * is that of libvirt's schemas: model, maxphysaddr, features.
 */
static void put_cpu(const ModelsFile *file, const json_t *nearest,
                    json_t *carried, FILE *out)
{
    const json_t *set = json_object_get(nearest, "set");
    const char *vendor = json_string_value(json_object_get(set, "vendor"));
    json_t *phys_bits = json_object_get(set, "phys-bits");

    fputs("<cpu mode='custom' match='exact' check='none'>\n"
          "  <model fallback='forbid'", out);
    /* libvirt refuses one with a comma. */
    if (vendor && !strchr(vendor, ',')) {
        fputs(" vendor_id='", out);
        put_escaped(vendor, out);
        putc('\'', out);
        json_object_set_new(carried, "vendor", json_string(vendor));
    }
    putc('>', out);
    put_escaped(json_string_value(json_object_get(nearest, "name")), out);
    fputs("</model>\n", out);
    if (phys_bits) {
        fprintf(out, "  <maxphysaddr mode='emulate' bits='%"
                JSON_INTEGER_FORMAT "'/>\n", json_integer_value(phys_bits));
        json_object_set(carried, "phys-bits", phys_bits);
    }
    put_features(file, json_object_get(nearest, "add"), true, carried, out);
    put_features(file, json_object_get(nearest, "remove"), false, carried,
                 out);
    fputs("</cpu>\n", out);
}

/* All but guest-phys-bits, which are those of the host that it runs on */
static void add_names(const json_t *from, json_t *names)
{
    const json_t *name;
    size_t i;

    json_array_foreach((json_t *)from, i, name) {
        if (strcmp(json_string_value(name), "guest-phys-bits")) {
            json_array_append(names, (json_t *)name);
        }
    }
}

/*
 * Where guests of @question's CPU and of the one that libvirt starts find
 * something else: a list of names, NULL if that can't be told
 */
static json_t *find_left_out(Tool *tool, const json_t *question,
                             const char *model, const json_t *carried)
{
    static const char *const members[] = {
        "missing-in-a", "missing-in-b", "differs"
    };
    char *text = answer_cpu_text(model, carried);
    json_t *request = json_copy((json_t *)question), *names = NULL, *answer;
    Status status = STATUS_YES;
    Problem problem;
    size_t i;

    json_object_set_new(request, "cpus", json_pack(
        "[O, s?]", json_object_get(question, "cpu"), text));
    json_object_del(request, "cpu");
    answer = answer_compare(tool, request, &status, &problem);
    if (answer && !json_object_get(answer, "by-vendor")) {
        names = json_array();
        for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
            add_names(json_object_get(answer, members[i]), names);
        }
    }
    free(text);
    json_decref(answer);
    json_decref(request);
    return names;
}

json_t *libvirt_cpu(Tool *tool, const ModelsFile *file, const json_t *question,
                    const json_t *nearest)
{
    const char *model = json_string_value(json_object_get(nearest, "name"));
    json_t *carried = json_object(), *answer = NULL, *left_out;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out) {
        put_cpu(file, nearest, carried, out);
        fclose(out);
        left_out = find_left_out(tool, question, model, carried);
        if (text && left_out) {
            answer = json_pack("{s:s, s:O}", "cpu", text,
                               "left-out", left_out);
        }
        json_decref(left_out);
    }
    free(text);
    json_decref(carried);
    return answer;
}
