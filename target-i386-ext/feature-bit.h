/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A bit of a feature word
 */

#ifndef I386_EXT_FEATURE_BIT_H
#define I386_EXT_FEATURE_BIT_H

#include "cpu.h"

typedef struct X86CPUFeatureBit {
    FeatureWord w;
    int bit;
} X86CPUFeatureBit;

#endif /* I386_EXT_FEATURE_BIT_H */
