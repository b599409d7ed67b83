/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Names of QOM types of CPUs in tests of qemu-system-x86_64 and -i386
 */

#ifndef X86_CPU_TARGET_H
#define X86_CPU_TARGET_H

#include "libqtest.h"

/*
 * @text, with the types of CPUs in it (EPYC-x86_64-cpu) as they are called
 * in the QEMU under test.  The caller frees it.
 */
static inline char *with_cpu_types(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "-x86_64-cpu", -1);
    g_autofree char *suffix = g_strdup_printf("-%s-cpu", qtest_get_arch());

    return g_strjoinv(suffix, parts);
}

/* TCG for qemu-system-i386 has no long mode, and KVM offers it none. */
static inline bool target_has_long_mode(void)
{
    return strcmp(qtest_get_arch(), "i386");
}

#endif /* X86_CPU_TARGET_H */
