/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Upstream's CPU models
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gen-cpu-expression.h"
#include "gen-cpu-upstream.h"

UpstreamModel *upstream_models;
size_t nupstream_models;

typedef struct NamedCaches {
    char name[64];
    X86CpuCache caches[X86CPU_CACHES];
} NamedCaches;

static NamedCaches *named_caches;
static size_t nnamed_caches;

/* &(CPUCacheInfo) { .size = 32 * KiB, ... } */
static void read_cache_info(Lexer *lexer, X86CpuCache *cache)
{
    expect(lexer, "&");
    expect(lexer, "(");
    expect(lexer, "CPUCacheInfo");
    expect(lexer, ")");
    expect(lexer, "{");
    strcpy(cache->share, "invalid");
    while (!at(lexer, "}")) {
        char key[32];
        int number, flag;

        expect_member(lexer, key, sizeof(key), NULL);
        number = find_key(key, cache_number_fields, X86CPU_CACHE_NUMBERS);
        flag = find_key(key, cache_flag_fields, X86CPU_CACHE_FLAGS);
        if (!strcmp(key, "size")) {
            cache->size = read_expression(lexer);
        } else if (!strcmp(key, "share_level")) {
            static const char prefix[] = "CPU_TOPOLOGY_LEVEL_";
            char level[64], *c;

            expect_name(lexer, level, sizeof(level));
            if (strncmp(level, prefix, strlen(prefix)) ||
                strlen(level + strlen(prefix)) >= sizeof(cache->share)) {
                give_up(lexer->place, "'%s' is not %sCORE or the like",
                        level, prefix);
            }
            strcpy(cache->share, level + strlen(prefix));
            for (c = cache->share; *c; c++) {
                *c = tolower((unsigned char)*c);
            }
        } else if (number >= 0) {
            cache->numbers[number] = read_expression(lexer);
        } else if (flag >= 0) {
            cache->flags[flag] = read_expression(lexer);
        } else if (!strcmp(key, "type") || !strcmp(key, "level")) {
            skip_value(lexer);  /* implied by which cache it is */
        } else {
            give_up(lexer->place, "unknown member '.%s'; teach "
                    "gen-cpu-tables about it", key);
        }
        end_item(lexer);
    }
    next(lexer);
}

/* static const CPUCaches epyc_cache_info = { .l1d_cache = ..., }; */
static void read_caches(const char *path, const char *text)
{
    static const char start[] = "CPUCaches ";
    const char *found;

    for (found = strstr(text, start); found;
         found = strstr(found + 1, start)) {
        const char *rest = found + strlen(start);
        NamedCaches *named;
        Lexer lexer;

        /* NAME = {, but neither a function nor a pointer */
        rest += strspn(rest, "abcdefghijklmnopqrstuvwxyz_0123456789");
        if (strncmp(rest, " = {", 4)) {
            continue;
        }
        lex_from(&lexer, path, found, start);
        lexer.place.line += lines_before(text, found);
        named_caches = grow(named_caches, nnamed_caches,
                            sizeof(*named_caches));
        named = &named_caches[nnamed_caches++];
        expect_name(&lexer, named->name, sizeof(named->name));
        expect(&lexer, "=");
        expect(&lexer, "{");
        while (!at(&lexer, "}")) {
            char key[32];
            int i;

            expect_member(&lexer, key, sizeof(key), NULL);
            i = find_key(key, cache_members, X86CPU_CACHES);
            if (i < 0) {
                give_up(lexer.place, "unknown cache '.%s'; teach "
                        "gen-cpu-tables about it", key);
            }
            read_cache_info(&lexer, &named->caches[i]);
            end_item(&lexer);
        }
    }
}

/* &epyc_cache_info */
static void read_cache_reference(Lexer *lexer, X86Cpu *cpu)
{
    char name[64];
    size_t i;

    expect(lexer, "&");
    expect_name(lexer, name, sizeof(name));
    for (i = 0; i < nnamed_caches; i++) {
        if (!strcmp(named_caches[i].name, name)) {
            memcpy(cpu->caches, named_caches[i].caches, sizeof(cpu->caches));
            return;
        }
    }
    give_up(lexer->place, "no caches '%s'", name);
}

/* { "mpx", "off" }, ... { } */
static void read_props(Lexer *lexer, X86Cpu *cpu)
{
    expect(lexer, "(");
    expect(lexer, "PropValue");
    expect(lexer, "[");
    expect(lexer, "]");
    expect(lexer, ")");
    expect(lexer, "{");
    while (!at(lexer, "}")) {
        expect(lexer, "{");
        if (!at(lexer, "}")) {
            Place place = lexer->place;
            char name[64], value[64];

            read_string(lexer, name, sizeof(name));
            expect(lexer, ",");
            if (!read_string(lexer, value, sizeof(value)) ||
                !apply_property(cpu, name, value)) {
                give_up(place, "property '%s' of a CPU model; teach "
                        "gen-cpu-tables about it", name);
            }
            end_item(lexer);
        }
        expect(lexer, "}");
        end_item(lexer);
    }
    next(lexer);
}

/* A version starts as a copy of the previous one, the first one of @base. */
static UpstreamVersion *add_version(UpstreamModel *model, int number,
                                    const X86Cpu *base)
{
    UpstreamVersion *version;

    model->versions = grow(model->versions, model->count,
                           sizeof(*model->versions));
    version = &model->versions[model->count++];
    version->number = number;
    version->cpu = model->count > 1 ? version[-1].cpu : *base;
    return version;
}

/* (X86CPUVersionDefinition[]) { { .version = 1 }, ..., { } } */
static void read_versions(Lexer *lexer, UpstreamModel *model,
                          const X86Cpu *base)
{
    expect(lexer, "(");
    expect(lexer, "X86CPUVersionDefinition");
    expect(lexer, "[");
    expect(lexer, "]");
    expect(lexer, ")");
    expect(lexer, "{");
    while (!at(lexer, "}")) {
        UpstreamVersion *version = NULL;

        expect(lexer, "{");
        while (!at(lexer, "}")) {
            char key[32], text[64];

            expect_member(lexer, key, sizeof(key), NULL);
            if (!strcmp(key, "version")) {
                version = add_version(model, read_expression(lexer), base);
            } else if (!version) {
                give_up(lexer->place, "'.version' is not the first member");
            } else if (!strcmp(key, "alias")) {
                read_string(lexer, text, sizeof(text));
                version->alias = copy_text(text, strlen(text));
            } else if (!strcmp(key, "note")) {
                skip_value(lexer);
            } else if (!strcmp(key, "props")) {
                read_props(lexer, &version->cpu);
            } else if (!strcmp(key, "cache_info")) {
                read_cache_reference(lexer, &version->cpu);
            } else {
                give_up(lexer->place, "unknown member '.%s'; teach "
                        "gen-cpu-tables about it", key);
            }
            end_item(lexer);
        }
        next(lexer);
        end_item(lexer);
    }
    next(lexer);
}

/* A string, or a macro that stands for one */
static void read_vendor(Lexer *lexer, X86Cpu *cpu)
{
    Lexer value = { .place = lexer->place };
    char *line;

    if (lexer->type == TOKEN_STRING) {
        read_string(lexer, cpu->vendor, sizeof(cpu->vendor));
        return;
    }
    line = macro_line(lexer, lexer->text);
    value.pos = line;
    next(&value);
    read_string(&value, cpu->vendor, sizeof(cpu->vendor));
    free(line);
    next(lexer);
}

static void read_upstream_model(Lexer *lexer)
{
    static const X86CpuPropertyId numbers[] = {
        X86CPU_FAMILY, X86CPU_MODEL, X86CPU_STEPPING, X86CPU_MIN_LEVEL,
        X86CPU_MIN_XLEVEL,
    };
    UpstreamModel *model;
    X86Cpu *cpu = new_memory(sizeof(*cpu));
    int i;

    upstream_models = grow(upstream_models, nupstream_models,
                           sizeof(*upstream_models));
    model = &upstream_models[nupstream_models++];
    model->place = lexer->place;
    for (i = 0; i < (int)ARRAY_SIZE(numbers); i++) {
        /* Models without a line have 0; only few have AVX10. */
        cpu->given[numbers[i]] = true;
    }
    expect(lexer, "{");
    while (!at(lexer, "}")) {
        char key[64], index[64];

        expect_member(lexer, key, sizeof(key), index);
        if (model->count && strcmp(key, "deprecation_note")) {
            give_up(lexer->place, "'.%s' after '.versions'; teach "
                    "gen-cpu-tables about it", key);
        }
        if (!strcmp(key, "name")) {
            read_string(lexer, model->name, sizeof(model->name));
        } else if (!strcmp(key, "vendor")) {
            read_vendor(lexer, cpu);
        } else if (!strcmp(key, "model_id")) {
            if (!read_string(lexer, cpu->model_id, sizeof(cpu->model_id))) {
                /* It contains QEMU's version. */
                cpu->model_id[0] = '\0';
            }
        } else if (!strcmp(key, "features")) {
            i = find_word(index);
            if (i < 0) {
                give_up(lexer->place, "'%s' is not a feature word", index);
            }
            cpu->words[i] = read_expression(lexer);
        } else if (!strcmp(key, "cache_info")) {
            read_cache_reference(lexer, cpu);
        } else if (!strcmp(key, "cpuid_0x1f")) {
            if (read_expression(lexer)) {
                apply_property(cpu, "x-force-cpuid-0x1f", "on");
            }
        } else if (!strcmp(key, "deprecation_note")) {
            skip_value(lexer);
        } else if (!strcmp(key, "versions")) {
            apply_avx10_version(cpu);
            read_versions(lexer, model, cpu);
        } else {
            i = find_number(!strcmp(key, "avx10_version") ? "avx10-version"
                                                          : key);
            if (i < 0) {
                give_up(lexer->place, "unknown member '.%s'; teach "
                        "gen-cpu-tables about it", key);
            }
            cpu->values[i] = read_expression(lexer);
            cpu->given[i] = true;
        }
        end_item(lexer);
    }
    next(lexer);
    if (!model->name[0]) {
        give_up(model->place, "a CPU model without a name");
    }
    if (!model->count) {
        apply_avx10_version(cpu);
        add_version(model, 1, cpu);
    }
    free(cpu);
}

static void read_upstream_models(const char *path, const char *text)
{
    static const char start[] = "X86CPUDefinition builtin_x86_defs[] = {";
    Lexer lexer;

    lex_from(&lexer, path, text, start);
    while (!at(&lexer, "}")) {
        read_upstream_model(&lexer);
        end_item(&lexer);
    }
}

void read_models(const char *cpu_c)
{
    const char *text = read_model_rules(cpu_c);

    read_caches(cpu_c, text);
    read_upstream_models(cpu_c, text);
}
