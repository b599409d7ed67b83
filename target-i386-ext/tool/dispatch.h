/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From a request to its answer
 *
 * Answers, for the command line and for --batch: which verb is this request
 * for, is it a good one, and what is its answer?
 */

#ifndef X86CPU_DISPATCH_H
#define X86CPU_DISPATCH_H

#include "answer.h"

/* Up to one without a name */
extern const Verb verbs[];

/* Its name is @name, or NULL. */
const Verb *find_verb(const char *name);

/* Whether its requests can have @name */
bool has_member(const Verb *verb, const char *name);

/*
 * The answer of the tool to @request, for "verb" and the members that this
 * has.  Always an object: with "status", and "error" if there is no answer.
 */
json_t *answer_request(Tool *tool, const json_t *request);

#endif /* X86CPU_DISPATCH_H */
