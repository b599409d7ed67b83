/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command line of x86-cpu
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "options.h"
#include "../near-names.h"

typedef enum Kind {
    KIND_TEXT, KIND_NUMBER, KIND_FLAG,
    KIND_LIST,                  /* of texts: given several times */
} Kind;

typedef struct Option {
    const char *name, *member, *argument, *help;
    Kind kind;
} Option;

/* Those that become members of a request */
static const Option member_options[] = {
    { "--cpu", "cpu", "CPU", "the CPU, as for -cpu", KIND_TEXT },
    { "--machine", "machine", "TYPE",
      "machine type; default: the newest pc-q35", KIND_TEXT },
    { "--accel", "accel", "kvm|tcg", "default: kvm", KIND_TEXT },
    { "--irqchip", "irqchip", "on|split|off",
      "as -machine kernel-irqchip; default: that of the machine type",
      KIND_TEXT },
    { "--smp", "smp", "SMP", "as for -smp", KIND_TEXT },
    { "--vendor", "vendor", "VENDOR",
      "vendor of the host, such as GenuineIntel", KIND_TEXT },
    { "--phys-bits", "phys-bits", "N",
      "physical address bits of the host", KIND_NUMBER },
    { "--guest-phys-bits", "guest-phys-bits", "N",
      "those that KVM wants guests to use; 0: it does not say", KIND_NUMBER },
    { "--cpu-pm", "cpu-pm", NULL, "as -overcommit cpu-pm=on", KIND_FLAG },
    { "--host", "host", "FILE", "passport of the host (see x86-cpu host)",
      KIND_TEXT },
    { "--host", "hosts", "FILE", "passport of a host; several are possible",
      KIND_LIST },
    { "--from", "from", "FILE", "passport of the host that the guest leaves",
      KIND_TEXT },
    { "--to", "to", "FILE", "passport of the host that it goes to",
      KIND_TEXT },
    { "--any", "any", NULL, "on any machine type", KIND_FLAG },
    { "--model", "model", "MODEL", "a CPU model, with its versions",
      KIND_TEXT },
    { "--cpu", "model", "MODEL", "the same as --model", KIND_TEXT },
    { "--feature", "feature", "FEATURE", "a feature, or another property",
      KIND_TEXT },
    { "--partial", "partial", NULL, "print a part, to be merged", KIND_FLAG },
    { "--all", "all", NULL, "print all, not only what matters most",
      KIND_FLAG },
    { NULL, NULL, NULL, NULL, KIND_FLAG },
};

/* Those of all verbs */
static const Option own_options[] = {
    { "--models", NULL, "FILE", "file of CPU models, or one for each CPU; "
      "default: the installed one", KIND_LIST },
    { "--qemu", NULL, "FILE", "ask this QEMU instead", KIND_TEXT },
    { "--qmp", NULL, "SOCKET", "ask a running QEMU instead", KIND_TEXT },
    { "--batch", NULL, NULL, "read requests, a line of JSON each, from stdin",
      KIND_FLAG },
    { "--json", NULL, NULL, "print JSON", KIND_FLAG },
    { "--format", NULL, "table|json", "the same, as other verbs have it",
      KIND_TEXT },
    { "--check", NULL, NULL, "print nothing: the exit status is the answer",
      KIND_FLAG },
    { "--help", NULL, NULL, "show this", KIND_FLAG },
    { NULL, NULL, NULL, NULL, KIND_FLAG },
};

static bool takes(const Verb *verb, const Option *option)
{
    const char *const *member;

    for (member = verb ? verb->members : NULL; member && *member; member++) {
        if (!strcmp(*member, option->member)) {
            return true;
        }
    }
    return false;
}

static void print_option(const Verb *verb, const Option *option, FILE *out)
{
    const char *argument = option->argument, *help = option->help;
    char text[64];

    if (verb->accelerators && !strcmp(option->name, "--accel")) {
        argument = verb->accelerators;
        help = verb->accelerators_help;
    }
    snprintf(text, sizeof(text), "%s%s%s", option->name, argument ? " " : "",
             argument ? argument : "");
    fprintf(out, "  %-24s %s\n", text, help);
}

void options_print_help(const Verb *verb, FILE *out)
{
    const Option *option;

    fprintf(out, "usage: x86-cpu %s [OPTION...]%s%s\n\n%s\n\noptions:\n",
            verb->name, verb->arguments ? " " : "",
            verb->arguments ? verb->arguments : "", verb->summary);
    for (option = member_options; option->name; option++) {
        if (takes(verb, option) &&
            !(verb->arguments && !strcmp(option->member, "cpus"))) {
            print_option(verb, option, out);
        }
    }
    for (option = own_options; option->name; option++) {
        if (verb->asks_qemu || (strcmp(option->name, "--qemu") &&
                                strcmp(option->name, "--qmp"))) {
            print_option(verb, option, out);
        }
    }
    fputs("\nexit status: 0 yes, or done; 1 no, or the output could not be "
          "written; 2 error;\n3 cannot be known from what was given\n", out);
}

static bool fail_option(const Verb *verb, const char *name, Problem *problem)
{
    NearNames near = { .count = 0 };
    char text[X86_CPU_NEAR_NAMES_SIZE];
    const Option *option;

    for (option = member_options; option->name; option++) {
        if (takes(verb, option)) {
            x86_cpu_near_names_add(&near, name, option->name);
        }
    }
    for (option = own_options; option->name; option++) {
        x86_cpu_near_names_add(&near, name, option->name);
    }
    x86_cpu_near_names_print(&near, text);
    problem_set(problem, STATUS_ERROR, "%s takes no '%.64s'%s (see --help)",
                verb ? verb->name : "x86-cpu", name, text);
    return false;
}

static const Option *find_option(const Verb *verb, const char *name)
{
    const Option *option;

    for (option = member_options; option->name; option++) {
        if (!strcmp(option->name, name) && takes(verb, option)) {
            return option;
        }
    }
    for (option = own_options; option->name; option++) {
        if (!strcmp(option->name, name)) {
            return option;
        }
    }
    return NULL;
}

static bool set_number(Options *options, const Option *option,
                       const char *value, Problem *problem)
{
    long long number = -1;
    char *end = NULL;

    errno = 0;
    /* strtoll() takes blanks and signs, too. */
    if (*value >= '0' && *value <= '9') {
        number = strtoll(value, &end, 10);
    }
    if (errno || number < 0 || *end) {
        problem_set(problem, STATUS_ERROR, "%s must be a number, not '%.64s'",
                    option->name, value);
        return false;
    }
    json_object_set_new(options->request, option->member,
                        json_integer(number));
    return true;
}

static json_t *text_value(const char *text, Problem *problem)
{
    json_t *value = json_string(text);

    return value ? value : problem_set(problem, STATUS_ERROR,
                                       "'%.64s' is not UTF-8", text);
}

static bool set_member(Options *options, const Option *option,
                       const char *value, Problem *problem)
{
    json_t *json = json_true(), *list;

    if (option->kind == KIND_NUMBER) {
        return set_number(options, option, value, problem);
    }
    if (option->kind != KIND_FLAG) {
        json = text_value(value, problem);
    }
    if (!json) {
        return false;
    }
    if (option->kind == KIND_LIST) {
        list = json_object_get(options->request, option->member);
        if (!list) {
            list = json_array();
            json_object_set_new(options->request, option->member, list);
        }
        json_array_append_new(list, json);
        return true;
    }
    if (option->kind == KIND_TEXT && json_object_get(options->request,
                                                     option->member)) {
        json_decref(json);
        problem_set(problem, STATUS_ERROR, "%s is given twice", option->name);
        return false;
    }
    json_object_set_new(options->request, option->member, json);
    return true;
}

static bool set_format(Options *options, const char *value, Problem *problem)
{
    NearNames near = { .count = 0 };
    char text[X86_CPU_NEAR_NAMES_SIZE];

    options->json = !strcmp(value, "json");
    if (options->json || !strcmp(value, "table")) {
        return true;
    }
    x86_cpu_near_names_add(&near, value, "table");
    x86_cpu_near_names_add(&near, value, "json");
    x86_cpu_near_names_print(&near, text);
    problem_set(problem, STATUS_ERROR, "unknown format '%.64s'%s", value,
                *text ? text : "; use table or json");
    return false;
}

static bool set_own(Options *options, const Option *option, const char *value,
                    Problem *problem)
{
    if (!strcmp(option->name, "--format")) {
        return set_format(options, value, problem);
    }
    if (!strcmp(option->name, "--models")) {
        json_t *path = text_value(value, problem);

        return path && !json_array_append_new(options->models, path);
    } else if (!strcmp(option->name, "--qemu")) {
        options->qemu = value;
    } else if (!strcmp(option->name, "--qmp")) {
        options->qmp = value;
    } else if (!strcmp(option->name, "--batch")) {
        options->batch = true;
    } else if (!strcmp(option->name, "--json")) {
        options->json = true;
    } else if (!strcmp(option->name, "--check")) {
        options->check = true;
    } else {
        options->help = true;
    }
    return true;
}

static bool fail_argument(const Verb *verb, const char *text, Problem *problem)
{
    const char *const *member = verb && !verb->arguments ? verb->members : NULL;
    char takes[160] = "";
    size_t used = 0;

    if (member && !*member) {
        snprintf(takes, sizeof(takes), " %s takes no arguments", verb->name);
    } else if (member) {
        used = snprintf(takes, sizeof(takes), " %s takes", verb->name);
    }
    for (; member && *member && used < sizeof(takes); member++) {
        used += snprintf(takes + used, sizeof(takes) - used, "%s --%s",
                         member == verb->members ? "" :
                         member[1] ? "," : " and", *member);
    }
    problem_set(problem, STATUS_ERROR, "what is '%.64s'?%s (see --help)", text,
                takes);
    return false;
}

/* "CPU", or another one of "CPU CPU", of "CPU..." or of "FILE..." */
static bool add_argument(Options *options, const char *text, Problem *problem)
{
    const char *arguments = options->verb ? options->verb->arguments : NULL;
    bool files = arguments && !strcmp(arguments, "FILE...");
    bool many = files || (arguments && (!strcmp(arguments, "CPU CPU") ||
                                        !strcmp(arguments, "CPU...")));
    const char *member = files ? "hosts" : "cpus";
    json_t *value = text_value(text, problem), *list;

    if (!value) {
        return false;
    }
    if (many) {
        list = json_object_get(options->request, member);
        if (!list) {
            list = json_array();
            json_object_set_new(options->request, member, list);
        }
        json_array_append_new(list, value);
        return true;
    }
    if (!options->verb || !options->verb->arguments ||
        json_object_get(options->request, "cpu")) {
        json_decref(value);
        return fail_argument(options->verb, text, problem);
    }
    json_object_set_new(options->request, "cpu", value);
    return true;
}

/*
 * Verbs that take files read stdin if there are none; a live QEMU is on the
 * host that it answers for.
 */
static void add_stdin(Options *options)
{
    const Verb *verb = options->verb;

    if (verb && !options->qemu && !options->qmp && verb->arguments &&
        !strcmp(verb->arguments, "FILE...") &&
        !json_object_get(options->request, "hosts")) {
        json_object_set_new(options->request, "hosts",
                            json_pack("[s]", "-"));
    }
}

/* Errors about members are for requests, so these are here. */
static bool check_count(const Options *options, Problem *problem)
{
    const char *arguments = options->verb ? options->verb->arguments : NULL;
    size_t count = json_array_size(json_object_get(options->request, "cpus"));

    if (arguments && !strcmp(arguments, "CPU CPU") && count != 2) {
        problem_set(problem, STATUS_ERROR, "%s takes two CPUs (see --help)",
                    options->verb->name);
        return false;
    }
    if (arguments && !strcmp(arguments, "CPU...") && !count &&
        !json_object_get(options->request, "hosts")) {
        problem_set(problem, STATUS_ERROR, "%s takes CPUs, or hosts with "
                    "--host (see --help)", options->verb->name);
        return false;
    }
    return true;
}

/* Requests have that, each its own. */
static bool check_batch(const Options *options, Problem *problem)
{
    const json_t *value;
    const char *name;

    json_object_foreach(options->request, name, value) {
        if (strcmp(name, "verb")) {
            problem_set(problem, STATUS_ERROR, "with --batch, each request has "
                        "its own '%s': leave it out of the command line",
                        name);
            return false;
        }
    }
    return true;
}

bool options_parse(const Verb *verb, char **argv, Options *options,
                   Problem *problem)
{
    *options = (Options) {
        .verb = verb, .request = json_object(), .models = json_array(),
    };
    if (verb) {
        json_object_set_new(options->request, "verb", json_string(verb->name));
    }
    for (; *argv; argv++) {
        const Option *option;
        char *value = NULL, *name = *argv, *equals;
        char copy[64];

        if (*name != '-' || !name[1]) {
            if (!add_argument(options, name, problem)) {
                return false;
            }
            continue;
        }
        if (!strcmp(name, "-h")) {
            name = (char *)"--help";
        }
        equals = strchr(name, '=');
        if (equals && (size_t)(equals - name) < sizeof(copy)) {
            value = equals + 1;
            memcpy(copy, name, equals - name);
            copy[equals - name] = '\0';
            name = copy;
        }
        option = find_option(verb, name);
        if (!option) {
            return fail_option(verb, name, problem);
        }
        if (option->kind != KIND_FLAG && !value) {
            value = *++argv;
            /* Nothing that options take looks like another option. */
            if (!value || !strncmp(value, "--", 2)) {
                problem_set(problem, STATUS_ERROR, "%s needs %s",
                            option->name, option->argument);
                return false;
            }
        } else if (option->kind == KIND_FLAG && value) {
            problem_set(problem, STATUS_ERROR, "%s has no value",
                        option->name);
            return false;
        }
        if (option->member ? !set_member(options, option, value, problem)
                           : !set_own(options, option, value, problem)) {
            return false;
        }
    }
    if (options->batch) {
        return check_batch(options, problem);
    }
    add_stdin(options);
    return options->help || check_count(options, problem);
}

void options_free(Options *options)
{
    json_decref(options->request);
    json_decref(options->models);
}
