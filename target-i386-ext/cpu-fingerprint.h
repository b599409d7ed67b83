/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Check that the target of a migration has the same CPU as its source
 *
 * Included by cpu.h before X86CPU, which embeds the record for the migration
 * stream.
 */

#ifndef I386_EXT_CPU_FINGERPRINT_H
#define I386_EXT_CPU_FINGERPRINT_H

/* The longest name of a machine type or CPU model in a stream */
#define X86_CPU_FINGERPRINT_NAME 64

typedef struct X86CPUFingerprint {
    /* Options of the source; NUL-terminated */
    char cpu_compat[X86_CPU_FINGERPRINT_NAME];
    char model[X86_CPU_FINGERPRINT_NAME];
    uint32_t count;
    uint32_t *words;
    /*
     * The last stream that was loaded had a fingerprint, and it matched this
     * CPU: streams have one from then on.
     */
    bool compared;
} X86CPUFingerprint;

#ifndef CONFIG_USER_ONLY
extern const VMStateDescription vmstate_x86_cpu_fingerprint;

/* Prepares the CPU @opaque for a stream, even after one that failed. */
int x86_cpu_fingerprint_pre_load(void *opaque);

/*
 * Whether the stream just loaded into @cpu had its fingerprint, if @cpu needs
 * one.  If not, reports an error.
 */
bool x86_cpu_check_fingerprint(X86CPU *cpu);
#endif

#endif /* I386_EXT_CPU_FINGERPRINT_H */
