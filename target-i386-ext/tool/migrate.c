/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a guest can go from one host to another
 *
 * Sources: target/i386/kvm/kvm.c (kvm_arch_set_tsc_khz(),
 * kvm_arch_init_vcpu(), hyperv_init_vcpu(), kvm_msr_entry_add_vmx()), kvm-cpu.c
 * (kvm_cpu_xsave_init()), cpu.c (cpu_x86_cpuid()) and machine.c
 * (nested_state_post_load()) of QEMU; SDM vol. 1, 13.5 (XSAVE layout), vol. 3,
 * appendix A (VMX capabilities), 17.3.1 (IA32_MCG_CAP), 20.1 (LBR) and 38.7
 * (SGX).
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "../fixed-bits.h"
#include "compare.h"
#include "host-smp.h"
#include "migrate.h"

#define BIT(n) (1ull << (n))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define VMX     BIT(5)                  /* CPUID[1].ECX */
#define SVM     BIT(2)                  /* CPUID[0x80000001].ECX */
#define LM      BIT(29)                 /* CPUID[0x80000001].EDX */
#define INVTSC  BIT(8)                  /* CPUID[0x80000007].EDX */
#define MCE     BIT(7)                  /* CPUID[1].EDX */
#define MCA     BIT(14)
#define SGX     BIT(2)                  /* CPUID[7].EBX */
#define PROVISIONKEY BIT(4)             /* CPUID[0x12, 1].EAX */
#define ARCH_LBR BIT(19)                /* CPUID[7].EDX */
#define PERFMON_V2 BIT(0)               /* CPUID[0x80000022].EAX */
#define EPT     BIT(32 + 1)             /* VMX_PROCBASED_CTLS2 */
#define XTILE   (BIT(17) | BIT(18))     /* XSAVE components */
#define MCG_CTL_P BIT(8)                /* IA32_MCG_CAP */
#define MCG_SER_P BIT(24)

enum {
    /* x87 and SSE are in the legacy region of the XSAVE area. */
    FIRST_EXTENDED_COMPONENT = 2,
    COMPONENTS = 63,
    SGX_LEAF = 0x12,
    VMX_BASIC = 0x480,
    VMX_MISC = 0x485,
    VMX_EPT_VPID_CAP = 0x48c,
};

/* A lost reason would be a wrong "yes". */
static void append(MigrateReasons *reasons, json_t *list, json_t *item)
{
    if (json_array_append_new(list, item)) {
        reasons->lost = true;
    }
}

/* jansson refuses other bytes, which CPUs may have in model-id, for one. */
static void make_utf8(char *text)
{
    while (*text) {
        json_t *character = NULL;
        size_t length = 0;

        while (!character && length < 4 && text[length]) {
            character = json_stringn(text, ++length);
        }
        if (!character) {
            *text = '?';
            length = 1;
        }
        json_decref(character);
        text += length;
    }
}

void migrate_add(MigrateReasons *reasons, const char *what, bool blocking,
                 const char *format, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    make_utf8(text);
    append(reasons, reasons->list, json_pack("{s:s, s:s, s:b}", "what", what,
                                             "text", text, "blocking",
                                             blocking));
}

void migrate_add_unknown(MigrateReasons *reasons, const char *format, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    make_utf8(text);
    append(reasons, reasons->unknown, json_string(text));
}

/*
 * One reason for all of @features, which is released and may be empty; @format
 * has a %s for them.
 */
static void add_list(MigrateReasons *reasons, const char *what, bool blocking,
                     json_t *features, const char *format, const char *a,
                     const char *b)
{
    json_t *text = json_string(""), *longer, *feature;
    size_t i;

    json_array_foreach(features, i, feature) {
        longer = json_sprintf("%s%s%s", json_string_value(text),
                              i ? ", " : "", json_string_value(feature));
        json_decref(text);
        text = longer;
    }
    if (json_array_size(features)) {
        append(reasons, reasons->list, json_pack(
            "{s:s, s:o, s:b, s:O}", "what", what, "text",
            json_sprintf(format, a, b, json_string_value(text)),
            "blocking", blocking, "features", features));
    }
    json_decref(text);
    json_decref(features);
}

void migrate_side_finish(MigrateSide *side)
{
    X86Cpu cpu = side->described, parts;

    /*
     * Properties have no parts of features, but guests see them: of
     * vmx-invept-single-context, vmx-vpid=off leaves one.
     */
    x86cpu_describe(side->tables, &side->request->cpu, X86CPU_ON_KVM,
                    &side->offer.values, &parts);
    memcpy(cpu.words, parts.words, sizeof(cpu.words));
    x86cpu_filter(side->tables, &cpu, X86CPU_ON_KVM, side->topology,
                  &side->offer.offer, &side->filtered);
    if (side->request->is_host) {
        host_add_late_features(side->passport, &side->options,
                               &side->filtered.remaining);
    }
    x86cpu_view_expanded(side->tables, &side->filtered.remaining,
                         X86CPU_ON_KVM, side->topology, &side->view);
}

static bool shows(const MigrateSide *side, X86CpuWordId word, uint64_t bits)
{
    return side->view.words[word] & bits;
}

static int capability(const MigrateSide *side, PassportCapability cap)
{
    return side->passport->kvm.capabilities[cap];
}

/* ---- features ---- */

/*
 * Features that microcode updates bring, by their names in QEMU: mitigations
 * of side channels (Documentation/admin-guide/hw-vuln/ of Linux)
 */
static const char *const by_microcode[] = {
    "amd-psfd", "amd-ssbd", "amd-stibp", "arch-capabilities", "bhi-ctrl",
    "bhi-no", "core-capability", "ddpd-u", "fb-clear", "fbsdp-no", "flush-l1d",
    "gds-no", "ibpb", "ibpb-brtype", "ibpb-ret", "ibrs-all", "intel-psfd",
    "ipred-ctrl", "its-no", "mcdt-no", "md-clear", "mds-no", "psdp-no",
    "pschange-mc-no", "rdctl-no", "rfds-clear", "rfds-no", "rrsba-ctrl",
    "rsba", "sbdr-ssdp-no", "sbpb", "skip-l1dfl-vmentry", "spec-ctrl",
    "srbds-ctrl", "srso-no", "srso-user-kernel-no", "ssb-no", "ssbd", "stibp",
    "taa-no", "tsa-l1-no", "tsa-sq-no", "tsx-ctrl", "verw-clear", "virt-ssbd",
};

static bool is_by_microcode(const char *name)
{
    size_t i;

    for (i = 0; i < COUNT(by_microcode); i++) {
        if (!strcmp(by_microcode[i], name)) {
            return true;
        }
    }
    return false;
}

/* The entry of @side's check about feature @name; NULL if there is none */
static const json_t *find_removed(const MigrateSide *side, const char *name)
{
    const json_t *removed = json_object_get(side->check, "removed-features");
    const json_t *entry;
    size_t i;

    json_array_foreach((json_t *)removed, i, entry) {
        const char *other =
            json_string_value(json_object_get(entry, "feature"));

        if (other && !strcmp(other, name)) {
            return entry;
        }
    }
    return NULL;
}

/* NULL if the QEMU of @side does not have it */
static const X86CpuFeature *find_feature(const MigrateSide *side,
                                         const char *name)
{
    int number = models_file_find_feature(side->file, name);

    return number < 0 ? NULL : &side->tables->features[number];
}

/*
 * Bits of feature @f that guests see on @a and not on @b, where it is @g, or
 * NULL.  A part of a feature may be lost, too.
 */
static uint64_t lost_bits(const MigrateSide *a, const X86CpuFeature *f,
                          const MigrateSide *b, const X86CpuFeature *g)
{
    return a->view.words[f->word] & f->mask &
           ~(g ? b->view.words[g->word] : 0);
}

/* Why guests of @side lack bits of a feature */
static const char *reason_of(const MigrateSide *side, const X86CpuFeature *f,
                             uint64_t lost)
{
    static const char *const lacks[] = {
        [HOST_LACK_HARDWARE] = "hardware",
        [HOST_LACK_KERNEL] = "kernel",
        [HOST_LACK_QEMU] = "qemu",
        [HOST_LACK_CONFIGURATION] = "configuration",
    };
    const json_t *entry = find_removed(side, f->name);
    const char *reason = json_string_value(json_object_get(entry, "reason"));
    uint64_t left = lost & ~side->offer.offer.words[f->word];

    if (reason) {
        return reason;
    }
    return left ? lacks[host_offer_lack(side->tables, &side->offer,
                                        (X86CpuBits) { f->word,
                                                       left & -left })]
                : NULL;
}

static void add_lost(const MigrateSide *a, const MigrateSide *b,
                     const X86CpuFeature *f, uint64_t lost,
                     MigrateReasons *reasons)
{
    const char *reason = reason_of(b, f, lost);
    char part[32] = "";

    if (lost != f->mask) {
        snprintf(part, sizeof(part), " (bits 0x%" PRIx64 ")", lost);
    }
    if (is_by_microcode(f->name) && a->passport->microcode &&
        b->passport->microcode) {
        migrate_add(reasons, "microcode", true, "guests lack %s%s on %s%s%s; "
                    "microcode brings it: %s has %.64s, %s has %.64s", f->name,
                    part, b->name, reason ? ": " : "", reason ? reason : "",
                    a->name, a->passport->microcode, b->name,
                    b->passport->microcode);
        return;
    }
    migrate_add(reasons, is_by_microcode(f->name) ? "microcode" : "feature",
                true, "guests lack %s%s on %s%s%s", f->name, part, b->name,
                reason ? ": " : "", reason ? reason : "");
}

/* Bits that QEMU sets by the topology; AMD's copies: see core/compare.c. */
static bool is_free(const MigrateSide *side, const X86CpuFeature *f)
{
    return f->polarity == X86CPU_TOPOLOGY ||
           (f->word == X86CPU_FEAT_8000_0001_EDX &&
            (f->mask & X86CPU_AMD_ALIASES) &&
            x86cpu_is_amd(&side->filtered.remaining));
}

/* By names: the files of two QEMUs may number words differently. */
static void compare_features(const MigrateSide *a, const MigrateSide *b,
                             MigrateReasons *reasons)
{
    json_t *added = json_array();
    size_t i;

    for (i = 0; i < a->tables->nfeatures; i++) {
        const X86CpuFeature *f = &a->tables->features[i];
        const X86CpuFeature *g = find_feature(b, f->name);
        uint64_t lost = lost_bits(a, f, b, g);

        if (is_free(a, f)) {
            continue;
        }
        if (!lost) {
            if (g && lost_bits(b, g, a, f)) {
                append(reasons, added, json_string(f->name));
            }
        } else if (!g) {
            migrate_add(reasons, "feature", true, "QEMU %s on %s has no "
                        "feature %s", models_file_version(b->file), b->name,
                        f->name);
        } else {
            add_lost(a, b, g, lost, reasons);
        }
    }
    add_list(reasons, "added-features", false, added, "guests gain features "
             "on %s that %s does not show: %s", b->name, a->name);
}

/* Features that guests don't see on @a either do not stop QEMU's start. */
static void add_missing_on_both(const MigrateSide *a, const MigrateSide *b,
                                MigrateReasons *reasons)
{
    json_t *missing = json_array();
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(b->check, "removed-features"), i,
                       entry) {
        const char *name =
            json_string_value(json_object_get(entry, "feature"));
        const X86CpuFeature *f = find_feature(a, name);

        if (!json_is_true(json_object_get(entry, "blocking")) ||
            (f && lost_bits(a, f, b, find_feature(b, name)))) {
            continue;
        }
        if (find_removed(a, name)) {
            append(reasons, missing, json_string(name));
        } else if (!f) {
            /* Not a feature of the dictionary: no view has it. */
            migrate_add(reasons, "feature", true, "guests lack %s on %s: %s",
                        name, b->name, json_string_value(
                            json_object_get(entry, "reason")));
        }
    }
    add_list(reasons, "removed-on-both", false, missing, "neither %s nor %s "
             "has these features, which were requested, so enforce=on would "
             "refuse the CPU: %s", a->name, b->name);
}

/* One reason for all that was requested and @side lacks */
static void add_removed(const MigrateSide *side, const char *what,
                        bool blocking, const char *format,
                        MigrateReasons *reasons)
{
    json_t *missing = json_array();
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(side->check, "removed-features"), i,
                       entry) {
        if (json_is_true(json_object_get(entry, "blocking"))) {
            append(reasons, missing,
                   json_incref(json_object_get(entry, "feature")));
        }
    }
    add_list(reasons, what, blocking, missing, format, side->name, "");
}

/* A guest that does not start on A is not there to migrate. */
static void add_errors(const MigrateSide *side, MigrateReasons *reasons)
{
    char text[HOST_SMP_TEXT];
    const json_t *error;
    size_t i;

    json_array_foreach(json_object_get(side->check, "errors"), i, error) {
        const char *property =
            json_string_value(json_object_get(error, "property"));

        migrate_add(reasons, property ? property : "error", true,
                    "QEMU does not start on %s: %s", side->name,
                    json_string_value(json_object_get(error, "text")));
    }
    if (host_smp_problem(side->passport, &side->options, &side->counts,
                         &side->filtered.remaining, text)) {
        migrate_add(reasons, "smp", true, "QEMU does not start on %s: %s",
                    side->name, text);
    }
    if (side->request->enforce) {
        add_removed(side, "enforce", true, "QEMU does not start on %s with "
                    "enforce=on%s: the host lacks %s", reasons);
    }
}

/* ---- values ---- */

static bool gates(const X86CpuTables *tables, unsigned property)
{
    switch (tables->properties[property].class) {
    case X86CPU_CLASS_BIT:
    case X86CPU_CLASS_FLAT:
    case X86CPU_CLASS_GATE:
        return true;
    case X86CPU_CLASS_MINIMUM:
        /* See compare_physical_bits(). */
        return property != X86CPU_PHYS_BITS;
    default:
        return false;
    }
}

static void compare_values(const MigrateSide *a, const MigrateSide *b,
                           MigrateReasons *reasons)
{
    unsigned i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        uint64_t of_a = a->view.values[i], of_b = b->view.values[i];

        if (gates(a->tables, i) && of_a != of_b) {
            bool fits = a->tables->properties[i].class ==
                        X86CPU_CLASS_MINIMUM ? of_a < of_b : !of_a;

            migrate_add(reasons, x86cpu_property_names[i], !fits,
                        "%s is %" PRIu64 " on %s, and %" PRIu64 " on %s",
                        x86cpu_property_names[i], of_a, a->name, of_b,
                        b->name);
        }
    }
    if (memcmp(a->view.vendor, b->view.vendor, sizeof(a->view.vendor))) {
        migrate_add(reasons, "vendor", true, "guests see the vendor %.12s on "
                    "%s, and %.12s on %s", a->view.vendor, a->name,
                    b->view.vendor, b->name);
    }
}

/* What guests are not bound to, though it changes under them */
static void compare_identity(const MigrateSide *a, const MigrateSide *b,
                             MigrateReasons *reasons)
{
    static const X86CpuPropertyId ids[] = {
        X86CPU_FAMILY, X86CPU_MODEL, X86CPU_STEPPING, X86CPU_UCODE_REV,
    };
    const X86Cpu *ca = &a->filtered.remaining, *cb = &b->filtered.remaining;
    size_t i;

    for (i = 0; i < COUNT(ids); i++) {
        if (ca->values[ids[i]] != cb->values[ids[i]]) {
            migrate_add(reasons, "identity", false, "%s is 0x%" PRIx64 " on "
                        "%s, and 0x%" PRIx64 " on %s",
                        x86cpu_property_names[ids[i]], ca->values[ids[i]],
                        a->name, cb->values[ids[i]], b->name);
        }
    }
    if (strcmp(ca->model_id, cb->model_id)) {
        migrate_add(reasons, "identity", false, "model-id is '%s' on %s, and "
                    "'%s' on %s", ca->model_id, a->name, cb->model_id,
                    b->name);
    }
}

/*
 * QEMU only warns of more bits than the host has, and guests with few
 * addresses do not mind: only what the guest loses stands in the way.
 */
static void compare_physical_bits(const MigrateSide *a, const MigrateSide *b,
                                  MigrateReasons *reasons)
{
    uint64_t of_a = a->filtered.remaining.values[X86CPU_PHYS_BITS];
    uint64_t of_b = b->filtered.remaining.values[X86CPU_PHYS_BITS];
    uint32_t host_a = a->offer.values.phys_bits;
    uint32_t host_b = b->offer.values.phys_bits;
    uint64_t guest_a = a->view.values[X86CPU_GUEST_PHYS_BITS];
    uint64_t guest_b = b->view.values[X86CPU_GUEST_PHYS_BITS];

    if (!shows(a, X86CPU_FEAT_8000_0001_EDX, LM)) {
        return;
    }
    if (of_a != of_b) {
        migrate_add(reasons, "phys-bits", of_a > of_b, "guests have %" PRIu64
                    " physical bits on %s, and %" PRIu64 " on %s: set "
                    "phys-bits", of_a, a->name, of_b, b->name);
    } else if (of_a > host_b) {
        migrate_add(reasons, "phys-bits", of_a <= host_a, "the guest has %"
                    PRIu64 " physical bits, and the CPU of %s has %u", of_a,
                    b->name, host_b);
    }
    if (guest_a != guest_b) {
        /* 0 is no fewer than all of them. */
        migrate_add(reasons, "guest-phys-bits",
                    (guest_a ? guest_a : of_a) > (guest_b ? guest_b : of_b),
                    "CPUID[0x80000008].EAX tells guests to use %" PRIu64
                    " physical bits on %s, and %" PRIu64 " on %s: set "
                    "guest-phys-bits", guest_a, a->name, guest_b, b->name);
    }
}

/* Only those of model host, and of different QEMUs, differ. */
static void compare_levels(const MigrateSide *a, const MigrateSide *b,
                           MigrateReasons *reasons)
{
    const struct {
        const char *name;
        uint32_t of_a, of_b;
    } levels[] = {
        { "0", a->view.level, b->view.level },
        { "7", a->view.level_func7, b->view.level_func7 },
        { "0x80000000", a->view.xlevel, b->view.xlevel },
        { "0xC0000000", a->view.xlevel2, b->view.xlevel2 },
    };
    size_t i;

    for (i = 0; i < COUNT(levels); i++) {
        if (levels[i].of_a != levels[i].of_b) {
            migrate_add(reasons, "level", levels[i].of_a > levels[i].of_b,
                        "CPUID[%s].EAX, the highest leaf or subleaf, is 0x%x "
                        "on %s, and 0x%x on %s", levels[i].name,
                        levels[i].of_a, a->name, levels[i].of_b, b->name);
        }
    }
}

/* ---- TSC ---- */

/* As freq_within_bounds(): what NTP may correct */
static bool within_bounds(uint32_t host_khz, uint64_t khz)
{
    uint64_t tolerance = (uint64_t)host_khz * 250 / 1000000;

    return khz >= host_khz - tolerance && khz <= host_khz + tolerance;
}

static void compare_tsc(const MigrateSide *a, const MigrateSide *b,
                        MigrateReasons *reasons)
{
    uint64_t set = a->filtered.remaining.values[X86CPU_TSC_FREQUENCY];
    uint32_t khz_a = a->passport->kvm.tsc_khz;
    uint32_t khz_b = b->passport->kvm.tsc_khz;
    bool scales = capability(b, PASSPORT_CAP_TSC_CONTROL) > 0;

    if (set) {
        /* Then QEMU refuses another one: see add_errors(). */
        return;
    }
    if (shows(a, X86CPU_FEAT_8000_0007_EDX, INVTSC)) {
        migrate_add(reasons, "invtsc", true, "QEMU refuses to migrate guests "
                    "with invtsc unless tsc-frequency is set");
    }
    if (!khz_a || !khz_b) {
        migrate_add(reasons, "tsc-frequency", false, "%s does not tell the "
                    "frequency of its TSC", khz_a ? b->name : a->name);
    } else if (!within_bounds(khz_b, khz_a) && !scales) {
        migrate_add(reasons, "tsc-frequency", false, "the guest's TSC runs at "
                    "%" PRIu32 " kHz on %s, and at %" PRIu32 " kHz on %s, "
                    "which can't scale it: QEMU only warns, and clocks of the "
                    "guest go wrong", khz_a, a->name, khz_b, b->name);
    }
}

/* ---- state ---- */

static void compare_xsave_layout(const MigrateSide *a, const MigrateSide *b,
                                 MigrateReasons *reasons)
{
    unsigned i;

    for (i = FIRST_EXTENDED_COMPONENT; i < COMPONENTS; i++) {
        uint32_t of_a[4], of_b[4];
        bool known = passport_cpuid(a->passport, 0xd, i, of_a) &&
                     passport_cpuid(b->passport, 0xd, i, of_b);

        if (!(a->view.components & b->view.components & BIT(i))) {
            continue;
        }
        if (!known) {
            migrate_add_unknown(reasons, "where CPUs of %s and %s keep XSAVE "
                                "component %u: a passport lacks leaf 0xD",
                                a->name, b->name, i);
        } else if (of_a[0] != of_b[0] || of_a[1] != of_b[1] ||
                   ((of_a[2] ^ of_b[2]) & 3)) {
            migrate_add(reasons, "xsave-layout", true, "XSAVE component %u has "
                        "%u bytes from %u on %s, and %u bytes from %u on %s",
                        i, of_a[0], of_a[1], a->name, of_b[0], of_b[1],
                        b->name);
        }
    }
}

/* QEMU does not remove a feature whose component the host lacks. */
static void compare_xsave_state(const MigrateSide *a, const MigrateSide *b,
                                MigrateReasons *reasons)
{
    const uint64_t *of_a = a->offer.offer.words;
    const uint64_t *of_b = b->offer.offer.words;
    uint64_t lost = (of_a[X86CPU_FEAT_XSAVE_XCR0_LO] &
                     ~of_b[X86CPU_FEAT_XSAVE_XCR0_LO]) |
                    (of_a[X86CPU_FEAT_XSAVE_XCR0_HI] &
                     ~of_b[X86CPU_FEAT_XSAVE_XCR0_HI]) << 32;

    lost &= a->view.components & b->view.components;
    if (lost) {
        migrate_add(reasons, "xsave-state", true, "guests have XSAVE "
                    "components 0x%" PRIx64 " on %s, and not on %s", lost,
                    a->name, b->name);
    }
}

static void check_amx_permission(const MigrateSide *a, const MigrateSide *b,
                                 MigrateReasons *reasons)
{
    uint64_t needs = a->view.components & XTILE;

    if (needs & ~b->passport->kvm.xcomp_guest_permission) {
        migrate_add(reasons, "amx-permission", true, "the kernel of %s does "
                    "not grant guests the state of AMX (XSAVE components 0x%"
                    PRIx64 ")", b->name,
                    needs & ~b->passport->kvm.xcomp_guest_permission);
    }
}

/* What KVM has in an MSR that QEMU takes from the host, as it is */
static void compare_msr(const MigrateSide *a, const MigrateSide *b,
                        uint32_t index, const char *name, uint64_t mask,
                        MigrateReasons *reasons)
{
    uint64_t of_a = host_offer_msr(a->passport, index) & mask;
    uint64_t of_b = host_offer_msr(b->passport, index) & mask;

    if (of_a != of_b) {
        migrate_add(reasons, "vmx-fixed-bits", true, "bits of %s that come "
                    "from the host differ: 0x%" PRIx64 " on %s, 0x%" PRIx64
                    " on %s", name, of_a, a->name, of_b, b->name);
    }
}

static void compare_nested(const MigrateSide *a, const MigrateSide *b,
                           MigrateReasons *reasons)
{
    bool vmx = shows(a, X86CPU_FEAT_1_ECX, VMX);
    bool svm = shows(a, X86CPU_FEAT_8000_0001_ECX, SVM);
    int of_a = capability(a, PASSPORT_CAP_NESTED_STATE);
    int of_b = capability(b, PASSPORT_CAP_NESTED_STATE);

    if (!vmx && !svm) {
        return;
    }
    if (of_a <= 0 || of_b <= 0) {
        migrate_add(reasons, "nested-state", true, "the guest has %s, and the "
                    "kernel of %s can't %s the state of nested guests",
                    vmx ? "vmx" : "svm", of_a <= 0 ? a->name : b->name,
                    of_a <= 0 ? "save" : "restore");
    } else if (of_b < of_a) {
        migrate_add(reasons, "nested-state", true, "the kernel of %s restores "
                    "%d bytes of state of nested guests, and that of %s saves "
                    "%d", b->name, of_b, a->name, of_a);
    }
    if (vmx) {
        const X86FixedBits cpu = {
            .has_ept = shows(a, X86CPU_FEAT_VMX_SECONDARY_CTLS, EPT),
        };

        compare_msr(a, b, VMX_BASIC, "IA32_VMX_BASIC",
                    x86_cpu_fixed_bits(X86CPU_FEAT_VMX_BASIC, &cpu), reasons);
        compare_msr(a, b, VMX_MISC, "IA32_VMX_MISC",
                    x86_cpu_fixed_bits(X86CPU_FEAT_VMX_MISC, &cpu), reasons);
        compare_msr(a, b, VMX_EPT_VPID_CAP, "IA32_VMX_EPT_VPID_CAP",
                    x86_cpu_fixed_bits(X86CPU_FEAT_VMX_EPT_VPID_CAPS, &cpu),
                    reasons);
    }
}

static void compare_mce(const MigrateSide *a, const MigrateSide *b,
                        MigrateReasons *reasons)
{
    uint64_t asked = MCG_CTL_P | MCG_SER_P;
    uint64_t of_a = a->passport->kvm.mce_cap & asked;
    uint64_t of_b = b->passport->kvm.mce_cap & asked;

    if (a->filtered.remaining.values[X86CPU_FAMILY] < 6 || of_a == of_b ||
        !shows(a, X86CPU_FEAT_1_EDX, MCE) ||
        !shows(a, X86CPU_FEAT_1_EDX, MCA)) {
        return;
    }
    migrate_add(reasons, "mcg-cap", of_a & ~of_b, "IA32_MCG_CAP has 0x%" PRIx64
                " on %s, and 0x%" PRIx64 " on %s", of_a, a->name, of_b,
                b->name);
}

/* Whether guests of @side with a PMU see @leaf, or a part of it */
static bool shows_pmu_leaf(const MigrateSide *side, uint32_t leaf)
{
    switch (leaf) {
    case 0x1c:
        return shows(side, X86CPU_FEAT_7_0_EDX, ARCH_LBR) &&
               leaf <= side->view.level;
    case 0x80000022:
        return shows(side, X86CPU_FEAT_8000_0022_EAX, PERFMON_V2);
    default:
        return leaf <= side->view.level;
    }
}

/* What QEMU shows as KVM has it */
static void compare_pmu(const MigrateSide *a, const MigrateSide *b,
                        MigrateReasons *reasons)
{
    static const struct {
        const char *name;
        uint32_t leaf;
        X86CpuRegister reg;
        unsigned shift, width;
        enum { NUMBER, BITS, MISSING_BITS } kind;
    } fields[] = {
        { "version", 0xa, X86CPU_EAX, 0, 8, NUMBER },
        { "counters", 0xa, X86CPU_EAX, 8, 8, NUMBER },
        { "width of counters", 0xa, X86CPU_EAX, 16, 8, NUMBER },
        { "a number of events", 0xa, X86CPU_EAX, 24, 8, NUMBER },
        { "missing events", 0xa, X86CPU_EBX, 0, 32, MISSING_BITS },
        { "a mask of fixed counters", 0xa, X86CPU_ECX, 0, 32, BITS },
        { "fixed counters", 0xa, X86CPU_EDX, 0, 5, NUMBER },
        { "width of fixed counters", 0xa, X86CPU_EDX, 5, 8, NUMBER },
        { "other bits of CPUID[0xA].EDX", 0xa, X86CPU_EDX, 13, 19, BITS },
        { "LBR depths", 0x1c, X86CPU_EAX, 0, 8, BITS },
        { "LBR bits in CPUID[0x1C].EAX", 0x1c, X86CPU_EAX, 8, 24, BITS },
        { "LBR filters", 0x1c, X86CPU_EBX, 0, 32, BITS },
        { "LBR contents", 0x1c, X86CPU_ECX, 0, 32, BITS },
        { "counters of perfmon-v2", 0x80000022, X86CPU_EBX, 0, 4, NUMBER },
    };
    size_t i;

    if (!a->filtered.remaining.values[X86CPU_PMU]) {
        return;
    }
    for (i = 0; i < COUNT(fields); i++) {
        uint32_t mask = BIT(fields[i].width) - 1;
        uint32_t of_a = host_offer_cpuid(a->passport, &a->options,
                                         fields[i].leaf, 0, fields[i].reg);
        uint32_t of_b = host_offer_cpuid(b->passport, &b->options,
                                         fields[i].leaf, 0, fields[i].reg);
        bool is_less;

        of_a = of_a >> fields[i].shift & mask;
        of_b = of_b >> fields[i].shift & mask;
        is_less = fields[i].kind == NUMBER ? of_a > of_b :
                  fields[i].kind == BITS ? of_a & ~of_b : of_b & ~of_a;
        if (of_a != of_b && shows_pmu_leaf(a, fields[i].leaf)) {
            migrate_add(reasons, "pmu", is_less,
                        fields[i].kind == NUMBER
                        ? "the PMU has %s %u on %s, and %u on %s (pmu=off, or "
                          "a fixed one)"
                        : "the PMU has %s 0x%x on %s, and 0x%x on %s (pmu=off, "
                          "or a fixed one)",
                        fields[i].name, of_a, a->name, of_b, b->name);
        }
    }
}

static uint32_t sgx_leaf(const MigrateSide *side, uint32_t subleaf,
                         X86CpuRegister reg)
{
    return host_offer_cpuid(side->passport, &side->options, SGX_LEAF, subleaf,
                            reg);
}

/* Those that KVM grants to the guest's enclaves */
static uint64_t enclave_components(const MigrateSide *side)
{
    return sgx_leaf(side, 1, X86CPU_ECX) |
           (uint64_t)sgx_leaf(side, 1, X86CPU_EDX) << 32;
}

/* The logarithms of the largest enclaves, by CPUID[0x12, 0].EDX */
static void compare_enclave_sizes(const MigrateSide *a, const MigrateSide *b,
                                  MigrateReasons *reasons)
{
    static const char *const modes[] = { "outside", "in" };
    uint32_t of_a = sgx_leaf(a, 0, X86CPU_EDX);
    uint32_t of_b = sgx_leaf(b, 0, X86CPU_EDX);
    int i;

    for (i = 0; i < 2; i++, of_a >>= 8, of_b >>= 8) {
        unsigned size_a = of_a & 0xff, size_b = of_b & 0xff;

        if (size_a != size_b) {
            migrate_add(reasons, "sgx", size_a > size_b, "enclaves %s 64-bit "
                        "mode can have 2^%u bytes on %s, and 2^%u on %s",
                        modes[i], size_a, a->name, size_b, b->name);
        }
    }
}

/*
 * What QEMU shows as KVM has it; features are compared as such.  Not where the
 * memory of enclaves is, which is a device.
 */
static void compare_sgx(const MigrateSide *a, const MigrateSide *b,
                        MigrateReasons *reasons)
{
    /* x87 and SSE are always granted. */
    uint64_t shared = a->view.components & b->view.components & ~3ull;
    uint64_t of_a = enclave_components(a) & shared;
    uint64_t of_b = enclave_components(b) & shared;
    bool key_a = capability(a, PASSPORT_CAP_SGX_ATTRIBUTE) > 0;
    bool key_b = capability(b, PASSPORT_CAP_SGX_ATTRIBUTE) > 0;

    if (!shows(a, X86CPU_FEAT_7_0_EBX, SGX) || a->view.level < SGX_LEAF ||
        !shows(b, X86CPU_FEAT_7_0_EBX, SGX) || b->view.level < SGX_LEAF) {
        return;
    }
    compare_enclave_sizes(a, b, reasons);
    if (of_a != of_b) {
        migrate_add(reasons, "sgx", of_a & ~of_b, "enclaves have XSAVE "
                    "components 0x%" PRIx64 " on %s, and 0x%" PRIx64 " on %s",
                    of_a, a->name, of_b, b->name);
    }
    if (key_a != key_b && shows(a, X86CPU_FEAT_SGX_12_1_EAX, PROVISIONKEY) &&
        shows(b, X86CPU_FEAT_SGX_12_1_EAX, PROVISIONKEY)) {
        migrate_add(reasons, "sgx", key_a, "enclaves have the provisioning "
                    "key on %s alone", key_a ? a->name : b->name);
    }
}

static void add_unmigratable(const MigrateSide *a, MigrateReasons *reasons)
{
    size_t i;

    for (i = 0; i < a->tables->nfeatures; i++) {
        const X86CpuFeature *f = &a->tables->features[i];

        /* See compare_tsc() for this one. */
        if (f->word == X86CPU_FEAT_8000_0007_EDX && (f->mask & INVTSC)) {
            continue;
        }
        if (shows(a, f->word, f->mask) &&
            !models_file_is_migratable(a->file, i)) {
            migrate_add(reasons, "unmigratable", true, "QEMU does not migrate "
                        "the state of %s", f->name);
        }
    }
}

/* As hyperv_enabled(); described CPUs do not have hv-passthrough any more. */
static bool has_hyperv(const MigrateSide *side)
{
    const X86Cpu *cpu = &side->request->cpu;

    return capability(side, PASSPORT_CAP_HYPERV) > 0 &&
           (x86cpu_has_hyperv(cpu) || cpu->values[X86CPU_HV_PASSTHROUGH]);
}

/* As hyperv_init_vcpu(), for what it does not let migrate */
static void check_hyperv(const MigrateSide *a, const MigrateSide *b,
                         MigrateReasons *reasons)
{
    const uint64_t *values = a->request->cpu.values;
    bool on_a = has_hyperv(a), on_b = has_hyperv(b);

    if (on_a != on_b) {
        migrate_add(reasons, "hyperv", on_a, "guests have Hyper-V's "
                    "enlightenments on %s alone: the kernel of %s has none",
                    on_a ? a->name : b->name, on_a ? b->name : a->name);
    }
    if (on_a && values[X86CPU_HV_PASSTHROUGH]) {
        migrate_add(reasons, "hv-passthrough", true, "QEMU refuses to migrate "
                    "guests with hv-passthrough: set the hv-* properties that "
                    "are wanted");
    }
    if (on_a &&
        values[X86CPU_HV_NO_NONARCH_CORESHARING] == CPU_TEXT_AUTO) {
        migrate_add(reasons, "hv-no-nonarch-coresharing", true, "QEMU refuses "
                    "to migrate guests with hv-no-nonarch-coresharing=auto: "
                    "set it to on or off");
    }
}

void migrate_compare(const MigrateSide *a, const MigrateSide *b,
                     MigrateReasons *reasons)
{
    const MigrateSide *sides[] = { a, b };
    size_t i;

    for (i = 0; i < COUNT(sides); i++) {
        if (sides[i]->is_known) {
            add_errors(sides[i], reasons);
        } else if (!sides[i]->lacks_cpu) {
            migrate_add_unknown(reasons, "what KVM offers on %s: the passport "
                                "is of hardware alone", sides[i]->name);
        }
    }
    if (!a->is_known && b->is_known) {
        /* Whether guests have them on the other host is not known. */
        add_removed(b, "removed", false, "%s lacks features that were "
                    "requested%s: %s", reasons);
    }
    if (!a->is_known || !b->is_known) {
        return;
    }
    compare_features(a, b, reasons);
    add_missing_on_both(a, b, reasons);
    compare_values(a, b, reasons);
    compare_physical_bits(a, b, reasons);
    compare_levels(a, b, reasons);
    compare_tsc(a, b, reasons);
    compare_xsave_layout(a, b, reasons);
    compare_xsave_state(a, b, reasons);
    check_amx_permission(a, b, reasons);
    compare_nested(a, b, reasons);
    compare_mce(a, b, reasons);
    compare_pmu(a, b, reasons);
    compare_sgx(a, b, reasons);
    add_unmigratable(a, reasons);
    check_hyperv(a, b, reasons);
    compare_identity(a, b, reasons);
}
