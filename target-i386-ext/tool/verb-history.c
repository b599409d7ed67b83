/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu history
 *
 * Answers, for operators and support: was this feature ever in this CPU model,
 * and on which machine types?
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cpuinfo-names.h"
#include "history.h"
#include "models-json.h"
#include "suggestion.h"
#include "text-table.h"
#include "verbs.h"

/* Larger numbers, such as CPUID leaves, are printed in hexadecimal. */
#define HEX_FROM (1u << 30)

enum { ALL_ACCELERATORS = (1 << HISTORY_ACCELERATORS) - 1 };

/* Models that no name alone describes */
static const struct {
    const char *name, *reason;
} not_kept[] = {
    { "host", "it is the host's CPU" },
    { "max", "it is all that the host and QEMU can do" },
    { "custom", "it is what its options say" },
};

/* ---- errors ---- */

/* @otherwise is for where nothing is near. */
static bool fail_unknown(const char *what, const Suggestion *suggestion,
                         const char *otherwise, Problem *problem)
{
    char text[X86_CPU_NEAR_NAMES_SIZE];

    x86_cpu_near_names_print(&suggestion->near, text);
    problem_set(problem, STATUS_ERROR, "unknown %s '%.64s'%s", what,
                suggestion->name, *text ? text : otherwise);
    return false;
}

/* ---- what is asked for ---- */

/* Of all files */
typedef struct Asked {
    const char *model, *feature;
    unsigned accelerators;
    /* QEMU's name of the feature, in the first file that has it */
    const char *found;
    bool model_is_known;
} Asked;

static bool get_accelerators(const json_t *request, Asked *asked,
                             Problem *problem)
{
    Suggestion suggestion = { 0 };
    const char *name;
    int i;

    asked->accelerators = ALL_ACCELERATORS;
    if (!request_text(request, "accel", &name, problem)) {
        return false;
    }
    if (!name) {
        return true;
    }
    if (!strcmp(name, "kvm")) {
        asked->accelerators &= ~(1u << HISTORY_TCG);
        return true;
    }
    suggestion.name = name;
    for (i = 0; i < HISTORY_ACCELERATORS; i++) {
        if (!strcmp(name, history_accelerator_names[i])) {
            asked->accelerators = 1u << i;
            return true;
        }
        suggestion_add(history_accelerator_names[i], &suggestion);
    }
    return fail_unknown("accelerator", &suggestion,
                        "; use tcg, kvm-intel, kvm-amd or kvm", problem);
}

static bool get_request(const json_t *request, Asked *asked, Problem *problem)
{
    size_t i;

    if (!request_text(request, "model", &asked->model, problem) ||
        !request_text(request, "feature", &asked->feature, problem) ||
        !get_accelerators(request, asked, problem)) {
        return false;
    }
    if (!asked->model && !asked->feature) {
        return problem_set(problem, STATUS_ERROR, "name a CPU model (--model "
                           "EPYC; make history MODEL=EPYC), a feature "
                           "(--feature mpx; FEATURE=mpx), or both");
    }
    for (i = 0; asked->model && i < sizeof(not_kept) / sizeof(not_kept[0]);
         i++) {
        if (!strcmp(asked->model, not_kept[i].name)) {
            return problem_set(problem, STATUS_ERROR, "'%s' has no history: "
                               "%s; 'x86-cpu removed --cpu %s' shows what it "
                               "is here", asked->model, not_kept[i].reason,
                               asked->model);
        }
    }
    return true;
}

/* Of those that are asked for, those that the QEMU was built with */
static unsigned accelerators_of(const ModelsFile *file, unsigned asked)
{
    if (!models_file_has_accelerator(file, X86CPU_ON_TCG)) {
        asked &= ~(1u << HISTORY_TCG);
    }
    if (!models_file_has_accelerator(file, X86CPU_ON_KVM)) {
        asked &= 1u << HISTORY_TCG;
    }
    return asked;
}

/* ---- names of features ---- */

/* As QEMU does with names in -cpu */
static void with_hyphens(const char *name, char *text, size_t size)
{
    snprintf(text, size, "%s", name);
    for (; (text = strchr(text, '_')); text++) {
        *text = '-';
    }
}

/* Features that one name stands for, of those that a QEMU has */
typedef struct Meanings {
    const char *features[4];
    size_t count;
} Meanings;

static void add_meaning(Meanings *meanings, const char *feature)
{
    size_t most = sizeof(meanings->features) / sizeof(meanings->features[0]);

    if (meanings->count < most) {
        meanings->features[meanings->count++] = feature;
    }
}

/* QEMU's own names go before libvirt's, these before Linux's. */
static Meanings meanings_of(const ModelsFile *file, const char *name)
{
    const X86CpuTables *tables = models_file_tables(file);
    int number = models_file_find_feature(file, name);
    Meanings found = { .count = 0 };
    const char *feature;
    size_t i;

    if (number >= 0) {
        add_meaning(&found, tables->features[number].name);
    }
    for (i = 0; number < 0 && i < tables->nfeatures; i++) {
        const char *libvirt = models_file_libvirt_name(file, i);

        if (libvirt && !strcmp(libvirt, name)) {
            add_meaning(&found, tables->features[i].name);
        }
    }
    if (!found.count) {
        for (i = 0; (feature = cpuinfo_names_feature(name, i)); i++) {
            if (models_file_find_feature(file, feature) >= 0) {
                add_meaning(&found, feature);
            }
        }
    }
    return found;
}

static void *fail_several(const char *name, const Meanings *meanings,
                          Problem *problem)
{
    char text[512] = "";
    size_t i, length = 0;

    for (i = 0; i < meanings->count; i++) {
        length += snprintf(text + length, sizeof(text) - length, "%s%.64s",
                           !i ? "" : i + 1 < meanings->count ? ", " : " or ",
                           meanings->features[i]);
    }
    return problem_set(problem, STATUS_ERROR, "feature '%.64s' is %s in QEMU; "
                       "name one of them", name, text);
}

/*
 * Puts the property that is called @name, in any way, in *@property; -1 if
 * there is none.  False if it is the name of several.
 */
static bool find_property(const History *history, const ModelsFile *file,
                          const char *name, int *property, Problem *problem)
{
    const char *text = name;
    char hyphens[128];
    int i;

    *property = history_find(history, name);
    with_hyphens(name, hyphens, sizeof(hyphens));
    for (i = 0; *property < 0 && i < 2; i++, text = hyphens) {
        Meanings meanings = meanings_of(file, text);

        if (meanings.count > 1) {
            fail_several(name, &meanings, problem);
            return false;
        }
        *property = history_find(history, meanings.count ? meanings.features[0]
                                                         : text);
    }
    return true;
}

static bool fail_feature(const Tool *tool, const char *name, Problem *problem)
{
    Suggestion suggestion = { .name = name };
    const char *known, *feature;
    char hyphens[128];
    size_t i, j;

    with_hyphens(name, hyphens, sizeof(hyphens));
    for (i = 0; (known = cpuinfo_names_any(i, &feature)); i++) {
        if (!strcmp(known, name) || !strcmp(known, hyphens)) {
            return problem_set(problem, STATUS_ERROR, "no file of CPU models "
                               "has feature '%.64s'", feature);
        }
    }
    for (i = 0; i < tool->nfiles; i++) {
        const ModelsFile *file = tool->files[i];

        for (j = 0; j < models_props_count(file); j++) {
            if (models_props_name(file, j)) {
                suggestion_add(models_props_name(file, j), &suggestion);
            }
        }
        models_file_each_feature(file, suggestion_add, &suggestion);
        /* Here they are as good as QEMU's: see meanings_of(). */
        suggestion_add_others(&suggestion, file, false);
    }
    return fail_unknown("feature", &suggestion,
                        "; no similar name in the file of CPU models", problem);
}

static bool fail_model(const Tool *tool, const char *name, Problem *problem)
{
    Suggestion suggestion = { .name = name };
    size_t i, j;

    for (i = 0; i < tool->nfiles; i++) {
        for (j = 0; j < models_file_model_count(tool->files[i]); j++) {
            suggestion_add(models_file_model(tool->files[i], j), &suggestion);
        }
    }
    return fail_unknown("CPU model", &suggestion,
                        "; no similar name in the file of CPU models", problem);
}

/* ---- the answer ---- */

/* What is said of a file that does not have the model or the feature */
static json_t *answer_missing(const ModelsFile *file, const History *history,
                              const char *what)
{
    return json_pack("{s:s, s:s, s:s, s:[], s:[], s:{}}", "missing", what,
                     "line", history_line(history),
                     "qemu", models_file_version(file),
                     "accelerators", "history", "stands-for");
}

static json_t *ask(const ModelsFile *file, Asked *asked, Problem *problem)
{
    int model = HISTORY_ALL, property = HISTORY_ALL;
    unsigned accelerators = accelerators_of(file, asked->accelerators);
    History *history;
    json_t *answer = NULL;

    if (!accelerators) {
        return problem_set(problem, STATUS_ERROR, "QEMU %s was built without "
                           "%s", models_file_version(file),
                           asked->accelerators & 1u << HISTORY_TCG ? "tcg"
                                                                   : "kvm");
    }
    history = history_new(file, accelerators);
    if (!history) {
        return NULL;
    }
    if (!history_has_machine_types(history)) {
        history_free(history);
        return problem_set(problem, STATUS_ERROR, "QEMU %s has no machine "
                           "types with a version", models_file_version(file));
    }
    if (asked->model) {
        model = models_file_find_model(file, asked->model);
        asked->model_is_known |= model >= 0;
    }
    if (asked->feature && !find_property(history, file, asked->feature,
                                         &property, problem)) {
        history_free(history);
        return NULL;
    }
    if (property >= 0 && !asked->found) {
        asked->found = history_name(history, property);
    }
    if (asked->model && model < 0) {
        answer = answer_missing(file, history, "model");
    } else if (asked->feature && property < 0) {
        answer = answer_missing(file, history, "feature");
    } else {
        answer = history_answer(history, model, property);
    }
    history_free(history);
    return answer;
}

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/*
 * With one file, what is said of it is in the answer itself; with several, it
 * is in "lines".
 */
json_t *answer_history(Tool *tool, const json_t *request, Status *status,
                       Problem *problem)
{
    json_t *lines = json_array(), *answer = NULL, *line;
    Asked asked = { 0 };
    bool ok = get_request(request, &asked, problem);
    char note[160];
    size_t i;

    (void)status;
    for (i = 0; ok && i < tool->nfiles; i++) {
        line = ask(tool->files[i], &asked, problem);
        ok = line;
        json_array_append_new(lines, line);
    }
    if (ok && asked.model && !asked.model_is_known) {
        ok = fail_model(tool, asked.model, problem);
    }
    if (ok && asked.feature && !asked.found) {
        ok = fail_feature(tool, asked.feature, problem);
    }
    if (ok) {
        answer = tool->nfiles == 1
                 ? json_incref(json_array_get(lines, 0))
                 : json_pack("{s:O}", "lines", lines);
        json_object_set_new(answer, "model", text_or_null(asked.model));
        json_object_set_new(answer, "feature", text_or_null(asked.found));
    }
    if (ok && asked.feature && strcmp(asked.feature, asked.found)) {
        snprintf(note, sizeof(note), "%.64s is %.64s", asked.feature,
                 asked.found);
        json_object_set_new(answer, "notes", json_pack("[s]", note));
    }
    json_decref(lines);
    return answer;
}

/* ---- tables ---- */

enum { COLUMNS = 5, ACCELERATOR_COLUMN = 2 };

/* A table of COLUMNS columns */
typedef struct Table {
    const char *const *header;
    const size_t *limits;
    char *(*rows)[COLUMNS];
    size_t count;
} Table;

/* Frees what is in @table, and makes it empty. */
static void table_clear(Table *table)
{
    size_t row, i;

    for (row = 0; row < table->count; row++) {
        for (i = 0; i < COLUMNS; i++) {
            free(table->rows[row][i]);
        }
    }
    free(table->rows);
    table->rows = NULL;
    table->count = 0;
}

/* Takes over the cells, of which NULL is not enough memory. */
static bool table_add(Table *table, char *cells[COLUMNS])
{
    char *(*longer)[COLUMNS] = realloc(
        table->rows, (table->count + 1) * sizeof(*longer));
    bool ok = longer;
    size_t i;

    for (i = 0; i < COLUMNS; i++) {
        ok &= !!cells[i];
    }
    if (longer) {
        table->rows = longer;
    }
    for (i = 0; i < COLUMNS; i++) {
        if (ok) {
            longer[table->count][i] = cells[i];
        } else {
            free(cells[i]);
        }
    }
    table->count += ok;
    return ok;
}

/* Whether all cells of a column say nothing */
static bool is_dull(const Table *table, size_t column)
{
    const char *dull = column == ACCELERATOR_COLUMN ? "all" : "";
    size_t row;

    for (row = 0; row < table->count; row++) {
        if (strcmp(table->rows[row][column], dull)) {
            return false;
        }
    }
    return true;
}

/* Without what only repeats the line above, or the title */
static void table_print(const Table *table, FILE *out)
{
    const char **cells = calloc((table->count + 1) * COLUMNS, sizeof(*cells));
    size_t used[COLUMNS], limits[COLUMNS], columns = 0, row, i;

    if (!cells) {
        return;
    }
    for (i = 0; i < COLUMNS; i++) {
        if (!is_dull(table, i)) {
            limits[columns] = i + 1 < COLUMNS ? table->limits[i] : 0;
            cells[columns] = table->header[i];
            used[columns++] = i;
        }
    }
    for (row = 0; row < table->count; row++) {
        for (i = 0; i < columns; i++) {
            const char *cell = table->rows[row][used[i]];
            bool repeats = !i && row &&
                !strcmp(cell, table->rows[row - 1][used[0]]);

            cells[(row + 1) * columns + i] = repeats ? "" : cell;
        }
    }
    text_table_print(cells, table->count + 1, columns, limits, out);
    free(cells);
}

/* ---- cells ---- */

static char *show_value(const json_t *value)
{
    uint64_t number;
    bool negative;
    char text[32];

    if (json_is_null(value)) {
        return strdup("-");
    }
    if (json_is_boolean(value)) {
        return strdup(json_is_true(value) ? "on" : "off");
    }
    if (models_json_integer(value, &number, &negative)) {
        snprintf(text, sizeof(text), negative ? "%" PRId64 :
                 number < HEX_FROM ? "%" PRIu64 : "0x%" PRIx64, number);
        return strdup(text);
    }
    if (!strcmp(json_string_value(value), "host")) {
        return strdup("the host's");
    }
    return strdup(json_string_length(value) ? json_string_value(value)
                                            : "\"\"");
}

/* The texts in list @names, with commas; to be freed */
static char *joined(const json_t *names)
{
    const json_t *name;
    char *text = NULL;
    size_t size, i;
    FILE *out = open_memstream(&text, &size);

    if (!out) {
        return NULL;
    }
    json_array_foreach((json_t *)names, i, name) {
        fprintf(out, "%s%s", i ? ", " : "", json_string_value(name));
    }
    fclose(out);
    return text;
}

static char *show_accelerators(const json_t *line, const json_t *value)
{
    const json_t *all = json_object_get(line, "accelerators");
    const json_t *names = json_object_get(value, "accelerators");

    return json_array_size(names) == json_array_size(all) ? strdup("all")
                                                          : joined(names);
}

/*
 * Ranges in short: the kinds of machine types are mostly of the same versions.
 * "pc-*-2.4 to 3.1" for "pc-i440fx-2.4 to 3.1, pc-q35-2.4 to 3.1"
 */
static char *show_machine_types(const json_t *value)
{
    static const char first[] = "pc-i440fx-", second[] = "pc-q35-";
    const char *where = json_string_value(json_object_get(
        value, "machine-types"));
    const char *middle = strstr(where, second), *a = where, *b = middle;
    char *text, *end;

    text = strdup(where);
    if (!text || !middle || middle == where) {
        return text;
    }
    /* The text is never longer. */
    for (end = text; a < middle && *b; ) {
        size_t i, j;

        if (strncmp(a, first, strlen(first)) ||
            strncmp(b, second, strlen(second))) {
            break;
        }
        a += strlen(first);
        b += strlen(second);
        i = strcspn(a, ",");
        j = strcspn(b, ",");
        if (i != j || memcmp(a, b, i)) {
            break;
        }
        end += sprintf(end, "%spc-*-%.*s", end == text ? "" : ", ", (int)i, a);
        a += i + 2;
        b += j + 2 * (b[j] == ',');
    }
    if (a != middle || *b) {
        strcpy(text, where);
    }
    return text;
}

/* "-v2" if the name @model says which model that is of */
static char *show_version(const char *model, const char *version)
{
    const char *at = version, *next = version;

    while ((next = strstr(next, "-v"))) {
        at = next++;
    }
    return strdup(strncmp(model, version, at - version) ? version : at);
}

/* ---- text ---- */

static const char *entry_text(const json_t *entry, const char *name)
{
    return json_string_value(json_object_get(entry, name));
}

/* For one feature: what it is in each model */
static void print_models(const json_t *line, const char *feature, FILE *out)
{
    static const size_t limits[] = { 30, 20, 11, 22 };
    const json_t *versions = json_object_get(line, "stands-for");
    const json_t *history = json_object_get(line, "history"), *entry, *value;
    char upper[80];
    const char *header[COLUMNS] = {
        "MODEL", upper, "ACCELERATOR", "MACHINE TYPES", "STANDS FOR"
    };
    Table table = { .header = header, .limits = limits };
    size_t i, j;

    snprintf(upper, sizeof(upper), "%s", feature);
    for (i = 0; upper[i]; i++) {
        upper[i] -= upper[i] >= 'a' && upper[i] <= 'z' ? 'a' - 'A' : 0;
    }
    json_array_foreach((json_t *)history, i, entry) {
        const char *model = entry_text(entry, "model");
        const char *version = json_string_value(json_object_get(versions,
                                                                model));

        json_array_foreach(json_object_get(entry, "values"), j, value) {
            char *cells[COLUMNS] = {
                strdup(model),
                show_value(json_object_get(value, "value")),
                show_accelerators(line, value),
                show_machine_types(value),
                version && !j ? show_version(model, version) : strdup(""),
            };

            table_add(&table, cells);
        }
    }
    table_print(&table, out);
    table_clear(&table);
}

/* A value of a feature, and the models that have it there */
typedef struct Cell {
    char *texts[COLUMNS - 1];
    json_t *models;
    /* The number of the first model, and of this cell */
    size_t first, number;
} Cell;

static int compare_cells(const void *a, const void *b)
{
    const Cell *x = a, *y = b;
    int order = strcmp(x->texts[0], y->texts[0]);

    if (order) {
        return order;
    }
    if (x->first != y->first) {
        return x->first < y->first ? -1 : 1;
    }
    return x->number < y->number ? -1 : 1;
}

/* The one of @count cells with the same texts, or the next one */
static Cell *find_cell(Cell *cells, size_t count, char *texts[COLUMNS - 1])
{
    size_t i, j;

    for (i = 0; i < count; i++) {
        for (j = 0; j < COLUMNS - 1 && !strcmp(cells[i].texts[j], texts[j]);
             j++) {
            continue;
        }
        if (j == COLUMNS - 1) {
            break;
        }
    }
    return &cells[i];
}

/* How many entries @history has of the first model, and so of each */
static size_t features_of(const json_t *history)
{
    const char *model = entry_text(json_array_get(history, 0), "model");
    size_t count = 0;

    while (count < json_array_size(history) &&
           !strcmp(entry_text(json_array_get(history, count), "model"),
                   model)) {
        count++;
    }
    return count;
}

/* Adds the values of @entry to @cells, of which there are *@count. */
static bool add_cells(const json_t *line, const json_t *entry, size_t model,
                      Cell *cells, size_t *count)
{
    const json_t *value;
    size_t i, j;

    json_array_foreach(json_object_get(entry, "values"), i, value) {
        char *texts[COLUMNS - 1] = {
            strdup(entry_text(entry, "feature")),
            show_value(json_object_get(value, "value")),
            show_accelerators(line, value),
            show_machine_types(value),
        };
        bool ok = texts[0] && texts[1] && texts[2] && texts[3];
        Cell *cell = ok ? find_cell(cells, *count, texts) : NULL;

        if (cell == &cells[*count]) {
            *cell = (Cell) {
                .models = json_array(), .first = model, .number = (*count)++,
            };
            memcpy(cell->texts, texts, sizeof(texts));
        } else {
            for (j = 0; j < COLUMNS - 1; j++) {
                free(texts[j]);
            }
        }
        if (!cell) {
            return false;
        }
        json_array_append(cell->models, json_object_get(entry, "model"));
    }
    return true;
}

/*
 * For several features: which models have which value where.  Either those of
 * "general", for which the first model stands, or all others.
 */
static void print_features(const json_t *line, bool general, FILE *out)
{
    static const size_t limits[] = { 28, 20, 11, 20 };
    static const char *const header[] = {
        "FEATURE", "VALUE", "ACCELERATOR", "MACHINE TYPES", "MODELS"
    };
    Table table = { .header = header, .limits = limits };
    const json_t *history = json_object_get(line, "history"), *entry;
    const json_t *of_all = json_object_get(line, "general");
    size_t of_each = features_of(history), models, count = 0, i, j;
    Cell *cells;

    for (i = 0, j = 0; i < json_array_size(history); i++) {
        j += json_array_size(json_object_get(json_array_get(history, i),
                                             "values"));
    }
    cells = calloc(j + 1, sizeof(*cells));
    models = general ? 1 : json_array_size(history) / of_each;
    for (i = 0; cells && i < models * of_each; i++) {
        entry = json_array_get(history, i);
        if (is_listed(of_all, entry_text(entry, "feature")) == general) {
            add_cells(line, entry, i / of_each, cells, &count);
        }
    }
    if (cells) {
        qsort(cells, count, sizeof(*cells), compare_cells);
    }
    for (i = 0; i < count; i++) {
        Cell *cell = &cells[i];
        char *row[COLUMNS] = {
            cell->texts[0], cell->texts[1], cell->texts[2], cell->texts[3],
            json_array_size(cell->models) != models ? joined(cell->models) :
            strdup(models > 1 ? "all of them" : ""),
        };

        table_add(&table, row);
        json_decref(cell->models);
    }
    table_print(&table, out);
    table_clear(&table);
    free(cells);
}

static size_t count_models(const json_t *history)
{
    const json_t *entry;
    const char *before = "";
    size_t count = 0, i;

    json_array_foreach((json_t *)history, i, entry) {
        count += !!strcmp(entry_text(entry, "model"), before);
        before = entry_text(entry, "model");
    }
    return count;
}

static void print_title(const json_t *line, const char *model,
                        const char *feature, FILE *out)
{
    const json_t *accelerators = json_object_get(line, "accelerators");
    const char *missing = entry_text(line, "missing");
    size_t count = count_models(json_object_get(line, "history")), i, j;
    const json_t *name;
    char text[512], *end = text + sizeof(text), *at = text;

    if (model && feature) {
        at += snprintf(at, end - at, "%.64s in %.64s", feature, model);
    } else if (model) {
        at += snprintf(at, end - at, "%.64s: what differs, by version or "
                       "machine type", model);
    } else if (count) {
        at += snprintf(at, end - at, "%.64s: %zu model%s had it", feature,
                       count, count > 1 ? "s have" : " has");
    } else {
        at += snprintf(at, end - at, "%.64s: no model has ever had it",
                       feature);
    }
    at += snprintf(at, end - at, " (QEMU %s", entry_text(line, "line"));
    json_array_foreach((json_t *)accelerators, i, name) {
        for (j = 0; j < HISTORY_ACCELERATORS; j++) {
            if (!strcmp(json_string_value(name),
                        history_accelerator_names[j])) {
                at += snprintf(at, end - at, "%s%s", i ? ", " : "; ",
                               history_accelerator_titles[j]);
            }
        }
    }
    at += snprintf(at, end - at, ")");
    if (missing) {
        snprintf(at, end - at, ": this QEMU has no such %s", missing);
    }
    text_table_print_paragraph(text, out);
}

static void print_line(const json_t *line, const char *model,
                       const char *feature, FILE *out)
{
    const json_t *history = json_object_get(line, "history");
    size_t general = json_array_size(json_object_get(line, "general"));

    print_title(line, model, feature, out);
    if (json_object_get(line, "missing")) {
        return;
    }
    if (!json_array_size(history)) {
        fputs(feature ? "" : "\n  nothing\n", out);
        return;
    }
    if (feature) {
        putc('\n', out);
        print_models(line, feature, out);
        return;
    }
    if (general < features_of(history)) {
        putc('\n', out);
        print_features(line, false, out);
    }
    if (general) {
        fputs("\nAs in CPU models in general, by machine type:\n\n", out);
        print_features(line, true, out);
    }
}

void print_history(const json_t *answer, const json_t *request, FILE *out)
{
    const char *model = entry_text(answer, "model");
    const char *feature = entry_text(answer, "feature");
    const json_t *lines = json_object_get(answer, "lines"), *line;
    size_t i;

    (void)request;
    if (!lines) {
        print_line(answer, model, feature, out);
    }
    json_array_foreach((json_t *)lines, i, line) {
        fputs(i ? "\n" : "", out);
        print_line(line, model, feature, out);
    }
}
