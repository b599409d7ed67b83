/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a fleet of hosts has in common
 *
 * Answers, for x86-cpu fleet and baseline: which CPU runs on all of these
 * hosts, which hosts cost it which features, and why, which hosts had better
 * be left out, which are alike, and which named models run on how many?
 */

#ifndef X86CPU_FLEET_H
#define X86CPU_FLEET_H

#include <jansson.h>
#include "host-set.h"

/* At most so many groups of alike hosts are listed: the largest. */
enum { FLEET_MAX_ALIKE = 100 };

/*
 * An object with "hosts", "groups" by vendor, "models" and "unknown".  NULL:
 * not enough memory
 */
json_t *fleet_answer(HostSet *set);

/* The groups by vendor alone */
json_t *fleet_groups(HostSet *set);

/*
 * Calls @found with each named model, with the number of hosts on which it
 * runs, and with @opaque, in the order of the file; of aliases only those that
 * are CPUs of their own.  False: not enough memory
 */
bool fleet_each_model(HostSet *set,
                      void (*found)(const char *name, uint64_t hosts,
                                    void *opaque),
                      void *opaque);

#endif /* X86CPU_FLEET_H */
