/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The properties that the extension adds to the x86 CPU class
 *
 * One call per capability; each registers its own properties.
 */

#include "qemu/osdep.h"
#include "target/i386/ext/added-features.h"
#include "target/i386/ext/avx10-version.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-description.h"
#include "target/i386/ext/enforce-report.h"
#include "target/i386/ext/feature-flags.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/realized-cpu.h"
#include "target/i386/ext/removed-features.h"

void x86_cpu_ext_class_init(ObjectClass *oc)
{
    x86_cpu_removed_features_class_init(oc);
    x86_cpu_added_features_class_init(oc);
    x86_cpu_feature_flags_class_init(oc);
    x86_cpu_enforce_report_class_init(oc);
    x86_cpu_caches_class_init(oc);
    x86_cpu_machine_defaults_class_init(oc);
    x86_cpu_description_class_init(oc);
    x86_cpu_avx10_version_class_init(oc);
    x86_cpu_retired_class_init(oc);
    x86_cpu_realized_init();
}
