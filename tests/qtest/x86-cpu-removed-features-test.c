/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The property removed-features of x86 CPUs
 *
 * What is removed, who asked for it, and why; the reasons under KVM are
 * judged by the host's own CPUID and by what /dev/kvm says, read here.
 * That a guest really doesn't see what is removed is tested with guests,
 * by tests/guest/test_removed_features.py of the patch set's repository.
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qapi/error.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "qobject/qnum.h"
#include "qobject/qstring.h"
#include "x86-cpu-target.h"
#include "x86-host-cpu.h"

/* The QOM path of the CPU that was added last */
static char *last_cpu_path(QTestState *qts)
{
    g_autoptr(QDict) resp = qtest_qmp(qts, "{'execute': 'query-cpus-fast'}");
    QListEntry *entry;
    char *path = NULL;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(resp, "return"), entry) {
        QDict *cpu = qobject_to(QDict, qlist_entry_obj(entry));

        g_free(path);
        path = g_strdup(qdict_get_str(cpu, "qom-path"));
    }
    return path;
}

static QList *qom_get_list(QTestState *qts, const char *prop)
{
    g_autofree char *path = last_cpu_path(qts);
    g_autoptr(QDict) resp = qtest_qmp(qts, "{'execute': 'qom-get',"
                                      " 'arguments': {'path': %s,"
                                      " 'property': %s}}", path, prop);

    g_assert(qdict_haskey(resp, "return"));
    return qobject_ref(qdict_get_qlist(resp, "return"));
}

/* Appends "member name name" for a member that lists names, if it is there */
static void append_names(GString *text, QDict *entry, const char *member)
{
    QListEntry *e;

    if (!qdict_haskey(entry, member)) {
        return;
    }
    g_string_append_printf(text, " %s", member);
    QLIST_FOREACH_ENTRY(qdict_get_qlist(entry, member), e) {
        QString *name = qobject_to(QString, qlist_entry_obj(e));

        g_string_append_printf(text, " %s", qstring_get_str(name));
    }
}

/* Appends "requires a b|c" for a and one of b and c, if it is there */
static void append_requires(GString *text, QDict *entry)
{
    QListEntry *outer, *e;

    if (!qdict_haskey(entry, "requires")) {
        return;
    }
    g_string_append(text, " requires");
    QLIST_FOREACH_ENTRY(qdict_get_qlist(entry, "requires"), outer) {
        QList *names = qobject_to(QList, qlist_entry_obj(outer));
        const char *separator = " ";

        g_assert(names && !qlist_empty(names));
        QLIST_FOREACH_ENTRY(names, e) {
            QString *name = qobject_to(QString, qlist_entry_obj(e));

            g_string_append_printf(text, "%s%s", separator,
                                   qstring_get_str(name));
            separator = "|";
        }
    }
}

/*
 * An entry as text, with every member of it:
 * "avx512f accelerator blocking model 7.0.EBX.16"
 * "vmx-ept dependency - user msr48b.33 requires vmx-secondary-ctls"
 */
static char *entry_text(QDict *entry)
{
    GString *text = g_string_new(qdict_get_str(entry, "feature"));
    QListEntry *e;

    g_string_append_printf(text, " %s %s %s", qdict_get_str(entry, "reason"),
                           qdict_get_bool(entry, "blocking") ?
                           "blocking" : "-",
                           qdict_get_str(entry, "requested-by"));
    QLIST_FOREACH_ENTRY(qdict_get_qlist(entry, "places"), e) {
        QDict *place = qobject_to(QDict, qlist_entry_obj(e));

        g_assert_cmpint(qdict_size(place), ==, 1);
        if (qdict_haskey(place, "cpuid")) {
            QDict *bit = qdict_get_qdict(place, "cpuid");

            g_assert_cmpint(qdict_size(bit), ==, 4);
            g_string_append_printf(text, " %" PRIx64 ".%" PRIx64 ".%s.%d",
                                   qdict_get_int(bit, "leaf"),
                                   qdict_get_int(bit, "subleaf"),
                                   qdict_get_str(bit, "register"),
                                   (int)qdict_get_int(bit, "bit"));
        } else {
            QDict *bit = qdict_get_qdict(place, "msr");

            g_assert_cmpint(qdict_size(bit), ==, 2);
            g_string_append_printf(text, " msr%" PRIx64 ".%d",
                                   qdict_get_int(bit, "index"),
                                   (int)qdict_get_int(bit, "bit"));
        }
    }
    append_requires(text, entry);
    append_names(text, entry, "conflicts-with");
    g_assert_cmpint(qdict_size(entry), ==,
                    5 + qdict_haskey(entry, "requires") +
                    qdict_haskey(entry, "conflicts-with"));
    return g_string_free(text, false);
}

/* The text of the entries of @feature, separated by "; ", "" if none */
static char *entries_of(QList *list, const char *feature)
{
    GString *text = g_string_new("");
    QListEntry *e;

    QLIST_FOREACH_ENTRY(list, e) {
        QDict *entry = qobject_to(QDict, qlist_entry_obj(e));

        if (!strcmp(qdict_get_str(entry, "feature"), feature)) {
            g_autofree char *one = entry_text(entry);

            g_string_append_printf(text, "%s%s", text->len ? "; " : "", one);
        }
    }
    return g_string_free(text, false);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(a, b);
}

/* Inserts @name where it belongs, once */
static GList *add_name(GList *names, const char *name)
{
    return g_list_find_custom(names, name, compare_names) ? names :
           g_list_insert_sorted(names, (gpointer)name, compare_names);
}

/*
 * Blocking entries are what stock QEMU lists in unavailable-features, and
 * lowered values, which stock QEMU stops on without listing them.
 */
static void check_blocking(QTestState *qts, QList *removed)
{
    g_autoptr(GList) blocking = NULL;
    g_autoptr(GList) stock = NULL;
    g_autoptr(QList) unavailable = qom_get_list(qts, "unavailable-features");
    QListEntry *e;
    GList *a, *b;

    QLIST_FOREACH_ENTRY(removed, e) {
        QDict *entry = qobject_to(QDict, qlist_entry_obj(e));

        const char *feature = qdict_get_str(entry, "feature");

        if (qdict_get_bool(entry, "blocking") &&
            strcmp(feature, "avx10-version") && strcmp(feature, "lbr-fmt")) {
            blocking = add_name(blocking, feature);
        }
    }
    QLIST_FOREACH_ENTRY(unavailable, e) {
        QString *name = qobject_to(QString, qlist_entry_obj(e));

        /* Bits that have no name are "", and are not those of values */
        if (*qstring_get_str(name)) {
            stock = add_name(stock, qstring_get_str(name));
        }
    }
    for (a = blocking, b = stock; a && b; a = a->next, b = b->next) {
        g_assert_cmpstr(a->data, ==, b->data);
    }
    g_assert(!a && !b);
}

typedef struct RemovedCase {
    const char *name;
    const char *args;
    const char *feature;
    /* All entries of @feature, as by entries_of() */
    const char *expected;
} RemovedCase;

static const RemovedCase tcg_cases[] = {
    /* Who asked */
    { "requested-by/model", "-cpu Skylake-Server-v4", "avx512f",
      "avx512f accelerator blocking model 7.0.EBX.16" },
    { "requested-by/user/plus", "-cpu EPYC,+avx512f", "avx512f",
      "avx512f accelerator blocking user 7.0.EBX.16" },
    { "requested-by/user/on", "-cpu EPYC,avx512f=on", "avx512f",
      "avx512f accelerator blocking user 7.0.EBX.16" },
    { "requested-by/user/again", "-cpu Skylake-Server-v4,avx512f=on",
      "avx512f", "avx512f accelerator blocking user 7.0.EBX.16" },
    { "requested-by/user/global",
      "-cpu EPYC -global EPYC-x86_64-cpu.avx512f=on", "avx512f",
      "avx512f accelerator blocking user 7.0.EBX.16" },
    { "requested-by/user/flag", "-cpu EPYC,f-avx512f=on", "avx512f",
      "avx512f accelerator blocking user 7.0.EBX.16" },
    { "requested-by/user/alias", "-cpu EPYC,+nodeid_msr", "nodeid-msr",
      "nodeid-msr accelerator blocking user 80000001.0.ECX.19" },

    /* Where it lives */
    { "places/two-bits", "-cpu qemu64,+kvmclock", "kvmclock",
      "kvmclock accelerator - user 40000001.0.EAX.0 40000001.0.EAX.3" },
    { "places/subleaf", "-cpu SapphireRapids-v1", "avx512-bf16",
      "avx512-bf16 accelerator blocking model 7.1.EAX.5" },
    { "places/unnamed", "-cpu Skylake-Server-v4", "msr-48ch-14",
      "msr-48ch-14 dependency - model msr48c.14 requires vmx-ept" },

    { "places/amd-copy", "-cpu EPYC,vme=on", "vme",
      "vme accelerator blocking user 1.0.EDX.1 80000001.0.EDX.1" },
    { "places/amd-copy/level", "-cpu EPYC,xlevel=0x80000000",
      "cpuid-80000001h-edx-0",
      "cpuid-80000001h-edx-0 level - model 80000001.0.EDX.0" },

    /* Dependencies: silent for the model's, blocking for the user's */
    { "dependency/model", "-cpu Skylake-Server-v4", "vmx-ept",
      "vmx-ept dependency - model msr48b.33 requires vmx-secondary-ctls" },
    { "dependency/user", "-cpu qemu64,+vmx-ept", "vmx-ept",
      "vmx-ept dependency blocking user msr48b.33 "
      "requires vmx-secondary-ctls" },
    { "dependency/several", "-cpu qemu64,+vmx-unrestricted-guest",
      "vmx-unrestricted-guest",
      "vmx-unrestricted-guest dependency blocking user msr48b.39 "
      "requires vmx-secondary-ctls vmx-ept" },
    { "dependency/one-of-two",
      "-cpu qemu64,+vmx,+vmx-secondary-ctls,+vmx-unrestricted-guest",
      "vmx-unrestricted-guest",
      "vmx-unrestricted-guest dependency blocking user msr48b.39 "
      "requires vmx-ept" },
    { "dependency/any-of", "-cpu qemu64,+avx10", "avx10",
      "avx10 dependency blocking user 7.1.EDX.19 "
      "requires avx10-128|avx10-256|avx10-512" },
    { "dependency/any-of/met", "-cpu qemu64,+avx10,+avx10-128", "avx10",
      "avx10 accelerator blocking user 7.1.EDX.19" },
    { "dependency/met", "-cpu qemu64,+vmx,+vmx-secondary-ctls,+vmx-ept",
      "vmx-ept", "vmx-ept accelerator blocking user msr48b.33" },

    /* Numbers, not flags */
    { "value/avx10-version", "-cpu GraniteRapids-v2", "avx10-version",
      "avx10-version value blocking model 24.0.EBX.0" },
    { "value/avx10-version/user", "-cpu qemu64,+avx10,avx10-version=2",
      "avx10-version", "avx10-version value blocking user 24.0.EBX.1" },
    { "value/avx10-version/none", "-cpu GraniteRapids-v1", "avx10-version",
      "" },
    { "value/lbr-fmt", "-cpu qemu64,lbr-fmt=5", "lbr-fmt",
      "lbr-fmt value blocking user msr345.0 msr345.2" },

    /* What the accelerator turns off of its own accord */
    { "accelerator-default/vme", "-cpu Skylake-Client", "vme",
      "vme accelerator - model 1.0.EDX.1" },
    { "accelerator-default/vme/user", "-cpu Skylake-Client,vme=off", "vme",
      "" },
    { "accelerator-default/vme/asked-for", "-cpu Skylake-Client,vme=on",
      "vme", "vme accelerator blocking user 1.0.EDX.1" },

    /* There, but CPUID does not show it */
    { "level/leaf", "-cpu Skylake-Client,xlevel=0x80000000", "abm",
      "abm level - model 80000001.0.ECX.5" },
    { "level/subleaf", "-cpu qemu64,+fzrm,level-func7=0", "fzrm",
      "fzrm level - user 7.1.EAX.10" },
    { "hidden/xsave", "-cpu Skylake-Client,xsave=off", "xgetbv1",
      "xgetbv1 dependency - model d.1.EAX.2 requires xsave" },
    { "hidden/syscall", "-cpu Skylake-Client,lm=off,phys-bits=0", "syscall",
      "syscall dependency - model 80000001.0.EDX.11 requires lm" },

    /* Nothing to tell */
    { "absent/supported", "-cpu Skylake-Server-v4", "avx2", "" },
    { "absent/not-requested", "-cpu qemu64", "avx512f", "" },
    { "absent/turned-off", "-cpu Skylake-Server-v4,avx512f=off", "avx512f",
      "" },

    /* Shown to the guest all the same, but enforce would stop */
    { "forced", "-cpu EPYC,+avx512f,x-force-features=on", "avx512f",
      "avx512f accelerator blocking user 7.0.EBX.16" },
};

static const RemovedCase kvm_cases[] = {
    { "accelerator-default/svm", "-cpu EPYC", "svm",
      "svm configuration - model 80000001.0.ECX.2" },
    { "accelerator-default/svm/dependent", "-cpu EPYC", "npt",
      "npt dependency - model 8000000a.0.EDX.0 requires svm" },
    { "accelerator-default/svm/user", "-cpu EPYC,svm=off", "svm", "" },
    { "accelerator-default/monitor", "-cpu EPYC", "monitor",
      "monitor configuration - model 1.0.ECX.3" },
    { "configuration/kvm-off", "-cpu Skylake-Client,kvm=off", "kvmclock",
      "kvmclock configuration - accelerator 40000001.0.EAX.0 "
      "40000001.0.EAX.3" },
    { "configuration/kvm-off/user", "-cpu qemu64,kvm=off,+kvm-pv-eoi",
      "kvm-pv-eoi", "kvm-pv-eoi configuration - user 40000001.0.EAX.6" },
    { "configuration/kvm-off/alias", "-cpu qemu64,kvm=off,+kvm_pv_eoi",
      "kvm-pv-eoi", "kvm-pv-eoi configuration - user 40000001.0.EAX.6" },
    { "configuration/kvm-off/hints", "-cpu qemu64,kvm=off,+kvm-hint-dedicated",
      "kvm-hint-dedicated",
      "kvm-hint-dedicated configuration - user 40000001.0.EDX.0" },
    { "configuration/irqchip",
      "-machine kernel-irqchip=off -cpu qemu64,-apic,+x2apic", "x2apic",
      "x2apic configuration blocking user 1.0.ECX.21" },
    { "dependency/model", "-cpu Skylake-Server-v4", "vmx-ept",
      "vmx-ept dependency - model msr48b.33 requires vmx-secondary-ctls" },
};

static void run_case(const RemovedCase *c, const char *accel)
{
    g_autofree char *args = with_cpu_types(c->args);
    QTestState *qts = qtest_initf("-S -accel %s %s", accel, args);
    g_autoptr(QList) removed = qom_get_list(qts, "removed-features");
    g_autofree char *found = entries_of(removed, c->feature);

    g_assert_cmpstr(found, ==, c->expected);
    check_blocking(qts, removed);
    qtest_quit(qts);
}

static void test_tcg_case(const void *data)
{
    run_case(data, "tcg");
}

static void test_kvm_case(const void *data)
{
    run_case(data, "kvm");
}

/* Asks for nothing */
static void test_tcg_base(void)
{
    QTestState *qts = qtest_init("-S -accel tcg -cpu base");
    g_autoptr(QList) removed = qom_get_list(qts, "removed-features");

    g_assert(qlist_empty(removed));
    qtest_quit(qts);
}

/* Asks for what TCG has, and nothing else */
static void test_tcg_max(void)
{
    QTestState *qts = qtest_init("-S -accel tcg -cpu max,enforce=on");
    g_autoptr(QList) removed = qom_get_list(qts, "removed-features");
    QListEntry *e;

    QLIST_FOREACH_ENTRY(removed, e) {
        QDict *entry = qobject_to(QDict, qlist_entry_obj(e));

        g_assert(!qdict_get_bool(entry, "blocking"));
    }
    check_blocking(qts, removed);
    qtest_quit(qts);
}

static void test_hotplug(void)
{
    QTestState *qts = qtest_init("-S -accel tcg -cpu EPYC "
                                 "-smp 1,maxcpus=2");
    g_autofree char *type = with_cpu_types("EPYC-x86_64-cpu");
    g_autoptr(QList) removed = NULL;
    g_autofree char *found = NULL;

    qtest_qmp_device_add(qts, type, "cpu1",
                         "{'socket-id': 0, 'core-id': 1, 'thread-id': 0,"
                         " 'avx512f': true}");
    removed = qom_get_list(qts, "removed-features");
    found = entries_of(removed, "avx512f");
    g_assert_cmpstr(found, ==,
                    "avx512f accelerator blocking user 7.0.EBX.16");
    check_blocking(qts, removed);
    qtest_quit(qts);
}

/* What device_add sets is the user's, whoever else has set it */
static void test_hotplug_requests(void)
{
    static const struct {
        const char *machine;
        const char *model;
        const char *options;
        const char *props;
        const char *feature;
        const char *expected;
    } cases[] = {
        /* pc-q35-3.1 turns mpx on; leaf 7 is above this level */
        { "pc-q35-3.1", "Skylake-Client", "", ", 'level': 4", "mpx",
          "mpx level - machine 7.0.EBX.14 d.0.EAX.3 d.0.EAX.4" },
        { "pc-q35-3.1", "Skylake-Client", "", ", 'level': 4, 'mpx': true",
          "mpx", "mpx level - user 7.0.EBX.14 d.0.EAX.3 d.0.EAX.4" },
        { "pc-q35-3.1", "Skylake-Client", "", ", 'level': 4, 'f-mpx': true",
          "mpx", "mpx level - user 7.0.EBX.14 d.0.EAX.3 d.0.EAX.4" },
        { "pc-q35-3.1", "Skylake-Client", "", ", 'level': 4, 'mpx': false",
          "mpx", "" },
        { "pc-q35-3.1", "Skylake-Client", ",mpx=on", ", 'level': 4", "mpx",
          "mpx level - user 7.0.EBX.14 d.0.EAX.3 d.0.EAX.4" },
        { "pc-q35-3.1", "Skylake-Client", "", ", 'level': 4", "avx2",
          "avx2 level - model 7.0.EBX.5" },
        { "pc-q35-3.1", "Skylake-Client", "", ", 'level': 4, 'avx2': true",
          "avx2", "avx2 level - user 7.0.EBX.5" },
        /* Numbers */
        { "q35", "GraniteRapids-v2", "", "", "avx10-version",
          "avx10-version value blocking model 24.0.EBX.0" },
        { "q35", "GraniteRapids-v2", "", ", 'avx10-version': 2",
          "avx10-version", "avx10-version value blocking user 24.0.EBX.1" },
        { "q35", "Skylake-Client", "", ", 'lbr-fmt': 5", "lbr-fmt",
          "lbr-fmt value blocking user msr345.0 msr345.2" },
    };
    size_t i;

    if (!qtest_has_machine("pc-q35-3.1")) {
        g_test_skip("no machine type pc-q35-3.1");
        return;
    }
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        QTestState *qts = qtest_initf("-S -accel tcg -M %s -cpu %s%s "
                                      "-smp 1,cores=2,maxcpus=2",
                                      cases[i].machine,
                                      cases[i].model, cases[i].options);
        g_autofree char *type = g_strdup_printf("%s-%s-cpu", cases[i].model,
                                                qtest_get_arch());
        g_autofree char *json = g_strdup_printf(
            "{'id': 'cpu1', 'socket-id': 0, 'core-id': 1, 'thread-id': 0%s}",
            cases[i].props);
        g_autoptr(QDict) props = qobject_to(
            QDict, qobject_from_json(json, &error_abort));
        g_autoptr(QList) removed = NULL;
        g_autofree char *found = NULL;

        qtest_qmp_device_add_qdict(qts, type, props);
        removed = qom_get_list(qts, "removed-features");
        found = entries_of(removed, cases[i].feature);
        g_assert_cmpstr(found, ==, cases[i].expected);
        qtest_quit(qts);
    }
}

static void test_read_only(void)
{
    QTestState *qts = qtest_init("-S -accel tcg -cpu EPYC");
    g_autofree char *path = last_cpu_path(qts);
    g_autofree char *error = with_cpu_types(
        "Property 'EPYC-x86_64-cpu.removed-features' is not writable");
    g_autoptr(QDict) resp = NULL;
    g_autoptr(QList) removed = NULL;

    resp = qtest_qmp(qts, "{'execute': 'qom-set', 'arguments': {"
                     " 'path': %s, 'property': 'removed-features',"
                     " 'value': []}}", path);
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(resp, "error"), "desc"), ==,
                    error);
    /* Still there, and still true */
    removed = qom_get_list(qts, "removed-features");
    check_blocking(qts, removed);
    qtest_quit(qts);
}

static void test_listed(void)
{
    QTestState *qts = qtest_init("-machine none");
    g_autofree char *type = with_cpu_types("EPYC-x86_64-cpu");
    g_autoptr(QDict) resp = NULL;
    QListEntry *e;
    bool found = false;

    resp = qtest_qmp(qts, "{'execute': 'qom-list-properties', 'arguments': {"
                     " 'typename': %s}}", type);
    QLIST_FOREACH_ENTRY(qdict_get_qlist(resp, "return"), e) {
        QDict *prop = qobject_to(QDict, qlist_entry_obj(e));

        if (!strcmp(qdict_get_str(prop, "name"), "removed-features")) {
            g_assert_cmpstr(qdict_get_str(prop, "type"), ==,
                            "CpuRemovedFeatureList");
            g_assert(qdict_haskey(prop, "description"));
            found = true;
        }
    }
    g_assert(found);
    qtest_quit(qts);
}

/* Who is to blame for one removed CPUID bit, by the host itself */
static const char *expected_reason(QDict *bit)
{
    uint32_t leaf = qdict_get_int(bit, "leaf");
    uint32_t subleaf = qdict_get_int(bit, "subleaf");
    const char *reg = qdict_get_str(bit, "register");
    int nr = qdict_get_int(bit, "bit");

    if (host_kvm_offers(leaf, subleaf, reg, nr)) {
        return "qemu";
    }
    if ((leaf & 0xf0000000) == 0x40000000 ||
        host_cpu_has(leaf, subleaf, reg, nr)) {
        return "kernel";
    }
    return "hardware";
}

#define MSR_IA32_ARCH_CAPABILITIES 0x10a

static void test_kvm_reasons(const void *model)
{
    bool quirk = !host_kvm_takes_msr(MSR_IA32_ARCH_CAPABILITIES);
    QTestState *qts = qtest_initf("-S -accel kvm -cpu %s%s",
                                  (const char *)model,
                                  quirk ? ",arch-capabilities=off" : "");
    g_autoptr(QList) removed = qom_get_list(qts, "removed-features");
    QListEntry *e, *p;
    unsigned judged = 0;

    check_blocking(qts, removed);
    QLIST_FOREACH_ENTRY(removed, e) {
        QDict *entry = qobject_to(QDict, qlist_entry_obj(e));
        const char *reason = qdict_get_str(entry, "reason");
        /* These are not about the host */
        bool elsewhere = !strcmp(reason, "dependency") ||
                         !strcmp(reason, "configuration") ||
                         !strcmp(reason, "conflict") ||
                         !strcmp(reason, "level") || !strcmp(reason, "value");

        g_assert_cmpstr(reason, !=, "accelerator");
        if (elsewhere) {
            continue;
        }
        QLIST_FOREACH_ENTRY(qdict_get_qlist(entry, "places"), p) {
            QDict *place = qobject_to(QDict, qlist_entry_obj(p));

            if (qdict_haskey(place, "cpuid")) {
                QDict *bit = qdict_get_qdict(place, "cpuid");
                const char *feature = qdict_get_str(entry, "feature");
                g_autofree char *said = g_strdup_printf("%s: %s", feature,
                                                        reason);
                g_autofree char *right = g_strdup_printf(
                    "%s: %s", feature, expected_reason(bit));

                g_assert_cmpstr(said, ==, right);
            } else {
                /* A user process can't tell what the hardware's MSRs are */
                g_assert_cmpstr(reason, !=, "hardware");
            }
            judged++;
        }
    }
    g_test_message("%s: %u bits judged", (const char *)model, judged);
    qtest_quit(qts);
}

/* The kernel may keep AVX-512 from guests on a host that has it */
static void test_kvm_avx512(void)
{
    g_autoptr(QList) removed = NULL;
    g_autofree char *found = NULL;
    QTestState *qts;

    if (!host_cpu_has(7, 0, "EBX", 16)) {
        g_test_skip("the host CPU has no AVX-512");
        return;
    }
    if (host_kvm_offers(7, 0, "EBX", 16)) {
        g_test_skip("the kernel offers AVX-512 to guests");
        return;
    }
    qts = qtest_init("-S -accel kvm -cpu Skylake-Server-v4");
    removed = qom_get_list(qts, "removed-features");
    found = entries_of(removed, "avx512f");
    g_assert(g_str_has_prefix(found, "avx512f kernel blocking model "
                              "7.0.EBX.16"));
    qtest_quit(qts);
}

/* mpx came with old machine types; hardware has dropped it since */
static void test_kvm_machine(void)
{
    static const struct {
        const char *cpu;
        const char *expected;
    } mpx[] = {
        { "Skylake-Client-v1", NULL },
        { "Skylake-Client", " blocking machine 7.0.EBX.14" },
        { "Skylake-Client,mpx=on", " blocking user 7.0.EBX.14" },
        { "Skylake-Client,+mpx", " blocking user 7.0.EBX.14" },
        { "Skylake-Client,f-mpx=on", " blocking user 7.0.EBX.14" },
        { "Skylake-Client,+f-mpx", " blocking user 7.0.EBX.14" },
    };
    size_t i;

    if (host_kvm_offers(7, 0, "EBX", 14)) {
        g_test_skip("the kernel offers MPX to guests");
        return;
    }
    if (!qtest_has_machine("pc-i440fx-3.1")) {
        g_test_skip("no machine type pc-i440fx-3.1");
        return;
    }
    for (i = 0; i < ARRAY_SIZE(mpx); i++) {
        QTestState *qts = qtest_initf("-S -M pc-i440fx-3.1 -accel kvm "
                                      "-cpu %s", mpx[i].cpu);
        g_autoptr(QList) removed = qom_get_list(qts, "removed-features");
        g_autofree char *found = entries_of(removed, "mpx");

        if (mpx[i].expected) {
            g_assert(g_str_has_suffix(found, mpx[i].expected));
        } else {
            g_assert_cmpstr(found, ==, "");
        }
        qtest_quit(qts);
    }
}

static void add_cases(const char *accel, const RemovedCase *cases, size_t n,
                      void (*fn)(const void *))
{
    size_t i;

    for (i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf(
            "/x86/cpu/removed-features/%s/%s", accel, cases[i].name);

        qtest_add_data_func(path, &cases[i], fn);
    }
}

static void test_kvm_skipped(void)
{
    const char *reason;

    if (host_kvm_opens(&reason)) {
        reason = "this QEMU is built without KVM";
    }
    g_test_skip(reason);
}

int main(int argc, char **argv)
{
    static const char *kvm_models[] = {
        "qemu64", "Skylake-Server-v4", "SapphireRapids-v1", "GraniteRapids-v2",
        "Opteron_G5", "EPYC-Genoa-v1", "max", "host",
        "qemu64,+x2apic,+tsc-deadline,+invtsc,+vmx,+vmx-ept,+svm,+npt",
        "Cascadelake-Server-v5",
    };
    const char *reason;
    size_t i;

    g_test_init(&argc, &argv, NULL);

    if (qtest_has_accel("tcg")) {
        add_cases("tcg", tcg_cases, ARRAY_SIZE(tcg_cases), test_tcg_case);
        qtest_add_func("/x86/cpu/removed-features/tcg/base", test_tcg_base);
        qtest_add_func("/x86/cpu/removed-features/tcg/max", test_tcg_max);
        qtest_add_func("/x86/cpu/removed-features/tcg/hotplug", test_hotplug);
        qtest_add_func("/x86/cpu/removed-features/tcg/hotplug/requests",
                       test_hotplug_requests);
        qtest_add_func("/x86/cpu/removed-features/read-only", test_read_only);
    }
    qtest_add_func("/x86/cpu/removed-features/listed", test_listed);

    if (!host_kvm_opens(&reason) || !qtest_has_accel("kvm")) {
        qtest_add_func("/x86/cpu/removed-features/kvm", test_kvm_skipped);
        return g_test_run();
    }
    add_cases("kvm", kvm_cases, ARRAY_SIZE(kvm_cases), test_kvm_case);
    for (i = 0; i < ARRAY_SIZE(kvm_models); i++) {
        g_autofree char *path = g_strdup_printf(
            "/x86/cpu/removed-features/kvm/reasons/%s", kvm_models[i]);

        qtest_add_data_func(path, kvm_models[i], test_kvm_reasons);
    }
    qtest_add_func("/x86/cpu/removed-features/kvm/avx512", test_kvm_avx512);
    qtest_add_func("/x86/cpu/removed-features/kvm/machine", test_kvm_machine);
    return g_test_run();
}
