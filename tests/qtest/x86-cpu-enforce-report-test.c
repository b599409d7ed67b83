/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What enforce=on tells when it stops a CPU
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qapi/error.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "x86-cpu-target.h"

#define REFUSAL "TCG doesn't support requested features"

/*
 * Starts QEMU with @cpu, which must fail, and returns what it wrote to
 * stderr.
 */
static char *refused(const char *cpu)
{
    const char *argv[] = {
        g_getenv("QTEST_QEMU_BINARY"), "-S", "-display", "none",
        "-accel", "tcg", "-cpu", cpu, NULL,
    };
    g_autoptr(GError) err = NULL;
    char *output = NULL;
    int status = 0;

    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                 NULL, NULL, &output, &status, &err);
    g_assert_no_error(err);
    g_assert(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    return output;
}

/* The lines of @output that are JSON objects; *@last is the last of them. */
static int json_lines(const char *output, QDict **last)
{
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
    int count = 0, i;

    for (i = 0; lines[i]; i++) {
        if (lines[i][0] == '{') {
            qobject_unref(*last);
            *last = qobject_to(QDict,
                               qobject_from_json(lines[i], &error_abort));
            g_assert(*last);
            count++;
        }
    }
    return count;
}

static void test_json(void)
{
    g_autofree char *output =
        refused("EPYC,+avx512f,enforce=on,enforce-report=json");
    g_autoptr(QDict) report = NULL;
    QListEntry *e;
    bool found = false;

    g_assert_cmpint(json_lines(output, &report), ==, 1);
    g_assert_cmpint(qdict_size(report), ==, 1);
    QLIST_FOREACH_ENTRY(qdict_get_qlist(report, "removed-features"), e) {
        QDict *entry = qobject_to(QDict, qlist_entry_obj(e));

        /* There is no kernel in this that could offer anything */
        g_assert_cmpstr(qdict_get_str(entry, "reason"), !=, "qemu");
        if (!strcmp(qdict_get_str(entry, "feature"), "avx512f")) {
            g_assert_cmpstr(qdict_get_str(entry, "reason"), ==,
                            "accelerator");
            g_assert_cmpstr(qdict_get_str(entry, "requested-by"), ==, "user");
            g_assert(qdict_get_bool(entry, "blocking"));
            found = true;
        }
    }
    g_assert(found);
    /* The message for people is there as ever */
    g_assert(strstr(output, REFUSAL "\n"));
}

static void test_text(const void *option)
{
    g_autofree char *cpu = g_strdup_printf("EPYC,+avx512f,enforce=on%s",
                                           (const char *)option);
    g_autofree char *output = refused(cpu);
    g_autoptr(QDict) report = NULL;

    g_assert_cmpint(json_lines(output, &report), ==, 0);
    g_assert(strstr(output, REFUSAL "\n"));
}

static void test_bad_value(void)
{
    g_autofree char *output = refused("EPYC,enforce-report=xml");

    g_assert(strstr(output, "does not accept value 'xml'"));
}

/* Nothing is missing: enforce does not stop, and nothing is reported. */
static void test_satisfied(void)
{
    QTestState *qts = qtest_init("-S -accel tcg -cpu max,enforce=on,"
                                 "enforce-report=json");

    qtest_quit(qts);
}

static void test_hotplug(void)
{
    QTestState *qts = qtest_init("-S -accel tcg -cpu base "
                                 "-smp 1,maxcpus=2");
    g_autofree char *type = with_cpu_types("base-x86_64-cpu");
    g_autoptr(QDict) resp = NULL;

    resp = qtest_qmp(qts, "{'execute': 'device_add', 'arguments': {"
                     " 'driver': %s, 'socket-id': 0,"
                     " 'core-id': 1, 'thread-id': 0, 'enforce': true,"
                     " 'avx512f': true, 'vmx-ept': true}}", type);
    g_assert(qdict_haskey(resp, "error"));
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(resp, "error"), "desc"), ==,
                    REFUSAL ": avx512f (accelerator), vmx-ept (dependency)");
    qobject_unref(resp);

    /* Alive, and the place is still free */
    resp = qtest_qmp(qts, "{'execute': 'device_add', 'arguments': {"
                     " 'driver': %s, 'socket-id': 0,"
                     " 'core-id': 1, 'thread-id': 0, 'enforce': true}}", type);
    g_assert(!qdict_haskey(resp, "error"));
    qtest_quit(qts);
}

/* It has been used by then, or never will be. */
static void test_realized(void)
{
    QTestState *qts = qtest_init("-S -accel tcg -cpu base");
    g_autoptr(QDict) resp = NULL;

    resp = qtest_qmp(qts, "{'execute': 'qom-set', 'arguments': {"
                     " 'path': '/machine/unattached/device[0]',"
                     " 'property': 'enforce-report', 'value': 'json'}}");
    g_assert(qdict_haskey(resp, "error"));
    g_assert(strstr(qdict_get_str(qdict_get_qdict(resp, "error"), "desc"),
                    "after it was realized"));
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    if (!qtest_has_accel("tcg")) {
        return g_test_run();
    }
    qtest_add_func("/x86/cpu/enforce-report/json", test_json);
    qtest_add_data_func("/x86/cpu/enforce-report/text",
                        ",enforce-report=text", test_text);
    qtest_add_data_func("/x86/cpu/enforce-report/default", "", test_text);
    qtest_add_func("/x86/cpu/enforce-report/bad-value", test_bad_value);
    qtest_add_func("/x86/cpu/enforce-report/satisfied", test_satisfied);
    qtest_add_func("/x86/cpu/enforce-report/hotplug", test_hotplug);
    qtest_add_func("/x86/cpu/enforce-report/realized", test_realized);
    return g_test_run();
}
