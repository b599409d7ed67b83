/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Generator of the static CPU tables
 *
 * A native program, run by the build.  It reads names, bits and dependencies
 * of features and upstream's CPU models from cpu.c of the QEMU tree being
 * built, joins them with our declarative tables, and writes C.  Its output
 * is never committed.
 *
 * It writes nothing if there is an error; each error has file and line, what
 * is wrong and what would be right.  The same input gives the same output,
 * byte for byte.
 *
 * Plain C, because a cross build may lack libraries for the build machine.
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gen-cpu-accelerators.h"
#include "gen-cpu-expression.h"
#include "gen-cpu-features.h"
#include "gen-cpu-layers.h"
#include "gen-cpu-models.h"
#include "gen-cpu-properties.h"
#include "gen-cpu-upstream.h"

static const char usage[] =
    "usage: gen-cpu-tables features [-v VERSION] [-p PROPERTIES_TBL]\n"
    "                             [-k KVM_CPU_C] [-t TCG_CPU_C]\n"
    "                             FEATURES_TBL CPU_C HEADER...\n"
    "         the feature dictionary, what other properties are, and what\n"
    "         accelerators set in models, as C\n"
    "       gen-cpu-tables models [-o OUTPUT [-d DEPFILE]] [-s SITE_DIRECTORY]\n"
    "                             DIRECTORY VERSION FEATURES_TBL CPU_C\n"
    "                             HEADER...\n"
    "         the models of all *.tbl in these directories, as C, compared\n"
    "         with those that their released.lock says are released\n"
    "       gen-cpu-tables layers [-o OUTPUT [-d DEPFILE]] [-s SITE_DIRECTORY]\n"
    "                             DIRECTORY VERSION\n"
    "         what the machine types of all *.tbl in these directories make of\n"
    "         CPUs, as C, compared with those that are released\n"
    "       gen-cpu-tables release [-s SITE_DIRECTORY]\n"
    "                             DIRECTORY VERSION FEATURES_TBL CPU_C\n"
    "                             HEADER...\n"
    "         the released.lock of SITE_DIRECTORY, or else of DIRECTORY\n"
    "VERSION is the file of QEMU's that holds its version.\n";

static void __attribute__((noreturn)) fail_usage(void)
{
    fputs(usage, stderr);
    exit(1);
}

/* ---- directories of tables ---- */

static int is_table(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot && !strcmp(dot, ".tbl");
}

static char *join_path(const char *dir, const char *name)
{
    char *path = new_memory(strlen(dir) + strlen(name) + 2);

    sprintf(path, "%s/%s", dir, name);
    return path;
}

/* Errors are reported with the resolved path. */
static const char *real_path(const char *path)
{
    return realpath(path, NULL) ?: path;
}

/* In make's syntax: backslashes before special characters, but $$ for $ */
static void print_path(FILE *depfile, const char *path)
{
    for (; *path; path++) {
        if (*path == '$') {
            fputc('$', depfile);
        } else if (strchr(" #", *path)) {
            fputc('\\', depfile);
        }
        fputc(*path, depfile);
    }
}

/* No depfile can name it, nor can an error in one line. */
static void check_path(const char *path)
{
    const char *c;

    for (c = path; *c; c++) {
        if (iscntrl((unsigned char)*c)) {
            give_up((Place) { "gen-cpu-tables", 0 }, "'%.*s...': a path must "
                    "not have a control character, such as a newline",
                    (int)(c - path), path);
        }
    }
}

static void print_dependency(FILE *depfile, const char *path)
{
    if (depfile) {
        fputc(' ', depfile);
        print_path(depfile, path);
    }
}

/* Whether @path does not exist; a dangling symlink is not missing. */
static bool is_missing(const char *path)
{
    char target;

    return access(path, F_OK) && errno == ENOENT &&
           readlink(path, &target, 1) < 0;
}

/* To open others, such as FIFOs, could block.  read_file() reports no file. */
static void check_is_regular(const char *path)
{
    struct stat info;

    if (!stat(path, &info) && !S_ISREG(info.st_mode)) {
        give_up((Place) { path, 0 }, "not a regular file");
    }
}

typedef struct Directory {
    const char *path;
    bool site;
    char *lock;                 /* NULL if nothing is released */
} Directory;

/* @path, which is missing, may appear in the directory that is there. */
static void depend_on_parent(FILE *depfile, const char *path)
{
    char *parent = copy_text(path, strlen(path));
    char *slash;

    while ((slash = strrchr(parent, '/')) && slash > parent) {
        *slash = '\0';
        if (!is_missing(parent)) {
            print_dependency(depfile, parent);
            break;
        }
    }
    free(parent);
}

static void read_directory(Directory *dir, FILE *depfile,
                           void (*read_table)(const char *path, bool site))
{
    Place place = { dir->path, 0 };
    char *lock = join_path(dir->path, "released.lock");
    struct dirent **entries;
    int i, count;

    check_path(dir->path);
    if (dir->site && is_missing(dir->path)) {
        depend_on_parent(depfile, dir->path);
        return;                 /* Most have none. */
    }
    count = scandir(dir->path, &entries, is_table, alphasort);
    if (count < 0) {
        give_up(place, "%s", strerror(errno));
    }
    print_dependency(depfile, dir->path);
    for (i = 0; i < count; i++) {
        char *path = join_path(dir->path, entries[i]->d_name);

        check_path(path);
        print_dependency(depfile, path);
        check_is_regular(path);
        read_table(real_path(path), dir->site);
        free(path);
        free(entries[i]);
    }
    free(entries);
    if (!is_missing(lock)) {
        check_is_regular(lock);
        dir->lock = lock;
        print_dependency(depfile, lock);
    }
}

/* ---- what is asked for ---- */

static uint32_t newest_machine_version(const char *path)
{
    Table table = { .place = { path, 0 }, .rest = read_file(path) };
    const char *line = next_line(&table);
    uint32_t newest;

    if (!line || !parse_qemu_version(line, &newest)) {
        give_up(table.place, "it does not begin with QEMU's version");
    }
    return newest;
}

static void make_features(int argc, char **argv)
{
    const char *properties = NULL, *kvm = NULL, *tcg = NULL;
    uint32_t newest = 0;

    for (; argc > 1 && argv[0][0] == '-'; argc -= 2, argv += 2) {
        if (!strcmp(argv[0], "-v")) {
            newest = newest_machine_version(argv[1]);
        } else if (!strcmp(argv[0], "-p")) {
            properties = argv[1];
        } else if (!strcmp(argv[0], "-k")) {
            kvm = argv[1];
        } else if (!strcmp(argv[0], "-t")) {
            tcg = argv[1];
        } else {
            fail_usage();
        }
    }
    if (argc < 3 || argc > 2 + MAX_HEADERS || (properties && !newest)) {
        fail_usage();
    }
    read_features(argv[1], argv + 2);
    read_features_tbl(argv[0], newest);
    if (properties) {
        read_properties_tbl(properties, argv[1], newest);
    }
    if (kvm) {
        read_accelerator("kvm", kvm);
    }
    if (tcg) {
        read_accelerator("tcg", tcg);
    }
    end_if_failed();
    print_features();
    if (properties) {
        print_properties();
    }
    print_accelerators();
}

/* What tables are made into */
typedef struct Request {
    Directory dirs[2];
    /* Those in use */
    int count;
    const char *output;
    FILE *depfile;
} Request;

/* Reads the options, and the first of what follows; moves past the options. */
static Request read_request(int *argc, char ***argv)
{
    Request r = { .count = 1 };

    for (; *argc > 1 && (*argv)[0][0] == '-'; *argc -= 2, *argv += 2) {
        const char *option = (*argv)[0], *value = (*argv)[1];

        if (!strcmp(option, "-o")) {
            r.output = value;
        } else if (!strcmp(option, "-d") && r.output) {
            r.depfile = fopen(value, "w");
            if (!r.depfile) {
                give_up((Place) { value, 0 }, "%s", strerror(errno));
            }
            check_path(r.output);
            print_path(r.depfile, r.output);
            fputc(':', r.depfile);
        } else if (!strcmp(option, "-s")) {
            r.dirs[1] = (Directory) { .path = value, .site = true };
            r.count = 2;
        } else {
            fail_usage();
        }
    }
    if (*argc < 1) {
        fail_usage();
    }
    r.dirs[0].path = (*argv)[0];
    return r;
}

static void read_directories(Request *r,
                             void (*read_table)(const char *path, bool site))
{
    int i;

    for (i = 0; i < r->count; i++) {
        read_directory(&r->dirs[i], r->depfile, read_table);
    }
    if (r->depfile) {
        fputc('\n', r->depfile);
        if (fclose(r->depfile)) {
            give_up((Place) { "the depfile", 0 }, "%s", strerror(errno));
        }
    }
}

static void begin_output(const Request *r)
{
    if (r->output && !freopen(r->output, "w", stdout)) {
        give_up((Place) { r->output, 0 }, "%s", strerror(errno));
    }
}

static void make_layers(int argc, char **argv)
{
    Request r = read_request(&argc, &argv);
    int i;

    if (argc != 2) {
        fail_usage();
    }
    read_directories(&r, read_layers_table);
    check_layers();
    end_if_failed();
    for (i = 0; i < r.count; i++) {
        if (r.dirs[i].lock) {
            check_released_layers(real_path(r.dirs[i].lock), r.dirs[i].site);
        }
    }
    end_if_failed();
    begin_output(&r);
    print_layers(newest_machine_version(argv[1]));
}

static void make_models(int argc, char **argv, bool release)
{
    Request r = read_request(&argc, &argv);
    uint32_t newest;
    int i;

    if (argc < 5 || argc > 4 + MAX_HEADERS) {
        fail_usage();
    }
    newest = newest_machine_version(argv[1]);
    read_features(argv[3], argv + 4);
    read_features_tbl(argv[2], newest);
    read_models(argv[3]);
    read_directories(&r, read_models_table);
    check_machine_types(newest);
    end_if_failed();
    resolve_models();
    end_if_failed();
    for (i = 0; i < r.count; i++) {
        if (r.dirs[i].lock) {
            uint32_t released = check_released(real_path(r.dirs[i].lock),
                                               r.dirs[i].site);

            /* Releasing with an older QEMU must not drop what is released. */
            if (r.dirs[i].site == (r.count > 1) && released > newest) {
                newest = released;
            }
        }
    }
    end_if_failed();
    warn_of_machines(newest_machine_version(argv[1]));
    begin_output(&r);
    if (release) {
        print_released(r.count > 1, newest);
    } else {
        print_models();
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fail_usage();
    }
    if (!strcmp(argv[1], "features")) {
        make_features(argc - 2, argv + 2);
    } else if (!strcmp(argv[1], "layers")) {
        make_layers(argc - 2, argv + 2);
    } else if (!strcmp(argv[1], "models") || !strcmp(argv[1], "release")) {
        make_models(argc - 2, argv + 2, argv[1][0] == 'r');
    } else {
        fail_usage();
    }
    if (fflush(stdout) || ferror(stdout)) {
        perror("gen-cpu-tables: cannot write");
        return 1;
    }
    return 0;
}
