/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hosts of a fleet, from files
 *
 * Answers, for x86-cpu fleet, best and baseline: which hosts are in this file?
 * A file NAME.json has the passport of one host, which is called NAME.
 * Others, and stdin, have one in each line: a passport, {"name": NAME,
 * "passport": {...}} or a partial (fleet-partial.h).
 */

#ifndef X86CPU_FLEET_READ_H
#define X86CPU_FLEET_READ_H

#include "host-set.h"

/* Room for the longest error */
enum { FLEET_READ_ERROR = 1024 };

/* Tells who waits for hosts how far it is; it may do nothing. */
typedef struct FleetProgress {
    void (*report)(uint64_t hosts, void *opaque);
    void *opaque;
} FleetProgress;

/*
 * Adds the hosts of file @path to @set; "-" is stdin.  False, with one line of
 * ASCII in @error, of FLEET_READ_ERROR bytes, if a host is not good.
 * @progress may be NULL.
 */
bool fleet_read_file(HostSet *set, const char *path,
                     const FleetProgress *progress, char *error);

/* The same for one host or partial in @json, which is @where */
bool fleet_read_json(HostSet *set, json_t *json, const char *where,
                     char *error);

#endif /* X86CPU_FLEET_READ_H */
