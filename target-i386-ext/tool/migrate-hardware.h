/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What guests see of the CPU that QEMU runs on, whatever KVM offers
 *
 * Answers, for x86-cpu migrate: do leaves change that QEMU passes to guests of
 * model host as the CPUID instruction has them?
 */

#ifndef X86CPU_MIGRATE_HARDWARE_H
#define X86CPU_MIGRATE_HARDWARE_H

#include "migrate.h"

/*
 * Adds what differs of MWAIT with cpu-pm=on, and of caches, with
 * host-cache-info=on or without it.  Both sides are known.
 */
void migrate_compare_hardware(const MigrateSide *a, const MigrateSide *b,
                              MigrateReasons *reasons);

#endif /* X86CPU_MIGRATE_HARDWARE_H */
