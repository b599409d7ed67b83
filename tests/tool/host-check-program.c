/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What CPUs of a file of CPU models would lack on the host of a passport
 *
 * Answers, for tests: what does the tool say of removed features and errors
 * there, and what is model "host"?  To be compared with what QEMU says.
 *
 *   host-check-program FILE PASSPORT on|split|off [cpu-pm]
 *
 * Reads lines: a machine type, a space, and a CPU as -cpu takes it.  Prints a
 * line of JSON for each: what host_check() returns, or for "host" alone the
 * properties of its static expansion.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host-check.h"
#include "models-props.h"

typedef struct Program {
    ModelsFile *file;
    Passport *passport;
    HostOptions options;
    HostOffer offer;
} Program;

static void fail(const char *what)
{
    fprintf(stderr, "host-check-program: %s\n", what);
    exit(1);
}

static void print_host(const Program *p, size_t layer)
{
    X86Cpu cpu;

    host_offer_cpu(p->passport, p->file, layer, &p->options, &p->offer, &cpu);
    models_props_print(p->file, &cpu, stdout);
    printf("\n");
}

static void print_check(const Program *p, size_t layer, const char *text)
{
    CpuContext context = {
        .file = p->file,
        .layer = layer,
        .accel = X86CPU_ON_KVM,
        .irqchip = p->options.irqchip,
        .host_vendor = p->offer.vendor,
    };
    char error[CPU_TEXT_ERROR];
    CpuTextProblem problem;
    CpuRequest request;
    json_t *answer;

    if (!cpu_text_parse(&context, text, &request, &problem, error)) {
        json_t *refusal = json_pack("{s:s}", "refused", error);

        json_dumpf(refusal, stdout, JSON_COMPACT);
        json_decref(refusal);
    } else {
        answer = host_check(&context, &request, X86CPU_ONE_THREAD,
                            p->passport, &p->offer, NULL);
        if (!answer) {
            fail("not enough memory");
        }
        json_dumpf(answer, stdout, JSON_COMPACT);
        json_decref(answer);
    }
    printf("\n");
}

static void answer(const Program *p, char *line)
{
    char *text = strchr(line, ' ');
    int layer;

    if (!text) {
        fail(line);
    }
    *text++ = '\0';
    layer = models_file_find_layer(p->file, line);
    if (layer < 0) {
        fail(line);
    }
    if (strcmp(text, "host")) {
        print_check(p, layer, text);
    } else {
        print_host(p, layer);
    }
}

int main(int argc, char **argv)
{
    static char line[1 << 16];
    char error[MODELS_FILE_ERROR + PASSPORT_ERROR];
    Program p = { 0 };
    int i;

    if (argc < 4) {
        fail("it takes FILE PASSPORT on|split|off [cpu-pm]");
    }
    p.file = models_file_read(argv[1], error, sizeof(error));
    p.passport = p.file ? passport_read(argv[2], error) : NULL;
    if (!p.passport) {
        fail(error);
    }
    for (i = 0; strcmp(models_file_irqchip_names[i], argv[3]); i++) {
        if (i + 1 == MODELS_FILE_IRQCHIPS) {
            fail(argv[3]);
        }
    }
    p.options.irqchip = i;
    p.options.cpu_pm = argc > 4;
    if (!host_offer_fill(p.passport, models_file_tables(p.file), &p.options,
                         &p.offer)) {
        fail("the passport does not say what KVM offers");
    }
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        answer(&p, line);
    }
    passport_free(p.passport);
    models_file_free(p.file);
    return 0;
}
