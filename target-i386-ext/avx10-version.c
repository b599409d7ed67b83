/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * avx10-version: a number up to QEMU 10.2, and features since
 *
 * Answers: which features does a CPU with avx10-version=N have, and who
 * requested them?  From 11.0 on, setting it also turns on what that version
 * includes, and it sets the number of subleaves.
 *
 * A description of a CPU has all features that the CPU has, and no others: one
 * without avx10-512 must not gain it, if the version comes after the features.
 * If an older QEMU wrote it, the version is just the number that guests see.
 * A description is known by its anchor, which is set before all others.
 *
 * The properties of a CPU model in a QMP command have no order.  So there, a
 * version does not turn on what these properties turn off.
 */

#include "qemu/osdep.h"
#include "qapi/visitor.h"
#include "target/i386/ext/avx10-version.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-access.h"
#include "target/i386/ext/cpu-description.h"
#include "target/i386/ext/machine-types.h"

/* The first machine types of QEMUs where it is more than a number */
#define WITH_FEATURES 0xb0000

/* Upstream's; NULL if this QEMU is older */
static ObjectPropertyAccessor *set_with_features;

static bool is_just_a_number(X86CPU *cpu)
{
    return cpu->anchor && cpu->anchor->version &&
           cpu->anchor->version < WITH_FEATURES;
}

/*
 * Whether max sets it, which has no features of its own until it gets those of
 * the host, and then the version
 */
static bool is_set_by_max(X86CPU *cpu)
{
    const CPUX86State *env = &cpu->env;

    return x86_cpu_is_max(cpu) &&
           (env->features[FEAT_1_EDX] & ~env->user_features[FEAT_1_EDX]);
}

/* @before: the features before the user set the version */
static void record_user(X86CPU *cpu, const uint64_t *before)
{
    X86CPUFeatureRequests *req = &cpu->requests;
    FeatureWord w;

    for (w = 0; w < FEATURE_WORDS; w++) {
        uint64_t added = cpu->env.features[w] & ~before[w];

        if (x86_cpu_collects_errors()) {
            added &= ~req->by_user[w];
            cpu->env.features[w] = before[w] | added;
        }
        req->by_avx10_version[w] |= added;
    }
}

static void set_avx10_version(Object *obj, Visitor *v, const char *name,
                              void *opaque, Error **errp)
{
    X86CPU *cpu = X86_CPU(obj);
    FeatureWordArray before;

    /* As any number in 10.0: features of a running guest stay. */
    if (DEVICE(obj)->realized) {
        qdev_prop_set_after_realize(DEVICE(obj), name, errp);
        return;
    }
    if (is_just_a_number(cpu)) {
        visit_type_uint8(v, name, &cpu->env.avx10_version, errp);
        return;
    }
    memcpy(before, cpu->env.features, sizeof(before));
    set_with_features(obj, v, name, opaque, errp);
    if (cpu->anchor) {
        memcpy(cpu->env.features, before, sizeof(before));
    } else if (cpu->requests.machine_done && !is_set_by_max(cpu)) {
        record_user(cpu, before);
    }
}

bool x86_cpu_avx10_version_needs_anchor(X86CPU *cpu)
{
    /* Version 1 is just a number, too. */
    return set_with_features && cpu->env.avx10_version > 1 &&
           is_just_a_number(cpu);
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
