/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requested features that a guest lacks on the host of a passport, and why
 *
 * Sources: removed-features.c, feature-place.c and hyperv-features.c of the
 * extension; the order of words is that of FeatureWord in target/i386/cpu.h.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cpu-view.h"
#include "feature-names.h"
#include "host-components.h"
#include "host-hyperv.h"
#include "host-removed.h"
#include "host-requests.h"

#define BIT(n) (1ull << (n))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    MAX_NAME = FEATURE_NAME,
    HYPERVISOR_LEAVES = 0x100,  /* Guests look in steps of it. */
    AVX10_LEAF = 0x24,
};

#define ARCH_LBR        BIT(19)         /* 7.0, EDX */
#define PDCM            BIT(15)         /* 1, ECX */
#define AVX10           BIT(19)         /* 7.1, EDX */

const X86CpuWordId host_word_order[] = {
    X86CPU_FEAT_1_EDX, X86CPU_FEAT_1_ECX, X86CPU_FEAT_7_0_EBX,
    X86CPU_FEAT_7_0_ECX, X86CPU_FEAT_7_0_EDX, X86CPU_FEAT_7_1_EAX,
    X86CPU_FEAT_8000_0001_EDX, X86CPU_FEAT_8000_0001_ECX,
    X86CPU_FEAT_8000_0007_EBX, X86CPU_FEAT_8000_0007_EDX,
    X86CPU_FEAT_8000_0008_EBX, X86CPU_FEAT_8000_0021_EAX,
    X86CPU_FEAT_8000_0021_EBX, X86CPU_FEAT_8000_0021_ECX,
    X86CPU_FEAT_8000_0022_EAX, X86CPU_FEAT_C000_0001_EDX,
    X86CPU_FEAT_KVM, X86CPU_FEAT_KVM_HINTS, X86CPU_FEAT_SVM,
    X86CPU_FEAT_XSAVE, X86CPU_FEAT_6_EAX, X86CPU_FEAT_XSAVE_XCR0_LO,
    X86CPU_FEAT_XSAVE_XCR0_HI, X86CPU_FEAT_ARCH_CAPABILITIES,
    X86CPU_FEAT_CORE_CAPABILITY, X86CPU_FEAT_PERF_CAPABILITIES,
    X86CPU_FEAT_VMX_PROCBASED_CTLS, X86CPU_FEAT_VMX_SECONDARY_CTLS,
    X86CPU_FEAT_VMX_PINBASED_CTLS, X86CPU_FEAT_VMX_EXIT_CTLS,
    X86CPU_FEAT_VMX_ENTRY_CTLS, X86CPU_FEAT_VMX_MISC,
    X86CPU_FEAT_VMX_EPT_VPID_CAPS, X86CPU_FEAT_VMX_BASIC,
    X86CPU_FEAT_VMX_VMFUNC, X86CPU_FEAT_14_0_ECX, X86CPU_FEAT_SGX_12_0_EAX,
    X86CPU_FEAT_SGX_12_0_EBX, X86CPU_FEAT_SGX_12_1_EAX,
    X86CPU_FEAT_XSAVE_XSS_LO, X86CPU_FEAT_XSAVE_XSS_HI,
    X86CPU_FEAT_7_1_ECX, X86CPU_FEAT_7_1_EDX, X86CPU_FEAT_7_2_EDX,
    X86CPU_FEAT_24_0_EBX, X86CPU_FEAT_29_0_EBX, X86CPU_FEAT_1E_1_EAX,
    X86CPU_FEAT_24_1_ECX,
};

_Static_assert(COUNT(host_word_order) == X86CPU_WORD_COUNT,
               "each word has its place in the order");

typedef struct Removed {
    const CpuContext *context;
    const CpuRequest *request;
    const X86CpuTables *tables;
    const Passport *passport;
    const HostOffer *offer;
    const X86CpuFiltered *filtered;
    HostRequests requests;
    /* Requested, but it lacks a feature that was not requested */
    uint64_t unmet[X86CPU_MAX_WORDS];
    X86CpuUnseen *found;
    size_t nfound, room;
    json_t *list;
    bool failed;
} Removed;

/* ---- JSON ---- */

/* Both take the reference to @value. */
static void append(Removed *r, json_t *list, json_t *value)
{
    if (json_array_append_new(list, value)) {
        r->failed = true;
    }
}

static void set(Removed *r, json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value)) {
        r->failed = true;
    }
}

static bool has_text(const json_t *list, const char *text)
{
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        if (!strcmp(json_string_value(json_array_get(list, i)), text)) {
            return true;
        }
    }
    return false;
}

static bool has_value(const json_t *list, const json_t *value)
{
    size_t i;

    for (i = 0; i < json_array_size(list); i++) {
        if (json_equal(json_array_get(list, i), value)) {
            return true;
        }
    }
    return false;
}

/* ---- names and places ---- */

static bool is_kvm_word(unsigned word)
{
    return word == X86CPU_FEAT_KVM || word == X86CPU_FEAT_KVM_HINTS;
}

/* Its canonical name, or else its place */
static void name_of(const Removed *r, X86CpuBits bit, char name[MAX_NAME])
{
    X86CpuBits owner = host_components_owner(r->tables, bit);
    const X86CpuFeature *feature = feature_names_find(r->tables, owner);

    if (feature) {
        snprintf(name, MAX_NAME, "%s", feature->name);
    } else {
        feature_names_place(r->tables, bit, name);
    }
}

/* The names of the features that @bits are of, each once */
static json_t *names_of(Removed *r, X86CpuBits bits)
{
    json_t *names = json_array();
    uint64_t left;

    for (left = bits.mask; left; left &= left - 1) {
        char name[MAX_NAME];

        name_of(r, (X86CpuBits) { bits.word, left & -left }, name);
        if (!has_text(names, name)) {
            append(r, names, json_string(name));
        }
    }
    return names;
}

static json_t *cpuid_place(uint32_t leaf, uint32_t subleaf, X86CpuRegister reg,
                           unsigned bit)
{
    return json_pack("{s:{s:I, s:I, s:s, s:i}}", "cpuid",
                     "leaf", (json_int_t)leaf, "subleaf", (json_int_t)subleaf,
                     "register", models_file_register_names[reg],
                     "bit", (int)bit);
}

/* With Hyper-V's leaves, KVM's own ones are after them. */
static bool shows_hyperv(const Removed *r)
{
    const X86Cpu *cpu = &r->request->cpu;

    return r->passport->kvm.capabilities[PASSPORT_CAP_HYPERV] > 0 &&
           (x86cpu_has_hyperv(cpu) || cpu->values[X86CPU_HV_PASSTHROUGH]);
}

static json_t *place_of(const Removed *r, X86CpuBits bit)
{
    const X86CpuWord *w = &r->tables->words[bit.word];
    uint32_t leaf = w->index;

    if (w->msr) {
        return json_pack("{s:{s:I, s:i}}", "msr",
                         "index", (json_int_t)w->index,
                         "bit", (int)feature_names_number(bit));
    }
    if (is_kvm_word(bit.word) && shows_hyperv(r)) {
        leaf += HYPERVISOR_LEAVES;
    }
    return cpuid_place(leaf, w->subleaf, w->reg, feature_names_number(bit));
}

/* ---- features ---- */

static const char *reason_of(const Removed *r, const X86CpuUnseen *u)
{
    static const char *const reasons[] = {
        [X86CPU_REASON_ACCELERATOR] = "accelerator",
        [X86CPU_REASON_CONFIGURATION] = "configuration",
        [X86CPU_REASON_LEVEL] = "level",
        [X86CPU_REASON_DEPENDENCY] = "dependency",
        [X86CPU_REASON_CONFLICT] = "conflict",
        [X86CPU_REASON_VALUE] = "value",
        [X86CPU_REASON_QEMU] = "qemu",
    };
    static const char *const lacks[] = {
        [HOST_LACK_HARDWARE] = "hardware",
        [HOST_LACK_KERNEL] = "kernel",
        [HOST_LACK_QEMU] = "qemu",
        [HOST_LACK_CONFIGURATION] = "configuration",
    };

    return u->reason == X86CPU_REASON_NOT_OFFERED
           ? lacks[host_offer_lack(r->tables, r->offer, u->cause)]
           : reasons[u->reason];
}

static bool is_blocking(const Removed *r, const X86CpuUnseen *u)
{
    return u->blocking ||
           (r->unmet[u->cause.word] &
            host_requests_set(&r->requests, u->cause.word) & u->cause.mask);
}

/* All but its places */
static json_t *describe(Removed *r, const X86CpuUnseen *u)
{
    X86CpuBits owner = host_components_owner(r->tables, u->cause);
    char name[MAX_NAME];
    json_t *entry, *requires;
    unsigned i;

    name_of(r, u->cause, name);
    entry = json_pack("{s:s, s:s, s:b, s:s}", "feature", name,
                      "reason", reason_of(r, u),
                      "blocking", is_blocking(r, u),
                      "requested-by", host_requested_by(r->tables,
                                                        &r->requests, owner));
    if (u->nneeds || u->reason == X86CPU_REASON_DEPENDENCY) {
        requires = json_array();
        for (i = 0; i < u->nneeds; i++) {
            json_t *any_of = names_of(r, u->needs[i]);

            if (has_value(requires, any_of)) {
                json_decref(any_of);
            } else {
                append(r, requires, any_of);
            }
        }
        set(r, entry, "requires", requires);
    }
    if (u->reason == X86CPU_REASON_CONFLICT) {
        set(r, entry, "conflicts-with", names_of(r, u->conflicts_with));
    }
    return entry;
}

/* Whether @entry is @other, except for its places */
static bool is_same(const json_t *entry, const json_t *other)
{
    const char *key;
    const json_t *value;

    if (json_object_size(entry) + 1 != json_object_size(other)) {
        return false;
    }
    json_object_foreach((json_t *)entry, key, value) {
        if (!json_equal(value, json_object_get(other, key))) {
            return false;
        }
    }
    return true;
}

static void add_entry(Removed *r, const X86CpuUnseen *u)
{
    json_t *entry = describe(r, u);
    size_t i;

    for (i = 0; i < json_array_size(r->list); i++) {
        json_t *other = json_array_get(r->list, i);

        if (is_same(entry, other)) {
            append(r, json_object_get(other, "places"), place_of(r, u->bit));
            json_decref(entry);
            return;
        }
    }
    set(r, entry, "places", json_pack("[o]", place_of(r, u->bit)));
    append(r, r->list, entry);
}

static void collect(const X86CpuUnseen *unseen, void *opaque)
{
    Removed *r = opaque;

    if (r->nfound == r->room) {
        size_t room = r->room ? 2 * r->room : 64;
        X86CpuUnseen *found = realloc(r->found, room * sizeof(*found));

        if (!found) {
            r->failed = true;
            return;
        }
        r->found = found;
        r->room = room;
    }
    r->found[r->nfound++] = *unseen;
}

/* What KVM turns off in named models is in no request. */
static void collect_off_by_accelerator(Removed *r)
{
    unsigned i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        uint64_t bits = r->requests.off_by_accelerator[i];

        for (; bits; bits &= bits - 1) {
            X86CpuUnseen unseen = {
                .bit = { i, bits & -bits },
                .cause = { i, bits & -bits },
                .reason = X86CPU_REASON_CONFIGURATION,
            };

            collect(&unseen, r);
        }
    }
}

static unsigned order_of(unsigned word)
{
    unsigned i;

    for (i = 0; i < COUNT(host_word_order); i++) {
        if (host_word_order[i] == word) {
            return i;
        }
    }
    return word;
}

static int compare(const void *p, const void *q)
{
    const X86CpuUnseen *a = p, *b = q;
    unsigned i = order_of(a->bit.word), j = order_of(b->bit.word);

    return i != j ? (i > j) - (i < j)
                  : (a->bit.mask > b->bit.mask) -
                    (a->bit.mask < b->bit.mask);
}

/*
 * What x86_cpu_expand_features() drops for features that were not requested,
 * and only that
 */
static void find_unmet(Removed *r, X86CpuTopology topology)
{
    const X86Cpu *cpu = &r->request->cpu;
    const uint64_t *values = cpu->values;
    X86Cpu closed = *cpu;
    unsigned i;

    x86cpu_expand_features(r->tables, &closed, X86CPU_ON_KVM, topology);
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        r->unmet[i] = cpu->words[i] & ~closed.words[i];
    }
    r->unmet[X86CPU_FEAT_KVM] = 0;
    if (r->tables->version >= X86CPU_LINE_11_1 && !values[X86CPU_PMU]) {
        r->unmet[X86CPU_FEAT_7_0_EDX] &= ~ARCH_LBR;
        if (!values[X86CPU_X_PDCM_ON_EVEN_WITHOUT_PMU]) {
            r->unmet[X86CPU_FEAT_1_ECX] &= ~PDCM;
        }
    }
}

/* ---- what is no feature ---- */

static json_t *new_entry(const char *feature, const char *reason,
                         bool blocking, const char *requested_by)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:[]}", "feature", feature,
                     "reason", reason, "blocking", blocking,
                     "requested-by", requested_by, "places");
}

static void add_places(Removed *r, json_t *entry, uint32_t leaf,
                       X86CpuRegister reg, uint32_t bits)
{
    unsigned i;

    for (i = 0; i < 32; i++) {
        if (bits >> i & 1) {
            append(r, json_object_get(entry, "places"),
                   cpuid_place(leaf, 0, reg, i));
        }
    }
}

static void add_avx10_version(Removed *r)
{
    const X86Cpu *remaining = &r->filtered->remaining;
    uint64_t requested = r->request->cpu.values[X86CPU_AVX10_VERSION];
    bool has_avx10 = remaining->words[X86CPU_FEAT_7_1_EDX] & AVX10;
    uint64_t version = has_avx10 ? remaining->values[X86CPU_AVX10_VERSION]
                                 : 0;
    uint64_t host = r->offer->offer.avx10_version;
    uint64_t allowed = version < host ? version : host;
    uint64_t seen = remaining->values[X86CPU_LEVEL] < AVX10_LEAF ? 0 : version;
    bool is_lowered = allowed < requested;
    json_t *entry;

    if (!requested || (!is_lowered && seen >= requested)) {
        return;
    }
    entry = new_entry("avx10-version", is_lowered ? "value" : "level",
                      is_lowered,
                      requested ==
                      r->request->default_cpu.values[X86CPU_AVX10_VERSION]
                      ? "model" : "user");
    add_places(r, entry, AVX10_LEAF, X86CPU_EBX,
               requested & ~(is_lowered ? allowed : seen));
    append(r, r->list, entry);
}

/* Without Hyper-V, QEMU silently ignores most enlightenments. */
static void add_hyperv(Removed *r)
{
    const X86Cpu *cpu = &r->request->cpu;
    uint32_t requested = host_hyperv_requested(cpu);
    json_t *entry;
    unsigned i, n;

    if (r->passport->kvm.capabilities[PASSPORT_CAP_HYPERV] > 0) {
        return;
    }
    for (i = 0; i < HOST_HYPERV_COUNT; i++) {
        const HostHyperv *row = &host_hyperv_rows[i];

        if (!(requested & BIT(i))) {
            continue;
        }
        entry = new_entry(x86cpu_property_names[row->property], "kernel",
                          false, "user");
        for (n = 0; n < HOST_HYPERV_PLACES; n++) {
            add_places(r, entry, row->places[n].leaf, row->places[n].reg,
                       row->places[n].bits);
        }
        append(r, r->list, entry);
    }
    if (cpu->values[X86CPU_HV_SPINLOCKS] != X86CPU_HV_NEVER_NOTIFY) {
        entry = new_entry("hv-spinlocks", "kernel", false, "user");
        add_places(r, entry, HOST_HYPERV_INFO_LEAF, X86CPU_EBX,
                   cpu->values[X86CPU_HV_SPINLOCKS]);
        append(r, r->list, entry);
    }
    if (cpu->values[X86CPU_HV_PASSTHROUGH]) {
        append(r, r->list, new_entry("hv-passthrough", "kernel", false,
                                     "user"));
    }
}

json_t *host_removed(const CpuContext *context, const CpuRequest *request,
                     X86CpuTopology topology, const Passport *passport,
                     const HostOffer *offer, const X86CpuFiltered *filtered)
{
    Removed r = {
        .context = context,
        .request = request,
        .tables = models_file_tables(context->file),
        .passport = passport,
        .offer = offer,
        .filtered = filtered,
        .list = json_array(),
    };
    size_t i;

    host_requests_fill(context, request, topology, &r.requests);
    find_unmet(&r, topology);
    x86cpu_explain(r.tables, &request->cpu, X86CPU_ON_KVM, topology,
                   &offer->offer, collect, &r);
    host_components_explain(r.tables, &request->cpu, topology, &offer->offer,
                            filtered, collect, &r);
    collect_off_by_accelerator(&r);
    if (r.found) {
        qsort(r.found, r.nfound, sizeof(r.found[0]), compare);
    }
    for (i = 0; i < r.nfound; i++) {
        add_entry(&r, &r.found[i]);
    }
    free(r.found);
    add_avx10_version(&r);
    add_hyperv(&r);
    if (r.failed) {
        json_decref(r.list);
        return NULL;
    }
    return r.list;
}
