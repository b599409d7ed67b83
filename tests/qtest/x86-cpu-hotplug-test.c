/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CPUs that device_add refuses, and CPUs that are unplugged
 *
 * Neither leaves anything behind: the CPU is in no list, the guest runs on
 * and resets, and its place is free for another one.
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "x86-cpu-target.h"

#define CACHES_MISSING \
    "l1d-cache-info is missing: a CPU model without caches of its own needs " \
    "l1d-cache-info, l1i-cache-info, l2-cache-info and l3-cache-info"

#define ICH9_CPU_HOTPLUG_IO_BASE 0x0cd8

typedef struct Refusal {
    const char *name;
    /* The model that the machine is started with, too */
    const char *model;
    /* The properties of the second CPU */
    const char *props;
    const char *error;
    /* What QEMU 11 and newer say instead, or NULL */
    const char *newer_error;
} Refusal;

/* Each is refused at another step of x86_cpu_realizefn(). */
static const Refusal refusals[] = {
    { "enforce", "base", "'enforce': true, 'vmx-ept': true", NULL },
    { "cache-info", "Skylake-Client",
      "'l2-cache-info': '512K:line=64:ways=8:sets=1024:share=core'",
      CACHES_MISSING },
    { "legacy-cache", "Skylake-Client", "'legacy-cache': false",
      "CPU model 'Skylake-Client' doesn't support legacy-cache=off" },
    { "phys-bits/low", "EPYC", "'host-phys-bits': false, 'phys-bits': 20",
      "phys-bits should be between 32 and 52  (but is 20)",
      "phys-bits should be at least 32 (but is 20)" },
    { "phys-bits/high", "EPYC", "'host-phys-bits': false, 'phys-bits': 60",
      "phys-bits should be between 32 and 52  (but is 60)",
      "phys-bits should be at most 52 (but is 60)" },
    { "phys-bits/32-bit", "qemu32",
      "'host-phys-bits': false, 'phys-bits': 36",
      "phys-bits is not user-configurable in 32 bit" },
    { "guest-phys-bits", "EPYC",
      "'host-phys-bits': false, 'phys-bits': 40, 'guest-phys-bits': 41",
      "guest-phys-bits should be between 32 and 40  (but is 41)" },
    { "guest-phys-bits/32-bit", "qemu32", "'guest-phys-bits': 36",
      "guest-phys-bits is not user-configurable in 32 bit" },
};

typedef struct Case {
    const Refusal *refusal;
    const char *accel;
} Case;

static QDict *plug(QTestState *qts, const char *model, const char *props)
{
    g_autofree char *text = g_strdup_printf(
        "{'execute': 'device_add', 'arguments': {"
        " 'driver': '%s-%s-cpu', 'id': 'cpu1', 'socket-id': 0,"
        " 'core-id': 1, 'thread-id': 0%s%s}}", model, qtest_get_arch(),
        *props ? ", " : "", props);

    return qtest_qmp(qts, "%p", qobject_from_json(text, &error_abort));
}

/* How many CPUs there are; each of them must have its properties */
static int count_cpus(QTestState *qts)
{
    g_autoptr(QDict) resp = qtest_qmp(qts, "{'execute': 'query-cpus-fast'}");
    QListEntry *e;
    int count = 0;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(resp, "return"), e) {
        QDict *cpu = qobject_to(QDict, qlist_entry_obj(e));
        g_autoptr(QDict) got = qtest_qmp(
            qts, "{'execute': 'qom-get', 'arguments': {'path': %s,"
            " 'property': 'realized'}}", qdict_get_str(cpu, "qom-path"));

        g_assert(qdict_get_bool(got, "return"));
        count++;
    }
    return count;
}

/* error: what is said, or NULL if that depends */
static void refuse(QTestState *qts, const char *model, const char *props,
                   const char *error)
{
    QDict *resp = plug(qts, model, props);

    g_assert(qdict_haskey(resp, "error"));
    if (error) {
        g_assert_cmpstr(qdict_get_str(qdict_get_qdict(resp, "error"), "desc"),
                        ==, error);
    }
    qobject_unref(resp);
    g_assert_cmpint(count_cpus(qts), ==, 1);
}

static void test_refused(const void *data)
{
    const Refusal *r = ((const Case *)data)->refusal;
    const char *error = r->newer_error && qtest_has_machine("pc-q35-11.0")
                        ? r->newer_error : r->error;
    QTestState *qts;
    QDict *resp;
    int i;

    if (!target_has_long_mode() && strstr(r->props, "'phys-bits'")) {
        error = "phys-bits is not user-configurable in 32 bit";
    }
    qts = qtest_initf("-M q35 -accel %s -cpu %s -smp 1,maxcpus=2,cores=2",
                      ((const Case *)data)->accel, r->model);
    /* More than once: what is freed by one is used by the next. */
    for (i = 0; i < 3; i++) {
        refuse(qts, r->model, r->props, error);
    }
    qtest_qmp_assert_success(qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(qts, "RESET");

    resp = plug(qts, r->model, "");
    g_assert(!qdict_haskey(resp, "error"));
    qobject_unref(resp);
    g_assert_cmpint(count_cpus(qts), ==, 2);
    qtest_quit(qts);
}

/* As a guest does it: docs/specs/acpi_cpu_hotplug.rst */
static void eject(QTestState *qts, uint32_t index)
{
    /* The first write of 0 leaves the legacy interface. */
    qtest_outl(qts, ICH9_CPU_HOTPLUG_IO_BASE, 0);
    qtest_outl(qts, ICH9_CPU_HOTPLUG_IO_BASE, index);
    qtest_outb(qts, ICH9_CPU_HOTPLUG_IO_BASE + 4, 1 << 3);
}

/*
 * QEMU says DEVICE_DELETED when the CPU is freed.  That is not at once, for
 * others may still be using its memory regions.
 */
static bool is_deleted(QTestState *qts)
{
    int64_t end = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;
    QDict *event;

    while (g_get_monotonic_time() < end) {
        /* Events are received together with answers. */
        qtest_qmp_assert_success(qts, "{'execute': 'query-status'}");
        event = qtest_qmp_event_ref(qts, "DEVICE_DELETED");
        if (event) {
            QDict *data = qdict_get_qdict(event, "data");
            bool ours = g_str_equal(qdict_get_try_str(data, "device") ?: "",
                                    "cpu1");

            qobject_unref(event);
            if (ours) {
                return true;
            }
        }
        g_usleep(10000);
    }
    return false;
}

/*
 * KVM takes no APIC but the kernel's.  The first CPU needs none, so that QEMU
 * starts.
 */
static void test_no_apic(void)
{
    QTestState *qts;
    int i;

    qts = qtest_init("-M q35,kernel-irqchip=off -accel kvm"
                     " -cpu qemu64,apic=off -smp 1,maxcpus=2,cores=2");
    for (i = 0; i < 3; i++) {
        refuse(qts, "qemu64", "'apic': true",
               "KVM does not support userspace APIC");
    }
    qtest_qmp_assert_success(qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(qts, "RESET");
    qtest_quit(qts);
}

static void test_unplugged(const void *data)
{
    const char *accel = data;
    QTestState *qts;
    QDict *resp;
    int i;

    /* More CPUs, one after the other, than there can be at a time */
    qts = qtest_initf("-M q35 -accel %s -cpu qemu64"
                      " -smp 1,maxcpus=2,cores=2", accel);
    for (i = 0; i < 5; i++) {
        resp = plug(qts, "qemu64", "");
        g_assert(!qdict_haskey(resp, "error"));
        qobject_unref(resp);
        g_assert_cmpint(count_cpus(qts), ==, 2);

        eject(qts, 1);
        g_assert_cmpint(count_cpus(qts), ==, 1);
        g_assert(is_deleted(qts));
    }
    qtest_qmp_assert_success(qts, "{'execute': 'system_reset'}");
    qtest_qmp_eventwait(qts, "RESET");
    g_assert_cmpint(count_cpus(qts), ==, 1);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    static const char *const accels[] = { "tcg", "kvm" };
    int i, j;

    g_test_init(&argc, &argv, NULL);

    for (i = 0; i < ARRAY_SIZE(accels); i++) {
        g_autofree char *unplugged = g_strdup_printf(
            "/x86/cpu/hotplug/%s/unplug", accels[i]);

        if (!qtest_has_accel(accels[i])) {
            continue;
        }
        qtest_add_data_func(unplugged, accels[i], test_unplugged);
        for (j = 0; j < ARRAY_SIZE(refusals); j++) {
            g_autofree char *path = g_strdup_printf(
                "/x86/cpu/hotplug/%s/%s", accels[i], refusals[j].name);
            Case *c = g_new(Case, 1);

            *c = (Case) { &refusals[j], accels[i] };
            qtest_add_data_func_full(path, c, test_refused, g_free);
        }
    }
    if (qtest_has_accel("kvm")) {
        qtest_add_func("/x86/cpu/hotplug/kvm/no-apic", test_no_apic);
    }
    return g_test_run();
}
