/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The items of a CPU as -cpu takes it
 *
 * Source: x86_cpu_parse_featurestr() in cpu.c, with docs/stable-cpus.rst for
 * what is different in this QEMU: two commas are one.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cpu-items.h"

/*
 * The next item of *@rest, which it makes a string of its own, and moves *@rest
 * behind; NULL at the end.  Two commas are one of the item.
 */
static char *next_item(char **rest)
{
    char *item = *rest, *from = item, *to = item;

    if (!from) {
        return NULL;
    }
    while (*from && (*from != ',' || from[1] == ',')) {
        from += *from == ',';
        *to++ = *from++;
    }
    *rest = *from ? from + 1 : NULL;
    *to = '\0';
    return item;
}

static CpuItemKind kind_of(const char *item)
{
    return *item == '+' ? CPU_ITEM_PLUS :
           *item == '-' ? CPU_ITEM_MINUS : CPU_ITEM_SET;
}

/* feat2prop(): only where a value can follow is "_" the same as "-". */
void cpu_items_dash(char *name)
{
    while ((name = strchr(name, '_'))) {
        *name = '-';
    }
}

static bool set_value(char *item, CpuItemSet *set, void *opaque)
{
    char *value = strchr(item, '=');

    if (value) {
        *value++ = '\0';
    }
    cpu_items_dash(item);
    return set(CPU_ITEM_SET, item, value ? value : "on", opaque);
}

static bool set_kind(const char *items, CpuItemKind kind, CpuItemSet *set,
                     void *opaque, bool *no_memory)
{
    char *copy = strdup(items), *rest = copy, *item;
    bool ok = copy;

    *no_memory = !copy;
    while (ok && (item = next_item(&rest))) {
        if (!*item || kind_of(item) != kind) {
            continue;
        }
        ok = kind == CPU_ITEM_SET
             ? set_value(item, set, opaque)
             : set(kind, item + 1, kind == CPU_ITEM_PLUS ? "on" : "off",
                   opaque);
    }
    free(copy);
    return ok;
}

bool cpu_items_each(const char *items, CpuItemSet *set, void *opaque,
                    bool *no_memory)
{
    return set_kind(items, CPU_ITEM_SET, set, opaque, no_memory) &&
           set_kind(items, CPU_ITEM_PLUS, set, opaque, no_memory) &&
           set_kind(items, CPU_ITEM_MINUS, set, opaque, no_memory);
}

/* The name of the item from @item to @end, with what stands around it */
static void print_renamed(const char *item, const char *end,
                          CpuItemName *name_of, void *opaque, FILE *out)
{
    CpuItemKind kind = kind_of(item);
    const char *name = item + (kind != CPU_ITEM_SET), *new_name = NULL;
    const char *rest = kind == CPU_ITEM_SET ? memchr(name, '=', end - name)
                                            : NULL;
    char *copy;

    if (item == end) {
        return;
    }
    rest = rest ? rest : end;
    copy = strndup(name, rest - name);
    if (copy && kind == CPU_ITEM_SET) {
        cpu_items_dash(copy);
    }
    if (copy) {
        new_name = name_of(kind, copy, opaque);
    }
    fprintf(out, "%.*s", (int)(name - item), item);
    if (new_name) {
        fputs(new_name, out);
    } else {
        fwrite(name, 1, rest - name, out);
    }
    fwrite(rest, 1, end - rest, out);
    free(copy);
}

char *cpu_items_rename(const char *text, CpuItemName *name_of, void *opaque)
{
    const char *item = text + strcspn(text, ","), *end;
    char *renamed = NULL;
    size_t size;
    FILE *out = open_memstream(&renamed, &size);

    if (!out) {
        return NULL;
    }
    fwrite(text, 1, item - text, out);
    for (; *item; item = end) {
        end = ++item;
        while (*end && (*end != ',' || end[1] == ',')) {
            end += 1 + (*end == ',');
        }
        putc(',', out);
        print_renamed(item, end, name_of, opaque, out);
    }
    if (fclose(out)) {
        free(renamed);
        return NULL;
    }
    return renamed;
}

bool cpu_items_bool(const char *text, bool *on)
{
    static const char *const words[] = {
        "on", "yes", "true", "y", "off", "no", "false", "n",
    };
    const size_t count = sizeof(words) / sizeof(words[0]);
    size_t i;

    for (i = 0; i < count; i++) {
        if (!strcmp(text, words[i])) {
            *on = i < count / 2;
            return true;
        }
    }
    return false;
}

bool cpu_items_number(const char *text, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 0);
    return !errno && end != text && !*end;
}

bool cpu_items_signed(const char *text, int64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoll(text, &end, 0);
    return !errno && end != text && !*end;
}

bool cpu_items_frequency(const char *text, uint64_t *hertz)
{
    static const char units[] = "BKMGTPE";
    size_t digits = strspn(text, "0123456789"), more = 0;
    const char *rest = text + digits, *unit;
    uint64_t whole = 0, scale = 1;
    double fraction = 0;

    if (digits > 19 || (*text == '0' && digits > 1)) {
        return false;
    }
    if (*rest == '.') {
        more = strspn(rest + 1, "0123456789");
        /* Without the exponent that strtod() would take */
        if (more && more < 32) {
            char part[40];

            memcpy(part, "0.", 2);
            memcpy(part + 2, rest + 1, more);
            part[2 + more] = '\0';
            fraction = strtod(part, NULL);
        }
        rest += 1 + more;
    }
    if (digits + more == 0 || more >= 32) {
        return false;
    }
    if (digits) {
        whole = strtoull(text, NULL, 10);
    }
    unit = *rest ? strchr(units, *rest & ~0x20) : units;
    if (!unit || (*rest && rest[1])) {
        return false;
    }
    for (; unit > units; unit--) {
        scale *= 1000;
    }
    /* As QEMU: no fraction of a unit, and rounded */
    if ((scale == 1 && fraction) || whole > INT64_MAX / scale) {
        return false;
    }
    *hertz = whole * scale + (uint64_t)(fraction * scale + 0.5);
    return *hertz <= INT64_MAX;
}
