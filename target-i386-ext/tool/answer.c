/*
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What x86-cpu answers
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "answer.h"
#include "feature-names.h"
#include "models-json.h"
#include "models-machines.h"
#include "models-props.h"
#include "suggestion.h"

/* So many files are kept from request to request. */
enum { MAX_PASSPORTS = 256 };

#define LM (1u << 29)           /* CPUID[0x80000001].EDX */

/* ---- problems ---- */

void *problem_set(Problem *problem, Status status, const char *format, ...)
{
    va_list ap;
    char *c;

    va_start(ap, format);
    vsnprintf(problem->text, sizeof(problem->text), format, ap);
    va_end(ap);
    for (c = problem->text; *c; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
    problem->status = status;
    return NULL;
}

__attribute__((format(printf, 2, 3)))
static bool fail(Problem *problem, const char *format, ...)
{
    char text[sizeof(problem->text)];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    problem_set(problem, STATUS_ERROR, "%s", text);
    return false;
}

/* ---- requests ---- */

bool request_text(const json_t *request, const char *name, const char **text,
                  Problem *problem)
{
    const json_t *value = json_object_get(request, name);

    *text = NULL;
    if (!value) {
        return true;
    }
    /* Nothing that C texts would cut short */
    if (!models_json_is_text(value) ||
        strlen(json_string_value(value)) != json_string_length(value)) {
        return fail(problem, "'%s' is not a text", name);
    }
    *text = json_string_value(value);
    return true;
}

bool request_number(const json_t *request, const char *name, uint64_t max,
                    uint64_t *number, Problem *problem)
{
    const json_t *value = json_object_get(request, name);
    uint64_t found;
    bool negative;

    if (!value) {
        return true;
    }
    if (!models_json_integer(value, &found, &negative) || negative ||
        found > max) {
        return fail(problem, "'%s' must be a number from 0 to %" PRIu64, name,
                    max);
    }
    *number = found;
    return true;
}

bool request_flag(const json_t *request, const char *name)
{
    return json_is_true(json_object_get(request, name));
}

const char *request_way(const Tool *tool, const char *option,
                        const char *member)
{
    return tool->reads_stdin ? member : option;
}

/* ---- passports ---- */

typedef struct ToolPassport {
    /* NULL: it was in a request */
    char *path;
    /* Of the file, as it was read */
    struct stat status;
    Passport *passport;
} ToolPassport;

/* Whether nobody wrote the file since */
static bool is_current(const ToolPassport *p, const struct stat *status)
{
    return p->status.st_dev == status->st_dev &&
           p->status.st_ino == status->st_ino &&
           p->status.st_size == status->st_size &&
           p->status.st_mtim.tv_sec == status->st_mtim.tv_sec &&
           p->status.st_mtim.tv_nsec == status->st_mtim.tv_nsec;
}

static Passport *read_passport(const json_t *value, char *error)
{
    return json_is_object(value)
           ? passport_from_json((json_t *)value, "host", error)
           : passport_read(json_string_value(value), error);
}

const Passport *tool_passport(Tool *tool, const json_t *value,
                              Problem *problem)
{
    const char *path = json_string_value(value);
    char error[PASSPORT_ERROR];
    struct stat status = { .st_size = 0 };
    ToolPassport *longer;
    Passport *passport;
    size_t i;

    if (!path && !json_is_object(value)) {
        return problem_set(problem, STATUS_ERROR, "a host is a passport, or "
                           "the name of a file with one");
    }
    if (path && tool->reads_stdin && !strcmp(path, "-")) {
        return problem_set(problem, STATUS_ERROR, "requests are read from "
                           "stdin, so hosts can't be");
    }
    if (path && strcmp(path, "-")) {
        /* Reading it says what is wrong. */
        stat(path, &status);
    }
    for (i = 0; path && i < tool->npassports; i++) {
        const ToolPassport *p = &tool->passports[i];

        if (p->path && !strcmp(p->path, path) && is_current(p, &status)) {
            return p->passport;
        }
    }
    longer = realloc(tool->passports,
                     (tool->npassports + 1) * sizeof(*longer));
    if (!longer) {
        return NULL;
    }
    tool->passports = longer;
    passport = read_passport(value, error);
    if (!passport) {
        return problem_set(problem, STATUS_ERROR, "%s", error);
    }
    tool->passports[tool->npassports++] = (ToolPassport) {
        .path = path ? strdup(path) : NULL,
        .status = status,
        .passport = passport,
    };
    return passport;
}

/* Frees passports: all, or those that nobody can name again. */
static void free_passports(Tool *tool, bool all)
{
    size_t i, kept = 0;

    for (i = 0; i < tool->npassports; i++) {
        ToolPassport *p = &tool->passports[i];

        if (!all && p->path) {
            tool->passports[kept++] = *p;
        } else {
            free(p->path);
            passport_free(p->passport);
        }
    }
    tool->npassports = kept;
}

void tool_end_request(Tool *tool)
{
    free_passports(tool, tool->npassports > MAX_PASSPORTS);
    json_object_clear(tool->notes);
}

/* ---- questions ---- */

/* The only one of all lines that has another default than "on" */
ModelsFileIrqchip default_irqchip(bool is_11_1, const char *machine)
{
    return !is_11_1 && !strcmp(machine, "pc-q35-4.0")
           ? MODELS_FILE_IRQCHIP_SPLIT : MODELS_FILE_IRQCHIP_ON;
}

/* Whether it is older than all that the QEMU of @file has */
static bool is_removed_machine(const ModelsFile *file, const char *machine)
{
    long asked = models_machine_version(machine), oldest = -1;
    size_t i, j;

    for (i = 0; i < models_file_layer_count(file); i++) {
        for (j = 0; j < models_file_machine_type_count(file, i); j++) {
            long version =
                models_machine_version(models_file_machine_type(file, i, j));

            if (version >= 0 && (oldest < 0 || version < oldest)) {
                oldest = version;
            }
        }
    }
    return asked >= 0 && asked < oldest;
}

bool check_machine_alone(const char *machine, Problem *problem)
{
    return !strchr(machine, ',') ||
           fail(problem, "'machine' is '%.64s', but takes a machine type "
                "alone%s", machine, strstr(machine, ",kernel-irqchip=") ||
                                    strstr(machine, ",kernel_irqchip=")
                ? ": give kernel-irqchip with --irqchip"
                : ", without options of -machine");
}

static bool find_machine(const Tool *tool, Question *q, Problem *problem)
{
    Suggestion suggestion = { .name = NULL };
    char text[X86_CPU_NEAR_NAMES_SIZE];
    int layer = models_file_find_machine(q->file, &q->machine);
    size_t i;

    if (layer >= 0) {
        q->context.layer = layer;
        return true;
    }
    if (!check_machine_alone(q->machine, problem)) {
        return false;
    }
    for (i = 0; i < tool->nfiles; i++) {
        const char *machine = q->machine;

        if (models_file_find_machine(tool->files[i], &machine) >= 0) {
            return fail(problem, "QEMU %s has no machine type '%.64s', but "
                        "QEMU %s has it",
                        models_file_version(q->file), q->machine,
                        models_file_version(tool->files[i]));
        }
    }
    /* No name that is near gives the same CPU. */
    if (is_removed_machine(q->file, q->machine)) {
        return fail(problem, "QEMU %s has no machine type '%.64s': a file of "
                    "CPU models only has those of its QEMU; --qemu also "
                    "answers for many that QEMU has removed",
                    models_file_version(q->file), q->machine);
    }
    suggestion.name = q->machine;
    models_file_each_machine(q->file, suggestion_add, &suggestion);
    x86_cpu_near_names_print(&suggestion.near, text);
    return fail(problem, "QEMU %s has no machine type '%.64s'%s",
                models_file_version(q->file), q->machine, text);
}

bool request_accelerator(const json_t *request, X86CpuAccelerator *accel,
                         Problem *problem)
{
    const char *name;

    if (!request_text(request, "accel", &name, problem)) {
        return false;
    }
    if (name && strcmp(name, "kvm") && strcmp(name, "tcg")) {
        return fail(problem, "'accel' is '%.64s', which is neither kvm nor "
                    "tcg", name);
    }
    if (name) {
        *accel = strcmp(name, "kvm") ? X86CPU_ON_TCG : X86CPU_ON_KVM;
    }
    return true;
}

static bool get_accelerator(const json_t *request, Question *q,
                            Problem *problem)
{
    q->context.accel =
        models_file_has_accelerator(q->file, X86CPU_ON_KVM) ? X86CPU_ON_KVM
                                                            : X86CPU_ON_TCG;
    if (!request_accelerator(request, &q->context.accel, problem)) {
        return false;
    }
    return models_file_has_accelerator(q->file, q->context.accel) ||
           fail(problem, "QEMU %s was built without %s",
                models_file_version(q->file),
                q->context.accel == X86CPU_ON_KVM ? "kvm" : "tcg");
}

bool request_irqchip(const json_t *request, ModelsFileIrqchip *irqchip,
                     Problem *problem)
{
    const char *name;
    int i;

    if (!request_text(request, "irqchip", &name, problem)) {
        return false;
    }
    for (i = 0; name && i < MODELS_FILE_IRQCHIPS; i++) {
        if (!strcmp(name, models_file_irqchip_names[i])) {
            *irqchip = i;
            return true;
        }
    }
    return !name || fail(problem, "'irqchip' is '%.64s', which is none of on, "
                         "split and off", name);
}

static bool get_irqchip(const json_t *request, Question *q, Problem *problem)
{
    q->context.irqchip = default_irqchip(
        q->tables->version >= X86CPU_LINE_11_1, q->machine);
    return request_irqchip(request, &q->context.irqchip, problem);
}

bool request_topology(const json_t *request, const char *machine,
                      X86CpuTopology *topology, SmpCounts *counts,
                      Problem *problem)
{
    char error[SMP_TEXT_ERROR];
    const char *smp;

    *topology = X86CPU_ONE_THREAD;
    *counts = SMP_ONE_CPU;
    if (!request_text(request, "smp", &smp, problem)) {
        return false;
    }
    return !smp || smp_text_parse(smp, machine, topology, counts, error) ||
           fail(problem, "%s", error);
}

bool request_vendor(const json_t *request, const char **vendor,
                    Problem *problem)
{
    if (!request_text(request, "vendor", vendor, problem)) {
        return false;
    }
    return !*vendor || strlen(*vendor) == 12 ||
           fail(problem, "'vendor' is '%.64s', but a vendor has exactly 12 "
                "characters, such as GenuineIntel", *vendor);
}

bool question_begin(Tool *tool, const json_t *request, size_t number,
                    const char *machine, Question *q, Problem *problem)
{
    uint64_t phys_bits = 0, guest_phys_bits = 0;
    const char *vendor;

    memset(q, 0, sizeof(*q));
    q->file_number = number < tool->nfiles ? number : tool->nfiles - 1;
    q->file = tool->files[q->file_number];
    q->tables = models_file_tables(q->file);
    q->context.file = q->file;
    q->context.notes = tool->notes;
    q->machine = machine;
    if (!machine && !request_text(request, "machine", &q->machine, problem)) {
        return false;
    }
    if (!q->machine) {
        q->machine = models_file_newest_machine_type(q->file);
    }
    if (!find_machine(tool, q, problem) ||
        !get_accelerator(request, q, problem) ||
        !get_irqchip(request, q, problem) ||
        !request_topology(request, q->machine, &q->topology,
                          &q->counts, problem) ||
        !request_vendor(request, &vendor, problem) ||
        !request_number(request, "phys-bits", 52, &phys_bits, problem) ||
        !request_number(request, "guest-phys-bits", 52, &guest_phys_bits,
                        problem)) {
        return false;
    }
    q->context.host_vendor = vendor;
    q->host.phys_bits = phys_bits;
    q->host.guest_phys_bits = guest_phys_bits;
    q->has_host_values = json_object_get(request, "guest-phys-bits");
    return true;
}

bool question_set_host(Question *q, const Passport *passport,
                       const HostOptions *options, const HostOffer *offer,
                       Problem *problem)
{
    if (q->context.host_vendor &&
        strcmp(q->context.host_vendor, offer->vendor)) {
        return fail(problem, "the vendor is %s, but that of the host is %s",
                    q->context.host_vendor, offer->vendor);
    }
    memcpy(q->vendor, offer->vendor, sizeof(q->vendor));
    q->context.host_vendor = q->vendor;
    q->host = offer->values;
    q->has_host_values = true;
    if (options) {
        host_offer_requested(passport, q->file, q->context.layer, options,
                             offer, &q->host_cpu);
        q->context.host_cpu = &q->host_cpu;
        q->context.host_offer = offer;
    }
    return true;
}

bool question_ask(Question *q, const char *text, Problem *problem)
{
    char error[CPU_TEXT_ERROR];
    CpuTextProblem kind;

    q->text = text;
    if (!cpu_text_parse(&q->context, text, &q->request, &kind, error)) {
        problem_set(problem, kind == CPU_TEXT_NEEDS_HOST ? STATUS_UNKNOWN
                                                         : STATUS_ERROR,
                    "%s", error);
        return false;
    }
    x86cpu_describe(q->tables, &q->request.cpu, q->context.accel, &q->host,
                    &q->described);
    models_props_finish(q->file, &q->described);
    return true;
}

bool request_fail_member(const char *who, const char *name,
                         const char *const *members, Problem *problem)
{
    NearNames near = { .count = 0 };
    char text[X86_CPU_NEAR_NAMES_SIZE];

    for (; *members; members++) {
        x86_cpu_near_names_add(&near, name, *members);
    }
    x86_cpu_near_names_print(&near, text);
    return fail(problem, "%s takes no '%.64s'%s", who, name, text);
}

static bool check_cpu_members(const json_t *cpu, Problem *problem)
{
    static const char *const members[] = { "cpu", "machine", NULL };
    const char *const *member;
    const json_t *value;
    const char *name;

    json_object_foreach((json_t *)cpu, name, value) {
        member = members;
        while (*member && strcmp(*member, name)) {
            member++;
        }
        if (!*member) {
            return request_fail_member("a CPU", name, members, problem);
        }
    }
    return true;
}

bool request_cpu(const json_t *request, size_t number, const char **text,
                 const char **machine, Problem *problem)
{
    const json_t *cpus = json_object_get(request, "cpus");
    const json_t *cpu = cpus ? json_array_get(cpus, number)
                             : json_object_get(request, "cpu");

    *machine = NULL;
    if (!cpu) {
        return fail(problem, "the CPU is missing");
    }
    if (json_is_object(cpu)) {
        if (!check_cpu_members(cpu, problem) ||
            !request_text(cpu, "machine", machine, problem)) {
            return false;
        }
        cpu = json_object_get(cpu, "cpu");
    }
    if (!models_json_is_text(cpu) ||
        strlen(json_string_value(cpu)) != json_string_length(cpu)) {
        return fail(problem, "a CPU is a text, or an object with 'cpu' and "
                    "'machine'");
    }
    *text = json_string_value(cpu);
    return true;
}

bool question_fill(Tool *tool, const json_t *request, size_t number,
                   Question *q, Problem *problem)
{
    const char *machine, *text;

    return request_cpu(request, number, &text, &machine, problem) &&
           question_begin(tool, request, number, machine, q, problem) &&
           question_ask(q, text, problem);
}

bool question_needs_vendor(const Question *q)
{
    return cpu_text_needs_vendor(&q->context, &q->request);
}

json_t *question_unknown_bits(const Question *q)
{
    const X86Cpu *cpu = &q->request.cpu;
    bool lm = cpu->words[X86CPU_FEAT_8000_0001_EDX] & LM;
    bool kvm = q->context.accel == X86CPU_ON_KVM;
    json_t *names = json_array();

    if (kvm && lm && !q->has_host_values &&
        cpu->values[X86CPU_GUEST_PHYS_BITS] == X86CPU_AUTOMATIC_PHYS_BITS) {
        json_array_append_new(names, json_string("guest-phys-bits"));
    }
    if (kvm && lm && !q->host.phys_bits &&
        cpu->values[X86CPU_HOST_PHYS_BITS]) {
        json_array_append_new(names, json_string("phys-bits"));
    }
    return names;
}

json_t *question_unknown(const Question *q)
{
    json_t *names = question_unknown_bits(q);

    if (question_needs_vendor(q)) {
        if (!q->request.cpu.values[X86CPU_UCODE_REV]) {
            json_array_append_new(names, json_string("ucode-rev"));
        }
        json_array_append_new(names, json_string("vendor"));
    }
    return names;
}

/* ---- answers ---- */

/* jansson has no integers above INT64_MAX: see models-json.h. */
static json_t *number_object(const ModelsProp *prop)
{
    char digits[32];

    if (prop->is_signed || prop->number <= INT64_MAX) {
        return json_integer(prop->number);
    }
    snprintf(digits, sizeof(digits), "\1%" PRIu64, prop->number);
    return json_string(digits);
}

json_t *answer_value(const ModelsProp *prop)
{
    switch (prop->type) {
    case MODELS_FILE_BOOL:
        return json_boolean(prop->number);
    case MODELS_FILE_ON_OFF:
        return json_string(models_props_on_off(prop->number));
    case MODELS_FILE_INT:
        return number_object(prop);
    default:
        return json_string(prop->text);
    }
}

/* Those from number @first on */
static json_t *props_from(const ModelsFile *file, const X86Cpu *described,
                          size_t first)
{
    size_t count = models_props_count(file), i;
    char text[X86CPU_CACHE_TEXT];
    json_t *props = json_object();
    ModelsProp prop;

    for (i = first; i < count; i++) {
        if (models_props_get(file, described, i, &prop, text)) {
            json_object_set_new(props, prop.name, answer_value(&prop));
        }
    }
    json_object_set_new(props, "compat-anchor",
                        json_string(models_file_newest_machine_type(file)));
    return props;
}

json_t *answer_props(const ModelsFile *file, const X86Cpu *described)
{
    return props_from(file, described, 0);
}

json_t *answer_other_props(const ModelsFile *file, const X86Cpu *described)
{
    return props_from(file, described, models_file_tables(file)->nfeatures);
}

static void add_name(json_t *list, bool is_named, const char *name)
{
    if (is_named) {
        json_array_append_new(list, json_string(name));
    }
}

static void add_bits(json_t *list, const X86CpuTables *tables, unsigned word,
                     uint64_t bits)
{
    char place[FEATURE_NAME];
    size_t i;

    for (i = 0; bits && i < tables->nfeatures; i++) {
        const X86CpuFeature *feature = &tables->features[i];

        if (feature->word == word) {
            add_name(list, bits & feature->mask, feature->name);
            bits &= ~feature->mask;
        }
    }
    for (; bits; bits &= bits - 1) {
        feature_names_place(tables, (X86CpuBits) { word, bits & -bits }, place);
        add_name(list, true, place);
    }
}

json_t *answer_names(const ModelsFile *file, const X86CpuNames *names)
{
    const X86CpuTables *tables = models_file_tables(file);
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < X86CPU_MAX_WORDS; i++) {
        add_bits(list, tables, i, names->bits[i]);
    }
    for (i = 0; i < X86CPU_PROPERTY_COUNT; i++) {
        add_name(list, names->properties[i], x86cpu_property_names[i]);
    }
    for (i = 0; i < X86CPU_CACHES; i++) {
        add_name(list, names->caches[i], models_file_cache_names[i]);
    }
    add_name(list, names->vendor, "vendor");
    add_name(list, names->model_id, "model-id");
    add_name(list, names->hv_vendor_id, "hv-vendor-id");
    return list;
}
