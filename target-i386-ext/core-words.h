/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which feature word of QEMU is which one of the core
 */

#ifndef I386_EXT_CORE_WORDS_H
#define I386_EXT_CORE_WORDS_H

#include "cpu.h"
#include "target/i386/ext/core/x86cpu.h"

/* QEMU's word @word, or FEATURE_WORDS if it has none */
FeatureWord x86_cpu_qemu_word(X86CpuWordId word);

/* The core's word of QEMU's @w, which is not FEATURE_WORDS */
X86CpuWordId x86_cpu_core_word(FeatureWord w);

#endif /* I386_EXT_CORE_WORDS_H */
