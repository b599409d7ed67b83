/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Static CPU models, machine types in models, and what refuses them
 *
 * The shape of answers, and errors.  That a static expansion makes the same
 * CPU is tested with guests, by tests/guest/test_static_expansion.py of the
 * patch set's repository.
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qapi/error.h"
#include "qobject/qbool.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"
#include "x86-cpu-target.h"

#define CPU0 "/machine/unattached/device[0]"

#define L1D "32K:line=64:ways=8:sets=64:share=core"
#define L2 "512K:line=64:ways=8:sets=1024:share=core"

#define KEYS "line, ways, partitions, sets, tag-lines, share, self-init, " \
             "no-invd-sharing, inclusive, complex-indexing"

static QDict *expand(QTestState *qts, const char *type, const char *model)
{
    return qtest_qmp(qts, "{'execute': 'query-cpu-model-expansion',"
                     " 'arguments': {'type': %s, 'model': %p}}", type,
                     qobject_from_json(model, &error_abort));
}

/* The returned props of the expansion of @model, which must succeed */
static QDict *expanded_props(QTestState *qts, const char *type,
                             const char *model)
{
    g_autoptr(QDict) resp = expand(qts, type, model);
    QDict *props;

    g_assert(qdict_haskey(resp, "return"));
    props = qdict_get_qdict(qdict_get_qdict(qdict_get_qdict(resp, "return"),
                                            "model"), "props");
    return qobject_ref(props);
}

typedef struct BadModel {
    const char *name;
    const char *model;
    const char *error;
} BadModel;

#define CACHE(text) "{\"name\": \"EPYC\", \"props\": " \
                    "{\"l2-cache-info\": \"" text "\"}}"
#define CACHE_ERROR(text, error) "Invalid l2-cache-info '" text "': " error

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const BadModel bad_models[] = {
    { "machine-type/unknown",
      "{\"name\": \"EPYC\", \"machine-type\": \"pc-q35-0.1\"}",
      "Machine type 'pc-q35-0.1' not found; query-machines lists all "
      "machine types@; did you mean 'pc-q35-2.4'?" },
    { "machine-type/near",
      "{\"name\": \"EPYC\", \"machine-type\": \"pc-q35-3.11\"}",
      "Machine type 'pc-q35-3.11' not found; query-machines lists all machine "
      "types@; did you mean 'pc-q35-3.1' or 'pc-q35-4.0'?" },
    { "machine-type/empty",
      "{\"name\": \"EPYC\", \"machine-type\": \"\"}",
      "Machine type '' not found; query-machines lists all machine types@" },
    { "machine-type/long",
      "{\"name\": \"EPYC\", \"machine-type\": \"" HUNDRED HUNDRED "\"}",
      "Machine type '" HUNDRED "' not found; query-machines lists all machine "
      "types@" },
    { "machine-type/none",
      "{\"name\": \"EPYC\", \"machine-type\": \"none\"}",
      "Machine type 'none' is not a PC: use one of pc-i440fx-* or "
      "pc-q35-*" },
    { "machine-type/microvm",
      "{\"name\": \"EPYC\", \"machine-type\": \"microvm\"}",
      "Machine type 'microvm' is not a PC: use one of pc-i440fx-* or "
      "pc-q35-*" },
    { "machine-type/abstract",
      "{\"name\": \"EPYC\", \"machine-type\": \"x86\"}",
      "Machine type 'x86' is abstract" },
    { "machine-type/no-string",
      "{\"name\": \"EPYC\", \"machine-type\": 5}",
      "Invalid parameter type for 'model.machine-type', expected: string" },
    { "machine-type/no-model",
      "{\"name\": \"nope\", \"machine-type\": \"q35\"}",
      "CPU model 'nope' not found" },
    { "machine-type/no-property",
      "{\"name\": \"EPYC\", \"machine-type\": \"q35\","
      " \"props\": {\"nope\": 1}}",
      "Property 'EPYC-x86_64-cpu.nope' not found" },

    { "anchor/unknown",
      "{\"name\": \"base\", \"props\": {\"compat-anchor\": \"pc-q35-0.1\"}}",
      "Invalid compat-anchor: Machine type 'pc-q35-0.1' not found; "
      "query-machines lists all machine types@; did you mean 'pc-q35-2.4'?" },
    { "anchor/model",
      "{\"name\": \"EPYC\", \"props\": {\"compat-anchor\": \"q35\"}}",
      "compat-anchor is only supported by the CPU models base and custom" },
    { "anchor/isapc",
      "{\"name\": \"base\", \"props\": {\"compat-anchor\": \"isapc\"}}",
      "compat-anchor=isapc can't be used: isapc is unversioned" },

    { "vendor/model", "{\"name\": \"EPYC\", \"props\": {\"vendor\": \"\"}}",
      "value of property 'vendor' must consist of exactly 12 characters" },
    { "vendor/short", "{\"name\": \"base\", \"props\": {\"vendor\": \"x\"}}",
      "value of property 'vendor' must consist of exactly 12 characters" },
    { "vendor/type", "{\"name\": \"base\", \"props\": {\"vendor\": 1}}",
      "Invalid parameter type for 'model.props.vendor', expected: string" },

    { "custom/no-property",
      "{\"name\": \"custom\", \"props\": {\"nope\": 1}}",
      "Property 'custom-x86_64-cpu.nope' not found" },
    { "custom/no-value",
      "{\"name\": \"custom\", \"props\": {\"avx2\": 1}}",
      "Invalid parameter type for 'model.props.avx2', expected: boolean" },
    { "custom/no-props", "{\"name\": \"custom\", \"props\": 1}",
      "Invalid parameter type for 'model.props', expected: object" },
    { "custom/no-machine-type",
      "{\"name\": \"custom\", \"machine-type\": \"nope\"}",
      "Machine type 'nope' not found; query-machines lists all machine "
      "types@" },

    { "realized/model", "{\"name\": \"EPYC\", \"props\": {\"realized\": true}}",
      "Property 'realized' of a CPU model can only be false: queries don't "
      "realize CPUs" },
    { "realized/machine-type",
      "{\"name\": \"EPYC\", \"machine-type\": \"pc-i440fx-6.0\","
      " \"props\": {\"apic-id\": 1, \"realized\": true}}",
      "Property 'realized' of a CPU model can only be false: queries don't "
      "realize CPUs" },
    { "realized/type", "{\"name\": \"EPYC\", \"props\": {\"realized\": 1}}",
      "Invalid parameter type for 'model.props.realized', expected: boolean" },

    { "cache/size", CACHE("x"),
      CACHE_ERROR("x", "'x' is not a size: decimal digits, in bytes or with "
                  "K or M") },
    { "cache/huge", CACHE("64M:line=64:ways=16:sets=65536:share=die"),
      CACHE_ERROR("64M:line=64:ways=16:sets=65536:share=die",
                  "the size 67108864 is above 67107840, the maximum of CPUID "
                  "leaf 0x80000006 ECX[31:16]") },
    { "cache/unit", CACHE("100:line=1:ways=1:sets=100:share=core"),
      CACHE_ERROR("100:line=1:ways=1:sets=100:share=core",
                  "the size 100 is not a multiple of 1024, the unit of CPUID "
                  "leaf 0x80000006 ECX[31:16]") },
    { "cache/line-missing", CACHE("512K"),
      CACHE_ERROR("512K", "'line' is missing") },
    { "cache/share-missing", CACHE("512K:line=64:ways=8:sets=1024"),
      CACHE_ERROR("512K:line=64:ways=8:sets=1024", "'share' is missing: "
                  "core, module, die or socket") },
    { "cache/share", CACHE("512K:share=thread"),
      CACHE_ERROR("512K:share=thread",
                  "'thread' of 'share' is not core, module, die or socket") },
    { "cache/product", CACHE("512K:line=64:ways=8:sets=1000:share=die"),
      CACHE_ERROR("512K:line=64:ways=8:sets=1000:share=die",
                  "the size 524288 is not line x ways x partitions x sets, "
                  "which is 512000") },
    { "cache/ways", CACHE("1K:line=64:ways=4:sets=4:share=die"),
      CACHE_ERROR("1K:line=64:ways=4:sets=4:share=die",
                  "4 ways are not fewer than 4 sets") },
    { "cache/number", CACHE("512K:sets=+8"),
      CACHE_ERROR("512K:sets=+8",
                  "'+8' of 'sets' is not a decimal number from 1 to "
                  "4294967295") },
    { "cache/twice", CACHE("512K:ways=8:ways=8"),
      CACHE_ERROR("512K:ways=8:ways=8", "'ways' is given twice") },
    { "cache/key", CACHE("512K:foo=1"),
      CACHE_ERROR("512K:foo=1", "unknown key 'foo'; use " KEYS) },
    { "cache/flag", CACHE("512K:foo"),
      CACHE_ERROR("512K:foo", "unknown key 'foo'; use " KEYS) },
};

/* Where @text has '@', there is more if QEMU has removed machine types. */
static char *with_removed_types(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "@", -1);

    return g_strjoinv(qtest_has_machine("pc-q35-2.4") ? "" :
                      ", and query-machine-cpu-layers those that QEMU has "
                      "removed", parts);
}

static void test_bad_model(const void *data)
{
    const BadModel *bad = data;
    QTestState *qts = qtest_init("-machine none -accel tcg");
    g_autoptr(QDict) resp = expand(qts, "static", bad->model);
    g_autofree char *with_types = with_cpu_types(bad->error);
    g_autofree char *error = with_removed_types(with_types);

    g_assert(qdict_haskey(resp, "error"));
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(resp, "error"), "desc"), ==,
                    error);
    /* It lives, and what it was about to do is undone. */
    qobject_unref(expanded_props(qts, "static", "{\"name\": \"EPYC\"}"));
    qtest_quit(qts);
}

/* Some names, and how many there are; starting it names the same ones */
static void test_incomplete_custom(void)
{
    static const char missing[] =
        "CPU model 'custom' needs all properties of a static expansion; "
        "missing: fpu, vme, ";
    static const char *const models[] = {
        "{\"name\": \"custom\"}",
        "{\"name\": \"custom\", \"props\": {}}",
        "{\"name\": \"custom\", \"machine-type\": \"q35\"}",
        "{\"name\": \"custom\", \"props\": {\"f-avx2\": true}}",
    };
    QTestState *qts = qtest_init("-machine none -accel tcg");
    int i;

    for (i = 0; i < ARRAY_SIZE(models); i++) {
        const char *types[] = { "static", "full" };
        int j;

        for (j = 0; j < ARRAY_SIZE(types); j++) {
            g_autoptr(QDict) resp = expand(qts, types[j], models[i]);
            QDict *error = qdict_get_qdict(resp, "error");

            g_assert(error);
            g_assert(g_str_has_prefix(qdict_get_str(error, "desc"), missing));
            g_assert(g_str_has_suffix(qdict_get_str(error, "desc"), " more"));
        }
    }
    /* What was about to be evaluated is over. */
    qobject_unref(expanded_props(qts, "static", "{\"name\": \"EPYC\"}"));
    qtest_quit(qts);
}

typedef struct BadStart {
    const char *name;
    const char *args;
    const char *error;
} BadStart;

static const BadStart bad_starts[] = {
    { "cpu-compat/unknown", "-machine q35,cpu-compat=nope",
      "Invalid cpu-compat: Machine type 'nope' not found" },
    { "cpu-compat/none", "-machine q35,cpu-compat=none",
      "Invalid cpu-compat: Machine type 'none' is not a PC" },
    { "cpu-compat/isapc", "-machine q35,cpu-compat=isapc",
      "isapc is unversioned" },
    { "cpu-compat/on-isapc", "-machine isapc,cpu-compat=q35",
      "isapc is unversioned" },
    { "cpu-compat/microvm", "-machine microvm,cpu-compat=q35",
      "Property 'microvm-machine.cpu-compat' not found" },
    { "cache/incomplete", "-machine q35 -cpu base,l2-cache-info=" L2,
      "l1d-cache-info is missing" },
    { "cache/incomplete-too",
      "-machine q35 -cpu base,l1d-cache-info=" L1D ",l2-cache-info=" L2,
      "l1i-cache-info is missing" },
    { "custom/nothing", "-machine q35 -cpu custom",
      "CPU model 'custom' needs all properties of a static expansion; "
      "missing: " },
    { "anchor/unknown", "-machine q35 -cpu base,compat-anchor=nope",
      "Invalid compat-anchor: Machine type 'nope' not found" },
};

static void test_bad_start(const void *data)
{
    const BadStart *bad = data;
    g_autofree char *command =
        g_strdup_printf("timeout 30 %s -S -display none -accel tcg %s",
                        g_getenv("QTEST_QEMU_BINARY"), bad->args);
    g_autoptr(GError) err = NULL;
    g_autofree char *errors = NULL;
    int status = 0;

    g_spawn_command_line_sync(command, NULL, &errors, &status, &err);
    g_assert_no_error(err);
    g_assert(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    g_assert(strstr(errors, bad->error));
}

/* Every value is one that -cpu can carry, and the reply has no more */
static void test_shape(void)
{
    QTestState *qts = qtest_init("-machine none -accel tcg");
    g_autoptr(QDict) resp =
        expand(qts, "static",
               "{\"name\": \"EPYC\", \"machine-type\": \"q35\"}");
    QDict *ret = qdict_get_qdict(resp, "return");
    QDict *model = qdict_get_qdict(ret, "model");
    const QDictEntry *e;

    g_assert_cmpstr(qdict_get_str(model, "name"), ==, "base");
    g_assert(!qdict_haskey(model, "machine-type"));
    g_assert(qdict_haskey(ret, "removed-features"));
    g_assert(!qdict_haskey(ret, "omitted-properties"));
    model = qdict_get_qdict(model, "props");
    for (e = qdict_first(model); e; e = qdict_next(model, e)) {
        QType type = qobject_type(qdict_entry_value(e));

        g_assert(type == QTYPE_QBOOL || type == QTYPE_QNUM ||
                 type == QTYPE_QSTRING);
        g_assert(strncmp(qdict_entry_key(e), "f-", 2));
    }
    g_assert(qdict_get_bool(model, "avx2"));
    g_assert_cmpint(qdict_get_int(model, "min-level"), ==, 0xd);
    g_assert_cmpint(qdict_get_int(model, "phys-bits"), ==,
                    target_has_long_mode() ? 40 : 36);
    g_assert_cmpstr(qdict_get_str(model, "l2-cache-info"), ==,
                    "524288:line=64:ways=8:partitions=1:sets=1024:"
                    "tag-lines=1:share=core");
    qtest_quit(qts);
}

#define VMX_WITHOUT(feature) \
    "{\"name\": \"Skylake-Server\", \"props\": {\"vmx\": true," \
    " \"" feature "\": false, \"x-force-features\": true}}"

/*
 * vmx-invept-single-context is bit 25 of IA32_VMX_EPT_VPID_CAP, which needs
 * vmx-ept, and bit 41, which needs vmx-vpid.
 */
static void test_partial_feature(void)
{
    QTestState *qts = qtest_init("-machine none -accel tcg");
    g_autoptr(QDict) both = expand(qts, "static", VMX_WITHOUT("vmx-pml"));
    const char *const halves[] = { VMX_WITHOUT("vmx-ept"),
                                   VMX_WITHOUT("vmx-vpid") };
    QDict *ret = qdict_get_qdict(both, "return");
    int i;

    g_assert_true(qdict_get_bool(qdict_get_qdict(qdict_get_qdict(
        ret, "model"), "props"), "vmx-invept-single-context"));
    g_assert_false(qdict_haskey(ret, "omitted-properties"));
    for (i = 0; i < ARRAY_SIZE(halves); i++) {
        g_autoptr(QDict) half = expand(qts, "static", halves[i]);
        QList *list = qdict_get_qlist(qdict_get_qdict(half, "return"),
                                      "omitted-properties");

        g_assert_cmpint(qlist_size(list), ==, 1);
        g_assert_cmpstr(qstring_get_str(qobject_to(QString,
                                                   qlist_peek(list))),
                        ==, "vmx-invept-single-context");
    }
    qtest_quit(qts);
}

static void test_omitted(void)
{
    QTestState *qts = qtest_init("-machine none -accel tcg");
    g_autoptr(QDict) resp = expand(qts, "static", "{\"name\": \"max\"}");
    g_autoptr(QDict) cache =
        expand(qts, "static", "{\"name\": \"max\","
               " \"props\": {\"host-cache-info\": true}}");
    QList *list;

    list = qdict_get_qlist(qdict_get_qdict(resp, "return"),
                           "omitted-properties");
    g_assert(list && qlist_empty(list));
    list = qdict_get_qlist(qdict_get_qdict(cache, "return"),
                           "omitted-properties");
    g_assert_cmpstr(qstring_get_str(qobject_to(QString, qlist_peek(list))),
                    ==, "host-cache-info");
    qtest_quit(qts);
}

static void set_confidential_guest(QTestState *qts, const char *path)
{
    qtest_qmp_assert_success(qts, "{'execute': 'qom-set', 'arguments': {"
                             " 'path': '/machine',"
                             " 'property': 'confidential-guest-support',"
                             " 'value': %s}}", path);
}

static void assert_out_of_scope(QTestState *qts, const char *model,
                                const char *why)
{
    static const char *const types[] = { "static", "full" };
    static const char *const others[] = {
        "removed-features", "errors", "omitted-properties"
    };
    int i, j;

    for (i = 0; i < ARRAY_SIZE(types); i++) {
        g_autoptr(QDict) resp = expand(qts, types[i], model);
        QDict *ret = qdict_get_qdict(resp, "return");

        g_assert_cmpstr(qdict_get_try_str(ret, "out-of-scope"), ==, why);
        g_assert(qdict_haskey(ret, "model"));
        for (j = 0; why && j < ARRAY_SIZE(others); j++) {
            g_assert(!qdict_haskey(ret, others[j]));
        }
    }
}

/* Whether query-cpu-definitions says that the CPU model can't run at all */
static bool is_not_runnable(QTestState *qts, const char *model)
{
    g_autoptr(QDict) resp =
        qtest_qmp(qts, "{'execute': 'query-cpu-definitions'}");
    QListEntry *e, *f;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(resp, "return"), e) {
        QDict *info = qobject_to(QDict, qlist_entry_obj(e));

        if (strcmp(qdict_get_str(info, "name"), model)) {
            continue;
        }
        QLIST_FOREACH_ENTRY(qdict_get_qlist(info, "unavailable-features"), f) {
            const char *name =
                qstring_get_str(qobject_to(QString, qlist_entry_obj(f)));

            if (!strcmp(name, "type")) {
                return true;
            }
        }
        return false;
    }
    g_assert_not_reached();
}

/* The guest need not start: only its machine counts. */
static void check_out_of_scope(const char *object, const char *accel)
{
    const char *max = "{\"name\": \"max\"}";
    const char *named =
        "{\"name\": \"EPYC\", \"machine-type\": \"q35\"}";
    QTestState *qts = qtest_initf("-machine none %s", accel);
    g_autoptr(QDict) added = NULL;
    g_autoptr(QDict) resp = NULL;
    g_autoptr(QDict) table = NULL, table_after = NULL;

    added = qtest_qmp(qts, "{'execute': 'object-add', 'arguments': %p}",
                      qobject_from_json(object, &error_abort));
    if (qdict_haskey(added, "error")) {
        g_test_skip("not in this QEMU");
        qtest_quit(qts);
        return;
    }
    assert_out_of_scope(qts, max, NULL);
    set_confidential_guest(qts, "/objects/cgs0");
    assert_out_of_scope(qts, max, "confidential-guest");
    g_assert_false(is_not_runnable(qts, "max"));
    g_assert_true(is_not_runnable(qts, "EPYC") ==
                  !!strstr(object, "tdx-guest"));
    if (strstr(object, "tdx-guest")) {
        resp = expand(qts, "static", named);
        g_assert_cmpstr(qdict_get_str(qdict_get_qdict(resp, "error"), "desc"),
                        ==, "TDX guests only support the CPU models host, "
                        "max, base and custom");
    } else {
        assert_out_of_scope(qts, named, "confidential-guest");
    }
    table = qtest_qmp(qts, "{'execute': 'query-cpu-model-table'}");
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(table, "error"), "desc"),
                    ==, "A QEMU with a confidential guest makes other CPUs of "
                    "its models; ask one with -machine none");
    /* It is the machine's, and nothing that stays. */
    set_confidential_guest(qts, "");
    table_after = qtest_qmp(qts, "{'execute': 'query-cpu-model-table'}");
    g_assert(qdict_haskey(table_after, "return"));
    assert_out_of_scope(qts, max, NULL);
    assert_out_of_scope(qts, named, NULL);
    g_assert_false(is_not_runnable(qts, "EPYC"));
    qtest_quit(qts);
}

static void test_out_of_scope(const void *object)
{
    check_out_of_scope(object, "-accel tcg");
    /* Under KVM, if there is one */
    check_out_of_scope(object, "-accel kvm -accel tcg");
}

/* An old one that this QEMU still has */
static const char *old_machine_type(void)
{
    return qtest_has_machine("pc-i440fx-2.4") ? "pc-i440fx-2.4"
                                              : "pc-i440fx-6.0";
}

/* The expansion of an expansion is itself */
static void test_fixed_point(void)
{
    static const char *const machine_types[] = {
        "pc-i440fx-6.0", "q35", "isapc"
    };
    QTestState *qts = qtest_init("-machine none -accel tcg");
    int i;

    for (i = 0; i < ARRAY_SIZE(machine_types); i++) {
        g_autofree char *model =
            g_strdup_printf("{\"name\": \"EPYC-Rome\", \"machine-type\": "
                            "\"%s\"}", machine_types[i]);
        g_autoptr(QDict) first = expanded_props(qts, "static", model);
        g_autoptr(QDict) second = qdict_new();
        g_autoptr(GString) json = qobject_to_json(QOBJECT(first));

        g_free(model);
        model = g_strdup_printf("{\"name\": \"base\", \"machine-type\": "
                                "\"%s\", \"props\": %s}",
                                old_machine_type(), json->str);
        qobject_unref(second);
        second = expanded_props(qts, "static", model);
        g_assert(qobject_is_equal(QOBJECT(first), QOBJECT(second)));
    }
    qtest_quit(qts);
}

static void assert_plugged(QTestState *qts, const char *prop, int64_t value)
{
    g_autoptr(QDict) resp = qtest_qmp(qts, "{'execute': 'qom-get',"
                                      " 'arguments': {'path':"
                                      " '/machine/peripheral/plugged',"
                                      " 'property': %s}}", prop);

    g_assert_cmpint(qdict_get_int(resp, "return"), ==, value);
}

/* Full expansions can be handed back, though they have realized=false. */
static void test_full_again(void)
{
    QTestState *qts = qtest_init("-machine none -accel tcg");
    g_autoptr(QDict) props = expanded_props(qts, "full",
                                            "{\"name\": \"EPYC\"}");
    g_autoptr(QDict) again = expanded_props(qts, "full", "{\"name\": \"EPYC\","
        " \"props\": {\"realized\": false}}");

    g_assert(!qdict_get_bool(props, "realized"));
    g_assert(qobject_is_equal(QOBJECT(props), QOBJECT(again)));
    qtest_quit(qts);
}

/* Options of the process stay out of answers that name a machine type */
static void test_no_leak(void)
{
    QTestState *plain = qtest_init("-machine none -accel tcg");
    g_autofree char *type = with_cpu_types("EPYC-x86_64-cpu");
    QTestState *odd =
        qtest_initf("-machine pc-i440fx-6.0 -accel tcg -S "
                    "-smp 1,maxcpus=2 "
                    "-cpu EPYC,-avx2,+ssse3,family=9,model-id=odd "
                    "-global %s.min-level=20", type);
    static const char *const types[] = { "static", "full" };
    const char *model = "{\"name\": \"EPYC\", \"machine-type\": \"q35\"}";
    g_autoptr(QDict) definitions = NULL, again = NULL;
    g_autofree char *old = NULL;
    int i;

    for (i = 0; i < ARRAY_SIZE(types); i++) {
        g_autoptr(QDict) expected = expanded_props(plain, types[i], model);
        g_autoptr(QDict) before =
            expanded_props(odd, types[i], "{\"name\": \"EPYC\"}");
        g_autoptr(QDict) answer = expanded_props(odd, types[i], model);
        g_autoptr(QDict) after =
            expanded_props(odd, types[i], "{\"name\": \"EPYC\"}");

        g_assert(qobject_is_equal(QOBJECT(expected), QOBJECT(answer)));
        g_assert(qobject_is_equal(QOBJECT(before), QOBJECT(after)));
        g_assert(!qdict_get_bool(before, "avx2"));
        g_assert(qdict_get_bool(answer, "avx2"));
        g_assert_cmpint(qdict_get_int(before, "min-level"), ==, 20);
    }
    /*
     * Nor does what they named stay in the process.  On the oldest machine
     * types, models without a version are not aliases.
     */
    old = g_strdup_printf("{\"name\": \"EPYC\", \"machine-type\": \"%s\"}",
                          old_machine_type());
    definitions = qtest_qmp(odd, "{'execute': 'query-cpu-definitions'}");
    qobject_unref(expanded_props(odd, "full", old));
    again = qtest_qmp(odd, "{'execute': 'query-cpu-definitions'}");
    g_assert(qobject_is_equal(QOBJECT(definitions), QOBJECT(again)));
    qtest_qmp_device_add(odd, type, "plugged",
                         "{'socket-id': 1, 'die-id': 0, 'core-id': 0,"
                         " 'thread-id': 0}");
    assert_plugged(odd, "min-level", 20);
    assert_plugged(odd, "family", 9);
    qtest_quit(odd);
    qtest_quit(plain);
}

typedef struct CommaCase {
    const char *name;
    const char *option;
    const char *model_id;
} CommaCase;

static const CommaCase commas[] = {
    { "one", "model-id=a,,b", "a,b" },
    { "two", "model-id=a,,,,b", "a,,b" },
    { "end", "model-id=a,,", "a," },
    { "end-and-more", "model-id=a,,,avx=off", "a," },
    { "start", "model-id=,,a", ",a" },
    { "none", "model-id=a,avx=off", "a" },
};

static void test_comma(const void *data)
{
    const CommaCase *c = data;
    QTestState *qts = qtest_initf("-machine q35 -accel tcg -S -cpu EPYC,%s",
                                  c->option);
    g_autoptr(QDict) resp = qtest_qmp(qts, "{'execute': 'qom-get',"
                                      " 'arguments': {'path': '" CPU0 "',"
                                      " 'property': 'model-id'}}");

    g_assert_cmpstr(qdict_get_str(resp, "return"), ==, c->model_id);
    qtest_quit(qts);
}

/* Management software finds cpu-compat without starting a machine */
static void test_cpu_compat_listed(void)
{
    QTestState *qts = qtest_init("-machine none");
    g_autoptr(QDict) resp =
        qtest_qmp(qts, "{'execute': 'qom-list-properties', 'arguments':"
                  " {'typename': 'pc-i440fx-6.0-machine'}}");
    QListEntry *e;
    bool found = false;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(resp, "return"), e) {
        QDict *prop = qobject_to(QDict, qlist_entry_obj(e));

        found |= !strcmp(qdict_get_str(prop, "name"), "cpu-compat");
    }
    g_assert(found);
    qtest_quit(qts);
}

/* The CPUs are there: it would change none, and mark the guest's streams. */
static void test_cpu_compat_late(const void *value)
{
    QTestState *qts = qtest_initf("-machine q35,cpu-compat=%s",
                                  (const char *)value);
    g_autoptr(QDict) get = NULL;
    g_autoptr(QDict) set =
        qtest_qmp(qts, "{'execute': 'qom-set', 'arguments': {"
                  " 'path': '/machine', 'property': 'cpu-compat',"
                  " 'value': 'pc-q35-8.0'}}");

    g_assert(qdict_haskey(set, "error"));
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(set, "error"), "desc"), ==,
                    "cpu-compat can't be changed once the machine has CPUs; "
                    "set it with -machine");
    get = qtest_qmp(qts, "{'execute': 'qom-get', 'arguments': {"
                    " 'path': '/machine', 'property': 'cpu-compat'}}");
    g_assert_cmpstr(qdict_get_str(get, "return"), ==, value);
    qtest_quit(qts);
}

static void add_data(const char *dir, const char *name, const void *data,
                     void (*test)(const void *))
{
    g_autofree char *path = g_strdup_printf("x86/cpu/expansion/%s/%s", dir,
                                            name);

    qtest_add_data_func(path, data, test);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(bad_models); i++) {
        add_data("bad-model", bad_models[i].name, &bad_models[i],
                 test_bad_model);
    }
    for (i = 0; i < ARRAY_SIZE(bad_starts); i++) {
        add_data("bad-start", bad_starts[i].name, &bad_starts[i],
                 test_bad_start);
    }
    for (i = 0; i < ARRAY_SIZE(commas); i++) {
        add_data("comma", commas[i].name, &commas[i], test_comma);
    }
    qtest_add_func("x86/cpu/expansion/incomplete-custom",
                   test_incomplete_custom);
    qtest_add_func("x86/cpu/expansion/shape", test_shape);
    qtest_add_func("x86/cpu/expansion/omitted", test_omitted);
    qtest_add_func("x86/cpu/expansion/omitted/partial-feature",
                   test_partial_feature);
    add_data("out-of-scope", "sev",
             "{\"qom-type\": \"sev-guest\", \"id\": \"cgs0\","
             " \"cbitpos\": 51, \"reduced-phys-bits\": 1}",
             test_out_of_scope);
    add_data("out-of-scope", "sev-snp",
             "{\"qom-type\": \"sev-snp-guest\", \"id\": \"cgs0\","
             " \"cbitpos\": 51, \"reduced-phys-bits\": 1}",
             test_out_of_scope);
    add_data("out-of-scope", "tdx",
             "{\"qom-type\": \"tdx-guest\", \"id\": \"cgs0\"}",
             test_out_of_scope);
    qtest_add_func("x86/cpu/expansion/fixed-point", test_fixed_point);
    qtest_add_func("x86/cpu/expansion/full-again", test_full_again);
    qtest_add_func("x86/cpu/expansion/no-leak", test_no_leak);
    qtest_add_func("x86/cpu/expansion/cpu-compat-listed",
                   test_cpu_compat_listed);
    add_data("cpu-compat-late", "set", "pc-q35-6.0", test_cpu_compat_late);
    add_data("cpu-compat-late", "newest",
             qtest_has_machine("pc-q35-11.1") ? "pc-q35-11.1" : "pc-q35-10.0",
             test_cpu_compat_late);
    return g_test_run();
}
