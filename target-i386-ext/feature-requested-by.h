/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who requested a feature of an x86 CPU
 */

#ifndef I386_EXT_FEATURE_REQUESTED_BY_H
#define I386_EXT_FEATURE_REQUESTED_BY_H

#include "cpu.h"
#include "qapi/qapi-types-cpu-introspection-target.h"

/*
 * What was requested of @cpu in word @w, before anything was dropped or
 * filtered out.  Valid once @cpu is expanded.
 */
uint64_t x86_cpu_requested_features(X86CPU *cpu, FeatureWord w);

/*
 * Who requested bit @bit of word @w of @cpu.  Valid for requested bits of an
 * expanded CPU (x86_cpu_expand_features()).  If several did, the last one,
 * whose request took effect.
 */
CpuFeatureRequester x86_cpu_feature_requested_by(X86CPU *cpu, FeatureWord w,
                                                 int bit);

/* The same for a property @name of @cpu that is not a feature. */
CpuFeatureRequester x86_cpu_property_requested_by(X86CPU *cpu,
                                                  const char *name);

#endif /* I386_EXT_FEATURE_REQUESTED_BY_H */
