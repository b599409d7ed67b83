/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * f-*: a boolean property for every CPU feature
 *
 * Answers, for management software: which properties of a CPU are features,
 * was this feature requested, does the guest have it?  Before realize, f-NAME
 * reads and writes what is requested, like NAME.  Afterwards, f-NAME reads
 * what the guest sees, while NAME still reads the feature word, even if CPUID
 * hides the bit.
 */

#include "qemu/osdep.h"
#include "qapi/visitor.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/feature-dictionary.h"
#include "target/i386/ext/feature-flags.h"
#include "target/i386/ext/guest-view.h"

/*
 * Not "bool": when a guest starts, libvirt reads all CPU properties of that
 * type, one by one; it need not read each feature twice.
 */
#define FEATURE_FLAG_TYPE "CpuFeatureFlag"

static void get_feature_flag(Object *obj, Visitor *v, const char *name,
                             void *opaque, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);
    const X86CPUFeatureInfo *info = opaque;
    uint64_t features = DEVICE(obj)->realized ?
                        x86_cpu_guest_sees(cpu, info->word) :
                        cpu->env.features[info->word];
    bool value = (features & info->mask) == info->mask;

    visit_type_bool(v, name, &value, errp);
}

static void set_feature_flag(Object *obj, Visitor *v, const char *name,
                             void *opaque, Error **errp)
{
    const X86CPUFeatureInfo *info = opaque;
    bool value;

    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
        return;
    }
    if (!visit_type_bool(v, name, &value, errp)) {
        return;
    }
    object_property_set_bool(obj, info->name, value, errp);
}

/*
 * Added one by one, they would take 3 % of QEMU's start with -machine none.
 */
void x86_cpu_feature_flags_class_init(ObjectClass *oc)
{
    ObjectProperty *props = g_new(ObjectProperty, x86_cpu_features_count);
    unsigned i;

    for (i = 0; i < x86_cpu_features_count; i++) {
        const X86CPUFeatureInfo *info = &x86_cpu_features[i];

        props[i] = (ObjectProperty) {
            .name = (char *)info->flag,
            .type = (char *)FEATURE_FLAG_TYPE,
            .description = (char *)info->description,
            .get = get_feature_flag,
            .set = set_feature_flag,
            .opaque = (void *)info,
        };
    }
    object_class_property_add_static(oc, props, x86_cpu_features_count);
}

bool x86_cpu_is_feature_flag(const char *name)
{
    return !strncmp(name, "f-", 2);
}
