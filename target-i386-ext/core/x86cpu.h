/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An x86 CPU as a value
 *
 * Answers, for QEMU, for the generator of its tables and for programs without
 * a QEMU: what is in this CPU, what do its features lack, and what does its
 * level hide?  See compare.h for how two CPUs compare, and filter.h for what a
 * host leaves of one.
 *
 * Also installed as a library, libx86cpu, with all names in one prefix.  Before
 * version 1.0, structs and functions may change with every version.
 *
 * A CPU is a plain struct that is copied by assignment.  What differs between
 * release lines of QEMU comes in as tables, which the caller owns.  Nothing
 * here allocates memory, aborts, or has a state of its own.
 */

#ifndef X86CPU_H
#define X86CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cache-text.h"
#include "properties.h"
#include "words.h"

/*
 * Room for feature words.  Those of a newer QEMU may follow the ones in
 * words.h: they are only bits.
 */
enum { X86CPU_MAX_WORDS = 96 };

/* The registers that CPUID returns */
typedef enum X86CpuRegister {
    X86CPU_EAX, X86CPU_EBX, X86CPU_ECX, X86CPU_EDX,
    X86CPU_REGISTERS
} X86CpuRegister;

/* Where a feature word is */
typedef struct X86CpuWord {
    bool present;               /* in this release line */
    bool msr;
    uint32_t index;             /* the leaf, or the MSR */
    uint32_t subleaf;
    X86CpuRegister reg;         /* of the leaf; programs with a host use it */
} X86CpuWord;

/* The bits @to_mask of word @to need at least one bit @from_mask of @from. */
typedef struct X86CpuDependency {
    unsigned from, to;
    uint64_t from_mask, to_mask;
} X86CpuDependency;

/* What the absence of a feature means to a guest; see tables/features.tbl */
typedef enum X86CpuPolarity {
    X86CPU_CAPABILITY,
    X86CPU_LIMITATION,
    X86CPU_HINT,
    X86CPU_TOPOLOGY,
} X86CpuPolarity;

/* A feature with a name: one or more bits of a word */
typedef struct X86CpuFeature {
    const char *name;
    unsigned word;
    uint64_t mask;
    X86CpuPolarity polarity;
} X86CpuFeature;

/* How the values of a property compare; see tables/properties.tbl */
typedef enum X86CpuClass {
    X86CPU_CLASS_NONE,
    X86CPU_CLASS_BIT,
    X86CPU_CLASS_MINIMUM,
    X86CPU_CLASS_GUEST_PHYS_BITS,
    X86CPU_CLASS_FLAT,
    X86CPU_CLASS_GATE,
    X86CPU_CLASS_IDENTITY,
    X86CPU_CLASS_STREAM,
    X86CPU_CLASS_HV_VALUES,
    X86CPU_CLASS_RESOLVED,
    X86CPU_CLASS_PERMISSIVE,
} X86CpuClass;

/* A property in a release line */
typedef struct X86CpuProperty {
    X86CpuClass class;
    /* Of a CPU that sets nothing, or of a line without the property */
    uint64_t value;
} X86CpuProperty;

/* What CPUID[2] says of a cache */
typedef struct X86CpuCacheDescriptor {
    uint8_t code;
    uint8_t level;
    /* 'd'ata, 'i'nstruction or 'u'nified */
    char type;
    uint64_t size;
    unsigned ways, line;
} X86CpuCacheDescriptor;

/* How many features an XSAVE state component can belong to */
#define X86CPU_COMPONENT_FEATURES 4

/* A state component of XSAVE, and the bits of which a CPU with it has any */
typedef struct X86CpuComponent {
    unsigned number;
    struct {
        unsigned word;
        uint64_t mask;          /* 0: none */
    } features[X86CPU_COMPONENT_FEATURES];
} X86CpuComponent;

/* What a release line knows of CPUs */
typedef struct X86CpuTables {
    /* QEMU's version: 10.0 is 0xa0000 */
    uint32_t version;
    /* By X86CpuWordId, then further ones */
    X86CpuWord words[X86CPU_MAX_WORDS];
    /* In the order in which QEMU applies them */
    const X86CpuDependency *dependencies;
    size_t ndependencies;
    const X86CpuCacheDescriptor *descriptors;
    size_t ndescriptors;
    const X86CpuComponent *components;
    size_t ncomponents;
    /* By word, in the order of bits */
    const X86CpuFeature *features;
    size_t nfeatures;
    X86CpuProperty properties[X86CPU_PROPERTY_COUNT];
} X86CpuTables;

typedef struct X86Cpu {
    /* Texts are filled up with zeros.  An empty vendor is zeros in CPUID[0]. */
    char vendor[13];
    char model_id[49];
    char hv_vendor_id[13];
    uint64_t words[X86CPU_MAX_WORDS];
    /* Booleans are 0 and 1. */
    uint64_t values[X86CPU_PROPERTY_COUNT];
    bool given[X86CPU_PROPERTY_COUNT];
    /* By X86CPU_CACHE_L1D and so on; size 0 for none */
    X86CpuCache caches[X86CPU_CACHES];
    /*
     * x-force-features=on: guests get what is not offered, and what QEMU would
     * drop.  It counts as removed all the same.
     */
    bool forced;
} X86Cpu;

/* What a setting sets */
typedef enum X86CpuSettingKind {
    X86CPU_SET_ON,              /* bits @value of word @index */
    X86CPU_SET_OFF,             /* the same */
    X86CPU_SET_PROPERTY,        /* property @index to @value */
    X86CPU_SET_VENDOR,          /* to @text, of 12 characters */
    X86CPU_SET_MODEL_ID,        /* to @text, of at most 48 characters */
    X86CPU_SET_CACHE,           /* cache @index to @cache */
} X86CpuSettingKind;

/* One thing that is set in a CPU */
typedef struct X86CpuSetting {
    X86CpuSettingKind kind;
    unsigned index;
    uint64_t value;
    const char *text;
    X86CpuCache cache;
} X86CpuSetting;

/* What may be wrong with a CPU */
typedef enum X86CpuProblemKind {
    /* Bit @mask of word @word needs one of bits @needs_mask of word @needs. */
    X86CPU_UNMET_DEPENDENCY,
    /* Bits @mask of word @word are in a leaf above min-level or min-xlevel. */
    X86CPU_HIDDEN_BY_LEVEL,
} X86CpuProblemKind;

typedef struct X86CpuProblem {
    X86CpuProblemKind kind;
    unsigned word;
    uint64_t mask;
    unsigned needs;
    uint64_t needs_mask;
} X86CpuProblem;

/* Applies @setting to *@cpu; returns whether that changed anything. */
bool x86cpu_apply(X86Cpu *cpu, const X86CpuSetting *setting);

/* Whether caches @a and @b are the same in each field */
bool x86cpu_same_cache(const X86CpuCache *a, const X86CpuCache *b);

/*
 * Whatever @cpu has like @from becomes what @to has: each feature bit,
 * property, cache and text by itself.  For what machine types change in all
 * CPUs.
 */
void x86cpu_follow(X86Cpu *cpu, const X86Cpu *from, const X86Cpu *to);

/* The bits of @cpu that dependency @dep takes away */
uint64_t x86cpu_unmet(const X86Cpu *cpu, const X86CpuDependency *dep);

/*
 * Takes the bits away that lack what they need, as QEMU does: by each
 * dependency once, in order.  Some depend on each other in circles.
 */
void x86cpu_close(const X86CpuTables *tables, X86Cpu *cpu);

/*
 * Whether the leaf of word @word is above @cpu's min-level or min-xlevel, if
 * that is given.  Leaves 0x4000xxxx and 0xC000xxxx have levels of their own.
 */
bool x86cpu_is_above_level(const X86CpuTables *tables, const X86Cpu *cpu,
                           unsigned word);

/*
 * Calls @found with each problem of @cpu, and with @opaque, in the order of
 * the tables: dependencies first.
 */
void x86cpu_check(const X86CpuTables *tables, const X86Cpu *cpu,
                  void (*found)(const X86CpuProblem *problem, void *opaque),
                  void *opaque);

/* Whether @cpu has all of @problem's bits, and the problem with each */
bool x86cpu_has_problem(const X86CpuTables *tables, const X86Cpu *cpu,
                        const X86CpuProblem *problem);

#endif /* X86CPU_H */
