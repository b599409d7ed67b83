/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * query-cpu-features
 *
 * What it says of the host is judged by the host's own CPUID and by what
 * /dev/kvm says, read here.
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"
#include "x86-cpu-target.h"
#include "x86-host-cpu.h"

/* The answer, by name */
static QDict *query(QTestState *qts)
{
    g_autoptr(QDict) resp = qtest_qmp(qts, "{'execute': "
                                      "'query-cpu-features'}");
    QDict *features = qdict_new();
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(resp, "return"), e) {
        QDict *feature = qobject_to(QDict, qlist_entry_obj(e));
        const char *name = qdict_get_str(feature, "name");

        g_assert(!qdict_haskey(features, name));
        g_assert(*qdict_get_str(feature, "description"));
        qdict_put(features, name, qobject_ref(feature));
    }
    return features;
}

static char *join(QDict *feature, const char *member)
{
    GString *text = g_string_new(NULL);
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(feature, member), e) {
        QString *name = qobject_to(QString, qlist_entry_obj(e));

        g_string_append_printf(text, "%s%s", text->len ? " " : "",
                               qstring_get_str(name));
    }
    return g_string_free(text, false);
}

/* The member "requires": "a b|c" for a and one of b and c */
static char *join_requires(QDict *feature)
{
    GString *text = g_string_new(NULL);
    QListEntry *outer, *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(feature, "requires"), outer) {
        QList *names = qobject_to(QList, qlist_entry_obj(outer));
        const char *separator = text->len ? " " : "";

        g_assert(names && !qlist_empty(names));
        QLIST_FOREACH_ENTRY(names, e) {
            QString *name = qobject_to(QString, qlist_entry_obj(e));

            g_string_append_printf(text, "%s%s", separator,
                                   qstring_get_str(name));
            separator = "|";
        }
    }
    return g_string_free(text, false);
}

typedef struct FeatureCase {
    const char *name;
    const char *aliases;
    const char *requires;
    const char *cpuinfo;
    const char *libvirt;
    bool supported;             /* with TCG */
    bool migratable;
} FeatureCase;

static const FeatureCase cases[] = {
    { "avx2", "", "", "avx2", "avx2", true, true },
    { "avx512f", "", "", "avx512f", "avx512f", false, true },
    { "pni", "sse3", "", "pni", "pni", true, true },
    { "sse4.1", "sse4-1 sse4_1", "", "sse4_1", "sse4.1", true, true },
    { "pclmulqdq", "pclmuldq", "", "pclmulqdq", "pclmuldq", true, true },
    { "lahf-lm", "lahf_lm", "", "lahf_lm", "lahf_lm", true, true },
    { "invtsc", "", "", "nonstop_tsc constant_tsc", "invtsc", false, false },
    { "spec-ctrl", "", "", "ibrs ibpb", "spec-ctrl", false, true },
    { "virt-ssbd", "", "", "virt_ssbd ssbd", "virt-ssbd", false, true },
    { "vmx-flexpriority", "", "vmx", "vtpr tpr_shadow flexpriority apicv",
      "vmx-flexpriority", false, true },
    { "kvmclock", "", "", "", "", false, true },
    { "npt", "", "svm", "npt", "npt", true, true },
    { "vmx-unrestricted-guest", "", "vmx-secondary-ctls vmx-ept",
      "unrestricted_guest", "vmx-unrestricted-guest", false, true },
    { "avx10", "", "avx10-128|avx10-256|avx10-512", "", "avx10", false,
      true },
    { "avx10-256", "", "avx10-128 avx10", "", "avx10-256", false, true },
    /* Two bits, with a dependency of their own each */
    { "vmx-invept-single-context", "", "vmx-ept vmx-vpid", "",
      "vmx-invept-single-context", false, true },
    /* cpu_x86_cpuid() needs xsave for the leaf. */
    { "xsaveopt", "", "xsave", "xsaveopt", "xsaveopt", true, true },
    { "rdctl-no", "", "arch-capabilities", "", "rdctl-no", true, true },
};

static void test_tcg(void)
{
    QTestState *qts = qtest_init("-machine none -accel tcg");
    g_autoptr(QDict) features = query(qts);
    size_t i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        const FeatureCase *c = &cases[i];
        QDict *feature = qdict_get_qdict(features, c->name);
        g_autofree char *aliases = join(feature, "aliases");
        g_autofree char *requires = join_requires(feature);
        g_autofree char *cpuinfo = join(feature, "cpuinfo");

        g_assert_cmpstr(aliases, ==, c->aliases);
        g_assert_cmpstr(requires, ==, c->requires);
        g_assert_cmpstr(cpuinfo, ==, c->cpuinfo);
        g_assert_cmpstr(qdict_get_try_str(feature, "libvirt") ?: "", ==,
                        c->libvirt);
        g_assert_cmpint(qdict_get_bool(feature, "supported"), ==,
                        c->supported);
        g_assert_cmpint(qdict_get_bool(feature, "migratable"), ==,
                        c->migratable);
        g_assert(!qdict_haskey(feature, "kernel"));
    }
    qtest_quit(qts);
}

/* With TCG, the machine type plays no part. */
static void test_machine_types(void)
{
    static const char *const machines[] = { "pc", "q35", "microvm", "isapc" };
    QTestState *qts = qtest_init("-machine none -accel tcg");
    g_autoptr(QDict) expected = query(qts);
    size_t i;

    qtest_quit(qts);
    for (i = 0; i < ARRAY_SIZE(machines); i++) {
        g_autoptr(QDict) features = NULL;

        if (!qtest_has_machine(machines[i])) {
            continue;
        }
        qts = qtest_initf("-machine %s -accel tcg -cpu qemu64,-sse2",
                          machines[i]);
        features = query(qts);
        g_assert(qobject_is_equal(QOBJECT(features), QOBJECT(expected)));
        qtest_quit(qts);
    }
}

/* All features that are not capabilities */
static const struct {
    const char *name;
    const char *polarity;
} polarities[] = {
    { "rsba", "limitation" },
    { "fdp-excptn-only", "limitation" },
    { "zero-fcs-fds", "limitation" },
    { "no-nested-data-bp", "limitation" },
    { "fs-gs-base-ns", "limitation" },
    { "kvm-hint-dedicated", "hint" },
    { "stibp-always-on", "hint" },
    { "ht", "topology" },
    { "cmp-legacy", "topology" },
};

static void test_polarity(void)
{
    QTestState *qts = qtest_init("-machine none");
    g_autoptr(QDict) features = query(qts);
    const QDictEntry *e;
    size_t i;

    for (i = 0; i < ARRAY_SIZE(polarities); i++) {
        QDict *feature = qdict_get_qdict(features, polarities[i].name);

        if (!feature && !strcmp(polarities[i].name, "fs-gs-base-ns")) {
            continue;           /* QEMU 10.0 */
        }
        g_assert_cmpstr(qdict_get_str(feature, "polarity"), ==,
                        polarities[i].polarity);
        qdict_del(features, polarities[i].name);
    }
    for (e = qdict_first(features); e; e = qdict_next(features, e)) {
        QDict *feature = qobject_to(QDict, qdict_entry_value(e));

        g_assert_cmpstr(qdict_get_str(feature, "polarity"), ==,
                        "capability");
    }
    qtest_quit(qts);
}

/* Every f-* property has its entry, and every entry its property. */
static void test_complete(void)
{
    QTestState *qts = qtest_init("-machine none");
    g_autofree char *type = with_cpu_types("qemu64-x86_64-cpu");
    g_autoptr(QDict) features = query(qts);
    g_autoptr(QDict) resp = NULL;
    size_t flags = 0;
    QListEntry *e;

    resp = qtest_qmp(qts, "{'execute': 'qom-list-properties', 'arguments': {"
                     " 'typename': %s}}", type);
    QLIST_FOREACH_ENTRY(qdict_get_qlist(resp, "return"), e) {
        QDict *prop = qobject_to(QDict, qlist_entry_obj(e));
        const char *name = qdict_get_str(prop, "name");

        if (g_str_has_prefix(name, "f-")) {
            g_assert(qdict_haskey(features, name + 2));
            flags++;
        }
    }
    g_assert_cmpint(flags, ==, qdict_size(features));
    qtest_quit(qts);
}

/* Whether all places of @feature, all of them CPUID bits, are at the host */
static bool all_places(QDict *feature, bool (*has)(uint32_t, uint32_t,
                                                   const char *, int))
{
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(feature, "places"), e) {
        QDict *place = qobject_to(QDict, qlist_entry_obj(e));
        QDict *bit = qdict_get_qdict(place, "cpuid");

        if (!has(qdict_get_int(bit, "leaf"), qdict_get_int(bit, "subleaf"),
                 qdict_get_str(bit, "register"), qdict_get_int(bit, "bit"))) {
            return false;
        }
    }
    return true;
}

/* Of every CPUID feature, what the host itself says */
static void test_host(const void *accel)
{
    bool kvm = !strcmp(accel, "kvm");
    QTestState *qts = qtest_initf("-machine none -accel %s",
                                  (const char *)accel);
    g_autoptr(QDict) features = query(qts);
    const QDictEntry *e;
    unsigned judged = 0;

    for (e = qdict_first(features); e; e = qdict_next(features, e)) {
        QDict *feature = qobject_to(QDict, qdict_entry_value(e));
        QList *places = qdict_get_qlist(feature, "places");
        QDict *place = qobject_to(QDict, qlist_peek(places));
        g_autofree char *said = NULL, *right = NULL;
        bool hypervisor;

        g_assert_cmpint(qdict_haskey(feature, "kernel"), ==, kvm);
        if (!qdict_haskey(place, "cpuid")) {
            g_assert(!qdict_haskey(feature, "hardware"));
            continue;
        }
        hypervisor = (qdict_get_int(qdict_get_qdict(place, "cpuid"), "leaf") &
                      0xf0000000) == 0x40000000;
        g_assert_cmpint(qdict_haskey(feature, "hardware"), ==, !hypervisor);

        said = g_strdup_printf(
            "%s: hardware %d, kernel %d", qdict_entry_key(e),
            qdict_get_try_bool(feature, "hardware", false),
            qdict_get_try_bool(feature, "kernel", false));
        right = g_strdup_printf(
            "%s: hardware %d, kernel %d", qdict_entry_key(e),
            !hypervisor && all_places(feature, host_cpu_has),
            kvm && all_places(feature, host_kvm_offers));
        g_assert_cmpstr(said, ==, right);
        judged++;
    }
    g_assert_cmpint(judged, >, 200);
    qtest_quit(qts);
}

static void test_skipped(void)
{
    const char *reason;

    if (host_kvm_opens(&reason)) {
        reason = "this QEMU is built without KVM";
    }
    g_test_skip(reason);
}

int main(int argc, char **argv)
{
    const char *reason;

    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/x86/cpu/features/complete", test_complete);
    qtest_add_func("/x86/cpu/features/polarity", test_polarity);
    if (qtest_has_accel("tcg")) {
        qtest_add_func("/x86/cpu/features/tcg", test_tcg);
        qtest_add_func("/x86/cpu/features/machine-types",
                       test_machine_types);
#ifdef CONFIG_CPUID_H
        qtest_add_data_func("/x86/cpu/features/host/tcg", "tcg", test_host);
#endif
    }
    if (host_kvm_opens(&reason) && qtest_has_accel("kvm")) {
        qtest_add_data_func("/x86/cpu/features/host/kvm", "kvm", test_host);
    } else {
        qtest_add_func("/x86/cpu/features/host/kvm", test_skipped);
    }
    return g_test_run();
}
