/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The CPUID leaves of a host
 *
 * Sources: SDM vol. 2A, CPUID; APM vol. 3, appendix E.  Only leaves that are
 * listed here are read: of others nobody knows whether they identify a machine.
 */

#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "host-cpuid.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define CPUID_7_0_EDX_HYBRID (1u << 15)

/* CPUs that sched_setaffinity() is tried with, at most */
#define MAX_CPUS 65536

/* Which subleaves a leaf has */
typedef enum Subleaves {
    NONE,
    CACHES,         /* until the type in EAX[4:0] is 0 */
    LEVELS,         /* until EBX is 0 */
    UP_TO_EAX,      /* from 0 to EAX of subleaf 0 */
    SOME,           /* those that are not empty */
} Subleaves;

static const struct {
    uint32_t leaf;
    Subleaves subleaves;
} leaves[] = {
    { 0x0, NONE },
    { 0x1, NONE },
    { 0x2, NONE },
    { 0x3, NONE },
    { 0x4, CACHES },
    { 0x5, NONE },
    { 0x6, NONE },
    { 0x7, UP_TO_EAX },
    { 0x9, NONE },
    { 0xa, NONE },
    { 0xb, LEVELS },
    { 0xd, SOME },
    { 0xf, SOME },
    { 0x10, SOME },
    { 0x12, SOME },
    { 0x14, UP_TO_EAX },
    { 0x15, NONE },
    { 0x16, NONE },
    { 0x18, UP_TO_EAX },
    { 0x19, NONE },
    { 0x1a, NONE },
    { 0x1c, NONE },
    { 0x1d, UP_TO_EAX },
    { 0x1e, UP_TO_EAX },
    { 0x1f, LEVELS },
    { 0x20, UP_TO_EAX },
    { 0x21, NONE },
    { 0x23, SOME },
    { 0x24, UP_TO_EAX },
    { 0x29, UP_TO_EAX },
    { 0x80000000, NONE },
    { 0x80000001, NONE },
    { 0x80000002, NONE },
    { 0x80000003, NONE },
    { 0x80000004, NONE },
    { 0x80000005, NONE },
    { 0x80000006, NONE },
    { 0x80000007, NONE },
    { 0x80000008, NONE },
    { 0x8000000a, NONE },
    { 0x80000019, NONE },
    { 0x8000001a, NONE },
    { 0x8000001b, NONE },
    { 0x8000001c, NONE },
    { 0x8000001d, CACHES },
    { 0x8000001e, NONE },
    { 0x8000001f, NONE },
    { 0x80000020, SOME },
    { 0x80000021, NONE },
    { 0x80000022, NONE },
    { 0x80000023, NONE },
    { 0x80000024, NONE },
    { 0x80000025, NONE },
    { 0x80000026, LEVELS },
    { 0xc0000000, NONE },
    { 0xc0000001, NONE },
    { 0xc0000002, NONE },
    { 0xc0000004, NONE },
};

#define ANY UINT32_MAX

/* Bits of EAX, EBX, ECX and EDX of @subleaf, which may be ANY */
typedef struct Bits {
    uint32_t leaf, subleaf;
    uint32_t regs[4];
} Bits;

/* What tells logical CPUs or machines apart */
static const Bits ids[] = {
    { 0x1, ANY, { 0, 0xff000000, 0, 0 } },              /* initial APIC ID */
    { 0x3, ANY, { ANY, ANY, ANY, ANY } },               /* serial number */
    { 0xb, ANY, { 0, 0, 0, ANY } },                     /* x2APIC ID */
    { 0x1f, ANY, { 0, 0, 0, ANY } },
    { 0x8000001e, ANY, { ANY, 0xff, 0xff, 0 } },        /* APIC, core, node */
    { 0x80000026, ANY, { 0, 0, 0, ANY } },
};

/* What varies with the state of the logical CPU */
static const Bits states[] = {
    { 0x1, ANY, { 0, 0, 1u << 27, 0 } },                /* OSXSAVE */
    { 0x6, ANY, { 0, 0, 0, 0xffff0000 } },              /* its row in HFI */
    { 0x7, 0, { 0, 0, 1u << 4, 0 } },                   /* OSPKE */
    { 0xd, 0, { 0, ANY, 0, 0 } },                       /* size by XCR0 */
    { 0xd, 1, { 0, ANY, 0, 0 } },                       /* and by IA32_XSS */
};

/* Each bit is something that a core can do. */
static const Bits features[] = {
    { 0x1, ANY, { 0, 0, ANY, ANY } },
    { 0x6, ANY, { ANY, 0, 0, 0 } },
    { 0x7, 0, { 0, ANY, ANY, ANY } },
    { 0x7, 1, { ANY, ANY, ANY, ANY } },
    { 0x7, 2, { ANY, ANY, ANY, ANY } },
    { 0xd, 0, { ANY, 0, 0, ANY } },
    { 0xd, 1, { ANY, 0, ANY, ANY } },
    { 0x12, 0, { ANY, ANY, 0, 0 } },
    { 0x12, 1, { ANY, ANY, ANY, ANY } },
    { 0x14, 0, { 0, ANY, ANY, 0 } },
    { 0x14, 1, { 0xffff0000, ANY, 0, 0 } },
    { 0x19, ANY, { ANY, ANY, ANY, 0 } },
    { 0x1c, ANY, { 0xc00000ff, ANY, ANY, 0 } },
    { 0x1e, 1, { ANY, 0, 0, 0 } },
    { 0x24, 0, { 0, 0xffffff00, 0, 0 } },
    { 0x24, 1, { 0, 0, ANY, 0 } },
    { 0x29, 0, { 0, ANY, 0, 0 } },
    { 0x80000001, ANY, { 0, 0, ANY, ANY } },
    { 0x80000007, ANY, { 0, ANY, 0, ANY } },
    { 0x80000008, ANY, { 0, ANY, 0, 0 } },
    { 0x8000000a, ANY, { 0, 0, 0, ANY } },
    { 0x8000001f, ANY, { ANY, 0, 0, 0 } },
    { 0x80000021, ANY, { ANY, ANY, ANY, 0 } },
    { 0x80000022, ANY, { ANY, 0, 0, 0 } },
    { 0xc0000001, ANY, { 0, 0, 0, ANY } },
};

/* Numbers, of which the least is what all cores can do */
static const Bits minima[] = {
    { 0x0, ANY, { ANY, 0, 0, 0 } },
    { 0x7, 0, { ANY, 0, 0, 0 } },
    { 0x14, 0, { ANY, 0, 0, 0 } },
    { 0x1d, 0, { ANY, 0, 0, 0 } },
    { 0x1e, 0, { ANY, 0, 0, 0 } },
    { 0x24, 0, { ANY, 0xff, 0, 0 } },                   /* AVX10's version */
    { 0x29, 0, { ANY, 0, 0, 0 } },
    { 0x80000000, ANY, { ANY, 0, 0, 0 } },
    { 0x80000008, ANY, { 0xff, 0, 0, 0 } },             /* physical bits */
};

static const Bits *find_bits(const Bits *table, size_t count, uint32_t leaf,
                             uint32_t subleaf)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (table[i].leaf == leaf &&
            (table[i].subleaf == ANY || table[i].subleaf == subleaf)) {
            return &table[i];
        }
    }
    return NULL;
}

static void clear_bits(const Bits *bits, uint32_t regs[4])
{
    int i;

    for (i = 0; bits && i < 4; i++) {
        regs[i] &= ~bits->regs[i];
    }
}

void host_cpuid_hide_ids(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    clear_bits(find_bits(ids, ARRAY_LENGTH(ids), leaf, subleaf), regs);
}

/* ---- one CPU ---- */

static void add(HostCpuid *cpuid, uint32_t leaf, uint32_t subleaf,
                bool has_subleaf, const uint32_t regs[4])
{
    PassportCpuid *entry = &cpuid->entries[cpuid->count];

    /* The tables above take far less. */
    if (cpuid->count == HOST_CPUID_ENTRIES) {
        return;
    }
    *entry = (PassportCpuid) { .leaf = leaf, .subleaf = subleaf,
                               .has_subleaf = has_subleaf };
    memcpy(entry->regs, regs, sizeof(entry->regs));
    host_cpuid_hide_ids(leaf, subleaf, entry->regs);
    clear_bits(find_bits(states, ARRAY_LENGTH(states), leaf, subleaf),
               entry->regs);
    cpuid->count++;
}

static bool is_last(Subleaves subleaves, uint32_t subleaf, uint32_t highest,
                    const uint32_t regs[4])
{
    switch (subleaves) {
    case CACHES:
        return !(regs[0] & 0x1f);
    case LEVELS:
        return !regs[1];
    case UP_TO_EAX:
        return subleaf == highest;
    default:
        return false;
    }
}

static void read_subleaves(HostCpuid *cpuid, uint32_t leaf,
                           Subleaves subleaves, HostCpuidReader *read,
                           void *opaque)
{
    uint32_t subleaf, highest = 0, regs[4];

    for (subleaf = 0; subleaf < HOST_CPUID_SUBLEAVES; subleaf++) {
        bool known = read(leaf, subleaf, regs, opaque);

        if (!subleaf) {
            if (!known) {
                return;
            }
            highest = regs[0];
        }
        /* Subleaves that a passport lacks are zeros. */
        if (!subleaf ||
            (known && (regs[0] || regs[1] || regs[2] || regs[3]) &&
             (subleaves == UP_TO_EAX || subleaves == SOME ||
              !is_last(subleaves, subleaf, highest, regs)))) {
            add(cpuid, leaf, subleaf, true, regs);
        }
        if (known ? is_last(subleaves, subleaf, highest, regs) :
            subleaves == UP_TO_EAX && subleaf == highest) {
            return;
        }
    }
}

void host_cpuid_read(HostCpuid *cpuid, HostCpuidReader *read, void *opaque)
{
    uint32_t region = 0, highest = 0, regs[4];
    size_t i;

    cpuid->count = 0;
    for (i = 0; i < ARRAY_LENGTH(leaves); i++) {
        uint32_t leaf = leaves[i].leaf;

        if (!(leaf & 0xffff)) {
            /* Of a region that it does not have, Intel returns anything. */
            region = leaf;
            if (!read(leaf, 0, regs, opaque) || regs[0] >> 16 != leaf >> 16) {
                highest = 0;
                continue;
            }
            highest = regs[0];
        } else if (leaf > highest || highest < region) {
            continue;
        }
        if (leaves[i].subleaves != NONE) {
            read_subleaves(cpuid, leaf, leaves[i].subleaves, read, opaque);
        } else if (read(leaf, 0, regs, opaque)) {
            add(cpuid, leaf, 0, false, regs);
        }
    }
}

/* ---- several types of cores ---- */

static const PassportCpuid *find_entry(const HostCpuid *cpuid, uint32_t leaf,
                                       uint32_t subleaf)
{
    size_t i;

    for (i = 0; i < cpuid->count; i++) {
        const PassportCpuid *entry = &cpuid->entries[i];

        if (entry->leaf == leaf && entry->subleaf == subleaf) {
            return entry;
        }
    }
    return NULL;
}

void host_cpuid_combine(HostCpuid *cpuid, const HostCpuid *other)
{
    static const uint32_t zeros[4];
    size_t i;
    int reg;

    for (i = 0; i < cpuid->count; i++) {
        PassportCpuid *entry = &cpuid->entries[i];
        const PassportCpuid *its = find_entry(other, entry->leaf,
                                              entry->subleaf);
        const uint32_t *regs = its ? its->regs : zeros;
        const Bits *bits = find_bits(features, ARRAY_LENGTH(features),
                                     entry->leaf, entry->subleaf);
        const Bits *least = find_bits(minima, ARRAY_LENGTH(minima),
                                      entry->leaf, entry->subleaf);

        for (reg = 0; reg < 4; reg++) {
            uint32_t *value = &entry->regs[reg];

            if (bits) {
                *value &= regs[reg] | ~bits->regs[reg];
            }
            if (least && (*value & least->regs[reg]) >
                         (regs[reg] & least->regs[reg])) {
                *value = (*value & ~least->regs[reg]) |
                         (regs[reg] & least->regs[reg]);
            }
        }
    }
}

bool host_cpuid_is_hybrid(const HostCpuid *cpuid)
{
    const PassportCpuid *entry = find_entry(cpuid, 0x7, 0);

    return entry && entry->regs[3] & CPUID_7_0_EDX_HYBRID;
}

/* ---- this host ---- */

/*
 * One CPUID instruction is enough.  Tests that put others in its place find it
 * in this program, not in a library.
 */
static bool instruction(uint32_t leaf, uint32_t subleaf, uint32_t regs[4],
                        void *opaque)
{
    (void)opaque;
#if HOST_IS_X86
    __asm__ volatile("cpuid"
                     : "=a" (regs[0]), "=b" (regs[1]), "=c" (regs[2]),
                       "=d" (regs[3])
                     : "0" (leaf), "2" (subleaf));
    return true;
#else
    (void)leaf;
    (void)subleaf;
    (void)regs;
    return false;
#endif
}

static bool move_to(unsigned cpu)
{
    size_t size = CPU_ALLOC_SIZE(cpu + 1);
    cpu_set_t *set = CPU_ALLOC(cpu + 1);
    bool moved;

    if (!set) {
        return false;
    }
    CPU_ZERO_S(size, set);
    CPU_SET_S(cpu, size, set);
    moved = !sched_setaffinity(0, size, set);
    CPU_FREE(set);
    return moved;
}

/* Of the CPU that this runs on; 0 if all are of one type */
static uint32_t core_type(void)
{
    uint32_t regs[4];

    if (!instruction(0, 0, regs, NULL) || regs[0] < 0x1a) {
        return 0;
    }
    instruction(0x7, 0, regs, NULL);
    if (!(regs[3] & CPUID_7_0_EDX_HYBRID)) {
        return 0;
    }
    instruction(0x1a, 0, regs, NULL);
    return regs[0];
}

/* Adds a type if it is new.  The highest, Intel Core's, is the first. */
static void add_core(HostCores *cores, unsigned cpu, uint32_t type)
{
    size_t i;

    for (i = 0; i < cores->count; i++) {
        if (cores->types[i] == type) {
            return;
        }
    }
    if (i == HOST_CORE_TYPES) {
        return;
    }
    for (; i && cores->types[i - 1] < type; i--) {
        cores->types[i] = cores->types[i - 1];
        cores->cpus[i] = cores->cpus[i - 1];
    }
    cores->types[i] = type;
    cores->cpus[i] = cpu;
    cores->count++;
}

void host_cores_find(HostCores *cores)
{
    long configured = sysconf(_SC_NPROCESSORS_CONF);
    unsigned cpu;

    cores->count = 0;
    for (cpu = 0; cpu < MAX_CPUS && (long)cpu < configured; cpu++) {
        uint32_t type;

        if (!move_to(cpu)) {
            continue;
        }
        type = core_type();
        add_core(cores, cpu, type);
        if (!type) {
            break;
        }
    }
}

void host_cores_move(const HostCores *cores, size_t i)
{
    if (i < cores->count) {
        move_to(cores->cpus[i]);
    }
}

void host_cores_read(const HostCores *cores, HostCpuid *cpuid,
                     HostCpuid *scratch)
{
    size_t i;

    host_cores_move(cores, 0);
    host_cpuid_read(cpuid, instruction, NULL);
    for (i = 1; i < cores->count; i++) {
        host_cores_move(cores, i);
        host_cpuid_read(scratch, instruction, NULL);
        host_cpuid_combine(cpuid, scratch);
    }
}
