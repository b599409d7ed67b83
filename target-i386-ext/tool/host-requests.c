/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who requested a feature of a CPU that is checked
 *
 * Sources: feature-requests.c of the extension; kvm_default_props[] in
 * target/i386/kvm/kvm-cpu.c; builtin_x86_defs[] in target/i386/cpu.c; compat
 * properties in hw/i386/pc.c, of which those that machine types since removed
 * had are in tables/machines.
 */

#include <string.h>
#include "host-requests.h"
#include "models-machines.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Model base, as in models-file.h */
enum { BASE = 0 };

/* What KVM sets in named models, on or off */
static const char *const kvm_defaults[] = {
    "kvmclock", "kvm-nopiodelay", "kvm-asyncpf", "kvm-steal-time",
    "kvm-pv-eoi", "kvmclock-stable-bit", "x2apic", "kvm-msi-ext-dest-id",
    "acpi", "monitor", "svm",
};

/* What machine types up to version @major.@minor turn on */
static const struct {
    const char *model, *feature;
    unsigned major, minor;
} machine_defaults[] = {
    { "Skylake-Client", "mpx", 3, 1 },
    { "Skylake-Client-IBRS", "mpx", 3, 1 },
    { "Skylake-Server", "mpx", 3, 1 },
    { "Skylake-Server-IBRS", "mpx", 3, 1 },
    { "Cascadelake-Server", "mpx", 3, 1 },
    { "Icelake-Client", "mpx", 3, 1 },
    { "Icelake-Server", "mpx", 3, 1 },
    { "qemu64", "sse4a", 2, 4 },
    { "qemu64", "abm", 2, 4 },
    { "qemu64", "popcnt", 2, 4 },
    { "qemu32", "popcnt", 2, 4 },
    { "Opteron_G2", "rdtscp", 2, 4 },
    { "Opteron_G3", "rdtscp", 2, 4 },
    { "Opteron_G4", "rdtscp", 2, 4 },
    { "Opteron_G5", "rdtscp", 2, 4 },
};

/* In IA32_VMX_EPT_VPID_CAP and IA32_VMX_TRUE_EXIT_CTLS (SDM vol. 3, app. A) */
#define EPT_WRITE_BACK          (1ull << 14)
#define HOST_ADDR_SPACE_SIZE    (1ull << 9)

/* The models, without versions, that say that VM exits can be to 64-bit mode */
static const char *const with_host_addr_space_size[] = {
    "YongFeng", "DiamondRapids",
};

static const X86CpuFeature *find_feature(const X86CpuTables *tables,
                                         const char *name)
{
    size_t i;

    for (i = 0; i < tables->nfeatures; i++) {
        if (!strcmp(tables->features[i].name, name)) {
            return &tables->features[i];
        }
    }
    return NULL;
}

/* Whether the machine types of the layer are of that version or older */
static bool is_up_to(const CpuContext *context, unsigned major, unsigned minor)
{
    return models_machine_is_up_to(
        models_file_layer(context->file, context->layer), major, minor);
}

static void add_kvm_defaults(const X86CpuTables *tables,
                             HostRequests *requests)
{
    size_t i;

    for (i = 0; i < COUNT(kvm_defaults); i++) {
        const X86CpuFeature *feature = find_feature(tables, kvm_defaults[i]);

        if (feature) {
            requests->by_accelerator[feature->word] |= feature->mask;
        }
    }
}

static void add_machine_defaults(const CpuContext *context, const char *model,
                                 HostRequests *requests)
{
    const X86CpuTables *tables = models_file_tables(context->file);
    size_t i;

    for (i = 0; i < COUNT(machine_defaults); i++) {
        const X86CpuFeature *feature =
            find_feature(tables, machine_defaults[i].feature);

        if (feature && !strcmp(machine_defaults[i].model, model) &&
            is_up_to(context, machine_defaults[i].major,
                     machine_defaults[i].minor)) {
            requests->by_machine[feature->word] |= feature->mask;
        }
    }
}

void host_requests_fill(const CpuContext *context, const CpuRequest *request,
                        X86CpuTopology topology, HostRequests *requests)
{
    const ModelsFile *file = context->file;
    const X86CpuTables *tables = models_file_tables(file);
    X86Cpu plain = request->default_cpu, expanded = request->cpu;
    unsigned i;

    memset(requests, 0, sizeof(*requests));
    memcpy(requests->by_user, request->by_user, sizeof(requests->by_user));
    memcpy(requests->by_avx10_version, request->by_avx10_version,
           sizeof(requests->by_avx10_version));
    if (request->model != BASE && context->accel == X86CPU_ON_KVM) {
        add_kvm_defaults(tables, requests);
    }
    add_machine_defaults(context, models_file_model(file, request->model),
                         requests);
    x86cpu_expand_features(tables, &expanded, context->accel, topology);
    if (!request->is_host) {
        models_file_plain(file, request->model, context->layer, &plain);
    }
    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        uint64_t by_user = request->by_user[i];

        requests->by_accelerator[i] &= ~by_user & ~requests->by_machine[i];
        requests->by_machine[i] &= ~by_user;
        requests->off_by_accelerator[i] =
            plain.words[i] & ~request->default_cpu.words[i] & ~by_user;
        requests->by_topology[i] = expanded.words[i] & ~request->cpu.words[i];
    }
}

/* Whether @name is @model, or a version of it */
static bool is_version_of(const char *name, const char *model)
{
    size_t length = strlen(model);

    return !strncmp(name, model, length) &&
           (!name[length] || !strncmp(name + length, "-v", 2));
}

void host_requests_add_unnamed(const CpuContext *context, CpuRequest *request)
{
    const char *model = models_file_model(context->file, request->model);
    uint64_t *words = request->cpu.words;
    X86Cpu plain = request->default_cpu;
    size_t i;

    models_file_plain(context->file, request->model, context->layer, &plain);
    /* builtin_x86_defs[] has it in all models with EPT. */
    if (plain.words[X86CPU_FEAT_VMX_EPT_VPID_CAPS]) {
        words[X86CPU_FEAT_VMX_EPT_VPID_CAPS] |= EPT_WRITE_BACK;
    }
    for (i = 0; i < COUNT(with_host_addr_space_size); i++) {
        if (is_version_of(model, with_host_addr_space_size[i])) {
            words[X86CPU_FEAT_VMX_EXIT_CTLS] |= HOST_ADDR_SPACE_SIZE;
        }
    }
}

const char *host_requested_by(const X86CpuTables *tables,
                              const HostRequests *requests, X86CpuBits bit)
{
    unsigned i = bit.word;
    bool has_name = false;
    size_t n;

    for (n = 0; n < tables->nfeatures && !has_name; n++) {
        has_name = tables->features[n].word == i &&
                   (tables->features[n].mask & bit.mask);
    }
    if (requests->off_by_accelerator[i] & bit.mask) {
        return "model";
    }
    if (requests->by_topology[i] & bit.mask) {
        return "machine";
    }
    if (requests->by_avx10_version[i] & bit.mask) {
        return "user";
    }
    if (!has_name) {
        return "model";
    }
    return requests->by_user[i] & bit.mask ? "user"
           : requests->by_accelerator[i] & bit.mask ? "accelerator"
           : requests->by_machine[i] & bit.mask ? "machine" : "model";
}

uint64_t host_requests_set(const HostRequests *requests, unsigned word)
{
    return requests->by_user[word] | requests->by_accelerator[word] |
           requests->by_machine[word];
}
