/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The command line of x86-cpu
 *
 * Answers, for its main program: which request is this command line?
 */

#ifndef X86CPU_OPTIONS_H
#define X86CPU_OPTIONS_H

#include "answer.h"

typedef struct Options {
    const Verb *verb;
    /* Members of the request; to be freed */
    json_t *request;
    /* --models, each to be freed */
    json_t *models;
    /* --qemu or --qmp: ask a live QEMU instead */
    const char *qemu, *qmp;
    bool json, check, batch, help;
} Options;

/*
 * Fills *@options from the arguments that follow verb @verb, up to a NULL, or
 * from "--batch" without a verb.  False, with a message in *@problem, if they
 * make no sense.
 */
bool options_parse(const Verb *verb, char **argv, Options *options,
                   Problem *problem);

void options_print_help(const Verb *verb, FILE *out);

void options_free(Options *options);

#endif /* X86CPU_OPTIONS_H */
