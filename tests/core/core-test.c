/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Unit tests of the core (target-i386-ext/core), which knows no QEMU
 *
 * tests/guest/test_comparison.py asks guests of QEMU.
 */

#include <glib.h>
#include <string.h>
#include "baseline.h"
#include "core-tables.h"
#include "expand.h"
#include "explain.h"
#include "nearest.h"

static X86CpuView view_of(const X86Cpu *cpu, X86CpuAccelerator accel,
                          X86CpuTopology topology)
{
    X86CpuView view;

    x86cpu_view(&tables, cpu, accel, topology, &view);
    return view;
}

/* ---- expand.c ---- */

static X86Cpu description_of(const X86Cpu *cpu, X86CpuAccelerator accel,
                             const X86CpuHostValues *host)
{
    X86Cpu described;

    x86cpu_describe(&tables, cpu, accel, host, &described);
    return described;
}

/* What the accelerator and the host choose */
static void test_describe_host(void)
{
    const X86CpuHostValues host = { 46, 43 };
    X86Cpu cpu = plain_cpu(), d;

    cpu.values[X86CPU_PHYS_BITS] = 0;
    cpu.values[X86CPU_GUEST_PHYS_BITS] = X86CPU_AUTOMATIC_PHYS_BITS;
    cpu.values[X86CPU_UCODE_REV] = 0;
    cpu.values[X86CPU_HV_PASSTHROUGH] = true;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    g_assert_cmpuint(d.values[X86CPU_PHYS_BITS], ==, 40);
    g_assert_cmpuint(d.values[X86CPU_GUEST_PHYS_BITS], ==, 0);
    g_assert_cmphex(d.values[X86CPU_UCODE_REV], ==, 0x100000000);
    g_assert_false(d.values[X86CPU_HV_PASSTHROUGH]);
    /* QEMU applies the default of phys-bits last. */
    d = description_of(&cpu, X86CPU_ON_KVM, &host);
    g_assert_cmpuint(d.values[X86CPU_PHYS_BITS], ==, 40);
    g_assert_cmpuint(d.values[X86CPU_GUEST_PHYS_BITS], ==, 0);
    cpu.values[X86CPU_PHYS_BITS] = 42;
    d = description_of(&cpu, X86CPU_ON_KVM, &host);
    g_assert_cmpuint(d.values[X86CPU_GUEST_PHYS_BITS], ==, 42);
    d = description_of(&cpu, X86CPU_ON_KVM, NULL);
    g_assert_cmpuint(d.values[X86CPU_GUEST_PHYS_BITS], ==, 0);

    /* TCG has no host. */
    cpu.values[X86CPU_HOST_PHYS_BITS] = true;
    d = description_of(&cpu, X86CPU_ON_TCG, &host);
    g_assert_cmpuint(d.values[X86CPU_PHYS_BITS], ==, 42);
    d = description_of(&cpu, X86CPU_ON_KVM, &host);
    g_assert_cmpuint(d.values[X86CPU_PHYS_BITS], ==, 46);
    g_assert_cmpuint(d.values[X86CPU_GUEST_PHYS_BITS], ==, 43);
    g_assert_false(d.values[X86CPU_HOST_PHYS_BITS]);
    cpu.values[X86CPU_HOST_PHYS_BITS_LIMIT] = 41;
    d = description_of(&cpu, X86CPU_ON_KVM, &host);
    g_assert_cmpuint(d.values[X86CPU_PHYS_BITS], ==, 41);
    g_assert_cmpuint(d.values[X86CPU_GUEST_PHYS_BITS], ==, 41);
    g_assert_cmpuint(d.values[X86CPU_HOST_PHYS_BITS_LIMIT], ==, 0);

    /* A number that was given stays. */
    cpu.values[X86CPU_GUEST_PHYS_BITS] = 50;
    cpu.values[X86CPU_UCODE_REV] = 7;
    d = description_of(&cpu, X86CPU_ON_KVM, &host);
    g_assert_cmpuint(d.values[X86CPU_GUEST_PHYS_BITS], ==, 50);
    g_assert_cmphex(d.values[X86CPU_UCODE_REV], ==, 7);

    /* 32-bit CPUs have none of that. */
    cpu.words[X86CPU_FEAT_8000_0001_EDX] = 0;
    cpu.values[X86CPU_GUEST_PHYS_BITS] = X86CPU_AUTOMATIC_PHYS_BITS;
    d = description_of(&cpu, X86CPU_ON_KVM, &host);
    g_assert_cmpuint(d.values[X86CPU_GUEST_PHYS_BITS], ==, 0);
    g_assert_false(d.values[X86CPU_HOST_PHYS_BITS]);
    g_assert_cmpuint(d.values[X86CPU_HOST_PHYS_BITS_LIMIT], ==, 0);
}

static void test_describe_features(void)
{
    X86Cpu cpu = plain_cpu(), d;

    cpu.words[X86CPU_FEAT_SVM] = BIT(0);
    cpu.words[X86CPU_FEAT_7_0_EBX] = INTEL_PT;
    cpu.words[X86CPU_FEAT_7_1_EDX] = APXF;
    cpu.words[X86CPU_FEAT_KVM] = BIT(0) | BIT(3);
    cpu.values[X86CPU_XLEVEL] = 0x80000004;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    g_assert_cmphex(d.words[X86CPU_FEAT_SVM], ==, 0);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_0_EBX], ==, INTEL_PT);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_1_EDX], ==, APXF);
    g_assert_cmphex(d.words[X86CPU_FEAT_KVM], ==, 0);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 0x29);
    g_assert_cmphex(d.values[X86CPU_LEVEL_FUNC7], ==, 1);
    /* Topology may raise what is not fixed. */
    g_assert_cmphex(d.values[X86CPU_LEVEL], ==, 0xffffffff);
    g_assert_cmphex(d.values[X86CPU_XLEVEL], ==, 0x80000004);
    d = description_of(&cpu, X86CPU_ON_KVM, NULL);
    g_assert_cmphex(d.words[X86CPU_FEAT_KVM], ==, BIT(0) | BIT(3));

    /* AMD repeats bits of leaf 1, which are not requests. */
    strcpy(cpu.vendor, "AuthenticAMD");
    cpu.values[X86CPU_UCODE_REV] = 0;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    g_assert_cmphex(d.words[X86CPU_FEAT_8000_0001_EDX], ==, LM);
    g_assert_cmphex(d.values[X86CPU_UCODE_REV], ==, 0x01000065);

    /* A model's own caches are not there with legacy-cache. */
    cpu.caches[X86CPU_CACHE_L2].size = 1 << 20;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    g_assert_cmpuint(d.caches[X86CPU_CACHE_L2].size, ==, 0);
    cpu.values[X86CPU_LEGACY_CACHE] = false;
    /* In place, too */
    x86cpu_describe(&tables, &cpu, X86CPU_ON_TCG, NULL, &cpu);
    g_assert_cmpuint(cpu.caches[X86CPU_CACHE_L2].size, ==, 1 << 20);
}

/* AVX10 and leaf 0x1f raise min-level after QEMU has dropped Intel PT for it. */
static void test_describe_intel_pt(void)
{
    X86Cpu cpu = plain_cpu(), d;

    cpu.words[X86CPU_FEAT_7_0_EBX] = INTEL_PT;
    cpu.words[X86CPU_FEAT_7_1_EDX] = AVX10;
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_128 | AVX10_256 | AVX10_512;
    cpu.values[X86CPU_FULL_CPUID_AUTO_LEVEL] = true;
    cpu.values[X86CPU_X_INTEL_PT_AUTO_LEVEL] = false;
    d = description_of(&cpu, X86CPU_ON_KVM, NULL);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_0_EBX], ==, INTEL_PT);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 0x13);
    d = description_of(&d, X86CPU_ON_KVM, NULL);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 0x13);

    cpu.values[X86CPU_MIN_LEVEL] = 0x14;
    d = description_of(&cpu, X86CPU_ON_KVM, NULL);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 0x24);
    cpu.values[X86CPU_MIN_LEVEL] = 0xd;
    cpu.values[X86CPU_X_FORCE_CPUID_0X1F] = true;
    d = description_of(&cpu, X86CPU_ON_KVM, NULL);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 0x13);
    cpu.values[X86CPU_X_FORCE_CPUID_0X1F] = false;
    cpu.values[X86CPU_X_INTEL_PT_AUTO_LEVEL] = true;
    d = description_of(&cpu, X86CPU_ON_KVM, NULL);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 0x24);
    /* QEMU does not look at the level. */
    cpu.values[X86CPU_X_INTEL_PT_AUTO_LEVEL] = false;
    cpu.values[X86CPU_FULL_CPUID_AUTO_LEVEL] = false;
    cpu.values[X86CPU_MIN_LEVEL] = 0x24;
    d = description_of(&cpu, X86CPU_ON_KVM, NULL);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 0x24);
}

/* QEMU 11.1 drops both, unless it is forced, before it raises levels. */
static void test_describe_mpx_and_apxf(void)
{
    const uint32_t version = tables.version;
    X86Cpu cpu = plain_cpu(), d;
    uint64_t level;

    make_tables(X86CPU_LINE_11_1);
    level = description_of(&cpu, X86CPU_ON_TCG, NULL).values[X86CPU_MIN_LEVEL];
    cpu.words[X86CPU_FEAT_7_0_EBX] = MPX;
    cpu.words[X86CPU_FEAT_7_1_EDX] = APXF;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_0_EBX], ==, MPX);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_1_EDX], ==, APXF);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, level);
    g_assert_cmphex(d.values[X86CPU_LEVEL_FUNC7], ==,
                    X86CPU_AUTOMATIC_LEVEL);
    cpu.values[X86CPU_LEVEL_FUNC7] = 0;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    g_assert_cmphex(d.values[X86CPU_LEVEL_FUNC7], ==, 0);
    cpu.forced = true;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 0x29);
    cpu.forced = false;

    /* For machine types up to 2.7, it raises levels before that. */
    cpu.values[X86CPU_FULL_CPUID_AUTO_LEVEL] = false;
    cpu.values[X86CPU_MIN_LEVEL] = 1;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 7);
    cpu.values[X86CPU_FULL_CPUID_AUTO_LEVEL] = true;

    /* Alone, it does. */
    cpu.values[X86CPU_LEVEL_FUNC7] = X86CPU_AUTOMATIC_LEVEL;
    cpu.words[X86CPU_FEAT_7_0_EBX] = 0;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 0x29);
    g_assert_cmphex(d.values[X86CPU_LEVEL_FUNC7], ==, 1);
    make_tables(version);
}

/* What QEMU drops on every host, and the levels of the rest */
static void test_drop_conflicts(void)
{
    const uint32_t version = tables.version;
    uint64_t dropped[X86CPU_MAX_WORDS] = { 0 };
    X86Cpu cpu = plain_cpu(), d;

    /* 10.0 has no apxf. */
    make_tables(X86CPU_LINE_11_1 - 1);
    cpu.words[X86CPU_FEAT_7_0_EBX] = MPX;
    cpu.words[X86CPU_FEAT_7_1_EDX] = APXF;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    x86cpu_drop_conflicts(&tables, &d, X86CPU_ON_TCG, dropped);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_0_EBX], ==, MPX);
    g_assert_cmphex(dropped[X86CPU_FEAT_7_0_EBX], ==, 0);

    make_tables(X86CPU_LINE_11_1);
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    x86cpu_drop_conflicts(&tables, &d, X86CPU_ON_TCG, dropped);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_0_EBX], ==, 0);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_1_EDX], ==, 0);
    g_assert_cmphex(d.values[X86CPU_LEVEL_FUNC7], ==, 0);
    g_assert_cmphex(dropped[X86CPU_FEAT_7_0_EBX], ==, MPX);
    g_assert_cmphex(dropped[X86CPU_FEAT_7_1_EDX], ==, APXF);

    /* apxf raises the level after Intel PT is dropped for it. */
    cpu.words[X86CPU_FEAT_7_0_EBX] = INTEL_PT;
    cpu.values[X86CPU_X_INTEL_PT_AUTO_LEVEL] = false;
    cpu.values[X86CPU_MIN_LEVEL] = 0xd;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    x86cpu_drop_conflicts(&tables, &d, X86CPU_ON_TCG, dropped);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_0_EBX], ==, 0);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_1_EDX], ==, APXF);
    g_assert_cmphex(d.values[X86CPU_MIN_LEVEL], ==, 0x29);
    cpu.values[X86CPU_MIN_LEVEL] = 0x14;
    d = description_of(&cpu, X86CPU_ON_TCG, NULL);
    x86cpu_drop_conflicts(&tables, &d, X86CPU_ON_TCG, dropped);
    g_assert_cmphex(d.words[X86CPU_FEAT_7_0_EBX], ==, INTEL_PT);
    make_tables(version);
}

/* ---- x86cpu.c ---- */

static void test_names(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    int i;

    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        g_assert_nonnull(x86cpu_property_names[i]);
        g_assert_true(g_hash_table_add(
            seen, (gpointer)x86cpu_property_names[i]));
    }
    for (i = 0; i < X86CPU_WORD_COUNT; i++) {
        g_assert_true(g_str_has_prefix(x86cpu_word_names[i], "FEAT_"));
        g_assert_true(g_hash_table_add(seen,
                                       (gpointer)x86cpu_word_names[i]));
    }
}

static void test_apply(void)
{
    X86Cpu cpu = plain_cpu();
    X86CpuSetting s = { .kind = X86CPU_SET_ON, .index = X86CPU_FEAT_1_ECX,
                        .value = AVX | VMX };

    g_assert_true(x86cpu_apply(&cpu, &s));
    g_assert_false(x86cpu_apply(&cpu, &s));
    g_assert_cmphex(cpu.words[X86CPU_FEAT_1_ECX], ==, AVX | VMX);
    s.kind = X86CPU_SET_OFF;
    s.value = AVX;
    g_assert_true(x86cpu_apply(&cpu, &s));
    g_assert_false(x86cpu_apply(&cpu, &s));
    g_assert_cmphex(cpu.words[X86CPU_FEAT_1_ECX], ==, VMX);

    s = (X86CpuSetting) { .kind = X86CPU_SET_PROPERTY, .index = X86CPU_PMU };
    /* Off is what it was, but it was not set. */
    g_assert_true(x86cpu_apply(&cpu, &s));
    g_assert_false(x86cpu_apply(&cpu, &s));
    s.value = 1;
    g_assert_true(x86cpu_apply(&cpu, &s));
    g_assert_true(cpu.given[X86CPU_PMU] && cpu.values[X86CPU_PMU] == 1);

    s = (X86CpuSetting) { .kind = X86CPU_SET_VENDOR, .text = "AuthenticAMD" };
    g_assert_true(x86cpu_apply(&cpu, &s));
    g_assert_false(x86cpu_apply(&cpu, &s));
    g_assert_cmpstr(cpu.vendor, ==, "AuthenticAMD");
    s.text = "";
    g_assert_true(x86cpu_apply(&cpu, &s));
    g_assert_cmpmem(cpu.vendor, 13, "\0\0\0\0\0\0\0\0\0\0\0\0", 13);
    s = (X86CpuSetting) { .kind = X86CPU_SET_MODEL_ID, .text =
        "0123456789abcdef0123456789abcdef0123456789abcdef, and more" };
    g_assert_true(x86cpu_apply(&cpu, &s));
    g_assert_cmpuint(strlen(cpu.model_id), ==, 48);

    s = (X86CpuSetting) { .kind = X86CPU_SET_CACHE, .index = X86CPU_CACHE_L2,
                          .cache = { .size = 1 << 20, .share = "core" } };
    g_assert_true(x86cpu_apply(&cpu, &s));
    g_assert_false(x86cpu_apply(&cpu, &s));
    strcpy(s.cache.share, "die");
    g_assert_true(x86cpu_apply(&cpu, &s));
    s.cache.numbers[X86CPU_CACHE_WAYS] = 8;
    g_assert_true(x86cpu_apply(&cpu, &s));
    s.cache.flags[X86CPU_CACHE_INCLUSIVE] = true;
    g_assert_true(x86cpu_apply(&cpu, &s));
    g_assert_false(x86cpu_apply(&cpu, &s));
}

/* What is like the one becomes like the other, bit by bit; the rest stays. */
static void test_follow(void)
{
    const X86CpuCache small = { .size = 1 << 15 }, large = { .size = 1 << 20 };
    X86Cpu from = plain_cpu(), to = plain_cpu(), cpu = plain_cpu();

    from.words[X86CPU_FEAT_1_EDX] = BIT(0) | BIT(1);
    to.words[X86CPU_FEAT_1_EDX] = BIT(1) | BIT(2);
    cpu.words[X86CPU_FEAT_1_EDX] = BIT(0) | BIT(2) | BIT(3);
    from.values[X86CPU_FAMILY] = cpu.values[X86CPU_FAMILY] = 6;
    to.values[X86CPU_FAMILY] = 15;
    cpu.values[X86CPU_MODEL] = 7;
    to.values[X86CPU_MODEL] = 8;
    from.caches[X86CPU_CACHE_L2] = cpu.caches[X86CPU_CACHE_L2] = small;
    to.caches[X86CPU_CACHE_L2] = large;
    cpu.caches[X86CPU_CACHE_L3] = small;
    to.caches[X86CPU_CACHE_L3] = large;
    strcpy(cpu.vendor, "AuthenticAMD");
    strcpy(to.vendor, "HygonGenuine");
    strcpy(to.model_id, "Another CPU");
    strcpy(to.hv_vendor_id, "Other");
    x86cpu_follow(&cpu, &from, &to);
    /* Bit 0 is like the one, and goes; bits 1 to 3 are not, and stay. */
    g_assert_cmphex(cpu.words[X86CPU_FEAT_1_EDX], ==, BIT(2) | BIT(3));
    g_assert_cmpuint(cpu.values[X86CPU_FAMILY], ==, 15);
    g_assert_cmpuint(cpu.values[X86CPU_MODEL], ==, 7);
    g_assert_cmpuint(cpu.caches[X86CPU_CACHE_L2].size, ==, large.size);
    g_assert_cmpuint(cpu.caches[X86CPU_CACHE_L3].size, ==, small.size);
    g_assert_cmpstr(cpu.vendor, ==, "AuthenticAMD");
    g_assert_cmpstr(cpu.model_id, ==, "Another CPU");
    g_assert_cmpstr(cpu.hv_vendor_id, ==, "Other");
}

static void test_close(void)
{
    X86Cpu cpu = plain_cpu();

    cpu.words[X86CPU_FEAT_VMX_SECONDARY_CTLS] = BIT(1);
    cpu.words[X86CPU_FEAT_7_1_EDX] = AVX10;
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_256;
    x86cpu_close(&tables, &cpu);
    g_assert_cmphex(cpu.words[X86CPU_FEAT_VMX_SECONDARY_CTLS], ==, 0);
    g_assert_cmphex(cpu.words[X86CPU_FEAT_24_0_EBX], ==, 0);
    g_assert_cmphex(cpu.words[X86CPU_FEAT_7_1_EDX], ==, 0);

    /* With one of the lengths, all is well. */
    cpu.words[X86CPU_FEAT_7_1_EDX] = AVX10;
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_128;
    x86cpu_close(&tables, &cpu);
    g_assert_cmphex(cpu.words[X86CPU_FEAT_7_1_EDX], ==, AVX10);
}

static void collect(const X86CpuProblem *problem, void *opaque)
{
    g_array_append_val((GArray *)opaque, *problem);
}

static void test_check(void)
{
    g_autoptr(GArray) found = g_array_new(false, false,
                                          sizeof(X86CpuProblem));
    X86Cpu cpu = plain_cpu(), other;
    const X86CpuProblem *p;

    x86cpu_check(&tables, &cpu, collect, found);
    g_assert_cmpuint(found->len, ==, 0);

    cpu.words[X86CPU_FEAT_SVM] = BIT(0) | BIT(3);
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_128;
    cpu.words[X86CPU_FEAT_KVM] = BIT(0);
    cpu.words[X86CPU_FEAT_C000_0001_EDX] = BIT(2);
    cpu.given[X86CPU_MIN_LEVEL] = cpu.given[X86CPU_MIN_XLEVEL] = true;
    x86cpu_check(&tables, &cpu, collect, found);
    /* Two bits of SVM and one of leaf 0x24, then their leaves */
    g_assert_cmpuint(found->len, ==, 5);
    p = &g_array_index(found, X86CpuProblem, 0);
    g_assert_cmpint(p->kind, ==, X86CPU_UNMET_DEPENDENCY);
    g_assert_cmpuint(p->word, ==, X86CPU_FEAT_SVM);
    g_assert_cmphex(p->mask, ==, BIT(0));
    g_assert_cmpuint(p->needs, ==, X86CPU_FEAT_8000_0001_ECX);
    g_assert_cmphex(p->needs_mask, ==, SVM);
    g_assert_true(x86cpu_has_problem(&tables, &cpu, p));
    other = cpu;
    other.words[X86CPU_FEAT_8000_0001_ECX] = SVM;
    g_assert_false(x86cpu_has_problem(&tables, &other, p));
    other = cpu;
    other.words[X86CPU_FEAT_SVM] = BIT(3);
    g_assert_false(x86cpu_has_problem(&tables, &other, p));

    p = &g_array_index(found, X86CpuProblem, 3);
    g_assert_cmpint(p->kind, ==, X86CPU_HIDDEN_BY_LEVEL);
    g_assert_cmpuint(p->word, ==, X86CPU_FEAT_SVM);
    g_assert_cmphex(p->mask, ==, BIT(0) | BIT(3));
    g_assert_true(x86cpu_has_problem(&tables, &cpu, p));
    other = cpu;
    other.values[X86CPU_MIN_XLEVEL] = 0x8000000a;
    g_assert_false(x86cpu_has_problem(&tables, &other, p));
    p = &g_array_index(found, X86CpuProblem, 4);
    g_assert_cmpuint(p->word, ==, X86CPU_FEAT_24_0_EBX);
}

/* ---- cpu-view.c ---- */

static void test_view_levels(void)
{
    X86Cpu cpu = plain_cpu();
    X86CpuView view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);

    g_assert_cmphex(view.level, ==, 0xd);
    g_assert_cmphex(view.xlevel, ==, 0x80000008);
    g_assert_cmphex(view.xlevel2, ==, 0);
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_DIES);
    g_assert_cmphex(view.level, ==, 0x1f);

    /* Of AMD CPUs, old machine types alone raise it. */
    strcpy(cpu.vendor, "AuthenticAMD");
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_DIES);
    g_assert_cmphex(view.level, ==, 0xd);
    cpu.values[X86CPU_X_VENDOR_CPUID_ONLY] = false;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_DIES);
    g_assert_cmphex(view.level, ==, 0x1f);

    /* AMD's copies of leaf 1 raise none: they come after that. */
    cpu.words[X86CPU_FEAT_8000_0001_EDX] = 0;
    cpu.values[X86CPU_MIN_XLEVEL] = 0;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.xlevel, ==, 0);

    /* What is fixed stays. */
    cpu = plain_cpu();
    cpu.values[X86CPU_LEVEL] = 5;
    cpu.values[X86CPU_XLEVEL] = 0x80000000;
    cpu.words[X86CPU_FEAT_7_0_EBX] = AVX2;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_DIES);
    g_assert_cmphex(view.level, ==, 5);
    g_assert_cmphex(view.xlevel, ==, 0x80000000);
    g_assert_cmphex(view.words[X86CPU_FEAT_7_0_EBX], ==, 0);
    g_assert_cmphex(view.words[X86CPU_FEAT_8000_0001_EDX], ==, 0);
    g_assert_cmpuint(view.model_id[0], ==, 0);

    /* Features raise it to their leaves. */
    cpu = plain_cpu();
    cpu.words[X86CPU_FEAT_7_0_EBX] = INTEL_PT;
    cpu.words[X86CPU_FEAT_8000_0001_ECX] = SVM;
    cpu.words[X86CPU_FEAT_C000_0001_EDX] = BIT(2);
    cpu.words[X86CPU_FEAT_7_1_EAX] = BIT(4);
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.level, ==, 0x14);
    g_assert_cmphex(view.level_func7, ==, 1);
    g_assert_cmphex(view.xlevel, ==, 0x8000000a);
    g_assert_cmphex(view.xlevel2, ==, 0xc0000001);
    g_assert_cmphex(view.words[X86CPU_FEAT_7_1_EAX], ==, BIT(4));

    /* On machine types up to 2.7, only leaf 7 does. */
    cpu.values[X86CPU_FULL_CPUID_AUTO_LEVEL] = false;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_MANY_DIES);
    g_assert_cmphex(view.level, ==, 0xd);
    g_assert_cmphex(view.level_func7, ==, 0);
    g_assert_cmphex(view.xlevel, ==, 0x80000008);
    g_assert_cmphex(view.words[X86CPU_FEAT_7_0_EBX], ==, INTEL_PT);
    g_assert_cmphex(view.words[X86CPU_FEAT_7_1_EAX], ==, 0);

    /* On those up to 3.1, Intel PT does not. */
    cpu.values[X86CPU_FULL_CPUID_AUTO_LEVEL] = true;
    cpu.values[X86CPU_X_INTEL_PT_AUTO_LEVEL] = false;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.level, ==, 0xd);
    g_assert_cmphex(view.words[X86CPU_FEAT_7_0_EBX], ==, INTEL_PT);

    cpu = plain_cpu();
    cpu.words[X86CPU_FEAT_7_1_EDX] = AVX10;
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_128;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.level, ==, 0x24);
    cpu.words[X86CPU_FEAT_7_1_EDX] = AVX10 | APXF;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.level, ==, 0x29);
}

static void test_view_words(void)
{
    X86Cpu cpu = plain_cpu();
    X86CpuView view;

    /* Topology sets ht, and cmp-legacy unless the CPU is Intel's. */
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_THREADS);
    g_assert_true(view.words[X86CPU_FEAT_1_EDX] & HT);
    g_assert_cmphex(view.words[X86CPU_FEAT_8000_0001_ECX], ==, 0);
    strcpy(cpu.vendor, "AuthenticAMD");
    cpu.words[X86CPU_FEAT_1_EDX] |= BIT(15);
    cpu.words[X86CPU_FEAT_8000_0001_EDX] |= BIT(14);
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_THREADS);
    g_assert_cmphex(view.words[X86CPU_FEAT_8000_0001_ECX], ==, CMP_LEGACY);
    /* AMD repeats bits of leaf 1, and no others. */
    g_assert_cmphex(view.words[X86CPU_FEAT_8000_0001_EDX], ==,
                    LM | BIT(0) | BIT(15));

    cpu = plain_cpu();
    cpu.words[X86CPU_FEAT_1_ECX] = PDCM | VMX;
    cpu.words[X86CPU_FEAT_PERF_CAPABILITIES] = BIT(13);
    cpu.words[X86CPU_FEAT_VMX_SECONDARY_CTLS] = BIT(1);
    cpu.words[X86CPU_FEAT_KVM] = BIT(0);
    cpu.words[X86CPU_FEAT_KVM_HINTS] = BIT(0);
    cpu.words[X86CPU_FEAT_8000_0022_EAX] = BIT(0);
    cpu.words[X86CPU_FEAT_XSAVE_XCR0_LO] = 7;
    cpu.values[X86CPU_MIN_XLEVEL] = 0x80000022;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    /* Without pmu */
    g_assert_cmphex(view.words[X86CPU_FEAT_1_ECX], ==, VMX);
    g_assert_cmphex(view.words[X86CPU_FEAT_PERF_CAPABILITIES], ==, 0);
    g_assert_cmphex(view.words[X86CPU_FEAT_8000_0022_EAX], ==, 0);
    g_assert_cmphex(view.words[X86CPU_FEAT_VMX_SECONDARY_CTLS], ==, BIT(1));
    g_assert_cmphex(view.words[X86CPU_FEAT_KVM], ==, BIT(0));
    g_assert_cmphex(view.words[X86CPU_FEAT_KVM_HINTS], ==, BIT(0));
    /* It follows from features. */
    g_assert_cmphex(view.words[X86CPU_FEAT_XSAVE_XCR0_LO], ==, 0);
    cpu.values[X86CPU_PMU] = true;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.words[X86CPU_FEAT_1_ECX], ==, VMX | PDCM);
    g_assert_cmphex(view.words[X86CPU_FEAT_PERF_CAPABILITIES], ==, BIT(13));
    g_assert_cmphex(view.words[X86CPU_FEAT_8000_0022_EAX], ==, BIT(0));
    cpu.values[X86CPU_KVM] = false;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.words[X86CPU_FEAT_KVM], ==, 0);
    g_assert_cmphex(view.words[X86CPU_FEAT_KVM_HINTS], ==, 0);
    /* TCG has neither KVM's leaves nor feature MSRs. */
    cpu.values[X86CPU_KVM] = true;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.words[X86CPU_FEAT_KVM], ==, 0);
    g_assert_cmphex(view.words[X86CPU_FEAT_VMX_SECONDARY_CTLS], ==, 0);

    /* TCG's Intel CPUs have SYSCALL in 64-bit mode alone. */
    cpu = plain_cpu();
    cpu.words[X86CPU_FEAT_8000_0001_EDX] = SYSCALL | LM;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.words[X86CPU_FEAT_8000_0001_EDX], ==, SYSCALL | LM);
    cpu.words[X86CPU_FEAT_8000_0001_EDX] = SYSCALL;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.words[X86CPU_FEAT_8000_0001_EDX], ==, 0);
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.words[X86CPU_FEAT_8000_0001_EDX], ==, SYSCALL);

    cpu = plain_cpu();
    cpu.words[X86CPU_FEAT_8000_0007_EBX] = BIT(0);
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.words[X86CPU_FEAT_8000_0007_EBX], ==,
                    tables.version < 0xb0001);
}

/* Leaves that are there for CPUs with a feature alone */
static void test_view_gates(void)
{
    static const struct {
        X86CpuWordId word, needs;
        uint64_t bit;
        bool kvm;
    } gates[] = {
        { X86CPU_FEAT_XSAVE, X86CPU_FEAT_1_ECX, BIT(26), false },
        { X86CPU_FEAT_SVM, X86CPU_FEAT_8000_0001_ECX, SVM, false },
        { X86CPU_FEAT_14_0_ECX, X86CPU_FEAT_7_0_EBX, INTEL_PT, true },
        { X86CPU_FEAT_SGX_12_0_EAX, X86CPU_FEAT_7_0_EBX, BIT(2), true },
        { X86CPU_FEAT_SGX_12_0_EBX, X86CPU_FEAT_7_0_EBX, BIT(2), true },
        { X86CPU_FEAT_SGX_12_1_EAX, X86CPU_FEAT_7_0_EBX, BIT(2), true },
        { X86CPU_FEAT_1E_1_EAX, X86CPU_FEAT_7_0_EDX, BIT(24), false },
        { X86CPU_FEAT_24_0_EBX, X86CPU_FEAT_7_1_EDX, AVX10, false },
        { X86CPU_FEAT_24_1_ECX, X86CPU_FEAT_7_1_EDX, AVX10, false },
        { X86CPU_FEAT_29_0_EBX, X86CPU_FEAT_7_1_EDX, APXF, false },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(gates); i++) {
        X86CpuWordId w = gates[i].word;
        X86Cpu cpu = plain_cpu();
        X86CpuView view;

        cpu.values[X86CPU_MIN_LEVEL] = 0x29;
        cpu.values[X86CPU_MIN_XLEVEL] = 0x8000000a;
        cpu.values[X86CPU_AVX10_VERSION] = 2;
        cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_128;
        cpu.words[w] |= LIP;
        view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
        g_assert_cmphex(view.words[w], ==, 0);
        cpu.words[gates[i].needs] |= gates[i].bit;
        view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
        g_assert_cmphex(view.words[w] & LIP, ==, LIP);
        view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
        g_assert_cmphex(view.words[w] & LIP, ==, gates[i].kvm ? 0 : LIP);
        if (w == X86CPU_FEAT_24_1_ECX) {
            /* Subleaf 0 does not count it. */
            cpu.values[X86CPU_AVX10_VERSION] = 1;
            view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
            g_assert_cmphex(view.words[w], ==, 0);
            view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
            g_assert_cmphex(view.words[w], ==, 0);
        }
    }
    {
        X86Cpu cpu = plain_cpu();
        X86CpuView view;

        /* These raise levels. */
        cpu.words[X86CPU_FEAT_7_0_EBX] = BIT(2);
        cpu.words[X86CPU_FEAT_8000_0021_EAX] = BIT(0);
        view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
        g_assert_cmphex(view.level, ==, 0x12);
        g_assert_cmphex(view.xlevel, ==, 0x80000021);
        /* KVM without pmu has no architectural LBR on new lines. */
        cpu.words[X86CPU_FEAT_7_0_EDX] = BIT(19);
        view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
        g_assert_cmphex(view.words[X86CPU_FEAT_7_0_EDX], ==,
                        tables.version < 0xb0001 ? BIT(19) : 0);
    }
}

static void test_view_caches(void)
{
    X86Cpu cpu = plain_cpu();
    X86CpuView view;

    tables.version = 0xa0000;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.leaf_2[0], ==, 0x4d);
    g_assert_cmphex(view.leaf_2[1], ==, 0x2c307d);
    g_assert_cmphex(view.caches[X86CPU_CACHE_L2].leaf_4[2], ==, 4095);
    g_assert_cmphex(view.leaf_80000006[0], ==, 0x2008140);
    /* No leaf 0x8000001D */
    g_assert_cmphex(view.caches[X86CPU_CACHE_L2].leaf_8000001d[2], ==, 0);
    g_assert_cmpstr(view.caches[X86CPU_CACHE_L3].share, ==, "");
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_DIES);
    g_assert_cmpstr(view.caches[X86CPU_CACHE_L3].share, ==, "die");
    cpu.values[X86CPU_L3_CACHE] = false;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_DIES);
    g_assert_cmphex(view.leaf_2[0], ==, 0);
    g_assert_cmpstr(view.caches[X86CPU_CACHE_L3].share, ==, "");
    g_assert_cmphex(view.leaf_80000006[1], ==, 0);

    cpu = plain_cpu();
    strcpy(cpu.vendor, "AuthenticAMD");
    cpu.values[X86CPU_MIN_XLEVEL] = 0x8000001e;
    cpu.values[X86CPU_LEGACY_CACHE] = false;
    cpu.caches[X86CPU_CACHE_L1D] = (X86CpuCache) {
        .size = 32 << 10, .numbers = { 64, 8, 1, 64, 1 }, .share = "core",
        .flags = { [X86CPU_CACHE_COMPLEX_INDEXING] = true }
    };
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_DIES);
    g_assert_cmphex(view.leaf_2[1], ==, 0);
    g_assert_cmphex(view.caches[X86CPU_CACHE_L1D].leaf_4[1], ==, 0);
    g_assert_cmphex(view.caches[X86CPU_CACHE_L1D].leaf_8000001d[1], ==,
                    0x1c0003f);
    g_assert_cmphex(view.caches[X86CPU_CACHE_L1D].leaf_8000001d[3], ==, 0);
    g_assert_cmphex(view.leaf_80000005[0], ==, 0x20080140);
    cpu.values[X86CPU_X_AMD_TOPOEXT_FEATURES_ONLY] = false;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_DIES);
    g_assert_cmphex(view.caches[X86CPU_CACHE_L1D].leaf_8000001d[3], ==, BIT(2));
    cpu.values[X86CPU_X_VENDOR_CPUID_ONLY] = false;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_MANY_DIES);
    g_assert_cmphex(view.caches[X86CPU_CACHE_L1D].leaf_4[1], ==, 0x1c0003f);
    /* No code is known for caches of this size. */
    g_assert_cmphex(view.leaf_2[1], ==, 0x2cffff);

    tables.version = 0xb0001;
    cpu = plain_cpu();
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    /* Leaf 4 tells more. */
    g_assert_cmphex(view.leaf_2[1], ==, 0xff);
    g_assert_cmphex(view.leaf_80000005[0], ==, 0);
    g_assert_cmphex(view.leaf_80000006[1], ==, 0);
    g_assert_cmphex(view.leaf_80000006[0] & 0xffff0000, ==, 4096u << 16);
    strcpy(cpu.vendor, "AuthenticAMD");
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.leaf_80000006[0], ==, 0x2008140);
    cpu.values[X86CPU_X_VENDOR_CPUID_ONLY] = false;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    /* AMD's in all leaves */
    g_assert_cmphex(view.caches[X86CPU_CACHE_L2].leaf_4[2], ==, 511);
    cpu.values[X86CPU_X_VENDOR_CPUID_ONLY_V2] = false;
    cpu.values[X86CPU_X_CONSISTENT_CACHE] = false;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.caches[X86CPU_CACHE_L2].leaf_4[2], ==, 4095);
    g_assert_cmphex(view.leaf_2[1], ==, 0x2c307d);
    cpu.values[X86CPU_X_CONSISTENT_CACHE] = true;
    cpu.values[X86CPU_MIN_LEVEL] = 2;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    /* No code for 4 MiB */
    g_assert_cmphex(view.leaf_2[1], ==, 0xff);
}

static void test_view_values(void)
{
    X86Cpu cpu = plain_cpu();
    X86CpuView view;

    strcpy(cpu.model_id, "0123456789abcdef0123456789abcdef0123456789abcdef");
    cpu.values[X86CPU_MIN_XLEVEL] = 0x80000003;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpmem(view.model_id, 33, "0123456789abcdef0123456789abcdef",
                    33);
    g_assert_cmpuint(view.values[X86CPU_PHYS_BITS], ==, 40);
    cpu.values[X86CPU_PHYS_BITS] = 0;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.values[X86CPU_PHYS_BITS], ==, 40);
    cpu.words[X86CPU_FEAT_8000_0001_EDX] = 0;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.values[X86CPU_PHYS_BITS], ==, 0);

    cpu = plain_cpu();
    cpu.values[X86CPU_LMCE] = true;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_false(view.values[X86CPU_LMCE]);
    cpu.words[X86CPU_FEAT_1_EDX] |= BIT(7) | BIT(14);
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_true(view.values[X86CPU_LMCE]);
    cpu.values[X86CPU_FAMILY] = 5;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_false(view.values[X86CPU_LMCE]);

    /* Hyper-V's leaves, and what they push away */
    cpu = plain_cpu();
    cpu.values[X86CPU_TSC_FREQUENCY] = 2000000000;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_true(view.values[X86CPU_VMWARE_CPUID_FREQ]);
    g_assert_cmpuint(view.values[X86CPU_HV_VERSION_ID_BUILD], ==, 0);
    g_assert_cmpuint(view.hv_vendor_id[0], ==, 0);
    cpu.values[X86CPU_HV_SPINLOCKS] = 8191;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_false(view.values[X86CPU_VMWARE_CPUID_FREQ]);
    /* 0 is off, here. */
    g_assert_cmpuint(view.values[X86CPU_HV_SPINLOCKS], ==, 8192);
    g_assert_cmphex(view.values[X86CPU_HV_VERSION_ID_BUILD], ==, 0x3839);
    g_assert_cmpmem(view.hv_vendor_id, 12, "Microsoft Hv", 12);
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.values[X86CPU_HV_SPINLOCKS], ==, 0);
    g_assert_cmpuint(view.values[X86CPU_TSC_FREQUENCY], ==, 0);
    g_assert_true(view.values[X86CPU_TCG_CPUID]);

    /* pmu=off leaves nothing of lbr-fmt. */
    cpu = plain_cpu();
    cpu.values[X86CPU_LBR_FMT] = 5;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.values[X86CPU_LBR_FMT], ==, 0);
    cpu.values[X86CPU_PMU] = true;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.values[X86CPU_LBR_FMT], ==, 5);
}

/* What leaves show that no feature's bit does */
static void test_view_hidden(void)
{
    X86Cpu cpu = plain_cpu();
    X86CpuView view;

    /* Leaf 0x80000001 repeats the signature of leaf 1. */
    cpu.values[X86CPU_LEVEL] = 0;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.values[X86CPU_FAMILY], ==,
                     cpu.values[X86CPU_FAMILY]);
    cpu.values[X86CPU_XLEVEL] = 0x80000000;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.values[X86CPU_FAMILY], ==, 0);
    g_assert_cmpuint(view.values[X86CPU_MODEL], ==, 0);
    g_assert_cmpuint(view.values[X86CPU_STEPPING], ==, 0);

    /* Leaf 0x80000008 has la57's address bits, wherever leaf 7 is. */
    cpu = plain_cpu();
    cpu.words[X86CPU_FEAT_7_0_ECX] = LA57;
    cpu.values[X86CPU_LEVEL] = 5;
    cpu.values[X86CPU_XLEVEL] = 0x80000008;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.words[X86CPU_FEAT_7_0_ECX], ==, 0);
    g_assert_cmpuint(view.has_57_bits, ==, 1);
    cpu.values[X86CPU_XLEVEL] = 0x80000007;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.has_57_bits, ==, 0);
    cpu.values[X86CPU_XLEVEL] = 0x80000008;
    cpu.words[X86CPU_FEAT_8000_0001_EDX] = 0;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.has_57_bits, ==, 0);

    /* Leaf 0xD has the components of AVX10, wherever subleaf 1 of leaf 7 is. */
    cpu = plain_cpu();
    cpu.words[X86CPU_FEAT_1_ECX] |= BIT(26);
    cpu.words[X86CPU_FEAT_7_1_EDX] = AVX10;
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_128;
    cpu.words[X86CPU_FEAT_7_0_EDX] = ARCH_LBR;
    cpu.values[X86CPU_LEVEL] = 0xd;
    cpu.values[X86CPU_LEVEL_FUNC7] = 0;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.words[X86CPU_FEAT_7_1_EDX], ==, 0);
    g_assert_cmphex(view.components, ==, BIT(5));
    cpu.values[X86CPU_LEVEL] = 7;
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.components, ==, 0);
    cpu.values[X86CPU_LEVEL] = 0xd;
    cpu.words[X86CPU_FEAT_1_ECX] &= ~BIT(26);
    view = view_of(&cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    g_assert_cmphex(view.components, ==, 0);

    /* Leaf 0x80000000 of 11.1 has AMD's vendor alone. */
    cpu = plain_cpu();
    cpu.values[X86CPU_X_VENDOR_CPUID_ONLY_V2] = true;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.hides_vendor, ==,
                     tables.version >= X86CPU_LINE_11_1);
    strcpy(cpu.vendor, "AuthenticAMD");
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.hides_vendor, ==, 0);
    strcpy(cpu.vendor, "CentaurHauls");
    cpu.values[X86CPU_XLEVEL] = 0;
    view = view_of(&cpu, X86CPU_ON_TCG, X86CPU_ONE_THREAD);
    g_assert_cmpuint(view.hides_vendor, ==, 0);
}

/* ---- compare.c ---- */

static X86CpuComparison compare(const X86Cpu *a, const X86Cpu *b,
                                X86CpuAccelerator accel)
{
    X86CpuComparison result;

    x86cpu_compare(&tables, a, b, accel, &result);
    return result;
}

static void assert_empty(const X86CpuNames *names)
{
    static const X86CpuNames none;

    g_assert_cmpmem(names, sizeof(*names), &none, sizeof(none));
}

static void test_compare_features(void)
{
    X86Cpu a = plain_cpu(), b = a;
    X86CpuComparison c = compare(&a, &b, X86CPU_ON_KVM);

    g_assert_cmpint(c.relation, ==, X86CPU_IDENTICAL);
    assert_empty(&c.responsible);

    b.words[X86CPU_FEAT_7_0_EBX] = AVX2;
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_SUBSET);
    g_assert_cmphex(c.missing_in_a.bits[X86CPU_FEAT_7_0_EBX], ==, AVX2);
    assert_empty(&c.missing_in_b);
    assert_empty(&c.differs);
    g_assert_cmphex(c.responsible.bits[X86CPU_FEAT_7_0_EBX], ==, AVX2);
    c = compare(&b, &a, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_SUPERSET);
    g_assert_cmphex(c.missing_in_b.bits[X86CPU_FEAT_7_0_EBX], ==, AVX2);

    a.words[X86CPU_FEAT_1_ECX] = AVX;
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_INCOMPATIBLE);
    g_assert_false(x86cpu_fits(&tables, &a, &b, X86CPU_ON_KVM));
    g_assert_false(x86cpu_fits(&tables, &b, &a, X86CPU_ON_KVM));

    /* Topology gives it to both, or to neither. */
    a = b = plain_cpu();
    a.words[X86CPU_FEAT_1_EDX] |= HT;
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_SUBSET);
    c = compare(&b, &a, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_SUBSET);
    g_assert_cmphex(c.responsible.bits[X86CPU_FEAT_1_EDX], ==, HT);

    /* AMD's CPUs without leaf 0x80000001 don't repeat bits of leaf 1. */
    strcpy(a.vendor, "AuthenticAMD");
    b = a;
    a.values[X86CPU_XLEVEL] = 0;
    a.words[X86CPU_FEAT_8000_0001_EDX] = 0;
    b.words[X86CPU_FEAT_8000_0001_EDX] = 0;
    b.values[X86CPU_PHYS_BITS] = a.values[X86CPU_PHYS_BITS] = 0;
    g_assert_cmpint(compare(&b, &a, X86CPU_ON_KVM).relation, ==,
                    X86CPU_SUBSET);

    /* What the guest can't see makes no difference. */
    a = b = plain_cpu();
    b.words[X86CPU_FEAT_SVM] = BIT(0);
    g_assert_true(x86cpu_identical(&tables, &a, &b, X86CPU_ON_KVM));
    b.words[X86CPU_FEAT_ARCH_CAPABILITIES] = RSBA;
    b.words[X86CPU_FEAT_7_0_EDX] = ARCH_CAPS;
    c = compare(&a, &b, X86CPU_ON_TCG);
    g_assert_cmphex(c.responsible.bits[X86CPU_FEAT_ARCH_CAPABILITIES], ==, 0);
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmphex(c.responsible.bits[X86CPU_FEAT_ARCH_CAPABILITIES], ==,
                    RSBA);
    /* A feature of several bits is one. */
    a = b = plain_cpu();
    a.words[X86CPU_FEAT_KVM] = BIT(0);
    b.words[X86CPU_FEAT_KVM] = BIT(0) | BIT(3);
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmphex(c.responsible.bits[X86CPU_FEAT_KVM], ==, BIT(0) | BIT(3));
    /* A bit without a name is by itself. */
    a.words[X86CPU_FEAT_KVM] = b.words[X86CPU_FEAT_KVM] = 0;
    b.words[X86CPU_FEAT_7_0_EBX] = BIT(30) | BIT(31);
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmphex(c.responsible.bits[X86CPU_FEAT_7_0_EBX], ==,
                    BIT(30) | BIT(31));

    /* Intel PT in one form is none of the other, and less than neither. */
    a = b = plain_cpu();
    a.words[X86CPU_FEAT_7_0_EBX] = b.words[X86CPU_FEAT_7_0_EBX] = INTEL_PT;
    b.words[X86CPU_FEAT_14_0_ECX] = LIP;
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_INCOMPATIBLE);
    a.words[X86CPU_FEAT_7_0_EBX] = 0;
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_SUBSET);
}

/* These tell CPUs apart, and keep no guest from the other one. */
static void test_compare_hidden(void)
{
    X86Cpu a = plain_cpu(), b;
    X86CpuComparison c;

    a.values[X86CPU_LEVEL] = 5;
    a.values[X86CPU_XLEVEL] = 0x80000008;
    b = a;
    b.words[X86CPU_FEAT_7_0_ECX] = LA57;
    c = compare(&a, &b, X86CPU_ON_TCG);
    g_assert_cmpint(c.relation, ==, X86CPU_SUBSET);
    g_assert_cmphex(c.differs.bits[X86CPU_FEAT_7_0_ECX], ==, LA57);
    g_assert_cmphex(c.missing_in_a.bits[X86CPU_FEAT_7_0_ECX], ==, 0);
    g_assert_cmphex(c.responsible.bits[X86CPU_FEAT_7_0_ECX], ==, LA57);
    c = compare(&b, &a, X86CPU_ON_TCG);
    g_assert_cmpint(c.relation, ==, X86CPU_SUBSET);
    /* Where the level shows it, it is a feature. */
    a.values[X86CPU_LEVEL] = b.values[X86CPU_LEVEL] = 7;
    c = compare(&b, &a, X86CPU_ON_TCG);
    g_assert_cmpint(c.relation, ==, X86CPU_SUPERSET);
    g_assert_cmphex(c.differs.bits[X86CPU_FEAT_7_0_ECX], ==, 0);
    g_assert_cmphex(c.missing_in_b.bits[X86CPU_FEAT_7_0_ECX], ==, LA57);

    a = b = plain_cpu();
    a.values[X86CPU_XLEVEL] = b.values[X86CPU_XLEVEL] = 0x80000000;
    a.values[X86CPU_X_VENDOR_CPUID_ONLY_V2] = false;
    b.values[X86CPU_X_VENDOR_CPUID_ONLY_V2] = true;
    c = compare(&a, &b, X86CPU_ON_TCG);
    g_assert_cmpint(c.relation, ==, tables.version >= X86CPU_LINE_11_1
                                    ? X86CPU_SUBSET : X86CPU_IDENTICAL);
    g_assert_cmpint(c.differs.properties[X86CPU_X_VENDOR_CPUID_ONLY_V2], ==,
                    tables.version >= X86CPU_LINE_11_1);
    g_assert_cmpint(c.responsible.properties[X86CPU_X_VENDOR_CPUID_ONLY_V2],
                    ==, tables.version >= X86CPU_LINE_11_1);
}

static void test_compare_values(void)
{
    static const struct {
        X86CpuPropertyId id;
        uint64_t a, b;
        X86CpuRelation relation;
    } cases[] = {
        { X86CPU_FAMILY, 6, 15, X86CPU_SUBSET },
        { X86CPU_UCODE_REV, 1, 2, X86CPU_SUBSET },
        { X86CPU_MIN_LEVEL, 0xd, 0x16, X86CPU_SUBSET },
        { X86CPU_MIN_LEVEL, 0x16, 0xd, X86CPU_SUBSET },
        { X86CPU_PHYS_BITS, 40, 46, X86CPU_SUBSET },
        { X86CPU_PHYS_BITS, 46, 40, X86CPU_SUPERSET },
        { X86CPU_GUEST_PHYS_BITS, 46, 40, X86CPU_SUBSET },
        { X86CPU_PMU, 1, 0, X86CPU_SUPERSET },
        { X86CPU_KVM, 0, 1, X86CPU_SUBSET },
        { X86CPU_KVM_PV_ENFORCE_CPUID, 0, 1, X86CPU_SUBSET },
        { X86CPU_TSC_FREQUENCY, 0, 1000, X86CPU_SUBSET },
        { X86CPU_TSC_FREQUENCY, 2000, 1000, X86CPU_INCOMPATIBLE },
        { X86CPU_HV_SPINLOCKS, 0xffffffff, 5, X86CPU_SUBSET },
        { X86CPU_HV_SPINLOCKS, 5, 7, X86CPU_SUBSET },
        { X86CPU_HV_SPINLOCKS, 7, 5, X86CPU_SUBSET },
        /* To notify the hypervisor at once is not to turn it off. */
        { X86CPU_HV_SPINLOCKS, 0xffffffff, 0, X86CPU_SUBSET },
        { X86CPU_HV_SPINLOCKS, 0, 5, X86CPU_SUBSET },
        { X86CPU_HV_SPINLOCKS, 5, 0, X86CPU_SUBSET },
        { X86CPU_HV_RELAXED, 1, 0, X86CPU_SUPERSET },
        { X86CPU_HV_VERSION_ID_BUILD, 1, 2, X86CPU_IDENTICAL },
        { X86CPU_HV_ENFORCE_CPUID, 1, 0, X86CPU_IDENTICAL },
        { X86CPU_FILL_MTRR_MASK, 1, 0, X86CPU_IDENTICAL },
        { X86CPU_X_MIGRATE_SMI_COUNT, 1, 0, X86CPU_IDENTICAL },
        { X86CPU_TCG_CPUID, 1, 0, X86CPU_IDENTICAL },
        { X86CPU_X_HV_SYNIC_KVM_ONLY, 1, 0, X86CPU_IDENTICAL },
        { X86CPU_LBR_FMT, 5, 0, X86CPU_IDENTICAL },
        { X86CPU_XEN_VAPIC, 1, 0, X86CPU_IDENTICAL },
    };
    X86CpuComparison c;
    X86Cpu a, b;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        X86CpuPropertyId id = cases[i].id;

        g_test_message("%s", x86cpu_property_names[id]);
        a = b = plain_cpu();
        a.values[id] = cases[i].a;
        b.values[id] = cases[i].b;
        c = compare(&a, &b, X86CPU_ON_KVM);
        g_assert_cmpint(c.relation, ==, cases[i].relation);
        g_assert_cmpint(c.responsible.properties[id], ==,
                        c.relation != X86CPU_IDENTICAL);
    }

    /* lbr-fmt, with pmu: only 0 is less than others. */
    a = b = plain_cpu();
    a.values[X86CPU_PMU] = b.values[X86CPU_PMU] = true;
    b.values[X86CPU_LBR_FMT] = 5;
    g_assert_cmpint(compare(&a, &b, X86CPU_ON_KVM).relation, ==,
                    X86CPU_SUBSET);
    a.values[X86CPU_LBR_FMT] = 4;
    g_assert_cmpint(compare(&a, &b, X86CPU_ON_KVM).relation, ==,
                    X86CPU_INCOMPATIBLE);

    /* Texts */
    a = b = plain_cpu();
    strcpy(b.vendor, "AuthenticAMD");
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_INCOMPATIBLE);
    g_assert_true(c.responsible.vendor && c.differs.vendor);
    b = a;
    strcpy(b.model_id, "Another");
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_SUBSET);
    g_assert_true(c.responsible.model_id && c.differs.model_id);
    b = a;
    strcpy(b.hv_vendor_id, "Another");
    g_assert_true(x86cpu_identical(&tables, &a, &b, X86CPU_ON_KVM));
    a.values[X86CPU_HV_TIME] = b.values[X86CPU_HV_TIME] = true;
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_SUBSET);
    g_assert_true(c.responsible.hv_vendor_id && c.differs.hv_vendor_id);

    /* Caches */
    a = b = plain_cpu();
    a.values[X86CPU_LEGACY_CACHE] = b.values[X86CPU_LEGACY_CACHE] = false;
    a.caches[X86CPU_CACHE_L2] = (X86CpuCache) {
        .size = 1 << 20, .share = "core", .numbers = { 64, 8, 1, 2048, 1 },
    };
    b.caches[X86CPU_CACHE_L2] = a.caches[X86CPU_CACHE_L2];
    strcpy(b.caches[X86CPU_CACHE_L2].share, "die");
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_SUBSET);
    g_assert_true(c.responsible.caches[X86CPU_CACHE_L2] &&
                  c.differs.caches[X86CPU_CACHE_L2]);
    /* From caches of its own to the old ones */
    b = plain_cpu();
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_true(c.responsible.caches[X86CPU_CACHE_L2] &&
                  c.responsible.properties[X86CPU_LEGACY_CACHE]);
    c = compare(&b, &a, X86CPU_ON_KVM);
    g_assert_true(c.responsible.caches[X86CPU_CACHE_L2] &&
                  !c.responsible.properties[X86CPU_LEGACY_CACHE]);
}

/* What AMD repeats in 0x80000001 is not a feature that the other CPU lacks. */
static void test_compare_aliases(void)
{
    X86Cpu a = plain_cpu(), b = a;
    X86CpuComparison c;

    a.words[X86CPU_FEAT_1_EDX] = b.words[X86CPU_FEAT_1_EDX] = 1;
    a.values[X86CPU_XLEVEL] = b.values[X86CPU_XLEVEL] = 0x80000008;
    strcpy(b.vendor, "AuthenticAMD");
    c = compare(&a, &b, X86CPU_ON_KVM);
    g_assert_cmpint(c.relation, ==, X86CPU_INCOMPATIBLE);
    g_assert_cmphex(c.missing_in_a.bits[X86CPU_FEAT_8000_0001_EDX], ==, 0);
    /* That one does differ. */
    g_assert_cmphex(c.missing_in_a.bits[X86CPU_FEAT_8000_0001_ECX], ==,
                    CMP_LEGACY);
    assert_empty(&c.missing_in_b);
    g_assert_true(c.differs.vendor);
}

static void test_maximal(void)
{
    X86Cpu cpus[5];
    X86CpuViews views[5];
    bool maximal[5];
    int i;

    for (i = 0; i < 5; i++) {
        cpus[i] = plain_cpu();
        cpus[i].values[X86CPU_LEVEL] = 7;
    }
    /* 0 < 1 = 4, which differ in the model alone; 2 is apart, 3 its equal. */
    cpus[1].words[X86CPU_FEAT_7_0_EBX] |= AVX2;
    cpus[4] = cpus[1];
    cpus[4].values[X86CPU_MODEL]++;
    strcpy(cpus[2].vendor, "AuthenticAMD");
    cpus[3] = cpus[2];
    for (i = 0; i < 5; i++) {
        x86cpu_view_all(&tables, &cpus[i], X86CPU_ON_KVM, &views[i]);
    }
    x86cpu_find_maximal(&tables, views, 5, maximal);
    g_assert_false(maximal[0]);
    for (i = 1; i < 5; i++) {
        g_assert_true(maximal[i]);
    }
    x86cpu_find_maximal(&tables, views, 1, maximal);
    g_assert_true(maximal[0]);
}

static void test_copy_named(void)
{
    X86Cpu a = plain_cpu(), b = a;
    X86CpuNames names = {
        .vendor = true, .model_id = true, .hv_vendor_id = true,
        .caches[X86CPU_CACHE_L3] = true, .bits[X86CPU_FEAT_1_ECX] = AVX,
        .properties[X86CPU_PMU] = true,
    };

    strcpy(b.vendor, "AuthenticAMD");
    strcpy(b.model_id, "B");
    strcpy(b.hv_vendor_id, "C");
    b.caches[X86CPU_CACHE_L3].size = 1;
    b.words[X86CPU_FEAT_1_ECX] = AVX;
    b.values[X86CPU_PMU] = true;
    x86cpu_copy_named(&a, &b, &names);
    b.values[X86CPU_LEGACY_CACHE] = false;
    g_assert_cmpmem(&a, sizeof(a), &b, sizeof(b));

    /* legacy-cache is not on as long as there is a cache. */
    a = plain_cpu();
    names = (X86CpuNames) { .properties[X86CPU_LEGACY_CACHE] = true };
    x86cpu_copy_named(&b, &a, &names);
    g_assert_false(b.values[X86CPU_LEGACY_CACHE]);
    names.caches[X86CPU_CACHE_L3] = true;
    x86cpu_copy_named(&b, &a, &names);
    g_assert_true(b.values[X86CPU_LEGACY_CACHE]);
}

/* ---- baseline.c ---- */

static X86CpuBaseline baseline_of(const X86Cpu *a, const X86Cpu *b)
{
    X86CpuBaseline bl;

    g_assert_true(x86cpu_baseline(&tables, a, b, X86CPU_ON_KVM, &bl));
    return bl;
}

static void test_baseline(void)
{
    X86Cpu a = plain_cpu(), b = a;
    X86CpuBaseline bl = baseline_of(&a, &b);

    g_assert_cmpmem(bl.cpu.words, sizeof(a.words), a.words, sizeof(a.words));
    g_assert_cmpmem(bl.cpu.values, sizeof(a.values), a.values,
                    sizeof(a.values));
    strcpy(b.vendor, "AuthenticAMD");
    g_assert_false(x86cpu_baseline(&tables, &a, &b, X86CPU_ON_KVM, &bl));

    /* avx10, of which each has another length */
    a = b = plain_cpu();
    a.words[X86CPU_FEAT_7_1_EDX] = b.words[X86CPU_FEAT_7_1_EDX] = AVX10;
    a.words[X86CPU_FEAT_24_0_EBX] = AVX10_128 | AVX10_256;
    b.words[X86CPU_FEAT_24_0_EBX] = AVX10_128;
    a.values[X86CPU_AVX10_VERSION] = 2;
    b.values[X86CPU_AVX10_VERSION] = 1;
    bl = baseline_of(&a, &b);
    g_assert_cmphex(bl.cpu.words[X86CPU_FEAT_24_0_EBX], ==, AVX10_128);
    g_assert_cmpuint(bl.cpu.values[X86CPU_AVX10_VERSION], ==, 1);
    a.words[X86CPU_FEAT_24_0_EBX] = AVX10_512;
    a.words[X86CPU_FEAT_24_1_ECX] = b.words[X86CPU_FEAT_24_1_ECX] = BIT(2);
    bl = baseline_of(&a, &b);
    g_assert_cmphex(bl.cpu.words[X86CPU_FEAT_24_1_ECX], ==, 0);
    g_assert_cmphex(bl.cpu.words[X86CPU_FEAT_7_1_EDX], ==, 0);
    g_assert_cmpuint(bl.cpu.values[X86CPU_AVX10_VERSION], ==, 0);
    g_assert_cmphex(bl.omitted[X86CPU_OMITTED_DEPENDENCY]
                    .bits[X86CPU_FEAT_7_1_EDX], ==, AVX10);

    /* A 32-bit CPU has no physical bits to set. */
    a = b = plain_cpu();
    b.words[X86CPU_FEAT_8000_0001_EDX] = 0;
    b.values[X86CPU_PHYS_BITS] = 0;
    a.values[X86CPU_GUEST_PHYS_BITS] = 40;
    bl = baseline_of(&a, &b);
    g_assert_cmpuint(bl.cpu.values[X86CPU_PHYS_BITS], ==, 0);
    g_assert_cmpuint(bl.cpu.values[X86CPU_GUEST_PHYS_BITS], ==, 0);
    b = a;
    b.values[X86CPU_GUEST_PHYS_BITS] = 0;
    b.values[X86CPU_PHYS_BITS] = 39;
    bl = baseline_of(&a, &b);
    g_assert_cmpuint(bl.cpu.values[X86CPU_PHYS_BITS], ==, 39);
    g_assert_cmpuint(bl.cpu.values[X86CPU_GUEST_PHYS_BITS], ==, 39);

    /* Two forms of Intel PT */
    a = b = plain_cpu();
    a.words[X86CPU_FEAT_7_0_EBX] = b.words[X86CPU_FEAT_7_0_EBX] = INTEL_PT;
    b.words[X86CPU_FEAT_14_0_ECX] = LIP;
    bl = baseline_of(&a, &b);
    g_assert_cmphex(bl.cpu.words[X86CPU_FEAT_7_0_EBX], ==, 0);
    g_assert_cmphex(bl.omitted[X86CPU_OMITTED_CONFLICT]
                    .bits[X86CPU_FEAT_7_0_EBX], ==, INTEL_PT);

    /* invtsc stays with a common frequency. */
    a = b = plain_cpu();
    a.words[X86CPU_FEAT_8000_0007_EDX] = INVTSC;
    b.words[X86CPU_FEAT_8000_0007_EDX] = INVTSC;
    a.values[X86CPU_TSC_FREQUENCY] = 1000;
    b.values[X86CPU_TSC_FREQUENCY] = 1000;
    bl = baseline_of(&a, &b);
    g_assert_cmphex(bl.cpu.words[X86CPU_FEAT_8000_0007_EDX], ==, INVTSC);
    g_assert_cmpuint(bl.cpu.values[X86CPU_TSC_FREQUENCY], ==, 1000);
    b.values[X86CPU_TSC_FREQUENCY] = 2000;
    bl = baseline_of(&a, &b);
    g_assert_cmphex(bl.cpu.words[X86CPU_FEAT_8000_0007_EDX], ==, 0);
    g_assert_cmphex(bl.omitted[X86CPU_OMITTED_UNMIGRATABLE]
                    .bits[X86CPU_FEAT_8000_0007_EDX], ==, INVTSC);
    g_assert_true(bl.omitted[X86CPU_OMITTED_CONFLICT]
                  .properties[X86CPU_TSC_FREQUENCY]);

    /* A limitation that only one has */
    a = b = plain_cpu();
    a.words[X86CPU_FEAT_7_0_EDX] = b.words[X86CPU_FEAT_7_0_EDX] = ARCH_CAPS;
    a.words[X86CPU_FEAT_ARCH_CAPABILITIES] = RSBA;
    bl = baseline_of(&a, &b);
    g_assert_cmphex(bl.hazards.bits[X86CPU_FEAT_ARCH_CAPABILITIES], ==, RSBA);

    /* The level of one would show what that of the other hides. */
    a = b = plain_cpu();
    a.words[X86CPU_FEAT_7_0_EBX] = b.words[X86CPU_FEAT_7_0_EBX] = AVX2;
    a.values[X86CPU_LEVEL] = 5;
    a.values[X86CPU_MODEL] = 99;
    bl = baseline_of(&a, &b);
    g_assert_true(x86cpu_fits(&tables, &bl.cpu, &a, X86CPU_ON_KVM));

    /* So would a property that only one has. */
    a = b = plain_cpu();
    a.words[X86CPU_FEAT_8000_0007_EBX] = BIT(0);
    b.words[X86CPU_FEAT_8000_0007_EBX] = BIT(0);
    a.values[X86CPU_X_VENDOR_CPUID_ONLY_V2] = true;
    b.values[X86CPU_X_VENDOR_CPUID_ONLY_V2] = false;
    bl = baseline_of(&a, &b);
    g_assert_true(x86cpu_fits(&tables, &bl.cpu, &a, X86CPU_ON_KVM));
}

static void test_baseline_lmce(void)
{
    const uint64_t mce_mca = BIT(7) | BIT(14);
    const bool *omitted;
    X86Cpu a = plain_cpu(), b;
    X86CpuBaseline bl;

    a.words[X86CPU_FEAT_1_EDX] |= mce_mca;
    a.values[X86CPU_LMCE] = true;
    b = a;
    omitted = bl.omitted[X86CPU_OMITTED_DEPENDENCY].properties;
    bl = baseline_of(&a, &b);
    g_assert_true(bl.cpu.values[X86CPU_LMCE]);
    g_assert_false(omitted[X86CPU_LMCE]);

    /* No guest sees it in an old CPU, whose family the baseline has not. */
    a.values[X86CPU_FAMILY] = 5;
    a.values[X86CPU_CPUID_0XB] = true;
    b.values[X86CPU_CPUID_0XB] = false;
    bl = baseline_of(&a, &b);
    g_assert_cmpuint(bl.cpu.values[X86CPU_FAMILY], ==, 6);
    g_assert_false(bl.cpu.values[X86CPU_LMCE]);
    g_assert_false(omitted[X86CPU_LMCE]);
    g_assert_true(x86cpu_fits(&tables, &bl.cpu, &a, X86CPU_ON_KVM));

    /* The level of one hides what it needs. */
    a = b;
    a.values[X86CPU_LEVEL] = 0;
    bl = baseline_of(&a, &b);
    g_assert_false(bl.cpu.values[X86CPU_LMCE]);
    g_assert_true(omitted[X86CPU_LMCE]);
}

static void test_missing_cache(void)
{
    X86Cpu cpu = plain_cpu();
    int i;

    memset(cpu.caches, 0, sizeof(cpu.caches));
    cpu.values[X86CPU_LEGACY_CACHE] = true;
    g_assert_cmpint(x86cpu_missing_cache(&cpu), ==, X86CPU_CACHES);
    cpu.values[X86CPU_LEGACY_CACHE] = false;
    for (i = 0; i < X86CPU_CACHES; i++) {
        g_assert_cmpint(x86cpu_missing_cache(&cpu), ==, i);
        cpu.caches[i].size = 32768;
    }
    g_assert_cmpint(x86cpu_missing_cache(&cpu), ==, X86CPU_CACHES);
}

static void test_baseline_hyperv(void)
{
    X86Cpu a = plain_cpu(), b = a;
    X86CpuBaseline bl, other;

    a.values[X86CPU_HV_RELAXED] = b.values[X86CPU_HV_RELAXED] = true;
    a.values[X86CPU_HV_TIME] = true;
    a.values[X86CPU_HV_SPINLOCKS] = 4095;
    b.values[X86CPU_HV_SPINLOCKS] = 8191;
    a.values[X86CPU_HV_VERSION_ID_BUILD] = 7;
    a.values[X86CPU_HV_NO_NONARCH_CORESHARING] = true;
    bl = baseline_of(&a, &b);
    g_assert_true(bl.cpu.values[X86CPU_HV_RELAXED]);
    g_assert_false(bl.cpu.values[X86CPU_HV_TIME]);
    g_assert_cmpuint(bl.cpu.values[X86CPU_HV_SPINLOCKS], ==, 8191);
    g_assert_cmpuint(bl.cpu.values[X86CPU_HV_VERSION_ID_BUILD], ==, 7);
    g_assert_false(bl.cpu.values[X86CPU_HV_NO_NONARCH_CORESHARING]);
    /* All is given in a baseline, whoever had the values. */
    a.given[X86CPU_HV_VERSION_ID_BUILD] = true;
    other = baseline_of(&b, &a);
    g_assert_cmpmem(&other, sizeof(other), &bl, sizeof(bl));
    a.values[X86CPU_HV_SPINLOCKS] = 0;
    bl = baseline_of(&a, &b);
    g_assert_true(x86cpu_fits(&tables, &bl.cpu, &a, X86CPU_ON_KVM));

    /* What stimer needs, only one of them has. */
    a.values[X86CPU_HV_STIMER] = b.values[X86CPU_HV_STIMER] = true;
    a.values[X86CPU_HV_STIMER_DIRECT] = true;
    b.values[X86CPU_HV_STIMER_DIRECT] = true;
    bl = baseline_of(&a, &b);
    g_assert_false(bl.cpu.values[X86CPU_HV_STIMER]);
    g_assert_false(bl.cpu.values[X86CPU_HV_STIMER_DIRECT]);
    g_assert_true(bl.omitted[X86CPU_OMITTED_DEPENDENCY]
                  .properties[X86CPU_HV_STIMER_DIRECT]);

    /* KVM's first SynIC did without VP indices. */
    a = b = plain_cpu();
    a.values[X86CPU_HV_SYNIC] = b.values[X86CPU_HV_SYNIC] = true;
    a.values[X86CPU_HV_VPINDEX] = true;
    b.values[X86CPU_X_HV_SYNIC_KVM_ONLY] = true;
    bl = baseline_of(&a, &b);
    g_assert_true(bl.cpu.values[X86CPU_HV_SYNIC]);
    g_assert_true(bl.cpu.values[X86CPU_X_HV_SYNIC_KVM_ONLY]);
    b.values[X86CPU_X_HV_SYNIC_KVM_ONLY] = false;
    bl = baseline_of(&a, &b);
    g_assert_false(bl.cpu.values[X86CPU_HV_SYNIC]);
    /* Without any switch, all else is by default. */
    g_assert_cmphex(bl.cpu.values[X86CPU_HV_VERSION_ID_BUILD], ==, 0x3839);
    g_assert_cmpstr(bl.cpu.hv_vendor_id, ==, "Microsoft Hv");
}

/* ---- random CPUs ---- */

/* In static expansions, levels have been raised for the features. */
static void describe_levels(X86Cpu *cpu)
{
    X86CpuView view;

    cpu->values[X86CPU_LEVEL_FUNC7] = 0xffffffff;
    view = view_of(cpu, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    if (cpu->values[X86CPU_LEVEL] == 0xffffffff) {
        cpu->values[X86CPU_MIN_LEVEL] = view.level;
    }
    if (view.xlevel) {
        cpu->values[X86CPU_MIN_XLEVEL] = view.xlevel;
    }
    cpu->values[X86CPU_LEVEL_FUNC7] = view.level_func7;
}

/* Closed, as static expansions are; few properties, so that many are alike */
static X86Cpu random_cpu(void)
{
    static const X86CpuPropertyId flags[] = {
        X86CPU_PMU, X86CPU_KVM, X86CPU_HV_RELAXED, X86CPU_HV_VAPIC,
        X86CPU_HV_SYNIC, X86CPU_HV_VPINDEX, X86CPU_HV_STIMER, X86CPU_HV_TIME,
        X86CPU_X_HV_SYNIC_KVM_ONLY, X86CPU_X_VENDOR_CPUID_ONLY,
        X86CPU_FULL_CPUID_AUTO_LEVEL, X86CPU_L3_CACHE,
        X86CPU_X_MIGRATE_SMI_COUNT, X86CPU_KVM_PV_ENFORCE_CPUID,
        X86CPU_X_L1_CACHE_PER_THREAD, X86CPU_LMCE,
        X86CPU_X_FORCE_CPUID_0X1F, X86CPU_X_INTEL_PT_AUTO_LEVEL,
    };
    static const struct {
        X86CpuPropertyId id;
        uint64_t values[3];
    } numbers[] = {
        { X86CPU_MODEL, { 1, 2, 3 } },
        { X86CPU_MIN_LEVEL, { 1, 7, 0x20 } },
        { X86CPU_LEVEL, { 0xffffffff, 7, 0x14 } },
        { X86CPU_MIN_XLEVEL, { 0, 0x80000008, 0x8000001e } },
        { X86CPU_PHYS_BITS, { 36, 40, 46 } },
        { X86CPU_GUEST_PHYS_BITS, { 0, 36, 40 } },
        { X86CPU_TSC_FREQUENCY, { 0, 1000, 2000 } },
        { X86CPU_HV_SPINLOCKS, { 0xffffffff, 1, 2 } },
        { X86CPU_LBR_FMT, { 0, 4, 5 } },
        { X86CPU_AVX10_VERSION, { 1, 1, 2 } },
        { X86CPU_HV_VERSION_ID_BUILD, { 0x3839, 1, 2 } },
    };
    X86Cpu cpu = plain_cpu();
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(features); i++) {
        if (g_test_rand_int_range(0, 4)) {
            cpu.words[features[i].word] |= features[i].mask;
        } else {
            cpu.words[features[i].word] &= ~features[i].mask;
        }
    }
    for (i = 0; i < 4; i++) {
        X86CpuPropertyId id = flags[g_test_rand_int_range(
            0, G_N_ELEMENTS(flags))];
        int n = g_test_rand_int_range(0, G_N_ELEMENTS(numbers));

        cpu.values[id] = !cpu.values[id];
        cpu.values[numbers[n].id] =
            numbers[n].values[g_test_rand_int_range(0, 3)];
    }
    if (!(cpu.words[X86CPU_FEAT_8000_0001_EDX] & LM)) {
        cpu.values[X86CPU_PHYS_BITS] = cpu.values[X86CPU_GUEST_PHYS_BITS] = 0;
    }
    cpu.values[X86CPU_GUEST_PHYS_BITS] =
        MIN(cpu.values[X86CPU_GUEST_PHYS_BITS], cpu.values[X86CPU_PHYS_BITS]);
    for (i = 0; i < G_N_ELEMENTS(dependencies); i++) {
        x86cpu_close(&tables, &cpu);
    }
    if (!cpu.values[X86CPU_HV_TIME] || !cpu.values[X86CPU_HV_SYNIC]) {
        cpu.values[X86CPU_HV_STIMER] = false;
    }
    if (!cpu.values[X86CPU_HV_VPINDEX]) {
        cpu.values[X86CPU_HV_SYNIC] &= cpu.values[X86CPU_X_HV_SYNIC_KVM_ONLY];
    }
    describe_levels(&cpu);
    return cpu;
}

static X86CpuRelation mirrored(X86CpuRelation relation)
{
    return relation == X86CPU_SUBSET ? X86CPU_SUPERSET
           : relation == X86CPU_SUPERSET ? X86CPU_SUBSET : relation;
}

/* Each name in @names is needed to make @a identical to @b. */
static void assert_minimal(const X86Cpu *a, const X86Cpu *b,
                           const X86CpuNames *names)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(features); i++) {
        X86CpuNames fewer = *names;
        X86Cpu cpu = *a;

        if (fewer.bits[features[i].word] & features[i].mask) {
            fewer.bits[features[i].word] &= ~features[i].mask;
            x86cpu_copy_named(&cpu, b, &fewer);
            g_assert_false(x86cpu_identical(&tables, &cpu, b,
                                            X86CPU_ON_KVM));
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        X86CpuNames fewer = *names;
        X86Cpu cpu = *a;

        if (fewer.properties[i]) {
            fewer.properties[i] = false;
            x86cpu_copy_named(&cpu, b, &fewer);
            g_assert_false(x86cpu_identical(&tables, &cpu, b,
                                            X86CPU_ON_KVM));
        }
    }
}

static X86Cpu random_description(void)
{
    X86Cpu cpu = random_cpu();

    return description_of(&cpu, X86CPU_ON_KVM, NULL);
}

static void test_random_comparisons(void)
{
    unsigned found[4] = { 0 };
    int i;

    for (i = 0; i < 3000; i++) {
        X86Cpu a = random_cpu(), b = a;
        X86CpuComparison ab, ba;

        if (i % 3) {
            b = random_cpu();
            if (i % 3 == 1) {
                /* Nearly the same */
                memcpy(b.words, a.words, sizeof(b.words));
            }
        }
        ab = compare(&a, &b, X86CPU_ON_KVM);
        ba = compare(&b, &a, X86CPU_ON_KVM);
        found[ab.relation]++;
        if (ab.relation != X86CPU_SUBSET || ba.relation != X86CPU_SUBSET) {
            g_assert_cmpint(ba.relation, ==, mirrored(ab.relation));
        }
        g_assert_cmpmem(&ab.missing_in_a, sizeof(X86CpuNames),
                        &ba.missing_in_b, sizeof(X86CpuNames));
        g_assert_cmpmem(&ab.differs, sizeof(X86CpuNames), &ba.differs,
                        sizeof(X86CpuNames));
        if (ab.relation != X86CPU_IDENTICAL) {
            X86Cpu cpu = a;

            x86cpu_copy_named(&cpu, &b, &ab.responsible);
            g_assert_true(x86cpu_identical(&tables, &cpu, &b,
                                           X86CPU_ON_KVM));
            assert_minimal(&a, &b, &ab.responsible);
        }
    }
    for (i = 0; i < 4; i++) {
        g_assert_cmpuint(found[i], >, 0);
    }
}

/* What both guests see is in their baseline, or in its lists. */
static void assert_maximal(const X86CpuBaseline *bl, const X86Cpu *a,
                           const X86Cpu *b)
{
    int t, i, why;

    for (t = 0; t < X86CPU_TOPOLOGIES; t++) {
        X86CpuView va = view_of(a, X86CPU_ON_KVM, t);
        X86CpuView vb = view_of(b, X86CPU_ON_KVM, t);
        X86CpuView is = view_of(&bl->cpu, X86CPU_ON_KVM, t);

        for (i = 0; i < X86CPU_MAX_WORDS; i++) {
            uint64_t left = va.words[i] & vb.words[i] & ~is.words[i];

            for (why = 0; why < X86CPU_OMISSIONS; why++) {
                left &= ~bl->omitted[why].bits[i];
            }
            g_assert_cmphex(left, ==, 0);
        }
    }
}

static bool has_names(const X86CpuNames *omitted)
{
    static const X86CpuNames none[X86CPU_OMISSIONS];

    return memcmp(omitted, none, sizeof(none));
}

static void test_random_baselines(void)
{
    int i;

    for (i = 0; i < 3000; i++) {
        X86Cpu a = random_description(), b = random_description();
        X86Cpu c = random_description();
        X86CpuBaseline ab = baseline_of(&a, &b), ba = baseline_of(&b, &a);
        X86CpuBaseline bc = baseline_of(&b, &c);
        X86CpuBaseline ab_c = baseline_of(&ab.cpu, &c);
        X86CpuBaseline a_bc = baseline_of(&a, &bc.cpu);
        X86CpuBaseline again = baseline_of(&ab.cpu, &ab.cpu);

        g_assert_true(x86cpu_fits(&tables, &ab.cpu, &a, X86CPU_ON_KVM));
        g_assert_true(x86cpu_fits(&tables, &ab.cpu, &b, X86CPU_ON_KVM));
        assert_maximal(&ab, &a, &b);
        g_assert_cmpmem(&ab, sizeof(ab), &ba, sizeof(ba));
        g_assert_cmpmem(&ab_c.cpu, sizeof(X86Cpu), &a_bc.cpu,
                        sizeof(X86Cpu));
        g_assert_cmpmem(&again.cpu, sizeof(X86Cpu), &ab.cpu, sizeof(X86Cpu));
        again = baseline_of(&a, &a);
        if (!has_names(again.omitted)) {
            g_assert_true(x86cpu_identical(&tables, &again.cpu, &a,
                                           X86CPU_ON_KVM));
        }
    }
}

/* ---- nearest ---- */

static bool find_edit(const X86Cpu *from, const X86Cpu *to, unsigned limit,
                      X86CpuEdit *edit)
{
    X86CpuGoal goal;

    x86cpu_set_goal(&tables, to, X86CPU_ON_KVM, &goal);
    return x86cpu_find_edit(&tables, from, &goal, X86CPU_ON_KVM, limit, edit);
}

static bool as_good(const X86Cpu *a, const X86Cpu *b)
{
    return x86cpu_fits(&tables, a, b, X86CPU_ON_KVM) &&
           x86cpu_fits(&tables, b, a, X86CPU_ON_KVM);
}

/* Whether @a requests no feature that @b does not */
static bool starts_where(const X86Cpu *a, const X86Cpu *b)
{
    X86Cpu closed = *a;
    size_t i;

    x86cpu_expand_features(&tables, &closed, X86CPU_ON_KVM, X86CPU_ONE_THREAD);
    for (i = 0; i < G_N_ELEMENTS(features); i++) {
        const X86CpuFeature *f = &features[i];

        if (f->polarity != X86CPU_TOPOLOGY &&
            (closed.words[f->word] & ~b->words[f->word] & f->mask)) {
            return false;
        }
    }
    return true;
}

static void test_edit(void)
{
    X86Cpu a = plain_cpu(), b = a;
    X86CpuEdit edit;

    /* Nothing to do, whatever does not gate */
    b.values[X86CPU_MODEL]++;
    strcpy(b.model_id, "another");
    b.words[X86CPU_FEAT_1_EDX] ^= HT;
    g_assert_true(find_edit(&a, &b, 0, &edit));
    g_assert_cmpuint(edit.count, ==, 0);
    assert_empty(&edit.add);
    assert_empty(&edit.remove);
    assert_empty(&edit.set);

    /* Features and switches, and the limit */
    b = a;
    a.words[X86CPU_FEAT_1_ECX] |= AVX;
    b.words[X86CPU_FEAT_1_ECX] &= ~AVX;
    b.words[X86CPU_FEAT_7_0_EBX] |= AVX2;
    a.values[X86CPU_HV_TIME] = b.values[X86CPU_HV_RELAXED] = true;
    g_assert_true(find_edit(&a, &b, 4, &edit));
    g_assert_cmpuint(edit.count, ==, 4);
    g_assert_cmphex(edit.remove.bits[X86CPU_FEAT_1_ECX], ==, AVX);
    g_assert_cmphex(edit.add.bits[X86CPU_FEAT_7_0_EBX], ==, AVX2);
    g_assert_true(edit.add.properties[X86CPU_HV_RELAXED] &&
                  edit.remove.properties[X86CPU_HV_TIME]);
    g_assert_true(as_good(&edit.result, &b));
    g_assert_false(find_edit(&a, &b, 3, &edit));
    g_assert_false(find_edit(&a, &b, 0, &edit));

    /* Values */
    b = a;
    strcpy(b.vendor, "AuthenticAMD");
    b.values[X86CPU_TSC_FREQUENCY] = 1000;
    b.values[X86CPU_HV_SPINLOCKS] = 5;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.count, ==, 3);
    g_assert_true(edit.set.vendor &&
                  edit.set.properties[X86CPU_TSC_FREQUENCY] &&
                  edit.set.properties[X86CPU_HV_SPINLOCKS]);
    g_assert_cmpuint(edit.result.values[X86CPU_HV_SPINLOCKS], ==, 5);
    g_assert_cmpstr(edit.result.vendor, ==, "AuthenticAMD");

    /* A bit without a name can't be set. */
    b = a;
    b.words[X86CPU_FEAT_7_0_EBX] |= BIT(0);
    g_assert_false(find_edit(&a, &b, 99, &edit));
}

/* What depends on a feature goes with it, also where they need each other. */
static void test_edit_roots(void)
{
    X86Cpu a = plain_cpu(), b;
    X86CpuEdit edit;

    a.words[X86CPU_FEAT_1_ECX] |= VMX;
    a.words[X86CPU_FEAT_VMX_SECONDARY_CTLS] |= BIT(1) | BIT(33);
    b = a;
    b.words[X86CPU_FEAT_1_ECX] &= ~VMX;
    b.words[X86CPU_FEAT_VMX_SECONDARY_CTLS] = 0;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.count, ==, 1);
    g_assert_cmphex(edit.remove.bits[X86CPU_FEAT_1_ECX], ==, VMX);

    /* The other way round, one that is hidden until then is not wanted. */
    b = a;
    b.words[X86CPU_FEAT_VMX_SECONDARY_CTLS] = 0;
    a.words[X86CPU_FEAT_1_ECX] &= ~VMX;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmphex(edit.add.bits[X86CPU_FEAT_1_ECX], ==, VMX);
    g_assert_cmphex(edit.remove.bits[X86CPU_FEAT_VMX_SECONDARY_CTLS], ==,
                    BIT(1) | BIT(33));

    a = plain_cpu();
    a.values[X86CPU_LEVEL] = 0x24;
    a.values[X86CPU_AVX10_VERSION] = 1;
    a.words[X86CPU_FEAT_7_1_EDX] |= AVX10;
    a.words[X86CPU_FEAT_24_0_EBX] |= AVX10_128 | AVX10_256 | AVX10_512;
    b = a;
    b.words[X86CPU_FEAT_7_1_EDX] = b.words[X86CPU_FEAT_24_0_EBX] = 0;
    b.values[X86CPU_AVX10_VERSION] = 0;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.count, ==, 2);
    g_assert_cmphex(edit.remove.bits[X86CPU_FEAT_7_1_EDX], ==, AVX10);
    g_assert_true(edit.set.properties[X86CPU_AVX10_VERSION]);
    g_assert_cmpuint(edit.result.values[X86CPU_AVX10_VERSION], ==, 0);
    /* Also if B keeps a version that nothing shows */
    b.values[X86CPU_AVX10_VERSION] = 1;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.result.values[X86CPU_AVX10_VERSION], ==, 0);
    /* But not if AVX10 is there, and only the level hides it */
    a.values[X86CPU_LEVEL] = 7;
    b = a;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.count, ==, 0);
}

/* A dependency takes one bit of a feature, and guests have the other. */
static void test_edit_partial(void)
{
    X86CpuDependency deps[G_N_ELEMENTS(dependencies) + 1];
    const X86CpuFeature *feature = features;
    const X86CpuTables before = tables;
    X86Cpu a = plain_cpu(), b;
    X86CpuEdit edit;

    while (strcmp(feature->name, "kvmclock")) {
        feature++;
    }
    memcpy(deps, dependencies, sizeof(dependencies));
    deps[G_N_ELEMENTS(dependencies)] = (X86CpuDependency) {
        X86CPU_FEAT_7_0_EBX, X86CPU_FEAT_KVM, AVX2, BIT(3)
    };
    tables.dependencies = deps;
    tables.ndependencies = G_N_ELEMENTS(deps);

    /* With both, as with a feature of one bit, nothing is added. */
    a.words[X86CPU_FEAT_7_0_EBX] |= AVX2;
    b = a;
    x86cpu_add_partial_feature(&tables, feature, &a);
    g_assert_cmpmem(&a, sizeof(a), &b, sizeof(b));
    a.words[X86CPU_FEAT_KVM] = BIT(0) | BIT(3);
    /* A CPU without it */
    b.words[X86CPU_FEAT_7_0_EBX] &= ~AVX2;
    g_assert_true(find_edit(&a, &b, 2, &edit));
    g_assert_cmpuint(edit.count, ==, 2);
    g_assert_cmphex(edit.remove.bits[X86CPU_FEAT_KVM], ==, BIT(0) | BIT(3));
    /* A CPU with what is left of it */
    x86cpu_add_partial_feature(&tables, feature, &b);
    g_assert_cmphex(b.words[X86CPU_FEAT_KVM], ==, BIT(0));
    g_assert_true(find_edit(&a, &b, 2, &edit));
    g_assert_cmpuint(edit.count, ==, 1);
    g_assert_cmphex(edit.remove.bits[X86CPU_FEAT_7_0_EBX], ==, AVX2);
    tables = before;
}

/* With kvm=off, QEMU asks KVM for none of its features. */
static void test_edit_kvm(void)
{
    X86Cpu a = plain_cpu(), b = a;
    X86CpuEdit edit;

    a.words[X86CPU_FEAT_KVM] = BIT(0) | BIT(3);
    a.values[X86CPU_KVM] = true;
    b.values[X86CPU_KVM] = false;
    g_assert_true(find_edit(&a, &b, 1, &edit));
    g_assert_true(edit.remove.properties[X86CPU_KVM]);
}

/* Leaves that B's level hides, and A's does not */
static void test_edit_levels(void)
{
    X86Cpu a = plain_cpu(), b;
    X86CpuEdit edit;

    a.values[X86CPU_MIN_LEVEL] = 7;
    a.words[X86CPU_FEAT_7_0_EBX] |= AVX2;
    b = a;
    b.values[X86CPU_LEVEL] = 4;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.count, ==, 1);
    g_assert_cmphex(edit.remove.bits[X86CPU_FEAT_7_0_EBX], ==, AVX2);
    /* Where it hides more than one, it is the smaller change. */
    a.words[X86CPU_FEAT_7_0_EBX] |= MPX;
    b.words[X86CPU_FEAT_7_0_EBX] |= MPX;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.count, ==, 1);
    g_assert_true(edit.set.properties[X86CPU_LEVEL]);
    /* What it hides is not requested: enforce=on would stop on it. */
    b.words[X86CPU_FEAT_7_0_EBX] &= ~MPX;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.count, ==, 2);
    g_assert_cmphex(edit.remove.bits[X86CPU_FEAT_7_0_EBX] & MPX, ==, MPX);
    b.words[X86CPU_FEAT_7_0_EBX] |= MPX;
    /* Also if it hides long mode, and so the physical address bits */
    a.words[X86CPU_FEAT_8000_0001_EDX] |= LM;
    a.values[X86CPU_PHYS_BITS] = 46;
    b = a;
    b.values[X86CPU_XLEVEL] = 0x80000000;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.count, ==, 1);
    a.words[X86CPU_FEAT_8000_0001_EDX] |= SYSCALL;
    b.words[X86CPU_FEAT_8000_0001_EDX] |= SYSCALL;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.count, ==, 1);
    g_assert_true(edit.set.properties[X86CPU_XLEVEL]);
    a = plain_cpu();
    a.values[X86CPU_MIN_LEVEL] = 7;
    a.words[X86CPU_FEAT_7_0_EBX] |= AVX2;
    a.values[X86CPU_LEVEL] = 4;
    b = a;
    b.values[X86CPU_LEVEL] = 7;
    g_assert_true(find_edit(&a, &b, 99, &edit));
    g_assert_cmpuint(edit.count, ==, 1);
    g_assert_true(edit.set.properties[X86CPU_LEVEL]);
}

/* All that may be set, as sets of one name */
static unsigned single_names(const X86Cpu *from, const X86CpuGoal *goal,
                             X86CpuNames *singles, unsigned most)
{
    unsigned count = 0;
    size_t i;

    memset(singles, 0, most * sizeof(*singles));
    for (i = 0; i < G_N_ELEMENTS(features); i++) {
        const X86CpuFeature *f = &features[i];

        if (((from->words[f->word] ^ goal->seen.words[f->word]) & f->mask) &&
            f->polarity != X86CPU_TOPOLOGY && count < most) {
            singles[count++].bits[f->word] = f->mask;
        }
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        if (from->values[i] != goal->seen.values[i] && count < most) {
            singles[count++].properties[i] = true;
        }
    }
    return count;
}

static bool suffices(const X86Cpu *from, const X86CpuGoal *goal,
                     const X86CpuNames *singles, unsigned set)
{
    X86Cpu cpu = *from;

    for (; set; set &= set - 1) {
        x86cpu_copy_named(&cpu, &goal->seen,
                          &singles[g_bit_nth_lsf(set, -1)]);
    }
    return as_good(&cpu, &goal->cpu) && starts_where(&cpu, &goal->cpu);
}

/* The smallest change, and then each of the rules that decide between equals */
static void test_nearest_model(void)
{
    X86Cpu same = plain_cpu(), less = same, other = same, newer = same;
    X86CpuCandidate models[] = {
        { "Less", false, &less },
        { "Newer", false, &newer },
        { "Other", false, &other },
        { "A-alias", true, &same },
        { "Y-version", false, &same },
        { "X-version", false, &same },
        { "Z-v10", false, &same },
        { "Z-v9", false, &same },
        { "Z-v18446744073709551617", false, &same },
    };
    /* In this order they are the best ones, without those before. */
    static const size_t order[] = { 7, 6, 3, 5, 4, 8, 2, 1, 0 };
    enum { COUNT = G_N_ELEMENTS(models) };
    X86CpuGoal goal;
    X86CpuEdit edit;
    size_t i;

    less.words[X86CPU_FEAT_1_EDX] &= less.words[X86CPU_FEAT_1_EDX] - 1;
    same.values[X86CPU_STEPPING] = 5;
    other.values[X86CPU_STEPPING] = 3;
    newer.values[X86CPU_STEPPING] = 4;
    less.values[X86CPU_STEPPING] = 5;
    x86cpu_set_goal(&tables, &same, X86CPU_ON_KVM, &goal);
    for (i = 0; i < COUNT; i++) {
        g_assert_cmpuint(x86cpu_find_nearest(&tables, models, COUNT, &goal,
                                             X86CPU_ON_KVM, &edit),
                         ==, order[i]);
        g_assert_cmpuint(edit.count, ==, order[i] == 0);
        models[order[i]].cpu = NULL;
    }
    g_assert_cmpuint(x86cpu_find_nearest(&tables, models, COUNT, &goal,
                                         X86CPU_ON_KVM, &edit), ==, COUNT);
    g_assert_cmpuint(x86cpu_find_nearest(&tables, models, 0, &goal,
                                         X86CPU_ON_KVM, &edit), ==, 0);
}

/* Tries all smaller sets of names, where there are few. */
static void test_random_edits(void)
{
    enum { MOST = 11 };
    unsigned tried = 0, set, n, i;

    for (i = 0; i < 3000; i++) {
        X86Cpu a = random_cpu(), b = i % 3 ? a : random_cpu();
        X86CpuNames singles[MOST + 1];
        X86CpuGoal goal;
        X86CpuEdit edit;
        unsigned least;

        for (n = 0; i % 3 && n < 1 + i % 6; n++) {
            const X86CpuFeature *f = &features[g_test_rand_int_range(
                0, G_N_ELEMENTS(features))];

            (i % 3 == 1 ? &a : &b)->words[f->word] &= ~f->mask;
        }
        x86cpu_set_goal(&tables, &b, X86CPU_ON_KVM, &goal);
        if (!x86cpu_find_edit(&tables, &a, &goal, X86CPU_ON_KVM, 999,
                              &edit)) {
            continue;
        }
        g_assert_true(as_good(&edit.result, &b));
        g_assert_true(starts_where(&edit.result, &b));
        g_assert_true(x86cpu_find_edit(&tables, &a, &goal, X86CPU_ON_KVM,
                                       edit.count, &edit));
        g_assert_false(edit.count &&
                       x86cpu_find_edit(&tables, &a, &goal, X86CPU_ON_KVM,
                                        edit.count - 1, &edit));
        n = single_names(&a, &goal, singles, MOST + 1);
        /* This one is set in any case. */
        least = edit.count - edit.set.properties[X86CPU_AVX10_VERSION];
        if (n > MOST || !least) {
            continue;
        }
        tried++;
        for (set = 0; set < 1u << n; set++) {
            if (g_bit_storage(set) && __builtin_popcount(set) < (int)least) {
                g_assert_false(suffices(&a, &goal, singles, set));
            }
        }
    }
    g_assert_cmpuint(tried, >, 100);
}

/* ---- filter.c ---- */

/* A host that has everything that QEMU knows */
static X86CpuOffer full_offer(void)
{
    X86CpuOffer offer = { .intel_pt_capable = true, .avx10_version = 0xff };

    memset(offer.words, 0xff, sizeof(offer.words));
    return offer;
}

static X86CpuFiltered filter(const X86Cpu *cpu, X86CpuAccelerator accel,
                             const X86CpuOffer *offer)
{
    X86CpuFiltered filtered;

    x86cpu_filter(&tables, cpu, accel, X86CPU_ONE_THREAD, offer, &filtered);
    return filtered;
}

static void assert_same(const X86Cpu *a, const X86Cpu *b)
{
    int i;

    for (i = 0; i < X86CPU_CACHES; i++) {
        g_assert_true(x86cpu_same_cache(&a->caches[i], &b->caches[i]));
    }
    g_assert_cmpmem(a->words, sizeof(a->words), b->words, sizeof(b->words));
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        g_assert_cmphex(a->values[i], ==, b->values[i]);
    }
    g_assert_cmpstr(a->vendor, ==, b->vendor);
    g_assert_cmpstr(a->model_id, ==, b->model_id);
    g_assert_cmpstr(a->hv_vendor_id, ==, b->hv_vendor_id);
}

static unsigned count_removed(const X86CpuFiltered *f)
{
    unsigned i, j, n = 0;

    for (i = 0; i < X86CPU_REMOVALS; i++) {
        for (j = 0; j < X86CPU_MAX_WORDS; j++) {
            n += __builtin_popcountll(f->removed[i][j]);
        }
    }
    return n;
}

static unsigned count_errors(const X86CpuFiltered *f)
{
    unsigned i, n = 0;

    for (i = 0; i < X86CPU_ERRORS; i++) {
        n += f->errors[i];
    }
    return n;
}

static void test_filter_words(void)
{
    X86CpuOffer offer = full_offer();
    X86Cpu cpu = plain_cpu();
    X86CpuFiltered f;
    X86CpuView view;

    cpu.words[X86CPU_FEAT_1_ECX] = VMX | AVX;
    cpu.words[X86CPU_FEAT_VMX_SECONDARY_CTLS] = BIT(1) | BIT(33);
    cpu.words[X86CPU_FEAT_8000_0001_ECX] = SVM;
    /* This line does not know it. */
    cpu.words[X86CPU_FEAT_7_2_EDX] = BIT(0);
    offer.words[X86CPU_FEAT_7_2_EDX] = 0;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_true(x86cpu_starts(&f));
    g_assert_cmphex(f.remaining.values[X86CPU_XLEVEL], ==, 0x8000000a);

    offer.words[X86CPU_FEAT_1_ECX] = AVX;
    offer.words[X86CPU_FEAT_8000_0001_ECX] = 0;
    offer.words[X86CPU_FEAT_VMX_SECONDARY_CTLS] = BIT(33);
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_false(x86cpu_starts(&f));
    g_assert_cmphex(f.removed[X86CPU_REMOVED_NOT_OFFERED][X86CPU_FEAT_1_ECX],
                    ==, VMX);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_NOT_OFFERED]
                             [X86CPU_FEAT_8000_0001_ECX], ==, SVM);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_NOT_OFFERED]
                             [X86CPU_FEAT_VMX_SECONDARY_CTLS], ==, BIT(1));
    g_assert_cmpuint(count_removed(&f), ==, 3);
    g_assert_cmphex(f.remaining.words[X86CPU_FEAT_1_ECX], ==, AVX);
    /* What depends on it stays, though the guest does not see it. */
    g_assert_cmphex(f.remaining.words[X86CPU_FEAT_VMX_SECONDARY_CTLS], ==,
                    BIT(33));
    x86cpu_view_expanded(&tables, &f.remaining, X86CPU_ON_KVM,
                         X86CPU_ONE_THREAD, &view);
    g_assert_cmphex(view.words[X86CPU_FEAT_VMX_SECONDARY_CTLS], ==, 0);
    g_assert_cmphex(view.words[X86CPU_FEAT_1_ECX], ==, AVX);
    /* Nor is a level lowered. */
    g_assert_cmphex(view.xlevel, ==, 0x8000000a);

    /* Topology asks for features, too. */
    offer.words[X86CPU_FEAT_1_EDX] = ~HT;
    x86cpu_filter(&tables, &cpu, X86CPU_ON_KVM, X86CPU_MANY_DIES, &offer, &f);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_NOT_OFFERED][X86CPU_FEAT_1_EDX],
                    ==, HT);
    g_assert_cmphex(f.remaining.values[X86CPU_LEVEL], ==, 0x1f);
    /* What expansion drops is not removed. */
    cpu.words[X86CPU_FEAT_KVM] = BIT(0);
    cpu.words[X86CPU_FEAT_SVM] = BIT(0);
    cpu.words[X86CPU_FEAT_8000_0001_ECX] = 0;
    memset(offer.words, 0, sizeof(offer.words));
    f = filter(&cpu, X86CPU_ON_TCG, &offer);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_NOT_OFFERED][X86CPU_FEAT_KVM],
                    ==, 0);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_NOT_OFFERED][X86CPU_FEAT_SVM],
                    ==, 0);
}

static void test_filter_aliases(void)
{
    X86CpuOffer offer = full_offer();
    X86Cpu cpu = plain_cpu();
    X86CpuFiltered f;

    cpu.words[X86CPU_FEAT_1_EDX] = BIT(0) | BIT(15) | BIT(25);
    offer.words[X86CPU_FEAT_1_EDX] = BIT(0);
    /* KVM does not offer the copies; the host alone has no say in them. */
    offer.words[X86CPU_FEAT_8000_0001_EDX] = LM;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_cmphex(f.remaining.words[X86CPU_FEAT_8000_0001_EDX], ==, LM);
    g_assert_cmpuint(count_removed(&f), ==, 2);

    strcpy(cpu.vendor, "AuthenticAMD");
    /* No property asks for it. */
    cpu.words[X86CPU_FEAT_8000_0001_EDX] |= BIT(14);
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_cmphex(f.remaining.words[X86CPU_FEAT_8000_0001_EDX], ==,
                    LM | BIT(0));
    /* 25 is sse in leaf 1, and fxsr_opt here. */
    g_assert_cmphex(f.removed[X86CPU_REMOVED_ALIAS]
                             [X86CPU_FEAT_8000_0001_EDX], ==, BIT(15));
    g_assert_cmpuint(count_removed(&f), ==, 3);
}

static void test_intel_pt_capabilities(void)
{
    /* Of the first host that had enough, and more */
    static const uint32_t subleaf_0[] = { 1, 0xf, 0x7, 0 };
    static const uint32_t subleaf_1[] = { 0x02490002, 0x003f1fff, 0, 0 };
    static const struct {
        int subleaf, reg;
        uint32_t bit;
    } needed[] = {
        { 0, 0, 1 }, { 0, 1, 1 }, { 0, 1, 8 }, { 0, 2, 1 }, { 0, 2, 4 },
        { 1, 0, 2 }, { 1, 0, 0x10000 }, { 1, 0, 0x2000000 },
        { 1, 1, 1 }, { 1, 1, 0x1000 }, { 1, 1, 0x10000 }, { 1, 1, 0x200000 },
    };
    uint32_t regs[2][4];
    size_t i;

    g_assert_true(x86cpu_has_intel_pt_capabilities(subleaf_0, subleaf_1));
    for (i = 0; i < G_N_ELEMENTS(needed); i++) {
        memcpy(regs[0], subleaf_0, sizeof(regs[0]));
        memcpy(regs[1], subleaf_1, sizeof(regs[1]));
        regs[needed[i].subleaf][needed[i].reg] &= ~needed[i].bit;
        g_assert_false(x86cpu_has_intel_pt_capabilities(regs[0], regs[1]));
    }
    memset(regs, 0xff, sizeof(regs));
    g_assert_true(x86cpu_has_intel_pt_capabilities(regs[0], regs[1]));
    /* As in QEMU, which does not look at bit 2 */
    regs[1][0] &= ~3;
    g_assert_false(x86cpu_has_intel_pt_capabilities(regs[0], regs[1]));
}

static void assert_intel_pt(const X86Cpu *cpu, X86CpuAccelerator accel,
                            const X86CpuOffer *offer, X86CpuRemoval removal)
{
    X86CpuFiltered f = filter(cpu, accel, offer);
    X86CpuRemoval i;

    g_assert_cmphex(f.remaining.words[X86CPU_FEAT_7_0_EBX], ==,
                    removal == X86CPU_REMOVALS ? INTEL_PT : 0);
    for (i = 0; i < X86CPU_REMOVALS; i++) {
        g_assert_cmphex(f.removed[i][X86CPU_FEAT_7_0_EBX], ==,
                        i == removal ? INTEL_PT : 0);
    }
    g_assert_cmpint(x86cpu_starts(&f), ==, !count_removed(&f));
}

static void test_filter_intel_pt(void)
{
    X86CpuOffer offer = full_offer();
    X86Cpu cpu = plain_cpu();
    X86CpuFiltered f;

    cpu.words[X86CPU_FEAT_7_0_EBX] = INTEL_PT;
    cpu.words[X86CPU_FEAT_14_0_ECX] = LIP;
    cpu.values[X86CPU_MIN_LEVEL] = 0xd;
    assert_intel_pt(&cpu, X86CPU_ON_KVM, &offer, X86CPU_REMOVALS);
    cpu.words[X86CPU_FEAT_14_0_ECX] = 0;
    assert_intel_pt(&cpu, X86CPU_ON_KVM, &offer, X86CPU_REMOVED_CONFLICT);
    offer.words[X86CPU_FEAT_14_0_ECX] = 0;
    assert_intel_pt(&cpu, X86CPU_ON_KVM, &offer, X86CPU_REMOVALS);
    /* Without intel-pt-lip, it is the form that the host has. */
    cpu.words[X86CPU_FEAT_14_0_ECX] = LIP;
    assert_intel_pt(&cpu, X86CPU_ON_KVM, &offer, X86CPU_REMOVALS);
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_NOT_OFFERED]
                             [X86CPU_FEAT_14_0_ECX], ==, LIP);

    /* Machine types up to 3.1 do not raise the level. */
    cpu.words[X86CPU_FEAT_14_0_ECX] = 0;
    cpu.values[X86CPU_X_INTEL_PT_AUTO_LEVEL] = false;
    assert_intel_pt(&cpu, X86CPU_ON_KVM, &offer, X86CPU_REMOVED_LEVEL);
    assert_intel_pt(&cpu, X86CPU_ON_TCG, &offer, X86CPU_REMOVED_LEVEL);
    /* More than one die does, but too late. */
    x86cpu_filter(&tables, &cpu, X86CPU_ON_KVM, X86CPU_MANY_DIES, &offer, &f);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_LEVEL][X86CPU_FEAT_7_0_EBX], ==,
                    INTEL_PT);
    cpu.values[X86CPU_FULL_CPUID_AUTO_LEVEL] = false;
    assert_intel_pt(&cpu, X86CPU_ON_KVM, &offer, X86CPU_REMOVALS);
    cpu.values[X86CPU_FULL_CPUID_AUTO_LEVEL] = true;
    cpu.values[X86CPU_MIN_LEVEL] = 0x14;
    assert_intel_pt(&cpu, X86CPU_ON_KVM, &offer, X86CPU_REMOVALS);

    /* What the host lacks comes first.  TCG would show no leaf. */
    cpu.values[X86CPU_MIN_LEVEL] = 0x13;
    offer.words[X86CPU_FEAT_14_0_ECX] = LIP;
    assert_intel_pt(&cpu, X86CPU_ON_KVM, &offer, X86CPU_REMOVED_CONFLICT);
    offer.intel_pt_capable = false;
    assert_intel_pt(&cpu, X86CPU_ON_KVM, &offer, X86CPU_REMOVED_VALUE);
    cpu.values[X86CPU_MIN_LEVEL] = 0x14;
    assert_intel_pt(&cpu, X86CPU_ON_TCG, &offer, X86CPU_REMOVALS);
    offer.words[X86CPU_FEAT_7_0_EBX] = ~INTEL_PT;
    assert_intel_pt(&cpu, X86CPU_ON_KVM, &offer, X86CPU_REMOVED_NOT_OFFERED);
    assert_intel_pt(&cpu, X86CPU_ON_TCG, &offer, X86CPU_REMOVED_NOT_OFFERED);
}

/* mpx and apxf exclude each other on lines that have both. */
static void test_filter_conflict(void)
{
    bool excludes = tables.version >= 0xb0001;
    X86CpuOffer offer = full_offer();
    X86Cpu cpu = plain_cpu();
    X86CpuFiltered f;

    cpu.words[X86CPU_FEAT_7_0_EBX] = MPX;
    f = filter(&cpu, X86CPU_ON_TCG, &offer);
    g_assert_true(x86cpu_starts(&f));
    cpu.words[X86CPU_FEAT_7_1_EDX] = APXF;
    /* Whether the host has them does not matter then. */
    offer.words[X86CPU_FEAT_7_1_EDX] = 0;
    f = filter(&cpu, X86CPU_ON_TCG, &offer);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_CONFLICT][X86CPU_FEAT_7_0_EBX],
                    ==, excludes ? MPX : 0);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_CONFLICT][X86CPU_FEAT_7_1_EDX],
                    ==, excludes ? APXF : 0);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_NOT_OFFERED]
                             [X86CPU_FEAT_7_1_EDX], ==, excludes ? 0 : APXF);
    /* It happens before levels are raised. */
    g_assert_cmphex(f.remaining.values[X86CPU_LEVEL], ==,
                    excludes ? 0xd : 0x29);
    cpu.words[X86CPU_FEAT_7_0_EBX] = 0;
    offer = full_offer();
    f = filter(&cpu, X86CPU_ON_TCG, &offer);
    g_assert_true(x86cpu_starts(&f));
}

static X86CpuUnseen explain(const X86Cpu *cpu, X86CpuAccelerator accel,
                            const X86CpuOffer *offer, X86CpuWordId word,
                            uint64_t bit);

/* What is not offered is removed in name, and guests have it. */
static void test_filter_forced(void)
{
    bool new = tables.version >= 0xb0001;
    X86CpuOffer offer = full_offer();
    X86Cpu cpu = plain_cpu();
    X86CpuUnseen u;
    X86CpuFiltered f;

    cpu.forced = true;
    offer.intel_pt_capable = false;
    offer.avx10_version = 1;
    offer.words[X86CPU_FEAT_1_ECX] = 0;
    offer.words[X86CPU_FEAT_7_0_EBX] = 0;
    cpu.words[X86CPU_FEAT_1_ECX] = AVX;
    cpu.words[X86CPU_FEAT_7_0_EBX] = INTEL_PT | MPX;
    cpu.words[X86CPU_FEAT_7_1_EDX] = AVX10 | APXF;
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_128;
    cpu.values[X86CPU_AVX10_VERSION] = 2;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_false(x86cpu_starts(&f));
    g_assert_cmphex(f.removed[X86CPU_REMOVED_NOT_OFFERED][X86CPU_FEAT_1_ECX],
                    ==, AVX);
    g_assert_cmphex(f.removed[X86CPU_REMOVED_NOT_OFFERED]
                             [X86CPU_FEAT_7_0_EBX], ==,
                    new ? INTEL_PT : INTEL_PT | MPX);
    /* Each once, although Intel PT lacks capabilities, too */
    g_assert_cmphex(f.removed[X86CPU_REMOVED_VALUE][X86CPU_FEAT_7_0_EBX], ==,
                    0);
    g_assert_cmpuint(count_removed(&f), ==, new ? 4 : 3);
    g_assert_cmphex(f.remaining.words[X86CPU_FEAT_1_ECX], ==, AVX);
    g_assert_cmphex(f.remaining.words[X86CPU_FEAT_7_0_EBX], ==,
                    INTEL_PT | MPX);
    g_assert_cmphex(f.remaining.words[X86CPU_FEAT_7_1_EDX], ==, AVX10 | APXF);
    g_assert_cmphex(f.remaining.values[X86CPU_LEVEL], ==, 0x29);
    /* 10.0 lowers the version all the same. */
    g_assert_cmpuint(f.avx10_version.requested, ==, 2);
    g_assert_cmpuint(f.avx10_version.allowed, ==, 1);
    g_assert_cmpuint(f.remaining.values[X86CPU_AVX10_VERSION], ==,
                     new ? 2 : 1);

    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_1_ECX, AVX);
    g_assert_cmpint(u.reason, ==, X86CPU_REASON_NOT_OFFERED);
    g_assert_true(u.blocking);
}

static void test_filter_values(void)
{
    X86CpuOffer offer = full_offer();
    X86Cpu cpu = plain_cpu();
    X86CpuFiltered f;

    /* AVX10 */
    cpu.words[X86CPU_FEAT_7_1_EDX] = AVX10;
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_128;
    cpu.values[X86CPU_AVX10_VERSION] = 2;
    offer.avx10_version = 2;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_true(x86cpu_starts(&f));
    offer.avx10_version = 1;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_false(x86cpu_starts(&f));
    g_assert_cmpuint(f.avx10_version.requested, ==, 2);
    g_assert_cmpuint(f.avx10_version.allowed, ==, 1);
    g_assert_cmpuint(f.remaining.values[X86CPU_AVX10_VERSION], ==, 1);
    g_assert_cmpuint(count_removed(&f), ==, 0);
    /* Without avx10, none is left. */
    offer.words[X86CPU_FEAT_7_1_EDX] = 0;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_cmpuint(f.avx10_version.requested, ==, 2);
    g_assert_cmpuint(f.avx10_version.allowed, ==, 0);
    g_assert_cmpuint(f.remaining.values[X86CPU_AVX10_VERSION], ==, 2);
    cpu.words[X86CPU_FEAT_7_1_EDX] = 0;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_false(x86cpu_starts(&f));
    g_assert_cmpuint(count_removed(&f), ==, 0);

    /* Last branch records */
    cpu = plain_cpu();
    cpu.values[X86CPU_LBR_FMT] = 5;
    cpu.values[X86CPU_PMU] = true;
    offer.words[X86CPU_FEAT_PERF_CAPABILITIES] = BIT(13) | 5;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_true(x86cpu_starts(&f));
    cpu.values[X86CPU_PMU] = false;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_true(f.errors[X86CPU_ERROR_LBR_WITHOUT_PMU]);
    g_assert_cmpuint(count_errors(&f), ==, 1);
    g_assert_false(x86cpu_starts(&f));
    cpu.values[X86CPU_PMU] = true;
    cpu.values[X86CPU_LBR_FMT] = 4;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_true(f.errors[X86CPU_ERROR_LBR_FORMAT]);
    g_assert_cmpuint(count_errors(&f), ==, 1);
    g_assert_cmpuint(f.remaining.values[X86CPU_LBR_FMT], ==, 4);
    offer.words[X86CPU_FEAT_PERF_CAPABILITIES] = 0;
    f = filter(&cpu, X86CPU_ON_TCG, &offer);
    g_assert_cmpuint(count_errors(&f), ==, 0);
    g_assert_cmpuint(f.lbr_fmt.requested, ==, 4);
    g_assert_cmpuint(f.lbr_fmt.allowed, ==, 0);
    g_assert_cmpuint(f.remaining.values[X86CPU_LBR_FMT], ==, 0);
    g_assert_false(x86cpu_starts(&f));
    cpu.values[X86CPU_LBR_FMT] = 0;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_true(x86cpu_starts(&f));
}

static void assert_phys_bits(X86Cpu *cpu, uint64_t bits, uint64_t guest_bits,
                             X86CpuError error)
{
    X86CpuOffer offer = full_offer();
    X86CpuFiltered f;

    cpu->values[X86CPU_PHYS_BITS] = bits;
    cpu->values[X86CPU_GUEST_PHYS_BITS] = guest_bits;
    f = filter(cpu, X86CPU_ON_KVM, &offer);
    g_assert_cmpuint(count_errors(&f), ==, error != X86CPU_ERRORS);
    g_assert_true(error == X86CPU_ERRORS || f.errors[error]);
    g_assert_cmpint(x86cpu_starts(&f), ==, error == X86CPU_ERRORS);
}

static void test_filter_phys_bits(void)
{
    X86CpuOffer offer = full_offer();
    X86Cpu cpu = plain_cpu();
    X86CpuFiltered f;

    assert_phys_bits(&cpu, 0, 0, X86CPU_ERRORS);
    assert_phys_bits(&cpu, 0, 40, X86CPU_ERRORS);
    assert_phys_bits(&cpu, 0, 41, X86CPU_ERROR_GUEST_PHYS_BITS);
    assert_phys_bits(&cpu, 31, 0, X86CPU_ERROR_PHYS_BITS);
    assert_phys_bits(&cpu, 32, 32, X86CPU_ERRORS);
    assert_phys_bits(&cpu, 52, 52, X86CPU_ERRORS);
    assert_phys_bits(&cpu, 53, 60, X86CPU_ERROR_PHYS_BITS);
    assert_phys_bits(&cpu, 52, 31, X86CPU_ERROR_GUEST_PHYS_BITS);
    assert_phys_bits(&cpu, 52, 0xffffffff, X86CPU_ERRORS);
    cpu.words[X86CPU_FEAT_8000_0001_EDX] = 0;
    assert_phys_bits(&cpu, 0, 0, X86CPU_ERRORS);
    assert_phys_bits(&cpu, 0, 0xffffffff, X86CPU_ERRORS);
    assert_phys_bits(&cpu, 40, 40, X86CPU_ERROR_PHYS_BITS_WITHOUT_LM);
    assert_phys_bits(&cpu, 0, 40, X86CPU_ERROR_GUEST_PHYS_BITS_WITHOUT_LM);

    /* The host's count for a warning alone. */
    cpu = plain_cpu();
    offer.phys_bits = 39;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_true(f.exceeds_phys_bits);
    g_assert_true(x86cpu_starts(&f));
    f = filter(&cpu, X86CPU_ON_TCG, &offer);
    g_assert_false(f.exceeds_phys_bits);
    offer.phys_bits = 40;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_false(f.exceeds_phys_bits);
    offer.phys_bits = 41;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_false(f.exceeds_phys_bits);
    offer.phys_bits = 0;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_false(f.exceeds_phys_bits);
    /* It is checked after lm was removed. */
    offer.words[X86CPU_FEAT_8000_0001_EDX] = ~LM;
    f = filter(&cpu, X86CPU_ON_KVM, &offer);
    g_assert_true(f.errors[X86CPU_ERROR_PHYS_BITS_WITHOUT_LM]);
}

/* ---- explain.c ---- */

static void collect_unseen(const X86CpuUnseen *unseen, void *opaque)
{
    g_array_append_val(opaque, *unseen);
}

static GArray *unseen_of(const X86Cpu *cpu, X86CpuAccelerator accel,
                         const X86CpuOffer *offer)
{
    GArray *found = g_array_new(false, false, sizeof(X86CpuUnseen));

    x86cpu_explain(&tables, cpu, accel, X86CPU_ONE_THREAD, offer,
                   collect_unseen, found);
    return found;
}

/* The entry of @bit, which is unseen */
static X86CpuUnseen explain(const X86Cpu *cpu, X86CpuAccelerator accel,
                            const X86CpuOffer *offer, X86CpuWordId word,
                            uint64_t bit)
{
    g_autoptr(GArray) found = unseen_of(cpu, accel, offer);
    unsigned i;

    for (i = 0; i < found->len; i++) {
        X86CpuUnseen *u = &g_array_index(found, X86CpuUnseen, i);

        if (u->bit.word == word && u->bit.mask == bit) {
            return *u;
        }
    }
    g_assert_not_reached();
}

static void assert_needs(const X86CpuUnseen *u, unsigned i, X86CpuWordId word,
                         uint64_t mask)
{
    g_assert_cmpint(u->reason, ==, X86CPU_REASON_DEPENDENCY);
    g_assert_cmpuint(i, <, u->nneeds);
    g_assert_cmpuint(u->needs[i].word, ==, word);
    g_assert_cmphex(u->needs[i].mask, ==, mask);
}

static void test_explain_dependencies(void)
{
    X86CpuOffer offer = full_offer();
    X86Cpu cpu = plain_cpu();
    X86CpuDependency rows[X86CPU_MAX_NEEDS + 1];
    X86CpuUnseen u;
    size_t i;

    cpu.words[X86CPU_FEAT_VMX_SECONDARY_CTLS] = BIT(1);
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_256;
    u = explain(&cpu, X86CPU_ON_KVM, NULL, X86CPU_FEAT_VMX_SECONDARY_CTLS,
                BIT(1));
    assert_needs(&u, 0, X86CPU_FEAT_1_ECX, VMX);
    g_assert_cmpuint(u.nneeds, ==, 1);
    g_assert_false(u.blocking);
    /* All of several are needed. */
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_24_0_EBX, AVX10_256);
    assert_needs(&u, 0, X86CPU_FEAT_24_0_EBX, AVX10_128);
    assert_needs(&u, 1, X86CPU_FEAT_7_1_EDX, AVX10);
    g_assert_cmpuint(u.nneeds, ==, 2);
    /* And no more than these: not what other bits of the word need... */
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_512;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_24_0_EBX, AVX10_512);
    assert_needs(&u, 0, X86CPU_FEAT_7_1_EDX, AVX10);
    g_assert_cmpuint(u.nneeds, ==, 1);
    /* ...and not what was there, and only the host lacks. */
    cpu.words[X86CPU_FEAT_7_1_EDX] = AVX10;
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_512 | AVX10_256;
    offer.words[X86CPU_FEAT_7_1_EDX] = 0;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_24_0_EBX, AVX10_256);
    assert_needs(&u, 0, X86CPU_FEAT_24_0_EBX, AVX10_128);
    g_assert_cmpuint(u.nneeds, ==, 1);
    /* Of several bits of one, any is enough. */
    cpu.words[X86CPU_FEAT_24_0_EBX] = 0;
    u = explain(&cpu, X86CPU_ON_KVM, NULL, X86CPU_FEAT_7_1_EDX, AVX10);
    assert_needs(&u, 0, X86CPU_FEAT_24_0_EBX,
                 AVX10_128 | AVX10_256 | AVX10_512);
    g_assert_cmpuint(u.nneeds, ==, 1);
    /* A row that comes too early keeps its bits, and a leaf hides them. */
    cpu.words[X86CPU_FEAT_24_1_ECX] = BIT(2);
    cpu.values[X86CPU_MIN_LEVEL] = 0x24;
    u = explain(&cpu, X86CPU_ON_TCG, NULL, X86CPU_FEAT_24_1_ECX, BIT(2));
    assert_needs(&u, 0, X86CPU_FEAT_7_1_EDX, AVX10);

    /* What a host removes, others go on to need. */
    cpu = plain_cpu();
    cpu.words[X86CPU_FEAT_1_ECX] = VMX;
    cpu.words[X86CPU_FEAT_VMX_SECONDARY_CTLS] = BIT(1);
    offer = full_offer();
    offer.words[X86CPU_FEAT_1_ECX] = 0;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_1_ECX, VMX);
    g_assert_cmpint(u.reason, ==, X86CPU_REASON_NOT_OFFERED);
    g_assert_true(u.blocking);
    g_assert_cmpuint(u.cause.word, ==, X86CPU_FEAT_1_ECX);
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_VMX_SECONDARY_CTLS,
                BIT(1));
    assert_needs(&u, 0, X86CPU_FEAT_1_ECX, VMX);
    g_assert_false(u.blocking);

    /* No QEMU has as many. */
    for (i = 0; i < G_N_ELEMENTS(rows); i++) {
        rows[i] = (X86CpuDependency) {
            X86CPU_FEAT_7_0_EBX, X86CPU_FEAT_1_ECX, BIT(i), VMX
        };
    }
    tables.dependencies = rows;
    tables.ndependencies = G_N_ELEMENTS(rows);
    u = explain(&cpu, X86CPU_ON_KVM, NULL, X86CPU_FEAT_1_ECX, VMX);
    g_assert_cmpuint(u.nneeds, ==, X86CPU_MAX_NEEDS);
    assert_needs(&u, 7, X86CPU_FEAT_7_0_EBX, BIT(7));
}

static void test_explain_hidden(void)
{
    bool new = tables.version >= 0xb0001;
    X86CpuReason reasons[] = {
        X86CPU_REASON_CONFIGURATION, X86CPU_REASON_ACCELERATOR,
        X86CPU_REASON_DEPENDENCY, X86CPU_REASON_LEVEL, X86CPU_REASON_QEMU,
    };
    enum { CONFIG, ACCEL, NEEDS, LEVELS, UNKNOWN, SEEN };
    const struct {
        X86CpuWordId word;
        uint64_t bit;
        int kvm, tcg;
    } hidden[] = {
        /* Without pmu */
        { X86CPU_FEAT_1_ECX, PDCM, CONFIG, CONFIG },
        { X86CPU_FEAT_7_0_EDX, BIT(19), new ? CONFIG : SEEN,
          new ? CONFIG : SEEN },
        { X86CPU_FEAT_PERF_CAPABILITIES, BIT(13), CONFIG, ACCEL },
        { X86CPU_FEAT_8000_0022_EAX, BIT(0), CONFIG, ACCEL },
        /* Without kvm */
        { X86CPU_FEAT_KVM, BIT(0), CONFIG, ACCEL },
        { X86CPU_FEAT_KVM_HINTS, BIT(0), CONFIG, ACCEL },
        { X86CPU_FEAT_8000_0007_EBX, BIT(0), new ? CONFIG : SEEN,
          new ? CONFIG : SEEN },
        { X86CPU_FEAT_XSAVE, BIT(0), NEEDS, NEEDS },
        { X86CPU_FEAT_SGX_12_0_EAX, BIT(0), NEEDS, ACCEL },
        { X86CPU_FEAT_1E_1_EAX, BIT(0), NEEDS, NEEDS },
        { X86CPU_FEAT_29_0_EBX, BIT(0), NEEDS, NEEDS },
        { X86CPU_FEAT_8000_0001_EDX, SYSCALL, SEEN, NEEDS },
        { X86CPU_FEAT_ARCH_CAPABILITIES, RSBA, SEEN, ACCEL },
        { X86CPU_FEAT_14_0_ECX, BIT(0), UNKNOWN, ACCEL },
        { X86CPU_FEAT_14_0_ECX, LIP, SEEN, ACCEL },
        { X86CPU_FEAT_8000_0021_EAX, BIT(0), LEVELS, LEVELS },
    };
    X86CpuAccelerator accel;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(hidden); i++) {
        for (accel = X86CPU_ON_TCG; accel <= X86CPU_ON_KVM; accel++) {
            int want = accel == X86CPU_ON_KVM ? hidden[i].kvm : hidden[i].tcg;
            g_autoptr(GArray) found = NULL;
            X86Cpu cpu = plain_cpu();
            X86CpuUnseen *u;

            cpu.values[X86CPU_KVM] = false;
            cpu.values[X86CPU_MIN_LEVEL] = 0x29;
            cpu.values[X86CPU_MIN_XLEVEL] = 0x80000022;
            if (want == LEVELS) {
                cpu.values[X86CPU_XLEVEL] = 0x80000020;
            }
            cpu.words[X86CPU_FEAT_8000_0001_EDX] = 0;
            if (hidden[i].word == X86CPU_FEAT_14_0_ECX) {
                cpu.words[X86CPU_FEAT_7_0_EBX] = INTEL_PT;
            }
            /* The leaf hides pdcm anyway. */
            cpu.values[X86CPU_X_PDCM_ON_EVEN_WITHOUT_PMU] = i;
            if (hidden[i].word == X86CPU_FEAT_ARCH_CAPABILITIES) {
                cpu.words[X86CPU_FEAT_7_0_EDX] = ARCH_CAPS;
            }
            cpu.words[hidden[i].word] |= hidden[i].bit;
            found = unseen_of(&cpu, accel, NULL);
            g_assert_cmpuint(found->len, ==, want != SEEN);
            if (want == SEEN) {
                continue;
            }
            u = &g_array_index(found, X86CpuUnseen, 0);
            g_assert_cmpuint(u->bit.word, ==, hidden[i].word);
            g_assert_cmphex(u->bit.mask, ==, hidden[i].bit);
            g_assert_cmpint(u->reason, ==, reasons[want]);
            g_assert_cmpuint(u->nneeds, ==, want == NEEDS);
            g_assert_false(u->blocking);
        }
    }
}

static void test_explain_host(void)
{
    bool new = tables.version >= 0xb0001;
    X86CpuOffer offer = full_offer();
    X86Cpu cpu = plain_cpu();
    X86CpuUnseen u;

    /* Without pmu, new lines drop these before they look at the host. */
    cpu.words[X86CPU_FEAT_1_ECX] = PDCM;
    cpu.words[X86CPU_FEAT_7_0_EDX] = BIT(19);
    offer.words[X86CPU_FEAT_1_ECX] = 0;
    offer.words[X86CPU_FEAT_7_0_EDX] = 0;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_7_0_EDX, BIT(19));
    g_assert_cmpint(u.reason, ==, new ? X86CPU_REASON_CONFIGURATION
                                      : X86CPU_REASON_NOT_OFFERED);
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_1_ECX, PDCM);
    g_assert_cmpint(u.reason, ==, new ? X86CPU_REASON_CONFIGURATION
                                      : X86CPU_REASON_NOT_OFFERED);
    cpu.values[X86CPU_X_PDCM_ON_EVEN_WITHOUT_PMU] = true;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_1_ECX, PDCM);
    g_assert_cmpint(u.reason, ==, X86CPU_REASON_NOT_OFFERED);
    cpu = plain_cpu();
    offer = full_offer();

    /* The subleaf after those that subleaf 0 counts */
    cpu.words[X86CPU_FEAT_7_1_EDX] = AVX10;
    cpu.words[X86CPU_FEAT_24_0_EBX] = AVX10_128;
    cpu.words[X86CPU_FEAT_24_1_ECX] = BIT(2);
    cpu.values[X86CPU_AVX10_VERSION] = 2;
    offer.avx10_version = 1;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_24_1_ECX, BIT(2));
    g_assert_cmpint(u.reason, ==, X86CPU_REASON_LEVEL);
    g_assert_false(u.blocking);

    /* Intel PT */
    cpu = plain_cpu();
    cpu.words[X86CPU_FEAT_7_0_EBX] = INTEL_PT;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_7_0_EBX, INTEL_PT);
    g_assert_cmpint(u.reason, ==, X86CPU_REASON_CONFLICT);
    g_assert_true(u.blocking);
    g_assert_cmpuint(u.conflicts_with.word, ==, X86CPU_FEAT_14_0_ECX);
    g_assert_cmphex(u.conflicts_with.mask, ==, LIP);
    offer.intel_pt_capable = false;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_7_0_EBX, INTEL_PT);
    g_assert_cmpint(u.reason, ==, X86CPU_REASON_VALUE);
    cpu.values[X86CPU_X_INTEL_PT_AUTO_LEVEL] = false;
    u = explain(&cpu, X86CPU_ON_TCG, &offer, X86CPU_FEAT_7_0_EBX, INTEL_PT);
    g_assert_cmpint(u.reason, ==, X86CPU_REASON_LEVEL);
    g_assert_true(u.blocking);
    offer.words[X86CPU_FEAT_7_0_EBX] = 0;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_7_0_EBX, INTEL_PT);
    g_assert_cmpint(u.reason, ==, X86CPU_REASON_NOT_OFFERED);

    /* mpx and apxf */
    if (new) {
        cpu = plain_cpu();
        cpu.words[X86CPU_FEAT_7_0_EBX] = MPX;
        cpu.words[X86CPU_FEAT_7_1_EDX] = APXF;
        u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_7_0_EBX, MPX);
        g_assert_cmpint(u.reason, ==, X86CPU_REASON_CONFLICT);
        g_assert_cmpuint(u.conflicts_with.word, ==, X86CPU_FEAT_7_1_EDX);
        g_assert_cmphex(u.conflicts_with.mask, ==, APXF);
        u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_7_1_EDX, APXF);
        g_assert_cmpuint(u.conflicts_with.word, ==, X86CPU_FEAT_7_0_EBX);
        g_assert_cmphex(u.conflicts_with.mask, ==, MPX);
    }

    /* The copies that AMD's CPUs have go for the reason of the originals. */
    cpu = plain_cpu();
    strcpy(cpu.vendor, "AuthenticAMD");
    offer.words[X86CPU_FEAT_1_EDX] = 0;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_8000_0001_EDX,
                BIT(0));
    g_assert_cmpint(u.reason, ==, X86CPU_REASON_NOT_OFFERED);
    g_assert_true(u.blocking);
    g_assert_cmpuint(u.cause.word, ==, X86CPU_FEAT_1_EDX);
    /* A level may hide the copy alone. */
    offer = full_offer();
    cpu.values[X86CPU_XLEVEL] = 0;
    u = explain(&cpu, X86CPU_ON_KVM, &offer, X86CPU_FEAT_8000_0001_EDX,
                BIT(0));
    g_assert_cmpint(u.reason, ==, X86CPU_REASON_LEVEL);
    g_assert_cmpuint(u.cause.word, ==, X86CPU_FEAT_8000_0001_EDX);
}

/* ---- random hosts ---- */

/* As static expansion would describe it, except bits without a name */
static X86Cpu random_described_cpu(X86CpuAccelerator accel)
{
    X86Cpu cpu = random_cpu();

    if (!g_test_rand_int_range(0, 3)) {
        strcpy(cpu.vendor, "AuthenticAMD");
    }
    if (!g_test_rand_int_range(0, 4)) {
        cpu.values[X86CPU_X_INTEL_PT_AUTO_LEVEL] = false;
    }
    x86cpu_describe(&tables, &cpu, accel, NULL, &cpu);
    return cpu;
}

static X86CpuOffer random_offer(void)
{
    X86CpuOffer offer = full_offer();
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(features); i++) {
        if (!g_test_rand_int_range(0, 8)) {
            offer.words[features[i].word] &= ~features[i].mask;
        }
    }
    offer.words[X86CPU_FEAT_1_EDX] &= ~BIT(g_test_rand_int_range(0, 32));
    offer.words[X86CPU_FEAT_PERF_CAPABILITIES] &= ~0x3full;
    offer.words[X86CPU_FEAT_PERF_CAPABILITIES] |= g_test_rand_int_range(4, 6);
    offer.intel_pt_capable = g_test_rand_int_range(0, 3);
    offer.avx10_version = g_test_rand_int_range(0, 3);
    offer.phys_bits = g_test_rand_int_range(36, 48);
    return offer;
}

/* What is left and what is removed make up what was there, by one cause each */
static void assert_complete(const X86Cpu *expanded, const X86CpuFiltered *f,
                            const X86CpuOffer *offer)
{
    unsigned i, j;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        uint64_t all = f->remaining.words[i];

        for (j = 0; j < X86CPU_REMOVALS; j++) {
            g_assert_cmphex(all & f->removed[j][i], ==, 0);
            all |= f->removed[j][i];
        }
        g_assert_cmphex(all, ==, expanded->words[i]);
        g_assert_cmphex(f->removed[X86CPU_REMOVED_NOT_OFFERED][i] &
                        offer->words[i], ==, 0);
        /* AMD's copies are as they are in leaf 1. */
        if (i != X86CPU_FEAT_8000_0001_EDX) {
            g_assert_cmphex(f->remaining.words[i] & ~offer->words[i], ==, 0);
        }
    }
}

static void test_random_filters(void)
{
    const X86CpuOffer everything = full_offer();
    unsigned fits = 0, starts = 0;
    int i;

    for (i = 0; i < 3000; i++) {
        X86CpuAccelerator accel = i % 2 ? X86CPU_ON_KVM : X86CPU_ON_TCG;
        X86CpuTopology topology = i % X86CPU_TOPOLOGIES;
        X86Cpu cpu = random_described_cpu(accel), expanded = cpu, again;
        X86CpuOffer offer = random_offer();
        X86CpuFiltered f, twice;

        x86cpu_expand(&tables, &expanded, accel, topology);
        /* Where all is offered, only conflicts and levels are in the way. */
        x86cpu_filter(&tables, &cpu, accel, topology, &everything, &f);
        assert_complete(&expanded, &f, &everything);
        if (!count_removed(&f)) {
            assert_same(&f.remaining, &expanded);
        }
        x86cpu_filter(&tables, &cpu, accel, topology, &offer, &f);
        assert_complete(&expanded, &f, &offer);
        starts += x86cpu_starts(&f);

        /*
         * The second time, nothing goes but what the first one left without
         * what it depends on.  Topology would ask for features again.
         */
        again = f.remaining;
        if (x86cpu_is_amd(&cpu)) {
            /* Descriptions have no copies, which might raise min-xlevel. */
            again.words[X86CPU_FEAT_8000_0001_EDX] &= ~X86CPU_AMD_ALIASES;
        }
        x86cpu_filter(&tables, &again, accel, X86CPU_ONE_THREAD, &offer,
                      &twice);
        g_assert_cmpuint(count_removed(&twice), ==, 0);
        x86cpu_close(&tables, &again);
        x86cpu_copy_aliases(&again);
        assert_same(&twice.remaining, &again);
        g_assert_cmpmem(twice.errors, sizeof(f.errors), f.errors,
                        sizeof(f.errors));

        /* A guest can go on with the CPU that was requested. */
        if (!f.removed[X86CPU_REMOVED_NOT_OFFERED][X86CPU_FEAT_14_0_ECX] &&
            topology == X86CPU_ONE_THREAD) {
            g_assert_true(x86cpu_fits(&tables, &f.remaining, &cpu, accel));
            fits++;
        }
    }
    g_assert_cmpuint(fits, >, 500);
    g_assert_cmpuint(starts, >, 10);
}

/* Features of any word, closed or not, with and without a host */
static void test_random_explanations(void)
{
    unsigned by_reason[X86CPU_REASON_QEMU + 1] = { 0 };
    unsigned i, j;

    for (i = 0; i < 3000; i++) {
        X86CpuAccelerator accel = i % 2 ? X86CPU_ON_KVM : X86CPU_ON_TCG;
        bool filtered = i % 3;
        X86Cpu cpu = random_described_cpu(accel);
        X86CpuOffer offer = random_offer();
        uint64_t unseen[X86CPU_MAX_WORDS] = { 0 };
        g_autoptr(GArray) found = NULL;
        X86CpuFiltered f;
        X86CpuView view;

        for (j = 0; j < 8; j++) {
            X86CpuWordId word =
                places[g_test_rand_int_range(0, G_N_ELEMENTS(places))].id;

            cpu.words[word] ^= BIT(g_test_rand_int_range(0, 32));
        }
        found = unseen_of(&cpu, accel, filtered ? &offer : NULL);
        for (j = 0; j < found->len; j++) {
            X86CpuUnseen *u = &g_array_index(found, X86CpuUnseen, j);

            g_assert_cmphex(u->bit.mask & (u->bit.mask - 1), ==, 0);
            g_assert_cmphex(unseen[u->bit.word] & u->bit.mask, ==, 0);
            unseen[u->bit.word] |= u->bit.mask;
            by_reason[u->reason]++;
            g_assert_true(filtered || !u->blocking);
            g_assert_cmpint(!u->nneeds, ==,
                            u->reason != X86CPU_REASON_DEPENDENCY);
            g_assert_cmpint(!u->conflicts_with.mask, ==,
                            u->reason != X86CPU_REASON_CONFLICT);
            /* Only these have bits that are neither named nor shown. */
            if (u->reason == X86CPU_REASON_QEMU) {
                g_assert_true(u->bit.word == X86CPU_FEAT_14_0_ECX ||
                              u->bit.word == X86CPU_FEAT_8000_0022_EAX);
            }
        }
        view = view_of(&cpu, accel, X86CPU_ONE_THREAD);
        if (filtered) {
            f = filter(&cpu, accel, &offer);
            x86cpu_view_expanded(&tables, &f.remaining, accel,
                                 X86CPU_ONE_THREAD, &view);
        }
        for (j = 0; j < X86CPU_MAX_WORDS; j++) {
            uint64_t requested = cpu.words[j];

            if (j == X86CPU_FEAT_8000_0001_EDX && x86cpu_is_amd(&cpu)) {
                requested &= ~X86CPU_AMD_ALIASES;
                requested |= cpu.words[X86CPU_FEAT_1_EDX] &
                             X86CPU_AMD_ALIASES;
            }
            if (!x86cpu_is_derived_word(j)) {
                g_assert_cmphex(unseen[j], ==, requested & ~view.words[j]);
            }
        }
    }
    for (i = 0; i < G_N_ELEMENTS(by_reason); i++) {
        g_assert_cmpuint(by_reason[i], >, 0);
    }
}

/* Every test on both kinds of line */
static void run_old(const void *test)
{
    make_tables(0xa0000);
    ((void (*)(void))test)();
}

static void run_new(const void *test)
{
    make_tables(0xb0001);
    ((void (*)(void))test)();
}

static void add(const char *name, void (*test)(void))
{
    g_autofree char *old = g_strdup_printf("/10.0/%s", name);
    g_autofree char *new = g_strdup_printf("/11.1/%s", name);

    g_test_add_data_func(old, (const void *)test, run_old);
    g_test_add_data_func(new, (const void *)test, run_new);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("names", test_names);
    add("apply", test_apply);
    add("follow", test_follow);
    add("close", test_close);
    add("check", test_check);
    add("describe/host", test_describe_host);
    add("describe/features", test_describe_features);
    add("describe/intel-pt", test_describe_intel_pt);
    add("describe/mpx-and-apxf", test_describe_mpx_and_apxf);
    add("drop-conflicts", test_drop_conflicts);
    add("view/levels", test_view_levels);
    add("view/words", test_view_words);
    add("view/gates", test_view_gates);
    add("view/caches", test_view_caches);
    add("view/values", test_view_values);
    add("view/hidden", test_view_hidden);
    add("compare/features", test_compare_features);
    add("compare/values", test_compare_values);
    add("compare/hidden", test_compare_hidden);
    add("compare/aliases", test_compare_aliases);
    add("compare/maximal", test_maximal);
    add("compare/copy-named", test_copy_named);
    add("nearest/edit", test_edit);
    add("nearest/roots", test_edit_roots);
    add("nearest/partial", test_edit_partial);
    add("nearest/kvm", test_edit_kvm);
    add("nearest/levels", test_edit_levels);
    add("nearest/models", test_nearest_model);
    add("nearest/random", test_random_edits);
    add("baseline/features", test_baseline);
    add("baseline/hyperv", test_baseline_hyperv);
    add("baseline/lmce", test_baseline_lmce);
    add("baseline/missing-cache", test_missing_cache);
    add("random/comparisons", test_random_comparisons);
    add("random/baselines", test_random_baselines);
    add("filter/words", test_filter_words);
    add("filter/aliases", test_filter_aliases);
    add("filter/intel-pt-capabilities", test_intel_pt_capabilities);
    add("filter/intel-pt", test_filter_intel_pt);
    add("filter/conflict", test_filter_conflict);
    add("filter/forced", test_filter_forced);
    add("filter/values", test_filter_values);
    add("filter/phys-bits", test_filter_phys_bits);
    add("explain/dependencies", test_explain_dependencies);
    add("explain/hidden", test_explain_hidden);
    add("explain/host", test_explain_host);
    add("random/filters", test_random_filters);
    add("random/explanations", test_random_explanations);
    return g_test_run();
}
