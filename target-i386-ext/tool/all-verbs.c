/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The verbs of x86-cpu
 *
 * Answers, for what takes requests and command lines: which verbs are there,
 * and what does each of them take?
 */

#include "dispatch.h"
#include "verbs.h"

#define CONTEXT "machine", "accel", "irqchip", "smp", "vendor", "phys-bits", \
                "guest-phys-bits"

static const char *const no_members[] = { NULL };
static const char *const one_cpu[] = { "cpu", CONTEXT, "host", NULL };
static const char *const many_cpus[] = { "cpus", CONTEXT, NULL };
static const char *const nearest_members[] = { "cpu", CONTEXT, "any", NULL };
static const char *const check_members[] = {
    "cpu", "machine", "accel", "irqchip", "smp", "cpu-pm", "host", "all", NULL
};
static const char *const baseline_members[] = {
    "cpus", CONTEXT, "hosts", "cpu-pm", "all", NULL
};
static const char *const best_members[] = {
    "hosts", "machine", "accel", "irqchip", "cpu-pm", "all", NULL
};
static const char *const migrate_members[] = {
    "cpu", "from", "to", "machine", "accel", "irqchip", "smp", "cpu-pm", NULL
};
static const char *const history_members[] = {
    "model", "feature", "accel", NULL
};
static const char *const fleet_members[] = {
    "hosts", "machine", "accel", "irqchip", "cpu-pm", "vendor", "partial",
    "all", NULL
};

const Verb verbs[] = {
    {
        .name = "list",
        .summary = "which CPU models and machine types there are",
        .members = no_members,
        .answer = answer_list, .print = print_list,
        .asks_qemu = true,
    }, {
        .name = "show",
        .summary = "what a CPU is",
        .arguments = "CPU", .members = one_cpu,
        .answer = answer_show, .print = print_show,
        .asks_qemu = true, .only_named = true,
    }, {
        .name = "expand",
        .summary = "the properties of base that recreate a CPU",
        .arguments = "CPU", .members = one_cpu,
        .answer = answer_expand, .print = print_expand,
        .asks_qemu = true, .only_named = true,
        .notes_apart = true,
    }, {
        .name = "compare",
        .summary = "can a guest with one CPU continue with another",
        .arguments = "CPU CPU", .members = many_cpus,
        .answer = answer_compare, .print = print_compare,
        .asks_qemu = true, .only_named = true,
    }, {
        .name = "baseline",
        .summary = "the CPU that can replace several, or that runs on several "
                   "hosts",
        .arguments = "CPU...", .members = baseline_members,
        .answer = answer_baseline, .print = print_baseline,
        .asks_qemu = true,
        .notes_apart = true,
    }, {
        .name = "nearest",
        .summary = "a CPU as a named model, and what differs",
        .arguments = "CPU", .members = nearest_members,
        .answer = answer_nearest, .print = print_nearest,
        .asks_qemu = true,
    }, {
        .name = "check",
        .summary = "does a CPU run on a host, what would it lack there, and "
                   "why",
        .arguments = "CPU", .members = check_members,
        .accelerators = "kvm|tcg",
        .accelerators_help = "default: kvm; tcg: with --qemu only",
        .answer = answer_check, .print = print_check,
        .asks_qemu = true, .only_named = true,
    }, {
        .name = "best",
        .summary = "the CPU models that get the most out of hosts",
        .arguments = "FILE...", .members = best_members,
        .accelerators = "kvm|tcg",
        .accelerators_help = "default: kvm; tcg: with --qemu only",
        .answer = answer_best, .print = print_best,
        .asks_qemu = true,
    }, {
        .name = "migrate",
        .summary = "can a guest go from one host to another, and why not",
        .arguments = "CPU", .members = migrate_members,
        .accelerators = "kvm",
        .accelerators_help = "what passports are about",
        .answer = answer_migrate, .print = print_migrate,
        .only_named = true,
    }, {
        .name = "fleet",
        .summary = "the CPU that runs on all of many hosts, and which host "
                   "costs what",
        .arguments = "FILE...", .members = fleet_members,
        .accelerators = "kvm",
        .accelerators_help = "what passports are about",
        .answer = answer_fleet, .print = print_fleet,
    }, {
        .name = "history",
        .summary = "was a feature ever in a CPU model, and on which machine "
                   "types",
        .members = history_members,
        .accelerators = "tcg|kvm-intel|kvm-amd|kvm",
        .accelerators_help = "default: all",
        .answer = answer_history, .print = print_history,
        .notes_apart = true,
    },
    { .name = NULL },
};
