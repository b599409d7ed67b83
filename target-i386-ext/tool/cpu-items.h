/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The items of a CPU as -cpu takes it
 *
 * Answers, for all that read such texts: which properties does this text set,
 * in which order, and what are on-off values, numbers and frequencies?
 */

#ifndef X86CPU_CPU_ITEMS_H
#define X86CPU_CPU_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

/* A longer text is not a CPU: all properties of all lines take 20 KB. */
enum { CPU_ITEMS_MAX_TEXT = 1 << 16 };

typedef enum CpuItemKind {
    CPU_ITEM_SET,               /* NAME=VALUE, or NAME, which is NAME=on */
    CPU_ITEM_PLUS,              /* +NAME */
    CPU_ITEM_MINUS,             /* -NAME */
} CpuItemKind;

/* Sets @name, with value "on" or "off" if it has no other; false: stop */
typedef bool CpuItemSet(CpuItemKind kind, const char *name, const char *value,
                        void *opaque);

/*
 * Calls @set for each item of @items, what follows the model, as QEMU applies
 * them: "+" after those with a value, and "-" last.  In "NAME=VALUE", "_" of
 * the name is "-".  Two commas are one of the value.  False if @set returned
 * it, or if there is not enough memory, with *@no_memory.
 */
bool cpu_items_each(const char *items, CpuItemSet *set, void *opaque,
                    bool *no_memory);

/* Makes each "_" of @name a "-". */
void cpu_items_dash(char *name);

/* Another name for @name, as CpuItemSet has it, or NULL */
typedef const char *CpuItemName(CpuItemKind kind, const char *name,
                                void *opaque);

/*
 * @text, a model and its items, with the names that @name_of has: a string to
 * be freed, or NULL if there is not enough memory
 */
char *cpu_items_rename(const char *text, CpuItemName *name_of, void *opaque);

/* As qapi_bool_parse() */
bool cpu_items_bool(const char *text, bool *on);

/*
 * As qemu_strtou64() with base 0: decimal, 0x, or octal with a 0; blanks and a
 * sign can go before it.
 */
bool cpu_items_number(const char *text, uint64_t *number);

/* As qemu_strtoi64() with base 0 */
bool cpu_items_signed(const char *text, int64_t *number);

/* "2.5G", as qemu_strtosz_metric() */
bool cpu_items_frequency(const char *text, uint64_t *hertz);

#endif /* X86CPU_CPU_ITEMS_H */
