/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPU models from tables
 *
 * Reads the tables, computes each version of each model, refuses those that
 * would differ from their tables, and writes C.
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "../near-names.h"
#include "gen-cpu-models.h"
#include "gen-cpu-upstream.h"

Model *models;
size_t nmodels;
/* Indexes of models by name */
static NameIndex model_names;

/* ---- names ---- */

/* Whether @name ends with -v and a number, returned in *@number */
static bool has_version(const char *name, size_t *length, int *number)
{
    const char *dash = strrchr(name, '-');
    uint64_t value;

    if (!dash || dash[1] != 'v' || !parse_whole_number(dash + 2, &value) ||
        value > MAX_NUMBER || dash[2] == '0') {
        return false;
    }
    *length = dash - name;
    *number = value;
    return true;
}

static const UpstreamModel *find_upstream(const char *name, size_t length)
{
    size_t i;

    for (i = 0; i < nupstream_models; i++) {
        if (strlen(upstream_models[i].name) == length &&
            !strncasecmp(upstream_models[i].name, name, length)) {
            return &upstream_models[i];
        }
    }
    return NULL;
}

/* The upstream model in whose name space @name is, or NULL */
static const UpstreamModel *upstream_name_space(const char *name)
{
    const UpstreamModel *model;
    size_t i, j;

    for (i = 0; i < nupstream_models; i++) {
        size_t length = strlen(upstream_models[i].name);

        model = &upstream_models[i];
        if (!strncasecmp(model->name, name, length) &&
            (!name[length] ||
             (name[length] == '-' && !strchr(name + length, '_')))) {
            return model;
        }
        for (j = 0; j < model->count; j++) {
            if (model->versions[j].alias &&
                !strcasecmp(model->versions[j].alias, name)) {
                return model;
            }
        }
    }
    return NULL;
}

/* Names of CPU models that are not in upstream's tables */
static bool is_special(const char *name)
{
    return !strcasecmp(name, "base") || !strcasecmp(name, "custom") ||
           !strcasecmp(name, "host") || !strcasecmp(name, "max") ||
           !strcasecmp(name, "help");
}

static bool check_name(Place place, const char *name, bool site)
{
    const UpstreamModel *upstream = upstream_name_space(name);
    size_t length;
    int number;

    if (strlen(name) > 40 || strlen(name) < 2 ||
        !isalnum((unsigned char)name[0]) || name[0] == '0' ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                    "WXYZ0123456789-_")]) {
        complain(place, "'%s': a name has 2 to 40 letters, digits, '-' and "
                 "'_', and begins with a letter or a digit other than 0",
                 name);
        return false;
    }
    if (is_special(name)) {
        complain(place, "'%s' is one of QEMU's own names", name);
        return false;
    }
    if (upstream) {
        complain(place, "'%s' is in the name space of upstream's model %s; "
                 "'%s_SOMETHING' cannot collide with it", name,
                 upstream->name, upstream->name);
        return false;
    }
    if (site && !strchr(name, '_')) {
        complain(place, "'%s': a name of your own needs a '_': upstream's "
                 "new names have none, so they never collide", name);
        return false;
    }
    if (!site && has_version(name, &length, &number) && strncmp(name,
        "x86-64-v", 8)) {
        complain(place, "'%s': versions are named by QEMU", name);
        return false;
    }
    return true;
}

Model *find_model(const char *name, size_t length)
{
    size_t i = find_name(&model_names, name, length);

    return i < nmodels ? &models[i] : NULL;
}

/*
 * The model of which @name is, or could become, a version.  Names must differ
 * in more than case, so -V7 is one, too.
 */
static const Model *find_versioned(const char *name)
{
    const char *dash = strrchr(name, '-');

    if (!dash || tolower((unsigned char)dash[1]) != 'v' || !dash[2] ||
        dash[2 + strspn(dash + 2, "0123456789")]) {
        return NULL;
    }
    return find_model(name, dash - name);
}

/* Versions are numbered from 1, without gaps. */
static Version *find_number_of(const Model *model, size_t number)
{
    return number >= 1 && number <= model->count ?
           &model->versions[number - 1] : NULL;
}

Model *find_version(const char *name, const Version **version)
{
    Model *model;
    size_t length;
    int number;

    if (!has_version(name, &length, &number)) {
        return NULL;
    }
    model = find_model(name, length);
    *version = model ? find_number_of(model, number) : NULL;
    return *version ? model : NULL;
}

/* ---- reading ---- */

/* since A; until B; from A to B */
static bool parse_range(char *line, Machines *machines)
{
    const char *key = cut(&line), *first = cut(&line);
    const char *to = cut(&line), *last = cut(&line);

    machines->to = NO_MACHINE_VERSION;
    if (!first || cut(&line)) {
        return false;
    }
    if (!strcmp(key, "since") && !to) {
        return parse_machine_version(first, &machines->from);
    }
    if (!strcmp(key, "until") && !to) {
        return parse_machine_version(first, &machines->to);
    }
    return !strcmp(key, "from") && last && !strcmp(to, "to") &&
           parse_machine_version(first, &machines->from) &&
           parse_machine_version(last, &machines->to) &&
           machines->from <= machines->to;
}

/* What the lines of a table belong to */
typedef struct Reader {
    Table table;
    bool site;
    bool skips;                 /* up to the next 'cpu': told why */
    Model *model;
    Version *version;
    Machines *machines;
} Reader;

static void begin_model(Reader *reader, char *line)
{
    Place place = reader->table.place;
    const char *name = cut(&line);
    Model *other;

    reader->version = NULL;
    reader->machines = NULL;
    reader->model = NULL;
    reader->skips = true;
    if (!name || cut(&line)) {
        complain(place, "'cpu' is followed by the name of a model");
        return;
    }
    other = find_model(name, strlen(name));
    if (other) {
        complain(place, "'%s' again; it is in %s:%d already", name,
                 other->place.file, other->place.line);
        return;
    }
    if (!check_name(place, name, reader->site)) {
        return;
    }
    models = grow(models, nmodels, sizeof(*models));
    add_name(&model_names, name, nmodels);
    reader->model = &models[nmodels++];
    reader->model->place = place;
    reader->model->site = reader->site;
    strcpy(reader->model->name, name);
}

static void begin_version(Reader *reader, char *line)
{
    Place place = reader->table.place;
    Model *model = reader->model;
    const char *number = cut(&line);
    uint64_t value;

    reader->machines = NULL;
    if (!number || cut(&line) || !parse_whole_number(number, &value) ||
        value != model->count + 1) {
        complain(place, "the next version of %s is 'version %zu'",
                 model->name, model->count + 1);
        value = model->count + 1;
    }
    if (value > MAX_NUMBER) {
        give_up(place, "%s has too many versions", model->name);
    }
    if (model->nmachines) {
        complain(place, "versions come before 'machines'");
    }
    model->versions = grow(model->versions, model->count,
                           sizeof(*model->versions));
    reader->version = &model->versions[model->count++];
    reader->version->place = place;
    reader->version->number = value;
}

static void begin_machines(Reader *reader, char *line)
{
    Place place = reader->table.place;
    Model *model = reader->model;
    Machines *machines;

    model->machines = grow(model->machines, model->nmachines,
                           sizeof(*model->machines));
    machines = &model->machines[model->nmachines++];
    machines->place = place;
    reader->version = NULL;
    reader->machines = machines;
    if (!parse_range(line, machines)) {
        complain(place, "'machines' is followed by 'since X.Y', 'until X.Y' "
                 "or 'from X.Y to X.Y', which are versions of machine types");
    }
}

/* A line of text; if @go_on, lines with the same key continue it. */
static void read_words(Place place, const char *key, const char **words_of,
                       const char *value, bool go_on)
{
    char *joined;

    if (!*value) {
        complain(place, "'%s' needs a value", key);
    } else if (*words_of && go_on) {
        joined = new_memory(strlen(*words_of) + strlen(value) + 2);
        sprintf(joined, "%s %s", *words_of, value);
        *words_of = joined;
    } else if (*words_of) {
        complain(place, "'%s' again", key);
    } else {
        *words_of = copy_text(value, strlen(value));
    }
}

static bool read_model_line(Reader *reader, const char *key, char *value)
{
    Place place = reader->table.place;
    Model *model = reader->model;

    if (!strcmp(key, "reason")) {
        read_words(place, key, &model->reason, value, true);
    } else if (!strcmp(key, "based-on")) {
        read_words(place, key, &model->based_on, value, false);
        model->based_on_place = place;
    } else if (!strcmp(key, "deprecated")) {
        read_words(place, key, &model->deprecated, value, false);
    } else {
        return read_setting(&model->settings, place, key, value, false);
    }
    return true;
}

static bool read_version_line(Reader *reader, const char *key, char *value)
{
    Place place = reader->table.place;
    Version *version = reader->version;

    if (!strcmp(key, "reason")) {
        read_words(place, key, &version->reason, value, true);
    } else if (!strcmp(key, "note")) {
        read_words(place, key, &version->note, value, false);
    } else if (!strcmp(key, "deprecated")) {
        read_words(place, key, &version->deprecated, value, false);
    } else if (!strcmp(key, "alias")) {
        read_words(place, key, &version->alias, value, false);
        if (version->alias) {
            check_name(place, version->alias, reader->site);
        }
    } else if (!strcmp(key, "vendor")) {
        complain(place, "a version can't change the vendor; add another "
                 "model");
    } else {
        size_t count = version->settings.count;
        bool known = read_setting(&version->settings, place, key, value,
                                  false);

        if (version->number == 1 && version->settings.count > count) {
            complain(place, "'%s' belongs before 'version 1', which is the "
                     "model as defined there", key);
        }
        return known;
    }
    return true;
}

static bool read_machines_line(Reader *reader, const char *key, char *value)
{
    Place place = reader->table.place;
    Machines *machines = reader->machines;
    uint64_t number;

    if (strcmp(key, "default-version")) {
        return strcmp(key, "vendor") &&
               read_setting(&machines->settings, place, key, value, false);
    }
    if (!parse_whole_number(value, &number) ||
        !find_number_of(reader->model, number)) {
        complain(place, "%s has no version '%s'", reader->model->name, value);
    } else if (machines->version) {
        complain(place, "'%s' again", key);
    } else {
        machines->version = number;
    }
    return true;
}

static void read_line(Reader *reader, char *line)
{
    Place place = reader->table.place;
    const char *key = cut(&line);
    bool known;

    line += strspn(line, " \t");
    if (!strcmp(key, "cpu")) {
        begin_model(reader, line);
        return;
    }
    if (!strcmp(key, "machine")) {
        /* It is outside models, and ends the previous one. */
        reader->model = NULL;
        reader->skips = false;
        read_machine_type(place, line, reader->site);
        return;
    }
    if (!reader->model) {
        if (!reader->skips) {
            complain(place, "'%s' belongs to a model, after 'cpu NAME'", key);
        }
        reader->skips = true;
        return;
    }
    if (!strcmp(key, "version")) {
        begin_version(reader, line);
        return;
    }
    if (!strcmp(key, "machines")) {
        begin_machines(reader, line);
        return;
    }
    known = reader->machines ? read_machines_line(reader, key, line) :
            reader->version ? read_version_line(reader, key, line) :
            read_model_line(reader, key, line);
    if (!known) {
        complain(place, "unknown key '%s' here; use %s%s", key,
                 reader->machines ? "default-version" :
                 reader->version ? "alias, note, reason, deprecated" :
                 "reason, based-on, deprecated, vendor",
                 ", on, off, family, model, stepping, level, xlevel, "
                 "avx10-version, model-id, cache, set");
    }
}

void read_models_table(const char *path, bool site)
{
    Reader reader = {
        .table = { .place = { path, 0 }, .rest = read_file(path) },
        .site = site,
    };
    char *line;

    while ((line = next_line(&reader.table))) {
        read_line(&reader, line);
    }
}

/* ---- what they are ---- */

/* @name is not a version, of a model whose name has @length characters. */
static void complain_unknown_base(const Model *model, const char *name,
                                  size_t length)
{
    const UpstreamModel *upstream = find_upstream(name, length);
    const Model *other = find_model(name, length);
    char text[X86_CPU_NEAR_NAMES_SIZE], base[sizeof(model->name)];
    char versions[X86_CPU_NEAR_NAMES][X86_CPU_NEAR_NAME_SIZE + 4];
    NearNames near = { };
    size_t i;

    if (upstream || (other && other->count)) {
        complain(model->based_on_place, "%s: based-on '%s' is not a version of "
                 "any CPU model; the last one is %.*s-v%zu", model->name, name,
                 (int)length, name, upstream ? upstream->count : other->count);
        return;
    }
    snprintf(base, sizeof(base), "%.*s", (int)length, name);
    for (i = 0; i < nupstream_models; i++) {
        x86_cpu_near_names_add(&near, base, upstream_models[i].name);
    }
    for (i = 0; i < nmodels; i++) {
        if (&models[i] != model) {
            x86_cpu_near_names_add(&near, base, models[i].name);
        }
    }
    /* Without a version they would be refused. */
    for (i = 0; i < near.count; i++) {
        snprintf(versions[i], sizeof(versions[i]), "%s-v1", near.names[i]);
        near.names[i] = versions[i];
    }
    x86_cpu_near_names_print(&near, text);
    complain(model->based_on_place, "%s: based-on '%s' is not a version of any "
             "CPU model%s", model->name, name, text);
}

/*
 * The base of @model, a version of @model->base_model unless that is
 * upstream's; complains and returns NULL if it doesn't exist.
 */
static const X86Cpu *find_base(Model *model)
{
    const char *name = model->based_on;
    const UpstreamModel *upstream;
    Version *version;
    Model *other;
    size_t length, i;
    int number;

    if (!has_version(name, &length, &number)) {
        complain(model->based_on_place, "%s: based-on needs a version, such as "
                 "Cooperlake-v2: what names without one mean depends on the "
                 "machine type", model->name);
        return NULL;
    }
    upstream = find_upstream(name, length);
    for (i = 0; upstream && i < upstream->count; i++) {
        if (upstream->versions[i].number == number) {
            return &upstream->versions[i].cpu;
        }
    }
    other = find_model(name, length);
    version = other ? find_number_of(other, number) : NULL;
    if (!version) {
        complain_unknown_base(model, name, length);
        return NULL;
    }
    if (other->resolving) {
        complain(model->based_on_place, "%s is based on %s, which is based "
                 "on it", model->name, name);
        return NULL;
    }
    if (other->site && !model->site) {
        complain(model->based_on_place, "%s is shipped and cannot be based "
                 "on %s of another directory", model->name, name);
        return NULL;
    }
    model->base_model = other;
    return &version->cpu;
}

/* Computes the versions of @model, whose base is known. */
static void compute_versions(Model *model)
{
    const X86Cpu *before;
    size_t i;

    if (model->base_model && model->base_model->lost) {
        model->base = NULL;
    }
    model->lost = model->based_on && !model->base;
    if (model->base) {
        model->cpu = *model->base;
    }
    apply_settings(&model->cpu, &model->settings, !model->lost);
    before = &model->cpu;
    for (i = 0; i < model->count; i++) {
        Version *version = &model->versions[i];

        version->cpu = *before;
        apply_settings(&version->cpu, &version->settings, !model->lost);
        before = &version->cpu;
    }
}

/* Bases come first.  Not by recursion: there can be any number of them. */
static void resolve_model(Model *model)
{
    while (model && !model->resolved) {
        Model *base = NULL;

        if (!model->resolving) {
            model->resolving = true;
            model->base = model->based_on ? find_base(model) : NULL;
            base = model->base_model;
        }
        if (base && !base->resolved) {
            base->waiting = model;
            model = base;
        } else {
            compute_versions(model);
            model->resolving = false;
            model->resolved = true;
            model = model->waiting;
        }
    }
}

bool is_on_machine(const Machines *machines, uint32_t machine)
{
    return machines->from <= machine && machine <= machines->to;
}

int resolve_version(const Model *model, uint32_t machine)
{
    int number = 1;
    size_t i;

    for (i = 0; i < model->nmachines; i++) {
        const Machines *machines = &model->machines[i];

        if (is_on_machine(machines, machine) && machines->version) {
            number = machines->version;
        }
    }
    return number;
}

void apply_machines(const Model *model, uint32_t machine, X86Cpu *cpu)
{
    size_t i;

    for (i = 0; i < model->nmachines; i++) {
        const Machines *machines = &model->machines[i];

        if (is_on_machine(machines, machine)) {
            apply_settings(cpu, &machines->settings, false);
        }
    }
}

/* The CPU that the unversioned name means on a machine type */
static void copy_unversioned_cpu(const Model *model, uint32_t machine,
                                 X86Cpu *cpu)
{
    int number = resolve_version(model, machine);

    *cpu = find_number_of(model, number)->cpu;
    apply_machines(model, machine, cpu);
}

static int compare_versions(const void *a, const void *b)
{
    const uint32_t *va = a, *vb = b;

    return *va < *vb ? -1 : *va > *vb;
}

/* After 9.999, the last that can be written, comes 10.0. */
static uint32_t next_machine_version(uint32_t version)
{
    uint32_t minor = version & 0xffff;

    return minor < MAX_NUMBER ? version + 1
                              : MACHINE_VERSION((version >> 16) + 1, 0);
}

uint32_t *machine_changes(const Model *model, uint32_t newest, size_t *count)
{
    uint32_t *changes = new_memory((2 * model->nmachines + 1) *
                                   sizeof(*changes));
    size_t i, n = 1;

    for (i = 0; i < model->nmachines; i++) {
        changes[n++] = model->machines[i].from;
        if (model->machines[i].to < newest) {
            changes[n++] = next_machine_version(model->machines[i].to);
        }
    }
    qsort(changes, n, sizeof(*changes), compare_versions);
    for (i = *count = 0; i < n; i++) {
        if (changes[i] <= newest &&
            (!*count || changes[i] != changes[*count - 1])) {
            changes[(*count)++] = changes[i];
        }
    }
    return changes;
}

/* ---- checks ---- */

void warn_of_machines(uint32_t newest)
{
    /* The first in tables/machines, for cpu-compat and the like */
    const uint32_t oldest = MACHINE_VERSION(2, 4);
    size_t i, j;

    for (i = 0; i < nmodels; i++) {
        for (j = 0; j < models[i].nmachines; j++) {
            const Machines *row = &models[i].machines[j];

            if (row->from > newest) {
                warn(row->place, "%s: no effect yet: this QEMU has machine "
                     "types up to %u.%u", models[i].name, newest >> 16,
                     newest & 0xffff);
            }
            /* What is released has to stay, whatever QEMU drops. */
            if (row->to < oldest && !models[i].released &&
                !has_machine_type(row->from, row->to)) {
                warn(row->place, "%s: no effect: this QEMU has the CPUs of "
                     "machine types from %u.%u on", models[i].name,
                     oldest >> 16, oldest & 0xffff);
            }
        }
    }
}

static void check_machines(const Model *model)
{
    size_t i, j, k, l;

    for (i = 0; i < model->nmachines; i++) {
        const Machines *a = &model->machines[i];

        if (!a->version && !a->settings.count) {
            complain(a->place, "%s: the 'machines' block is empty",
                     model->name);
        }
        for (j = 0; j < i; j++) {
            const Machines *b = &model->machines[j];

            if (a->from > b->to || b->from > a->to) {
                continue;
            }
            if (a->version && b->version) {
                complain(a->place, "%s: default-version overlaps that of "
                         "line %d", model->name, b->place.line);
            }
            for (k = 0; k < a->settings.count; k++) {
                for (l = 0; l < b->settings.count; l++) {
                    if (same_thing(&a->settings.items[k],
                                   &b->settings.items[l])) {
                        complain(a->settings.items[k].place, "%s: line %d "
                                 "sets this, too, for some of these machine "
                                 "types", model->name,
                                 b->settings.items[l].place.line);
                    }
                }
            }
        }
    }
}

/* Checks the unversioned alias where it is not just a version. */
static void check_unversioned_alias(const Model *model)
{
    size_t i, count;
    uint32_t *changes = machine_changes(model, NO_MACHINE_VERSION, &count);

    for (i = 0; i < count; i++) {
        const Version *version = find_number_of(
            model, resolve_version(model, changes[i]));
        char name[128];
        X86Cpu cpu;

        copy_unversioned_cpu(model, changes[i], &cpu);
        snprintf(name, sizeof(name), "%s on machine types %u.%u",
                 model->name, changes[i] >> 16, changes[i] & 0xffff);
        check_cpu(model->place, name, &cpu, model->base, &version->cpu);
    }
    free(changes);
}

/* Whether setting avx10-version turns on @feature, which @cpu lacks */
static bool must_turn_off(const X86Cpu *cpu, const Feature *feature)
{
    return avx10_bits(cpu->values[X86CPU_AVX10_VERSION], feature->word) &
           ~cpu->words[feature->word] & feature->mask;
}

static const Setting *find_avx10_version(const Settings *settings)
{
    size_t i;

    for (i = 0; i < settings->count; i++) {
        const X86CpuSetting *set = &settings->items[i].set;

        if (set->kind == X86CPU_SET_PROPERTY &&
            set->index == X86CPU_AVX10_VERSION) {
            return &settings->items[i];
        }
    }
    return NULL;
}

/*
 * A 'machines' block has one list of properties, which turn off the same
 * features on all its machine types.
 */
static void check_avx10_version(const Model *model, const Machines *machines)
{
    const Setting *setting = find_avx10_version(&machines->settings);
    size_t i, count;
    uint32_t *changes;
    X86Cpu first;
    int j;

    if (!setting) {
        return;
    }
    changes = machine_changes(model, NO_MACHINE_VERSION, &count);
    copy_unversioned_cpu(model, machines->from, &first);
    for (i = 0; i < count; i++) {
        X86Cpu cpu;

        if (!is_on_machine(machines, changes[i])) {
            continue;
        }
        copy_unversioned_cpu(model, changes[i], &cpu);
        for (j = 0; j < nfeatures; j++) {
            if (must_turn_off(&first, &features[j]) !=
                must_turn_off(&cpu, &features[j])) {
                complain(setting->place, "%s: avx10-version needs another "
                         "'machines' block for machine types since %u.%u, "
                         "where '%s' is %s", model->name, changes[i] >> 16,
                         changes[i] & 0xffff, features[j].name,
                         must_turn_off(&cpu, &features[j]) ? "off" : "on");
                break;
            }
        }
    }
    free(changes);
}

static void check_model(const Model *model)
{
    char name[80];
    size_t i;

    if (!model->reason) {
        complain(model->place, "%s: 'reason' is missing: whom is it for, and "
                 "why is it as it is?", model->name);
    }
    if (!model->count) {
        complain(model->place, "%s: 'version 1' is missing", model->name);
        return;
    }
    for (i = 0; i < model->count; i++) {
        const Version *version = &model->versions[i];

        snprintf(name, sizeof(name), "%s-v%d", model->name, version->number);
        check_cpu(version->place, name, &version->cpu, model->base,
                  i ? &version[-1].cpu : NULL);
        if (version->number > 1 && !version->reason) {
            complain(version->place, "%s: 'reason' is missing: why is there "
                     "another version?", name);
        }
        if (version->number > 1 && !version->settings.count) {
            complain(version->place, "%s: does not differ from the previous "
                     "version", name);
        }
    }
    check_machines(model);
    for (i = 0; i < model->nmachines; i++) {
        check_avx10_version(model, &model->machines[i]);
    }
    check_unversioned_alias(model);
}

/* Checks all names from tables, because each becomes a QOM type. */
static void check_names(void)
{
    const Version **aliases = NULL;
    NameIndex alias_names = { };
    size_t i, j, naliases = 0;

    for (i = 0; i < nmodels; i++) {
        const Model *model = find_versioned(models[i].name);

        if (model) {
            complain(models[i].place, "'%s' is a name for versions of %s, in "
                     "%s:%d; add a version there, or use a name that does "
                     "not end in '-vN'", models[i].name, model->name,
                     model->place.file, model->place.line);
        }
        for (j = 0; j < models[i].count; j++) {
            const Version *version = &models[i].versions[j];
            const char *alias = version->alias;
            size_t other;

            if (!alias) {
                continue;
            }
            model = find_versioned(alias);
            if (model) {
                complain(version->place, "alias '%s' is a name for versions "
                         "of %s, in %s:%d; use one that does not end in "
                         "'-vN'", alias, model->name, model->place.file,
                         model->place.line);
            }
            if (find_model(alias, strlen(alias))) {
                complain(version->place, "alias '%s' is a CPU model already",
                         alias);
            }
            other = find_name(&alias_names, alias, strlen(alias));
            if (other < naliases) {
                complain(version->place, "alias '%s' again; it is in %s:%d "
                         "already", alias, aliases[other]->place.file,
                         aliases[other]->place.line);
                continue;
            }
            aliases = grow(aliases, naliases, sizeof(*aliases));
            add_name(&alias_names, alias, naliases);
            aliases[naliases++] = version;
        }
    }
}

void resolve_models(void)
{
    size_t i;

    for (i = 0; i < nmodels; i++) {
        resolve_model(&models[i]);
    }
    end_if_failed();
    for (i = 0; i < nmodels; i++) {
        check_model(&models[i]);
    }
    check_names();
}

/* ---- output ---- */

static void print_text(const char *member, const char *text)
{
    if (text) {
        printf("            .%s = \"%s\",\n", member, text);
    }
}

/* { "mpx", "on" }, */
static void print_prop(const char *name, const char *value)
{
    printf("            { \"%s\", \"%s\" },\n", name, value);
}

static void print_property(X86CpuPropertyId id, uint64_t value)
{
    const char *name = x86cpu_property_names[id];
    const QdevProperty *prop = find_qdev_prop(name);
    char number[32];

    snprintf(number, sizeof(number), "%" PRIu64, value);
    print_prop(name, !prop || prop->max ? number : value ? "on" : "off");
}

static void print_setting(const Setting *setting)
{
    const X86CpuSetting *set = &setting->set;

    switch (set->kind) {
    case X86CPU_SET_ON:
    case X86CPU_SET_OFF:
        print_prop(features[setting->feature].name,
                   set->kind == X86CPU_SET_ON ? "on" : "off");
        break;
    case X86CPU_SET_PROPERTY:
        print_property(set->index, set->value);
        break;
    case X86CPU_SET_MODEL_ID:
        print_prop("model-id", set->text);
        break;
    case X86CPU_SET_CACHE:
        print_prop(cache_property(set->index), format_cache(&set->cache));
        break;
    case X86CPU_SET_VENDOR:
        break;                  /* only in definitions */
    }
}

/* From QEMU 11.0 on, setting avx10-version turns on features, too. */
static void print_avx10_props(const X86Cpu *cpu)
{
    int i;

    for (i = 0; i < nfeatures; i++) {
        if (must_turn_off(cpu, &features[i])) {
            print_prop(features[i].name, "off");
        }
    }
}

/* The lists that definitions refer to are numbered by model. */
static void print_caches(size_t model, int version, const X86Cpu *cpu)
{
    int i, j;

    if (!cpu->caches[0].size) {
        return;
    }
    printf("static const CPUCaches table_caches_%zu_%d = {\n", model, version);
    for (i = 0; i < X86CPU_CACHES; i++) {
        const X86CpuCache *cache = &cpu->caches[i];
        static const char *const types[X86CPU_CACHES] = {
            "DATA_CACHE", "INSTRUCTION_CACHE", "UNIFIED_CACHE",
            "UNIFIED_CACHE",
        };
        const char *c;

        printf("    .%s = &(CPUCacheInfo) {\n"
               "        .type = %s,\n"
               "        .level = %d,\n"
               "        .size = %" PRIu64 ",\n", cache_members[i], types[i],
               i < 2 ? 1 : i, cache->size);
        for (j = 0; j < X86CPU_CACHE_NUMBERS; j++) {
            printf("        .%s = %" PRIu64 ",\n", cache_number_fields[j],
                   cache->numbers[j]);
        }
        for (j = 0; j < X86CPU_CACHE_FLAGS; j++) {
            if (cache->flags[j]) {
                printf("        .%s = true,\n", cache_flag_fields[j]);
            }
        }
        printf("        .share_level = CPU_TOPOLOGY_LEVEL_");
        for (c = cache->share; *c; c++) {
            putchar(toupper((unsigned char)*c));
        }
        printf(",\n    },\n");
    }
    printf("};\n");
}

static bool changes_caches(const Settings *settings)
{
    size_t i;

    for (i = 0; i < settings->count; i++) {
        if (settings->items[i].set.kind == X86CPU_SET_CACHE) {
            return true;
        }
    }
    return false;
}

/* What a version sets, except for caches, which are in another member */
static void print_version_props(const Model *model, size_t index, int number)
{
    const Version *version = &model->versions[number - 1];
    size_t i;

    printf("static PropValue table_props_%zu_%d[] = {\n", index, number);
    for (i = 0; number == 1 && i < nqdev_props; i++) {
        X86CpuPropertyId id = qdev_props[i].id;

        if (model->cpu.given[id]) {
            print_property(id, model->cpu.values[id]);
        }
    }
    for (i = 0; i < version->settings.count; i++) {
        if (version->settings.items[i].set.kind != X86CPU_SET_CACHE) {
            print_setting(&version->settings.items[i]);
        }
    }
    if (number == 1 || find_avx10_version(&version->settings)) {
        print_avx10_props(&version->cpu);
    }
    printf("    { }\n};\n");
}

static void print_versions(const Model *model, size_t index)
{
    size_t i;

    for (i = 0; i < model->count; i++) {
        print_version_props(model, index, model->versions[i].number);
        if (changes_caches(&model->versions[i].settings)) {
            print_caches(index, model->versions[i].number,
                         &model->versions[i].cpu);
        }
    }
    printf("static const X86CPUVersionDefinition table_versions_%zu[] = {\n",
           index);
    for (i = 0; i < model->count; i++) {
        const Version *version = &model->versions[i];

        printf("        {\n            .version = %d,\n", version->number);
        print_text("alias", version->alias);
        print_text("note", version->note);
        printf("            .props = table_props_%zu_%d,\n", index,
               version->number);
        if (changes_caches(&version->settings)) {
            printf("            .cache_info = &table_caches_%zu_%d,\n",
                   index, version->number);
        }
        printf("        },\n");
    }
    printf("    { }\n};\n");
}

static void print_machines(const Model *model, size_t index)
{
    size_t i, j;

    for (i = 0; i < model->nmachines; i++) {
        printf("static const PropValue table_machine_props_%zu_%zu[] = {\n",
               index, i);
        for (j = 0; j < model->machines[i].settings.count; j++) {
            print_setting(&model->machines[i].settings.items[j]);
        }
        if (find_avx10_version(&model->machines[i].settings)) {
            X86Cpu cpu;

            copy_unversioned_cpu(model, model->machines[i].from, &cpu);
            print_avx10_props(&cpu);
        }
        printf("    { }\n};\n");
    }
    printf("static const X86CPUTableMachines table_machines_%zu[] = {\n",
           index);
    for (i = 0; i < model->nmachines; i++) {
        const Machines *machines = &model->machines[i];

        printf("    { 0x%" PRIx32 ", 0x%" PRIx32 ", %d, "
               "table_machine_props_%zu_%zu },\n", machines->from,
               machines->to, machines->version, index, i);
    }
    printf("    { }\n};\n");
}

/* Versions with a deprecation note of their own */
static void print_deprecations(const Model *model, size_t index)
{
    size_t i;

    printf("static const char *const table_deprecated_%zu[] = {\n", index);
    for (i = 0; i < model->count; i++) {
        if (model->versions[i].deprecated) {
            printf("    [%zu] = \"%s\",\n", i,
                   model->versions[i].deprecated);
        }
    }
    printf("    [%zu] = NULL,\n};\n", model->count);
}

static void print_definition(const Model *model, size_t index)
{
    const X86Cpu *cpu = &model->cpu;
    int w;

    printf("    {\n        .def = {\n");
    print_text("name", model->name);
    printf("            .level = %" PRIu64 ",\n"
           "            .xlevel = 0x%" PRIx64 ",\n",
           cpu->values[X86CPU_MIN_LEVEL], cpu->values[X86CPU_MIN_XLEVEL]);
    print_text("vendor", cpu->vendor);
    printf("            .family = %" PRIu64 ",\n"
           "            .model = %" PRIu64 ",\n"
           "            .stepping = %" PRIu64 ",\n"
           "            .avx10_version = %" PRIu64 ",\n",
           cpu->values[X86CPU_FAMILY], cpu->values[X86CPU_MODEL],
           cpu->values[X86CPU_STEPPING], cpu->values[X86CPU_AVX10_VERSION]);
    for (w = 0; w < MAX_WORDS; w++) {
        if (cpu->words[w]) {
            printf("            .features[%s] = 0x%" PRIx64 "ull,\n",
                   words[w].name, cpu->words[w]);
        }
    }
    print_text("model_id", cpu->model_id);
    if (cpu->caches[0].size) {
        printf("            .cache_info = &table_caches_%zu_0,\n", index);
    }
    printf("            .versions = table_versions_%zu,\n", index);
    print_text("deprecation_note", model->deprecated);
    printf("        },\n"
           "        .machines = table_machines_%zu,\n"
           "        .deprecated = table_deprecated_%zu,\n    },\n",
           index, index);
}

void print_models(void)
{
    size_t i;

    printf("/* Made by gen-cpu-tables; do not edit. */\n\n");
    for (i = 0; i < nmodels; i++) {
        print_caches(i, 0, &models[i].cpu);
        print_versions(&models[i], i);
        print_machines(&models[i], i);
        print_deprecations(&models[i], i);
    }
    printf("\n");
    print_machine_types();
    printf("static const X86CPUTableModel x86_cpu_table_models[] = {\n");
    for (i = 0; i < nmodels; i++) {
        print_definition(&models[i], i);
    }
    /* ISO C has no arrays of size 0. */
    printf("    { }\n};\n\n"
           "#define X86_CPU_TABLE_MODELS %zu\n", nmodels);
}
