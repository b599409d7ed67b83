/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is known of a part of a fleet
 *
 * Answers, for x86-cpu fleet where many processes read passports: which hosts
 * has this one seen?  A partial is one line of canonical JSON: the distinct
 * hosts, how many there are of each, and the first names.  Partials of all
 * parts, merged in any order, give the same bytes as one process that reads
 * all.
 */

#ifndef X86CPU_FLEET_PARTIAL_H
#define X86CPU_FLEET_PARTIAL_H

#include <jansson.h>
#include <stdio.h>
#include "host-set.h"

/* Whether @json says that it is a partial */
bool fleet_partial_is(const json_t *json);

/*
 * Adds the hosts of partial @json to @set.  False, with one line of ASCII in
 * @error, of HOST_SET_ERROR bytes, if it is not good, or one of another file
 * of CPU models or of other options.
 */
bool fleet_partial_read(HostSet *set, const json_t *json, char *error);

/*
 * Writes @set as a partial, in one line.  False, with the error in errno, if
 * that could not be done.
 */
bool fleet_partial_write(HostSet *set, FILE *out);

#endif /* X86CPU_FLEET_PARTIAL_H */
