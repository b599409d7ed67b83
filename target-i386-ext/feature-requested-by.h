/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who asked an x86 CPU for a feature
 */

#ifndef I386_EXT_FEATURE_REQUESTED_BY_H
#define I386_EXT_FEATURE_REQUESTED_BY_H

#include "cpu.h"
#include "qapi/qapi-types-cpu-introspection-target.h"

/*
 * What was requested of @cpu in word @w, by whomever, before anything was
 * dropped or filtered out.  Meaningful once @cpu has been expanded.
 */
uint64_t x86_cpu_requested_features(X86CPU *cpu, FeatureWord w);

/*
 * Who asked @cpu for bit @bit of word @w.  Meaningful for requested bits of
 * a CPU that has been expanded (x86_cpu_expand_features()).  Where several
 * asked, the last one, for it is whom to talk to.
 */
CpuFeatureRequester x86_cpu_feature_requested_by(X86CPU *cpu, FeatureWord w,
                                                 int bit);

/* The same for a property @name of @cpu that is not a feature. */
CpuFeatureRequester x86_cpu_property_requested_by(X86CPU *cpu,
                                                  const char *name);

#endif /* I386_EXT_FEATURE_REQUESTED_BY_H */
