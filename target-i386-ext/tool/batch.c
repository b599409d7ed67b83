/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Many requests
 */

#include <stdlib.h>
#include <string.h>
#include "batch.h"
#include "dispatch.h"
#include "json-text.h"
#include "models-json.h"

static json_t *error_answer(const char *text)
{
    return json_pack("{s:s, s:i, s:i}", "error", text, "format-version", 1,
                     "status", STATUS_ERROR);
}

/*
 * Members are named like options: "host", of one host or a list, is "hosts"
 * for verbs that take several --host.  dispatch.c refuses a request with both.
 */
static void rename_host(json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "verb"));
    const Verb *verb = name ? find_verb(name) : NULL;
    json_t *host = json_object_get(request, "host");

    if (!verb || !host || !has_member(verb, "hosts") ||
        has_member(verb, "host") || json_object_get(request, "hosts")) {
        return;
    }
    if (!json_object_set_new(request, "hosts", json_is_array(host)
                             ? json_incref(host) : json_pack("[O]", host))) {
        json_object_del(request, "host");
    }
}

static json_t *answer_line(Tool *tool, const char *line, size_t length,
                           size_t number)
{
    char error[MODELS_JSON_ERROR], text[MODELS_JSON_ERROR + 64];
    json_t *request = models_json_parse(line, length, error, sizeof(error));
    json_t *answer;

    if (!request) {
        Problem problem;

        snprintf(text, sizeof(text), "request %zu: %s", number, error);
        problem_set(&problem, STATUS_ERROR, "%s", text);
        return error_answer(problem.text);
    }
    rename_host(request);
    answer = answer_request(tool, request);
    json_decref(request);
    return answer;
}

/*
 * Reads a line into *@line, of *@size bytes.  Returns its length, without the
 * line break; -1 at the end; BATCH_MAX_LINE + 1 if it is longer, all of which
 * is read.
 */
static ssize_t read_line(FILE *in, char **line, size_t *size)
{
    size_t length = 0;
    int c;

    while ((c = getc(in)) != EOF && c != '\n') {
        if (length > BATCH_MAX_LINE) {
            continue;
        }
        if (length == *size) {
            size_t more = *size ? 2 * *size : 4096;
            char *longer = realloc(*line, more);

            if (!longer) {
                return -1;
            }
            *line = longer;
            *size = more;
        }
        (*line)[length++] = c;
    }
    return c == EOF && !length ? -1 : (ssize_t)length;
}

static bool is_blank(const char *line, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        if (!strchr(" \t\r", line[i]) || !line[i]) {
            return false;
        }
    }
    return true;
}

bool batch_run(Tool *tool, FILE *in, FILE *out)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    bool ok = true;
    ssize_t length;

    while (ok && (length = read_line(in, &line, &size)) >= 0) {
        json_t *answer;

        number++;
        if (length > BATCH_MAX_LINE) {
            answer = error_answer("a request is larger than 16 MiB");
        } else if (is_blank(line, length)) {
            /* Not a request: generated JSON Lines often end with one. */
            continue;
        } else {
            answer = answer_line(tool, line, length, number);
        }
        ok = answer && json_text_print(answer, false, out) && !fflush(out);
        json_decref(answer);
    }
    free(line);
    return ok && !ferror(in);
}
