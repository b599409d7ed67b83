/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Does the target of a migration have the same CPU as its source
 *
 * Included by cpu.h before X86CPU, which embeds the record while it
 * is in a migration stream.
 */

#ifndef I386_EXT_CPU_FINGERPRINT_H
#define I386_EXT_CPU_FINGERPRINT_H

/* The longest name of a machine type or CPU model in a stream */
#define X86_CPU_FINGERPRINT_NAME 64

typedef struct X86CPUFingerprint {
    /* What the source was started with; end with a 0 */
    char cpu_compat[X86_CPU_FINGERPRINT_NAME];
    char model[X86_CPU_FINGERPRINT_NAME];
    uint32_t count;
    uint32_t *words;
    /* The stream that is being loaded had it, and it is that of this CPU */
    bool compared;
} X86CPUFingerprint;

#ifndef CONFIG_USER_ONLY
extern const VMStateDescription vmstate_x86_cpu_fingerprint;

/* Prepares the CPU @opaque for a stream, whatever became of the one before. */
int x86_cpu_fingerprint_pre_load(void *opaque);

/*
 * Whether the stream from which @cpu has just been loaded had its
 * fingerprint, if @cpu needs one.  If not, reports that.
 */
bool x86_cpu_check_fingerprint(X86CPU *cpu);
#endif

#endif /* I386_EXT_CPU_FINGERPRINT_H */
