/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a host leaves of CPUs in a file of CPU models
 *
 * Answers, for tests: which features of a CPU would a guest lack on a host, and
 * why, and what would refuse to start?  To be compared with what QEMU says.
 *
 * Reads lines: first what the host offers, then CPUs.
 *
 *   offer FEATURE
 *   intel-pt EAX EBX ECX EDX EAX EBX ECX EDX    (of CPUID[0x14], 0 and 1)
 *   avx10-version|lbr-fmt|phys-bits NUMBER
 *   cpu MODEL MACHINE-TYPE [FEATURE-OR-PROPERTY=NUMBER]...
 *
 * Prints a line of JSON for each CPU.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "explain.h"
#include "models-props.h"

typedef struct Context {
    const ModelsFile *file;
    const X86CpuTables *tables;
    X86CpuAccelerator accel;
    const char *host_vendor;
    X86CpuOffer offer;
    /* Whether a member was printed, after which there is a comma */
    bool printed;
} Context;

static void fail(const char *what)
{
    fprintf(stderr, "core-filter: what is this: %s?\n", what ? what : "");
    exit(1);
}

static uint64_t number_of(const char *text)
{
    char *end = NULL;
    uint64_t number = text ? strtoull(text, &end, 0) : 0;

    if (!text || !*text || *end) {
        fail(text);
    }
    return number;
}

static const X86CpuFeature *find_feature(const Context *c, const char *name)
{
    size_t i;

    for (i = 0; i < c->tables->nfeatures; i++) {
        if (!strcmp(c->tables->features[i].name, name)) {
            return &c->tables->features[i];
        }
    }
    return NULL;
}

static void print_names(const Context *c, const X86CpuBits *bits)
{
    const char *comma = "";
    size_t i;

    printf("[");
    for (i = 0; i < c->tables->nfeatures; i++) {
        const X86CpuFeature *feature = &c->tables->features[i];

        if (feature->word == bits->word && (feature->mask & bits->mask)) {
            printf("%s\"%s\"", comma, feature->name);
            comma = ", ";
        }
    }
    printf("]");
}

static void print_unseen(const X86CpuUnseen *u, void *opaque)
{
    static const char *const reasons[] = {
        [X86CPU_REASON_NOT_OFFERED] = "not-offered",
        [X86CPU_REASON_ACCELERATOR] = "accelerator",
        [X86CPU_REASON_CONFIGURATION] = "configuration",
        [X86CPU_REASON_LEVEL] = "level",
        [X86CPU_REASON_DEPENDENCY] = "dependency",
        [X86CPU_REASON_CONFLICT] = "conflict",
        [X86CPU_REASON_VALUE] = "value",
        [X86CPU_REASON_QEMU] = "qemu",
    };
    Context *c = opaque;
    const X86CpuWord *w = &c->tables->words[u->bit.word];
    unsigned i;

    printf("%s{\"feature\": ", c->printed ? ", " : "");
    c->printed = true;
    print_names(c, &u->cause);
    printf(", \"place\": [%" PRIu32 ", %" PRIu32 ", %d], \"reason\": \"%s\", "
           "\"blocking\": %s, \"requires\": [", w->index, w->subleaf,
           __builtin_ctzll(u->bit.mask), reasons[u->reason],
           u->blocking ? "true" : "false");
    for (i = 0; i < u->nneeds; i++) {
        printf("%s", i ? ", " : "");
        print_names(c, &u->needs[i]);
    }
    printf("], \"conflicts-with\": ");
    print_names(c, &u->conflicts_with);
    printf("}");
}

static void print_name(Context *c, bool print, const char *name)
{
    if (print) {
        printf("%s\"%s\"", c->printed ? ", " : "", name);
        c->printed = true;
    }
}

static void print_errors(Context *c, const X86CpuFiltered *f)
{
    static const char *const properties[X86CPU_ERRORS] = {
        [X86CPU_ERROR_LBR_WITHOUT_PMU] = "lbr-fmt",
        [X86CPU_ERROR_LBR_FORMAT] = "lbr-fmt",
        [X86CPU_ERROR_PHYS_BITS] = "phys-bits",
        [X86CPU_ERROR_GUEST_PHYS_BITS] = "guest-phys-bits",
        [X86CPU_ERROR_PHYS_BITS_WITHOUT_LM] = "phys-bits",
        [X86CPU_ERROR_GUEST_PHYS_BITS_WITHOUT_LM] = "guest-phys-bits",
    };
    int i;

    printf("], \"lowered\": [");
    c->printed = false;
    print_name(c, f->avx10_version.requested != f->avx10_version.allowed,
               "avx10-version");
    print_name(c, f->lbr_fmt.requested != f->lbr_fmt.allowed, "lbr-fmt");
    printf("], \"errors\": [");
    c->printed = false;
    for (i = 0; i < X86CPU_ERRORS; i++) {
        print_name(c, f->errors[i], properties[i]);
    }
    printf("], \"starts\": %s}\n", x86cpu_starts(f) ? "true" : "false");
}

static void apply(const Context *c, X86Cpu *cpu, char *text)
{
    char *value = strchr(text, '=');
    const X86CpuFeature *feature;
    X86CpuSetting setting = { .kind = X86CPU_SET_PROPERTY };

    if (!value) {
        fail(text);
    }
    *value++ = '\0';
    feature = find_feature(c, text);
    setting.value = number_of(value);
    if (feature) {
        setting.kind = setting.value ? X86CPU_SET_ON : X86CPU_SET_OFF;
        setting.index = feature->word;
        setting.value = feature->mask;
    } else {
        while (setting.index < X86CPU_PROPERTY_COUNT &&
               strcmp(x86cpu_property_names[setting.index], text)) {
            setting.index++;
        }
        if (setting.index == X86CPU_PROPERTY_COUNT) {
            fail(text);
        }
    }
    x86cpu_apply(cpu, &setting);
}

static void print_cpu(Context *c)
{
    char *name = strtok(NULL, " "), *machine = strtok(NULL, " "), *setting;
    X86CpuHostValues host = { .phys_bits = c->offer.phys_bits };
    int model = models_file_find_model(c->file, name ? name : "");
    int layer = models_file_find_layer(c->file, machine ? machine : "");
    X86CpuFiltered filtered;
    X86Cpu cpu;

    if (model < 0 || layer < 0) {
        fail(model < 0 ? name : machine);
    }
    models_file_requested(c->file, model, layer, c->accel,
                          MODELS_FILE_IRQCHIP_ON, c->host_vendor, &cpu);
    for (setting = strtok(NULL, " "); setting; setting = strtok(NULL, " ")) {
        apply(c, &cpu, setting);
    }
    printf("{\"unseen\": [");
    c->printed = false;
    x86cpu_explain(c->tables, &cpu, c->accel, X86CPU_ONE_THREAD, &c->offer,
                   print_unseen, c);
    x86cpu_describe(c->tables, &cpu, c->accel, &host, &cpu);
    x86cpu_filter(c->tables, &cpu, c->accel, X86CPU_ONE_THREAD, &c->offer,
                  &filtered);
    print_errors(c, &filtered);
}

static void read_intel_pt(X86CpuOffer *offer)
{
    uint32_t regs[8];
    int i;

    for (i = 0; i < 8; i++) {
        regs[i] = number_of(strtok(NULL, " "));
    }
    offer->intel_pt_capable = x86cpu_has_intel_pt_capabilities(regs, regs + 4);
}

static void read_line(Context *c, char *line)
{
    const char *word = strtok(line, " ");
    const X86CpuFeature *feature;

    if (!word) {
        fail(word);
    } else if (!strcmp(word, "cpu")) {
        print_cpu(c);
    } else if (!strcmp(word, "offer")) {
        word = strtok(NULL, " ");
        feature = find_feature(c, word ? word : "");
        if (!feature) {
            fail(word);
        }
        c->offer.words[feature->word] |= feature->mask;
    } else if (!strcmp(word, "intel-pt")) {
        read_intel_pt(&c->offer);
    } else if (!strcmp(word, "avx10-version")) {
        c->offer.avx10_version = number_of(strtok(NULL, " "));
    } else if (!strcmp(word, "lbr-fmt")) {
        c->offer.words[X86CPU_FEAT_PERF_CAPABILITIES] |=
            number_of(strtok(NULL, " "));
    } else if (!strcmp(word, "phys-bits")) {
        c->offer.phys_bits = number_of(strtok(NULL, " "));
    } else {
        fail(word);
    }
}

int main(int argc, char **argv)
{
    char error[MODELS_FILE_ERROR], line[4096];
    ModelsFile *file;
    Context context = { 0 };

    if (argc != 4) {
        fprintf(stderr, "Usage: core-filter FILE tcg|kvm HOST-VENDOR\n");
        return 2;
    }
    file = models_file_read(argv[1], error, sizeof(error));
    if (!file) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    context.file = file;
    context.tables = models_file_tables(file);
    context.accel = strcmp(argv[2], "kvm") ? X86CPU_ON_TCG : X86CPU_ON_KVM;
    context.host_vendor = *argv[3] ? argv[3] : NULL;
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        read_line(&context, line);
    }
    models_file_free(file);
    return 0;
}
