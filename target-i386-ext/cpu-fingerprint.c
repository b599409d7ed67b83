/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Does the target of a migration have the same CPU as its source
 *
 * Answers, for guests whose CPU does not follow from the machine type and
 * the model (cpu-compat, custom): is what the target was started with the
 * CPU that the guest knows?  If not, migration fails and the difference is
 * named.  The streams of all other guests are as with stock QEMU.
 *
 * The fingerprint is what the guest reads: the registers of every CPUID
 * leaf, and the MSRs that enumerate features.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "migration/vmstate.h"
#include "qemu/error-report.h"
#include "target/i386/cpu-internal.h"
#include "target/i386/ext/cpu-compat.h"
#include "target/i386/ext/cpu-fingerprint.h"
#include "target/i386/ext/custom-cpu.h"
#include "target/i386/ext/feature-place.h"

/* A record is where, in two words, and what is there, in four. */
#define RECORD_WORDS 6
#define WHERE_WORDS  2

/* In place of a sub-leaf: the first word is the index of an MSR. */
#define IS_MSR UINT32_MAX

/* Hyper-V's leaf of features: stands for the set of enlightenments */
#define HYPERV_FEATURES 0x40000003

/* No CPU has more sub-leaves than XSAVE has components. */
#define MAX_SUBLEAVES 64

static const char *const register_names[] = { "EAX", "EBX", "ECX", "EDX" };

static bool has_subleaves(uint32_t leaf)
{
    switch (leaf) {
    case 4: case 7: case 0xb: case 0xd: case 0x12: case 0x14: case 0x1d:
    case 0x1e: case 0x24: case 0x8000001d:
        return true;
    default:
        return false;
    }
}

static unsigned last_subleaf(uint32_t leaf)
{
    if (leaf == 0x1f) {
        /* cpu.c asserts that nobody asks for more. */
        return CPU_TOPOLOGY_LEVEL_SOCKET;
    }
    return has_subleaves(leaf) ? MAX_SUBLEAVES - 1 : 0;
}

/* What changes while the guest runs is not the CPU. */
static void mask_dynamic(uint32_t leaf, uint32_t subleaf, uint32_t *regs)
{
    if (leaf == 1) {
        regs[2] &= ~CPUID_EXT_OSXSAVE;
    } else if (leaf == 7 && subleaf == 0) {
        regs[2] &= ~CPUID_7_0_ECX_OSPKE;
    } else if (leaf == 0xd && subleaf == 0) {
        /* The size of what XCR0 has enabled */
        regs[1] = 0;
    } else if (leaf == 0x80000001) {
        /* TCG hides it from Intel CPUs outside of 64-bit mode. */
        regs[3] &= ~CPUID_EXT2_SYSCALL;
    }
}

static void add_record(GArray *words, uint32_t where, uint32_t sub,
                       const uint32_t *regs)
{
    uint32_t record[RECORD_WORDS] = {
        where, sub, regs[0], regs[1], regs[2], regs[3]
    };

    if (regs[0] || regs[1] || regs[2] || regs[3]) {
        g_array_append_vals(words, record, RECORD_WORDS);
    }
}

static void add_leaves(GArray *words, X86CPU *cpu, uint32_t first,
                       uint32_t last)
{
    uint32_t leaf;
    unsigned sub;

    for (leaf = first; leaf <= last && leaf - first < 256; leaf++) {
        for (sub = 0; sub <= last_subleaf(leaf); sub++) {
            uint32_t regs[4] = { };

            cpu_x86_cpuid(&cpu->env, leaf, sub, &regs[0], &regs[1], &regs[2],
                          &regs[3]);
            mask_dynamic(leaf, sub, regs);
            add_record(words, leaf, sub, regs);
        }
    }
}

static GArray *take_fingerprint(X86CPU *cpu)
{
    GArray *words = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    CPUX86State *env = &cpu->env;
    uint32_t kvm[4] = { env->features[FEAT_KVM], 0, 0,
                        env->features[FEAT_KVM_HINTS] };
    uint32_t hyperv[4] = { cpu->hyperv_features, cpu->hyperv_features >> 32 };
    FeatureWord w;

    add_leaves(words, cpu, 0, env->cpuid_level);
    add_record(words, KVM_CPUID_FEATURES, 0, kvm);
    add_record(words, HYPERV_FEATURES, 0, hyperv);
    add_leaves(words, cpu, 0x80000000, env->cpuid_xlevel);
    if (env->cpuid_xlevel2) {
        add_leaves(words, cpu, 0xc0000000, env->cpuid_xlevel2);
    }
    for (w = 0; w < FEATURE_WORDS; w++) {
        const FeatureWordInfo *wi = &feature_word_info[w];
        uint32_t msr[4] = { env->features[w], env->features[w] >> 32 };

        if (wi->type == MSR_FEATURE_WORD) {
            add_record(words, wi->msr.index, IS_MSR, msr);
        }
    }
    return words;
}

/* The feature word that has a register of a leaf, or half an MSR */
static FeatureWord find_word(const uint32_t *where, int reg)
{
    static const int regs[] = { R_EAX, R_EBX, R_ECX, R_EDX };
    FeatureWord w;

    for (w = 0; w < FEATURE_WORDS; w++) {
        const FeatureWordInfo *wi = &feature_word_info[w];

        if (where[1] == IS_MSR ? wi->type == MSR_FEATURE_WORD &&
                                 wi->msr.index == where[0]
                               : wi->type == CPUID_FEATURE_WORD &&
                                 wi->cpuid.eax == where[0] &&
                                 wi->cpuid.ecx == where[1] &&
                                 wi->cpuid.reg == regs[reg]) {
            return w;
        }
    }
    return FEATURE_WORDS;
}

static void report_features(FeatureWord w, uint64_t mask, const char *where)
{
    strList *names = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    strList *el;

    if (!mask) {
        return;
    }
    x86_cpu_add_feature_names(&names, w, mask);
    for (el = names; el; el = el->next) {
        g_string_append_printf(text, "%s%s", el == names ? "" : ", ",
                               el->value);
    }
    qapi_free_strList(names);
    error_report("only the CPU of the %s has %s", where, text->str);
}

static void report_register(const uint32_t *where, int reg, uint32_t source,
                            uint32_t target)
{
    FeatureWord w = find_word(where, reg);
    int shift = where[1] == IS_MSR ? reg * 32 : 0;

    if (source == target) {
        return;
    }
    if (w != FEATURE_WORDS) {
        report_features(w, (uint64_t)(source & ~target) << shift, "source");
        report_features(w, (uint64_t)(target & ~source) << shift, "target");
    } else if (where[0] == HYPERV_FEATURES) {
        error_report("the Hyper-V enlightenments (hv-*) differ: 0x%x at the "
                     "source, 0x%x at the target", source, target);
    } else {
        error_report("CPUID leaf 0x%x, sub-leaf %u, %s differs: 0x%x at the "
                     "source, 0x%x at the target", where[0], where[1],
                     register_names[reg], source, target);
    }
}

/* Records are in the same order on both sides. */
static int compare_where(const uint32_t *a, const uint32_t *b)
{
    bool a_msr = a[1] == IS_MSR, b_msr = b[1] == IS_MSR;

    return a_msr != b_msr ? a_msr - b_msr :
           a[0] != b[0] ? (a[0] < b[0] ? -1 : 1) :
           a[1] != b[1] ? (a[1] < b[1] ? -1 : 1) : 0;
}

static bool compare_fingerprints(const uint32_t *source, size_t source_words,
                                 const uint32_t *target, size_t target_words)
{
    static const uint32_t zeros[RECORD_WORDS];
    const uint32_t *source_end = source + source_words;
    const uint32_t *target_end = target + target_words;
    bool same = true;

    while (source < source_end || target < target_end) {
        int order = source == source_end ? 1 :
                    target == target_end ? -1 :
                    compare_where(source, target);
        const uint32_t *where = order > 0 ? target : source;
        const uint32_t *s = order > 0 ? zeros : source;
        const uint32_t *t = order < 0 ? zeros : target;
        int reg;

        for (reg = 0; reg < RECORD_WORDS - WHERE_WORDS; reg++) {
            same = same && s[WHERE_WORDS + reg] == t[WHERE_WORDS + reg];
            report_register(where, reg, s[WHERE_WORDS + reg],
                            t[WHERE_WORDS + reg]);
        }
        source += order <= 0 ? RECORD_WORDS : 0;
        target += order >= 0 ? RECORD_WORDS : 0;
    }
    return same;
}

static bool fingerprint_needed(void *opaque)
{
    return x86_cpu_compat_in_use() ||
           object_dynamic_cast(opaque, TYPE_CUSTOM_X86_CPU);
}

static void free_fingerprint(X86CPU *cpu)
{
    g_free(cpu->fingerprint.words);
    cpu->fingerprint = (X86CPUFingerprint) { };
}

static int fingerprint_pre_save(void *opaque)
{
    X86CPU *cpu = opaque;
    GArray *words = take_fingerprint(cpu);

    free_fingerprint(cpu);
    cpu->fingerprint.count = words->len;
    cpu->fingerprint.words = (uint32_t *)g_array_free(words, FALSE);
    return 0;
}

static int fingerprint_post_save(void *opaque)
{
    free_fingerprint(opaque);
    return 0;
}

static int fingerprint_pre_load(void *opaque)
{
    free_fingerprint(opaque);
    return 0;
}

static int fingerprint_post_load(void *opaque, int version_id)
{
    X86CPU *cpu = opaque;
    GArray *own = take_fingerprint(cpu);
    bool same = compare_fingerprints(cpu->fingerprint.words,
                                     cpu->fingerprint.count,
                                     (uint32_t *)own->data, own->len);

    g_array_free(own, TRUE);
    free_fingerprint(cpu);
    if (!same) {
        error_report("CPU %d of the target is not the CPU that the guest "
                     "has been running on", CPU(cpu)->cpu_index);
        return -EINVAL;
    }
    return 0;
}

/* Some ten thousand records are more than all leaves and MSRs can have. */
static bool fingerprint_is_sane(void *opaque, int version_id)
{
    X86CPU *cpu = opaque;

    return cpu->fingerprint.count <= 0x10000 &&
           cpu->fingerprint.count % RECORD_WORDS == 0;
}

const VMStateDescription vmstate_x86_cpu_fingerprint = {
    .name = "cpu/fingerprint",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = fingerprint_needed,
    .pre_save = fingerprint_pre_save,
    .post_save = fingerprint_post_save,
    .pre_load = fingerprint_pre_load,
    .post_load = fingerprint_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(fingerprint.count, X86CPU),
        VMSTATE_VALIDATE("fingerprint count", fingerprint_is_sane),
        VMSTATE_VARRAY_UINT32_ALLOC(fingerprint.words, X86CPU,
                                    fingerprint.count, 0,
                                    vmstate_info_uint32, uint32_t),
        VMSTATE_END_OF_LIST()
    }
};
