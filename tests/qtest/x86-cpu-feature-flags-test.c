/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The f-* properties of x86 CPUs
 *
 * How they are written, read and listed.  That what they read is what a
 * guest sees is tested with guests, by tests/guest/test_feature_flags.py of
 * the patch set's repository.
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "x86-cpu-target.h"

#define CPU0 "/machine/unattached/device[0]"

static QDict *qom_get(QTestState *qts, const char *path, const char *prop)
{
    return qtest_qmp(qts, "{'execute': 'qom-get', 'arguments': {"
                     " 'path': %s, 'property': %s}}", path, prop);
}

static bool get_bool(QTestState *qts, const char *path, const char *prop)
{
    g_autoptr(QDict) resp = qom_get(qts, path, prop);

    g_assert(qdict_haskey(resp, "return"));
    return qdict_get_bool(resp, "return");
}

static void assert_error(QDict *resp, const char *expected)
{
    g_autofree char *error = with_cpu_types(expected);

    g_assert(qdict_haskey(resp, "error"));
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(resp, "error"), "desc"), ==,
                    error);
    qobject_unref(resp);
}

typedef struct FlagCase {
    const char *name;
    const char *args;
    const char *prop;
    bool expected;
} FlagCase;

static const FlagCase cases[] = {
    { "read/model", "-cpu EPYC", "f-avx2", true },
    { "read/not-there", "-cpu EPYC", "f-avx512f", false },
    { "read/two-bits", "-cpu EPYC,+kvmclock", "f-kvmclock", false },
    { "read/dotted", "-cpu EPYC", "f-sse4.1", true },

    /* Written as the plain property is; the last one wins */
    { "write/on", "-cpu qemu64,f-avx2=on", "f-avx2", true },
    { "write/on/plain", "-cpu qemu64,f-avx2=on", "avx2", true },
    { "write/off", "-cpu EPYC,f-avx2=off", "f-avx2", false },
    { "write/bare", "-cpu qemu64,f-avx2", "f-avx2", true },
    { "write/plus", "-cpu qemu64,+f-avx2", "f-avx2", true },
    { "write/minus", "-cpu EPYC,-f-avx2", "f-avx2", false },
    { "write/last-wins/flag-on", "-cpu EPYC,avx2=off,f-avx2=on", "f-avx2",
      true },
    { "write/last-wins/flag-off", "-cpu EPYC,avx2=on,f-avx2=off", "f-avx2",
      false },
    { "write/last-wins/plain-on", "-cpu EPYC,f-avx2=off,avx2=on", "f-avx2",
      true },
    { "write/last-wins/plain-off", "-cpu EPYC,f-avx2=on,avx2=off", "f-avx2",
      false },
    { "write/minus-wins", "-cpu EPYC,-avx2,f-avx2=on", "f-avx2", false },
    { "write/plus-wins", "-cpu EPYC,+avx2,f-avx2=off", "f-avx2", true },
    { "write/global", "-cpu qemu64 -global qemu64-x86_64-cpu.f-avx2=on",
      "f-avx2", true },

    /* What is asked for and what the guest sees are two things */
    { "seen/unsupported", "-cpu EPYC,f-avx512f=on", "f-avx512f", false },
    { "seen/forced", "-cpu EPYC,f-avx512f=on,x-force-features=on",
      "f-avx512f", true },
    { "seen/level", "-cpu Skylake-Client,xlevel=0x80000000", "f-abm", false },
    { "seen/level/plain", "-cpu Skylake-Client,xlevel=0x80000000", "abm",
      true },
    { "seen/hidden", "-cpu Skylake-Client,xsave=off", "f-xgetbv1", false },
};

/* Intel's CPUs have it in long mode alone. */
static const FlagCase long_mode = {
    "seen/syscall", "-cpu Skylake-Client", "f-syscall", true
};
static const FlagCase no_long_mode = {
    "seen/no-syscall", "-cpu Skylake-Client", "f-syscall", false
};

static void test_case(const void *data)
{
    const FlagCase *c = data;
    g_autofree char *args = with_cpu_types(c->args);
    QTestState *qts = qtest_initf("-S -accel tcg %s", args);

    g_assert_cmpint(get_bool(qts, CPU0, c->prop), ==, c->expected);
    qtest_quit(qts);
}

static void test_hotplug(void)
{
    QTestState *qts = qtest_init("-S -accel tcg -cpu EPYC "
                                 "-smp 1,maxcpus=2");
    g_autofree char *type = with_cpu_types("EPYC-x86_64-cpu");

    qtest_qmp_device_add(qts, type, "cpu1",
                         "{'socket-id': 0, 'core-id': 1, 'thread-id': 0,"
                         " 'f-avx2': false}");
    g_assert(!get_bool(qts, "/machine/peripheral/cpu1", "f-avx2"));
    g_assert(get_bool(qts, CPU0, "f-avx2"));
    qtest_quit(qts);
}

static void test_errors(void)
{
    QTestState *qts = qtest_init("-S -accel tcg -cpu EPYC "
                                 "-smp 1,maxcpus=2");
    g_autofree char *type = with_cpu_types("EPYC-x86_64-cpu");

    assert_error(qtest_qmp(qts, "{'execute': 'qom-set', 'arguments': {"
                           " 'path': %s, 'property': 'f-avx2',"
                           " 'value': false}}", CPU0),
                 "Attempt to set property 'f-avx2' on anonymous device "
                 "(type 'EPYC-x86_64-cpu') after it was realized");
    /* On some lines, it sets features, too. */
    assert_error(qtest_qmp(qts, "{'execute': 'qom-set', 'arguments': {"
                           " 'path': %s, 'property': 'avx10-version',"
                           " 'value': 40}}", CPU0),
                 "Attempt to set property 'avx10-version' on anonymous "
                 "device (type 'EPYC-x86_64-cpu') after it was realized");
    assert_error(qom_get(qts, CPU0, "f-xyzzy"),
                 "Property 'EPYC-x86_64-cpu.f-xyzzy' not found");
    assert_error(qtest_qmp(qts, "{'execute': 'device_add', 'arguments': {"
                           " 'driver': %s, 'socket-id': 0,"
                           " 'core-id': 1, 'thread-id': 0,"
                           " 'f-xyzzy': true}}", type),
                 "Property 'EPYC-x86_64-cpu.f-xyzzy' not found");
    assert_error(qtest_qmp(qts, "{'execute': 'query-cpu-model-expansion',"
                           " 'arguments': {'type': 'full', 'model': {"
                           " 'name': 'EPYC', 'props': {'f-avx2': 'maybe'}}}}"),
                 "Invalid parameter type for 'model.props.f-avx2', "
                 "expected: boolean");
    /* Alive, and unchanged */
    g_assert(get_bool(qts, CPU0, "f-avx2"));
    qtest_quit(qts);
}

static QDict *properties(QTestState *qts, const char *command)
{
    QDict *all = qdict_new();
    g_autofree char *type = with_cpu_types("EPYC-x86_64-cpu");
    g_autoptr(QDict) resp = qtest_qmp(qts, "{'execute': %s, 'arguments': {"
                                      " 'typename': %s}}", command, type);
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(resp, "return"), e) {
        QDict *prop = qobject_to(QDict, qlist_entry_obj(e));

        qdict_put(all, qdict_get_str(prop, "name"), qobject_ref(prop));
    }
    return all;
}

/* For management software that tells feature flags from other properties */
static void test_listed(const void *command)
{
    QTestState *qts = qtest_init("-machine none");
    g_autoptr(QDict) all = properties(qts, command);
    const QDictEntry *e;
    unsigned flags = 0;

    for (e = qdict_first(all); e; e = qdict_next(all, e)) {
        QDict *prop = qobject_to(QDict, qdict_entry_value(e));
        const char *name = qdict_entry_key(e);

        if (!strcmp(qdict_get_str(prop, "type"), "CpuFeatureFlag")) {
            QDict *plain = qdict_get_qdict(all, name + 2);

            /* libvirt reads each "bool", and has read the plain one */
            g_assert(g_str_has_prefix(name, "f-"));
            g_assert_cmpstr(qdict_get_str(plain, "type"), ==, "bool");
            g_assert(strstr(qdict_get_str(prop, "description"), " bit "));
            flags++;
        } else {
            g_assert(!g_str_has_prefix(name, "f-"));
        }
    }
    g_assert_cmpint(flags, >, 350);

    /* Where CPUID and MSR bits are, as a guest reads them */
    g_assert(g_str_has_suffix(
        qdict_get_str(qdict_get_qdict(all, "f-avx512f"), "description"),
        " (CPUID 07h EBX bit 16)"));
    g_assert(g_str_has_suffix(
        qdict_get_str(qdict_get_qdict(all, "f-avx512-bf16"), "description"),
        " (CPUID 07h.1 EAX bit 5)"));
    g_assert(g_str_has_suffix(
        qdict_get_str(qdict_get_qdict(all, "f-kvmclock"), "description"),
        " (CPUID 40000001h EAX bit 0, 3)"));
    g_assert(g_str_has_suffix(
        qdict_get_str(qdict_get_qdict(all, "f-rdctl-no"), "description"),
        " (MSR 10Ah bit 0)"));
    g_assert(g_str_has_suffix(
        qdict_get_str(qdict_get_qdict(all, "f-vmx-ept"), "description"),
        " (MSR 48Bh bit 33)"));

    /* Other properties, aliases and underscored spellings get none */
    g_assert(!qdict_haskey(all, "f-pmu"));
    g_assert(!qdict_haskey(all, "f-enforce"));
    g_assert(!qdict_haskey(all, "f-sse3"));
    g_assert(!qdict_haskey(all, "f-lahf_lm"));
    qtest_quit(qts);
}

/* In no expansion: each is there already, as the plain property */
static void test_expansion(const void *type)
{
    QTestState *qts = qtest_init("-S -accel tcg -cpu EPYC");
    g_autoptr(QDict) resp = NULL;
    const QDictEntry *e;
    QDict *props;

    resp = qtest_qmp(qts, "{'execute': 'query-cpu-model-expansion',"
                     " 'arguments': {'type': %s, 'model': {'name': 'EPYC',"
                     " 'props': {'f-avx512f': true, 'f-avx2': false}}}}",
                     (const char *)type);
    props = qdict_get_qdict(qdict_get_qdict(qdict_get_qdict(
        resp, "return"), "model"), "props");
    for (e = qdict_first(props); e; e = qdict_next(props, e)) {
        g_assert(!g_str_has_prefix(qdict_entry_key(e), "f-"));
    }
    g_assert(qdict_get_bool(props, "avx512f"));
    g_assert(!qdict_get_bool(props, "avx2"));
    g_assert(qdict_get_bool(props, "avx"));
    qtest_quit(qts);
}

static void add_case(const FlagCase *c)
{
    g_autofree char *path =
        g_strdup_printf("/x86/cpu/feature-flags/%s", c->name);

    qtest_add_data_func(path, c, test_case);
}

int main(int argc, char **argv)
{
    size_t i;

    g_test_init(&argc, &argv, NULL);

    if (!qtest_has_accel("tcg")) {
        return g_test_run();
    }
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        add_case(&cases[i]);
    }
    add_case(target_has_long_mode() ? &long_mode : &no_long_mode);
    qtest_add_func("/x86/cpu/feature-flags/hotplug", test_hotplug);
    qtest_add_func("/x86/cpu/feature-flags/errors", test_errors);
    qtest_add_data_func("/x86/cpu/feature-flags/listed/qom",
                        "qom-list-properties", test_listed);
    qtest_add_data_func("/x86/cpu/feature-flags/expansion/full", "full",
                        test_expansion);
    qtest_add_data_func("/x86/cpu/feature-flags/expansion/static", "static",
                        test_expansion);
    return g_test_run();
}
