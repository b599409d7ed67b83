/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A CPU as libvirt's <cpu>
 *
 * Names are those of libvirt 12.8: see tables/features.tbl and
 * libvirt-models.h.
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

/* The static expansion of @cpu, otherwise as in @question; NULL without one */
static json_t *expand(Tool *tool, const json_t *question, const char *cpu)
{
    json_t *request = json_copy((json_t *)question);
    Status status = STATUS_YES;
    Problem problem;
    json_t *answer, *props;

    json_object_set_new(request, "cpu", json_string(cpu));
    answer = answer_expand(tool, request, &status, &problem);
    props = json_incref(json_object_get(json_object_get(answer, "model"),
                                        "props"));
    json_decref(answer);
    json_decref(request);
    return props;
}

/* In which properties the CPU of libvirt's guest differs from @question's */
static json_t *find_left_out(Tool *tool, const json_t *question,
                             const char *model, const json_t *carried)
{
    char *text = answer_cpu_text(model, carried);
    json_t *wanted = expand(tool, question, json_string_value(
        json_object_get(question, "cpu")));
    json_t *started = text ? expand(tool, question, text) : NULL;
    json_t *names = json_array(), *value;
    const char *name;

    json_object_foreach(wanted, name, value) {
        if (!json_equal(value, json_object_get(started, name))) {
            json_array_append_new(names, json_string(name));
        }
    }
    free(text);
    json_decref(wanted);
    json_decref(started);
    return names;
}

json_t *libvirt_cpu(Tool *tool, const ModelsFile *file, const json_t *question,
                    const json_t *nearest)
{
    const char *model = json_string_value(json_object_get(nearest, "name"));
    json_t *carried = json_object(), *answer = NULL;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out) {
        put_cpu(file, nearest, carried, out);
        fclose(out);
        answer = json_pack("{s:s, s:o}", "cpu", text, "left-out",
                           find_left_out(tool, question, model, carried));
    }
    free(text);
    json_decref(carried);
    return answer;
}
