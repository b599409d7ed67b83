/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * x86-cpu
 *
 * Answers, for people, scripts and control planes: what are CPUs of this QEMU,
 * how do they compare, and where do they run?  From a file of all CPU models
 * (qemu-cpu-models.json), and passports of hosts; or from a live QEMU.
 *
 * The verb is the name that the program is run by, or its first argument.  The
 * name may begin with x86-cpu-, as older names of verbs do.
 */

/* For realpath() */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "batch.h"
#include "dispatch.h"
#include "json-text.h"
#include "live-answers.h"
#include "options.h"
#include "text-table.h"

/* What make install calls this program, and scripts/x86-cpu */
#define SELF "x86-cpu-answer"
#define DISPATCHER "x86-cpu-dispatch"

/* If a command line has more CPUs, all models are read. */
enum { MAX_NAMES = 16 };

static int fail(const Problem *problem)
{
    fprintf(stderr, "error: %s\n", problem->text);
    return problem->status;
}

/* Where make puts the file, and make install: seen from this program */
static const char *const places[] = {
    "../../share/qemu-cpu-introspection/qemu-cpu-models.json",
    "../share/qemu-cpu-introspection/qemu-cpu-models.json",
    "../10.0/qemu-cpu-models.json",
};

static void add_default_models(json_t *models)
{
    char self[PATH_MAX], path[PATH_MAX + 128], *slash;
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    size_t i;

    if (length < 0) {
        return;
    }
    self[length] = '\0';
    slash = strrchr(self, '/');
    *slash = '\0';
    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", self, places[i]);
        if (!access(path, R_OK)) {
            json_array_append_new(models, json_string(path));
            return;
        }
    }
}

/* The name of the model of CPU @number of a request; NULL if there is none */
static char *name_model(const json_t *request, size_t number)
{
    const char *text, *machine;
    Problem problem;

    return request_cpu(request, number, &text, &machine, &problem)
           ? strndup(text, strcspn(text, ",")) : NULL;
}

/*
 * Puts the names of the models of a command line in @names, to be freed.
 * Returns how many there are; 0 if all models are needed.
 */
static size_t name_models(const Options *options, char *names[MAX_NAMES])
{
    const json_t *cpus;
    size_t count, i;

    if (options->batch || !options->verb->only_named) {
        return 0;
    }
    cpus = json_object_get(options->request, "cpus");
    count = cpus ? json_array_size(cpus) : 1;
    if (count > MAX_NAMES) {
        return 0;
    }
    for (i = 0; i < count; i++) {
        names[i] = name_model(options->request, i);
        if (!names[i]) {
            break;
        }
    }
    return i;
}

/* For one question, not all of a file has to be read. */
static ModelsFile *read_file(const char *path, const Options *options,
                             Problem *problem)
{
    char *names[MAX_NAMES], error[MODELS_FILE_ERROR];
    size_t count = name_models(options, names), i;
    ModelsFile *file;

    file = models_file_read_named(path,
                                  count ? (const char *const *)names : NULL,
                                  count, error, sizeof(error));
    for (i = 0; i < count; i++) {
        free(names[i]);
    }
    if (!file) {
        problem_set(problem, STATUS_ERROR, "%s", error);
    }
    return file;
}

/* What answers: files, or a live QEMU */
static bool load(Tool *tool, const Options *options, Problem *problem)
{
    json_t *models = options->models;
    size_t i, count;

    if (options->qemu || options->qmp) {
        if ((options->qemu && options->qmp) || json_array_size(models)) {
            return problem_set(problem, STATUS_ERROR, "--models, --qemu and "
                               "--qmp each name what answers: use one of "
                               "them");
        }
        tool->live = live_tool_new(options->qemu, options->qmp);
        return tool->live;
    }
    if (!json_array_size(models)) {
        add_default_models(models);
    }
    count = json_array_size(models);
    if (!count) {
        return problem_set(problem, STATUS_ERROR, "there is no file of CPU "
                           "models: name one with --models");
    }
    tool->files = calloc(count, sizeof(*tool->files));
    for (i = 0; tool->files && i < count; i++) {
        const char *path = json_string_value(json_array_get(models, i));

        tool->files[i] = read_file(path, options, problem);
        if (!tool->files[i]) {
            return false;
        }
        tool->nfiles++;
    }
    return tool->files;
}

/* Whether all of stdout could be written; if not, says so. */
static bool finish_output(void)
{
    if (!fflush(stdout) && !ferror(stdout)) {
        return true;
    }
    fprintf(stderr, "error: cannot write the output: %s\n", strerror(errno));
    return false;
}

static void print_notes(const json_t *answer, FILE *out)
{
    const json_t *note;
    size_t i;

    json_array_foreach(json_object_get(answer, "notes"), i, note) {
        text_table_printf(out, "note: %s", json_string_value(note));
    }
}

static void print_text(const Verb *verb, const json_t *request,
                       const json_t *answer)
{
    if (!verb->notes_apart) {
        print_notes(answer, stdout);
    }
    verb->print(answer, request, stdout);
}

static int print(const Options *options, const json_t *answer)
{
    Status status = json_integer_value(json_object_get(answer, "status"));
    const char *error = json_string_value(json_object_get(answer, "error"));
    const Verb *verb = options->verb;
    bool as_text = !options->json && !error;

    if (options->check) {
        if (error) {
            fprintf(stderr, "error: %s\n", error);
        }
        /* They say what was read as another name: a typo, perhaps. */
        print_notes(answer, stderr);
        return status;
    }
    if (options->json) {
        json_text_print(answer, true, stdout);
    } else if (as_text) {
        print_text(verb, options->request, answer);
    }
    if (error) {
        fprintf(stderr, "error: %s\n", error);
    }
    if (!finish_output()) {
        return STATUS_NO;
    }
    if (as_text && verb->notes_apart) {
        /* After the text, whatever that goes to */
        print_notes(answer, stderr);
    }
    return status;
}

static Status answer_batch(Tool *tool)
{
    if (batch_run(tool, stdin, stdout)) {
        return STATUS_YES;
    }
    if (!finish_output()) {
        return STATUS_NO;
    }
    fprintf(stderr, "error: cannot read the requests: %s\n", strerror(errno));
    return STATUS_ERROR;
}

static int run(const Options *options)
{
    /*
     * The files that it reads are in memory until the process ends: freeing
     * them takes a tenth of the time that a question does.
     */
    static Tool tool;
    Problem problem = { STATUS_ERROR, "not enough memory" };
    json_t *answer;
    int status;

    tool.reads_stdin = options->batch;
    if (!load(&tool, options, &problem)) {
        status = fail(&problem);
    } else if (options->batch) {
        status = answer_batch(&tool);
    } else {
        answer = answer_request(&tool, options->request);
        status = print(options, answer);
        json_decref(answer);
    }
    /* It may have a QEMU running. */
    live_tool_free(tool.live);
    return status;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The path of @name in the directory of this program; NULL if that fails */
static char *path_beside(const char *name)
{
    char *self = realpath((const char *)getauxval(AT_EXECFN), NULL);
    size_t directory = self ? name_of(self) - self : 0;
    char *path = self ? malloc(directory + strlen(name) + 1) : NULL;

    if (path) {
        memcpy(path, self, directory);
        strcpy(path + directory, name);
    }
    free(self);
    return path;
}

/* Whether the verb @name is this program, where that is installed */
static bool is_installed_verb(const char *name)
{
    char text[64], target[sizeof(SELF) + sizeof("../")];
    char *path = NULL;
    ssize_t length = -1;

    if (find_verb(name)) {
        snprintf(text, sizeof(text), "x86-cpu/%s", name);
        path = path_beside(text);
    }
    if (path) {
        length = readlink(path, target, sizeof(target) - 1);
    }
    free(path);
    target[length > 0 ? length : 0] = '\0';
    return !strcmp(target, "../" SELF);
}

/*
 * Runs the dispatcher, which is in the same directory as this program: it knows
 * where other verbs are, and all errors.  Only returns if it can't, with the
 * exit status.
 */
static int run_dispatcher(char **argv)
{
    Problem problem = { STATUS_ERROR, "" };
    char *path = path_beside(DISPATCHER);

    if (path) {
        execv(path, argv);
    }
    problem_set(&problem, STATUS_ERROR, "cannot run %s: %s", DISPATCHER,
                strerror(errno));
    free(path);
    return fail(&problem);
}

/* The verb in the name that the program is run by; NULL if there is none */
static const Verb *own_verb(const char *path)
{
    static const char prefix[] = "x86-cpu-";
    const char *name = name_of(path);

    if (!strncmp(name, prefix, strlen(prefix))) {
        name += strlen(prefix);
    }
    return find_verb(name);
}

int main(int argc, char **argv)
{
    const Verb *verb = own_verb(argc ? argv[0] : "");
    Problem problem = { STATUS_ERROR, "" };
    Options options;
    int status;

    /* As x86-cpu, it saves most questions the time of starting a shell. */
    if (argc && !strcmp(name_of(argv[0]), "x86-cpu") &&
        (argc < 2 || !is_installed_verb(argv[1]))) {
        return run_dispatcher(argv);
    }
    argv += argc > 0;
    if (!verb && *argv && **argv != '-') {
        verb = find_verb(*argv);
        if (!verb) {
            problem_set(&problem, STATUS_ERROR, "unknown verb '%.60s'", *argv);
            return fail(&problem);
        }
        argv++;
    }
    if (!options_parse(verb, argv, &options, &problem)) {
        status = fail(&problem);
    } else if (options.help && verb) {
        options_print_help(verb, stdout);
        status = finish_output() ? STATUS_YES : STATUS_NO;
    } else if (!verb && !options.batch) {
        problem_set(&problem, STATUS_ERROR, "name a verb, or use --batch");
        status = fail(&problem);
    } else {
        status = run(&options);
    }
    options_free(&options);
    return status;
}
