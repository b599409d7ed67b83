/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hosts of a request
 *
 * Answers, for the verbs that are about several hosts: which ones are they?
 */

#ifndef X86CPU_VERB_HOSTS_H
#define X86CPU_VERB_HOSTS_H

#include "answer.h"
#include "host-set.h"

/*
 * Fills *@options and *@machine from "machine", "accel", "irqchip" and
 * "cpu-pm" of @request.
 */
bool host_options_of_request(Tool *tool, const json_t *request,
                             HostSetOptions *options, const char **machine,
                             Problem *problem);

/* The set of "hosts": passports, or names of files; to be freed */
HostSet *hosts_of_request(Tool *tool, const json_t *request,
                          const HostSetOptions *options, Problem *problem);

/*
 * The ones of @groups, a list by vendor that is released, that have "vendor"
 * of @request, or all
 */
json_t *choose_vendor(json_t *groups, const json_t *request, Problem *problem);

/* Prints the CPU of hosts of one vendor, and what hosts cost it. */
void print_host_group(const json_t *group, const json_t *request, FILE *out);

/* Prints which hosts an answer knows nothing of. */
void print_unknown_hosts(const json_t *answer, FILE *out);

#endif /* X86CPU_VERB_HOSTS_H */
