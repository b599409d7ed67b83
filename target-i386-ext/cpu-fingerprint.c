/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Check that the target of a migration has the same CPU as its source
 *
 * For guests whose CPU does not follow from the machine type and the model
 * (cpu-compat, custom): if the target's CPU is not the one that the guest
 * knows, migration fails and reports the differences.  Such a guest keeps its
 * fingerprint on targets without these options.  The streams of all other
 * guests are the same as with stock QEMU.
 *
 * The fingerprint is what the guest reads: the registers of every CPUID leaf
 * and the MSRs that enumerate features.  Under KVM, the leaves are those that
 * QEMU passed to KVM.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "migration/migration.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "system/runstate.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/ext/compat.h"
#include "target/i386/ext/cpu-fingerprint.h"
#include "target/i386/ext/feature-place.h"
#include "target/i386/ext/guest-cpuid.h"
#include "target/i386/ext/guest-view.h"
#include "target/i386/ext/hyperv-features.h"
#include "target/i386/ext/machine-cpu-defaults.h"
#include "target/i386/ext/undefined-models.h"

/* What the guest reads from a subleaf or an MSR; streams use this format. */
typedef struct Record {
    uint32_t index;         /* of the leaf or the MSR */
    uint32_t subleaf;       /* or IS_MSR */
    uint32_t regs[4];       /* EAX to EDX, or low and high half of the MSR */
} Record;

#define RECORD_WORDS (sizeof(Record) / sizeof(uint32_t))
#define IS_MSR UINT32_MAX

/* Far more than all possible leaves, subleaves and MSRs need */
#define MAX_WORDS 0x10000

/* More would hide the important ones. */
#define MAX_DIFFERENCES 3
#define MAX_NAMES 8

static const char *const register_names[] = { "EAX", "EBX", "ECX", "EDX" };

/* Taking a fingerprint */

static void add_record(GArray *records, uint32_t index, uint32_t subleaf,
                       const uint32_t *regs)
{
    Record record = { index, subleaf, { regs[0], regs[1], regs[2], regs[3] } };

    /* A leaf of zeros reads like an absent one. */
    if (regs[0] || regs[1] || regs[2] || regs[3]) {
        g_array_append_val(records, record);
    }
}

static void add_msr(GArray *records, uint32_t index, uint64_t value)
{
    uint32_t regs[4] = { value, value >> 32 };

    add_record(records, index, IS_MSR, regs);
}

static void add_cpuid(GArray *records, X86CPU *cpu)
{
    g_autoptr(GArray) leaves = x86_cpu_guest_leaves(cpu);
    unsigned i;

    for (i = 0; i < leaves->len; i++) {
        const X86CPULeaf *leaf = &g_array_index(leaves, X86CPULeaf, i);

        add_record(records, leaf->leaf, leaf->subleaf, leaf->regs);
    }
}

static void add_msrs(GArray *records, X86CPU *cpu)
{
    FeatureWord w;

    for (w = 0; w < FEATURE_WORDS; w++) {
        const FeatureWordInfo *wi = &feature_word_info[w];

        if (wi->type == MSR_FEATURE_WORD) {
            add_msr(records, wi->msr.index, x86_cpu_guest_sees(cpu, w));
        }
    }
    add_msr(records, MSR_IA32_UCODE_REV, cpu->ucode_rev);
    /* The stream overwrites the MSR itself, whatever the target has. */
    add_msr(records, MSR_MCG_CAP, cpu->enable_lmce ? MCG_LMCE_P : 0);
}

static int compare_places(const void *a, const void *b)
{
    const Record *ra = a, *rb = b;
    bool a_msr = ra->subleaf == IS_MSR, b_msr = rb->subleaf == IS_MSR;

    return a_msr != b_msr ? a_msr - b_msr :
           ra->index != rb->index ? (ra->index < rb->index ? -1 : 1) :
           ra->subleaf != rb->subleaf ? (ra->subleaf < rb->subleaf ? -1 : 1)
                                      : 0;
}

static GArray *take_fingerprint(X86CPU *cpu)
{
    GArray *records = g_array_new(FALSE, FALSE, sizeof(Record));

    add_cpuid(records, cpu);
    add_msrs(records, cpu);
    qsort(records->data, records->len, sizeof(Record), compare_places);
    return records;
}

/* Comparing two */

typedef struct Side {
    const char *name;
    const Record *records;
    size_t count;
    /* Where KVM's own leaves are, 0 if there are none */
    uint32_t kvm_base;
    bool has_hyperv;
} Side;

typedef struct Comparison {
    const Side *source, *target;
    unsigned differences;
    GString *text;
    /* The last of named_places that differed */
    const char *last_name;
} Comparison;

static Side make_side(const char *name, const Record *records, size_t count)
{
    Side side = { name, records, count };
    size_t i;

    for (i = 0; i < count; i++) {
        const Record *r = &records[i];

        if (r->subleaf == IS_MSR || r->index >> 16 != 0x4000) {
            continue;
        }
        if (!memcmp(&r->regs[1], "KVMKVMKVM\0\0\0", 12)) {
            side.kvm_base = r->index;
        } else if (r->index == 0x40000001 && r->regs[0] == 0x31237648) {
            side.has_hyperv = true;     /* "Hv#1" */
        }
    }
    return side;
}

/* Registers that are not sets of features */
static const struct {
    uint32_t first, last;       /* leaves, or MSRs */
    bool is_msr;
    uint8_t regs;               /* BIT(0) is EAX */
    const char *name;
} named_places[] = {
    { 0, 0, false, 0x1, "level" },
    { 0, 0, false, 0xe, "vendor" },
    { 1, 1, false, 0x1, "family, model or stepping" },
    { 2, 2, false, 0xf, "caches" },
    { 4, 4, false, 0xf, "caches" },
    { 0x40000000, 0x40000000, false, 0xe, "hv-vendor-id" },
    { 0x40000002, 0x40000002, false, 0xf, "hv-version-id-*" },
    { 0x40000004, 0x40000004, false, 0x2, "hv-spinlocks" },
    { 0x40000005, 0x40000005, false, 0x1, "x-hv-max-vps" },
    { 0x40000010, 0x40000010, false, 0xf, "vmware-cpuid-freq" },
    { 0x80000000, 0x80000000, false, 0x1, "xlevel" },
    { 0x80000002, 0x80000004, false, 0xf, "model-id" },
    { 0x80000005, 0x80000006, false, 0xf, "caches" },
    { 0x80000008, 0x80000008, false, 0x1, "phys-bits or guest-phys-bits" },
    { 0x8000001d, 0x8000001d, false, 0xf, "caches" },
    { 0xc0000000, 0xc0000000, false, 0x1, "xlevel2" },
    { MSR_IA32_UCODE_REV, MSR_IA32_UCODE_REV, true, 0x3, "ucode-rev" },
    { MSR_MCG_CAP, MSR_MCG_CAP, true, 0x3, "lmce" },
};

static const char *name_of_place(const Record *where, int reg)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(named_places); i++) {
        if (named_places[i].is_msr == (where->subleaf == IS_MSR) &&
            where->index >= named_places[i].first &&
            where->index <= named_places[i].last &&
            (named_places[i].regs & (1 << reg))) {
            return named_places[i].name;
        }
    }
    return NULL;
}

static G_GNUC_PRINTF(2, 3) void add_difference(Comparison *c,
                                               const char *format, ...)
{
    va_list ap;

    if (c->differences++ < MAX_DIFFERENCES) {
        g_string_append(c->text, "  ");
        va_start(ap, format);
        g_string_append_vprintf(c->text, format, ap);
        va_end(ap);
        g_string_append_c(c->text, '\n');
    }
}

/* The feature word for a register of a leaf or for half an MSR */
static FeatureWord find_word(const Comparison *c, const Record *where,
                             int reg)
{
    static const int regs[] = { R_EAX, R_EBX, R_ECX, R_EDX };
    uint32_t index = where->index;
    FeatureWord w;

    if (where->subleaf != IS_MSR && index >> 16 == 0x4000) {
        /* KVM's leaves may have been moved up. */
        if (!c->source->kvm_base ||
            c->source->kvm_base != c->target->kvm_base) {
            return FEATURE_WORDS;
        }
        index = index - c->source->kvm_base + KVM_CPUID_SIGNATURE;
    }
    for (w = 0; w < FEATURE_WORDS; w++) {
        const FeatureWordInfo *wi = &feature_word_info[w];

        if (where->subleaf == IS_MSR ? wi->type == MSR_FEATURE_WORD &&
                                       wi->msr.index == index
                                     : wi->type == CPUID_FEATURE_WORD &&
                                       wi->cpuid.eax == index &&
                                       wi->cpuid.ecx == where->subleaf &&
                                       wi->cpuid.reg == regs[reg]) {
            return w;
        }
    }
    return FEATURE_WORDS;
}

/* The names of the bits @mask; NULL if a bit has none */
static strList *bit_names(const Comparison *c, const Record *where, int reg,
                          uint32_t mask)
{
    FeatureWord w = find_word(c, where, reg);
    int shift = where->subleaf == IS_MSR ? reg * 32 : 0;
    strList *names = NULL;

    if (w != FEATURE_WORDS) {
        x86_cpu_add_feature_names(&names, w, (uint64_t)mask << shift);
        return names;
    }
    if (c->source->has_hyperv && where->subleaf != IS_MSR) {
        return x86_cpu_hyperv_bit_names(where->index, reg, mask);
    }
    return NULL;
}

static void add_names(Comparison *c, const Side *side, strList *names)
{
    g_autoptr(GString) text = g_string_new(NULL);
    unsigned count = 0;

    for (; names; names = names->next) {
        if (count++ < MAX_NAMES) {
            g_string_append_printf(text, "%s%s", text->len ? ", " : "",
                                   names->value);
        }
    }
    if (count > MAX_NAMES) {
        g_string_append_printf(text, " and %u more", count - MAX_NAMES);
    }
    if (count) {
        add_difference(c, "only the CPU of the %s has %s", side->name,
                       text->str);
    }
}

static void compare_register(Comparison *c, const Record *where, int reg,
                             uint32_t source, uint32_t target)
{
    const char *name = name_of_place(where, reg);
    g_autoptr(strList) more = bit_names(c, where, reg, source & ~target);
    g_autoptr(strList) less = bit_names(c, where, reg, target & ~source);
    g_autofree char *place = where->subleaf == IS_MSR
        ? g_strdup_printf("MSR 0x%x, %s half", where->index,
                          reg ? "high" : "low")
        : g_strdup_printf("CPUID leaf 0x%x, subleaf %u, %s", where->index,
                          where->subleaf, register_names[reg]);

    if ((more || !(source & ~target)) && (less || !(target & ~source))) {
        add_names(c, c->source, more);
        add_names(c, c->target, less);
    } else if (!name) {
        add_difference(c, "%s differs: 0x%x at the source, 0x%x at the "
                       "target", place, source, target);
    } else if (name != c->last_name) {
        /* Values that span several registers are one difference. */
        add_difference(c, "%s: %s differs: 0x%x at the source, 0x%x at the "
                       "target", name, place, source, target);
        c->last_name = name;
    }
}

static void compare_sides(Comparison *c)
{
    static const Record zeros;
    const Record *s = c->source->records, *s_end = s + c->source->count;
    const Record *t = c->target->records, *t_end = t + c->target->count;
    bool moved = c->source->has_hyperv != c->target->has_hyperv;

    if (moved) {
        add_difference(c, "only the CPU of the %s has Hyper-V enlightenments "
                       "(hv-*)", c->source->has_hyperv ? c->source->name
                                                       : c->target->name);
    }
    while (s < s_end || t < t_end) {
        int order = s == s_end ? 1 : t == t_end ? -1 : compare_places(s, t);
        const Record *where = order > 0 ? t : s;
        const Record *source = order > 0 ? &zeros : s;
        const Record *target = order < 0 ? &zeros : t;
        int reg;

        for (reg = 0; reg < ARRAY_SIZE(where->regs); reg++) {
            if (source->regs[reg] != target->regs[reg] &&
                !(moved && where->index >> 16 == 0x4000)) {
                compare_register(c, where, reg, source->regs[reg],
                                 target->regs[reg]);
            }
        }
        s += order <= 0;
        t += order >= 0;
    }
}

/*
 * Say why the target does not take the guest.  A target that lives on
 * (migrate-incoming with exit-on-error=false) says it in query-migrate, too:
 * whoever manages it may not read its stderr.  QEMU 10.0 has no post_load hook
 * with an Error.
 *
 * @verdict: a sentence without its period
 * @reasons: lines with an indentation of two, or ""
 */
static void refuse(const char *verdict, const char *reasons)
{
    error_report("%s", verdict);
    error_printf("%s", reasons);
    if (runstate_check(RUN_STATE_INMIGRATE) &&
        !migration_incoming_get_current()->exit_on_error) {
        g_auto(GStrv) lines = g_strsplit(reasons, "\n", -1);
        g_autoptr(GString) text = g_string_new(verdict);
        Error *err = NULL;
        int i;

        for (i = 0; lines[i] && *lines[i]; i++) {
            g_string_append_printf(text, "%s%s", i ? "; " : ": ",
                                   lines[i] + strlen("  "));
        }
        error_setg(&err, "%s", text->str);
        x86_cpu_propagate_migration_error(err);
    }
}

/* The options that define a CPU */

static const char *own_cpu_compat(void)
{
    const X86CPUMachineType *type = x86_cpu_compat_machine_type();

    return type ? type->name : "";
}

static char *own_model(X86CPU *cpu)
{
    return cpu_model_from_type(object_get_typename(OBJECT(cpu)));
}

static void add_options(GString *text, X86CPU *cpu)
{
    const X86CPUFingerprint *fp = &cpu->fingerprint;
    const char *compat = own_cpu_compat();
    g_autofree char *model = own_model(cpu);

    if (strcmp(fp->cpu_compat, compat)) {
        g_string_append_printf(
            text, "  the source has %s%s, the target has %s%s\n",
            *fp->cpu_compat ? "cpu-compat=" : "no cpu-compat", fp->cpu_compat,
            *compat ? "cpu-compat=" : "no cpu-compat", compat);
    }
    if (strcmp(fp->model, model)) {
        g_string_append_printf(
            text, "  the source has CPU model %s, the target has CPU model "
            "%s\n", fp->model, model);
    }
}

static bool compare_with_stream(X86CPU *cpu)
{
    X86CPUFingerprint *fp = &cpu->fingerprint;
    g_autoptr(GArray) own = take_fingerprint(cpu);
    g_autoptr(GString) options = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *verdict = NULL;
    Side source = make_side("source", (const Record *)fp->words,
                            fp->count / RECORD_WORDS);
    Side target = make_side("target", (const Record *)own->data, own->len);
    Comparison c = { .source = &source, .target = &target, .text = text };

    compare_sides(&c);
    if (!c.differences) {
        return true;
    }
    if (c.differences > MAX_DIFFERENCES) {
        g_string_append_printf(text, "  and %u more differences\n",
                               c.differences - MAX_DIFFERENCES);
    }
    add_options(options, cpu);
    g_string_append(options, text->str);
    verdict = g_strdup_printf("CPU %d of the target is not the CPU that the "
                              "guest has been running on",
                              CPU(cpu)->cpu_index);
    refuse(verdict, options->str);
    return false;
}

/* Whether the CPU does not follow from the machine type and the model */
static bool is_own_cpu(X86CPU *cpu)
{
    return x86_cpu_compat_machine_type() ||
           object_dynamic_cast(OBJECT(cpu), TYPE_CUSTOM_X86_CPU);
}

/*
 * A guest that came with a fingerprint takes one along: its next target may be
 * one that needs it, although this QEMU does not.  That is also so for CPUs
 * plugged since; the first CPU can't be unplugged.
 */
static bool fingerprint_needed(void *opaque)
{
    return is_own_cpu(opaque) || X86_CPU(first_cpu)->fingerprint.compared;
}

/* What was compared remains: there may be more migrations. */
static void free_fingerprint(X86CPU *cpu)
{
    g_clear_pointer(&cpu->fingerprint.words, g_free);
    cpu->fingerprint.count = 0;
}

int x86_cpu_fingerprint_pre_load(void *opaque)
{
    X86CPU *cpu = opaque;

    /* A previous stream may have failed after it was set. */
    cpu->fingerprint.compared = false;
    return 0;
}

bool x86_cpu_check_fingerprint(X86CPU *cpu)
{
    if (!cpu->fingerprint.compared && is_own_cpu(cpu)) {
        refuse("the migration stream does not say which CPU the guest has "
               "been running on: the target has cpu-compat or CPU model "
               "'custom', the source has neither or is a QEMU without CPU "
               "introspection", "");
        return false;
    }
    return true;
}

static int fingerprint_pre_save(void *opaque)
{
    X86CPU *cpu = opaque;
    X86CPUFingerprint *fp = &cpu->fingerprint;
    g_autofree char *model = own_model(cpu);
    GArray *records = take_fingerprint(cpu);

    free_fingerprint(cpu);
    g_strlcpy(fp->cpu_compat, own_cpu_compat(), sizeof(fp->cpu_compat));
    g_strlcpy(fp->model, model, sizeof(fp->model));
    fp->count = records->len * RECORD_WORDS;
    fp->words = (uint32_t *)g_array_free(records, FALSE);
    return 0;
}

static VMStatePostSave fingerprint_post_save(void *opaque)
{
    free_fingerprint(opaque);
    return VMSTATE_POST_SAVE_OK;
}

static int fingerprint_pre_load(void *opaque)
{
    free_fingerprint(opaque);
    return 0;
}

/* Names from the stream are printed in messages. */
static bool is_name(const char *text)
{
    int i;

    for (i = 0; i < X86_CPU_FINGERPRINT_NAME && text[i]; i++) {
        if (!g_ascii_isgraph(text[i])) {
            return false;
        }
    }
    return i < X86_CPU_FINGERPRINT_NAME;
}

/*
 * The comparison ignores what the guest has loaded into the CPU, so it need
 * not wait for the rest of the stream.
 */
static int fingerprint_post_load(void *opaque, int version_id)
{
    X86CPU *cpu = opaque;
    X86CPUFingerprint *fp = &cpu->fingerprint;
    bool same = false;

    if (!is_name(fp->cpu_compat) || !is_name(fp->model)) {
        refuse("the CPU fingerprint in the migration stream is corrupt", "");
    } else {
        same = compare_with_stream(cpu);
    }
    free_fingerprint(cpu);
    cpu->fingerprint.compared = same;
    return same ? 0 : -EINVAL;
}

/* Also called, and true, when a stream is saved */
static bool count_is_sane(void *opaque, int version_id)
{
    X86CPUFingerprint *fp = &((X86CPU *)opaque)->fingerprint;

    return fp->count <= MAX_WORDS && fp->count % RECORD_WORDS == 0;
}

const VMStateDescription vmstate_x86_cpu_fingerprint = {
    .name = "cpu/fingerprint",
    /* Version 1 lacked names, hypervisor leaves, ucode-rev and lmce. */
    .version_id = 2,
    .minimum_version_id = 2,
    .needed = fingerprint_needed,
    .pre_save = fingerprint_pre_save,
    .post_save = fingerprint_post_save,
    .pre_load = fingerprint_pre_load,
    .post_load = fingerprint_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_BUFFER_UNSAFE(fingerprint.cpu_compat, X86CPU, 0,
                              X86_CPU_FINGERPRINT_NAME),
        VMSTATE_BUFFER_UNSAFE(fingerprint.model, X86CPU, 0,
                              X86_CPU_FINGERPRINT_NAME),
        VMSTATE_UINT32(fingerprint.count, X86CPU),
        VMSTATE_VALIDATE("fingerprint count", count_is_sane),
        VMSTATE_VARRAY_UINT32_ALLOC(fingerprint.words, X86CPU,
                                    fingerprint.count, 0,
                                    vmstate_info_uint32, uint32_t),
        VMSTATE_END_OF_LIST()
    }
};
