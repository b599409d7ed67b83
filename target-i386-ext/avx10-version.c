/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * avx10-version in descriptions of CPUs
 *
 * Answers: which features does a CPU have whose description says
 * avx10-version=N?  Those that the description has, and no others.  In QEMU
 * 10.0, avx10-version is just a number; from 10.2 on, setting it also turns on
 * what that version includes, so a CPU without avx10-512 would gain it, if the
 * version comes after the features.
 *
 * A description is known by its anchor, which is set before all others.
 */

#include "qemu/osdep.h"
#include "target/i386/ext/avx10-version.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-description.h"

/* Upstream's */
static ObjectPropertyAccessor *set_with_features;

static void set_avx10_version(Object *obj, Visitor *v, const char *name,
                              void *opaque, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);
    FeatureWordArray features;

    /* As any number in 10.0: features of a running guest stay. */
    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
        return;
    }
    memcpy(features, cpu->env.features, sizeof(features));
    set_with_features(obj, v, name, opaque, errp);
    if (cpu->anchor) {
        memcpy(cpu->env.features, features, sizeof(features));
    }
}

void x86_cpu_avx10_version_class_init(ObjectClass *oc)
{
    ObjectProperty *op;

    /* In the table, it is just a number. */
    if (!x86_cpu_is_table_property("avx10-version")) {
        op = object_class_property_find(oc, "avx10-version");
        set_with_features = op->set;
        op->set = set_avx10_version;
    }
}
