/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the introspection extension keeps in every x86 CPU
 *
 * Included by cpu.h right before X86CPU.  Each record is described in the
 * header of the capability that it belongs to.
 */

#ifndef I386_EXT_CPU_RECORDS_H
#define I386_EXT_CPU_RECORDS_H

#include "target/i386/ext/cache-properties.h"
#include "target/i386/ext/cpu-fingerprint.h"
#include "target/i386/ext/feature-requests.h"
#include "target/i386/ext/kvm-cpuid.h"

#endif /* I386_EXT_CPU_RECORDS_H */
