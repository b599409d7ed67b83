/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What guests see of the CPU that QEMU runs on, whatever KVM offers
 *
 * Sources: target/i386/kvm/kvm-cpu.c (kvm_cpu_realizefn()) and cpu.c
 * (x86_cpu_get_cache_cpuid() and cpu_x86_cpuid()) of QEMU, the same in all
 * lines; SDM vol. 2A, CPUID, and vol. 3, 9.10.5 (MONITOR/MWAIT).
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "migrate-hardware.h"

#define BIT(n) (1u << (n))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MONITOR BIT(3)                  /* CPUID[1].ECX */
/* CPUID[5].ECX: QEMU sets both, whatever the host has. */
#define MWAIT_EMX BIT(0)
#define MWAIT_IBE BIT(1)
/* CPUID[4].EAX */
#define CACHE_TYPE 0x1fu
#define CACHE_CORES 0xfc000000u
#define CACHE_THREADS 0x03ffc000u
#define CACHE_THREADS_SHIFT 14

enum {
    MWAIT_LEAF = 5,
    CACHE_LEAF = 4,
    /* CPUs have four or five. */
    MAX_CACHES = 64,
    MAX_SHARING = 4095,
};

static bool shows_leaf(const MigrateSide *side, uint32_t leaf)
{
    return leaf <= (leaf >> 31 ? side->view.xlevel : side->view.level);
}

static void add_not_in_passport(const MigrateSide *side, uint32_t leaf,
                                const char *what, MigrateReasons *reasons)
{
    migrate_add_unknown(reasons, "%s of %s: the passport lacks leaf 0x%" PRIx32,
                        what, side->name, leaf);
}

/* ---- MONITOR and MWAIT ---- */

static bool shows_mwait(const MigrateSide *side)
{
    return side->options.cpu_pm && side->request->is_host &&
           (side->filtered.remaining.words[X86CPU_FEAT_1_ECX] & MONITOR) &&
           shows_leaf(side, MWAIT_LEAF);
}

/* Whether @b has fewer sub-states of a C-state: four bits of EDX are of each */
static bool loses_states(uint32_t a, uint32_t b)
{
    for (; a; a >>= 4, b >>= 4) {
        if ((a & 0xf) > (b & 0xf)) {
            return true;
        }
    }
    return false;
}

/*
 * Guests write where they wait: they sleep on if the line that is watched is
 * shorter than the least they were told of.  A longer one only wakes them more
 * often.
 */
static bool loses_mwait(const uint32_t *a, const uint32_t *b)
{
    return a[X86CPU_EAX] > b[X86CPU_EAX] ||
           (a[X86CPU_ECX] & ~b[X86CPU_ECX]) ||
           loses_states(a[X86CPU_EDX], b[X86CPU_EDX]);
}

static void compare_mwait(const MigrateSide *a, const MigrateSide *b,
                          MigrateReasons *reasons)
{
    const MigrateSide *sides[] = { a, b };
    uint32_t regs[2][4];
    bool known = true;
    int i;

    if (!shows_mwait(a) || !shows_mwait(b)) {
        /* Without MONITOR, it is a feature that is lost or added. */
        return;
    }
    for (i = 0; i < 2; i++) {
        if (!passport_cpuid(sides[i]->passport, MWAIT_LEAF, 0, regs[i])) {
            add_not_in_passport(sides[i], MWAIT_LEAF, "what guests see of "
                                "MWAIT, which cpu-pm takes from the CPU",
                                reasons);
            known = false;
        }
        host_instruction(sides[i]->passport, MWAIT_LEAF, 0, regs[i]);
        regs[i][X86CPU_ECX] |= MWAIT_EMX | MWAIT_IBE;
    }
    if (known && memcmp(regs[0], regs[1], sizeof(regs[0]))) {
        migrate_add(reasons, "mwait", loses_mwait(regs[0], regs[1]),
                    "with cpu-pm, CPUID[0x5] is what the CPU has of MWAIT: "
                    "EAX to EDX are 0x%x 0x%x 0x%x 0x%x on %s, and 0x%x 0x%x "
                    "0x%x 0x%x on %s", regs[0][0], regs[0][1], regs[0][2],
                    regs[0][3], a->name, regs[1][0], regs[1][1], regs[1][2],
                    regs[1][3], b->name);
    }
}

/* ---- caches ---- */

/*
 * QEMU puts in the guest's cores, and the APIC IDs of its sockets where more
 * threads of the host share a cache than a socket of the guest has.
 */
static void hide_topology(const MigrateSide *side, uint32_t *eax)
{
    uint32_t threads = ((*eax & CACHE_THREADS) >> CACHE_THREADS_SHIFT) + 1;
    uint32_t ids = side->counts.package_ids - 1;

    if (*eax & CACHE_TYPE) {
        *eax &= ~CACHE_CORES;
        if (threads > side->counts.package_threads) {
            *eax &= ~CACHE_THREADS;
            *eax |= ids < MAX_SHARING ? ids << CACHE_THREADS_SHIFT
                                      : CACHE_THREADS;
        }
    }
}

/* Unlike elsewhere, leaves that the host does not have are empty. */
static bool get_cache(const MigrateSide *side, uint32_t leaf, uint32_t subleaf,
                      uint32_t regs[4])
{
    /* An entry of another subleaf means that this one is empty. */
    if (!passport_cpuid(side->passport, leaf, subleaf, regs)) {
        return false;
    }
    if (leaf == CACHE_LEAF) {
        hide_topology(side, &regs[X86CPU_EAX]);
    }
    return true;
}

/* Whether both know @leaf; *@differs if guests see it differ */
static bool compare_cache_leaf(const MigrateSide *a, const MigrateSide *b,
                               uint32_t leaf, bool has_subleaves,
                               bool *differs, MigrateReasons *reasons)
{
    static const char what[] = "the caches, which host-cache-info takes from "
                               "the CPU,";
    uint32_t of_a[4] = { 0 }, of_b[4] = { 0 }, subleaf = 0;

    *differs = false;
    do {
        bool has_a = get_cache(a, leaf, subleaf, of_a);
        bool has_b = get_cache(b, leaf, subleaf, of_b);

        if (!has_a) {
            add_not_in_passport(a, leaf, what, reasons);
        }
        if (!has_b) {
            add_not_in_passport(b, leaf, what, reasons);
        }
        if (!has_a || !has_b) {
            return false;
        }
        *differs |= memcmp(of_a, of_b, sizeof(of_a)) != 0;
    } while (has_subleaves && !*differs && (of_a[X86CPU_EAX] & CACHE_TYPE) &&
             ++subleaf < MAX_CACHES);
    return true;
}

static void compare_caches(const MigrateSide *a, const MigrateSide *b,
                           MigrateReasons *reasons)
{
    static const struct {
        uint32_t leaf;
        bool has_subleaves;
    } leaves[] = {
        { 2, false }, { CACHE_LEAF, true }, { 0x80000005, false },
        { 0x80000006, false }, { 0x8000001d, true },
    };
    char list[128] = "";
    size_t i, length;
    bool differs;

    for (i = 0; i < COUNT(leaves); i++) {
        uint32_t leaf = leaves[i].leaf;

        if (shows_leaf(a, leaf) && shows_leaf(b, leaf) &&
            compare_cache_leaf(a, b, leaf, leaves[i].has_subleaves, &differs,
                               reasons) && differs) {
            length = strlen(list);
            snprintf(list + length, sizeof(list) - length,
                     "%sCPUID[0x%" PRIx32 "]", length ? ", " : "", leaf);
        }
    }
    if (*list) {
        migrate_add(reasons, "identity", false, "the caches, which "
                    "host-cache-info takes from the CPU, differ: %s", list);
    }
}

void migrate_compare_hardware(const MigrateSide *a, const MigrateSide *b,
                              MigrateReasons *reasons)
{
    bool a_passes = a->request->host_cache_info;
    bool b_passes = b->request->host_cache_info;

    compare_mwait(a, b, reasons);
    if (a_passes && b_passes) {
        compare_caches(a, b, reasons);
    } else if (a_passes || b_passes) {
        migrate_add(reasons, "identity", false, "the caches are those of the "
                    "CPU, by host-cache-info, on %s alone",
                    a_passes ? a->name : b->name);
    } else if (memcmp(a->view.caches, b->view.caches,
                      sizeof(a->view.caches))) {
        migrate_add(reasons, "identity", false, "the caches differ");
    }
}
