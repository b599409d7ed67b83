/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Static expansions from a file of CPU models alone
 *
 * Answers, for tests: which static expansion follows from the file for each
 * model and layer?  To be compared with what QEMU says.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "models-props.h"

typedef struct Options {
    X86CpuAccelerator accel;
    ModelsFileIrqchip irqchip;
    /* NULL if there is no host */
    const char *host_vendor;
    X86CpuHostValues host;
    /* -1 for all */
    int model, layer;
} Options;

static int usage(void)
{
    fprintf(stderr, "Usage: table-rebuild FILE tcg|kvm on|split|off "
            "HOST-VENDOR PHYS-BITS GUEST-PHYS-BITS [MODEL [MACHINE-TYPE]]\n"
            "Prints a line of JSON for each model and layer.  HOST-VENDOR may "
            "be empty, and MODEL '-'\nfor all.\n");
    return 2;
}

static bool parse_bits(const char *text, uint32_t *bits)
{
    unsigned long number;
    char *end;

    errno = 0;
    number = strtoul(text, &end, 10);
    *bits = number;
    return !errno && *text && !*end && number <= 255;
}

static bool parse_options(char **argv, Options *options)
{
    int i;

    options->accel = strcmp(argv[2], "kvm") ? X86CPU_ON_TCG : X86CPU_ON_KVM;
    for (i = 0; i < MODELS_FILE_IRQCHIPS; i++) {
        if (!strcmp(argv[3], models_file_irqchip_names[i])) {
            break;
        }
    }
    options->irqchip = i;
    options->host_vendor = *argv[4] ? argv[4] : NULL;
    return (!strcmp(argv[2], "tcg") || !strcmp(argv[2], "kvm")) &&
           i < MODELS_FILE_IRQCHIPS &&
           parse_bits(argv[5], &options->host.phys_bits) &&
           parse_bits(argv[6], &options->host.guest_phys_bits);
}

static void print_cpu(const ModelsFile *file, const Options *options,
                      size_t model, size_t layer)
{
    X86Cpu cpu;

    models_file_requested(file, model, layer, options->accel,
                          options->irqchip, options->host_vendor, &cpu);
    x86cpu_describe(models_file_tables(file), &cpu, options->accel,
                    &options->host, &cpu);
    printf("{\"model\": ");
    models_props_print_text(models_file_model(file, model), stdout);
    printf(", \"layer\": ");
    models_props_print_text(models_file_layer(file, layer), stdout);
    printf(", \"props\": ");
    models_props_print(file, &cpu, stdout);
    printf("}\n");
}

/* Returns what is wrong, or NULL. */
static const char *find_names(const ModelsFile *file, int argc, char **argv,
                              Options *options)
{
    options->model = -1;
    options->layer = -1;
    if (!models_file_has_accelerator(file, options->accel)) {
        return "no such accelerator";
    }
    if (argc > 7 && strcmp(argv[7], "-")) {
        options->model = models_file_find_model(file, argv[7]);
        if (options->model < 0) {
            return "no such model";
        }
    }
    if (argc > 8) {
        options->layer = models_file_find_layer(file, argv[8]);
        if (options->layer < 0) {
            return "no such machine type";
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    char error[MODELS_FILE_ERROR];
    const char *problem;
    ModelsFile *file;
    Options options;
    size_t i, j;

    if (argc < 7 || argc > 9 || !parse_options(argv, &options)) {
        return usage();
    }
    file = argc > 7 && strcmp(argv[7], "-")
           ? models_file_read_named(argv[1], (const char *const *)&argv[7], 1,
                                    error, sizeof(error))
           : models_file_read(argv[1], error, sizeof(error));
    if (!file) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    problem = find_names(file, argc, argv, &options);
    if (problem) {
        fprintf(stderr, "%s: %s\n", argv[1], problem);
        models_file_free(file);
        return 1;
    }
    for (i = 0; i < models_file_model_count(file); i++) {
        for (j = 0; j < models_file_layer_count(file); j++) {
            if ((options.model < 0 || (size_t)options.model == i) &&
                (options.layer < 0 || (size_t)options.layer == j)) {
                print_cpu(file, &options, i, j);
            }
        }
    }
    models_file_free(file);
    return 0;
}
