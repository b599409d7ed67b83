/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of CPU models as the build writes them, line by line
 */

#include <stdlib.h>
#include <string.h>
#include "crc32.h"
#include "models-lines.h"

/* A list of fingerprints that is not empty */
#define FINGERPRINTS "\n   \"fingerprints\": ["
#define FIRST_ITEM "\n    {"
#define LIST_END "\n   ]"

enum {
    CRC_DIGITS = 8,
    /* Files have 200 or so; looking for one among more takes too long. */
    MAX_MODELS = 1000,
};

/* What a model is in the file */
typedef struct Model {
    ModelsLines object, name, like;
    bool chosen;
} Model;

static size_t length_of(ModelsLines lines)
{
    return lines.end - lines.start;
}

static bool same_text(ModelsLines a, ModelsLines b)
{
    return length_of(a) == length_of(b) &&
           !memcmp(a.start, b.start, length_of(a));
}

static bool skip(ModelsLines *lines, const char *text)
{
    size_t length = strlen(text);

    if (length_of(*lines) < length || memcmp(lines->start, text, length)) {
        return false;
    }
    lines->start += length;
    return true;
}

/* The next line, with its end; NULL in both if there is none with an end */
static ModelsLines next_line(ModelsLines *lines)
{
    ModelsLines line = { lines->start, NULL };

    line.end = memchr(lines->start, '\n', length_of(*lines));
    if (!line.end) {
        return (ModelsLines) { NULL, NULL };
    }
    lines->start = ++line.end;
    return line;
}

static bool parse_crc(ModelsLines line, uint32_t *crc)
{
    int i;

    *crc = 0;
    if (!skip(&line, " \"$crc32\": \"") ||
        length_of(line) != CRC_DIGITS + strlen("\",\n") ||
        memcmp(line.start + CRC_DIGITS, "\",\n", strlen("\",\n"))) {
        return false;
    }
    for (i = 0; i < CRC_DIGITS; i++) {
        char c = line.start[i];
        int digit = c >= '0' && c <= '9' ? c - '0' :
                    c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0) {
            return false;
        }
        *crc = *crc << 4 | digit;
    }
    return true;
}

/*
 * Where @text ends in @lines for the first time, or NULL.  Its last character
 * is a rare one: memchr() is much faster than memmem().
 */
static const char *find_end(ModelsLines lines, const char *text)
{
    size_t length = strlen(text);
    const char *at = lines.start;

    while ((at = memchr(at, text[length - 1], lines.end - at))) {
        at++;
        if ((size_t)(at - lines.start) >= length &&
            !memcmp(at - length, text, length)) {
            return at;
        }
    }
    return NULL;
}

/* The lines before the CRC, and what it is said to be */
static bool start_crc(ModelsLinesFilter *filter, ModelsLines *lines)
{
    const char *start = lines->start;
    ModelsLines line;

    if (!skip(lines, "{\n") || !next_line(lines).start) {
        return false;
    }
    line = next_line(lines);
    if (!line.start || !parse_crc(line, &filter->said)) {
        return false;
    }
    filter->crc = crc32_add(0, start, line.start - start);
    return true;
}

/*
 * Where the next list of fingerprints that is not empty begins, or NULL: after
 * its bracket
 */
static const char *find_fingerprints(ModelsLines lines)
{
    while ((lines.start = find_end(lines, FINGERPRINTS))) {
        ModelsLines rest = lines;

        if (skip(&rest, FIRST_ITEM)) {
            break;
        }
    }
    return lines.start;
}

size_t models_lines_filter(ModelsLinesFilter *filter, char *start,
                           size_t length, size_t count)
{
    ModelsLines added = { start + length, start + length + count };
    size_t before = strlen(FINGERPRINTS FIRST_ITEM), kept;
    const char *at;

    if (!filter->started) {
        filter->started = true;
        filter->unusual = !start_crc(filter, &added);
    }
    if (filter->unusual) {
        return length + count;
    }
    filter->crc = crc32_add(filter->crc, added.start, length_of(added));
    /* A list may have begun in the piece before. */
    at = start + (length < before ? 0 : length - before);
    while (filter->in_list ||
           (at = find_fingerprints((ModelsLines) { at, added.end }))) {
        if (!filter->in_list) {
            filter->in_list = true;
            filter->list = at - start;
        }
        at = find_end((ModelsLines) { start + filter->list, added.end },
                      LIST_END);
        if (!at) {
            break;
        }
        filter->in_list = false;
        at -= strlen(LIST_END);
        memmove(start + filter->list, at, added.end - at);
        added.end -= at - (start + filter->list);
        at = start + filter->list;
    }
    if (!filter->in_list) {
        return added.end - start;
    }
    /* All of the list but what its end may begin with */
    kept = added.end - (start + filter->list);
    kept = kept < strlen(LIST_END) ? kept : strlen(LIST_END) - 1;
    memmove(start + filter->list, added.end - kept, kept);
    return filter->list + kept;
}

bool models_lines_are_intact(const ModelsLinesFilter *filter)
{
    return filter->started && !filter->unusual && !filter->in_list &&
           filter->crc == filter->said;
}

/* A text without escapes, up to @after, which it skips */
static bool skip_text(ModelsLines *lines, const char *after, ModelsLines *text)
{
    const char *end = memchr(lines->start, '"', length_of(*lines));

    *text = (ModelsLines) { lines->start, end };
    if (!end || memchr(text->start, '\\', length_of(*text))) {
        return false;
    }
    lines->start = end;
    return skip(lines, after);
}

/* The next model of the list: its "changes", "like" if any, and "name" */
static bool next_model(ModelsLines *list, Model *model)
{
    ModelsLines rest = *list;
    const char *end = find_end(rest, "\n  }");

    if (!end || !skip(&rest, "\n  {")) {
        return false;
    }
    list->start = end;
    *model = (Model) { .object = { rest.start - 1, end } };
    rest.end = end;
    if (!skip(&rest, "\n   \"changes\": {")) {
        return false;
    }
    if (!skip(&rest, "}")) {
        rest.start = find_end(rest, "\n   }");
    }
    /* With a member that is new, all of the file is read. */
    return rest.start && skip(&rest, ",\n") &&
           (!skip(&rest, "   \"like\": \"") ||
            skip_text(&rest, "\",\n", &model->like)) &&
           skip(&rest, "   \"name\": \"") &&
           skip_text(&rest, "\"\n  }", &model->name) && !length_of(rest);
}

/* All of them; NULL if the list is written otherwise */
static Model *index_models(ModelsLines list, size_t *count)
{
    Model *models = NULL;
    size_t room = 0;

    *count = 0;
    do {
        if (*count == MAX_MODELS) {
            break;
        }
        if (*count == room) {
            size_t more = room ? 2 * room : 256;
            Model *longer = realloc(models, more * sizeof(*models));

            if (!longer) {
                break;
            }
            models = longer;
            room = more;
        }
        if (!next_model(&list, &models[(*count)++])) {
            break;
        }
        if (!length_of(list)) {
            return models;
        }
    } while (skip(&list, ","));
    free(models);
    return NULL;
}

static Model *find_model(Model *models, size_t count, ModelsLines name)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (same_text(models[i].name, name)) {
            return &models[i];
        }
    }
    return NULL;
}

/* Chooses a model and all that it is like. */
static bool choose(Model *models, size_t count, ModelsLines name)
{
    while (name.start) {
        Model *model = find_model(models, count, name);

        if (!model) {
            return false;
        }
        /* If it is like itself, whoever reads them sees it. */
        name = model->chosen ? (ModelsLines) { NULL, NULL } : model->like;
        model->chosen = true;
    }
    return true;
}

static bool choose_all(Model *models, size_t count, const char *const *names,
                       size_t nnames)
{
    size_t i;

    for (i = 0; i < nnames; i++) {
        ModelsLines name = { names[i], names[i] + strlen(names[i]) };

        if (!choose(models, count, name)) {
            return false;
        }
    }
    return true;
}

bool models_lines_choose(ModelsLines rest, const char *const *names,
                         size_t count, ModelsLines **models, size_t *found,
                         const char **after)
{
    const char *end = find_end(rest, "\n ]");
    ModelsLines list = { rest.start, end ? end - strlen("\n ]") : NULL };
    Model *all = NULL;
    size_t nall = 0, i;

    *models = NULL;
    *found = 0;
    *after = end;
    if (end) {
        all = index_models(list, &nall);
    }
    if (all && choose_all(all, nall, names, count)) {
        *models = malloc((nall + 1) * sizeof(**models));
    }
    for (i = 0; *models && i < nall; i++) {
        if (all[i].chosen) {
            (*models)[(*found)++] = all[i].object;
        }
    }
    free(all);
    return *models;
}
