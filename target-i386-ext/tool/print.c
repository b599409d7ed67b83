/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Answers as text for people
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "answer.h"
#include "models-json.h"
#include "text-table.h"

void print_value(const json_t *value, FILE *out)
{
    uint64_t number;
    bool negative;

    if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? "on" : "off", out);
    } else if (models_json_integer(value, &number, &negative)) {
        fprintf(out, negative ? "%" PRId64 : "%" PRIu64, number);
    } else if (models_json_is_text(value)) {
        const char *c;

        /* Two commas are one. */
        for (c = json_string_value(value); *c; c++) {
            putc(*c, out);
            if (*c == ',') {
                putc(',', out);
            }
        }
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool is_listed(const json_t *list, const char *text)
{
    const json_t *item;
    size_t i;

    json_array_foreach((json_t *)list, i, item) {
        if (!strcmp(json_string_value(item), text)) {
            return true;
        }
    }
    return false;
}

void sort_names(const char **names, size_t count)
{
    qsort(names, count, sizeof(*names), compare_texts);
}

const char **sorted_names(const json_t *object)
{
    const char **names = calloc(json_object_size(object) + 1, sizeof(*names));
    const char *name;
    json_t *value;
    size_t n = 0;

    json_object_foreach((json_t *)object, name, value) {
        if (names) {
            names[n++] = name;
        }
    }
    if (names) {
        sort_names(names, n);
    }
    return names;
}

/* It turns features on, so it comes before those that are off. */
#define AVX10_VERSION "avx10-version"

static void print_setting(const char *name, const json_t *value, FILE *out)
{
    fprintf(out, ",%s=", name);
    print_value(value, out);
}

char *answer_cpu_text(const char *model, const json_t *props)
{
    const json_t *version;
    const char **names = sorted_names(props), **name;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out || !names) {
        if (out) {
            fclose(out);
        }
        free(text);
        free(names);
        return NULL;
    }
    fputs(model, out);
    version = json_object_get(props, AVX10_VERSION);
    if (version) {
        print_setting(AVX10_VERSION, version, out);
    }
    for (name = names; *name; name++) {
        if (strcmp(*name, AVX10_VERSION)) {
            print_setting(*name, json_object_get(props, *name), out);
        }
    }
    fclose(out);
    free(names);
    return text;
}

void answer_set_cpu(json_t *answer, const char *text, const json_t *notes,
                    CpuForQemu *for_qemu, const void *opaque)
{
    char *renamed = json_object_size(notes) ? for_qemu(text, opaque) : NULL;

    json_object_set_new(answer, "cpu", json_string(text));
    if (renamed && strcmp(renamed, text)) {
        json_object_set_new(answer, "qemu-cpu", json_string(renamed));
    }
    free(renamed);
}

const char *answer_cpu(const json_t *answer)
{
    const json_t *for_qemu = json_object_get(answer, "qemu-cpu");

    return json_string_value(for_qemu ? for_qemu
                                      : json_object_get(answer, "cpu"));
}

void print_names(const json_t *names, const char *indent, FILE *out)
{
    size_t width = text_table_width(out), column = 0, i;

    for (i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        bool is_last = i + 1 == json_array_size(names);
        size_t length = strlen(name) + !is_last;

        if (column && column + 1 + length > width) {
            putc('\n', out);
            column = 0;
        }
        if (!column && strlen(indent) + length > width) {
            /* Several words, as "NAME is NAME": they don't fit into a line. */
            json_t *item = json_sprintf("%s%s", name, is_last ? "" : ",");

            fputs(indent, out);
            text_table_print_from(strlen(indent), json_string_value(item),
                                  out);
            json_decref(item);
            continue;
        }
        column += fprintf(out, "%s%s%s", column ? " " : indent, name,
                          is_last ? "" : ",");
    }
    if (column) {
        putc('\n', out);
    }
}
