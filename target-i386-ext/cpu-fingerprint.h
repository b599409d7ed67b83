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

typedef struct X86CPUFingerprint {
    uint32_t count;
    uint32_t *words;
} X86CPUFingerprint;

#ifndef CONFIG_USER_ONLY
extern const VMStateDescription vmstate_x86_cpu_fingerprint;
#endif

#endif /* I386_EXT_CPU_FINGERPRINT_H */
