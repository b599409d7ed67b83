/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Realized CPUs of any model, for tests
 *
 * Answers, for tests of comparison and baseline that need far more CPUs than
 * guests can be started: what would a guest see of this CPU, in this machine's
 * topology?  Only a QEMU with -qtest answers, in its protocol:
 *
 *     > x86-cpu-realized MODEL
 *     < OK CPU
 *     < FAIL error
 *
 * MODEL is a CpuModelInfo, as JSON in base64.  Such a CPU is realized as
 * device_add would realize it, in addition to those of the machine, and
 * unrealized again.  It is CPU 1 of a stopped PC with one CPU, which has an
 * APIC, and room for more; the topology is that of all CPUs that the machine
 * may have.
 *
 * CPU is a JSON object of
 *     cpuid: what query-cpu-cpuid says of it
 *     mcg-cap: MCG_CAP (SDM vol. 3, 16.3.1.1)
 *     properties: what the realized CPU has in properties of the classes bit,
 *             minimum, flat and gate (tables/properties.tbl); tsc-frequency
 *             only if it was set
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "hw/i386/pc.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-cpu-introspection-target.h"
#include "qapi/qobject-input-visitor.h"
#include "qapi/qobject-output-visitor.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qnum.h"
#include "qom/qom-qobject.h"
#include "system/cpus.h"
#include "system/kvm.h"
#include "system/qtest.h"
#include "system/tcg.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-value.h"
#include "target/i386/ext/cpuid-query.h"
#include "target/i386/ext/model-expansion.h"
#include "target/i386/ext/realized-cpu.h"

#include X86_CPU_ACCEL_OPS
#include X86_CPU_DUMMY_THREADS
#include X86_CPU_MODEL_VISITORS

static CpuModelInfo *decode_model(const char *base64, Error **errp)
{
    gsize length;
    g_autofree char *text = (char *)g_base64_decode(base64, &length);
    g_autofree char *json = g_strndup(text, length);
    QObject *object = qobject_from_json(json, errp);
    CpuModelInfo *model = NULL;
    Visitor *v;

    if (!object) {
        return NULL;
    }
    v = qobject_input_visitor_new(object);
    visit_type_CpuModelInfo(v, NULL, &model, errp);
    visit_free(v);
    qobject_unref(object);
    return model;
}

static bool set_props(Object *cpu, QObject *props, Error **errp)
{
    const QDictEntry *entry;
    QDict *dict;

    if (!props) {
        return true;
    }
    dict = qobject_to(QDict, props);
    if (!dict) {
        error_setg(errp, "props is not an object");
        return false;
    }
    for (entry = qdict_first(dict); entry; entry = qdict_next(dict, entry)) {
        if (!object_property_set_qobject(cpu, qdict_entry_key(entry),
                                         qdict_entry_value(entry), errp)) {
            return false;
        }
    }
    return true;
}

/* What x86_cpu_pre_plug() sets; a CPU of the machine has it already. */
static void set_topology(X86CPU *cpu)
{
    const X86CPU *first = X86_CPU(first_cpu);

    cpu->env.topo_info = first->env.topo_info;
    bitmap_copy(cpu->env.avail_cpu_topo, first->env.avail_cpu_topo,
                CPU_TOPOLOGY_LEVEL__MAX);
    cpu->apic_id = x86_cpu_apic_id_from_index(
        X86_MACHINE(qdev_get_machine()), 1);
}

static X86CPU *create(const CpuModelInfo *model, Error **errp)
{
    ObjectClass *oc = cpu_class_by_name(CPU_RESOLVING_TYPE, model->name);
    Object *obj;

    if (!oc) {
        error_setg(errp, "CPU model '%s' not found", model->name);
        return NULL;
    }
    obj = object_new_with_class(oc);
    if (!set_props(obj, model->props, errp) ||
        !x86_cpu_check_evaluation(errp)) {
        object_unref(obj);
        return NULL;
    }
    return X86_CPU(obj);
}

static QObject *cpuid_of(X86CPU *cpu)
{
    g_autoptr(CpuCpuidInfo) info = x86_cpu_configured_cpuid(cpu);
    QObject *object;
    Visitor *v = qobject_output_visitor_new(&object);

    visit_type_CpuCpuidInfo(v, NULL, &info, &error_abort);
    visit_complete(v, &object);
    visit_free(v);
    return object;
}

static bool gates(X86CpuClass class)
{
    return class == X86CPU_CLASS_BIT || class == X86CPU_CLASS_MINIMUM ||
           class == X86CPU_CLASS_FLAT || class == X86CPU_CLASS_GATE;
}

static QDict *list_properties(X86CPU *cpu)
{
    const X86CpuTables *tables = x86_cpu_core_tables();
    QDict *dict = qdict_new();
    int i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        const char *name = x86cpu_property_names[i];

        if (gates(tables->properties[i].class) &&
            object_property_find(OBJECT(cpu), name)) {
            qdict_put_obj(dict, name, object_property_get_qobject(
                OBJECT(cpu), name, &error_abort));
        }
    }
    /* KVM has put its own there if none was set. */
    qdict_put_int(dict, "tsc-frequency", cpu->env.user_tsc_khz * 1000);
    return dict;
}

static QDict *describe(X86CPU *cpu)
{
    QDict *dict = qdict_new();

    qdict_put_obj(dict, "cpuid", cpuid_of(cpu));
    qdict_put(dict, "mcg-cap", qnum_from_uint(cpu->env.mcg_cap));
    qdict_put(dict, "properties", list_properties(cpu));
    return dict;
}

/* A dummy thread waits for the signal, once it is there. */
static void kick_dummy_thread(CPUState *cs)
{
    if (cs->created) {
        cpus_kick_thread(cs);
    }
}

/*
 * TCG allows for as many threads of vCPUs, one after the other, as the machine
 * has CPUs; the thread of a vCPU that runs nothing does as well.
 */
static const AccelOpsClass *swap_threads(void)
{
    static AccelOpsClass dummy;
    const AccelOpsClass *ops = cpus_get_accel();

    dummy = *ops;
    if (tcg_enabled()) {
        dummy.create_vcpu_thread = dummy_start_vcpu_thread;
        dummy.kick_vcpu_thread = kick_dummy_thread;
    }
    cpus_register_accel(&dummy);
    return ops;
}

/* QEMU keeps KVM's vCPU for the next one: it gets the host's frequency back. */
static void reset_tsc_frequency(X86CPU *cpu)
{
#ifdef CONFIG_KVM
    if (kvm_enabled() && cpu->env.user_tsc_khz) {
        kvm_vcpu_ioctl(CPU(cpu), KVM_SET_TSC_KHZ, 0);
    }
#endif
}

/*
 * Not through the property "realized": the machine would plug the CPU in, and
 * only takes those of its own model.
 */
static QDict *realize(X86CPU *cpu, Error **errp)
{
    ERRP_GUARD();
    DeviceState *dev = DEVICE(cpu);
    DeviceClass *dc = DEVICE_GET_CLASS(dev);
    const AccelOpsClass *ops = swap_threads();
    QDict *dict = NULL;

    set_topology(cpu);
    dc->realize(dev, errp);
    if (!*errp) {
        dict = describe(cpu);
        reset_tsc_frequency(cpu);
        dc->unrealize(dev);
        if (kvm_enabled() && CPU(cpu)->kvm_vcpu_stats_fd >= 0) {
            /* QEMU keeps it open: one more with every vCPU. */
            close(CPU(cpu)->kvm_vcpu_stats_fd);
        }
    }
    cpus_register_accel(ops);
    return dict;
}

static QDict *look_at(const char *base64, Error **errp)
{
    g_autoptr(CpuModelInfo) model = decode_model(base64, errp);
    QDict *dict = NULL;
    X86CPU *cpu;

    if (!model || !x86_cpu_begin_evaluation(model, errp)) {
        return NULL;
    }
    cpu = create(model, errp);
    if (cpu) {
        x86_cpu_refuse_in_evaluation();
        /* Its APIC has to have a path. */
        object_property_add_child(qdev_get_machine(), "x86-cpu-realized",
                                  OBJECT(cpu));
        dict = realize(cpu, errp);
        object_unparent(OBJECT(cpu));
        object_unref(OBJECT(cpu));
    }
    x86_cpu_end_evaluation();
    return dict;
}

/* With --preconfig, there is no CPU yet. */
static bool has_room(void)
{
    const MachineState *ms = MACHINE(qdev_get_machine());

    return object_dynamic_cast(OBJECT(ms), TYPE_PC_MACHINE) && first_cpu &&
           !CPU_NEXT(first_cpu) && X86_CPU(first_cpu)->apic_state &&
           ms->smp.max_cpus > 1;
}

static bool process_command(X86CPUQtestChardev *chr, char **words)
{
    g_autoptr(QDict) dict = NULL;
    Error *err = NULL;

    if (strcmp(words[0], "x86-cpu-realized")) {
        return false;
    }
    if (!words[1]) {
        error_setg(&err, "x86-cpu-realized takes a CPU model");
    } else if (!has_room()) {
        error_setg(&err, "x86-cpu-realized needs a PC with one CPU, which has "
                   "an APIC, and room for more");
    } else {
        dict = look_at(words[1], &err);
    }
    if (dict) {
        g_autoptr(GString) json = qobject_to_json(QOBJECT(dict));

        qtest_sendf(chr, "OK %s\n", json->str);
    } else {
        /* A reply is one line. */
        g_autofree char *text = g_strdelimit(
            g_strdup(error_get_pretty(err)), "\r\n", ' ');

        qtest_sendf(chr, "FAIL %s\n", text);
        error_free(err);
    }
    return true;
}

void x86_cpu_realized_init(void)
{
    qtest_set_command_cb(process_command);
}
