/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Released versions of CPU models, which never change
 *
 * A lock file has the full definition of each of them, in the syntax of
 * tables.  This detects changes by edits of its table, of a table that it is
 * based on, or of cpu.c.  The meaning of unversioned names is released as
 * well, for existing machine types, and so is what distributors' machine
 * types stand for.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "gen-cpu-models.h"

typedef struct ReleasedVersion {
    Place place;
    char name[80];              /* MODEL-vN */
    const char *alias;
    Settings settings;
} ReleasedVersion;

typedef struct ReleasedName {
    Place place;
    char name[64];
    uint32_t from, to;
    int version;
    Settings settings;
} ReleasedName;

typedef struct Lock {
    ReleasedVersion *versions;
    size_t nversions;
    ReleasedName *names;
    size_t nnames;
    NameIndex version_names;    /* what is in @versions, once checked */
} Lock;

static void begin_released_version(Lock *lock, Place place, char *line)
{
    const char *name = cut(&line);
    ReleasedVersion *version;

    if (!name || cut(&line) || strlen(name) >= sizeof(version->name)) {
        give_up(place, "'released' is followed by the name of a version");
    }
    lock->versions = grow(lock->versions, lock->nversions,
                          sizeof(*lock->versions));
    version = &lock->versions[lock->nversions++];
    version->place = place;
    strcpy(version->name, name);
}

/* name MODEL from X.Y to X.Y version N, or: from X.Y before X.Y version N */
static void begin_released_name(Lock *lock, Place place, char *line)
{
    char from[16], until[16], to[16];
    ReleasedName *released;
    int length = 0;

    lock->names = grow(lock->names, lock->nnames, sizeof(*lock->names));
    released = &lock->names[lock->nnames++];
    released->place = place;
    sscanf(line, "%63s from %15s %15s %15s version %3d%n", released->name,
           from, until, to, &released->version, &length);
    if (!length || line[length] || released->version < 1 ||
        !parse_machine_version(from, &released->from) ||
        !parse_machine_version(to, &released->to) ||
        (strcmp(until, "to") && strcmp(until, "before")) ||
        released->from > released->to ||
        (released->from == released->to && !strcmp(until, "before"))) {
        give_up(place, "'name' is followed by MODEL from X.Y to X.Y version "
                "N, or MODEL from X.Y before X.Y version N");
    }
    if (!strcmp(until, "before")) {
        released->to--;
    }
}

static void read_lock(Lock *lock, const char *path, bool site)
{
    Table table = { .place = { path, 0 }, .rest = read_file(path) };
    Settings *settings = NULL;
    bool in_version = false;
    char *line;

    while ((line = next_line(&table))) {
        const char *key = cut(&line);

        line += strspn(line, " \t");
        if (!strcmp(key, "released")) {
            begin_released_version(lock, table.place, line);
            settings = &lock->versions[lock->nversions - 1].settings;
            in_version = true;
        } else if (!strcmp(key, "name")) {
            begin_released_name(lock, table.place, line);
            settings = &lock->names[lock->nnames - 1].settings;
            in_version = false;
        } else if (!strcmp(key, "machine")) {
            check_released_machine_type(table.place, line, site);
            settings = NULL;
            in_version = false;
        } else if (in_version && !strcmp(key, "alias")) {
            lock->versions[lock->nversions - 1].alias =
                copy_text(line, strlen(line));
        } else if (!settings ||
                   !read_setting(settings, table.place, key, line, true)) {
            complain(table.place, "unknown key '%s'; lock files are written "
                     "by make release-models alone", key);
        }
    }
}

static ReleasedVersion *find_released(const Lock *lock, const char *name)
{
    size_t i = find_name(&lock->version_names, name, strlen(name));

    return i < lock->nversions ? &lock->versions[i] : NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static void check_version(const ReleasedVersion *released, bool site)
{
    const Version *version;
    Model *model = find_version(released->name, &version);
    X86Cpu cpu = { };

    /* find_version() ignores case, QEMU's types don't. */
    if (!model || model->site != site ||
        strncmp(model->name, released->name, strlen(model->name))) {
        complain(released->place, "%s is released and must stay: bring it "
                 "back, and mark it 'deprecated' if it is not to be used",
                 released->name);
        return;
    }
    model->released = true;
    if (!same_text(released->alias, version->alias)) {
        complain(version->place, "%s is released: alias was '%s', would be "
                 "'%s'", released->name, released->alias ?: "",
                 version->alias ?: "");
    }
    apply_settings(&cpu, &released->settings, false);
    if (!same_cpu(version->place, released->name, &cpu, &version->cpu)) {
        complain(version->place, "%s cannot change; make the changes in "
                 "'version %zu'", released->name, model->count + 1);
    }
}

/*
 * Checks what an unversioned name means on machine types that existed at the
 * release, at each machine type where it changed then or would change now.
 */
static void check_name_at(const Lock *lock, const ReleasedName *released,
                          const Model *model, uint32_t machine)
{
    const ReleasedVersion *version;
    char name[128];
    X86Cpu was = { }, is;
    int number;

    if (machine < released->from) {
        return;
    }
    number = resolve_version(model, machine);
    snprintf(name, sizeof(name), "%s-v%d", released->name,
             released->version);
    version = find_released(lock, name);
    if (!version) {
        complain(released->place, "%s is not released", name);
        return;
    }
    if (number != released->version) {
        complain(model->place, "%s is released: on machine types %u.%u it "
                 "was version %d, would be version %d", model->name,
                 machine >> 16, machine & 0xffff, released->version, number);
        return;
    }
    /* check_version() reports changes of the version itself. */
    apply_settings(&was, &version->settings, false);
    is = was;
    apply_settings(&was, &released->settings, false);
    apply_machines(model, machine, &is);
    snprintf(name, sizeof(name), "%s on machine types %u.%u", model->name,
             machine >> 16, machine & 0xffff);
    same_cpu(model->place, name, &was, &is);
}

static void check_name(const Lock *lock, const ReleasedName *released)
{
    const Model *model = find_model(released->name, strlen(released->name));
    uint32_t *changes;
    size_t i, count;

    if (!model || strcmp(model->name, released->name)) {
        return;                 /* already reported for its versions */
    }
    check_name_at(lock, released, model, released->from);
    changes = machine_changes(model, released->to, &count);
    for (i = 0; i < count; i++) {
        if (changes[i] != released->from) {
            check_name_at(lock, released, model, changes[i]);
        }
    }
    free(changes);
}

uint32_t check_released(const char *path, bool site)
{
    Lock lock = { };
    uint32_t newest = 0;
    size_t i;

    read_lock(&lock, path, site);
    end_if_failed();
    for (i = 0; i < lock.nversions; i++) {
        const ReleasedVersion *other = find_released(&lock,
                                                     lock.versions[i].name);

        if (other) {
            give_up(lock.versions[i].place, "%s again; it is in line %d "
                    "already", lock.versions[i].name, other->place.line);
        }
        add_name(&lock.version_names, lock.versions[i].name, i);
        check_version(&lock.versions[i], site);
    }
    for (i = 0; i < lock.nnames; i++) {
        check_name(&lock, &lock.names[i]);
        if (lock.names[i].to > newest) {
            newest = lock.names[i].to;
        }
    }
    return newest;
}

static void print_names(const Model *model, uint32_t newest)
{
    size_t i, j, count;
    uint32_t *changes = machine_changes(model, newest, &count);

    for (i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        uint32_t to = is_last ? newest : changes[i + 1];

        printf("name %s from %u.%u %s %u.%u version %d\n", model->name,
               changes[i] >> 16, changes[i] & 0xffff,
               is_last ? "to" : "before", to >> 16, to & 0xffff,
               resolve_version(model, changes[i]));
        for (j = 0; j < model->nmachines; j++) {
            const Machines *machines = &model->machines[j];

            if (is_on_machine(machines, changes[i])) {
                print_settings(&machines->settings);
            }
        }
    }
    free(changes);
}

void print_released(bool site, uint32_t newest)
{
    size_t i, j;

    printf("# SPDX-License-" "Identifier: GPL-2.0-or-later\n"
           "#\n"
           "# Released versions of CPU models: none of them may change.\n"
           "# Written by make release-models alone.\n");
    for (i = 0; i < nmodels; i++) {
        const Model *model = &models[i];

        if (model->site != site) {
            continue;
        }
        for (j = 0; j < model->count; j++) {
            const Version *version = &model->versions[j];

            printf("\nreleased %s-v%d\n", model->name, version->number);
            if (version->alias) {
                printf("    %-9s %s\n", "alias", version->alias);
            }
            print_cpu(&version->cpu);
        }
        printf("\n");
        print_names(model, newest);
    }
    print_released_machine_types(site);
}
